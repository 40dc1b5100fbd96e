package postgres

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"example.com/credits/store"
	"example.com/credits/store/internal/paged"
)

// How many rows a page of an iterator has: the first, and the most. A page of
// entries that took more than pageBytes is followed by a smaller one. Of wallets the
// first has as many as are asked for, if that is said.
const (
	firstEntries = 256
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

// add adds conditions.
func (q *selection) add(where ...string) { q.where = append(q.where, where...) }

// filter adds a condition of which the planner makes nothing: no index serves it, and it
// is taken for one that most rows meet, so that none thinks of sorting few.
func (q *selection) filter(where string) { q.add("CASE WHEN " + where + " THEN 1 END IS NOT NULL") }

// arg adds a parameter, and returns what stands for it, without the planner seeing it: see texts.
func (q *selection) arg(arg any) string {
	q.args = append(q.args, arg)
	kind := "int8"
	if _, ok := arg.(string); ok {
		kind = "text"
	}
	return fmt.Sprintf("(SELECT $%d::%s)", len(q.args), kind)
}

// Entries implements [store.Store]. It reads page by page, and holds nothing of
// the database between them; entries that are kept after the first page are not yielded.
func (s *Store) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	q.Kinds = slices.Clone(q.Kinds)
	return paged.All(ctx, func() paged.Reader[store.Entry] {
		p := pages{Store: s, q: q, size: firstEntries, left: q.Limit}
		if q.Limit <= 0 {
			p.left = math.MaxInt
		}
		if q.Through == 0 || q.Through > math.MaxInt64 {
			p.q.Through = math.MaxInt64
		}
		return p.next
	})
}

// pages is the way of a query through a history.
type pages struct {
	*Store
	q    store.Query // what is left of it
	size int         // of the next page
	left int         // entries that may follow
}

// next reads a page, and reports whether more may follow. Its error may be
// [store.ErrPruned], of entries that come next or after the page.
func (p *pages) next(ctx context.Context) (page []store.Entry, more bool, err error) {
	q := p.q
	if !named(q.Wallet) || q.Feature != "" && !named(q.Feature) || q.After > math.MaxInt64 || q.Of > math.MaxInt64 {
		return nil, false, nil
	}
	size := min(p.size, p.left)
	page, last, c, err := p.entries(ctx, &q, size)
	if err != nil {
		return nil, false, err
	}
	if more = len(page) == size; more {
		bytes := 0
		for i := range page {
			bytes += len(page[i].Body) + len(page[i].Note)
		}
		p.size = nextSize(size, bytes)
		end := page[size-1].Seq
		if q.Newest {
			p.q.Through = end - 1
			more = end > 1
		} else {
			p.q.After, p.q.Through = end, min(q.Through, last)
		}
	}
	page, more, err = paged.Unpruned(q, c, page, more, p.left)
	p.left -= len(page)
	return page, more && p.left > 0, err
}

// nextSize returns how many rows to read after a page of some that took some bytes.
func nextSize(size, bytes int) int {
	if bytes > pageBytes {
		return max(1, size*pageBytes/bytes)
	}
	return min(2*size, mostEntries)
}

// entries returns a page of what q selects, where the wallet stands, and its
// checkpoint without the body.
func (s *Store) entries(ctx context.Context, q *store.Query, size int) (page []store.Entry, last uint64, c store.Checkpoint, err error) {
	text, args := s.selectEntries(q, size)
	err = s.query(ctx, text, args, func(scan func(dest ...any) error) error {
		var e store.Entry
		var kind int64
		if err := scan(&last, &c.Seq, &c.At, &e.Seq, &e.At, &kind, &e.Of, &e.Feature, &e.Body, &e.Note); err != nil {
			return err
		}
		if kind == 0 { // there is none
			return nil
		}
		e.Kind = uint8(kind)
		if len(e.Note) == 0 {
			e.Note = nil
		}
		page = append(page, e)
		return nil
	})
	return page, last, c, err
}

