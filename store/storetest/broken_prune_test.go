package storetest

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"example.com/credits/store"
)

// shed is a plain store some of whose optional calls are altered; what is nil is as it should be.
type shed struct {
	*plain
	query   func(m *model, q store.Query) ([]store.Entry, error)
	commit  func(m *model, writes []store.Write) []bool
	sealed  func(m *model, wallet string) store.Checkpoint
	check   func(c *store.Checkpoint) // before what is malformed is refused
	prune   func(m *model, wallet string, c store.Checkpoint) error
	restore func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error
	digests func(m *model, wallet, name string, after, through uint64) []store.Digest
	keep    func(m *model, wallet, name string, seq uint64, digests []store.Digest)
}

// shedding returns what opens a store that is altered.
func shedding(f func(s *shed)) func() store.Store {
	return func() store.Store {
		s := &shed{plain: newPlain()}
		f(s)
		return s
	}
}

func (s *shed) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if s.commit == nil || ctx.Err() != nil || store.Check(writes...) != nil {
		return s.plain.Commit(ctx, writes...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(s.m, writes), nil
}

func (s *shed) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	if s.query == nil {
		return s.plain.Entries(ctx, q)
	}
	q.Kinds = slices.Clone(q.Kinds)
	return slow(ctx, func() ([]store.Entry, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.query(s.m, q)
	})
}

