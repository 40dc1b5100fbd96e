package lives

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
)

// Busy opens the first wallet on a store and lets it spend so many times, at
// intervals: fifty users on ten features, twenty times each in turn. Of fifty spends
// one is reversed.
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
	if _, err := l.Do(t.Context(), First, "open", credits.Open{Plan: p}); err != nil {
		t.Fatal(err)
	}
	var tasks []credits.Task
	var last credits.ID
	for i := 0; i < spends; i += 20 {
		tasks = tasks[:0]
		for n := i; n < min(i+20, spends); n++ {
			c := credits.Spend{Feature: fmt.Sprint("feature-", n%10), Quantity: int64(1 + n%3)}
			tasks = append(tasks, credits.Task{Wallet: First, Key: credits.Key(strconv.Itoa(n)), Command: c})
		}
		if i%100 == 20 {
			for j := range 2 {
				c := credits.Reverse{Spend: last - credits.ID(7*j), All: true, Note: credits.Note{Reason: "wrong"}}
				tasks = append(tasks, credits.Task{Wallet: First, Key: credits.Key(fmt.Sprint("back-", i+j)), Command: c})
			}
		}
		mock.Add(every * time.Duration(len(tasks)))
		user := credits.Actor{ID: fmt.Sprint("user-", i/20%50), Role: credits.System}
		err := l.As(user).DoEach(t.Context(), slices.Values(tasks), func(_ credits.Task, r credits.Receipt, err error) error {
			last = r.ID
			return err
		})
		if err != nil {
			t.Fatal(err)
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
	c.Parts, c.Mark = states[0].Parts, states[0].Mark
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
