package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/credits"
)

// account is what a ledger knows of the wallet, gathered for a report.
type account struct {
	wallet   credits.Wallet
	plan     credits.Plan
	forecast credits.Forecast // until the next reset
	entries  int

	lots      map[credits.ID]lot
	cycles    []cycle
	total     cycle // of all cycles
	purchases []*purchase
	byID      map[credits.ID]*purchase
	actions   map[use]*tally
	users     map[string]*tally
	days      map[string]*day // by date
}

// lot is where a lot's amount comes from, and until when.
type lot struct {
	unit    credits.Unit
	source  credits.Source
	amount  credits.Amount
	expires time.Time
}

// extra reports whether the lot was bought and not given by the plan.
func (l lot) extra() bool {
	return l.source == credits.FromPurchase || l.source == credits.FromAuto
}

// cycle is what happened to the credits in a cycle, and what it cost.
type cycle struct {
	period                        credits.Period
	given, bought, spent, expired credits.Amount
	left                          credits.Amount // after all that
	charged                       credits.Money  // for the plan
	price, surcharge, extra       credits.Money  // for purchases: extra is price and surcharge
}

// purchase is extra credits that were bought, with what came with them.
type purchase struct {
	credits.Entry
	price   credits.Money // without the surcharge
	brought map[credits.Unit]credits.Amount
}

// use is an action and the unit of what it costs.
type use struct {
	action string
	unit   credits.Unit
}

// tally adds up rows of usage.
type tally struct {
	rows     int
	quantity int64
	cost     map[credits.Unit]credits.Amount
}

func (t *tally) add(e credits.Entry, cost credits.Amount) {
	t.rows++
	t.quantity += e.Quantity
	if t.cost == nil {
		t.cost = map[credits.Unit]credits.Amount{}
	}
	t.cost[e.Unit] += cost
}

// day is what happened to the credits on a local date.
type day struct {
	plan, extra credits.Amount // spent, of what the plan gave and of what was bought
	purchases   int
	reset       bool
}

// newAccount gathers what a ledger knows of the wallet: all of it from the
// wallet and its history, nothing from the log. It verifies the history first.
func newAccount(ctx context.Context, ledger *credits.Ledger) (*account, error) {
	if err := ledger.Verify(ctx, wallet); err != nil {
		return nil, err
	}
	a := &account{
		lots: map[credits.ID]lot{}, byID: map[credits.ID]*purchase{}, actions: map[use]*tally{},
		users: map[string]*tally{}, days: map[string]*day{},
	}
	var err error
	if a.wallet, err = ledger.Wallet(ctx, wallet); err != nil {
		return nil, err
	}
	a.plan, _ = a.wallet.Plan()
	if a.forecast, err = ledger.Forecast(ctx, wallet, "", a.wallet.Cycle().End); err != nil {
		return nil, err
	}
	for e, err := range ledger.History(ctx, wallet, credits.HistoryQuery{}) {
		if err != nil {
			return nil, err
		}
		if err := a.add(e); err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Seq, err)
		}
	}
	return a, nil
}

// add takes in the next entry of the history.
func (a *account) add(e credits.Entry) error {
	a.entries++
	if e.Cycle != nil {
		if len(a.cycles) > 0 {
			a.day(e.At).reset = true
		}
		a.cycles = append(a.cycles, cycle{period: e.Cycle.Period, left: a.total.left})
		if err := a.charge(func(c *cycle) *credits.Money { return &c.charged }, e.Charge); err != nil {
			return err
		}
	}
	if t := e.Opens; t != nil {
		a.lots[t.ID] = lot{t.Unit, t.Source, t.Amount, t.Expires}
	}
	switch e.Kind {
	case credits.KindPurchased:
		if err := a.addPurchase(e); err != nil {
			return err
		}
	case credits.KindSpent:
		a.addUsage(e)
	}
	if e.Unit == "" {
		a.cycles[len(a.cycles)-1].add(e)
		a.total.add(e)
	}
	return nil
}

