package drivertest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
)

// TestSQLiteOpenInspects sees that Open says what is wrong.
func TestSQLiteOpenInspects(t *testing.T) {
	const busy, full = "_pragma=busy_timeout(5000)&_busy_timeout=5000", "_pragma=synchronous(2)&_synchronous=FULL"
	for _, c := range []struct {
		name   string
		params string // both drivers', each of which passes over the other's
		set    func(t *testing.T, db *sql.DB)
		opts   sqlite.Options
		want   string // within the error; empty for none
		fresh  bool   // a file that was not migrated
	}{
		{name: "in order", params: busy + "&" + full},
		{name: "synchronous=EXTRA", params: busy + "&_pragma=synchronous(3)&_synchronous=EXTRA"},
		{name: "synchronous=NORMAL", params: busy + "&_pragma=synchronous(1)&_synchronous=NORMAL", want: "synchronous is 1"},
		{name: "synchronous=OFF", params: busy + "&_pragma=synchronous(0)&_synchronous=OFF", want: "synchronous is 0"},
		{name: "no busy timeout", params: full + "&_pragma=busy_timeout(0)&_busy_timeout=0", want: "busy_timeout is 0"},
		{name: "query only", params: busy + "&" + full + "&_pragma=query_only(1)&_query_only=1", want: "cannot write"},
		{name: "a rollback journal", params: busy + "&" + full, want: "journal_mode is delete", fresh: true},
		{name: "one connection", params: busy + "&" + full, want: "at least two", set: func(_ *testing.T, db *sql.DB) { db.SetMaxOpenConns(1) }},
		{name: "clock of 4 minutes ahead", params: busy + "&" + full, opts: sqlite.Options{Clock: ahead(4 * time.Minute)}},
		{name: "clock of 6 minutes ahead", params: busy + "&" + full, opts: sqlite.Options{Clock: ahead(6 * time.Minute)}, want: "ahead of the database's"},
		{name: "clock of 6 minutes ahead, allowed", params: busy + "&" + full, opts: sqlite.Options{Clock: ahead(6 * time.Minute), AnyClock: true}},
		{name: "clock of a day behind", params: busy + "&" + full, opts: sqlite.Options{Clock: ahead(-24 * time.Hour)}},
		{name: "no tables", params: busy + "&" + full, opts: sqlite.Options{Prefix: "others_"}, want: `no tables with the prefix "others_"`},
		{name: "a table of migrations that is empty", params: busy + "&" + full, want: "call Migrate", set: func(t *testing.T, db *sql.DB) {
			must(t, db, "CREATE TABLE old_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)")
		}, opts: sqlite.Options{Prefix: "old_"}},
		{name: "newer tables", params: busy + "&" + full, want: "a later version", set: func(t *testing.T, db *sql.DB) {
			must(t, db, "INSERT INTO credits_migrations VALUES (9999, 'from the future')")
		}},
		{name: "a prefix that is none", params: busy + "&" + full, opts: sqlite.Options{Prefix: "x; DROP TABLE y"}, want: "cannot be a prefix"},
		{name: "a prefix of SQLite's", params: busy + "&" + full, opts: sqlite.Options{Prefix: "sqlite_"}, want: "cannot be a prefix"},
		{name: "a long prefix", params: busy + "&" + full, opts: sqlite.Options{Prefix: strings.Repeat("x", 41)}, want: "more than 40"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d sqliteDriver) {
				file := newFile(t)
				if !c.fresh {
					if err := sqlite.Migrate(t.Context(), d.open(t, file), sqlite.Options{}); err != nil {
						t.Fatal(err)
					}
				}
				db := d.openWith(t, file, c.params)
				if c.set != nil {
					c.set(t, db)
				}
				s, err := sqlite.Open(t.Context(), db, c.opts)
				if err == nil {
					defer s.Close()
				}
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("Open returned the error %v, not one with %q", err, c.want)
				}
			})
		})
	}
}

