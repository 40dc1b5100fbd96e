package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"example.com/credits"
	"example.com/credits/store"
)

// inBulk measures the import of usage, many rows at a time: into many wallets,
// and into one.
func (b *bench) inBulk(ctx context.Context) (err error) {
	files := &sqliteEngine{driver: drivers[0], dir: b.dir}
	defer func() { err = errors.Join(err, files.close()) }()
	db, err := files.open("bulk_floor")
	if err != nil {
		return err
	}
	floor, err := newFloorSQLite(ctx, db, b.many)
	if err != nil {
		return err
	}
	files.closes = append(files.closes, floor.close)
	engines := []engine{memoryEngine{}, files}
	var all []contender
	for _, x := range bulkCases(b.many) {
		all = append(all, contender{id: "bulk/sqlite/" + x.name + "/floor", callers: 1, op: floor.batches(b.rows, x.wallets)})
		if s := b.servers[fast]; s != nil {
			do := floorPostgres{s.db}.batches(b.rows, x.wallets)
			all = append(all, contender{id: "bulk/postgres/" + x.name + "/floor", callers: 1, op: do})
		}
	}
	if s := b.servers[fast]; s != nil {
		if err := makeFloorPostgres(ctx, s.db, b.many); err != nil {
			return err
		}
		engines = append(engines, postgresEngine{s})
	}
	for _, e := range engines {
		s, err := e.create(ctx, "bulk")
		if err != nil {
			return err
		}
		if err := seedWallets(ctx, target{s, b.many}); err != nil {
			return err
		}
		for _, x := range bulkCases(b.many) {
			all = append(all, contender{id: "bulk/" + e.String() + "/" + x.name + "/ours", callers: 1, op: imports(s, b.rows, x.wallets)})
		}
		if err := e.settle(ctx); err != nil {
			return err
		}
	}
	return b.inTurn(ctx, b.span/2, all...)
}

type bulkCase struct {
	name    string
	wallets int
}

func bulkCases(many int) []bulkCase { return []bulkCase{{"many", many}, {"hot", 1}} }

// bulkBatch is how many rows the floors commit at once: as many as ours has
// under way.
const bulkBatch = 1024

// imports returns what imports so many rows of usage.
func imports(s store.Store, rows, wallets int) op {
	l := credits.New(s, nil)
	c := &newCallers(1, fmt.Sprintf("run%d", runs.Add(1)))[0]
	var spend credits.Command = credits.Spend{Feature: feature, Quantity: 1}
	var tasks iter.Seq[credits.Task] = func(yield func(credits.Task) bool) {
		for range rows {
			t := credits.Task{Wallet: walletName(c.rng.IntN(wallets)), Key: c.keys.next(), Command: spend}
			if !yield(t) {
				return
			}
		}
	}
	return func(ctx context.Context, _ int) error {
		return l.DoEach(ctx, tasks, func(_ credits.Task, _ credits.Receipt, err error) error { return err })
	}
}
