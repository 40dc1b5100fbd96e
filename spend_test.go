package credits_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// drew returns the amounts that a receipt's lines took, by lot, in order.
func drew(r credits.Receipt, name map[credits.ID]string) []string {
	var all []string
	for _, e := range r.Entries {
		for _, ln := range e.Lines {
			if ln.From == credits.Available {
				all = append(all, name[ln.Lot]+" "+ln.Amount.String())
			}
		}
	}
	return all
}

// burnCase says in which order lots are spent that are granted in the order of
// lots, after an allowance of 2 if want begins with it.
type burnCase struct {
	name string
	burn credits.Burn
	lots []burnLot
	want []string
}

type burnLot struct {
	name  string
	grant credits.Grant
}

func burnCases() []burnCase {
	return []burnCase{
		{
			name: "S-1/priority before expiry",
			lots: []burnLot{
				{"low", credits.Grant{Priority: 101, Expires: day("2026-02-01")}},
				{"default", credits.Grant{}},
				{"high", credits.Grant{Priority: 99}},
			},
			want: []string{"high 1", "default 1", "low 1"},
		},
		{
			name: "S-1/expiry, never last",
			lots: []burnLot{
				{"never", credits.Grant{}},
				{"later", credits.Grant{Expires: day("2026-02-01 00:00:00.000001")}},
				{"sooner", credits.Grant{Expires: day("2026-02-01")}},
			},
			want: []string{"sooner 1", "later 1", "never 1"},
		},
		{
			name: "S-1/start before number",
			lots: []burnLot{
				{"started later", credits.Grant{Starts: day("2026-01-01 00:00:02")}},
				{"started sooner", credits.Grant{Starts: day("2026-01-01 00:00:01")}},
			},
			want: []string{"started sooner 1", "started later 1"},
		},
		{
			name: "S-1/number last",
			lots: []burnLot{{"first", credits.Grant{}}, {"second", credits.Grant{}}},
			want: []string{"first 1", "second 1"},
		},
		{
			name: "S-1/restricted lots have priority 50",
			lots: []burnLot{
				{"all", credits.Grant{Expires: day("2026-02-01")}},
				{"feature", credits.Grant{Features: []string{"run"}}},
				{"explicit", credits.Grant{Features: []string{"run"}, Priority: 49}},
			},
			want: []string{"explicit 1", "feature 1", "all 1"},
		},
		{
			name: "S-1/plan first: allowance before a grant of better priority",
			lots: []burnLot{{"grant", credits.Grant{Priority: 1, Expires: day("2026-01-02")}}},
			want: []string{"allowance 2", "grant 1"},
		},
		{
			name: "S-1/soonest expiry: one rank for all", burn: credits.SoonestExpiry,
			lots: []burnLot{{"grant", credits.Grant{Expires: day("2026-01-31 23:59:59.999999")}}},
			want: []string{"grant 1", "allowance 2"},
		},
	}
}

