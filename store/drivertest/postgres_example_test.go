package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"example.com/credits"
	"example.com/credits/store/postgres"
	"example.com/credits/store/postgres/pgxtx"
)

// An order and the credits that pay for it are committed together, or not at
// all, by a host that uses database/sql.
func Example_postgresOrder() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := postgres.Migrate(ctx, db, postgres.Options{}); err != nil {
		log.Fatal(err)
	}
	s, err := postgres.Open(ctx, db, postgres.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (id text PRIMARY KEY, what text NOT NULL)"); err != nil {
		log.Fatal(err)
	}
	ledger := credits.New(s, nil)
	plan := credits.Plan{ID: "core", Version: 1, Every: credits.Months(1), Allowances: []credits.Allowance{{Amount: 10 * credits.Credit}}}
	if _, err := ledger.Do(ctx, "acme", "signup-17", credits.Open{Plan: plan}); err != nil {
		log.Fatal(err)
	}

	order := func(id, what string, price credits.Amount) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after a commit
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES ($1, $2)", id, what); err != nil {
			return err
		}
		if _, err := ledger.On(s.Tx(tx)).Do(ctx, "acme", credits.Key(id), credits.Spend{Amount: price}); err != nil {
			return err
		}
		if what == "broken" {
			return errors.New("out of stock") // found out after the credits were spent
		}
		return tx.Commit()
	}
	show := func(err error) {
		var orders int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&orders); err != nil {
			log.Fatal(err)
		}
		wallet, _ := ledger.Wallet(ctx, "acme")
		fmt.Println(orders, "orders,", wallet.Available(), "credits left; error:", err)
	}
	show(order("order-1", "poster", 4*credits.Credit))
	show(order("order-2", "broken", 4*credits.Credit))
	show(order("order-3", "banner", 6*credits.Credit))
	// It prints:
	// 1 orders, 6 credits left; error: <nil>
	// 1 orders, 6 credits left; error: out of stock
	// 2 orders, 0 credits left; error: <nil>
}

// The same by a host that uses pgx: the store has the host's pool through
// database/sql, and works in transactions of pgx's own.
func Example_pgxOrder() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	if err := postgres.Migrate(ctx, db, postgres.Options{}); err != nil {
		log.Fatal(err)
	}
	s, err := postgres.Open(ctx, db, postgres.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pool.Exec(ctx, "CREATE TABLE orders (id text PRIMARY KEY, what text NOT NULL)"); err != nil {
		log.Fatal(err)
	}
	ledger := credits.New(s, nil)
	plan := credits.Plan{ID: "core", Version: 1, Every: credits.Months(1), Allowances: []credits.Allowance{{Amount: 10 * credits.Credit}}}
	if _, err := ledger.Do(ctx, "acme", "signup-17", credits.Open{Plan: plan}); err != nil {
		log.Fatal(err)
	}

	order := func(id, what string, price credits.Amount) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { // commits, unless there is an error
			if _, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1, $2)", id, what); err != nil {
				return err
			}
			if _, err := ledger.On(pgxtx.Tx(s, tx)).Do(ctx, "acme", credits.Key(id), credits.Spend{Amount: price}); err != nil {
				return err
			}
			if what == "broken" {
				return errors.New("out of stock") // found out after the credits were spent
			}
			return nil
		})
	}
	show := func(err error) {
		var orders int
		if err := pool.QueryRow(ctx, "SELECT count(*) FROM orders").Scan(&orders); err != nil {
			log.Fatal(err)
		}
		wallet, _ := ledger.Wallet(ctx, "acme")
		fmt.Println(orders, "orders,", wallet.Available(), "credits left; error:", err)
	}
	show(order("order-1", "poster", 4*credits.Credit))
	show(order("order-2", "broken", 4*credits.Credit))
	show(order("order-3", "banner", 6*credits.Credit))
	// It prints:
	// 1 orders, 6 credits left; error: <nil>
	// 1 orders, 6 credits left; error: out of stock
	// 2 orders, 0 credits left; error: <nil>
}

// TestPostgresExamples runs the examples above, which need a server, and so
// print nothing that `go test` could compare where there is none.
func TestPostgresExamples(t *testing.T) {
	const want = "1 orders, 6 credits left; error: <nil>\n" +
		"1 orders, 6 credits left; error: out of stock\n" +
		"2 orders, 0 credits left; error: <nil>\n"
	for name, example := range map[string]func(){"database/sql": Example_postgresOrder, "pgx": Example_pgxOrder} {
		t.Run(name, func(t *testing.T) {
			schema := fmt.Sprintf("example%d", schemas.Add(1))
			must(t, openAs(t, nil), "CREATE SCHEMA "+schema)
			t.Cleanup(func() { mustAtEnd(t, openAs(t, nil), "DROP SCHEMA "+schema+" CASCADE") })
			t.Setenv("DATABASE_URL", searching(postgresServer(t), schema))
			if got := printed(t, example); got != want {
				t.Errorf("the example printed\n%s\nand not\n%s", got, want)
			}
		})
	}
}

// printed returns what f prints.
func printed(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = out }()
	f() // what it prints fits into the pipe
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// searching returns a connection string whose connections find their tables in a schema.
func searching(dsn, schema string) string {
	if !strings.Contains(dsn, "://") {
		return dsn + " search_path=" + schema
	}
	if strings.Contains(dsn, "?") {
		return dsn + "&search_path=" + schema
	}
	return dsn + "?search_path=" + schema
}
