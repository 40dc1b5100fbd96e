package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"example.com/credits/store"
)

const (
	ruleRestore = "Restore makes a wallet that begins with a checkpoint: it has its Seq, these parts and this Due, a Mark of 0, no entries and no receipts, and Fed is its Seq."
	ruleExists  = "A wallet that exists is [ErrAborted]."

	whyRestore = "a wallet that moved to another database does not go on where it was, or replaces one that is there"
)

// restored is what most cases restore.
var restored = []store.Part{{ID: 3, Body: []byte("three")}, {ID: 0, Body: []byte("zero")}, {ID: 5}, {ID: 1 << 40, Body: []byte("far")}}

// restore makes a wallet, in store and model.
func (k *kit) restore(wallet string, c store.Checkpoint, due int64, parts ...store.Part) {
	k.Helper()
	if err := k.pruner().Restore(k.ctx, wallet, c, due, parts); err != nil {
		k.Fatalf("Restore of %q at %d: %v", wallet, c.Seq, err)
	}
	if err := k.m.restore(wallet, c, due, parts); err != nil {
		k.Fatalf("the case is broken: restore of %q: %v", wallet, err)
	}
}

// refuseRestore makes a call that must be refused, and sees that nothing changed.
func (k *kit) refuseRestore(wallet string, c store.Checkpoint, due int64, parts ...store.Part) {
	k.Helper()
	err := k.pruner().Restore(k.ctx, wallet, c, due, parts)
	if there := k.m.wallets[wallet] != nil; err == nil || errors.Is(err, store.ErrAborted) != there {
		k.Errorf("Restore of %q gave the error %v, and ErrAborted was due: %v", wallet, err, there)
	}
	k.same()
}

func restoreCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"restore/" + name, ruleRestore, whyRestore, func(k *kit) { run(k); k.same() }}
	}
	list := []testcase{
		named("what it is given", func(k *kit) { k.restore("a", k.sealed("a", 20), epoch, restored...) }),
		named("no parts and no instant", func(k *kit) { k.restore("a", k.sealed("a", 20), 0) }),
		named("beside others", func(k *kit) {
			k.pruned()
			k.restore("c", k.sealed("c", 7), 0, restored...)
			k.restore("A", k.sealed("A", 8), epoch, restored...)
		}),
		named("at the first entry", func(k *kit) { k.restore("a", k.sealed("a", 1), 0) }),
		named("at a great number", func(k *kit) {
			k.restore("a", k.sealed("a", 1<<62), 0, restored...)
			k.keep(change("a", 1<<62))
		}),
		named("is due, and not pending", func(k *kit) {
			k.restore("a", k.sealed("a", 20), epoch)
			k.sameHeads(store.Filter{Due: epoch})
			k.sameHeads(store.Filter{Pending: true})
		}),
		named("its entries are pruned", func(k *kit) {
			k.restore("a", k.sealed("a", 20), 0)
			k.sameEntries(store.Query{Wallet: "a", After: 19})
			k.sameEntries(store.Query{Wallet: "a", After: 20})
			k.sameEntries(store.Query{Wallet: "a", From: epoch + 1})
			k.sameEntries(store.Query{Wallet: "a", Newest: true, Limit: 1})
		}),
		named("goes on", func(k *kit) {
			k.restore("a", k.sealed("a", 20), epoch, restored...)
			k.refuse(change("a", 0))
			k.refuse(change("a", 19))
			k.refuse(change("a", 20, marked(1, 2)))
			k.keep(change("a", 20, grow(2), part(3, ""), part(4, "four"), keyed("k"), erase(20)))
			k.sameHeads(store.Filter{Pending: true})
			k.sameEntries(store.Query{Wallet: "a", After: 20})
			k.sameEntries(store.Query{Wallet: "a", Newest: true, Limit: 4})
			k.ack("a", 22)
			k.prune("a", 22)
		}),
		named("the same checkpoint again", func(k *kit) {
			k.restore("a", k.sealed("a", 20), 0)
			k.pruneAt("a", k.m.checkpoint("a"))
			k.refusePrune("a", store.Checkpoint{Seq: 19, At: epoch, Body: []byte("x")})
		}),
		{"memory/passed: to Restore", ruleMemory, whyMemory, func(k *kit) {
			c, parts := k.sealed("a", 20), []store.Part{{ID: 0, Body: []byte("zero")}, {ID: 1, Body: []byte("one")}}
			k.restore("a", c, 0, parts...)
			wipe(c.Body)
			wipe(parts[0].Body)
			wipe(parts[1].Body)
			clear(parts)
			k.same()
		}},
	}
	return append(list, restoreRefusedCases()...)
}

func restoreRefusedCases() []testcase {
	list := []testcase{
		{"restore/a wallet that exists", ruleExists, whyRestore, func(k *kit) {
			k.pruned()
			k.refuseRestore("a", k.sealed("a", 50), 0, restored...)
			k.refuseRestore("b", k.sealed("b", 1), 0)
		}},
		{"restore/a wallet that was restored", ruleExists, whyRestore, func(k *kit) {
			c := k.sealed("a", 20)
			k.restore("a", c, 0, restored...)
			k.refuseRestore("a", c, 0, restored...)
		}},
		{"restore/one of many callers", ruleExists, whyRestore, func(k *kit) {
			p, won := k.pruner(), atomic.Int64{}
			together(callers, func(i int) {
				c := store.Checkpoint{Seq: 20, At: epoch, Body: []byte("x")}
				switch err := p.Restore(k.ctx, "a", c, 0, restored); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrAborted):
					k.Errorf("Restore: %v", err)
				}
			})
			if n := won.Load(); n != 1 {
				k.Errorf("of %d callers, %d restored the wallet", callers, n)
			}
		}},
	}
	mistakes := []struct {
		name   string
		wallet string
		make   func(c *store.Checkpoint, due *int64, parts *[]store.Part)
	}{
		{"Seq 0", "a", func(c *store.Checkpoint, _ *int64, _ *[]store.Part) { c.Seq = 0 }},
		{"Seq over 1<<63 - 1", "a", func(c *store.Checkpoint, _ *int64, _ *[]store.Part) { c.Seq = 1 << 63 }},
		{"no body", "a", func(c *store.Checkpoint, _ *int64, _ *[]store.Part) { c.Body = []byte{} }},
		{"At before 1970", "a", func(c *store.Checkpoint, _ *int64, _ *[]store.Part) { c.At = -1 }},
		{"due after the year 9999", "a", func(_ *store.Checkpoint, due *int64, _ *[]store.Part) { *due = store.TimeLimit + 1 }},
		{"a part twice", "a", func(_ *store.Checkpoint, _ *int64, parts *[]store.Part) { *parts = append(*parts, store.Part{ID: 3}) }},
		{"a part over 1 MiB", "a", func(_ *store.Checkpoint, _ *int64, parts *[]store.Part) {
			*parts = append(*parts, store.Part{ID: 4, Body: make([]byte, store.BodyLimit+1)})
		}},
		{"a wallet without a name", "", func(*store.Checkpoint, *int64, *[]store.Part) {}},
	}
	for _, x := range mistakes {
		list = append(list, testcase{fmt.Sprintf("restore/malformed: %s", x.name), ruleRestore, whyRestore, func(k *kit) {
			c, due, parts := k.sealed("a", 20), int64(0), append([]store.Part(nil), restored...)
			x.make(&c, &due, &parts)
			k.refuseRestore(x.wallet, c, due, parts...)
		}})
	}
	return list
}
