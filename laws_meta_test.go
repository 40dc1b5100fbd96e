package credits_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"example.com/credits"
)

// remains are what a wallet has, whatever the history by which it came to that.
type remains struct {
	Lots     []credits.Lot
	Balances []credits.Balance
}

func remainsOf(w credits.Wallet) remains {
	v := viewOf(w)
	return remains{v.Lots, v.Balances}
}

// A spend of a sum and the spends of its parts take the same from the same lots,
// and owe the same, as long as nothing is bought meanwhile.
func TestLawSplitSpends(t *testing.T) {
	tried := 0
	eachLife(t, 100, func(t testing.TB, r *rand.Rand) {
		plan := drawPlan(t, r)
		plan.Auto = credits.AutoPurchase{}
		l := newLife(t, r, &plan)
		for range 40 {
			l.pass(true)
			if _, err := l.do(l.call(l.draw())); err != nil {
				continue
			}
			unit, scope := pick(r, "", "", lawUnit), pick(r, "", "ann")
			whole := l.amount(unit, scope)
			if whole < 2 {
				continue
			}
			part := 1 + credits.Amount(r.Int64N(int64(whole)-1))
			a, b := *l, *l
			_, errWhole := a.do(a.call(credits.Spend{Unit: unit, Scope: scope, Amount: whole}))
			_, errFirst := b.do(b.call(credits.Spend{Unit: unit, Scope: scope, Amount: part}))
			var errRest error
			if errFirst == nil {
				_, errRest = b.do(b.call(credits.Spend{Unit: unit, Scope: scope, Amount: whole - part}))
			}
			if (errWhole == nil) != (errFirst == nil && errRest == nil) {
				t.Fatalf("spending %v: %v; spending %v and the rest: %v, %v", whole, errWhole, part, errFirst, errRest)
			}
			if errWhole != nil {
				continue
			}
			tried++
			if diff := differ(remainsOf(a.w), remainsOf(b.w)); diff != "" {
				t.Fatalf("spending %v, and %v and the rest (-whole +parts):\n%s", whole, part, diff)
			}
		}
	})
	if tried < 200 {
		t.Errorf("only %d spends were split", tried)
	}
}

// With all amounts times a thousand, all that comes of them is times a thousand.
func TestLawScaledAmounts(t *testing.T) {
	const by = 1000
	eachLife(t, 60, func(t testing.TB, r *rand.Rand) {
		plan := plainPlan(r)
		scaled := scalePlan(plan, by)
		seed := r.Uint64()
		a := newLife(t, rand.New(rand.NewPCG(seed, 0)), &plan)
		b := newLife(t, rand.New(rand.NewPCG(seed, 0)), &scaled)
		for range 50 {
			a.pass(true)
			b.now, b.keys = a.now, a.keys
			c := coarse(a.draw())
			_, errA := a.do(a.call(c))
			b.r = a.r
			call := b.call(scaleCommand(c, by))
			call.Actor = credits.Actor{}
			_, errB := b.do(call)
			if (errA == nil) != (errB == nil) {
				t.Fatalf("%#v: %v; a thousand times: %v", c, errA, errB)
			}
			want := remainsOf(a.w)
			for i := range want.Lots {
				scaleLot(&want.Lots[i], by)
			}
			if diff := differ(want.Lots, remainsOf(b.w).Lots); diff != "" {
				t.Fatalf("after %#v (-scaled +a thousand times):\n%s", c, diff)
			}
		}
	})
}

// plainPlan is a plan whose arithmetic is exact at every scale: no prices, and
// shares of amounts that are whole hundreds of a percent.
func plainPlan(r *rand.Rand) credits.Plan {
	limit := pick(r, credits.AtMost(0), credits.AtMost(30*credits.Credit), credits.Unlimited)
	p := credits.Plan{
		ID: "plain", Version: 1, Every: pick(r, credits.Days(7), credits.Months(1)), Burn: credits.Burn(r.IntN(3)),
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit, Rollover: credits.Rollover{
			Share: pick(r, 0, 50*credits.Percent, 100*credits.Percent),
		}}},
		Overdrafts: []credits.Overdraft{{Limit: limit, AtReset: credits.AtReset(r.IntN(3))}},
	}
	if p.Allowances[0].Rollover.Share != 0 {
		p.Allowances[0].Rollover.Cap = pick(r, 0, credits.AtMost(40*credits.Credit))
	}
	return p
}

func scalePlan(p credits.Plan, by credits.Amount) credits.Plan {
	a := p.Allowances[0]
	a.Amount *= by
	if most, ok := a.Rollover.Cap.Amount(); ok {
		a.Rollover.Cap = credits.AtMost(most * by)
	}
	p.Allowances = []credits.Allowance{a}
	o := p.Overdrafts[0]
	if most, ok := o.Limit.Amount(); ok {
		o.Limit = credits.AtMost(most * by)
	}
	p.Overdrafts = []credits.Overdraft{o}
	return p
}

