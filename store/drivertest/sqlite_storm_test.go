package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// lossy is a store whose answers are lost now and then, after it kept what it was
// given: what a client makes of a connection that broke.
type lossy struct {
	store.Store
	mu sync.Mutex
	r  *rand.Rand
}

var errLost = errors.New("the answer was lost")

func (l *lossy) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	kept, err := l.Store.Commit(ctx, writes...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.r.IntN(3) == 0 {
		return nil, errors.Join(errLost, err)
	}
	return kept, err
}

// TestSQLiteStorm_I1 lets 64 clients, on two stores of one file, make the same 100
// spends, each again until it is answered. Answers are lost. Each key has one effect.
func TestSQLiteStorm_I1(t *testing.T) {
	const clients, keys = 64, 100
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		file := newFile(t)
		openAcme(t, d, file)
		var ledgers [2]*credits.Ledger
		for i := range ledgers {
			s := newSQLite(t, d.open(t, file), sqlite.Options{})
			ledgers[i] = newLedger(&lossy{Store: s, r: rand.New(rand.NewPCG(1, uint64(i)))})
		}
		var wg sync.WaitGroup
		for client := range clients {
			order := rand.New(rand.NewPCG(2, uint64(client))).Perm(keys)
			wg.Go(func() {
				for _, n := range order {
					for {
						_, err := ledgers[client%2].Do(context.Background(), "acme", credits.Key(fmt.Sprint(n)), credits.Spend{Amount: 1})
						if err == nil {
							break
						}
						if !errors.Is(err, credits.ErrUnknown) && !errors.Is(err, credits.ErrRetry) {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		spent := ledgerOf(t, d, file)
		if len(spent) != keys {
			t.Errorf("%d keys were spent under, not %d", len(spent), keys)
		}
		for key, n := range spent {
			if n != 1 {
				t.Errorf("key %s was spent under %d times", key, n)
			}
		}
	})
}

// TestSQLiteFeed_L6 sees that the feed misses no committed entry (L-6): not those of a
// transaction that was open while others were handed over, and none that was rolled back.
func TestSQLiteFeed_L6(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		h := newShop(t, d)
		if _, err := h.ledger.Do(t.Context(), "bob", "open", credits.Open{Plan: core()}); err != nil {
			t.Fatal(err)
		}
		got := map[credits.WalletID]credits.ID{}
		feed := func(begun func()) {
			t.Helper()
			defer begun()
			_, err := h.ledger.Feed(t.Context(), func(_ context.Context, page []credits.Entry) error {
				begun()
				for _, e := range page {
					if e.Seq != got[e.Wallet]+1 {
						t.Errorf("of %s, entry %d came after %d", e.Wallet, e.Seq, got[e.Wallet])
					}
					got[e.Wallet] = e.Seq
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		feed(func() {})
		for n := range 6 {
			tx := h.begin(t)
			if _, err := h.spend(t, tx, credits.Key(fmt.Sprint("open ", n)), credits.Credit); err != nil {
				t.Fatal(err)
			}
			var fed sync.WaitGroup
			begun := make(chan struct{})
			fed.Go(func() { feed(sync.OnceFunc(func() { close(begun) })) })
			<-begun // while it is open; what moves the feed's position waits for it
			end := tx.Commit
			if n%3 == 2 {
				end = tx.Rollback
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			fed.Wait()
			if _, err := h.ledger.Do(t.Context(), "bob", credits.Key(fmt.Sprint(n)), credits.Spend{Amount: 1}); err != nil {
				t.Fatal(err)
			}
			if n%2 == 1 {
				feed(func() {})
			}
		}
		feed(func() {})
		for head, err := range h.store.Heads(t.Context(), store.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if seq := uint64(got[credits.WalletID(head.Wallet)]); seq != head.Seq || head.Fed != head.Seq {
				t.Errorf("of %s, %d entries were handed over of %d (the store says %d)", head.Wallet, seq, head.Seq, head.Fed)
			}
		}
	})
}
