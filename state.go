package credits

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
)

// state is a wallet: the fold of its entries. What decides reads it, and only
// fold (fold.go) changes it.
type state struct {
	id     WalletID
	seq    ID
	at     int64    // of the last entry, or later where it is only looked at
	chain  [32]byte // of the last entry
	zone   string
	loc    *time.Location
	next   string // the zone from the next cycle on; empty if the same
	terms  *terms // the plan
	anchor int64
	cycle  int   // number of the current cycle
	starts int64 // of the current cycle, as it was recorded when it began
	ends   int64
	subscribed
	auto   auto
	carry  []carryOver
	units  []totals
	debts  []debt
	lots   slots[lot]
	holds  slots[hold]
	closed closed
	open   open   // purchases and requests
	size   int    // of the stored form without closed lots, when it was read or written
	stored uint64 // the mark of what is stored; 0 if nothing is

	// What follows is derived, and shared by copies until it changes.
	byID    []int32 // slots of lots, by the lots' numbers
	burn    []int32 // slots of lots, in the order in which they are spent
	lotDue  int64   // when time alone changes a lot next, unless it is stale
	stale   bool
	holdDue int64 // when the next hold times out
}

// totals are what a wallet has of one unit now. What ended is kept per lot
// alone: sums over a wallet's whole life have no bound.
type totals struct {
	unit      Unit
	available Amount
	held      Amount
	pending   Amount // of lots that have not started
	debt      Amount
	used      Amount // consumed in the current cycle, less what was reversed in it
}

// subscribed is what the wallet is subscribed to, beside its plan and cycle.
type subscribed struct {
	active    bool
	ended     EndReason
	term      int64   // when the billed term ends
	life      int64   // when the plan ends by itself; forever if it does not
	paid      Money   // for each cycle until the term ends, the highest price that was billed
	now       Money   // for the current cycle
	marks     []mark  // the highest allowances of the cycle
	change    *change // that is scheduled
	had       []had
	addons    []holding
	peaks     []peak
	addFrom   int64 // of the period of the add-ons
	addUntil  int64
	addAnchor int64 // of their schedule
	planNew   bool  // the plan changed since the state was stored
	nextNew   bool  // what is scheduled did
}

// mark is the highest allowance of a unit in a cycle: no more is granted in it,
// by whatever route.
type mark struct {
	unit   Unit
	amount Amount
}

// change is a change of subscription that is scheduled.
type change struct {
	terms *terms // to which the wallet moves; nil for a cancellation
	when  When
}

// open is what waits for an outcome or an answer. Both lists are replaced, never changed.
type open struct {
	purchases []*purchase
	requests  []*Request
	packs     []activePack // the unexpired purchases of packs of which the plan counts those
	dirty     bool         // it changed since the state was stored
	sum       uint32       // of the stored form, which the head repeats
	size      int          // of the stored form
}

// activePack is a purchase that has not expired.
type activePack struct {
	pack     string
	purchase ID
	packs    int64
	expires  int64
}

// room returns how much more the unit can have: its parts have a sum. It is
// negative if they have none. What time does fits, because what is pending counts.
func (t *totals) room() Amount {
	sum, ok := addAmount(t.available, t.held)
	if sum, ok2 := addAmount(sum, t.pending); ok && ok2 {
		return AmountMax - sum
	}
	return -1
}

// balance is what is available less what is owed.
func (t *totals) balance() Amount { return t.available - t.debt }

// debt is what one spend still owes.
type debt struct {
	spend   ID
	unit    Unit
	amount  Amount
	feature string
	scope   string
}

// carryOver is what an operator lets survive the next reset.
type carryOver struct {
	unit    Unit
	amount  Amount
	expires int64 // forever for the end of the cycle that begins
}

// auto is the wallet's auto-purchase: whether it is on, and what it bought in
// the last month in which it bought anything.
type auto struct {
	on        bool
	suspended bool // by a decline
	from      int64
	until     int64
	bought    Amount
	spent     Money // surcharge included
	method    Method
}

