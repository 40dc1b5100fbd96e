package credits

import "slices"

// SetUnits sets how many units of an add-on the wallet has, all told or, where
// the add-on is scoped, for one user or identity. What exceeds the most that it
// had in the period is charged at once, and brings what it brings, whole, however
// short the rest of the period is. What is removed ends with the period: its
// credits stay until then, and adding it back costs and brings nothing. Its
// receipt's ID is the purchase.
type SetUnits struct {
	AddOn string `json:"addOn"`
	Scope string `json:"scope,omitempty"` // of an add-on that is scoped
	Units int64  `json:"units"`           // from the next period on; and now, if it is more than there are
	Quote Quote  `json:"quote,omitzero"`
	Note  Note   `json:"note,omitzero"`
}

// Reassign moves all units of a scoped add-on from one user or identity to
// another, and with them what they brought as far as it is neither spent nor held.
type Reassign struct {
	AddOn string `json:"addOn"`
	From  string `json:"from"`
	To    string `json:"to"`
	Note  Note   `json:"note,omitzero"`
}

func (c SetUnits) verb() string { return "setUnits" }
func (c Reassign) verb() string { return "reassign" }

func (c SetUnits) request(r *request) {
	r.text("addOn", c.AddOn)
	r.text("scope", c.Scope)
	r.num("units", c.Units)
	r.quote(c.Quote)
	r.note(c.Note)
}

func (c Reassign) request(r *request) {
	r.text("addOn", c.AddOn)
	r.text("from", c.From)
	r.text("to", c.To)
	r.note(c.Note)
}

// holding is how many units of an add-on a scope has.
type holding struct {
	addon string
	scope string
	now   int64
	next  int64
}

// peak is the most units of an add-on that the wallet had from some moment of
// the period on: only more than that is charged and granted.
type peak struct {
	addon string
	units int64
}

// unitsOf returns the units of a scope.
func (s *state) unitsOf(addon, scope string) holding {
	for _, h := range s.addons {
		if h.addon == addon && h.scope == scope {
			return h
		}
	}
	return holding{addon: addon, scope: scope}
}

// wanted returns how many units of an add-on there are from the next period on.
func (s *state) wanted(addon string) (sum int64) {
	for _, h := range s.addons {
		if h.addon == addon {
			sum += h.next
		}
	}
	return sum
}

// peakOf returns the peak of an add-on in the period that t is in.
func (s *state) peakOf(addon string, t int64) int64 {
	if t >= s.addUntil {
		return 0
	}
	for _, p := range s.peaks {
		if p.addon == addon {
			return p.units
		}
	}
	return 0
}

// costs returns what so many units cost, those included apart.
func (o *AddOn) costs(units int64) (Money, bool) {
	n, ok := mulInt(o.Price.Micros, max(0, units-o.Included))
	return Money{Micros: n, Currency: o.Price.Currency}, ok
}

// unitsDue returns what all add-ons cost from the next period on: under the plan
// that is scheduled, if that takes over by then, and nothing where the
// subscription is cancelled.
func (s *state) unitsDue() Money {
	due, _ := s.dueWith("", 0)
	return due
}

// nextTerms returns the plan that the wallet has when the next period of the
// add-ons begins; nil if it has none.
func (s *state) nextTerms() *terms {
	c := s.change
	switch {
	case c == nil || s.addUntil != 0 && (c.when == AtCycle && s.ends > s.addUntil || c.when == AtEnd && max(s.term, s.ends) > s.addUntil) && c.terms != nil:
		return s.terms
	default:
		return c.terms
	}
}

// dueWith is unitsDue with so many units of an add-on.
func (s *state) dueWith(addon string, units int64) (due Money, err error) {
	t := s.nextTerms()
	if t == nil {
		return due, nil
	}
	for i := range t.AddOns {
		o := &t.AddOns[i]
		wanted := s.wanted(o.ID)
		if o.ID == addon {
			wanted = units
		}
		cost, ok := o.costs(wanted)
		if !ok {
			return due, overflows("units")
		}
		if cost.Micros == 0 && o.ID != addon {
			continue
		}
		if due, err = due.Add(cost); err != nil {
			return due, err
		}
	}
	return due, nil
}

