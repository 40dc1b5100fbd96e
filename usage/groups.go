package usage

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"example.com/credits"
	"example.com/credits/internal/wide"
)

// value is what a usage has of a dimension, if it has any.
type value struct {
	text string
	ok   bool
}

// text returns a value of which the empty text is none.
func text(s string) value { return value{s, s != ""} }

// appendTo appends the value to a place, which is what a usage has of each
// dimension but time.
func (v value) appendTo(place []byte) []byte {
	if !v.ok {
		return append(place, 0)
	}
	return append(binary.AppendUvarint(place, uint64(len(v.text))+1), v.text...)
}

// cut takes the first value off a place. It returns false if there is none.
func cut[T string | []byte](place T) (text, rest T, has, ok bool) {
	n := uint64(0)
	for i := 0; i < min(len(place), binary.MaxVarintLen32); i++ {
		n |= uint64(place[i]&0x7f) << (7 * i)
		if place[i] >= 0x80 {
			continue
		}
		rest = place[i+1:]
		if n == 0 {
			return text, rest, false, true
		}
		if n--; n > uint64(len(rest)) {
			break
		}
		return rest[:n], rest[n:], true, true
	}
	return text, rest, false, false
}

// part is what is added to a group.
type part struct {
	amount     credits.Amount
	spends     int64
	quantity   int64
	currency   string
	recognised int64 // millionths of currency
}

// groups adds parts up.
type groups struct {
	spans map[int64]*span // by start
	last  *span           // that was looked for last
	size  int             // of all spans
	limit int             // of size
}

// span is an hour, a day, a week or a month, or all time.
type span struct {
	start   time.Time
	from    int64 // the instants of the first and the last usage in it, in microseconds
	through int64
	byPlace map[string]*group
}

// group is all usage of one place in one span.
type group struct {
	amount   wide.Sum
	spends   wide.Sum
	quantity wide.Sum
	money    []money // by currency
}

type money struct {
	currency string
	sum      wide.Sum
}

func newGroups(limit int) groups { return groups{spans: map[int64]*span{}, limit: limit} }

// span returns the span that begins at an instant.
func (g *groups) span(start time.Time) *span {
	if g.last != nil && g.last.start.Equal(start) {
		return g.last
	}
	key := start.UnixMicro()
	if g.last = g.spans[key]; g.last == nil {
		g.last = &span{start: start, from: math.MaxInt64, through: math.MinInt64, byPlace: map[string]*group{}}
		g.spans[key] = g.last
	}
	return g.last
}

// group returns the group of a place, which it copies if it keeps it.
func (g *groups) group(s *span, place []byte) (*group, error) {
	if found := s.byPlace[string(place)]; found != nil {
		return found, nil
	}
	if g.size == g.limit {
		return nil, &credits.InvalidError{Field: "by", Reason: fmt.Sprintf("makes more than %d groups", g.limit), Err: credits.ErrLimit}
	}
	g.size++
	fresh := &group{}
	s.byPlace[string(place)] = fresh
	return fresh, nil
}

// add counts a part at an instant and a place.
func (g *groups) add(start time.Time, at int64, place []byte, p part) error {
	s := g.span(start)
	to, err := g.group(s, place)
	if err != nil {
		return err
	}
	s.from, s.through = min(s.from, at), max(s.through, at)
	to.amount.Add(int64(p.amount))
	to.spends.Add(p.spends)
	to.quantity.Add(p.quantity)
	if p.recognised != 0 {
		to.earn(p.currency, p.recognised)
	}
	return nil
}

func (g *group) earn(currency string, millionths int64) {
	i, ok := slices.BinarySearchFunc(g.money, currency, func(m money, c string) int { return cmp.Compare(m.currency, c) })
	if !ok {
		g.money = slices.Insert(g.money, i, money{currency: currency})
	}
	g.money[i].sum.Add(millionths)
}

// line is a group that becomes a row.
type line struct {
	values []value
	*group
}

// rows returns all groups, in order of time and then of dimensions. Places have
// the dimensions in the order of dims.
func (g *groups) rows(dims, order []Dimension) ([]Row, error) {
	at := make([]int, len(dims))
	for i, d := range dims {
		at[i] = slices.Index(order, d)
	}
	rows := make([]Row, 0, g.size)
	var lines []line
	for _, key := range slices.Sorted(maps.Keys(g.spans)) {
		s := g.spans[key]
		lines = lines[:0]
		values := make([]value, len(s.byPlace)*len(at))
		for place, one := range s.byPlace {
			lines = append(lines, line{values[:len(at)], one})
			for _, i := range at {
				v := &values[i]
				v.text, place, v.ok, _ = cut(place)
			}
			values = values[len(at):]
		}
		slices.SortFunc(lines, func(a, b line) int { return slices.CompareFunc(a.values, b.values, value.compare) })
		for i := range lines {
			r, err := lines[i].row(order)
			if err != nil {
				return nil, err
			}
			if r.Amount != 0 || r.Spends != 0 || r.Quantity != 0 || len(r.Recognised) > 0 {
				r.Start = s.start
				rows = append(rows, r)
			}
		}
	}
	return rows, nil
}

// compare orders values: none first, the others by their bytes.
func (v value) compare(w value) int {
	switch {
	case v.ok == w.ok:
		return strings.Compare(v.text, w.text)
	case w.ok:
		return -1
	default:
		return 1
	}
}

func (ln *line) row(by []Dimension) (Row, error) {
	r := Row{Group: make(map[Dimension]string, len(by))}
	for i, v := range ln.values {
		if v.ok {
			r.Group[by[i]] = v.text
		}
	}
	amount, ok := ln.amount.Value()
	r.Amount = credits.Amount(amount)
	if ok {
		r.Spends, ok = ln.spends.Value()
	}
	if ok {
		r.Quantity, ok = ln.quantity.Value()
	}
	for _, m := range ln.money {
		earned, fits := m.sum.Value()
		if ok = ok && fits; earned != 0 {
			r.Recognised = append(r.Recognised, credits.Money{Micros: earned, Currency: m.currency})
		}
	}
	if !ok {
		return r, &credits.InvalidError{Field: "within", Reason: "has a sum that is out of range", Err: credits.ErrLimit}
	}
	return r, nil
}
