package storetest

import (
	"fmt"
	"iter"
	"slices"

	"example.com/credits/store"
)

const (
	ruleEntries = "Entries yields the entries that q selects, ordered by Seq."
	ruleQuery   = "Query selects entries of one wallet: those that meet all its fields."
	ruleHeld    = "Nothing is held by an iterator that is not ranged over, or no more: a loop may end early."
	ruleBody    = "The body of a loop may call the store"

	whyEntries = "a balance in the past, a statement or the verification of a chain is wrong"
	whyPages   = "whoever reads page by page misses entries, or counts them twice"
	whyHeld    = "connections or locks run out, and after a while every call waits for ever"
)

// history makes a wallet "a" of 40 entries and another beside it. Entry n is
// about entry n/4 (none for the first three), of kind 1 to 5 in turn, and of one of
// three features or none; every tenth instant goes back a little.
func (k *kit) history() {
	k.Helper()
	for _, w := range []string{"a", "b"} {
		for _, n := range []int{1, 9, 30} {
			c := change(w, k.m.seq(w), grow(n-1))
			for i := range c.Entries {
				e := &c.Entries[i]
				e.At = epoch + 10*int64(e.Seq)
				if e.Seq%10 == 0 {
					e.At -= 25
				}
				e.Of = e.Seq / 4
				e.Kind = uint8(e.Seq%5) + 1
				e.Feature = []string{"", "chat", "Chat", "chat.long"}[e.Seq%4]
			}
			k.keep(c)
		}
	}
}

func entryCases() []testcase {
	const at20 = epoch + 10*20 - 25 // the instant of entry 20
	const last = 1<<63 - 1
	list := []testcase{
		query("all", 40, store.Query{}),
		query("after 0", 40, store.Query{After: 0}),
		query("after the first", 39, store.Query{After: 1}),
		query("after the last but one", 1, store.Query{After: 39}),
		query("after the last", 0, store.Query{After: 40}),
		query("after more than there are", 0, store.Query{After: 41}),
		query("after 1<<32", 0, store.Query{After: 1 << 32}),
		query("after the greatest number", 0, store.Query{After: last}),
		query("through the first", 1, store.Query{Through: 1}),
		query("through the last but one", 39, store.Query{Through: 39}),
		query("through the last", 40, store.Query{Through: 40}),
		query("through more than there are", 40, store.Query{Through: 41}),
		query("through 1<<32 + 1", 40, store.Query{Through: 1<<32 + 1}),
		query("through the greatest number", 40, store.Query{Through: last}),
		query("after 7 through 8", 1, store.Query{After: 7, Through: 8}),
		query("after 7 through 7", 0, store.Query{After: 7, Through: 7}),
		query("after 8 through 7", 0, store.Query{After: 8, Through: 7}),
		query("after 10 through 30", 20, store.Query{After: 10, Through: 30}),
		query("from an instant there is", 23, store.Query{From: at20}),
		query("from just after it", 22, store.Query{From: at20 + 1}),
		query("from just before it", 23, store.Query{From: at20 - 1}),
		query("to an instant there is", 17, store.Query{To: at20}),
		query("to just after it", 18, store.Query{To: at20 + 1}),
		query("to just before it", 17, store.Query{To: at20 - 1}),
		query("from and to one instant", 0, store.Query{From: at20, To: at20}),
		query("from and to around one", 1, store.Query{From: at20, To: at20 + 1}),
		query("from after to", 0, store.Query{From: at20 + 50, To: at20}),
		query("from before all", 40, store.Query{From: 1}),
		query("from after all", 0, store.Query{From: store.TimeLimit}),
		query("to before all", 0, store.Query{To: 1}),
		query("to after all", 40, store.Query{To: store.TimeLimit}),
		query("of one with some", 4, store.Query{Of: 3}),
		query("of the last with any", 1, store.Query{Of: 10}),
		query("of one with none", 0, store.Query{Of: 11}),
		query("of one there is not", 0, store.Query{Of: 4000}),
		query("of a number with the same low bits", 0, store.Query{Of: 3 + 1<<32}),
		query("of the greatest number", 0, store.Query{Of: last}),
		query("one kind", 8, store.Query{Kinds: []uint8{3}}),
		query("two kinds", 16, store.Query{Kinds: []uint8{5, 1}}),
		query("one kind twice", 8, store.Query{Kinds: []uint8{2, 2}}),
		query("all kinds", 40, store.Query{Kinds: []uint8{1, 2, 3, 4, 5}}),
		query("a kind there is not", 0, store.Query{Kinds: []uint8{255}}),
		query("a kind there is and one there is not", 8, store.Query{Kinds: []uint8{255, 4}}),
		query("an empty list of kinds", 40, store.Query{Kinds: []uint8{}}),
		query("a feature", 10, store.Query{Feature: "chat"}),
		query("a feature in another case", 10, store.Query{Feature: "Chat"}),
		query("a longer feature", 10, store.Query{Feature: "chat.long"}),
		query("a feature there is not", 0, store.Query{Feature: "cha"}),
		query("a feature with a wildcard", 0, store.Query{Feature: "chat%"}),
		query("newest", 40, store.Query{Newest: true}),
	}
	return append(list, mixedCases()...)
}

