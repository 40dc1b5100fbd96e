package credits_test

import (
	"testing"

	"example.com/credits"
)

// full opens a wallet that has a lot of every kind, each with 10 credits, and a
// hold of 4 on each: 6 of each are available.
func (r *rig) full(p credits.Plan) {
	r.Helper()
	p.AddOns = []credits.AddOn{{ID: "unit", Price: cash("1.00 USD"), Allowances: []credits.Allowance{{Unit: "add-on", Amount: n("10")}}}}
	p.Packs = []credits.Pack{{ID: "pack", Unit: "pack", Size: n("10"), Price: cash("1.00 USD"), Life: credits.Forever}}
	r.open(p)
	r.do(credits.SetUnits{AddOn: "unit", Units: 1})
	r.do(credits.Buy{Pack: "pack", Amount: n("10")})
	r.do(credits.Grant{Unit: "grant", Amount: n("10")})
	for _, unit := range []credits.Unit{"", "add-on", "pack", "grant"} {
		r.do(credits.Reserve{Unit: unit, Amount: n("4"), Until: day("2026-02-20")})
	}
}

// left returns what is available of allowance, add-on, pack and grant.
func (r *rig) left() [4]string {
	r.Helper()
	w := r.wallet()
	var out [4]string
	for i, unit := range []credits.Unit{"", "add-on", "pack", "grant"} {
		out[i] = w.Balance(unit, "").Available.String()
	}
	return out
}

// S-9: what becomes of each kind of lot when its plan ends or another takes its place.
func TestLeaving(t *testing.T) {
	k, f := credits.Keep, credits.Forfeit
	other := sold("other", "10", "9.00 USD", func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{ID: "unit", Price: cash("1.00 USD"), Allowances: []credits.Allowance{{Unit: "add-on", Amount: n("10")}}}}
	})
	ways := []struct {
		name string
		do   credits.Command
		at   string // when to look
		gone bool   // the period of allowances and add-ons is over by then
		more string // what the plan brings by then
	}{
		{"a lapse", credits.Lapse{}, "2026-01-10", false, ""},
		{"another plan at once", credits.Subscribe{Plan: other}, "2026-01-10", false, ""},
		{"a cancellation", credits.Cancel{}, "2026-02-01", true, ""},
		{"another plan at the reset", credits.Subscribe{Plan: other, When: credits.AtCycle}, "2026-02-01", true, "10"},
	}
	for _, way := range ways {
		for _, tt := range []struct {
			name string
			v    credits.Leaving
		}{
			{"the default keeps all", credits.Leaving{}},
			{"all are kept", credits.Leaving{Allowances: k, AddOns: k, Purchases: k, Grants: k}},
			{"allowances are forfeited", credits.Leaving{Allowances: f}},
			{"add-ons are forfeited", credits.Leaving{AddOns: f}},
			{"purchases are forfeited", credits.Leaving{Purchases: f}},
			{"grants are forfeited", credits.Leaving{Grants: f}},
			{"all are forfeited", credits.Leaving{Allowances: f, AddOns: f, Purchases: f, Grants: f}},
		} {
			t.Run("S-9/"+way.name+"/"+tt.name, func(t *testing.T) {
				r := newRig(t, "2026-01-01")
				r.full(sold("pro", "10", "9.00 USD", func(p *credits.Plan) { p.Leaving = tt.v }))
				r.at("2026-01-10")
				r.do(way.do)
				r.at(way.at)
				want := [4]string{"6", "6", "6", "6"}
				for i, fate := range [4]credits.Fate{tt.v.Allowances, tt.v.AddOns, tt.v.Purchases, tt.v.Grants} {
					if fate == f {
						want[i] = "0"
					}
				}
				if way.gone {
					want[0], want[1] = "0", "0"
					if way.more != "" {
						want[0], want[1] = way.more, way.more
					}
				}
				if got := r.left(); got != want {
					t.Errorf("of allowance, add-on, purchase and grant there are %v left, want %v", got, want)
				}
				// S-6: what is held outlives it, may be captured, and what is released ends with its lot.
				for h := range r.wallet().Holds() {
					r.do(credits.Capture{Hold: h.ID, Amount: n("1")})
				}
				for i := range want {
					if want[i] == "6" {
						want[i] = "9"
					}
				}
				if got := r.left(); got != want {
					t.Errorf("after 1 of each 4 was captured there are %v, want %v", got, want)
				}
			})
		}
	}
}

