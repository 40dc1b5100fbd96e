package model

import (
	"slices"
	"time"

	"example.com/credits"
)

// The outcomes that a command may have besides a [credits.Reason].
const (
	OK       = "ok"
	Invalid  = "invalid"
	NotFound = "not found"
	Exists   = "exists"
	Reused   = "key reused"
)

// Result is what a command did.
type Result struct {
	Outcome   string
	Uncovered credits.Amount
	made      *credits.ID // where the number belongs of what it made
}

// refuse is a result that changes nothing.
func refuse(r credits.Reason) Result { return Result{Outcome: string(r)} }

// invalid is a result that changes nothing, whatever the wallet has.
var invalid = Result{Outcome: Invalid}

// Do carries out a command. Unless the outcome is OK the wallet is to be thrown away.
func (w *Wallet) Do(now time.Time, c credits.Command) Result {
	w.Moves, w.opened = nil, nil
	if o, ok := c.(credits.Open); ok {
		return w.openWallet(now, o)
	}
	if w.Anchor.IsZero() {
		return Result{Outcome: NotFound}
	}
	w.Advance(now)
	switch c := c.(type) {
	case credits.Spend:
		return w.spend(c)
	case credits.Reserve:
		return w.reserve(c)
	case credits.Capture:
		return w.capture(c)
	case credits.Release:
		return w.release(c)
	case credits.Grant:
		return w.grant(c)
	case credits.Revoke:
		return w.revoke(c)
	case credits.Buy:
		return w.buy(c)
	case credits.Refund:
		return w.refund(c)
	case credits.Reverse:
		return w.reverse(c)
	case credits.CarryOver:
		return w.carryOver(c)
	case credits.SetAutoPurchase:
		return w.setAuto(c)
	}
	panic("the model does not know this command")
}

func (w *Wallet) openWallet(now time.Time, o credits.Open) Result {
	if !w.Anchor.IsZero() {
		return Result{Outcome: Exists}
	}
	w.Plan, w.Anchor, w.At = o.Plan, now, now
	w.note(credits.KindOpened, "")
	w.grantAllowances()
	return Result{Outcome: OK}
}

// usage is what a spend or a hold asks for: a coin for every coin.
func (w *Wallet) usage(feature string, quantity int64, unit credits.Unit, amount credits.Amount) ([]*coin, credits.Unit, string) {
	if quantity < 0 || amount < 0 || (quantity == 0) == (amount == 0) || feature == "" && quantity != 0 {
		return nil, "", Invalid
	}
	if feature == "" {
		return coinsOf(nil, amount), unit, OK
	}
	rate, ok := w.Plan.Features[feature]
	if !ok {
		return nil, "", string(credits.NotInPlan)
	}
	if amount != 0 {
		if unit != "" && unit != rate.Unit {
			return nil, "", Invalid
		}
		return coinsOf(nil, amount), rate.Unit, OK
	}
	var cost []*coin
	for range quantity {
		cost = append(cost, coinsOf(nil, rate.Credits)...)
	}
	return cost, rate.Unit, OK
}

// spend takes coins, buys what is short, and else owes it.
func (w *Wallet) spend(c credits.Spend) Result {
	cost, unit, why := w.usage(c.Feature, c.Quantity, c.Unit, c.Amount)
	if why != OK {
		return Result{Outcome: why}
	}
	s := &spend{unit: unit, feature: c.Feature, scope: c.Scope}
	coins := w.spendable(unit, c.Feature, c.Scope)
	if len(coins) < len(cost) {
		switch why := w.buyShort(unit, coins, cost); {
		case why == "":
			coins = w.spendable(unit, c.Feature, c.Scope)
		case !w.mayOwe(unit, coins, cost):
			return refuse(why)
		}
	}
	if len(cost) == 0 {
		w.note(credits.KindSpent, unit)
	}
	for range cost {
		if len(coins) == 0 {
			w.owe(credits.KindSpent, s)
			continue
		}
		s.takings = append(s.takings, &taking{spend: s, coin: coins[0]})
		w.shift(credits.KindSpent, coins[0], credits.Consumed)
		coins = coins[1:]
	}
	w.spends = append(w.spends, s)
	w.trigger(unit)
	return Result{Outcome: OK, made: &s.id}
}

// owe adds one coin's worth to what is owed.
func (w *Wallet) owe(kind credits.Kind, s *spend) {
	t := &taking{spend: s}
	s.takings = append(s.takings, t)
	w.owed = append(w.owed, t)
	w.move(kind, s.unit, nil, credits.Debt, credits.Consumed)
}

