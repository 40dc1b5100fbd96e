package memory

import "math/bits"

// index finds numbers, from 1, by a hash; several may have the same. It has no pointers,
// so that a large store costs the garbage collector little, and looks in one place of
// memory for what is not there. Nothing is ever removed from it.
type index struct {
	slots []uint64 // the hash's upper half and the number; 0 where there is none
	count int
}

const firstSlots = 64

// start returns where the numbers of a hash begin: at its upper bits.
func (x *index) start(hash uint64) int {
	if len(x.slots) == 0 {
		return 0
	}
	return int(hash >> (64 - bits.Len(uint(len(x.slots)-1))))
}

// next returns the first number at a place or after it whose hash may be this one,
// and moves at to its place. It returns 0 if there is none.
func (x *index) next(hash uint64, at *int) uint32 {
	if len(x.slots) == 0 {
		return 0
	}
	for {
		*at &= len(x.slots) - 1
		slot := x.slots[*at]
		if slot == 0 || slot>>32 == hash>>32 {
			return uint32(slot)
		}
		*at++
	}
}

// add adds a number.
func (x *index) add(hash uint64, number uint32) {
	if 4*x.count >= 3*len(x.slots) {
		old := x.slots
		x.slots = make([]uint64, max(firstSlots, 2*len(old)))
		for _, slot := range old {
			if slot != 0 {
				x.put(slot)
			}
		}
	}
	x.put(hash>>32<<32 | uint64(number))
	x.count++
}

func (x *index) put(slot uint64) {
	at := x.start(slot)
	for x.slots[at] != 0 {
		at = (at + 1) & (len(x.slots) - 1)
	}
	x.slots[at] = slot
}