// A new version or another tier of the same plan is no leaving.
func TestLeavingIsForAnotherPlan(t *testing.T) {
	forfeits := func(p *credits.Plan) {
		p.Leaving = credits.Leaving{Allowances: credits.Forfeit, Purchases: credits.Forfeit}
	}
	for _, tt := range []struct {
		name string
		when credits.When
		want [4]string
	}{
		{"S-9/at once", credits.AtOnce, [4]string{"16", "0", "6", "6"}},
		{"S-9/at the reset", credits.AtCycle, [4]string{"20", "0", "6", "6"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.full(sold("pro", "10", "9.00 USD", forfeits))
			r.do(credits.Subscribe{Plan: sold("pro", "20", "18.00 USD", forfeits, func(p *credits.Plan) { p.Version = 2 }), When: tt.when})
			r.at("2026-02-01")
			if tt.when == credits.AtOnce {
				r.at("2026-01-31")
				tt.want[1] = "6"
			}
			if got := r.left(); got != tt.want {
				t.Errorf("of allowance, add-on, purchase and grant there are %v left, want %v", got, tt.want)
			}
		})
	}
}

// T-6: what is forfeited at a reset is dated then, whenever it is written.
func TestForfeitedInTime(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(sold("pro", "100", "9.00 USD", func(p *credits.Plan) { p.Leaving.Grants = credits.Forfeit }))
	r.do(credits.Grant{Amount: n("50")})
	r.do(credits.Grant{Unit: "GB", Amount: n("5"), Starts: day("2026-02-10")})
	r.do(credits.Reserve{Amount: n("120"), Until: day("2026-02-05")})
	last := r.do(credits.Cancel{}).ID
	r.at("2026-03-01")
	r.tick()
	// The lot of GB had not started: it is issued and revoked, 5 and 5.
	r.told(last, "ended, revoked 30, revoked 10, timed out 120")
}

// CF-13: an operator's deactivation revokes what is not held, or keeps it.
func TestDeactivate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keep  bool
		want  [4]string
		after [4]string // when the holds were released
	}{
		{"CF-13/it is revoked", false, [4]string{"0", "0", "0", "6"}, [4]string{"0", "0", "0", "10"}},
		{"CF-13/it is kept until it expires", true, [4]string{"6", "6", "6", "6"}, [4]string{"10", "10", "10", "10"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.full(sold("pro", "10", "9.00 USD"))
			r.ledger = r.ledger.As(credits.Actor{ID: "eve", Role: credits.Operator})
			d := r.do(credits.Deactivate{Keep: tt.keep, Note: credits.Note{Reason: "asked for by phone"}})
			if e := d.Entries[0]; e.Kind != credits.KindEnded || e.Change.End != credits.EndDeactivated || e.Actor.ID != "eve" || e.Note.Reason == "" {
				t.Errorf("the entry is %+v", e)
			}
			if got := r.left(); got != tt.want {
				t.Errorf("of allowance, add-on, purchase and grant there are %v left, want %v", got, tt.want)
			}
			r.refused(credits.Spend{Unit: "grant", Amount: n("1")}, credits.NoPlan)
			r.refused(credits.Deactivate{Note: credits.Note{Reason: "again"}}, credits.NoPlan)
			for h := range r.wallet().Holds() {
				r.do(credits.Release{Hold: h.ID})
			}
			if got := r.left(); got != tt.after {
				t.Errorf("released, there are %v, want %v", got, tt.after)
			}
			r.at("2026-02-01")
			if got := r.left(); got[0] != "0" || got[1] != "0" {
				t.Errorf("after their period there are %v", got)
			}
		})
	}
}