func (s *shed) Checkpoint(ctx context.Context, wallet string) (store.Checkpoint, error) {
	if s.sealed == nil || ctx.Err() != nil {
		return s.plain.Checkpoint(ctx, wallet)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sealed(s.m, wallet), nil
}

func (s *shed) Prune(ctx context.Context, wallet string, c store.Checkpoint) error {
	if s.check != nil {
		s.check(&c)
	}
	if s.prune == nil || ctx.Err() != nil || store.CheckCheckpoint(wallet, c) != nil {
		return s.plain.Prune(ctx, wallet, c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prune(s.m, wallet, c)
}

func (s *shed) Restore(ctx context.Context, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
	if s.restore == nil || ctx.Err() != nil || store.CheckRestore(wallet, c, due, parts) != nil {
		return s.plain.Restore(ctx, wallet, c, due, parts)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restore(s.m, wallet, c, due, parts)
}

func (s *shed) Digests(ctx context.Context, wallet, name string, after, through uint64) iter.Seq2[store.Digest, error] {
	if s.digests == nil {
		return s.plain.Digests(ctx, wallet, name, after, through)
	}
	return slow(ctx, func() ([]store.Digest, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.digests(s.m, wallet, name, after, through), nil
	})
}

func (s *shed) KeepDigests(ctx context.Context, wallet, name string, seq uint64, digests ...store.Digest) error {
	if s.keep == nil || ctx.Err() != nil || store.CheckDigests(wallet, name, seq, digests...) != nil {
		return s.plain.KeepDigests(ctx, wallet, name, seq, digests...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(s.m, wallet, name, seq, digests)
	return nil
}

// brokenPruned tell wrongly that entries were pruned.
var brokenPruned = []broken{
	{"pruned entries are missing, and no word of it", prunedIf(func(*model, store.Query, store.Checkpoint) bool { return false }), []string{
		"pruned/all", "pruned/newest", "pruned/a long history", "pruned/an iterator that was made before", "pruned/within a loop, newest false",
		"restore/its entries are pruned",
	}},
	{"every query of a wallet with a checkpoint is refused", prunedIf(func(_ *model, _ store.Query, c store.Checkpoint) bool { return c.Seq > 0 }), []string{
		"pruned/after the checkpoint", "pruned/from just after it", "pruned/newest after the checkpoint", "restore/goes on",
	}},
	{"After is compared one too low", prunedIf(func(_ *model, q store.Query, c store.Checkpoint) bool {
		return q.After+1 < c.Seq && (q.Through == 0 || q.After < q.Through) && q.From <= c.At
	}), []string{"pruned/after the last but one pruned", "pruned/newest after the last but one pruned"}},
	{"After is compared one too high", prunedIf(func(_ *model, q store.Query, c store.Checkpoint) bool {
		return q.After <= c.Seq && (q.Through == 0 || q.After < q.Through) && q.From <= c.At
	}), []string{"pruned/after the checkpoint", "pruned/newest after the checkpoint"}},
	{"Through is not looked at", prunedIf(func(_ *model, q store.Query, c store.Checkpoint) bool {
		return q.After < c.Seq && q.From <= c.At
	}), []string{"pruned/after 5 through 5", "pruned/after 8 through 7"}},
	{"From is not looked at", prunedIf(func(_ *model, q store.Query, c store.Checkpoint) bool {
		return q.After < c.Seq && (q.Through == 0 || q.After < q.Through)
	}), []string{"pruned/from just after it", "pruned/from after it, newest"}},
	{"From is compared one too low", prunedIf(func(m *model, q store.Query, c store.Checkpoint) bool {
		return m.pruned(q) && q.From < c.At
	}), []string{"pruned/from the checkpoint's instant", "pruned/newest from the checkpoint's instant"}},
	{"To is looked at", prunedIf(func(m *model, q store.Query, c store.Checkpoint) bool {
		return m.pruned(q) && (q.To == 0 || q.To > q.From && q.To > epoch)
	}), []string{"pruned/to before all", "pruned/from the checkpoint's instant to it", "pruned/newest to before all"}},
	{"queries of a kind, a feature or about an entry are never refused", prunedIf(func(m *model, q store.Query, _ store.Checkpoint) bool {
		return m.pruned(q) && len(q.Kinds) == 0 && q.Feature == "" && q.Of == 0
	}), []string{"pruned/one kind", "pruned/a feature there is not", "pruned/of one about which all were pruned", "pruned/newest of a kind there is not"}},
	{"the error is the last, whatever the order", ordered(func(q store.Query, all []store.Entry) ([]store.Entry, error) {
		return all, store.ErrPruned
	}), []string{"pruned/all", "pruned/limit 1", "pruned/newest, limit reached"}},
	{"the error is the first, whatever the order", ordered(func(q store.Query, all []store.Entry) ([]store.Entry, error) {
		return nil, store.ErrPruned
	}), []string{"pruned/newest", "pruned/newest, limit one more", "pruned/newest of one, limit reached"}},
	{"a limit hides the error", ordered(func(q store.Query, all []store.Entry) ([]store.Entry, error) {
		if q.Newest && q.Limit > 0 {
			return all, nil
		}
		return all, store.ErrPruned
	}), []string{"pruned/newest, limit one more", "pruned/newest of one, limit not reached"}},
}

// prunedIf returns a store that takes a query for one of pruned entries if is says so.
func prunedIf(is func(m *model, q store.Query, c store.Checkpoint) bool) func() store.Store {
	return shedding(func(s *shed) {
		s.query = func(m *model, q store.Query) ([]store.Entry, error) {
			all := m.entries(q)
			switch {
			case !is(m, q, m.checkpoint(q.Wallet)) || q.Newest && q.Limit > 0 && len(all) == q.Limit:
				return all, nil
			case q.Newest:
				return all, store.ErrPruned
			}
			return nil, store.ErrPruned
		}
	})
}

// ordered returns a store that yields what of does where entries were pruned.
func ordered(of func(q store.Query, all []store.Entry) ([]store.Entry, error)) func() store.Store {
	return shedding(func(s *shed) {
		s.query = func(m *model, q store.Query) ([]store.Entry, error) {
			if !m.pruned(q) {
				return m.entries(q), nil
			}
			return of(q, m.entries(q))
		}
	})
}

// brokenPrunes prune what they should not, or not what they should.
var brokenPrunes = []broken{
	{
		"a checkpoint may come before the one there", pruneAnyway(func(r *record, c store.Checkpoint) bool { return c.Seq < r.checkpoint.Seq }),
		[]string{"prune/refused: just before the one there", "prune/refused: at the first"},
	},
	{
		"another checkpoint may replace one at the same Seq", pruneAnyway(func(r *record, c store.Checkpoint) bool { return c.Seq == r.checkpoint.Seq }),
		[]string{"prune/refused: another body", "prune/refused: a longer body", "prune/refused: another instant"},
	},
	{
		"entries may be pruned that the feed has not had", pruneAnyway(func(r *record, c store.Checkpoint) bool { return c.Seq > r.fed && c.Seq <= r.seq }),
		[]string{"prune/refused: just beyond the feed", "prune/refused: the wallet's Seq, beyond the feed", "prune/refused: nothing was handed to the feed"},
	},
	{
		"entries may be pruned that there are not", pruneAnyway(func(r *record, c store.Checkpoint) bool { return c.Seq > r.seq }),
		[]string{"prune/refused: just beyond the wallet", "prune/refused: a number with the same low bits", "prune/refused: just beyond a wallet whose feed is at its end"},
	},
	{"the same checkpoint is refused", pruning(func(m *model, wallet string, c store.Checkpoint) error {
		if m.checkpoint(wallet).Seq == c.Seq {
			return errRefused
		}
		return m.prune(wallet, c)
	}), []string{"prune/the same again", "restore/the same checkpoint again"}},
	{"a wallet that does not exist is made", pruning(func(m *model, wallet string, c store.Checkpoint) error {
		if m.wallets[wallet] == nil {
			return m.restore(wallet, c, 0, nil)
		}
		return m.prune(wallet, c)
	}), []string{"prune/refused: no such wallet"}},
	{"a wallet that does not exist is no error", pruning(func(m *model, wallet string, c store.Checkpoint) error {
		if m.wallets[wallet] == nil {
			return nil
		}
		return m.prune(wallet, c)
	}), []string{"prune/refused: no such wallet"}},
	{"wallets that begin alike are pruned too", pruning(func(m *model, wallet string, c store.Checkpoint) error {
		for _, w := range slices.Sorted(maps.Keys(m.wallets)) {
			if w != wallet && w[0]|0x20 == wallet[0] && c.Seq <= m.wallets[w].fed {
				_ = m.prune(w, c)
			}
		}
		return m.prune(wallet, c)
	}), []string{`prune/not wallet "A"`, `prune/not wallet "a "`, `prune/not wallet "aa"`}},
	{"one entry too many is pruned", pruned(func(r *record, c store.Checkpoint) {
		r.entries = slices.DeleteFunc(r.entries, func(e store.Entry) bool { return e.Seq == c.Seq+1 })
	}), []string{"prune/one entry", "pruned/after the checkpoint", "pruned/newest, limit reached"}},
	{
		"receipts stay", pruneWith(func(r *record, before record, c store.Checkpoint) {
			r.receipts, r.keptAt = before.receipts, before.keptAt
		}),
		[]string{"prune/receipts: of the first commit", "prune/receipts: a key is free again"},
	},
	{
		"all receipts go", pruned(func(r *record, _ store.Checkpoint) { clear(r.receipts) }),
		[]string{"prune/receipts: of the first commit", "prune/receipts: a key that stays is used"},
	},
	{"receipts go with the first entry they were kept with", pruned(func(r *record, c store.Checkpoint) {
		if c.Seq >= 2 {
			delete(r.receipts, "k2")
		}
	}), []string{"prune/receipts: stay with a later entry"}},
	{
		"a receipt that was kept later goes when the same is pruned again", pruned(func(r *record, c store.Checkpoint) {
			if r.seq > 5 {
				delete(r.receipts, "k1")
			}
		}),
		[]string{"prune/receipts: a key that is used again stays"},
	},
	{
		"the wallet's parts go", pruned(func(r *record, _ store.Checkpoint) { clear(r.parts) }),
		[]string{"prune/half of them", "prune/a wallet that goes on"},
	},
	{
		"the feed begins anew", pruned(func(r *record, _ store.Checkpoint) { r.fed = 0 }),
		[]string{"prune/half of them", "prune/up to the feed"},
	},
	{
		"the instant of a checkpoint is lost", pruned(func(r *record, _ store.Checkpoint) { r.checkpoint.At = 0 }),
		[]string{"checkpoint/as it was given", "pruned/from the checkpoint's instant"},
	},
	{"the first checkpoint stays", pruneWith(func(r *record, before record, _ store.Checkpoint) {
		if before.checkpoint.Seq > 0 {
			r.checkpoint = before.checkpoint
		}
	}), []string{"checkpoint/the later one", "prune/step by step"}},
	{
		"a checkpoint's body ends at a NUL byte", shedding(func(s *shed) {
			s.check = func(c *store.Checkpoint) {
				if i := slices.Index(c.Body, 0); i > 0 {
					c.Body = c.Body[:i]
				}
			}
		}),
		[]string{"checkpoint/of every byte", "checkpoint/16 MiB"},
	},
	{"a checkpoint has the limit of other bodies", shedding(func(s *shed) {
		s.check = func(c *store.Checkpoint) {
			if len(c.Body) > store.BodyLimit {
				c.Body = nil
			}
		}
	}), []string{"checkpoint/16 MiB"}},
	{
		"a checkpoint has no limit", shedding(func(s *shed) {
			s.check = func(c *store.Checkpoint) { c.Body = c.Body[:min(len(c.Body), store.CheckpointLimit)] }
		}),
		[]string{"checkpoint/16 MiB and a byte"},
	},
	{"checkpoints share memory", shedding(func(s *shed) {
		s.prune = func(m *model, wallet string, c store.Checkpoint) error {
			err := m.prune(wallet, c)
			if err == nil {
				m.wallets[wallet].checkpoint.Body = c.Body
			}
			return err
		}
		s.sealed = func(m *model, wallet string) store.Checkpoint {
			if r := m.wallets[wallet]; r != nil {
				return r.checkpoint
			}
			return store.Checkpoint{}
		}
	}), []string{"memory/passed: a checkpoint", "memory/returned: a checkpoint"}},
	{"every wallet has the checkpoint of one", shedding(func(s *shed) {
		s.sealed = func(m *model, wallet string) store.Checkpoint { return m.checkpoint("a") }
	}), []string{"checkpoint/none of another wallet", "prune/two wallets"}},
	{"a note that was pruned cannot be erased", shedding(func(s *shed) {
		s.commit = func(m *model, writes []store.Write) []bool {
			for _, c := range flat(writes) {
				for _, seq := range c.Erase {
					if seq <= m.checkpoint(c.Wallet).Seq {
						panic(fmt.Sprintf("no entry %d", seq))
					}
				}
			}
			return m.commit(writes...)
		}
	}), []string{"prune/erasing a note that was pruned", "prune/a wallet that goes on"}},
}

// pruning returns a store that prunes as f does.
func pruning(f func(m *model, wallet string, c store.Checkpoint) error) func() store.Store {
	return shedding(func(s *shed) { s.prune = f })
}

// pruneAnyway returns a store that gives a checkpoint also where it is to be refused, if f says so.
func pruneAnyway(f func(r *record, c store.Checkpoint) bool) func() store.Store {
	return pruning(func(m *model, wallet string, c store.Checkpoint) error {
		if r := m.wallets[wallet]; r != nil && f(r, c) {
			r.checkpoint = cloneCheckpoint(c)
			return nil
		}
		return m.prune(wallet, c)
	})
}

// pruneWith returns a store that does more after it pruned, and knows what there was before.
func pruneWith(f func(r *record, before record, c store.Checkpoint)) func() store.Store {
	return pruning(func(m *model, wallet string, c store.Checkpoint) error {
		var before record
		if r := m.wallets[wallet]; r != nil {
			before = *r
			before.receipts, before.keptAt = maps.Clone(r.receipts), maps.Clone(r.keptAt)
			before.digests = maps.Clone(r.digests)
			for name, of := range r.digests {
				before.digests[name] = maps.Clone(of)
			}
		}
		err := m.prune(wallet, c)
		if err == nil {
			f(m.wallets[wallet], before, c)
		}
		return err
	})
}

// pruned returns a store that does more after it pruned.
func pruned(f func(r *record, c store.Checkpoint)) func() store.Store {
	return pruneWith(func(r *record, _ record, c store.Checkpoint) { f(r, c) })
}
