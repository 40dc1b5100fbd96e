package credits_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// sets is a store that notes how many wallets each commit has.
type sets struct {
	store.Store
	mu    sync.Mutex
	sizes []int
	fail  func(commit int, writes []store.Write) error
}

func (s *sets) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	s.mu.Lock()
	s.sizes = append(s.sizes, len(writes))
	commit, fail := len(s.sizes), s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(commit, writes); err != nil {
			return nil, err
		}
	}
	return s.Store.Commit(ctx, writes...)
}

// openMany opens wallets whose first cycle ends on 2026-02-01.
func openMany(t *testing.T, n int) (*sets, *clock.Mock, func(tick func(context.Context, int)) *credits.Ledger) {
	t.Helper()
	s, mock := &sets{Store: new(memory.Store)}, clock.NewMock()
	mock.Set(day("2026-01-01"))
	ledger := func(tick func(context.Context, int)) *credits.Ledger {
		return credits.New(s, &credits.Options{Clock: mock, OnTick: tick})
	}
	l := ledger(nil)
	for i := range n {
		if _, err := l.Do(t.Context(), credits.WalletID(fmt.Sprintf("wallet-%05d", i)), "open", credits.Open{Plan: monthly("10")}); err != nil {
			t.Fatal(err)
		}
	}
	s.sizes = nil
	return s, mock, ledger
}

func TestTickInSets(t *testing.T) {
	const wallets = 2500
	t.Run("T-6/a thousand wallets a commit, with progress", func(t *testing.T) {
		s, mock, ledger := openMany(t, wallets)
		mock.Set(day("2026-02-01"))
		var progress []int
		l := ledger(func(_ context.Context, n int) { progress = append(progress, n) })
		if n, err := l.Tick(t.Context()); n != wallets || err != nil {
			t.Errorf("wrote %d wallets: %v", n, err)
		}
		if want := []int{1000, 1000, 500}; !slices.Equal(s.sizes, want) {
			t.Errorf("commits of %v wallets, want %v", s.sizes, want)
		}
		if want := []int{1000, 2000, 2500}; !slices.Equal(progress, want) {
			t.Errorf("told of %v wallets, want %v", progress, want)
		}
		if n, err := l.Tick(t.Context()); n != 0 || err != nil {
			t.Errorf("a second time it wrote %d wallets: %v", n, err)
		}
		for _, id := range []credits.WalletID{"wallet-00000", "wallet-02499"} {
			if err := l.Verify(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("T-6/stopped, the next round goes on", func(t *testing.T) {
		s, mock, ledger := openMany(t, wallets)
		mock.Set(day("2026-02-01"))
		s.fail = func(commit int, _ []store.Write) error {
			if commit == 2 {
				return store.ErrAborted
			}
			return nil
		}
		l := ledger(nil)
		if n, err := l.Tick(t.Context()); n != 1000 || !errors.Is(err, credits.ErrRetry) {
			t.Errorf("wrote %d wallets: %v", n, err)
		}
		if n, err := l.Tick(t.Context()); n != wallets-1000 || err != nil {
			t.Errorf("then wrote %d wallets: %v", n, err)
		}
	})
	t.Run("T-6/two at once write each wallet once", func(t *testing.T) {
		s, mock, ledger := openMany(t, wallets)
		mock.Set(day("2026-02-01"))
		other, others := ledger(nil), 0
		s.fail = func(commit int, _ []store.Write) error {
			if commit == 1 { // the other is faster
				s.fail = nil
				n, err := other.Tick(t.Context())
				others = n
				return err
			}
			return nil
		}
		n, err := ledger(nil).Tick(t.Context())
		if n+others != wallets || others == 0 || err != nil {
			t.Errorf("wrote %d and %d wallets: %v", n, others, err)
		}
	})
	t.Run("T-6/one that cannot be read does not keep the others from it", func(t *testing.T) {
		s, mock, ledger := openMany(t, 3)
		mock.Set(day("2026-02-01"))
		broken := store.Change{
			Wallet: "wallet-00001", Prev: 3, Seq: 4, Due: 1, Parts: []store.Part{{ID: 0, Body: []byte("x")}},
			Entries: []store.Entry{{Seq: 4, Kind: 1, Body: []byte("x")}},
		}
		states, err := s.Load(t.Context(), store.Read{Wallet: "wallet-00001"})
		if err != nil {
			t.Fatal(err)
		}
		broken.Prev, broken.PrevMark = states[0].Seq, states[0].Mark
		broken.Seq, broken.Entries[0].Seq = broken.Prev+1, broken.Prev+1
		if kept, err := s.Commit(t.Context(), store.Write{Changes: []store.Change{broken}}); err != nil || !kept[0] {
			t.Fatal(kept, err)
		}
		if n, err := ledger(nil).Tick(t.Context()); n != 2 || !errors.Is(err, credits.ErrCorrupt) {
			t.Errorf("wrote %d wallets: %v", n, err)
		}
	})
	t.Run("T-6/more than a commit holds is written in several", func(t *testing.T) {
		s, mock, ledger := openMany(t, 2)
		mock.Set(day("2026-01-01").Add(130 * 365 * 24 * time.Hour)) // 1,560 cycles
		if n, err := ledger(nil).Tick(t.Context()); n != 2 || err != nil {
			t.Errorf("wrote %d wallets: %v", n, err)
		}
		if len(s.sizes) != 4 {
			t.Errorf("%d commits, want 4", len(s.sizes))
		}
	})
}
