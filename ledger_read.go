package credits

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"example.com/credits/store"
)

// Wallet returns a wallet as it is now: what fell due by time is in it, whether
// or not it was written. It writes nothing. A wallet that is not open is [ErrNotFound].
func (l *Ledger) Wallet(ctx context.Context, id WalletID) (Wallet, error) {
	s, err := l.read(ctx, id, 0)
	if err != nil {
		return Wallet{}, err
	}
	return viewAt(ctx, s, l.clock.Now())
}

// read returns a wallet as it is stored, of which the parts below an ID are wanted.
func (l *Ledger) read(ctx context.Context, id WalletID, below uint64) (*state, error) {
	if err := checkName("wallet", string(id)); err != nil {
		return nil, err
	}
	stored, err := l.store.Load(ctx, store.Read{Wallet: string(id), Below: below})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	if len(stored) != 1 || stored[0].Seq == 0 {
		return nil, notOpen(id)
	}
	return l.decode(id, stored[0])
}

// viewAt returns s at an instant: with what falls due until then. It changes s.
func viewAt(ctx context.Context, s *state, t time.Time) (Wallet, error) {
	if !inTime(t) {
		return Wallet{}, invalid("time", "%v is outside the years 1970 to 9999", t)
	}
	at := max(s.at, micros(t))
	d := &decision{w: s, at: at, own: -1}
	for {
		done, err := d.advance(at, maxPeriods)
		if err != nil {
			return Wallet{}, err
		}
		if done {
			s.at = at
			return Wallet{s}, nil
		}
		d.out = nil
		if err := ctx.Err(); err != nil {
			return Wallet{}, fmt.Errorf("%w: %w", ErrRetry, err)
		}
	}
}

// BalanceAt returns a wallet as it was, is, or will be at an instant: after
// everything with a wallet time at or before it. The future supposes no command
// and no purchase, only what falls due. Before the wallet was opened it is
// [ErrNotFound], before its checkpoint [ErrPruned], and more than 100 years from
// now [ErrLimit]. The past costs a replay of the history until then.
func (l *Ledger) BalanceAt(ctx context.Context, id WalletID, t time.Time) (Wallet, error) {
	s, err := l.read(ctx, id, 0)
	if err != nil {
		return Wallet{}, err
	}
	if !inTime(t) {
		return Wallet{}, invalid("time", "%v is outside the years 1970 to 9999", t)
	}
	if t.After(l.clock.Now().AddDate(100, 0, 0)) {
		return Wallet{}, beyond("time", "is more than 100 years ahead")
	}
	if micros(t) >= s.at {
		return viewAt(ctx, s, t)
	}
	begin, err := l.begin(ctx, id)
	if err != nil {
		return Wallet{}, err
	}
	past := begin.s
	if past.at > micros(t) {
		return Wallet{}, &InvalidError{Field: "time", Reason: "is before the wallet's checkpoint", Err: ErrPruned}
	}
	q := store.Query{Wallet: string(id), After: uint64(past.seq), Through: uint64(s.seq), To: micros(t) + 1}
	for stored, err := range l.store.Entries(ctx, q) {
		if err != nil {
			return Wallet{}, unread(err)
		}
		e, err := decodeEntry(id, stored.Body)
		if err != nil {
			return Wallet{}, err
		}
		if err := past.fold(&e, false); err != nil {
			return Wallet{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		past.chain = link(past.chain, stored.Body)
	}
	if past.seq == 0 {
		return Wallet{}, &InvalidError{Field: "time", Reason: "is before the wallet was opened", Err: ErrNotFound}
	}
	return viewAt(ctx, past, t)
}

// Receipt returns what was done under a key; [ErrNotFound] if nothing was. Of a
// refusal that is a fact it returns that [RefusedError].
func (l *Ledger) Receipt(ctx context.Context, id WalletID, key Key) (Receipt, error) {
	if err := errors.Join(checkName("wallet", string(id)), checkName("key", string(key))); err != nil {
		return Receipt{}, err
	}
	stored, err := l.load(ctx, []Task{{Wallet: id, Key: key}})
	if err != nil {
		return Receipt{}, err
	}
	if len(stored[0].Receipts) == 0 {
		return Receipt{}, &InvalidError{Field: "key", Reason: "was not used", Err: ErrNotFound}
	}
	k, err := decodeReceipt(stored[0].Receipts[0].Body)
	if err != nil {
		return Receipt{}, err
	}
	if k.refused != nil {
		k.refused.Wallet = id
		return Receipt{}, k.refused
	}
	return l.recall(ctx, id, key, k)
}

// HistoryQuery selects entries. The zero query selects all, the oldest first.
type HistoryQuery struct {
	After   ID     // entries with a greater Seq; of a page before it, the last
	Within  Period // entries at instants of it; a zero Start or End is no bound
	Kinds   []Kind // entries of one of these
	Of      ID     // entries about this lot, hold, purchase, request or spend
	Lot     ID     // entries that moved credits of this lot
	Feature string // entries of this feature
	Actor   string // entries of the actor with this ID
	Before  ID     // entries with a smaller Seq; 0 for no bound; of a page of the newest, its last
	Newest  bool   // the newest first
	Due     bool   // also what fell due by now and is not written yet: the Seqs and instants it will have
	Limit   int    // at most so many, 1 to 1,000; 0 for all, fetched in pages
}

// History yields a wallet's entries, in order of Seq or the newest first. It stops after an error. A
// wallet that is not open has none. Entries that were pruned are [ErrPruned]: in
// place of the first, or with Newest after the others.
func (l *Ledger) History(ctx context.Context, id WalletID, q HistoryQuery) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		pages, err := l.historyQuery(id, q)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if q.Before == 1 { // there is none before the first
			return
		}
		left := q.Limit
		var due []Entry
		if q.Due {
			if due, pages.Through, err = l.unwritten(ctx, id, pages.Through); err != nil {
				yield(Entry{}, err)
				return
			}
		}
		for i := range due {
			if e := &due[len(due)-1-i]; q.Newest && q.matches(e) {
				left--
				if !yield(*e, nil) || left == 0 {
					return
				}
			}
		}
		for {
			n := 0
			for stored, err := range l.store.Entries(ctx, pages) {
				if err != nil {
					yield(Entry{}, unread(err))
					return
				}
				n++
				if q.Newest {
					pages.Through = stored.Seq - 1
				} else {
					pages.After = stored.Seq
				}
				e, err := readEntry(id, stored)
				if err == nil && !q.selects(&e) {
					continue
				}
				left--
				if !yield(e, err) || err != nil || left == 0 {
					return
				}
			}
			if n < pages.Limit || q.Newest && pages.Through == 0 {
				break
			}
		}
		for i := range due {
			if e := &due[i]; !q.Newest && q.matches(e) {
				left--
				if !yield(*e, nil) || left == 0 {
					return
				}
			}
		}
	}
}

