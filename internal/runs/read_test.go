package runs_test

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/internal/lives"
	"example.com/credits/internal/runs"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// sum adds up the Seqs of spends: the least that is a tally.
type sum struct {
	within  runs.Span
	entries int
	total   uint64
	run     uint64
	first   int64 // the first and the last instant of the run
	last    int64
	pad     int  // bytes that digests have for nothing
	none    bool // no digest is made
}

func (s *sum) Count(e *credits.Entry, run bool) error {
	at := e.At.UnixMicro()
	if s.within.Has(at) {
		s.entries++
		s.total += uint64(e.Seq)
	}
	if run {
		if s.first == 0 {
			s.first = at
		}
		s.last = at
		s.run += uint64(e.Seq)
	}
	return nil
}

func (s *sum) Digest() []byte {
	b := binary.AppendVarint(binary.AppendVarint(binary.AppendUvarint(nil, s.run), s.first), s.last)
	s.run, s.first = 0, 0
	if s.none {
		return nil
	}
	return append(b, make([]byte, s.pad)...)
}

func (s *sum) Add(body []byte) (runs.Use, error) {
	c := runs.Cursor{Left: body}
	run, first, last := c.Uint(), c.Int(), c.Int()
	switch {
	case !c.Done():
		return runs.Stale, nil
	case !s.within.Has(first) || !s.within.Has(last):
		return runs.Cut, nil
	}
	s.total += run
	return runs.Added, nil
}

// ask adds up a period.
func ask(t testing.TB, l *credits.Ledger, p credits.Period, s *sum) (*sum, error) {
	t.Helper()
	r, err := runs.Open(t.Context(), l, lives.First)
	if err != nil {
		t.Fatal(err)
	}
	s.within = runs.SpanOf(p)
	q := runs.Query{Name: "sum", Within: s.within, Kinds: []credits.Kind{credits.KindSpent}}
	return s, r.Read(q, s)
}

func got(t testing.TB, l *credits.Ledger, p credits.Period) uint64 {
	t.Helper()
	s, err := ask(t, l, p, &sum{})
	if err != nil {
		t.Fatal(err)
	}
	return s.total
}

// Of periods that begin and end anywhere, also at the bounds of runs, the sum is
// the one without digests.
func TestPeriodsAtTheBoundsOfRuns(t *testing.T) {
	s := &lives.Watched{Able: new(memory.Store)}
	l, clock := lives.Busy(t, s, 4000, time.Minute)
	plain := credits.New(lives.Plain{Pruner: s}, &credits.Options{Clock: clock})
	var at []time.Time // of the entries before, at and after the bounds of runs
	for seq := range credits.ID(4) {
		for e, err := range l.History(t.Context(), lives.First, credits.HistoryQuery{After: max(2, 1024*seq) - 2, Limit: 4}) {
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, e.At, e.At.Add(time.Microsecond), e.At.Add(-time.Nanosecond))
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		p := credits.Period{Start: lives.Pick(r, at...), End: lives.Pick(r, at...)}
		switch r.IntN(8) {
		case 0:
			p.Start = time.Time{}
		case 1:
			p.End = time.Time{}
		}
		if want, got := got(t, plain, p), got(t, l, p); got != want {
			t.Fatalf("%v: %d, want %d", p, got, want)
		}
	}
	if c := s.Take(); c.Digests < 100 {
		t.Errorf("%+v", c)
	}
}

// faulty is a store whose digests are a nuisance.
type faulty struct {
	lives.Able
	digests func(yield func(store.Digest, error) bool)
	kept    error
	batches []int
}

func (f *faulty) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	if f.digests != nil {
		return f.digests
	}
	return f.Able.Digests(ctx, wallet, name, after, through)
}

func (f *faulty) KeepDigests(ctx context.Context, wallet, name string, seq uint64, all ...store.Digest) error {
	f.batches = append(f.batches, len(all))
	if f.kept != nil {
		return f.kept
	}
	return f.Able.KeepDigests(ctx, wallet, name, seq, all...)
}

