package credits_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/storetest"
)

// TestFeedSchedules plays writers and consumers at random: commits that overtake
// each other, consumers that fail, panic, crash before their position is stored,
// start anew, or run beside each other.
func TestFeedSchedules(t *testing.T) {
	t.Run("L-6/no entry is missed", func(t *testing.T) {
		rng := seeded(t)
		for range 10 {
			p := newFeedPlay(t, rng)
			if faults := p.run(40); len(faults) > 0 {
				t.Fatal(strings.Join(faults, "\n"))
			}
			if p.crowd.slices == 0 {
				t.Fatal("nothing was handed over")
			}
		}
	})
}

// TestFeedControls shows that the same play finds the ways in which feeds are
// usually built wrong. The seed is fixed: each of them has to be found.
func TestFeedControls(t *testing.T) {
	tests := []struct {
		name  string
		built func(p *feedPlay)
	}{
		{"L-6/a cursor on a global sequence misses what commits late", func(p *feedPlay) {
			s := &numbered{Store: p.store, kept: map[int][]store.Change{}}
			p.store, p.feed = s, func() feedFunc { return s.feed }
		}},
		{"L-6/a blind flag misses what commits while it is cleared", func(p *feedPlay) {
			p.store = blindFlag{p.store}
		}},
		{"L-6/a position that moves though the consumer failed", func(p *feedPlay) {
			p.feed = func() feedFunc {
				feed := p.ledger().Feed
				return func(ctx context.Context, f func(context.Context, []credits.Entry) error) (int, error) {
					return feed(ctx, func(ctx context.Context, entries []credits.Entry) error {
						_ = f(ctx, entries)
						return nil
					})
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newFeedPlay(t, rand.New(rand.NewPCG(1, 1)))
			tt.built(p)
			faults := p.run(100)
			if missed := strings.Join(faults, "\n"); !strings.Contains(missed, "was missed") {
				t.Errorf("no entry was missed; the faults are:\n%s", missed)
			}
		})
	}
}

// TestFeedConcurrently runs writers and consumers at once.
func TestFeedConcurrently(t *testing.T) {
	t.Run("L-6/several consumers and writers", func(t *testing.T) {
		ctx := context.Background()
		s := new(memory.Store)
		crowd := newAudience()
		do := func(id credits.WalletID, key string, c credits.Command) {
			if _, err := credits.New(s, nil).Do(ctx, id, credits.Key(key), c); err != nil {
				t.Error(err)
			}
		}
		do("shared", "open", credits.Open{Plan: monthly("1000")})
		var writers, consumers sync.WaitGroup
		done := make(chan struct{})
		for w := range 4 {
			writers.Go(func() {
				own := credits.WalletID(fmt.Sprintf("own-%d", w))
				do(own, "open", credits.Open{Plan: monthly("1000")})
				for i := range 50 {
					do(own, fmt.Sprint(i), credits.Spend{Amount: credits.Credit})
					do("shared", fmt.Sprintf("%d-%d", w, i), credits.Grant{Amount: credits.Credit})
				}
			})
		}
		for range 2 {
			consumers.Go(func() {
				for running := true; running; {
					select {
					case <-done:
						running = false // and one round more
					default:
					}
					if _, err := credits.New(s, nil).Feed(ctx, crowd.take); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		close(done)
		consumers.Wait()
		if faults := crowd.judge(t, s); len(faults) > 0 {
			t.Error(strings.Join(faults, "\n"))
		}
		if n, err := credits.New(s, nil).Feed(ctx, crowd.take); n != 0 || err != nil {
			t.Errorf("when nothing is pending Feed = %d, %v", n, err)
		}
	})
}

// fed returns what one round hands over, as words such as "acme 1-3".
func (r *rig) fed(l *credits.Ledger) string {
	r.Helper()
	var words []string
	count := 0
	n, err := l.Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
		count += len(entries)
		words = append(words, span(entries))
		return nil
	})
	if err != nil || n != count {
		r.Fatalf("Feed = %d, %v, want %d", n, err, count)
	}
	return strings.Join(words, ", ")
}

func span(entries []credits.Entry) string {
	return fmt.Sprintf("%s %d-%d", entries[0].Wallet, entries[0].Seq, entries[len(entries)-1].Seq)
}

type feedRound struct {
	name  string
	round func(r *rig)
}

// feedRounds are rounds over acme, bob and zoe that end early, after acme was taken.
func feedRounds() []feedRound {
	fail := func(context.Context, []credits.Entry) error { return errConsumer }
	return []feedRound{
		{"L-6/the consumer fails", func(r *rig) {
			taken, err := r.ledger.Feed(r.ctx, func(ctx context.Context, entries []credits.Entry) error {
				if entries[0].Wallet == "bob" {
					return fail(ctx, entries)
				}
				return nil
			})
			if taken != 2 || !errors.Is(err, errConsumer) {
				r.Errorf("Feed = %d, %v, want 2 and the consumer's own error", taken, err)
			}
		}},
		{"L-6/the consumer panics", func(r *rig) {
			defer func() {
				if recover() == nil {
					r.Error("the panic did not come through")
				}
			}()
			_, _ = r.ledger.Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
				if entries[0].Wallet == "bob" {
					panic("bob")
				}
				return nil
			})
		}},
		{"L-6/the process ends before the position is stored", func(r *rig) {
			acks := 0
			s := storetest.Faulty(r.store, func(_ int, op string) storetest.Fault {
				if op != "ack" {
					return 0
				}
				if acks++; acks == 2 {
					return storetest.FailBefore
				}
				return 0
			})
			taken, err := r.over(s).Feed(r.ctx, func(context.Context, []credits.Entry) error { return nil })
			if taken != 4 || !errors.Is(err, credits.ErrUnknown) || !errors.Is(err, storetest.ErrInjected) {
				r.Errorf("Feed = %d, %v, want 4 and ErrUnknown", taken, err)
			}
		}},
		{"L-6/the context ends", func(r *rig) {
			ctx, cancel := context.WithCancel(r.ctx)
			taken, err := r.ledger.Feed(ctx, func(got context.Context, entries []credits.Entry) error {
				if entries[0].Wallet == "bob" {
					cancel()
					return got.Err()
				}
				return nil
			})
			if taken != 2 || !errors.Is(err, context.Canceled) {
				r.Errorf("Feed = %d, %v, want 2 and the context's error", taken, err)
			}
			taken, err = r.ledger.Feed(ctx, fail)
			if taken != 0 || !errors.Is(err, context.Canceled) || !errors.Is(err, credits.ErrRetry) {
				r.Errorf("after its end: Feed = %d, %v, want ErrRetry", taken, err)
			}
		}},
	}
}

// TestFeedPosition shows when a position moves, and that it is the store's.
func TestFeedPosition(t *testing.T) {
	for _, tt := range feedRounds() {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			for _, id := range []credits.WalletID{"acme", "bob", "zoe"} {
				r.doOn(id, credits.Open{Plan: monthly("100")})
			}
			tt.round(r)
			r.doOn("acme", credits.Spend{Amount: n("1")})
			restarted := r.over(r.store)
			if got, want := r.fed(restarted), "acme 3-3, bob 1-2, zoe 1-2"; got != want {
				t.Errorf("a new ledger goes on with %s, want %s", got, want)
			}
			if got := r.fed(restarted); got != "" {
				t.Errorf("then there is %s left", got)
			}
		})
	}
}

