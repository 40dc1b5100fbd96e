package credits

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"example.com/credits/internal/iso4217"
	"github.com/shopspring/decimal"
)

const (
	maxFactors  = 8                 // of a rate
	maxCases    = 100               // of a rate
	maxPer      = 1_000_000_000_000 // units that a rate's credits are for
	eachPlaces  = 10                // decimals of the price of one credit
	wholeShares = 100 * Percent     // a whole
)

// Price is money for credits, as a ratio: 9 USD for 10,000 is never divided
// before it is multiplied.
type Price struct {
	Money Money  `json:"money"` // not negative; 0.00 of a currency is free, no money is not a price
	For   Amount `json:"for"`   // positive
}

// Of returns what a costs with a surcharge: multiplied first, then divided and
// rounded once, half to even, to the currency's minor unit.
//
// It returns an [InvalidError] if p is not valid, if a is negative, or if the
// surcharge is not 0 to 1,000,000 %; if a costs more than 0 but less than what
// rounds to a minor unit; and one that is [ErrLimit] too if the charge is out of
// range.
func (p Price) Of(a Amount, surcharge Share) (Money, error) {
	if err := p.check(); err != nil {
		return Money{}, err
	}
	if a < 0 {
		return Money{}, invalid("amount", "is negative")
	}
	if err := surcharge.check(); err != nil {
		return Money{}, within("surcharge", err)
	}
	digits, _ := iso4217.Digits(p.Money.Currency)
	minor := big.NewInt(pow10(microPlaces - digits)) // in millionths

	n := big.NewInt(p.Money.Micros)
	n.Mul(n, big.NewInt(int64(a)))
	n.Mul(n, big.NewInt(int64(wholeShares)+int64(surcharge)))
	d := big.NewInt(int64(p.For))
	d.Mul(d, big.NewInt(int64(wholeShares)))
	d.Mul(d, minor)

	charge := quoHalfEven(n, d)
	if charge.Sign() == 0 && n.Sign() > 0 {
		return Money{}, invalid("amount", "%v at %v for %v rounds to no money", a, p.Money, p.For)
	}
	charge.Mul(charge, minor)
	if !charge.IsInt64() {
		return Money{}, beyond("amount", "%v at %v for %v costs too much", a, p.Money, p.For)
	}
	return Money{Micros: charge.Int64(), Currency: p.Money.Currency}, nil
}

// Each returns the price of one credit in the currency's major unit, rounded
// half to even to ten places. It is for display: what credits cost is [Price.Of].
// It returns 0 if p is not valid.
func (p Price) Each() decimal.Decimal {
	if p.check() != nil {
		return decimal.Decimal{}
	}
	// Money and credits are both in millionths, which cancel out.
	n := new(big.Int).Mul(big.NewInt(p.Money.Micros), big.NewInt(pow10(eachPlaces)))
	each := quoHalfEven(n, big.NewInt(int64(p.For)))
	places := int32(eachPlaces)
	ten, quo, rest := big.NewInt(10), new(big.Int), new(big.Int)
	for ; places > 0; places-- {
		if quo.QuoRem(each, ten, rest); rest.Sign() != 0 {
			break
		}
		each.Set(quo)
	}
	return decimal.NewFromBigInt(each, -places)
}

// check reports what is wrong with p.
func (p Price) check() error {
	switch {
	case p.Money.IsZero():
		return invalid("money", "is missing")
	case p.Money.Micros < 0:
		return invalid("money", "is negative")
	case p.For <= 0:
		return invalid("for", "is not positive")
	}
	return within("money", p.Money.check())
}

