package usage

import (
	"cmp"
	"encoding/binary"
	"fmt"
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

// place is where usage is counted: a group is all usage of one place.
type place struct {
	start  time.Time
	values []value // in the order of by, but for time
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
	by    []Dimension // but for time
	byKey map[string]*group
	limit int
	key   []byte // of the place that was looked for last
}

type group struct {
	place
	amount   wide.Sum
	spends   wide.Sum
	quantity wide.Sum
	money    []money // by currency
}

type money struct {
	currency string
	sum      wide.Sum
}

// add counts a part at a place. It copies what it keeps of the place.
func (g *groups) add(at place, p part) error {
	if p == (part{currency: p.currency}) {
		return nil
	}
	g.key = binary.BigEndian.AppendUint64(g.key[:0], uint64(at.start.UnixMicro()))
	for _, v := range at.values {
		if !v.ok {
			g.key = append(g.key, 0)
			continue
		}
		g.key = binary.AppendUvarint(append(g.key, 1), uint64(len(v.text)))
		g.key = append(g.key, v.text...)
	}
	found := g.byKey[string(g.key)]
	if found == nil {
		if len(g.byKey) == g.limit {
			return &credits.InvalidError{Field: "by", Reason: fmt.Sprintf("makes more than %d groups", g.limit), Err: credits.ErrLimit}
		}
		found = &group{place: place{at.start, slices.Clone(at.values)}}
		g.byKey[string(g.key)] = found
	}
	found.amount.Add(int64(p.amount))
	found.spends.Add(p.spends)
	found.quantity.Add(p.quantity)
	if p.recognised != 0 {
		found.earn(p.currency, p.recognised)
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

// rows returns all groups, in order.
func (g *groups) rows() ([]Row, error) {
	all := make([]*group, 0, len(g.byKey))
	for _, one := range g.byKey {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *group) int {
		if c := a.start.Compare(b.start); c != 0 {
			return c
		}
		return slices.CompareFunc(a.values, b.values, value.compare)
	})
	rows := make([]Row, 0, len(all))
	for _, one := range all {
		r, err := one.row(g.by)
		if err != nil {
			return nil, err
		}
		if r.Amount != 0 || r.Spends != 0 || r.Quantity != 0 || len(r.Recognised) > 0 {
			rows = append(rows, r)
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

func (g *group) row(by []Dimension) (Row, error) {
	r := Row{Start: g.start, Group: make(map[Dimension]string, len(by))}
	for i, v := range g.values {
		if v.ok {
			r.Group[by[i]] = v.text
		}
	}
	amount, ok := g.amount.Value()
	r.Amount = credits.Amount(amount)
	if ok {
		r.Spends, ok = g.spends.Value()
	}
	if ok {
		r.Quantity, ok = g.quantity.Value()
	}
	for _, m := range g.money {
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
