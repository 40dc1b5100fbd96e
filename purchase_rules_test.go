package credits_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
)

func TestPaidByHand(t *testing.T) {
	t.Run("MK-05/at any time, on a paid plan", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("10000"))
		for _, at := range []string{"2026-01-01", "2026-01-31 23:59:59.999999", "2026-02-01", "2026-05-05 05:05"} {
			s.at(at)
			s.must(credits.Buy{Pack: "extra", Amount: n("1000")})
		}
		s.took("3.60 USD")
	})
	t.Run("MK-05/not on a free one", func(t *testing.T) {
		s := newShop(t, "2026-01-01", monthly("1000"))
		s.no(credits.Buy{Pack: "extra", Amount: n("1000")}, credits.NotInPlan)
	})
	for _, amount := range []string{"1500", "999", "0", "-1000", "0.5"} {
		t.Run("MK-07/"+amount, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tier("10000"))
			checkInvalid(t, s.askErr("k", credits.Buy{Pack: "extra", Amount: n(amount)}), "amount", nil)
			s.took("0.00 USD")
			s.must(credits.Lapse{})
			checkInvalid(t, s.askErr("k", credits.Buy{Pack: "extra", Amount: min(0, n(amount))}), "amount", nil) // S-4: malformed comes first
		})
	}
	annual := func(p *credits.Plan) { p.Term, p.Price = credits.Years(1), cash("108.00 USD") }
	yearly := func(p *credits.Plan) {
		p.Every, p.Price, p.Allowances[0].Amount = credits.Years(1), cash("108.00 USD"), n("120000")
	}
	tests := []struct {
		name   string
		plan   credits.Plan
		amount string
		price  string
	}{
		{"MK-08/1,000 at 9 for 10,000", tier("10000"), "1000", "0.90 USD"},
		{"MK-08/10,000 at 9 for 10,000", tier("10000"), "10000", "9.00 USD"},
		{"MK-08/108 a year with 10,000 a month", tier("10000", annual), "1000", "0.90 USD"},
		{"MK-08/108 a year with 10,000 a month, 10,000", tier("10000", annual), "10000", "9.00 USD"},
		{"MK-08/108 a year with 120,000 a year", tier("10000", yearly), "10000", "9.00 USD"},
		{"MK-08/the tier's own price", tier("40000", func(p *credits.Plan) { p.Price = cash("20.00 USD") }), "1000", "0.50 USD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tt.plan)
			r := s.must(credits.Buy{Pack: "extra", Amount: n(tt.amount)})
			if r.Charge != cash(tt.price) || r.Amount != n(tt.amount) || r.Replayed {
				t.Errorf("charged %v for %v, replayed %v", r.Charge, r.Amount, r.Replayed)
			}
			s.took(tt.price)
		})
	}
}

func TestMethods(t *testing.T) {
	buy := credits.Buy{Pack: "extra", Amount: n("1000")}
	auto := credits.SetAutoPurchase{On: true}
	transfer := credits.SetMethod{Method: credits.Method{Token: "t", Kind: "transfer"}}
	tests := []struct {
		name   string
		method credits.Command // nil for none
		want   error
	}{
		{"MK-09, MK-17/none", nil, credits.NoMethod},
		{"MK-09/a transfer", transfer, credits.MethodRefused},
		{"MK-09/a card", card, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &shop{newRig(t, "2026-01-01"), &creditstest.Charger{}}
			s.ledger = s.with(s.store, s.provider)
			s.must(credits.Open{Plan: tier("10000")})
			if tt.method != nil {
				s.must(tt.method)
			}
			for key, c := range map[credits.Key]credits.Command{"b": buy, "a": auto} {
				err := s.askErr(key, c)
				if !errors.Is(err, tt.want) {
					t.Fatalf("%+v: got %v, want %v", c, err, tt.want)
				}
				_, preview := s.ledger.Preview(s.ctx, acme, "p"+key, c)
				if !errors.Is(preview, tt.want) {
					t.Errorf("preview of %+v: got %v, want %v", c, preview, tt.want)
				}
				var e *credits.RefusedError
				if errors.As(err, &e) && !cmp.Equal(remedies(e), []credits.RemedyKind{credits.RemedyMethod}) {
					t.Errorf("remedies %v", e.Remedies)
				}
			}
		})
	}
	t.Run("MK-17/a pack for any method still needs one", func(t *testing.T) {
		s := &shop{newRig(t, "2026-01-01"), &creditstest.Charger{}}
		s.ledger = s.with(s.store, s.provider)
		s.must(credits.Open{Plan: core("10000")})
		s.no(auto, credits.NoMethod)
		if _, err := s.ledger.Preview(s.ctx, acme, "", auto); !errors.Is(err, credits.NoMethod) {
			t.Errorf("preview: %v", err)
		}
	})
	t.Run("MK-09/the method of the intent is charged, also later", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("10000"))
		s.undecided("k", buy)
		s.must(transfer)
		s.tick()
		for _, c := range s.provider.Charges() {
			if c.Method != card.Method {
				t.Errorf("charged by %v", c.Method)
			}
		}
		s.took("0.90 USD")
	})
	t.Run("MK-09/auto-purchase with a method that is not accepted", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("10000"))
		s.must(auto, transfer)
		s.must(credits.Spend{Amount: n("10000")}) // nothing can be bought, and the spend stands
		s.has("0")
		s.no(credits.Spend{Amount: 1}, credits.MethodRefused)
		s.must(card) // MK-16
		s.has("10000")
	})
	t.Run("MK-17/off buys no more and leaves what was bought", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.on("20000")
		s.must(credits.SetAutoPurchase{}, credits.Spend{Amount: n("4000")})
		s.no(credits.Spend{Amount: n("6001")}, credits.Insufficient)
		s.has("6000")
		s.at("2026-02-01")
		s.has("20000")
	})
}

