package credits

import (
	"crypto/sha256"
	"maps"
	"slices"
)

// Stored forms are binary, versioned and length-prefixed, and every value has
// one form: what is not in it is not read. A changed form gets a
// new number, and every version of this package reads all earlier ones.
const (
	entryForm     = 1
	stateForm     = 1
	noteForm      = 1
	noteTrialForm = 2 // of an actor on trial
)

// The fields of an entry that may be left out, as bits in the order in which they are written.
const (
	hasClock = 1 << iota
	hasKey
	hasOf
	hasUnit
	hasFeature
	hasQuantity
	hasFactors
	hasScope
	hasOccurred
	hasCharge
	hasUncovered
	hasOpens
	hasHold
	hasCycle
	hasSetting
	hasPurchase
	hasPayment
	hasUnits
	hasChange
	hasMethod
	hasRequest
	hasPeer
	hasSeal
	hasLines
	entryBits = iota
)

// has returns the bits of the fields that are set.
func (e *Entry) has() (bits uint64) {
	if !e.Clock.IsZero() {
		bits |= hasClock
	}
	if e.Key != "" {
		bits |= hasKey
	}
	if e.Of != 0 {
		bits |= hasOf
	}
	if e.Unit != "" {
		bits |= hasUnit
	}
	if e.Feature != "" {
		bits |= hasFeature
	}
	if e.Quantity != 0 {
		bits |= hasQuantity
	}
	if len(e.Factors) > 0 {
		bits |= hasFactors
	}
	if e.Scope != "" {
		bits |= hasScope
	}
	if !e.Occurred.IsZero() {
		bits |= hasOccurred
	}
	if e.Charge != (Money{}) || e.Surcharge != (Money{}) {
		bits |= hasCharge
	}
	if e.Uncovered != 0 {
		bits |= hasUncovered
	}
	return bits | e.hasPayload()
}

// hasPayload is has for the fields that have a form of their own.
func (e *Entry) hasPayload() (bits uint64) {
	if e.Opens != nil {
		bits |= hasOpens
	}
	if e.Hold != nil {
		bits |= hasHold
	}
	if e.Cycle != nil {
		bits |= hasCycle
	}
	if e.Setting != nil {
		bits |= hasSetting
	}
	if e.Purchase != nil {
		bits |= hasPurchase
	}
	if e.Payment != nil {
		bits |= hasPayment
	}
	if e.Units != nil {
		bits |= hasUnits
	}
	if e.Change != nil {
		bits |= hasChange
	}
	if e.Method != nil {
		bits |= hasMethod
	}
	if e.Request != nil {
		bits |= hasRequest
	}
	if e.Peer != "" {
		bits |= hasPeer
	}
	if e.Seal != ([32]byte{}) {
		bits |= hasSeal
	}
	if len(e.Lines) > 0 {
		bits |= hasLines
	}
	return bits
}

// appendEntry appends what the chain covers of an entry: all but the wallet's
// name, which the first link is bound to, and actor and note, whose seal it has.
func appendEntry(b []byte, e *Entry) []byte {
	bits := e.has()
	w := writer{append(b, entryForm, byte(e.Kind))}
	w.uint(bits)
	w.uint(uint64(e.Seq))
	w.time(e.At)
	w.int(int64(e.Balance))
	on := func(bit uint64) bool { return bits&bit != 0 }
	if on(hasClock) {
		w.time(e.Clock)
	}
	if on(hasKey) {
		w.text(string(e.Key))
	}
	if on(hasOf) {
		w.uint(uint64(e.Of))
	}
	if on(hasUnit) {
		w.text(string(e.Unit))
	}
	if on(hasFeature) {
		w.text(e.Feature)
	}
	if on(hasQuantity) {
		w.int(e.Quantity)
	}
	if on(hasFactors) {
		w.uint(uint64(len(e.Factors)))
		for _, name := range slices.Sorted(maps.Keys(e.Factors)) {
			w.text(name)
			w.int(e.Factors[name])
		}
	}
	if on(hasScope) {
		w.text(e.Scope)
	}
	if on(hasOccurred) {
		w.time(e.Occurred)
	}
	if on(hasCharge) {
		w.money(e.Charge)
		w.money(e.Surcharge)
	}
	if on(hasUncovered) {
		w.int(int64(e.Uncovered))
	}
	w.payload(e)
	return w.b
}

