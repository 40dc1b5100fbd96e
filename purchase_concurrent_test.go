package credits_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store/storetest"
)

// background returns a ledger of the shop's wallets that pays in goroutines of
// its own what no caller waits for, as a host's does.
func (s *shop) background(c credits.Charger) *credits.Ledger {
	return credits.New(s.store, &credits.Options{Clock: s.clock, Salt: [32]byte{1}, Charger: c})
}

// gate is a provider that answers when it is told to, whether or not its caller's context has ended.
type gate struct {
	mu    sync.Mutex
	calls []*gated
}

// gated is a charge that waits for its answer.
type gated struct {
	credits.Charge
	ctx    context.Context
	answer chan credits.PaymentState
}

func (g *gate) Charge(ctx context.Context, c credits.Charge) (credits.Payment, error) {
	call := &gated{c, ctx, make(chan credits.PaymentState)}
	g.mu.Lock()
	g.calls = append(g.calls, call)
	g.mu.Unlock()
	return answers(<-call.answer).Charge(ctx, c)
}

// asked waits until nothing moves and returns the charges so far.
func (g *gate) asked() []*gated {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// result is what a call came back with.
type result struct {
	credits.Receipt
	err error
}

// start makes calls in goroutines of their own.
func start(count int, call func(i int) (credits.Receipt, error)) []chan result {
	all := make([]chan result, count)
	for i := range all {
		all[i] = make(chan result, 1)
		go func() {
			r, err := call(i)
			all[i] <- result{r, err}
		}()
	}
	return all
}

func TestOnePurchaseForMany(t *testing.T) {
	const many = 64
	for _, ledgers := range []int{1, 2, 5} {
		for _, left := range []string{"0", "10", "10.5", "63"} {
			t.Run(fmt.Sprintf("P-3/%s left, %d ledgers", left, ledgers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newUncheckedShop(t, "2026-01-01", tier("20000"))
					s.must(credits.Spend{Amount: n("20000") - n(left) - 1}, credits.SetAutoPurchase{On: true}, credits.Spend{Amount: 1})
					var on []*credits.Ledger
					for range ledgers {
						on = append(on, s.background(s.provider))
					}
					for i, c := range start(many, func(i int) (credits.Receipt, error) {
						return on[i%ledgers].Do(t.Context(), acme, credits.Key(fmt.Sprint(i)), credits.Spend{Amount: n("1")})
					}) {
						if r := <-c; r.err != nil {
							t.Errorf("%d: %v", i, r.err)
						}
					}
					synctest.Wait()
					s.took("11.70 USD")
					s.has((n(left) + n("10000") - many*credits.Credit).String())
					s.opens(0)
					s.verify()
				})
			})
		}
	}
}

func TestWaiting(t *testing.T) {
	const many = 64
	synctest.Test(t, func(t *testing.T) {
		s := newUncheckedShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n("19999")})
		g := &gate{}
		l := s.background(g)
		ctx, cancel := context.WithCancel(t.Context())
		ask := func(ctx context.Context, i int) (credits.Receipt, error) {
			return l.Do(ctx, acme, credits.Key(fmt.Sprint(i)), credits.Spend{Amount: n("2")})
		}
		first := start(1, func(int) (credits.Receipt, error) { return ask(ctx, 0) })
		g.asked() // whose charge it is leaves as well
		all := start(many, func(i int) (credits.Receipt, error) {
			switch {
			case i == 0:
				r := <-first[0]
				return r.Receipt, r.err
			case i%2 == 0:
				return ask(ctx, i)
			}
			return ask(t.Context(), i)
		})
		if asked := g.asked(); len(asked) != 1 {
			t.Fatalf("P-3: the provider was asked %d times", len(asked))
		}
		s.opens(1)
		cancel()
		for i := 0; i < many; i += 2 {
			if r := <-all[i]; !open(r.err) || !errors.Is(r.err, context.Canceled) {
				t.Errorf("P-3: whose context ended got %v", r.err)
			}
		}
		if asked := g.asked(); len(asked) != 1 || asked[0].ctx.Err() != nil {
			t.Errorf("the charge of those who stay was broken off")
		}
		s.has("1")
		g.calls[0].answer <- credits.Paid
		for i := 1; i < many; i += 2 {
			if r := <-all[i]; r.err != nil {
				t.Errorf("P-3: one that waited: %v", r.err)
			}
		}
		s.has("9937")
		for i := 0; i < many; i += 2 {
			if _, err := ask(t.Context(), i); err != nil {
				t.Errorf("the same key again: %v", err)
			}
		}
		s.has("9873")
		if len(g.asked()) != 1 {
			t.Errorf("asked %d times", len(g.calls))
		}
	})
}

