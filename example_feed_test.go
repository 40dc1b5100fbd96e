package credits_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/credits"
)

// A consumer keeps what it was given by wallet and Seq, so that what it is given
// twice is there once. Here it fails the first time, after it kept something.
func ExampleLedger_Feed() {
	ctx, ledger, _ := exampleLedger()
	must(ledger.Do(ctx, "bob", "signup", credits.Open{Plan: examplePlan()}))
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 3}))

	type row struct {
		wallet credits.WalletID
		seq    credits.ID
	}
	reports := map[row]string{} // a table of the host's, with this primary key
	failing := true
	consume := func(_ context.Context, entries []credits.Entry) error {
		for _, e := range entries {
			reports[row{e.Wallet, e.Seq}] = fmt.Sprint(e.Kind, " leaves ", e.Balance)
			if failing {
				return errors.New("the reports are down")
			}
		}
		return nil
	}
	fmt.Println(ledger.Feed(ctx, consume))
	failing = false
	fmt.Println(ledger.Feed(ctx, consume))
	fmt.Println(ledger.Feed(ctx, consume))
	fmt.Println(len(reports), "rows; the third of acme:", reports[row{"acme", 3}])
	// Output:
	// 0 the reports are down
	// 5 <nil>
	// 0 <nil>
	// 5 rows; the third of acme: spent leaves 94
}