// addOnPeriod returns the period of the add-ons that t is in: as it was recorded,
// or that of their schedule, which stays when a change of plan moves the plan's anchor.
func (s *state) addOnPeriod(t int64) Period {
	if t < s.addUntil {
		return Period{instant(s.addFrom), instant(s.addUntil)}
	}
	anchor := s.addAnchor
	if len(s.addons) == 0 {
		anchor = s.anchor
	}
	months, ok := s.terms.Every.months()
	if anchor == s.anchor && (!ok || months == 1) && s.starts <= t && t < s.ends {
		return Period{instant(s.starts), instant(s.ends)}
	}
	periods := s.terms.cycles(anchor, s.loc)
	if ok {
		periods.Every = Months(1)
	}
	n := periods.Index(instant(t))
	start := max(micros(periods.Instant(n)), s.addUntil)
	if t == s.addUntil && micros(periods.Instant(n+1))-t < offsetLimit.Microseconds() { // the zone changed: it is the one that begins about now
		n, start = n+1, t
	}
	return Period{instant(start), instant(max(micros(periods.Instant(n+1)), t+1))}
}

func (c SetUnits) check(d *decision) (AddOn, error) {
	var o AddOn
	if err := c.Note.check(); err != nil {
		return o, err
	}
	if err := checkText("scope", c.Scope, maxName); err != nil {
		return o, err
	}
	if c.Units < 0 {
		return o, invalid("units", "is negative")
	}
	if c.Units > maxSeats {
		return o, beyond("units", "are more than %d", maxSeats)
	}
	if err := d.may(ActUnits, c.AddOn); err != nil {
		return o, err
	}
	if err := d.active(); err != nil {
		return o, err
	}
	o, ok := d.w.terms.addOn(c.AddOn)
	switch {
	case !ok:
		return o, d.refuse(NotInPlan, "add-on "+c.AddOn)
	case o.Scoped && c.Scope == "":
		return o, invalid("scope", "is empty, and units of %q are somebody's", c.AddOn)
	case !o.Scoped && c.Scope != "":
		return o, invalid("scope", "is set, and units of %q are everybody's", c.AddOn)
	}
	return o, nil
}

func (c SetUnits) decide(d *decision) error {
	o, err := c.check(d)
	if err != nil {
		return err
	}
	w := d.w
	h := w.unitsOf(c.AddOn, c.Scope)
	total := w.wanted(c.AddOn) - h.next + c.Units
	awaited := int64(0)
	for _, p := range w.open.purchases {
		if p.AddOn == c.AddOn && p.Scope != c.Scope {
			awaited += p.Units
		}
	}
	if o.Max > 0 && total+awaited > o.Max && c.Units > h.next {
		e := d.refuse(LimitReached, "the plan allows fewer units")
		e.Remedies = []Remedy{{Kind: RemedyLimit}}
		return e
	}
	if h.now == 0 && h.next == 0 && len(w.addons) >= maxHoldings {
		return beyond("wallet", "has units for %d scopes", maxHoldings)
	}
	d.made = w.seq + 1
	p, err := d.unitsPurchase(o, c.Scope, c.Units-h.next)
	if err != nil {
		return err
	}
	if len(p.Goods) == 0 && p.Charge.Micros == 0 {
		return d.setUnits(c.AddOn, c.Scope, c.Units, 0, Money{}, c.Note)
	}
	if u := w.unknown(); u != nil && d.paid() && !d.call.supposed {
		return d.await(u)
	}
	if u := w.undecided(func(p *purchase) bool { return p.AddOn == c.AddOn && p.Scope == c.Scope }); u != nil {
		return d.await(u)
	}
	return d.acquire(p, true, c.Note)
}

