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
	"example.com/credits/creditstest"
	"example.com/credits/examples/internal/page"
	"example.com/credits/usage"
)

const golden = "testdata/golden.txt"

var update = flag.Bool("update", false, "write the golden file anew")

func TestGolden(t *testing.T) {
	got, err := new(teller).tell()
	if err != nil {
		t.Fatalf("%v, after\n%s", err, got)
	}
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

// world is a ledger whose account subscribed to Pro on 15 March at 10:37 in Madrid.
type world struct {
	*creditstest.World
	*testing.T
	plans map[string]credits.Plan
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{World: creditstest.New(t), T: t, plans: map[string]credits.Plan{}}
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		w.plans[p.ID] = p
	}
	w.at("2026-03-15 10:37")
	w.Must(acme, credits.Open{Plan: w.plans["pro"], Zone: zone})
	return w
}

// local returns an instant on Madrid's clocks.
func (w world) local(text string) time.Time {
	w.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		w.Fatal(err)
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

func (w world) at(text string) { w.Until(w.local(text)) }

func (w world) wallet() credits.Wallet {
	w.Helper()
	got, err := w.Ledger.Wallet(context.Background(), acme)
	if err != nil {
		w.Fatal(err)
	}
	return got
}

// cost returns what a spend takes.
func (w world) cost(cmd credits.Spend) string {
	w.Helper()
	return w.Must(acme, cmd).Amount.String()
}

func (w world) want(what, got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("%s: %s, want %s", what, got, want)
	}
}

// Every rule of the system, on the plans of the story.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		check func(world)
	}{
		{"FD-01/Pro has 2,500 credits", func(w world) { w.Want(acme, 2500*credits.Credit) }},
		{"FD-01/Standard has no access", func(w world) {
			w.Must("bazaar", credits.Open{Plan: w.plans["standard"]})
			w.Want("bazaar", 0)
			for feature := range w.plans["pro"].Features {
				refused := w.Refused("bazaar", credits.Spend{Feature: feature, Quantity: 1}, credits.NotInPlan)
				if len(refused.Remedies) != 1 || refused.Remedies[0].Kind != credits.RemedyPlan {
					w.Errorf("what would help with %s is %v", feature, refused.Remedies)
				}
			}
		}},
		{"FD-01/credits do not open Standard", func(w world) {
			w.Must("bazaar", credits.Open{Plan: w.plans["standard"]}, credits.Grant{Amount: 10 * credits.Credit})
			w.Refused("bazaar", videos(1), credits.NotInPlan)
		}},
		{"FD-02/each month by itself", func(w world) {
			for _, day := range []string{"2026-04-15 00:00", "2026-05-15 00:00", "2026-06-15 00:00"} {
				w.at(day)
				w.Want(acme, 2500*credits.Credit)
				w.want("spent", w.cost(videos(2500)), "2500")
			}
		}},
		{"FD-03/the last valid date", func(w world) {
			cycle := w.wallet().Cycle()
			w.want("the renewal", cycle.End.Format(time.RFC3339), "2026-04-14T22:00:00Z") // 15 April 00:00 in Madrid
			last := cycle.LastDay(w.wallet().Zone())
			w.want("the last valid date", last.Format(time.DateOnly), "2026-04-14")
			w.Must(acme, videos(1))
			w.Until(cycle.End.Add(-time.Microsecond))
			w.Want(acme, 2499*credits.Credit)
			w.want("spent", w.cost(videos(1)), "1")
			w.Until(cycle.End)
			w.Want(acme, 2500*credits.Credit)
		}},
		{"FD-04/no rollover", func(w world) {
			w.want("spent", w.cost(videos(1800)), "1800")
			w.at("2026-04-15 00:00")
			w.Want(acme, 2500*credits.Credit)
			w.WantLast(acme,
				"2026-04-14 22:00 expired: -700, leaves 0",
				"2026-04-14 22:00 renewed, 250.00 USD",
				"2026-04-14 22:00 granted (allowance): +2500, leaves 2500")
		}},
		{"FD-05/not self-service", func(w world) {
			for _, role := range []string{credits.Administrator, credits.Member} {
				w.Ledger = w.As(credits.Actor{ID: "ann", Role: role})
				w.Refused(acme, credits.Buy{Pack: "extra", Amount: 500 * credits.Credit}, credits.NotSelfService)
				w.Refused(acme, credits.Sell{Amount: credits.Credit, Price: credits.Money{Micros: 1_000_000, Currency: "USD"}}, credits.NotPermitted)
				w.Refused(acme, credits.Grant{Amount: credits.Credit}, credits.NotPermitted)
			}
			w.Want(acme, 2500*credits.Credit)
		}},
		{"FD-05/the executive sells and gives", checkExecutive},
		{"FD-06/rates", func(w world) {
			w.want("1 video", w.cost(videos(1)), "1")
			w.want("2 images", w.cost(images(2)), "1")
			w.want("3 fields x 50 products", w.cost(products(50, 3)), "3")
			w.want("1 field x 100 products", w.cost(products(100, 1)), "2")
		}},
		{"FD-06/roundings", checkRoundings},
		{"FD-07/all for one function", func(w world) {
			w.want("spent", w.cost(videos(2500)), "2500")
			w.at("2026-04-15 00:00")
			w.want("spent", w.cost(images(5000)), "2500")
			w.at("2026-05-15 00:00")
			w.want("spent", w.cost(products(12_500, 10)), "2500")
			w.Want(acme, 0)
		}},
		{"FD-08/available, consumed, and for what", checkUsage},
		{"FD-09/refused, and nothing bought", func(w world) {
			w.want("spent", w.cost(videos(2500)), "2500")
			before := w.wallet()
			refused := w.Refused(acme, images(1), credits.Insufficient)
			w.want("needed", refused.Need.String(), "0.5")
			w.Refused(acme, credits.SetAutoPurchase{On: true}, credits.NotInPlan)
			if after := w.wallet(); !before.Equal(after) {
				w.Errorf("the account is %v, and was %v", after, before)
			}
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) { tt.check(newWorld(t)) })
	}
}

