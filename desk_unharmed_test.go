package credits_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// moody is a clock that fails when it is told to.
type moody struct {
	credits.Clock
	next func()
}

func (m *moody) Now() time.Time {
	if next := m.next; next != nil {
		m.next = nil
		next()
	}
	return m.Clock.Now()
}

// broken is a store of which one wallet cannot be read.
type broken struct {
	store.Store
	wallet string
}

func (s broken) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	states, err := s.Store.Load(ctx, reads...)
	for i := range states {
		if reads[i].Wallet == s.wallet {
			states[i].Parts[0].Body[1]++
		}
	}
	return states, err
}

// What one caller asks for, and what becomes of it, is nothing to the others in the
// batch: they are committed together, in order.
func TestDeskOthersUnharmed(t *testing.T) {
	tests := []struct {
		name string
		ask  func(o *office) *call
		want error
	}{
		{"S-4/refused", func(o *office) *call { return o.ask(o.ctx, acme, "culprit", credits.Spend{Amount: n("10001")}) }, credits.Insufficient},
		{"S-4/refused, of a wallet that is not open", func(o *office) *call { return o.ask(o.ctx, "nobody", "culprit", one) }, credits.ErrNotFound},
		{"S-4/invalid", func(o *office) *call { return o.ask(o.ctx, acme, "culprit", credits.Spend{}) }, credits.ErrInvalid},
		{"S-4/invalid, of another form", func(o *office) *call { return o.ask(o.ctx, acme, "culprit", credits.Grant{Amount: -1}) }, credits.ErrInvalid},
		{"A-1/more than there can be", func(o *office) *call {
			return o.ask(o.ctx, acme, "culprit", credits.Grant{Amount: credits.AmountMax})
		}, credits.ErrLimit},
		{"L-3/of a wallet that is corrupt", func(o *office) *call { return o.ask(o.ctx, "cid", "culprit", one) }, credits.ErrCorrupt},
	}
	for _, tt := range tests {
		for _, due := range []string{"2026-01-01", "2026-02-01"} {
			for _, warm := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/at %s, warm %v", tt.name, due, warm), func(t *testing.T) {
					inOffice(t, func(o *office) {
						if warm {
							o.warm()
						}
						o.store.Store = broken{o.store.Store, "cid"}
						o.ledger = o.over(o.store)
						o.shut()
						o.spends("bob", "first")
						o.at(due)
						before := o.spends(acme, "1", "2")
						culprit := tt.ask(o)
						after := append(o.spends(acme, "3", "4"), o.spends("bob", "5")...)
						o.open()
						if !errors.Is(culprit.err, tt.want) {
							o.Errorf("got %v, want %v", culprit.err, tt.want)
						}
						o.kept(before...)
						o.kept(after...)
						if got := strings.TrimPrefix(o.keysOf(acme, credits.KindSpent), "warmer "); got != "1 2 3 4" {
							o.Errorf("the order is %s", got)
						}
					})
				})
			}
		}
	}
}

// A panic is the caller's whose call it was; a goroutine that ends takes nobody with it.
func TestDeskPanics(t *testing.T) {
	for _, place := range []string{"first", "middle", "last"} {
		t.Run("of the clock/"+place, func(t *testing.T) {
			inOffice(t, func(o *office) {
				m := &moody{Clock: o.clock}
				o.ledger = credits.New(o.store, &credits.Options{Clock: m})
				o.shut()
				o.spends("bob", "first")
				o.spends(acme, "1", "2", "3")
				at, seen := slices.Index([]string{"first", "middle", "last"}, place), 0
				var count func()
				count = func() {
					if seen++; seen == at+1 {
						panic("no time")
					}
					m.next = count
				}
				m.next = count
				o.open()
				for i, c := range o.calls {
					if i == at+1 {
						if c.panicked != "no time" {
							o.Errorf("call %d: %v, %v", i, c.panicked, c.err)
						}
					} else {
						o.kept(c)
					}
				}
			})
		})
	}
}

