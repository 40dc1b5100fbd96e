package main

import (
	"context"
	"fmt"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/usage"
)

// current draws the panel of the current plan and its credits.
func (t *teller) current() {
	w := t.Wallet()
	plan, _ := w.Plan()
	b := w.Balance("", "")
	accumulated := b.By[credits.FromCarryOver] + b.By[credits.FromRollover]
	addOn := b.Available - accumulated - b.By[credits.FromAllowance]
	name := plan.Name
	if name == "" {
		name = "not available"
	}
	table := page.NewTable("ll")
	table.Add("plan", name)
	table.Add("price", page.Money(plan.Price)+" for "+plan.Every.String())
	table.Add("identities", fmt.Sprint(len(w.Subscription().Units)))
	table.Add("plan credits", page.Number(b.Allowance))
	table.Add("add-on credits", page.Number(addOn))
	table.Add("balance", fmt.Sprintf("%s = %s plan + %s add-on + %s accumulated", page.Number(b.Available),
		page.Number(b.By[credits.FromAllowance]), page.Number(addOn), page.Number(accumulated)))
	table.Add("top-up", t.topUp(w))
	table.Add("", fmt.Sprintf("%s / %s  %s %d %%", page.Number(b.Available), short(b.Allowance),
		page.Bar(b.Available, b.Allowance, 20), min(100, 100*b.Available/b.Allowance)))
	table.Add("", "[Change plan]  [Buy more]")
	t.Panel("Credits, "+t.Now().Format("2 January 2006"), table)
}

// topUp says when the next reset is, in days of the calendar.
func (t *teller) topUp(w credits.Wallet) string {
	days := int64(0)
	for day := t.Now(); day.Before(w.Cycle().End); day = day.AddDate(0, 0, 1) {
		days++
	}
	return "in " + page.Count(days, "day")
}

// short returns a round amount as the page does: 10k.
func short(a credits.Amount) string {
	if thousand := 1000 * credits.Credit; a%thousand == 0 {
		return page.Number(a/1000) + "k"
	}
	return page.Number(a)
}

// meter draws what each identity has used of its conversations.
func (t *teller) meter() {
	table := page.NewTable("lnll")
	w := t.Wallet()
	for _, u := range w.Subscription().Units {
		left := w.Spendable("conversations", "conversation", u.Scope)
		of := w.Balance("conversations", u.Scope).Granted
		table.Add(u.Scope, page.Number(of-left), "of "+page.Number(of), page.Bar(of-left, of, 20))
	}
	t.Panel("Monthly conversations, "+t.Now().Format("2 January 2006"), table)
}

// used draws what was used in the current cycle, in groups, with their sum.
func (t *teller) used(q usage.Query, head string) {
	rows, err := usage.Of(context.Background(), t.Ledger, acme, q)
	t.Check(err)
	unit := string(q.Unit)
	if unit == "" {
		unit = "credits"
	}
	table := page.NewTable("ln", head, unit)
	sum := credits.Amount(0)
	for _, row := range rows {
		name, ok := row.Group[q.By[0]]
		switch {
		case !row.Start.IsZero():
			name = row.Start.Format("2 January")
		case !ok:
			name = "(none)"
		}
		table.Add(name, page.Number(row.Amount))
		sum += row.Amount
	}
	table.Rule()
	table.Add("", page.Number(sum))
	t.Show(table)
}
