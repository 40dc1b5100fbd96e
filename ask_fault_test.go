package credits_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// requestFaults are what is done with requests; a wrong code is done when it is refused as one.
func requestFaults() []faultCase {
	ask := credits.Ask{Command: credits.Grant{Amount: n("5")}, Proof: proof("right"), Until: day("2026-01-02")}
	asked := func(r *rig) {
		r.quick(credits.Open{Plan: core("10000")})
		r.quick(ask) // request 3
	}
	wrong := on("wrong", asked, credits.Approve{Request: 3, Proof: proof("wrong")})
	return []faultCase{
		on("ask", func(r *rig) { r.quick(credits.Open{Plan: core("10000")}) }, ask),
		on("ask again", asked, ask),
		on("approve", asked, credits.Approve{Request: 3, Proof: proof("right")}),
		{"a wrong code", asked, func(l *credits.Ledger) error {
			if err := wrong.do(l); !errors.Is(err, credits.CodeWrong) {
				return err
			}
			return nil
		}},
		on("dismiss", asked, credits.Dismiss{Request: 3, Note: why}),
	}
}

// Whatever call to the store fails, what is asked, approved, mistaken and dismissed happens once.
func TestFaultsOfRequests(t *testing.T) {
	for _, c := range requestFaults() {
		t.Run("I-2/CF-05/"+c.name, func(t *testing.T) {
			clean := prepared(t, c)
			calls := 0
			counting := storetest.Faulty(clean.store, func(int, string) storetest.Fault { calls++; return 0 })
			if err := c.do(clean.over(counting)); err != nil {
				t.Fatal(err)
			}
			checkInvariants(t, clean.store, clean.clock)
			want := clean.dump("")
			for _, fault := range faults() {
				for call := 1; call <= calls; call++ {
					sweepFault(t, c, fault, call, want)
				}
			}
			for range 2 {
				if err := c.do(clean.ledger); err != nil {
					t.Errorf("the same call again: %v", err)
				}
			}
			if diff := cmp.Diff(want, clean.dump("")); diff != "" {
				t.Errorf("the same call again changed the store:\n%s", diff)
			}
		})
	}
}

// requestModel says what becomes of one request with a code.
type requestModel struct {
	id    credits.ID
	name  string // whose proof is right
	until time.Time
	wrong int
	open  bool
}

// approve returns how an approval with a proof ends.
func (m *requestModel) approve(now time.Time, name string) error {
	switch {
	case !m.open || !now.Before(m.until):
		m.open = false
		return credits.CodeStale
	case m.wrong >= 3:
		m.wrong++
		return credits.CodeStale
	case name != m.name:
		m.wrong++
		return credits.CodeWrong
	}
	m.open = false
	return nil
}

// Asked, approved and dismissed at random, with time passing, a code does what a model of it says.
func TestRequestsAtRandom(t *testing.T) {
	rng := seeded(t)
	for round := range 30 {
		r := newUncheckedRig(t, "2026-01-15", new(memory.Store))
		r.open(ruled())
		given, m := credits.Amount(0), requestModel{}
		for step := range 60 {
			name := fmt.Sprint("code ", rng.IntN(3))
			key := credits.Key(fmt.Sprint("step ", step))
			do := func(c credits.Command) (credits.Receipt, error) {
				receipt, err := r.ledger.Do(r.ctx, acme, key, c)
				_, again := r.ledger.Do(r.ctx, acme, key, c)
				var refused *credits.RefusedError
				if kept := errors.As(err, &refused) && refused.Kept; (err == nil || kept) && fmt.Sprint(err) != fmt.Sprint(again) {
					t.Fatalf("I-1: round %d, step %d: %T was %v, and again %v", round, step, c, err, again)
				}
				return receipt, err
			}
			now := r.clock.Now()
			switch rng.IntN(8) {
			case 0, 1:
				ask := credits.Ask{Command: credits.Grant{Amount: 1}, Proof: proof(name), Until: now.Add(time.Hour), Tries: 3}
				receipt, err := do(ask)
				live := m.open && now.Before(m.until)
				if stale := live && m.wrong >= 3; stale != errors.Is(err, credits.CodeStale) || !stale && err != nil {
					t.Fatalf("CF-05: round %d, step %d: asked with %d wrong: %v", round, step, m.wrong, err)
				} else if stale {
					break
				}
				if live != (receipt.ID == m.id) {
					t.Fatalf("CF-05: round %d, step %d: request %d, after %d", round, step, receipt.ID, m.id)
				}
				if !live {
					m = requestModel{id: receipt.ID, open: true}
				}
				m.name, m.until = name, now.Add(time.Hour)
			case 2, 3, 4, 5:
				if m.id == 0 {
					break
				}
				want := m.approve(now, name)
				if want == nil {
					given++
				}
				if _, err := do(credits.Approve{Request: m.id, Proof: proof(name)}); !errors.Is(err, want) {
					t.Fatalf("CF-05: round %d, step %d: got %v, want %v of %+v", round, step, err, want, m)
				}
			case 6:
				if m.open && rng.IntN(4) == 0 && now.Before(m.until) {
					if _, err := do(credits.Dismiss{Request: m.id, Note: why}); err != nil {
						t.Fatal(err)
					}
					m = requestModel{}
				}
			case 7:
				r.clock.Add(time.Duration(rng.IntN(61)) * time.Minute)
				if rng.IntN(2) == 0 {
					r.tick()
				}
			}
			if got := r.wallet().Balance("", "").By[credits.FromGrant]; got != given {
				t.Fatalf("CF-05: round %d, step %d: %v were given, want %v", round, step, got, given)
			}
		}
		if err := r.ledger.Verify(context.Background(), acme); err != nil {
			t.Error(err)
		}
	}
}
