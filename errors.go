package credits

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/credits/store"
)

// Every error of this package is one of these classes, or [ErrCorrupt], for [errors.Is].
var (
	// ErrRefused: the wallet or its plan says no. Tell the user. Nothing changed,
	// but for a [RefusedError] that was Kept.
	ErrRefused = errors.New("credits: refused")

	// ErrInvalid: the call can never succeed as it is. Mend the program or its input. Nothing changed.
	ErrInvalid = errors.New("credits: invalid")

	// ErrRetry: it was not done. Do it again; in a transaction of the host's, begin that again.
	ErrRetry = errors.New("credits: not done")

	// ErrUnknown: it may have been done. The same call with the same key tells.
	ErrUnknown = errors.New("credits: outcome unknown")
)

// What is worth telling from others of its class. All are [ErrInvalid].
var (
	ErrNotFound  = errors.New("credits: not found")
	ErrExists    = errors.New("credits: already exists")
	ErrKeyReused = errors.New("credits: key was used for another command")
	ErrLimit     = errors.New("credits: over a limit of this package")
	ErrPruned    = errors.New("credits: pruned") // the entries that it would take are in an archive
)

// ErrCorrupt says that what is stored is not what was written: it departs from
// its own history, or cannot be read. [Ledger.Verify] tells where.
var ErrCorrupt = errors.New("credits: corrupt")

// InvalidError names what is wrong with a value. It is [ErrInvalid], and its Err.
type InvalidError struct {
	Field  string // a path, such as "allowances[1].rollover.cap"; of a key used twice, the field that differs
	Reason string // what is wrong with it
	Err    error  // [ErrNotFound], [ErrExists], [ErrKeyReused], [ErrLimit], [ErrPruned] or nil
}

// Error returns the field and the reason.
func (e *InvalidError) Error() string {
	if e.Field == "" {
		return "credits: " + e.Reason
	}
	return "credits: " + e.Field + ": " + e.Reason
}

// Is reports whether target is [ErrInvalid] or e.Err.
func (e *InvalidError) Is(target error) bool {
	return target == ErrInvalid || e.Err != nil && target == e.Err
}

// corrupt returns an error that is [ErrCorrupt].
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// notOpen returns the error of a wallet that there is not.
func notOpen(id WalletID) error {
	return &InvalidError{Field: "wallet", Reason: fmt.Sprintf("%q is not open", id), Err: ErrNotFound}
}

// invalid returns an InvalidError about a field.
func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// unread returns the error of a store that could not be read. Entries that were
// pruned are never to be had again.
func unread(err error) error {
	if errors.Is(err, store.ErrPruned) {
		return &InvalidError{Field: "history", Reason: "is wanted from before its checkpoint", Err: ErrPruned}
	}
	return fmt.Errorf("%w: %w", ErrRetry, err)
}

// unknown returns an [ErrRetry] as one of which nobody knows whether it was done.
func unknown(err error) error {
	if both, ok := err.(interface{ Unwrap() []error }); ok && len(both.Unwrap()) == 2 {
		return fmt.Errorf("%w: %w", ErrUnknown, both.Unwrap()[1])
	}
	return fmt.Errorf("%w: %v", ErrUnknown, err)
}

// within returns err with a path before its fields.
func within(path string, err error) error {
	if path == "" || err == nil {
		return err
	}
	var e *InvalidError
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	switch {
	case at.Field == "":
		at.Field = path
	case strings.HasPrefix(at.Field, "["):
		at.Field = path + at.Field
	default:
		at.Field = path + "." + at.Field
	}
	return &at
}

// RefusedError says why a command was refused. It is [ErrRefused] and its Reason:
//
//	if errors.Is(err, credits.Insufficient) { ... }
type RefusedError struct {
	Wallet    WalletID
	Reason    Reason
	Unit      Unit
	Need      Amount   // of Unit, all told
	Available Amount   // of what is needed, now
	Detail    string   // for people, such as how a hold ended; may be empty
	Remedies  []Remedy // what would unblock it
	Quote     *Quote   // of QuoteStale: the new one; else nil
	Kept      bool     // the refusal itself is a fact and has used up its key: a payment that was declined, a wrong code
}

