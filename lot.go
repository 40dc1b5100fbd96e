package credits

import (
	"cmp"
	"time"
)

// Terms are what is fixed about a lot when it opens.
type Terms struct {
	ID       ID // the Seq of the entry that opened it
	Unit     Unit
	Source   Source
	Amount   Amount    // when it is full
	Starts   time.Time // when it can be spent
	Expires  time.Time // when it cannot be spent any more; zero if never
	Priority int       // lower is burnt first
	Scope    string    // only for this user or identity; empty for all
	Features []string  // only for these, sorted; empty for all, and for amounts without a feature
	Paid     Money     // for the whole lot; zero if nothing was
	Purchase ID        // that brought it; 0 if it was not bought
	AddOn    string    // that brought it; empty if none did
	NoRefund bool      // only an operator can refund it
	Origin   Origin    // the lot whose credits these were first; zero if they are its own
}

// Origin names a lot of some wallet.
type Origin struct {
	Wallet WalletID // empty for the same wallet
	Lot    ID
}

// Lot is an amount of credits that came together and ends together. Always
//
//	Amount = pending + Available + Held + Consumed + Expired + Revoked + Refunded + Moved
//
// where pending is all of a lot that has not started, and else nothing.
type Lot struct {
	Terms
	Available Amount // can be spent
	Held      Amount // set aside by holds
	Consumed  Amount
	Expired   Amount
	Revoked   Amount
	Refunded  Amount
	Moved     Amount
	Deferred  Money // of Paid, what is neither earned nor kept nor paid back yet, nor gone to other lots
	Pending   bool  // it has not started
	Withdrawn bool  // it was revoked or refunded: what comes back to it is revoked
}

// Ended reports whether nothing can be spent of the lot any more at t, whatever comes back to it.
func (l Lot) Ended(t time.Time) bool {
	return l.Withdrawn || !l.Expires.IsZero() && !t.Before(l.Expires)
}

// Source tells where a lot's credits came from. The order is that in which a
// plan-first wallet burns them.
type Source uint8

// The sources.
const (
	FromCarryOver Source = iota + 1 // carried over by an operator
	FromRollover                    // left of an allowance, by the plan's policy
	FromAllowance                   // of the plan, each cycle
	FromAddOn                       // of an add-on, each cycle
	FromGrant                       // given
	FromPurchase                    // bought by hand
	FromAuto                        // bought by auto-purchase
	sources
)

// rank is the source's place in the plan-first order.
func (s Source) rank() int {
	switch s {
	case FromCarryOver, FromRollover:
		return 1
	case FromAllowance:
		return 2
	case FromAddOn:
		return 3
	case FromGrant:
		return 4
	default:
		return 5
	}
}

// lot is a lot as the wallet's state keeps it: fixed terms, shared between all
// states, and counters. It has instants in microseconds.
type lot struct {
	*lotTerms
	available  Amount
	held       Amount
	consumed   Amount
	expired    Amount
	revoked    Amount
	refunded   Amount
	moved      Amount
	movedCost  int64 // of paid, gone with moved
	refundPaid int64 // of paid, paid back
	refundKept int64 // of paid, kept of what was refunded
	pending    bool
	withdrawn  bool
}

type lotTerms struct {
	id       ID
	unit     Unit
	source   Source
	amount   Amount
	starts   int64
	expires  int64 // forever if never
	priority int
	scope    string
	features []string
	paid     Money
	purchase ID
	addon    string
	noRefund bool
	origin   Origin
}

// forever is later than any instant a wallet sees.
const forever = 1<<63 - 1

// open reports whether the lot has or will have credits of its own.
func (l *lot) open() bool { return l.available > 0 || l.held > 0 || l.pending }

// due returns when time alone changes the lot.
func (l *lot) due() int64 {
	switch {
	case l.pending:
		return l.starts
	case l.available > 0:
		return l.expires
	default:
		return forever
	}
}

// renews reports whether the lot is an allowance of the wallet's own plan: one
// that came from another wallet has another origin.
func (t *lotTerms) renews() bool { return t.source == FromAllowance && t.origin == Origin{} }

// applies reports whether a debit of a feature and scope may draw on the lot.
func (t *lotTerms) applies(unit Unit, feature, scope string) bool {
	if t.unit != unit || t.scope != "" && t.scope != scope {
		return false
	}
	if len(t.features) == 0 {
		return true
	}
	for _, f := range t.features {
		if f == feature {
			return true
		}
	}
	return false
}

