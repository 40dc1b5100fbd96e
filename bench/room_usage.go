package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/usage"
)

// usageOf asks what a wallet used, by day and feature, over its whole history:
// once cold, as nobody asked before, and then warm, after some more spends each time.
func (b *bench) usageOf(ctx context.Context, stores map[string]store.Store) error {
	for _, engine := range slices.Sorted(maps.Keys(stores)) {
		l := credits.New(stores[engine], nil)
		more := spends(l, 1, []credits.WalletID{historyWallet})
		for n := range b.usage + 1 {
			what := "warm"
			if n == 0 {
				what = "cold"
			}
			took, err := askUsage(ctx, l)
			if err != nil {
				return err
			}
			id := "usage/" + engine + "/" + what
			b.results.add(id, sample{rate: 1 / took.Seconds()})
			b.say("     %-44s %v", id, took)
			for range 1_000 {
				if err := more(ctx, 0); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// askUsage returns how long an answer took.
func askUsage(ctx context.Context, l *credits.Ledger) (time.Duration, error) {
	q := usage.Query{
		By:     []usage.Dimension{usage.Day, usage.Feature},
		Within: credits.Period{Start: time.Now().Add(-2 * historySpan)},
	}
	start := time.Now()
	rows, err := usage.Of(ctx, l, historyWallet, q)
	took := time.Since(start)
	if days := int(historySpan / (24 * time.Hour)); err == nil && len(rows) < days {
		err = fmt.Errorf("usage of %d days has %d rows", days, len(rows))
	}
	return took, err
}
