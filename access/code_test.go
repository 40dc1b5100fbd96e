package access_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/access"
	"example.com/credits/creditstest"
)

// toPlus is the command that takes a code on the marketplace's Free package.
func toPlus(by map[string]credits.Plan) credits.Subscribe { return credits.Subscribe{Plan: by["plus"]} }

// A code confirms what was asked, once, within ten minutes.
func TestCodeLife(t *testing.T) {
	_, by := marketplace(t)
	tests := []struct {
		name  string
		after time.Duration
		want  error
	}{
		{"CF-05/at once", 0, nil},
		{"CF-05/at 9:59.999999", 10*time.Minute - time.Microsecond, nil},
		{"CF-05/at 10:00.000000", 10 * time.Minute, credits.CodeStale},
		{"CF-05/a month later", 31 * 24 * time.Hour, credits.CodeStale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Must(acme, credits.Open{Plan: by["free"]})
			request, code := w.ask(ann, toPlus(by))
			w.Until(w.Clock.Now().Add(tt.after))
			if tt.want != nil {
				w.denied(ann, request, code, credits.CodeStale)
				w.Want(acme, 50*credits.Credit)
				return
			}
			receipt := w.confirm(ann, request, code)
			w.Want(acme, 2050*credits.Credit)
			if want := (credits.Money{Micros: 60_000_000, Currency: "USD"}); receipt.Charge != want {
				t.Errorf("got a charge of %v, want %v", receipt.Charge, want)
			}
			w.denied(ann, request, code, credits.CodeStale)
		})
	}
}

// CF-05: before the confirmation no plan, balance or grant has changed: of what is stored only the request
// is new. After it all have, together.
func TestCodeChangesNothingBefore(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	before, stored := w.wallet(), w.dump()
	request, code := w.ask(ann, toPlus(by))
	w.denied(ann, request, another(code), credits.CodeWrong)
	asked := w.wallet()
	was, _ := before.Plan()
	is, _ := asked.Plan()
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("CF-05: the plan changed before the confirmation:\n%s", diff)
	}
	if diff := cmp.Diff(slices.Collect(before.Lots()), slices.Collect(asked.Lots())); diff != "" {
		t.Errorf("CF-05: the lots changed before the confirmation:\n%s", diff)
	}
	if diff := cmp.Diff(before.Balance("", ""), asked.Balance("", "")); diff != "" {
		t.Errorf("CF-05: the balance changed before the confirmation:\n%s", diff)
	}
	const head, requests = "acme/part 0", "acme/part 3"
	for where, what := range w.dump() {
		if was, ok := stored[where]; where != head && where != requests && ok && was != what {
			t.Errorf("CF-05: %s changed before the confirmation", where)
		}
		if _, ok := stored[where]; !ok && where != requests && !strings.Contains(where, "/entry ") {
			t.Errorf("CF-05: %s is there before the confirmation", where)
		}
	}
	w.Later("1m")
	receipt := w.confirm(ann, request, code)
	after := w.wallet()
	if p, _ := after.Plan(); p.ID != "plus" || after.Available() != 2050*credits.Credit || after.Balance("", "").Granted != 2000*credits.Credit {
		t.Errorf("CF-05: after the confirmation the wallet has %s and %v", p.ID, after)
	}
	for _, e := range receipt.Entries {
		if e.Key != receipt.Key || e.Actor != ann {
			t.Errorf("CF-05: entry %d is of %v under %q, not of the confirmation", e.Seq, e.Actor, e.Key)
		}
	}
	if n := len(slices.Collect(after.Requests())); n != 0 {
		t.Errorf("%d requests are left", n)
	}
}