func TestSQLiteInMemoryIsRefused(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db, err := sql.Open(d.name, ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := sqlite.Migrate(t.Context(), db, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "memory") {
			t.Errorf("Migrate of a database in memory returned the error %v", err)
		}
	})
}

// TestSQLiteMigrateAtOnce lets ten pools migrate the same new file at once.
func TestSQLiteMigrateAtOnce(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		file := newFile(t)
		var wg sync.WaitGroup
		for range 10 {
			db := d.open(t, file)
			wg.Go(func() {
				if err := sqlite.Migrate(context.Background(), db, sqlite.Options{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		s := newSQLite(t, d.open(t, file), sqlite.Options{})
		if kept, err := s.Commit(t.Context(), write("acme", 0)); err != nil || !kept[0] {
			t.Error(kept, err)
		}
	})
}

// TestSQLitePrefixes sees that two ledgers in one file leave each other alone.
func TestSQLitePrefixes(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db := d.open(t, newFile(t))
		a, b := newSQLite(t, db, sqlite.Options{}), newSQLite(t, db, sqlite.Options{Prefix: "B2_"})
		for _, s := range []store.Store{a, b} {
			if kept, err := s.Commit(t.Context(), write("acme", 0, "k")); err != nil || !kept[0] {
				t.Error(kept, err)
			}
		}
		if kept, err := b.Commit(t.Context(), write("acme", 1)); err != nil || !kept[0] {
			t.Error(kept, err)
		}
		for e, err := range a.Entries(t.Context(), store.Query{Wallet: "acme"}) {
			if err != nil || e.Seq != 1 {
				t.Error(e, err)
			}
		}
	})
}

// TestSQLiteSchemaGolden compares what the migrations make with a golden file.
func TestSQLiteSchemaGolden(t *testing.T) {
	db := modernc.open(t, newFile(t))
	newSQLite(t, db, sqlite.Options{})
	goldenLines(t, "testdata/sqlite.golden", db, "SELECT sql || ';' || char(10) FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")
}

// TestSQLiteReleased opens a database of each schema that was released, and goes
// on with it. The flag -update adds one of the newest schema if there is none;
// those that are there stay.
func TestSQLiteReleased(t *testing.T) {
	names, err := filepath.Glob("testdata/sqlite-schema-*.db")
	if err != nil {
		t.Fatal(err)
	}
	migrations, err := sqlite.Migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	if newest := "testdata/sqlite-schema-" + migrations[len(migrations)-1].Name()[:4] + ".db"; len(names) < len(migrations) {
		if !*update {
			t.Fatalf("%s is not there: write it with -update", newest)
		}
		file := newFile(t)
		makeReleased(t, file)
		copyFile(t, file, newest)
		names = append(names, newest)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d sqliteDriver) {
				file := newFile(t)
				copyFile(t, name, file)
				got, want := newSQLite(t, d.open(t, file), sqlite.Options{}), new(memory.Store)
				first, then := releasedWrites()
				keepAll(t, want, first...)
				if err := want.Ack(t.Context(), "acme", 1); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if diff := cmp.Diff(contentOf(t, want, 3), contentOf(t, got, 3)); diff != "" {
						t.Errorf("what is stored (-want +got):\n%s", diff)
					}
					keepAll(t, want, then)
					keepAll(t, got, then)
					then = write("acme", 2, "3")
				}
			})
		})
	}
}

// releasedWrites returns what is in the databases of released schemas, and what follows.
func releasedWrites() (first []store.Write, then store.Write) {
	then = write("acme", 1, "2")
	then.Changes[0].Erase = []uint64{1}
	return []store.Write{write("acme", 0, "1"), write("Caf\u00e9", 0, "1")}, then
}

