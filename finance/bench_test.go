package finance_test

import (
	"testing"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/internal/lives"
	"example.com/credits/store/memory"
)

// BenchmarkOf makes the statement of the last month of a year: without digests,
// while they are made, and with them. CREDITS_ENTRIES says how many spends there were.
func BenchmarkOf(b *testing.B) {
	s := new(memory.Store)
	end := lives.Year(b, s)
	lives.Bench(b, s, end, func(l *credits.Ledger) error {
		_, err := finance.Of(b.Context(), l, lives.First, credits.Period{Start: end.AddDate(0, -1, 0), End: end})
		return err
	})
}