// quoHalfEven returns n / d rounded to the nearest, and half to even, for n of
// at least 0 and d above it. It changes n.
func quoHalfEven(n, d *big.Int) *big.Int {
	q, rest := new(big.Int).QuoRem(n, d, n)
	half := rest.Lsh(rest, 1).Cmp(d)
	if half > 0 || half == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// Rate is what using a feature costs: so many credits for each so many units.
//
// A quantity may be a product, such as 3 fields x 120 products: one of its
// factors is the quantity itself, the others are named. A rate may be chosen by
// the labels of the usage, such as type and quality.
//
// A Rate that is free says so: Credits of 0 without Free are a missing price.
// [Rate.Validate] tells whether a Rate is valid; nothing but Cases may be left
// to say what a usage costs.
type Rate struct {
	Unit     Unit       `json:"unit,omitempty"`     // of what it costs; empty is credits
	Credits  Amount     `json:"credits,omitempty"`  // for each Per units; 0 if Free, or if only Cases have prices
	Free     bool       `json:"free,omitempty"`     // a price of 0 that is meant
	Per      int64      `json:"per,omitempty"`      // units that Credits are for, at most 10^12; default 1
	Round    Rounding   `json:"round,omitempty"`    // default Exact
	RoundPer string     `json:"roundPer,omitempty"` // of RoundUpPer: one of Factors; else empty
	Factors  []string   `json:"factors,omitempty"`  // names of further factors of the quantity, of 1 to 64 bytes; at most 8
	Cases    []RateCase `json:"cases,omitempty"`    // prices by label, the first that applies; at most 100
}

// RateCase is the price of a usage whose labels include all of Labels. It takes
// the place of Credits, Free and Per of its [Rate], and its Per is not the rate's.
type RateCase struct {
	Labels  map[string]string `json:"labels"`            // 1 to 16, of 64 + 256 bytes
	Credits Amount            `json:"credits,omitempty"` // for each Per units; 0 if Free
	Free    bool              `json:"free,omitempty"`    // a price of 0 that is meant
	Per     int64             `json:"per,omitempty"`     // units that Credits are for, at most 10^12; default 1
}

// dearer reports whether one unit costs more than an amount, under some labels at least.
func (r Rate) dearer(than Amount) bool {
	all := []tariff{{r.Credits, r.Free, r.Per}}
	for _, c := range r.Cases {
		all = append(all, tariff{c.Credits, c.Free, c.Per})
	}
	return slices.ContainsFunc(all, func(t tariff) bool {
		n, ok := mulInt(int64(than), max(1, t.per))
		return ok && int64(t.credits) > n
	})
}

// tariff is what a Rate and a RateCase have in common.
type tariff struct {
	credits Amount
	free    bool
	per     int64
}

// Validate returns all that is wrong with r, joined: each an [InvalidError] with
// the path of its field, such as "cases[1].credits", and [ErrLimit] too where r
// has too much of something.
//
// A price must be positive or Free, not both. An [Exact] rate is valid only if
// one unit costs a whole number of microcredits: 1 credit per 3 is not. Of two
// cases that both apply the first is taken, so a case after one whose labels it
// includes is not valid: it would never apply.
func (r Rate) Validate() error {
	var faults []error
	if err := r.Unit.check(); err != nil {
		faults = append(faults, within("unit", err))
	}
	if r.Credits != 0 || r.Free || len(r.Cases) == 0 {
		faults = append(faults, r.tariff().faults("", r.Round)...)
	} else if r.Per != 0 {
		faults = append(faults, invalid("per", "is given without credits"))
	}
	faults = append(faults, r.roundFaults()...)
	faults = append(faults, r.factorFaults()...)
	if len(r.Cases) > maxCases {
		return errors.Join(append(faults, beyond("cases", "are more than %d", maxCases))...)
	}
	for i, c := range r.Cases {
		path := fmt.Sprintf("cases[%d].", i)
		faults = append(faults, labelFaults(path+"labels", c.Labels)...)
		faults = append(faults, c.tariff().faults(path, r.Round)...)
		if j := slices.IndexFunc(r.Cases[:i], func(earlier RateCase) bool { return earlier.applies(c.Labels) }); j >= 0 {
			faults = append(faults, invalid(path+"labels", "never apply: cases[%d] comes first", j))
		}
	}
	return errors.Join(faults...)
}

// roundFaults returns what is wrong with how r rounds.
func (r Rate) roundFaults() []error {
	switch {
	case r.Round > RoundUpPer:
		return []error{invalid("round", "is not a rounding: %d", uint8(r.Round))}
	case r.Round == RoundUpPer && !slices.Contains(r.Factors, r.RoundPer):
		return []error{invalid("roundPer", "%q is none of the factors", r.RoundPer)}
	case r.Round != RoundUpPer && r.RoundPer != "":
		return []error{invalid("roundPer", "is given, but round is not %q", RoundUpPer)}
	}
	return nil
}

// factorFaults returns what is wrong with the names of r's factors.
func (r Rate) factorFaults() []error {
	if len(r.Factors) > maxFactors {
		return []error{beyond("factors", "are more than %d", maxFactors)}
	}
	var faults []error
	for i, name := range r.Factors {
		path := fmt.Sprintf("factors[%d]", i)
		if err := checkText(path, name, maxLabelName); err != nil {
			faults = append(faults, err)
		}
		switch {
		case name == "":
			faults = append(faults, invalid(path, "is empty"))
		case slices.Contains(r.Factors[:i], name):
			faults = append(faults, invalid(path, "%q is given twice", name))
		}
	}
	return faults
}

// labelFaults returns what is wrong with the labels of a case.
func labelFaults(path string, labels map[string]string) []error {
	switch {
	case len(labels) == 0:
		return []error{invalid(path, "are missing: the price of any usage is the rate's own")}
	case len(labels) > maxLabels:
		return []error{beyond(path, "are more than %d", maxLabels)}
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "" {
			faults = append(faults, invalid(path, "have one without a name"))
		}
		if err := checkText(path, name, maxLabelName); err != nil {
			faults = append(faults, err)
		} else if err := checkText(path+"."+name, labels[name], maxLabelValue); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// faults returns what is wrong with t. The path goes before its fields' names.
func (t tariff) faults(path string, round Rounding) []error {
	var faults []error
	switch {
	case t.credits < 0:
		faults = append(faults, invalid(path+"credits", "are negative"))
	case t.credits > 0 && t.free:
		faults = append(faults, invalid(path+"free", "is given with credits"))
	case t.credits == 0 && !t.free:
		faults = append(faults, invalid(path+"credits", "are missing: a price of 0 has to say that it is free"))
	case t.credits == 0 && t.per > 0:
		faults = append(faults, invalid(path+"per", "is given without credits"))
	}
	switch {
	case t.per < 0:
		faults = append(faults, invalid(path+"per", "is negative"))
	case t.per > maxPer:
		faults = append(faults, beyond(path+"per", "is more than %d", int64(maxPer)))
	case round.exact() && t.credits > 0 && int64(t.credits)%max(t.per, 1) != 0:
		faults = append(faults, notWhole(path+"credits", t))
	}
	return faults
}

// notWhole returns the error about a price that an exact rate cannot have.
func notWhole(field string, t tariff) error {
	return invalid(field, "%v per %d is not a whole number of microcredits for one, which an exact rate needs", t.credits, t.per)
}

func (r *Rate) tariff() tariff     { return tariff{r.Credits, r.Free, r.Per} }
func (c *RateCase) tariff() tariff { return tariff{c.Credits, c.Free, c.Per} }

// applies reports whether labels include all of the case's.
func (c *RateCase) applies(labels map[string]string) bool {
	if len(c.Labels) > len(labels) {
		return false
	}
	for name, want := range c.Labels {
		if value, ok := labels[name]; !ok || value != want {
			return false
		}
	}
	return true
}

// Cost returns what a usage costs: a quantity times the factors that r names,
// at the price of the first case whose labels the usage has, or else at the
// rate's own. It is 0 only if that price is Free.
//
// It returns an [InvalidError] if the quantity or a factor is less than 1, if
// the factors are not exactly those that r names, or if there is no price for
// the labels; and one that is [ErrLimit] too if the quantity times its factors,
// or the cost, is out of range. What a Rate that is not valid costs is an
// InvalidError or meaningless.
func (r Rate) Cost(quantity int64, factors map[string]int64, labels map[string]string) (Amount, error) {
	return r.cost(quantity, factors, labels)
}

func (r *Rate) cost(quantity int64, factors map[string]int64, labels map[string]string) (Amount, error) {
	units, err := r.units(quantity, factors)
	if err != nil {
		return 0, err
	}
	price, err := r.price(labels)
	if err != nil || price.free {
		return 0, err
	}
	times := int64(1) // that credits are rounded and charged
	if r.Round == RoundUpPer {
		if times = factors[r.RoundPer]; times < 1 {
			return 0, invalid("roundPer", "%q is none of the factors", r.RoundPer)
		}
	}
	var each int64 // of the times
	ok := true
	switch r.Round {
	case 0, Exact:
		if int64(price.credits)%price.per != 0 {
			return 0, notWhole("credits", price)
		}
		each, ok = mulInt(int64(price.credits)/price.per, units)
	case RoundUp, RoundUpPer:
		each, ok = wholeCredits(price, units/times)
	default:
		return 0, invalid("round", "is not a rounding: %d", uint8(r.Round))
	}
	if !ok {
		return 0, beyond("quantity", "%d units at %v per %d cost too much", units, price.credits, price.per)
	}
	cost, ok := mulInt(each, times)
	if !ok {
		return 0, beyond("quantity", "%d units at %v per %d cost too much", units, price.credits, price.per)
	}
	return Amount(cost), nil
}

// wholeCredits returns what units cost, rounded up to a whole credit.
func wholeCredits(price tariff, units int64) (int64, bool) {
	per, ok := mulInt(price.per, int64(Credit))
	if !ok {
		return 0, false
	}
	whole, ok := mulDivCeil(int64(price.credits), units, per)
	if !ok {
		return 0, false
	}
	return mulInt(whole, int64(Credit))
}

// units returns a quantity times its factors.
func (r *Rate) units(quantity int64, factors map[string]int64) (int64, error) {
	if quantity < 1 {
		return 0, invalid("quantity", "is %d, not at least 1", quantity)
	}
	units := quantity
	for _, name := range r.Factors {
		factor, ok := factors[name]
		if !ok {
			return 0, invalid("factors."+name, "is missing")
		}
		if factor < 1 {
			return 0, invalid("factors."+name, "is %d, not at least 1", factor)
		}
		if units, ok = mulInt(units, factor); !ok {
			return 0, beyond("quantity", "%d times its factors is out of range", quantity)
		}
	}
	if len(factors) > len(r.Factors) {
		for _, name := range slices.Sorted(maps.Keys(factors)) {
			if !slices.Contains(r.Factors, name) {
				return 0, invalid("factors."+name, "is not a factor of the rate")
			}
		}
	}
	return units, nil
}

// price returns the price of a usage with labels, its per at least 1.
func (r *Rate) price(labels map[string]string) (tariff, error) {
	price := r.tariff()
	i := 0
	for i < len(r.Cases) && !r.Cases[i].applies(labels) {
		i++
	}
	switch {
	case i < len(r.Cases):
		price = r.Cases[i].tariff()
	case price.credits == 0 && !price.free && len(r.Cases) > 0:
		return tariff{}, invalid("labels", "have no price")
	}
	if price.credits < 0 || price.free == (price.credits > 0) || price.per < 0 {
		return tariff{}, invalid("credits", "are not a price")
	}
	price.per = max(price.per, 1)
	return price, nil
}

// Rounding is how a [Rate] makes whole credits. The zero Rounding is unset and
// means [Exact].
type Rounding uint8

// The roundings, by the cost of 3 fields x 120 products at 1 credit per 50.
const (
	Exact      Rounding = iota + 1 // to the microcredit, without rounding: 7.2
	RoundUp                        // up to a whole credit on the product: 8
	RoundUpPer                     // up to a whole credit for each of one factor, here the fields: 3 x 3 = 9
)

// exact reports whether it is Exact that r means.
func (r Rounding) exact() bool { return r == 0 || r == Exact }

// String returns "exact", "up" or "up per factor". It returns "" if r is unset.
func (r Rounding) String() string {
	switch r {
	case 0:
		return ""
	case Exact:
		return "exact"
	case RoundUp:
		return "up"
	case RoundUpPer:
		return "up per factor"
	default:
		return fmt.Sprintf("rounding %d", uint8(r))
	}
}

// MarshalText returns the text of [Rounding.String]. It returns an
// [InvalidError] if r is no rounding.
func (r Rounding) MarshalText() ([]byte, error) {
	if r > RoundUpPer {
		return nil, invalid("", "rounding %d is none", uint8(r))
	}
	return []byte(r.String()), nil
}

// UnmarshalText parses what [Rounding.String] returns. It returns an
// [InvalidError] if text is anything else.
func (r *Rounding) UnmarshalText(text []byte) error {
	for parsed := Rounding(0); parsed <= RoundUpPer; parsed++ {
		if parsed.String() == string(text) {
			*r = parsed
			return nil
		}
	}
	return invalid("", "rounding %q is neither exact, up nor up per factor", head(text))
}
