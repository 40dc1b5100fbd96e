package memory

import (
	"context"
	"fmt"
	"math"
	"slices"

	"example.com/credits/store"
)

var _ store.Pruner = (*Store)(nil)

// Checkpoint implements [store.Pruner].
func (s *Store) Checkpoint(ctx context.Context, wallet string) (store.Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return store.Checkpoint{}, err
	}
	sh := &s.shards[s.shardOf(wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	c := sh.wallets[wallet].pruned()
	c.Body = slices.Clone(c.Body)
	return c, nil
}

// Prune implements [store.Pruner]. What the bodies of entries took is not given
// back until the process ends, nor is what receipts took.
func (s *Store) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckCheckpoint(wallet, c); err != nil {
		return err
	}
	sh := &s.shards[s.shardOf(wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	h, w := store.Head{Wallet: wallet}, sh.wallets[wallet]
	if w != nil {
		h.Seq, h.Fed = w.seq, w.fed
	}
	has := w.pruned()
	if err := store.CheckPrune(h, has, c); err != nil || has.Seq == c.Seq {
		return err
	}
	c.Body = slices.Clone(c.Body)
	sh.prune(w, c)
	return nil
}

// prune gives w a checkpoint, and removes what it stands for.
func (sh *shard) prune(w *wallet, c store.Checkpoint) {
	w.entries = slices.Clone(w.entries[c.Seq-w.base():])
	for of, seqs := range w.about {
		n, _ := slices.BinarySearch(seqs, c.Seq+1)
		if n == len(seqs) {
			delete(w.about, of)
		} else {
			w.about[of] = slices.Clone(seqs[n:])
		}
	}
	for i := range sh.receipts {
		if r := &sh.receipts[i]; r.wallet == w.number && r.seq <= c.Seq {
			r.wallet = nobody
		}
	}
	w.digests.prune(c.Seq)
	w.checkpoint = &c
}

// nobody is the number of no wallet. It is that of receipts that were removed.
const nobody = math.MaxUint32

// prune removes digests of entries up to seq: those that end there or before,
// and those after them, whose entries may begin before it.
func (ds digests) prune(seq uint64) {
	for name, all := range ds {
		first, _ := findDigest(all, seq)
		ds[name] = slices.Clone(all[min(first+1, len(all)):])
	}
}

// Restore implements [store.Pruner].
func (s *Store) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := store.CheckRestore(wallet, c, due, parts); err != nil {
		return err
	}
	sh := &s.shards[s.shardOf(wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.wallets[wallet] != nil {
		return fmt.Errorf("%w: wallet %q exists", store.ErrAborted, wallet)
	}
	w := sh.create(wallet)
	for i := range parts {
		w.setPart(parts[i].ID, parts[i].Body)
	}
	c.Body = slices.Clone(c.Body)
	w.seq, w.fed, w.due, w.checkpoint = c.Seq, c.Seq, due, &c
	w.block.note(w)
	return nil
}

// pruned returns w's checkpoint, and the zero one if it has none or is nil. Its body is the wallet's own.
func (w *wallet) pruned() store.Checkpoint {
	if w == nil || w.checkpoint == nil {
		return store.Checkpoint{}
	}
	return *w.checkpoint
}

// base returns the Seq of the last entry that was pruned; 0 if none was.
func (w *wallet) base() uint64 {
	if w.checkpoint == nil {
		return 0
	}
	return w.checkpoint.Seq
}
