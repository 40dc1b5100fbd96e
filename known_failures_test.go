package credits_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// What other systems are known to get wrong. Each test has the name of the
// failure that it excludes.

func TestKnownFailureExpiryOfSpentCreditsGoesNegative(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("100"), Expires: day("2026-01-20")})
	r.do(credits.Spend{Amount: n("80")})
	r.has("20")
	r.at("2026-01-20")
	r.has("0")
	r.do(credits.Grant{Amount: n("50")})
	r.has("50")
	r.told(3, "expired 20, granted 50")
}

func TestKnownFailureConcurrentSpendsOverdraw(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("100")})
	errs := parallel(8, func(i int) error {
		_, err := r.ledger.Do(r.ctx, acme, credits.Key(fmt.Sprint("spend-", i)), credits.Spend{Amount: n("60")})
		return err
	})
	count := 0
	for _, err := range errs {
		switch {
		case err == nil:
			count++
		case !errors.Is(err, credits.Insufficient):
			t.Errorf("got %v, want insufficient credits", err)
		}
	}
	if count != 1 {
		t.Errorf("%d of 8 spends of 60 on 100 succeeded, want 1", count)
	}
	r.has("40")
}

// parallel calls f from so many goroutines at once.
func parallel(count int, f func(i int) error) []error {
	errs := make([]error, count)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestKnownFailureExpiringLotTakesFromAnother(t *testing.T) {
	t.Run("S-3/spends then expiry", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		a := r.do(credits.Grant{Amount: n("10"), Expires: day("2026-01-02")})
		b := r.do(credits.Grant{Amount: n("10")})
		r.do(credits.Spend{Amount: n("13")})
		r.at("2026-01-02")
		if l := r.lot(a.ID); l.Consumed != n("10") || l.Expired != 0 {
			t.Errorf("the expiring lot is %+v", l)
		}
		if l := r.lot(b.ID); l.Consumed != n("3") || l.Available != n("7") || l.Expired != 0 {
			t.Errorf("the other lot is %+v", l)
		}
	})
	t.Run("S-3/raced", func(t *testing.T) {
		r := newRig(t, "2026-01-01 23:59:59.999990")
		r.open(bare())
		a := r.do(credits.Grant{Amount: n("10"), Expires: day("2026-01-02")})
		b := r.do(credits.Grant{Amount: n("1000")})
		for i, err := range parallel(8, func(i int) error {
			if i == 7 {
				for range 20 {
					r.clock.Add(time.Microsecond)
				}
				return nil
			}
			_, err := r.ledger.Do(r.ctx, acme, credits.Key(fmt.Sprint("spend-", i)), credits.Spend{Amount: n("3")})
			return err
		}) {
			if err != nil {
				t.Errorf("spend %d: %v", i, err)
			}
		}
		la, lb := r.lot(a.ID), r.lot(b.ID)
		if la.Consumed+la.Expired != n("10") || lb.Expired != 0 || la.Consumed+lb.Consumed != n("21") {
			t.Errorf("the lots are %+v and %+v", la, lb)
		}
	})
}

func TestKnownFailureBurnOrderIsLeftToChance(t *testing.T) {
	t.Run("alike but for expiry", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		later := r.do(credits.Grant{Amount: n("5"), Expires: day("2026-03-01")})
		sooner := r.do(credits.Grant{Amount: n("5"), Expires: day("2026-02-01")})
		r.do(credits.Spend{Amount: n("5")})
		if got := r.lot(sooner.ID).Consumed; got != n("5") {
			t.Errorf("%v were taken from the lot that expires first, want 5", got)
		}
		if got := r.lot(later.ID).Available; got != n("5") {
			t.Errorf("%v are left in the lot that expires later, want 5", got)
		}
	})
	t.Run("alike in all", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		first := r.do(credits.Grant{Amount: n("5"), Expires: day("2026-02-01")})
		r.do(credits.Grant{Amount: n("5"), Expires: day("2026-02-01")})
		s := r.do(credits.Spend{Amount: n("5")})
		if lines := s.Lines(); len(lines) != 1 || lines[0].Lot != first.ID {
			t.Errorf("the lines are %+v, want one of lot %d", lines, first.ID)
		}
	})
}

