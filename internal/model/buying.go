package model

import (
	"slices"
	"time"

	"example.com/credits"
)

// pack finds one of the plan's packs.
func (w *Wallet) pack(id string) (credits.Pack, bool) {
	for _, p := range w.Plan.Packs {
		if p.ID == id {
			return p, true
		}
	}
	return credits.Pack{}, false
}

// packsOf breaks coins into heaps of a size; whole is false if some are over.
func packsOf(coins []*coin, size credits.Amount) (heaps [][]*coin, whole bool) {
	var heap []*coin
	one := coinsOf(nil, size)
	for _, c := range coins {
		if heap = append(heap, c); len(heap) == len(one) {
			heaps, heap = append(heaps, heap), nil
		}
	}
	return heaps, len(heap) == 0
}

// buy buys packs by hand.
func (w *Wallet) buy(c credits.Buy) Result {
	if c.Amount <= 0 {
		return invalid
	}
	p, ok := w.pack(c.Pack)
	if !ok {
		return refuse(credits.NotInPlan)
	}
	packs, whole := packsOf(coinsOf(nil, c.Amount), p.Size)
	if !whole {
		return invalid
	}
	b := w.purchase(p, packs, credits.FromPurchase)
	return Result{Outcome: OK, made: &b.id}
}

// purchase opens the lots of a purchase.
func (w *Wallet) purchase(p credits.Pack, packs [][]*coin, source credits.Source) *purchase {
	b := &purchase{}
	w.purchases = append(w.purchases, b)
	open := func(kind credits.Kind, unit credits.Unit, size credits.Amount) {
		var all []*coin
		for range packs {
			all = append(all, coinsOf(nil, size)...)
		}
		terms := credits.Terms{Unit: unit, Source: source, Expires: w.ends(p.Life), Priority: p.Priority}
		for range all {
			terms.Amount++
		}
		l := w.open(terms)
		l.buy = b
		b.lots = append(b.lots, l)
		w.begin(kind, l)
	}
	open(credits.KindPurchased, p.Unit, p.Size)
	for _, x := range p.Brings {
		open(credits.KindPurchased, x.Unit, x.Amount)
	}
	return b
}

// limit is how many coins auto-purchase may buy in a month; false if any number.
func (w *Wallet) limit() ([]*coin, bool) {
	auto := w.Plan.Auto
	if auto.Limit == credits.Unlimited {
		return nil, false
	}
	if n, ok := auto.Limit.Amount(); ok {
		return coinsOf(nil, n), true
	}
	p, _ := w.pack(auto.Pack)
	for _, a := range w.Plan.Allowances {
		if a.Unit == p.Unit {
			coins := coinsOf(nil, a.Amount)
			if w.Plan.Every == credits.Months(2) {
				coins = part(coins, 50*credits.Percent)
			}
			return coins, true
		}
	}
	return nil, true
}

// within reports whether auto-purchase may buy so many coins more this month.
func (w *Wallet) within(more []*coin) bool {
	limit, bounded := w.limit()
	return !bounded || len(append(slices.Clone(w.bought), more...)) <= len(limit)
}

// autoBuy buys by auto-purchase.
func (w *Wallet) autoBuy(coins []*coin) {
	p, _ := w.pack(w.Plan.Auto.Pack)
	packs, _ := packsOf(coins, p.Size)
	w.bought = append(w.bought, coins...)
	w.purchase(p, packs, credits.FromAuto)
}

// buyShort closes a shortfall by one purchase (P-3). It returns why not, if not.
func (w *Wallet) buyShort(unit credits.Unit, have, need []*coin) credits.Reason {
	p, _ := w.pack(w.Plan.Auto.Pack)
	if !w.auto || p.Unit != unit {
		return credits.Insufficient
	}
	short := slices.Clone(beyond(need, have))
	for _, t := range w.owed {
		if t.spend.unit == unit {
			short = append(short, nil)
		}
	}
	var coins []*coin
	for len(coins) < len(short) {
		coins = append(coins, coinsOf(nil, w.Plan.Auto.Size)...)
	}
	if !w.within(coins) {
		return credits.LimitReached
	}
	w.autoBuy(coins)
	return ""
}