// Error says what was needed and what there was, in units.
func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "credits: wallet %q: %s", e.Wallet, string(e.Reason))
	if e.Need != 0 {
		fmt.Fprintf(&b, ": need %v, have %v", e.Need, e.Available)
		if e.Unit != "" {
			b.WriteString(" " + string(e.Unit))
		}
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	return b.String()
}

// Is reports whether target is [ErrRefused] or e's reason.
func (e *RefusedError) Is(target error) bool {
	return target == ErrRefused || target == error(e.Reason)
}

// Reason is why a command was refused, for programs. It is an error to compare
// with; for people, string(r) is in words.
type Reason string

// Error returns the reason.
func (r Reason) Error() string { return "credits: " + string(r) }

// The reasons. When several apply, a refusal gives the first in this order.
const (
	NotPermitted    Reason = "not permitted"               // to the actor's role
	OnTrial         Reason = "not permitted on trial"      // to anybody while the account is on trial
	NotSelfService  Reason = "not self-service"            // it is sold by people: interest can be registered
	CodeNeeded      Reason = "security code needed"        // it has to be asked and approved with one
	RequestNeeded   Reason = "request needed"              // it has to be asked, and an operator approves it
	CodeWrong       Reason = "wrong security code"         // and counted
	CodeStale       Reason = "security code stale"         // too old, used, or guessed at too often
	QuoteStale      Reason = "quote stale"                 // it would charge or grant something else now
	NoPlan          Reason = "no active plan"              // it ended
	HadBefore       Reason = "had before"                  // the plan can be had once
	NotInPlan       Reason = "feature not in plan"         // the plan has no such feature, pack, add-on or right
	NonRefundable   Reason = "not refundable"              // but by an operator
	Ended           Reason = "ended"                       // the hold, lot, spend, purchase or request has ended, or is used up
	LimitReached    Reason = "limit reached"               // of auto-purchase, or of units
	PackActive      Reason = "pack active"                 // as many as the plan allows at once
	NotShort        Reason = "balance not short"           // more is available than the pack may be bought at
	Insufficient    Reason = "insufficient credits"        // what is available does not cover it
	NoMethod        Reason = "no payment method"           // is set
	MethodRefused   Reason = "payment method not accepted" // for the pack
	PaymentRequired Reason = "payment required"            // and in a transaction of the host's nothing is paid
	PaymentPending  Reason = "payment pending"             // a purchase that it needs is not decided
	PaymentFailed   Reason = "payment failed"              // and auto-purchase is suspended
)

// Remedy is one thing that would unblock a refused command.
type Remedy struct {
	Kind  RemedyKind
	Until time.Time // of RemedyWait: when time alone makes the credits available
	Pack  string    // of RemedyBuy: which, how much of it, and the price now
	Buy   Amount
	Price Money

	Purchase ID     // of RemedyFinish: which
	URL      string // of RemedyFinish: where the payer has something to do; may be empty
	Role     string // of RemedyRole: one that may
}

// RemedyKind is what a remedy is.
type RemedyKind uint8

// The remedies.
const (
	RemedyWait    RemedyKind = iota + 1 // until a reset or a grant that begins
	RemedyBuy                           // of extra credits
	RemedyAuto                          // switch auto-purchase on
	RemedyLimit                         // of auto-purchase: by moving to a plan that allows more
	RemedyPlan                          // to one that has the feature, or to any
	RemedyMethod                        // by SetMethod
	RemedyFinish                        // a purchase that waits for its payer, or for its outcome
	RemedyRole                          // somebody who may
	RemedyCode                          // Ask, and Approve with the security code
	RemedyRequest                       // Ask: an operator approves it
)
