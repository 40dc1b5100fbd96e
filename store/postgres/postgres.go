// Package postgres keeps wallets in PostgreSQL, through database/sql. It brings
// no driver: the host opens the database with its own.
//
//	if err := postgres.Migrate(ctx, db, postgres.Options{}); err != nil { ... }
//	s, err := postgres.Open(ctx, db, postgres.Options{})
//	ledger := credits.New(s, nil)
//
// A read and a commit are one statement and one round trip each; a write of
// several wallets, which must be kept together, is a transaction of its own.
// With [Store.Tx] the same store works inside a transaction of the host's.
//
// What it needs is what PostgreSQL shares with the databases that speak like
// it: unique keys, row locks and savepoints. It uses no advisory lock, no
// LISTEN, no sequence, and no function on the path of a command. Safety rests
// on comparing the wallet's Seq in the statement that changes it, at any
// isolation level.
//
// With a driver that keeps no prepared statements, a call takes two round trips.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/credits/store"
)

// Options are settings of [Open] and [Migrate]. The zero value has all defaults.
type Options struct {
	// Schema is the schema the tables are in. Migrate creates it. The default
	// is what the connections' search_path finds first.
	Schema string

	// Clock is the clock of the ledgers that use the store. Open refuses one
	// that is more than 5 minutes ahead of the database's: what it lets happen
	// early, no later clock undoes. The default is the system clock.
	Clock interface{ Now() time.Time }

	// AnyClock lets Clock be ahead as it likes, as in tests that travel in time.
	AnyClock bool

	// Notices counts the warnings of the connections, where the database has
	// synchronous standbys. The default is none.
	Notices *Notices
}

// clockLead is how far a ledger's clock may be ahead of the database's.
const clockLead = 5 * time.Minute

// Store is a [store.Store] in PostgreSQL. It is safe for concurrent use, and
// holds nothing that would have to be closed; the database is the host's.
type Store struct {
	db      *sql.DB
	text    *texts
	notices *Notices
	host    *hostTx // nil unless bound to a transaction of the host's
}

var _ store.Store = (*Store)(nil)

// Open returns a store on db, after it saw to it that the database can be
// relied on: it is no replica, it keeps what it says it keeps (fsync and
// synchronous_commit are on), its texts and the connection's are UTF-8, its schema is not older than
// this package, and Clock is not ahead of it. The error says what is wrong. A later
// schema is taken, so that services may be renewed one after the other.
//
// What it sees is one connection: hosts that set synchronous_commit for some
// connections only must see to the others.
func Open(ctx context.Context, db *sql.DB, opts Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("postgres: no database")
	}
	prefix, err := opts.prefix()
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, text: newTexts(prefix), notices: opts.Notices}
	if err := s.inspect(ctx, opts); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return s, nil
}

// prefix returns what stands before the names of tables.
func (o Options) prefix() (string, error) {
	if o.Schema == "" {
		return "", nil
	}
	if len(o.Schema) > 63 || !valid(o.Schema) {
		return "", fmt.Errorf("postgres: %q cannot be the name of a schema", o.Schema)
	}
	return quoted(o.Schema) + ".", nil
}

// quoted returns name as an identifier.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// inspect returns an error that says what is wrong with the database, or nil.
func (s *Store) inspect(ctx context.Context, opts Options) error {
	var replica bool
	var now int64
	var fsync, synchronous, encoding, client, readOnly sql.NullString
	const settings = `SELECT pg_is_in_recovery(), (extract(epoch FROM clock_timestamp()) * 1000000)::int8,
		current_setting('fsync', true), current_setting('synchronous_commit', true),
		current_setting('server_encoding', true), current_setting('client_encoding', true), current_setting('transaction_read_only', true)`
	before := time.Now()
	err := s.db.QueryRowContext(ctx, settings).Scan(&replica, &now, &fsync, &synchronous, &encoding, &client, &readOnly)
	if err != nil {
		return err
	}
	clock := time.Now
	if opts.Clock != nil {
		clock = opts.Clock.Now
	}
	lead := clock().Sub(time.UnixMicro(now)) - time.Since(before)
	switch {
	case replica:
		return errors.New("the database is a replica: connect to the primary")
	case readOnly.String == "on":
		return errors.New("the connection is read-only: set default_transaction_read_only to off")
	case fsync.Valid && fsync.String != "on":
		return errors.New("fsync is off, so that a crash of the machine loses what was kept: set it to on")
	case synchronous.Valid && synchronous.String != "on" && synchronous.String != "remote_apply":
		return fmt.Errorf("synchronous_commit is %s, so that a crash loses what was kept: set it to on", synchronous.String)
	case encoding.Valid && encoding.String != "UTF8":
		return fmt.Errorf("the database's encoding is %s: it has to be UTF8", encoding.String)
	case client.Valid && client.String != "UTF8":
		return fmt.Errorf("the connection's client_encoding is %s, which makes other names of those it is given: set it to UTF8", client.String)
	case !opts.AnyClock && lead > clockLead:
		return fmt.Errorf("the clock is %v ahead of the database's: it may be at most %v ahead", lead.Round(time.Second), clockLead)
	}
	return s.inspectSchema(ctx)
}

// inspectSchema returns an error unless all migrations of this package are there.
func (s *Store) inspectSchema(ctx context.Context) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	var version int
	err = s.db.QueryRowContext(ctx, s.text.version).Scan(&version)
	switch state := sqlState(err); {
	case state == undefinedTable || state == undefinedSchema:
		return fmt.Errorf("there are no tables of credits in reach of this connection: call Migrate, or set Options.Schema (%w)", err)
	case err != nil:
		return err
	case version < len(all):
		return fmt.Errorf("the schema is of version %d, and %d is needed: call Migrate", version, len(all))
	}
	return nil
}
