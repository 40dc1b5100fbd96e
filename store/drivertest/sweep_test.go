package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
	"example.com/credits/store/storetest"
)

// engine is a store that can be opened again on what it kept.
type engine struct {
	name string
	make func(t *testing.T) (reopen func(t *testing.T) store.Store)
}

// engines are the stores that keep something.
func engines() []engine {
	all := []engine{{"postgres", func(t *testing.T) func(t *testing.T) store.Store {
		schema, db := newSchema(t), openAs(t, service)
		db.SetMaxIdleConns(8)
		return func(t *testing.T) store.Store { return open(t, db, schema) }
	}}}
	for _, d := range drivers() {
		all = append(all, engine{"sqlite by " + d.name, func(t *testing.T) func(t *testing.T) store.Store {
			db := d.open(t, newFile(t))
			return func(t *testing.T) store.Store { return newSQLite(t, db, sqlite.Options{}) }
		}})
	}
	return all
}

// sweepWallets names the wallets of one case.
type sweepWallets struct{ id, other credits.WalletID }

// ready opens the wallets: lot 2 is an allowance, entry 3 a spend, 4 a hold, 5 a purchase.
func (w sweepWallets) ready(t *testing.T, l *credits.Ledger) {
	t.Helper()
	plan := core()
	plan.Packs = []credits.Pack{{ID: "ten", Size: 10 * credits.Credit, Price: credits.Money{Micros: 1_000_000, Currency: "USD"}}}
	for n, task := range []credits.Task{
		{Wallet: w.id, Command: credits.Open{Plan: plan}},
		{Wallet: w.id, Command: credits.Spend{Amount: credits.Credit, Note: credits.Note{Reason: "first"}}},
		{Wallet: w.id, Command: credits.Reserve{Amount: 2 * credits.Credit, Until: time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC)}},
		{Wallet: w.id, Command: credits.Buy{Pack: "ten", Amount: 10 * credits.Credit}},
		{Wallet: w.other, Command: credits.Open{Plan: plan}},
	} {
		if _, err := l.Do(t.Context(), task.Wallet, credits.Key(fmt.Sprint("ready ", n)), task.Command); err != nil {
			t.Fatal(err)
		}
	}
}

// sweepCases are what a ledger is asked for, each time under the same keys.
func sweepCases() map[string]func(ctx context.Context, l *credits.Ledger, w sweepWallets) error {
	one := func(c credits.Command) func(ctx context.Context, l *credits.Ledger, w sweepWallets) error {
		return func(ctx context.Context, l *credits.Ledger, w sweepWallets) error {
			_, err := l.Do(ctx, w.id, "the key", c)
			return err
		}
	}
	return map[string]func(ctx context.Context, l *credits.Ledger, w sweepWallets) error{
		"spend":   one(credits.Spend{Amount: credits.Credit}),
		"grant":   one(credits.Grant{Amount: credits.Credit}),
		"capture": one(credits.Capture{Hold: 4, All: true}),
		"reverse": one(credits.Reverse{Spend: 3, All: true}),
		"buy":     one(credits.Buy{Pack: "ten", Amount: 20 * credits.Credit}),
		"erase":   one(credits.Erase{Entries: []credits.ID{3}}),
		"transfer": func(ctx context.Context, l *credits.Ledger, w sweepWallets) error {
			_, _, err := l.Transfer(ctx, "the key", credits.Transfer{From: w.id, To: w.other, Amount: credits.Credit})
			return err
		},
		"do all": func(ctx context.Context, l *credits.Ledger, w sweepWallets) error {
			_, err := l.DoAll(ctx, credits.Task{Wallet: w.id, Key: "the key", Command: credits.Spend{Amount: 1}},
				credits.Task{Wallet: w.other, Key: "another", Command: credits.Grant{Amount: 1}})
			return err
		},
	}
}

// kept returns all that a store keeps of the wallets.
func (w sweepWallets) kept(t *testing.T, s store.Store) (all []kept) {
	t.Helper()
	for _, id := range []string{string(w.id), string(w.other)} {
		states, err := s.Load(t.Context(), store.Read{Wallet: id, Keys: []string{"the key", "another"}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept{id, fmt.Sprintf("%+v", states[0])})
		for _, e := range entriesOf(t, s, id) {
			all = append(all, kept{fmt.Sprint(id, " ", e.Seq), fmt.Sprintf("%+v", e)})
		}
	}
	return all
}

// TestFaultSweep lets every call that a command makes of a store fail, once or from then on, before
// or after its effect; opens the store again, and makes the same call: I-2, there is one effect, and the bytes that
// are kept are those of a store in memory on which nothing failed.
func TestFaultSweep(t *testing.T) {
	t.Parallel()
	faults := []storetest.Fault{
		storetest.FailBefore, storetest.FailAfter, storetest.CancelBefore, storetest.CancelAfter, storetest.Abort, storetest.Conflict,
	}
	plans := map[string]func(int, storetest.Fault) storetest.Plan{"once": storetest.Once, "from": storetest.From}
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			reopen := e.make(t)
			number := 0
			for name, do := range sweepCases() {
				t.Run("I-2/"+name, func(t *testing.T) {
					for _, f := range faults {
						for when, plan := range plans {
							if when == "from" && f != storetest.FailAfter && f != storetest.Abort {
								continue // the same as once, or what never ends
							}
							for call, hit := 1, true; hit; call++ {
								number++
								w := sweepWallets{credits.WalletID(fmt.Sprint("a", number)), credits.WalletID(fmt.Sprint("b", number))}
								where := fmt.Sprintf("%s, %v %s at call %d", name, f, when, call)
								hit = sweep(t, where, reopen(t), w, do, counting(plan(call, f), &call))
							}
						}
					}
				})
			}
			t.Logf("%d faults", number)
		})
	}
}

