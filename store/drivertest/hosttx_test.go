package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

// host is a service with a table of orders beside its credits.
type host struct {
	*testing.T
	db     *sql.DB
	store  *postgres.Store
	ledger *credits.Ledger
	clock  *clock.Mock
	schema string
	orders string // the host's own table
}

// newHost opens two wallets of 100 credits each.
func newHost(t *testing.T) *host {
	t.Helper()
	schema, db := newSchema(t), openAs(t, service)
	must(t, openAs(t, nil), `CREATE TABLE "`+schema+`".orders (id int)`, `GRANT ALL ON "`+schema+`".orders TO credits_run`)
	db.SetMaxOpenConns(8)
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	s := open(t, db, schema)
	h := &host{T: t, db: db, store: s, ledger: credits.New(s, &credits.Options{Clock: mock, Salt: [32]byte{1}})}
	h.clock, h.schema, h.orders = mock, schema, `"`+schema+`".orders`
	plan := credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
	}
	for _, id := range []credits.WalletID{"acme", "bob"} {
		if _, err := h.ledger.Do(t.Context(), id, "signup", credits.Open{Plan: plan}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// spend is a command of so many credits.
func spend(n credits.Amount) credits.Command { return credits.Spend{Amount: n * credits.Credit} }

// begin begins a transaction that ends with the test.
func (h *host) begin(level sql.IsolationLevel) *sql.Tx {
	h.Helper()
	tx, err := h.db.BeginTx(h.Context(), &sql.TxOptions{Isolation: level})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// has checks what wallets hold, and that all of them verify.
func (h *host) has(want map[credits.WalletID]credits.Amount) {
	h.Helper()
	for id, amount := range want {
		w, err := h.ledger.Wallet(h.Context(), id)
		if err != nil {
			h.Fatal(err)
		}
		if w.Available() != amount*credits.Credit {
			h.Errorf("%s has %v, not %v", id, w.Available(), amount)
		}
		if err := h.ledger.Verify(h.Context(), id); err != nil {
			h.Error(err)
		}
	}
}

// order writes a row of the host's own in its transaction.
func (h *host) order(tx *sql.Tx) {
	h.Helper()
	must(h, tx, `INSERT INTO `+h.orders+` VALUES (1)`)
}

// ordered checks how many such rows there are.
func (h *host) ordered(want int) {
	h.Helper()
	var n int
	if err := h.db.QueryRowContext(h.Context(), `SELECT count(*) FROM `+h.orders).Scan(&n); err != nil || n != want {
		h.Errorf("%d orders, not %d (%v)", n, want, err)
	}
}

// usable checks that a transaction goes on.
func (h *host) usable(tx *sql.Tx) {
	h.Helper()
	var one int
	if err := tx.QueryRowContext(h.Context(), "SELECT 1").Scan(&one); err != nil {
		h.Errorf("the transaction cannot be used any more: %v", err)
	}
}

// between is a store before whose first commit something happens.
type between struct {
	store.Store
	happens func()
}

func (b *between) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if f := b.happens; f != nil {
		b.happens = nil
		f()
	}
	return b.Store.Commit(ctx, writes...)
}

// eachLevel runs f with a host of its own at each level of isolation.
func eachLevel(t *testing.T, f func(h *host, level sql.IsolationLevel)) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) { f(newHost(t), level) })
	}
}

func TestHostCommitsBoth_I2(t *testing.T) {
	eachLevel(t, func(h *host, level sql.IsolationLevel) {
		tx := h.begin(level)
		r, err := h.ledger.On(h.store.Tx(tx)).Do(h.Context(), "acme", "order-1", spend(30))
		if err != nil {
			h.Fatal(err)
		}
		h.order(tx)
		h.has(map[credits.WalletID]credits.Amount{"acme": 100}) // not yet
		if err := tx.Commit(); err != nil {
			h.Fatal(err)
		}
		h.has(map[credits.WalletID]credits.Amount{"acme": 70, "bob": 100})
		h.ordered(1)
		again, err := h.ledger.Do(h.Context(), "acme", "order-1", spend(30))
		if err != nil || !again.Replayed || again.ID != r.ID {
			h.Errorf("the same key again: %+v, %v", again, err)
		}
	})
}

