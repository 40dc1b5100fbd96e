package main

import (
	"context"
	"strings"
	"time"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/usage"
)

// The functions of the platform that cost credits.
const (
	video = "dynamic-video"
	image = "custom-image"
	feed  = "feed-optimization"
)

// videos, images and products are the commands that use the functions. A host
// gives them a key that names the job, so that no retry is charged twice.
func videos(n int64) credits.Spend { return credits.Spend{Feature: video, Quantity: n} }

func images(n int64) credits.Spend { return credits.Spend{Feature: image, Quantity: n} }

func products(n, fields int64) credits.Spend {
	return credits.Spend{Feature: feed, Quantity: n, Factors: map[string]int64{"fields": fields}}
}

// rates shows what the functions cost: the plan alone says so.
func (t *teller) rates() {
	t.Heading("What things cost")
	t.Say("Pro has three functions. One credit is a dynamic video, or two custom images, or one field optimised in 50 products: " +
		"there the quantity is a product, of fields and products.")
	table := page.NewTable("lrn", "function", "quantity", "credits")
	for _, use := range []struct {
		text  string
		spend credits.Spend
	}{
		{"1", videos(1)},
		{"2", images(2)},
		{"1", images(1)},
		{"3 fields x 50 products", products(50, 3)},
		{"1 field x 100 products", products(100, 1)},
		{"3 fields x 120 products", products(120, 3)},
	} {
		cost, err := t.pro.Features[use.spend.Feature].Cost(use.spend.Quantity, use.spend.Factors, nil)
		t.Check(err)
		table.Add(use.spend.Feature, use.text, page.Number(cost))
	}
	t.Show(table)
	t.Say("The plan's rate is exact. The same 3 fields x 120 products under the other roundings that a rate can have:")
	table = page.NewTable("lnl", "rounding", "credits")
	for _, r := range []struct {
		round credits.Rounding
		per   string
		why   string
	}{
		{credits.Exact, "", "360 / 50"},
		{credits.RoundUp, "", "7.2, up to a whole credit"},
		{credits.RoundUpPer, "fields", "120 / 50 is 2.4, up to 3, for each of 3 fields"},
	} {
		rate := t.pro.Features[feed]
		rate.Round, rate.RoundPer = r.round, r.per
		cost, err := rate.Cost(120, products(120, 3).Factors, nil)
		t.Check(err)
		table.Add(r.round.String(), page.Number(cost), r.why)
	}
	t.Show(table)
}

// withoutAI opens the account on the plan that has no AI.
func (t *teller) withoutAI() {
	t.Heading("Standard: no credits, no access")
	t.Say("A plan without features refuses them for what they are: not in the plan. " +
		"That is another thing than being short of credits, and something else helps.")
	t.On("2026-02-15 09:00:00")
	t.By("ann", credits.Administrator)
	t.Do("ann opens acme on Standard", credits.Open{Plan: t.standard, Zone: zone})
	t.On("2026-03-10 16:20:00")
	t.By("bob", credits.Member)
	t.help(t.Refused("bob makes a video", videos(1), credits.NotInPlan))
}

// subscribe moves the account to Pro.
func (t *teller) subscribe() {
	t.Heading("Pro, from 15 March at 10:37")
	t.Say("Cycles begin with the day of the subscription in the account's own zone. So this one ends on 15 April at 00:00, and the " +
		"last valid date of its credits is the day before. Of the 250.00 USD, the 90.00 that Standard cost for this month are paid.")
	t.On("2026-03-15 10:37:00")
	t.By("ann", credits.Administrator)
	t.Do("ann subscribes to Pro", credits.Subscribe{Plan: t.pro})
	t.indicator()
}

// firstCycle spends 1,800 of 2,500.
func (t *teller) firstCycle() {
	t.Heading("The first cycle")
	t.Say("Credits go to whatever function they are used for: nothing divides them beforehand.")
	t.By("bob", credits.Member)
	t.On("2026-03-16 11:05:00")
	t.Do("bob makes 40 videos", videos(40))
	t.On("2026-03-31 12:00:00")
	t.Do("bob makes 600 videos", videos(600))
	t.By("carol", credits.Member)
	t.On("2026-04-02 09:30:00")
	t.Do("carol makes 300 images", images(300))
	t.On("2026-04-07 10:10:00")
	t.Do("carol makes 1,000 images", images(1000))
	t.On("2026-04-10 17:45:00")
	t.Do("carol optimises 3 fields x 1,500 products", products(1500, 3))
	t.On("2026-04-12 08:55:00")
	t.Do("carol optimises 5 fields x 4,200 products", products(4200, 5))
	t.On("2026-04-14 23:59:00")
	t.indicator()
}

// renewal shows what a minute more did.
func (t *teller) renewal() {
	t.Heading("15 April, 00:00: the renewal")
	t.Say("It takes no command. The 700 that are left do not roll over: they expire, and 2,500 are granted, each an entry of its own.")
	t.On("2026-04-15 00:00:00")
	t.indicator()
}

