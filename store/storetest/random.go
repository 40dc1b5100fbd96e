package storetest

import (
	"fmt"
	"math/rand/v2"

	"example.com/credits/store"
)

const (
	whyRandom    = "something in what a store does differs from what the ledger was told it does"
	whyIsolation = "one customer's calls change another customer's credits"
)

// randomCases make calls by chance, on the store and on the model, and compare.
func randomCases() []testcase {
	var list []testcase
	for run := range uint64(8) {
		list = append(list, testcase{fmt.Sprintf("random/calls %d", run+1), ruleWhole, whyRandom, func(k *kit) {
			g := generator{r: k.random(run), wallets: []string{"a", "A", "b", "\u00e9"}}
			for i := range 120 {
				g.step(k)
				if i%30 == 29 {
					k.same()
				}
			}
		}}, testcase{fmt.Sprintf("random/queries %d", run+1), ruleQuery, whyEntries, func(k *kit) {
			g := generator{r: k.random(100 + run), wallets: []string{"a"}}
			for range 25 {
				k.commit(one(g.change(k)))
			}
			for range 150 {
				k.sameEntries(g.query(k))
			}
		}}, testcase{fmt.Sprintf("random/filters %d", run+1), ruleFilter, whyHeads, func(k *kit) {
			g := generator{r: k.random(200 + run)}
			for i := range 80 {
				g.wallets = append(g.wallets, fmt.Sprintf("%c%d", "aAbz~"[i%5], i))
			}
			for range 100 {
				k.commit(one(g.change(k)))
				w := g.wallet()
				k.ack(w, g.number(k.m.seq(w)))
				k.sameHeads(g.filter())
			}
		}})
	}
	return list
}

// isolationCases see that calls on one wallet leave another alone.
func isolationCases() []testcase {
	var list []testcase
	for run := range uint64(6) {
		list = append(list, testcase{fmt.Sprintf("isolation/hostile calls %d", run+1), ruleFollows, whyIsolation, func(k *kit) {
			victim := []string{"a", "acme", "acme%", "'", " ", "caf\u00e9"}[run]
			k.keep(change(victim, 0, grow(5), part(2, "two"), keyed("k0", "k1"), due(epoch)))
			k.keep(change(victim, 6, erase(2), keyed("k2")))
			k.ack(victim, 3)
			before := *k.m.wallets[victim]
			g := generator{r: k.random(300 + run)}
			for _, near := range []string{victim + " ", victim + "%", "%", victim + "'", victim + "\n", victim + victim, "A", "ACME", "cafe\u0301"} {
				if near != victim {
					g.wallets = append(g.wallets, near)
				}
			}
			for i := range 150 {
				g.step(k)
				if i%50 == 49 {
					k.sameWallet(victim)
				}
			}
			k.same()
			if after := k.m.wallets[victim]; after.seq != before.seq || after.fed != before.fed {
				k.Errorf("the case is broken: it called on %q", victim)
			}
		}})
	}
	return list
}

// partIDs is how many parts a generator makes: their IDs are the cubes of the first numbers.
const partIDs = 5

// generator draws calls that are in order, near to what is there, and collide often.
type generator struct {
	r       *rand.Rand
	wallets []string
}

func (g *generator) wallet() string { return g.wallets[g.r.IntN(len(g.wallets))] }

// chance reports true once in n.
func (g *generator) chance(n int) bool { return g.r.IntN(n) == 0 }

// number draws one around 0 to n.
func (g *generator) number(n uint64) uint64 { return g.r.Uint64N(n + 3) }

func (g *generator) instant() int64 { return epoch + g.r.Int64N(40) }

func (g *generator) key() string { return fmt.Sprint("k", g.r.IntN(60)) }

// bytes draws a body, which may be empty.
func (g *generator) bytes() []byte {
	b := make([]byte, g.r.IntN(12))
	for i := range b {
		b[i] = byte(g.r.Uint32())
	}
	return b
}

