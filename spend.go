package credits

import "time"

// Spend takes credits, all of them or none, from as many lots as it needs, in
// the wallet's burn order. Its receipt's ID is the spend, for [Reverse].
//
// Give a Feature and a Quantity, and the plan's rate says what it costs; or an
// Amount. What the wallet is short is bought first, if auto-purchase is on; else
// it is owed, as far as the plan has an overdraft; else the spend is refused
// with [Insufficient]. A feature that the plan does not have is [NotInPlan].
type Spend struct {
	Feature  string           `json:"feature,omitempty"`
	Quantity int64            `json:"quantity,omitempty"` // in the feature's own count; 0 is [ErrInvalid], never 1
	Factors  map[string]int64 `json:"factors,omitempty"`  // the further factors that the feature's rate names
	Unit     Unit             `json:"unit,omitempty"`     // of Amount; a feature has its own
	Amount   Amount           `json:"amount,omitempty"`   // instead of a quantity
	Scope    string           `json:"scope,omitempty"`    // draws on the lots of this user or identity too; default only those of all
	Occurred time.Time        `json:"occurred,omitzero"`  // when it was used, for reports; not after now; default now
	Note     Note             `json:"note,omitzero"`      // its labels may choose the rate
}

// Reserve sets credits aside until they are captured, released, or Until
// passes. Its receipt's ID is the hold. What it costs, and when it is refused,
// is as for [Spend], but it is never owed, and comes from at most 999 lots.
type Reserve struct {
	Feature  string           `json:"feature,omitempty"`
	Quantity int64            `json:"quantity,omitempty"`
	Factors  map[string]int64 `json:"factors,omitempty"`
	Unit     Unit             `json:"unit,omitempty"`
	Amount   Amount           `json:"amount,omitempty"`
	Scope    string           `json:"scope,omitempty"`
	Until    time.Time        `json:"until"`         // required; at most 366 days ahead
	Over     Over             `json:"over,omitzero"` // what a capture of more does; default [RefuseOver]
	Note     Note             `json:"note,omitzero"`
}

// Capture spends what a hold has set aside and ends the hold. It names a
// Quantity of the hold's feature, an Amount, All, or Free for nothing at all:
// leaving everything out is [ErrInvalid]. Less than is held releases the rest;
// for more, see [Over]. A hold that has ended is refused with [Ended], and the
// refusal says how. Its receipt's ID is the spend, for [Reverse].
type Capture struct {
	Hold     ID               `json:"hold"`
	Quantity int64            `json:"quantity,omitempty"`
	Factors  map[string]int64 `json:"factors,omitempty"`
	Amount   Amount           `json:"amount,omitempty"`
	All      bool             `json:"all,omitempty"`
	Free     bool             `json:"free,omitempty"`
	Note     Note             `json:"note,omitzero"` // its labels may choose the rate; without labels it has the hold's
}

// Release ends a hold and gives its credits back to their lots. What belongs to
// a lot that has ended meanwhile ends with it. A hold that has ended is [Ended].
type Release struct {
	Hold ID   `json:"hold"`
	Note Note `json:"note,omitzero"`
}

func (c Spend) verb() string   { return "spend" }
func (c Reserve) verb() string { return "reserve" }
func (c Capture) verb() string { return "capture" }
func (c Release) verb() string { return "release" }

func (c Spend) request(r *request) {
	c.usage().request(r)
	r.time("occurred", c.Occurred)
	r.note(c.Note)
}

func (c Reserve) request(r *request) {
	c.usage().request(r)
	r.time("until", c.Until)
	r.num("over", int64(c.over()))
	r.note(c.Note)
}

func (c Capture) request(r *request) {
	r.id("hold", c.Hold)
	c.usage().request(r)
	r.flag("all", c.All)
	r.flag("free", c.Free)
	r.flag("note.labels", len(c.Note.Labels) > 0) // else they are the hold's
	r.note(c.Note)
}

func (c Release) request(r *request) {
	r.id("hold", c.Hold)
	r.note(c.Note)
}

func (c Spend) usage() usage {
	return usage{c.Feature, c.Quantity, c.Factors, c.Unit, c.Amount, c.Scope, c.Note, false}
}

