package credits_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// The plans of seed 004 as it has them: a unit is 60 credits for 10 USD of one
// user, or 200 for 30 USD of the workspace.
func basic(changes ...func(*credits.Plan)) credits.Plan {
	return sold("basic", "100", "24.00 USD", append([]func(*credits.Plan){func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{
			ID: "credits", Price: cash("10.00 USD"), Scoped: true, NoRefund: true, Allowances: []credits.Allowance{{Amount: n("60")}},
		}}
	}}, changes...)...)
}

func team(changes ...func(*credits.Plan)) credits.Plan {
	return sold("team", "500", "49.00 USD", append([]func(*credits.Plan){func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{
			ID: "credits", Price: cash("30.00 USD"), NoRefund: true, Allowances: []credits.Allowance{{Amount: n("200")}},
		}}
	}}, changes...)...)
}

func units(n int64) credits.SetUnits { return credits.SetUnits{AddOn: "credits", Units: n} }

func unitsOf(scope string, n int64) credits.SetUnits {
	return credits.SetUnits{AddOn: "credits", Scope: scope, Units: n}
}

// ask is a quote that is wanted, and carried out.
type ask struct {
	at     string
	do     credits.Command
	now    string // due now
	next   string // each period from the next one on
	brings string
}

// unitsChange is what a wallet does with units of add-ons, and what follows.
type unitsChange struct {
	name  string
	plan  credits.Plan
	all   []ask
	until string
	has   string // of all
	then  []string
}

func (tt unitsChange) run(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(tt.plan)
	for _, a := range tt.all {
		r.at(a.at)
		q := r.quoted(a.do)
		brings := ""
		if len(q.Grants) > 0 {
			brings = q.Grants[0].Amount.String()
		}
		if got, want := [3]string{someMoney(q.Charge), someMoney(q.Next), brings}, [3]string{a.now, a.next, a.brings}; got != want {
			t.Errorf("%s %+v: now, next and brings are %q, want %q", a.at, a.do, got, want)
		}
	}
	last := r.wallet().Seq()
	r.at(tt.until)
	r.has(tt.has)
	r.tick()
	r.wrote(last, tt.then...)
}

