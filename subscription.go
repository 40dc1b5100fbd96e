package credits

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Subscribe moves a wallet to another plan, or to another version of its own: at
// once, when the next cycle begins, or when the billed term ends. What becomes
// of the lots that are there is the policy of the plan that it leaves for one of
// another ID; units of add-ons that the new plan does not have end.
//
// While a paid period runs, the schedule stands, and only what exceeds what was
// granted and billed in it is granted and charged, however often plans change.
// What a cycle costs is its share of the term's price: a plan whose term is as long
// is charged the rise of all cycles that are left, one with a shorter term that of
// each cycle as it comes, and a longer term what it adds. A cycle that runs does
// not end earlier than it would have.
// Else the plan begins anew, with a whole allowance and price. Subscribing to
// the plan that the wallet has drops what was scheduled. Without an active plan it
// is at once, whatever When says.
//
// A plan under an ID and version that the wallet has with other content is
// [ErrInvalid]; one that it can have once and had is [HadBefore].
type Subscribe struct {
	Plan  Plan  `json:"plan"`
	When  When  `json:"when,omitzero"` // default [AtOnce]
	Quote Quote `json:"quote,omitzero"`
	Note  Note  `json:"note,omitzero"`
}

// When is when a change of subscription takes effect.
type When uint8

// The times.
const (
	AtOnce  When = iota + 1
	AtCycle      // when the next cycle begins
	AtEnd        // when the billed term ends
	whens
)

// Cancel ends the subscription when its billed term or its cycle ends. Its add-ons
// end with their own period, which may be sooner, and do not come back. Until then
// nothing changes, and [Reactivate] drops it.
type Cancel struct {
	When When `json:"when,omitzero"` // [AtCycle] or [AtEnd]; default AtEnd
	Note Note `json:"note,omitzero"`
}

// Lapse ends the plan now, because it was not paid. Nothing can be spent without
// a plan; lots live on as the plan's leaving policy says.
type Lapse struct {
	Note Note `json:"note,omitzero"`
}

// Deactivate ends the plan now, an operator's doing: what came with the plan or was
// bought is revoked as far as it is not held, unless it is kept until it expires.
type Deactivate struct {
	Keep bool `json:"keep,omitempty"`
	Note Note `json:"note,omitzero"`
}

// Reactivate drops a cancellation that is scheduled, or resumes a plan that
// lapsed or was deactivated, on the schedule that it had. In the cycle in which
// it ended nothing is granted again; in a later one its allowances and add-ons
// are, and what was not billed of its term falls due. To resume a plan is an
// operator's, as it is to end it.
type Reactivate struct {
	Note Note `json:"note,omitzero"`
}

// Subscription is what a wallet is subscribed to.
type Subscription struct {
	Active bool      // whether the plan has not ended
	End    EndReason // why it ended, if it did
	Ends   time.Time // when it ends, if that is known; zero if it renews
	Renews time.Time // when the next cycle begins; zero if none does
	Term   time.Time // when the billed term ends: what was paid before is not billed again
	Next   *Plan     // to which it moves; nil if to none
	When   When      // it moves or is cancelled; 0 if neither
	Units  []Units   // of add-ons
	Due    Money     // what they cost each period from the next one on
	Period Period    // the current one of the add-ons; zero without any
}

func (c Subscribe) verb() string  { return "subscribe" }
func (c Cancel) verb() string     { return "cancel" }
func (c Lapse) verb() string      { return "lapse" }
func (c Deactivate) verb() string { return "deactivate" }
func (c Reactivate) verb() string { return "reactivate" }

func (c Subscribe) when() When {
	if c.When == 0 {
		return AtOnce
	}
	return c.When
}

func (c Cancel) when() When {
	if c.When == 0 {
		return AtEnd
	}
	return c.When
}

func (c Subscribe) request(r *request) {
	r.plan("plan", c.Plan)
	r.num("when", int64(c.when()))
	r.quote(c.Quote)
	r.note(c.Note)
}

func (c Cancel) request(r *request) {
	r.num("when", int64(c.when()))
	r.note(c.Note)
}

