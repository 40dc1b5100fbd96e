package drivertest_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// childVariable tells a process of this test what to do: "role driver file".
const childVariable = "CREDITS_TEST_SQLITE_CHILD"

// TestSQLiteChild is what the other processes of these tests run. It prints
// "acknowledged KEY" for each command that was done.
func TestSQLiteChild(t *testing.T) {
	words := strings.SplitN(os.Getenv(childVariable), " ", 3)
	if len(words) != 3 {
		t.Skip("only for the processes that other tests start")
	}
	d := modernc
	if words[1] == mattn.name {
		d = mattn
	}
	ctx := context.Background()
	db, err := sql.Open(d.name, d.dsn(words[2], d.params))
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Migrate(ctx, db, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	if words[0] == "migrate" {
		return
	}
	s, err := sqlite.Open(ctx, db, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	switch words[0] {
	case "share":
		spendKeys(t, s, sharedKeys)
	case "write":
		spendKeys(t, s, 1<<30)
	case "boast":
		spendKeys(t, boaster{s}, 1<<30)
	}
}

// spendKeys makes spends under keys of their own, and tells of each.
func spendKeys(t *testing.T, s store.Store, n int) {
	ledger := newLedger(s)
	for i := range n {
		key := credits.Key(fmt.Sprintf("%d-%d", i, os.Getpid()))
		if n == sharedKeys {
			key = credits.Key(strconv.Itoa(i))
		}
		err := credits.ErrRetry
		for errors.Is(err, credits.ErrRetry) {
			_, err = ledger.Do(context.Background(), "acme", key, credits.Spend{Amount: 1})
		}
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Println("acknowledged", key)
	}
}

const sharedKeys = 60

// boaster says that a spend was kept before it is: the control.
type boaster struct{ store.Store }

func (b boaster) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	fmt.Println("acknowledged", writes[0].Changes[0].Receipts[0].Key)
	return b.Store.Commit(ctx, writes...)
}

// child starts this test in another process.
func child(t *testing.T, role string, d sqliteDriver, file string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSQLiteChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), childVariable+"="+role+" "+d.name+" "+file)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // of no effect on one that has ended
	return cmd, bufio.NewScanner(out)
}

// drivers are those that there are.
func drivers() []sqliteDriver {
	if withCgo {
		return []sqliteDriver{modernc, mattn}
	}
	return []sqliteDriver{modernc}
}

// openAcme opens the wallet that the processes spend from.
func openAcme(t *testing.T, d sqliteDriver, file string) {
	t.Helper()
	db := d.open(t, file)
	s := newSQLite(t, db, sqlite.Options{})
	plan := core()
	plan.Allowances[0].Amount = 1_000_000 * credits.Credit
	if _, err := newLedger(s).Do(t.Context(), "acme", "open", credits.Open{Plan: plan}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// ledgerOf returns the keys of all spends in a file, after it saw that the ledger is whole.
func ledgerOf(t *testing.T, d sqliteDriver, file string) map[string]int {
	t.Helper()
	db := d.open(t, file)
	s := newSQLite(t, db, sqlite.Options{})
	ledger := newLedger(s)
	if err := ledger.Verify(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
	var check string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity_check: %s, %v", check, err)
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

// TestSQLiteProcesses_I1 lets processes with different drivers, and so different
// versions of SQLite, work on one file: they migrate it at once, and then make
// the same spends under the same keys. Each key has one effect.
func TestSQLiteProcesses_I1(t *testing.T) {
	file := newFile(t)
	ds := drivers()
	var all []*exec.Cmd
	for i := range 10 {
		cmd, _ := child(t, "migrate", ds[i%len(ds)], file)
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	openAcme(t, modernc, file)
	acknowledged := make([]int, 2)
	done := make(chan error)
	for i := range acknowledged {
		cmd, lines := child(t, "share", ds[i%len(ds)], file)
		go func() {
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), "acknowledged ") {
					acknowledged[i]++
				}
			}
			done <- cmd.Wait()
		}()
	}
	for range acknowledged {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	keys := ledgerOf(t, modernc, file)
	if len(keys) != sharedKeys || acknowledged[0] != sharedKeys || acknowledged[1] != sharedKeys {
		t.Errorf("%d keys are kept, and %v were acknowledged, of %d", len(keys), acknowledged, sharedKeys)
	}
	for key, n := range keys {
		if n != 1 {
			t.Errorf("key %s was spent under %d times", key, n)
		}
	}
}

// killsVariable says how often a process that writes is killed.
const killsVariable = "CREDITS_TEST_KILLS"

func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv(killsVariable)
	if text == "" {
		return 300
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(killsVariable, err)
	}
	return n
}

// TestSQLiteKill kills processes that write, again and again, on some files at
// once: what they acknowledged is there, and what they did not is there once or not at all.
func TestSQLiteKill(t *testing.T) {
	t.Parallel()
	const files = 6
	ds, all := drivers(), kills(t)
	for n := range files {
		t.Run(fmt.Sprint("I-1/", n), func(t *testing.T) {
			t.Parallel()
			file := newFile(t)
			openAcme(t, modernc, file)
			acknowledged := map[string]bool{}
			cycles := 0
			for cycle := n; cycle < all; cycle += files {
				killed(t, "write", ds[cycles%len(ds)], file, acknowledged)
				cycles++
			}
			keys := ledgerOf(t, modernc, file)
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
			t.Logf("%d cycles, %d keys acknowledged, %d kept", cycles, len(acknowledged), len(keys))
		})
	}
}

// killed runs a child and kills it some 20 to 100 ms after its first word.
func killed(t *testing.T, role string, d sqliteDriver, file string, acknowledged map[string]bool) {
	t.Helper()
	cmd, lines := child(t, role, d, file)
	armed := false
	for lines.Scan() {
		if key, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
			acknowledged[key] = true
			if !armed {
				armed = true
				defer time.AfterFunc(20*time.Millisecond+rand.N(80*time.Millisecond), func() { _ = cmd.Process.Kill() }).Stop()
			}
		}
	}
	if err := cmd.Wait(); err == nil || !armed {
		t.Fatalf("the child was not killed (%v), or acknowledged nothing", err)
	}
}

// TestSQLiteKillControl sees that the test above finds what is lost: a process that
// acknowledges before it commits.
func TestSQLiteKillControl(t *testing.T) {
	file := newFile(t)
	openAcme(t, modernc, file)
	for range 50 {
		acknowledged := map[string]bool{}
		killed(t, "boast", modernc, file, acknowledged)
		keys := ledgerOf(t, modernc, file)
		for key := range acknowledged {
			if keys[key] == 0 {
				return
			}
		}
	}
	t.Error("nothing was found lost in 50 cycles of a process that acknowledges too early")
}
