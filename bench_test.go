package credits_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// benchPlan has one allowance that no benchmark uses up.
func benchPlan() credits.Plan {
	return credits.Plan{
		ID: "bench", Version: 1, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 1_000_000_000 * credits.Credit}},
		Features:   map[string]credits.Rate{"run": {Credits: credits.Credit / 1000}},
	}
}

var benchStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stopped is a clock that stands still.
type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

// BenchmarkDecideApply is the pure core: one spend from one lot, decided and
// applied, with encoding and chain.
func BenchmarkDecideApply(b *testing.B) {
	for _, lots := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("lots=%d", lots), func(b *testing.B) {
			w := benchWallet(b, lots)
			call := credits.Call{Key: "k", Now: benchStart, Command: credits.Spend{Feature: "run", Quantity: 1}}
			b.ReportAllocs()
			for b.Loop() {
				entries, err := w.Decide(call)
				if err != nil {
					b.Fatal(err)
				}
				if w, err = w.Apply(entries...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchWallet(b *testing.B, lots int) credits.Wallet {
	b.Helper()
	w, err := credits.NewWallet("acme")
	if err != nil {
		b.Fatal(err)
	}
	for n := range lots {
		var c credits.Command = credits.Grant{Amount: credits.Credit, Expires: benchStart.AddDate(1, 0, n)}
		if n == 0 {
			c = credits.Open{Plan: benchPlan()}
		}
		entries, err := w.Decide(credits.Call{Key: "k", Now: benchStart, Command: c})
		if err != nil {
			b.Fatal(err)
		}
		if w, err = w.Apply(entries...); err != nil {
			b.Fatal(err)
		}
	}
	return w
}

// benchLedger returns a ledger on the memory store with so many wallets.
func benchLedger(b *testing.B, wallets int) (*credits.Ledger, []credits.WalletID) {
	b.Helper()
	l := credits.New(new(memory.Store), &credits.Options{Clock: stopped(benchStart)})
	ids := make([]credits.WalletID, wallets)
	for i := range ids {
		ids[i] = credits.WalletID(fmt.Sprintf("wallet-%d", i))
		if _, err := l.Do(b.Context(), ids[i], "open", credits.Open{Plan: benchPlan()}); err != nil {
			b.Fatal(err)
		}
	}
	return l, ids
}

// BenchmarkDo is a whole spend on the memory store, over many wallets or one.
func BenchmarkDo(b *testing.B) {
	for _, wallets := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("wallets=%d", wallets), func(b *testing.B) {
			ctx := context.Background()
			l, ids := benchLedger(b, wallets)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				key := credits.Key(fmt.Sprintf("job-%d", n))
				if _, err := l.Do(ctx, ids[n%wallets], key, credits.Spend{Feature: "run", Quantity: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify is the cost of verifying, an entry.
func BenchmarkVerify(b *testing.B) {
	const entries = 10_000
	ctx := context.Background()
	l := credits.New(new(memory.Store), &credits.Options{Clock: stopped(benchStart)})
	if _, err := l.Do(ctx, "acme", "open", credits.Open{Plan: benchPlan()}); err != nil {
		b.Fatal(err)
	}
	for n := range entries {
		key := credits.Key(fmt.Sprintf("job-%d", n))
		if _, err := l.Do(ctx, "acme", key, credits.Spend{Feature: "run", Quantity: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Verify(ctx, "acme"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
}

// BenchmarkDoParallel is spends by 64 goroutines, on many wallets or one.
func BenchmarkDoParallel(b *testing.B) {
	for _, wallets := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("wallets=%d", wallets), func(b *testing.B) {
			ctx := context.Background()
			l, ids := benchLedger(b, wallets)
			var n atomic.Int64
			b.ResetTimer()
			b.SetParallelism(64 / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					key := credits.Key(fmt.Sprintf("job-%d", i))
					if _, err := l.Do(ctx, ids[int(i)%wallets], key, credits.Spend{Feature: "run", Quantity: 1}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
