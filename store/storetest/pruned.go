package storetest

import (
	"context"
	"errors"
	"fmt"

	"example.com/credits/store"
)

const (
	rulePruned       = "A query selects pruned entries if it takes in any Seq up to the wallet's checkpoint, by After and Through, and any instant up to the checkpoint's At, by From; whatever else it asks for."
	rulePrunedOrder  = "Then Entries yields [ErrPruned]: before all others, or with Newest after them, unless Limit was reached."
	rulePrunedAtOnce = "They are pruned from the instant that the checkpoint is kept"

	whyPrunedQuery = "a history that was cut short is taken for a whole one: a statement or a balance is wrong"
)

// prunedCases ask a wallet of 40 entries that was pruned at 20, whose instant is
// before those of 18 and 19.
func prunedCases() []testcase {
	const at20 = epoch + 10*20 - 25
	const whole, cut = false, true
	q := prunedQuery
	list := []testcase{
		q("all", 0, cut, store.Query{}),
		q("after the last but one pruned", 0, cut, store.Query{After: 19}),
		q("after the checkpoint", 20, whole, store.Query{After: 20}),
		q("after a later one", 19, whole, store.Query{After: 21}),
		q("through the first", 0, cut, store.Query{Through: 1}),
		q("through the checkpoint", 0, cut, store.Query{Through: 20}),
		q("after the last but one pruned through the checkpoint", 0, cut, store.Query{After: 19, Through: 20}),
		q("after the checkpoint through it", 0, whole, store.Query{After: 20, Through: 20}),
		q("after 5 through 5", 0, whole, store.Query{After: 5, Through: 5}),
		q("after 8 through 7", 0, whole, store.Query{After: 8, Through: 7}),
		q("after the checkpoint through 30", 10, whole, store.Query{After: 20, Through: 30}),
		q("from before all", 0, cut, store.Query{From: 1}),
		q("from just before the checkpoint's instant", 0, cut, store.Query{From: at20 - 1}),
		q("from the checkpoint's instant", 0, cut, store.Query{From: at20}),
		q("from just after it", 20, whole, store.Query{From: at20 + 1}),
		q("from after it, newest", 20, whole, store.Query{From: at20 + 1, Newest: true}),
		q("from after it, limit", 3, whole, store.Query{From: at20 + 1, Limit: 3}),
		q("from and to around pruned entries of later instants", 0, whole, store.Query{From: at20 + 1, To: epoch + 200}),
		q("from the checkpoint's instant, after it", 20, whole, store.Query{From: at20, After: 20}),
		q("from the checkpoint's instant to it", 0, cut, store.Query{From: at20, To: at20}),
		q("to before all", 0, cut, store.Query{To: 1}),
		q("to after all", 0, cut, store.Query{To: store.TimeLimit}),
		q("of one about which all were pruned", 0, cut, store.Query{Of: 3}),
		q("of one about which some were pruned", 0, cut, store.Query{Of: 5}),
		q("of one about which none was pruned", 0, cut, store.Query{Of: 8}),
		q("of, after the checkpoint", 3, whole, store.Query{Of: 5, After: 20}),
		q("one kind", 0, cut, store.Query{Kinds: []uint8{3}}),
		q("a kind there is not", 0, cut, store.Query{Kinds: []uint8{255}}),
		q("two kinds after the checkpoint", 8, whole, store.Query{Kinds: []uint8{5, 1}, After: 20}),
		q("a feature", 0, cut, store.Query{Feature: "chat"}),
		q("a feature there is not", 0, cut, store.Query{Feature: "cha"}),
		q("a feature after the checkpoint", 5, whole, store.Query{Feature: "chat", After: 20}),
		q("limit 1", 0, cut, store.Query{Limit: 1}),
		q("after the checkpoint, limit 1", 1, whole, store.Query{After: 20, Limit: 1}),
		q("newest", 20, cut, store.Query{Newest: true}),
		q("newest, limit one less", 19, whole, store.Query{Newest: true, Limit: 19}),
		q("newest, limit reached", 20, whole, store.Query{Newest: true, Limit: 20}),
		q("newest, limit one more", 20, cut, store.Query{Newest: true, Limit: 21}),
		q("newest after the checkpoint", 20, whole, store.Query{Newest: true, After: 20}),
		q("newest after the last but one pruned", 20, cut, store.Query{Newest: true, After: 19}),
		q("newest through the checkpoint", 0, cut, store.Query{Newest: true, Through: 20}),
		q("newest through 22", 2, cut, store.Query{Newest: true, Through: 22}),
		q("newest of one, limit reached", 3, whole, store.Query{Newest: true, Of: 5, Limit: 3}),
		q("newest of one, limit not reached", 3, cut, store.Query{Newest: true, Of: 5, Limit: 4}),
		q("newest of one about which all were pruned", 0, cut, store.Query{Newest: true, Of: 3}),
		q("newest of a kind", 4, cut, store.Query{Newest: true, Kinds: []uint8{3}}),
		q("newest of a kind, limit reached", 4, whole, store.Query{Newest: true, Kinds: []uint8{3}, Limit: 4}),
		q("newest of a kind there is not", 0, cut, store.Query{Newest: true, Kinds: []uint8{255}}),
		q("newest of a feature", 5, cut, store.Query{Newest: true, Feature: "chat"}),
		q("newest of a feature there is not", 0, cut, store.Query{Newest: true, Feature: "cha"}),
		q("newest from the checkpoint's instant", 20, cut, store.Query{Newest: true, From: at20}),
		q("newest to before all", 0, cut, store.Query{Newest: true, To: 1}),
	}
	return append(list, prunedPageCases()...)
}