// counting tells by hit whether a plan's call came.
func counting(plan storetest.Plan, call *int) func(hit *bool) storetest.Plan {
	at := *call
	return func(hit *bool) storetest.Plan {
		return func(n int, op string) storetest.Fault {
			*hit = *hit || n >= at
			return plan(n, op)
		}
	}
}

// sweep runs a command on wallets of their own with a fault, and again without.
// It reports whether the fault's call was made.
func sweep(t *testing.T, where string, s store.Store, w sweepWallets,
	do func(ctx context.Context, l *credits.Ledger, w sweepWallets) error, plan func(hit *bool) storetest.Plan,
) (hit bool) {
	t.Helper()
	w.ready(t, newLedger(s))
	err := do(t.Context(), newLedger(storetest.Faulty(s, plan(&hit))), w)
	if err != nil && !errors.Is(err, credits.ErrRetry) && !errors.Is(err, credits.ErrUnknown) {
		t.Errorf("%s: the error is %v", where, err)
	}
	for range 2 {
		if err := do(t.Context(), newLedger(s), w); err != nil {
			t.Errorf("%s, again: %v", where, err)
		}
	}
	memory := new(memory.Store)
	w.ready(t, newLedger(memory))
	if err := do(t.Context(), newLedger(memory), w); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(w.kept(t, memory), w.kept(t, s)); diff != "" {
		t.Errorf("%s: what is kept (-memory +store):\n%.2000s", where, diff)
	}
	return hit
}

// TestCancelledAnywhere lets contexts end at random instants of a command, on one wallet or
// two, and asks again: I-1, each key has one effect. No connection is left in use.
func TestCancelledAnywhere(t *testing.T) {
	t.Parallel()
	const rounds = 150
	seed := rand.Uint64()
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal("CREDITS_SEED:", err)
		}
	}
	for _, e := range engines() {
		t.Run("I-1/"+e.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			s := e.make(t)(t)
			ledger := rich(t, s)
			if _, err := ledger.Do(t.Context(), "bob", "open", credits.Open{Plan: core()}); err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.Do(t.Context(), "acme", "gift", credits.Grant{Amount: credits.Credit}); err != nil {
				t.Fatal(err) // an allowance is not transferred
			}
			classes := map[error]int{}
			for n := range rounds {
				key := credits.Key(fmt.Sprint("key ", n))
				do := func(ctx context.Context) (err error) {
					if n%2 == 0 {
						_, err = ledger.Do(ctx, "acme", key, credits.Spend{Amount: 1})
						return err
					}
					_, _, err = ledger.Transfer(ctx, key, credits.Transfer{From: "acme", To: "bob", Amount: 1})
					return err
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.Int64N(int64(2*time.Millisecond))))
				err := do(ctx)
				cancel()
				switch {
				case err == nil:
				case errors.Is(err, credits.ErrRetry):
					classes[credits.ErrRetry]++
				case errors.Is(err, credits.ErrUnknown):
					classes[credits.ErrUnknown]++
				default:
					t.Errorf("CREDITS_SEED=%d: %v", seed, err)
				}
				for try := 0; ; try++ { // the next may meet a connection that was closed
					if err = do(t.Context()); err == nil || try == 3 {
						break
					}
				}
				if err != nil {
					t.Errorf("CREDITS_SEED=%d: again: %v", seed, err)
				}
			}
			w, err := ledger.Wallet(t.Context(), "acme")
			if want := 1_000_001*credits.Credit - rounds; err != nil || w.Available() != want {
				t.Errorf("CREDITS_SEED=%d: %v is left, not %v (%v)", seed, w.Available(), want, err)
			}
			if keys := spentKeys(t, ledger); len(keys) != rounds/2 {
				t.Errorf("CREDITS_SEED=%d: %d spends, not %d", seed, len(keys), rounds/2)
			}
			t.Logf("CREDITS_SEED=%d: of %d, these ended early: %v", seed, rounds, classes)
		})
	}
}
