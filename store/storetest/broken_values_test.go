package storetest

import (
	"context"
	"iter"
	"strings"

	"example.com/credits/store"
)

// brokenValues do not give back what they were given.
var brokenValues = []broken{
	{
		"entries to the millisecond", entriesBent(func(e *store.Entry) { e.At -= e.At % 1000 }),
		[]string{"times/entry at 1001", "times/entry at 253402300799999999"},
	},
	{
		"due to the second", bend(func(b *bent) { b.change = func(_ *model, c *store.Change) { c.Due -= c.Due % 1_000_000 } }),
		[]string{"times/due at 999", "due/moved later"},
	},
	{
		"times in nanoseconds", entriesBent(func(e *store.Entry) { e.At = e.At * 1000 / 1000 }),
		[]string{"times/entry at 9223372036854776", "times/entry at 253402300799999999"},
	},
	{
		"of in 32 bits", entriesBent(func(e *store.Entry) { e.Of = uint64(uint32(e.Of)) }),
		[]string{"numbers/of 4294967297", "numbers/of 4294967296"},
	},
	{
		"of in a floating-point number", entriesBent(func(e *store.Entry) { e.Of = uint64(float64(e.Of)) }),
		[]string{"numbers/of 9007199254740993"},
	},
	{
		"parts in 32 bits", partsBent(func(p *store.Part) { p.ID = uint64(uint32(p.ID)) }),
		[]string{"numbers/part 4294967296", "numbers/part 4294967297"},
	},
	{
		"parts in a floating-point number", partsBent(func(p *store.Part) { p.ID = uint64(float64(p.ID)) }),
		[]string{"numbers/part 9007199254740993"},
	},
	{"kinds of seven bits", entriesBent(func(e *store.Entry) { e.Kind &= 0x7f }), []string{"numbers/every kind"}},
	{
		"bodies as text", entriesBent(func(e *store.Entry) { e.Body = []byte(strings.ToValidUTF8(string(e.Body), "\ufffd")) }),
		[]string{"bodies/entry: not UTF-8", "bodies/entry: every byte"},
	},
	{"bodies end at a zero", entriesBent(func(e *store.Entry) {
		if before, _, ok := strings.Cut(string(e.Body), "\x00"); ok {
			e.Body = []byte(before)
		}
	}), []string{"bodies/entry: zeros at both ends", "bodies/entry: one zero"}},
	{"notes of 64 KiB", entriesBent(func(e *store.Entry) { e.Note = e.Note[:min(len(e.Note), 1<<16)] }), []string{"bodies/note: 1 MiB"}},
	{"parts are trimmed", partsBent(func(p *store.Part) { p.Body = []byte(strings.TrimSpace(string(p.Body))) }), []string{"bodies/part: blanks"}},
	{"names are folded", named(strings.ToLower), []string{"names/wallet: upper case", "names/wallet: title case", "names/wallet: kelvin sign"}},
	{"names are trimmed", named(strings.TrimSpace), []string{"names/wallet: trailing blank", "names/wallet: leading blank"}},
	{"names end without blanks", named(func(n string) string { return strings.TrimRight(n, " ") }), []string{"names/wallet: trailing blank"}},
	{
		"names are normalised", named(func(n string) string { return strings.ReplaceAll(n, "e\u0301", "\u00e9") }),
		[]string{"names/wallet: e and combining acute"},
	},
	{"names are cut", named(func(n string) string { return n[:min(len(n), 191)] }), []string{"names/wallet: 255 bytes"}},
	{"keys are folded", bend(func(b *bent) {
		b.change = func(_ *model, c *store.Change) {
			for i := range c.Receipts {
				c.Receipts[i].Key = strings.ToLower(c.Receipts[i].Key)
			}
		}
	}), []string{"names/key: upper case"}},
	{
		"features are folded", entriesBent(func(e *store.Entry) { e.Feature = strings.ToLower(e.Feature) }),
		[]string{"names/feature: upper case", "entries/a feature in another case"},
	},
}

// brokenOthers share memory with their caller, or do not heed its context.
var brokenOthers = []broken{
	{"entries are kept in the caller's memory", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			for _, c := range flat(writes) {
				for _, e := range c.Entries {
					m.wallets[c.Wallet].entries[e.Seq-1] = e
				}
			}
		}
	}), []string{"memory/passed: entry bodies", "memory/passed: notes"}},
	{"parts are kept in the caller's memory", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			for _, c := range flat(writes) {
				for _, p := range c.Parts {
					m.wallets[c.Wallet].parts[p.ID] = p.Body
				}
			}
		}
	}), []string{"memory/passed: part bodies"}},
	{"entries are handed out as they are kept", bend(func(b *bent) {
		b.page = func(m *model, q store.Query, all []store.Entry) []store.Entry {
			for i := range all {
				all[i] = m.wallets[q.Wallet].entries[all[i].Seq-1]
			}
			return all
		}
	}), []string{"memory/returned: entries"}},
	{"receipts are handed out as they are kept", bend(func(b *bent) {
		b.state = func(m *model, r store.Read, st *store.State) {
			for i := range st.Receipts {
				st.Receipts[i].Body = m.wallets[r.Wallet].receipts[st.Receipts[i].Key]
			}
		}
	}), []string{"memory/returned: receipts"}},
	{"bodies are cut from one buffer", bend(func(b *bent) {
		b.state = func(_ *model, _ store.Read, st *store.State) {
			var buf []byte
			for _, p := range st.Parts {
				buf = append(buf, p.Body...)
			}
			for i := range st.Parts {
				n := len(st.Parts[i].Body)
				st.Parts[i].Body, buf = buf[:n], buf[n:]
			}
		}
	}), []string{"memory/returned: appended to"}},
	{
		"loops go on when their context has ended", func() store.Store { return &deaf{newPlain()} },
		[]string{"context/Entries: cancelled in the loop", "context/Heads: cancelled in the loop", "context/Entries: context canceled before"},
	},
}

// deaf does not heed the contexts of its loops.
type deaf struct{ *plain }

func (s *deaf) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return s.plain.Entries(context.WithoutCancel(ctx), q)
}

func (s *deaf) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return s.plain.Heads(context.WithoutCancel(ctx), f)
}

// entriesBent alters each entry on its way in.
func entriesBent(f func(e *store.Entry)) func() store.Store {
	return bend(func(b *bent) {
		b.change = func(_ *model, c *store.Change) {
			for i := range c.Entries {
				f(&c.Entries[i])
			}
		}
	})
}

// partsBent alters each part on its way in.
func partsBent(f func(p *store.Part)) func() store.Store {
	return bend(func(b *bent) {
		b.change = func(_ *model, c *store.Change) {
			for i := range c.Parts {
				f(&c.Parts[i])
			}
		}
	})
}

// named alters the name of a wallet wherever it is passed.
func named(f func(name string) string) func() store.Store {
	return bend(func(b *bent) {
		b.change = func(_ *model, c *store.Change) { c.Wallet = f(c.Wallet) }
		b.read = func(r *store.Read) { r.Wallet = f(r.Wallet) }
		b.query = func(q *store.Query) { q.Wallet = f(q.Wallet) }
		b.ack = func(m *model, w string, seq uint64) { m.ack(f(w), seq) }
	})
}
