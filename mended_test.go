package credits_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"example.com/credits"
	"example.com/credits/creditstest"
)

// What was once wrong about subscriptions and purchases, one test each.

// CF-01, T-3: a plan's life moves with the zone, and is no cycle longer for it.
func TestLifeMovesWithTheZone(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Pacific/Auckland"} {
		t.Run("CF-01/T-3/"+zone, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("100", func(p *credits.Plan) { p.Life = credits.Months(3) }))
			r.do(credits.SetZone{Zone: zone})
			r.clock.Set(day("2026-04-02"))
			w := r.wallet()
			if s := w.Subscription(); s.Active || s.End != credits.EndOfLife {
				t.Errorf("the plan of three months is alive in April: %+v", s)
			}
			granted := 0
			for e, err := range r.ledger.History(r.ctx, acme, credits.HistoryQuery{Due: true}) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == credits.KindGranted {
					granted++
				}
			}
			if granted != 3 {
				t.Errorf("%d allowances in three months", granted)
			}
		})
	}
}

// CF-13, P-7: what an operator ended no customer begins again by himself.
func TestReactivateIsAnOperators(t *testing.T) {
	plan := monthly("100", func(p *credits.Plan) {
		p.Access = []credits.Rule{{Action: credits.ActCancel, Roles: []string{credits.Administrator}}}
	})
	customer := credits.Actor{ID: "ann", Role: credits.Administrator}
	staff := credits.Actor{ID: "sam", Role: credits.Operator}
	why := credits.Note{Reason: "unpaid"}
	for _, end := range []credits.Command{credits.Lapse{Note: why}, credits.Deactivate{Note: why}} {
		w := creditstest.New(t)
		host := w.Ledger
		w.Must(acme, credits.Open{Plan: plan})
		w.Ledger = host.As(staff)
		w.Must(acme, end)
		w.Ledger = host.As(customer)
		w.Refused(acme, credits.Reactivate{}, credits.NotPermitted)
		w.Ledger = host.As(staff)
		w.Must(acme, credits.Reactivate{Note: why})
		w.Ledger = host.As(customer)
		w.Must(acme, credits.Cancel{}, credits.Reactivate{})
		w.Ledger = host
	}
}

// decider is a charger that decides another purchase while it is asked for one.
type decider struct {
	*creditstest.Charger
	then func()
}

func (d *decider) Charge(ctx context.Context, c credits.Charge) (credits.Payment, error) {
	if d.then != nil {
		then := d.then
		d.then = nil
		then()
	}
	return d.Charger.Charge(ctx, c)
}

// P-1: a purchase that was declined is never charged again, though whoever ticks
// saw it open.
func TestDeclinedIsNotCharged(t *testing.T) {
	w := creditstest.New(t)
	bank := &decider{Charger: &creditstest.Charger{}}
	w.Ledger = credits.New(w.Store(), &credits.Options{Clock: w.Clock, Charger: bank})
	w.Must(acme, credits.Open{Plan: extras("80000", "72.00 USD")}, card)
	bank.Next(creditstest.AskPayer, creditstest.AskPayer)
	for _, key := range []credits.Key{"one", "two"} {
		if _, err := w.Do(t.Context(), acme, key, credits.Buy{Pack: "extra", Amount: n("1000")}); !errors.Is(err, credits.PaymentPending) {
			t.Fatal(err)
		}
	}
	asked := bank.Charges()
	second := asked[len(asked)-1]
	bank.then = func() {
		w.Must(acme, credits.Settle{Purchase: second.Purchase, Payment: credits.Payment{State: credits.Declined}})
	}
	before := len(asked)
	if _, err := w.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range bank.Charges()[before:] {
		if c.Purchase == second.Purchase {
			t.Error("the declined purchase was charged again")
		}
	}
}

