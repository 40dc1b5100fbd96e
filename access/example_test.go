package access_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/access"
	"example.com/credits/store/memory"
)

// plans returns a free package and a plan to which administrators subscribe with a
// code, as a host's catalogue has them.
func plans() (free, plus credits.Plan) {
	catalogue, err := credits.ParsePlans([]byte(`{"plans": [
		{
			"id": "free", "version": 1, "every": "3 months", "life": "3 months", "once": true,
			"allowances": [{"amount": "50"}],
			"access": [
				{"action": "subscribe", "plans": ["plus"], "roles": ["administrator"], "via": "code"},
				{"action": "interest", "trial": true}
			]
		},
		{
			"id": "plus", "version": 1, "every": "1 month", "price": "60.00 USD",
			"allowances": [{"amount": "2000"}],
			"packs": [{"id": "extra", "size": "500", "price": "20.00 USD", "below": "1"}],
			"access": [
				{"action": "buy", "roles": ["administrator"]},
				{"action": "interest", "trial": true}
			],
			"prompt": "80%"
		}
	]}`))
	if err != nil {
		panic(err)
	}
	return catalogue[0], catalogue[1]
}

// ledger returns a ledger in memory, on a clock that stands still.
func ledger() (*credits.Ledger, *clock.Mock) {
	now := clock.NewMock()
	now.Set(time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC))
	return credits.New(new(memory.Store), &credits.Options{Clock: now}), now
}

// Ann subscribes with a security code.
func ExampleDesk() {
	ctx := context.Background()
	ledger, now := ledger()
	free, plus := plans()
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: free})

	desk, err := access.New(ledger, []byte("at least thirty-two random bytes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ann := desk.As(credits.Actor{ID: "ann", Role: credits.Administrator})
	asked, code, err := ann.Ask(ctx, "acme", "subscribe", credits.Subscribe{Plan: plus})
	fmt.Println("a code of", len(code), "digits goes to ann:", err)

	wrong := "000000"
	if wrong == code {
		wrong = "000001"
	}
	_, err = ann.Confirm(ctx, "acme", "first try", asked.ID, wrong)
	fmt.Println(err)

	now.Add(2 * time.Minute)
	receipt, err := ann.Confirm(ctx, "acme", "second try", asked.ID, code)
	fmt.Println(receipt.Charge, err)
	w, _ := ledger.Wallet(ctx, "acme")
	fmt.Println(w)

	_, err = ann.Confirm(ctx, "acme", "once more", asked.ID, code)
	fmt.Println(errors.Is(err, credits.CodeStale))
	// Output:
	// a code of 6 digits goes to ann: <nil>
	// credits: wallet "acme": wrong security code: attempts left: 4
	// 60.00 USD <nil>
	// acme at 2026-01-15T09:02:00Z: 2050
	// true
}

// A page is drawn from what its viewer may do.
func ExampleOffers() {
	ctx := context.Background()
	ledger, _ := ledger()
	free, plus := plans()
	catalogue := []credits.Plan{free, plus}
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: plus})
	ledger.Do(ctx, "acme", "job", credits.Spend{Amount: 1600 * credits.Credit})

	w, err := ledger.Wallet(ctx, "acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, actor := range []credits.Actor{
		{ID: "ann", Role: credits.Administrator},
		{ID: "bob", Role: credits.Member},
	} {
		page := access.Offers(w, credits.Call{Actor: actor}, catalogue)
		fmt.Printf("%s sees the sidebar entry: %v\n", actor.ID, page.Sidebar)
		for _, o := range page.Offers {
			switch {
			case o.Action != credits.ActBuy && o.Action != credits.ActInterest:
			case o.Allowed:
				fmt.Printf("  [%s %s] %v\n", o.Action, o.About, o.Via)
			default:
				fmt.Printf("  %s %s, %v: %s\n", o.Action, o.About, o.Due, string(o.Reason))
				for _, remedy := range o.Remedies {
					fmt.Println("   ", remedy.Kind, remedy.Role)
				}
			}
		}
	}
	// Output:
	// ann sees the sidebar entry: true
	//   [interest free] directly
	//   [interest plus] directly
	//   buy extra, 20.00 USD: balance not short
	// bob sees the sidebar entry: true
	//   [interest free] directly
	//   [interest plus] directly
	//   buy extra, 20.00 USD: not permitted
	//     ask a role administrator
}
