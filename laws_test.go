package credits_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// house is a ledger with the lives of its wallets, of which all that is drawn is
// carried out through the ledger.
type house struct {
	t      testing.TB
	r      *rand.Rand
	store  *memory.Store
	clock  *clock.Mock
	ledger *credits.Ledger
	lives  map[credits.WalletID]*life
	done   []task // what was carried out, in order
	keys   int

	between func(from, to time.Time) // called where time passes, if not nil
}

// task is a call that was carried out, and its receipt.
type task struct {
	credits.Task
	receipt credits.Receipt
}

// newHouse opens wallets of one plan or of different ones.
func newHouse(t testing.TB, r *rand.Rand, wallets ...credits.WalletID) *house {
	h := &house{t: t, r: r, store: new(memory.Store), clock: clock.NewMock(), lives: map[credits.WalletID]*life{}}
	h.ledger = credits.New(h.store, &credits.Options{Clock: h.clock, Salt: [32]byte{1}})
	now := lawStart(r)
	h.clock.Set(now)
	for _, id := range wallets {
		h.lives[id] = &life{r: r, now: now}
		h.must(id, credits.Open{Plan: drawPlan(t, r), Zone: pick(r, lawZones()...)})
	}
	return h
}

// do carries out a command under a new key, and reports whether it was done.
func (h *house) do(id credits.WalletID, c credits.Command) (credits.Receipt, error) {
	h.t.Helper()
	h.keys++
	x := task{Task: credits.Task{Wallet: id, Key: credits.Key(strconv.Itoa(h.keys)), Command: c}}
	var err error
	x.receipt, err = h.ledger.Do(ctx(), id, x.Key, c)
	switch {
	case err == nil:
		h.done = append(h.done, x)
		for _, e := range x.receipt.Entries {
			h.lives[id].remember(e)
		}
	case !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) || errors.Is(err, credits.ErrCorrupt):
		h.t.Fatalf("%#v: %v", c, err)
	}
	return x.receipt, err
}

func (h *house) must(id credits.WalletID, c credits.Command) {
	h.t.Helper()
	if _, err := h.do(id, c); err != nil {
		h.t.Fatalf("%#v: %v", c, err)
	}
}

