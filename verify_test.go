package credits_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
)

// snapshot is what is stored of a wallet, to be tampered with.
type snapshot struct {
	state   store.State
	entries []store.Entry
}

func snapshotOf(r *rig, id credits.WalletID) snapshot {
	r.Helper()
	states, err := r.store.Load(r.ctx, store.Read{Wallet: string(id)})
	if err != nil {
		r.Fatal(err)
	}
	s := snapshot{state: states[0]}
	for e, err := range r.store.Entries(r.ctx, store.Query{Wallet: string(id)}) {
		if err != nil {
			r.Fatal(err)
		}
		s.entries = append(s.entries, e)
	}
	return s
}

func (s snapshot) clone() snapshot {
	c := s
	c.state.Parts = slices.Clone(s.state.Parts)
	for i := range c.state.Parts {
		c.state.Parts[i].Body = bytes.Clone(c.state.Parts[i].Body)
	}
	c.entries = slices.Clone(s.entries)
	for i := range c.entries {
		c.entries[i].Body, c.entries[i].Note = bytes.Clone(c.entries[i].Body), bytes.Clone(c.entries[i].Note)
	}
	return c
}

// verify verifies the snapshot as if it were stored.
func (s snapshot) verify(r *rig, kept ...credits.Head) error {
	return r.ledger.On(tampered{r.store, s}).Verify(r.ctx, acme, kept...)
}

// tampered is a store that has a snapshot instead of what it has.
type tampered struct {
	store.Store
	s snapshot
}

func (s tampered) Load(context.Context, ...store.Read) ([]store.State, error) {
	return []store.State{s.s.clone().state}, nil
}

func (s tampered) Entries(_ context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for _, e := range s.s.clone().entries {
			if e.Seq > q.After && (q.Through == 0 || e.Seq <= q.Through) && !yield(e, nil) {
				return
			}
		}
	}
}

// storied returns a wallet with entries of nearly every kind.
func storied(t *testing.T) *rig {
	r := newRig(t, "2026-01-01")
	r.ledger = r.ledger.As(credits.Actor{ID: "ann", Role: "administrator"})
	note := credits.Note{Ref: "doc", Reason: "why", Labels: map[string]string{"team": "a"}}
	r.do(credits.Open{Plan: core("20000", func(p *credits.Plan) {
		p.Allowances[0].Rollover.Share = 50 * credits.Percent
		p.Overdrafts = []credits.Overdraft{{Unit: "GB", Limit: credits.AtMost(n("9"))}}
	}), Note: note})
	g := r.do(credits.Grant{Amount: n("5"), Starts: day("2026-01-03"), Paid: cash("10.00 USD"), Scope: "ann", Features: []string{"run"}})
	s := r.do(credits.Spend{Feature: "run", Quantity: 3, Occurred: day("2025-12-31"), Note: note})
	r.do(credits.Reverse{Spend: s.ID, Amount: n("1")})
	h := r.do(credits.Reserve{Amount: n("7"), Until: day("2026-01-09"), Note: note})
	r.do(credits.Capture{Hold: h.ID, Amount: n("2")})
	b := r.do(credits.Buy{Pack: "extra", Amount: n("2000"), Note: note})
	r.do(credits.Refund{Purchase: b.ID})
	r.do(credits.SetAutoPurchase{On: true})
	r.do(credits.Spend{Unit: "GB", Amount: n("4")})
	r.do(credits.CarryOver{Amount: n("0.5")})
	r.do(credits.Spend{Amount: n("25000"), Note: note})
	r.at("2026-01-05")
	r.do(credits.Revoke{Lot: g.ID})
	r.do(credits.SetZone{Zone: "Asia/Tokyo", Note: note})
	r.do(credits.Reserve{Amount: n("2"), Until: day("2026-04-09")})
	r.at("2026-02-02")
	r.do(credits.Grant{Unit: "GB", Amount: n("6")})
	return r
}

