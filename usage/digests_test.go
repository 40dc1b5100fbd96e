package usage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/internal/lives"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/usage"
)

// twins are two ledgers on one store, of which one finds no digests there.
type twins struct{ lives.Twins }

// check fails the test unless both ledgers give the same answer.
func (w twins) check(t testing.TB, q usage.Query, when string) {
	t.Helper()
	w.same(t, q, of(t, w.Plain, lives.First, q), when)
}

// same fails the test unless the ledger that finds digests gives an answer.
func (w twins) same(t testing.TB, q usage.Query, want []usage.Row, when string) {
	t.Helper()
	if diff := cmp.Diff(want, of(t, w.Ledger, lives.First, q)); diff != "" {
		t.Errorf("%s: %+v without digests (-) and with them (+):\n%s", when, q, diff)
	}
}

// draw draws queries: some shapes, and of each some periods, long and short.
func (w twins) draw(t testing.TB, shapes int) (all []usage.Query) {
	t.Helper()
	r := w.Rand
	start, end := history(t, w.Ledger, lives.First)[0].At, w.Clock.Now()
	for range shapes {
		shape := drawQuery(w.Life, start, end)
		shape.By = slices.Clone(shape.By)
		for i := range 5 {
			q := shape
			at := []time.Time{start, end}
			for j := range at {
				if i > 0 {
					at[j] = start.Add(time.Duration(r.Int64N(int64(end.Sub(start)))))
					at[j] = lives.Pick(r, at[j], at[j].Truncate(time.Microsecond), at[j].Truncate(24*time.Hour))
				}
			}
			slices.SortFunc(at, time.Time.Compare)
			if i > 2 {
				at[1] = at[0].Add(time.Duration(r.Int64N(int64(100 * time.Hour))))
			}
			q.Within = credits.Period{Start: lives.Pick(r, at[0], at[0], time.Time{}), End: at[1]}
			q.Occurred = q.Occurred != (i == 2)
			all = append(all, q)
		}
	}
	return all
}

// Whatever a history holds, whoever made digests of it and whichever of them are
// left: the answer is that which there is without them.
func TestGN07DigestsChangeNoAnswer(t *testing.T) {
	var all lives.Counts
	lives.Each(t, 2, func(t testing.TB, r *rand.Rand) {
		w := twins{lives.NewTwins(t, r, 1500)}
		queries := w.draw(t, 4)
		for range 2 {
			w.Live(300)
			queries = append(queries[5:], w.draw(t, 1)...)
			for _, q := range queries {
				want := of(t, w.Plain, lives.First, q)
				w.same(t, q, want, "cold or not")
				w.same(t, q, want, "again")
				w.Store.Found = func(*store.Digest) bool { return r.IntN(3) > 0 }
				w.same(t, q, want, "with digests deleted")
				w.Store.Found = func(d *store.Digest) bool { lives.Damage(r, d); return true }
				w.same(t, q, want, "with digests damaged")
				w.Store.Found = nil
				r.Shuffle(len(q.By), func(i, j int) { q.By[i], q.By[j] = q.By[j], q.By[i] })
				w.check(t, q, "in another order")
			}
			w.erase(t)
			for _, q := range queries {
				w.check(t, q, "after erasing")
			}
			w.atOnce(t, queries)
			c := w.Store.Take()
			all.Digests, all.Kept = all.Digests+c.Digests, all.Kept+c.Kept
		}
	})
	if all.Digests < 200 || all.Kept < 50 {
		t.Errorf("of digests, %+v only", all)
	}
}

// erase erases some entries.
func (w twins) erase(t testing.TB) {
	t.Helper()
	head, err := w.Ledger.Head(context.Background(), lives.First)
	if err != nil {
		t.Fatal(err)
	}
	var c credits.Erase
	for range 20 {
		c.Entries = append(c.Entries, 1+credits.ID(w.Rand.Uint64N(uint64(head.Seq))))
	}
	c.Note.Reason = "asked for"
	key := credits.Key("erase-" + time.Duration(head.Seq).String())
	if _, err := w.Ledger.Do(context.Background(), lives.First, key, c); err != nil {
		t.Fatal(err)
	}
}

// atOnce asks for all in two goroutines that make the same digests.
func (w twins) atOnce(t testing.TB, queries []usage.Query) {
	t.Helper()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for _, q := range queries {
				w.check(t, q, "at once")
			}
		})
	}
	wg.Wait()
}

