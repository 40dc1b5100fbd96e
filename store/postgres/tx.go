package postgres

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// Tx returns the store inside tx, a transaction of the host's: what it keeps is
// kept if and when the host commits. For a ledger it is
//
//	ledger.On(s.Tx(tx)).Do(ctx, ...)
//
// At READ COMMITTED, the default, a wallet that another transaction changed is
// a write that is not kept, and the transaction goes on. At stricter levels
// PostgreSQL refuses to change such a wallet: each Commit works under a
// savepoint, and returns [store.ErrAborted]; the transaction can still read, and
// to change the wallet it has to begin again. A context that ends while a call
// is under way costs the transaction, as in any of its statements, and so does a deadlock.
//
// Use one such store for a transaction, and none while rows of it are being read.
func (s *Store) Tx(tx *sql.Tx) *Store { return s.Within(sqlRunner{tx}) }

// Within is [Store.Tx] for a transaction of another library than database/sql.
func (s *Store) Within(tx Transaction) *Store {
	bound := *s
	bound.host = &hostTx{tx: tx}
	return &bound
}

// Transaction is a transaction of the host's, as [Store.Within] needs it. Its
// errors are the driver's, or wrap them, and have a method SQLState if PostgreSQL
// answered with one. Parameters are strings, int64s, byte slices and nil.
type Transaction interface {
	// Exec carries out a statement and returns how many rows it changed.
	Exec(ctx context.Context, statement string, args []any) (rows int64, err error)

	// Query calls row for each row, with a function that puts the row's columns
	// into variables: of strings, of integers, and of byte slices, which are nil
	// where the column is NULL. It returns row's error, and when no rows are left open.
	Query(ctx context.Context, statement string, args []any, row func(scan func(dest ...any) error) error) error
}

// sqlRunner is a database, a connection of it, or a transaction, of database/sql.
type sqlRunner struct {
	q interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
}

func (r sqlRunner) Exec(ctx context.Context, statement string, args []any) (int64, error) {
	done, err := r.q.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

func (r sqlRunner) Query(ctx context.Context, statement string, args []any, row func(scan func(dest ...any) error) error) error {
	rows, err := r.q.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			rows.Close()
			return err
		}
	}
	if err := rows.Err(); err != nil {
		rows.Close()
		return err
	}
	return rows.Close()
}

// hostTx is a transaction of the host's. One call at a time uses it.
type hostTx struct {
	mu    sync.Mutex
	tx    Transaction
	level string // of isolation; empty if it was not read yet
}

// guarded runs a statement within the host's transaction. Where the level of
// isolation lets a conflict fail the statement, or if all is to be undone
// unless all of it follows, it does so under a savepoint.
func (h *hostTx) guarded(ctx context.Context, whole bool, f func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.level == "" {
		err := h.tx.Query(ctx, "SELECT current_setting('transaction_isolation')", nil,
			func(scan func(dest ...any) error) error { return scan(&h.level) })
		if err != nil {
			return err
		}
	}
	if h.level == "read committed" && !whole {
		return f()
	}
	if err := h.exec(ctx, "SAVEPOINT credits_store"); err != nil {
		return err
	}
	if err := f(); err != nil {
		if undone := h.exec(ctx, "ROLLBACK TO SAVEPOINT credits_store"); undone != nil {
			return errors.Join(err, undone)
		}
		return errors.Join(err, h.exec(ctx, "RELEASE SAVEPOINT credits_store"))
	}
	return h.exec(ctx, "RELEASE SAVEPOINT credits_store")
}

func (h *hostTx) exec(ctx context.Context, statement string) error {
	_, err := h.tx.Exec(ctx, statement, nil)
	return err
}
