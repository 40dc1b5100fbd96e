package credits

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Open opens a wallet under a plan and grants its first allowances. A wallet
// that is open is [ErrExists].
type Open struct {
	Plan Plan   `json:"plan"`
	Zone string `json:"zone,omitempty"` // IANA name, in which days and months begin; default UTC
	Note Note   `json:"note,omitzero"`
}

// SetZone sets the wallet's time zone from the next cycle on: the current one
// keeps the end that it has, and the schedule goes on at the same local times in
// the new zone.
type SetZone struct {
	Zone string `json:"zone"` // IANA name
	Note Note   `json:"note,omitzero"`
}

// Erase removes the actors and notes of earlier entries, at most 1,000, and of
// the captures and reversals that repeat their labels: what a person asks to be
// forgotten.
// Amounts stay, and the chain still verifies.
type Erase struct {
	Entries []ID `json:"entries"`
	Note    Note `json:"note,omitzero"`
}

func (c Open) verb() string    { return "open" }
func (c SetZone) verb() string { return "setZone" }
func (c Erase) verb() string   { return "erase" }

func (c Open) zone() string {
	if c.Zone == "" {
		return "UTC"
	}
	return c.Zone
}

func (c Open) request(r *request) {
	r.plan("plan", c.Plan)
	r.text("zone", c.zone())
	r.note(c.Note)
}

func (c SetZone) request(r *request) {
	r.text("zone", c.Zone)
	r.note(c.Note)
}

func (c Erase) request(r *request) {
	r.ids("entries", c.Entries)
	r.note(c.Note)
}

func (c Open) decide(d *decision) error {
	if d.w.seq != 0 {
		return &InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q is open already", d.w.id), Err: ErrExists}
	}
	if err := c.Note.check(); err != nil {
		return err
	}
	t, err := compile(c.Plan)
	if err != nil {
		return errors.Join(faultsWithin("plan", err)...)
	}
	if t.For != "" && t.For != d.w.id {
		return invalid("plan.for", "is wallet %q", t.For)
	}
	zone, err := loadZone(c.zone())
	if err != nil {
		return err
	}
	cycles := t.cycles(d.at, zone)
	period := Period{cycles.Instant(0), cycles.Instant(1)}
	d.made = 1
	e := Entry{Kind: KindOpened, Charge: t.Price, Note: c.Note, Cycle: &Cycle{
		Plan: &t.Plan, Zone: c.zone(), Period: period, Anchor: instant(d.at), Term: t.termFrom(cycles, 0), Paid: t.share(), Life: t.lifeOf(cycles, 0),
	}}
	if err := d.emit(e); err != nil {
		return err
	}
	part, whole := t.firstShare(instant(d.at), period, zone)
	return d.grantAllowances(d.at, d.w.rises(t, false), t.cyclePrice(0), part, whole)
}

// firstShare returns the part of the allowance that a first cycle is given: less
// than all only where it is not whole, because its schedule is the calendar's.
func (p *Plan) firstShare(at time.Time, first Period, zone *time.Location) (part, whole int64) {
	if p.Anchor != FirstOfMonth || p.First == 0 || p.First == FirstFull {
		return 1, 1
	}
	every, _ := p.Every.months()
	begin := monthStart((boundaryAfter(local(at, zone), every)-1)*every, local(at, zone).Location())
	switch {
	case begin.Equal(at):
		return 1, 1
	case p.First == FirstNothing:
		return 0, 1
	}
	return int64(wholeDays(at, first.End, zone)), int64(wholeDays(begin, first.End, zone))
}

func (c SetZone) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if c.Zone == "" {
		return invalid("zone", "is empty")
	}
	if _, err := loadZone(c.Zone); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	d.made = d.w.seq + 1
	return d.emit(Entry{Kind: KindZoneSet, Note: c.Note, Setting: &Setting{Zone: c.Zone}})
}

func (c Erase) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if len(c.Entries) == 0 || len(c.Entries) > maxLines {
		return &InvalidError{Field: "entries", Reason: "are not 1 to 1,000", Err: ErrLimit}
	}
	for _, id := range c.Entries {
		if id == 0 || id > d.w.seq {
			return &InvalidError{Field: "entries", Reason: "has one that the wallet has not", Err: ErrNotFound}
		}
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	gone := slices.Clone(c.Entries)
	for e := range d.history { // in the order in which they were made: a capture, then its reversals
		if (e.Kind == KindReversed || e.Kind == KindCaptured) && slices.Contains(gone, e.Of) && !slices.Contains(gone, e.Seq) {
			gone = append(gone, e.Seq)
		}
	}
	d.made = d.w.seq + 1
	return d.emit(Entry{Kind: KindErased, Note: c.Note, Setting: &Setting{Erased: gone}})
}
