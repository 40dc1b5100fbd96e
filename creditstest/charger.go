package creditstest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"example.com/credits"
)

// Charger is a payment provider for tests. It takes the money of a key once,
// however often it is asked, and answers as it is told to: see [Charger.Next].
// Its methods may be called concurrently. The zero Charger pays.
type Charger struct {
	mu      sync.Mutex
	next    []Answer
	told    map[string]credits.Payment
	charges []credits.Charge
}

// Answer is how the provider answers a charge with a new key.
type Answer uint8

// The answers.
const (
	Pay        Answer = iota + 1
	Decline           // and it stays so for that key
	AskPayer          // the payer has something to do, until [Charger.Pay]
	LoseBefore        // the connection breaks; nothing was charged, and the next time it is
	LoseAfter         // the connection breaks after it was charged
	Panic             // the provider's client panics; nothing was charged
)

// ErrLost is what a charger returns whose connection broke.
var ErrLost = errors.New("creditstest: connection lost")

// Next says how the next charges with new keys are answered, one after the other.
// Those after them are paid.
func (c *Charger) Next(answers ...Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = append(c.next, answers...)
}

// Pay has the payer do what an AskPayer asked of him: asked again, the charge was paid.
func (c *Charger) Pay(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told[key].State == credits.ActionRequired {
		c.keep(key, credits.Payment{State: credits.Paid, Ref: "paid later"})
	}
}

// Charge implements [credits.Charger].
func (c *Charger) Charge(ctx context.Context, ch credits.Charge) (credits.Payment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return credits.Payment{}, err
	}
	c.charges = append(c.charges, ch)
	if told, ok := c.told[ch.Key]; ok {
		return told, nil
	}
	answer := Pay
	if len(c.next) > 0 {
		answer, c.next = c.next[0], c.next[1:]
	}
	paid := credits.Payment{State: credits.Paid, Ref: fmt.Sprintf("payment-%d", len(c.told)+1)}
	switch answer {
	case Decline:
		return c.keep(ch.Key, credits.Payment{State: credits.Declined, Reason: "card declined"}), nil
	case AskPayer:
		return c.keep(ch.Key, credits.Payment{State: credits.ActionRequired, URL: "https://pay.example/" + ch.Key}), nil
	case LoseBefore:
		return credits.Payment{}, ErrLost
	case LoseAfter:
		c.keep(ch.Key, paid)
		return credits.Payment{}, ErrLost
	case Panic:
		panic("creditstest: the provider's client")
	}
	return c.keep(ch.Key, paid), nil
}

func (c *Charger) keep(key string, p credits.Payment) credits.Payment {
	if c.told == nil {
		c.told = make(map[string]credits.Payment)
	}
	c.told[key] = p
	return p
}

// Charges returns what the provider was asked for, each time it was.
func (c *Charger) Charges() []credits.Charge {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]credits.Charge(nil), c.charges...)
}

// Taken returns the sum of what was paid in a currency, each key once.
func (c *Charger) Taken(currency string) credits.Money {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := credits.Money{Currency: currency}
	seen := map[string]bool{}
	for _, ch := range c.charges {
		if c.told[ch.Key].State == credits.Paid && ch.Money.Currency == currency && !seen[ch.Key] {
			seen[ch.Key] = true
			sum.Micros += ch.Money.Micros
		}
	}
	return sum
}
