package main

import (
	"context"
	"fmt"
	"time"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

// assets shows what assets cost, by number, type and settings.
func (t *teller) assets() {
	t.Heading("What an asset costs")
	t.Say("Credits are charged when an asset is asked for, by how many, of what type, in what settings.")
	table := page.NewTable("lnnlnn", "", "number", "seconds", "", "credits", "each")
	features := t.plan("team").Features
	for _, s := range []credits.Spend{
		image(1, "standard", ""), image(4, "standard", ""), image(4, "high", ""),
		video(1, 10, "720p", ""), video(1, 10, "1080p", ""), video(1, 10, "4k", ""), video(3, 8, "4k", ""),
	} {
		cost, err := features[s.Feature].Cost(s.Quantity, s.Factors, s.Note.Labels)
		if err != nil {
			t.Err = err
			return
		}
		seconds := ""
		if s.Factors != nil {
			seconds = fmt.Sprint(s.Factors["seconds"])
		}
		table.Add(s.Feature, fmt.Sprint(s.Quantity), seconds, s.Note.Labels["quality"]+s.Note.Labels["resolution"],
			page.Number(cost), page.Number(cost/credits.Amount(s.Quantity)))
	}
	t.Show(table)
}

// units shows units of a workspace: quoted, confirmed, removed, added back.
func (t *teller) units() {
	t.Heading("Team: units of 200 credits for 30 USD, shared by the workspace")
	t.About(studio)
	t.By("ann", credits.Administrator)
	t.On("2026-01-05 10:00:00")
	t.Do("studio subscribes to Team", credits.Open{Plan: t.plan("team")})
	t.Do("ann enters a card", card)
	quote := t.Quote(set(1, ""))
	t.sayQuote("1 unit", quote)
	t.Do("ann confirms 1 unit", confirmed(set(1, ""), quote))
	t.By("bob", credits.Member)
	t.On("2026-01-12 11:00:00")
	t.Do("bob makes 4 videos of 10 seconds in 4k", video(4, 10, "4k", ""))
	t.Do("bob makes 40 images in high quality", image(40, "high", ""))
	t.By("ann", credits.Administrator)
	t.On("2026-01-20 09:00:00")
	quote = t.Quote(set(3, ""))
	t.sayQuote("3 units instead of 1", quote)
	t.till.shut = true
	t.Refused("ann confirms 3 units", confirmed(set(3, ""), quote), credits.PaymentFailed)
	t.till.shut = false
	t.Do("ann confirms 3 units once more", confirmed(set(3, ""), quote))
	t.By("carol", credits.Administrator)
	stale := t.Refused("carol confirms the same quote", confirmed(set(3, ""), quote), credits.QuoteStale)
	if stale.Quote != nil {
		t.sayQuote("3 units, as it is now", *stale.Quote)
	}
	t.By("ann", credits.Administrator)
	t.On("2026-01-25 09:00:00")
	quote = t.Quote(set(1, ""))
	t.sayQuote("1 unit instead of 3", quote)
	t.Do("ann confirms 1 unit", confirmed(set(1, ""), quote))
	t.view()
	t.On("2026-01-26 09:00:00")
	quote = t.Quote(set(3, ""))
	t.sayQuote("3 units again, in the same month", quote)
	t.Do("ann confirms 3 units", confirmed(set(3, ""), quote))
	t.Do("ann removes 2 units after all", set(1, ""))
}

// renewal shows what a month takes away and brings.
func (t *teller) renewal() {
	t.Heading("The next month: what was removed is gone, and nothing rolls over")
	t.By("bob", credits.Member)
	t.On("2026-02-01 11:00:00")
	t.Do("bob makes 3 videos of 10 seconds in 4k", video(3, 10, "4k", ""))
	t.On("2026-02-05 10:00:00")
	t.view()
	t.On("2026-03-05 10:00:00")
}

// refund shows that add-ons are not refunded, but by an operator.
func (t *teller) refund() {
	t.Heading("No refund, but by the seller's own staff")
	t.By("ann", credits.Administrator)
	t.On("2026-03-06 09:00:00")
	bought := t.Do("ann adds a unit by mistake", set(2, ""))
	t.Refused("ann wants the money back", credits.Refund{Purchase: bought.ID}, credits.NonRefundable)
	t.By("support", credits.Operator)
	t.Do("support makes an exception", credits.Refund{Purchase: bought.ID, Note: credits.Note{Reason: "clicked twice"}})
	t.By("ann", credits.Administrator)
	t.Do("ann goes back to 1 unit", set(1, ""))
}

// users shows units that belong to one user each.
func (t *teller) users() {
	t.Heading("Basic: units of 60 credits for 10 USD, for one user each")
	t.About(atelier)
	t.On("2026-03-08 09:00:00")
	t.Do("atelier subscribes to Basic", credits.Open{Plan: t.plan("basic")})
	t.Do("ann enters a card", card)
	t.Do("3 units for ann", set(3, "ann"))
	t.Do("1 unit for bob", set(1, "bob"))
	t.spendable("ann", "bob", "carol")
	t.On("2026-03-09 09:00:00")
	t.Refused("bob makes 3 videos of 10 seconds in 4k", video(3, 10, "4k", "bob"), credits.Insufficient)
	t.Do("ann makes them", video(3, 10, "4k", "ann"))
	t.Do("bob makes 5 images in high quality", image(5, "high", "bob"))
	t.Do("carol takes bob's place", credits.Reassign{AddOn: addOn, From: "bob", To: "carol"})
	t.spendable("ann", "bob", "carol")
	t.view()
}

// cancelled shows a subscription that is cancelled, with its add-ons.
func (t *teller) cancelled() {
	t.Heading("Cancelled: the add-ons end with the period, not before")
	t.About(studio)
	t.By("ann", credits.Administrator)
	t.On("2026-03-10 09:00:00")
	t.Do("ann cancels the subscription", credits.Cancel{})
	t.Say("It ends on %s.", t.Wallet().Subscription().Ends.Format("2 January, 15:04"))
	t.view()
	t.On("2026-03-20 09:00:00")
	t.Do("bob makes 8 videos of 10 seconds in 4k", video(8, 10, "4k", ""))
	t.On("2026-04-05 10:00:00")
	t.Refused("bob makes an image", image(1, "standard", ""), credits.NoPlan)
	t.Refused("ann adds a unit", set(1, ""), credits.NoPlan)
}

// lapsed shows add-ons without a subscription, and with one again.
func (t *teller) lapsed() {
	t.Heading("Without a subscription add-ons rest, and their credits go on expiring")
	t.About(atelier)
	t.By("billing", credits.System)
	t.On("2026-04-08 09:00:00")
	t.On("2026-04-10 09:00:00")
	t.Do("the plan was not paid", credits.Lapse{})
	t.By("ann", credits.Administrator)
	t.Refused("carol makes an image", image(1, "standard", "carol"), credits.NoPlan)
	t.Refused("ann adds a unit", set(4, "ann"), credits.NoPlan)
	t.On("2026-04-12 09:00:00")
	t.Do("it is paid: the subscription goes on", credits.Reactivate{})
	t.Do("carol makes 10 images in high quality", image(10, "high", "carol"))
	t.By("billing", credits.System)
	t.On("2026-04-20 09:00:00")
	t.Do("the plan was not paid", credits.Lapse{})
	t.On("2026-05-10 09:00:00")
	t.Say("The month ended on 8 May. Nothing was renewed or charged, and what was left is gone.")
	t.Do("it is paid: the subscription goes on", credits.Reactivate{})
	t.view()
}

// annual shows monthly add-ons of a plan that is billed and reset by the year.
func (t *teller) annual() {
	t.Heading("Team by the year: the plan resets in a year, its add-ons every month")
	t.About(film)
	t.By("dave", credits.Administrator)
	t.On("2026-05-15 08:00:00")
	t.Do("film subscribes to Team by the year", credits.Open{Plan: t.plan("team-annual")})
	t.Do("dave enters a card", card)
	t.Do("dave adds 2 units", set(2, ""))
	t.Do("dave makes 25 videos of 10 seconds in 4k", video(25, 10, "4k", ""))
	t.On("2026-06-15 08:00:00")
	t.view()
	table := page.NewTable("lnn", "if nothing is spent, at the end of", "of the plan", "of add-ons")
	for _, m := range []string{"2026-07-15", "2027-05-14", "2027-05-15"} {
		at, _ := time.Parse(time.DateOnly, m)
		w, err := t.BalanceAt(context.Background(), film, at.Add(24*time.Hour))
		if err != nil {
			t.Err = err
			return
		}
		b := w.Balance("", "")
		table.Add(at.Format("2 January 2006"), page.Number(b.By[credits.FromAllowance]), page.Number(b.By[credits.FromAddOn]))
	}
	t.Show(table)
}