func TestHostRollsBackBoth_I2(t *testing.T) {
	eachLevel(t, func(h *host, level sql.IsolationLevel) {
		tx := h.begin(level)
		on := h.ledger.On(h.store.Tx(tx))
		for _, key := range []credits.Key{"order-1", "order-2"} {
			if _, err := on.Do(h.Context(), "acme", key, spend(30)); err != nil {
				h.Fatal(err)
			}
		}
		if _, err := on.DoAll(
			h.Context(),
			credits.Task{Wallet: "bob", Key: "swap", Command: spend(1)},
			credits.Task{Wallet: "acme", Key: "swap", Command: credits.Grant{Amount: credits.Credit}},
		); err != nil {
			h.Fatal(err)
		}
		h.order(tx)
		if err := tx.Rollback(); err != nil {
			h.Fatal(err)
		}
		h.has(map[credits.WalletID]credits.Amount{"acme": 100, "bob": 100})
		h.ordered(0)
		if r, err := h.ledger.Do(h.Context(), "acme", "order-1", spend(30)); err != nil || r.Replayed {
			h.Errorf("a key that was rolled back: %+v, %v", r, err)
		}
	})
}

// TestHostConflict lets another spend come between a transaction's load and its
// commit. At READ COMMITTED the spend is decided again; at stricter levels the
// transaction has to begin again, and can be used until then.
func TestHostConflict(t *testing.T) {
	outside := map[string]func(h *host){
		"I-2/another command": func(h *host) {
			if _, err := h.ledger.Do(h.Context(), "acme", "other", spend(50)); err != nil {
				h.Error(err)
			}
		},
		"I-1/the same command": func(h *host) {
			if _, err := h.ledger.Do(h.Context(), "acme", "order-1", spend(30)); err != nil {
				h.Error(err)
			}
		},
	}
	left := map[string]credits.Amount{"I-2/another command": 20, "I-1/the same command": 70}
	for name, happens := range outside {
		t.Run(name, func(t *testing.T) {
			eachLevel(t, func(h *host, level sql.IsolationLevel) {
				try := func(tx *sql.Tx, happens func()) error {
					s := &between{Store: h.store.Tx(tx), happens: happens}
					_, err := h.ledger.On(s).Do(h.Context(), "acme", "order-1", spend(30))
					h.usable(tx)
					return err
				}
				tx := h.begin(level)
				err := try(tx, func() { happens(h) })
				if level != sql.LevelReadCommitted {
					if !errors.Is(err, credits.ErrRetry) || !errors.Is(err, store.ErrAborted) {
						h.Fatalf("error %v, want ErrRetry", err)
					}
					if err := tx.Rollback(); err != nil {
						h.Fatal(err)
					}
					tx = h.begin(level)
					err = try(tx, nil)
				}
				if err != nil {
					h.Fatal(err)
				}
				if err := tx.Commit(); err != nil {
					h.Fatal(err)
				}
				h.has(map[credits.WalletID]credits.Amount{"acme": left[name]})
			})
		})
	}
}

// TestHostWholeWrites_S11 lets one of two wallets of a transfer be changed
// meanwhile: neither is left changed alone, and the transaction can be used.
func TestHostWholeWrites_S11(t *testing.T) {
	eachLevel(t, func(h *host, level sql.IsolationLevel) {
		tx := h.begin(level)
		bound := h.store.Tx(tx)
		before, err := bound.Load(h.Context(), store.Read{Wallet: "acme"}, store.Read{Wallet: "bob"})
		if err != nil {
			h.Fatal(err)
		}
		if _, err := h.ledger.Do(h.Context(), "bob", "other", spend(50)); err != nil {
			h.Fatal(err)
		}
		both := store.Write{Changes: []store.Change{
			after("acme", before[0], "gift").Changes[0], after("bob", before[1], "gift").Changes[0],
		}}
		kept, err := bound.Commit(h.Context(), both)
		if level == sql.LevelReadCommitted && (err != nil || kept[0]) || level != sql.LevelReadCommitted && !errors.Is(err, store.ErrAborted) {
			h.Errorf("kept %v, error %v", kept, err)
		}
		after, err := bound.Load(h.Context(), store.Read{Wallet: "acme", Keys: []string{"gift"}})
		if err != nil || after[0].Seq != before[0].Seq || len(after[0].Receipts) > 0 {
			h.Errorf("half of the write is there: %+v, %v", after, err)
		}
		if err := tx.Commit(); err != nil && level == sql.LevelReadCommitted {
			h.Error(err)
		}
		h.has(map[credits.WalletID]credits.Amount{"acme": 100, "bob": 50})
	})
}

