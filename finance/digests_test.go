package finance_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/internal/lives"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// twins are two ledgers on one store, of which one finds no digests there.
type twins struct{ lives.Twins }

// check fails the test unless both ledgers make the same statement, and returns it.
func (w twins) check(t testing.TB, p credits.Period, when string) finance.Statement {
	t.Helper()
	want, got := of(t, w.Plain, lives.First, p), of(t, w.Ledger, lives.First, p)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %v without digests (-) and with them (+):\n%s", when, p, diff)
	}
	return got
}

// periods draws some, of any length.
func (w twins) periods(from time.Time, n int) (all []credits.Period) {
	end := w.Clock.Now()
	for range n {
		at := []time.Time{end, end}
		for i := range at {
			at[i] = from.Add(time.Duration(w.Rand.Int64N(int64(end.Sub(from)))))
			at[i] = lives.Pick(w.Rand, at[i], at[i].Truncate(time.Microsecond), at[i].Truncate(24*time.Hour))
		}
		slices.SortFunc(at, time.Time.Compare)
		all = append(all, credits.Period{
			Start: lives.Pick(w.Rand, time.Time{}, at[0], at[0], at[0]), End: lives.Pick(w.Rand, time.Time{}, at[1], at[1], at[1]),
		})
	}
	return all
}

// Whatever a history holds, whoever made digests of it and whichever of them are
// left: a statement is the one which there is without them.
func TestA4DigestsChangeNoStatement(t *testing.T) {
	var all lives.Counts
	lives.Each(t, 2, func(t testing.TB, r *rand.Rand) {
		w := twins{lives.NewTwins(t, r, 1200)}
		for range 3 {
			w.Live(300)
			for _, p := range w.periods(first(t, w.Ledger, lives.First).At, 25) {
				w.check(t, p, "cold or not")
				checkSums(t, w.check(t, p, "again"))
				w.Store.Found = func(*store.Digest) bool { return r.IntN(3) > 0 }
				w.check(t, p, "with digests deleted")
				w.Store.Found = func(d *store.Digest) bool { lives.Damage(r, d); return true }
				w.check(t, p, "with digests damaged")
				w.Store.Found = nil
			}
			c := w.Store.Take()
			all.Digests, all.Kept = all.Digests+c.Digests, all.Kept+c.Kept
		}
	})
	if all.Digests < 200 || all.Kept < 20 {
		t.Errorf("of digests, %+v only", all)
	}
}

// A statement of a time after the checkpoint is the one that there was before
// anything was pruned; one that begins earlier is refused.
func TestA4StatementsOfPrunedHistories(t *testing.T) {
	lives.Each(t, 4, func(t testing.TB, r *rand.Rand) {
		w := twins{lives.NewTwins(t, r, lives.Pick(r, 70, 1600))}
		head, err := w.Ledger.Head(ctx, lives.First)
		if err != nil {
			t.Fatal(err)
		}
		through := 1 + credits.ID(r.IntN(int(head.Seq)-1))
		var last credits.Entry
		for last, err = range w.Ledger.History(ctx, lives.First, credits.HistoryQuery{After: through - 1, Limit: 1}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		periods := []credits.Period{{Start: last.At.Add(time.Microsecond)}}
		if from := last.At.Add(time.Second); from.Before(w.Clock.Now()) {
			periods = append(periods, w.periods(from, 15)...)
		}
		var before []finance.Statement
		for i, p := range periods {
			if !p.Start.After(last.At) {
				p.Start = last.At.Add(time.Microsecond)
			}
			if p.End.Before(p.Start) {
				p.End = time.Time{}
			}
			periods[i] = p
			before = append(before, w.check(t, p, "before"))
		}
		lives.Prune(t, w.Store, lives.First, through)
		for i, p := range periods {
			if diff := cmp.Diff(before[i], w.check(t, p, "after pruning")); diff != "" {
				t.Errorf("%v before (-) and after pruning (+) up to entry %d:\n%s", p, through, diff)
			}
			p.Start = lives.Pick(r, time.Time{}, last.At, last.At.Add(-time.Hour))
			p.End = w.Clock.Now()
			for _, l := range []*credits.Ledger{w.Ledger, w.Plain} {
				if s, err := finance.Of(ctx, l, lives.First, p); !errors.Is(err, credits.ErrPruned) {
					t.Errorf("%v of what was pruned: %+v, %v", p, s, err)
				}
			}
		}
	})
}

// A statement reads what is left of the first and the last run of its period, and
// what came after the last whole run: the same of a short history and of a long one.
func TestA4WarmStatementsReadTheEdges(t *testing.T) {
	const edges, looks = 3 * 1024, 40 // looks find where a period begins and ends
	for _, spends := range []int{100, 20_000} {
		s := &lives.Watched{Able: new(memory.Store)}
		l, clock := lives.Busy(t, s, spends, time.Minute)
		ago := func(share int) time.Time { return clock.Now().Add(-time.Minute * time.Duration(spends*share/100)) }
		for _, p := range []credits.Period{{}, {End: clock.Now()}, {Start: ago(75), End: ago(25)}, {Start: clock.Now()}} {
			of(t, l, lives.First, p)
			s.Take()
			of(t, l, lives.First, p)
			if c := s.Take(); c.Entries > min(edges, spends*51/50+20)+looks || c.Kept > 0 {
				t.Errorf("%v of %d entries: %+v", p, spends, c)
			}
		}
		of(t, credits.New(lives.Plain{Pruner: s}, &credits.Options{Clock: clock}), lives.First, credits.Period{Start: clock.Now()})
		if c := s.Take(); c.Entries < spends {
			t.Errorf("the control read %+v", c)
		}
	}
}
