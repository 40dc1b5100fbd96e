// Package access gives out the security codes that confirm a command, and says
// what an actor may do with a wallet now.
//
// What an actor may do is up to the rules of the wallet's plan, which the ledger
// itself enforces: see [credits.Rule]. This package adds the two sides that face people.
// A [Desk] turns a command that takes a security code into a request and a code, and
// carries it out when the code comes back. [Offers] answers every action with allowed or
// why not, so that a page can be drawn from it; what it offers is what would happen, for it
// asks the ledger's own decision.
package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"example.com/credits"
)

// Life is how long a code lives: at its end, to the microsecond, it is stale.
const Life = 10 * time.Minute

// secretSize is how many bytes a secret has at least.
const secretSize = 32

// Desk gives out codes and takes them back. Its methods may be called
// concurrently, and by several processes that have the same secret. It stores nothing.
type Desk struct {
	ledger *credits.Ledger
	secret []byte
	actor  credits.Actor
}

// New returns a desk for a ledger. The secret makes the codes and what confirms
// them: at least 32 random bytes, which nobody else knows. Under another secret the codes that were
// given out are wrong.
func New(ledger *credits.Ledger, secret []byte) (*Desk, error) {
	if len(secret) < secretSize {
		return nil, &credits.InvalidError{Field: "secret", Reason: fmt.Sprintf("is shorter than %d bytes", secretSize)}
	}
	return &Desk{ledger: ledger, secret: append([]byte(nil), secret...)}, nil
}

// As returns a desk at which actor asks.
func (d *Desk) As(actor credits.Actor) *Desk {
	as := *d
	as.actor = actor
	return &as
}

// Ask files a command to be confirmed with a code, and returns the code: six
// digits, which the host delivers to the actor by another way than the one on which the command came.
// The same call with the same key returns the same code again. It moves no credits. The
// receipt's ID is the request.
//
// The code is for this actor, command, plan version and price alone: a command
// that has no quote is given one, so that it is refused as [credits.QuoteStale]
// if its price changes before it is confirmed. It lives for [Life], is used once, and
// five wrong ones burn the request. A wallet has one open code for each verb:
// asking again puts a new one in the place of the first.
//
// A command that the actor may not have with a code, or that would be refused
// now, is refused as it is by [credits.Ledger.Do].
func (d *Desk) Ask(ctx context.Context, id credits.WalletID, key credits.Key, cmd credits.Command) (credits.Receipt, string, error) {
	for {
		ask, known, err := d.draft(ctx, id, key, cmd)
		if err != nil {
			return credits.Receipt{}, "", err
		}
		receipt, err := d.ledger.As(d.actor).Do(ctx, id, key, ask)
		switch {
		case err == nil:
			return receipt, d.code(id, key), nil
		case known || !errors.Is(err, credits.ErrKeyReused): // else another call under the key was quicker
			return credits.Receipt{}, "", err
		}
	}
}

// Confirm carries out what was asked, if the code is right, and returns the
// receipt of the command.
//
// A wrong code is [credits.CodeWrong] and counted; a right one that is too old, was used or
// guessed at too often is [credits.CodeStale]. What is not six digits is
// [credits.ErrInvalid] and not counted, and a request that there is not is [credits.ErrNotFound].
func (d *Desk) Confirm(ctx context.Context, id credits.WalletID, key credits.Key, request credits.ID, code string) (credits.Receipt, error) {
	if !sixDigits(code) {
		return credits.Receipt{}, &credits.InvalidError{Field: "code", Reason: "is not six digits"}
	}
	form, err := d.asked(ctx, id, key, request)
	if err != nil {
		return credits.Receipt{}, err
	}
	return d.ledger.As(d.actor).Do(ctx, id, key, credits.Approve{Request: request, Proof: d.proof(id, form, code)})
}

