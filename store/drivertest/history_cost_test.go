package drivertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// historyVariable says how many entries the longer of two histories has.
const historyVariable = "CREDITS_TEST_HISTORY"

// shortHistory is how many the shorter one has.
const shortHistory = 100

func longHistory(t *testing.T) int {
	t.Helper()
	text := os.Getenv(historyVariable)
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(historyVariable, err)
	}
	return n
}

// fillHistory gives a wallet n entries, a millisecond apart, of four kinds and two
// features, but for three that are of a kind and a feature of their own.
func fillHistory(t *testing.T, s store.Store, wallet string, n int) {
	t.Helper()
	for seq := uint64(0); seq < uint64(n); {
		size := min(10_000, uint64(n)-seq)
		w := write(wallet, seq, fmt.Sprint("key ", seq))
		c := &w.Changes[0]
		c.Seq, c.Entries = seq+size, c.Entries[:0]
		for range size {
			seq++
			e := store.Entry{Seq: seq, At: int64(seq) * 1000, Kind: uint8(1 + seq%4), Of: seq - seq%4, Feature: []string{"chat", "image"}[seq/4%2]}
			if seq%uint64(n/3) == 0 {
				e.Kind, e.Feature = 20, "rare"
			}
			e.Body, e.Note = make([]byte, 120), []byte("note")
			c.Entries = append(c.Entries, e)
		}
		keepAll(t, s, w)
	}
}

// historyCalls are calls about a wallet of n entries: its balance, the next spend,
// and pages of its history, from its ends and from a cursor in its middle.
func historyCalls(wallet string, n int) map[string]func(ctx context.Context, s store.Store) error {
	middle := uint64(n / 2)
	at := func(seq uint64) int64 { return int64(seq) * 1000 }
	calls := map[string]func(ctx context.Context, s store.Store) error{
		"the balance":                 loading(store.Read{Wallet: wallet, Keys: []string{"another"}}),
		"the balance, which is known": loading(store.Read{Wallet: wallet, Have: uint64(n)}),
		"a spend":                     committing(write(wallet, uint64(n), "new")),
	}
	for name, q := range map[string]store.Query{
		"the oldest":                                {},
		"the newest":                                {Newest: true},
		"after the middle":                          {After: middle},
		"before the middle":                         {Through: middle, Newest: true},
		"one in the middle":                         {After: middle, Through: middle + 1},
		"of a kind":                                 {Kinds: []uint8{3}},
		"of a kind, after the middle":               {Kinds: []uint8{3}, After: middle},
		"of a kind, before the middle":              {Kinds: []uint8{3}, Through: middle, Newest: true},
		"of a rare kind":                            {Kinds: []uint8{20}},
		"of a rare kind, the newest":                {Kinds: []uint8{20}, Newest: true},
		"of kinds, after the middle":                {Kinds: []uint8{3, 4, 2}, After: middle},
		"of kinds, the newest":                      {Kinds: []uint8{3, 4, 20}, Newest: true},
		"of rare kinds":                             {Kinds: []uint8{20, 21}},
		"of most kinds, after the middle":           {Kinds: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, After: middle},
		"of a feature, after the middle":            {Feature: "chat", After: middle},
		"of a feature, before the middle":           {Feature: "chat", Through: middle, Newest: true},
		"of a rare feature":                         {Feature: "rare"},
		"of a feature and a kind, after the middle": {Feature: "chat", Kinds: []uint8{3}, After: middle},
		"about one":                                 {Of: middle - middle%4},
		"about one, the newest":                     {Of: middle - middle%4, Newest: true},
		"since the middle":                          {From: at(middle)},
		"since the middle, the newest":              {From: at(middle), Newest: true},
		"until the middle":                          {To: at(middle)},
		"until the middle, the newest":              {To: at(middle), Newest: true},
		"of a short time":                           {From: at(middle), To: at(middle + 4)},
		"of a long time, from a cursor":             {From: at(middle / 2), To: at(middle + middle/2), After: middle},
		"of a long time, a kind, the newest":        {From: at(middle / 2), To: at(middle + middle/2), Kinds: []uint8{3}, Newest: true},
		"of a long time, kinds":                     {From: at(middle / 2), To: at(middle + middle/2), Kinds: []uint8{3, 4}},
		"of a long time, a feature":                 {From: at(middle / 2), To: at(middle + middle/2), Feature: "chat"},
		"before the first time":                     {To: 1},
		"after the last time":                       {From: at(uint64(n) + 1)},
	} {
		q.Wallet, q.Limit = wallet, 5
		calls["entries "+name] = reading(q)
	}
	return calls
}