// coarse makes the amounts of a command whole credits, of no price, of the one
// unit that a plain plan has.
func coarse(c credits.Command) credits.Command {
	whole := func(a credits.Amount) credits.Amount {
		if a == 0 {
			return 0
		}
		return (a%7 + 1) * 10 * credits.Credit
	}
	switch c := c.(type) {
	case credits.Spend:
		c.Amount, c.Unit = whole(c.Amount), ""
		return c
	case credits.Reserve:
		c.Amount, c.Unit = whole(c.Amount), ""
		return c
	case credits.Capture:
		c.Amount = whole(c.Amount)
		return c
	case credits.Reverse:
		c.Amount = whole(c.Amount)
		return c
	case credits.Grant:
		c.Amount, c.Unit, c.Paid = whole(c.Amount), "", credits.Money{}
		return c
	case credits.CarryOver:
		c.Amount = whole(c.Amount)
		return c
	default:
		return c
	}
}

func scaleCommand(c credits.Command, by credits.Amount) credits.Command {
	switch c := c.(type) {
	case credits.Spend:
		c.Amount *= by
		return c
	case credits.Reserve:
		c.Amount *= by
		return c
	case credits.Capture:
		c.Amount *= by
		return c
	case credits.Reverse:
		c.Amount *= by
		return c
	case credits.Grant:
		c.Amount *= by
		return c
	case credits.CarryOver:
		c.Amount *= by
		return c
	default:
		return c
	}
}

func scaleLot(l *credits.Lot, by credits.Amount) {
	for _, a := range []*credits.Amount{
		&l.Amount, &l.Available, &l.Held, &l.Consumed, &l.Expired, &l.Revoked, &l.Refunded, &l.Moved,
	} {
		*a *= by
	}
}

// In which order wallets are served that have nothing to do with each other does not matter.
func TestLawPermutedWallets(t *testing.T) {
	ids := []credits.WalletID{"acme", "bob", "ann"}
	eachLife(t, 20, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, ids...)
		other := newHouse(t, r)
		other.clock.Set(h.clock.Now())
		for _, x := range h.done {
			if _, err := other.ledger.Do(ctx(), x.Wallet, x.Key, x.Command); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			h.pass(pick(r, ids...), true)
			other.clock.Set(h.clock.Now())
			served := len(h.done)
			for _, id := range ids {
				_, _ = h.do(id, h.look(id).draw())
			}
			round := h.done[served:]
			for _, i := range r.Perm(len(round)) {
				x := round[i]
				if _, err := other.ledger.Do(ctx(), x.Wallet, x.Key, x.Command); err != nil {
					t.Fatalf("%#v: %v", x.Command, err)
				}
			}
		}
		for _, id := range ids {
			other.lives[id] = &life{}
			if diff := differ(h.history(id), other.history(id)); diff != "" {
				t.Fatalf("in another order (-one +other):\n%s", diff)
			}
		}
		other.verify()
	})
}

// A life 28 days later is the same life, 28 days later, where nothing of it is
// bound to the calendar.
func TestLawShiftedTime(t *testing.T) {
	const by = 28 * 24 * time.Hour
	eachLife(t, 60, func(t testing.TB, r *rand.Rand) {
		plan := plainPlan(r)
		plan.Every = pick(r, credits.Days(1), credits.Days(7), credits.Days(28))
		a, b := newLife(t, r, nil), newLife(t, r, nil)
		a.w, a.entries = reopened(t, plan, a.now)
		b.w, b.entries = reopened(t, plan, a.now.Add(by))
		for range 50 {
			a.pass(true)
			c := a.draw()
			if _, calendar := c.(credits.SetZone); calendar {
				continue
			}
			call := a.call(c)
			later := call
			later.Now, later.Command = call.Now.Add(by), shiftCommand(c, by)
			later.Past = pastOf(b.entries, c)
			want, errA := a.do(call)
			got, errB := b.do(later)
			if (errA == nil) != (errB == nil) {
				t.Fatalf("%#v: %v; later: %v", c, errA, errB)
			}
			for i := range want {
				shiftEntry(&want[i], by)
			}
			if diff := differ(want, got); diff != "" {
				t.Fatalf("after %#v (-shifted +later):\n%s", c, diff)
			}
			for i := range want {
				shiftEntry(&want[i], -by)
			}
		}
	})
}

