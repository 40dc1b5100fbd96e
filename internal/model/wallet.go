package model

import (
	"cmp"
	"slices"
	"time"

	"example.com/credits"
)

// Wallet is what the model knows of one wallet.
type Wallet struct {
	ID     credits.WalletID
	Plan   credits.Plan
	At     time.Time // the wallet's time
	Anchor time.Time
	Number int // of the cycle

	lots      []*Lot // by number
	holds     []*hold
	spends    []*spend
	purchases []*purchase
	owed      []*taking    // in the order in which it arose
	ended     []credits.ID // holds that were
	auto      bool
	bought    []*coin        // by auto-purchase in the current month
	used      []credits.Unit // one for each coin consumed in the current cycle; of one that came back there is one less
	returned  []credits.Unit // one for each coin that came back in the current cycle
	Moves     []Move         // of the last command and what fell due before it
	opened    []*Lot         // lots that do not know their number yet
}

// Move is coins that went from one account of a lot to another, or an event
// that moved none.
type Move struct {
	At       time.Time
	Kind     credits.Kind
	Unit     credits.Unit
	Lot      credits.ID // 0 for debt
	From, To credits.Account
	Amount   credits.Amount
	lot      *Lot
}

// move records that a coin moved; lot is nil for debt.
func (w *Wallet) move(kind credits.Kind, unit credits.Unit, lot *Lot, from, to credits.Account) {
	switch {
	case to == credits.Consumed:
		w.used = append(w.used, unit)
	case from == credits.Consumed:
		w.returned = append(w.returned, unit)
	}
	m := Move{At: w.At, Kind: kind, Unit: unit, From: from, To: to, Amount: 1, lot: lot}
	if last := len(w.Moves) - 1; last >= 0 {
		prev := w.Moves[last]
		prev.Amount = 1
		if prev == m {
			w.Moves[last].Amount++
			return
		}
	}
	w.Moves = append(w.Moves, m)
}

// shift moves a coin between the accounts of its lot.
func (w *Wallet) shift(kind credits.Kind, c *coin, to credits.Account) {
	w.move(kind, c.lot.Terms.Unit, c.lot, c.at, to)
	c.at = to
}

// note records an event that moves nothing.
func (w *Wallet) note(kind credits.Kind, unit credits.Unit) {
	w.Moves = append(w.Moves, Move{At: w.At, Kind: kind, Unit: unit})
}

// cycleEnd is when the current cycle ends.
func (w *Wallet) cycleEnd() time.Time { return w.instant(w.Number + 1) }

// instant is the n-th of the wallet's schedule.
func (w *Wallet) instant(n int) time.Time {
	at := w.Anchor
	switch w.Plan.Every {
	case credits.Days(10):
		for range n {
			at = at.AddDate(0, 0, 10)
		}
		return at
	case credits.Months(2):
		return month(w.Anchor, n+n)
	default:
		return month(w.Anchor, n)
	}
}

// termEnd is when the current term ends. A term is one cycle, or two.
func (w *Wallet) termEnd() time.Time {
	if w.Plan.Term == 0 || w.Plan.Term == w.Plan.Every {
		return w.cycleEnd()
	}
	for n := 0; ; n++ {
		if end := w.instant(n + n); end.After(w.At) {
			return end
		}
	}
}

// windowEnd is when the month of auto-purchase ends that an instant is in.
func (w *Wallet) windowEnd(t time.Time) time.Time {
	for n := 1; ; n++ {
		if end := month(w.Anchor, n); end.After(t) {
			return end
		}
	}
}

// ends is when a life ends that begins now; zero is never.
func (w *Wallet) ends(life credits.Span) time.Time {
	switch life {
	case credits.Forever:
		return time.Time{}
	case credits.ForTerm:
		return w.termEnd()
	case credits.Days(7):
		return w.At.AddDate(0, 0, 7)
	case credits.Months(1):
		return month(w.At, 1)
	default:
		return w.cycleEnd()
	}
}