func mixedCases() []testcase {
	const at20 = epoch + 10*20 - 25
	return []testcase{
		query("limit 1", 1, store.Query{Limit: 1}),
		query("limit 39", 39, store.Query{Limit: 39}),
		query("limit 40", 40, store.Query{Limit: 40}),
		query("limit 41", 40, store.Query{Limit: 41}),
		query("limit beyond 32 bits", 40, store.Query{Limit: 1<<31 - 1}),
		query("newest, limit 1", 1, store.Query{Newest: true, Limit: 1}),
		query("newest, limit 7", 7, store.Query{Newest: true, Limit: 7}),
		query("newest after 10", 30, store.Query{Newest: true, After: 10}),
		query("newest through 10", 10, store.Query{Newest: true, Through: 10}),
		query("newest after 10 through 20, limit 3", 3, store.Query{Newest: true, After: 10, Through: 20, Limit: 3}),
		query("after 10, limit 3", 3, store.Query{After: 10, Limit: 3}),
		query("through 2, limit 3", 2, store.Query{Through: 2, Limit: 3}),
		query("of, limit 2", 2, store.Query{Of: 5, Limit: 2}),
		query("of, newest, limit 2", 2, store.Query{Of: 5, Newest: true, Limit: 2}),
		query("of, after", 2, store.Query{Of: 5, After: 21}),
		query("of, through", 2, store.Query{Of: 5, Through: 21}),
		query("of, after and through", 1, store.Query{Of: 5, After: 20, Through: 21}),
		query("of, through before it", 0, store.Query{Of: 5, Through: 4}),
		query("of and kind", 1, store.Query{Of: 5, Kinds: []uint8{1}}),
		query("of and feature", 1, store.Query{Of: 5, Feature: "chat"}),
		query("of and instants", 2, store.Query{Of: 5, From: at20 + 20, To: epoch + 230}),
		query("kind, limit 3", 3, store.Query{Kinds: []uint8{2}, Limit: 3}),
		query("kind, newest, limit 3", 3, store.Query{Kinds: []uint8{2}, Newest: true, Limit: 3}),
		query("feature, limit 3", 3, store.Query{Feature: "chat", Limit: 3}),
		query("feature, newest, limit 3", 3, store.Query{Feature: "chat", Newest: true, Limit: 3}),
		query("feature and kinds", 4, store.Query{Feature: "chat", Kinds: []uint8{1, 2}}),
		query("from, limit 2", 2, store.Query{From: at20, Limit: 2}),
		query("from, newest, limit 2", 2, store.Query{From: at20, Newest: true, Limit: 2}),
		query("to, newest, limit 2", 2, store.Query{To: at20, Newest: true, Limit: 2}),
		query("from after a seq", 15, store.Query{From: at20, After: 25}),
		query("everything at once", 2, store.Query{
			After: 8, Through: 39, From: epoch + 70, To: epoch + 400, Of: 3, Kinds: []uint8{5, 3, 4}, Feature: "", Newest: true, Limit: 2,
		}),
		query("everything at once with a feature", 1, store.Query{
			After: 8, Through: 39, From: epoch + 70, To: epoch + 400, Of: 3, Kinds: []uint8{5, 3, 4}, Feature: "Chat", Newest: true, Limit: 2,
		}),
		{"entries/no such wallet", ruleQuery, whyEntries, func(k *kit) {
			k.history()
			for _, w := range []string{"c", "A", "a ", "aa"} {
				k.sameEntries(store.Query{Wallet: w})
				k.sameEntries(store.Query{Wallet: w, Newest: true, Of: 3})
			}
		}},
	}
}

