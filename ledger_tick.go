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
	for after, more := "", true; more; {
		due, err := l.headsOf(ctx, store.Filter{After: after, Due: max(1, micros(now)), Limit: tickWallets})
		if err != nil {
			return wrote, errors.Join(faults, err)
		}
		if more = len(due) == tickWallets; len(due) == 0 {
			break
		}
		after = due[len(due)-1].Wallet
		n, fault, err := l.tickAll(ctx, due, micros(now))
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

// tickAll writes what fell due in some wallets. Faults are those of single
// wallets; an error is the store's.
func (l *Ledger) tickAll(ctx context.Context, due []store.Head, now int64) (wrote int, faults, err error) {
	set := tickSet{Ledger: l, now: now, wrote: map[WalletID]bool{}}
	if err := set.write(ctx, due); err != nil {
		return 0, nil, err
	}
	for _, id := range set.left { // one by one: one of them cannot be written, or has much to write
		changed, err := l.tick(ctx, id, now)
		if changed {
			set.wrote[id] = true
		}
		if errors.Is(err, ErrRetry) || errors.Is(err, ErrUnknown) { // the store's, not this wallet's
			return len(set.wrote), faults, err
		}
		if faults = errors.Join(faults, err); err == nil {
			set.open = append(set.open, id)
		}
	}
	for _, id := range set.open {
		settled, err := l.chargeOpen(ctx, id)
		if settled {
			set.wrote[id] = true
		}
		faults = errors.Join(faults, err)
	}
	return len(set.wrote), faults, nil
}

// tickSet is what became of wallets that are written with one commit.
type tickSet struct {
	*Ledger
	now   int64
	wrote map[WalletID]bool
	left  []WalletID // to be written by themselves
	open  []WalletID // with purchases that are not decided
}

// write writes what fell due in wallets.
func (t *tickSet) write(ctx context.Context, due []store.Head) error {
	reads := make([]store.Read, len(due))
	for i := range due {
		reads[i] = store.Read{Wallet: due[i].Wallet, Below: closedPart}
	}
	stored, err := t.states(ctx, reads)
	if err != nil {
		return err
	}
	var writes []store.Write
	for i := range due {
		id := WalletID(due[i].Wallet)
		c, open, done, err := t.due(id, stored[i], t.now)
		switch {
		case err != nil || !done:
			t.left = append(t.left, id)
			continue
		case open:
			t.open = append(t.open, id)
		}
		if len(c.Entries) > 0 {
			writes = append(writes, store.Write{Changes: []store.Change{c}})
		}
	}
	if len(writes) == 0 {
		return nil
	}
	kept, err := t.store.Commit(ctx, writes...)
	switch {
	case err != nil && store.Check(writes...) != nil: // which of them, each by itself tells
		t.left, t.open = nil, nil
		for i := range due {
			t.left = append(t.left, WalletID(due[i].Wallet))
		}
		return nil
	case errors.Is(err, store.ErrAborted):
		return fmt.Errorf("%w: %w", ErrRetry, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	case len(kept) != len(writes):
		return fmt.Errorf("%w: the store answered %d writes with %d outcomes", ErrUnknown, len(writes), len(kept))
	}
	for i, k := range kept {
		if k {
			t.wrote[WalletID(writes[i].Changes[0].Wallet)] = true
		}
	}
	return nil
}

// due returns what falls due in a stored wallet as a change of it, which has no
// entries if nothing does; whether it has purchases that are not decided; and whether
// that is all: one commit holds only so much.
func (l *Ledger) due(id WalletID, st store.State, now int64) (c store.Change, open, done bool, err error) {
	if st.Seq == 0 {
		return c, false, true, nil
	}
	s, err := l.decode(id, st)
	if err != nil {
		return c, false, false, err
	}
	d := &decision{w: s, at: max(s.at, now), own: -1}
	if done, err = d.advance(d.at, maxPeriods); err == nil && len(d.out) > 0 {
		c, err = d.change(st.Seq)
	}
	return c, len(s.open.purchases) > 0, done, err
}

// tick writes what fell due in one wallet. It leaves off where someone else
// writes the wallet: whoever does writes what is due first.
func (l *Ledger) tick(ctx context.Context, id WalletID, now int64) (changed bool, err error) {
	for {
		stored, err := l.states(ctx, []store.Read{{Wallet: string(id), Below: closedPart}})
		if err != nil {
			return changed, err
		}
		c, _, done, err := l.due(id, stored[0], now)
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
