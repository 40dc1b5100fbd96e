package credits_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// feedFunc is a change feed: [credits.Ledger.Feed], or one that is built wrong.
type feedFunc func(context.Context, func(context.Context, []credits.Entry) error) (int, error)

// audience is all consumers of a feed, and what they took. It finds what a feed
// may not do.
type audience struct {
	mu     sync.Mutex
	taken  map[credits.WalletID]map[credits.ID]credits.Entry
	until  map[credits.WalletID]credits.ID // the last that was taken of each
	faults []string
	slices int
}

func newAudience() *audience {
	return &audience{taken: map[credits.WalletID]map[credits.ID]credits.Entry{}, until: map[credits.WalletID]credits.ID{}}
}

func (a *audience) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// take is a consumer that succeeds.
func (a *audience) take(_ context.Context, entries []credits.Entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(entries) == 0 {
		a.fault("a slice is empty")
		return nil
	}
	id, first := entries[0].Wallet, entries[0].Seq
	if a.taken[id] == nil {
		a.taken[id] = map[credits.ID]credits.Entry{}
	}
	if first > a.until[id]+1 {
		a.fault("%s: entry %d came, and of those before it only %d", id, first, a.until[id])
	}
	for i, e := range entries {
		if e.Wallet != id || e.Seq != first+credits.ID(i) {
			a.fault("%s: entry %d is followed by %d of %s", id, first+credits.ID(i)-1, e.Seq, e.Wallet)
		}
		a.taken[id][e.Seq] = e
		a.until[id] = max(a.until[id], e.Seq)
	}
	a.slices++
	return nil
}

// judge returns all faults of a feed, after its last round: an entry that was
// missed, or that was another than the committed one.
func (a *audience) judge(t *testing.T, s store.Store) []string {
	t.Helper()
	ctx := context.Background()
	l := credits.New(s, nil)
	wallets := 0
	for id, err := range l.Wallets(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		wallets++
		n := 0
		for e, err := range l.History(ctx, id, credits.HistoryQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			got, ok := a.taken[id][e.Seq]
			if !ok {
				a.fault("%s: entry %d was missed", id, e.Seq)
				continue
			}
			if e.Seal != [32]byte{} && e.Actor == (credits.Actor{}) { // erased, and perhaps after that
				got.Actor, got.Note = e.Actor, e.Note
			}
			if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" {
				a.fault("%s: entry %d is not the one that was committed (-want +got):\n%s", id, e.Seq, diff)
			}
		}
		if len(a.taken[id]) != n {
			a.fault("%s: %d entries were handed over, and %d are there", id, len(a.taken[id]), n)
		}
	}
	if len(a.taken) > wallets {
		a.fault("entries of %d wallets were handed over, and %d are there", len(a.taken), wallets)
	}
	return a.faults
}

var (
	errConsumer = errors.New("the consumer failed")
	errAck      = errors.New("the position was not stored, or was it")
)

// busy is a store that others use meanwhile: before each call something else happens.
type busy struct {
	store.Store
	meanwhile func(op string) error
}

func (s *busy) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	_ = s.meanwhile("commit")
	return s.Store.Commit(ctx, writes...)
}

func (s *busy) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	_ = s.meanwhile("entries")
	return s.Store.Entries(ctx, q)
}

func (s *busy) Ack(ctx context.Context, wallet string, seq uint64) error {
	if err := s.meanwhile("ack"); err != nil {
		return err // the consumer crashed before its position was stored
	}
	if err := s.Store.Ack(ctx, wallet, seq); err != nil {
		return err
	}
	return s.meanwhile("acked") // or after that
}

// blindFlag is a store whose position is a flag: acknowledged is all there is.
type blindFlag struct{ store.Store }

func (s blindFlag) Ack(ctx context.Context, wallet string, _ uint64) error {
	return s.Store.Ack(ctx, wallet, math.MaxInt64)
}

// numbered is a store that numbers all commits, as a sequence of a database
// does: the number is drawn when a commit begins, and seen when it is kept.
type numbered struct {
	store.Store
	last   int
	kept   map[int][]store.Change
	cursor int
}

func (s *numbered) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	s.last++
	number := s.last
	kept, err := s.Store.Commit(ctx, writes...)
	if err == nil && kept[0] {
		s.kept[number] = slices.Clone(writes[0].Changes) // their memory is the ledger's
	}
	return kept, err
}