func TestDeclineForMany(t *testing.T) {
	const many = 64
	synctest.Test(t, func(t *testing.T) {
		s := newUncheckedShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n("19999")})
		g := &gate{}
		l := s.background(g)
		all := start(many, func(i int) (credits.Receipt, error) {
			return l.Do(t.Context(), acme, credits.Key(fmt.Sprint(i)), credits.Spend{Amount: n("2")})
		})
		g.asked()[0].answer <- credits.Declined
		kept := 0
		for _, c := range all {
			r := <-c
			if e := refusal(t, r.err, credits.PaymentFailed); e.Kept {
				kept++
			}
		}
		if kept != 1 || len(g.asked()) != 1 {
			t.Errorf("P-5: %d refusals are kept and %d charges were made, want one", kept, len(g.calls))
		}
	})
}

func TestAnswersThatComeLate(t *testing.T) {
	// A call leaves, and its charge goes on; the same call again asks again with
	// the same key. Whatever is answered, and in whatever order, counts.
	tests := []struct {
		name          string
		first, second credits.PaymentState
		late          bool // the first answers after the second
		left          string
		want          error // of a third call
	}{
		{"P-1/paid, paid", credits.Paid, credits.Paid, false, "29999", nil},
		{"P-1/paid late, paid", credits.Paid, credits.Paid, true, "29999", nil},
		{"P-1/paid, then declined", credits.Paid, credits.Declined, false, "29999", nil},
		{"P-1/declined, then paid: the refusal is a fact, and so is the money", credits.Declined, credits.Paid, false, "30000", credits.PaymentFailed},
		{"P-1/declined late, paid before", credits.Declined, credits.Paid, true, "29999", nil},
		{"P-1/paid late, declined before", credits.Paid, credits.Declined, true, "30000", credits.PaymentFailed},
		{"P-1/lost, then paid", lost, credits.Paid, false, "29999", nil},
		{"P-1/paid, then action required", credits.Paid, credits.ActionRequired, false, "29999", nil},
		{"P-1/action required, then paid", credits.ActionRequired, credits.Paid, false, "29999", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newUncheckedShop(t, "2026-01-01", tier("20000"))
				s.must(credits.SetAutoPurchase{On: true})
				g := &gate{}
				l := s.background(g)
				spend := credits.Spend{Amount: n("20001")}
				ctx, cancel := context.WithCancel(t.Context())
				first := start(1, func(int) (credits.Receipt, error) { return l.Do(ctx, acme, "k", spend) })
				g.asked()
				cancel()
				if r := <-first[0]; !open(r.err) || !errors.Is(r.err, context.Canceled) {
					t.Fatal(r.err)
				}
				if asked := g.asked(); len(asked) != 1 || asked[0].ctx.Err() == nil {
					t.Fatal("nobody waits, and the provider's context goes on")
				}
				second := start(1, func(int) (credits.Receipt, error) { return l.Do(t.Context(), acme, "k", spend) })
				asked := g.asked()
				if len(asked) != 2 || asked[0].Key != asked[1].Key || asked[0].Money != asked[1].Money {
					t.Fatalf("P-1: %d charges", len(asked))
				}
				if !tt.late {
					asked[0].answer <- tt.first
					synctest.Wait()
				}
				asked[1].answer <- tt.second
				if tt.late {
					synctest.Wait()
					asked[0].answer <- tt.first
				}
				synctest.Wait()
				<-second[0]
				l = s.background(silent(t))
				if _, err := l.Do(t.Context(), acme, "k", spend); !errors.Is(err, tt.want) {
					t.Errorf("then: %v, want %v", err, tt.want)
				}
				want := n(tt.left)
				if tt.want == nil {
					want -= n("20000")
				}
				s.has(want.String())
				s.verify()
			})
		})
	}
}

func TestCoveredSpendDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newUncheckedShop(t, "2026-01-01", tier("20000"))
		s.must(credits.SetAutoPurchase{On: true})
		g := &gate{}
		l := s.background(g)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := l.Do(ctx, acme, "k", credits.Spend{Amount: n("20000")}); err != nil { // P-3: it returns
			t.Fatal(err)
		}
		cancel() // what no caller waits for goes on
		if asked := g.asked(); len(asked) != 1 || asked[0].ctx.Err() != nil {
			t.Fatalf("P-3: %d charges", len(asked))
		}
		s.opens(1)
		if got := s.wallet().AutoPurchase().Open; got != s.open1().ID {
			t.Errorf("purchase %d is open", got)
		}
		s.must(credits.Grant{Amount: n("5")})
		if _, err := l.Do(t.Context(), acme, "k2", credits.Spend{Amount: n("5")}); err != nil { // while it is under way
			t.Fatal(err)
		}
		waits := start(1, func(int) (credits.Receipt, error) {
			return l.Do(t.Context(), acme, "k3", credits.Spend{Amount: n("1")})
		})
		if asked := g.asked(); len(asked) != 1 {
			t.Errorf("P-3: one that is short makes a charge of its own")
		}
		g.calls[0].answer <- credits.Paid
		if r := <-waits[0]; r.err != nil {
			t.Error(r.err)
		}
		s.has("9999")
	})
}

func TestProviderThatPanics(t *testing.T) {
	for _, p := range purchasers() {
		t.Run("P-1/"+p.name, func(t *testing.T) {
			s := till(t)
			s.provider.Next(creditstest.Panic)
			err := s.askErr("k", p.command)
			if !open(err) || !strings.Contains(err.Error(), "panic") {
				t.Errorf("got %v", err)
			}
			if got := s.open1().Payment; got.State != credits.Unknown || !strings.Contains(got.Reason, "panic") {
				t.Errorf("%+v", got)
			}
			s.ask("k", p.command, nil)
			s.took(p.price)
		})
	}
	nonsense := []credits.Payment{
		{},
		{State: credits.Intended},
		{State: credits.Unknown},
		{State: credits.Abandoned},
		{State: 99},
		{State: credits.PaymentState(255), Reason: "x"},
	}
	for _, told := range nonsense {
		t.Run(fmt.Sprintf("P-1/an answer that is none: %d", told.State), func(t *testing.T) {
			s := till(t)
			l := s.with(s.store, chargerFunc(func(context.Context, credits.Charge) (credits.Payment, error) { return told, nil }))
			_, err := l.Do(s.ctx, acme, "k", purchasers()[0].command)
			if !open(err) || s.open1().Payment.State != credits.Unknown {
				t.Errorf("%v, %v", err, s.open1().Payment)
			}
		})
	}
	t.Run("P-1/texts without end", func(t *testing.T) {
		s := till(t)
		long := strings.Repeat("é\x00\xff", 2000)
		told := credits.Payment{State: credits.Declined, Ref: long, Reason: long, URL: long}
		l := s.with(s.store, chargerFunc(func(context.Context, credits.Charge) (credits.Payment, error) { return told, nil }))
		_, err := l.Do(s.ctx, acme, "k", purchasers()[0].command)
		refusal(t, err, credits.PaymentFailed)
	})
	t.Run("P-1/a hook that panics", func(t *testing.T) {
		s := till(t)
		l := credits.New(s.store, &credits.Options{Clock: s.clock, Salt: [32]byte{1}, Charger: s.provider, OnCommit: func(_ context.Context, r credits.Receipt) {
			if strings.HasPrefix(string(r.Key), "credits/") {
				panic("the host's")
			}
		}})
		if _, err := l.Do(s.ctx, acme, "k", purchasers()[0].command); err != nil && !errors.Is(err, credits.ErrUnknown) {
			t.Error(err)
		}
		s.ask("k", purchasers()[0].command, nil)
		s.took("9.00 USD")
	})
}