// expectFound expects that a change is found, and not before the entry that it
// touches first; entry 0 is the state.
func (r *rig) expectFound(s snapshot, first uint64, what string) {
	r.Helper()
	err := s.verify(r)
	var found *credits.VerifyError
	switch {
	case !errors.As(err, &found) || !errors.Is(err, credits.ErrCorrupt):
		r.Errorf("%s: got %v, want a VerifyError", what, err)
	case found.Wallet != acme || found.Reason == "":
		r.Errorf("%s: the error is %+v", what, found)
	case found.Seq != 0 && found.Seq < credits.ID(first) || found.Seq == 0 && first != 0:
		r.Errorf("%s: the first divergence is said to be entry %d, and is %d", what, found.Seq, first)
	}
}

func TestVerifyFindsEveryByte(t *testing.T) {
	// L-4: a bit of each byte of every entry, note and plan, and each bit of
	// the other parts, one at a time.
	r := storied(t)
	whole := snapshotOf(r, acme)
	if err := whole.verify(r); err != nil {
		t.Fatal(err)
	}
	count := 0
	flip := func(first uint64, what string, all bool, body func(*snapshot) []byte) {
		for i := range body(&whole) {
			s := whole.clone()
			for bit := range 8 {
				if !all && bit != i%8 {
					continue
				}
				body(&s)[i] ^= 1 << bit
				r.expectFound(s, first, fmt.Sprintf("bit %d of byte %d of %s", bit, i, what))
				body(&s)[i] ^= 1 << bit
				count++
			}
			if t.Failed() {
				return
			}
		}
	}
	for i, e := range whole.entries {
		flip(e.Seq, fmt.Sprintf("entry %d", e.Seq), false, func(s *snapshot) []byte { return s.entries[i].Body })
		flip(e.Seq, fmt.Sprintf("the note of entry %d", e.Seq), false, func(s *snapshot) []byte { return s.entries[i].Note })
	}
	for i, p := range whole.state.Parts {
		flip(0, fmt.Sprintf("part %d", p.ID), p.ID != 1, func(s *snapshot) []byte { return s.state.Parts[i].Body })
	}
	if count < 5_000 {
		t.Errorf("%d changes were made, want 5,000 at least", count)
	}
	t.Logf("%d changes, all found", count)
}

func TestVerifyFindsWhatIsFiledWrongly(t *testing.T) {
	r := storied(t)
	whole := snapshotOf(r, acme)
	for i, e := range whole.entries {
		for what, change := range map[string]func(e *store.Entry){
			"instant":                func(e *store.Entry) { e.At++ },
			"kind":                   func(e *store.Entry) { e.Kind++ },
			"what it is about":       func(e *store.Entry) { e.Of++ },
			"feature":                func(e *store.Entry) { e.Feature += "x" },
			"number":                 func(e *store.Entry) { e.Seq++ },
			"body cut":               func(e *store.Entry) { e.Body = e.Body[:len(e.Body)-1] },
			"body continued":         func(e *store.Entry) { e.Body = append(e.Body, 0) },
			"body empty":             func(e *store.Entry) { e.Body = nil },
			"note of another":        func(e *store.Entry) { e.Note = append(e.Note, 1) },
			"note that it never had": func(e *store.Entry) { e.Note = []byte{1, 0, 0, 0, 0, 0, byte(e.Seq)} },
		} {
			s := whole.clone()
			change(&s.entries[i])
			r.expectFound(s, e.Seq, fmt.Sprintf("entry %d: %s", e.Seq, what))
		}
	}
	for i := range whole.state.Parts {
		for what, change := range map[string]func(s *snapshot){
			"missing":        func(s *snapshot) { s.state.Parts = slices.Delete(s.state.Parts, i, i+1) },
			"cut":            func(s *snapshot) { b := &s.state.Parts[i].Body; *b = (*b)[:len(*b)-1] },
			"empty":          func(s *snapshot) { s.state.Parts[i].Body = nil },
			"continued":      func(s *snapshot) { b := &s.state.Parts[i].Body; *b = append(*b, 0) },
			"under a number": func(s *snapshot) { s.state.Parts[i].ID += 1 << 32 },
			"twice":          func(s *snapshot) { s.state.Parts = append(s.state.Parts, s.state.Parts[i]) },
			"and another":    func(s *snapshot) { s.state.Parts = append(s.state.Parts, store.Part{ID: 99 << 32, Body: []byte{1}}) },
		} {
			s := whole.clone()
			change(&s)
			r.expectFound(s, 0, fmt.Sprintf("part %d: %s", whole.state.Parts[i].ID, what))
		}
	}
	for _, by := range []int{-1, 1} {
		s := whole.clone()
		s.state.Seq += uint64(by)
		r.expectFound(s, 0, fmt.Sprintf("the number of entries, by %d", by))
	}
}

