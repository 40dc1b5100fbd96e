package credits_test

import (
	"context"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

func TestOneWalletsLife(t *testing.T) {
	ctx := context.Background()
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	l := credits.New(new(memory.Store), &credits.Options{Clock: mock})
	price, _ := credits.ParseMoney("9.00 USD")
	plan := credits.Plan{
		ID: "core", Version: 1, Price: price, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 10_000 * credits.Credit, Rollover: credits.Rollover{Share: 50 * credits.Percent}}},
		Features:   map[string]credits.Rate{"run": {Credits: credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 1000 * credits.Credit, Brings: []credits.Bring{{Unit: "GB", Amount: credits.Credit / 2}}}},
		Auto:       credits.AutoPurchase{Pack: "extra", Size: 10_000 * credits.Credit, Surcharge: 30 * credits.Percent},
	}
	do := func(key string, c credits.Command) credits.Receipt {
		t.Helper()
		p, err := l.Preview(ctx, "acme", credits.Key(key), c)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Do(ctx, "acme", credits.Key(key), c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, r); diff != "" {
			t.Errorf("preview and do (-preview +do):\n%s", diff)
		}
		if err := l.Verify(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		r2, err := l.Do(ctx, "acme", credits.Key(key), c)
		if err != nil || !r2.Replayed {
			t.Fatal(err, r2)
		}
		return r
	}
	do("1", credits.Open{Plan: plan})
	do("2", credits.SetAutoPurchase{On: true})
	do("3", credits.Spend{Feature: "run", Quantity: 9_995})
	h := do("4", credits.Reserve{Feature: "run", Quantity: 3, Until: mock.Now().Add(time.Hour)})
	do("5", credits.Spend{Feature: "run", Quantity: 10, Note: credits.Note{Labels: map[string]string{"team": "a"}}})
	do("6", credits.Capture{Hold: h.ID, Quantity: 2})
	mock.Add(40 * 24 * time.Hour)
	r := do("7", credits.Spend{Feature: "run", Quantity: 10})
	do("8", credits.Reverse{Spend: r.ID, All: true})
	do("9", credits.Grant{Amount: 50, Starts: mock.Now().Add(time.Hour)})
}
