package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"example.com/credits/store"
	"example.com/credits/store/postgres"
	"example.com/credits/store/postgres/pgxtx"
	"example.com/credits/store/storetest"
)

// schemas numbers the schemas of a run.
var schemas atomic.Int64

// newSchema migrates a schema of the test's own, which is dropped afterwards, as
// the role that migrates, and gives that of services what roles.sql says. It returns its name.
func newSchema(t testing.TB) string {
	t.Helper()
	admin, db := openAs(t, nil), openAs(t, owner)
	name := fmt.Sprintf("test %d", schemas.Add(1))
	must(t, admin, `DROP SCHEMA IF EXISTS "`+name+`" CASCADE`,
		`DO $$ BEGIN CREATE ROLE credits_run LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		`DO $$ BEGIN
			CREATE ROLE credits_migrate LOGIN;
			EXECUTE format('GRANT CREATE ON DATABASE %I TO credits_migrate', current_database());
		EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
	t.Cleanup(func() {
		if _, err := openAs(t, nil).ExecContext(context.Background(), `DROP SCHEMA "`+name+`" CASCADE`); err != nil {
			t.Error(err)
		}
	})
	if err := postgres.Migrate(t.Context(), db, postgres.Options{Schema: name}); err != nil {
		t.Fatal(err)
	}
	roles, err := fs.ReadFile(postgres.Migrations, "migrations/roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	must(t, db, `GRANT USAGE ON SCHEMA "`+name+`" TO credits_run`,
		`SET search_path TO "`+name+`"; `+string(roles)+`; RESET search_path`)
	return name
}

// service makes a connection that of a service.
func service(config *pgx.ConnConfig) { config.User = "credits_run" }

// owner makes a connection that of the role that migrates.
func owner(config *pgx.ConnConfig) { config.User = "credits_migrate" }

// owned is the store of a service, whose wallets are pruned and restored as the
// role that migrates.
type owned struct {
	*postgres.Store
	owner *postgres.Store
}

func (s owned) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	return s.owner.Prune(ctx, wallet, c)
}

func (s owned) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	return s.owner.Restore(ctx, wallet, c, due, parts)
}

func open(t testing.TB, db *sql.DB, schema string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), db, postgres.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// emptying returns a function that empties the tables of a schema, which no
// role can but one that switches their triggers off.
func emptying(t testing.TB, schema string) func(t testing.TB) {
	db := openAs(t, func(config *pgx.ConnConfig) {
		config.RuntimeParams["session_replication_role"] = "replica"
		config.RuntimeParams["synchronous_commit"] = "off"
	})
	var text strings.Builder
	for _, table := range []string{"wallets", "parts", "entries", "notes", "receipts", "checkpoints", "digests"} {
		fmt.Fprintf(&text, "DELETE FROM %q.credits_%s;", schema, table)
	}
	return func(t testing.TB) { must(t, db, text.String()) }
}

// TestPostgres runs the suite on the database as a service has it, through each of pgx's adapters.
func TestPostgres(t *testing.T) {
	adapters := []struct {
		name string
		open func(t *testing.T) *sql.DB
	}{
		{"sql.DB", func(t *testing.T) *sql.DB {
			db := openAs(t, service)
			db.SetMaxOpenConns(20)
			db.SetMaxIdleConns(20)
			return db
		}},
		{"pgxpool", func(t *testing.T) *sql.DB {
			config, err := pgxpool.ParseConfig(postgresServer(t))
			if err != nil {
				t.Fatal(err)
			}
			service(config.ConnConfig)
			config.MaxConns = 20
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			db := stdlib.OpenDBFromPool(pool)
			t.Cleanup(func() { db.Close() })
			return db
		}},
	}
	for _, a := range adapters {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			schema := newSchema(t)
			s, empty := owned{open(t, a.open(t), schema), open(t, openAs(t, owner), schema)}, emptying(t, schema)
			wholeSuite(t, func(t *testing.T) store.Store {
				empty(t)
				return s
			}, storetest.Pruner, storetest.Digester)
		})
	}
}

// levels are the levels of isolation.
var levels = []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}

// TestPostgresTx runs the suite within a transaction of the host's for each case.
func TestPostgresTx(t *testing.T) {
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelSerializable} { // TestPgxTx has the one between
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			db := openAs(t, service)
			s := open(t, db, newSchema(t))
			wholeSuite(t, func(t *testing.T) store.Store {
				tx, err := db.BeginTx(context.WithoutCancel(t.Context()), &sql.TxOptions{Isolation: level})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := tx.Rollback(); err != nil {
						t.Error(err)
					}
				})
				return s.Tx(tx)
			})
		})
	}
}

// TestPgxTx runs the suite within transactions of pgx's own.
func TestPgxTx(t *testing.T) {
	t.Parallel()
	s := open(t, openAs(t, service), newSchema(t))
	conn, err := pgx.ConnectConfig(t.Context(), connConfig(t, service))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead} { // TestPostgresTx has the others
		t.Run(string(level), func(t *testing.T) {
			wholeSuite(t, func(t *testing.T) store.Store {
				ctx := context.WithoutCancel(t.Context())
				tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: level})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := tx.Rollback(ctx); err != nil {
						t.Error(err)
					}
				})
				return pgxtx.Tx(s, tx)
			})
		})
	}
}
