package credits

import "slices"

// Reverse gives back what a spend or a capture took, to the lots it came from,
// the last first, over any number of partial reversals never more than was
// taken. It names an Amount or All. What returns to a lot that has ended ends
// with it; what was owed is owed no more; what returns while there is other debt
// pays it first. It is booked now, under the spend's labels.
//
// More than is left of the spend is refused with [Ended]. A lot is remembered
// until 1,024 later ones were used up: a spend from an older one cannot be reversed.
type Reverse struct {
	Spend  ID     `json:"spend"`
	Amount Amount `json:"amount,omitempty"`
	All    bool   `json:"all,omitempty"` // all that is left of it
	Note   Note   `json:"note,omitzero"` // without labels: it has those of the spend
}

func (c Reverse) verb() string { return "reverse" }

func (c Reverse) request(r *request) {
	r.id("spend", c.Spend)
	r.amount("amount", c.Amount)
	r.flag("all", c.All)
	r.note(c.Note)
}

func (c Reverse) decide(d *decision) error {
	switch {
	case c.Amount < 0:
		return invalid("amount", "is negative")
	case (c.Amount != 0) == c.All:
		return invalid("amount", "or all has to be given, and not both")
	case len(c.Note.Labels) > 0:
		return invalid("note.labels", "are those of the spend")
	}
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	spent := d.past(c.Spend)
	if spent == nil || spent.Kind != KindSpent && spent.Kind != KindCaptured {
		return &InvalidError{Field: "spend", Reason: "is none of this wallet", Err: ErrNotFound}
	}
	pieces, owed := d.pieces(spent)
	left := owed
	for _, p := range pieces {
		left += p.Amount
	}
	amount := c.Amount
	if c.All {
		amount = left
	}
	if amount > left || amount == 0 {
		e := d.refuse(Ended, "the spend is reversed already, all or too much of it")
		e.Unit, e.Need, e.Available = spent.Unit, amount, left
		return e
	}
	e := Entry{Kind: KindReversed, Of: spent.Seq, Unit: spent.Unit, Feature: spent.Feature, Scope: spent.Scope, Note: c.Note}
	e.Note.Labels = spent.Note.Labels
	if n := min(amount, owed); n > 0 {
		e.Lines = append(e.Lines, Line{From: Consumed, To: Debt, Amount: n})
		amount -= n
	}
	for _, p := range slices.Backward(pieces) {
		n := min(amount, p.Amount)
		if n == 0 {
			continue
		}
		if d.w.look(p.Lot) == nil {
			return d.refuse(Ended, "a lot that the spend was taken from is not remembered any more")
		}
		e.Lines = append(e.Lines, Line{Lot: p.Lot, From: Consumed, To: d.w.fate(p.Lot, d.at), Amount: n})
		amount -= n
	}
	d.made = d.w.seq + 1
	lines := e.Lines
	if err := d.emit(e); err != nil {
		return err
	}
	for _, ln := range lines {
		if ln.To == Available {
			if err := d.repay(ln.Lot, d.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// past returns an entry that was fetched for the call, or fell due by it.
func (d *decision) past(id ID) *Entry {
	for e := range d.history {
		if e.Seq == id {
			return e
		}
	}
	return nil
}

// pieces returns what is left of a spend that was not reversed: what it took of
// which lot, in the order in which it did, and what it still owes. Lots that paid
// what it owed stand after those it drew on itself.
func (d *decision) pieces(spent *Entry) (pieces []HoldPart, owed Amount) {
	for _, ln := range spent.Lines {
		if ln.Lot != 0 && ln.To == Consumed {
			pieces = append(pieces, HoldPart{ln.Lot, ln.Amount})
		}
	}
	for e := range d.history {
		if e.Of != spent.Seq || e.Kind != KindRepaid && e.Kind != KindForgiven {
			continue
		}
		for _, ln := range e.Lines {
			if ln.To == Debt {
				pieces = append(pieces, HoldPart{ln.Lot, ln.Amount})
			}
		}
	}
	for e := range d.history {
		if e.Of != spent.Seq || e.Kind != KindReversed {
			continue
		}
		for _, ln := range e.Lines {
			left := ln.Amount
			for j := len(pieces) - 1; j >= 0 && ln.Lot != 0; j-- {
				if pieces[j].Lot == ln.Lot {
					n := min(left, pieces[j].Amount)
					pieces[j].Amount -= n
					left -= n
				}
			}
		}
	}
	for _, o := range d.w.debts {
		if o.spend == spent.Seq {
			owed += o.amount
		}
	}
	return pieces, owed
}
