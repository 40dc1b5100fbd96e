package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/notify"
	"example.com/credits/store/memory"
)

// outbox is a table of mails to be sent, whose primary key is the notice's ID: a
// notice that comes again is there already.
type outbox map[string]string

func (o outbox) insert(n notify.Notice) {
	mail := ""
	switch n.Kind {
	case notify.LowBalance:
		mail = fmt.Sprintf("%s is low: %v left, %v or less", n.Entry.Wallet, n.Balance, n.Level)
	case notify.Exhausted:
		mail = fmt.Sprintf("%s is out of credits", n.Entry.Wallet)
	case notify.Renewed:
		mail = fmt.Sprintf("%s has %v again", n.Entry.Wallet, n.Balance)
	}
	if _, there := o[n.ID()]; !there && mail != "" {
		o[n.ID()] = mail
		fmt.Println("to be sent:", mail)
	}
}

// A consumer of the feed puts mails into an outbox. The feed hands entries over at
// least once, here again after the consumer failed; each mail is there once.
func Example() {
	clock := clock.NewMock()
	clock.Set(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: clock})
	ctx := context.Background()

	var rules notify.Rules // of the host's configuration
	if err := json.Unmarshal([]byte(`{"low": [{"share": "20%"}, {"amount": "5"}]}`), &rules); err != nil {
		panic(err)
	}
	if err := rules.Validate(); err != nil {
		panic(err)
	}

	mails := outbox{}
	crash := false
	consume := func(ctx context.Context, entries []credits.Entry) error {
		wallet, err := ledger.Wallet(ctx, entries[0].Wallet)
		if err != nil {
			return err
		}
		plan, _ := wallet.Plan()
		for _, n := range rules.Notices(plan, entries) {
			mails.insert(n)
		}
		if crash {
			return errors.New("the power is gone")
		}
		return nil
	}
	spend := func(key credits.Key, amount credits.Amount) {
		if _, err := ledger.Do(ctx, "acme", key, credits.Spend{Amount: amount}); err != nil {
			panic(err)
		}
	}

	plan := credits.Plan{ID: "pro", Version: 1, Every: credits.Months(1), Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}}}
	if _, err := ledger.Do(ctx, "acme", "signup", credits.Open{Plan: plan}); err != nil {
		panic(err)
	}
	spend("job-1", 79*credits.Credit)
	spend("job-2", 2*credits.Credit)
	spend("job-3", 1*credits.Credit) // low already: nothing to tell
	crash = true
	fmt.Println(ledger.Feed(ctx, consume))

	crash = false
	spend("job-4", 18*credits.Credit)
	fmt.Println(ledger.Feed(ctx, consume))

	clock.Add(28 * 24 * time.Hour)
	if _, err := ledger.Tick(ctx); err != nil { // what is due is told when it is written
		panic(err)
	}
	fmt.Println(ledger.Feed(ctx, consume))
	// Output:
	// to be sent: acme is low: 19 left, 20 or less
	// 0 the power is gone
	// to be sent: acme is low: 0 left, 5 or less
	// to be sent: acme is out of credits
	// 6 <nil>
	// to be sent: acme has 100 again
	// 2 <nil>
}
