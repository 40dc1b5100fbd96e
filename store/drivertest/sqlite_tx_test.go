package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// core is a plan of 10 credits a month.
func core() credits.Plan {
	return credits.Plan{ID: "core", Version: 1, Every: credits.Months(1), Allowances: []credits.Allowance{{Amount: 10 * credits.Credit}}}
}

// newLedger returns a ledger whose clock stands still.
func newLedger(s store.Store) *credits.Ledger {
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	return credits.New(s, &credits.Options{Clock: mock, Salt: [32]byte{1}})
}

// shop is a host with a table of its own beside the ledger.
type shop struct {
	db     *sql.DB
	store  *sqlite.Store
	ledger *credits.Ledger
}

func newShop(t *testing.T, d sqliteDriver) *shop {
	t.Helper()
	h := &shop{db: d.open(t, newFile(t))}
	h.store = newSQLite(t, h.db, sqlite.Options{})
	h.ledger = newLedger(h.store)
	must(t, h.db, "CREATE TABLE orders (id TEXT PRIMARY KEY)")
	if _, err := h.ledger.Do(t.Context(), "acme", "open", credits.Open{Plan: core()}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *shop) begin(t *testing.T) *sql.Tx {
	t.Helper()
	tx, err := h.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			t.Error(err)
		}
	})
	return tx
}

// dump returns all rows of all tables.
func (h *shop) dump(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"orders", "credits_wallets", "credits_parts", "credits_entries", "credits_notes", "credits_receipts"} {
		rows, err := h.db.QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new([]byte)
			}
			if err := rows.Scan(row...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(&all, table)
			for _, v := range row {
				fmt.Fprintf(&all, " %q", *v.(*[]byte))
			}
			all.WriteString("\n")
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func (h *shop) spend(t *testing.T, tx *sql.Tx, key credits.Key, n credits.Amount) (credits.Receipt, error) {
	t.Helper()
	return h.ledger.On(h.store.Tx(tx)).Do(t.Context(), "acme", key, credits.Spend{Amount: n})
}

func (h *shop) balance(t *testing.T) credits.Amount {
	t.Helper()
	w, err := h.ledger.Wallet(t.Context(), "acme")
	if err == nil {
		err = h.ledger.Verify(t.Context(), "acme")
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.Available()
}

// TestSQLiteTxRollback_I2 sees that after a rollback the file holds the same bytes
// as before, and after a commit the order and its credits.
func TestSQLiteTxRollback_I2(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		h := newShop(t, d)
		before := h.dump(t)
		for _, keep := range []bool{false, true} {
			tx := h.begin(t)
			must(t, tx, "INSERT INTO orders VALUES ('order-1')")
			for i := range 3 {
				if _, err := h.spend(t, tx, credits.Key(fmt.Sprint("spend ", i)), credits.Credit); err != nil {
					t.Fatal(err)
				}
			}
			if r, err := h.spend(t, tx, "spend 1", credits.Credit); err != nil || !r.Replayed {
				t.Errorf("the same key in the same transaction returned %+v, %v", r, err)
			}
			if got := h.balance(t); got != 10*credits.Credit {
				t.Errorf("before the commit, others see %v", got)
			}
			if !keep {
				if err := tx.Rollback(); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, h.dump(t)); diff != "" {
					t.Errorf("after a rollback (-before +after):\n%s", diff)
				}
				continue
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if got := h.balance(t); got != 7*credits.Credit || !strings.Contains(h.dump(t), "order-1") {
				t.Errorf("after the commit, %v are left and these rows:\n%s", got, h.dump(t))
			}
		}
	})
}

// TestSQLiteTxConflict_I2 sees that writes that do not follow, and refused commands,
// leave the transaction as it was and usable.
func TestSQLiteTxConflict_I2(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		h := newShop(t, d)
		tx := h.begin(t)
		must(t, tx, "INSERT INTO orders VALUES ('order-1')")
		s := h.store.Tx(tx)
		keepAll(t, s, write("bob", 0, "k"))
		stale, used := write("bob", 0), write("bob", 1, "k")
		both := store.Write{Changes: []store.Change{write("cy", 0).Changes[0], write("bob", 1, "l", "k").Changes[0]}}
		kept, err := s.Commit(t.Context(), stale)
		for _, w := range []store.Write{used, both} {
			var more []bool
			if err == nil {
				more, err = s.Commit(t.Context(), w)
				kept = append(kept, more...)
			}
		}
		if err != nil || fmt.Sprint(kept) != "[false false false]" {
			t.Errorf("what does not follow: kept %v, %v", kept, err)
		}
		if _, err := h.spend(t, tx, "too much", 11*credits.Credit); !errors.Is(err, credits.ErrRefused) {
			t.Errorf("a spend of too much returned %v", err)
		}
		if _, err := h.spend(t, tx, "enough", 4*credits.Credit); err != nil {
			t.Error(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := h.balance(t); got != 6*credits.Credit || !strings.Contains(h.dump(t), "order-1") || len(entriesOf(t, h.store, "bob")) != 1 {
			t.Errorf("%v are left and these rows:\n%s", got, h.dump(t))
		}
	})
}

