package credits

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Command asks for a change to a wallet. The commands are the verbs of the
// package documentation; no other package can add one.
type Command interface {
	verb() string
	request(*request)
	decide(*decision) error
}

// Call is a command with all that its decision depends on.
type Call struct {
	Key     Key
	Actor   Actor
	Now     time.Time
	Salt    [32]byte // from which the salts of seals are made
	Command Command

	// Charger tells that purchases are paid before they bring anything: a command
	// that needs one intends it, and is decided again when it is settled. Else
	// they are owed, and there at once.
	Charger bool

	// Bound tells that the call is part of a transaction of the host's, or of
	// several wallets: nothing is intended in it.
	Bound bool

	// supposed tells that nothing is written, so that what is intended is supposed
	// to be paid at once.
	supposed bool

	served ID // the purchase that was made for the call

	salts *caller // makes Salt where it is needed, if not nil

	// Bought is how many purchases were made for the call before. After two it
	// buys no more.
	Bought int

	// Past is what the command needs of the wallet's history: for a [Reverse] the
	// entry it names and the entries about that; for a [Capture] the entry that
	// made the hold; for a hold that has ended, how it did; for a [Settle] of a
	// purchase that is not open, its entries; for an [Approve] or [Dismiss] the
	// request's; for an [Erase] the entries that repeat labels. A ledger fetches it.
	Past []Entry
}

// decision is one decision under way. What is emitted is folded into the
// wallet at once, so that each step sees what the one before has done.
type decision struct {
	w       *state
	call    *Call
	at      int64 // the wallet's time now
	out     []record
	mem     []byte        // in which entries and receipts are encoded
	own     int           // where in out the call's own entries begin; -1 before
	made    ID            // what the command made
	sent    []Terms       // what a transfer takes to the other wallet
	taken   bool          // money was taken for what is opened: it is, however much there is
	noted   ID            // the entry that has the call's note, if it is not what the command made
	begun   []ID          // purchases that were intended
	waits   ID            // the purchase that has to be decided first; 0 if the call is done
	refused *RefusedError // a refusal that is a fact

	approved Command  // what a request asked for, while the call carries it out
	answers  []answer // to commands that waited for a purchase
	quoted   Quote    // of the wallet before the call's own entries
	adds     bool     // the call's own entries add lots, holds or debts
	touched  bool     // something was folded into the wallet, or half of it
}

// record is an entry with its stored forms.
type record struct {
	Entry
	body []byte
	note []byte
}

// inTime reports whether t is an instant that a wallet can have.
func inTime(t time.Time) bool { return t.Unix() >= 0 && t.Unix() < endOfTime }

// endOfTime is the first second after the year 9999.
const endOfTime = 253402300800

// decide adds to w what fell due by time until the call, and then what the call
// does. It returns an error and leaves w of no use if the call is refused. If
// more is due than one commit holds, it stops after that, with done false.
func decide(w *state, c *Call) (d *decision, done bool, err error) {
	d = new(decision)
	done, err = d.decide(w, c)
	return d, done, err
}

// decide is decide, in the memory of a decision that is no more wanted. If it
// fails and is not touched, w is as it was.
func (d *decision) decide(w *state, c *Call) (done bool, err error) {
	*d = decision{w: w, call: c, at: max(w.at, micros(c.Now)), own: -1, out: d.out[:0], mem: d.mem}
	if !inTime(c.Now) {
		return false, invalid("now", "%v is outside the years 1970 to 9999", c.Now)
	}
	if err := checkName("key", string(c.Key)); err != nil {
		return false, err
	}
	if err := c.Actor.check(); err != nil {
		return false, err
	}
	if c.Command, err = plain(c.Command); err != nil {
		return false, err
	}
	if _, opens := c.Command.(Open); w.seq == 0 && !opens {
		return false, notOpen(w.id)
	}
	if done, err := d.advance(d.at, maxPeriods); err != nil || !done {
		return false, err
	}
	d.own = len(d.out)
	if below(c.Command) == 0 && !w.closed.read() {
		return false, corrupt("wallet %q: the lots that were used up cannot be read", w.id)
	}
	d.quoted.Seq = w.seq
	if p := w.plan(); p != nil {
		d.quoted.Plan, d.quoted.Version = p.ID, p.Version
	}
	err = d.resume()
	if err == nil {
		err = c.Command.decide(d)
	}
	if w, ok := err.(*waiting); ok {
		d.waits, err = w.purchase, nil
	}
	if err == nil && len(d.out) > d.own { // what only waits is decided again
		err = d.checkQuote()
	}
	if err != nil {
		return false, err
	}
	if len(d.out) == d.own && d.waits == 0 {
		return false, corrupt("command %s decided nothing", c.Command.verb())
	}
	return true, nil
}

