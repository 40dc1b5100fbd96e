package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/postgres/pgxtx"
	"example.com/credits/store/sqlite"
)

// TestPgxTxConflict is TestHostConflict in transactions of pgx's own: another
// command, or the same, comes between a load and its commit.
func TestPgxTxConflict(t *testing.T) {
	t.Parallel()
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		for _, key := range []credits.Key{"other", "order-1"} {
			t.Run(fmt.Sprint("I-1/", level, "/", key), func(t *testing.T) {
				h := newHost(t)
				ctx := t.Context()
				conn, err := pgx.ConnectConfig(ctx, connConfig(t, service))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close(context.WithoutCancel(ctx)) })
				try := func(happens func()) error {
					return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
						if _, err := tx.Exec(ctx, "INSERT INTO "+h.orders+" VALUES (1)"); err != nil {
							return err
						}
						_, err := h.ledger.On(&between{Store: pgxtx.Tx(h.store, tx), happens: happens}).Do(ctx, "acme", "order-1", spend(30))
						if err := tx.QueryRow(ctx, "SELECT 1").Scan(new(int)); err != nil {
							t.Errorf("the transaction cannot be used any more: %v", err)
						}
						return err
					})
				}
				err = try(func() {
					if _, err := h.ledger.Do(ctx, "acme", key, spend(30)); err != nil {
						t.Error(err)
					}
				})
				if level != pgx.ReadCommitted {
					if !errors.Is(err, credits.ErrRetry) {
						t.Errorf("the error is %v, not ErrRetry", err)
					}
					h.ordered(0)
					err = try(nil)
				}
				if err != nil {
					t.Error(err)
				}
				h.ordered(1)
				h.has(map[credits.WalletID]credits.Amount{"acme": map[credits.Key]credits.Amount{"other": 40, "order-1": 70}[key]})
			})
		}
	}
}

// TestHostTimeouts lets the server end a host's transaction that waits or idles
// for too long: nothing of it is kept, and the host can begin again.
func TestHostTimeouts(t *testing.T) {
	for _, c := range []struct {
		name, set string
		idle      bool // the host does nothing, until the server has ended the session
	}{
		{"I-2/idle_in_transaction_session_timeout", "SET LOCAL idle_in_transaction_session_timeout = '30ms'", true},
		{"I-2/lock_timeout", "SET LOCAL lock_timeout = '30ms'", false},
		{"I-2/statement_timeout", "SET LOCAL statement_timeout = '100ms'", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachLevel(t, func(h *host, level sql.IsolationLevel) {
				tx := h.begin(level)
				var pid int
				if err := tx.QueryRowContext(h.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
					h.Fatal(err)
				}
				on := h.ledger.On(h.store.Tx(tx))
				if _, err := on.Do(h.Context(), "bob", "early", spend(1)); err != nil {
					h.Fatal(err)
				}
				must(h, tx, c.set)
				release := func() {}
				if c.idle {
					waitFor(h.T, openAs(h.T, nil), fmt.Sprintf("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d)", pid))
				} else {
					release = h.holding("acme")
				}
				_, err := on.Do(h.Context(), "acme", "order-1", spend(30))
				if !errors.Is(err, credits.ErrRetry) && (!c.idle || !errors.Is(err, credits.ErrUnknown)) {
					h.Errorf("the error is %v", err)
				}
				release()
				if err := tx.Rollback(); err != nil && !c.idle {
					h.Error(err)
				}
				h.has(map[credits.WalletID]credits.Amount{"acme": 100, "bob": 100})
				again := h.begin(level)
				if _, err := h.ledger.On(h.store.Tx(again)).Do(h.Context(), "acme", "order-1", spend(30)); err != nil {
					h.Error(err)
				}
				if err := again.Commit(); err != nil {
					h.Error(err)
				}
				h.has(map[credits.WalletID]credits.Amount{"acme": 70, "bob": 100})
			})
		})
	}
}