// burnOrder compares two lots by what is spent first: rank, priority, expiry
// with never last, start, number. No two lots are equal.
func burnOrder(a, b *lotTerms, policy Burn) int {
	if policy != SoonestExpiry {
		if c := cmp.Compare(a.source.rank(), b.source.rank()); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(a.priority, b.priority); c != 0 {
		return c
	}
	if c := cmp.Compare(a.expires, b.expires); c != 0 {
		return c
	}
	if c := cmp.Compare(a.starts, b.starts); c != 0 {
		return c
	}
	return cmp.Compare(a.id, b.id)
}

// counter returns where the lot keeps an account, or nil. A debt that is paid
// was consumed, as far as the lot that pays is concerned.
func (l *lot) counter(a Account) *Amount {
	switch a {
	case Available:
		return &l.available
	case Held:
		return &l.held
	case Consumed, Debt:
		return &l.consumed
	case Expired:
		return &l.expired
	case Revoked:
		return &l.revoked
	case Refunded:
		return &l.refunded
	case Moved:
		return &l.moved
	default:
		return nil
	}
}

// books returns what became of the money paid for the lot so far: per lot of G
// credits paid P, what is recognised is floor(P x consumed / G), breakage is
// floor(P x (consumed + expired) / G) less that, and so on. What was moved or
// refunded has left both G and P.
func (l *lot) books() Revenue {
	if l.paid.Micros == 0 {
		return Revenue{}
	}
	p := l.paid.Micros - l.movedCost - l.refundPaid - l.refundKept
	g := int64(l.amount - l.moved - l.refunded)
	share := func(credits Amount) int64 {
		if g == 0 {
			return p
		}
		s, _ := mulDivFloor(p, int64(credits), g)
		return s
	}
	r := Revenue{Currency: l.paid.Currency, Refunded: l.refundPaid, Moved: l.movedCost}
	if g == 0 {
		r.Breakage = l.refundKept + p
		return r
	}
	r.Recognised = share(l.consumed)
	expired := share(l.consumed + l.expired)
	revoked := share(l.consumed + l.expired + l.revoked)
	r.Breakage = expired - r.Recognised + l.refundKept
	r.Revoked = revoked - expired
	return r
}

// deferred returns the part of the money paid for the lot that belongs to an
// amount of what is neither consumed, ended nor gone.
func (l *lot) deferred(a Amount) int64 {
	left := l.amount - l.consumed - l.expired - l.revoked - l.refunded - l.moved
	b := l.books()
	rest := l.paid.Micros - b.Recognised - b.Breakage - b.Revoked - b.Refunded - b.Moved
	if left <= 0 || a >= left {
		return rest
	}
	s, _ := mulDivFloor(rest, int64(a), int64(left))
	return s
}

func (r Revenue) minus(o Revenue) Revenue {
	d := Revenue{
		Currency: r.Currency, Recognised: r.Recognised - o.Recognised, Breakage: r.Breakage - o.Breakage,
		Revoked: r.Revoked - o.Revoked, Refunded: r.Refunded - o.Refunded, Moved: r.Moved - o.Moved,
	}
	if d == (Revenue{Currency: r.Currency}) {
		return Revenue{}
	}
	return d
}

// deferredAll returns what is left of the money paid for the lot.
func (l *lot) deferredAll() Money {
	if l.paid.Micros == 0 {
		return Money{}
	}
	return Money{Micros: l.deferred(l.amount), Currency: l.paid.Currency}
}

// public returns the lot as hosts see it.
func (l *lot) public() Lot {
	return Lot{
		Terms: l.lotTerms.public(), Available: l.available, Held: l.held, Consumed: l.consumed, Expired: l.expired,
		Revoked: l.revoked, Refunded: l.refunded, Moved: l.moved, Pending: l.pending, Withdrawn: l.withdrawn,
		Deferred: l.deferredAll(),
	}
}

func (t *lotTerms) public() Terms {
	return Terms{
		ID: t.id, Unit: t.unit, Source: t.source, Amount: t.amount, Starts: instant(t.starts), Expires: instant(t.expires),
		Priority: t.priority, Scope: t.scope, Features: append([]string(nil), t.features...), Paid: t.paid,
		Purchase: t.purchase, AddOn: t.addon, NoRefund: t.noRefund, Origin: t.origin,
	}
}

func (t *Terms) private() *lotTerms {
	expires := int64(forever)
	if !t.Expires.IsZero() {
		expires = micros(t.Expires)
	}
	return &lotTerms{
		id: t.ID, unit: t.Unit, source: t.Source, amount: t.Amount, starts: micros(t.Starts), expires: expires,
		priority: t.Priority, scope: t.Scope, features: append([]string(nil), t.Features...), paid: t.Paid,
		purchase: t.Purchase, addon: t.AddOn, noRefund: t.NoRefund, origin: t.Origin,
	}
}

// Hold is credits set aside for a spend that has not happened yet. It ends once:
// captured, released, or at Until.
type Hold struct {
	ID      ID // the Seq of the entry that made it
	Unit    Unit
	Amount  Amount
	Parts   []HoldPart // by lot, in the order in which they were taken
	Until   time.Time
	Feature string
	Scope   string
	Over    Over // what a capture of more does
}

// HoldPart is what a hold has set aside of one lot.
type HoldPart struct {
	Lot    ID
	Amount Amount
}

// Over is what a capture of more than a hold has set aside does.
type Over uint8

// The policies.
const (
	RefuseOver Over = iota + 1 // it is refused; the hold stays
	DrawAll                    // the rest is drawn from what is available, or it is refused
	DrawSome                   // the rest is drawn as far as it goes; the entry says what was not covered
	overs
)

// micros and instant convert between instants and the microseconds that are stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

func instant(us int64) time.Time {
	if us == forever {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