// prunedQuery is a case of one query, which yields n entries and is cut short or not.
func prunedQuery(name string, n int, pruned bool, q store.Query) testcase {
	q.Wallet = "a"
	rule := rulePruned
	if q.Newest {
		rule = rulePrunedOrder
	}
	return testcase{"pruned/" + name, rule, whyPrunedQuery, func(k *kit) {
		k.pruned()
		k.sameEntries(q)
		if got, err := k.found(q); len(got) != n || (err != nil) != pruned {
			k.Errorf("Entries of %+v yielded %d entries and the error %v, not %d entries and ErrPruned: %v", q, len(got), err, n, pruned)
		}
	}}
}

func prunedPageCases() []testcase {
	long := func(k *kit, seq uint64) {
		for range 3 {
			k.keep(change("a", k.m.seq("a"), grow(999)))
		}
		k.ack("a", 3000)
		if seq > 0 {
			k.prune("a", seq)
		}
	}
	list := []testcase{
		{"pruned/a long history", rulePrunedOrder, whyPrunedQuery, func(k *kit) {
			long(k, 1000)
			for _, limit := range []int{0, 1999, 2000, 2001} {
				k.sameEntries(store.Query{Wallet: "a", Newest: true, Limit: limit})
				k.sameEntries(store.Query{Wallet: "a", After: 1000, Limit: limit})
				k.sameEntries(store.Query{Wallet: "a", Limit: limit})
			}
		}},
		{"pruned/an iterator that was made before", rulePrunedAtOnce, whyPrunedQuery, func(k *kit) {
			long(k, 0)
			seq := k.s.Entries(k.ctx, store.Query{Wallet: "a"})
			k.prune("a", 10)
			if err := first(seq); !errors.Is(err, store.ErrPruned) {
				k.Errorf("Entries began with the error %v, not ErrPruned", err)
			}
		}},
	}
	for _, newest := range []bool{false, true} {
		list = append(list, testcase{fmt.Sprintf("pruned/within a loop, newest %v", newest), rulePrunedAtOnce, whyPrunedQuery, func(k *kit) {
			long(k, 0)
			k.pruneWithin(store.Query{Wallet: "a", Newest: newest})
		}})
	}
	for run := range uint64(4) {
		list = append(list, testcase{fmt.Sprintf("pruned/by chance %d", run+1), rulePruned, whyPrunedQuery, func(k *kit) { k.pruneByChance(run) }})
	}
	return append(list, prunedContextCases()...)
}

// pruneWithin prunes a wallet of 3000 entries in the body of a loop. What the
// loop meets has no gap, and if it does not meet all the error says so.
func (k *kit) pruneWithin(q store.Query) {
	k.Helper()
	met, next, step := 0, uint64(1), uint64(1)
	if q.Newest {
		next, step = 3000, ^uint64(0)
	}
	var last error
	for e, err := range k.s.Entries(k.ctx, q) {
		if last = err; err != nil {
			break
		}
		if e.Seq != next {
			k.Fatalf("the loop met entry %d, not %d", e.Seq, next)
		}
		met++
		next += step
		if met == 1 {
			k.prune("a", 2900)
		}
	}
	switch {
	case last != nil && !errors.Is(last, store.ErrPruned):
		k.Errorf("the loop ended with the error %v", last)
	case last == nil && met < 3000:
		k.Errorf("the loop met %d of 3000 entries, and no error", met)
	}
	k.same()
}

// pruneByChance commits, prunes and asks by chance.
func (k *kit) pruneByChance(run uint64) {
	k.Helper()
	g := generator{r: k.random(400 + run), wallets: []string{"a", "b"}}
	for range 25 {
		for range 3 {
			k.commit(one(g.change(k)))
		}
		w := g.wallet()
		seq := k.m.seq(w)
		k.ack(w, g.number(seq))
		if c := k.sealed(w, g.number(seq)); k.m.prune(w, c) != nil || c.Seq == 0 {
			k.refusePrune(w, c)
		} else if err := k.pruner().Prune(k.ctx, w, c); err != nil {
			k.Fatalf("Prune of %q at %d: %v", w, c.Seq, err)
		}
		for range 10 {
			k.sameEntries(g.query(k))
		}
	}
	k.same()
}

func prunedContextCases() []testcase {
	calls := []struct {
		name string
		call func(ctx context.Context, k *kit) error
	}{
		{"Checkpoint", func(ctx context.Context, k *kit) error {
			_, err := k.pruner().Checkpoint(ctx, "a")
			return err
		}},
		{"Prune", func(ctx context.Context, k *kit) error { return k.pruner().Prune(ctx, "a", k.sealed("a", 25)) }},
		{"Restore", func(ctx context.Context, k *kit) error { return k.pruner().Restore(ctx, "c", k.sealed("c", 7), 0, nil) }},
	}
	var list []testcase
	for _, c := range calls {
		list = append(list, endedCase(c.name, (*kit).pruned, c.call))
	}
	return list
}

// endedCase makes a call with a context that has ended, and sees that it does nothing.
func endedCase(name string, fill func(k *kit), call func(ctx context.Context, k *kit) error) testcase {
	return testcase{"context/" + name + " with an ended context", ruleEnded, whyEnded, func(k *kit) {
		fill(k)
		for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
			ctx, cancel := ended(k.ctx, end)
			if err := call(ctx, k); !errors.Is(err, end) {
				k.Errorf("%s with an ended context returned the error %v, not %v", name, err, end)
			}
			cancel()
		}
		k.same()
	}}
}
