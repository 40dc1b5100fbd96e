package credits_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
)

// tally is a store that keeps account of what reaches it, and does what a test
// says before it goes on.
type tally struct {
	store.Store
	load   func(ctx context.Context, reads []store.Read) error
	commit func(ctx context.Context, writes []store.Write) error

	mu      sync.Mutex
	loads   int
	queries int
	commits []string // "acme a b, bob c": the wallets of one commit with the keys of their changes
}

func (s *tally) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	s.mu.Lock()
	s.loads++
	s.mu.Unlock()
	if s.load != nil {
		if err := s.load(ctx, reads); err != nil {
			return nil, err
		}
	}
	return s.Store.Load(ctx, reads...)
}

func (s *tally) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	s.mu.Lock()
	s.queries++
	s.mu.Unlock()
	return s.Store.Entries(ctx, q)
}

func (s *tally) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	s.mu.Lock()
	s.commits = append(s.commits, spelled(writes))
	s.mu.Unlock()
	if s.commit != nil {
		if err := s.commit(ctx, writes); err != nil {
			return nil, err
		}
	}
	return s.Store.Commit(ctx, writes...)
}

func spelled(writes []store.Write) string {
	var words []string
	for _, w := range writes {
		for _, c := range w.Changes {
			word := c.Wallet
			for _, r := range c.Receipts {
				word += " " + r.Key
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

// forget begins the account anew.
func (s *tally) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads, s.queries, s.commits = 0, 0, nil
}

// office is a ledger whose callers a test lets in and out one by one, in a bubble.
// Its wallets acme, bob and cid have 10,000 credits, and the account begins after that.
type office struct {
	*rig
	store *tally
	gate  chan func() error // what a commit waits for and does, if the office is shut
	calls []*call
}

// call is a call of the ledger that is under way, or what came of it.
type call struct {
	credits.Receipt
	err      error
	ended    bool
	panicked any
}

// everybody has a wallet of the office.
var everybody = []credits.WalletID{acme, "bob", "cid"}

// inOffice runs a test in a bubble. When it ends, all calls have to have ended, and the
// desks to be at rest.
func inOffice(t *testing.T, test func(o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{rig: newRig(t, "2026-01-01"), gate: make(chan func() error)}
		for _, id := range everybody {
			o.doOn(id, credits.Open{Plan: monthly("10000")})
		}
		o.store = &tally{Store: o.rig.store}
		o.ledger = o.over(o.store)
		t.Cleanup(func() {
			synctest.Wait()
			for i, c := range o.calls {
				if !c.ended {
					t.Errorf("call %d never ended", i)
				}
			}
			if err := credits.DesksAtRest(o.ledger); err != nil {
				t.Error(err)
			}
		})
		test(o)
	})
}

// begin begins a call of the ledger, and returns when it waits for something, or ended.
func (o *office) begin(do func(l *credits.Ledger) (credits.Receipt, error)) *call {
	c := &call{}
	o.calls = append(o.calls, c)
	go func() {
		returned := false
		defer func() {
			if c.ended = true; !returned {
				c.panicked = recover()
			}
		}()
		c.Receipt, c.err = do(o.ledger)
		returned = true
	}()
	synctest.Wait()
	return c
}

// ask begins a command.
func (o *office) ask(ctx context.Context, id credits.WalletID, key credits.Key, cmd credits.Command) *call {
	return o.begin(func(l *credits.Ledger) (credits.Receipt, error) { return l.Do(ctx, id, key, cmd) })
}

// spends begins a spend of one credit under each key.
func (o *office) spends(id credits.WalletID, keys ...credits.Key) []*call {
	var all []*call
	for _, key := range keys {
		all = append(all, o.ask(o.ctx, id, key, credits.Spend{Amount: n("1")}))
	}
	return all
}

// warm has the ledger know all wallets, and begins the account anew.
func (o *office) warm() {
	o.Helper()
	for _, id := range everybody {
		o.kept(o.ask(o.ctx, id, "warm", credits.Grant{Amount: n("1")}))
		o.kept(o.ask(o.ctx, id, "warmer", credits.Spend{Amount: n("1")}))
	}
	o.store.forget()
}

// shut has each commit wait until it is let through, or its context ends.
func (o *office) shut() {
	o.store.commit = func(ctx context.Context, _ []store.Write) error {
		select {
		case do, shut := <-o.gate:
			if !shut {
				return nil
			}
			return do()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// through lets one commit through.
func (o *office) through() {
	o.Helper()
	o.instead(func() error { return nil })
}

// failing lets one commit fail, without effect.
func (o *office) failing(err error) {
	o.Helper()
	o.instead(func() error { return err })
}

// instead has one commit do something first, and returns when nobody goes on.
func (o *office) instead(do func() error) {
	o.Helper()
	select {
	case o.gate <- do:
		synctest.Wait()
	default:
		o.Fatal("nobody commits")
	}
}

// open lets all commits through from now on.
func (o *office) open() {
	close(o.gate)
	synctest.Wait()
}

// kept expects that calls were carried out, for the first time.
func (o *office) kept(calls ...*call) {
	o.Helper()
	for i, c := range calls {
		switch {
		case !c.ended:
			o.Errorf("call %d is under way still", i)
		case c.err != nil || c.panicked != nil || c.Replayed:
			o.Errorf("call %d: error %v, panic %v, replayed %v", i, c.err, c.panicked, c.Replayed)
		}
	}
}

// wrote expects the commits since the account began.
func (o *office) wrote(want ...string) {
	o.Helper()
	if diff := cmp.Diff(want, o.store.commits); diff != "" {
		o.Errorf("commits (-want +got):\n%s", diff)
	}
}

// other is another process on the same store.
func (o *office) other(id credits.WalletID, key credits.Key, cmd credits.Command) {
	o.Helper()
	if _, err := o.over(o.rig.store).Do(context.Background(), id, key, cmd); err != nil {
		o.Fatal(err)
	}
}

// keysOf returns the keys of a wallet's entries of a kind, in order.
func (o *office) keysOf(id credits.WalletID, k credits.Kind) string {
	o.Helper()
	var keys []string
	for _, e := range o.history(id, credits.HistoryQuery{Kinds: []credits.Kind{k}}) {
		keys = append(keys, string(e.Key))
	}
	return strings.Join(keys, " ")
}

// someKeys returns a number of keys, and their text.
func someKeys(count int) (keys []credits.Key, text string) {
	words := make([]string, count)
	for i := range count {
		words[i] = fmt.Sprintf("k%d", i)
		keys = append(keys, credits.Key(words[i]))
	}
	return keys, strings.Join(words, " ")
}