// mayOwe reports whether the plan lets a spend owe what coins do not cover.
func (w *Wallet) mayOwe(unit credits.Unit, coins, cost []*coin) bool {
	for _, o := range w.Plan.Overdrafts {
		if o.Unit != unit {
			continue
		}
		limit, bounded := o.Limit.Amount()
		room := coinsOf(nil, limit)
		need := slices.Clone(beyond(cost, coins))
		for _, t := range w.owed {
			if t.spend.unit == unit {
				need = append(need, nil)
			}
		}
		return !bounded || len(need) <= len(room)
	}
	return false
}

// reserve sets coins aside.
func (w *Wallet) reserve(c credits.Reserve) Result {
	cost, unit, why := w.usage(c.Feature, c.Quantity, c.Unit, c.Amount)
	if why == Invalid || !c.Until.After(w.At) || c.Until.After(w.At.AddDate(0, 0, 366)) {
		return invalid
	}
	if why != OK {
		return Result{Outcome: why}
	}
	coins := w.spendable(unit, c.Feature, c.Scope)
	if len(coins) < len(cost) {
		if why := w.buyShort(unit, coins, cost); why != "" {
			return refuse(why)
		}
		coins = w.spendable(unit, c.Feature, c.Scope)
	}
	if len(cost) == 0 {
		w.note(credits.KindReserved, unit)
	}
	h := &hold{unit: unit, until: c.Until, feature: c.Feature, scope: c.Scope, over: c.Over}
	if h.over == 0 {
		h.over = credits.RefuseOver
	}
	h.coins = atMost(coins, cost)
	for _, x := range h.coins {
		w.shift(credits.KindReserved, x, credits.Held)
	}
	w.holds = append(w.holds, h)
	w.trigger(unit)
	return Result{Outcome: OK, made: &h.id}
}

// hold finds a hold that has not ended.
func (w *Wallet) hold(id credits.ID) *hold {
	for _, h := range w.holds {
		if h.id == id {
			return h
		}
	}
	return nil
}

// capture spends what a hold has set aside.
func (w *Wallet) capture(c credits.Capture) Result {
	var ways []bool
	for _, given := range []bool{c.Quantity != 0, c.Amount != 0, c.All, c.Free} {
		if given {
			ways = append(ways, given)
		}
	}
	if len(ways) != 1 || c.Quantity < 0 || c.Amount < 0 {
		return invalid
	}
	h := w.hold(c.Hold)
	if h == nil {
		return w.noHold(c.Hold)
	}
	cost := h.coins
	switch {
	case c.Free:
		cost = nil
	case c.Amount != 0:
		cost = coinsOf(nil, c.Amount)
	case c.Quantity != 0 && h.feature == "":
		return invalid
	case c.Quantity != 0:
		cost, _, _ = w.usage(h.feature, c.Quantity, "", 0)
	}
	draw, owe, uncovered, why := w.beyond(h, beyond(cost, h.coins))
	if why != "" {
		return refuse(why)
	}
	if len(h.coins)+len(draw)+len(owe) == 0 {
		w.note(credits.KindCaptured, h.unit)
	}
	s := &spend{unit: h.unit, feature: h.feature, scope: h.scope}
	for _, x := range append(atMost(h.coins, cost), draw...) {
		w.shift(credits.KindCaptured, x, credits.Consumed)
		s.takings = append(s.takings, &taking{spend: s, coin: x})
	}
	for range owe {
		w.owe(credits.KindCaptured, s)
	}
	w.drop(h)
	w.ended = append(w.ended, h.id)
	w.spends = append(w.spends, s)
	w.back(credits.KindCaptured, beyond(h.coins, cost))
	w.trigger(h.unit)
	return Result{Outcome: OK, Uncovered: uncovered, made: &s.id}
}

// beyond returns the coins that stand after as many as there are in others.
func beyond(coins, others []*coin) []*coin {
	for range others {
		if len(coins) > 0 {
			coins = coins[1:]
		}
	}
	return coins
}

// beyond finds what a capture of more than its hold has set aside takes
// besides: coins to draw, and what is to be owed. Otherwise it says why not.
func (w *Wallet) beyond(h *hold, extra []*coin) (draw, owe []*coin, uncovered credits.Amount, why credits.Reason) {
	if len(extra) == 0 {
		return nil, nil, 0, ""
	}
	if h.over == credits.RefuseOver {
		return nil, nil, 0, credits.Insufficient
	}
	draw = w.spendable(h.unit, h.feature, h.scope)
	if h.over == credits.DrawSome {
		for range beyond(extra, draw) {
			uncovered++
		}
		return atMost(draw, extra), nil, uncovered, ""
	}
	if len(draw) < len(extra) {
		why = w.buyShort(h.unit, draw, extra)
		if why != "" && !w.mayOwe(h.unit, draw, extra) {
			return nil, nil, 0, why
		}
		draw = w.spendable(h.unit, h.feature, h.scope)
	}
	return atMost(draw, extra), beyond(extra, draw), 0, ""
}