// position begins the statement for a page: where the wallet stands, and its
// checkpoint, are there also if the page is empty.
const position = `SELECT w.seq, coalesce(w.pruned, 0), CASE WHEN w.pruned IS NULL THEN 0
	ELSE (SELECT c.at FROM {checkpoints} c WHERE c.wallet = w.id) END,
	coalesce(e.seq, 0), coalesce(e.at, 0), coalesce(e.kind, 0), coalesce(e.of_, 0), coalesce(e.feature, ''), e.body, e.note
FROM {wallets} w LEFT JOIN LATERAL (
`

// mergedKinds is how many kinds are looked up in the index of kinds, one by one.
// Where a query has more, it most likely wants most of the entries.
const mergedKinds = 8

// selectEntries returns the statement for a page of what q selects. What q does
// not ask for is not in it, so that the planner sees what is.
//
// A page costs the same in a long history as in a short one: it is read in order
// of Seq from one index, between two Seqs. Which index is not left to the planner,
// who knows what suits most wallets: times are turned into Seqs, and the order of
// seq + 0 is that of the indexes that have it so, and of no other.
func (s *Store) selectEntries(q *store.Query, size int) (text string, args []any) {
	var sel selection
	wallet, after, through, limit := sel.arg(q.Wallet), sel.arg(int64(q.After)), sel.arg(int64(q.Through)), sel.arg(int64(size))
	sel.add("e.wallet = " + wallet)
	if q.From != 0 {
		at := sel.arg(q.From)
		sel.filter("e.at >= " + at)
		after = fmt.Sprintf("greatest(%s, (%s))", after, fmt.Sprintf(lastBefore, wallet, at))
	}
	if q.To != 0 {
		at := sel.arg(q.To)
		sel.filter("e.at < " + at)
		through = fmt.Sprintf("least(%s, (%s))", through, fmt.Sprintf(lastBefore, wallet, at))
	}
	seq, merged := sel.lead(q)
	sel.add(seq+" > "+after, seq+" <= "+through)
	direction := ""
	if q.Newest {
		direction = " DESC"
	}
	const columns = "SELECT e.seq, e.at, e.kind, e.of_, e.feature, e.body,\n" +
		"\t(SELECT n.note FROM {notes} n WHERE n.wallet = e.wallet AND n.seq = e.seq) AS note\n"
	order := "ORDER BY e.seq" + direction
	page := "FROM {entries} e\nWHERE " + strings.Join(sel.where, " AND ") + "\nORDER BY " + seq + direction + " LIMIT " + limit
	if merged == "" {
		return s.text.named(position + columns + page + "\n) e ON true WHERE w.id = $1 " + order), sel.args
	}
	return s.text.named("WITH s AS MATERIALIZED (\nSELECT e.seq FROM unnest(" + merged + ") AS k(kind), LATERAL (\nSELECT e.seq " + page + "\n) e\n" +
		order + " LIMIT " + limit + "\n)\n" + position + columns + "FROM s, LATERAL (SELECT * FROM {entries} e WHERE e.wallet = w.id AND e.seq = s.seq OFFSET 0) e\n" +
		") e ON true WHERE w.id = $1 " + order), sel.args
}

// lead adds the conditions of which one leads to an index, and returns how that
// index has the Seq. With merged, an array of kinds, a page of each k.kind is to be read.
func (q *selection) lead(of *store.Query) (seq, merged string) {
	seq = "(e.seq + 0)"
	kinds := slices.Compact(slices.Sorted(slices.Values(of.Kinds)))
	var l list
	for _, k := range kinds {
		l.addInt(int64(k))
	}
	switch {
	case of.Of != 0:
		q.add("e.of_ <> 0", "e.of_ = "+q.arg(int64(of.Of)))
		if of.Feature != "" {
			q.filter("e.feature = " + q.arg(of.Feature))
		}
	case of.Feature != "":
		q.add("e.feature <> ''", "e.feature = "+q.arg(of.Feature))
	case len(kinds) == 1:
		q.add("e.kind = " + q.arg(int64(kinds[0])))
		return seq, ""
	case 0 < len(kinds) && len(kinds) <= mergedKinds:
		q.add("e.kind = k.kind")
		return seq, q.arg(l.String()) + "::int2[]"
	default:
		seq = "e.seq"
	}
	if len(kinds) > 0 {
		q.filter("e.kind = ANY (" + q.arg(l.String()) + "::int2[])")
	}
	return seq, ""
}

