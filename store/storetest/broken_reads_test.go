package storetest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"example.com/credits/store"
)

// brokenReads return of a wallet what is not so.
var brokenReads = []broken{
	{"receipts are read before the wallet", bend(func(b *bent) {
		b.load = func(s *plain, r store.Read) store.State {
			s.mu.Lock()
			before := s.m.load(r)
			s.mu.Unlock()
			s.lapse(r.Wallet, before.Seq)
			s.mu.Lock()
			defer s.mu.Unlock()
			st := s.m.load(r)
			st.Receipts = before.Receipts
			return st
		}
	}), []string{"concurrent/receipts no earlier than the wallet"}},
	{"parts are read after the wallet", bend(func(b *bent) {
		b.load = func(s *plain, r store.Read) store.State {
			s.mu.Lock()
			st := s.m.load(r)
			s.mu.Unlock()
			s.lapse(r.Wallet, st.Seq)
			s.mu.Lock()
			defer s.mu.Unlock()
			for i, p := range s.m.load(r).Parts {
				if i > 0 && i < len(st.Parts) {
					st.Parts[i] = p
				}
			}
			return st
		}
	}), []string{"concurrent/parts of one commit"}},
	{"no mark", bend(func(b *bent) {
		b.state = func(_ *model, _ store.Read, st *store.State) { st.Mark = 0 }
	}), []string{"marks/it has the one that it got"}},
	{"no parts for who has any", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Have != 0 {
				st.Parts = nil
			}
		}
	}), []string{"load/have an earlier Seq", "load/have a later Seq", "load/have one of several"}},
	{"no parts for who has a later Seq", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Have >= st.Seq {
				st.Parts = nil
			}
		}
	}), []string{"load/have a later Seq"}},
	{"no receipts for who has the parts", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Have == st.Seq {
				st.Parts, st.Receipts = nil, nil
			}
		}
	}), []string{"load/have the Seq it has", "receipts/found by one who has the parts"}},
	{"parts out of order", bend(func(b *bent) {
		b.state = func(_ *model, _ store.Read, st *store.State) { slices.Reverse(st.Parts) }
	}), []string{"parts/in order of ID"}},
	{"receipts in an order of their own", bend(func(b *bent) {
		b.state = func(_ *model, _ store.Read, st *store.State) {
			slices.SortFunc(st.Receipts, func(a, b store.Receipt) int { return cmp.Compare(a.Key, b.Key) })
		}
	}), []string{"receipts/in the order of the keys"}},
	{"a place for receipts that are not there", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if st.Seq != 0 && len(st.Receipts) == 0 && len(r.Keys) > 0 {
				st.Receipts = make([]store.Receipt, len(r.Keys))
			}
		}
	}), []string{"receipts/one that is not there"}},
	{
		"states in order of name", func() store.Store { return &sorting{newPlain()} },
		[]string{"load/in the order of the reads", "load/a thousand reads"},
	},
	{"parts that did not change vanish", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			if r := m.wallets[c.Wallet]; r != nil && m.follows(*c) {
				clear(r.parts)
			}
		}
	}), []string{"parts/one replaced, the others stay", "parts/none changed, all stay"}},
	{"an empty part is kept", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			for _, c := range flat(writes) {
				for _, p := range c.Parts {
					if r := m.wallets[c.Wallet]; r != nil && r.seq == c.Seq && len(p.Body) == 0 {
						r.parts[p.ID] = []byte{}
					}
				}
			}
		}
	}), []string{"parts/removed by an empty body", "parts/all removed", "parts/removed though not there"}},
	{"erasing takes the body", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			eachErased(m, writes, func(r *record, seq uint64) { r.entries[seq-1].Body = nil })
		}
	}), []string{"erase/the note goes, the body stays", "erase/no other note goes"}},
	{
		"erasing takes nothing", bend(func(b *bent) { b.change = func(_ *model, c *store.Change) { c.Erase = nil } }),
		[]string{"erase/the note goes, the body stays", "erase/all of them", "commit/all that a change has"},
	},
	{"erasing takes all before", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			eachErased(m, writes, func(r *record, seq uint64) {
				for i := range r.entries[:seq] {
					r.entries[i].Note = nil
				}
			})
		}
	}), []string{"erase/no other note goes", "erase/a hundred"}},
}

