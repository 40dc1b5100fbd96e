package credits

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// desks are where the calls on a ledger queue. Each wallet has a seat at one
// desk, and one call or one batch of calls is at it at a time: the calls of this process
// never fight each other for a wallet.
type desks struct {
	seed maphash.Seed
	all  []desk
}

// desk is a committer of some wallets. The first caller leads: it takes the calls
// that wait at all seats, decides them, and commits what they change together. Who
// comes meanwhile waits, and the first of those leads next. There is no timer and no
// goroutine, and a caller who is alone waits for nobody.
type desk struct {
	mu    sync.Mutex
	calls sync.Mutex // is held while a batch reads the commands of its calls; taken after mu
	seats map[WalletID]*seat
	ready []*seat // with callers and nobody at them, in the order in which they came to be so
	led   bool
	size  int // of the states at the seats, as they are stored

	room           *room
	wallets, bytes int // the desk's share of it
}

// room is how much the desks of a ledger remember together.
type room struct {
	wallets, bytes int64        // at most
	seats, size    atomic.Int64 // now
}

// seat is a wallet's place.
type seat struct {
	id    WalletID
	line  []*caller  // who waits, in order
	first [1]*caller // of a line of one
	taken bool       // somebody is at it
	ready bool       // it is among the desk's ready ones
	aside bool       // someone else writes the wallet: it is committed by itself, and only its callers wait
	state *state     // as it was stored last; nil if it has to be read. It belongs to who is at the seat.
	size  int        // of the state, when somebody was at the seat last
}

// caller is a call that waits, and what came of it.
type caller struct {
	*Ledger
	ctx   context.Context
	task  Task
	alone bool // it has to have the seat for itself
	seat  *seat
	told  chan message // holds one; nil before the caller waits
	batch *batch       // to run, when it is told so

	tried    bool // it was decided, and may be committed; guarded by desk.calls
	gone     bool // it left its batch; guarded by desk.calls
	finished bool // by a batch
	receipt  Receipt
	begun    []*purchase
	err      error
	panicked any
}

// message is what a caller is told.
type message uint8

const (
	lead message = iota + 1 // the desk
	run                     // its batch
	have                    // the seat
	done                    // is what it came for
	left                    // it has, because its context ended, and nothing was done
	lost                    // it left, and nobody knows what becomes of it
)

// How many calls a batch takes, and how much the desks of a ledger remember:
// wallets, and bytes of them as they are stored. In memory they take some times that.
const (
	batchCalls  = 1024
	deskWallets = 1 << 14
	deskBytes   = 32 << 20
)

func newDesks(n int) *desks {
	n = min(max(n, 1), 256)
	ds, together := &desks{seed: maphash.MakeSeed(), all: make([]desk, n)}, &room{wallets: deskWallets, bytes: deskBytes}
	for i := range ds.all {
		d := &ds.all[i]
		d.room, d.wallets, d.bytes = together, deskWallets/n, deskBytes/n
	}
	return ds
}

func (ds *desks) of(id WalletID) *desk {
	if len(ds.all) == 1 {
		return &ds.all[0]
	}
	return &ds.all[maphash.String(ds.seed, string(id))%uint64(len(ds.all))]
}

// take waits until a call has the seats of all its wallets for itself: in order of
// name, so that none waits in a circle.
func (ds *desks) take(ctx context.Context, tasks []Task) (leave func(), err error) {
	ids := make([]WalletID, len(tasks))
	for i := range tasks {
		ids[i] = tasks[i].Wallet
	}
	slices.Sort(ids)
	var held []*seat
	leave = func() {
		for _, s := range held {
			ds.of(s.id).release(s)
		}
	}
	for _, id := range ids {
		c := &caller{ctx: ctx, alone: true}
		d := ds.of(id)
		if ctx.Err() != nil || d.wait(c, d.join(c, id)) != have {
			leave()
			return nil, fmt.Errorf("%w: %w", ErrRetry, ctx.Err())
		}
		held = append(held, c.seat)
	}
	return leave, nil
}

// release gives back a seat that a caller had for itself.
func (d *desk) release(s *seat) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.state = nil // it was changed
	d.weigh(s)
	d.free(s)
	if !d.led {
		d.next()
	}
}

// join puts a caller in line, and returns what it is told at once, if anything.
func (d *desk) join(c *caller, id WalletID) message {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.seat(id)
	c.seat = s
	if c.alone && !s.taken && len(s.line) == 0 {
		s.taken = true
		return have
	}
	s.line = append(s.line, c)
	if !s.taken && !s.ready {
		d.free(s)
		if !d.led { // nobody else is ready
			d.led = true
			return lead
		}
	}
	c.mayWait()
	return 0
}

// seat returns a wallet's seat. The desk is locked, here and wherever a method
// does not lock it.
func (d *desk) seat(id WalletID) *seat {
	if s := d.seats[id]; s != nil {
		return s
	}
	if d.seats == nil {
		d.seats = make(map[WalletID]*seat)
	}
	d.room.seats.Add(1)
	d.forget(func() bool { return d.crowded(1) })
	s := &seat{id: WalletID(strings.Clone(string(id)))}
	s.line = s.first[:0]
	d.seats[s.id] = s
	return s
}

// crowded reports whether the desk remembers more than its share, if some wallets
// more come, and all desks together more than they may.
func (d *desk) crowded(more int) bool {
	return len(d.seats)+more > d.wallets && d.room.seats.Load() > d.room.wallets || d.size > d.bytes && d.room.size.Load() > d.room.bytes
}