func TestVerifyFindsEntriesOutOfPlace(t *testing.T) {
	random := seeded(t)
	r := storied(t)
	whole := snapshotOf(r, acme)
	renumber := func(s *snapshot) {
		for i := range s.entries {
			s.entries[i].Seq = uint64(i) + 1
		}
	}
	changes := []struct {
		name   string
		change func(s *snapshot, i, j int) // i < j
	}{
		{"swapped", func(s *snapshot, i, j int) { s.entries[i], s.entries[j] = s.entries[j], s.entries[i] }},
		{"deleted", func(s *snapshot, i, _ int) { s.entries = slices.Delete(s.entries, i, i+1) }},
		{"deleted, several", func(s *snapshot, i, j int) { s.entries = slices.Delete(s.entries, i, j) }},
		{"twice", func(s *snapshot, i, j int) { s.entries = slices.Insert(s.entries, j, s.entries[i]) }},
		{"moved back", func(s *snapshot, i, j int) {
			e := s.entries[j]
			s.entries = slices.Insert(slices.Delete(s.entries, j, j+1), i, e)
		}},
		{"moved on", func(s *snapshot, i, j int) {
			e := s.entries[i]
			s.entries = slices.Insert(slices.Delete(s.entries, i, i+1), j, e)
		}},
		{"cut off", func(s *snapshot, i, _ int) { s.entries = s.entries[:i] }},
		{"notes swapped", func(s *snapshot, i, j int) {
			s.entries[i].Note, s.entries[j].Note = s.entries[j].Note, s.entries[i].Note
		}},
		{"in the place of another", func(s *snapshot, i, j int) { s.entries[j].Body = s.entries[i].Body }},
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			r := r.in(t)
			for k := range 300 {
				i := random.IntN(len(whole.entries) - 1)
				j := i + 1 + random.IntN(len(whole.entries)-1-i)
				s := whole.clone()
				c.change(&s, i, j)
				if k%2 == 1 {
					renumber(&s)
				}
				if reflect.DeepEqual(s, whole) {
					continue // two entries without notes
				}
				first := min(whole.entries[i].Seq, whole.entries[j].Seq)
				r.expectFound(s, first, fmt.Sprintf("%d and %d", i+1, j+1))
			}
		})
	}
}

