// Package model is the credits library again, as a person would play it with
// coins on a table.
//
// Every microcredit is an object of its own that knows its lot and where it
// lies. Commands and time move these objects one at a time, in the order that
// the rules state; how much there is of something is how many objects lie
// there. Nothing is added, subtracted, multiplied or rounded, so the model
// cannot make the mistakes that arithmetic makes. It is written from the rules
// and the documentation of package credits, not from its code, and is slow on
// purpose.
package model

import (
	"slices"
	"time"

	"example.com/credits"
)

// coin is one microcredit, or one millionth of another unit.
type coin struct {
	lot *Lot
	at  credits.Account // Issued while its lot is pending
}

// Lot is coins that came together.
type Lot struct {
	Terms     credits.Terms // without Paid, which the model does not follow
	Withdrawn bool
	coins     []*coin
	carry     []*coin // of the current allowance: one for each coin that an operator carries over
	carryEnds time.Time
	allowance int // 1 + the index of the plan's allowance that it is, 0 for none
	buy       *purchase
	origin    *Lot
	home      credits.WalletID // where origin lies; empty for the same wallet
}

// purchase is lots that were bought together.
type purchase struct {
	id   credits.ID
	lots []*Lot
}

// hold is coins set aside.
type hold struct {
	id             credits.ID
	unit           credits.Unit
	coins          []*coin // in the order in which they were taken
	until          time.Time
	feature, scope string
	over           credits.Over
}

// spend is coins used, and coins owed.
type spend struct {
	id             credits.ID
	unit           credits.Unit
	feature, scope string
	takings        []*taking // in the order in which they were taken
}

// taking is one coin's worth of a spend.
type taking struct {
	spend *spend
	coin  *coin // nil while it is owed
}

// lies counts coins by walking over them.
func lies(coins []*coin, at credits.Account) credits.Amount {
	var n credits.Amount
	for _, c := range coins {
		if c.at == at {
			n++
		}
	}
	return n
}

// at returns a lot's coins that lie somewhere.
func (l *Lot) at(where credits.Account) []*coin {
	var found []*coin
	for _, c := range l.coins {
		if c.at == where {
			found = append(found, c)
		}
	}
	return found
}

// left reports whether a lot has coins that are neither used nor gone.
func (l *Lot) left() bool {
	return slices.ContainsFunc(l.coins, func(c *coin) bool {
		return c.at == credits.Issued || c.at == credits.Available || c.at == credits.Held
	})
}

// expired reports whether a lot's time is over: at its end it is (T-1).
func (l *Lot) expired(t time.Time) bool {
	return !l.Terms.Expires.IsZero() && !t.Before(l.Terms.Expires)
}

// fits reports whether a lot may pay for a usage (S-5).
func (l *Lot) fits(unit credits.Unit, feature, scope string) bool {
	if l.Terms.Unit != unit {
		return false
	}
	if l.Terms.Scope != "" && l.Terms.Scope != scope {
		return false
	}
	return len(l.Terms.Features) == 0 || slices.Contains(l.Terms.Features, feature)
}

// coinsOf makes n coins of a lot.
func coinsOf(l *Lot, n credits.Amount) []*coin {
	var made []*coin
	for ; n > 0; n-- {
		made = append(made, &coin{lot: l, at: credits.Issued})
	}
	return made
}

// part returns as many coins as a share of them is, rounded down: each coin
// puts a chip on a heap for every percent, and a heap of a hundred buys one.
func part(coins []*coin, share credits.Share) []*coin {
	var bought []*coin
	var heap []struct{}
	for range coins {
		for range share / credits.Percent {
			heap = append(heap, struct{}{})
			if len(heap) == 100 {
				heap = nil
				bought = append(bought, coins[len(bought)])
			}
		}
	}
	return bought
}

// atMost returns the first coins up to a limit.
func atMost(coins []*coin, limit []*coin) []*coin {
	var kept []*coin
	for i := range limit {
		if i < len(coins) {
			kept = append(kept, coins[i])
		}
	}
	return kept
}

// month is the n-th month after an anchor, on its last day where it is shorter (T-2).
func month(anchor time.Time, n int) time.Time {
	first := time.Date(anchor.Year(), anchor.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, n, 0)
	day := anchor.Day()
	for first.AddDate(0, 0, day-1).Month() != first.Month() {
		day--
	}
	return first.AddDate(0, 0, day-1).Add(anchor.Sub(time.Date(anchor.Year(), anchor.Month(), anchor.Day(), 0, 0, 0, 0, time.UTC)))
}
