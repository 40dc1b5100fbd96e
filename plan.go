package credits

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Plan is what a subscriber is given and on what terms. It is a value made of
// small policies, each of which says nothing when it is zero. A wallet keeps the
// plan it was opened with or moved to: changing one in the host's code changes no wallet.
//
// A plan is also a JSON object of the same shape, read by [ParsePlans].
type Plan struct {
	ID      string `json:"id"`
	Version int    `json:"version"`        // from 1; other content is another version
	Name    string `json:"name,omitempty"` // for people; may be empty
	Tier    string `json:"tier,omitempty"` // which of the plan's tiers it is: see [Plan.WithTier]

	Price  Money  `json:"price,omitzero"`  // of one term; zero for a plan that costs nothing
	Term   Span   `json:"term,omitzero"`   // what is billed, a whole number of cycles; default one cycle
	Every  Span   `json:"every"`           // the cycle: what resets, in months or years or days
	Anchor Anchor `json:"anchor,omitzero"` // where cycles begin; default [Anniversary]
	First  First  `json:"first,omitzero"`  // what a first cycle that is not whole is given; default [FirstFull]
	Life   Span   `json:"life,omitzero"`   // a whole number of cycles, after which the plan ends by itself; default never
	Once   bool   `json:"once,omitempty"`  // a wallet can have the plan once in its life

	For WalletID `json:"for,omitempty"` // the one wallet that can have this version, negotiated for it; default any

	Allowances []Allowance     `json:"allowances,omitempty"` // at most one for a unit
	Features   map[string]Rate `json:"features,omitempty"`   // what can be used, and what it costs; any other is not in the plan
	Packs      []Pack          `json:"packs,omitempty"`      // extra credits that can be bought
	Auto       AutoPurchase    `json:"auto,omitzero"`        // how they are bought automatically; zero: not at all
	AddOns     []AddOn         `json:"addOns,omitempty"`     // what a subscription can have units of
	Accrue     bool            `json:"accrue,omitempty"`     // what is bought is there at once and owed, also on a ledger with a [Charger]
	Burn       Burn            `json:"burn,omitzero"`        // what is spent first; default [PlanFirst]
	Overdrafts []Overdraft     `json:"overdrafts,omitempty"` // how far balances may go below zero; default not at all
	MoveAll    bool            `json:"moveAll,omitempty"`    // transfers may move allowance and scoped lots; default only others
	Leaving    Leaving         `json:"leaving,omitzero"`     // what becomes of lots when the plan ends or another takes its place; default all are kept
	Access     []Rule          `json:"access,omitempty"`     // who of the customer's people may do what; default everybody everything
	Prompt     Share           `json:"prompt,omitzero"`      // the share of the cycle's allowance from whose consumption on a page points to buying; default never

	Tiers []Tier `json:"tiers,omitempty"` // a wallet is opened with one of them
}

// Allowance is what a plan gives each cycle, as a lot that ends with the cycle.
type Allowance struct {
	Unit     Unit     `json:"unit,omitempty"`
	Amount   Amount   `json:"amount"`
	Features []string `json:"features,omitempty"` // only for these; default all
	Priority int      `json:"priority,omitempty"` // 1 to 1,000; default 100, or 50 if it is only for some features
	Rollover Rollover `json:"rollover,omitzero"`
}

// Rollover is what survives a reset of what is left of an allowance. The zero
// Rollover is nothing. What was rolled over is not rolled over again.
type Rollover struct {
	Share    Share `json:"share,omitzero"`    // of what is left, rounded down to a microcredit
	Cap      Limit `json:"cap,omitzero"`      // at most so much each time; default no cap
	CapShare Share `json:"capShare,omitzero"` // at most this share of the allowance each time, instead of Cap
	Life     Span  `json:"life,omitzero"`     // of what is carried; default one cycle
}

