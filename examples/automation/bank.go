package main

import (
	"context"

	"example.com/credits"
)

// bank stands in for a payment provider: this is all that one takes. A real one
// is asked with c.Key as its idempotency key, and needs no memory of its own.
type bank struct {
	bad  map[string]string // cards that do not pay, by token, and why
	told map[string]credits.Payment
	took []credits.Charge
}

// Charge implements [credits.Charger].
func (b *bank) Charge(_ context.Context, c credits.Charge) (credits.Payment, error) {
	if p, known := b.told[c.Key]; known {
		return p, nil
	}
	p := credits.Payment{State: credits.Paid}
	if why := b.bad[c.Method.Token]; why != "" {
		p = credits.Payment{State: credits.Declined, Reason: why}
	} else {
		b.took = append(b.took, c)
	}
	b.told[c.Key] = p
	return p, nil
}
