package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// T-6: a history with what fell due is the one that is written later, whatever
// the page and the order.
func TestHistoryDue(t *testing.T) {
	r := newRig(t, "2026-01-31")
	r.open(monthly("100"))
	r.do(credits.Grant{Amount: n("5"), Starts: day("2026-03-02"), Expires: day("2026-03-05")})
	r.clock.Set(day("2026-04-10"))
	queries := []credits.HistoryQuery{
		{},
		{Newest: true},
		{Limit: 3},
		{Newest: true, Limit: 4},
		{After: 2},
		{After: 5, Limit: 2},
		{Before: 6},
		{Before: 6, Newest: true},
		{Kinds: []credits.Kind{credits.KindExpired}},
		{Lot: 3, Newest: true},
		{Of: 3},
		{Within: credits.Period{Start: day("2026-03-02"), End: day("2026-03-31")}},
	}
	read := func(q credits.HistoryQuery) (all []credits.Entry) {
		for e, err := range r.ledger.History(r.ctx, acme, q) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		return all
	}
	var before [][]credits.Entry
	for _, q := range queries {
		q.Due = true
		before = append(before, read(q))
	}
	if stored := read(credits.HistoryQuery{}); len(stored) >= len(before[0]) {
		t.Fatalf("%d entries are stored and %d with what is due", len(stored), len(before[0]))
	}
	if _, err := r.ledger.Tick(r.ctx); err != nil {
		t.Fatal(err)
	}
	for i, q := range queries {
		if diff := cmp.Diff(read(q), before[i]); diff != "" {
			t.Errorf("%+v (-written +due):\n%s", q, diff)
		}
	}
	if all := read(credits.HistoryQuery{Due: true}); len(all) != len(before[0]) {
		t.Errorf("%d entries with nothing due, want %d", len(all), len(before[0]))
	}
}
