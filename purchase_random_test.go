package credits_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store/storetest"
)

// TestPurchasesAtRandom draws commands, faults, crashes, answers, webhooks and
// time, and after each step compares the wallet with what its history says of
// its purchases. In the end all that was taken was delivered, once.
func TestPurchasesAtRandom(t *testing.T) {
	random := seeded(t)
	for run := range 25 {
		s := newUncheckedShop(t, "2026-01-10", tier("20000", func(p *credits.Plan) {
			p.Auto.Limit, p.Auto.Window = credits.AtMost(n("60000")), credits.Window(1+run%2)
			p.AddOns = []credits.AddOn{{ID: "more", Price: cash("5.00 USD"), Allowances: []credits.Allowance{{Amount: n("5000")}}}}
		}))
		s.must(credits.SetAutoPurchase{On: true})
		g := gambler{s, random, nil}
		for step := range 60 {
			g.step(step)
			g.check()
			if t.Failed() {
				t.Fatalf("run %d, step %d:\n%s", run, step, s.story(0))
			}
		}
		g.resolve()
		g.check()
		if t.Failed() {
			t.Fatalf("run %d, in the end:\n%s", run, s.story(0))
		}
	}
}

// gambler does this and that in a shop.
type gambler struct {
	*shop
	random *rand.Rand
	asked  []asking // that may be asked again
}

// asking is a command under its key.
type asking struct {
	key     credits.Key
	command credits.Command
}

// flaky returns a ledger that may fail: now and then the store does, or the
// process ends at some step.
func (g *gambler) flaky() *credits.Ledger {
	switch g.random.IntN(4) {
	case 0:
		return g.with(storetest.Faulty(g.store, storetest.Once(1+g.random.IntN(8), faults()[g.random.IntN(len(faults()))])), g.provider)
	case 1:
		p := &process{ends: 1 + g.random.IntN(24)}
		return g.with(mortalStore{g.store, p}, mortalCharger{g.provider, p})
	default:
		return g.shop.ledger
	}
}

// command draws a command.
func (g *gambler) command() credits.Command {
	switch g.random.IntN(8) {
	case 0:
		return credits.Buy{Pack: "extra", Amount: n("1000") * credits.Amount(1+g.random.IntN(3))}
	case 1:
		return credits.SetUnits{AddOn: "more", Units: int64(g.random.IntN(4))}
	case 2:
		return card
	case 3:
		return credits.SetAutoPurchase{On: g.random.IntN(4) > 0}
	case 4:
		return credits.Spend{Amount: max(1, g.wallet().Available())}
	default:
		return credits.Spend{Amount: n("100") * credits.Amount(1+g.random.IntN(200)), Note: credits.Note{Ref: "job"}}
	}
}

// step does one thing.
func (g *gambler) step(i int) {
	g.Helper()
	ctx, cancel := context.WithCancel(g.ctx)
	defer cancel()
	if g.random.IntN(3) == 0 {
		g.provider.Next(creditstest.Answer(1 + g.random.IntN(6)))
	}
	var err error
	switch g.random.IntN(10) {
	case 0:
		g.later(time.Duration(g.random.Int64N(int64(30 * time.Hour))))
	case 1:
		_, err = g.flaky().Tick(ctx)
	case 2:
		if all := g.provider.Charges(); len(all) > 0 {
			g.provider.Pay(all[g.random.IntN(len(all))].Key)
		}
	case 3:
		g.webhook()
	case 4:
		if len(g.asked) > 0 {
			again := g.asked[g.random.IntN(len(g.asked))]
			_, err = g.flaky().Do(ctx, acme, again.key, again.command)
		}
	default:
		c := asking{credits.Key(fmt.Sprint("step-", i)), g.command()}
		g.asked = append(g.asked, c)
		_, err = g.flaky().Do(ctx, acme, c.key, c.command)
	}
	switch {
	case err == nil, errors.Is(err, credits.ErrRetry), errors.Is(err, credits.ErrUnknown), errors.Is(err, credits.ErrRefused):
	case errors.Is(err, credits.ErrKeyReused), errors.Is(err, credits.ErrExists):
	default:
		g.Errorf("step %d: %v", i, err)
	}
}