// The fifth wrong attempt burns a code.
func TestCodeBurns(t *testing.T) {
	_, by := marketplace(t)
	for _, wrong := range []int{0, 1, 4, 5, 6} {
		t.Run(fmt.Sprintf("CF-05/%d wrong ones", wrong), func(t *testing.T) {
			w := newWorld(t)
			w.Must(acme, credits.Open{Plan: by["free"]})
			request, code := w.ask(ann, toPlus(by))
			for i := range wrong {
				want := credits.CodeWrong
				if i >= 5 {
					want = credits.CodeStale
				}
				w.denied(ann, request, another(code), want)
			}
			if wrong < 5 {
				w.confirm(ann, request, code)
				return
			}
			w.denied(ann, request, code, credits.CodeStale)
			if q := slices.Collect(w.wallet().Requests()); q[0].Wrong != wrong+1 {
				t.Errorf("%d attempts are counted, want %d", q[0].Wrong, wrong+1)
			}
			if _, _, err := w.desk.As(ann).Ask(ctx, acme, w.key(), toPlus(by)); !errors.Is(err, credits.CodeStale) {
				t.Errorf("a burnt code was given out anew: %v", err)
			}
			w.Later("10m")
			request, code = w.ask(ann, toPlus(by))
			w.confirm(ann, request, code)
		})
	}
}

// CF-05: ten wrong attempts at once count ten, and the right one after them is stale.
func TestCodeParallel(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	request, code := w.ask(ann, toPlus(by))
	var all sync.WaitGroup
	var mu sync.Mutex
	told := map[credits.Reason]int{}
	start := make(chan struct{})
	for i := range 10 {
		all.Go(func() {
			<-start
			_, err := w.desk.As(ann).Confirm(ctx, acme, credits.Key(fmt.Sprintf("guess-%d", i)), request, another(code))
			var refused *credits.RefusedError
			mu.Lock()
			defer mu.Unlock()
			if !errors.As(err, &refused) {
				t.Errorf("attempt %d: %v", i, err)
				return
			}
			told[refused.Reason]++
		})
	}
	close(start)
	all.Wait()
	if want := (map[credits.Reason]int{credits.CodeWrong: 5, credits.CodeStale: 5}); !cmp.Equal(told, want) {
		t.Errorf("CF-05: ten attempts were told %v, want %v", told, want)
	}
	if q := slices.Collect(w.wallet().Requests()); q[0].Wrong != 10 {
		t.Errorf("CF-05: %d attempts are counted, want 10", q[0].Wrong)
	}
	w.denied(ann, request, code, credits.CodeStale)
}

