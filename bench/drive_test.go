package main

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store/memory"
)

func TestEachCallerDoesOneAtLeast(t *testing.T) {
	var calls [8]atomic.Int64
	s, err := drive(t.Context(), len(calls), 0, true, func(_ context.Context, caller int) error {
		calls[caller].Add(1)
		return nil
	})
	if err != nil || s.rate <= 0 {
		t.Fatalf("drive = %v, %v", s, err)
	}
	for i := range calls {
		if calls[i].Load() == 0 {
			t.Errorf("caller %d did nothing", i)
		}
	}
}

func TestAnErrorEndsAll(t *testing.T) {
	broken := errors.New("broken")
	_, err := drive(t.Context(), 4, time.Hour, false, func(_ context.Context, caller int) error {
		if caller == 2 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

func TestTheEndOfTheContextEndsAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := drive(ctx, 2, time.Hour, false, func(ctx context.Context, _ int) error {
		cancel()
		return ctx.Err() // what is measured does not see it
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestContendersTakeTurns(t *testing.T) {
	var order []string
	named := func(name string) contender {
		return contender{id: name, callers: 1, fresh: func(context.Context) (op, error) {
			order = append(order, name)
			return func(context.Context, int) error { return nil }, nil
		}}
	}
	b := &bench{scale: scale{rounds: 2}, out: t.Output(), results: newResults()}
	if err := b.inTurn(t.Context(), time.Microsecond, named("a"), named("b"), named("c")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "b", "c", "a"}; !slices.Equal(order, want) {
		t.Errorf("the order was %v, want %v", order, want)
	}
	if all, err := b.results.of("b"); err != nil || len(all) != 2 {
		t.Errorf("b has samples %v, %v", all, err)
	}
}

func TestKeysAreDistinct(t *testing.T) {
	seen := make(map[credits.Key]bool)
	callers := newCallers(3, "run")
	for range 2*keyBlock + 1 {
		for i := range callers {
			k := callers[i].keys.next()
			if seen[k] {
				t.Fatalf("key %q was there before", k)
			}
			seen[k] = true
		}
	}
}

func TestSeedsAreTrueHistories(t *testing.T) {
	for _, test := range []struct {
		name    string
		seed    func(ctx context.Context, targets ...target) error
		wallets func(size int) []credits.WalletID
		size    func(w credits.Wallet) int
	}{
		{
			name: "entries", seed: history.seed,
			wallets: func(int) []credits.WalletID { return []credits.WalletID{historyWallet} },
			size:    func(w credits.Wallet) int { return int(w.Seq()) - 1 }, // opening makes two
		},
		{
			name: "lots", seed: hoard.seed,
			wallets: func(int) []credits.WalletID { return []credits.WalletID{historyWallet} },
			size: func(w credits.Wallet) (n int) {
				for range w.Lots() {
					n++
				}
				return n
			},
		},
		{name: "wallets", seed: seedWallets, wallets: walletNames},
	} {
		t.Run(test.name, func(t *testing.T) {
			var targets []target
			for _, size := range []int{1, 70, seedChunk + 2} {
				targets = append(targets, target{new(memory.Store), size})
			}
			if err := test.seed(t.Context(), targets...); err != nil {
				t.Fatal(err)
			}
			for _, to := range targets {
				l, n := credits.New(to.store, nil), 0
				for id, err := range l.Wallets(t.Context(), "") {
					if err != nil {
						t.Fatal(err)
					}
					n++
					if err := l.Verify(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
				if want := test.wallets(to.size); n != len(want) {
					t.Errorf("there are %d wallets, not %d", n, len(want))
				}
				w, err := l.Wallet(t.Context(), test.wallets(to.size)[0])
				if err != nil {
					t.Fatal(err)
				}
				if test.size != nil && test.size(w) != to.size {
					t.Errorf("the wallet has %d, not %d", test.size(w), to.size)
				}
				if _, err := l.Receipt(t.Context(), w.ID(), scriptKey(1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestParseBenchmark(t *testing.T) {
	for _, test := range []struct {
		line string
		name string
		want sample
	}{
		{
			line: "BenchmarkChain/hash-2   \t 1717425\t       125.0 ns/op\t       0 B/op\t       3 allocs/op",
			name: "Chain/hash", want: sample{rate: 8e6, allocs: 3},
		},
		{line: "BenchmarkSpend 10 500 ns/op", name: "Spend", want: sample{rate: 2e6}},
		{line: "PASS"},
		{line: "BenchmarkSpend-2 10 fast ns/op"},
		{line: "ok  \texample.com/credits\t1.087s"},
	} {
		name, got, ok := parseBenchmark(test.line)
		if ok != (test.name != "") || ok && (name != test.name || got != test.want) {
			t.Errorf("parseBenchmark(%q) = %q, %+v, %v", test.line, name, got, ok)
		}
	}
}