// trigger buys by auto-purchase where a command on a unit leaves little of it
// available (MK-10).
func (w *Wallet) trigger(unit credits.Unit) {
	p, _ := w.pack(w.Plan.Auto.Pack)
	if !w.auto || p.Unit != unit {
		return
	}
	below, _ := w.Plan.Auto.Below.Amount()
	size := coinsOf(nil, w.Plan.Auto.Size)
	if len(w.shared(p.Unit)) <= len(coinsOf(nil, below)) && w.within(size) {
		w.autoBuy(size)
	}
}

// shared returns the coins of a unit that are available to all, whatever single users have.
func (w *Wallet) shared(unit credits.Unit) []*coin {
	return slices.DeleteFunc(w.available(unit), func(c *coin) bool { return c.lot.Terms.Scope != "" })
}

// available returns the coins of a unit that can be spent by somebody.
func (w *Wallet) available(unit credits.Unit) []*coin {
	var coins []*coin
	for _, l := range w.lots {
		if l.Terms.Unit == unit {
			coins = append(coins, l.at(credits.Available)...)
		}
	}
	return coins
}

// setAuto switches auto-purchase on or off.
func (w *Wallet) setAuto(c credits.SetAutoPurchase) Result {
	if c.On {
		if w.Plan.Auto.Pack == "" {
			return refuse(credits.NotInPlan)
		}
		if limit, bounded := w.limit(); bounded && len(limit) < len(coinsOf(nil, w.Plan.Auto.Size)) {
			return refuse(credits.LimitReached)
		}
	}
	w.auto = c.On
	w.note(credits.KindAutoSet, "")
	p, _ := w.pack(w.Plan.Auto.Pack)
	w.trigger(p.Unit)
	return Result{Outcome: OK}
}

// refund takes back what is left of a purchase and not held.
func (w *Wallet) refund(c credits.Refund) Result {
	i := slices.IndexFunc(w.purchases, func(b *purchase) bool { return b.id == c.Purchase })
	if i < 0 {
		return Result{Outcome: NotFound}
	}
	done := false
	for _, l := range w.purchases[i].lots {
		if l.Withdrawn || !l.left() {
			continue
		}
		l.Withdrawn = true
		if len(l.at(credits.Available)) == 0 {
			w.note(credits.KindRevoked, l.Terms.Unit)
		}
		for _, x := range l.at(credits.Available) {
			w.shift(credits.KindRefunded, x, credits.Refunded)
			done = true
		}
	}
	if !done {
		return refuse(credits.Ended)
	}
	return Result{Outcome: OK}
}

// Transfer moves coins from one wallet to another (S-11).
func Transfer(from, to *Wallet, unit credits.Unit, amount credits.Amount) Result {
	if amount <= 0 || from.ID == to.ID {
		return invalid
	}
	var coins []*coin
	for _, l := range from.inBurnOrder() {
		switch l.Terms.Source {
		case credits.FromGrant, credits.FromPurchase, credits.FromAuto:
			if l.Terms.Scope != "" && !from.Plan.MoveAll {
				continue
			}
		default:
			if !from.Plan.MoveAll {
				continue
			}
		}
		if l.Terms.Unit == unit {
			coins = append(coins, l.at(credits.Available)...)
		}
	}
	want := coinsOf(nil, amount)
	if len(want) > len(coins) {
		return refuse(credits.Insufficient)
	}
	coins = atMost(coins, want)
	for _, c := range coins {
		if c.lot.expired(to.At) {
			return refuse(credits.Ended)
		}
	}
	for len(coins) > 0 {
		lot := coins[0].lot
		group := slices.DeleteFunc(slices.Clone(coins), func(c *coin) bool { return c.lot != lot })
		coins = coins[len(group):]
		terms := lot.Terms
		terms.ID, terms.Amount, terms.Starts = 0, 0, time.Time{}
		from.moveTo(to, credits.KindSent, credits.KindReceived, group, terms)
	}
	return Result{Outcome: OK}
}
