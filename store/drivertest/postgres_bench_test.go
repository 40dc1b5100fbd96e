package drivertest_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// BenchmarkPostgres compares one statement of the barest kind (a debit, a key
// and an entry) with a commit of the store and a command of a ledger, by one caller.
func BenchmarkPostgres(b *testing.B) {
	schema, db := newSchema(b), openAs(b, service)
	must(b, openAs(b, nil), `SET search_path TO "`+schema+`"; CREATE TABLE w (id text PRIMARY KEY, seq bigint, left_ bigint);
		CREATE TABLE e (wallet text, seq bigint, body bytea, PRIMARY KEY (wallet, seq)); CREATE TABLE k (wallet text, key text, PRIMARY KEY (wallet, key));
		INSERT INTO w SELECT 'w' || n, 0, 1000000000 FROM generate_series(0, 999) n; GRANT ALL ON w, e, k TO credits_run`)
	s := open(b, db, schema)
	b.Run("floor", func(b *testing.B) {
		text := fmt.Sprintf(`WITH m AS (UPDATE %[1]q.w SET seq = seq + 1, left_ = left_ - 1 WHERE id = $1 AND left_ > 0 RETURNING id, seq),
			k AS (INSERT INTO %[1]q.k SELECT id, $2 FROM m) INSERT INTO %[1]q.e SELECT id, seq, $3 FROM m`, schema)
		body := make([]byte, 128)
		for n := 0; b.Loop(); n++ {
			if _, err := db.ExecContext(b.Context(), text, fmt.Sprintf("w%d", n%1000), fmt.Sprint(time.Now().UnixNano()), body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("commit", func(b *testing.B) {
		seqs := make(map[string]uint64)
		for n := 0; b.Loop(); n++ {
			w := write(fmt.Sprintf("c%d", n%1000), seqs[fmt.Sprintf("c%d", n%1000)], fmt.Sprint(n))
			c := &w.Changes[0]
			c.Parts = []store.Part{{ID: 0, Body: make([]byte, 300)}}
			c.Entries[0].Note, c.Entries[0].Body, c.Entries[0].Of = nil, make([]byte, 128), 0
			if kept, err := s.Commit(b.Context(), w); err != nil || !kept[0] {
				b.Fatal(kept, err)
			}
			seqs[c.Wallet] = c.Seq
		}
	})
	b.Run("load", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			if _, err := s.Load(b.Context(), store.Read{Wallet: fmt.Sprintf("c%d", n%1000), Keys: []string{"none"}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ledger", func(b *testing.B) {
		l := credits.New(s, nil)
		plan := credits.Plan{ID: "pro", Version: 1, Every: credits.Months(1), Allowances: []credits.Allowance{{Amount: 1e6 * credits.Credit}}}
		for n := range 100 {
			if _, err := l.Do(b.Context(), credits.WalletID(fmt.Sprintf("l%d", n)), "open", credits.Open{Plan: plan}); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		for n := 0; b.Loop(); n++ {
			if _, err := l.Do(b.Context(), credits.WalletID(fmt.Sprintf("l%d", n%100)), credits.Key(fmt.Sprint(n)), spend(1)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