// payload writes the fields that have a form of their own.
func (w *writer) payload(e *Entry) {
	if e.Opens != nil {
		w.lotTerms(e.Opens.private())
	}
	if e.Hold != nil {
		w.hold(e.Hold.private())
	}
	if c := e.Cycle; c != nil {
		w.plan(c.Plan)
		w.text(c.Zone)
		w.int(int64(c.Number))
		w.time(c.Period.Start)
		w.time(c.Period.End)
		w.time(c.Anchor)
		w.time(c.Term)
		w.money(c.Paid)
		w.optTime(c.Life)
		w.bool(c.Same)
	}
	if s := e.Setting; s != nil {
		w.bool(s.On)
		w.text(s.Zone)
		w.int(int64(s.CarryOver))
		w.optTime(s.Expires)
		w.uint(uint64(len(s.Erased)))
		for _, id := range s.Erased {
			w.uint(uint64(id))
		}
		w.bool(s.Resume)
		if e.Kind == KindSealed {
			w.b = append(w.b, s.Sealed[:]...)
		}
	}
	w.subscription(e)
	if e.Peer != "" {
		w.text(string(e.Peer))
	}
	if e.Seal != [32]byte{} {
		w.b = append(w.b, e.Seal[:]...)
	}
	if len(e.Lines) > 0 {
		w.lines(e.Lines)
	}
}

func (w *writer) texts(all []string) {
	w.uint(uint64(len(all)))
	for _, s := range all {
		w.text(s)
	}
}

func (w *writer) lines(lines []Line) {
	w.uint(uint64(len(lines)))
	for i := range lines {
		ln := &lines[i]
		w.uint(uint64(ln.Lot))
		w.b = append(w.b, byte(ln.From), byte(ln.To))
		w.int(int64(ln.Amount))
		w.text(ln.Revenue.Currency)
		if ln.Revenue.Currency != "" {
			w.int(ln.Revenue.Recognised)
			w.int(ln.Revenue.Breakage)
			w.int(ln.Revenue.Revoked)
			w.int(ln.Revenue.Refunded)
			w.int(ln.Revenue.Moved)
		}
	}
}

// decodeEntry reads an entry of a wallet.
func decodeEntry(wallet WalletID, body []byte) (Entry, error) {
	r := reader{b: body}
	e := Entry{Wallet: wallet}
	if form := r.byte(); form != entryForm {
		return e, corrupt("entry has form %d, which this version does not know", form)
	}
	e.Kind = Kind(r.byte())
	bits := r.uint()
	if bits >= 1<<entryBits {
		return e, corrupt("entry has unknown fields")
	}
	on := func(bit uint64) bool { return bits&bit != 0 }
	e.Seq, e.At, e.Balance = ID(r.uint()), r.time(), Amount(r.int())
	if on(hasClock) {
		e.Clock = r.time()
	}
	if on(hasKey) {
		e.Key = Key(r.text())
	}
	if on(hasOf) {
		e.Of = ID(r.uint())
	}
	if on(hasUnit) {
		e.Unit = Unit(r.text())
	}
	if on(hasFeature) {
		e.Feature = r.text()
	}
	if on(hasQuantity) {
		e.Quantity = r.int()
	}
	if on(hasFactors) {
		e.Factors = make(map[string]int64)
		for range r.count() {
			name := r.text()
			e.Factors[name] = r.int()
		}
	}
	if on(hasScope) {
		e.Scope = r.text()
	}
	if on(hasOccurred) {
		e.Occurred = r.time()
	}
	if on(hasCharge) {
		e.Charge, e.Surcharge = r.money(), r.money()
	}
	if on(hasUncovered) {
		e.Uncovered = Amount(r.int())
	}
	if err := r.payload(&e, bits); err != nil {
		return e, err
	}
	if len(r.b) > 0 || r.bad || e.has() != bits {
		return e, corrupt("entry is cut or has something after it")
	}
	return e, nil
}

func (r *reader) payload(e *Entry, bits uint64) error {
	on := func(bit uint64) bool { return bits&bit != 0 }
	if on(hasOpens) {
		t := r.lotTerms().public()
		e.Opens = &t
	}
	if on(hasHold) {
		h := r.hold().public()
		e.Hold = &h
	}
	if on(hasCycle) {
		c := &Cycle{}
		if data := r.bytes(); len(data) > 0 && !r.bad {
			t, err := parseTerms(slices.Clone(data))
			if err != nil {
				return corrupt("plan of an entry: %v", err)
			}
			c.Plan = &t.Plan
		}
		c.Zone, c.Number = r.text(), int(r.int())
		c.Period = Period{r.time(), r.time()}
		c.Anchor, c.Term, c.Paid, c.Life, c.Same = r.time(), r.time(), r.money(), r.optTime(), r.bool()
		e.Cycle = c
	}
	if on(hasSetting) {
		s := &Setting{On: r.bool(), Zone: r.text(), CarryOver: Amount(r.int()), Expires: r.optTime()}
		for range r.count() {
			s.Erased = append(s.Erased, ID(r.uint()))
		}
		s.Resume = r.bool()
		if e.Kind == KindSealed {
			copy(s.Sealed[:], r.take(len(s.Sealed)))
		}
		e.Setting = s
	}
	if err := r.subscription(e, on); err != nil {
		return err
	}
	if on(hasPeer) {
		e.Peer = WalletID(r.text())
	}
	if on(hasSeal) {
		copy(e.Seal[:], r.take(len(e.Seal)))
	}
	if on(hasLines) {
		n := r.count()
		e.Lines = make([]Line, 0, n)
		for range n {
			e.Lines = append(e.Lines, r.line())
		}
	}
	return nil
}

