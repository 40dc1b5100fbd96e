package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
)

// What unblocks a spend of 20,000 more than there is, by why it is refused.
func TestRemediesOfShortage(t *testing.T) {
	wait := credits.Remedy{Kind: credits.RemedyWait, Until: day("2026-02-01")}
	buy := func(amount, price string) credits.Remedy {
		return credits.Remedy{Kind: credits.RemedyBuy, Pack: "extra", Buy: n(amount), Price: cash(price)}
	}
	on := credits.SetAutoPurchase{On: true}
	tests := []struct {
		name  string
		ready func(s *shop)
		spend string // of 20,000 that are there
		want  credits.Reason
		help  []credits.Remedy
	}{
		{"S-4/switch auto-purchase on, or buy", func(*shop) {}, "25000.5", credits.Insufficient, []credits.Remedy{
			{Kind: credits.RemedyAuto}, buy("6000", "5.40 USD"),
		}},
		{"S-4/wait, where the next reset covers it", func(s *shop) { s.must(credits.Spend{Amount: n("15000")}) }, "20000", credits.Insufficient, []credits.Remedy{
			wait, {Kind: credits.RemedyAuto}, buy("15000", "13.50 USD"),
		}},
		{"S-4/buy, where auto-purchase would not do", func(*shop) {}, "40001", credits.Insufficient, []credits.Remedy{
			buy("21000", "18.90 USD"),
		}},
		{"S-4/raise the limit", func(s *shop) { s.must(on) }, "40001", credits.LimitReached, []credits.Remedy{
			{Kind: credits.RemedyLimit}, buy("21000", "18.90 USD"),
		}},
		{"S-4/change the payment method", func(s *shop) {
			s.must(on)
			s.provider.Next(creditstest.Decline)
			s.no(credits.Spend{Amount: n("20001")}, credits.PaymentFailed)
		}, "20002", credits.PaymentFailed, []credits.Remedy{{Kind: credits.RemedyMethod}, buy("1000", "0.90 USD")}},
		{"S-4/set one that is accepted", func(s *shop) {
			s.must(on, credits.SetMethod{Method: credits.Method{Token: "t", Kind: "transfer"}})
		}, "20001", credits.MethodRefused, []credits.Remedy{{Kind: credits.RemedyMethod}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tier("20000"))
			tt.ready(s)
			before := s.dump("")
			e := s.no(credits.Spend{Amount: n(tt.spend)}, tt.want)
			if diff := cmp.Diff(tt.help, e.Remedies); diff != "" {
				t.Errorf("remedies (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, s.dump("")); diff != "" {
				t.Errorf("S-4: it changed the store:\n%s", diff)
			}
		})
	}
	t.Run("S-4/what a remedy says is what it costs, and it helps", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		spend := credits.Spend{Amount: n("25000.5")}
		for _, m := range s.no(spend, credits.Insufficient).Remedies {
			if m.Kind == credits.RemedyBuy {
				s.must(credits.Buy{Pack: m.Pack, Amount: m.Buy})
				s.took(m.Price.String())
			}
		}
		s.must(spend)
	})
}

func TestAutoPurchasePaid(t *testing.T) {
	t.Run("MK-10, MK-11/a pack at 0, and again when it is used", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("80000"))
		s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n("79999.999999")})
		s.took("0.00 USD")
		s.must(credits.Spend{Amount: 1})
		s.took("11.70 USD")
		s.must(credits.Spend{Amount: n("9999.999999")})
		s.took("11.70 USD")
		s.must(credits.Spend{Amount: 1})
		s.took("23.40 USD")
	})
	t.Run("MK-10/unspent extras count, bought by hand or not", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("80000"))
		s.must(credits.SetAutoPurchase{On: true}, credits.Buy{Pack: "extra", Amount: n("5000")}, credits.Spend{Amount: n("84999")})
		s.took("4.50 USD")
		s.must(credits.Spend{Amount: n("1")})
		s.took("16.20 USD")
	})
	t.Run("MK-10/below a threshold of the plan", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("80000", func(p *credits.Plan) { p.Auto.Below = credits.AtMost(n("500")) }))
		s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n("79499.999999")})
		s.took("0.00 USD")
		s.must(credits.Spend{Amount: 1})
		s.has("10500")
	})
	t.Run("MK-10/another unit buys nothing", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("80000", func(p *credits.Plan) {
			p.Allowances = append(p.Allowances, credits.Allowance{Unit: "GB", Amount: n("5")})
		}))
		s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Unit: "GB", Amount: n("5")})
		s.no(credits.Spend{Unit: "GB", Amount: 1}, credits.Insufficient)
		s.took("0.00 USD")
	})
	t.Run("P-3, S-8/what is bought pays debt first", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) {
			p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(n("9000"))}}
		}))
		s.must(credits.Spend{Amount: n("29000")}, credits.SetAutoPurchase{On: true})
		s.has("1000") // T-6: switching it on bought 10,000
		s.took("11.70 USD")
	})
	t.Run("P-3/a declined purchase, and an overdraft that covers the next try", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) {
			p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(n("9000"))}}
		}))
		s.must(credits.SetAutoPurchase{On: true})
		s.provider.Next(creditstest.Decline)
		s.no(credits.Spend{Amount: n("20001")}, credits.PaymentFailed)
		s.must(credits.Spend{Amount: n("20001")})
		if b := s.wallet().Balance("", ""); b.Debt != n("1") {
			t.Errorf("%+v", b)
		}
	})
	t.Run("P-2/a plan that accrues charges nobody", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) { p.Accrue = true }))
		s.ledger = s.with(s.store, silent(t))
		s.must(credits.SetAutoPurchase{On: true})
		r := s.must(credits.Spend{Amount: n("25000")})
		if r.Charge != cash("11.70 USD") || r.Purchase == 0 {
			t.Errorf("%+v", r)
		}
		if r := s.must(credits.Buy{Pack: "extra", Amount: n("1000")}); r.Charge != cash("0.90 USD") || r.Purchase != r.ID {
			t.Errorf("%+v", r)
		}
		s.opens(0)
		s.has("6000")
	})
	t.Run("P-3/the receipt of a spend names the purchase that it made", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true})
		spend := credits.Spend{Amount: n("20001")}
		r := s.ask("k", spend, nil)
		made := s.bought()[0].Of
		if r.Purchase != made || r.Replayed || r.Amount != n("20001") || r.Balance != n("9999") {
			t.Errorf("purchase %d: %+v", made, r)
		}
		if again := s.ask("k", spend, nil); again.Purchase != made || !again.Replayed {
			t.Errorf("again: %+v", again)
		}
		if kept, err := s.ledger.Receipt(s.ctx, acme, "k"); err != nil || kept.Purchase != made {
			t.Errorf("kept: %+v, %v", kept, err)
		}
	})
	t.Run("P-4/a money limit that allows nothing cannot be switched on", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) { p.Auto.Money = cash("11.69 USD") }))
		s.no(credits.SetAutoPurchase{On: true}, credits.LimitReached)
	})
	t.Run("P-5/resume takes an operator, and on", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) {
			p.Access = []credits.Rule{{Action: credits.ActAuto}}
		}))
		checkInvalid(t, s.askErr("k", credits.SetAutoPurchase{Resume: true}), "resume", nil)
		s.ledger = s.ledger.As(buyer)
		s.must(credits.SetAutoPurchase{On: true})
		s.no(credits.SetAutoPurchase{On: true, Resume: true}, credits.NotPermitted)
	})
}
