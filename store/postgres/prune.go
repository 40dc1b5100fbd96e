package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"example.com/credits/store"
)

// pruneRows is how many rows are removed by one statement.
const pruneRows = 10_000

var _ store.Pruner = (*Store)(nil)

// Checkpoint implements [store.Pruner].
func (s *Store) Checkpoint(ctx context.Context, wallet string) (c store.Checkpoint, err error) {
	if err := ctx.Err(); err != nil || !named(wallet) {
		return store.Checkpoint{}, err
	}
	err = s.query(ctx, s.text.checkpoint, []any{wallet}, func(scan func(dest ...any) error) error {
		return scan(&c.Seq, &c.At, &c.Body)
	})
	if err != nil {
		return store.Checkpoint{}, err
	}
	return c, nil
}

// Prune implements [store.Pruner]. It is for a connection of the role that
// migrates: that of services lacks the privileges. The checkpoint is kept in a
// transaction of its own, and what it stands for is removed by statements of at most
// 10,000 rows each. It is an error of a store that is bound to a transaction.
func (s *Store) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.host != nil {
		return errors.New("postgres: prune: it takes several transactions, and the store is bound to one")
	}
	if err := store.CheckCheckpoint(wallet, c); err != nil {
		return err
	}
	err := s.connected(ctx, func(conn *sql.Conn) error {
		return transact(ctx, conn, func(tx *sql.Tx) error { return s.seal(ctx, sqlRunner{tx}, wallet, c) })
	})
	if err == nil {
		err = s.pruneEntries(ctx, wallet, c.Seq)
	}
	if err == nil {
		err = s.pruneReceipts(ctx, wallet, c.Seq)
	}
	return owners(err)
}

// seal gives a wallet a checkpoint, unless it has it or is refused it.
func (s *Store) seal(ctx context.Context, in Transaction, wallet string, c store.Checkpoint) error {
	h, has := store.Head{Wallet: wallet}, store.Checkpoint{}
	err := in.Query(ctx, s.text.lockWallet, []any{wallet}, func(scan func(dest ...any) error) error { return scan(&h.Seq, &h.Fed) })
	if err != nil {
		return err
	}
	err = in.Query(ctx, s.text.findCheckpoint, []any{wallet, int64(c.Seq)}, func(scan func(dest ...any) error) error {
		return scan(&has.Seq, &has.At, &has.Body)
	})
	if err != nil {
		return err
	}
	if err := store.CheckPrune(h, has, c); err != nil || has.Seq == c.Seq {
		return err
	}
	for _, step := range []struct {
		text string
		args []any
	}{
		{s.text.putCheckpoint, []any{wallet, int64(c.Seq), c.At, c.Body}},
		{s.text.sealWallet, []any{wallet, int64(c.Seq)}},
		{s.text.pruneDigests, []any{wallet, int64(c.Seq)}},
	} {
		if _, err := in.Exec(ctx, step.text, step.args); err != nil {
			return err
		}
	}
	return nil
}

// pruneEntries removes the entries of a wallet up to one, and their notes.
func (s *Store) pruneEntries(ctx context.Context, wallet string, last uint64) error {
	for {
		first := last + 1
		err := s.query(ctx, s.text.firstEntry, []any{wallet}, func(scan func(dest ...any) error) error { return scan(&first) })
		if err != nil || first > last {
			return err
		}
		args := []any{wallet, int64(min(first+pruneRows-1, last))}
		for _, text := range []string{s.text.pruneNotes, s.text.pruneEntries} { // by the first entry it is known where to go on
			if _, err := s.db.ExecContext(ctx, text, args...); err != nil {
				return err
			}
		}
	}
}

// pruneReceipts removes the receipts of a wallet that were kept with an entry up to one.
func (s *Store) pruneReceipts(ctx context.Context, wallet string, last uint64) error {
	for after := ""; ; {
		var key string
		err := s.query(ctx, s.text.nextReceipts, []any{wallet, after, int64(pruneRows)}, func(scan func(dest ...any) error) error { return scan(&key) })
		if err != nil || key == "" {
			return err
		}
		if _, err := s.db.ExecContext(ctx, s.text.pruneReceipts, wallet, after, key, int64(last)); err != nil {
			return err
		}
		after = key
	}
}

// Restore implements [store.Pruner]. It is for a connection of the role that
// migrates, as Prune is, and an error of a store that is bound to a transaction.
func (s *Store) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	if err := ended(ctx); err != nil {
		return err
	}
	if s.host != nil {
		return errors.New("postgres: restore: the store is bound to a transaction")
	}
	if err := store.CheckRestore(wallet, c, due, parts); err != nil {
		return err
	}
	err := s.connected(ctx, func(conn *sql.Conn) error {
		return transact(ctx, conn, func(tx *sql.Tx) error { return s.restore(ctx, sqlRunner{tx}, wallet, c, due, parts) })
	})
	return owners(aborted(err))
}

func (s *Store) restore(ctx context.Context, in Transaction, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	head, _ := headOf(parts)
	made, err := in.Exec(ctx, s.text.restoreWallet, []any{wallet, int64(c.Seq), due, c.At, nonNil(head)})
	switch {
	case err != nil:
		return err
	case made == 0:
		return fmt.Errorf("%w: postgres: restore: wallet %q exists", store.ErrAborted, wallet)
	}
	if _, err := in.Exec(ctx, s.text.putCheckpoint, []any{wallet, int64(c.Seq), c.At, c.Body}); err != nil {
		return err
	}
	var ids list
	var cut cuts
	bodies := []byte{}
	for i := range parts {
		if p := &parts[i]; p.ID != 0 && len(p.Body) > 0 {
			ids.addInt(int64(p.ID))
			bodies = cut.add(bodies, p.Body)
		}
	}
	_, err = in.Exec(ctx, s.text.restoreParts, appendLists([]any{bodies, wallet}, ids, cut.from, cut.size))
	return err
}

// owners says what is wrong where a role lacks a privilege.
func owners(err error) error {
	if sqlState(err) == noPrivilege {
		return fmt.Errorf("postgres: only a connection of the role that migrates can prune and restore: %w", err)
	}
	return err
}
