package credits_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// examplePlan is the plan of the examples: 100 credits a month for 9 dollars.
func examplePlan() credits.Plan {
	return credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1),
		Price:      credits.Money{Micros: 9_000_000, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: 2 * credits.Credit}, "answer": {Credits: credits.Credit, Per: 10}},
		Packs:      []credits.Pack{{ID: "extra", Size: 50 * credits.Credit}},
		Auto:       credits.AutoPurchase{Pack: "extra", Size: 50 * credits.Credit, Surcharge: 30 * credits.Percent},
	}
}

// exampleLedger returns a ledger on a clock that stands at 31 January 2026, 12:00
// UTC, with the wallet "acme" open under examplePlan.
func exampleLedger() (context.Context, *credits.Ledger, *clock.Mock) {
	mock := clock.NewMock()
	mock.Set(time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: mock})
	must(ledger.Do(context.Background(), "acme", "signup", credits.Open{Plan: examplePlan()}))
	return context.Background(), ledger, mock
}

// must returns what a call returned and panics if it failed.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A wallet is opened under a plan. The receipt says what the holder owes and has.
func ExampleOpen() {
	ctx := context.Background()
	ledger := credits.New(new(memory.Store), nil)

	r := must(ledger.Do(ctx, "acme", "signup-17", credits.Open{Plan: examplePlan(), Zone: "Europe/Berlin"}))
	fmt.Println("has", r.Balance, "and owes", r.Charge)

	_, err := ledger.Do(ctx, "acme", "signup-18", credits.Open{Plan: examplePlan()})
	fmt.Println(err, errors.Is(err, credits.ErrExists))
	// Output:
	// has 100 and owes 9.00 USD
	// credits: wallet: "acme" is open already true
}

// The plan says what a quantity costs: 10 answers are 1 credit. The lines of the
// receipt say which lots paid: here the allowance, lot 2, then the gift, lot 3.
func ExampleSpend() {
	ctx, ledger, _ := exampleLedger()
	must(ledger.Do(ctx, "acme", "welcome", credits.Grant{Amount: 10 * credits.Credit}))

	r := must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "answer", Quantity: 1_025}))
	fmt.Println("spent", r.Amount, "and left", r.Balance)
	for _, line := range r.Lines() {
		fmt.Println("lot", line.Lot, line.From, "to", line.To, line.Amount)
	}
	// Output:
	// spent 102.5 and left 7.5
	// lot 2 available to consumed 100
	// lot 3 available to consumed 2.5
}

// A hold sets credits aside while the cost is not known. Capturing less than was
// held releases the rest.
func ExampleReserve() {
	ctx, ledger, clock := exampleLedger()

	hold := must(ledger.Do(ctx, "acme", "chat-9", credits.Reserve{
		Feature: "answer", Quantity: 500, Until: clock.Now().Add(10 * time.Minute),
	}))
	fmt.Println("held", hold.Amount, "and left", hold.Balance)

	r := must(ledger.Do(ctx, "acme", "chat-9/done", credits.Capture{Hold: hold.ID, Quantity: 120}))
	fmt.Println("spent", r.Amount, "and left", r.Balance)
	// Output:
	// held 50 and left 50
	// spent 12 and left 88
}

// What a capture of more does is the hold's policy: here the rest is drawn from
// what is available, as far as it goes, and the entry says what was not covered.
func ExampleCapture() {
	ctx, ledger, clock := exampleLedger()
	hold := must(ledger.Do(ctx, "acme", "video", credits.Reserve{
		Amount: 80 * credits.Credit, Until: clock.Now().Add(time.Hour), Over: credits.DrawSome,
	}))

	r := must(ledger.Do(ctx, "acme", "video/done", credits.Capture{Hold: hold.ID, Amount: 130 * credits.Credit}))
	fmt.Println("spent", r.Amount, "and left", r.Balance)
	fmt.Println("not covered:", r.Entries[0].Uncovered)
	// Output:
	// spent 100 and left 0
	// not covered: 30
}

