// Package credits accounts for prepaid credits inside a Go program.
//
// A [Plan] says what credits a holder is given, what they cost and how long
// they live. A [Wallet] is what one holder has: lots of credits that expire. A
// [Ledger] keeps wallets in a [Store] and is the only part that reads a clock or
// does I/O; everything else is a pure function of its arguments.
//
//	ledger := credits.New(new(memory.Store), nil)
//	ledger.Do(ctx, "acme", "signup-17", credits.Open{Plan: pro})
//	r, err := ledger.Do(ctx, "acme", "job-4711", credits.Spend{Feature: "image", Quantity: 2})
//
// # Nouns and verbs
//
// What can be done is a [Command], a struct of its own, and [Ledger.Do] does
// it under a [Key], once. A verb makes a noun, and the [Receipt] has its [ID].
//
//	Open       a wallet under a plan       Subscribe       to another, now or later
//	Spend      credits                     Cancel, Reactivate, Lapse, Deactivate
//	Reverse    a spend                     SetUnits        of an [AddOn]; Reassign
//	Reserve    a [Hold]                    Buy, Sell       a [Purchase]
//	Capture    or Release a hold           Settle, Refund  a purchase
//	Grant      a [Lot]; Revoke lots        SetAutoPurchase on or off; SetMethod
//	CarryOver  past one reset              Ask             a [Request]; Approve, Dismiss
//	SetZone    from the next cycle on      Erase           actors and notes; Seal
//
// [Ledger.Transfer] moves credits between two wallets. A lot is an amount that
// came together and ends together: an allowance comes with the plan, a purchase
// is bought, a grant is given, a rollover is carried. A spend is what the holder
// does, time expires, an operator revokes. Available is what can be spent now. A
// cycle is one allowance period, a term is what is billed. An [Entry] is one step
// of a wallet's history, and moves amounts between accounts in lines.
//
// # Laws
//
// Replay: the entries of a wallet, applied to nothing, give the stored wallet.
// Conservation: what was issued to a lot is available, held, consumed, expired,
// revoked, refunded or moved. No lot is negative, and no balance is but within a
// declared overdraft. Looking changes nothing, and when time is looked at does
// not matter. One key, one effect. The same wallet and the same call always
// decide the same. A wallet's time never goes back. Every store gives the same
// history.
//
// # Caveats
//
// Nothing fires by itself: what falls due is written by the next command or
// [Ledger.Tick], dated when it fell due. A context that ends proves nothing: the
// same call tells what became of it. A plan's price and its renewals take no
// payment: their entries say what falls due. Purchases take one through a
// [Charger], if there is one. Times are kept to the microsecond, amounts to the
// millionth. Zones come from the host's tzdata. A hash chain proves that no entry
// was changed, not that the end was not cut off: for that keep [Ledger.Head] elsewhere.
//
// The limits: 10,000 open lots, 1,000 open holds, 1,000 unpaid spends, 100 purchases
// and 100 requests that are open, units for 1,000 scopes, 64 units, 4 MiB of open
// state a wallet; 1,000 lines an entry; 1,200 cycles a commit; names, keys and
// references of 255 bytes; 16 labels of 64 and 256 bytes. One more is [ErrLimit].
package credits

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WalletID names a wallet. The host chooses it: 1 to 255 bytes of UTF-8.
type WalletID string

// Key makes a command idempotent within its wallet: 1 to 255 bytes of UTF-8.
// Keys that begin with "credits/" are the library's own.
type Key string

// ID numbers what a wallet has: a lot, a hold, a purchase, a request, a spend. It is the
// Seq of the entry that made it; 0 is none.
type ID uint64

// Actor is who asks for a command. It is bound to a ledger by [Ledger.As] and
// kept with the command's entries. What it may do is up to its role and the plan's
// rules: see [Rule]. The zero Actor is the host itself.
type Actor struct {
	ID    string `json:"id,omitempty"`    // at most 255 bytes
	Role  string `json:"role,omitempty"`  // such as [Administrator]; at most 64 bytes
	Trial bool   `json:"trial,omitempty"` // the account is on trial, which rules may treat otherwise; no part of what a key is bound to
}

