package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
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
		{"MK-01/bought on the 20th, there until the month ends", "20 Jan 09:00 ann buys 10,000 credits, with 5 GB +10,000 10,005"},
		{"MK-01/to the last microsecond", "at the last microsecond of January: 4,995 -4,995 5,000 1 Feb 00:00 unused bought credits expire -5,000 0"},
		{"MK-01/billed monthly", "monthly 9.00 USD 31 May 2026 10,000 0 0 0"},
		{"MK-02/billed and reset by the year", "annual 13.33 USD 30 April 2027 10,000 10,000 10,000 0"},
		{"MK-03/billed by the year, reset by the month", "annual, reset monthly 9.00 USD 31 May 2026 10,000 0 0 0"},
		{"MK-04/5 GB with 10,000", "which is 25 GB now"},
		{"MK-04/10 GB with 20,000", "bought automatically, with 10 GB +20,000"},
		{"MK-05/not on Free", "beta begins on Free, with 0.5 GB +1,000 1,000 12 Feb 00:00 bob buys 1,000 credits refused: feature not in plan"},
		{"MK-05/on a paid plan at any time, past the limit of auto-purchase, too", "18 Mar 08:00 ann buys 2,000, no surcharge, with 1 GB +2,000 2,000"},
		{"MK-06/5 + 5", "scenarios run 10 operations -10 9,995 The ten are 5 of the plan and 5 bought"},
		{"MK-06/0.5 + 0.5", "That one credit is 0.5 of the plan and 0.5 bought."},
		{"MK-07/1,500", "ann buys 1,500 not possible: 1500 is not a whole number of packs of 1000"},
		{"MK-07/0", "ann buys 0 not possible"},
		{"MK-07/-1,000", "ann buys -1,000 not possible"},
		{"MK-08/9 USD for 10,000", "Core 9.00 USD 10,000 0.0009 0.90 USD"},
		{"MK-08/another tier", "Core 64.00 USD 80,000 0.0008 0.80 USD"},
		{"MK-08/108 USD for 10,000 a month", "Core, billed annually 108.00 USD 120,000 0.0009 0.90 USD"},
		{"MK-08/10,000 cost 9 USD", "ann buys 10,000 credits, with 5 GB +10,000 10,005 8.50 USD"},
		{"MK-09/by hand", "ann enters a bank account 20 Jan 09:00 ann buys 10,000 credits refused: payment method not accepted"},
		{"MK-09/automatically", "bob enters a bank account 12 Feb 00:00 bob switches auto-purchase on refused: payment method not accepted"},
		{"MK-10/as soon as nothing is left", "scenarios have run 80,000 operations -80,000 0 10 Mar 08:00 bought automatically, with 5 GB +10,000 10,000"},
		{"MK-10/whole packs for what is short", "bought automatically, with 10 GB +20,000 22,000 20.80 USD 15 Apr 08:00 a scenario runs 15,000 operations -15,000 7,000"},
		{"MK-11/and again", "11 Mar 08:00 scenarios run 10,000 operations -10,000 0 11 Mar 08:00 bought automatically, with 5 GB +10,000 10,000"},
		{"MK-12/80,000 allows 8", "Core 64.00 USD 80,000 0.0008 0.80 USD 10.40 USD 8"},
		{"MK-12/85,000 allows 8", "68.00 USD 85,000 0.0008 0.80 USD 10.40 USD 8"},
		{"MK-12/45,000 allows 4", "38.00 USD 45,000 0.0008444444 0.84 USD 10.98 USD 4"},
		{"MK-12/10,000 allows 1", "Core 9.00 USD 10,000 0.0009 0.90 USD 11.70 USD 1"},
		{"MK-12/9,999 allows none", "9.00 USD 9,999 0.00090009 0.90 USD 11.70 USD 0"},
		{"MK-12/5,000 allow none", "bob subscribes to 5,000, with 2.5 GB +5,000 6,000 5.00 USD 12 Feb 00:00 bob switches auto-purchase on refused: limit reached"},
		{"MK-12/120,000 a year allow 1", "Pro, by the year 160.00 USD 120,000 0.0013333333 1.33 USD 17.33 USD 1"},
		{"MK-12/the eighth and no ninth", "17 Mar 08:00 bought automatically, with 5 GB +10,000 10,000 10.40 USD 18 Mar 08:00 scenarios run 10,000 operations -10,000 0 " +
			"18 Mar 08:00 a scenario needs 10 operations refused: limit reached (has 0) Auto-purchase has bought 80,000 credits in this month, and buys no more until 1 April."},
		{"MK-12/a smaller plan keeps the count", "ann moves acme to 20,000 0.00 USD Auto-purchase has bought 30,000 credits in this month, and buys no more"},
		{"MK-12/a greater plan keeps the count", "ann moves acme to 85,000, with 2.5 GB +5,000 5,000 4.00 USD Auto-purchase has bought 30,000 credits in this month. Until 1 May it may buy 5 times more"},
		{"MK-13/2 of 8", "Auto-purchase has bought 20,000 credits in this month. Until 1 April it may buy 6 times more: 60,000 credits."},
		{"MK-14/on 9 USD for 10,000", "bought automatically, with 5 GB +10,000 10,000 11.70 USD"},
		{"MK-14/on 64 USD for 80,000", "bought automatically, with 5 GB +10,000 10,000 10.40 USD"},
		{"MK-14/no surcharge by hand", "ann buys 2,000, no surcharge, with 1 GB +2,000 2,000 1.60 USD"},
		{"MK-15/nothing comes of a payment that fails", "the payment is declined: the card has expired 8 Apr 08:00 a scenario needs 8,000 operations refused: payment failed (has 5,000)"},
		{"MK-15/what is there is spendable", "a smaller one runs 5,000 operations -5,000 0 8 Apr 08:00 a scenario needs 1 operation refused: payment failed"},
		{"MK-15/what arrives is spendable", "support gives 500 credits +500 500 8 Apr 08:00 scenarios run 500 operations -500 0"},
		{"MK-15/acme is told", "acme is mailed: 5 Apr 08:00 low balance 5,000 credits are left, no more than 16,000 " +
			"8 Apr 08:00 payment failed the card has expired: scenarios pause until you update it"},
		{"MK-16/acme is told", "9 Apr 10:00 resumed automatic purchases go on 9 Apr 10:00 purchased 10,000 credits for 10.40 USD"},
		{"MK-16/another card", "ann enters another card 9 Apr 10:00 bought automatically, with 5 GB +10,000 10,000 10.40 USD 9 Apr 10:00 the scenario runs its 8,000 operations -8,000 2,000"},
		{"MK-17/not without a card", "bob switches auto-purchase on refused: no payment method"},
		{"MK-17/off", "ann switches auto-purchase off 15 Apr 08:00 scenarios run 9,000 operations -9,000 1,000 15 Apr 08:00 a scenario needs 1,001 operations refused: insufficient credits (has 1,000)"},
		{"MK-17/what was bought stays", "1 May 00:00 unused bought credits expire -1,000 0"},
		{"MK-18/anew", "Auto-purchase has bought 0 credits in this month. Until 1 May it may buy 8 times more: 80,000 credits."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(text, tt.want) {
				t.Errorf("the page does not say %q", tt.want)
			}
		})
	}
}