// A hold ends once. What comes too late is refused and says how it ended.
func ExampleRelease() {
	ctx, ledger, clock := exampleLedger()
	hold := must(ledger.Do(ctx, "acme", "chat-9", credits.Reserve{
		Amount: 50 * credits.Credit, Until: clock.Now().Add(10 * time.Minute),
	}))

	r := must(ledger.Do(ctx, "acme", "chat-9/failed", credits.Release{Hold: hold.ID}))
	fmt.Println("released", r.Amount, "and left", r.Balance)

	_, err := ledger.Do(ctx, "acme", "chat-9/done", credits.Capture{Hold: hold.ID, All: true})
	fmt.Println(err, errors.Is(err, credits.Ended))
	// Output:
	// released 50 and left 100
	// credits: wallet "acme": ended: the hold was released at 2026-01-31T12:00:00Z true
}

// A spend is undone in part or whole, and never more of it than was taken.
func ExampleReverse() {
	ctx, ledger, _ := exampleLedger()
	spend := must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 10}))

	r := must(ledger.Do(ctx, "acme", "ticket-81", credits.Reverse{Spend: spend.ID, Amount: 6 * credits.Credit}))
	fmt.Println("gave back", r.Amount, "and left", r.Balance)
	r = must(ledger.Do(ctx, "acme", "ticket-82", credits.Reverse{Spend: spend.ID, All: true}))
	fmt.Println("gave back", r.Amount, "and left", r.Balance)
	// Output:
	// gave back 6 and left 86
	// gave back 14 and left 100
}

// A grant may be for some features only, and may end. What is left of it then
// has expired, without a job having run.
func ExampleGrant() {
	ctx, ledger, clock := exampleLedger()
	staff := ledger.As(credits.Actor{ID: "sam", Role: "operator"})

	r := must(staff.Do(ctx, "acme", "ticket-81", credits.Grant{
		Amount:   20 * credits.Credit,
		Features: []string{"image"},
		Expires:  clock.Now().Add(24 * time.Hour),
		Note:     credits.Note{Reason: "outage of 30 January"},
	}))
	fmt.Println("lot", r.ID, "of", r.Amount, "ends", r.Lots()[0].Expires.Format(time.DateTime))

	clock.Add(24 * time.Hour)
	wallet := must(ledger.Wallet(ctx, "acme"))
	lot, _ := wallet.Lot(r.ID)
	fmt.Println("a day later", lot.Expired, "expired and", wallet.Available(), "are left")
	// Output:
	// lot 3 of 20 ends 2026-02-01 12:00:00
	// a day later 20 expired and 100 are left
}

// Revoking takes back what is left of a lot: what was spent stays spent.
func ExampleRevoke() {
	ctx, ledger, _ := exampleLedger()
	gift := must(ledger.Do(ctx, "acme", "gift", credits.Grant{Amount: 30 * credits.Credit}))
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Amount: 110 * credits.Credit}))

	r := must(ledger.Do(ctx, "acme", "gift/undo", credits.Revoke{Lot: gift.ID, Note: credits.Note{Reason: "wrong wallet"}}))
	fmt.Println("revoked", r.Amount, "and left", r.Balance)
	// Output:
	// revoked 20 and left 0
}

// What is carried over survives the next reset, once.
func ExampleCarryOver() {
	ctx, ledger, clock := exampleLedger()
	must(ledger.Do(ctx, "acme", "favour", credits.CarryOver{Amount: 40 * credits.Credit}))

	for range 3 {
		wallet := must(ledger.Wallet(ctx, "acme"))
		b := wallet.Balance("", "")
		fmt.Println("until", wallet.Cycle().End.Format(time.DateOnly), b.Available, "and", b.By[credits.FromCarryOver], "of them carried over")
		clock.Set(wallet.Cycle().End)
	}
	// Output:
	// until 2026-02-28 100 and 0 of them carried over
	// until 2026-03-31 140 and 40 of them carried over
	// until 2026-04-30 100 and 0 of them carried over
}

// Extra credits cost what the plan's own do, here 9 dollars for 100, unless the
// pack has its price. They are spent after the allowance.
func ExampleBuy() {
	ctx, ledger, _ := exampleLedger()

	r := must(ledger.Do(ctx, "acme", "order-7", credits.Buy{Pack: "extra", Amount: 100 * credits.Credit}))
	fmt.Println("purchase", r.Purchase, "of", r.Amount, "costs", r.Charge)

	_, err := ledger.Do(ctx, "acme", "order-8", credits.Buy{Pack: "extra", Amount: 75 * credits.Credit})
	fmt.Println(err)
	// Output:
	// purchase 3 of 100 costs 9.00 USD
	// credits: amount: 75 is not a whole number of packs of 50
}

