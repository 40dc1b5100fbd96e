package store

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Check returns an error that says what is malformed about the writes of one
// Commit, or nil. A store calls it before it keeps anything.
func Check(writes ...Write) error {
	seen := distinct[string]{}
	for i := range writes {
		if len(writes[i].Changes) == 0 {
			return errors.New("store: a write has no change")
		}
		for j := range writes[i].Changes {
			c := &writes[i].Changes[j]
			if err := c.check(); err != nil {
				return fmt.Errorf("store: wallet %q: %w", c.Wallet, err)
			}
			if !seen.add(c.Wallet) {
				return fmt.Errorf("store: wallet %q: changed twice in one call", c.Wallet)
			}
		}
	}
	return nil
}

// CheckDigests returns an error that says what is malformed about a call of
// KeepDigests, or nil. A store calls it before it keeps anything.
func CheckDigests(wallet, name string, seq uint64, digests ...Digest) error {
	if err := checkName(wallet); err != nil {
		return fmt.Errorf("store: wallet %q: %w", wallet, err)
	}
	if err := checkDigests(name, seq, digests); err != nil {
		return fmt.Errorf("store: wallet %q: digests %q: %w", wallet, name, err)
	}
	return nil
}

func checkDigests(name string, seq uint64, digests []Digest) error {
	if err := checkName(name); err != nil {
		return err
	}
	if seq > math.MaxInt64 {
		return fmt.Errorf("seq %d is over 1<<63 - 1", seq)
	}
	last := uint64(0)
	for i := range digests {
		d := &digests[i]
		switch {
		case d.Through <= last:
			return fmt.Errorf("through %d does not come after %d", d.Through, last)
		case d.Through > math.MaxInt64:
			return fmt.Errorf("through %d is over 1<<63 - 1", d.Through)
		case len(d.Body) > BodyLimit:
			return fmt.Errorf("through %d: %w", d.Through, errBody(len(d.Body)))
		}
		last = d.Through
	}
	return nil
}

func (c *Change) check() error {
	if err := checkName(c.Wallet); err != nil {
		return err
	}
	n := uint64(len(c.Entries))
	if n == 0 {
		return errors.New("a change has no entry")
	}
	if c.Prev > math.MaxInt64-n || c.Seq != c.Prev+n {
		return fmt.Errorf("seq %d is not %d and %d entries", c.Seq, c.Prev, n)
	}
	if c.Prev == 0 && c.PrevMark != 0 {
		return fmt.Errorf("prev mark is %d of a wallet that must not exist", c.PrevMark)
	}
	if err := checkTime(c.Due); err != nil {
		return fmt.Errorf("due: %w", err)
	}
	for i := range c.Entries {
		if err := c.Entries[i].check(c.Prev + 1 + uint64(i)); err != nil {
			return fmt.Errorf("entry %d: %w", c.Entries[i].Seq, err)
		}
	}
	for _, seq := range c.Erase {
		if seq == 0 || seq > c.Prev {
			return fmt.Errorf("erase: entry %d is not one up to %d", seq, c.Prev)
		}
	}
	if err := checkParts(c.Parts); err != nil {
		return err
	}
	return checkReceipts(c.Receipts)
}

func (e *Entry) check(seq uint64) error {
	switch {
	case e.Seq != seq:
		return fmt.Errorf("stands where %d belongs", seq)
	case e.Kind == 0:
		return errors.New("kind is 0")
	case e.Of > math.MaxInt64:
		return fmt.Errorf("of %d is over 1<<63 - 1", e.Of)
	case e.Feature != "" && checkName(e.Feature) != nil:
		return fmt.Errorf("feature: %w", checkName(e.Feature))
	case len(e.Body) > BodyLimit:
		return errBody(len(e.Body))
	case len(e.Note) > BodyLimit:
		return fmt.Errorf("note: %w", errBody(len(e.Note)))
	}
	return checkTime(e.At)
}

func checkParts(parts []Part) error {
	seen := distinct[uint64]{}
	for i := range parts {
		p := &parts[i]
		switch {
		case p.ID > math.MaxInt64:
			return fmt.Errorf("part %d: over 1<<63 - 1", p.ID)
		case len(p.Body) > BodyLimit:
			return fmt.Errorf("part %d: %w", p.ID, errBody(len(p.Body)))
		case !seen.add(p.ID):
			return fmt.Errorf("part %d: twice in one change", p.ID)
		}
	}
	return nil
}

func checkReceipts(receipts []Receipt) error {
	seen := distinct[string]{}
	for i := range receipts {
		r := &receipts[i]
		if err := checkName(r.Key); err != nil {
			return fmt.Errorf("key %q: %w", r.Key, err)
		}
		if len(r.Body) > BodyLimit {
			return fmt.Errorf("key %q: %w", r.Key, errBody(len(r.Body)))
		}
		if !seen.add(r.Key) {
			return fmt.Errorf("key %q: twice in one change", r.Key)
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("name is empty")
	case len(name) > NameLimit:
		return fmt.Errorf("name has %d bytes, more than %d", len(name), NameLimit)
	case strings.IndexByte(name, 0) >= 0:
		return errors.New("name has a NUL byte")
	case !utf8.ValidString(name):
		return errors.New("name is not UTF-8")
	}
	return nil
}

func checkTime(at int64) error {
	if at < 0 || at > TimeLimit {
		return fmt.Errorf("time %d is not within the years 1970 to 9999", at)
	}
	return nil
}

func errBody(n int) error {
	return fmt.Errorf("%d bytes, more than %d", n, BodyLimit)
}

// distinct tells values met before from new ones. The few of an ordinary call
// are compared with one another, without a map and without memory of its own.
type distinct[V comparable] struct {
	few  [8]V
	n    int
	many map[V]struct{}
}

func (d *distinct[V]) add(v V) bool {
	if d.many == nil {
		for _, u := range d.few[:d.n] {
			if u == v {
				return false
			}
		}
		if d.n < len(d.few) {
			d.few[d.n] = v
			d.n++
			return true
		}
		d.many = make(map[V]struct{}, 4*len(d.few))
		for _, u := range d.few {
			d.many[u] = struct{}{}
		}
	}
	if _, ok := d.many[v]; ok {
		return false
	}
	d.many[v] = struct{}{}
	return true
}