// DB-05, DB-08, DB-09, S-10: what a change of units is quoted, charges and brings.
func TestUnits(t *testing.T) {
	for _, tt := range []unitsChange{
		{
			name: "DB-08/3 Team units", plan: team(),
			all:   []ask{{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"}},
			until: "2026-01-31 23:59:59.999999", has: "1100",
		},
		{
			name: "DB-09/from 1 to 3", plan: team(),
			all: []ask{
				{"2026-01-10", units(1), "30.00 USD", "30.00 USD", "200"},
				{"2026-01-20", units(3), "60.00 USD", "90.00 USD", "400"},
			},
			until: "2026-02-01", has: "1100", then: []string{"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed 90.00 USD +600"},
		},
		{
			name: "DB-09, DB-05/from 3 to 1", plan: team(),
			all: []ask{
				{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"},
				{"2026-01-20", units(1), "", "30.00 USD", ""},
			},
			until: "2026-02-01", has: "700", then: []string{"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed 30.00 USD +200"},
		},
		{
			name: "DB-05/this cycle's credits stay", plan: team(),
			all: []ask{
				{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"},
				{"2026-01-20", units(0), "", "", ""},
			},
			until: "2026-01-31 23:59:59.999999", has: "1100",
		},
		{
			name: "DB-05, DB-03/and end with it", plan: team(),
			all: []ask{
				{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"},
				{"2026-01-20", units(0), "", "", ""},
			},
			until: "2026-02-01", has: "500", then: []string{"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed"},
		},
		{
			name: "DB-05, S-10/removed and added back: nothing", plan: team(),
			all: []ask{
				{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"},
				{"2026-01-11", units(0), "", "", ""},
				{"2026-01-12", units(2), "", "60.00 USD", ""},
				{"2026-01-13", units(3), "", "90.00 USD", ""},
				{"2026-01-14", units(4), "30.00 USD", "120.00 USD", "200"},
				{"2026-01-31", units(1), "", "30.00 USD", ""},
			},
			until: "2026-02-01", has: "700", then: []string{"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed 30.00 USD +200"},
		},
	} {
		t.Run(tt.name, tt.run)
	}
}

// DB-10, DB-11, S-10: units from one period to the next.
func TestUnitsRecur(t *testing.T) {
	for _, tt := range []unitsChange{
		{
			name: "S-10/in the next period the mark is what is held then", plan: team(),
			all: []ask{
				{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"},
				{"2026-01-20", units(1), "", "30.00 USD", ""},
				{"2026-02-10", units(3), "60.00 USD", "90.00 USD", "400"},
			},
			until: "2026-02-10", has: "1100",
		},
		{
			name: "S-10/a seat replaced within the period: nothing", plan: basic(),
			all: []ask{
				{"2026-01-10", unitsOf("ann", 1), "10.00 USD", "10.00 USD", "60"},
				{"2026-01-11", unitsOf("ann", 0), "", "", ""},
				{"2026-01-12", unitsOf("bob", 1), "", "10.00 USD", ""},
				{"2026-01-13", unitsOf("ann", 1), "10.00 USD", "20.00 USD", "60"},
			},
			until: "2026-02-01", has: "100", then: []string{"2026-02-01 renewed 24.00 USD +100", "2026-02-01 units renewed 20.00 USD +60 ann +60 bob"},
		},
		{
			name: "DB-10/the last day costs and brings as much as the first", plan: team(),
			all:   []ask{{"2026-01-31 23:59:59.999999", units(1), "30.00 USD", "30.00 USD", "200"}},
			until: "2026-02-01", has: "700", then: []string{"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed 30.00 USD +200"},
		},
		{
			name: "DB-11/they recur until removed", plan: team(),
			all:   []ask{{"2026-01-10", units(1), "30.00 USD", "30.00 USD", "200"}},
			until: "2026-03-01", has: "700", then: []string{
				"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed 30.00 USD +200",
				"2026-03-01 renewed 49.00 USD +500", "2026-03-01 units renewed 30.00 USD +200",
			},
		},
	} {
		t.Run(tt.name, tt.run)
	}
}

// DB-02, DB-06, DB-08, S-10: units under plans of longer terms, cancelled ones and others.
func TestUnitsOfPlans(t *testing.T) {
	for _, tt := range []unitsChange{
		{
			name: "DB-02, DB-08/monthly, though the plan is reset by the year", plan: team(yearly),
			all:   []ask{{"2026-02-10", units(1), "30.00 USD", "30.00 USD", "200"}},
			until: "2026-04-01", has: "700", then: []string{"2026-03-01 units renewed 30.00 USD +200", "2026-04-01 units renewed 30.00 USD +200"},
		},
		{
			name: "DB-08/monthly, though the plan is billed by the year", plan: team(annually),
			all:   []ask{{"2026-02-10", units(1), "30.00 USD", "30.00 USD", "200"}},
			until: "2026-03-01", has: "700", then: []string{"2026-03-01 renewed +500", "2026-03-01 units renewed 30.00 USD +200"},
		},
		{
			name: "DB-06/cancelled: at the end of the period", plan: team(),
			all: []ask{
				{"2026-01-10", units(2), "60.00 USD", "60.00 USD", "400"},
				{"2026-01-20", credits.Cancel{}, "", "", ""},
			},
			until: "2026-03-01", has: "0", then: []string{"2026-02-01 ended"},
		},
		{
			name: "DB-06/of a year's plan: at the end of their own", plan: team(annually),
			all: []ask{
				{"2026-01-10", units(2), "60.00 USD", "60.00 USD", "400"},
				{"2026-01-20", credits.Cancel{}, "", "", ""},
			},
			until: "2026-03-01", has: "500", then: []string{"2026-02-01 renewed +500", "2026-02-01 units renewed", "2026-03-01 renewed +500"},
		},
		{
			name: "DB-06/reactivated in time they go on", plan: team(annually),
			all: []ask{
				{"2026-01-10", units(2), "60.00 USD", "60.00 USD", "400"},
				{"2026-01-20", credits.Cancel{}, "", "", ""},
				{"2026-01-21", credits.Reactivate{}, "", "", ""},
			},
			until: "2026-02-01", has: "900", then: []string{"2026-02-01 renewed +500", "2026-02-01 units renewed 60.00 USD +400"},
		},
		{
			name: "S-10/a plan without the add-on and back: the mark stands", plan: team(),
			all: []ask{
				{"2026-01-10", units(3), "90.00 USD", "90.00 USD", "600"},
				{"2026-01-11", credits.Subscribe{Plan: sold("plain", "500", "49.00 USD")}, "", "49.00 USD", ""},
				{"2026-01-12", credits.Subscribe{Plan: team()}, "", "49.00 USD", ""},
				{"2026-01-13", units(3), "", "90.00 USD", ""},
				{"2026-01-14", units(4), "30.00 USD", "120.00 USD", "200"},
			},
			until: "2026-02-01", has: "1300", then: []string{"2026-02-01 renewed 49.00 USD +500", "2026-02-01 units renewed 120.00 USD +800"},
		},
		{
			name: "DB-11/units of one user do not become the workspace's", plan: basic(),
			all: []ask{
				{"2026-01-10", unitsOf("ann", 3), "30.00 USD", "30.00 USD", "180"},
				{"2026-01-11", credits.Subscribe{Plan: team()}, "25.00 USD", "49.00 USD", "400"},
			},
			until: "2026-02-01", has: "500", then: []string{"2026-02-01 renewed 49.00 USD +500"},
		},
	} {
		t.Run(tt.name, tt.run)
	}
}

// someMoney returns money as text, and nothing for none.
func someMoney(m credits.Money) string {
	if m.Micros == 0 {
		return ""
	}
	return m.String()
}

// DB-11: the view lists units now and next, and the next charge.
func TestUnitsView(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(team(annually))
	r.at("2026-02-10")
	r.do(units(3))
	r.do(units(1))
	v := r.wallet().Subscription()
	feb := credits.Period{Start: day("2026-02-01"), End: day("2026-03-01")}
	want := credits.Subscription{
		Active: true, Renews: day("2026-03-01"), Term: day("2027-01-01"), Period: feb, Due: cash("30.00 USD"),
		Units: []credits.Units{{AddOn: "credits", Now: 3, Next: 1, Period: feb}},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("DB-11 (-want +got):\n%s", diff)
	}
	r.do(credits.Cancel{})
	if v := r.wallet().Subscription(); v.Due != (credits.Money{}) || v.When != credits.AtEnd || !v.Ends.Equal(day("2027-01-01")) {
		t.Errorf("DB-06: cancelled, the view is %+v", v)
	}
}

// DB-04: add-ons are not refunded, but by an operator.
func TestUnitsRefund(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(team())
	p := r.do(units(1))
	if e := r.refused(credits.Refund{Purchase: p.Purchase}, credits.NonRefundable); !slices.Contains(remedies(e), credits.RemedyRole) {
		t.Errorf("the remedies are %v", e.Remedies)
	}
	r.do(credits.Spend{Amount: n("550")})
	r.ledger = r.ledger.As(credits.Actor{ID: "eve", Role: credits.Operator})
	if got := r.do(credits.Refund{Purchase: p.Purchase, Note: credits.Note{Reason: "goodwill"}}); got.Charge != cash("-22.50 USD") {
		t.Errorf("150 of 200 for 30 USD are paid back with %v", got.Charge)
	}
}
