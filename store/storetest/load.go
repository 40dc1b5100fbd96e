package storetest

import (
	"fmt"
	"slices"

	"example.com/credits/store"
)

const (
	ruleOrder     = "Load returns one State for each read, in order."
	ruleNone      = "A wallet that does not exist has the zero State; that is no error."
	ruleHave      = "The parts may be left out, all of them, if the wallet still has the Seq that the read says it has."
	ruleFound     = "one that a commit up to the returned Seq kept is found"
	ruleRead      = "of the keys read, those that are kept, in the order of the read's keys"
	ruleOwn       = "the wallet's own: another wallet may have the same"
	ruleOnce      = "Receipt is what is kept under a key of a wallet, once and for good."
	ruleParts     = "those that changed, in any order; all others stay"
	ruleRemove    = "in a change, an empty body removes the part, if there is one"
	rulePartOrder = "in order of ID"

	whyOrder   = "states are taken for those of other wallets"
	whyNone    = "a wallet's first command fails, or finds credits that nobody granted"
	whyHave    = "the ledger decides on a state that is not the wallet's any more"
	whyReceipt = "the same key runs twice, or a replay answers with another command's result"
	whyParts   = "lots vanish from a wallet, or come back to it"
)

func loadCases() []testcase {
	return []testcase{
		{"load/no reads", ruleOrder, whyOrder, func(k *kit) {
			states, err := k.s.Load(k.ctx)
			if err != nil || len(states) != 0 {
				k.Errorf("Load of nothing gave %d states, error %v", len(states), err)
			}
		}},
		{"load/no such wallet", ruleNone, whyNone, func(k *kit) {
			k.keep(change("b", 0, keyed("k")))
			k.equal("Load", k.load("a", 0), store.State{})
			k.equal("Load with keys", k.load("a", 0, "k"), store.State{})
			k.equal("Load with Have", k.load("a", 7), store.State{})
		}},
		{"load/reading makes no wallet", ruleNone, whyNone, func(k *kit) {
			k.load("a", 0, "k")
			k.entries(store.Query{Wallet: "a"})
			k.ack("a", 1)
			k.same()
		}},
		{"load/in the order of the reads", ruleOrder, whyOrder, func(k *kit) {
			k.keep(change("a", 0), change("b", 0, grow(1)), change("c", 0, grow(2)))
			k.sameLoad("c", "none", "a", "b")
		}},
		{"load/one wallet twice", ruleOrder, whyOrder, func(k *kit) {
			k.keep(change("a", 0, keyed("k")), change("b", 0))
			k.sameLoad("a", "b", "a")
		}},
		{"load/a thousand reads", ruleOrder, whyOrder, func(k *kit) {
			var names []string
			var changes []store.Change
			for i := range 1000 {
				names = append(names, fmt.Sprintf("w%d", i))
				if i%3 > 0 {
					changes = append(changes, change(names[i], 0, grow(i%3)))
				}
			}
			k.keep(changes...)
			slices.Reverse(names)
			k.sameLoad(names...)
		}},
	}
}

func haveCases() []testcase {
	return []testcase{
		{"load/have the Seq it has", ruleHave, whyHave, func(k *kit) {
			k.keep(change("a", 0, part(2, "two"), part(3, "three"), keyed("k")))
			k.sameReads(store.Read{Wallet: "a", Have: 1, Keys: []string{"k"}})
		}},
		{"load/have an earlier Seq", ruleHave, whyHave, func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			k.keep(change("a", 1))
			k.keep(change("a", 2, noParts))
			for have := range uint64(3) {
				k.equal(fmt.Sprintf("Load with Have %d", have), k.load("a", have), k.m.load(store.Read{Wallet: "a"}))
			}
		}},
		{"load/have a later Seq", ruleHave, whyHave, func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			for _, have := range []uint64{2, 3, 1 << 32, 1<<32 + 1, 1<<63 - 1} {
				k.equal(fmt.Sprintf("Load with Have %d", have), k.load("a", have), k.m.load(store.Read{Wallet: "a"}))
			}
		}},
		{"load/have one of several", ruleHave, whyHave, func(k *kit) {
			k.keep(change("a", 0), change("b", 0), change("c", 0))
			k.keep(change("b", 1))
			k.sameReads(store.Read{Wallet: "a", Have: 1}, store.Read{Wallet: "b", Have: 1}, store.Read{Wallet: "c"})
		}},
	}
}

// sameLoad reads wallets in one call.
func (k *kit) sameLoad(wallets ...string) {
	k.Helper()
	reads := make([]store.Read, len(wallets))
	for i, w := range wallets {
		reads[i] = store.Read{Wallet: w, Keys: k.m.keys(w)}
	}
	k.sameReads(reads...)
}

