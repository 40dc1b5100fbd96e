package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// ErrNotFed says that entries were not handed to the feed yet, which would never
// see them: see [credits.Ledger.Feed] and [Options].
var ErrNotFed = errors.New("archive: not handed to the feed")

// Write writes the entries of a wallet that are older than an instant as an
// archive: from where the wallet begins to the last entry before it. It changes
// nothing: keep what it wrote where it will stay, sync it, and give it
// to [Prune]. If there is no such entry it writes nothing, and the [Run] has no entries.
//
// The instant is at least [credits.Retention] ago, or it is [credits.ErrLimit].
// A purchase stays with its outcome: the archive ends before one that is
// decided, or settled again, after the instant. Errors are as those of [Export].
func Write(ctx context.Context, l *credits.Ledger, w io.Writer, id credits.WalletID, before time.Time) (Run, error) {
	now, err := l.Wallet(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if before.After(now.At().Add(-credits.Retention)) {
		return Run{}, &credits.InvalidError{Field: "before", Reason: "is less than 35 days ago", Err: credits.ErrLimit}
	}
	s := l.Store()
	head, err := headOf(ctx, s, id)
	if err != nil {
		return Run{}, err
	}
	c, err := store.CheckpointOf(ctx, s, string(id))
	if err != nil {
		return Run{}, unread(err)
	}
	through, err := lastBefore(ctx, s, id, c.Seq, before)
	if err != nil || through == 0 {
		return Run{}, err
	}
	out := newWriter(w)
	x, err := newExporter(ctx, s, out, id, c)
	if err != nil {
		return Run{}, err
	}
	run := Run{Wallet: id}
	if c.Seq != 0 {
		run.After = x.replay.Head()
	}
	if err := x.entries(through); err != nil {
		return Run{}, err
	}
	if err := x.end(min(head.Fed, through)); err != nil {
		return Run{}, err
	}
	run.Head, run.Fed = x.replay.Head(), credits.ID(x.ends.Fed)
	run.Entries, run.Receipts = x.ends.Entries, x.ends.Receipts
	return run, out.wallets(1)
}

// lastBefore returns the last entry after another that an archive before an
// instant has; 0 if there is none.
func lastBefore(ctx context.Context, s store.Store, id credits.WalletID, after uint64, before time.Time) (uint64, error) {
	to := before.UnixMicro()
	bought, err := purchases(ctx, s, id, after)
	if err != nil {
		return 0, err
	}
	for again := true; again; {
		again = false
		for _, p := range bought {
			if p.from < to && p.until >= to {
				to, again = p.from, true
			}
		}
	}
	if to <= 0 {
		return 0, nil
	}
	last, err := readPage(ctx, s, store.Query{Wallet: string(id), After: after, To: to, Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Seq, nil
}

// purchase is when a purchase was intended, and when it was last heard of.
type purchase struct{ from, until int64 }

// purchases returns the purchases that were intended after an entry.
func purchases(ctx context.Context, s store.Store, id credits.WalletID, after uint64) (map[credits.ID]*purchase, error) {
	all := map[credits.ID]*purchase{}
	q := store.Query{Wallet: string(id), After: after, Kinds: []uint8{uint8(credits.KindIntended), uint8(credits.KindSettled)}}
	for stored, err := range s.Entries(ctx, q) {
		if err != nil {
			return nil, unread(err)
		}
		e, err := credits.ReadEntry(id, stored)
		if err != nil {
			return nil, err
		}
		if e.Kind == credits.KindIntended {
			all[e.Seq] = &purchase{stored.At, math.MaxInt64}
		} else if p := all[e.Of]; p != nil && !e.Payment.State.Open() {
			p.until = stored.At
		}
	}
	return all, nil
}

// Options are settings of [Prune]. A nil *Options means all defaults.
type Options struct {
	// NoFeed says that nobody reads the feed: what is pruned counts as handed over.
	// The default is that what was not handed over is ErrNotFed.
	NoFeed bool
}

// Prune removes from a store what an archive of [Write] holds, with the receipts
// that were kept with it, and leaves a checkpoint in its place. Read the archive from where it
// will stay: nothing is removed that Prune has not just read there and found to
// be, entry by entry, what the store has.
//
// It first seals the checkpoint in the wallet's chain, by [credits.Seal] under a
// key that begins with "archive/seal/"; the ledger's actor must be one that may. Whatever fails, the same call again
// goes on; what was pruned already is Skipped. An archive may hold several
// wallets, one after another: each is pruned once it was read.
//
// An archive that leaves out entries between the wallet's beginning and its own, or is
// of another history, is [credits.ErrInvalid]; entries younger than
// [credits.Retention] are [credits.ErrLimit]; entries that were not handed to
// the feed are [ErrNotFed]; what is wrong with the file is a [LineError].
func Prune(ctx context.Context, l *credits.Ledger, archive io.Reader, o *Options) (Report, error) {
	var report Report
	if o == nil {
		o = &Options{}
	}
	s, ok := l.Store().(store.Pruner)
	if !ok {
		return report, &credits.InvalidError{Field: "store", Reason: "keeps no checkpoints"}
	}
	p := newParser(archive)
	for {
		c, err := p.wallet()
		if err == io.EOF {
			return report, nil
		}
		if err != nil {
			return report, err
		}
		run, _, err := p.run(c, nil)
		if err != nil {
			return report, err
		}
		done, err := prune(ctx, l, s, run, o)
		switch {
		case err != nil:
			return report, err
		case !done:
			report.Skipped++
		default:
			report.Wallets++
			report.Entries += run.Entries
		}
	}
}

// prune removes what a run holds, and returns false if that was done before.
func prune(ctx context.Context, l *credits.Ledger, s store.Pruner, run Run, o *Options) (bool, error) {
	id, through := run.Wallet, uint64(run.Head.Seq)
	head, err := headOf(ctx, s, id)
	if err != nil {
		return false, err
	}
	live, err := s.Checkpoint(ctx, string(id))
	switch {
	case err != nil:
		return false, unread(err)
	case live.Seq >= through: // but perhaps not all is gone yet
		return false, removed(s.Prune(ctx, string(id), live))
	case live.Seq < uint64(run.After.Seq):
		return false, misfit(id, "begins after entry %d, and the wallet after %d", run.After.Seq, live.Seq)
	case head.Seq < through:
		return false, misfit(id, "ends with entry %d, and the wallet with %d", through, head.Seq)
	}
	replay, err := replayThrough(ctx, s, id, through)
	if err != nil {
		return false, err
	}
	if replay == nil || replay.Head() != run.Head {
		return false, misfit(id, "is of another history")
	}
	if head.Fed < through {
		if !o.NoFeed {
			return false, fmt.Errorf("%w: wallet %q: entry %d", ErrNotFed, id, head.Fed+1)
		}
		if err := s.Ack(ctx, string(id), through); err != nil {
			return false, notKept(err)
		}
	}
	c := replay.Checkpoint()
	if err := seal(ctx, l, id, c); err != nil {
		return false, err
	}
	return true, removed(s.Prune(ctx, string(id), c))
}

func removed(err error) error {
	if err != nil {
		return notKept(err)
	}
	return nil
}

// misfit returns the error of an archive that is not one of the wallet's.
func misfit(id credits.WalletID, format string, args ...any) error {
	return &credits.InvalidError{Field: "archive", Reason: fmt.Sprintf("of wallet %q ", id) + fmt.Sprintf(format, args...)}
}

// seal records a checkpoint in the wallet's chain, once. The key has the hash,
// because another version may store the same state otherwise.
func seal(ctx context.Context, l *credits.Ledger, id credits.WalletID, c store.Checkpoint) error {
	sum := sha256.Sum256(c.Body)
	hash := hex.EncodeToString(sum[:])
	key := credits.Key(fmt.Sprintf("archive/seal/%d/%s", c.Seq, hash))
	_, err := l.Receipt(ctx, id, key) // perhaps of another actor
	if errors.Is(err, credits.ErrNotFound) {
		_, err = l.Do(ctx, id, key, credits.Seal{Through: credits.ID(c.Seq), Hash: hash})
	}
	return err
}

// Joined verifies that archives, the oldest first, and what a store has of a
// wallet are one history: each archive by itself, that the first begins with
// the wallet's first entry and each other where the one before it ends, and
// that the wallet in the store begins where the last one ends. The first place
// where they part is a [credits.VerifyError]. What the store has,
// [credits.Ledger.Verify] verifies. Archives may hold other wallets, too.
func Joined(ctx context.Context, s store.Store, id credits.WalletID, archives ...io.Reader) error {
	last := credits.NewReplay(id)
	for _, r := range archives {
		p := newParser(r)
		for {
			c, err := p.wallet()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			if p.id == id {
				if err := joins(id, last, c); err != nil {
					return err
				}
			}
			_, replay, err := p.run(c, nil)
			if err != nil {
				return err
			}
			if p.id == id {
				last = replay
			}
		}
	}
	c, err := store.CheckpointOf(ctx, s, string(id))
	if err != nil {
		return unread(err)
	}
	return joins(id, last, c)
}

// joins reports whether a checkpoint is of where a replay stands.
func joins(id credits.WalletID, last *credits.Replay, c store.Checkpoint) error {
	ends := last.Head()
	if uint64(ends.Seq) != c.Seq {
		return &credits.VerifyError{
			Wallet: id, Seq: ends.Seq + 1,
			Reason: fmt.Sprintf("is where an archive ends, and what follows begins with %d", c.Seq+1),
		}
	}
	if c.Seq == 0 {
		return nil
	}
	next, err := credits.ReplayFrom(id, c)
	if err != nil {
		return err
	}
	if !bytes.Equal(next.Checkpoint().Body, last.Checkpoint().Body) {
		return &credits.VerifyError{Wallet: id, Seq: ends.Seq, Reason: "the checkpoint after it is not what the archives add up to"}
	}
	return nil
}
