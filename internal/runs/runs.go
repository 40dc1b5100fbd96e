// Package runs reads the past of a wallet for those who add it up, and spares
// them most of it.
//
// Entries never change. So a history is cut into runs of 1,024 entries, by Seq,
// and what a [Tally] works out of one whole run is kept in the store as a digest,
// if it keeps digests, under a name that says what was worked out. Whoever asks first
// makes the digests; whoever asks next reads those, and only the entries at the
// edges of the period and after the last whole run. Digests are derived by the
// same code that answers without them, and can be deleted at any time.
package runs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// size is how many entries a run has: run n has those after n*size.
const size = 1024

// Reader reads the past of one wallet.
type Reader struct {
	Wallet     credits.Wallet   // as it is now
	Checkpoint store.Checkpoint // that its entries begin with; zero for none

	ctx    context.Context
	ledger *credits.Ledger
	id     credits.WalletID
	seq    credits.ID         // of the last entry written when nothing was read yet
	lots   map[credits.ID]Lot // bounded: what it forgets is read again
	begin  credits.Wallet     // as it was at the checkpoint, once it was asked for
}

// Open returns a reader. A wallet that is not open is [credits.ErrNotFound].
func Open(ctx context.Context, l *credits.Ledger, id credits.WalletID) (*Reader, error) {
	head, err := l.Head(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &Reader{ctx: ctx, ledger: l, id: id, seq: head.Seq, lots: map[credits.ID]Lot{}}
	if r.Checkpoint, err = store.CheckpointOf(ctx, l.Store(), string(id)); err != nil {
		return nil, fmt.Errorf("%w: %w", credits.ErrRetry, err)
	}
	r.Wallet, err = l.Wallet(ctx, id)
	return r, err
}

// Period returns p, and for the zero Period the current cycle, so far.
func (r *Reader) Period(p credits.Period) credits.Period {
	if p != (credits.Period{}) {
		return p
	}
	if p = r.Wallet.Cycle(); !r.Wallet.At().Before(p.End) {
		p.End = time.Time{} // the plan has ended, and no cycle follows
	}
	return p
}

// Entry returns one entry that was written, and false if it was pruned.
func (r *Reader) Entry(id credits.ID) (credits.Entry, bool, error) {
	if id > 0 && uint64(id) <= r.Checkpoint.Seq {
		return credits.Entry{}, false, nil
	}
	e, err := r.entry(id, false)
	if errors.Is(err, credits.ErrPruned) { // meanwhile
		return credits.Entry{}, false, nil
	}
	return e, err == nil, err
}

// entry returns one entry. With due it may be one that is not written yet.
func (r *Reader) entry(id credits.ID, due bool) (credits.Entry, error) {
	if id > 0 {
		one := credits.HistoryQuery{After: id - 1, Before: id + 1, Due: due}
		for e, err := range r.ledger.History(r.ctx, r.id, one) {
			return e, err
		}
	}
	return credits.Entry{}, fmt.Errorf("%w: wallet %q: there is no entry %d", credits.ErrCorrupt, r.id, id)
}

// Lot is what is remembered of a lot.
type Lot struct {
	Source credits.Source
	Made   bool // of another lot
}

// maxLots is how many lots are remembered: as many as a wallet has open.
const maxLots = 10_000

// Lot returns a lot that an entry moved credits of.
func (r *Reader) Lot(id credits.ID) (Lot, error) {
	if lot, ok := r.lots[id]; ok {
		return lot, nil
	}
	if lot, ok := r.Wallet.Lot(id); ok {
		return r.Learn(&lot.Terms), nil
	}
	if uint64(id) <= r.Checkpoint.Seq {
		// It moved after the checkpoint, so the wallet knew it there.
		begin, err := r.Begin()
		if err != nil {
			return Lot{}, err
		}
		if lot, ok := begin.Lot(id); ok {
			return r.Learn(&lot.Terms), nil
		}
	}
	e, err := r.entry(id, true)
	if err != nil {
		return Lot{}, err
	}
	if e.Opens == nil {
		return Lot{}, fmt.Errorf("%w: wallet %q: entry %d opens no lot", credits.ErrCorrupt, r.id, id)
	}
	return r.Learn(e.Opens), nil
}

// Learn remembers a lot.
func (r *Reader) Learn(t *credits.Terms) Lot {
	lot := Lot{t.Source, t.Origin != (credits.Origin{})}
	Remember(r.lots, maxLots, t.ID, lot)
	return lot
}

// Begin returns the wallet as it was at its checkpoint: after everything with the
// checkpoint's time.
func (r *Reader) Begin() (credits.Wallet, error) {
	var err error
	if r.begin.Seq() == 0 {
		r.begin, err = r.ledger.BalanceAt(r.ctx, r.id, time.UnixMicro(r.Checkpoint.At))
	}
	return r.begin, err
}

// Remember keeps a value, and of those before none if they are too many.
func Remember[V any](in map[credits.ID]V, limit int, id credits.ID, v V) {
	if len(in) >= limit {
		clear(in)
	}
	in[id] = v
}

// Span is a span of time in microseconds: from From and before To.
type Span struct{ From, To int64 }

// SpanOf returns the span of a period. What has no bound ends with time.
func SpanOf(p credits.Period) Span {
	s := Span{To: math.MaxInt64}
	if !p.Start.IsZero() {
		s.From = micros(p.Start)
	}
	if !p.End.IsZero() {
		s.To = micros(p.End)
	}
	return s
}

// Has reports whether an instant is in the span.
func (s Span) Has(at int64) bool { return s.From <= at && at < s.To }

// micros returns the first microsecond that is not before t, of those that entries have.
func micros(t time.Time) int64 {
	switch {
	case t.Year() < 1970:
		return 0
	case t.Year() > 9999:
		return math.MaxInt64
	}
	return t.Add(time.Microsecond - 1).UnixMicro()
}
