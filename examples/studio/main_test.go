package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

const golden = "testdata/golden.txt"

var update = flag.Bool("update", false, "write the golden file anew")

// told runs the program.
func told(t *testing.T) (*teller, string) {
	t.Helper()
	s := new(teller)
	text, err := s.tell()
	if err != nil {
		t.Fatalf("%v, after\n%s", err, text)
	}
	return s, text
}

func TestGolden(t *testing.T) {
	_, got := told(t)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the page (-want +got):\n%s", diff)
	}
	for i, line := range strings.Split(got, "\n") {
		if n := utf8.RuneCountInString(line); n > page.Width {
			t.Errorf("line %d is %d columns wide, more than %d: %s", i+1, n, page.Width, line)
		}
	}
}

// What the page has to say of each rule, whatever the golden file says: words and
// numbers in this order, however they are laid out.
func TestThePageShowsEachRule(t *testing.T) {
	_, text := told(t)
	text = strings.Join(strings.Fields(text), " ")
	for _, tt := range []struct{ name, want string }{
		{"DB-01/number", "image 1 standard 2 2 image 4 standard 8 2"},
		{"DB-01/settings", "image 4 high 20 5 video 1 10 720p 10 10 video 1 10 1080p 20 20 video 1 10 4k 60 60"},
		{"DB-01/all together", "video 3 8 4k 144 48"},
		{"DB-01/at the request", "bob makes 4 videos of 10 seconds in 4k -240 260"},
		{"DB-02/monthly", "5 Mar 10:00 unused credits of the plan expire -300 200 5 Mar 10:00 unused add-on credits expire -200 0 5 Mar 10:00 a new cycle begins +300 300 55.00 USD"},
		{"DB-02/annually", "14 May 2027 2,100 400 15 May 2027 3,600 400"},
		{"DB-03/nothing rolls over", "5 Feb 10:00 unused add-on credits expire -280 0"},
		{"DB-04/refused", "ann wants the money back refused: not refundable"},
		{"DB-04/but to an operator", "support makes an exception -200 500 -30.00 USD"},
		{"DB-05/removed from the next month on", "25 Jan 09:00 ann confirms 1 unit units of now next all 3 1 next charge 30.00 USD on 5 February"},
		{"DB-05/credits stay until then", "1 Feb 11:00 bob makes 3 videos of 10 seconds in 4k -180 280"},
		{"DB-05/the reduced amount", "5 Feb 10:00 add-ons are renewed +200 500 30.00 USD"},
		{"DB-05/added back", "Quote for 3 units again, in the same month: nothing now, and 90.00 USD a month from the next one on. " +
			"credits left charge 26 Jan 09:00 ann confirms 3 units 26 Jan 09:00 ann removes 2 units after all"},
		{"DB-06/not at once", "10 Mar 09:00 ann cancels the subscription It ends on 5 April, 10:00."},
		{"DB-06/until the period ends", "20 Mar 09:00 bob makes 8 videos of 10 seconds in 4k -480 20 5 Apr 10:00 unused add-on credits expire -20 0 5 Apr 10:00 the plan ends: cancelled"},
		{"DB-07/cannot be bought", "5 Apr 10:00 ann adds a unit refused: no active plan"},
		{"DB-07/cannot be spent", "10 Apr 09:00 carol makes an image refused: no active plan"},
		{"DB-07/spendable again", "12 Apr 09:00 it is paid: the subscription goes on 12 Apr 09:00 carol makes 10 images in high quality -50 290"},
		{"DB-07/expire and do not renew", "8 May 09:00 unused add-on credits expire -180 60 8 May 09:00 unused add-on credits expire -60 0 The month ended"},
		{"DB-08/Team, all of it", "20 Jan 09:00 ann confirms 3 units once more +400 460 60.00 USD"},
		{"DB-08/Basic, for one user", "3 units for ann +180 280 30.00 USD 8 Mar 09:00 1 unit for bob +60 340 10.00 USD"},
		{"DB-08/for that user alone", "ann 100 180 280 bob 100 60 160 carol 100 0 100 credits left charge 9 Mar 09:00 bob makes 3 videos of 10 seconds in 4k refused: insufficient credits (has 160)"},
		{"DB-08/a seat is reassigned", "ann 0 100 100 bob 0 0 0 carol 0 35 35"},
		{"DB-08/monthly, also on a plan by the year", "15 Jun 08:00 unused add-on credits expire -400 2,100 15 Jun 08:00 add-ons are renewed +400 2,500 60.00 USD"},
		{"DB-09/from 1 to 3", "Quote for 3 units instead of 1: 60.00 USD now for 400 credits, and 90.00 USD a month from the next one on."},
		{"DB-09/from 3 to 1", "Quote for 1 unit instead of 3: nothing now, and 30.00 USD a month from the next one on."},
		{"DB-09/stale", "carol confirms the same quote refused: quote stale Quote for 3 units, as it is now: nothing now, and 90.00 USD a month"},
		{"DB-10/there at once", "ann confirms 1 unit +200 500 30.00 USD"},
		{"DB-10/once it is paid", "20 Jan 09:00 the payment is declined: not enough funds 20 Jan 09:00 ann confirms 3 units refused: payment failed 20 Jan 09:00 ann confirms 3 units once more +400 460 60.00 USD"},
		{"DB-10/a whole unit, however late", "6 Mar 09:00 ann adds a unit by mistake +200 700 30.00 USD"},
		{"DB-11/the view", "units of now next all 1 1 next charge 30.00 USD on 5 March"},
		{"DB-11/and the next month", "5 Mar 10:00 add-ons are renewed +200 500 30.00 USD"},
		{"DB-11/after a pause", "it is paid: the subscription goes on +340 340 64.00 USD units of now next ann 3 3 carol 1 1 next charge 40.00 USD on 8 June"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(text, tt.want) {
				t.Errorf("the page does not say %q", tt.want)
			}
		})
	}
}

// What a confirmed quote said is what was charged, and to whom.
func TestChargesAreThoseOfTheQuotes(t *testing.T) {
	s, _ := told(t)
	var got []string
	for _, c := range s.till.took {
		got = append(got, string(c.Wallet)+" "+c.Method.Token+" "+c.Money.String())
	}
	want := []string{
		"studio card-1 30.00 USD", "studio card-1 60.00 USD", "studio card-1 30.00 USD",
		"atelier card-1 30.00 USD", "atelier card-1 10.00 USD", "film card-1 60.00 USD",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DB-09, DB-10: the charges (-want +got):\n%s", diff)
	}
}

// Every period of the add-ons of a plan by the year is a month, and owes the same.
func TestMonthsOfAYear(t *testing.T) {
	s, _ := told(t)
	s.On("2027-06-01 08:00:00")
	if s.Err != nil {
		t.Fatal(s.Err)
	}
	months := 0
	for e, err := range s.History(context.Background(), film, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindUnitsRenewed}}) {
		if err != nil {
			t.Fatal(err)
		}
		months++
		if e.At.Day() != 15 || e.Charge.String() != "60.00 USD" {
			t.Errorf("DB-08: at %v %v fell due, not 60 USD on the 15th", e.At, e.Charge)
		}
	}
	if months != 12 {
		t.Errorf("DB-08, DB-11: %d renewals until 1 June of the next year, not 12", months)
	}
}

// The tests of the root run on the same plans.
func TestTheRootHasTheSamePlans(t *testing.T) {
	root, err := os.ReadFile("../../testdata/plans/studio.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(catalogue), string(root)); diff != "" {
		t.Errorf("testdata/plans/studio.json is no copy (-want +got):\n%s", diff)
	}
}
