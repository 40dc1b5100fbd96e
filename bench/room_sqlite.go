package main

import (
	"context"
	"errors"

	"example.com/credits"
)

// onSQLite measures a debit that is kept in a file of SQLite.
func (b *bench) onSQLite(ctx context.Context) (err error) {
	var all []contender
	for _, r := range []regime{fast, slow} {
		for _, d := range drivers {
			e := &sqliteEngine{driver: d, regime: r, dir: b.dir}
			defer func() { err = errors.Join(err, e.close()) }()
			some, err := b.contendersOnSQLite(ctx, e)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
	}
	return b.inTurn(ctx, b.span, all...)
}

func (b *bench) contendersOnSQLite(ctx context.Context, e *sqliteEngine) ([]contender, error) {
	wallets := walletNames(b.many)
	db, err := e.open("floor")
	if err != nil {
		return nil, err
	}
	floor, err := newFloorSQLite(ctx, db, b.many)
	if err != nil {
		return nil, err
	}
	e.closes = append(e.closes, floor.close)
	s, err := e.create(ctx, "ours")
	if err != nil {
		return nil, err
	}
	if err := seedWallets(ctx, target{s, b.many}); err != nil {
		return nil, err
	}
	l := credits.New(s, nil)
	if err := spendOnce(ctx, l, b.many); err != nil {
		return nil, err
	}
	id := func(rest string) string { return "sqlite/" + e.driver.String() + "/" + e.regime.name + "/" + rest }
	return []contender{
		{id: id("1/floor"), callers: 1, timed: true, op: floor.debits(b.many)},
		{id: id("1/ours"), callers: 1, timed: true, op: spends(l, 1, wallets)},
		{id: id("64/serial"), callers: 64, timed: true, op: oneByOne(spends(l, 64, wallets))},
		{id: id("64/ours"), callers: 64, timed: true, op: spends(l, 64, wallets)},
	}, e.settle(ctx)
}
