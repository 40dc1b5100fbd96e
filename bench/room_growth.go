package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// growth is what may grow: it is made at some sizes, and measured at each.
type growth struct {
	name  string
	sizes []int
	seed  func(ctx context.Context, targets ...target) error
	looks []look

	// warm, if not nil, does what is to be done once before a size is measured.
	warm func(ctx context.Context, l *credits.Ledger, size int) error

	// then, if not nil, is done with the stores of the largest size, by engine.
	then func(b *bench, ctx context.Context, stores map[string]store.Store) error
}

// look is what is done at each size.
type look struct {
	name string
	op   func(l *credits.Ledger, size int) op
}

const (
	historyWallet   credits.WalletID = "acme"
	historySpan                      = 90 * 24 * time.Hour
	historyFeatures                  = 5
)

func historyFeature(i int) string { return fmt.Sprintf("feature-%d", i) }

// yearly is the plan with a cycle that no history gets past.
func yearly() credits.Plan {
	p := plan()
	p.Every = credits.Months(12)
	for i := range historyFeatures {
		p.Features[historyFeature(i)] = p.Features[feature]
	}
	return p
}

// history is a wallet that spends, for some features in turn.
var history = script{wallet: historyWallet, span: historySpan, command: func(n int) credits.Command {
	if n == 1 {
		return credits.Open{Plan: yearly()}
	}
	return credits.Spend{Feature: historyFeature(n % historyFeatures), Quantity: int64(n%7 + 1)}
}}

// hoard is a wallet that is given lot after lot, each of which expires before
// the one before it: what is spent is in the last page of lots.
var hoard = script{wallet: historyWallet, span: time.Hour, command: func(n int) credits.Command {
	if n == 1 {
		return credits.Open{Plan: yearly()}
	}
	expires := time.Now().AddDate(60, 0, -n).Truncate(time.Hour)
	return credits.Grant{Amount: 1_000_000 * credits.Credit, Priority: 10, Expires: expires}
}}

// growths returns all that may grow.
func growths(sc scale) []growth {
	wallet := []credits.WalletID{historyWallet}
	debit := look{"debit", func(l *credits.Ledger, _ int) op { return spends(l, 1, wallet) }}
	anew := look{"debit read anew", func(l *credits.Ledger, _ int) op { return spends(l.On(l.Store()), 1, wallet) }}
	return []growth{
		{name: "entries", sizes: sc.entries, seed: history.seed, looks: []look{debit, {"balance", balances}, {"page", pages}}, then: (*bench).usageOf},
		{name: "lots", sizes: sc.lots, seed: hoard.seed, looks: []look{debit, anew}},
		{name: "wallets", sizes: sc.wallets, seed: seedWallets, warm: spendOnce, looks: []look{
			{"debit", spendsOfLower}, {"debit read anew", spendsAnew},
		}, then: (*bench).resets},
	}
}

// spendsOfLower spends from the wallets of the lower half by number, and
// spendsAnew from those of the upper half, by a ledger that remembers none: what
// one writes, the other does not know.
func spendsOfLower(l *credits.Ledger, wallets int) op { return spendsFrom(l, 0, (wallets+1)/2) }

func spendsAnew(l *credits.Ledger, wallets int) op {
	return spendsFrom(l.On(l.Store()), wallets/2, wallets)
}

// spendsFrom is spends for one caller, from a range of wallets, with names that are
// made when they are needed.
func spendsFrom(l *credits.Ledger, from, to int) op {
	c := &newCallers(1, fmt.Sprintf("run%d", runs.Add(1)))[0]
	var spend credits.Command = credits.Spend{Feature: feature, Quantity: 1}
	return func(ctx context.Context, _ int) error {
		return do(ctx, l, walletName(from+c.rng.IntN(to-from)), c.keys.next(), spend)
	}
}

// remembered is how many wallets a ledger remembers at least.
const remembered = 10_000

// spendOnce spends once from each wallet, if a ledger can remember all of them.
func spendOnce(ctx context.Context, l *credits.Ledger, wallets int) error {
	if wallets > remembered {
		return nil
	}
	return l.DoEach(ctx, func(yield func(credits.Task) bool) {
		for i := range wallets {
			if !yield(credits.Task{Wallet: walletName(i), Key: "warm", Command: credits.Spend{Feature: feature, Quantity: 1}}) {
				return
			}
		}
	}, func(_ credits.Task, _ credits.Receipt, err error) error { return err })
}

// balances reads what a wallet has.
func balances(l *credits.Ledger, _ int) op {
	return func(ctx context.Context, _ int) error {
		w, err := l.Wallet(ctx, historyWallet)
		if err == nil && w.Available() <= 0 {
			err = fmt.Errorf("the balance is %v", w.Available())
		}
		return err
	}
}

// pageSize is how many entries a page of history has here.
const pageSize = 50

// pages reads a page from somewhere in a history.
func pages(l *credits.Ledger, size int) op {
	rng := rand.New(rand.NewPCG(seedOfRuns, uint64(size)))
	return func(ctx context.Context, _ int) error {
		q := credits.HistoryQuery{Newest: true, Limit: pageSize, Before: credits.ID(pageSize + 1 + rng.IntN(size-pageSize))}
		n := 0
		for _, err := range l.History(ctx, historyWallet, q) {
			if err != nil {
				return err
			}
			n++
		}
		if n != pageSize {
			return fmt.Errorf("a page has %d entries", n)
		}
		return nil
	}
}

// whatGrows measures everything that grows.
func (b *bench) whatGrows(ctx context.Context) (err error) {
	files := &sqliteEngine{driver: drivers[0], dir: b.dir}
	defer func() { err = errors.Join(err, files.close()) }()
	engines := []engine{memoryEngine{}, files}
	if s := b.servers[fast]; s != nil {
		engines = append(engines, postgresEngine{s})
	}
	for _, g := range growths(b.scale) {
		if err := b.grow(ctx, g, engines); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// grow makes what grows on all engines, at all sizes, and measures it.
func (b *bench) grow(ctx context.Context, g growth, engines []engine) error {
	var targets []target
	var all []contender
	var warm []func() error
	tops := make(map[string]store.Store)
	for _, e := range engines {
		for _, size := range g.sizes {
			s, err := e.create(ctx, label(g.name, size))
			if err != nil {
				return err
			}
			targets = append(targets, target{s, size})
			tops[e.String()] = s
			l := credits.New(s, nil)
			if g.warm != nil {
				warm = append(warm, func() error { return g.warm(ctx, l, size) })
			}
			for _, look := range g.looks {
				all = append(all, contender{id: growthID(e.String(), g.name, look.name, size), callers: 1, op: look.op(l, size)})
			}
		}
	}
	start := time.Now()
	if err := g.seed(ctx, targets...); err != nil {
		return err
	}
	for _, f := range warm {
		if err := f(); err != nil {
			return err
		}
	}
	for _, e := range engines {
		if err := e.settle(ctx); err != nil {
			return err
		}
	}
	b.say("%s were made in %v", g.name, time.Since(start).Round(time.Second/10))
	if err := b.inTurn(ctx, b.brief, all...); err != nil || g.then == nil {
		return err
	}
	return g.then(b, ctx, tops)
}

// growthID is what the samples of a size are found by.
func growthID(engine, growth, look string, size int) string {
	return fmt.Sprintf("growth/%s/%s/%s/%d", engine, growth, look, size)
}

// label returns the name of a store of a size.
func label(growth string, size int) string { return fmt.Sprintf("%s_%d", growth, size) }
