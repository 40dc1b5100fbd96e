package credits_test

import (
	"context"
	"errors"
	"testing"

	"example.com/credits"
)

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
					if !errors.Is(err, want) {
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
				if !errors.Is(err, credits.ErrRetry) {
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
