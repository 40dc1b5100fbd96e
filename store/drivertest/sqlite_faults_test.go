package drivertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

var errWire = errors.New("the wire was cut")

// TestSQLiteFaults lets each statement of a commit fail, before and after it is
// run, and the rollback too. What is known not to be kept is ErrAborted, and only
// that; the next commit works, and no half of the failed one is in the file.
func TestSQLiteFaults(t *testing.T) {
	statements := []string{
		"BEGIN IMMEDIATE", "UPDATE credits_wallets\n", "UPDATE credits_wallets SET due", "INSERT INTO credits_parts", "INSERT INTO credits_entries",
		"INSERT INTO credits_notes", "UPDATE credits_notes", "DELETE FROM credits_notes", "INSERT INTO credits_receipts", "COMMIT",
	}
	for _, text := range statements {
		for _, c := range []struct {
			name          string
			before, after error
			undo          bool // the rollback fails too
		}{
			{name: "before", before: errWire},
			{name: "before, and the rollback", before: errWire, undo: true},
			{name: "before, the connection is bad", before: driver.ErrBadConn},
			{name: "after", after: errWire},
			{name: "after, and the rollback", after: errWire, undo: true},
		} {
			if c.before == driver.ErrBadConn && text != "BEGIN IMMEDIATE" {
				continue // no driver says so in the middle of a transaction
			}
			t.Run("I-2/"+strings.TrimSpace(text)+"/"+c.name, func(t *testing.T) {
				eachDriver(t, func(t *testing.T, d sqliteDriver) {
					s, _, w := newWired(t, d)
					keepAll(t, s, write("acme", 0, "first"))
					next := write("acme", 1, "second")
					next.Changes[0].Due, next.Changes[0].Erase = 9, []uint64{1}
					n := 1
					if c.before == driver.ErrBadConn {
						n = 5 // database/sql tries again by itself
					}
					w.failing(text, n, c.before, c.after)
					if c.undo {
						fail := w.fail
						w.fail = func(text string) (error, error) {
							if text == "ROLLBACK" {
								return errWire, nil
							}
							return fail(text)
						}
					}
					_, err := s.Commit(t.Context(), next)
					if err == nil || errors.Is(err, store.ErrAborted) != (text != "COMMIT") {
						t.Errorf("Commit returned the error %v", err)
					}
					w.failing("", 0, nil, nil)
					states, err := s.Load(t.Context(), store.Read{Wallet: "acme", Keys: []string{"second"}})
					if err != nil {
						t.Fatal(err)
					}
					seq, kept := states[0].Seq, text == "COMMIT" && c.before == nil
					if (seq == 2) != kept || (len(states[0].Receipts) == 1) != kept {
						t.Errorf("the wallet stands at %d, with %d receipts", seq, len(states[0].Receipts))
					}
					keepAll(t, s, write("acme", seq, "third"))
					if got := entriesOf(t, s, "acme"); uint64(len(got)) != seq+1 {
						t.Errorf("%d entries up to %d", len(got), seq+1)
					}
				})
			})
		}
	}
}

// TestSQLiteLoadFaults lets a read fail on the connection that writes, where it is tried
// first, and on another, which it is left to: one of the two does.
func TestSQLiteLoadFaults(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		s, _, w := newWired(t, d)
		for n := range 4 {
			keepAll(t, s, write("acme", uint64(n), fmt.Sprint("key ", n)))
			w.failing("SELECT -1", n, errWire, nil)
			states, err := s.Load(t.Context(), store.Read{Wallet: "acme", Keys: []string{"key 0"}})
			if failed := errors.Is(err, errWire); failed != (n > 1) {
				t.Fatalf("%d reads failed: %v", n, err)
			}
			if err == nil && (states[0].Seq != uint64(n+1) || len(states[0].Parts) != 2 || len(states[0].Receipts) != 1) {
				t.Errorf("%d reads failed: %+v", n, states)
			}
		}
	})
}

