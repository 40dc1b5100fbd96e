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
)

func TestRateCost(t *testing.T) {
	const credit = credits.Credit
	perFifty := func(round credits.Rounding) credits.Rate {
		r := credits.Rate{Credits: credit, Per: 50, Round: round, Factors: []string{"fields"}}
		if round == credits.RoundUpPer {
			r.RoundPer = "fields"
		}
		return r
	}
	fields := func(n int64) map[string]int64 { return map[string]int64{"fields": n} }
	byLabel := credits.Rate{Cases: []credits.RateCase{
		{Labels: map[string]string{"type": "video", "quality": "high"}, Credits: 5 * credit},
		{Labels: map[string]string{"type": "video"}, Credits: credit, Per: 2},
		{Labels: map[string]string{"type": "preview"}, Free: true},
	}}
	withDefault := byLabel
	withDefault.Credits, withDefault.Per = credit, 10
	video := map[string]string{"type": "video", "team": "red"}

	tests := []struct {
		name     string
		rate     credits.Rate
		quantity int64
		factors  map[string]int64
		labels   map[string]string
		want     credits.Amount
	}{
		{"FD-06/dynamic video", credits.Rate{Credits: credit}, 1, nil, nil, credit},
		{"FD-06/2 images", credits.Rate{Credits: credit, Per: 2}, 2, nil, nil, credit},
		{"FD-06/3 fields x 50 products", perFifty(0), 50, fields(3), nil, 3 * credit},
		{"FD-06/1 field x 100 products", perFifty(0), 100, fields(1), nil, 2 * credit},
		{"FD-06/3 x 120 exact", perFifty(credits.Exact), 120, fields(3), nil, 7_200_000},
		{"FD-06/3 x 120 up", perFifty(credits.RoundUp), 120, fields(3), nil, 8 * credit},
		{"FD-06/3 x 120 up per field", perFifty(credits.RoundUpPer), 120, fields(3), nil, 9 * credit},
		{"CF-04/10 reviews", credits.Rate{Credits: credit, Per: 10}, 10, nil, nil, credit},
		{"CF-04/7 reviews", credits.Rate{Credits: credit, Per: 10}, 7, nil, nil, 700_000},
		{"CF-04/50 reviews", credits.Rate{Credits: credit, Per: 10}, 50, nil, nil, 5 * credit},
		{"A-2/up by a microcredit", credits.Rate{Credits: 1_000_001, Round: credits.RoundUp}, 1, nil, nil, 2 * credit},
		{"A-2/up from a whole credit", credits.Rate{Credits: credit, Per: 3, Round: credits.RoundUp}, 6, nil, nil, 2 * credit},
		{"A-2/up from 1 per 3", credits.Rate{Credits: credit, Per: 3, Round: credits.RoundUp}, 7, nil, nil, 3 * credit},
		{"A-2/up per one of two factors", credits.Rate{
			Credits: credit, Per: 10, Round: credits.RoundUpPer, RoundPer: "pages", Factors: []string{"languages", "pages"},
		}, 3, map[string]int64{"pages": 4, "languages": 7}, nil, 12 * credit},
		{"A-2/first case", byLabel, 3, nil, map[string]string{"type": "video", "quality": "high"}, 15 * credit},
		{"A-2/second case", byLabel, 3, nil, video, 1_500_000},
		{"A-2/free case", byLabel, 3, nil, map[string]string{"type": "preview"}, 0},
		{"A-2/default", withDefault, 3, nil, map[string]string{"type": "text"}, 300_000},
		{"A-2/case without per beside a default with one", withDefault, 3, nil, map[string]string{"type": "video", "quality": "high"}, 15 * credit},
		{"A-2/free", credits.Rate{Free: true}, math.MaxInt64, nil, nil, 0},
		{"A-1/at the bound", credits.Rate{Credits: 7}, math.MaxInt64 / 7, nil, nil, credits.AmountMax},
		{"A-1/at the bound of whole credits", credits.Rate{Credits: credit, Round: credits.RoundUp}, 9_223_372_036_854, nil, nil, 9_223_372_036_854 * credit},
		{"A-1/largest product", credits.Rate{Credits: credit, Per: 1_000_000, Factors: []string{"a"}}, math.MaxInt64 / 7, map[string]int64{"a": 7}, nil, credits.AmountMax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.rate.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := tt.rate.Cost(tt.quantity, tt.factors, tt.labels)
			if got != tt.want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestRateCostRefused(t *testing.T) {
	const credit = credits.Credit
	two := credits.Rate{Credits: credit, Factors: []string{"fields", "pages"}}
	cases := credits.Rate{Cases: []credits.RateCase{{Labels: map[string]string{"type": ""}, Credits: credit}}}
	ok := map[string]int64{"fields": 1, "pages": 1}
	tests := []struct {
		name     string
		rate     credits.Rate
		quantity int64
		factors  map[string]int64
		labels   map[string]string
		field    string
		fault    fault
	}{
		{"A-5/quantity 0", credits.Rate{Credits: credit}, 0, nil, nil, "quantity", bad},
		{"A-5/quantity 0 of a free feature", credits.Rate{Free: true}, 0, nil, nil, "quantity", bad},
		{"negative quantity", credits.Rate{Credits: credit}, math.MinInt64, nil, nil, "quantity", bad},
		{"A-5/factor 0", two, 1, map[string]int64{"fields": 0, "pages": 1}, nil, "factors.fields", bad},
		{"negative factor", two, 1, map[string]int64{"fields": 1, "pages": -1}, nil, "factors.pages", bad},
		{"missing factor", two, 1, map[string]int64{"fields": 1}, nil, "factors.pages", bad},
		{"no factors", two, 1, nil, nil, "factors.fields", bad},
		{"factor too many", credits.Rate{Credits: credit}, 1, ok, nil, "factors.fields", bad},
		{"another factor", two, 1, map[string]int64{"fields": 1, "pages": 1, "images": 1}, nil, "factors.images", bad},
		{"A-2/no case applies", cases, 1, nil, map[string]string{"type": "video"}, "labels", bad},
		{"A-5/label that is not there is not empty", cases, 1, nil, map[string]string{"kind": ""}, "labels", bad},
		{"A-2/no price at all", credits.Rate{}, 1, nil, nil, "credits", bad},
		{"A-2/negative price", credits.Rate{Credits: -1}, 1, nil, nil, "credits", bad},
		{"A-2/both price and free", credits.Rate{Credits: 1, Free: true}, 1, nil, nil, "credits", bad},
		{"A-2/1 per 3 is not exact", credits.Rate{Credits: credit, Per: 3}, 3, nil, nil, "credits", bad},
		{"negative per", credits.Rate{Credits: credit, Per: -3}, 3, nil, nil, "credits", bad},
		{"unknown rounding", credits.Rate{Credits: credit, Round: 9}, 1, nil, nil, "round", bad},
		{"rounding per no factor", credits.Rate{Credits: credit, Round: credits.RoundUpPer, RoundPer: "x"}, 1, nil, nil, "roundPer", bad},
		{"A-1/beyond the bound", credits.Rate{Credits: 7}, math.MaxInt64/7 + 1, nil, nil, "quantity", over},
		{"A-1/beyond the bound by rounding up", credits.Rate{Credits: credit, Round: credits.RoundUp}, 9_223_372_036_855, nil, nil, "quantity", over},
		{"A-1/beyond the bound by rounding up per factor", credits.Rate{
			Credits: 1, Round: credits.RoundUpPer, RoundPer: "fields", Factors: []string{"fields"},
		}, 1, map[string]int64{"fields": 9_223_372_036_855}, nil, "quantity", over},
		{"A-1/product beyond the bound", two, math.MaxInt64, map[string]int64{"fields": 2, "pages": 1}, nil, "quantity", over},
		{"A-1/product beyond the bound of a free feature", credits.Rate{Free: true, Factors: []string{"a"}}, math.MaxInt64, map[string]int64{"a": 2}, nil, "quantity", over},
		{"per that wraps round", credits.Rate{Credits: credit, Per: 1 << 50, Round: credits.RoundUp}, 1, nil, nil, "quantity", over},
		{"per beyond its bound", credits.Rate{Credits: credit, Per: math.MaxInt64, Round: credits.RoundUp}, 1, nil, nil, "quantity", over},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.rate.Cost(tt.quantity, tt.factors, tt.labels)
			if f := faultOf(t, err); f != tt.fault || got != 0 {
				t.Fatalf("got %v, %v, want fault %d", got, err, tt.fault)
			}
			var e *credits.InvalidError
			if errors.As(err, &e); e.Field != tt.field {
				t.Errorf("got field %q, want %q", e.Field, tt.field)
			}
		})
	}
}

func TestRateValidate(t *testing.T) {
	const credit = credits.Credit
	type labels = map[string]string
	one := labels{"type": "video"}
	many := func(n int) labels {
		l := labels{}
		for i := range n {
			l[fmt.Sprint(i)] = ""
		}
		return l
	}
	names := func(n int) []string {
		var s []string
		for i := range n {
			s = append(s, fmt.Sprint(i))
		}
		return s
	}
	rateCases := func(n int) []credits.RateCase {
		var cases []credits.RateCase
		for i := range n {
			cases = append(cases, credits.RateCase{Labels: labels{"n": fmt.Sprint(i)}, Free: true})
		}
		return cases
	}
	tests := []struct {
		name string
		in   credits.Rate
		want []string // fields of faults
	}{
		{"A-2/price", credits.Rate{Credits: credit}, nil},
		{"A-2/free", credits.Rate{Free: true}, nil},
		{"A-2/cases alone", credits.Rate{Cases: []credits.RateCase{{Labels: one, Credits: credit}}}, nil},
		{"A-2/missing price", credits.Rate{}, []string{"credits"}},
		{"A-2/negative price", credits.Rate{Credits: -1}, []string{"credits"}},
		{"A-2/both price and free", credits.Rate{Credits: 1, Free: true}, []string{"free"}},
		{"A-2/1 per 3 exact", credits.Rate{Credits: credit, Per: 3, Round: credits.Exact}, []string{"credits"}},
		{"A-2/1 per 3 unset", credits.Rate{Credits: credit, Per: 3}, []string{"credits"}},
		{"A-2/1 per 3 up", credits.Rate{Credits: credit, Per: 3, Round: credits.RoundUp}, nil},
		{"A-2/3 per 3", credits.Rate{Credits: 3 * credit, Per: 3}, nil},
		{"per of a free rate", credits.Rate{Free: true, Per: 2}, []string{"per"}},
		{"per without credits", credits.Rate{Per: 2, Cases: []credits.RateCase{{Labels: one, Credits: credit}}}, []string{"per"}},
		{"negative per", credits.Rate{Credits: credit, Per: -1}, []string{"per"}},
		{"per at the bound", credits.Rate{Credits: credit, Per: 1_000_000_000_000, Round: credits.RoundUp}, nil},
		{"per beyond the bound", credits.Rate{Credits: credit, Per: 1_000_000_000_001, Round: credits.RoundUp}, []string{"per"}},
		{"64 bytes of unit", credits.Rate{Unit: credits.Unit(strings.Repeat("u", 64)), Free: true}, nil},
		{"65 bytes of unit", credits.Rate{Unit: credits.Unit(strings.Repeat("u", 65)), Free: true}, []string{"unit"}},
		{"unknown rounding", credits.Rate{Credits: credit, Round: 4}, []string{"round"}},
		{"roundPer of another rounding", credits.Rate{Credits: credit, Factors: names(1), RoundPer: "0"}, []string{"roundPer"}},
		{"roundPer missing", credits.Rate{Credits: credit, Factors: names(1), Round: credits.RoundUpPer}, []string{"roundPer"}},
		{"roundPer of another factor", credits.Rate{Credits: credit, Factors: names(1), Round: credits.RoundUpPer, RoundPer: "1"}, []string{"roundPer"}},
		{"8 factors", credits.Rate{Credits: credit, Factors: names(8)}, nil},
		{"9 factors", credits.Rate{Credits: credit, Factors: names(9)}, []string{"factors"}},
		{"factor twice", credits.Rate{Credits: credit, Factors: []string{"a", "a"}}, []string{"factors[1]"}},
		{"factor without name", credits.Rate{Credits: credit, Factors: []string{""}}, []string{"factors[0]"}},
		{"64 bytes of factor", credits.Rate{Credits: credit, Factors: []string{strings.Repeat("f", 64)}}, nil},
		{"65 bytes of factor", credits.Rate{Credits: credit, Factors: []string{strings.Repeat("f", 65)}}, []string{"factors[0]"}},
		{"100 cases", credits.Rate{Cases: rateCases(100)}, nil},
		{"101 cases", credits.Rate{Cases: rateCases(101)}, []string{"cases"}},
		{"16 labels", credits.Rate{Cases: []credits.RateCase{{Labels: many(16), Free: true}}}, nil},
		{"17 labels", credits.Rate{Cases: []credits.RateCase{{Labels: many(17), Free: true}}}, []string{"cases[0].labels"}},
		{"no labels", credits.Rate{Cases: []credits.RateCase{{Free: true}}}, []string{"cases[0].labels"}},
		{"label without name", credits.Rate{Cases: []credits.RateCase{{Labels: labels{"": "x"}, Free: true}}}, []string{"cases[0].labels"}},
		{"64 + 256 bytes of label", credits.Rate{Cases: []credits.RateCase{
			{Labels: labels{strings.Repeat("n", 64): strings.Repeat("v", 256)}, Free: true},
		}}, nil},
		{"65 bytes of label's name", credits.Rate{Cases: []credits.RateCase{
			{Labels: labels{strings.Repeat("n", 65): ""}, Free: true},
		}}, []string{"cases[0].labels"}},
		{"257 bytes of label's value", credits.Rate{Cases: []credits.RateCase{
			{Labels: labels{"type": strings.Repeat("v", 257)}, Free: true},
		}}, []string{"cases[0].labels.type"}},
		{"A-2/price of a case", credits.Rate{Credits: credit, Cases: []credits.RateCase{
			{Labels: labels{"type": "a"}, Credits: credit},
			{Labels: labels{"type": "b"}},
			{Labels: labels{"type": "c"}, Credits: credit, Per: 3},
		}}, []string{"cases[1].credits", "cases[2].credits"}},
		{"case that never applies", credits.Rate{Cases: []credits.RateCase{
			{Labels: one, Credits: credit},
			{Labels: labels{"type": "video", "quality": "high"}, Credits: 2 * credit},
		}}, []string{"cases[1].labels"}},
		{"case after one with more labels", credits.Rate{Cases: []credits.RateCase{
			{Labels: labels{"type": "video", "quality": "high"}, Credits: 2 * credit},
			{Labels: one, Credits: credit},
		}}, nil},
		{"all faults", credits.Rate{
			Unit: "\xff", Credits: -1, Per: -1, RoundPer: "x", Factors: []string{""},
			Cases: []credits.RateCase{{Labels: one, Credits: 1, Free: true}},
		}, []string{"unit", "credits", "per", "roundPer", "factors[0]", "cases[0].free"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.in.Validate()
			if diff := cmp.Diff(tt.want, fieldsOf(t, err)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestRateJSON(t *testing.T) {
	tests := []struct {
		name string
		in   credits.Rate
		want string
	}{
		{"plain", credits.Rate{Credits: credits.Credit}, `{"credits":"1"}`},
		{"A-5/free", credits.Rate{Free: true}, `{"free":true}`},
		{"everything", credits.Rate{
			Unit: "gigabytes", Credits: credits.Credit / 2, Per: 50, Round: credits.RoundUpPer, RoundPer: "fields", Factors: []string{"fields"},
			Cases: []credits.RateCase{{Labels: map[string]string{"b": "2", "a": "1"}, Credits: 1, Per: 2}, {Labels: map[string]string{"c": ""}, Free: true}},
		}, `{"unit":"gigabytes","credits":"0.5","per":50,"round":"up per factor","roundPer":"fields","factors":["fields"],` +
			`"cases":[{"labels":{"a":"1","b":"2"},"credits":"0.000001","per":2},{"labels":{"c":""},"free":true}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := json.Marshal(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var back credits.Rate
			if err := json.Unmarshal(out, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.in, back); diff != "" {
				t.Errorf("back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRounding(t *testing.T) {
	tests := []struct {
		name string
		in   credits.Rounding
		text string
	}{
		{"A-5/unset", 0, ""},
		{"A-2/exact", credits.Exact, "exact"},
		{"A-2/up", credits.RoundUp, "up"},
		{"A-2/up per factor", credits.RoundUpPer, "up per factor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := tt.in.MarshalText()
			if string(text) != tt.text || tt.in.String() != tt.text || err != nil {
				t.Errorf("got %q, %q, %v, want %q", text, tt.in, err, tt.text)
			}
			back := credits.Rounding(99)
			if err := back.UnmarshalText(text); back != tt.in || err != nil {
				t.Errorf("back: got %d, %v", back, err)
			}
		})
	}
	if text, err := credits.Rounding(4).MarshalText(); faultOf(t, err) != bad {
		t.Errorf("unknown: marshalled as %q, %v", text, err)
	}
	r := credits.RoundUp
	if err := r.UnmarshalText([]byte("Up")); faultOf(t, err) != bad || r != credits.RoundUp {
		t.Errorf("unknown: got %v, %v", r, err)
	}
}

func TestRateCostAllocations(t *testing.T) {
	plain := credits.Rate{Credits: credits.Credit, Per: 10}
	full := credits.Rate{
		Credits: credits.Credit, Per: 50, Round: credits.RoundUpPer, RoundPer: "fields", Factors: []string{"fields"},
		Cases: []credits.RateCase{{Labels: map[string]string{"type": "video"}, Credits: credits.Credit}},
	}
	factors, labels := map[string]int64{"fields": 3}, map[string]string{"type": "text"}
	n := testing.AllocsPerRun(100, func() {
		if _, err := plain.Cost(7, nil, nil); err != nil {
			t.Error(err)
		}
		if _, err := full.Cost(120, factors, labels); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func FuzzRateCost(f *testing.F) {
	f.Add(int64(1_000_000), int64(50), uint8(1), int64(120), int64(3), int64(1))
	f.Add(int64(1_000_000), int64(50), uint8(2), int64(120), int64(3), int64(1))
	f.Add(int64(1_000_000), int64(50), uint8(3), int64(120), int64(3), int64(1))
	f.Add(int64(1_000_000), int64(3), uint8(0), int64(3), int64(1), int64(1))
	f.Add(int64(1_000_000), int64(3), uint8(2), int64(math.MaxInt64), int64(1), int64(1))
	f.Add(int64(7), int64(0), uint8(0), int64(math.MaxInt64/7), int64(1), int64(1))
	f.Add(int64(7), int64(1), uint8(1), int64(math.MaxInt64/7+1), int64(1), int64(1))
	f.Add(int64(1), int64(1_000_000_000_000), uint8(3), int64(1<<31), int64(1<<31), int64(1))
	f.Fuzz(func(t *testing.T, price, per int64, round uint8, quantity, fields, pages int64) {
		rate := credits.Rate{Credits: credits.Amount(price), Per: per, Round: credits.Rounding(round), Factors: []string{"fields", "pages"}}
		if rate.Round == credits.RoundUpPer {
			rate.RoundPer = "fields"
		}
		got, err := rate.Cost(quantity, map[string]int64{"fields": fields, "pages": pages}, nil)
		invalid := rate.Validate()
		if err != nil && (got != 0 || faultOf(t, err) == none) {
			t.Fatalf("got %v, %v", got, err)
		}
		if invalid != nil {
			return
		}
		want := costOf(price, max(per, 1), rate.Round, quantity, fields, pages)
		if (want == nil) != (err != nil) || err == nil && want.Cmp(big.NewInt(int64(got))) != 0 {
			t.Fatalf("got %d, %v, want %v", got, err, want)
		}
	})
}

// costOf returns what quantity x fields x pages cost, or nil if it is not to be had.
func costOf(price, per int64, round credits.Rounding, quantity, fields, pages int64) *big.Int {
	if quantity < 1 || fields < 1 || pages < 1 {
		return nil
	}
	n := new(big.Int).Mul(big.NewInt(quantity), big.NewInt(pages))
	times := big.NewInt(fields)
	if !new(big.Int).Mul(n, times).IsInt64() {
		return nil
	}
	if round != credits.RoundUpPer {
		n.Mul(n, times)
		times.SetInt64(1)
	}
	step := big.NewInt(1)
	if round == credits.RoundUp || round == credits.RoundUpPer {
		step.SetInt64(int64(credits.Credit))
	}
	n.Mul(n, big.NewInt(price))
	steps, rest := new(big.Int).QuoRem(n, new(big.Int).Mul(big.NewInt(per), step), new(big.Int))
	if rest.Sign() > 0 {
		steps.Add(steps, big.NewInt(1))
	}
	cost := steps.Mul(steps, step)
	if cost.Mul(cost, times); !cost.IsInt64() {
		return nil
	}
	return cost
}
