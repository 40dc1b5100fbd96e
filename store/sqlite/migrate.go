package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Migrations are the schema, a numbered file for each version, for hosts that run
// a tool of their own. The names in them have the prefix "credits_". A tool that
// applies them enters each number and file name into a table credits_migrations
// (version INTEGER PRIMARY KEY, name TEXT NOT NULL), where [Open] looks, and sets
// PRAGMA journal_mode=WAL once.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// migration is one numbered file.
type migration struct {
	name string
	text string
}

// migrations returns the files in order, that of version n at n-1, with the
// names beginning with prefix.
func migrations(prefix string) ([]migration, error) {
	names, err := fs.Glob(Migrations, "migrations/*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	all := make([]migration, len(names))
	for i, name := range names {
		text, err := Migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all[i] = migration{path.Base(name), strings.ReplaceAll(string(text), defaultPrefix, prefix)}
	}
	return all, nil
}

// schemaVersion returns the version of the tables; 0 if there are none.
func schemaVersion(ctx context.Context, c *sql.Conn, prefix string) (version int, err error) {
	const there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1"
	var n int
	if err := c.QueryRowContext(ctx, there, prefix+"migrations").Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	err = c.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM "+prefix+"migrations").Scan(&version)
	return version, err
}

// Migrate sets WAL mode and brings the tables up to the version of this package,
// all in one transaction. It does nothing where that is so already, and any
// number of processes may call it at once: one does it, and the others wait.
func Migrate(ctx context.Context, db *sql.DB, opts Options) error {
	if err := migrate(ctx, db, opts); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, opts Options) (err error) {
	prefix, err := opts.prefix()
	if err != nil {
		return err
	}
	all, err := migrations(prefix)
	if err != nil {
		return err
	}
	if db == nil {
		return errors.New("no database")
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := setWAL(ctx, c); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, c, prefix)
	if err != nil || version >= len(all) {
		return err
	}
	if err := patiently(ctx, func() error { return execConn(ctx, c, "BEGIN IMMEDIATE") }); err != nil {
		return err
	}
	if err := apply(ctx, c, prefix, all); err != nil {
		return errors.Join(err, rollback(c))
	}
	if err := execConn(ctx, c, "COMMIT"); err != nil {
		return errors.Join(err, rollback(c))
	}
	return nil
}

// apply makes the versions that are not there, within a transaction.
func apply(ctx context.Context, c *sql.Conn, prefix string, all []migration) error {
	create := "CREATE TABLE IF NOT EXISTS " + prefix + "migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)"
	if err := execConn(ctx, c, create); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, c, prefix) // another process may have been first
	if err != nil {
		return err
	}
	for i := version; i < len(all); i++ {
		if err := execConn(ctx, c, all[i].text); err != nil {
			return fmt.Errorf("%s: %w", all[i].name, err)
		}
		_, err := c.ExecContext(ctx, "INSERT INTO "+prefix+"migrations (version, name) VALUES (?1, ?2)", i+1, all[i].name)
		if err != nil {
			return err
		}
	}
	return nil
}

// setWAL sets WAL mode, which stays with the file.
func setWAL(ctx context.Context, c *sql.Conn) error {
	return patiently(ctx, func() error {
		var mode string
		// Asked first: to set what is set would wait for every other connection.
		if err := c.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" {
			return err
		}
		if err := c.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
			return err
		}
		if mode != "wal" {
			return fmt.Errorf("journal_mode stays %s: a database in memory cannot be in WAL mode", mode)
		}
		return nil
	})
}

// patience is how long Migrate tries what other processes may keep it from: where
// the mode of the file changes, SQLite does not heed the busy timeout.
const patience = 10 * time.Second

// patiently repeats what fails until it succeeds, the context ends or patience does.
func patiently(ctx context.Context, do func() error) error {
	for start, pause := time.Now(), time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := do()
		if err == nil || !busy(err) || time.Since(start) > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// busy reports whether err says that another connection is at it.
func busy(err error) bool {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		code := coded.Code() & 0xff
		return code == 5 || code == 6 // SQLITE_BUSY, SQLITE_LOCKED
	}
	return err != nil && strings.Contains(err.Error(), "locked") // not every driver's errors have a code that can be asked for
}

func execConn(ctx context.Context, c *sql.Conn, text string) error {
	_, err := c.ExecContext(ctx, text)
	return err
}
