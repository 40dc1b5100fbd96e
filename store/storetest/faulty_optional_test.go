package storetest_test

import (
	"errors"
	"slices"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// TestFaultyIsWhatItWraps sees that a faulty store has the optional methods of
// the one within it, and no others.
func TestFaultyIsWhatItWraps(t *testing.T) {
	type bare struct{ store.Store }
	s := new(memory.Store)
	tests := []struct {
		name            string
		inner           store.Store
		prunes, digests bool
	}{
		{name: "both", inner: s, prunes: true, digests: true},
		{name: "a pruner", inner: struct{ store.Pruner }{s}, prunes: true},
		{name: "a digester", inner: struct{ store.Digester }{s}, digests: true},
		{name: "neither", inner: bare{s}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := storetest.Faulty(tt.inner, nil)
			_, prunes := f.(store.Pruner)
			_, digests := f.(store.Digester)
			if prunes != tt.prunes || digests != tt.digests {
				t.Errorf("it prunes: %v, it keeps digests: %v; the one within it does: %v and %v", prunes, digests, tt.prunes, tt.digests)
			}
		})
	}
}

// TestFaultyOptional sees that a plan is asked about the optional methods too.
func TestFaultyOptional(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter} {
		t.Run(fault.String(), func(t *testing.T) {
			var asked []string
			inner := new(memory.Store)
			s := storetest.Faulty(inner, func(_ int, op string) storetest.Fault {
				asked = append(asked, op)
				return fault
			})
			if _, err := inner.Commit(t.Context(), write("a")); err != nil {
				t.Fatal(err)
			}
			if err := inner.Ack(t.Context(), "a", 1); err != nil {
				t.Fatal(err)
			}
			c := store.Checkpoint{Seq: 1, Body: []byte("x")}
			p, d := s.(store.Pruner), s.(store.Digester)
			_, err := p.Checkpoint(t.Context(), "a")
			errs := []error{
				p.Prune(t.Context(), "a", c),
				p.Restore(t.Context(), "b", c, 0, nil),
				err,
				d.KeepDigests(t.Context(), "b", "n", 1, store.Digest{Through: 2}),
			}
			for _, err := range d.Digests(t.Context(), "b", "n", 0, 2) {
				errs = append(errs, err)
			}
			if !errors.Is(errs[len(errs)-1], storetest.ErrInjected) {
				t.Error("Digests ended without an error")
			}
			for i, err := range errs[:4] {
				if !errors.Is(err, storetest.ErrInjected) {
					t.Errorf("call %d: error %v", i, err)
				}
			}
			if want := []string{"checkpoint", "prune", "restore", "keepdigests", "digests"}; !slices.Equal(asked, want) {
				t.Errorf("asked about %q, want %q", asked, want)
			}
			has, err := inner.Checkpoint(t.Context(), "a")
			if done := has.Seq == 1; err != nil || done != (fault == storetest.FailAfter) {
				t.Errorf("the effect is there: %v, error %v", done, err)
			}
		})
	}
}
