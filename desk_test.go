package credits_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.com/credits"
	"example.com/credits/store"
)

func TestDeskCombines(t *testing.T) {
	t.Run("L-1/callers on one wallet are one commit, in the order in which they came", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			first := o.spends(acme, "first")
			keys, text := someKeys(40)
			rest := o.spends(acme, keys...)
			o.through()
			o.kept(first...)
			o.through()
			o.kept(rest...)
			o.wrote("acme first", "acme "+text)
			if o.store.loads != 0 {
				o.Errorf("%d loads of what is known", o.store.loads)
			}
			if got := o.keysOf(acme, credits.KindSpent); got != "warmer first "+text {
				o.Errorf("the order is %s", got)
			}
			for i, c := range rest {
				if c.Key != keys[i] || c.ID != first[0].ID+credits.ID(i+1) || c.Balance != first[0].Balance-credits.Amount(i+1)*credits.Credit {
					o.Errorf("receipt %d is %+v", i, c.Receipt)
				}
			}
		})
	})
	t.Run("callers on many wallets are one commit", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends(acme, "1")
			o.spends("bob", "2")
			o.spends("cid", "3", "4")
			o.spends(acme, "5")
			o.spends("bob", "6")
			o.through()
			o.through()
			o.kept(o.calls...)
			o.wrote("acme 1", "bob 2 6, cid 3 4, acme 5")
			if o.store.loads != 2 {
				o.Errorf("%d loads, want one for each commit", o.store.loads)
			}
		})
	})
}

func TestDeskBatch(t *testing.T) {
	t.Run("a batch has a bound, and the rest are in the next", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends(acme, "first")
			keys, text := someKeys(1030)
			o.spends(acme, keys...)
			o.spends("bob", "last")
			o.through()
			o.through()
			o.through()
			o.kept(o.calls...)
			if len(o.store.commits) != 3 {
				o.Fatalf("%d commits", len(o.store.commits))
			}
			got := o.store.commits[1] + strings.TrimPrefix(o.store.commits[2], "acme")
			if want := "bob last, acme " + text; got != want {
				o.Errorf("the order is %s", got)
			}
		})
	})
	t.Run("L-1/different commands ride together", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			o.spends(acme, "first")
			o.ask(o.ctx, acme, "grant", credits.Grant{Amount: n("5"), Note: credits.Note{Reason: "sorry"}})
			o.ask(o.ctx, acme, "hold", credits.Reserve{Amount: n("3"), Until: day("2026-01-09")})
			o.ask(o.ctx, acme, "feature", credits.Spend{Feature: "run", Quantity: 2, Note: credits.Note{Labels: map[string]string{"by": "ann"}}})
			o.through()
			o.through()
			o.kept(o.calls...)
			o.wrote("acme first", "acme grant hold feature")
		})
	})
	t.Run("T-6/what fell due is written once, before the first of them", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			last := o.wallet().Seq()
			o.shut()
			o.spends("bob", "first")
			o.at("2026-02-01")
			o.spends(acme, "1", "2")
			o.through()
			o.through()
			o.kept(o.calls...)
			o.wrote("bob first", "acme 1 2")
			o.told(last, "expired 9999, renewed, granted 10000, spent 1, spent 1")
		})
	})
}

func TestDeskLone(t *testing.T) {
	t.Run("cold: one load and one commit", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.kept(o.spends(acme, "k")...)
			if o.wrote("acme k"); o.store.loads != 1 {
				o.Errorf("%d loads", o.store.loads)
			}
		})
	})
	t.Run("warm: one commit and no load", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.kept(o.spends(acme, "1", "2", "3")...)
			if o.wrote("acme 1", "acme 2", "acme 3"); o.store.loads != 0 {
				o.Errorf("%d loads", o.store.loads)
			}
		})
	})
	t.Run("what is stored is not written again", func(t *testing.T) {
		inOffice(t, func(o *office) {
			var parts []int
			o.store.commit = func(_ context.Context, writes []store.Write) error {
				parts = append(parts, len(writes[0].Changes[0].Parts))
				return nil
			}
			o.kept(o.ask(o.ctx, acme, "hold", credits.Reserve{Amount: n("1"), Until: day("2026-01-09")}))
			o.kept(o.spends(acme, "1")...)
			if parts[0] < 2 || parts[1] != 1 {
				o.Errorf("the hold wrote %d parts, and the spend %d", parts[0], parts[1])
			}
		})
	})
	t.Run("S-4/a refusal is of what is stored, whatever is remembered", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			c := o.ask(o.ctx, acme, "k", credits.Spend{Amount: n("10001")})
			if o.wrote(); !errors.Is(c.err, credits.Insufficient) || o.store.loads == 0 {
				o.Errorf("got %v after %d loads", c.err, o.store.loads)
			}
		})
	})
	t.Run("what is remembered of many wallets is bounded", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			for i := range 1<<15 + 10 {
				id := credits.WalletID(fmt.Sprintf("nobody-%d", i))
				if _, err := o.ledger.Do(o.ctx, id, "k", credits.Spend{Amount: 1}); !errors.Is(err, credits.ErrNotFound) {
					o.Fatal(err)
				}
			}
			if err := credits.DesksAtRest(o.ledger); err != nil {
				o.Error(err)
			}
			o.kept(o.spends(acme, "k")...)
		})
	})
}

