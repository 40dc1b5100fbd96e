package main

import (
	"context"
	"math/rand/v2"
	"sync"

	"example.com/credits"
)

// floorMemory is the least that a debit in memory is: a lock, a balance in a map,
// and an entry at the end of a list.
type floorMemory struct {
	mu       sync.Mutex
	balances map[credits.WalletID]int64
	entries  []floorEntry
}

type floorEntry struct {
	wallet credits.WalletID
	amount int64
}

func newFloorMemory(wallets []credits.WalletID) *floorMemory {
	f := &floorMemory{balances: make(map[credits.WalletID]int64, len(wallets))}
	for _, id := range wallets {
		f.balances[id] = 1 << 60
	}
	return f
}

func (f *floorMemory) debits(callers int, wallets []credits.WalletID) op {
	rngs := make([]*rand.Rand, callers)
	for i := range rngs {
		rngs[i] = rand.New(rand.NewPCG(seedOfRuns, uint64(i)))
	}
	return func(_ context.Context, n int) error {
		id := pick(rngs[n], wallets)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.balances[id]--
		f.entries = append(f.entries, floorEntry{id, 1})
		return nil
	}
}