func (c Lapse) request(r *request) { r.note(c.Note) }

func (c Deactivate) request(r *request) {
	r.flag("keep", c.Keep)
	r.note(c.Note)
}

func (c Reactivate) request(r *request) { r.note(c.Note) }

// active refuses what needs a plan that has not ended.
func (d *decision) active() error {
	if d.w.active {
		return nil
	}
	e := d.refuse(NoPlan, "it ended: "+d.w.ended.String())
	e.Remedies = []Remedy{{Kind: RemedyPlan}}
	return e
}

func (c Subscribe) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if c.When >= whens {
		return invalid("when", "is not known")
	}
	t, err := compile(c.Plan)
	if err != nil {
		return errors.Join(faultsWithin("plan", err)...)
	}
	if err := d.w.fits(t); err != nil {
		return err
	}
	if err := d.may(ActSubscribe, t.ID); err != nil {
		return err
	}
	w := d.w
	d.made = w.seq + 1
	switch same := t.hash == w.terms.hash; {
	case same && w.active && w.change != nil:
		return d.emit(Entry{Kind: KindScheduled, Change: &Change{}, Note: c.Note})
	case same && w.active:
		return &InvalidError{Field: "plan", Reason: "is what the wallet has", Err: ErrExists}
	case t.Once && w.hadOnce(t.ID):
		return d.refuse(HadBefore, "plan "+t.ID)
	case t.Once && !slices.ContainsFunc(w.had, func(h had) bool { return !h.once }) && len(w.had) >= maxHad:
		return beyond("wallet", "has had %d plans that can be had once", maxHad)
	}
	if w.active && c.when() != AtOnce {
		return d.emit(Entry{Kind: KindScheduled, Change: &Change{Plan: &t.Plan, When: c.when()}, Note: c.Note})
	}
	return d.move(t, c.Note)
}

// carries reports whether a plan has the add-on of a holding.
func (p *Plan) carries(h holding) bool {
	o, known := p.addOn(h.addon)
	return known && o.Scoped == (h.scope != "")
}

// fits reports why a wallet cannot have a plan.
func (s *state) fits(t *terms) error {
	if t.For != "" && t.For != s.id {
		return invalid("plan.for", "is wallet %q", t.For)
	}
	known := s.had
	if s.change != nil && s.change.terms != nil {
		known = append(slices.Clone(known), s.change.terms.had())
	}
	now := t.had()
	for _, k := range known {
		if k.same(now) && k.sum != now.sum {
			return invalid("plan.version", "%d of plan %q is known to the wallet with other content", t.Version, t.ID)
		}
	}
	return nil
}

// hadOnce reports whether the wallet had a plan that can be had once.
func (s *state) hadOnce(id string) bool {
	return slices.ContainsFunc(s.had, func(h had) bool { return h.once && h.id == id })
}

// had is a plan that a wallet has or had: what was known of its version, for the
// last 64 that it had, and those it can have once.
type had struct {
	id      string
	version int
	tier    string
	sum     uint64 // of the content
	once    bool
}

func (t *terms) had() had {
	return had{t.ID, t.Version, t.Tier, binary.BigEndian.Uint64(t.hash[:]), t.Once}
}

// same reports whether two are of one version.
func (h had) same(o had) bool { return h.id == o.id && h.version == o.version && h.tier == o.tier }

// remember keeps that the wallet has a plan. The oldest gives place, but for those
// that can be had once.
func (s *state) remember(h had) {
	if slices.ContainsFunc(s.had, h.same) {
		return
	}
	s.had = append(slices.Clone(s.had), h)
	if len(s.had) > maxHad {
		if i := slices.IndexFunc(s.had, func(h had) bool { return !h.once }); i >= 0 {
			s.had = slices.Delete(s.had, i, i+1)
		}
	}
}

