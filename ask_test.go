package credits_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
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
	t.Run("CF-05/without a code nothing is filed", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "free", ""))
		ask := r.ask("right")
		ask.Proof = [32]byte{}
		refusal := r.as(admin).refused(ask, credits.CodeNeeded)
		if diff := cmp.Diff([]credits.RemedyKind{credits.RemedyCode}, remedies(refusal)); diff != "" {
			t.Errorf("what unblocks it (-want +got):\n%s", diff)
		}
		r.as(admin).refused(credits.Ask{Command: credits.Deactivate{}, Proof: proof("x"), Until: ask.Until}, credits.RequestNeeded)
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

// GN-06: a request has kind, plan or quantity, actor, contact and instant; it is filed, fulfilled by a named
// command, or declined with a reason; asked again while it is open it is the open one.
func TestRequests(t *testing.T) {
	outreach := planOf(t, "outreach", "outreach-10k", "")
	open := func(t *testing.T) *rig {
		r := newRig(t, "2026-01-15")
		p := outreach
		p.Access = []credits.Rule{
			{Action: credits.ActSubscribe, Via: credits.ByRequest},
			{Action: credits.ActBuy, Via: credits.ByRequest},
			{Action: credits.ActInterest},
		}
		p.Packs = []credits.Pack{{ID: "more", Size: n("1000"), Price: cash("45.00 EUR")}}
		r.open(p)
		return r
	}
	more := credits.Ask{Command: credits.Buy{Pack: "more", Amount: n("2000")}, Contact: "crm/ann"}
	t.Run("GN-06/filed", func(t *testing.T) {
		r := open(t)
		before := r.wallet().Available()
		receipt := r.as(member).do(more)
		if len(receipt.Entries) != 1 || receipt.Entries[0].Actor != member || r.wallet().Available() != before {
			t.Errorf("got %+v", receipt.Entries)
		}
		q := r.requests()[0]
		cmd, err := credits.ParseCommand(q.Command)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(more.Command, cmd); diff != "" {
			t.Errorf("what was asked (-want +got):\n%s", diff)
		}
		q.Command = nil
		want := credits.Request{ID: receipt.ID, State: credits.Asked, Contact: "crm/ann", At: r.clock.Now().UTC()}
		if diff := cmp.Diff(want, q); diff != "" {
			t.Errorf("the request (-want +got):\n%s", diff)
		}
	})
	t.Run("GN-06/asked again while it is open", func(t *testing.T) {
		r := open(t)
		first := r.as(member).do(more)
		r.at("2026-01-16")
		again := r.as(admin).do(more)
		if again.ID != first.ID || len(r.requests()) != 1 || again.Replayed {
			t.Errorf("asked again it is request %d of %d, want %d of 1", again.ID, len(r.requests()), first.ID)
		}
		other := more
		other.Contact = "crm/bob"
		if r.as(member).do(other).ID == first.ID {
			t.Errorf("with another contact it is the same request")
		}
		other = more
		other.Command = credits.Buy{Pack: "more", Amount: n("1000")}
		if r.as(member).do(other).ID == first.ID {
			t.Errorf("of another quantity it is the same request")
		}
		r.as(operator).do(credits.Dismiss{Request: first.ID, Note: why})
		if r.as(member).do(more).ID == first.ID {
			t.Errorf("asked after it was dismissed it is the same request")
		}
	})
	t.Run("GN-06/fulfilled", func(t *testing.T) {
		r := open(t)
		before := r.wallet().Available()
		id := r.as(member).do(more).ID
		r.as(member).refused(credits.Approve{Request: id}, credits.NotPermitted)
		r.as(operator).invalid(credits.Approve{Request: id}, "note.reason", nil)
		receipt := r.as(operator).do(credits.Approve{Request: id, Note: why})
		if receipt.Charge != cash("90.00 EUR") || r.wallet().Available()-before != n("2000") {
			t.Errorf("got %v for %v", r.wallet().Available()-before, receipt.Charge)
		}
		for _, e := range receipt.Entries {
			if e.Actor != operator || e.Note.Reason != why.Reason {
				t.Errorf("FD-05: entry %v is of %+v because of %q", e.Kind, e.Actor, e.Note.Reason)
			}
		}
		r.as(operator).refused(credits.Approve{Request: id, Note: why}, credits.Ended)
		r.as(operator).refused(credits.Dismiss{Request: id, Note: why}, credits.Ended)
	})
	t.Run("GN-06/fulfilled by a named command", func(t *testing.T) {
		r := open(t)
		id := r.as(member).do(credits.Ask{About: "buy more", Contact: "crm/ann"}).ID
		r.as(operator).invalid(credits.Approve{Request: id, Note: why}, "command", nil)
		sell := credits.Sell{Amount: n("5000"), Price: cash("200.00 EUR")}
		receipt := r.as(operator).do(credits.Approve{Request: id, Command: sell, Note: why})
		if receipt.Charge != cash("200.00 EUR") || receipt.Amount != n("5000") || len(r.requests()) != 0 {
			t.Errorf("got %+v", receipt)
		}
	})
	t.Run("GN-06/CF-03/fulfilled otherwise than asked", func(t *testing.T) {
		r := open(t)
		bigger := outreach
		bigger.Version, bigger.Price = 2, cash("800.00 EUR")
		id := r.as(admin).do(credits.Ask{Command: credits.Subscribe{Plan: bigger}}).ID
		negotiated := bigger
		negotiated.Version, negotiated.For, negotiated.Price = 3, acme, cash("700.00 EUR")
		r.as(operator).do(credits.Approve{Request: id, Command: credits.Subscribe{Plan: negotiated}, Note: why})
		if p, _ := r.wallet().Plan(); p.Version != 3 || p.For != acme {
			t.Errorf("got version %d for %q", p.Version, p.For)
		}
	})
	t.Run("GN-06/declined", func(t *testing.T) {
		r := open(t)
		id := r.as(member).do(more).ID
		r.as(operator).invalid(credits.Dismiss{Request: id}, "note.reason", nil)
		r.as(member).refused(credits.Dismiss{Request: id, Note: why}, credits.NotPermitted)
		receipt := r.as(operator).do(credits.Dismiss{Request: id, Note: why})
		if e := receipt.Entries[0]; receipt.ID != id || e.Of != id || e.Request.State != credits.Dismissed || e.Note.Reason != why.Reason {
			t.Errorf("got %+v", receipt)
		}
		r.as(operator).refused(credits.Approve{Request: id, Note: why}, credits.Ended)
	})
	t.Run("GN-06/its time passes", func(t *testing.T) {
		r := open(t)
		ask := more
		ask.Until = day("2026-01-20")
		id := r.as(member).do(ask).ID
		r.at("2026-01-19 23:59:59.999999")
		if len(r.requests()) != 1 {
			t.Errorf("the request ended early")
		}
		r.at("2026-01-20")
		r.as(operator).refused(credits.Approve{Request: id, Note: why}, credits.Ended)
		r.tick()
		r.as(operator).refused(credits.Approve{Request: id, Note: why}, credits.Ended)
		r.as(operator).refused(credits.Dismiss{Request: id, Note: why}, credits.Ended)
	})
	t.Run("GN-06/a request that there is not", func(t *testing.T) {
		r := open(t)
		for _, id := range []credits.ID{1, 2, 99, 1 << 63} {
			r.as(operator).invalid(credits.Approve{Request: id, Note: why}, "request", credits.ErrNotFound)
			r.as(operator).invalid(credits.Dismiss{Request: id, Note: why}, "request", credits.ErrNotFound)
		}
	})
	t.Run("GN-06/what is refused now can be asked", func(t *testing.T) {
		r := open(t)
		r.do(credits.Lapse{})
		id := r.as(member).do(more).ID
		r.as(operator).refused(credits.Approve{Request: id, Note: why}, credits.NoPlan)
		r.do(credits.Reactivate{})
		r.as(operator).do(credits.Approve{Request: id, Note: why})
	})
}

