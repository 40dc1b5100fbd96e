package finance

import (
	"cmp"
	"maps"
	"slices"

	"example.com/credits"
	"example.com/credits/internal/runs"
	"example.com/credits/internal/wide"
)

// book is what entries were posted to.
type book struct {
	accounts map[accountKey]*account
	money    map[string]*account // by currency
}

type accountKey struct {
	unit   credits.Unit
	source credits.Source // 0 is debt
}

// compare orders accounts by unit and source. Debt, source 0, comes last: one
// less is the greatest.
func (k accountKey) compare(l accountKey) int {
	return cmp.Or(cmp.Compare(k.unit, l.unit), cmp.Compare(k.source-1, l.source-1))
}

// account is a balance and what moved it, of credits or of money.
type account struct {
	opening wide.Sum
	sums    [columns]wide.Sum
}

// column is what an amount is posted to.
type column int

// The columns. Those before outgoing add to a balance, and those up to closing
// take from it.
const (
	issued column = iota // or paid
	moved
	consumed // or recognised
	expired  // or breakage
	revoked
	refunded
	held
	charged // no part of a balance, as what follows
	surcharged
	settled
	columns
)

func newBook() *book {
	return &book{accounts: map[accountKey]*account{}, money: map[string]*account{}}
}

// balance returns what the account has.
func (a *account) balance() wide.Sum {
	b := a.opening
	for c := issued; c < charged; c++ {
		if c < consumed {
			b.Plus(a.sums[c])
		} else {
			b.Minus(a.sums[c])
		}
	}
	return b
}

// add posts n to a column; before the period, to the opening balance.
func (a *account) add(c column, n int64, within bool) {
	switch {
	case within:
		a.sums[c].Add(n)
	case c < consumed:
		a.opening.Add(n)
	case c < charged:
		a.opening.Add(-n)
	}
}

func (b *book) account(unit credits.Unit, source credits.Source) *account {
	return entryOf(b.accounts, accountKey{unit, source})
}

// entryOf returns the account of a key, which it makes if there is none.
func entryOf[K comparable](in map[K]*account, key K) *account {
	a := in[key]
	if a == nil {
		a = &account{}
		in[key] = a
	}
	return a
}

// open opens all accounts with what a wallet has.
func (b *book) open(w credits.Wallet) {
	for lot := range w.Lots() {
		b.account(lot.Unit, lot.Source).opening.Add(int64(lot.Available))
		if m := lot.Deferred; m.Micros != 0 {
			entryOf(b.money, m.Currency).opening.Add(m.Micros)
		}
	}
	for _, unit := range w.Units() {
		b.account(unit, 0).opening.Add(-int64(w.Balance(unit, "").Debt))
	}
}

// lotOf returns a lot that a line is of.
type lotOf func(credits.ID) (runs.Lot, error)

// post enters what an entry did.
func (b *book) post(e *credits.Entry, of lotOf, within bool) error {
	if t := e.Opens; t != nil && !t.Paid.IsZero() {
		lot, err := of(t.ID)
		if err != nil {
			return err
		}
		b.earn(t.Paid.Currency, way(lot), t.Paid.Micros, within)
	}
	for i := range e.Lines {
		if err := b.line(e, &e.Lines[i], of, within); err != nil {
			return err
		}
	}
	if m := e.Charge; m.Micros != 0 {
		b.earn(m.Currency, charged, m.Micros, within)
		if e.Of != 0 && (e.Kind == credits.KindPurchased || e.Kind == credits.KindUnitsSet) { // of an intent, that was paid
			b.earn(m.Currency, settled, m.Micros, within)
		}
	}
	if m := e.Surcharge; m.Micros != 0 {
		b.earn(m.Currency, surcharged, m.Micros, within)
	}
	return nil
}

// way returns how a lot came to be.
func way(lot runs.Lot) column {
	if lot.Made {
		return moved
	}
	return issued
}

func (b *book) earn(currency string, c column, micros int64, within bool) {
	entryOf(b.money, currency).add(c, micros, within)
}

