package credits

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Amount is a quantity of credits, or of any other [Unit], in millionths.
//
// Amounts are written as multiples and fractions of [Credit], as durations are:
// 10*credits.Credit is ten credits, credits.Credit/10 a tenth. They are exact.
// Every sum and product inside this package is checked; what would lie outside
// [AmountMin] to [AmountMax] is an error.
type Amount int64

// Common amounts.
const (
	Microcredit Amount = 1
	Credit      Amount = 1_000_000 * Microcredit

	// AmountMax is the largest amount: 9,223,372,036,854.775807 credits.
	AmountMax Amount = math.MaxInt64

	// AmountMin is the smallest amount. The one integer below it is not an amount.
	AmountMin Amount = -AmountMax
)

const (
	microPlaces = 6  // decimals of an amount, and of money
	maxNumber   = 32 // bytes of a number in text
	maxUnit     = 64 // bytes of a unit

	// maxCoefficient is the most bits of a decimal's coefficient. It and
	// maxShift, which is beyond the digits of any such coefficient, bound the
	// work that a decimal from elsewhere can ask for.
	maxCoefficient = 1024
	maxShift       = 320
)

// ParseAmount parses decimal text of at most 32 bytes, such as "12.5" or
// "-0.000001": digits, and between digits one point. It accepts no exponent, no
// plus sign, no space and no separator. Decimals after the sixth must be zeros.
//
// It returns an [InvalidError] if s is anything else, which is [ErrLimit] too
// if s is too long or not between [AmountMin] and [AmountMax].
func ParseAmount(s string) (Amount, error) {
	v, err := parseFixed("amount", s, microPlaces)
	return Amount(v), err
}

// AmountOf returns d credits. It never rounds: it returns an [InvalidError] if d
// is not a whole number of millionths, which is [ErrLimit] too if d is not
// between [AmountMin] and [AmountMax] or its coefficient has more than 1,024
// bits. Its work is bounded whatever the exponent of d.
func AmountOf(d decimal.Decimal) (Amount, error) {
	v, err := microsOf("amount", d)
	return Amount(v), err
}

// Decimal returns a in credits, with no trailing zeros.
func (a Amount) Decimal() decimal.Decimal { return fixedDecimal(int64(a), microPlaces) }

// String returns a in credits, such as "12.5" or "0", with no trailing zeros.
func (a Amount) String() string {
	var buf [maxNumber]byte
	return string(appendFixed(buf[:0], int64(a), microPlaces, 0))
}

// MarshalText returns the text of [Amount.String], which is its form in JSON
// too: the string "12.5". It returns an [InvalidError] that is [ErrLimit] if a
// is below [AmountMin].
func (a Amount) MarshalText() ([]byte, error) {
	if a < AmountMin {
		return nil, beyond("", "amount %v is out of range", a)
	}
	return appendFixed(nil, int64(a), microPlaces, 0), nil
}

// UnmarshalText parses what [ParseAmount] accepts, with its errors.
func (a *Amount) UnmarshalText(text []byte) error {
	v, err := parseFixed("amount", head(text), microPlaces)
	if err != nil {
		return err
	}
	*a = Amount(v)
	return nil
}

// UnmarshalJSON parses a string such as "12.5" or a number such as 12.5, read
// as text and never as a float: both hold what [ParseAmount] accepts, with its
// errors, and so neither an exponent nor an escape. A null leaves a as it is.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if last := len(data) - 1; last > 0 && data[0] == '"' && data[last] == '"' {
		data = data[1:last]
	}
	return a.UnmarshalText(data)
}

// Unit is what is counted: credits, conversations, gigabytes. It is valid UTF-8
// of at most 64 bytes. The empty Unit is credits.
type Unit string

// check reports what is wrong with u.
func (u Unit) check() error { return checkText("", string(u), maxUnit) }

