package credits

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"
)

// Ask files a request that somebody is to approve or, without a command, an
// interest, such as in a plan that people sell. It moves no credits: [Approve]
// carries it out. Its receipt's ID is the request. The entries of requests are
// the records for the host's CRM: see [Ledger.Feed].
//
// Who may ask is up to the plan's rules: an actor may ask for what a rule lets him
// have with a security code, which takes a Proof, by request, which takes none, or
// directly. A command that can never succeed is refused as it would be itself; one
// that would be refused now, only if it has a Proof.
//
// The same asked again, with the same contact, while it is open returns the request
// that there is. A wallet has one open code for each verb: asking again puts another command, proof and
// end in place of those that there were, and goes on counting wrong codes; once too
// many were given it is refused with [CodeStale] until the request's own end.
type Ask struct {
	Command Command   // not a spend, nor what looks back in history; without a note. Nil for an interest
	About   string    // of an interest: the ID of a plan, or words such as "change plan"; at most 1,024 bytes
	Contact string    // a reference by which the host reaches who asks, not an address: it cannot be erased; at most 255 bytes
	Until   time.Time // when it becomes stale; default never, and needed with a Proof
	Proof   [32]byte  // what Approve has to bring, such as a keyed hash of a code; its SHA-256 is kept. Zero for nothing
	Tries   int       // how many wrong proofs it survives, less one: that one burns it; 1 to 100, default 5
	Note    Note
}

// Approve carries out what was asked, once, in the same commit, and its receipt is
// that of the command. The command's entries have the note of the approval.
//
// Of a request with a proof it takes the right one, from somebody whom the rules
// still let have it with a code: else it is refused with [CodeWrong], and when the request was burnt, used or is too old with
// [CodeStale]. Both are facts, written under the key, while the request is open;
// in a transaction of the host's they are kept if that commits. A preview tells
// whether a proof is right and counts nothing: it is not for people. Any other request
// takes an operator, the system or the host.
type Approve struct {
	Request ID
	Proof   [32]byte
	Command Command // instead of what was asked, such as the plan that was negotiated; for a request without a proof
	Note    Note    // of an operator, with a reason
}

// Dismiss ends a request without carrying it out. It takes an operator, the
// system or the host, and a reason.
type Dismiss struct {
	Request ID   `json:"request"`
	Note    Note `json:"note,omitzero"`
}

// Request is something that was asked. Who did, and why, is with the entry that
// has its ID.
type Request struct {
	ID      ID
	State   RequestState
	Command []byte    // what was asked, as [ParseCommand] reads it; empty for an interest
	About   string    // the plan of an interest, or words
	Contact string    // a reference by which the host reaches who asked
	At      time.Time // when it was filed first
	Until   time.Time // when it becomes stale; zero if never
	Proof   [32]byte  // SHA-256 of what an approval has to bring; zero for nothing
	Tries   int       // the how many-th wrong proof burns it; 0 if it takes none
	Wrong   int       // how many were given
}

// RequestState is where a request stands.
type RequestState uint8

// The states.
const (
	Asked     RequestState = iota + 1
	Approved               // carried out
	Dismissed              // with a reason
	Stale                  // its time has passed
	requestStates
)

const (
	defaultTries = 5
	maxTries     = 100
	maxCommand   = 32 << 10  // bytes of the JSON form of what is asked
	maxCommands  = 512 << 10 // of all that is asked of a wallet
)

func (c Ask) verb() string     { return "ask" }
func (c Approve) verb() string { return "approve" }
func (c Dismiss) verb() string { return "dismiss" }

func (c Ask) request(r *request) {
	r.command(c.Command)
	r.text("about", c.About)
	r.text("contact", c.Contact)
	r.time("until", c.Until)
	r.proof(c.Proof)
	if c.Proof != [32]byte{} {
		r.num("tries", int64(c.tries()))
	}
	r.note(c.Note)
}

func (c Approve) request(r *request) {
	r.id("request", c.Request)
	r.proof(c.Proof)
	r.command(c.Command)
	r.note(c.Note)
}

func (c Dismiss) request(r *request) {
	r.id("request", c.Request)
	r.note(c.Note)
}

// command writes a command that a command carries: all of it but its note, which
// has to be empty.
func (r *request) command(c Command) {
	c, err := plain(c)
	r.field("command", err == nil, func() {
		sum := fingerprintOf(c).sum
		r.w.text(string(sum[:]))
	})
}

func (r *request) proof(p [32]byte) {
	r.field("proof", p != [32]byte{}, func() { r.w.text(string(p[:])) })
}

func (c Ask) tries() int {
	if c.Tries == 0 {
		return defaultTries
	}
	return c.Tries
}

// coded reports whether a request takes a proof.
func (q *Request) coded() bool { return q.Tries > 0 }

// burnt reports whether too many wrong proofs were given.
func (q *Request) burnt() bool { return q.coded() && q.Wrong >= q.Tries }

