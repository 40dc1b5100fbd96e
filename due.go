package credits

import (
	"cmp"
	"slices"
	"time"
)

// advance emits everything that falls due by time until an instant, each at its
// own. It reports false if that is more than so many cycles.
func (d *decision) advance(to int64, cycles int) (done bool, err error) {
	if d.w.seq == 0 {
		return true, nil
	}
	for {
		t := d.w.due()
		if t > to || t == forever {
			return true, nil
		}
		if d.w.active && (t == d.w.ends || len(d.w.addons) > 0 && t == d.w.addUntil) {
			if cycles == 0 {
				return false, nil
			}
			cycles--
		}
		if err := d.step(t); err != nil {
			return false, err
		}
		if d.w.due() <= t {
			return false, corrupt("wallet %q does not get past %v", d.w.id, instant(t))
		}
	}
}

// step emits what falls due at one instant, in this order: holds
// reach their deadline, and what nobody answered its own; rollover and carry-over move their share; the rest of
// ending lots expires; the cycle closes and debt is settled; scheduled changes of
// plan take effect, the new cycle begins, its allowances and then the add-ons are
// granted and future lots start, paying debt first.
// Within a step the order is that of numbers.
func (d *decision) step(t int64) error {
	reset := d.w.active && t == d.w.ends
	units := d.w.active && len(d.w.addons) > 0 && t == d.w.addUntil
	if err := d.timeOut(t); err != nil {
		return err
	}
	if err := d.giveUp(t); err != nil {
		return err
	}
	if reset {
		if err := d.carry(t); err != nil {
			return err
		}
	}
	if err := d.expire(t); err != nil {
		return err
	}
	if reset {
		if err := d.forgive(t); err != nil {
			return err
		}
		if err := d.renew(t); err != nil {
			return err
		}
	}
	if units && d.w.active && len(d.w.addons) > 0 {
		if err := d.renewUnits(t); err != nil {
			return err
		}
	}
	return d.start(t)
}

// giveUp abandons the purchases nobody knew the outcome of in time, and ends the
// requests whose time has passed.
func (d *decision) giveUp(t int64) error {
	for _, p := range d.w.open.purchases {
		if p.deadline() <= t {
			if err := d.emitDue(t, Entry{Kind: KindSettled, Of: p.ID, Payment: &Payment{State: Abandoned}}); err != nil {
				return err
			}
		}
	}
	for _, q := range d.w.open.requests {
		if !q.Until.IsZero() && micros(q.Until) <= t {
			stale := &Request{ID: q.ID, State: Stale, Tries: q.Tries, Wrong: q.Wrong}
			if err := d.emitDue(t, Entry{Kind: KindAnswered, Of: q.ID, Request: stale}); err != nil {
				return err
			}
		}
	}
	return nil
}