func receiptCases() []testcase {
	named := func(name, rule string, run func(k *kit)) testcase {
		return testcase{"receipts/" + name, rule, whyReceipt, run}
	}
	return []testcase{
		named("found", ruleFound, func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.equal("receipts", k.load("a", 0, "k").Receipts, []store.Receipt{{Key: "k", Body: []byte("receipt of a k from 0")}})
		}),
		named("found by one who has the parts", ruleFound, func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.equal("receipts", k.load("a", 1, "k").Receipts, []store.Receipt{{Key: "k", Body: []byte("receipt of a k from 0")}})
		}),
		named("found for good", ruleOnce, func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			for seq := range uint64(20) {
				k.keep(change("a", seq+1, keyed(fmt.Sprint(seq))))
			}
			k.same()
		}),
		named("none asked for", ruleRead, func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.equal("receipts", k.load("a", 0).Receipts, []store.Receipt(nil))
		}),
		named("one that is not there", ruleRead, func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.equal("receipts", k.load("a", 0, "l").Receipts, []store.Receipt(nil))
		}),
		named("some that are not there", ruleRead, func(k *kit) {
			k.keep(change("a", 0, keyed("k2", "k4")))
			k.equal("receipts", k.load("a", 0, "k1", "k2", "k3", "k4", "k5").Receipts, k.m.load(store.Read{Wallet: "a", Keys: []string{"k2", "k4"}}).Receipts)
		}),
		named("in the order of the keys", ruleRead, func(k *kit) {
			k.keep(change("a", 0, keyed("b", "c")))
			k.keep(change("a", 1, keyed("a", "d")))
			keys := []string{"c", "a", "d", "b"}
			k.equal("receipts", k.load("a", 0, keys...).Receipts, k.m.load(store.Read{Wallet: "a", Keys: keys}).Receipts)
		}),
		named("several in one change", ruleFound, func(k *kit) {
			k.keep(change("a", 0, keyed("k1", "k2", "k3")))
			k.same()
		}),
		named("a thousand keys", ruleRead, func(k *kit) {
			var keys []string
			for i := range 1000 {
				keys = append(keys, fmt.Sprintf("key %d", i))
			}
			k.keep(change("a", 0, keyed(keys...)))
			slices.Reverse(keys)
			k.equal("receipts", k.load("a", 0, keys...).Receipts, k.m.load(store.Read{Wallet: "a", Keys: keys}).Receipts)
		}),
	}
}

// sharedCases are of keys that wallets share.
func sharedCases() []testcase {
	named := func(name, rule string, run func(k *kit)) testcase {
		return testcase{"receipts/" + name, rule, whyReceipt, run}
	}
	return []testcase{
		named("those of another wallet", ruleOwn, func(k *kit) {
			k.keep(change("a", 0, keyed("k")), change("b", 0, keyed("l")))
			k.equal("receipts of b", k.load("b", 0, "k").Receipts, []store.Receipt(nil))
		}),
		named("the same key in two wallets", ruleOwn, func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.keep(change("b", 0, grow(1), keyed("k")))
			k.same()
		}),
		named("wallet and key are not run together", ruleOwn, func(k *kit) {
			k.keep(change("ab", 0, keyed("c")), change("a", 0))
			k.equal("receipts of a", k.load("a", 0, "bc", "b/c", "c").Receipts, []store.Receipt(nil))
			k.keep(change("a", 1, keyed("bc")))
			k.same()
		}),
		named("not kept with a write that is not", ruleFound, func(k *kit) {
			k.keep(change("a", 0))
			k.refuse(change("a", 0, keyed("k")))
			k.equal("receipts", k.load("a", 0, "k").Receipts, []store.Receipt(nil))
		}),
	}
}

func partCases() []testcase {
	named := func(name, rule string, run func(k *kit)) testcase {
		return testcase{"parts/" + name, rule, whyParts, func(k *kit) { run(k); k.same() }}
	}
	return []testcase{
		named("in order of ID", rulePartOrder, func(k *kit) {
			k.keep(change("a", 0, part(9, "nine"), part(1<<40, "far"), part(2, "two"), part(10, "ten"), part(0, "zero")))
			k.keep(change("a", 1, part(5, "five"), part(1<<20, "near")))
		}),
		named("one replaced, the others stay", ruleParts, func(k *kit) {
			k.keep(change("a", 0, part(2, "two"), part(3, "three")))
			k.keep(change("a", 1, noParts, part(2, "another")))
		}),
		named("one added, the others stay", ruleParts, func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			k.keep(change("a", 1, noParts, part(3, "three")))
		}),
		named("none changed, all stay", ruleParts, func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			k.keep(change("a", 1, noParts))
		}),
		named("shorter and longer", ruleParts, func(k *kit) {
			k.keep(change("a", 0, part(2, "of some length"), part(3, "short")))
			k.keep(change("a", 1, part(2, "short"), part(3, "of a greater length than before")))
			k.keep(change("a", 2, part(2, "of quite another length again"), part(3, "x")))
		}),
		named("removed by an empty body", ruleRemove, func(k *kit) {
			k.keep(change("a", 0, part(2, "two"), part(3, "three")))
			k.keep(change("a", 1, part(2, "")))
		}),
		named("removed by no body", ruleRemove, func(k *kit) {
			k.keep(change("a", 0, part(2, "two"), part(3, "three")))
			c := change("a", 1, noParts)
			c.Parts = []store.Part{{ID: 2}}
			k.keep(c)
		}),
		named("removed and added again", ruleRemove, func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			k.keep(change("a", 1, part(2, "")))
			k.keep(change("a", 2, part(2, "new")))
		}),
		named("removed though not there", ruleRemove, func(k *kit) {
			k.keep(change("a", 0, part(2, "")))
			k.keep(change("a", 1, part(7, "")))
		}),
		named("all removed", ruleRemove, func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			k.keep(change("a", 1, noParts, part(1, ""), part(2, "")))
			k.equal("parts", k.load("a", 0).Parts, []store.Part(nil))
		}),
		named("a wallet without any", ruleParts, func(k *kit) { k.keep(change("a", 0, noParts)) }),
		named("three hundred", ruleParts, func(k *kit) {
			c := change("a", 0, noParts)
			for i := range 300 {
				part(uint64(i*7919%300), fmt.Sprintf("body %d", i))(&c)
			}
			k.keep(c)
			k.keep(change("a", 1, noParts, part(17, "changed"), part(299, ""), part(300, "added")))
		}),
		named("each wallet has its own", ruleParts, func(k *kit) {
			k.keep(change("a", 0, part(2, "of a")), change("b", 0, part(2, "of b")))
			k.keep(change("a", 1, part(2, "")))
		}),
	}
}
