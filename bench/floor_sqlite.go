package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
)

// floorSQLite is the least that keeps a debit in SQLite: one UPDATE and one INSERT in
// a transaction, prepared, on one connection. The database has synchronous=FULL.
type floorSQLite struct {
	conn                          *sql.Conn
	begin, update, insert, commit *sql.Stmt
	seq                           int64
	body, entry                   []byte
}

func newFloorSQLite(ctx context.Context, db *sql.DB, wallets int) (f *floorSQLite, err error) {
	f = &floorSQLite{body: make([]byte, 300), entry: make([]byte, 128)}
	if f.conn, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	for _, text := range []string{
		"CREATE TABLE floor_wallets (id TEXT PRIMARY KEY, seq INTEGER, body BLOB) WITHOUT ROWID",
		"CREATE TABLE floor_entries (id TEXT, seq INTEGER, body BLOB, PRIMARY KEY (id, seq)) WITHOUT ROWID",
		fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)
			INSERT INTO floor_wallets SELECT printf('wallet-%%07d', i), 0, zeroblob(300) FROM n`, wallets),
	} {
		if _, err := f.conn.ExecContext(ctx, text); err != nil {
			return nil, errors.Join(err, f.conn.Close())
		}
	}
	for _, p := range []struct {
		text string
		into **sql.Stmt
	}{
		{"BEGIN IMMEDIATE", &f.begin},
		{"UPDATE floor_wallets SET seq = ?2, body = ?3 WHERE id = ?1", &f.update},
		{"INSERT INTO floor_entries VALUES (?1, ?2, ?3)", &f.insert},
		{"COMMIT", &f.commit},
	} {
		if *p.into, err = f.conn.PrepareContext(ctx, p.text); err != nil {
			return nil, errors.Join(err, f.conn.Close())
		}
	}
	return f, nil
}

// debits returns what one caller does.
func (f *floorSQLite) debits(wallets int) op {
	return f.batches(1, wallets)
}

// batches returns what makes so many debits, bulkBatch of them in a transaction.
func (f *floorSQLite) batches(debits, wallets int) op {
	rng := rand.New(rand.NewPCG(seedOfRuns, 0))
	return func(ctx context.Context, _ int) error {
		for left := debits; left > 0; left -= bulkBatch {
			if err := f.batch(ctx, min(left, bulkBatch), wallets, rng); err != nil {
				return err
			}
		}
		return nil
	}
}

func (f *floorSQLite) batch(ctx context.Context, debits, wallets int, rng *rand.Rand) error {
	if _, err := f.begin.ExecContext(ctx); err != nil {
		return err
	}
	for range debits {
		f.seq++
		id := string(walletName(rng.IntN(wallets)))
		if _, err := f.update.ExecContext(ctx, id, f.seq, f.body); err != nil {
			return err
		}
		if _, err := f.insert.ExecContext(ctx, id, f.seq, f.entry); err != nil {
			return err
		}
	}
	_, err := f.commit.ExecContext(ctx)
	return err
}

func (f *floorSQLite) close() error { return f.conn.Close() }

// resetFloorSQLite makes wallets, and returns what resets those of a range of names.
func resetFloorSQLite(ctx context.Context, db *sql.DB, wallets int) (func(ctx context.Context, from, to string) error, error) {
	db.SetMaxOpenConns(1)
	err := execAll(ctx, db,
		"CREATE TABLE wallets (id TEXT PRIMARY KEY, seq INTEGER, body BLOB) WITHOUT ROWID",
		"CREATE TABLE entries (id TEXT, seq INTEGER, body BLOB, PRIMARY KEY (id, seq)) WITHOUT ROWID",
		fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)
			INSERT INTO wallets SELECT printf('wallet-%%07d', i), 0, zeroblob(300) FROM n`, wallets),
		"PRAGMA wal_checkpoint(TRUNCATE)",
	)
	add := fmt.Sprintf(`INSERT INTO entries SELECT w.id, w.seq - n.i, zeroblob(100)
		FROM wallets w, (WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i - 1 FROM n WHERE i > 0) SELECT i FROM n) n
		WHERE w.id >= ?1 AND w.id < ?2`, resetEntries-1)
	return func(ctx context.Context, from, to string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		for _, text := range []string{fmt.Sprintf("UPDATE wallets SET seq = seq + %d, body = zeroblob(300) WHERE id >= ?1 AND id < ?2", resetEntries), add} {
			if _, err := tx.ExecContext(ctx, text, from, to); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		return tx.Commit()
	}, err
}
