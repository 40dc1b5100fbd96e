package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/google/go-cmp/cmp"

	"example.com/credits/store"
)

// kit is what a case works with: the store, and the model that was told the same.
type kit struct {
	reporter
	ctx context.Context
	s   store.Store
	m   *model
}

// commit gives writes to the store and to the model, and compares which were kept.
func (k *kit) commit(writes ...store.Write) []bool {
	k.Helper()
	kept, err := k.tried(writes...)
	if err != nil {
		k.Fatalf("Commit: %v", err)
	}
	k.equal("kept", kept, k.m.commit(writes...))
	return kept
}

// tried gives writes to the store, again as long as it says that nothing was kept.
func (k *kit) tried(writes ...store.Write) ([]bool, error) {
	for {
		kept, err := k.s.Commit(k.ctx, writes...)
		if errors.Is(err, store.ErrAborted) && k.ctx.Err() == nil {
			continue
		}
		if err == nil && len(kept) != len(writes) {
			err = fmt.Errorf("%d outcomes for %d writes", len(kept), len(writes))
		}
		return kept, err
	}
}

// keep makes changes, each in a write of its own, that must be kept.
func (k *kit) keep(changes ...store.Change) {
	k.Helper()
	writes := make([]store.Write, len(changes))
	for i, c := range changes {
		writes[i] = one(c)
	}
	for i, ok := range k.commit(writes...) {
		if !ok {
			k.Fatalf("Commit did not keep what follows: wallet %q from %d", changes[i].Wallet, changes[i].Prev)
		}
	}
}

// refuse gives a write that must not be kept, and sees that nothing changed.
func (k *kit) refuse(changes ...store.Change) {
	k.Helper()
	if kept := k.commit(store.Write{Changes: changes}); kept[0] {
		k.Errorf("Commit kept what does not follow: wallet %q from %d", changes[0].Wallet, changes[0].Prev)
	}
	k.same()
}

// load reads one wallet.
func (k *kit) load(wallet string, have uint64, keys ...string) store.State {
	k.Helper()
	return k.reads(store.Read{Wallet: wallet, Have: have, Keys: keys})[0]
}

// reads makes one call of Load, which returns a state for each read.
func (k *kit) reads(reads ...store.Read) []store.State {
	k.Helper()
	states, err := k.s.Load(k.ctx, reads...)
	if err != nil {
		k.Fatalf("Load of %+v: %v", reads, err)
	}
	if len(states) != len(reads) {
		k.Fatalf("Load of %+v: %d states for %d reads", reads, len(states), len(reads))
	}
	return states
}

// sameReads compares what the reads of one call find. Who has the parts may be
// given none, or all that are read.
func (k *kit) sameReads(reads ...store.Read) {
	k.Helper()
	got, want := k.reads(reads...), make([]store.State, len(reads))
	for i, r := range reads {
		want[i] = k.m.load(r)
		if r.Have == want[i].Seq && len(got[i].Parts) == 0 {
			want[i].Parts = nil
		}
	}
	k.equal(fmt.Sprintf("Load of %+v", reads), got, want)
}

// entries reads all that a query selects, none of which was pruned.
func (k *kit) entries(q store.Query) []store.Entry {
	k.Helper()
	return collect(k, "Entries", k.s.Entries(k.ctx, q))
}

// found reads all that a query selects, and returns the error of pruned entries
// if there is one.
func (k *kit) found(q store.Query) (all []store.Entry, pruned error) {
	k.Helper()
	whole := func(yield func(store.Entry, error) bool) {
		for e, err := range k.s.Entries(k.ctx, q) {
			switch {
			case pruned != nil:
				k.Errorf("Entries of %+v did not stop after the error", q)
				return
			case errors.Is(err, store.ErrPruned):
				pruned = store.ErrPruned
			case !yield(e, err):
				return
			}
		}
	}
	return collect(k, "Entries", whole), pruned
}

// heads reads all that a filter selects.
func (k *kit) heads(f store.Filter) []store.Head {
	k.Helper()
	return collect(k, "Heads", k.s.Heads(k.ctx, f))
}

// ack tells store and model.
func (k *kit) ack(wallet string, seq uint64) {
	k.Helper()
	if err := k.s.Ack(k.ctx, wallet, seq); err != nil {
		k.Fatalf("Ack of %q at %d: %v", wallet, seq, err)
	}
	k.m.ack(wallet, seq)
}

// same compares all that the store holds with the model.
func (k *kit) same() {
	k.Helper()
	k.equal("Heads of all", k.heads(store.Filter{}), k.m.heads(store.Filter{}))
	for wallet := range k.m.wallets {
		k.sameWallet(wallet)
	}
}

// sameWallet compares one wallet with the model.
func (k *kit) sameWallet(wallet string) {
	k.Helper()
	keys := k.m.keys(wallet)
	k.equal(fmt.Sprintf("Load of %q", wallet), k.load(wallet, 0, keys...), k.m.load(store.Read{Wallet: wallet, Keys: keys}))
	k.sameEntries(store.Query{Wallet: wallet})
	if want := k.m.checkpoint(wallet); want.Seq > 0 {
		k.equal(fmt.Sprintf("Checkpoint of %q", wallet), k.checkpoint(wallet), want)
		k.sameEntries(store.Query{Wallet: wallet, Newest: true})
	}
}

// sameEntries compares what a query selects.
func (k *kit) sameEntries(q store.Query) {
	k.Helper()
	got, pruned := k.found(q)
	want, wantPruned := k.m.query(q)
	k.equal(fmt.Sprintf("Entries of %+v", q), got, want)
	if pruned != wantPruned {
		k.Errorf("Entries of %+v ended with the error %v, not %v", q, pruned, wantPruned)
	}
}

