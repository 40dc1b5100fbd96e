package access_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"example.com/credits"
	"example.com/credits/access"
	"example.com/credits/creditstest"
	"example.com/credits/store"
)

const acme = credits.WalletID("acme")

var (
	ann      = credits.Actor{ID: "ann", Role: credits.Administrator}
	bob      = credits.Actor{ID: "bob", Role: credits.Member}
	staff    = credits.Actor{ID: "staff-1", Role: credits.Operator}
	annTrial = credits.Actor{ID: "ann", Role: credits.Administrator, Trial: true}
	bobTrial = credits.Actor{ID: "bob", Role: credits.Member, Trial: true}
)

// secret is what the desks of tests make codes from.
var secret = []byte("thirty-two bytes that nobody has")

var ctx = context.Background()

// marketplace returns the plans of the marketplace by ID: free, plus, ultra.
func marketplace(t testing.TB) (plans []credits.Plan, by map[string]credits.Plan) {
	t.Helper()
	data, err := os.ReadFile("../testdata/plans/marketplace.json")
	if err != nil {
		t.Fatal(err)
	}
	if plans, err = credits.ParsePlans(data); err != nil {
		t.Fatal(err)
	}
	by = map[string]credits.Plan{}
	for _, p := range plans {
		by[p.ID] = p
	}
	return plans, by
}

// world is a ledger in memory with a desk.
type world struct {
	*creditstest.World
	*testing.T
	desk *access.Desk
	keys int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := creditstest.New(t)
	desk, err := access.New(w.Ledger, secret)
	if err != nil {
		t.Fatal(err)
	}
	return &world{World: w, T: t, desk: desk}
}

func (w *world) key() credits.Key {
	w.keys++
	return credits.Key(fmt.Sprintf("key-%d", w.keys))
}

// wallet returns acme as it is now.
func (w *world) wallet() credits.Wallet {
	w.Helper()
	v, err := w.World.Wallet(ctx, acme)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// ask asks for a code and returns the request and the code.
func (w *world) ask(actor credits.Actor, cmd credits.Command) (credits.ID, string) {
	w.Helper()
	receipt, code, err := w.desk.As(actor).Ask(ctx, acme, w.key(), cmd)
	if err != nil {
		w.Fatalf("ask: %v", err)
	}
	return receipt.ID, code
}

// confirm confirms a request that it expects to be carried out.
func (w *world) confirm(actor credits.Actor, request credits.ID, code string) credits.Receipt {
	w.Helper()
	receipt, err := w.desk.As(actor).Confirm(ctx, acme, w.key(), request, code)
	if err != nil {
		w.Fatalf("confirm: %v", err)
	}
	return receipt
}

// denied expects that a code is refused, and that no more than the fact is written.
func (w *world) denied(actor credits.Actor, request credits.ID, code string, want credits.Reason) {
	w.Helper()
	before := w.wallet()
	_, err := w.desk.As(actor).Confirm(ctx, acme, w.key(), request, code)
	if !errors.Is(err, want) {
		w.Fatalf("confirm: got %v, want %v", err, want)
	}
	after := w.wallet()
	p, _ := before.Plan()
	q, _ := after.Plan()
	if p.ID != q.ID || before.Available() != after.Available() || after.Seq() > before.Seq()+1 {
		w.Errorf("a refused code changed the wallet from %v to %v", before, after)
	}
}

// dump returns all that the store has.
func (w *world) dump() map[string]string {
	w.Helper()
	out := map[string]string{}
	for h, err := range w.Store().Heads(ctx, store.Filter{}) {
		if err != nil {
			w.Fatal(err)
		}
		st, err := w.Store().Load(ctx, store.Read{Wallet: h.Wallet})
		if err != nil {
			w.Fatal(err)
		}
		for _, p := range st[0].Parts {
			out[fmt.Sprintf("%s/part %d", h.Wallet, p.ID)] = string(p.Body)
		}
		for e, err := range w.Store().Entries(ctx, store.Query{Wallet: h.Wallet}) {
			if err != nil {
				w.Fatal(err)
			}
			out[fmt.Sprintf("%s/entry %d", h.Wallet, e.Seq)] = string(e.Body) + string(e.Note)
		}
	}
	return out
}

// another returns a code that is not this one.
func another(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}
