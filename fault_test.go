package credits_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// faultCase is something that a ledger is asked for, on a wallet that was made
// ready. It is asked with the same keys each time.
type faultCase struct {
	name  string
	ready func(r *rig)
	do    func(l *credits.Ledger) error
}

// on returns a case of one command on acme.
func on(name string, ready func(r *rig), c credits.Command) faultCase {
	return faultCase{name, ready, func(l *credits.Ledger) error {
		_, err := l.Do(context.Background(), acme, "the key", c)
		return err
	}}
}

// faultCases are all verbs, on wallets made ready by quick commands: lot 2 is an
// allowance, entry 3 a spend, 4 a hold, 5 a purchase.
func faultCases() []faultCase {
	ready := func(r *rig) {
		r.quick(credits.Open{Plan: core("10000")})
		r.quick(credits.Spend{Amount: n("10"), Note: credits.Note{Reason: "first"}})
		r.quick(credits.Reserve{Amount: n("7"), Until: day("2026-01-09")})
		r.quick(credits.Buy{Pack: "extra", Amount: n("1000")})
	}
	due := func(r *rig) { ready(r); r.at("2026-02-01") }
	sleepy := func(r *rig) {
		r.quick(credits.Open{Plan: monthly("1", func(p *credits.Plan) { p.Every = credits.Days(1) })})
		r.clock.Set(day("2026-01-01").AddDate(0, 0, 1_201))
	}
	two := func(r *rig) {
		ready(r)
		if _, err := r.ledger.Do(r.ctx, "bob", "open", credits.Open{Plan: bare()}); err != nil {
			r.Fatal(err)
		}
	}
	return []faultCase{
		on("open", func(*rig) {}, credits.Open{Plan: core("10000")}),
		on("spend", ready, credits.Spend{Feature: "run", Quantity: 3}),
		on("spend what is due", due, credits.Spend{Amount: n("3")}),
		on("spend after a long sleep", sleepy, credits.Spend{Amount: n("1")}),
		on("spend that buys", func(r *rig) { ready(r); r.quick(credits.SetAutoPurchase{On: true}) }, credits.Spend{Amount: n("15000")}),
		on("reserve", ready, credits.Reserve{Amount: n("3"), Until: day("2026-01-05")}),
		on("capture", ready, credits.Capture{Hold: 4, Amount: n("5")}),
		on("release", ready, credits.Release{Hold: 4}),
		on("reverse", ready, credits.Reverse{Spend: 3, All: true}),
		on("grant", ready, credits.Grant{Amount: n("5"), Starts: day("2026-01-05")}),
		on("revoke", ready, credits.Revoke{All: true}),
		on("carry over", ready, credits.CarryOver{Amount: n("5")}),
		on("buy", ready, credits.Buy{Pack: "extra", Amount: n("2000")}),
		on("refund", ready, credits.Refund{Purchase: 5}),
		on("set auto-purchase", ready, credits.SetAutoPurchase{On: true}),
		on("set zone", ready, credits.SetZone{Zone: "Asia/Tokyo"}),
		on("erase", ready, credits.Erase{Entries: []credits.ID{3}}),
		{"transfer", two, func(l *credits.Ledger) error {
			_, _, err := l.Transfer(context.Background(), "the key", credits.Transfer{From: acme, To: "bob", Amount: n("4")})
			return err
		}},
		{"do all", two, func(l *credits.Ledger) error {
			_, err := l.DoAll(context.Background(),
				credits.Task{Wallet: acme, Key: "the key", Command: credits.Spend{Amount: 1}},
				credits.Task{Wallet: "bob", Key: "another", Command: credits.Grant{Amount: 1}})
			return err
		}},
		{"tick", due, func(l *credits.Ledger) error { _, err := l.Tick(context.Background()); return err }},
	}
}