// forget takes seats away, those at which nobody is, as long as there are too many.
// Which it takes is left to chance.
func (d *desk) forget(tooMany func() bool) {
	if !tooMany() {
		return
	}
	for id, s := range d.seats {
		if !tooMany() {
			return
		}
		if !s.taken && len(s.line) == 0 {
			d.grow(-s.size)
			d.room.seats.Add(-1)
			delete(d.seats, id)
		}
	}
}

// grow notes that more is remembered.
func (d *desk) grow(size int) {
	d.size += size
	d.room.size.Add(int64(size))
}

// weigh notes how large the state at a seat is.
func (d *desk) weigh(s *seat) {
	before := s.size
	if s.size = 0; s.state != nil {
		s.size = s.state.size
	}
	d.grow(s.size - before)
}

// free lets the next callers come to a seat.
func (d *desk) free(s *seat) {
	s.taken = false
	if len(s.line) > 0 {
		s.ready = true
		d.ready = append(d.ready, s)
	}
}

// tell tells a caller what to do. The desk is locked.
func (c *caller) tell(m message) {
	c.mayWait()
	c.told <- m
}

// mayWait makes sure that a caller can be told something: one who is alone never is.
func (c *caller) mayWait() {
	if c.told == nil {
		c.told = make(chan message, 1)
	}
}

// next hands the lead to the first who waits, if anybody does. Who wants a seat
// for itself gets it, and does not lead.
func (d *desk) next() {
	d.led = false
	for len(d.ready) > 0 && !d.led {
		s := d.ready[0]
		if first := s.line[0]; first.alone || s.aside {
			d.ready = d.ready[1:]
			d.admit(s)
		} else {
			d.led = true
			first.tell(lead)
		}
	}
}

// admit lets the first in line come to a seat that is ready: for itself, or with
// a batch of the seat's own.
func (d *desk) admit(s *seat) {
	s.ready, s.taken = false, true
	if first := s.line[0]; first.alone {
		s.line = slices.Delete(s.line, 0, 1)
		first.tell(have)
	} else {
		first.batch = batches.Get().(*batch)
		first.batch.add(s)
		first.tell(run)
	}
}

// gather takes the callers of ready seats into a batch.
func (d *desk) gather() *batch {
	b := batches.Get().(*batch)
	n := 0
	for n < len(d.ready) && b.calls < batchCalls {
		s := d.ready[n]
		n++
		if s.line[0].alone || s.aside {
			d.admit(s)
			continue
		}
		s.ready, s.taken = false, true
		b.add(s)
	}
	d.ready = slices.Delete(d.ready, 0, n)
	return b
}

// wait does what a caller is told until it has the seat, what it came for, or left.
func (d *desk) wait(c *caller, m message) message {
	for {
		switch m {
		case lead, run:
			if m = d.carryOut(c, m == lead); m != 0 {
				continue
			}
		case have, done:
			return m
		}
		select {
		case m = <-c.told:
		case <-c.ctx.Done():
			if m = d.quit(c); m == left || m == lost {
				return m
			}
		}
	}
}

// carryOut runs a batch, and hands on the lead if c has it. It returns done if the
// batch finished c.
func (d *desk) carryOut(c *caller, leads bool) (told message) {
	b := c.batch
	if c.batch = nil; leads {
		d.mu.Lock()
		b = d.gather()
		d.mu.Unlock()
	}
	ran := false
	defer func() {
		if !ran { // a hook of the host's has ended the goroutine
			b.fail(ErrUnknown, errEnded)
		}
		panicked := b.panicked
		if told = d.wind(b, c, leads); panicked != nil {
			panic(panicked)
		}
	}()
	b.run(&d.calls)
	ran = true
	return 0
}

var errEnded = errors.New("its goroutine ended")

// wind ends a batch: who is finished is told so, and who is not waits again.
func (d *desk) wind(b *batch, c *caller, leads bool) (told message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls.Lock()
	for i := range b.seatings {
		st := &b.seatings[i]
		if again := st.back(); len(again) > 0 {
			st.seat.line = append(again, st.seat.line...)
		}
		d.weigh(st.seat)
		d.free(st.seat)
		for _, o := range st.calls {
			if o.finished && !o.gone && o != c {
				o.tell(done)
			}
		}
	}
	d.calls.Unlock()
	if d.forget(func() bool { return d.crowded(0) }); b.lost || b.panicked != nil {
		d.forget(func() bool { return true })
	}
	if told = done; !c.finished {
		c.mayWait()
		told = 0
	}
	b.reset()
	batches.Put(b)
	if leads || !d.led {
		d.next()
	}
	return told
}

// quit takes a caller out of line, or out of its batch. It returns what it was told
// before, which it still has to do, or that it has left.
func (d *desk) quit(c *caller) message {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := c.seat
	i := slices.Index(s.line, c)
	if i >= 0 {
		s.line = slices.Delete(s.line, i, i+1)
		if len(s.line) == 0 && s.ready {
			s.ready = false
			d.ready = slices.DeleteFunc(d.ready, func(o *seat) bool { return o == s })
		}
	}
	select {
	case m := <-c.told:
		if m != lead {
			return m
		}
		d.next()
	default:
	}
	if i >= 0 {
		return left
	}
	d.calls.Lock()
	defer d.calls.Unlock()
	if c.gone = true; c.tried {
		return lost
	}
	return left
}