// look returns a wallet now, and brings its life up to date.
func (h *house) look(id credits.WalletID) *life {
	h.t.Helper()
	w, err := h.ledger.Wallet(ctx(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	l := h.lives[id]
	l.w, l.now = w, h.clock.Now()
	return l
}

// pass lets time pass as it suits one of the wallets.
func (h *house) pass(id credits.WalletID, back bool) {
	l := h.look(id)
	l.pass(back)
	if !back && l.now.Before(h.clock.Now()) {
		return
	}
	to := l.now
	if now := h.clock.Now(); h.between != nil && to.After(now) {
		h.between(now, to)
	}
	h.clock.Set(to)
}

// live lets time pass and carries out commands, some of them between two wallets.
func (h *house) live(n int, back bool) {
	h.t.Helper()
	ids := h.wallets()
	for range n {
		id := pick(h.r, ids...)
		h.pass(id, back)
		if len(ids) > 1 && chance(h.r, 12) {
			h.transfer(id, ids[(slices.Index(ids, id)+1)%len(ids)])
			continue
		}
		_, _ = h.do(id, h.look(id).draw()) // a refusal is as good
	}
}

func (h *house) transfer(from, to credits.WalletID) {
	h.t.Helper()
	h.keys++
	x := credits.Transfer{From: from, To: to, Amount: h.look(from).amount("", "")}
	_, _, err := h.ledger.Transfer(ctx(), credits.Key(strconv.Itoa(h.keys)), x)
	if err != nil && !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) {
		h.t.Fatal(err)
	}
}

// at returns a wallet at an instant.
func (h *house) at(id credits.WalletID, t time.Time) credits.Wallet {
	h.t.Helper()
	w, err := h.ledger.BalanceAt(ctx(), id, t)
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *house) wallets() []credits.WalletID {
	var ids []credits.WalletID
	for id := range h.lives {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (h *house) history(id credits.WalletID) []credits.Entry {
	h.t.Helper()
	var all []credits.Entry
	for e, err := range h.ledger.History(ctx(), id, credits.HistoryQuery{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// kept is all that a store has of a wallet.
type kept struct {
	State   store.State
	Head    store.Head
	Entries []store.Entry
}

// snapshot returns all that the store has.
func (h *house) snapshot() []kept {
	h.t.Helper()
	keys := make([]string, 0, h.keys)
	for n := range h.keys {
		keys = append(keys, strconv.Itoa(n+1))
	}
	var all []kept
	for head, err := range h.store.Heads(ctx(), store.Filter{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		states, err := h.store.Load(ctx(), store.Read{Wallet: head.Wallet, Keys: keys})
		if err != nil {
			h.t.Fatal(err)
		}
		k := kept{State: states[0], Head: head}
		for e, err := range h.store.Entries(ctx(), store.Query{Wallet: head.Wallet}) {
			if err != nil {
				h.t.Fatal(err)
			}
			k.Entries = append(k.Entries, e)
		}
		all = append(all, k)
	}
	return all
}

func (h *house) verify() {
	h.t.Helper()
	for _, id := range h.wallets() {
		if err := h.ledger.Verify(ctx(), id); err != nil {
			h.t.Error(err)
		}
	}
}

func ctx() context.Context { return context.Background() }

// Law 1: the entries of a wallet, applied to nothing, give the stored wallet.
func TestLawReplay(t *testing.T) {
	eachLife(t, 25, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, "acme", "bob")
		h.live(60, true)
		h.verify()
		for _, id := range h.wallets() {
			entries := h.history(id)
			w, err := replayed(id, entries)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := h.ledger.BalanceAt(ctx(), id, entries[len(entries)-1].At)
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(viewOf(stored), viewOf(w)); diff != "" || !stored.Equal(w) {
				t.Errorf("law 1: stored and replayed (-stored +replayed):\n%s", diff)
			}
		}
	})
}

// Laws 2, 3 and 7, after every single entry: what was issued to a lot is in one
// of its accounts, no lot is negative and nothing is owed but what the plan
// declares, and the wallet's time never goes back.
func TestLawConservation(t *testing.T) {
	outcomes := map[credits.Kind]int{}
	eachLife(t, 150, func(t testing.TB, r *rand.Rand) {
		l, b := newLife(t, r, nil), newBooks()
		for i := range l.entries {
			b.add(&l.entries[i])
		}
		cycle := 0
		for range 60 {
			l.pass(true)
			w := l.w
			entries, err := l.do(l.call(l.draw()))
			if err != nil {
				if !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) {
					t.Fatal(err)
				}
				continue
			}
			for i := range entries {
				e := &entries[i]
				outcomes[e.Kind]++
				if e.At.Before(w.At()) {
					t.Errorf("law 7: entry %d is at %v, after one at %v", e.Seq, e.At, w.At())
				}
				if clock := readingOf(e, l.now); !e.Clock.Equal(clock) {
					t.Errorf("T-8: entry %d at %v has the clock's reading %v, want %v", e.Seq, e.At, e.Clock, clock)
				}
				if e.Kind == credits.KindRenewed {
					if cycle++; e.Cycle.Number != cycle || !e.Cycle.Period.Start.Equal(e.At) {
						t.Errorf("V8: cycle %d begins after cycle %d", e.Cycle.Number, cycle-1)
					}
				}
				if w, err = w.Apply(*e); err != nil {
					t.Fatal(err)
				}
				b.add(e)
				if err := errors.Join(b.check(w, e), overdrawn(w)); err != nil {
					t.Fatalf("laws 2 and 3: after entry %d, %v: %v", e.Seq, e.Kind, err)
				}
			}
		}
	})
	for k := credits.KindOpened; k <= credits.KindErased; k++ {
		if outcomes[k] == 0 && k != credits.KindOpened && k != credits.KindSent && k != credits.KindReceived {
			t.Errorf("no entry %q was drawn: the law was not tried on it", k)
		}
	}
}

// readingOf returns what an entry has to say of the clock: nothing, unless it is a
// command's and the clock was behind the wallet.
func readingOf(e *credits.Entry, now time.Time) time.Time {
	now = now.Truncate(time.Microsecond)
	if e.Key == "" || !now.Before(e.At) {
		return time.Time{}
	}
	return now
}

// Law 4: it does not matter when time is looked at, nor when what fell due is
// written. A house that sweeps at random moments and one that never does have the same entries.
func TestLawAdvanceComposes(t *testing.T) {
	eachLife(t, 15, func(t testing.TB, r *rand.Rand) {
		seed := r.Uint64()
		a := newHouse(t, rand.New(rand.NewPCG(seed, 0)), "acme", "bob")
		b := newHouse(t, rand.New(rand.NewPCG(seed, 0)), "acme", "bob")
		b.between = func(from, to time.Time) {
			b.clock.Set(from.Add(time.Duration(r.Int64N(int64(to.Sub(from)) + 1))))
			sweep(t, r, b)
		}
		a.live(40, false)
		b.live(40, false)
		last := a.clock.Now().AddDate(0, 2, 0)
		for _, h := range []*house{a, b} {
			h.clock.Set(last)
			if _, err := h.ledger.Tick(ctx()); err != nil {
				t.Fatal(err)
			}
			h.verify()
		}
		for _, id := range a.wallets() {
			if diff := differ(a.history(id), b.history(id)); diff != "" {
				t.Fatalf("law 4: without sweeps and with them (-without +with):\n%s", diff)
			}
		}
	})
}

// sweep writes what fell due in a house. A wallet seen at a later instant must
// be the same before and after.
func sweep(t testing.TB, r *rand.Rand, h *house) {
	t.Helper()
	later := h.clock.Now().AddDate(0, 0, r.IntN(40))
	before := map[credits.WalletID]credits.Wallet{}
	for _, id := range h.wallets() {
		before[id] = h.at(id, later)
	}
	if _, err := h.ledger.Tick(ctx()); err != nil {
		t.Fatal(err)
	}
	for id, want := range before {
		got := h.at(id, later)
		if diff := differ(viewOf(want), viewOf(got)); diff != "" || !want.Equal(got) {
			t.Errorf("law 4: seen at once and in two steps (-at once +in two):\n%s", diff)
		}
	}
}

// Law 4, V10: looking changes not one byte of the store, and a refusal does not either.
func TestLawLookingChangesNothing(t *testing.T) {
	eachLife(t, 20, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, "acme", "bob")
		for range 8 {
			h.live(5, true)
			h.pass("acme", true)
			command := h.look("acme").draw()
			before := h.snapshot()
			_, _ = h.ledger.Preview(ctx(), "acme", "looked", command)
			_, _ = h.ledger.BalanceAt(ctx(), "acme", h.clock.Now().AddDate(0, r.IntN(20)-10, 0))
			_, _ = h.ledger.Forecast(ctx(), "acme", "", h.clock.Now().AddDate(1, 0, 0))
			_, _ = h.ledger.Receipt(ctx(), "acme", "1")
			for range h.ledger.Due(ctx(), h.clock.Now()) {
			}
			h.history("acme")
			h.verify()
			if diff := differ(before, h.snapshot()); diff != "" {
				t.Fatalf("law 4: looking changed the store (-before +after):\n%s", diff)
			}
			if _, err := h.do("acme", command); err != nil {
				if diff := differ(before, h.snapshot()); diff != "" {
					t.Fatalf("V10: %v, and the store changed (-before +after):\n%s", err, diff)
				}
			}
		}
	})
}

// Law 5: one key, one effect. The same call gives the first receipt and changes
// nothing; another command under the key is an error and changes nothing.
func TestLawIdempotence(t *testing.T) {
	eachLife(t, 20, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, "acme", "bob")
		h.live(60, true)
		h.pass("acme", true)
		before := h.snapshot()
		erased := map[credits.WalletID]map[credits.ID]bool{"acme": {}, "bob": {}}
		for _, x := range h.done {
			if c, ok := x.Command.(credits.Erase); ok {
				for _, id := range c.Entries {
					erased[x.Wallet][id] = true
				}
			}
		}
		for _, x := range h.done {
			want := x.receipt
			want.Replayed = true
			want.Entries = slices.Clone(want.Entries)
			for i := range want.Entries {
				if e := &want.Entries[i]; erased[x.Wallet][e.Seq] {
					e.Actor, e.Note = credits.Actor{}, credits.Note{}
				}
			}
			got, err := h.ledger.Do(ctx(), x.Wallet, x.Key, x.Command)
			if err != nil {
				t.Fatalf("law 5: %#v: %v", x.Command, err)
			}
			if diff := differ(want, got); diff != "" {
				t.Fatalf("law 5: %#v again (-first +again):\n%s", x.Command, diff)
			}
			other := h.done[r.IntN(len(h.done))]
			if differ(other.Command, x.Command) == "" {
				continue
			}
			if _, err := h.ledger.Do(ctx(), x.Wallet, x.Key, other.Command); !errors.Is(err, credits.ErrKeyReused) {
				t.Fatalf("law 5: %#v under the key of %#v: %v", other.Command, x.Command, err)
			}
		}
		if diff := differ(before, h.snapshot()); diff != "" {
			t.Fatalf("law 5: what was done before changed the store (-before +after):\n%s", diff)
		}
	})
}

