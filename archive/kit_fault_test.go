package archive_test

import (
	"context"
	"errors"
	"iter"

	"example.com/credits/store"
	"example.com/credits/store/memory"
)

var errFault = errors.New("injected")

// faulty is a store in memory one call of which fails.
type faulty struct {
	*memory.Store
	calls int
	at    int  // the number of the call that fails, from 1; 0 for none
	after bool // it fails once it had its effect
}

// do counts a call, and makes it unless it fails before.
func (f *faulty) do(call func() error) error {
	f.calls++
	if f.calls == f.at && !f.after {
		return errFault
	}
	if err := call(); err != nil {
		return err
	}
	if f.calls == f.at {
		return errFault
	}
	return nil
}

func (f *faulty) Load(ctx context.Context, reads ...store.Read) (states []store.State, err error) {
	err = f.do(func() error { states, err = f.Store.Load(ctx, reads...); return err })
	return states, err
}

func (f *faulty) Commit(ctx context.Context, writes ...store.Write) (kept []bool, err error) {
	err = f.do(func() error { kept, err = f.Store.Commit(ctx, writes...); return err })
	return kept, err
}

func (f *faulty) Ack(ctx context.Context, wallet string, seq uint64) error {
	return f.do(func() error { return f.Store.Ack(ctx, wallet, seq) })
}

func (f *faulty) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return each(f, f.Store.Entries(ctx, q))
}

func (f *faulty) Heads(ctx context.Context, q store.Filter) iter.Seq2[store.Head, error] {
	return each(f, f.Store.Heads(ctx, q))
}

func (f *faulty) Checkpoint(ctx context.Context, wallet string) (c store.Checkpoint, err error) {
	err = f.do(func() error { c, err = f.Store.Checkpoint(ctx, wallet); return err })
	return c, err
}

func (f *faulty) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	return f.do(func() error { return f.Store.Prune(ctx, wallet, c) })
}

func (f *faulty) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	return f.do(func() error { return f.Store.Restore(ctx, wallet, c, due, parts) })
}

// each fails before the first value, or after the last.
func each[V any](f *faulty, values iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		stopped := false
		err := f.do(func() error {
			for v, err := range values {
				if stopped = !yield(v, err); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var zero V
			yield(zero, err)
		}
	}
}
