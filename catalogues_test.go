package credits_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// planOf returns a plan of a catalogue in testdata/plans, in one of its tiers if it has any.
func planOf(t testing.TB, file, id, tier string) credits.Plan {
	t.Helper()
	for _, p := range catalogue(t, file) {
		switch {
		case p.ID != id:
		case tier == "":
			return p
		default:
			p, err := p.WithTier(tier)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("%s.json has no plan %q", file, id)
	return credits.Plan{}
}

// payBy returns the command that sets a payment method of a kind.
func payBy(kind string) credits.SetMethod {
	return credits.SetMethod{Method: credits.Method{Token: "token", Kind: kind}}
}

// The catalogues of the five systems have the plans that their documents name.
func TestCatalogues(t *testing.T) {
	type cell struct {
		Price, Credits string
		Every, Term    credits.Span
		Anchor         credits.Anchor
	}
	month, year := credits.Months(1), credits.Years(1)
	for file, want := range map[string]map[string]cell{
		"marketplace": {
			"free":  {"", "50", credits.Months(3), 0, 0},
			"plus":  {"60.00 USD", "2000", month, 0, 0},
			"ultra": {"", "0", month, 0, 0},
		},
		"creative": {
			"standard": {"90.00 USD", "0", month, 0, credits.AnniversaryDay},
			"pro":      {"250.00 USD", "2500", month, 0, credits.AnniversaryDay},
		},
		"outreach": {
			"outreach-10k": {"449.00 EUR", "10000", month, 0, credits.FirstOfMonth},
			"outreach-20k": {"849.00 EUR", "20000", month, 0, credits.FirstOfMonth},
		},
		"automation": {
			"free":            {"", "1000", month, 0, credits.AnniversaryDay},
			"core 10k":        {"9.00 USD", "10000", month, 0, credits.AnniversaryDay},
			"core 20k":        {"17.60 USD", "20000", month, 0, credits.AnniversaryDay},
			"core 40k":        {"34.00 USD", "40000", month, 0, credits.AnniversaryDay},
			"core 80k":        {"64.00 USD", "80000", month, 0, credits.AnniversaryDay},
			"core-annual 10k": {"108.00 USD", "10000", month, year, credits.AnniversaryDay},
			"core-annual 20k": {"211.20 USD", "20000", month, year, credits.AnniversaryDay},
			"core-annual 40k": {"408.00 USD", "40000", month, year, credits.AnniversaryDay},
			"core-annual 80k": {"768.00 USD", "80000", month, year, credits.AnniversaryDay},
			"pro 10k":         {"16.00 USD", "10000", month, 0, credits.AnniversaryDay},
			"pro 20k":         {"31.00 USD", "20000", month, 0, credits.AnniversaryDay},
			"pro 40k":         {"60.00 USD", "40000", month, 0, credits.AnniversaryDay},
			"pro 80k":         {"116.00 USD", "80000", month, 0, credits.AnniversaryDay},
			"pro-annual 10k":  {"160.00 USD", "120000", year, 0, credits.AnniversaryDay},
			"pro-annual 20k":  {"310.00 USD", "240000", year, 0, credits.AnniversaryDay},
			"pro-annual 40k":  {"600.00 USD", "480000", year, 0, credits.AnniversaryDay},
			"pro-annual 80k":  {"1160.00 USD", "960000", year, 0, credits.AnniversaryDay},
		},
		"studio": {
			"basic":        {"24.00 USD", "100", month, 0, 0},
			"basic-annual": {"240.00 USD", "1200", year, 0, 0},
			"team":         {"55.00 USD", "300", month, 0, 0},
			"team-annual":  {"550.00 USD", "3600", year, 0, 0},
		},
	} {
		t.Run(file, func(t *testing.T) {
			got := map[string]cell{}
			see := func(name string, p credits.Plan) {
				c := cell{Credits: "0", Every: p.Every, Term: p.Term, Anchor: p.Anchor}
				if len(p.Allowances) > 0 {
					c.Credits = p.Allowances[0].Amount.String()
				}
				if p.Price != (credits.Money{}) {
					c.Price = p.Price.String()
				}
				got[name] = c
			}
			for _, p := range catalogue(t, file) {
				for _, tier := range p.Tiers {
					see(p.ID+" "+tier.ID, planOf(t, file, p.ID, tier.ID))
				}
				if len(p.Tiers) == 0 {
					see(p.ID, p)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("plans (-want +got):\n%s", diff)
			}
		})
	}
}

// What 1,000 and 10,000 extra credits cost by hand, and 10,000 automatically.
func TestCatalogueOfExtraCredits(t *testing.T) {
	for _, tt := range []struct {
		plan, tier               string
		each                     string
		thousand, pack, withMore string
		packs                    int64 // that auto-purchase may buy a month
	}{
		{"core", "10k", "0.0009", "0.90 USD", "9.00 USD", "11.70 USD", 1},
		{"core", "20k", "0.00088", "0.88 USD", "8.80 USD", "11.44 USD", 2},
		{"core", "40k", "0.00085", "0.85 USD", "8.50 USD", "11.05 USD", 4},
		{"core", "80k", "0.0008", "0.80 USD", "8.00 USD", "10.40 USD", 8},
		{"core-annual", "10k", "0.0009", "0.90 USD", "9.00 USD", "11.70 USD", 1},
		{"core-annual", "20k", "0.00088", "0.88 USD", "8.80 USD", "11.44 USD", 2},
		{"core-annual", "40k", "0.00085", "0.85 USD", "8.50 USD", "11.05 USD", 4},
		{"core-annual", "80k", "0.0008", "0.80 USD", "8.00 USD", "10.40 USD", 8},
		{"pro", "10k", "0.0016", "1.60 USD", "16.00 USD", "20.80 USD", 1},
		{"pro", "20k", "0.00155", "1.55 USD", "15.50 USD", "20.15 USD", 2},
		{"pro", "40k", "0.0015", "1.50 USD", "15.00 USD", "19.50 USD", 4},
		{"pro", "80k", "0.00145", "1.45 USD", "14.50 USD", "18.85 USD", 8},
		{"pro-annual", "10k", "0.0013333333", "1.33 USD", "13.33 USD", "17.33 USD", 1},
		{"pro-annual", "20k", "0.0012916667", "1.29 USD", "12.92 USD", "16.79 USD", 2},
		{"pro-annual", "40k", "0.00125", "1.25 USD", "12.50 USD", "16.25 USD", 4},
		{"pro-annual", "80k", "0.0012083333", "1.21 USD", "12.08 USD", "15.71 USD", 8},
	} {
		t.Run("MK-08, MK-12, MK-14/"+tt.plan+" "+tt.tier, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			p := planOf(t, "automation", tt.plan, tt.tier)
			price, err := p.PerCredit()
			if err != nil || price.Each().String() != tt.each {
				t.Errorf("a credit costs %v, %v, want %s", price.Each(), err, tt.each)
			}
			r.open(p)
			r.do(payBy("card"))
			for amount, want := range map[string]string{"1000": tt.thousand, "10000": tt.pack} {
				if b := r.do(credits.Buy{Pack: "extra", Amount: n(amount)}); b.Charge != cash(want) {
					t.Errorf("%s cost %v, want %s", amount, b.Charge, want)
				}
			}
			r.do(credits.SetAutoPurchase{On: true})
			if s := r.wallet().AutoPurchase(); s.Times != tt.packs {
				t.Errorf("auto-purchase may buy %d times, want %d", s.Times, tt.packs)
			}
			if got := r.do(credits.Spend{Amount: r.wallet().Available()}); got.Charge != cash(tt.withMore) {
				t.Errorf("auto-purchase cost %v, want %s", got.Charge, tt.withMore)
			}
		})
	}
}

// What using the features of the catalogues costs.
func TestCatalogueOfRates(t *testing.T) {
	rounded := func(round credits.Rounding, per string) func(*credits.Rate) {
		return func(r *credits.Rate) { r.Round, r.RoundPer = round, per }
	}
	fields := func(n int64) map[string]int64 { return map[string]int64{"fields": n} }
	seconds := func(n int64) map[string]int64 { return map[string]int64{"seconds": n} }
	for _, tt := range []struct {
		name, file, plan, feature string
		quantity                  int64
		factors                   map[string]int64
		labels                    map[string]string
		change                    func(*credits.Rate)
		want                      string
	}{
		{name: "CF-04/5 responses", file: "marketplace", plan: "plus", feature: "response", quantity: 5, want: "5"},
		{name: "CF-04/50 reviews", file: "marketplace", plan: "plus", feature: "review", quantity: 50, want: "5"},
		{name: "CF-04/7 reviews on Free", file: "marketplace", plan: "free", feature: "review", quantity: 7, want: "0.7"},
		{name: "CF-04/1 review on Ultra", file: "marketplace", plan: "ultra", feature: "review", quantity: 1, want: "0.1"},
		{name: "FD-06/1 video", file: "creative", plan: "pro", feature: "dynamic-video", quantity: 1, want: "1"},
		{name: "FD-06/2 images", file: "creative", plan: "pro", feature: "custom-image", quantity: 2, want: "1"},
		{name: "FD-06/3 fields x 50 products", file: "creative", plan: "pro", feature: "feed-optimization", quantity: 50, factors: fields(3), want: "3"},
		{name: "FD-06/1 field x 100 products", file: "creative", plan: "pro", feature: "feed-optimization", quantity: 100, factors: fields(1), want: "2"},
		{name: "FD-06/3 x 120", file: "creative", plan: "pro", feature: "feed-optimization", quantity: 120, factors: fields(3), want: "7.2"},
		{
			name: "FD-06/3 x 120, rounded up", file: "creative", plan: "pro", feature: "feed-optimization", quantity: 120, factors: fields(3),
			change: rounded(credits.RoundUp, ""), want: "8",
		},
		{
			name: "FD-06/3 x 120, rounded up per field", file: "creative", plan: "pro", feature: "feed-optimization", quantity: 120, factors: fields(3),
			change: rounded(credits.RoundUpPer, "fields"), want: "9",
		},
		{name: "company", file: "outreach", plan: "outreach-10k", feature: "company-scraping", quantity: 3, want: "3"},
		{name: "DB-01/number", file: "studio", plan: "basic", feature: "image", quantity: 4, want: "8"},
		{name: "DB-01/settings", file: "studio", plan: "basic", feature: "image", quantity: 4, labels: map[string]string{"quality": "high"}, want: "20"},
		{name: "DB-01/type", file: "studio", plan: "team", feature: "video", quantity: 2, factors: seconds(10), want: "20"},
		{
			name: "DB-01/type and settings", file: "studio", plan: "team-annual", feature: "video", quantity: 2, factors: seconds(10),
			labels: map[string]string{"resolution": "4k", "style": "plain"}, want: "120",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			p := planOf(t, tt.file, tt.plan, "")
			if tt.change != nil {
				rate := p.Features[tt.feature]
				tt.change(&rate)
				p.Features[tt.feature] = rate
			}
			r.open(p)
			r.do(credits.Grant{Amount: n("1000")})
			got := r.do(credits.Spend{Feature: tt.feature, Quantity: tt.quantity, Factors: tt.factors, Note: credits.Note{Labels: tt.labels}})
			if got.Amount != n(tt.want) {
				t.Errorf("it cost %v, want %s", got.Amount, tt.want)
			}
		})
	}
}

// The packages of the marketplace: how long each lives, and when it can be had.
func TestCatalogueOfPackages(t *testing.T) {
	t.Run("CF-01/once, for three months", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		free := planOf(t, "marketplace", "free", "")
		r.open(free)
		for _, at := range []struct{ at, has string }{
			{"2026-01-15", "50"}, {"2026-04-14 23:59:59.999999", "50"}, {"2026-04-15", "0"}, {"2027-04-15", "0"},
		} {
			r.at(at.at)
			r.has(at.has)
		}
		r.refused(credits.Subscribe{Plan: free}, credits.HadBefore)
	})
	t.Run("CF-02/three renewals", func(t *testing.T) {
		r := newRig(t, "2026-01-31")
		first := r.open(planOf(t, "marketplace", "plus", ""))
		r.do(credits.Spend{Feature: "response", Quantity: 1999})
		r.at("2026-04-30")
		r.tick()
		var given []string
		for _, e := range r.history(acme, credits.HistoryQuery{After: first.Entries[len(first.Entries)-1].Seq}) {
			if e.Opens != nil && e.Opens.Source == credits.FromAllowance {
				given = append(given, e.At.Format(time.DateOnly)+" "+e.Opens.Amount.String())
			}
		}
		if diff := cmp.Diff([]string{"2026-02-28 2000", "2026-03-31 2000", "2026-04-30 2000"}, given); diff != "" {
			t.Errorf("what was given (-want +got):\n%s", diff)
		}
		r.has("2000")
	})
	t.Run("CF-07, CF-08, CF-09/the extra package", func(t *testing.T) {
		r := newRig(t, "2026-01-10 12:00")
		r.open(planOf(t, "marketplace", "plus", ""))
		buy := credits.Buy{Pack: "extra", Amount: n("500")}
		r.refused(buy, credits.NotShort)
		r.do(credits.Spend{Feature: "response", Quantity: 1999})
		r.refused(buy, credits.NotShort) // 1 is left, and the dearest use costs as much
		r.do(credits.Spend{Feature: "review", Quantity: 7})
		r.refused(credits.Buy{Pack: "extra", Amount: n("1000")}, credits.PackActive) // one at a time
		b := r.do(buy)
		if b.Charge != cash("20.00 USD") || r.lot(b.ID).Expires != day("2026-02-09 12:00") {
			t.Errorf("it cost %v and lives until %v", b.Charge, r.lot(b.ID).Expires)
		}
		r.do(credits.Spend{Amount: n("500")})
		r.refused(buy, credits.PackActive) // used up, and not expired
		r.at("2026-02-09 11:59:59.999999")
		r.do(credits.Spend{Amount: r.wallet().Available()})
		r.refused(buy, credits.PackActive)
		r.at("2026-02-09 12:00")
		r.do(buy)
	})
	t.Run("CF-08/no longer than Plus", func(t *testing.T) {
		r := newRig(t, "2026-01-10 12:00")
		r.open(planOf(t, "marketplace", "plus", ""))
		r.do(credits.Spend{Amount: n("2000")})
		r.at("2026-02-01")
		b := r.do(credits.Buy{Pack: "extra", Amount: n("500")})
		r.do(credits.Cancel{})
		r.at("2026-02-10 11:59:59.999999")
		r.has("500")
		r.at("2026-02-10 12:00")
		r.has("0")
		if l := r.lot(b.ID); l.Revoked != n("500") {
			t.Errorf("the lot is %+v", l)
		}
	})
}

