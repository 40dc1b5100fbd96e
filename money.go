package credits

import (
	"math"
	"strings"

	"example.com/credits/internal/iso4217"
	"github.com/shopspring/decimal"
)

// Money is an amount of a currency. A charge is a whole number of minor units;
// what a credit costs or recognises may be finer. Two Moneys of one currency
// compare with ==.
//
// The zero Money is no money. No money is not 0.00 of a currency, which keeps
// its currency. Negative Money is what is paid back.
type Money struct {
	// Micros are millionths of the currency's major unit, of at most 2^63 - 1
	// either way.
	Micros int64

	// Currency is an active ISO 4217 code that has a minor unit, such as "USD".
	// It is empty in the zero Money alone.
	Currency string
}

// ParseMoney parses text such as "11.70 USD": a number as [ParseAmount] accepts
// it, a space, and an ISO 4217 code in capitals.
//
// It returns an [InvalidError] if s is anything else, if the currency is not
// active or has no minor unit, as XAU, and if s is empty: no money has no text
// to parse. If the number is too long or out of range the error is [ErrLimit] too.
func ParseMoney(s string) (Money, error) {
	if limit := maxNumber + len(" USD"); len(s) > limit {
		return Money{}, beyond("", "money is longer than %d bytes", limit)
	}
	number, currency, ok := strings.Cut(s, " ")
	if !ok {
		return Money{}, invalid("", "money %q is not a number and a currency such as 11.70 USD", s)
	}
	if err := checkCurrency(currency); err != nil {
		return Money{}, err
	}
	v, err := parseFixed("money", number, microPlaces)
	if err != nil {
		return Money{}, err
	}
	return Money{Micros: v, Currency: currency}, nil
}

// MoneyOf returns d of a currency. It never rounds, and fails as [AmountOf]
// does. It returns an [InvalidError] too if the currency is not an active ISO
// 4217 code that has a minor unit.
func MoneyOf(d decimal.Decimal, currency string) (Money, error) {
	if err := checkCurrency(currency); err != nil {
		return Money{}, err
	}
	v, err := microsOf("money", d)
	if err != nil {
		return Money{}, err
	}
	return Money{Micros: v, Currency: currency}, nil
}

// Decimal returns m in the currency's major unit, with no trailing zeros.
func (m Money) Decimal() decimal.Decimal { return fixedDecimal(m.Micros, microPlaces) }

// Add returns m + n. The zero Money adds to any currency. It returns an
// [InvalidError] if the currencies differ, which is [ErrLimit] if the sum is
// out of range.
func (m Money) Add(n Money) (Money, error) {
	currency, err := m.common(n)
	if err != nil {
		return Money{}, err
	}
	sum, ok := addAmount(Amount(m.Micros), Amount(n.Micros))
	if !ok {
		return Money{}, beyond("", "sum of %v and %v is out of range", m, n)
	}
	return Money{Micros: int64(sum), Currency: currency}, nil
}

// Sub returns m - n. The zero Money can be taken from any currency, and any
// currency from it. It fails as [Money.Add] does.
func (m Money) Sub(n Money) (Money, error) {
	currency, err := m.common(n)
	if err != nil {
		return Money{}, err
	}
	rest, ok := subAmount(Amount(m.Micros), Amount(n.Micros))
	if !ok {
		return Money{}, beyond("", "difference of %v and %v is out of range", m, n)
	}
	return Money{Micros: int64(rest), Currency: currency}, nil
}

// IsZero reports whether m is the zero Money. It is false for 0.00 of a currency.
func (m Money) IsZero() bool { return m == Money{} }

// String returns m as, for example, "11.70 USD" or "0.0009 USD": with the
// decimals of the currency's minor unit, and more only where they are needed.
// It returns "" for the zero Money.
func (m Money) String() string {
	if m.IsZero() {
		return ""
	}
	digits, _ := iso4217.Digits(m.Currency)
	b := appendFixed(nil, m.Micros, microPlaces, digits)
	b = append(b, ' ')
	return string(append(b, m.Currency...))
}

// MarshalText returns the text of [Money.String]. It returns an [InvalidError]
// if m is neither the zero Money nor money of an active currency with a minor
// unit, or is out of range.
func (m Money) MarshalText() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return []byte(m.String()), nil
}

// UnmarshalText parses what [Money.String] returns: what [ParseMoney] accepts,
// with its errors, or empty text for the zero Money.
func (m *Money) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = Money{}
		return nil
	}
	parsed, err := ParseMoney(string(text[:min(len(text), 2*maxNumber)]))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// check reports what is wrong with m. No money is not wrong.
func (m Money) check() error {
	if m.IsZero() {
		return nil
	}
	if m.Micros == math.MinInt64 {
		return beyond("", "money is out of range")
	}
	return checkCurrency(m.Currency)
}

// common returns the currency of a sum of m and n.
func (m Money) common(n Money) (string, error) {
	switch {
	case m.IsZero():
		return n.Currency, nil
	case n.IsZero() || m.Currency == n.Currency:
		return m.Currency, nil
	}
	return "", invalid("currency", "%q is not %q", n.Currency, m.Currency)
}

// checkCurrency reports what is wrong with a currency.
func checkCurrency(code string) error {
	if _, ok := iso4217.Digits(code); !ok {
		return invalid("currency", "%q is not an active ISO 4217 currency with a minor unit", code[:min(len(code), maxNumber)])
	}
	return nil
}

// floor returns m rounded down to its currency's minor unit.
func (m Money) floor() Money {
	digits, ok := iso4217.Digits(m.Currency)
	if !ok || digits >= 6 {
		return m
	}
	m.Micros -= m.Micros % pow10(6-digits)
	return m
}
