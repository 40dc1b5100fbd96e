package credits

import (
	"math/bits"
	"slices"
)

// pageSize is how many slots a page has. A page is what a commit writes of what
// changed: small enough to copy, large enough that an ordinary wallet has one.
const pageSize = 32

// slots keeps things in numbered slots, the lowest free one first, in pages. A
// copy of it shares the pages until it changes them, and knows which it changed:
// a wallet with thousands of lots costs a spend one page.
type slots[T slotted] struct {
	pages []*page[T]
	owned []bool // by page: it is not shared, and it changed since the copy
	count int
}

// slotted is what a slot can hold; the zero value is a free slot.
type slotted interface{ used() bool }

type page[T slotted] struct {
	items [pageSize]T
	free  uint32 // a bit for each free slot
	size  int    // of its stored form
}

// share returns a copy that shares the pages.
func (s *slots[T]) share() slots[T] {
	return slots[T]{pages: slices.Clone(s.pages), owned: make([]bool, len(s.pages)), count: s.count}
}

// at returns what is in a slot, to be read.
func (s *slots[T]) at(slot int) *T {
	return &s.pages[slot/pageSize].items[slot%pageSize]
}

// edit returns what is in a slot, to be changed.
func (s *slots[T]) edit(slot int) *T {
	return &s.own(slot / pageSize).items[slot%pageSize]
}

func (s *slots[T]) own(no int) *page[T] {
	if !s.owned[no] {
		p := *s.pages[no]
		s.pages[no], s.owned[no] = &p, true
	}
	return s.pages[no]
}

// grow makes sure that a page is there.
func (s *slots[T]) grow(no int) {
	for len(s.pages) <= no {
		s.pages = append(s.pages, &page[T]{free: 1<<pageSize - 1})
		s.owned = append(s.owned, true)
	}
}

// add puts v into the lowest free slot and returns its number.
func (s *slots[T]) add(v T) int {
	no := 0
	for no < len(s.pages) && s.pages[no].free == 0 {
		no++
	}
	s.grow(no)
	slot := no*pageSize + bits.TrailingZeros32(s.pages[no].free)
	s.put(slot, v)
	return slot
}

// put puts v into a free slot of a page that is there.
func (s *slots[T]) put(slot int, v T) {
	p := s.own(slot / pageSize)
	p.items[slot%pageSize] = v
	p.free &^= 1 << (slot % pageSize)
	s.count++
}

// remove frees a slot.
func (s *slots[T]) remove(slot int) {
	p := s.own(slot / pageSize)
	var none T
	p.items[slot%pageSize] = none
	p.free |= 1 << (slot % pageSize)
	s.count--
}

// each calls f for every slot in use, in order, until f returns false.
func (s *slots[T]) each(f func(slot int, v *T) bool) {
	for no, p := range s.pages {
		for left := ^p.free; left != 0; left &= left - 1 {
			i := bits.TrailingZeros32(left)
			if !f(no*pageSize+i, &p.items[i]) {
				return
			}
		}
	}
}

func (l lot) used() bool { return l.lotTerms != nil }

// holdSlot is a hold in a slot; holds do not change.
type holdSlot struct{ *hold }

func (h holdSlot) used() bool { return h.hold != nil }
