package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
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

// house is one ledger of those that are told the same.
type house struct {
	store  store.Store
	ledger *credits.Ledger
	clock  *clock.Mock
	inTx   func(f func(s store.Store) error) error // nil if there are no transactions
}

func newHouse(s store.Store) *house {
	h := &house{store: s, clock: clock.NewMock()}
	h.clock.Set(time.Date(2026, 1, 30, 22, 0, 0, 0, time.UTC))
	h.ledger = credits.New(s, &credits.Options{Clock: h.clock, Salt: [32]byte{7}})
	return h
}

// step is one call, as it is drawn once and made on each ledger.
type step struct {
	wait   time.Duration
	actor  credits.Actor
	wallet credits.WalletID
	key    credits.Key
	cmd    credits.Command
	move   *credits.Transfer
	tick   bool
	tx     bool // in a transaction of the host's, where there are some
}

// do makes a call, and returns what came of it.
func (h *house) do(s step) (credits.Receipt, string) {
	h.clock.Add(s.wait)
	ctx := context.Background()
	var r credits.Receipt
	on := func(l *credits.Ledger) (err error) {
		l = l.As(s.actor)
		switch {
		case s.tick:
			_, err = l.Tick(ctx)
		case s.move != nil:
			r, _, err = l.Transfer(ctx, s.key, *s.move)
		default:
			r, err = l.Do(ctx, s.wallet, s.key, s.cmd)
		}
		return err
	}
	var err error
	if h.inTx != nil && s.tx {
		err = h.inTx(func(in store.Store) error { return on(h.ledger.On(in)) })
	} else {
		err = on(h.ledger)
	}
	return r, fmt.Sprint(err)
}

// artist draws steps.
type artist struct {
	r    *rand.Rand
	keys int
	made map[credits.WalletID][]credits.ID // what commands may name
}

func pick[V any](r *rand.Rand, of ...V) V { return of[r.IntN(len(of))] }

func (a *artist) amount() credits.Amount {
	return pick(a.r, 1, credits.Credit/3, credits.Credit, 7*credits.Credit/3, 11*credits.Credit)
}

func (a *artist) one(id credits.WalletID) credits.ID {
	of := a.made[id]
	if len(of) == 0 {
		return 1
	}
	return of[max(0, len(of)-1-a.r.IntN(12))]
}

func (a *artist) step(plan credits.Plan) step {
	r := a.r
	a.keys++
	s := step{wallet: pick[credits.WalletID](r, "acme", "acme", "bob"), key: credits.Key(strconv.Itoa(a.keys)), tx: r.IntN(3) == 0}
	s.actor = pick(r, credits.Actor{}, credits.Actor{ID: "ann", Role: credits.Operator}, credits.Actor{ID: "cy", Role: credits.System})
	if r.IntN(10) == 0 {
		s.key = credits.Key(strconv.Itoa(1 + r.IntN(a.keys))) // one that was used
	}
	if r.IntN(2) == 0 {
		s.wait = time.Duration(r.Int64N(int64(30 * time.Hour))).Truncate(time.Microsecond)
	}
	switch {
	case r.IntN(25) == 0:
		s.tick = true
	case r.IntN(15) == 0:
		s.move = &credits.Transfer{From: s.wallet, To: pick[credits.WalletID](r, "acme", "bob"), Amount: a.amount()}
	default:
		s.cmd = a.command(s.wallet, plan)
	}
	return s
}

func (a *artist) command(id credits.WalletID, plan credits.Plan) credits.Command {
	r := a.r
	note := credits.Note{Labels: map[string]string{"team": pick(r, "a", "b")}, Ref: pick(r, "", "job")}
	switch r.IntN(16) {
	case 0, 1, 2, 3:
		return credits.Spend{Amount: a.amount(), Note: note}
	case 4, 5:
		return credits.Spend{Feature: pick(r, "image", "text"), Quantity: 1 + r.Int64N(5), Note: note}
	case 6, 7:
		return credits.Grant{Amount: a.amount(), Note: note}
	case 8:
		return credits.Reserve{Amount: a.amount(), Note: note}
	case 9:
		return credits.Capture{Hold: a.one(id), All: true}
	case 10:
		return credits.Release{Hold: a.one(id)}
	case 11:
		return credits.Reverse{Spend: a.one(id), All: true}
	case 12:
		return credits.Buy{Pack: "ten", Amount: 10 * credits.Credit}
	case 13:
		return credits.Revoke{Lot: a.one(id)}
	case 14:
		plan.Version = 1 + r.IntN(3)
		return credits.Subscribe{Plan: plan, When: pick(r, credits.AtOnce, credits.AtCycle)}
	default:
		return credits.Erase{Entries: []credits.ID{a.one(id)}}
	}
}

