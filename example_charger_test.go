package credits_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// provider is the client of a payment provider, as its library might be.
type provider struct{ declines bool }

type intent struct{ ID, Status, Message, NextURL string }

func (p *provider) Create(_ context.Context, idempotencyKey, method string, cents int64, currency string) (intent, error) {
	if p.declines {
		return intent{ID: "pi_2", Status: "declined", Message: "card declined"}, nil
	}
	return intent{ID: "pi_1", Status: "succeeded"}, nil
}

// charger makes the provider a [credits.Charger].
type charger struct{ *provider }

func (c charger) Charge(ctx context.Context, ch credits.Charge) (credits.Payment, error) {
	in, err := c.Create(ctx, ch.Key, ch.Method.Token, ch.Money.Micros/10_000, ch.Money.Currency)
	if err != nil {
		return credits.Payment{}, err // nobody knows: it is asked again, with the same key
	}
	switch in.Status {
	case "succeeded":
		return credits.Payment{State: credits.Paid, Ref: in.ID}, nil
	case "requires_action":
		return credits.Payment{State: credits.ActionRequired, Ref: in.ID, URL: in.NextURL}, nil
	default:
		return credits.Payment{State: credits.Declined, Ref: in.ID, Reason: in.Message}, nil
	}
}

func ExampleCharger() {
	bank := &provider{}
	ledger := credits.New(new(memory.Store), &credits.Options{Charger: charger{bank}})
	ctx := context.Background()
	price, _ := credits.ParseMoney("9.00 USD")
	ledger.Do(ctx, "acme", "signup", credits.Open{Plan: credits.Plan{
		ID: "core", Version: 1, Price: price, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 10_000 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 1_000 * credits.Credit}},
	}})
	buy := credits.Buy{Pack: "extra", Amount: 3_000 * credits.Credit}

	quote, _ := ledger.Preview(ctx, "acme", "", buy)
	buy.Quote = quote.Quote() // it is refused if it would cost anything else
	receipt, err := ledger.Do(ctx, "acme", "checkout-55", buy)
	fmt.Println(receipt.Amount, "credits for", receipt.Charge, err)

	bank.declines = true
	_, err = ledger.Do(ctx, "acme", "checkout-56", credits.Buy{Pack: "extra", Amount: 1_000 * credits.Credit})
	fmt.Println(errors.Is(err, credits.PaymentFailed), err)
	// Output:
	// 3000 credits for 2.70 USD <nil>
	// true credits: wallet "acme": payment failed: card declined
}
