package credits_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"example.com/credits"
	"example.com/credits/creditstest"
)

func TestProviderThatEndsItsGoroutine(t *testing.T) {
	// As a test's own provider does that calls FailNow.
	for _, p := range purchasers() {
		t.Run("P-1/"+p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := till(t)
				l := s.with(s.store, chargerFunc(func(context.Context, credits.Charge) (credits.Payment, error) {
					runtime.Goexit()
					return credits.Payment{}, nil
				}))
				_, err := l.Do(t.Context(), acme, "k", p.command)
				if !open(err) && !errors.Is(err, credits.ErrUnknown) {
					t.Errorf("got %v", err)
				}
				s.ask("k", p.command, nil)
				s.took(p.price)
			})
		})
	}
}

func TestProviderThatTellsItself(t *testing.T) {
	// Its webhook comes before its answer does.
	for _, p := range purchasers() {
		for _, told := range []credits.PaymentState{credits.Paid, credits.Declined, credits.ActionRequired, credits.Unknown} {
			for _, said := range []credits.PaymentState{credits.Paid, credits.ActionRequired, lost} {
				t.Run("P-2/"+p.name+"/"+told.String()+", then "+said.String(), func(t *testing.T) {
					s := till(t)
					calls := 0
					l := s.with(s.store, chargerFunc(func(ctx context.Context, c credits.Charge) (credits.Payment, error) {
						if calls++; calls == 1 {
							if err := s.settle(c.Purchase, told); err != nil {
								t.Error(err)
							}
						}
						return answers(said).Charge(ctx, c)
					}))
					_, _ = l.Do(s.ctx, acme, "k", p.command)
					_, err := l.Do(s.ctx, acme, "k", p.command)
					var want error
					switch {
					case told == credits.Declined:
						want = credits.PaymentFailed
					case told == credits.Paid || said == credits.Paid:
					case said == credits.ActionRequired:
						want = credits.PaymentPending
					default:
						want = credits.ErrRetry
					}
					if !errors.Is(err, want) && !(want == credits.ErrRetry && open(err)) {
						t.Errorf("got %v, want %v", err, want)
					}
					paid := told == credits.Paid || said == credits.Paid
					if got := s.wallet().Balance("", "").Held + s.wallet().Available(); !paid && got != n("20000") {
						t.Errorf("there are %v", got)
					}
					if got := len(s.bought()); !p.auto && p.name != "units" && (got == 1) != paid {
						t.Errorf("P-2: %d purchases", got)
					}
					s.verify()
				})
			}
		}
	}
}

func TestPurchaseOfAnEndedPlan(t *testing.T) {
	for _, p := range purchasers() {
		t.Run("P-2/"+p.name, func(t *testing.T) {
			s := till(t)
			s.undecided("k", p.command)
			s.must(credits.Lapse{})
			_, err := s.ledger.Do(s.ctx, acme, "k", p.command)
			switch {
			case p.auto: // paid, and decided afresh
				if !errors.Is(err, credits.NoPlan) {
					t.Errorf("got %v", err)
				}
			case err != nil:
				t.Error(err)
			}
			s.took(p.price)
			if got := s.wallet().Balance("", ""); got.Available != n("30000") && got.Available != 0 {
				t.Errorf("%+v", got)
			}
			s.must(credits.Reactivate{})
			s.ask("k", p.command, nil)
			s.took(p.price)
			s.opens(0)
		})
	}
}

func TestErasedPurchase(t *testing.T) {
	// What a person asks to be forgotten takes nothing from the key.
	for _, p := range purchasers() {
		for _, decided := range []bool{false, true} {
			t.Run("L-4, I-1/"+p.name, func(t *testing.T) {
				s := till(t)
				s.ledger = s.ledger.As(credits.Actor{ID: "ann"})
				_, err := s.with(s.store, answers(lost)).As(credits.Actor{ID: "ann"}).Do(s.ctx, acme, "k", p.command)
				if !open(err) {
					t.Fatal(err)
				}
				if decided {
					s.ask("k", p.command, nil)
				}
				var mine []credits.ID
				for _, e := range s.history(acme, credits.HistoryQuery{Actor: "ann"}) {
					mine = append(mine, e.Seq)
				}
				s.must(credits.Erase{Entries: mine})
				if r := s.ask("k", p.command, nil); decided && !r.Replayed {
					t.Error("no replay")
				}
				s.took(p.price)
				checkInvalid(t, s.askErr("k", p.other), p.field, credits.ErrKeyReused)
			})
		}
	}
}