// content is all that a store holds.
type content struct {
	Heads   []store.Head
	States  []store.State
	Entries [][]store.Entry
}

func contentOf(t testing.TB, s store.Store, keys int) content {
	t.Helper()
	ctx := context.Background()
	var all content
	var names []string
	for i := range keys {
		names = append(names, strconv.Itoa(i+1))
	}
	for head, err := range s.Heads(ctx, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		states, err := s.Load(ctx, store.Read{Wallet: head.Wallet, Keys: names})
		if err != nil {
			t.Fatal(err)
		}
		all.Heads, all.States = append(all.Heads, head), append(all.States, states[0])
		all.Entries = append(all.Entries, entriesOf(t, s, head.Wallet))
	}
	return all
}

// TestSQLiteEqualsMemory makes the same random calls on ledgers in memory and in
// SQLite, there also in transactions of the host's, some of which are rolled
// back first. Every answer is the same, and so is every byte that is stored. (Law 8.)
func TestSQLiteEqualsMemory(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal("CREDITS_SEED:", err)
		}
	}
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		for life := range uint64(5) {
			t.Run(fmt.Sprint("L-3/", life), func(t *testing.T) {
				t.Logf("CREDITS_SEED=%d", seed)
				equalLife(t, d, rand.New(rand.NewPCG(seed, life)))
			})
		}
	})
}

func equalLife(t *testing.T, d sqliteDriver, r *rand.Rand) {
	db := d.open(t, newFile(t))
	s := newSQLite(t, db, sqlite.Options{})
	first, second := newHouse(new(memory.Store)), newHouse(s)
	second.inTx = func(f func(store.Store) error) error {
		for {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			err = f(s.Tx(tx))
			if err == nil && r.IntN(3) == 0 { // once more, as if it had never been
				if err := tx.Rollback(); err != nil {
					return err
				}
				continue
			}
			return errors.Join(err, tx.Commit())
		}
	}
	plan := credits.Plan{
		ID: "core", Version: 1, Every: credits.Days(3), Price: credits.Money{Micros: 9_000_000, Currency: "EUR"},
		Allowances: []credits.Allowance{{Amount: 20 * credits.Credit, Rollover: credits.Rollover{Share: 50 * credits.Percent}}},
		Features:   map[string]credits.Rate{"image": {Credits: credits.Credit / 2}, "text": {Credits: 1}},
		Packs:      []credits.Pack{{ID: "ten", Size: 10 * credits.Credit, Price: credits.Money{Micros: 1_000_000, Currency: "EUR"}, Life: credits.Days(5)}},
	}
	a := &artist{r: r, made: map[credits.WalletID][]credits.ID{}}
	done := 0
	for n := range 150 {
		x := a.step(plan)
		if n < 2 {
			x = step{wallet: []credits.WalletID{"acme", "bob"}[n], key: x.key, cmd: credits.Open{Plan: plan, Zone: pick(r, "", "Europe/Berlin")}}
		}
		got, err := second.do(x)
		want, wantErr := first.do(x)
		if err != wantErr {
			t.Fatalf("%+v: the error is %s, and in memory %s", x, err, wantErr)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: the receipt is %+v, and in memory %+v", x, got, want)
		}
		if err == "<nil>" {
			done++
		}
		for _, e := range want.Entries {
			a.made[x.wallet] = append(a.made[x.wallet], e.Seq)
		}
	}
	if done < 60 {
		t.Errorf("only %d of 150 calls did something", done)
	}
	want, got := contentOf(t, first.store, a.keys), contentOf(t, second.store, a.keys)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is stored (-memory +SQLite):\n%s", diff)
	}
	for _, id := range []credits.WalletID{"acme", "bob"} {
		if err := second.ledger.Verify(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
}
