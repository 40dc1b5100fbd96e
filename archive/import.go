package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"example.com/credits"
	"example.com/credits/store"
)

// Import brings in the wallets of an export. It verifies a whole wallet, as
// [Runs] does, before it writes any of it, and then reads it again to write it,
// in commits that end where those ended that it was made in. On a store that is
// bound to a transaction of the host's all of it is kept if and when that
// commits. The state is what the entries add up to, as this version stores it.
// The feed goes on where it stood.
//
// It ends at the first error, and the wallets before it are there, whole. Called
// again with the same file it goes on: a wallet that is a beginning of the one in
// the file, with the same chain, gets the rest; one that has as much or more is
// left and Skipped; any other under the name of one is not touched, and is
// [credits.ErrExists], or [credits.ErrPruned] where the store has pruned all that the
// file has, and cannot tell. A wallet that begins with a checkpoint takes a
// [store.Pruner] that is not bound to a transaction.
//
// What is wrong with the file is a [LineError]. An error of the store
// is [credits.ErrRetry] or [credits.ErrUnknown].
func Import(ctx context.Context, s store.Store, file io.ReadSeeker) (Report, error) {
	var report Report
	base, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return report, fmt.Errorf("archive: %w", err)
	}
	p := newParser(file)
	for {
		m := importer{ctx: ctx, s: s}
		m.begins, err = p.wallet()
		if err == io.EOF {
			return report, nil
		}
		if err == nil {
			m.id = p.id
			err = m.verify(p)
		}
		if err != nil {
			return report, err
		}
		if m.stands >= m.run.Head.Seq {
			report.Skipped++
			if m.stands > m.run.Head.Seq {
				continue
			}
		} else {
			if _, err := file.Seek(base+p.start.offset, io.SeekStart); err != nil {
				return report, fmt.Errorf("archive: %w", err)
			}
			again := newParser(file)
			again.n = p.start.line
			if err := m.write(again); err != nil {
				return report, err
			}
			report.Wallets++
			report.Entries += int(m.run.Head.Seq - max(m.stands, m.run.After.Seq))
			if _, err := file.Seek(base+p.offset, io.SeekStart); err != nil {
				return report, fmt.Errorf("archive: %w", err)
			}
			p.r.Reset(file)
		}
		if err := s.Ack(ctx, string(m.id), uint64(m.run.Fed)); err != nil {
			return report, fmt.Errorf("%w: %w", credits.ErrUnknown, err)
		}
	}
}

// importer brings in one wallet.
type importer struct {
	ctx    context.Context
	s      store.Store
	id     credits.WalletID
	begins store.Checkpoint
	stands credits.ID // how much of the wallet is there
	mark   uint64     // of what is there
	run    Run
}

// verify reads the wallet to its end, and finds out what of it is there already.
func (m *importer) verify(p *parser) error {
	there, err := headThere(m.ctx, m.s, m.id)
	if err != nil {
		return err
	}
	if m.stands = there.Seq; m.stands > 0 {
		st, err := m.s.Load(m.ctx, store.Read{Wallet: string(m.id), Have: uint64(m.stands)})
		if err != nil || len(st) != 1 {
			return fmt.Errorf("%w: %w", credits.ErrRetry, err)
		}
		m.mark = st[0].Mark
	}
	p.stop = uint64(there.Seq)
	same := there.Seq == 0
	replay, err := replayFrom(p.id, m.begins)
	if err != nil {
		return p.because("wallet.checkpoint.body", err)
	}
	begins := replay.Head()
	same = same || begins == there
	if err := p.verify(replay, func(store.Change, *batch) error {
		same = same || replay.Head() == there
		return nil
	}); err != nil {
		return err
	}
	if err := replay.End(); err != nil {
		e := p.because("", err)
		e.Line = p.start.line + 1
		return e
	}
	m.run = p.ran(replay)
	if m.begins.Seq != 0 {
		m.run.After = begins
	}
	if there.Seq > m.run.Head.Seq {
		head, err := m.headAt(uint64(m.run.Head.Seq))
		if err != nil {
			return err
		}
		if head.Seq == 0 {
			return &credits.InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q is there, and what the file has of it was pruned", m.id), Err: credits.ErrPruned}
		}
		same = head == m.run.Head
	}
	if !same {
		return &credits.InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q is there with another history", m.id), Err: credits.ErrExists}
	}
	if _, ok := m.s.(store.Pruner); !ok && m.stands == 0 && m.begins.Seq != 0 {
		return &credits.InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q begins with a checkpoint, and the store keeps none", m.id)}
	}
	return nil
}

