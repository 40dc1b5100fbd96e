package memory

import (
	"slices"

	"example.com/credits/store"
)

// scan is the way of a query through a wallet's history: the places from lo up
// to hi are left. A place is an index into seqs for a query that has Of, else a Seq less one.
type scan struct {
	q      store.Query
	seqs   []uint64 // only ever appended to, so what was seen of it under the lock stays
	lo, hi uint64
	seen   uint64 // entries up to it were passed, where the order is not descending
	left   int    // how many entries may follow; negative for any number
}

// What one page may cost while the shard's lock is held.
const (
	pageEntries  = 64
	pageVisits   = 1024
	pageCapacity = 1 << 18 // bytes, gone beyond by one entry at most
)

func newScan(w *wallet, q store.Query) scan {
	sc := scan{q: q, hi: w.seq, seen: q.After, left: q.Limit}
	if q.Limit <= 0 {
		sc.left = -1
	}
	through := w.seq
	if q.Through != 0 {
		through = min(through, q.Through)
	}
	switch {
	case q.After >= through:
		sc.hi = 0
	case q.Of != 0:
		seqs := w.about[q.Of]
		lo, _ := slices.BinarySearch(seqs, q.After+1)
		hi, _ := slices.BinarySearch(seqs, through+1)
		sc.seqs, sc.hi = seqs[lo:hi], uint64(hi-lo)
	default:
		sc.lo, sc.hi = max(q.After, min(w.base(), through)), through
	}
	return sc
}

// more reports whether there may be entries left.
func (sc *scan) more() bool { return sc.lo < sc.hi && sc.left != 0 }

// step returns the Seq of the next place.
func (sc *scan) step() uint64 {
	at := sc.lo
	if sc.q.Newest {
		sc.hi--
		at = sc.hi
	} else {
		sc.lo++
	}
	seq := at + 1
	if sc.seqs != nil {
		seq = sc.seqs[at]
	}
	sc.seen = seq
	return seq
}

// entries returns the next page of a query, and [store.ErrPruned] if pruned
// entries come next in its place or after it.
func (sh *shard) entries(q *store.Query, sc *scan, started bool) ([]store.Entry, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	w := sh.wallets[q.Wallet]
	if w == nil {
		return nil, nil
	}
	if !started {
		*sc = newScan(w, *q)
	}
	left := *q
	if !q.Newest {
		left.After = sc.seen
	}
	hidden := w.pruned().Hides(left)
	if hidden && !q.Newest {
		return nil, store.ErrPruned
	}
	page := sc.page(sh, w)
	if hidden && sc.left != 0 && !sc.more() {
		return page, store.ErrPruned
	}
	return page, nil
}

// page returns the next entries, if any, with their bodies in memory of their
// own. That there are none does not say that no more follow.
func (sc *scan) page(sh *shard, w *wallet) []store.Entry {
	var found [pageEntries]uint64
	n, size, base := 0, 0, w.base()
	feature := uint32(0)
	if sc.q.Feature != "" {
		if feature = sh.byName[sc.q.Feature]; feature == 0 {
			sc.hi = sc.lo
		}
	}
	for visits := 0; sc.more() && visits < pageVisits && n < len(found) && size < pageCapacity; visits++ {
		seq := sc.step()
		if seq <= base {
			continue
		}
		e := &w.entries[seq-1-base]
		if !sc.selects(e, feature) {
			continue
		}
		found[n] = seq
		n++
		size += int(e.body.size + e.note.size)
		if sc.left > 0 {
			sc.left--
		}
	}
	buf := make([]byte, 0, size)
	cut := func(s span) []byte {
		if s.size == 0 {
			return nil
		}
		from := len(buf)
		buf = append(buf, sh.arena.bytes(s)...)
		return buf[from:len(buf):len(buf)]
	}
	page := make([]store.Entry, n)
	for i, seq := range found[:n] {
		e := &w.entries[seq-1-base]
		page[i] = store.Entry{Seq: seq, At: e.at, Kind: e.kind, Of: e.of, Body: cut(e.body), Note: cut(e.note)}
		if e.feature != 0 {
			page[i].Feature = sh.features[e.feature-1]
		}
	}
	return page
}

// selects reports whether the query wants e, whose Seq and Of it wants.
func (sc *scan) selects(e *entry, feature uint32) bool {
	q := &sc.q
	switch {
	case e.at < q.From, q.To != 0 && e.at >= q.To:
		return false
	case feature != 0 && e.feature != feature:
		return false
	case len(q.Kinds) > 0 && !slices.Contains(q.Kinds, e.kind):
		return false
	}
	return true
}
