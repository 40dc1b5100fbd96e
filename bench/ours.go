package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"example.com/credits"
)

// feature is what all spends are for, but for those of histories.
const feature = "run"

// plan has one allowance that nothing here uses up.
func plan() credits.Plan {
	return credits.Plan{
		ID: "bench", Version: 1, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 1_000_000_000 * credits.Credit}},
		Features:   map[string]credits.Rate{feature: {Credits: credits.Credit / 1000}},
	}
}

// walletName returns the name of the i-th wallet.
func walletName(i int) credits.WalletID { return credits.WalletID(fmt.Sprintf("wallet-%07d", i)) }

// walletNames returns the names of n wallets.
func walletNames(n int) []credits.WalletID {
	all := make([]credits.WalletID, n)
	for i := range all {
		all[i] = walletName(i)
	}
	return all
}

// openWallets opens wallets under the plan, by a few callers at once.
func openWallets(ctx context.Context, l *credits.Ledger, wallets []credits.WalletID) error {
	const callers = 64
	var next atomic.Int64
	return each(make([]struct{}, callers), func(struct{}) error {
		for i := next.Add(1) - 1; i < int64(len(wallets)); i = next.Add(1) - 1 {
			if err := do(ctx, l, wallets[i], "open", credits.Open{Plan: plan()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// do carries out a command as a host does: what was not done is done again.
func do(ctx context.Context, l *credits.Ledger, id credits.WalletID, key credits.Key, c credits.Command) error {
	for {
		_, err := l.Do(ctx, id, key, c)
		if !errors.Is(err, credits.ErrRetry) || ctx.Err() != nil {
			return err
		}
	}
}

// runs counts what draws keys of its own.
var runs atomic.Int64

// spends returns what callers do who spend: one unit of the feature, from a wallet
// drawn by chance, under a key of its own each time.
func spends(l *credits.Ledger, callers int, wallets []credits.WalletID) op {
	all := newCallers(callers, fmt.Sprintf("run%d", runs.Add(1)))
	var spend credits.Command = credits.Spend{Feature: feature, Quantity: 1}
	return func(ctx context.Context, n int) error {
		c := &all[n]
		return do(ctx, l, pick(c.rng, wallets), c.keys.next(), spend)
	}
}

func pick[T any](rng *rand.Rand, from []T) T {
	if len(from) == 1 {
		return from[0]
	}
	return from[rng.IntN(len(from))]
}

// oneByOne makes what many callers do one operation at a time: nothing is
// committed together.
func oneByOne(f op) op {
	var mu sync.Mutex
	return func(ctx context.Context, n int) error {
		mu.Lock()
		defer mu.Unlock()
		return f(ctx, n)
	}
}