// TestFeedFaults lets each call of the store fail once, in each way.
func TestFeedFaults(t *testing.T) {
	ready := func(r *rig) {
		for i := range 3 {
			r.doOn(credits.WalletID(fmt.Sprint("w", i)), credits.Open{Plan: monthly("100")})
		}
	}
	faults := []storetest.Fault{
		storetest.FailBefore, storetest.FailAfter, storetest.CancelBefore, storetest.CancelAfter, storetest.Abort,
	}
	for _, fault := range faults {
		t.Run("L-6/"+fault.String(), func(t *testing.T) {
			for call, failed := 1, true; failed; call++ {
				r := newRig(t, "2026-01-01")
				ready(r)
				crowd := newAudience()
				_, err := r.over(storetest.Faulty(r.store, storetest.Once(call, fault))).Feed(r.ctx, crowd.take)
				failed = err != nil
				if failed && !errors.Is(err, credits.ErrRetry) && !errors.Is(err, credits.ErrUnknown) {
					t.Errorf("call %d: %v is of no class", call, err)
				}
				if _, err := r.ledger.Feed(r.ctx, crowd.take); err != nil {
					t.Fatal(err)
				}
				if found := crowd.judge(t, r.store); len(found) > 0 {
					t.Errorf("after call %d: %s", call, strings.Join(found, "\n"))
				}
			}
		})
	}
}

