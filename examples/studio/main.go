// Command studio tells how add-ons work in a studio for generated images and
// videos: units of credits, shared by a workspace or for one user alone, that are
// quoted, bought, removed, and end with the subscription.
//
//	go run ./examples/studio
//
// Every number that it prints comes from the ledger, under the plans in
// testdata/plans.json.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/examples/internal/story"
)

//go:embed testdata/plans.json
var catalogue []byte

const (
	studio  credits.WalletID = "studio"  // a workspace on Team
	atelier credits.WalletID = "atelier" // three people on Basic
	film    credits.WalletID = "film"    // a workspace on Team by the year
)

// addOn is what every plan of the catalogue has units of.
const addOn = "credits"

func main() {
	text, err := new(teller).tell()
	fmt.Print(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// till is a payment provider that is paid unless it is shut.
type till struct {
	shut bool
	took []credits.Charge
}

// Charge implements [credits.Charger]. No charge comes here twice: nobody who
// waits for it goes away, and no answer is lost.
func (t *till) Charge(_ context.Context, c credits.Charge) (credits.Payment, error) {
	if t.shut {
		return credits.Payment{State: credits.Declined, Reason: "not enough funds"}, nil
	}
	t.took = append(t.took, c)
	return credits.Payment{State: credits.Paid}, nil
}

// teller tells the story.
type teller struct {
	*story.Story
	till  *till
	plans []credits.Plan
}

// tell tells it all. What it returns with an error ends where that is.
func (t *teller) tell() (string, error) {
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		return "", err
	}
	t.plans, t.till = plans, new(till)
	t.Story = story.New(t.till)
	t.Title("Add-ons of a studio", "January to June 2026, UTC")
	for _, scene := range []func(){t.assets, t.units, t.renewal, t.refund, t.users, t.cancelled, t.lapsed, t.annual} {
		if scene(); t.Err != nil {
			break
		}
	}
	return t.End()
}

// plan returns a plan of the catalogue.
func (t *teller) plan(id string) credits.Plan {
	for _, p := range t.plans {
		if p.ID == id {
			return p
		}
	}
	t.Err = fmt.Errorf("there is no plan %q", id)
	return credits.Plan{}
}

// set returns the command that sets the units of everybody or of one user.
func set(units int64, user string) credits.SetUnits {
	return credits.SetUnits{AddOn: addOn, Units: units, Scope: user}
}

// confirmed returns a command that charges and grants what a quote says, or nothing.
func confirmed(c credits.SetUnits, q credits.Quote) credits.SetUnits {
	c.Quote = q
	return c
}

// card is the payment method of everybody.
var card = credits.SetMethod{Method: credits.Method{Token: "card-1", Kind: "card"}}

// image returns so many images in a quality, for a user.
func image(count int64, quality, user string) credits.Spend {
	return credits.Spend{
		Feature: "image", Quantity: count, Scope: user,
		Note: credits.Note{Labels: map[string]string{"quality": quality}},
	}
}

// video returns so many videos of a length and a resolution, for a user.
func video(count, seconds int64, resolution, user string) credits.Spend {
	return credits.Spend{
		Feature: "video", Quantity: count, Factors: map[string]int64{"seconds": seconds}, Scope: user,
		Note: credits.Note{Labels: map[string]string{"resolution": resolution}},
	}
}

// sayQuote says what a quote says.
func (t *teller) sayQuote(what string, q credits.Quote) {
	var brings credits.Amount
	for _, g := range q.Grants {
		brings += g.Amount
	}
	now := "nothing now"
	if q.Charge.Micros != 0 {
		now = fmt.Sprintf("%v now for %s credits", q.Charge, page.Number(brings))
	}
	t.Say("Quote for %s: %s, and %v a month from the next one on.", what, now, q.Next)
}

// view shows the units that there are, and what they cost next.
func (t *teller) view() {
	s := t.Wallet().Subscription()
	table := page.NewTable("lnnl", "units of", "now", "next", "")
	for _, u := range s.Units {
		who := u.Scope
		if who == "" {
			who = "all"
		}
		table.Add(who, fmt.Sprint(u.Now), fmt.Sprint(u.Next))
	}
	due := "nothing"
	if s.Due.Micros != 0 {
		due = s.Due.String()
	}
	table.Add("next charge", "", "", due+" on "+s.Period.End.Format("2 January"))
	t.Show(table)
}

// spendable shows what each user could spend.
func (t *teller) spendable(users ...string) {
	table := page.NewTable("lnnn", "", "of the plan", "of add-ons", "can spend")
	for _, user := range users {
		b := t.Wallet().Balance("", user)
		table.Add(user, page.Number(b.By[credits.FromAllowance]), page.Number(b.By[credits.FromAddOn]), page.Number(b.Available))
	}
	t.Show(table)
}
