package credits

import (
	"iter"
	"slices"
	"time"
)

// Wallet is what one holder has at one instant. It is a value: its methods
// change nothing, and two goroutines may read it. The zero Wallet is not open.
//
// A wallet is the fold of its entries, and nothing else.
type Wallet struct{ s *state }

// NewWallet returns the wallet that has no entries yet: the one that
// [Wallet.Apply] replays a history onto.
func NewWallet(id WalletID) (Wallet, error) {
	if err := checkName("wallet", string(id)); err != nil {
		return Wallet{}, err
	}
	return Wallet{newState(id)}, nil
}

// state returns what the wallet is made of.
func (w Wallet) state() *state {
	if w.s == nil {
		return newState("")
	}
	return w.s
}

// Decide returns the entries that a call adds to w: first those that fell due
// by time until then, which tell nothing of the call, then the call's own. It
// depends on its arguments alone. A refusal is a [RefusedError]; input that
// can never succeed an [InvalidError].
//
// Where more than 1,200 cycles fell due it returns those, and none of the
// call's own: apply them and decide again. A refusal that is a fact, such as a
// wrong security code, comes with its entries. A call that needs a purchase to
// be paid first is refused with [PaymentPending]; if the purchase is its own, with
// the entry that intends it: apply it, [Settle] the purchase and decide again.
func (w Wallet) Decide(c Call) ([]Entry, error) {
	d, _, err := decide(w.state().copy(), &c)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(d.out))
	for i := range d.out {
		entries[i] = d.out[i].Entry
	}
	switch {
	case d.refused != nil:
		return entries, d.refused
	case d.waits != 0:
		return entries, d.pending(d.w.openPurchase(d.waits))
	}
	return entries, nil
}

// Apply returns w with entries added. Entries that do not follow from w are
// [ErrInvalid], and w stays as it is. It knows the laws and no policy, so that
// what an older version of this package decided always applies.
func (w Wallet) Apply(entries ...Entry) (Wallet, error) {
	s := w.state().copy()
	for i := range entries {
		if err := s.fold(&entries[i], false); err != nil {
			return w, err
		}
		s.chain = link(s.chain, appendEntry(nil, &entries[i]))
	}
	s.due()
	return Wallet{s}, nil
}

// ID returns the wallet's name.
func (w Wallet) ID() WalletID { return w.state().id }

// Seq returns the number of its last entry, what fell due and is not written yet
// included; 0 if it is not open.
func (w Wallet) Seq() ID { return w.state().seq }

// At returns the instant that the wallet is looked at. It never goes back.
func (w Wallet) At() time.Time {
	if w.Seq() == 0 {
		return time.Time{}
	}
	return instant(w.s.at)
}

// Head is where a history stands: the number of its last entry, and the hash of
// that and all before it. Kept elsewhere, it lets [Ledger.Verify] find that a
// history was cut off or made anew.
type Head struct {
	Seq  ID
	Hash [32]byte
}

// Head returns where the wallet stands.
func (w Wallet) Head() Head { return Head{w.state().seq, w.state().chain} }

// Zone returns the time zone in which the wallet's days and months begin.
func (w Wallet) Zone() *time.Location {
	if loc := w.state().loc; loc != nil {
		return loc
	}
	return time.UTC
}

// Plan returns the plan that the wallet has, and false if it is not open. The
// plan is a copy.
func (w Wallet) Plan() (Plan, bool) {
	t := w.state().terms
	if t == nil {
		return Plan{}, false
	}
	fresh, err := parseTerms(t.json)
	if err != nil {
		return Plan{}, false
	}
	return fresh.Plan, true
}

// Cycle returns the current cycle; its End is the next reset. That of a wallet
// that is not open is zero.
func (w Wallet) Cycle() Period {
	s := w.state()
	if s.seq == 0 {
		return Period{}
	}
	return Period{instant(s.starts), instant(s.ends)}
}

// Available returns the credits that can be spent now without a scope.
func (w Wallet) Available() Amount { return w.Balance("", "").Available }

// Balance is what a wallet has of one unit, as far as one scope can spend it.
type Balance struct {
	Unit      Unit
	Available Amount            // can be spent while the plan is active, for some feature at least
	Held      Amount            // set aside by holds
	Debt      Amount            // owed: what the next credits pay
	Pending   Amount            // granted, and not started yet
	By        map[Source]Amount // what of Available came from where
	Allowance Amount            // what the plan grants a cycle
	Granted   Amount            // allowances and add-ons of the current period, as they were granted, as far as their lots are remembered
	Consumed  Amount            // of Granted
	Used      Amount            // consumed in the current cycle, by all scopes, of whatever source, less what was reversed in it; of a plan that is had again, since then
	Expiries  []Expiry          // what of Available expires when, the soonest first; what never does is not in it
}

// Expiry is an amount that expires at an instant.
type Expiry struct {
	At     time.Time
	Amount Amount
}