func TestVerifyOfAnotherWallet(t *testing.T) {
	// L-4: the chain begins with the wallet's name.
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	if _, err := r.ledger.Do(r.ctx, "bob", "key-1", credits.Open{Plan: monthly("10")}); err != nil {
		t.Fatal(err)
	}
	err := snapshotOf(r, "bob").verify(r)
	if !errors.Is(err, credits.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

func TestVerifyAgainstAKeptHead(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	early := snapshotOf(r, acme)
	r.do(credits.Spend{Amount: n("3")})
	head, err := r.ledger.Head(r.ctx, acme)
	if err != nil || head.Seq != 3 {
		t.Fatal(head, err)
	}
	r.do(credits.Spend{Amount: n("3")})
	if err := r.ledger.Verify(r.ctx, acme, head); err != nil {
		t.Errorf("L-4: a later history: %v", err)
	}
	if err := early.verify(r); err != nil {
		t.Errorf("L-4: a history that was cut off with its state: %v, want it to go unnoticed", err)
	}
	if err := early.verify(r, head); !errors.Is(err, credits.ErrCorrupt) {
		t.Errorf("L-4: a history that was cut off before a head that was kept: got %v", err)
	}
	again := newRig(t, "2026-01-01")
	again.open(monthly("10"))
	again.do(credits.Spend{Amount: n("4")})
	again.do(credits.Spend{Amount: n("2")})
	if err := again.ledger.Verify(again.ctx, acme, head); !errors.Is(err, credits.ErrCorrupt) {
		t.Errorf("L-4: a history that was made anew: got %v", err)
	}
}

func TestEraseKeepsTheChain(t *testing.T) {
	r := storied(t)
	before := r.wallet()
	head := before.Head()
	var ids []credits.ID
	for _, e := range r.history(acme, credits.HistoryQuery{Actor: "ann"}) {
		ids = append(ids, e.Seq)
	}
	past, err := r.ledger.BalanceAt(r.ctx, acme, day("2026-01-05"))
	if err != nil {
		t.Fatal(err)
	}
	erased := r.do(credits.Erase{Entries: ids})
	if err := r.ledger.Verify(r.ctx, acme); err != nil {
		t.Errorf("L-4: %v", err)
	}
	if after := r.wallet(); after.Available() != before.Available() || after.Head() == head {
		t.Errorf("L-4: the wallet is %v, was %v", after, before)
	}
	if again, err := r.ledger.BalanceAt(r.ctx, acme, day("2026-01-05")); err != nil || again.Head() != past.Head() {
		t.Errorf("L-4: the past is another: %v", err)
	}
	for _, e := range r.history(acme, credits.HistoryQuery{Before: erased.ID}) {
		if e.Actor != (credits.Actor{}) || e.Note.Ref != "" || e.Note.Reason != "" || e.Note.Labels != nil {
			t.Errorf("entry %d still has %+v and %+v", e.Seq, e.Actor, e.Note)
		}
	}
	for name, body := range r.dump("") {
		for _, word := range []string{"administrator", "why"} {
			if bytes.Contains([]byte(body), []byte(word)) && name != fmt.Sprintf("acme/entry %d", erased.ID) {
				t.Errorf("%s still has %q", name, word)
			}
		}
	}
	// The same keys still replay.
	if receipt, err := r.ledger.Receipt(r.ctx, acme, "key-3"); err != nil || receipt.Amount != n("3") {
		t.Errorf("the receipt is %+v, %v", receipt, err)
	}
}

func TestVerifyFindsNotesThatWereTaken(t *testing.T) {
	// A note that is gone without an Erase was taken by somebody else.
	r := storied(t)
	whole := snapshotOf(r, acme)
	for i, e := range whole.entries {
		if len(e.Note) > 0 {
			s := whole.clone()
			s.entries[i].Note = nil
			r.expectFound(s, e.Seq, fmt.Sprintf("the note of entry %d", e.Seq))
		}
	}
}

func TestVerifyWhileOthersWrite(t *testing.T) {
	// What is committed after Verify began is no fault.
	r := storied(t)
	for name, c := range map[string]credits.Command{
		"a spend":  credits.Spend{Amount: 1},
		"an erase": credits.Erase{Entries: []credits.ID{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			err := r.ledger.On(meanwhile{r.store, func() { r.quick(c) }}).Verify(r.ctx, acme)
			if err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// meanwhile is a store in which something happens before each query.
type meanwhile struct {
	store.Store
	do func()
}

func (s meanwhile) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	s.do()
	return s.Store.Entries(ctx, q)
}
