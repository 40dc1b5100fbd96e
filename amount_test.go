package credits_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"example.com/credits"
	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// fault is how a call is refused: not at all, as invalid, or over a limit too.
type fault int

const (
	none fault = iota
	bad
	over
)

// faultOf classifies err. Every refusal here is an InvalidError.
func faultOf(t *testing.T, err error) fault {
	t.Helper()
	var e *credits.InvalidError
	switch {
	case err == nil:
		return none
	case !errors.As(err, &e) || !errors.Is(err, credits.ErrInvalid):
		t.Errorf("error is no InvalidError: %v", err)
	case errors.Is(err, credits.ErrLimit):
		return over
	}
	return bad
}

func TestParseAmount(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		want  credits.Amount
		text  string // canonical
		fault fault
	}{
		{name: "A-1/whole", in: "10", want: 10 * credits.Credit, text: "10"},
		{name: "A-1/half", in: "12.5", want: 12*credits.Credit + credits.Credit/2, text: "12.5"},
		{name: "A-1/microcredit", in: "0.000001", want: credits.Microcredit, text: "0.000001"},
		{name: "A-1/negative microcredit", in: "-0.000001", want: -credits.Microcredit, text: "-0.000001"},
		{name: "A-1/trailing zeros beyond six places", in: "1.50000000", want: 3 * credits.Credit / 2, text: "1.5"},
		{name: "A-1/negative zero", in: "-0.0", want: 0, text: "0"},
		{name: "A-1/at the upper bound", in: "9223372036854.775807", want: credits.AmountMax, text: "9223372036854.775807"},
		{name: "A-1/beyond the upper bound", in: "9223372036854.775808", fault: over},
		{name: "A-1/at the lower bound", in: "-9223372036854.775807", want: credits.AmountMin, text: "-9223372036854.775807"},
		{name: "A-1/beyond the lower bound", in: "-9223372036854.775808", fault: over},
		{name: "A-1/wraps round to a small number", in: "18446744073709.551617", fault: over},
		{name: "A-1/finer than a microcredit", in: "0.0000001", fault: bad},
		{name: "32 bytes", in: "1." + strings.Repeat("0", 30), want: credits.Credit, text: "1"},
		{name: "33 bytes", in: "1." + strings.Repeat("0", 31), fault: over},
		{name: "a megabyte", in: strings.Repeat("1", 1<<20), fault: over},
		{name: "empty", in: "", fault: bad},
		{name: "sign alone", in: "-", fault: bad},
		{name: "two signs", in: "--1", fault: bad},
		{name: "plus", in: "+1", fault: bad},
		{name: "exponent", in: "1e3", fault: bad},
		{name: "no digit before the point", in: ".5", fault: bad},
		{name: "no digit after the point", in: "5.", fault: bad},
		{name: "two points", in: "1.2.3", fault: bad},
		{name: "comma", in: "1,5", fault: bad},
		{name: "underscore", in: "1_000", fault: bad},
		{name: "space before", in: " 1", fault: bad},
		{name: "space after", in: "1 ", fault: bad},
		{name: "hexadecimal", in: "0x1", fault: bad},
		{name: "not a number", in: "NaN", fault: bad},
		{name: "digits of another script", in: "١", fault: bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := credits.ParseAmount(tt.in)
			if f := faultOf(t, err); f != tt.fault {
				t.Fatalf("error %v: got fault %d, want %d", err, f, tt.fault)
			}
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			if err == nil && got.String() != tt.text {
				t.Errorf("got text %q, want %q", got, tt.text)
			}
		})
	}
}

