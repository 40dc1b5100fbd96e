package credits

import (
	"context"
	"errors"
	"fmt"

	"example.com/credits/store"
)

// Feed hands the entries of all wallets that were not handed over yet to f, and
// returns how many f took. Whatever fails, each entry that was committed is
// handed over at least once: those of a wallet in order and without gaps, those
// of different wallets in no order. It needs no clock: what is due by time and
// not written yet is no entry; [Ledger.Tick] writes it.
//
// A slice has entries of one wallet, and f may keep it. Entries of one command
// are never parted, nor is what fell due at one instant: a slice has at most
// 1,000 entries, or as many as belong together. Actors and notes that were
// erased are empty.
//
// The store keeps how far each wallet got, and moves that on when f has returned
// nil. What f was given when it failed or panicked, or when the process ended
// before the store knew, it is given again: Wallet and Seq tell what f has had.
// So it is with several consumers at once. They share one position and stand in
// for each other: they may be given the same, and do not divide the work.
//
// One call hands over all that was committed before it, and what is committed
// meanwhile no later than the next. It ends at the first error of f, or of the
// store: [ErrRetry], or [ErrUnknown] if the store may not know that the last
// slice was taken. A later call goes on. An error of f holds up all wallets:
// what f cannot use it puts aside, and returns nil. A wallet whose entries cannot
// be read is [ErrCorrupt] and holds up no other.
//
// On a ledger that is bound to a transaction of the host's the position moves if
// and when the host commits: what f writes in that transaction is kept once, as
// long as no other consumer runs meanwhile. Let the transaction do nothing else
// with the ledger, whose entries f is given though they may never be kept; and
// let it be short, because wallets that were handed over may be locked by it.
func (l *Ledger) Feed(ctx context.Context, f func(context.Context, []Entry) error) (int, error) {
	if f == nil {
		return 0, invalid("f", "is nil")
	}
	taken := 0
	var faults error
	for after, more := "", true; more; {
		heads, err := l.headsOf(ctx, store.Filter{After: after, Pending: true, Limit: feedHeads})
		if err != nil {
			return taken, errors.Join(faults, err)
		}
		for _, h := range heads {
			n, fault, err := l.feed(ctx, h, f)
			taken += n
			faults = errors.Join(faults, fault)
			if err != nil {
				return taken, errors.Join(faults, err)
			}
			after = h.Wallet
		}
		more = len(heads) == feedHeads
	}
	return taken, faults
}

// feedHeads is how many pending wallets are read at a time: few, because
// another consumer may feed them meanwhile.
const feedHeads = 100

// headsOf returns a page of wallets. No iterator of the store is open while they
// are worked on.
func (l *Ledger) headsOf(ctx context.Context, f store.Filter) ([]store.Head, error) {
	var heads []store.Head
	for h, err := range l.store.Heads(ctx, f) {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRetry, err)
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// feed hands over what a wallet had when its head was read. A fault is this
// wallet's alone; an error ends the call.
func (l *Ledger) feed(ctx context.Context, h store.Head, f func(context.Context, []Entry) error) (taken int, fault, err error) {
	for h.Fed < h.Seq {
		page, err := l.page(ctx, h)
		switch {
		case errors.Is(err, ErrPruned): // another consumer was handed them
			return taken, nil, nil
		case errors.Is(err, ErrCorrupt):
			return taken, err, nil
		case err != nil:
			return taken, nil, err
		}
		fed := uint64(page[len(page)-1].Seq)
		if err := f(ctx, page); err != nil {
			return taken, nil, err
		}
		taken += len(page)
		if err := l.store.Ack(ctx, h.Wallet, fed); err != nil {
			return taken, nil, fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		h.Fed = fed
	}
	return taken, nil, nil
}

// page returns the next entries of a wallet that were not handed over: whole
// groups, as many as fit a page and at least one.
func (l *Ledger) page(ctx context.Context, h store.Head) ([]Entry, error) {
	var page []Entry
	for read := h.Fed; ; {
		q := store.Query{Wallet: h.Wallet, After: read, Through: h.Seq, Limit: maxPage + 1}
		more, err := l.entries(ctx, WalletID(h.Wallet), q)
		if err != nil {
			return nil, err
		}
		for i := 0; i == 0 || i < len(more); i++ {
			if read++; i == len(more) || uint64(more[i].Seq) != read {
				return nil, corrupt("entry %d of wallet %q is missing", read, h.Wallet)
			}
		}
		page = append(page, more...)
		if n := whole(page, read == h.Seq); n > 0 {
			return page[:n:n], nil
		}
	}
}

// whole returns how many of the first entries are whole groups: as many as fit a
// page, or one that does not; 0 if the first goes on beyond the entries. The end
// of what was committed ends a group.
func whole(entries []Entry, end bool) (n int) {
	for i := range entries {
		switch {
		case i+1 < len(entries):
			e, next := &entries[i], &entries[i+1]
			if e.Key == next.Key && e.At.Equal(next.At) {
				continue
			}
		case !end:
			return n
		}
		if n > 0 && i+1 > maxPage {
			return n
		}
		n = i + 1
	}
	return n
}
