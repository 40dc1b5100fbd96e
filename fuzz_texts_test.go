package credits_test

import (
	"encoding"
	"testing"

	"example.com/credits"
)

// FuzzTexts shows that what a text form reads as is written as a text that reads as the same.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"", "30%", "12.5%", "unlimited", "0", "12.5", "first of month", "prorated", "plan first", "carry", "draw some", "up per factor", "30 days", "1 year"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		roundTrip[credits.Share](t, s)
		roundTrip[credits.Limit](t, s)
		roundTrip[credits.Span](t, s)
		roundTrip[credits.Anchor](t, s)
		roundTrip[credits.First](t, s)
		roundTrip[credits.Burn](t, s)
		roundTrip[credits.AtReset](t, s)
		roundTrip[credits.Over](t, s)
		roundTrip[credits.Rounding](t, s)
	})
}

func roundTrip[T comparable, P interface {
	*T
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}](t *testing.T, s string) {
	t.Helper()
	var v, again T
	if P(&v).UnmarshalText([]byte(s)) != nil {
		return
	}
	text, err := P(&v).MarshalText()
	if err != nil {
		t.Fatalf("%T read from %q does not marshal: %v", v, s, err)
	}
	if err := P(&again).UnmarshalText(text); err != nil || again != v {
		t.Fatalf("%T %q reads as %v, written %q, which reads as %v, %v", v, s, v, text, again, err)
	}
}
