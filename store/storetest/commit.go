package storetest

import (
	"fmt"
	"slices"

	"example.com/credits/store"
)

const (
	ruleWhole   = "Commit keeps each write whole or not at all, and reports for each whether it did."
	ruleFollows = "the stored wallet has the Seq that the change calls Prev"
	ruleMark    = "and the Mark that it calls PrevMark"
	ruleKey     = "none of the change's receipts has a key that is kept already"
	ruleAlone   = "One write that is not kept keeps no other from being so."
	ruleSees    = "A call sees all that was kept before it began."
	ruleErase   = "entries up to Prev whose Note is removed, if they have one"

	whyWhole   = "a wallet departs from its entries, a key is used up for nothing, or half a transfer stays"
	whyFollows = "two spends of the same credits both succeed"
	whyMark    = "a database that was set back is written on as if it were still ahead"
	whyKey     = "a spend that is tried again takes its credits twice"
	whyAlone   = "one wallet's rival makes the commands of strangers fail"
	whySees    = "who was told that a spend is done does not find it"
	whyErase   = "personal data stays, or what the chain of hashes covers goes"
)

func commitCases() []testcase {
	whole := func(name string, run func(k *kit)) testcase {
		return testcase{"commit/" + name, ruleWhole, whyWhole, func(k *kit) { run(k); k.same() }}
	}
	list := []testcase{
		whole("no writes", func(k *kit) { k.commit() }),
		whole("all that a change has", func(k *kit) {
			k.keep(change("a", 0, grow(2), part(2, "two"), keyed("k"), due(epoch)))
			k.keep(change("a", 3, grow(1), part(2, ""), part(3, "three"), keyed("l", "m"), due(epoch+1), erase(1, 3)))
		}),
		whole("no parts of a write that is not kept", func(k *kit) {
			k.keep(change("a", 0), change("b", 0))
			k.refuse(change("a", 0, noParts, part(1, "never"), part(2, "never")))
		}),
		whole("no removal by a write that is not kept", func(k *kit) {
			k.keep(change("a", 0, part(2, "two")))
			k.refuse(change("a", 3, noParts, part(1, ""), part(2, "")))
		}),
		whole("no entries of a write that is not kept", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.refuse(change("a", 1, grow(3), keyed("k")))
			k.keep(change("a", 1))
		}),
		whole("no receipts of a write that is not kept", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.refuse(change("a", 1, keyed("l", "k", "m")))
			k.equal("receipts", k.load("a", 0, "l", "m").Receipts, []store.Receipt(nil))
		}),
		whole("no due instant of a write that is not kept", func(k *kit) {
			k.keep(change("a", 0, due(epoch)))
			k.refuse(change("a", 0, due(epoch-5)))
		}),
		whole("no erasure by a write that is not kept", func(k *kit) {
			k.keep(change("a", 0, grow(1), keyed("k")))
			k.refuse(change("a", 2, keyed("k"), erase(1)))
		}),
		whole("no wallet by a write that is not kept", func(k *kit) { k.refuse(change("a", 4)) }),
	}
	for _, n := range []int{1, 2, 100, 1000} {
		list = append(list, whole(fmt.Sprintf("%d entries in a change", n), func(k *kit) {
			k.keep(change("a", 0, grow(n-1)))
			k.keep(change("a", uint64(n), grow(n-1)))
		}))
	}
	for _, n := range []int{2, 10, 1000} {
		list = append(list, whole(fmt.Sprintf("%d writes in a call", n), func(k *kit) {
			var changes []store.Change
			for i := range n {
				changes = append(changes, change(fmt.Sprintf("w%d", n-i), 0, keyed("k")))
			}
			k.keep(changes...)
		}))
	}
	return append(list, testcase{"commit/seen at once", ruleSees, whySees, func(k *kit) {
		for seq := range uint64(20) {
			k.keep(change("a", seq, keyed(fmt.Sprint(seq)), due(epoch+int64(seq%5))))
			k.same()
			k.sameHeads(store.Filter{Due: epoch + 2})
			k.sameHeads(store.Filter{Pending: true})
			if seq%3 == 0 {
				k.ack("a", seq+1)
			}
		}
	}})
}

func swapCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"compare-and-swap/" + name, ruleFollows, whyFollows, run}
	}
	list := []testcase{
		named("from where it stands", func(k *kit) {
			for seq := range uint64(30) {
				k.keep(change("a", seq))
			}
			k.same()
		}),
		named("a wallet that is there is not new", func(k *kit) {
			k.keep(change("a", 0))
			k.refuse(change("a", 0))
		}),
		named("a wallet that is not there has no Seq", func(k *kit) { k.refuse(change("a", 1)) }),
		named("the same change twice", func(k *kit) {
			k.keep(change("a", 0, grow(2)))
			k.keep(change("a", 3))
			k.refuse(change("a", 3))
		}),
		named("after one not kept", func(k *kit) {
			k.keep(change("a", 0))
			k.refuse(change("a", 0, grow(4)))
			k.keep(change("a", 1))
			k.same()
		}),
		named("a wallet of another's Seq", func(k *kit) {
			k.keep(change("a", 0, grow(4)), change("b", 0))
			k.refuse(change("b", 5))
			k.keep(change("b", 1))
		}),
	}
	for _, prev := range []uint64{0, 1, 2, 4, 5, 6, 3 + 1<<32, 1<<63 - 2} {
		list = append(list, named(fmt.Sprintf("from %d where it stands at 3", prev), func(k *kit) {
			k.keep(change("a", 0, grow(2)))
			k.refuse(change("a", prev))
		}))
	}
	return list
}

func markCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"marks/" + name, ruleMark, whyMark, func(k *kit) { run(k); k.same() }}
	}
	list := []testcase{
		named("it has the one that it got", func(k *kit) {
			k.keep(change("a", 0, marked(0, 7)))
			k.same()
			k.keep(change("a", 1, marked(7, 9)), change("b", 0, marked(0, 3)))
			k.same()
			k.keep(change("a", 2, marked(9, 0)))
		}),
		named("none", func(k *kit) {
			k.keep(change("a", 0, marked(0, 7)))
			k.refuse(change("a", 1, marked(0, 8)))
		}),
		named("of the history before", func(k *kit) {
			k.keep(change("a", 0, marked(0, 7)))
			k.keep(change("a", 1, marked(7, 8)))
			k.refuse(change("a", 2, marked(7, 9)))
		}),
		named("one of two changes", func(k *kit) {
			k.keep(change("a", 0, marked(0, 7)), change("b", 0, marked(0, 8)))
			both := func(b uint64) store.Write {
				return store.Write{Changes: []store.Change{change("a", 1, marked(7, 1)), change("b", 1, marked(b, 2))}}
			}
			if kept := k.commit(both(7)); kept[0] {
				k.Errorf("it was kept")
			}
			k.same()
			k.commit(both(8))
		}),
		named("with several keys", func(k *kit) {
			k.keep(change("a", 0, marked(0, 7)))
			k.refuse(change("a", 1, marked(6, 7), keyed("k", "l"), grow(1)))
			k.keep(change("a", 1, marked(7, 8), keyed("k", "l"), grow(1)))
		}),
	}
	for _, mark := range []uint64{1, 1 << 31, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		list = append(list, named(fmt.Sprint(mark), func(k *kit) {
			k.keep(change("a", 0, marked(0, mark)))
			k.refuse(change("a", 1, marked(mark^1<<40, 1)))
			k.refuse(change("a", 1, marked(mark-1, 1)), change("a2", 1))
			k.keep(change("a", 1, marked(mark, mark-1)))
		}))
	}
	return list
}

func keyCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"keys/" + name, ruleKey, whyKey, func(k *kit) { run(k); k.same() }}
	}
	list := []testcase{
		named("a used key", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.refuse(change("a", 1, keyed("k")))
		}),
		named("a used key with the same body", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			c := change("a", 1)
			c.Receipts = []store.Receipt{{Key: "k", Body: []byte("receipt of a k from 0")}}
			k.refuse(c)
		}),
		named("a key used long ago", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			for seq := range uint64(50) {
				k.keep(change("a", seq+1))
			}
			k.refuse(change("a", 51, keyed("k")))
		}),
		named("free after a write that was not kept", func(k *kit) {
			k.keep(change("a", 0))
			k.refuse(change("a", 0, keyed("k")))
			k.keep(change("a", 1, keyed("k")))
		}),
		named("the body of the first stays", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			k.refuse(change("a", 1, keyed("k")))
			k.equal("receipts", k.load("a", 0, "k").Receipts, []store.Receipt{{Key: "k", Body: []byte("receipt of a k from 0")}})
		}),
		named("used in one of two changes", func(k *kit) {
			k.keep(change("a", 0, keyed("k")), change("b", 0, keyed("l")))
			k.refuse(change("a", 1, keyed("l")), change("b", 1, keyed("l")))
		}),
		named("one key in two wallets of a call", func(k *kit) {
			k.keep(change("a", 0, keyed("k")), change("b", 0, keyed("k")), change("c", 0, keyed("k")))
		}),
		named("one key in two wallets of a write", func(k *kit) {
			k.commit(store.Write{Changes: []store.Change{change("a", 0, keyed("k")), change("b", 0, keyed("k"))}})
			k.refuse(change("a", 1, keyed("k")), change("b", 1, keyed("m")))
		}),
		named("two bodies of nothing", func(k *kit) {
			c := change("a", 0)
			c.Receipts = []store.Receipt{{Key: "k"}, {Key: "l", Body: []byte{}}}
			k.keep(c)
			c = change("a", 1)
			c.Receipts = []store.Receipt{{Key: "l"}}
			k.refuse(c)
		}),
	}
	for i, at := range []string{"first", "second", "last"} {
		list = append(list, named("a used key "+at+" among new ones", func(k *kit) {
			k.keep(change("a", 0, keyed("k")))
			keys := slices.Insert([]string{"l", "m"}, i, "k")
			k.refuse(change("a", 1, keyed(keys...)))
			k.keep(change("a", 1, keyed("l", "m")))
		}))
	}
	return list
}

// refusals are the reasons why a change may not follow: each makes one that
// does not follow for a wallet that stands at 1 and has the key "used". A
// wallet named "none" is not there.
var refusals = []struct {
	name string
	make func(wallet string) store.Change
}{
	{"stale", func(w string) store.Change { return change(w, 0, keyed("fresh")) }},
	{"ahead", func(w string) store.Change { return change(w, 2, keyed("fresh")) }},
	{"used key", func(w string) store.Change { return change(w, 1, keyed("used")) }},
	{"another mark", func(w string) store.Change { return change(w, 1, keyed("fresh"), marked(1, 2)) }},
	{"no such wallet", func(string) store.Change { return change("none", 1, keyed("fresh")) }},
}

// places are where one that does not follow stands among n.
var places = []struct {
	name string
	of   func(n int) int
}{
	{"first", func(int) int { return 0 }},
	{"middle", func(n int) int { return n / 2 }},
	{"last", func(n int) int { return n - 1 }},
}

// writeCases are of several writes in a call, and several changes in a write.
func writeCases() []testcase {
	var list []testcase
	for _, why := range refusals {
		for _, place := range places {
			list = append(list, testcase{
				fmt.Sprintf("others/kept beside one that is not: %s, %s", why.name, place.name), ruleAlone, whyAlone,
				func(k *kit) {
					changes := k.standing(7)
					changes[place.of(7)] = why.make(changes[place.of(7)].Wallet)
					writes := make([]store.Write, len(changes))
					for i := range changes {
						writes[i] = one(changes[i])
					}
					k.commit(writes...)
					k.same()
				},
			})
			for _, n := range []int{2, 3, 9} {
				list = append(list, testcase{
					fmt.Sprintf("whole/%d changes, one does not follow: %s, %s", n, why.name, place.name), ruleWhole, whyWhole,
					func(k *kit) {
						changes := k.standing(n)
						changes[place.of(n)] = why.make(changes[place.of(n)].Wallet)
						k.refuse(changes...)
					},
				})
			}
		}
	}
	return list
}

