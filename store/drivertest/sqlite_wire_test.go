package drivertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"

	"example.com/credits/store/sqlite"
)

// wire stands between database/sql and a driver of SQLite: it writes down what
// is said, and may fail.
type wire struct {
	driver driver.Driver
	dsn    string

	mu   sync.Mutex
	said []string
	fail func(text string) (before, after error) // of each time a statement is run; may be nil
}

// newWire opens a database file through a wire.
func newWire(t *testing.T, d sqliteDriver, file string) (*sql.DB, *wire) {
	t.Helper()
	plain := d.open(t, file)
	w := &wire{driver: plain.Driver(), dsn: d.dsn(file, d.params)}
	db := sql.OpenDB(w)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, w
}

// newWired opens a store on a new database file through a wire.
func newWired(t *testing.T, d sqliteDriver) (s *sqlite.Store, plain *sql.DB, w *wire) {
	t.Helper()
	file := newFile(t)
	plain = d.open(t, file)
	newSQLite(t, plain, sqlite.Options{})
	db, w := newWire(t, d, file)
	return newSQLite(t, db, sqlite.Options{}), plain, w
}

// failing makes statements that begin so fail, n times, before or after they are run.
func (w *wire) failing(begin string, n int, before, after error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = func(text string) (error, error) {
		if n == 0 || !strings.HasPrefix(text, begin) {
			return nil, nil
		}
		n--
		return before, after
	}
}

// take returns what was said since the last time.
func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

func (w *wire) run(text string) (before, after error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
	if w.fail == nil {
		return nil, nil
	}
	return w.fail(text)
}

func (w *wire) Connect(context.Context) (driver.Conn, error) {
	c, err := w.driver.Open(w.dsn)
	if err != nil {
		return nil, err
	}
	return &wireConn{c, w}, nil
}

func (w *wire) Driver() driver.Driver { return w.driver }

// wireConn has no methods but those that each connection has, so that all that
// is said is prepared.
type wireConn struct {
	driver.Conn
	*wire
}

func (c *wireConn) Prepare(text string) (driver.Stmt, error) {
	s, err := c.Conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	return &wireStmt{s, text, c.wire}, nil
}

type wireStmt struct {
	driver.Stmt
	text string
	*wire
}

func (s *wireStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	before, after := s.run(s.text)
	if before != nil {
		return nil, before
	}
	r, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err == nil && after != nil {
		return nil, after
	}
	return r, err
}

func (s *wireStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	before, after := s.run(s.text)
	if before != nil {
		return nil, before
	}
	r, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err == nil && after != nil {
		return nil, errors.Join(after, r.Close())
	}
	return r, err
}
