package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"example.com/credits/store"
)

var errRefused = errors.New("refused")

// query returns what Entries yields: entries, and an error last, before which
// there are none unless the newest come first.
func (m *model) query(q store.Query) ([]store.Entry, error) {
	all := m.entries(q)
	switch {
	case !m.pruned(q):
		return all, nil
	case !q.Newest:
		return nil, store.ErrPruned
	case q.Limit > 0 && len(all) == q.Limit:
		return all, nil
	}
	return all, store.ErrPruned
}

// pruned reports whether a query selects pruned entries.
func (m *model) pruned(q store.Query) bool {
	c := m.checkpoint(q.Wallet)
	last := c.Seq
	if q.Through != 0 && q.Through < last {
		last = q.Through
	}
	return q.After < last && q.From <= c.At
}

func (m *model) checkpoint(wallet string) store.Checkpoint {
	if r := m.wallets[wallet]; r != nil {
		return cloneCheckpoint(r.checkpoint)
	}
	return store.Checkpoint{}
}

// prune takes no malformed checkpoints.
func (m *model) prune(wallet string, c store.Checkpoint) error {
	r := m.wallets[wallet]
	switch {
	case r == nil || c.Seq > r.seq || c.Seq > r.fed || c.Seq < r.checkpoint.Seq:
		return errRefused
	case c.Seq == r.checkpoint.Seq:
		if c.At != r.checkpoint.At || !bytes.Equal(c.Body, r.checkpoint.Body) {
			return errRefused
		}
		return nil
	}
	r.checkpoint = cloneCheckpoint(c)
	r.entries = slices.DeleteFunc(r.entries, func(e store.Entry) bool { return e.Seq <= c.Seq })
	for key, seq := range r.keptAt {
		if seq <= c.Seq {
			delete(r.receipts, key)
			delete(r.keptAt, key)
		}
	}
	for _, of := range r.digests {
		begin := uint64(0) // what the digest before it goes through
		for _, through := range slices.Sorted(maps.Keys(of)) {
			if begin < c.Seq {
				delete(of, through)
			}
			begin = through
		}
	}
	return nil
}

// restore takes nothing malformed.
func (m *model) restore(wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	if m.wallets[wallet] != nil {
		return fmt.Errorf("%w: it exists", store.ErrAborted)
	}
	r := m.create(wallet)
	r.seq, r.fed, r.due, r.checkpoint = c.Seq, c.Seq, due, cloneCheckpoint(c)
	r.setParts(parts)
	return nil
}

func (m *model) digests(wallet, name string, after, through uint64) []store.Digest {
	r := m.wallets[wallet]
	if r == nil {
		return nil
	}
	var found []store.Digest
	for _, t := range slices.Sorted(maps.Keys(r.digests[name])) {
		if t > after && t <= through {
			found = append(found, store.Digest{Through: t, Body: bytes.Clone(r.digests[name][t])})
		}
	}
	return found
}

// keepDigests takes nothing malformed.
func (m *model) keepDigests(wallet, name string, seq uint64, digests []store.Digest) {
	r := m.wallets[wallet]
	if r == nil || r.erased > seq {
		return
	}
	if r.digests == nil {
		r.digests = make(map[string]map[uint64][]byte)
	}
	if r.digests[name] == nil {
		r.digests[name] = make(map[uint64][]byte)
	}
	for _, d := range digests {
		if d.Through > r.checkpoint.Seq {
			r.digests[name][d.Through] = bytes.Clone(d.Body)
		}
	}
}

func cloneCheckpoint(c store.Checkpoint) store.Checkpoint {
	c.Body = bytes.Clone(c.Body)
	return c
}