// sameHeads compares what a filter selects.
func (k *kit) sameHeads(f store.Filter) {
	k.Helper()
	k.equal(fmt.Sprintf("Heads of %+v", f), k.heads(f), k.m.heads(f))
}

// equal reports a difference. Nothing and empty are equal.
func (k *kit) equal(what string, got, want any) {
	k.Helper()
	if same(got, want) {
		return
	}
	if diff := cmp.Diff(want, got, alike); diff != "" {
		if len(diff) > 4000 {
			diff = diff[:4000] + "\n..."
		}
		k.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// same reports whether two values are equal, for the types that are compared
// most: it is what makes the suite quick. Of others it says that they are not.
func same(got, want any) bool {
	switch got := got.(type) {
	case []store.Entry:
		want, ok := want.([]store.Entry)
		return ok && slices.EqualFunc(got, want, sameEntry)
	case []store.Head:
		want, ok := want.([]store.Head)
		return ok && slices.Equal(got, want)
	case store.State:
		want, ok := want.(store.State)
		return ok && sameState(got, want)
	case []store.State:
		want, ok := want.([]store.State)
		return ok && slices.EqualFunc(got, want, sameState)
	}
	return false
}

func sameEntry(a, b store.Entry) bool {
	return a.Seq == b.Seq && a.At == b.At && a.Kind == b.Kind && a.Of == b.Of && a.Feature == b.Feature &&
		bytes.Equal(a.Body, b.Body) && bytes.Equal(a.Note, b.Note)
}

func sameState(a, b store.State) bool {
	return a.Seq == b.Seq && a.Mark == b.Mark &&
		slices.EqualFunc(a.Parts, b.Parts, func(a, b store.Part) bool { return a.ID == b.ID && bytes.Equal(a.Body, b.Body) }) &&
		slices.EqualFunc(a.Receipts, b.Receipts, func(a, b store.Receipt) bool { return a.Key == b.Key && bytes.Equal(a.Body, b.Body) })
}

var alike = cmp.Options{
	cmp.Transformer("body", shown),
	bothEmpty[store.Part](), bothEmpty[store.Receipt](), bothEmpty[store.Entry](), bothEmpty[store.Head](), bothEmpty[bool](), bothEmpty[store.Digest](),
}

// shown makes of a body what is compared and shown: a long one by its digest.
func shown(body []byte) string {
	if len(body) <= 1000 {
		return string(body)
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(body), sha256.Sum256(body))
}

func bothEmpty[E any]() cmp.Option {
	return cmp.FilterValues(func(a, b []E) bool { return len(a) == 0 && len(b) == 0 },
		cmp.Comparer(func(a, b []E) bool { return true }))
}

// collect drains an iterator. An endless one is cut short.
func collect[V any](k *kit, what string, seq iter.Seq2[V, error]) []V {
	k.Helper()
	var all []V
	for v, err := range seq {
		if err != nil {
			k.Fatalf("%s: %v", what, err)
		}
		if all = append(all, v); len(all) > 1<<20 {
			k.Fatalf("%s does not end", what)
		}
	}
	return all
}

// one returns a write of one change.
func one(c store.Change) store.Write { return store.Write{Changes: []store.Change{c}} }

// epoch is an instant that most cases count from: 2024-02-29 12:00:00.123456 UTC.
const epoch = 1709208000123456

// change returns a change that appends one entry to a wallet, and writes part 1.
func change(wallet string, prev uint64, with ...func(*store.Change)) store.Change {
	c := store.Change{Wallet: wallet, Prev: prev, Seq: prev}
	grow(1)(&c)
	c.Parts = []store.Part{{ID: 1, Body: fmt.Appendf(nil, "part 1 at %d", prev)}}
	for _, f := range with {
		f(&c)
	}
	return c
}

// grow appends n entries.
func grow(n int) func(*store.Change) {
	return func(c *store.Change) {
		for range n {
			c.Seq++
			c.Entries = append(c.Entries, store.Entry{
				Seq:  c.Seq,
				At:   epoch + int64(c.Seq&0xffffffff),
				Kind: 1,
				Body: fmt.Appendf(nil, "body of %s %d", c.Wallet, c.Seq),
				Note: fmt.Appendf(nil, "note of %s %d", c.Wallet, c.Seq),
			})
		}
	}
}

// marked sets the mark that the wallet has to have and the one that it gets.
func marked(prev, mark uint64) func(*store.Change) {
	return func(c *store.Change) { c.PrevMark, c.Mark = prev, mark }
}

// keyed adds receipts under keys.
func keyed(keys ...string) func(*store.Change) {
	return func(c *store.Change) {
		for _, key := range keys {
			c.Receipts = append(c.Receipts, store.Receipt{Key: key, Body: fmt.Appendf(nil, "receipt of %s %s from %d", c.Wallet, key, c.Prev)})
		}
	}
}

// part adds a part; with an empty body it removes it.
func part(id uint64, body string) func(*store.Change) {
	return func(c *store.Change) { c.Parts = append(c.Parts, store.Part{ID: id, Body: []byte(body)}) }
}

// noParts leaves the parts as they are.
func noParts(c *store.Change) { c.Parts = nil }

// due sets the instant of the next change by time.
func due(at int64) func(*store.Change) { return func(c *store.Change) { c.Due = at } }

// erase removes notes.
func erase(seqs ...uint64) func(*store.Change) {
	return func(c *store.Change) { c.Erase = append(c.Erase, seqs...) }
}

// entry alters the last entry.
func entry(f func(e *store.Entry)) func(*store.Change) {
	return func(c *store.Change) { f(&c.Entries[len(c.Entries)-1]) }
}
