package credits_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"example.com/credits"
	"github.com/google/go-cmp/cmp"
)

// place returns an IANA zone.
func place(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// moment parses an instant.
func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestPeriodContains(t *testing.T) {
	start, end := "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
	tests := []struct {
		rule, name, at string
		start, end     string
		want           bool
	}{
		{"T-1", "before", "2025-12-31T23:59:59.999999Z", start, end, false},
		{"T-1", "start", "2026-01-01T00:00:00Z", start, end, true},
		{"T-1", "start on other clocks", "2026-01-01T01:00:00+01:00", start, end, true},
		{"T-1, MK-01", "last microsecond", "2026-01-31T23:59:59.999999Z", start, end, true},
		{"T-1, MK-01", "end", "2026-02-01T00:00:00Z", start, end, false},
		{"T-1", "empty", start, start, start, false},
		{"T-1", "back to front", "2026-01-10T00:00:00Z", end, start, false},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.name, func(t *testing.T) {
			p := credits.Period{Start: moment(t, tt.start), End: moment(t, tt.end)}
			if got := p.Contains(moment(t, tt.at)); got != tt.want {
				t.Errorf("Contains(%s) = %v, want %v", tt.at, got, tt.want)
			}
		})
	}
}

func TestPeriodLastDay(t *testing.T) {
	tests := []struct {
		rule, zone, end string
		want            string
	}{
		{"FD-03, T-4", "Europe/Berlin", "2026-04-14T22:00:00Z", "2026-04-14T00:00:00+02:00"},
		{"FD-03, T-4", "UTC", "2026-04-15T00:00:00Z", "2026-04-14T00:00:00Z"},
		{"T-4", "Europe/Berlin", "2026-04-14T22:00:00.000001Z", "2026-04-15T00:00:00+02:00"},
		{"T-4", "Europe/Berlin", "2026-04-15T08:37:00Z", "2026-04-15T00:00:00+02:00"},
		{"T-4 half a microsecond is none", "UTC", "2026-04-15T00:00:00.0000005Z", "2026-04-14T00:00:00Z"},
		{"MK-01", "America/New_York", "2026-03-01T05:00:00Z", "2026-02-28T00:00:00-05:00"},
		{"T-3, T-4 a day that begins at 01:00", "America/Sao_Paulo", "2017-10-16T02:00:00Z", "2017-10-15T01:00:00-02:00"},
		{"T-3, T-4 no 30 December", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-29T00:00:00-10:00"},
		{"T-4 the last day", "UTC", "9999-12-31T23:59:59.999999Z", "9999-12-31T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.zone, func(t *testing.T) {
			p := credits.Period{End: moment(t, tt.end)}
			got := p.LastDay(place(t, tt.zone)).Format(time.RFC3339Nano)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("last day of what ends at %s (-want +got):\n%s", tt.end, diff)
			}
		})
	}
	got := credits.Period{End: moment(t, "2026-04-15T00:00:00+02:00")}.LastDay(nil)
	if want := moment(t, "2026-04-14T00:00:00Z"); got != want {
		t.Errorf("LastDay(nil) = %v, want %v: T-3, the default is UTC", got, want)
	}
}