func TestChargeWindow(t *testing.T) {
	for _, p := range purchasers() {
		for _, window := range []time.Duration{0, time.Hour} { // 0 is 20 hours
			t.Run(fmt.Sprintf("P-1/%s/%v", p.name, window), func(t *testing.T) {
				s := till(t)
				id := s.undecided("k", p.command)
				span := window
				if span == 0 {
					span = 20 * time.Hour
				}
				ledger := func(c credits.Charger) *credits.Ledger {
					return credits.New(s.store, &credits.Options{Clock: s.clock, Salt: [32]byte{1}, Charger: c, ChargeWindow: window})
				}
				s.later(span - time.Microsecond)
				asked := 0
				_, err := ledger(chargerFunc(func(context.Context, credits.Charge) (credits.Payment, error) {
					asked++
					return credits.Payment{}, errors.New("lost")
				})).Do(s.ctx, acme, "k", p.command)
				if asked != 1 || !open(err) {
					t.Errorf("just before its end: asked %d times, %v", asked, err)
				}
				s.later(time.Microsecond)
				l := ledger(silent(t)) // the provider may have forgotten the key
				for range 2 {
					_, err := l.Do(s.ctx, acme, "k", p.command)
					if e := refusal(t, err, credits.PaymentPending); e.Remedies[0].Purchase != id {
						t.Errorf("remedies %v", e.Remedies)
					}
				}
				if _, err := l.Tick(s.ctx); err != nil {
					t.Error(err)
				}
				if _, err := l.Do(s.ctx, acme, "b", credits.Buy{Pack: "extra", Amount: n("1000")}); !errors.Is(err, credits.PaymentPending) {
					t.Errorf("P-5: something else was bought before it is resolved: %v", err)
				}
				if err := s.settle(id, credits.Paid); err != nil {
					t.Fatal(err)
				}
				s.ask("k", p.command, nil)
				s.took("0.00 USD")
			})
		}
	}
}

func TestUnknownComesFirst(t *testing.T) {
	t.Run("P-5/nothing is bought before an unknown outcome is resolved", func(t *testing.T) {
		for _, a := range purchasers() {
			for _, b := range purchasers() {
				s := till(t)
				s.undecided("k", a.command)
				_, err := s.with(s.store, answers(lost)).Do(s.ctx, acme, "x", b.command)
				if !open(err) {
					t.Errorf("%s, then %s: %v", a.name, b.name, err)
				}
				s.opens(1)
				if _, err := s.ledger.Do(s.ctx, acme, "x", b.command); err != nil {
					t.Errorf("%s, then %s: %v", a.name, b.name, err)
				}
				if charges := s.provider.Charges(); charges[0].Money != cash(a.price) {
					t.Errorf("%s, then %s: asked for %v first", a.name, b.name, charges[0].Money)
				}
			}
		}
	})
	t.Run("MK-10, P-5/one that waits for its payer does not switch the trigger off", func(t *testing.T) {
		s := till(t)
		s.provider.Next(creditstest.AskPayer)
		refusal(t, s.askErr("k", credits.Buy{Pack: "extra", Amount: n("1000")}), credits.PaymentPending)
		s.must(credits.Spend{Amount: n("20000")})
		s.has("10000")
		s.must(credits.Buy{Pack: "extra", Amount: n("1000")})
		s.opens(1)
	})
	t.Run("P-3/one open automatic purchase", func(t *testing.T) {
		s := till(t)
		s.provider.Next(creditstest.AskPayer)
		s.must(credits.Spend{Amount: n("20000")})
		for range 3 {
			s.no(credits.Spend{Amount: 1}, credits.PaymentPending)
			s.must(card)
		}
		s.opens(1)
	})
}

