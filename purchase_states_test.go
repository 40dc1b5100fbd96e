package credits_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store"
)

// purchaser is a command that has to buy 10,000 credits for 9 or 11.70 USD
// before it is done.
type purchaser struct {
	name    string
	command credits.Command
	other   credits.Command // of the same verb
	field   string          // in which it differs
	auto    bool
	price   string
}

// purchasers are the commands whose key is bound to an intent.
func purchasers() []purchaser {
	return []purchaser{
		{"buy", credits.Buy{Pack: "extra", Amount: n("10000")}, credits.Buy{Pack: "extra", Amount: n("20000")}, "amount", false, "9.00 USD"},
		{"spend", credits.Spend{Amount: n("20001")}, credits.Spend{Amount: n("20002")}, "amount", true, "11.70 USD"},
		{"reserve", credits.Reserve{Amount: n("20001"), Until: day("2026-02-01")}, credits.Reserve{Amount: n("20001"), Until: day("2026-02-02")}, "until", true, "11.70 USD"},
		{"units", credits.SetUnits{AddOn: "more", Units: 2}, credits.SetUnits{AddOn: "more", Units: 3}, "units", false, "10.00 USD"},
	}
}

// till returns a shop of 20,000 credits where a purchaser can buy.
func till(t *testing.T) *shop {
	s := newShop(t, "2026-01-10", tier("20000", func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{ID: "more", Price: cash("5.00 USD"), Allowances: []credits.Allowance{{Amount: n("5000")}}}}
	}))
	s.must(credits.SetAutoPurchase{On: true})
	return s
}

// intended has a purchaser's intent written, and its process end before anybody is asked.
func (s *shop) intended(key credits.Key, c credits.Command) credits.ID {
	s.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	_, err := s.with(after{s.store, cancel}, silent(s.T)).Do(ctx, acme, key, c)
	if !open(err) || !errors.Is(err, context.Canceled) {
		s.Fatalf("got %v, want that it was not done", err)
	}
	p := s.open1()
	if p.Payment.State != credits.Intended {
		s.Fatalf("purchase %d is %v", p.ID, p.Payment.State)
	}
	return p.ID
}

// after is a store that calls a function after each commit.
type after struct {
	store.Store
	do func()
}

func (s after) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	kept, err := s.Store.Commit(ctx, writes...)
	s.do()
	return kept, err
}

// TestStatesByWebhook tells every sequence of up to three states of a purchase.
// P-1, P-2: credits appear at the first paid, once; paid is final; what is open
// stays open until it is told otherwise.
func TestStatesByWebhook(t *testing.T) {
	states := []credits.PaymentState{credits.ActionRequired, credits.Unknown, credits.Paid, credits.Declined, credits.Abandoned}
	var paths [][]credits.PaymentState
	for _, a := range states {
		for _, b := range states {
			for _, c := range states {
				paths = append(paths, []credits.PaymentState{a, b, c})
			}
		}
	}
	for _, p := range purchasers() {
		for _, path := range paths {
			t.Run(fmt.Sprintf("P-1/%s/%v", p.name, path), func(t *testing.T) {
				s := till(t)
				id := s.intended("k", p.command)
				s.follow(id, path)
				s.outcome(p, path)
			})
		}
	}
}

// follow tells the states of a path and expects what follows from each.
func (s *shop) follow(id credits.ID, path []credits.PaymentState) {
	s.Helper()
	paid, open := false, true
	for i, told := range path {
		err := s.settle(id, told)
		if paid && told != credits.Paid {
			if !errors.Is(err, credits.Ended) {
				s.Errorf("step %d: %v after paid: %v", i, told, err)
			}
			continue
		}
		if err != nil {
			s.Fatalf("step %d: %v: %v", i, told, err)
		}
		paid = paid || told == credits.Paid
		open = open && told.Open()
		want := "20000"
		if paid {
			want = "30000"
		}
		s.has(want)
		if open {
			s.opens(1)
			if got := s.open1().Payment.State; got != told {
				s.Errorf("step %d: it is %v, want %v", i, got, told)
			}
		} else {
			s.opens(0)
		}
	}
}