func reopened(t testing.TB, plan credits.Plan, at time.Time) (credits.Wallet, []credits.Entry) {
	t.Helper()
	w, err := credits.NewWallet("acme")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := w.Decide(credits.Call{Key: "open", Now: at, Command: credits.Open{Plan: plan}})
	if err == nil {
		w, err = w.Apply(entries...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, entries
}

func shift(t *time.Time, by time.Duration) {
	if !t.IsZero() {
		*t = t.Add(by)
	}
}

func shiftCommand(c credits.Command, by time.Duration) credits.Command {
	switch c := c.(type) {
	case credits.Reserve:
		shift(&c.Until, by)
		return c
	case credits.Grant:
		shift(&c.Starts, by)
		shift(&c.Expires, by)
		return c
	case credits.CarryOver:
		shift(&c.Expires, by)
		return c
	default:
		return c
	}
}

func shiftEntry(e *credits.Entry, by time.Duration) {
	shift(&e.At, by)
	shift(&e.Clock, by)
	if e.Opens != nil {
		shift(&e.Opens.Starts, by)
		shift(&e.Opens.Expires, by)
	}
	if e.Hold != nil {
		shift(&e.Hold.Until, by)
	}
	if e.Cycle != nil {
		shift(&e.Cycle.Period.Start, by)
		shift(&e.Cycle.Period.End, by)
		shift(&e.Cycle.Anchor, by)
		shift(&e.Cycle.Term, by)
		shift(&e.Cycle.Life, by)
	}
	if e.Purchase != nil {
		shift(&e.Purchase.At, by)
		shift(&e.Purchase.Month.Start, by)
		shift(&e.Purchase.Month.End, by)
	}
	if e.Setting != nil {
		shift(&e.Setting.Expires, by)
	}
}

// Every sequence of a few commands, with amounts of 1 and 2 on two lots, keeps
// the laws after every entry. CREDITS_SCOPE makes the sequences longer than 4.
func TestSmallScope(t *testing.T) {
	depth := 4
	if n, err := strconv.Atoi(os.Getenv("CREDITS_SCOPE")); err == nil && n > 0 {
		depth = n
	}
	start := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	plan := credits.Plan{
		ID: "small", Version: 1, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 2, Rollover: credits.Rollover{Share: 50 * credits.Percent}}},
		Overdrafts: []credits.Overdraft{{Limit: credits.AtMost(1)}},
	}
	w, entries := reopened(t, plan, start)
	root := scope{w: w, entries: entries, now: start}
	count, done := 0, 0
	root.explore(t, depth, &count, &done)
	t.Logf("%d sequences of up to %d commands, of which %d commands were done", count, depth, done)
	if done < count/3 {
		t.Errorf("only %d of %d commands were done", done, count)
	}
}

// scope is a wallet after a short sequence of commands.
type scope struct {
	w       credits.Wallet
	entries []credits.Entry
	now     time.Time
	hold    credits.ID // the first that was made
	spend   credits.ID // the last that was made
}

// commands are what a scope can be given. A nil command lets time pass to the next thing that falls due.
func (s *scope) commands() []credits.Command {
	soon := s.now.Add(time.Hour)
	return []credits.Command{
		nil,
		credits.Spend{Amount: 1},
		credits.Spend{Amount: 2},
		credits.Grant{Amount: 2, Expires: soon},
		credits.Reserve{Amount: 2, Until: soon, Over: credits.DrawSome},
		credits.Capture{Hold: s.hold, Amount: 1},
		credits.Capture{Hold: s.hold, Amount: 3},
		credits.Release{Hold: s.hold},
		credits.Reverse{Spend: s.spend, Amount: 1},
		credits.Revoke{Lot: 2},
	}
}

func (s *scope) explore(t *testing.T, depth int, count, done *int) {
	if depth == 0 || t.Failed() {
		return
	}
	for _, c := range s.commands() {
		*count++
		next := *s
		next.entries = s.entries[:len(s.entries):len(s.entries)]
		if c == nil {
			next.now = s.w.Due()
			next.explore(t, depth-1, count, done)
			continue
		}
		call := credits.Call{Key: credits.Key(strconv.Itoa(len(s.entries))), Now: s.now, Command: c, Past: pastOf(s.entries, c)}
		entries, err := s.w.Decide(call)
		if err != nil {
			if !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) {
				t.Fatalf("%#v: %v", c, err)
			}
			continue // what was refused changed nothing
		}
		*done++
		next.entries = append(next.entries, entries...)
		if next.w, err = s.w.Apply(entries...); err == nil {
			_, err = replayed("acme", next.entries)
		}
		if err == nil {
			err = overdrawn(next.w)
		}
		if err != nil {
			t.Fatalf("%v, then %#v: %v", s.entries, c, err)
		}
		for _, e := range entries {
			switch {
			case e.Kind == credits.KindReserved && s.hold == 0:
				next.hold = e.Seq
			case e.Kind == credits.KindSpent || e.Kind == credits.KindCaptured:
				next.spend = e.Seq
			}
		}
		next.explore(t, depth-1, count, done)
	}
}
