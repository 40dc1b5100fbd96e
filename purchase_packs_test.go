package credits_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// plus is a plan of so many credits a month with an extra package of 500 that
// lives for 30 days.
func plus(amount string, changes ...func(*credits.Plan)) credits.Plan {
	return monthly(amount, append([]func(*credits.Plan){func(p *credits.Plan) {
		p.ID, p.Price = "plus", cash("20.00 USD")
		p.Features = map[string]credits.Rate{
			"response": {Credits: credits.Credit},
			"review":   {Credits: credits.Credit, Per: 10},
		}
		p.Packs = []credits.Pack{{ID: "extra", Size: n("500"), Price: cash("5.00 USD"), Life: credits.Days(30)}}
	}}, changes...)...)
}

var extra = credits.Buy{Pack: "extra", Amount: n("500")}

func TestBoughtWhenShort(t *testing.T) {
	short := func(p *credits.Plan) { p.Packs[0].WhenShort = true }
	below := func(a string) func(*credits.Plan) {
		return func(p *credits.Plan) { p.Packs[0].Below = credits.AtMost(n(a)) }
	}
	tests := []struct {
		name string
		plan credits.Plan
		left string
		may  bool
	}{
		{"CF-07/0.3 left may buy", plus("2000", short), "0.3", true},
		{"CF-07/0.999999 left may buy", plus("2000", short), "0.999999", true},
		{"CF-07/1 left may not", plus("2000", short), "1", false},
		{"CF-07/nothing left may buy", plus("2000", short), "0", true},
		{"CF-07/less than the amount stated", plus("2000", below("100")), "99.999999", true},
		{"CF-07/the amount stated", plus("2000", below("100")), "100", false},
		{"CF-07/any amount where nothing is stated", plus("2000"), "2000", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tt.plan)
			if used := n("2000") - n(tt.left); used > 0 {
				s.must(credits.Spend{Amount: used})
			}
			if tt.may {
				s.must(extra)
				return
			}
			if e := s.no(extra, credits.NotShort); e.Available != n(tt.left) {
				t.Errorf("%+v", e)
			}
			s.took("0.00 USD")
		})
	}
	t.Run("CF-07, S-4/a limit comes before the payment method", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plus("2000", short, func(p *credits.Plan) { p.Packs[0].Methods = []string{"card"} }))
		r.refused(extra, credits.NotShort)
	})
	t.Run("CF-07/on Plus only", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("2000", func(p *credits.Plan) { p.ID, p.Packs = "free", nil }))
		s.no(extra, credits.NotInPlan)
	})
}

// By lot: what a purchase has left at an instant.
func (s *shop) hasBought(at, want string) {
	s.Helper()
	w, err := s.ledger.BalanceAt(s.ctx, acme, day(at))
	if err != nil {
		s.Fatal(err)
	}
	if got := w.Balance("", "").By[credits.FromPurchase]; got != n(want) {
		s.Errorf("CF-08: at %s there are %v of what was bought, want %s", at, got, want)
	}
}

func TestLifeOfAPackage(t *testing.T) {
	tests := []struct {
		name string
		zone string
		buy  string
		paid string
		last string
		dead string
	}{
		{"CF-08/30 civil days", "", "2026-01-10 12:00", "2026-01-10 12:00", "2026-02-09 11:59:59.999999", "2026-02-09 12:00"},
		{"CF-08/from the confirmation of the payment", "", "2026-01-10 12:00", "2026-01-11 08:30", "2026-02-10 08:29:59.999999", "2026-02-10 08:30"},
		{"CF-08/Berlin, 719 hours", "Europe/Berlin", "2026-03-10 11:00", "2026-03-10 11:00", "2026-04-09 09:59:59.999999", "2026-04-09 10:00"},
		{"CF-08/Berlin, confirmed after the clocks changed", "Europe/Berlin", "2026-03-28 23:00", "2026-03-29 10:00", "2026-04-28 09:59:59.999999", "2026-04-28 10:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShopIn(t, "2026-01-01", plus("2000"), tt.zone)
			s.at(tt.buy)
			id := s.undecided("k", extra)
			s.at(tt.paid)
			if err := s.settle(id, credits.Paid); err != nil {
				t.Fatal(err)
			}
			s.hasBought(tt.paid, "500")
			s.hasBought(tt.last, "500")
			s.hasBought(tt.dead, "0")
			s.clock.Set(day(tt.dead)) // CF-10: with no job
			if b := s.wallet().Balance("", ""); b.By[credits.FromPurchase] != 0 {
				t.Errorf("%+v", b)
			}
		})
	}
	if got := day("2026-04-09 10:00").Sub(day("2026-03-10 11:00")); got != 719*time.Hour {
		t.Errorf("CF-08: %v", got)
	}
	t.Run("CF-08/the end of the subscription, if that is earlier", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("2000", func(p *credits.Plan) { p.Leaving.Purchases = credits.Forfeit }))
		s.at("2026-01-10 12:00")
		s.must(extra, credits.Cancel{})
		s.hasBought("2026-01-31 23:59:59.999999", "500")
		s.hasBought("2026-02-01", "0")
	})
}

