package drivertest_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/internal/lives"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
)

// exported returns what a store holds as an export.
func exported(t testing.TB, s store.Store) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := archive.Export(t.Context(), s, &file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func importInto(t testing.TB, s store.Store, file []byte) {
	t.Helper()
	if _, err := archive.Import(t.Context(), s, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
}

// same fails unless two stores hold the same, byte for byte, and all of it verifies.
func same(t testing.TB, was, is store.Store, keys int) {
	t.Helper()
	if want, got := contentOf(t, was, keys), contentOf(t, is, keys); !reflect.DeepEqual(want, got) {
		t.Fatalf("what arrived (-there +here):\n%s", cmp.Diff(want, got))
	}
	l := credits.New(is, nil)
	for id, err := range l.Wallets(t.Context(), "") {
		if err == nil {
			err = l.Verify(t.Context(), id)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// TestWalletsTravel moves random lives from memory to SQLite, to PostgreSQL and
// back to SQLite. Everywhere there are the same bytes and the same chain, and
// each store exports the same file.
func TestWalletsTravel(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db := openAs(t, service)
		schema := newSchema(t)
		empty := emptying(t, schema)
		lives.Each(t, 3, func(t testing.TB, r *rand.Rand) {
			life := lives.New(t, r, 80)
			s := life.Ledger.Store()
			if _, err := life.Ledger.Feed(t.Context(), func(context.Context, []credits.Entry) error { return nil }); err != nil {
				t.Fatal(err)
			}
			empty(t)
			file := exported(t, s)
			for _, to := range []struct {
				name  string
				store store.Store
			}{
				{"SQLite", newSQLite(t, d.open(t, newFile(t)), sqlite.Options{})},
				{"PostgreSQL", open(t, db, schema)},
				{"SQLite again", newSQLite(t, d.open(t, newFile(t)), sqlite.Options{})},
			} {
				importInto(t, to.store, file)
				same(t, s, to.store, 80)
				if again := exported(t, to.store); !bytes.Equal(again, file) {
					t.Fatalf("L-3, L-4: %s exports another file", to.name)
				}
				file = exported(t, to.store)
			}
		})
	})
}

// TestImportInTx imports in a transaction of the host's: all of it is kept if that
// commits, and none if it does not.
func TestImportInTx(t *testing.T) {
	life := lives.New(t, rand.New(rand.NewPCG(1, 1)), 40)
	was, file := life.Ledger.Store(), exported(t, life.Ledger.Store())
	try := func(t *testing.T, s store.Store, tx func(f func(store.Store)) (commit, rollback func() error)) {
		for _, commits := range []bool{false, true} {
			commit, rollback := tx(func(in store.Store) { importInto(t, in, file) })
			if commits {
				if err := commit(); err != nil {
					t.Fatal(err)
				}
				same(t, was, s, 40)
				continue
			}
			if err := rollback(); err != nil {
				t.Fatal(err)
			}
			same(t, new(memory.Store), s, 40)
		}
	}
	t.Run("I-2/SQLite", func(t *testing.T) {
		db := modernc.open(t, newFile(t))
		s := newSQLite(t, db, sqlite.Options{})
		try(t, s, func(f func(store.Store)) (func() error, func() error) {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			f(s.Tx(tx))
			return tx.Commit, tx.Rollback
		})
	})
	t.Run("I-2/PostgreSQL", func(t *testing.T) {
		db := openAs(t, service)
		s := open(t, db, newSchema(t))
		try(t, s, func(f func(store.Store)) (func() error, func() error) {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			f(s.Tx(tx))
			return tx.Commit, tx.Rollback
		})
	})
}
