package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// naive is the debit that most would write: a transaction of eight statements,
// BEGIN and COMMIT included, that locks the wallet, reads its lots, and writes
// the lot, the balance and an entry with its key.
type naive struct{ db *sql.DB }

func newNaive(ctx context.Context, db *sql.DB, wallets int) (*naive, error) {
	err := execAll(ctx, db,
		"CREATE SCHEMA naive",
		`CREATE TABLE naive.wallets (id text COLLATE "C" PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 70)`,
		`CREATE TABLE naive.lots (id bigserial PRIMARY KEY, wallet text COLLATE "C" NOT NULL, remaining bigint NOT NULL,
			expires timestamptz NOT NULL, open boolean NOT NULL DEFAULT true) WITH (fillfactor = 70)`,
		"CREATE INDEX ON naive.lots (wallet, expires, id) WHERE open",
		`CREATE TABLE naive.entries (id bigserial PRIMARY KEY, wallet text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
			lot bigint NOT NULL, amount bigint NOT NULL, balance bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
			UNIQUE (wallet, key))`,
		fmt.Sprintf(`INSERT INTO naive.wallets SELECT 'wallet-' || lpad(n::text, 7, '0'), 1::int8 << 60
			FROM generate_series(0, %d) n`, wallets-1),
		`INSERT INTO naive.lots (wallet, remaining, expires) SELECT id, balance, now() + interval '1 year' FROM naive.wallets`,
	)
	return &naive{db}, err
}

func (b *naive) debits(callers, wallets int) op {
	all := newCallers(callers, fmt.Sprintf("run%d", runs.Add(1)))
	return func(ctx context.Context, n int) error {
		c := &all[n]
		return b.debit(ctx, string(walletName(c.rng.IntN(wallets))), string(c.keys.next()), 1)
	}
}

func (b *naive) debit(ctx context.Context, wallet, key string, amount int64) (err error) {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var used bool
	err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM naive.entries WHERE wallet = $1 AND key = $2)", wallet, key).Scan(&used)
	if err == nil && used {
		err = errors.New("naive: the key was used")
	}
	if err != nil {
		return err
	}
	var balance, lot, remaining int64
	err = tx.QueryRowContext(ctx, "SELECT balance FROM naive.wallets WHERE id = $1 FOR UPDATE", wallet).Scan(&balance)
	if err != nil {
		return err
	}
	err = tx.QueryRowContext(ctx, `SELECT id, remaining FROM naive.lots WHERE wallet = $1 AND open AND expires > now()
		ORDER BY expires, id LIMIT 1`, wallet).Scan(&lot, &remaining)
	if err != nil {
		return err
	}
	if balance < amount || remaining < amount {
		return errors.New("naive: not enough")
	}
	for _, step := range []struct {
		text string
		args []any
	}{
		{"UPDATE naive.lots SET remaining = remaining - $2 WHERE id = $1", []any{lot, amount}},
		{"UPDATE naive.wallets SET balance = balance - $2 WHERE id = $1", []any{wallet, amount}},
		{
			"INSERT INTO naive.entries (wallet, key, lot, amount, balance) VALUES ($1, $2, $3, $4, $5)",
			[]any{wallet, key, lot, amount, balance - amount},
		},
	} {
		if err := one(tx.ExecContext(ctx, step.text, step.args...)); err != nil {
			return err
		}
	}
	return tx.Commit()
}