// What is left of Free keeps its own end beside Plus.
func TestCatalogueOfPlusAfterFree(t *testing.T) {
	for _, tt := range []struct{ name, at, left, has, later string }{
		{"CF-06/Plus while Free is live", "2026-02-01", "30", "2030", "2000"},
		{"CF-06/Plus after Free has ended", "2026-04-15", "0", "2000", "2000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(planOf(t, "marketplace", "free", ""))
			r.do(credits.Spend{Feature: "response", Quantity: 20})
			r.at(tt.at)
			r.has(tt.left)
			if s := r.do(credits.Subscribe{Plan: planOf(t, "marketplace", "plus", "")}); s.Charge != cash("60.00 USD") {
				t.Errorf("Plus costs %v", s.Charge)
			}
			r.has(tt.has)
			r.at("2026-04-14 23:59:59.999999")
			r.hasAt("2026-04-15", tt.later) // what is left of Free has its own end
		})
	}
}

// Credits and conversations are two meters, and both begin anew on the 1st.
func TestCatalogueOfTwoMeters(t *testing.T) {
	r := newRig(t, "2026-01-15 09:00")
	p := planOf(t, "outreach", "outreach-10k", "")
	if p.Name != "" {
		t.Errorf("GN-01: the plan's name is %q", p.Name)
	}
	if opened := r.open(p); opened.Charge != cash("449.00 EUR") {
		t.Errorf("GN-01: it costs %v", opened.Charge)
	}
	people := []string{"ann", "bob", "eve", "joe", "sue"}
	t.Run("GN-01/credits, price and identities", func(t *testing.T) {
		r := r.in(t)
		for _, who := range people {
			if u := r.do(credits.SetUnits{AddOn: "identity", Scope: who, Units: 1}); u.Charge != (credits.Money{}) {
				t.Errorf("the identity %s costs %v", who, u.Charge)
			}
		}
		r.refused(credits.SetUnits{AddOn: "identity", Scope: "tim", Units: 1}, credits.LimitReached)
		b := r.wallet().Balance("", "")
		if b.Allowance != n("10000") || b.By[credits.FromAddOn] != 0 || b.Available != n("10000") {
			t.Errorf("the balance is %+v", b)
		}
	})
	t.Run("GN-08/conversations of one identity", func(t *testing.T) {
		r := r.in(t)
		r.do(credits.Spend{Feature: "conversation", Quantity: 500, Scope: "ann"})
		r.refused(credits.Spend{Feature: "conversation", Quantity: 1, Scope: "ann"}, credits.Insufficient)
		r.has("10000")
		w := r.wallet()
		for _, who := range people[1:] {
			if got := w.Spendable("conversations", "conversation", who); got != n("500") {
				t.Errorf("%s has %v conversations", who, got)
			}
		}
		r.do(credits.Spend{Amount: n("10000")})
		r.do(credits.Spend{Feature: "conversation", Quantity: 500, Scope: "bob"})
	})
	t.Run("GN-03/everything begins anew on the 1st", func(t *testing.T) {
		r := r.in(t)
		r.at("2026-02-01")
		r.has("10000")
		w := r.wallet()
		for _, who := range people {
			if got := w.Spendable("conversations", "conversation", who); got != n("500") {
				t.Errorf("%s has %v conversations", who, got)
			}
		}
	})
}