// unwritten returns what fell due in a wallet by now and is not written, and up to
// which entry what is written goes, or through if that is less.
func (l *Ledger) unwritten(ctx context.Context, id WalletID, through uint64) ([]Entry, uint64, error) {
	s, err := l.read(ctx, id, closedPart)
	if errors.Is(err, ErrNotFound) {
		return nil, through, nil
	}
	if err != nil {
		return nil, 0, err
	}
	stored := uint64(s.seq)
	d := &decision{w: s, own: -1}
	for done := false; !done; {
		if done, err = d.advance(max(s.at, micros(bounded(l.clock.Now()))), maxPeriods); err != nil {
			return nil, 0, err
		}
		if err := ctx.Err(); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrRetry, err)
		}
	}
	due := make([]Entry, len(d.out))
	for i := range d.out {
		due[i] = d.out[i].Entry
	}
	if through != 0 {
		stored = min(stored, through)
	}
	return due, stored, nil
}

// matches reports whether a query selects an entry that is not stored.
func (q *HistoryQuery) matches(e *Entry) bool {
	switch {
	case e.Seq <= q.After, q.Before != 0 && e.Seq >= q.Before:
	case !q.Within.Start.IsZero() && e.At.Before(q.Within.Start), !q.Within.End.IsZero() && !e.At.Before(q.Within.End):
	case len(q.Kinds) > 0 && !slices.Contains(q.Kinds, e.Kind), q.Of != 0 && e.Of != q.Of:
	case q.Feature != "" && e.Feature != q.Feature:
	default:
		return q.selects(e)
	}
	return false
}

// historyQuery checks q and returns what the store is asked for.
func (l *Ledger) historyQuery(id WalletID, q HistoryQuery) (store.Query, error) {
	if err := checkName("wallet", string(id)); err != nil {
		return store.Query{}, err
	}
	if q.Limit < 0 || q.Limit > maxPage {
		return store.Query{}, &InvalidError{Field: "limit", Reason: "is not between 0 and 1,000", Err: ErrLimit}
	}
	s := store.Query{
		Wallet: string(id), After: max(uint64(q.After), uint64(q.Lot)-min(1, uint64(q.Lot))), Of: uint64(q.Of), Feature: q.Feature, Newest: q.Newest, Limit: maxPage,
	}
	if q.Before > 0 {
		s.Through = uint64(q.Before) - 1
	}
	if !q.Within.Start.IsZero() {
		s.From = max(0, micros(bounded(q.Within.Start)))
	}
	if !q.Within.End.IsZero() {
		s.To = max(1, micros(bounded(q.Within.End)))
	}
	if q.Limit > 0 && q.Lot == 0 && q.Actor == "" { // all that is read is wanted
		s.Limit = q.Limit
	}
	for _, k := range q.Kinds {
		s.Kinds = append(s.Kinds, uint8(k))
	}
	return s, nil
}

// selects reports whether an entry is among those that the store cannot tell.
func (q *HistoryQuery) selects(e *Entry) bool {
	if q.Actor != "" && e.Actor.ID != q.Actor {
		return false
	}
	return q.Lot == 0 || slices.ContainsFunc(e.Lines, func(ln Line) bool { return ln.Lot == q.Lot })
}

// Wallets yields the names of wallets, in order of their bytes, after a name.
func (l *Ledger) Wallets(ctx context.Context, after WalletID) iter.Seq2[WalletID, error] {
	return l.heads(ctx, store.Filter{After: string(after)})
}

// Due yields the wallets that have something due by time at or before an
// instant that is not written yet, or a purchase that is not decided, in order of their bytes.
func (l *Ledger) Due(ctx context.Context, by time.Time) iter.Seq2[WalletID, error] {
	return l.heads(ctx, store.Filter{Due: max(1, micros(bounded(by)))})
}

func (l *Ledger) heads(ctx context.Context, f store.Filter) iter.Seq2[WalletID, error] {
	f.Limit = maxPage
	return func(yield func(WalletID, error) bool) {
		for {
			n := 0
			for h, err := range l.store.Heads(ctx, f) {
				if err != nil {
					yield("", fmt.Errorf("%w: %w", ErrRetry, err))
					return
				}
				n++
				f.After = h.Wallet
				if !yield(WalletID(h.Wallet), nil) {
					return
				}
			}
			if n < maxPage {
				return
			}
		}
	}
}
