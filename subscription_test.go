package credits_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// sold returns a plan of so many credits a month at a price; changes are made to it.
func sold(id, amount, price string, changes ...func(*credits.Plan)) credits.Plan {
	return monthly(amount, append([]func(*credits.Plan){func(p *credits.Plan) {
		p.ID = id
		if price != "" {
			p.Price = cash(price)
		}
	}}, changes...)...)
}

// annually has a plan billed by the year; its credits come every month all the same.
func annually(p *credits.Plan) { p.Term = credits.Years(1) }

// yearly has a plan reset by the year.
func yearly(p *credits.Plan) { p.Every = credits.Years(1) }

// quoted previews a command, carries it out with the quote that the preview made,
// and expects that what is then charged and granted is what was quoted (P-8).
func (r *rig) quoted(c credits.Command) credits.Quote {
	r.Helper()
	preview, err := r.ledger.Preview(r.ctx, acme, "", c)
	if err != nil {
		r.Fatalf("preview of %+v: %v", c, err)
	}
	q := preview.Quote()
	receipt := r.do(withQuote(c, q))
	if receipt.Charge != q.Charge {
		r.Errorf("P-8: quoted %v, charged %v", q.Charge, receipt.Charge)
	}
	granted := map[credits.Unit]credits.Amount{}
	for _, e := range receipt.Entries {
		if e.Opens != nil && e.Kind != credits.KindReassigned {
			granted[e.Unit] += e.Opens.Amount
		}
	}
	want := map[credits.Unit]credits.Amount{}
	for _, g := range q.Grants {
		want[g.Unit] = g.Amount
	}
	if diff := cmp.Diff(want, granted); diff != "" {
		r.Errorf("P-8: quoted and granted (-quoted +granted):\n%s", diff)
	}
	return q
}

// withQuote returns a command that carries a quote.
func withQuote(c credits.Command, q credits.Quote) credits.Command {
	switch c := c.(type) {
	case credits.Subscribe:
		c.Quote = q
		return c
	case credits.SetUnits:
		c.Quote = q
		return c
	default:
		return c
	}
}

// diary returns what was charged, granted and ended since an entry, a line for each
// command or instant: "2026-01-10 subscribed 27.00 USD +30000".
func (r *rig) diary(after credits.ID) []string {
	r.Helper()
	var lines []string
	for _, e := range r.history(acme, credits.HistoryQuery{After: after}) {
		if e.Opens != nil && len(lines) > 0 {
			lines[len(lines)-1] += strings.TrimRight(fmt.Sprintf(" +%v %s", e.Opens.Amount, e.Opens.Scope), " ")
			continue
		}
		switch e.Kind {
		case credits.KindExpired, credits.KindSpent, credits.KindReserved, credits.KindCaptured, credits.KindReleased:
			continue
		case credits.KindRevoked:
			lines = append(lines, e.At.Format(time.DateOnly)+" "+entryWords(e))
			continue
		}
		line := e.At.Format(time.DateOnly) + " " + e.Kind.String()
		if e.Charge.Micros != 0 {
			line += " " + e.Charge.String()
		}
		lines = append(lines, line)
	}
	return lines
}

// wrote expects the diary since an entry.
func (r *rig) wrote(after credits.ID, want ...string) {
	r.Helper()
	if diff := cmp.Diff(want, r.diary(after)); diff != "" {
		r.Errorf("what was charged and granted (-want +got):\n%s", diff)
	}
}

// change is one command of a story of subscriptions, and what it charges and grants.
type change struct {
	at      string
	do      credits.Command
	charge  string // "" for nothing
	granted string
}

// play carries out changes, each with a quote of its own.
func (r *rig) play(changes []change) {
	r.Helper()
	for _, c := range changes {
		if c.at != "" {
			r.at(c.at)
		}
		q := r.quoted(c.do)
		charge := q.Charge.String()
		if q.Charge.Micros == 0 {
			charge = ""
		}
		var granted []string
		for _, g := range q.Grants {
			granted = append(granted, g.Amount.String())
		}
		if got := strings.Join(granted, " "); charge != c.charge || got != c.granted {
			r.Errorf("%s %+v: charges %q and grants %q, want %q and %q", c.at, c.do, charge, got, c.charge, c.granted)
		}
	}
}

