package wide_test

import (
	"math"
	"testing"

	"example.com/credits/internal/wide"
)

// A sum may leave the range on its way, in any order, and not at its end.
func TestSum(t *testing.T) {
	tests := []struct {
		name string
		of   []int64
		want int64
		ok   bool
	}{
		{name: "A-1/nothing", want: 0, ok: true},
		{name: "A-1/the largest", of: []int64{math.MaxInt64 - 1, 1}, want: math.MaxInt64, ok: true},
		{name: "A-1/one more", of: []int64{math.MaxInt64, 1}},
		{name: "A-1/the smallest", of: []int64{-math.MaxInt64 + 1, -1}, want: -math.MaxInt64, ok: true},
		{name: "A-1/one less", of: []int64{-math.MaxInt64, -1}},
		{name: "A-1/two less", of: []int64{-math.MaxInt64, -2}},
		{name: "A-1/the smallest integer", of: []int64{math.MinInt64}},
		{name: "A-1/beyond, and back", of: []int64{math.MaxInt64, math.MaxInt64, -math.MaxInt64, -5}, want: math.MaxInt64 - 5, ok: true},
		{name: "A-1/below, and back", of: []int64{-math.MaxInt64, -math.MaxInt64, math.MaxInt64, 5}, want: 5 - math.MaxInt64, ok: true},
		{name: "A-1/around zero", of: []int64{5, -7, 1}, want: -1, ok: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s wide.Sum
			for _, n := range tt.of {
				s.Add(n)
			}
			if got, ok := s.Value(); ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %d, %v, want %d, %v", got, ok, tt.want, tt.ok)
			}
			twice := s
			twice.Plus(s)
			for range 2 {
				twice.Minus(s)
			}
			if twice != (wide.Sum{}) {
				t.Errorf("a sum and itself, less it twice, is %v", twice)
			}
			var parts wide.Sum
			for _, n := range tt.of {
				var part wide.Sum
				part.Add(n)
				parts.Plus(part)
			}
			if parts != s {
				t.Errorf("the sum of sums is %v, want %v", parts, s)
			}
		})
	}
}
