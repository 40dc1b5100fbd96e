package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

func write(wallet string) store.Write {
	return store.Write{Changes: []store.Change{{Wallet: wallet, Seq: 1, Entries: []store.Entry{{Seq: 1, Kind: 1, Body: []byte("x")}}}}}
}

func TestFaultyCommit(t *testing.T) {
	tests := []struct {
		fault storetest.Fault
		err   error // of the first commit
		kept  bool  // as it is reported
		there bool  // as it is
	}{
		{fault: 0, kept: true, there: true},
		{fault: storetest.FailBefore, err: storetest.ErrInjected},
		{fault: storetest.FailAfter, err: storetest.ErrInjected, there: true},
		{fault: storetest.CancelBefore, err: context.Canceled},
		{fault: storetest.CancelAfter, err: context.Canceled, there: true},
		{fault: storetest.Abort, err: store.ErrAborted},
		{fault: storetest.Conflict},
	}
	for _, tt := range tests {
		t.Run(tt.fault.String(), func(t *testing.T) {
			inner := new(memory.Store)
			s := storetest.Faulty(inner, storetest.Once(1, tt.fault))
			kept, err := s.Commit(t.Context(), write("a"), write("b"))
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if err == nil && !slices.Equal(kept, []bool{tt.kept, tt.kept}) {
				t.Errorf("kept %v, want %v of both", kept, tt.kept)
			}
			states, err := inner.Load(t.Context(), store.Read{Wallet: "a"}, store.Read{Wallet: "b"})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range states {
				if there := st.Seq == 1; there != tt.there {
					t.Errorf("the effect is there: %v, want %v", there, tt.there)
				}
			}
			if kept, err := s.Commit(t.Context(), write("a")); err != nil || kept[0] == tt.there {
				t.Errorf("the next call: kept %v, error %v", kept, err)
			}
		})
	}
}

func TestFaultyReads(t *testing.T) {
	inner := new(memory.Store)
	if _, err := inner.Commit(t.Context(), write("a"), write("b")); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(s store.Store) (int, error){
		"load": func(s store.Store) (int, error) {
			states, err := s.Load(t.Context(), store.Read{Wallet: "a"})
			return len(states), err
		},
		"entries": func(s store.Store) (n int, err error) {
			for _, err = range s.Entries(t.Context(), store.Query{Wallet: "a"}) {
				n++
			}
			return n, err
		},
		"heads": func(s store.Store) (n int, err error) {
			for _, err = range s.Heads(t.Context(), store.Filter{Limit: 1}) {
				n++
			}
			return n, err
		},
		"ack": func(s store.Store) (int, error) { return 1, s.Ack(t.Context(), "a", 1) },
	}
	for op, call := range calls {
		for fault, want := range map[storetest.Fault]error{
			0: nil, storetest.Conflict: nil, storetest.Abort: store.ErrAborted,
			storetest.FailBefore: storetest.ErrInjected, storetest.FailAfter: storetest.ErrInjected,
			storetest.CancelBefore: context.Canceled, storetest.CancelAfter: context.Canceled,
		} {
			s := storetest.Faulty(inner, func(n int, o string) storetest.Fault {
				if o != op {
					t.Errorf("%s is called %q", op, o)
				}
				return fault
			})
			n, err := call(s)
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s with %v: error %v, want %v", op, fault, err, want)
			}
			if err == nil && n != 1 {
				t.Errorf("%s with %v: %d values, want 1", op, fault, n)
			}
		}
	}
}

func TestFaultyAckAfter(t *testing.T) {
	inner := new(memory.Store)
	if _, err := inner.Commit(t.Context(), write("a")); err != nil {
		t.Fatal(err)
	}
	fed := func() (seq uint64) {
		for h, err := range inner.Heads(t.Context(), store.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			seq = h.Fed
		}
		return seq
	}
	if err := storetest.Faulty(inner, storetest.Once(1, storetest.FailBefore)).Ack(t.Context(), "a", 1); err == nil || fed() != 0 {
		t.Errorf("before: error %v, fed %d", err, fed())
	}
	if err := storetest.Faulty(inner, storetest.Once(1, storetest.FailAfter)).Ack(t.Context(), "a", 1); err == nil || fed() != 1 {
		t.Errorf("after: error %v, fed %d", err, fed())
	}
}

func TestPlans(t *testing.T) {
	once, from := storetest.Once(2, storetest.Abort), storetest.From(2, storetest.Abort)
	for n, want := range map[int][2]storetest.Fault{1: {0, 0}, 2: {storetest.Abort, storetest.Abort}, 3: {0, storetest.Abort}} {
		if got := [2]storetest.Fault{once(n, "load"), from(n, "load")}; got != want {
			t.Errorf("call %d: %v, want %v", n, got, want)
		}
	}
}

func ExampleFaulty() {
	// The first commit is kept, but its caller is told that it failed.
	s := storetest.Faulty(new(memory.Store), storetest.Once(1, storetest.FailAfter))
	ctx := context.Background()
	w := store.Write{Changes: []store.Change{{Wallet: "acme", Seq: 1, Entries: []store.Entry{{Seq: 1, Kind: 1}}}}}

	_, err := s.Commit(ctx, w)
	fmt.Println(err)
	kept, err := s.Commit(ctx, w)
	fmt.Println(kept, err)
	// Output:
	// call 1 (commit), FailAfter: storetest: injected fault
	// [false] <nil>
}
