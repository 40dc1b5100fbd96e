package storetest

import (
	"errors"
	"fmt"
	"math"

	"example.com/credits/store"
)

const (
	ruleCheckpoint  = "Checkpoint returns the checkpoint that a wallet has, and the zero one if it has none or does not exist."
	rulePrune       = "Prune gives a wallet a checkpoint, in place of an earlier one, and removes the entries that it stands for with their notes"
	rulePruneRefuse = "A checkpoint before the one that the wallet has, another one at the same Seq, one beyond the wallet's Seq or one of entries that were not handed to the feed (beyond Fed) is an error that changes nothing."
	rulePrunedGone  = "the receipts that were kept with them and with no later one"
	rulePrunedLimit = "opaque, not empty, at most CheckpointLimit bytes"
	rulePruneAgain  = "what is left of them after an error the same Prune removes when it is called again"
	rulePruner      = "A Pruner is a [Store] whose wallets can shed their oldest entries. It is optional."

	whyCheckpoint = "what the pruned entries made of the wallet is lost: it can neither be verified nor explained"
	whyPruned     = "history that was not to be lost is gone, or history that was to be gone stays"
	whyPrunedKey  = "a command whose receipt is gone runs twice, or one that was to be forgotten is remembered"
)

// pruner returns the store as what it is declared to be.
func (k *kit) pruner() store.Pruner {
	k.Helper()
	p, ok := k.s.(store.Pruner)
	if !ok {
		k.Fatalf("the store is declared to be a Pruner, and is none")
	}
	return p
}

func (k *kit) checkpoint(wallet string) store.Checkpoint {
	k.Helper()
	c, err := k.pruner().Checkpoint(k.ctx, wallet)
	if err != nil {
		k.Fatalf("Checkpoint of %q: %v", wallet, err)
	}
	return c
}

// prune gives a wallet a checkpoint at a Seq, in store and model.
func (k *kit) prune(wallet string, seq uint64) {
	k.Helper()
	k.pruneAt(wallet, k.sealed(wallet, seq))
}

func (k *kit) pruneAt(wallet string, c store.Checkpoint) {
	k.Helper()
	if err := k.pruner().Prune(k.ctx, wallet, c); err != nil {
		k.Fatalf("Prune of %q at %d: %v", wallet, c.Seq, err)
	}
	if err := k.m.prune(wallet, c); err != nil {
		k.Fatalf("the case is broken: prune of %q at %d: %v", wallet, c.Seq, err)
	}
}

// refusePrune gives a checkpoint that must be refused, and sees that nothing changed.
func (k *kit) refusePrune(wallet string, c store.Checkpoint) {
	k.Helper()
	if err := k.pruner().Prune(k.ctx, wallet, c); err == nil {
		k.Errorf("Prune of %q at %d gave no error", wallet, c.Seq)
	}
	k.same()
	k.equal(fmt.Sprintf("Checkpoint of %q", wallet), k.checkpoint(wallet), k.m.checkpoint(wallet))
}

// sealed returns a checkpoint at a Seq, with the time of that entry.
func (k *kit) sealed(wallet string, seq uint64) store.Checkpoint {
	c := store.Checkpoint{Seq: seq, At: epoch, Body: fmt.Appendf(nil, "checkpoint of %s at %d", wallet, seq)}
	for _, e := range k.m.entries(store.Query{Wallet: wallet, Through: seq, Newest: true, Limit: 1}) {
		c.At = e.At
	}
	return c
}

// pruned makes the history, and prunes wallet "a" at its entry 20.
func (k *kit) pruned() {
	k.Helper()
	k.history()
	k.ack("a", 40)
	k.prune("a", 20)
}

func checkpointCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"checkpoint/" + name, ruleCheckpoint, whyCheckpoint, run}
	}
	none := func(k *kit, wallet string) {
		k.equal(fmt.Sprintf("Checkpoint of %q", wallet), k.checkpoint(wallet), store.Checkpoint{})
	}
	list := []testcase{
		named("none of a wallet that does not exist", func(k *kit) { none(k, "a") }),
		named("none before the first", func(k *kit) {
			k.history()
			none(k, "a")
		}),
		named("none of another wallet", func(k *kit) {
			k.pruned()
			none(k, "b")
			none(k, "A")
		}),
		named("as it was given", func(k *kit) {
			k.pruned()
			k.same()
		}),
		named("the later one", func(k *kit) {
			k.pruned()
			k.prune("a", 31)
			k.same()
		}),
		named("at the first entry", func(k *kit) {
			k.keep(change("a", 0, entry(func(e *store.Entry) { e.At = 0 })))
			k.ack("a", 1)
			k.prune("a", 1)
			k.same()
		}),
		named("at the last instant there is", func(k *kit) {
			k.keep(change("a", 0, entry(func(e *store.Entry) { e.At = store.TimeLimit })))
			k.ack("a", 1)
			k.prune("a", 1)
			k.same()
		}),
		named("of every byte", func(k *kit) {
			k.history()
			k.ack("a", 40)
			c := k.sealed("a", 20)
			c.Body = make([]byte, 256)
			for i := range c.Body {
				c.Body[i] = byte(255 - i)
			}
			k.pruneAt("a", c)
			k.same()
		}),
	}
	return append(list, checkpointLimitCases()...)
}