// Pack is extra credits that can be bought.
type Pack struct {
	ID       string  `json:"id"`
	Unit     Unit    `json:"unit,omitempty"`
	Size     Amount  `json:"size"`             // what is bought is a whole multiple of it
	Price    Money   `json:"price,omitzero"`   // of one Size; zero for the plan's own price per credit
	Life     Span    `json:"life,omitzero"`    // default [ForCycle]
	Brings   []Bring `json:"brings,omitempty"` // with each Size, besides
	Priority int     `json:"priority,omitempty"`

	Below     Limit    `json:"below,omitzero"`      // it can be bought only while less than this is available to all; default at any time
	WhenShort bool     `json:"whenShort,omitempty"` // it can be bought only while less is available to all than the plan's dearest unit price
	Active    int      `json:"active,omitempty"`    // how many of it, bought by hand, may be unexpired at once, undecided ones included; 0 for any number
	UsedEnds  bool     `json:"usedEnds,omitempty"`  // one that is used up is not counted in Active
	Methods   []string `json:"methods,omitempty"`   // the kinds of payment method that pay for it; default all
	NoRefund  bool     `json:"noRefund,omitempty"`  // only an operator can refund it
}

// Bring is an amount of another unit that comes with a pack and expires with it.
type Bring struct {
	Unit   Unit   `json:"unit"`
	Amount Amount `json:"amount"`
}

// AutoPurchase is how a plan buys extra credits by itself for wallets that
// switched it on: as soon as a spend leaves nothing available, and whole packs
// as many as are short when a spend needs more than is available.
type AutoPurchase struct {
	Pack      string `json:"pack,omitempty"`     // what is bought
	Size      Amount `json:"size,omitempty"`     // at a time: a multiple of the pack's size
	Surcharge Share  `json:"surcharge,omitzero"` // on the pack's price
	Limit     Limit  `json:"limit,omitzero"`     // credits in a month counted from the anchor; default the plan's nominal credits per month
	Below     Limit  `json:"below,omitzero"`     // also buy when a spend leaves no more than this; default AtMost(0)
	Money     Money  `json:"money,omitzero"`     // what may be paid in the same window, surcharge included; default no limit
	Window    Window `json:"window,omitzero"`    // of Limit and Money; default [FromAnchor]
}

// Window is the month in which automatic purchases count toward their limit.
type Window uint8

// The windows.
const (
	FromAnchor    Window = iota + 1 // months counted from the plan's anchor
	CalendarMonth                   // months of the calendar, in the wallet's zone
)

// AddOn is something that a subscription has units of, which recur until they
// are removed: seats, identities, packs of credits. Its period is a month from
// the plan's anchor, or the plan's cycle if that is shorter or counted in days.
type AddOn struct {
	ID         string      `json:"id"`
	Price      Money       `json:"price,omitzero"`       // of one unit, each period; default nothing
	Scoped     bool        `json:"scoped,omitempty"`     // units are those of a user or identity, who alone can spend what they bring
	Included   int64       `json:"included,omitempty"`   // units that the plan's own price pays for
	Max        int64       `json:"max,omitempty"`        // at most so many units in all; 0 for any number
	Allowances []Allowance `json:"allowances,omitempty"` // what one unit brings each period; they do not roll over
	NoRefund   bool        `json:"noRefund,omitempty"`   // only an operator can refund it
}

// Leaving is what becomes of a wallet's lots when its plan ends or another takes
// its place. What is held stays held.
type Leaving struct {
	Allowances Fate `json:"allowances,omitzero"` // and what was carried over from them; default [Keep]
	AddOns     Fate `json:"addOns,omitzero"`     // default [Keep]
	Purchases  Fate `json:"purchases,omitzero"`  // default [Keep]
	Grants     Fate `json:"grants,omitzero"`     // default [Keep]
}

// Fate is what becomes of a lot.
type Fate uint8

// The fates.
const (
	Keep    Fate = iota + 1 // until it expires
	Forfeit                 // it is revoked
)

