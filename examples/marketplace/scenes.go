package main

import (
	"context"
	"strings"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

func responses(n int64) credits.Spend { return credits.Spend{Feature: "response", Quantity: n} }

func reviews(n int64) credits.Spend { return credits.Spend{Feature: "review", Quantity: n} }

func credit(whole int) credits.Amount { return credits.Amount(whole) * credits.Credit }

// offered shows the plans as the catalogue has them.
func (t *teller) offered() {
	t.Heading("Three plans")
	t.Say("1 credit is one Smart Response, or ten reviews of the AI Reviewer.")
	table := page.NewTable("lrrll", "plan", "price", "credits", "", "extra package")
	for _, p := range t.plans {
		gives, every, extra := "as agreed", "sold by people", "-"
		if len(p.Allowances) > 0 {
			gives, every = page.Number(p.Allowances[0].Amount), "each "+strings.TrimPrefix(p.Every.String(), "1 ")
		}
		if p.Once {
			every = "once, for " + p.Life.String()
		}
		for _, k := range p.Packs {
			extra = page.Number(k.Size) + " for " + page.Money(k.Price) + ", for " + k.Life.String()
		}
		table.Add(p.Name, page.Money(p.Price), gives, every, extra)
	}
	t.Show(table)
}

// freePackage begins with 50 credits.
func (t *teller) freePackage() {
	t.Heading("15 January: AI Free")
	t.On("2026-01-15 00:00:00")
	t.Actor(ann)
	t.Do("acme begins on AI Free", credits.Open{Plan: t.free, Zone: zone})
	t.On("2026-01-20 14:00:00")
	t.Actor(bob)
	t.Do("5 Smart Responses", responses(5))
	t.Do("50 reviews", reviews(50))
	t.Do("7 reviews", reviews(7))
	t.statistics()
}

// interest registers what people sell, and what a member cannot buy.
func (t *teller) interest() {
	t.Heading("2 February: interest, which is a lead")
	t.Say("Who may not subscribe may say that he would like to. That moves no credits. The sales team's CRM reads it from the change feed; " +
		"said again, it is the same lead. beta is on trial, which its host says with each command: there nobody may do more.")
	t.On("2026-02-02 09:00:00")
	t.Actor(bob)
	t.Refused("bob subscribes to Plus", credits.Subscribe{Plan: t.plus}, credits.NotPermitted)
	t.Do("bob is interested in Plus", credits.Ask{About: "plus", Contact: "user 17"})
	t.On("2026-02-03 11:00:00")
	t.Do("bob is interested in Plus", credits.Ask{About: "plus", Contact: "user 17"})
	t.About(beta)
	t.Actor(dora)
	t.Do("beta begins on AI Free", credits.Open{Plan: t.free, Zone: zone})
	t.Refused("dora subscribes to Plus", credits.Subscribe{Plan: t.plus}, credits.OnTrial)
	t.Do("dora is interested in Ultra", credits.Ask{About: "ultra", Contact: "user 90"})
	t.About(acme)
	t.crm()
}

// sidebar consumes 80 % of Free.
func (t *teller) sidebar() {
	t.Heading("9 February: the entry in the sidebar")
	t.Say("The banner and the link in the statistics are always there. The sidebar's entry comes when 80 %% of the current credits are consumed: " +
		"with 39.9 of 50 it is not there, and with 40 it is.")
	t.On("2026-02-09 10:00:00")
	t.Actor(bob)
	t.Do("29 Smart Responses", responses(29))
	t.Do("2 reviews", reviews(2))
	t.page(bob)
	t.Do("a review", reviews(1))
	t.page(bob)
}

// subscription subscribes to Plus in two steps.
func (t *teller) subscription() {
	t.Heading("2 March: Plus, with a security code")
	t.Say("Subscribing takes an administrator and two steps. The first files the command and makes a code, which the host delivers. " +
		"The code is for ann, this plan and this price alone, lives ten minutes, and is used once.")
	ctx := context.Background()
	t.On("2026-03-02 10:00:00")
	t.page(ann)
	first, code, err := t.desk.As(ann).Ask(ctx, acme, "click-1", credits.Subscribe{Plan: t.plus})
	t.Done("ann clicks on Subscribe now: a code is sent", first, err)
	t.On("2026-03-02 10:02:00")
	_, err = t.desk.As(ann).Confirm(ctx, acme, "form-1", first.ID, other(code))
	t.NotDone("ann gives a wrong code", err, credits.CodeWrong)
	t.On("2026-03-02 10:10:00")
	_, err = t.desk.As(ann).Confirm(ctx, acme, "form-2", first.ID, code)
	t.NotDone("ann gives the right one, after ten minutes", err, credits.CodeStale)
	t.statistics()
	t.Say("So far nothing has changed. She asks once more:")
	t.On("2026-03-02 10:11:00")
	second, code, err := t.desk.As(ann).Ask(ctx, acme, "click-2", credits.Subscribe{Plan: t.plus})
	t.Done("ann clicks on Subscribe now: a code is sent", second, err)
	t.On("2026-03-02 10:12:00")
	r, err := t.desk.As(ann).Confirm(ctx, acme, "form-3", second.ID, code)
	t.Done("ann gives the code: she subscribes to Plus", r, err)
	t.statistics()
	t.Say("The ten that were left of Free are there to their own end:")
	t.lots()
}

// other returns another code than the right one.
func other(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// extra buys the first extra package.
func (t *teller) extra() {
	t.Heading("10 March: an extra package, when credits are short")
	t.Say("Short is less than the dearest single use costs, which is 1 here. A package lives 30 days of the calendar, and one can be active.")
	buy := credits.Buy{Pack: "extra", Amount: credit(500)}
	t.On("2026-03-09 18:00:00")
	t.Actor(bob)
	t.Do("2,009 Smart Responses", responses(2009))
	t.On("2026-03-10 11:55:00")
	t.Actor(ann)
	t.Refused("ann buys the package", buy, credits.NotShort)
	t.Actor(bob)
	t.Do("7 reviews", reviews(7))
	t.Refused("bob buys the package", buy, credits.NotPermitted)
	t.page(ann)
	t.On("2026-03-10 12:00:00")
	t.Actor(ann)
	t.Do("ann buys the package", buy)
	t.lots()
}

// secondExtra waits for the end of the first package.
func (t *teller) secondExtra() {
	t.Heading("9 April, 12:00: another one")
	t.Say("Plus has renewed itself. A package counts as active until it expires, used up or not; from that very instant another one can be bought.")
	buy := credits.Buy{Pack: "extra", Amount: credit(500)}
	t.Actor(bob)
	t.On("2026-03-20 10:00:00")
	t.Do("400 Smart Responses", responses(400))
	t.On("2026-04-06 10:00:00")
	t.Do("2,000 Smart Responses", responses(2000))
	t.On("2026-04-09 11:59:59.999999")
	t.Actor(ann)
	t.Refused("ann buys the package", buy, credits.PackActive)
	t.On("2026-04-09 12:00:00")
	t.Do("ann buys the package", buy)
	t.lots()
}

// specialist moves the base to Ultra, which people sell.
func (t *teller) specialist() {
	t.Heading("Ultra, which people sell")
	t.Say("Nobody subscribes to Ultra by himself. ann registers interest, sales agree with her on credits, price and term, and put acme on a version " +
		"of the plan that is acme's own, from the next cycle on. Extra packages end with Plus, as the plan says.")
	t.On("2026-04-10 15:00:00")
	t.Actor(ann)
	t.Refused("ann subscribes to Ultra", credits.Subscribe{Plan: t.ultra}, credits.NotSelfService)
	t.Do("ann speaks with a specialist", credits.Ask{About: "ultra", Contact: "user 3"})
	t.crm()
	t.On("2026-04-15 16:00:00")
	t.Actor(sam)
	t.Do("sam agrees with ann on Ultra", credits.Subscribe{
		Plan: negotiated(t.ultra), When: credits.AtCycle, Note: credits.Note{Ref: "contract 12", Reason: "20,000 a month, billed by the quarter"},
	})
	t.On("2026-05-02 10:12:00")
	t.statistics()
	t.Say("On Ultra there is nothing to buy, for administrators neither. Interest stays.")
	t.page(ann)
}

// negotiated returns the plan on acme's own terms.
func negotiated(p credits.Plan) credits.Plan {
	p.Version, p.For, p.Term = 2, acme, credits.Months(3)
	p.Price = credits.Money{Micros: 900_000_000, Currency: "USD"}
	p.Allowances = []credits.Allowance{{Amount: credit(20_000)}}
	return p
}

// afterFree shows the base whose free package has ended.
func (t *teller) afterFree() {
	t.Heading("4 May: after AI Free has ended")
	t.Say("beta never used its 50 credits. They are gone, and do not come again. Nor is beta on trial any more: Plus is offered as before.")
	t.On("2026-05-04 10:00:00")
	t.About(beta)
	dora := credits.Actor{ID: dora.ID, Role: dora.Role}
	t.Actor(dora)
	t.Refused("a Smart Response", responses(1), credits.NoPlan)
	t.Refused("dora subscribes to Free", credits.Subscribe{Plan: t.free}, credits.NotPermitted)
	t.page(dora)
	ctx := context.Background()
	asked, code, err := t.desk.As(dora).Ask(ctx, beta, "click-1", credits.Subscribe{Plan: t.plus})
	t.Done("dora clicks on Subscribe now: a code is sent", asked, err)
	r, err := t.desk.As(dora).Confirm(ctx, beta, "form-1", asked.ID, code)
	t.Done("dora gives the code: she subscribes to Plus", r, err)
	t.About(acme)
}

// deactivation ends the plan, which Customer Success does.
func (t *teller) deactivation() {
	t.Heading("1 June: deactivation")
	t.Say("A customer can ask for it. Customer Success does it, and the history keeps who and why.")
	t.On("2026-06-01 09:00:00")
	t.Actor(bob)
	t.Do("300 Smart Responses", responses(300))
	t.Actor(ann)
	t.Refused("ann deactivates the package", credits.Deactivate{}, credits.RequestNeeded)
	asked := t.Do("ann asks for it", credits.Ask{Command: credits.Deactivate{}, Contact: "user 3"})
	t.On("2026-06-01 14:30:00")
	t.Actor(cora)
	t.Do("cora deactivates it", credits.Approve{Request: asked.ID, Note: credits.Note{Ref: "ticket 501", Reason: "the base is closed"}})
	t.Actor(bob)
	t.Refused("a Smart Response", responses(1), credits.NoPlan)
	t.statistics()
	table := page.NewTable("llll", "when", "what", "who", "why")
	for e, err := range t.History(context.Background(), acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindEnded}}) {
		t.Check(err)
		table.Add(e.At.In(t.Now().Location()).Format("_2 January, 15:04"), "the plan "+e.Kind.String(), e.Actor.ID+", "+e.Actor.Role, e.Note.Reason+", "+e.Note.Ref)
	}
	t.Show(table)
}
