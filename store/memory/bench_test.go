package memory_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/memory"
)

const wallets = 10_000

// fill makes wallets with one part and one receipt each.
func fill(b *testing.B) (s *memory.Store, names []string) {
	b.Helper()
	s = new(memory.Store)
	for i := range wallets {
		names = append(names, fmt.Sprintf("wallet-%d", i))
		if _, err := s.Commit(b.Context(), store.Write{Changes: []store.Change{spend(names[i], 0, "first")}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	return s, names
}

var part, body, note, receipt = make([]byte, 300), make([]byte, 120), make([]byte, 40), make([]byte, 60)

func spend(wallet string, prev uint64, key string) store.Change {
	return store.Change{
		Wallet: wallet, Prev: prev, Seq: prev + 1, Due: 1_700_000_000_000_000,
		Parts:    []store.Part{{ID: 1, Body: part}},
		Entries:  []store.Entry{{Seq: prev + 1, At: 1_700_000_000_000_000, Kind: 3, Feature: "chat", Body: body, Note: note}},
		Receipts: []store.Receipt{{Key: key, Body: receipt}},
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, have := range []uint64{0, 1} {
		b.Run(fmt.Sprintf("have=%d", have), func(b *testing.B) {
			s, names := fill(b)
			read := make([]store.Read, 1)
			keys := []string{"another"}
			for i := range b.N {
				read[0] = store.Read{Wallet: names[i%wallets], Have: have, Keys: keys}
				if st, err := s.Load(b.Context(), read...); err != nil || st[0].Seq != 1 {
					b.Fatal(st, err)
				}
			}
		})
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, spread := range []int{1, wallets} {
		b.Run(fmt.Sprintf("wallets=%d", spread), func(b *testing.B) {
			s, names := fill(b)
			seqs := make([]uint64, spread)
			write := []store.Write{{Changes: make([]store.Change, 1)}}
			c := spend("", 0, "")
			write[0].Changes[0] = c
			key := make([]byte, 0, 20)
			for i := range b.N {
				n := i % spread
				seqs[n]++
				key = fmt.Appendf(key[:0], "key-%d", i)
				w := &write[0].Changes[0]
				w.Wallet, w.Prev, w.Seq = names[n], seqs[n], seqs[n]+1
				w.Entries[0].Seq = w.Seq
				w.Receipts[0].Key = string(key)
				if kept, err := s.Commit(b.Context(), write...); err != nil || !kept[0] {
					b.Fatal(kept, err)
				}
			}
		})
	}
}

func BenchmarkCommitParallel(b *testing.B) {
	s, names := fill(b)
	var lanes atomic.Uint64
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		lane := int(lanes.Add(1)) * 613
		for i := 0; pb.Next(); i++ {
			// Each lane has wallets of its own, new ones.
			w := fmt.Sprintf("%s/%d/%d", names[lane%wallets], lane, i/100)
			if kept, err := s.Commit(ctx, store.Write{Changes: []store.Change{spend(w, uint64(i%100), fmt.Sprint(i))}}); err != nil || !kept[0] {
				b.Fatal(kept, err)
			}
		}
	})
}

func BenchmarkHeadsDue(b *testing.B) {
	s := new(memory.Store)
	for i := range 100_000 {
		c := spend(fmt.Sprintf("wallet-%d", i), 0, "first")
		if i%1000 > 0 {
			c.Due *= 2
		}
		if _, err := s.Commit(b.Context(), store.Write{Changes: []store.Change{c}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range s.Heads(b.Context(), store.Filter{Due: 1_700_000_000_000_000}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 100 {
			b.Fatal(n)
		}
	}
}