// query is a case of one query of the history, which selects n entries.
func query(name string, n int, q store.Query) testcase {
	q.Wallet = "a"
	rule := ruleQuery
	if q.Newest || q.Kinds == nil && q.Of == 0 {
		rule = ruleEntries
	}
	return testcase{"entries/" + name, rule, whyEntries, func(k *kit) {
		k.history()
		got := k.entries(q)
		k.equal(fmt.Sprintf("Entries of %+v", q), got, k.m.entries(q))
		if len(got) != n {
			k.Errorf("Entries of %+v yielded %d entries, not %d", q, len(got), n)
		}
	}}
}

func pageCases() []testcase {
	var list []testcase
	for _, size := range []int{1, 2, 7, 64, 100, 300, 1000} {
		list = append(list, testcase{fmt.Sprintf("pages/forward by %d", size), ruleEntries, whyPages, func(k *kit) {
			k.keep(change("a", 0, grow(299)))
			k.pages(store.Query{Wallet: "a", Limit: size})
		}}, testcase{fmt.Sprintf("pages/back by %d", size), ruleEntries, whyPages, func(k *kit) {
			k.keep(change("a", 0, grow(299)))
			k.pages(store.Query{Wallet: "a", Limit: size, Newest: true})
		}})
	}
	for _, q := range []store.Query{{Kinds: []uint8{2}}, {Feature: "chat"}, {Of: 6}, {From: epoch + 200}} {
		for _, newest := range []bool{false, true} {
			q.Wallet, q.Limit, q.Newest = "a", 3, newest
			list = append(list, testcase{fmt.Sprintf("pages/of a selection: %+v", q), ruleEntries, whyPages, func(k *kit) {
				k.history()
				k.pages(q)
			}})
		}
	}
	loops := loopCases("entries", func(k *kit) iter.Seq2[uint64, error] {
		seq := k.s.Entries(k.ctx, store.Query{Wallet: "a"})
		return func(yield func(uint64, error) bool) {
			for e, err := range seq {
				if !yield(e.Seq, err) {
					return
				}
			}
		}
	}, func(k *kit) {
		for range 3 {
			k.keep(change("a", k.m.seq("a"), grow(199)))
		}
	})
	return append(append(list, loops...),
		testcase{"pages/a long history", ruleEntries, whyPages, func(k *kit) {
			for range 3 {
				k.keep(change("a", k.m.seq("a"), grow(999)))
			}
			k.sameEntries(store.Query{Wallet: "a"})
			k.sameEntries(store.Query{Wallet: "a", Newest: true, Limit: 2500})
			k.sameEntries(store.Query{Wallet: "a", From: epoch + 2990})
			k.sameEntries(store.Query{Wallet: "a", To: epoch + 10, Newest: true})
		}},
		testcase{"pages/large bodies", ruleEntries, whyPages, func(k *kit) {
			c := change("a", 0, grow(39))
			for i := range c.Entries {
				c.Entries[i].Body = make([]byte, 50_000+i)
			}
			k.keep(c)
			k.sameEntries(store.Query{Wallet: "a"})
			k.sameEntries(store.Query{Wallet: "a", Newest: true})
		}},
	)
}

