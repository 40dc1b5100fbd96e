package credits_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/credits"
	"example.com/credits/creditstest"
)

var (
	seller = credits.Actor{ID: "ann", Role: credits.Operator}
	buyer  = credits.Actor{ID: "bob", Role: credits.Administrator}
)

func TestSell(t *testing.T) {
	s := newShop(t, "2026-01-01", monthly("2500", func(p *credits.Plan) {
		p.Access = []credits.Rule{{Action: credits.ActMethod}}
	}))
	plain := s.ledger
	note := credits.Note{Ref: "order 7", Reason: "asked by phone"}
	sale := credits.Sell{Amount: n("500"), Price: cash("75.50 USD"), Expires: day("2026-06-01"), Note: note}
	t.Run("FD-05/a customer cannot buy, and cannot sell", func(t *testing.T) {
		s.ledger = plain.As(buyer)
		for _, c := range []credits.Command{
			extra, sale, credits.Grant{Amount: 1}, credits.Settle{Purchase: 3, Payment: credits.Payment{State: credits.Paid}},
		} {
			if err := s.askErr(s.key(), c); !errors.Is(err, credits.NotPermitted) {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
	s.ledger = plain.As(seller)
	t.Run("FD-05/an operator sells, and who and why are kept", func(t *testing.T) {
		r := s.must(sale)
		e := r.Entries[0]
		if e.Actor != seller || e.Note.Ref != note.Ref || e.Note.Reason != note.Reason || e.Kind != credits.KindPurchased {
			t.Errorf("%+v", e)
		}
		if r.Charge != cash("75.50 USD") || r.Amount != n("500") || r.Purchase != r.ID {
			t.Errorf("%+v", r)
		}
		want := credits.Terms{
			ID: r.ID, Source: credits.FromPurchase, Amount: n("500"), Starts: day("2026-01-01"), Expires: day("2026-06-01"),
			Priority: 100, Paid: cash("75.50 USD"), Purchase: r.ID,
		}
		if diff := cmp.Diff(want, r.Lots()[0], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("lot (-want +got):\n%s", diff)
		}
		s.took("0.00 USD") // he was paid
		s.hasAt("2026-05-31 23:59:59.999999", "3000")
		s.hasAt("2026-06-01", "2500")
	})
	t.Run("FD-05/and gives", func(t *testing.T) {
		r := s.must(credits.Grant{Amount: n("10"), Note: note})
		if e := r.Entries[0]; e.Actor != seller || e.Note.Reason != note.Reason || !r.Charge.IsZero() {
			t.Errorf("%+v", e)
		}
	})
	t.Run("S-7/a sale is refunded", func(t *testing.T) {
		id := s.must(credits.Sell{Amount: n("3"), Price: cash("10.00 USD"), Note: note}).ID
		if r := s.must(credits.Refund{Purchase: id, Note: note}); r.Charge != cash("-10.00 USD") || r.Amount != n("3") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("P-1/what was sold was paid", func(t *testing.T) {
		id := s.must(credits.Sell{Amount: n("3"), Price: cash("10.00 USD"), Note: note}).ID
		s.ledger = plain
		if err := s.settle(id, credits.Declined); !errors.Is(err, credits.Ended) {
			t.Errorf("declined: %v", err)
		}
		before := s.wallet().Available()
		if err := s.settle(id, credits.Paid); err != nil || s.wallet().Available() != before {
			t.Errorf("paid: %v, %v", err, s.wallet().Available()-before)
		}
	})
	t.Run("FD-05/an operator says why", func(t *testing.T) {
		s.ledger = plain.As(seller)
		checkInvalid(t, s.askErr("bad", credits.Sell{Amount: 1, Price: cash("1.00 USD")}), "note.reason", nil)
		s.ledger = plain
	})
	tests := []struct {
		name  string
		sale  credits.Sell
		field string
		class error
	}{
		{"no amount", credits.Sell{Price: cash("1.00 USD")}, "amount", nil},
		{"a negative amount", credits.Sell{Amount: -1, Price: cash("1.00 USD")}, "amount", nil},
		{"no price", credits.Sell{Amount: 1}, "price", nil},
		{"free", credits.Sell{Amount: 1, Price: cash("0.00 USD")}, "price", nil},
		{"a negative price", credits.Sell{Amount: 1, Price: cash("-1.00 USD")}, "price", nil},
		{"A-3/less than a cent", credits.Sell{Amount: 1, Price: cash("0.001 USD")}, "price", nil},
		{"A-3/a sen", credits.Sell{Amount: 1, Price: cash("10.5 JPY")}, "price", nil},
		{"A-3/no currency", credits.Sell{Amount: 1, Price: credits.Money{Micros: 1_000_000, Currency: "XXX"}}, "price.currency", nil},
		{"expired", credits.Sell{Amount: 1, Price: cash("1.00 USD"), Expires: day("2026-01-01")}, "expires", nil},
		{"no unit", credits.Sell{Unit: "\xff", Amount: 1, Price: cash("1.00 USD")}, "unit", nil},
	}
	for _, tt := range tests {
		t.Run("FD-05/"+tt.name, func(t *testing.T) { checkInvalid(t, s.askErr("bad", tt.sale), tt.field, tt.class) })
	}
}

func TestRefundOfPaid(t *testing.T) {
	noRefund := func(p *credits.Plan) { p.Packs[0].NoRefund = true }
	t.Run("DB-04/not refundable, but by an operator", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000", noRefund))
		id := s.must(credits.Buy{Pack: "extra", Amount: n("1000")}).ID
		plain := s.ledger
		for _, a := range []credits.Actor{{}, {Role: credits.System}, buyer} {
			s.ledger = plain.As(a)
			e := s.no(credits.Refund{Purchase: id}, credits.NonRefundable)
			if want := []credits.Remedy{{Kind: credits.RemedyRole, Role: credits.Operator}}; !cmp.Equal(want, e.Remedies) {
				t.Errorf("%+v: remedies %v", a, e.Remedies)
			}
		}
		s.ledger = plain.As(seller)
		if r := s.must(credits.Refund{Purchase: id, Note: credits.Note{Reason: "a mistake"}}); r.Charge != cash("-0.90 USD") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("P-1, A-4/a later failure is a refund, of what is unused", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n("22500")})
		id := s.bought()[0].Of
		r := s.must(credits.Refund{Purchase: id})
		if r.Charge != cash("-8.77 USD") || r.Amount != n("7500") { // 11.70 x 3/4 = 8.775, rounded down
			t.Errorf("%v for %v", r.Charge, r.Amount)
		}
		s.auto("10000", "10000", 1) // what was bought counts
		s.no(credits.Refund{Purchase: id}, credits.Ended)
	})
	t.Run("S-4/of one that is not decided", func(t *testing.T) {
		s := newShop(t, "2026-01-01", tier("20000"))
		id := s.undecided("k", credits.Buy{Pack: "extra", Amount: n("1000")})
		if e := s.no(credits.Refund{Purchase: id}, credits.PaymentPending); e.Remedies[0].Purchase != id {
			t.Errorf("remedies %v", e.Remedies)
		}
		if err := s.settle(id, credits.Declined); err != nil {
			t.Fatal(err)
		}
		if err := s.askErr("r", credits.Refund{Purchase: id}); err == nil {
			t.Error("what was declined was refunded")
		}
		if err := s.settle(id, credits.Paid); err != nil {
			t.Fatal(err)
		}
		s.must(credits.Refund{Purchase: id})
		s.has("20000")
	})
}

func TestQuoteOfBuy(t *testing.T) {
	buy := credits.Buy{Pack: "extra", Amount: n("20000")}
	quoted := func(s *shop) credits.Buy {
		s.Helper()
		r, err := s.ledger.Preview(s.ctx, acme, "", buy)
		if err != nil {
			s.Fatal(err)
		}
		b := buy
		b.Quote = r.Quote()
		return b
	}
	plan := tier("20000", func(p *credits.Plan) { p.Packs[0].Brings = []credits.Bring{{Unit: "GB", Amount: n("0.5")}} })
	dearer := tier("20000", func(p *credits.Plan) { p.Version, p.Price, p.Packs = 2, cash("36.00 USD"), plan.Packs })
	larger := tier("20000", func(p *credits.Plan) {
		p.Version = 2
		p.Packs = []credits.Pack{{ID: "extra", Size: n("1000"), Brings: []credits.Bring{{Unit: "GB", Amount: n("0.6")}}, Methods: []string{"card"}}}
	})
	same := tier("20000", func(p *credits.Plan) { p.Version, p.Packs, p.Name = 2, plan.Packs, "New" })
	t.Run("P-8/it names Seq and version, and is what is charged and granted", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plan)
		b := quoted(s)
		want := credits.Quote{
			Seq: s.wallet().Seq(), Plan: "pro", Version: 1, Charge: cash("18.00 USD"),
			Grants: []credits.Granted{{Amount: n("20000")}, {Unit: "GB", Amount: n("10")}},
		}
		if diff := cmp.Diff(want, b.Quote); diff != "" {
			t.Errorf("quote (-want +got):\n%s", diff)
		}
		r := s.must(b)
		s.took("18.00 USD")
		if got := r.Quote(); got.Charge != want.Charge || !cmp.Equal(got.Grants, want.Grants) {
			t.Errorf("P-8: it was %+v", got)
		}
		if s.wallet().Balance("GB", "").Available != n("10") {
			t.Error("MK-04: no data transfer")
		}
	})
	tests := []struct {
		name   string
		change func(s *shop)
		stale  bool
		charge string
		gb     string
	}{
		{"P-8/another price", func(s *shop) { s.must(credits.Subscribe{Plan: dearer}) }, true, "36.00 USD", "10"},
		{"P-8/another grant", func(s *shop) { s.must(credits.Subscribe{Plan: larger}) }, true, "18.00 USD", "12"},
		{"P-8/another version that charges and grants the same", func(s *shop) { s.must(credits.Subscribe{Plan: same}) }, false, "", ""},
		{"P-8/other entries meanwhile", func(s *shop) { s.must(credits.Spend{Amount: n("7")}) }, false, "", ""},
		{"P-8/a reset meanwhile", func(s *shop) { s.at("2026-02-01") }, false, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", plan)
			b := quoted(s)
			tt.change(s)
			if !tt.stale {
				s.must(b)
				s.took("18.00 USD")
				return
			}
			e := s.no(b, credits.QuoteStale)
			if e.Quote == nil || e.Quote.Charge != cash(tt.charge) || e.Quote.Grants[1].Amount != n(tt.gb) || e.Quote.Version != 2 || e.Quote.Seq != s.wallet().Seq() {
				t.Fatalf("the new quote is %+v", e.Quote)
			}
			s.took("0.00 USD")
			s.opens(0)
			b.Quote = *e.Quote
			s.must(b)
			s.took(tt.charge)
		})
	}
	t.Run("P-8, P-3/one that is under way is resumed, whatever changed", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plan)
		b := quoted(s)
		s.provider.Next(creditstest.LoseBefore)
		if err := s.askErr("k", b); !open(err) {
			t.Fatal(err)
		}
		s.must(credits.Subscribe{Plan: dearer})
		if r := s.ask("k", b, nil); r.Charge != cash("18.00 USD") {
			t.Errorf("%+v", r)
		}
		if r := s.ask("k", b, nil); !r.Replayed {
			t.Errorf("%+v", r)
		}
		other := b
		other.Quote.Charge = cash("17.00 USD")
		checkInvalid(t, s.askErr("k", other), "quote", credits.ErrKeyReused)
		checkInvalid(t, s.askErr("k", buy), "quote", credits.ErrKeyReused)
	})
	t.Run("P-8/one that waits for another purchase", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plan)
		b := quoted(s)
		s.undecided("k", credits.Buy{Pack: "extra", Amount: n("1000")})
		s.must(b)
		s.took("18.90 USD")
	})
	t.Run("P-8/also while another is undecided there is a quote", func(t *testing.T) {
		s := newShop(t, "2026-01-01", plan)
		s.undecided("k", credits.Buy{Pack: "extra", Amount: n("1000")})
		if q := quoted(s).Quote; q.Charge != cash("18.00 USD") {
			t.Errorf("%+v", q)
		}
	})
}

