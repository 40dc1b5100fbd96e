package credits_test

import (
	"testing"
	"time"

	"example.com/credits"
)

// TestEntryLines shows what the lines of entries are. The same is checked of
// every entry of every test that ends with checkInvariants.
func TestEntryLines(t *testing.T) {
	r := newRig(t, "2026-01-10 12:00")
	r.open(monthly("100", func(p *credits.Plan) {
		p.Features["look"] = credits.Rate{Free: true}
		p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(n("50"))}}
	}))
	t.Run("L-2/facts have no lines", func(t *testing.T) {
		r := r.in(t)
		for _, c := range []credits.Command{
			credits.SetZone{Zone: "Asia/Tokyo"}, credits.Spend{Feature: "look", Quantity: 3}, credits.CarryOver{Amount: n("1")},
		} {
			if e := r.do(c).Entries; len(e) != 1 || e[0].Lines != nil {
				t.Errorf("%T has entries %+v, want one without lines", c, e)
			}
		}
	})
	hold := r.do(credits.Reserve{Amount: n("30"), Until: day("2026-01-11")})
	r.do(credits.Capture{Hold: hold.ID, Amount: n("10")})
	spend := r.do(credits.Spend{Amount: n("120")})
	r.do(credits.Grant{Amount: n("40"), Starts: r.clock.Now().Add(time.Hour)})
	r.clock.Add(2 * time.Hour)
	r.do(credits.Reverse{Spend: spend.ID, Amount: n("7")})
	r.at("2026-02-10 12:00")
	r.do(credits.Revoke{All: true})
	t.Run("L-2/accounts sum to 0, and an entry opens one lot", func(t *testing.T) {
		sums, opened := map[credits.Account]credits.Amount{}, map[credits.ID]bool{}
		for e, err := range r.ledger.History(r.ctx, acme, credits.HistoryQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, ln := range e.Lines {
				if ln.Amount <= 0 {
					t.Errorf("entry %d moves %v", e.Seq, ln.Amount)
				}
				sums[ln.From] -= ln.Amount
				sums[ln.To] += ln.Amount
			}
			var sum credits.Amount
			for _, a := range sums {
				sum += a
			}
			if sum != 0 {
				t.Errorf("after entry %d the accounts sum to %v: %v", e.Seq, sum, sums)
			}
			if got := sums[credits.Available] + sums[credits.Debt]; got != e.Balance {
				t.Errorf("entry %d says %v are left, the lines %v", e.Seq, e.Balance, got)
			}
			if e.Opens != nil {
				if e.Opens.ID != e.Seq || opened[e.Seq] {
					t.Errorf("entry %d opens lot %d", e.Seq, e.Opens.ID)
				}
				opened[e.Seq] = true
			}
		}
		if len(opened) != 3 {
			t.Errorf("%d lots were opened, want 3", len(opened))
		}
	})
}