// Note is what a host wants to remember with an entry. It moves no credits.
// It stands outside what the chain of hashes covers: [Erase] removes it, and
// the actor with it, and the chain still verifies.
type Note struct {
	Ref    string            `json:"ref,omitempty"`    // the host's own document; at most 255 bytes
	Reason string            `json:"reason,omitempty"` // for people; at most 1,024 bytes
	Labels map[string]string `json:"labels,omitempty"` // at most 16, of 64 + 256 bytes: to price by, and to group usage by
}

// The limits of this package. One more is [ErrLimit].
const (
	maxName       = 255       // bytes of a wallet's name, a key, a reference, a feature, a scope
	maxRole       = 64        // bytes of an actor's role
	maxReason     = 1024      // bytes of a note's reason
	maxLabels     = 16        // of a note
	maxLabelName  = 64        // bytes
	maxLabelValue = 256       // bytes
	maxUnits      = 64        // that a wallet has held
	maxPlanUnits  = 32        // that a plan names
	maxFeatures   = 32        // that a lot is restricted to
	maxLots       = 10_000    // open at a time
	maxHolds      = 1_000     // open at a time
	maxDebts      = 1_000     // unpaid spends
	maxLines      = 1_000     // of an entry
	maxPage       = 1_000     // entries of a page of history
	maxPeriods    = 1_200     // cycles that one commit catches up on
	maxPurchases  = 100       // undecided at a time
	maxRequests   = 100       // unanswered at a time
	maxActive     = 100       // purchases of a pack that a plan counts
	maxHoldings   = 1_000     // scopes that have units of add-ons
	maxSeats      = 1_000_000 // units of an add-on
	maxHad        = 64        // plans that a wallet can have once and had
	maxClosed     = 1_024     // lots that are used up after one before it is forgotten, and with it what reverses its spends
	maxState      = 4 << 20   // bytes of a wallet's stored state, lots that were used up apart
	maxPart       = 64 << 10  // bytes by which one lot or two can make it larger
	maxPlan       = 256 << 10 // bytes of a plan's JSON form
	libraryKeys   = "credits/"
)

// checkName reports what is wrong with a name of 1 to 255 bytes.
func checkName(field, s string) error {
	if s == "" {
		return invalid(field, "is empty")
	}
	return checkSome(field, s, maxName)
}

// checkText reports what is wrong with optional text.
func checkText(field, s string, limit int) error {
	if s == "" {
		return nil
	}
	return checkSome(field, s, limit)
}

// checkSome is checkText for text that is not empty.
func checkSome(field, s string, limit int) error {
	switch {
	case len(s) > limit:
		return &InvalidError{Field: field, Reason: "is longer than " + strconv.Itoa(limit) + " bytes", Err: ErrLimit}
	case !utf8.ValidString(s):
		return invalid(field, "is not valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return invalid(field, "has a NUL byte")
	}
	return nil
}

func (a Actor) check() error {
	if err := checkText("actor.id", a.ID, maxName); err != nil {
		return err
	}
	return checkText("actor.role", a.Role, maxRole)
}

func (n Note) check() error {
	if err := checkText("note.ref", n.Ref, maxName); err != nil {
		return err
	}
	if err := checkText("note.reason", n.Reason, maxReason); err != nil {
		return err
	}
	if len(n.Labels) > maxLabels {
		return &InvalidError{Field: "note.labels", Reason: "are more than 16", Err: ErrLimit}
	}
	for name, value := range n.Labels {
		if checkLabel(name, value) != nil {
			return n.firstFault()
		}
	}
	return nil
}

// firstFault returns what is wrong with the first label, in order of names, that
// is not right.
func (n Note) firstFault() error {
	for _, name := range slices.Sorted(maps.Keys(n.Labels)) {
		if err := checkLabel(name, n.Labels[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkLabel(name, value string) error {
	if name == "" {
		return invalid("note.labels", "have one without a name")
	}
	if err := checkText("note.labels", name, maxLabelName); err != nil {
		return err
	}
	if checkText("", value, maxLabelValue) != nil {
		return checkText("note.labels."+name, value, maxLabelValue)
	}
	return nil
}

// isZero reports whether there is nothing to remember.
func (n Note) isZero() bool { return n.Ref == "" && n.Reason == "" && len(n.Labels) == 0 }