// noHold tells a hold that has ended from one that never was.
func (w *Wallet) noHold(id credits.ID) Result {
	if slices.Contains(w.ended, id) {
		return refuse(credits.Ended)
	}
	return Result{Outcome: NotFound}
}

// release gives back what a hold has set aside.
func (w *Wallet) release(c credits.Release) Result {
	h := w.hold(c.Hold)
	if h == nil {
		return w.noHold(c.Hold)
	}
	if len(h.coins) == 0 {
		w.note(credits.KindReleased, h.unit)
	}
	w.drop(h)
	w.ended = append(w.ended, h.id)
	w.back(credits.KindReleased, h.coins)
	return Result{Outcome: OK}
}

// reverse gives back what a spend took, the last first.
func (w *Wallet) reverse(c credits.Reverse) Result {
	if c.Amount < 0 || (c.Amount == 0) == !c.All {
		return invalid
	}
	i := slices.IndexFunc(w.spends, func(s *spend) bool { return s.id == c.Spend })
	if i < 0 {
		return Result{Outcome: NotFound}
	}
	s := w.spends[i]
	undo := slices.Clone(s.takings)
	slices.Reverse(undo)
	if !c.All {
		want := coinsOf(nil, c.Amount)
		if len(want) > len(undo) {
			return refuse(credits.Ended)
		}
		for len(undo) > len(want) {
			undo = undo[:len(undo)-1]
		}
	}
	if len(undo) == 0 {
		return refuse(credits.Ended)
	}
	var coins []*coin
	for _, t := range undo {
		s.takings = slices.DeleteFunc(s.takings, func(x *taking) bool { return x == t })
		if t.coin != nil {
			coins = append(coins, t.coin)
			continue
		}
		w.move(credits.KindReversed, s.unit, nil, credits.Consumed, credits.Debt)
		w.owed = slices.DeleteFunc(w.owed, func(x *taking) bool { return x == t })
	}
	w.back(credits.KindReversed, coins)
	return Result{Outcome: OK, made: nil}
}

// grant gives credits.
func (w *Wallet) grant(c credits.Grant) Result {
	starts := c.Starts
	if starts.IsZero() {
		starts = w.At
	}
	if c.Amount <= 0 || starts.Before(w.At) || !c.Expires.IsZero() && !c.Expires.After(starts) || c.Priority < 0 {
		return invalid
	}
	l := w.open(credits.Terms{
		Unit: c.Unit, Source: credits.FromGrant, Amount: c.Amount, Starts: starts, Expires: c.Expires,
		Priority: c.Priority, Scope: c.Scope, Features: slices.Sorted(slices.Values(c.Features)),
	})
	if starts.After(w.At) {
		w.note(credits.KindGranted, c.Unit)
	} else {
		w.begin(credits.KindGranted, l)
	}
	return Result{Outcome: OK, made: &l.Terms.ID}
}

// revoke takes back what is left and not held.
func (w *Wallet) revoke(c credits.Revoke) Result {
	if (c.Lot == 0) == !c.All {
		return invalid
	}
	found, done := c.All, false
	for _, l := range w.lots {
		if !c.All && l.Terms.ID != c.Lot {
			continue
		}
		found = true
		if l.Withdrawn || !l.left() {
			continue
		}
		l.Withdrawn, done = true, true
		for _, x := range l.at(credits.Issued) {
			w.shift(credits.KindRevoked, x, credits.Available)
		}
		coins := l.at(credits.Available)
		if len(coins) == 0 {
			w.note(credits.KindRevoked, l.Terms.Unit)
		}
		for _, x := range coins {
			w.shift(credits.KindRevoked, x, credits.Revoked)
		}
	}
	switch {
	case !found:
		return Result{Outcome: NotFound}
	case !done:
		return refuse(credits.Ended)
	}
	return Result{Outcome: OK}
}

// carryOver marks as much of the current allowance as may survive its reset.
func (w *Wallet) carryOver(c credits.CarryOver) Result {
	if c.Amount <= 0 || !c.Expires.IsZero() && !c.Expires.After(w.cycleEnd()) {
		return invalid
	}
	for _, l := range w.lots {
		if l.allowance == 0 || l.Terms.Unit != c.Unit || l.expired(w.At) {
			continue
		}
		if len(l.carry) > 0 {
			return Result{Outcome: Exists}
		}
		if l.Withdrawn {
			break
		}
		want := coinsOf(l, c.Amount)
		if unused := append(l.at(credits.Available), l.at(credits.Held)...); len(want) > len(unused) {
			return refuse(credits.Insufficient)
		}
		l.carry, l.carryEnds = want, c.Expires
		w.note(credits.KindCarriedOver, c.Unit)
		return Result{Outcome: OK}
	}
	return refuse(credits.Insufficient)
}
