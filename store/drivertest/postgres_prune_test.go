package drivertest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

// pruning is a schema in which wallet "acme" has 5 entries that were handed to the feed.
type pruning struct {
	*testing.T
	schema     string
	run, admin *sql.DB
	s          *postgres.Store // of a service
	owner      *postgres.Store
}

func newPruning(t *testing.T) *pruning {
	t.Helper()
	p := &pruning{T: t, schema: newSchema(t), run: openAs(t, service), admin: openAs(t, nil)}
	p.s, p.owner = open(t, p.run, p.schema), open(t, openAs(t, owner), p.schema)
	acknowledged(t, p.s, "acme", 5)
	return p
}

// count returns how many rows a table has of the wallet.
func (p *pruning) count(table string) int {
	p.Helper()
	return count(p, p.admin, fmt.Sprintf(`SELECT count(*) FROM %q.credits_%s WHERE wallet = 'acme'`, p.schema, table))
}

// holding begins a transaction of an administrator's that inserts a row, which
// others that insert it wait for.
func (p *pruning) holding(text string) (release func()) {
	p.Helper()
	tx, err := p.admin.BeginTx(p.Context(), nil)
	if err != nil {
		p.Fatal(err)
	}
	if _, err := tx.ExecContext(p.Context(), fmt.Sprintf(text, fmt.Sprintf("%q.credits_", p.schema))); err != nil {
		p.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			p.Error(err)
		}
	}
}

// TestServicesCannotPrune tries to prune and to restore as a service.
func TestServicesCannotPrune(t *testing.T) {
	p := newPruning(t)
	for name, err := range map[string]error{
		"Prune":   p.s.Prune(t.Context(), "acme", seal(3)),
		"Restore": p.s.Restore(t.Context(), "bob", seal(3), 0, nil),
	} {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" || errors.Is(err, store.ErrAborted) || !strings.Contains(err.Error(), "role that migrates") {
			t.Errorf("%s returned the error %v", name, err)
		}
	}
	if c, err := p.s.Checkpoint(t.Context(), "acme"); err != nil || c.Seq != 0 {
		t.Errorf("a checkpoint at %d, error %v", c.Seq, err)
	}
	if n := len(entriesOf(t, p.s, "acme")); n != 5 {
		t.Errorf("%d entries", n)
	}
	prune(t, p.owner, "acme", 3)
	if err := p.s.Prune(t.Context(), "acme", seal(3)); err != nil && !strings.Contains(err.Error(), "role that migrates") {
		t.Errorf("the same Prune of a service returned the error %v", err)
	}
	if c, err := p.s.Checkpoint(t.Context(), "acme"); err != nil || c.Seq != 3 {
		t.Errorf("a checkpoint at %d, error %v", c.Seq, err)
	}
}

