package credits

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// edges are the values where arithmetic breaks, if it does.
func edges() []int64 {
	return []int64{
		math.MinInt64, math.MinInt64 + 1, -1 << 32, -1_000_001, -3, -2, -1, 0, 1, 2, 3, 7, 1_000_000,
		1<<31 - 1, 1 << 32, 3_037_000_499, 3_037_000_500, 1 << 62, math.MaxInt64 - 1, math.MaxInt64,
	}
}

// operands returns the edges and numbers of all sizes from a fixed seed.
func operands(t *testing.T) []int64 {
	t.Helper()
	const seed = 17
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	values := edges()
	for range 60 {
		v := int64(random.Uint64() >> random.IntN(64))
		values = append(values, v, -v)
	}
	return values
}

// inRange reports whether v is an amount.
func inRange(v *big.Int) bool { return v.IsInt64() && v.Int64() != math.MinInt64 }

func TestCheckedSumsAndProducts(t *testing.T) {
	tests := []struct {
		name    string
		got     func(a, b int64) (int64, bool)
		want    func(z, a, b *big.Int) *big.Int
		amounts bool // operands below AmountMin are refused
	}{
		{"A-1/addAmount", func(a, b int64) (int64, bool) {
			c, ok := addAmount(Amount(a), Amount(b))
			return int64(c), ok
		}, (*big.Int).Add, true},
		{"A-1/subAmount", func(a, b int64) (int64, bool) {
			c, ok := subAmount(Amount(a), Amount(b))
			return int64(c), ok
		}, (*big.Int).Sub, true},
		{"A-1/mulInt", mulInt, (*big.Int).Mul, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values := operands(t)
			for _, a := range values {
				for _, b := range values {
					want := tt.want(new(big.Int), big.NewInt(a), big.NewInt(b))
					wantOK := inRange(want)
					if tt.amounts && (a == math.MinInt64 || b == math.MinInt64) {
						wantOK = false
					}
					got, ok := tt.got(a, b)
					if ok != wantOK || ok && got != want.Int64() {
						t.Fatalf("of %d and %d: got %d, %t, want %v, %t", a, b, got, ok, want, wantOK)
					}
				}
			}
		})
	}
}

func TestMulDiv(t *testing.T) {
	tests := []struct {
		name  string
		got   func(a, b, d int64) (int64, bool)
		round func(q, r, d *big.Int) bool // whether to add one
	}{
		{"A-1/floor", mulDivFloor, func(_, _, _ *big.Int) bool { return false }},
		{"A-1/ceil", mulDivCeil, func(_, r, _ *big.Int) bool { return r.Sign() > 0 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values := operands(t)
			for _, a := range values {
				for _, b := range values {
					for _, d := range values {
						got, ok := tt.got(a, b, d)
						if a < 0 || b < 0 || d <= 0 {
							if ok {
								t.Fatalf("%d * %d / %d: accepted", a, b, d)
							}
							continue
						}
						q := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
						r := new(big.Int)
						q.QuoRem(q, big.NewInt(d), r)
						if tt.round(q, r, big.NewInt(d)) {
							q.Add(q, big.NewInt(1))
						}
						if ok != q.IsInt64() || ok && got != q.Int64() {
							t.Fatalf("%d * %d / %d: got %d, %t, want %v", a, b, d, got, ok, q)
						}
					}
				}
			}
		})
	}
}

func TestMulDivRounding(t *testing.T) {
	tests := []struct {
		name        string
		a, b, d     int64
		floor, ceil int64
	}{
		{"half, of an even", 1, 5, 2, 2, 3},
		{"half, of an odd", 1, 7, 2, 3, 4},
		{"below half", 1, 4, 3, 1, 2},
		{"above half", 1, 5, 3, 1, 2},
		{"whole", 2, 6, 3, 4, 4},
		{"nothing", 0, 6, 3, 0, 0},
		{"A-4/10.00 for 3, the first", 10_000_000, 1, 3, 3_333_333, 3_333_334},
		{"A-4/10.00 for 3, two of them", 10_000_000, 2, 3, 6_666_666, 6_666_667},
		{"128 bits", math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			floor, _ := mulDivFloor(tt.a, tt.b, tt.d)
			ceil, _ := mulDivCeil(tt.a, tt.b, tt.d)
			if floor != tt.floor || ceil != tt.ceil {
				t.Errorf("got %d, %d, want %d, %d", floor, ceil, tt.floor, tt.ceil)
			}
		})
	}
}

// Rounding up the largest quotient is one beyond the range.
func TestMulDivOverflowByRounding(t *testing.T) {
	const a, b, d = math.MaxInt64, 2, 2
	if q, ok := mulDivCeil(a, b, d); !ok || q != math.MaxInt64 {
		t.Errorf("at the bound: got %d, %t", q, ok)
	}
	// (2^63 - 1)(2^62 + 1) / 2^62 is 2^63 + 1 - 2^-62: over. With 2^63 - 2 it is just under 2^63.
	if q, ok := mulDivFloor(math.MaxInt64-1, 1<<62+1, 1<<62); !ok || q != math.MaxInt64 {
		t.Errorf("floor of just under 2^63: got %d, %t", q, ok)
	}
	if q, ok := mulDivCeil(math.MaxInt64-1, 1<<62+1, 1<<62); ok {
		t.Errorf("ceil of just under 2^63: got %d, want overflow", q)
	}
}

func TestCheckedAllocations(t *testing.T) {
	a, b := int64(AmountMax), int64(7)
	var sum int64 // so that no call is left out
	n := testing.AllocsPerRun(100, func() {
		added, _ := addAmount(Amount(a), Amount(b))
		rest, _ := subAmount(Amount(a), Amount(b))
		product, _ := mulInt(a, b)
		floor, _ := mulDivFloor(a, b, 9)
		ceil, _ := mulDivCeil(a, b, 9)
		sum ^= int64(added) ^ int64(rest) ^ product ^ floor ^ ceil
	})
	if n != 0 {
		t.Errorf("got %v allocations, want 0 (%d)", n, sum)
	}
}

func TestUnitCheck(t *testing.T) {
	long := make([]byte, maxUnit+1)
	for i := range long {
		long[i] = 'x'
	}
	tests := []struct {
		name string
		unit Unit
		ok   bool
	}{
		{"credits", "", true},
		{"64 bytes", Unit(long[:maxUnit]), true},
		{"65 bytes", Unit(long), false},
		{"not UTF-8", "\xff", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.unit.check(); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
