// Command automation tells how extra credits work on an automation platform: bought
// by hand and automatically, up to a limit, with a card that fails on the way.
//
//	go run ./examples/automation
//
// Every number that it prints comes from the ledger, under the plans in
// testdata/plans.json. The payment provider is in bank.go.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"strings"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/examples/internal/story"
)

//go:embed testdata/plans.json
var catalogue []byte

const (
	acme credits.WalletID = "acme"
	beta credits.WalletID = "beta"
)

func main() {
	text, err := new(teller).tell()
	fmt.Print(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// teller tells the story.
type teller struct {
	*story.Story
	bank  *bank
	plans []credits.Plan
}

// tell tells it all. What it returns with an error ends where that is.
func (t *teller) tell() (string, error) {
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		return "", err
	}
	t.plans, t.bank = plans, &bank{bad: map[string]string{}, told: map[string]credits.Payment{}}
	t.Story = story.New(t.bank)
	t.Title("Extra credits on an automation platform", "January to June 2026, UTC")
	for _, scene := range []func(){t.prices, t.byHand, t.small, t.automatic, t.newMonth, t.declined, t.change, t.lives, t.books} {
		if scene(); t.Err != nil {
			break
		}
	}
	return t.End()
}

// plan returns a plan of the catalogue in one of its tiers.
func (t *teller) plan(id, tier string) credits.Plan {
	for _, p := range t.plans {
		if p.ID != id {
			continue
		}
		if tier == "" {
			return p
		}
		p, err := p.WithTier(tier)
		if err != nil {
			t.Err = err
		}
		return p
	}
	t.Err = fmt.Errorf("there is no plan %q", id)
	return credits.Plan{}
}

// sized returns the Core plan with so many credits a month, as it is negotiated
// with one customer.
func (t *teller) sized(amount credits.Amount, price string, customer credits.WalletID) credits.Plan {
	p := t.plan("core", "10k")
	p.ID, p.Tier, p.Name, p.For = "core-sized", "", "Core, made to measure", customer
	p.Allowances = []credits.Allowance{{Amount: amount}, {Unit: "GB", Amount: amount / 2000}}
	var err error
	if p.Price, err = credits.ParseMoney(price); err != nil {
		t.Err = err
	}
	return p
}

// run spends one credit for each operation.
func run(operations int64) credits.Spend {
	return credits.Spend{Feature: "run", Quantity: operations}
}

func n(whole int) credits.Amount { return credits.Amount(whole) * credits.Credit }

func extra(amount credits.Amount) credits.Buy { return credits.Buy{Pack: "extra", Amount: amount} }

// card returns the command that makes a card the payment method.
func card(token string) credits.SetMethod {
	return credits.SetMethod{Method: credits.Method{Token: token, Kind: "card"}}
}

// sayAuto says where auto-purchase stands.
func (t *teller) sayAuto() {
	s := t.Wallet().AutoPurchase()
	until := s.Until.Format("2 January")
	if s.Times == 0 {
		t.Say("Auto-purchase has bought %s credits in this month, and buys no more until %s.", page.Number(s.Bought), until)
		return
	}
	t.Say("Auto-purchase has bought %s credits in this month. Until %s it may buy %s more: %s credits.",
		page.Number(s.Bought), until, page.Count(s.Times, "time"), page.Number(s.Left))
}

// sayRemedies says what would let a refused command through.
func (t *teller) sayRemedies(e *credits.RefusedError) {
	var all []string
	for _, r := range e.Remedies {
		switch r.Kind {
		case credits.RemedyWait:
			all = append(all, "wait until "+r.Until.Format("2 January, 15:04"))
		case credits.RemedyBuy:
			all = append(all, fmt.Sprintf("buy %s credits for %v", page.Number(r.Buy), r.Price))
		default:
			all = append(all, r.Kind.String())
		}
	}
	t.Say("The refusal says what would help: %s.", strings.Join(all, "; "))
}

// sources says where the credits of a spend came from.
func (t *teller) sources(r credits.Receipt) string {
	var parts []string
	for _, line := range r.Lines() {
		from := "bought"
		if lot, _ := t.Wallet().Lot(line.Lot); lot.Source == credits.FromAllowance {
			from = "of the plan"
		}
		parts = append(parts, page.Number(line.Amount)+" "+from)
	}
	return strings.Join(parts, " and ")
}