// headThere returns where a stored wallet stands; zero if there is none.
func headThere(ctx context.Context, s store.Store, id credits.WalletID) (credits.Head, error) {
	head, err := credits.New(s, nil).Head(ctx, id)
	if errors.Is(err, credits.ErrNotFound) {
		return credits.Head{}, nil
	}
	return head, err
}

// headAt returns where the stored wallet stood at an entry; zero if that was pruned.
func (m *importer) headAt(seq uint64) (credits.Head, error) {
	replay, err := replayThrough(m.ctx, m.s, m.id, seq)
	if err != nil || replay == nil {
		return credits.Head{}, err
	}
	return replay.Head(), nil
}

// replayThrough follows a stored wallet up to an entry; nil if it begins later.
func replayThrough(ctx context.Context, s store.Store, id credits.WalletID, seq uint64) (*credits.Replay, error) {
	c, err := store.CheckpointOf(ctx, s, string(id))
	if err != nil {
		return nil, unread(err)
	}
	if c.Seq > seq {
		return nil, nil
	}
	replay, err := replayFrom(id, c)
	if err != nil {
		return nil, err
	}
	for after := c.Seq; after < seq; {
		page, err := readPage(ctx, s, store.Query{Wallet: string(id), After: after, Through: seq, Limit: pageEntries})
		if err != nil {
			return nil, err
		}
		if _, err := replay.Change(page...); err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return nil, &credits.VerifyError{Wallet: id, Seq: credits.ID(after) + 1, Reason: "is missing"}
		}
		after += uint64(len(page))
	}
	return replay, nil
}

// write reads the wallet again and keeps what of it is not there.
func (m *importer) write(p *parser) error {
	c, err := p.wallet()
	if err != nil {
		return err
	}
	replay, err := replayFrom(p.id, c)
	if err != nil || p.id != m.id || m.begins.Seq != c.Seq || c.Seq != 0 && replay.Head() != m.run.After {
		return p.fault("wallet", "is another one than when it was read before")
	}
	if c.Seq != 0 && m.stands == 0 {
		parts, due := replay.State()
		if err := m.s.(store.Pruner).Restore(m.ctx, string(m.id), c, due, parts); err != nil {
			return notKept(err)
		}
	}
	p.stop, p.exact = uint64(m.stands), true
	return p.verify(replay, func(ch store.Change, b *batch) error {
		if ch.Seq <= uint64(m.stands) {
			return nil
		}
		if ch.Prev == uint64(m.stands) { // it is there as it was made, or as a store restored it
			ch.PrevMark = m.mark
		}
		return m.commit(ch, b)
	})
}

// commit keeps one batch.
func (m *importer) commit(ch store.Change, b *batch) error {
	if err := m.forget(&ch); err != nil {
		return err
	}
	ch.Receipts = b.receipts
	kept, err := m.s.Commit(m.ctx, store.Write{Changes: []store.Change{ch}, Wait: true})
	switch {
	case err != nil:
		return notKept(err)
	case len(kept) != 1 || !kept[0]:
		return fmt.Errorf("%w: wallet %q changed meanwhile", credits.ErrRetry, m.id)
	}
	return nil
}

// forget leaves out the notes that entries of a change erase.
func (m *importer) forget(ch *store.Change) error {
	for i := range ch.Entries {
		e, err := credits.ReadEntry(m.id, ch.Entries[i])
		if err != nil {
			return err
		}
		if e.Kind != credits.KindErased {
			continue
		}
		for _, id := range e.Setting.Erased {
			if seq := uint64(id); seq <= ch.Prev {
				ch.Erase = append(ch.Erase, seq)
			} else if seq <= ch.Seq {
				ch.Entries[seq-ch.Prev-1].Note = nil
			}
		}
	}
	return nil
}

// notKept returns the error of a store that was to keep something.
func notKept(err error) error {
	if errors.Is(err, store.ErrAborted) {
		return fmt.Errorf("%w: %w", credits.ErrRetry, err)
	}
	return fmt.Errorf("%w: %w", credits.ErrUnknown, err)
}
