package drivertest_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
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

// holding is all that a store has of a wallet.
type holding struct {
	Head       store.Head
	Checkpoint store.Checkpoint
	State      store.State
	Entries    []store.Entry
}

// holdings returns all that a store has, with the receipts of keys up to a number.
func holdings(t testing.TB, s store.Store, keys int) []holding {
	t.Helper()
	var all []holding
	var names []string
	for i := range keys {
		names = append(names, strconv.Itoa(i+1))
	}
	for head, err := range s.Heads(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		h := holding{Head: head}
		if h.Checkpoint, err = store.CheckpointOf(t.Context(), s, head.Wallet); err != nil {
			t.Fatal(err)
		}
		states, err := s.Load(t.Context(), store.Read{Wallet: head.Wallet, Keys: names})
		if err != nil {
			t.Fatal(err)
		}
		h.State = states[0]
		for e, err := range s.Entries(t.Context(), store.Query{Wallet: head.Wallet, After: h.Checkpoint.Seq}) {
			if err != nil {
				t.Fatal(err)
			}
			h.Entries = append(h.Entries, e)
		}
		all = append(all, h)
	}
	return all
}

// same fails unless two stores hold the same, byte for byte, and all of it verifies.
func same(t testing.TB, was, is store.Store, keys int) {
	t.Helper()
	if want, got := holdings(t, was, keys), holdings(t, is, keys); !reflect.DeepEqual(want, got) {
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

// prunes lets a store prune what an older part of a life left in it, twice, with what the
// ledger does in between. It returns the archives.
func prunes(t testing.TB, s store.Store, life *lives.Life) []byte {
	t.Helper()
	now := clock.NewMock()
	now.Set(life.Clock.Now().Add(credits.Retention + time.Hour))
	l := credits.New(s, &credits.Options{Clock: now, Salt: [32]byte{1}})
	var archives []byte
	for _, ago := range []time.Duration{200 * time.Hour, 0} {
		if _, err := l.Feed(t.Context(), func(context.Context, []credits.Entry) error { return nil }); err != nil {
			t.Fatal(err)
		}
		for _, id := range []credits.WalletID{lives.First, lives.Second} {
			var file bytes.Buffer
			if _, err := archive.Write(t.Context(), l, &file, id, life.Clock.Now().Add(-ago)); err != nil {
				t.Fatal(err)
			}
			archives = append(archives, file.Bytes()...)
			for range min(2, file.Len()) { // once more, as after an error
				if _, err := archive.Prune(t.Context(), l, bytes.NewReader(file.Bytes()), nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Verify(t.Context(), id); err != nil {
				t.Error("L-3:", err)
			}
			if err := archive.Joined(t.Context(), s, id, bytes.NewReader(archives)); err != nil {
				t.Error("L-4:", err)
			}
		}
	}
	return archives
}

// TestStoresPrune prunes the same lives in each store: the archives are the same
// bytes, and so is what is left.
func TestStoresPrune(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		schema := newSchema(t)
		empty, db := emptying(t, schema), openAs(t, nil)
		lives.Each(t, 2, func(t testing.TB, r *rand.Rand) {
			life := lives.New(t, r, 80)
			file := exported(t, life.Ledger.Store())
			empty(t)
			archives := prunes(t, life.Ledger.Store(), life)
			left := exported(t, life.Ledger.Store())
			if bytes.Count(left, []byte(`"checkpoint"`)) != 2 {
				t.Fatal("nothing was pruned")
			}
			for _, in := range []struct {
				name  string
				store store.Store
			}{
				{"SQLite", newSQLite(t, d.open(t, newFile(t)), sqlite.Options{})},
				{"PostgreSQL", open(t, db, schema)},
			} {
				importInto(t, in.store, file)
				if !bytes.Equal(prunes(t, in.store, life), archives) {
					t.Errorf("L-3: the archives of %s are others", in.name)
				}
				same(t, life.Ledger.Store(), in.store, 80)
				if !bytes.Equal(exported(t, in.store), left) {
					t.Errorf("L-3: %s exports another file", in.name)
				}
			}
			empty(t)
			for _, to := range []struct {
				name  string
				store store.Store
			}{
				{"PostgreSQL", open(t, db, schema)},
				{"SQLite", newSQLite(t, d.open(t, newFile(t)), sqlite.Options{})},
			} {
				importInto(t, to.store, left)
				same(t, life.Ledger.Store(), to.store, 80)
				if left = exported(t, to.store); !bytes.Equal(left, exported(t, life.Ledger.Store())) {
					t.Errorf("L-3: what was pruned is another in %s", to.name)
				}
			}
		})
	})
}

// TestServicesPruneNothing prunes as the role of services, which cannot: nothing
// is removed, and the role that migrates goes on.
func TestServicesPruneNothing(t *testing.T) {
	schema := newSchema(t)
	life := lives.New(t, rand.New(rand.NewPCG(1, 1)), 40)
	s := open(t, openAs(t, service), schema)
	importInto(t, s, exported(t, life.Ledger.Store()))
	at := clock.NewMock()
	at.Set(life.Clock.Now().Add(credits.Retention + time.Hour))
	var file bytes.Buffer
	if _, err := archive.Write(t.Context(), credits.New(s, &credits.Options{Clock: at}), &file, lives.First, life.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	prune := func(s store.Store) error {
		_, err := archive.Prune(t.Context(), credits.New(s, &credits.Options{Clock: at}), bytes.NewReader(file.Bytes()), &archive.Options{NoFeed: true})
		return err
	}
	if err := prune(s); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("L-1: as a service: %v", err)
	}
	if c, err := store.CheckpointOf(t.Context(), s, string(lives.First)); c.Seq != 0 || err != nil {
		t.Errorf("L-1: as a service it was pruned up to %d, %v", c.Seq, err)
	}
	if err := prune(open(t, openAs(t, nil), schema)); err != nil {
		t.Error("L-1:", err)
	}
	if err := credits.New(s, nil).Verify(t.Context(), lives.First); err != nil {
		t.Error("L-3:", err)
	}
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
