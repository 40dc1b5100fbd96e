package credits_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// process is what a process does to the outside: each call of the store and of
// the provider is two steps, before and after its effect. It ends at a step, and
// nothing it does afterwards has an effect or an answer.
type process struct {
	mu    sync.Mutex
	steps int // that it has taken
	ends  int // the step at which it ends; 0 for never
}

// errEnded is the answer to a process that has ended.
var errEnded = errors.New("the process has ended")

// step takes a step, unless the process has ended.
func (p *process) step() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.steps++; p.ends != 0 && p.steps >= p.ends {
		return errEnded
	}
	return nil
}

// ended reports whether the process came as far as its end.
func (p *process) ended() bool { return p.ends != 0 && p.steps >= p.ends }

// mortalStore is the store of a process.
type mortalStore struct {
	store.Store
	p *process
}

func (s mortalStore) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if err := s.p.step(); err != nil {
		return nil, err
	}
	states, err := s.Store.Load(ctx, reads...)
	return states, errors.Join(err, s.p.step())
}

func (s mortalStore) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := s.p.step(); err != nil {
		return nil, err
	}
	kept, err := s.Store.Commit(ctx, writes...)
	return kept, errors.Join(err, s.p.step())
}

func (s mortalStore) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return mortal(s.p, s.Store.Entries(ctx, q))
}

func (s mortalStore) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return mortal(s.p, s.Store.Heads(ctx, f))
}

func mortal[V any](p *process, seq iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var none V
		if err := p.step(); err != nil {
			yield(none, err)
			return
		}
		for v, err := range seq {
			if !yield(v, err) {
				return
			}
		}
		if err := p.step(); err != nil {
			yield(none, err)
		}
	}
}

// mortalCharger is the provider's client in a process.
type mortalCharger struct {
	credits.Charger
	p *process
}

func (c mortalCharger) Charge(ctx context.Context, charge credits.Charge) (credits.Payment, error) {
	if err := c.p.step(); err != nil {
		return credits.Payment{}, err
	}
	told, err := c.Charger.Charge(ctx, charge)
	return told, errors.Join(err, c.p.step())
}

// crashCase is a call that buys once, on a wallet that was made ready.
type crashCase struct {
	name  string
	ready func(s *shop)
	call  credits.Command
	taken string // in all
	left  string // afterwards
	units int64  // of the add-on
}

func crashCases() []crashCase {
	on := credits.SetAutoPurchase{On: true}
	return []crashCase{
		{"buy", func(*shop) {}, credits.Buy{Pack: "extra", Amount: n("10000"), Note: credits.Note{Ref: "b"}}, "9.00 USD", "30000", 0},
		{"a hold that is short", func(s *shop) { s.must(on) }, credits.Reserve{Amount: n("20001"), Until: day("2026-01-20")}, "11.70 USD", "9999", 0},
		{"a spend that is short", func(s *shop) { s.must(on) }, credits.Spend{Amount: n("20001"), Note: credits.Note{Ref: "b"}}, "11.70 USD", "9999", 0},
		{"a spend that leaves nothing", func(s *shop) { s.must(on) }, credits.Spend{Amount: n("20000")}, "11.70 USD", "10000", 0},
		{"a new method after a decline", func(s *shop) {
			s.provider.Next(creditstest.Decline)
			s.must(on, credits.Spend{Amount: n("20000")})
		}, credits.SetMethod{Method: credits.Method{Token: "tok_2", Kind: "card"}}, "11.70 USD", "10000", 0},
		{"auto-purchase switched on where nothing is left", func(s *shop) { s.must(credits.Spend{Amount: n("20000")}) }, on, "11.70 USD", "10000", 0},
		{"a capture of more than is held", func(s *shop) {
			s.must(on, credits.Reserve{Amount: n("19999"), Until: day("2026-01-20"), Over: credits.DrawAll})
		}, credits.Capture{Hold: 5, Amount: n("20001")}, "11.70 USD", "9999", 0},
		{"an approved purchase", func(s *shop) {
			s.must(credits.Ask{Command: credits.Buy{Pack: "extra", Amount: n("10000")}, Contact: "c"})
		}, credits.Approve{Request: 4}, "9.00 USD", "30000", 0},
		{"units", func(*shop) {}, credits.SetUnits{AddOn: "more", Units: 2}, "10.00 USD", "30000", 2},
	}
}

