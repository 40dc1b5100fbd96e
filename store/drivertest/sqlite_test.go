package drivertest_test

import (
	"context"
	"database/sql"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/sqlite"
	"example.com/credits/store/storetest"
)

// sqliteDriver is a driver of SQLite, and how it is told what each connection needs.
type sqliteDriver struct {
	name   string // as database/sql knows it
	module string
	params string
}

var (
	modernc = sqliteDriver{"sqlite", "modernc.org/sqlite", "_pragma=busy_timeout(5000)&_pragma=synchronous(2)"}
	mattn   = sqliteDriver{"sqlite3", "github.com/mattn/go-sqlite3", "_busy_timeout=5000&_synchronous=FULL"}
)

// eachDriver runs f with each driver.
func eachDriver(t *testing.T, f func(t *testing.T, d sqliteDriver)) {
	t.Helper()
	for _, d := range []sqliteDriver{modernc, mattn} {
		t.Run(d.module, func(t *testing.T) {
			if d == mattn && !withCgo {
				if os.Getenv("CI") == "true" {
					t.Fatal("NOT TESTED: github.com/mattn/go-sqlite3 needs cgo, and CI has to have it")
				}
				t.Skip("NOT TESTED: github.com/mattn/go-sqlite3 needs cgo, a C compiler")
			}
			f(t, d)
		})
	}
}

// dsn names a database file with what each connection needs.
func (d sqliteDriver) dsn(file, params string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: params}).String()
}

// open opens a database file.
func (d sqliteDriver) open(t testing.TB, file string) *sql.DB { return d.openWith(t, file, d.params) }

func (d sqliteDriver) openWith(t testing.TB, file, params string) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.name, d.dsn(file, params))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// newFile returns the name of a database file that is not there yet.
func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "credits.db") }

// newSQLite opens a store on a file, which is made if need be.
func newSQLite(t testing.TB, db *sql.DB, opts sqlite.Options) *sqlite.Store {
	t.Helper()
	ctx := context.Background()
	if err := sqlite.Migrate(ctx, db, opts); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(ctx, db, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// suiteCases is how many cases the suite has at least.
const suiteCases = 250

// wholeSuite runs the suite on a store, and sees that no case of it was left out.
func wholeSuite(t *testing.T, open func(t *testing.T) store.Store, has ...storetest.Capability) {
	t.Helper()
	n := 0
	storetest.Run(t, func(t *testing.T) store.Store {
		n++
		return open(t)
	}, has...)
	if some := strings.Contains(flag.Lookup("test.run").Value.String(), "/"); n < suiteCases && !some {
		t.Errorf("%d cases were run, of %d", n, suiteCases)
	}
}

// suite runs the suite with each driver, at once: most of the time it waits for the disk.
func suite(t *testing.T, open func(t *testing.T, db *sql.DB, s *sqlite.Store) store.Store, has ...storetest.Capability) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		t.Parallel()
		template := newFile(t) // a copy is quicker than a migration
		db := d.open(t, template)
		newSQLite(t, db, sqlite.Options{})
		must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
		wholeSuite(t, func(t *testing.T) store.Store {
			file := newFile(t)
			copyFile(t, template, file)
			db := d.open(t, file)
			return open(t, db, newSQLite(t, db, sqlite.Options{}))
		}, has...)
	})
}

func TestSQLite(t *testing.T) {
	suite(t, func(_ *testing.T, _ *sql.DB, s *sqlite.Store) store.Store { return s }, storetest.Pruner, storetest.Digester)
}

// TestSQLiteTx runs the suite inside of transactions of the host's.
func TestSQLiteTx(t *testing.T) {
	suite(t, func(t *testing.T, db *sql.DB, s *sqlite.Store) store.Store {
		tx, err := db.BeginTx(context.Background(), nil)
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
}
