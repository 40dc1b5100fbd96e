package main

import (
	"context"
	"fmt"
	"time"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

// prices shows what extra credits cost in each tier, and how many auto-purchase
// may buy. It asks wallets that are in no ledger: deciding is a pure function.
func (t *teller) prices() {
	t.Heading("What an extra credit costs")
	t.Say("An extra credit costs what a credit of the plan costs: the price of a term for all that the term gives. " +
		"Bought automatically it costs 30 %% more, 10,000 at a time, and no more a month than the plan gives.")
	all := []credits.Plan{
		t.plan("core", "10k"), t.plan("core", "20k"), t.plan("core", "40k"), t.plan("core", "80k"),
		t.sized(n(85_000), "68.00 USD", ""), t.sized(n(45_000), "38.00 USD", ""), t.sized(n(9_999), "9.00 USD", ""),
		t.plan("core-annual", "10k"), t.plan("pro-annual", "10k"),
	}
	table := page.NewTable("lrnnrrn", "plan", "price", "credits", "each", "1,000", "10,000 auto", "a month")
	for _, p := range all {
		w, err := credits.NewWallet("anybody")
		if err != nil {
			t.Err = err
			return
		}
		opened, err := w.Decide(credits.Call{Key: "open", Now: time.Unix(0, 0), Command: credits.Open{Plan: p}})
		if err == nil {
			w, err = w.Apply(opened...)
		}
		price, _ := p.PerCredit()
		byHand, _ := price.Of(n(1000), 0)
		auto, _ := price.Of(n(10_000), p.Auto.Surcharge)
		if err != nil {
			t.Err = err
			return
		}
		table.Add(p.Name, p.Price.String(), page.Number(price.For), price.Each().String(), byHand.String(), auto.String(),
			fmt.Sprint(w.AutoPurchase().Times))
	}
	t.Show(table)
}

// byHand shows extra credits that somebody buys.
func (t *teller) byHand() {
	t.Heading("By hand: units of 1,000, at any time, by card")
	t.Say("acme is on Core with 40,000 credits a month, from the 1st to the last day of it.")
	t.About(acme)
	t.By("ann", credits.Administrator)
	t.On("2026-01-01 00:00:00")
	t.Do("acme subscribes", credits.Open{Plan: t.plan("core", "40k")})
	t.On("2026-01-20 09:00:00")
	t.Do("scenarios have run 39,995 operations", run(39_995))
	t.Refused("ann buys 10,000 credits, without a card", extra(n(10_000)), credits.NoMethod)
	t.Do("ann enters a bank account", credits.SetMethod{Method: credits.Method{Token: "iban-1", Kind: "bank"}})
	t.Refused("ann buys 10,000 credits", extra(n(10_000)), credits.MethodRefused)
	t.Do("ann enters a card", card("card-1"))
	for _, amount := range []credits.Amount{n(1500), 0, n(-1000)} {
		t.Invalid("ann buys "+page.Number(amount), extra(amount))
	}
	t.Do("ann buys 10,000 credits", extra(n(10_000)))
	split := t.Do("scenarios run 10 operations", run(10))
	t.Say("The ten are %s: the plan's credits are used first. The purchase brought data transfer, too, which is %s GB now and ends with it. "+
		"It changed nothing else.", t.sources(split), page.Number(t.Wallet().Balance("GB", "").Available))
	t.On("2026-01-31 23:59:59.999999")
	t.Do("at the last microsecond of January: 4,995", run(4995))
	t.On("2026-02-01 00:00:00")
	t.On("2026-02-10 10:00:00")
	t.Do("agents have used 39,999.5 credits", credits.Spend{Amount: n(40_000) - credits.Credit/2})
	t.Do("ann buys 1,000 credits", extra(n(1000)))
	split = t.Do("a scenario runs 1 operation", run(1))
	t.Do("ann moves acme to 80,000 from March on", credits.Subscribe{Plan: t.plan("core", "80k"), When: credits.AtCycle})
	t.Say("That one credit is %s.", t.sources(split))
}

// small shows what Free and the smallest plans may do.
func (t *teller) small() {
	t.Heading("Small plans: none on Free, one pack of 10,000 on 10,000 a month")
	t.About(beta)
	t.By("bob", credits.Administrator)
	t.On("2026-02-12 00:00:00")
	t.Do("beta begins on Free", credits.Open{Plan: t.plan("free", "")})
	t.Refused("bob buys 1,000 credits", extra(n(1000)), credits.NotInPlan)
	t.Refused("bob switches auto-purchase on", credits.SetAutoPurchase{On: true}, credits.NotInPlan)
	t.Do("bob subscribes to 5,000", credits.Subscribe{Plan: t.sized(n(5000), "5.00 USD", beta)})
	t.Refused("bob switches auto-purchase on", credits.SetAutoPurchase{On: true}, credits.LimitReached)
	t.Do("bob subscribes to 10,000", credits.Subscribe{Plan: t.plan("core", "10k")})
	t.Refused("bob switches auto-purchase on", credits.SetAutoPurchase{On: true}, credits.NoMethod)
	t.Do("bob enters a bank account", credits.SetMethod{Method: credits.Method{Token: "iban-2", Kind: "bank"}})
	t.Refused("bob switches auto-purchase on", credits.SetAutoPurchase{On: true}, credits.MethodRefused)
	t.Do("bob enters a card", card("card-2"))
	t.Do("bob switches auto-purchase on", credits.SetAutoPurchase{On: true})
	t.On("2026-02-20 00:00:00")
	t.Do("scenarios run 11,000 operations", run(11_000))
	t.Refused("a scenario needs 10,001 operations", run(10_001), credits.LimitReached)
}

// automatic is the example of the platform's own manual.
func (t *teller) automatic() {
	t.Heading("Automatically: 80,000 credits a month, and eight purchases of 10,000")
	t.About(acme)
	t.By("ann", credits.Administrator)
	t.On("2026-03-01 00:00:00")
	t.Do("ann switches auto-purchase on", credits.SetAutoPurchase{On: true})
	t.On("2026-03-10 08:00:00")
	t.Do("scenarios have run 80,000 operations", run(80_000))
	t.On("2026-03-11 08:00:00")
	t.Do("scenarios run 10,000 operations", run(10_000))
	t.sayAuto()
	for day := 12; day <= 18; day++ {
		t.On(fmt.Sprintf("2026-03-%d 08:00:00", day))
		t.Do("scenarios run 10,000 operations", run(10_000))
	}
	refused := t.Refused("a scenario needs 10 operations", run(10), credits.LimitReached)
	t.sayAuto()
	t.sayRemedies(refused)
	t.Do("ann buys 2,000, no surcharge", extra(n(2000)))
	t.Do("the scenario runs its 10 operations", run(10))
}

// newMonth shows that the limit starts anew.
func (t *teller) newMonth() {
	t.Heading("The next month")
	t.On("2026-04-01 00:00:00")
	t.sayAuto()
}

// declined is a payment that fails, and what it takes to go on.
func (t *teller) declined() {
	t.mails(acme) // what was before is known
	t.Heading("A payment fails")
	t.On("2026-04-05 08:00:00")
	t.Do("scenarios have run 75,000 operations", run(75_000))
	t.bank.bad["card-1"] = "the card has expired"
	t.On("2026-04-08 08:00:00")
	t.Refused("a scenario needs 8,000 operations", run(8000), credits.PaymentFailed)
	t.Do("a smaller one runs 5,000 operations", run(5000))
	t.Refused("a scenario needs 1 operation", run(1), credits.PaymentFailed)
	t.By("support", credits.Operator)
	t.Do("support gives 500 credits", credits.Grant{
		Amount: n(500), Expires: t.Wallet().Cycle().End, Note: credits.Note{Reason: "goodwill, until the new card is there"},
	})
	t.By("ann", credits.Administrator)
	t.Do("scenarios run 500 operations", run(500))
	t.Say("The scenarios pause: what is there is spent, and no more is bought.")
	t.sayMails()
	t.On("2026-04-09 10:00:00")
	t.Do("ann enters another card", card("card-3"))
	t.Do("the scenario runs its 8,000 operations", run(8000))
	t.sayMails()
}

// change shows that another plan keeps what was bought in the month.
func (t *teller) change() {
	t.Heading("Another plan keeps the month's count")
	t.On("2026-04-15 08:00:00")
	t.Do("a scenario runs 15,000 operations", run(15_000))
	t.Say("What is short is bought first, in one charge of whole packs.")
	t.sayAuto()
	t.Do("ann moves acme to 20,000", credits.Subscribe{Plan: t.plan("core", "20k")})
	t.sayAuto()
	t.Do("scenarios run 7,000 operations", run(7000))
	t.Refused("a scenario needs 10 operations", run(10), credits.LimitReached)
	t.Do("ann moves acme to 85,000", credits.Subscribe{Plan: t.sized(n(85_000), "68.00 USD", acme)})
	t.sayAuto()
	t.Do("scenarios run 5,000 operations", run(5000))
	t.Do("ann switches auto-purchase off", credits.SetAutoPurchase{})
	t.Do("scenarios run 9,000 operations", run(9000))
	t.Refused("a scenario needs 1,001 operations", run(1001), credits.Insufficient)
	t.On("2026-05-01 00:00:00")
	t.Say("What was bought stayed until it expired, and switching auto-purchase off bought no more.")
}

// lives shows until when extra credits can be spent.
func (t *teller) lives() {
	t.Heading("How long extra credits live")
	t.Say("Three customers begin on 1 May and buy 10,000 credits on the 20th. What counts is when their credits are reset. " +
		"The table has what is left of the 10,000 at the end of one day and at the beginning of the next.")
	customers := []struct {
		id   credits.WalletID
		plan credits.Plan
	}{
		{"monthly", t.plan("core", "10k")},
		{"annual, reset monthly", t.plan("core-annual", "10k")},
		{"annual", t.plan("pro-annual", "10k")},
	}
	moments := []string{"2026-05-31 23:59:59.999999", "2026-06-01 00:00:00", "2027-04-30 23:59:59.999999", "2027-05-01 00:00:00"}
	table := page.NewTable("lrlrrrr", "billing", "paid", "last day", "31 May", "1 June", "30 April", "1 May")
	for _, c := range customers {
		t.About(c.id)
		t.Do("", credits.Open{Plan: c.plan})
		t.Do("", card("card-4"))
	}
	t.On("2026-05-20 12:00:00")
	for _, c := range customers {
		t.About(c.id)
		bought := t.Do("", extra(n(10_000)))
		end := t.Wallet().Cycle().End
		row := []string{string(c.id), bought.Charge.String(), credits.Period{End: end}.LastDay(nil).Format("2 January 2006")}
		for _, m := range moments {
			row = append(row, page.Number(t.boughtAt(c.id, m)))
		}
		table.Add(row...)
	}
	t.Show(table)
}

// boughtAt returns what there is of purchases by hand at an instant.
func (t *teller) boughtAt(id credits.WalletID, instant string) credits.Amount {
	at, err := time.Parse(time.DateTime, instant)
	if err != nil {
		t.Err = err
	}
	w, err := t.BalanceAt(context.Background(), id, at)
	if err != nil {
		t.Err = err
	}
	return w.Balance("", "").By[credits.FromPurchase]
}

// books compares what the provider took with what the purchases say.
func (t *teller) books() {
	t.Heading("The books")
	var owed, took credits.Money
	purchases := 0
	for id := range t.Wallets(context.Background(), "") {
		for e := range t.History(context.Background(), id, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindPurchased}}) {
			if e.Purchase != nil {
				owed, _ = owed.Add(e.Charge)
				purchases++
			}
		}
	}
	for _, c := range t.bank.took {
		took, _ = took.Add(c.Money)
	}
	if took != owed || len(t.bank.took) != purchases {
		t.Err = fmt.Errorf("the provider took %v, and purchases are %v", took, owed)
	}
	t.Say("%s, for which the payment provider took %v.", page.Count(int64(purchases), "purchase"), took)
}