// rolling is a plan that rolls half over, at most 30.
func rolling() credits.Plan {
	return monthly("100", func(p *credits.Plan) {
		p.Allowances[0].Rollover = credits.Rollover{Share: 50 * credits.Percent, Cap: credits.AtMost(n("30")), Life: credits.Months(2)}
	})
}

func TestKnownFailureMissedPeriodsDifferFromTimelyOnes(t *testing.T) {
	resets := []string{"2026-02-28 12:00", "2026-03-31 12:00", "2026-04-30 12:00"}
	timely := newRig(t, "2026-01-31 12:00")
	timely.open(rolling())
	for _, at := range resets {
		timely.at(at)
		if got := timely.tick(); got != 1 {
			t.Errorf("tick at %s wrote %d wallets, want 1", at, got)
		}
	}
	timely.at("2026-05-01")
	timely.do(credits.Spend{Amount: n("1")})
	missed := newRig(t, "2026-01-31 12:00")
	missed.open(rolling())
	missed.at("2026-05-01")
	missed.do(credits.Spend{Amount: n("1")})
	if diff := cmp.Diff(timely.dump(""), missed.dump("")); diff != "" {
		t.Errorf("the stores differ (-timely +missed):\n%s", diff)
	}
	missed.told(2, "rolled over 30, expired 70, renewed, granted 100, "+
		"rolled over 30, expired 70, renewed, granted 100, "+
		"expired 30, rolled over 30, expired 70, renewed, granted 100, spent 1")
}

func TestKnownFailureReadersAtAResetRollOverTwice(t *testing.T) {
	r := newRig(t, "2026-01-31 12:00")
	r.open(rolling())
	r.at("2026-02-28 12:00")
	for _, err := range parallel(10, func(int) error {
		w, err := r.ledger.Wallet(r.ctx, acme)
		if err == nil && w.Available() != n("130") {
			err = fmt.Errorf("available is %v, want 130", w.Available())
		}
		if err == nil {
			_, err = r.ledger.Tick(r.ctx)
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	r.told(2, "rolled over 30, expired 70, renewed, granted 100")
}

func TestKnownFailureRecurrenceAtTheSameInstantAppliesTwice(t *testing.T) {
	first := func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }
	tests := []struct {
		name string
		run  func(r *rig)
		want string
	}{
		{"as creation", func(r *rig) {
			r.open(monthly("100", first))
			r.tick()
			r.has("100")
		}, "opened, granted 100"},
		{"as revocation", func(r *rig) {
			r.open(monthly("100", first))
			r.at("2026-02-01")
			r.do(credits.Revoke{All: true})
			r.tick()
			r.has("0")
		}, "opened, granted 100, expired 100, renewed, granted 100, revoked 100"},
		{"as an expiry", func(r *rig) {
			r.open(monthly("100", first))
			r.do(credits.Grant{Amount: n("7"), Expires: day("2026-02-01")})
			r.at("2026-02-01")
			r.tick()
			r.has("100")
			r.tick()
		}, "opened, granted 100, granted 7, expired 100, expired 7, renewed, granted 100"},
		{"as the start of a grant", func(r *rig) {
			r.open(monthly("100", first))
			r.do(credits.Grant{Amount: n("7"), Starts: day("2026-02-01")})
			r.at("2026-02-01")
			r.tick()
			r.has("107")
		}, "opened, granted 100, granted, expired 100, renewed, granted 100, started 7"},
		{"as a reset of another unit", func(r *rig) {
			r.open(monthly("100", first, func(p *credits.Plan) {
				p.Allowances = append(p.Allowances, credits.Allowance{Unit: "GB", Amount: n("5")})
			}))
			r.at("2026-02-01")
			r.tick()
			r.tick()
		}, "opened, granted 100, granted 5, expired 100, expired 5, renewed, granted 100, granted 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			tt.run(r)
			r.told(0, tt.want)
		})
	}
}

func TestKnownFailureHoldsOvercommit(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("100")})
	until := day("2026-01-02")
	h := r.do(credits.Reserve{Amount: n("60"), Until: until})
	r.has("40")
	r.refused(credits.Reserve{Amount: n("60"), Until: until}, credits.Insufficient)
	r.do(credits.Capture{Hold: h.ID, Amount: n("40")}) // does it twice under its key
	r.has("60")
	refusal := r.refused(credits.Capture{Hold: h.ID, Amount: n("40")}, credits.Ended)
	if want := "the hold was captured at 2026-01-01T00:00:00Z"; refusal.Detail != want {
		t.Errorf("the detail is %q, want %q", refusal.Detail, want)
	}
	h = r.do(credits.Reserve{Amount: n("60"), Until: until})
	r.do(credits.Release{Hold: h.ID})
	refusal = r.refused(credits.Capture{Hold: h.ID, All: true}, credits.Ended)
	if want := "the hold was released at 2026-01-01T00:00:00Z"; refusal.Detail != want {
		t.Errorf("the detail is %q, want %q", refusal.Detail, want)
	}
	r.has("60")
}

