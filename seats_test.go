package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// DB-08: what one user's units bring is that user's alone.
func TestUnitsOfOneUser(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(basic())
	r.quoted(unitsOf("ann", 3))
	for scope, want := range map[string]string{"": "100", "ann": "280", "bob": "100"} {
		if got := r.wallet().Balance("", scope).Available; got != n(want) {
			t.Errorf("DB-08: %q has %v, want %s", scope, got, want)
		}
	}
	r.refused(credits.Spend{Amount: n("101"), Scope: "bob"}, credits.Insufficient)
	r.do(credits.Spend{Amount: n("280"), Scope: "ann"})
	r.invalid(units(1), "scope", nil)
	r.refused(credits.SetUnits{AddOn: "none", Units: 1}, credits.NotInPlan)
	r.invalid(unitsOf("ann", -1), "units", nil)
	r.invalid(unitsOf("ann", 1_000_001), "units", credits.ErrLimit)
}

// S-5: a scoped lot stays with its scope, and moves with a seat that is reassigned.
func TestReassign(t *testing.T) {
	t.Run("S-5/the unspent, unheld remainder moves", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(basic())
		r.do(unitsOf("ann", 2))
		r.do(credits.Spend{Amount: n("130"), Scope: "ann"}) // the allowance first
		h := r.do(credits.Reserve{Amount: n("20"), Scope: "ann", Until: day("2026-01-20")})
		r.at("2026-01-10")
		last := r.wallet().Seq()
		m := r.do(credits.Reassign{AddOn: "credits", From: "ann", To: "bob"})
		if m.Charge != (credits.Money{}) {
			t.Errorf("it costs %v", m.Charge)
		}
		r.wrote(last, "2026-01-10 reassigned +70 bob")
		for scope, want := range map[string]string{"": "0", "ann": "0", "bob": "70"} {
			if got := r.wallet().Balance("", scope).Available; got != n(want) {
				t.Errorf("%q has %v, want %s", scope, got, want)
			}
		}
		r.do(credits.Release{Hold: h.ID})
		if got := r.wallet().Balance("", "ann").Available; got != n("20") {
			t.Errorf("what was held is ann's: she has %v, want 20", got)
		}
		want := []credits.Units{{AddOn: "credits", Scope: "bob", Now: 2, Next: 2, Period: credits.Period{Start: day("2026-01-01"), End: day("2026-02-01")}}}
		if diff := cmp.Diff(want, r.wallet().Subscription().Units); diff != "" {
			t.Errorf("units (-want +got):\n%s", diff)
		}
		r.at("2026-02-01")
		for scope, want := range map[string]string{"ann": "100", "bob": "220"} {
			if got := r.wallet().Balance("", scope).Available; got != n(want) {
				t.Errorf("in the next period %q has %v, want %s", scope, got, want)
			}
		}
	})
	t.Run("S-5, S-10/to and fro brings nothing", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(basic())
		r.do(unitsOf("ann", 1))
		for range 3 {
			r.do(credits.Reassign{AddOn: "credits", From: "ann", To: "bob"})
			r.do(credits.Reassign{AddOn: "credits", From: "bob", To: "ann"})
		}
		if got := r.wallet().Balance("", "ann").Available; got != n("160") {
			t.Errorf("ann has %v, want 160", got)
		}
		if got := r.quoted(unitsOf("ann", 2)); got.Charge != cash("10.00 USD") {
			t.Errorf("a second unit costs %v", got.Charge)
		}
	})
	t.Run("S-5/a user's units go to one who has some", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(basic())
		r.do(unitsOf("ann", 1))
		r.do(unitsOf("bob", 2))
		r.do(unitsOf("ann", 0))
		r.do(credits.Reassign{AddOn: "credits", From: "ann", To: "bob"})
		want := []credits.Units{{AddOn: "credits", Scope: "bob", Now: 3, Next: 2, Period: r.wallet().Cycle()}}
		if diff := cmp.Diff(want, r.wallet().Subscription().Units); diff != "" {
			t.Errorf("units (-want +got):\n%s", diff)
		}
		if got := r.wallet().Balance("", "bob").Available; got != n("280") {
			t.Errorf("bob has %v, want 280", got)
		}
	})
	t.Run("S-5/removed: the lot stays until it expires, and does not renew", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(basic())
		r.do(unitsOf("ann", 1))
		r.do(unitsOf("ann", 0))
		r.at("2026-01-31 23:59:59.999999")
		r.do(credits.Spend{Amount: n("10"), Scope: "ann"})
		if got := r.wallet().Balance("", "ann").Available; got != n("150") {
			t.Errorf("ann has %v, want 150", got)
		}
		r.at("2026-02-01")
		if got := r.wallet().Balance("", "ann").Available; got != n("100") {
			t.Errorf("in the next period ann has %v, want 100", got)
		}
	})
	t.Run("S-4/what cannot be", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(basic())
		r.do(unitsOf("ann", 1))
		r.invalid(credits.Reassign{AddOn: "credits", From: "bob", To: "ann"}, "from", credits.ErrNotFound)
		r.invalid(credits.Reassign{AddOn: "credits", From: "ann", To: "ann"}, "to", nil)
		r.invalid(credits.Reassign{AddOn: "credits", From: "ann"}, "to", nil)
		r.invalid(credits.Reassign{AddOn: "credits", To: "ann"}, "from", nil)
		r.invalid(credits.Reassign{AddOn: "none", From: "ann", To: "bob"}, "from", credits.ErrNotFound)
	})
}

