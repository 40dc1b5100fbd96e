package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/credits/store"
)

// attempt is a call under way.
type attempt struct {
	*Ledger
	tasks  []Task
	write  bool
	waits  *purchase   // that has to be decided before the call is
	bought int         // purchases that were made for the call
	asked  ID          // the purchase that was asked for, and is open still
	served ID          // the purchase that the call intended
	mine   bool        // it is what the call is about: the money may be taken
	kept   bool        // it committed
	leave  func()      // gives back the seat, if the call has it already
	begun  []*purchase // by it, that nobody waits for
}

// round is one round of load, decide and commit. It is not done if a wallet
// changed meanwhile, if more fell due than one commit holds, or if the call waits.
func (a *attempt) round(ctx context.Context) ([]Receipt, bool, error) {
	l, tasks := a.Ledger, a.tasks
	a.waits = nil
	stored, err := l.load(ctx, tasks)
	if err != nil {
		return nil, false, err
	}
	if receipts, err := l.replay(ctx, tasks, stored); receipts != nil || err != nil {
		return receipts, true, err
	}
	now := l.clock.Now()
	var w store.Write
	var receipts []Receipt
	a.begun = nil
	for i := range tasks {
		s, err := l.decode(tasks[i].Wallet, stored[i])
		if err != nil {
			return nil, false, err
		}
		d, done, err := a.decide(ctx, s, &tasks[i], now)
		if err != nil {
			return nil, false, nameTask(tasks, i, err)
		}
		if !done {
			return nil, false, l.catchUp(ctx, d, stored[i].Seq)
		}
		if d.waits != 0 {
			return nil, false, a.intend(ctx, d, stored[i].Seq)
		}
		if i+1 < len(tasks) {
			hand(&tasks[i+1], d)
		}
		receipts = append(receipts, d.receipt(tasks[i].Key))
		c, err := d.change(stored[i].Seq)
		if err != nil {
			return nil, false, nameTask(tasks, i, err)
		}
		if c.Receipts, err = l.receipts(ctx, d, &tasks[i]); err != nil {
			return nil, false, err
		}
		for _, id := range d.begun {
			a.begun = append(a.begun, s.openPurchase(id))
		}
		if d.refused != nil { // a fact, whatever else the call was to do
			return a.refuse(ctx, c, nameTask(tasks, i, d.refused))
		}
		w.Changes = append(w.Changes, c)
	}
	if !a.write {
		return receipts, true, nil
	}
	kept, err := l.commit(ctx, w)
	if err == nil && !kept {
		err = l.blind(ctx, tasks, stored)
	}
	if err != nil || !kept {
		return nil, false, err
	}
	a.kept = true
	return receipts, true, nil
}

// receipts returns what is kept of a decision under its key, and under those of
// the commands that waited for it.
func (l *Ledger) receipts(ctx context.Context, d *decision, t *Task) ([]store.Receipt, error) {
	all := []store.Receipt{{Key: string(t.Key), Body: fingerprintOf(t.Command).receipt(d)}}
	for _, a := range d.answers {
		stored, err := l.load(ctx, []Task{{Wallet: t.Wallet, Key: a.key}})
		if err != nil {
			return nil, err
		}
		if len(stored[0].Receipts) > 0 { // an earlier purchase under the key was paid late
			continue
		}
		request, err := decodeFingerprint(a.request)
		if err != nil {
			return nil, err
		}
		all = append(all, store.Receipt{Key: string(a.key), Body: d.stored(request, a.made, a.made, a.refused)})
	}
	return all, nil
}

// refuse commits a refusal that is a fact.
func (a *attempt) refuse(ctx context.Context, c store.Change, refused error) ([]Receipt, bool, error) {
	if !a.write {
		return nil, true, refused
	}
	kept, err := a.commit(ctx, store.Write{Changes: []store.Change{c}})
	switch {
	case err != nil:
		return nil, false, err
	case !kept && a.bound:
		return nil, false, fmt.Errorf("%w: the wallet changed meanwhile", ErrRetry)
	case !kept:
		return nil, false, nil
	}
	return nil, true, refused
}

