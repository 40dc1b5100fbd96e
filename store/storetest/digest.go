package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"

	"example.com/credits/store"
)

const (
	ruleDigests     = "Digests yields the digests kept of a wallet under a name, whose Through is greater than after and at most through, in order of it."
	ruleKeepDigests = "KeepDigests keeps digests, in order of Through, of entries that were read when the wallet had seq or later."
	ruleDigestThere = "A digest that is there is replaced."
	ruleDigestBody  = "opaque, at most BodyLimit bytes"
	ruleDigestErase = "A Commit that erases notes of a wallet removes all its digests."
	ruleDigestLate  = "If a change after seq erased notes, it keeps none, and that is no error"
	ruleDigestGone  = "and the digests of any of them"
	ruleDigestEnd   = "nor does it keep those that end at the wallet's checkpoint or before"
	ruleDigestNone  = "A Digester is a [Store] that keeps digests, so that what follows from old entries need not be worked out again. It is optional, and so is all that it keeps"

	whyDigests     = "what was worked out from other entries is taken for what these say: usage is wrong"
	whyDigestErase = "what was erased can still be read"
)

// digester returns the store as what it is declared to be.
func (k *kit) digester() store.Digester {
	k.Helper()
	d, ok := k.s.(store.Digester)
	if !ok {
		k.Fatalf("the store is declared to be a Digester, and is none")
	}
	return d
}

// keepDigests tells store and model.
func (k *kit) keepDigests(wallet, name string, seq uint64, digests ...store.Digest) {
	k.Helper()
	if err := k.digester().KeepDigests(k.ctx, wallet, name, seq, digests...); err != nil {
		k.Fatalf("KeepDigests of %q under %q at %d: %v", wallet, name, seq, err)
	}
	k.m.keepDigests(wallet, name, seq, digests)
}

// sameDigests compares what is kept of a wallet under a name.
func (k *kit) sameDigests(wallet, name string, after, through uint64) {
	k.Helper()
	what := fmt.Sprintf("Digests of %q under %q after %d through %d", wallet, name, after, through)
	got := collect(k, what, k.digester().Digests(k.ctx, wallet, name, after, through))
	k.equal(what, got, k.m.digests(wallet, name, after, through))
}

// sameAllDigests compares all that is kept under the names that most cases use.
func (k *kit) sameAllDigests() {
	k.Helper()
	for _, wallet := range []string{"a", "b", "A"} {
		for _, name := range []string{"n", "m", "N", "n "} {
			k.sameDigests(wallet, name, 0, math.MaxInt64)
		}
	}
}

// digests returns one digest through each Seq.
func digests(throughs ...uint64) []store.Digest {
	list := make([]store.Digest, len(throughs))
	for i, t := range throughs {
		list[i] = store.Digest{Through: t, Body: fmt.Append(nil, "digest through ", t)}
	}
	return list
}

// digested makes the history, and digests of wallet "a" under two names.
func (k *kit) digested() {
	k.Helper()
	k.history()
	k.keepDigests("a", "n", 40, digests(10, 20, 30, 40)...)
	k.keepDigests("a", "m", 40, digests(15, 25)...)
}

func askedDigestCases() []testcase {
	asked := func(name string, n int, after, through uint64) testcase {
		return testcase{"digests/" + name, ruleDigests, whyDigests, func(k *kit) {
			k.digested()
			k.sameDigests("a", "n", after, through)
			if got := len(k.m.digests("a", "n", after, through)); got != n {
				k.Errorf("the case is broken: %d digests, not %d", got, n)
			}
		}}
	}
	return []testcase{
		asked("all", 4, 0, 40),
		asked("through more than there are", 4, 0, 41),
		asked("through the greatest number", 4, 0, math.MaxInt64),
		asked("through 0", 0, 0, 0),
		asked("through just before the last", 3, 0, 39),
		asked("through just before the first", 0, 0, 9),
		asked("through the first", 1, 0, 10),
		asked("after just before the first", 4, 9, 40),
		asked("after the first", 3, 10, 40),
		asked("after just beyond the first", 3, 11, 40),
		asked("after the last", 0, 40, 40),
		asked("after more than there are", 0, 41, 100),
		asked("after 15 through 35", 2, 15, 35),
		asked("after through", 0, 30, 20),
		asked("after the greatest number", 0, math.MaxInt64, math.MaxInt64),
		asked("after a number with the same low bits", 0, 10+1<<32, 40+1<<32),
	}
}

func digestCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"digests/" + name, ruleDigests, whyDigests, run}
	}
	list := []testcase{
		named("of other wallets and names", func(k *kit) {
			k.digested()
			k.keep(change("A", 0))
			k.keepDigests("A", "N", 1, digests(1)...)
			k.keepDigests("b", "n ", 40, digests(3, 5)...)
			k.sameAllDigests()
		}),
		named("outside of the bounds", func(k *kit) {
			k.digested()
			for _, x := range []struct{ wallet, name string }{{"", "n"}, {"a", ""}, {"a", strings.Repeat("n", 256)}, {"a\xff", "n"}, {"a", "n\x00"}} {
				for _, err := range k.digester().Digests(k.ctx, x.wallet, x.name, 0, 40) {
					if err == nil {
						k.Errorf("Digests of %q under %q yielded one", x.wallet, x.name)
					}
				}
			}
			for d, err := range k.digester().Digests(k.ctx, "a", "n", 0, 1<<63+25) {
				if err == nil && d.Through > 40 {
					k.Errorf("Digests yielded one through %d", d.Through)
				}
			}
		}),
		named("left, and ranged over twice", func(k *kit) {
			k.digested()
			seq := k.digester().Digests(k.ctx, "a", "n", 0, 40)
			for range 100 {
				for range seq {
					break
				}
			}
			k.equal("Digests", collect(k, "Digests", seq), k.m.digests("a", "n", 0, 40))
		}),
		named("within a loop", func(k *kit) {
			k.digested()
			for d, err := range k.digester().Digests(k.ctx, "a", "n", 0, 40) {
				if err != nil {
					k.Fatalf("Digests: %v", err)
				}
				k.keepDigests("a", "m", 40, digests(d.Through)...)
				k.sameDigests("a", "m", 0, 40)
			}
		}),
		{"memory/returned: digests", ruleMemory, whyMemory, func(k *kit) {
			k.digested()
			for d := range k.digester().Digests(k.ctx, "a", "n", 0, 40) {
				wipe(d.Body)
			}
			k.sameAllDigests()
		}},
	}
	for _, x := range hostile {
		list = append(list, testcase{"digests/name: " + x.what, ruleNames, whyNames, func(k *kit) {
			k.digested()
			k.keepDigests("a", x.name, 40, digests(7)...)
			k.sameDigests("a", x.name, 0, 40)
			k.sameAllDigests()
		}})
	}
	return list
}

func keptDigestCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"digests/kept: " + name, ruleKeepDigests, whyDigests, func(k *kit) {
			k.digested()
			run(k)
			k.sameAllDigests()
			k.same()
		}}
	}
	list := []testcase{
		named("none", func(k *kit) { k.keepDigests("a", "n", 40) }),
		named("between others", func(k *kit) { k.keepDigests("a", "n", 40, digests(5, 12, 45)...) }),
		named("read earlier", func(k *kit) {
			k.keepDigests("a", "m", 1, digests(1)...)
			k.keepDigests("a", "m", 0, digests(2)...)
		}),
		named("read later", func(k *kit) { k.keepDigests("a", "m", 41, digests(41)...) }),
		named("after a commit", func(k *kit) {
			k.keep(change("a", 40, keyed("k"), part(2, "two")))
			k.keepDigests("a", "n", 40, digests(41)...)
		}),
		named("of a wallet that does not exist", func(k *kit) {
			k.keepDigests("A", "n", 5, digests(5)...)
			k.keep(change("A", 0))
		}),
		named("the greatest number", func(k *kit) { k.keepDigests("a", "n", math.MaxInt64, digests(math.MaxInt64)...) }),
	}
	return append(append(list, keptBodyCases()...), malformedDigestCases()...)
}

