package credits

import (
	"math"
	"math/bits"
)

// Arithmetic that reports false instead of overflowing. What is below
// [AmountMin] is an overflow too.

// addAmount returns a + b.
func addAmount(a, b Amount) (Amount, bool) {
	c := a + b
	return c, a >= AmountMin && b >= AmountMin && c >= AmountMin && (c > a) == (b > 0)
}

// subAmount returns a - b.
func subAmount(a, b Amount) (Amount, bool) {
	c := a - b
	return c, a >= AmountMin && b >= AmountMin && c >= AmountMin && (c < a) == (b > 0)
}

// mulInt returns a * b.
func mulInt(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	return a * b, hi == 0 && lo <= math.MaxInt64
}

// magnitude returns the absolute value of v.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// mulDivFloor returns a * b / d rounded down. It reports false if the quotient
// overflows, a or b is negative, or d is not positive.
func mulDivFloor(a, b, d int64) (int64, bool) {
	q, _, ok := mulDiv(a, b, d)
	return int64(q), ok
}

// mulDivCeil returns a * b / d rounded up. It reports false as mulDivFloor does.
func mulDivCeil(a, b, d int64) (int64, bool) {
	q, r, ok := mulDiv(a, b, d)
	if r > 0 {
		q++
	}
	return int64(q), ok && q <= math.MaxInt64
}

// mulDiv returns quotient and remainder of a * b, in 128 bits, by d.
func mulDiv(a, b, d int64) (q, r uint64, ok bool) {
	if a < 0 || b < 0 || d <= 0 {
		return 0, 0, false
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(d) {
		return 0, 0, false
	}
	q, r = bits.Div64(hi, lo, uint64(d))
	return q, r, q <= math.MaxInt64
}