// bookish returns a shop whose history has purchases in every state.
func bookish(t *testing.T) *shop {
	s := till(t)
	s.must(credits.Subscribe{Plan: tier("20000", func(p *credits.Plan) {
		p.Version, p.Packs[0].Active, p.Packs[0].Life = 2, 9, credits.Days(30)
		p.Auto.Limit, p.Auto.Money = credits.Unlimited, cash("9000.00 USD")
		p.Packs[0].Brings = []credits.Bring{{Unit: "GB", Amount: n("0.5")}}
		p.AddOns = []credits.AddOn{{ID: "more", Price: cash("5.00 USD"), Allowances: []credits.Allowance{{Amount: n("5000"), Features: []string{"run"}}}}}
	})})
	s.must(credits.Buy{Pack: "extra", Amount: n("1000"), Note: credits.Note{Ref: "b"}}, credits.SetUnits{AddOn: "more", Units: 2})
	for _, next := range []creditstest.Answer{creditstest.AskPayer, creditstest.Decline} {
		s.provider.Next(next)
		_ = s.askErr(s.key(), credits.Buy{Pack: "extra", Amount: n("2000")})
	}
	s.later(24 * time.Hour)
	s.must(card)
	s.provider.Next(creditstest.AskPayer)
	s.no(credits.SetUnits{AddOn: "more", Units: 5}, credits.PaymentPending)
	for i, told := range []credits.PaymentState{credits.Paid, credits.ActionRequired, credits.Declined, credits.Unknown} {
		id := s.undecided(credits.Key(told.String()), credits.Spend{Amount: n("50000") * credits.Amount(1+i)})
		if err := s.settle(id, told); err != nil {
			t.Fatal(err)
		}
		if told == credits.ActionRequired {
			if err := s.settle(id, credits.Abandoned); err != nil {
				t.Fatal(err)
			}
		}
		s.must(card)
	}
	return s
}

// P-1, L-3, L-4: what is stored of purchases.
func TestTamperedPurchases(t *testing.T) {
	s := bookish(t)
	whole := snapshotOf(s.rig, acme)
	if err := whole.verify(s.rig); err != nil {
		t.Fatal(err)
	}
	for i, e := range whole.entries {
		for at := range e.Body {
			bad := whole.clone()
			bad.entries[i].Body[at] ^= 1 << (at % 8)
			s.expectFound(bad, e.Seq, fmt.Sprintf("byte %d of entry %d", at, e.Seq))
			if at%3 == i%3 {
				goOn(s, bad)
			}
		}
	}
	for i, p := range whole.state.Parts {
		for at := range p.Body {
			bad := whole.clone()
			bad.state.Parts[i].Body[at] ^= 1 << (at % 8)
			s.expectFound(bad, 0, fmt.Sprintf("byte %d of part %d", at, p.ID))
			for _, c := range goingOn()[at%5:][:1] { // a wallet that is corrupt says so, or goes on; it does not panic
				_, _ = credits.New(tampered{s: bad}, &credits.Options{Clock: s.clock}).Preview(s.ctx, acme, "", c)
			}
		}
	}
}

// goingOn are commands about purchases.
func goingOn() []credits.Command {
	paid := credits.Payment{State: credits.Paid}
	return []credits.Command{
		credits.Settle{Purchase: 5, Payment: paid},
		credits.Buy{Pack: "extra", Amount: n("1000")},
		credits.Spend{Amount: n("30000")},
		card,
		credits.SetUnits{AddOn: "more", Units: 7},
	}
}

// goOn applies what follows of a damaged history and decides on it: whatever
// was changed, nothing panics.
func goOn(s *shop, bad snapshot) {
	s.Helper()
	w, err := credits.NewWallet(acme)
	if err != nil {
		s.Fatal(err)
	}
	for e, err := range credits.New(tampered{s: bad}, nil).History(s.ctx, acme, credits.HistoryQuery{}) {
		if err != nil {
			break
		}
		next, err := w.Apply(e)
		if err != nil {
			break
		}
		w = next
	}
	_ = w.AutoPurchase()
	for _, c := range goingOn() {
		_, _ = w.Decide(credits.Call{Key: "k", Now: s.clock.Now(), Command: c, Charger: true})
	}
}
