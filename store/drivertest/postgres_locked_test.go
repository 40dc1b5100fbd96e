package drivertest_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

// newLocked returns a store with wallets "a" to "d" of an entry each, of which a
// transaction of the host's holds "b".
func newLocked(t *testing.T) (db *sql.DB, s *postgres.Store, tx *sql.Tx) {
	t.Helper()
	schema := newSchema(t)
	db = openAs(t, func(config *pgx.ConnConfig) {
		service(config)
		config.RuntimeParams["lock_timeout"] = "5s" // a wait fails, and does not last
	})
	s = open(t, db, schema)
	keepAll(t, s, write("a", 0, "a0"), write("b", 0, "b0"), write("c", 0, "c0"), write("d", 0, "d0"))
	tx, err := openAs(t, service).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	keepAll(t, s.Tx(tx), write("b", 1, "held"))
	return db, s, tx
}

// TestPostgresPassesOverLocked lets a transaction of the host's hold a wallet while
// others commit: a write that does not say Wait is passed over.
func TestPostgresPassesOverLocked(t *testing.T) {
	_, s, tx := newLocked(t)
	erases := write("c", 3, "c3")
	erases.Changes[0].Erase = []uint64{1}
	tests := []struct {
		name   string
		writes []store.Write
		want   []bool
	}{
		{"alone", []store.Write{write("b", 1, "b1")}, []bool{false}},
		{"alone, without keys", []store.Write{write("b", 1)}, []bool{false}},
		{"among others", []store.Write{write("c", 1, "c1"), write("b", 1, "b1"), write("a", 1, "a1")}, []bool{true, false, true}},
		{"first, without keys", []store.Write{write("b", 1), write("c", 2)}, []bool{false, true}},
		{"taken for new", []store.Write{write("b", 0, "b9"), write("new", 0, "n0")}, []bool{false, true}},
		{"with one that erases", []store.Write{write("b", 1, "b1"), erases}, []bool{false, true}},
		{"all of them stale", []store.Write{write("b", 5), write("c", 9)}, []bool{false, false}},
		{"with a used key", []store.Write{write("b", 1, "b0"), write("a", 2, "a1")}, []bool{false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if kept, err := s.Commit(t.Context(), tt.writes...); err != nil || !slices.Equal(kept, tt.want) {
				t.Errorf("kept %v, error %v; want %v", kept, err, tt.want)
			}
		})
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	keepAll(t, s, write("a", 2, "a2"), write("b", 1, "b2"), write("c", 4, "c4"))
}

// TestPostgresWaitsForLocked sees that a write that says Wait waits for a wallet that
// another transaction holds, one of several wallets does, and all that is within
// a transaction of the host's.
func TestPostgresWaitsForLocked(t *testing.T) {
	both := store.Write{Changes: []store.Change{write("b", 1, "both").Changes[0], write("d", 1).Changes[0]}}
	for name, writes := range map[string][]store.Write{
		"alone": {{Changes: write("b", 1, "alone").Changes, Wait: true}}, "of two wallets": {both}, "within a transaction": {write("b", 1, "b1"), write("c", 1, "c1")},
	} {
		t.Run(name, func(t *testing.T) {
			db, s, tx := newLocked(t)
			if name == "within a transaction" {
				host, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := host.Commit(); err != nil {
						t.Error(err)
					}
				}()
				s = s.Tx(host)
			}
			done := make(chan []bool, 1)
			go func() {
				kept, err := s.Commit(t.Context(), writes...)
				if err != nil {
					t.Error(err)
				}
				done <- kept
			}()
			lockWaits(t, openAs(t, nil), 1)
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			if kept := <-done; slices.Contains(kept, false) || len(kept) != len(writes) {
				t.Errorf("kept %v", kept)
			}
		})
	}
}

// lockWaits returns when n calls wait for a lock.
func lockWaits(t testing.TB, admin *sql.DB, n int) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 20*time.Second; {
		if count(t, admin, `SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'credits%' AND wait_event_type = 'Lock'`) >= n {
			return
		}
	}
	t.Errorf("%d calls do not wait for a lock", n)
}

// TestHostStopsNobody spends on a wallet that a transaction of the host's holds, which
// waits for it. On other wallets of the same ledger others spend meanwhile.
func TestHostStopsNobody(t *testing.T) {
	h := newHost(t)
	tx := h.begin(sql.LevelReadCommitted)
	if _, err := h.ledger.On(h.store.Tx(tx)).Do(t.Context(), "acme", "inside", spend(1)); err != nil {
		t.Fatal(err)
	}
	outside := make(chan error, 1)
	go func() {
		_, err := h.ledger.Do(t.Context(), "acme", "outside", spend(2))
		outside <- err
	}()
	lockWaits(t, openAs(t, nil), 1)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if _, err := h.ledger.Do(ctx, "bob", "meanwhile", spend(4)); err != nil {
		t.Fatal(err) // it waited for the transaction, which would have waited for it
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-outside; err != nil {
		t.Error(err)
	}
	h.has(map[credits.WalletID]credits.Amount{"acme": 97, "bob": 96})
}
