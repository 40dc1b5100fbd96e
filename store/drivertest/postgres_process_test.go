package drivertest_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

// postgresChildVariable tells a process of this test what to do: "role schema".
const postgresChildVariable = "CREDITS_TEST_POSTGRES_CHILD"

// TestPostgresChild is what the other processes of these tests run.
func TestPostgresChild(t *testing.T) {
	role, schema, ok := strings.Cut(os.Getenv(postgresChildVariable), " ")
	if !ok {
		t.Skip("only for the processes that other tests start")
	}
	if role == "migrate" { // the database of that name
		db := stdlib.OpenDB(*connConfig(t, func(config *pgx.ConnConfig) { config.Database = schema }))
		if err := postgres.Migrate(t.Context(), db, postgres.Options{}); err != nil {
			t.Fatal(err)
		}
		return
	}
	s := open(t, stdlib.OpenDB(*connConfig(t, service)), schema)
	if role == "boast" {
		spendKeys(t, boaster{s}, 1<<30)
	}
	spendKeys(t, s, 1<<30)
}

// childOnPostgres returns a child that plays a role.
func childOnPostgres(t *testing.T, role, schema string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestPostgresChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), postgresChildVariable+"="+role+" "+schema, serverVariable+"="+postgresServer(t))
	cmd.Stderr = os.Stderr
	return cmd
}

// TestMigrateInProcesses lets ten processes migrate a new database at once.
func TestMigrateInProcesses(t *testing.T) {
	name := fmt.Sprintf("fresh%d", schemas.Add(1))
	must(t, openAs(t, nil), `CREATE DATABASE `+name)
	t.Cleanup(func() { mustAtEnd(t, openAs(t, nil), `DROP DATABASE `+name+` WITH (FORCE)`) })
	var all []*exec.Cmd
	for range 10 {
		cmd := childOnPostgres(t, "migrate", name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	open(t, openAs(t, func(config *pgx.ConnConfig) { config.Database = name }), "")
}

// killedOnPostgres runs a writing child, and kills it some 20 to 100 ms after its first word.
func killedOnPostgres(t *testing.T, role, schema string, acknowledged map[string]bool) {
	t.Helper()
	cmd := childOnPostgres(t, role, schema)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	armed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		key, ok := strings.CutPrefix(lines.Text(), "acknowledged ")
		if !ok {
			continue
		}
		if acknowledged[key] = true; !armed {
			armed = true
			defer time.AfterFunc(20*time.Millisecond+rand.N(80*time.Millisecond), func() { _ = cmd.Process.Kill() }).Stop()
		}
	}
	if err := cmd.Wait(); err == nil || !armed {
		t.Fatalf("the child was not killed (%v), or acknowledged nothing", err)
	}
}

// spentKeys returns how often each key was spent under in acme, after it saw that the wallet is whole.
func spentKeys(t *testing.T, ledger *credits.Ledger) map[string]int {
	t.Helper()
	if err := ledger.Verify(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
	keys := map[string]int{}
	for e, err := range ledger.History(t.Context(), "acme", credits.HistoryQuery{Kinds: []credits.Kind{credits.KindSpent}}) {
		if err != nil {
			t.Fatal(err)
		}
		keys[string(e.Key)]++
	}
	return keys
}

// rich opens acme with a million credits.
func rich(t *testing.T, s store.Store) *credits.Ledger {
	t.Helper()
	ledger, plan := newLedger(s), core()
	plan.Allowances[0].Amount = 1_000_000 * credits.Credit
	if _, err := ledger.Do(t.Context(), "acme", "open", credits.Open{Plan: plan}); err != nil {
		t.Fatal(err)
	}
	return ledger
}

// TestPostgresKill_I1 kills a process that writes, again and again: what it
// acknowledged is there, and what it did not is there once or not at all. The
// control acknowledges before it commits, and is found out.
func TestPostgresKill_I1(t *testing.T) {
	const cycles = 20
	schema := newSchema(t)
	ledger := rich(t, open(t, openAs(t, service), schema))
	acknowledged := map[string]bool{}
	for range cycles {
		killedOnPostgres(t, "write", schema, acknowledged)
	}
	// What a server was at when its client was killed ends a little later.
	settle(t)
	keys := spentKeys(t, ledger)
	for key := range acknowledged {
		if keys[key] == 0 {
			t.Errorf("key %s was acknowledged and is lost", key)
		}
	}
	for key, n := range keys {
		if n != 1 {
			t.Errorf("key %s was spent under %d times", key, n)
		}
	}
	if unanswered := len(keys) - len(acknowledged); unanswered < 0 || unanswered > cycles {
		t.Errorf("%d keys are kept that were not acknowledged, in %d cycles", unanswered, cycles)
	}
	t.Logf("%d keys acknowledged, %d kept", len(acknowledged), len(keys))
	for range 50 {
		boasted := map[string]bool{}
		killedOnPostgres(t, "boast", schema, boasted)
		settle(t)
		keys := spentKeys(t, ledger)
		for key := range boasted {
			if keys[key] == 0 {
				return
			}
		}
	}
	t.Error("nothing was found lost in 50 cycles of a process that acknowledges too early")
}

// settle waits until no other connection of a service is at work.
func settle(t *testing.T) {
	t.Helper()
	db := openAs(t, nil)
	for n := 1; n > 0; {
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE usename = 'credits_run' AND state = 'active'`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestPostgresCrash_I2 ends the server itself at once, without a shutdown, while
// clients write, and starts it again: nothing that was acknowledged is lost.
func TestPostgresCrash_I2(t *testing.T) {
	postgresServer(t)
	if server.restart == nil {
		t.Skip("the server is not the tests' own: it is not to be crashed")
	}
	schema := newSchema(t)
	db := openAs(t, service)
	ledger := rich(t, open(t, db, schema))
	for range 3 {
		acknowledged := make(chan credits.Key, 1<<16)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				key := credits.Key(time.Now().Format(time.RFC3339Nano))
				if _, err := ledger.Do(t.Context(), "acme", key, credits.Spend{Amount: 1}); err != nil {
					return
				}
				acknowledged <- key
			}
		}()
		for len(acknowledged) < 20 {
			select {
			case <-stopped:
				t.Fatal("no writing before the crash")
			default:
			}
		}
		if err := server.restart(); err != nil {
			t.Fatal(err)
		}
		<-stopped
		close(acknowledged)
		for try := 0; ; try++ { // the pool's connections are dead, and are found to be
			if _, err := ledger.Wallet(t.Context(), "acme"); err == nil || try == 10 {
				break
			}
		}
		keys := spentKeys(t, ledger)
		for key := range acknowledged {
			if keys[string(key)] != 1 {
				t.Errorf("key %s was acknowledged, and is there %d times", key, keys[string(key)])
			}
		}
	}
}
