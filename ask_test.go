package credits_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

var (
	admin    = credits.Actor{ID: "ann", Role: credits.Administrator}
	member   = credits.Actor{ID: "bob", Role: credits.Member}
	operator = credits.Actor{ID: "staff-1", Role: credits.Operator}
)

// why is the note of an operator.
var why = credits.Note{Reason: "agreed by phone"}

// as returns the rig on a ledger on which an actor asks.
func (r *rig) as(a credits.Actor) *rig {
	sub := *r
	sub.ledger = r.ledger.As(a)
	return &sub
}

// proof returns a proof that is right for a name.
func proof(name string) (p [32]byte) {
	copy(p[:], name)
	return p
}

// counted expects that a command is refused, and that the refusal is a fact: it is kept
// under its key, and the same call again is refused the same.
func (r *rig) counted(c credits.Command, want credits.Reason) *credits.RefusedError {
	r.Helper()
	key := r.key()
	before := r.wallet()
	_, err := r.ledger.Do(r.ctx, acme, key, c)
	var refusal *credits.RefusedError
	if !errors.As(err, &refusal) || !errors.Is(err, want) || !refusal.Kept {
		r.Fatalf("%+v: got %v, want %v as a fact", c, err, want)
	}
	after := r.wallet()
	if after.Seq() != before.Seq()+1 || after.Available() != before.Available() {
		r.Errorf("%d entries were written, want the fact and nothing else", after.Seq()-before.Seq())
	}
	_, again := r.ledger.Do(r.ctx, acme, key, c)
	if again == nil || again.Error() != err.Error() || r.wallet().Seq() != after.Seq() {
		r.Errorf("the same call again said %v, want %v and nothing written", again, err)
	}
	return refusal
}

// requests returns the open requests.
func (r *rig) requests() []credits.Request {
	r.Helper()
	return slices.Collect(r.wallet().Requests())
}

// ask returns what asks for plan plus of the marketplace with a code.
func (r *rig) ask(name string) credits.Ask {
	return credits.Ask{
		Command: credits.Subscribe{Plan: planOf(r.T, "marketplace", "plus", "")}, Proof: proof(name),
		Until: r.clock.Now().Add(10 * time.Minute),
	}
}

