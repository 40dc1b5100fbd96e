package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
)

// doer carries out a command, or several together, on a ledger.
type doer func(ctx context.Context, l *credits.Ledger, tasks ...credits.Task) error

// plainly does what it is told.
func plainly(ctx context.Context, l *credits.Ledger, tasks ...credits.Task) (err error) {
	if len(tasks) == 1 {
		_, err = l.Do(ctx, tasks[0].Wallet, tasks[0].Key, tasks[0].Command)
	} else {
		_, err = l.DoAll(ctx, tasks...)
	}
	return err
}

// within does everything in transactions of the host's, at each level of
// isolation; every third is rolled back and begun again.
func within(t *testing.T, db *sql.DB, tx func(tx *sql.Tx) store.Store, levels ...sql.IsolationLevel) doer {
	n := 0
	return func(ctx context.Context, l *credits.Ledger, tasks ...credits.Task) error {
		for {
			n++
			host, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: levels[n%len(levels)]})
			if err != nil {
				t.Fatal(err)
			}
			failed := plainly(ctx, l.On(tx(host)), tasks...)
			end := host.Commit
			if n%3 == 0 {
				end = host.Rollback
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if n%3 != 0 {
				return failed
			}
		}
	}
}

// commandsVariable says how many commands are compared on each store.
const commandsVariable = "CREDITS_TEST_COMMANDS"

// lifeLength is how many commands a life has.
const lifeLength = 150

// lifeCount is how many lives are compared.
func lifeCount(t *testing.T) int {
	t.Helper()
	text := os.Getenv(commandsVariable)
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(commandsVariable, err)
	}
	return (n + lifeLength - 1) / lifeLength
}

// TestEquivalence lets the same commands, drawn at random, happen on every
// store: what is kept is the same, byte for byte.
func TestEquivalence(t *testing.T) {
	t.Parallel()
	stores := []struct {
		name string
		open func(t *testing.T) func(t *testing.T) (store.Store, doer) // which is called for each life
	}{
		{"sqlite", func(*testing.T) func(t *testing.T) (store.Store, doer) {
			return func(t *testing.T) (store.Store, doer) {
				return newSQLite(t, modernc.open(t, newFile(t)), sqlite.Options{}), plainly
			}
		}},
		{"sqlite, within transactions", func(*testing.T) func(t *testing.T) (store.Store, doer) {
			return func(t *testing.T) (store.Store, doer) {
				db := modernc.open(t, newFile(t))
				s := newSQLite(t, db, sqlite.Options{})
				return s, within(t, db, func(tx *sql.Tx) store.Store { return s.Tx(tx) }, sql.LevelDefault)
			}
		}},
		{"postgres", func(t *testing.T) func(t *testing.T) (store.Store, doer) {
			schema := newSchema(t)
			s, empty := open(t, openAs(t, service), schema), emptying(t, schema)
			return func(t *testing.T) (store.Store, doer) {
				empty(t)
				return s, plainly
			}
		}},
		{"postgres, within transactions", func(t *testing.T) func(t *testing.T) (store.Store, doer) {
			schema, db := newSchema(t), openAs(t, service)
			s, empty := open(t, db, schema), emptying(t, schema)
			return func(t *testing.T) (store.Store, doer) {
				empty(t)
				return s, within(t, db, func(tx *sql.Tx) store.Store { return s.Tx(tx) }, levels...)
			}
		}},
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal("CREDITS_SEED:", err)
		}
		seed = n
	}
	all := lifeCount(t)
	for _, s := range stores {
		t.Run("L-3, S-1/"+s.name, func(t *testing.T) {
			t.Parallel()
			open, total := s.open(t), 0
			for n := range uint64(all) {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					want := live(t, new(memory.Store), plainly, seed+n)
					total += len(want)
					opened, do := open(t)
					if diff := cmp.Diff(want, live(t, opened, do, seed+n)); diff != "" {
						t.Fatalf("CREDITS_SEED=%d: what is kept (-memory +%s):\n%.3000s", seed+n, s.name, diff)
					}
				})
			}
			if total < 500*all {
				t.Errorf("CREDITS_SEED=%d: only %d things were kept: most commands fail", seed, total)
			}
			t.Logf("CREDITS_SEED=%d: %d commands, and %d things are compared", seed, all*lifeLength, total)
		})
	}
}

// kept is one thing that a store keeps, or that a command answered.
type kept struct{ What, Bytes string }

