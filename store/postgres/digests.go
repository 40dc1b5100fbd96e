package postgres

import (
	"context"
	"iter"
	"math"

	"example.com/credits/store"
	"example.com/credits/store/internal/paged"
)

var _ store.Digester = (*Store)(nil)

// Digests implements [store.Digester]. It reads page by page, and holds nothing of
// the database between them.
func (s *Store) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	return paged.All(ctx, func() paged.Reader[store.Digest] {
		after, size := after, firstEntries
		return func(ctx context.Context) (page []store.Digest, more bool, err error) {
			if !named(wallet) || !named(name) || after > math.MaxInt64 {
				return nil, false, nil
			}
			args := []any{wallet, name, int64(after), int64(min(through, math.MaxInt64)), int64(size)}
			bytes := 0
			err = s.query(ctx, s.text.digests, args, func(scan func(dest ...any) error) error {
				var d store.Digest
				if err := scan(&d.Through, &d.Body); err != nil {
					return err
				}
				bytes += len(d.Body)
				page = append(page, d)
				return nil
			})
			if more = err == nil && len(page) == size; more {
				after, size = page[size-1].Through, nextSize(size, bytes)
			}
			return page, more, err
		}
	})
}

// KeepDigests implements [store.Digester], in one statement. It waits for nobody:
// while another transaction changes the wallet, it keeps none.
func (s *Store) KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...store.Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckDigests(wallet, name, seq, digests...); err != nil {
		return err
	}
	if s.host != nil || len(digests) == 0 {
		return nil
	}
	var throughs list
	var c cuts
	bodies := []byte{}
	for i := range digests {
		throughs.addInt(int64(digests[i].Through))
		bodies = c.add(bodies, digests[i].Body)
	}
	args := appendLists([]any{bodies, wallet, name, int64(seq)}, throughs, c.from, c.size)
	_, err := s.db.ExecContext(ctx, s.text.keepDigests, args...)
	return aborted(err)
}
