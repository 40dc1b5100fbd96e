package usage

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"example.com/credits"
	"example.com/credits/internal/runs"
)

// digestForm is the first byte of a digest: the number of the form that follows,
// and of what this package makes of an entry. What changes either changes it.
const digestForm = 1

// digest returns the groups of a run in binary, or nil if a sum does not fit into
// 64 bits: the oldest entry that they go by and the run has not, and the spans,
// each with the instants of its first and last usage and its groups.
func (g *groups) digest(oldest credits.ID) []byte {
	b := binary.AppendUvarint([]byte{digestForm}, uint64(oldest))
	b = binary.AppendUvarint(b, uint64(len(g.spans)))
	for _, start := range slices.Sorted(maps.Keys(g.spans)) {
		s := g.spans[start]
		b = binary.AppendVarint(b, s.from)
		b = binary.AppendVarint(b, s.through)
		b = binary.AppendUvarint(b, uint64(len(s.byPlace)))
		for _, place := range slices.Sorted(maps.Keys(s.byPlace)) {
			b = runs.AppendText(b, place)
			if b = s.byPlace[place].appendTo(b); b == nil {
				return nil
			}
		}
	}
	return b
}

func (g *group) appendTo(b []byte) []byte {
	amount, ok1 := g.amount.Value()
	spends, ok2 := g.spends.Value()
	quantity, ok3 := g.quantity.Value()
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	b = binary.AppendVarint(b, amount)
	b = binary.AppendVarint(b, spends)
	b = binary.AppendVarint(b, quantity)
	b = binary.AppendUvarint(b, uint64(len(g.money)))
	for _, m := range g.money {
		sum, ok := m.sum.Value()
		if !ok {
			return nil
		}
		b = binary.AppendVarint(runs.AppendText(b, m.currency), sum)
	}
	return b
}

// digest is one that is read. Its memory is used again for the next.
type digest struct {
	oldest credits.ID
	spans  []digestSpan
	groups []digestGroup // of all spans, one after the other
	money  []digestMoney // of all groups
}

type digestSpan struct {
	from, through int64
	groups        int // how many it has
	start         time.Time
	counts        bool // it is in the period
}

type digestGroup struct {
	place                    []byte
	amount, spends, quantity int64
	money                    int // how many it has
}

type digestMoney struct {
	currency []byte
	sum      int64
}

// parse reads a digest whose places have so many values. It returns false if
// body is no such digest.
func (d *digest) parse(body []byte, values int) bool {
	d.spans, d.groups, d.money = d.spans[:0], d.groups[:0], d.money[:0]
	if len(body) == 0 || body[0] != digestForm {
		return false
	}
	c := runs.Cursor{Left: body[1:]}
	d.oldest = credits.ID(c.Uint())
	for range c.Count() {
		s := digestSpan{from: c.Int(), through: c.Int(), groups: c.Count()}
		if s.through < s.from {
			return false
		}
		d.spans = append(d.spans, s)
		for range s.groups {
			if !d.group(&c, values) {
				return false
			}
		}
	}
	return c.Done()
}

func (d *digest) group(c *runs.Cursor, values int) bool {
	g := digestGroup{place: c.Text(), amount: c.Int(), spends: c.Int(), quantity: c.Int(), money: c.Count()}
	d.groups = append(d.groups, g)
	for range g.money {
		d.money = append(d.money, digestMoney{c.Text(), c.Int()})
	}
	rest := g.place
	for range values {
		var ok bool
		if _, rest, _, ok = cut(rest); !ok {
			return false
		}
	}
	return len(rest) == 0 && !c.Bad
}

// Add implements [runs.Tally].
func (t *tally) Add(body []byte) (runs.Use, error) {
	d := &t.digest
	if !d.parse(body, len(t.dims)) || d.oldest != 0 && uint64(d.oldest) <= t.past.Checkpoint.Seq {
		return runs.Stale, nil
	}
	for i := range d.spans {
		s := &d.spans[i]
		s.start, s.counts = t.spanOf(s.from), t.within.Has(s.from)
		switch {
		case !t.spanOf(s.through).Equal(s.start): // another calendar has cut it
			return runs.Stale, nil
		case s.counts != t.within.Has(s.through), !s.counts && s.from < t.within.From && t.within.To <= s.through:
			return runs.Cut, nil
		}
	}
	groups, money := d.groups, d.money
	for i := range d.spans {
		s := &d.spans[i]
		for j := range groups[:s.groups] {
			one := &groups[j]
			if s.counts {
				if err := t.all.merge(s, one, money[:one.money]); err != nil {
					return 0, err
				}
			}
			money = money[one.money:]
		}
		groups = groups[s.groups:]
	}
	return runs.Added, nil
}

// merge adds a group of a digest.
func (g *groups) merge(s *digestSpan, one *digestGroup, money []digestMoney) error {
	to, err := g.group(g.span(s.start), one.place)
	if err != nil {
		return err
	}
	to.amount.Add(one.amount)
	to.spends.Add(one.spends)
	to.quantity.Add(one.quantity)
	for _, m := range money {
		to.earn(string(m.currency), m.sum)
	}
	return nil
}