// live lets two wallets live on a store, and returns all that came of it.
func live(t *testing.T, s store.Store, do doer, seed uint64) []kept {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC))
	l := credits.New(s, &credits.Options{Clock: mock, Salt: [32]byte{1}})
	usd := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "USD"} }
	plan := credits.Plan{
		ID: "drawn", Version: 1, Every: credits.Days(2),
		Allowances: []credits.Allowance{{Amount: 20 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: credits.Credit / 2}},
		Packs:      []credits.Pack{{ID: "ten", Size: 10 * credits.Credit, Price: usd(1_000_000), Life: credits.Days(3)}},
		Auto:       credits.AutoPurchase{Pack: "ten", Size: 10 * credits.Credit, Limit: credits.AtMost(100 * credits.Credit)},
	}
	ctx := context.Background()
	var all []kept
	tasks := func(l *credits.Ledger, tasks ...credits.Task) {
		t.Helper()
		err := do(ctx, l, tasks...)
		if err != nil && !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) {
			t.Fatalf("seed %d: %+v: %v", seed, tasks, err)
		}
		all = append(all, kept{fmt.Sprintf("answer to %s", tasks[0].Key), fmt.Sprint(err)})
	}
	wallets := []credits.WalletID{"acme", "bob"}
	for _, id := range wallets {
		tasks(l, credits.Task{Wallet: id, Key: "signup", Command: credits.Open{Plan: plan}})
	}
	for n := range lifeLength {
		if r.IntN(2) == 0 {
			mock.Add(time.Duration(r.Int64N(int64(9 * time.Hour))).Truncate(time.Microsecond))
		}
		id := wallets[r.IntN(2)]
		key := credits.Key(strconv.Itoa(r.IntN(200))) // some of them again
		l := l.As(credits.Actor{ID: []string{"", "ann", "bob"}[r.IntN(3)], Role: credits.System})
		if n%6 > 0 {
			tasks(l, credits.Task{Wallet: id, Key: key, Command: drawn(r, mock.Now())})
			continue
		}
		amount := credits.Amount(1 + r.Int64N(3e6))
		tasks(
			l, credits.Task{Wallet: wallets[0], Key: key + "+", Command: credits.Grant{Amount: amount}},
			credits.Task{Wallet: wallets[1], Key: key + "+", Command: credits.Spend{Amount: amount}},
		)
	}
	return append(all, dump(t, s)...)
}

// drawn returns a command that may well succeed.
func drawn(r *rand.Rand, now time.Time) credits.Command {
	amount := credits.Amount(1 + r.Int64N(9e6))
	earlier := credits.ID(1 + r.Uint64N(150))
	switch r.IntN(9) {
	case 0, 1:
		return credits.Spend{Amount: amount, Note: credits.Note{Labels: map[string]string{"campaign": "spring"}}}
	case 2:
		return credits.Spend{Feature: "image", Quantity: 1 + r.Int64N(9)}
	case 3:
		return credits.Grant{Amount: amount, Expires: now.Add(time.Duration(1+r.Int64N(90)) * time.Hour)}
	case 4:
		return credits.Reserve{Amount: amount, Until: now.Add(time.Duration(1+r.Int64N(40)) * time.Hour)}
	case 5:
		return credits.Capture{Hold: earlier, All: true}
	case 6:
		return credits.Reverse{Spend: earlier, All: true}
	case 7:
		return credits.Buy{Pack: "ten", Amount: 10 * credits.Credit}
	default:
		return credits.Erase{Entries: []credits.ID{earlier}}
	}
}

// dump returns all that a store keeps.
func dump(t *testing.T, s store.Store) []kept {
	t.Helper()
	var all []kept
	add := func(what string, bytes []byte) { all = append(all, kept{what, string(bytes)}) }
	for head, err := range s.Heads(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		add(fmt.Sprintf("%+v", head), nil)
		read := store.Read{Wallet: head.Wallet, Keys: []string{"signup"}}
		for n := range 200 {
			read.Keys = append(read.Keys, strconv.Itoa(n), strconv.Itoa(n)+"+")
		}
		states, err := s.Load(t.Context(), read)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range states[0].Parts {
			add(fmt.Sprintf("%s part %d", head.Wallet, p.ID), p.Body)
		}
		for _, k := range states[0].Receipts {
			add(fmt.Sprintf("%s receipt %s", head.Wallet, k.Key), k.Body)
		}
		for e, err := range s.Entries(t.Context(), store.Query{Wallet: head.Wallet}) {
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s entry %d at %d, kind %d of %d, %s", head.Wallet, e.Seq, e.At, e.Kind, e.Of, e.Feature)
			add(what, e.Body)
			add(what+", note", e.Note)
		}
	}
	return all
}
