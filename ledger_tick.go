package credits

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"example.com/credits/store"
)

// tickWallets is how many wallets one commit of Tick writes at most.
const tickWallets = 1000

// Tick writes what fell due by now in all wallets, asks the [Charger] again about
// purchases that are not decided, and returns how many wallets it wrote. Balances
// do not need it: reports, notifications and payments do, to be prompt.
//
// It may run anywhere, any number of times, in any number of processes, or
// never: what falls due is the same. It commits up to 1,000 wallets at a time: what
// was done before it is stopped is not done again. A wallet that cannot be written is
// reported and does not keep the others from it; one that somebody else changes
// meanwhile is left to him; a store that fails ends the round. After each commit it
// calls Options.OnTick. While some wallets are committed it reads the next, but on a
// ledger that is bound to a transaction.
func (l *Ledger) Tick(ctx context.Context) (int, error) {
	now := l.clock.Now()
	if !inTime(now) {
		return 0, invalid("now", "%v is outside the years 1970 to 9999", now)
	}
	r := tickRound{Ledger: l, now: micros(now)}
	defer r.under.Wait() // nothing goes on when Tick ends, however it does
	err := r.run(ctx)
	return r.wrote, errors.Join(r.faults, err)
}

// tickRound is one round of Tick: set after set of wallets, each read and decided
// while the one before it is committed.
type tickRound struct {
	*Ledger
	now    int64
	sets   [2]tickSet // in turn
	set    *tickSet   // the one that is committed; nil if none is
	under  sync.WaitGroup
	wrote  int
	faults error // of single wallets
}

// run writes what fell due. An error is the store's.
func (r *tickRound) run(ctx context.Context) error {
	for n, after, more := 0, "", true; more; n++ {
		set := &r.sets[n%2]
		due, err := r.headsOf(ctx, store.Filter{After: after, Due: max(1, r.now), Limit: tickWallets})
		if err == nil && len(due) > 0 {
			after = due[len(due)-1].Wallet
			err = r.decide(ctx, set, due)
		}
		if failed := r.end(ctx); failed != nil {
			return failed
		}
		if err != nil {
			return err
		}
		if more = len(due) == tickWallets; len(due) > 0 {
			r.begin(ctx, set, more && !r.bound)
		}
	}
	return r.end(ctx)
}

// decide reads wallets and makes the writes of what fell due in them.
func (r *tickRound) decide(ctx context.Context, t *tickSet, due []store.Head) error {
	t.reset(due)
	reads := make([]store.Read, len(due))
	for i := range due {
		reads[i] = store.Read{Wallet: due[i].Wallet, Below: closedPart}
	}
	stored, err := r.states(ctx, reads)
	if err != nil {
		return err
	}
	for i := range due {
		id, n := WalletID(due[i].Wallet), len(t.writes)
		open, done, err := r.due(&t.d, id, stored[i], r.now, &t.changes[n])
		switch {
		case err != nil || !done:
			t.left = append(t.left, id)
			continue
		case open:
			t.open = append(t.open, id)
		}
		if len(t.changes[n].Entries) > 0 {
			t.writes = append(t.writes, store.Write{Changes: t.changes[n : n+1 : n+1]})
		}
	}
	return nil
}

// begin commits a set, beside what follows if that is wanted.
func (r *tickRound) begin(ctx context.Context, set *tickSet, beside bool) {
	r.set = set
	if beside {
		r.under.Go(func() { set.commit(ctx, r.store) })
	} else {
		set.commit(ctx, r.store)
	}
}

// end waits until the set is committed that is, and does the rest of it. An error is
// the store's.
func (r *tickRound) end(ctx context.Context) error {
	t := r.set
	if t == nil {
		return nil
	}
	r.under.Wait()
	r.set = nil
	if t.panicked != nil {
		panic(t.panicked)
	}
	if t.err != nil {
		return t.err
	}
	err := r.finish(ctx, t)
	r.wrote += len(t.wrote)
	if err == nil && r.ticked != nil {
		r.ticked(ctx, r.wrote)
	}
	return err
}

