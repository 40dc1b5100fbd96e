package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/access"
	"example.com/credits/creditstest"
)

var ctx = context.Background()

// buy buys an extra package.
var buy = credits.Buy{Pack: "extra", Amount: credit(500)}

// world is a ledger whose clock begins on 15 January at 00:00 UTC.
type world struct {
	*creditstest.World
	*testing.T
	desk              *access.Desk
	plans             []credits.Plan
	free, plus, ultra credits.Plan
}

func newWorld(t *testing.T) world {
	t.Helper()
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	w := world{World: creditstest.New(t), T: t, plans: plans, free: plans[0], plus: plans[1], ultra: plans[2]}
	if w.desk, err = access.New(w.Ledger, secret); err != nil {
		t.Fatal(err)
	}
	w.Clock.Set(day("2026-01-15 00:00"))
	return w
}

func day(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

// as says who asks from now on.
func (w world) as(who credits.Actor) world {
	w.Ledger = w.As(who)
	return w
}

// host is who asks without being anybody, as at the beginning.
var host credits.Actor

func (w world) wallet() credits.Wallet {
	w.Helper()
	got, err := w.Ledger.Wallet(ctx, acme)
	if err != nil {
		w.Fatal(err)
	}
	return got
}

func (w world) plan() string {
	w.Helper()
	p, _ := w.wallet().Plan()
	return p.ID
}

// ask asks for Plus with a code.
func (w world) ask() (request credits.ID, code string) {
	w.Helper()
	w.Later("1s")
	r, code, err := w.desk.As(ann).Ask(ctx, acme, credits.Key(w.Clock.Now().String()), credits.Subscribe{Plan: w.plus})
	if err != nil {
		w.Fatal(err)
	}
	return r.ID, code
}

// confirm gives a code, and fails the test unless that ends as it should.
func (w world) confirm(who credits.Actor, key string, request credits.ID, code string, want error) {
	w.Helper()
	if _, err := w.desk.As(who).Confirm(ctx, acme, credits.Key(key), request, code); !errors.Is(err, want) {
		w.Errorf("%s: %v, want %v", key, err, want)
	}
}

func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		check func(world)
	}{
		{"CF-01/50 credits, once", func(w world) {
			w.Must(acme, credits.Open{Plan: w.free})
			w.Until(day("2026-04-15 00:00").Add(-time.Microsecond))
			w.Want(acme, credit(50))
			w.Until(day("2026-04-15 00:00"))
			w.Want(acme, 0)
			w.Refused(acme, credits.Subscribe{Plan: w.free}, credits.HadBefore)
			w.Later("1 year")
			w.Want(acme, 0)
		}},
		{"CF-02/3 cycles, 3 grants of 2,000", func(w world) {
			w.Must(acme, credits.Open{Plan: w.plus})
			w.Later("3 months")
			w.Want(acme, credit(2000))
			if _, err := w.Tick(ctx); err != nil {
				w.Fatal(err)
			}
			var grants []string
			for e, err := range w.History(ctx, acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindGranted}}) {
				if err != nil {
					w.Fatal(err)
				}
				grants = append(grants, e.At.Format(time.DateOnly)+" "+e.Opens.Amount.String())
			}
			if diff := cmp.Diff([]string{"2026-01-15 2000", "2026-02-15 2000", "2026-03-15 2000", "2026-04-15 2000"}, grants); diff != "" {
				w.Errorf("the grants (-want +got):\n%s", diff)
			}
		}},
		{"CF-03/Ultra is sold by people", checkUltra},
		{"CF-04/what a credit is", func(w world) {
			w.Must(acme, credits.Open{Plan: w.plus}, responses(5), reviews(50))
			w.Want(acme, credit(1990))
			w.Must(acme, reviews(7))
			w.Want(acme, credit(19_893)/10)
		}},
		{"CF-05/two steps", checkTwoSteps},
		{"CF-05/ten minutes", func(w world) {
			w.Must(acme, credits.Open{Plan: w.free})
			request, code := w.ask()
			w.Later("10m")
			w.confirm(ann, "late", request, code, credits.CodeStale)
			request, code = w.ask()
			w.Until(w.Clock.Now().Add(access.Life - time.Microsecond))
			w.confirm(ann, "in time", request, code, nil)
		}},
		{"CF-05/the 5th wrong attempt burns it", func(w world) {
			w.Must(acme, credits.Open{Plan: w.free})
			request, code := w.ask()
			for i := range 5 {
				w.confirm(ann, fmt.Sprint("wrong-", i), request, other(code), credits.CodeWrong)
			}
			w.confirm(ann, "right", request, code, credits.CodeStale)
			w.Want(acme, credit(50))
		}},
		{"CF-05/10 parallel wrong attempts count 10", checkParallel},
		{"CF-06/Plus while Free is live", func(w world) { checkPlusAfter(w, day("2026-02-01 00:00"), 30) }},
		{"CF-06/Plus after Free expired", func(w world) { checkPlusAfter(w, day("2026-04-15 00:00"), 0) }},
		{"CF-07/only on Plus, only when short", func(w world) {
			w.Must(acme, credits.Open{Plan: w.free}, responses(50))
			w.Refused(acme, buy, credits.NotInPlan)
			w.Must(acme, credits.Subscribe{Plan: w.plus}, responses(1999))
			w.Refused(acme, buy, credits.NotShort)
			w.Must(acme, reviews(7))
			w.Want(acme, credit(3)/10)
			w.Must(acme, buy)
		}},
		{"CF-08/30 civil days", checkLife},
		{"CF-08/not longer than Plus", func(w world) {
			w.Must(acme, credits.Open{Plan: w.plus}, responses(2000), buy, credits.Cancel{})
			w.Until(day("2026-02-14 00:00").Add(-time.Microsecond))
			w.Want(acme, credit(500))
			w.Until(day("2026-02-15 00:00"))
			w.Want(acme, 0)
		}},
		{"CF-09/one at a time, and used up is active", func(w world) {
			w.Must(acme, credits.Open{Plan: w.plus}, responses(2000), buy, responses(500))
			w.Refused(acme, buy, credits.PackActive)
			w.Later("1 month") // Plus renews on 15 February, a day after the package has ended
			w.Must(acme, responses(2000), buy, responses(500))
			w.Until(day("2026-03-17 00:00").Add(-time.Microsecond))
			w.Must(acme, credits.Spend{Amount: w.wallet().Available()})
			w.Refused(acme, buy, credits.PackActive)
			w.Until(day("2026-03-17 00:00"))
			w.Must(acme, buy)
		}},
		{"CF-10/no balance from the expiry instant", func(w world) {
			w.Must(acme, credits.Open{Plan: w.plus}, responses(2000), buy)
			w.Until(day("2026-02-14 00:00").Add(-time.Microsecond))
			w.Want(acme, credit(500))
			w.Until(day("2026-02-14 00:00"))
			w.Want(acme, 0)
			w.Refused(acme, reviews(1), credits.Insufficient)
		}},
		{"CF-13/Customer Success deactivates", checkDeactivation},
		{"CF-14/the page", checkPage},
	} {
		t.Run(tt.rule, func(t *testing.T) { tt.check(newWorld(t)) })
	}
}

