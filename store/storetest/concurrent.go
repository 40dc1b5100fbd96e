package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"example.com/credits/store"
)

const (
	ruleConcurrent = "Its methods may be called concurrently."
	ruleLate       = "Receipts are looked up no earlier than the wallet"
	ruleOneCommit  = "A wallet's Seq, Mark and parts are those of one commit."
	whyConcurrent  = "a wallet is destroyed as soon as two callers use it at once"
	whyTorn        = "the ledger decides on lots of two different moments"
)

// callers is how many goroutines the concurrent cases use.
const callers = 8

// together runs f in several goroutines, which begin at once, and waits for
// all. In f a failure is reported with Errorf and by returning.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-start
			f(i)
		}()
	}
	close(start)
	wg.Wait()
}

func concurrentCases() []testcase {
	var list []testcase
	for _, n := range []int{2, 8, 32} {
		for _, prev := range []uint64{0, 1, 5} {
			list = append(list, testcase{
				fmt.Sprintf("concurrent/one of %d from %d is kept", n, prev), ruleFollows, whyFollows,
				func(k *kit) { k.race(n, prev) },
			})
		}
	}
	return append(list,
		testcase{"concurrent/one key among many callers", ruleKey, whyKey, oneKey},
		testcase{"concurrent/every update counts", ruleFollows, whyFollows, func(k *kit) { k.count(1) }},
		testcase{"concurrent/every update counts, three wallets", ruleFollows, whyFollows, func(k *kit) { k.count(3) }},
		testcase{"concurrent/writes of two wallets, in both orders", ruleWhole, whyWhole, bothOrders},
		testcase{"concurrent/receipts no earlier than the wallet", ruleLate, whyReceipt, lateReceipts},
		testcase{"concurrent/parts of one commit", ruleOneCommit, whyTorn, tornParts},
		testcase{"concurrent/entries without gaps", ruleConcurrent, whyConcurrent, growingEntries},
		testcase{"concurrent/heads while wallets are made", ruleConcurrent, whyConcurrent, growingHeads},
		testcase{"concurrent/acks", ruleAck, whyPending, func(k *kit) {
			k.keep(change("a", 0, grow(99)))
			together(callers, func(i int) {
				for seq := range uint64(12) {
					if err := k.s.Ack(k.ctx, "a", seq*8+uint64(i)); err != nil {
						k.Errorf("Ack: %v", err)
						return
					}
				}
			})
			k.m.ack("a", 11*8+callers-1)
			k.same()
		}},
	)
}

// race lets n callers commit from the same Seq: each with an entry, a part and
// a receipt of its own. One is kept, whole.
func (k *kit) race(n int, prev uint64) {
	if prev > 0 {
		k.keep(change("a", 0, grow(int(prev)-1)))
	}
	made := make([]store.Change, n)
	kept := make([]bool, n)
	for i := range n {
		made[i] = change("a", prev, part(2, fmt.Sprint("of caller ", i)), keyed(fmt.Sprint("key ", i)), due(epoch+int64(i)))
		made[i].Entries[0].Body = fmt.Append(nil, "of caller ", i)
	}
	together(n, func(i int) {
		got, err := k.tried(one(made[i]))
		if err != nil {
			k.Errorf("Commit: %v", err)
			return
		}
		kept[i] = got[0]
	})
	for i, ok := range kept {
		if ok {
			k.m.commit(one(made[i]))
		}
	}
	if won := slices.DeleteFunc(slices.Clone(kept), func(ok bool) bool { return !ok }); len(won) != 1 {
		k.Fatalf("of %d concurrent commits from %d, %d were kept, not 1", n, prev, len(won))
	}
	k.same()
	for i := range n {
		if st := k.load("a", 0, fmt.Sprint("key ", i)); len(st.Receipts) > 0 != kept[i] {
			k.Errorf("the receipt of a caller whose write was kept (%v) is there: %v", kept[i], len(st.Receipts) > 0)
		}
	}
}

// advance loads a wallet and commits what make makes of it, until that is kept or make makes nothing.
func (k *kit) advance(wallet string, key string, make func(st store.State) *store.Change) bool {
	for {
		states, err := k.s.Load(k.ctx, store.Read{Wallet: wallet, Keys: []string{key}})
		if err != nil || len(states) != 1 {
			k.Errorf("Load gave %d states, error %v", len(states), err)
			return false
		}
		c := make(states[0])
		if c == nil {
			return false
		}
		kept, err := k.tried(one(*c))
		if err != nil {
			k.Errorf("Commit: %v", err)
			return false
		}
		if kept[0] {
			return true
		}
		if k.ctx.Err() != nil {
			k.Errorf("no commit was kept: %v", k.ctx.Err())
			return false
		}
	}
}