// crashShop returns a shop that is ready for a case.
func crashShop(t *testing.T, c crashCase) *shop {
	t.Helper()
	s := &shop{
		&rig{T: t, ctx: context.Background(), clock: clock.NewMock(), store: new(memory.Store), keys: new(int)},
		&creditstest.Charger{},
	}
	s.clock.Set(day("2026-01-10"))
	s.ledger = s.with(s.store, s.provider)
	s.must(credits.Open{Plan: tier("20000", func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{ID: "more", Price: cash("5.00 USD"), Allowances: []credits.Allowance{{Amount: n("5000")}}}}
	})}, card)
	c.ready(s)
	return s
}

// crash makes the call in a process that ends at a step, and reports whether it
// came so far.
func (s *shop) crash(c crashCase, ends int) bool {
	p := &process{ends: ends}
	l := s.with(mortalStore{s.store, p}, mortalCharger{s.provider, p})
	_, err := l.Do(s.ctx, acme, "k", c.call)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended() && err != nil {
		s.Errorf("%s: without an end: %v", c.name, err)
	}
	return p.ended()
}

// finish finishes what a process left, and expects one charge and one grant.
func (s *shop) finish(c crashCase, at string, ticks ...bool) {
	s.Helper()
	l := s.with(s.store, s.provider)
	for i, tick := range ticks {
		var err error
		if tick {
			_, err = l.Tick(s.ctx)
		} else {
			_, err = l.Do(s.ctx, acme, "k", c.call)
		}
		if err != nil {
			s.Fatalf("%s: %s: finishing, %d of %v: %v", c.name, at, i, ticks, err)
		}
	}
	if got := s.provider.Taken("USD"); got != cash(c.taken) {
		s.Errorf("%s: %s: taken %v, want %s", c.name, at, got, c.taken)
	}
	w := s.wallet()
	if w.Available() != n(c.left) {
		s.Errorf("%s: %s: %v are left, want %s", c.name, at, w.Available(), c.left)
	}
	for q := range w.Requests() {
		s.Errorf("%s: %s: request %d is open", c.name, at, q.ID)
	}
	for p := range w.Purchases() {
		s.Errorf("%s: %s: purchase %d is %v", c.name, at, p.ID, p.Payment.State)
	}
	var units int64
	for _, u := range w.Subscription().Units {
		units += u.Now
	}
	if units != c.units {
		s.Errorf("%s: %s: %d units, want %d", c.name, at, units, c.units)
	}
	if r, err := l.Receipt(s.ctx, acme, "k"); err != nil || r.ID == 0 {
		s.Errorf("%s: %s: receipt %+v, %v", c.name, at, r, err)
	}
	s.verify()
}

// P-1: a crash between any two steps loses nothing and charges nothing twice.
func TestCrash(t *testing.T) {
	finishes := map[string][]bool{ // what is done on a new ledger: Tick, or the same call
		"the same call": {false, true}, "Tick, and the same call": {true, false, true}, "the call twice": {false, false, true},
	}
	for _, c := range crashCases() {
		t.Run("P-1/"+c.name, func(t *testing.T) {
			for how, ticks := range finishes {
				steps := 0
				for ends := 1; ; ends++ {
					s := crashShop(t, c)
					if !s.crash(c, ends) {
						steps = ends - 1
						s.finish(c, "to the end", true)
						break
					}
					s.finish(c, fmt.Sprintf("ended at step %d, then %s", ends, how), ticks...)
				}
				if steps < 12 {
					t.Errorf("only %d steps", steps)
				}
			}
		})
	}
}

// P-1: and so does a second crash, of the process that finishes.
func TestCrashTwice(t *testing.T) {
	for i, c := range crashCases() {
		if i%2 == 1 { // half of them will do
			continue
		}
		t.Run("P-1/"+c.name, func(t *testing.T) {
			for first := 1; ; first++ {
				if s := crashShop(t, c); !s.crash(c, first) {
					break
				}
				for second := 1; ; second++ {
					s := crashShop(t, c)
					s.crash(c, first)
					again := s.crash(c, second)
					s.finish(c, fmt.Sprintf("ended at steps %d and %d", first, second), false, true)
					if !again {
						break
					}
				}
			}
		})
	}
}

