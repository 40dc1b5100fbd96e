package credits_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

func TestRenewal(t *testing.T) {
	t.Run("CF-02/three renewals of 2,000", func(t *testing.T) {
		r := newRig(t, "2026-01-31")
		r.open(monthly("2000"))
		r.at("2026-04-30")
		r.has("2000")
		r.tick()
		renewals := r.history(acme, credits.HistoryQuery{After: 2, Kinds: []credits.Kind{credits.KindGranted}})
		var got []time.Time
		for _, e := range renewals {
			got = append(got, e.At)
		}
		want := []time.Time{day("2026-02-28"), day("2026-03-31"), day("2026-04-30")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("renewals (-want +got):\n%s", diff)
		}
	})
	t.Run("FD-03/the day before the renewal", func(t *testing.T) {
		r := newRig(t, "2026-03-15 09:37")
		o := r.do(credits.Open{Plan: monthly("2500", func(p *credits.Plan) { p.Anchor = credits.AnniversaryDay }), Zone: "Europe/Berlin"})
		lot := o.Lots()[0]
		if want := day("2026-04-14 22:00"); !lot.Expires.Equal(want) { // 15 April 00:00 in Berlin
			t.Errorf("the lot expires at %v, want %v", lot.Expires, want)
		}
		last := r.wallet().Cycle().LastDay(r.wallet().Zone())
		if y, m, d := last.Date(); y != 2026 || m != time.April || d != 14 {
			t.Errorf("the last valid date is %v, want 14 April", last)
		}
		r.hasAt("2026-04-14 21:59:59.999999", "2500")
		r.at("2026-04-14 22:00")
		r.tick()
		r.told(2, "expired 2500, renewed, granted 2500")
	})
	t.Run("FD-04/no rollover", func(t *testing.T) {
		r := newRig(t, "2026-03-15")
		r.open(monthly("2500"))
		r.do(credits.Spend{Amount: n("1800")})
		r.at("2026-04-15")
		r.has("2500")
		r.tick()
		r.told(3, "expired 700, renewed, granted 2500")
	})
	t.Run("GN-03/the 1st, whatever day it subscribed", func(t *testing.T) {
		r := newRig(t, "2026-01-30 22:00")
		r.do(credits.Open{Plan: monthly("10000", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }), Zone: "Asia/Tokyo"})
		if got, want := r.wallet().Cycle().End, day("2026-01-31 15:00"); !got.Equal(want) { // 1 February 00:00 in Tokyo
			t.Errorf("the next reset is at %v, want %v", got, want)
		}
		r.at("2026-02-28 14:59:59.999999")
		if got := r.wallet().Due().Sub(r.clock.Now()); got != time.Microsecond {
			t.Errorf("the next top-up is in %v, want 1µs", got)
		}
	})
	t.Run("T-1/period end", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		r.do(credits.Spend{Amount: n("9")})
		r.hasAt("2026-01-31 23:59:59.999999", "1")
		r.hasAt("2026-02-01", "10")
	})
}

func TestFirstCycle(t *testing.T) {
	tests := []struct {
		name  string
		first credits.First
		at    string
		every credits.Span
		want  string
	}{
		{"T-4/in full", credits.FirstFull, "2026-01-31 23:00", credits.Months(1), "310"},
		{"T-4/in full by default", 0, "2026-01-31 23:00", credits.Months(1), "310"},
		{"T-4/prorated, today included", credits.FirstProrated, "2026-01-31 23:00", credits.Months(1), "10"},
		{"T-4/prorated, rounded down", credits.FirstProrated, "2026-02-27", credits.Months(1), "22.142857"},
		{"T-4/prorated, a whole month", credits.FirstProrated, "2026-01-01", credits.Months(1), "310"},
		{"T-4/prorated, on the first but later", credits.FirstProrated, "2026-01-01 12:00", credits.Months(1), "310"},
		{"T-4/prorated, of a quarter", credits.FirstProrated, "2026-03-01", credits.Months(3), "106.777777"},
		{"T-4/nothing", credits.FirstNothing, "2026-01-31 23:00", credits.Months(1), "0"},
		{"T-4/nothing, but the cycle is whole", credits.FirstNothing, "2026-01-01", credits.Months(1), "310"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.at)
			r.open(monthly("310", func(p *credits.Plan) { p.Anchor, p.First, p.Every = credits.FirstOfMonth, tt.first, tt.every }))
			r.has(tt.want)
			r.clock.Set(r.wallet().Cycle().End)
			r.has("310")
		})
	}
}