// What is scheduled takes effect when it says, is shown, and can be undone.
func TestScheduledChange(t *testing.T) {
	small, big, year := sold("small", "10", "9.00 USD"), sold("big", "40", "36.00 USD"), sold("year", "10", "108.00 USD", annually)
	tests := []struct {
		name  string
		first credits.Plan
		all   []credits.Command
		want  []string
		ends  string // of the view, after the last command; "" if it renews
		next  string // the plan of the view
	}{
		{"T-7/a change", small, []credits.Command{credits.Subscribe{Plan: big, When: credits.AtCycle}}, []string{"2026-02-01 renewed 36.00 USD +40"}, "", "big"},
		{
			"T-7/undone by subscribing to what one has", small,
			[]credits.Command{credits.Subscribe{Plan: big, When: credits.AtCycle}, credits.Subscribe{Plan: small}},
			[]string{"2026-02-01 renewed 9.00 USD +10"},
			"", "",
		},
		{"DB-06/a cancellation", small, []credits.Command{credits.Cancel{}}, []string{"2026-02-01 ended"}, "2026-02-01", ""},
		{"DB-06/undone by Reactivate", small, []credits.Command{credits.Cancel{}, credits.Reactivate{}}, []string{"2026-02-01 renewed 9.00 USD +10"}, "", ""},
		{
			"DB-06/undone by subscribing to what one has", small,
			[]credits.Command{credits.Cancel{}, credits.Subscribe{Plan: small}},
			[]string{"2026-02-01 renewed 9.00 USD +10"},
			"", "",
		},
		{"T-5/cancelled at the end of the term", year, []credits.Command{credits.Cancel{}}, []string{"2026-02-01 renewed +10"}, "2027-01-01", ""},
		{"T-5/cancelled at the end of the cycle", year, []credits.Command{credits.Cancel{When: credits.AtCycle}}, []string{"2026-02-01 ended"}, "2026-02-01", ""},
		{
			"T-7/the last one counts", small,
			[]credits.Command{credits.Subscribe{Plan: big, When: credits.AtCycle}, credits.Cancel{}, credits.Subscribe{Plan: year, When: credits.AtEnd}},
			[]string{"2026-02-01 renewed 108.00 USD +10"},
			"", "year",
		},
		{
			"T-7/dropped by a change at once", small,
			[]credits.Command{credits.Cancel{}, credits.Subscribe{Plan: big}},
			[]string{"2026-02-01 renewed 36.00 USD +40"},
			"", "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(tt.first)
			r.at("2026-01-10")
			for _, c := range tt.all {
				r.do(c)
			}
			v := r.wallet().Subscription()
			ends, next := "", ""
			if !v.Ends.IsZero() {
				ends = v.Ends.Format(time.DateOnly)
			}
			if v.Next != nil {
				next = v.Next.ID
			}
			if !v.Active || ends != tt.ends || next != tt.next {
				t.Errorf("the view says it ends %q and becomes %q, want %q and %q", ends, next, tt.ends, tt.next)
			}
			last := r.wallet().Seq()
			r.hasAt("2026-01-31 23:59:59.999999", r.wallet().Available().String())
			r.at("2026-02-01")
			r.tick()
			r.wrote(last, tt.want...)
		})
	}
	t.Run("S-4/nothing to undo", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(small)
		r.invalid(credits.Reactivate{}, "wallet", credits.ErrExists)
		r.invalid(credits.Subscribe{Plan: small}, "plan", credits.ErrExists)
		r.invalid(credits.Cancel{When: credits.AtOnce}, "when", nil)
		r.invalid(credits.Cancel{When: 9}, "when", nil)
		r.invalid(credits.Subscribe{Plan: big, When: 9}, "when", nil)
		r.invalid(credits.Subscribe{}, "plan.id", nil)
	})
}

