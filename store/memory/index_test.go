package memory

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// all returns the numbers that an index has under a hash.
func (x *index) all(hash uint64) (found []uint32) {
	for at := x.start(hash); ; at++ {
		n := x.next(hash, &at)
		if n == 0 {
			return found
		}
		found = append(found, n)
	}
}

// TestIndex compares an index with a map, for hashes that are spread, and for some that
// are the same or lie at the end, from where an index goes on at its beginning.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() uint64{
		"spread":     random.Uint64,
		"few":        func() uint64 { return random.Uint64N(40) << 32 },
		"at the end": func() uint64 { return ^uint64(0) - random.Uint64N(40)<<32 },
	} {
		t.Run(name, func(t *testing.T) {
			var x index
			if got := x.all(7); got != nil {
				t.Errorf("an empty index has %v", got)
			}
			want := map[uint64][]uint32{}
			for n := uint32(1); n <= 5000; n++ {
				hash := draw()
				x.add(hash, n)
				want[hash>>32] = append(want[hash>>32], n)
			}
			for half, numbers := range want {
				got := x.all(half << 32)
				if slices.Sort(got); !slices.Equal(got, numbers) {
					t.Fatalf("under %x are %v, want %v", half, got, numbers)
				}
			}
			for range 1000 {
				if hash := draw(); want[hash>>32] == nil && x.all(hash) != nil {
					t.Fatalf("%x is there", hash)
				}
			}
		})
	}
}