// unitsPurchase returns what more units cost and bring now. Fewer are no purchase.
func (d *decision) unitsPurchase(o AddOn, scope string, more int64) (Purchase, error) {
	w := d.w
	peak := w.peakOf(o.ID, d.at)
	wanted := w.wanted(o.ID) + more
	rise := max(0, wanted-peak)
	p := Purchase{AddOn: o.ID, Scope: scope, Units: more, NoRefund: o.NoRefund}
	if more <= 0 {
		return p, nil
	}
	before, ok := o.costs(peak)
	after, ok2 := o.costs(max(peak, wanted))
	if !ok || !ok2 {
		return p, overflows("units")
	}
	if p.Charge = (Money{Micros: after.Micros - before.Micros, Currency: o.Price.Currency}); p.Charge.Micros == 0 {
		p.Charge = Money{}
	}
	var err error
	if p.Next, err = w.dueWith(o.ID, wanted); err != nil {
		return p, err
	}
	for _, a := range o.Allowances {
		n, ok := mulInt(int64(a.Amount), rise)
		if !ok {
			return p, overflows("units")
		}
		if n > 0 {
			p.Goods = append(p.Goods, Goods{
				Unit: a.Unit, Amount: Amount(n), Life: ForCycle, Priority: a.Priority, Features: slices.Clone(a.Features),
			})
		}
	}
	return p, nil
}

// setUnits emits that a scope has so many units from the next period on.
func (d *decision) setUnits(addon, scope string, units int64, of ID, charge Money, n Note) error {
	w := d.w
	h := w.unitsOf(addon, scope)
	u := &Units{AddOn: addon, Scope: scope, Now: max(h.now, units), Next: units, Period: w.addOnPeriod(d.at), Due: w.unitsDue()}
	if due, err := w.dueWith(addon, w.wanted(addon)-h.next+units); err == nil {
		u.Due = due
	}
	d.adds = d.adds || units > h.next
	return d.emit(Entry{Kind: KindUnitsSet, Of: of, Scope: scope, Units: u, Charge: charge, Note: n})
}

// deliverUnits emits what a purchase of units brings, now.
func (d *decision) deliverUnits(p *Purchase, of ID, n Note) error {
	id := of
	if id == 0 {
		id = d.w.seq + 1
	}
	expires := d.w.addOnPeriod(d.at).End
	if micros(expires) <= d.at { // the plan ended meanwhile, and the money was taken
		expires = instant(d.lifeFrom(ForCycle, d.at, d.w.cycle))
	}
	h := d.w.unitsOf(p.AddOn, p.Scope)
	if _, known := d.w.terms.addOn(p.AddOn); known && d.w.active {
		if err := d.setUnits(p.AddOn, p.Scope, min(max(0, h.next+p.Units), 2*maxSeats), of, p.Charge, n); err != nil {
			return err
		}
	} else if err := d.emit(Entry{Kind: KindUnitsSet, Of: of, Scope: p.Scope, Charge: p.Charge, Note: n}); err != nil {
		return err
	}
	for i, g := range p.Goods {
		e := Entry{Kind: KindGranted, Of: id, Unit: g.Unit, Scope: p.Scope, Opens: &Terms{
			Source: FromAddOn, Amount: g.Amount, Starts: instant(d.at), Expires: expires, Priority: g.Priority, Scope: p.Scope,
			Features: slices.Clone(g.Features), Purchase: id, AddOn: p.AddOn, NoRefund: p.NoRefund,
		}}
		if i == 0 {
			e.Opens.Paid = p.Charge
		}
		if err := d.open(e, d.at); err != nil {
			return err
		}
	}
	return nil
}

// cancelled reports whether the plan is to end and nothing to follow it.
func (s *state) cancelled() bool { return s.change != nil && s.change.terms == nil }