func keptBodyCases() []testcase {
	return []testcase{
		{"digests/kept: in place of others", ruleDigestThere, whyDigests, func(k *kit) {
			k.digested()
			k.keepDigests("a", "n", 40, store.Digest{Through: 20, Body: []byte("another")}, store.Digest{Through: 30}, store.Digest{Through: 31})
			k.keepDigests("a", "n", 40, store.Digest{Through: 31, Body: []byte("more")})
			k.sameAllDigests()
		}},
		{"digests/kept: thousands", ruleDigests, whyPages, func(k *kit) {
			k.history()
			var all []store.Digest
			for i := range uint64(3000) {
				all = append(all, digests(3*i+1)...)
			}
			k.keepDigests("a", "n", 40, all...)
			k.sameAllDigests()
			k.sameDigests("a", "n", 500, 7777)
			cancelled(k, "Digests", 3000, func(ctx context.Context) iter.Seq2[store.Digest, error] {
				return k.digester().Digests(ctx, "a", "n", 0, 10_000)
			})
		}},
		{"digests/kept: 1 MiB", ruleDigestBody, whyBodies, func(k *kit) {
			k.history()
			var all []store.Digest
			for i := range 6 {
				all = append(all, store.Digest{Through: uint64(i + 1), Body: make([]byte, store.BodyLimit-i)})
				all[i].Body[0], all[i].Body[store.BodyLimit-1-i] = byte(i), 0xff
			}
			k.keepDigests("a", "n", 40, all...)
			k.sameAllDigests()
		}},
		{"memory/passed: digests", ruleMemory, whyMemory, func(k *kit) {
			k.history()
			all := digests(3, 4)
			k.keepDigests("a", "n", 40, all...)
			wipe(all[0].Body)
			clear(all)
			k.sameAllDigests()
		}},
		endedCase("KeepDigests", (*kit).digested, func(ctx context.Context, k *kit) error {
			defer k.sameAllDigests()
			return k.digester().KeepDigests(ctx, "a", "n", 40, digests(41)...)
		}),
		endedCase("Digests", (*kit).digested, func(ctx context.Context, k *kit) error {
			return first(k.digester().Digests(ctx, "a", "n", 0, 40))
		}),
	}
}

func malformedDigestCases() []testcase {
	mistakes := []struct {
		name, wallet, under string
		seq                 uint64
		digests             []store.Digest
	}{
		{"through 0", "a", "n", 40, digests(0)},
		{"through more than 1<<63 - 1", "a", "n", 40, digests(1 << 63)},
		{"seq more than 1<<63 - 1", "a", "n", 1 << 63, digests(11)},
		{"not in order", "a", "n", 40, digests(11, 13, 12)},
		{"one twice", "a", "n", 40, digests(11, 11)},
		{"1 MiB and a byte", "a", "n", 40, []store.Digest{{Through: 11}, {Through: 12, Body: make([]byte, store.BodyLimit+1)}}},
		{"no wallet", "", "n", 40, digests(11)},
		{"no name", "a", "", 40, digests(11)},
		{"a long name", "a", strings.Repeat("n", 256), 40, digests(11)},
		{"a name with a NUL byte", "a", "n\x00", 40, digests(11)},
		{"a name that is not UTF-8", "a", "n\xff", 40, digests(11)},
	}
	var list []testcase
	for _, x := range mistakes {
		list = append(list, testcase{"digests/malformed: " + x.name, ruleKeepDigests, whyDigests, func(k *kit) {
			k.digested()
			if err := k.digester().KeepDigests(k.ctx, x.wallet, x.under, x.seq, x.digests...); err == nil {
				k.Errorf("KeepDigests gave no error")
			} else if errors.Is(err, store.ErrAborted) {
				k.Errorf("KeepDigests says that it may be tried again: %v", err)
			}
			k.sameAllDigests()
		}})
	}
	return list
}

func erasedDigestCases() []testcase {
	named := func(name, rule string, run func(k *kit)) testcase {
		return testcase{"digests/erased: " + name, rule, whyDigestErase, func(k *kit) {
			k.digested()
			k.keepDigests("b", "n", 40, digests(9)...)
			run(k)
			k.sameAllDigests()
			k.same()
		}}
	}
	return []testcase{
		named("all of the wallet", ruleDigestErase, func(k *kit) { k.keep(change("a", 40, erase(39))) }),
		named("not of one that was not erased", ruleDigestErase, func(k *kit) { k.keep(change("a", 40, grow(3))) }),
		named("not by a write that is not kept", ruleDigestErase, func(k *kit) {
			k.refuse(change("a", 39, erase(1)))
			k.refuse(change("a", 40, erase(1)), change("b", 3))
		}),
		named("of all that one write changes", ruleDigestErase, func(k *kit) {
			k.commit(store.Write{Changes: []store.Change{change("b", 40, erase(2)), change("a", 40)}})
			k.sameAllDigests()
			k.commit(one(change("c", 0)), one(change("a", 41, erase(3, 3), keyed("k"))))
		}),
		named("of a note that is not there", ruleDigestErase, func(k *kit) {
			k.keep(change("a", 40, erase(5)))
			k.keepDigests("a", "n", 41, digests(10)...)
			k.keep(change("a", 41, erase(5)))
		}),
		named("kept again", ruleKeepDigests, func(k *kit) {
			k.keep(change("a", 40, grow(1), erase(1)))
			k.keepDigests("a", "n", 42, digests(10)...)
			k.keep(change("a", 42))
			k.keepDigests("a", "n", 42, digests(20)...)
			k.keepDigests("a", "n", 43, digests(30)...)
		}),
		named("read before", ruleDigestLate, func(k *kit) {
			k.keep(change("a", 40, erase(1)))
			k.keepDigests("a", "n", 40, digests(10)...)
			k.keepDigests("a", "n", 1, digests(20)...)
		}),
		named("read before, kept much later", ruleDigestLate, func(k *kit) {
			k.keep(change("a", 40, grow(1), erase(1)))
			k.keep(change("a", 42, grow(9)))
			k.keepDigests("a", "n", 41, digests(10)...)
			k.keepDigests("a", "m", 42, digests(20)...)
			k.keepDigests("b", "n", 1, digests(30)...)
		}),
		named("read before the second time", ruleDigestLate, func(k *kit) {
			k.keep(change("a", 40, erase(1)))
			k.keep(change("a", 41, erase(2)))
			k.keepDigests("a", "n", 41, digests(10)...)
		}),
		{"concurrent/digests kept while notes are erased", ruleDigestLate, whyDigestErase, eraseRace},
	}
}

