// Package wide adds up int64s exactly, however far the sum goes beyond their
// range on its way.
package wide

import "math/bits"

// Sum is a sum of at most 2^63 int64s. The zero Sum is 0.
type Sum struct {
	high int64
	low  uint64
}

// Add adds n.
func (s *Sum) Add(n int64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, uint64(n), 0)
	s.high += n>>63 + int64(carry)
}

// Plus adds t.
func (s *Sum) Plus(t Sum) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, t.low, 0)
	s.high += t.high + int64(carry)
}

// Minus takes t away.
func (s *Sum) Minus(t Sum) {
	var borrow uint64
	s.low, borrow = bits.Sub64(s.low, t.low, 0)
	s.high -= t.high + int64(borrow)
}

// Value returns the sum, and false if it is not from -(2^63 - 1) to 2^63 - 1,
// which is the range of amounts and of money.
func (s Sum) Value() (int64, bool) {
	n := int64(s.low)
	return n, s.high == n>>63 && n != -1<<63
}
