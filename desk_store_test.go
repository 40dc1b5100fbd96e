package credits_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store"
)

// about reports whether a commit is about a wallet.
func about(writes []store.Write, id credits.WalletID) bool {
	return slices.ContainsFunc(writes, func(w store.Write) bool { return w.Changes[0].Wallet == string(id) })
}

// A wallet that somebody else is writing keeps its own callers waiting, and nobody else.
func TestDeskAside(t *testing.T) {
	t.Run("locked by somebody else", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			lock := store.ErrAborted // what a commit gets that waited too long for the lock
			o.store.commit = func(ctx context.Context, writes []store.Write) error {
				if !about(writes, acme) {
					return nil
				}
				select {
				case <-o.gate:
					return lock
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			o.spends(acme, "first")
			locked := o.spends(acme, "1", "2")
			others := append(o.spends("bob", "3"), o.spends("cid", "4")...)
			o.through() // and the next has all of them
			o.through()
			o.kept(others...)
			o.kept(o.spends("bob", "5")...)
			o.kept(o.spends("cid", "6")...)
			if locked[0].ended || locked[1].ended {
				o.Errorf("those of the locked wallet: %v, %v", locked[0].err, locked[1].err)
			}
			more := o.spends(acme, "7", "8")
			lock = nil
			o.through()
			o.through()
			o.kept(locked...)
			o.kept(more...)
			slices.Sort(o.store.commits[2:5]) // each by itself, at once
			o.wrote("acme first", "bob 3, cid 4, acme 1 2", "acme 1 2", "bob 3", "cid 4", "bob 5", "cid 6", "acme 7 8")
		})
	})
}

func TestDeskBusy(t *testing.T) {
	t.Run("L-1/who is tried again goes before those who came meanwhile", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			o.spends("bob", "first")
			o.spends(acme, "1", "2")
			o.through()
			o.spends(acme, "3", "4")
			o.instead(func() error {
				o.other(acme, "quicker", one)
				return nil
			})
			o.open()
			o.kept(o.calls...)
			o.wrote("bob first", "acme 1 2", "acme 1 2 3 4")
		})
	})
	t.Run("changed by somebody else again and again", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			quicker, shut := 0, o.store.commit
			o.store.commit = func(ctx context.Context, writes []store.Write) error {
				if about(writes, acme) && quicker < 50 {
					quicker++
					o.other(acme, credits.Key(fmt.Sprint("quicker", quicker)), one)
				}
				return shut(ctx, writes)
			}
			o.spends("bob", "first")
			busy := o.spends(acme, "1", "2")
			others := append(o.spends("bob", "3"), o.spends("cid", "4")...)
			o.open()
			o.kept(busy...)
			o.kept(others...)
			for _, commit := range o.store.commits[2:] {
				if strings.Contains(commit, "bob") || strings.Contains(commit, "cid") {
					o.Errorf("others are in a commit again: %s", commit)
				}
			}
			if quicker != 50 || len(o.store.commits) != 52 {
				o.Errorf("%d conflicts, %d commits", quicker, len(o.store.commits))
			}
			o.store.forget()
			o.gate = make(chan func() error)
			o.spends("cid", "5")
			o.spends(acme, "6")
			o.spends("bob", "7")
			o.through()
			o.through()
			o.wrote("cid 5", "acme 6, bob 7") // it is among the others again
		})
	})
}

// What a store answers reaches those whom it is about, and the same calls again tell.
func TestDeskStoreAnswers(t *testing.T) {
	type answer func(o *office, writes []store.Write) ([]bool, error)
	after := func(o *office, writes []store.Write) ([]bool, error) {
		return o.rig.store.Commit(o.ctx, writes...)
	}
	tests := []struct {
		name    string
		answer  answer
		want    error // of those in the commit
		applied bool
	}{
		{name: "aborted", want: nil, answer: func(*office, []store.Write) ([]bool, error) { return nil, store.ErrAborted }},
		{name: "unknown, and nothing kept", want: credits.ErrUnknown, answer: func(*office, []store.Write) ([]bool, error) { return nil, errors.New("lost") }},
		{name: "unknown, and all kept", want: credits.ErrUnknown, applied: true, answer: func(o *office, w []store.Write) ([]bool, error) {
			_, _ = after(o, w)
			return nil, errors.New("lost")
		}},
		{name: "no outcomes", want: credits.ErrUnknown, applied: true, answer: func(o *office, w []store.Write) ([]bool, error) {
			_, err := after(o, w)
			return nil, err
		}},
		{name: "too many outcomes", want: credits.ErrUnknown, applied: true, answer: func(o *office, w []store.Write) ([]bool, error) {
			kept, err := after(o, w)
			return append(kept, true), err
		}},
		{name: "nothing kept", want: nil, answer: func(_ *office, w []store.Write) ([]bool, error) { return make([]bool, len(w)), nil }},
	}
	for _, tt := range tests {
		t.Run("I-2/"+tt.name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				o.other(acme, "used", one)
				o.shut()
				o.spends("bob", "first")
				in := append(o.spends(acme, "1", "2"), o.spends("cid", "3")...)
				known := o.spends(acme, "used")[0]
				double := o.spends(acme, "1")[0]
				o.through()
				once := &answering{Store: o.store.Store, answer: func(w []store.Write) ([]bool, error) { return tt.answer(o, w) }}
				o.store.Store = once
				o.open()
				for i, c := range in {
					if !errors.Is(c.err, tt.want) || tt.want == nil && c.err != nil {
						o.Errorf("call %d: %v, want %v", i, c.err, tt.want)
					}
				}
				if known.err != nil || !known.Replayed || double.err != nil && !errors.Is(double.err, tt.want) {
					o.Errorf("those who were not in the commit: %v, %v", known.err, double.err)
				}
				for i, again := range append(o.spends(acme, "1", "2"), o.spends("cid", "3")...) {
					if again.err != nil || again.Replayed != (tt.applied || tt.want == nil || i == 0 && double.err == nil) {
						o.Errorf("call %d again: replayed %v, error %v", i, again.Replayed, again.err)
					}
				}
				o.kept(o.spends(acme, "later")...)
			})
		})
	}
}