// blind returns [ErrRetry] if a write was not kept and the transaction that the
// ledger is bound to does not see why: it never will.
func (l *Ledger) blind(ctx context.Context, tasks []Task, before []store.State) error {
	if !l.bound {
		return nil
	}
	now, err := l.load(ctx, tasks)
	if err != nil {
		return err
	}
	for i := range now {
		if now[i].Seq != before[i].Seq || now[i].Mark != before[i].Mark || len(now[i].Receipts) > 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: the transaction does not see what changed the wallet", ErrRetry)
}

// decide decides a task on a wallet. Without write it goes on, in memory, where
// more is due than one commit holds, and supposes that what is bought is paid.
func (a *attempt) decide(ctx context.Context, s *state, t *Task, now time.Time) (*decision, bool, error) {
	past, err := a.past(ctx, s, t.Command, now)
	if err != nil {
		return nil, false, err
	}
	c := Call{
		Key: t.Key, Actor: a.actor, Now: now, Salt: a.saltOf(t), Command: t.Command, Past: past,
		Charger: a.charger != nil, supposed: !a.write, served: a.served, Bound: a.bound || len(a.tasks) > 1, Bought: a.bought,
	}
	for {
		d, done, err := decide(s, &c)
		if err != nil || done || a.write {
			return d, done, err
		}
		for i := range d.out {
			c.Past = append(c.Past, d.out[i].Entry)
		}
	}
}

// catchUp commits what fell due and nothing else.
func (l *Ledger) catchUp(ctx context.Context, d *decision, prev uint64) error {
	if len(d.out) == 0 {
		return nil
	}
	c, err := d.change(prev)
	if err != nil {
		return err
	}
	kept, err := l.commit(ctx, store.Write{Changes: []store.Change{c}})
	if err == nil && !kept && l.bound {
		return fmt.Errorf("%w: the wallet changed meanwhile", ErrRetry)
	}
	return err
}

// past returns what a command needs of a wallet's history.
func (l *Ledger) past(ctx context.Context, s *state, cmd Command, now time.Time) ([]Entry, error) {
	var about ID
	switch c := cmd.(type) {
	case Erase:
		return l.repeating(ctx, s, c.Entries)
	case Seal:
		return l.one(ctx, s, c.Through)
	case Reverse:
		about = c.Spend
	case Capture:
		about = c.Hold
	case Release:
		about = c.Hold
	case Settle:
		if p := s.openPurchase(c.Purchase); p == nil || p.deadline() <= max(s.at, micros(now)) { // it is abandoned first
			about = c.Purchase
		}
	case Approve:
		if s.openRequest(c.Request) == nil {
			about = c.Request
		}
	case Dismiss:
		if s.openRequest(c.Request) == nil {
			about = c.Request
		}
	}
	_, held := s.findHold(about)
	if _, releases := cmd.(Release); held && releases {
		return nil, nil
	}
	past, err := l.one(ctx, s, about)
	if held && errors.Is(err, ErrPruned) { // it goes on, without the labels that it had
		return nil, nil
	}
	if err != nil || held || past == nil {
		return past, err
	}
	more, err := l.entries(ctx, s.id, store.Query{Wallet: string(s.id), Of: uint64(about), After: uint64(about), Through: uint64(s.seq)})
	return append(past, more...), err
}

// one returns a wallet's entry, and none if there is no such one.
func (l *Ledger) one(ctx context.Context, s *state, id ID) ([]Entry, error) {
	if id == 0 || id > s.seq {
		return nil, nil
	}
	return l.entries(ctx, s.id, store.Query{Wallet: string(s.id), After: uint64(id) - 1, Through: uint64(id)})
}

// repeating returns the entries that repeat the labels of others: the captures
// of holds, and the reversals of spends and of those captures.
func (l *Ledger) repeating(ctx context.Context, s *state, of []ID) ([]Entry, error) {
	var all []Entry
	of = slices.Clone(of[:min(len(of), maxLines)])
	for i := 0; i < len(of); i++ {
		if of[i] == 0 || of[i] > s.seq {
			continue
		}
		q := store.Query{
			Wallet: string(s.id), Of: uint64(of[i]), After: uint64(of[i]), Through: uint64(s.seq),
			Kinds: []uint8{uint8(KindCaptured), uint8(KindReversed)},
		}
		found, err := l.entries(ctx, s.id, q)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if e.Kind == KindCaptured {
				of = append(of, e.Seq)
			}
		}
		all = append(all, found...)
	}
	return all, nil
}

// entries returns all entries of a query.
func (l *Ledger) entries(ctx context.Context, id WalletID, q store.Query) ([]Entry, error) {
	var all []Entry
	for stored, err := range l.store.Entries(ctx, q) {
		if err != nil {
			return nil, unread(err)
		}
		e, err := readEntry(id, stored)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// readEntry decodes an entry with its actor and note.
func readEntry(id WalletID, stored store.Entry) (Entry, error) {
	e, err := decodeEntry(id, stored.Body)
	if err != nil {
		return e, err
	}
	if len(stored.Note) > 0 {
		e.Actor, e.Note, err = decodeNote(stored.Note)
	}
	return e, err
}