func TestBurnOrder(t *testing.T) {
	for _, tt := range burnCases() {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			amount, plan := n("0"), bare()
			names := map[credits.ID]string{}
			if tt.want[0] == "allowance 2" || tt.burn != 0 {
				plan = monthly("2", func(p *credits.Plan) { p.Burn = tt.burn })
				amount = n("2")
			}
			for _, l := range r.open(plan).Lots() {
				names[l.ID] = "allowance"
			}
			for _, l := range tt.lots {
				l.grant.Amount = n("1")
				names[r.do(l.grant).ID] = l.name
				amount += n("1")
			}
			r.at("2026-01-01 00:00:02")
			got := drew(r.do(credits.Spend{Feature: "run", Amount: amount}), names)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("drawn (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBurnOrderOfSources(t *testing.T) {
	// S-1, MK-06: carried over and rolled over, allowance, grant, purchase.
	r := newRig(t, "2026-01-01")
	r.open(monthly("10", func(p *credits.Plan) {
		p.Allowances[0].Rollover.Share = 100 * credits.Percent
		p.Packs = []credits.Pack{{ID: "extra", Size: n("1"), Price: cash("1.00 USD")}}
	}))
	r.do(credits.CarryOver{Amount: n("4")})
	r.do(credits.Spend{Amount: n("5")})
	r.at("2026-02-01")
	names := map[credits.ID]string{}
	names[r.do(credits.Buy{Pack: "extra", Amount: n("1")}).ID] = "purchase"
	names[r.do(credits.Grant{Amount: n("1"), Priority: 1}).ID] = "grant"
	for l := range r.wallet().Lots() {
		if names[l.ID] == "" {
			names[l.ID] = l.Source.String()
		}
	}
	got := drew(r.do(credits.Spend{Amount: n("17")}), names)
	want := []string{"carry-over 4", "rollover 1", "allowance 10", "grant 1", "purchase 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drawn (-want +got):\n%s", diff)
	}
}

func TestSpendAllOrNothing(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	a := r.do(credits.Grant{Amount: n("3")})
	b := r.do(credits.Grant{Amount: n("4")})
	t.Run("S-2/refused", func(t *testing.T) {
		refusal := r.refused(credits.Spend{Amount: n("7.000001")}, credits.Insufficient)
		if refusal.Need != n("7.000001") || refusal.Available != n("7") || refusal.Wallet != acme {
			t.Errorf("the refusal is %+v", refusal)
		}
	})
	t.Run("S-2/lines", func(t *testing.T) {
		s := r.do(credits.Spend{Amount: n("7")})
		want := []credits.Line{
			{Lot: a.ID, From: credits.Available, To: credits.Consumed, Amount: n("3")},
			{Lot: b.ID, From: credits.Available, To: credits.Consumed, Amount: n("4")},
		}
		if diff := cmp.Diff(want, s.Lines()); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		if s.Amount != n("7") || s.Balance != 0 || s.ID != s.Entries[0].Seq {
			t.Errorf("the receipt is %+v", s)
		}
	})
}

func TestLotIsHalfOpen(t *testing.T) {
	tests := []struct {
		name string
		at   string
		want string
	}{
		{"T-1/before its start", "2026-01-09 23:59:59.999999", "0"},
		{"T-1/at its start", "2026-01-10", "5"},
		{"T-1/before its expiry", "2026-01-19 23:59:59.999999", "5"},
		{"T-1/at its expiry", "2026-01-20", "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(bare())
			r.do(credits.Grant{Amount: n("5"), Starts: day("2026-01-10"), Expires: day("2026-01-20")})
			r.hasAt(tt.at, tt.want)
			r.at(tt.at)
			r.has(tt.want)
			if tt.want == "0" {
				r.refused(credits.Spend{Amount: 1}, credits.Insufficient)
			} else {
				r.do(credits.Spend{Amount: n(tt.want)})
			}
		})
	}
	t.Run("T-1/below a microsecond", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.do(credits.Grant{Amount: n("5"), Expires: day("2026-01-20 00:00:00.000000999")})
		r.at("2026-01-19 23:59:59.999999999")
		r.has("5")
		r.at("2026-01-20")
		r.has("0")
	})
}

func TestRestrictions(t *testing.T) {
	plan := bare(func(p *credits.Plan) {
		p.Features["image"] = credits.Rate{Credits: credits.Credit}
		p.Features["upload"] = credits.Rate{Unit: "GB", Credits: credits.Credit}
	})
	tests := []struct {
		name  string
		grant credits.Grant
		spend credits.Spend
		want  bool
	}{
		{"S-5/its feature", credits.Grant{Features: []string{"run"}}, credits.Spend{Feature: "run", Quantity: 1}, true},
		{"S-5/one of its features", credits.Grant{Features: []string{"image", "run"}}, credits.Spend{Feature: "run", Quantity: 1}, true},
		{"S-5/another feature", credits.Grant{Features: []string{"image"}}, credits.Spend{Feature: "run", Quantity: 1}, false},
		{"S-5/an amount without a feature", credits.Grant{Features: []string{"image"}}, credits.Spend{Amount: n("1")}, false},
		{"S-5/its scope", credits.Grant{Scope: "ann"}, credits.Spend{Amount: n("1"), Scope: "ann"}, true},
		{"S-5/another scope", credits.Grant{Scope: "ann"}, credits.Spend{Amount: n("1"), Scope: "bob"}, false},
		{"S-5/no scope", credits.Grant{Scope: "ann"}, credits.Spend{Amount: n("1")}, false},
		{"S-5/a lot of all serves a scope", credits.Grant{}, credits.Spend{Amount: n("1"), Scope: "ann"}, true},
		{"S-5/scope names are compared byte by byte", credits.Grant{Scope: "ann"}, credits.Spend{Amount: n("1"), Scope: "Ann"}, false},
		{"S-5/its unit", credits.Grant{Unit: "GB"}, credits.Spend{Feature: "upload", Quantity: 1}, true},
		{"S-5/its unit, as an amount", credits.Grant{Unit: "GB"}, credits.Spend{Unit: "GB", Amount: n("1")}, true},
		{"S-5/another unit", credits.Grant{Unit: "GB"}, credits.Spend{Amount: n("1")}, false},
		{"S-5/scope and feature, both", credits.Grant{Scope: "ann", Features: []string{"run"}}, credits.Spend{Feature: "run", Quantity: 1, Scope: "ann"}, true},
		{"S-5/scope and feature, one", credits.Grant{Scope: "ann", Features: []string{"run"}}, credits.Spend{Feature: "image", Quantity: 1, Scope: "ann"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(plan)
			tt.grant.Amount = n("1")
			r.do(tt.grant)
			if tt.want {
				r.do(tt.spend)
				return
			}
			if refusal := r.refused(tt.spend, credits.Insufficient); refusal.Available != 0 {
				t.Errorf("the refusal says that %v are available, want 0", refusal.Available)
			}
		})
	}
}

