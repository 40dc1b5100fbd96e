package memory_test

import (
	"runtime"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return new(memory.Store) }, storetest.Pruner, storetest.Digester)
}

func TestStoreWithoutFaults(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Faulty(new(memory.Store), nil) }, storetest.Pruner, storetest.Digester)
}

// TestLeftOutIsNotCopied sees that a read takes no memory for parts that it leaves out.
func TestLeftOutIsNotCopied(t *testing.T) {
	s := new(memory.Store)
	c := spend("a", 0, "k")
	c.Parts = append(c.Parts, store.Part{ID: 9, Body: make([]byte, store.BodyLimit)})
	if kept, err := s.Commit(t.Context(), store.Write{Changes: []store.Change{c}}); err != nil || !kept[0] {
		t.Fatal(kept, err)
	}
	for _, r := range []store.Read{{Wallet: "a", Below: 9}, {Wallet: "a", Below: 1}, {Wallet: "a", Have: 1}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 10 {
			if states, err := s.Load(t.Context(), r); err != nil || states[0].Seq != 1 {
				t.Fatal(states, err)
			}
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took >= store.BodyLimit {
			t.Errorf("ten reads %+v took %d bytes", r, took)
		}
	}
}
