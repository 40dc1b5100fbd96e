package paged_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"example.com/credits/store/internal/paged"
)

var errLast = errors.New("last")

// pages returns what reads 1 and 2, nothing, and 3, with an error at the end.
func pages(reads *int, last error) func() paged.Reader[int] {
	return func() paged.Reader[int] {
		rest := [][]int{{1, 2}, {}, {3}}
		return func(context.Context) ([]int, bool, error) {
			*reads++
			page := rest[0]
			rest = rest[1:]
			if len(rest) > 0 {
				return page, true, nil
			}
			return page, false, last
		}
	}
}

func TestAll(t *testing.T) {
	tests := []struct {
		name  string
		last  error
		stop  int // the value after which the loop ends, if any
		end   int // the value after which the context ends, if any
		want  []int
		err   error
		reads int
	}{
		{name: "all", want: []int{1, 2, 3}, reads: 3},
		{name: "an error after the values that come with it", last: errLast, want: []int{1, 2, 3}, err: errLast, reads: 3},
		{name: "left within a page", stop: 1, want: []int{1}, reads: 1},
		{name: "left at the end of a page", stop: 2, want: []int{1, 2}, reads: 1},
		{name: "ended within a page", end: 1, want: []int{1}, err: context.Canceled, reads: 1},
		{name: "ended at the end of a page", end: 2, want: []int{1, 2}, err: context.Canceled, reads: 1},
		{name: "ended at the end", end: 3, want: []int{1, 2, 3}, reads: 3},
		{name: "ended before", end: -1, err: context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.end < 0 {
				cancel()
			}
			reads := 0
			all := paged.All(ctx, pages(&reads, tt.last))
			var got []int
			var last error
			for v, err := range all {
				if last != nil {
					t.Fatal("it went on after its error")
				}
				if last = err; err != nil {
					continue
				}
				got = append(got, v)
				if v == tt.end {
					cancel()
				}
				if v == tt.stop {
					break
				}
			}
			if !slices.Equal(got, tt.want) || last != tt.err || reads != tt.reads {
				t.Errorf("met %v, error %v, %d pages; want %v, %v, %d", got, last, reads, tt.want, tt.err, tt.reads)
			}
		})
	}
}

func TestAllTwice(t *testing.T) {
	reads := 0
	all := paged.All(t.Context(), pages(&reads, nil))
	for range all {
		break
	}
	n := 0
	for range all {
		n++
	}
	if n != 3 || reads != 4 {
		t.Errorf("the second loop met %d values, and %d pages were read", n, reads)
	}
}
