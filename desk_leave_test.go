package credits_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// gone expects that a call ended with an error of one class, because of its context.
func (o *office) gone(c *call, class error) {
	o.Helper()
	other := credits.ErrRetry
	if class == credits.ErrRetry {
		other = credits.ErrUnknown
	}
	switch {
	case !c.ended:
		o.Errorf("it waits still")
	case !errors.Is(c.err, class) || errors.Is(c.err, other) || !errors.Is(c.err, context.Canceled):
		o.Errorf("got %v, want %v because of the context", c.err, class)
	case c.Key != "" || c.Entries != nil:
		o.Errorf("a receipt beside the error: %+v", c.Receipt)
	}
}

// undone expects that a key has no effect.
func (o *office) undone(id credits.WalletID, key credits.Key) {
	o.Helper()
	if _, err := o.over(o.rig.store).Receipt(o.ctx, id, key); !errors.Is(err, credits.ErrNotFound) {
		o.Errorf("key %q of %q is known: %v", key, id, err)
	}
}

// leaver is a context that a test ends.
func (o *office) leaver() (context.Context, func()) {
	ctx, cancel := context.WithCancel(o.ctx)
	o.Cleanup(cancel)
	return ctx, func() {
		cancel()
		synctest.Wait()
	}
}

var one = credits.Spend{Amount: 1_000_000}

func TestDeskLeave(t *testing.T) {
	t.Run("I-2/who left the line was not tried", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends(acme, "first")
			ctx, leave := o.leaver()
			before := o.spends(acme, "1")[0]
			left := o.ask(ctx, acme, "left", one)
			only := o.ask(ctx, "bob", "left", one)
			alone := o.ask(ctx, acme, "left alone", erase.Command)
			after := o.spends(acme, "2")[0]
			leave()
			o.gone(left, credits.ErrRetry)
			o.gone(only, credits.ErrRetry)
			o.gone(alone, credits.ErrRetry)
			o.through()
			o.through()
			o.kept(before, after)
			o.wrote("acme first", "acme 1 2")
			o.undone(acme, "left")
			o.undone(acme, "left alone")
			o.undone("bob", "left")
		})
	})
	t.Run("I-2/who left while the wallet was read was not tried", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends("cid", "first")
			ctx, leave := o.leaver()
			o.ask(o.ctx, acme, "1", one)
			left := o.ask(ctx, acme, "left", one)
			reading := make(chan struct{})
			o.store.load = func(context.Context, []store.Read) error { <-reading; return nil }
			o.through()
			leave()
			o.gone(left, credits.ErrRetry)
			close(reading)
			synctest.Wait()
			o.through()
			o.wrote("cid first", "acme 1")
			o.undone(acme, "left")
		})
	})
}

func TestDeskLeaveCommit(t *testing.T) {
	t.Run("I-2/who leaves while his batch is committed does not know, and the key tells", func(t *testing.T) {
		for name, verdict := range map[string]error{"kept": nil, "aborted": store.ErrAborted, "unknown": errors.New("lost")} {
			t.Run(name, func(t *testing.T) {
				inOffice(t, func(o *office) {
					o.shut()
					o.spends(acme, "first")
					ctx, leave := o.leaver()
					o.spends(acme, "1")
					left := o.ask(ctx, acme, "left", one)
					o.spends(acme, "2")
					o.through()
					leave()
					o.gone(left, credits.ErrUnknown)
					o.failing(verdict)
					o.open()
					for _, c := range []*call{o.calls[1], o.calls[3]} {
						if (c.err == nil) != (verdict == nil) || !errors.Is(c.err, verdict) && verdict != nil {
							o.Errorf("another got %v", c.err)
						}
					}
					again := o.ask(o.ctx, acme, "left", one)
					if again.err != nil || again.Replayed != (verdict == nil) {
						o.Errorf("the same call: replayed %v, error %v", again.Replayed, again.err)
					}
				})
			})
		}
	})
}

