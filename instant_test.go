package credits_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// T-6: what falls due at one instant takes effect in this order, whenever it is
// written: holds reach their deadline, rollover and carry-over move their share, the
// rest expires, debt is settled, the scheduled plan begins, allowances and then
// add-ons are granted, lots begin and pay debt first, and then comes the command.
func TestOrderOfPlansAtOneInstant(t *testing.T) {
	const reset = "2026-02-01"
	first := sold("first", "100", "9.00 USD", withUnit, func(p *credits.Plan) {
		p.Allowances[0].Rollover.Share = 50 * credits.Percent
		p.Overdrafts = []credits.Overdraft{
			{Unit: "forgiven", Limit: credits.AtMost(n("10")), AtReset: credits.ForgiveDebt},
			{Unit: "carried", Limit: credits.AtMost(n("10"))},
		}
		p.Leaving.Purchases = credits.Forfeit
		p.Packs = []credits.Pack{{ID: "pack", Size: n("7"), Price: cash("1.00 USD"), Life: credits.Forever}}
	})
	next := sold("next", "200", "18.00 USD", withUnit, func(p *credits.Plan) { p.Overdrafts = first.Overdrafts })
	play := func(t *testing.T, sweeps ...string) []string {
		r := newRig(t, "2026-01-01")
		r.open(first)
		r.do(credits.SetUnits{AddOn: "unit", Units: 2})
		r.do(credits.Buy{Pack: "pack", Amount: n("7")})
		r.do(credits.Reserve{Amount: n("40"), Until: day(reset)})
		r.do(credits.CarryOver{Amount: n("10"), Note: credits.Note{Reason: "goodwill"}})
		r.do(credits.Grant{Unit: "carried", Amount: n("20"), Starts: day(reset)})
		r.do(credits.Grant{Amount: n("3"), Expires: day(reset)})
		r.do(credits.Spend{Unit: "forgiven", Amount: n("4")})
		r.do(credits.Spend{Unit: "carried", Amount: n("5")})
		last := r.do(credits.Subscribe{Plan: next, When: credits.AtCycle}).Entries[0].Seq
		for _, at := range sweeps {
			r.at(at)
			r.tick()
		}
		r.at(reset)
		r.do(credits.Spend{Amount: n("1")})
		var all []string
		for _, e := range r.history(acme, credits.HistoryQuery{After: last}) {
			if !e.At.Equal(day(reset)) {
				t.Errorf("%v is dated %v", e.Kind, e.At)
			}
			line := strings.TrimSpace(entryWords(e) + " " + string(e.Unit))
			if e.Opens != nil {
				line += " (" + e.Opens.Source.String() + ")"
			}
			all = append(all, line)
		}
		return all
	}
	want := []string{
		"timed out 40", "rolled over 10 (carry-over)", "rolled over 45 (rollover)", "expired 45", "expired 10", "expired 3",
		"forgiven 4 forgiven (grant)", "revoked 7", "renewed", "granted 200 (allowance)",
		"units renewed", "granted 10 (add-on)", "started 20 carried", "repaid 5 carried", "spent 1",
	}
	t.Run("T-6/the order", func(t *testing.T) {
		got := play(t)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what fell due (-want +got):\n%s", diff)
		}
		for _, sweeps := range [][]string{{"2026-01-15", "2026-01-31 23:59:59.999999"}, {reset}, {reset, reset}} {
			if diff := cmp.Diff(got, play(t, sweeps...)); diff != "" {
				t.Errorf("swept at %v (-without +with):\n%s", sweeps, diff)
			}
		}
	})
}

// T-7: what was missed is applied one by one, each at its own instant, with what was
// scheduled among it, however long the wallet slept.
func TestMissedPeriodsOfPlans(t *testing.T) {
	daily := func(p *credits.Plan) { p.Every = credits.Days(1) }
	first, next := sold("first", "10", "1.00 USD", daily, withUnit), sold("next", "30", "3.00 USD", daily, withUnit)
	t.Run("T-7/a change before years of sleep", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(first)
		r.do(credits.SetUnits{AddOn: "unit", Units: 2})
		r.do(credits.Subscribe{Plan: next, When: credits.AtCycle})
		r.at("2031-01-01 12:00")
		r.has("40")
		rounds := 0
		for r.tick() > 0 {
			rounds++
		}
		kinds := map[credits.Kind]int{}
		at := day("2026-01-02")
		for _, e := range r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindRenewed, credits.KindUnitsRenewed}}) {
			kinds[e.Kind]++
			if e.Kind == credits.KindRenewed {
				if !e.At.Equal(at) || e.Charge != cash("3.00 USD") {
					t.Fatalf("cycle %d is at %v for %v, want %v", e.Cycle.Number, e.At, e.Charge, at)
				}
				at = at.AddDate(0, 0, 1)
			}
		}
		if want := 1826; kinds[credits.KindRenewed] != want || kinds[credits.KindUnitsRenewed] != want {
			t.Errorf("in %d rounds there were %v, want %d of each", rounds, kinds, want)
		}
	})
	t.Run("T-7/a cancellation before years of sleep", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(first)
		r.do(credits.Cancel{})
		r.at("2031-01-01")
		r.tick()
		if v, e := r.wallet().Subscription(), r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindEnded}}); v.Active || !e[0].At.Equal(day("2026-01-02")) {
			t.Errorf("it ended at %v: %+v", e[0].At, v)
		}
	})
	t.Run("T-7/an annual plan with monthly add-ons", func(t *testing.T) {
		r := newRig(t, "2026-01-31")
		r.open(sold("year", "100", "90.00 USD", yearly, withUnit))
		last := r.do(credits.SetUnits{AddOn: "unit", Units: 1}).Entries[1].Seq
		r.at("2028-03-01")
		r.has("105")
		r.tick()
		var got []string
		for _, e := range r.history(acme, credits.HistoryQuery{After: last, Kinds: []credits.Kind{credits.KindUnitsRenewed, credits.KindRenewed}}) {
			got = append(got, e.At.Format("06-01-02")+" "+fmt.Sprint(e.Charge))
		}
		var want []string
		for i := 1; i <= 25; i++ {
			at, _ := credits.Months(i).After(day("2026-01-31"), time.UTC)
			if i%12 == 0 {
				want = append(want, at.Format("06-01-02")+" 90.00 USD")
			}
			want = append(want, at.Format("06-01-02")+" 1.00 USD")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("periods (-want +got):\n%s", diff)
		}
	})
}