func TestScopesOfAddOns(t *testing.T) {
	// DB-08: 180 credits for one user alone, 600 shared by the workspace.
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("180"), Scope: "ann"})
	r.do(credits.Grant{Amount: n("600")})
	for scope, want := range map[string]string{"": "600", "ann": "780", "bob": "600"} {
		if got := r.wallet().Balance("", scope).Available; got != n(want) {
			t.Errorf("%q has %v, want %s", scope, got, want)
		}
	}
	r.refused(credits.Spend{Amount: n("601"), Scope: "bob"}, credits.Insufficient)
	s := r.do(credits.Spend{Amount: n("190"), Scope: "ann"})
	if lines := s.Lines(); len(lines) != 2 || lines[0].Amount != n("180") || lines[1].Amount != n("10") {
		t.Errorf("the lines are %+v, want 180 of ann's own and 10 of all", lines)
	}
	// GN-08: one identity's exhaustion touches neither another's nor the credits.
	r.do(credits.Grant{Unit: "conversations", Amount: n("500"), Scope: "one"})
	r.do(credits.Grant{Unit: "conversations", Amount: n("500"), Scope: "two"})
	r.do(credits.Spend{Unit: "conversations", Amount: n("500"), Scope: "one"})
	r.refused(credits.Spend{Unit: "conversations", Amount: n("1"), Scope: "one"}, credits.Insufficient)
	r.do(credits.Spend{Unit: "conversations", Amount: n("500"), Scope: "two"})
	r.has("590")
}

func TestSpendByRate(t *testing.T) {
	plan := monthly("100", func(p *credits.Plan) {
		p.Features["review"] = credits.Rate{Credits: credits.Credit, Per: 10}
		p.Features["optimise"] = credits.Rate{Credits: credits.Credit, Per: 50, Factors: []string{"fields"}}
		p.Features["open"] = credits.Rate{Free: true}
		p.Features["video"] = credits.Rate{Credits: credits.Credit, Cases: []credits.RateCase{
			{Labels: map[string]string{"quality": "hd"}, Credits: 5 * credits.Credit},
		}}
	})
	tests := []struct {
		name  string
		spend credits.Spend
		want  string
	}{
		{"CF-04/a response", credits.Spend{Feature: "run", Quantity: 5}, "5"},
		{"CF-04/reviews", credits.Spend{Feature: "review", Quantity: 7}, "0.7"},
		{"FD-06/a product", credits.Spend{Feature: "optimise", Quantity: 120, Factors: map[string]int64{"fields": 3}}, "7.2"},
		{"A-2/free", credits.Spend{Feature: "open", Quantity: 3}, "0"},
		{"A-2/by label", credits.Spend{Feature: "video", Quantity: 2, Note: credits.Note{Labels: map[string]string{"quality": "hd", "x": "y"}}}, "10"},
		{"A-2/an amount instead", credits.Spend{Feature: "video", Amount: n("0.5")}, "0.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(plan)
			s := r.do(tt.spend)
			if s.Amount != n(tt.want) || s.Entries[0].Kind != credits.KindSpent || s.Entries[0].Feature != tt.spend.Feature {
				t.Errorf("the receipt is %+v, want %s", s, tt.want)
			}
			if tt.want == "0" && len(s.Lines()) != 0 {
				t.Errorf("a free spend has lines %+v", s.Lines())
			}
			r.has((n("100") - n(tt.want)).String())
		})
	}
}

