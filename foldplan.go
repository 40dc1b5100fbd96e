package credits

import "slices"

// What follows folds entries about plans, purchases and requests: see fold.go.

func (s *state) foldCycle(e *Entry) error {
	c := e.Cycle
	if c == nil || !c.Period.Start.Before(c.Period.End) || c.Period.End.Unix() > endOfTime || c.Number < 0 {
		return broken(e, "begins no cycle")
	}
	if e.Kind == KindOpened && (c.Plan == nil || c.Zone == "") {
		return broken(e, "has no plan or no zone")
	}
	if c.Zone != "" {
		loc, err := loadZone(c.Zone)
		if err != nil {
			return broken(e, "has unknown zone %q", c.Zone)
		}
		s.zone, s.loc, s.next = c.Zone, loc, ""
	}
	if c.Plan != nil {
		if err := s.foldPlan(e); err != nil {
			return err
		}
	}
	s.foldTerm(e)
	if e.Kind == KindRenewed && s.addAnchor == s.anchor {
		s.addAnchor = micros(c.Anchor)
	}
	s.anchor, s.cycle = micros(c.Anchor), c.Number
	s.starts, s.ends = micros(c.Period.Start), micros(c.Period.End)
	if !c.Same {
		s.carry = nil
	}
	return nil
}

// foldPlan gives the wallet another plan.
func (s *state) foldPlan(e *Entry) error {
	t, err := pack(*e.Cycle.Plan)
	if err != nil {
		return err
	}
	if !t.sound() {
		return broken(e, "has a plan that no arithmetic fits")
	}
	s.terms, s.planNew = t, true
	if s.change != nil {
		s.change, s.nextNew = nil, true
	}
	s.remember(t.had())
	s.addons = slices.DeleteFunc(slices.Clone(s.addons), func(h holding) bool {
		return !t.carries(h)
	})
	s.reserve(t.units())
	s.reindex()
	return nil
}

// foldTerm keeps what is granted and billed in the cycle and the term.
func (s *state) foldTerm(e *Entry) error {
	c := e.Cycle
	if !c.Same {
		s.marks = nil
		s.units = slices.Clone(s.units)
		for i := range s.units {
			s.units[i].used = 0
		}
	}
	s.marks = slices.Clone(s.marks)
	for _, a := range s.terms.Allowances {
		i := slices.IndexFunc(s.marks, func(m mark) bool { return m.unit == a.Unit })
		if i < 0 {
			s.marks = append(s.marks, mark{unit: a.Unit})
			i = len(s.marks) - 1
		}
		s.marks[i].amount = max(s.marks[i].amount, a.Amount)
	}
	if s.paid = c.Paid; !c.Same || s.now.Currency != c.Paid.Currency {
		s.now = c.Paid
	}
	s.now.Micros = max(s.now.Micros, c.Paid.Micros, s.terms.share().Micros)
	s.term, s.life = micros(c.Term), forever
	if !c.Life.IsZero() {
		s.life = micros(c.Life)
	}
	s.active, s.ended = true, 0
	return nil
}

// foldChange schedules a change of subscription, drops one, or ends the plan.
func (s *state) foldChange(e *Entry) error {
	c := e.Change
	if c == nil || c.When >= whens || c.End >= ends {
		return broken(e, "changes nothing")
	}
	if e.Kind == KindEnded {
		if c.End == 0 {
			return broken(e, "ends the plan for no reason")
		}
		s.active, s.ended = false, c.End
		if c.End == EndCancelled || c.End == EndOfLife { // else it may be reactivated as it was
			s.addons, s.change, s.nextNew = nil, nil, true
		}
		return nil
	}
	s.change, s.nextNew = nil, true
	if c.When == 0 {
		return nil
	}
	s.change = &change{when: c.When}
	if c.Plan != nil {
		t, err := pack(*c.Plan)
		if err != nil {
			return err
		}
		if !t.sound() {
			return broken(e, "has a plan that no arithmetic fits")
		}
		s.change.terms = t
		s.reserve(t.units())
	}
	return nil
}

