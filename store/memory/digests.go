package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"example.com/credits/store"
)

var _ store.Digester = (*Store)(nil)

// digests are what is kept of a wallet under each name, in order of Through.
// They are dropped whole, so they are not in the arena.
type digests map[string][]store.Digest

// Digests implements [store.Digester]. It reads page by page; of digests that
// are removed meanwhile, those not reached yet are not yielded.
func (s *Store) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	return func(yield func(store.Digest, error) bool) {
		for after := after; ; {
			if err := ctx.Err(); err != nil {
				yield(store.Digest{}, err)
				return
			}
			page := s.digestPage(wallet, name, after, through)
			for _, d := range page {
				if !yield(d, nil) {
					return
				}
				after = d.Through
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// digestPage returns the next digests, if any, with their bodies in memory of their own.
func (s *Store) digestPage(wallet, name string, after, through uint64) []store.Digest {
	sh := &s.shards[s.shardOf(wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	w := sh.wallets[wallet]
	if w == nil || after >= through {
		return nil
	}
	all := w.digests[name]
	first, there := findDigest(all, after)
	if there {
		first++
	}
	var page []store.Digest
	for size := 0; first < len(all) && all[first].Through <= through && len(page) < pageEntries && size < pageCapacity; first++ {
		size += len(all[first].Body)
		page = append(page, store.Digest{Through: all[first].Through, Body: slices.Clone(all[first].Body)})
	}
	return page
}

// KeepDigests implements [store.Digester].
func (s *Store) KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...store.Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckDigests(wallet, name, seq, digests...); err != nil {
		return err
	}
	sh := &s.shards[s.shardOf(wallet)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	w := sh.wallets[wallet]
	if w == nil || w.erased > seq || len(digests) == 0 {
		return nil
	}
	w.keepDigests(strings.Clone(name), digests)
	return nil
}

func (w *wallet) keepDigests(name string, some []store.Digest) {
	if w.digests == nil {
		w.digests = make(digests)
	}
	all := w.digests[name]
	for _, d := range some {
		if d.Through <= w.base() {
			continue
		}
		d.Body = slices.Clone(d.Body)
		if i, there := findDigest(all, d.Through); there {
			all[i] = d
		} else {
			all = slices.Insert(all, i, d)
		}
	}
	w.digests[name] = all
}

// findDigest returns where in all the digest through a Seq is or belongs, and whether it is there.
func findDigest(all []store.Digest, through uint64) (int, bool) {
	return slices.BinarySearchFunc(all, through, func(d store.Digest, through uint64) int { return cmp.Compare(d.Through, through) })
}