// keepAll commits writes that must be kept.
func keepAll(t testing.TB, s store.Store, writes ...store.Write) {
	t.Helper()
	for i := range writes {
		writes[i].Wait = true
	}
	kept, err := s.Commit(context.Background(), writes...)
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range kept {
		if !ok {
			t.Fatalf("write %d was not kept", i)
		}
	}
}

func entriesOf(t testing.TB, s store.Store, wallet string) []store.Entry {
	t.Helper()
	var all []store.Entry
	for e, err := range s.Entries(context.Background(), store.Query{Wallet: wallet}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// TestSQLiteWaits sees how a commit waits for another connection that writes:
// until that is done, the busy timeout ends, or the context does.
func TestSQLiteWaits(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		file := newFile(t)
		busy := d
		busy.params = "_pragma=busy_timeout(300)&_busy_timeout=300&_pragma=synchronous(2)&_synchronous=FULL"
		s := newSQLite(t, busy.open(t, file), sqlite.Options{})
		other, err := d.open(t, file).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		lock := func() { mustConn(t, other, "BEGIN IMMEDIATE") }
		unlock := func() { mustConn(t, other, "ROLLBACK") }

		lock()
		if _, err := s.Commit(t.Context(), write("acme", 0)); !errors.Is(err, store.ErrAborted) {
			t.Errorf("where another connection writes for long, Commit returned the error %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err = s.Commit(ctx, write("acme", 0))
		if !errors.Is(err, store.ErrAborted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("where the context ended, Commit returned the error %v", err)
		}
		if states, err := s.Load(t.Context(), store.Read{Wallet: "acme"}); err != nil || states[0].Seq != 0 {
			t.Errorf("while another connection writes, Load returned %v, %v", states, err)
		}
		done := make(chan error)
		go func() {
			_, err := s.Commit(t.Context(), write("acme", 0))
			done <- err
		}()
		unlock()
		if err := <-done; err != nil {
			t.Errorf("once the other connection was done, Commit returned the error %v", err)
		}
	})
}

func mustConn(t testing.TB, c *sql.Conn, text string) {
	t.Helper()
	if _, err := c.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// TestSQLitePoolIsFull sees that a store waits for a connection no longer than its context.
func TestSQLitePoolIsFull(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		db := d.open(t, newFile(t))
		s := newSQLite(t, db, sqlite.Options{})
		db.SetMaxOpenConns(2)
		for range 2 {
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := s.Commit(ctx, write("acme", 0)); !errors.Is(err, store.ErrAborted) {
			t.Errorf("Commit without a connection returned the error %v", err)
		}
		if _, err := s.Load(ctx, store.Read{Wallet: "acme"}); err == nil {
			t.Error("Load without a connection returned no error")
		}
	})
}

// TestSQLiteTimes sees that a time is found by halving where times are in order,
// and by looking where they are not.
func TestSQLiteTimes(t *testing.T) {
	for _, disorder := range []uint64{0, 1, 50, 99} {
		t.Run(fmt.Sprint("disorder at ", disorder), func(t *testing.T) {
			s := newSQLite(t, modernc.open(t, newFile(t)), sqlite.Options{})
			at := func(seq uint64) int64 { return int64(seq / 3 * 10) }
			for seq := range uint64(100) {
				w := write("acme", seq)
				w.Changes[0].Entries[0].At = at(seq + 1)
				if seq > 0 && seq == disorder {
					w.Changes[0].Entries[0].At = 0
				}
				keepAll(t, s, w)
			}
			all := entriesOf(t, s, "acme")
			for _, from := range []int64{-1, 0, 1, 9, 10, 11, 170, 330, 331} {
				for _, to := range []int64{-1, 0, 1, 10, 11, 170, 330, 340} {
					var want, got []uint64
					for _, e := range all {
						if e.At >= from && (to == 0 || e.At < to) {
							want = append(want, e.Seq)
						}
					}
					for e, err := range s.Entries(t.Context(), store.Query{Wallet: "acme", From: from, To: to}) {
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, e.Seq)
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("from %d to %d: entries %v, not %v", from, to, got, want)
					}
				}
			}
		})
	}
}