// DB-07: without an active subscription credits cannot be spent, nothing renews
// and nothing can be bought; expiry runs on.
func TestInactive(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.full(sold("pro", "10", "9.00 USD", annually, func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
	r.at("2026-01-10")
	hold := r.do(credits.Reserve{Unit: "grant", Amount: n("1"), Until: day("2026-01-31")})
	r.do(credits.Lapse{Note: credits.Note{Reason: "card declined"}})
	if v := r.wallet().Subscription(); v.Active || v.End != credits.EndLapsed {
		t.Errorf("the subscription is %+v", v)
	}
	for _, c := range []credits.Command{
		credits.Spend{Amount: n("1")},
		credits.Spend{Feature: "run", Quantity: 1},
		credits.Spend{Unit: "add-on", Amount: n("1")},
		credits.Reserve{Amount: n("1"), Until: day("2026-01-20")},
		credits.Buy{Pack: "pack", Amount: n("10")},
		credits.SetUnits{AddOn: "unit", Units: 2},
		credits.SetUnits{AddOn: "unit", Units: 0},
		credits.Cancel{},
		credits.Lapse{},
	} {
		if e := r.refused(c, credits.NoPlan); len(e.Remedies) != 1 || e.Remedies[0].Kind != credits.RemedyPlan {
			t.Errorf("%+v: the remedies are %v", c, e.Remedies)
		}
	}
	r.do(credits.Capture{Hold: hold.ID, All: true}) // S-6: what was held before may be used
	last := r.wallet().Seq()
	r.hasAt("2026-01-31 23:59:59.999999", "6")
	r.hasAt("2026-02-01", "0") // its expiry ran on
	r.at("2026-01-20")
	r.do(credits.Reactivate{})
	r.do(credits.Spend{Unit: "add-on", Amount: n("6")}) // spendable again before it expires
	r.wrote(last, "2026-01-20 subscribed")
	r.at("2026-02-01")
	r.tick()
	r.wrote(last, "2026-01-20 subscribed", "2026-02-01 renewed +10", "2026-02-01 units renewed 1.00 USD +10")
}

// P-7: Reactivate resumes a plan on its anchor, however long after.
func TestReactivate(t *testing.T) {
	month := sold("month", "10", "9.00 USD", withUnit)
	year := sold("year", "10", "108.00 USD", withUnit, annually)
	free := sold("free", "10", "", withUnit)
	lapse, off := credits.Lapse{}, credits.Deactivate{Note: credits.Note{Reason: "asked"}}
	tests := []struct {
		name   string
		plan   credits.Plan
		end    credits.Command
		at     string
		want   string // the reactivation
		units  string // and the period of the add-ons that it begins; "" if theirs goes on
		ends   string // of the cycle
		term   string
		has    string
		spends bool
	}{
		{name: "S-10/in the cycle: nothing is granted again", plan: month, end: lapse, at: "2026-02-20", want: "", ends: "2026-02-28", term: "2026-02-28", has: "15"},
		{name: "S-10/in the cycle, after it was revoked", plan: month, end: off, at: "2026-02-20", want: "", ends: "2026-02-28", term: "2026-02-28", has: "0"},
		{name: "P-7/the instant the cycle is over", plan: month, end: lapse, at: "2026-02-28", want: " 9.00 USD +10", units: " 1.00 USD +5", ends: "2026-03-31", term: "2026-03-31", has: "15"},
		{name: "P-7/months after: one cycle, on the anchor", plan: month, end: lapse, at: "2026-07-07", want: " 9.00 USD +10", units: " 1.00 USD +5", ends: "2026-07-31", term: "2026-07-31", has: "15"},
		{name: "P-7/in the year that was paid: no charge", plan: year, end: lapse, at: "2026-07-07", want: " +10", units: " 1.00 USD +5", ends: "2026-07-31", term: "2027-01-31", has: "15"},
		{name: "P-7/after the year: a year from this cycle on", plan: year, end: off, at: "2027-11-20", want: " 108.00 USD +10", units: " 1.00 USD +5", ends: "2027-11-30", term: "2028-10-31", has: "15"},
		{name: "P-7/of a plan that costs nothing", plan: free, end: lapse, at: "2026-07-07", want: " +10", units: " 1.00 USD +5", ends: "2026-07-31", term: "2026-07-31", has: "15"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-31")
			r.open(tt.plan)
			r.do(credits.SetUnits{AddOn: "unit", Units: 1})
			r.at("2026-02-10")
			r.do(tt.end)
			last := r.wallet().Seq()
			r.at(tt.at)
			r.do(credits.Reactivate{})
			day := tt.at[:10]
			want := []string{day + " subscribed" + tt.want}
			if tt.units != "" {
				want = append(want, day+" units renewed"+tt.units)
			}
			r.wrote(last, want...)
			w := r.wallet()
			if got := w.Cycle().End.Format("2006-01-02"); got != tt.ends {
				t.Errorf("the cycle ends on %s, want %s", got, tt.ends)
			}
			if got := w.Subscription().Term.Format("2006-01-02"); got != tt.term {
				t.Errorf("the term ends on %s, want %s", got, tt.term)
			}
			r.has(tt.has)
			r.invalid(credits.Reactivate{}, "wallet", credits.ErrExists)
		})
	}
	t.Run("P-7/not what was cancelled and is over", func(t *testing.T) {
		r := newRig(t, "2026-01-31")
		r.open(month)
		r.do(credits.Cancel{})
		r.at("2026-02-28")
		r.refused(credits.Reactivate{}, credits.Ended)
	})
	t.Run("P-7/a cancellation outlives a lapse", func(t *testing.T) {
		r := newRig(t, "2026-01-31")
		r.open(month)
		r.do(credits.Cancel{})
		r.do(lapse)
		r.do(credits.Reactivate{})
		r.at("2026-02-28")
		if v := r.wallet().Subscription(); v.Active || v.End != credits.EndCancelled {
			t.Errorf("the subscription is %+v", v)
		}
	})
}

// withUnit has a plan offer an add-on of 5 credits for 1 USD.
func withUnit(p *credits.Plan) {
	p.AddOns = append(p.AddOns, credits.AddOn{ID: "unit", Price: cash("1.00 USD"), Allowances: []credits.Allowance{{Amount: n("5")}}})
}

// S-10: whatever ends a plan and begins it again, the period's marks stand.
func TestSubscribeAgain(t *testing.T) {
	month, big := sold("month", "10", "9.00 USD", withUnit), sold("big", "40", "36.00 USD", withUnit)
	year, bigYear := sold("year", "10", "108.00 USD", withUnit, annually), sold("big-year", "40", "432.00 USD", withUnit, annually)
	free := sold("free", "10", "", withUnit)
	lapse, off := change{"", credits.Lapse{}, "", ""}, change{"", credits.Deactivate{Note: credits.Note{Reason: "asked"}}, "", ""}
	tests := []struct {
		name string
		plan credits.Plan
		all  []change
	}{
		{name: "S-10/lapsed and subscribed again", plan: month, all: []change{lapse, {"2026-02-10", credits.Subscribe{Plan: month}, "", ""}}},
		{name: "S-10/deactivated and subscribed again", plan: month, all: []change{off, {"2026-02-10", credits.Subscribe{Plan: month}, "", ""}}},
		{name: "S-10/lapsed, and then a bigger one: the rise", plan: month, all: []change{lapse, {"2026-02-10", credits.Subscribe{Plan: big}, "27.00 USD", "30"}}},
		{
			name: "S-10/one that costs nothing", plan: free,
			all: []change{lapse, {"2026-02-10", credits.Subscribe{Plan: free}, "", ""}, lapse, {"", credits.Reactivate{}, "", ""}},
		},
		{
			name: "S-10/lapsed, the period over: anew", plan: month,
			all: []change{lapse, {"2026-03-05", credits.Subscribe{Plan: month}, "10.00 USD", "15"}},
		},
		{
			name: "S-10/within the paid year, in a later month", plan: bigYear,
			all: []change{
				lapse,
				{"2026-03-10", credits.Subscribe{Plan: year}, "1.00 USD", "15"},
				{"2026-03-10", credits.Subscribe{Plan: bigYear}, "", "30"},
				{"2026-03-11", credits.Subscribe{Plan: year}, "", ""},
				{"2026-03-11", credits.Subscribe{Plan: bigYear}, "", ""},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-31")
			r.open(tt.plan)
			r.do(credits.SetUnits{AddOn: "unit", Units: 1})
			r.at("2026-02-05")
			r.play(tt.all)
		})
	}
}

// S-10: subscribed to within the paid year, a plan of longer cycles begins with the
// month that runs.
func TestSubscribeToLongerCycles(t *testing.T) {
	r := newRig(t, "2026-01-31")
	r.open(sold("year", "10", "120.00 USD", annually))
	r.at("2026-02-10")
	r.do(credits.Lapse{})
	r.at("2026-07-10")
	r.do(credits.Subscribe{Plan: sold("quarter", "30", "30.00 USD", func(p *credits.Plan) { p.Every = credits.Months(3) })})
	if got, want := r.wallet().Cycle(), (credits.Period{Start: day("2026-06-30"), End: day("2026-09-30")}); got != want {
		t.Errorf("the cycle is %v, want %v", got, want)
	}
	r.has("30")
}
