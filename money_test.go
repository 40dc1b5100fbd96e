package credits_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"example.com/credits"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func TestParseMoney(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		want  credits.Money
		text  string // canonical
		fault fault
	}{
		{name: "A-3/minor unit of 2", in: "11.7 USD", want: credits.Money{Micros: 11_700_000, Currency: "USD"}, text: "11.70 USD"},
		{name: "A-3/minor unit of 0", in: "1280 JPY", want: credits.Money{Micros: 1_280_000_000, Currency: "JPY"}, text: "1280 JPY"},
		{name: "A-3/minor unit of 3", in: "3.582 KWD", want: credits.Money{Micros: 3_582_000, Currency: "KWD"}, text: "3.582 KWD"},
		{name: "A-3/minor unit of 4", in: "1 CLF", want: credits.Money{Micros: 1_000_000, Currency: "CLF"}, text: "1.0000 CLF"},
		{name: "A-3/finer than the minor unit", in: "0.0009 USD", want: credits.Money{Micros: 900, Currency: "USD"}, text: "0.0009 USD"},
		{name: "A-3/finer than a yen", in: "0.5 JPY", want: credits.Money{Micros: 500_000, Currency: "JPY"}, text: "0.5 JPY"},
		{name: "A-3/negative", in: "-0.05 EUR", want: credits.Money{Micros: -50_000, Currency: "EUR"}, text: "-0.05 EUR"},
		{name: "A-5/zero of a currency", in: "0 USD", want: credits.Money{Currency: "USD"}, text: "0.00 USD"},
		{name: "at the bound", in: "9223372036854.775807 USD", want: credits.Money{Micros: math.MaxInt64, Currency: "USD"}, text: "9223372036854.775807 USD"},
		{name: "beyond the bound", in: "9223372036854.775808 USD", fault: over},
		{name: "at the lower bound", in: "-9223372036854.775807 USD", want: credits.Money{Micros: -math.MaxInt64, Currency: "USD"}, text: "-9223372036854.775807 USD"},
		{name: "beyond the lower bound", in: "-9223372036854.775808 USD", fault: over},
		{name: "36 bytes", in: "1." + strings.Repeat("0", 30) + " USD", want: credits.Money{Micros: 1_000_000, Currency: "USD"}, text: "1.00 USD"},
		{name: "37 bytes", in: "1." + strings.Repeat("0", 31) + " USD", fault: over},
		{name: "a megabyte", in: strings.Repeat("1", 1<<20), fault: over},
		{name: "finer than a millionth", in: "0.0000001 USD", fault: bad},
		{name: "A-3/no minor unit", in: "1 XAU", fault: bad},
		{name: "A-3/unit of account", in: "1 XDR", fault: bad},
		{name: "A-3/withdrawn", in: "1 DEM", fault: bad},
		{name: "A-3/unknown", in: "1 ABC", fault: bad},
		{name: "lower case", in: "1 usd", fault: bad},
		{name: "two spaces", in: "1  USD", fault: bad},
		{name: "space after", in: "1 USD ", fault: bad},
		{name: "currency first", in: "USD 1", fault: bad},
		{name: "no currency", in: "1", fault: bad},
		{name: "no number", in: " USD", fault: bad},
		{name: "exponent", in: "1e3 USD", fault: bad},
		{name: "A-5/empty", in: "", fault: bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := credits.ParseMoney(tt.in)
			if f := faultOf(t, err); f != tt.fault || got != tt.want {
				t.Fatalf("got %+v, %v, want %+v, fault %d", got, err, tt.want, tt.fault)
			}
			if got.String() != tt.text {
				t.Errorf("got text %q, want %q", got, tt.text)
			}
		})
	}
}

func TestMoneyOf(t *testing.T) {
	tests := []struct {
		name     string
		in       decimal.Decimal
		currency string
		want     credits.Money
		fault    fault
	}{
		{"A-3/11.70 USD", decimal.New(1170, -2), "USD", credits.Money{Micros: 11_700_000, Currency: "USD"}, none},
		{"A-5/zero", decimal.Decimal{}, "JPY", credits.Money{Currency: "JPY"}, none},
		{"at the bound", decimal.New(math.MaxInt64, -6), "USD", credits.Money{Micros: math.MaxInt64, Currency: "USD"}, none},
		{"beyond the bound", decimal.New(math.MinInt64, -6), "USD", credits.Money{}, over},
		{"finer than a millionth", decimal.New(1, -7), "USD", credits.Money{}, bad},
		{"huge", decimal.New(1, 1_000_000_000), "USD", credits.Money{}, over},
		{"no currency", decimal.Decimal{}, "", credits.Money{}, bad},
		{"A-3/gold", decimal.New(1, 0), "XAU", credits.Money{}, bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := credits.MoneyOf(tt.in, tt.currency)
			if f := faultOf(t, err); f != tt.fault || got != tt.want {
				t.Fatalf("got %+v, %v, want %+v, fault %d", got, err, tt.want, tt.fault)
			}
			if err == nil && !got.Decimal().Equal(tt.in) {
				t.Errorf("back: got %v, want %v", got.Decimal(), tt.in)
			}
		})
	}
}

