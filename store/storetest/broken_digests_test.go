package storetest

import (
	"maps"
	"slices"

	"example.com/credits/store"
)

// brokenRestores restore wallets that are not as they were.
var brokenRestores = []broken{
	{"a wallet that exists is replaced", restoring(func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
		delete(m.wallets, wallet)
		return m.restore(wallet, c, due, parts)
	}), []string{"restore/a wallet that exists", "restore/a wallet that was restored", "restore/one of many callers"}},
	{"a wallet that exists is no error", restoring(func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
		_ = m.restore(wallet, c, due, parts)
		return nil
	}), []string{"restore/a wallet that exists", "restore/one of many callers"}},
	{"a wallet that exists is an error of another kind", restoring(func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
		if err := m.restore(wallet, c, due, parts); err != nil {
			return errRefused
		}
		return nil
	}), []string{"restore/a wallet that exists", "restore/a wallet that was restored"}},
	{"what was restored is handed to the feed again", altered(func(r *record) { r.fed = 0 }), []string{"restore/is due, and not pending", "restore/what it is given"}},
	{"the instant is lost", altered(func(r *record) { r.due = 0 }), []string{"restore/is due, and not pending"}},
	{"the checkpoint is lost", altered(func(r *record) { r.checkpoint = store.Checkpoint{} }), []string{"restore/its entries are pruned", "restore/what it is given"}},
	{"part 0 is lost", altered(func(r *record) { delete(r.parts, 0) }), []string{"restore/what it is given"}},
	{"empty parts are parts", altered(func(r *record) { r.parts[5] = nil }), []string{"restore/what it is given", "restore/beside others"}},
	{"it begins with the first entry", altered(func(r *record) { r.seq = 0 }), []string{"restore/goes on", "restore/no parts and no instant"}},
	{"a Seq of 32 bits is restored", altered(func(r *record) { r.seq &= 0xffffffff }), []string{"restore/at a great number"}},
	{"malformed parts are kept", restoring(func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
		if wallet == "A" {
			parts = append(slices.Clone(parts), store.Part{ID: 3, Body: []byte("twice")})
		}
		return m.restore(wallet, c, due, parts)
	}), []string{"restore/beside others"}},
}

// restoring returns a store that restores as f does.
func restoring(f func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error) func() store.Store {
	return shedding(func(s *shed) { s.restore = f })
}

// altered returns a store that alters what it restored.
func altered(f func(r *record)) func() store.Store {
	return restoring(func(m *model, wallet string, c store.Checkpoint, due int64, parts []store.Part) error {
		err := m.restore(wallet, c, due, parts)
		if err == nil {
			f(m.wallets[wallet])
		}
		return err
	})
}