func TestKnownFailureHoldLosesItsLot(t *testing.T) {
	t.Run("expired before the capture", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		g := r.do(credits.Grant{Amount: n("100"), Expires: day("2026-01-02")})
		h := r.do(credits.Reserve{Amount: n("60"), Until: day("2026-01-04")})
		r.at("2026-01-03")
		r.has("0")
		r.do(credits.Capture{Hold: h.ID, Amount: n("45")})
		r.has("0")
		if l := r.lot(g.ID); l.Consumed != n("45") || l.Expired != n("55") {
			t.Errorf("the lot is %+v", l)
		}
	})
	t.Run("over a reset", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("100", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 100 * credits.Percent }))
		h := r.do(credits.Reserve{Amount: n("60"), Until: day("2026-02-04")})
		r.at("2026-02-01")
		r.has("140") // 40 rolled over and 100 new: what is held is neither
		if got := r.wallet().Balance("", "").Held; got != n("60") {
			t.Errorf("%v are held, want 60", got)
		}
		r.do(credits.Capture{Hold: h.ID, All: true})
		r.has("140")
	})
	t.Run("released after its lot's expiry", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		g := r.do(credits.Grant{Amount: n("100"), Expires: day("2026-01-02")})
		h := r.do(credits.Reserve{Amount: n("60"), Until: day("2026-01-04")})
		r.at("2026-01-03")
		r.do(credits.Release{Hold: h.ID})
		r.has("0")
		if l := r.lot(g.ID); l.Expired != n("100") {
			t.Errorf("the lot is %+v", l)
		}
	})
}

func TestKnownFailureOddCapturesMintCredits(t *testing.T) {
	tests := []struct {
		name    string
		over    credits.Over
		capture credits.Capture
		field   string         // of the error
		reason  credits.Reason // of the refusal
		after   string         // available, of 100 with 60 held
	}{
		{name: "negative", capture: credits.Capture{Amount: -1}, field: "amount"},
		{name: "negative quantity", capture: credits.Capture{Quantity: -1}, field: "quantity"},
		{name: "nothing said", field: "amount"},
		{name: "zero", capture: credits.Capture{Free: true}, after: "100"},
		{name: "more, refused", capture: credits.Capture{Amount: n("61")}, reason: credits.Insufficient},
		{name: "more, drawn", over: credits.DrawAll, capture: credits.Capture{Amount: n("61")}, after: "39"},
		{name: "more than all, drawn", over: credits.DrawAll, capture: credits.Capture{Amount: n("101")}, reason: credits.Insufficient},
		{name: "more than all, as far as it goes", over: credits.DrawSome, capture: credits.Capture{Amount: n("101")}, after: "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(bare())
			r.do(credits.Grant{Amount: n("100")})
			h := r.do(credits.Reserve{Feature: "run", Quantity: 60, Until: day("2026-01-02"), Over: tt.over})
			tt.capture.Hold = h.ID
			switch {
			case tt.field != "":
				r.invalid(tt.capture, tt.field, nil)
				r.has("40")
			case tt.reason != "":
				r.refused(tt.capture, tt.reason)
				r.has("40")
			default:
				r.do(tt.capture)
				r.has(tt.after)
			}
		})
	}
}