func TestSpanAfter(t *testing.T) {
	tests := []struct {
		rule, zone, from string
		span             credits.Span
		want             string
	}{
		{"CF-01", "UTC", "2026-01-15T00:00:00Z", credits.Months(3), "2026-04-15T00:00:00Z"},
		{"CF-08", "UTC", "2026-01-10T12:00:00Z", credits.Days(30), "2026-02-09T12:00:00Z"},
		{"CF-08", "Europe/Berlin", "2026-03-10T12:00:00+01:00", credits.Days(30), "2026-04-09T12:00:00+02:00"},
		{"CF-08 autumn", "Europe/Berlin", "2026-10-10T12:00:00+02:00", credits.Days(30), "2026-11-09T12:00:00+01:00"},
		{"T-2 31 January", "UTC", "2026-01-31T10:00:00Z", credits.Months(1), "2026-02-28T10:00:00Z"},
		{"T-2 not from the clamped date", "UTC", "2026-01-31T10:00:00Z", credits.Months(2), "2026-03-31T10:00:00Z"},
		{"T-2 leap year", "UTC", "2024-01-31T10:00:00Z", credits.Months(1), "2024-02-29T10:00:00Z"},
		{"T-2 leap day", "UTC", "2024-02-29T10:00:00Z", credits.Years(1), "2025-02-28T10:00:00Z"},
		{"T-2 leap day", "UTC", "2024-02-29T10:00:00Z", credits.Years(4), "2028-02-29T10:00:00Z"},
		{"T-2 the local date counts", "Asia/Tokyo", "2026-01-30T16:00:00Z", credits.Months(1), "2026-02-27T16:00:00Z"},
		{"T-3 gap", "Europe/Berlin", "2026-02-28T02:30:00+01:00", credits.Days(29), "2026-03-29T03:00:00+02:00"},
		{"T-3 fold", "Europe/Berlin", "2026-09-25T02:30:00+02:00", credits.Months(1), "2026-10-25T02:30:00+02:00"},
		{"T-3 from the second of a fold", "Europe/Berlin", "2026-10-25T02:30:00+01:00", credits.Days(1), "2026-10-26T02:30:00+01:00"},
		{"T-3 midnight in a gap", "America/Sao_Paulo", "2017-09-15T00:00:00-03:00", credits.Months(1), "2017-10-15T01:00:00-02:00"},
		{"T-3 no such day", "Pacific/Apia", "2011-12-29T12:00:00-10:00", credits.Days(1), "2011-12-31T00:00:00+14:00"},
		{"T-3 microseconds", "UTC", "2026-01-01T00:00:00.123456789Z", credits.Days(1), "2026-01-02T00:00:00.123456Z"},
		{"T-2 bound", "UTC", "9999-12-31T00:00:00Z", credits.Days(1), "9999-12-31T23:59:59.999999Z"},
		{"T-2 bound", "UTC", "9999-01-01T00:00:00Z", credits.Years(100), "9999-12-31T23:59:59.999999Z"},
		{"T-2 bound", "Pacific/Kiritimati", "9999-12-31T00:00:00Z", credits.Days(1), "9999-12-31T23:59:59.999999Z"},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.zone+" "+tt.span.String(), func(t *testing.T) {
			got, ok := tt.span.After(moment(t, tt.from), place(t, tt.zone))
			want := moment(t, tt.want)
			if !ok || !got.Equal(want) {
				t.Errorf("%v after %s = %v, %v, want %v", tt.span, tt.from, got, ok, want.UTC())
			}
			if got.Location() != time.UTC {
				t.Errorf("in %v, want UTC", got.Location())
			}
		})
	}
}

// CF-08: thirty civil days over the change to summer time are 719 hours.
func TestSpanAfterHours(t *testing.T) {
	bought := moment(t, "2026-03-10T12:00:00+01:00")
	dead, _ := credits.Days(30).After(bought, place(t, "Europe/Berlin"))
	if got := dead.Sub(bought); got != 719*time.Hour {
		t.Errorf("lived %v, want 719h", got)
	}
	if dead, _ = credits.Days(30).After(bought, nil); dead.Sub(bought) != 720*time.Hour {
		t.Errorf("lived %v in no zone, want 720h of UTC", dead.Sub(bought))
	}
}

func TestSpanAfterNoLength(t *testing.T) {
	at := moment(t, "2026-01-01T00:00:00Z")
	for _, span := range []credits.Span{
		0, credits.ForCycle, credits.ForTerm, credits.Forever, -1, 6, 7, math.MaxInt32, math.MinInt32,
		credits.Days(0), credits.Days(36_501), credits.Months(-1), credits.Months(1_201), credits.Years(101),
	} {
		if got, ok := span.After(at, time.UTC); ok || !got.IsZero() {
			t.Errorf("%d: After = %v, %v, want none", int32(span), got, ok)
		}
	}
}

func TestSpanAfterExtremes(t *testing.T) {
	zones := []*time.Location{nil, time.UTC, place(t, "Asia/Tokyo"), place(t, "America/New_York"), time.FixedZone("far", 100*60*60)}
	for _, at := range []time.Time{{}, time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 0), time.Unix(-1<<60, 999_999_999), time.Unix(1<<60, 1)} {
		for _, zone := range zones {
			for _, span := range []credits.Span{credits.Days(1), credits.Days(36_500), credits.Years(100)} {
				got, ok := span.After(at, zone)
				if year := got.Year(); !ok || year < 0 || year > 9999 {
					t.Errorf("%v after %v in %v = %v, %v, want a time to year 9999", span, at, zone, got, ok)
				}
			}
		}
	}
}

