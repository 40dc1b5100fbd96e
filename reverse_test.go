package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// gave returns the amounts that a receipt's lines gave back, by lot, in order.
func gave(r credits.Receipt) (lines []credits.HoldPart) {
	for _, ln := range r.Lines() {
		if ln.From == credits.Consumed {
			lines = append(lines, credits.HoldPart{Lot: ln.Lot, Amount: ln.Amount})
		}
	}
	return lines
}

func TestReverse(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	a := r.do(credits.Grant{Amount: n("10"), Expires: day("2026-02-01")})
	b := r.do(credits.Grant{Amount: n("10"), Expires: day("2026-03-01")})
	c := r.do(credits.Grant{Amount: n("10")})
	s := r.do(credits.Spend{Feature: "run", Quantity: 25, Note: credits.Note{Labels: map[string]string{"team": "a"}}})
	steps := []struct {
		name    string
		reverse credits.Reverse
		want    []credits.HoldPart
		has     string
	}{
		{"S-7/the last lot first", credits.Reverse{Amount: n("3")}, []credits.HoldPart{{Lot: c.ID, Amount: n("3")}}, "8"},
		{"S-7/over partial reversals", credits.Reverse{Amount: n("4")}, []credits.HoldPart{{Lot: c.ID, Amount: n("2")}, {Lot: b.ID, Amount: n("2")}}, "12"},
		{"S-7/all that is left", credits.Reverse{All: true}, []credits.HoldPart{{Lot: b.ID, Amount: n("8")}, {Lot: a.ID, Amount: n("10")}}, "30"},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			r := r.in(t)
			step.reverse.Spend = s.ID
			got := r.do(step.reverse)
			if diff := cmp.Diff(step.want, gave(got)); diff != "" {
				t.Errorf("given back (-want +got):\n%s", diff)
			}
			if e := got.Entries[0]; e.Note.Labels["team"] != "a" || e.Feature != "run" || e.Of != s.ID {
				t.Errorf("the entry is %+v, want the spend's feature and labels", e)
			}
			r.has(step.has)
		})
	}
	r.refused(credits.Reverse{Spend: s.ID, All: true}, credits.Ended)
	r.refused(credits.Reverse{Spend: s.ID, Amount: 1}, credits.Ended)
}

func TestReverseNeverMoreThanWasTaken(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10", func(p *credits.Plan) { p.Features["open"] = credits.Rate{Free: true} }))
	s := r.do(credits.Spend{Amount: n("4")})
	h := r.do(credits.Reserve{Amount: n("5"), Until: day("2026-01-02")})
	c := r.do(credits.Capture{Hold: h.ID, Amount: n("3")})
	free := r.do(credits.Spend{Feature: "open", Quantity: 1})
	rev := r.do(credits.Reverse{Spend: s.ID, Amount: n("1")})
	t.Run("S-7/one more than is left", func(t *testing.T) {
		refusal := r.in(t).refused(credits.Reverse{Spend: s.ID, Amount: n("3.000001")}, credits.Ended)
		if refusal.Need != n("3.000001") || refusal.Available != n("3") {
			t.Errorf("the refusal is %+v", refusal)
		}
	})
	t.Run("S-7/a capture", func(t *testing.T) {
		r := r.in(t)
		r.refused(credits.Reverse{Spend: c.ID, Amount: n("3.000001")}, credits.Ended)
		r.do(credits.Reverse{Spend: c.ID, Amount: n("3")})
		r.refused(credits.Reverse{Spend: c.ID, All: true}, credits.Ended)
	})
	t.Run("S-7/a free spend", func(t *testing.T) {
		r.in(t).refused(credits.Reverse{Spend: free.ID, All: true}, credits.Ended)
	})
	invalid := []struct {
		name    string
		reverse credits.Reverse
		field   string
		class   error
	}{
		{"nothing said", credits.Reverse{Spend: s.ID}, "amount", nil},
		{"both said", credits.Reverse{Spend: s.ID, Amount: 1, All: true}, "amount", nil},
		{"negative", credits.Reverse{Spend: s.ID, Amount: -1}, "amount", nil},
		{"no spend", credits.Reverse{All: true}, "spend", credits.ErrNotFound},
		{"a hold", credits.Reverse{Spend: h.ID, All: true}, "spend", credits.ErrNotFound},
		{"a lot", credits.Reverse{Spend: 2, All: true}, "spend", credits.ErrNotFound},
		{"a reversal", credits.Reverse{Spend: rev.ID, All: true}, "spend", credits.ErrNotFound},
		{"a spend to come", credits.Reverse{Spend: 1000, All: true}, "spend", credits.ErrNotFound},
		{"the largest number", credits.Reverse{Spend: 1<<64 - 1, All: true}, "spend", credits.ErrNotFound},
	}
	for _, tt := range invalid {
		t.Run("S-7/"+tt.name, func(t *testing.T) { r.in(t).invalid(tt.reverse, tt.field, tt.class) })
	}
	r.do(credits.Reverse{Spend: s.ID, All: true})
	r.has("10")
}

