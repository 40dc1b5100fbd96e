package credits

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"example.com/credits/store"
)

// batch is calls that are committed together.
type batch struct {
	seatings []seating
	calls    int
	panicked any  // what the store did
	lost     bool // nobody knows what the store kept

	writes []store.Write
	moved  []*seating // of the writes

	d       decision // in whose memory all of a batch is decided and encoded
	call    Call
	request request
	print   fingerprint // of the call that is decided
}

// seating is the calls of a batch on one wallet.
type seating struct {
	seat   *seat
	calls  []*caller
	loaded bool      // the wallet, and the keys of the calls, were read for the batch
	used   []string  // keys of the calls that were used before
	done   []*caller // that are done when the change is kept
	change [1]store.Change
}

// errApart says that a call has to be decided by itself.
var errApart = errors.New("credits: to be decided by itself")

// maxWork is how many bytes a batch encodes about: whoever is not decided then waits for the next.
const maxWork = 512 << 10

// A batch reads what captures inherit of so many wallets, and of so many holds of each.
const (
	maxRecalls  = 4
	maxRecalled = 256
)

// maxScratch is how much memory a batch keeps for the next, in bytes.
const maxScratch = 1 << 20

// quick reports whether a command may ride in a batch: it needs no more of a wallet
// than is read of every one, or a hold that is open.
func quick(c Command) bool {
	switch c.(type) {
	case Reverse, Revoke, Refund, Erase, Seal, Settle, Ask, Approve, Dismiss:
		return false
	default:
		return true
	}
}

// knows reports whether a command that may ride can be decided without the
// wallet's history: what it says of a hold that has ended is there alone, and what a
// hold was made for may have been pruned meanwhile.
func (s *state) knows(c Command, now time.Time) bool {
	switch c := c.(type) {
	case Capture:
		slot, ok := s.findHold(c.Hold)
		if !ok {
			return false
		}
		made := s.holds.at(slot).made
		return made != nil && micros(now)-made.at < int64(Retention/time.Microsecond)
	case Release:
		_, ok := s.findHold(c.Hold)
		return ok
	default:
		return true
	}
}

// What callers and batches are made of is used again, while it is warm.
var (
	callers = sync.Pool{New: func() any { return new(caller) }}
	batches = sync.Pool{New: func() any { return new(batch) }}
)

// ride carries out a task with others, or by itself if it has to be.
func (l *Ledger) ride(ctx context.Context, t Task) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	c := callers.Get().(*caller)
	c.Ledger, c.ctx, c.task = l, ctx, t
	d := l.desks.of(t.Wallet)
	m := d.wait(c, d.join(c, t.Wallet))
	if m != done { // its batch may still have it
		return c.ends(ctx, d, m)
	}
	came := *c
	*c = caller{}
	callers.Put(c)
	return came.ends(ctx, d, m)
}

// ends returns what came of a call, after what follows a commit.
func (c *caller) ends(ctx context.Context, d *desk, m message) (Receipt, error) {
	switch m {
	case left:
		return Receipt{}, fmt.Errorf("%w: %w", ErrRetry, ctx.Err())
	case lost:
		return Receipt{}, fmt.Errorf("%w: it was being committed: %w", ErrUnknown, ctx.Err())
	case have:
		s := c.seat
		return c.Ledger.alone(ctx, c.task, func() { d.release(s) })
	}
	if c.panicked != nil {
		panic(c.panicked)
	}
	if c.err != nil {
		return Receipt{}, c.err
	}
	if c.hook != nil {
		c.hook(ctx, c.receipt)
	}
	c.launch(ctx, c.task.Wallet, c.begun)
	return c.receipt, nil
}

// add takes the callers of a seat, up to the first who has to be alone.
func (b *batch) add(s *seat) {
	n := slices.IndexFunc(s.line, func(c *caller) bool { return c.alone })
	if n < 0 {
		n = len(s.line)
	}
	n = min(n, batchCalls)
	if len(b.seatings) < cap(b.seatings) {
		b.seatings = b.seatings[:len(b.seatings)+1]
	} else {
		b.seatings = append(b.seatings, seating{})
	}
	st := &b.seatings[len(b.seatings)-1]
	st.seat, st.calls = s, append(st.calls[:0], s.line[:n]...)
	s.line = slices.Delete(s.line, 0, n)
	b.calls += n
}

