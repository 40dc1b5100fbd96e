package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
)

// statement is one of those that are prepared once.
type statement int

const (
	loadWallet statement = iota
	loadReceipt
	findWallet
	moveWallet
	makeWallet
	markWallet
	putPart
	dropPart
	putEntry
	putNote
	blankNote
	dropNote
	putReceipt
	ackWallet
	lockAll
	timeline
	lastBefore
	loadCheckpoint
	findCheckpoint
	pruneWallet
	putCheckpoint
	firstEntry
	pruneEntries
	pruneNotes
	nextReceipts
	pruneReceipts
	pruneDigests
	restoreWallet
	loadDigests
	digestWallet
	putDigest
	markErased
	blankDigests
	dropDigests
	beginWrite
	endWrite
	undoWrite
	statements
)

// texts are the statements of a store, with its prefix.
type texts struct {
	prefix string
	of     [statements]string
}

func newTexts(prefix string) *texts {
	t := &texts{prefix: prefix}
	t.of = [statements]string{
		// The wallet, its parts and what is kept under a key, as one statement sees them: of one commit.
		loadWallet: `SELECT -1, no, seq, mark, iif(seq = ?2, NULL, head) FROM credits_wallets WHERE id = ?1
			UNION ALL
			SELECT p.id, 0, 0, 0, p.body FROM credits_wallets w JOIN credits_parts p ON p.wallet = w.no
			WHERE w.id = ?1 AND w.seq <> ?2 AND p.id <= ?3
			UNION ALL
			SELECT -2, 0, 0, 0, r.body FROM credits_wallets w JOIN credits_receipts r ON r.wallet = w.no AND r.key = ?4
			WHERE ?4 <> '' AND w.id = ?1`,
		loadReceipt: `SELECT body FROM credits_receipts WHERE wallet = ?1 AND key = ?2`,
		findWallet:  `SELECT no, seq, mark FROM credits_wallets WHERE id = ?1`,

		// What is indexed is not written here, which would cost a page for each
		// index, but by markWallet where it differs.
		moveWallet: `UPDATE credits_wallets
			SET seq = ?3, head = coalesce(?4, head), back = iif(?5 OR ?6 < late, ?3, back), late = max(late, ?7), mark = ?10
			WHERE id = ?1 AND seq = ?2 AND mark = ?9
				AND NOT EXISTS (SELECT 1 FROM credits_receipts r WHERE r.wallet = credits_wallets.no AND r.key = ?8)
			RETURNING no, due, pending`,
		makeWallet: `INSERT INTO credits_wallets (id, seq, head, back, late, due, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (id) DO NOTHING RETURNING no`,
		markWallet: `UPDATE credits_wallets SET due = ?2, pending = 1 WHERE no = ?1`,

		putPart: `INSERT INTO credits_parts (wallet, id, body) VALUES (?1, ?2, ?3)
			ON CONFLICT (wallet, id) DO UPDATE SET body = excluded.body`,
		dropPart:   `DELETE FROM credits_parts WHERE wallet = ?1 AND id = ?2`,
		putEntry:   `INSERT INTO credits_entries (wallet, seq, at, kind, of, feature, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
		putNote:    `INSERT INTO credits_notes (wallet, seq, body) VALUES (?1, ?2, ?3)`,
		blankNote:  `UPDATE credits_notes SET body = zeroblob(length(body)) WHERE wallet = ?1 AND seq = ?2`,
		dropNote:   `DELETE FROM credits_notes WHERE wallet = ?1 AND seq = ?2`,
		putReceipt: `INSERT INTO credits_receipts (wallet, key, seq, body) VALUES (?1, ?2, ?3, ?4)`,
		ackWallet: `UPDATE credits_wallets SET fed = min(?2, seq), pending = (min(?2, seq) < seq)
			WHERE id = ?1 AND fed < min(?2, seq)`,

		// Changes nothing, and takes the lock that a change takes.
		lockAll: `UPDATE credits_wallets SET seq = seq WHERE no < 0`,

		timeline: `SELECT no, seq, back FROM credits_wallets WHERE id = ?1`,

		// The last entry before an instant, where no entry's time is before that of
		// an earlier one, by halving.
		lastBefore: `WITH RECURSIVE b (lo, hi) AS (
				SELECT (SELECT min(seq) - 1 FROM credits_entries WHERE wallet = ?1), ?3
				UNION ALL
				SELECT iif(e.at < ?2, e.seq, b.lo), iif(e.at < ?2, b.hi, e.seq - 1)
				FROM b CROSS JOIN credits_entries e ON e.wallet = ?1 AND e.seq = b.lo + (b.hi - b.lo + 1) / 2
				WHERE b.lo < b.hi
			)
			SELECT lo FROM b WHERE lo >= hi`,

		beginWrite: `BEGIN IMMEDIATE`,
		endWrite:   `COMMIT`,
		undoWrite:  `ROLLBACK`,
	}
	t.addOptional()
	for i := range t.of {
		t.of[i] = t.named(t.of[i])
	}
	return t
}

// named returns a statement with the store's prefix. A parameter stands with a plus,
// which does nothing but keep its value from the planner. SQLite plans a statement anew
// whenever a value that the planner looked at is bound again, which takes longer than to carry it out.
func (t *texts) named(text string) string {
	return strings.NewReplacer(defaultPrefix, t.prefix, "?", "+?").Replace(text)
}

// session is the statements as prepared in one place: on a pool, on one
// connection, or in a transaction.
type session struct {
	text    *texts
	prepare func(ctx context.Context, text string) (*sql.Stmt, error)
	mu      sync.Mutex
	stmts   [statements]*sql.Stmt
}

func newSession(text *texts, prepare func(context.Context, string) (*sql.Stmt, error)) *session {
	return &session{text: text, prepare: prepare}
}

// get returns a statement, prepared.
func (s *session) get(ctx context.Context, id statement) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stmts[id] == nil {
		stmt, err := s.prepare(ctx, s.text.of[id])
		if err != nil {
			return nil, err
		}
		s.stmts[id] = stmt
	}
	return s.stmts[id], nil
}

// all prepares every statement.
func (s *session) all(ctx context.Context) error {
	for id := range statements {
		if _, err := s.get(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, stmt := range s.stmts {
		if stmt != nil {
			err = errors.Join(err, stmt.Close())
		}
	}
	s.stmts = [statements]*sql.Stmt{}
	s.prepare = func(context.Context, string) (*sql.Stmt, error) { return nil, errClosed }
	return err
}

var errClosed = errors.New("the store is closed")

// exec runs a statement that returns no rows.
func (s *session) exec(ctx context.Context, id statement, args ...any) error {
	stmt, err := s.get(ctx, id)
	if err == nil {
		_, err = stmt.ExecContext(ctx, args...)
	}
	return err
}

// row runs a statement that returns at most one row, and reports whether it did.
func (s *session) row(ctx context.Context, id statement, args []any, into ...any) (bool, error) {
	stmt, err := s.get(ctx, id)
	if err != nil {
		return false, err
	}
	switch err := stmt.QueryRowContext(ctx, args...).Scan(into...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}