// draft returns what files a command: as it was filed, if the key is known.
func (d *Desk) draft(ctx context.Context, id credits.WalletID, key credits.Key, cmd credits.Command) (ask credits.Ask, known bool, err error) {
	form, err := credits.AppendCommand(nil, cmd)
	if err == nil {
		cmd, err = credits.ParseCommand(form)
	}
	if err != nil {
		return ask, false, err
	}
	ask.Command = cmd
	receipt, err := d.ledger.Receipt(ctx, id, key)
	switch known = err == nil || errors.Is(err, credits.ErrRefused); {
	case !known && !errors.Is(err, credits.ErrNotFound):
		return ask, false, err
	case !known:
		w, err := d.ledger.Wallet(ctx, id)
		if err != nil {
			return ask, false, err
		}
		ask.Until = w.At().Add(Life)
		if preview, err := d.ledger.As(credits.Actor{}).Preview(ctx, id, "", cmd); err == nil {
			ask.Command = quoted(cmd, preview.Quote())
		}
	}
	for _, e := range receipt.Entries {
		if e.Kind != credits.KindAsked {
			continue
		}
		ask.Until = e.Request.Until
		if filed, err := credits.ParseCommand(e.Request.Command); err == nil {
			ask.Command = quoted(cmd, quoteOf(filed))
		}
	}
	if form, err = credits.AppendCommand(nil, ask.Command); err != nil {
		return ask, false, err
	}
	ask.Proof = d.proof(id, form, d.code(id, key))
	return ask, known, nil
}

// asked returns the JSON form of the command of a request: as it was filed last,
// or before the key was used.
func (d *Desk) asked(ctx context.Context, id credits.WalletID, key credits.Key, request credits.ID) (form []byte, err error) {
	if request == 0 {
		return nil, nil // which the ledger refuses
	}
	first := credits.HistoryQuery{After: request - 1, Before: request + 1, Kinds: []credits.Kind{credits.KindAsked}}
	for _, q := range []credits.HistoryQuery{first, {Of: request}} {
		for e, err := range d.ledger.History(ctx, id, q) {
			if err != nil {
				return nil, err
			}
			if e.Kind == credits.KindAsked {
				form = e.Request.Command
			} else if e.Key == key {
				return form, nil
			}
		}
	}
	return form, nil
}

// code returns the code that is given out under a key.
func (d *Desk) code(id credits.WalletID, key credits.Key) string {
	const codes = 1_000_000
	const whole = (1 << 64) / codes * codes // beyond it some codes would be likelier than others
	for try := byte(0); ; try++ {
		sum := d.hash("code", string(id), string(key), string([]byte{try}))
		if v := binary.BigEndian.Uint64(sum[:]); v < whole {
			return fmt.Sprintf("%06d", v%codes)
		}
	}
}

// proof returns what confirms a command.
func (d *Desk) proof(id credits.WalletID, form []byte, code string) [32]byte {
	return d.hash("proof", string(id), d.actor.ID, d.actor.Role, string(form), code)
}

// hash returns the keyed hash of some texts.
func (d *Desk) hash(texts ...string) (sum [32]byte) {
	mac := hmac.New(sha256.New, d.secret)
	for _, text := range texts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		mac.Write(size[:])
		mac.Write([]byte(text))
	}
	mac.Sum(sum[:0])
	return sum
}

func sixDigits(code string) bool {
	if len(code) != 6 {
		return false
	}
	for i := range code {
		if code[i] < '0' || code[i] > '9' {
			return false
		}
	}
	return true
}

// quoted returns a command that carries a quote, if it can and does not already.
func quoted(cmd credits.Command, q credits.Quote) credits.Command {
	switch c := cmd.(type) {
	case credits.Subscribe:
		if c.Quote.Seq == 0 {
			c.Quote = q
		}
		return c
	case credits.Buy:
		if c.Quote.Seq == 0 {
			c.Quote = q
		}
		return c
	case credits.SetUnits:
		if c.Quote.Seq == 0 {
			c.Quote = q
		}
		return c
	}
	return cmd
}

// quoteOf returns the quote that a command carries.
func quoteOf(cmd credits.Command) credits.Quote {
	switch c := cmd.(type) {
	case credits.Subscribe:
		return c.Quote
	case credits.Buy:
		return c.Quote
	case credits.SetUnits:
		return c.Quote
	}
	return credits.Quote{}
}