func (c Reserve) usage() usage {
	return usage{c.Feature, c.Quantity, c.Factors, c.Unit, c.Amount, c.Scope, c.Note, false}
}

func (c Capture) usage() usage {
	return usage{quantity: c.Quantity, factors: c.Factors, amount: c.Amount, note: c.Note}
}

func (c Reserve) over() Over {
	if c.Over == 0 {
		return RefuseOver
	}
	return c.Over
}

// usage is what is used, before it has a price.
type usage struct {
	feature  string
	quantity int64
	factors  map[string]int64
	unit     Unit
	amount   Amount
	scope    string
	note     Note
	held     bool // by a hold, which outlives the plan
}

func (u usage) request(r *request) {
	r.text("feature", u.feature)
	r.num("quantity", u.quantity)
	r.factors("factors", u.factors)
	r.text("unit", string(u.unit))
	r.amount("amount", u.amount)
	r.text("scope", u.scope)
}

// price returns what a usage draws. A feature that the plan does not have is refused.
func (d *decision) price(u *usage) (debit, error) {
	x := debit{unit: u.unit, feature: u.feature, scope: u.scope, amount: u.amount}
	if err := u.check(); err != nil {
		return x, err
	}
	if err := d.active(); err != nil && !u.held {
		return x, err
	}
	if u.feature == "" {
		return x, nil
	}
	rate, ok := d.w.terms.Features[u.feature]
	if !ok {
		e := d.refuse(NotInPlan, "feature "+u.feature)
		e.Remedies = []Remedy{{Kind: RemedyPlan}}
		return x, e
	}
	if u.unit != "" && u.unit != rate.Unit {
		return x, invalid("unit", "is %q, and the feature's is %q", u.unit, rate.Unit)
	}
	x.unit = rate.Unit
	if u.amount != 0 {
		return x, nil
	}
	var err error
	x.amount, err = rate.cost(u.quantity, u.factors, u.note.Labels)
	return x, err
}

func (u *usage) check() error {
	if err := u.note.check(); err != nil {
		return err
	}
	if err := checkText("feature", u.feature, maxName); err != nil {
		return err
	}
	if err := checkText("scope", u.scope, maxName); err != nil {
		return err
	}
	if err := within("unit", u.unit.check()); err != nil {
		return err
	}
	switch {
	case u.amount < 0:
		return invalid("amount", "is negative")
	case u.quantity < 0:
		return invalid("quantity", "is negative")
	case u.amount != 0 && (u.quantity != 0 || len(u.factors) > 0):
		return invalid("amount", "and a quantity are both given")
	case u.feature == "" && u.quantity != 0:
		return invalid("feature", "is not given, and a quantity is")
	case u.feature == "" && len(u.factors) > 0:
		return invalid("feature", "is not given, and factors are")
	case u.feature == "" && u.amount == 0:
		return invalid("amount", "is not given, nor is a feature")
	case u.feature != "" && u.amount == 0 && u.quantity == 0:
		return invalid("quantity", "is not given, nor is an amount")
	}
	return nil
}

func (c Spend) decide(d *decision) error {
	if !c.Occurred.IsZero() && (!inTime(c.Occurred) || micros(c.Occurred) > d.at) {
		return invalid("occurred", "is after now, or before 1970")
	}
	u := c.usage()
	x, err := d.price(&u)
	if err != nil {
		return err
	}
	lines, err := d.cover(x, Consumed)
	if err != nil {
		return err
	}
	d.made = d.w.seq + 1
	r := d.next()
	r.Kind, r.Unit, r.Lines, r.Feature, r.Scope = KindSpent, x.unit, lines, x.feature, x.scope
	r.Quantity, r.Factors, r.Occurred, r.Note = c.Quantity, c.Factors, truncated(c.Occurred), c.Note
	if err := d.emitNext(r); err != nil {
		return err
	}
	return d.trigger(x.unit)
}

// truncated returns t as it is stored.
func truncated(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return instant(micros(t))
}