func TestDeskKeys(t *testing.T) {
	t.Run("I-1/one key in one batch has one effect", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			o.spends(acme, "first")
			same := o.spends(acme, "same", "same", "same")
			others := o.spends(acme, "1", "2")
			o.open()
			o.kept(others...)
			replayed := 0
			for _, c := range same {
				if c.err != nil || c.ID != same[0].ID {
					o.Errorf("%v, spend %d", c.err, c.ID)
				}
				if c.Replayed {
					replayed++
				}
			}
			if replayed != 2 {
				o.Errorf("%d of 3 are replays", replayed)
			}
			if got := o.keysOf(acme, credits.KindSpent); got != "warmer first same 1 2" {
				o.Errorf("the spends are %s", got)
			}
		})
	})
	t.Run("I-1/one key with two requests in one batch", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends(acme, "first")
			one := o.ask(o.ctx, acme, "same", credits.Spend{Amount: n("1")})
			two := o.ask(o.ctx, acme, "same", credits.Spend{Amount: n("2")})
			three := o.ask(o.ctx, acme, "same", credits.Grant{Amount: n("2")})
			o.open()
			o.kept(one)
			for _, c := range []*call{two, three} {
				if !errors.Is(c.err, credits.ErrKeyReused) {
					o.Errorf("got %v, want ErrKeyReused", c.err)
				}
			}
		})
	})
	t.Run("I-1/the first request of a key is refused, so the second has it", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.shut()
			o.spends(acme, "first")
			one := o.ask(o.ctx, acme, "same", credits.Spend{Amount: n("10001")})
			two := o.ask(o.ctx, acme, "same", credits.Spend{Amount: n("2")})
			o.open()
			if !errors.Is(one.err, credits.Insufficient) && !errors.Is(one.err, credits.ErrKeyReused) {
				o.Errorf("the first: %v", one.err)
			}
			o.kept(two)
		})
	})
}

func TestDeskKeysKnown(t *testing.T) {
	t.Run("I-1/a used key is replayed, and the others are done", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.kept(o.spends(acme, "used")...)
			o.shut()
			o.spends(acme, "first")
			used := o.ask(o.ctx, acme, "used", credits.Spend{Amount: n("1")})
			reused := o.ask(o.ctx, acme, "used", credits.Spend{Amount: n("2")})
			others := o.spends(acme, "1", "2")
			others = append(others, o.spends("bob", "3")...)
			o.open()
			o.kept(others...)
			if used.err != nil || !used.Replayed || !errors.Is(reused.err, credits.ErrKeyReused) {
				o.Errorf("replayed %v with %v, and %v", used.Replayed, used.err, reused.err)
			}
		})
	})
	t.Run("I-1/a key that another process used meanwhile", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.warm()
			o.shut()
			c := o.spends(acme, "k")[0]
			o.other(acme, "k", credits.Spend{Amount: n("1")})
			o.open()
			if c.err != nil || !c.Replayed {
				o.Errorf("replayed %v, error %v", c.Replayed, c.err)
			}
		})
	})
	t.Run("I-1/replayed though it would be refused now", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.kept(o.ask(o.ctx, acme, "all", credits.Spend{Amount: n("10000")}))
			again := o.ask(o.ctx, acme, "all", credits.Spend{Amount: n("10000")})
			if again.err != nil || !again.Replayed {
				o.Errorf("replayed %v, error %v", again.Replayed, again.err)
			}
		})
	})
}

// What has to be by itself keeps its place in line.
func TestDeskAlone(t *testing.T) {
	t.Run("those who come later do not overtake it", func(t *testing.T) {
		inOffice(t, func(o *office) {
			o.kept(o.spends(acme, "spend")...)
			spend := o.calls[0].ID
			o.store.forget()
			o.shut()
			o.spends(acme, "1")
			o.spends(acme, "2")
			o.ask(o.ctx, acme, "reverse", credits.Reverse{Spend: spend, All: true})
			o.spends(acme, "3", "4")
			o.begin(func(l *credits.Ledger) (credits.Receipt, error) {
				sent, _, err := l.Transfer(o.ctx, "transfer", credits.Transfer{From: acme, To: "bob", Amount: n("0.5")})
				return sent, err
			})
			o.spends(acme, "5")
			for range 5 {
				o.through()
			}
			o.kept(o.calls[:4]...)
			if err := o.calls[6].err; !errors.Is(err, credits.Insufficient) {
				o.Errorf("the transfer of an allowance: %v", err)
			}
			o.wrote("acme 1", "acme 2", "acme reverse", "acme 3 4", "acme 5")
		})
	})
}