func TestMoneySums(t *testing.T) {
	usd := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "USD"} }
	eur := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "EUR"} }
	no := credits.Money{}
	const bound = math.MaxInt64
	tests := []struct {
		name     string
		a, b     credits.Money
		sum, sub credits.Money
		sumFault fault
		subFault fault
	}{
		{"one currency", usd(3), usd(5), usd(8), usd(-2), none, none},
		{"A-3/two currencies", usd(3), eur(5), no, no, bad, bad},
		{"A-3/two currencies, both 0", usd(0), eur(0), no, no, bad, bad},
		{"A-3/money without currency", usd(3), credits.Money{Micros: 5}, no, no, bad, bad},
		{"A-5/no money added", usd(3), no, usd(3), usd(3), none, none},
		{"A-5/added to no money", no, usd(3), usd(3), usd(-3), none, none},
		{"A-5/zero of a currency", no, usd(0), usd(0), usd(0), none, none},
		{"A-5/nothing at all", no, no, no, no, none, none},
		{"A-5/difference of 0 keeps its currency", usd(3), usd(3), usd(6), usd(0), none, none},
		{"at the bound", usd(bound - 1), usd(1), usd(bound), usd(bound - 2), none, none},
		{"beyond the bound", usd(bound), usd(1), no, usd(bound - 1), over, none},
		{"at the lower bound", usd(-bound + 1), usd(1), usd(-bound + 2), usd(-bound), none, none},
		{"beyond the lower bound", usd(-bound), usd(1), usd(-bound + 1), no, none, over},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := tt.a.Add(tt.b); got != tt.sum || faultOf(t, err) != tt.sumFault {
				t.Errorf("sum: got %v, %v, want %v, fault %d", got, err, tt.sum, tt.sumFault)
			}
			if got, err := tt.a.Sub(tt.b); got != tt.sub || faultOf(t, err) != tt.subFault {
				t.Errorf("difference: got %v, %v, want %v, fault %d", got, err, tt.sub, tt.subFault)
			}
		})
	}
}

func TestMoneyIsZero(t *testing.T) {
	if !(credits.Money{}).IsZero() {
		t.Error("A-5: the zero Money is money")
	}
	if (credits.Money{Currency: "USD"}).IsZero() {
		t.Error("A-5: 0.00 USD is no money")
	}
}

func TestMoneyJSON(t *testing.T) {
	type charges struct {
		None credits.Money `json:"none,omitzero"`
		Zero credits.Money `json:"zero,omitzero"`
		Some credits.Money `json:"some,omitzero"`
		Text credits.Money `json:"text"`
	}
	in := charges{Zero: credits.Money{Currency: "JPY"}, Some: credits.Money{Micros: 11_700_000, Currency: "USD"}}
	out, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"zero":"0 JPY","some":"11.70 USD","text":""}`, string(out)); diff != "" {
		t.Errorf("A-5 (-want +got):\n%s", diff)
	}
	var back charges
	if err := json.Unmarshal(out, &back); err != nil || back != in {
		t.Errorf("A-5: back: got %+v, %v", back, err)
	}
	for _, text := range []string{`"1 ABC"`, `11.70`, `{"Micros":1}`, `"1.00 USD 1.00 USD 1.00 USD 1.00 USD 1.00 USD"`} {
		m := in.Some
		if err := json.Unmarshal([]byte(text), &m); err == nil || m != in.Some {
			t.Errorf("%s: got %v, %v", text, m, err)
		}
	}
}

func TestMoneyNotValid(t *testing.T) {
	tests := []struct {
		name string
		in   credits.Money
		text string
	}{
		{"A-3/no currency", credits.Money{Micros: 1}, "0.000001 "},
		{"A-3/no minor unit", credits.Money{Micros: 1_000_000, Currency: "XAU"}, "1 XAU"},
		{"below the lower bound", credits.Money{Micros: math.MinInt64, Currency: "USD"}, "-9223372036854.775808 USD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.String(); got != tt.text {
				t.Errorf("got %q, want %q", got, tt.text)
			}
			if text, err := tt.in.MarshalText(); faultOf(t, err) == none {
				t.Errorf("marshalled as %q", text)
			}
		})
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{
		"11.70 USD", "0 JPY", "3.582 KWD", "-0.05 EUR", "1 XAU", "1 usd", "1  USD", "", " ",
		"9223372036854.775807 USD", "9223372036854.775808 USD", "1.0000000 CLF", "1e3 USD",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := credits.ParseMoney(s)
		if err != nil {
			if !m.IsZero() || faultOf(t, err) == none {
				t.Fatalf("%q: got %+v, %v", s, m, err)
			}
			return
		}
		number, currency, _ := strings.Cut(s, " ")
		if a, err := credits.ParseAmount(number); int64(a) != m.Micros || err != nil || currency != m.Currency {
			t.Fatalf("%q: got %+v, want %d, %v", s, m, a, err)
		}
		if back, err := credits.ParseMoney(m.String()); back != m || err != nil {
			t.Fatalf("%q: back from %q: got %+v, %v", s, m, back, err)
		}
		if back, err := credits.MoneyOf(m.Decimal(), m.Currency); back != m || err != nil {
			t.Fatalf("%q: back from %v: got %+v, %v", s, m.Decimal(), back, err)
		}
	})
}
