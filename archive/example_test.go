package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store/memory"
)

// exampleLedger is a ledger on which acme has lived for half a year.
func exampleLedger() (context.Context, *credits.Ledger) {
	ctx, mock := context.Background(), clock.NewMock()
	mock.Set(day("2026-01-01"))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: mock})
	must(ledger.Do(ctx, "acme", "signup", credits.Open{Plan: plan()}))
	for month := range 6 {
		must(ledger.Do(ctx, "acme", credits.Key(fmt.Sprintf("job-%d", month)), credits.Spend{Feature: "image", Quantity: 5}))
		mock.Set(mock.Now().AddDate(0, 1, 0))
	}
	must(ledger.Tick(ctx))
	return ctx, ledger
}

// A wallet moves to another store: the same entries, the same chain, the same receipts.
func Example() {
	ctx, ledger := exampleLedger()
	var file bytes.Buffer
	if _, err := archive.Export(ctx, ledger.Store(), &file); err != nil {
		log.Fatal(err)
	}

	elsewhere := credits.New(new(memory.Store), nil)
	report, err := archive.Import(ctx, elsewhere.Store(), bytes.NewReader(file.Bytes()))
	fmt.Println(report.Wallets, "wallet with", report.Entries, "entries", err)
	fmt.Println("the same head:", must(elsewhere.Head(ctx, "acme")) == must(ledger.Head(ctx, "acme")))
	r, err := elsewhere.Receipt(ctx, "acme", "job-3")
	fmt.Println("job-3 spent", r.Amount, err)
	// Output:
	// 1 wallet with 26 entries <nil>
	// the same head: true
	// job-3 spent 10 <nil>
}

// What is old goes to a file, and only what was read back from there is removed.
func ExamplePrune() {
	ctx, ledger := exampleLedger()
	dir := must(os.MkdirTemp("", ""))
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "acme-2026-03.jsonl")

	file := must(os.Create(name))
	run, err := archive.Write(ctx, ledger, file, "acme", day("2026-04-01"))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil || run.Entries == 0 {
		log.Fatal(err)
	}

	file = must(os.Open(name))
	defer file.Close()
	report, err := archive.Prune(ctx, ledger, file, &archive.Options{NoFeed: true})
	fmt.Println("removed", report.Entries, "entries", err)
	fmt.Println("verified:", ledger.Verify(ctx, "acme"))
	_, err = ledger.BalanceAt(ctx, "acme", day("2026-02-15"))
	fmt.Println(err)
	fmt.Println("spent in May:", must(ledger.Receipt(ctx, "acme", "job-4")).Amount)
	// Output:
	// removed 11 entries <nil>
	// verified: <nil>
	// credits: time: is before the wallet's checkpoint
	// spent in May: 10
}

// Balances of another system come in as lots of their own. A line that is wrong
// is told, and keeps none of the others from coming in.
func ExampleOpen() {
	ctx := context.Background()
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: past{day("2026-01-10")}})
	file := `{"wallet":"acme","key":"crm-17","plan":"bare","grant":{"amount":"12.5","expires":"2027-01-01T00:00:00Z","paid":"9.00 USD"}}
{"wallet":"acme","key":"crm-18","plan":"bare","grant":{"amount":"40","expires":"2026-07-01T00:00:00Z","paid":"0.00 USD"}}
{"wallet":"bob","key":"crm-19","plan":"bare","grant":{"amount":"forty"}}`

	opened, err := archive.Open(ctx, ledger, []credits.Plan{bare()}, archive.ParseOpenings(strings.NewReader(file)))
	fmt.Println(opened.Lots, "lots", err)
	for _, refused := range opened.Refused {
		fmt.Println(refused)
	}
	for lot := range must(ledger.Wallet(ctx, "acme")).Lots() {
		fmt.Println(lot.Available, "until", lot.Expires.Format(time.DateOnly), lot.Paid)
	}
	// Output:
	// 2 lots <nil>
	// archive: line 3: grant.amount: amount "forty" is not a decimal number such as 12.5
	// 40 until 2026-07-01 0.00 USD
	// 12.5 until 2027-01-01 9.00 USD
}
