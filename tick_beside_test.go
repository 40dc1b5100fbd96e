package credits_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// beside is a store that notes what goes on while it commits.
type beside struct {
	*sets
	began   chan struct{} // closed when the first commit begins
	during  chan struct{} // gets one for each Load during a commit
	under   atomic.Int32  // commits that go on
	commit  func(n int)   // called within the n-th commit, from 1
	load    func(during bool) error
	commits atomic.Int32
	loads   atomic.Int32
}

func (b *beside) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	b.under.Add(1)
	defer b.under.Add(-1)
	n := int(b.commits.Add(1))
	if n == 1 {
		close(b.began)
	}
	b.commit(n)
	return b.sets.Commit(context.WithoutCancel(ctx), writes...) // it was under way when ctx ended
}

func (b *beside) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if b.loads.Add(1) == 2 {
		<-b.began // which is under way from here on, or over
	}
	during := b.under.Load() > 0
	if during {
		b.during <- struct{}{}
	}
	if b.load != nil {
		if err := b.load(during); err != nil {
			return nil, err
		}
	}
	return b.sets.Load(ctx, reads...)
}

// openBeside is openMany on such a store, when the first cycle is over.
func openBeside(t *testing.T, n int) (*beside, *credits.Ledger, *[]int) {
	t.Helper()
	s, mock, _ := openMany(t, n)
	mock.Set(day("2026-02-01"))
	b := &beside{sets: s, began: make(chan struct{}), during: make(chan struct{}, 100), commit: func(int) {}}
	told := new([]int)
	l := credits.New(b, &credits.Options{Clock: mock, OnTick: func(_ context.Context, n int) {
		if b.under.Load() > 0 {
			t.Error("told of progress during a commit")
		}
		*told = append(*told, n)
	}})
	return b, l, told
}

func TestTickBeside(t *testing.T) {
	t.Run("T-6/while some are committed the next are read", func(t *testing.T) {
		b, l, told := openBeside(t, 2500)
		b.commit = func(n int) {
			if n > 1 {
				return
			}
			select {
			case <-b.during:
			case <-time.After(time.Minute):
				t.Error("nothing was read during the first commit")
			}
		}
		if n, err := l.Tick(t.Context()); n != 2500 || err != nil {
			t.Errorf("wrote %d wallets: %v", n, err)
		}
		if want := []int{1000, 2000, 2500}; !slices.Equal(*told, want) {
			t.Errorf("told of %v wallets, want %v", *told, want)
		}
	})
	t.Run("T-6/what is committed when the next cannot be read counts", func(t *testing.T) {
		b, l, told := openBeside(t, 2500)
		failed := errors.New("disk")
		b.load = func(during bool) error {
			if during {
				return failed
			}
			return nil
		}
		b.commit = func(int) { <-b.during }
		n, err := l.Tick(t.Context())
		if n != 1000 || !errors.Is(err, credits.ErrRetry) || !errors.Is(err, failed) || b.under.Load() != 0 {
			t.Errorf("wrote %d wallets, %d commits go on: %v", n, b.under.Load(), err)
		}
		if want := []int{1000}; !slices.Equal(*told, want) {
			t.Errorf("told of %v wallets, want %v", *told, want)
		}
	})
	t.Run("T-6/what is committed when the context ends counts", func(t *testing.T) {
		b, l, _ := openBeside(t, 2500)
		ctx, cancel := context.WithCancel(t.Context())
		b.load = func(during bool) error {
			if during {
				cancel()
			}
			return nil
		}
		b.commit = func(n int) {
			if n == 1 {
				<-b.during
			}
		}
		n, err := l.Tick(ctx)
		if n != 1000 || !errors.Is(err, credits.ErrRetry) || b.under.Load() != 0 {
			t.Errorf("wrote %d wallets, %d commits go on: %v", n, b.under.Load(), err)
		}
		if n, err := l.Tick(t.Context()); n != 1500 || err != nil {
			t.Errorf("then wrote %d wallets: %v", n, err)
		}
	})
	t.Run("T-6/a panic of the store is the caller's", func(t *testing.T) {
		b, l, _ := openBeside(t, 2500)
		b.commit = func(n int) {
			if n == 2 {
				panic("store")
			}
		}
		func() {
			defer func() {
				if r := recover(); r != "store" || b.under.Load() != 0 {
					t.Errorf("panicked with %v, %d commits go on", r, b.under.Load())
				}
			}()
			n, err := l.Tick(t.Context())
			t.Errorf("wrote %d wallets: %v", n, err)
		}()
		if n, err := l.Tick(t.Context()); n != 1500 || err != nil {
			t.Errorf("then wrote %d wallets: %v", n, err)
		}
	})
	t.Run("T-6/a transaction of the host's is used by one at a time", func(t *testing.T) {
		b, l, _ := openBeside(t, 2500)
		b.commit = func(int) {
			for range 1000 {
				runtime.Gosched()
			}
		}
		if n, err := l.On(b).Tick(t.Context()); n != 2500 || err != nil || len(b.during) > 0 {
			t.Errorf("wrote %d wallets, read %d times during a commit: %v", n, len(b.during), err)
		}
	})
}
