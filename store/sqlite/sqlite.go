// Package sqlite keeps wallets in SQLite, through database/sql. It brings no
// driver: the host opens the database with its own.
//
//	if err := sqlite.Migrate(ctx, db, sqlite.Options{}); err != nil { ... }
//	s, err := sqlite.Open(ctx, db, sqlite.Options{})
//	defer s.Close()
//	ledger := credits.New(s, nil)
//
// The file is in WAL mode and synchronous is FULL, so that what was kept outlasts
// a loss of power, where the system's fsync does what it says. (On macOS that
// takes PRAGMA fullfsync besides.) Any number of processes may use one file, on
// one machine; it must not be on a network file system. The WAL may grow to 4,000
// pages, 16 MB as a rule, before it is brought into the database, unless the host
// set wal_autocheckpoint.
//
// SQLite has one writer at a time. A store holds one connection of the host's
// pool, on which all that it keeps is written between BEGIN IMMEDIATE and COMMIT;
// it reads on the others, and wallets on that one too while nothing is written. So the
// pool needs at least two, and a host's own transactions wait for the store's writes as
// for any other's. With [Store.Tx] the store works inside a transaction of the host's.
//
// Entries refuse to be changed, and to be deleted unless a checkpoint stands in
// their place, by triggers. Who can write the file can drop a trigger: that is what the chain of hashes is for. A note that was
// erased is overwritten where it stood; a copy stays in the WAL until that is
// checkpointed and written over.
//
// The tables have no foreign keys, so PRAGMA foreign_keys is as the host likes it.
package sqlite

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
	// Prefix is what the names of tables, indexes and triggers begin with: letters,
	// digits and underscores, not more than 40 and no digit first. The default is "credits_".
	Prefix string

	// Clock is the clock of the ledgers that use the store. Open refuses one that
	// is more than 5 minutes ahead of SQLite's, which is the system's: what it lets
	// happen early, no later clock undoes. The default is the system clock.
	Clock interface{ Now() time.Time }

	// AnyClock lets Clock be ahead as it likes, as in tests that travel in time.
	AnyClock bool
}

// clockLead is how far a ledger's clock may be ahead of the database's.
const clockLead = 5 * time.Minute

const (
	defaultPrefix = "credits_"
	prefixLimit   = 40
)

// Store is a [store.Store] in SQLite. It is safe for concurrent use.
type Store struct {
	db     *sql.DB
	text   *texts
	reads  *session // on any connection of the pool
	writer *writer
	host   *hostTx // nil unless bound to a transaction of the host's
}

var _ store.Store = (*Store)(nil)

// Open returns a store on db, after it saw to it that the database can be relied
// on: SQLite is 3.51.3 or later (earlier ones may corrupt a database in WAL mode),
// the file is in WAL mode, synchronous is FULL and a busy timeout is set on
// connections of the pool, texts are UTF-8, the tables are there, and Clock is not
// ahead of the system's. The error says what is wrong, and how to mend it.
//
// What it sees is two connections: synchronous and the busy timeout belong to a
// connection, so they are to be set where all get them, in the name that the
// driver opens. The busy timeout is how long a write waits for those of others.
func Open(ctx context.Context, db *sql.DB, opts Options) (*Store, error) {
	s, err := open(ctx, db, opts)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, db *sql.DB, opts Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("no database")
	}
	prefix, err := opts.prefix()
	if err != nil {
		return nil, err
	}
	if db.Stats().MaxOpenConnections == 1 {
		return nil, errors.New("the pool has one connection, which the store would hold: allow at least two (SetMaxOpenConns)")
	}
	text := newTexts(prefix)
	busy, err := inspect(ctx, db, text)
	if err == nil {
		err = opts.inspectClock(ctx, db)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, text: text}
	s.reads = newSession(text, db.PrepareContext)
	if err := s.reads.all(ctx); err != nil {
		return nil, errors.Join(err, s.reads.close())
	}
	s.writer = newWriter(db, text, busy)
	return s, nil
}

// Close gives back what the store holds of the database, which stays open. It
// waits for a write that is under way. Of a store that is bound to a transaction
// it does nothing.
func (s *Store) Close() error {
	if s.host != nil {
		return nil
	}
	return errors.Join(s.writer.close(), s.reads.close())
}

// prefix returns what the names of tables begin with.
func (o Options) prefix() (string, error) {
	p := o.Prefix
	if p == "" {
		return defaultPrefix, nil
	}
	if len(p) > prefixLimit {
		return "", fmt.Errorf("the prefix has %d bytes, more than %d", len(p), prefixLimit)
	}
	for i, c := range []byte(p) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return "", fmt.Errorf("%q cannot be a prefix: it is not letters, digits and underscores", p)
		}
	}
	if strings.HasPrefix(strings.ToLower(p), "sqlite_") {
		return "", fmt.Errorf("%q cannot be a prefix: SQLite keeps such names for itself", p)
	}
	return p, nil
}

