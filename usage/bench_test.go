package usage_test

import (
	"testing"

	"example.com/credits"
	"example.com/credits/internal/lives"
	"example.com/credits/store/memory"
	"example.com/credits/usage"
)

// BenchmarkOf asks for the usage of a year: without digests, while they are made,
// and with them. CREDITS_ENTRIES says how many spends there were.
func BenchmarkOf(b *testing.B) {
	s := new(memory.Store)
	end := lives.Year(b, s)
	for _, bb := range []struct {
		name string
		by   []usage.Dimension
	}{
		{name: "day,feature", by: []usage.Dimension{usage.Day, usage.Feature}},
		{name: "day,actor", by: []usage.Dimension{usage.Day, usage.Actor}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			lives.Bench(b, s, end, func(l *credits.Ledger) error {
				_, err := usage.Of(b.Context(), l, lives.First, usage.Query{By: bb.by, Within: credits.Period{End: end}})
				return err
			})
		})
	}
}
