package usage_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store/memory"
	"example.com/credits/usage"
)

// exampleLedger returns a ledger on which "acme" has used credits on two days.
func exampleLedger() (context.Context, *credits.Ledger) {
	ctx := context.Background()
	mock := clock.NewMock()
	mock.Set(time.Date(2026, time.January, 30, 12, 0, 0, 0, time.UTC))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: mock})
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: 2 * credits.Credit}, "answer": {Credits: credits.Credit, Per: 10}},
	}})
	ann, bob := ledger.As(credits.Actor{ID: "ann"}), ledger.As(credits.Actor{ID: "bob"})
	spring := credits.Note{Labels: map[string]string{"campaign": "spring"}}
	ann.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 3, Note: spring})
	bob.Do(ctx, "acme", "job-2", credits.Spend{Feature: "answer", Quantity: 25})
	mock.Add(24 * time.Hour)
	r, _ := ann.Do(ctx, "acme", "job-3", credits.Spend{Feature: "image", Quantity: 5, Note: spring})
	bob.Do(ctx, "acme", "undo-3", credits.Reverse{Spend: r.ID, Amount: 4 * credits.Credit})
	return ctx, ledger
}

// What the credits of the current cycle were used for.
func ExampleOf() {
	ctx, ledger := exampleLedger()
	rows, err := usage.Of(ctx, ledger, "acme", usage.Query{By: []usage.Dimension{usage.Day, usage.Feature}})
	if err != nil {
		panic(err)
	}
	for _, r := range rows {
		fmt.Println(r.Start.Format(time.DateOnly), r.Group[usage.Feature], r.Amount, "for", r.Quantity)
	}
	// Output:
	// 2026-01-30 answer 2.5 for 25
	// 2026-01-30 image 6 for 3
	// 2026-01-31 image 6 for 5
}

// Usage by a label: what does not have it has no key in Group.
func ExampleLabel() {
	ctx, ledger := exampleLedger()
	campaign := usage.Label("campaign")
	rows, err := usage.Of(ctx, ledger, "acme", usage.Query{By: []usage.Dimension{campaign, usage.Actor}})
	if err != nil {
		panic(err)
	}
	for _, r := range rows {
		name, ok := r.Group[campaign]
		if !ok {
			name = "(no campaign)"
		}
		fmt.Println(name, r.Group[usage.Actor], r.Amount)
	}
	// Output:
	// (no campaign) bob 2.5
	// spring ann 12
}
