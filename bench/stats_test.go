package main

import (
	"math"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []float64
		want   spread
	}{
		{name: "one", values: []float64{3}, want: spread{3, 3, 3}},
		{name: "odd, in disorder", values: []float64{9, 1, 5}, want: spread{5, 1, 9}},
		{name: "even is between the two in the middle", values: []float64{4, 1, 2, 100}, want: spread{3, 1, 100}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := spreadOf(test.values); got != test.want {
				t.Errorf("spreadOf(%v) = %v, want %v", test.values, got, test.want)
			}
		})
	}
	if got := spreadOf(nil); !math.IsNaN(got.median) {
		t.Errorf("the median of nothing is %v", got.median)
	}
}

func TestSpreadLeavesValuesInOrder(t *testing.T) {
	values := []float64{3, 1, 2}
	spreadOf(values)
	if values[0] != 3 || values[1] != 1 || values[2] != 2 {
		t.Errorf("the values are now %v", values)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, test := range []struct {
		name string
		all  []time.Duration
		p    float64
		want time.Duration
	}{
		{name: "of none", p: 0.99, want: 0},
		{name: "of one", all: []time.Duration{7}, p: 0.99, want: 7},
		{name: "99 of 100 take no longer", all: hundred, p: 0.99, want: 99},
		{name: "half", all: hundred, p: 0.5, want: 50},
		{name: "all", all: hundred, p: 1, want: 100},
		{name: "none", all: hundred, p: 0, want: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := percentile(test.all, test.p); got != test.want {
				t.Errorf("percentile = %v, want %v", got, test.want)
			}
		})
	}
}

func TestGoal(t *testing.T) {
	for _, test := range []struct {
		name string
		goal *goal
		v    float64
		want bool
	}{
		{name: "at least: the bound itself", goal: least(4), v: 4, want: true},
		{name: "at least: below", goal: least(4), v: 3.99, want: false},
		{name: "at most: the bound itself", goal: most(0), v: 0, want: true},
		{name: "at most: above", goal: most(1.25), v: 1.26, want: false},
		{name: "no number, at least", goal: least(0), v: math.NaN(), want: false},
		{name: "no number, at most", goal: most(1), v: math.NaN(), want: false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.goal.holds(test.v); got != test.want {
				t.Errorf("holds(%v) = %v", test.v, got)
			}
		})
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct {
		unit unit
		v    float64
		want string
	}{
		{unit: times, v: 4.8049, want: "4.8 ×"},
		{unit: times, v: 0.6512, want: "0.651 ×"},
		{unit: times, v: 0.06512, want: "0.0651 ×"},
		{unit: times, v: 39.04, want: "39 ×"},
		{unit: count, v: 10_000, want: "10000"},
		{unit: count, v: 0, want: "0"},
		{unit: count, v: 0.0004, want: "0"},
		{unit: duration, v: 180e-9, want: "180 ns"},
		{unit: duration, v: 1.5e-6, want: "1.5 µs"},
		{unit: duration, v: 12.34e-3, want: "12.3 ms"},
		{unit: duration, v: 2, want: "2 s"},
		{unit: perSecond, v: 545, want: "545 /s"},
		{unit: perSecond, v: 52_100, want: "52.1 k/s"},
		{unit: perSecond, v: 999_900, want: "1 M/s"},
	} {
		if got := test.unit(test.v); got != test.want {
			t.Errorf("%v is written %q, want %q", test.v, got, test.want)
		}
	}
	for n, want := range map[int]string{1: "1", 999: "999", 1_000: "1 000", 1_000_000: "1 000 000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}
