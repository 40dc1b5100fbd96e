package credits

import "time"

// Buy buys extra credits of one of the plan's packs. They are there at once, and
// the purchase entry says what the holder owes. Its receipt's ID is the purchase.
type Buy struct {
	Pack   string `json:"pack"`
	Amount Amount `json:"amount"` // a whole multiple of the pack's size
	Note   Note   `json:"note,omitzero"`
}

// Refund undoes a purchase as far as its credits are neither spent nor
// held. Its entries have a negative charge, what is to be paid back: the part of the price that
// belongs to what is taken back, rounded down to the minor unit. A purchase with
// nothing left is [Ended]. What is held meanwhile is not refunded: released, it is revoked.
type Refund struct {
	Purchase ID   `json:"purchase"`
	Note     Note `json:"note,omitzero"`
}

// SetAutoPurchase switches auto-purchase on or off. What was bought stays. On
// is refused with [LimitReached] if the plan's limit allows not even one
// purchase, and with [NotInPlan] if the plan has no auto-purchase.
type SetAutoPurchase struct {
	On   bool `json:"on"`
	Note Note `json:"note,omitzero"`
}

func (c Buy) verb() string             { return "buy" }
func (c Refund) verb() string          { return "refund" }
func (c SetAutoPurchase) verb() string { return "setAutoPurchase" }

func (c Buy) request(r *request) {
	r.text("pack", c.Pack)
	r.amount("amount", c.Amount)
	r.note(c.Note)
}

func (c Refund) request(r *request) {
	r.id("purchase", c.Purchase)
	r.note(c.Note)
}

func (c SetAutoPurchase) request(r *request) {
	r.flag("on", c.On)
	r.note(c.Note)
}

func (c Buy) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	k, ok := d.w.terms.pack(c.Pack)
	if !ok {
		return d.refuse(NotInPlan, "pack "+c.Pack)
	}
	if c.Amount <= 0 || c.Amount%k.Size != 0 {
		return invalid("amount", "%v is not a whole number of packs of %v", c.Amount, k.Size)
	}
	d.made = d.w.seq + 1
	return d.purchase(k, c.Amount, 0, nil, c.Note)
}

// purchase emits a purchase of a pack: a lot of its unit and one of each unit
// that it brings. An automatic one counts in the month that setting names.
func (d *decision) purchase(k Pack, amount Amount, surcharge Share, setting *Setting, n Note) error {
	total, err := d.w.terms.priceOf(k, amount, surcharge)
	if err != nil {
		return err
	}
	base, err := d.w.terms.priceOf(k, amount, 0)
	if err != nil {
		return err
	}
	surplus, err := total.Sub(base)
	if err != nil {
		return err
	}
	source := FromPurchase
	if setting != nil {
		source = FromAuto
	}
	id := d.w.seq + 1
	terms := Terms{
		Source: source, Amount: amount, Starts: instant(d.at), Expires: instant(d.lifeFrom(k.Life, d.at, d.w.cycle)),
		Priority: k.Priority, Paid: total, Purchase: id,
	}
	e := Entry{Kind: KindPurchased, Unit: k.Unit, Charge: total, Opens: &terms, Setting: setting, Note: n}
	if surplus.Micros != 0 {
		e.Surcharge = surplus
	}
	if err := d.open(e, d.at); err != nil {
		return err
	}
	for _, b := range k.Brings {
		more, ok := mulInt(int64(b.Amount), int64(amount/k.Size))
		if !ok {
			return overflows("brings")
		}
		with := terms
		with.Amount, with.Paid = Amount(more), Money{}
		if err := d.open(Entry{Kind: KindPurchased, Of: id, Unit: b.Unit, Opens: &with, Note: n}, d.at); err != nil {
			return err
		}
	}
	return nil
}