// reset makes a batch as new, but for its memory.
func (b *batch) reset() {
	for i := range b.seatings {
		st := &b.seatings[i]
		clear(st.calls)
		clear(st.done)
		c := &st.change[0]
		if cap(c.Entries) > 64 || cap(c.Parts) > 8 || len(c.Parts) > 0 && cap(c.Parts[0].Body) > 1<<14 {
			*st = seating{} // what is large is not kept
			continue
		}
		clear(c.Entries)
		clear(c.Receipts)
		*st = seating{calls: st.calls[:0], done: st.done[:0], change: [1]store.Change{{Entries: c.Entries[:0], Receipts: c.Receipts[:0], Parts: c.Parts}}}
	}
	clear(b.writes)
	clear(b.moved)
	if clear(b.d.out[:cap(b.d.out)]); cap(b.d.out) > 64 {
		b.d.out = nil
	}
	if cap(b.d.mem) > maxScratch {
		b.d.mem = nil
	}
	*b = batch{
		seatings: b.seatings[:0], writes: b.writes[:0], moved: b.moved[:0], request: request{w: b.request.w, fields: b.request.fields},
		d: decision{out: b.d.out[:0], mem: b.d.mem[:0]},
	}
}

// back returns the callers who were not finished and did not leave, in order:
// they wait again.
func (st *seating) back() (again []*caller) {
	for _, c := range st.calls {
		if !c.finished && !c.gone {
			c.tried = false
			again = append(again, c)
		}
	}
	return again
}

// run decides the calls, whose commands may be read while calls is held, and
// commits what they change. Whoever is not finished then has to wait again.
func (b *batch) run(calls *sync.Mutex) {
	if b.calls == 0 { // all are aside
		return
	}
	class := ErrRetry
	defer func() {
		if r := recover(); r != nil { // of the store
			b.panicked = r
			b.fail(class, fmt.Errorf("panic: %v", r))
		}
	}()
	ctx, stop := b.context()
	defer stop()
	b.load(ctx)
	b.recall(ctx)
	b.decideAll(calls)
	if len(b.writes) > 0 {
		class = ErrUnknown
		b.commit(ctx)
	}
}

// decideAll decides the calls on all wallets that are known.
func (b *batch) decideAll(calls *sync.Mutex) {
	calls.Lock()
	defer calls.Unlock()
	for i := range b.seatings {
		st := &b.seatings[i]
		if st.seat.state != nil && len(b.d.mem) <= maxWork && b.decide(st) {
			b.writes = append(b.writes, store.Write{Changes: st.change[:], Wait: st.seat.aside})
			b.moved = append(b.moved, st)
		}
	}
}

// fail finishes all calls that are not finished with an error of a class. What is
// stored of their wallets is not known.
func (b *batch) fail(class, err error) {
	for i := range b.seatings {
		st := &b.seatings[i]
		st.seat.state = nil
		st.finish(st.calls, fmt.Errorf("%w: %w", class, err))
	}
}

// finish finishes some calls, that are not finished, with an error.
func (st *seating) finish(calls []*caller, err error) {
	for _, c := range calls {
		if !c.finished {
			c.finished, c.err = true, err
		}
	}
}