// readCases only look: a fault gives an error, or does not matter.
func readCases() []faultCase {
	ready := faultCases()[1].ready
	ctx := context.Background()
	return []faultCase{
		{"wallet", ready, func(l *credits.Ledger) error { _, err := l.Wallet(ctx, acme); return err }},
		{"balance at", ready, func(l *credits.Ledger) error {
			_, err := l.BalanceAt(ctx, acme, day("2026-01-01"))
			return err
		}},
		{"preview", ready, func(l *credits.Ledger) error {
			_, err := l.Preview(ctx, acme, "the key", credits.Reverse{Spend: 3, All: true})
			return err
		}},
		{"receipt", ready, func(l *credits.Ledger) error { _, err := l.Receipt(ctx, acme, "key-2"); return err }},
		{"forecast", ready, func(l *credits.Ledger) error {
			_, err := l.Forecast(ctx, acme, "", day("2027-01-01"))
			return err
		}},
		{"verify", ready, func(l *credits.Ledger) error { return l.Verify(ctx, acme) }},
		{"history", ready, func(l *credits.Ledger) error {
			for _, err := range l.History(ctx, acme, credits.HistoryQuery{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"wallets", ready, func(l *credits.Ledger) error {
			for _, err := range l.Wallets(ctx, "") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"due", ready, func(l *credits.Ledger) error {
			for _, err := range l.Due(ctx, day("2030-01-01")) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

func faults() []storetest.Fault {
	return []storetest.Fault{
		storetest.FailBefore, storetest.FailAfter, storetest.CancelBefore, storetest.CancelAfter, storetest.Abort, storetest.Conflict,
	}
}

// prepared returns a rig on a fresh store that was made ready.
func prepared(t *testing.T, c faultCase) *rig {
	t.Helper()
	r := &rig{T: t, ctx: context.Background(), clock: clock.NewMock(), store: new(memory.Store), keys: new(int)}
	r.clock.Set(day("2026-01-01"))
	r.ledger = credits.New(r.store, &credits.Options{Clock: r.clock, Salt: [32]byte{1}})
	c.ready(r)
	return r
}

func TestFaultSweep(t *testing.T) {
	for _, c := range faultCases() {
		t.Run(c.name, func(t *testing.T) {
			clean := prepared(t, c)
			calls := 0
			counting := storetest.Faulty(clean.store, func(int, string) storetest.Fault { calls++; return 0 })
			if err := c.do(clean.over(counting)); err != nil {
				t.Fatal(err)
			}
			checkInvariants(t, clean.store, clean.clock)
			want := clean.dump("")
			for _, fault := range faults() {
				for call := 1; call <= calls; call++ {
					sweepFault(t, c, fault, call, want)
				}
			}
		})
	}
}

// sweepFault fails one call, asks again without faults, and expects what a run
// without faults had.
func sweepFault(t *testing.T, c faultCase, fault storetest.Fault, call int, want map[string]string) {
	t.Helper()
	for _, plan := range []func(int, storetest.Fault) storetest.Plan{storetest.Once, storetest.From} {
		r := prepared(t, c)
		before := r.dump("")
		var op string
		count := 0
		faulty := storetest.Faulty(r.store, func(n int, name string) storetest.Fault {
			if count++; count > 50 { // a conflict that lasts goes on for ever
				return 0
			}
			f := plan(call, fault)(n, name)
			if f != 0 && op == "" {
				op = name
			}
			return f
		})
		err := c.do(r.over(faulty))
		checkFaultClass(t, fmt.Sprintf("%v at call %d (%s)", fault, call, op), fault, op, err)
		if errors.Is(err, credits.ErrRetry) && c.name != "spend after a long sleep" && c.name != "tick" {
			if diff := cmp.Diff(before, r.dump("")); diff != "" {
				t.Errorf("%v at call %d (%s): not done, and changed the store:\n%s", fault, call, op, diff)
			}
		}
		if err := c.do(r.ledger); err != nil {
			t.Errorf("%v at call %d (%s), and then again: %v", fault, call, op, err)
		}
		if diff := cmp.Diff(want, r.dump("")); diff != "" {
			t.Errorf("%v at call %d (%s): the stores differ (-clean +faulty):\n%s", fault, call, op, diff)
		}
		if err := r.ledger.Verify(r.ctx, acme); err != nil {
			t.Errorf("%v at call %d (%s): %v", fault, call, op, err)
		}
	}
}

// checkFaultClass checks that an error has the one class that it should: a
// commit whose outcome the store cannot tell is unknown, all else was not done.
func checkFaultClass(t *testing.T, name string, fault storetest.Fault, op string, err error) {
	t.Helper()
	want := credits.ErrRetry
	switch {
	case fault == storetest.Conflict:
		if err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
		}
		return
	case op == "commit" && fault != storetest.Abort:
		want = credits.ErrUnknown
	}
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", name, err, want)
	}
	classes := 0
	for _, class := range []error{credits.ErrRefused, credits.ErrInvalid, credits.ErrRetry, credits.ErrUnknown} {
		if errors.Is(err, class) {
			classes++
		}
	}
	if classes != 1 {
		t.Errorf("%s: %v is of %d classes, want 1", name, err, classes)
	}
	if cancelled := fault == storetest.CancelBefore || fault == storetest.CancelAfter; cancelled != errors.Is(err, context.Canceled) {
		t.Errorf("%s: got %v, which says of the context %v", name, err, errors.Is(err, context.Canceled))
	}
}

func TestFaultsOfReplays(t *testing.T) {
	// What is done already is replayed, or the error says that it was not.
	for _, c := range faultCases() {
		t.Run(c.name, func(t *testing.T) {
			r := prepared(t, c)
			if err := c.do(r.ledger); err != nil {
				t.Fatal(err)
			}
			want := r.dump("")
			for _, fault := range faults() {
				for call := 1; call <= 4; call++ {
					err := c.do(r.over(storetest.Faulty(r.store, storetest.Once(call, fault))))
					if err != nil && !errors.Is(err, credits.ErrRetry) {
						t.Errorf("%v at call %d: got %v, want ErrRetry", fault, call, err)
					}
				}
			}
			if diff := cmp.Diff(want, r.dump("")); diff != "" {
				t.Errorf("it changed the store:\n%s", diff)
			}
		})
	}
}

func TestFaultsOfReads(t *testing.T) {
	for _, c := range readCases() {
		t.Run(c.name, func(t *testing.T) {
			r := prepared(t, c)
			before := r.dump("")
			if err := c.do(r.ledger); err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults() {
				for call := 1; ; call++ {
					met := false
					faulty := storetest.Faulty(r.store, func(n int, _ string) storetest.Fault {
						if n == call {
							met = true
							return fault
						}
						return 0
					})
					err := c.do(r.over(faulty))
					if !met {
						break
					}
					if fault == storetest.Conflict && err != nil || fault != storetest.Conflict && !errors.Is(err, credits.ErrRetry) {
						t.Errorf("%v at call %d: got %v", fault, call, err)
					}
				}
			}
			if diff := cmp.Diff(before, r.dump("")); diff != "" {
				t.Errorf("looking changed the store:\n%s", diff)
			}
		})
	}
}

func TestCancelledContext(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	ended, cancel := context.WithCancel(r.ctx)
	cancel()
	before := r.dump("")
	_, err := r.ledger.Do(ended, acme, "k", credits.Spend{Amount: 1})
	if !errors.Is(err, credits.ErrRetry) || !errors.Is(err, context.Canceled) {
		t.Errorf("before the call: got %v", err)
	}
	t.Run("in the commit, before its effect", func(t *testing.T) {
		ctx, cancel := context.WithCancel(r.ctx)
		_, err := r.over(spy{Store: r.store, commit: cancel}).Do(ctx, acme, "k", credits.Spend{Amount: 1})
		if !errors.Is(err, credits.ErrRetry) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("while others are quicker for ever", func(t *testing.T) {
		ctx, cancel := context.WithCancel(r.ctx)
		commits := 0
		quicker := storetest.Faulty(r.store, storetest.From(1, storetest.Conflict))
		_, err := r.over(spy{Store: quicker, commit: func() {
			if commits++; commits == 20 {
				cancel()
			}
		}}).Do(ctx, acme, "k", credits.Spend{Amount: 1})
		if !errors.Is(err, credits.ErrRetry) || !errors.Is(err, context.Canceled) || commits != 20 {
			t.Errorf("after %d commits: got %v", commits, err)
		}
	})
	if diff := cmp.Diff(before, r.dump("")); diff != "" {
		t.Errorf("the store changed:\n%s", diff)
	}
	t.Run("a deadline", func(t *testing.T) {
		ctx, cancel := context.WithDeadline(r.ctx, time.Now().Add(-time.Second))
		defer cancel()
		if _, err := r.ledger.Wallet(ctx, acme); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestConflictsAndFaultsUnderLoad(t *testing.T) {
	// 8 clients, each with keys of its own that it asks with until it knows, on
	// two wallets of a store that fails now and then.
	const clients, each = 8, 40
	r := newRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: monthly("1000")})
	r.doOn("bob", credits.Open{Plan: monthly("1000")})
	random := seeded(t)
	faulty := storetest.Faulty(r.store, func(int, string) storetest.Fault {
		if random.IntN(4) == 0 {
			return faults()[random.IntN(len(faults()))]
		}
		return 0
	})
	ledger := r.over(faulty)
	for i, err := range parallel(clients, func(i int) error {
		for j := range each {
			key := credits.Key(fmt.Sprintf("%d-%d", i, j))
			if err := untilKnown(func() error { return askOnce(r.ctx, ledger, key, i+j) }); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	a, b := r.wallet(), r.walletOf("bob")
	if sum := a.Available() + b.Available(); sum != n("2000")-clients*each*credits.Credit {
		t.Errorf("%v are left in all, want %v", sum, n("2000")-clients*each*credits.Credit)
	}
}

// askOnce spends one credit in all, on one of two wallets or half on both.
func askOnce(ctx context.Context, l *credits.Ledger, key credits.Key, i int) error {
	switch i % 3 {
	case 0:
		_, err := l.Do(ctx, acme, key, credits.Spend{Amount: n("1")})
		return err
	case 1:
		_, err := l.Do(ctx, "bob", key, credits.Spend{Amount: n("1")})
		return err
	default:
		half := credits.Spend{Amount: n("0.5")}
		_, err := l.DoAll(ctx, credits.Task{Wallet: "bob", Key: key, Command: half}, credits.Task{Wallet: acme, Key: key, Command: half})
		return err
	}
}

// untilKnown asks until the outcome is known.
func untilKnown(ask func() error) error {
	for {
		err := ask()
		if !errors.Is(err, credits.ErrRetry) && !errors.Is(err, credits.ErrUnknown) {
			return err
		}
	}
}

func TestStoreThatAnswersWrongly(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	_, err := r.ledger.On(odd{Store: r.store, loads: true}).Do(r.ctx, acme, "k", credits.Spend{Amount: 1})
	if !errors.Is(err, credits.ErrCorrupt) {
		t.Errorf("no answer to a read: got %v, want ErrCorrupt", err)
	}
	_, err = r.ledger.On(odd{Store: r.store}).Do(r.ctx, acme, "k", credits.Spend{Amount: 1})
	if !errors.Is(err, credits.ErrUnknown) {
		t.Errorf("no answer to a commit: got %v, want ErrUnknown", err)
	}
}

// odd is a store that leaves answers out.
type odd struct {
	store.Store
	loads bool
}

func (s odd) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	states, err := s.Store.Load(ctx, reads...)
	if s.loads {
		states = nil
	}
	return states, err
}

func (s odd) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	_, err := s.Store.Commit(ctx, writes...)
	return nil, err
}