// outcome expects what a purchaser gets under its key after a path, by now on
// another ledger, and again.
func (s *shop) outcome(p purchaser, path []credits.PaymentState) {
	s.Helper()
	first := credits.Abandoned // what decided it first
	for _, told := range path {
		if !told.Open() {
			first = told
			break
		}
		first = told
	}
	paid := strings.Contains(fmt.Sprint(path), "paid")
	for again := range 2 {
		r, err := s.ledger.Do(s.ctx, acme, "k", p.command)
		switch {
		case first == credits.Declined: // a fact, whatever was told later
			e := refusal(s.T, err, credits.PaymentFailed)
			if !e.Kept {
				s.Errorf("S-4: not kept: %v", e)
			}
		case err != nil:
			s.Fatalf("again %d: %v", again, err)
		case again == 1 && !r.Replayed:
			s.Errorf("I-1: the second is no replay")
		}
	}
	checkInvalid(s.T, s.askErr("k", p.other), p.field, credits.ErrKeyReused)
	charged := 0 // by the shop's provider: once it has to buy anew, or it was open and is asked
	if !paid && first != credits.Declined {
		charged = 1
	}
	if got := len(s.provider.Charges()); got != charged {
		s.Errorf("the provider was asked %d times, want %d", got, charged)
	}
	lots := 0
	for _, e := range s.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindPurchased, credits.KindUnitsSet}}) {
		if e.Charge != cash(p.price) {
			s.Errorf("P-2: charge %v, want %s", e.Charge, p.price)
		}
		lots++
	}
	if want := charged + map[bool]int{true: 1}[paid]; lots != want {
		s.Errorf("P-2: delivered %d times, want %d", lots, want)
	}
	s.verify()
}

func TestAskedOnceMore(t *testing.T) {
	// By whom an undecided purchase is decided: the same key, Tick, or whoever
	// else needs it.
	by := []struct {
		name string
		do   func(s *shop, p purchaser)
	}{
		{"by its key", func(s *shop, p purchaser) { _, _ = s.ledger.Do(s.ctx, acme, "k", p.command) }},
		{"by Tick", func(s *shop, _ purchaser) { s.tick() }},
		{"by another that buys", func(s *shop, _ purchaser) {
			_, _ = s.ledger.Do(s.ctx, acme, "x", credits.Buy{Pack: "extra", Amount: n("1000")})
		}},
	}
	tests := []struct {
		state credits.PaymentState
		want  error
	}{
		{credits.Paid, nil},
		{credits.Declined, credits.PaymentFailed},
		{credits.ActionRequired, credits.PaymentPending},
		{lost, credits.ErrRetry},
	}
	for _, p := range purchasers() {
		for _, b := range by {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("P-1/%s/%s %v", p.name, b.name, tt.state), func(t *testing.T) {
					s := till(t)
					id := s.undecided("k", p.command)
					key := s.open1().ChargeKey
					var asked []credits.Charge
					s.ledger = s.with(s.store, chargerFunc(func(ctx context.Context, c credits.Charge) (credits.Payment, error) {
						asked = append(asked, c)
						return answers(tt.state).Charge(ctx, c)
					}))
					if b.name == "by Tick" && tt.state == lost {
						if _, err := s.ledger.Tick(s.ctx); !open(err) {
							t.Errorf("tick: %v", err)
						}
					} else {
						b.do(s, p)
					}
					want := credits.Charge{Key: key, Wallet: acme, Purchase: id, Money: cash(p.price), Method: card.Method, Intended: day("2026-01-10")}
					if diff := cmp.Diff(want, asked[0]); diff != "" {
						t.Errorf("P-1: asked for (-want +got):\n%s", diff)
					}
					_, err := s.ledger.Do(s.ctx, acme, "k", p.command)
					if !errors.Is(err, tt.want) && !(tt.want == credits.ErrRetry && open(err)) {
						t.Errorf("then its key: %v, want %v", err, tt.want)
					}
					s.verify()
				})
			}
		}
	}
}