// P-2, A-1: nothing is charged for what could not be delivered.
func TestNoRoom(t *testing.T) {
	s := newShop(t, "2026-01-01", tier("20000"))
	s.must(credits.SetAutoPurchase{On: true})
	r := s.must(credits.Grant{Amount: credits.AmountMax - n("22000")})
	buy := credits.Buy{Pack: "extra", Amount: n("1000")}
	checkInvalid(t, s.askErr("a", credits.Buy{Pack: "extra", Amount: n("3000")}), "amount", credits.ErrLimit)
	first := s.undecided("k", buy)
	if err := s.settle(first, credits.ActionRequired); err != nil {
		t.Fatal(err)
	}
	second := s.undecided("k2", buy)
	if err := s.settle(second, credits.ActionRequired); err != nil {
		t.Fatal(err)
	}
	checkInvalid(t, s.askErr("k3", buy), "amount", credits.ErrLimit) // what is undecided keeps its place
	s.took("0.00 USD")
	for _, id := range []credits.ID{first, second} {
		if err := s.settle(id, credits.Paid); err != nil {
			t.Error(err)
		}
	}
	if got := s.wallet().Available(); got != credits.AmountMax {
		t.Errorf("there are %v", got)
	}
	s.must(credits.Revoke{Lot: r.ID})
	s.must(buy)
}