// A code is for one actor, action, plan version and price.
func TestCodeIsBound(t *testing.T) {
	_, by := marketplace(t)
	rules := append(slices.Clone(by["plus"].Access), credits.Rule{Action: credits.ActCancel, Via: credits.ByCode})
	open := func(t *testing.T) *world {
		w := newWorld(t)
		p := by["free"]
		p.Access = append(slices.Clone(p.Access), rules...)
		w.Must(acme, credits.Open{Plan: p})
		return w
	}
	t.Run("CF-05/to the actor", func(t *testing.T) {
		w := open(t)
		request, code := w.ask(ann, toPlus(by))
		w.denied(credits.Actor{ID: "carl", Role: credits.Administrator}, request, code, credits.CodeWrong)
		w.denied(credits.Actor{ID: "ann", Role: credits.Member}, request, code, credits.NotPermitted)
		w.confirm(ann, request, code)
	})
	t.Run("CF-05/to the wallet", func(t *testing.T) {
		w := open(t)
		w.Must("other", credits.Open{Plan: by["free"]})
		w.ask(ann, toPlus(by))
		receipt, code, err := w.desk.As(ann).Ask(ctx, "other", "key-1", toPlus(by)) // the key of the first
		if err != nil {
			t.Fatal(err)
		}
		w.denied(ann, receipt.ID, code, credits.CodeWrong)
	})
	t.Run("CF-05/to the action", func(t *testing.T) {
		w := open(t)
		plus, _ := w.ask(ann, toPlus(by))
		cancel, code := w.ask(ann, credits.Cancel{When: credits.AtCycle})
		if plus == cancel {
			t.Fatalf("two actions are one request")
		}
		w.denied(ann, plus, code, credits.CodeWrong)
		w.confirm(ann, cancel, code)
	})
	for _, tt := range []struct {
		name   string
		change func(*credits.Plan)
	}{
		{"CF-05/to the plan version", func(p *credits.Plan) { p.Version = 2 }},
		{"CF-05/to the price", func(p *credits.Plan) { p.Price.Micros += 10_000 }},
		{"CF-05/to the plan's content", func(p *credits.Plan) { p.Allowances = []credits.Allowance{{Amount: 1}} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := open(t)
			first, code := w.ask(ann, toPlus(by))
			p := by["plus"]
			tt.change(&p)
			second, next := w.ask(ann, credits.Subscribe{Plan: p})
			if first != second {
				t.Errorf("the wallet has two open codes for one verb")
			}
			if next != code {
				w.denied(ann, second, code, credits.CodeWrong)
			}
			w.confirm(ann, second, next)
			if got, _ := w.wallet().Plan(); got.Version != p.Version || got.Price != p.Price {
				t.Errorf("got version %d for %v", got.Version, got.Price)
			}
		})
	}
	t.Run("CF-05/P-8/a price that changes before the confirmation", func(t *testing.T) {
		w := open(t)
		p := by["plus"]
		p.Version, p.Price.Micros = 2, 70_000_000
		request, code := w.ask(ann, credits.Subscribe{Plan: p})
		w.Must(acme, toPlus(by)) // meanwhile, by the host: version 2 costs 10.00 more, not 70.00
		w.denied(ann, request, code, credits.QuoteStale)
	})
}

