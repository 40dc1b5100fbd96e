package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

// on returns the host's ledger over connections that have been set up otherwise.
func (h *host) on(setUp func(config *pgx.ConnConfig), notices *postgres.Notices) (*credits.Ledger, *sql.DB) {
	h.Helper()
	db := openAs(h.T, func(config *pgx.ConnConfig) {
		service(config)
		if setUp != nil {
			setUp(config)
		}
	})
	s, err := postgres.Open(h.Context(), db, postgres.Options{Schema: h.schema, Notices: notices})
	if err != nil {
		h.Fatal(err)
	}
	return credits.New(s, &credits.Options{Clock: h.clock, Salt: [32]byte{1}}), db
}

// holding locks a wallet, and returns what lets it go.
func (h *host) holding(wallet string) (release func()) {
	h.Helper()
	tx := h.begin(sql.LevelReadCommitted)
	must(h, tx, `UPDATE "`+h.schema+`".credits_wallets SET due = due WHERE id = '`+wallet+`'`)
	return func() {
		if err := tx.Rollback(); err != nil {
			h.Error(err)
		}
	}
}

// TestFaultsWhileWaiting lets a commit wait for a lock, and ends the wait
// otherwise than by the lock's release. The same key tells in the end: one effect.
func TestFaultsWhileWaiting(t *testing.T) {
	const waiting = ` FROM pg_stat_activity WHERE usename = 'credits_run' AND wait_event_type = 'Lock'`
	param := func(name, value string) func(config *pgx.ConnConfig) {
		return func(config *pgx.ConnConfig) { config.RuntimeParams[name] = value }
	}
	cases := []struct {
		name  string
		setUp func(config *pgx.ConnConfig)
		fault string // a statement of an administrator's
		ends  bool   // the context
		want  error
	}{
		{name: "terminated", fault: `SELECT pg_terminate_backend(pid)` + waiting, want: credits.ErrUnknown},
		{name: "cancelled", fault: `SELECT pg_cancel_backend(pid)` + waiting, want: credits.ErrUnknown},
		{name: "context ended", ends: true, want: credits.ErrUnknown},
		{name: "statement_timeout", setUp: param("statement_timeout", "100ms"), want: credits.ErrUnknown},
		{name: "lock_timeout", setUp: param("lock_timeout", "100ms"), want: credits.ErrRetry},
	}
	for _, c := range cases {
		t.Run("I-1/"+c.name, func(t *testing.T) {
			h := newHost(t)
			ledger, _ := h.on(c.setUp, nil)
			release := h.holding("acme")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := ledger.Do(ctx, "acme", "order-1", spend(30))
				done <- err
			}()
			h.waiting()
			if c.fault != "" {
				must(t, openAs(t, nil), c.fault)
			}
			if c.ends {
				cancel()
			}
			if err := <-done; !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			release()
			for range 2 {
				if _, err := ledger.Do(t.Context(), "acme", "order-1", spend(30)); err != nil {
					t.Fatal(err)
				}
			}
			h.has(map[credits.WalletID]credits.Amount{"acme": 70})
		})
	}
}

// TestFaultsKnown are failures of which it is known that nothing was kept.
func TestFaultsKnown(t *testing.T) {
	h := newHost(t)
	before, err := h.store.Load(t.Context(), store.Read{Wallet: "acme"}, store.Read{Wallet: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	aborted := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrAborted) {
			t.Errorf("error %v, want ErrAborted", err)
		}
		h.has(map[credits.WalletID]credits.Amount{"acme": 100, "bob": 100})
	}
	t.Run("I-2/no connection", func(t *testing.T) {
		refuse := errors.New("refused")
		var closed atomic.Bool
		_, db := h.on(func(config *pgx.ConnConfig) {
			dial := config.DialFunc
			config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if closed.Load() {
					return nil, refuse
				}
				return dial(ctx, network, addr)
			}
		}, nil)
		s := open(t, db, h.schema)
		db.SetMaxIdleConns(-1)
		closed.Store(true)
		_, err := s.Commit(t.Context(), after("acme", before[0]))
		if !errors.Is(err, refuse) {
			t.Error(err)
		}
		aborted(t, err)
	})
	t.Run("I-2/a pool that is exhausted", func(t *testing.T) {
		_, db := h.on(nil, nil)
		s := open(t, db, h.schema)
		db.SetMaxOpenConns(1)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = s.Commit(ctx, after("acme", before[0]))
		aborted(t, err)
	})
	t.Run("I-2/a serialization failure", func(t *testing.T) { aborted(t, h.serialization(t, before)) })
	t.Run("I-2/a deadlock", func(t *testing.T) {
		for range 20 { // the server may choose to fail the host's transaction instead
			if err := h.deadlock(t); err != nil {
				aborted(t, err)
				return
			}
		}
		t.Error("of 20 deadlocks, none failed the store's write")
	})
}

