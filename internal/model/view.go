package model

import (
	"slices"
	"time"

	"example.com/credits"
)

// View is what can be seen of a wallet. The model and the library each give
// one, and they are to be equal.
type View struct {
	At       time.Time
	Cycle    credits.Period
	Lots     map[credits.Unit][]credits.Lot // what is left, in burn order
	Gone     []credits.Lot                  // what has nothing left, by number
	Holds    []credits.Hold
	Balances []Balance
	Auto     credits.AutoState
}

// Balance is one balance and whose it is.
type Balance struct {
	Scope string
	credits.Balance
}

// Scopes and Units are those that views look at.
var (
	Scopes = []string{"", "ann", "bob"}
	Units  = []credits.Unit{"", "GB"}
)

// Countless stands for what an auto-purchase without a limit may still buy.
const Countless credits.Amount = -1

// View shows the wallet.
func (w *Wallet) View() View {
	v := View{At: w.At, Cycle: credits.Period{Start: w.instant(w.Number), End: w.cycleEnd()}, Lots: map[credits.Unit][]credits.Lot{}}
	for _, l := range w.inBurnOrder() {
		if l.left() {
			v.Lots[l.Terms.Unit] = append(v.Lots[l.Terms.Unit], w.lotView(l))
		}
	}
	for _, l := range w.lots {
		if !l.left() {
			v.Gone = append(v.Gone, w.lotView(l))
		}
	}
	for _, h := range w.holds {
		v.Holds = append(v.Holds, w.holdView(h))
	}
	for _, unit := range Units {
		for _, scope := range Scopes {
			v.Balances = append(v.Balances, Balance{Scope: scope, Balance: w.balance(unit, scope)})
		}
	}
	v.Auto = w.autoView()
	return v
}

func (w *Wallet) lotView(l *Lot) credits.Lot {
	x := credits.Lot{
		Terms:     l.Terms,
		Available: lies(l.coins, credits.Available),
		Held:      lies(l.coins, credits.Held),
		Consumed:  lies(l.coins, credits.Consumed),
		Expired:   lies(l.coins, credits.Expired),
		Revoked:   lies(l.coins, credits.Revoked),
		Refunded:  lies(l.coins, credits.Refunded),
		Moved:     lies(l.coins, credits.Moved),
		Pending:   len(l.at(credits.Issued)) > 0,
		Withdrawn: l.Withdrawn,
	}
	if l.buy != nil {
		x.Purchase = l.buy.id
	}
	if l.origin != nil {
		x.Origin = credits.Origin{Wallet: l.home, Lot: l.origin.Terms.ID}
		if l.home == w.ID {
			x.Origin.Wallet = ""
		}
	}
	return x
}

func (w *Wallet) holdView(h *hold) credits.Hold {
	x := credits.Hold{ID: h.id, Unit: h.unit, Until: h.until, Feature: h.feature, Scope: h.scope, Over: h.over}
	for _, c := range h.coins {
		x.Amount++
		last := len(x.Parts) - 1
		if last < 0 || x.Parts[last].Lot != c.lot.Terms.ID {
			x.Parts = append(x.Parts, credits.HoldPart{Lot: c.lot.Terms.ID})
			last++
		}
		x.Parts[last].Amount++
	}
	return x
}

func (w *Wallet) balance(unit credits.Unit, scope string) credits.Balance {
	b := credits.Balance{Unit: unit, By: map[credits.Source]credits.Amount{}}
	for _, l := range w.lots {
		if l.Terms.Unit != unit || l.Terms.Scope != "" && l.Terms.Scope != scope {
			continue
		}
		granted := l.allowance != 0 && l.origin == nil && l.Terms.Source == credits.FromAllowance && !l.Terms.Starts.Before(w.instant(w.Number))
		for _, c := range l.coins {
			if granted {
				b.Granted++
			}
			if granted && (c.at == credits.Consumed || c.at == credits.Debt) {
				b.Consumed++
			}
			switch c.at {
			case credits.Available:
				b.Available++
				b.By[l.Terms.Source]++
				b.Expiries = expires(b.Expiries, l.Terms.Expires)
			case credits.Held:
				b.Held++
			case credits.Issued:
				b.Pending++
			}
		}
	}
	for _, u := range w.used {
		if u == unit {
			b.Used++
		}
	}
	for _, u := range w.returned {
		if u == unit {
			b.Used--
		}
	}
	for _, t := range w.owed {
		if t.spend.unit == unit {
			b.Debt++
		}
	}
	for _, a := range w.Plan.Allowances {
		if a.Unit == unit {
			b.Allowance = a.Amount
		}
	}
	return b
}

// expires counts one coin more that expires at t.
func expires(all []credits.Expiry, t time.Time) []credits.Expiry {
	if t.IsZero() {
		return all
	}
	i, found := slices.BinarySearchFunc(all, t, func(x credits.Expiry, t time.Time) int { return x.At.Compare(t) })
	if !found {
		all = slices.Insert(all, i, credits.Expiry{At: t})
	}
	all[i].Amount++
	return all
}

