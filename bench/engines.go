package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/postgres"
	"example.com/credits/store/sqlite"
)

// engine is where stores are made.
type engine interface {
	// String returns its name.
	String() string
	// create makes a store that is empty. label is its own.
	create(ctx context.Context, label string) (store.Store, error)
	// settle sees to it that what was written is at rest.
	settle(ctx context.Context) error
}

// memoryEngine makes stores in memory.
type memoryEngine struct{}

func (memoryEngine) String() string               { return "memory" }
func (memoryEngine) settle(context.Context) error { return nil }
func (memoryEngine) create(context.Context, string) (store.Store, error) {
	return new(memory.Store), nil
}

// sqliteDriver is a driver of SQLite, and how it is told what each connection needs.
type sqliteDriver struct {
	short  string
	name   string // as database/sql knows it
	module string
	params string
}

func (d sqliteDriver) String() string { return d.short }

// sqliteEngine makes stores in files of SQLite.
type sqliteEngine struct {
	driver sqliteDriver
	regime regime
	dir    string
	dbs    []*sql.DB
	closes []func() error
}

func (e *sqliteEngine) String() string { return "sqlite" }

// open opens a database of its own.
func (e *sqliteEngine) open(label string) (*sql.DB, error) {
	file := filepath.Join(e.dir, fmt.Sprintf("%s-%s-%d.db", e.driver, label, e.regime.lag))
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: e.driver.params}).String()
	db, err := openSlow(e.driver.name, dsn, e.regime.lag)
	if err != nil {
		return nil, err
	}
	e.dbs, e.closes = append(e.dbs, db), append(e.closes, db.Close)
	return db, nil
}

func (e *sqliteEngine) create(ctx context.Context, label string) (store.Store, error) {
	db, err := e.open(label)
	if err != nil {
		return nil, err
	}
	if err := sqlite.Migrate(ctx, db, sqlite.Options{}); err != nil {
		return nil, err
	}
	s, err := sqlite.Open(ctx, db, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	e.closes = append(e.closes, s.Close)
	return s, nil
}

func (e *sqliteEngine) settle(ctx context.Context) error {
	for _, db := range e.dbs {
		if err := execAll(ctx, db, "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return err
		}
	}
	return nil
}

func (e *sqliteEngine) close() error {
	var errs []error
	for i := range e.closes { // stores before their databases
		errs = append(errs, e.closes[len(e.closes)-1-i]())
	}
	return errors.Join(errs...)
}

// postgresEngine makes stores in schemas of a server.
type postgresEngine struct{ *server }

func (e postgresEngine) String() string { return "postgres" }

func (e postgresEngine) create(ctx context.Context, label string) (store.Store, error) {
	opts := postgres.Options{Schema: label, AnyClock: true}
	if err := postgres.Migrate(ctx, e.db, opts); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, e.db, opts)
}