// Share is a part of a whole in hundredths of a percent: a surcharge of 30 % is
// 30*credits.Percent. It is 0 to 1,000,000 %.
type Share int32

// Percent is one percent, a hundred hundredths of it.
const Percent Share = 100

const (
	sharePlaces = 2
	shareMax    = 1_000_000 * Percent
)

// String returns s in percent, such as "30%" or "12.5%", with no trailing zeros.
func (s Share) String() string {
	return string(append(appendFixed(nil, int64(s), sharePlaces, 0), '%'))
}

// MarshalText returns the text of [Share.String]. It returns an [InvalidError]
// if s is not 0 to 1,000,000 %.
func (s Share) MarshalText() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return append(appendFixed(nil, int64(s), sharePlaces, 0), '%'), nil
}

// UnmarshalText parses text such as "30%" or "12.5%": a number as [ParseAmount]
// accepts it, but of two decimals, and a percent sign. It returns an
// [InvalidError] if text is anything else or not 0 to 1,000,000 %.
func (s *Share) UnmarshalText(text []byte) error {
	number, ok := bytes.CutSuffix(text, []byte{'%'})
	if !ok {
		return invalid("", "share %q is not a percentage such as 30%%", head(text))
	}
	v, err := parseFixed("share", head(number), sharePlaces)
	if err != nil {
		return err
	}
	// What no Share can hold must not be cut to one that can.
	share := Share(max(-1, min(v, int64(shareMax)+1)))
	if err := share.check(); err != nil {
		return err
	}
	*s = share
	return nil
}

// check reports what is wrong with s.
func (s Share) check() error {
	switch {
	case s < 0:
		return invalid("", "share is negative")
	case s > shareMax:
		return beyond("", "share is more than %v", shareMax)
	}
	return nil
}

// Limit is an amount, or no limit, or unset: three different things. The zero
// Limit is unset; [AtMost] of 0 is a limit that lets nothing through.
type Limit int64

// Unlimited is the limit that nothing exceeds.
const Unlimited Limit = -1

// notLimit is what AtMost makes of an amount that is no limit.
const notLimit Limit = math.MinInt64

// AtMost returns a limit of a, which is 0 to [AmountMax] less one microcredit.
//
// Of any other amount it returns a Limit that is not valid: it is set, it lets
// nothing through, it does not marshal, and what takes a Limit refuses it with
// an [InvalidError].
func AtMost(a Amount) Limit {
	if a < 0 || a == AmountMax {
		return notLimit
	}
	return Limit(a + 1) // 0 is taken: it is unset
}

// Amount returns the limit. It reports false if l is unset or [Unlimited]. Of a
// Limit that is not valid it returns 0 and true: nothing gets through.
func (l Limit) Amount() (Amount, bool) {
	switch {
	case l > 0:
		return Amount(l - 1), true
	case l == 0, l == Unlimited:
		return 0, false
	}
	return 0, true
}

// IsSet reports whether l is [Unlimited] or an amount.
func (l Limit) IsSet() bool { return l != 0 }

// String returns the amount, such as "12.5", or "unlimited". It returns "" if l
// is unset.
func (l Limit) String() string {
	switch {
	case l > 0:
		return Amount(l - 1).String()
	case l == 0:
		return ""
	case l == Unlimited:
		return "unlimited"
	}
	return "invalid limit"
}

// MarshalText returns the text of [Limit.String]. It returns an [InvalidError]
// if l is not valid.
func (l Limit) MarshalText() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return []byte(l.String()), nil
}

// UnmarshalText parses what [Limit.String] returns: an amount as [ParseAmount]
// accepts it, "unlimited", or "" for unset. It returns an [InvalidError] if text
// is anything else, or an amount of which [AtMost] makes no limit.
func (l *Limit) UnmarshalText(text []byte) error {
	switch string(text) {
	case "":
		*l = 0
		return nil
	case "unlimited":
		*l = Unlimited
		return nil
	}
	a, err := parseFixed("limit", head(text), microPlaces)
	if err != nil {
		return err
	}
	limit := AtMost(Amount(a))
	if err := limit.check(); err != nil {
		return err
	}
	*l = limit
	return nil
}