// resume makes a call wait for the purchase that it intended before.
func (d *decision) resume() error {
	p := d.w.undecided(func(p *purchase) bool { return p.waits() && p.key == d.call.Key })
	if p == nil {
		return nil
	}
	kept, err := decodeFingerprint(p.Request)
	if err != nil {
		return err
	}
	if field := differs(d.call.Command, kept); field != "" {
		return keyReused(d.call.Key, field)
	}
	return d.await(p)
}

// plan returns the wallet's plan; nil if it is not open.
func (s *state) plan() *Plan {
	if s.terms == nil {
		return nil
	}
	return &s.terms.Plan
}

// below returns what a command needs of the parts of a wallet: lots that were used
// up long ago only where it may name them.
func below(c Command) uint64 {
	if ask, ok := c.(Ask); ok { // what it asks for is rehearsed
		c = ask.Command
	}
	switch c.(type) {
	case *Reverse, *Revoke, *Refund:
		return 0
	case Reverse, Revoke, Refund, Approve:
		return 0
	default:
		return closedPart
	}
}

// history yields the entries that were fetched for the call, and those that fell due by it.
func (d *decision) history(yield func(*Entry) bool) {
	for i := range d.call.Past {
		if !yield(&d.call.Past[i]) {
			return
		}
	}
	for i := range d.out {
		if !yield(&d.out[i].Entry) {
			return
		}
	}
}

// emit completes an entry, folds it into the wallet and keeps it.
func (d *decision) emit(e Entry) error {
	r := d.next()
	r.Entry = e
	return d.emitNext(r)
}

// emitNext is emit for the entry of the record that comes next.
func (d *decision) emitNext(r *record) error {
	if len(r.Lines) > maxLines {
		d.out = d.out[:len(d.out)-1]
		return &InvalidError{Field: "amount", Reason: "would take more than 1,000 lines", Err: ErrLimit}
	}
	r.At = instant(d.at)
	r.plain()
	if d.own >= 0 {
		r.Key = d.call.Key
		if now := micros(d.call.Now); now < d.at {
			r.Clock = instant(now)
		}
		if r.Actor = d.call.Actor; r.Actor != (Actor{}) || !r.Note.isZero() {
			r.note = appendNote(nil, d.salt(d.w.seq+1), r.Actor, r.Note)
			r.Seal = seal(r.note)
		}
	}
	return d.keep(r)
}

// next returns the record that comes next, empty.
func (d *decision) next() *record {
	d.out = append(d.out, record{})
	return &d.out[len(d.out)-1]
}

// plain leaves nothing of the host's in an entry, and nothing empty: it is as it
// would be read from a store.
func (e *Entry) plain() {
	if e.Factors != nil {
		e.Factors = maps.Clone(e.Factors)
	}
	if e.Note.Labels != nil {
		e.Note.Labels = maps.Clone(e.Note.Labels)
	}
	if len(e.Lines) == 0 {
		e.Lines = nil
	}
	if len(e.Factors) == 0 {
		e.Factors = nil
	}
	if len(e.Note.Labels) == 0 {
		e.Note.Labels = nil
	}
}

// emitDue is emit for what time does: it has no key, actor or clock.
func (d *decision) emitDue(at int64, e Entry) error {
	r := d.next()
	r.Entry = e
	r.At = instant(at)
	return d.keep(r)
}

