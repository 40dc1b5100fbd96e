package main

import (
	"context"
	"fmt"
	"runtime"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// inMemory measures a debit that is kept in memory alone.
func (b *bench) inMemory(ctx context.Context) error {
	wallets := walletNames(b.many)
	ours := func(callers int, wallets []credits.WalletID) func(context.Context) (op, error) {
		return func(ctx context.Context) (op, error) { // what one round leaves behind is no burden to the next
			l := credits.New(new(memory.Store), nil)
			return spends(l, callers, wallets), openWallets(ctx, l, wallets)
		}
	}
	all := []contender{
		{id: "memory/many/1/floor", procs: 1, callers: 1, fresh: func(context.Context) (op, error) {
			return newFloorMemory(wallets).debits(1, wallets), nil
		}},
		{id: "memory/many/1/ours", procs: 1, callers: 1, fresh: ours(1, wallets)},
	}
	if runtime.NumCPU() >= 2 {
		all = append(
			all,
			contender{id: "memory/many/2/ours", procs: 2, callers: 2, fresh: ours(2, wallets)},
			contender{id: "memory/hot/64/ours", procs: 2, callers: 64, fresh: ours(64, wallets[:1])},
		)
	} else {
		b.lacks("memory/many/2", "there is one core")
		b.lacks("memory/hot/64", "there is one core")
	}
	verify, err := b.verifies(ctx)
	if err != nil {
		return err
	}
	return b.inTurn(ctx, b.brief, append(all, verify)...)
}

// verifies returns what verifies a wallet's history.
func (b *bench) verifies(ctx context.Context) (contender, error) {
	s := new(memory.Store)
	l := credits.New(s, nil)
	if err := history.seed(ctx, target{s, b.verify}); err != nil {
		return contender{}, err
	}
	if err := l.Verify(ctx, historyWallet); err != nil {
		return contender{}, fmt.Errorf("what was seeded does not verify: %w", err)
	}
	return contender{id: "memory/verify", procs: 1, callers: 1, op: func(ctx context.Context, _ int) error {
		return l.Verify(ctx, historyWallet)
	}}, nil
}