func (c Refund) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	var lots []ID
	var unused Amount
	for _, slot := range d.w.byID {
		if l := d.w.lots.at(int(slot)); c.Purchase != 0 && l.purchase == c.Purchase && !l.withdrawn {
			lots, unused = append(lots, l.id), max(unused, l.available)
		}
	}
	if unused == 0 {
		if l := d.w.look(c.Purchase); l != nil && l.purchase == c.Purchase {
			return d.refuse(Ended, "the purchase has nothing left that is not held")
		}
		return &InvalidError{Field: "purchase", Reason: "is none of this wallet", Err: ErrNotFound}
	}
	d.made = d.w.seq + 1
	for _, id := range lots {
		if err := d.refund(c, id); err != nil {
			return err
		}
	}
	return nil
}

// refund takes back what a lot of a purchase has. A lot that is held altogether
// is revoked: what is released of it does not come back.
func (d *decision) refund(c Refund, id ID) error {
	l := d.w.look(id)
	if l.available == 0 {
		return d.revoke(id, c.Note)
	}
	e := Entry{
		Kind: KindRefunded, Of: c.Purchase, Unit: l.unit, Note: c.Note,
		Lines: []Line{{Lot: id, From: Available, To: Refunded, Amount: l.available}},
	}
	if l.paid.Micros > 0 {
		back := Money{Micros: l.deferred(l.available), Currency: l.paid.Currency}.floor()
		e.Lines[0].Revenue.Refunded = back.Micros
		e.Charge = Money{Micros: -back.Micros, Currency: back.Currency}
	}
	return d.emit(e)
}

func (c SetAutoPurchase) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	e := Entry{Kind: KindAutoSet, Note: c.Note, Setting: &Setting{}}
	d.made = d.w.seq + 1
	if !c.On {
		return d.emit(e)
	}
	k, ok := d.w.terms.autoPack()
	if !ok {
		return d.refuse(NotInPlan, "auto-purchase")
	}
	if d.w.terms.autoLimit(k.Unit) == 0 {
		r := d.refuse(LimitReached, "the plan's limit allows no purchase of "+d.w.terms.Auto.Size.String())
		r.Remedies = []Remedy{{Kind: RemedyLimit}}
		return r
	}
	e.Setting.On = true
	if err := d.emit(e); err != nil {
		return err
	}
	return d.trigger(k.Unit)
}

// autoPack returns the pack that auto-purchase buys.
func (p *Plan) autoPack() (Pack, bool) {
	if p.Auto.Size == 0 {
		return Pack{}, false
	}
	return p.pack(p.Auto.Pack)
}

// autoLeft returns how many credits auto-purchase may still buy in the month that t is in.
func (s *state) autoLeft(unit Unit, t int64) (left Amount, month Period) {
	month, left = s.month(t), s.terms.autoLimit(unit)
	if micros(month.Start) == s.auto.from {
		left = max(0, left-s.auto.bought)
	}
	return left, month
}

// month returns the month, counted from the plan's anchor, that t is in. Where
// the cycle is a month it is that, as it was recorded; and a month that was
// bought in keeps the end it had, also when the zone changes.
func (s *state) month(t int64) Period {
	if s.auto.from <= t && t < s.auto.until {
		return Period{instant(s.auto.from), instant(s.auto.until)}
	}
	if s.terms.Every == Months(1) {
		return Period{instant(s.starts), instant(s.ends)}
	}
	months := s.terms.cycles(s.anchor, s.loc)
	months.Every = Months(1)
	n := months.Index(instant(t))
	return Period{instant(max(micros(months.Instant(n)), s.auto.until)), months.Instant(n + 1)}
}

// bought is what came of an attempt to buy automatically.
type bought uint8

const (
	autoOff     bought = iota // it is off, or buys another unit
	autoDone                  // what was short is there
	autoLimited               // the limit does not allow so much: nothing was bought
)