// How long extra credits of the automation platform live, and what they bring.
func TestCatalogueOfCycles(t *testing.T) {
	for _, tt := range []struct{ name, plan, tier, last, dead string }{
		{"MK-01/monthly", "core", "40k", "2026-01-31 23:59:59.999999", "2026-02-01"},
		{"MK-02/annual", "pro-annual", "40k", "2026-12-31 23:59:59.999999", "2027-01-01"},
		{"MK-03/core, billed annually", "core-annual", "40k", "2026-01-31 23:59:59.999999", "2026-02-01"},
	} {
		t.Run(tt.name+", MK-04", func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(planOf(t, "automation", tt.plan, tt.tier))
			r.do(payBy("card"))
			gb := r.wallet().Balance("GB", "").Available
			r.at("2026-01-20")
			b := r.do(credits.Buy{Pack: "extra", Amount: n("20000")})
			if got := r.wallet().Balance("GB", "").Available - gb; got != n("10") {
				t.Errorf("20,000 bring %v GB", got)
			}
			r.at(tt.last)
			for _, l := range b.Lots() {
				if got := r.lot(l.ID); got.Available != got.Amount {
					t.Errorf("at %s: %+v", tt.last, got)
				}
			}
			r.at(tt.dead)
			for _, l := range b.Lots() {
				if got := r.lot(l.ID); got.Expired != got.Amount {
					t.Errorf("at %s: %+v", tt.dead, got)
				}
			}
		})
	}
	t.Run("MK-05/nothing to buy on Free", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(planOf(t, "automation", "free", ""))
		r.do(payBy("card"))
		r.refused(credits.Buy{Pack: "extra", Amount: n("1000")}, credits.NotInPlan)
	})
	t.Run("MK-09/cards only", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(planOf(t, "automation", "core", "10k"))
		r.do(payBy("bank transfer"))
		r.refused(credits.Buy{Pack: "extra", Amount: n("1000")}, credits.MethodRefused)
		r.refused(credits.SetAutoPurchase{On: true}, credits.MethodRefused)
	})
}

