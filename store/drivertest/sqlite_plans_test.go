package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// queries are all combinations of what a query may have.
func queries() []store.Query {
	all := []store.Query{{Wallet: "acme"}}
	for _, with := range []func(*store.Query){
		func(q *store.Query) { q.After, q.Through = 3, 40 },
		func(q *store.Query) { q.From, q.To = 2, 35 },
		func(q *store.Query) { q.Of = 4 },
		func(q *store.Query) { q.Kinds = []uint8{1} },
		func(q *store.Query) { q.Kinds = append(q.Kinds, 2, 3) },
		func(q *store.Query) { q.Feature = "chat" },
		func(q *store.Query) { q.Newest = true },
		func(q *store.Query) { q.Limit = 5 },
	} {
		for _, q := range all {
			q.Kinds = slices.Clone(q.Kinds)
			with(&q)
			all = append(all, q)
		}
	}
	return append(all, store.Query{Wallet: "acme", Kinds: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9}})
}

var filters = []store.Filter{
	{}, {After: "acme"}, {Due: 5}, {Pending: true}, {Due: 5, Pending: true}, {After: "acme", Due: 5, Pending: true, Limit: 3},
}

var (
	argument = regexp.MustCompile(`\?(\d+)`)
	bare     = regexp.MustCompile(`[^+]\?\d`)
	setup    = regexp.MustCompile(`^(PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SELECT sqlite_version|SELECT count\(\*\) FROM sqlite_schema|SELECT coalesce\(max\(version)`)
)

// TestSQLitePlans sees that no statement of the store's reads a table from end
// to end, or sorts what it reads, and that none is planned for its parameters.
func TestSQLitePlans(t *testing.T) {
	eachDriver(t, func(t *testing.T, d sqliteDriver) {
		file := newFile(t)
		plain := d.open(t, file)
		newSQLite(t, plain, sqlite.Options{})
		db, w := newWire(t, d, file)
		s, err := sqlite.Open(t.Context(), db, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		said := map[string]bool{}
		exercise(t, s)
		exercisePruner(t, s)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		exercise(t, s.Tx(tx))
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		for _, text := range w.take() {
			if !setup.MatchString(text) {
				said[text] = true
			}
		}
		if len(said) < 50 {
			t.Errorf("only %d statements were seen", len(said))
		}
		for text := range said {
			for _, fault := range planFaults(explained(t, plain, text)) {
				t.Errorf("%s\n%s", fault, text)
			}
			if bare.MatchString(text) { // SQLite may plan anew for each value
				t.Errorf("the planner sees what a parameter is bound to:\n%s", text)
			}
		}
		for _, q := range queries() {
			for _, err := range s.Entries(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
			}
			said := w.take()
			said = slices.DeleteFunc(said, func(text string) bool { return !strings.Contains(text, "credits_entries e") })
			plan := strings.Join(explained(t, plain, said[len(said)-1]), "\n")
			if want := planIndex(q); !strings.Contains(plan, want) {
				t.Errorf("the plan of %+v does not use %s:\n%s", q, want, plan)
			}
		}
		// The control: what would be slow is found.
		for _, text := range []string{
			"SELECT count(*) FROM credits_entries WHERE at > ?1", "SELECT id FROM credits_wallets WHERE fed = ?1",
			"SELECT seq FROM credits_entries WHERE wallet = ?1 ORDER BY at",
		} {
			if len(planFaults(explained(t, plain, text))) == 0 {
				t.Errorf("no fault was found with the plan of %s", text)
			}
		}
	})
}

// planIndex returns what finds the entries that a query selects.
func planIndex(q store.Query) string {
	switch {
	case q.Of != 0:
		return "credits_entries_of (wallet=? AND of=? AND seq>?"
	case q.Feature != "":
		return "credits_entries_feature (wallet=? AND feature=? AND seq>?"
	case 0 < len(q.Kinds) && len(q.Kinds) < 9:
		return "credits_entries_kind (wallet=? AND kind=? AND seq>?"
	}
	return "PRIMARY KEY (wallet=? AND seq>?"
}

// exercise makes a store say all that it can say.
func exercise(t *testing.T, s store.Store) {
	t.Helper()
	for seq := range uint64(3) {
		w := write("acme", seq, fmt.Sprint("k", seq))
		w.Changes[0].Due = int64(seq)
		w.Changes[0].Parts = append(w.Changes[0].Parts, store.Part{ID: 2})
		if seq > 0 {
			w.Changes[0].Erase = []uint64{seq}
		}
		two := store.Write{Changes: []store.Change{write("bob", seq, "k"+fmt.Sprint(seq)).Changes[0], write("cy", seq).Changes[0]}}
		if _, err := s.Commit(t.Context(), w, two); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ack(t.Context(), "acme", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), store.Read{Wallet: "acme", Keys: []string{"k1"}}, store.Read{Wallet: "acme", Have: 1, Below: 4}); err != nil {
		t.Fatal(err)
	}
	for _, q := range queries() {
		for _, err := range s.Entries(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range filters {
		for _, err := range s.Heads(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := store.KeepDigests(t.Context(), s, "acme", "n", 3, store.Digest{Through: 2}); err != nil {
		t.Fatal(err)
	}
	for _, err := range store.Digests(t.Context(), s, "acme", "n", 0, 3) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.CheckpointOf(t.Context(), s, "acme"); err != nil {
		t.Fatal(err)
	}
}

// exercisePruner makes a store say all that it can say to prune and to restore.
func exercisePruner(t *testing.T, s store.Pruner) {
	t.Helper()
	if err := s.Ack(t.Context(), "cy", 3); err != nil {
		t.Fatal(err)
	}
	c := store.Checkpoint{Seq: 2, At: 1, Body: []byte("checkpoint")}
	if err := s.Prune(t.Context(), "cy", c); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(t.Context(), "dee", c, 0, []store.Part{{ID: 0, Body: []byte("head")}, {ID: 1, Body: []byte("page")}}); err != nil {
		t.Fatal(err)
	}
}

// explained returns a statement's plan, line by line.
func explained(t *testing.T, db *sql.DB, text string) []string {
	t.Helper()
	n := 0
	for _, m := range argument.FindAllStringSubmatch(text, -1) {
		i, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		n = max(n, i)
	}
	rows, err := db.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+text, make([]any, n)...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// planFaults returns what is slow about a plan. The wallets that are due may be
// sorted: they are few where that is done.
func planFaults(plan []string) []string {
	var faults []string
	few := slices.ContainsFunc(plan, func(line string) bool { return strings.Contains(line, "credits_wallets_due (due") })
	for _, line := range plan {
		scans := strings.HasPrefix(line, "SCAN ") && line != "SCAN s" && line != "SCAN b" && line != "SCAN CONSTANT ROW" && !strings.HasPrefix(line, "SCAN (subquery")
		if scans || strings.Contains(line, "TEMP B-TREE") && !few {
			faults = append(faults, strings.Join(plan, "\n"))
			break
		}
	}
	return faults
}