func checkpointLimitCases() []testcase {
	largest := func(k *kit, more int) store.Checkpoint {
		k.history()
		k.ack("a", 40)
		c := k.sealed("a", 20)
		c.Body = make([]byte, store.CheckpointLimit+more)
		c.Body[0], c.Body[len(c.Body)-1] = 1, 2
		return c
	}
	return []testcase{
		{"checkpoint/16 MiB", rulePrunedLimit, whyCheckpoint, func(k *kit) {
			k.pruneAt("a", largest(k, 0))
			k.same()
		}},
		{"checkpoint/16 MiB and a byte", rulePrunedLimit, whyCheckpoint, func(k *kit) { k.refusePrune("a", largest(k, 1)) }},
		{"memory/passed: a checkpoint", ruleMemory, whyMemory, func(k *kit) {
			k.history()
			k.ack("a", 40)
			c := k.sealed("a", 20)
			k.pruneAt("a", c)
			wipe(c.Body)
			k.same()
		}},
		{"memory/returned: a checkpoint", ruleMemory, whyMemory, func(k *kit) {
			k.pruned()
			wipe(k.checkpoint("a").Body)
			k.same()
		}},
	}
}

func pruneCases() []testcase {
	named := func(name string, run func(k *kit)) testcase {
		return testcase{"prune/" + name, rulePrune, whyPruned, func(k *kit) { run(k); k.same() }}
	}
	list := []testcase{
		named("one entry", func(k *kit) { k.history(); k.ack("a", 40); k.prune("a", 1) }),
		named("half of them", func(k *kit) { k.pruned() }),
		named("all of them", func(k *kit) { k.history(); k.ack("a", 40); k.prune("a", 40) }),
		named("thousands", func(k *kit) {
			for range 3 {
				k.keep(change("a", k.m.seq("a"), grow(999), erase()))
			}
			k.ack("a", 3000)
			k.prune("a", 2500)
			k.same()
			k.prune("a", 2999)
		}),
		named("step by step", func(k *kit) {
			k.history()
			k.ack("a", 40)
			for _, seq := range []uint64{1, 2, 10, 11, 39, 40} {
				k.prune("a", seq)
				k.same()
			}
		}),
		named("a wallet that goes on", func(k *kit) {
			k.pruned()
			k.keep(change("a", 40, grow(2), part(2, "two"), due(epoch), erase(20, 21), keyed("k")))
			k.same()
			k.keep(change("a", 43, part(2, ""), noParts))
			k.refuse(change("a", 20))
			k.ack("a", 44)
			k.prune("a", 44)
			k.keep(change("a", 44, keyed("l")))
		}),
		named("erasing a note that was pruned", func(k *kit) {
			k.pruned()
			k.keep(change("a", 40, erase(1, 20)))
		}),
		named("up to the feed", func(k *kit) {
			k.history()
			k.ack("a", 20)
			k.prune("a", 20)
		}),
		named("two wallets", func(k *kit) {
			k.pruned()
			k.ack("b", 35)
			k.prune("b", 35)
		}),
		{"prune/the same again", rulePruneAgain, whyPruned, func(k *kit) {
			k.pruned()
			c := k.m.checkpoint("a")
			k.keep(change("a", 40, keyed("k")))
			for range 3 {
				k.pruneAt("a", c)
				k.same()
			}
		}},
	}
	for i, w := range []string{"A", "a ", "a%", "aa"} {
		list = append(list, named(fmt.Sprintf("not wallet %q", w), func(k *kit) {
			k.keep(change(w, 0, grow(40+i), keyed("k")))
			k.ack(w, 30)
			k.pruned()
		}))
	}
	return append(list, pruneRefusedCases()...)
}