func TestSpanText(t *testing.T) {
	tests := []struct {
		text string
		want credits.Span
		back string // if not text
	}{
		{"1 day", credits.Days(1), ""},
		{"2 days", credits.Days(2), ""},
		{"30 days", credits.Days(30), ""},
		{"365 days", credits.Days(365), ""},
		{"36500 days", credits.Days(36_500), ""},
		{"1 month", credits.Months(1), ""},
		{"3 months", credits.Months(3), ""},
		{"18 months", credits.Months(18), ""},
		{"12 months", credits.Years(1), "1 year"},
		{"1 year", credits.Months(12), ""},
		{"2 years", credits.Months(24), ""},
		{"100 years", credits.Months(1_200), ""},
		{"1200 months", credits.Years(100), "100 years"},
		{"cycle", credits.ForCycle, ""},
		{"term", credits.ForTerm, ""},
		{"forever", credits.Forever, ""},
	}
	seen := map[credits.Span]string{}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := credits.ParseSpan(tt.text)
			if err != nil || got != tt.want || got == 0 {
				t.Fatalf("ParseSpan = %v, %v, want %v", got, err, tt.want)
			}
			if err := got.Validate(); err != nil {
				t.Errorf("Validate: %v", err)
			}
			back := tt.back
			if back == "" {
				back = tt.text
				if other, ok := seen[got]; ok {
					t.Errorf("equals %q", other)
				}
				seen[got] = tt.text
			}
			if diff := cmp.Diff(back, got.String()); diff != "" {
				t.Errorf("String (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseSpanInvalid(t *testing.T) {
	for _, text := range []string{
		"", " ", "0 days", "-1 days", "+1 day", "01 day", "1 days", "2 day", "1  day", " 1 day", "1 day ", "1day", "day",
		"30", "30 ", "30 s", "1.5 days", "1 Day", "1 week", "1 dayss", "٣ days", "1e3 days", "0x1 days", "1_000 days",
		"36501 days", "0 months", "1201 months", "0 years", "101 years", "9223372036854775807 years",
		"9223372036854775808 days", "4294967297 days", "2147483648 months",
		"Cycle", "CYCLE", "cycles", "for cycle", "unset", "span 7", "1 day\x00", strings.Repeat("9", 1<<20) + " days",
	} {
		got, err := credits.ParseSpan(text)
		if len(text) > 40 {
			text = text[:40]
		}
		var invalid *credits.InvalidError
		if !errors.As(err, &invalid) || !errors.Is(err, credits.ErrInvalid) || got != 0 {
			t.Errorf("ParseSpan(%q) = %v, %v, want an InvalidError", text, got, err)
		} else if len(err.Error()) > 100 {
			t.Errorf("ParseSpan(%q): an error of %d bytes", text, len(err.Error()))
		}
	}
}

func TestSpanValidate(t *testing.T) {
	tests := []struct {
		name string
		span credits.Span
		ok   bool
	}{
		{"unset", 0, false},
		{"0 days", credits.Days(0), false},
		{"-1 days", credits.Days(-1), false},
		{"least days", credits.Days(math.MinInt), false},
		{"1 day", credits.Days(1), true},
		{"36500 days", credits.Days(36_500), true},
		{"36501 days", credits.Days(36_501), false},
		{"most days", credits.Days(math.MaxInt), false},
		{"days that wrap to 1", credits.Days(1<<29 + 1), false},
		{"0 months", credits.Months(0), false},
		{"-12 months", credits.Months(-12), false},
		{"1200 months", credits.Months(1_200), true},
		{"1201 months", credits.Months(1_201), false},
		{"most months", credits.Months(math.MaxInt), false},
		{"0 years", credits.Years(0), false},
		{"-1 years", credits.Years(-1), false},
		{"100 years", credits.Years(100), true},
		{"101 years", credits.Years(101), false},
		{"most years", credits.Years(math.MaxInt), false},
		{"least years", credits.Years(math.MinInt), false},
		{"years that wrap to 1", credits.Years(math.MaxInt/2 + 2), false},
		{"cycle", credits.ForCycle, true},
		{"term", credits.ForTerm, true},
		{"forever", credits.Forever, true},
		{"no kind", 6, false},
		{"a counted cycle", 1<<3 | credits.ForCycle, false},
		{"negative", -7, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.span.Validate()
			if (err == nil) != tt.ok {
				t.Fatalf("Validate = %v, want ok %v", err, tt.ok)
			}
			if err != nil && !errors.Is(err, credits.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			if _, marshalled := tt.span.MarshalText(); (marshalled == nil) != (tt.ok || tt.span == 0) {
				t.Errorf("MarshalText: %v", marshalled)
			}
			if text := tt.span.String(); !tt.ok {
				if back, err := credits.ParseSpan(text); err == nil {
					t.Errorf("its text %q is that of %v", text, back)
				}
			}
		})
	}
}

func TestCalendarJSON(t *testing.T) {
	type terms struct {
		Live  credits.Span   `json:"live"`
		Reset credits.Anchor `json:"reset"`
		None  credits.Span   `json:"none,omitzero"`
	}
	for _, tt := range []struct {
		text string
		want terms
	}{
		{`{"live":"30 days","reset":"first of month"}`, terms{Live: credits.Days(30), Reset: credits.FirstOfMonth}},
		{`{"live":"forever","reset":"anniversary day"}`, terms{Live: credits.Forever, Reset: credits.AnniversaryDay}},
		{`{"live":"1 year","reset":"anniversary"}`, terms{Live: credits.Years(1), Reset: credits.Anniversary}},
		{`{"live":"","reset":""}`, terms{}},
	} {
		// What was there before must go.
		got := terms{Live: credits.ForCycle, Reset: credits.FirstOfMonth}
		if err := json.Unmarshal([]byte(tt.text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
		back, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.text, string(back)); diff != "" {
			t.Errorf("back (-want +got):\n%s", diff)
		}
	}
	kept := terms{Live: credits.Days(3), Reset: credits.FirstOfMonth}
	for _, bad := range []string{"3 fortnights", "First of month", "anniversary ", "0", strings.Repeat("x", 200)} {
		got := kept
		if err := got.Live.UnmarshalText([]byte(bad)); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("a span %q: %v, want ErrInvalid", bad, err)
		}
		if err := got.Reset.UnmarshalText([]byte(bad)); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("an anchor %q: %v, want ErrInvalid", bad, err)
		} else if len(err.Error()) > 100 {
			t.Errorf("an anchor %.20q: an error of %d bytes", bad, len(err.Error()))
		}
		if diff := cmp.Diff(kept, got); diff != "" {
			t.Errorf("%q changed something (-want +got):\n%s", bad, diff)
		}
	}
	if _, err := (credits.FirstOfMonth + 1).MarshalText(); !errors.Is(err, credits.ErrInvalid) {
		t.Errorf("MarshalText of no anchor: %v, want ErrInvalid", err)
	}
	if got := (credits.FirstOfMonth + 1).String(); got != "anchor 4" {
		t.Errorf("String of no anchor: %q", got)
	}
}

func ExampleSpan_After() {
	bought := time.Date(2026, time.March, 10, 11, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Clocks go forward in between: thirty days are 719 hours.
	dead, ok := credits.Days(30).After(bought, berlin)
	fmt.Println(dead.In(berlin), ok)
	fmt.Println(dead.Sub(bought))

	_, ok = credits.ForCycle.After(bought, berlin)
	fmt.Println(ok)
	// Output:
	// 2026-04-09 12:00:00 +0200 CEST true
	// 719h0m0s
	// false
}

func ExamplePeriod_LastDay() {
	cycle := credits.Period{
		Start: time.Date(2026, time.March, 15, 0, 0, 0, 0, time.UTC),
		End:   time.Date(2026, time.April, 15, 0, 0, 0, 0, time.UTC),
	}
	fmt.Println(cycle.Contains(cycle.End))
	fmt.Println(cycle.LastDay(time.UTC).Format("2 January"))
	// Output:
	// false
	// 14 April
}

func FuzzParseSpan(f *testing.F) {
	for _, text := range []string{"1 day", "30 days", "1 month", "12 months", "100 years", "cycle", "term", "forever", "", "36501 days", "01 day"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		span, err := credits.ParseSpan(text)
		if err != nil {
			if span != 0 || !errors.Is(err, credits.ErrInvalid) {
				t.Fatalf("%v, %v: want no span and ErrInvalid", span, err)
			}
			return
		}
		if err := span.Validate(); err != nil {
			t.Fatalf("parsed, yet %v", err)
		}
		if back, err := credits.ParseSpan(span.String()); err != nil || back != span {
			t.Fatalf("%v is read back as %v, %v", span, back, err)
		}
		_, ok := span.After(time.Unix(0, 0), time.UTC)
		if depends := span == credits.ForCycle || span == credits.ForTerm || span == credits.Forever; ok == depends {
			t.Fatalf("After = %v", ok)
		}
	})
}