// CF-03 and CF-11: any customer role may register interest, which moves nothing and is a record for the CRM.
func TestInterest(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(planOf(t, "marketplace", "free", ""))
	trial := credits.Actor{ID: "zoe", Role: credits.Member, Trial: true}
	for _, actor := range []credits.Actor{admin, member, trial} {
		for _, plan := range []string{"plus", "ultra"} {
			receipt := r.as(actor).do(credits.Ask{About: plan, Contact: "crm/" + actor.ID})
			e := receipt.Entries[0]
			if e.Kind != credits.KindAsked || e.Request.About != plan || e.Actor != actor || len(e.Lines) != 0 || receipt.ID != e.Seq {
				t.Errorf("CF-03: got %+v", receipt)
			}
		}
		r.as(actor).refused(credits.Ask{About: "free"}, credits.NotPermitted)
	}
	r.has("50")
	var leads []string
	if _, err := r.ledger.Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
		for _, e := range entries {
			if q := e.Request; q != nil && len(q.Command) == 0 {
				leads = append(leads, e.Actor.ID+" wants "+q.About+", at "+q.Contact)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ann wants plus, at crm/ann", "ann wants ultra, at crm/ann", "bob wants plus, at crm/bob", "bob wants ultra, at crm/bob",
		"zoe wants plus, at crm/zoe", "zoe wants ultra, at crm/zoe",
	}
	if diff := cmp.Diff(want, leads); diff != "" {
		t.Errorf("CF-03: the leads in the feed (-want +got):\n%s", diff)
	}
}

// CF-13: customers file the request to deactivate, and Customer Success does it, recorded with who and why.
func TestDeactivationIsAsked(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(planOf(t, "marketplace", "plus", ""))
	for _, actor := range []credits.Actor{admin, member} {
		r.as(actor).refused(credits.Deactivate{}, credits.RequestNeeded)
	}
	id := r.as(member).do(credits.Ask{Command: credits.Deactivate{}, Note: credits.Note{Reason: "we leave"}}).ID
	r.has("2000")
	receipt := r.as(operator).do(credits.Approve{Request: id, Note: why})
	r.has("0")
	if e := receipt.Entries[0]; e.Kind != credits.KindEnded || e.Actor != operator || e.Note.Reason != why.Reason {
		t.Errorf("CF-13: got %+v", e)
	}
	t.Run("CF-13/unless it is kept", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(planOf(t, "marketplace", "plus", ""))
		id := r.as(member).do(credits.Ask{Command: credits.Deactivate{}}).ID
		r.as(operator).do(credits.Approve{Request: id, Command: credits.Deactivate{Keep: true}, Note: why})
		if left := r.wallet().Balance("", "").Available; left != n("2000") {
			t.Errorf("%v are left, want 2000", left)
		}
	})
}

