package model

import (
	"slices"
	"time"

	"example.com/credits"
)

// Advance lets time pass, one boundary after another. Time that goes back
// stands still (T-8).
func (w *Wallet) Advance(to time.Time) {
	for {
		all := w.boundaries()
		if len(all) == 0 || all[0].After(to) {
			break
		}
		w.step(all[0])
	}
	if to.After(w.At) {
		w.pass(to)
	}
}

// pass moves the wallet's time, and empties the count of auto-purchase where a
// month begins.
func (w *Wallet) pass(to time.Time) {
	if !w.windowEnd(w.At).After(to) {
		w.bought = nil
	}
	w.At = to
}

// step lets happen what is due at one instant, in the order of T-6.
func (w *Wallet) step(at time.Time) {
	reset := w.cycleEnd().Equal(at)
	w.pass(at)
	w.timeOut()
	w.rollOver()
	for _, l := range w.lots {
		if l.Terms.Expires.Equal(at) {
			for _, c := range l.at(credits.Available) {
				w.shift(credits.KindExpired, c, credits.Expired)
			}
		}
	}
	if reset {
		w.forgive()
		w.Number++
		w.used, w.returned = nil, nil
		w.note(credits.KindRenewed, "")
		w.grantAllowances()
	}
	for _, l := range w.lots {
		if l.Terms.Starts.Equal(at) && len(l.at(credits.Issued)) > 0 {
			w.begin(credits.KindStarted, l)
		}
	}
}

// timeOut ends the holds whose deadline it is.
func (w *Wallet) timeOut() {
	for _, h := range slices.Clone(w.holds) {
		if h.until.Equal(w.At) {
			if len(h.coins) == 0 {
				w.note(credits.KindTimedOut, h.unit)
			}
			w.drop(h)
			w.ended = append(w.ended, h.id)
			w.back(credits.KindTimedOut, h.coins)
		}
	}
}

// drop forgets a hold.
func (w *Wallet) drop(h *hold) {
	w.holds = slices.DeleteFunc(w.holds, func(x *hold) bool { return x == h })
}

// rollOver lets of each ending allowance survive what an operator carries over,
// and then the plan's share of the rest.
func (w *Wallet) rollOver() {
	for _, l := range slices.Clone(w.lots) {
		if l.allowance == 0 || !l.Terms.Expires.Equal(w.At) {
			continue
		}
		w.survive(l, atMost(l.at(credits.Available), l.carry), credits.FromCarryOver, l.carryEnds)
		policy := w.Plan.Allowances[l.allowance-1]
		coins := part(l.at(credits.Available), policy.Rollover.Share)
		if most, ok := policy.Rollover.Cap.Amount(); ok {
			coins = atMost(coins, coinsOf(l, most))
		}
		if policy.Rollover.CapShare != 0 {
			coins = atMost(coins, part(coinsOf(l, policy.Amount), policy.Rollover.CapShare))
		}
		w.survive(l, coins, credits.FromRollover, w.lives(policy.Rollover.Life))
	}
}

// lives is when what is carried from an ending cycle ends.
func (w *Wallet) lives(life credits.Span) time.Time {
	if life == 0 || life == credits.ForCycle {
		return w.instant(w.Number + 2)
	}
	return w.ends(life)
}

// survive moves coins of an ending lot to a new one.
func (w *Wallet) survive(from *Lot, coins []*coin, source credits.Source, ends time.Time) {
	if len(coins) == 0 {
		return
	}
	if ends.IsZero() && source == credits.FromCarryOver {
		ends = w.instant(w.Number + 2)
	}
	w.moveTo(w, credits.KindRolledOver, credits.KindRolledOver, coins, credits.Terms{
		Unit: from.Terms.Unit, Source: source, Expires: ends,
		Priority: from.Terms.Priority, Scope: from.Terms.Scope, Features: from.Terms.Features,
	})
}

// moveTo moves coins of one lot to a new lot in another wallet or this one.
func (w *Wallet) moveTo(to *Wallet, sent, received credits.Kind, coins []*coin, terms credits.Terms) {
	from := coins[0].lot
	for range coins {
		terms.Amount++
	}
	for _, c := range coins {
		w.shift(sent, c, credits.Moved)
	}
	l := to.open(terms)
	l.origin, l.home = from, from.home
	if from.origin != nil {
		l.origin = from.origin
	}
	if to != w && l.home == "" {
		l.home = w.ID
	}
	to.begin(received, l)
}

// forgive issues what settles the debt, where the plan says so: a lot for each
// spend that still owes.
func (w *Wallet) forgive() {
	for len(w.owed) > 0 {
		s := w.owed[0].spend
		if !slices.ContainsFunc(w.Plan.Overdrafts, func(o credits.Overdraft) bool {
			return o.Unit == s.unit && o.AtReset == credits.ForgiveDebt
		}) {
			return // there is one unit with an overdraft
		}
		var owed []*taking
		terms := credits.Terms{Unit: s.unit, Source: credits.FromGrant}
		for _, t := range w.owed {
			if t.spend == s {
				owed = append(owed, t)
				terms.Amount++
			}
		}
		w.owed = slices.DeleteFunc(w.owed, func(t *taking) bool { return t.spend == s })
		l := w.open(terms)
		l.Withdrawn = true // what a reversal gives back was nobody's
		for _, c := range l.coins {
			w.shift(credits.KindForgiven, c, credits.Available)
		}
		for i, c := range l.coins {
			w.move(credits.KindForgiven, s.unit, l, credits.Available, credits.Debt)
			c.at = credits.Consumed
			owed[i].coin = c
		}
	}
}

// grantAllowances gives what the plan gives each cycle.
func (w *Wallet) grantAllowances() {
	for i, a := range w.Plan.Allowances {
		l := w.open(credits.Terms{
			Unit: a.Unit, Source: credits.FromAllowance, Amount: a.Amount, Expires: w.cycleEnd(),
			Priority: a.Priority, Features: slices.Clone(a.Features),
		})
		l.allowance = i + 1
		w.begin(credits.KindGranted, l)
	}
}