func TestShortAgain(t *testing.T) {
	// While a spend waits, others spend what was bought for it.
	for _, tt := range []struct {
		name   string
		thefts int
		want   error
		taken  string
	}{
		{"P-3/it buys once more", 1, nil, "23.40 USD"},
		{"P-3/and no more than once more", 2, credits.Insufficient, "23.40 USD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, "2026-01-01", tier("80000"))
			s.must(credits.SetAutoPurchase{On: true})
			thefts := tt.thefts
			stealing := after{s.store, func() {
				if w := s.wallet(); w.Available() > n("80000") && thefts > 0 {
					thefts--
					if _, err := s.ledger.Do(s.ctx, acme, s.key(), credits.Spend{Amount: n("10000")}); err != nil {
						t.Error(err)
					}
				}
			}}
			_, err := s.with(stealing, s.provider).Do(s.ctx, acme, "k", credits.Spend{Amount: n("85000")})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			s.took(tt.taken)
		})
	}
}

func TestPurchasesUnderLoad(t *testing.T) {
	// 8 clients on two ledgers, a store and a provider that fail now and then:
	// what was taken is what was delivered.
	const clients, each = 8, 30
	s := newShop(t, "2026-01-01", tier("80000", func(p *credits.Plan) { p.Auto.Size, p.Auto.Limit = n("1000"), credits.Unlimited }))
	s.must(credits.SetAutoPurchase{On: true}, credits.Spend{Amount: n("79999")})
	random := seeded(t)
	var mu sync.Mutex
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	flaky := storetest.Faulty(s.store, func(int, string) storetest.Fault {
		if draw(8) == 0 {
			return faults()[draw(len(faults()))]
		}
		return 0
	})
	provider := chargerFunc(func(ctx context.Context, c credits.Charge) (credits.Payment, error) {
		if draw(4) == 0 {
			s.provider.Next([]creditstest.Answer{creditstest.LoseBefore, creditstest.LoseAfter, creditstest.Panic}[draw(3)])
		}
		return s.provider.Charge(ctx, c)
	})
	ledgers := []*credits.Ledger{s.with(flaky, provider), s.with(flaky, provider)}
	spent := make([]credits.Amount, clients)
	for i, err := range parallel(clients, func(i int) error {
		for j := range each {
			key, l := credits.Key(fmt.Sprintf("%d-%d", i, j)), ledgers[i%2]
			var c credits.Command = credits.Spend{Amount: n("150")}
			if j%5 == 4 {
				c = credits.Buy{Pack: "extra", Amount: n("1000")}
			}
			err := untilKnown(func() error { _, err := l.Do(s.ctx, acme, key, c); return err })
			switch {
			case errors.Is(err, credits.Insufficient): // others were quicker, twice
			case err != nil:
				return fmt.Errorf("%s: %w", key, err)
			case j%5 != 4:
				spent[i] += n("150")
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	for range 3 {
		_, _ = s.ledger.Tick(s.ctx)
	}
	s.opens(0)
	var charged credits.Money
	got := n("1")
	for _, e := range s.bought() {
		charged, _ = charged.Add(e.Charge)
		got += e.Opens.Amount
	}
	for _, a := range spent {
		got -= a
	}
	if taken := s.provider.Taken("USD"); taken != charged {
		t.Errorf("P-1: taken %v, delivered for %v", taken, charged)
	}
	if diff := cmp.Diff(got, s.wallet().Available()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}
