package sqlite

import (
	"context"
	"fmt"
	"math"

	"example.com/credits/store"
)

// Commit implements [store.Store]. All writes of a call go into one transaction
// of SQLite's, and to the disk at once. An error that is not [store.ErrAborted] is
// one of COMMIT: the disk failed, and what it kept is not known.
func (s *Store) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, aborted(err)
	}
	if err := store.Check(writes...); err != nil {
		return nil, err
	}
	kept := make([]bool, len(writes))
	if len(writes) == 0 {
		return kept, nil
	}
	err := s.change(ctx, func(in *session) (bool, error) {
		some := false
		for i := range writes {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			var err error
			if kept[i], err = in.keep(context.WithoutCancel(ctx), writes[i].Changes); err != nil {
				return false, err
			}
			some = some || kept[i]
		}
		return some, nil
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Ack implements [store.Store].
func (s *Store) Ack(ctx context.Context, wallet string, seq uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.change(ctx, func(in *session) (bool, error) {
		return true, in.exec(context.WithoutCancel(ctx), ackWallet, wallet, number(seq))
	})
}

// change calls f where it may write, and keeps what it wrote if it reports true.
func (s *Store) change(ctx context.Context, f func(in *session) (bool, error)) error {
	if s.host != nil {
		return s.host.change(ctx, f)
	}
	return s.writer.do(ctx, f)
}

// keep makes all changes of one write, or none if one of them does not follow.
// Nobody else writes meanwhile. After an error, some may have been made.
func (s *session) keep(ctx context.Context, changes []store.Change) (bool, error) {
	if len(changes) == 1 && len(changes[0].Receipts) <= 1 {
		return s.move(ctx, &changes[0])
	}
	for i := range changes {
		if ok, err := s.follows(ctx, &changes[i]); err != nil || !ok {
			return false, err
		}
	}
	for i := range changes {
		if ok, err := s.move(ctx, &changes[i]); err != nil || !ok {
			if err == nil {
				err = fmt.Errorf("wallet %q changed under the lock", changes[i].Wallet)
			}
			return false, err
		}
	}
	return true, nil
}

// follows reports whether a change does, before anything is written.
func (s *session) follows(ctx context.Context, c *store.Change) (bool, error) {
	var no, seq, mark int64
	there, err := s.row(ctx, findWallet, []any{c.Wallet}, &no, &seq, &mark)
	if err != nil || !there {
		return c.Prev == 0 && err == nil, err
	}
	if uint64(seq) != c.Prev || uint64(mark) != c.PrevMark {
		return false, nil
	}
	for i := range c.Receipts {
		var body []byte
		used, err := s.row(ctx, loadReceipt, []any{no, c.Receipts[i].Key}, &body)
		if err != nil || used {
			return false, err
		}
	}
	return true, nil
}

// move makes a change if the wallet has its Prev, and if the key of its first
// receipt is not used. If it does not follow, nothing is written.
func (s *session) move(ctx context.Context, c *store.Change) (bool, error) {
	no, moved, err := s.moveWallet(ctx, c)
	if err != nil || !moved {
		return false, err
	}
	for i := range c.Parts {
		if err := s.keepPart(ctx, no, &c.Parts[i]); err != nil {
			return false, err
		}
	}
	for i := range c.Entries {
		if err := s.keepEntry(ctx, no, &c.Entries[i]); err != nil {
			return false, err
		}
	}
	for _, seq := range c.Erase {
		// What is deleted stays in the file until it is written over; so it is first.
		for _, id := range []statement{blankNote, dropNote} {
			if err := s.exec(ctx, id, no, int64(seq)); err != nil {
				return false, err
			}
		}
	}
	if len(c.Erase) > 0 {
		if err := s.eraseDigests(ctx, no, c.Seq); err != nil {
			return false, err
		}
	}
	for i := range c.Receipts {
		r := &c.Receipts[i]
		if err := s.exec(ctx, putReceipt, no, r.Key, int64(c.Seq), nonNil(r.Body)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// moveWallet writes a wallet's row, and reports whether the change followed.
func (s *session) moveWallet(ctx context.Context, c *store.Change) (no int64, moved bool, err error) {
	head, given := headOf(c.Parts)
	early, late, disordered := times(c.Entries)
	if c.Prev == 0 {
		args := []any{c.Wallet, int64(c.Seq), nonNil(head), backAt(disordered, c.Seq), late, c.Due, int64(c.Mark)}
		moved, err = s.row(ctx, makeWallet, args, &no)
		return no, moved, err
	}
	if given {
		head = nonNil(head)
	}
	key := ""
	if len(c.Receipts) > 0 {
		key = c.Receipts[0].Key
	}
	var due int64
	var pending bool
	args := []any{c.Wallet, int64(c.Prev), int64(c.Seq), head, disordered, early, late, key, int64(c.PrevMark), int64(c.Mark)}
	moved, err = s.row(ctx, moveWallet, args, &no, &due, &pending)
	if err == nil && moved && (due != c.Due || !pending) {
		err = s.exec(ctx, markWallet, no, c.Due)
	}
	return no, moved, err
}

// headOf returns the part that stands in the wallet's row, and whether it is among some.
func headOf(parts []store.Part) ([]byte, bool) {
	for i := range parts {
		if parts[i].ID == 0 {
			return parts[i].Body, true
		}
	}
	return nil, false
}

// times returns the earliest and the latest time of entries, and whether one is
// before that of an earlier one.
func times(entries []store.Entry) (early, late int64, disordered bool) {
	early = math.MaxInt64
	for i := range entries {
		at := entries[i].At
		disordered = disordered || at < late
		early, late = min(early, at), max(late, at)
	}
	return early, late, disordered
}

func backAt(disordered bool, seq uint64) int64 {
	if disordered {
		return int64(seq)
	}
	return 0
}

func (s *session) keepPart(ctx context.Context, no int64, p *store.Part) error {
	switch {
	case p.ID == 0: // it is in the wallet's row
		return nil
	case len(p.Body) == 0:
		return s.exec(ctx, dropPart, no, int64(p.ID))
	}
	return s.exec(ctx, putPart, no, int64(p.ID), p.Body)
}

func (s *session) keepEntry(ctx context.Context, no int64, e *store.Entry) error {
	err := s.exec(ctx, putEntry, no, int64(e.Seq), e.At, int64(e.Kind), int64(e.Of), e.Feature, nonNil(e.Body))
	if err == nil && len(e.Note) > 0 {
		err = s.exec(ctx, putNote, no, int64(e.Seq), e.Note)
	}
	return err
}

// nonNil returns b in a form that drivers do not take for NULL.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// number returns n, or the greatest number there is.
func number(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