func TestChargesOfRenewals(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*credits.Plan)
		charges []string // of the opening and of the first 13 renewals, "" for none
	}{
		{"P-7/monthly", func(*credits.Plan) {}, []string{"9.00 USD", "9.00 USD", "9.00 USD"}},
		{"P-7/an annual term, monthly cycles", func(p *credits.Plan) { p.Term = credits.Years(1) }, []string{
			"9.00 USD", "", "", "", "", "", "", "", "", "", "", "", "9.00 USD", "",
		}},
		{"P-7/a term of two cycles", func(p *credits.Plan) { p.Term = credits.Months(2) }, []string{"9.00 USD", "", "9.00 USD", "", "9.00 USD"}},
		{"P-7/free", func(p *credits.Plan) { p.Price = credits.Money{} }, []string{"", "", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-31")
			plan := monthly("10", func(p *credits.Plan) { p.Price = cash("9.00 USD") }, tt.change)
			r.open(plan)
			r.clock.Set(day("2026-01-31").AddDate(0, len(tt.charges)-1, 0))
			r.tick()
			var got []string
			var paid int64
			for _, e := range r.history(acme, credits.HistoryQuery{}) {
				if e.Cycle != nil && len(got) < len(tt.charges) {
					got = append(got, e.Charge.String())
				}
				if e.Opens != nil && e.At.Before(day("2027-01-31")) {
					paid += e.Opens.Paid.Micros
				}
			}
			if diff := cmp.Diff(tt.charges, got); diff != "" {
				t.Errorf("charges (-want +got):\n%s", diff)
			}
			if plan.Term == credits.Years(1) && paid != 9_000_000 {
				t.Errorf("A-4: the lots of a term were paid %d millionths in all, want 9.00", paid)
			}
		})
	}
}

func TestTermAndCycle(t *testing.T) {
	// T-5, MK-03: an annual term with a monthly allowance resets every month.
	r := newRig(t, "2026-01-31")
	r.open(monthly("10", func(p *credits.Plan) { p.Term, p.Price = credits.Years(1), cash("10.00 USD") }))
	for _, reset := range []string{"2026-02-28", "2026-03-31", "2026-04-30"} {
		r.do(credits.Spend{Amount: n("10")})
		r.at(reset)
		r.has("10")
	}
}