// step makes one call.
func (g *generator) step(k *kit) {
	k.Helper()
	switch g.r.IntN(8) {
	case 0, 1, 2:
		k.commit(g.writes(k)...)
	case 3:
		w := g.wallet()
		k.ack(w, g.number(k.m.seq(w)))
	case 4:
		k.sameEntries(g.query(k))
	case 5:
		k.sameHeads(g.filter())
	default:
		reads := make([]store.Read, 1+g.r.IntN(3))
		for i := range reads {
			reads[i] = g.read(k)
		}
		k.sameReads(reads...)
	}
}

// read draws one around what the wallet is and has.
func (g *generator) read(k *kit) store.Read {
	read := store.Read{Wallet: g.wallet()}
	for i := range g.r.IntN(5) {
		read.Keys = append(read.Keys, fmt.Sprint("k", g.r.IntN(12)*5+i))
	}
	read.Have = g.number(k.m.seq(read.Wallet))
	if g.chance(2) {
		id := g.r.Uint64N(partIDs)
		read.Below = g.number(id * id * id)
	}
	return read
}

// writes draws a call to distinct wallets, some of one change and some of several.
func (g *generator) writes(k *kit) []store.Write {
	var writes []store.Write
	used := make(map[string]bool)
	for range 1 + g.r.IntN(3) {
		var w store.Write
		for range 1 + g.r.IntN(2) {
			if c := g.change(k); !used[c.Wallet] {
				used[c.Wallet] = true
				w.Changes = append(w.Changes, c)
			}
		}
		if len(w.Changes) > 0 {
			writes = append(writes, w)
		}
	}
	return writes
}

// change draws one that follows more often than not.
func (g *generator) change(k *kit) store.Change {
	w := g.wallet()
	prev := k.m.seq(w)
	if g.chance(5) {
		prev = g.number(prev)
	}
	c := store.Change{Wallet: w, Prev: prev, Seq: prev}
	grow(1 + g.r.IntN(4))(&c)
	for i := range c.Entries {
		e := &c.Entries[i]
		e.At, e.Kind, e.Of = g.instant(), uint8(1+g.r.IntN(4)), g.number(8)
		e.Feature = []string{"", "chat", "Chat", "%"}[g.r.IntN(4)]
		e.Body, e.Note = g.bytes(), g.bytes()
	}
	if !g.chance(3) {
		c.Due = g.instant()
	}
	for id := range uint64(partIDs) {
		if g.chance(3) {
			c.Parts = append(c.Parts, store.Part{ID: id * id * id, Body: g.bytes()})
		}
	}
	g.r.Shuffle(len(c.Parts), func(i, j int) { c.Parts[i], c.Parts[j] = c.Parts[j], c.Parts[i] })
	if key := g.key(); !g.chance(3) {
		c.Receipts = append(c.Receipts, store.Receipt{Key: key, Body: g.bytes()})
		c.Receipts = append(c.Receipts, store.Receipt{Key: key + "+", Body: g.bytes()})
	}
	for range g.r.IntN(3) {
		if prev > 0 {
			c.Erase = append(c.Erase, 1+g.r.Uint64N(prev))
		}
	}
	return c
}

// query draws one with about three fields set.
func (g *generator) query(k *kit) store.Query {
	q := store.Query{Wallet: g.wallet(), Newest: g.chance(2)}
	seq := k.m.seq(q.Wallet)
	if g.chance(3) {
		q.After = g.number(seq)
	}
	if g.chance(3) {
		q.Through = g.number(seq)
	}
	if g.chance(3) {
		q.From = g.instant()
	}
	if g.chance(3) {
		q.To = g.instant()
	}
	if g.chance(3) {
		q.Of = g.number(8)
	}
	if g.chance(3) {
		q.Feature = []string{"chat", "Chat", "%", "none"}[g.r.IntN(4)]
	}
	if g.chance(3) {
		for range 1 + g.r.IntN(3) {
			q.Kinds = append(q.Kinds, uint8(1+g.r.IntN(5)))
		}
	}
	if g.chance(3) {
		q.Limit = 1 + g.r.IntN(10)
	}
	return q
}

// filter draws one with about two fields set.
func (g *generator) filter() store.Filter {
	f := store.Filter{Pending: g.chance(2)}
	if g.chance(2) {
		f.After = g.wallet()
	}
	if g.chance(2) {
		f.Due = g.instant()
	}
	if g.chance(2) {
		f.Limit = 1 + g.r.IntN(10)
	}
	return f
}
