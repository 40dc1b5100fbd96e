package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// planChange is a wallet's changes of plan, and what follows.
type planChange struct {
	name  string
	first credits.Plan
	all   []change
	until string
	has   string
	then  []string // what fell due by itself after the last change
}

func (tt planChange) run(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(tt.first)
	r.play(tt.all)
	last := r.wallet().Seq()
	r.at(tt.until)
	r.has(tt.has)
	r.tick()
	r.wrote(last, tt.then...)
}

// S-10, P-8: what a change of plan charges and grants, and what follows.
func TestChangeOfPlan(t *testing.T) {
	free, small, big := sold("free", "1000", ""), sold("small", "10000", "9.00 USD"), sold("big", "40000", "36.00 USD")
	for _, tt := range []planChange{
		{
			name: "S-10/up at once: the rise", first: small,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: big}, "27.00 USD", "30000"}},
			until: "2026-02-01", has: "40000", then: []string{"2026-02-01 renewed 36.00 USD +40000"},
		},
		{
			name: "S-10/down at once: nothing, and what was granted stays", first: big,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: small}, "", ""}},
			until: "2026-02-01", has: "10000", then: []string{"2026-02-01 renewed 9.00 USD +10000"},
		},
		{
			name: "S-10/up, down and up again: once", first: small,
			all: []change{
				{"2026-01-10", credits.Subscribe{Plan: big}, "27.00 USD", "30000"},
				{"2026-01-11", credits.Subscribe{Plan: small}, "", ""},
				{"2026-01-12", credits.Subscribe{Plan: big}, "", ""},
				{"2026-01-31", credits.Subscribe{Plan: small}, "", ""},
			},
			until: "2026-02-01", has: "10000", then: []string{"2026-02-01 renewed 9.00 USD +10000"},
		},
		{
			name: "S-10/by way of a plan that costs nothing", first: small,
			all: []change{
				{"2026-01-10", credits.Subscribe{Plan: free}, "", ""},
				{"2026-01-11", credits.Subscribe{Plan: small}, "", ""},
			},
			until: "2026-02-01", has: "10000", then: []string{"2026-02-01 renewed 9.00 USD +10000"},
		},
		{
			name: "S-10/between plans that cost nothing", first: free,
			all: []change{
				{"2026-01-10", credits.Subscribe{Plan: sold("trial", "1500", "")}, "", "500"},
				{"2026-01-11", credits.Subscribe{Plan: free}, "", ""},
			},
			until: "2026-02-01", has: "1000", then: []string{"2026-02-01 renewed +1000"},
		},
		{
			name: "CF-06/from one that costs nothing: anew, whole", first: free,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: small}, "9.00 USD", "10000"}},
			until: "2026-02-10", has: "10000", then: []string{"2026-02-10 renewed 9.00 USD +10000"},
		},
		{
			name: "T-5/up at the next cycle", first: small,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: big, When: credits.AtCycle}, "", ""}},
			until: "2026-02-01", has: "40000", then: []string{"2026-02-01 renewed 36.00 USD +40000"},
		},
	} {
		t.Run(tt.name, tt.run)
	}
}