// finish does what cannot be done for all wallets of a set together.
func (r *tickRound) finish(ctx context.Context, t *tickSet) error {
	for _, id := range t.left { // one by one: one of them cannot be written, or has much to write
		changed, err := r.tick(ctx, id, r.now)
		if changed {
			t.wrote[id] = true
		}
		if errors.Is(err, ErrRetry) || errors.Is(err, ErrUnknown) { // the store's, not this wallet's
			return err
		}
		if r.faults = errors.Join(r.faults, err); err == nil {
			t.open = append(t.open, id)
		}
	}
	for _, id := range t.open {
		settled, err := r.chargeOpen(ctx, id)
		if settled {
			t.wrote[id] = true
		}
		r.faults = errors.Join(r.faults, err)
	}
	return nil
}

// tickSet is what becomes of wallets that are written with one commit. Sets follow
// one another in the same memory.
type tickSet struct {
	due     []store.Head
	wrote   map[WalletID]bool
	left    []WalletID // to be written by themselves
	open    []WalletID // with purchases that are not decided
	d       decision   // in whose memory all are decided and encoded
	changes []store.Change
	writes  []store.Write

	err      error // of the commit
	panicked any   // what the store did
}

// reset makes a set as new for other wallets, but for its memory.
func (t *tickSet) reset(due []store.Head) {
	if len(t.changes) < len(due) {
		t.wrote, t.changes = make(map[WalletID]bool), make([]store.Change, len(due))
	}
	clear(t.wrote)
	t.due, t.left, t.open = due, t.left[:0], t.open[:0]
	t.writes, t.d.mem = t.writes[:0], t.d.mem[:0]
}

// commit writes what fell due in the wallets.
func (t *tickSet) commit(ctx context.Context, s store.Store) {
	t.err = fmt.Errorf("%w: %w", ErrUnknown, errEnded)
	defer func() { t.panicked = recover() }()
	t.err = t.write(ctx, s)
}

func (t *tickSet) write(ctx context.Context, s store.Store) error {
	if len(t.writes) == 0 {
		return nil
	}
	kept, err := s.Commit(ctx, t.writes...)
	switch {
	case err != nil && store.Check(t.writes...) != nil: // which of them, each by itself tells
		t.left, t.open = t.left[:0], t.open[:0]
		for i := range t.due {
			t.left = append(t.left, WalletID(t.due[i].Wallet))
		}
		return nil
	case errors.Is(err, store.ErrAborted):
		return fmt.Errorf("%w: %w", ErrRetry, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	case len(kept) != len(t.writes):
		return fmt.Errorf("%w: the store answered %d writes with %d outcomes", ErrUnknown, len(t.writes), len(kept))
	}
	for i, k := range kept {
		if k {
			t.wrote[WalletID(t.writes[i].Changes[0].Wallet)] = true
		}
	}
	return nil
}

// due makes c the change of what falls due in a stored wallet, which has no
// entries if nothing does. It reports whether the wallet has purchases that are not
// decided, and whether that is all: one commit holds only so much. It uses the memory
// of d, in which what it encodes stays, and of c.
func (l *Ledger) due(d *decision, id WalletID, st store.State, now int64, c *store.Change) (open, done bool, err error) {
	*c = store.Change{Wallet: string(id), Prev: st.Seq, Entries: c.Entries[:0], Parts: c.Parts}
	if st.Seq == 0 {
		return false, true, nil
	}
	s, err := l.decode(id, st)
	if err != nil {
		return false, false, err
	}
	*d = decision{w: s, at: max(s.at, now), own: -1, out: d.out[:0], mem: d.mem}
	if done, err = d.advance(d.at, maxPeriods); err == nil && len(d.out) > 0 {
		c.Entries = d.appendEntries(c.Entries)
		err = s.fill(c, false)
	}
	return len(s.open.purchases) > 0, done, err
}

// tick writes what fell due in one wallet. It leaves off where someone else
// writes the wallet: whoever does writes what is due first.
func (l *Ledger) tick(ctx context.Context, id WalletID, now int64) (changed bool, err error) {
	for {
		stored, err := l.states(ctx, []store.Read{{Wallet: string(id), Below: closedPart}})
		if err != nil {
			return changed, err
		}
		var c store.Change
		_, done, err := l.due(new(decision), id, stored[0], now, &c)
		if err != nil || len(c.Entries) == 0 {
			return changed, err
		}
		kept, err := l.commit(ctx, store.Write{Changes: []store.Change{c}})
		changed = changed || kept
		if err != nil || !kept || done {
			return changed, err
		}
	}
}