// TestDeletesBeforeCheckpoints tries to remove and to change what there is before
// and after a checkpoint, as a service, as the role that migrates, and as a superuser.
func TestDeletesBeforeCheckpoints(t *testing.T) {
	p := newPruning(t)
	acknowledged(t, p.s, "bob", 5)
	must(t, p.admin, fmt.Sprintf(`INSERT INTO %q.credits_checkpoints VALUES ('acme', 3, 2, 'x')`, p.schema))
	migrate := openAs(t, owner)
	tries := []struct {
		text          string
		run, migrates string // the code of the error as a service, and as others; empty for none
	}{
		{`DELETE FROM %sentries WHERE wallet = 'acme' AND seq = 4`, "42501", "23001"},
		{`DELETE FROM %sentries WHERE wallet = 'acme' AND seq >= 3`, "42501", "23001"},
		{`DELETE FROM %sentries WHERE wallet = 'bob' AND seq = 1`, "42501", "23001"},
		{`DELETE FROM %sentries WHERE wallet = 'acme' AND seq = 3`, "42501", ""},
		{`UPDATE %sentries SET body = '' WHERE wallet = 'acme' AND seq = 1`, "42501", "23001"},
		{`TRUNCATE %sentries`, "42501", "23001"},
		{`DELETE FROM %sreceipts WHERE wallet = 'acme' AND seq = 4`, "42501", "23001"},
		{`DELETE FROM %sreceipts WHERE wallet = 'bob'`, "42501", "23001"},
		{`DELETE FROM %sreceipts WHERE wallet = 'acme' AND seq = 3`, "42501", ""},
		{`UPDATE %sreceipts SET body = '' WHERE seq = 1`, "42501", "23001"},
		{`TRUNCATE %sreceipts`, "42501", "23001"},
		{`DELETE FROM %snotes WHERE seq = 1`, "42501", ""},
		{`INSERT INTO %scheckpoints VALUES ('bob', 3, 2, 'x')`, "42501", ""},
		{`UPDATE %scheckpoints SET seq = 4 WHERE wallet = 'acme'`, "42501", ""},
		{`UPDATE %scheckpoints SET seq = 3 WHERE wallet = 'acme'`, "42501", "23001"},
		{`UPDATE %scheckpoints SET body = 'y'`, "42501", "23001"},
		{`UPDATE %scheckpoints SET wallet = 'cy', seq = 5 WHERE wallet = 'acme'`, "42501", "23001"},
		{`DELETE FROM %scheckpoints`, "42501", "23001"},
		{`TRUNCATE %scheckpoints`, "42501", "23001"},
		{`DELETE FROM %sdigests`, "", ""},
	}
	for _, try := range tries {
		for _, as := range []struct {
			name string
			db   *sql.DB
			code string
		}{{"service", p.run, try.run}, {"migrates", migrate, try.migrates}, {"superuser", p.admin, try.migrates}} {
			t.Run(as.name+"/"+try.text, func(t *testing.T) {
				tx, err := as.db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := tx.Rollback(); err != nil {
						t.Error(err)
					}
				}()
				_, err = tx.ExecContext(t.Context(), fmt.Sprintf(try.text, fmt.Sprintf("%q.credits_", p.schema)))
				code := ""
				var refused *pgconn.PgError
				if errors.As(err, &refused) {
					code = refused.Code
				} else if err != nil {
					t.Fatal(err)
				}
				if code != as.code {
					t.Errorf("error %v, want one of code %q", err, as.code)
				}
			})
		}
	}
}

// TestPruneResumes lets a Prune fail at each table. Either nothing has changed, or
// the entries are pruned from then on, and the same Prune removes what is left.
func TestPruneResumes(t *testing.T) {
	p := newPruning(t)
	must(t, p.admin, fmt.Sprintf(`CREATE FUNCTION %q.failing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'failing'; END $$`, p.schema))
	for i, at := range []string{"INSERT OR UPDATE ON %scheckpoints", "DELETE ON %sdigests", "DELETE ON %snotes", "DELETE ON %sentries", "DELETE ON %sreceipts"} {
		t.Run(fmt.Sprintf(at, ""), func(t *testing.T) {
			wallet := fmt.Sprint("w", i)
			acknowledged(t, p.s, wallet, 5)
			if err := p.s.KeepDigests(t.Context(), wallet, "n", 5, store.Digest{Through: 1}); err != nil {
				t.Fatal(err)
			}
			on := fmt.Sprintf(at, fmt.Sprintf("%q.credits_", p.schema))
			must(t, p.admin, fmt.Sprintf(`CREATE TRIGGER failing AFTER %s FOR EACH ROW EXECUTE FUNCTION %q.failing()`, on, p.schema))
			if err := p.owner.Prune(t.Context(), wallet, seal(3)); err == nil || !strings.Contains(err.Error(), "failing") {
				t.Errorf("Prune returned the error %v", err)
			}
			_, table, _ := strings.Cut(on, " ON ")
			must(t, p.admin, `DROP TRIGGER failing ON `+table)
			c, err := p.s.Checkpoint(t.Context(), wallet)
			if err != nil {
				t.Fatal(err)
			}
			if sealed := i >= 2; (c.Seq == 3) != sealed {
				t.Errorf("the checkpoint is at %d", c.Seq)
			}
			got, last := 0, error(nil)
			for _, err := range p.s.Entries(t.Context(), store.Query{Wallet: wallet, Newest: true}) {
				if last = err; err == nil {
					got++
				}
			}
			if want := map[bool]int{false: 5, true: 2}[c.Seq == 3]; got != want || (last != nil) != (c.Seq == 3) {
				t.Errorf("%d entries and the error %v, not %d entries", got, last, want)
			}
			prune(t, p.owner, wallet, 3)
			for table, want := range map[string]int{"entries": 2, "notes": 2, "receipts": 2, "digests": 0, "checkpoints": 1} {
				if n := count(t, p.admin, fmt.Sprintf(`SELECT count(*) FROM %q.credits_%s WHERE wallet = '%s'`, p.schema, table, wallet)); n != want {
					t.Errorf("%d %s are left, not %d", n, table, want)
				}
			}
		})
	}
}