// constant compares the pages that calls touch with a short and with a long
// history: a few more, where a tree of keys is higher or an instant is sought by
// halving, and no more than that.
func constant(t *testing.T, n int, pages func(t *testing.T, wallet string, n int, name string) int) {
	for name := range historyCalls("", shortHistory) {
		t.Run(name, func(t *testing.T) {
			short, long := pages(t, "short", shortHistory, name), pages(t, "long", n, name)
			if steps := bits.Len(uint(n / shortHistory)); long > 2*short+8*steps {
				t.Errorf("with %d entries %d pages are read, and with %d entries %d", shortHistory, short, n, long)
			}
			t.Logf("%d pages, and %d", short, long)
		})
	}
}

var buffers = regexp.MustCompile(`Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?`)

// TestPostgresHistoryCost sees that a balance, a spend and a page of history cost
// the same however long the history is: by the plan for any parameters, before and
// after the tables were analysed, and by that for these parameters.
func TestPostgresHistoryCost(t *testing.T) {
	var trace tracer
	db := openAs(t, func(config *pgx.ConnConfig) {
		service(config)
		config.Tracer = &trace
	})
	schema, n := newSchema(t), longHistory(t)
	s, super := open(t, db, schema), openAs(t, nil)
	super.SetMaxOpenConns(1)
	must(t, super, `SET statement_timeout = '5min'`)
	seed(t, s) // what suits most wallets is not what suits a long one
	fillHistory(t, s, "short", shortHistory)
	fillHistory(t, s, "long", n)
	pages := func(t *testing.T, wallet string, n int, name string) int {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		trace.take()
		err = historyCalls(wallet, n)[name](t.Context(), s.Tx(tx))
		sent := trace.take()
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if tx, err = super.BeginTx(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		plan := explainWith(t, tx, "ANALYZE, BUFFERS, COSTS OFF, TIMING OFF", sent[len(sent)-1])
		found := buffers.FindStringSubmatch(plan)
		if found == nil {
			t.Fatal("no buffers")
		}
		hit, _ := strconv.Atoi(found[1])
		read, _ := strconv.Atoi(found[2])
		return hit + read
	}
	for _, mode := range []string{"force_generic_plan", "analysed", "force_custom_plan"} {
		t.Run(mode, func(t *testing.T) {
			if mode == "analysed" {
				must(t, super, fmt.Sprintf("ANALYZE %q.credits_entries, %[1]q.credits_wallets, %[1]q.credits_notes", schema))
			} else {
				must(t, super, "SET plan_cache_mode = "+mode)
			}
			constant(t, n, pages)
		})
	}
}

// TestSQLiteHistoryCost is the same for SQLite: it counts the bytes that this
// process reads, by a connection that remembers next to no page.
func TestSQLiteHistoryCost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says how much a process reads")
	}
	file, n := newFile(t), longHistory(t)
	filler := modernc
	if withCgo {
		filler = mattn // is faster
	}
	db := filler.open(t, file)
	s := newSQLite(t, db, sqlite.Options{})
	fillHistory(t, s, "short", shortHistory)
	fillHistory(t, s, "long", n)
	must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
	few := modernc.openWith(t, file, modernc.params+"&_pragma=cache_size(1)")
	measured := newSQLite(t, few, sqlite.Options{})
	constant(t, n, func(t *testing.T, wallet string, n int, name string) int {
		least := 0
		for range 3 { // the first prepares what others find prepared
			tx, err := few.BeginTx(t.Context(), &sql.TxOptions{})
			if err != nil {
				t.Fatal(err)
			}
			bound := measured.Tx(tx)
			if _, err := bound.Load(t.Context(), store.Read{Wallet: "none"}); err != nil { // takes the lock
				t.Fatal(err)
			}
			before := bytesRead(t)
			if err := historyCalls(wallet, n)[name](t.Context(), bound); err != nil {
				t.Fatal(err)
			}
			if got := (bytesRead(t) - before) / 4096; least == 0 || got < least {
				least = got
			}
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
		}
		return least
	})
}

var readChars = regexp.MustCompile(`rchar: (\d+)`)

// bytesRead returns how many bytes this process has read so far.
func bytesRead(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("the system does not say how much a process reads: ", err)
	}
	found := readChars.FindSubmatch(text)
	if found == nil {
		t.Fatalf("/proc/self/io: %s", text)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
