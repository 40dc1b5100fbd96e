package credits_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
)

// tier returns a plan of so many credits a month at 9 USD for 10,000, whose
// extra credits take a card.
func tier(amount string, changes ...func(*credits.Plan)) credits.Plan {
	return core(amount, append([]func(*credits.Plan){func(p *credits.Plan) { p.Packs[0].Methods = []string{"card"} }}, changes...)...)
}

// on switches auto-purchase on and spends the whole allowance, which buys once.
func (s *shop) on(allowance string) {
	s.Helper()
	s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n(allowance)})
}

func TestPaidLimits(t *testing.T) {
	annual := func(p *credits.Plan) { p.Every, p.Term = credits.Years(1), credits.Years(1) }
	tests := []struct {
		name      string
		plan      credits.Plan
		allowance string
		packs     int64
		taken     string
	}{
		{"MK-12/80,000 allows 8", tier("80000"), "80000", 8, "93.60 USD"},
		{"MK-12/85,000 allows 8", tier("85000"), "85000", 8, "93.60 USD"},
		{"MK-12/45,000 allows 4", tier("45000"), "45000", 4, "46.80 USD"},
		{"MK-12/10,000 allows 1", tier("10000"), "10000", 1, "11.70 USD"},
		{"MK-12/9,999 allows 0", tier("9999"), "9999", 0, "0.00 USD"},
		{"MK-12/5,000 allows 0", tier("5000"), "5000", 0, "0.00 USD"},
		{"MK-12/an annual allowance counts for a twelfth", tier("240000", annual), "240000", 2, "23.40 USD"},
		{"MK-12/add-ons do not count", tier("10000", func(p *credits.Plan) {
			p.AddOns = []credits.AddOn{{ID: "more", Price: cash("1.00 USD"), Allowances: []credits.Allowance{{Amount: n("90000")}}}}
		}), "10000", 1, "11.70 USD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tt.plan)
			if tt.packs == 0 {
				e := s.no(credits.SetAutoPurchase{On: true}, credits.LimitReached)
				if diff := cmp.Diff([]credits.RemedyKind{credits.RemedyLimit}, remedies(e)); diff != "" {
					t.Errorf("remedies (-want +got):\n%s", diff)
				}
				return
			}
			s.on(tt.allowance)
			for left := tt.packs - 1; left > 0; left-- {
				if got := s.wallet().AutoPurchase().Times; got != left {
					t.Fatalf("%d purchases are left, want %d", got, left)
				}
				s.must(credits.Spend{Amount: n("10000")})
			}
			s.no(credits.Spend{Amount: n("10000.000001")}, credits.LimitReached)
			s.must(credits.Spend{Amount: n("10000")})
			s.has("0")
			s.no(credits.Spend{Amount: 1}, credits.LimitReached)
			s.took(tt.taken)
		})
	}
}

func TestPaidLimitIsShown(t *testing.T) {
	s := newShop(t, "2026-01-01", tier("80000"))
	s.on("80000")
	s.must(credits.Spend{Amount: n("10000")})
	t.Run("MK-13/after 2 of 8", func(t *testing.T) { s.auto("20000", "60000", 6) })
	t.Run("MK-14/each 11.70", func(t *testing.T) {
		for _, e := range s.bought() {
			if e.Charge != cash("11.70 USD") || e.Surcharge != cash("2.70 USD") || e.Opens.Paid != cash("11.70 USD") {
				t.Errorf("charge %v, surcharge %v, paid %v", e.Charge, e.Surcharge, e.Opens.Paid)
			}
		}
		s.took("23.40 USD")
	})
	t.Run("P-3/a shortfall is one charge of whole packs", func(t *testing.T) {
		s.must(credits.Spend{Amount: n("35000")}) // 10,000 are there: 25,000 short
		s.auto("50000", "30000", 3)
		s.took("58.50 USD")
		s.has("5000")
	})
	t.Run("P-3/not as many as it takes: nothing is bought", func(t *testing.T) {
		s.no(credits.Spend{Amount: n("35000.000001")}, credits.LimitReached)
		s.took("58.50 USD")
		s.has("5000")
	})
	t.Run("MK-12/purchases by hand do not count, and have no surcharge", func(t *testing.T) {
		r := s.must(credits.Buy{Pack: "extra", Amount: n("10000")})
		if r.Charge != cash("9.00 USD") || r.Amount != n("10000") || r.Entries[0].Kind == credits.KindIntended {
			t.Errorf("MK-14: %+v", r)
		}
		s.auto("50000", "30000", 3)
	})
}