// TestSmallPools works in a host's transaction that has the last connection of
// the pool: the store asks for no other.
func TestSmallPools(t *testing.T) {
	t.Parallel()
	work := func(t *testing.T, db *sql.DB, s store.Store, bind func(tx *sql.Tx) store.Store, conns int) {
		t.Helper()
		ledger := rich(t, s)
		db.SetMaxOpenConns(conns)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of use only where it hangs
		defer cancel()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		on := ledger.On(bind(tx))
		if _, err := on.Do(ctx, "acme", "job", credits.Spend{Amount: 1}); err != nil {
			t.Error(err)
		}
		for _, err := range on.History(ctx, "acme", credits.HistoryQuery{}) {
			if err != nil {
				t.Error(err)
			}
		}
		if err := on.Verify(ctx, "acme"); err != nil {
			t.Error(err)
		}
		if _, err := on.Tick(ctx); err != nil {
			t.Error(err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
		if keys := spentKeys(t, ledger); keys["job"] != 1 {
			t.Errorf("spent under %v", keys)
		}
	}
	t.Run("postgres, one connection", func(t *testing.T) {
		db := openAs(t, service)
		s := open(t, db, newSchema(t))
		work(t, db, s, func(tx *sql.Tx) store.Store { return s.Tx(tx) }, 1)
	})
	t.Run("sqlite, two connections", func(t *testing.T) {
		eachDriver(t, func(t *testing.T, d sqliteDriver) {
			db := d.open(t, newFile(t))
			s := newSQLite(t, db, sqlite.Options{})
			work(t, db, s, func(tx *sql.Tx) store.Store { return s.Tx(tx) }, 2)
		})
	})
}

// TestPooled works without prepared statements, each call on whatever connection
// comes, whose session others left behind in a state of theirs.
func TestPooled(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeDescribeExec} {
		t.Run("I-1/"+mode.String(), func(t *testing.T) {
			schema := newSchema(t)
			db := openAs(t, func(config *pgx.ConnConfig) {
				service(config)
				config.DefaultQueryExecMode = mode
			})
			db.SetMaxOpenConns(4)
			ledger := rich(t, open(t, db, schema))
			r := rand.New(rand.NewPCG(1, 2))
			var all sync.WaitGroup
			for client := range 4 {
				leave := []string{"SET search_path TO pg_temp", "DISCARD ALL", "PREPARE left_over AS SELECT 1", "SET plan_cache_mode = force_generic_plan"}[client]
				order := r.Perm(20)
				all.Go(func() {
					for _, n := range order {
						_, _ = db.ExecContext(t.Context(), leave)
						for {
							_, err := ledger.Do(t.Context(), "acme", credits.Key(fmt.Sprint(n)), credits.Spend{Amount: 1})
							if err == nil {
								break
							}
							if !errors.Is(err, credits.ErrRetry) {
								t.Error(err)
								return
							}
						}
					}
				})
			}
			all.Wait()
			if keys := spentKeys(t, ledger); len(keys) != 20 {
				t.Errorf("%d keys were spent under, not 20", len(keys))
			}
		})
	}
}

// TestManyWrites commits more at once than goes into one statement, in numbers and in bytes.
func TestManyWrites(t *testing.T) {
	t.Parallel()
	for _, e := range engines()[:2] {
		t.Run("I-2/"+e.name, func(t *testing.T) {
			s := e.make(t)(t)
			many := make([]store.Write, 10_001)
			for i := range many {
				many[i] = write(fmt.Sprint("w", i), 0)
			}
			keepAll(t, s, many...)
			big := make([]store.Write, 65)
			for i := range big {
				big[i] = write(fmt.Sprint("w", i), 1, "k")
				big[i].Changes[0].Parts[0].Body = make([]byte, store.BodyLimit)
			}
			big[7].Changes[0].Prev, big[7].Changes[0].Seq, big[7].Changes[0].Entries[0].Seq = 2, 3, 3
			kept, err := s.Commit(t.Context(), big...)
			if err != nil {
				t.Fatal(err)
			}
			for i, ok := range kept {
				if ok == (i == 7) {
					t.Errorf("write %d: kept %v", i, ok)
				}
			}
			states, err := s.Load(t.Context(), store.Read{Wallet: "w64", Keys: []string{"k"}}, store.Read{Wallet: "w7"}, store.Read{Wallet: "w10000"})
			if err != nil || states[0].Seq != 2 || len(states[0].Parts[0].Body) != store.BodyLimit || states[1].Seq != 1 || states[2].Seq != 1 {
				t.Errorf("%v, %d, %d, %d", err, states[0].Seq, states[1].Seq, states[2].Seq)
			}
		})
	}
}