func checkExecutive(w world) {
	w.Ledger = w.As(credits.Actor{ID: "eve", Role: credits.Operator})
	end := w.local("2026-07-01 00:00")
	sale := w.Must(acme, credits.Sell{
		Amount: 1000 * credits.Credit, Price: credits.Money{Micros: 90_000_000, Currency: "USD"}, Expires: end,
		Note: credits.Note{Ref: "order 4711", Reason: "spring catalogue"},
	})
	gift := w.Must(acme, credits.Grant{Amount: 200 * credits.Credit, Expires: end, Note: credits.Note{Ref: "ticket 81", Reason: "outage"}})
	w.Want(acme, 3700*credits.Credit)
	type kept struct{ Who, Why, Ref, Price, Source, End string }
	var got []kept
	for _, r := range []credits.Receipt{sale, gift} {
		for _, e := range r.Entries {
			got = append(got, kept{
				e.Actor.ID + ", " + e.Actor.Role, e.Note.Reason, e.Note.Ref, e.Charge.String(), e.Opens.Source.String(), e.Opens.Expires.Format(time.RFC3339),
			})
		}
	}
	want := []kept{
		{"eve, operator", "spring catalogue", "order 4711", "90.00 USD", "purchase", "2026-06-30T22:00:00Z"},
		{"eve, operator", "outage", "ticket 81", "", "grant", "2026-06-30T22:00:00Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("what is kept (-want +got):\n%s", diff)
	}
}

func checkRoundings(w world) {
	for _, tt := range []struct {
		round credits.Rounding
		per   string
		want  string
	}{
		{credits.Exact, "", "7.2"},
		{credits.RoundUp, "", "8"},
		{credits.RoundUpPer, "fields", "9"},
	} {
		plan := w.plans["pro"]
		rate := plan.Features[feed]
		rate.Round, rate.RoundPer = tt.round, tt.per
		plan.Features = map[string]credits.Rate{feed: rate}
		id := credits.WalletID(tt.want)
		w.Must(id, credits.Open{Plan: plan})
		r := w.Must(id, products(120, 3))
		w.want("3 fields x 120 products, "+tt.round.String(), r.Amount.String(), tt.want)
	}
}

func checkUsage(w world) {
	w.Must(acme, videos(640))
	w.Must(acme, images(1301))
	r := w.Must(acme, products(5100, 5))
	w.Must(acme, credits.Reverse{Spend: r.ID, Amount: 10 * credits.Credit})
	b := w.wallet().Balance("", "")
	w.want("available", b.Available.String(), "709.5")
	w.want("consumed", b.Used.String(), "1790.5")
	sum := func() (sum credits.Amount) {
		rows, err := usage.Of(context.Background(), w.Ledger, acme, usage.Query{By: []usage.Dimension{usage.Feature}})
		if err != nil {
			w.Fatal(err)
		}
		for _, row := range rows {
			sum += row.Amount
		}
		return sum
	}
	w.want("the functions' sum", sum().String(), "1790.5")
	w.at("2026-04-15 00:00")
	b = w.wallet().Balance("", "")
	w.want("consumed in the next cycle", b.Used.String(), "0")
	w.want("the functions' sum in the next cycle", sum().String(), "0")
}

// The plan file is the one that the rules of all systems are tested on.
func TestPlansAreThoseOfTheRules(t *testing.T) {
	want, err := os.ReadFile("../../testdata/plans/creative.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(catalogue)); diff != "" {
		t.Errorf("plans.json and testdata/plans/creative.json (-want +got):\n%s", diff)
	}
}
