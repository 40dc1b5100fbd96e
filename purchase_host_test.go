package credits_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

func TestInTheHostsTransaction(t *testing.T) {
	buy := func(pack string, amount, price string) credits.Remedy {
		return credits.Remedy{Kind: credits.RemedyBuy, Pack: pack, Buy: n(amount), Price: cash(price)}
	}
	want := map[string]credits.Remedy{
		"buy":     buy("extra", "10000", "9.00 USD"),
		"spend":   buy("extra", "10000", "9.00 USD"), // by hand, and so without a surcharge
		"reserve": buy("extra", "10000", "9.00 USD"),
		"units":   {Kind: credits.RemedyBuy, Buy: n("10000"), Price: cash("10.00 USD")},
	}
	for _, p := range purchasers() {
		t.Run("P-3, S-4/"+p.name+"/nothing is intended, and it says what to buy", func(t *testing.T) {
			s := till(t)
			before := s.dump("")
			l := s.with(s.store, silent(t)).On(s.store)
			_, err := l.Do(s.ctx, acme, "k", p.command)
			e := refusal(t, err, credits.PaymentRequired)
			if diff := cmp.Diff([]credits.Remedy{want[p.name]}, e.Remedies); diff != "" {
				t.Errorf("remedies (-want +got):\n%s", diff)
			}
			if p.auto && (e.Need != n("20001") || e.Available != n("20000")) {
				t.Errorf("S-4: needed %v, available %v", e.Need, e.Available)
			}
			if _, preview := l.Preview(s.ctx, acme, "k", p.command); preview == nil || preview.Error() != err.Error() {
				t.Errorf("the preview said %v, and do says %v", preview, err)
			}
			if diff := cmp.Diff(before, s.dump("")); diff != "" {
				t.Errorf("S-4: it changed the store:\n%s", diff)
			}
			if p.auto { // the host buys it outside and tries again
				s.must(credits.Buy{Pack: e.Remedies[0].Pack, Amount: e.Remedies[0].Buy})
				s.took(e.Remedies[0].Price.String())
				if _, err := l.Do(s.ctx, acme, "k", p.command); err != nil {
					t.Error(err)
				}
				s.has("9999")
			}
		})
		t.Run("P-3/"+p.name+"/in a call about two wallets", func(t *testing.T) {
			s := till(t)
			if _, err := s.ledger.Do(s.ctx, "bob", "o", credits.Open{Plan: bare()}); err != nil {
				t.Fatal(err)
			}
			before := s.dump("")
			l := s.with(s.store, silent(t))
			_, err := l.DoAll(s.ctx,
				credits.Task{Wallet: "bob", Key: "k", Command: credits.Grant{Amount: 1}},
				credits.Task{Wallet: acme, Key: "k", Command: p.command})
			refusal(t, err, credits.PaymentRequired)
			if diff := cmp.Diff(before, s.dump("")); diff != "" {
				t.Errorf("it changed the store:\n%s", diff)
			}
		})
		t.Run("P-3/"+p.name+"/under way outside", func(t *testing.T) {
			s := till(t)
			id := s.undecided("k", p.command)
			l := s.with(s.store, silent(t)).On(s.store)
			_, err := l.Do(s.ctx, acme, "k", p.command)
			if e := refusal(t, err, credits.PaymentPending); e.Remedies[0].Purchase != id {
				t.Errorf("%v", e.Remedies)
			}
			if _, err := l.Tick(s.ctx); err != nil {
				t.Error(err)
			}
			if err := s.settle(id, credits.Paid); err != nil { // by a webhook, outside
				t.Fatal(err)
			}
			if _, err := l.Do(s.ctx, acme, "k", p.command); err != nil {
				t.Error(err)
			}
		})
		t.Run("P-2/"+p.name+"/what accrues is there at once", func(t *testing.T) {
			s := till(t)
			s.must(credits.Subscribe{Plan: tier("20000", func(q *credits.Plan) {
				q.Version, q.Accrue, q.AddOns = 2, true, []credits.AddOn{{ID: "more", Price: cash("5.00 USD"), Allowances: []credits.Allowance{{Amount: n("5000")}}}}
			})})
			l := s.with(s.store, silent(t)).On(s.store)
			r, err := l.Do(s.ctx, acme, "k", p.command)
			if err != nil || r.Charge != cash(p.price) {
				t.Errorf("owed %v, %v", r.Charge, err)
			}
			s.opens(0)
		})
		t.Run("P-2/"+p.name+"/without a charger it is owed", func(t *testing.T) {
			s := till(t)
			l := s.over(s.store).On(s.store)
			r, err := l.Do(s.ctx, acme, "k", p.command)
			if err != nil || r.Charge != cash(p.price) {
				t.Errorf("owed %v, %v", r.Charge, err)
			}
		})
	}
	t.Run("P-3/a spend that leaves nothing does not trigger in it", func(t *testing.T) {
		s := till(t)
		l := s.with(s.store, silent(t)).On(s.store)
		if _, err := l.Do(s.ctx, acme, "k", credits.Spend{Amount: n("20000")}); err != nil {
			t.Fatal(err)
		}
		s.has("0")
		s.opens(0)
		s.must(card) // T-6: the next chance outside
		s.has("10000")
	})
	t.Run("P-3/a webhook may be told in it", func(t *testing.T) {
		s := till(t)
		id := s.undecided("k", purchasers()[0].command)
		l := s.with(s.store, silent(t)).On(s.store)
		if _, err := l.Do(s.ctx, acme, "w", credits.Settle{Purchase: id, Payment: credits.Payment{State: credits.Paid}}); err != nil {
			t.Fatal(err)
		}
		s.has("30000")
		if r := s.ask("k", purchasers()[0].command, nil); !r.Replayed {
			t.Errorf("%+v", r)
		}
	})
}