// What an approval does when it cannot carry out what was asked.
func TestApprovalThatIsRefused(t *testing.T) {
	ask := credits.Ask{Command: credits.Buy{Pack: "extra", Amount: n("10")}, Proof: proof("x"), Until: day("2026-01-16")}
	t.Run("S-4/nothing changes, and the code is good still", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(ruled())
		id := r.do(ask).ID
		r.do(credits.Lapse{})
		r.refused(credits.Approve{Request: id, Proof: proof("x")}, credits.NoPlan)
		r.refused(ask, credits.NoPlan)
		r.do(credits.Reactivate{})
		r.do(credits.Approve{Request: id, Proof: proof("x")})
	})
	t.Run("CF-05/a wrong code is counted also where a batch was to do more", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(ruled())
		r.doOn("other", credits.Open{Plan: bare()})
		id := r.do(ask).ID
		other := r.walletOf("other").Seq()
		tasks := []credits.Task{
			{Wallet: "other", Key: "k", Command: credits.Grant{Amount: 1}},
			{Wallet: acme, Key: "k", Command: credits.Approve{Request: id, Proof: proof("wrong")}},
		}
		for range 2 {
			if _, err := r.ledger.DoAll(r.ctx, tasks...); !errors.Is(err, credits.CodeWrong) {
				t.Fatalf("got %v", err)
			}
		}
		if got := r.requests()[0].Wrong; got != 1 || r.walletOf("other").Seq() != other {
			t.Errorf("%d wrong ones are counted, and the other wallet is at %d, want 1 and %d", got, r.walletOf("other").Seq(), other)
		}
	})
}