// brokenBelow leave out of a wallet what they should not, or not what they should.
var brokenBelow = []broken{
	{
		"Below is ignored", bend(func(b *bent) { b.read = func(r *store.Read) { r.Below = 0 } }),
		[]string{"load/below an ID, at it, above it", "load/below all parts", "load/below the last ID", "numbers/below 255"},
	},
	{"Below is included", bend(func(b *bent) {
		b.read = func(r *store.Read) {
			if r.Below != 0 {
				r.Below++
			}
		}
	}), []string{"load/below an ID, at it, above it", "load/below all parts", "load/below the last ID"}},
	{"Below is one too low", bend(func(b *bent) {
		b.read = func(r *store.Read) {
			if r.Below > 1 {
				r.Below--
			}
		}
	}), []string{"load/below an ID, at it, above it", "load/below no part", "numbers/below 256"}},
	{"Below is a number of parts", bend(func(b *bent) {
		b.read = func(r *store.Read) { r.Below = 0 }
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Below != 0 {
				st.Parts = st.Parts[:min(r.Below, uint64(len(st.Parts)))]
			}
		}
	}), []string{"load/below an ID, by number and not by count", "load/below an ID, at it, above it"}},
	{"Below in 32 bits", bend(func(b *bent) {
		b.read = func(r *store.Read) { r.Below = uint64(uint32(r.Below)) }
	}), []string{"numbers/below 4294967297", "load/below no part"}},
	{"Below in a floating-point number", bend(func(b *bent) {
		b.read = func(r *store.Read) { r.Below = uint64(float64(r.Below)) }
	}), []string{"numbers/below 9007199254740993", "load/below the last ID"}},
	{"Below bounds the Seq", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Below != 0 && st.Seq >= r.Below {
				st.Seq = r.Below - 1
			}
		}
	}), []string{"load/below, the Seq is the wallet's", "load/below all parts"}},
	{"Below bounds the receipts", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Below != 0 {
				st.Receipts = st.Receipts[:min(r.Below-1, uint64(len(st.Receipts)))]
			}
		}
	}), []string{"load/below, with keys", "load/below, each read of a call has its own"}},
	{"no wallet where no part is read", bend(func(b *bent) {
		b.state = func(_ *model, _ store.Read, st *store.State) {
			if len(st.Parts) == 0 {
				*st = store.State{}
			}
		}
	}), []string{"load/below all parts", "parts/a wallet without any"}},
	{"who has the parts gets those left out", bend(func(b *bent) {
		b.read = func(r *store.Read) { r.Below = 0 }
		b.state = func(_ *model, r store.Read, st *store.State) {
			st.Parts = slices.DeleteFunc(st.Parts, func(p store.Part) bool {
				return r.Below != 0 && (p.ID < r.Below) == (r.Have == st.Seq)
			})
		}
	}), []string{"load/below, having the Seq it has"}},
	{"who has any parts gets all", bend(func(b *bent) {
		b.read = func(r *store.Read) {
			if r.Have != 0 {
				r.Below = 0
			}
		}
	}), []string{"load/below, having another Seq", "load/below, having the Seq it has"}},
	{"no parts for who has a Seq at or over Below", bend(func(b *bent) {
		b.state = func(_ *model, r store.Read, st *store.State) {
			if r.Below != 0 && r.Have >= r.Below {
				st.Parts = nil
			}
		}
	}), []string{"load/below, having another Seq"}},
	{
		"one Below for all reads", func() store.Store { return &leading{newPlain()} },
		[]string{"load/below, each read of a call has its own", "load/below, one wallet in a hundred reads"},
	},
	{"parts once read are read no more", bend(func(b *bent) {
		last := make(map[string]store.State)
		b.state = func(_ *model, r store.Read, st *store.State) {
			if kept, ok := last[r.Wallet]; ok && kept.Seq == st.Seq {
				st.Parts = kept.Parts
			}
			last[r.Wallet] = *st
		}
	}), []string{"load/below, then more of it, and less", "load/below, one wallet in a hundred reads"}},
	{"what is left out is lost", bend(func(b *bent) {
		b.state = func(m *model, r store.Read, st *store.State) {
			if w := m.wallets[r.Wallet]; w != nil && r.Below != 0 {
				maps.DeleteFunc(w.parts, func(id uint64, _ []byte) bool { return id >= r.Below })
			}
		}
	}), []string{"load/below, what is left out stays", "load/below all parts"}},
}

