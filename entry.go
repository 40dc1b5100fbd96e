package credits

import (
	"time"
)

// Entry is one step of a wallet's history. Entries are never changed;
// corrections are new entries.
//
// An entry moves amounts of one unit between accounts, a [Line] each, or it
// records a fact and has no lines. What fell due by time has no Key, no Actor
// and no Clock: it is dated when it fell due and does not tell who noticed it.
type Entry struct {
	Wallet    WalletID
	Seq       ID        // from 1 without gaps
	At        time.Time // the wallet's time; it never goes back
	Clock     time.Time // what the clock said, where it had gone back behind At; else zero
	Kind      Kind
	Key       Key
	Of        ID   // the lot, hold, purchase, request or spend it is about; 0 if none
	Unit      Unit // of its lines
	Lines     []Line
	Balance   Amount // of Unit afterwards: what is available less what is owed
	Feature   string
	Quantity  int64            // of the feature
	Factors   map[string]int64 // by which the quantity was multiplied
	Scope     string
	Occurred  time.Time // when the usage occurred, if the host said so
	Charge    Money     // what the holder owes by it; negative is paid back
	Surcharge Money     // the part of Charge that is surcharge
	Uncovered Amount    // of a capture: what was used beyond what could be drawn
	Opens     *Terms    // of the lot it opens
	Hold      *Hold     // that it makes
	Cycle     *Cycle    // that it begins
	Setting   *Setting  // that it changes
	Purchase  *Purchase // that it intends or makes
	Payment   *Payment  // what became of a purchase
	Units     *Units    // of an add-on, that it sets
	Change    *Change   // of the subscription, that it schedules or makes
	Method    *Method   // of payment, that it sets
	Request   *Request  // that it files or answers
	Peer      WalletID  // the other wallet of a transfer
	Seal      [32]byte  // salted digest of Actor and Note; zero if it has neither
	Actor     Actor     // zero once erased
	Note      Note      // zero once erased
}

// Cycle is what an entry that opens a wallet or begins a cycle records: the
// bounds it goes by, which later versions of calendars and zones do not change.
type Cycle struct {
	Plan   *Plan  // when it changes; else nil
	Zone   string // IANA name; when it changes, else empty
	Number int    // from 0
	Period Period
	Anchor time.Time // of the schedule
	Term   time.Time // when the term ends that is billed
	Paid   Money     // for each cycle until then: what is not billed again
	Life   time.Time // when the plan ends by itself; zero if it does not
	Same   bool      // the cycle and term go on under another plan: what was given and billed in them counts
}

// Change is a change of subscription.
type Change struct {
	Plan *Plan     // to which the wallet moves; nil for an end, or if what was scheduled is not to be
	When When      // it takes effect; 0 if what was scheduled is not to be
	End  EndReason // of an end that took effect
}

// EndReason is why a plan ended.
type EndReason uint8

// The reasons.
const (
	EndCancelled   EndReason = iota + 1 // at the end of what was paid
	EndLapsed                           // unpaid
	EndDeactivated                      // by an operator
	EndOfLife                           // the plan's own
	ends
)

// Units is how many units of an add-on a wallet has after an entry.
type Units struct {
	AddOn  string
	Scope  string
	From   string // of a reassignment, the scope that had them
	Now    int64  // in the current period
	Next   int64  // from the next one on
	Period Period // the current one of all add-ons
	Due    Money  // what all add-ons cost each period from the next one on
}

// Setting is what an entry without lines changed.
type Setting struct {
	On        bool      // whether auto-purchase is
	Zone      string    // the wallet's zone from the next cycle on
	CarryOver Amount    // of the entry's unit, that the next reset carries over
	Expires   time.Time // of what is carried over; zero for one cycle
	Erased    []ID      // whose actors and notes were removed
	Resume    bool      // auto-purchase goes on, which a decline had suspended: also of a method, or of a purchase by hand
	Sealed    [32]byte  // SHA-256 of the checkpoint that stands for the entries up to Of
}

// Line moves a positive amount of the entry's unit from one account to another.
// The sum over all accounts is always 0.
type Line struct {
	Lot     ID // whose account it is; 0 for debt, which no lot has
	From    Account
	To      Account
	Amount  Amount
	Revenue Revenue // what it changes for the books, if the lot was paid for
}

// Revenue is how a line changes what became of the money that was paid for a
// lot, in millionths of Currency. What is in none of its fields is deferred.
type Revenue struct {
	Currency   string
	Recognised int64 // earned, because credits were consumed
	Breakage   int64 // kept, because credits expired, or a refund was rounded down
	Revoked    int64 // kept, because credits were revoked
	Refunded   int64 // paid back
	Moved      int64 // gone to another lot with its credits
}

// Account is one end of a line. Over all lines of a unit, and for each lot:
//
//	issued + debt = available + held + consumed + expired + revoked + refunded + moved
type Account uint8

// The accounts. Debt is the wallet's; all others are kept per lot as well.
const (
	Issued    Account = iota + 1 // where credits come from
	Available                    // can be spent
	Held                         // set aside by holds
	Consumed                     // spent
	Expired                      // ended by time
	Revoked                      // taken back by an operator
	Refunded                     // taken back with the money
	Moved                        // to another lot, here or in another wallet
	Debt                         // spent before it was issued
	accounts                     // how many there are, and one
)

// Kind tells what an entry records.
type Kind uint8

// The kinds.
const (
	KindOpened       Kind = iota + 1 // the wallet, under a plan; Cycle is its first
	KindRenewed                      // a cycle begins; Charge is what fell due for the term
	KindGranted                      // a lot opens: allowance, add-on, grant
	KindPurchased                    // a lot opens that is paid for with Charge
	KindStarted                      // a lot that was granted ahead of its time begins
	KindRolledOver                   // part of an ending lot moves to a new one
	KindSpent                        // credits were used
	KindReserved                     // a hold was made
	KindCaptured                     // a hold ended in a spend
	KindReleased                     // a hold ended without one
	KindTimedOut                     // a hold reached its deadline
	KindExpired                      // a lot ended by time with credits left
	KindReversed                     // a spend was undone, in part or whole
	KindRevoked                      // a lot was taken back: by a command, or because the plan that was left forfeits it
	KindRefunded                     // a purchase was undone as far as it was unused; a negative Charge is paid back
	KindRepaid                       // credits paid what a spend still owed
	KindForgiven                     // credits were issued that settle what a spend owed
	KindSent                         // credits went to another wallet
	KindReceived                     // a lot came from another wallet
	KindCarriedOver                  // an operator lets an amount survive the next reset
	KindZoneSet                      // the zone from the next cycle on
	KindAutoSet                      // auto-purchase was switched on or off
	KindErased                       // actors and notes of earlier entries were removed
	KindSubscribed                   // the wallet moved to a plan at once, or back to the one it had; Charge is due
	KindScheduled                    // a change of subscription was planned, or dropped
	KindEnded                        // the plan ended
	KindUnitsSet                     // units of an add-on were added or removed; Charge is for what is added now
	KindUnitsRenewed                 // a period of the add-ons begins; Charge is what fell due for it
	KindReassigned                   // units of an add-on went to another scope, or a lot of theirs
	KindIntended                     // a purchase is to be paid
	KindSettled                      // what became of the payment of a purchase
	KindMethodSet                    // the payment method
	KindAsked                        // a request was filed, or filed again
	KindMistaken                     // a wrong security code was given for a request
	KindAnswered                     // a request was approved, dismissed, or became stale
	KindSealed                       // a checkpoint stands for the entries up to Of
	kinds                            // how many there are, and one
)
