package drivertest_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"example.com/credits"
	"example.com/credits/store/postgres"
)

// TestPostgresReleased loads a database as each version of the schema left it,
// which is a file of its own, and sees that it can be migrated and worked with.
func TestPostgresReleased(t *testing.T) {
	all, err := fs.Glob(postgres.Migrations, "migrations/0*.sql")
	if err != nil {
		t.Fatal(err)
	}
	const first = 2 // the first version that was released
	for version := first; version <= len(all); version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			file := fmt.Sprintf("testdata/postgres_v%d.sql", version)
			if *update && version == len(all) {
				if err := os.WriteFile(file, []byte(lived(t)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			rows, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			schema, admin := fmt.Sprintf("released %d", schemas.Add(1)), openAs(t, nil)
			admin.SetMaxOpenConns(1)
			must(t, admin, fmt.Sprintf(`CREATE SCHEMA %q; SET search_path TO %[1]q;
				CREATE TABLE credits_migrations (version int NOT NULL PRIMARY KEY, name text NOT NULL)`, schema))
			t.Cleanup(func() { mustAtEnd(t, openAs(t, nil), fmt.Sprintf(`DROP SCHEMA %q CASCADE`, schema)) })
			for n, name := range all[:version] { // as a tool of the host's does it
				text, err := fs.ReadFile(postgres.Migrations, name)
				if err != nil {
					t.Fatal(err)
				}
				must(t, admin, string(text), fmt.Sprintf(`INSERT INTO credits_migrations VALUES (%d, '%s')`, n+1, strings.TrimPrefix(name, "migrations/")))
			}
			must(t, admin, string(rows))
			opts := postgres.Options{Schema: schema}
			if err := postgres.Migrate(t.Context(), openAs(t, nil), opts); err != nil {
				t.Fatal(err)
			}
			revived(t, openAs(t, nil), opts)
		})
	}
}

// lived returns the rows of a database on which two wallets have lived, as statements.
func lived(t *testing.T) string {
	schema := newSchema(t)
	ledger := newLedger(open(t, openAs(t, service), schema)).As(credits.Actor{ID: "ann"})
	for n, task := range []credits.Task{
		{Wallet: "acme", Command: credits.Open{Plan: core()}},
		{Wallet: "caf\u00e9", Command: credits.Open{Plan: core()}},
		{Wallet: "acme", Command: credits.Spend{Amount: 2 * credits.Credit, Note: credits.Note{Labels: map[string]string{"campaign": "spring"}}}},
		{Wallet: "acme", Command: credits.Grant{Amount: 5 * credits.Credit}},
		{Wallet: "acme", Command: credits.Erase{Entries: []credits.ID{3}}},
	} {
		task.Key = credits.Key(fmt.Sprint("key ", n))
		if _, err := ledger.Do(t.Context(), task.Wallet, task.Key, task.Command); err != nil {
			t.Fatal(err)
		}
	}
	db := openAs(t, nil)
	var all strings.Builder
	for _, table := range []string{"wallets", "parts", "entries", "notes", "receipts", "checkpoints", "digests"} {
		rows, err := db.QueryContext(t.Context(), fmt.Sprintf(
			`SELECT 'INSERT INTO credits_%[1]s SELECT * FROM json_populate_record(null::credits_%[1]s, ' || quote_literal(row_to_json(r)) || ');'
			FROM %[2]q.credits_%[1]s r ORDER BY 1`, table, schema))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			all.WriteString(line + "\n")
		}
	}
	return all.String()
}

// revived works with the wallets of lived.
func revived(t *testing.T, db *sql.DB, opts postgres.Options) {
	t.Helper()
	s, err := postgres.Open(t.Context(), db, opts)
	if err != nil {
		t.Fatal(err)
	}
	ledger := newLedger(s).As(credits.Actor{ID: "ann"})
	for id, want := range map[credits.WalletID]credits.Amount{"acme": 13 * credits.Credit, "caf\u00e9": 10 * credits.Credit} {
		if err := ledger.Verify(t.Context(), id); err != nil {
			t.Error(err)
		}
		w, err := ledger.Wallet(t.Context(), id)
		if err != nil || w.Available() != want {
			t.Errorf("%s has %v, not %v (%v)", id, w.Available(), want, err)
		}
	}
	if r, err := ledger.Do(t.Context(), "acme", "key 3", credits.Grant{Amount: 5 * credits.Credit}); err != nil || !r.Replayed {
		t.Errorf("an old key: %+v, %v", r, err)
	}
	if r, err := ledger.Do(t.Context(), "acme", "new", spend(1)); err != nil || r.Balance != 12*credits.Credit {
		t.Errorf("a new spend: %+v, %v", r, err)
	}
}