func (c Ask) check(now int64) error {
	if err := checkText("about", c.About, maxReason); err != nil {
		return err
	}
	if err := checkText("contact", c.Contact, maxName); err != nil {
		return err
	}
	if err := c.Note.check(); err != nil {
		return err
	}
	coded := c.Proof != [32]byte{}
	switch {
	case c.Command == nil && c.About == "":
		return invalid("about", "is empty, and there is no command")
	case !c.Until.IsZero() && (!inTime(c.Until) || micros(c.Until) <= now):
		return invalid("until", "is not after now")
	case c.Tries < 0 || c.Tries > maxTries:
		return invalid("tries", "are not 1 to %d", maxTries)
	case !coded && c.Tries != 0:
		return invalid("tries", "are set, and proof is not")
	case coded && c.Command == nil:
		return invalid("proof", "is set, and there is no command")
	case coded && c.Until.IsZero():
		return invalid("until", "is not set, and a proof has an end")
	}
	return nil
}

func (c Ask) decide(d *decision) error {
	if err := c.check(d.at); err != nil {
		return err
	}
	q := Request{
		State: Asked, About: c.About, Contact: c.Contact, At: instant(d.at), Until: truncated(c.Until),
	}
	if c.Proof != [32]byte{} {
		q.Proof, q.Tries = sha256.Sum256(c.Proof[:]), c.tries()
	}
	var cmd Command
	if c.Command != nil {
		var err error
		if cmd, q.Command, err = asked(c.Command); err != nil {
			return err
		}
	}
	if err := d.mayAsk(cmd, &q); err != nil {
		return err
	}
	if cmd != nil {
		err := d.rehearse(cmd)
		if _, refused := err.(*RefusedError); err != nil && (q.coded() || !refused) {
			return nested(err)
		}
	}
	return d.file(q, cmd, c.Note)
}

// mayAsk refuses a request that the call's actor may not file.
func (d *decision) mayAsk(cmd Command, q *Request) error {
	if cmd == nil {
		return d.may(ActInterest, q.About)
	}
	a, target := d.actionOf(cmd)
	via, err := d.way(a, target)
	switch {
	case err != nil:
		return err
	case via == ByCode && !q.coded():
		return d.denied(CodeNeeded, Remedy{Kind: RemedyCode})
	case via == ByRequest && q.coded():
		return d.denied(RequestNeeded, Remedy{Kind: RemedyRequest})
	}
	return nil
}

// rehearse returns why a command would not succeed now if it was approved. It
// changes nothing.
func (d *decision) rehearse(cmd Command) error {
	call := *d.call
	call.Command, call.Bound = cmd, false
	try := &decision{w: d.w.copy(), call: &call, at: d.at, quoted: d.quoted, approved: cmd}
	err := cmd.decide(try)
	if _, waits := err.(*waiting); err == nil || waits {
		return try.checkQuote()
	}
	return err
}

// file emits a request, or once more one that is open.
func (d *decision) file(q Request, cmd Command, n Note) error {
	w := d.w
	d.made, d.noted, q.ID = w.seq+1, w.seq+1, w.seq+1
	if open := w.openLike(&q, cmd); open != nil {
		if open.burnt() {
			return d.denied(CodeStale, Remedy{Kind: RemedyWait, Until: open.Until})
		}
		if !q.coded() {
			q = *open
		}
		q.ID, q.At, q.Tries, q.Wrong = open.ID, open.At, open.Tries, open.Wrong
		d.made = q.ID
		return d.emit(Entry{Kind: KindAsked, Of: q.ID, Request: &q, Note: n})
	}
	if len(w.open.requests) >= maxRequests {
		return beyond("wallet", "has %d requests that are not answered", maxRequests)
	}
	size := len(q.Command)
	for _, o := range w.open.requests {
		size += len(o.Command)
	}
	if size > maxCommands {
		return beyond("wallet", "has requests of more than 512 KiB that are not answered")
	}
	d.adds = true
	return d.emit(Entry{Kind: KindAsked, Request: &q, Note: n})
}

// openLike returns the open request that q is once more: with a proof one for
// the same verb, so that asking again does not bring more tries, else one that
// asks the same; nil if there is none.
func (s *state) openLike(q *Request, cmd Command) *Request {
	for _, o := range s.open.requests {
		if o.coded() != q.coded() || len(o.Command) == 0 != (cmd == nil) {
			continue
		}
		if cmd == nil {
			if o.About == q.About && o.Contact == q.Contact {
				return o
			}
			continue
		}
		other, err := ParseCommand(o.Command)
		switch {
		case err != nil: // asked of another version of this package
		case q.coded() && other.verb() == cmd.verb():
			return o
		case !q.coded() && o.About == q.About && o.Contact == q.Contact &&
			fingerprintOf(withoutQuote(other)).sum == fingerprintOf(withoutQuote(cmd)).sum:
			return o
		}
	}
	return nil
}

