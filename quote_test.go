package credits_test

import (
	"errors"
	"testing"

	"example.com/credits"
	"example.com/credits/creditstest"
)

// P-8: a quote that has become untrue is refused with the new one, and nothing changes.
func TestStaleQuote(t *testing.T) {
	quote := func(r *rig, c credits.Command) credits.Command {
		preview, err := r.ledger.Preview(r.ctx, acme, "", c)
		if err != nil {
			r.Fatal(err)
		}
		return withQuote(c, preview.Quote())
	}
	big := sold("big", "40000", "36.00 USD")
	tests := []struct {
		name  string
		plan  credits.Plan
		ask   credits.Command
		then  credits.Command // or time until at
		at    string
		now   string // of the new quote
		holds bool   // the quote is as true as before
	}{
		{name: "P-8/units that somebody else added", plan: team(), ask: units(3), then: units(2), at: "2026-01-11", now: "30.00 USD"},
		{name: "P-8/units: of another period, and the same", plan: team(), ask: units(3), at: "2026-02-01", holds: true},
		{name: "P-8/units: what was charged in this period is not in the next", plan: team(), ask: units(1), then: units(3), at: "2026-01-11", now: ""},
		{name: "P-8/another plan was had meanwhile", plan: sold("small", "10000", "9.00 USD"), ask: credits.Subscribe{Plan: big}, then: credits.Subscribe{Plan: sold("mid", "20000", "18.00 USD")}, at: "2026-01-11", now: "18.00 USD"},
		{name: "P-8/the year has a month less", plan: sold("small", "10000", "108.00 USD", annually), ask: credits.Subscribe{Plan: sold("big", "40000", "432.00 USD", annually)}, at: "2026-02-01", now: "297.00 USD"},
		{name: "P-8/a spend changes nothing of it", plan: sold("small", "10000", "9.00 USD"), ask: credits.Subscribe{Plan: big}, then: credits.Spend{Amount: n("5")}, at: "2026-01-11", holds: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-10")
			r.at("2026-01-01")
			r.open(tt.plan)
			r.at("2026-01-10")
			c := quote(r, tt.ask)
			if tt.then != nil {
				r.do(tt.then)
			}
			r.at(tt.at)
			if tt.holds {
				r.do(c)
				return
			}
			e := r.refused(c, credits.QuoteStale)
			if e.Quote == nil || someMoney(e.Quote.Charge) != tt.now {
				t.Fatalf("the new quote is %+v, want %q now", e.Quote, tt.now)
			}
			r.do(withQuote(c, *e.Quote))
		})
	}
	t.Run("P-8/in another currency", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(team())
		c := quote(r, units(3))
		r.do(credits.Subscribe{Plan: sold("eur", "500", "49.00 EUR", func(p *credits.Plan) {
			p.AddOns = []credits.AddOn{{ID: "credits", Price: cash("30.00 EUR"), Allowances: []credits.Allowance{{Amount: n("200")}}}}
		})})
		r.refused(c, credits.QuoteStale)
	})
}

// DB-10, P-1: on a ledger with a charger units are there once they are paid.
func TestUnitsPaid(t *testing.T) {
	start := func(t *testing.T, p credits.Plan) (*creditstest.World, *creditstest.Charger) {
		w := creditstest.New(t)
		ch := w.Paid()
		w.Must(acme, credits.Open{Plan: p}, card)
		return w, ch
	}
	t.Run("DB-09, DB-10/quoted, charged and there at once", func(t *testing.T) {
		w, ch := start(t, team())
		preview, err := w.Preview(t.Context(), acme, "", units(3))
		if err != nil {
			t.Fatal(err)
		}
		q := preview.Quote()
		c := units(3)
		c.Quote = q
		r := w.Must(acme, c)
		if q.Charge != cash("90.00 USD") || q.Next != q.Charge || r.Charge != q.Charge || ch.Taken("USD") != q.Charge {
			t.Errorf("quoted %v and then %v, charged %v, taken %v", q.Charge, q.Next, r.Charge, ch.Taken("USD"))
		}
		w.Want(acme, n("1100"))
		w.Must(acme, units(1), units(3))
		if got := ch.Taken("USD"); got != cash("90.00 USD") {
			t.Errorf("DB-05: removed and added back, and %v were taken", got)
		}
	})
	t.Run("P-7/a renewal takes no payment", func(t *testing.T) {
		w, ch := start(t, team())
		w.Must(acme, units(1))
		w.Later("1 month")
		w.Want(acme, n("700"))
		if got := ch.Taken("USD"); got != cash("30.00 USD") {
			t.Errorf("%v were taken", got)
		}
	})
	t.Run("P-1/declined: nothing changes", func(t *testing.T) {
		w, ch := start(t, team())
		ch.Next(creditstest.Decline)
		w.Refused(acme, units(3), credits.PaymentFailed)
		w.Want(acme, n("500"))
		wallet, err := w.Wallet(t.Context(), acme)
		if err != nil || len(wallet.Subscription().Units) != 0 {
			t.Errorf("the wallet has %+v, %v", wallet.Subscription(), err)
		}
		w.Must(acme, units(3))
		w.Want(acme, n("1100"))
	})
	t.Run("P-2/paid in the next period: what it brings lives in that", func(t *testing.T) {
		w, ch := start(t, team())
		w.Until(day("2026-02-28 11:00"))
		ch.Next(creditstest.AskPayer)
		if _, err := w.Do(t.Context(), acme, "k", units(1)); !errors.Is(err, credits.PaymentPending) {
			t.Fatal(err)
		}
		w.Refused(acme, units(2), credits.PaymentPending) // one at a time: else both might be paid
		w.Until(day("2026-02-28 13:00"))
		w.Want(acme, n("500"))
		all := ch.Charges()
		ch.Pay(all[0].Key)
		if _, err := w.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Until(day("2026-03-31 11:59:59.999999"))
		w.Want(acme, n("700"))
		w.Must(acme, units(1)) // S-10: it was the period's first
		if got := ch.Taken("USD"); got != cash("30.00 USD") {
			t.Errorf("%v were taken", got)
		}
	})
	t.Run("DB-10/what was asked of the payer, once it is paid", func(t *testing.T) {
		w, ch := start(t, team())
		ch.Next(creditstest.AskPayer)
		if _, err := w.Do(t.Context(), acme, "k", units(2)); !errors.Is(err, credits.PaymentPending) {
			t.Fatal(err)
		}
		w.Want(acme, n("500"))
		all := ch.Charges()
		ch.Pay(all[len(all)-1].Key)
		if _, err := w.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Want(acme, n("900"))
		r, err := w.Do(t.Context(), acme, "k", units(2))
		if err != nil || r.Charge != cash("60.00 USD") {
			t.Errorf("the same call again: %+v, %v", r, err)
		}
	})
	t.Run("DB-07, P-2/paid after the plan ended: the credits are there, the units are not", func(t *testing.T) {
		w, ch := start(t, team())
		ch.Next(creditstest.AskPayer)
		if _, err := w.Do(t.Context(), acme, "k", units(1)); !errors.Is(err, credits.PaymentPending) {
			t.Fatal(err)
		}
		w.Must(acme, credits.Lapse{})
		all := ch.Charges()
		ch.Pay(all[len(all)-1].Key)
		if _, err := w.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Want(acme, n("700"))
		w.Refused(acme, credits.Spend{Amount: 1}, credits.NoPlan)
		w.Must(acme, credits.Reactivate{}, credits.Spend{Amount: n("700")})
		w.Later("1 month")
		w.Want(acme, n("500"))
	})
}
