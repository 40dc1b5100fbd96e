package credits

import (
	"crypto/sha256"
	"maps"
	"math"
	"slices"

	"example.com/credits/store"
)

// Replay follows the stored history of a wallet and verifies it: from the first
// entry, or from a checkpoint that stands for the first ones. [Ledger.Verify] is
// made of it, and package archive. After an error it is of no use.
type Replay struct {
	s      *state
	gone   map[ID]bool      // entries without the actor and note that they were sealed with
	begins store.Checkpoint // until it is found to be sealed; zero for none
	known  *cache
}

// NewReplay returns a replay that begins with a wallet's first entry.
func NewReplay(id WalletID) *Replay {
	return &Replay{s: newState(id), gone: map[ID]bool{}, known: &cache{}}
}

// ReplayFrom returns a replay that goes on where a checkpoint stands, or
// [ErrCorrupt] if it cannot be read. [Replay.End] says whether the wallet's
// history sealed it.
func ReplayFrom(id WalletID, c store.Checkpoint) (*Replay, error) {
	r := NewReplay(id)
	s, err := restore(id, c, r.known)
	if err != nil {
		return nil, err
	}
	r.s, r.begins = s, c
	r.s.stored = 0 // of a wallet that a store restores
	return r, nil
}

// Change follows the next entries and returns what changes for them, as a
// store is given it, without receipts. The first that does not follow is a
// [VerifyError].
func (r *Replay) Change(entries ...store.Entry) (store.Change, error) {
	c := store.Change{Wallet: string(r.s.id), Prev: uint64(r.s.seq), PrevMark: r.s.stored, Entries: entries}
	for i := range entries {
		if _, err := r.add(&entries[i]); err != nil {
			return store.Change{}, err
		}
	}
	c.Seq, c.Mark, c.Due, c.Parts = uint64(r.s.seq), r.s.mark(), r.s.nextDue(), r.s.parts(nil, false)
	r.s.settled()
	return c, nil
}

// add follows one entry.
func (r *Replay) add(stored *store.Entry) (*Entry, error) {
	e, err := r.s.check(*stored)
	if err != nil {
		return nil, err
	}
	if e.Seal != [32]byte{} && len(stored.Note) == 0 {
		r.gone[e.Seq] = true
	}
	switch e.Kind {
	case KindErased:
		for _, id := range e.Setting.Erased {
			delete(r.gone, id)
		}
	case KindSealed:
		if uint64(e.Of) == r.begins.Seq && e.Setting.Sealed == sha256.Sum256(r.begins.Body) {
			r.begins = store.Checkpoint{}
		}
	}
	return &e, nil
}

// End returns the [VerifyError] of what only the end of a history tells: an actor
// and note that are gone and were not erased, or a checkpoint that was not sealed.
func (r *Replay) End() error {
	switch {
	case r.begins.Seq != 0:
		return &VerifyError{Wallet: r.s.id, Seq: ID(r.begins.Seq), Reason: "its checkpoint is not the one that was sealed"}
	case len(r.gone) > 0:
		return &VerifyError{Wallet: r.s.id, Seq: slices.Min(slices.Collect(maps.Keys(r.gone))), Reason: "its actor and note are gone, and were not erased"}
	}
	return nil
}

// Head returns where the replay stands.
func (r *Replay) Head() Head { return Head{r.s.seq, r.s.chain} }

// Checkpoint returns a checkpoint of where the replay stands.
func (r *Replay) Checkpoint() store.Checkpoint { return r.s.checkpoint() }

// State returns the whole state of where the replay stands, as a store keeps it,
// and when time alone changes it next, in microseconds; 0 if never.
func (r *Replay) State() (parts []store.Part, due int64) {
	return r.s.parts(nil, true), r.s.nextDue()
}

// ReadEntry returns a stored entry of a wallet with its actor and note, as
// [Ledger.History] does: for those who read an archive. It looks at the form
// alone: [ErrCorrupt].
func ReadEntry(id WalletID, e store.Entry) (Entry, error) { return readEntry(id, e) }

// ReadReceipt returns the first and the last of the entries that a stored receipt
// is about. It looks at the form alone: [ErrCorrupt].
func ReadReceipt(r store.Receipt) (first, last ID, err error) {
	k, err := decodeReceipt(r.Body)
	if err == nil && k.first > math.MaxInt64-ID(k.count) {
		err = corrupt("receipt is about entries beyond any")
	}
	if err != nil {
		return 0, 0, err
	}
	return k.first, k.first + ID(k.count) - 1, nil
}