// Where purchases are paid before they bring anything, an approval waits for the one that it makes.
func TestApprovalOfPaidPurchase(t *testing.T) {
	buy := credits.Ask{Command: credits.Buy{Pack: "extra", Amount: n("10")}}
	open := func(t *testing.T, answers ...creditstest.Answer) (*rig, *creditstest.Charger) {
		r, ch := newRig(t, "2026-01-15"), &creditstest.Charger{}
		ch.Next(answers...)
		r.ledger = credits.New(r.store, &credits.Options{
			Clock: r.clock, Salt: [32]byte{1}, Charger: ch, Background: func(f func()) { f() },
		})
		r.do(credits.Open{Plan: ruled()})
		return r, ch
	}
	approve := func(r *rig, key credits.Key, id credits.ID) (credits.Receipt, error) {
		return r.as(operator).ledger.Do(r.ctx, acme, key, credits.Approve{Request: id, Note: why})
	}
	t.Run("P-1/paid", func(t *testing.T) {
		r, ch := open(t)
		id := r.do(buy).ID
		for range 2 {
			if receipt, err := approve(r, "k", id); err != nil || receipt.Purchase == 0 {
				t.Fatalf("got %+v and %v", receipt, err)
			}
		}
		r.has("110")
		if len(ch.Charges()) != 1 || len(r.requests()) != 0 {
			t.Errorf("it was charged %d times, and %d requests are left", len(ch.Charges()), len(r.requests()))
		}
	})
	t.Run("P-3/asked in a batch", func(t *testing.T) {
		r, ch := open(t)
		r.doOn("other", credits.Open{Plan: bare()})
		ask := buy
		ask.Proof, ask.Until = proof("x"), day("2026-01-16")
		tasks := []credits.Task{{Wallet: acme, Key: "k", Command: ask}, {Wallet: "other", Key: "k", Command: credits.Grant{Amount: 1}}}
		receipts, err := r.ledger.DoAll(r.ctx, tasks...)
		if err != nil {
			t.Fatal(err)
		}
		if len(ch.Charges()) != 0 || len(slices.Collect(r.wallet().Purchases())) != 0 {
			t.Error("asking bought something")
		}
		if _, err := r.ledger.Do(r.ctx, acme, "approve", credits.Approve{Request: receipts[0].ID, Proof: proof("x")}); err != nil {
			t.Fatal(err)
		}
		r.has("110")
	})
	t.Run("P-1/declined", func(t *testing.T) {
		r, _ := open(t, creditstest.Decline)
		id := r.do(buy).ID
		for range 2 {
			if _, err := approve(r, "k", id); !errors.Is(err, credits.PaymentFailed) {
				t.Fatalf("got %v", err)
			}
		}
		r.has("100")
		r.as(operator).refused(credits.Approve{Request: id, Note: why}, credits.Ended)
	})
	t.Run("P-1/action required, then paid", func(t *testing.T) {
		r, ch := open(t, creditstest.AskPayer)
		id := r.do(buy).ID
		if _, err := approve(r, "k", id); !errors.Is(err, credits.PaymentPending) {
			t.Fatalf("got %v", err)
		}
		for p := range r.wallet().Purchases() {
			ch.Pay(p.ChargeKey)
		}
		if _, err := approve(r, "k", id); err != nil {
			t.Fatal(err)
		}
		r.has("110")
	})
	t.Run("P-5/another purchase is not decided", func(t *testing.T) {
		r, ch := open(t, creditstest.LoseBefore)
		if _, err := r.ledger.Do(r.ctx, acme, "first", credits.Buy{Pack: "extra", Amount: n("10")}); err == nil {
			t.Fatal("a lost payment was done")
		}
		ch.Next(creditstest.LoseBefore)
		id := r.do(buy).ID
		if _, err := approve(r, "k", id); err == nil {
			t.Fatal("approved while another purchase is not decided")
		}
		if len(r.requests()) != 1 {
			t.Fatal("the request ended though nothing was carried out")
		}
		if _, err := approve(r, "k", id); err != nil {
			t.Fatal(err)
		}
		r.has("120")
	})
}
