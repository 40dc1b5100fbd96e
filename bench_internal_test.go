package credits

import (
	"testing"
	"time"
)

// BenchmarkChain is the cost of one link of the chain: a spend's entry, encoded and hashed.
func BenchmarkChain(b *testing.B) {
	e := Entry{
		Wallet: "acme", Seq: 4711, At: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Kind: KindSpent, Key: "job-4711",
		Lines: []Line{{Lot: 2, From: Available, To: Consumed, Amount: Credit}}, Balance: 1000 * Credit,
		Feature: "run", Quantity: 1,
	}
	var head [32]byte
	buf := make([]byte, 0, 256)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = appendEntry(buf[:0], &e)
		}
	})
	b.Run("hash", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			head = link(head, buf)
		}
	})
}

// BenchmarkFingerprint is the cost of what a key is bound to.
func BenchmarkFingerprint(b *testing.B) {
	c := Spend{Feature: "run", Quantity: 1, Note: Note{Labels: map[string]string{"model": "large"}}}
	b.ReportAllocs()
	for b.Loop() {
		fingerprintOf(c)
	}
}

// BenchmarkSpend is what a ledger adds to what its store does: a spend on one
// lot, decided, folded into the wallet, encoded and chained.
func BenchmarkSpend(b *testing.B) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	plan := Plan{
		ID: "bench", Version: 1, Every: Months(1), Allowances: []Allowance{{Amount: 1_000_000_000 * Credit}},
		Features: map[string]Rate{"run": {Credits: Credit / 1000}},
	}
	opened, _, err := decide(newState("acme"), &Call{Key: "open", Now: now, Command: Open{Plan: plan}})
	if err != nil {
		b.Fatal(err)
	}
	w, d, call := opened.w, new(decision), Call{Key: "job-4711", Now: now, Command: Spend{Feature: "run", Quantity: 1}}
	b.ReportAllocs()
	for b.Loop() {
		d.mem = d.mem[:0]
		if _, err := d.decide(w, &call); err != nil {
			b.Fatal(err)
		}
	}
}
