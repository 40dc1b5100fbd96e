package storetest

import (
	"fmt"
	"iter"
	"slices"

	"example.com/credits/store"
)

const (
	ruleHeads   = "Heads yields the wallets that f selects, ordered by name."
	ruleFilter  = "Filter selects wallets: those that meet all its fields."
	ruleDue     = "if not 0, those whose Due is not 0 and at or before it"
	rulePending = "if set, those with entries that were not handed to the feed"
	ruleAck     = "Ack never moves back; beyond the wallet's Seq it moves to that; for a wallet that does not exist it does nothing."
	ruleNextDue = "when time alone changes it next, in microseconds; 0 if never; replaces what was there"

	whyHeads   = "a sweep over all wallets misses some, or does not end"
	whyDue     = "what falls due is not written, or is looked for again and again"
	whyPending = "the feed misses entries, or hands out for ever what was taken"
)

// crowd makes twelve wallets, "w00" to "w11": every third is never due, the
// others at epoch + their number; the feed has taken none, half or all of each in turn.
func (k *kit) crowd() {
	k.Helper()
	for i := range 12 {
		w := fmt.Sprintf("w%02d", i*5%12)
		n := i * 5 % 12
		c := change(w, 0, grow(1))
		if n%3 != 0 {
			c.Due = epoch + int64(n)
		}
		k.keep(c)
		k.ack(w, uint64(n%4))
	}
}

func headCases() []testcase {
	list := []testcase{
		filter("all", ruleHeads, 12, store.Filter{}),
		filter("after one there is", ruleFilter, 7, store.Filter{After: "w04"}),
		filter("after one there is not", ruleFilter, 7, store.Filter{After: "w04x"}),
		filter("after a prefix", ruleFilter, 12, store.Filter{After: "w"}),
		filter("after the last", ruleFilter, 0, store.Filter{After: "w11"}),
		filter("after a wildcard", ruleFilter, 12, store.Filter{After: "%"}),
		filter("after all in another case", ruleFilter, 12, store.Filter{After: "W11"}),
		filter("due at the instant", ruleDue, 3, store.Filter{Due: epoch + 4}),
		filter("due just before", ruleDue, 2, store.Filter{Due: epoch + 3}),
		filter("due before all", ruleDue, 0, store.Filter{Due: epoch}),
		filter("due after all", ruleDue, 8, store.Filter{Due: store.TimeLimit}),
		filter("due at 1", ruleDue, 0, store.Filter{Due: 1}),
		filter("pending", rulePending, 6, store.Filter{Pending: true}),
		filter("pending and due", ruleFilter, 4, store.Filter{Pending: true, Due: epoch + 11}),
		filter("pending after", ruleFilter, 4, store.Filter{Pending: true, After: "w03"}),
		filter("due after a name", ruleFilter, 6, store.Filter{Due: epoch + 11, After: "w03"}),
		filter("limit 1", ruleFilter, 1, store.Filter{Limit: 1}),
		filter("limit 11", ruleFilter, 11, store.Filter{Limit: 11}),
		filter("limit 12", ruleFilter, 12, store.Filter{Limit: 12}),
		filter("limit 13", ruleFilter, 12, store.Filter{Limit: 13}),
		filter("due, limit 2", ruleFilter, 2, store.Filter{Due: epoch + 11, Limit: 2}),
		filter("pending, limit 2", ruleFilter, 2, store.Filter{Pending: true, Limit: 2}),
		filter("everything at once", ruleFilter, 2, store.Filter{After: "w01", Due: epoch + 9, Pending: true, Limit: 2}),
		{"heads/an empty store", ruleHeads, whyHeads, func(k *kit) {
			for _, f := range []store.Filter{{}, {Due: epoch}, {Pending: true}, {After: "a", Limit: 3}} {
				k.sameHeads(f)
			}
		}},
	}
	for _, size := range []int{1, 2, 7, 64, 1000} {
		list = append(list, testcase{fmt.Sprintf("heads/pages of %d", size), ruleHeads, whyHeads, func(k *kit) {
			k.many(600)
			for _, f := range []store.Filter{{}, {Due: epoch + 3}, {Pending: true}} {
				k.headPages(f, size)
			}
		}})
	}
	list = append(list, dueCases()...)
	return append(list, loopCases("heads", func(k *kit) iter.Seq2[string, error] {
		seq := k.s.Heads(k.ctx, store.Filter{})
		return func(yield func(string, error) bool) {
			for h, err := range seq {
				if !yield(h.Wallet, err) {
					return
				}
			}
		}
	}, func(k *kit) { k.keep(change("a", 0)); k.many(600) })...)
}

func filter(name, rule string, n int, f store.Filter) testcase {
	why := map[string]string{ruleDue: whyDue, rulePending: whyPending}[rule]
	if why == "" {
		why = whyHeads
	}
	return testcase{"heads/" + name, rule, why, func(k *kit) {
		k.crowd()
		got := k.heads(f)
		k.equal(fmt.Sprintf("Heads of %+v", f), got, k.m.heads(f))
		if len(got) != n {
			k.Errorf("Heads of %+v yielded %d wallets, not %d", f, len(got), n)
		}
	}}
}

