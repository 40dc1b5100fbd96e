package credits_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// shop is a rig whose purchases are paid before they bring anything, and the
// provider that takes the money. What no caller waits for is paid at once.
type shop struct {
	*rig
	provider *creditstest.Charger
}

// newShop returns a shop in which acme has a plan and a card.
func newShop(t *testing.T, at string, plan credits.Plan) *shop {
	t.Helper()
	return newShopIn(t, at, plan, "")
}

// newShopIn is newShop with a time zone.
func newShopIn(t *testing.T, at string, plan credits.Plan, zone string) *shop {
	t.Helper()
	s := &shop{newRig(t, at), &creditstest.Charger{}}
	s.ledger = s.with(s.store, s.provider)
	s.must(credits.Open{Plan: plan, Zone: zone}, card)
	return s
}

// newUncheckedShop is newShop without the check of every entry at the end.
func newUncheckedShop(t *testing.T, at string, plan credits.Plan) *shop {
	t.Helper()
	s := &shop{newUncheckedRig(t, at, new(memory.Store)), &creditstest.Charger{}}
	s.ledger = s.with(s.store, s.provider)
	s.must(credits.Open{Plan: plan}, card)
	return s
}

// with returns a ledger like the shop's, another process, on a store and a provider.
func (s *shop) with(on store.Store, c credits.Charger) *credits.Ledger {
	return paidLedger(on, s.clock, c)
}

// paidLedger returns a ledger that pays at once what no caller waits for.
func paidLedger(on store.Store, now *clock.Mock, c credits.Charger) *credits.Ledger {
	return credits.New(on, &credits.Options{Clock: now, Salt: [32]byte{1}, Charger: c, Background: func(f func()) { f() }})
}

// must does commands under keys of their own and returns the last receipt.
func (s *shop) must(cmds ...credits.Command) (last credits.Receipt) {
	s.Helper()
	for _, c := range cmds {
		var err error
		if last, err = s.ledger.Do(s.ctx, acme, s.key(), c); err != nil {
			s.Fatalf("%+v: %v", c, err)
		}
	}
	return last
}

// ask does a command under a key and expects a reason, or that it is done.
func (s *shop) ask(key credits.Key, c credits.Command, want error) credits.Receipt {
	s.Helper()
	r, err := s.ledger.Do(s.ctx, acme, key, c)
	if !errors.Is(err, want) {
		s.Fatalf("%+v: got %v, want %v", c, err, want)
	}
	return r
}

// no expects that a command is refused under a key of its own.
func (s *shop) no(c credits.Command, want credits.Reason) *credits.RefusedError {
	s.Helper()
	return refusal(s.T, s.askErr(s.key(), c), want)
}

func (s *shop) askErr(key credits.Key, c credits.Command) error {
	_, err := s.ledger.Do(s.ctx, acme, key, c)
	return err
}

// refusal expects that an error is a refusal with a reason.
func refusal(t *testing.T, err error, want credits.Reason) *credits.RefusedError {
	t.Helper()
	var e *credits.RefusedError
	if !errors.As(err, &e) || e.Reason != want {
		t.Fatalf("got %v, want a refusal: %s", err, string(want))
	}
	return e
}

// settle tells of a purchase, as a webhook does, each time under a key of its own.
func (s *shop) settle(id credits.ID, state credits.PaymentState) error {
	return s.askErr(s.key(), credits.Settle{Purchase: id, Payment: credits.Payment{State: state}})
}

// undecided intends what a command buys, asks the provider in vain, and returns the purchase.
func (s *shop) undecided(key credits.Key, c credits.Command) credits.ID {
	s.Helper()
	_, err := s.with(s.store, answers(lost)).Do(s.ctx, acme, key, c)
	if !open(err) {
		s.Fatalf("%+v: got %v, want that nobody knows", c, err)
	}
	return s.open1().ID
}

// open1 returns the newest purchase that is not decided.
func (s *shop) open1() (last credits.Purchase) {
	s.Helper()
	for p := range s.wallet().Purchases() {
		last = p
	}
	if last.ID == 0 {
		s.Fatal("no purchase is undecided")
	}
	return last
}

// opens expects so many undecided purchases.
func (s *shop) opens(want int) {
	s.Helper()
	got := 0
	for range s.wallet().Purchases() {
		got++
	}
	if got != want {
		s.Errorf("%d purchases are undecided, want %d", got, want)
	}
}

// took expects what the provider took in all.
func (s *shop) took(want string) {
	s.Helper()
	if got := s.provider.Taken("USD"); got != cash(want) {
		s.Errorf("taken %v, want %s", got, want)
	}
}

// auto expects the state of auto-purchase.
func (s *shop) auto(bought, left string, times int64) {
	s.Helper()
	a := s.wallet().AutoPurchase()
	if a.Bought != n(bought) || a.Left != n(left) || a.Times != times {
		s.Errorf("bought %v, left %v, %d times; want %s, %s, %d", a.Bought, a.Left, a.Times, bought, left, times)
	}
}

// bought returns the entries that delivered purchases.
func (s *shop) bought() []credits.Entry {
	s.Helper()
	var made []credits.Entry
	for _, e := range s.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindPurchased}}) {
		if e.Purchase != nil {
			made = append(made, e)
		}
	}
	return made
}

// verify expects that the wallet is its history.
func (s *shop) verify() {
	s.Helper()
	if err := s.ledger.Verify(s.ctx, acme); err != nil {
		s.Error(err)
	}
}

// later moves the clock.
func (s *shop) later(d time.Duration) { s.clock.Set(s.clock.Now().Add(d)) }

// chargerFunc is a provider that is one function.
type chargerFunc func(context.Context, credits.Charge) (credits.Payment, error)

func (f chargerFunc) Charge(ctx context.Context, c credits.Charge) (credits.Payment, error) {
	return f(ctx, c)
}

// lost is a payment of which nobody hears.
const lost = credits.PaymentState(0)

// answers returns a provider that answers all charges with a state.
func answers(state credits.PaymentState) credits.Charger {
	return chargerFunc(func(context.Context, credits.Charge) (credits.Payment, error) {
		if state == lost {
			return credits.Payment{}, errors.New("connection lost")
		}
		p := credits.Payment{State: state}
		if state == credits.ActionRequired {
			p.URL = "https://pay.example/1"
		}
		return p, nil
	})
}

// silent is a provider that must not be asked.
func silent(t *testing.T) credits.Charger {
	return chargerFunc(func(_ context.Context, c credits.Charge) (credits.Payment, error) {
		t.Errorf("the provider was asked for %v of purchase %d", c.Money, c.Purchase)
		return credits.Payment{}, errors.New("not now")
	})
}

// open reports whether an error says that a purchase is not decided: a spend that
// waits for it is not done, a call whose own it is may have been.
func open(err error) bool {
	return errors.Is(err, credits.ErrRetry) != errors.Is(err, credits.ErrUnknown)
}