// A version of SQLite, as its C interface numbers it: 3.51.3 is 3051003.
const oldest = 3051003

// parseVersion returns the number of a version such as "3.51.3".
func parseVersion(text string) (int, error) {
	var major, minor, patch int
	if n, err := fmt.Sscanf(text, "%d.%d.%d", &major, &minor, &patch); n < 3 {
		return 0, fmt.Errorf("the version of SQLite is %q, which is none: %w", text, err)
	}
	return major*1_000_000 + minor*1000 + patch, nil
}

// checkVersion returns an error if a version of SQLite is too old.
func checkVersion(text string) error {
	n, err := parseVersion(text)
	if err == nil && n < oldest {
		err = fmt.Errorf("the driver brings SQLite %s, which may corrupt a database in WAL mode: use a driver with 3.51.3 or later", text)
	}
	return err
}

// inspect returns an error that says what is wrong with the database, or the
// busy timeout of its connections.
func inspect(ctx context.Context, db *sql.DB, text *texts) (busy time.Duration, err error) {
	var conns [2]*sql.Conn
	for i := range conns {
		c, err := db.Conn(ctx)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		conns[i] = c
	}
	for _, c := range conns { // two at once are two different ones
		if busy, err = inspectConn(ctx, c); err != nil {
			return 0, err
		}
	}
	return busy, inspectTables(ctx, conns[0], text)
}

func inspectConn(ctx context.Context, c *sql.Conn) (busy time.Duration, err error) {
	var version, journal, encoding string
	var synchronous, ms, readOnly int
	for _, q := range []struct {
		text string
		into any
	}{
		{"SELECT sqlite_version()", &version},
		{"PRAGMA journal_mode", &journal},
		{"PRAGMA encoding", &encoding},
		{"PRAGMA synchronous", &synchronous},
		{"PRAGMA busy_timeout", &ms},
		{"PRAGMA query_only", &readOnly},
	} {
		if err := c.QueryRowContext(ctx, q.text).Scan(q.into); err != nil {
			return 0, fmt.Errorf("%s: %w", q.text, err)
		}
	}
	if err := checkVersion(version); err != nil {
		return 0, err
	}
	switch {
	case journal != "wal":
		return 0, fmt.Errorf("journal_mode is %s: it has to be wal (Migrate sets it; a database in memory cannot have it)", journal)
	case encoding != "UTF-8":
		return 0, fmt.Errorf("the encoding is %s, whose order of names is another one: it has to be UTF-8", encoding)
	case synchronous < synchronousFull:
		return 0, errSynchronous(synchronous)
	case ms <= 0:
		return 0, errors.New("busy_timeout is 0, so that one write at the same time makes another fail: set it for each connection, " +
			"with _pragma=busy_timeout(5000) for modernc.org/sqlite or _busy_timeout=5000 for mattn/go-sqlite3")
	case readOnly != 0:
		return 0, errors.New("query_only is set: the connections cannot write")
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// inspectClock returns an error if the clock is too far ahead of the database's.
func (o Options) inspectClock(ctx context.Context, db *sql.DB) error {
	if o.Clock == nil || o.AnyClock {
		return nil
	}
	var now int64 // in seconds
	if err := db.QueryRowContext(ctx, "SELECT unixepoch()").Scan(&now); err != nil {
		return err
	}
	if lead := o.Clock.Now().Sub(time.Unix(now, 0)); lead > clockLead {
		return fmt.Errorf("the clock is %v ahead of the database's: it may be at most %v ahead", lead.Round(time.Second), clockLead)
	}
	return nil
}

// synchronousFull is what PRAGMA synchronous returns for FULL; EXTRA is 3.
const synchronousFull = 2

func errSynchronous(n int) error {
	return fmt.Errorf("synchronous is %d, so that a loss of power loses what was kept: set it to FULL (2) for each connection, "+
		"with _pragma=synchronous(2) for modernc.org/sqlite or _synchronous=FULL for mattn/go-sqlite3", n)
}

// inspectTables returns an error unless the tables are those of this package.
func inspectTables(ctx context.Context, c *sql.Conn, text *texts) error {
	all, err := migrations(text.prefix)
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, c, text.prefix)
	switch {
	case err != nil:
		return err
	case version == 0:
		return fmt.Errorf("there are no tables with the prefix %q: call Migrate", text.prefix)
	case version < len(all):
		return fmt.Errorf("the tables are of version %d, and %d is needed: call Migrate", version, len(all))
	case version > len(all):
		return fmt.Errorf("the tables are of version %d, which a later version of this package made: this one knows %d", version, len(all))
	}
	return nil
}
