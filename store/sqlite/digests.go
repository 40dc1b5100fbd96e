package sqlite

import (
	"context"
	"fmt"
	"iter"

	"example.com/credits/store"
	"example.com/credits/store/internal/paged"
)

var _ store.Digester = (*Store)(nil)

// Digests implements [store.Digester]. It reads page by page, and holds nothing
// between them.
func (s *Store) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	return paged.All(ctx, func() paged.Reader[store.Digest] {
		after := number(after)
		return func(ctx context.Context) (page []store.Digest, more bool, err error) {
			err = s.reading(ctx, func(ctx context.Context, in *session, _ queryFunc) error {
				page, more, err = in.digests(ctx, wallet, name, after, number(through))
				return err
			})
			if err != nil {
				return nil, false, fmt.Errorf("sqlite: digests: %w", err)
			}
			if more {
				after = int64(page[len(page)-1].Through)
			}
			return page, more, nil
		}
	})
}

// digests reads a page, and reports whether more may follow.
func (s *session) digests(ctx context.Context, wallet, name string, after, through int64) (page []store.Digest, more bool, err error) {
	stmt, err := s.get(ctx, loadDigests)
	if err != nil {
		return nil, false, err
	}
	rows, err := stmt.QueryContext(ctx, wallet, name, after, through, pageRows)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for size := 0; !more && rows.Next(); {
		var d store.Digest
		if err := rows.Scan(&d.Through, &d.Body); err != nil {
			return nil, false, err
		}
		size += len(d.Body)
		page = append(page, d)
		more = len(page) == pageRows || size >= pageBytes
	}
	return page, more, rows.Err()
}

// KeepDigests implements [store.Digester]. While another connection writes, it
// keeps none: the transaction may be the reader's own.
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
	err := s.writer.within(ctx, 0, func(in *session) (bool, error) {
		return in.keepDigests(context.WithoutCancel(ctx), wallet, name, seq, digests)
	})
	if busy(err) && ctx.Err() == nil {
		return nil
	}
	return err
}

// keepDigests reports whether it kept any.
func (s *session) keepDigests(ctx context.Context, wallet, name string, seq uint64, digests []store.Digest) (bool, error) {
	var no int64
	var erased, pruned uint64
	there, err := s.row(ctx, digestWallet, []any{wallet}, &no, &erased, &pruned)
	if err != nil || !there || erased > seq {
		return false, err
	}
	some := false
	for i := range digests {
		if d := &digests[i]; d.Through > pruned {
			some = true
			if err := s.exec(ctx, putDigest, no, name, int64(d.Through), nonNil(d.Body)); err != nil {
				return false, err
			}
		}
	}
	return some, nil
}

// eraseDigests removes all digests of a wallet, as a change does that erases
// notes. What is deleted stays in the file until it is written over; so it is first.
func (s *session) eraseDigests(ctx context.Context, no int64, seq uint64) error {
	if err := s.exec(ctx, markErased, no, int64(seq)); err != nil {
		return err
	}
	if err := s.exec(ctx, blankDigests, no); err != nil {
		return err
	}
	return s.exec(ctx, dropDigests, no)
}