// serialization has a write of acme, at a level that refuses it, wait for a
// transaction that changes the wallet, and returns the write's error.
func (h *host) serialization(t *testing.T, before []store.State) error {
	_, db := h.on(func(config *pgx.ConnConfig) {
		config.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	}, nil)
	s := open(t, db, h.schema)
	tx := h.begin(sql.LevelReadCommitted)
	must(t, tx, `UPDATE "`+h.schema+`".credits_wallets SET due = due WHERE id = 'acme'`)
	done := make(chan error, 1)
	go func() {
		w := after("acme", before[0])
		w.Wait = true
		_, err := s.Commit(t.Context(), w)
		done <- err
	}()
	h.waiting()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return <-done
}

// deadlock has a write of two wallets wait for a transaction that then waits for
// it, and returns the write's error. It is most likely the one that gives up: it waits less long.
func (h *host) deadlock(t *testing.T) error {
	_, db := h.on(func(config *pgx.ConnConfig) {
		config.User = "super"
		config.RuntimeParams["deadlock_timeout"] = "50ms"
	}, nil)
	s := open(t, db, h.schema)
	before, err := s.Load(t.Context(), store.Read{Wallet: "first"}, store.Read{Wallet: "second"})
	if err != nil {
		t.Fatal(err)
	}
	if before[0].Seq == 0 {
		keepAll(t, s, write("first", 0), write("second", 0))
		before[0].Seq, before[1].Seq = 1, 1
	}
	tx := h.begin(sql.LevelReadCommitted)
	must(t, tx, `UPDATE "`+h.schema+`".credits_wallets SET due = due WHERE id = 'second'`)
	done := make(chan error, 1)
	go func() { // it has the first, and waits for the second
		_, err := s.Commit(t.Context(), store.Write{Changes: []store.Change{
			after("second", before[1]).Changes[0], after("first", before[0]).Changes[0],
		}})
		done <- err
	}()
	for rows := int64(1); rows > 0; { // until the first is locked
		got, err := h.db.ExecContext(t.Context(), `SELECT 1 FROM "`+h.schema+`".credits_wallets WHERE id = 'first' FOR UPDATE SKIP LOCKED`)
		if err != nil {
			t.Fatal(err)
		}
		if rows, err = got.RowsAffected(); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = tx.ExecContext(t.Context(), `UPDATE "`+h.schema+`".credits_wallets SET due = due WHERE id = 'first'`)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	return <-done
}

// TestServerGoesMeanwhile_I1 ends all idle connections of a pool. Commands may
// fail until the pool has others; the same key has one effect.
func TestServerGoesMeanwhile_I1(t *testing.T) {
	h := newHost(t)
	ledger, db := h.on(func(config *pgx.ConnConfig) { config.RuntimeParams["application_name"] = "doomed" }, nil)
	db.SetMaxIdleConns(3)
	for round := range 5 {
		for range 3 {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
		must(t, openAs(t, nil), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed'`)
		key, err := credits.Key(rune('a'+round)), error(nil)
		for range 10 {
			if _, err = ledger.Do(t.Context(), "acme", key, spend(1)); err == nil {
				break
			}
			if !errors.Is(err, credits.ErrRetry) && !errors.Is(err, credits.ErrUnknown) {
				t.Error(err)
			}
		}
		if err != nil {
			t.Error(err)
		}
		h.has(map[credits.WalletID]credits.Amount{"acme": 99 - credits.Amount(round)})
	}
}

// cutter is a connection to the server that goes once a number of replies came in: the next is
// received, so that the server has done what it was asked, and dropped.
type cutter struct {
	net.Conn
	left *atomic.Int64 // replies to let through; negative for all
}

func (c *cutter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if left := c.left.Load(); err == nil && left >= 0 {
		if left == 0 {
			c.left.Store(-1)
			c.Conn.Close()
			return 0, net.ErrClosed
		}
		c.left.Store(left - 1)
	}
	return n, err
}

// TestReplyDropped_I1 drops one reply of the server's after the other, while a
// command on one wallet or on two is under way. The same key tells, and there is one effect.
func TestReplyDropped_I1(t *testing.T) {
	h := newHost(t)
	left := new(atomic.Int64)
	left.Store(-1)
	ledger, db := h.on(func(config *pgx.ConnConfig) {
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return &cutter{conn, left}, err
		}
	}, nil)
	db.SetMaxOpenConns(1)
	commands := []struct {
		name string
		do   func(key credits.Key) error
	}{
		{"one wallet", func(key credits.Key) error {
			_, err := ledger.Do(t.Context(), "acme", key, spend(1))
			return err
		}},
		{"two wallets", func(key credits.Key) error {
			_, err := ledger.DoAll(t.Context(), credits.Task{Wallet: "acme", Key: key, Command: spend(1)}, credits.Task{Wallet: "bob", Key: key, Command: spend(1)})
			return err
		}},
	}
	acme, bob := credits.Amount(100), credits.Amount(100)
	for _, c := range commands {
		unknown := 0
		for n := range int64(16) {
			// A ledger that remembers a wallet needs one reply, and other calls need more.
			key, replies := credits.Key(fmt.Sprint(c.name, n)), n%4
			left.Store(replies)
			err := c.do(key)
			switch {
			case errors.Is(err, credits.ErrUnknown):
				unknown++
			case err != nil && !errors.Is(err, credits.ErrRetry):
				t.Errorf("%s, after %d replies: %v", c.name, replies, err)
			}
			left.Store(-1)
			for tries := 0; err != nil && tries < 3; tries++ { // the pool may hold what is broken
				err = c.do(key)
			}
			if err != nil {
				t.Errorf("%s, after %d replies, again: %v", c.name, replies, err)
			}
			if acme--; c.name == "two wallets" {
				bob--
			}
			h.has(map[credits.WalletID]credits.Amount{"acme": acme, "bob": bob})
		}
		if unknown == 0 {
			t.Errorf("%s: no outcome was unknown: the test drops what does not matter", c.name)
		}
	}
}

// TestCancelledStandby_I1 has a commit wait for a standby that never comes, and
// cancels the wait: the server answers success and warns. Who listens to
// warnings is told that the outcome is unknown; who does not, is not.
func TestCancelledStandby_I1(t *testing.T) {
	h := newHost(t)
	admin := openAs(t, func(config *pgx.ConnConfig) { config.RuntimeParams["synchronous_commit"] = "local" })
	notices := new(postgres.Notices)
	listening, _ := h.on(func(config *pgx.ConnConfig) {
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices.Add(n.Code) }
	}, notices)
	deaf, _ := h.on(nil, nil)
	must(t, admin, `ALTER SYSTEM SET synchronous_standby_names = 'nowhere'`, `SELECT pg_reload_conf()`)
	t.Cleanup(func() {
		mustAtEnd(t, openAs(t, func(config *pgx.ConnConfig) { config.RuntimeParams["synchronous_commit"] = "local" }),
			`ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`)
	})
	do := func(ledger *credits.Ledger, key credits.Key, cancel string) error {
		done := make(chan error, 1)
		go func() {
			_, err := ledger.Do(t.Context(), "acme", key, spend(10))
			done <- err
		}()
		for {
			select {
			case err := <-done:
				return err
			default:
				must(t, admin, `SELECT `+cancel+`(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'credits_run'`)
			}
		}
	}
	waits := func() bool { // once the setting has reached a new connection's server
		var names string
		db := openAs(t, nil)
		if err := db.QueryRowContext(t.Context(), `SHOW synchronous_standby_names`).Scan(&names); err != nil {
			t.Fatal(err)
		}
		return names != ""
	}
	for !waits() && t.Context().Err() == nil {
		continue
	}
	// A connection that was there before takes the setting over when it is next idle.
	if err := do(listening, "order-1", "pg_cancel_backend"); !errors.Is(err, credits.ErrUnknown) {
		t.Errorf("cancelled, and listening: error %v, want ErrUnknown", err)
	}
	if err := do(deaf, "order-2", "pg_cancel_backend"); err != nil {
		t.Errorf("cancelled, and deaf: error %v: the control has to be told of success", err)
	}
	if err := do(listening, "order-3", "pg_terminate_backend"); !errors.Is(err, credits.ErrUnknown) {
		t.Errorf("terminated: error %v, want ErrUnknown", err)
	}
	h.has(map[credits.WalletID]credits.Amount{"acme": 70}) // all are there, where no failover loses them
}

// mustAtEnd is must for a cleanup, when the test's context has ended.
func mustAtEnd(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