type hold struct {
	id      ID
	unit    Unit
	amount  Amount
	parts   []HoldPart
	until   int64
	feature string
	scope   string
	over    Over
	made    *heldFor // nil if that is not known: it is not stored
}

// maxMade is how long the texts are at most that are remembered of what a hold was made for, in bytes.
const maxMade = 512

// heldFor is what a hold was made for, as its capture inherits it. Labels can be
// erased, so it is not part of the state.
type heldFor struct {
	at       int64 // when it was made
	quantity int64
	factors  map[string]int64
	labels   map[string]string
}

// remember keeps what a hold was made for, as the entry says that made it.
func (h *hold) remember(e *Entry) {
	size := 0
	for name := range e.Factors {
		size += len(name)
	}
	for name, value := range e.Note.Labels {
		size += len(name) + len(value)
	}
	if size <= maxMade {
		h.made = e.heldFor()
	}
}

func (e *Entry) heldFor() *heldFor {
	return &heldFor{micros(e.At), e.Quantity, maps.Clone(e.Factors), maps.Clone(e.Note.Labels)}
}

func (h *hold) public() Hold {
	return Hold{
		ID: h.id, Unit: h.unit, Amount: h.amount, Parts: slices.Clone(h.parts), Until: instant(h.until),
		Feature: h.feature, Scope: h.scope, Over: h.over,
	}
}

func (h *Hold) private() *hold {
	return &hold{
		id: h.ID, unit: h.Unit, amount: h.Amount, parts: slices.Clone(h.Parts), until: micros(h.Until),
		feature: h.Feature, scope: h.Scope, over: h.Over,
	}
}

// newState returns the wallet that has no entries.
func newState(id WalletID) *state {
	s := blankState(id)
	s.chain = sha256.Sum256(append([]byte("credits wallet 1\x00"), id...))
	return s
}

// blankState is newState without a chain.
func blankState(id WalletID) *state {
	return &state{id: id, lotDue: forever, holdDue: forever, at: math.MinInt64, ends: forever, subscribed: subscribed{term: math.MinInt64, life: forever}}
}

// mark tells the wallet's history from another one that led to the same entry.
func (s *state) mark() uint64 { return binary.BigEndian.Uint64(s.chain[:]) }

// copy returns a state that can be changed without changing s, which from now
// on must not change itself.
func (s *state) copy() *state {
	c := *s
	c.lots, c.holds, c.closed = s.lots.share(), s.holds.share(), s.closed.share()
	c.units, c.debts, c.carry = slices.Clone(s.units), slices.Clone(s.debts), slices.Clone(s.carry)
	c.planNew, c.nextNew, c.open.dirty = false, false, false
	return &c
}

// of returns the accounts of a unit; nil if the wallet never had any.
func (s *state) of(unit Unit) *totals {
	for i := range s.units {
		if s.units[i].unit == unit {
			return &s.units[i]
		}
	}
	return nil
}

// reserve makes sure that there is a place for the units of a plan: what time
// grants does not fail.
func (s *state) reserve(units []Unit) {
	for _, u := range units {
		if s.of(u) == nil && len(s.units) < maxUnits {
			s.units = append(slices.Clone(s.units), totals{unit: u})
		}
	}
}

// room returns how much more the wallet can have of a unit.
func (s *state) room(unit Unit) Amount {
	if t := s.of(unit); t != nil {
		return t.room()
	}
	return AmountMax
}

func (s *state) balance(unit Unit) Amount {
	if t := s.of(unit); t != nil {
		return t.balance()
	}
	return 0
}

// find returns the slot of an open lot.
func (s *state) find(id ID) (int, bool) {
	from, to := 0, len(s.byID)
	for from < to {
		at := (from + to) / 2
		slot := int(s.byID[at])
		switch found := s.lots.at(slot).id; {
		case found == id:
			return slot, true
		case found < id:
			from = at + 1
		default:
			to = at
		}
	}
	return 0, false
}

