package credits

import "testing"

// TestClosedPageLimit reads pages of lots that were used up, full and fuller.
func TestClosedPageLimit(t *testing.T) {
	for n, want := range map[int]int{pageSize: pageSize, pageSize + 1: 0} {
		lots := make([]lot, n)
		for i := range lots {
			lots[i].lotTerms = &lotTerms{id: ID(i + 1), amount: Credit}
		}
		r := reader{b: storedLots(nil, lots)}
		if got := len(r.closedLots()); got != want || r.bad != (want == 0) {
			t.Errorf("read %d of %d lots, want %d", got, n, want)
		}
	}
}