// timeOut ends the holds whose deadline is t.
func (d *decision) timeOut(t int64) error {
	if d.w.holdDue > t {
		return nil
	}
	var ended []*hold
	for _, h := range d.w.holds.all {
		if h.until <= t {
			ended = append(ended, h)
		}
	}
	slices.SortFunc(ended, func(a, b *hold) int { return cmp.Compare(a.id, b.id) })
	for _, h := range ended {
		e := Entry{Kind: KindTimedOut, Of: h.id, Unit: h.unit, Feature: h.feature, Scope: h.scope}
		e.Lines = d.giveBack(nil, h.parts, Held, t-1) // what ends at t has not ended yet
		if err := d.emitDue(t, e); err != nil {
			return err
		}
		for _, p := range h.parts {
			if err := d.repay(p.Lot, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveBack appends the lines that return parts to their lots from an account;
// what belongs to a lot that has ended meets the lot's fate at once.
func (d *decision) giveBack(lines []Line, parts []HoldPart, from Account, t int64) []Line {
	for _, p := range parts {
		if p.Amount > 0 {
			lines = append(lines, Line{Lot: p.Lot, From: from, To: d.w.fate(p.Lot, t), Amount: p.Amount})
		}
	}
	return lines
}

// fate returns the account to which credits go that come back to a lot at t.
func (s *state) fate(id ID, t int64) Account {
	switch l := s.look(id); {
	case l == nil || l.withdrawn:
		return Revoked
	case l.expires <= t:
		return Expired
	default:
		return Available
	}
}

// ending returns the lots that expire at t with credits available, by number.
func (d *decision) ending(t int64) []ID {
	var found []ID
	for _, slot := range d.w.byID {
		if l := d.w.lots.at(int(slot)); l.available > 0 && l.expires <= t {
			found = append(found, l.id)
		}
	}
	return found
}

// carry moves what survives the reset of a cycle, from ending allowances only:
// of each first what an operator lets survive, then what the plan does.
func (d *decision) carry(t int64) error {
	type share struct {
		source  Source
		unit    Unit
		left    Amount
		expires int64
	}
	rolls := func(a Allowance) bool { return a.Rollover.Share != 0 }
	if len(d.w.carry) == 0 && !slices.ContainsFunc(d.w.terms.Allowances, rolls) {
		return nil
	}
	var shares []share
	unused := d.unused(t)
	for _, c := range d.w.carry {
		expires := c.expires
		if expires == forever {
			expires = d.lifeFrom(ForCycle, t, d.w.cycle+1)
		}
		shares = append(shares, share{FromCarryOver, c.unit, min(c.amount, unused[c.unit]), expires})
		unused[c.unit] -= min(c.amount, unused[c.unit])
	}
	for _, a := range d.w.terms.Allowances {
		if _, ends := d.w.following(t); ends != 0 {
			break // there is no next cycle to carry anything into
		}
		amount, expires := d.rollover(a, unused[a.Unit], t)
		shares = append(shares, share{FromRollover, a.Unit, amount, expires})
	}
	for _, id := range d.ending(t) {
		for i := range shares {
			sh, old := &shares[i], d.w.look(id)
			n := min(sh.left, old.available)
			if old.unit != sh.unit || !old.renews() || n == 0 || sh.expires <= t {
				continue
			}
			sh.left -= n
			if err := d.roll(t, old, n, sh.expires, sh.source); err != nil {
				return err
			}
		}
	}
	return nil
}

// unused returns what is left of ending allowances, by unit.
func (d *decision) unused(t int64) map[Unit]Amount {
	unused := map[Unit]Amount{}
	for _, id := range d.ending(t) {
		if l := d.w.look(id); l.renews() {
			unused[l.unit] += l.available
		}
	}
	return unused
}

// rollover returns how much of what is left of an allowance rolls over, and
// until when that lives.
func (d *decision) rollover(a Allowance, left Amount, t int64) (amount Amount, expires int64) {
	r := a.Rollover
	if r.Share == 0 {
		return 0, 0
	}
	part, _ := mulDivFloor(int64(left), int64(r.Share), int64(100*Percent)) // no more than left
	amount = Amount(part)
	if limit, ok := r.Cap.Amount(); ok {
		amount = min(amount, limit)
	}
	if r.CapShare != 0 {
		if limit, ok := mulDivFloor(int64(a.Amount), int64(r.CapShare), int64(100*Percent)); ok {
			amount = min(amount, Amount(limit))
		}
	}
	return amount, d.lifeFrom(r.Life, t, d.w.cycle+1)
}

// roll moves an amount of an ending allowance to a lot of its own, which
// inherits cost, origin and restrictions.
func (d *decision) roll(t int64, old *lot, n Amount, expires int64, source Source) error {
	return d.open(Entry{
		Kind: KindRolledOver, Of: old.id, Unit: old.unit,
		Lines: []Line{{Lot: old.id, From: Available, To: Moved, Amount: n}},
		Opens: &Terms{
			Source: source, Amount: n, Starts: instant(t), Expires: instant(expires), Priority: old.priority,
			Scope: old.scope, Features: slices.Clone(old.features), Paid: d.share(old, n),
			Purchase: old.purchase, Origin: originOf(old),
		},
	}, t)
}

// share returns the part of what was paid for a lot that goes with an amount of it.
func (d *decision) share(l *lot, a Amount) Money {
	if l.paid.Micros == 0 {
		return Money{}
	}
	return Money{Micros: l.deferred(a), Currency: l.paid.Currency}
}

func originOf(l *lot) Origin {
	if l.origin != (Origin{}) {
		return l.origin
	}
	return Origin{Lot: l.id}
}

// expire ends the lots that expire at t.
func (d *decision) expire(t int64) error {
	for _, id := range d.ending(t) {
		l := d.w.look(id)
		e := Entry{
			Kind: KindExpired, Of: id, Unit: l.unit,
			Lines: []Line{{Lot: id, From: Available, To: Expired, Amount: l.available}},
		}
		if err := d.emitDue(t, e); err != nil {
			return err
		}
	}
	return nil
}

// forgive settles debts at a reset, for units whose overdraft says so, with
// credits that are issued for it.
func (d *decision) forgive(t int64) error {
	for _, o := range slices.Clone(d.w.debts) {
		if d.w.terms.overdraft(o.unit).AtReset != ForgiveDebt || d.w.room(o.unit) < o.amount {
			continue
		}
		id := d.w.seq + 1
		e := Entry{
			Kind: KindForgiven, Of: o.spend, Unit: o.unit, Feature: o.feature, Scope: o.scope,
			Opens: &Terms{ID: id, Unit: o.unit, Source: FromGrant, Amount: o.amount, Starts: instant(t), Priority: 100},
			Lines: []Line{
				{Lot: id, From: Issued, To: Available, Amount: o.amount},
				{Lot: id, From: Available, To: Debt, Amount: o.amount},
			},
		}
		if err := d.emitDue(t, e); err != nil {
			return err
		}
	}
	return nil
}

// renew begins the next cycle, under the plan that was scheduled if one was, and
// grants its allowances; or it ends the plan.
func (d *decision) renew(t int64) error {
	w := d.w
	next, why := w.following(t)
	if why != 0 {
		return d.endDue(t, why)
	}
	if next.ID != w.terms.ID {
		if err := d.leave(w.terms.Leaving, t, Note{}); err != nil {
			return err
		}
	}
	cycles, err := w.cyclesNext(next)
	if err != nil {
		return err
	}
	number := w.cycle + 1
	if next.Every != w.terms.Every || next.Anchor != w.terms.Anchor { // no instant of its own falls here
		cycles.Anchor, number = instant(t), 0
	}
	end := max(t+1, micros(cycles.Instant(number+1)))
	c := &Cycle{
		Zone: w.next, Number: number, Anchor: cycles.Anchor, Period: Period{instant(t), instant(end)}, Life: instant(w.life),
	}
	e := Entry{Kind: KindRenewed, Cycle: c}
	switch {
	case next != w.terms:
		fresh, err := parseTerms(next.json) // what is handed out shares nothing with other wallets
		if err != nil {
			return err
		}
		c.Plan, c.Life = &fresh.Plan, next.lifeOf(cycles, number)
	case w.next != "" && w.life != forever: // it moves with the zone
		c.Life = cycles.Instant(w.terms.cycles(w.anchor, w.loc).Index(instant(w.life)))
	}
	b := w.bill(next, cycles, c, t, false)
	e.Charge, c.Paid, c.Term = b.charge, b.paid, instant(max(end, b.term))
	if err := d.emitDue(t, e); err != nil {
		return err
	}
	part, whole := int64(1), int64(1)
	if c.Zone == "" { // else it begins about the 1st
		part, whole = next.firstShare(instant(t), c.Period, w.loc)
	}
	return d.grantAllowances(t, w.rises(next, false), b.lot, part, whole)
}

// following returns the plan that the wallet has after the reset at t, or why it
// has none.
func (s *state) following(t int64) (*terms, EndReason) {
	c := s.change
	switch due := c != nil && (c.when == AtCycle || t >= s.term); {
	case due && c.terms != nil:
		return c.terms, 0
	case s.life <= t:
		return nil, EndOfLife
	case due:
		return nil, EndCancelled
	default:
		return s.terms, 0
	}
}

// endDue ends the plan at a reset.
func (d *decision) endDue(t int64, why EndReason) error {
	if err := d.emitDue(t, Entry{Kind: KindEnded, Change: &Change{When: AtOnce, End: why}}); err != nil {
		return err
	}
	return d.leave(d.w.terms.Leaving, t, Note{})
}

// grantAllowances opens the lots of the current cycle: part/whole of the given
// amounts, the first of them paid with a price.
func (d *decision) grantAllowances(t int64, amounts []Amount, paid Money, part, whole int64) error {
	for i, a := range d.w.terms.Allowances {
		n, ok := mulDivFloor(int64(amounts[i]), part, whole)
		if !ok {
			return overflows("allowances")
		}
		if n = min(n, int64(d.w.room(a.Unit))); n == 0 { // what time does does not fail
			continue
		}
		e := Entry{Kind: KindGranted, Unit: a.Unit, Opens: &Terms{
			Source: FromAllowance, Amount: Amount(n), Starts: instant(t), Expires: instant(d.w.ends),
			Priority: a.Priority, Features: slices.Clone(a.Features),
		}}
		if i == 0 {
			e.Opens.Paid = paid
		}
		if err := d.open(e, t); err != nil {
			return err
		}
	}
	return nil
}

// cyclePrice returns the share of the term's price that the number-th cycle
// has; over a term the shares add up to the price.
func (p *Plan) cyclePrice(number int) Money {
	per := p.cyclesPerTerm()
	if p.Price.Micros == 0 {
		return Money{}
	}
	k := int64(number % per)
	until, _ := mulDivFloor(p.Price.Micros, k+1, int64(per))
	before, _ := mulDivFloor(p.Price.Micros, k, int64(per))
	return Money{Micros: until - before, Currency: p.Price.Currency}
}

// start begins the lots whose time has come.
func (d *decision) start(t int64) error {
	var begin []*lot
	for _, slot := range d.w.byID {
		if l := d.w.lots.at(int(slot)); l.pending && l.starts <= t {
			begin = append(begin, l)
		}
	}
	for _, l := range begin {
		id := l.id
		e := Entry{
			Kind: KindStarted, Of: id, Unit: l.unit,
			Lines: []Line{{Lot: id, From: Issued, To: Available, Amount: l.amount}},
		}
		if err := d.emitDue(t, e); err != nil {
			return err
		}
		if err := d.repay(id, t); err != nil {
			return err
		}
	}
	return nil
}

// cyclesNext returns a plan's cycles as they are from the next reset on: where
// the zone changes then, the anchor is the same local time in the new one, so
// that a cycle is never longer or shorter by more than the zones are apart.
func (s *state) cyclesNext(p *terms) (schedule, error) {
	if s.next == "" {
		return p.cycles(s.anchor, s.loc), nil
	}
	zone, err := loadZone(s.next)
	if err != nil {
		return schedule{}, err
	}
	return p.cycles(micros(relocated(instant(s.anchor), s.loc, zone)), zone), nil
}

// relocated returns the instant at which clocks of another zone show what those of
// one show at t.
func relocated(t time.Time, from, to *time.Location) time.Time {
	t = t.In(from)
	year, month, day := t.Date()
	return civil(to, year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond())
}

// cycles returns the plan's cycles from an anchor.
func (p *Plan) cycles(anchor int64, zone *time.Location) schedule {
	return schedule{Anchor: instant(anchor), Every: p.Every, By: p.Anchor, Zone: zone}
}

// lifeFrom returns when something ends that lives for a span from t on, unset for
// the cycle that t is in: the current one, or at a reset the one that begins.
func (d *decision) lifeFrom(life Span, t int64, cycle int) int64 {
	end := cycle + 1
	switch life {
	case ForCycle, 0:
	case ForTerm:
		if d.w.term > t {
			return d.w.term // as it was recorded
		}
		end = cycle + d.w.terms.cyclesPerTerm()
	case Forever:
		return forever
	default:
		at, _ := life.After(instant(t), d.w.loc)
		return micros(at)
	}
	cycles := d.w.terms.cycles(d.w.anchor, d.w.loc)
	switch {
	case end == d.w.cycle+1 && t < d.w.ends:
		return d.w.ends // as it was recorded
	case t >= d.w.ends && cycle == d.w.cycle: // the plan has ended
		end = cycles.Index(instant(t)) + 1
	}
	if next, err := d.w.cyclesNext(d.w.terms); err == nil && cycle > d.w.cycle {
		cycles = next
	}
	return max(t+1, micros(cycles.Instant(end)))
}