// What a purchase brings ends with it, and is all that it brings.
func TestWhatAPurchaseBrings(t *testing.T) {
	s, _ := told(t)
	count := 0
	type goods struct {
		unit    credits.Unit
		amount  credits.Amount
		expires time.Time
	}
	lots := map[credits.ID][]goods{}
	for e, err := range s.History(context.Background(), acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindPurchased}}) {
		if err != nil {
			t.Fatal(err)
		}
		o := e.Opens
		lots[o.Purchase] = append(lots[o.Purchase], goods{o.Unit, o.Amount, o.Expires})
	}
	for id, l := range lots {
		if len(l) != 2 || l[0].unit != "" || l[1].unit != "GB" || l[1].amount != l[0].amount/2000 || !l[1].expires.Equal(l[0].expires) {
			t.Errorf("MK-04: purchase %d brought %v, not credits and their data transfer alone", id, l)
		}
		count++
	}
	if count != 14 {
		t.Errorf("%d purchases, not 14", count)
	}
}

// The tests of the root run on the same plans.
func TestTheRootHasTheSamePlans(t *testing.T) {
	root, err := os.ReadFile("../../testdata/plans/automation.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(catalogue), string(root)); diff != "" {
		t.Errorf("testdata/plans/automation.json is no copy (-want +got):\n%s", diff)
	}
}
