package credits_test

import (
	"context"
	"fmt"
	"log"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// A whole program: what is sold, to whom, and what it is used for.
func Example() {
	pro := credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: 2 * credits.Credit}},
	}
	ctx, ledger := context.Background(), credits.New(new(memory.Store), nil)
	if _, err := ledger.Do(ctx, "acme", "signup-17", credits.Open{Plan: pro}); err != nil {
		log.Fatal(err)
	}
	for _, job := range []credits.Key{"job-1", "job-2", "job-1", "job-3"} { // job-1 is tried again and paid once
		receipt, err := ledger.Do(ctx, "acme", job, credits.Spend{Feature: "image", Quantity: 20})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(job, "costs", receipt.Amount, "and leaves", receipt.Balance)
	}
	wallet, err := ledger.Wallet(ctx, "acme")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(wallet.Available(), "of", wallet.Balance("", "").Allowance, "are left")

	// Output:
	// job-1 costs 40 and leaves 60
	// job-2 costs 40 and leaves 20
	// job-1 costs 40 and leaves 60
	// credits: wallet "acme": insufficient credits: need 40, have 20
	// 20 of 100 are left
}