// TestFeedSlices shows what comes in one slice: at most 1,000 entries, of which
// those of one command, or of one instant, are never parted.
func TestFeedSlices(t *testing.T) {
	spends := func(k int) func(r *rig) {
		return func(r *rig) {
			for range k {
				r.quick(credits.Spend{Amount: credits.Microcredit})
			}
		}
	}
	// ending are grants that end at one instant, when as many entries fall due. They
	// were handed over, and so many spends after them were not.
	ending := func(k, more int) func(r *rig) {
		return func(r *rig) {
			for range k {
				r.quick(credits.Grant{Amount: credits.Credit, Expires: day("2026-01-02")})
			}
			r.fed(r.ledger)
			spends(more)(r)
			r.at("2026-01-02")
			r.tick()
		}
	}
	all := func(steps ...func(r *rig)) func(r *rig) {
		return func(r *rig) {
			for _, step := range steps {
				step(r)
			}
		}
	}
	tests := []struct {
		name  string
		make  func(r *rig) // after the two entries of opening
		want  string
		every credits.Span // default a month
	}{
		{"L-6/a page is 1,000 entries", spends(998), "acme 1-1000", 0},
		{"L-6/one more is another slice", spends(999), "acme 1-1000, acme 1001-1001", 0},
		{"L-6/two entries of one command that do not fit are left for the next", all(spends(997), func(r *rig) {
			r.quick(credits.Buy{Pack: "extra", Amount: n("1000")})
		}), "acme 1-999, acme 1000-1001", 0},
		{"L-6/1,000 entries of one instant", ending(1_000, 0), "acme 1003-2002", 0},
		{"L-6/1,001 entries of one instant, between others", all(ending(1_001, 3), spends(3)), "acme 1004-1006, acme 1007-2007, acme 2008-2010", 0},
		{"L-6/three entries each of 400 instants, of one commit", func(r *rig) {
			r.clock.Set(day("2026-01-01").AddDate(0, 0, 400))
			r.tick()
		}, "acme 1-998, acme 999-1202", credits.Days(1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newUncheckedRig(t, "2026-01-01", new(memory.Store))
			r.quick(credits.Open{Plan: core("10000", func(p *credits.Plan) {
				p.Every = cmp.Or(tt.every, p.Every)
				p.Packs[0].Brings = []credits.Bring{{Unit: "GB", Amount: n("5")}} // so that a purchase has two entries
			})})
			tt.make(r)
			if got := r.fed(r.ledger); got != tt.want {
				t.Errorf("the slices are %s, want %s", got, tt.want)
			}
			if got := r.fed(r.ledger); got != "" {
				t.Errorf("then there is %s left", got)
			}
		})
	}
}