func TestAbandoned(t *testing.T) {
	for _, p := range purchasers() {
		for _, state := range []credits.PaymentState{credits.Intended, credits.ActionRequired, credits.Unknown} {
			t.Run(fmt.Sprintf("P-1/%s/24 h after it was %v", p.name, state), func(t *testing.T) {
				s := till(t)
				id := s.intended("k", p.command)
				if state != credits.Intended {
					if err := s.settle(id, state); err != nil {
						t.Fatal(err)
					}
				}
				s.later(24*time.Hour - time.Microsecond)
				s.opens(1)
				s.later(time.Microsecond)
				s.opens(0)
				s.ledger = s.with(s.store, silent(t))
				if s.tick() != 1 {
					t.Error("nothing was written")
				}
				last := s.history(acme, credits.HistoryQuery{Newest: true, Limit: 1})[0]
				if last.Kind != credits.KindSettled || last.Payment.State != credits.Abandoned || !last.At.Equal(day("2026-01-11")) || last.Key != "" {
					t.Errorf("%+v", last)
				}
				if a := s.wallet().AutoPurchase(); a.Suspended || a.Bought != 0 {
					t.Errorf("P-5: %+v", a)
				}
				s.ledger = s.with(s.store, s.provider)
				s.ask("k", p.command, nil) // a new intent
				if err := s.settle(id, credits.Paid); err != nil {
					t.Fatal(err)
				}
				s.ask("k", p.command, nil)
				s.took(p.price)
				checkInvalid(t, s.askErr("k", p.other), p.field, credits.ErrKeyReused)
			})
			t.Run(fmt.Sprintf("P-1/%s/paid after 24 h that nobody wrote, it was %v", p.name, state), func(t *testing.T) {
				s := till(t)
				id := s.intended("k", p.command)
				s.later(24 * time.Hour)
				if err := s.settle(id, credits.Paid); err != nil {
					t.Fatal(err)
				}
				s.has("30000")
				r := s.ask("k", p.command, nil)
				if p.auto == r.Replayed { // what was paid for serves it now; a spend is decided afresh
					t.Errorf("replayed %v", r.Replayed)
				}
				s.took("0.00 USD")
			})
		}
	}
}

func TestTwoIntentsUnderOneKey(t *testing.T) {
	// The first was abandoned and is paid late, while the second is undecided.
	for _, p := range purchasers() {
		for _, order := range []string{"the first is paid, then the second", "the second is paid, then the first"} {
			t.Run("P-1/"+p.name+"/"+order, func(t *testing.T) {
				s := till(t)
				first := s.intended("k", p.command)
				s.later(24 * time.Hour)
				second := s.undecided("k", p.command)
				if first == second {
					t.Fatal("no new intent")
				}
				if strings.HasPrefix(order, "the second") {
					first, second = second, first
				}
				for _, id := range []credits.ID{first, second} {
					ctx, cancel := context.WithCancel(s.ctx)
					tries := 0
					l := s.with(after{s.store, func() {
						if tries++; tries > 5 {
							cancel()
						}
					}}, s.provider)
					_, err := l.Do(ctx, acme, s.key(), credits.Settle{Purchase: id, Payment: credits.Payment{State: credits.Paid}})
					cancel()
					if err != nil {
						t.Fatalf("purchase %d: %v", id, err)
					}
				}
				s.has("40000")
				s.ask("k", p.command, nil)
				if r := s.ask("k", p.command, nil); !r.Replayed {
					t.Error("no replay")
				}
				s.took("0.00 USD")
			})
		}
	}
}