// P-1, P-2: a webhook's process that ends, and is told again.
func TestCrashOfWebhook(t *testing.T) {
	for _, c := range crashCases() {
		t.Run("P-1/"+c.name, func(t *testing.T) {
			for ends := 1; ; ends++ {
				s := crashShop(t, c)
				s.provider.Next(creditstest.AskPayer)
				_, _ = s.ledger.Do(s.ctx, acme, "k", c.call)
				open := s.open1()
				s.provider.Pay(open.ChargeKey)
				p := &process{ends: ends}
				settle := credits.Settle{Purchase: open.ID, Payment: credits.Payment{State: credits.Paid}}
				_, _ = s.with(mortalStore{s.store, p}, silent(t)).Do(s.ctx, acme, "hook", settle)
				if _, err := s.with(s.store, silent(t)).Do(s.ctx, acme, "hook", settle); err != nil {
					t.Fatalf("step %d: %v", ends, err)
				}
				s.finish(c, fmt.Sprintf("ended at step %d", ends), false, true)
				if !p.ended() {
					return
				}
			}
		})
	}
}

// P-1: a decline is told once, whatever ends meanwhile.
func TestCrashWhileDeclined(t *testing.T) {
	for _, c := range crashCases()[:3] {
		t.Run("P-1/"+c.name, func(t *testing.T) {
			for ends := 1; ; ends++ {
				s := crashShop(t, c)
				s.provider.Next(creditstest.Decline)
				p := &process{ends: ends}
				l := s.with(mortalStore{s.store, p}, mortalCharger{s.provider, p})
				_, _ = l.Do(s.ctx, acme, "k", c.call)
				for range 2 {
					e := refusal(t, s.askErr("k", c.call), credits.PaymentFailed)
					if !e.Kept {
						t.Errorf("step %d: not kept", ends)
					}
				}
				s.took("0.00 USD")
				s.has("20000")
				s.opens(0)
				s.verify()
				if !p.ended() {
					return
				}
			}
		})
	}
}

// P-1: a store that fails once, or from some call on for a while.
func TestPaidFaultSweep(t *testing.T) {
	for _, c := range crashCases() {
		t.Run("P-1/"+c.name, func(t *testing.T) {
			for _, fault := range faults() {
				for _, plan := range []func(int, storetest.Fault) storetest.Plan{storetest.Once, storetest.From} {
					for call := 1; sweepPaid(t, c, fault, plan(call, fault), call); call++ {
					}
				}
			}
		})
	}
}

// sweepPaid makes a case's call on a store with faults, and again without. It
// reports whether there was a fault.
func sweepPaid(t *testing.T, c crashCase, fault storetest.Fault, plan storetest.Plan, call int) bool {
	t.Helper()
	s := crashShop(t, c)
	calls, met := 0, false
	faulty := storetest.Faulty(s.store, func(n int, op string) storetest.Fault {
		if calls++; calls > 50 { // a conflict that lasts goes on for ever
			return 0
		}
		f := plan(n, op)
		met = met || f != 0
		return f
	})
	_, err := s.with(faulty, s.provider).Do(s.ctx, acme, "k", c.call)
	at := fmt.Sprintf("%v at call %d", fault, call)
	switch {
	case err == nil:
	case errors.Is(err, credits.ErrRetry) == errors.Is(err, credits.ErrUnknown), errors.Is(err, credits.ErrRefused), errors.Is(err, credits.ErrInvalid):
		t.Errorf("%s: %s: %v", c.name, at, err)
	case !met || fault == storetest.Conflict:
		t.Errorf("%s: %s: %v, without a fault that matters", c.name, at, err)
	}
	_, buys := c.call.(credits.Buy)
	_, adds := c.call.(credits.SetUnits)
	if errors.Is(err, credits.ErrRetry) && (buys || adds) { // else it is paid first, and then not done
		for _, e := range s.history(acme, credits.HistoryQuery{}) {
			if e.Key == "k" {
				t.Errorf("%s: %s: %v, and entry %d, %v, is there", c.name, at, err, e.Seq, e.Kind)
			}
		}
	}
	s.finish(c, at, false, true)
	return met
}