func TestLedgerWithoutCharger(t *testing.T) {
	for _, p := range purchasers() {
		t.Run("P-5/"+p.name+"/an open purchase of its key is waited for", func(t *testing.T) {
			s := till(t)
			id := s.undecided("k", p.command)
			l := s.over(s.store)
			for range 2 {
				_, err := l.Do(s.ctx, acme, "k", p.command)
				if e := refusal(t, err, credits.PaymentPending); e.Remedies[0].Purchase != id {
					t.Errorf("%v", e.Remedies)
				}
			}
			if _, err := l.Do(s.ctx, acme, "k", p.other); !errors.Is(err, credits.ErrKeyReused) {
				t.Errorf("got %v", err)
			}
			if wrote, err := l.Tick(s.ctx); wrote != 0 || err != nil {
				t.Errorf("tick: %d, %v", wrote, err)
			}
			if _, err := l.Do(s.ctx, acme, "w", credits.Settle{Purchase: id, Payment: credits.Payment{State: credits.Paid}}); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Do(s.ctx, acme, "k", p.command); err != nil {
				t.Error(err)
			}
			if w := s.walletOf(acme); w.AutoPurchase().Open != 0 {
				t.Errorf("%+v", w.AutoPurchase())
			}
		})
	}
	t.Run("P-3/nothing is bought by itself while an automatic one is open", func(t *testing.T) {
		s := till(t)
		s.undecided("k", credits.Spend{Amount: n("20001")})
		l := s.over(s.store)
		for key, c := range map[credits.Key]credits.Command{"a": credits.Spend{Amount: n("20000")}, "b": card} {
			if _, err := l.Do(s.ctx, acme, key, c); err != nil {
				t.Fatal(err)
			}
		}
		s.has("0")
		s.later(24 * time.Hour)
		if _, err := l.Do(s.ctx, acme, "c", card); err != nil {
			t.Fatal(err)
		}
		s.has("10000") // owed
		s.took("0.00 USD")
	})
}

