package credits

import (
	"slices"
	"time"
)

// Grant gives credits that were not bought here: a gift, a sale made elsewhere,
// the balance of a system that is left behind. Its receipt's ID is the lot.
type Grant struct {
	Unit     Unit      `json:"unit,omitempty"`
	Amount   Amount    `json:"amount"`
	Starts   time.Time `json:"starts,omitzero"`    // when it can be spent; default now
	Expires  time.Time `json:"expires,omitzero"`   // default never
	Priority int       `json:"priority,omitempty"` // 1 to 1,000, lower is burnt first; default 100, or 50 with a scope or features
	Scope    string    `json:"scope,omitempty"`    // only for this user or identity; default all
	Features []string  `json:"features,omitempty"` // only for these, at most 32; default all
	Paid     Money     `json:"paid,omitzero"`      // what was paid for it elsewhere; default nothing
	Note     Note      `json:"note,omitzero"`
}

// Revoke takes back what is left of a lot, or of all lots. What is held stays
// held: a capture may still use it, and what is released is revoked then. A lot
// with nothing left is [Ended].
type Revoke struct {
	Lot  ID   `json:"lot,omitempty"`
	All  bool `json:"all,omitempty"` // instead of a Lot
	Note Note `json:"note,omitzero"`
}

// CarryOver lets an amount of the current allowance survive the next reset,
// once, as a lot of its own; at most what is unused then. Later resets follow
// the plan again.
type CarryOver struct {
	Unit    Unit      `json:"unit,omitempty"`
	Amount  Amount    `json:"amount"`
	Expires time.Time `json:"expires,omitzero"` // of what is carried over; default the reset after
	Note    Note      `json:"note,omitzero"`
}

func (c Grant) verb() string     { return "grant" }
func (c Revoke) verb() string    { return "revoke" }
func (c CarryOver) verb() string { return "carryOver" }

func (c Grant) request(r *request) {
	r.text("unit", string(c.Unit))
	r.amount("amount", c.Amount)
	r.time("starts", c.Starts)
	r.time("expires", c.Expires)
	r.text("scope", c.Scope)
	r.texts("features", c.Features)
	r.num("priority", int64(c.priority())) // after what its default follows from
	r.money("paid", c.Paid)
	r.note(c.Note)
}

func (c Revoke) request(r *request) {
	r.id("lot", c.Lot)
	r.flag("all", c.All)
	r.note(c.Note)
}

func (c CarryOver) request(r *request) {
	r.text("unit", string(c.Unit))
	r.amount("amount", c.Amount)
	r.time("expires", c.Expires)
	r.note(c.Note)
}

func (c Grant) priority() int {
	return priorityOf(c.Priority, c.Scope, c.Features)
}

// priorityOf returns a lot's priority, the default filled in.
func priorityOf(given int, scope string, features []string) int {
	switch {
	case given != 0:
		return given
	case scope != "" || len(features) > 0:
		return 50
	default:
		return 100
	}
}

func (c Grant) check(now int64) error {
	if err := within("unit", c.Unit.check()); err != nil {
		return err
	}
	switch {
	case c.Amount <= 0:
		return invalid("amount", "is not positive")
	case c.Priority < 0 || c.Priority > 1000:
		return invalid("priority", "is not between 1 and 1,000")
	case c.Paid.Micros < 0:
		return invalid("paid", "is negative")
	case len(c.Features) > maxFeatures:
		return beyond("features", "are more than %d", maxFeatures)
	case !c.Starts.IsZero() && !inTime(c.Starts):
		return invalid("starts", "is outside the years 1970 to 9999")
	case !c.Starts.IsZero() && micros(c.Starts) < now:
		return invalid("starts", "is before now")
	case !c.Expires.IsZero() && !inTime(c.Expires):
		return invalid("expires", "is outside the years 1970 to 9999")
	case !c.Expires.IsZero() && (micros(c.Expires) <= now || micros(c.Expires) <= micros(c.Starts)):
		return invalid("expires", "is not after now and after it starts")
	}
	for _, f := range c.Features {
		if err := checkName("features", f); err != nil {
			return err
		}
	}
	if err := within("paid", c.Paid.check()); err != nil {
		return err
	}
	if err := checkText("scope", c.Scope, maxName); err != nil {
		return err
	}
	return c.Note.check()
}