// load reads the wallets that are not known. The calls on one that cannot be read
// are finished, if it is known to be that one.
func (b *batch) load(ctx context.Context) {
	var reads []store.Read
	var of []*seating
	for i := range b.seatings {
		st := &b.seatings[i]
		if st.seat.state != nil {
			continue
		}
		keys := make([]string, 0, len(st.calls))
		for _, c := range st.calls {
			if key := string(c.task.Key); !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
		reads = append(reads, store.Read{Wallet: string(st.seat.id), Keys: keys, Below: closedPart})
		of = append(of, st)
	}
	if len(reads) == 0 {
		return
	}
	stored, err := b.seatings[0].calls[0].states(ctx, reads)
	for i, st := range of {
		switch {
		case errors.Is(err, ErrRetry) && len(of) > 1 && ctx.Err() == nil:
			st.seat.aside = true // each by itself, to see whose fault it is
			continue
		case err != nil:
			st.finish(st.calls, err)
			continue
		}
		s, err := st.calls[0].decode(st.seat.id, stored[i])
		if err != nil {
			st.finish(st.calls, err)
			continue
		}
		st.seat.state, st.loaded = s, true
		for _, r := range stored[i].Receipts {
			st.used = append(st.used, r.Key)
		}
	}
}

// recall reads what captures inherit of holds that were made before their wallet
// was read: of all its holds from the first to the last that is wanted, in one query. Where
// many wallets would wait for it, each call goes by itself.
func (b *batch) recall(ctx context.Context) {
	for i, wallets := 0, 0; i < len(b.seatings) && wallets < maxRecalls; i++ {
		st := &b.seatings[i]
		wanting := st.wanting()
		if len(wanting) == 0 {
			continue
		}
		wallets++
		s, first, last := st.seat.state, ID(math.MaxUint64), ID(0)
		for _, call := range wanting {
			hold := call.task.Command.(Capture).Hold
			first, last = min(first, hold), max(last, hold)
		}
		q := store.Query{Wallet: string(s.id), After: uint64(first) - 1, Through: uint64(last), Kinds: []uint8{uint8(KindReserved)}, Limit: maxRecalled}
		made, err := st.calls[0].entries(ctx, s.id, q)
		if err != nil && !errors.Is(err, ErrPruned) { // by itself each goes on without what was pruned
			st.finish(wanting, err)
			continue
		}
		for j := range made {
			if slot, open := s.findHold(made[j].Seq); open && s.holds.at(slot).made == nil {
				s.holds.at(slot).remember(&made[j])
			}
		}
	}
}

// wanting returns the captures for which has to be read what their holds were made for.
func (st *seating) wanting() (some []*caller) {
	if st.seat.state == nil {
		return nil
	}
	for _, call := range st.calls {
		if c, ok := call.task.Command.(Capture); ok {
			slot, open := st.seat.state.findHold(c.Hold)
			if open && st.seat.state.holds.at(slot).made == nil {
				some = append(some, call)
			}
		}
	}
	return some
}

// decide decides the calls one after the other, and reports whether there is a
// change to commit. A refusal holds where the wallet was read for the batch: as soon
// as what was done before it is kept. Where it is only remembered, it is read first. A
// call that needs more than a batch can do is decided by itself when those before it are done, and
// where the batch has encoded much, the others wait for the next.
func (b *batch) decide(st *seating) bool {
	s := st.seat.state
	c := &st.change[0]
	c.Wallet, c.Prev = string(st.seat.id), uint64(s.seq)
	adds := false
	for _, call := range st.calls {
		if call.gone || call.finished {
			continue
		}
		key := string(call.task.Key)
		if slices.Contains(st.used, key) {
			call.alone = true
			continue
		}
		if slices.ContainsFunc(c.Receipts, func(r store.Receipt) bool { return r.Key == key }) {
			continue // it is known when the other is
		}
		if len(b.d.mem) > maxWork {
			break
		}
		call.tried = true
		ok, err := b.decided(call, st)
		if err == errApart { // who comes after it waits as well
			call.alone, call.tried = true, false
			break
		}
		switch {
		case ok:
			c.Entries = b.d.appendEntries(c.Entries)
			c.Receipts = append(c.Receipts, store.Receipt{Key: key, Body: b.print.receipt(&b.d)})
			st.done = append(st.done, call)
			adds = adds || b.d.adds
			continue
		case call.panicked != nil:
			call.finished = true
		case err == nil || b.d.touched:
			call.alone = true
		case st.loaded && len(st.done) == 0:
			call.err, call.finished = err, true
			continue
		case st.loaded:
			call.err = err
			st.done = append(st.done, call)
			continue
		}
		st.drop()
		return false
	}
	if len(c.Entries) == 0 {
		return false
	}
	if err := s.fill(c, adds); err != nil { // by itself each learns whether it is its own
		for _, call := range st.done {
			call.alone = true
		}
		st.drop()
		return false
	}
	return true
}

// drop forgets what was decided.
func (st *seating) drop() { st.seat.state, st.done = nil, st.done[:0] }

// decided decides a call. It is not ok if it has to be decided by itself.
func (b *batch) decided(c *caller, st *seating) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			ok, c.panicked = false, r
		}
	}()
	c.begun, c.err, b.d.touched = nil, nil, false
	b.call = Call{Key: c.task.Key, Actor: c.actor, Now: c.clock.Now(), Command: c.task.Command, Charger: c.charger != nil, salts: c}
	s := st.seat.state
	if !s.knows(c.task.Command, b.call.Now) {
		return false, errApart
	}
	b.print = b.request.fingerprint(c.task.Command)
	d := &b.d
	finished, err := d.decide(s, &b.call)
	if err != nil || !finished || d.waits != 0 || d.refused != nil || len(d.answers) > 0 {
		return false, err
	}
	if s.planNew {
		s.terms = c.known.keep(s.terms)
	}
	c.receipt = d.receipt(c.task.Key)
	for _, id := range d.begun {
		c.begun = append(c.begun, s.openPurchase(id))
	}
	return true, nil
}

