package credits

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"example.com/credits/store"
)

// A wallet is stored in parts: a head with everything of which there is one and
// the first page of lots, the plan, and a part for each further page. Only the
// parts that changed are written. The head has the sums of its lots, so that a
// read that mixed two instants is found.
const (
	headPart   = 0
	planPart   = 1
	openPart   = 3       // purchases and requests that are not decided
	nextPart   = 4       // the plan that is scheduled
	recentPart = 2       // lots that were used up, the latest
	lotPart    = 1 << 32 // and the page's number, from 1
	holdPart   = 2 << 32 // and the page's number
	closedPart = 3 << 32 // and the page's number: lots that were used up; not read by most commands
	maxPages   = 4096    // of lots, and of holds: more than any wallet gets to
)

// parts returns what is stored of s: the pages that changed since s was copied
// or stored, or all of them. It uses the memory of out, which is what it returned
// before, and of the bodies of its head and of the lots that were used up last.
func (s *state) parts(out []store.Part, all bool) []store.Part {
	var head, recent []byte
	for _, p := range out {
		switch p.ID {
		case headPart:
			head = p.Body[:0]
		case recentPart:
			recent = p.Body[:0]
		}
	}
	out = append(out[:0], store.Part{})
	if all || s.planNew {
		out = append(out, store.Part{ID: planPart, Body: s.terms.json})
	}
	if all || s.nextNew {
		out = append(out, store.Part{ID: nextPart, Body: s.change.plan()})
	}
	if all || s.open.dirty {
		out = append(out, store.Part{ID: openPart, Body: s.open.stored()})
	}
	size := len(s.terms.json) + len(s.change.plan()) + s.open.size
	for no, p := range s.lots.pages {
		if no == 0 {
			continue
		}
		if all || p.dirty {
			var body []byte
			if p.used != 0 {
				w := writer{[]byte{stateForm}}
				w.lotPage(p.page)
				body = w.b
			}
			p.size = len(body)
			out = append(out, store.Part{ID: lotPart + uint64(no), Body: body})
		}
		size += p.size
	}
	for no, p := range s.holds.pages {
		if all || p.dirty {
			body := holdPage(p.page)
			p.size = len(body)
			out = append(out, store.Part{ID: holdPart + uint64(no), Body: body})
		}
		size += p.size
	}
	out = s.closed.parts(out, recent, all)
	out[0] = store.Part{ID: headPart, Body: s.head(head)}
	s.size = size + len(out[0].Body)
	if len(out) == 1 {
		return out
	}
	if all {
		out = slices.DeleteFunc(out, func(p store.Part) bool { return len(p.Body) == 0 })
	}
	slices.SortFunc(out, func(a, b store.Part) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// head appends the head to b.
func (s *state) head(b []byte) []byte {
	w := writer{append(b, stateForm)}
	w.uint(uint64(s.seq))
	w.int(s.at)
	w.b = append(w.b, s.chain[:]...)
	w.text(s.zone)
	w.text(s.next)
	w.b = append(w.b, s.terms.hash[:]...)
	w.int(s.anchor)
	w.int(int64(s.cycle))
	w.int(s.starts)
	w.int(s.ends)
	w.subscribed(s)
	w.auto(&s.auto)
	w.uint(uint64(s.open.sum))
	w.uint(uint64(len(s.carry)))
	for _, c := range s.carry {
		w.text(string(c.unit))
		w.int(int64(c.amount))
		w.int(c.expires)
	}
	w.uint(uint64(len(s.units)))
	for i := range s.units {
		t := &s.units[i]
		w.text(string(t.unit))
		w.int(int64(t.available))
		w.int(int64(t.held))
		w.int(int64(t.pending))
		w.int(int64(t.debt))
		w.int(int64(t.used))
	}
	w.uint(uint64(len(s.debts)))
	for _, d := range s.debts {
		w.uint(uint64(d.spend))
		w.text(string(d.unit))
		w.int(int64(d.amount))
		w.text(d.feature)
		w.text(d.scope)
	}
	w.uint(uint64(s.lots.count))
	w.uint(uint64(s.holds.count))
	w.uint(uint64(s.closed.first))
	w.uint(uint64(len(s.closed.pages)))
	for _, p := range s.closed.pages {
		w.uint(uint64(p.size))
	}
	if len(s.lots.pages) > 0 {
		w.lotPage(s.lots.pages[0].page)
	}
	return w.b
}

// subscribed writes what the wallet is subscribed to.
func (w *writer) subscribed(s *state) {
	w.bool(s.active)
	w.uint(uint64(s.ended))
	w.int(s.term)
	w.int(s.life)
	w.money(s.paid)
	w.money(s.now)
	w.uint(uint64(len(s.marks)))
	for _, m := range s.marks {
		w.text(string(m.unit))
		w.int(int64(m.amount))
	}
	w.bool(s.change != nil)
	if s.change != nil {
		w.uint(uint64(s.change.when))
		var hash [32]byte
		if s.change.terms != nil {
			hash = s.change.terms.hash
		}
		w.b = append(w.b, hash[:]...)
	}
	w.uint(uint64(len(s.had)))
	for _, h := range s.had {
		w.text(h.id)
		w.int(int64(h.version))
		w.text(h.tier)
		w.b = binary.BigEndian.AppendUint64(w.b, h.sum)
		w.bool(h.once)
	}
	w.bool(s.addUntil != 0)
	if s.addUntil == 0 { // it never had any
		return
	}
	w.uint(uint64(len(s.addons)))
	for _, h := range s.addons {
		w.text(h.addon)
		w.text(h.scope)
		w.int(h.now)
		w.int(h.next)
	}
	w.uint(uint64(len(s.peaks)))
	for _, p := range s.peaks {
		w.text(p.addon)
		w.int(p.units)
	}
	w.int(s.addFrom)
	w.int(s.addUntil)
	w.int(s.addAnchor)
}

func (r *reader) subscribed(s *state) (next [32]byte) {
	s.active, s.ended, s.term, s.life, s.paid, s.now = r.bool(), EndReason(r.narrow()), r.int(), r.int(), r.money(), r.money()
	for range r.count() {
		s.marks = append(s.marks, mark{Unit(r.text()), Amount(r.int())})
	}
	if r.bool() {
		s.change = &change{when: When(r.narrow())}
		copy(next[:], r.take(len(next)))
	}
	for range r.count() {
		h := had{id: r.text(), version: int(r.int()), tier: r.text()}
		if sum := r.take(8); len(sum) == 8 {
			h.sum = binary.BigEndian.Uint64(sum)
		}
		h.once = r.bool()
		s.had = append(s.had, h)
	}
	if !r.bool() {
		return next
	}
	for range r.count() {
		s.addons = append(s.addons, holding{r.text(), r.text(), r.int(), r.int()})
	}
	for range r.count() {
		s.peaks = append(s.peaks, peak{r.text(), r.int()})
	}
	s.addFrom, s.addUntil, s.addAnchor = r.int(), r.int(), r.int()
	return next
}

func (w *writer) auto(a *auto) {
	w.bool(a.on)
	w.bool(a.suspended)
	w.int(a.from)
	w.int(a.until)
	w.int(int64(a.bought))
	w.money(a.spent)
	w.text(a.method.Token)
	w.text(a.method.Kind)
}

func (r *reader) auto() auto {
	return auto{
		on: r.bool(), suspended: r.bool(), from: r.int(), until: r.int(), bought: Amount(r.int()), spent: r.money(),
		method: Method{Token: r.text(), Kind: r.text()},
	}
}

// plan returns the stored form of the plan to which the wallet moves.
func (c *change) plan() []byte {
	if c == nil || c.terms == nil {
		return nil
	}
	return c.terms.json
}

// stored returns the stored form; nil if there is nothing.
func (o *open) stored() []byte {
	o.size, o.sum = 0, 0
	if len(o.purchases)+len(o.requests)+len(o.packs) == 0 {
		return nil
	}
	w := writer{[]byte{stateForm}}
	w.uint(uint64(len(o.purchases)))
	for _, p := range o.purchases {
		w.purchase(&p.Purchase)
		w.text(string(p.key))
	}
	w.uint(uint64(len(o.requests)))
	for _, q := range o.requests {
		w.asked(q)
	}
	w.uint(uint64(len(o.packs)))
	for _, a := range o.packs {
		w.text(a.pack)
		w.uint(uint64(a.purchase))
		w.int(a.packs)
		w.int(a.expires)
	}
	o.size, o.sum = len(w.b), fnv(w.b)
	return w.b
}

// readOpen reads what stored wrote.
func (s *state) readOpen(body []byte) bool {
	r := reader{b: body}
	if r.byte() != stateForm {
		r.fail()
	}
	o := open{size: len(body), sum: fnv(body)}
	for range r.count() {
		o.purchases = append(o.purchases, &purchase{*r.purchase(), Key(r.text())})
	}
	for range r.count() {
		o.requests = append(o.requests, r.asked())
	}
	for range r.count() {
		o.packs = append(o.packs, activePack{r.text(), ID(r.uint()), r.int(), r.int()})
	}
	ok := !r.bad && len(r.b) == 0 && o.sum == s.open.sum
	s.open = o
	return ok
}

// known is what wallets share, so that it is read once: plans by their hash, and
// time zones by their name. It affects cost, never meaning.
type known interface {
	plan(hash [32]byte) *terms // nil if it is not known
	zone(name string) (*time.Location, error)
}

// decodeState reads a wallet from all its parts.
func decodeState(id WalletID, parts []store.Part, k known) (*state, error) {
	s := blankState(id)
	if len(parts) == 0 || parts[0].ID != headPart {
		return nil, corrupt("wallet %q has no head", id)
	}
	lots, holds, err := s.readHead(parts[0].Body, parts[1:], k)
	if err != nil {
		return nil, err
	}
	s.size = len(parts[0].Body)
	for i, p := range parts[1:] {
		if p.ID <= parts[i].ID {
			return nil, corrupt("wallet %q: part %d is out of order", id, p.ID)
		}
		if p.ID != recentPart && p.ID < closedPart {
			s.size += len(p.Body)
		}
		if err := s.readPart(p); err != nil {
			return nil, err
		}
	}
	if s.open.sum != 0 && s.open.size == 0 {
		return nil, corrupt("wallet %q: part %d is missing", id, openPart)
	}
	if s.lots.count != lots || s.holds.count != holds || !s.sums() {
		return nil, corrupt("wallet %q: its parts are not of one instant", id)
	}
	s.closed.owned, s.closed.mine = make([]bool, len(s.closed.pages)), true
	s.settled()
	s.reindex()
	return s, nil
}

// settled makes s what is stored: what changes from now on is what is stored next.
func (s *state) settled() {
	s.stored = s.mark()
	s.planNew, s.nextNew, s.open.dirty = false, false, false
	s.lots.settle()
	s.holds.settle()
	s.closed.settle()
}

// sums reports whether the lots add up to what the head says.
func (s *state) sums() bool {
	var few [4]totals
	sums := append(few[:0], s.units...)
	for i := range sums {
		sums[i].available, sums[i].held, sums[i].pending = 0, 0, 0
	}
	i := 0
	for _, l := range s.lots.all {
		if i == len(sums) || sums[i].unit != l.unit { // else it is as that of the lot before
			if i = slices.IndexFunc(sums, func(t totals) bool { return t.unit == l.unit }); i < 0 {
				return false
			}
		}
		sums[i].available += l.available
		sums[i].held += l.held
		if l.pending {
			sums[i].pending += l.amount
		}
	}
	return slices.Equal(sums, s.units)
}

func (s *state) readHead(body []byte, parts []store.Part, k known) (lots, holds int, err error) {
	r := reader{b: body}
	if form := r.byte(); form != stateForm {
		return 0, 0, corrupt("wallet %q has form %d, which this version does not know", s.id, form)
	}
	s.seq, s.at = ID(r.uint()), r.int()
	copy(s.chain[:], r.take(len(s.chain)))
	s.zone, s.next = r.text(), r.text()
	var hash [32]byte
	copy(hash[:], r.take(len(hash)))
	s.anchor, s.cycle, s.starts, s.ends = r.int(), int(r.int()), r.int(), r.int()
	next := r.subscribed(s)
	s.auto = r.auto()
	sum := r.uint()
	if s.open.sum = uint32(sum); uint64(s.open.sum) != sum {
		r.fail()
	}
	for range r.count() {
		s.carry = append(s.carry, carryOver{Unit(r.text()), Amount(r.int()), r.int()})
	}
	for range r.count() {
		s.units = append(s.units, totals{Unit(r.text()), Amount(r.int()), Amount(r.int()), Amount(r.int()), Amount(r.int()), Amount(r.int())})
	}
	for range r.count() {
		s.debts = append(s.debts, debt{ID(r.uint()), Unit(r.text()), Amount(r.int()), r.text(), r.text()})
	}
	lots, holds = int(r.uint()), int(r.uint())
	s.closed.first = int(r.uint())
	for range r.count() {
		s.closed.pages = append(s.closed.pages, &closedPage{size: int(r.uint())})
	}
	if len(r.b) > 0 {
		s.lots.grow(0)
		s.readLots(0, &r)
	}
	if r.bad || len(r.b) > 0 {
		return 0, 0, corrupt("head of wallet %q is cut or has something after it", s.id)
	}
	if s.loc, err = k.zone(s.zone); err != nil {
		return 0, 0, corrupt("zone of wallet %q: %v", s.id, err)
	}
	if s.terms, err = s.readPlan(planPart, hash, parts, k); err == nil && next != [32]byte{} {
		s.change.terms, err = s.readPlan(nextPart, next, parts, k)
	}
	return lots, holds, err
}

// readPlan takes the plan from what is known, or else reads it.
func (s *state) readPlan(id uint64, hash [32]byte, parts []store.Part, k known) (*terms, error) {
	if t := k.plan(hash); t != nil {
		return t, nil
	}
	i := slices.IndexFunc(parts, func(p store.Part) bool { return p.ID == id })
	if i < 0 {
		return nil, corrupt("wallet %q has no plan", s.id)
	}
	t, err := parseTerms(slices.Clone(parts[i].Body))
	if err != nil || t.hash != hash {
		return nil, corrupt("plan of wallet %q is not the one it was given", s.id)
	}
	return t, nil
}

// readPart reads a page.
func (s *state) readPart(p store.Part) error {
	r := reader{b: p.Body}
	switch p.ID {
	case planPart, nextPart:
		return nil
	case openPart:
		if !s.readOpen(p.Body) {
			return corrupt("part %d of wallet %q is cut, or of another instant", p.ID, s.id)
		}
		return nil
	case recentPart:
		if s.closed.recent = r.closedLots(); r.bad || len(r.b) > 0 {
			return corrupt("part %d of wallet %q is cut or has something after it", p.ID, s.id)
		}
		return nil
	}
	if form := r.byte(); form != stateForm {
		return corrupt("part %d of wallet %q has form %d, which this version does not know", p.ID, s.id, form)
	}
	no := int(p.ID & (1<<32 - 1))
	switch p.ID &^ (1<<32 - 1) {
	case lotPart:
		if no == 0 || no >= maxPages || len(s.lots.pages) == 0 {
			return corrupt("part %d of wallet %q is out of place", p.ID, s.id)
		}
		s.lots.grow(no)
		s.readLots(no, &r)
		if s.lots.pages[no].used == 0 {
			r.fail()
		}
		s.lots.pages[no].size = len(p.Body)
	case holdPart:
		if no >= maxPages {
			return corrupt("part %d of wallet %q is out of place", p.ID, s.id)
		}
		s.holds.grow(no)
		for used := r.slots(); used != 0 && !r.bad; used &= used - 1 {
			h := r.hold()
			s.holds.put(no*pageSize+bits.TrailingZeros32(used), h)
			s.holdDue = min(s.holdDue, h.until)
		}
		if s.holds.pages[no].used == 0 {
			r.fail()
		}
		s.holds.pages[no].size = len(p.Body)
	case closedPart:
		i := no - s.closed.first
		if i < 0 || i >= len(s.closed.pages) || s.closed.pages[i].size != len(p.Body) {
			return corrupt("part %d of wallet %q is out of place", p.ID, s.id)
		}
		s.closed.pages[i].raw = slices.Clone(p.Body)
		return nil
	default:
		return corrupt("part %d of wallet %q is not known", p.ID, s.id)
	}
	if r.bad || len(r.b) > 0 {
		return corrupt("part %d of wallet %q is cut or has something after it", p.ID, s.id)
	}
	return nil
}
