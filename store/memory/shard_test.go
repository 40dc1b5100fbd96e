package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.com/credits/store"
)

// TestReceiptsOfOneHash sees that receipts whose hashes are equal, which no
// name can be made to have, are told apart.
func TestReceiptsOfOneHash(t *testing.T) {
	var sh shard
	a, b := sh.create("a"), sh.create("b")
	for i := range 10 {
		sh.addReceipt(a, 1, fmt.Sprint(i), []byte{byte(i)}, 7)
		sh.addReceipt(b, 1, fmt.Sprint(i), []byte{byte(i + 100)}, 7)
	}
	for i := range 10 {
		for w, want := range map[*wallet]byte{a: byte(i), b: byte(i + 100)} {
			r := sh.receipt(w, fmt.Sprint(i), 7)
			if r == nil || sh.arena.bytes(r.body)[0] != want {
				t.Errorf("receipt %d of %s: %v", i, w.name, r)
			}
		}
	}
	if r := sh.receipt(a, "10", 7); r != nil {
		t.Errorf("a receipt that is not there: %v", r)
	}
}

// TestManyWallets sees that heads are complete and in order when every shard
// has many blocks, some of which are passed over.
func TestManyWallets(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	s := new(Store)
	heads := make(map[string]store.Head)
	for range 60_000 {
		w := fmt.Sprintf("%x", r.IntN(15_000))
		h := heads[w]
		h.Wallet, h.Seq, h.Due = w, h.Seq+1, int64(r.IntN(5))*r.Int64N(1000)
		change := store.Change{Wallet: w, Prev: h.Seq - 1, Seq: h.Seq, Due: h.Due, Entries: []store.Entry{{Seq: h.Seq, Kind: 1}}}
		kept, err := s.Commit(t.Context(), store.Write{Changes: []store.Change{change}})
		if err != nil || !kept[0] {
			t.Fatal(kept, err)
		}
		if r.IntN(3) > 0 {
			h.Fed = h.Seq
			if err := s.Ack(t.Context(), w, h.Seq); err != nil {
				t.Fatal(err)
			}
		}
		heads[w] = h
		if r.IntN(3000) > 0 {
			continue
		}
		for _, f := range []store.Filter{
			{}, {After: w}, {Due: 1 + r.Int64N(1000)}, {Due: 3}, {Pending: true}, {Due: 500, Pending: true, Limit: 100, After: w},
		} {
			if got, want := read(t, s, f), expected(heads, f); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %+v yields %d heads, not the %d there are", seed, f, len(got), len(want))
			}
		}
	}
}

func read(t *testing.T, s *Store, f store.Filter) (all []store.Head) {
	t.Helper()
	for h, err := range s.Heads(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

func expected(heads map[string]store.Head, f store.Filter) (all []store.Head) {
	for _, h := range heads {
		if h.Wallet > f.After && (f.Due == 0 || h.Due != 0 && h.Due <= f.Due) && (!f.Pending || h.Fed < h.Seq) {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b store.Head) int { return strings.Compare(a.Wallet, b.Wallet) })
	if f.Limit > 0 && len(all) > f.Limit {
		all = all[:f.Limit]
	}
	return all
}