// brokenDigests keep or find digests wrongly.
var brokenDigests = []broken{
	{"after is included", digesting(func(m *model, wallet, name string, after, through uint64) []store.Digest {
		return m.digests(wallet, name, max(after, 1)-1, through)
	}), []string{"digests/after the first", "digests/after the last"}},
	{"through is left out", digesting(func(m *model, wallet, name string, after, through uint64) []store.Digest {
		return m.digests(wallet, name, after, max(through, 1)-1)
	}), []string{"digests/through the first", "digests/all"}},
	{"through 0 is no bound", digesting(func(m *model, wallet, name string, after, through uint64) []store.Digest {
		if through == 0 {
			through = 1 << 62
		}
		return m.digests(wallet, name, after, through)
	}), []string{"digests/through 0"}},
	{"numbers of 32 bits", digesting(func(m *model, wallet, name string, after, through uint64) []store.Digest {
		return m.digests(wallet, name, after&0xffffffff, min(through, through&0xffffffff|through>>62<<62))
	}), []string{"digests/after a number with the same low bits"}},
	{"the newest are first", digesting(func(m *model, wallet, name string, after, through uint64) []store.Digest {
		all := m.digests(wallet, name, after, through)
		slices.Reverse(all)
		return all
	}), []string{"digests/all", "digests/kept: thousands"}},
	{"no more than a thousand", digesting(func(m *model, wallet, name string, after, through uint64) []store.Digest {
		all := m.digests(wallet, name, after, through)
		return all[:min(len(all), 1000)]
	}), []string{"digests/kept: thousands"}},
	{"digests of all names", shedding(func(s *shed) {
		s.keep = func(m *model, wallet, _ string, seq uint64, digests []store.Digest) {
			m.keepDigests(wallet, "n", seq, digests)
		}
		s.digests = func(m *model, wallet, _ string, after, through uint64) []store.Digest {
			return m.digests(wallet, "n", after, through)
		}
	}), []string{"digests/of other wallets and names", "digests/name: emoji", "digests/within a loop"}},
	{"digests of all wallets", digesting(func(m *model, _, name string, after, through uint64) []store.Digest {
		return m.digests("a", name, after, through)
	}), []string{"digests/of other wallets and names"}},
	{"names of any case", shedding(func(s *shed) {
		s.digests = func(m *model, wallet, name string, after, through uint64) []store.Digest {
			if name == "N" {
				name = "n"
			}
			return m.digests(wallet, name, after, through)
		}
	}), []string{"digests/of other wallets and names", "digests/kept: none"}},
	{"digests share memory", shedding(func(s *shed) {
		s.keep = func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
			m.keepDigests(wallet, name, seq, digests)
			for _, d := range digests {
				m.wallets[wallet].digests[name][d.Through] = d.Body
			}
		}
		s.digests = func(m *model, wallet, name string, after, through uint64) []store.Digest {
			all := m.digests(wallet, name, after, through)
			for i := range all {
				all[i].Body = m.wallets[wallet].digests[name][all[i].Through]
			}
			return all
		}
	}), []string{"memory/passed: digests", "memory/returned: digests"}},
	{"the first digest stays", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		m.keepDigests(wallet, name, seq, slices.DeleteFunc(slices.Clone(digests), func(d store.Digest) bool {
			return len(m.digests(wallet, name, d.Through-1, d.Through)) > 0
		}))
	}), []string{"digests/kept: in place of others"}},
	{"only the newest digests stay", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		if r := m.wallets[wallet]; r != nil && len(digests) > 0 {
			delete(r.digests, name)
		}
		m.keepDigests(wallet, name, seq, digests)
	}), []string{"digests/kept: between others", "digests/kept: in place of others"}},
	{"what was read early is not kept", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		if seq >= m.seq(wallet) {
			m.keepDigests(wallet, name, seq, digests)
		}
	}), []string{"digests/kept: read earlier", "digests/erased: kept again"}},
	{"a wallet is made of its digests", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		if m.wallets[wallet] == nil {
			m.create(wallet)
		}
		m.keepDigests(wallet, name, seq, digests)
	}), []string{"digests/kept: of a wallet that does not exist"}},
	{"what was read before an erasing is kept", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		m.keepDigests(wallet, name, 1<<62, digests)
	}), []string{"digests/erased: read before", "digests/erased: read before, kept much later", "concurrent/digests kept while notes are erased"}},
	{"what was read right after an erasing is not kept", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		if r := m.wallets[wallet]; r != nil && r.erased < seq {
			m.keepDigests(wallet, name, seq, digests)
		}
	}), []string{"digests/erased: kept again"}},
	{"erasing is remembered for the last change only", committing(func(m *model, c store.Change, _ record) {
		if r := m.wallets[c.Wallet]; len(c.Erase) == 0 {
			r.erased = 0
		}
	}), []string{"digests/erased: read before, kept much later"}},
	{
		"erasing leaves digests", committing(func(m *model, c store.Change, before record) { m.wallets[c.Wallet].digests = before.digests }),
		[]string{"digests/erased: all of the wallet", "digests/erased: of all that one write changes", "digests/erased: of a note that is not there"},
	},
	{"erasing leaves the digests of other names", committing(func(m *model, c store.Change, before record) {
		if r := m.wallets[c.Wallet]; len(c.Erase) > 0 {
			r.digests = maps.Clone(before.digests)
			delete(r.digests, "n")
		}
	}), []string{"digests/erased: all of the wallet"}},
	{
		"every commit removes digests", committing(func(m *model, c store.Change, _ record) { m.wallets[c.Wallet].digests = nil }),
		[]string{"digests/kept: after a commit", "digests/erased: not of one that was not erased", "digests/erased: of all that one write changes"},
	},
	{"a write that is not kept removes digests", shedding(func(s *shed) {
		s.commit = func(m *model, writes []store.Write) []bool {
			for _, c := range flat(writes) {
				if r := m.wallets[c.Wallet]; r != nil && len(c.Erase) > 0 {
					r.digests = nil
				}
			}
			return m.commit(writes...)
		}
	}), []string{"digests/erased: not by a write that is not kept"}},
	{
		"pruning leaves digests", pruneWith(func(r *record, before record, _ store.Checkpoint) { r.digests = before.digests }),
		[]string{"digests/pruned at 10: one that ends there, and one that begins before it", "digests/pruned at 40: all"},
	},
	{"pruning leaves digests that begin before the checkpoint", pruneWith(func(r *record, before record, c store.Checkpoint) {
		r.digests = before.digests
		for _, of := range r.digests {
			maps.DeleteFunc(of, func(through uint64, _ []byte) bool { return through <= c.Seq })
		}
	}), []string{"digests/pruned at 1: the first of each name", "digests/pruned at 11: two, and one of the other name"}},
	{
		"pruning removes all digests", pruned(func(r *record, _ store.Checkpoint) { r.digests = nil }),
		[]string{"digests/pruned at 1: the first of each name", "digests/pruned at 25: those of entries up to the middle"},
	},
	{"digests of pruned entries are kept", keeping(func(m *model, wallet, name string, seq uint64, digests []store.Digest) {
		if r := m.wallets[wallet]; r != nil {
			at := r.checkpoint.Seq
			r.checkpoint.Seq = 0
			m.keepDigests(wallet, name, seq, digests)
			r.checkpoint.Seq = at
		}
	}), []string{"digests/pruned: kept afterwards"}},
}

// digesting returns a store that finds the digests that f does.
func digesting(f func(m *model, wallet, name string, after, through uint64) []store.Digest) func() store.Store {
	return shedding(func(s *shed) { s.digests = f })
}

// keeping returns a store that keeps digests as f does.
func keeping(f func(m *model, wallet, name string, seq uint64, digests []store.Digest)) func() store.Store {
	return shedding(func(s *shed) { s.keep = f })
}

// committing returns a store that does more after it kept a change, and knows what there was before.
func committing(f func(m *model, c store.Change, before record)) func() store.Store {
	return shedding(func(s *shed) {
		s.commit = each(func(m *model, w store.Write) bool {
			before := make(map[string]record)
			for _, c := range w.Changes {
				if r := m.wallets[c.Wallet]; r != nil {
					before[c.Wallet] = *r
				}
			}
			kept := m.commit(w)[0]
			for _, c := range w.Changes {
				if kept {
					f(m, c, before[c.Wallet])
				}
			}
			return kept
		})
	})
}
