package archive

import (
	"encoding/hex"
	"errors"
	"io"
	"iter"

	"example.com/credits"
	"example.com/credits/store"
)

// Run is a wallet, or a stretch of one, as a file holds it.
type Run struct {
	Wallet   credits.WalletID
	After    credits.Head // of its checkpoint: where it begins; zero if that is the first entry
	Head     credits.Head // where it ends
	Fed      credits.ID   // the entries up to it were handed to the feed
	Entries  int
	Receipts int
}

// Runs verifies a file and yields what it holds. Each run is verified by itself
// before it is yielded: its checksum, that each entry follows from those before
// it and, if it has one, its checkpoint, and that the chain of hashes ends where it says. It
// stops after an error, which is a [LineError] unless it is the reader's own.
//
// Whether a checkpoint was sealed by the wallet, and whether a run ends where the next
// begins, [Joined] tells.
func Runs(r io.Reader) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		p := newParser(r)
		for {
			c, err := p.wallet()
			if err == io.EOF {
				return
			}
			var run Run
			if err == nil {
				run, _, err = p.run(c, nil)
			}
			if !yield(run, err) || err != nil {
				return
			}
		}
	}
}

// Entries yields the entries of a file, with their actors and notes, as they were
// before they were pruned. Each was found to follow from those before it; the
// checksum comes last. It stops after an error, which is as that of [Runs].
func Entries(r io.Reader) iter.Seq2[credits.Entry, error] {
	return func(yield func(credits.Entry, error) bool) {
		p := newParser(r)
		for {
			c, err := p.wallet()
			if err == io.EOF {
				return
			}
			if err == nil {
				_, _, err = p.run(c, func(ch store.Change, _ *batch) error {
					for _, stored := range ch.Entries {
						e, err := credits.ReadEntry(p.id, stored)
						if err != nil {
							return p.because("entry.note", err)
						}
						if !yield(e, nil) {
							return errStopped
						}
					}
					return nil
				})
			}
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(credits.Entry{}, err)
				return
			}
		}
	}
}

// errStopped ends a run that nobody wants more of.
var errStopped = errors.New("archive: stopped")

// run verifies the wallet that was begun with a checkpoint.
func (p *parser) run(c store.Checkpoint, use func(store.Change, *batch) error) (Run, *credits.Replay, error) {
	replay, err := replayFrom(p.id, c)
	if err != nil {
		return Run{}, nil, p.because("wallet.checkpoint.body", err)
	}
	var after credits.Head
	if c.Seq != 0 {
		after = replay.Head()
	}
	if err := p.verify(replay, use); err != nil {
		return Run{}, nil, err
	}
	run := p.ran(replay)
	run.After = after
	return run, replay, nil
}

// verify follows the wallet that was begun to its end. Each batch is given to use,
// if that is not nil, once its entries were found to follow.
func (p *parser) verify(replay *credits.Replay, use func(store.Change, *batch) error) error {
	err := p.entries(func(b *batch) error {
		change, err := replay.Change(b.entries...)
		if err != nil || use == nil {
			return err
		}
		return use(change, b)
	})
	if err != nil {
		return err
	}
	if hash := replay.Head().Hash; hex.EncodeToString(hash[:]) != p.ended.Hash {
		err := p.fault("end.hash", "is not where the chain of the entries ends")
		err.Line--
		return err
	}
	return nil
}

// ran returns what the wallet was that was read to its end.
func (p *parser) ran(replay *credits.Replay) Run {
	return Run{
		Wallet: p.id, Head: replay.Head(), Fed: credits.ID(p.ended.Fed),
		Entries: p.ended.Entries, Receipts: p.ended.Receipts,
	}
}

// replayFrom returns a replay that begins with a checkpoint, or without one with
// the first entry.
func replayFrom(id credits.WalletID, c store.Checkpoint) (*credits.Replay, error) {
	if c.Seq == 0 {
		return credits.NewReplay(id), nil
	}
	return credits.ReplayFrom(id, c)
}
