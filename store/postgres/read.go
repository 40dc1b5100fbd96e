package postgres

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"example.com/credits/store"
)

// How many rows a page of an iterator has: the first, and the most. A page of
// entries that took more than pageBytes is followed by a smaller one.
const (
	firstEntries = 64
	mostEntries  = 2048
	pageBytes    = 4 << 20

	firstHeads = 256
	mostHeads  = 16384
)

// selection is a query in the making: its conditions and their parameters.
type selection struct {
	where []string
	args  []any
}

// add adds a condition, in which ? is the parameter.
func (q *selection) add(where string, arg any) {
	q.args = append(q.args, arg)
	q.where = append(q.where, strings.ReplaceAll(where, "?", fmt.Sprintf("$%d", len(q.args))))
}

// Entries implements [store.Store]. It reads page by page, and holds nothing of
// the database between them; entries that are kept after the first page are not yielded.
func (s *Store) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	q.Kinds = slices.Clone(q.Kinds)
	return func(yield func(store.Entry, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(store.Entry{}, err)
			return
		}
		q := q // ranged over again, it begins anew
		if !named(q.Wallet) || q.Feature != "" && !named(q.Feature) || q.After > math.MaxInt64 || q.Of > math.MaxInt64 {
			return
		}
		if q.Through == 0 || q.Through > math.MaxInt64 {
			q.Through = math.MaxInt64
		}
		size, left := firstEntries, q.Limit
		if left <= 0 {
			left = math.MaxInt
		}
		for left > 0 {
			page, last, err := s.entries(ctx, &q, min(size, left))
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			for i := range page {
				if err := ctx.Err(); err != nil {
					yield(store.Entry{}, err)
					return
				}
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < min(size, left) {
				return
			}
			left -= len(page)
			if q.Newest {
				q.Through = page[len(page)-1].Seq - 1
			} else {
				q.After, q.Through = page[len(page)-1].Seq, min(q.Through, last)
			}
			if q.Through == 0 {
				return
			}
			size = nextSize(size, page)
		}
	}
}

// nextSize returns how many entries to read after a page.
func nextSize(size int, page []store.Entry) int {
	bytes := 0
	for i := range page {
		bytes += len(page[i].Body) + len(page[i].Note)
	}
	if bytes > pageBytes {
		return max(1, len(page)*pageBytes/bytes)
	}
	return min(2*size, mostEntries)
}

// entries returns a page of what q selects, and where the wallet stands.
func (s *Store) entries(ctx context.Context, q *store.Query, size int) (page []store.Entry, last uint64, err error) {
	text, args := s.selectEntries(q, size)
	err = s.query(ctx, text, args, func(scan func(dest ...any) error) error {
		var e store.Entry
		var kind int64
		if err := scan(&e.Seq, &e.At, &kind, &e.Of, &e.Feature, &e.Body, &e.Note, &last); err != nil {
			return err
		}
		e.Kind = uint8(kind)
		if len(e.Note) == 0 {
			e.Note = nil
		}
		page = append(page, e)
		return nil
	})
	return page, last, err
}

// selectEntries returns the statement for a page of what q selects. What q does
// not ask for is not in it, so that the planner sees what is.
func (s *Store) selectEntries(q *store.Query, size int) (text string, args []any) {
	var sel selection
	sel.add("e.wallet = ?", q.Wallet)
	if q.After > 0 {
		sel.add("e.seq > ?::int8", int64(q.After))
	}
	if q.Through < math.MaxInt64 {
		sel.add("e.seq <= ?::int8", int64(q.Through))
	}
	if q.From != 0 {
		sel.add("e.at >= ?::int8", q.From)
	}
	if q.To != 0 {
		sel.add("e.at < ?::int8", q.To)
	}
	if q.Of != 0 {
		sel.add("e.of_ <> 0 AND e.of_ = ?::int8", int64(q.Of))
	}
	if q.Feature != "" {
		sel.add("e.feature <> '' AND e.feature = ?", q.Feature)
	}
	switch {
	case len(q.Kinds) == 1:
		sel.add("e.kind = ?::int2", int64(q.Kinds[0]))
	case len(q.Kinds) > 1:
		var kinds list
		for _, k := range q.Kinds {
			kinds.addInt(int64(k))
		}
		sel.add("e.kind = ANY (?::text::int2[])", kinds.String())
	}
	order := "e.seq"
	if q.Newest {
		order = "e.seq DESC"
	}
	sel.args = append(sel.args, int64(size))
	return s.text.named(`SELECT e.seq, e.at, e.kind, e.of_, e.feature, e.body,
	(SELECT n.note FROM {notes} n WHERE n.wallet = e.wallet AND n.seq = e.seq),
	(SELECT w.seq FROM {wallets} w WHERE w.id = $1)
FROM {entries} e
WHERE ` + strings.Join(sel.where, " AND ") + `
ORDER BY ` + order + fmt.Sprintf(" LIMIT $%d::int8", len(sel.args))), sel.args
}

// Heads implements [store.Store]. It reads page by page, and holds nothing of
// the database between them.
func (s *Store) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(store.Head{}, err)
			return
		}
		f := f // ranged over again, it begins anew
		if !valid(f.After) {
			return
		}
		size, left := firstHeads, f.Limit
		if left <= 0 {
			left = math.MaxInt
		}
		for left > 0 {
			page, err := s.heads(ctx, &f, min(size, left))
			if err != nil {
				yield(store.Head{}, err)
				return
			}
			for i := range page {
				if err := ctx.Err(); err != nil {
					yield(store.Head{}, err)
					return
				}
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < min(size, left) {
				return
			}
			left -= len(page)
			f.After = page[len(page)-1].Wallet
			size = min(4*size, mostHeads)
		}
	}
}

// heads returns a page of what f selects.
func (s *Store) heads(ctx context.Context, f *store.Filter, size int) (page []store.Head, err error) {
	text, args := s.selectHeads(f, size)
	err = s.query(ctx, text, args, func(scan func(dest ...any) error) error {
		var h store.Head
		if err := scan(&h.Wallet, &h.Seq, &h.Fed, &h.Due); err != nil {
			return err
		}
		page = append(page, h)
		return nil
	})
	return page, err
}

func (s *Store) selectHeads(f *store.Filter, size int) (text string, args []any) {
	var sel selection
	sel.add("w.id > ?", f.After)
	if f.Due != 0 {
		sel.add("w.due <> 0 AND w.due <= ?::int8", f.Due)
	}
	if f.Pending {
		sel.where = append(sel.where, "w.pending")
	}
	sel.args = append(sel.args, int64(size))
	return s.text.named(`SELECT w.id, w.seq, w.fed, w.due FROM {wallets} w
WHERE ` + strings.Join(sel.where, " AND ") + fmt.Sprintf("\nORDER BY w.id LIMIT $%d::int8", len(sel.args))), sel.args
}

// Ack implements [store.Store].
func (s *Store) Ack(ctx context.Context, wallet string, seq uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !named(wallet) {
		return nil
	}
	args := []any{wallet, int64(min(seq, math.MaxInt64))}
	if s.host != nil {
		return s.host.guarded(ctx, false, func() error {
			_, err := s.host.tx.Exec(ctx, s.text.ack, args)
			return err
		})
	}
	_, err := s.db.ExecContext(ctx, s.text.ack, args...)
	return err
}
