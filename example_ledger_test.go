package credits_test

import (
	"errors"
	"fmt"
	"time"

	"example.com/credits"
)

// Under one key a command is done once, however often it is asked for. The second
// receipt is the first one, also when the credits would not suffice any more.
func ExampleLedger_Do() {
	ctx, ledger, _ := exampleLedger()
	for range 2 {
		r, err := ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 30})
		fmt.Println("spent", r.Amount, "and left", r.Balance, "again:", r.Replayed, err)
	}
	_, err := ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 31})
	fmt.Println(err, errors.Is(err, credits.ErrKeyReused))
	// Output:
	// spent 60 and left 40 again: false <nil>
	// spent 60 and left 40 again: true <nil>
	// credits: quantity: differs from what key "job-1" was used for true
}

// All tasks are done or none: acme is given nothing, because bob cannot pay.
func ExampleLedger_DoAll() {
	ctx, ledger, _ := exampleLedger()
	must(ledger.Do(ctx, "bob", "signup", credits.Open{Plan: examplePlan()}))

	_, err := ledger.DoAll(ctx,
		credits.Task{Wallet: "acme", Key: "swap-1", Command: credits.Grant{Amount: 500 * credits.Credit}},
		credits.Task{Wallet: "bob", Key: "swap-1", Command: credits.Spend{Amount: 500 * credits.Credit}},
	)
	fmt.Println(err)
	fmt.Println("acme has", must(ledger.Wallet(ctx, "acme")).Available())
	// Output:
	// credits: wallet "bob": insufficient credits: need 500, have 100
	// acme has 100
}

// A transfer consumes nothing: what was bought stays bought, and keeps its expiry.
func ExampleLedger_Transfer() {
	ctx, ledger, _ := exampleLedger()
	must(ledger.Do(ctx, "bob", "signup", credits.Open{Plan: examplePlan()}))
	must(ledger.Do(ctx, "acme", "order-7", credits.Buy{Pack: "extra", Amount: 50 * credits.Credit}))

	sent, received, err := ledger.Transfer(ctx, "gift-1", credits.Transfer{From: "acme", To: "bob", Amount: 20 * credits.Credit})
	if err != nil {
		panic(err)
	}
	fmt.Println("acme has", sent.Balance, "and bob has", received.Balance)
	lot := received.Lots()[0]
	fmt.Println(lot.Amount, "by", lot.Source, "for", lot.Paid, "until", lot.Expires.Format(time.DateOnly))
	// Output:
	// acme has 130 and bob has 120
	// 20 by purchase for 1.80 USD until 2026-02-28
}

// A preview is the receipt that the command would have now: a price to show
// before a button is pressed.
func ExampleLedger_Preview() {
	ctx, ledger, _ := exampleLedger()
	buy := credits.Buy{Pack: "extra", Amount: 100 * credits.Credit}

	quote := must(ledger.Preview(ctx, "acme", "order-7", buy))
	fmt.Println("it would cost", quote.Charge, "and leave", quote.Balance)
	fmt.Println("it still has", must(ledger.Wallet(ctx, "acme")).Available())
	// Output:
	// it would cost 9.00 USD and leave 200
	// it still has 100
}

// The past is what it was, and the future what is due: no command and no purchase.
func ExampleLedger_BalanceAt() {
	ctx, ledger, clock := exampleLedger()
	opened := clock.Now()
	clock.Add(time.Hour)
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 20}))

	for _, t := range []time.Time{opened, clock.Now(), opened.AddDate(0, 2, 0)} {
		fmt.Println(must(ledger.BalanceAt(ctx, "acme", t)))
	}
	// Output:
	// acme at 2026-01-31T12:00:00Z: 100
	// acme at 2026-01-31T13:00:00Z: 60
	// acme at 2026-03-31T12:00:00Z: 100
}

// What falls due, and how long the credits last at the pace of the last 30 days.
func ExampleLedger_Forecast() {
	ctx, ledger, clock := exampleLedger()
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Amount: 90 * credits.Credit}))

	f := must(ledger.Forecast(ctx, "acme", "", clock.Now().AddDate(0, 1, 0)))
	fmt.Println(f.PerDay, "a day runs out on", f.RunsOut.Format(time.DateOnly))
	for _, e := range f.Events {
		fmt.Println(e.At.Format(time.DateTime), e.Kind, "leaves", e.Balance)
	}
	// Output:
	// 3 a day runs out on 2026-02-04
	// 2026-02-28 12:00:00 expired leaves 0
	// 2026-02-28 12:00:00 renewed leaves 0
	// 2026-02-28 12:00:00 granted leaves 100
}

