package credits

import (
	"context"
	"errors"
	"fmt"

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
// calls Options.OnTick.
func (l *Ledger) Tick(ctx context.Context) (int, error) {
	now := l.clock.Now()
	if !inTime(now) {
		return 0, invalid("now", "%v is outside the years 1970 to 9999", now)
	}
	wrote := 0
	var faults error
	set := tickSet{Ledger: l, now: micros(now), wrote: map[WalletID]bool{}}
	for after, more := "", true; more; {
		due, err := l.headsOf(ctx, store.Filter{After: after, Due: max(1, micros(now)), Limit: tickWallets})
		if err != nil {
			return wrote, errors.Join(faults, err)
		}
		if more = len(due) == tickWallets; len(due) == 0 {
			break
		}
		after = due[len(due)-1].Wallet
		n, fault, err := set.tick(ctx, due)
		wrote += n
		faults = errors.Join(faults, fault)
		if err != nil {
			return wrote, errors.Join(faults, err)
		}
		if l.ticked != nil {
			l.ticked(ctx, wrote)
		}
	}
	return wrote, faults
}

// tickSet is what became of wallets that are written with one commit. Sets follow
// one another in the same memory.
type tickSet struct {
	*Ledger
	now     int64
	wrote   map[WalletID]bool
	left    []WalletID // to be written by themselves
	open    []WalletID // with purchases that are not decided
	d       decision   // in whose memory all are decided and encoded
	changes []store.Change
	writes  []store.Write
}

// reset makes a set as new, but for its memory.
func (t *tickSet) reset() {
	clear(t.wrote)
	t.left, t.open = t.left[:0], t.open[:0]
	t.writes, t.d.mem = t.writes[:0], t.d.mem[:0]
}

// tick writes what fell due in some wallets. Faults are those of single
// wallets; an error is the store's.
func (t *tickSet) tick(ctx context.Context, due []store.Head) (wrote int, faults, err error) {
	t.reset()
	if err := t.write(ctx, due); err != nil {
		return 0, nil, err
	}
	for _, id := range t.left { // one by one: one of them cannot be written, or has much to write
		changed, err := t.Ledger.tick(ctx, id, t.now)
		if changed {
			t.wrote[id] = true
		}
		if errors.Is(err, ErrRetry) || errors.Is(err, ErrUnknown) { // the store's, not this wallet's
			return len(t.wrote), faults, err
		}
		if faults = errors.Join(faults, err); err == nil {
			t.open = append(t.open, id)
		}
	}
	for _, id := range t.open {
		settled, err := t.chargeOpen(ctx, id)
		if settled {
			t.wrote[id] = true
		}
		faults = errors.Join(faults, err)
	}
	return len(t.wrote), faults, nil
}

// write writes what fell due in wallets.
func (t *tickSet) write(ctx context.Context, due []store.Head) error {
	if err := t.decide(ctx, due); err != nil || len(t.writes) == 0 {
		return err
	}
	kept, err := t.store.Commit(ctx, t.writes...)
	switch {
	case err != nil && store.Check(t.writes...) != nil: // which of them, each by itself tells
		t.left, t.open = t.left[:0], t.open[:0]
		for i := range due {
			t.left = append(t.left, WalletID(due[i].Wallet))
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

// decide reads wallets and makes the writes of what fell due in them.
func (t *tickSet) decide(ctx context.Context, due []store.Head) error {
	reads := make([]store.Read, len(due))
	for i := range due {
		reads[i] = store.Read{Wallet: due[i].Wallet, Below: closedPart}
	}
	stored, err := t.states(ctx, reads)
	if err != nil {
		return err
	}
	if len(t.changes) < len(due) {
		t.changes = append(t.changes, make([]store.Change, len(due)-len(t.changes))...)
	}
	for i := range due {
		id, n := WalletID(due[i].Wallet), len(t.writes)
		open, done, err := t.due(&t.d, id, stored[i], t.now, &t.changes[n])
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