// A refund takes back what is unused, and says what is to be paid back for it.
func ExampleRefund() {
	ctx, ledger, _ := exampleLedger()
	order := must(ledger.Do(ctx, "acme", "order-7", credits.Buy{Pack: "extra", Amount: 50 * credits.Credit}))
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Amount: 120 * credits.Credit}))

	r := must(ledger.Do(ctx, "acme", "order-7/back", credits.Refund{Purchase: order.Purchase}))
	fmt.Println("took back", r.Amount, "for", r.Charge)
	// Output:
	// took back 30 for -2.70 USD
}

// Auto-purchase buys what a spend is short of, here with a surcharge of 30 %. What
// it may buy in a month is limited, to the allowance unless the plan says else.
func ExampleSetAutoPurchase() {
	ctx, ledger, _ := exampleLedger()
	must(ledger.Do(ctx, "acme", "auto", credits.SetAutoPurchase{On: true}))

	r := must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Amount: 130 * credits.Credit}))
	fmt.Println("spent", r.Amount, "and left", r.Balance, "for", r.Charge, "more")

	auto := must(ledger.Wallet(ctx, "acme")).AutoPurchase()
	fmt.Println("it bought", auto.Bought, "and may buy", auto.Left, "until", auto.Until.Format(time.DateOnly))
	// Output:
	// spent 130 and left 20 for 5.85 USD more
	// it bought 50 and may buy 50 until 2026-02-28
}

// The current cycle keeps its end. Those after it end by the new zone's clocks, of
// this plan on the 1st at midnight, which is another hour of UTC in summer.
func ExampleSetZone() {
	ctx, ledger, clock := exampleLedger()
	plan := examplePlan()
	plan.Anchor = credits.FirstOfMonth
	must(ledger.Do(ctx, "bob", "signup", credits.Open{Plan: plan}))
	must(ledger.Do(ctx, "bob", "moved", credits.SetZone{Zone: "America/New_York"}))

	for range 3 {
		wallet := must(ledger.Wallet(ctx, "bob"))
		fmt.Println(wallet.Zone(), wallet.Cycle().End.Format(time.RFC3339))
		clock.Set(wallet.Cycle().End)
	}
	// Output:
	// UTC 2026-02-01T00:00:00Z
	// America/New_York 2026-03-01T05:00:00Z
	// America/New_York 2026-04-01T04:00:00Z
}

// Who did something and why can be forgotten. What was done is not, and the chain
// of hashes still verifies.
func ExampleErase() {
	ctx, ledger, _ := exampleLedger()
	ann := ledger.As(credits.Actor{ID: "ann@example.com"})
	spend := must(ann.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 1}))

	must(ledger.Do(ctx, "acme", "forget-ann", credits.Erase{Entries: []credits.ID{spend.ID}}))
	r := must(ledger.Receipt(ctx, "acme", "job-1"))
	fmt.Printf("actor %q spent %v\n", r.Entries[0].Actor.ID, r.Amount)
	fmt.Println("verified:", ledger.Verify(ctx, "acme") == nil)
	// Output:
	// actor "" spent 2
	// verified: true
}

// A refusal says what was needed, what there was, and what would help.
func ExampleRefusedError() {
	ctx, ledger, _ := exampleLedger()
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 30}))
	_, err := ledger.Do(ctx, "acme", "job-2", credits.Spend{Feature: "image", Quantity: 25})

	var refused *credits.RefusedError
	if errors.As(err, &refused) {
		fmt.Println(refused)
		for _, r := range refused.Remedies {
			switch r.Kind {
			case credits.RemedyWait:
				fmt.Println("-", r.Kind, "until", r.Until.Format(time.DateOnly))
			case credits.RemedyBuy:
				fmt.Println("-", r.Kind, r.Pack, r.Buy, "for", r.Price)
			default:
				fmt.Println("-", r.Kind)
			}
		}
	}
	// Output:
	// credits: wallet "acme": insufficient credits: need 50, have 40
	// - wait until 2026-02-28
	// - enable auto-purchase
	// - buy packs extra 50 for 4.50 USD
}