func (r *reader) texts() (all []string) {
	for range r.count() {
		all = append(all, r.text())
	}
	return all
}

func (r *reader) line() Line {
	ln := Line{Lot: ID(r.uint()), From: Account(r.byte()), To: Account(r.byte()), Amount: Amount(r.int())}
	if ln.Revenue.Currency = r.text(); ln.Revenue.Currency != "" {
		ln.Revenue.Recognised, ln.Revenue.Breakage, ln.Revenue.Revoked = r.int(), r.int(), r.int()
		ln.Revenue.Refunded, ln.Revenue.Moved = r.int(), r.int()
	}
	return ln
}

// link returns the chain after an entry: the hash of the one before and its body.
func link(prev [32]byte, body []byte) [32]byte {
	var small [256]byte
	return sha256.Sum256(append(append(small[:0], prev[:]...), body...))
}

// appendNote appends what may be erased of an entry: a salt, actor and note.
func appendNote(b []byte, salt []byte, a Actor, n Note) []byte {
	form := byte(noteForm)
	if a.Trial {
		form = noteTrialForm
	}
	w := writer{append(b, form)}
	w.bytes(salt)
	w.text(a.ID)
	w.text(a.Role)
	w.text(n.Ref)
	w.text(n.Reason)
	w.uint(uint64(len(n.Labels)))
	if len(n.Labels) > 0 {
		for _, name := range slices.Sorted(maps.Keys(n.Labels)) {
			w.text(name)
			w.text(n.Labels[name])
		}
	}
	return w.b
}

func decodeNote(data []byte) (a Actor, n Note, err error) {
	r := reader{b: data}
	form := r.byte()
	if form != noteForm && form != noteTrialForm {
		return a, n, corrupt("note has form %d, which this version does not know", form)
	}
	r.bytes()
	a = Actor{ID: r.text(), Role: r.text(), Trial: form == noteTrialForm}
	n = Note{Ref: r.text(), Reason: r.text()}
	for i := range r.count() {
		if i == 0 {
			n.Labels = make(map[string]string)
		}
		name := r.text()
		n.Labels[name] = r.text()
	}
	if len(r.b) > 0 || r.bad {
		return a, n, corrupt("note is cut or has something after it")
	}
	return a, n, nil
}

// seal returns the digest that binds an entry to its actor and note.
func seal(note []byte) [32]byte { return sha256.Sum256(note) }

func (w *writer) plan(p *Plan) {
	if p == nil {
		w.bytes(nil)
		return
	}
	t, err := pack(*p)
	if err != nil { // nothing in a plan fails to marshal
		w.bytes(nil)
		return
	}
	w.bytes(t.json)
}

func (w *writer) lotTerms(t *lotTerms) {
	w.uint(uint64(t.id))
	w.text(string(t.unit))
	w.uint(uint64(t.source))
	w.int(int64(t.amount))
	w.int(t.starts)
	w.int(t.expires)
	w.int(int64(t.priority))
	w.text(t.scope)
	w.uint(uint64(len(t.features)))
	for _, f := range t.features {
		w.text(f)
	}
	w.money(t.paid)
	w.uint(uint64(t.purchase))
	w.text(t.addon)
	w.bool(t.noRefund)
	w.text(string(t.origin.Wallet))
	w.uint(uint64(t.origin.Lot))
}

func (r *reader) lotTerms() *lotTerms {
	t := new(lotTerms)
	r.terms(t, t)
	return t
}

func (w *writer) hold(h *hold) {
	w.uint(uint64(h.id))
	w.text(string(h.unit))
	w.int(int64(h.amount))
	w.int(h.until)
	w.text(h.feature)
	w.text(h.scope)
	w.uint(uint64(h.over))
	w.uint(uint64(len(h.parts)))
	for _, p := range h.parts {
		w.uint(uint64(p.Lot))
		w.int(int64(p.Amount))
	}
}

func (r *reader) hold() *hold {
	h := &hold{
		id: ID(r.uint()), unit: Unit(r.text()), amount: Amount(r.int()), until: r.int(), feature: r.text(),
		scope: r.text(), over: Over(r.narrow()),
	}
	for range r.count() {
		h.parts = append(h.parts, HoldPart{ID(r.uint()), Amount(r.int())})
	}
	return h
}
