package credits

import "math/bits"

// pageSize is how many slots a page has. A page is what a commit writes of what
// changed; an ordinary wallet has one.
const pageSize = 32

// slots keeps things in numbered slots, the lowest free one first, in pages. A
// copy shares pages and things until it changes them, and knows which it
// changed: a wallet with thousands of lots costs a spend one page.
type slots[T any] struct {
	pages []ownPage[T]
	count int
}

// ownPage is a page as one copy has it.
type ownPage[T any] struct {
	*page[T]
	owned bool // it is not shared with another copy
	dirty bool // it changed since the copy, or since it was stored
}

type page[T any] struct {
	items [pageSize]*T // nil where the slot is free
	used  uint32       // a bit for each slot that is not free
	mine  uint32       // a bit for each thing that is not shared
	size  int          // of its stored form
}

// share returns a copy that shares the pages.
func (s *slots[T]) share() slots[T] {
	c := slots[T]{pages: make([]ownPage[T], len(s.pages)), count: s.count}
	for no := range s.pages {
		c.pages[no].page = s.pages[no].page
	}
	return c
}

// settle makes what is there what is stored.
func (s *slots[T]) settle() {
	for no := range s.pages {
		s.pages[no].dirty = false
	}
}

// at returns what is in a slot, to be read.
func (s *slots[T]) at(slot int) *T {
	return s.pages[slot/pageSize].items[slot%pageSize]
}

// edit returns what is in a slot, to be changed.
func (s *slots[T]) edit(slot int) *T {
	p, i := s.own(slot/pageSize), slot%pageSize
	if p.mine&(1<<i) == 0 {
		v := *p.items[i]
		p.items[i], p.mine = &v, p.mine|1<<i
	}
	return p.items[i]
}

func (s *slots[T]) own(no int) *page[T] {
	p := &s.pages[no]
	p.dirty = true
	if !p.owned {
		c := *p.page
		c.mine = 0
		p.page, p.owned = &c, true
	}
	return p.page
}

// grow makes sure that a page is there.
func (s *slots[T]) grow(no int) {
	for len(s.pages) <= no {
		s.pages = append(s.pages, ownPage[T]{page: new(page[T]), owned: true, dirty: true})
	}
}

// add puts v into the lowest free slot and returns its number.
func (s *slots[T]) add(v *T) int {
	no := 0
	for no < len(s.pages) && ^s.pages[no].used == 0 {
		no++
	}
	s.grow(no)
	slot := no*pageSize + bits.TrailingZeros32(^s.pages[no].used)
	s.put(slot, v)
	return slot
}

// put puts v, which is not shared, into a free slot of a page that is there.
func (s *slots[T]) put(slot int, v *T) {
	p, i := s.own(slot/pageSize), slot%pageSize
	p.items[i], p.used, p.mine = v, p.used|1<<i, p.mine|1<<i
	s.count++
}

// remove frees a slot.
func (s *slots[T]) remove(slot int) {
	p, i := s.own(slot/pageSize), slot%pageSize
	p.items[i], p.used = nil, p.used&^(1<<i)
	s.count--
}

// all yields every slot in use, in order.
func (s *slots[T]) all(yield func(slot int, v *T) bool) {
	for no, p := range s.pages {
		for left := p.used; left != 0; left &= left - 1 {
			i := bits.TrailingZeros32(left)
			if !yield(no*pageSize+i, p.items[i]) {
				return
			}
		}
	}
}
