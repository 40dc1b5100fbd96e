package storetest

import (
	"bytes"
	"maps"
	"slices"

	"example.com/credits/store"
)

// model is what a store should hold, in the plainest form there is. It is not
// safe for concurrent use and takes no malformed writes.
type model struct {
	wallets map[string]*record
}

type record struct {
	seq, fed uint64
	mark     uint64
	due      int64
	parts    map[uint64][]byte
	entries  []store.Entry
	receipts map[string][]byte
	keptAt   map[string]uint64 // the Seq that the wallet got with a receipt

	checkpoint store.Checkpoint
	digests    map[string]map[uint64][]byte // by name and Through
	erased     uint64                       // the Seq of the last change that erased notes
}

func newModel() *model { return &model{wallets: make(map[string]*record)} }

func (m *model) commit(writes ...store.Write) []bool {
	kept := make([]bool, len(writes))
	for i, w := range writes {
		kept[i] = true
		for _, c := range w.Changes {
			kept[i] = kept[i] && m.follows(c)
		}
		if kept[i] {
			for _, c := range w.Changes {
				m.keep(c)
			}
		}
	}
	return kept
}

func (m *model) follows(c store.Change) bool {
	r := m.wallets[c.Wallet]
	if r == nil {
		return c.Prev == 0
	}
	return r.seq == c.Prev && r.mark == c.PrevMark && !slices.ContainsFunc(c.Receipts, func(rc store.Receipt) bool {
		_, ok := r.receipts[rc.Key]
		return ok
	})
}

func (m *model) keep(c store.Change) {
	r := m.wallets[c.Wallet]
	if r == nil {
		r = m.create(c.Wallet)
	}
	r.seq, r.mark, r.due = c.Seq, c.Mark, c.Due
	r.setParts(c.Parts)
	for _, e := range c.Entries {
		r.entries = append(r.entries, cloneEntry(e))
	}
	for _, seq := range c.Erase {
		if i := slices.IndexFunc(r.entries, func(e store.Entry) bool { return e.Seq == seq }); i >= 0 {
			r.entries[i].Note = nil
		}
	}
	if len(c.Erase) > 0 {
		r.erased, r.digests = c.Seq, nil
	}
	for _, rc := range c.Receipts {
		r.receipts[rc.Key], r.keptAt[rc.Key] = bytes.Clone(rc.Body), c.Seq
	}
}

func (m *model) create(wallet string) *record {
	r := &record{parts: make(map[uint64][]byte), receipts: make(map[string][]byte), keptAt: make(map[string]uint64)}
	m.wallets[wallet] = r
	return r
}

func (r *record) setParts(parts []store.Part) {
	for _, p := range parts {
		if len(p.Body) == 0 {
			delete(r.parts, p.ID)
		} else {
			r.parts[p.ID] = bytes.Clone(p.Body)
		}
	}
}

// load returns what a read finds. It leaves no part out for who has them.
func (m *model) load(read store.Read) store.State {
	r := m.wallets[read.Wallet]
	if r == nil {
		return store.State{}
	}
	st := store.State{Seq: r.seq, Mark: r.mark}
	for _, id := range slices.Sorted(maps.Keys(r.parts)) {
		if read.Below != 0 && id >= read.Below {
			break
		}
		st.Parts = append(st.Parts, store.Part{ID: id, Body: bytes.Clone(r.parts[id])})
	}
	for _, key := range read.Keys {
		if body, ok := r.receipts[key]; ok {
			st.Receipts = append(st.Receipts, store.Receipt{Key: key, Body: bytes.Clone(body)})
		}
	}
	return st
}

// entries returns those that a query selects and that were not pruned.
func (m *model) entries(q store.Query) []store.Entry {
	r := m.wallets[q.Wallet]
	if r == nil {
		return nil
	}
	var found []store.Entry
	for _, e := range r.entries {
		if selects(q, e) {
			found = append(found, cloneEntry(e))
		}
	}
	if q.Newest {
		slices.Reverse(found)
	}
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found
}

// selects reports whether q wants e, order and limit aside.
func selects(q store.Query, e store.Entry) bool {
	return e.Seq > q.After &&
		(q.Through == 0 || e.Seq <= q.Through) &&
		e.At >= q.From &&
		(q.To == 0 || e.At < q.To) &&
		(q.Of == 0 || e.Of == q.Of) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		(q.Feature == "" || e.Feature == q.Feature)
}

func (m *model) heads(f store.Filter) []store.Head {
	var found []store.Head
	for _, name := range slices.Sorted(maps.Keys(m.wallets)) {
		r := m.wallets[name]
		if name > f.After &&
			(f.Due == 0 || r.due != 0 && r.due <= f.Due) &&
			(!f.Pending || r.fed < r.seq) &&
			(f.Limit <= 0 || len(found) < f.Limit) {
			found = append(found, store.Head{Wallet: name, Seq: r.seq, Fed: r.fed, Due: r.due})
		}
	}
	return found
}

func (m *model) ack(wallet string, seq uint64) {
	if r := m.wallets[wallet]; r != nil {
		r.fed = max(r.fed, min(seq, r.seq))
	}
}

// keys returns the keys of a wallet's receipts.
func (m *model) keys(wallet string) []string {
	if r := m.wallets[wallet]; r != nil {
		return slices.Sorted(maps.Keys(r.receipts))
	}
	return nil
}

// seq returns where a wallet stands.
func (m *model) mark(wallet string) uint64 {
	if r := m.wallets[wallet]; r != nil {
		return r.mark
	}
	return 0
}

func (m *model) seq(wallet string) uint64 {
	if r := m.wallets[wallet]; r != nil {
		return r.seq
	}
	return 0
}

func cloneEntry(e store.Entry) store.Entry {
	e.Body, e.Note = bytes.Clone(e.Body), bytes.Clone(e.Note)
	return e
}
