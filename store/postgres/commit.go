package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/credits/store"
)

// Commit implements [store.Store]. Writes of one wallet go together in one
// statement and one round trip, those that wait apart from those that do not: one whose
// wallet another transaction has locked is not kept then. A write of several wallets
// waits, and is a transaction of its own (within a transaction of the host's, where all
// wait, under a savepoint), and so are writes that erase. Where some were kept before another is known to have
// failed, that one is reported as not kept.
//
// The error of an unknown outcome is the driver's: the connection was lost, or
// ctx ended while the database was at it. Within a transaction of the host's, whatever
// PostgreSQL answers with an error is [store.ErrAborted]: the host cannot keep it.
func (s *Store) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	if err := store.Check(writes...); err != nil {
		return nil, err
	}
	kept, some := make([]bool, len(writes)), false
	for _, u := range units(writes) {
		changes, whole := u.changes(writes)
		moved, err := s.commit(ctx, changes, whole, whole || writes[u[0]].Wait)
		err = aborted(err)
		if s.host != nil && !some {
			err = refused(err)
		}
		switch {
		case err != nil && some && errors.Is(err, store.ErrAborted):
			continue
		case err != nil:
			return nil, err
		}
		for i, n := range u {
			kept[n] = moved[i]
			some = some || moved[i]
		}
	}
	return kept, nil
}

// A unit is what goes into one statement: the numbers of writes of one change
// each, in order of wallet, of which all wait or none does, or of one write of several.
type unit []int

// units divides the writes of a call.
func units(writes []store.Write) []unit {
	var alone, waiting unit
	var whole []unit
	for i := range writes {
		switch {
		case len(writes[i].Changes) > 1:
			whole = append(whole, unit{i})
		case writes[i].Wait:
			waiting = append(waiting, i)
		default:
			alone = append(alone, i)
		}
	}
	all := append(alone.cut(writes), waiting.cut(writes)...)
	return append(all, whole...)
}

// cut divides writes of one change each into units that are not too large.
func (u unit) cut(writes []store.Write) (all []unit) {
	wallet := func(i int) string { return writes[i].Changes[0].Wallet }
	slices.SortFunc(u, func(i, j int) int { return strings.Compare(wallet(i), wallet(j)) })
	for first, size := 0, 0; first < len(u); {
		n := first
		for size = 0; n < len(u) && n-first < batchChanges && (n == first || size < batchBytes); n++ {
			size += bytes(&writes[u[n]].Changes[0])
		}
		all = append(all, u[first:n])
		first = n
	}
	return all
}

// changes returns those of a unit, in order of wallet, and whether they are one write.
func (u unit) changes(writes []store.Write) (changes []*store.Change, whole bool) {
	for _, i := range u {
		for j := range writes[i].Changes {
			changes = append(changes, &writes[i].Changes[j])
		}
	}
	whole = len(changes) > len(u)
	if whole {
		slices.SortFunc(changes, func(a, b *store.Change) int { return strings.Compare(a.Wallet, b.Wallet) })
	}
	return changes, whole
}

// commit carries out one statement's changes. It reports which were kept, or of
// a write of several whether it was. Unless they wait, one whose wallet another
// transaction has locked is not kept; in a transaction of the host's all wait.
func (s *Store) commit(ctx context.Context, changes []*store.Change, whole, wait bool) (kept []bool, err error) {
	warned := s.notices.count()
	erases := slices.ContainsFunc(changes, func(c *store.Change) bool { return len(c.Erase) > 0 })
	switch {
	case s.host != nil:
		err = s.host.guarded(ctx, whole, func() error {
			kept, err = s.change(ctx, s.host.tx, changes, true)
			return s.completed(ctx, s.host.tx, changes, whole, kept, err)
		})
	case whole || erases:
		err = s.connected(ctx, func(conn *sql.Conn) error {
			return transact(ctx, conn, func(tx *sql.Tx) error {
				kept, err = s.change(ctx, sqlRunner{tx}, changes, wait)
				return s.completed(ctx, sqlRunner{tx}, changes, whole, kept, err)
			})
		})
	default:
		err = s.connected(ctx, func(conn *sql.Conn) error {
			kept, err = s.change(ctx, sqlRunner{conn}, changes, wait)
			return err
		})
	}
	switch {
	case errors.Is(err, errSome):
		return []bool{false}, nil
	case err != nil:
		return nil, err
	case s.notices.count() != warned:
		return nil, errUnsure
	}
	return kept, nil
}

// errSome undoes a write of several changes of which some do not follow.
var errSome = errors.New("postgres: some changes do not follow")

// completed does what is left of changes that were kept, within their transaction.
func (s *Store) completed(ctx context.Context, in Transaction, changes []*store.Change, whole bool, kept []bool, err error) error {
	switch {
	case err != nil:
		return err
	case whole && slices.Contains(kept, false):
		return errSome
	}
	for i, c := range changes {
		if kept[i] && len(c.Erase) > 0 {
			if _, err := in.Exec(ctx, s.text.eraseDigests, []any{c.Wallet}); err != nil {
				return err
			}
		}
	}
	return nil
}

// change runs the one statement for changes, which are in order of wallet, and
// reports which were kept. One whose wallet another transaction has locked is not
// kept, unless wait says that it is to be waited for.
func (s *Store) change(ctx context.Context, in Transaction, changes []*store.Change, wait bool) ([]bool, error) {
	var waits shape
	if wait {
		waits = patient
	}
	if len(changes) == 1 && isPlain(changes[0]) {
		sh, args := plain(changes[0])
		return changed(in.Exec(ctx, s.text.plain[sh|waits], args))
	}
	b := newBatch(changes)
	if len(changes) == 1 {
		sh, args := b.single(changes[0])
		return changed(in.Exec(ctx, s.text.single[sh|waits], args))
	}
	kept := make([]bool, len(changes))
	err := in.Query(ctx, s.text.batch[b.shape|waits], b.args(), func(scan func(dest ...any) error) error {
		var name string
		if err := scan(&name); err != nil {
			return err
		}
		i, ok := slices.BinarySearch(b.names, name)
		if !ok {
			return fmt.Errorf("postgres: wallet %q was changed, and was not to be", name)
		}
		kept[i] = true
		return nil
	})
	return kept, err
}

// changed returns the outcome of a statement for one change, that added so many rows.
func changed(rows int64, err error) ([]bool, error) { return []bool{rows > 0}, err }

// connected runs f on a connection. That none could be had, or that one was
// found to be dead before anything was sent, is known to keep nothing.
func (s *Store) connected(ctx context.Context, f func(conn *sql.Conn) error) error {
	for attempt := 1; ; attempt++ {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrAborted, err)
		}
		err = f(conn)
		conn.Close() // gives it back; its error is that of f, if any
		if !errors.Is(err, driver.ErrBadConn) || attempt == 3 {
			return err
		}
	}
}

// transact runs f in a transaction, which is kept unless f returns an error. A
// connection that could not end its transaction is not used again: it could
// commit the half of it with what comes next.
func transact(ctx context.Context, conn *sql.Conn, f func(tx *sql.Tx) error) error {
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := f(tx); err != nil {
		if undone := unlessDone(tx.Rollback()); undone != nil {
			discard(conn)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		discard(conn)
		if errors.Is(err, sql.ErrTxDone) || errors.Is(err, driver.ErrBadConn) { // of COMMIT they prove nothing
			return fmt.Errorf("postgres: commit: %v", err)
		}
		return err
	}
	return nil
}

// discard closes a connection instead of giving it back.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