func TestAmountOf(t *testing.T) {
	huge := new(big.Int).Exp(big.NewInt(10), big.NewInt(400), nil)
	bits1024 := new(big.Int).Lsh(big.NewInt(1), 1023)
	bits1025 := new(big.Int).Lsh(big.NewInt(1), 1024)
	tests := []struct {
		name  string
		in    decimal.Decimal
		want  credits.Amount
		fault fault
	}{
		{"A-1/uninitialised", decimal.Decimal{}, 0, none},
		{"A-1/12.5", decimal.New(125, -1), 12_500_000, none},
		{"A-1/positive exponent", decimal.New(-3, 4), -30_000 * credits.Credit, none},
		{"A-1/trailing zeros", decimal.New(1_500_000_000, -9), 1_500_000, none},
		{"A-1/at the upper bound", decimal.New(math.MaxInt64, -6), credits.AmountMax, none},
		{"A-1/one below the lower bound", decimal.New(math.MinInt64, -6), 0, over},
		{"A-1/at the lower bound", decimal.New(-math.MaxInt64, -6), credits.AmountMin, none},
		{"A-1/one above the upper bound", decimal.NewFromBigInt(new(big.Int).Lsh(big.NewInt(1), 63), -6), 0, over},
		{"A-1/finer than a microcredit", decimal.New(1, -7), 0, bad},
		{"1e18", decimal.New(1, 18), 0, over},
		{"1e1000000000", decimal.New(1, 1_000_000_000), 0, over},
		{"1e-1000000000", decimal.New(1, -1_000_000_000), 0, bad},
		{"0e1000000000", decimal.New(0, 1_000_000_000), 0, none},
		{"largest exponent", decimal.New(1, math.MaxInt32), 0, over},
		{"smallest exponent", decimal.New(1, math.MinInt32), 0, bad},
		{"400 digits that make 1", decimal.NewFromBigInt(huge, -400), 0, over},
		{"1024 bits", decimal.NewFromBigInt(bits1024, -6), 0, over},
		{"1024 bits, too fine", decimal.NewFromBigInt(bits1024, -310), 0, bad},
		{"1025 bits", decimal.NewFromBigInt(bits1025, -310), 0, over},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			got, err := credits.AmountOf(tt.in)
			if f := faultOf(t, err); f != tt.fault || got != tt.want {
				t.Errorf("got %d, %v, want %d, fault %d", got, err, tt.want, tt.fault)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestAmountDecimal(t *testing.T) {
	tests := []struct {
		name string
		in   credits.Amount
		want string
	}{
		{"A-1/zero", 0, "0"},
		{"A-1/whole", 1_000 * credits.Credit, "1000"},
		{"A-1/tenth", credits.Credit / 10, "0.1"},
		{"A-1/upper bound", credits.AmountMax, "9223372036854.775807"},
		{"A-1/lower bound", credits.AmountMin, "-9223372036854.775807"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := tt.in.Decimal()
			if got := d.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if back, err := credits.AmountOf(d); back != tt.in || err != nil {
				t.Errorf("back: got %v, %v", back, err)
			}
		})
	}
}

func TestAmountJSON(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		want  credits.Amount
		out   string
		fault fault
	}{
		{name: "string", in: `"12.5"`, want: 12_500_000, out: `"12.5"`},
		{name: "number", in: `12.5`, want: 12_500_000, out: `"12.5"`},
		{name: "A-1/number that no float holds", in: `9223372036854.775807`, want: credits.AmountMax, out: `"9223372036854.775807"`},
		{name: "A-1/number beyond the bound", in: `9223372036854.775808`, fault: over},
		{name: "null", in: `null`, want: 0, out: `"0"`},
		{name: "number with exponent", in: `1e3`, fault: bad},
		{name: "empty string", in: `""`, fault: bad},
		{name: "quote in a string", in: `"\""`, fault: bad},
		{name: "bool", in: `true`, fault: bad},
		{name: "object", in: `{}`, fault: bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got credits.Amount
			err := json.Unmarshal([]byte(tt.in), &got)
			if f := faultOf(t, err); f != tt.fault || got != tt.want {
				t.Fatalf("got %d, %v, want %d, fault %d", got, err, tt.want, tt.fault)
			}
			if err != nil {
				return
			}
			if out, err := json.Marshal(got); string(out) != tt.out || err != nil {
				t.Errorf("got %s, %v, want %s", out, err, tt.out)
			}
		})
	}
}

// The integer below AmountMin is no amount: it is shown, but it is not kept.
func TestAmountBelowMin(t *testing.T) {
	a := credits.Amount(math.MinInt64)
	if got, want := a.String(), "-9223372036854.775808"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err := a.MarshalText()
	if f := faultOf(t, err); f != over {
		t.Errorf("A-1: marshalled: %v", err)
	}
}

func TestUnmarshalUnquoted(t *testing.T) {
	for _, in := range []string{`"`, `"12`, `12"`, `"12.5`, `12.5"`, `""12.5""`} {
		a := credits.Amount(7)
		if err := a.UnmarshalJSON([]byte(in)); faultOf(t, err) != bad || a != 7 {
			t.Errorf("%s: got %d, %v", in, a, err)
		}
	}
}

func TestShare(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		want  credits.Share
		text  string
		fault fault
	}{
		{name: "MK-14/30 percent", in: "30%", want: 30 * credits.Percent, text: "30%"},
		{name: "half", in: "12.5%", want: 1250, text: "12.5%"},
		{name: "hundredth", in: "0.01%", want: 1, text: "0.01%"},
		{name: "none", in: "0%", want: 0, text: "0%"},
		{name: "at the bound", in: "1000000%", want: 1_000_000 * credits.Percent, text: "1000000%"},
		{name: "beyond the bound", in: "1000000.01%", fault: over},
		{name: "wraps round in 32 bits", in: "42949672.96%", fault: over},
		{name: "wraps round in 64 bits", in: "184467440737095516.16%", fault: over},
		{name: "negative", in: "-1%", fault: bad},
		{name: "three decimals", in: "1.005%", fault: bad},
		{name: "no sign", in: "30", fault: bad},
		{name: "two signs", in: "30%%", fault: bad},
		{name: "space", in: "30 %", fault: bad},
		{name: "empty", in: "", fault: bad},
		{name: "33 bytes", in: strings.Repeat("0", 33) + "%", fault: over},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got credits.Share
			err := got.UnmarshalText([]byte(tt.in))
			if f := faultOf(t, err); f != tt.fault || got != tt.want {
				t.Fatalf("got %d, %v, want %d, fault %d", got, err, tt.want, tt.fault)
			}
			if err != nil {
				return
			}
			text, err := got.MarshalText()
			if string(text) != tt.text || got.String() != tt.text || err != nil {
				t.Errorf("got %s, %s, %v, want %s", text, got, err, tt.text)
			}
		})
	}
	for _, s := range []credits.Share{-1, 1_000_000*credits.Percent + 1, math.MinInt32, math.MaxInt32} {
		if text, err := s.MarshalText(); err == nil {
			t.Errorf("marshalled %d as %s", s, text)
		}
	}
}