func TestPlanChangeKeepsTheCount(t *testing.T) {
	next := func(amount string, size string) credits.Plan {
		return tier(amount, func(p *credits.Plan) { p.Version, p.Auto.Size = 2, n(size) })
	}
	tests := []struct {
		name   string
		bought int // of 10,000, with a limit of 80,000
		to     credits.Plan
		left   string
		times  int64
	}{
		{"MK-12/more than the new limit", 5, next("45000", "10000"), "0", 0},
		{"MK-12/as many as the new limit", 4, next("45000", "10000"), "0", 0},
		{"MK-12/less than the new limit", 3, next("45000", "10000"), "10000", 1},
		{"MK-12/a larger limit", 8, next("100000", "10000"), "20000", 2},
		{"MK-12/larger purchases: of the limit less what was bought, whole ones", 1, next("100000", "30000"), "90000", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tier("80000"))
			s.on("80000")
			for range tt.bought - 1 {
				s.must(credits.Spend{Amount: n("10000")})
			}
			s.at("2026-01-20")
			s.must(credits.Subscribe{Plan: tt.to})
			a := s.wallet().AutoPurchase()
			if a.Bought != n("10000")*credits.Amount(tt.bought) || a.Left != n(tt.left) || a.Times != tt.times {
				t.Errorf("%+v, want %s left, %d times", a, tt.left, tt.times)
			}
			s.at("2026-02-01") // MK-18
			if a := s.wallet().AutoPurchase(); a.Bought != 0 {
				t.Errorf("MK-18: %+v in the next month", a)
			}
		})
	}
}

func TestMoneyLimit(t *testing.T) {
	limit := func(m string) credits.Plan {
		return tier("80000", func(p *credits.Plan) { p.Auto.Money = cash(m) })
	}
	tests := []struct {
		name  string
		plan  credits.Plan
		packs int
	}{
		{"P-4/one cent less than two", limit("23.39 USD"), 1},
		{"P-4/two to the cent, surcharge included", limit("23.40 USD"), 2},
		{"P-4/less than three", limit("35.09 USD"), 2},
		{"P-4/credits are the tighter limit", tier("20000", func(p *credits.Plan) { p.Auto.Money = cash("100.00 USD") }), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tt.plan)
			s.on(s.wallet().Available().String())
			for range tt.packs - 1 {
				s.must(credits.Spend{Amount: n("10000")})
			}
			s.no(credits.Spend{Amount: n("10000.000001")}, credits.LimitReached)
			s.must(credits.Spend{Amount: n("10000")})
			s.no(credits.Spend{Amount: 1}, credits.LimitReached)
			if got := len(s.bought()); got != tt.packs {
				t.Errorf("%d purchases, want %d", got, tt.packs)
			}
			s.at("2026-02-01")
			s.must(credits.Spend{Amount: s.wallet().Available()})
			if got := len(s.bought()); got != tt.packs+1 {
				t.Errorf("MK-18: %d purchases with the next month's first, want %d", got, tt.packs+1)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	calendar := func(p *credits.Plan) { p.Auto.Window = credits.CalendarMonth }
	tests := []struct {
		name   string
		opened string
		zone   string
		plan   credits.Plan
		full   string // still in the month in which all was bought
		fresh  string // the first instant of the next
	}{
		{"MK-18/from the anchor", "2026-01-31 10:00", "", tier("10000"), "2026-02-28 09:59:59.999999", "2026-02-28 10:00"},
		{"P-4/from the anchor, of an annual plan", "2026-01-31 10:00", "", tier("120000", func(p *credits.Plan) { p.Every = credits.Years(1) }), "2026-02-28 09:59:59.999999", "2026-02-28 10:00"},
		{"P-4/by calendar month", "2026-01-20", "", tier("10000", calendar), "2026-01-31 23:59:59.999999", "2026-02-01"},
		{"P-4/by calendar month in the wallet's zone", "2026-01-20", "Asia/Tokyo", tier("10000", calendar), "2026-01-31 14:59:59.999999", "2026-01-31 15:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShopIn(t, tt.opened, tt.plan, tt.zone)
			s.on(s.wallet().Available().String())
			s.must(credits.Spend{Amount: n("10000")})
			until := s.wallet().AutoPurchase().Until
			if !until.Equal(day(tt.fresh)) {
				t.Errorf("it counts until %v, want %s", until, tt.fresh)
			}
			s.at(tt.full)
			s.no(credits.Spend{Amount: s.wallet().Available() + 1}, credits.LimitReached)
			s.at(tt.fresh)
			s.must(credits.Spend{Amount: s.wallet().Available() + 1})
			s.took("23.40 USD")
		})
	}
}

// What counts in a limit, and where, is that of the intent's instant.
func TestUndecidedInWindows(t *testing.T) {
	begin := func(t *testing.T) (*shop, credits.ID) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true})
		s.at("2026-01-31 12:00")
		return s, s.undecided("k", credits.Spend{Amount: n("20001")})
	}
	t.Run("P-4/an undecided one counts, until it is declined", func(t *testing.T) {
		s, id := begin(t)
		s.auto("10000", "10000", 1)
		if err := s.settle(id, credits.Declined); err != nil {
			t.Fatal(err)
		}
		s.auto("0", "20000", 2)
	})
	t.Run("P-4/until it is abandoned", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true})
		s.undecided("k", credits.Spend{Amount: n("20001")})
		s.later(24*time.Hour - time.Microsecond)
		s.auto("10000", "10000", 1)
		s.later(time.Microsecond)
		s.auto("0", "20000", 2)
	})
	t.Run("P-4/paid after it was declined, it counts again", func(t *testing.T) {
		s, id := begin(t)
		for _, told := range []credits.PaymentState{credits.Declined, credits.Paid} {
			if err := s.settle(id, told); err != nil {
				t.Fatal(err)
			}
		}
		s.auto("10000", "10000", 1)
	})
	t.Run("P-2/paid in the next month it counts in its own", func(t *testing.T) {
		s, id := begin(t)
		s.at("2026-02-01 06:00")
		s.auto("0", "20000", 2)
		if err := s.settle(id, credits.Paid); err != nil {
			t.Fatal(err)
		}
		s.auto("0", "20000", 2)
		s.has("30000")
	})
	t.Run("P-4/declined after a reset it frees nothing of the new month", func(t *testing.T) {
		s, id := begin(t)
		s.at("2026-02-01 06:00")
		s.must(credits.Grant{Amount: n("1")})
		if err := s.settle(id, credits.Unknown); err != nil {
			t.Fatal(err)
		}
		s.must(credits.SetAutoPurchase{On: false}, credits.Spend{Amount: n("20001")}, credits.SetAutoPurchase{On: true})
		s.opens(1) // MK-10, P-3: one open purchase
		if err := s.settle(id, credits.Declined); err != nil {
			t.Fatal(err)
		}
		s.must(card)
		s.auto("10000", "10000", 1)
		s.later(20 * time.Hour)
		if err := s.settle(id, credits.Abandoned); err != nil {
			t.Fatal(err)
		}
		s.auto("10000", "10000", 1)
	})
	t.Run("P-2/paid past a limit it counts and is delivered", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("10000"))
		s.must(credits.SetAutoPurchase{On: true})
		first := s.undecided("k", credits.Spend{Amount: n("10001")})
		if err := s.settle(first, credits.Abandoned); err != nil {
			t.Fatal(err)
		}
		s.must(credits.Spend{Amount: n("10000")}) // the limit's only purchase
		s.auto("10000", "0", 0)
		if err := s.settle(first, credits.Paid); err != nil {
			t.Fatal(err)
		}
		s.auto("20000", "0", 0)
		s.has("20000")
	})
}