// answering answers one commit as a test says.
type answering struct {
	store.Store
	answer func([]store.Write) ([]bool, error)
}

func (s *answering) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if answer := s.answer; answer != nil {
		s.answer = nil
		return answer(writes)
	}
	return s.Store.Commit(ctx, writes...)
}

func TestDeskReadsFail(t *testing.T) {
	lost := errors.New("lost")
	for _, lasting := range []bool{false, true} {
		t.Run(fmt.Sprintf("I-2/a wallet that cannot be read, lasting %v", lasting), func(t *testing.T) {
			inOffice(t, func(o *office) {
				fails := 0
				o.store.load = func(_ context.Context, reads []store.Read) error {
					if slices.ContainsFunc(reads, func(r store.Read) bool { return r.Wallet == "cid" }) && (fails == 0 || lasting) {
						fails++
						return lost
					}
					return nil
				}
				o.shut()
				o.spends(acme, "first")
				others := append(o.spends(acme, "1"), o.spends("bob", "2")...)
				c := o.spends("cid", "3")[0]
				o.open()
				o.kept(others...)
				if lasting && (!errors.Is(c.err, credits.ErrRetry) || !errors.Is(c.err, lost)) || !lasting && c.err != nil {
					o.Errorf("got %v", c.err)
				}
			})
		})
	}
	t.Run("L-3/no states", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.ledger = o.over(odd{Store: o.rig.store, loads: true})
			if c := o.spends(acme, "k")[0]; !errors.Is(c.err, credits.ErrCorrupt) || errors.Is(c.err, credits.ErrRetry) {
				o.Errorf("got %v, want ErrCorrupt alone", c.err)
			}
		})
	})
}

// Whatever follows a commit may call the ledger: nobody is at the wallet any more.
func TestDeskHooks(t *testing.T) {
	t.Run("a hook that calls Do on the same wallet", func(t *testing.T) {
		inOffice(t, func(o *office) {
			type mark struct{}
			seen := map[credits.Key]any{}
			var mu sync.Mutex
			var l *credits.Ledger
			l = credits.New(o.store, &credits.Options{Clock: o.clock, OnCommit: func(ctx context.Context, r credits.Receipt) {
				mu.Lock()
				if _, twice := seen[r.Key]; twice && r.Wallet == acme {
					o.Errorf("the hook was called twice for %s", r.Key)
				}
				seen[r.Key] = ctx.Value(mark{})
				mu.Unlock()
				if strings.HasPrefix(string(r.Key), "k") {
					if _, err := l.Do(ctx, r.Wallet, "of "+r.Key, one); err != nil {
						o.Error(err)
					}
					if _, err := l.DoAll(ctx, credits.Task{Wallet: acme, Key: "all of " + r.Key, Command: one}, credits.Task{Wallet: "bob", Key: "all of " + r.Key, Command: one}); err != nil {
						o.Error(err)
					}
				}
			}})
			o.ledger = l
			o.shut()
			keys, _ := someKeys(5)
			for _, key := range keys {
				o.ask(context.WithValue(o.ctx, mark{}, key), acme, key, one)
			}
			o.ask(o.ctx, acme, "refused", credits.Spend{Amount: n("10001")})
			o.spends(acme, "k1")
			o.open()
			o.kept(o.calls[:5]...)
			if len(seen) != 15 {
				o.Errorf("the hook was called for %d keys", len(seen))
			}
			for _, key := range keys {
				if seen[key] != key || seen["of "+key] != key {
					o.Errorf("the hook of %s has the context of %v", key, seen[key])
				}
			}
		})
	})
	for name, background := range map[string]func(func()){"at once": func(f func()) { f() }, "by itself": nil} {
		t.Run("P-3/what nobody waits for is paid "+name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				charger := &creditstest.Charger{}
				o.ledger = credits.New(o.store, &credits.Options{Clock: o.clock, Charger: charger, Background: background})
				for _, c := range []credits.Command{credits.Open{Plan: extras("80000", "72.00 USD")}, card, credits.SetAutoPurchase{On: true}} {
					o.kept(o.ask(o.ctx, "dot", credits.Key(fmt.Sprintf("%T", c)), c))
				}
				o.shut()
				o.ask(o.ctx, "dot", "first", credits.Spend{Amount: n("79990")})
				o.ask(o.ctx, "dot", "last", credits.Spend{Amount: n("10")})
				o.spends(acme, "1")
				o.open()
				o.kept(o.calls[3:]...)
				if got := charger.Taken("USD"); got != cash("11.70 USD") {
					o.Errorf("taken %v, want one purchase", got)
				}
				if got := o.walletOf("dot").Available(); got != n("10000") {
					o.Errorf("available is %v", got)
				}
			})
		})
	}
}