// check reports what is wrong with l.
func (l Limit) check() error {
	if l < Unlimited {
		return beyond("", "limit is not between 0 and %v", AmountMax-1)
	}
	return nil
}

// beyond returns an InvalidError about a field that is over a limit.
func beyond(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...), Err: ErrLimit}
}

// head returns text as a string, cut so that however long it is, copying it
// costs nothing: what is cut is still too long to be a number.
func head(text []byte) string { return string(text[:min(len(text), maxNumber+1)]) }

// parseFixed parses decimal text as a whole number of units of 10^-places.
// Errors call it what.
func parseFixed(what, s string, places int) (int64, error) {
	if len(s) > maxNumber {
		return 0, beyond("", "%s is longer than %d bytes", what, maxNumber)
	}
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		return 0, invalid("", "%s %q is not a decimal number such as 12.5", what, s)
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places {
		return 0, invalid("", "%s %s has more than %d decimals", what, s, places)
	}
	var v int64
	for i := range len(whole) + places {
		var digit int64
		if at := i - len(whole); at < 0 {
			digit = int64(whole[i] - '0')
		} else if at < len(fraction) {
			digit = int64(fraction[at] - '0')
		}
		if v > (math.MaxInt64-digit)/10 {
			return 0, beyond("", "%s %s is out of range", what, s)
		}
		v = v*10 + digit
	}
	if negative {
		v = -v
	}
	return v, nil
}

// isDigits reports whether s is one or more ASCII digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// appendFixed appends v units of 10^-places to b, with at least the given
// number of decimals and no trailing zeros beyond them.
func appendFixed(b []byte, v int64, places, least int) []byte {
	u := uint64(v)
	if v < 0 {
		b = append(b, '-')
		u = -u
	}
	unit := uint64(pow10(places))
	b = strconv.AppendUint(b, u/unit, 10)
	rest := u % unit
	if rest == 0 && least == 0 {
		return b
	}
	b = append(b, '.')
	for ; rest > 0 || least > 0; least-- {
		rest *= 10
		b = append(b, '0'+byte(rest/unit))
		rest %= unit
	}
	return b
}

// fixedDecimal returns v units of 10^-places with as few places as it takes, so
// that its text does not depend on how trailing zeros are shown.
func fixedDecimal(v int64, places int32) decimal.Decimal {
	for places > 0 && v%10 == 0 {
		v /= 10
		places--
	}
	return decimal.New(v, -places)
}

// microsOf returns d in millionths. Errors call it what.
func microsOf(what string, d decimal.Decimal) (int64, error) {
	if d.Sign() == 0 {
		return 0, nil // whatever its exponent
	}
	c := d.Coefficient()
	if c.BitLen() > maxCoefficient {
		return 0, beyond("", "%s has a coefficient of more than %d bits", what, maxCoefficient)
	}
	switch shift := int64(d.Exponent()) + microPlaces; {
	case shift > maxShift:
		return 0, beyond("", "%s is out of range", what)
	case shift >= 0:
		c.Mul(c, bigPow10(shift))
	case shift < -maxShift:
		return 0, invalid("", "%s has more than %d decimals", what, microPlaces)
	default:
		rest := new(big.Int)
		if c.QuoRem(c, bigPow10(-shift), rest); rest.Sign() != 0 {
			return 0, invalid("", "%s has more than %d decimals", what, microPlaces)
		}
	}
	if !c.IsInt64() || c.Int64() == math.MinInt64 {
		return 0, beyond("", "%s is out of range", what)
	}
	return c.Int64(), nil
}

// pow10 returns 10^n, for n from 0 to 18.
func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// bigPow10 returns 10^n.
func bigPow10(n int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil)
}