// webhook tells what the provider knows of some purchase.
func (g *gambler) webhook() {
	g.Helper()
	all := g.provider.Charges()
	if len(all) == 0 {
		return
	}
	g.tell(all[g.random.IntN(len(all))])
}

// tell tells what the provider knows of a charge.
func (g *gambler) tell(c credits.Charge) {
	g.Helper()
	told, err := g.known(c)
	if err != nil {
		return
	}
	err = g.askErr(g.key(), credits.Settle{Purchase: c.Purchase, Payment: told})
	if err != nil && !errors.Is(err, credits.Ended) {
		g.Errorf("webhook of purchase %d, %v: %v", c.Purchase, told.State, err)
	}
}

// known asks the provider, which takes the money of a key once.
func (g *gambler) known(c credits.Charge) (told credits.Payment, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return g.provider.Charge(g.ctx, c)
}

// resolve has all that was taken delivered.
func (g *gambler) resolve() {
	g.Helper()
	for _, c := range g.provider.Charges() {
		for err := error(errEnded); err != nil; {
			_, err = g.known(c)
		}
		g.provider.Pay(c.Key)
		g.tell(c)
	}
	g.later(25 * time.Hour)
	g.tick()
	var delivered credits.Money
	for _, e := range g.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindPurchased, credits.KindUnitsSet}}) {
		delivered, _ = delivered.Add(e.Charge)
	}
	if delivered.Currency == "" {
		delivered.Currency = "USD"
	}
	if taken := g.provider.Taken("USD"); taken != delivered {
		g.Errorf("P-1: taken %v, delivered for %v", taken, delivered)
	}
	g.opens(0)
	g.verify()
}

// check compares the wallet with its history.
func (g *gambler) check() {
	g.Helper()
	type fate struct {
		intent    *credits.Purchase
		state     credits.PaymentState
		delivered int
	}
	fates := map[credits.ID]*fate{}
	for _, e := range g.history(acme, credits.HistoryQuery{Due: true}) {
		switch e.Kind {
		case credits.KindIntended:
			fates[e.Seq] = &fate{intent: e.Purchase, state: credits.Intended}
		case credits.KindSettled:
			f := fates[e.Of]
			if f.state.Open() || e.Payment.State == credits.Paid {
				f.state = e.Payment.State
			}
		case credits.KindPurchased, credits.KindUnitsSet:
			if f := fates[e.Of]; f != nil {
				f.delivered++
				if e.Charge != f.intent.Charge {
					g.Errorf("P-2: purchase %d is %v, and was %v", e.Of, e.Charge, f.intent.Charge)
				}
			}
		}
	}
	w := g.wallet()
	a := w.AutoPurchase()
	var bought credits.Amount
	var open, autos int
	for id, f := range fates {
		if want := map[bool]int{true: 1}[f.state == credits.Paid]; f.delivered != want {
			g.Errorf("P-2: purchase %d is %v and was delivered %d times", id, f.state, f.delivered)
		}
		if f.state.Open() {
			open++
		}
		if f.intent.Auto && f.state.Open() {
			autos++
		}
		if f.intent.Auto && f.intent.Month.End.Equal(a.Until) && (f.state.Open() || f.state == credits.Paid) {
			bought += f.intent.Goods[0].Amount
		}
	}
	g.opens(open)
	if autos > 1 {
		g.Errorf("P-3: %d automatic purchases are open", autos)
	}
	if a.Bought != bought {
		g.Errorf("P-4: %v bought until %v, and the history says %v", a.Bought, a.Until, bought)
	}
	if left := max(0, n("60000")-bought); a.Left != left {
		g.Errorf("P-4: %v are left, want %v", a.Left, left)
	}
}