// What units of the studio's add-ons cost and bring, in plans billed monthly and annually.
func TestCatalogueOfAddOns(t *testing.T) {
	for _, tt := range []struct {
		plan, scope, charge, credits string
		renewed, ends                string // of the add-on, of the plan's allowance
	}{
		{"basic", "ann", "30.00 USD", "180", "2026-02-15", "2026-02-15"},
		{"basic-annual", "ann", "30.00 USD", "180", "2026-02-15", "2027-01-15"},
		{"team", "", "90.00 USD", "600", "2026-02-15", "2026-02-15"},
		{"team-annual", "", "90.00 USD", "600", "2026-02-15", "2027-01-15"},
	} {
		t.Run("DB-02, DB-08/"+tt.plan, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			opened := r.open(planOf(t, "studio", tt.plan, ""))
			if got := r.lot(opened.Lots()[0].ID).Expires; got != day(tt.ends) {
				t.Errorf("the allowance ends %v, want %s", got, tt.ends)
			}
			have := r.wallet().Balance("", tt.scope).Available
			u := r.do(credits.SetUnits{AddOn: "credits", Scope: tt.scope, Units: 3})
			if u.Charge != cash(tt.charge) {
				t.Errorf("3 units cost %v, want %s", u.Charge, tt.charge)
			}
			if got := r.wallet().Balance("", tt.scope).Available - have; got != n(tt.credits) {
				t.Errorf("3 units bring %v, want %s", got, tt.credits)
			}
			others := have
			if tt.scope == "" {
				others += n(tt.credits)
			}
			if got := r.wallet().Balance("", "bob").Available; got != others {
				t.Errorf("bob can spend %v, want %v", got, others)
			}
			for _, l := range u.Lots() {
				if l.Expires != day(tt.renewed) {
					t.Errorf("the units' credits end %v, want %s", l.Expires, tt.renewed)
				}
			}
			r.refused(credits.Refund{Purchase: u.ID}, credits.NonRefundable)
		})
	}
}

