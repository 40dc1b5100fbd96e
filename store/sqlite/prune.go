package sqlite

import (
	"context"
	"errors"
	"fmt"

	"example.com/credits/store"
)

// pruneRows is how many rows are removed in one transaction: others that write wait for it.
const pruneRows = 10_000

var _ store.Pruner = (*Store)(nil)

// Checkpoint implements [store.Pruner].
func (s *Store) Checkpoint(ctx context.Context, wallet string) (c store.Checkpoint, err error) {
	if err := ctx.Err(); err != nil {
		return store.Checkpoint{}, err
	}
	err = s.reading(ctx, func(ctx context.Context, in *session, _ queryFunc) error {
		_, err := in.row(ctx, loadCheckpoint, []any{wallet}, &c.Seq, &c.At, &c.Body)
		return err
	})
	if err != nil {
		return store.Checkpoint{}, fmt.Errorf("sqlite: checkpoint: %w", err)
	}
	return c, nil
}

// Prune implements [store.Pruner]. The checkpoint is kept in a transaction of its
// own, and what it stands for is removed by further ones of 10,000 rows at most. It
// is an error of a store that is bound to a transaction.
//
// What was removed stays in the file, in pages that are free, until they are
// used again or VACUUM is run.
func (s *Store) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.host != nil {
		return errors.New("sqlite: prune: it takes several transactions, and the store is bound to one")
	}
	if err := store.CheckCheckpoint(wallet, c); err != nil {
		return err
	}
	var no int64
	var refused error
	err := s.writer.do(ctx, func(in *session) (keep bool, err error) {
		ctx := context.WithoutCancel(ctx)
		no, keep, refused, err = in.seal(ctx, wallet, c)
		return keep, err
	})
	if err := errors.Join(refused, err); err != nil {
		return err
	}
	if err := s.pruneEntries(ctx, no, c.Seq); err != nil {
		return err
	}
	return s.pruneReceipts(ctx, no, c.Seq)
}

// seal gives a wallet a checkpoint, unless it has it or is refused it, and
// returns the wallet's number.
func (s *session) seal(ctx context.Context, wallet string, c store.Checkpoint) (no int64, sealed bool, refused, err error) {
	h, has := store.Head{Wallet: wallet}, store.Checkpoint{}
	_, err = s.row(ctx, pruneWallet, []any{wallet, int64(c.Seq)}, &no, &h.Seq, &h.Fed, &has.Seq, &has.At, &has.Body)
	if err != nil {
		return 0, false, nil, err
	}
	if refused := store.CheckPrune(h, has, c); refused != nil || has.Seq == c.Seq {
		return no, false, refused, nil
	}
	if err := s.exec(ctx, putCheckpoint, no, int64(c.Seq), c.At, c.Body); err != nil {
		return 0, false, nil, err
	}
	return no, true, nil, s.exec(ctx, pruneDigests, no, int64(c.Seq))
}

// pruneEntries removes the entries of a wallet up to one, and their notes.
func (s *Store) pruneEntries(ctx context.Context, no int64, last uint64) error {
	for more := true; more; {
		err := s.writer.do(ctx, func(in *session) (bool, error) {
			ctx := context.WithoutCancel(ctx)
			var first int64
			there, err := in.row(ctx, firstEntry, []any{no}, &first)
			if more = there && first <= int64(last); err != nil || !more {
				return false, err
			}
			through := min(first+pruneRows-1, int64(last))
			if err := in.exec(ctx, pruneNotes, no, through); err != nil {
				return false, err
			}
			return true, in.exec(ctx, pruneEntries, no, through)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneReceipts removes the receipts of a wallet that were kept with an entry up to one.
func (s *Store) pruneReceipts(ctx context.Context, no int64, last uint64) error {
	after := ""
	for more := true; more; {
		err := s.writer.do(ctx, func(in *session) (bool, error) {
			ctx := context.WithoutCancel(ctx)
			var key *string
			_, err := in.row(ctx, nextReceipts, []any{no, after, pruneRows}, &key)
			if more = key != nil; err != nil || !more {
				return false, err
			}
			err = in.exec(ctx, pruneReceipts, no, after, *key, int64(last))
			after = *key
			return true, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Restore implements [store.Pruner]. It is an error of a store that is bound to a transaction.
func (s *Store) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	if err := ctx.Err(); err != nil {
		return aborted(err)
	}
	if s.host != nil {
		return errors.New("sqlite: restore: the store is bound to a transaction")
	}
	if err := store.CheckRestore(wallet, c, due, parts); err != nil {
		return err
	}
	return s.writer.do(ctx, func(in *session) (bool, error) {
		ctx := context.WithoutCancel(ctx)
		head, _ := headOf(parts)
		var no int64
		made, err := in.row(ctx, restoreWallet, []any{wallet, int64(c.Seq), due, c.At, nonNil(head)}, &no)
		if err == nil && !made {
			err = fmt.Errorf("restore: wallet %q exists", wallet)
		}
		if err != nil {
			return false, err
		}
		for i := range parts {
			if err := in.keepPart(ctx, no, &parts[i]); err != nil {
				return false, err
			}
		}
		return true, in.exec(ctx, putCheckpoint, no, int64(c.Seq), c.At, c.Body)
	})
}
