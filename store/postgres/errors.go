package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"example.com/credits/store"
)

// The codes of PostgreSQL that are told apart. Drivers' errors have them in a
// method SQLState.
const (
	warning          = "01000"
	readOnly         = "25006"
	uniqueViolation  = "23505"
	undefinedSchema  = "3F000"
	serialization    = "40001"
	deadlock         = "40P01"
	noPrivilege      = "42501"
	duplicateObject  = "42710"
	duplicateSchema  = "42P06"
	undefinedTable   = "42P01"
	duplicateTable   = "42P07"
	tooMany          = "53300"
	lockNotAvailable = "55P03"
	adminShutdown    = "57P01"
	cannotConnectNow = "57P03"
)

// sqlState returns the code of PostgreSQL that err has, or nothing.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// aborted returns err as a [store.ErrAborted] if it is known that what failed
// kept nothing, and as it is otherwise. A statement that was cancelled, or whose
// connection went, may have been kept.
func aborted(err error) error {
	if err == nil || errors.Is(err, store.ErrAborted) || !known(err) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrAborted, err)
}

// refused is aborted for a statement in a transaction of the host's: after any
// error that PostgreSQL answers with, the host's commit does not keep what failed.
func refused(err error) error {
	if sqlState(err) == "" || errors.Is(err, store.ErrAborted) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrAborted, err)
}

// known reports whether err says that nothing was kept.
func known(err error) bool {
	switch sqlState(err) {
	case "":
	case serialization, deadlock, lockNotAvailable, readOnly, tooMany, cannotConnectNow:
		return true
	default:
		return false
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) {
		return true
	}
	var unsent interface{ SafeToRetry() bool } // of pgx: nothing was sent
	if errors.As(err, &unsent) && unsent.SafeToRetry() {
		return true
	}
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// ended returns an error if ctx has ended: nothing is begun then.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	return nil
}

// Notices counts the warnings that connections receive. Where a database has
// synchronous standbys, a commit whose wait for them is cancelled is answered
// with success and a warning: a failover may lose it. A host lets its driver
// tell of warnings here, and a Commit meanwhile comes back as unknown. The commit of a
// transaction of the host's is the host's to listen to. With pgx:
//
//	var notices postgres.Notices
//	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices.Add(n.Code) }
//
// Its zero value is ready to use. It must not be copied.
type Notices struct{ warnings atomic.Uint64 }

// Add takes in a notice by its SQLSTATE code. All codes may be given: others
// than those of a cancelled wait do not count.
func (n *Notices) Add(code string) {
	if code == warning || code == adminShutdown {
		n.warnings.Add(1)
	}
}

// count returns how many warnings there were. Of nil it is 0.
func (n *Notices) count() uint64 {
	if n == nil {
		return 0
	}
	return n.warnings.Load()
}

// errUnsure is what a commit returns while a warning came in.
var errUnsure = errors.New("postgres: the database warned of a commit that its standby may not have")
