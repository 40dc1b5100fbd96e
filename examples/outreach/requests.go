package main

import (
	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

// more is what the button "Buy more" asks for.
func more(amount credits.Amount) credits.Buy { return credits.Buy{Pack: "more", Amount: amount} }

// requests shows the two buttons, which both end with a person.
func (t *teller) requests() {
	t.Heading("Buy more, change plan: a person does it")
	t.Say("The plan's rules let customers have neither by themselves. A button files a request, which the host's chat picks up; " +
		"filed again while it is open, it is the same request.")
	t.On("2026-03-26 09:30:00")
	t.By("ann", credits.Administrator)
	t.Refused("ann buys 2,000 credits", more(2000*credits.Credit), credits.RequestNeeded)
	buy := credits.Ask{Command: more(2000 * credits.Credit), Contact: "chat 5512"}
	first := t.Do("ann asks to buy 2,000", buy)
	t.On("2026-03-26 09:31:00")
	again := t.Do("ann asks again", buy)
	change := t.Do("ann asks to change the plan on the 1st", credits.Ask{
		Command: credits.Subscribe{Plan: t.bigger, When: credits.AtCycle}, Contact: "chat 5512",
	})
	t.By("bob", credits.Member)
	t.On("2026-03-26 11:00:00")
	dear := t.Do("bob asks to buy 40,000", credits.Ask{Command: more(40_000 * credits.Credit), Contact: "chat 5530"})
	t.Say("ann's first click filed request %d, and her second one found request %d.", first.ID, again.ID)
	t.waiting()
	t.Say("eve, acme's account manager, buys the 2,000 at the plan's own price per credit; she declines what would cost more than a " +
		"bigger plan; and she changes the plan on terms negotiated for acme alone.")
	t.On("2026-03-27 10:00:00")
	t.By("eve", credits.Operator)
	t.Do("eve approves the 2,000", credits.Approve{Request: first.ID, Note: credits.Note{Reason: "as agreed in the chat"}})
	t.Do("eve declines the 40,000", credits.Dismiss{Request: dear.ID, Note: credits.Note{Reason: "the bigger plan costs less"}})
	t.Do("eve puts acme on 20,000 from the 1st on", credits.Approve{
		Request: change.ID, Command: credits.Subscribe{Plan: t.negotiated(), When: credits.AtCycle},
		Note: credits.Note{Ref: "contract 12", Reason: "two years with us"},
	})
	t.current()
}

// negotiated returns the bigger plan on acme's own terms.
func (t *teller) negotiated() credits.Plan {
	p := t.bigger
	p.Version, p.For = 2, acme
	p.Price = credits.Money{Micros: 799_000_000, Currency: "EUR"}
	return p
}

// waiting draws the requests that wait for somebody.
func (t *teller) waiting() {
	table := page.NewTable("lll", "contact", "what", "since")
	for r := range t.Wallet().Requests() {
		cmd, err := credits.ParseCommand(r.Command)
		t.Check(err)
		what := ""
		switch cmd := cmd.(type) {
		case credits.Buy:
			what = "buy " + page.Number(cmd.Amount)
		case credits.Subscribe:
			what = "change plan to " + cmd.Plan.ID
		}
		table.Add(r.Contact, what, r.At.In(t.Now().Location()).Format("_2 January, 15:04"))
	}
	t.Panel("Requests", table)
}

// april shows the changed plan.
func (t *teller) april() {
	t.Heading("1 April: the new plan")
	t.On("2026-04-01 00:00:00")
	t.Say("What was bought and what was left has expired with March. The five identities go on, and the plan's price now includes five more.")
	t.By("ann", credits.Administrator)
	t.Do("identity sixth", credits.SetUnits{AddOn: "identity", Scope: "sixth", Units: 1})
	t.current()
	t.meter()
}
