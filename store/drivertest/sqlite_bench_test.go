package drivertest_test

import (
	"context"
	"fmt"
	"testing"

	"example.com/credits/store"
	"example.com/credits/store/sqlite"
)

// eachDriverB runs a benchmark with each driver that there is.
func eachDriverB(b *testing.B, f func(b *testing.B, d sqliteDriver)) {
	for _, d := range drivers() {
		b.Run(d.module, func(b *testing.B) { f(b, d) })
	}
}

// BenchmarkSQLiteFloor is the least that keeps anything: one UPDATE and one
// INSERT in a transaction, prepared, on one connection.
func BenchmarkSQLiteFloor(b *testing.B) {
	eachDriverB(b, func(b *testing.B, d sqliteDriver) {
		db := d.open(b, newFile(b))
		if err := sqlite.Migrate(b.Context(), db, sqlite.Options{}); err != nil {
			b.Fatal(err)
		}
		c, err := db.Conn(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		mustConn(b, c, "CREATE TABLE balances (id TEXT PRIMARY KEY, seq INTEGER, body BLOB) WITHOUT ROWID")
		mustConn(b, c, "CREATE TABLE moves (id TEXT, seq INTEGER, body BLOB, PRIMARY KEY (id, seq)) WITHOUT ROWID")
		mustConn(b, c, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)
			INSERT INTO balances SELECT 'wallet-' || i, 1, zeroblob(300) FROM n`, benchWallets))
		var steps [4]interface{ exec(args ...any) error }
		for i, text := range []string{
			"BEGIN IMMEDIATE", "UPDATE balances SET seq = ?2, body = ?3 WHERE id = ?1", "INSERT INTO moves VALUES (?1, ?2, ?3)", "COMMIT",
		} {
			s, err := c.PrepareContext(b.Context(), text)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			steps[i] = execFunc(func(args ...any) error {
				_, err := s.ExecContext(context.Background(), args...)
				return err
			})
		}
		n := 1
		for b.Loop() {
			n++
			id := fmt.Sprint("wallet-", n%benchWallets)
			for i, args := range [][]any{nil, {id, n, benchPart}, {id, n, benchBody}, nil} {
				if err := steps[i].exec(args...); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

type execFunc func(args ...any) error

func (f execFunc) exec(args ...any) error { return f(args...) }

const benchWallets = 1000

var benchPart, benchBody, benchNote, benchReceipt = make([]byte, 300), make([]byte, 120), make([]byte, 40), make([]byte, 60)

// spendOf is a change as a spend makes it.
func spendOf(wallet string, prev uint64) store.Change {
	return store.Change{
		Wallet: wallet, Prev: prev, Seq: prev + 1, Due: 1_700_000_000_000_000,
		Parts:    []store.Part{{ID: 0, Body: benchPart}},
		Entries:  []store.Entry{{Seq: prev + 1, At: 1_700_000_000_000_000 + int64(prev), Kind: 3, Feature: "chat", Body: benchBody, Note: benchNote}},
		Receipts: []store.Receipt{{Key: fmt.Sprint("key-", prev), Body: benchReceipt}},
	}
}

func BenchmarkSQLiteCommit(b *testing.B) {
	for _, batch := range []int{1, 64} {
		b.Run(fmt.Sprint("writes=", batch), func(b *testing.B) {
			eachDriverB(b, func(b *testing.B, d sqliteDriver) {
				s := newSQLite(b, d.open(b, newFile(b)), sqlite.Options{})
				first := make([]store.Write, benchWallets)
				for i := range first {
					first[i].Changes = []store.Change{spendOf(fmt.Sprint("wallet-", i), 0)}
				}
				keepAll(b, s, first...)
				seqs := make([]uint64, benchWallets)
				writes := make([]store.Write, batch)
				n := 0
				for b.Loop() {
					for i := range writes {
						n++
						at := n % benchWallets
						seqs[at]++
						writes[i].Changes = []store.Change{spendOf(fmt.Sprint("wallet-", at), seqs[at])}
					}
					keepAll(b, s, writes...)
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "writes/s")
			})
		})
	}
}

func BenchmarkSQLiteLoad(b *testing.B) {
	eachDriverB(b, func(b *testing.B, d sqliteDriver) {
		s := newSQLite(b, d.open(b, newFile(b)), sqlite.Options{})
		keepAll(b, s, store.Write{Changes: []store.Change{spendOf("acme", 0)}})
		read := store.Read{Wallet: "acme", Keys: []string{"another"}}
		for b.Loop() {
			if states, err := s.Load(b.Context(), read); err != nil || states[0].Seq != 1 {
				b.Fatal(states, err)
			}
		}
	})
}
