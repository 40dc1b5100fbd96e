package credits_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"example.com/credits"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// mustMoney parses money that a test is sure of.
func mustMoney(t testing.TB, s string) credits.Money {
	t.Helper()
	m, err := credits.ParseMoney(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fieldsOf returns the fields of the InvalidErrors that err joins, in order.
func fieldsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is not a joined error: %v", err, err)
	}
	var fields []string
	for _, e := range joined.Unwrap() {
		var fault *credits.InvalidError
		if !errors.As(e, &fault) {
			t.Fatalf("error is no InvalidError: %v", e)
		}
		fields = append(fields, fault.Field)
	}
	return fields
}

func TestPriceOf(t *testing.T) {
	const credit = credits.Credit
	tests := []struct {
		name      string
		money     string
		per       credits.Amount
		amount    credits.Amount
		surcharge credits.Share
		want      string
	}{
		{"A-3/985 JPY with 30%", "985 JPY", credit, credit, 30 * credits.Percent, "1280 JPY"},
		{"A-3/995 JPY with 30%", "995 JPY", credit, credit, 30 * credits.Percent, "1294 JPY"},
		{"A-3/2.755 KWD with 30%", "2.755 KWD", credit, credit, 30 * credits.Percent, "3.582 KWD"},
		{"A-3/four digits", "1.00015 CLF", credit, credit, 0, "1.0002 CLF"},
		{"A-3/half to even, down", "0.125 USD", credit, credit, 0, "0.12 USD"},
		{"A-3/half to even, up", "0.375 USD", credit, credit, 0, "0.38 USD"},
		{"A-3/just above half", "0.125001 USD", credit, credit, 0, "0.13 USD"},
		{"A-3/rounded once on the total", "0.004 USD", credit, 3 * credit, 30 * credits.Percent, "0.02 USD"},
		{"A-3/multiplied first", "10 USD", 3 * credit, 3 * credit, 0, "10.00 USD"},
		{"A-3/least that is charged", "0.005001 USD", credit, credit, 0, "0.01 USD"},
		{"MK-08/1,000 at 9 USD for 10,000", "9 USD", 10_000 * credit, 1_000 * credit, 0, "0.90 USD"},
		{"MK-08/10,000 at 9 USD for 10,000", "9 USD", 10_000 * credit, 10_000 * credit, 0, "9.00 USD"},
		{"MK-14/10,000 with 30%", "9 USD", 10_000 * credit, 10_000 * credit, 30 * credits.Percent, "11.70 USD"},
		{"MK-08/1,000 at 108 USD a year", "108 USD", 120_000 * credit, 1_000 * credit, 0, "0.90 USD"},
		{"MK-08/10,000 at 108 USD a year", "108 USD", 120_000 * credit, 10_000 * credit, 0, "9.00 USD"},
		{"MK-14/10,000 at 108 USD a year with 30%", "108 USD", 120_000 * credit, 10_000 * credit, 30 * credits.Percent, "11.70 USD"},
		{"A-5/free", "0 USD", credit, credit, 0, "0.00 USD"},
		{"A-5/of nothing", "9 USD", credit, 0, 30 * credits.Percent, "0.00 USD"},
		{"A-1/at the bound", "9223372036854.77 USD", credit, credit, 0, "9223372036854.77 USD"},
		{"A-1/all at the bound", "9223372036854 JPY", credits.AmountMax, credits.AmountMax, 0, "9223372036854 JPY"},
		{"largest surcharge", "1 JPY", credit, credit, 1_000_000 * credits.Percent, "10001 JPY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			price := credits.Price{Money: mustMoney(t, tt.money), For: tt.per}
			got, err := price.Of(tt.amount, tt.surcharge)
			if err != nil || got.String() != tt.want {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestPriceOfRefused(t *testing.T) {
	usd := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "USD"} }
	const credit = credits.Credit
	tests := []struct {
		name      string
		price     credits.Price
		amount    credits.Amount
		surcharge credits.Share
		field     string
		fault     fault
	}{
		{"A-3/rounds to 0", credits.Price{Money: usd(4_999), For: credit}, credit, 0, "amount", bad},
		{"A-3/half rounds to 0", credits.Price{Money: usd(5_000), For: credit}, credit, 0, "amount", bad},
		{"A-2/missing price", credits.Price{For: credit}, credit, 0, "money", bad},
		{"A-2/negative price", credits.Price{Money: usd(-1), For: credit}, credit, 0, "money", bad},
		{"A-3/no minor unit", credits.Price{Money: credits.Money{Micros: 1, Currency: "XAU"}, For: credit}, credit, 0, "money.currency", bad},
		{"A-3/no currency", credits.Price{Money: credits.Money{Micros: 1}, For: credit}, credit, 0, "money.currency", bad},
		{"for nothing", credits.Price{Money: usd(1)}, credit, 0, "for", bad},
		{"for less than nothing", credits.Price{Money: usd(1), For: -1}, credit, 0, "for", bad},
		{"negative amount", credits.Price{Money: usd(1), For: credit}, -1, 0, "amount", bad},
		{"negative surcharge", credits.Price{Money: usd(1), For: credit}, credit, -1, "surcharge", bad},
		{"surcharge beyond the bound", credits.Price{Money: usd(1), For: credit}, credit, 1_000_000*credits.Percent + 1, "surcharge", over},
		{"A-1/beyond the bound by rounding", credits.Price{Money: usd(math.MaxInt64), For: credit}, credit, 0, "amount", over},
		{"A-1/beyond the bound by far", credits.Price{Money: usd(math.MaxInt64), For: 1}, credits.AmountMax, 0, "amount", over},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.price.Of(tt.amount, tt.surcharge)
			if f := faultOf(t, err); f != tt.fault || !got.IsZero() {
				t.Fatalf("got %v, %v, want fault %d", got, err, tt.fault)
			}
			var e *credits.InvalidError
			if errors.As(err, &e); e.Field != tt.field {
				t.Errorf("got field %q, want %q", e.Field, tt.field)
			}
		})
	}
}