func TestRollover(t *testing.T) {
	tests := []struct {
		name     string
		rollover credits.Rollover
		spent    string
		want     []string // available after the first, second and third reset
	}{
		{"GN-04/none by default", credits.Rollover{}, "0", []string{"100", "100", "100"}},
		{"all of it", credits.Rollover{Share: 100 * credits.Percent}, "40", []string{"160", "200", "200"}},
		{"a share, rounded down", credits.Rollover{Share: 1}, "99.999901", []string{"100", "100.01", "100.01"}},
		{"a cap", credits.Rollover{Share: 100 * credits.Percent, Cap: credits.AtMost(n("30"))}, "40", []string{"130", "130", "130"}},
		{"a cap of nothing", credits.Rollover{Share: 100 * credits.Percent, Cap: credits.AtMost(0)}, "40", []string{"100", "100", "100"}},
		{"unlimited", credits.Rollover{Share: 100 * credits.Percent, Cap: credits.Unlimited}, "40", []string{"160", "200", "200"}},
		{"a cap by share of the allowance", credits.Rollover{Share: 100 * credits.Percent, CapShare: 50 * credits.Percent}, "40", []string{"150", "150", "150"}},
		{"longer than a cycle", credits.Rollover{Share: 100 * credits.Percent, Life: credits.Months(2)}, "40", []string{"160", "260", "300"}},
		{"for ever", credits.Rollover{Share: 100 * credits.Percent, Life: credits.Forever}, "40", []string{"160", "260", "360"}},
		{"for the term", credits.Rollover{Share: 100 * credits.Percent, Life: credits.ForTerm}, "40", []string{"160", "200", "200"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("100", func(p *credits.Plan) { p.Allowances[0].Rollover = tt.rollover }))
			if a := n(tt.spent); a > 0 {
				r.do(credits.Spend{Amount: a})
			}
			for i, at := range []string{"2026-02-01", "2026-03-01", "2026-04-01"} {
				r.hasAt(at, tt.want[i])
				r.at(at)
				r.has(tt.want[i])
			}
		})
	}
	t.Run("for a term of two cycles", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("100", func(p *credits.Plan) {
			p.Term, p.Allowances[0].Rollover = credits.Months(2), credits.Rollover{Share: 100 * credits.Percent, Life: credits.ForTerm}
		}))
		r.hasAt("2026-02-01", "200") // until 1 March, when the term ends
		r.hasAt("2026-03-01", "200") // until 1 May
		r.hasAt("2026-04-01", "300")
		r.hasAt("2026-05-01", "200")
	})
	t.Run("cost and origin are inherited", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		o := r.open(monthly("3", func(p *credits.Plan) {
			p.Price = cash("10.00 USD")
			p.Allowances[0].Rollover = credits.Rollover{Share: 100 * credits.Percent, Cap: credits.AtMost(n("1"))}
			p.Allowances[0].Features = []string{"run"}
		}))
		r.do(credits.Spend{Feature: "run", Quantity: 1})
		r.at("2026-02-01")
		r.tick()
		for _, e := range r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindRolledOver}}) {
			want := &credits.Terms{
				ID: e.Seq, Source: credits.FromRollover, Amount: n("1"), Starts: day("2026-02-01"), Expires: day("2026-03-01"),
				Priority: 50, Features: []string{"run"}, Paid: cash("3.333333 USD"), Origin: credits.Origin{Lot: o.Lots()[0].ID},
			}
			if diff := cmp.Diff(want, e.Opens); diff != "" {
				t.Errorf("the lot (-want +got):\n%s", diff)
			}
		}
	})
	t.Run("only allowances", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("100", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 100 * credits.Percent }))
		r.do(credits.Spend{Amount: n("100")})
		r.do(credits.Grant{Amount: n("5"), Expires: day("2026-02-01")})
		r.hasAt("2026-02-01", "100")
	})
}