func TestDeskPanicsOfHost(t *testing.T) {
	t.Run("a context that is none", func(t *testing.T) {
		inOffice(t, func(o *office) {
			var none context.Context
			o.shut()
			o.spends(acme, "first")
			c := o.ask(none, acme, "none", one)
			alone := o.ask(none, acme, "none", erase.Command)
			o.open()
			if c.panicked == nil || alone.panicked == nil {
				o.Errorf("%v, %v", c.err, alone.err)
			}
			o.kept(o.spends(acme, "1")...)
		})
	})
	for _, where := range []string{"load", "commit"} {
		for what, fail := range map[string]func(){"panics": func() { panic("no store") }, "ends the goroutine": runtime.Goexit} {
			t.Run("the store "+what+" in a "+where, func(t *testing.T) {
				inOffice(t, func(o *office) {
					o.shut()
					o.spends("bob", "first")
					rest := append(o.spends(acme, "1", "2"), o.spends("cid", "3")...)
					if where == "load" {
						o.store.load = func(context.Context, []store.Read) error { o.store.load = nil; fail(); return nil }
						o.through()
					} else {
						o.through()
						o.instead(func() error { fail(); return nil })
					}
					o.open()
					if rest[0].panicked == nil && what == "panics" || rest[0].err != nil {
						o.Errorf("who led: %v, %v", rest[0].panicked, rest[0].err)
					}
					for _, c := range rest[1:] {
						if !errors.Is(c.err, credits.ErrRetry) && !errors.Is(c.err, credits.ErrUnknown) || where == "commit" && !errors.Is(c.err, credits.ErrUnknown) {
							o.Errorf("another: %v, %v", c.panicked, c.err)
						}
					}
					o.kept(o.spends(acme, "1", "2")...)
					o.kept(o.spends("cid", "3")...)
				})
			})
		}
	}
	t.Run("of a hook", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.ledger = credits.New(o.store, &credits.Options{Clock: o.clock, OnCommit: func(_ context.Context, r credits.Receipt) {
				if r.Key == "2" {
					panic("no hook")
				}
			}})
			o.shut()
			o.spends(acme, "first", "1", "2", "3")
			o.open()
			o.kept(o.calls[0], o.calls[1], o.calls[3])
			if o.calls[2].panicked != "no hook" {
				o.Errorf("%v, %v", o.calls[2].panicked, o.calls[2].err)
			}
		})
	})
}

// What is remembered affects what a call costs, never what it means.
func TestDeskRemembers(t *testing.T) {
	t.Run("S-4/refused by what is remembered, done by what is stored", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.kept(o.ask(o.ctx, acme, "all", credits.Spend{Amount: n("10000")}))
			o.other(acme, "more", credits.Grant{Amount: n("2")})
			o.kept(o.spends(acme, "1", "2")...)
			if c := o.spends(acme, "3")[0]; !errors.Is(c.err, credits.Insufficient) {
				o.Errorf("got %v", c.err)
			}
		})
	})
	t.Run("S-4/done by what is remembered, refused by what is stored", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.other(acme, "all", credits.Spend{Amount: n("10000")})
			if c := o.spends(acme, "1")[0]; !errors.Is(c.err, credits.Insufficient) {
				o.Errorf("got %v", c.err)
			}
		})
	})
	t.Run("S-4/a refusal is not of what another in the batch did, which was not kept", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			o.spends("bob", "first")
			all := o.ask(o.ctx, acme, "all", credits.Spend{Amount: n("10000")})
			rest := o.spends(acme, "1")[0]
			o.through()
			o.instead(func() error {
				o.other(acme, "some", credits.Spend{Amount: n("5")})
				return nil
			})
			o.open()
			if !errors.Is(all.err, credits.Insufficient) {
				o.Errorf("there are 9,995: %v", all.err)
			}
			o.kept(rest)
		})
	})
}