// findHold returns the slot of a hold.
func (s *state) findHold(id ID) (int, bool) {
	for slot, h := range s.holds.all {
		if h.id == id {
			return slot, true
		}
	}
	return 0, false
}

// look returns a lot, open or closed, to be read; nil if it is not remembered.
func (s *state) look(id ID) *lot {
	if slot, ok := s.find(id); ok {
		return s.lots.at(slot)
	}
	return s.closed.find(id)
}

// addLot puts a lot into a slot and into the orders that are derived.
func (s *state) addLot(l *lot) int {
	slot := s.lots.add(l)
	s.index(slot)
	return slot
}

func (s *state) index(slot int) {
	l := s.lots.at(slot)
	i, _ := slices.BinarySearchFunc(s.byID, l.id, func(o int32, id ID) int { return cmp.Compare(s.lots.at(int(o)).id, id) })
	s.byID = inserted(s.byID, i, int32(slot))
	i, _ = slices.BinarySearchFunc(s.burn, l, func(o int32, l *lot) int {
		return burnOrder(s.lots.at(int(o)).lotTerms, l.lotTerms, s.terms.burn())
	})
	s.burn = inserted(s.burn, i, int32(slot))
	s.lotDue = min(s.lotDue, l.due())
}

// inserted and removed return a changed copy: copies of a state share the slices.
func inserted(s []int32, i int, v int32) []int32 {
	c := make([]int32, len(s)+1)
	copy(c, s[:i])
	c[i] = v
	copy(c[i+1:], s[i:])
	return c
}

func removed(s []int32, v int32) []int32 {
	i := slices.Index(s, v)
	c := make([]int32, len(s)-1)
	copy(c, s[:i])
	copy(c[i:], s[i+1:])
	return c
}

// closeLot moves a lot that has nothing left from its slot to the closed ones.
func (s *state) closeLot(slot int) {
	s.closed.add(*s.lots.at(slot))
	s.byID, s.burn = removed(s.byID, int32(slot)), removed(s.burn, int32(slot))
	s.lots.remove(slot)
}

// reindex derives the orders anew, after the state was read or the plan changed.
func (s *state) reindex() {
	n := s.lots.count
	orders := make([]int32, 2*n)
	s.byID, s.burn = orders[:0:n], orders[n:]
	for slot := range s.lots.all {
		s.byID = append(s.byID, int32(slot))
	}
	copy(s.burn, s.byID)
	slices.SortFunc(s.byID, func(a, b int32) int { return cmp.Compare(s.lots.at(int(a)).id, s.lots.at(int(b)).id) })
	policy := s.terms.burn()
	slices.SortFunc(s.burn, func(a, b int32) int {
		return burnOrder(s.lots.at(int(a)).lotTerms, s.lots.at(int(b)).lotTerms, policy)
	})
}

// remind derives anew when time alone changes a lot next.
func (s *state) remind() {
	s.lotDue, s.stale = forever, false
	for _, l := range s.lots.all {
		s.lotDue = min(s.lotDue, l.due())
	}
}

// remindHolds derives anew when the next hold times out.
func (s *state) remindHolds() {
	s.holdDue = forever
	for _, h := range s.holds.all {
		s.holdDue = min(s.holdDue, h.until)
	}
}

// due returns when time alone changes the wallet next; forever if never.
func (s *state) due() int64 {
	if s.stale {
		s.remind()
	}
	t := min(s.lotDue, s.holdDue)
	if s.active {
		t = min(t, s.ends)
		if len(s.addons) > 0 {
			t = min(t, s.addUntil)
		}
	}
	for _, p := range s.open.purchases {
		t = min(t, p.deadline())
	}
	for _, q := range s.open.requests {
		if !q.Until.IsZero() {
			t = min(t, micros(q.Until))
		}
	}
	return t
}

// availableOf returns what is available of a unit, for whatever it is.
func (s *state) availableOf(unit Unit) Amount {
	if t := s.of(unit); t != nil {
		return t.available
	}
	return 0
}