func TestKeyInFlight(t *testing.T) {
	for _, p := range purchasers() {
		t.Run("P-3, I-1/"+p.name+"/another command under the key", func(t *testing.T) {
			s := till(t)
			id := s.undecided("k", p.command)
			s.ledger = s.with(s.store, silent(t))
			checkInvalid(t, s.askErr("k", p.other), p.field, credits.ErrKeyReused)
			checkInvalid(t, s.askErr("k", credits.Grant{Amount: 1}), "command", credits.ErrKeyReused)
			if _, err := s.ledger.Receipt(s.ctx, acme, "k"); !errors.Is(err, credits.ErrNotFound) {
				t.Errorf("P-3: it has a receipt: %v", err)
			}
			if _, err := s.ledger.Preview(s.ctx, acme, "k", p.command); !errors.Is(err, credits.PaymentPending) {
				t.Errorf("preview: %v", err)
			}
			s.opens(1)
			if got := s.open1().ID; got != id {
				t.Errorf("purchase %d, was %d", got, id)
			}
		})
		t.Run("P-3, I-1/"+p.name+"/another actor under the key", func(t *testing.T) {
			s := till(t)
			s.undecided("k", p.command)
			l := s.with(s.store, silent(t)).As(credits.Actor{ID: "bob"})
			_, err := l.Do(s.ctx, acme, "k", p.command)
			checkInvalid(t, err, "actor.id", credits.ErrKeyReused)
		})
		t.Run("P-3, S-4/"+p.name+"/the payer has something to do", func(t *testing.T) {
			s := till(t)
			s.provider.Next(creditstest.AskPayer)
			for range 2 {
				e := refusal(t, s.askErr("k", p.command), credits.PaymentPending)
				open := s.open1()
				want := []credits.Remedy{{Kind: credits.RemedyFinish, Purchase: open.ID, URL: "https://pay.example/" + open.ChargeKey, Price: cash(p.price)}}
				if diff := cmp.Diff(want, e.Remedies); diff != "" || e.Kept {
					t.Errorf("kept %v, remedies (-want +got):\n%s", e.Kept, diff)
				}
			}
			s.has("20000")
			s.provider.Pay(s.open1().ChargeKey)
			s.tick()
			s.has("30000")
			s.ask("k", p.command, nil)
			s.took(p.price)
		})
	}
	t.Run("P-1/the payer's page moves", func(t *testing.T) {
		s := till(t)
		url := "u1"
		s.ledger = s.with(s.store, chargerFunc(func(context.Context, credits.Charge) (credits.Payment, error) {
			if url == "" {
				return credits.Payment{}, errors.New("lost")
			}
			return credits.Payment{State: credits.ActionRequired, URL: url}, nil
		}))
		for _, url = range []string{"u1", "u2", "", "u1", "u1", "", "u2"} {
			err := s.askErr("k", purchasers()[0].command)
			if url == "" {
				if !open(err) || s.open1().Payment.State != credits.Unknown {
					t.Errorf("lost: %v, %v", err, s.open1().Payment)
				}
				continue
			}
			if e := refusal(t, err, credits.PaymentPending); e.Remedies[0].URL != url {
				t.Errorf("%q: %v", url, e.Remedies)
			}
		}
	})
}

func TestPurchaseNotKnown(t *testing.T) {
	s := till(t)
	paid := credits.Payment{State: credits.Paid}
	for _, id := range []credits.ID{0, 1, 4, 99} {
		checkInvalid(t, s.askErr("k", credits.Settle{Purchase: id, Payment: paid}), "purchase", credits.ErrNotFound)
	}
	id := s.intended("b", purchasers()[0].command)
	for _, state := range []credits.PaymentState{0, credits.Intended, 7, 255} {
		checkInvalid(t, s.askErr("k", credits.Settle{Purchase: id, Payment: credits.Payment{State: state}}), "payment.state", nil)
	}
	long := strings.Repeat("x", 1025)
	for field, p := range map[string]credits.Payment{
		"payment.ref":    {State: credits.Paid, Ref: long[:256]},
		"payment.reason": {State: credits.Declined, Reason: long},
		"payment.url":    {State: credits.ActionRequired, URL: long},
	} {
		checkInvalid(t, s.askErr("k", credits.Settle{Purchase: id, Payment: p}), field, credits.ErrLimit)
	}
	t.Run("P-2/told under one key, and under another", func(t *testing.T) {
		settle := credits.Settle{Purchase: id, Payment: paid}
		if r := s.ask("w", settle, nil); r.ID != id || r.Charge != cash("9.00 USD") {
			t.Errorf("%+v", r)
		}
		if r := s.ask("w", settle, nil); !r.Replayed {
			t.Error("no replay")
		}
		s.ask("w2", settle, nil)
		s.has("30000")
	})
	t.Run("P-1/charge keys", func(t *testing.T) {
		s := newUncheckedShop(t, "2026-01-01", tier("20000"))
		odd := credits.WalletID("a/b/7/é")
		for _, c := range []credits.Command{credits.Open{Plan: tier("20000")}, card, purchasers()[0].command} {
			if _, err := s.ledger.Do(s.ctx, odd, s.key(), c); err != nil {
				t.Fatal(err)
			}
		}
		c := s.provider.Charges()[0]
		if wallet, id, err := credits.ParseChargeKey(c.Key); wallet != odd || id != c.Purchase || err != nil {
			t.Errorf("%q is %q, %d, %v", c.Key, wallet, id, err)
		}
		for _, bad := range []string{"", "acme", "acme/1", "/1/ff", "acme/0/ff", "acme/x/ff"} {
			if _, _, err := credits.ParseChargeKey(bad); !errors.Is(err, credits.ErrInvalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}
