package credits

import (
	"errors"
	"fmt"
	"slices"
)

// fold changes s by one entry, or says why the entry does not follow. It knows
// the laws and no policy. With fill it also computes what the entry says of the
// wallet after it; without, it compares. After an error s is of no use.
func (s *state) fold(e *Entry, fill bool) error {
	if err := s.follows(e); err != nil {
		return err
	}
	if err := s.foldFact(e); err != nil {
		return err
	}
	if e.Opens != nil {
		if err := s.foldOpening(e); err != nil {
			return err
		}
	}
	for i := range e.Lines {
		if err := s.foldLine(e, i, fill); err != nil {
			return err
		}
	}
	if err := s.foldHold(e); err != nil {
		return err
	}
	s.seq, s.at = e.Seq, micros(e.At)
	for i := range e.Lines {
		if id := e.Lines[i].Lot; id != 0 {
			s.settle(id)
		}
	}
	if e.Opens != nil {
		if l := s.look(e.Opens.ID); l == nil || l.pending && e.At.Equal(e.Opens.Starts) {
			return broken(e, "opens a lot without filling it")
		}
	}
	balance := s.balance(e.Unit)
	if fill {
		e.Balance = balance
	} else if e.Balance != balance {
		return broken(e, "says the balance is %v, not %v", e.Balance, balance)
	}
	return nil
}

// broken returns an error about an entry that does not follow.
func broken(e *Entry, format string, args ...any) error {
	return &InvalidError{Field: fmt.Sprintf("entries[%d]", e.Seq), Reason: fmt.Sprintf(format, args...), Err: errBroken}
}

// errBroken tells an entry that does not follow from bad input. Where this
// package made the entry itself, the wallet was corrupt before.
var errBroken = errors.New("credits: entry does not follow")

// overflows is the error of a sum that has no amount.
func overflows(field string) error {
	return &InvalidError{Field: field, Reason: "leads to more than " + AmountMax.String(), Err: ErrLimit}
}

// follows checks what every entry must be.
func (s *state) follows(e *Entry) error {
	switch {
	case e.Wallet != s.id:
		return broken(e, "is of wallet %q, not of %q", e.Wallet, s.id)
	case e.Seq != s.seq+1:
		return broken(e, "does not follow entry %d", s.seq)
	case e.Kind == 0 || e.Kind >= kinds:
		return broken(e, "has unknown %v", e.Kind)
	case (e.Kind == KindOpened) != (s.seq == 0):
		return broken(e, "is %v", e.Kind)
	case !inTime(e.At):
		return broken(e, "is outside the years 1970 to 9999")
	case micros(e.At) < s.at:
		return broken(e, "is earlier than the one before")
	case len(e.Lines) > maxLines:
		return broken(e, "has more than %d lines", maxLines)
	}
	return nil
}

// foldFact applies what an entry says without lines.
func (s *state) foldFact(e *Entry) error {
	switch e.Kind {
	case KindOpened, KindRenewed, KindSubscribed:
		return s.foldCycle(e)
	case KindScheduled, KindEnded:
		return s.foldChange(e)
	case KindUnitsSet, KindUnitsRenewed, KindReassigned:
		return s.foldUnits(e)
	case KindIntended:
		return s.foldIntent(e)
	case KindSettled:
		return s.foldPayment(e)
	case KindMethodSet:
		if e.Method == nil {
			return broken(e, "sets no method")
		}
		s.auto.method, s.auto.suspended = *e.Method, false
	case KindAsked, KindMistaken, KindAnswered:
		return s.foldRequest(e)
	case KindCarriedOver:
		if e.Setting == nil || e.Setting.CarryOver <= 0 {
			return broken(e, "carries nothing over")
		}
		expires := int64(forever)
		if !e.Setting.Expires.IsZero() {
			expires = micros(e.Setting.Expires)
		}
		s.carry = append(slices.Clone(s.carry), carryOver{e.Unit, e.Setting.CarryOver, expires})
	case KindZoneSet:
		if e.Setting == nil || e.Setting.Zone == "" {
			return broken(e, "sets no zone")
		}
		s.next = e.Setting.Zone
	case KindAutoSet:
		if e.Setting == nil {
			return broken(e, "sets nothing")
		}
		s.auto.on = e.Setting.On
		if e.Setting.Resume {
			s.auto.suspended = false
		}
	case KindErased:
		if e.Setting == nil || len(e.Setting.Erased) == 0 {
			return broken(e, "erases nothing")
		}
	case KindSealed:
		if e.Setting == nil || e.Of == 0 || e.Of > s.seq {
			return broken(e, "seals nothing")
		}
	case KindPurchased:
		return s.foldPurchase(e)
	case KindRefunded:
		s.dropPack(e.Of)
	case KindRevoked:
		l := s.edit(e.Of)
		if l == nil {
			return broken(e, "revokes lot %d, which the wallet has not", e.Of)
		}
		l.withdrawn = true
		s.dropPack(l.purchase)
	}
	return nil
}

