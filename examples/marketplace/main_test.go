package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.com/credits/examples/internal/page"
)

const golden = "testdata/golden.txt"

var update = flag.Bool("update", false, "write the golden file anew")

// told runs the program.
func told(t *testing.T) string {
	t.Helper()
	text, err := new(teller).tell()
	if err != nil {
		t.Fatalf("%v, after\n%s", err, text)
	}
	return text
}

func TestGolden(t *testing.T) {
	got := told(t)
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

// What the page has to show of each rule, whatever the golden file says: words and
// numbers in this order, however they are laid out.
func TestThePageShowsEachRule(t *testing.T) {
	text := strings.Join(strings.Fields(told(t)), " ")
	for _, tt := range []struct{ rule, want string }{
		{"CF-01/50 credits, once, for 3 months", "AI Free - 50 once, for 3 months"},
		{"CF-01/they end", "3 May 11:00 unused credits of the plan expire -50 0 3 May 11:00 the plan ends: over"},
		{"CF-02/renews by itself", "2 Apr 10:12 a new cycle begins +2,000 2,100.3 60.00 USD"},
		{"CF-03/not self-service", "ann subscribes to Ultra refused: not self-service"},
		{"CF-03/a lead", "| acme 10 April, 15:00 ann, administrator ultra user 3 |"},
		{"CF-03/negotiated", "2 May 10:12 a new cycle begins +20,000 20,000 900.00 USD"},
		{"CF-04/5 responses and 50 reviews are 10", "5 Smart Responses -5 45 20 Jan 14:00 50 reviews -5 40 20 Jan 14:00 7 reviews -0.7 39.3"},
		{"CF-05/a wrong code", "2 Mar 10:02 ann gives a wrong code refused: wrong security code"},
		{"CF-05/one that is too old", "ann gives the right one, after ten minutes refused: security code stale"},
		{"CF-05/nothing has changed before", "| plan AI Free | | available 10 | | consumed 40 in the cycle until 14 April 2026 |"},
		{"CF-05/confirmed", "ann gives the code: she subscribes to +2,000 2,010 60.00 USD Plus"},
		{"CF-06/while Free is live", "allowance 2,000 2,000 60.00 USD 2 April, 10:12 2 April 2026 allowance 50 10 - 15 April, 00:00 14 April 2026"},
		{"CF-06/after it expired", "dora gives the code: she subscribes to +2,000 2,000 60.00 USD Plus"},
		{"CF-07/1 is left", "-2,009 1 10 Mar 11:55 ann buys the package refused: balance not short"},
		{"CF-07/0.3 is left", "7 reviews -0.7 0.3"},
		{"CF-08/30 days", "10 Mar 12:00 ann buys the package +500 500.3 20.00 USD"},
		{"CF-08/to the same local time", "purchase 500 500 20.00 USD 9 April, 12:00 9 April 2026"},
		{"CF-08/not longer than Plus", "2 May 10:12 bought credits are revoked -500 0"},
		{"CF-09/one at a time, until it expires", "9 Apr 11:59 ann buys the package refused: pack active"},
		{"CF-10/from its expiry instant", "9 Apr 12:00 unused bought credits expire -100.3 0 9 Apr 12:00 ann buys the package +500 500"},
		{"CF-11/Free", "AI Free administrator code no sales yes request member no no sales yes request " +
			"administrator on trial no: trial no no: trial yes no: trial member on trial no no no: trial yes no: trial"},
		{"CF-11/Plus", "AI Plus administrator - yes sales yes request member - no sales yes request " +
			"administrator on trial - no: trial no: trial yes no: trial member on trial - no no: trial yes no: trial"},
		{"CF-12/Ultra", "AI Ultra administrator no no no yes request member no no no yes request"},
		{"CF-13/who and why", "1 June, 14:30 the plan ended cora, operator the base is closed, ticket 501"},
		{"CF-13/asked for", "ann deactivates the package refused: request needed"},
		{"CF-14/the sidebar", "| entry in the sidebar not shown |"},
		{"CF-14/buttons", "| [Subscribe now] no button not permitted | | [I am interested in Plus] button | | [Speak with a specialist] button |"},
		{"CF-14/the buy button", "| [Buy credits] button 20.00 USD |"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if !strings.Contains(text, tt.want) {
				t.Errorf("the page does not show %q", tt.want)
			}
		})
	}
}

// The tests of the root run on the same plans.
func TestTheRootHasTheSamePlans(t *testing.T) {
	root, err := os.ReadFile("../../testdata/plans/marketplace.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(catalogue), string(root)); diff != "" {
		t.Errorf("testdata/plans/marketplace.json is no copy (-want +got):\n%s", diff)
	}
}