// Balance returns what a scope can spend of a unit: the lots of all and, if
// scope is not empty, its own. The empty unit is credits.
func (w Wallet) Balance(unit Unit, scope string) Balance {
	b := Balance{Unit: unit, By: map[Source]Amount{}}
	s := w.state()
	for _, l := range s.lots.all {
		if l.unit == unit && (l.scope == "" || l.scope == scope) {
			b.add(s, l)
		}
	}
	s.closed.each(func(l *lot) {
		if l.unit == unit && (l.scope == "" || l.scope == scope) && s.current(l) {
			b.Granted, b.Consumed = b.Granted+l.amount, b.Consumed+l.consumed
		}
	})
	slices.SortFunc(b.Expiries, func(x, y Expiry) int { return x.At.Compare(y.At) })
	if t := s.of(unit); t != nil {
		b.Debt, b.Used = t.debt, t.used
	}
	if s.terms != nil {
		for _, a := range s.terms.Allowances {
			if a.Unit == unit {
				b.Allowance = a.Amount
			}
		}
	}
	return b
}

// add counts an open lot.
func (b *Balance) add(s *state, l *lot) {
	if l.pending {
		b.Pending += l.amount
		return
	}
	if s.current(l) {
		b.Granted, b.Consumed = b.Granted+l.amount, b.Consumed+l.consumed
	}
	b.Held += l.held
	if l.available == 0 {
		return
	}
	b.Available += l.available
	b.By[l.source] += l.available
	if l.expires == forever {
		return
	}
	at := instant(l.expires)
	i := slices.IndexFunc(b.Expiries, func(x Expiry) bool { return x.At.Equal(at) })
	if i < 0 {
		b.Expiries, i = append(b.Expiries, Expiry{At: at}), len(b.Expiries)
	}
	b.Expiries[i].Amount += l.available
}

// current reports whether a lot is of what the current periods brought.
func (s *state) current(l *lot) bool {
	return l.renews() && l.starts >= s.starts || l.source == FromAddOn && l.origin == Origin{} && len(s.addons) > 0 && l.starts >= s.addFrom
}

// Spendable returns what a spend of a unit could draw on, with a feature and a
// scope or without: [Wallet.Balance] counts the lots of all features. Without an
// active plan it is nothing.
func (w Wallet) Spendable(unit Unit, feature, scope string) Amount {
	if !w.state().active {
		return 0
	}
	return w.state().available(debit{unit: unit, feature: feature, scope: scope})
}

// Lots yields the lots that have credits left, in the order in which they are spent.
func (w Wallet) Lots() iter.Seq[Lot] {
	return func(yield func(Lot) bool) {
		s := w.state()
		for _, slot := range s.burn {
			if !yield(s.lots.at(int(slot)).public()) {
				return
			}
		}
	}
}

// Lot returns a lot by its number, also one that was used up, and false if the
// wallet has none or does not remember it.
func (w Wallet) Lot(id ID) (Lot, bool) {
	l := w.state().look(id)
	if l == nil {
		return Lot{}, false
	}
	return l.public(), true
}

// Units returns the units that the wallet has or had, in order of their text.
func (w Wallet) Units() []Unit {
	var all []Unit
	for _, t := range w.state().units {
		all = append(all, t.unit)
	}
	slices.Sort(all)
	return all
}

// Holds yields the holds that have not ended, in no order.
func (w Wallet) Holds() iter.Seq[Hold] {
	return func(yield func(Hold) bool) {
		for _, h := range w.state().holds.all {
			if !yield(h.public()) {
				return
			}
		}
	}
}

// AutoPurchase returns the state of the wallet's auto-purchase.
func (w Wallet) AutoPurchase() AutoState {
	s := w.state()
	if s.terms == nil {
		return AutoState{}
	}
	k := s.terms.autoPack()
	if k == nil {
		return AutoState{}
	}
	left, month := s.autoLeft(k.Unit, s.at)
	a := AutoState{On: s.auto.on, Suspended: s.auto.suspended, Left: left, Times: int64(left / s.terms.Auto.Size)}
	if p := s.openAuto(); p != nil {
		a.Open = p.ID
	}
	if a.Until = month.End; micros(month.Start) == s.auto.from {
		a.Bought = s.auto.bought
	}
	return a
}

// Method returns the wallet's payment method; zero if none is set.
func (w Wallet) Method() Method { return w.state().auto.method }

// Purchases yields the purchases whose payment is not decided, by number.
func (w Wallet) Purchases() iter.Seq[Purchase] {
	return func(yield func(Purchase) bool) {
		for _, p := range w.state().open.purchases {
			v := p.Purchase
			v.Goods, v.Request = slices.Clone(v.Goods), slices.Clone(v.Request)
			if !yield(v) {
				return
			}
		}
	}
}

// Requests yields the requests that nobody has answered, by number.
func (w Wallet) Requests() iter.Seq[Request] {
	return func(yield func(Request) bool) {
		for _, q := range w.state().open.requests {
			v := *q
			v.Command = slices.Clone(v.Command)
			if !yield(v) {
				return
			}
		}
	}
}

// Due returns when time alone changes the wallet next; zero if never.
func (w Wallet) Due() time.Time { return instant(w.state().due()) }

// Equal reports whether two wallets are the same. Package go-cmp uses it.
func (w Wallet) Equal(x Wallet) bool {
	a, b := w.state(), x.state()
	return a.id == b.id && a.seq == b.seq && a.at == b.at && a.chain == b.chain
}

// String returns a line that tells what the wallet has.
func (w Wallet) String() string {
	return string(w.ID()) + " at " + w.At().Format(time.RFC3339) + ": " + w.Available().String()
}