func TestCarryOver(t *testing.T) {
	t.Run("GN-05/once, with its own expiry", func(t *testing.T) {
		r := newRig(t, "2026-01-10")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.Spend{Amount: n("30")})
		r.do(credits.CarryOver{Amount: n("50"), Note: credits.Note{Reason: "goodwill"}})
		r.hasAt("2026-02-01", "150")
		r.hasAt("2026-03-01", "100") // the default again
		r.at("2026-02-01")
		r.tick()
		r.told(4, "rolled over 50, expired 20, renewed, granted 100")
		for _, e := range r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindRolledOver}}) {
			if e.Opens.Source != credits.FromCarryOver || !e.Opens.Expires.Equal(day("2026-03-01")) {
				t.Errorf("the lot is %+v", e.Opens)
			}
		}
	})
	t.Run("GN-05/an expiry of its own", func(t *testing.T) {
		r := newRig(t, "2026-01-10")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.CarryOver{Amount: n("50"), Expires: day("2026-02-05")})
		r.hasAt("2026-02-04 23:59:59.999999", "150")
		r.hasAt("2026-02-05", "100")
	})
	t.Run("GN-05/at most what is unused then", func(t *testing.T) {
		r := newRig(t, "2026-01-10")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.CarryOver{Amount: n("50")})
		r.do(credits.Spend{Amount: n("80")})
		r.hasAt("2026-02-01", "120")
	})
	t.Run("GN-05/before the plan's rollover", func(t *testing.T) {
		r := newRig(t, "2026-01-10")
		r.open(monthly("100", func(p *credits.Plan) {
			p.Anchor, p.Allowances[0].Rollover.Share = credits.FirstOfMonth, 50*credits.Percent
		}))
		r.do(credits.CarryOver{Amount: n("60")})
		r.hasAt("2026-02-01", "180") // 60, half of 40, and 100
	})
	t.Run("refused and invalid", func(t *testing.T) {
		r := newRig(t, "2026-01-10")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.Grant{Amount: n("1000"), Expires: day("2026-02-01")})
		r.refused(credits.CarryOver{Amount: n("100.000001")}, credits.Insufficient)
		r.refused(credits.CarryOver{Amount: 1, Unit: "GB"}, credits.Insufficient)
		r.invalid(credits.CarryOver{}, "amount", nil)
		r.invalid(credits.CarryOver{Amount: 1, Expires: day("2026-02-01")}, "expires", nil)
		r.do(credits.CarryOver{Amount: n("100")})
		r.invalid(credits.CarryOver{Amount: 1}, "unit", credits.ErrExists)
		r.at("2026-02-01")
		r.do(credits.CarryOver{Amount: n("100")})
		r.hasAt("2026-03-01", "200")
	})
}

func TestZones(t *testing.T) {
	t.Run("T-3/from the next cycle on", func(t *testing.T) {
		r := newRig(t, "2026-01-10 12:00")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.SetZone{Zone: "Asia/Tokyo"})
		want := []credits.Period{
			{Start: day("2026-01-10 12:00"), End: day("2026-02-01")}, // as it was recorded
			{Start: day("2026-02-01"), End: day("2026-02-28 15:00")},
			{Start: day("2026-02-28 15:00"), End: day("2026-03-31 15:00")},
		}
		for _, cycle := range want {
			r.clock.Set(cycle.Start)
			if diff := cmp.Diff(cycle, r.wallet().Cycle()); diff != "" {
				t.Errorf("the cycle (-want +got):\n%s", diff)
			}
		}
		if got := r.wallet().Zone().String(); got != "Asia/Tokyo" {
			t.Errorf("the zone is %s, want Asia/Tokyo", got)
		}
	})
	t.Run("T-3/to the west, from the same local anchor", func(t *testing.T) {
		// Opened on the 1st in UTC, the anchor is the 1st in New York as well: no
		// cycle of five hours between the two firsts is given an allowance.
		r := newRig(t, "2026-01-01")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.SetZone{Zone: "America/New_York"})
		r.at("2026-02-01")
		want := credits.Period{Start: day("2026-02-01"), End: day("2026-03-01 05:00")}
		if diff := cmp.Diff(want, r.wallet().Cycle()); diff != "" {
			t.Errorf("the cycle (-want +got):\n%s", diff)
		}
	})
	t.Run("T-3/set twice, the last counts", func(t *testing.T) {
		r := newRig(t, "2026-01-10 12:00")
		r.open(monthly("100", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.SetZone{Zone: "Asia/Tokyo"})
		r.do(credits.SetZone{Zone: "Europe/Berlin"})
		r.at("2026-02-01")
		if got, want := r.wallet().Cycle().End, day("2026-02-28 23:00"); !got.Equal(want) {
			t.Errorf("the cycle ends at %v, want %v", got, want)
		}
	})
	t.Run("T-3/over a gap and a fold", func(t *testing.T) {
		// 02:30 does not exist in Berlin on 29 March, and occurs twice on 25 October.
		r := newRig(t, "2026-02-28 23:00")
		r.do(credits.Open{Plan: monthly("1", func(p *credits.Plan) { p.Every = credits.Days(1) }), Zone: "Europe/Berlin"})
		for at, want := range map[string]time.Duration{"2026-03-28 23:00": 23 * time.Hour, "2026-10-24 22:00": 25 * time.Hour, "2026-06-01 22:00": 24 * time.Hour} {
			w, err := r.ledger.BalanceAt(r.ctx, acme, day(at))
			if err != nil {
				t.Fatal(err)
			}
			if c := w.Cycle(); c.End.Sub(c.Start) != want || !c.Start.Equal(day(at)) {
				t.Errorf("the cycle at %s is %v, want %v long", at, c, want)
			}
		}
	})
	t.Run("T-3/invalid", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.invalid(credits.Open{Plan: bare(), Zone: "Mars/Olympus"}, "zone", nil)
		r.invalid(credits.Open{Plan: bare(), Zone: "Local"}, "zone", nil)
		r.open(bare())
		r.invalid(credits.SetZone{}, "zone", nil)
		r.invalid(credits.SetZone{Zone: "../etc/passwd"}, "zone", nil)
		r.invalid(credits.SetZone{Zone: "UTC\x00"}, "zone", nil)
	})
}

