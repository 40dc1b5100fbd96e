package archive

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/credits"
	"example.com/credits/store"
)

// Report says what was exported, imported or pruned.
type Report struct {
	Wallets int
	Entries int // of these wallets
	Skipped int // wallets that were imported or pruned before
}

// Export writes wallets as the package documentation describes: all, in order
// of their names, if none are named. Of a wallet that changes meanwhile it
// writes what there was at one Seq. It verifies what it writes: what it
// returned no error for can be imported.
//
// A wallet that is not there is [credits.ErrNotFound], and one that departs from
// its history [credits.ErrCorrupt]. A store that could not be read is
// [credits.ErrRetry]: what was written is cut, and to be written again.
func Export(ctx context.Context, s store.Store, w io.Writer, wallets ...credits.WalletID) (Report, error) {
	var report Report
	out := newWriter(w)
	one := func(h store.Head) error {
		n, err := export(ctx, s, out, h)
		if err == nil {
			report.Wallets++
			report.Entries += n
		}
		return err
	}
	for _, id := range wallets {
		h, err := headOf(ctx, s, id)
		if err != nil {
			return report, err
		}
		if err := one(h); err != nil {
			return report, err
		}
	}
	for after, more := "", len(wallets) == 0; more; {
		heads, err := headsAfter(ctx, s, after)
		if err != nil {
			return report, err
		}
		for _, h := range heads {
			if err := one(h); err != nil {
				return report, err
			}
			after = h.Wallet
		}
		more = len(heads) == pageHeads
	}
	return report, out.wallets(report.Wallets)
}

// How much is read at a time.
const (
	pageHeads   = 100
	pageEntries = 500
)

