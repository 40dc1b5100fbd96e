package credits

import (
	"errors"
	"slices"
	"time"
)

// Buy buys extra credits of one of the plan's packs, where the pack's conditions
// allow it: [PackActive], [NotShort], [MethodRefused]. On a ledger with a
// [Charger] they are there once they are paid, and a payment that was declined is
// [PaymentFailed]; without one they are there at once, and the purchase entry says
// what the holder owes. Its receipt's ID is the purchase.
type Buy struct {
	Pack   string `json:"pack"`
	Amount Amount `json:"amount"` // a whole multiple of the pack's size
	Quote  Quote  `json:"quote,omitzero"`
	Note   Note   `json:"note,omitzero"`
}

// Refund undoes a purchase as far as its credits are neither spent nor
// held. Its entries have a negative charge, what is to be paid back: the part of the price that
// belongs to what is taken back, rounded down to the minor unit. A purchase with
// nothing left is [Ended]; one that is not refundable takes an [Operator]. What is held meanwhile is not refunded: released, it is revoked.
type Refund struct {
	Purchase ID   `json:"purchase"`
	Note     Note `json:"note,omitzero"`
}

// SetAutoPurchase switches auto-purchase on or off. What was bought stays. On
// is refused with [LimitReached] if the plan's limit allows not even one
// purchase, with [NotInPlan] if the plan has no auto-purchase, and with [NoMethod]
// or [MethodRefused] if purchases are paid and no payment method does.
type SetAutoPurchase struct {
	On     bool `json:"on"`
	Resume bool `json:"resume,omitempty"` // with On: a suspension is lifted, though the payment method is the same
	Note   Note `json:"note,omitzero"`
}

func (c Buy) verb() string             { return "buy" }
func (c Refund) verb() string          { return "refund" }
func (c SetAutoPurchase) verb() string { return "setAutoPurchase" }

func (c Buy) request(r *request) {
	r.text("pack", c.Pack)
	r.amount("amount", c.Amount)
	r.quote(c.Quote)
	r.note(c.Note)
}

func (c Refund) request(r *request) {
	r.id("purchase", c.Purchase)
	r.note(c.Note)
}

func (c SetAutoPurchase) request(r *request) {
	r.flag("on", c.On)
	r.flag("resume", c.Resume)
	r.note(c.Note)
}

func (c Buy) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if c.Amount <= 0 {
		return invalid("amount", "%v is not a whole number of packs", c.Amount)
	}
	if err := d.may(ActBuy, c.Pack); err != nil {
		return err
	}
	if err := d.active(); err != nil {
		return err
	}
	k := d.w.terms.pack(c.Pack)
	if k == nil {
		return d.refuse(NotInPlan, "pack "+c.Pack)
	}
	if c.Amount <= 0 || c.Amount%k.Size != 0 {
		return invalid("amount", "%v is not a whole number of packs of %v", c.Amount, k.Size)
	}
	if err := d.allows(k, int64(c.Amount/k.Size)); err != nil {
		return err
	}
	p, err := d.packPurchase(k, c.Amount, 0)
	if err != nil {
		return err
	}
	if u := d.w.unknown(); u != nil && d.paid() && !d.call.supposed {
		return d.await(u)
	}
	d.made = d.w.seq + 1
	return d.acquire(p, true, c.Note)
}

// allows refuses a pack that cannot be bought by hand now.
func (d *decision) allows(k *Pack, packs int64) error {
	if k.Active > 0 {
		active, until := d.w.activePacks(k, d.at)
		if active+packs > int64(k.Active) {
			e := d.refuse(PackActive, "pack "+k.ID)
			if p := d.w.undecided(func(p *purchase) bool { return p.Pack == k.ID && !p.Auto }); p != nil {
				e.Remedies = append(e.Remedies, finish(p))
			}
			if until != forever {
				e.Remedies = append(e.Remedies, Remedy{Kind: RemedyWait, Until: instant(until)})
			}
			return e
		}
	}
	if have := d.w.shared(k.Unit, AmountMax); !d.w.terms.shortOf(k, have) {
		e := d.refuse(NotShort, "pack "+k.ID)
		e.Unit, e.Available = k.Unit, have
		return e
	}
	return d.checkMethod(k, false)
}