// foldOpening adds the lot that an entry opens, as pending: the line that
// issues it, now or when it starts, fills it.
func (s *state) foldOpening(e *Entry) error {
	t := e.Opens
	switch {
	case t.ID != e.Seq:
		return broken(e, "opens lot %d", t.ID)
	case t.Unit != e.Unit || t.Amount <= 0 || t.Source == 0 || t.Source >= sources:
		return broken(e, "opens a lot that is none")
	case t.Starts.Before(e.At) || !inTime(t.Starts):
		return broken(e, "opens a lot that has started before")
	case !t.Expires.IsZero() && (!t.Starts.Before(t.Expires) || t.Expires.Unix() > endOfTime):
		return broken(e, "opens a lot that expires before it can be spent")
	case t.Paid.Micros < 0:
		return broken(e, "opens a lot at a negative price")
	}
	if s.of(e.Unit) == nil {
		if len(s.units) == maxUnits {
			return &InvalidError{Field: "unit", Reason: "is one more than a wallet's 64", Err: ErrLimit}
		}
		s.units = append(slices.Clone(s.units), totals{unit: e.Unit})
	}
	u := s.of(e.Unit)
	room := u.room()
	for _, ln := range e.Lines {
		if ln.From == Available && ln.To == Moved && ln.Amount > 0 { // it makes room for the lot it moves to
			room += min(ln.Amount, AmountMax-room)
		}
	}
	if room < t.Amount {
		return overflows("amount")
	}
	u.pending += t.Amount
	s.addLot(&lot{lotTerms: t.private(), pending: true})
	return nil
}

// canMove reports whether a line may go from one account to another.
func canMove(from, to Account, lotted bool) bool {
	if !lotted {
		return from == Debt && to == Consumed || from == Consumed && to == Debt
	}
	switch from {
	case Issued:
		return to == Available
	case Available:
		return to == Held || to >= Consumed && to < accounts
	case Held:
		return to == Available || to == Consumed || to == Expired || to == Revoked
	case Consumed:
		return to == Available || to == Expired || to == Revoked
	default:
		return false
	}
}

func (s *state) foldLine(e *Entry, i int, fill bool) error {
	ln := &e.Lines[i]
	if ln.Amount <= 0 || !canMove(ln.From, ln.To, ln.Lot != 0) {
		return broken(e, "moves %v from %v to %v", ln.Amount, ln.From, ln.To)
	}
	t := s.of(e.Unit)
	if t == nil {
		if ln.Lot != 0 {
			return broken(e, "has a unit that the wallet has not")
		}
		if len(s.units) == maxUnits {
			return beyond("unit", "is one more than a wallet's %d", maxUnits)
		}
		s.units = append(slices.Clone(s.units), totals{unit: e.Unit})
		t = &s.units[len(s.units)-1]
	}
	if err := t.move(ln); err != nil {
		return err
	}
	t.count(ln)
	if ln.From == Debt || ln.To == Debt {
		if err := s.foldDebt(e, ln); err != nil {
			return err
		}
	}
	if ln.Lot == 0 {
		return nil
	}
	l := s.edit(ln.Lot)
	if l == nil || l.unit != e.Unit {
		return broken(e, "names lot %d, which the wallet has not", ln.Lot)
	}
	if err := s.foldMoney(e, ln, l, fill); err != nil {
		return err
	}
	if ln.From == Issued || ln.To == Available {
		s.lotDue = min(s.lotDue, l.due())
	}
	return nil
}