// Law 6: Decide depends on its arguments alone, in whatever goroutine, and
// changes neither the wallet nor the call.
func TestLawDeterminism(t *testing.T) {
	eachLife(t, 60, func(t testing.TB, r *rand.Rand) {
		l := newLife(t, r, nil)
		for range 25 {
			l.pass(true)
			call := l.call(l.draw())
			before := viewOf(l.w)
			want, wantErr := l.w.Decide(call)
			var wg sync.WaitGroup
			errs := make([]error, 3)
			for i := range errs {
				wg.Go(func() {
					got, err := l.w.Decide(call)
					if diff := differ(want, got) + differ(fmt.Sprint(wantErr), fmt.Sprint(err)); diff != "" {
						errs[i] = errors.New(diff)
					}
				})
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatalf("law 6: the same call of %#v:\n%v", call.Command, err)
			}
			if diff := differ(before, viewOf(l.w)); diff != "" {
				t.Fatalf("law 6: deciding changed the wallet:\n%s", diff)
			}
			if wantErr == nil {
				if err := l.apply(want); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Law 7: whatever the clock does, a wallet's time stands still or goes on, what
// ended stays ended, and no cycle comes twice.
func TestLawMonotoneTime(t *testing.T) {
	eachLife(t, 20, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, "acme")
		seen := h.look("acme").w
		for range 50 {
			h.live(1, true)
			if chance(r, 3) {
				h.clock.Set(h.clock.Now().Add(-pick(r, 1, time.Hour, 365*24*time.Hour)))
			}
			h.look("acme")
			stored, err := h.ledger.BalanceAt(ctx(), "acme", time.Unix(0, 0))
			if err == nil {
				t.Fatalf("law 7: in 1970 there was %v", stored)
			}
		}
		cycle, at := 0, time.Time{}
		for _, e := range h.history("acme") {
			if e.At.Before(at) {
				t.Fatalf("law 7: entry %d is at %v, after one at %v", e.Seq, e.At, at)
			}
			at = e.At
			if !e.Clock.IsZero() && !e.Clock.Before(e.At) {
				t.Errorf("T-8: entry %d has the clock's reading %v beside %v", e.Seq, e.Clock, e.At)
			}
			if e.Kind == credits.KindRenewed {
				if cycle++; e.Cycle.Number != cycle {
					t.Errorf("V8: cycle %d follows cycle %d", e.Cycle.Number, cycle-1)
				}
			}
			if e.Kind == credits.KindExpired {
				for _, ln := range e.Lines {
					if l, ok := seen.Lot(ln.Lot); ok && e.At.Before(l.Expires) {
						t.Errorf("V7: lot %d expired at %v, before %v", l.ID, e.At, l.Expires)
					}
				}
			}
		}
		h.verify()
	})
}

// A preview and what is then done are equal, refusals too.
func TestLawPreview(t *testing.T) {
	eachLife(t, 25, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, "acme")
		for range 50 {
			h.pass("acme", true)
			c := h.look("acme").draw()
			key := credits.Key(strconv.Itoa(h.keys + 1))
			want, wantErr := h.ledger.Preview(ctx(), "acme", key, c)
			got, err := h.do("acme", c)
			if diff := differ(want, got) + differ(fmt.Sprint(wantErr), fmt.Sprint(err)); diff != "" {
				t.Fatalf("L-5: preview of %#v (-preview +done):\n%s", c, diff)
			}
		}
	})
}

// V11, L-5: the balance at an instant is the fold of the entries up to it.
func TestLawBalanceAt(t *testing.T) {
	eachLife(t, 20, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r, "acme")
		h.live(50, true)
		entries := h.history("acme")
		for range 20 {
			i := r.IntN(len(entries))
			at := entries[i].At.Add(pick(r, -time.Microsecond, 0, 0, time.Microsecond, time.Hour))
			if !at.Before(entries[len(entries)-1].At) || at.Before(entries[0].At) {
				continue
			}
			n := 0
			for n < len(entries) && !entries[n].At.After(at) {
				n++
			}
			want, err := replayed("acme", entries[:n])
			if err != nil {
				t.Fatal(err)
			}
			got, err := h.ledger.BalanceAt(ctx(), "acme", at)
			if err != nil {
				t.Fatal(err)
			}
			a, b := viewOf(want), viewOf(got)
			a.Auto, b.Auto = credits.AutoState{}, credits.AutoState{} // of the month that is looked at
			if diff := differ(a, b); diff != "" {
				t.Fatalf("V11: at %v (-fold +balance at):\n%s", at, diff)
			}
		}
	})
}