func TestReverseIntoLotsThatEnded(t *testing.T) {
	tests := []struct {
		name string
		end  func(r *rig, lot credits.ID)
		want func(l credits.Lot) credits.Amount
	}{
		{"S-7/expired", func(r *rig, _ credits.ID) { r.at("2026-01-10") }, func(l credits.Lot) credits.Amount { return l.Expired }},
		{"S-7/revoked", func(r *rig, lot credits.ID) { r.do(credits.Revoke{Lot: lot}) }, func(l credits.Lot) credits.Amount { return l.Revoked }},
		{"S-7/still alive", func(r *rig, _ credits.ID) { r.at("2026-01-09 23:59:59.999999") }, func(l credits.Lot) credits.Amount { return l.Available }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(bare())
			g := r.do(credits.Grant{Amount: n("10"), Expires: day("2026-01-10")})
			s := r.do(credits.Spend{Amount: n("8")})
			tt.end(r, g.ID)
			r.do(credits.Reverse{Spend: s.ID, Amount: n("5")})
			if l := r.lot(g.ID); l.Consumed != n("3") || tt.want(l) < n("5") {
				t.Errorf("the lot is %+v, want 5 to have met its fate", l)
			}
			r.at("2026-01-11")
			r.has("0")
		})
	}
	t.Run("S-7/used up and reopened", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		g := r.do(credits.Grant{Amount: n("10"), Expires: day("2026-01-10")})
		s := r.do(credits.Spend{Amount: n("10")})
		r.at("2026-01-09")
		r.do(credits.Reverse{Spend: s.ID, All: true})
		r.has("10")
		r.at("2026-01-10")
		r.has("0")
		if l := r.lot(g.ID); l.Expired != n("10") {
			t.Errorf("the lot is %+v, want all of it expired", l)
		}
	})
}

func TestReverseAndDebt(t *testing.T) {
	plan := bare(func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited}} })
	t.Run("S-7/what was owed is owed no more", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.do(credits.Grant{Amount: n("10")})
		s := r.do(credits.Spend{Amount: n("30")})
		rev := r.do(credits.Reverse{Spend: s.ID, Amount: n("25")})
		if rev.Balance != n("5") || r.wallet().Balance("", "").Debt != 0 {
			t.Errorf("the receipt is %+v", rev)
		}
	})
	t.Run("S-7/what returns pays other debt first", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.do(credits.Grant{Amount: n("10")})
		first := r.do(credits.Spend{Amount: n("10")})
		r.do(credits.Spend{Amount: n("4")})
		r.do(credits.Reverse{Spend: first.ID, All: true})
		r.has("6")
		r.told(4, "reversed 10, repaid 4")
	})
	t.Run("S-7/a spend that credits paid later", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		s := r.do(credits.Spend{Amount: n("30")})
		a := r.do(credits.Grant{Amount: n("12")})
		b := r.do(credits.Grant{Amount: n("40")})
		r.has("22")
		rev := r.do(credits.Reverse{Spend: s.ID, Amount: n("20")})
		want := []credits.HoldPart{{Lot: b.ID, Amount: n("18")}, {Lot: a.ID, Amount: n("2")}}
		if diff := cmp.Diff(want, gave(rev)); diff != "" {
			t.Errorf("given back (-want +got):\n%s", diff)
		}
		r.do(credits.Reverse{Spend: s.ID, All: true})
		r.has("52")
	})
	t.Run("S-7/a spend that was forgiven", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare(func(p *credits.Plan) {
			p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited, AtReset: credits.ForgiveDebt}}
		}))
		s := r.do(credits.Spend{Amount: n("30")})
		r.at("2026-02-01")
		r.do(credits.Reverse{Spend: s.ID, All: true})
		r.has("0")
	})
}

func TestReverseAcrossAReset(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("100", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 100 * credits.Percent }))
	s := r.do(credits.Spend{Amount: n("30")})
	r.at("2026-02-01")
	r.has("170")
	rev := r.do(credits.Reverse{Spend: s.ID, All: true})
	if rev.Entries[0].Lines[0].To != credits.Expired {
		t.Errorf("S-7: the lines are %+v, want them to expire", rev.Lines())
	}
	r.has("170")
	if e := rev.Entries[0]; !e.At.Equal(day("2026-02-01")) {
		t.Errorf("S-7: it is booked at %v, want now", e.At)
	}
}
