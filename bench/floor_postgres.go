package main

import (
	"context"
	"database/sql"
	"fmt"
)

// floorPostgres is the least that keeps a debit in PostgreSQL: a balance, a key
// and an entry, in one statement and one round trip. There are no lots.
type floorPostgres struct{ db *sql.DB }

const floorDebit = `WITH moved AS (
	UPDATE floor.wallets SET seq = seq + 1, remaining = remaining - 1 WHERE id = $1 AND remaining > 0 RETURNING id, seq
), used AS (
	INSERT INTO floor.keys SELECT id, $2 FROM moved
)
INSERT INTO floor.entries SELECT id, seq, $3 FROM moved`

func newFloorPostgres(ctx context.Context, db *sql.DB, wallets int) (*floorPostgres, error) {
	err := execAll(ctx, db,
		"CREATE SCHEMA floor",
		`CREATE TABLE floor.wallets (id text COLLATE "C" PRIMARY KEY, seq bigint, remaining bigint) WITH (fillfactor = 70)`,
		`CREATE TABLE floor.keys (wallet text COLLATE "C", key text COLLATE "C", PRIMARY KEY (wallet, key))`,
		`CREATE TABLE floor.entries (wallet text COLLATE "C", seq bigint, body bytea, PRIMARY KEY (wallet, seq))`,
		fmt.Sprintf(`INSERT INTO floor.wallets SELECT 'wallet-' || lpad(n::text, 7, '0'), 0, 1::int8 << 60
			FROM generate_series(0, %d) n`, wallets-1),
	)
	return &floorPostgres{db}, err
}

func (f *floorPostgres) debits(callers, wallets int) op {
	all := newCallers(callers, fmt.Sprintf("run%d", runs.Add(1)))
	body := make([]byte, 128)
	return func(ctx context.Context, n int) error {
		c := &all[n]
		id := walletName(c.rng.IntN(wallets))
		return one(f.db.ExecContext(ctx, floorDebit, string(id), string(c.keys.next()), body))
	}
}

// one returns an error unless a statement changed one row.
func one(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows were changed, not 1", n)
	}
	return err
}

// execAll runs statements, one after another.
func execAll(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, text := range statements {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
	}
	return nil
}

// resetFloorPostgres makes wallets, and returns what resets those of a range of names.
func resetFloorPostgres(ctx context.Context, s *server, wallets int) (func(ctx context.Context, from, to string) error, error) {
	err := execAll(ctx, s.db,
		"CREATE SCHEMA resets",
		`CREATE TABLE resets.wallets (id text COLLATE "C" PRIMARY KEY, seq bigint, body bytea) WITH (fillfactor = 70)`,
		`CREATE TABLE resets.entries (wallet text COLLATE "C", seq bigint, body bytea, PRIMARY KEY (wallet, seq))`,
		fmt.Sprintf(`INSERT INTO resets.wallets SELECT 'wallet-' || lpad(n::text, 7, '0'), 0, decode(repeat('00', 300), 'hex')
			FROM generate_series(0, %d) n`, wallets-1),
	)
	if err == nil {
		err = s.settle(ctx)
	}
	text := fmt.Sprintf(`WITH moved AS (
		UPDATE resets.wallets SET seq = seq + %[1]d, body = $3 WHERE id >= $1 AND id < $2 RETURNING id, seq
	)
	INSERT INTO resets.entries SELECT moved.id, moved.seq - n, $4 FROM moved, generate_series(0, %[1]d - 1) n`, resetEntries)
	return func(ctx context.Context, from, to string) error {
		_, err := s.db.ExecContext(ctx, text, from, to, make([]byte, 300), make([]byte, 100))
		return err
	}, err
}
