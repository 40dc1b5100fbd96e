package drivertest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/internal/lives"
	"example.com/credits/store/memory"
	"example.com/credits/usage"
)

// TestGN07UsageOnEveryStore asks for usage and statements of a history of several
// runs. On each store the answers are those of memory, without digests, while they
// are made and with them; also after actors were erased.
func TestGN07UsageOnEveryStore(t *testing.T) {
	var origin memory.Store
	_, now := lives.Busy(t, &origin, 3500, time.Hour)
	opts := &credits.Options{Clock: now, Salt: [32]byte{1}}
	want := answers(t, credits.New(lives.Plain{Pruner: &origin}, opts), now.Now())
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := &lives.Watched{Able: e.make(t)(t).(lives.Able)}
			lives.Copy(t, &origin, s, lives.First)
			l := credits.New(s, opts)
			check := func(when string, want []any, kept bool) {
				t.Helper()
				s.Take()
				if diff := cmp.Diff(want, answers(t, l, now.Now())); diff != "" {
					t.Errorf("%s: without digests (-) and with them (+):\n%s", when, diff)
				}
				if c := s.Take(); kept != (c.Kept > 0) || !kept && c.Digests == 0 {
					t.Errorf("%s: %+v", when, c)
				}
			}
			check("cold", want, true)
			check("warm", want, false)
			erase := credits.Erase{Entries: []credits.ID{5, 6, 7, 1500, 2500}, Note: credits.Note{Reason: "asked for"}}
			if _, err := l.Do(t.Context(), lives.First, "erase", erase); err != nil {
				t.Fatal(err)
			}
			erased := answers(t, credits.New(lives.Plain{Pruner: s}, opts), now.Now())
			if cmp.Equal(want, erased) {
				t.Error("nothing was erased")
			}
			check("cold again", erased, true)
			check("warm again", erased, false)
		})
	}
}

// answers returns usage and statements of all time and of some of it.
func answers(t *testing.T, l *credits.Ledger, end time.Time) (all []any) {
	t.Helper()
	for _, p := range []credits.Period{{End: end}, {Start: end.AddDate(0, -3, 0), End: end.AddDate(0, -1, 0)}} {
		for _, by := range [][]usage.Dimension{{usage.Day, usage.Feature}, {usage.Actor}, {usage.Week, usage.Source}} {
			rows, err := usage.Of(t.Context(), l, lives.First, usage.Query{By: by, Within: p})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rows)
		}
		s, err := finance.Of(t.Context(), l, lives.First, p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}
