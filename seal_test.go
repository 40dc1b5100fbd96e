package credits_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// replayOf replays what is stored of acme up to an entry; 0 for all.
func replayOf(t *testing.T, s store.Store, through credits.ID) *credits.Replay {
	t.Helper()
	r := credits.NewReplay(acme)
	for e, err := range s.Entries(t.Context(), store.Query{Wallet: string(acme), Through: uint64(through)}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Change(e); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func hashOf(c store.Checkpoint) string {
	sum := sha256.Sum256(c.Body)
	return hex.EncodeToString(sum[:])
}

// sealed is a wallet with a year of history of which all up to entry 6 was pruned:
// spends, a hold that is open still, a grant that is there still.
func sealed(t *testing.T) (r *rig, spend, hold, late credits.Receipt, c store.Checkpoint) {
	t.Helper()
	r = newRig(t, "2026-01-01")
	r.open(monthly("10"))
	spend = r.do(credits.Spend{Amount: n("1"), Note: credits.Note{Labels: map[string]string{"campaign": "spring"}}})
	hold = r.do(credits.Reserve{Amount: n("2"), Until: day("2026-12-24"), Note: credits.Note{Labels: map[string]string{"campaign": "summer"}}})
	r.do(credits.Grant{Amount: n("5"), Paid: cash("3.00 USD")})
	r.at("2026-01-20")
	c = replayOf(t, r.store, 0).Checkpoint()
	r.at("2026-03-15")
	late = r.do(credits.Spend{Amount: n("3")})
	r.do(credits.Seal{Through: credits.ID(c.Seq), Hash: hashOf(c)})
	if err := r.store.Ack(r.ctx, string(acme), c.Seq); err != nil {
		t.Fatal(err)
	}
	if err := r.store.(store.Pruner).Prune(r.ctx, string(acme), c); err != nil {
		t.Fatal(err)
	}
	return r, spend, hold, late, c
}

func TestSeal(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	last := r.do(credits.Spend{Amount: n("1")})
	c := replayOf(t, r.store, 0).Checkpoint()
	hash := hashOf(c)
	r.clock.Set(day("2026-01-01").Add(credits.Retention - 1000))
	r.invalid(credits.Seal{Through: last.ID, Hash: hash}, "through", credits.ErrLimit)
	r.clock.Set(day("2026-01-01").Add(credits.Retention))
	for name, s := range map[string]struct {
		credits.Seal
		field string
		err   error
	}{
		"no entry":            {credits.Seal{Hash: hash}, "through", credits.ErrNotFound},
		"an entry to come":    {credits.Seal{Through: 99, Hash: hash}, "through", credits.ErrNotFound},
		"no hash":             {credits.Seal{Through: last.ID}, "hash", nil},
		"a short hash":        {credits.Seal{Through: last.ID, Hash: hash[2:]}, "hash", nil},
		"another case":        {credits.Seal{Through: last.ID, Hash: strings.ToUpper(hash)}, "hash", nil},
		"no hexadecimal":      {credits.Seal{Through: last.ID, Hash: strings.Repeat("x", 64)}, "hash", nil},
		"a note that is none": {credits.Seal{Through: last.ID, Hash: hash, Note: credits.Note{Ref: "\xff"}}, "note.ref", nil},
	} {
		t.Run(name, func(t *testing.T) { r.invalid(s.Seal, s.field, s.err) })
	}
	receipt := r.do(credits.Seal{Through: last.ID, Hash: hash})
	e := receipt.Entries[len(receipt.Entries)-1]
	if e.Kind != credits.KindSealed || e.Of != last.ID || hex.EncodeToString(e.Setting.Sealed[:]) != hash {
		t.Errorf("L-3: the entry is %+v", e)
	}
	_, err := r.ledger.Do(r.ctx, acme, receipt.Key, credits.Seal{Through: 1, Hash: hash})
	checkInvalid(t, err, "through", credits.ErrKeyReused)
	_, err = r.ledger.Do(r.ctx, acme, receipt.Key, credits.Seal{Through: last.ID, Hash: strings.Repeat("ab", 32)})
	checkInvalid(t, err, "hash", credits.ErrKeyReused)
}

func TestPruned(t *testing.T) {
	r, spend, hold, late, c := sealed(t)
	t.Run("L-3/what is left verifies", func(t *testing.T) {
		if err := r.ledger.Verify(r.ctx, acme); err != nil {
			t.Error(err)
		}
	})
	t.Run("L-4/against a head that was kept at the checkpoint", func(t *testing.T) {
		replay, err := credits.ReplayFrom(acme, c)
		if err != nil {
			t.Fatal(err)
		}
		head := replay.Head()
		if err := r.ledger.Verify(r.ctx, acme, head); err != nil {
			t.Error(err)
		}
		head.Hash[0]++
		if err := r.ledger.Verify(r.ctx, acme, head); !errors.Is(err, credits.ErrCorrupt) {
			t.Errorf("with another one: %v", err)
		}
	})
	t.Run("L-3/a replay from the checkpoint gives the stored state", func(t *testing.T) {
		replay, err := credits.ReplayFrom(acme, c)
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range r.store.Entries(r.ctx, store.Query{Wallet: string(acme), After: c.Seq}) {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := replay.Change(e); err != nil {
				t.Fatal(err)
			}
		}
		states, err := r.store.Load(r.ctx, store.Read{Wallet: string(acme)})
		if err != nil {
			t.Fatal(err)
		}
		parts, _ := replay.State()
		if diff := cmp.Diff(states[0].Parts, parts); diff != "" || replay.End() != nil {
			t.Errorf("stored (-), replayed (+): %v\n%s", replay.End(), diff)
		}
	})
	t.Run("L-5/the past begins at the checkpoint", func(t *testing.T) {
		_, err := r.ledger.BalanceAt(r.ctx, acme, day("2025-12-31"))
		checkInvalid(t, err, "time", credits.ErrPruned)
		w, err := r.ledger.BalanceAt(r.ctx, acme, day("2026-01-02"))
		if err != nil || w.Available() != n("12") {
			t.Errorf("%v available: %v", w.Available(), err)
		}
	})
	history := func(q credits.HistoryQuery) (n int, err error) {
		for _, err := range r.ledger.History(r.ctx, acme, q) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	t.Run("L-3/history says what it has not", func(t *testing.T) {
		if n, err := history(credits.HistoryQuery{}); n != 0 || !errors.Is(err, credits.ErrPruned) {
			t.Errorf("the oldest first: %d entries, %v", n, err)
		}
		if n, err := history(credits.HistoryQuery{Newest: true}); n == 0 || !errors.Is(err, credits.ErrPruned) {
			t.Errorf("the newest first: %d entries, %v", n, err)
		}
		if n, err := history(credits.HistoryQuery{Newest: true, Limit: 2}); n != 2 || err != nil {
			t.Errorf("the last two: %d entries, %v", n, err)
		}
		if n, err := history(credits.HistoryQuery{After: credits.ID(c.Seq)}); n == 0 || err != nil {
			t.Errorf("after the checkpoint: %d entries, %v", n, err)
		}
		if n, err := history(credits.HistoryQuery{Lot: late.Entries[0].Lines[0].Lot}); n == 0 || err != nil {
			t.Errorf("of a later lot: %d entries, %v", n, err)
		}
	})
	t.Run("S-7/a spend that was pruned is not reversed", func(t *testing.T) {
		r.invalid(credits.Reverse{Spend: spend.ID, All: true}, "history", credits.ErrPruned)
		r.do(credits.Reverse{Spend: late.ID, All: true})
	})
	t.Run("L-4/nor erased", func(t *testing.T) {
		r.invalid(credits.Erase{Entries: []credits.ID{spend.ID}}, "history", credits.ErrPruned)
	})
	t.Run("S-6/a hold goes on, without the labels it had", func(t *testing.T) {
		captured := r.do(credits.Capture{Hold: hold.ID, All: true})
		if captured.Amount != n("2") || len(captured.Entries[0].Note.Labels) != 0 {
			t.Errorf("captured %v as %+v", captured.Amount, captured.Entries[0].Note)
		}
	})
	t.Run("I-1/a key that was pruned can be used again", func(t *testing.T) {
		if _, err := r.ledger.Receipt(r.ctx, acme, spend.Key); !errors.Is(err, credits.ErrNotFound) {
			t.Errorf("its receipt: %v", err)
		}
		if again, err := r.ledger.Do(r.ctx, acme, spend.Key, credits.Spend{Amount: 1}); err != nil || again.Replayed {
			t.Errorf("%+v, %v", again, err)
		}
		if again, err := r.ledger.Do(r.ctx, acme, late.Key, credits.Spend{Amount: n("3")}); err != nil || !again.Replayed {
			t.Errorf("one that was not: %+v, %v", again, err)
		}
	})
	if err := r.ledger.Verify(r.ctx, acme); err != nil {
		t.Error(err)
	}
}

// forged is a store whose checkpoint is another.
type forged struct {
	*memory.Store
	c store.Checkpoint
}

func (f forged) Checkpoint(context.Context, string) (store.Checkpoint, error) { return f.c, nil }

func (f forged) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return f.Store.Entries(ctx, q)
}

func TestForgedCheckpoint(t *testing.T) {
	r, _, _, _, c := sealed(t)
	other := newRig(t, "2026-01-01") // a checkpoint of another life
	other.open(monthly("99"))
	stranger := replayOf(t, other.store, 0).Checkpoint()
	tests := map[string]func() store.Checkpoint{
		"L-4/of another life": func() store.Checkpoint { return stranger },
		"L-4/with a byte changed": func() store.Checkpoint {
			f := c
			f.Body = bytes.Clone(c.Body)
			f.Body[len(f.Body)-3]++
			return f
		},
		"L-4/filed under another entry": func() store.Checkpoint {
			f := c
			f.Seq++
			return f
		},
		"L-4/filed under another instant": func() store.Checkpoint {
			f := c
			f.At++
			return f
		},
		"L-4/cut": func() store.Checkpoint {
			f := c
			f.Body = f.Body[:len(f.Body)-1]
			return f
		},
		"L-4/of no form": func() store.Checkpoint {
			f := c
			f.Body = []byte{9}
			return f
		},
	}
	for name, forge := range tests {
		t.Run(name, func(t *testing.T) {
			f := forged{r.store.(*memory.Store), forge()}
			if err := r.ledger.On(f).Verify(r.ctx, acme); !errors.Is(err, credits.ErrCorrupt) && !errors.Is(err, credits.ErrPruned) {
				t.Errorf("verified: %v", err)
			}
		})
	}
}

// A checkpoint that nothing sealed is found, although all that follows it does.
func TestUnsealedCheckpoint(t *testing.T) {
	s, ctx := new(memory.Store), t.Context()
	l := credits.New(s, nil)
	if _, err := l.Do(ctx, acme, "open", credits.Open{Plan: monthly("10")}); err != nil {
		t.Fatal(err)
	}
	c := replayOf(t, s, 0).Checkpoint()
	if _, err := l.Do(ctx, acme, "spend", credits.Spend{Amount: n("1")}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Ack(ctx, string(acme), c.Seq), s.Prune(ctx, string(acme), c)); err != nil {
		t.Fatal(err)
	}
	var fault *credits.VerifyError
	if err := l.Verify(ctx, acme); !errors.As(err, &fault) || fault.Seq != credits.ID(c.Seq) {
		t.Errorf("L-3: verified: %v", err)
	}
}

// A wallet that another consumer fed, and that was pruned then, holds up no other.
func TestFedAndPrunedMeanwhile(t *testing.T) {
	r := newRig(t, "2026-01-01")
	for _, id := range []credits.WalletID{"ann", "bob", "cid"} {
		r.doOn(id, credits.Open{Plan: monthly("10")})
	}
	r.at("2026-01-02")
	var fed []credits.WalletID
	_, err := r.ledger.Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
		fed = append(fed, entries[0].Wallet)
		if entries[0].Wallet != "ann" {
			return nil
		}
		replay := credits.NewReplay("bob")
		for e, err := range r.store.Entries(r.ctx, store.Query{Wallet: "bob"}) {
			if err != nil {
				return err
			}
			if _, err := replay.Change(e); err != nil {
				return err
			}
		}
		c := replay.Checkpoint()
		r.clock.Set(day("2026-01-01").Add(credits.Retention))
		r.doOn("bob", credits.Seal{Through: credits.ID(c.Seq), Hash: hashOf(c)})
		return errors.Join(r.store.Ack(r.ctx, "bob", c.Seq), r.store.(store.Pruner).Prune(r.ctx, "bob", c))
	})
	if err != nil || fed[len(fed)-1] != "cid" {
		t.Errorf("L-6: fed %q: %v", fed, err)
	}
}