// boundaries are the instants after now at which something is due, and those
// at which nothing is any more but was to be.
func (w *Wallet) boundaries() []time.Time {
	all := []time.Time{w.cycleEnd()}
	for _, h := range w.holds {
		all = append(all, h.until)
	}
	for _, l := range w.lots {
		all = append(all, l.Terms.Starts, l.Terms.Expires)
	}
	all = slices.DeleteFunc(all, func(t time.Time) bool { return !t.After(w.At) })
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// burn compares two lots by the order in which they are spent (S-1).
func (w *Wallet) burn(a, b *Lot) int {
	if w.Plan.Burn != credits.SoonestExpiry {
		if d := cmp.Compare(rank(a.Terms.Source), rank(b.Terms.Source)); d != 0 {
			return d
		}
	}
	if d := cmp.Compare(a.Terms.Priority, b.Terms.Priority); d != 0 {
		return d
	}
	if ea, eb := a.Terms.Expires, b.Terms.Expires; !ea.Equal(eb) {
		switch {
		case ea.IsZero():
			return 1
		case eb.IsZero():
			return -1
		}
		return ea.Compare(eb)
	}
	if d := a.Terms.Starts.Compare(b.Terms.Starts); d != 0 {
		return d
	}
	return cmp.Compare(slices.Index(w.lots, a), slices.Index(w.lots, b))
}

// rank is the place of a source in plan-first order.
func rank(s credits.Source) int {
	switch s {
	case credits.FromCarryOver, credits.FromRollover:
		return 1
	case credits.FromAllowance:
		return 2
	case credits.FromAddOn:
		return 3
	case credits.FromGrant:
		return 4
	default:
		return 5
	}
}

// inBurnOrder returns the wallet's lots as they are spent.
func (w *Wallet) inBurnOrder() []*Lot {
	lots := slices.Clone(w.lots)
	slices.SortFunc(lots, w.burn)
	return lots
}

// spendable returns the coins that a usage may take, in the order in which it
// takes them.
func (w *Wallet) spendable(unit credits.Unit, feature, scope string) []*coin {
	var coins []*coin
	for _, l := range w.inBurnOrder() {
		if l.fits(unit, feature, scope) {
			coins = append(coins, l.at(credits.Available)...)
		}
	}
	return coins
}

// open puts a new lot into the wallet, with its coins not issued yet.
func (w *Wallet) open(terms credits.Terms) *Lot {
	if terms.Priority == 0 {
		terms.Priority = 100
		if terms.Scope != "" || len(terms.Features) > 0 {
			terms.Priority = 50
		}
	}
	if terms.Starts.IsZero() {
		terms.Starts = w.At
	}
	l := &Lot{Terms: terms}
	l.coins = coinsOf(l, terms.Amount)
	w.lots = append(w.lots, l)
	w.opened = append(w.opened, l)
	return l
}

// begin issues a lot's coins, which pay debt first.
func (w *Wallet) begin(kind credits.Kind, l *Lot) {
	for _, c := range l.coins {
		w.shift(kind, c, credits.Available)
	}
	w.repay(l)
}

// repay lets the coins of lots pay what is owed, oldest first (S-8).
func (w *Wallet) repay(lots ...*Lot) {
	for _, l := range lots {
		var still []*taking
		for _, t := range w.owed {
			coins := l.at(credits.Available)
			if len(coins) == 0 || !l.fits(t.spend.unit, t.spend.feature, t.spend.scope) {
				still = append(still, t)
				continue
			}
			w.move(credits.KindRepaid, l.Terms.Unit, l, credits.Available, credits.Debt)
			coins[0].at = credits.Consumed
			t.coin = coins[0]
		}
		w.owed = still
	}
}

// back returns coins to where they belong now: to their lot, or to the fate
// that their lot met (S-6, S-7).
func (w *Wallet) back(kind credits.Kind, coins []*coin) {
	var lots []*Lot
	for _, c := range coins {
		switch l := c.lot; {
		case l.Withdrawn:
			w.shift(kind, c, credits.Revoked)
		case l.expired(w.At) && !(kind == credits.KindTimedOut && l.Terms.Expires.Equal(w.At)):
			// At one instant a deadline comes before rollover and expiry (T-6).
			w.shift(kind, c, credits.Expired)
		default:
			w.shift(kind, c, credits.Available)
			if !slices.Contains(lots, l) {
				lots = append(lots, l)
			}
		}
	}
	w.repay(lots...)
}
