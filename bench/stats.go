package main

import (
	"math"
	"slices"
	"time"
)

// spread is what some values have in common: the one in the middle, and how far
// they lie apart.
type spread struct {
	median, low, high float64
}

// spreadOf returns the spread of values, and that of none as not a number.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{median: middle(sorted), low: sorted[0], high: sorted[len(sorted)-1]}
}

// middle returns the median of sorted values.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// percentile returns the smallest of the durations that p of them, from 0 to 1,
// do not exceed. It sorts them. Of none it is 0.
func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	at := int(math.Ceil(p*float64(len(all)))) - 1
	return all[min(max(at, 0), len(all)-1)]
}

// goal is what a value is held to.
type goal struct {
	most  bool // it is at most the bound; else at least
	bound float64
}

// holds reports whether a value meets the goal. What is not a number does not.
func (g goal) holds(v float64) bool {
	if g.most {
		return v <= g.bound
	}
	return v >= g.bound
}