func TestLimit(t *testing.T) {
	tests := []struct {
		name   string
		in     credits.Limit
		amount credits.Amount
		ok     bool
		set    bool
		text   string
	}{
		{"A-5/unset", credits.Limit(0), 0, false, false, ""},
		{"A-5/zero", credits.AtMost(0), 0, true, true, "0"},
		{"A-5/unlimited", credits.Unlimited, 0, false, true, "unlimited"},
		{"A-5/microcredit", credits.AtMost(1), 1, true, true, "0.000001"},
		{"A-5/12.5", credits.AtMost(12_500_000), 12_500_000, true, true, "12.5"},
		{"A-5/at the bound", credits.AtMost(credits.AmountMax - 1), credits.AmountMax - 1, true, true, "9223372036854.775806"},
	}
	seen := map[credits.Limit]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if seen[tt.in] {
				t.Errorf("%d is another limit too", tt.in)
			}
			seen[tt.in] = true
			if a, ok := tt.in.Amount(); a != tt.amount || ok != tt.ok {
				t.Errorf("got %v, %t, want %v, %t", a, ok, tt.amount, tt.ok)
			}
			if got := tt.in.IsSet(); got != tt.set {
				t.Errorf("set: got %t, want %t", got, tt.set)
			}
			text, err := tt.in.MarshalText()
			if string(text) != tt.text || tt.in.String() != tt.text || err != nil {
				t.Errorf("got %q, %q, %v, want %q", text, tt.in, err, tt.text)
			}
			back := credits.Limit(99)
			if err := back.UnmarshalText(text); back != tt.in || err != nil {
				t.Errorf("back: got %d, %v, want %d", back, err, tt.in)
			}
		})
	}
}

func TestLimitNotValid(t *testing.T) {
	for _, a := range []credits.Amount{-1, credits.AmountMin, math.MinInt64, credits.AmountMax} {
		l := credits.AtMost(a)
		if got, ok := l.Amount(); got != 0 || !ok || !l.IsSet() {
			t.Errorf("A-5: AtMost(%d): lets %v, %t through, set %t", a, got, ok, l.IsSet())
		}
		if text, err := l.MarshalText(); faultOf(t, err) != over {
			t.Errorf("A-5: AtMost(%d): marshalled as %q, %v", a, text, err)
		}
	}
	for _, text := range []string{"-1", "-0.000001", "9223372036854.775807", "Unlimited", "none", " ", "1e3", "null"} {
		l := credits.AtMost(7)
		if err := l.UnmarshalText([]byte(text)); faultOf(t, err) == none || l != credits.AtMost(7) {
			t.Errorf("A-5: %q: got %v, %v", text, l, err)
		}
	}
}

func TestLimitJSON(t *testing.T) {
	type policy struct {
		A credits.Limit `json:"a,omitempty"`
		B credits.Limit `json:"b,omitempty"`
		C credits.Limit `json:"c,omitempty"`
	}
	in := policy{B: credits.AtMost(0), C: credits.Unlimited}
	out, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"b":"0","c":"unlimited"}`, string(out)); diff != "" {
		t.Errorf("A-5 (-want +got):\n%s", diff)
	}
	var back policy
	if err := json.Unmarshal(out, &back); err != nil || back != in {
		t.Errorf("A-5: back: got %+v, %v", back, err)
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{
		"0", "-0", "12.5", "9223372036854.775807", "9223372036854.775808", "-9223372036854.775808",
		"0.0000001", "1.50000000", "1e5", "+1", ".5", "5.", "00012", "1_0", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := credits.ParseAmount(s)
		if err != nil {
			if a != 0 || faultOf(t, err) == none {
				t.Fatalf("%q: got %d, %v", s, a, err)
			}
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || want.Cmp(big.NewRat(int64(a), int64(credits.Credit))) != 0 {
			t.Fatalf("%q: got %d", s, a)
		}
		if back, err := credits.ParseAmount(a.String()); back != a || err != nil {
			t.Fatalf("%q: back from %s: got %d, %v", s, a, back, err)
		}
		if back, err := credits.AmountOf(a.Decimal()); back != a || err != nil {
			t.Fatalf("%q: back from %v: got %d, %v", s, a.Decimal(), back, err)
		}
	})
}