// cover returns the lines that draw a debit: from lots, after auto-purchase
// where they fall short, and last from an overdraft.
func (d *decision) cover(x debit, to Account) ([]Line, error) {
	lines, short := d.take(x, to)
	if short == 0 {
		return lines, nil
	}
	missing := short
	reason := Insufficient
	switch bought, err := d.buyShort(x, short); {
	case err != nil:
		return nil, err
	case bought == autoDone:
		if lines, short = d.take(x, to); short == 0 {
			return lines, nil
		}
	case bought == autoLimited:
		reason = LimitReached
	case bought == autoSuspended:
		reason = PaymentFailed
	}
	if to == Consumed && d.mayOwe(x.unit, short) {
		if len(d.w.debts) == maxDebts {
			return nil, &InvalidError{Field: "wallet", Reason: "has 1,000 unpaid spends", Err: ErrLimit}
		}
		d.adds = true
		return append(lines, Line{From: Debt, To: Consumed, Amount: short}), nil
	}
	return nil, d.short(x, missing, reason)
}

// mayOwe reports whether the plan's overdraft lets the wallet owe so much more.
func (d *decision) mayOwe(unit Unit, more Amount) bool {
	o := d.w.terms.overdraft(unit)
	if !o.Limit.IsSet() {
		return false
	}
	owed := more
	if t := d.w.of(unit); t != nil {
		sum, ok := addAmount(t.debt, more)
		if !ok {
			return false
		}
		owed = sum
	}
	limit, limited := o.Limit.Amount()
	return !limited || owed <= limit
}

func (c Reserve) decide(d *decision) error {
	switch {
	case c.Until.IsZero():
		return invalid("until", "is not set")
	case !inTime(c.Until) || micros(c.Until) <= d.at:
		return invalid("until", "is not after now")
	case c.Until.Sub(instant(d.at)) > 366*24*time.Hour:
		return &InvalidError{Field: "until", Reason: "is more than 366 days ahead", Err: ErrLimit}
	case c.Over >= overs:
		return invalid("over", "is not known")
	case d.w.holds.count >= maxHolds:
		return &InvalidError{Field: "wallet", Reason: "has 1,000 open holds", Err: ErrLimit}
	}
	u := c.usage()
	x, err := d.price(&u)
	if err != nil {
		return err
	}
	lines, err := d.cover(x, Held)
	if err != nil {
		return err
	}
	if len(lines) == maxLines { // a partial capture has a line more
		return &InvalidError{Field: "amount", Reason: "would set credits of more than 999 lots aside", Err: ErrLimit}
	}
	h := &Hold{
		ID: d.w.seq + 1, Unit: x.unit, Amount: x.amount, Until: truncated(c.Until), Feature: x.feature, Scope: x.scope,
		Over: c.over(),
	}
	for _, ln := range lines {
		h.Parts = append(h.Parts, HoldPart{ln.Lot, ln.Amount})
	}
	d.made, d.adds = h.ID, true
	if err := d.emit(Entry{
		Kind: KindReserved, Unit: x.unit, Lines: lines, Feature: x.feature, Quantity: c.Quantity,
		Factors: c.Factors, Scope: x.scope, Hold: h, Note: c.Note,
	}); err != nil {
		return err
	}
	if slot, ok := d.w.findHold(h.ID); ok {
		d.w.holds.at(slot).remember(&d.out[len(d.out)-1].Entry)
	}
	return d.trigger(x.unit)
}

// holdOf returns an open hold, or the refusal that says how it ended.
func (d *decision) holdOf(id ID) (*hold, error) {
	if slot, ok := d.w.findHold(id); ok {
		return d.w.holds.at(slot), nil
	}
	for e := range d.history {
		if e.Of == id && (e.Kind == KindCaptured || e.Kind == KindReleased || e.Kind == KindTimedOut) {
			return nil, d.refuse(Ended, "the hold was "+e.Kind.String()+" at "+e.At.Format(time.RFC3339Nano))
		}
	}
	return nil, &InvalidError{Field: "hold", Reason: "is none of this wallet", Err: ErrNotFound}
}

