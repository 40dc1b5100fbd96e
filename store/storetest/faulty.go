package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"example.com/credits/store"
)

// Fault is a way for a call of a store to fail. The zero Fault is none.
type Fault uint8

// The faults. What they say of an effect is meant of calls that change something; one
// that reads fails before or after it has read, and an iterator before its first value or after its last.
const (
	// FailBefore is an error before any effect. The caller cannot tell it from FailAfter.
	FailBefore Fault = iota + 1

	// FailAfter is an error after the effect: applied, but reported failed.
	FailAfter

	// CancelBefore is the context's end before any effect. The caller cannot tell it from CancelAfter.
	CancelBefore

	// CancelAfter is the context's end after the effect, as when a reply is not waited for.
	CancelAfter

	// Abort is [store.ErrAborted], without any effect.
	Abort

	// Conflict reports of every write of a Commit that it was not kept, without
	// any effect: as if another had been quicker, though it leaves nothing
	// behind. In other methods it is no fault.
	Conflict
)

// String returns the fault's name.
func (f Fault) String() string {
	switch f {
	case 0:
		return "None"
	case FailBefore:
		return "FailBefore"
	case FailAfter:
		return "FailAfter"
	case CancelBefore:
		return "CancelBefore"
	case CancelAfter:
		return "CancelAfter"
	case Abort:
		return "Abort"
	case Conflict:
		return "Conflict"
	}
	return fmt.Sprintf("Fault(%d)", uint8(f))
}

// ErrInjected is what a call with [FailBefore] or [FailAfter] returns, with the number and name of the call.
var ErrInjected = errors.New("storetest: injected fault")

// A Plan says which fault a call has. Calls of all methods are counted
// together, from 1; op is "load", "commit", "entries", "heads" or "ack", and of
// the optional methods "checkpoint", "prune", "restore", "digests" or "keepdigests".
// A plan is asked once for each call, by one caller at a time. It must not call the store.
type Plan func(call int, op string) Fault

// Once returns a plan of one fault: at the call of that number, whatever it is.
func Once(call int, f Fault) Plan {
	return func(n int, _ string) Fault {
		if n == call {
			return f
		}
		return 0
	}
}

// From returns a plan by which the call of that number and all later ones have the fault.
func From(call int, f Fault) Plan {
	return func(n int, _ string) Fault {
		if n >= call {
			return f
		}
		return 0
	}
}

// Faulty returns a store that does what s does, but for the faults that plan
// says. With a nil plan there are none. A call of Entries or Heads counts when it is made,
// and fails when it is ranged over.
func Faulty(s store.Store, plan Plan) store.Store {
	return (&faulty{s: s, plan: plan}).wrap()
}

type faulty struct {
	s     store.Store
	plan  Plan
	mu    sync.Mutex
	calls int
}

// call counts a call, and returns its fault as two errors, one of which at
// most is not nil: that before the effect, and that after it.
func (s *faulty) call(op string) (f Fault, before, after error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.plan != nil {
		f = s.plan(s.calls, op)
	}
	said := func(err error) error { return fmt.Errorf("call %d (%s), %v: %w", s.calls, op, f, err) }
	switch f {
	case FailBefore:
		before = said(ErrInjected)
	case FailAfter:
		after = said(ErrInjected)
	case CancelBefore:
		before = said(context.Canceled)
	case CancelAfter:
		after = said(context.Canceled)
	case Abort:
		before = said(store.ErrAborted)
	}
	return f, before, after
}

func (s *faulty) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	_, before, after := s.call("load")
	if before != nil {
		return nil, before
	}
	states, err := s.s.Load(ctx, reads...)
	if err == nil && after != nil {
		return nil, after
	}
	return states, err
}

func (s *faulty) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	f, before, after := s.call("commit")
	switch {
	case before != nil:
		return nil, before
	case f == Conflict:
		return make([]bool, len(writes)), nil
	}
	kept, err := s.s.Commit(ctx, writes...)
	if err == nil && after != nil {
		return nil, after
	}
	return kept, err
}

func (s *faulty) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	_, before, after := s.call("entries")
	return failing(s.s.Entries(ctx, q), before, after)
}

func (s *faulty) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	_, before, after := s.call("heads")
	return failing(s.s.Heads(ctx, f), before, after)
}

func (s *faulty) Ack(ctx context.Context, wallet string, seq uint64) error {
	return s.around("ack", func() error { return s.s.Ack(ctx, wallet, seq) })
}

// failing yields an error in the place of all that seq yields, or after it.
func failing[V any](seq iter.Seq2[V, error], before, after error) iter.Seq2[V, error] {
	if before == nil && after == nil {
		return seq
	}
	return func(yield func(V, error) bool) {
		var none V
		if before != nil {
			yield(none, before)
			return
		}
		for v, err := range seq {
			if !yield(v, err) || err != nil {
				return
			}
		}
		yield(none, after)
	}
}