// The two plans of the creative platform: one without access, and one whose
// credits go to any of three functions and end with the month.
func TestCatalogueOfTwoPlans(t *testing.T) {
	t.Run("FD-01/no access on Standard", func(t *testing.T) {
		r := newRig(t, "2026-03-15 10:37")
		r.open(planOf(t, "creative", "standard", ""))
		r.has("0")
		r.refused(credits.Spend{Feature: "custom-image", Quantity: 1}, credits.NotInPlan)
		r.do(credits.Grant{Amount: n("10")})
		r.refused(credits.Spend{Feature: "custom-image", Quantity: 1}, credits.NotInPlan)
	})
	t.Run("FD-02, FD-03, FD-04/renewal of Pro", func(t *testing.T) {
		r := newRig(t, "2026-03-15 10:37")
		opened := r.do(credits.Open{Plan: planOf(t, "creative", "pro", ""), Zone: "Europe/Berlin"})
		r.has("2500")
		if last := r.wallet().Cycle().LastDay(r.wallet().Zone()); last.Format(time.DateOnly) != "2026-04-14" {
			t.Errorf("the last valid date is %v", last)
		}
		spent := r.do(credits.Spend{Feature: "dynamic-video", Quantity: 1800})
		r.at("2026-04-14 21:59:59.999999")
		if l := r.lot(opened.Lots()[0].ID); l.Available != n("700") {
			t.Errorf("at its last instant the lot is %+v", l)
		}
		r.at("2026-04-14 22:00") // 15 April 00:00 in Berlin
		r.has("2500")
		r.tick()
		r.told(spent.ID, "expired 700, renewed, granted 2500")
	})
	fields := map[string]int64{"fields": 1}
	for name, uses := range map[string][]credits.Spend{
		"videos": {{Feature: "dynamic-video", Quantity: 2500}},
		"images": {{Feature: "custom-image", Quantity: 5000}},
		"fields": {{Feature: "feed-optimization", Quantity: 125_000, Factors: fields}},
		"a bit of all": {
			{Feature: "feed-optimization", Quantity: 25_000, Factors: fields},
			{Feature: "custom-image", Quantity: 2001},
			{Feature: "dynamic-video", Quantity: 999},
			{Feature: "custom-image", Quantity: 1},
		},
	} {
		t.Run("FD-07, FD-09/"+name, func(t *testing.T) {
			r := newRig(t, "2026-03-15 10:37")
			opened := r.open(planOf(t, "creative", "pro", ""))
			for _, use := range uses {
				r.do(use)
			}
			r.has("0")
			refusal := r.refused(credits.Spend{Feature: "custom-image", Quantity: 1}, credits.Insufficient)
			if refusal.Need != n("0.5") || refusal.Available != 0 {
				t.Errorf("refused with %+v", refusal)
			}
			for _, e := range r.history(acme, credits.HistoryQuery{After: opened.ID}) {
				if e.Kind == credits.KindPurchased || e.Charge != (credits.Money{}) {
					t.Errorf("entry %d: %v for %v", e.Seq, e.Kind, e.Charge)
				}
			}
		})
	}
}