// foldUnits keeps how many units of add-ons the wallet has.
func (s *state) foldUnits(e *Entry) error {
	u := e.Units
	switch {
	case u == nil && (e.Kind == KindUnitsSet || e.Kind == KindReassigned && e.Opens != nil):
		return nil // of a plan that has ended; or one lot of a reassignment
	case u == nil || u.Now < 0 || u.Next < 0 || u.Now > 2*maxSeats || u.Next > 2*maxSeats:
		return broken(e, "sets no units")
	}
	if len(s.addons) == 0 {
		s.addAnchor = s.anchor
	}
	s.addons, s.peaks = slices.Clone(s.addons), slices.Clone(s.peaks)
	if micros(e.At) >= s.addUntil {
		s.peaks = nil
	}
	if e.Kind == KindUnitsRenewed && u.Period == (Period{}) {
		s.addons, s.peaks = nil, nil
		return nil
	}
	if e.Kind == KindUnitsRenewed {
		s.addons = slices.DeleteFunc(s.addons, func(h holding) bool { return h.next == 0 })
		s.peaks = nil
		for i := range s.addons {
			h := &s.addons[i]
			h.now = h.next
			s.raise(h.addon)
		}
	} else {
		if u.From != "" {
			s.addons = slices.DeleteFunc(s.addons, func(h holding) bool { return h.addon == u.AddOn && h.scope == u.From })
		}
		i := slices.IndexFunc(s.addons, func(h holding) bool { return h.addon == u.AddOn && h.scope == u.Scope })
		if i < 0 {
			s.addons = append(s.addons, holding{addon: u.AddOn, scope: u.Scope})
			i = len(s.addons) - 1
		}
		s.addons[i].now, s.addons[i].next = u.Now, u.Next
		s.raise(u.AddOn)
		s.addons = slices.DeleteFunc(s.addons, func(h holding) bool { return h.now == 0 && h.next == 0 })
	}
	if len(s.addons) > 0 {
		if !u.Period.Start.Before(u.Period.End) || u.Period.End.Unix() > endOfTime {
			return broken(e, "sets units in no period")
		}
		s.addFrom, s.addUntil = micros(u.Period.Start), micros(u.Period.End)
	}
	return nil
}

// raise raises the peak of an add-on to what is wanted of it.
func (s *state) raise(addon string) {
	units := s.wanted(addon)
	i := slices.IndexFunc(s.peaks, func(p peak) bool { return p.addon == addon })
	if i < 0 {
		s.peaks = append(s.peaks, peak{addon: addon})
		i = len(s.peaks) - 1
	}
	s.peaks[i].units = max(s.peaks[i].units, units)
}

// foldPurchase counts an automatic purchase that is owed, and remembers one of a
// pack of which the plan counts the unexpired.
func (s *state) foldPurchase(e *Entry) error {
	if e.Opens == nil {
		return broken(e, "opens no lot")
	}
	p := e.Purchase
	if p == nil {
		return nil
	}
	if e.Of == 0 && p.Auto {
		if err := s.countAuto(e, p, e.Opens.Amount); err != nil {
			return err
		}
	}
	if !p.Auto && p.AddOn == "" {
		s.auto.suspended = false
	}
	if k := s.terms.pack(p.Pack); k != nil && k.Active > 0 && !p.Auto {
		s.open.packs = slices.DeleteFunc(slices.Clone(s.open.packs), func(a activePack) bool {
			return a.expires <= micros(e.At) || a.pack == k.ID && k.UsedEnds && s.usedUp(a.purchase)
		})
		s.open.packs = append(s.open.packs, activePack{p.Pack, p.ID, int64(e.Opens.Amount / k.Size), e.Opens.private().expires})
		s.open.dirty = true
	}
	return nil
}

// dropPack forgets that a purchase is active: it was refunded or revoked.
func (s *state) dropPack(purchase ID) {
	is := func(a activePack) bool { return a.purchase == purchase }
	if slices.ContainsFunc(s.open.packs, is) {
		s.open.packs, s.open.dirty = slices.DeleteFunc(slices.Clone(s.open.packs), is), true
	}
}

// countAuto counts an automatic purchase in its window.
func (s *state) countAuto(e *Entry, p *Purchase, amount Amount) error {
	m := p.Month
	if !inTime(m.Start) || !m.Contains(p.At) {
		return broken(e, "counts in another month")
	}
	if from := micros(m.Start); from != s.auto.from {
		s.auto.from, s.auto.bought, s.auto.spent = from, 0, Money{}
	}
	s.auto.until = micros(m.End)
	sum, ok := addAmount(s.auto.bought, amount)
	if !ok {
		return overflows("amount")
	}
	spent, err := s.auto.spent.Add(p.Charge)
	if err != nil {
		spent = p.Charge // another plan, in another currency
	}
	s.auto.bought, s.auto.spent = sum, spent
	return nil
}