// renewUnits begins the next period of the add-ons: what was removed is gone, and
// the rest brings what it brings. Where the subscription is cancelled all are gone.
func (d *decision) renewUnits(t int64) error {
	due := d.w.unitsDue()
	u := &Units{Period: d.w.addOnPeriod(t), Due: due}
	if d.w.cancelled() {
		u.Period = Period{}
	}
	if err := d.emitEither(t, Entry{Kind: KindUnitsRenewed, Charge: due, Units: u}); err != nil {
		return err
	}
	id := d.w.seq
	free := map[string]int64{}
	for _, h := range slices.Clone(d.w.addons) {
		o, _ := d.w.terms.addOn(h.addon)
		if err := d.grantUnits(t, o, h, id, free); err != nil {
			return err
		}
	}
	return nil
}

// grantUnits opens the lots of one scope's units for the period that begins. free
// counts how many of each add-on's included units were met before.
func (d *decision) grantUnits(t int64, o AddOn, h holding, purchase ID, free map[string]int64) error {
	before, _ := o.costs(free[o.ID])
	free[o.ID] += h.now
	after, _ := o.costs(free[o.ID])
	for i, a := range o.Allowances {
		n, ok := mulInt(int64(a.Amount), h.now)
		if n = min(n, int64(d.w.room(a.Unit))); !ok || n == 0 {
			continue
		}
		e := Entry{Kind: KindGranted, Of: purchase, Unit: a.Unit, Scope: h.scope, Opens: &Terms{
			Source: FromAddOn, Amount: Amount(n), Starts: instant(t), Expires: instant(d.w.addUntil), Priority: a.Priority,
			Scope: h.scope, Features: slices.Clone(a.Features), Purchase: purchase, AddOn: o.ID, NoRefund: o.NoRefund,
		}}
		if i == 0 && after.Micros > before.Micros {
			e.Opens.Paid = Money{Micros: after.Micros - before.Micros, Currency: o.Price.Currency}
		}
		if err := d.open(e, t); err != nil {
			return err
		}
	}
	return nil
}

func (c Reassign) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := checkName("from", c.From); err != nil {
		return err
	}
	if err := checkName("to", c.To); err != nil {
		return err
	}
	if c.From == c.To {
		return invalid("to", "is who has them")
	}
	if err := d.may(ActUnits, c.AddOn); err != nil {
		return err
	}
	if err := d.active(); err != nil {
		return err
	}
	w := d.w
	h, to := w.unitsOf(c.AddOn, c.From), w.unitsOf(c.AddOn, c.To)
	if h.now == 0 && h.next == 0 {
		return &InvalidError{Field: "from", Reason: "has no units of add-on " + c.AddOn, Err: ErrNotFound}
	}
	if to.now+h.now > maxSeats || to.next+h.next > maxSeats {
		return beyond("to", "would have more than %d units", maxSeats)
	}
	d.made, d.adds = w.seq+1, true
	u := &Units{
		AddOn: c.AddOn, Scope: c.To, From: c.From, Now: to.now + h.now, Next: to.next + h.next,
		Period: Period{instant(w.addFrom), instant(w.addUntil)}, Due: w.unitsDue(),
	}
	if err := d.emit(Entry{Kind: KindReassigned, Scope: c.To, Units: u, Note: c.Note}); err != nil {
		return err
	}
	var move []ID
	for _, slot := range d.w.byID {
		l := d.w.lots.at(int(slot))
		if l.addon == c.AddOn && l.scope == c.From && l.available > 0 && !l.withdrawn {
			move = append(move, l.id)
		}
	}
	for _, id := range move {
		if err := d.reassign(id, c.To, c.Note); err != nil {
			return err
		}
	}
	return nil
}

// reassign moves what is left of a lot to a lot of another scope.
func (d *decision) reassign(id ID, scope string, n Note) error {
	old := d.w.look(id)
	t := old.lotTerms.public()
	t.Amount, t.Scope, t.Starts, t.Paid, t.Origin = old.available, scope, instant(d.at), d.share(old, old.available), originOf(old)
	return d.open(Entry{
		Kind: KindReassigned, Of: id, Unit: old.unit, Scope: scope, Note: n, Opens: &t,
		Lines: []Line{{Lot: id, From: Available, To: Moved, Amount: old.available}},
	}, d.at)
}
