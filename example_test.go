package credits_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// A whole program: what is sold, to whom, and what it is used for. The clock
// stands still, so that a month passes in no time.
func Example() {
	clock := clock.NewMock() // your service leaves it out
	clock.Set(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: clock})
	ctx := context.Background()

	price, _ := credits.ParseMoney("9.00 USD")
	plan := credits.Plan{
		ID: "core", Version: 1, Price: price, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 10_000 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: credits.Credit, Per: 2}},
	}
	ledger.Do(ctx, "acme", "signup-17", credits.Open{Plan: plan})

	receipt, err := ledger.Do(ctx, "acme", "job-4711", credits.Spend{Feature: "image", Quantity: 3})
	fmt.Println(receipt.Amount, "spent,", receipt.Balance, "left", err)

	// The same key again: nothing is spent twice.
	again, _ := ledger.Do(ctx, "acme", "job-4711", credits.Spend{Feature: "image", Quantity: 3})
	fmt.Println("replayed:", again.Replayed, again.Balance)

	clock.Add(28 * 24 * time.Hour) // 28 February: the month is over, and no job has run
	wallet, _ := ledger.Wallet(ctx, "acme")
	fmt.Println(wallet.Available(), "until", wallet.Cycle().End.Format(time.DateOnly))
	// Output:
	// 1.5 spent, 9998.5 left <nil>
	// replayed: true 9998.5
	// 10000 until 2026-03-31
}
