package credits_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
)

// usageLog yields a log of usage over wallets that are open and one that is not.
func usageLog(rows, wallets int) iter.Seq[credits.Task] {
	return func(yield func(credits.Task) bool) {
		for i := range rows {
			t := credits.Task{
				Wallet: credits.WalletID(fmt.Sprintf("wallet-%05d", i%wallets)), Key: credits.Key(fmt.Sprintf("row-%d", i)),
				Command: credits.Spend{Amount: credits.Credit / 1000},
			}
			switch i % 100 {
			case 97:
				t.Wallet = "nobody"
			case 98:
				t.Command = credits.Spend{Amount: -1}
			case 99:
				t.Command = credits.Erase{Entries: []credits.ID{1}} // by itself
			}
			if !yield(t) {
				return
			}
		}
	}
}

func TestDoEach(t *testing.T) {
	const rows, wallets = 5000, 7
	s, _, ledger := openMany(t, wallets)
	l := ledger(nil)
	refused := map[credits.Key]error{}
	var order []credits.Key
	seqs := map[credits.WalletID][]credits.ID{}
	load := func() (n int, err error) {
		refused, order = map[credits.Key]error{}, nil
		err = l.DoEach(t.Context(), usageLog(rows, wallets), func(task credits.Task, r credits.Receipt, err error) error {
			order = append(order, task.Key)
			if err != nil {
				refused[task.Key] = err
				return nil
			}
			if !r.Replayed {
				n++
				seqs[task.Wallet] = append(seqs[task.Wallet], r.Entries[0].Seq)
			}
			return nil
		})
		return n, err
	}
	check := func(t *testing.T) {
		t.Helper()
		if len(order) != rows || len(refused) != rows/50 {
			t.Errorf("told of %d rows, of which %d were refused", len(order), len(refused))
		}
		for i, key := range order {
			if key != credits.Key(fmt.Sprintf("row-%d", i)) {
				t.Fatalf("row %d is told of as %s", i, key)
			}
			switch err := refused[key]; {
			case i%100 == 97 && !errors.Is(err, credits.ErrNotFound), i%100 == 98 && !errors.Is(err, credits.ErrInvalid), i%100 < 97 && err != nil:
				t.Fatalf("row %d: %v", i, err)
			}
		}
	}
	if n, err := load(); n != rows*98/100 || err != nil {
		t.Errorf("I-1: %d rows were done: %v", n, err)
	}
	check(t)
	for id, all := range seqs {
		if !slices.IsSorted(all) {
			t.Errorf("the rows of %s were not done in their order", id)
		}
	}
	if len(s.sizes) > rows/10 {
		t.Errorf("%d rows took %d commits", rows, len(s.sizes))
	}
	if n, err := load(); n != 0 || err != nil {
		t.Errorf("I-1: the same log again did %d rows: %v", n, err)
	}
	check(t)
	for i := range wallets {
		if err := l.Verify(t.Context(), credits.WalletID(fmt.Sprintf("wallet-%05d", i))); err != nil {
			t.Error(err)
		}
	}
}

func TestDoEachEnds(t *testing.T) {
	const rows, wallets = 5000, 7
	errStop := errors.New("enough")
	t.Run("when it is told so", func(t *testing.T) {
		_, _, ledger := openMany(t, wallets)
		n := 0
		err := ledger(nil).DoEach(t.Context(), usageLog(rows, wallets), func(credits.Task, credits.Receipt, error) error {
			if n++; n == 10 {
				return errStop
			}
			return nil
		})
		if n != 10 || !errors.Is(err, errStop) {
			t.Errorf("after %d rows: %v", n, err)
		}
	})
	t.Run("I-1/with its context, and goes on where it was", func(t *testing.T) {
		s, _, ledger := openMany(t, wallets)
		l := ledger(nil)
		ctx, cancel := context.WithCancel(t.Context())
		s.fail = func(_ int, writes []store.Write) error {
			for _, w := range writes {
				if w.Changes[0].Receipts[0].Key == "row-2050" { // of the third 1,024, of which some have to be alone
					cancel()
				}
			}
			return nil
		}
		done, undone := map[credits.Key]bool{}, 0
		note := func(task credits.Task, r credits.Receipt, err error) error {
			switch {
			case err == nil:
				done[task.Key] = true
			case errors.Is(err, credits.ErrRetry), errors.Is(err, credits.ErrUnknown):
				undone++
			}
			return nil
		}
		if err := l.DoEach(ctx, usageLog(rows, wallets), note); !errors.Is(err, context.Canceled) || undone == 0 {
			t.Errorf("%d rows are not done: %v", undone, err)
		}
		before := len(done)
		if err := l.DoEach(t.Context(), usageLog(rows, wallets), note); err != nil || before == 0 || len(done) != rows*98/100 {
			t.Errorf("%d rows were done, and then %d: %v", before, len(done), err)
		}
		var spent credits.Amount
		for i := range wallets {
			w, err := l.Wallet(t.Context(), credits.WalletID(fmt.Sprintf("wallet-%05d", i)))
			if err != nil {
				t.Fatal(err)
			}
			spent += 10*credits.Credit - w.Available()
		}
		if want := rows * 97 / 100 * credits.Credit / 1000; spent != want {
			t.Errorf("%v were spent, want %v", spent, want)
		}
	})
	t.Run("a store that panics reaches the caller, and the ledger goes on", func(t *testing.T) {
		s, _, ledger := openMany(t, wallets)
		l := ledger(nil)
		s.fail = func(commit int, _ []store.Write) error {
			if commit == 3 {
				panic(errStop)
			}
			return nil
		}
		func() {
			defer func() {
				if r := recover(); r != errStop {
					t.Errorf("panicked with %v", r)
				}
			}()
			_ = l.DoEach(t.Context(), usageLog(rows, wallets), func(credits.Task, credits.Receipt, error) error { return nil })
		}()
		s.fail = nil
		if _, err := l.Do(t.Context(), "wallet-00001", "after", credits.Spend{Amount: 1}); err != nil {
			t.Error(err)
		}
	})
}