// checkMethod refuses a pack that the wallet's payment method does not pay for.
// Automatic purchases need a method wherever purchases are paid.
func (d *decision) checkMethod(k *Pack, auto bool) error {
	m := d.w.auto.method
	var e *RefusedError
	switch {
	case m == (Method{}) && (len(k.Methods) > 0 || auto && d.paid()):
		e = d.refuse(NoMethod, "")
	case len(k.Methods) > 0 && !slices.Contains(k.Methods, m.Kind):
		e = d.refuse(MethodRefused, m.Kind)
	default:
		return nil
	}
	e.Remedies = []Remedy{{Kind: RemedyMethod}}
	return e
}

// activePacks returns how many packs are active at t, undecided ones included, and
// when the first of them expires.
func (s *state) activePacks(k *Pack, t int64) (active, until int64) {
	until = forever
	for _, p := range s.open.purchases {
		if p.Pack == k.ID && !p.Auto {
			active += int64(p.brings() / k.Size)
		}
	}
	for _, a := range s.open.packs {
		if a.pack == k.ID && t < a.expires && !(k.UsedEnds && s.usedUp(a.purchase)) {
			active, until = active+a.packs, min(until, a.expires)
		}
	}
	return active, until
}

// usedUp reports whether nothing is left of a purchase.
func (s *state) usedUp(purchase ID) bool {
	for _, l := range s.lots.all {
		if l.purchase == purchase {
			return false
		}
	}
	return true
}

// shortOf reports whether so little is available that a pack can be bought.
func (p *Plan) shortOf(k *Pack, have Amount) bool {
	if below, ok := k.Below.Amount(); ok {
		return have < below
	}
	if !k.WhenShort {
		return true
	}
	for _, r := range p.Features {
		if r.Unit != k.Unit {
			continue
		}
		if r.dearer(have) {
			return true
		}
	}
	return false
}

// packPurchase returns the purchase of an amount of a pack: a lot of its unit and one of
// each unit that it brings.
func (d *decision) packPurchase(k *Pack, amount Amount, surcharge Share) (Purchase, error) {
	p := Purchase{Pack: k.ID, NoRefund: k.NoRefund}
	total, err := d.w.terms.priceOf(k, amount, surcharge)
	if err != nil {
		return p, err
	}
	base, err := d.w.terms.priceOf(k, amount, 0)
	if err != nil {
		return p, err
	}
	p.Charge = total
	if p.Surcharge, err = total.Sub(base); err != nil {
		return p, err
	}
	if p.Surcharge.Micros == 0 {
		p.Surcharge = Money{}
	}
	p.Goods = []Goods{{Unit: k.Unit, Amount: amount, Life: k.Life, Priority: k.Priority}}
	for _, b := range k.Brings {
		more, ok := mulInt(int64(b.Amount), int64(amount/k.Size))
		if !ok {
			return p, overflows("brings")
		}
		p.Goods = append(p.Goods, Goods{Unit: b.Unit, Amount: Amount(more), Life: k.Life, Priority: k.Priority})
	}
	return p, nil
}