// of returns the fate of a lot.
func (v Leaving) of(s Source) Fate {
	switch s.rank() {
	case 1, 2:
		return v.Allowances
	case 3:
		return v.AddOns
	case 4:
		return v.Grants
	default:
		return v.Purchases
	}
}

// Overdraft lets the balance of a unit go below zero.
type Overdraft struct {
	Unit    Unit    `json:"unit,omitempty"`
	Limit   Limit   `json:"limit"`            // how far
	AtReset AtReset `json:"atReset,omitzero"` // what a reset does to the debt; default [CarryDebt]
}

// Tier is a size of a plan: its own price and allowances, all else the same.
type Tier struct {
	ID         string      `json:"id"`
	Price      Money       `json:"price,omitzero"`
	Allowances []Allowance `json:"allowances"`
}

// First is what a first cycle that is not whole is given. Its charge is a whole
// one: what the host collects of it is the host's.
type First uint8

// The policies.
const (
	FirstFull     First = iota + 1 // the whole allowance
	FirstProrated                  // by whole local days, today included, rounded down to a microcredit
	FirstNothing                   // nothing until the second cycle
)

// Burn is the order in which lots are spent.
type Burn uint8

// The orders. Within both: priority, expiry with never last, start, number.
const (
	PlanFirst     Burn = iota + 1 // carried and rolled over, allowance, add-on, grant, purchase
	SoonestExpiry                 // all alike
)

// AtReset is what a reset does to debt.
type AtReset uint8

// The policies.
const (
	CarryDebt   AtReset = iota + 1 // the next credits pay it
	ForgiveDebt                    // credits are issued that settle it
)

// WithTier returns the plan as it is in one of its tiers.
func (p Plan) WithTier(id string) (Plan, error) {
	for _, t := range p.Tiers {
		if t.ID == id {
			p.Tier, p.Price, p.Allowances, p.Tiers = t.ID, t.Price, t.Allowances, nil
			return p, nil
		}
	}
	return Plan{}, &InvalidError{Field: "tier", Reason: fmt.Sprintf("plan %q has no tier %q", p.ID, id), Err: ErrNotFound}
}

// PerCredit returns what one credit of the plan's first allowance costs: the
// price of one full term for what one full term grants.
func (p Plan) PerCredit() (Price, error) {
	if len(p.Allowances) == 0 || p.Price.Micros <= 0 {
		return Price{}, invalid("price", "plan %q has no price per credit", p.ID)
	}
	term, ok := mulInt(int64(p.Allowances[0].Amount), int64(p.cyclesPerTerm()))
	if !ok {
		return Price{}, overflows("allowances[0].amount")
	}
	return Price{Money: p.Price, For: Amount(term)}, nil
}

// cyclesPerTerm returns how many cycles are billed together.
func (p *Plan) cyclesPerTerm() int {
	term, isMonths := p.Term.months()
	every, _ := p.Every.months()
	if !isMonths {
		term, _ = p.Term.days()
		every, _ = p.Every.days()
	}
	if term == 0 || every == 0 {
		return 1
	}
	return term / every
}

// nominal returns the credits of a unit that the plan grants a month, without
// add-ons, rollover or purchases: a yearly allowance counts for a twelfth.
func (p *Plan) nominal(unit Unit) Amount {
	for _, a := range p.Allowances {
		if a.Unit != unit {
			continue
		}
		if months, ok := p.Every.months(); ok && months > 1 {
			return a.Amount / Amount(months)
		}
		return a.Amount
	}
	return 0
}

// units returns the units that the plan grants or sells.
func (p *Plan) units() []Unit {
	var units []Unit
	for _, a := range p.Allowances {
		units = append(units, a.Unit)
	}
	for _, k := range p.Packs {
		units = append(units, k.Unit)
		for _, b := range k.Brings {
			units = append(units, b.Unit)
		}
	}
	for _, o := range p.AddOns {
		for _, a := range o.Allowances {
			units = append(units, a.Unit)
		}
	}
	slices.Sort(units)
	return slices.Compact(units)
}

