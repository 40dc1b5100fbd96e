package main

import (
	"context"
	"fmt"

	"example.com/credits"
)

// onPostgres measures a debit that is kept in PostgreSQL.
func (b *bench) onPostgres(ctx context.Context) error {
	for _, r := range []regime{fast, slow} {
		s := b.servers[r]
		if s == nil {
			continue
		}
		all, err := b.contendersOnPostgres(ctx, r, s)
		if err != nil {
			return err
		}
		if err := b.inTurn(ctx, b.span, all...); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) contendersOnPostgres(ctx context.Context, r regime, s *server) ([]contender, error) {
	floor := floorPostgres{s.db}
	if err := makeFloorPostgres(ctx, s.db, b.many); err != nil {
		return nil, err
	}
	naive, err := newNaive(ctx, s.db, b.many)
	if err != nil {
		return nil, err
	}
	ours, err := postgresEngine{s}.create(ctx, "ours")
	if err != nil {
		return nil, err
	}
	if err := seedWallets(ctx, target{ours, b.many}); err != nil {
		return nil, err
	}
	l := credits.New(ours, nil)
	if err := spendOnce(ctx, l, b.many); err != nil {
		return nil, err
	}
	var all []contender
	for _, x := range []struct {
		name    string
		callers int
		wallets int
		only    regime // zero for all
	}{
		{name: "many", callers: 1, wallets: b.many},
		{name: "many", callers: 64, wallets: b.many},
		{name: "hot", callers: 64, wallets: 1},
		{name: "many", callers: 256, wallets: b.many, only: slow},
	} {
		if x.only != (regime{}) && x.only != r {
			continue
		}
		id := fmt.Sprintf("postgres/%s/%s/%d/", r.name, x.name, x.callers)
		all = append(
			all,
			contender{id: id + "floor", callers: x.callers, timed: true, op: floor.debits(x.callers, x.wallets)},
			contender{id: id + "naive", callers: x.callers, timed: true, op: naive.debits(x.callers, x.wallets)},
			contender{id: id + "ours", callers: x.callers, timed: true, op: spends(l, x.callers, walletNames(x.wallets))},
		)
	}
	return all, s.settle(ctx)
}