// eraseRace keeps digests while a commit erases what they were made from. None may stay.
func eraseRace(k *kit) {
	k.keep(change("a", 0))
	for seq := uint64(1); seq <= 60; seq++ {
		c := change("a", seq, erase(seq))
		w := one(c)
		w.Wait = true
		together(3, func(i int) {
			if i == 0 {
				if kept, err := k.tried(w); err != nil || !kept[0] {
					k.Errorf("Commit: %v, error %v", kept, err)
				}
				return
			}
			if err := k.digester().KeepDigests(k.ctx, "a", "n", seq, digests(seq, seq+1)...); err != nil && !errors.Is(err, store.ErrAborted) {
				k.Errorf("KeepDigests: %v", err)
			}
		})
		k.m.commit(one(c))
		k.sameDigests("a", "n", 0, 100)
		if k.Failed() {
			return
		}
	}
}

// prunedDigestCases prune a wallet that has digests through 10, 20, 30 and 40
// under one name, and through 15 and 25 under another.
func prunedDigestCases() []testcase {
	named := func(seq uint64, what string) testcase {
		return testcase{fmt.Sprintf("digests/pruned at %d: %s", seq, what), ruleDigestGone, whyDigests, func(k *kit) {
			k.digested()
			k.keepDigests("b", "n", 40, digests(9)...)
			k.ack("a", 40)
			k.prune("a", seq)
			k.sameAllDigests()
			k.keepDigests("a", "n", 40, digests(35, 45)...)
			k.sameAllDigests()
		}}
	}
	return []testcase{
		named(1, "the first of each name"),
		named(9, "one that begins before it"),
		named(10, "one that ends there, and one that begins before it"),
		named(11, "two, and one of the other name"),
		named(25, "those of entries up to the middle"),
		named(29, "all of the other name"),
		named(40, "all"),
		{"digests/pruned: kept afterwards", ruleDigestEnd, whyDigests, func(k *kit) {
			k.digested()
			k.ack("a", 40)
			k.prune("a", 20)
			k.keepDigests("a", "n", 40, digests(1, 19, 20, 21)...)
			k.sameAllDigests()
			k.restore("A", k.sealed("A", 20), 0)
			k.keepDigests("A", "n", 20, digests(20, 21)...)
			k.sameAllDigests()
		}},
		{"digests/pruned: not of another wallet", ruleDigestGone, whyDigests, func(k *kit) {
			k.digested()
			k.ack("b", 40)
			k.prune("b", 40)
			k.sameAllDigests()
		}},
	}
}

// undigestedCases see that a store that is not declared to be a Digester keeps none.
func undigestedCases() []testcase {
	return []testcase{{"undigested/keeps none", ruleDigestNone, whyDigests, func(k *kit) {
		k.history()
		if err := store.KeepDigests(k.ctx, k.s, "a", "n", 40, digests(10)...); err != nil {
			k.Errorf("KeepDigests: %v", err)
		}
		if got := collect(k, "Digests", store.Digests(k.ctx, k.s, "a", "n", 0, 40)); len(got) > 0 {
			k.Errorf("%d digests are kept: declare the store to be a Digester, so that it is tested", len(got))
		}
		k.same()
	}}}
}