func (c Grant) decide(d *decision) error {
	if err := c.check(d.at); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	starts := instant(d.at)
	if !c.Starts.IsZero() {
		starts = truncated(c.Starts)
	}
	features := slices.Compact(slices.Sorted(slices.Values(c.Features)))
	d.made = d.w.seq + 1
	return d.open(Entry{Kind: KindGranted, Unit: c.Unit, Note: c.Note, Opens: &Terms{
		Source: FromGrant, Amount: c.Amount, Starts: starts, Expires: truncated(c.Expires), Priority: c.priority(),
		Scope: c.Scope, Features: features, Paid: c.Paid,
	}}, d.at)
}

func (c Revoke) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if (c.Lot != 0) == c.All {
		return invalid("lot", "or all has to be given, and not both")
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	d.made = d.w.seq + 1
	if c.Lot != 0 {
		l := d.w.look(c.Lot)
		if l == nil {
			return &InvalidError{Field: "lot", Reason: "is none of this wallet", Err: ErrNotFound}
		}
		if !l.open() || l.withdrawn {
			return d.refuse(Ended, "the lot has nothing left that is not held")
		}
		return d.revoke(c.Lot, d.at, c.Note)
	}
	var lots []ID
	for _, slot := range d.w.byID {
		if l := d.w.lots.at(int(slot)); !l.withdrawn {
			lots = append(lots, l.id)
		}
	}
	if len(lots) == 0 {
		return d.refuse(Ended, "no lot has anything left")
	}
	for _, id := range lots {
		if err := d.revoke(id, d.at, c.Note); err != nil {
			return err
		}
	}
	return nil
}

// revoke takes back what a lot has or would have, now or when time does.
func (d *decision) revoke(id ID, t int64, n Note) error {
	l := d.w.look(id)
	e := Entry{Kind: KindRevoked, Of: id, Unit: l.unit, Scope: l.scope, Note: n}
	amount := l.available
	if l.pending {
		amount = l.amount
		e.Lines = append(e.Lines, Line{Lot: id, From: Issued, To: Available, Amount: amount})
	}
	if amount > 0 {
		e.Lines = append(e.Lines, Line{Lot: id, From: Available, To: Revoked, Amount: amount})
	}
	return d.emitEither(t, e)
}

func (c CarryOver) decide(d *decision) error {
	if err := within("unit", c.Unit.check()); err != nil {
		return err
	}
	if err := c.Note.check(); err != nil {
		return err
	}
	switch {
	case c.Amount <= 0:
		return invalid("amount", "is not positive")
	case !c.Expires.IsZero() && (!inTime(c.Expires) || micros(c.Expires) <= d.w.ends):
		return invalid("expires", "is not after the next reset")
	case slices.ContainsFunc(d.w.carry, func(o carryOver) bool { return o.unit == c.Unit }):
		return &InvalidError{Field: "unit", Reason: "has a carry-over already", Err: ErrExists}
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	var unused Amount
	for _, slot := range d.w.byID {
		l := d.w.lots.at(int(slot))
		if l.unit == c.Unit && l.renews() && d.at < l.expires && l.expires <= d.w.ends && !l.withdrawn {
			unused += l.available + l.held
		}
	}
	if c.Amount > unused {
		e := d.refuse(Insufficient, "of the current allowance")
		e.Unit, e.Need, e.Available = c.Unit, c.Amount, unused
		return e
	}
	d.made = d.w.seq + 1
	return d.emit(Entry{
		Kind: KindCarriedOver, Unit: c.Unit, Note: c.Note,
		Setting: &Setting{CarryOver: c.Amount, Expires: truncated(c.Expires)},
	})
}