func TestKnownFailureNegativePriceMintsCredits(t *testing.T) {
	tests := []struct {
		name   string
		change func(*credits.Plan)
		field  string
	}{
		{"of a feature", func(p *credits.Plan) { p.Features["run"] = credits.Rate{Credits: -credits.Credit} }, "plan.features.run.credits"},
		{"of a case", func(p *credits.Plan) {
			p.Features["run"] = credits.Rate{Credits: 1, Cases: []credits.RateCase{{Labels: map[string]string{"a": "b"}, Credits: -1}}}
		}, "plan.features.run.cases[0].credits"},
		{"of the plan", func(p *credits.Plan) { p.Price = cash("-1.00 USD") }, "plan.price"},
		{"of a pack", func(p *credits.Plan) {
			p.Packs = []credits.Pack{{ID: "x", Size: 1, Price: cash("-1.00 USD")}}
		}, "plan.packs[0].price"},
		{"of an allowance", func(p *credits.Plan) { p.Allowances[0].Amount = -1 }, "plan.allowances[0].amount"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			err := r.fails(credits.Open{Plan: monthly("1", tt.change)})
			var fault *credits.InvalidError
			if !errors.As(err, &fault) || fault.Field != tt.field {
				t.Errorf("got %v, want the field %q", err, tt.field)
			}
		})
	}
	t.Run("of commands", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("1", func(p *credits.Plan) { p.Packs = []credits.Pack{{ID: "x", Size: 1, Price: cash("1.00 USD")}} }))
		r.invalid(credits.Spend{Amount: -1}, "amount", nil)
		r.invalid(credits.Spend{Feature: "run", Quantity: -1}, "quantity", nil)
		r.invalid(credits.Reserve{Amount: -1, Until: day("2026-01-02")}, "amount", nil)
		r.invalid(credits.Grant{Amount: -1}, "amount", nil)
		r.invalid(credits.Grant{Amount: 1, Paid: cash("-0.01 USD")}, "paid", nil)
		r.invalid(credits.Buy{Pack: "x", Amount: -1}, "amount", nil)
		r.invalid(credits.CarryOver{Amount: -1}, "amount", nil)
		r.has("1")
	})
}

func TestKnownFailureRevokedCreditsStayInTheForecast(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("10"), Expires: day("2026-01-20")})
	r.do(credits.Grant{Amount: n("20"), Starts: day("2026-01-10")})
	r.do(credits.Grant{Amount: n("30"), Starts: day("2026-01-10"), Expires: day("2026-01-20")})
	r.do(credits.Revoke{All: true})
	f, err := r.ledger.Forecast(r.ctx, acme, "", day("2026-01-31 23:59"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Events) != 0 {
		t.Errorf("the forecast has %+v", f.Events)
	}
	if got := r.wallet().Due(); !got.Equal(day("2026-02-01")) {
		t.Errorf("the next change is at %v, want the reset", got)
	}
	for id := range r.ledger.Due(r.ctx, day("2026-01-31")) {
		t.Errorf("wallet %s is due", id)
	}
	empty, _ := credits.NewWallet(acme)
	replayed, err := empty.Apply(r.history(acme, credits.HistoryQuery{})...)
	if err != nil || !replayed.Due().Equal(day("2026-02-01")) {
		t.Errorf("replayed, the next change is at %v, want the reset; %v", replayed.Due(), err)
	}
	call := credits.Call{Key: "k", Now: day("2026-01-31"), Command: credits.Grant{Amount: 1}}
	if entries, err := replayed.Decide(call); err != nil || len(entries) != 1 {
		t.Errorf("the replayed wallet decides %+v, %v, want one grant", entries, err)
	}
	r.at("2026-01-31")
	if got := r.tick(); got != 0 {
		t.Errorf("tick wrote %d wallets, want none", got)
	}
	r.refused(credits.Revoke{All: true}, credits.Ended)
}

func TestKnownFailureRenewalTouchesOtherLots(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("100", func(p *credits.Plan) {
		p.Packs = []credits.Pack{{ID: "extra", Size: n("10"), Price: cash("1.00 USD"), Life: credits.Forever}}
	}))
	gift := r.do(credits.Grant{Amount: n("7"), Expires: day("2026-02-01 00:00:00.000001")})
	forever := r.do(credits.Grant{Amount: n("5")})
	bought := r.do(credits.Buy{Pack: "extra", Amount: n("10")})
	before := []credits.Lot{r.lot(gift.ID), r.lot(forever.ID), r.lot(bought.ID)}
	seq := r.wallet().Seq()
	r.at("2026-02-01")
	r.tick()
	if diff := cmp.Diff(before, []credits.Lot{r.lot(gift.ID), r.lot(forever.ID), r.lot(bought.ID)}); diff != "" {
		t.Errorf("the renewal changed lots (-before +after):\n%s", diff)
	}
	r.told(seq, "expired 100, renewed, granted 100")
	r.has("122")
}

