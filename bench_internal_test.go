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
