package credits_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// TestDeskOrder has tasks that depend on each other carried out together, while others seem to
// be quicker now and then: each is told what it is told where one is done after the other.
func TestDeskOrder(t *testing.T) {
	const wallets, tasks = 3, 300
	for round := range 15 {
		r := newUncheckedRig(t, "2026-01-01", new(memory.Store))
		random := &crowd{rig: r, random: seeded(t)}
		faulty := storetest.Faulty(r.store, func(int, string) (f storetest.Fault) {
			if random.number(6) == 0 {
				f = storetest.Conflict
			}
			return f
		})
		opts := &credits.Options{Clock: r.clock, Salt: [32]byte{1}, Committers: []int{1, 4, 64}[round%3]}
		name := func(i int) credits.WalletID { return credits.WalletID(fmt.Sprint("w", i)) }
		serial, together := credits.New(new(memory.Store), opts), credits.New(faulty, opts)
		for i := range wallets {
			for s, l := range map[store.Store]*credits.Ledger{serial.Store(): serial, r.store: credits.New(r.store, opts)} {
				if _, err := l.Do(r.ctx, name(i), "open", credits.Open{Plan: monthly("1000")}); err != nil {
					t.Fatal(s, err)
				}
			}
		}
		var all []credits.Task
		var want []string
		for i := range tasks {
			task := credits.Task{Wallet: name(random.number(wallets)), Key: credits.Key(fmt.Sprint("k", i)), Command: dependent(random, r.clock.Now())}
			got, err := serial.Do(r.ctx, task.Wallet, task.Key, task.Command)
			all, want = append(all, task), append(want, fmt.Sprint(got.ID, got.Balance, err))
		}
		i := 0
		if err := together.DoEach(r.ctx, slices.Values(all), func(task credits.Task, r credits.Receipt, err error) error {
			if got := fmt.Sprint(r.ID, r.Balance, err); got != want[i] {
				return fmt.Errorf("task %d, %T: %s, want %s", i, task.Command, got, want[i])
			}
			i++
			return nil
		}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// dependent returns a command whose outcome depends on those before it.
func dependent(c *crowd, now time.Time) credits.Command {
	id := credits.ID(c.number(100))
	switch c.number(7) {
	case 0:
		return credits.Reserve{Feature: "run", Quantity: 2, Until: now.Add(time.Hour)}
	case 1:
		return credits.Capture{Hold: id, All: true}
	case 2:
		return credits.Release{Hold: id}
	case 3:
		return credits.Reverse{Spend: id, All: true}
	case 4:
		return credits.Erase{Entries: []credits.ID{1 + id%10}}
	default:
		return credits.Spend{Amount: n("1")}
	}
}
