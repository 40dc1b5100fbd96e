package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// counted counts the calls of a store.
type counted struct {
	store.Store
	loads, commits int
}

func (c *counted) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	c.loads++
	return c.Store.Load(ctx, reads...)
}

func (c *counted) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	c.commits++
	return c.Store.Commit(ctx, writes...)
}

// stuck makes a spend of which the store can keep nothing until somebody mends
// it. The ledger gives up at once, and its error is of a class and says what is wrong.
func stuck(t *testing.T, s store.Store, class error, says string) {
	t.Helper()
	c := &counted{Store: s}
	_, err := newLedger(c).Do(t.Context(), "acme", "stuck", credits.Spend{Amount: credits.Credit})
	if !errors.Is(err, class) || !strings.Contains(err.Error(), says) {
		t.Errorf("the error is %v, not one of class %v that says %q", err, class, says)
	}
	if c.commits > 1 || c.loads > 1 {
		t.Errorf("the ledger tried %d commits and %d loads", c.commits, c.loads)
	}
}

// mended makes the spend of stuck once what was wrong is mended: it has one effect.
func mended(t *testing.T, s store.Store) {
	t.Helper()
	ledger := newLedger(s)
	for n := range 2 {
		r, err := ledger.Do(t.Context(), "acme", "stuck", credits.Spend{Amount: credits.Credit})
		if err != nil || r.Replayed != (n > 0) {
			t.Errorf("once it was mended, call %d returned %+v, %v", n, r, err)
		}
	}
	if keys := spentKeys(t, ledger); keys["stuck"] != 1 {
		t.Errorf("the key was spent under %d times", keys["stuck"])
	}
}

// TestSQLiteLasting has failures that no repetition mends: S-4, nothing is kept.
func TestSQLiteLasting(t *testing.T) {
	t.Run("S-4/the disk is full", func(t *testing.T) {
		file := newFile(t)
		openAcme(t, modernc, file)
		var pages int
		if err := modernc.open(t, file).QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		full := modernc.openWith(t, file, fmt.Sprintf("%s&_pragma=max_page_count(%d)", modernc.params, pages))
		s := newSQLite(t, full, sqlite.Options{})
		fill := newLedger(s)
		for n := 0; ; n++ { // what is left of the last pages
			if _, err := fill.Do(t.Context(), "acme", credits.Key(fmt.Sprint(n)), credits.Spend{Amount: 1}); err != nil {
				break
			}
		}
		stuck(t, s, credits.ErrRetry, "full")
		mended(t, newSQLite(t, modernc.open(t, file), sqlite.Options{}))
	})
	t.Run("S-4/read-only connections", func(t *testing.T) {
		eachDriver(t, func(t *testing.T, d sqliteDriver) {
			file := newFile(t)
			openAcme(t, d, file)
			db, w := newWire(t, d, file)
			s, err := sqlite.Open(t.Context(), db, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			db.SetMaxIdleConns(-1)
			w.dsn += "&_pragma=query_only(1)&_query_only=1"
			stuck(t, s, credits.ErrRetry, "readonly")
			mended(t, newSQLite(t, d.open(t, file), sqlite.Options{}))
		})
	})
	t.Run("S-4/a table is gone", func(t *testing.T) {
		eachDriver(t, func(t *testing.T, d sqliteDriver) {
			file := newFile(t)
			openAcme(t, d, file)
			db := d.open(t, file)
			s := newSQLite(t, db, sqlite.Options{})
			must(t, db, "ALTER TABLE credits_receipts RENAME TO away")
			stuck(t, s, credits.ErrRetry, "credits_receipts")
			must(t, db, "ALTER TABLE away RENAME TO credits_receipts")
			mended(t, s)
		})
	})
	t.Run("S-4/a file that may not be written", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may write any file")
		}
		file := newFile(t)
		openAcme(t, modernc, file)
		if err := os.Chmod(file, 0o400); err != nil {
			t.Fatal(err)
		}
		s := newSQLite(t, modernc.open(t, file), sqlite.Options{})
		stuck(t, s, credits.ErrRetry, "readonly")
	})
}

// TestPostgresLasting has failures that no repetition mends. What the server
// refuses for another reason than a conflict is not told from what it may have
// done: the same key tells, once it is mended.
func TestPostgresLasting(t *testing.T) {
	cases := []struct {
		name, spoil, mend string // statements, with the schema as %[1]s
		class             error
		says              string
	}{
		{
			"S-4/a privilege is gone", "REVOKE INSERT ON %[1]s.credits_entries FROM credits_run", "GRANT INSERT ON %[1]s.credits_entries TO credits_run",
			credits.ErrUnknown, "permission denied for table credits_entries",
		},
		{
			"S-4/no reading either", "REVOKE SELECT ON %[1]s.credits_wallets FROM credits_run", "GRANT SELECT ON %[1]s.credits_wallets TO credits_run",
			credits.ErrRetry, "permission denied for table credits_wallets",
		},
		{
			"S-4/a table is gone", "ALTER TABLE %[1]s.credits_receipts RENAME TO away", "ALTER TABLE %[1]s.away RENAME TO credits_receipts",
			credits.ErrRetry, `relation "test`,
		},
		{
			"S-4/the database became read-only", "ALTER ROLE credits_run SET default_transaction_read_only = on", "ALTER ROLE credits_run RESET default_transaction_read_only",
			credits.ErrRetry, "read-only transaction",
		},
		{
			"S-4/a trigger of the host's refuses", "CREATE FUNCTION %[1]s.spoil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'spoilt'; END$$;" +
				"CREATE TRIGGER spoil BEFORE INSERT ON %[1]s.credits_receipts EXECUTE FUNCTION %[1]s.spoil()",
			"DROP TRIGGER spoil ON %[1]s.credits_receipts", credits.ErrUnknown, "spoilt",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			schema := newSchema(t)
			db := openAs(t, service)
			s := open(t, db, schema)
			rich(t, s)
			quoted := `"` + schema + `"`
			do := func(text string) {
				must(t, openAs(t, nil), strings.ReplaceAll(text, "%[1]s", quoted))
				db.SetMaxIdleConns(-1) // roles' settings are those of new connections
			}
			do(c.spoil)
			t.Cleanup(func() { mustAtEnd(t, openAs(t, nil), "ALTER ROLE credits_run RESET default_transaction_read_only") })
			stuck(t, s, c.class, c.says)
			do(c.mend)
			mended(t, s)
		})
	}
}
