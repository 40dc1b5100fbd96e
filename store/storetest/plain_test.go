package storetest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"testing"

	"example.com/credits/store"
)

// plain is a correct store: the model under one lock. The broken stores are
// this one with something amiss.
type plain struct {
	mu sync.Mutex
	m  *model
}

func newPlain() *plain { return &plain{m: newModel()} }

func (s *plain) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	states := make([]store.State, len(reads))
	for i, r := range reads {
		states[i] = s.m.load(r)
	}
	return states, nil
}

func (s *plain) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := store.Check(writes...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.commit(writes...), nil
}

func (s *plain) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	q.Kinds = bytes.Clone(q.Kinds)
	return slow(ctx, func() ([]store.Entry, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.m.query(q)
	})
}

func (s *plain) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return slow(ctx, func() ([]store.Head, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.m.heads(f), nil
	})
}

// slow yields what read returns, its error last, and looks at the context before each.
func slow[V any](ctx context.Context, read func() ([]V, error)) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var none V
		var all []V
		var last error
		for i := 0; ; i++ {
			if err := ctx.Err(); err != nil {
				yield(none, err)
				return
			}
			if i == 0 {
				all, last = read()
			}
			switch {
			case i == len(all) && last != nil:
				yield(none, last)
				return
			case i == len(all) || !yield(all[i], nil):
				return
			}
		}
	}
}

func (s *plain) Ack(ctx context.Context, wallet string, seq uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m.ack(wallet, seq)
	return nil
}

// lapse lets others have their turn, until one of them changed the wallet.
func (s *plain) lapse(wallet string, seq uint64) {
	for range 500 {
		runtime.Gosched()
		s.mu.Lock()
		now := s.m.seq(wallet)
		s.mu.Unlock()
		if now != seq {
			return
		}
	}
}

func TestPlain(t *testing.T) {
	Run(t, func(*testing.T) store.Store { return newPlain() }, Pruner, Digester)
}
