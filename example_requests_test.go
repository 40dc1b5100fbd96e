package credits_test

import (
	"context"
	"fmt"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// The rules of a plan say who may do what, and what has to be asked.
func ExampleRule() {
	ctx := context.Background()
	ledger := credits.New(new(memory.Store), nil)
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: credits.Plan{
		ID: "team", Version: 1, Every: credits.Months(1),
		Packs: []credits.Pack{{ID: "extra", Size: 100 * credits.Credit, Price: credits.Money{Micros: 5_000_000, Currency: "USD"}}},
		Access: []credits.Rule{
			{Action: credits.ActBuy, Roles: []string{credits.Administrator}},
			{Action: credits.ActCancel, Via: credits.ByRequest},
		},
	}})
	bob := ledger.As(credits.Actor{ID: "bob", Role: credits.Member})

	_, err := bob.Do(ctx, "acme", "buy", credits.Buy{Pack: "extra", Amount: 100 * credits.Credit})
	fmt.Println(err)
	_, err = bob.Do(ctx, "acme", "cancel", credits.Cancel{})
	fmt.Println(err)
	_, err = bob.Do(ctx, "acme", "gift", credits.Grant{Amount: credits.Credit})
	fmt.Println(err)
	// Output:
	// credits: wallet "acme": not permitted
	// credits: wallet "acme": request needed
	// credits: wallet "acme": not permitted
}

// A request is filed by a customer and fulfilled, as it was asked or otherwise, or
// dismissed by the seller's staff.
func ExampleAsk() {
	ctx := context.Background()
	ledger := credits.New(new(memory.Store), nil)
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: credits.Plan{
		ID: "10k", Version: 1, Every: credits.Months(1), Allowances: []credits.Allowance{{Amount: 10_000 * credits.Credit}},
		Access: []credits.Rule{{Action: credits.ActInterest}},
	}})
	bob := ledger.As(credits.Actor{ID: "bob", Role: credits.Member})
	staff := ledger.As(credits.Actor{ID: "mary", Role: credits.Operator})

	asked, _ := bob.Do(ctx, "acme", "more please", credits.Ask{About: "buy more", Contact: "crm/4711"})
	again, _ := bob.Do(ctx, "acme", "more, please", credits.Ask{About: "buy more", Contact: "crm/4711"})
	fmt.Println("the same request:", asked.ID == again.ID)

	sold, err := staff.Do(ctx, "acme", "case 17", credits.Approve{
		Request: asked.ID,
		Command: credits.Sell{Amount: 5000 * credits.Credit, Price: credits.Money{Micros: 200_000_000, Currency: "EUR"}},
		Note:    credits.Note{Reason: "agreed by phone"},
	})
	fmt.Println(sold.Amount, "for", sold.Charge, err)

	asked, _ = bob.Do(ctx, "acme", "a gift", credits.Ask{About: "free credits", Contact: "crm/4711"})
	staff.Do(ctx, "acme", "case 18", credits.Dismiss{Request: asked.ID, Note: credits.Note{Reason: "no gifts this year"}})
	for e := range ledger.History(ctx, "acme", credits.HistoryQuery{Kinds: []credits.Kind{credits.KindAnswered}}) {
		fmt.Println(e.Request.ID, e.Request.State, "by", e.Actor.ID+":", e.Note.Reason)
	}
	// Output:
	// the same request: true
	// 5000 for 200.00 EUR <nil>
	// 3 approved by mary: agreed by phone
	// 7 dismissed by mary: no gifts this year
}
