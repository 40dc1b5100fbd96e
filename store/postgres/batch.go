package postgres

import (
	"math"

	"example.com/credits/store"
)

// How much goes into one statement; what is more is committed by several.
const (
	batchChanges = 10_000
	batchBytes   = 64 << 20
)

// A batch is changes in the form of a statement's parameters: a column of each
// table is an array, and all bodies are one parameter that the columns of cuts refer to.
type batch struct {
	shape  shape
	bodies []byte
	names  []string // of the wallets, in the order they were added

	wallets struct {
		ids, prevs, wases, seqs, marks, dues list
		earlies, lates                       list
		heads                                cuts
	}
	receipts struct {
		wallets, keys, seqs list
		cuts
	}
	parts struct {
		wallets, ids list
		cuts
	}
	notes struct {
		wallets, seqs list
		cuts
	}
	entries struct {
		wallets, seqs, ats, kinds, ofs, features list
		cuts
	}
}

// newBatch returns a batch of changes, which are in order of wallet.
func newBatch(changes []*store.Change) *batch {
	size := 0
	for _, c := range changes {
		size += bytes(c)
	}
	b := &batch{bodies: make([]byte, 0, size)}
	for _, c := range changes {
		b.add(c)
	}
	return b
}

// add adds a change. Wallets have to be added in order of name.
func (b *batch) add(c *store.Change) {
	b.names = append(b.names, c.Wallet)
	b.wallets.ids.addText(c.Wallet)
	b.wallets.prevs.addInt(int64(c.Prev))
	b.wallets.wases.addInt(int64(c.PrevMark))
	b.wallets.marks.addInt(int64(c.Mark))
	b.wallets.seqs.addInt(int64(c.Seq))
	b.wallets.dues.addInt(c.Due)
	early, late := times(c.Entries)
	b.wallets.earlies.addInt(early)
	b.wallets.lates.addInt(late)
	if head, ok := headOf(c.Parts); ok {
		b.bodies = b.wallets.heads.add(b.bodies, head)
	} else {
		b.wallets.heads.from.addInt(1)
		b.wallets.heads.size.addInt(-1)
	}
	for i := range c.Receipts {
		b.shape |= withReceipts
		b.receipts.wallets.addText(c.Wallet)
		b.receipts.keys.addText(c.Receipts[i].Key)
		b.receipts.seqs.addInt(int64(c.Seq))
		b.bodies = b.receipts.add(b.bodies, c.Receipts[i].Body)
	}
	for i := range c.Parts {
		if c.Parts[i].ID == 0 { // it is in the wallet's row
			continue
		}
		b.shape |= withParts
		b.parts.wallets.addText(c.Wallet)
		b.parts.ids.addInt(int64(c.Parts[i].ID))
		b.bodies = b.parts.add(b.bodies, c.Parts[i].Body)
	}
	for i := range c.Entries {
		b.addEntry(c.Wallet, &c.Entries[i])
	}
	b.erase(c)
}

func (b *batch) addEntry(wallet string, e *store.Entry) {
	b.entries.wallets.addText(wallet)
	b.entries.seqs.addInt(int64(e.Seq))
	b.entries.ats.addInt(e.At)
	b.entries.kinds.addInt(int64(e.Kind))
	b.entries.ofs.addInt(int64(e.Of))
	b.entries.features.addText(e.Feature)
	b.bodies = b.entries.add(b.bodies, e.Body)
	if len(e.Note) > 0 {
		b.addNote(wallet, e.Seq, e.Note)
	}
}

// erase empties the notes of earlier entries: each once, as one statement
// changes no row twice.
func (b *batch) erase(c *store.Change) {
	if len(c.Erase) == 0 {
		return
	}
	seen := make(map[uint64]bool, len(c.Erase))
	for _, seq := range c.Erase {
		if !seen[seq] {
			seen[seq] = true
			b.addNote(c.Wallet, seq, nil)
		}
	}
}

func (b *batch) addNote(wallet string, seq uint64, note []byte) {
	b.shape |= withNotes
	b.notes.wallets.addText(wallet)
	b.notes.seqs.addInt(int64(seq))
	b.bodies = b.notes.add(b.bodies, note)
}

