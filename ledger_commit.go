package credits

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/credits/store"
)

// replay returns the first receipts if the keys of all tasks are known, and
// nothing if none is. Another command under a known key is [ErrKeyReused].
func (l *Ledger) replay(ctx context.Context, tasks []Task, stored []store.State) ([]Receipt, error) {
	var receipts []Receipt
	for i, st := range stored {
		if len(st.Receipts) == 0 {
			continue
		}
		k, err := decodeReceipt(st.Receipts[0].Body)
		if err != nil {
			return nil, err
		}
		field := differs(tasks[i].Command, k.fingerprint)
		if field != "" {
			return nil, nameTask(tasks, i, keyReused(tasks[i].Key, field))
		}
		r, err := l.recall(ctx, tasks[i].Wallet, tasks[i].Key, k)
		if err != nil {
			return nil, err
		}
		noted, err := l.notedBy(ctx, r, k)
		if err != nil {
			return nil, err
		}
		if field := differsSealed(l.actor, tasks[i].Command, noted); field != "" {
			return nil, nameTask(tasks, i, keyReused(tasks[i].Key, field))
		}
		if k.refused != nil {
			k.refused.Wallet = tasks[i].Wallet
			return nil, nameTask(tasks, i, k.refused)
		}
		receipts = append(receipts, r)
	}
	if receipts != nil && len(receipts) < len(tasks) {
		return nil, &InvalidError{Field: "key", Reason: "some of the keys were used before and some were not", Err: ErrKeyReused}
	}
	return receipts, nil
}

// notedBy returns the entry that has the actor and the note of a receipt's command.
func (l *Ledger) notedBy(ctx context.Context, r Receipt, k kept) (*Entry, error) {
	if at := k.noted - k.first; k.noted >= k.first && at < ID(len(r.Entries)) {
		return &r.Entries[at], nil
	}
	q := store.Query{Wallet: string(r.Wallet), After: uint64(k.noted) - 1, Through: uint64(k.noted)}
	found, err := l.entries(ctx, r.Wallet, q)
	if err == nil && len(found) != 1 {
		err = corrupt("entry %d of wallet %q is not there", k.noted, r.Wallet)
	}
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

// recall reads the entries of a stored receipt.
func (l *Ledger) recall(ctx context.Context, id WalletID, key Key, k kept) (Receipt, error) {
	q := store.Query{Wallet: string(id), After: uint64(k.first) - 1, Through: uint64(k.first) + uint64(k.count) - 1}
	entries, err := l.entries(ctx, id, q)
	if err != nil {
		return Receipt{}, err
	}
	if len(entries) != k.count {
		return Receipt{}, corrupt("the entries of key %q of wallet %q are not all there", key, id)
	}
	r := receiptOf(id, key, k, entries)
	r.Replayed = true
	return r, nil
}

// change returns what a decision makes of a stored wallet.
func (d *decision) change(prev uint64) (store.Change, error) {
	c := store.Change{Wallet: string(d.w.id), Prev: prev}
	c.Entries, c.Erase = d.appendEntries(nil), d.erased(ID(prev))
	return c, d.w.fill(&c, d.adds)
}

// appendEntries appends the entries of a decision as a store keeps them.
func (d *decision) appendEntries(entries []store.Entry) []store.Entry {
	for i := range d.out {
		r := &d.out[i]
		entries = append(entries, store.Entry{
			Seq: uint64(r.Seq), At: micros(r.At), Kind: uint8(r.Kind), Of: uint64(r.Of), Feature: r.Feature,
			Body: r.body, Note: r.note,
		})
	}
	return entries
}

// erased returns the entries up to one whose notes a decision removes.
func (d *decision) erased(prev ID) (gone []uint64) {
	for i := range d.out {
		if r := &d.out[i]; r.Kind == KindErased {
			for _, id := range r.Setting.Erased {
				if id <= prev { // what fell due meanwhile has no note
					gone = append(gone, uint64(id))
				}
			}
		}
	}
	return gone
}

// fill completes a change that has its entries. With adds they add to what is kept.
func (s *state) fill(c *store.Change, adds bool) error {
	c.Seq, c.PrevMark, c.Mark, c.Due = uint64(s.seq), s.stored, s.mark(), s.nextDue()
	c.Parts = s.parts(c.Parts, false)
	if adds && len(c.Parts[0].Body) > store.BodyLimit/2 { // time may add as much again
		return beyond("wallet", "would have a head of more than 512 KiB")
	}
	for _, p := range c.Parts {
		if len(p.Body) > store.BodyLimit {
			return beyond("wallet", "would have a part of more than 1 MiB")
		}
	}
	if adds && s.size > maxState { // what takes away goes on
		return &InvalidError{Field: "wallet", Reason: "would take more than 4 MiB", Err: ErrLimit}
	}
	return nil
}

// nextDue returns when whoever ticks has something to do for a wallet, in
// microseconds; 0 if never.
func (s *state) nextDue() int64 {
	due := s.due()
	for _, p := range s.open.purchases {
		due = min(due, micros(p.At)) // whoever ticks asks for it
	}
	if due > store.TimeLimit {
		return 0
	}
	return due
}

// load returns the wallets of tasks, and what is kept under their keys.
func (l *Ledger) load(ctx context.Context, tasks []Task) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	reads := make([]store.Read, len(tasks))
	for i, t := range tasks {
		reads[i] = store.Read{Wallet: string(t.Wallet), Keys: []string{string(t.Key)}, Below: below(t.Command)}
	}
	return l.states(ctx, reads)
}