// many makes n wallets whose names do not come in order; a seventh of them are
// due at epoch + 3, and the feed has taken the entries of two thirds.
func (k *kit) many(n int) {
	k.Helper()
	var changes []store.Change
	for i := range n {
		changes = append(changes, change(fmt.Sprintf("%x", i*7919), 0, due(epoch+int64(i%7)+3)))
	}
	k.keep(changes...)
	for i, c := range changes {
		if i%3 > 0 {
			k.ack(c.Wallet, 1)
		}
	}
}

func (k *kit) headPages(f store.Filter, size int) {
	k.Helper()
	want := k.m.heads(f)
	f.Limit = size
	var got []store.Head
	for len(got) <= len(want) {
		page := k.heads(f)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		f.After = page[len(page)-1].Wallet
	}
	k.equal("the pages", got, want)
}

func dueCases() []testcase {
	at := func(k *kit, instants ...int64) {
		k.Helper()
		for _, i := range instants {
			k.sameHeads(store.Filter{Due: i})
		}
	}
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"due/" + name, ruleNextDue, whyDue, run}
	}
	return []testcase{
		named("moved later", func(k *kit) {
			k.keep(change("a", 0, due(epoch)), change("b", 0, due(epoch)))
			k.keep(change("a", 1, due(epoch+10)))
			at(k, epoch-1, epoch, epoch+9, epoch+10)
		}),
		named("moved earlier", func(k *kit) {
			k.keep(change("a", 0, due(epoch)), change("b", 0, due(epoch)))
			at(k, epoch-10)
			k.keep(change("a", 1, due(epoch-10)))
			at(k, epoch-11, epoch-10, epoch)
		}),
		named("no more", func(k *kit) {
			k.keep(change("a", 0, due(epoch)), change("b", 0, due(epoch)))
			k.keep(change("a", 1))
			at(k, epoch, store.TimeLimit)
		}),
		named("for the first time", func(k *kit) {
			k.keep(change("a", 0))
			at(k, epoch)
			k.keep(change("a", 1, due(epoch)))
			at(k, epoch-1, epoch)
		}),
		named("after a search found nothing", func(k *kit) {
			k.many(600)
			at(k, epoch, epoch+2)
			k.keep(change("12345", k.m.seq("12345"), due(epoch+1)))
			at(k, epoch, epoch+1, epoch+2, epoch+3)
		}),
		named("swept", func(k *kit) {
			k.many(600)
			for _, h := range k.heads(store.Filter{Due: epoch + 5}) {
				k.keep(change(h.Wallet, h.Seq, due(h.Due+6)))
			}
			at(k, epoch+5, epoch+8, epoch+9, epoch+10)
		}),
		named("not touched by Ack", func(k *kit) {
			k.keep(change("a", 0, due(epoch)))
			k.ack("a", 1)
			at(k, epoch-1, epoch)
		}),
	}
}

func ackCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"ack/" + name, ruleAck, whyPending, func(k *kit) {
			run(k)
			k.same()
			k.sameHeads(store.Filter{Pending: true})
		}}
	}
	five := func(k *kit, acks ...uint64) {
		k.Helper()
		k.keep(change("a", 0, grow(4)), change("b", 0, grow(4)))
		for _, seq := range acks {
			k.ack("a", seq)
			k.sameHeads(store.Filter{})
		}
	}
	list := []testcase{
		named("a wallet is pending at first", func(k *kit) { five(k) }),
		named("not all", func(k *kit) { five(k, 4) }),
		named("all", func(k *kit) { five(k, 5) }),
		named("step by step", func(k *kit) { five(k, 1, 2, 3, 4, 5) }),
		named("0", func(k *kit) { five(k, 0) }),
		named("not back", func(k *kit) { five(k, 4, 2) }),
		named("not back to 0", func(k *kit) { five(k, 5, 0) }),
		named("the same again", func(k *kit) { five(k, 3, 3) }),
		named("beyond by one", func(k *kit) { five(k, 6) }),
		named("beyond by far", func(k *kit) { five(k, 1<<63-1) }),
		named("beyond 32 bits", func(k *kit) { five(k, 1<<32+2) }),
		named("beyond is not for what comes", func(k *kit) {
			five(k, 9)
			k.keep(change("a", 5, grow(1)))
			k.sameHeads(store.Filter{Pending: true})
		}),
		named("pending again", func(k *kit) {
			five(k, 5)
			k.ack("b", 5)
			k.sameHeads(store.Filter{Pending: true})
			k.keep(change("a", 5))
			k.sameHeads(store.Filter{Pending: true})
		}),
		named("a wallet that is not there", func(k *kit) { k.ack("a", 3); k.keep(change("a", 0, grow(4))) }),
		named("stays through commits", func(k *kit) {
			five(k, 3)
			k.keep(change("a", 5, part(2, "two"), keyed("k"), erase(1)))
			k.refuse(change("a", 5))
		}),
		named("changes no wallet", func(k *kit) {
			five(k, 5)
			k.keep(change("a", 5))
		}),
	}
	names := []string{"a", "b", "c", "d"}
	return append(list, named("each wallet by itself", func(k *kit) {
		for _, w := range slices.Backward(names) {
			k.keep(change(w, 0))
		}
		k.ack("b", 1)
		k.ack("d", 1)
	}))
}