// pruneRefusedCases give checkpoints that are refused to a wallet of 40 entries
// that has one at 20, and whose feed is at 35.
func pruneRefusedCases() []testcase {
	refused := func(name string, make func(c *store.Checkpoint)) testcase {
		return testcase{"prune/refused: " + name, rulePruneRefuse, whyPruned, func(k *kit) {
			k.history()
			k.ack("a", 35)
			k.prune("a", 20)
			c := k.m.checkpoint("a")
			make(&c)
			k.refusePrune("a", c)
			k.prune("a", 35) // what was refused leaves no trace
			k.same()
		}}
	}
	return []testcase{
		refused("just before the one there", func(c *store.Checkpoint) { c.Seq = 19 }),
		refused("at the first", func(c *store.Checkpoint) { c.Seq = 1 }),
		refused("another body", func(c *store.Checkpoint) { c.Body = []byte("another") }),
		refused("a longer body", func(c *store.Checkpoint) { c.Body = append(c.Body, 0) }),
		refused("another instant", func(c *store.Checkpoint) { c.At++ }),
		refused("just beyond the feed", func(c *store.Checkpoint) { c.Seq = 36 }),
		refused("the wallet's Seq, beyond the feed", func(c *store.Checkpoint) { c.Seq = 40 }),
		refused("just beyond the wallet", func(c *store.Checkpoint) { c.Seq = 41 }),
		refused("a number with the same low bits", func(c *store.Checkpoint) { c.Seq = 30 + 1<<32 }),
		refused("the greatest number", func(c *store.Checkpoint) { c.Seq = math.MaxInt64 }),
		refused("over 1<<63 - 1", func(c *store.Checkpoint) { c.Seq = 1 << 63 }),
		refused("Seq 0", func(c *store.Checkpoint) { c.Seq = 0 }),
		refused("no body", func(c *store.Checkpoint) { c.Seq, c.Body = 30, nil }),
		refused("before 1970", func(c *store.Checkpoint) { c.Seq, c.At = 30, -1 }),
		refused("after the year 9999", func(c *store.Checkpoint) { c.Seq, c.At = 30, store.TimeLimit+1 }),
		{"prune/refused: just beyond a wallet whose feed is at its end", rulePruneRefuse, whyPruned, func(k *kit) {
			k.pruned()
			k.refusePrune("a", store.Checkpoint{Seq: 41, At: epoch, Body: []byte("x")})
		}},
		{"prune/refused: no such wallet", rulePruneRefuse, whyPruned, func(k *kit) {
			k.pruned()
			for _, w := range []string{"c", "A", "a ", "", "a\x00"} {
				k.refusePrune(w, store.Checkpoint{Seq: 1, At: epoch, Body: []byte("x")})
			}
		}},
		{"prune/refused: nothing was handed to the feed", rulePruneRefuse, whyPruned, func(k *kit) {
			k.history()
			k.refusePrune("a", k.sealed("a", 1))
		}},
	}
}

// prunedReceiptCases prune a wallet whose commits are of the entries 1, 2 to 4 and 5.
func prunedReceiptCases() []testcase {
	named := func(name string, seq uint64, run func(k *kit)) testcase {
		return testcase{"prune/receipts: " + name, rulePrunedGone, whyPrunedKey, func(k *kit) {
			k.keep(change("a", 0, keyed("k1", "l1")), change("b", 0, keyed("k1", "l1")))
			k.keep(change("a", 1, grow(2), keyed("k2")), change("b", 1, grow(2), keyed("k2")))
			k.keep(change("a", 4, keyed("k3", "l3")), change("b", 4, keyed("k3", "l3")))
			k.ack("a", 5)
			k.ack("b", 5)
			k.prune("a", seq)
			for _, w := range []string{"a", "b"} {
				read := store.Read{Wallet: w, Keys: []string{"k1", "l1", "k2", "k3", "l3"}}
				k.equal(fmt.Sprintf("Load of %q", w), k.reads(read)[0], k.m.load(read))
			}
			k.same()
			if run != nil {
				run(k)
				k.same()
			}
		}}
	}
	return []testcase{
		named("of the first commit", 1, nil),
		named("stay with a later entry", 3, nil),
		named("of two commits", 4, nil),
		named("all", 5, nil),
		named("a key is free again", 4, func(k *kit) { k.keep(change("a", 5, keyed("k1", "k2"))) }),
		named("a key that stays is used", 4, func(k *kit) { k.refuse(change("a", 5, keyed("k1", "k3"))) }),
		named("a key that is used again stays", 4, func(k *kit) {
			k.keep(change("a", 5, keyed("k1")))
			k.pruneAt("a", k.m.checkpoint("a"))
			k.refuse(change("a", 6, keyed("k1")))
		}),
	}
}

// unprunedCases see that a store that is not declared to be a Pruner does as if it were none.
func unprunedCases() []testcase {
	return []testcase{
		{"unpruned/no checkpoint", rulePruner, whyPruned, func(k *kit) {
			k.history()
			c, err := store.CheckpointOf(k.ctx, k.s, "a")
			if err != nil {
				k.Fatalf("Checkpoint: %v", err)
			}
			k.equal("Checkpoint", c, store.Checkpoint{})
		}},
		{"unpruned/refuses", rulePruner, whyPruned, func(k *kit) {
			p, ok := k.s.(store.Pruner)
			if !ok {
				k.Logf("it is no Pruner")
				return
			}
			k.history()
			k.ack("a", 40)
			if err := p.Prune(k.ctx, "a", k.sealed("a", 20)); err == nil {
				k.Errorf("Prune gave no error: declare the store to be a Pruner, so that it is tested")
			}
			if err := p.Restore(k.ctx, "c", k.sealed("c", 20), 0, nil); err == nil || errors.Is(err, store.ErrAborted) {
				k.Errorf("Restore gave the error %v: it would not help to try again", err)
			}
			k.same()
		}},
	}
}