// GN-08: a second meter by identities, of which five are in the price.
func TestIdentities(t *testing.T) {
	identities := func(p *credits.Plan) {
		p.Anchor, p.AddOns = credits.FirstOfMonth, []credits.AddOn{{
			ID: "identity", Scoped: true, Included: 5, Max: 7, Price: cash("20.00 EUR"),
			Allowances: []credits.Allowance{{Unit: "conversations", Amount: n("500")}},
		}}
	}
	set := func(who string, n int64) credits.SetUnits {
		return credits.SetUnits{AddOn: "identity", Scope: who, Units: n}
	}
	people := []string{"a", "b", "c", "d", "e"}
	started := func(t *testing.T) *rig {
		r := newRig(t, "2026-01-15")
		r.open(sold("outreach", "10000", "449.00 EUR", identities))
		for _, who := range people {
			if q := r.quoted(set(who, 1)); someMoney(q.Charge)+someMoney(q.Next) != "" {
				t.Errorf("identity %s costs %v now and %v later", who, q.Charge, q.Next)
			}
		}
		return r
	}
	t.Run("GN-08/500 for each of 5: 2,500", func(t *testing.T) {
		r := started(t)
		var sum credits.Amount
		for _, who := range people {
			sum += r.wallet().Balance("conversations", who).Available
		}
		if sum != n("2500") || r.wallet().Balance("conversations", "").Available != 0 {
			t.Errorf("there are %v conversations", sum)
		}
		r.do(credits.Spend{Unit: "conversations", Amount: n("500"), Scope: "a"})
		r.refused(credits.Spend{Unit: "conversations", Amount: n("1"), Scope: "a"}, credits.Insufficient)
		r.do(credits.Spend{Unit: "conversations", Amount: n("1"), Scope: "b"})
		r.has("10000")
		r.at("2026-02-01") // GN-03
		for _, who := range people {
			if got := r.wallet().Balance("conversations", who).Available; got != n("500") {
				t.Errorf("on the 1st %s has %v", who, got)
			}
		}
	})
	t.Run("GN-08/those beyond the included are paid", func(t *testing.T) {
		r := started(t)
		if q := r.quoted(set("f", 2)); q.Charge != cash("40.00 EUR") || q.Next != cash("40.00 EUR") || q.Grants[0].Amount != n("1000") {
			t.Errorf("the quote is %+v", q)
		}
		r.refused(set("g", 1), credits.LimitReached)
		r.refused(set("f", 3), credits.LimitReached)
		if q := r.quoted(set("a", 0)); q.Charge != (credits.Money{}) || q.Next != cash("20.00 EUR") {
			t.Errorf("the quote is %+v", q)
		}
		last := r.wallet().Seq()
		r.at("2026-02-01")
		r.tick()
		r.wrote(last, "2026-02-01 renewed 449.00 EUR +10000", "2026-02-01 units renewed 20.00 EUR +500 b +500 c +500 d +500 e +1000 f")
	})
	t.Run("DB-05/under a plan that allows fewer they can be removed", func(t *testing.T) {
		r := started(t)
		r.do(credits.Subscribe{Plan: sold("small", "10000", "449.00 EUR", identities, func(p *credits.Plan) { p.AddOns[0].Max, p.AddOns[0].Included = 3, 3 })})
		r.do(set("a", 0))
		r.refused(set("f", 1), credits.LimitReached)
		r.refused(set("a", 1), credits.LimitReached)
		r.do(set("b", 0))
		r.do(set("c", 0))
		r.do(set("a", 1))
	})
}