// brokenLists yield entries or heads that they should not, or in another order.
var brokenLists = []broken{
	{"After is included", bend(func(b *bent) {
		b.query = func(q *store.Query) { q.After -= min(q.After, 1) }
	}), []string{"entries/after the first", "entries/after 7 through 7", "pages/forward by 7"}},
	{"Through is excluded", bend(func(b *bent) {
		b.page = func(_ *model, q store.Query, all []store.Entry) []store.Entry {
			return slices.DeleteFunc(all, func(e store.Entry) bool { return e.Seq == q.Through })
		}
	}), []string{"entries/through the first", "entries/through the last"}},
	{"From is excluded", bend(func(b *bent) {
		b.query = func(q *store.Query) {
			if q.From != 0 {
				q.From++
			}
		}
	}), []string{"entries/from an instant there is"}},
	{"To is included", bend(func(b *bent) {
		b.query = func(q *store.Query) {
			if q.To != 0 {
				q.To++
			}
		}
	}), []string{"entries/to an instant there is", "entries/from and to one instant"}},
	{"From ends the search", bend(func(b *bent) {
		b.query = func(q *store.Query) { q.From = 0 }
		b.page = func(_ *model, q store.Query, all []store.Entry) []store.Entry {
			i := slices.IndexFunc(all, func(e store.Entry) bool { return e.At >= q.From })
			return all[max(i, 0):]
		}
	}), []string{"entries/from just after it", "entries/from after all"}},
	{"entries in order of time", bend(func(b *bent) {
		b.page = func(_ *model, q store.Query, all []store.Entry) []store.Entry {
			slices.SortStableFunc(all, func(a, b store.Entry) int { return cmp.Compare(a.At, b.At) })
			if q.Newest {
				slices.Reverse(all)
			}
			return all
		}
	}), []string{"entries/all", "entries/newest"}},
	{
		"Newest is ignored", bend(func(b *bent) { b.query = func(q *store.Query) { q.Newest = false } }),
		[]string{"entries/newest", "entries/newest, limit 1"},
	},
	{"a limit counts from the first", bend(func(b *bent) {
		b.query = func(q *store.Query) { q.Newest = false }
		b.page = func(_ *model, q store.Query, all []store.Entry) []store.Entry {
			if q.Newest {
				slices.Reverse(all)
			}
			return all
		}
	}), []string{"entries/newest, limit 7"}},
	{
		"Limit is ignored", bend(func(b *bent) { b.query = func(q *store.Query) { q.Limit = 0 } }),
		[]string{"entries/limit 1", "entries/limit 39", "entries/of, limit 2"},
	},
	{"Limit counts what is not selected", bend(func(b *bent) {
		b.query = func(q *store.Query) { q.Kinds, q.Feature = nil, "" }
		b.page = func(_ *model, q store.Query, all []store.Entry) []store.Entry {
			return slices.DeleteFunc(all, func(e store.Entry) bool { return !selects(q, e) })
		}
	}), []string{"entries/kind, limit 3", "entries/feature, limit 3"}},
	{
		"only the first kind is asked for", bend(func(b *bent) { b.query = func(q *store.Query) { q.Kinds = q.Kinds[:min(1, len(q.Kinds))] } }),
		[]string{"entries/two kinds", "entries/all kinds"},
	},
	{"a feature is a prefix", bend(func(b *bent) {
		b.page = func(m *model, q store.Query, _ []store.Entry) []store.Entry {
			feature := q.Feature
			q.Feature = ""
			return slices.DeleteFunc(m.entries(q), func(e store.Entry) bool { return !strings.HasPrefix(e.Feature, feature) })
		}
	}), []string{"entries/a feature", "entries/a feature there is not"}},
	{"one page is all there is", bend(func(b *bent) {
		b.page = func(_ *model, _ store.Query, all []store.Entry) []store.Entry { return all[:min(len(all), 256)] }
	}), []string{"pages/a long history"}},
	{
		"Due is excluded", bend(func(b *bent) { b.filter = func(f *store.Filter) { f.Due -= min(f.Due, 1) } }),
		[]string{"heads/due at the instant", "due/moved later"},
	},
	{"what is never due is due", bend(func(b *bent) {
		b.filter = func(f *store.Filter) { f.Due = 0 }
		b.list = func(_ *model, f store.Filter, all []store.Head) []store.Head {
			return slices.DeleteFunc(all, func(h store.Head) bool { return f.Due != 0 && h.Due > f.Due })
		}
	}), []string{"heads/due after all", "due/no more"}},
	{"due stays if there is none", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			if r := m.wallets[c.Wallet]; r != nil && c.Due == 0 {
				c.Due = r.due
			}
		}
	}), []string{"due/no more"}},
	{
		"Limit of heads is ignored", bend(func(b *bent) { b.filter = func(f *store.Filter) { f.Limit = 0 } }),
		[]string{"heads/limit 1", "heads/limit 11"},
	},
	{"After of heads is included", bend(func(b *bent) {
		b.list = func(m *model, f store.Filter, all []store.Head) []store.Head {
			if r := m.wallets[f.After]; r != nil {
				all = slices.Insert(all, 0, store.Head{Wallet: f.After, Seq: r.seq, Fed: r.fed, Due: r.due})
			}
			return all
		}
	}), []string{"heads/after one there is", "heads/after the last"}},
	{"heads in the order they were made", bend(func(b *bent) {
		b.list = func(_ *model, _ store.Filter, all []store.Head) []store.Head {
			slices.SortStableFunc(all, func(a, b store.Head) int { return cmp.Compare(a.Due, b.Due) })
			return all
		}
	}), []string{"heads/all"}},
	{"heads in the order of a dictionary", bend(func(b *bent) {
		b.list = func(_ *model, _ store.Filter, all []store.Head) []store.Head {
			slices.SortStableFunc(all, func(a, b store.Head) int { return cmp.Compare(strings.ToLower(a.Wallet), strings.ToLower(b.Wallet)) })
			return all
		}
	}), []string{"names/wallet: upper case"}},
	{"Pending is a flag that Ack clears", bend(func(b *bent) {
		b.filter = func(f *store.Filter) { f.Pending = false }
		b.list = func(_ *model, f store.Filter, all []store.Head) []store.Head {
			return slices.DeleteFunc(all, func(h store.Head) bool { return f.Pending && h.Fed != 0 })
		}
	}), []string{"ack/not all", "ack/pending again"}},
	{
		"Pending is ignored", bend(func(b *bent) { b.filter = func(f *store.Filter) { f.Pending = false } }),
		[]string{"heads/pending", "ack/all"},
	},
	{"heads are read from a copy that lags behind", bend(func(b *bent) {
		var before []store.Head
		b.change = func(m *model, _ *store.Change) { before = m.heads(store.Filter{}) }
		b.list = func(_ *model, f store.Filter, all []store.Head) []store.Head {
			if f == (store.Filter{}) {
				return slices.Clone(before)
			}
			return all
		}
	}), []string{"commit/seen at once"}},
	{
		"a loop that is left keeps its connection", func() store.Store { return &pooled{plain: newPlain(), left: 8} },
		[]string{"loops/entries left after 0", "loops/heads left after 65"},
	},
	{
		"a loop holds its connection before it begins", func() store.Store { return &pooled{plain: newPlain(), left: 8, eager: true} },
		[]string{"loops/entries never begun", "loops/heads never begun"},
	},
	{
		"one connection, held while a loop runs", func() store.Store { return &pooled{plain: newPlain(), left: 1, frees: true} },
		[]string{"loops/entries within each other", "loops/heads while the wallet grows"},
	},
	{"Ack moves back", bend(func(b *bent) {
		b.ack = func(m *model, w string, seq uint64) {
			if r := m.wallets[w]; r != nil {
				r.fed = min(seq, r.seq)
			}
		}
	}), []string{"ack/not back", "ack/not back to 0"}},
	{"Ack moves beyond the wallet", bend(func(b *bent) {
		b.ack = func(m *model, w string, seq uint64) {
			if r := m.wallets[w]; r != nil {
				r.fed = max(seq, r.fed)
			}
		}
	}), []string{"ack/beyond by one", "ack/beyond is not for what comes"}},
	{"Ack beyond the wallet is ignored", bend(func(b *bent) {
		b.ack = func(m *model, w string, seq uint64) {
			if seq <= m.seq(w) {
				m.ack(w, seq)
			}
		}
	}), []string{"ack/beyond by one"}},
	{"Ack makes the wallet", bend(func(b *bent) {
		b.ack = func(m *model, w string, seq uint64) {
			if m.wallets[w] == nil {
				m.wallets[w] = &record{parts: map[uint64][]byte{}, receipts: map[string][]byte{}}
			}
			m.ack(w, seq)
		}
	}), []string{"load/reading makes no wallet"}},
	{"Ack takes a name for a pattern", bend(func(b *bent) {
		b.ack = func(m *model, w string, seq uint64) {
			for name := range maps.Keys(m.wallets) {
				if name == w || w == "%" {
					m.ack(name, seq)
				}
			}
		}
	}), []string{"names/wallet: percent alone"}},
}

