package drivertest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// seal returns a checkpoint of what [write] writes.
func seal(seq uint64) store.Checkpoint {
	return store.Checkpoint{Seq: seq, At: int64(seq - 1), Body: []byte("checkpoint")}
}

// acknowledged keeps writes of one entry each, and hands all to the feed.
func acknowledged(t testing.TB, s store.Store, wallet string, n uint64) {
	t.Helper()
	for seq := range n {
		keepAll(t, s, write(wallet, seq, fmt.Sprint("k", seq)))
	}
	if err := s.Ack(context.Background(), wallet, n); err != nil {
		t.Fatal(err)
	}
}

func prune(t testing.TB, s store.Pruner, wallet string, seq uint64) {
	t.Helper()
	if err := s.Prune(context.Background(), wallet, seal(seq)); err != nil {
		t.Fatal(err)
	}
}

// count returns the only number that a query yields.
func count(t testing.TB, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// TestSQLitePruneResumes lets each statement of a Prune fail, before and after it
// is run. Either nothing has changed, or the entries are pruned from then on, and the
// same Prune removes what is left.
func TestSQLitePruneResumes(t *testing.T) {
	for _, text := range []string{
		"SELECT w.no, w.seq, w.fed", "INSERT INTO credits_checkpoints", "DELETE FROM credits_digests", "SELECT seq FROM credits_entries",
		"DELETE FROM credits_notes", "DELETE FROM credits_entries", "SELECT max(key)", "DELETE FROM credits_receipts", "BEGIN IMMEDIATE", "COMMIT",
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/after %v", text, after), func(t *testing.T) {
				eachDriver(t, func(t *testing.T, d sqliteDriver) {
					s, plain, w := newWired(t, d)
					acknowledged(t, s, "acme", 5)
					if after {
						w.failing(text, 1, nil, errWire)
					} else {
						w.failing(text, 1, errWire, nil)
					}
					if err := s.Prune(t.Context(), "acme", seal(3)); err == nil {
						t.Fatal("Prune returned no error")
					}
					w.failing("", 0, nil, nil)
					has, err := s.Checkpoint(t.Context(), "acme")
					if err != nil {
						t.Fatal(err)
					}
					whole := count(t, plain, "SELECT count(*) FROM credits_entries") == 5 && count(t, plain, "SELECT count(*) FROM credits_receipts") == 5
					if has.Seq == 0 && !whole {
						t.Error("something is gone, and there is no checkpoint for it")
					}
					for _, err := range s.Entries(t.Context(), store.Query{Wallet: "acme"}) {
						if has.Seq > 0 != errors.Is(err, store.ErrPruned) {
							t.Errorf("with a checkpoint at %d, Entries begins with the error %v", has.Seq, err)
						}
						break
					}
					prune(t, s, "acme", 3)
					for _, table := range []string{"entries", "notes", "receipts"} {
						if n := count(t, plain, "SELECT count(*) FROM credits_"+table); n != 2 {
							t.Errorf("%d %s are left, not 2", n, table)
						}
					}
				})
			})
		}
	}
}

// TestSQLitePruneInBatches sees that no transaction of a Prune removes more than
// 10,000 entries, or looks at more receipts than that.
func TestSQLitePruneInBatches(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		s, plain, w := newWired(t, d)
		const n = 20_001
		c := store.Change{Wallet: "acme", Seq: n}
		for seq := range uint64(n) {
			c.Entries = append(c.Entries, store.Entry{Seq: seq + 1, Kind: 1})
			c.Receipts = append(c.Receipts, store.Receipt{Key: fmt.Sprint("k", seq)})
		}
		keepAll(t, s, store.Write{Changes: []store.Change{c}})
		if err := s.Ack(t.Context(), "acme", n); err != nil {
			t.Fatal(err)
		}
		for i, tt := range []struct {
			seq               uint64
			entries, receipts int // transactions
		}{{10_000, 1, 3}, {10_001, 1, 3}, {n, 1, 3}} {
			w.take()
			if err := s.Prune(t.Context(), "acme", store.Checkpoint{Seq: tt.seq, Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
			entries, receipts := 0, 0
			for _, text := range w.take() {
				if strings.HasPrefix(text, "DELETE FROM credits_entries") {
					entries++
				}
				if strings.HasPrefix(text, "DELETE FROM credits_receipts") {
					receipts++
				}
			}
			if entries != tt.entries || receipts != tt.receipts {
				t.Errorf("Prune %d took %d transactions for entries and %d for receipts, not %d and %d", i, entries, receipts, tt.entries, tt.receipts)
			}
		}
		if n := count(t, plain, "SELECT count(*) FROM credits_receipts"); n != 0 {
			t.Errorf("%d receipts are left", n)
		}
	})
}

