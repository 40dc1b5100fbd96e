package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"

	"example.com/credits/store"
)

// scripted is a driver that keeps nothing, and answers as its script says.
type scripted struct {
	opened int
	sent   []string                   // by all connections
	closed int                        // connections
	answer func(text string) error    // to a statement, BEGIN, COMMIT or ROLLBACK; nil for success
	rows   func(text string) []string // of a query
	dial   func() error               // of a new connection
}

func (s *scripted) Connect(context.Context) (driver.Conn, error) {
	s.opened++
	if s.dial != nil {
		if err := s.dial(); err != nil {
			return nil, err
		}
	}
	return &scriptedConn{s}, nil
}

func (s *scripted) Driver() driver.Driver { return nil }

func (s *scripted) send(text string) error {
	text, _, _ = strings.Cut(text, "\n")
	s.sent = append(s.sent, text)
	if s.answer == nil {
		return nil
	}
	return s.answer(text)
}

type scriptedConn struct{ s *scripted }

func (c *scriptedConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (c *scriptedConn) Close() error                        { c.s.closed++; return nil }
func (c *scriptedConn) Begin() (driver.Tx, error)           { return nil, errors.New("no level") }
func (c *scriptedConn) Commit() error                       { return c.s.send("COMMIT") }
func (c *scriptedConn) Rollback() error                     { return c.s.send("ROLLBACK") }

func (c *scriptedConn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	return c, c.s.send("BEGIN")
}

func (c *scriptedConn) ExecContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), c.s.send(text)
}

func (c *scriptedConn) QueryContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	if err := c.s.send(text); err != nil {
		return nil, err
	}
	return &scriptedRows{c.s.rows(text)}, nil
}

type scriptedRows struct{ left []string }

func (r *scriptedRows) Columns() []string { return []string{"id"} }
func (r *scriptedRows) Close() error      { return nil }

func (r *scriptedRows) Next(dest []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	dest[0], r.left = r.left[0], r.left[1:]
	return nil
}

// on returns a store on a scripted driver.
func (s *scripted) on(t *testing.T) *Store {
	db := sql.OpenDB(s)
	t.Cleanup(func() { db.Close() })
	return &Store{db: db, text: newTexts("")}
}

func change(wallet string) store.Change {
	return store.Change{Wallet: wallet, Seq: 1, Entries: []store.Entry{{Seq: 1, Kind: 1}}}
}

var (
	alone = store.Write{Changes: []store.Change{change("c")}}
	both  = store.Write{Changes: []store.Change{change("a"), change("b")}}
)

// TestBrokenConnections sees what becomes of a connection, and what is said of
// the outcome, when a step of a commit fails.
func TestBrokenConnections(t *testing.T) {
	lost := errors.New("connection lost")
	tests := []struct {
		name    string
		write   store.Write
		at      string // the statement that fails
		err     error
		kept    bool // of the rows that a batch returns, all are there
		aborted bool
		closed  int
	}{
		{name: "BEGIN", write: both, at: "BEGIN", err: lost, aborted: true},
		{name: "the statement", write: both, at: "WITH", err: lost},
		{name: "the statement, known", write: both, at: "WITH", err: coded("40001"), aborted: true},
		{name: "COMMIT", write: both, at: "COMMIT", err: lost, kept: true, closed: 1},
		{name: "COMMIT, known", write: both, at: "COMMIT", err: coded("40001"), kept: true, aborted: true, closed: 1},
		{name: "COMMIT, said to be unsent", write: both, at: "COMMIT", err: driver.ErrBadConn, kept: true, closed: 1},
		{name: "ROLLBACK", write: both, at: "ROLLBACK", err: lost, closed: 1},
		{name: "one alone", write: alone, at: "WITH", err: lost},
		{name: "one alone, known", write: alone, at: "WITH", err: coded("40P01"), aborted: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &scripted{}
			d.answer = func(text string) error {
				if strings.HasPrefix(text, tt.at) {
					return tt.err
				}
				return nil
			}
			d.rows = func(string) []string {
				if tt.kept {
					return []string{"a", "b"}
				}
				return []string{"a"}
			}
			kept, err := d.on(t).Commit(t.Context(), tt.write)
			if tt.at == "ROLLBACK" { // a write that does not follow is no error, whatever becomes of the connection
				if err != nil || kept[0] {
					t.Errorf("kept %v, error %v", kept, err)
				}
			} else if err == nil || errors.Is(err, store.ErrAborted) != tt.aborted {
				t.Errorf("error %v, want aborted: %v", err, tt.aborted)
			}
			if d.closed != tt.closed {
				t.Errorf("%d connections are closed, not %d (%q)", d.closed, tt.closed, d.sent)
			}
		})
	}
}

// TestDeadConnections has the pool find dead connections: another is tried, but not for ever.
func TestDeadConnections(t *testing.T) {
	for dead := range 5 {
		d := &scripted{}
		left := dead
		d.answer = func(string) error {
			if left--; left >= 0 {
				return driver.ErrBadConn
			}
			return nil
		}
		kept, err := d.on(t).Commit(t.Context(), alone)
		if dead < 3 && (err != nil || !kept[0]) || dead >= 3 && !errors.Is(err, store.ErrAborted) {
			t.Errorf("%d dead connections: kept %v, error %v", dead, kept, err)
		}
	}
}

// TestLaterUnitAborted sees that what was kept is told, where a later part of a
// call is known not to be, and that nothing is told where that is unknown.
func TestLaterUnitAborted(t *testing.T) {
	for _, failed := range []error{coded("40001"), coded("57P01")} {
		d := new(scripted)
		d.rows = func(string) []string { return []string{"a", "b"} }
		d.answer = func(text string) error {
			if text == "COMMIT" {
				return failed
			}
			return nil
		}
		kept, err := d.on(t).Commit(t.Context(), alone, both)
		if failed == error(coded("40001")) && (err != nil || !kept[0] || kept[1]) {
			t.Errorf("kept %v, error %v: want the first", kept, err)
		}
		if failed == error(coded("57P01")) && (err == nil || errors.Is(err, store.ErrAborted)) {
			t.Errorf("kept %v, error %v: want an unknown outcome", kept, err)
		}
	}
}

// TestNoConnection sees that a connection that could not be had keeps nothing.
func TestNoConnection(t *testing.T) {
	d := &scripted{dial: func() error { return errors.New("no such host") }}
	if _, err := d.on(t).Commit(t.Context(), alone); !errors.Is(err, store.ErrAborted) {
		t.Error(err)
	}
}

// TestStrangeAnswers sees that an answer that cannot be is an error, not an outcome.
func TestStrangeAnswers(t *testing.T) {
	d := &scripted{rows: func(string) []string { return []string{"nobody"} }}
	if kept, err := d.on(t).Commit(t.Context(), both); err == nil || errors.Is(err, store.ErrAborted) {
		t.Error(kept, err)
	}
}

func TestNoDatabase(t *testing.T) {
	if _, err := Open(t.Context(), nil, Options{}); err == nil {
		t.Error("opened nothing")
	}
	if err := Migrate(t.Context(), nil, Options{Schema: "\x00"}); err == nil {
		t.Error("migrated a schema that cannot be")
	}
}
