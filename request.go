package credits

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// request is what a key is bound to: the verb and every field that is not unset,
// by name, so that a version with more fields finds the same. Neither time nor
// version is part of it. Actor and note are bound to the key as well, by the
// entry that has them, and can be erased there.
type request struct {
	w      writer
	start  int        // of the field that is being written
	fields []fieldSum // of the fields that are set
	names  []string   // of all fields, if they are wanted
	naming bool
	with   Note
}

// fieldSum is a short hash of a field's name and one of both name and value: to
// name a field that differs.
type fieldSum struct {
	name  uint16
	value uint32
}

// field writes a field, if it is set.
func (r *request) field(name string, set bool, write func()) {
	if r.naming {
		r.names = append(r.names, name)
	}
	if !set {
		return
	}
	r.w.text(name)
	write()
	r.fields = append(r.fields, fieldSum{nameSum(name), fnv(r.w.b[r.start:])})
	r.start = len(r.w.b)
}

// nameSum returns the short hash of a field's name.
func nameSum(name string) uint16 {
	h := fnv(name)
	return uint16(h ^ h>>16)
}

// fnv returns the FNV-1a hash of s.
func fnv[S string | []byte](s S) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

func (r *request) text(name, v string)      { r.field(name, v != "", func() { r.w.text(v) }) }
func (r *request) id(name string, v ID)     { r.field(name, v != 0, func() { r.w.uint(uint64(v)) }) }
func (r *request) num(name string, v int64) { r.field(name, v != 0, func() { r.w.int(v) }) }
func (r *request) flag(name string, v bool) { r.field(name, v, func() { r.w.bool(v) }) }

func (r *request) amount(name string, v Amount) { r.num(name, int64(v)) }

func (r *request) time(name string, t time.Time) {
	r.field(name, !t.IsZero(), func() { r.w.time(t) })
}

func (r *request) money(name string, m Money) {
	r.field(name, m != Money{}, func() { r.w.money(m) })
}

func (r *request) ids(name string, all []ID) {
	r.field(name, len(all) > 0, func() {
		r.w.uint(uint64(len(all)))
		for _, id := range all {
			r.w.uint(uint64(id))
		}
	})
}

func (r *request) texts(name string, all []string) {
	r.field(name, len(all) > 0, func() {
		sorted := slices.Compact(slices.Sorted(slices.Values(all)))
		r.w.uint(uint64(len(sorted)))
		for _, s := range sorted {
			r.w.text(s)
		}
	})
}

func (r *request) factors(name string, m map[string]int64) {
	r.field(name, len(m) > 0, func() {
		r.w.uint(uint64(len(m)))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			r.w.text(k)
			r.w.int(m[k])
		}
	})
}

// note is the note of the command. It is no part of what is kept of a request,
// which could not be erased: see differsSealed.
func (r *request) note(n Note) { r.with = n }

// fingerprint is what is kept of a request: a hash of it all, and short ones of
// its fields.
type fingerprint struct {
	sum    [16]byte
	fields []fieldSum
}

// fingerprintOf returns the fingerprint of a command.
func fingerprintOf(c Command) fingerprint {
	return new(request).fingerprint(c)
}

// keyReused returns the error of a key that was used for another command.
func keyReused(key Key, field string) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf("differs from what key %q was used for", key), Err: ErrKeyReused}
}

// form returns the stored form of a fingerprint.
func (f fingerprint) form() []byte {
	w := writer{make([]byte, 0, f.size())}
	w.fingerprint(f)
	return w.b
}

// size returns how long the stored form is.
func (f fingerprint) size() int {
	n := len(f.sum) + 1 + 6*len(f.fields)
	for many := len(f.fields); many > 127; many >>= 7 {
		n++
	}
	return n
}

func decodeFingerprint(b []byte) (f fingerprint, err error) {
	r := reader{b: b}
	if f = r.fingerprint(); r.bad || len(r.b) > 0 {
		return f, corrupt("fingerprint is cut or has something after it")
	}
	return f, nil
}

func (w *writer) fingerprint(f fingerprint) {
	w.b = append(w.b, f.sum[:]...)
	w.uint(uint64(len(f.fields)))
	for _, sum := range f.fields {
		w.b = binary.BigEndian.AppendUint16(w.b, sum.name)
		w.b = binary.BigEndian.AppendUint32(w.b, sum.value)
	}
}