func TestPriceEach(t *testing.T) {
	tests := []struct {
		name  string
		price credits.Price
		want  string
	}{
		{"MK-08/9 USD for 10,000", credits.Price{Money: mustMoney(t, "9 USD"), For: 10_000 * credits.Credit}, "0.0009"},
		{"MK-08/108 USD for 120,000", credits.Price{Money: mustMoney(t, "108 USD"), For: 120_000 * credits.Credit}, "0.0009"},
		{"ten places", credits.Price{Money: mustMoney(t, "2 USD"), For: 3 * credits.Credit}, "0.6666666667"},
		{"half to even", credits.Price{Money: mustMoney(t, "0.5 USD"), For: 10_000_000_000 * credits.Credit}, "0"},
		{"half to even, up", credits.Price{Money: mustMoney(t, "1.5 USD"), For: 10_000_000_000 * credits.Credit}, "0.0000000002"},
		{"whole", credits.Price{Money: mustMoney(t, "300 JPY"), For: credits.Credit}, "300"},
		{"largest", credits.Price{Money: credits.Money{Micros: math.MaxInt64, Currency: "USD"}, For: 1}, "9223372036854775807"},
		{"A-5/free", credits.Price{Money: mustMoney(t, "0 USD"), For: credits.Credit}, "0"},
		{"not valid", credits.Price{}, "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.price.Each().String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPriceJSON(t *testing.T) {
	in := credits.Price{Money: mustMoney(t, "9 USD"), For: 10_000 * credits.Credit}
	out, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"money":"9.00 USD","for":"10000"}`, string(out)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var back credits.Price
	if err := json.Unmarshal([]byte(`{"money": "9 USD", "for": 10000}`), &back); err != nil || back != in {
		t.Errorf("back: got %+v, %v", back, err)
	}
}

// outcomes is what numbers come to, wherever the decimal library has a part in
// it, and everywhere else that a number becomes text.
func outcomes(t *testing.T) map[string]string {
	t.Helper()
	got := map[string]string{}
	say := func(what string, value any, err error) { got[what] = fmt.Sprint(value, " ", err) }
	for _, s := range []string{"0", "10", "12.5", "-0.000001", "9223372036854.775807", "1e5", "0.0000001", "1" + strings.Repeat("0", 31)} {
		a, err := credits.ParseAmount(s)
		say("amount "+s, a, err)
		d := a.Decimal()
		say("amount's decimal "+s, fmt.Sprint(d, d.Coefficient(), d.Exponent()), nil)
		m, err := credits.ParseMoney(s + " USD")
		say("money "+s, m, err)
		d = m.Decimal()
		say("money's decimal "+s, fmt.Sprint(d, d.Coefficient(), d.Exponent()), nil)
	}
	for _, d := range []decimal.Decimal{
		{},
		decimal.New(0, 20_000), decimal.New(125, -1), decimal.New(5, 3), decimal.New(1, -7), decimal.New(1, 20_000), decimal.New(1, -20_000),
		decimal.NewFromBigInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(100), nil), -100),
	} {
		what := fmt.Sprint(d.Coefficient(), "e", d.Exponent())
		a, err := credits.AmountOf(d)
		say("amount of "+what, a, err)
		m, err := credits.MoneyOf(d, "JPY")
		say("money of "+what, m, err)
	}
	for _, s := range []string{"985 JPY", "2.755 KWD", "9 USD", "0.1 EUR", "0 USD", "0.000001 USD"} {
		price := credits.Price{Money: mustMoney(t, s), For: 7 * credits.Credit}
		m, err := price.Of(30*credits.Credit, 30*credits.Percent)
		say("price "+s, m, err)
		each := price.Each()
		say("each "+s, fmt.Sprint(each, each.Coefficient(), each.Exponent()), nil)
	}
	say("each of no price", credits.Price{}.Each(), nil)
	out, err := json.Marshal(map[string]any{
		"amount": 12*credits.Credit + credits.Credit/2, "share": 1250 * credits.Percent / 100,
		"limits": []credits.Limit{0, credits.Unlimited, credits.AtMost(0), credits.AtMost(12_500_000)},
		"price":  credits.Price{Money: mustMoney(t, "11.70 USD"), For: 10 * credits.Credit},
		"rate":   credits.Rate{Credits: credits.Credit / 10, Round: credits.RoundUp},
	})
	say("json", string(out), err)
	var back struct {
		Amount credits.Amount
		Price  credits.Price
	}
	say("json back", fmt.Sprint(json.Unmarshal(out, &back), back), nil)
	return got
}

// The decimal library has switches that belong to the whole process. A host may
// set them as it likes; no number here depends on them.
func TestDecimalSwitches(t *testing.T) {
	tests := []struct {
		name string
		flip func() (restore func())
	}{
		{"DivisionPrecision", flip(&decimal.DivisionPrecision, 1)},
		{"PowPrecisionNegativeExponent", flip(&decimal.PowPrecisionNegativeExponent, 1)},
		{"MarshalJSONWithoutQuotes", flip(&decimal.MarshalJSONWithoutQuotes, !decimal.MarshalJSONWithoutQuotes)},
		{"TrimTrailingZeros", flip(&decimal.TrimTrailingZeros, !decimal.TrimTrailingZeros)},
		{"UseScientificNotation", flip(&decimal.UseScientificNotation, !decimal.UseScientificNotation)},
		{"ExpMaxIterations", flip(&decimal.ExpMaxIterations, 1)},
		{"MaxDecodeExponent", flip(&decimal.MaxDecodeExponent, 1)},
		{"Zero", flip(&decimal.Zero, decimal.New(42, -1))},
	}
	want := outcomes(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Cleanup(tt.flip())
			if diff := cmp.Diff(want, outcomes(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		for _, tt := range tests {
			t.Cleanup(tt.flip())
		}
		if diff := cmp.Diff(want, outcomes(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// flip returns a function that sets a variable and returns another that sets it back.
func flip[T any](variable *T, value T) func() func() {
	return func() func() {
		before := *variable
		*variable = value
		return func() { *variable = before }
	}
}

func FuzzPriceOf(f *testing.F) {
	const credit = int64(credits.Credit)
	f.Add(int64(985_000_000), "JPY", credit, credit, int32(3000))
	f.Add(int64(995_000_000), "JPY", credit, credit, int32(3000))
	f.Add(int64(2_755_000), "KWD", credit, credit, int32(3000))
	f.Add(int64(9_000_000), "USD", 10_000*credit, 10_000*credit, int32(3000))
	f.Add(int64(5_000), "USD", credit, credit, int32(0))
	f.Add(int64(math.MaxInt64), "CLF", int64(1), int64(math.MaxInt64), int32(100_000_000))
	f.Add(int64(math.MaxInt64), "USD", int64(math.MaxInt64), int64(math.MaxInt64), int32(1))
	digits := map[string]int64{"JPY": 0, "USD": 2, "KWD": 3, "CLF": 4}
	f.Fuzz(func(t *testing.T, micros int64, currency string, per, amount int64, surcharge int32) {
		places, known := digits[currency]
		price := credits.Price{Money: credits.Money{Micros: micros, Currency: currency}, For: credits.Amount(per)}
		got, err := price.Of(credits.Amount(amount), credits.Share(surcharge))
		if err != nil && (!got.IsZero() || faultOf(t, err) == none) {
			t.Fatalf("got %v, %v", got, err)
		}
		if micros < 0 || per <= 0 || amount < 0 || surcharge < 0 || surcharge > 100_000_000 {
			if err == nil {
				t.Fatalf("accepted: %v", got)
			}
			return
		}
		if !known {
			return
		}
		minor := new(big.Rat).SetFrac(new(big.Int).Exp(big.NewInt(10), big.NewInt(6-places), nil), big.NewInt(1))
		exact := big.NewRat(micros, per)
		exact.Mul(exact, new(big.Rat).SetInt64(amount))
		exact.Mul(exact, big.NewRat(10_000+int64(surcharge), 10_000))
		charge := nearest(new(big.Rat).Quo(exact, minor))
		refused := charge.Sign() == 0 && exact.Sign() > 0
		charge.Mul(charge, minor.Num())
		if refused = refused || !charge.IsInt64(); refused != (err != nil) {
			t.Fatalf("got %v, %v, want %v, refused %t", got, err, charge, refused)
		}
		if err == nil && (charge.Cmp(big.NewInt(got.Micros)) != 0 || got.Currency != currency) {
			t.Fatalf("got %v, want %v", got, charge)
		}
	})
}

// nearest returns the integer nearest to r, and of two the even one.
func nearest(r *big.Rat) *big.Int {
	below := new(big.Int).Div(r.Num(), r.Denom())
	rest := new(big.Rat).Sub(r, new(big.Rat).SetInt(below))
	if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && below.Bit(0) == 1 {
		below.Add(below, big.NewInt(1))
	}
	return below
}