// TestPruneInBatches sees that no statement of a Prune removes more than 10,000 rows.
func TestPruneInBatches(t *testing.T) {
	p := newPruning(t)
	must(t, p.admin, fmt.Sprintf(`CREATE TABLE %[1]q.removed (name text, rows bigint);
		GRANT ALL ON %[1]q.removed TO credits_migrate;
		CREATE FUNCTION %[1]q.counting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO %[1]q.removed SELECT TG_TABLE_NAME, count(*) FROM gone; RETURN NULL;
		END $$`, p.schema))
	for _, table := range []string{"entries", "notes", "receipts"} {
		must(t, p.admin, fmt.Sprintf(`CREATE TRIGGER counting AFTER DELETE ON %[1]q.credits_%[2]s
			REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION %[1]q.counting()`, p.schema, table))
	}
	const n = 20_001
	c := store.Change{Wallet: "big", Seq: n}
	for seq := range uint64(n) {
		c.Entries = append(c.Entries, store.Entry{Seq: seq + 1, Kind: 1, Note: []byte("note")})
		c.Receipts = append(c.Receipts, store.Receipt{Key: fmt.Sprint("k", seq)})
	}
	keepAll(t, p.s, store.Write{Changes: []store.Change{c}})
	if err := p.s.Ack(t.Context(), "big", n); err != nil {
		t.Fatal(err)
	}
	if err := p.owner.Prune(t.Context(), "big", store.Checkpoint{Seq: n, Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"entries", "notes", "receipts"} {
		of := fmt.Sprintf(` FROM %q.removed WHERE name = 'credits_%s'`, p.schema, table)
		if all, most := count(t, p.admin, `SELECT sum(rows)`+of), count(t, p.admin, `SELECT max(rows)`+of); all != n || most != 10_000 {
			t.Errorf("%d %s were removed, at most %d at once", all, table, most)
		}
	}
}

// TestDigestsKeptBeforeErasing lets a change that erases wait for a KeepDigests,
// whose digests it cannot have seen when it began. None stays.
func TestDigestsKeptBeforeErasing(t *testing.T) {
	for _, level := range append([]sql.IsolationLevel{-1}, levels...) { // -1 for a commit of its own
		t.Run(map[bool]string{true: "alone", false: level.String()}[level < 0], func(t *testing.T) {
			p := newPruning(t)
			release := p.holding(`INSERT INTO %sdigests VALUES ('acme', 'n', 1, 'x')`)
			erases := write("acme", 5)
			erases.Wait, erases.Changes[0].Erase = true, []uint64{1}
			s, tx := p.s, (*sql.Tx)(nil)
			if level >= 0 {
				var err error
				if tx, err = p.run.BeginTx(t.Context(), &sql.TxOptions{Isolation: level}); err != nil {
					t.Fatal(err)
				}
				s = s.Tx(tx)
				if _, err := s.Load(t.Context(), store.Read{Wallet: "acme"}); err != nil { // from here on it sees the database as it is now
					t.Fatal(err)
				}
			}
			kept, committed := make(chan error, 1), make(chan error, 1)
			go func() {
				kept <- p.s.KeepDigests(t.Context(), "acme", "n", 5, store.Digest{Through: 1, Body: []byte("a person's name")})
			}()
			lockWaits(t, p.admin, 1)
			go func() {
				_, err := s.Commit(t.Context(), erases)
				committed <- err
			}()
			lockWaits(t, p.admin, 2)
			release()
			if err := <-kept; err != nil {
				t.Error(err)
			}
			err := <-committed
			if strict := level > sql.LevelReadCommitted; errors.Is(err, store.ErrAborted) != strict || err != nil && !strict {
				t.Errorf("Commit returned the error %v", err)
			}
			if tx != nil {
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
			states, loadErr := p.s.Load(t.Context(), store.Read{Wallet: "acme"})
			if loadErr != nil {
				t.Fatal(loadErr)
			}
			if n := p.count("digests"); (n == 0) != (states[0].Seq == 6) {
				t.Errorf("the wallet stands at %d, and has %d digests", states[0].Seq, n)
			}
		})
	}
}

// TestDigestsKeptAfterErasing keeps digests while a change that erases is under way,
// and after it: none stays. It waits for no transaction, which may be the host's own.
func TestDigestsKeptAfterErasing(t *testing.T) {
	p := newPruning(t)
	tx, err := p.run.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	erases := write("acme", 5)
	erases.Changes[0].Erase = []uint64{1}
	keepAll(t, p.s.Tx(tx), erases)
	for _, when := range []string{"under way", "committed"} {
		if err := p.s.KeepDigests(t.Context(), "acme", "n", 5, store.Digest{Through: 1}); err != nil || p.count("digests") != 0 {
			t.Errorf("%s: %d digests are kept, error %v", when, p.count("digests"), err)
		}
		if when == "under way" {
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.s.KeepDigests(t.Context(), "acme", "n", 6, store.Digest{Through: 1}); err != nil || p.count("digests") != 1 {
		t.Errorf("%d digests are kept of what was read later, error %v", p.count("digests"), err)
	}
}

// TestDigestsKeptWhilePruning keeps digests during a Prune, and lets a Prune wait for a
// KeepDigests: none of pruned entries stays.
func TestDigestsKeptWhilePruning(t *testing.T) {
	keep := func(p *pruning) error {
		return p.s.KeepDigests(t.Context(), "acme", "n", 5, store.Digest{Through: 2}, store.Digest{Through: 3}, store.Digest{Through: 5})
	}
	t.Run("during a Prune", func(t *testing.T) {
		p := newPruning(t)
		release := p.holding(`INSERT INTO %scheckpoints VALUES ('acme', 1, 1, 'x')`)
		pruned := make(chan error, 1)
		go func() { pruned <- p.owner.Prune(t.Context(), "acme", seal(3)) }()
		lockWaits(t, p.admin, 1)
		if err := keep(p); err != nil || p.count("digests") != 0 {
			t.Errorf("%d digests are kept, error %v", p.count("digests"), err)
		}
		release()
		if err := <-pruned; err != nil {
			t.Error(err)
		}
		if err := keep(p); err != nil || p.count("digests") != 1 {
			t.Errorf("%d digests are kept, not the one after the checkpoint, error %v", p.count("digests"), err)
		}
	})
	t.Run("before a Prune", func(t *testing.T) {
		p := newPruning(t)
		release := p.holding(`INSERT INTO %sdigests VALUES ('acme', 'n', 2, 'x')`)
		done := make(chan error, 2)
		go func() { done <- keep(p) }()
		lockWaits(t, p.admin, 1)
		go func() { done <- p.owner.Prune(t.Context(), "acme", seal(3)) }()
		lockWaits(t, p.admin, 2)
		release()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if d, e := p.count("digests"), p.count("entries"); d != 1 || e != 2 {
			t.Errorf("%d digests and %d entries stay, not the digest after the checkpoint and 2", d, e)
		}
	})
}

// TestPruneWaitsForCommits lets a Prune wait for a commit that is under way, and a
// commit go on after it.
func TestPruneWaitsForCommits(t *testing.T) {
	p := newPruning(t)
	tx, err := p.run.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	keepAll(t, p.s.Tx(tx), write("acme", 5, "late"))
	pruned := make(chan error, 1)
	go func() { pruned <- p.owner.Prune(t.Context(), "acme", seal(5)) }()
	lockWaits(t, p.admin, 1)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-pruned; err != nil {
		t.Fatal(err)
	}
	keepAll(t, p.s, write("acme", 6))
	if e, r := p.count("entries"), p.count("receipts"); e != 2 || r != 1 {
		t.Errorf("%d entries and %d receipts stay, not 2 and 1", e, r)
	}
}
