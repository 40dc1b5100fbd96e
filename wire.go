package credits

import (
	"encoding/binary"
	"math"
	"time"
)

// writer appends values to b.
type writer struct{ b []byte }

func (w *writer) uint(v uint64)  { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int64)    { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) text(s string)  { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *writer) bytes(s []byte) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *writer) money(m Money)  { w.text(m.Currency); w.int(m.Micros) }

func (w *writer) time(t time.Time) { w.int(micros(t)) }

// optTime writes an instant that may be zero.
func (w *writer) optTime(t time.Time) {
	if t.IsZero() {
		w.int(forever)
		return
	}
	w.time(t)
}

func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

// reader takes values from b. Once something was wrong it is bad and gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() {
	r.b, r.bad = nil, true
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bool() bool {
	v := r.byte()
	if v > 1 {
		r.fail()
	}
	return v == 1
}

// narrow reads a number of at most eight bits.
func (r *reader) narrow() uint8 {
	v := r.uint()
	if v > math.MaxUint8 {
		r.fail()
	}
	return uint8(v)
}

func (r *reader) uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 1<<7 { // as most are
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 { // each number has one form
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many things follow: no more than there are bytes.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte      { return r.take(r.count()) }
func (r *reader) text() string       { return string(r.bytes()) }
func (r *reader) money() Money       { return Money{Currency: r.text(), Micros: r.int()} }
func (r *reader) time() time.Time    { return time.UnixMicro(r.int()).UTC() }
func (r *reader) optTime() time.Time { return instant(r.int()) }