// A history says what happened, by whom, and what was left each time.
func ExampleLedger_History() {
	ctx, ledger, clock := exampleLedger()
	ann := ledger.As(credits.Actor{ID: "ann"})
	must(ann.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 3}))
	clock.Add(time.Hour)
	must(ann.Do(ctx, "acme", "job-2", credits.Spend{Feature: "answer", Quantity: 5}))

	for e, err := range ledger.History(ctx, "acme", credits.HistoryQuery{Newest: true, Limit: 3}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(e.Seq, e.At.Format(time.TimeOnly), e.Kind, e.Feature, e.Quantity, e.Actor.ID, "leaves", e.Balance)
	}
	// Output:
	// 4 13:00:00 spent answer 5 ann leaves 93.5
	// 3 12:00:00 spent image 3 ann leaves 94
	// 2 12:00:00 granted  0  leaves 100
}

// Verify replays a wallet onto nothing. Its head, kept elsewhere, proves later on
// that the history was neither cut nor made anew.
func ExampleLedger_Verify() {
	ctx, ledger, clock := exampleLedger()
	must(ledger.Do(ctx, "acme", "job-1", credits.Spend{Feature: "image", Quantity: 3}))
	kept := must(ledger.Wallet(ctx, "acme"))
	clock.Add(time.Hour)
	must(ledger.Do(ctx, "acme", "job-2", credits.Spend{Feature: "image", Quantity: 1}))

	fmt.Println("verified:", ledger.Verify(ctx, "acme") == nil)
	then := must(ledger.BalanceAt(ctx, "acme", kept.At()))
	fmt.Println("its history had the head that was kept:", then.Head() == kept.Head())
	// Output:
	// verified: true
	// its history had the head that was kept: true
}

// Balances need no job. Tick is for what should be written promptly, such as for
// reports: each entry is dated when it fell due, not when it was noticed.
func ExampleLedger_Tick() {
	ctx, ledger, clock := exampleLedger()
	clock.Add(30 * 24 * time.Hour)
	fmt.Println("before:", must(ledger.Wallet(ctx, "acme")).Available())

	fmt.Println("wallets written:", must(ledger.Tick(ctx)))
	for e, err := range ledger.History(ctx, "acme", credits.HistoryQuery{Within: credits.Period{Start: clock.Now().AddDate(0, 0, -5)}}) {
		fmt.Println(e.At.Format(time.DateTime), e.Kind, e.Balance, err)
	}
	fmt.Println("wallets written:", must(ledger.Tick(ctx)))
	// Output:
	// before: 100
	// wallets written: 1
	// 2026-02-28 12:00:00 expired 0 <nil>
	// 2026-02-28 12:00:00 renewed 0 <nil>
	// 2026-02-28 12:00:00 granted 100 <nil>
	// wallets written: 0
}

// A balance says what there is now and where it came from.
func ExampleWallet_Balance() {
	ctx, ledger, clock := exampleLedger()
	must(ledger.Do(ctx, "acme", "order-7", credits.Buy{Pack: "extra", Amount: 50 * credits.Credit}))
	must(ledger.Do(ctx, "acme", "chat-9", credits.Reserve{Amount: 30 * credits.Credit, Until: clock.Now().Add(time.Hour)}))
	must(ledger.Do(ctx, "acme", "welcome", credits.Grant{Amount: 5 * credits.Credit, Scope: "ann"}))

	wallet := must(ledger.Wallet(ctx, "acme"))
	for _, scope := range []string{"", "ann"} {
		b := wallet.Balance("", scope)
		fmt.Println(b.Available, "available,", b.Held, "held")
		fmt.Println("-", b.By[credits.FromAllowance], "of", b.Allowance, "from the plan,", b.By[credits.FromPurchase], "bought,", b.By[credits.FromGrant], "given")
	}
	// Output:
	// 120 available, 30 held
	// - 70 of 100 from the plan, 50 bought, 0 given
	// 125 available, 30 held
	// - 70 of 100 from the plan, 50 bought, 5 given
}