// feed hands over what has a number beyond a cursor.
func (s *numbered) feed(ctx context.Context, f func(context.Context, []credits.Entry) error) (taken int, err error) {
	l := credits.New(s, nil)
	for number, last := s.cursor+1, s.last; number <= last; number++ {
		for _, c := range s.kept[number] {
			var slice []credits.Entry
			q := credits.HistoryQuery{After: credits.ID(c.Prev), Before: credits.ID(c.Seq) + 1}
			for e, err := range l.History(ctx, credits.WalletID(c.Wallet), q) {
				if err != nil {
					return taken, err
				}
				slice = append(slice, e)
			}
			if err := f(ctx, slice); err != nil {
				return taken, err
			}
			taken += len(slice)
		}
		if s.kept[number] != nil {
			s.cursor = max(s.cursor, number)
		}
	}
	return taken, nil
}

// feedPlay is a random play of writers and consumers on one store. All happens in
// one goroutine, so that a seed repeats it: what others do meanwhile is done
// inside the store's calls.
type feedPlay struct {
	t      *testing.T
	rng    *rand.Rand
	clock  *clock.Mock
	disk   *memory.Store
	store  store.Store
	feed   func() feedFunc // as a process has it that was just started
	crowd  *audience
	depth  int
	writes int
}

func newFeedPlay(t *testing.T, rng *rand.Rand) *feedPlay {
	p := &feedPlay{t: t, rng: rng, clock: clock.NewMock(), disk: new(memory.Store), crowd: newAudience()}
	p.clock.Set(day("2026-01-01"))
	p.store = &busy{p.disk, p.meanwhile}
	p.feed = func() feedFunc { return p.ledger().Feed }
	return p
}

func (p *feedPlay) ledger() *credits.Ledger {
	return credits.New(p.store, &credits.Options{Clock: p.clock, Salt: [32]byte{1}})
}

// run plays so many steps and a last round without disturbance, and returns the
// faults of the feed.
func (p *feedPlay) run(steps int) []string {
	for range steps {
		p.clock.Add(time.Duration(p.rng.IntN(3*24)) * time.Hour)
		if p.rng.IntN(3) == 0 {
			p.consume()
		} else {
			p.write()
		}
	}
	p.depth = 9 // nothing else happens any more
	if _, err := p.feed()(context.Background(), p.crowd.take); err != nil {
		p.t.Fatal(err)
	}
	return p.crowd.judge(p.t, p.disk)
}

// meanwhile is what others do during a call of the store.
func (p *feedPlay) meanwhile(op string) error {
	if p.depth >= 2 {
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	for range p.rng.IntN(3) {
		switch p.rng.IntN(5) {
		case 0, 1:
			p.write()
		case 2:
			p.consume()
		case 3:
			if op == "ack" || op == "acked" {
				return errAck
			}
		}
	}
	return nil
}

// consume is one round of a consumer that may fail, panic, be written to, or
// crash before its position is stored.
func (p *feedPlay) consume() {
	defer func() {
		if r := recover(); r != nil && r != errConsumer {
			panic(r)
		}
	}()
	_, err := p.feed()(context.Background(), func(ctx context.Context, entries []credits.Entry) error {
		_ = p.meanwhile("consume")
		switch p.rng.IntN(12) {
		case 0:
			return errConsumer
		case 1:
			panic(errConsumer)
		}
		return p.crowd.take(ctx, entries)
	})
	if err != nil && !errors.Is(err, errConsumer) && !(errors.Is(err, errAck) && errors.Is(err, credits.ErrUnknown)) {
		p.t.Fatal(err)
	}
}

// write is a command of some wallet, or a round of what is due.
func (p *feedPlay) write() {
	p.writes++
	ctx := context.Background()
	id := credits.WalletID(fmt.Sprintf("w%d", p.rng.IntN(6)))
	other := credits.WalletID(fmt.Sprintf("w%d", p.rng.IntN(6)))
	key := credits.Key(fmt.Sprintf("k%d", p.writes))
	amount := credits.Amount(1+p.rng.IntN(9)) * credits.Credit
	l := p.ledger().As(credits.Actor{ID: "ann"})
	var err error
	switch p.rng.IntN(8) {
	case 0:
		_, err = l.Tick(ctx)
	case 1:
		_, err = l.Do(ctx, id, key, credits.Grant{Amount: amount, Expires: p.clock.Now().AddDate(0, 0, 1+p.rng.IntN(9))})
	case 2:
		_, _, err = l.Transfer(ctx, key, credits.Transfer{From: id, To: other, Amount: amount})
	case 3:
		_, err = l.Do(ctx, id, key, credits.Erase{Entries: []credits.ID{1}})
	default:
		_, err = l.Do(ctx, id, key, credits.Spend{Amount: amount, Note: credits.Note{Reason: "played"}})
	}
	if errors.Is(err, credits.ErrNotFound) {
		_, err = l.Do(ctx, id, key+"-open", credits.Open{Plan: monthly("100")})
	}
	if err != nil && !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) {
		p.t.Fatal(err)
	}
}
