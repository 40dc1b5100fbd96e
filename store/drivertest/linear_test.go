package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
	"example.com/credits/store/storetest"
)

// call is what a client asks of one wallet: where it stands, or to move it on from prev.
type call struct {
	wallet string
	commit bool
	prev   uint64
	waits  bool // for whoever is changing the wallet: else it may not be kept for that
}

// answer is what it was told.
type answer struct {
	seq     uint64 // of a load
	kept    bool   // of a commit
	unknown bool   // whether it was kept
	aborted bool   // it was not, whatever the wallet's Seq
}

// wallets is what a store should be to its clients: a number for each wallet,
// which moves on by one from where the client says it stands, or stays.
var wallets = (&porcupine.NondeterministicModel{
	PartitionEvent: func(history []porcupine.Event) [][]porcupine.Event {
		parts, of := make(map[string][]porcupine.Event), make(map[int]string)
		for _, e := range history {
			if e.Kind == porcupine.CallEvent {
				of[e.Id] = e.Value.(call).wallet
			}
			parts[of[e.Id]] = append(parts[of[e.Id]], e)
		}
		var all [][]porcupine.Event
		for _, part := range parts {
			all = append(all, part)
		}
		return all
	},
	Init: func() []any { return []any{uint64(0)} },
	Step: func(state, input, output any) []any {
		seq, c, a := state.(uint64), input.(call), output.(answer)
		switch {
		case !c.commit && a.seq == seq:
			return []any{seq}
		case !c.commit:
			return nil
		case a.unknown && c.prev == seq:
			return []any{seq, seq + 1}
		case a.unknown, a.aborted, !a.kept && (c.prev != seq || !c.waits):
			return []any{seq}
		case a.kept && c.prev == seq:
			return []any{seq + 1}
		}
		return nil
	},
}).ToModel()

// history lets clients load and commit at once, by a store that fails now and
// then, and returns what they saw, and how many commits lost against others.
func history(t *testing.T, s store.Store, round int, r *rand.Rand) (events []porcupine.Event, lost int) {
	const clients, steps = 6, 8
	var mu sync.Mutex
	ids := 0
	record := func(client int, c call) (answered func(a answer)) {
		mu.Lock()
		defer mu.Unlock()
		id := ids
		ids++
		events = append(events, porcupine.Event{ClientId: client, Kind: porcupine.CallEvent, Value: c, Id: id})
		return func(a answer) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, porcupine.Event{ClientId: client, Kind: porcupine.ReturnEvent, Value: a, Id: id})
			if c.commit && !a.kept && !a.unknown && !a.aborted {
				lost++
			}
		}
	}
	seeds := make([]uint64, clients)
	for i := range seeds {
		seeds[i] = r.Uint64()
	}
	var all sync.WaitGroup
	var unanswered []func(a answer)
	for client := range clients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seeds[client], 0))
			for n := range steps {
				wallet := fmt.Sprintf("%d/%d", round, r.IntN(2))
				answered := record(client, call{wallet: wallet})
				states, err := s.Load(context.Background(), store.Read{Wallet: wallet})
				if err != nil {
					t.Error(err)
					return
				}
				prev := states[0].Seq
				answered(answer{seq: prev})
				for range r.IntN(20) {
					runtime.Gosched() // let others come between
				}
				w := write(wallet, prev, fmt.Sprintf("%d/%d", client, n))
				w.Wait = r.IntN(4) > 0
				answered = record(client, call{wallet, true, prev, w.Wait})
				kept, err := s.Commit(context.Background(), w)
				switch {
				case errors.Is(err, store.ErrAborted):
					answered(answer{aborted: true})
				case err != nil: // it may take effect at any later moment
					mu.Lock()
					unanswered = append(unanswered, answered)
					mu.Unlock()
				default:
					answered(answer{kept: kept[0]})
				}
			}
		})
	}
	all.Wait()
	for _, answered := range unanswered {
		answered(answer{unknown: true})
	}
	return events, lost
}

// careless is a store that commits whatever the wallet's Seq: the control.
type careless struct{ store.Store }

func (c careless) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	for {
		states, err := c.Load(ctx, store.Read{Wallet: writes[0].Changes[0].Wallet})
		if err != nil {
			return nil, err
		}
		kept, err := c.Store.Commit(ctx, after(writes[0].Changes[0].Wallet, states[0]))
		if err != nil || kept[0] {
			return kept, err
		}
	}
}

// TestLinearizable checks what concurrent clients saw against what one after
// the other could have seen. A store without its comparison is found out.
func TestLinearizable(t *testing.T) {
	stores := []struct {
		name      string
		histories int
		open      func(t *testing.T) store.Store
	}{
		{"memory", 2000, func(*testing.T) store.Store { return new(memory.Store) }},
		{"sqlite", 200, func(t *testing.T) store.Store {
			return newSQLite(t, modernc.open(t, newFile(t)), sqlite.Options{})
		}},
		{"postgres", 200, func(t *testing.T) store.Store {
			db := openAs(t, service)
			db.SetMaxIdleConns(6)
			return open(t, db, newSchema(t))
		}},
	}
	for _, s := range stores {
		t.Run("I-2/"+s.name, func(t *testing.T) {
			seed := rand.Uint64()
			r, opened, contended := rand.New(rand.NewPCG(seed, 0)), s.open(t), 0
			for round := range s.histories {
				faulty := storetest.Faulty(opened, func(call int, op string) storetest.Fault {
					if op == "commit" && call%5 == 0 {
						return []storetest.Fault{storetest.FailAfter, storetest.FailBefore, storetest.CancelAfter, storetest.Abort}[call/5%4]
					}
					return 0
				})
				events, lost := history(t, faulty, round, r)
				if lost > 0 {
					contended++
				}
				if porcupine.CheckEventsTimeout(wallets, events, time.Minute) != porcupine.Ok {
					t.Fatalf("history %d is not linearizable (seed %d)", round, seed)
				}
			}
			if contended < s.histories/2 {
				t.Errorf("in only %d of %d histories did clients meet", contended, s.histories)
			}
			for round := range 50 {
				events, _ := history(t, careless{opened}, s.histories+round, r)
				if porcupine.CheckEventsTimeout(wallets, events, time.Minute) == porcupine.Illegal {
					return
				}
			}
			t.Error("50 histories of a store that compares nothing passed")
		})
	}
}