// declined returns a shop with auto-purchase on whose first charge was declined.
func declined(t *testing.T) *shop {
	s := newShop(t, "2026-01-01", tier("20000"))
	s.provider.Next(creditstest.Decline)
	s.on("20000")
	return s
}

func TestFailedPayment(t *testing.T) {
	t.Run("MK-15/grants nothing, is told, and suspends", func(t *testing.T) {
		s := declined(t)
		s.has("0")
		a := s.wallet().AutoPurchase()
		if !a.On || !a.Suspended || a.Bought != 0 {
			t.Errorf("%+v", a)
		}
		told := s.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindSettled}})
		if len(told) != 1 || told[0].Payment.State != credits.Declined || told[0].Payment.Reason != "card declined" {
			t.Errorf("%+v", told)
		}
		e := s.no(credits.Spend{Amount: 1}, credits.PaymentFailed)
		if e.Kept || e.Need != 1 || e.Available != 0 {
			t.Errorf("%+v", e)
		}
		if diff := cmp.Diff([]credits.RemedyKind{credits.RemedyWait, credits.RemedyBuy, credits.RemedyMethod}, remedies(e)); diff != "" {
			t.Errorf("remedies (-want +got):\n%s", diff)
		}
		if len(s.provider.Charges()) != 1 {
			t.Errorf("P-1: asked %d times", len(s.provider.Charges()))
		}
	})
	for _, tt := range []struct {
		name string
		get  func(s *shop) // 5,000 at least
	}{
		{"MK-15/a grant stays spendable", func(s *shop) { s.must(credits.Grant{Amount: n("5000")}) }},
		{"MK-15/a reset", func(s *shop) { s.at("2026-02-01") }},
		{"MK-15/what an operator sold", func(s *shop) { s.must(credits.Sell{Amount: n("5000"), Price: cash("1.00 USD")}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := declined(t)
			tt.get(s)
			s.must(credits.Spend{Amount: n("5000")})
		})
	}
	t.Run("P-5/a manual purchase that is paid lifts it", func(t *testing.T) {
		s := declined(t)
		s.must(credits.Buy{Pack: "extra", Amount: n("1000")})
		if s.wallet().AutoPurchase().Suspended {
			t.Error("it is suspended")
		}
		s.must(credits.Spend{Amount: n("1000")})
		s.has("10000")
	})
	t.Run("P-5/an operator resumes", func(t *testing.T) {
		s := declined(t)
		s.must(credits.SetAutoPurchase{On: true})
		s.has("0")
		s.ledger = s.ledger.As(credits.Actor{ID: "ann", Role: credits.Operator})
		s.must(credits.SetAutoPurchase{On: true, Resume: true, Note: credits.Note{Reason: "the card is good"}})
		s.has("10000")
	})
	t.Run("MK-16/a new method lifts it and buys at once", func(t *testing.T) {
		s := declined(t)
		s.must(credits.SetMethod{Method: credits.Method{Token: "tok_2", Kind: "card"}})
		s.has("10000")
		asked := s.provider.Charges()
		if len(asked) != 2 || asked[0].Key == asked[1].Key || asked[1].Method.Token != "tok_2" {
			t.Errorf("P-1: a new try is a new intent: %+v", asked)
		}
	})
	t.Run("MK-16/a new method where the trigger does not hold any more", func(t *testing.T) {
		s := declined(t)
		s.must(credits.Grant{Amount: 1}, card)
		s.took("0.00 USD")
		s.must(credits.Spend{Amount: 1})
		s.took("11.70 USD")
	})
	t.Run("P-5/a purchase by hand that is declined suspends too", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true})
		s.provider.Next(creditstest.Decline)
		e := s.no(credits.Buy{Pack: "extra", Amount: n("1000")}, credits.PaymentFailed)
		if !e.Kept || !s.wallet().AutoPurchase().Suspended {
			t.Errorf("%+v", e)
		}
		s.must(credits.Spend{Amount: n("20000")}) // never the balance
		s.has("0")
	})
	t.Run("MK-15/a spend that needs what was declined, and its key", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true})
		s.provider.Next(creditstest.Decline)
		spend := credits.Spend{Amount: n("20001"), Note: credits.Note{Ref: "job", Reason: "why", Labels: map[string]string{"a": "b"}}}
		for range 3 {
			e := refusal(t, s.askErr("k", spend), credits.PaymentFailed)
			if !e.Kept || e.Need != n("20001") || e.Available != n("20000") || e.Wallet != acme {
				t.Errorf("S-4: %+v", e)
			}
			if !cmp.Equal(remedies(e), []credits.RemedyKind{credits.RemedyMethod}) {
				t.Errorf("remedies %v", e.Remedies)
			}
			if _, err := s.ledger.Receipt(s.ctx, acme, "k"); !errors.Is(err, credits.PaymentFailed) {
				t.Errorf("S-4: its receipt: %v", err)
			}
			s.must(card)
		}
		s.must(credits.Spend{Amount: n("20001")})
	})
}

