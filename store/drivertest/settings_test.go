package drivertest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
)

// everything makes all calls on an empty store, and returns what it keeps then,
// and what it answers to all queries.
func everything(t *testing.T, s store.Store) []kept {
	t.Helper()
	first := make([]store.Write, 20)
	for i := range first {
		first[i] = write(fmt.Sprintf("w%d", i), 0, "k0")
	}
	odd := write("it's \"{\\x41}, \u00e9\u0416 %s $1 ?", 0, "NULL", "\\", `","`, "''")
	odd.Changes[0].Parts = append(odd.Changes[0].Parts, store.Part{ID: 1 << 40, Body: []byte("\x00\\000\xff")})
	if err := committing(append(first, write("many", 0), odd)...)(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(30) {
		w := write("many", 1+seq)
		w.Changes[0].Entries[0].Kind = uint8(1 + seq%4)
		if err := committing(w)(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range calls {
		if err := c.call(t.Context(), s); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	all := dump(t, s)
	for i, q := range queries() {
		if i%11 > 0 {
			continue
		}
		q.Wallet = "many"
		var seqs []uint64
		for e, err := range s.Entries(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			seqs = append(seqs, e.Seq)
		}
		all = append(all, kept{fmt.Sprintf("%+v", q), fmt.Sprint(seqs)})
	}
	for _, f := range filters {
		var names []string
		for h, err := range s.Heads(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, h.Wallet)
		}
		all = append(all, kept{fmt.Sprintf("%+v", f), fmt.Sprint(names)})
	}
	return all
}

// TestPostgresSettings makes all calls under settings that a host may have on its
// connections. What is kept and answered is the same.
func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	want := everything(t, new(memory.Store))
	for _, set := range []string{
		"bytea_output=escape", "standard_conforming_strings=off", "backslash_quote=on", "escape_string_warning=off", "array_nulls=off",
		"transform_null_equals=on", "extra_float_digits=-15", "default_transaction_isolation=serializable", "default_transaction_isolation=repeatable read",
		"default_transaction_deferrable=on", "plan_cache_mode=force_custom_plan", "plan_cache_mode=force_generic_plan", "enable_indexscan=off",
		"enable_hashjoin=off", "jit=on", "row_security=off", "DateStyle=German", "TimeZone=America/Sao_Paulo",
		"IntervalStyle=iso_8601", "search_path=pg_catalog", "work_mem=64kB", "statement_timeout=1h", "lock_timeout=1h",
		"idle_in_transaction_session_timeout=1h", "idle_session_timeout=1h", "client_min_messages=debug5", "from_collapse_limit=1",
		"geqo_threshold=2", "max_parallel_workers_per_gather=8", "cursor_tuple_fraction=0.01", "check_function_bodies=off",
	} {
		t.Run(set, func(t *testing.T) {
			name, value, _ := strings.Cut(set, "=")
			got := everything(t, open(t, openAs(t, func(config *pgx.ConnConfig) {
				service(config)
				config.RuntimeParams[name] = value
			}), newSchema(t)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what is kept (-memory +%s):\n%.3000s", set, diff)
			}
		})
	}
}

// TestSQLiteSettings is the same for SQLite.
func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	want := everything(t, new(memory.Store))
	for _, set := range []string{
		"foreign_keys(1)", "foreign_keys(0)", "recursive_triggers(1)", "reverse_unordered_selects(1)", "automatic_index(0)", "secure_delete(1)",
		"cache_size(1)", "mmap_size(268435456)", "temp_store(2)", "wal_autocheckpoint(1)", "wal_autocheckpoint(0)", "journal_size_limit(0)",
		"cell_size_check(1)", "ignore_check_constraints(1)", "case_sensitive_like(1)", "trusted_schema(0)", "defer_foreign_keys(1)",
		"full_column_names(1)", "short_column_names(0)", "legacy_alter_table(1)", "read_uncommitted(1)", "synchronous(3)", "threads(4)", "cache_spill(0)",
	} {
		t.Run(set, func(t *testing.T) {
			s := newSQLite(t, modernc.openWith(t, newFile(t), modernc.params+"&_pragma="+set), sqlite.Options{})
			if diff := cmp.Diff(want, everything(t, s)); diff != "" {
				t.Errorf("what is kept (-memory +%s):\n%.3000s", set, diff)
			}
		})
	}
	for _, param := range []string{"_txlock=immediate", "_txlock=exclusive", "_time_format=sqlite", "_loc=auto", "_foreign_keys=1", "_cache_size=1", "_mutex=no"} {
		t.Run(param, func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d sqliteDriver) {
				if d == modernc && slices.Contains([]string{"_loc=auto"}, param) {
					t.Skip("a parameter of the other driver's")
				}
				s := newSQLite(t, d.openWith(t, newFile(t), d.params+"&"+param), sqlite.Options{})
				if diff := cmp.Diff(want, everything(t, s)); diff != "" {
					t.Errorf("what is kept (-memory +%s):\n%.3000s", param, diff)
				}
			})
		})
	}
}

// TestSQLiteTxLock lets the host's transactions take SQLite's lock as they begin.
func TestSQLiteTxLock(t *testing.T) {
	for _, lock := range []string{"deferred", "immediate", "exclusive"} {
		t.Run(lock, func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d sqliteDriver) {
				d.params += "&_txlock=" + lock
				h := newShop(t, d)
				for _, keep := range []bool{false, true} {
					tx := h.begin(t)
					if _, err := h.spend(t, tx, "job", credits.Credit); err != nil {
						t.Fatal(err)
					}
					end := tx.Rollback
					if keep {
						end = tx.Commit
					}
					if err := end(); err != nil {
						t.Fatal(err)
					}
				}
				if got := h.balance(t); got != 9*credits.Credit {
					t.Errorf("%v are left", got)
				}
			})
		})
	}
}
