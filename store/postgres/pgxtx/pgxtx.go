// Package pgxtx lets a ledger work within a transaction of pgx's own, for hosts
// that use pgx without database/sql. It is a module of its own: the store brings
// no driver.
//
// The store itself still is on database/sql, for which a host opens its pool
// with stdlib.OpenDBFromPool.
package pgxtx

import (
	"context"

	"github.com/jackc/pgx/v5"

	"example.com/credits/store/postgres"
)

// Tx returns the store inside tx, of which all holds that is said of
// [postgres.Store.Tx]:
//
//	ledger.On(pgxtx.Tx(s, tx)).Do(ctx, ...)
func Tx(s *postgres.Store, tx pgx.Tx) *postgres.Store { return s.Within(transaction{tx}) }

type transaction struct{ tx pgx.Tx }

// Exec implements [postgres.Transaction].
func (t transaction) Exec(ctx context.Context, statement string, args []any) (int64, error) {
	done, err := t.tx.Exec(ctx, statement, args...)
	return done.RowsAffected(), err
}

// Query implements [postgres.Transaction].
func (t transaction) Query(ctx context.Context, statement string, args []any, row func(scan func(dest ...any) error) error) error {
	rows, err := t.tx.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