// I-1: the same call with the same key has the same outcome, whatever happened meanwhile.
func TestCodeReplays(t *testing.T) {
	_, by := marketplace(t)
	setup := func(t *testing.T) *world {
		w := newWorld(t)
		w.Must(acme, credits.Open{Plan: by["free"]})
		return w
	}
	t.Run("I-1/CF-05/asked", func(t *testing.T) {
		w := setup(t)
		first, code, err := w.desk.As(ann).Ask(ctx, acme, "ask", toPlus(by))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w.Later("7m")
			again, same, err := w.desk.As(ann).Ask(ctx, acme, "ask", toPlus(by))
			if err != nil || !again.Replayed || again.ID != first.ID || same != code {
				t.Errorf("got request %d (replayed %v) and %v; is the code the same: %v", again.ID, again.Replayed, err, same == code)
			}
		}
		if _, _, err := w.desk.As(ann).Ask(ctx, acme, "ask", credits.Cancel{}); !errors.Is(err, credits.ErrKeyReused) {
			t.Errorf("another command under the key: %v", err)
		}
		if _, _, err := w.desk.As(bob).Ask(ctx, acme, "ask", toPlus(by)); !errors.Is(err, credits.ErrKeyReused) {
			t.Errorf("another actor under the key: %v", err)
		}
	})
	t.Run("I-1/CF-05/asked by two at once", func(t *testing.T) {
		w := setup(t)
		codes := make([]string, 8)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() {
				var err error
				if _, codes[i], err = w.desk.As(ann).Ask(ctx, acme, "ask", toPlus(by)); err != nil {
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if len(slices.Compact(codes)) != 1 {
			t.Errorf("one key gave several codes")
		}
	})
	t.Run("I-1/CF-05/wrong", func(t *testing.T) {
		w := setup(t)
		request, code := w.ask(ann, toPlus(by))
		desk := w.desk.As(ann)
		_, first := desk.Confirm(ctx, acme, "guess", request, another(code))
		p := by["plus"]
		p.Version = 2
		w.ask(ann, credits.Subscribe{Plan: p}) // something else in its place
		_, again := desk.Confirm(ctx, acme, "guess", request, another(code))
		if !errors.Is(first, credits.CodeWrong) || again == nil || first.Error() != again.Error() {
			t.Errorf("got %v and then %v", first, again)
		}
		if q := slices.Collect(w.wallet().Requests()); q[0].Wrong != 1 {
			t.Errorf("the same attempt counts %d", q[0].Wrong)
		}
		if _, err := desk.Confirm(ctx, acme, "guess", request, code); !errors.Is(err, credits.ErrKeyReused) {
			t.Errorf("the right code under the key of a wrong one: %v", err)
		}
	})
	t.Run("I-1/CF-05/confirmed", func(t *testing.T) {
		w := setup(t)
		request, code := w.ask(ann, toPlus(by))
		desk := w.desk.As(ann)
		first, err := desk.Confirm(ctx, acme, "confirm", request, code)
		if err != nil {
			t.Fatal(err)
		}
		w.Later("2 months")
		again, err := desk.Confirm(ctx, acme, "confirm", request, code)
		if err != nil || !again.Replayed || again.ID != first.ID || again.Charge != first.Charge {
			t.Errorf("got %+v and %v", again, err)
		}
		if _, err := desk.Confirm(ctx, acme, "confirm", request, another(code)); !errors.Is(err, credits.ErrKeyReused) {
			t.Errorf("a wrong code under the key of the right one: %v", err)
		}
	})
}

// CF-05: nothing that is stored has the code, nor a hash of it that anybody can make.
func TestCodeIsNotStored(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	var codes []string
	for range 3 {
		request, code := w.ask(ann, toPlus(by))
		w.denied(ann, request, another(code), credits.CodeWrong)
		if codes = append(codes, code); len(codes) == 3 {
			w.confirm(ann, request, code)
		}
	}
	for where, what := range w.dump() {
		for _, code := range codes {
			sum := sha256.Sum256([]byte(code))
			hexed := fmt.Sprintf("%x", sum)
			for _, form := range []string{code, string(sum[:]), string(sum[:16]), hexed} {
				if strings.Contains(what, form) {
					t.Errorf("CF-05: %s has the code, as %q", where, form)
				}
			}
		}
	}
}

// CF-05: codes are six digits, each as likely as any other, and of the secret.
func TestCodeForm(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	other, err := access.New(w.Ledger, []byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	var first [10]int
	same := 0
	const codes = 500
	for i := range codes {
		_, code := w.ask(ann, toPlus(by))
		if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("CF-05: %q is not six digits", code)
		}
		first[code[0]-'0']++
		_, elsewhere, err := other.As(ann).Ask(ctx, acme, credits.Key(fmt.Sprintf("other-%d", i)), toPlus(by))
		if err != nil {
			t.Fatal(err)
		}
		if elsewhere == code {
			same++
		}
	}
	for digit, n := range first {
		if n < codes/10/2 || n > codes/10*2 {
			t.Errorf("CF-05: %d of %d codes begin with %d", n, codes, digit)
		}
	}
	if same > 2 {
		t.Errorf("CF-05: two secrets give %d of %d codes alike", same, codes)
	}
}

// What a desk is given that makes no sense.
func TestDeskInput(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	request, code := w.ask(ann, toPlus(by))
	desk := w.desk.As(ann)
	for _, bad := range []string{"", "12345", "1234567", "12345a", "12 345", "１２３４５６"} {
		_, err := desk.Confirm(ctx, acme, "confirm", request, bad)
		var invalid *credits.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "code" || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("code %q: %v", bad, err)
		}
	}
	for _, id := range []credits.ID{0, 1, request + 1, 1 << 63} {
		if _, err := desk.Confirm(ctx, acme, "confirm", id, code); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("request %d: %v", id, err)
		}
	}
	if _, err := desk.Confirm(ctx, "nobody", "confirm", request, code); !errors.Is(err, credits.ErrNotFound) {
		t.Errorf("a wallet that is not open: %v", err)
	}
	if _, _, err := desk.Ask(ctx, "nobody", "ask", toPlus(by)); !errors.Is(err, credits.ErrNotFound) {
		t.Errorf("a wallet that is not open: %v", err)
	}
	var none *credits.Subscribe
	for name, cmd := range map[string]credits.Command{
		"none": nil, "a nil pointer": none, "an ask": credits.Ask{About: "plus"}, "a spend": credits.Spend{Amount: 1},
		"with a note": credits.Subscribe{Plan: by["plus"], Note: credits.Note{Ref: "x"}},
	} {
		if _, _, err := desk.Ask(ctx, acme, "ask", cmd); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plus := toPlus(by)
	if _, _, err := desk.Ask(ctx, acme, "pointer", &plus); err != nil {
		t.Errorf("a pointer to a command: %v", err)
	}
	if _, err := access.New(w.Ledger, secret[:31]); !errors.Is(err, credits.ErrInvalid) {
		t.Errorf("a secret of 31 bytes: %v", err)
	}
	if q := slices.Collect(w.wallet().Requests()); len(q) != 1 || q[0].Wrong != 0 {
		t.Errorf("got %+v, want one request and no attempt counted", q)
	}
}

