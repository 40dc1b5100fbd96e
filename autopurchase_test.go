package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// core is a plan of so many credits a month at 9 USD for 10,000, with extra
// credits and auto-purchase in packs of 10,000.
func core(amount string, changes ...func(*credits.Plan)) credits.Plan {
	return monthly(amount, append([]func(*credits.Plan){func(p *credits.Plan) {
		cost, err := credits.Price{Money: cash("9.00 USD"), For: n("10000")}.Of(n(amount), 0)
		if err != nil {
			panic(err)
		}
		p.Price = cost
		p.Packs = []credits.Pack{{ID: "extra", Size: n("1000")}}
		p.Auto = credits.AutoPurchase{Pack: "extra", Size: n("10000"), Surcharge: 30 * credits.Percent}
	}}, changes...)...)
}

func TestSubscriptionCreditsFirst(t *testing.T) {
	// MK-06
	tests := []struct {
		name  string
		used  string
		spend string
		want  []string
	}{
		{"MK-06/the last of the subscription", "39999", "1", []string{"subscription 1"}},
		{"MK-06/number 40,001", "40000", "1", []string{"extra 1"}},
		{"MK-06/across", "39995", "10", []string{"subscription 5", "extra 5"}},
		{"MK-06/half and half", "39999.5", "1", []string{"subscription 0.5", "extra 0.5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			names := map[credits.ID]string{r.open(core("40000")).Lots()[0].ID: "subscription"}
			names[r.do(credits.Buy{Pack: "extra", Amount: n("1000")}).ID] = "extra"
			r.do(credits.Spend{Amount: n(tt.used)})
			got := drew(r.do(credits.Spend{Amount: n(tt.spend)}), names)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("drawn (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPriceOfExtraCredits(t *testing.T) {
	tests := []struct {
		name   string
		plan   credits.Plan
		amount string
		want   string
	}{
		{"MK-08/monthly, 1,000", core("10000"), "1000", "0.90 USD"},
		{"MK-08/monthly, 10,000", core("10000"), "10000", "9.00 USD"},
		{"MK-08/annual, monthly credits", core("10000", func(p *credits.Plan) {
			p.Price, p.Term = cash("108.00 USD"), credits.Years(1)
		}), "1000", "0.90 USD"},
		{"MK-08/annual credits", core("120000", func(p *credits.Plan) {
			p.Price, p.Every = cash("108.00 USD"), credits.Years(1)
		}), "1000", "0.90 USD"},
		{"MK-08/a larger tier", core("40000"), "1000", "0.90 USD"},
		{"MK-08/a pack's own price", core("10000", func(p *credits.Plan) { p.Packs[0].Price = cash("1.23 USD") }), "3000", "3.69 USD"},
		{"A-3/no minor unit", core("10000", func(p *credits.Plan) { p.Price = cash("985 JPY") }), "10000", "985 JPY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(tt.plan)
			b := r.do(credits.Buy{Pack: "extra", Amount: n(tt.amount)})
			if b.Charge != cash(tt.want) || b.Entries[0].Surcharge != (credits.Money{}) || b.Purchase != b.ID {
				t.Errorf("the receipt is %+v, want %s without surcharge", b, tt.want)
			}
		})
	}
}

func TestQuantityOfExtraCredits(t *testing.T) {
	// MK-07
	r := newRig(t, "2026-01-01")
	r.open(core("10000"))
	for _, amount := range []string{"1500", "0", "-1000", "999.999999", "1000.000001"} {
		t.Run("MK-07/"+amount, func(t *testing.T) {
			r.in(t).invalid(credits.Buy{Pack: "extra", Amount: n(amount)}, "amount", nil)
		})
	}
	r.refused(credits.Buy{Pack: "none", Amount: n("1000")}, credits.NotInPlan)
	r.do(credits.Buy{Pack: "extra", Amount: n("1000")})
}

func TestLifeOfExtraCredits(t *testing.T) {
	tests := []struct {
		name   string
		opened string
		bought string
		change func(*credits.Plan)
		zone   string
		last   string // instant at which it can be spent
		dead   string
	}{
		{
			name: "MK-01/monthly", opened: "2026-01-01", bought: "2026-01-20",
			last: "2026-01-31 23:59:59.999999", dead: "2026-02-01",
		},
		{
			name: "MK-02/annual credits", opened: "2026-01-01", bought: "2026-01-20",
			change: func(p *credits.Plan) { p.Every = credits.Years(1) },
			last:   "2026-12-31 23:59:59.999999", dead: "2027-01-01",
		},
		{
			name: "MK-03/annual term, monthly reset", opened: "2026-01-01", bought: "2026-01-20",
			change: func(p *credits.Plan) { p.Term = credits.Years(1) },
			last:   "2026-01-31 23:59:59.999999", dead: "2026-02-01",
		},
		{
			name: "for the term", opened: "2026-01-01", bought: "2026-03-20",
			change: func(p *credits.Plan) { p.Term, p.Packs[0].Life = credits.Years(1), credits.ForTerm },
			last:   "2026-12-31 23:59:59.999999", dead: "2027-01-01",
		},
		{
			name: "CF-08/30 civil days", opened: "2026-01-01", bought: "2026-01-10 12:00",
			change: func(p *credits.Plan) { p.Packs[0].Life = credits.Days(30) },
			last:   "2026-02-09 11:59:59.999999", dead: "2026-02-09 12:00",
		},
		{
			name: "CF-08/over a change of clocks", opened: "2026-01-01", bought: "2026-03-10 11:00", zone: "Europe/Berlin",
			change: func(p *credits.Plan) { p.Packs[0].Life = credits.Days(30) },
			last:   "2026-04-09 09:59:59.999999", dead: "2026-04-09 10:00",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.opened)
			if tt.change == nil {
				tt.change = func(*credits.Plan) {}
			}
			r.do(credits.Open{Plan: core("10000", tt.change), Zone: tt.zone})
			r.at(tt.bought)
			b := r.do(credits.Buy{Pack: "extra", Amount: n("1000")})
			r.at(tt.last)
			if l := r.lot(b.ID); l.Available != n("1000") {
				t.Errorf("the lot is %+v at %s", l, tt.last)
			}
			r.at(tt.dead)
			if l := r.lot(b.ID); l.Available != 0 || l.Expired != n("1000") {
				t.Errorf("the lot is %+v at %s", l, tt.dead)
			}
		})
	}
}

func TestPackBringsAnotherUnit(t *testing.T) {
	// MK-04
	r := newRig(t, "2026-01-01")
	r.open(core("10000", func(p *credits.Plan) {
		p.Packs = []credits.Pack{{ID: "extra", Size: n("10000"), Brings: []credits.Bring{{Unit: "GB", Amount: n("5")}}}}
		p.Allowances = append(p.Allowances, credits.Allowance{Unit: "ops", Amount: n("7")})
	}))
	b := r.do(credits.Buy{Pack: "extra", Amount: n("20000")})
	r.has("30000")
	if got := r.wallet().Balance("GB", "").Available; got != n("10") {
		t.Errorf("%v GB came with it, want 10", got)
	}
	if got := r.wallet().Balance("ops", "").Available; got != n("7") {
		t.Errorf("%v ops, want 7 as before", got)
	}
	if lots := b.Lots(); len(lots) != 2 || lots[1].Purchase != b.ID || !lots[1].Expires.Equal(lots[0].Expires) {
		t.Errorf("the lots are %+v", lots)
	}
}

func TestAutoPurchaseTriggers(t *testing.T) {
	tests := []struct {
		name  string
		spend string
		below string
		want  string // bought at once
		has   string
	}{
		{"MK-10/more than 0 is left", "79999.999999", "0", "0", "0.000001"},
		{"MK-10/leaves 0", "80000", "0", "10000", "10000"},
		{"MK-10/needs more: one pack", "80000.000001", "0", "10000", "9999.999999"},
		{"MK-10/needs more: exactly one pack, and one that leaves 0", "90000", "0", "20000", "10000"},
		{"P-3/needs more: as many packs as it takes", "115000", "0", "40000", "5000"},
		{"leaves the threshold", "75000", "5000", "10000", "15000"},
		{"leaves more than the threshold", "74999.999999", "5000", "0", "5000.000001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(core("80000", func(p *credits.Plan) { p.Auto.Below = credits.AtMost(n(tt.below)) }))
			r.do(credits.SetAutoPurchase{On: true})
			r.do(credits.Spend{Amount: n(tt.spend)})
			if got := r.wallet().AutoPurchase().Bought; got != n(tt.want) {
				t.Errorf("%v were bought, want %s", got, tt.want)
			}
			r.has(tt.has)
		})
	}
}

