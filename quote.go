package credits

import "slices"

// Quote is what a command would charge and grant: that of the receipt of a
// [Ledger.Preview]. A command that carries one is refused as [QuoteStale], with
// the new quote, if it would charge or grant anything else.
type Quote struct {
	Seq     ID        `json:"seq"`              // of the wallet, when it was made
	Plan    string    `json:"plan"`             // the wallet's, then
	Version int       `json:"version"`          //
	Charge  Money     `json:"charge,omitzero"`  // due now
	Next    Money     `json:"next,omitzero"`    // due each period from the next one on, of what the command is about
	Grants  []Granted `json:"grants,omitempty"` // now, by unit
}

// Granted is an amount of a unit.
type Granted struct {
	Unit   Unit   `json:"unit,omitempty"`
	Amount Amount `json:"amount"`
}

// same reports whether two quotes charge and grant the same.
func (q Quote) same(o Quote) bool {
	same := func(a, b Money) bool { return a.Micros == b.Micros && (a.Micros == 0 || a.Currency == b.Currency) }
	return same(q.Charge, o.Charge) && same(q.Next, o.Next) && slices.Equal(q.Grants, o.Grants)
}

// grant adds to what a quote grants.
func (q *Quote) grant(unit Unit, a Amount) {
	i, found := slices.BinarySearchFunc(q.Grants, unit, func(g Granted, u Unit) int {
		switch {
		case g.Unit < u:
			return -1
		case g.Unit > u:
			return 1
		}
		return 0
	})
	if !found {
		q.Grants = slices.Insert(q.Grants, i, Granted{Unit: unit})
	}
	q.Grants[i].Amount += a
}

// count adds what an entry charges and grants.
func (q *Quote) count(e *Entry) {
	charge := e.Charge
	switch {
	case e.Kind == KindIntended:
		charge, q.Next = e.Purchase.Charge, e.Purchase.Next
		for _, g := range e.Purchase.Goods {
			q.grant(g.Unit, g.Amount)
		}
	case e.Opens != nil && (e.Kind == KindGranted || e.Kind == KindPurchased):
		q.grant(e.Unit, e.Opens.Amount)
	}
	if sum, err := q.Charge.Add(charge); err == nil {
		q.Charge = sum
	}
	switch {
	case e.Units != nil:
		q.Next = e.Units.Due
	case e.Change != nil && e.Change.Plan != nil:
		q.Next = e.Change.Plan.Price
	case e.Cycle != nil && e.Cycle.Plan != nil:
		q.Next = e.Cycle.Plan.Price
	}
}

// quoteOf returns what the entries of a call charge and grant, in a wallet under a plan.
func quoteOf(entries []Entry, seq ID, plan *Plan) Quote {
	q := Quote{Seq: seq}
	if plan != nil {
		q.Plan, q.Version = plan.ID, plan.Version
	}
	for i := range entries {
		q.count(&entries[i])
	}
	return q
}

// quote writes a quote that a command carries.
func (r *request) quote(q Quote) {
	r.field("quote", q.Seq != 0, func() {
		r.w.uint(uint64(q.Seq))
		r.w.text(q.Plan)
		r.w.int(int64(q.Version))
		r.w.money(q.Charge)
		r.w.money(q.Next)
		r.w.uint(uint64(len(q.Grants)))
		for _, g := range q.Grants {
			r.w.text(string(g.Unit))
			r.w.int(int64(g.Amount))
		}
	})
}

// checkQuote refuses a decision that charges or grants something else than the
// quote of its command says.
func (d *decision) checkQuote() error {
	var q Quote
	cmd := d.call.Command
	if d.approved != nil {
		cmd = d.approved
	}
	switch c := cmd.(type) {
	case Buy:
		q = c.Quote
	case SetUnits:
		q = c.Quote
	case Subscribe:
		q = c.Quote
	}
	if q.Seq == 0 {
		return nil
	}
	now := d.quoted
	for i := range d.out[d.own:] {
		now.count(&d.out[d.own+i].Entry)
	}
	if q.same(now) {
		return nil
	}
	e := d.refuse(QuoteStale, "")
	e.Quote = &now
	return e
}