// check reports what is wrong with a capture, whatever its hold.
func (c Capture) check() error {
	ways := 0
	for _, given := range []bool{c.Quantity != 0 || len(c.Factors) > 0, c.Amount != 0, c.All, c.Free} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return invalid("amount", "has to be given, or a quantity, all or free, and one of them only")
	case c.Amount < 0:
		return invalid("amount", "is negative")
	case c.Quantity < 0:
		return invalid("quantity", "is negative")
	}
	return c.Note.check()
}

// inherit returns a capture with what it has of its hold: labels, if it gives
// none, and the quantity, if it is of all.
func (d *decision) inherit(c Capture, h *hold) Capture {
	made := h.made
	if e := d.past(c.Hold); e != nil {
		made = e.heldFor()
	}
	if made == nil {
		return c
	}
	if len(c.Note.Labels) == 0 {
		c.Note.Labels = made.labels
	}
	if c.All {
		c.Quantity, c.Factors = made.quantity, made.factors
	}
	return c
}

// used returns what a capture spends of a hold.
func (d *decision) used(c Capture, h *hold) (debit, error) {
	x := debit{unit: h.unit, feature: h.feature, scope: h.scope, amount: c.Amount}
	switch {
	case c.All:
		x.amount = h.amount
	case c.Amount == 0 && !c.Free:
		u := c.usage()
		u.feature, u.scope, u.held = h.feature, h.scope, true
		return d.price(&u)
	}
	return x, nil
}

func (c Capture) decide(d *decision) error {
	if err := c.check(); err != nil {
		return err
	}
	h, err := d.holdOf(c.Hold)
	if err != nil {
		return err
	}
	c = d.inherit(c, h)
	x, err := d.used(c, h)
	if err != nil {
		return err
	}
	if x.unit != h.unit {
		return invalid("quantity", "is of unit %q, and the hold is of %q", x.unit, h.unit)
	}
	e := Entry{
		Kind: KindCaptured, Of: h.id, Unit: h.unit, Feature: h.feature, Quantity: c.Quantity, Factors: c.Factors,
		Scope: h.scope, Note: c.Note,
	}
	if x.amount > h.amount {
		more := x
		more.amount -= h.amount
		if e.Lines, e.Uncovered, err = d.drawMore(h, more); err != nil {
			return err
		}
	}
	left := x.amount
	back := make([]HoldPart, 0, len(h.parts))
	own := make([]Line, 0, len(h.parts)+1)
	for _, p := range h.parts {
		n := min(left, p.Amount)
		left -= n
		if n > 0 {
			own = append(own, Line{Lot: p.Lot, From: Held, To: Consumed, Amount: n})
		}
		back = append(back, HoldPart{p.Lot, p.Amount - n})
	}
	e.Lines = append(d.giveBack(own, back, Held, d.at), e.Lines...)
	d.made = d.w.seq + 1
	if err := d.emit(e); err != nil {
		return err
	}
	for _, p := range back {
		if err := d.repay(p.Lot, d.at); err != nil {
			return err
		}
	}
	return d.trigger(h.unit)
}

// drawMore returns the lines for what a capture needs beyond its hold, and what they do not cover.
func (d *decision) drawMore(h *hold, more debit) ([]Line, Amount, error) {
	switch err := d.active(); {
	case err != nil && h.over == DrawAll:
		return nil, 0, err
	case err != nil && h.over == DrawSome:
		return nil, more.amount, nil
	}
	switch h.over {
	case DrawAll:
		lines, err := d.cover(more, Consumed)
		return lines, 0, err
	case DrawSome:
		lines, short := d.take(more, Consumed)
		return lines, short, nil
	default:
		e := d.refuse(Insufficient, "the hold has less")
		e.Unit, e.Need, e.Available = h.unit, more.amount+h.amount, h.amount
		return nil, 0, e
	}
}

func (c Release) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	h, err := d.holdOf(c.Hold)
	if err != nil {
		return err
	}
	d.made = d.w.seq + 1
	e := Entry{Kind: KindReleased, Of: h.id, Unit: h.unit, Feature: h.feature, Scope: h.scope, Note: c.Note}
	e.Lines = d.giveBack(nil, h.parts, Held, d.at)
	if err := d.emit(e); err != nil {
		return err
	}
	for _, p := range h.parts {
		if err := d.repay(p.Lot, d.at); err != nil {
			return err
		}
	}
	return nil
}
