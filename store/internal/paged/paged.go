// Package paged makes iterators of reads that return a page at a time.
package paged

import (
	"context"
	"iter"
)

// A Reader reads the next page, and reports whether more may follow. A page that
// comes with an error is that of the values before it.
type Reader[V any] func(ctx context.Context) (page []V, more bool, err error)

// All yields the values of all pages, and stops after an error. Each time it is
// ranged over, begin returns what reads from the beginning. Nothing is read once
// ctx has ended, nor yielded but its error.
func All[V any](ctx context.Context, begin func() Reader[V]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		read := begin()
		for more := true; more; {
			var page []V
			err := ctx.Err()
			if err == nil {
				page, more, err = read(ctx)
			}
			for i := range page {
				if ended := ctx.Err(); ended != nil {
					err = ended
					break
				}
				if !yield(page[i], nil) {
					return
				}
			}
			if err != nil {
				var none V
				yield(none, err)
				return
			}
		}
	}
}