// mixedWriteCases are of writes of both kinds in a call.
func mixedWriteCases() []testcase {
	var list []testcase
	for _, n := range []int{2, 3, 100} {
		list = append(list, testcase{fmt.Sprintf("whole/%d changes that follow", n), ruleWhole, whyWhole, func(k *kit) {
			if kept := k.commit(store.Write{Changes: k.standing(n)}); !kept[0] {
				k.Errorf("a write of %d changes that follow was not kept", n)
			}
			k.same()
		}})
	}
	return append(list,
		testcase{"whole/new wallets beside old ones", ruleWhole, whyWhole, func(k *kit) {
			changes := append(k.standing(2), change("new", 0, keyed("fresh")))
			k.commit(store.Write{Changes: changes})
			k.same()
			k.refuse(change("newer", 0), change("new", 0))
		}},
		testcase{"others/whole writes beside broken ones", ruleAlone, whyAlone, func(k *kit) {
			c := k.standing(6)
			c[1].Prev, c[1].Seq = 0, 0
			c[1].Entries = nil
			grow(1)(&c[1])
			k.commit(
				store.Write{Changes: []store.Change{c[0], c[1]}},
				store.Write{Changes: []store.Change{c[2], c[3]}},
				store.Write{Changes: []store.Change{c[4], change("none", 1)}},
				store.Write{Changes: []store.Change{c[5]}},
			)
			k.same()
		}},
		testcase{"others/none kept", ruleAlone, whyAlone, func(k *kit) {
			k.standing(3)
			k.commit(one(change("w0", 0)), one(change("w1", 1, keyed("used"))), one(change("w2", 7)))
			k.same()
		}},
		testcase{"others/half of a thousand", ruleAlone, whyAlone, func(k *kit) {
			changes := k.standing(1000)
			writes := make([]store.Write, len(changes))
			for i, c := range changes {
				if i%2 == 0 {
					c = refusals[i/2%3].make(c.Wallet)
				}
				writes[i] = one(c)
			}
			k.commit(writes...)
			k.same()
		}},
	)
}

// standing makes n wallets that stand at 1 and have the key "used". It returns
// a change for each that follows.
func (k *kit) standing(n int) []store.Change {
	k.Helper()
	var before, next []store.Change
	for i := range n {
		w := fmt.Sprintf("w%d", i)
		before = append(before, change(w, 0, keyed("used")))
		next = append(next, change(w, 1, keyed("fresh"), due(epoch)))
	}
	k.keep(before...)
	return next
}

func eraseCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"erase/" + name, ruleErase, whyErase, func(k *kit) { run(k); k.same() }}
	}
	return []testcase{
		named("the note goes, the body stays", func(k *kit) {
			k.keep(change("a", 0))
			k.keep(change("a", 1, erase(1)))
			e := k.entries(store.Query{Wallet: "a", Through: 1})
			if len(e) != 1 || len(e[0].Note) != 0 || string(e[0].Body) != "body of a 1" {
				k.Errorf("after its note was erased, entry 1 is %+v", e)
			}
		}),
		named("no other note goes", func(k *kit) {
			k.keep(change("a", 0, grow(4)), change("b", 0, grow(4)))
			k.keep(change("a", 5, grow(1), erase(2, 4)))
		}),
		named("the first and the last", func(k *kit) {
			k.keep(change("a", 0, grow(9)))
			k.keep(change("a", 10, erase(10, 1)))
		}),
		named("all of them", func(k *kit) {
			k.keep(change("a", 0, grow(2)))
			k.keep(change("a", 3, erase(1, 2, 3), entry(func(e *store.Entry) { e.Note = nil })))
		}),
		named("a hundred", func(k *kit) {
			k.keep(change("a", 0, grow(199)))
			c := change("a", 200)
			for seq := uint64(1); seq < 200; seq += 2 {
				erase(seq)(&c)
			}
			k.keep(c)
		}),
		named("one without a note", func(k *kit) {
			k.keep(change("a", 0, entry(func(e *store.Entry) { e.Note = nil })))
			k.keep(change("a", 1, erase(1)))
		}),
		named("one twice", func(k *kit) {
			k.keep(change("a", 0))
			k.keep(change("a", 1, erase(1, 1)))
			k.keep(change("a", 2, erase(1)))
		}),
		named("in one of two changes", func(k *kit) {
			k.keep(change("a", 0, grow(1)), change("b", 0, grow(1)))
			k.commit(store.Write{Changes: []store.Change{change("a", 2, erase(1)), change("b", 2)}})
		}),
		named("out of every query", func(k *kit) {
			about := entry(func(e *store.Entry) { e.Of, e.Feature, e.Kind = 7, "f", 3 })
			k.keep(change("a", 0, about))
			k.keep(change("a", 1, about, erase(1)))
			for _, q := range []store.Query{{Of: 7}, {Feature: "f"}, {Kinds: []uint8{3}}, {Newest: true}, {From: epoch}, {Limit: 1}} {
				q.Wallet = "a"
				k.sameEntries(q)
			}
		}),
	}
}