// openRequest returns an open request; nil if there is none of that number.
func (s *state) openRequest(id ID) *Request {
	for _, q := range s.open.requests {
		if q.ID == id {
			return q
		}
	}
	return nil
}

// answered returns the error of a request that is not open.
func (d *decision) answered(id ID) error {
	var last *Request
	coded := false
	for e := range d.history {
		if q := e.Request; q != nil && q.ID == id {
			last, coded = q, coded || q.coded()
		}
	}
	switch {
	case last == nil:
		return &InvalidError{Field: "request", Reason: "is none of this wallet", Err: ErrNotFound}
	case coded && last.State != Dismissed:
		return d.denied(CodeStale, Remedy{Kind: RemedyCode})
	default:
		return d.refuse(Ended, "the request was "+last.State.String())
	}
}

func (c Approve) check() error {
	if err := c.Note.check(); err != nil {
		return err
	}
	switch {
	case c.Request == 0:
		return invalid("request", "is not set")
	case c.Command != nil && c.Proof != [32]byte{}:
		return invalid("command", "and proof are both set")
	}
	return nil
}

func (c Approve) decide(d *decision) error {
	if err := c.check(); err != nil {
		return err
	}
	var cmd Command
	if c.Command != nil {
		var err error
		if cmd, _, err = asked(c.Command); err != nil {
			return err
		}
	}
	coded := c.Proof != [32]byte{}
	if !coded {
		if err := d.may(actOperate, ""); err != nil {
			return err
		}
	}
	q := d.w.openRequest(c.Request)
	switch {
	case q == nil:
		return d.answered(c.Request)
	case q.coded() && !coded:
		return invalid("proof", "is not set, and the request takes one")
	case !q.coded() && coded:
		return invalid("proof", "is set, and the request takes none")
	case cmd == nil && len(q.Command) == 0:
		return invalid("command", "is not set, and the request is an interest")
	}
	if cmd == nil {
		var err error
		if cmd, err = ParseCommand(q.Command); err != nil {
			return corrupt("wallet %q: request %d: %v", d.w.id, q.ID, err)
		}
	}
	if coded {
		if err := d.mayAsk(cmd, q); err != nil {
			return err
		}
		proof := sha256.Sum256(c.Proof[:])
		if right := subtle.ConstantTimeCompare(proof[:], q.Proof[:]) == 1; !right || q.burnt() {
			return d.mistake(q, c.Note)
		}
	}
	return d.carryOut(q, cmd, c.Note)
}

// mistake counts a wrong proof, or a proof of a request that is burnt.
func (d *decision) mistake(q *Request, n Note) error {
	left := q.Tries - q.Wrong - 1
	reason, detail := CodeWrong, fmt.Sprintf("attempts left: %d", left)
	if q.burnt() {
		reason, detail = CodeStale, "too many wrong ones were given"
	}
	d.made = d.w.seq + 1
	e := Entry{Kind: KindMistaken, Of: q.ID, Request: &Request{ID: q.ID, State: Asked, Tries: q.Tries, Wrong: q.Wrong + 1}, Note: n}
	if err := d.emit(e); err != nil {
		return err
	}
	d.refused = d.refuse(reason, detail)
	d.refused.Kept = true
	if left <= 0 {
		d.refused.Remedies = []Remedy{{Kind: RemedyWait, Until: q.Until}}
	}
	return nil
}

// carryOut carries out the command of a request, and ends the request. One that
// waits for a purchase of its own is carried out: the purchase brings what was
// asked when it is paid. One that waits for another purchase is not.
func (d *decision) carryOut(q *Request, cmd Command, n Note) error {
	cmd, ok := withNote(cmd, n)
	if !ok {
		return corrupt("wallet %q: request %d cannot be carried out", d.w.id, q.ID)
	}
	d.approved = cmd
	begun := len(d.begun)
	err := cmd.decide(d)
	if _, waits := err.(*waiting); err != nil && (!waits || len(d.begun) == begun) {
		if waits {
			return err
		}
		return nested(err)
	}
	if failed := d.ends(q, Approved, n); failed != nil {
		return failed
	}
	return err
}

// ends emits how a request was answered.
func (d *decision) ends(q *Request, as RequestState, n Note) error {
	return d.emit(Entry{
		Kind: KindAnswered, Of: q.ID, Note: n,
		Request: &Request{ID: q.ID, State: as, Tries: q.Tries, Wrong: q.Wrong},
	})
}

func (c Dismiss) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	switch {
	case c.Request == 0:
		return invalid("request", "is not set")
	case c.Note.Reason == "":
		return invalid("note.reason", "is empty: who asked is to know why")
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	q := d.w.openRequest(c.Request)
	if q == nil {
		return d.answered(c.Request)
	}
	d.made, d.noted = q.ID, d.w.seq+1
	return d.ends(q, Dismissed, c.Note)
}

// nested returns the error of a command that a command carries.
func nested(err error) error {
	faults := faultsWithin("command", err)
	if len(faults) == 1 {
		return faults[0]
	}
	return errors.Join(faults...)
}
