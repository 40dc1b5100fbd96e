package credits_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// rewinder is a store that can go back in time, as a database does when a standby
// takes over that has not all that was acknowledged.
type rewinder struct {
	store.Store
	writes [][]store.Write
	fail   error
}

func (s *rewinder) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := s.fail; err != nil {
		s.fail = nil
		return nil, err
	}
	kept := slices.Clone(writes)
	for i := range kept {
		kept[i].Changes = slices.Clone(kept[i].Changes)
		for j := range kept[i].Changes {
			c := &kept[i].Changes[j]
			c.Parts, c.Entries, c.Receipts = slices.Clone(c.Parts), slices.Clone(c.Entries), slices.Clone(c.Receipts)
			for k := range c.Parts {
				c.Parts[k].Body = bytes.Clone(c.Parts[k].Body)
			}
			for k := range c.Entries {
				c.Entries[k].Body, c.Entries[k].Note = bytes.Clone(c.Entries[k].Body), bytes.Clone(c.Entries[k].Note)
			}
			for k := range c.Receipts {
				c.Receipts[k].Body = bytes.Clone(c.Receipts[k].Body)
			}
		}
	}
	s.writes = append(s.writes, kept)
	return s.Store.Commit(ctx, writes...)
}

// rewind takes the last commits back.
func (s *rewinder) rewind(t *testing.T, n int) {
	t.Helper()
	s.Store = new(memory.Store)
	for _, w := range s.writes[:len(s.writes)-n] {
		if _, err := s.Store.Commit(t.Context(), w...); err != nil {
			t.Fatal(err)
		}
	}
}

// A ledger remembers wallets, and a database that lost commits may get as far again with
// others: what is remembered must not be taken for what is stored then.
func TestDatabaseGoesBack(t *testing.T) {
	tests := []struct {
		name string
		then func(s *rewinder, c *clock.Mock)
		do   credits.Key // before the last command, to fail
	}{
		{name: "L-3/at once", then: func(*rewinder, *clock.Mock) {}},
		{name: "L-3/while nobody used the wallet", then: func(_ *rewinder, c *clock.Mock) { c.Add(2 * time.Second) }},
		{name: "L-3/which another wallet's commit noticed", then: func(s *rewinder, _ *clock.Mock) { s.fail = errors.New("the connection broke") }, do: "other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := &rewinder{Store: new(memory.Store)}, clock.NewMock()
			c.Set(day("2026-01-01"))
			opts := &credits.Options{Clock: c, Salt: [32]byte{1}}
			one, two := credits.New(s, opts), credits.New(s, opts)
			do := func(l *credits.Ledger, id credits.WalletID, key credits.Key, cmd credits.Command) error {
				_, err := l.Do(t.Context(), id, key, cmd)
				return err
			}
			for _, id := range []credits.WalletID{acme, "other"} {
				if err := do(one, id, "open", credits.Open{Plan: monthly("100")}); err != nil {
					t.Fatal(err)
				}
			}
			for _, key := range []credits.Key{"1", "2"} {
				if err := errors.Join(do(one, "other", key, credits.Spend{Amount: 1}), do(one, acme, key, credits.Spend{Amount: n("3")})); err != nil {
					t.Fatal(err)
				}
			}
			s.rewind(t, 1)
			if err := do(two, acme, "3", credits.Spend{Amount: n("9")}); err != nil {
				t.Fatal(err)
			}
			tt.then(s, c)
			if tt.do != "" {
				if err := do(one, "other", tt.do, credits.Spend{Amount: 1}); !errors.Is(err, credits.ErrUnknown) {
					t.Fatal(err)
				}
			}
			if err := do(one, acme, "4", credits.Spend{Amount: n("1")}); err != nil {
				t.Fatal(err)
			}
			w, err := one.Wallet(t.Context(), acme)
			if err != nil || w.Available() != n("87") {
				t.Errorf("%v available, want 87: %v", w.Available(), err)
			}
			if err := one.Verify(t.Context(), acme); err != nil {
				t.Error(err)
			}
		})
	}
}