func TestKnownFailureRetryAfterTheBalanceIsGone(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("10"), Expires: day("2026-02-01")})
	first, err := r.ledger.Do(r.ctx, acme, "job", credits.Spend{Amount: n("10")})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"2026-01-01", "2026-02-01", "2036-01-01"} {
		r.at(at)
		again, err := r.ledger.Do(r.ctx, acme, "job", credits.Spend{Amount: n("10")})
		if err != nil || !again.Replayed {
			t.Fatalf("at %s: replayed %v, error %v", at, again.Replayed, err)
		}
		again.Replayed = false
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("at %s (-first +again):\n%s", at, diff)
		}
		r.refused(credits.Spend{Amount: n("10")}, credits.Insufficient)
	}
}

func TestKnownFailureClockSetBack(t *testing.T) {
	for _, back := range []struct {
		name string
		by   time.Duration
	}{{"nanosecond", 1}, {"hour", time.Hour}, {"year", 365 * 24 * time.Hour}} {
		t.Run("T-8/"+back.name, func(t *testing.T) {
			r := newRig(t, "2026-01-31 12:00")
			r.open(rolling())
			r.do(credits.Grant{Amount: n("9"), Expires: day("2026-02-28 12:00")})
			h := r.do(credits.Reserve{Amount: n("4"), Until: day("2026-02-28 12:00")})
			r.at("2026-02-28 12:00")
			r.tick()
			r.has("130")
			before := r.wallet()
			r.clock.Set(r.clock.Now().Add(-back.by))
			if after := r.wallet(); !after.Equal(before) || after.Available() != n("130") || !after.At().Equal(before.At()) {
				t.Errorf("the wallet is %v, was %v", after, before)
			}
			if got := r.tick(); got != 0 {
				t.Errorf("tick wrote %d wallets, want none", got)
			}
			r.refused(credits.Capture{Hold: h.ID, All: true}, credits.Ended)
			r.refused(credits.Spend{Amount: n("131")}, credits.Insufficient)
			s := r.do(credits.Spend{Amount: n("130")})
			if e := s.Entries[0]; !e.At.Equal(day("2026-02-28 12:00")) || !e.Clock.Equal(r.clock.Now().Truncate(time.Microsecond)) {
				t.Errorf("the spend is at %v and the clock at %v, want 2026-02-28 12:00 and %v", e.At, e.Clock, r.clock.Now())
			}
			r.at("2026-03-31 12:00")
			r.has("100")
		})
	}
}

func TestKnownFailureInterleavingDecidesTheHistory(t *testing.T) {
	// Sweeps at any instants between the commands change no byte (T-6).
	run := func(sweeps ...string) map[string]string {
		s := new(memory.Store)
		r := newRigOn(t, "2026-01-31 12:00", s)
		r.open(rolling())
		r.do(credits.Grant{Amount: n("9"), Starts: day("2026-02-03"), Expires: day("2026-02-20")})
		r.do(credits.Reserve{Amount: n("40"), Until: day("2026-02-28 12:00")})
		for _, at := range sweeps {
			r.at(at)
			if _, err := r.ledger.Tick(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		r.at("2026-04-02")
		r.do(credits.Spend{Amount: n("3")})
		return r.dump("")
	}
	want := run()
	for _, sweeps := range [][]string{
		{"2026-02-03"},
		{"2026-02-02 23:59", "2026-02-20"},
		{"2026-02-28 11:59:59.999999", "2026-02-28 12:00", "2026-02-28 12:00"},
		{"2026-02-05", "2026-02-05", "2026-03-31 12:00", "2026-04-01"},
	} {
		if diff := cmp.Diff(want, run(sweeps...)); diff != "" {
			t.Errorf("sweeps at %q (-none +swept):\n%s", sweeps, diff)
		}
	}
}
