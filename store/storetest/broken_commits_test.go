package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/credits/store"
)

// brokenCommits keep what they should not, or do not keep what they should.
var brokenCommits = []broken{
	{"lost update: whatever the Seq was", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			c.Prev = m.seq(c.Wallet)
			c.Seq = c.Prev + uint64(len(c.Entries))
			for i := range c.Entries {
				c.Entries[i].Seq = c.Prev + 1 + uint64(i)
			}
		}
	}), []string{"compare-and-swap/the same change twice", "compare-and-swap/a wallet that is there is not new", "concurrent/one of 8 from 1 is kept"}},
	{"marks are not compared", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) { c.PrevMark = m.mark(c.Wallet) }
	}), []string{"marks/none", "marks/of the history before", "marks/one of two changes", "others/kept beside one that is not: another mark, middle"}},
	{"a mark stays what it was first", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			if c.Prev > 0 {
				c.Mark = c.PrevMark
			}
		}
	}), []string{"marks/it has the one that it got"}},
	{"marks of 32 bits", bend(func(b *bent) {
		b.change = func(_ *model, c *store.Change) { c.PrevMark, c.Mark = c.PrevMark&0xffffffff, c.Mark&0xffffffff }
	}), []string{"marks/4294967296"}},
	{
		"lost update: looked first, wrote later", func() store.Store { return &hasty{newPlain()} },
		[]string{"concurrent/every update counts"},
	},
	{"only an older Seq is refused", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			if seq := m.seq(c.Wallet); c.Prev > seq {
				c.Prev = seq
			}
		}
	}), []string{"compare-and-swap/from 4 where it stands at 3", "compare-and-swap/a wallet that is not there has no Seq"}},
	{"a Seq of 32 bits", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			c.Prev, c.Seq = c.Prev&0xffffffff, c.Seq&0xffffffff
			for i := range c.Entries {
				c.Entries[i].Seq &= 0xffffffff
			}
		}
	}), []string{"compare-and-swap/from 4294967299 where it stands at 3"}},
	{"a used key is accepted", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			c.Receipts = slices.DeleteFunc(c.Receipts, func(r store.Receipt) bool { return slices.Contains(m.keys(c.Wallet), r.Key) })
		}
	}), []string{"keys/a used key", "keys/a used key last among new ones"}},
	{"only the first key is looked at", bend(func(b *bent) {
		b.change = func(m *model, c *store.Change) {
			c.Receipts = slices.DeleteFunc(c.Receipts, func(r store.Receipt) bool {
				return r.Key != c.Receipts[0].Key && slices.Contains(m.keys(c.Wallet), r.Key)
			})
		}
	}), []string{"keys/a used key last among new ones"}},
	{
		"a used key is an error", func() store.Store { return &unique{newPlain()} },
		[]string{"keys/a used key", "others/kept beside one that is not: used key, middle"},
	},
	{"keys belong to all wallets", bend(func(b *bent) {
		b.keep = each(func(m *model, w store.Write) bool {
			for _, c := range w.Changes {
				for other := range m.wallets {
					if slices.ContainsFunc(c.Receipts, func(r store.Receipt) bool { return slices.Contains(m.keys(other), r.Key) }) {
						return false
					}
				}
			}
			return m.commit(w)[0]
		})
	}), []string{"receipts/the same key in two wallets", "keys/one key in two wallets of a call"}},
	{"parts are kept though the write is not", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			for _, c := range flat(writes) {
				for _, p := range c.Parts {
					if r := m.wallets[c.Wallet]; r != nil {
						r.parts[p.ID] = p.Body
					}
				}
			}
		}
	}), []string{"commit/no parts of a write that is not kept"}},
	{"receipts are kept though the write is not", bend(func(b *bent) {
		b.after = func(m *model, writes []store.Write) {
			for _, c := range flat(writes) {
				for _, rc := range c.Receipts {
					if r := m.wallets[c.Wallet]; r != nil {
						r.receipts[rc.Key] = rc.Body
					}
				}
			}
		}
	}), []string{"commit/no receipts of a write that is not kept", "receipts/not kept with a write that is not", "keys/free after a write that was not kept"}},
	{
		"entries are kept, receipts are lost", bend(func(b *bent) { b.change = func(_ *model, c *store.Change) { c.Receipts = nil } }),
		[]string{"receipts/found", "commit/all that a change has"},
	},
	{"one change of several is kept without the others", bend(func(b *bent) {
		b.keep = each(func(m *model, w store.Write) bool {
			all := true
			for _, c := range w.Changes {
				all = m.commit(one(c))[0] && all
			}
			return all
		})
	}), []string{"whole/3 changes, one does not follow: stale, first", "whole/3 changes, one does not follow: stale, last", "whole/2 changes, one does not follow: used key, last"}},
	{"several changes are kept up to one that does not follow", bend(func(b *bent) {
		b.keep = each(func(m *model, w store.Write) bool {
			for _, c := range w.Changes {
				if !m.commit(one(c))[0] {
					return false
				}
			}
			return true
		})
	}), []string{"whole/9 changes, one does not follow: ahead, middle", "whole/9 changes, one does not follow: no such wallet, last"}},
	{"one write that is not kept fails the call", bend(func(b *bent) {
		b.keep = func(m *model, writes []store.Write) []bool {
			if slices.ContainsFunc(flat(writes), func(c store.Change) bool { return !m.follows(c) }) {
				return make([]bool, len(writes))
			}
			return m.commit(writes...)
		}
	}), []string{"others/kept beside one that is not: stale, first", "others/kept beside one that is not: used key, last"}},
	{"one write that is not kept ends the call", bend(func(b *bent) {
		b.keep = func(m *model, writes []store.Write) []bool {
			kept := make([]bool, len(writes))
			for i, w := range writes {
				if kept[i] = m.commit(w)[0]; !kept[i] {
					break
				}
			}
			return kept
		}
	}), []string{"others/kept beside one that is not: no such wallet, first"}},
	{"says kept of what is not", bend(func(b *bent) {
		b.keep = each(func(m *model, w store.Write) bool { m.commit(w); return true })
	}), []string{"compare-and-swap/a wallet that is there is not new", "keys/a used key"}},
	{
		"malformed writes may be tried again", func() store.Store { return &forgiving{newPlain()} },
		[]string{"malformed/kind 0", "malformed/wallet without a name", "malformed/a write without a change"},
	},
	{
		"what is malformed is left out", func() store.Store { return &careless{newPlain()} },
		[]string{"malformed/Seq too low", "malformed/one wallet in two writes", "malformed/entries with a gap", "malformed/erasing an entry of its own"},
	},
	{"an ended context is ignored by Commit", bend(func(b *bent) {
		b.begin = func(ctx context.Context) (context.Context, error) { return context.WithoutCancel(ctx), nil }
	}), []string{"context/Commit of one: context canceled before", "context/Commit of several: context deadline exceeded before"}},
	{"an ended context does not tell that nothing was kept", bend(func(b *bent) {
		b.begin = func(ctx context.Context) (context.Context, error) { return ctx, ctx.Err() }
	}), []string{"context/Commit of one: context canceled before"}},
}

