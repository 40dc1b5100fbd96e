package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"example.com/credits/store"
)

// writer writes, on one connection that it holds. One call at a time does.
type writer struct {
	db     *sql.DB
	text   *texts
	busy   time.Duration // how long a write waits for those of other connections
	turn   chan struct{} // has one, which the call has that writes
	closed bool
	conn   *sql.Conn // nil if there is none, or none any more
	*session
}

func newWriter(db *sql.DB, text *texts, busy time.Duration) *writer {
	w := &writer{db: db, text: text, busy: busy, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// do calls f within a transaction that may write, and commits it if f reports
// true. All errors but that of the commit itself are [store.ErrAborted]: what was
// not committed is not kept, whether it was rolled back or its connection closed.
func (w *writer) do(ctx context.Context, f func(s *session) (bool, error)) error {
	return w.within(ctx, w.busy, f)
}

// within is do with another time for which it waits for writes of other connections.
func (w *writer) within(ctx context.Context, wait time.Duration, f func(s *session) (bool, error)) error {
	select {
	case <-ctx.Done():
		return aborted(ctx.Err())
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	}
	if err := w.begin(ctx, wait); err != nil {
		return aborted(err)
	}
	keep, err := f(w.session)
	if err == nil {
		err = ctx.Err()
	}
	// From here on the context's end interrupts nothing: half a transaction must not stay.
	whole := context.WithoutCancel(ctx)
	if err != nil || !keep {
		if undone := w.exec(whole, undoWrite); undone != nil {
			w.discard()
		}
		if err != nil {
			return aborted(err)
		}
		return nil
	}
	if err := w.exec(whole, endWrite); err != nil {
		w.discard() // it may hold what it did not commit
		return fmt.Errorf("sqlite: commit: %w", err)
	}
	return nil
}

func aborted(err error) error {
	if errors.Is(err, store.ErrAborted) {
		return err
	}
	return fmt.Errorf("%w: sqlite: %w", store.ErrAborted, err)
}

// slice is how long SQLite waits for a lock at a time: while it does, it does not
// see that a context ended.
const slice = 100 * time.Millisecond

// begin begins a transaction that may write.
func (w *writer) begin(ctx context.Context, wait time.Duration) error {
	if w.closed {
		return errClosed
	}
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	for start := time.Now(); ; {
		tried := time.Now()
		err := w.exec(context.WithoutCancel(ctx), beginWrite)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case time.Since(tried) < slice/2: // not for want of the lock
			w.discard()
			return err
		case time.Since(start) >= wait:
			return err
		}
	}
}

// connect takes a connection from the pool.
func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn, w.session = conn, newSession(w.text, conn.PrepareContext)
	err = execConn(ctx, conn, fmt.Sprintf("PRAGMA busy_timeout = %d", slice.Milliseconds()))
	if err == nil {
		err = checkpointLater(ctx, conn)
	}
	if err == nil {
		err = checkSynchronous(conn.QueryRowContext(ctx, "PRAGMA synchronous"))
	}
	if err == nil {
		err = w.all(ctx)
	}
	if err != nil {
		w.discard()
	}
	return err
}

// After so many pages SQLite brings the WAL into the database: by default, and here.
// Pages that are written again and again meanwhile are brought there once.
const (
	defaultCheckpoint = 1000
	walCheckpoint     = 4000
)

// checkpointLater lets the WAL grow to walCheckpoint pages, unless the host said otherwise.
func checkpointLater(ctx context.Context, c *sql.Conn) error {
	var pages int
	err := c.QueryRowContext(ctx, "PRAGMA wal_autocheckpoint").Scan(&pages)
	if err == nil && pages == defaultCheckpoint {
		// It returns the new number, as a row.
		err = c.QueryRowContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", walCheckpoint)).Scan(&pages)
	}
	return err
}

func checkSynchronous(row *sql.Row) error {
	var n int
	if err := row.Scan(&n); err != nil {
		return err
	}
	if n < synchronousFull {
		return errSynchronous(n)
	}
	return nil
}

// discard closes the connection: it must not go back to the pool, with another
// busy timeout than that of others, or half a transaction.
func (w *writer) discard() {
	if w.conn == nil {
		return
	}
	// A driver need not bear that statements are closed after their connection.
	if w.conn.Raw(func(any) error { return nil }) == nil {
		_ = w.session.close()
	}
	discard(w.conn)
	w.conn, w.session = nil, nil
}

// discard closes a connection of a pool.
func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // so the pool drops it
	_ = c.Close()
}

// rollback ends a transaction that failed, or the connection with it.
func rollback(c *sql.Conn) error {
	err := execConn(context.Background(), c, "ROLLBACK")
	if err != nil {
		discard(c)
	}
	return err
}

func (w *writer) close() error {
	<-w.turn
	defer func() { w.turn <- struct{}{} }()
	w.closed = true
	w.discard()
	return nil
}