// oneKey lets all callers run the same command, as clients do that were not
// answered: each until it is kept or its receipt found.
func oneKey(k *kit) {
	k.keep(change("a", 0))
	for round := range 10 {
		key := fmt.Sprint("key ", round)
		var mu sync.Mutex
		won := 0
		together(callers, func(i int) {
			if k.advance("a", key, func(st store.State) *store.Change {
				if len(st.Receipts) > 0 {
					return nil
				}
				c := change("a", st.Seq, keyed(key))
				return &c
			}) {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
		if won != 1 {
			k.Fatalf("one key was kept %d times", won)
		}
	}
	if st := k.load("a", 0); st.Seq != 11 {
		k.Errorf("after ten keys the wallet stands at %d, not 11", st.Seq)
	}
}

// count lets callers add one to a number in the wallets' part 1.
func (k *kit) count(wallets int) {
	const each = 20
	together(callers, func(i int) {
		for n := range each {
			w := fmt.Sprint("w", (i+n)%wallets)
			key := fmt.Sprintf("%d/%d", i, n)
			k.advance(w, key, func(st store.State) *store.Change {
				sum := 0
				if len(st.Parts) > 0 {
					if _, err := fmt.Sscan(string(st.Parts[0].Body), &sum); err != nil {
						k.Errorf("part 1 is %q", st.Parts[0].Body)
						return nil
					}
				}
				c := change(w, st.Seq, noParts, part(1, fmt.Sprint(sum+1)), keyed(key))
				return &c
			})
		}
	})
	total := 0
	for i := range wallets {
		w := fmt.Sprint("w", i)
		st, sum := k.load(w, 0), 0
		for _, p := range st.Parts {
			if _, err := fmt.Sscan(string(p.Body), &sum); err != nil {
				k.Fatalf("part %d is %q", p.ID, p.Body)
			}
		}
		if uint64(sum) != st.Seq {
			k.Errorf("wallet %s counted to %d, and stands at %d", w, sum, st.Seq)
		}
		total += sum
	}
	if total != callers*each {
		k.Errorf("%d updates were kept, and count %d", callers*each, total)
	}
	for i := range callers {
		for n := range each {
			w, key := fmt.Sprint("w", (i+n)%wallets), fmt.Sprintf("%d/%d", i, n)
			if len(k.load(w, 0, key).Receipts) != 1 {
				k.Errorf("the receipt %s in %s is lost", key, w)
			}
		}
	}
}

// bothOrders lets callers change two wallets at once, half of them in one
// order, half in the other. It must not come to a standstill, and the wallets stay level.
func bothOrders(k *kit) {
	k.keep(change("a", 0), change("b", 0))
	var mu sync.Mutex
	won := uint64(0)
	together(callers, func(i int) {
		for range 20 {
			states, err := k.s.Load(k.ctx, store.Read{Wallet: "a"}, store.Read{Wallet: "b"})
			if err != nil || len(states) != 2 {
				k.Errorf("Load gave %d states, error %v", len(states), err)
				return
			}
			changes := []store.Change{change("a", states[0].Seq), change("b", states[1].Seq)}
			if i%2 == 0 {
				slices.Reverse(changes)
			}
			kept, err := k.tried(store.Write{Changes: changes})
			if err != nil {
				k.Errorf("Commit: %v", err)
				return
			}
			if kept[0] {
				mu.Lock()
				won++
				mu.Unlock()
			}
		}
	})
	if a, b := k.load("a", 0).Seq, k.load("b", 0).Seq; a != won+1 || b != won+1 {
		k.Errorf("%d writes of both wallets were kept; one stands at %d, the other at %d", won, a, b)
	}
	if won == 0 {
		k.Errorf("not one write of two wallets was kept")
	}
}

// whileGrowing lets readers read a number of times each, while wallet "a"
// grows: commit n has a receipt under the key n, and parts that hold n. A
// reader is told how many commits there were before it reads.
func (k *kit) whileGrowing(reads int, read func(reader int, seq uint64)) {
	const readers, commits = 4, 5000
	var grown atomic.Uint64
	var reading sync.WaitGroup
	reading.Add(readers)
	done := make(chan struct{})
	go func() { reading.Wait(); close(done) }()
	together(readers+1, func(i int) {
		if i > 0 {
			defer reading.Done()
			for range reads {
				read(i, grown.Load())
			}
			return
		}
		for seq := range uint64(commits) {
			at := fmt.Sprint(seq + 1)
			c := change("a", seq, noParts, keyed(at))
			for id := range uint64(grownParts) {
				part(id, at)(&c)
			}
			kept, err := k.tried(one(c))
			if err != nil || !kept[0] {
				k.Errorf("Commit from %d: kept %v, error %v", seq, kept, err)
				return
			}
			grown.Store(c.Seq)
			select {
			case <-done:
				return
			default:
			}
		}
	})
	<-done
}

// grownParts is how many parts a growing wallet has.
const grownParts = 6

// lateReceipts asks for the receipts of commits that may come while it asks.
func lateReceipts(k *kit) {
	k.whileGrowing(150, func(_ int, before uint64) {
		var keys []string
		for n := range uint64(100) {
			keys = append(keys, fmt.Sprint(before+1+n))
		}
		states, err := k.s.Load(k.ctx, store.Read{Wallet: "a", Keys: keys})
		if err != nil || len(states) != 1 {
			k.Errorf("Load gave %d states, error %v", len(states), err)
			return
		}
		found := make(map[string]bool)
		for _, r := range states[0].Receipts {
			found[r.Key] = true
		}
		seq := states[0].Seq
		if seq < before {
			k.Errorf("Load returned Seq %d after commit %d", seq, before)
		}
		for n := before + 1; n <= seq && n <= before+100; n++ {
			if !found[fmt.Sprint(n)] {
				k.Errorf("Load returned Seq %d, and not the receipt that commit %d kept", seq, n)
				return
			}
		}
	})
}

func tornParts(k *kit) {
	var haves [8]uint64
	k.whileGrowing(300, func(reader int, _ uint64) {
		have := haves[reader]
		read, parts := store.Read{Wallet: "a", Have: have}, grownParts
		if reader%2 == 0 {
			read.Below, parts = grownParts-1, grownParts-1
		}
		states, err := k.s.Load(k.ctx, read)
		if err != nil || len(states) != 1 {
			k.Errorf("Load gave %d states, error %v", len(states), err)
			return
		}
		st := states[0]
		if st.Seq == 0 || st.Seq == have && len(st.Parts) == 0 {
			return
		}
		if len(st.Parts) != parts {
			k.Errorf("Load of %+v returned Seq %d and %d parts, not %d", read, st.Seq, len(st.Parts), parts)
			return
		}
		for _, p := range st.Parts {
			if string(p.Body) != fmt.Sprint(st.Seq) {
				k.Errorf("Load returned Seq %d, and part %d of %s", st.Seq, p.ID, p.Body)
				return
			}
		}
		haves[reader] = st.Seq
	})
}

func growingEntries(k *kit) {
	k.whileGrowing(30, func(reader int, _ uint64) {
		want, q := uint64(1), store.Query{Wallet: "a"}
		if reader%2 == 0 {
			q.After = 20
			want = 21
		}
		for e, err := range k.s.Entries(k.ctx, q) {
			if err != nil {
				k.Errorf("Entries: %v", err)
				return
			}
			if e.Seq != want || string(e.Body) != fmt.Sprint("body of a ", want) {
				k.Errorf("where entry %d belongs, Entries yielded %d with body %q", want, e.Seq, e.Body)
				return
			}
			want++
		}
	})
}

func growingHeads(k *kit) {
	together(callers, func(i int) {
		if i%2 == 0 {
			for n := range 40 {
				kept, err := k.tried(one(change(fmt.Sprintf("w%d-%d", n*7919%101, i), 0, due(epoch))))
				if err != nil || !kept[0] {
					k.Errorf("Commit of a new wallet: kept %v, error %v", kept, err)
					return
				}
			}
			return
		}
		for n, least := 0, 0; n < 30; n++ {
			last, met := "", 0
			for h, err := range k.s.Heads(k.ctx, store.Filter{Due: epoch + int64(n%2)}) {
				if err != nil {
					k.Errorf("Heads: %v", err)
					return
				}
				if h.Wallet <= last {
					k.Errorf("Heads yielded %q after %q", h.Wallet, last)
					return
				}
				last = h.Wallet
				met++
			}
			if met < least {
				k.Errorf("Heads yielded %d wallets, and before that %d", met, least)
				return
			}
			least = met
		}
	})
	if got := k.heads(store.Filter{}); len(got) != callers/2*40 {
		k.Errorf("Heads yields %d wallets of %d", len(got), callers/2*40)
	}
}
