package drivertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"example.com/credits"
	"example.com/credits/store/postgres"
)

// newPrimary starts a server of the test's own, which other tests do not see.
func newPrimary(t *testing.T) *postmaster {
	t.Helper()
	postgresServer(t) // says so where there is none
	p, err := newServer()
	if err != nil {
		if os.Getenv(serverVariable) != "" {
			t.Skip("a standby takes a server of the tests' own: ", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	p.endAtLast(t)
	return p
}

// endAtLast ends a server with the test, unless it has ended.
func (p *postmaster) endAtLast(t *testing.T) {
	t.Cleanup(func() {
		if p.process != nil {
			p.end(syscall.SIGQUIT)
		}
	})
}

// follower starts a standby of p.
func (p *postmaster) follower(t *testing.T) *postmaster {
	t.Helper()
	s, err := p.standby()
	if err != nil {
		t.Fatal(err)
	}
	s.endAtLast(t)
	return s
}

// open opens the database of a server for a superuser.
func (p *postmaster) open(t *testing.T) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { db.Close() })
	return db
}

// promote makes a standby a primary.
func (p *postmaster) promote(t *testing.T) {
	t.Helper()
	var done bool
	if err := p.open(t).QueryRowContext(t.Context(), "SELECT pg_promote()").Scan(&done); err != nil || !done {
		t.Fatal("the standby was not promoted: ", err)
	}
}

// TestOpenRefusesAReplica opens a standby, which can be read and not written; opens
// it again when it has become the primary; and makes a replica of it again, as a
// pool finds it that a failover left behind: nothing is kept, and that is known.
func TestOpenRefusesAReplica(t *testing.T) {
	primary := newPrimary(t)
	if err := postgres.Migrate(t.Context(), primary.open(t), postgres.Options{}); err != nil {
		t.Fatal(err)
	}
	rich(t, open(t, primary.open(t), ""))
	standby := primary.follower(t)
	db := standby.open(t)
	if _, err := postgres.Open(t.Context(), db, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "the database is a replica: connect to the primary") {
		t.Errorf("Open of a replica returned the error %v", err)
	}
	if err := postgres.Migrate(t.Context(), db, postgres.Options{Schema: "other"}); err == nil {
		t.Error("Migrate of a replica returned no error")
	}
	primary.end(syscall.SIGINT)
	standby.promote(t)
	s := open(t, db, "")
	if r, err := newLedger(s).Do(t.Context(), "acme", "job", spend(1)); err != nil || r.Replayed {
		t.Errorf("on what was the replica, a spend returned %+v, %v", r, err)
	}
	standby.end(syscall.SIGINT)
	if err := os.WriteFile(filepath.Join(standby.data, "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := standby.start(); err != nil {
		t.Fatal(err)
	}
	_ = db.PingContext(t.Context()) // the connections of the pool are dead, and are found to be
	_, err := newLedger(s).Do(t.Context(), "acme", "another job", spend(1))
	if !errors.Is(err, credits.ErrRetry) || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a spend on a replica returned the error %v", err)
	}
	if keys := spentKeys(t, newLedger(s)); len(keys) != 1 || keys["job"] != 1 {
		t.Errorf("these keys were spent under: %v", keys)
	}
}

// failoversVariable says how often a primary is killed.
const failoversVariable = "CREDITS_TEST_FAILOVERS"

// TestFailover_I1 kills a primary while clients write, and promotes its
// synchronous standby, again and again: nothing that was acknowledged is lost,
// and under every key there is one effect. The control has a standby that is not
// synchronous, and falls behind: what is lost then is found.
func TestFailover_I1(t *testing.T) {
	rounds := 1
	if text := os.Getenv(failoversVariable); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(failoversVariable, err)
		}
	}
	primary := newPrimary(t)
	if err := postgres.Migrate(t.Context(), primary.open(t), postgres.Options{}); err != nil {
		t.Fatal(err)
	}
	rich(t, open(t, primary.open(t), ""))
	spent := 0
	for round := range rounds {
		standby := primary.follower(t)
		db := primary.open(t)
		must(t, db, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
		waitFor(t, db, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")
		acknowledged, asked := primary.killedUnder(t, round)
		standby.promote(t)
		must(t, standby.open(t), "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
		ledger := newLedger(open(t, standby.open(t), ""))
		keys := spentKeys(t, ledger)
		for _, key := range acknowledged {
			if keys[string(key)] != 1 {
				t.Errorf("key %s was acknowledged, and is there %d times after the failover", key, keys[string(key)])
			}
		}
		for _, key := range asked { // who does not know asks again
			if _, err := ledger.Do(t.Context(), "acme", key, credits.Spend{Amount: 1}); err != nil {
				t.Error(err)
			}
		}
		spent += len(asked)
		keys = spentKeys(t, ledger)
		if len(keys) != spent {
			t.Errorf("%d keys are spent under, of %d", len(keys), spent)
		}
		t.Logf("%d acknowledged of %d", len(acknowledged), len(asked))
		primary = standby
	}
	t.Run("control", func(t *testing.T) { primary.losesWithoutStandby(t) })
}

// killedUnder kills a primary without warning while four clients write. It
// returns the keys that they were told of, and all that they asked for.
func (p *postmaster) killedUnder(t *testing.T, round int) (acknowledged, asked []credits.Key) {
	t.Helper()
	ledger := newLedger(open(t, p.open(t), ""))
	var mu sync.Mutex
	enough := make(chan struct{})
	var all sync.WaitGroup
	for client := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				key := credits.Key(fmt.Sprintf("%d/%d/%d", round, client, n))
				_, err := ledger.Do(t.Context(), "acme", key, credits.Spend{Amount: 1})
				mu.Lock()
				if asked = append(asked, key); err == nil {
					if acknowledged = append(acknowledged, key); len(acknowledged) == 50 {
						close(enough)
					}
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	<-enough
	p.end(syscall.SIGKILL)
	all.Wait()
	return acknowledged, asked
}

// losesWithoutStandby acknowledges a spend that the standby does not have, and
// sees that it is missed.
func (p *postmaster) losesWithoutStandby(t *testing.T) {
	standby := p.follower(t)
	ledger := newLedger(open(t, p.open(t), ""))
	waitFor(t, standby.open(t), "SELECT pg_last_wal_replay_lsn() IS NOT NULL")
	standby.end(syscall.SIGINT)
	if _, err := ledger.Do(t.Context(), "acme", "lost", credits.Spend{Amount: 1}); err != nil {
		t.Fatal(err)
	}
	p.end(syscall.SIGKILL)
	if err := standby.start(); err != nil {
		t.Fatal(err)
	}
	standby.promote(t)
	if spentKeys(t, newLedger(open(t, standby.open(t), "")))["lost"] != 0 {
		t.Error("a spend is there that no standby had: the test finds nothing lost")
	}
}

// waitFor waits until a question is answered by true.
func waitFor(t *testing.T, db *sql.DB, question string) {
	t.Helper()
	for yes := false; !yes; {
		if err := db.QueryRowContext(context.Background(), question).Scan(&yes); err != nil {
			t.Fatalf("%s: %v", question, err)
		}
	}
}
