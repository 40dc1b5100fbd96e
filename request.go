package credits

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// request is what a key is bound to: the verb and every field with its default
// filled in. Neither time nor version is part of it. Actor and note are bound to
// the key as well, by the entry that has them, and can be erased there.
type request struct {
	w      writer
	start  int      // of the field that is being written
	fields []uint32 // a short hash of each field
	names  []string // of the fields, if they are wanted
	naming bool
	noted  Note
}

// done ends a field.
func (r *request) done(name string) {
	const basis, prime = 2166136261, 16777619 // FNV-1a
	h := uint32(basis)
	for _, c := range r.w.b[r.start:] {
		h = (h ^ uint32(c)) * prime
	}
	r.fields, r.start = append(r.fields, h), len(r.w.b)
	if r.naming {
		r.names = append(r.names, name)
	}
}

func (r *request) text(name, v string)          { r.w.text(v); r.done(name) }
func (r *request) id(name string, v ID)         { r.w.uint(uint64(v)); r.done(name) }
func (r *request) num(name string, v int64)     { r.w.int(v); r.done(name) }
func (r *request) flag(name string, v bool)     { r.w.bool(v); r.done(name) }
func (r *request) amount(name string, v Amount) { r.num(name, int64(v)) }

func (r *request) time(name string, t time.Time) { r.w.optTime(t); r.done(name) }

func (r *request) money(name string, m Money) { r.w.money(m); r.done(name) }

func (r *request) texts(name string, all []string) {
	sorted := slices.Compact(slices.Sorted(slices.Values(all)))
	r.w.uint(uint64(len(sorted)))
	for _, s := range sorted {
		r.w.text(s)
	}
	r.done(name)
}

func (r *request) factors(name string, m map[string]int64) {
	r.w.uint(uint64(len(m)))
	if len(m) > 0 {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			r.w.text(k)
			r.w.int(m[k])
		}
	}
	r.done(name)
}

// note is the note of the command. It is no part of what is kept of a request,
// which could not be erased: see differsSealed.
func (r *request) note(n Note) { r.noted = n }

// fingerprint is what is kept of a request: a hash of it all, and a short one of
// each field, to name the one that differs.
type fingerprint struct {
	sum    [16]byte
	fields []uint32
}

// fingerprintOf returns the fingerprint of a command.
func fingerprintOf(c Command) fingerprint {
	r := request{w: writer{make([]byte, 0, 256)}, fields: make([]uint32, 0, 16)}
	return r.fingerprint(c)
}

func (r *request) fingerprint(c Command) fingerprint {
	r.text("command", c.verb())
	c.request(r)
	all := sha256.Sum256(r.w.b)
	return fingerprint{sum: [16]byte(all[:16]), fields: r.fields}
}

// differs returns the name of the first field in which a kept request was
// otherwise than this one; empty if they are the same.
func differs(c Command, kept fingerprint) string {
	r := request{naming: true}
	now := r.fingerprint(c)
	if now.sum == kept.sum {
		return ""
	}
	for i, name := range r.names {
		if i >= len(kept.fields) || now.fields[i] != kept.fields[i] {
			return name
		}
	}
	return "command"
}

// differsSealed returns the name of the first field of actor and note in which
// the entry that a command made was otherwise; empty if they are the same, or were erased.
func differsSealed(a Actor, c Command, e *Entry) string {
	var r request
	c.request(&r)
	n := r.noted
	if e.Seal != [32]byte{} && e.Actor == (Actor{}) && e.Note.isZero() {
		return ""
	}
	_, reverses := c.(Reverse) // its entry has the labels of the spend
	switch {
	case a.ID != e.Actor.ID:
		return "actor.id"
	case a.Role != e.Actor.Role:
		return "actor.role"
	case n.Ref != e.Note.Ref:
		return "note.ref"
	case n.Reason != e.Note.Reason:
		return "note.reason"
	case !reverses && !maps.Equal(n.Labels, e.Note.Labels):
		return "note.labels"
	}
	return ""
}

// plain returns a command as the value that it is: commands are values, and what
// points to one is taken for it.
func plain(c Command) (Command, error) {
	switch p := c.(type) {
	case *Open:
		return valueOf(p)
	case *Spend:
		return valueOf(p)
	case *Reserve:
		return valueOf(p)
	case *Capture:
		return valueOf(p)
	case *Release:
		return valueOf(p)
	case *Reverse:
		return valueOf(p)
	case *Grant:
		return valueOf(p)
	case *Revoke:
		return valueOf(p)
	case *CarryOver:
		return valueOf(p)
	case *Buy:
		return valueOf(p)
	case *Refund:
		return valueOf(p)
	case *SetAutoPurchase:
		return valueOf(p)
	case *SetZone:
		return valueOf(p)
	case *Erase:
		return valueOf(p)
	case nil:
		return nil, invalid("command", "is nil")
	default:
		return c, nil
	}
}

func valueOf[C Command](p *C) (Command, error) {
	if p == nil {
		return nil, invalid("command", "is nil")
	}
	return *p, nil
}

// AppendCommand appends the JSON form of a command, which names its verb, such as
// {"spend":{"amount":"2.5"}}. It is what [ParseCommand] reads.
func AppendCommand(b []byte, c Command) ([]byte, error) {
	c, err := plain(c)
	if err != nil {
		return b, err
	}
	data, err := json.Marshal(map[string]Command{c.verb(): c})
	if err != nil {
		return b, invalid(c.verb(), "%v", err)
	}
	return append(b, data...), nil
}

// ParseCommand parses the JSON form of a command: an object whose one field is
// the verb, such as {"spend": {"amount": "2.5"}}. Instants are RFC 3339. Fields
// it does not know are [ErrInvalid].
func ParseCommand(data []byte) (Command, error) {
	var form map[string]json.RawMessage
	if err := strictJSON(data, &form); err != nil {
		return nil, err
	}
	if len(form) != 1 {
		return nil, invalid("", "a command has one verb, not %d", len(form))
	}
	for verb, fields := range form {
		c, err := parseVerb(verb, fields)
		return c, within(verb, err)
	}
	return nil, nil
}

func parseVerb(verb string, fields []byte) (Command, error) {
	switch verb {
	case Open{}.verb():
		return parseFields[Open](fields)
	case Spend{}.verb():
		return parseFields[Spend](fields)
	case Reserve{}.verb():
		return parseFields[Reserve](fields)
	case Capture{}.verb():
		return parseFields[Capture](fields)
	case Release{}.verb():
		return parseFields[Release](fields)
	case Reverse{}.verb():
		return parseFields[Reverse](fields)
	case Grant{}.verb():
		return parseFields[Grant](fields)
	case Revoke{}.verb():
		return parseFields[Revoke](fields)
	case CarryOver{}.verb():
		return parseFields[CarryOver](fields)
	case Buy{}.verb():
		return parseFields[Buy](fields)
	case Refund{}.verb():
		return parseFields[Refund](fields)
	case SetAutoPurchase{}.verb():
		return parseFields[SetAutoPurchase](fields)
	case SetZone{}.verb():
		return parseFields[SetZone](fields)
	case Erase{}.verb():
		return parseFields[Erase](fields)
	default:
		return nil, &InvalidError{Reason: "is not a verb", Err: ErrNotFound}
	}
}

func parseFields[C Command](data []byte) (Command, error) {
	var c C
	if err := strictJSON(data, &c); err != nil {
		return nil, err
	}
	return c, nil
}
