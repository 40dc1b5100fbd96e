package credits_test

import (
	"errors"
	"testing"

	"example.com/credits"
	"example.com/credits/creditstest"
)

// extras returns a plan of so many credits a month for 9 USD per 10,000, with
// extra credits and auto-purchase.
func extras(amount, price string, changes ...func(*credits.Plan)) credits.Plan {
	return monthly(amount, append([]func(*credits.Plan){func(p *credits.Plan) {
		p.Price = cash(price)
		p.Packs = []credits.Pack{{ID: "extra", Size: n("1000"), Methods: []string{"card"}}}
		p.Auto = credits.AutoPurchase{Pack: "extra", Size: n("10000"), Surcharge: 30 * credits.Percent}
	}}, changes...)...)
}

var card = credits.SetMethod{Method: credits.Method{Token: "tok_1", Kind: "card"}}

// P-1, P-2, P-3, MK-10, MK-15, MK-16: what is bought is there once it is paid.
func TestPaidPurchase(t *testing.T) {
	w := creditstest.New(t)
	ch := w.Paid()
	w.Must(acme, credits.Open{Plan: extras("80000", "72.00 USD")})
	w.Refused(acme, credits.SetAutoPurchase{On: true}, credits.NoMethod)
	w.Must(acme, credits.SetMethod{Method: credits.Method{Token: "tok_0", Kind: "transfer"}})
	w.Refused(acme, credits.SetAutoPurchase{On: true}, credits.MethodRefused)
	w.Must(acme, card, credits.SetAutoPurchase{On: true})
	w.Must(acme, credits.Spend{Amount: n("80000")})
	w.Want(acme, n("10000"))
	if got := ch.Taken("USD"); got != cash("11.70 USD") {
		t.Errorf("taken %v", got)
	}
	r := w.Must(acme, credits.Spend{Amount: n("25000")})
	if r.Purchase == 0 || r.Charge != (credits.Money{}) {
		t.Errorf("purchase %d", r.Purchase)
	}
	w.Want(acme, n("5000"))
	ch.Next(creditstest.Decline)
	e := w.Refused(acme, credits.Spend{Amount: n("6000")}, credits.PaymentFailed)
	if !e.Kept {
		t.Error("not kept")
	}
	w.Want(acme, n("5000"))
	w.Refused(acme, credits.Spend{Amount: n("6000")}, credits.PaymentFailed)
	w.Must(acme, credits.Spend{Amount: n("5000")})
	w.Want(acme, 0)
	w.Must(acme, card)
	w.Want(acme, n("10000"))
	ch.Next(creditstest.LoseAfter)
	_, err := w.Do(t.Context(), acme, "k1", credits.Spend{Amount: n("11000")})
	if !errors.Is(err, credits.ErrRetry) {
		t.Fatal(err)
	}
	if _, err := w.Do(t.Context(), acme, "k1", credits.Spend{Amount: n("11000")}); err != nil {
		t.Fatal(err)
	}
	w.Want(acme, n("9000"))
	ch.Next(creditstest.AskPayer)
	_, err = w.Do(t.Context(), acme, "k2", credits.Buy{Pack: "extra", Amount: n("2000")})
	if !errors.Is(err, credits.PaymentPending) {
		t.Fatal(err)
	}
	all := ch.Charges()
	ch.Pay(all[len(all)-1].Key)
	if _, err := w.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Want(acme, n("11000"))
	r, err = w.Do(t.Context(), acme, "k2", credits.Buy{Pack: "extra", Amount: n("2000")})
	if err != nil || !r.Replayed || r.Charge != cash("1.80 USD") || r.Amount != n("2000") {
		t.Fatalf("%+v %v", r, err)
	}
	ch.Next(creditstest.Panic, creditstest.Decline)
	if _, err := w.Do(t.Context(), acme, "k3", credits.Buy{Pack: "extra", Amount: n("2000")}); !errors.Is(err, credits.ErrUnknown) {
		t.Fatal(err)
	}
	if _, err := w.Do(t.Context(), acme, "k3", credits.Buy{Pack: "extra", Amount: n("2000")}); !errors.Is(err, credits.PaymentFailed) {
		t.Fatal(err)
	}
	if _, err := w.Do(t.Context(), acme, "k3", credits.Buy{Pack: "extra", Amount: n("2000")}); !errors.Is(err, credits.PaymentFailed) {
		t.Fatal(err)
	}
	a, _ := w.Wallet(t.Context(), acme)
	if s := a.AutoPurchase(); !s.Suspended || s.Bought != n("50000") {
		t.Errorf("%+v", s)
	}
}

// P-1: the pure core intends, settles and decides again, with no ledger.
func TestPurchaseDecided(t *testing.T) {
	w, err := credits.NewWallet(acme)
	if err != nil {
		t.Fatal(err)
	}
	step := func(key credits.Key, c credits.Command, why credits.Reason) []credits.Entry {
		t.Helper()
		entries, err := w.Decide(credits.Call{Key: key, Now: day("2026-01-31"), Command: c, Charger: true})
		if !errors.Is(err, why) && (why != "" || err != nil) {
			t.Fatalf("%T: %v", c, err)
		}
		if w, err = w.Apply(entries...); err != nil {
			t.Fatal(err)
		}
		return entries
	}
	step("1", credits.Open{Plan: extras("10", "9.00 USD", func(p *credits.Plan) { p.Auto.Limit = credits.Unlimited })}, "")
	step("2", card, "")
	step("3", credits.SetAutoPurchase{On: true}, "")
	spend := credits.Spend{Amount: n("25")}
	intent := step("4", spend, credits.PaymentPending)
	if len(intent) != 1 || intent[0].Kind != credits.KindIntended || intent[0].Purchase.Need != n("25") {
		t.Fatalf("%+v", intent)
	}
	if again := step("4", spend, credits.PaymentPending); len(again) != 0 {
		t.Fatalf("intended again: %+v", again)
	}
	step("5", credits.Settle{Purchase: intent[0].Seq, Payment: credits.Payment{State: credits.Paid}}, "")
	step("4", spend, "")
	if got := w.Available(); got != n("9985") {
		t.Errorf("available %v", got)
	}
}
