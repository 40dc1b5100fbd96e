package credits_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// each begins DoEach, and returns what it tells of each task.
func (o *office) each(ctx context.Context, tasks ...credits.Task) (c *call, errs *[]error) {
	errs = new([]error)
	return o.begin(func(l *credits.Ledger) (credits.Receipt, error) {
		return credits.Receipt{}, l.DoEach(ctx, slices.Values(tasks), func(_ credits.Task, _ credits.Receipt, err error) error {
			*errs = append(*errs, err)
			return nil
		})
	}), errs
}

func spendOf(id credits.WalletID, key credits.Key, amount string) credits.Task {
	return credits.Task{Wallet: id, Key: key, Command: credits.Spend{Amount: n(amount)}}
}

// erase is a task that has to be by itself.
var erase = credits.Task{Wallet: acme, Key: "erase", Command: credits.Erase{Entries: []credits.ID{1}}}

// Tasks that are carried out together wait for nobody whom they keep waiting.
func TestDeskEach(t *testing.T) {
	t.Run("L-1/one that has to be by itself, and somebody is quicker", func(t *testing.T) {
		inOffice(t, func(o *office) {
			var quicker sync.Once
			o.store.commit = func(context.Context, []store.Write) error {
				quicker.Do(func() { o.other(acme, "quicker", one) })
				return nil
			}
			c, errs := o.each(o.ctx, erase, spendOf(acme, "1", "1"), spendOf("bob", "2", "1"), spendOf(acme, "3", "1"))
			o.kept(c)
			if err := errors.Join(*errs...); err != nil || len(*errs) != 4 {
				o.Errorf("%d were told: %v", len(*errs), err)
			}
			if got := o.keysOf(acme, credits.KindSpent); got != "quicker 1 3" {
				o.Errorf("the order is %s", got)
			}
		})
	})
	t.Run("a hook that calls Do on the same wallet", func(t *testing.T) {
		inOffice(t, func(o *office) {
			var l *credits.Ledger
			l = credits.New(o.store, &credits.Options{Clock: o.clock, OnCommit: func(ctx context.Context, r credits.Receipt) {
				if len(r.Key) < 8 {
					if _, err := l.Do(ctx, r.Wallet, "hook of "+r.Key, one); err != nil {
						o.Error(err)
					}
				}
			}})
			o.ledger = l
			c, errs := o.each(o.ctx, spendOf(acme, "1", "1"), erase, spendOf(acme, "2", "1"))
			o.kept(c)
			if err := errors.Join(*errs...); err != nil || len(*errs) != 3 {
				o.Errorf("%d were told: %v", len(*errs), err)
			}
		})
	})
	t.Run("S-4/a refusal is of its place in the order", func(t *testing.T) {
		for _, warm := range []bool{false, true} {
			inOffice(t, func(o *office) {
				if warm {
					o.warm()
				}
				grant := credits.Task{Wallet: acme, Key: "grant", Command: credits.Grant{Amount: n("100")}}
				c, errs := o.each(o.ctx, spendOf(acme, "1", "1"), spendOf(acme, "2", "10000"), grant, spendOf(acme, "3", "10000"), spendOf(acme, "4", "9999"))
				o.kept(c)
				for i, want := range []error{nil, credits.Insufficient, nil, nil, credits.Insufficient} {
					if got := (*errs)[i]; (got == nil) != (want == nil) || !errors.Is(got, want) {
						o.Errorf("warm %v: task %d: %v, want %v", warm, i, got, want)
					}
				}
			})
		}
	})
}

func TestDeskEachWaits(t *testing.T) {
	t.Run("a wallet that is locked keeps only its own waiting", func(t *testing.T) {
		inOffice(t, func(o *office) {
			locked := make(chan struct{})
			var quicker sync.Once
			o.store.commit = func(_ context.Context, writes []store.Write) error {
				first := false
				quicker.Do(func() {
					first = true
					o.other(acme, "quicker", one)
				})
				if !first && about(writes, acme) {
					<-locked
				}
				return nil
			}
			c, _ := o.each(o.ctx, spendOf(acme, "1", "1"), spendOf("bob", "2", "1"), spendOf("bob", "2", "1"))
			o.kept(o.spends("cid", "3")...)
			close(locked)
			synctest.Wait()
			o.kept(c)
		})
	})
	t.Run("I-2/its context ends while somebody else leads", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends(acme, "first")
			soon, cancel := context.WithTimeout(o.ctx, time.Hour)
			defer cancel()
			c, errs := o.each(soon, spendOf(acme, "1", "1"), spendOf("bob", "2", "1"))
			<-soon.Done()
			synctest.Wait()
			if !c.ended || !errors.Is(c.err, context.DeadlineExceeded) || len(*errs) != 2 {
				o.Errorf("%v, and %d were told", c.err, len(*errs))
			}
			for _, err := range *errs {
				if !errors.Is(err, credits.ErrRetry) {
					o.Errorf("got %v, want ErrRetry", err)
				}
			}
			o.open()
			o.undone(acme, "1")
		})
	})
}

// Who asks for several wallets has his turn at each, however many come later.
func TestDeskFair(t *testing.T) {
	inOffice(t, func(o *office) {
		o.shut()
		o.spends(acme, "first")
		all := o.begin(func(l *credits.Ledger) (credits.Receipt, error) {
			_, err := l.DoAll(o.ctx, spendOf("bob", "all", "1"), spendOf(acme, "all", "1"))
			return credits.Receipt{}, err
		})
		o.spends("bob", "1")
		o.spends(acme, "2", "3")
		o.through() // acme is his now, and who waits for bob goes first
		o.spends("bob", "4")
		o.spends(acme, "5")
		o.through()
		o.through()
		if !all.ended {
			o.Errorf("he waits still, after %q", o.store.commits)
		}
		o.open()
		o.kept(o.calls...)
		o.store.commits = o.store.commits[:3]
		o.wrote("acme first", "bob 1", "bob all, acme all")
	})
}
