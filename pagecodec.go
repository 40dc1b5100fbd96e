package credits

import (
	"math"
	"math/bits"
)

func (w *writer) lotPage(p *page[lot]) {
	w.uint(uint64(p.used))
	for used := p.used; used != 0; used &= used - 1 {
		w.lot(p.items[bits.TrailingZeros32(used)])
	}
}

func (w *writer) lot(l *lot) {
	w.lotTerms(l.lotTerms)
	flags := byte(0)
	if l.pending {
		flags |= 1
	}
	if l.withdrawn {
		flags |= 2
	}
	w.b = append(w.b, flags)
	for _, n := range [...]Amount{l.available, l.held, l.consumed, l.expired, l.revoked, l.refunded, l.moved} {
		w.int(int64(n))
	}
	if l.paid.Micros != 0 {
		w.int(l.movedCost)
		w.int(l.refundPaid)
		w.int(l.refundKept)
	}
}

func holdPage(p *page[hold]) []byte {
	if p.used == 0 {
		return nil
	}
	w := writer{[]byte{stateForm}}
	w.uint(uint64(p.used))
	for used := p.used; used != 0; used &= used - 1 {
		w.hold(p.items[bits.TrailingZeros32(used)])
	}
	return w.b
}

func (s *state) readLots(no int, r *reader) {
	used := r.slots()
	lots := r.lots(make([]lot, bits.OnesCount32(used)))
	for i := range lots {
		s.lots.put(no*pageSize+bits.TrailingZeros32(used), &lots[i])
		s.lotDue = min(s.lotDue, lots[i].due())
		used &= used - 1
	}
}

// slots reads which slots of a page are in use.
func (r *reader) slots() uint32 {
	v := r.uint()
	if v > math.MaxUint32 {
		r.fail()
	}
	return uint32(v)
}

// lots reads as many lots as it is given, and returns none if they cannot be read.
func (r *reader) lots(lots []lot) []lot {
	terms, before := make([]lotTerms, len(lots)), new(lotTerms) // lots of a wallet are much alike
	for i := range lots {
		lots[i].lotTerms = &terms[i]
		r.lot(&lots[i], before)
		before = &terms[i]
	}
	if r.bad {
		return nil
	}
	return lots
}

// lot reads a lot, and takes from another the texts that are the same.
func (r *reader) lot(l *lot, like *lotTerms) {
	r.terms(l.lotTerms, like)
	flags := r.byte()
	if flags > 3 {
		r.fail()
	}
	l.pending, l.withdrawn = flags&1 != 0, flags&2 != 0
	l.available = Amount(r.int())
	if !r.zeros(6) {
		for _, n := range [...]*Amount{&l.held, &l.consumed, &l.expired, &l.revoked, &l.refunded, &l.moved} {
			*n = Amount(r.int())
		}
	}
	if l.paid.Micros != 0 {
		l.movedCost, l.refundPaid, l.refundKept = r.int(), r.int(), r.int()
	}
}

func (r *reader) terms(t, like *lotTerms) {
	t.id, t.unit, t.source, t.amount = ID(r.uint()), Unit(r.textLike(string(like.unit))), Source(r.narrow()), Amount(r.int())
	t.starts, t.expires, t.priority = r.int(), r.int(), int(r.int())
	if r.zeros(9) {
		return
	}
	t.scope = r.textLike(like.scope)
	if n := r.count(); n > 0 {
		t.features = make([]string, n)
		for i := range t.features {
			t.features[i] = r.text()
		}
	}
	t.paid = Money{Currency: r.textLike(like.paid.Currency), Micros: r.int()}
	t.purchase, t.addon, t.noRefund = ID(r.uint()), r.textLike(like.addon), r.bool()
	t.origin = Origin{WalletID(r.textLike(string(like.origin.Wallet))), ID(r.uint())}
}

// zeros reads so many values if all of them are zero, or empty: of most lots many are.
func (r *reader) zeros(n int) bool {
	const none = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	if len(r.b) < n || string(r.b[:n]) != none[:n] {
		return false
	}
	r.b = r.b[n:]
	return true
}

// textLike reads a text that is likely to be one that there is already.
func (r *reader) textLike(like string) string {
	if b := r.bytes(); string(b) != like {
		return string(b)
	}
	return like
}