// T-5: a change between plans that are billed by the month and by the year.
func TestChangeOfTerm(t *testing.T) {
	small, big := sold("small", "10000", "9.00 USD"), sold("big", "40000", "36.00 USD")
	smallYear, bigYear := sold("small-year", "10000", "108.00 USD", annually), sold("big-year", "40000", "432.00 USD", annually)
	for _, tt := range []planChange{
		{
			name: "S-10/from annual to a dear month and back and again: once", first: smallYear,
			all: []change{
				{"2026-05-10", credits.Subscribe{Plan: big}, "27.00 USD", "30000"},
				{"2026-05-11", credits.Subscribe{Plan: small}, "", ""},
				{"2026-05-12", credits.Subscribe{Plan: big}, "", ""},
			},
			until: "2026-06-01", has: "40000", then: []string{"2026-06-01 renewed 27.00 USD +40000"},
		},
		{
			name: "T-5/by way of a plan that costs nothing: what was paid of the year counts", first: smallYear,
			all: []change{
				{"2026-05-10", credits.Subscribe{Plan: sold("free", "1000", "")}, "", ""},
				{"2026-07-10", credits.Subscribe{Plan: smallYear}, "54.00 USD", "9000"}, // a year from July on: six months are paid
			},
			until: "2026-08-01", has: "10000", then: []string{"2026-08-01 renewed +10000"},
		},
		{
			name: "T-5/from monthly to annual: the month that was paid counts", first: small,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: smallYear}, "99.00 USD", ""}},
			until: "2026-03-01", has: "10000", then: []string{"2026-02-01 renewed +10000", "2026-03-01 renewed +10000"},
		},
		{
			name: "T-5/from a dear month to a cheap year: eleven months", first: big,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: smallYear}, "99.00 USD", ""}},
			until: "2026-02-01", has: "10000", then: []string{"2026-02-01 renewed +10000"},
		},
		{
			name: "T-5/up in the fifth month of a year: the rise of eight", first: smallYear,
			all:   []change{{"2026-05-10", credits.Subscribe{Plan: bigYear}, "216.00 USD", "30000"}},
			until: "2026-06-01", has: "40000", then: []string{"2026-06-01 renewed +40000"},
		},
		{
			name: "T-5/up at the next cycle of a year", first: smallYear,
			all:   []change{{"2026-05-10", credits.Subscribe{Plan: bigYear, When: credits.AtCycle}, "", ""}},
			until: "2026-07-01", has: "40000", then: []string{"2026-06-01 renewed 189.00 USD +40000", "2026-07-01 renewed +40000"},
		},
		{
			name: "T-5/from annual to a dearer month: each month as it comes", first: smallYear,
			all:   []change{{"2026-11-10", credits.Subscribe{Plan: big}, "27.00 USD", "30000"}},
			until: "2027-02-01", has: "40000", then: []string{
				"2026-12-01 renewed 27.00 USD +40000", "2027-01-01 renewed 36.00 USD +40000", "2027-02-01 renewed 36.00 USD +40000",
			},
		},
		{
			name: "T-5/from annual to a month as dear: paid until the year ends", first: smallYear,
			all:   []change{{"2026-11-10", credits.Subscribe{Plan: small}, "", ""}},
			until: "2027-01-01", has: "10000", then: []string{"2026-12-01 renewed +10000", "2027-01-01 renewed 9.00 USD +10000"},
		},
		{
			name: "T-5/from annual to monthly when the term ends", first: bigYear,
			all:   []change{{"2026-11-10", credits.Subscribe{Plan: small, When: credits.AtEnd}, "", ""}},
			until: "2027-02-01", has: "10000", then: []string{
				"2026-12-01 renewed +40000", "2027-01-01 renewed 9.00 USD +10000", "2027-02-01 renewed 9.00 USD +10000",
			},
		},
		{
			name: "T-5/between annual plans again and again: the term stands", first: smallYear,
			all: []change{
				{"2026-06-02", credits.Subscribe{Plan: sold("other", "10000", "108.00 USD", annually)}, "", ""},
				{"2026-12-02", credits.Subscribe{Plan: smallYear}, "", ""},
			},
			until: "2027-01-01", has: "10000", then: []string{"2027-01-01 renewed 108.00 USD +10000"},
		},
	} {
		t.Run(tt.name, tt.run)
	}
}

