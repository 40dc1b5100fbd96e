package credits

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/credits/store"
)

// VerifyError names the first place where what is stored of a wallet departs
// from its history. It is [ErrCorrupt].
type VerifyError struct {
	Wallet WalletID
	Seq    ID     // of the first entry that is wrong; 0 if the entries are right and the state is not
	Reason string // what is wrong with it
}

// Error returns the place and the reason.
func (e *VerifyError) Error() string {
	if e.Seq == 0 {
		return fmt.Sprintf("credits: wallet %q: %s", e.Wallet, e.Reason)
	}
	return fmt.Sprintf("credits: wallet %q: entry %d: %s", e.Wallet, e.Seq, e.Reason)
}

// Is reports whether target is [ErrCorrupt].
func (e *VerifyError) Is(target error) bool { return target == ErrCorrupt }

// Verify replays a wallet's history onto nothing: every entry follows from
// those before it, the chain of hashes ends at the stored head, every actor and
// note that was not erased is the one that was sealed, and the state that comes
// out is the stored one, byte for byte. A [VerifyError] names the first place
// that departs. Of a wallet that begins with a checkpoint the replay does too,
// and the history has to have sealed it.
//
// It finds a change to any entry. That the end of a history was cut off together
// with the state, or that all was made anew, it finds only against heads that
// were kept elsewhere, of [Ledger.Head]. Heads from before the checkpoint are not
// looked at: compare them with the archive.
func (l *Ledger) Verify(ctx context.Context, id WalletID, kept ...Head) error {
	if err := checkName("wallet", string(id)); err != nil {
		return err
	}
	for before := ID(0); ; {
		r, err := l.begin(ctx, id)
		if err != nil {
			return err
		}
		first := r.s.seq + 1
		seq, ended, err := l.verify(ctx, r, kept)
		switch {
		case errors.Is(err, ErrPruned) && first != before: // right if it was meanwhile
			before = first
			continue
		case errors.Is(err, ErrPruned):
			return &VerifyError{Wallet: id, Seq: first, Reason: "was pruned, and no checkpoint stands for it"}
		case err != nil || ended == nil:
			return err
		}
		mended, err := l.since(ctx, id, seq) // right if it was erased or sealed meanwhile
		if err != nil {
			return err
		}
		if !mended {
			return ended
		}
	}
}

// since reports whether anything was erased or sealed after an entry.
func (l *Ledger) since(ctx context.Context, id WalletID, seq ID) (bool, error) {
	found, err := l.entries(ctx, id, store.Query{
		Wallet: string(id), After: uint64(seq), Kinds: []uint8{uint8(KindErased), uint8(KindSealed)}, Limit: 1,
	})
	if errors.Is(err, ErrPruned) {
		return true, nil
	}
	return len(found) > 0, err
}

// verify is Verify as of the wallet's entry seq. Of what only the end of a history
// tells it returns apart what that was.
func (l *Ledger) verify(ctx context.Context, r *Replay, kept []Head) (seq ID, ended, err error) {
	id := r.s.id
	stored, err := l.store.Load(ctx, store.Read{Wallet: string(id)})
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	if len(stored) != 1 || stored[0].Seq == 0 {
		return 0, nil, notOpen(id)
	}
	fresh := *l
	fresh.known = &cache{} // the plan is read, not remembered
	s, err := fresh.decode(id, stored[0])
	if err != nil {
		return 0, nil, &VerifyError{Wallet: id, Reason: err.Error()}
	}
	if r.s.seq > 0 && !matches(kept, r.s) {
		return 0, nil, &VerifyError{Wallet: id, Seq: r.s.seq, Reason: "the head that was kept of it is another"}
	}
	q := store.Query{Wallet: string(id), After: uint64(r.s.seq), Through: uint64(s.seq)}
	for stored, err := range l.store.Entries(ctx, q) {
		if err != nil {
			return 0, nil, unread(err)
		}
		e, err := r.add(&stored)
		if err != nil {
			return 0, nil, err
		}
		if !matches(kept, r.s) {
			return 0, nil, &VerifyError{Wallet: id, Seq: e.Seq, Reason: "the head that was kept of it is another"}
		}
	}
	return s.seq, r.End(), agree(id, r.s, s, kept, stored[0].Parts)
}

// begin returns a replay of a stored wallet where it begins: at its checkpoint,
// if it has one.
func (l *Ledger) begin(ctx context.Context, id WalletID) (*Replay, error) {
	c, err := store.CheckpointOf(ctx, l.store, string(id))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	case c.Seq == 0:
		return NewReplay(id), nil
	}
	r, err := ReplayFrom(id, c)
	if err != nil {
		return nil, &VerifyError{Wallet: id, Seq: ID(c.Seq), Reason: err.Error()}
	}
	return r, nil
}

// agree compares what a history adds up to with the state and the heads that were kept.
func agree(id WalletID, replayed, s *state, kept []Head, parts []store.Part) error {
	if replayed.seq != s.seq {
		return &VerifyError{Wallet: id, Seq: replayed.seq + 1, Reason: "is missing"}
	}
	for _, h := range kept {
		if h.Seq > s.seq {
			return &VerifyError{Wallet: id, Seq: s.seq + 1, Reason: "is missing: a head was kept of a later one"}
		}
	}
	if replayed.chain != s.chain {
		return &VerifyError{Wallet: id, Seq: s.seq, Reason: "the chain does not end at the stored head"}
	}
	return compareParts(id, replayed.parts(nil, true), parts)
}

// matches reports whether s is what heads that were kept say.
func matches(kept []Head, s *state) bool {
	return !slices.ContainsFunc(kept, func(h Head) bool { return h.Seq == s.seq && h.Hash != s.chain })
}

// Head returns where a wallet's written history stands, for [Ledger.Verify].
func (l *Ledger) Head(ctx context.Context, id WalletID) (Head, error) {
	s, err := l.read(ctx, id, closedPart)
	if err != nil {
		return Head{}, err
	}
	return Head{s.seq, s.chain}, nil
}

// check folds one stored entry, returns it, and reports whether it is what the chain says.
func (s *state) check(stored store.Entry) (Entry, error) {
	wrong := func(reason string) (Entry, error) {
		return Entry{}, &VerifyError{Wallet: s.id, Seq: s.seq + 1, Reason: reason}
	}
	if stored.Seq != uint64(s.seq)+1 {
		return wrong("is missing")
	}
	e, err := decodeEntry(s.id, stored.Body)
	if err != nil {
		return wrong(err.Error())
	}
	if uint64(e.Seq) != stored.Seq || micros(e.At) != stored.At || uint8(e.Kind) != stored.Kind ||
		uint64(e.Of) != stored.Of || e.Feature != stored.Feature {
		return wrong("is filed under what it does not say")
	}
	if len(stored.Note) > 0 && seal(stored.Note) != e.Seal {
		return wrong("its actor and note are not those that were sealed")
	}
	if err := s.fold(&e, false); err != nil {
		var broken *InvalidError
		if errors.As(err, &broken) {
			return wrong(broken.Reason)
		}
		return wrong(err.Error())
	}
	s.chain = link(s.chain, stored.Body)
	return e, nil
}

// compareParts compares the state that a history adds up to with the stored one.
func compareParts(id WalletID, want []store.Part, got []store.Part) error {
	same := slices.EqualFunc(want, got, func(w, g store.Part) bool { return w.ID == g.ID && bytes.Equal(w.Body, g.Body) })
	if !same {
		return &VerifyError{Wallet: id, Reason: "the stored state is not the sum of its entries"}
	}
	return nil
}
