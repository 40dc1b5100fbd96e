package credits

import "slices"

// What follows is the stored form of what is about plans, purchases and requests: see codec.go.

// subscription writes what is about plans, purchases and requests.
func (w *writer) subscription(e *Entry) {
	if e.Purchase != nil {
		w.purchase(e.Purchase)
	}
	if e.Payment != nil {
		w.payment(e.Payment)
	}
	if u := e.Units; u != nil {
		w.text(u.AddOn)
		w.text(u.Scope)
		w.text(u.From)
		w.int(u.Now)
		w.int(u.Next)
		w.optTime(u.Period.Start)
		w.optTime(u.Period.End)
		w.money(u.Due)
	}
	if c := e.Change; c != nil {
		w.plan(c.Plan)
		w.uint(uint64(c.When))
		w.uint(uint64(c.End))
	}
	if m := e.Method; m != nil {
		w.text(m.Token)
		w.text(m.Kind)
	}
	if e.Request != nil {
		w.asked(e.Request)
	}
}

func (w *writer) purchase(p *Purchase) {
	w.uint(uint64(p.ID))
	w.text(p.Pack)
	w.text(p.AddOn)
	w.text(p.Scope)
	w.int(p.Units)
	w.uint(uint64(len(p.Goods)))
	for _, g := range p.Goods {
		w.text(string(g.Unit))
		w.int(int64(g.Amount))
		w.int(int64(g.Life))
		w.int(int64(g.Priority))
		w.texts(g.Features)
	}
	w.money(p.Charge)
	w.money(p.Surcharge)
	w.money(p.Next)
	w.bool(p.Auto)
	w.optTime(p.Month.Start)
	w.optTime(p.Month.End)
	w.text(p.Plan)
	w.int(int64(p.Version))
	w.bool(p.NoRefund)
	w.optTime(p.At)
	w.text(p.ChargeKey)
	w.bytes(p.Request)
	w.int(int64(p.Need))
	w.payment(&p.Payment)
	w.text(p.Method.Token)
	w.text(p.Method.Kind)
}

func (w *writer) payment(p *Payment) {
	w.uint(uint64(p.State))
	w.text(p.Ref)
	w.text(p.Reason)
	w.text(p.URL)
}

func (w *writer) asked(q *Request) {
	w.uint(uint64(q.ID))
	w.uint(uint64(q.State))
	w.bytes(q.Command)
	w.text(q.About)
	w.text(q.Contact)
	w.optTime(q.At)
	w.optTime(q.Until)
	w.b = append(w.b, q.Proof[:]...)
	w.int(int64(q.Tries))
	w.int(int64(q.Wrong))
}

// subscription reads what is about plans, purchases and requests.
func (r *reader) subscription(e *Entry, on func(uint64) bool) error {
	if on(hasPurchase) {
		e.Purchase = r.purchase()
	}
	if on(hasPayment) {
		p := r.payment()
		e.Payment = &p
	}
	if on(hasUnits) {
		e.Units = &Units{AddOn: r.text(), Scope: r.text(), From: r.text(), Now: r.int(), Next: r.int()}
		e.Units.Period, e.Units.Due = Period{r.optTime(), r.optTime()}, r.money()
	}
	if on(hasChange) {
		c := &Change{}
		if data := r.bytes(); len(data) > 0 && !r.bad {
			t, err := parseTerms(slices.Clone(data))
			if err != nil {
				return corrupt("plan of an entry: %v", err)
			}
			c.Plan = &t.Plan
		}
		c.When, c.End = When(r.narrow()), EndReason(r.narrow())
		e.Change = c
	}
	if on(hasMethod) {
		e.Method = &Method{Token: r.text(), Kind: r.text()}
	}
	if on(hasRequest) {
		e.Request = r.asked()
	}
	return nil
}

func (r *reader) purchase() *Purchase {
	p := &Purchase{ID: ID(r.uint()), Pack: r.text(), AddOn: r.text(), Scope: r.text(), Units: r.int()}
	for range r.count() {
		p.Goods = append(p.Goods, Goods{
			Unit: Unit(r.text()), Amount: Amount(r.int()), Life: Span(r.int()), Priority: int(r.int()), Features: r.texts(),
		})
	}
	p.Charge, p.Surcharge, p.Next = r.money(), r.money(), r.money()
	p.Auto, p.Month = r.bool(), Period{r.optTime(), r.optTime()}
	p.Plan, p.Version, p.NoRefund, p.At = r.text(), int(r.int()), r.bool(), r.optTime()
	p.ChargeKey, p.Request, p.Need = r.text(), slices.Clone(r.bytes()), Amount(r.int())
	if len(p.Request) == 0 {
		p.Request = nil
	}
	p.Payment, p.Method = r.payment(), Method{Token: r.text(), Kind: r.text()}
	return p
}

func (r *reader) payment() Payment {
	return Payment{State: PaymentState(r.narrow()), Ref: r.text(), Reason: r.text(), URL: r.text()}
}

func (r *reader) asked() *Request {
	q := &Request{ID: ID(r.uint()), State: RequestState(r.narrow()), Command: slices.Clone(r.bytes()), About: r.text(), Contact: r.text()}
	if len(q.Command) == 0 {
		q.Command = nil
	}
	q.At, q.Until = r.optTime(), r.optTime()
	copy(q.Proof[:], r.take(len(q.Proof)))
	q.Tries, q.Wrong = int(r.int()), int(r.int())
	return q
}
