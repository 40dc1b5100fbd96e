package credits_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/credits"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// crowd is clients of two ledgers, as if of two processes, on one store that fails
// now and then. Their contexts end now and then, too.
type crowd struct {
	*rig
	ledgers []*credits.Ledger

	mu     sync.Mutex
	random *rand.Rand
	ends   map[int]context.CancelFunc // of the calls under way
	calls  int
}

// effect is what a command that was acknowledged did to a wallet.
type effect struct {
	id     credits.ID
	wallet credits.WalletID
	key    credits.Key
	amount credits.Amount // by which what the wallet has, held or not, rose
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{rig: newRig(t, "2026-01-01"), random: seeded(t), ends: map[int]context.CancelFunc{}}
	for _, id := range everybody {
		c.doOn(id, credits.Open{Plan: bare(func(p *credits.Plan) {
			p.Allowances = []credits.Allowance{{Unit: "points", Amount: n("10")}} // something falls due
		})})
		c.doOn(id, credits.Grant{Amount: n("300")})
	}
	faulty := storetest.Faulty(c.store, c.plan)
	for i := range 2 {
		c.ledgers = append(c.ledgers, credits.New(faulty, &credits.Options{Clock: c.clock, Committers: 1 + i}))
	}
	return c
}

// plan has every eighth call of the store fail, and every tenth end a context.
func (c *crowd) plan(int, string) (f storetest.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random.IntN(8) == 0 {
		f = faults()[c.random.IntN(len(faults()))]
	}
	if c.random.IntN(10) == 0 {
		for call, end := range c.ends { // any will do
			end()
			delete(c.ends, call)
			break
		}
	}
	return f
}

// number returns a random number.
func (c *crowd) number(bound int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(bound)
}

// known calls do until it knows the outcome, with contexts that may end.
func (c *crowd) known(do func(context.Context, *credits.Ledger) error) error {
	for {
		ctx, end := context.WithCancel(c.ctx)
		l := c.ledgers[c.number(2)]
		c.mu.Lock()
		c.calls++
		call := c.calls
		c.ends[call] = end
		c.mu.Unlock()
		err := do(ctx, l)
		c.mu.Lock()
		delete(c.ends, call)
		c.mu.Unlock()
		end()
		if !errors.Is(err, credits.ErrRetry) && !errors.Is(err, credits.ErrUnknown) {
			return err
		}
	}
}

// client does one thing after the other, and remembers what it was told of.
type client struct {
	*crowd
	no, step int
	effects  []effect
	refused  []effect
	spends   []effect
	holds    []effect
}

// do carries out a command, by which the wallet gets sign times the amount of the receipt.
func (c *client) do(id credits.WalletID, cmd credits.Command, sign credits.Amount) (effect, error) {
	e := effect{wallet: id, key: c.key()}
	err := c.known(func(ctx context.Context, l *credits.Ledger) error {
		r, err := l.Do(ctx, id, e.key, cmd)
		if err == nil && (r.Key != e.key || r.Wallet != id) {
			return fmt.Errorf("key %q of %q was told of key %q of %q", e.key, id, r.Key, r.Wallet)
		}
		e.id, e.amount = r.ID, sign*r.Amount
		return err
	})
	return c.keep(e, err)
}

func (c *client) keep(e effect, err error) (effect, error) {
	if errors.Is(err, credits.ErrRefused) {
		c.refused = append(c.refused, e)
		return effect{}, nil
	}
	if err == nil {
		c.effects = append(c.effects, e)
	}
	return e, err
}

func (c *client) key() credits.Key {
	c.step++
	return credits.Key(fmt.Sprintf("%d-%d", c.no, c.step))
}

