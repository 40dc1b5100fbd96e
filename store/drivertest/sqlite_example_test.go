package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/benbjohnson/clock"
	_ "modernc.org/sqlite"

	"example.com/credits"
	"example.com/credits/store/sqlite"
)

// An order and the credits that pay for it are committed together, or not at all.
func Example_sqliteOrder() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "credits")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := "file:" + filepath.ToSlash(filepath.Join(dir, "shop.db")) + "?_pragma=busy_timeout(5000)&_pragma=synchronous(2)"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := sqlite.Migrate(ctx, db, sqlite.Options{}); err != nil {
		log.Fatal(err)
	}
	s, err := sqlite.Open(ctx, db, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (id TEXT PRIMARY KEY, what TEXT NOT NULL)"); err != nil {
		log.Fatal(err)
	}

	clock := clock.NewMock() // your service leaves it out
	clock.Set(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	ledger := credits.New(s, &credits.Options{Clock: clock})
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
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?, ?)", id, what); err != nil {
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
	// Output:
	// 1 orders, 6 credits left; error: <nil>
	// 1 orders, 6 credits left; error: out of stock
	// 2 orders, 0 credits left; error: <nil>
}