func TestOverdraftAtReset(t *testing.T) {
	tests := []struct {
		name    string
		atReset credits.AtReset
		want    string
		told    string
	}{
		{"S-8/carried by default", 0, "70", "renewed, granted 100, repaid 30"},
		{"S-8/carried", credits.CarryDebt, "70", "renewed, granted 100, repaid 30"},
		{"S-8/forgiven", credits.ForgiveDebt, "100", "forgiven 30, renewed, granted 100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("100", func(p *credits.Plan) {
				p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(n("30")), AtReset: tt.atReset}}
			}))
			r.do(credits.Spend{Amount: n("130")})
			r.at("2026-02-01")
			r.has(tt.want)
			if got := r.wallet().Balance("", "").Debt; got != 0 {
				t.Errorf("the debt is %v, want 0", got)
			}
			r.tick()
			r.told(3, tt.told)
		})
	}
	t.Run("S-8/larger than the allowance", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("100", func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited}} }))
		r.do(credits.Spend{Amount: n("350")})
		for at, want := range map[string]string{"2026-02-01": "150", "2026-03-01": "50", "2026-04-01": "0"} {
			w, err := r.ledger.BalanceAt(r.ctx, acme, day(at))
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Balance("", "").Debt; got != n(want) {
				t.Errorf("the debt at %s is %v, want %s", at, got, want)
			}
		}
		r.hasAt("2026-04-01", "50")
	})
}

func TestOrderAtOneInstant(t *testing.T) {
	// T-6: everything that can fall due falls due on 1 February.
	r := newRig(t, "2026-01-01")
	at := day("2026-02-01")
	r.open(monthly("100", func(p *credits.Plan) {
		p.Allowances[0].Rollover = credits.Rollover{Share: 50 * credits.Percent}
		p.Allowances[0].Features = []string{"run"}
		p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited, AtReset: credits.ForgiveDebt}, {Unit: "GB", Limit: credits.Unlimited}}
	}))
	r.do(credits.Grant{Amount: n("7"), Starts: at})
	r.do(credits.Grant{Unit: "GB", Amount: n("9"), Starts: at})
	r.do(credits.Grant{Amount: n("3"), Expires: at, Scope: "ann"})
	r.do(credits.CarryOver{Amount: n("10")})
	r.do(credits.Spend{Amount: n("20")})            // owed, and forgiven
	r.do(credits.Spend{Unit: "GB", Amount: n("4")}) // owed, and carried
	r.do(credits.Reserve{Feature: "run", Quantity: 30, Until: at})
	r.do(credits.SetZone{Zone: "Asia/Tokyo"})
	seq := r.wallet().Seq()
	r.clock.Set(at)
	r.do(credits.Spend{Amount: n("1")})
	r.told(seq, "timed out 30, rolled over 10, rolled over 45, expired 45, expired 3, forgiven 20, renewed, granted 100, "+
		"started 7, started 9, repaid 4, spent 1")
}
