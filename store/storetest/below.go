package storetest

import (
	"fmt"
	"slices"

	"example.com/credits/store"
)

const (
	ruleEach     = "Each read is answered by itself"
	ruleBelow    = "With Below, parts with that ID and above are left out in any case"
	ruleBelowAll = "only parts with an ID below it; 0 for all"
	ruleBeside   = "the Seq, the Mark and the receipts are as without it"

	whyBelow   = "the ledger decides without a part that it asked for, or pays for those that it did not"
	whyBeside  = "a command that reads less of a wallet is never kept, or runs twice"
	whyBelowOf = "the parts of one read are chosen by the bound of another: the ledger decides on less than the wallet has"
)

// belowCases are of reads that leave parts out. Most wallets have the parts of split.
func belowCases() []testcase {
	named := func(name, rule, why string, run func(k *kit)) testcase {
		return testcase{"load/below " + name, rule, why, run}
	}
	return append([]testcase{
		named("an ID, at it, above it", ruleBelow, whyBelow, func(k *kit) {
			k.keep(change("a", 0, split))
			for _, below := range []uint64{1, 2, 3, 4, 5, 6, 8, 9, 10} {
				k.sameReads(store.Read{Wallet: "a", Below: below})
			}
		}),
		named("0 is all", ruleBelowAll, whyBelow, func(k *kit) {
			k.keep(change("a", 0, split))
			k.keep(change("b", 0, noParts, part(0, "zero")))
			k.sameReads(store.Read{Wallet: "a", Below: 0})
			k.sameReads(store.Read{Wallet: "b", Below: 0}, store.Read{Wallet: "b", Below: 1})
		}),
		named("all parts", ruleBelow, whyBelow, func(k *kit) {
			k.keep(change("a", 0, grow(1), noParts, part(5, "five"), part(1<<40, "far"), keyed("k")))
			for _, below := range []uint64{1, 2, 4, 5} {
				k.sameReads(store.Read{Wallet: "a", Below: below})
				k.sameReads(store.Read{Wallet: "a", Below: below, Keys: []string{"k"}})
			}
			k.same()
		}),
		named("no part", ruleBelow, whyBelow, func(k *kit) {
			k.keep(change("a", 0, noParts, part(0, "zero"), part(5, "five")))
			for _, below := range []uint64{6, 7, 256, 1 << 32, 1<<32 + 1, 1<<63 - 1} {
				k.sameReads(store.Read{Wallet: "a", Below: below})
			}
		}),
		named("the last ID", ruleBelow, whyBelow, func(k *kit) {
			k.keep(change("a", 0, part(1<<63-3, "third from last"), part(1<<63-2, "last but one"), part(1<<63-1, "last")))
			for _, below := range []uint64{1<<63 - 3, 1<<63 - 2, 1<<63 - 1, 0} {
				k.sameReads(store.Read{Wallet: "a", Below: below})
			}
		}),
		named("an ID, by number and not by count", ruleBelow, whyBelow, func(k *kit) {
			c := change("a", 0, noParts)
			for i := range uint64(300) {
				part(i*7919%300*3, fmt.Sprintf("body %d", i))(&c)
			}
			k.keep(c)
			for _, below := range []uint64{1, 3, 4, 9, 10, 255, 256, 257, 298, 300, 897, 898} {
				k.sameReads(store.Read{Wallet: "a", Below: below})
			}
		}),
		named("an ID, after parts came and went", ruleBelow, whyBelow, func(k *kit) {
			k.keep(change("a", 0, split))
			k.keep(change("a", 1, noParts, part(4, ""), part(5, "another"), part(6, "six")))
			k.keep(change("a", 2, noParts, part(5, ""), part(4, "four again"), part(1<<20, "")))
			for below := range uint64(12) {
				k.sameReads(store.Read{Wallet: "a", Below: below})
			}
		}),
		named("an ID in no such wallet", ruleNone, whyNone, func(k *kit) {
			k.keep(change("b", 0, split))
			k.sameReads(store.Read{Wallet: "a", Below: 5}, store.Read{Wallet: "a", Below: 5, Have: 1, Keys: []string{"k"}})
			k.same()
		}),
	}, besideCases()...)
}