func checkUltra(w world) {
	w.Must(acme, credits.Open{Plan: w.plus})
	for _, who := range []credits.Actor{ann, bob} {
		w.as(who)
		w.Refused(acme, credits.Subscribe{Plan: w.ultra}, credits.NotSelfService)
		before := w.wallet().Balance("", "")
		lead := w.Must(acme, credits.Ask{About: "ultra", Contact: who.ID})
		if e := lead.Entries[0]; e.Kind != credits.KindAsked || e.Actor != who || len(lead.Lines()) != 0 {
			w.Errorf("the lead is %v of %v", e.Kind, e.Actor)
		}
		if diff := cmp.Diff(before, w.wallet().Balance("", "")); diff != "" {
			w.Errorf("interest moved credits (-before +after):\n%s", diff)
		}
	}
	special := negotiated(w.ultra)
	w.as(sam).Must(acme, credits.Subscribe{Plan: special, Note: credits.Note{Reason: "agreed"}})
	w.Want(acme, credit(20_000))
	if p, _ := w.wallet().Plan(); p.For != acme || p.Version != 2 || p.Price.String() != "900.00 USD" || p.Term != credits.Months(3) {
		w.Errorf("acme has version %d of %s for %v", p.Version, p.ID, p.Price)
	}
	w.as(host).Must(beta, credits.Open{Plan: w.plus})
	if _, err := w.Do(ctx, beta, "not for beta", credits.Subscribe{Plan: special}); !errors.Is(err, credits.ErrInvalid) {
		w.Errorf("beta has acme's version: %v", err)
	}
}