// each applies f to the writes of a call one by one.
func each(f func(m *model, w store.Write) bool) func(m *model, writes []store.Write) []bool {
	return func(m *model, writes []store.Write) []bool {
		kept := make([]bool, len(writes))
		for i, w := range writes {
			kept[i] = f(m, w)
		}
		return kept
	}
}

func flat(writes []store.Write) []store.Change {
	var all []store.Change
	for _, w := range writes {
		all = append(all, w.Changes...)
	}
	return all
}

// hasty looks whether a write follows, and keeps it after others had their turn.
type hasty struct{ *plain }

func (s *hasty) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := store.Check(writes...); err != nil {
		return nil, err
	}
	kept := make([]bool, len(writes))
	for i, w := range writes {
		s.mu.Lock()
		kept[i] = !slices.ContainsFunc(w.Changes, func(c store.Change) bool { return !s.m.follows(c) })
		s.mu.Unlock()
		if kept[i] {
			s.lapse(w.Changes[0].Wallet, w.Changes[0].Prev)
			s.mu.Lock()
			for _, c := range w.Changes {
				s.m.keep(c)
			}
			s.mu.Unlock()
		}
	}
	return kept, nil
}

// unique fails as a database does whose unique index is violated.
type unique struct{ *plain }

func (s *unique) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	s.mu.Lock()
	for _, c := range flat(writes) {
		for _, r := range c.Receipts {
			if c.Prev == s.m.seq(c.Wallet) && slices.Contains(s.m.keys(c.Wallet), r.Key) {
				s.mu.Unlock()
				return nil, errors.New("duplicate key value violates unique constraint")
			}
		}
	}
	s.mu.Unlock()
	return s.plain.Commit(ctx, writes...)
}

// forgiving says of every failure that nothing was kept, which is so, and that
// it may be tried again, which is not.
type forgiving struct{ *plain }

func (s *forgiving) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := store.Check(writes...); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	return s.plain.Commit(ctx, writes...)
}

// careless keeps what it is given, as far as that goes.
type careless struct{ *plain }

func (s *careless) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range writes {
		for j := range writes[i].Changes {
			c := &writes[i].Changes[j]
			c.Erase = slices.DeleteFunc(slices.Clone(c.Erase), func(seq uint64) bool { return seq == 0 || seq > s.m.seq(c.Wallet) })
		}
	}
	return s.m.commit(writes...), nil
}