// move subscribes to a plan now.
func (d *decision) move(t *terms, n Note) error {
	w := d.w
	if w.active && t.ID != w.terms.ID {
		if err := d.leave(w.terms.Leaving, d.at, n); err != nil {
			return err
		}
	}
	zone, kept := w.loc, false
	var cycles schedule
	c := &Cycle{Zone: w.next}
	same := w.covered(d.at) || d.at < w.ends && (w.paid.Micros > 0 || t.Price.Micros == 0)
	if same {
		cycles, c, kept = w.takeOver(t, d.at)
	} else {
		if w.next != "" {
			var err error
			if zone, err = loadZone(w.next); err != nil {
				return err
			}
		}
		cycles = t.cycles(d.at, zone)
		c.Period = Period{cycles.Instant(0), cycles.Instant(1)}
	}
	b := w.bill(t, cycles, c, d.at, kept)
	b.charge.Currency = t.Price.Currency // nothing to pay is a price, too
	c.Plan, c.Anchor, c.Paid, c.Life = &t.Plan, cycles.Anchor, b.paid, t.lifeOf(cycles, c.Number)
	c.Term = instant(max(b.term, micros(c.Period.End)))
	rises := w.rises(t, c.Same)
	part, whole := int64(1), int64(1)
	switch {
	case !same:
		part, whole = t.firstShare(instant(d.at), c.Period, zone)
	case c.Same && c.Number == 0 && w.terms.Anchor == FirstOfMonth: // of as much of the cycle as the first plan's
		part, whole = t.firstShare(c.Period.Start, c.Period, zone)
	}
	if err := d.emit(Entry{Kind: KindSubscribed, Charge: b.charge, Cycle: c, Note: n}); err != nil {
		return err
	}
	if err := d.grantAllowances(d.at, rises, b.lot, part, whole); err != nil {
		return err
	}
	return d.resumeUnits()
}

// resumeUnits begins a period of the add-ons if that of before is over: a plan
// that ended did not renew them.
func (d *decision) resumeUnits() error {
	if len(d.w.addons) > 0 && d.w.addUntil <= d.at {
		return d.renewUnits(d.at)
	}
	return nil
}

// rises returns what a plan's allowances exceed what was granted in the period,
// if that goes on, or all of them.
func (s *state) rises(t *terms, same bool) []Amount {
	rises := make([]Amount, len(t.Allowances))
	for i, a := range t.Allowances {
		rises[i] = a.Amount
		if same {
			rises[i] = max(0, a.Amount-s.marked(a.Unit))
		}
	}
	return rises
}

// marked returns the highest allowance of a unit that the wallet had in the current cycle.
func (s *state) marked(unit Unit) Amount {
	for _, m := range s.marks {
		if m.unit == unit {
			return m.amount
		}
	}
	return 0
}

// termFrom returns when the term ends that begins with a cycle.
func (p *Plan) termFrom(cycles schedule, number int) time.Time {
	return cycles.Instant(number + p.cyclesPerTerm())
}

// lifeOf returns when the plan ends by itself that begins with a cycle; zero if never.
func (p *Plan) lifeOf(cycles schedule, number int) time.Time {
	if p.Life == 0 {
		return time.Time{}
	}
	life, isMonths := p.Life.months()
	every, _ := p.Every.months()
	if !isMonths {
		life, _ = p.Life.days()
		every, _ = p.Every.days()
	}
	return cycles.Instant(number + life/every)
}

// leave revokes the lots that a plan's leaving policy forfeits. Open lots only,
// by number.
func (d *decision) leave(v Leaving, t int64, n Note) error {
	var gone []ID
	for _, slot := range d.w.byID {
		l := d.w.lots.at(int(slot))
		if v.of(l.source) == Forfeit && !l.withdrawn && l.origin.Wallet == "" {
			gone = append(gone, l.id)
		}
	}
	for _, id := range gone {
		if err := d.revoke(id, t, n); err != nil {
			return err
		}
	}
	return nil
}

func (c Cancel) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if c.When == AtOnce || c.When >= whens {
		return invalid("when", "is neither at the end of the cycle nor of the term")
	}
	if err := d.may(ActCancel, ""); err != nil {
		return err
	}
	if err := d.active(); err != nil {
		return err
	}
	d.made = d.w.seq + 1
	return d.emit(Entry{Kind: KindScheduled, Change: &Change{When: c.when()}, Note: c.Note})
}