func checkTwoSteps(w world) {
	w.Must(acme, credits.Open{Plan: w.free})
	w.as(ann).Refused(acme, credits.Subscribe{Plan: w.plus}, credits.CodeNeeded)
	w.as(host)
	if _, _, err := w.desk.As(bob).Ask(ctx, acme, "bob's", credits.Subscribe{Plan: w.plus}); !errors.Is(err, credits.NotPermitted) {
		w.Errorf("a member is given a code: %v", err)
	}
	before := w.wallet().Balance("", "")
	request, code := w.ask()
	if len(code) != 6 {
		w.Errorf("the code has %d digits", len(code))
	}
	w.confirm(ann, "wrong", request, other(code), credits.CodeWrong)
	w.confirm(credits.Actor{ID: "eve", Role: credits.Administrator}, "somebody else's", request, code, credits.CodeWrong)
	if diff := cmp.Diff(before, w.wallet().Balance("", "")); diff != "" || w.plan() != "free" {
		w.Errorf("before the confirmation the plan is %s, and the balance changed (-before +after):\n%s", w.plan(), diff)
	}
	w.confirm(ann, "right", request, code, nil)
	b := w.wallet().Balance("", "")
	if w.plan() != "plus" || b.Available != credit(2050) || b.Granted != credit(2000) {
		w.Errorf("after the confirmation the plan is %s, and the balance %+v", w.plan(), b)
	}
	w.Must(acme, responses(1))
	w.confirm(ann, "again", request, code, credits.CodeStale)
}

