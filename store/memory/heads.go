package memory

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"example.com/credits/store"
)

// block is neighbours by name. It says of them what lets a search pass it over;
// it may say less than is so, never more.
type block struct {
	wallets []*wallet // in order of name
	due     int64     // none is due earlier
	pending bool      // if not set, none is pending
}

const blockLimit = 64

// note takes in what became of w.
func (b *block) note(w *wallet) {
	if w.due != 0 && w.due < b.due {
		b.due = w.due
	}
	b.pending = true // a change has at least one entry, which the feed cannot have had
}

// place puts a new wallet where it belongs by name.
func (sh *shard) place(w *wallet) {
	if len(sh.blocks) == 0 {
		sh.blocks = []*block{{due: math.MaxInt64}}
	}
	i := min(sh.blockAfter(w.name), len(sh.blocks)-1)
	b := sh.blocks[i]
	b.wallets = slices.Insert(b.wallets, b.after(w.name), w)
	w.block = b
	if len(b.wallets) <= blockLimit {
		return
	}
	half := len(b.wallets) / 2
	upper := &block{wallets: slices.Clone(b.wallets[half:]), due: b.due, pending: b.pending}
	clear(b.wallets[half:])
	b.wallets = b.wallets[:half]
	for _, u := range upper.wallets {
		u.block = upper
	}
	sh.blocks = slices.Insert(sh.blocks, i+1, upper)
}

// blockAfter returns the index of the first block with a name greater than name.
func (sh *shard) blockAfter(name string) int {
	return sort.Search(len(sh.blocks), func(i int) bool {
		ws := sh.blocks[i].wallets
		return len(ws) > 0 && ws[len(ws)-1].name > name
	})
}

// after returns the index of the first wallet with a name greater than name.
func (b *block) after(name string) int {
	return sort.Search(len(b.wallets), func(i int) bool { return b.wallets[i].name > name })
}

// heads appends to dst, up to its capacity, the next heads that f selects with
// names greater than after.
func (sh *shard) heads(f *store.Filter, after string, dst []store.Head) []store.Head {
	for _, b := range sh.blocks[sh.blockAfter(after):] {
		if f.Due != 0 && b.due > f.Due || f.Pending && !b.pending {
			continue
		}
		first := b.after(after)
		due, pending := int64(math.MaxInt64), false
		for _, w := range b.wallets[first:] {
			if len(dst) == cap(dst) {
				return dst
			}
			if w.due != 0 {
				due = min(due, w.due)
			}
			pending = pending || w.fed < w.seq
			if f.Due != 0 && (w.due == 0 || w.due > f.Due) || f.Pending && w.fed == w.seq {
				continue
			}
			dst = append(dst, store.Head{Wallet: w.name, Seq: w.seq, Fed: w.fed, Due: w.due})
		}
		if first == 0 {
			b.due, b.pending = due, pending
		}
	}
	return dst
}

// merge yields the heads of all shards in order of name. Its runs are a heap by
// the name of their first head.
type merge struct {
	f    store.Filter
	runs []run
}

// run is the next heads of one shard.
type run struct {
	sh    *shard
	heads []store.Head // never empty
	buf   []store.Head
}

const runLimit = 16

func (s *Store) newMerge(f store.Filter) *merge {
	size := runLimit
	if f.Limit > 0 {
		size = min(size, f.Limit)
	}
	m := &merge{f: f}
	slab := make([]store.Head, shards*size)
	for i := range s.shards {
		r := run{sh: &s.shards[i], buf: slab[i*size : i*size : (i+1)*size]}
		if r.fill(&f, f.After) {
			m.runs = append(m.runs, r)
		}
	}
	slices.SortFunc(m.runs, func(a, b run) int { return cmp.Compare(a.heads[0].Wallet, b.heads[0].Wallet) })
	return m
}

// fill reads the heads after a name, and reports whether there are any.
func (r *run) fill(f *store.Filter, after string) bool {
	r.sh.mu.Lock()
	defer r.sh.mu.Unlock()
	r.heads = r.sh.heads(f, after, r.buf[:0])
	return len(r.heads) > 0
}

func (m *merge) next() (store.Head, bool) {
	if len(m.runs) == 0 {
		return store.Head{}, false
	}
	r := &m.runs[0]
	head := r.heads[0]
	r.heads = r.heads[1:]
	if len(r.heads) == 0 && !r.fill(&m.f, head.Wallet) {
		last := len(m.runs) - 1
		m.runs[0] = m.runs[last]
		m.runs = m.runs[:last]
	}
	m.sink()
	return head, true
}

// sink restores the order of the heap after its first run changed.
func (m *merge) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.runs); child++ {
			if m.runs[child].heads[0].Wallet < m.runs[least].heads[0].Wallet {
				least = child
			}
		}
		if least == i {
			return
		}
		m.runs[i], m.runs[least] = m.runs[least], m.runs[i]
		i = least
	}
}