// T-6: an idle wallet buys nothing.
func TestIdleWalletBuysNothing(t *testing.T) {
	s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) { p.Auto.Below = credits.AtMost(n("50000")) }))
	s.must(credits.SetAutoPurchase{On: true}) // when auto-purchase is switched on
	s.took("11.70 USD")
	if _, err := s.ledger.Do(s.ctx, "bob", "o", credits.Open{Plan: bare()}); err != nil {
		t.Fatal(err)
	}
	still := func(what string) {
		t.Helper()
		if got := s.provider.Taken("USD"); got != cash("11.70 USD") {
			t.Fatalf("T-6: %s bought: %v taken", what, got)
		}
	}
	for range 12 {
		s.later(20 * 24 * time.Hour)
		s.tick()
		still("time")
	}
	s.must(credits.Grant{Amount: n("5")})
	still("a grant")
	lot := s.must(credits.Grant{Amount: n("5")}).ID
	s.must(credits.Revoke{Lot: lot})
	still("a revocation")
	s.must(credits.SetAutoPurchase{On: false}, credits.Spend{Amount: n("1")})
	still("a spend with auto-purchase off")
	hold := s.must(credits.Reserve{Amount: n("2"), Until: s.clock.Now().Add(time.Hour)}).ID
	s.must(credits.Release{Hold: hold})
	still("a release")
	s.must(credits.SetAutoPurchase{On: true})
	s.took("23.40 USD")
}

// T-6: what checks the trigger.
func TestTriggers(t *testing.T) {
	tests := []struct {
		name string
		do   func(s *shop)
	}{
		{"T-6/a spend", func(s *shop) { s.must(credits.Spend{Amount: n("20000")}) }},
		{"T-6/a hold", func(s *shop) { s.must(credits.Reserve{Amount: n("20000"), Until: day("2026-01-02")}) }},
		{"T-6/a capture", func(s *shop) {
			s.must(credits.SetAutoPurchase{On: false})
			hold := s.must(credits.Reserve{Amount: n("20000"), Until: day("2026-01-02")}).ID
			s.must(card)
			s.took("0.00 USD")
			s.must(credits.SetAutoPurchase{On: true})
			s.took("11.70 USD") // MK-16, T-6: when it is switched on
			s.must(credits.Capture{Hold: hold, All: true})
		}},
		{"T-6/a new method", func(s *shop) {
			s.must(credits.SetAutoPurchase{On: false}, credits.Spend{Amount: n("20000")})
			s.provider.Next(creditstest.Decline)
			s.must(credits.SetAutoPurchase{On: true})
			s.took("0.00 USD")
			if !s.wallet().AutoPurchase().Suspended {
				s.Error("P-5: it is not suspended")
			}
			s.must(card)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tier("20000"))
			s.must(credits.SetAutoPurchase{On: true})
			tt.do(s)
			s.took("11.70 USD")
			s.has("10000")
		})
	}
}