func (p *Plan) overdraft(unit Unit) Overdraft {
	for _, o := range p.Overdrafts {
		if o.Unit == unit {
			return o
		}
	}
	return Overdraft{}
}

// pack returns a pack; nil if the plan has none of the ID.
func (p *Plan) pack(id string) *Pack {
	for i := range p.Packs {
		if p.Packs[i].ID == id {
			return &p.Packs[i]
		}
	}
	return nil
}

func (p *Plan) addOn(id string) (AddOn, bool) {
	i := slices.IndexFunc(p.AddOns, func(o AddOn) bool { return o.ID == id })
	if i < 0 {
		return AddOn{}, false
	}
	return p.AddOns[i], true
}

// priceOf returns what an amount of a pack costs.
func (p *Plan) priceOf(k *Pack, a Amount, surcharge Share) (Money, error) {
	price := Price{Money: k.Price, For: k.Size}
	if k.Price == (Money{}) {
		if len(p.Allowances) == 0 || p.Allowances[0].Unit != k.Unit {
			return Money{}, invalid("price", "is not set, and the plan's price is for another unit")
		}
		var err error
		if price, err = p.PerCredit(); err != nil {
			return Money{}, err
		}
	}
	return price.Of(a, surcharge)
}

// autoLimit returns how many credits auto-purchase may buy in a month, in whole
// purchases: a limit of 85,000 allows 8 of 10,000.
func (p *Plan) autoLimit(unit Unit) Amount {
	limit := p.autoCap(unit)
	return limit - limit%p.Auto.Size
}

// autoCap returns the limit as it is.
func (p *Plan) autoCap(unit Unit) Amount {
	limit := p.nominal(unit)
	switch a, ok := p.Auto.Limit.Amount(); {
	case ok:
		limit = a
	case p.Auto.Limit == Unlimited:
		return AmountMax
	}
	return limit
}

// terms is a plan that was checked, with its stored form. It is shared by all
// wallets that have the plan and never changes.
type terms struct {
	Plan
	json []byte
	hash [32]byte
}

// burn returns the plan's order; that of no plan is the default.
func (t *terms) burn() Burn {
	if t == nil {
		return PlanFirst
	}
	return t.Burn
}

// compile checks a plan and returns its stored form.
func compile(p Plan) (*terms, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if len(p.Tiers) > 0 {
		return nil, invalid("tiers", "one has to be chosen with WithTier")
	}
	t, err := pack(p.normal())
	if err == nil && len(t.json) > maxPlan {
		return nil, beyond("", "is longer than 256 KiB")
	}
	return t, err
}

// normal returns the plan with its defaults filled in: plans that mean the same
// have one stored form. It shares nothing that it changes.
func (p Plan) normal() Plan {
	fill(&p.Anchor, Anniversary)
	fill(&p.First, FirstFull)
	fill(&p.Burn, PlanFirst)
	fill(&p.Term, p.Every)
	p.Packs, p.Overdrafts = slices.Clone(p.Packs), slices.Clone(p.Overdrafts)
	p.Allowances = normalAllowances(p.Allowances, "")
	for i := range p.Packs {
		fill(&p.Packs[i].Life, ForCycle)
		fill(&p.Packs[i].Priority, priorityOf(0, "", nil))
		p.Packs[i].Methods = slices.Compact(slices.Sorted(slices.Values(p.Packs[i].Methods)))
	}
	p.AddOns = slices.Clone(p.AddOns)
	for i := range p.AddOns {
		scope := ""
		if p.AddOns[i].Scoped {
			scope = "its own"
		}
		p.AddOns[i].Allowances = normalAllowances(p.AddOns[i].Allowances, scope)
	}
	if p.Auto.Size != 0 {
		fill(&p.Auto.Below, AtMost(0))
		fill(&p.Auto.Window, FromAnchor)
	}
	for _, fate := range []*Fate{&p.Leaving.Allowances, &p.Leaving.AddOns, &p.Leaving.Purchases, &p.Leaving.Grants} {
		fill(fate, Keep)
	}
	p.Access = slices.Clone(p.Access)
	for i := range p.Access {
		fill(&p.Access[i].Via, Directly)
	}
	for i := range p.Overdrafts {
		fill(&p.Overdrafts[i].AtReset, CarryDebt)
	}
	features := make(map[string]Rate, len(p.Features))
	for name, r := range p.Features {
		fill(&r.Round, Exact)
		if !r.Free && r.Credits != 0 {
			fill(&r.Per, 1)
		}
		r.Cases = slices.Clone(r.Cases)
		for i := range r.Cases {
			if !r.Cases[i].Free {
				fill(&r.Cases[i].Per, 1)
			}
		}
		features[name] = r
	}
	p.Features = features
	return p
}