// A limit of this package: 100 undecided purchases.
func TestManyUndecided(t *testing.T) {
	s := newUncheckedShop(t, "2026-01-01", tier("20000"))
	s.must(credits.SetAutoPurchase{On: true})
	s.ledger = s.with(s.store, answers(credits.ActionRequired))
	buy := credits.Buy{Pack: "extra", Amount: n("1000")}
	for range 100 {
		s.no(buy, credits.PaymentPending)
	}
	checkInvalid(t, s.askErr("k", buy), "wallet", credits.ErrLimit)
	s.must(credits.Spend{Amount: n("20000")}) // nothing can be bought, and it stands
	s.opens(100)
	s.later(24 * time.Hour)
	s.opens(0)
	s.tick()
	s.no(buy, credits.PaymentPending)
	s.verify()
}

// P-2: nor in a wallet that is as large as one can be.
func TestNoRoomInState(t *testing.T) {
	s := newUncheckedShop(t, "2026-01-01", tier("20000"))
	var features []string
	for i := range 32 {
		features = append(features, fmt.Sprintf("%02d", i)+strings.Repeat("f", 253))
	}
	buy := credits.Buy{Pack: "extra", Amount: n("1000")}
	var id credits.ID
	for i, full := 0, false; !full; i++ {
		err := s.askErr(credits.Key(fmt.Sprint("big-", i)), credits.Grant{Amount: 1, Features: features})
		full = errors.Is(err, credits.ErrLimit)
		if i == 500 {
			id = s.undecided("k", buy)
		}
	}
	brim := func() {
		for size := 252; size > 0; size -= 3 {
			_ = s.askErr(s.key(), credits.Grant{Amount: 1, Features: []string{strings.Repeat("x", size)}})
		}
	}
	brim()
	if err := s.settle(id, credits.Paid); err != nil {
		t.Errorf("what was intended before: %v", err)
	}
	brim()
	before := s.wallet().Available()
	if err := s.askErr("k2", buy); err != nil {
		checkInvalid(t, err, "wallet", credits.ErrLimit)
	}
	if delivered, taken := s.wallet().Available() > before, s.provider.Taken("USD").Micros > 0; delivered != taken {
		t.Errorf("delivered %v, taken %v", delivered, taken)
	}
	s.verify()
}