// commit keeps the changes, and finishes the calls whose changes are kept.
func (b *batch) commit(ctx context.Context) {
	l := b.moved[0].calls[0].Ledger
	kept, err := l.store.Commit(ctx, b.writes...)
	if err == nil && len(kept) != len(b.writes) {
		err = fmt.Errorf("the store answered %d writes with %d outcomes", len(b.writes), len(kept))
	}
	several := err != nil && len(b.moved) > 1 && ctx.Err() == nil && (errors.Is(err, store.ErrAborted) || store.Check(b.writes...) != nil)
	for i, st := range b.moved {
		if err == nil && kept[i] {
			st.seat.state.settled()
			st.seat.aside = false
			for _, c := range st.done {
				c.finished = true
			}
			continue
		}
		switch malformed := store.Check(b.writes[i]); {
		case err == nil || several: // by itself each finds out why
			st.seat.aside = true
		case errors.Is(err, store.ErrAborted):
			st.finish(st.done, fmt.Errorf("%w: %w", ErrRetry, err))
		case malformed != nil: // no store keeps it
			st.finish(st.done, beyond("wallet", "has outgrown what a store keeps: %v", malformed))
		default:
			b.lost = true
			st.finish(st.done, fmt.Errorf("%w: %w", ErrUnknown, err))
		}
		st.drop()
	}
}

// context returns a context that ends when the contexts of all calls have.
func (b *batch) context() (ctx context.Context, stop func()) {
	first := b.seatings[0].calls[0].ctx
	if b.calls == 1 {
		return first, func() {}
	}
	var all []context.Context
	for i := range b.seatings {
		for _, c := range b.seatings[i].calls {
			if c.ctx.Done() == nil {
				return context.WithoutCancel(c.ctx), func() {}
			}
			all = append(all, c.ctx)
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(first))
	w := &watch{all: all, cancel: cancel}
	w.next()
	return ctx, w.stop
}

// watch cancels when all contexts have ended. It watches one at a time.
type watch struct {
	mu     sync.Mutex
	all    []context.Context
	off    func() bool
	cancel context.CancelFunc
}

func (w *watch) next() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.all) > 0 && w.all[0].Err() != nil {
		w.all = w.all[1:]
	}
	if len(w.all) == 0 {
		w.cancel()
		return
	}
	w.off = context.AfterFunc(w.all[0], w.next)
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.off != nil {
		w.off()
	}
	w.all = nil
	w.cancel()
}