// foldIntent keeps a purchase that is to be paid, and what it reserves of the limit.
func (s *state) foldIntent(e *Entry) error {
	p := e.Purchase
	if p == nil || p.ID != e.Seq || !p.Payment.State.Open() || p.Charge.Micros <= 0 {
		return broken(e, "intends no purchase")
	}
	if len(s.open.purchases) >= maxPurchases {
		return broken(e, "is one open purchase more than %d", maxPurchases)
	}
	if slices.ContainsFunc(p.Goods, func(g Goods) bool { return g.Amount <= 0 }) {
		return broken(e, "intends to bring nothing")
	}
	own := &purchase{*p, e.Key}
	own.Request, own.Goods = slices.Clone(p.Request), slices.Clone(p.Goods)
	for i := range own.Goods {
		own.Goods[i].Features = slices.Clone(own.Goods[i].Features)
	}
	s.open.purchases = append(slices.Clone(s.open.purchases), own)
	s.open.dirty = true
	if p.Auto {
		return s.countAuto(e, p, p.brings())
	}
	return nil
}

// foldPayment keeps what became of a purchase. What was not paid is not counted
// in its window any more; paid after all, it is again.
func (s *state) foldPayment(e *Entry) error {
	told := e.Payment
	if told == nil || told.State < ActionRequired || told.State >= paymentStates {
		return broken(e, "settles nothing")
	}
	i := slices.IndexFunc(s.open.purchases, func(p *purchase) bool { return p.ID == e.Of })
	if i < 0 {
		if p := e.Purchase; p != nil && p.Auto && told.State == Paid && micros(p.Month.Start) == s.auto.from {
			return s.countAuto(e, p, p.brings())
		}
		return nil
	}
	p := *s.open.purchases[i]
	p.Payment = *told
	s.open.purchases, s.open.dirty = slices.Clone(s.open.purchases), true
	if told.State.Open() {
		s.open.purchases[i] = &p
		return nil
	}
	s.open.purchases = slices.Delete(s.open.purchases, i, i+1)
	if told.State == Declined {
		s.auto.suspended = true
	}
	if told.State != Paid && p.Auto && micros(p.Month.Start) == s.auto.from {
		s.auto.bought = max(0, s.auto.bought-p.brings())
		if rest, err := s.auto.spent.Sub(p.Charge); err == nil && rest.Micros >= 0 {
			s.auto.spent = rest
		}
	}
	return nil
}

// foldRequest keeps what was asked until it is answered. An entry about a wrong
// code or an answer does not repeat what was asked.
func (s *state) foldRequest(e *Entry) error {
	q := e.Request
	if q == nil || q.State == 0 || q.State >= requestStates || q.Tries < 0 || q.Wrong < 0 {
		return broken(e, "asks nothing")
	}
	i := slices.IndexFunc(s.open.requests, func(o *Request) bool { return o.ID == q.ID })
	kept := *q
	kept.Command = slices.Clone(q.Command)
	s.open.requests, s.open.dirty = slices.Clone(s.open.requests), true
	switch {
	case i < 0 && e.Kind == KindAsked && q.ID == e.Seq && q.State == Asked && q.Wrong == 0:
		if len(s.open.requests) >= maxRequests {
			return broken(e, "is one request more than %d", maxRequests)
		}
		s.open.requests = append(s.open.requests, &kept)
	case i < 0 || e.Of != q.ID:
		return broken(e, "is about request %d, which the wallet has not", q.ID)
	case e.Kind == KindAsked && q.State == Asked && q.Wrong == s.open.requests[i].Wrong:
		s.open.requests[i] = &kept
	case e.Kind == KindMistaken && q.State == Asked && q.Wrong == s.open.requests[i].Wrong+1:
		kept = *s.open.requests[i]
		kept.Wrong = q.Wrong
		s.open.requests[i] = &kept
	case e.Kind == KindAnswered && q.State != Asked:
		s.open.requests = slices.Delete(s.open.requests, i, i+1)
	default:
		return broken(e, "does not follow from request %d", q.ID)
	}
	return nil
}
