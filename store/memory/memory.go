// Package memory keeps wallets in the memory of the process: for tests, for
// simulations, and for hosts that can lose them.
package memory

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"example.com/credits/store"
)

// Store is a [store.Store] without a disk. Its zero value is empty and ready to
// use; it must not be copied. It copies every body that passes it, in both
// directions; of names it keeps copies and hands out strings, which cannot change.
//
// Wallets are spread over shards, each with one lock, which no call holds
// while code of the caller runs. A write to several wallets takes the locks of
// all their shards in order, so that it is kept whole and none waits in a circle.
type Store struct {
	once   sync.Once
	seed   maphash.Seed
	shards [shards]shard
}

const shards = 64

var _ store.Sharded = (*Store)(nil)

// Shards implements [store.Sharded].
func (s *Store) Shards() int { return shards }

// Load implements [store.Store]. A wallet's parts are left out if it still has
// the Seq that the read has. What is left out is not copied.
func (s *Store) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	states := make([]store.State, len(reads))
	for i := range reads {
		sh := &s.shards[s.shardOf(reads[i].Wallet)]
		sh.mu.Lock()
		if w := sh.wallets[reads[i].Wallet]; w != nil {
			s.load(sh, w, &reads[i], &states[i])
		}
		sh.mu.Unlock()
	}
	return states, nil
}

func (s *Store) load(sh *shard, w *wallet, r *store.Read, state *store.State) {
	state.Seq, state.Mark = w.seq, w.mark
	if w.seq != r.Have {
		state.Parts = copyParts(w.below(r.Below))
	}
	for i, key := range r.Keys {
		rec := sh.receipt(w, key, s.hash(w, key))
		if rec == nil {
			continue
		}
		if state.Receipts == nil {
			state.Receipts = make([]store.Receipt, 0, len(r.Keys)-i)
		}
		state.Receipts = append(state.Receipts, store.Receipt{Key: key, Body: slices.Clone(sh.arena.bytes(rec.body))})
	}
}

// Commit implements [store.Store].
func (s *Store) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := store.Check(writes...); err != nil {
		return nil, err
	}
	kept := make([]bool, len(writes))
	for i := range writes {
		if changes := writes[i].Changes; len(changes) == 1 {
			kept[i] = s.commitOne(&changes[0])
		} else {
			kept[i] = s.commitAll(changes)
		}
	}
	return kept, nil
}

func (s *Store) commitOne(c *store.Change) bool {
	sh := &s.shards[s.shardOf(c.Wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	w := sh.wallets[c.Wallet]
	if !s.follows(sh, w, c) {
		return false
	}
	s.keep(sh, w, c)
	return true
}

func (s *Store) commitAll(changes []store.Change) bool {
	in := make([]int, len(changes))
	for i := range changes {
		in[i] = s.shardOf(changes[i].Wallet)
	}
	locks := slices.Compact(slices.Sorted(slices.Values(in)))
	for _, n := range locks {
		s.shards[n].mu.Lock()
		defer s.shards[n].mu.Unlock()
	}
	for i := range changes {
		sh := &s.shards[in[i]]
		if !s.follows(sh, sh.wallets[changes[i].Wallet], &changes[i]) {
			return false
		}
	}
	for i := range changes {
		sh := &s.shards[in[i]]
		s.keep(sh, sh.wallets[changes[i].Wallet], &changes[i])
	}
	return true
}

// follows reports whether c may become of w, which is nil if there is no such wallet.
func (s *Store) follows(sh *shard, w *wallet, c *store.Change) bool {
	if w == nil {
		return c.Prev == 0
	}
	if w.seq != c.Prev || w.mark != c.PrevMark {
		return false
	}
	for i := range c.Receipts {
		key := c.Receipts[i].Key
		if sh.receipt(w, key, s.hash(w, key)) != nil {
			return false
		}
	}
	return true
}

// keep makes c of w, which it follows.
func (s *Store) keep(sh *shard, w *wallet, c *store.Change) {
	if w == nil {
		w = sh.create(c.Wallet)
	}
	for i := range c.Parts {
		w.setPart(c.Parts[i].ID, c.Parts[i].Body)
	}
	for i := range c.Entries {
		sh.append(w, &c.Entries[i])
	}
	for _, seq := range c.Erase {
		if seq <= w.base() {
			continue
		}
		e := &w.entries[seq-1-w.base()]
		clear(sh.arena.bytes(e.note)) // what is erased shall not stay in memory either
		e.note = span{}
	}
	for i := range c.Receipts {
		r := &c.Receipts[i]
		sh.addReceipt(w, c.Seq, r.Key, r.Body, s.hash(w, r.Key))
	}
	if len(c.Erase) > 0 {
		w.erased, w.digests = c.Seq, nil
	}
	w.seq, w.mark, w.due = c.Seq, c.Mark, c.Due
	w.block.note(w)
}

// Entries implements [store.Store]. It reads page by page; entries that are
// kept after the first page are not yielded.
func (s *Store) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	q.Kinds = slices.Clone(q.Kinds)
	return func(yield func(store.Entry, error) bool) {
		sh := &s.shards[s.shardOf(q.Wallet)]
		var sc scan
		for started := false; !started || sc.more(); started = true {
			if err := ctx.Err(); err != nil {
				yield(store.Entry{}, err)
				return
			}
			page, err := sh.entries(&q, &sc, started)
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
		}
	}
}

// Heads implements [store.Store]. It passes over groups of wallets none of
// which is due or pending, and reads the others a few at a time.
func (s *Store) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(store.Head{}, err)
			return
		}
		m := s.newMerge(f)
		for n := 0; f.Limit <= 0 || n < f.Limit; n++ {
			head, ok := m.next()
			if !ok {
				return
			}
			if err := ctx.Err(); err != nil {
				yield(store.Head{}, err)
				return
			}
			if !yield(head, nil) {
				return
			}
		}
	}
}

// Ack implements [store.Store].
func (s *Store) Ack(ctx context.Context, wallet string, seq uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sh := &s.shards[s.shardOf(wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if w := sh.wallets[wallet]; w != nil {
		w.fed = max(w.fed, min(seq, w.seq))
	}
	return nil
}

// shardOf returns the number of a wallet's shard.
func (s *Store) shardOf(wallet string) int {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	return int(maphash.String(s.seed, wallet) % shards)
}

// hash returns what a wallet's key is found by within its shard.
func (s *Store) hash(w *wallet, key string) uint64 {
	return maphash.String(s.seed, key) + uint64(w.number)*0x9e3779b97f4a7c15
}