// A command that takes a code is asked and approved: before the approval no plan, balance or grant
// has changed, and after it all have.
func TestConfirmation(t *testing.T) {
	t.Run("CF-05/in two steps", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		ann := r.as(admin)
		ann.refused(credits.Subscribe{Plan: planOf(t, "marketplace", "plus", "")}, credits.CodeNeeded)
		ask := r.ask("right")
		id := ann.do(ask).ID
		w := r.wallet()
		if p, _ := w.Plan(); p.ID != "free" || w.Available() != n("50") || len(slices.Collect(w.Lots())) != 1 {
			t.Fatalf("asking changed the wallet: plan %s, %v", p.ID, w)
		}
		receipt := ann.do(credits.Approve{Request: id, Proof: proof("right")})
		if p, _ := r.wallet().Plan(); p.ID != "plus" || receipt.Charge != cash("60.00 USD") {
			t.Errorf("got plan %s for %v", p.ID, receipt.Charge)
		}
		r.has("2050")
		r.told(2, "asked, subscribed, granted 2000, answered")
		if left := r.requests(); len(left) != 0 {
			t.Errorf("requests are left: %+v", left)
		}
		again := ann.refused(credits.Approve{Request: id, Proof: proof("right")}, credits.CodeStale)
		if diff := cmp.Diff([]credits.RemedyKind{credits.RemedyCode}, remedies(again)); diff != "" {
			t.Errorf("what unblocks a used code (-want +got):\n%s", diff)
		}
	})
	t.Run("CF-05/a wrong code is a fact, the 5th burns", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		ann := r.as(admin)
		id := ann.do(r.ask("right")).ID
		for range 5 {
			ann.counted(credits.Approve{Request: id, Proof: proof("wrong")}, credits.CodeWrong)
		}
		refusal := ann.counted(credits.Approve{Request: id, Proof: proof("right")}, credits.CodeStale)
		ann.counted(credits.Approve{Request: id, Proof: proof("wrong")}, credits.CodeStale)
		if diff := cmp.Diff([]credits.Remedy{{Kind: credits.RemedyWait, Until: day("2026-01-15 00:10")}}, refusal.Remedies); diff != "" {
			t.Errorf("what unblocks a burnt code (-want +got):\n%s", diff)
		}
		if q := r.requests()[0]; q.Wrong != 7 || q.Tries != 5 {
			t.Errorf("%d of %d wrong ones were counted, want 7 of 5", q.Wrong, q.Tries)
		}
		ann.refused(r.ask("another"), credits.CodeStale)
		r.at("2026-01-15 00:10")
		next := ann.do(r.ask("another")).ID
		ann.do(credits.Approve{Request: next, Proof: proof("another")})
		r.has("2050")
	})
	t.Run("CF-05/the 4th wrong code does not burn", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		ann := r.as(admin)
		id := ann.do(r.ask("right")).ID
		for range 4 {
			ann.counted(credits.Approve{Request: id, Proof: proof("wrong")}, credits.CodeWrong)
		}
		ann.do(credits.Approve{Request: id, Proof: proof("right")})
		r.has("2050")
	})
	t.Run("CF-05/another plan version or price is another code", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		ann := r.as(admin)
		id := ann.do(r.ask("of version 1")).ID
		ann.counted(credits.Approve{Request: id, Proof: proof("wrong")}, credits.CodeWrong)
		second := r.ask("of version 2")
		plus := planOf(t, "marketplace", "plus", "")
		plus.Version, plus.Price = 2, cash("70.00 USD")
		second.Command = credits.Subscribe{Plan: plus}
		if got := ann.do(second).ID; got != id {
			t.Errorf("asking again is request %d, want %d", got, id)
		}
		if q := r.requests(); len(q) != 1 || q[0].Wrong != 1 {
			t.Errorf("got %+v, want one request with the wrong code still counted", q)
		}
		ann.counted(credits.Approve{Request: id, Proof: proof("of version 1")}, credits.CodeWrong)
		ann.do(credits.Approve{Request: id, Proof: proof("of version 2")})
		if p, _ := r.wallet().Plan(); p.Version != 2 {
			t.Errorf("got version %d", p.Version)
		}
	})
	t.Run("P-8/CF-05/a price that changed meanwhile", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		plus := planOf(t, "marketplace", "plus", "")
		v1 := plus
		plus.Version, plus.Price = 2, cash("70.00 USD")
		preview, err := r.ledger.Preview(r.ctx, acme, "", credits.Subscribe{Plan: plus})
		if err != nil {
			t.Fatal(err)
		}
		ask := r.ask("right")
		ask.Command = credits.Subscribe{Plan: plus, Quote: preview.Quote()}
		id := r.as(admin).do(ask).ID
		r.do(credits.Subscribe{Plan: v1}) // meanwhile, by the host
		stale := r.as(admin).refused(credits.Approve{Request: id, Proof: proof("right")}, credits.QuoteStale)
		if stale.Quote == nil || stale.Quote.Charge != cash("10.00 USD") {
			t.Errorf("the new quote is %+v, want a charge of 10.00 USD", stale.Quote)
		}
	})
	t.Run("CF-12/a code does not outlive its permission", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		id := r.as(admin).do(r.ask("right")).ID
		approve := credits.Approve{Request: id, Proof: proof("right")}
		r.as(member).refused(approve, credits.NotPermitted)
		r.as(credits.Actor{ID: "ann", Role: credits.Administrator, Trial: true}).refused(approve, credits.OnTrial)
		r.do(credits.Subscribe{Plan: planOf(t, "marketplace", "ultra", "")}) // meanwhile, by the host
		r.as(admin).refused(approve, credits.NotPermitted)
	})
}

// Times at which a code is stale.
func TestConfirmationLife(t *testing.T) {
	tests := []struct {
		name string
		at   string
		ok   bool
	}{
		{"CF-05/at 9:59.999999", "2026-01-15 00:09:59.999999", true},
		{"CF-05/at 10:00.000000", "2026-01-15 00:10:00", false},
		{"CF-05/a day later", "2026-01-16", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(planOf(t, "marketplace", "free", ""))
			ann := r.as(admin)
			id := ann.do(r.ask("right")).ID
			r.at(tt.at)
			approve := credits.Approve{Request: id, Proof: proof("right")}
			if tt.ok {
				ann.do(approve)
				r.has("2050")
				return
			}
			ann.refused(approve, credits.CodeStale)
			r.tick()
			ann.refused(approve, credits.CodeStale)
			r.told(3, "answered")
			r.has("50")
		})
	}
}

// What the store has does not contain what would approve a request.
func TestProofIsNotStored(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(planOf(t, "marketplace", "free", ""))
	ann := r.as(admin)
	secret := "a proof that only who asked knows"[:32]
	id := ann.do(r.ask(secret)).ID
	ann.counted(credits.Approve{Request: id, Proof: proof("another")}, credits.CodeWrong)
	for where, what := range r.dump("") {
		if strings.Contains(what, secret) {
			t.Errorf("CF-05: %s has the proof", where)
		}
	}
}
