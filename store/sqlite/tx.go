package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"example.com/credits/store"
)

// Tx returns the store inside tx, a transaction of the host's on the same
// database: what it keeps is kept if and when the host commits. For a ledger it is
//
//	ledger.On(s.Tx(tx)).Do(ctx, ...)
//
// The first Load, Commit or Ack takes SQLite's one write lock, as BEGIN IMMEDIATE
// does: others wait until the transaction ends, so let it be short. If it cannot
// be had, nothing was kept, and the host begins its transaction again. That is so
// when the busy timeout of its connection ends, and at once when the transaction
// has read before and another connection wrote since; a transaction that begins
// with this store, or with a change, is spared the latter.
//
// After that nobody else writes, and there are no conflicts. A Commit that fails
// leaves the transaction as it was before, under a savepoint. A context that ends
// interrupts no statement, because SQLite would roll the transaction back.
//
// Use one such store for a transaction, and none while rows of it are being read.
func (s *Store) Tx(tx *sql.Tx) *Store {
	bound := *s
	bound.host = &hostTx{tx: tx}
	bound.host.session = newSession(s.text, func(ctx context.Context, text string) (*sql.Stmt, error) {
		for id := range s.text.of {
			if s.text.of[id] == text {
				stmt, err := s.reads.get(ctx, statement(id))
				if err != nil {
					return nil, err
				}
				return tx.StmtContext(ctx, stmt), nil
			}
		}
		return tx.PrepareContext(ctx, text)
	})
	return &bound
}

// hostTx is a transaction of the host's. One call at a time uses it.
type hostTx struct {
	mu     sync.Mutex
	tx     *sql.Tx
	locked bool // it has the write lock
	*session
}

func (h *hostTx) load(ctx context.Context, reads []store.Read) ([]store.State, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	if err := h.lock(ctx); err != nil {
		return nil, fmt.Errorf("sqlite: load: %w", err)
	}
	return h.session.load(ctx, reads)
}

// change calls f under a savepoint. Its errors are [store.ErrAborted]: what the
// host has not committed is not kept.
func (h *hostTx) change(ctx context.Context, f func(s *session) (bool, error)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil { // it may have ended meanwhile
		return aborted(err)
	}
	ctx = context.WithoutCancel(ctx)
	if err := h.lock(ctx); err != nil {
		return aborted(err)
	}
	if err := h.run(ctx, "SAVEPOINT credits"); err != nil {
		return aborted(err)
	}
	_, err := f(h.session)
	if err != nil {
		err = errors.Join(err, h.run(ctx, "ROLLBACK TO credits"))
	}
	if err = errors.Join(err, h.run(ctx, "RELEASE credits")); err != nil {
		return aborted(err)
	}
	return nil
}

// lock takes the write lock, once; and it sees that the transaction is one. Some
// errors make SQLite roll back by itself: what came after would be kept at once,
// and outside of any transaction a savepoint is one.
func (h *hostTx) lock(ctx context.Context) error {
	err := h.run(ctx, "BEGIN") // fails within a transaction
	if errors.Is(err, sql.ErrTxDone) {
		return err
	}
	if err == nil {
		return errors.Join(errors.New("the database has rolled the transaction back"), h.run(ctx, "ROLLBACK"))
	}
	if h.locked {
		return nil
	}
	if err := checkSynchronous(h.tx.QueryRowContext(ctx, "PRAGMA synchronous")); err != nil {
		return err
	}
	if err := h.exec(ctx, lockAll); err != nil {
		return err
	}
	h.locked = true
	return nil
}

func (h *hostTx) run(ctx context.Context, text string) error {
	_, err := h.tx.ExecContext(ctx, text)
	return err
}