// Digests affect what an answer costs, and never what it is.
func TestDigestsThatAreANuisance(t *testing.T) {
	broken := errors.New("broken")
	var s memory.Store
	_, clock := lives.Busy(t, &s, 4000, time.Minute)
	want := got(t, credits.New(lives.Plain{Pruner: &s}, &credits.Options{Clock: clock}), credits.Period{End: clock.Now()})
	tests := []struct {
		name    string
		store   faulty
		tally   sum
		err     error
		batches int // that were to be kept
	}{
		{name: "they cannot be kept", store: faulty{kept: broken}, batches: 1},
		{name: "they cannot be read", store: faulty{digests: func(yield func(store.Digest, error) bool) { yield(store.Digest{}, broken) }}, err: credits.ErrRetry},
		{name: "none is made", tally: sum{none: true}},
		{name: "they are as large as may be", tally: sum{pad: store.BodyLimit - 20}, batches: 2},
		{name: "they are too large", tally: sum{pad: store.BodyLimit}},
		{name: "they are of other runs", store: faulty{digests: func(yield func(store.Digest, error) bool) {
			for _, through := range []uint64{1000, 1025, 2047} {
				if !yield(store.Digest{Through: through, Body: []byte{1, 2, 2}}, nil) {
					return
				}
			}
		}}, batches: 1},
		{name: "they are all there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.store.Able = &s
			got, err := ask(t, credits.New(&tt.store, &credits.Options{Clock: clock}), credits.Period{End: clock.Now()}, &tt.tally)
			if !errors.Is(err, tt.err) || err == nil && got.total != want {
				t.Errorf("%d, %v, want %d, %v", got.total, err, want, tt.err)
			}
			if len(tt.store.batches) != tt.batches {
				t.Errorf("kept in batches of %v, want %d", tt.store.batches, tt.batches)
			}
		})
	}
}

// What was pruned is refused, and what was not is told, also where a reader that
// began before keeps digests of what was pruned after it.
func TestDigestsOfWhatWasPruned(t *testing.T) {
	for _, through := range []credits.ID{1024, 1500} {
		var s memory.Store
		l, clock := lives.Busy(t, &s, 3200, time.Minute)
		all := credits.Period{End: clock.Now()}
		got(t, l, all)
		var late []store.Digest
		for d, err := range s.Digests(t.Context(), string(lives.First), "sum", 0, 1<<40) {
			if err != nil {
				t.Fatal(err)
			}
			late = append(late, d)
		}
		head, err := l.Head(t.Context(), lives.First)
		if err != nil || len(late) != 3 {
			t.Fatal(err, len(late))
		}
		c := lives.Prune(t, &s, lives.First, through)
		if err := s.KeepDigests(t.Context(), string(lives.First), "sum", uint64(head.Seq), late...); err != nil {
			t.Fatal(err)
		}
		plain := credits.New(lives.Plain{Pruner: &s}, &credits.Options{Clock: clock})
		for _, start := range []time.Time{{}, time.UnixMicro(1), time.UnixMicro(c.At)} {
			for _, l := range []*credits.Ledger{l, plain} {
				if sum, err := ask(t, l, credits.Period{Start: start, End: clock.Now()}, &sum{}); !errors.Is(err, credits.ErrPruned) {
					t.Errorf("pruned to %d, from %v: %d, %v", through, start, sum.total, err)
				}
			}
		}
		for _, after := range []time.Duration{1, time.Microsecond, 10 * time.Hour} {
			p := credits.Period{Start: time.UnixMicro(c.At).Add(after)}
			if want, got := got(t, plain, p), got(t, l, p); got != want || got == 0 {
				t.Errorf("pruned to %d, %v: %d, want %d", through, p, got, want)
			}
		}
	}
}