func checkParallel(w world) {
	w.Must(acme, credits.Open{Plan: w.free})
	request, code := w.ask()
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			key := credits.Key(fmt.Sprint("guess-", i))
			if _, err := w.desk.As(ann).Confirm(ctx, acme, key, request, other(code)); !errors.Is(err, credits.ErrRefused) {
				w.Errorf("guess %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for r := range w.wallet().Requests() {
		if r.Wrong != 10 {
			w.Errorf("%d wrong attempts are counted", r.Wrong)
		}
	}
	w.confirm(ann, "right", request, code, credits.CodeStale)
}

// checkPlusAfter subscribes to Plus at an instant, when so much is left of Free.
func checkPlusAfter(w world, at time.Time, left int) {
	w.Must(acme, credits.Open{Plan: w.free}, responses(20))
	w.Until(at)
	w.Want(acme, credit(left))
	for _, o := range access.Offers(w.wallet(), credits.Call{Actor: ann}, w.plans).Offers {
		if o.Action == credits.ActSubscribe && o.About == "plus" && (!o.Allowed || o.Via != credits.ByCode) {
			w.Errorf("Plus is not offered: %s", string(o.Reason))
		}
	}
	request, code := w.ask()
	w.confirm(ann, "right", request, code, nil)
	w.Want(acme, credit(2000+left))
	if left > 0 {
		w.Until(day("2026-04-15 00:00").Add(-time.Microsecond))
		w.Want(acme, credit(2000+left))
		w.Until(day("2026-04-15 00:00"))
		w.Want(acme, credit(2000))
	}
}

func checkLife(w world) {
	for _, tt := range []struct{ zone, bought, dead string }{
		{"UTC", "2026-01-10 12:00", "2026-02-09 12:00"},
		{"Europe/Berlin", "2026-03-10 12:00", "2026-04-09 12:00"},
	} {
		loc, err := time.LoadLocation(tt.zone)
		if err != nil {
			w.Fatal(err)
		}
		bought, _ := time.ParseInLocation("2006-01-02 15:04", tt.bought, loc)
		id := credits.WalletID(tt.zone)
		w.Clock.Set(bought)
		lots := w.Must(id, credits.Open{Plan: w.plus, Zone: tt.zone}, responses(2000), buy).Lots()
		if got := lots[0].Expires.In(loc).Format("2006-01-02 15:04"); got != tt.dead {
			w.Errorf("bought in %s on %s it lives until %s, want %s", tt.zone, tt.bought, got, tt.dead)
		}
		if hours := lots[0].Expires.Sub(bought).Hours(); tt.zone == "Europe/Berlin" && hours != 719 {
			w.Errorf("that is %v hours", hours)
		}
	}
}

func checkDeactivation(w world) {
	w.Must(acme, credits.Open{Plan: w.plus}, responses(2000), buy)
	for _, who := range []credits.Actor{ann, bob} {
		w.as(who)
		w.Refused(acme, credits.Deactivate{}, credits.RequestNeeded)
		w.Must(acme, credits.Ask{Command: credits.Deactivate{}, Contact: who.ID})
	}
	w.Want(acme, credit(500))
	hold := w.as(host).Must(acme, credits.Reserve{Amount: credit(10), Until: w.Clock.Now().Add(time.Hour)})
	note := credits.Note{Ref: "ticket 501", Reason: "the base is closed"}
	done := w.as(cora).Must(acme, credits.Deactivate{Note: note})
	if e := done.Entries[0]; e.Actor != cora || e.Note.Reason != note.Reason || e.Note.Ref != note.Ref {
		w.Errorf("who and why: %v, %q", e.Actor, e.Note)
	}
	w.Want(acme, 0) // what is held is not revoked
	w.as(host).Must(acme, credits.Capture{Hold: hold.ID, All: true})

	w.Must(beta, credits.Open{Plan: w.plus}, responses(2000), buy)
	w.as(cora).Must(beta, credits.Deactivate{Keep: true, Note: note})
	w.Want(beta, credit(500))
}

func checkPage(w world) {
	page := func(who credits.Actor) access.Page {
		return access.Offers(w.wallet(), credits.Call{Actor: who}, w.plans)
	}
	w.Must(acme, credits.Open{Plan: w.plus})
	w.Must(acme, credits.Spend{Amount: credit(1600) - credits.Microcredit}) // 79.99999995 %
	if p := page(bob); p.Sidebar || !p.Banner || !p.Statistics {
		w.Errorf("below 80 %%: %+v", p)
	}
	w.Must(acme, credits.Spend{Amount: credits.Microcredit})
	if p := page(bob); !p.Sidebar || !p.Banner || !p.Statistics {
		w.Errorf("at 80 %%: %+v", p)
	}
	for _, tt := range []struct {
		who   credits.Actor
		spend credits.Amount
		want  credits.Reason
	}{
		{ann, 0, credits.NotShort},
		{bob, 0, credits.NotPermitted},
		{dora, 0, credits.OnTrial},
		{ann, credit(400), ""},
	} {
		if tt.spend > 0 {
			w.Must(acme, credits.Spend{Amount: tt.spend})
		}
		for _, o := range page(tt.who).Offers {
			if o.Action == credits.ActBuy && (o.Reason != tt.want || o.Allowed != (tt.want == "")) {
				w.Errorf("%s, trial %t: allowed %t, %q, want %q", tt.who.Role, tt.who.Trial, o.Allowed, o.Reason, tt.want)
			}
		}
	}
}

// Who may do what: every role, plan and command, and what the page says of it.
func TestPermissions(t *testing.T) {
	const done = credits.Reason("")
	trial := func(who credits.Actor) credits.Actor { who.Trial = true; return who }
	people := []credits.Actor{ann, bob, trial(ann), trial(bob)}
	for _, tt := range []struct {
		name, plan string
		command    func(world) credits.Command
		want       [4]credits.Reason // of an administrator, a member, and both on trial
	}{
		{
			"CF-11/subscribe on Free", "free", func(w world) credits.Command { return credits.Subscribe{Plan: w.plus} },
			[4]credits.Reason{credits.CodeNeeded, credits.NotPermitted, credits.OnTrial, credits.NotPermitted},
		},
		{
			"CF-11/buy on Free", "free", func(world) credits.Command { return buy },
			[4]credits.Reason{credits.NotPermitted, credits.NotPermitted, credits.NotPermitted, credits.NotPermitted},
		},
		{
			"CF-11/buy on Plus", "plus", func(world) credits.Command { return buy },
			[4]credits.Reason{done, credits.NotPermitted, credits.OnTrial, credits.NotPermitted},
		},
		{
			"CF-12/buy on Ultra", "ultra", func(world) credits.Command { return buy },
			[4]credits.Reason{credits.NotPermitted, credits.NotPermitted, credits.NotPermitted, credits.NotPermitted},
		},
		{
			"CF-03/Ultra on Free", "free", func(w world) credits.Command { return credits.Subscribe{Plan: w.ultra} },
			[4]credits.Reason{credits.NotSelfService, credits.NotSelfService, credits.OnTrial, credits.OnTrial},
		},
		{
			"CF-03/Ultra on Plus", "plus", func(w world) credits.Command { return credits.Subscribe{Plan: w.ultra} },
			[4]credits.Reason{credits.NotSelfService, credits.NotSelfService, credits.OnTrial, credits.OnTrial},
		},
		{"CF-11/interest in Plus on Free", "free", func(world) credits.Command { return credits.Ask{About: "plus"} }, [4]credits.Reason{}},
		{"CF-11/interest in Ultra on Free", "free", func(world) credits.Command { return credits.Ask{About: "ultra"} }, [4]credits.Reason{}},
		{"CF-11/interest in Plus on Plus", "plus", func(world) credits.Command { return credits.Ask{About: "plus"} }, [4]credits.Reason{}},
		{"CF-11/interest in Ultra on Plus", "plus", func(world) credits.Command { return credits.Ask{About: "ultra"} }, [4]credits.Reason{}},
		{"CF-12/interest in Plus on Ultra", "ultra", func(world) credits.Command { return credits.Ask{About: "plus"} }, [4]credits.Reason{}},
		{"CF-12/interest in Ultra on Ultra", "ultra", func(world) credits.Command { return credits.Ask{About: "ultra"} }, [4]credits.Reason{}},
		{
			"CF-13/deactivate Plus", "plus", func(world) credits.Command { return credits.Deactivate{} },
			[4]credits.Reason{credits.RequestNeeded, credits.RequestNeeded, credits.OnTrial, credits.OnTrial},
		},
	} {
		for i, who := range people {
			t.Run(fmt.Sprintf("%s, %s, trial %t", tt.name, who.Role, who.Trial), func(t *testing.T) {
				w := newWorld(t)
				w.Must(acme, credits.Open{Plan: map[string]credits.Plan{"free": w.free, "plus": w.plus, "ultra": negotiated(w.ultra)}[tt.plan]})
				w.Must(acme, credits.Spend{Amount: w.wallet().Available()})
				if w = w.as(who); tt.want[i] == done {
					w.Must(acme, tt.command(w))
				} else {
					w.Refused(acme, tt.command(w), tt.want[i])
				}
			})
		}
	}
}
