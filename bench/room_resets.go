package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// resetBatch is how many wallets a transaction of a floor changes.
const resetBatch = 10_000

// resetEntries is how many entries a reset makes: what is left expires, a cycle
// begins, and its allowance is granted.
const resetEntries = 3

// resets lets a month go by in which nobody does anything, and writes what fell due.
// What takes too long is cut short: what counts is how many wallets a second.
func (b *bench) resets(ctx context.Context, stores map[string]store.Store) error {
	for _, engine := range slices.Sorted(maps.Keys(stores)) {
		s, clock := stores[engine], &calendar{now: time.Now().AddDate(0, 1, 1)}
		l := credits.New(s, &credits.Options{Clock: clock})
		if err := b.repeatResets(ctx, "reset/"+engine+"/ours", func(ctx context.Context) (int, error) {
			n, err := l.Tick(ctx)
			clock.add(32 * 24 * time.Hour)
			if ctx.Err() != nil { // it was cut short
				return n, nil
			}
			return n, err
		}); err != nil {
			return err
		}
	}
	if err := b.resetBatches(ctx); err != nil {
		return err
	}
	return b.resetFloors(ctx)
}

// resetBatches notes how many wallets the largest transaction of a reset changed,
// as PostgreSQL tells it.
func (b *bench) resetBatches(ctx context.Context) error {
	s := b.servers[fast]
	if s == nil {
		return nil
	}
	wallets := b.wallets[len(b.wallets)-1]
	text := fmt.Sprintf("SELECT max(n) FROM (SELECT count(*) AS n FROM %s.credits_wallets GROUP BY xmin::text) t", label("wallets", wallets))
	var n float64
	if err := s.db.QueryRowContext(ctx, text).Scan(&n); err != nil {
		return err
	}
	b.results.add("reset/postgres/batch", sample{rate: n})
	return nil
}

// repeatResets measures rounds of resets until there were enough, or together
// they take too long. reset returns how many wallets it wrote until its context ended.
func (b *bench) repeatResets(ctx context.Context, id string, reset func(context.Context) (int, error)) error {
	limited, cancel := context.WithTimeout(ctx, b.cut)
	defer cancel()
	for round := 0; round < b.rounds && limited.Err() == nil; round++ {
		start := time.Now()
		n, err := reset(limited)
		if err == nil && n == 0 {
			err = errors.New("no wallet was due")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		s := sample{rate: float64(n) / time.Since(start).Seconds()}
		b.results.add(id, s)
		b.say("%d/%d  %-44s %s, %d wallets", round+1, b.rounds, id, s, n)
	}
	return nil
}

// resetFloors measures the least that a reset writes, in sets: wallets' rows
// and entries of the same number, that the database makes by itself.
func (b *bench) resetFloors(ctx context.Context) (err error) {
	wallets := b.wallets[len(b.wallets)-1]
	e := &sqliteEngine{driver: drivers[0], dir: b.dir}
	defer func() { err = errors.Join(err, e.close()) }()
	db, err := e.open("resets")
	if err != nil {
		return err
	}
	batch, err := resetFloorSQLite(ctx, db, wallets)
	if err == nil {
		err = b.repeatResets(ctx, "reset/sqlite/floor", batches(wallets, batch))
	}
	if s := b.servers[fast]; s != nil && err == nil {
		if batch, err = resetFloorPostgres(ctx, s, wallets); err == nil {
			err = b.repeatResets(ctx, "reset/postgres/floor", batches(wallets, batch))
		}
	}
	return err
}

// batches resets wallets batch by batch, by their names.
func batches(wallets int, batch func(ctx context.Context, from, to string) error) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		for n := 0; n < wallets; n += resetBatch {
			if ctx.Err() != nil {
				return n, nil
			}
			if err := batch(context.WithoutCancel(ctx), string(walletName(n)), string(walletName(n+resetBatch))); err != nil {
				return n, err
			}
		}
		return wallets, nil
	}
}
