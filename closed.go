package credits

import (
	"slices"

	"example.com/credits/store"
)

// closed keeps the lots that have nothing left: what reverses a spend needs
// them. They come to a page that is read with the wallet; pages that are full are
// read only for the commands that may need them, and are forgotten, the oldest
// first, when more than maxClosed lots came after them.
type closed struct {
	recent []lot
	mine   bool          // recent is not shared with another copy
	dirty  bool          // recent changed since the copy, or since it was stored
	pages  []*closedPage // full ones, the oldest first
	owned  []bool        // by page: it is not shared, and it changed since the copy
	first  int           // number of the first page
	gone   int           // pages that were forgotten since the copy
}

// closedPage was full once. Its lots are read when they are needed: raw is what
// is stored of them; it is nil if they changed, or were not read at all.
type closedPage struct {
	lots []lot
	raw  []byte
	size int // of the stored form
}

func (c *closed) share() closed {
	return closed{recent: c.recent, pages: slices.Clone(c.pages), owned: make([]bool, len(c.pages)), first: c.first}
}

// all returns the page's lots, to be read. A page that cannot be read has none.
func (p *closedPage) all() []lot {
	if p.lots != nil || p.raw == nil {
		return p.lots
	}
	r := reader{b: p.raw}
	lots := r.closedLots()
	if r.bad || len(r.b) > 0 {
		return nil
	}
	return lots
}

// settle makes what is there what is stored.
func (c *closed) settle() {
	c.dirty, c.gone = false, 0
	clear(c.owned)
}

// each calls f for every lot that is remembered, the oldest first.
func (c *closed) each(f func(*lot)) {
	for _, p := range c.pages {
		lots := p.all()
		for i := range lots {
			f(&lots[i])
		}
	}
	for i := range c.recent {
		f(&c.recent[i])
	}
}

// read reads all pages at once, for a command that looks for many lots. It
// reports false if one cannot be read.
func (c *closed) read() bool {
	for i, p := range c.pages {
		if p.lots == nil {
			lots := p.all()
			if lots == nil {
				return false
			}
			c.pages[i] = &closedPage{lots: lots, raw: p.raw, size: p.size}
		}
	}
	return true
}

// own returns recent (for page -1) or a page's lots, to be changed.
func (c *closed) own(page int) *[]lot {
	if page < 0 {
		if !c.mine {
			c.recent = slices.Clone(c.recent)
		}
		c.mine, c.dirty = true, true
		return &c.recent
	}
	if !c.owned[page] {
		c.pages[page], c.owned[page] = &closedPage{lots: slices.Clone(c.pages[page].all())}, true
	}
	return &c.pages[page].lots
}

// add puts a lot beside those that have nothing left.
func (c *closed) add(l lot) {
	recent := c.own(-1)
	*recent = append(*recent, l)
	if len(*recent) < pageSize {
		return
	}
	c.pages, c.owned = append(c.pages, &closedPage{lots: *recent}), append(c.owned, true)
	c.recent = nil
	if len(c.pages) > maxClosed/pageSize {
		c.pages, c.owned = c.pages[1:], c.owned[1:]
		c.first, c.gone = c.first+1, c.gone+1
	}
}

// place returns where a lot is: -1 is recent. It is not found if its page was not read.
func (c *closed) place(id ID) (page, i int, ok bool) {
	is := func(l lot) bool { return l.id == id }
	if i := slices.IndexFunc(c.recent, is); i >= 0 {
		return -1, i, true
	}
	for n, p := range slices.Backward(c.pages) {
		if i := slices.IndexFunc(p.all(), is); i >= 0 {
			return n, i, true
		}
	}
	return 0, 0, false
}

// find returns a lot, to be read; nil if it is not here.
func (c *closed) find(id ID) *lot {
	page, i, ok := c.place(id)
	switch {
	case !ok:
		return nil
	case page < 0:
		return &c.recent[i]
	default:
		return &c.pages[page].all()[i]
	}
}

// edit returns a lot, to be changed; nil if it is not here.
func (c *closed) edit(id ID) *lot {
	page, i, ok := c.place(id)
	if !ok {
		return nil
	}
	return &(*c.own(page))[i]
}

// take removes a lot that is to be opened again.
func (c *closed) take(id ID) (lot, bool) {
	page, i, ok := c.place(id)
	if !ok {
		return lot{}, false
	}
	lots := c.own(page)
	l := (*lots)[i]
	*lots = slices.Delete(*lots, i, i+1)
	return l, true
}

// parts appends what is stored of the closed lots. It uses the memory of b for recent.
func (c *closed) parts(out []store.Part, b []byte, all bool) []store.Part {
	if all || c.dirty {
		if len(c.recent) > 0 {
			b = storedLots(b, c.recent)
		}
		out = append(out, store.Part{ID: recentPart, Body: b})
	}
	for n := 1; n <= c.gone; n++ {
		out = append(out, store.Part{ID: closedPart + uint64(c.first-n), Body: nil})
	}
	for i, p := range c.pages {
		if all || c.owned[i] {
			body := p.raw
			if body == nil {
				body = storedLots(nil, p.lots)
			}
			p.size = len(body)
			out = append(out, store.Part{ID: closedPart + uint64(c.first+i), Body: body})
		}
	}
	return out
}

func storedLots(b []byte, lots []lot) []byte {
	w := writer{append(slices.Grow(b, 2+64*len(lots)), stateForm)} // with what most take
	w.uint(uint64(len(lots)))
	for i := range lots {
		w.lot(&lots[i])
	}
	return w.b
}

// closedLots reads what storedLots wrote.
func (r *reader) closedLots() (lots []lot) {
	if r.byte() != stateForm {
		r.fail()
	}
	n := r.count()
	if n > pageSize {
		r.fail()
		return nil
	}
	return r.lots(make([]lot, n, n+1)) // likely to get one more
}