// add takes in what an entry of credits moves.
func (c *cycle) add(e credits.Entry) {
	for _, ln := range e.Lines {
		switch {
		case ln.From == credits.Issued && e.Kind == credits.KindPurchased:
			c.bought += ln.Amount
		case ln.From == credits.Issued:
			c.given += ln.Amount
		case ln.To == credits.Consumed:
			c.spent += ln.Amount
		case ln.To == credits.Expired:
			c.expired += ln.Amount
		}
	}
	if len(e.Lines) > 0 {
		c.left = e.Balance
	}
}

// charge adds money to the current cycle and to the total.
func (a *account) charge(to func(*cycle) *credits.Money, m credits.Money) error {
	for _, c := range []*cycle{&a.cycles[len(a.cycles)-1], &a.total} {
		sum, err := to(c).Add(m)
		if err != nil {
			return err
		}
		*to(c) = sum
	}
	return nil
}

// addPurchase takes in a purchase, or what came with one.
func (a *account) addPurchase(e credits.Entry) error {
	if e.Of != 0 {
		a.byID[e.Of].brought[e.Unit] += e.Opens.Amount
		return nil
	}
	price, err := e.Charge.Sub(e.Surcharge)
	if err != nil {
		return err
	}
	p := &purchase{Entry: e, price: price, brought: map[credits.Unit]credits.Amount{}}
	a.purchases, a.byID[e.Seq] = append(a.purchases, p), p
	a.day(e.At).purchases++
	return errors.Join(
		a.charge(func(c *cycle) *credits.Money { return &c.price }, price),
		a.charge(func(c *cycle) *credits.Money { return &c.surcharge }, e.Surcharge),
		a.charge(func(c *cycle) *credits.Money { return &c.extra }, e.Charge),
	)
}

// addUsage takes in a spend.
func (a *account) addUsage(e credits.Entry) {
	var cost credits.Amount
	d := a.day(e.At)
	for _, ln := range e.Lines {
		cost += ln.Amount
		switch {
		case e.Unit != "":
		case a.lots[ln.Lot].extra():
			d.extra += ln.Amount
		default:
			d.plan += ln.Amount
		}
	}
	u := use{e.Feature, e.Unit}
	if a.actions[u] == nil {
		a.actions[u] = new(tally)
	}
	if a.users[e.Actor.ID] == nil {
		a.users[e.Actor.ID] = new(tally)
	}
	a.actions[u].add(e, cost)
	a.users[e.Actor.ID].add(e, cost)
}

// day returns the local date that an instant is in.
func (a *account) day(at time.Time) *day {
	date := at.In(a.wallet.Zone()).Format(time.DateOnly)
	if a.days[date] == nil {
		a.days[date] = new(day)
	}
	return a.days[date]
}

// units returns the units that the wallet has or had lots of, credits first.
func (a *account) units() []credits.Unit {
	units := map[credits.Unit]bool{}
	for _, l := range a.lots {
		units[l.unit] = true
	}
	return slices.Sorted(maps.Keys(units))
}

// live returns the amounts of a unit that were given or bought and have not
// ended, by source, and until when the first of each lasts.
func (a *account) live(unit credits.Unit) map[credits.Source]lot {
	live := map[credits.Source]lot{}
	for _, l := range a.lots {
		if l.unit != unit || !l.expires.IsZero() && !l.expires.After(a.wallet.At()) {
			continue
		}
		sum, ok := live[l.source]
		if !ok || sum.expires.IsZero() || !l.expires.IsZero() && l.expires.Before(sum.expires) {
			sum.expires = l.expires
		}
		sum.amount += l.amount
		live[l.source] = sum
	}
	return live
}

// spent returns all that was spent of a unit.
func (a *account) spent(unit credits.Unit) credits.Amount {
	var sum credits.Amount
	for _, t := range a.users {
		sum += t.cost[unit]
	}
	return sum
}

// byCost returns the keys of tallies, those that cost most credits first.
func byCost[K comparable](tallies map[K]*tally, less func(x, y K) int) []K {
	return slices.SortedFunc(maps.Keys(tallies), func(x, y K) int {
		if c := cmp.Compare(tallies[y].cost[""], tallies[x].cost[""]); c != 0 {
			return c
		}
		return less(x, y)
	})
}