func eachErased(m *model, writes []store.Write, f func(r *record, seq uint64)) {
	for _, c := range flat(writes) {
		if r := m.wallets[c.Wallet]; r != nil && r.seq == c.Seq {
			for _, seq := range c.Erase {
				f(r, seq)
			}
		}
	}
}

// sorting answers reads in order of name.
type sorting struct{ *plain }

func (s *sorting) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	reads = slices.Clone(reads)
	slices.SortFunc(reads, func(a, b store.Read) int { return cmp.Compare(a.Wallet, b.Wallet) })
	return s.plain.Load(ctx, reads...)
}

// leading answers all reads of a call with the Below of the first.
type leading struct{ *plain }

func (s *leading) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	reads = slices.Clone(reads)
	for i := range reads {
		reads[i].Below = reads[0].Below
	}
	return s.plain.Load(ctx, reads...)
}

// pooled has few connections, of which every iterator takes one: when it is
// made if it is eager, else when it begins. It gives it back at its end, and if it frees, also when it is left.
type pooled struct {
	*plain
	left         int64
	eager, frees bool
}

var errPool = errors.New("no connection left")

func (s *pooled) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if atomic.LoadInt64(&s.left) <= 0 {
		return nil, errPool
	}
	return s.plain.Commit(ctx, writes...)
}

func (s *pooled) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return taking(s, s.plain.Entries(ctx, q))
}

func (s *pooled) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return taking(s, s.plain.Heads(ctx, f))
}

func taking[V any](s *pooled, seq iter.Seq2[V, error]) iter.Seq2[V, error] {
	if s.eager {
		atomic.AddInt64(&s.left, -1)
	}
	return func(yield func(V, error) bool) {
		if !s.eager && atomic.AddInt64(&s.left, -1) < 0 || atomic.LoadInt64(&s.left) < 0 {
			var none V
			yield(none, errPool)
			return
		}
		for v, err := range seq {
			if !yield(v, err) {
				if s.frees || s.eager {
					atomic.AddInt64(&s.left, 1)
				}
				return
			}
		}
		atomic.AddInt64(&s.left, 1)
	}
}