// act does something at random.
func (c *client) act() error {
	id, other := everybody[c.number(3)], everybody[c.number(3)]
	amount := credits.Amount(1+c.number(5)) * credits.Credit
	switch draw := c.number(22); {
	case draw < 8:
		e, err := c.do(id, credits.Spend{Amount: amount, Note: credits.Note{Labels: map[string]string{"by": "ann"}}}, -1)
		if e.id != 0 {
			c.spends = append(c.spends, e)
		}
		return err
	case draw < 11:
		_, err := c.do(id, credits.Grant{Amount: amount}, 1)
		return err
	case draw < 13:
		e, err := c.do(id, credits.Reserve{Amount: amount, Until: day("2026-12-31")}, 0)
		if e.id != 0 {
			c.holds = append(c.holds, e)
		}
		return err
	case draw < 14 && len(c.holds) > 0:
		h := c.holds[len(c.holds)-1]
		c.holds = c.holds[:len(c.holds)-1]
		if c.number(2) == 0 {
			_, err := c.do(h.wallet, credits.Release{Hold: h.id}, 0)
			return err
		}
		_, err := c.do(h.wallet, credits.Capture{Hold: h.id, All: true}, -1)
		return err
	case draw < 15 && len(c.spends) > 0:
		s := c.spends[len(c.spends)-1]
		c.spends = c.spends[:len(c.spends)-1]
		_, err := c.do(s.wallet, credits.Reverse{Spend: s.id, All: true}, 1)
		return err
	case draw < 16:
		_, err := c.do(id, credits.Spend{Amount: n("1000000")}, -1)
		return err
	case draw < 17:
		return c.known(func(ctx context.Context, l *credits.Ledger) error { _, err := l.Tick(ctx); return err })
	case draw < 18 && c.clock.Now().Before(day("2026-11-30")):
		c.clock.Add(36 * 3600e9)
		return nil
	case draw < 19:
		return c.many()
	case id != other:
		return c.both(id, other, amount, c.number(2) == 0)
	}
	return nil
}

// both moves an amount from one wallet to another, in one of two ways.
func (c *client) both(from, to credits.WalletID, amount credits.Amount, transfer bool) error {
	key := c.key()
	all := []effect{{wallet: from, key: key, amount: -amount}, {wallet: to, key: key, amount: amount}}
	err := c.known(func(ctx context.Context, l *credits.Ledger) error {
		var receipts [2]credits.Receipt
		var err error
		if transfer {
			receipts[0], receipts[1], err = l.Transfer(ctx, key, credits.Transfer{From: from, To: to, Amount: amount})
		} else {
			var done []credits.Receipt
			done, err = l.DoAll(ctx, credits.Task{Wallet: from, Key: key, Command: credits.Spend{Amount: amount}}, credits.Task{Wallet: to, Key: key, Command: credits.Grant{Amount: amount}})
			copy(receipts[:], done)
		}
		all[0].id, all[1].id = receipts[0].ID, receipts[1].ID
		return err
	})
	_, err = c.keep(all[0], err)
	if err == nil && all[0].id != 0 {
		c.effects = append(c.effects, all[1])
	}
	return err
}

// many spends a credit a few times with one call.
func (c *client) many() error {
	all := make([]effect, 1+c.number(6))
	for i := range all {
		all[i] = effect{wallet: everybody[c.number(3)], key: c.key(), amount: -credits.Credit}
	}
	var fault error
	err := c.known(func(ctx context.Context, l *credits.Ledger) error {
		var again error
		err := l.DoEach(ctx, func(yield func(credits.Task) bool) {
			for _, e := range all {
				if !yield(credits.Task{Wallet: e.wallet, Key: e.key, Command: one}) {
					return
				}
			}
		}, func(t credits.Task, r credits.Receipt, err error) error {
			i := slices.IndexFunc(all, func(e effect) bool { return e.key == t.Key })
			switch all[i].id = r.ID; {
			case errors.Is(err, credits.ErrRetry), errors.Is(err, credits.ErrUnknown):
				again = err
			case err != nil || r.Key != t.Key || r.Wallet != t.Wallet:
				fault = fmt.Errorf("%q was told of %q: %w", t.Key, r.Key, err)
			}
			return nil
		})
		if again == nil && err != nil {
			again = credits.ErrRetry // its context ended
		}
		return again
	})
	slices.SortFunc(all, func(a, b effect) int { return cmp.Compare(a.id, b.id) }) // what failed came later
	c.effects = append(c.effects, all...)
	return errors.Join(err, fault)
}