func (r *reader) fingerprint() (f fingerprint) {
	copy(f.sum[:], r.take(len(f.sum)))
	for range r.count() {
		if sum := r.take(6); len(sum) == 6 {
			f.fields = append(f.fields, fieldSum{binary.BigEndian.Uint16(sum), binary.BigEndian.Uint32(sum[2:])})
		}
	}
	return f
}

// plan writes a plan that a command carries.
func (r *request) plan(name string, p Plan) {
	form := p.ID
	if t, err := pack(p.normal()); err == nil {
		form = string(t.json)
	}
	r.text(name, form)
}

// fingerprint returns the fingerprint of a command, in memory of r.
func (r *request) fingerprint(c Command) fingerprint {
	*r = request{w: writer{r.w.b[:0]}, fields: r.fields[:0], naming: r.naming}
	r.text("command", c.verb())
	c.request(r)
	all := sha256.Sum256(r.w.b)
	return fingerprint{sum: [16]byte(all[:16]), fields: r.fields}
}

// differs returns the name of a field in which a kept request was otherwise than
// this one; empty if they are the same.
func differs(c Command, kept fingerprint) string {
	r := request{naming: true}
	now := r.fingerprint(c)
	if now.sum == kept.sum {
		return ""
	}
	for _, name := range r.names {
		is := func(f fieldSum) bool { return f.name == nameSum(name) }
		i, j := slices.IndexFunc(now.fields, is), slices.IndexFunc(kept.fields, is)
		if (i < 0) != (j < 0) || i >= 0 && now.fields[i] != kept.fields[j] {
			return name
		}
	}
	return "command"
}

// differsSealed returns the name of the first field of actor and note in which
// the entry that a command made was otherwise; empty if they are the same, or
// were erased.
func differsSealed(a Actor, c Command, e *Entry) string {
	if e.Seal != [32]byte{} && e.Actor == (Actor{}) && e.Note.isZero() {
		return ""
	}
	var r request
	c.request(&r)
	n := r.with
	inherits := false // the entry has the labels of another
	switch c.(type) {
	case Reverse, Capture:
		inherits = len(n.Labels) == 0
	}
	if e.Kind == KindIntended && e.Purchase.Auto { // it has the actor of its command, and not the note
		n = e.Note
	}
	switch {
	case a.ID != e.Actor.ID:
		return "actor.id"
	case a.Role != e.Actor.Role:
		return "actor.role"
	case n.Ref != e.Note.Ref:
		return "note.ref"
	case n.Reason != e.Note.Reason:
		return "note.reason"
	case !inherits && !maps.Equal(n.Labels, e.Note.Labels):
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
	case *Seal:
		return valueOf(p)
	case *Subscribe:
		return valueOf(p)
	case *Cancel:
		return valueOf(p)
	case *Lapse:
		return valueOf(p)
	case *Deactivate:
		return valueOf(p)
	case *Reactivate:
		return valueOf(p)
	case *SetUnits:
		return valueOf(p)
	case *Reassign:
		return valueOf(p)
	case *Settle:
		return valueOf(p)
	case *SetMethod:
		return valueOf(p)
	case *Sell:
		return valueOf(p)
	case *Ask:
		return valueOf(p)
	case *Approve:
		return valueOf(p)
	case *Dismiss:
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
	case Seal{}.verb():
		return parseFields[Seal](fields)
	case Subscribe{}.verb():
		return parseFields[Subscribe](fields)
	case Cancel{}.verb():
		return parseFields[Cancel](fields)
	case Lapse{}.verb():
		return parseFields[Lapse](fields)
	case Deactivate{}.verb():
		return parseFields[Deactivate](fields)
	case Reactivate{}.verb():
		return parseFields[Reactivate](fields)
	case SetUnits{}.verb():
		return parseFields[SetUnits](fields)
	case Reassign{}.verb():
		return parseFields[Reassign](fields)
	case Settle{}.verb():
		return parseFields[Settle](fields)
	case SetMethod{}.verb():
		return parseFields[SetMethod](fields)
	case Sell{}.verb():
		return parseFields[Sell](fields)
	case Ask{}.verb():
		return parseFields[Ask](fields)
	case Approve{}.verb():
		return parseFields[Approve](fields)
	case Dismiss{}.verb():
		return parseFields[Dismiss](fields)
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