func headsAfter(ctx context.Context, s store.Store, after string) ([]store.Head, error) {
	var heads []store.Head
	for h, err := range s.Heads(ctx, store.Filter{After: after, Limit: pageHeads}) {
		if err != nil {
			return nil, unread(err)
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// headOf returns the head of one wallet.
func headOf(ctx context.Context, s store.Store, id credits.WalletID) (store.Head, error) {
	if !isName(string(id)) || !utf8.ValidString(string(id)) {
		return store.Head{}, &credits.InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q is no name of 1 to %d bytes", id, store.NameLimit)}
	}
	for h, err := range s.Heads(ctx, store.Filter{After: before(string(id)), Limit: 1}) {
		if err != nil {
			return store.Head{}, unread(err)
		}
		if h.Wallet == string(id) {
			return h, nil
		}
	}
	return store.Head{}, &credits.InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q is not open", id), Err: credits.ErrNotFound}
}

// before returns a name that is less than another, with none of use between them.
func before(name string) string {
	last, size := utf8.DecodeLastRuneInString(name)
	name = name[:len(name)-size]
	if last--; last > 0 && !utf8.ValidRune(last) {
		last = 0xD7FF // below the surrogates, which are none
	}
	if last <= 0 {
		return name
	}
	name += string(last)
	return name + strings.Repeat(string(utf8.MaxRune), (store.NameLimit-len(name))/utf8.UTFMax)
}

// export writes one wallet as it is at its head, and returns how many entries that are.
func export(ctx context.Context, s store.Store, out *writer, h store.Head) (int, error) {
	c, err := store.CheckpointOf(ctx, s, h.Wallet)
	if err != nil {
		return 0, unread(err)
	}
	x, err := newExporter(ctx, s, out, credits.WalletID(h.Wallet), c)
	if err != nil {
		return 0, err
	}
	for through := h.Seq; ; {
		if err := x.entries(through); err != nil {
			return 0, err
		}
		unfinished := x.replay.End()
		if unfinished == nil {
			break
		}
		// A note that is gone was perhaps erased since the head was read: by an entry
		// that is part of the story then.
		now, err := headOf(ctx, s, x.id)
		if err != nil {
			return 0, err
		}
		if now.Seq == through {
			return 0, unfinished
		}
		through = now.Seq
		x.again, x.open = x.open, nil
	}
	return x.ends.Entries, x.end(h.Fed)
}

// exporter writes a wallet.
type exporter struct {
	ctx    context.Context
	s      store.Store
	out    *writer
	id     credits.WalletID
	replay *credits.Replay
	keys   map[string]bool // of receipts that come later
	later  []late          // those receipts, in order
	open   []string        // keys of intents that had no receipt
	again  []string        // those of them that are to be looked up again
	ends   endLine
}

// late is a receipt that is written behind an entry.
type late struct {
	behind uint64
	store.Receipt
}

// newExporter begins a wallet that begins with a checkpoint or with its first entry.
func newExporter(ctx context.Context, s store.Store, out *writer, id credits.WalletID, c store.Checkpoint) (*exporter, error) {
	replay, err := replayFrom(id, c)
	if err != nil {
		return nil, err
	}
	x := &exporter{ctx: ctx, s: s, out: out, id: id, replay: replay, keys: map[string]bool{}}
	x.ends.Seq = c.Seq
	return x, out.begin(id, c)
}

// entries writes the entries up to one, with their receipts.
func (x *exporter) entries(through uint64) error {
	for x.ends.Seq < through {
		q := store.Query{Wallet: string(x.id), After: x.ends.Seq, Through: through, Limit: pageEntries}
		page, err := readPage(x.ctx, x.s, q)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return &credits.VerifyError{Wallet: x.id, Seq: credits.ID(x.ends.Seq) + 1, Reason: "is missing"}
		}
		if _, err := x.replay.Change(page...); err != nil {
			return err
		}
		if err := x.receipts(page); err != nil {
			return err
		}
		for i := range page {
			if err := x.entry(&page[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry writes an entry, and the receipts of a commit that ends with it.
func (x *exporter) entry(e *store.Entry) error {
	x.ends.Seq = e.Seq
	x.ends.Entries++
	if err := x.out.entry(e); err != nil {
		return err
	}
	for len(x.later) > 0 && x.later[0].behind == e.Seq {
		if err := x.out.receipt(&x.later[0].Receipt); err != nil {
			return err
		}
		x.ends.Receipts++
		delete(x.keys, x.later[0].Key)
		x.later = x.later[1:]
	}
	return nil
}

// receipts looks up what was kept under the keys of entries. A key is that of an
// entry of its commit or, where that settled a purchase, of the intent before.
func (x *exporter) receipts(page []store.Entry) error {
	keys := x.again
	x.again = nil
	for i := range page {
		e, err := credits.ReadEntry(x.id, page[i])
		if err != nil {
			return err
		}
		if key := string(e.Key); key != "" && !x.keys[key] && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := x.s.Load(x.ctx, store.Read{Wallet: string(x.id), Below: 1, Keys: keys})
	if err != nil {
		return unread(err)
	}
	if len(found) != 1 {
		return fmt.Errorf("%w: the store answered one read with %d states", credits.ErrRetry, len(found))
	}
	for _, r := range found[0].Receipts {
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == r.Key })
		_, last, err := credits.ReadReceipt(r)
		if err != nil {
			return fmt.Errorf("archive: wallet %q: key %q: %w", x.id, r.Key, err)
		}
		if uint64(last) >= page[0].Seq {
			x.later = append(x.later, late{uint64(last), r})
			x.keys[r.Key] = true
		}
	}
	x.open = append(x.open, keys...)
	slices.SortFunc(x.later, func(a, b late) int {
		return cmp.Or(cmp.Compare(a.behind, b.behind), strings.Compare(a.Key, b.Key))
	})
	return nil
}

// end writes the last lines of the wallet.
func (x *exporter) end(fed uint64) error {
	hash := x.replay.Head().Hash
	x.ends.Hash, x.ends.Fed = hex.EncodeToString(hash[:]), fed
	return x.out.end(x.ends)
}

func readPage(ctx context.Context, s store.Store, q store.Query) ([]store.Entry, error) {
	page := make([]store.Entry, 0, q.Limit)
	for e, err := range s.Entries(ctx, q) {
		if err != nil {
			return nil, unread(err)
		}
		page = append(page, e)
	}
	return page, nil
}

// unread returns the error of a store that could not be read.
func unread(err error) error {
	if errors.Is(err, store.ErrPruned) {
		return fmt.Errorf("%w: the wallet was pruned meanwhile: %w", credits.ErrRetry, err)
	}
	return fmt.Errorf("%w: %w", credits.ErrRetry, err)
}