func (c Refund) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	var lots []ID
	var unused Amount
	known := false
	for _, slot := range d.w.byID {
		l := d.w.lots.at(int(slot))
		if c.Purchase == 0 || l.purchase != c.Purchase {
			continue
		}
		known = true
		if l.withdrawn {
			continue
		}
		if l.noRefund && d.call.Actor.Role != Operator {
			e := d.refuse(NonRefundable, "")
			e.Remedies = []Remedy{{Kind: RemedyRole, Role: Operator}}
			return e
		}
		lots, unused = append(lots, l.id), max(unused, l.available)
	}
	if unused == 0 {
		if p := d.w.openPurchase(c.Purchase); p != nil {
			return d.pending(p)
		}
		d.w.closed.each(func(l *lot) { known = known || c.Purchase != 0 && l.purchase == c.Purchase })
		if known {
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
		return d.revoke(id, d.at, c.Note)
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
	if c.Resume && !c.On {
		return invalid("resume", "is set, and on is not")
	}
	if err := d.may(ActAuto, ""); err != nil {
		return err
	}
	if c.Resume {
		if err := d.may(actOperate, ""); err != nil {
			return err
		}
	}
	e := Entry{Kind: KindAutoSet, Note: c.Note, Setting: &Setting{Resume: c.Resume && d.w.auto.suspended}}
	d.made = d.w.seq + 1
	if !c.On {
		return d.emit(e)
	}
	if err := d.active(); err != nil {
		return err
	}
	k := d.w.terms.autoPack()
	if k == nil {
		return d.refuse(NotInPlan, "auto-purchase")
	}
	one, err := d.packPurchase(k, d.w.terms.Auto.Size, d.w.terms.Auto.Surcharge)
	if err != nil {
		return err
	}
	if m := d.w.terms.Auto.Money; d.w.terms.autoLimit(k.Unit) == 0 || m != (Money{}) && m.Micros < one.Charge.Micros {
		r := d.refuse(LimitReached, "the plan's limit allows no purchase of "+d.w.terms.Auto.Size.String())
		r.Remedies = []Remedy{{Kind: RemedyLimit}}
		return r
	}
	if err := d.checkMethod(k, true); err != nil {
		return err
	}
	e.Setting.On = true
	if err := d.emit(e); err != nil {
		return err
	}
	return d.trigger(k.Unit)
}

// autoPack returns the pack that auto-purchase buys; nil if there is none.
func (p *Plan) autoPack() *Pack {
	if p.Auto.Size == 0 {
		return nil
	}
	return p.pack(p.Auto.Pack)
}

// autoLeft returns how many credits auto-purchase may still buy in the month that t is in.
func (s *state) autoLeft(unit Unit, t int64) (left Amount, month Period) {
	month, left = s.month(t), s.terms.autoCap(unit)
	if micros(month.Start) == s.auto.from {
		left = max(0, left-s.auto.bought)
	}
	return left - left%s.terms.Auto.Size, month
}

// month returns the window in which what is bought at t counts: the month,
// counted from the plan's anchor or the calendar's. Where the cycle is a month
// from the anchor it is that, as it was recorded; and a month that was
// bought in keeps the end it had, also when the zone or the plan changes.
func (s *state) month(t int64) Period {
	if s.auto.from <= t && t < s.auto.until {
		return Period{instant(s.auto.from), instant(s.auto.until)}
	}
	if s.terms.Auto.Window == CalendarMonth {
		year, month, _ := instant(t).In(s.loc).Date()
		number := year*12 + int(month) - 1
		return Period{instant(max(0, s.auto.until, micros(monthStart(number, s.loc)))), monthStart(number+1, s.loc)}
	}
	if s.terms.Every == Months(1) && t < s.ends {
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
	autoOff       bought = iota // it is off, or buys another unit
	autoDone                    // what was short is there
	autoLimited                 // the limit does not allow so much: nothing was bought
	autoSuspended               // a payment was declined
)

// autoOn returns the pack that auto-purchase buys, if it is on and buys the unit;
// else nil.
func (s *state) autoOn(unit Unit) *Pack {
	if k := s.terms.autoPack(); k != nil && s.active && s.auto.on && k.Unit == unit {
		return k
	}
	return nil
}

// openAuto returns the automatic purchase that is not decided; nil if there is none.
func (s *state) openAuto() *purchase {
	return s.undecided(func(p *purchase) bool { return p.Auto })
}

// buyShort buys as many whole packs as a debit is short, in one purchase, or
// nothing if the limit does not allow that many. Where purchases are paid the
// debit waits for it, and for one that is under way.
func (d *decision) buyShort(x debit, short Amount) (bought, error) {
	k := d.w.autoOn(x.unit)
	if k == nil {
		return autoOff, nil
	}
	if p := d.w.openAuto(); p != nil {
		return autoOff, d.await(p)
	}
	if d.w.auto.suspended {
		return autoSuspended, nil
	}
	if u := d.w.unknown(); u != nil {
		return autoOff, d.await(u)
	}
	if d.call.Bought >= 2 { // others spend what is bought faster than it comes
		return autoOff, nil
	}
	need, ok := d.w.toBuy(x.unit, short)
	size := d.w.terms.Auto.Size
	packs := (int64(need)-1)/int64(size) + 1
	amount, fits := mulInt(packs, int64(size))
	if !ok || !fits {
		return autoLimited, nil
	}
	p, err := d.autoPurchase(k, Amount(amount))
	if err != nil || p == nil {
		return autoLimited, err
	}
	if no := (*RefusedError)(nil); errors.As(d.checkMethod(k, true), &no) {
		no.Unit, no.Need, no.Available = x.unit, x.amount, x.amount-short
		return autoOff, no
	}
	p.Need = x.amount
	return autoDone, d.acquire(*p, true, Note{})
}

// autoPurchase returns the automatic purchase of an amount; nil if the limit of
// credits or of money does not allow it.
func (d *decision) autoPurchase(k *Pack, amount Amount) (*Purchase, error) {
	left, month := d.w.autoLeft(k.Unit, d.at)
	if amount > left {
		return nil, nil
	}
	p, err := d.packPurchase(k, amount, d.w.terms.Auto.Surcharge)
	if err != nil {
		return nil, err
	}
	if limit := d.w.terms.Auto.Money; limit.Micros > 0 || limit.Currency != "" {
		spent := Money{}
		if micros(month.Start) == d.w.auto.from {
			spent = d.w.auto.spent
		}
		if spent.Currency != p.Charge.Currency { // of another plan: it is not counted
			spent = Money{}
		}
		if sum, err := spent.Add(p.Charge); err != nil || sum.Micros > limit.Micros {
			return nil, nil
		}
	}
	p.Auto, p.Month = true, month
	return &p, nil
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

// shared returns what is available of a unit to all, whatever single users have;
// of more than a bound only so much that it is more.
func (s *state) shared(unit Unit, above Amount) (sum Amount) {
	for _, slot := range s.burn {
		if l := s.lots.at(int(slot)); l.unit == unit && l.scope == "" {
			if sum += l.available; sum > above {
				break
			}
		}
	}
	return sum
}

// trigger buys a pack if auto-purchase is on and no more than its threshold is
// available. Where nothing can be bought the spend stands.
func (d *decision) trigger(unit Unit) error {
	k := d.w.autoOn(unit)
	if k == nil || d.w.auto.suspended || d.w.openAuto() != nil || d.w.unknown() != nil || d.paid() && (d.call.Bound || len(d.w.open.purchases) >= maxPurchases) {
		return nil
	}
	below, _ := d.w.terms.Auto.Below.Amount()
	size := d.w.terms.Auto.Size
	if d.w.shared(unit, below) > below || d.w.room(unit) < size || d.w.lots.count+len(k.Brings) >= maxLots || d.w.size > maxState-maxPart {
		return nil
	}
	if d.checkMethod(k, true) != nil {
		return nil
	}
	p, err := d.autoPurchase(k, size)
	if err != nil || p == nil {
		return err
	}
	return d.acquire(*p, false, Note{})
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
	if k := d.w.terms.autoPack(); k != nil && k.Unit == x.unit {
		left, _ := d.w.autoLeft(k.Unit, d.at)
		switch {
		case d.w.auto.on && d.w.auto.suspended:
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyMethod})
		case d.w.auto.on:
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyLimit})
		case left >= missing:
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyAuto})
		}
	}
	r := d.w.terms.rule(d.call.Actor, ActBuy, "")
	for i := range d.w.terms.Packs {
		k := &d.w.terms.Packs[i]
		if k.Unit != x.unit || r.via != Directly && r.via != ByCode {
			continue
		}
		amount, ok := mulInt((int64(missing)-1)/int64(k.Size)+1, int64(k.Size))
		if !ok {
			continue
		}
		if no := (*RefusedError)(nil); errors.As(d.allows(k, amount/int64(k.Size)), &no) {
			if no.Reason != NotShort {
				e.Remedies = append(e.Remedies, no.Remedies...)
			}
			continue
		}
		if price, err := d.w.terms.priceOf(k, Amount(amount), 0); err == nil {
			e.Remedies = append(e.Remedies, Remedy{Kind: RemedyBuy, Pack: k.ID, Buy: Amount(amount), Price: price})
		}
	}
	switch {
	case r.via == ByRequest:
		e.Remedies = append(e.Remedies, Remedy{Kind: RemedyRequest})
	case r.via == BySales:
		e.Remedies = append(e.Remedies, Remedy{Kind: RemedyRole, Role: Operator})
	case r.via == 0 && r.role != "":
		e.Remedies = append(e.Remedies, Remedy{Kind: RemedyRole, Role: r.role})
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
	On        bool
	Suspended bool      // a payment was declined: see [SetMethod]
	Open      ID        // the automatic purchase that is not decided; 0 if none
	Bought    Amount    // so far, undecided ones included: whole purchases of the plan's size
	Left      Amount    // that it may still buy, in whole purchases
	Times     int64     // how many purchases that is
	Until     time.Time // when the count begins anew; zero if the plan has no auto-purchase
}
