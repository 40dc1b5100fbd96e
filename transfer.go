package credits

import "slices"

// Transfer is what [Ledger.Transfer] moves.
type Transfer struct {
	From   WalletID
	To     WalletID
	Unit   Unit
	Amount Amount
	Note   Note
}

// send and receive are the two halves of a transfer. They are no commands of
// the host's: one without the other would lose credits or make them.
type send struct{ Transfer }

type receive struct {
	Transfer
	lots []Terms // what is sent; no part of the request
}

func (c send) verb() string    { return "send" }
func (c receive) verb() string { return "receive" }

func (c send) request(r *request)    { c.Transfer.request(r) }
func (c receive) request(r *request) { c.Transfer.request(r) }

func (t Transfer) request(r *request) {
	r.text("from", string(t.From))
	r.text("to", string(t.To))
	r.text("unit", string(t.Unit))
	r.amount("amount", t.Amount)
	r.note(t.Note)
}

func (t Transfer) check() error {
	if err := within("unit", t.Unit.check()); err != nil {
		return err
	}
	if t.Amount <= 0 {
		return invalid("amount", "is not positive")
	}
	return t.Note.check()
}

// movable reports whether a plan lets a lot go to another wallet.
func (p *Plan) movable(l *lot) bool {
	return p.MoveAll || l.scope == "" && l.source >= FromGrant
}

func (c send) decide(d *decision) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	e := Entry{Kind: KindSent, Unit: c.Unit, Peer: c.To, Note: c.Note}
	left, have := c.Amount, Amount(0)
	for _, slot := range d.w.burn {
		l := d.w.lots.at(int(slot))
		if l.unit != c.Unit || l.available == 0 || !d.w.terms.movable(l) {
			continue
		}
		have += l.available
		if n := min(left, l.available); n > 0 {
			e.Lines = append(e.Lines, Line{Lot: l.id, From: Available, To: Moved, Amount: n})
			d.sent = append(d.sent, d.sending(l, n))
			left -= n
		}
	}
	if left > 0 {
		r := d.refuse(Insufficient, "that can be moved")
		r.Unit, r.Need, r.Available = c.Unit, c.Amount, have
		return r
	}
	d.made = d.w.seq + 1
	return d.emit(e)
}

// sending returns what a lot's part is to the wallet that gets it: its share of
// what was paid is known when it is sent.
func (d *decision) sending(l *lot, n Amount) Terms {
	t := l.lotTerms.public()
	t.Amount, t.Purchase, t.Paid, t.Origin = n, 0, Money{}, originOf(l)
	if l.paid.Micros > 0 {
		t.Paid = Money{Micros: l.deferred(n), Currency: l.paid.Currency}
	}
	if t.Origin.Wallet == "" {
		t.Origin.Wallet = d.w.id
	}
	return t
}

// hand gives the receiving half of a transfer what the sending half decided.
func hand(next *Task, d *decision) {
	if c, ok := next.Command.(receive); ok {
		c.lots = d.sent
		next.Command = c
	}
}

func (c receive) decide(d *decision) error {
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	d.made = d.w.seq + 1
	for _, t := range c.lots {
		t.Starts = instant(d.at)
		t.Features = slices.Clone(t.Features)
		if t.Origin.Wallet == d.w.id {
			t.Origin.Wallet = ""
		}
		if !t.Expires.IsZero() && micros(t.Expires) <= d.at {
			return d.refuse(Ended, "what is sent has expired here")
		}
		e := Entry{Kind: KindReceived, Unit: t.Unit, Peer: c.From, Opens: &t, Note: c.Note}
		if err := d.open(e, d.at); err != nil {
			return err
		}
	}
	return nil
}