func TestTickAsks(t *testing.T) {
	s := newUncheckedShop(t, "2026-01-01", tier("20000"))
	buy := credits.Buy{Pack: "extra", Amount: n("1000")}
	s.undecided("k", buy)
	for _, id := range []credits.WalletID{"bob", "cid"} {
		for _, c := range []credits.Command{credits.Open{Plan: tier("20000")}, card} {
			if _, err := s.ledger.Do(s.ctx, id, s.key(), c); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.with(s.store, answers(lost)).Do(s.ctx, id, "k", buy); !open(err) {
			t.Fatal(err)
		}
	}
	var due []credits.WalletID
	for id, err := range s.ledger.Due(s.ctx, s.clock.Now()) {
		if err != nil {
			t.Fatal(err)
		}
		due = append(due, id)
	}
	if diff := cmp.Diff([]credits.WalletID{acme, "bob", "cid"}, due); diff != "" {
		t.Errorf("P-1: due with an undecided purchase (-want +got):\n%s", diff)
	}
	t.Run("P-1/one whose outcome stays unknown does not keep it from others", func(t *testing.T) {
		l := s.with(s.store, chargerFunc(func(ctx context.Context, c credits.Charge) (credits.Payment, error) {
			if c.Wallet == "bob" {
				return credits.Payment{}, errors.New("lost")
			}
			return s.provider.Charge(ctx, c)
		}))
		if wrote, err := l.Tick(s.ctx); wrote != 2 || !open(err) {
			t.Errorf("wrote %d, %v", wrote, err)
		}
		s.took("1.80 USD")
		if w := s.walletOf("cid"); w.Available() != n("21000") {
			t.Errorf("cid has %v", w.Available())
		}
	})
	t.Run("P-1/one that waits for its payer is no fault", func(t *testing.T) {
		if _, err := s.with(s.store, answers(credits.ActionRequired)).Tick(s.ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("P-1/and then it is settled, once", func(t *testing.T) {
		if wrote := s.tick(); wrote != 1 {
			t.Errorf("wrote %d", wrote)
		}
		if wrote := s.tick(); wrote != 0 {
			t.Errorf("wrote %d once more", wrote)
		}
		s.took("2.70 USD")
	})
	t.Run("P-1/a context that ends", func(t *testing.T) {
		s.undecided("k2", buy)
		ctx, cancel := context.WithCancel(s.ctx)
		l := s.with(s.store, chargerFunc(func(ctx context.Context, _ credits.Charge) (credits.Payment, error) {
			cancel()
			<-ctx.Done()
			return credits.Payment{}, ctx.Err()
		}))
		if _, err := l.Tick(ctx); !open(err) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("L-5/the future supposes no purchase", func(t *testing.T) {
		s.undecided("k3", credits.Buy{Pack: "extra", Amount: n("2000")})
		w, err := s.ledger.BalanceAt(s.ctx, acme, s.clock.Now().Add(24*time.Hour))
		if err != nil || w.Available() != s.wallet().Available() {
			t.Errorf("%v, %v", w.Available(), err)
		}
		for p := range w.Purchases() {
			t.Errorf("purchase %d is %v", p.ID, p.Payment.State)
		}
	})
}

func TestPaymentsAsText(t *testing.T) {
	tests := map[string]credits.Command{
		`{"settle":{"purchase":4,"payment":{"state":"paid","ref":"r"}}}`:                      credits.Settle{Purchase: 4, Payment: credits.Payment{State: credits.Paid, Ref: "r"}},
		`{"settle":{"purchase":4,"payment":{"state":"declined","reason":"w"}}}`:               credits.Settle{Purchase: 4, Payment: credits.Payment{State: credits.Declined, Reason: "w"}},
		`{"settle":{"purchase":4,"payment":{"state":"action required","url":"u"}}}`:           credits.Settle{Purchase: 4, Payment: credits.Payment{State: credits.ActionRequired, URL: "u"}},
		`{"settle":{"purchase":4,"payment":{"state":"unknown"}}}`:                             credits.Settle{Purchase: 4, Payment: credits.Payment{State: credits.Unknown}},
		`{"settle":{"purchase":4,"payment":{"state":"abandoned"}}}`:                           credits.Settle{Purchase: 4, Payment: credits.Payment{State: credits.Abandoned}},
		`{"setMethod":{"method":{"token":"t","kind":"card"}}}`:                                credits.SetMethod{Method: credits.Method{Token: "t", Kind: "card"}},
		`{"sell":{"amount":"5","price":"1.50 USD","expires":"2026-06-01T00:00:00Z"}}`:         credits.Sell{Amount: n("5"), Price: cash("1.50 USD"), Expires: day("2026-06-01")},
		`{"setAutoPurchase":{"on":true,"resume":true}}`:                                       credits.SetAutoPurchase{On: true, Resume: true},
		`{"buy":{"pack":"extra","amount":"1000","quote":{"seq":3,"plan":"pro","version":1}}}`: credits.Buy{Pack: "extra", Amount: n("1000"), Quote: credits.Quote{Seq: 3, Plan: "pro", Version: 1}},
	}
	for text, want := range tests {
		got, err := credits.ParseCommand([]byte(text))
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if b, err := credits.AppendCommand(nil, want); err != nil || string(b) != text {
			t.Errorf("%s: written as %s, %v", text, b, err)
		}
	}
	if _, err := credits.ParseCommand([]byte(`{"settle":{"purchase":4,"payment":{"state":"payed"}}}`)); !errors.Is(err, credits.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