// makeReleased makes a database as this version does, in one file.
func makeReleased(t *testing.T, file string) {
	t.Helper()
	db := modernc.open(t, file)
	must(t, db, "PRAGMA page_size=512") // so that the golden file is small
	s := newSQLite(t, db, sqlite.Options{})
	first, _ := releasedWrites()
	keepAll(t, s, first...)
	if err := errors.Join(s.Ack(t.Context(), "acme", 1), s.Close()); err != nil {
		t.Fatal(err)
	}
	must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSQLiteErasedIsGone_L4 sees that a note that was erased is not in the file any more.
func TestSQLiteErasedIsGone_L4(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		file := newFile(t)
		db := d.open(t, file)
		s := newSQLite(t, db, sqlite.Options{})
		w := write("acme", 0)
		secret := bytes.Repeat([]byte("a person's name "), 300) // over several pages
		w.Changes[0].Entries[0].Note = secret
		gone := write("acme", 1)
		gone.Changes[0].Erase = []uint64{1}
		for i, w := range []store.Write{w, gone} {
			if kept, err := s.Commit(t.Context(), w); err != nil || !kept[0] {
				t.Fatal(kept, err)
			}
			must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if there := bytes.Contains(b, []byte("a person's name ")); there != (i == 0) {
				t.Errorf("the note is in the file after commit %d: %v", i+1, there)
			}
		}
	})
}

// TestSQLiteEntriesAreImmutable_L1 tries to change entries and receipts.
func TestSQLiteEntriesAreImmutable_L1(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db := d.open(t, newFile(t))
		s := newSQLite(t, db, sqlite.Options{})
		if kept, err := s.Commit(t.Context(), write("acme", 0, "k")); err != nil || !kept[0] {
			t.Fatal(kept, err)
		}
		for _, text := range []string{
			"UPDATE credits_entries SET body = x'00'",
			"UPDATE credits_entries SET at = at",
			"UPDATE OR REPLACE credits_entries SET seq = 7",
			"DELETE FROM credits_entries",
			"DELETE FROM credits_entries WHERE seq = 1",
			"REPLACE INTO credits_entries SELECT wallet, seq, at, kind, of, feature, x'00' FROM credits_entries",
			"INSERT INTO credits_entries SELECT * FROM credits_entries WHERE true ON CONFLICT DO UPDATE SET body = x'00'",
			"UPDATE credits_receipts SET body = x'00'",
		} {
			_, err := db.ExecContext(t.Context(), text)
			if err == nil || !strings.Contains(err.Error(), "never") {
				t.Errorf("%s: the error is %v", text, err)
			}
		}
		for e, err := range s.Entries(t.Context(), store.Query{Wallet: "acme"}) {
			if err != nil || e.Seq != 1 || string(e.Body) != "body" {
				t.Error(e, err)
			}
		}
	})
}

// TestSQLiteClosed sees that a store that was closed says so, and left the database open.
func TestSQLiteClosed(t *testing.T) {
	db := modernc.open(t, newFile(t))
	s := newSQLite(t, db, sqlite.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), write("acme", 0)); !errors.Is(err, store.ErrAborted) {
		t.Errorf("Commit after Close returned the error %v", err)
	}
	if _, err := s.Load(t.Context(), store.Read{Wallet: "acme"}); err == nil {
		t.Error("Load after Close returned no error")
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("after Close %d connections are in use", n)
	}
	must(t, db, "SELECT 1")
}

// TestSQLiteCheckpoints sees that the WAL may grow, unless the host said how far.
func TestSQLiteCheckpoints(t *testing.T) {
	for params, want := range map[string]bool{"": true, "&_pragma=wal_autocheckpoint(1000)": true, "&_pragma=wal_autocheckpoint(0)": false, "&_pragma=wal_autocheckpoint(500)": false} {
		t.Run(params, func(t *testing.T) {
			d, file := modernc, newFile(t)
			newSQLite(t, d.open(t, file), sqlite.Options{})
			d.params += params
			db, w := newWire(t, d, file)
			keepAll(t, newSQLite(t, db, sqlite.Options{}), write("acme", 0, "k"))
			if said := slices.Contains(w.take(), "PRAGMA wal_autocheckpoint = 4000"); said != want {
				t.Errorf("set: %v, want %v", said, want)
			}
		})
	}
}