func TestAutoPurchaseGoesOn(t *testing.T) {
	t.Run("MK-10/unspent extras count", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("80000"))
		r.do(credits.SetAutoPurchase{On: true})
		r.do(credits.Buy{Pack: "extra", Amount: n("1000")})
		r.do(credits.Spend{Amount: n("80000")})
		r.has("1000")
	})
	t.Run("MK-10/a hold leaves 0", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("80000"))
		r.do(credits.SetAutoPurchase{On: true})
		r.do(credits.Reserve{Amount: n("80000"), Until: day("2026-01-02")})
		r.has("10000")
	})
	t.Run("MK-11/again when those are used", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("80000"))
		r.do(credits.SetAutoPurchase{On: true})
		first := r.do(credits.Spend{Amount: n("80000")})
		second := r.do(credits.Spend{Amount: n("10000")})
		if first.Charge != cash("11.70 USD") || second.Charge != cash("11.70 USD") || first.Purchase == second.Purchase {
			t.Errorf("the charges are %v and %v", first.Charge, second.Charge)
		}
		r.has("10000")
	})
	t.Run("T-6/an idle wallet buys nothing", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("80000"))
		r.do(credits.Spend{Amount: n("80000")})
		r.do(credits.SetAutoPurchase{On: true}) // the trigger is checked here
		r.do(credits.SetAutoPurchase{On: false})
		r.do(credits.Spend{Amount: n("10000")})
		r.at("2026-01-31")
		r.tick()
		r.has("0")
	})
	t.Run("MK-17/off keeps what was bought", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("80000"))
		r.do(credits.SetAutoPurchase{On: true})
		r.do(credits.Spend{Amount: n("80000")})
		r.do(credits.SetAutoPurchase{On: false})
		r.has("10000")
		r.do(credits.Spend{Amount: n("10000")})
		r.refused(credits.Spend{Amount: 1}, credits.Insufficient)
	})
}