// S-10: a change between plans that are reset by the month and by the year.
func TestChangeOfCycle(t *testing.T) {
	small, year := sold("small", "10000", "9.00 USD"), sold("year", "120000", "108.00 USD", yearly)
	for _, tt := range []planChange{
		{
			// From February: the year that is paid ends after two of the last quarter's three months.
			name: "T-5/from a paid year to quarters", first: sold("small-year", "10000", "120.00 USD", annually),
			all: []change{{
				"2026-02-10", credits.Subscribe{Plan: sold("quarter", "30000", "30.00 USD", func(p *credits.Plan) { p.Every = credits.Months(3) })}, "", "20000",
			}},
			until: "2027-02-01", has: "30000", then: []string{
				"2026-05-01 renewed +30000", "2026-08-01 renewed +30000", "2026-11-01 renewed 10.11 USD +30000", "2027-02-01 renewed 30.00 USD +30000",
			},
		},
		{
			name: "T-5/from a year's allowance to a month's, billed by the year: when the year ends", first: year,
			all:   []change{{"2026-03-10", credits.Subscribe{Plan: sold("small-year", "10000", "108.00 USD", annually)}, "", ""}},
			until: "2027-02-01", has: "10000", then: []string{"2027-01-01 renewed 108.00 USD +10000", "2027-02-01 renewed +10000"},
		},
		{
			name: "S-10/from a month's allowance to a year's", first: small,
			all:   []change{{"2026-01-10", credits.Subscribe{Plan: year}, "99.00 USD", "110000"}},
			until: "2027-01-01", has: "120000", then: []string{"2027-01-01 renewed 108.00 USD +120000"},
		},
		{
			name: "S-10/from a year's allowance to a month's: the year's stays", first: year,
			all:   []change{{"2026-03-10", credits.Subscribe{Plan: small}, "", ""}},
			until: "2027-02-01", has: "10000", then: []string{"2027-01-01 renewed 9.00 USD +10000", "2027-02-01 renewed 9.00 USD +10000"},
		},
		{
			name: "S-10/to the year's and back: no more than the year's", first: small,
			all: []change{
				{"2026-02-10", credits.Subscribe{Plan: year}, "99.00 USD", "110000"},
				{"2026-02-11", credits.Subscribe{Plan: small}, "", ""},
			},
			until: "2027-02-01", has: "10000", then: []string{"2027-02-01 renewed 9.00 USD +10000"},
		},
	} {
		t.Run(tt.name, tt.run)
	}
}

// what lots say was paid for them is what was charged, also after a plan
// changed in the middle of its term.
func TestPaidOfChangedTerm(t *testing.T) {
	small, big := sold("small", "10000", "100.00 USD", annually), sold("big", "40000", "400.00 USD", annually)
	for _, tt := range []struct {
		name string
		when credits.When
	}{{"A-4/at once", credits.AtOnce}, {"A-4/at the next cycle", credits.AtCycle}} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(small)
			r.at("2026-05-10")
			r.do(credits.Subscribe{Plan: big, When: tt.when})
			r.at("2026-12-31")
			r.tick()
			var charged, paid credits.Money
			for _, e := range r.history(acme, credits.HistoryQuery{}) {
				charged, _ = charged.Add(e.Charge)
				if e.Opens != nil {
					paid, _ = paid.Add(e.Opens.Paid)
				}
			}
			if gap := charged.Micros - paid.Micros; gap < -10_000 || gap > 10_000 { // a charge is rounded once, to a cent
				t.Errorf("charged %v, and the lots say %v", charged, paid)
			}
		})
	}
}

