package main

import (
	"time"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/usage"
)

// identities are those that acme writes from: each has conversations of its own.
var identities = []string{"centre", "east", "north", "south", "west"}

// use is something that a user did with credits.
type use struct {
	at       string
	who      string
	quantity int64
	feature  string
	words    string
}

// did tells what users did.
func (t *teller) did(uses ...use) {
	for _, u := range uses {
		t.On(u.at)
		t.By(u.who, credits.Member)
		t.Do(u.who+" "+u.words, credits.Spend{Feature: u.feature, Quantity: u.quantity})
	}
}

// open subscribes in the middle of a month.
func (t *teller) open() {
	t.Heading("12 January: the plan")
	t.Say("Whatever day an account subscribes, it resets on the 1st, in its own zone. Its plan brings 10,000 credits, and five identities: " +
		"units of an add-on that the plan's price includes, which bring 500 conversations each.")
	t.On("2026-01-12 10:00:00")
	t.By("ann", credits.Administrator)
	t.Do("ann subscribes", credits.Open{Plan: t.plan, Zone: zone})
	for _, identity := range identities {
		t.Do("identity "+identity, credits.SetUnits{AddOn: "identity", Scope: identity, Units: 1})
	}
	t.Refused("a sixth identity", credits.SetUnits{AddOn: "identity", Scope: "sixth", Units: 1}, credits.LimitReached)
	t.current()
}

// january uses 4,800 of 10,000.
func (t *teller) january() {
	t.Heading("January: what credits are used for")
	t.did(
		use{"2026-01-13 09:10:00", "ann", 600, "company-scraping", "scrapes 600 companies"},
		use{"2026-01-14 11:30:00", "ann", 900, "contact-scraping", "scrapes 900 contacts"},
		use{"2026-01-20 16:00:00", "bob", 1200, "enrichment", "enriches 1,200 contacts"},
		use{"2026-01-22 08:45:00", "bob", 500, "ai-variable", "executes 500 AI variables"},
		use{"2026-01-26 12:20:00", "carol", 300, "workflow", "runs 300 workflows"},
		use{"2026-01-27 17:05:00", "ann", 700, "contact-scraping", "scrapes 700 contacts"},
		use{"2026-01-29 10:00:00", "bob", 600, "enrichment", "enriches 600 contacts"},
	)
	t.Say("The usage page reads the same history by time, by user, and by action. Each adds up to the same.")
	t.used(usage.Query{By: []usage.Dimension{usage.Week}}, "week of")
	t.used(usage.Query{By: []usage.Dimension{usage.Actor}}, "user")
	t.used(usage.Query{By: []usage.Dimension{usage.Feature}}, "action")
}

// exception carries over what the default would not.
func (t *teller) exception() {
	t.Heading("30 January: an exception")
	t.Say("Nothing is carried over, as a rule. For acme an operator makes an exception, of a stated amount, with a reason and an end of its own. " +
		"It cannot be more than what is unused.")
	t.On("2026-01-30 17:00:00")
	t.By("eve", credits.Operator)
	note := credits.Note{Ref: "ticket 77", Reason: "two weeks without the data provider"}
	until := time.Date(2026, time.April, 1, 0, 0, 0, 0, t.Now().Location())
	t.Refused("eve carries 6,000 over", credits.CarryOver{Amount: 6000 * credits.Credit, Expires: until, Note: note}, credits.Insufficient)
	t.Do("eve carries 4,931 over the next reset", credits.CarryOver{Amount: 4931 * credits.Credit, Expires: until, Note: note})
	t.On("2026-02-01 00:00:00")
	t.Say("Of the 5,200 that were unused 269 have expired, and 4,931 are a lot of their own.")
}

// february shows the page on its last day.
func (t *teller) february() {
	t.Heading("28 February: the page")
	t.Say("In February acme pauses. On its last day nothing is used, and the next top-up is tomorrow.")
	t.On("2026-02-28 10:00:00")
	t.current()
	t.On("2026-03-01 00:00:00")
	t.Say("This reset follows the rule again: what February brought expires, although none of it was used. What was carried over lives to its own end.")
}

// march spends the most of what there is.
func (t *teller) march() {
	t.Heading("March: what was carried over goes first")
	t.did(
		use{"2026-03-03 09:00:00", "ann", 4000, "company-scraping", "scrapes 4,000 companies"},
		use{"2026-03-05 15:30:00", "bob", 6000, "enrichment", "enriches 6,000 contacts"},
		use{"2026-03-10 11:15:00", "carol", 1900, "workflow", "runs 1,900 workflows"},
		use{"2026-03-12 14:00:00", "bob", 2300, "ai-variable", "executes 2,300 AI variables"},
	)
	t.current()
}

// conversations shows the second meter.
func (t *teller) conversations() {
	t.Heading("The second meter: conversations")
	t.Say("An identity draws on its own 500. When one has none left, neither credits nor the others notice.")
	for _, c := range []struct {
		at, identity, campaign string
		quantity               int64
	}{
		{"2026-03-13 09:00:00", "north", "spring", 300},
		{"2026-03-16 09:00:00", "south", "spring", 250},
		{"2026-03-18 09:00:00", "north", "fair", 200},
		{"2026-03-24 09:00:00", "east", "fair", 120},
		{"2026-03-25 09:00:00", "south", "", 30},
	} {
		cmd := credits.Spend{Feature: "conversation", Quantity: c.quantity, Scope: c.identity}
		if c.campaign != "" {
			cmd.Note.Labels = map[string]string{"campaign": c.campaign}
		}
		t.On(c.at)
		t.Do("", cmd)
	}
	t.meter()
	t.Refused("another from north", credits.Spend{Feature: "conversation", Quantity: 1, Scope: "north"}, credits.Insufficient)
	t.Do("another from west", credits.Spend{Feature: "conversation", Quantity: 1, Scope: "west"})
	w := t.Wallet()
	t.Say("acme has %s credits, as before, and west has %s conversations.", page.Number(w.Available()),
		page.Number(w.Spendable("conversations", "conversation", "west")))
	t.Say("The conversations of the month by time, identity and campaign:")
	by := func(d usage.Dimension) usage.Query {
		return usage.Query{Unit: "conversations", By: []usage.Dimension{d}}
	}
	t.used(by(usage.Week), "week of")
	t.used(by(usage.Scope), "identity")
	t.used(by(usage.Label("campaign")), "campaign")
}