func TestOccurred(t *testing.T) {
	tests := []struct {
		name     string
		occurred time.Time
		valid    bool
	}{
		{"S-12/long ago", day("1999-01-01"), true},
		{"S-12/now", day("2026-01-01 12:00"), true},
		{"S-12/after now", day("2026-01-01 12:00:00.000001"), false},
		{"S-12/before time", day("1960-01-01"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01 12:00")
			r.open(monthly("10"))
			spend := credits.Spend{Amount: n("1"), Occurred: tt.occurred}
			if !tt.valid {
				r.invalid(spend, "occurred", nil)
				return
			}
			e := r.do(spend).Entries[0]
			if !e.Occurred.Equal(tt.occurred) || !e.At.Equal(r.clock.Now()) {
				t.Errorf("the spend is booked at %v and occurred at %v", e.At, e.Occurred)
			}
		})
	}
}

func TestOverdraft(t *testing.T) {
	plan := bare(func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(n("30"))}} })
	t.Run("S-8/to the limit", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.do(credits.Grant{Amount: n("10")})
		r.refused(credits.Spend{Amount: n("40.000001")}, credits.Insufficient)
		s := r.do(credits.Spend{Amount: n("40")})
		if s.Balance != n("-30") || s.Amount != n("40") {
			t.Errorf("the receipt is %+v, want a balance of -30", s)
		}
		if b := r.wallet().Balance("", ""); b.Available != 0 || b.Debt != n("30") {
			t.Errorf("the balance is %+v", b)
		}
		r.refused(credits.Spend{Amount: 1}, credits.Insufficient)
		r.do(credits.Grant{Amount: n("100")})
		r.has("70")
		r.told(2, "spent 40, granted 100, repaid 30")
	})
	t.Run("S-8/the oldest debt first", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		first := r.do(credits.Spend{Amount: n("10")})
		second := r.do(credits.Spend{Amount: n("20")})
		g := r.do(credits.Grant{Amount: n("15")})
		var paid []credits.ID
		for _, e := range g.Entries[1:] {
			paid = append(paid, e.Of)
		}
		if diff := cmp.Diff([]credits.ID{first.ID, second.ID}, paid); diff != "" {
			t.Errorf("paid (-want +got):\n%s", diff)
		}
		if g.Balance != n("-15") {
			t.Errorf("the balance is %v, want -15", g.Balance)
		}
	})
	t.Run("S-8/only credits that could have paid it", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.do(credits.Spend{Amount: n("10")})
		r.do(credits.Grant{Amount: n("5"), Scope: "ann"})
		r.do(credits.Grant{Amount: n("5"), Features: []string{"run"}})
		r.do(credits.Grant{Amount: n("5"), Unit: "GB"})
		if b := r.wallet().Balance("", "ann"); b.Debt != n("10") || b.Available != n("10") {
			t.Errorf("the balance is %+v", b)
		}
		r.do(credits.Spend{Feature: "run", Quantity: 5})
		r.do(credits.Spend{Amount: n("2"), Scope: "ann"})
	})
	t.Run("S-8/a grant that starts later pays when it starts", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.do(credits.Spend{Amount: n("10")})
		r.do(credits.Grant{Amount: n("15"), Starts: day("2026-01-05")})
		if got := r.wallet().Balance("", "").Debt; got != n("10") {
			t.Errorf("the debt is %v, want 10", got)
		}
		r.at("2026-01-05")
		r.has("5")
	})
	t.Run("S-8/holds are never owed", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.refused(credits.Reserve{Amount: n("1"), Until: day("2026-01-02")}, credits.Insufficient)
	})
	t.Run("S-8/none by default", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.refused(credits.Spend{Amount: 1}, credits.Insufficient)
	})
}
