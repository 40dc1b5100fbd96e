package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// op is what is measured: one operation of a caller, who is numbered from 0 and
// does one at a time.
type op func(ctx context.Context, caller int) error

// contender is something that is measured against others.
type contender struct {
	id      string // what its samples are found by, such as "postgres/fast/many/64/ours"
	callers int
	procs   int  // how many cores it may use; 0 for all
	timed   bool // whether the time of each operation is taken, which costs some itself
	op      op
	fresh   func(ctx context.Context) (op, error) // in place of op: makes it anew for each round
}

// sample is what one round of a contender showed.
type sample struct {
	rate   float64       // operations a second
	p99    time.Duration // 99 of 100 operations took no longer; 0 if they were not timed
	allocs float64       // memory allocations of the process, an operation
}

// String writes what was measured.
func (s sample) String() string {
	text := fmt.Sprintf("%10s", perSecond(s.rate))
	if s.p99 > 0 {
		text += fmt.Sprintf("  p99 %s", s.p99.Round(10*time.Microsecond))
	}
	return text
}

// cost returns the time of one operation by one caller, in seconds.
func (s sample) cost() float64 { return 1 / s.rate }

// results are the samples of contenders, in order of their rounds, or why there are none.
type results struct {
	samples map[string][]sample
	missing map[string]string // by the beginnings of names
}

// notMeasured is why there are no samples of what was not run.
const notMeasured = "not measured"

func newResults() *results {
	return &results{samples: make(map[string][]sample), missing: make(map[string]string)}
}

func (r *results) add(id string, s sample) { r.samples[id] = append(r.samples[id], s) }

// lacks notes why there are no samples of what is named so.
func (r *results) lacks(prefix, why string) { r.missing[prefix] = why }

// of returns the samples of a contender.
func (r *results) of(id string) ([]sample, error) {
	if s := r.samples[id]; len(s) > 0 {
		return s, nil
	}
	for prefix, why := range r.missing {
		if strings.HasPrefix(id, prefix) {
			return nil, errors.New(why)
		}
	}
	return nil, errors.New(notMeasured)
}

// inTurn measures contenders in turn, round by round, each for a while: what
// happens to the machine meanwhile happens to all of them. Each round begins
// with another one.
func (b *bench) inTurn(ctx context.Context, span time.Duration, all ...contender) error {
	for round := range b.rounds {
		for i := range all {
			c := &all[(i+round)%len(all)]
			s, err := c.measure(ctx, span)
			if err != nil {
				return fmt.Errorf("%s: %w", c.id, err)
			}
			b.results.add(c.id, s)
			b.say("%d/%d  %-44s %s", round+1, b.rounds, c.id, s)
		}
	}
	return nil
}

// measure drives a contender, after it was made warm.
func (c *contender) measure(ctx context.Context, span time.Duration) (sample, error) {
	do := c.op
	if c.fresh != nil {
		runtime.GC() // what others left behind is not charged to this one
		var err error
		if do, err = c.fresh(ctx); err != nil {
			return sample{}, err
		}
	}
	if c.procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
	}
	if _, err := drive(ctx, c.callers, span/5, false, do); err != nil {
		return sample{}, err
	}
	return drive(ctx, c.callers, span, c.timed, do)
}

// drive lets callers do an operation again and again for a while. All that was
// begun is waited for. What callers do gets a context that never ends: drivers
// watch one that can, at a cost that has nothing to do with what is compared.
func drive(ctx context.Context, callers int, span time.Duration, timed bool, do op) (sample, error) {
	var stop atomic.Bool
	timer := time.AfterFunc(span, func() { stop.Store(true) })
	defer timer.Stop()
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	never := context.WithoutCancel(ctx)

	counts := make([]int, callers)
	times := make([][]time.Duration, callers)
	errs := make([]error, callers)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			counts[caller], times[caller], errs[caller] = repeat(&stop, timed, func() error { return do(never, caller) })
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return sample{}, err
	}
	n := 0
	for _, count := range counts {
		n += count
	}
	return sample{
		rate:   float64(n) / elapsed.Seconds(),
		p99:    percentile(slices.Concat(times...), 0.99),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, nil
}

// repeat calls f until it is told to stop or f fails, once at least. It returns
// how often it did and, if they are asked for, how long each call took.
func repeat(stop *atomic.Bool, timed bool, f func() error) (n int, times []time.Duration, err error) {
	var begin time.Time
	for n == 0 || !stop.Load() {
		if timed {
			begin = time.Now()
		}
		if err := f(); err != nil {
			stop.Store(true)
			return n, times, err
		}
		if timed {
			times = append(times, time.Since(begin))
		}
		n++
	}
	return n, times, nil
}