func TestAutoPurchaseLimit(t *testing.T) {
	tests := []struct {
		name  string
		plan  credits.Plan
		times int
	}{
		{"MK-12/80,000", core("80000"), 8},
		{"MK-12/85,000", core("85000"), 8},
		{"MK-12/45,000", core("45000"), 4},
		{"MK-12/10,000", core("10000"), 1},
		{"MK-12/9,999", core("9999"), 0},
		{"MK-12/5,000", core("5000"), 0},
		{"MK-12/an annual allowance counts for a twelfth", core("120000", func(p *credits.Plan) { p.Every = credits.Years(1) }), 1},
		{"MK-12/a limit of its own", core("10000", func(p *credits.Plan) { p.Auto.Limit = credits.AtMost(n("35000")) }), 3},
		{"A-5/a limit of nothing", core("10000", func(p *credits.Plan) { p.Auto.Limit = credits.AtMost(0) }), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(tt.plan)
			if tt.times == 0 {
				refusal := r.refused(credits.SetAutoPurchase{On: true}, credits.LimitReached)
				if diff := cmp.Diff([]credits.RemedyKind{credits.RemedyLimit}, remedies(refusal)); diff != "" {
					t.Errorf("remedies (-want +got):\n%s", diff)
				}
				return
			}
			r.do(credits.SetAutoPurchase{On: true})
			r.do(credits.Spend{Amount: r.wallet().Available()})
			for i := 1; ; i++ {
				if s := r.wallet().AutoPurchase(); int(s.Times) != tt.times-i || s.Bought != credits.Amount(i)*n("10000") || s.Left != credits.Amount(s.Times)*n("10000") {
					t.Errorf("after %d purchases the state is %+v", i, s)
				}
				if i == tt.times {
					break
				}
				r.do(credits.Spend{Amount: n("10000")})
			}
			r.do(credits.Spend{Amount: n("10000")}) // leaves 0, and buys no more
			r.has("0")
			refusal := r.refused(credits.Spend{Amount: 1}, credits.LimitReached)
			want := []credits.RemedyKind{credits.RemedyWait, credits.RemedyBuy, credits.RemedyLimit}
			if diff := cmp.Diff(want, remedies(refusal)); diff != "" {
				t.Errorf("remedies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAutoPurchaseLeft(t *testing.T) {
	t.Run("MK-13/after 2 of 8", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("80000"))
		r.do(credits.SetAutoPurchase{On: true})
		r.do(credits.Spend{Amount: n("80000")})
		r.do(credits.Spend{Amount: n("10000")})
		want := credits.AutoState{On: true, Bought: n("20000"), Left: n("60000"), Times: 6, Until: day("2026-02-01")}
		if diff := cmp.Diff(want, r.wallet().AutoPurchase()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
	})
	t.Run("P-3/not as many as it takes: nothing is bought", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(core("20000"))
		r.do(credits.SetAutoPurchase{On: true})
		r.refused(credits.Spend{Amount: n("40000.000001")}, credits.LimitReached)
		r.do(credits.Spend{Amount: n("40000")})
	})
	t.Run("not in the plan", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10000"))
		r.refused(credits.SetAutoPurchase{On: true}, credits.NotInPlan)
		r.do(credits.SetAutoPurchase{})
	})
}

func TestAutoPurchaseLimitStartsAnew(t *testing.T) {
	tests := []struct {
		name   string
		opened string
		change func(*credits.Plan)
		last   string // the limit is still used up
		anew   string
	}{
		{"MK-18/anniversary", "2026-01-31 10:00", nil, "2026-02-28 09:59:59.999999", "2026-02-28 10:00"},
		{"MK-18/first of month", "2026-01-10", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }, "2026-01-31 23:59:59.999999", "2026-02-01"},
		{"MK-18/annual term", "2026-01-01", func(p *credits.Plan) { p.Term, p.Price = credits.Years(1), cash("108.00 USD") }, "2026-01-31 23:59:59.999999", "2026-02-01"},
		{"MK-18/annual credits, by month", "2026-01-01", func(p *credits.Plan) { p.Every, p.Allowances[0].Amount = credits.Years(1), n("120000") }, "2026-01-31 23:59:59.999999", "2026-02-01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.opened)
			if tt.change == nil {
				tt.change = func(*credits.Plan) {}
			}
			r.open(core("10000", tt.change))
			r.do(credits.SetAutoPurchase{On: true})
			r.do(credits.Spend{Amount: r.wallet().Available() + n("5000")})
			r.at(tt.last)
			if s := r.wallet().AutoPurchase(); s.Left != 0 || s.Bought != n("10000") || !s.Until.Equal(day(tt.anew)) {
				t.Errorf("the state is %+v at %s", s, tt.last)
			}
			r.refused(credits.Spend{Amount: n("5000.000001")}, credits.LimitReached)
			r.at(tt.anew)
			if s := r.wallet().AutoPurchase(); s.Left != n("10000") || s.Bought != 0 {
				t.Errorf("the state is %+v at %s", s, tt.anew)
			}
			r.do(credits.Spend{Amount: r.wallet().Available() + n("5000")})
		})
	}
	t.Run("MK-18/once a cycle when the zone changed", func(t *testing.T) {
		r := newRig(t, "2026-01-10")
		r.open(core("10000", func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }))
		r.do(credits.SetAutoPurchase{On: true})
		r.at("2026-02-10")
		r.do(credits.SetZone{Zone: "America/New_York"})
		r.at("2026-03-01")
		cycle := r.wallet().Cycle()
		r.do(credits.Spend{Amount: n("15000")})
		r.clock.Set(cycle.End.Add(-1))
		if s := r.wallet().AutoPurchase(); s.Left != 0 || !s.Until.Equal(cycle.End) {
			t.Errorf("the state is %+v at the end of the cycle %v", s, cycle)
		}
		r.refused(credits.Spend{Amount: n("10000")}, credits.LimitReached)
	})
}