// buyShort buys as many whole packs as a debit is short, in one purchase, or
// nothing if the limit does not allow that many.
func (d *decision) buyShort(x debit, short Amount) (bought, error) {
	k, ok := d.w.terms.autoPack()
	if !ok || !d.w.auto.on || k.Unit != x.unit {
		return autoOff, nil
	}
	need, ok := d.w.toBuy(x.unit, short)
	left, month := d.w.autoLeft(k.Unit, d.at)
	size := d.w.terms.Auto.Size
	packs := (int64(need)-1)/int64(size) + 1
	amount, fits := mulInt(packs, int64(size))
	if !ok || !fits || Amount(amount) > left {
		return autoLimited, nil
	}
	setting := &Setting{Month: month}
	return autoDone, d.purchase(k, Amount(amount), d.w.terms.Auto.Surcharge, setting, Note{})
}

// toBuy returns how much has to be bought of a unit for so much to be there:
// what is bought pays debt first.
func (s *state) toBuy(unit Unit, short Amount) (Amount, bool) {
	t := s.of(unit)
	if t == nil {
		return short, true
	}
	return addAmount(short, t.debt)
}

// trigger buys a pack if auto-purchase is on and no more than its threshold is available.
func (d *decision) trigger(unit Unit) error {
	k, ok := d.w.terms.autoPack()
	if !ok || !d.w.auto.on || k.Unit != unit {
		return nil
	}
	below, _ := d.w.terms.Auto.Below.Amount()
	t := d.w.of(unit)
	left, month := d.w.autoLeft(unit, d.at)
	size := d.w.terms.Auto.Size
	if t != nil && t.available > below || left < size || d.w.room(unit) < size || d.w.lots.count+len(k.Brings) >= maxLots || d.w.size > maxState-maxPart {
		return nil // nothing is bought, and the spend stands
	}
	setting := &Setting{Month: month}
	return d.purchase(k, size, d.w.terms.Auto.Surcharge, setting, Note{})
}

// short returns the refusal of a debit that misses an amount, with what would
// unblock it.
func (d *decision) short(x debit, missing Amount, reason Reason) error {
	e := d.refuse(reason, "")
	e.Unit, e.Need, e.Available = x.unit, x.amount, x.amount-missing
	missing, ok := d.w.toBuy(x.unit, missing)
	if !ok {
		return e
	}
	if until := d.wait(x); until != forever {
		e.Remedies = append(e.Remedies, Remedy{Kind: RemedyWait, Until: instant(until)})
	}
	if k, ok := d.w.terms.autoPack(); ok && k.Unit == x.unit {
		left, _ := d.w.autoLeft(k.Unit, d.at)
		switch {
		case d.w.auto.on:
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyLimit})
		case left >= missing:
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyAuto})
		}
	}
	for _, k := range d.w.terms.Packs {
		if k.Unit != x.unit {
			continue
		}
		amount, ok := mulInt((int64(missing)-1)/int64(k.Size)+1, int64(k.Size))
		if !ok {
			continue
		}
		if price, err := d.w.terms.priceOf(k, Amount(amount), 0); err == nil {
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyBuy, Pack: k.ID, Buy: Amount(amount), Price: price})
		}
	}
	return e
}

// wait returns when time alone covers a debit, no later than the next reset and
// after no more than 256 instants at which anything falls due. It is forever if
// time does not.
func (d *decision) wait(x debit) int64 {
	ahead := &decision{w: d.w.copy(), call: d.call, own: -1}
	reset := d.w.ends
	for range 256 {
		t := ahead.w.due()
		if t > reset || ahead.step(t) != nil {
			break
		}
		if ahead.w.available(x) >= x.amount {
			return t
		}
	}
	return forever
}

// AutoState is a wallet's auto-purchase in the month of its plan that it is in.
type AutoState struct {
	On     bool
	Bought Amount    // so far: whole purchases of the plan's size
	Left   Amount    // that it may still buy, in whole purchases
	Times  int64     // how many purchases that is
	Until  time.Time // when the count begins anew; zero if the plan has no auto-purchase
}