// args returns the parameters of batchText.
func (b *batch) args() []any {
	w, k, p, n, e := &b.wallets, &b.receipts, &b.parts, &b.notes, &b.entries
	args := make([]any, 0, 32)
	args = append(args, nonNil(b.bodies))
	args = appendLists(args, w.ids, w.prevs, w.wases, w.seqs, w.marks, w.dues, w.earlies, w.lates, w.heads.from, w.heads.size)
	if b.shape&withReceipts != 0 {
		args = appendLists(args, k.wallets, k.keys, k.seqs, k.from, k.size)
	}
	if b.shape&withParts != 0 {
		args = appendLists(args, p.wallets, p.ids, p.from, p.size)
	}
	if b.shape&withNotes != 0 {
		args = appendLists(args, n.wallets, n.seqs, n.from, n.size)
	}
	return appendLists(args, e.wallets, e.seqs, e.ats, e.kinds, e.ofs, e.features, e.from, e.size)
}

// isPlain reports whether plainText commits a change.
func isPlain(c *store.Change) bool {
	if c.Prev == 0 || len(c.Entries) != 1 || len(c.Receipts) > 1 || len(c.Erase) > 0 {
		return false
	}
	return len(c.Parts) == 0 || len(c.Parts) == 1 && c.Parts[0].ID == 0
}

// plain returns the shape and the parameters of plainText.
func plain(c *store.Change) (s shape, args []any) {
	e := &c.Entries[0]
	args = append(moved(c, 14), int64(e.Kind), int64(e.Of), e.Feature, nonNil(e.Body))
	if len(c.Receipts) > 0 {
		s |= withReceipts
		args = append(args, c.Receipts[0].Key, nonNil(c.Receipts[0].Body))
	}
	if len(e.Note) > 0 {
		s |= withNotes
		args = append(args, e.Note)
	}
	return s, args
}

// moved returns the parameters of movedText, with room for others.
func moved(c *store.Change, others int) []any {
	var head any // the wallet's stays
	if body, ok := headOf(c.Parts); ok {
		head = nonNil(body)
	}
	early, late := times(c.Entries)
	return append(make([]any, 0, 9+others), c.Wallet, int64(c.Prev), int64(c.Seq), c.Due, head, early, late, int64(c.PrevMark), int64(c.Mark))
}

// single returns the shape and the parameters of singleText for c, of which
// alone b was made.
func (b *batch) single(c *store.Change) (shape, []any) {
	s := b.shape
	if c.Prev == 0 {
		s |= created
	}
	k, p, n, e := &b.receipts, &b.parts, &b.notes, &b.entries
	args := append(moved(c, 17), nonNil(b.bodies))
	if s&withReceipts != 0 {
		args = appendLists(args, k.keys, k.from, k.size)
	}
	if s&withParts != 0 {
		args = appendLists(args, p.ids, p.from, p.size)
	}
	if s&withNotes != 0 {
		args = appendLists(args, n.seqs, n.from, n.size)
	}
	return s, appendLists(args, e.seqs, e.ats, e.kinds, e.ofs, e.features, e.from, e.size)
}

func appendLists(args []any, lists ...list) []any {
	for _, l := range lists {
		args = append(args, l.String())
	}
	return args
}

// nonNil returns body as a parameter that is not NULL.
func nonNil(body []byte) []byte {
	if body == nil {
		return []byte{}
	}
	return body
}

// headOf returns the body of part 0, if it is among parts.
func headOf(parts []store.Part) ([]byte, bool) {
	for i := range parts {
		if parts[i].ID == 0 {
			return parts[i].Body, true
		}
	}
	return nil, false
}

// times returns the earliest and the latest time of entries. If one is before that
// of an earlier one, the earliest is before any time that there is.
func times(entries []store.Entry) (early, late int64) {
	early = math.MaxInt64
	for i := range entries {
		at := entries[i].At
		if at < late {
			early = beforeAll
		}
		early, late = min(early, at), max(late, at)
	}
	return early, late
}

const beforeAll = -1

// bytes returns how many a change has in bodies.
func bytes(c *store.Change) int {
	n := 0
	for i := range c.Parts {
		n += len(c.Parts[i].Body)
	}
	for i := range c.Entries {
		n += len(c.Entries[i].Body) + len(c.Entries[i].Note)
	}
	for i := range c.Receipts {
		n += len(c.Receipts[i].Body)
	}
	return n
}
