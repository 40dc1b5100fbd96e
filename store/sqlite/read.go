package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"example.com/credits/store"
	"example.com/credits/store/internal/paged"
)

// What one page holds at most; one of a large body goes beyond it by that one.
const (
	pageRows  = 256
	pageBytes = 1 << 20
)

// Entries implements [store.Store]. It reads page by page, and holds nothing
// between them.
func (s *Store) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	q.Kinds = slices.Compact(slices.Sorted(slices.Values(q.Kinds)))
	return paged.All(ctx, func() paged.Reader[store.Entry] {
		p := pages{Store: s, q: q, seen: q.After, left: q.Limit}
		if q.Limit <= 0 {
			p.left = math.MaxInt
		}
		return p.next
	})
}

// pages is the way of a query through a history.
type pages struct {
	*Store
	q    store.Query
	left int   // entries that may follow
	no   int64 // the wallet's number; 0 before it is known

	after, through int64  // what is left of the Seqs
	seen           uint64 // the last Seq that was read, where the order is not descending; at first that of the query's After
}

// next reads a page, and reports whether more may follow. Its error is
// [store.ErrPruned] where pruned entries come next, or after the page.
func (p *pages) next(ctx context.Context) (page []store.Entry, more bool, err error) {
	var pruned error
	err = p.reading(ctx, func(ctx context.Context, in *session, query queryFunc) error {
		if p.no == 0 {
			if there, err := p.begin(ctx, in); err != nil || !there {
				return err
			}
		}
		if page, more, err = p.read(ctx, query); err != nil {
			return err
		}
		// It is read after the page: before there is one, no entry goes.
		var c store.Checkpoint
		if there, err := in.row(ctx, findCheckpoint, []any{p.no}, &c.Seq, &c.At); err != nil || !there {
			return err
		}
		left := p.q
		if !left.Newest {
			left.After = p.seen
		}
		page, more, pruned = paged.Unpruned(left, c, page, more, p.left)
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("sqlite: entries: %w", err)
	}
	p.left -= len(page)
	if len(page) > 0 && !p.q.Newest {
		p.seen = page[len(page)-1].Seq
	}
	return page, more && p.left > 0, pruned
}

// begin finds the wallet, and where in it the query begins and ends.
func (p *pages) begin(ctx context.Context, in *session) (bool, error) {
	var seq, back int64
	there, err := in.row(ctx, timeline, []any{p.q.Wallet}, &p.no, &seq, &back)
	if err != nil || !there {
		return false, err
	}
	if p.q.Of > math.MaxInt64 {
		return false, fmt.Errorf("of %d is over 1<<63 - 1", p.q.Of)
	}
	p.after, p.through = number(p.q.After), seq
	if p.q.Through > 0 {
		p.through = min(p.through, number(p.q.Through))
	}
	if back != 0 { // the times are in no order: they are looked at one by one
		return true, nil
	}
	for _, bound := range []struct {
		at int64
		is func(last int64)
	}{
		{p.q.From, func(last int64) { p.after = max(p.after, last) }},
		{p.q.To, func(last int64) { p.through = min(p.through, last) }},
	} {
		if bound.at == 0 {
			continue
		}
		var last int64
		there, err := in.row(ctx, lastBefore, []any{p.no, bound.at, seq}, &last)
		if err != nil {
			return false, err
		}
		if there { // not all were pruned
			bound.is(last)
		}
	}
	return true, nil
}

// read reads a page from where the last one ended.
func (p *pages) read(ctx context.Context, query queryFunc) (page []store.Entry, more bool, err error) {
	limit := min(p.left, pageRows)
	text, args := p.text.entries(&p.q, p.no, p.after, p.through, limit)
	rows, err := query(ctx, text, args...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for size := 0; size < pageBytes && rows.Next(); {
		var e store.Entry
		var seq, of int64
		if err := rows.Scan(&seq, &e.At, &e.Kind, &of, &e.Feature, &e.Body, &e.Note); err != nil {
			return nil, false, err
		}
		e.Seq, e.Of = uint64(seq), uint64(of)
		size += len(e.Body) + len(e.Note)
		page = append(page, e)
		if p.q.Newest {
			p.through = seq - 1
		} else {
			p.after = seq
		}
		more = len(page) == limit || size >= pageBytes
	}
	return page, more, rows.Err()
}

// mergedKinds is how many kinds are looked up in the index of kinds. Where a
// query has more, it most likely wants most of the entries.
const mergedKinds = 8

// entries returns the statement that reads a page, and its arguments. Which index
// it uses is not left to chance.
func (t *texts) entries(q *store.Query, no, after, through int64, limit int) (string, []any) {
	b := queryText{args: []any{no, after, through, limit}}
	order := " ORDER BY e.seq"
	if q.Newest {
		order += " DESC"
	}
	var rest []string
	if q.From != 0 {
		rest = append(rest, "e.at >= "+b.arg(q.From))
	}
	if q.To != 0 {
		rest = append(rest, "e.at < "+b.arg(q.To))
	}
	index, lead := "", ""
	if q.Of != 0 {
		index, lead = "credits_entries_of", "e.of > 0 AND e.of = "+b.arg(int64(q.Of))
	}
	if q.Feature != "" {
		is := "e.feature = " + b.arg(q.Feature)
		if index == "" {
			index, lead = "credits_entries_feature", "e.feature > '' AND "+is
		} else {
			rest = append(rest, is)
		}
	}
	const columns = "e.seq, e.at, e.kind, e.of, e.feature, e.body, n.body"
	const notes = " LEFT JOIN credits_notes n ON n.wallet = e.wallet AND n.seq = e.seq"
	if index == "" && 0 < len(q.Kinds) && len(q.Kinds) <= mergedKinds {
		arms := make([]string, len(q.Kinds))
		for i, kind := range q.Kinds {
			arms[i] = "SELECT e.seq FROM " + b.where("credits_entries_kind", "e.kind = "+b.arg(int64(kind)), rest)
		}
		seqs := strings.Join(arms, " UNION ALL ") + strings.ReplaceAll(order, "e.seq", "1") + " LIMIT ?4"
		return t.named("WITH s (seq) AS MATERIALIZED (" + seqs + ") SELECT " + columns +
			" FROM s CROSS JOIN credits_entries e ON e.wallet = ?1 AND e.seq = s.seq" + notes), b.args
	}
	if len(q.Kinds) > 0 {
		kinds := make([]string, len(q.Kinds))
		for i, kind := range q.Kinds {
			kinds[i] = b.arg(int64(kind))
		}
		rest = append(rest, "e.kind IN ("+strings.Join(kinds, ", ")+")")
	}
	where := b.where(index, lead, rest)
	if at := strings.Index(where, " WHERE "); at >= 0 {
		where = where[:at] + notes + where[at:]
	}
	return t.named("SELECT " + columns + " FROM " + where + order + " LIMIT ?4"), b.args
}

// queryText is a statement in the making.
type queryText struct {
	args []any
}

// arg adds an argument, and returns what stands for it.
func (b *queryText) arg(v any) string {
	b.args = append(b.args, v)
	return fmt.Sprintf("?%d", len(b.args))
}

// where returns a table's entries that meet the conditions, by an index.
func (b *queryText) where(index, lead string, rest []string) string {
	text := "credits_entries e"
	if index != "" {
		text += " INDEXED BY " + index
	} else {
		text += " NOT INDEXED" // by its primary key, that is
	}
	conditions := []string{"e.wallet = ?1", "e.seq > ?2", "e.seq <= ?3"}
	if lead != "" {
		conditions = append(conditions, lead)
	}
	return text + " WHERE " + strings.Join(append(conditions, rest...), " AND ")
}

// queryFunc asks for rows.
type queryFunc func(ctx context.Context, text string, args ...any) (*sql.Rows, error)

// reading calls f where the store reads.
func (s *Store) reading(ctx context.Context, f func(context.Context, *session, queryFunc) error) error {
	if s.host == nil {
		return f(ctx, s.reads, s.db.QueryContext)
	}
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	return f(context.WithoutCancel(ctx), s.host.session, s.host.tx.QueryContext)
}

// Heads implements [store.Store]. It reads page by page, and holds nothing
// between them.
func (s *Store) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return paged.All(ctx, func() paged.Reader[store.Head] {
		left, after := f.Limit, f.After
		if f.Limit <= 0 {
			left = math.MaxInt
		}
		return func(ctx context.Context) ([]store.Head, bool, error) {
			limit := min(left, pageRows)
			page, err := s.headPage(ctx, f, after, limit)
			if err != nil || len(page) < limit {
				return page, false, err
			}
			left -= limit
			after = page[len(page)-1].Wallet
			return page, left > 0, nil
		}
	})
}

// fewDue is how many wallets that are due are sorted for each page. Where there
// are more, a page is read in order of name, passing over those that are not due.
const fewDue = 4096

func (s *Store) headPage(ctx context.Context, f store.Filter, after string, limit int) (page []store.Head, err error) {
	err = s.reading(ctx, func(ctx context.Context, _ *session, query queryFunc) error {
		index := allHeads
		switch {
		case f.Due != 0:
			few, err := s.few(ctx, query, f.Due)
			if err != nil {
				return err
			}
			if few {
				index = dueHeads
			} else if f.Pending {
				index = pendingHeads
			}
		case f.Pending:
			index = pendingHeads
		}
		text, args := s.text.heads(f, index, after, limit)
		rows, err := query(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var h store.Head
			var seq, fed int64
			if err := rows.Scan(&h.Wallet, &seq, &fed, &h.Due); err != nil {
				return err
			}
			h.Seq, h.Fed = uint64(seq), uint64(fed)
			page = append(page, h)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: heads: %w", err)
	}
	return page, nil
}

// few reports whether few wallets are due.
func (s *Store) few(ctx context.Context, query queryFunc, due int64) (bool, error) {
	rows, err := query(ctx, s.text.named(countDue), due, fewDue+1)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	n := 0
	if !rows.Next() {
		return false, errors.Join(errors.New("no count"), rows.Err())
	}
	if err := rows.Scan(&n); err != nil {
		return false, err
	}
	return n <= fewDue, rows.Err()
}

const countDue = `SELECT count(*) FROM (SELECT 1 FROM credits_wallets INDEXED BY credits_wallets_due WHERE due > 0 AND due <= ?1 LIMIT ?2)`

// The ways to find wallets.
const (
	allHeads     = "sqlite_autoindex_credits_wallets_1"
	dueHeads     = "credits_wallets_due"
	pendingHeads = "credits_wallets_pending"
)

// heads returns the statement that reads a page by one of the indexes, and its arguments.
func (t *texts) heads(f store.Filter, index, after string, limit int) (string, []any) {
	b := queryText{args: []any{after, limit}}
	text := "SELECT id, seq, fed, due FROM credits_wallets INDEXED BY " + index + " WHERE id > ?1"
	if f.Due != 0 {
		text += " AND due > 0 AND due <= " + b.arg(f.Due)
	}
	if f.Pending {
		text += " AND pending = 1"
	}
	return t.named(text + " ORDER BY id LIMIT ?2"), b.args
}