func TestDeskRemembersNothingElse(t *testing.T) {
	t.Run("T-8/a process whose clock is behind", func(t *testing.T) {
		// The refusal wrote what fell due into what is remembered, and nowhere else. The
		// other process writes as many entries: the next call must not go on from there.
		inOffice(t, func(o *office) {
			o.warm()
			behind := credits.New(o.rig.store, &credits.Options{Clock: stopped(day("2026-01-31 23:59:59"))})
			for i, late := range []int{1, 2, 3, 4} {
				o.clock.Set(day("2026-02-01").AddDate(0, i, 0))
				c := o.ask(o.ctx, acme, credits.Key(fmt.Sprint("refused", i)), credits.Spend{Amount: n("20000")})
				if !errors.Is(c.err, credits.Insufficient) {
					o.Errorf("got %v", c.err)
				}
				for j := range late {
					if _, err := behind.Do(o.ctx, acme, credits.Key(fmt.Sprint("late", i, j)), one); err != nil {
						o.Fatal(err)
					}
				}
				o.kept(o.ask(o.ctx, acme, credits.Key(fmt.Sprint("k", i)), one))
				if err := o.ledger.Verify(o.ctx, acme); err != nil {
					o.Fatalf("L-3: after %d entries of the other: %v", late, err)
				}
			}
		})
	})
	t.Run("T-6/Tick and Open change what is remembered", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.at("2026-02-01")
			o.tick()
			o.kept(o.spends(acme, "1")...)
			if c := o.ask(o.ctx, "new", "k", one); !errors.Is(c.err, credits.ErrNotFound) {
				o.Errorf("got %v", c.err)
			}
			o.other("new", "open", credits.Open{Plan: monthly("1")})
			o.kept(o.spends("new", "k")...)
		})
	})
	t.Run("what is handed out shares nothing with it", func(t *testing.T) {
		inOffice(t, func(o *office) {
			features, labels := []string{"run"}, map[string]string{"by": "ann"}
			c := o.ask(o.ctx, acme, "1", credits.Grant{Amount: n("1"), Features: features, Note: credits.Note{Labels: labels}})
			h := o.ask(o.ctx, acme, "2", credits.Reserve{Amount: n("1"), Until: day("2026-01-09")})
			o.kept(c, h)
			features[0], labels["by"] = "none", "bob"
			c.Entries[0].Opens.Features[0] = "none"
			c.Entries[0].Lines[0].Amount = 0
			h.Entries[0].Hold.Parts[0].Amount = 0
			o.kept(o.ask(o.ctx, acme, "3", credits.Spend{Feature: "run", Quantity: 1}))
			if l, ok := o.wallet().Lot(c.ID); !ok || l.Features[0] != "run" {
				o.Errorf("the lot is %+v", l)
			}
		})
	})
}

// slow is a store whose commits of each wallet a test counts.
type slow struct {
	store.Store
	mu   sync.Mutex
	busy map[string]int
	most int
}

func (s *slow) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	s.mu.Lock()
	for _, w := range writes {
		s.busy[w.Changes[0].Wallet]++
		s.most = max(s.most, s.busy[w.Changes[0].Wallet])
	}
	s.mu.Unlock()
	time.Sleep(time.Millisecond) // of the bubble: whoever can come meanwhile does
	kept, err := s.Store.Commit(ctx, writes...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range writes {
		s.busy[w.Changes[0].Wallet]--
	}
	return kept, err
}

func TestDeskCommitters(t *testing.T) {
	for _, committers := range []int{-1, 1, 2, 4, 1000} {
		t.Run(fmt.Sprint(committers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2026-01-01")
				s := &slow{Store: r.store, busy: map[string]int{}}
				l := credits.New(s, &credits.Options{Clock: r.clock, Committers: committers})
				wallets := make([]credits.WalletID, 16)
				for i := range wallets {
					wallets[i] = credits.WalletID(fmt.Sprint("w", i))
					r.doOn(wallets[i], credits.Open{Plan: monthly("100")})
				}
				start := time.Now()
				for _, err := range parallel(64, func(i int) error {
					for j := range 4 {
						id, next := wallets[(i+j)%16], wallets[(i+7*j+1)%16]
						if _, err := l.Do(r.ctx, id, credits.Key(fmt.Sprint(i, j)), one); err != nil {
							return err
						}
						if id != next {
							if _, err := l.DoAll(r.ctx, credits.Task{Wallet: id, Key: credits.Key(fmt.Sprint(i, j, "a")), Command: one}, credits.Task{Wallet: next, Key: credits.Key(fmt.Sprint(i, j, "a")), Command: one}); err != nil {
								return err
							}
						}
					}
					return nil
				}) {
					if err != nil {
						t.Error(err)
					}
				}
				if s.most != 1 {
					t.Errorf("%d commits of one wallet at once", s.most)
				}
				t.Logf("%v of the bubble's time", time.Since(start))
				if err := credits.DesksAtRest(l); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