// I-1, I-2, L-1, L-3: whatever fails, and whoever leaves, every command that was
// acknowledged has one effect, and no other has any.
func TestDeskRandom(t *testing.T) {
	const count, steps = 12, 40
	c := newCrowd(t)
	clients := make([]*client, count)
	for i, err := range parallel(count, func(i int) error {
		clients[i] = &client{crowd: c, no: i}
		for range steps {
			if err := clients[i].act(); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	for _, l := range c.ledgers {
		if err := credits.DesksAtRest(l); err != nil {
			t.Error(err)
		}
	}
	for _, id := range everybody {
		c.check(id, clients)
	}
}

// check compares a wallet with what its clients were told.
func (c *crowd) check(id credits.WalletID, clients []*client) {
	if err := c.ledger.Verify(c.ctx, id); err != nil {
		c.Errorf("L-3: %v", err)
	}
	entries := map[credits.Key][]credits.ID{}
	for _, e := range c.history(id, credits.HistoryQuery{}) {
		if e.Key != "" {
			entries[e.Key] = append(entries[e.Key], e.Seq)
		}
	}
	want, told := n("300"), 2 // and the two that made it
	for _, client := range clients {
		var last credits.ID
		for _, e := range client.effects {
			if e.wallet != id {
				continue
			}
			ids := entries[e.key]
			if !slices.Contains(ids, e.id) || ids[len(ids)-1]-ids[0] != credits.ID(len(ids)-1) {
				c.Errorf("I-1: %s of %q was told to be entry %d, and is %v", e.key, id, e.id, ids)
			}
			if e.id <= last {
				c.Errorf("L-1: %s of %q is entry %d, and one before it %d", e.key, id, e.id, last)
			}
			last = e.id
			want += e.amount
			told++
		}
		for _, e := range client.refused {
			if e.wallet == id && entries[e.key] != nil {
				c.Errorf("S-4: %s of %q was refused, and has entries %v", e.key, id, entries[e.key])
			}
		}
	}
	if told != len(entries) {
		c.Errorf("I-2: %d keys of %q were acknowledged, and %d have entries", told, id, len(entries))
	}
	if b := c.walletOf(id).Balance("", ""); b.Available+b.Held != want {
		c.Errorf("%q has %v and %v held, want %v in all", id, b.Available, b.Held, want)
	}
}

// I-1: 64 callers ask for the same 100 things of two ledgers, in orders of their own.
func TestDeskStorm(t *testing.T) {
	const callers, keys = 64, 100
	r := newRigOn(t, "2026-01-01", new(memory.Store))
	random := seeded(t)
	r.quick(credits.Open{Plan: monthly("1000")})
	ledgers := []*credits.Ledger{r.over(r.store), r.over(r.store)}
	orders := make([][]int, callers)
	for i := range orders {
		orders[i] = random.Perm(keys)
	}
	var first atomic.Int64
	var ids [keys]atomic.Int64
	for i, err := range parallel(callers, func(i int) error {
		for _, k := range orders[i] {
			got, err := ledgers[i%2].Do(r.ctx, acme, credits.Key(fmt.Sprint("storm-", k)), credits.Spend{Amount: credits.Amount(k+1) * credits.Credit / 10})
			if err != nil {
				return err
			}
			if !got.Replayed {
				first.Add(1)
			}
			if old := ids[k].Swap(int64(got.ID)); old != 0 && old != int64(got.ID) || got.Amount != credits.Amount(k+1)*credits.Credit/10 {
				return fmt.Errorf("key %d is entry %d and %d, of %v", k, old, got.ID, got.Amount)
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("caller %d: %v", i, err)
		}
	}
	if first.Load() != keys {
		t.Errorf("%d calls were not replays, want %d", first.Load(), keys)
	}
	r.has("495")
	for _, l := range ledgers {
		if err := credits.DesksAtRest(l); err != nil {
			t.Error(err)
		}
	}
}
