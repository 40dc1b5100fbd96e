package lives

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// Plain is a store that keeps no digests.
type Plain struct{ store.Pruner }

// Able is a store that can do all that a store may.
type Able interface {
	store.Digester
	store.Pruner
}

// Watched is a store that counts what is read of it and what digests it is given.
type Watched struct {
	Able
	Found func(*store.Digest) bool // may change a digest, and reports whether it is still there; nil for all as they are
	Reads func(store.Query)        // is called before entries are read; nil for nothing

	entries, digests, kept atomic.Int64
}

// Counts are how many entries and digests were read of a store, and how many
// digests it was given to keep.
type Counts struct{ Entries, Digests, Kept int }

// Take returns what passed since the last call.
func (w *Watched) Take() Counts {
	return Counts{int(w.entries.Swap(0)), int(w.digests.Swap(0)), int(w.kept.Swap(0))}
}

// Entries implements [store.Store].
func (w *Watched) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		if w.Reads != nil {
			w.Reads(q)
		}
		for e, err := range w.Able.Entries(ctx, q) {
			if err == nil {
				w.entries.Add(1)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Digests implements [store.Digester].
func (w *Watched) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	return func(yield func(store.Digest, error) bool) {
		for d, err := range w.Able.Digests(ctx, wallet, name, after, through) {
			if err == nil && w.Found != nil && !w.Found(&d) {
				continue
			}
			w.digests.Add(1)
			if !yield(d, err) {
				return
			}
		}
	}
}

// KeepDigests implements [store.Digester].
func (w *Watched) KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...store.Digest) error {
	w.kept.Add(int64(len(digests)))
	return w.Able.KeepDigests(ctx, wallet, name, seq, digests...)
}

// Prune gives a wallet a checkpoint that stands for its entries up to one.
func Prune(t testing.TB, s Able, id credits.WalletID, through credits.ID) store.Checkpoint {
	t.Helper()
	ctx := context.Background()
	past := credits.NewReplay(id)
	for e, err := range s.Entries(ctx, store.Query{Wallet: string(id), Through: uint64(through)}) {
		if err == nil {
			_, err = past.Change(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := past.Checkpoint()
	if err := s.Ack(ctx, string(id), c.Seq); err != nil {
		t.Fatal(err)
	}
	if err := s.Prune(ctx, string(id), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Twins are a life and a second ledger on its store that finds no digests there.
type Twins struct {
	*Life
	Store *Watched
	Plain *credits.Ledger
}

// NewTwins returns twins that have lived for so many commands.
func NewTwins(t testing.TB, r *rand.Rand, commands int) Twins {
	t.Helper()
	s := &Watched{Able: new(memory.Store)}
	l := On(t, r, commands, s)
	return Twins{l, s, credits.New(Plain{s}, &credits.Options{Clock: l.Clock})}
}

// Damage changes a digest so that none can take it for one: it is cut, goes on, or is of
// another form.
func Damage(r *rand.Rand, d *store.Digest) {
	switch r.IntN(4) {
	case 0:
		d.Body = d.Body[:r.IntN(len(d.Body))]
	case 1:
		d.Body = append(d.Body, byte(r.IntN(256)))
	case 2:
		d.Body[0] ^= byte(1 + r.IntN(255))
	}
}
