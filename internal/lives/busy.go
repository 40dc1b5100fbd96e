package lives

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
)

// Busy opens the first wallet on a store and lets it spend so many times, at
// intervals: by a hundred users on ten features. One spend of fifty is reversed.
func Busy(t testing.TB, s credits.Store, spends int, every time.Duration) (*credits.Ledger, *clock.Mock) {
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
	do := func(actor string, key string, c credits.Command) credits.Receipt {
		r, err := l.As(credits.Actor{ID: actor, Role: credits.System}).Do(t.Context(), First, credits.Key(key), c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	do("", "open", credits.Open{Plan: p})
	for i := range spends {
		mock.Add(every)
		key, actor := strconv.Itoa(i), fmt.Sprint("user-", i*i%97)
		r := do(actor, key, credits.Spend{Feature: fmt.Sprint("feature-", i%10), Quantity: int64(1 + i%3)})
		if i%50 == 49 {
			do(actor, key+" back", credits.Reverse{Spend: r.ID, All: true})
		}
	}
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