// keep completes the last record and folds its entry into the wallet.
func (d *decision) keep(r *record) error {
	d.touched = true
	r.Wallet, r.Seq = d.w.id, d.w.seq+1
	if err := d.w.fold(&r.Entry, true); err != nil {
		d.out = d.out[:len(d.out)-1]
		if d.own < 0 || errors.Is(err, errBroken) { // nobody asked for this
			return fmt.Errorf("%w: wallet %q: %w", ErrCorrupt, d.w.id, err)
		}
		return err
	}
	from := len(d.mem)
	d.mem = appendEntry(append(slices.Grow(d.mem, 160), d.w.chain[:]...), &r.Entry)
	d.w.chain = sha256.Sum256(d.mem[from:]) // as link does, in place
	r.body = d.mem[from+len(d.w.chain) : len(d.mem) : len(d.mem)]
	return nil
}

// salt returns the salt of an entry's seal.
func (d *decision) salt(seq ID) []byte {
	if c := d.call.salts; c != nil {
		d.call.Salt, d.call.salts = c.saltOf(&c.task), nil
	}
	var b [40]byte
	copy(b[:], d.call.Salt[:])
	binary.BigEndian.PutUint64(b[32:], uint64(seq))
	sum := sha256.Sum256(b[:])
	return sum[:16]
}

// refuse returns a refusal of the wallet.
func (d *decision) refuse(r Reason, detail string) *RefusedError {
	return &RefusedError{Wallet: d.w.id, Reason: r, Detail: detail}
}

// debit is what a spend, a hold or a capture draws.
type debit struct {
	unit    Unit
	feature string
	scope   string
	amount  Amount
}

// take returns the lines that draw a debit from lots, in burn order, and what
// they do not cover. It changes nothing.
func (d *decision) take(x debit, to Account) (lines []Line, short Amount) {
	left := x.amount
	for _, slot := range d.w.burn {
		if left == 0 {
			break
		}
		l := d.w.lots.at(int(slot))
		if l.available == 0 || !l.applies(x.unit, x.feature, x.scope) {
			continue
		}
		n := min(left, l.available)
		if lines == nil {
			lines = make([]Line, 0, 1)
		}
		lines = append(lines, Line{Lot: l.id, From: Available, To: to, Amount: n})
		left -= n
	}
	return lines, left
}

// available returns what a debit could draw on.
func (s *state) available(x debit) (sum Amount) {
	for _, slot := range s.burn {
		if l := s.lots.at(int(slot)); l.applies(x.unit, x.feature, x.scope) {
			sum += l.available
		}
	}
	return sum
}

// open emits an entry that opens a lot, filled unless it starts later.
func (d *decision) open(e Entry, at int64) error {
	e.Opens.ID, e.Opens.Unit = d.w.seq+1, e.Unit
	e.Opens.Priority = priorityOf(e.Opens.Priority, e.Opens.Scope, e.Opens.Features)
	slices.Sort(e.Opens.Features)
	if micros(e.Opens.Starts) <= at {
		e.Lines = append(e.Lines, Line{Lot: e.Opens.ID, From: Issued, To: Available, Amount: e.Opens.Amount})
	}
	id := e.Opens.ID
	if d.own >= 0 && !d.taken {
		d.adds = true
		if d.w.lots.count >= maxLots {
			return beyond("wallet", "has 10,000 open lots")
		}
	}
	if err := d.emitEither(at, e); err != nil {
		return err
	}
	return d.repay(id, at)
}

// repay lets what a lot has available pay what is owed and could have been paid
// from it, the oldest debt first.
func (d *decision) repay(id ID, at int64) error {
	for {
		slot, ok := d.w.find(id)
		if !ok {
			return nil
		}
		l := d.w.lots.at(slot)
		i := slices.IndexFunc(d.w.debts, func(o debt) bool { return l.applies(o.unit, o.feature, o.scope) })
		if l.available == 0 || i < 0 {
			return nil
		}
		o := d.w.debts[i]
		e := Entry{
			Kind: KindRepaid, Of: o.spend, Unit: o.unit, Feature: o.feature, Scope: o.scope,
			Lines: []Line{{Lot: id, From: Available, To: Debt, Amount: min(l.available, o.amount)}},
		}
		if err := d.emitEither(at, e); err != nil {
			return err
		}
	}
}

// emitEither emits an entry as the call's own, or as due before its own begin.
func (d *decision) emitEither(at int64, e Entry) error {
	if d.own < 0 {
		return d.emitDue(at, e)
	}
	return d.emit(e)
}
