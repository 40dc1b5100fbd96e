package main

import (
	"context"
	"fmt"

	"example.com/credits"
	"example.com/credits/access"
	"example.com/credits/examples/internal/page"
)

// statistics draws what the statistics page shows of the base.
func (t *teller) statistics() {
	w := t.Wallet()
	plan, _ := w.Plan()
	b := w.Balance("", "")
	name := plan.Name
	if s := w.Subscription(); !s.Active {
		name += ", " + s.End.String()
	}
	table := page.NewTable("ll")
	table.Add("plan", name)
	table.Add("available", page.Number(b.Available))
	table.Add("consumed", fmt.Sprintf("%s in the cycle until %s", page.Number(b.Used), t.lastValid(w.Cycle())))
	t.Panel("AI statistics, "+t.Now().Format("2 January, 15:04"), table)
}

// lots draws what there is, in the order in which it is spent.
func (t *teller) lots() {
	table := page.NewTable("lnnrll", "lot", "credits", "left", "paid", "until", "last valid date")
	for l := range t.Wallet().Lots() {
		table.Add(l.Source.String(), page.Number(l.Amount), page.Number(l.Available), page.Money(l.Paid),
			l.Expires.In(t.Now().Location()).Format("_2 January, 15:04"), t.lastValid(credits.Period{End: l.Expires}))
	}
	t.Show(table)
}

func (t *teller) lastValid(p credits.Period) string {
	return p.LastDay(t.Now().Location()).Format("2 January 2006")
}

// page draws the page of AI credits as somebody sees it: all of it is what
// [access.Offers] says.
func (t *teller) page(who credits.Actor) {
	p := access.Offers(t.Wallet(), credits.Call{Actor: who}, t.plans)
	shown := map[bool]string{true: "shown", false: "not shown"}
	table := page.NewTable("lll")
	table.Add("marketplace banner", shown[p.Banner])
	table.Add("link in the statistics", shown[p.Statistics])
	table.Add("entry in the sidebar", shown[p.Sidebar])
	for _, o := range p.Offers {
		label := button(o)
		if label == "" {
			continue
		}
		if !o.Allowed {
			table.Add(label, "no button", string(o.Reason))
			continue
		}
		price := ""
		if !o.Due.IsZero() {
			price = page.Money(o.Due)
		}
		table.Add(label, "button", price)
	}
	t.Panel(fmt.Sprintf("AI credits, as %s (%s) sees it on %s", who.ID, who.Role, t.Now().Format("2 January, 15:04")), table)
}

// button returns the label of an offer; empty if the page has none for it.
func button(o access.Offer) string {
	switch {
	case o.Action == credits.ActSubscribe && o.About == "plus":
		return "[Subscribe now]"
	case o.Action == credits.ActInterest && o.About == "plus":
		return "[I am interested in Plus]"
	case o.Action == credits.ActInterest && o.About == "ultra":
		return "[Speak with a specialist]"
	case o.Action == credits.ActBuy:
		return "[Buy credits]"
	default:
		return ""
	}
}

// permissions draws who may do what under each plan, when credits are short. It
// asks wallets that are in no ledger: deciding is a pure function.
func (t *teller) permissions() {
	t.Heading("Who may do what")
	t.Say("The plans say it, and the ledger refuses everything else. Here credits are short, so that a package can be bought. " +
		"On trial is a state of the account, which the host gives.")
	table := page.NewTable("llllllll", "on", "who", "Plus", "package", "Ultra", "interest", "deactivate")
	for _, p := range []credits.Plan{t.free, t.plus, negotiated(t.ultra)} {
		name := p.Name
		w := t.short(p)
		for _, who := range viewers() {
			cells := permitted(w, who.Actor, t.plans)
			table.Add(name, who.words, cells["subscribe plus"], cells["buy extra"], cells["subscribe ultra"],
				both(cells["interest plus"], cells["interest ultra"]), cells["deactivate "])
			name = ""
		}
	}
	t.Show(table)
	t.Say("code: with a security code. request: an operator approves it. sales: interest can be registered. no: trial: not while on trial. " +
		"no: plan: the plan has no package. -: the base has it.")
}

// viewer is somebody who looks at the page.
type viewer struct {
	credits.Actor
	words string
}

func viewers() []viewer {
	return []viewer{
		{credits.Actor{ID: "a", Role: credits.Administrator}, "administrator"},
		{credits.Actor{ID: "m", Role: credits.Member}, "member"},
		{credits.Actor{ID: "a", Role: credits.Administrator, Trial: true}, "administrator on trial"},
		{credits.Actor{ID: "m", Role: credits.Member, Trial: true}, "member on trial"},
		{credits.Actor{ID: "o", Role: credits.Operator}, "operator"},
	}
}

// short returns a wallet on a plan with 0.3 credits left.
func (t *teller) short(p credits.Plan) credits.Wallet {
	w, err := credits.NewWallet(acme)
	t.Check(err)
	for i, cmd := range []credits.Command{
		credits.Open{Plan: p},
		credits.Spend{Amount: p.Allowances[0].Amount - credit(3)/10},
	} {
		entries, err := w.Decide(credits.Call{Key: credits.Key(fmt.Sprint("step-", i)), Now: t.Now(), Command: cmd})
		t.Check(err)
		w, err = w.Apply(entries...)
		t.Check(err)
	}
	return w
}

// permitted returns what somebody may do, by action and what it is about.
func permitted(w credits.Wallet, who credits.Actor, plans []credits.Plan) map[string]string {
	cells := map[string]string{"subscribe plus": "-"}
	for _, o := range access.Offers(w, credits.Call{Actor: who}, plans).Offers {
		if o.Action == credits.ActBuy { // of the extra package, or why the plan has none
			o.About = "extra"
		}
		cells[string(o.Action)+" "+o.About] = cell(o)
	}
	return cells
}

// cell returns an offer in a word.
func cell(o access.Offer) string {
	if o.Allowed {
		return map[credits.Via]string{credits.Directly: "yes", credits.ByCode: "code", credits.ByRequest: "request"}[o.Via]
	}
	switch o.Reason {
	case credits.NotPermitted:
		return "no"
	case credits.OnTrial:
		return "no: trial"
	case credits.NotSelfService:
		return "sales"
	case credits.NotInPlan:
		return "no: plan"
	default:
		return string(o.Reason)
	}
}

// both returns what holds of two cells, if it is the same.
func both(a, b string) string {
	if a == b {
		return a
	}
	return a + ", " + b
}

// lead is an interest as a CRM keeps it.
type lead struct {
	wallet         credits.WalletID
	when           string
	who, plan, ref string
}

// crm is the CRM, which takes what is new in the change feed, and draws its leads.
func (t *teller) crm() {
	_, err := t.Feed(context.Background(), func(_ context.Context, entries []credits.Entry) error {
		for _, e := range entries {
			if e.Kind != credits.KindAsked || e.Of != 0 || len(e.Request.Command) > 0 { // filed again, or no interest
				continue
			}
			when := e.At.In(t.Now().Location()).Format("_2 January, 15:04")
			t.leads = append(t.leads, lead{e.Wallet, when, e.Actor.ID + ", " + e.Actor.Role, e.Request.About, e.Request.Contact})
		}
		return nil
	})
	t.Check(err)
	table := page.NewTable("lllll", "base", "when", "who", "plan", "contact")
	for _, l := range t.leads {
		table.Add(string(l.wallet), l.when, l.who, l.plan, l.ref)
	}
	t.Panel("CRM: leads", table)
}