// S-10: units that no wallet can have are refused, and leave it whole.
func TestReassignTooMany(t *testing.T) {
	r := newRig(t, "2026-01-31")
	r.open(monthly("0", func(p *credits.Plan) { p.AddOns = []credits.AddOn{{ID: "seat", Scoped: true}} }))
	for _, scope := range []string{"ann", "bob"} {
		r.do(credits.SetUnits{AddOn: "seat", Scope: scope, Units: 1_000_000})
	}
	r.invalid(credits.Reassign{AddOn: "seat", From: "ann", To: "bob"}, "to", credits.ErrLimit)
}

// L-3: entries that schedule a plan on which arithmetic fails do not apply.
func TestScheduledPlanIsSound(t *testing.T) {
	w, err := credits.NewWallet(acme)
	if err != nil {
		t.Fatal(err)
	}
	other := monthly("5")
	other.ID = "other"
	for i, c := range []credits.Command{credits.Open{Plan: monthly("5")}, credits.Subscribe{Plan: other, When: credits.AtCycle}} {
		entries, err := w.Decide(credits.Call{Key: credits.Key(rune('a' + i)), Now: day("2026-01-31"), Command: c})
		if err != nil {
			t.Fatal(err)
		}
		for j := range entries {
			if change := entries[j].Change; change != nil && change.Plan != nil {
				change.Plan.Life = credits.Days(10)
				if _, err := w.Apply(entries...); !errors.Is(err, credits.ErrInvalid) {
					t.Errorf("a life of 10 days on a plan of months: %v", err)
				}
				return
			}
		}
		if w, err = w.Apply(entries...); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("nothing was scheduled")
}

// L-3: what a read hands out shares nothing with other wallets.
func TestForecastIsTheHosts(t *testing.T) {
	r := newRig(t, "2026-01-01")
	next := monthly("500", func(p *credits.Plan) { p.ID = "next" })
	r.doOn("other", credits.Open{Plan: next})
	r.do(credits.Open{Plan: monthly("100")})
	r.do(credits.Subscribe{Plan: next, When: credits.AtCycle})
	f, err := r.ledger.Forecast(r.ctx, acme, "", day("2026-03-01"))
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, e := range f.Events {
		if e.Cycle != nil && e.Cycle.Plan != nil {
			e.Cycle.Plan.Features["run"] = credits.Rate{Free: true}
			changed++
		}
	}
	if changed == 0 {
		t.Fatal("the forecast has no change of plan")
	}
	if got := r.doOn("other", credits.Spend{Feature: "run", Quantity: 1}); got.Amount != n("1") {
		t.Errorf("another wallet pays %v", got.Amount)
	}
}

// P-7: no cycle is free because a paid term ends within one of the new schedule.
func TestTermThatEndsWithinACycle(t *testing.T) {
	for _, when := range []credits.When{credits.AtOnce, credits.AtCycle} {
		r := newRig(t, "2026-01-15")
		r.open(monthly("10000", func(p *credits.Plan) { p.Price, p.Term = cash("108.00 USD"), credits.Years(1) }))
		r.at("2026-10-20")
		r.do(credits.Subscribe{When: when, Plan: monthly("10000", func(p *credits.Plan) {
			p.ID, p.Price, p.Anchor = "b", cash("20.00 USD"), credits.FirstOfMonth
		})})
		r.at("2027-04-20")
		r.tick()
		for _, e := range r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindRenewed}}) {
			if e.At.After(day("2026-10-20")) && e.Charge.Micros < cash("9.00 USD").Micros && !e.Cycle.Period.Start.Equal(day("2026-11-15")) {
				t.Errorf("%v: the cycle of %v costs %v", when, e.Cycle.Period.Start, e.Charge)
			}
		}
	}
}