// foldMoney applies a line to its lot, and books what that does to the money paid for it.
func (s *state) foldMoney(e *Entry, ln *Line, l *lot, fill bool) error {
	var change Revenue
	if l.paid.Micros == 0 {
		if err := l.move(e, ln); err != nil {
			return err
		}
	} else {
		before := l.books()
		if err := l.move(e, ln); err != nil {
			return err
		}
		change = l.books().minus(before)
	}
	if fill {
		ln.Revenue = change
	} else if ln.Revenue != change {
		return broken(e, "books another revenue than lot %d has", ln.Lot)
	}
	return nil
}

// edit returns a lot to be changed; nil if it is not remembered.
func (s *state) edit(id ID) *lot {
	if slot, ok := s.find(id); ok {
		return s.lots.edit(slot)
	}
	return s.closed.edit(id)
}

// move applies a line to what the wallet has of the unit.
func (t *totals) move(ln *Line) error {
	take := func(n *Amount) bool {
		*n -= ln.Amount
		return *n >= 0
	}
	give := func(n *Amount) bool {
		sum, ok := addAmount(*n, ln.Amount)
		*n = sum
		return ok
	}
	ok := true
	switch ln.From {
	case Issued:
		ok = take(&t.pending)
	case Available:
		ok = take(&t.available)
	case Held:
		ok = take(&t.held)
	case Debt:
		ok = give(&t.debt)
	}
	switch ln.To {
	case Available:
		ok = ok && give(&t.available)
	case Held:
		ok = ok && give(&t.held)
	case Debt:
		ok = ok && take(&t.debt)
	}
	if !ok || t.room() < 0 {
		return overflows("amount")
	}
	return nil
}

// count counts what is consumed in the cycle. A count that has no amount stays
// at the bound: nothing rests on it.
func (t *totals) count(ln *Line) {
	n := ln.Amount
	switch {
	case ln.To == Consumed:
	case ln.From == Consumed:
		n = -n
	default:
		return
	}
	if sum, ok := addAmount(t.used, n); ok {
		t.used = sum
	}
}

// move applies a line to the lot.
func (l *lot) move(e *Entry, ln *Line) error {
	if ln.From == Issued {
		if !l.pending || ln.Amount != l.amount || micros(e.At) < l.starts && e.Kind != KindRevoked {
			return broken(e, "issues lot %d wrongly", l.id)
		}
		l.pending = false
	} else {
		from := l.counter(ln.From)
		if l.pending || *from < ln.Amount {
			return broken(e, "takes %v of lot %d, which has %v %v", ln.Amount, l.id, *from, ln.From)
		}
		switch ln.To {
		case Moved:
			l.movedCost += l.deferred(ln.Amount)
		case Refunded:
			share := l.deferred(ln.Amount)
			if ln.Revenue.Refunded < 0 || ln.Revenue.Refunded > share {
				return broken(e, "pays back another part of lot %d than is deferred", l.id)
			}
			l.refundPaid += ln.Revenue.Refunded
			l.refundKept += share - ln.Revenue.Refunded
		}
		*from -= ln.Amount
	}
	*l.counter(ln.To) += ln.Amount
	switch e.Kind {
	case KindRevoked, KindRefunded, KindForgiven:
		l.withdrawn = true
	}
	return nil
}