// besideCases are of what Below must leave alone.
func besideCases() []testcase {
	named := func(name, rule, why string, run func(k *kit)) testcase {
		return testcase{"load/below, " + name, rule, why, run}
	}
	return []testcase{
		named("the Seq is the wallet's", ruleBeside, whyBeside, func(k *kit) {
			k.keep(change("a", 0, grow(6), split))
			for _, below := range []uint64{1, 6, 7, 8} {
				st := k.reads(store.Read{Wallet: "a", Below: below})[0]
				k.equal(fmt.Sprintf("Seq with Below %d", below), st.Seq, uint64(7))
			}
		}),
		named("with keys", ruleBeside, whyBeside, func(k *kit) {
			k.keep(change("a", 0, split, keyed("k1", "k2")))
			for seq := range uint64(9) {
				k.keep(change("a", seq+1, noParts, keyed(fmt.Sprint("l", seq))))
			}
			for _, below := range []uint64{0, 1, 5, 1<<63 - 1} {
				k.sameReads(store.Read{Wallet: "a", Below: below, Keys: []string{"l8", "k2", "none", "l0", "k1", "l3"}})
				k.sameReads(store.Read{Wallet: "a", Below: below, Have: 10, Keys: []string{"k1", "l8"}})
			}
		}),
		named("having the Seq it has", ruleHave, whyBelow, func(k *kit) {
			k.keep(change("a", 0, grow(4), split))
			for _, below := range []uint64{1, 2, 4, 5, 6, 9, 1<<63 - 1} {
				k.sameReads(store.Read{Wallet: "a", Have: 5, Below: below})
			}
		}),
		named("having another Seq", ruleHave, whyHave, func(k *kit) {
			k.keep(change("a", 0, grow(4), split))
			for _, have := range []uint64{1, 4, 6, 9, 1<<63 - 1} {
				for _, below := range []uint64{1, 4, 5, 6, 9, 1<<63 - 1} {
					k.sameReads(store.Read{Wallet: "a", Have: have, Below: below})
				}
			}
		}),
		named("each read of a call has its own", ruleEach, whyBelowOf, func(k *kit) {
			k.keep(change("a", 0, split, keyed("k")), change("b", 0, grow(3), split), change("c", 0, noParts, part(5, "five")))
			k.sameReads(
				store.Read{Wallet: "b", Below: 5}, store.Read{Wallet: "c"}, store.Read{Wallet: "a", Below: 1, Keys: []string{"k"}},
				store.Read{Wallet: "none", Below: 9}, store.Read{Wallet: "c", Below: 5}, store.Read{Wallet: "b"},
			)
			k.sameReads(store.Read{Wallet: "b"}, store.Read{Wallet: "a", Below: 9}, store.Read{Wallet: "c", Below: 6})
		}),
		named("one wallet in a hundred reads", ruleEach, whyBelowOf, func(k *kit) {
			k.keep(change("a", 0, split))
			var reads []store.Read
			for i := range uint64(100) {
				reads = append(reads, store.Read{Wallet: "a", Have: i % 3, Below: i * 37 % 100 / 8})
			}
			k.sameReads(reads...)
		}),
		named("then more of it, and less", ruleEach, whyBelowOf, func(k *kit) {
			k.keep(change("a", 0, split))
			for _, below := range []uint64{5, 0, 9, 1, 1<<63 - 1, 0} {
				k.sameReads(store.Read{Wallet: "a", Below: below})
			}
		}),
		named("what is left out stays", ruleParts, whyParts, func(k *kit) {
			k.keep(change("a", 0, split))
			st := k.reads(store.Read{Wallet: "a", Below: 5})[0]
			c := change("a", st.Seq, noParts)
			c.Parts = slices.Clone(st.Parts)
			c.Parts[0].Body = []byte("another")
			k.keep(c)
			k.same()
			k.sameReads(store.Read{Wallet: "a", Below: 5, Have: st.Seq})
		}),
	}
}

// split gives a wallet parts around the IDs that the cases read below.
func split(c *store.Change) {
	c.Parts = nil
	for _, id := range []uint64{9, 0, 5, 2, 1 << 20, 4, 1 << 40} {
		part(id, fmt.Sprintf("part %d of %s", id, c.Wallet))(c)
	}
}
