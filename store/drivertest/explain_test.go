package drivertest_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"example.com/credits/store"
	"example.com/credits/store/postgres"
)

// tracer remembers the statements that a store sends, and counts them.
type tracer struct {
	mu   sync.Mutex
	sent []pgx.TraceQueryStartData
}

func (r *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, data)
	return ctx
}

func (r *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns what was sent since it was last asked.
func (r *tracer) take() []pgx.TraceQueryStartData {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

// calls are calls of a store of which each is one statement.
var calls = []struct {
	name string
	call func(ctx context.Context, s store.Store) error
}{
	{"Load of one", loading(store.Read{Wallet: "w7", Keys: []string{"k0"}})},
	{"Load of one, which is known", loading(store.Read{Wallet: "w7", Have: 1, Below: 5, Keys: []string{"k0", "l"}})},
	{"Load of several", loading(store.Read{Wallet: "w7", Keys: []string{"k0", "l"}}, store.Read{Wallet: "w8", Below: 1})},
	{"Commit of one", committing(write("w7", 1, "k1"))},
	{"Commit of one without a key", committing(write("w8", 1))},
	{"Commit of the least", committing(least("w13", 1, "k1"))},
	{"Commit of the least, and wait", committing(store.Write{Changes: least("w14", 1, "k1").Changes, Wait: true})},
	{"Commit of a new one", committing(write("new 1", 0, "k"))},
	{"Commit of several", committing(write("w10", 1, "k1"), write("w11", 1, "k1"), write("new 2", 0, "k"))},
	{"Entries, one", reading(store.Query{Wallet: "w9", After: 0, Through: 1})},
	{"Entries, a page", reading(store.Query{Wallet: "many", After: 700, Limit: 10})},
	{"Entries, the newest", reading(store.Query{Wallet: "many", Newest: true, Limit: 10})},
	{"Entries of an entry", reading(store.Query{Wallet: "many", Of: 500, Through: 900, Limit: 10})},
	{"Entries of a feature", reading(store.Query{Wallet: "many", Feature: "chat", Newest: true, Limit: 10})},
	{"Entries of a kind", reading(store.Query{Wallet: "many", Kinds: []uint8{3}, Limit: 10})},
	{"Entries of kinds", reading(store.Query{Wallet: "many", Kinds: []uint8{3, 5}, Limit: 10})},
	{"Entries of a time", reading(store.Query{Wallet: "many", From: 500, To: 520, Limit: 30})},
	{"Entries of all fields", reading(store.Query{
		Wallet: "many", After: 3, Through: 900, From: 5, To: 500, Of: 7, Kinds: []uint8{1}, Feature: "chat", Newest: true, Limit: 3,
	})},
	{"Heads", listing(store.Filter{After: "w5", Limit: 10})},
	{"Heads that are due", listing(store.Filter{Due: 1, Limit: 10})},
	{"Heads that are pending", listing(store.Filter{Pending: true, Limit: 10})},
	{"Heads that are due and pending", listing(store.Filter{After: "w5", Due: 1, Pending: true, Limit: 10})},
	{"Ack", func(ctx context.Context, s store.Store) error { return s.Ack(ctx, "w12", 1) }},
	{"KeepDigests", func(ctx context.Context, s store.Store) error {
		return store.KeepDigests(ctx, s, "many", "n", 1000, store.Digest{Through: 300, Body: []byte("x")}, store.Digest{Through: 600})
	}},
	{"Digests", func(ctx context.Context, s store.Store) error {
		for _, err := range store.Digests(ctx, s, "many", "n", 300, 1000) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"Checkpoint", func(ctx context.Context, s store.Store) error {
		_, err := store.CheckpointOf(ctx, s, "many")
		return err
	}},
}

// least is write with a head alone, as most commands leave it.
func least(wallet string, prev uint64, keys ...string) store.Write {
	w := write(wallet, prev, keys...)
	w.Changes[0].Parts = w.Changes[0].Parts[:1]
	return w
}

func loading(reads ...store.Read) func(ctx context.Context, s store.Store) error {
	return func(ctx context.Context, s store.Store) error {
		_, err := s.Load(ctx, reads...)
		return err
	}
}

func committing(writes ...store.Write) func(ctx context.Context, s store.Store) error {
	return func(ctx context.Context, s store.Store) error {
		kept, err := s.Commit(ctx, writes...)
		for i, ok := range kept {
			if !ok {
				return fmt.Errorf("write %d was not kept", i)
			}
		}
		return err
	}
}

func reading(q store.Query) func(ctx context.Context, s store.Store) error {
	return func(ctx context.Context, s store.Store) error {
		for _, err := range s.Entries(ctx, q) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func listing(f store.Filter) func(ctx context.Context, s store.Store) error {
	return func(ctx context.Context, s store.Store) error {
		for _, err := range s.Heads(ctx, f) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// seed fills a store with wallets "w0" to "w4999", and "many" with 1,000 entries.
func seed(t *testing.T, s store.Store) {
	t.Helper()
	writes := make([]store.Write, 5000)
	for i := range writes {
		writes[i] = write(fmt.Sprintf("w%d", i), 0, "k0")
	}
	many := write("many", 0, "k0")
	c := &many.Changes[0]
	for c.Seq < 1000 {
		e := c.Entries[0]
		c.Seq++
		e.Seq, e.At, e.Of, e.Kind = c.Seq, int64(c.Seq), c.Seq/3, uint8(1+c.Seq%9)
		c.Entries = append(c.Entries, e)
	}
	kept, err := s.Commit(t.Context(), append(writes, many)...)
	if err != nil || !kept[len(writes)] {
		t.Fatal(err)
	}
}

// planned is a store that was seeded, what it sends, and who sees how that is carried out.
type planned struct {
	*postgres.Store
	trace  *tracer
	db     *sql.DB // of the store: one connection
	super  *sql.DB
	schema string
}

// newPlanned opens and seeds a store as a role. All its tables have many rows: one
// of few may well be read from end to end.
func newPlanned(t *testing.T, role func(config *pgx.ConnConfig)) *planned {
	t.Helper()
	p := &planned{trace: new(tracer), super: openAs(t, nil), schema: newSchema(t)}
	db := openAs(t, func(config *pgx.ConnConfig) {
		role(config)
		config.Tracer = p.trace
	})
	db.SetMaxOpenConns(1)
	p.db, p.Store = db, open(t, db, p.schema)
	p.super.SetMaxOpenConns(1)
	must(t, p.super, `SET plan_cache_mode = force_generic_plan`)
	seed(t, p)
	must(t, p.super, fmt.Sprintf(`INSERT INTO %q.credits_checkpoints SELECT 'c' || n, 1, 0, 'x' FROM generate_series(1, 2000) n;
		INSERT INTO %[1]q.credits_digests SELECT 'c' || n, 'n', 1, 'x' FROM generate_series(1, 2000) n`, p.schema))
	p.trace.take()
	return p
}

// analyse lets the planner see what is in the tables.
func (p *planned) analyse(t *testing.T) {
	t.Helper()
	for _, table := range []string{"wallets", "parts", "entries", "notes", "receipts", "checkpoints", "digests"} {
		must(t, p.super, fmt.Sprintf(`ANALYZE %q.credits_%s`, p.schema, table))
	}
}

// TestPostgresPlans sees that each call is one statement and one round trip, and
// that the plan made for all its parameters reads no table from end to end:
// before the tables were ever analysed, and after.
func TestPostgresPlans(t *testing.T) {
	s := newPlanned(t, service)
	sent := make(map[string]pgx.TraceQueryStartData)
	for _, c := range calls {
		s.trace.take()
		if err := c.call(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		all := s.trace.take()
		if len(all) != 1 {
			t.Errorf("%s: %d statements, not one: %v", c.name, len(all), all)
		}
		sent[c.name] = all[0]
	}
	for _, when := range []string{"never analysed", "analysed"} {
		if when == "analysed" {
			s.analyse(t)
		}
		for _, c := range calls {
			t.Run(when+"/"+c.name, func(t *testing.T) {
				plan := explain(t, s.super, sent[c.name])
				if strings.Contains(plan, "Seq Scan on") {
					t.Errorf("a table is read from end to end:\n%s\n%s", sent[c.name].SQL, plan)
				}
				if strings.Contains(plan, "Filter: (key") || strings.Contains(plan, "Filter: (wallet") {
					t.Errorf("a receipt is sought among all of its wallet:\n%s\n%s", sent[c.name].SQL, plan)
				}
				if !strings.Contains(plan, "Index") && !strings.Contains(plan, "Conflict Arbiter") {
					t.Errorf("no index is used:\n%s\n%s", sent[c.name].SQL, plan)
				}
			})
		}
	}
}

// TestPostgresPlansOnce sees that a statement that is sent again and again is not
// planned each time: as soon as it may, PostgreSQL takes one plan for any parameters.
func TestPostgresPlansOnce(t *testing.T) {
	const tries = 5 // with which PostgreSQL compares
	s := newPlanned(t, service)
	for range tries {
		for _, c := range calls {
			_ = c.call(t.Context(), s) // what was committed is not committed again: it is asked all the same
		}
	}
	s.analyse(t)
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			s.trace.take()
			_ = c.call(t.Context(), s)
			text, plans := s.trace.take()[0].SQL, 0
			rows, err := s.db.QueryContext(t.Context(), `SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1`, text)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			if !rows.Next() || rows.Scan(&plans) != nil || plans == 0 {
				t.Errorf("it was planned for its parameters:\n%s", text)
			}
		})
	}
}

// explain returns the plan of a statement for any parameters.
func explain(t *testing.T, db *sql.DB, sent pgx.TraceQueryStartData) string {
	t.Helper()
	return explainWith(t, db, "COSTS", sent)
}

// explainWith is explain with options of the command.
func explainWith(t *testing.T, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, options string, sent pgx.TraceQueryStartData,
) string {
	t.Helper()
	var args []string
	for _, a := range sent.Args {
		switch a := a.(type) {
		case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		case nil:
			args = append(args, "NULL")
		case string:
			args = append(args, "'"+strings.ReplaceAll(a, "'", "''")+"'")
		case []byte:
			args = append(args, `'\x`+hex.EncodeToString(a)+"'")
		default:
			args = append(args, fmt.Sprint(a))
		}
	}
	must(t, db, "PREPARE explained AS "+sent.SQL)
	defer must(t, db, "DEALLOCATE explained")
	rows, err := db.QueryContext(t.Context(), "EXPLAIN ("+options+") EXECUTE explained("+strings.Join(args, ", ")+")")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	return plan.String()
}

// TestPostgresPrunePlans sees that no statement of what prunes, restores or erases
// reads a table from end to end, before the tables were ever analysed, and after.
func TestPostgresPrunePlans(t *testing.T) {
	s := newPlanned(t, owner)
	if err := s.Ack(t.Context(), "many", 1000); err != nil {
		t.Fatal(err)
	}
	s.trace.take()
	erases := write("w1", 1)
	erases.Changes[0].Erase = []uint64{1}
	keepAll(t, s, erases)
	prune(t, s, "many", 400)
	if err := s.Restore(t.Context(), "new", seal(9), 0, []store.Part{{ID: 0, Body: []byte("head")}, {ID: 1, Body: []byte("page")}}); err != nil {
		t.Fatal(err)
	}
	sent := map[string]pgx.TraceQueryStartData{}
	for _, text := range s.trace.take() {
		if strings.Contains(text.SQL, "credits_") {
			sent[text.SQL] = text
		}
	}
	if len(sent) != 14 {
		t.Errorf("%d statements were seen, not 14", len(sent))
	}
	for _, when := range []string{"never analysed", "analysed"} {
		if when == "analysed" {
			s.analyse(t)
		}
		for text, data := range sent {
			if plan := explain(t, s.super, data); strings.Contains(plan, "Seq Scan on") {
				t.Errorf("%s: a table is read from end to end:\n%s\n%s", when, text, plan)
			}
		}
	}
}

// TestPostgresModes makes all calls in each of pgx's modes: behind a pooler
// that shares connections, a host has to do without prepared statements.
func TestPostgresModes(t *testing.T) {
	modes := []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec,
		pgx.QueryExecModeSimpleProtocol,
	}
	var want []kept
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			s := open(t, openAs(t, func(config *pgx.ConnConfig) {
				service(config)
				config.DefaultQueryExecMode = mode
			}), newSchema(t))
			first := make([]store.Write, 20)
			for i := range first {
				first[i] = write(fmt.Sprintf("w%d", i), 0, "k0")
			}
			if err := committing(append(first, write("many", 0))...)(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				if err := c.call(t.Context(), s); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			got := dump(t, s)
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what is kept (-%v +%v):\n%s", modes[0], mode, diff)
			}
		})
	}
}