// lots are never paid with more than was charged.
func TestLotsOfAMoveAddUp(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10000", func(p *credits.Plan) { p.Price, p.Every = cash("20.00 USD"), credits.Days(7) }))
	r.at("2026-01-03")
	r.do(credits.Subscribe{Plan: monthly("10000", func(p *credits.Plan) { p.ID, p.Price, p.Term = "b", cash("120.00 USD"), credits.Years(1) })})
	r.at("2026-12-30")
	r.tick()
	var paid, charged int64
	for _, e := range r.history(acme, credits.HistoryQuery{}) {
		charged += e.Charge.Micros
		if e.Opens != nil {
			paid += e.Opens.Paid.Micros
		}
	}
	if paid > charged {
		t.Errorf("lots were paid with %d, and %d was charged", paid, charged)
	}
}

// T-7, V14: what a wallet takes on leaves room for what time brings.
func TestHeadLeavesRoom(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("1", func(p *credits.Plan) { p.AddOns = []credits.AddOn{{ID: strings.Repeat("a", 255), Scoped: true}} }))
	var err error
	for i := 0; i < 1_001 && err == nil; i++ {
		scope := strings.Repeat("s", 250) + strconv.Itoa(i)
		_, err = r.ledger.Do(r.ctx, acme, r.key(), credits.SetUnits{AddOn: strings.Repeat("a", 255), Scope: scope, Units: 1})
	}
	if !errors.Is(err, credits.ErrLimit) {
		t.Errorf("a thousand holdings of the longest names: %v", err)
	}
}

// T-4: a first cycle that is not whole has its share, also where a plan takes over
// at a reset.
func TestFirstShareAtAReset(t *testing.T) {
	for first, want := range map[credits.First]string{credits.FirstFull: "280", credits.FirstProrated: "140", credits.FirstNothing: "0"} {
		r := newRig(t, "2026-01-15")
		r.open(monthly("10"))
		r.do(credits.Subscribe{When: credits.AtCycle, Plan: monthly("280", func(p *credits.Plan) {
			p.ID, p.Anchor, p.First = "b", credits.FirstOfMonth, first
		})})
		r.at("2026-02-15")
		r.has(want)
		r.at("2026-03-01")
		r.has("280")
	}
}

// S-10, T-4: an upgrade in a first cycle that is not whole has the same share of it.
func TestUpgradeInAFirstCycle(t *testing.T) {
	for first, want := range map[credits.First]string{credits.FirstFull: "620", credits.FirstProrated: "240", credits.FirstNothing: "0"} {
		r := newRig(t, "2026-01-20")
		calendar := func(id string) func(*credits.Plan) {
			return func(p *credits.Plan) { p.ID, p.Anchor, p.First = id, credits.FirstOfMonth, first }
		}
		r.open(monthly("310", calendar("a")))
		r.do(credits.Subscribe{Plan: monthly("620", calendar("b"))})
		r.has(want)
	}
}

// CF-09, CF-13: a package that was revoked is not active any more.
func TestRevokedPackIsNotActive(t *testing.T) {
	plus := monthly("100", func(p *credits.Plan) {
		p.ID, p.Price = "plus", cash("10.00 USD")
		p.Packs = []credits.Pack{{ID: "extra", Size: n("50"), Life: credits.Days(30), Active: 1}}
	})
	r := newRig(t, "2026-01-15")
	r.open(plus)
	r.do(credits.Buy{Pack: "extra", Amount: n("50")})
	r.refused(credits.Buy{Pack: "extra", Amount: n("50")}, credits.PackActive)
	r.do(credits.Deactivate{})
	r.do(credits.Reactivate{})
	r.do(credits.Buy{Pack: "extra", Amount: n("50")})
}

// P-6: other content under a version that the wallet once had is refused.
func TestVersionsAreKnown(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(monthly("100"))
	r.do(credits.Subscribe{Plan: monthly("200", func(p *credits.Plan) { p.ID = "b" })})
	r.invalid(credits.Subscribe{Plan: monthly("300")}, "plan.version", nil)
	r.do(credits.Subscribe{Plan: monthly("100")})
}
