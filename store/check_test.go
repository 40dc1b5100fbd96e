package store_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/credits/store"
)

func TestCheck(t *testing.T) {
	name := strings.Repeat("n", store.NameLimit)
	body := make([]byte, store.BodyLimit)
	largest := store.Change{
		Wallet:  name,
		Prev:    1<<63 - 2,
		Seq:     1<<63 - 1,
		Due:     store.TimeLimit,
		Parts:   []store.Part{{ID: 1<<63 - 1, Body: body}, {ID: 0}},
		Entries: []store.Entry{{Seq: 1<<63 - 1, At: store.TimeLimit, Kind: 255, Of: 1<<63 - 1, Feature: name, Body: body, Note: body}},
		Erase:   []uint64{1, 1, 1<<63 - 2},
	}
	for i := range 20 {
		largest.Receipts = append(largest.Receipts, store.Receipt{Key: fmt.Sprint(i), Body: body})
	}
	if err := store.Check(store.Write{Changes: []store.Change{largest}}); err != nil {
		t.Errorf("a write at all bounds: %v", err)
	}
	largest.Wallet = "a"
	largest.Receipts[19].Key = "3"
	err := store.Check(store.Write{Changes: []store.Change{largest}})
	if want := `store: wallet "a": key "3": twice in one change`; err == nil || err.Error() != want {
		t.Errorf("a key twice: %v, want %s", err, want)
	}
	if err := store.Check(); err != nil {
		t.Errorf("no writes: %v", err)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	w := store.Write{Changes: []store.Change{{
		Wallet: "acme", Prev: 4, Seq: 5, Parts: []store.Part{{ID: 1}, {ID: 2}},
		Entries:  []store.Entry{{Seq: 5, Kind: 1, Feature: "chat"}},
		Receipts: []store.Receipt{{Key: "k"}},
	}}}
	if n := testing.AllocsPerRun(100, func() {
		if err := store.Check(w); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
