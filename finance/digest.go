package finance

import (
	"encoding/binary"
	"maps"
	"slices"

	"example.com/credits"
	"example.com/credits/internal/runs"
)

// tally posts a wallet's past. It is a [runs.Tally].
type tally struct {
	past   *runs.Reader
	within runs.Span
	since  int64 // the first instant of what is read, in microseconds
	all    *book

	run           *book // of the digest that is being made
	from, through int64 // the instants of its first and last entry, in microseconds
}

// digestForm is the first byte of a digest, and a part of its name: the number of
// the form that follows, and of what this package makes of an entry. What changes
// either changes it.
const digestForm = 1

const digestName = "finance/1"

// read posts all entries until the period ends: after the checkpoint, if the
// wallet has one and the period begins later. What was there then is known.
func (t *tally) read() error {
	if c := t.past.Checkpoint; c.Seq > 0 && t.within.From > c.At {
		w, err := t.past.Begin()
		if err != nil {
			return err
		}
		t.all.open(w)
		t.since = c.At + 1
	}
	return t.past.Read(runs.Query{Name: digestName, Within: runs.Span{From: t.since, To: t.within.To}}, t)
}

// Count implements [runs.Tally].
func (t *tally) Count(e *credits.Entry, run bool) error {
	if e.Opens != nil {
		t.past.Learn(e.Opens)
	}
	at := e.At.UnixMicro()
	if err := t.all.post(e, t.past.Lot, at >= t.within.From); err != nil || !run {
		return err
	}
	if t.from == 0 {
		t.from = at
	}
	t.through = at
	return t.run.post(e, t.past.Lot, true)
}

// Digest implements [runs.Tally]: the instants of the first and the last entry of
// a run, and what it posted to each account.
func (t *tally) Digest() []byte {
	b := binary.AppendUvarint([]byte{digestForm}, uint64(t.from))
	b = binary.AppendUvarint(b, uint64(t.through))
	ok := true
	b = binary.AppendUvarint(b, uint64(len(t.run.accounts)))
	for _, k := range slices.SortedFunc(maps.Keys(t.run.accounts), accountKey.compare) {
		b = append(runs.AppendText(b, k.unit), byte(k.source))
		b = t.run.accounts[k].appendTo(b, &ok)
	}
	b = binary.AppendUvarint(b, uint64(len(t.run.money)))
	for _, currency := range slices.Sorted(maps.Keys(t.run.money)) {
		b = t.run.money[currency].appendTo(runs.AppendText(b, currency), &ok)
	}
	t.run, t.from, t.through = newBook(), 0, 0
	if !ok {
		return nil
	}
	return b
}

// appendTo appends the sums of an account that are not 0. One that does not fit
// into 64 bits is not ok.
func (a *account) appendTo(b []byte, ok *bool) []byte {
	at := len(b)
	b = append(b, 0, 0) // which of the columns follow
	set := uint16(0)
	for c := range a.sums {
		n, fits := a.sums[c].Value()
		if *ok = *ok && fits; n != 0 {
			set |= 1 << c
			b = binary.AppendVarint(b, n)
		}
	}
	binary.BigEndian.PutUint16(b[at:], set)
	return b
}

// cut reads what appendTo appended.
func (a *account) cut(c *runs.Cursor) {
	set := uint16(c.Byte())<<8 | uint16(c.Byte())
	if set>>columns != 0 {
		c.Bad = true
	}
	for i := range a.sums {
		if set&(1<<i) != 0 {
			a.sums[i].Add(c.Int())
		}
	}
}

// plus adds the sums of b: before the period, to the opening balance.
func (a *account) plus(b *account, within bool) {
	if within {
		for c := range a.sums {
			a.sums[c].Plus(b.sums[c])
		}
		return
	}
	a.opening.Plus(b.balance())
}

// Add implements [runs.Tally].
func (t *tally) Add(body []byte) (runs.Use, error) {
	if len(body) == 0 || body[0] != digestForm {
		return runs.Stale, nil
	}
	c := runs.Cursor{Left: body[1:]}
	from, through := int64(c.Uint()), int64(c.Uint())
	run := newBook()
	for range c.Count() {
		unit := credits.Unit(c.Text())
		run.account(unit, credits.Source(c.Byte())).cut(&c)
	}
	for range c.Count() {
		entryOf(run.money, string(c.Text())).cut(&c)
	}
	if !c.Done() || through < from {
		return runs.Stale, nil
	}
	within := from >= t.within.From
	if from < t.since || through >= t.within.To || !within && through >= t.within.From {
		return runs.Cut, nil
	}
	for k, a := range run.accounts {
		t.all.account(k.unit, k.source).plus(a, within)
	}
	for currency, a := range run.money {
		entryOf(t.all.money, currency).plus(a, within)
	}
	return runs.Added, nil
}
