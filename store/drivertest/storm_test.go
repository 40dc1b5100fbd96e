package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
	"example.com/credits/store/storetest"
)

// TestStorm lets 64 clients run the same 100 commands under the same keys, each
// in an order of its own, over stores that fail before and after the fact: every
// key has one effect, and every client gets to know it.
func TestStorm(t *testing.T) {
	stores := []struct {
		name string
		open func(t *testing.T) store.Store
	}{
		{"memory", func(*testing.T) store.Store { return new(memory.Store) }},
		{"sqlite", func(t *testing.T) store.Store {
			return newSQLite(t, modernc.open(t, newFile(t)), sqlite.Options{})
		}},
		{"postgres", func(t *testing.T) store.Store {
			db := openAs(t, service)
			db.SetMaxOpenConns(32)
			db.SetMaxIdleConns(32)
			return open(t, db, newSchema(t))
		}},
	}
	for _, s := range stores {
		t.Run("I-1/"+s.name, func(t *testing.T) { storm(t, s.open(t)) })
	}
}

func storm(t *testing.T, s store.Store) {
	const clients, keys, wallets = 64, 100, 8
	var failed atomic.Int64
	faulty := storetest.Faulty(s, func(call int, op string) storetest.Fault {
		if call%7 != 0 || op != "commit" && op != "load" {
			return 0
		}
		failed.Add(1)
		return storetest.Fault(1 + call/7%int(storetest.Conflict))
	})
	plan := core()
	plan.Allowances[0].Amount = 1_000 * credits.Credit
	sound, shaken := newLedger(s), newLedger(faulty)
	wallet := func(key int) credits.WalletID { return credits.WalletID(fmt.Sprintf("w%d", key%wallets)) }
	for n := range wallets {
		if _, err := sound.Do(t.Context(), wallet(n), "open", credits.Open{Plan: plan}); err != nil {
			t.Fatal(err)
		}
	}
	ids := make([]sync.Map, keys) // the IDs that clients were told
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for _, n := range rand.Perm(keys) {
				for t.Context().Err() == nil {
					r, err := shaken.Do(context.Background(), wallet(n), credits.Key(fmt.Sprint(n)), spend(1))
					if errors.Is(err, credits.ErrRetry) || errors.Is(err, credits.ErrUnknown) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					ids[n].Store(r.ID, true)
					break
				}
			}
		})
	}
	all.Wait()
	for n := range ids {
		told := 0
		ids[n].Range(func(any, any) bool { told++; return true })
		if told != 1 {
			t.Errorf("key %d: clients were told of %d spends", n, told)
		}
	}
	spent := 0
	for n := range wallets {
		if err := sound.Verify(t.Context(), wallet(n)); err != nil {
			t.Error(err)
		}
		for _, err := range sound.History(t.Context(), wallet(n), credits.HistoryQuery{Kinds: []credits.Kind{credits.KindSpent}}) {
			if err != nil {
				t.Fatal(err)
			}
			spent++
		}
	}
	if spent != keys {
		t.Errorf("%d spends under %d keys", spent, keys)
	}
	if failed.Load() < clients {
		t.Errorf("only %d calls failed", failed.Load())
	}
}
