package notify_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/notify"
)

// bell is a threshold that remembers whether it is armed: the plain way to tell
// crossings, which needs a state for each wallet.
type bell struct {
	rule  notify.Threshold
	armed bool
	rang  []credits.ID
}

// ring looks at a balance after a commit, by its last entry of the unit.
func (b *bell) ring(level, balance credits.Amount, by credits.ID) {
	if b.armed && balance <= level {
		b.rang = append(b.rang, by)
	}
	b.armed = balance > level
}

// TestCrossings compares the notices of random histories, in slices of random
// length, with bells that look at the balance after each command.
func TestCrossings(t *testing.T) {
	rng := seeded(t)
	for range 30 {
		w := creditstest.New(t)
		p := plan(func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(20 * cr)}} })
		w.Must(acme, credits.Open{Plan: p})
		half := notify.Threshold{Share: 50 * credits.Percent}
		bells := []*bell{{rule: half, armed: true}, {rule: notify.Threshold{Amount: 5 * cr}, armed: true}, {armed: true}}
		watched := notify.Rules{Low: []notify.Threshold{half, bells[1].rule}}
		got := map[notify.Threshold][]credits.ID{}
		hear := func() {
			for _, n := range notices(t, w, watched, p) {
				if n.Kind == notify.LowBalance || n.Kind == notify.Exhausted {
					got[n.Rule] = append(got[n.Rule], n.Entry.Seq)
				}
			}
		}
		at := credits.ID(2)
		for range 80 {
			play(t, w, rng)
			at = look(t, w, bells, at)
			if rng.IntN(4) == 0 {
				hear()
			}
		}
		hear()
		for _, b := range bells {
			if diff := cmp.Diff(b.rang, got[b.rule]); diff != "" {
				t.Fatalf("crossings of %v, by the commits that made them (-bell +notices):\n%s", b.rule, diff)
			}
		}
	}
}

// look has the bells look at each balance since an entry, after each command and
// after each instant at which anything fell due.
func look(t *testing.T, w *creditstest.World, bells []*bell, after credits.ID) credits.ID {
	t.Helper()
	var group []credits.Entry
	flush := func() {
		var by credits.ID
		for _, e := range group {
			if len(e.Lines) > 0 && lowers(e) {
				by = e.Seq
			}
		}
		for i, level := range []credits.Amount{50 * cr, 5 * cr, 0} {
			if len(group) > 0 {
				bells[i].ring(level, group[len(group)-1].Balance, by)
			}
		}
		group = nil
	}
	for e, err := range w.History(t.Context(), acme, credits.HistoryQuery{After: after}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(group) > 0 && (group[0].Key != e.Key || !group[0].At.Equal(e.At)) {
			flush()
		}
		group, after = append(group, e), e.Seq
	}
	flush()
	return after
}

// lowers reports whether an entry takes what was available, or owes more.
func lowers(e credits.Entry) bool {
	out, in := credits.Amount(0), credits.Amount(0)
	for _, ln := range e.Lines {
		if ln.From == credits.Available || ln.From == credits.Debt {
			out += ln.Amount
		}
		if ln.To == credits.Available || ln.To == credits.Debt {
			in += ln.Amount
		}
	}
	return out > in
}

// play does something to acme.
func play(t *testing.T, w *creditstest.World, rng *rand.Rand) {
	t.Helper()
	amount := credits.Amount(1+rng.IntN(40)) * cr
	until := w.Clock.Now().Add(time.Duration(1+rng.IntN(72)) * time.Hour)
	var c credits.Command
	switch rng.IntN(9) {
	case 0:
		w.Clock.Add(time.Duration(rng.IntN(120)) * time.Hour)
		if _, err := w.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		return
	case 1:
		c = credits.Grant{Amount: amount, Expires: until}
	case 2:
		c = credits.Reserve{Amount: amount, Until: until}
	case 3:
		c = credits.SetAutoPurchase{On: rng.IntN(2) == 0}
	case 4:
		c = credits.Buy{Pack: "extra", Amount: 50 * cr}
	default:
		c = credits.Spend{Amount: amount}
	}
	_, _ = w.Do(t.Context(), acme, credits.Key(fmt.Sprint(rng.Uint64())), c) // it may be refused
}

// seeded returns a source of random numbers. CREDITS_SEED repeats a run.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("CREDITS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
