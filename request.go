package credits

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"time"
)

// request is what a key is bound to: the verb, every field with its default
// filled in, the actor. Neither time nor version is part of it.
type request struct {
	w     writer
	names []string
	ends  []int
}

func (r *request) done(name string) {
	r.names, r.ends = append(r.names, name), append(r.ends, len(r.w.b))
}

func (r *request) text(name, v string)          { r.w.text(v); r.done(name) }
func (r *request) id(name string, v ID)         { r.w.uint(uint64(v)); r.done(name) }
func (r *request) num(name string, v int64)     { r.w.int(v); r.done(name) }
func (r *request) flag(name string, v bool)     { r.w.bool(v); r.done(name) }
func (r *request) amount(name string, v Amount) { r.num(name, int64(v)) }

func (r *request) time(name string, t time.Time) { r.w.optTime(t); r.done(name) }

func (r *request) money(name string, m Money) { r.w.money(m); r.done(name) }

func (r *request) texts(name string, all []string) {
	sorted := slices.Sorted(slices.Values(all))
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

func (r *request) note(n Note) {
	r.text("note.ref", n.Ref)
	r.text("note.reason", n.Reason)
	r.w.uint(uint64(len(n.Labels)))
	if len(n.Labels) > 0 {
		for _, k := range slices.Sorted(maps.Keys(n.Labels)) {
			r.w.text(k)
			r.w.text(n.Labels[k])
		}
	}
	r.done("note.labels")
}

// fingerprint is what is kept of a request: a hash of it all, and a short one of
// each field, to name the one that differs.
type fingerprint struct {
	sum    [16]byte
	fields []uint32
}

func requestOf(a Actor, c Command) *request {
	r := &request{w: writer{make([]byte, 0, 256)}, names: make([]string, 0, 16), ends: make([]int, 0, 16)}
	r.text("command", c.verb())
	r.text("actor.id", a.ID)
	r.text("actor.role", a.Role)
	c.request(r)
	return r
}

func (r *request) fingerprint() fingerprint {
	all := sha256.Sum256(r.w.b)
	f := fingerprint{sum: [16]byte(all[:16]), fields: make([]uint32, len(r.ends))}
	start := 0
	for i, end := range r.ends {
		h := fnv.New32a()
		h.Write(r.w.b[start:end])
		f.fields[i], start = h.Sum32(), end
	}
	return f
}

// differs returns the name of the first field of r that a kept request had
// otherwise; empty if they are the same.
func (r *request) differs(kept fingerprint) string {
	now := r.fingerprint()
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

// AppendCommand appends the JSON form of a command, which names its verb, such as
// {"spend":{"amount":"2.5"}}. It is what [ParseCommand] reads.
func AppendCommand(b []byte, c Command) ([]byte, error) {
	if c == nil {
		return b, invalid("command", "is nil")
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
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, planSyntax(err)
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
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return nil, planSyntax(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, invalid("", "there is something after the command")
	}
	return c, nil
}