func TestOnePackageAtATime(t *testing.T) {
	one := func(p *credits.Plan) { p.Packs[0].Active = 1 }
	usedEnds := func(p *credits.Plan) { p.Packs[0].Active, p.Packs[0].UsedEnds = 1, true }
	t.Run("CF-09/refused until the first one's expiry instant", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		s.at("2026-01-10 12:00")
		s.must(extra)
		for _, at := range []string{"2026-01-10 12:00", "2026-01-31", "2026-02-09 11:59:59.999999"} {
			s.at(at)
			e := s.no(extra, credits.PackActive)
			if want := []credits.Remedy{{Kind: credits.RemedyWait, Until: day("2026-02-09 12:00")}}; !cmp.Equal(want, e.Remedies) {
				t.Errorf("remedies %v", e.Remedies)
			}
		}
		s.at("2026-02-09 12:00")
		s.must(extra)
		s.took("10.00 USD")
	})
	t.Run("CF-09/subject to CF-07", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one, func(p *credits.Plan) { p.Packs[0].WhenShort = true }))
		s.must(credits.Spend{Amount: n("0.7")}, extra, credits.Grant{Amount: n("0.8")})
		s.at("2026-01-30 23:59:59.999999")
		s.no(extra, credits.PackActive)
		s.at("2026-01-31")
		s.has("1.1")
		s.no(extra, credits.NotShort)
		s.must(credits.Spend{Feature: "review", Quantity: 2}, extra)
	})
	t.Run("CF-09/literally: also when it is used up", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		s.must(extra, credits.Spend{Amount: n("501")})
		s.has("0")
		s.no(extra, credits.PackActive)
	})
	t.Run("CF-09/unless the plan says that it ends then", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", usedEnds))
		s.must(extra, credits.Spend{Amount: n("500.999999")})
		s.no(extra, credits.PackActive)
		hold := s.must(credits.Reserve{Amount: 1, Until: day("2026-01-02")}).ID
		s.no(extra, credits.PackActive) // what is held is not used up
		s.must(credits.Capture{Hold: hold, All: true}, extra)
		s.took("10.00 USD")
	})
	t.Run("CF-09/two packages at once are one too many", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		s.no(credits.Buy{Pack: "extra", Amount: n("1000")}, credits.PackActive)
	})
	t.Run("CF-09/one not yet decided counts", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		id := s.undecided("k", extra)
		s.no(extra, credits.PackActive)
		for _, told := range []credits.PaymentState{credits.ActionRequired, credits.Unknown} {
			if err := s.settle(id, told); err != nil {
				t.Fatal(err)
			}
			s.no(extra, credits.PackActive)
		}
		if err := s.settle(id, credits.Declined); err != nil {
			t.Fatal(err)
		}
		s.must(extra)
		if err := s.settle(id, credits.Paid); err != nil { // P-2: money was taken
			t.Fatal(err)
		}
		s.has("1001")
		s.no(extra, credits.PackActive)
	})
	t.Run("CF-09/until it is abandoned", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		s.undecided("k", extra)
		s.later(24*time.Hour - time.Microsecond)
		s.no(extra, credits.PackActive)
		s.later(time.Microsecond)
		s.must(extra)
	})
	t.Run("CF-09/a refund ends it", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		s.must(credits.Refund{Purchase: s.must(extra).ID}, extra)
		s.has("501")
	})
	t.Run("CF-09/the same key again is no second purchase", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		s.undecided("k", extra)
		if r := s.ask("k", extra, nil); r.Amount != n("500") {
			t.Errorf("%+v", r)
		}
		if r := s.ask("k", extra, nil); !r.Replayed {
			t.Errorf("%+v", r)
		}
		s.took("5.00 USD")
	})
	t.Run("CF-09/two ledgers at once buy one", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plus("1", one))
		done := 0
		for i, err := range parallel(8, func(i int) error {
			_, err := s.with(s.store, s.provider).Do(s.ctx, acme, credits.Key(rune('a'+i)), extra)
			return err
		}) {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, credits.PackActive):
				t.Errorf("client %d: %v", i, err)
			}
		}
		if done != 1 {
			t.Errorf("%d were done", done)
		}
		s.took("5.00 USD")
	})
}
