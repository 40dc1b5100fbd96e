package drivertest_test

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMigrateAtOnce lets ten processes migrate the same database at once, and once more after that.
func TestMigrateAtOnce(t *testing.T) {
	for _, schema := range []string{"", `at "once"`} {
		t.Run(schema, func(t *testing.T) {
			name := fmt.Sprintf("fresh%d", schemas.Add(1))
			admin := openAs(t, nil)
			must(t, admin, `CREATE DATABASE `+name)
			t.Cleanup(func() {
				if _, err := openAs(t, nil).Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
					t.Error(err)
				}
			})
			connect := func(config *pgx.ConnConfig) { config.Database = name }
			for range 2 {
				var wg sync.WaitGroup
				for range 10 {
					db := openAs(t, connect)
					wg.Go(func() {
						if err := postgres.Migrate(t.Context(), db, postgres.Options{Schema: schema}); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
			}
			s, err := postgres.Open(t.Context(), openAs(t, connect), postgres.Options{Schema: schema})
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := s.Commit(t.Context(), write("acme", 0)); err != nil || !kept[0] {
				t.Error(kept, err)
			}
		})
	}
}

// write returns a write of one entry, a note and a receipt under the key of its number.
func write(wallet string, prev uint64, keys ...string) store.Write {
	c := store.Change{Wallet: wallet, Prev: prev, Seq: prev + 1, Due: 1, Parts: []store.Part{{ID: 0, Body: []byte("head")}, {ID: 1, Body: []byte("page")}}}
	c.Entries = []store.Entry{{Seq: prev + 1, At: int64(prev), Kind: 1, Of: prev, Feature: "chat", Body: []byte("body"), Note: []byte("note")}}
	for _, key := range keys {
		c.Receipts = append(c.Receipts, store.Receipt{Key: key, Body: []byte("receipt")})
	}
	return store.Write{Changes: []store.Change{c}}
}

// after returns what write does, for a wallet as it was read.
func after(wallet string, st store.State, keys ...string) store.Write {
	w := write(wallet, st.Seq, keys...)
	w.Changes[0].PrevMark = st.Mark
	return w
}

// TestSchemaGolden compares what the migrations make with a golden file.
func TestSchemaGolden(t *testing.T) {
	schema := newSchema(t)
	goldenLines(t, "testdata/postgres.golden", openAs(t, nil), `
SELECT format('%s.%s %s%s', table_name, column_name, data_type || coalesce(' COLLATE ' || collation_name, ''), CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END)
	FROM information_schema.columns WHERE table_schema = $1
UNION ALL SELECT replace(indexdef, quote_ident($1) || '.', '') FROM pg_indexes WHERE schemaname = $1
UNION ALL SELECT replace(pg_get_triggerdef(oid), quote_ident($1) || '.', '') FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = quote_ident($1)::regnamespace)
UNION ALL SELECT format('%s may %s %s', grantee, privilege_type, table_name) FROM information_schema.role_table_grants WHERE table_schema = $1 AND grantee = 'credits_run'
ORDER BY 1`, schema)
}

// goldenLines compares what a query yields, line by line, with a golden file.
func goldenLines(t *testing.T, file string, db *sql.DB, query string, args ...any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		got.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the schema (-want +got):\n%s", diff)
	}
}

// TestEntriesAreImmutable tries to change entries, as a service and as a superuser.
func TestEntriesAreImmutable(t *testing.T) {
	schema := newSchema(t)
	run, super := openAs(t, service), openAs(t, nil)
	s := open(t, run, schema)
	if kept, err := s.Commit(t.Context(), write("acme", 0, "k")); err != nil || !kept[0] {
		t.Fatal(kept, err)
	}
	tries := []struct {
		name, text string
		db         *sql.DB
		code       string
	}{
		{"service updates", `UPDATE %s.credits_entries SET body = ''`, run, "42501"},
		{"service deletes", `DELETE FROM %s.credits_entries`, run, "42501"},
		{"service truncates", `TRUNCATE %s.credits_entries`, run, "42501"},
		{"service updates receipts", `UPDATE %s.credits_receipts SET body = ''`, run, "42501"},
		{"service deletes receipts", `DELETE FROM %s.credits_receipts`, run, "42501"},
		{"service deletes wallets", `DELETE FROM %s.credits_wallets`, run, "42501"},
		{"service migrates", `INSERT INTO %s.credits_migrations VALUES (9, '')`, run, "42501"},
		{"service drops the trigger", `DROP TRIGGER credits_entries_append_only ON %s.credits_entries`, run, "42501"},
		{"owner updates", `UPDATE %s.credits_entries SET body = ''`, super, "23001"},
		{"owner updates none", `UPDATE %s.credits_entries SET body = '' WHERE false`, super, "23001"},
		{"owner deletes", `DELETE FROM %s.credits_entries`, super, "23001"},
		{"owner truncates", `TRUNCATE %s.credits_entries`, super, "23001"},
	}
	for _, try := range tries {
		t.Run("L-1/"+try.name, func(t *testing.T) {
			_, err := try.db.ExecContext(t.Context(), fmt.Sprintf(try.text, `"`+schema+`"`))
			var refused *pgconn.PgError
			if !errors.As(err, &refused) || refused.Code != try.code {
				t.Errorf("error %v, want one of code %s", err, try.code)
			}
		})
	}
}

// ahead returns a clock that stands still at so long from now.
func ahead(d time.Duration) stopped { return stopped(time.Now().Add(d)) }

type stopped time.Time

func (c stopped) Now() time.Time { return time.Time(c) }

// TestOpenInspects opens what cannot be relied on, and reads what is said of it.
func TestOpenInspects(t *testing.T) {
	schema := newSchema(t)
	set := func(name, value string) func(config *pgx.ConnConfig) {
		return func(config *pgx.ConnConfig) { config.RuntimeParams[name] = value }
	}
	cases := []struct {
		name  string
		setUp func(config *pgx.ConnConfig)
		opts  postgres.Options
		says  string // nothing if it opens
	}{
		{name: "in order", opts: postgres.Options{Schema: schema}},
		{name: "stronger", setUp: set("synchronous_commit", "remote_apply"), opts: postgres.Options{Schema: schema}},
		{name: "synchronous_commit off", setUp: set("synchronous_commit", "off"), opts: postgres.Options{Schema: schema}, says: "synchronous_commit is off"},
		{name: "synchronous_commit local", setUp: set("synchronous_commit", "local"), opts: postgres.Options{Schema: schema}, says: "synchronous_commit is local"},
		{name: "read-only", setUp: set("default_transaction_read_only", "on"), opts: postgres.Options{Schema: schema}, says: "read-only"},
		{name: "a connection in another encoding", setUp: set("client_encoding", "LATIN1"), opts: postgres.Options{Schema: schema}, says: "client_encoding is LATIN1"},
		{name: "no tables", says: "call Migrate"},
		{name: "no schema", opts: postgres.Options{Schema: "nowhere"}, says: "call Migrate"},
		{name: "a schema that cannot be", opts: postgres.Options{Schema: "a\x00"}, says: "cannot be the name"},
		{name: "a schema of 64 bytes", opts: postgres.Options{Schema: strings.Repeat("x", 64)}, says: "cannot be the name"},
		{name: "clock of 4 minutes ahead", opts: postgres.Options{Schema: schema, Clock: ahead(4 * time.Minute)}},
		{name: "clock of 6 minutes ahead", opts: postgres.Options{Schema: schema, Clock: ahead(6 * time.Minute)}, says: "ahead of the database's"},
		{name: "clock of 6 minutes ahead, allowed", opts: postgres.Options{Schema: schema, Clock: ahead(6 * time.Minute), AnyClock: true}},
		{name: "clock of a day behind", opts: postgres.Options{Schema: schema, Clock: ahead(-24 * time.Hour)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := postgres.Open(t.Context(), openAs(t, c.setUp), c.opts)
			switch {
			case c.says == "" && err != nil:
				t.Error(err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
	t.Run("fsync off", func(t *testing.T) { withoutFsync(t, schema) })
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		t.Run("a database in "+encoding, func(t *testing.T) {
			name := fmt.Sprintf("fresh%d", schemas.Add(1))
			must(t, openAs(t, nil), `CREATE DATABASE `+name+` TEMPLATE template0 ENCODING '`+encoding+`' LOCALE 'C' LOCALE_PROVIDER libc`)
			t.Cleanup(func() { mustAtEnd(t, openAs(t, nil), `DROP DATABASE `+name+` WITH (FORCE)`) })
			db := openAs(t, func(config *pgx.ConnConfig) {
				config.Database = name
				config.RuntimeParams["client_encoding"] = "UTF8"
			})
			if _, err := postgres.Open(t.Context(), db, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "the database's encoding is "+encoding) {
				t.Error(err)
			}
		})
	}
	t.Run("an older schema", func(t *testing.T) {
		must(t, openAs(t, nil), `DELETE FROM "`+schema+`".credits_migrations WHERE version = 2`)
		_, err := postgres.Open(t.Context(), openAs(t, nil), postgres.Options{Schema: schema})
		if err == nil || !strings.Contains(err.Error(), "the schema is of version 1, and 2 is needed") {
			t.Error(err)
		}
	})
}

// withoutFsync opens a database whose server was told to do without fsync.
func withoutFsync(t *testing.T, schema string) {
	if os.Getenv(serverVariable) != "" {
		t.Skip("the server is not the tests' own: its fsync stays on")
	}
	db := openAs(t, nil)
	must(t, db, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
	defer must(t, db, "ALTER SYSTEM RESET fsync", "SELECT pg_reload_conf()")
	for range 200 { // the setting is taken over a little later
		_, err := postgres.Open(t.Context(), openAs(t, nil), postgres.Options{Schema: schema})
		if err != nil {
			if !strings.Contains(err.Error(), "fsync is off") {
				t.Error(err)
			}
			return
		}
	}
	t.Error("opened with fsync off")
}