func TestAutoPurchasePrice(t *testing.T) {
	tests := []struct {
		name      string
		plan      credits.Plan
		spend     string
		charge    string
		surcharge string
	}{
		{"MK-14/10,000", core("10000"), "10000", "11.70 USD", "2.70 USD"},
		{"MK-14/two packs in one charge", core("40000"), "55000", "23.40 USD", "5.40 USD"},
		{"A-3/985 JPY", core("10000", func(p *credits.Plan) { p.Price = cash("985 JPY") }), "10000", "1280 JPY", "295 JPY"},
		{"A-3/995 JPY", core("10000", func(p *credits.Plan) { p.Price = cash("995 JPY") }), "10000", "1294 JPY", "299 JPY"},
		{"A-3/2.755 KWD", core("10000", func(p *credits.Plan) { p.Price = cash("2.755 KWD") }), "10000", "3.582 KWD", "0.827 KWD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(tt.plan)
			r.do(credits.SetAutoPurchase{On: true})
			s := r.do(credits.Spend{Amount: n(tt.spend)})
			if s.Charge != cash(tt.charge) {
				t.Errorf("the charge is %v, want %s", s.Charge, tt.charge)
			}
			for _, e := range s.Entries {
				if e.Kind == credits.KindPurchased && (e.Surcharge != cash(tt.surcharge) || e.Opens.Source != credits.FromAuto || e.Seq != s.Purchase) {
					t.Errorf("the purchase is %+v, want a surcharge of %s", e, tt.surcharge)
				}
			}
		})
	}
}