// TestFeedBetweenSlices shows that the position moves with each slice.
func TestFeedBetweenSlices(t *testing.T) {
	t.Run("L-6/a consumer that fails at a wallet's second slice", func(t *testing.T) {
		r := newUncheckedRig(t, "2026-01-01", new(memory.Store))
		r.quick(credits.Open{Plan: monthly("10000")})
		for range 999 {
			r.quick(credits.Spend{Amount: n("1")})
		}
		slices := 0
		taken, err := r.ledger.Feed(r.ctx, func(context.Context, []credits.Entry) error {
			if slices++; slices == 2 {
				return errConsumer
			}
			return nil
		})
		if taken != 1_000 || !errors.Is(err, errConsumer) {
			t.Errorf("Feed = %d, %v, want 1,000 and the consumer's error", taken, err)
		}
		if got := r.fed(r.ledger); got != "acme 1001-1001" {
			t.Errorf("it goes on with %s, want the second slice alone", got)
		}
	})
}

// garbled is a store that gives other entries of one wallet than were written.
type garbled struct {
	store.Store
	wallet string
	change func(seq uint64, e *store.Entry) (keep bool)
}

func (s garbled) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for e, err := range s.Store.Entries(ctx, q) {
			if q.Wallet == s.wallet && err == nil && !s.change(e.Seq, &e) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestFeedCorrupt shows that a wallet that cannot be read holds up no other.
func TestFeedCorrupt(t *testing.T) {
	tests := []struct {
		name   string
		change func(seq uint64, e *store.Entry) bool
	}{
		{"L-6/an entry is cut", func(_ uint64, e *store.Entry) bool { e.Body = e.Body[:len(e.Body)-1]; return true }},
		{"L-6/the first is missing", func(seq uint64, _ *store.Entry) bool { return seq != 1 }},
		{"L-6/one is missing", func(seq uint64, _ *store.Entry) bool { return seq != 2 }},
		{"L-6/the last is missing", func(seq uint64, _ *store.Entry) bool { return seq != 3 }},
		{"L-6/all are missing", func(uint64, *store.Entry) bool { return false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			for _, id := range []credits.WalletID{"acme", "bob", "zoe"} {
				r.doOn(id, credits.Open{Plan: monthly("100")})
				r.doOn(id, credits.Spend{Amount: n("1")})
			}
			var got []string
			taken, err := r.over(garbled{r.store, "bob", tt.change}).Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
				got = append(got, span(entries))
				return nil
			})
			if !errors.Is(err, credits.ErrCorrupt) || taken != 6 {
				t.Errorf("Feed = %d, %v, want 6 and ErrCorrupt", taken, err)
			}
			if diff := gocmp.Diff([]string{"acme 1-3", "zoe 1-3"}, got); diff != "" {
				t.Errorf("what was handed over (-want +got):\n%s", diff)
			}
			if got := r.fed(r.ledger); got != "bob 1-3" {
				t.Errorf("mended, it goes on with %q, want all of bob", got)
			}
		})
	}
}

// begun is a store as a transaction has it: its positions move when it commits.
type begun struct {
	store.Store
	acks map[string]uint64
}

func (s *begun) Ack(_ context.Context, wallet string, seq uint64) error {
	s.acks[wallet] = seq
	return nil
}

func (s *begun) commit(r *rig) {
	for wallet, seq := range s.acks {
		if err := s.Store.Ack(r.ctx, wallet, seq); err != nil {
			r.Fatal(err)
		}
	}
}

// TestFeedOnATransaction shows that a position moves with the host's transaction.
func TestFeedOnATransaction(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("100"))
	t.Run("L-6/rolled back", func(t *testing.T) {
		tx := &begun{r.store, map[string]uint64{}}
		if got := r.in(t).fed(r.ledger.On(tx)); got != "acme 1-2" {
			t.Errorf("it was handed %s", got)
		}
	})
	t.Run("L-6/committed", func(t *testing.T) {
		tx := &begun{r.store, map[string]uint64{}}
		if got := r.in(t).fed(r.ledger.On(tx)); got != "acme 1-2" {
			t.Errorf("after the roll back it was handed %s", got)
		}
		tx.commit(r.in(t))
		if got := r.in(t).fed(r.ledger); got != "" {
			t.Errorf("after the commit there is %s left", got)
		}
	})
}