// What was pruned cannot be asked for, with digests or without; what is left can,
// and only the actors and labels of what was pruned are gone.
func TestGN07PrunedHistories(t *testing.T) {
	lives.Each(t, 2, func(t testing.TB, r *rand.Rand) {
		w := twins{lives.NewTwins(t, r, 1800)}
		through := lives.Pick(r, 1024, credits.ID(700+r.IntN(600)))
		var last credits.Entry
		for e, err := range w.Ledger.History(t.Context(), lives.First, credits.HistoryQuery{After: through - 1, Limit: 1}) {
			if last = e; err != nil {
				t.Fatal(err)
			}
		}
		var queries []usage.Query
		var before [][]usage.Row
		for i, q := range w.draw(t, 6) {
			if after := last.At.Add(time.Duration(1+r.IntN(3)) * time.Microsecond); q.Within.Start.Before(after) {
				q.Within.Start = after
			}
			if q.Within.End.Before(q.Within.Start) {
				q.Within.End = time.Time{}
			}
			if i%2 == 0 { // nothing of what was pruned is needed
				q.Occurred = false
				q.By = slices.DeleteFunc(slices.Clone(q.By), func(d usage.Dimension) bool { return d == usage.Actor || strings.HasPrefix(string(d), "label:") })
			}
			queries, before = append(queries, q), append(before, of(t, w.Ledger, lives.First, q))
		}
		lives.Prune(t, w.Store, lives.First, through)
		for i, q := range queries {
			w.check(t, q, "after pruning")
			if diff := cmp.Diff(before[i], of(t, w.Ledger, lives.First, q)); diff != "" && i%2 == 0 {
				t.Errorf("%+v before (-) and after pruning (+):\n%s", q, diff)
			}
			early := q
			early.Within.Start = lives.Pick(r, time.Time{}, last.At, last.At.Add(-time.Hour))
			early.Within.End = w.Clock.Now()
			for _, l := range []*credits.Ledger{w.Ledger, w.Plain} {
				if rows, err := usage.Of(t.Context(), l, lives.First, early); !errors.Is(err, credits.ErrPruned) {
					t.Errorf("%+v of what was pruned: %v, %v", early, rows, err)
				}
			}
		}
	})
}

// A query reads what is left of the first and the last run of its period, and
// what came after the last whole run: the same of a short history and of a long one.
func TestGN07WarmQueriesReadTheEdges(t *testing.T) {
	const edges, looks = 3 * 1024, 40 // looks find where a period begins and ends
	for _, spends := range []int{100, 20_000} {
		s := &lives.Watched{Able: new(memory.Store)}
		l, clock := lives.Busy(t, s, spends, time.Minute)
		plain := credits.New(lives.Plain{Pruner: s}, &credits.Options{Clock: clock})
		end := clock.Now()
		ago := func(share int) time.Time { return end.Add(-time.Minute * time.Duration(spends*share/100)) }
		tests := []struct {
			name   string
			within credits.Period
		}{
			{name: "all", within: credits.Period{End: end}},
			{name: "the middle", within: credits.Period{Start: ago(75), End: ago(25)}},
			{name: "the end", within: credits.Period{Start: end.Add(-90 * time.Minute)}},
		}
		for _, tt := range tests {
			for _, q := range []usage.Query{
				{By: []usage.Dimension{usage.Day, usage.Feature}},
				{By: []usage.Dimension{usage.Actor}},
				{By: []usage.Dimension{usage.Hour, usage.Actor, usage.Source}, Occurred: true},
			} {
				t.Run(fmt.Sprint(spends, "/", tt.name, "/", q.By), func(t *testing.T) {
					q.Within = tt.within
					of(t, l, lives.First, q)
					s.Take()
					of(t, l, lives.First, q)
					if c := s.Take(); c.Entries > min(edges, spends)+looks || c.Kept > 0 {
						t.Errorf("of %d entries, %+v", spends, c)
					}
					of(t, plain, lives.First, q)
					if c := s.Take(); tt.name == "all" && c.Entries < spends {
						t.Errorf("the control read %+v", c)
					}
				})
			}
		}
	}
}