// lastBefore is the last entry of a wallet before an instant. Where the times of a wallet's entries
// are in order, as a ledger's are, it is found by halving; where they are not, or all
// were pruned, there is none.
const lastBefore = `WITH RECURSIVE b (lo, hi) AS (
		SELECT (SELECT t.seq - 1 FROM {entries} t WHERE t.wallet = %[1]s ORDER BY t.seq LIMIT 1), w.seq
		FROM {wallets} w WHERE w.id = %[1]s AND w.back = 0
		UNION ALL
		SELECT CASE WHEN t.at < %[2]s THEN t.seq ELSE b.lo END, CASE WHEN t.at < %[2]s THEN b.hi ELSE t.seq - 1 END
		FROM b, LATERAL (SELECT t.seq, t.at FROM {entries} t WHERE t.wallet = %[1]s AND t.seq = b.lo + (b.hi - b.lo + 1) / 2 OFFSET 0) t
		WHERE b.lo < b.hi
	) SELECT b.lo FROM b WHERE b.lo >= b.hi`

// Heads implements [store.Store]. It reads page by page, and holds nothing of
// the database between them.
func (s *Store) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return paged.All(ctx, func() paged.Reader[store.Head] {
		f, size, left := f, mostHeads, f.Limit
		if left <= 0 {
			size, left = firstHeads, math.MaxInt
		}
		return func(ctx context.Context) ([]store.Head, bool, error) {
			if !valid(f.After) {
				return nil, false, nil
			}
			limit := min(size, left)
			page, err := s.heads(ctx, &f, limit)
			if err != nil || len(page) < limit {
				return page, false, err
			}
			left -= limit
			f.After = page[limit-1].Wallet
			size = min(4*size, mostHeads)
			return page, left > 0, nil
		}
	})
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

// fewDue is how many wallets that are due are picked out for each page. Where
// there are more, a page is read in order of name, passing over those that are not due.
const fewDue = 2048

// selectHeads returns the statement for a page of what f selects. Of a range and a limit
// that it cannot see the planner thinks that both are small, and reads those that
// are due in the order of the index that has them: of what it sees it would guess how many they are.
func (s *Store) selectHeads(f *store.Filter, size int) (text string, args []any) {
	var sel selection
	after, limit := sel.arg(f.After), sel.arg(int64(size))
	sel.add("w.id > " + after)
	if f.Pending {
		sel.add("w.pending")
	}
	const columns = "SELECT w.id, w.seq, w.fed, w.due FROM "
	page := func() string {
		return columns + "{wallets} w\nWHERE " + strings.Join(sel.where, " AND ") + "\nORDER BY w.id LIMIT " + limit
	}
	if f.Due == 0 {
		return s.text.named(page()), sel.args
	}
	due, most := sel.arg(f.Due), sel.arg(int64(fewDue))
	few := columns + "d AS w WHERE " + strings.Join(sel.where, " AND ") + " AND (SELECT count(*) FROM d) <= " + most
	sel.filter("w.due <> 0 AND w.due <= " + due)
	sel.add("(SELECT count(*) FROM d) > " + most)
	return s.text.named(`WITH d AS MATERIALIZED (
	SELECT w.id, w.seq, w.fed, w.due, w.pending FROM {wallets} w
	WHERE w.due <> 0 AND w.due > (SELECT 0::int8) AND w.due <= ` + due + ` ORDER BY w.due, w.id LIMIT ` + most + ` + 1
)
SELECT w.id, w.seq, w.fed, w.due FROM (
` + few + "\nUNION ALL\n(" + page() + ")\n) w ORDER BY w.id LIMIT " + limit), sel.args
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