// TestSQLitePruneBetween prunes a wallet between the statements of a query: the
// query is cut short with an error, and not without one.
func TestSQLitePruneBetween(t *testing.T) {
	for _, q := range []store.Query{
		{}, {After: 1}, {Newest: true}, {Newest: true, Limit: 3}, {From: 1}, {Kinds: []uint8{1}}, {Of: 1}, {Feature: "chat"},
	} {
		for _, at := range []string{"SELECT no, seq, back", "SELECT e.seq", "WITH s", "SELECT seq, at FROM credits_checkpoints"} {
			t.Run(fmt.Sprintf("%s/%+v", at, q), func(t *testing.T) {
				s, plain, w := newWired(t, modernc)
				other := newSQLite(t, plain, sqlite.Options{})
				acknowledged(t, other, "acme", 5)
				done := false
				w.fail = func(text string) (error, error) {
					if !done && strings.HasPrefix(text, at) {
						done = true
						prune(t, other, "acme", 3)
					}
					return nil, nil
				}
				q.Wallet = "acme"
				n, last := 0, error(nil)
				for _, err := range s.Entries(t.Context(), q) {
					if last = err; err == nil {
						n++
					}
				}
				want := 0
				if q.Newest {
					want = 2 // those that stay
				}
				if done && (n != want || !errors.Is(last, store.ErrPruned)) {
					t.Errorf("it yielded %d entries, not %d, and the error %v", n, want, last)
				}
			})
		}
	}
}

// TestSQLiteDeletesBeforeCheckpoints sees that entries and receipts can be deleted
// up to the wallet's own checkpoint, and no further.
func TestSQLiteDeletesBeforeCheckpoints(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db := d.open(t, newFile(t))
		s := newSQLite(t, db, sqlite.Options{})
		acknowledged(t, s, "acme", 3)
		acknowledged(t, s, "bob", 3)
		must(t, db, "INSERT INTO credits_checkpoints SELECT no, 2, 1, x'01' FROM credits_wallets WHERE id = 'acme'")
		for _, try := range []struct {
			text   string
			refuse bool
		}{
			{"DELETE FROM credits_entries WHERE seq = 3", true},
			{"DELETE FROM credits_entries WHERE seq >= 2", true},
			{"DELETE FROM credits_entries WHERE seq = 1", true}, // that of bob
			{"DELETE FROM credits_receipts WHERE seq = 3", true},
			{"DELETE FROM credits_receipts", true},
			{"UPDATE credits_entries SET seq = 4 WHERE seq = 1", true},
			{"DELETE FROM credits_checkpoints", true},
			{"UPDATE credits_checkpoints SET seq = 1", true},
			{"UPDATE credits_checkpoints SET wallet = wallet + 1, seq = 3", true},
			{"UPDATE credits_checkpoints SET body = x'02'", true},
			{"DELETE FROM credits_entries WHERE seq < 3 AND wallet = (SELECT no FROM credits_wallets WHERE id = 'acme')", false},
			{"DELETE FROM credits_receipts WHERE seq < 3 AND wallet = (SELECT no FROM credits_wallets WHERE id = 'acme')", false},
		} {
			_, err := db.ExecContext(t.Context(), try.text)
			if try.refuse && (err == nil || !strings.Contains(err.Error(), "never") && !strings.Contains(err.Error(), "alone")) || !try.refuse && err != nil {
				t.Errorf("%s: the error is %v", try.text, err)
			}
		}
		if n := count(t, db, "SELECT 10 * (SELECT count(*) FROM credits_entries) + (SELECT count(*) FROM credits_receipts)"); n != 44 {
			t.Errorf("%d entries and receipts are left, not 4 and 4", n)
		}
	})
}

// TestSQLiteErasedDigestIsGone sees that what was worked out from a note that was
// erased is not in the file any more.
func TestSQLiteErasedDigestIsGone(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		file := newFile(t)
		db := d.open(t, file)
		s := newSQLite(t, db, sqlite.Options{})
		keepAll(t, s, write("acme", 0))
		secret := bytes.Repeat([]byte("a person's name "), 300) // over several pages
		if err := s.KeepDigests(t.Context(), "acme", "n", 1, store.Digest{Through: 1, Body: secret}); err != nil {
			t.Fatal(err)
		}
		there := func() bool {
			must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Contains(b, secret[:16])
		}
		if !there() {
			t.Error("the digest is not in the file")
		}
		gone := write("acme", 1)
		gone.Changes[0].Erase = []uint64{1}
		keepAll(t, s, gone)
		if there() {
			t.Error("the digest is still in the file")
		}
	})
}

// TestSQLiteDigestsWaitForNobody keeps digests while a transaction of the host's
// writes, which may be the reader's own: none is kept, and that is no error.
func TestSQLiteDigestsWaitForNobody(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db := d.open(t, newFile(t))
		s := newSQLite(t, db, sqlite.Options{})
		keepAll(t, s, write("acme", 0))
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		keepAll(t, s.Tx(tx), write("acme", 1))
		digest := store.Digest{Through: 1, Body: []byte("x")}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // the busy timeout is 5 seconds
		defer cancel()
		if err := s.KeepDigests(ctx, "acme", "n", 1, digest); err != nil {
			t.Errorf("while another writes: %v", err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT count(*) FROM credits_digests"); n != 0 {
			t.Errorf("%d digests are kept", n)
		}
		if err := s.KeepDigests(t.Context(), "acme", "n", 1, digest); err != nil {
			t.Error(err)
		}
		if n := count(t, db, "SELECT count(*) FROM credits_digests"); n != 1 {
			t.Errorf("%d digests are kept when nobody writes", n)
		}
	})
}
