package lives

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
)

// Busy opens the first wallet on a store and lets it spend so many times, at
// intervals: by a hundred users on ten features. Of a hundred spends, which come at
// once, two are reversed.
func Busy(t testing.TB, s store.Store, spends int, every time.Duration) (*credits.Ledger, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	l := credits.New(s, &credits.Options{Clock: mock, Salt: [32]byte{1}})
	p := credits.Plan{
		ID: "busy", Version: 1, Every: credits.Months(1), Price: credits.Money{Micros: 1e9, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 1e7 * credits.Credit}}, Features: map[string]credits.Rate{},
	}
	for i := range 10 {
		p.Features[fmt.Sprint("feature-", i)] = credits.Rate{Credits: credits.Credit}
	}
	var failed atomic.Bool
	do := func(actor string, key string, c credits.Command) credits.Receipt {
		r, err := l.As(credits.Actor{ID: actor, Role: credits.System}).Do(context.Background(), First, credits.Key(key), c)
		if err != nil {
			t.Error(err)
			failed.Store(true)
		}
		return r
	}
	do("", "open", credits.Open{Plan: p})
	const together = 100
	for i := 0; i < spends && !failed.Load(); i += together {
		var wg sync.WaitGroup
		var ids [together]credits.ID
		for j := range min(together, spends-i) {
			mock.Add(every)
			wg.Go(func() {
				n := i + j
				spend := credits.Spend{Feature: fmt.Sprint("feature-", n%10), Quantity: int64(1 + n%3)}
				ids[j] = do(fmt.Sprint("user-", n*n%97), strconv.Itoa(n), spend).ID
			})
		}
		wg.Wait()
		for _, j := range []int{30, 60} {
			if ids[j] != 0 {
				do("", strconv.Itoa(i+j)+" back", credits.Reverse{Spend: ids[j], All: true, Note: credits.Note{Reason: "wrong"}})
			}
		}
	}
	mock.Add(every)
	return l, mock
}

// Copy puts a wallet of one store into another one, without its receipts.
func Copy(t testing.TB, from store.Store, to store.Store, id credits.WalletID) {
	t.Helper()
	states, err := from.Load(t.Context(), store.Read{Wallet: string(id)})
	if err != nil {
		t.Fatal(err)
	}
	c := store.Change{Wallet: string(id)}
	commit := func() {
		if kept, err := to.Commit(t.Context(), store.Write{Changes: []store.Change{c}}); err != nil || !kept[0] {
			t.Fatal(kept, err)
		}
		c = store.Change{Wallet: c.Wallet, Prev: c.Seq, Seq: c.Seq}
	}
	for e, err := range from.Entries(t.Context(), store.Query{Wallet: c.Wallet}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Seq, c.Entries = e.Seq, append(c.Entries, e); len(c.Entries) == 2000 && c.Seq < states[0].Seq {
			commit()
		}
	}
	c.Parts = states[0].Parts
	commit()
}

// Entries is how many spends a benchmark is to have of one wallet: 10,000, or what
// CREDITS_ENTRIES says.
func Entries(b *testing.B) int {
	b.Helper()
	text := os.Getenv("CREDITS_ENTRIES")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal("CREDITS_ENTRIES:", err)
	}
	return n
}

// Year fills a store with one year of a busy wallet, as many spends as
// [Entries] says, and returns its end.
func Year(b *testing.B, s store.Store) time.Time {
	b.Helper()
	n := Entries(b)
	_, clock := Busy(b, s, n, 365*24*time.Hour/time.Duration(n))
	return clock.Now()
}

// Bench runs f as often as it takes on a wallet that was filled by [Year]: without
// digests, with none yet, and with all.
func Bench(b *testing.B, s Able, end time.Time, f func(*credits.Ledger) error) {
	b.Helper()
	mock := clock.NewMock()
	mock.Set(end)
	w := &Watched{Able: s}
	for _, bb := range []struct {
		name  string
		store store.Store
		found func(*store.Digest) bool
	}{
		{name: "generic", store: Plain{s}},
		{name: "cold", store: w, found: func(*store.Digest) bool { return false }},
		{name: "warm", store: w},
	} {
		b.Run(bb.name, func(b *testing.B) {
			w.Found = bb.found
			l := credits.New(bb.store, &credits.Options{Clock: mock})
			if err := f(l); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := f(l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
