package memory

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"example.com/credits/store"
)

// shard is some of the wallets and all that is theirs, under one lock. What
// grows without end (entries, receipts, bodies) is kept without pointers, so
// that a large store costs the garbage collector little.
type shard struct {
	mu       sync.Mutex
	wallets  map[string]*wallet
	blocks   []*block
	arena    arena
	receipts []receipt
	byHash   index
	features []string
	byName   map[string]uint32 // the number of a feature, from 1
}

type wallet struct {
	name       string
	number     uint32 // within the shard
	seq        uint64
	mark       uint64
	fed        uint64
	due        int64
	parts      []store.Part        // in order of ID
	entries    []entry             // that with Seq n at n-1, less those that were pruned
	about      map[uint64][]uint64 // the Seqs of the entries about one, in order
	block      *block
	digests    digests
	erased     uint64            // the Seq of the last change that erased notes
	checkpoint *store.Checkpoint // nil if there is none
}

type entry struct {
	at      int64
	of      uint64
	body    span
	note    span
	feature uint32 // from 1; 0 for none
	kind    uint8
}

type receipt struct {
	key    span
	body   span
	seq    uint64 // of the last entry that was kept with it
	wallet uint32
}

func (sh *shard) create(name string) *wallet {
	if sh.wallets == nil {
		sh.wallets = make(map[string]*wallet)
	}
	w := &wallet{name: strings.Clone(name), number: uint32(len(sh.wallets))}
	sh.wallets[w.name] = w
	sh.place(w)
	return w
}

// setPart replaces, adds or removes a part.
func (w *wallet) setPart(id uint64, body []byte) {
	i, ok := w.findPart(id)
	switch {
	case ok && len(body) == 0:
		w.parts = slices.Delete(w.parts, i, i+1)
	case ok:
		w.parts[i].Body = append(w.parts[i].Body[:0], body...)
	case len(body) > 0:
		w.parts = slices.Insert(w.parts, i, store.Part{ID: id, Body: slices.Clone(body)})
	}
}

// findPart returns where in w.parts the part is or belongs, and whether it is there.
func (w *wallet) findPart(id uint64) (int, bool) {
	return slices.BinarySearchFunc(w.parts, id, func(p store.Part, id uint64) int { return cmp.Compare(p.ID, id) })
}

// below returns the parts with an ID below one, or all if it is 0. They are the wallet's own.
func (w *wallet) below(id uint64) []store.Part {
	if id == 0 {
		return w.parts
	}
	n, _ := w.findPart(id)
	return w.parts[:n]
}

// copyParts returns parts with their bodies in memory of their own.
func copyParts(parts []store.Part) []store.Part {
	if len(parts) == 0 {
		return nil
	}
	size := 0
	for i := range parts {
		size += len(parts[i].Body)
	}
	buf := make([]byte, 0, size)
	copied := make([]store.Part, len(parts))
	for i, p := range parts {
		n := len(buf)
		buf = append(buf, p.Body...)
		copied[i] = store.Part{ID: p.ID, Body: buf[n:len(buf):len(buf)]}
	}
	return copied
}

// append adds an entry to w's history.
func (sh *shard) append(w *wallet, e *store.Entry) {
	w.entries = append(w.entries, entry{
		at:      e.At,
		of:      e.Of,
		body:    sh.arena.add(e.Body),
		note:    sh.arena.add(e.Note),
		feature: sh.feature(e.Feature),
		kind:    e.Kind,
	})
	if e.Of != 0 {
		if w.about == nil {
			w.about = make(map[uint64][]uint64)
		}
		w.about[e.Of] = append(w.about[e.Of], e.Seq)
	}
}

// feature returns a feature's number, a new one if need be.
func (sh *shard) feature(name string) uint32 {
	if name == "" {
		return 0
	}
	n, ok := sh.byName[name]
	if !ok {
		if sh.byName == nil {
			sh.byName = make(map[string]uint32)
		}
		name = strings.Clone(name)
		sh.features = append(sh.features, name)
		n = uint32(len(sh.features))
		sh.byName[name] = n
	}
	return n
}

// receipt returns what is kept under a key of w, or nil.
func (sh *shard) receipt(w *wallet, key string, hash uint64) *receipt {
	for at := sh.byHash.start(hash); ; at++ {
		n := sh.byHash.next(hash, &at)
		if n == 0 {
			return nil
		}
		if r := &sh.receipts[n-1]; r.wallet == w.number && string(sh.arena.bytes(r.key)) == key {
			return r
		}
	}
}

func (sh *shard) addReceipt(w *wallet, seq uint64, key string, body []byte, hash uint64) {
	sh.receipts = append(sh.receipts, receipt{
		key:    sh.arena.addString(key),
		body:   sh.arena.add(body),
		seq:    seq,
		wallet: w.number,
	})
	sh.byHash.add(hash, uint32(len(sh.receipts)))
}

// arena keeps bytes that are never given back, in few large chunks.
type arena struct {
	chunks [][]byte
}

const (
	firstChunk = 1 << 10
	lastChunk  = 1 << 18
)

// span is where in an arena some bytes are. The zero span is none.
type span struct {
	chunk, offset, size uint32
}

func (a *arena) add(b []byte) span {
	if len(b) == 0 {
		return span{}
	}
	c := a.room(len(b))
	offset := len(*c)
	*c = append(*c, b...)
	return span{chunk: uint32(len(a.chunks) - 1), offset: uint32(offset), size: uint32(len(b))}
}

func (a *arena) addString(s string) span {
	c := a.room(len(s))
	offset := len(*c)
	*c = append(*c, s...)
	return span{chunk: uint32(len(a.chunks) - 1), offset: uint32(offset), size: uint32(len(s))}
}

// room returns the last chunk, after it saw to it that n more bytes fit.
func (a *arena) room(n int) *[]byte {
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < n {
		size := firstChunk
		if last >= 0 {
			size = min(2*cap(a.chunks[last]), lastChunk)
		}
		a.chunks = append(a.chunks, make([]byte, 0, max(size, n)))
		last++
	}
	return &a.chunks[last]
}

// bytes returns what is at s, in the arena's own memory.
func (a *arena) bytes(s span) []byte {
	if s.size == 0 {
		return nil
	}
	return a.chunks[s.chunk][s.offset : s.offset+s.size]
}