// states returns a state for each read.
func (l *Ledger) states(ctx context.Context, reads []store.Read) ([]store.State, error) {
	stored, err := l.store.Load(ctx, reads...)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	case len(stored) != len(reads):
		return nil, corrupt("the store answered %d reads with %d states", len(reads), len(stored))
	}
	return stored, nil
}

// commit reports whether a write was kept.
func (l *Ledger) commit(ctx context.Context, w store.Write) (bool, error) {
	w.Wait = true
	kept, err := l.store.Commit(ctx, w)
	switch {
	case errors.Is(err, store.ErrAborted):
		return false, fmt.Errorf("%w: %w", ErrRetry, err)
	case err != nil && store.Check(w) != nil: // no store keeps what is malformed
		return false, beyond("wallet", "has outgrown what a store keeps: %v", store.Check(w))
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnknown, err)
	case len(kept) != 1:
		return false, fmt.Errorf("%w: the store answered one write with %d outcomes", ErrUnknown, len(kept))
	}
	return kept[0], nil
}

// decode returns a stored wallet.
func (l *Ledger) decode(id WalletID, st store.State) (*state, error) {
	if st.Seq == 0 {
		return newState(id), nil
	}
	s, err := decodeState(id, st.Parts, l.known)
	if err != nil {
		return nil, err
	}
	if uint64(s.seq) != st.Seq {
		return nil, corrupt("wallet %q is at entry %d, and its head at %d", id, st.Seq, s.seq)
	}
	s.stored = st.Mark
	s.terms = l.known.keep(s.terms)
	return s, nil
}

// saltOf returns the salt of a call: the same whenever the same call is made.
func (l *Ledger) saltOf(t *Task) [32]byte {
	b := append(make([]byte, 0, 128), l.salt[:]...)
	b = append(binary.AppendUvarint(b, uint64(len(t.Wallet))), t.Wallet...)
	return sha256.Sum256(append(b, t.Key...))
}

// cache keeps what the wallets of a ledger share. It is bounded: full, it begins anew.
type cache struct {
	mu    sync.RWMutex
	plans map[[32]byte]*terms
	zones map[string]*time.Location
}

const cacheSize = 1024

func (c *cache) plan(hash [32]byte) *terms {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.plans[hash]
}

func (c *cache) zone(name string) (*time.Location, error) {
	c.mu.RLock()
	loc := c.zones[name]
	c.mu.RUnlock()
	if loc != nil {
		return loc, nil
	}
	loc, err := loadZone(name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zones == nil || len(c.zones) >= cacheSize {
		c.zones = make(map[string]*time.Location)
	}
	c.zones[name] = loc
	return loc, nil
}

// keep remembers a plan, and returns the one of all wallets that have it.
func (c *cache) keep(t *terms) *terms {
	if known := c.plan(t.hash); known != nil {
		return known
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil || len(c.plans) >= cacheSize {
		c.plans = make(map[[32]byte]*terms)
	}
	c.plans[t.hash] = t
	return t
}