// TestHostSameKeyAtOnce_I1 lets two transactions run the same command: the second
// waits for the first, and then finds the first's receipt, not an older one.
func TestHostSameKeyAtOnce_I1(t *testing.T) {
	for _, commits := range []bool{true, false} {
		t.Run(map[bool]string{true: "the first commits", false: "the first rolls back"}[commits], func(t *testing.T) {
			eachLevel(t, func(h *host, level sql.IsolationLevel) {
				first, second := h.begin(level), h.begin(level)
				do := func(tx *sql.Tx) (credits.Receipt, error) {
					return h.ledger.On(h.store.Tx(tx)).Do(h.Context(), "acme", "order-1", spend(30))
				}
				if _, err := do(first); err != nil {
					h.Fatal(err)
				}
				var receipt credits.Receipt
				done := make(chan error, 1)
				go func() {
					var err error
					receipt, err = do(second)
					done <- err
				}()
				h.waiting()
				if commits {
					if err := first.Commit(); err != nil {
						h.Fatal(err)
					}
				} else if err := first.Rollback(); err != nil {
					h.Fatal(err)
				}
				err := <-done
				h.usable(second)
				if commits && level != sql.LevelReadCommitted {
					if !errors.Is(err, credits.ErrRetry) {
						h.Fatalf("error %v, want ErrRetry", err)
					}
					if err := second.Rollback(); err != nil {
						h.Fatal(err)
					}
					second = h.begin(level)
					receipt, err = do(second)
				}
				if err != nil || receipt.Replayed != commits {
					h.Errorf("replayed %v, error %v", receipt.Replayed, err)
				}
				if err := second.Commit(); err != nil {
					h.Error(err)
				}
				h.has(map[credits.WalletID]credits.Amount{"acme": 70})
			})
		})
	}
}

// waiting returns when some transaction waits for another.
func (h *host) waiting() {
	h.Helper()
	db := openAs(h.T, nil)
	for h.Context().Err() == nil {
		var n int
		err := db.QueryRowContext(h.Context(), `SELECT count(*) FROM pg_stat_activity WHERE usename = 'credits_run' AND wait_event_type = 'Lock'`).Scan(&n)
		if err != nil {
			h.Fatal(err)
		}
		if n > 0 {
			return
		}
	}
}

// TestFeedMissesNothing_L6 holds transactions open while others commit later
// entries, and reads the feed meanwhile: every entry comes, in order, once all are through.
func TestFeedMissesNothing_L6(t *testing.T) {
	h := newHost(t)
	held := h.begin(sql.LevelReadCommitted)
	if _, err := h.ledger.On(h.store.Tx(held)).Do(h.Context(), "acme", "early", spend(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ledger.Do(h.Context(), "bob", "late", spend(2)); err != nil { // begun later, committed earlier
		t.Fatal(err)
	}
	fed := make(map[string]uint64)
	read := func() {
		for head, err := range h.store.Heads(t.Context(), store.Filter{Pending: true}) {
			if err != nil {
				t.Fatal(err)
			}
			for e, err := range h.store.Entries(t.Context(), store.Query{Wallet: head.Wallet, After: head.Fed, Through: head.Seq}) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Seq != fed[head.Wallet]+1 {
					t.Errorf("%s: entry %d after %d", head.Wallet, e.Seq, fed[head.Wallet])
				}
				fed[head.Wallet] = e.Seq
			}
			if err := h.store.Ack(t.Context(), head.Wallet, head.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	before, err := h.store.Load(t.Context(), store.Read{Wallet: "acme"}, store.Read{Wallet: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	// Ack of acme would wait for the held transaction: another reader has it.
	for head, err := range h.store.Heads(t.Context(), store.Filter{Pending: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if head.Wallet == "acme" && head.Seq != before[0].Seq {
			t.Errorf("an entry is fed before it is committed: %+v", head)
		}
	}
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		read()
	}()
	h.waiting()
	if err := held.Commit(); err != nil {
		t.Fatal(err)
	}
	<-acked
	if fed["acme"] != before[0].Seq || fed["bob"] != before[1].Seq {
		t.Errorf("fed %v, and there were %d and %d", fed, before[0].Seq, before[1].Seq)
	}
	read()
	if fed["acme"] != before[0].Seq+1 {
		t.Errorf("of the transaction that committed late, entry %d is missing: %v", before[0].Seq+1, fed)
	}
	read()
	for head, err := range h.store.Heads(t.Context(), store.Filter{Pending: true}) {
		t.Errorf("still pending: %+v, %v", head, err)
	}
}
