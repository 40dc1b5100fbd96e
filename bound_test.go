package credits_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// frozen is a store as a transaction sees it that began before another one
// changed the wallet: what it writes is not kept, and it does not see why.
type frozen struct {
	store.Store
	commits int
}

func (s *frozen) Commit(_ context.Context, writes ...store.Write) ([]bool, error) {
	s.commits++
	return make([]bool, len(writes)), nil
}

// late is a store whose first commit comes too late: another ledger writes first.
type late struct {
	store.Store
	first func()
}

func (s *late) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if first := s.first; first != nil {
		s.first = nil
		first()
	}
	return s.Store.Commit(ctx, writes...)
}

// TestOnATransaction shows what a ledger does that is bound to a transaction of
// the host's: it decides again when it sees what changed, and says so when it cannot.
func TestOnATransaction(t *testing.T) {
	ctx := context.Background()
	s := new(memory.Store)
	hooked := 0
	l := credits.New(s, &credits.Options{OnCommit: func(context.Context, credits.Receipt) { hooked++ }})
	if _, err := l.Do(ctx, acme, "open", credits.Open{Plan: monthly("10")}); err != nil {
		t.Fatal(err)
	}
	spend := credits.Spend{Amount: n("1")}
	t.Run("a snapshot", func(t *testing.T) {
		tx := &frozen{Store: s}
		_, err := l.On(tx).Do(ctx, acme, "a", spend)
		if !errors.Is(err, credits.ErrRetry) || tx.commits != 1 {
			t.Errorf("after %d commits: %v, want ErrRetry after one", tx.commits, err)
		}
	})
	t.Run("a snapshot, after a long sleep", func(t *testing.T) {
		old := new(memory.Store)
		from := func(at time.Time) *credits.Options { return &credits.Options{Clock: stopped(at)} }
		daily := monthly("10", func(p *credits.Plan) { p.Every = credits.Days(1) })
		if _, err := credits.New(old, from(benchStart)).Do(ctx, acme, "open", credits.Open{Plan: daily}); err != nil {
			t.Fatal(err)
		}
		tx := &frozen{Store: old}
		_, err := credits.New(old, from(benchStart.AddDate(5, 0, 0))).On(tx).Do(ctx, acme, "a", spend)
		if !errors.Is(err, credits.ErrRetry) || tx.commits != 1 {
			t.Errorf("after %d commits: %v, want ErrRetry after one", tx.commits, err)
		}
	})
	t.Run("a change that is seen", func(t *testing.T) {
		tx := &late{Store: s, first: func() {
			if _, err := l.Do(ctx, acme, "b", spend); err != nil {
				t.Error(err)
			}
		}}
		r, err := l.On(tx).Do(ctx, acme, "c", spend)
		if err != nil || r.Balance != n("8") {
			t.Errorf("Do = %v, %v, want 8 left", r.Balance, err)
		}
	})
	if hooked != 2 {
		t.Errorf("the hook was called %d times, want 2: not in a transaction", hooked)
	}
}

// TestHowFarAhead shows how far a ledger looks ahead.
func TestHowFarAhead(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	tests := []struct {
		name string
		last string
		look func(after time.Duration) error
	}{
		{"BalanceAt, 100 years", "2126-01-01", func(after time.Duration) error {
			_, err := r.ledger.BalanceAt(r.ctx, acme, day("2126-01-01").Add(after))
			return err
		}},
		{"Forecast, 10 years", "2036-01-01", func(after time.Duration) error {
			_, err := r.ledger.Forecast(r.ctx, acme, "", day("2036-01-01").Add(after))
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.look(0); err != nil {
				t.Errorf("until %s: %v", tt.last, err)
			}
			if err := tt.look(time.Microsecond); !errors.Is(err, credits.ErrLimit) {
				t.Errorf("a microsecond later: %v, want ErrLimit", err)
			}
		})
	}
}