// A call that is to be tried again is not, when nobody waits for it any more: the desk
// would tell it to lead, and stand still.
func TestDeskLeftIsNotTriedAgain(t *testing.T) {
	tests := []struct {
		name string
		key  credits.Key
		then func(o *office) error // what the commit with the call does
	}{
		{name: "somebody else was quicker", key: "left", then: func(o *office) error {
			o.other(acme, "quicker", one)
			return nil
		}},
		{name: "its key is in the batch already", key: "1", then: func(*office) error { return nil }},
		{name: "nothing of the batch was kept", key: "left", then: func(*office) error { return store.ErrAborted }},
	}
	for _, tt := range tests {
		for _, lines := range []struct {
			name  string
			first credits.WalletID
		}{{"first in line", "bob"}, {"behind another", acme}} {
			t.Run("I-1/"+tt.name+"/"+lines.name, func(t *testing.T) {
				inOffice(t, func(o *office) {
					o.shut()
					o.spends("cid", "first")
					o.spends(lines.first, "1")
					ctx, leave := o.leaver()
					if tt.key == "1" {
						o.spends(acme, "1")
					}
					left := o.ask(ctx, acme, tt.key, one)
					o.through()
					leave()
					if !errors.Is(left.err, context.Canceled) {
						o.Errorf("got %v", left.err)
					}
					o.instead(func() error { return tt.then(o) })
					o.open()
					soon, cancel := context.WithTimeout(o.ctx, time.Hour)
					defer cancel()
					for _, id := range everybody {
						o.kept(o.ask(soon, id, "later", one))
					}
				})
			})
		}
	}
}

func TestDeskContexts(t *testing.T) {
	t.Run("a context that has ended asks for nothing", func(t *testing.T) {
		inOffice(t, func(o *office) {
			ctx, leave := o.leaver()
			leave()
			o.gone(o.ask(ctx, acme, "k", one), credits.ErrRetry)
			o.gone(o.ask(ctx, acme, "k", erase.Command), credits.ErrRetry)
			if o.wrote(); o.store.loads != 0 {
				o.Errorf("%d loads", o.store.loads)
			}
		})
	})
	t.Run("a lone caller's context is its own", func(t *testing.T) {
		inOffice(t, func(o *office) {
			type mark struct{}
			ctx, leave := o.leaver()
			ctx = context.WithValue(ctx, mark{}, "mine")
			var given context.Context
			o.store.commit = func(ctx context.Context, _ []store.Write) error {
				given = ctx
				<-ctx.Done()
				return ctx.Err()
			}
			c := o.ask(ctx, acme, "k", one)
			leave()
			o.gone(c, credits.ErrUnknown)
			if given.Value(mark{}) != "mine" {
				o.Error("its values did not come to the store")
			}
		})
	})
}

func TestDeskBatchContext(t *testing.T) {
	t.Run("a batch's ends with the last of its callers', and not before", func(t *testing.T) {
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 2, 1}} {
			inOffice(t, func(o *office) {
				o.shut()
				o.spends("cid", "first")
				var given context.Context
				shut := o.store.commit
				o.store.commit = func(ctx context.Context, w []store.Write) error {
					given = ctx
					return shut(ctx, w)
				}
				var leave [3]func()
				for i, id := range everybody[:2] {
					var ctx context.Context
					ctx, leave[i] = o.leaver()
					o.ask(ctx, id, "k", one)
				}
				ctx, end := o.leaver()
				leave[2] = end
				o.ask(ctx, acme, "another", one)
				o.through()
				for i, who := range order {
					if given.Err() != nil {
						o.Errorf("it ended before call %d left", i)
					}
					leave[who]()
				}
				if given.Err() == nil {
					o.Error("it did not end")
				}
				for _, c := range o.calls[1:] {
					o.gone(c, credits.ErrUnknown)
				}
			})
		}
	})
	t.Run("a batch with a caller who waits for ever has no end", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends("cid", "first")
			ctx, leave := o.leaver()
			leads := o.ask(ctx, acme, "leads", one)
			stays := o.spends("bob", "stays")
			o.through()
			leave()
			if stays[0].ended {
				o.Error("the batch ended with its leader")
			}
			o.through()
			o.kept(leads, stays[0]) // he who leads knows, though his context ended
		})
	})
}

func TestDeskSeatsLeft(t *testing.T) {
	t.Run("the lead goes on when the next to lead leaves", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends("cid", "first")
			ctx, leave := o.leaver()
			next := o.ask(ctx, acme, "next", one)
			rest := o.spends("bob", "1", "2")
			leave()
			o.gone(next, credits.ErrRetry)
			o.through()
			o.through()
			o.kept(rest...)
			o.wrote("cid first", "bob 1 2")
		})
	})
	t.Run("who waits for several wallets leaves none taken", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends("bob", "first")
			ctx, leave := o.leaver()
			c := o.begin(func(l *credits.Ledger) (credits.Receipt, error) {
				_, err := l.DoAll(ctx, credits.Task{Wallet: "cid", Key: "k", Command: one}, credits.Task{Wallet: "bob", Key: "k", Command: one}, credits.Task{Wallet: acme, Key: "k", Command: one})
				return credits.Receipt{}, err
			})
			waits := o.spends(acme, "waits")[0]
			if waits.ended {
				o.Error("the seat of acme is not taken")
			}
			leave()
			o.gone(c, credits.ErrRetry)
			o.open()
			o.kept(waits)
		})
	})
}