// pages reads all that q selects in pages of its Limit, each from where the last ended.
func (k *kit) pages(q store.Query) {
	k.Helper()
	whole := q
	whole.Limit = 0
	want := k.m.entries(whole)
	var got []store.Entry
	for len(got) <= len(want) {
		page := k.entries(q)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		next := page[len(page)-1].Seq
		switch {
		case !q.Newest:
			q.After = next
		case next == 1: // through 0 would be no bound
			k.equal("the pages", got, want)
			return
		default:
			q.Through = next - 1
		}
	}
	k.equal("the pages", got, want)
}

// loopCases are of the iterator that open makes of a store that fill filled.
func loopCases[V comparable](group string, open func(k *kit) iter.Seq2[V, error], fill func(k *kit)) []testcase {
	var list []testcase
	for _, n := range []int{0, 1, 63, 64, 65, 500} {
		list = append(list, testcase{fmt.Sprintf("loops/%s left after %d", group, n), ruleHeld, whyHeld, func(k *kit) {
			fill(k)
			for range 100 {
				i := 0
				for _, err := range open(k) {
					if err != nil {
						k.Fatalf("%s: %v", group, err)
					}
					if i++; i > n {
						break
					}
				}
			}
			k.keep(change("a", k.m.seq("a")))
			k.sameWallet("a")
		}})
	}
	return append(list,
		testcase{"loops/" + group + " never begun", ruleHeld, whyHeld, func(k *kit) {
			fill(k)
			for range 100 {
				open(k)
			}
			k.keep(change("a", k.m.seq("a")))
			k.sameWallet("a")
		}},
		testcase{"loops/" + group + " within each other", ruleBody, whyHeld, func(k *kit) {
			fill(k)
			outer, inner := 0, 0
			for v, err := range open(k) {
				if err != nil {
					k.Fatalf("%s: %v", group, err)
				}
				if outer++; outer%100 != 1 {
					continue
				}
				for u, err := range open(k) {
					if err != nil {
						k.Fatalf("%s: %v", group, err)
					}
					if u == v {
						inner++
						break
					}
				}
			}
			if inner != (outer+99)/100 {
				k.Errorf("of %d loops within a loop over %s, %d found what the outer one was at", (outer+99)/100, group, inner)
			}
		}},
		testcase{"loops/" + group + " while the wallet grows", ruleBody, whyHeld, func(k *kit) {
			fill(k)
			loopAndGrow(k, group, open)
		}},
		testcase{"loops/" + group + " twice", ruleHeld, whyHeld, func(k *kit) {
			fill(k)
			if a, b := collect(k, group, open(k)), collect(k, group, open(k)); !slices.Equal(a, b) {
				k.Errorf("%s: two loops met %d and %d, not the same", group, len(a), len(b))
			}
		}},
	)
}

// loopAndGrow calls the store in the body of a loop, which must meet all that
// was there before it, in order.
func loopAndGrow[V comparable](k *kit, group string, open func(k *kit) iter.Seq2[V, error]) {
	k.Helper()
	before := collect(k, group, open(k))
	i := 0
	for v, err := range open(k) {
		if err != nil {
			k.Fatalf("%s: %v", group, err)
		}
		if i < len(before) && v != before[i] {
			k.Fatalf("%s: number %d of the loop is %v, was %v", group, i, v, before[i])
		}
		if i++; i%50 == 1 && i < 1000 {
			k.keep(change("a", k.m.seq("a")))
			k.load("a", 0)
			k.ack("a", uint64(i))
		}
	}
	if i < len(before) {
		k.Errorf("%s: the loop met %d of %d", group, i, len(before))
	}
	k.same()
}
