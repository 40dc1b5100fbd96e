package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// What is measured at different sizes is made once, by a ledger in memory, and
// copied into stores of all kinds as it is at each size: the same bytes that the
// ledger would have written there, command by command.

// seedChunk is how many entries or wallets are copied at once.
const seedChunk = 1000

// target is a store that is to have something of a size.
type target struct {
	store store.Store
	size  int
}

// largest returns the size of the largest target.
func largest(targets []target) int {
	size := 0
	for _, t := range targets {
		size = max(size, t.size)
	}
	return size
}

// calendar is a clock that is set.
type calendar struct {
	mu  sync.Mutex
	now time.Time
}

func (c *calendar) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *calendar) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// script is the commands that make a wallet, the first of them number 1.
type script struct {
	wallet  credits.WalletID
	command func(n int) credits.Command
	span    time.Duration // from the first command to the last, which is now
}

// seed copies the wallet into stores, when it has as many commands as their size says.
func (s script) seed(ctx context.Context, targets ...target) error {
	from, clock := new(memory.Store), &calendar{now: time.Now().Add(-s.span)}
	l := credits.New(from, &credits.Options{Clock: clock})
	step := s.span / time.Duration(largest(targets))
	for n := 1; n <= largest(targets); n++ {
		if err := do(ctx, l, s.wallet, scriptKey(n), s.command(n)); err != nil {
			return fmt.Errorf("command %d: %w", n, err)
		}
		clock.add(step)
		due := slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.size != n })
		err := each(due, func(t target) error { return copyWallet(ctx, from, t.store, s.wallet, n) })
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f for all at once, and returns their errors.
func each[T any](all []T, f func(T) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { errs[i] = f(all[i]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func scriptKey(n int) credits.Key { return credits.Key(fmt.Sprintf("job-%07d", n)) }

// copyWallet copies a wallet that was made by so many commands.
func copyWallet(ctx context.Context, from, to store.Store, id credits.WalletID, commands int) error {
	c := store.Change{Wallet: string(id)}
	states, err := from.Load(ctx, store.Read{Wallet: c.Wallet})
	if err != nil {
		return err
	}
	state, key := states[0], 0
	for e, err := range from.Entries(ctx, store.Query{Wallet: c.Wallet}) {
		if err != nil {
			return err
		}
		c.Seq, c.Entries = e.Seq, append(c.Entries, e)
		if len(c.Entries) < seedChunk && c.Seq < state.Seq {
			continue
		}
		r := store.Read{Wallet: c.Wallet, Have: state.Seq}
		for range min(len(c.Entries), commands-key) { // each command made one entry at least
			key++
			r.Keys = append(r.Keys, string(scriptKey(key)))
		}
		if states, err = from.Load(ctx, r); err != nil {
			return err
		}
		c.Receipts = states[0].Receipts
		if c.Seq == state.Seq {
			c.Parts, c.Mark = state.Parts, state.Mark
			if c.Due, err = dueOf(ctx, from, c.Wallet); err != nil {
				return err
			}
		}
		if err := keep(ctx, to, store.Write{Changes: []store.Change{c}}); err != nil {
			return err
		}
		c.Prev, c.Entries = c.Seq, nil
	}
	return nil
}

// dueOf returns when time alone changes a wallet.
func dueOf(ctx context.Context, s store.Store, wallet string) (int64, error) {
	for h, err := range s.Heads(ctx, store.Filter{}) {
		if err != nil || h.Wallet == wallet {
			return h.Due, err
		}
	}
	return 0, fmt.Errorf("wallet %q is not there", wallet)
}

// keep commits writes, all of which are to be kept.
func keep(ctx context.Context, s store.Store, writes ...store.Write) error {
	kept, err := s.Commit(ctx, writes...)
	if err != nil {
		return err
	}
	for i, ok := range kept {
		if !ok {
			return fmt.Errorf("wallet %q was there already", writes[i].Changes[0].Wallet)
		}
	}
	return nil
}

// seedWallets opens as many wallets in each store as its size says. While some
// are written, the next are made.
func seedWallets(ctx context.Context, targets ...target) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type chunk struct {
		first  int
		writes []store.Write
		err    error
	}
	made := make(chan chunk, 1)
	go func() {
		defer close(made)
		for first := 0; first < largest(targets) && ctx.Err() == nil; first += seedChunk {
			writes, err := openedWallets(ctx, first, min(first+seedChunk, largest(targets)))
			select {
			case made <- chunk{first, writes, err}:
			case <-ctx.Done():
			}
		}
	}()
	for c := range made {
		err := c.err
		if err == nil {
			err = each(targets, func(t target) error {
				if n := min(t.size-c.first, len(c.writes)); n > 0 {
					return keep(ctx, t.store, c.writes[:n]...)
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// openedWallets returns what makes the wallets of some numbers, opened and no more.
func openedWallets(ctx context.Context, from, to int) ([]store.Write, error) {
	s := new(memory.Store)
	l := credits.New(s, nil)
	for i := from; i < to; i++ {
		if err := do(ctx, l, walletName(i), scriptKey(1), credits.Open{Plan: plan()}); err != nil {
			return nil, err
		}
	}
	var writes []store.Write
	for h, err := range s.Heads(ctx, store.Filter{}) {
		if err != nil {
			return nil, err
		}
		states, err := s.Load(ctx, store.Read{Wallet: h.Wallet, Keys: []string{string(scriptKey(1))}})
		if err != nil {
			return nil, err
		}
		c := store.Change{Wallet: h.Wallet, Seq: h.Seq, Mark: states[0].Mark, Due: h.Due, Parts: states[0].Parts, Receipts: states[0].Receipts}
		for e, err := range s.Entries(ctx, store.Query{Wallet: h.Wallet}) {
			if err != nil {
				return nil, err
			}
			c.Entries = append(c.Entries, e)
		}
		writes = append(writes, store.Write{Changes: []store.Change{c}})
	}
	return writes, nil
}