// A reversal of a spend that was pruned has no user any more, whatever digests were made before.
func TestGN07ReversalOfWhatWasPruned(t *testing.T) {
	s := &lives.Watched{Able: new(memory.Store)}
	l, clock := lives.Busy(t, s, 2200, time.Minute)
	w := twins{lives.Twins{Life: &lives.Life{Ledger: l, Clock: clock}, Store: s, Plain: credits.New(lives.Plain{Pruner: s}, &credits.Options{Clock: clock})}}
	reverse := credits.Reverse{Spend: history(t, l, lives.First)[29].Seq, All: true, Note: credits.Note{Reason: "late"}}
	do := func(key string, c credits.Command) {
		clock.Add(time.Minute)
		if _, err := l.Do(t.Context(), lives.First, credits.Key(key), c); err != nil {
			t.Fatal(err)
		}
	}
	do("late", reverse)
	for i := range 1100 {
		do(fmt.Sprint("more-", i), credits.Spend{Amount: 1})
	}
	q := usage.Query{By: []usage.Dimension{usage.Actor}}
	q.Within.Start = history(t, l, lives.First)[999].At.Add(time.Microsecond)
	before := of(t, l, lives.First, q)
	if c := s.Take(); c.Kept != 2 {
		t.Fatalf("%+v: not two digests", c)
	}
	lives.Prune(t, s, lives.First, 1000)
	w.check(t, q, "after pruning")
	if after := of(t, l, lives.First, q); cmp.Equal(before, after) {
		t.Errorf("the user of the spend that was pruned is still known: %v", after)
	}
	if c := s.Take(); c.Kept == 0 {
		t.Error("the digest was not made anew")
	}
}

// What is erased while digests are made is in none of them.
func TestGN07ErasedMeanwhile(t *testing.T) {
	s := &lives.Watched{Able: new(memory.Store)}
	l, clock := lives.Busy(t, s, 4000, time.Minute)
	q := usage.Query{By: []usage.Dimension{usage.Actor}, Within: credits.Period{Start: time.Unix(0, 0)}}
	erase := credits.Erase{Note: credits.Note{Reason: "asked for"}}
	for _, e := range history(t, l, lives.First)[:1000] {
		if e.Actor.ID == "user-1" {
			erase.Entries = append(erase.Entries, e.Seq)
		}
	}
	erased := false
	s.Reads = func(q store.Query) {
		if q.After < 1500 || erased { // what is erased was not read yet
			return
		}
		erased = true
		if _, err := l.Do(t.Context(), lives.First, "erase", erase); err != nil {
			t.Error(err)
		}
	}
	before := of(t, l, lives.First, q)
	s.Reads = nil
	want := of(t, credits.New(lives.Plain{Pruner: s}, &credits.Options{Clock: clock}), lives.First, q)
	if cmp.Equal(before, want) {
		t.Fatal("nothing was erased while the digests were made")
	}
	if diff := cmp.Diff(want, of(t, l, lives.First, q)); diff != "" {
		t.Errorf("without digests (-) and with them (+):\n%s", diff)
	}
}

// The source of a lot is known, though what opened it was pruned and the wallet
// does not remember it any more.
func TestGN07SourcesOfPrunedLots(t *testing.T) {
	s := &lives.Watched{Able: new(memory.Store)}
	l, clock := lives.Busy(t, s, 10, time.Minute)
	do := func(c credits.Command) credits.Receipt {
		clock.Add(time.Minute)
		r, err := l.Do(t.Context(), lives.First, credits.Key(clock.Now().String()), c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	lot := do(credits.Grant{Unit: "token", Amount: 2, Note: credits.Note{Reason: "for a test"}}).ID
	q := usage.Query{Unit: "token", By: []usage.Dimension{usage.Source}, Within: credits.Period{Start: clock.Now().Add(1)}}
	for range 1100 { // so many lots are used up after the first
		do(credits.Spend{Unit: "token", Amount: 2})
		do(credits.Grant{Unit: "token", Amount: 2, Note: credits.Note{Reason: "for a test"}})
	}
	before := of(t, l, lives.First, q)
	lives.Prune(t, s, lives.First, lot)
	if w, err := l.Wallet(t.Context(), lives.First); err != nil {
		t.Fatal(err)
	} else if _, ok := w.Lot(lot); ok {
		t.Fatalf("lot %d is remembered: nothing is shown", lot)
	}
	s.Found = func(*store.Digest) bool { return false }
	if diff := cmp.Diff(before, of(t, l, lives.First, q)); diff != "" || len(before) != 1 {
		t.Errorf("before (-) and after pruning (+):\n%s", diff)
	}
}