// outOfCredits spends all there is, and asks for more.
func (t *teller) outOfCredits() {
	t.Heading("Out of credits")
	t.Say("All 2,500 may go to one function. Then the next use is refused, and nothing is bought. " +
		"Not even by the customer's administrator: more credits come only through the account executive.")
	t.On("2026-04-20 10:00:00")
	t.By("bob", credits.Member)
	t.Do("bob makes 2,500 videos", videos(2500))
	t.By("carol", credits.Member)
	refused := t.Refused("carol makes an image", images(1), credits.Insufficient)
	t.By("ann", credits.Administrator)
	t.Refused("ann buys 500 credits", credits.Buy{Pack: "extra", Amount: 500 * credits.Credit}, credits.NotSelfService)
	t.Say("The image needed %s, and %s was available.", page.Number(refused.Need), page.Number(refused.Available))
	t.help(refused)
}

// executive sells and gives.
func (t *teller) executive() {
	t.Heading("The account executive")
	t.Say("eve sells 1,000 credits at a price of their own, and gives 200 for an outage. Both have an end, " +
		"and the history keeps who did it and why.")
	t.On("2026-04-21 09:15:00")
	t.By("eve", credits.Operator)
	until := time.Date(2026, time.July, 1, 0, 0, 0, 0, t.Now().Location())
	t.Do("eve sells 1,000 credits", credits.Sell{
		Amount: 1000 * credits.Credit, Price: credits.Money{Micros: 90_000_000, Currency: "USD"}, Expires: until,
		Note: credits.Note{Ref: "order 4711", Reason: "spring catalogue"},
	})
	t.Do("eve gives 200 credits", credits.Grant{
		Amount: 200 * credits.Credit, Expires: until, Note: credits.Note{Ref: "ticket 81", Reason: "image outage of 19 April"},
	})
	t.By("carol", credits.Member)
	t.On("2026-04-22 14:00:00")
	t.Do("carol makes 600 images", images(600))
	t.Say("What was given was spent before what was paid for:")
	table := page.NewTable("lnnrl", "lot", "credits", "left", "paid", "last valid date")
	for lot := range t.Wallet().Lots() {
		table.Add(lot.Source.String(), page.Number(lot.Amount), page.Number(lot.Available), page.Money(lot.Paid), t.lastValid(lot.Expires))
	}
	t.Show(table)
}

// afterwards looks back from the fourth month.
func (t *teller) afterwards() {
	t.Heading("15 June: two renewals later")
	t.Say("What comes with the plan is each time the month's own. What was bought outlives the months, until its own end.")
	t.On("2026-05-20 11:00:00")
	t.By("carol", credits.Member)
	t.Do("carol optimises 4 fields x 10,000 products", products(10_000, 4))
	t.On("2026-06-15 08:00:00")
	t.By("bob", credits.Member)
	t.Do("bob makes 100 videos", videos(100))
	t.indicator()
	t.Say("What eve did, as the history has it:")
	table := page.NewTable("lllrl", "when", "who", "what", "price", "why")
	for e, err := range t.History(context.Background(), acme, credits.HistoryQuery{Actor: "eve"}) {
		t.Check(err)
		table.Add(e.At.In(t.Now().Location()).Format("_2 Jan"), e.Actor.ID+", "+e.Actor.Role,
			e.Kind.String()+" "+page.Number(e.Opens.Amount), page.Money(e.Charge), e.Note.Reason+", "+e.Note.Ref)
	}
	t.Show(table)
}

// indicator shows what is in the corner of every AI page: what is available and
// until when, and what the cycle has consumed, for which functions.
func (t *teller) indicator() {
	b := t.Wallet().Balance("", "")
	table := page.NewTable("ln")
	table.Add("available", page.Number(b.Available))
	for _, e := range b.Expiries {
		table.Add("  last valid date "+t.lastValid(e.At), page.Number(e.Amount))
	}
	table.Add("consumed in this cycle", page.Number(b.Used))
	rows, err := usage.Of(context.Background(), t.Ledger, acme, usage.Query{By: []usage.Dimension{usage.Feature}})
	t.Check(err)
	for _, row := range rows {
		table.Add("  "+row.Group[usage.Feature], page.Number(row.Amount))
	}
	t.Panel("AI credits, "+t.Now().Format("2 January, 15:04"), table)
}

// lastValid returns the last date on which what ends at an instant can be used.
func (t *teller) lastValid(end time.Time) string {
	return credits.Period{End: end}.LastDay(t.Now().Location()).Format("2 January 2006")
}

// help says what would unblock a refused command.
func (t *teller) help(refused *credits.RefusedError) {
	var all []string
	for _, r := range refused.Remedies {
		switch {
		case r.Kind == credits.RemedyWait:
			all = append(all, "wait until "+r.Until.In(t.Now().Location()).Format("2 January, 15:04"))
		case r.Kind == credits.RemedyRole && r.Role == credits.Operator:
			all = append(all, "ask the account executive")
		default:
			all = append(all, r.Kind.String())
		}
	}
	t.Say("What would help: %s.", strings.Join(all, ", or "))
}