// TestFeedErased shows that what was erased is not handed over, and what it is
// asked for when there is nobody to hand it to.
func TestFeedErased(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.ledger = r.ledger.As(credits.Actor{ID: "ann"})
	r.open(monthly("100"))
	r.do(credits.Spend{Amount: n("1"), Note: credits.Note{Reason: "private"}})
	r.do(credits.Erase{Entries: []credits.ID{3}})
	if taken, err := r.ledger.Feed(r.ctx, nil); taken != 0 || !errors.Is(err, credits.ErrInvalid) {
		t.Errorf("to nobody: Feed = %d, %v, want ErrInvalid", taken, err)
	}
	var actors []string
	if _, err := r.ledger.Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
		for _, e := range entries {
			actors = append(actors, e.Actor.ID+e.Note.Reason)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"ann", "ann", "", "ann"}, actors); diff != "" {
		t.Errorf("actors and reasons (-want +got):\n%s", diff)
	}
}

// TestFeedPages shows that no wallet is passed over where there are many.
func TestFeedPages(t *testing.T) {
	for _, wallets := range []int{99, 100, 101, 250} {
		t.Run(fmt.Sprintf("L-6/%d wallets", wallets), func(t *testing.T) {
			r := newUncheckedRig(t, "2026-01-01", new(memory.Store))
			for i := range wallets {
				if _, err := r.ledger.Do(r.ctx, credits.WalletID(fmt.Sprint("w", i)), "open", credits.Open{Plan: monthly("1")}); err != nil {
					t.Fatal(err)
				}
			}
			crowd := newAudience()
			taken, err := r.ledger.Feed(r.ctx, crowd.take)
			if taken != 2*wallets || err != nil {
				t.Errorf("Feed = %d, %v, want %d", taken, err, 2*wallets)
			}
			if faults := crowd.judge(t, r.store); len(faults) > 0 {
				t.Error(strings.Join(faults, "\n"))
			}
		})
	}
}

// TestFeedEnds shows that a call ends though each wallet is written as soon as it
// was handed over, and that an idle one asks for pending wallets only.
func TestFeedEnds(t *testing.T) {
	r := newUncheckedRig(t, "2026-01-01", new(memory.Store))
	const wallets = 120
	for i := range wallets {
		if _, err := r.ledger.Do(r.ctx, credits.WalletID(fmt.Sprint("w", i)), "open", credits.Open{Plan: monthly("10")}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("L-6/writers go on", func(t *testing.T) {
		taken, err := r.ledger.Feed(r.ctx, func(_ context.Context, entries []credits.Entry) error {
			_, err := r.ledger.Do(r.ctx, entries[0].Wallet, r.key(), credits.Spend{Amount: n("1")})
			return err
		})
		if taken != 2*wallets || err != nil {
			t.Errorf("Feed = %d, %v, want what was there before: %d", taken, err, 2*wallets)
		}
		if taken, err = r.ledger.Feed(r.ctx, newAudience().take); taken != wallets || err != nil {
			t.Errorf("then Feed = %d, %v, want %d", taken, err, wallets)
		}
	})
	t.Run("L-6/nothing is pending", func(t *testing.T) {
		s := &headCounter{Store: r.store}
		if taken, err := r.over(s).Feed(r.ctx, newAudience().take); taken != 0 || err != nil || s.heads != 0 {
			t.Errorf("Feed = %d, %v, after %d heads", taken, err, s.heads)
		}
	})
}

// headCounter is a store that counts the heads it yields.
type headCounter struct {
	store.Store
	heads int
}

func (s *headCounter) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for h, err := range s.Store.Heads(ctx, f) {
			if s.heads++; !yield(h, err) {
				return
			}
		}
	}
}