// Balance returns what is available of a unit to anybody, and what is owed.
func (w *Wallet) Balance(unit credits.Unit) (has, owes credits.Amount) {
	for range w.available(unit) {
		has++
	}
	for _, t := range w.owed {
		if t.spend.unit == unit {
			owes++
		}
	}
	return has, owes
}

func (w *Wallet) autoView() credits.AutoState {
	a := credits.AutoState{On: w.auto}
	if w.Plan.Auto.Pack == "" {
		return a
	}
	for range w.bought {
		a.Bought++
	}
	a.Until = w.windowEnd(w.At)
	size := coinsOf(nil, w.Plan.Auto.Size)
	var more []*coin
	if _, bounded := w.limit(); !bounded {
		a.Left, a.Times = Countless, int64(Countless)
	} else {
		for w.within(append(more, size...)) {
			more = append(more, size...)
			a.Times++
			a.Left += w.Plan.Auto.Size
		}
	}
	return a
}

// Clone returns a wallet that can be played on without changing w.
func (w *Wallet) Clone() *Wallet {
	k := *w
	coins, lots := map[*coin]*coin{}, map[*Lot]*Lot{}
	buys, takings := map[*purchase]*purchase{}, map[*taking]*taking{}
	k.lots, k.holds, k.spends, k.purchases, k.owed = nil, nil, nil, nil, nil
	k.Moves, k.opened = slices.Clone(w.Moves), nil
	k.bought, k.ended = slices.Clone(w.bought), slices.Clone(w.ended)
	k.used, k.returned = slices.Clone(w.used), slices.Clone(w.returned)
	for _, b := range w.purchases {
		buys[b] = &purchase{id: b.id}
		k.purchases = append(k.purchases, buys[b])
	}
	for _, l := range w.lots {
		x := *l
		lots[l] = &x
		x.coins = nil
		for _, c := range l.coins {
			coins[c] = &coin{lot: &x, at: c.at}
			x.coins = append(x.coins, coins[c])
		}
		if x.origin != nil && lots[x.origin] != nil && x.home == "" {
			x.origin = lots[x.origin]
		}
		if x.buy != nil && buys[x.buy] != nil {
			x.buy = buys[l.buy]
			x.buy.lots = append(x.buy.lots, &x)
		}
		k.lots = append(k.lots, &x)
	}
	for _, h := range w.holds {
		x := *h
		x.coins = nil
		for _, c := range h.coins {
			x.coins = append(x.coins, coins[c])
		}
		k.holds = append(k.holds, &x)
	}
	for _, s := range w.spends {
		x := *s
		x.takings = nil
		for _, t := range s.takings {
			takings[t] = &taking{spend: &x, coin: coins[t.coin]}
			x.takings = append(x.takings, takings[t])
		}
		k.spends = append(k.spends, &x)
	}
	for _, t := range w.owed {
		k.owed = append(k.owed, takings[t])
	}
	return &k
}

// Bind tells the model the numbers that the library gave to what the last
// command made: to the lots in the order in which they opened.
func (w *Wallet) Bind(r Result, made credits.ID, opened []credits.Terms) bool {
	if r.made != nil {
		*r.made = made
	}
	same := len(opened) == len(w.opened)
	for i, l := range w.opened {
		if i >= len(opened) {
			break
		}
		terms := opened[i]
		l.Terms.ID = terms.ID
		if l.buy != nil && l.buy.id == 0 {
			l.buy.id = terms.Purchase
		}
	}
	w.opened = nil
	for i := range w.Moves {
		if l := w.Moves[i].lot; l != nil {
			w.Moves[i].Lot, w.Moves[i].lot = l.Terms.ID, nil
		}
	}
	return same
}

// Known are the numbers that a command can name.
type Known struct {
	Lots, Holds, Ended, Spends, Purchases []credits.ID
}

// Known returns the numbers that a command can name.
func (w *Wallet) Known() Known {
	k := Known{Ended: slices.Clone(w.ended)}
	for _, l := range w.lots {
		k.Lots = append(k.Lots, l.Terms.ID)
	}
	for _, h := range w.holds {
		k.Holds = append(k.Holds, h.id)
	}
	for _, s := range w.spends {
		k.Spends = append(k.Spends, s.id)
	}
	for _, b := range w.purchases {
		k.Purchases = append(k.Purchases, b.id)
	}
	return k
}

// Boundaries are the instants ahead at which something is due.
func (w *Wallet) Boundaries() []time.Time { return w.boundaries() }

// Reset is when the current cycle ends.
func (w *Wallet) Reset() time.Time { return w.cycleEnd() }

// Begin makes a wallet ready for a command at an instant.
func (w *Wallet) Begin(now time.Time) {
	w.Moves, w.opened = nil, nil
	w.Advance(now)
}