// P-2: the terms are those of the intent's instant, the lot's life counts from
// the confirmation.
func TestTermsOfTheIntent(t *testing.T) {
	s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) { p.Packs[0].Life = credits.Days(30) }))
	s.must(credits.SetAutoPurchase{On: true})
	s.at("2026-01-31 20:00")
	id := s.undecided("k", credits.Spend{Amount: n("20001")})
	s.must(credits.Subscribe{Plan: tier("20000", func(p *credits.Plan) {
		p.Version, p.Price, p.Auto.Surcharge, p.Auto.Size = 2, cash("36.00 USD"), 50*credits.Percent, n("20000")
	})})
	s.at("2026-02-01 12:00")
	if err := s.settle(id, credits.Paid); err != nil {
		t.Fatal(err)
	}
	e := s.bought()[0]
	want := credits.Purchase{
		ID: id, Pack: "extra", Charge: cash("11.70 USD"), Surcharge: cash("2.70 USD"), Auto: true, Plan: "pro", Version: 1,
		Month: credits.Period{Start: day("2026-01-01"), End: day("2026-02-01")}, At: day("2026-01-31 20:00"),
	}
	if diff := cmp.Diff(want, *e.Purchase); diff != "" {
		t.Errorf("P-2, P-6 (-want +got):\n%s", diff)
	}
	if e.Charge != want.Charge || !e.Opens.Expires.Equal(day("2026-03-03 12:00")) || e.Opens.Amount != n("10000") {
		t.Errorf("P-2: %v, expires %v, %v", e.Charge, e.Opens.Expires, e.Opens.Amount)
	}
	t.Run("P-2/a life of a cycle is that of the confirmation", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.at("2026-01-31 20:00")
		id := s.undecided("k", credits.Buy{Pack: "extra", Amount: n("1000")})
		s.at("2026-02-01")
		if err := s.settle(id, credits.Paid); err != nil {
			t.Fatal(err)
		}
		if got := s.bought()[0].Opens.Expires; !got.Equal(day("2026-03-01")) {
			t.Errorf("expires %v", got)
		}
	})
	t.Run("P-2/paid after the plan ended", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		id := s.undecided("k", credits.Buy{Pack: "extra", Amount: n("1000")})
		s.must(credits.Lapse{})
		s.later(30 * time.Hour)
		if err := s.settle(id, credits.Paid); err != nil {
			t.Fatal(err)
		}
		if got := s.bought(); len(got) != 1 || !got[0].Opens.Expires.Equal(day("2026-02-01")) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("MK-04/what comes with it has its expiry", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", func(p *credits.Plan) {
			p.Packs[0].Brings = []credits.Bring{{Unit: "GB", Amount: n("0.5")}}
		}))
		id := s.undecided("k", credits.Buy{Pack: "extra", Amount: n("20000")})
		s.at("2026-01-01 20:00")
		if err := s.settle(id, credits.Paid); err != nil {
			t.Fatal(err)
		}
		if b := s.wallet().Balance("GB", ""); b.Available != n("10") || !s.lot(id+3).Expires.Equal(day("2026-02-01")) {
			t.Errorf("%+v", b)
		}
	})
}