// line enters what a line moved. Between them, the columns of its two ends say
// how it changed what is available.
func (b *book) line(e *credits.Entry, ln *credits.Line, of lotOf, within bool) error {
	n := int64(ln.Amount)
	if ln.Lot == 0 {
		if ln.From == credits.Consumed { // of a debt: it is owed no more
			n = -n
		}
		b.account(e.Unit, 0).add(consumed, n, within)
		return nil
	}
	lot, err := of(ln.Lot)
	if err != nil {
		return err
	}
	a := b.account(e.Unit, lot.Source)
	if ln.From == credits.Issued {
		a.add(way(lot), n, within)
	} else if c, ok := columnOf(ln.From); ok {
		a.add(c, -n, within)
	}
	if ln.To == credits.Moved {
		a.add(moved, -n, within)
	} else if c, ok := columnOf(ln.To); ok {
		a.add(c, n, within)
	}
	if ln.To == credits.Debt {
		b.account(e.Unit, 0).add(consumed, -n, within)
	}
	if r := ln.Revenue; r.Currency != "" {
		b.earn(r.Currency, consumed, r.Recognised, within)
		b.earn(r.Currency, expired, r.Breakage, within)
		b.earn(r.Currency, revoked, r.Revoked, within)
		b.earn(r.Currency, refunded, r.Refunded, within)
		b.earn(r.Currency, moved, -r.Moved, within)
	}
	return nil
}

// columnOf returns the column of credits that are not available; a debt that is
// paid was consumed.
func columnOf(a credits.Account) (column, bool) {
	switch a {
	case credits.Held:
		return held, true
	case credits.Consumed, credits.Debt:
		return consumed, true
	case credits.Expired:
		return expired, true
	case credits.Revoked:
		return revoked, true
	case credits.Refunded:
		return refunded, true
	default:
		return 0, false
	}
}

// values returns the columns of an account, its opening before and its balance
// after them, and false if one is out of range. Zero tells that all are 0.
func (a *account) values() (v [columns + 2]int64, zero, ok bool) {
	sums := append(append([]wide.Sum{a.opening}, a.sums[:]...), a.balance())
	ok = true
	for i, s := range sums {
		n, fits := s.Value()
		v[i], ok = n, ok && fits
	}
	return v, v == [columns + 2]int64{}, ok
}

func outOfRange() error {
	return &credits.InvalidError{Field: "period", Reason: "has a sum that is out of range", Err: credits.ErrLimit}
}

// statementLines returns the lines of credits, in order.
func (b *book) statementLines() ([]Line, error) {
	var lines []Line
	for _, k := range slices.SortedFunc(maps.Keys(b.accounts), accountKey.compare) {
		v, zero, ok := b.accounts[k].values()
		if !ok {
			return nil, outOfRange()
		}
		if zero {
			continue
		}
		at := func(c column) credits.Amount { return credits.Amount(v[1+c]) }
		ln := Line{
			Unit: k.unit, Source: k.source.String(), Opening: credits.Amount(v[0]), Issued: at(issued), Moved: at(moved),
			Consumed: at(consumed), Expired: at(expired), Revoked: at(revoked), Refunded: at(refunded), Held: at(held), Closing: at(columns),
		}
		if k.source == 0 {
			ln.Source = credits.Debt.String()
		}
		lines = append(lines, ln)
	}
	return lines, nil
}

// statementRevenue returns the lines of money, in order.
func (b *book) statementRevenue() ([]Revenue, error) {
	var all []Revenue
	for _, currency := range slices.Sorted(maps.Keys(b.money)) {
		v, zero, ok := b.money[currency].values()
		if !ok {
			return nil, outOfRange()
		}
		if zero {
			continue
		}
		at := func(c column) credits.Money { return credits.Money{Micros: v[1+c], Currency: currency} }
		all = append(all, Revenue{
			Opening: at(-1), Paid: at(issued), Moved: at(moved), Recognised: at(consumed), Breakage: at(expired), Revoked: at(revoked),
			Refunded: at(refunded), Deferred: at(columns), Charged: at(charged), Surcharge: at(surcharged), Settled: at(settled),
		})
	}
	return all, nil
}
