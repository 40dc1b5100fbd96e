package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// slowDB opens a database of SQLite whose commits take a lag longer: it waits
// before each COMMIT, where the fsync is.
type slowDB struct {
	driver driver.Driver
	dsn    string
	lag    time.Duration
}

func (d slowDB) Connect(context.Context) (driver.Conn, error) {
	c, err := d.driver.Open(d.dsn)
	if err != nil {
		return nil, err
	}
	return &slowConn{c, d.lag}, nil
}

func (d slowDB) Driver() driver.Driver { return d.driver }

// slowConn is a connection that waits where a prepared COMMIT is run.
type slowConn struct {
	driver.Conn
	lag time.Duration
}

func (c *slowConn) Prepare(text string) (driver.Stmt, error) {
	s, err := c.Conn.Prepare(text)
	if err != nil {
		return nil, err
	}
	lag := time.Duration(0)
	if text == "COMMIT" {
		lag = c.lag
	}
	return &slowStmt{s, lag}, nil
}

// ExecContext runs scripts, which cannot be prepared.
func (c *slowConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

type slowStmt struct {
	driver.Stmt
	lag time.Duration
}

func (s *slowStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if s.lag > 0 {
		time.Sleep(s.lag)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *slowStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// openSlow opens a database whose commits take a lag longer.
func openSlow(name, dsn string, lag time.Duration) (*sql.DB, error) {
	plain, err := sql.Open(name, dsn)
	if err != nil || lag == 0 {
		return plain, err
	}
	defer plain.Close()
	return sql.OpenDB(slowDB{plain.Driver(), dsn, lag}), nil
}