func (c Lapse) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	if err := d.active(); err != nil {
		return err
	}
	d.made = d.w.seq + 1
	return d.end(EndLapsed, d.w.terms.Leaving, c.Note)
}

func (c Deactivate) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := d.may(ActDeactivate, ""); err != nil {
		return err
	}
	if err := d.active(); err != nil {
		return err
	}
	fates := Leaving{Forfeit, Forfeit, Forfeit, Keep}
	if c.Keep {
		fates = Leaving{Keep, Keep, Keep, Keep}
	}
	d.made = d.w.seq + 1
	return d.end(EndDeactivated, fates, c.Note)
}

// end ends the plan now.
func (d *decision) end(why EndReason, fates Leaving, n Note) error {
	if err := d.emit(Entry{Kind: KindEnded, Change: &Change{When: AtOnce, End: why}, Note: n}); err != nil {
		return err
	}
	return d.leave(fates, d.at, n)
}

func (c Reactivate) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	w := d.w
	action, _ := d.actionOf(c)
	if err := d.may(action, ""); err != nil {
		return err
	}
	d.made = w.seq + 1
	switch {
	case w.active && w.change != nil && w.change.terms == nil:
		return d.emit(Entry{Kind: KindScheduled, Change: &Change{}, Note: c.Note})
	case w.active:
		return &InvalidError{Field: "wallet", Reason: "has an active plan that is not cancelled", Err: ErrExists}
	case w.ended != EndLapsed && w.ended != EndDeactivated || w.life <= d.at:
		e := d.refuse(Ended, fmt.Sprintf("the plan was %v: subscribe", w.ended))
		e.Remedies = []Remedy{{Kind: RemedyPlan}}
		return e
	}
	cycles := w.terms.cycles(w.anchor, w.loc)
	y := &Cycle{Number: w.cycle, Period: Period{instant(w.starts), instant(w.ends)}, Anchor: cycles.Anchor, Life: instant(w.life)}
	y.Same = d.at < w.ends
	e := Entry{Kind: KindSubscribed, Cycle: y, Note: c.Note}
	if !y.Same {
		y.Number = cycles.Index(instant(d.at))
		y.Period = Period{cycles.Instant(y.Number), cycles.Instant(y.Number + 1)}
	}
	b := w.bill(w.terms, cycles, y, d.at, false)
	e.Charge, y.Term, y.Paid = b.charge, instant(b.term), b.paid
	rises := w.rises(w.terms, y.Same)
	if err := d.emit(e); err != nil {
		return err
	}
	if err := d.grantAllowances(d.at, rises, b.lot, 1, 1); err != nil {
		return err
	}
	return d.resumeUnits()
}

// Subscription returns what the wallet is subscribed to.
func (w Wallet) Subscription() Subscription {
	s := w.state()
	v := Subscription{Active: s.active, End: s.ended}
	if s.seq == 0 {
		return v
	}
	v.Term, v.Ends = instant(s.term), instant(s.life)
	if c := s.change; c != nil {
		v.When = c.when
		if c.terms != nil {
			if fresh, err := parseTerms(c.terms.json); err == nil {
				v.Next = &fresh.Plan
			}
		} else if at := instant(s.ends); c.when == AtCycle && (v.Ends.IsZero() || at.Before(v.Ends)) {
			v.Ends = at
		} else if at := instant(s.term); c.when == AtEnd && (v.Ends.IsZero() || at.Before(v.Ends)) {
			v.Ends = at
		}
	}
	if at := instant(s.ends); s.active && (v.Ends.IsZero() || at.Before(v.Ends)) {
		v.Renews = at
	}
	if len(s.addons) > 0 {
		v.Period = Period{instant(s.addFrom), instant(s.addUntil)}
		for _, h := range s.addons {
			u := Units{AddOn: h.addon, Scope: h.scope, Now: h.now, Next: h.next, Period: v.Period}
			next := s.nextTerms()
			if next == nil || !s.active || !next.carries(h) {
				u.Next = 0
			}
			v.Units = append(v.Units, u)
		}
		v.Due = s.unitsDue()
	}
	return v
}