// CF-05: who may not have it with a code gets none, and no request is filed.
func TestCodeIsNotGivenOut(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	before := w.dump()
	for _, tt := range []struct {
		name  string
		actor credits.Actor
		cmd   credits.Command
		want  credits.Reason
	}{
		{"CF-11/a member", bob, toPlus(by), credits.NotPermitted},
		{"CF-11/on trial", annTrial, toPlus(by), credits.OnTrial},
		{"CF-03/Ultra", ann, credits.Subscribe{Plan: by["ultra"]}, credits.NotSelfService},
		{"CF-13/what takes a request", ann, credits.Deactivate{}, credits.RequestNeeded},
		{"FD-05/an operator's", ann, credits.Grant{Amount: 1}, credits.NotPermitted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, code, err := w.desk.As(tt.actor).Ask(ctx, acme, w.key(), tt.cmd)
			if !errors.Is(err, tt.want) || code != "" {
				t.Errorf("got %v and a code: %v; want %v", err, code != "", tt.want)
			}
		})
	}
	if diff := cmp.Diff(before, w.dump()); diff != "" {
		t.Errorf("the store changed (-before +after):\n%s", diff)
	}
}

// CF-05/P-1: where purchases are paid first, a code confirms one, and the money is taken once.
func TestCodeOfPaidPurchase(t *testing.T) {
	_, by := marketplace(t)
	for name, answer := range map[string]creditstest.Answer{"paid": creditstest.Pay, "declined": creditstest.Decline} {
		t.Run("CF-05/P-1/"+name, func(t *testing.T) {
			w := newWorld(t)
			charger := w.Paid()
			charger.Next(answer)
			desk, err := access.New(w.Ledger, secret)
			if err != nil {
				t.Fatal(err)
			}
			w.desk = desk
			p := by["plus"]
			p.Access = []credits.Rule{{Action: credits.ActBuy, Via: credits.ByCode}}
			w.Must(acme, credits.Open{Plan: p}, credits.Spend{Amount: 2000 * credits.Credit})
			request, code := w.ask(ann, credits.Buy{Pack: "extra", Amount: 500 * credits.Credit})
			for range 2 {
				receipt, err := w.desk.As(ann).Confirm(ctx, acme, "confirm", request, code)
				switch {
				case answer == creditstest.Pay && err != nil:
					t.Fatal(err)
				case answer == creditstest.Pay && receipt.Purchase == 0:
					t.Errorf("got %+v, want the purchase", receipt)
				case answer == creditstest.Decline && !errors.Is(err, credits.PaymentFailed):
					t.Fatalf("got %v, want %v", err, credits.PaymentFailed)
				}
			}
			if n := len(charger.Charges()); n != 1 {
				t.Errorf("the charger was asked %d times", n)
			}
			w.denied(ann, request, code, credits.CodeStale)
		})
	}
}
