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

// makeFloorPostgres makes the tables and wallets of the floor.
func makeFloorPostgres(ctx context.Context, db *sql.DB, wallets int) error {
	return execAll(ctx, db,
		"DROP SCHEMA IF EXISTS floor CASCADE",
		"CREATE SCHEMA floor",
		`CREATE TABLE floor.wallets (id text COLLATE "C" PRIMARY KEY, seq bigint, remaining bigint) WITH (fillfactor = 70)`,
		`CREATE TABLE floor.keys (wallet text COLLATE "C", key text COLLATE "C", PRIMARY KEY (wallet, key))`,
		`CREATE TABLE floor.entries (wallet text COLLATE "C", seq bigint, body bytea, PRIMARY KEY (wallet, seq))`,
		fmt.Sprintf(`INSERT INTO floor.wallets SELECT 'wallet-' || lpad(n::text, 7, '0'), 0, 1::int8 << 60
			FROM generate_series(0, %d) n`, wallets-1),
	)
}

func (f floorPostgres) debits(callers, wallets int) op {
	all := newCallers(callers, fmt.Sprintf("run%d", runs.Add(1)))
	body := make([]byte, 128)
	return func(ctx context.Context, n int) error {
		c := &all[n]
		id := walletName(c.rng.IntN(wallets))
		return one(f.db.ExecContext(ctx, floorDebit, string(id), string(c.keys.next()), body))
	}
}

// floorBatch is many debits in one statement: those of a wallet together.
const floorBatch = `WITH c AS (
	SELECT wallet, key, row_number() OVER (PARTITION BY wallet) AS n FROM unnest($1::text[], $2::text[]) AS c(wallet, key)
), moved AS (
	UPDATE floor.wallets w SET seq = w.seq + s.n, remaining = w.remaining - s.n
	FROM (SELECT wallet, count(*) AS n FROM c GROUP BY wallet) s WHERE w.id = s.wallet AND w.remaining >= s.n
	RETURNING w.id, w.seq - s.n AS before
), used AS (
	INSERT INTO floor.keys SELECT c.wallet, c.key FROM c JOIN moved ON moved.id = c.wallet
)
INSERT INTO floor.entries SELECT c.wallet, moved.before + c.n, $3 FROM c JOIN moved ON moved.id = c.wallet`

// batches returns what makes so many debits, bulkBatch of them in a statement.
func (f floorPostgres) batches(debits, wallets int) op {
	c := &newCallers(1, fmt.Sprintf("run%d", runs.Add(1)))[0]
	body := make([]byte, 128)
	return func(ctx context.Context, _ int) error {
		for left := debits; left > 0; left -= bulkBatch {
			var ids, keys []string
			for range min(left, bulkBatch) {
				ids, keys = append(ids, string(walletName(c.rng.IntN(wallets)))), append(keys, string(c.keys.next()))
			}
			if _, err := f.db.ExecContext(ctx, floorBatch, ids, keys, body); err != nil {
				return err
			}
		}
		return nil
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
