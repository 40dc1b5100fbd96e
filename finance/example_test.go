package finance_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/store/memory"
)

// exampleLedger returns a ledger on 10 March, on which "acme" has had a plan of
// 100 credits for 9 dollars since the end of January.
func exampleLedger() (context.Context, *credits.Ledger) {
	ctx := context.Background()
	mock := clock.NewMock()
	mock.Set(time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: mock})
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1), Price: credits.Money{Micros: 9_000_000, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 50 * credits.Credit, Life: credits.Forever}},
	}})
	mock.Add(5 * 24 * time.Hour)
	ledger.Do(ctx, "acme", "job-1", credits.Spend{Amount: 60 * credits.Credit})
	ledger.Do(ctx, "acme", "order-7", credits.Buy{Pack: "extra", Amount: 50 * credits.Credit})
	mock.Set(time.Date(2026, time.March, 10, 0, 0, 0, 0, time.UTC))
	ledger.Do(ctx, "acme", "job-2", credits.Spend{Amount: 110 * credits.Credit})
	return ctx, ledger
}

// The account of February, although nothing was written at the end of it.
func ExampleOf() {
	ctx, ledger := exampleLedger()
	february := credits.Period{
		Start: time.Date(2026, time.February, 1, 0, 0, 0, 0, time.UTC),
		End:   time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC),
	}
	s, err := finance.Of(ctx, ledger, "acme", february)
	if err != nil {
		panic(err)
	}
	for _, ln := range s.Lines {
		fmt.Println(ln.Source, ln.Opening, "+", ln.Issued, "=", ln.Consumed, "consumed +", ln.Expired, "expired +", ln.Closing)
	}
	for _, r := range s.Revenue {
		fmt.Println(r.Opening, "deferred +", r.Paid, "paid =", r.Recognised, "earned +", r.Breakage, "unused +", r.Deferred, "deferred")
		fmt.Println("to bill:", r.Charged)
	}
	// Output:
	// allowance 100 + 100 = 60 consumed + 40 expired + 100
	// purchase 0 + 50 = 0 consumed + 0 expired + 50
	// 9.00 USD deferred + 13.50 USD paid = 5.40 USD earned + 3.60 USD unused + 13.50 USD deferred
	// to bill: 13.50 USD
}

// A table for a spreadsheet, of two months that follow each other.
func ExampleWriteCSV() {
	ctx, ledger := exampleLedger()
	var statements []finance.Statement
	for m := time.February; m <= time.March; m++ {
		month := credits.Period{
			Start: time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, m+1, 1, 0, 0, 0, 0, time.UTC),
		}
		s, err := finance.Of(ctx, ledger, "acme", month)
		if err != nil {
			panic(err)
		}
		statements = append(statements, s)
	}
	if err := finance.WriteCSV(os.Stdout, statements...); err != nil {
		panic(err)
	}
	// Output:
	// wallet,from,to,kind,unit,source,opening,issued,moved,consumed,expired,revoked,refunded,held,closing,charged,surcharge,settled
	// acme,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,credits,,allowance,100,100,0,60,40,0,0,0,100,,,
	// acme,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,credits,,purchase,0,50,0,0,0,0,0,0,50,,,
	// acme,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,revenue,USD,,9,13.5,0,5.4,3.6,0,0,,13.5,13.5,0,0
	// acme,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,credits,,allowance,100,0,0,100,0,0,0,0,0,,,
	// acme,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,credits,,purchase,50,0,0,10,0,0,0,0,40,,,
	// acme,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,revenue,USD,,13.5,0,0,9.9,0,0,0,,3.6,0,0,0
}