// T-2, T-3: a change of plan leaves the schedule where it is.
func TestChangeKeepsTheAnchor(t *testing.T) {
	small, big := sold("small", "10", "9.00 USD"), sold("big", "40", "36.00 USD")
	day1 := func(p *credits.Plan) { p.Anchor = credits.FirstOfMonth }
	tests := []struct {
		name, opened, zone, at string
		from, to               credits.Plan
		want                   []string // resets, in UTC
	}{
		{
			"T-2/31 January", "2026-01-31", "", "2026-02-10", small, big,
			[]string{"2026-02-28 00:00", "2026-03-31 00:00", "2026-04-30 00:00", "2026-05-31 00:00"},
		},
		{
			"T-2/changed on the short month's last day", "2026-01-31", "", "2026-02-28", small, big,
			[]string{"2026-03-31 00:00", "2026-04-30 00:00"},
		},
		{
			"T-2/29 February, an annual plan", "2024-02-29", "", "2024-03-10", small, sold("year", "10", "108.00 USD", annually),
			[]string{"2024-03-29 00:00", "2024-04-29 00:00"},
		},
		{
			"T-3/Berlin, over the switch to summer time", "2026-02-28 23:00", "Europe/Berlin", "2026-03-10", small, big,
			[]string{"2026-03-31 22:00", "2026-04-30 22:00"},
		},
		{
			"GN-03/the 1st of the month", "2026-01-20", "Europe/Berlin", "2026-01-25", sold("small", "10", "9.00 USD", day1), sold("big", "40", "36.00 USD", day1),
			[]string{"2026-01-31 23:00", "2026-02-28 23:00", "2026-03-31 22:00"},
		},
		{
			"T-4/from an anniversary to the 1st: the cycle that runs is not cut short", "2026-01-20", "", "2026-01-25", small, sold("big", "40", "36.00 USD", day1),
			[]string{"2026-02-20 00:00", "2026-03-01 00:00", "2026-04-01 00:00"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.opened)
			r.do(credits.Open{Plan: tt.from, Zone: tt.zone})
			r.at(tt.at)
			r.do(credits.Subscribe{Plan: tt.to})
			var got []string
			for range tt.want {
				end := r.wallet().Cycle().End
				got = append(got, end.Format("2006-01-02 15:04"))
				r.clock.Set(end)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("resets (-want +got):\n%s", diff)
			}
		})
	}
}

// T-3: a new zone moves the end of an annual term with its cycles: none is lost or added.
func TestTermInANewZone(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Pacific/Apia"} {
		t.Run("T-3/"+zone, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(sold("year", "10", "108.00 USD", annually))
			r.do(credits.SetZone{Zone: zone})
			r.at("2028-02-15")
			r.tick()
			var billed []int
			for _, e := range r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindOpened, credits.KindRenewed}}) {
				if e.Charge.Micros != 0 {
					billed = append(billed, e.Cycle.Number)
				}
			}
			if diff := cmp.Diff([]int{0, 12, 24}, billed); diff != "" {
				t.Errorf("cycles in which the year was billed (-want +got):\n%s", diff)
			}
		})
	}
}

// A zone that was set while no plan was active is that of the next subscription.
func TestZoneOfTheNextPlan(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(sold("free", "50", "", func(p *credits.Plan) { p.Life = credits.Months(1) }))
	r.at("2026-03-15 10:37")
	r.do(credits.SetZone{Zone: "Europe/Berlin"})
	r.do(credits.Subscribe{Plan: sold("pro", "2500", "9.00 USD", func(p *credits.Plan) { p.Anchor = credits.AnniversaryDay })})
	if got, want := r.wallet().Cycle().End, day("2026-04-14 22:00"); !got.Equal(want) {
		t.Errorf("T-3: the cycle ends at %v, want %v, the start of the day in Berlin", got, want)
	}
}

// T-3: a new zone moves the end of a plan's life with its cycles.
func TestLifeInANewZone(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York"} {
		t.Run("T-3/"+zone, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(sold("half-year", "10", "9.00 USD", func(p *credits.Plan) { p.Life = credits.Months(6) }))
			r.do(credits.SetZone{Zone: zone})
			r.at("2026-09-01")
			r.tick()
			cycles := len(r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindOpened, credits.KindRenewed}}))
			if v := r.wallet().Subscription(); cycles != 6 || v.End != credits.EndOfLife {
				t.Errorf("it had %d cycles, want 6, and %v", cycles, v.End)
			}
		})
	}
}
