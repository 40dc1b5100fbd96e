package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Migrations are the schema: a numbered file for each version, for hosts that
// run a tool of their own, and roles.sql, which gives the role of services what
// it needs and no more. Names in them have no schema: the search_path decides.
// A tool that applies them enters each number and file name into a table
// credits_migrations (version int PRIMARY KEY, name text NOT NULL), where Open looks.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// migration is one numbered file.
type migration struct {
	name string
	text string
}

// migrations returns the numbered files in order; that of version n at n-1.
func migrations() ([]migration, error) {
	names, err := fs.Glob(Migrations, "migrations/0*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	all := make([]migration, len(names))
	for i, name := range names {
		text, err := Migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all[i] = migration{strings.TrimPrefix(name, "migrations/"), string(text)}
	}
	return all, nil
}

// statements returns the statements of a file, one by one: not every driver
// takes several at once. A statement ends with a semicolon at the end of a line
// which an empty line or nothing follows.
func statements(text string) []string {
	var all []string
	for _, s := range strings.SplitAfter(text, ";\n\n") {
		if s = strings.TrimSuffix(strings.TrimSpace(s), ";"); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// Migrate brings the tables up to the version of this package, in one
// transaction for each version. It does nothing where that is so already, and
// any number of processes may call it at once: who enters a version's number
// first applies it, and the others wait. Its role has to be one that may create tables.
func Migrate(ctx context.Context, db *sql.DB, opts Options) error {
	prefix, err := opts.prefix()
	if err != nil {
		return err
	}
	all, err := migrations()
	if err != nil {
		return err
	}
	var version int
	err = db.QueryRowContext(ctx, newTexts(prefix).version).Scan(&version)
	if err == nil && version >= len(all) {
		return nil
	}
	if err := begin(ctx, db, opts.Schema, prefix); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	for i, m := range all {
		err := again(func() error { return apply(ctx, db, opts.Schema, prefix, i+1, m) })
		if err != nil {
			return fmt.Errorf("postgres: migrate: %s: %w", m.name, err)
		}
	}
	return nil
}

// begin creates the schema and the table of migrations. IF NOT EXISTS alone is
// not safe: of two that create at once, one fails.
func begin(ctx context.Context, db *sql.DB, schema, prefix string) error {
	var create []string
	if schema != "" {
		create = append(create, "CREATE SCHEMA IF NOT EXISTS "+quoted(schema))
	}
	create = append(create, "CREATE TABLE IF NOT EXISTS "+prefix+"credits_migrations (version int NOT NULL PRIMARY KEY, name text NOT NULL)")
	for _, text := range create {
		err := again(func() error {
			_, err := db.ExecContext(ctx, text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// again repeats what failed because another process did the same at once.
func again(do func() error) error {
	var err error
	for range 20 {
		err = do()
		switch sqlState(err) {
		case uniqueViolation, duplicateObject, duplicateSchema, duplicateTable, serialization, deadlock:
		default:
			return err
		}
	}
	return err
}

// apply makes version n unless it is there.
func apply(ctx context.Context, db *sql.DB, schema, prefix string, n int, m migration) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unlessDone(tx.Rollback()))
		}
	}()
	if schema != "" {
		if _, err := tx.ExecContext(ctx, "SET LOCAL search_path TO "+quoted(schema)); err != nil {
			return err
		}
	}
	// Another process that enters the same number is waited for.
	entered, err := tx.ExecContext(ctx,
		"INSERT INTO "+prefix+"credits_migrations (version, name) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING", n, m.name)
	if err != nil {
		return err
	}
	if rows, err := entered.RowsAffected(); err != nil {
		return err
	} else if rows == 1 {
		for _, text := range statements(m.text) {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// unlessDone returns the error of a rollback, but for that of one that needed none.
func unlessDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