// TestSQLiteTxSameKey runs a command under one key in two transactions at once:
// the second waits for the first, and then finds its receipt, or its absence.
func TestSQLiteTxSameKey(t *testing.T) {
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprint("I-1/first is kept ", keep), func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d sqliteDriver) {
				h := newShop(t, d)
				first, second := h.begin(t), h.begin(t)
				if _, err := h.spend(t, first, "job", credits.Credit); err != nil {
					t.Fatal(err)
				}
				type answer struct {
					credits.Receipt
					error
				}
				done := make(chan answer)
				go func() {
					r, err := h.ledger.On(h.store.Tx(second)).Do(context.Background(), "acme", "job", credits.Spend{Amount: credits.Credit})
					done <- answer{r, err}
				}()
				end := first.Rollback
				if keep {
					end = first.Commit
				}
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if a := <-done; a.error != nil || a.Replayed != keep {
					t.Errorf("the second transaction got replayed=%v, %v", a.Replayed, a.error)
				}
				if err := second.Commit(); err != nil {
					t.Fatal(err)
				}
				if got := h.balance(t); got != 9*credits.Credit {
					t.Errorf("one key took %v", 10*credits.Credit-got)
				}
			})
		})
	}
}

// TestSQLiteTxStale sees that a transaction that read before another connection
// wrote is told to begin again, keeps nothing, and can be rolled back.
func TestSQLiteTxStale(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		h := newShop(t, d)
		tx := h.begin(t)
		var n int
		if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if _, err := h.ledger.Do(t.Context(), "acme", "meanwhile", credits.Spend{Amount: credits.Credit}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.spend(t, tx, "job", credits.Credit); !errors.Is(err, credits.ErrRetry) {
			t.Errorf("a transaction that is behind returned %v", err)
		}
		if _, err := h.store.Tx(tx).Commit(t.Context(), write("bob", 0)); !errors.Is(err, store.ErrAborted) {
			t.Errorf("Commit in a transaction that is behind returned %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		again := h.begin(t)
		if _, err := h.spend(t, again, "job", credits.Credit); err != nil {
			t.Error(err)
		}
		if err := again.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := h.balance(t); got != 8*credits.Credit {
			t.Errorf("%v are left", got)
		}
	})
}

// TestSQLiteTxFails lets a commit fail half way, by a trigger of the host's: it
// leaves the transaction as it was before. Where SQLite rolls the transaction
// back by itself, nothing more is kept by accident.
func TestSQLiteTxFails(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprint("I-2/the transaction is gone ", gone), func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d sqliteDriver) {
				h := newShop(t, d)
				raise := map[bool]string{false: "ABORT", true: "ROLLBACK"}[gone]
				must(t, h.db, "CREATE TRIGGER spoil BEFORE INSERT ON credits_receipts WHEN NEW.key = 'spoilt' BEGIN SELECT RAISE("+raise+", 'spoilt'); END")
				tx := h.begin(t)
				must(t, tx, "INSERT INTO orders VALUES ('order-1')")
				s := h.store.Tx(tx)
				keepAll(t, s, write("bob", 0))
				_, err := s.Commit(t.Context(), write("bob", 1, "good"), write("cy", 0, "spoilt"))
				if !errors.Is(err, store.ErrAborted) || !strings.Contains(err.Error(), "spoilt") {
					t.Errorf("the error is %v", err)
				}
				_, err = s.Commit(t.Context(), write("bob", 1, "after"))
				if (err != nil) != gone || gone && !strings.Contains(err.Error(), "rolled the transaction back") {
					t.Errorf("the next Commit returned the error %v", err)
				}
				if _, err := s.Load(t.Context(), store.Read{Wallet: "bob"}); (err != nil) != gone {
					t.Errorf("the next Load returned the error %v", err)
				}
				if err := tx.Commit(); (err != nil) != gone {
					t.Errorf("the host's commit returned the error %v", err)
				}
				rows := h.dump(t)
				if want := map[bool]int{false: 2, true: 0}[gone]; len(entriesOf(t, h.store, "bob")) != want || strings.Contains(rows, "good") ||
					strings.Contains(rows, "cy") || strings.Contains(rows, "order-1") == gone {
					t.Errorf("these rows are there:\n%s", rows)
				}
			})
		})
	}
}

// TestSQLiteTxIsDurable sees that a transaction that would not outlast a loss of
// power is refused.
func TestSQLiteTxIsDurable(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		h := newShop(t, d)
		conn, err := h.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		mustConn(t, conn, "PRAGMA synchronous=NORMAL")
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := h.store.Tx(tx).Commit(t.Context(), write("bob", 0)); err == nil || !strings.Contains(err.Error(), "synchronous is 1") {
			t.Errorf("with synchronous=NORMAL, Commit returned the error %v", err)
		}
	})
}

// TestSQLiteTxEnded sees that a store whose transaction has ended does nothing.
func TestSQLiteTxEnded(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		h := newShop(t, d)
		before := h.dump(t)
		for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
			tx := h.begin(t)
			s := h.store.Tx(tx)
			if err := end(tx); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), write("bob", 0)); !errors.Is(err, store.ErrAborted) || !errors.Is(err, sql.ErrTxDone) {
				t.Errorf("after the end, Commit returned the error %v", err)
			}
			if err := s.Ack(t.Context(), "acme", 1); err == nil {
				t.Error("after the end, Ack returned no error")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(before, h.dump(t)); diff != "" {
			t.Errorf("rows (-before +after):\n%s", diff)
		}
	})
}