// P-6: the ledger holds the plan's content.
func TestPlanIsKept(t *testing.T) {
	v1 := sold("pro", "10", "9.00 USD")
	v2 := sold("pro", "20", "9.00 USD", func(p *credits.Plan) { p.Version = 2 })
	other := sold("pro", "20", "9.00 USD")
	t.Run("P-6/other content under the version that it has", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(v1)
		r.invalid(credits.Subscribe{Plan: other}, "plan.version", nil)
		r.invalid(credits.Subscribe{Plan: other, When: credits.AtCycle}, "plan.version", nil)
	})
	t.Run("P-6/other content under the version that is scheduled", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(sold("basic", "5", "5.00 USD"))
		r.do(credits.Subscribe{Plan: v1, When: credits.AtCycle})
		r.invalid(credits.Subscribe{Plan: other}, "plan.version", nil)
	})
	t.Run("P-6/a new version is a change", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(v1)
		r.do(credits.Subscribe{Plan: v2, When: credits.AtCycle})
		r.has("10")
		r.at("2026-02-01")
		r.has("20")
	})
	t.Run("P-6/the catalogue changes nothing by itself", func(t *testing.T) {
		p := sold("pro", "10", "9.00 USD")
		r := newRig(t, "2026-01-01")
		r.open(p)
		p.Allowances[0].Amount = n("99")
		r.at("2026-02-01")
		r.has("10")
	})
	t.Run("CF-03/a plan of one wallet's own", func(t *testing.T) {
		ultra := sold("ultra", "100000", "900.00 USD", annually, func(p *credits.Plan) { p.For = acme })
		r := newRig(t, "2026-01-15")
		r.open(sold("plus", "2000", "60.00 USD"))
		as := r.ledger
		r.ledger = as.As(credits.Actor{ID: "eve", Role: credits.Operator})
		s := r.do(credits.Subscribe{Plan: ultra, Note: credits.Note{Ref: "contract 7", Reason: "negotiated"}})
		if e := s.Entries[0]; e.Actor.ID != "eve" || e.Note.Ref != "contract 7" || e.Cycle.Plan.For != acme {
			t.Errorf("the entry is %+v", e)
		}
		r.has("100000")
		if got, _ := r.wallet().Plan(); got.For != acme || got.Price != cash("900.00 USD") {
			t.Errorf("the wallet's plan is %+v", got)
		}
		ultra.For, ultra.Version = "bob", 2
		r.invalid(credits.Subscribe{Plan: ultra}, "plan.for", nil)
		r.ledger = as
	})
}

// CF-01: a plan that can be had once is not had twice, by whatever route.
func TestOnce(t *testing.T) {
	free := sold("free", "50", "", func(p *credits.Plan) { p.Every, p.Life, p.Once = credits.Months(3), credits.Months(3), true })
	plus := sold("plus", "2000", "60.00 USD")
	routes := []struct {
		name string
		all  []change
	}{
		{"while it is live", nil},
		{"after it ended", []change{{at: "2026-04-15"}}},
		{"years after", []change{{at: "2029-04-15"}}},
		{"after Plus", []change{{"2026-02-01", credits.Subscribe{Plan: plus}, "60.00 USD", "2000"}}},
		{"after Plus was cancelled", []change{
			{"2026-02-01", credits.Subscribe{Plan: plus}, "60.00 USD", "2000"}, {do: credits.Cancel{}}, {at: "2026-05-01"},
		}},
		{"after it lapsed", []change{{"2026-02-01", credits.Lapse{}, "", ""}}},
		{"after it was deactivated", []change{{"2026-02-01", credits.Deactivate{Note: credits.Note{Reason: "asked"}}, "", ""}}},
		{"as another version", []change{{at: "2026-05-01"}}},
	}
	for i, tt := range routes {
		t.Run("CF-01/"+tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(free)
			for _, c := range tt.all {
				if c.do != nil {
					r.play([]change{c})
				} else {
					r.at(c.at)
				}
			}
			again := free
			if i == len(routes)-1 {
				again.Version = 2
			}
			if i == 0 {
				r.invalid(credits.Subscribe{Plan: again}, "plan", credits.ErrExists)
			} else {
				r.refused(credits.Subscribe{Plan: again}, credits.HadBefore)
				r.refused(credits.Subscribe{Plan: again, When: credits.AtCycle}, credits.HadBefore)
			}
			r.at("2030-01-01")
			r.tick()
			given := 0
			for _, e := range r.history(acme, credits.HistoryQuery{}) {
				if e.Opens != nil && e.Opens.Amount == n("50") {
					given++
				}
			}
			if given != 1 {
				t.Errorf("50 credits were granted %d times", given)
			}
		})
	}
	t.Run("CF-01, CF-10/half-open", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(free)
		r.hasAt("2026-04-14 23:59:59.999999", "50")
		r.hasAt("2026-04-15", "0")
		r.at("2026-04-15")
		e := r.refused(credits.Spend{Amount: 1}, credits.NoPlan)
		if !slices.Contains(remedies(e), credits.RemedyPlan) {
			t.Errorf("the remedies are %v", e.Remedies)
		}
		if v := r.wallet().Subscription(); v.Active || v.End != credits.EndOfLife {
			t.Errorf("the subscription is %+v", v)
		}
	})
	t.Run("CF-01/Reactivate does not revive it", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(free)
		r.at("2026-04-15")
		r.refused(credits.Reactivate{}, credits.Ended)
	})
}