// normalAllowances returns a copy with defaults filled in, of lots of a scope.
func normalAllowances(all []Allowance, scope string) []Allowance {
	all = slices.Clone(all)
	for i := range all {
		a := &all[i]
		a.Features = slices.Compact(slices.Sorted(slices.Values(a.Features)))
		fill(&a.Priority, priorityOf(0, scope, a.Features))
		if a.Rollover.Share != 0 {
			fill(&a.Rollover.Life, ForCycle)
		}
	}
	return all
}

// fill sets v to its default if it is unset.
func fill[T comparable](v *T, to T) {
	var unset T
	if *v == unset {
		*v = to
	}
}

// sound reports whether arithmetic with the plan is safe, whatever a version of
// this package found good: replaying a history asks for no more.
func (p *Plan) sound() bool {
	months, byMonth := p.Every.months()
	days, byDay := p.Every.days()
	term, termMonths := p.Term.months()
	termDays, termByDay := p.Term.days()
	whole := p.Term == 0 || byMonth && termMonths && term%months == 0 || byDay && termByDay && termDays%days == 0
	life, lifeMonths := p.Life.months()
	lifeDays, lifeByDay := p.Life.days()
	whole = whole && (p.Life == 0 || byMonth && lifeMonths && life%months == 0 || byDay && lifeByDay && lifeDays%days == 0)
	ok := whole && (byMonth || byDay) && len(p.units()) <= maxUnits && p.Price.Micros >= 0
	for _, a := range p.Allowances {
		ok = ok && a.Amount > 0 && a.Rollover.Share >= 0 && a.Rollover.Share <= 100*Percent && a.Rollover.CapShare >= 0 && a.Rollover.Cap.check() == nil
	}
	for _, k := range p.Packs {
		ok = ok && k.Size > 0 && k.Price.Micros >= 0
	}
	for _, o := range p.AddOns {
		ok = ok && o.Price.Micros >= 0 && o.Included >= 0 && o.Max >= 0
		for _, a := range o.Allowances {
			ok = ok && a.Amount > 0
		}
	}
	if p.Auto != (AutoPurchase{}) {
		ok = ok && p.pack(p.Auto.Pack) != nil && p.Auto.Size > 0 && p.Auto.Surcharge >= 0 && p.Auto.Limit.check() == nil
	}
	return ok
}

// pack returns a plan's stored form without checking it: what an older version
// found good is good.
func pack(p Plan) (*terms, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, invalid("plan", "%v", err)
	}
	return parseTerms(data)
}

// parseTerms reads the stored form of a plan. The plan is a copy: no host has a
// hand on its slices.
func parseTerms(data []byte) (*terms, error) {
	t := &terms{json: data, hash: sha256.Sum256(data)}
	if err := json.Unmarshal(data, &t.Plan); err != nil {
		return nil, invalid("plan", "%v", err)
	}
	return t, nil
}

// loadZone returns a time zone by its IANA name. "Local" is none: it is another on every machine.
func loadZone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, invalid("zone", "%q is another zone on every machine", name)
	}
	if err := checkText("zone", name, maxRole); err != nil {
		return nil, err
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, invalid("zone", "%q is not known: %v", name, err)
	}
	return loc, nil
}