// What a change of the team's units costs now and from the next cycle on: the
// quote says what is then charged.
func TestCatalogueOfQuotes(t *testing.T) {
	for _, tt := range []struct {
		name      string
		from, to  int64
		now, next string
		brings    string
	}{
		{"DB-08, DB-10/none to 3", 0, 3, "90.00 USD", "90.00 USD", "600"},
		{"DB-09, DB-10/1 to 3", 1, 3, "60.00 USD", "90.00 USD", "400"},
		{"DB-05, DB-09/3 to 1", 3, 1, "", "30.00 USD", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(planOf(t, "studio", "team", ""))
			if tt.from > 0 {
				r.do(credits.SetUnits{AddOn: "credits", Units: tt.from})
			}
			r.at("2026-01-25") // what is left of the cycle costs and brings as much as a whole one
			have := r.wallet().Available()
			c := credits.SetUnits{AddOn: "credits", Units: tt.to}
			preview, err := r.ledger.Preview(r.ctx, acme, "", c)
			if err != nil {
				t.Fatal(err)
			}
			c.Quote = preview.Quote()
			done := r.do(c)
			var now credits.Money
			if tt.now != "" {
				now = cash(tt.now)
			}
			for what, got := range map[string]credits.Money{"quoted": c.Quote.Charge, "charged": done.Charge} {
				if got != now {
					t.Errorf("%s now: %v, want %v", what, got, now)
				}
			}
			if got := r.wallet().Available() - have; got != n(tt.brings) {
				t.Errorf("it brings %v, want %s", got, tt.brings)
			}
			r.at("2026-02-15")
			r.tick()
			var charged credits.Money
			for _, e := range r.history(acme, credits.HistoryQuery{After: done.ID}) {
				if e.Kind == credits.KindUnitsRenewed {
					charged = e.Charge
				}
			}
			if c.Quote.Next != cash(tt.next) || charged != cash(tt.next) {
				t.Errorf("from the next cycle on: quoted %v, charged %v, want %s", c.Quote.Next, charged, tt.next)
			}
			r.has(map[int64]string{1: "500", 3: "900"}[tt.to])
		})
	}
}