// foldDebt keeps what each spend still owes.
func (s *state) foldDebt(e *Entry, ln *Line) error {
	if ln.From == Debt {
		s.debts = append(slices.Clone(s.debts), debt{e.Seq, e.Unit, ln.Amount, e.Feature, e.Scope})
		return nil
	}
	i := slices.IndexFunc(s.debts, func(d debt) bool { return d.spend == e.Of && d.unit == e.Unit })
	if i < 0 || s.debts[i].amount < ln.Amount {
		return broken(e, "pays more than spend %d owes", e.Of)
	}
	s.debts = slices.Clone(s.debts)
	s.debts[i].amount -= ln.Amount
	if s.debts[i].amount == 0 {
		s.debts = slices.Delete(s.debts, i, i+1)
	}
	return nil
}

// foldHold makes or ends a hold: its lines are all that may touch what is held.
func (s *state) foldHold(e *Entry) error {
	in, out := partsOf(e, Held)
	switch e.Kind {
	case KindReserved:
		h := e.Hold
		if h == nil || h.ID != e.Seq || h.Unit != e.Unit || h.Over == 0 || h.Over >= overs || len(out) > 0 || !inTime(h.Until) || !slices.Equal(h.Parts, in) {
			return broken(e, "makes a hold that its lines do not")
		}
		var sum Amount
		for _, part := range h.Parts {
			sum += part.Amount
		}
		if sum != h.Amount {
			return broken(e, "makes a hold of %v whose parts are %v", h.Amount, sum)
		}
		p := h.private()
		s.holds.add(p)
		s.holdDue = min(s.holdDue, p.until)
		return nil
	case KindCaptured, KindReleased, KindTimedOut:
		slot, ok := s.findHold(e.Of)
		if !ok {
			return broken(e, "ends hold %d, which the wallet has not", e.Of)
		}
		h := s.holds.at(slot)
		if h.unit != e.Unit || len(in) > 0 || !sameParts(h.parts, out) {
			return broken(e, "ends hold %d in part", h.id)
		}
		s.holds.remove(slot)
		if h.until == s.holdDue {
			s.remindHolds()
		}
		return nil
	}
	if len(in)+len(out) > 0 {
		return broken(e, "touches what is held")
	}
	return nil
}

// partsOf returns the parts that the lines move into and out of an account.
func partsOf(e *Entry, a Account) (in, out []HoldPart) {
	for i := range e.Lines {
		if e.Lines[i].To == a {
			in = append(in, HoldPart{e.Lines[i].Lot, e.Lines[i].Amount})
		}
		if e.Lines[i].From == a {
			out = append(out, HoldPart{e.Lines[i].Lot, e.Lines[i].Amount})
		}
	}
	return in, out
}

// sameParts reports whether the lines that end a hold add up to its parts. One
// part may end in two lines: captured as far as it goes, the rest given back.
func sameParts(parts, lines []HoldPart) bool {
	left := slices.Clone(parts)
	for _, ln := range lines {
		i := slices.IndexFunc(left, func(p HoldPart) bool { return p.Lot == ln.Lot && p.Amount > 0 })
		if i < 0 || left[i].Amount < ln.Amount {
			return false
		}
		left[i].Amount -= ln.Amount
	}
	return !slices.ContainsFunc(left, func(p HoldPart) bool { return p.Amount > 0 })
}

// settle puts a lot where it belongs after an entry: among the open ones while
// it has credits, else among the closed ones.
func (s *state) settle(id ID) {
	slot, isOpen := s.find(id)
	if !isOpen {
		if l := s.closed.find(id); l != nil && l.open() {
			back, _ := s.closed.take(id)
			s.addLot(&back)
		}
		return
	}
	l := s.lots.at(slot)
	if s.lotDue <= s.at || l.available == 0 && (l.expires == s.lotDue || l.starts == s.lotDue) {
		s.stale = true
	}
	if !l.open() {
		s.closeLot(slot)
	}
}
