package drivertest_test

import (
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/internal/lives"
	"example.com/credits/store/memory"
	"example.com/credits/store/sqlite"
	"example.com/credits/usage"
)

// BenchmarkUsage asks for a year's usage of a wallet and for the statement of its last
// month, on each store: without digests, while they are made, and with them.
// CREDITS_ENTRIES says how many spends there were.
func BenchmarkUsage(b *testing.B) {
	var year memory.Store
	end := lives.Year(b, &year)
	eachDriverB(b, func(b *testing.B, d sqliteDriver) {
		s := newSQLite(b, d.open(b, newFile(b)), sqlite.Options{})
		lives.Copy(b, &year, s, lives.First)
		benchUsage(b, s, end)
	})
	b.Run("postgres", func(b *testing.B) {
		schema, db := newSchema(b), openAs(b, service)
		s := open(b, db, schema)
		lives.Copy(b, &year, s, lives.First)
		must(b, openAs(b, nil), "ANALYZE")
		benchUsage(b, s, end)
	})
}

func benchUsage(b *testing.B, s lives.Able, end time.Time) {
	whole := credits.Period{End: end}
	for _, bb := range []struct {
		name string
		ask  func(*credits.Ledger) error
	}{
		{name: "day,feature", ask: func(l *credits.Ledger) error {
			_, err := usage.Of(b.Context(), l, lives.First, usage.Query{By: []usage.Dimension{usage.Day, usage.Feature}, Within: whole})
			return err
		}},
		{name: "day,actor", ask: func(l *credits.Ledger) error {
			_, err := usage.Of(b.Context(), l, lives.First, usage.Query{By: []usage.Dimension{usage.Day, usage.Actor}, Within: whole})
			return err
		}},
		{name: "statement", ask: func(l *credits.Ledger) error {
			_, err := finance.Of(b.Context(), l, lives.First, credits.Period{Start: end.AddDate(0, -1, 0), End: end})
			return err
		}},
	} {
		b.Run(bb.name, func(b *testing.B) { lives.Bench(b, s, end, bb.ask) })
	}
}
