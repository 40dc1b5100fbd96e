package credits

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// texts returns the first n instants of a schedule in its zone.
func texts(s schedule, n int) []string {
	var out []string
	for i := range n {
		out = append(out, local(s.Instant(i), s.Zone).Format(time.RFC3339Nano))
	}
	return out
}

// instantsTest is a schedule and its first instants.
type instantsTest struct {
	rule, zone, anchor string
	every              Span
	by                 Anchor
	want               []string
}

func anniversaryTests() []instantsTest {
	return []instantsTest{
		{"T-2 31 January", "UTC", "2026-01-31T10:00:00Z", Months(1), Anniversary, []string{
			"2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", "2026-05-31T10:00:00Z",
		}},
		{"T-2 29 February", "UTC", "2024-02-29T00:00:00Z", Years(1), Anniversary, []string{
			"2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z",
		}},
		{"T-4 unset is an anniversary", "Europe/Berlin", "2026-01-30T02:30:00+01:00", Months(1), 0, []string{
			"2026-01-30T02:30:00+01:00", "2026-02-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00",
		}},
		{"T-3 a gap does not last", "Europe/Berlin", "2026-02-28T02:30:00+01:00", Days(29), Anniversary, []string{
			"2026-02-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-04-27T02:30:00+02:00",
		}},
		{"T-3 anchored in the second of a fold", "Europe/Berlin", "2025-10-26T02:30:00.25+01:00", Years(1), Anniversary, []string{
			"2025-10-26T02:30:00.25+01:00", "2026-10-26T02:30:00.25+01:00",
		}},
		{"FD-03, T-4 the start of the day", "Europe/Berlin", "2026-03-15T10:37:00+01:00", Months(1), AnniversaryDay, []string{
			"2026-03-15T00:00:00+01:00", "2026-04-15T00:00:00+02:00", "2026-05-15T00:00:00+02:00",
		}},
		{"T-2, T-4 days clamp", "Europe/Berlin", "2026-01-31T10:37:00+01:00", Months(1), AnniversaryDay, []string{
			"2026-01-31T00:00:00+01:00", "2026-02-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00",
		}},
		{"T-3 a day without midnight", "America/Sao_Paulo", "2017-10-15T10:00:00-02:00", Days(1), AnniversaryDay, []string{
			"2017-10-15T01:00:00-02:00", "2017-10-16T00:00:00-02:00",
		}},
		{"T-3 no 30 December, single days", "Pacific/Apia", "2011-12-29T10:00:00-10:00", Days(1), AnniversaryDay, []string{
			"2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00",
		}},
	}
}

func calendarTests() []instantsTest {
	return []instantsTest{
		{"GN-03 monthly", "Asia/Tokyo", "2026-01-31T23:59:59.999999+09:00", Months(1), FirstOfMonth, []string{
			"2026-01-31T23:59:59.999999+09:00", "2026-02-01T00:00:00+09:00", "2026-03-01T00:00:00+09:00",
		}},
		{"GN-03 from a boundary", "Asia/Tokyo", "2026-02-01T00:00:00+09:00", Months(1), FirstOfMonth, []string{
			"2026-02-01T00:00:00+09:00", "2026-03-01T00:00:00+09:00",
		}},
		{"GN-03 just after a boundary", "Asia/Tokyo", "2026-02-01T00:00:00.000001+09:00", Months(1), FirstOfMonth, []string{
			"2026-02-01T00:00:00.000001+09:00", "2026-03-01T00:00:00+09:00",
		}},
		{"T-4 quarters", "UTC", "2026-02-20T08:00:00Z", Months(3), FirstOfMonth, []string{
			"2026-02-20T08:00:00Z", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z",
		}},
		{"T-4 calendar years", "America/New_York", "2026-01-01T00:00:00-05:00", Years(1), FirstOfMonth, []string{
			"2026-01-01T00:00:00-05:00", "2027-01-01T00:00:00-05:00",
		}},
		{"T-4 five months, counted from year 0", "UTC", "2026-01-15T00:00:00Z", Months(5), FirstOfMonth, []string{
			"2026-01-15T00:00:00Z", "2026-04-01T00:00:00Z", "2026-09-01T00:00:00Z", "2027-02-01T00:00:00Z",
		}},
		{"T-3 set back over the 1st", "America/St_Johns", "2009-10-31T23:30:00-03:30", Months(1), FirstOfMonth, []string{
			"2009-10-31T23:30:00-03:30", "2009-12-01T00:00:00-03:30",
		}},
		{"T-4 days by the calendar", "UTC", "2026-01-15T10:00:00Z", Days(7), FirstOfMonth, []string{
			"2026-01-15T00:00:00Z", "2026-01-22T00:00:00Z",
		}},
	}
}

func otherTests() []instantsTest {
	return []instantsTest{
		{"T-5 a term of a year", "UTC", "2026-03-31T09:00:00Z", Years(1), Anniversary, []string{"2026-03-31T09:00:00Z", "2027-03-31T09:00:00Z"}},
		{"T-5 its allowances", "UTC", "2026-03-31T09:00:00Z", Months(1), Anniversary, []string{"2026-03-31T09:00:00Z", "2026-04-30T09:00:00Z"}},
		{"T-3 microseconds", "UTC", "2026-03-31T09:00:00.9999999Z", Months(1), 0, []string{"2026-03-31T09:00:00.999999Z", "2026-04-30T09:00:00.999999Z"}},
		{"T-2 bound", "UTC", "9999-11-30T00:00:00Z", Months(1), 0, []string{
			"9999-11-30T00:00:00Z", "9999-12-30T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z",
		}},
		{"no length", "UTC", "2026-01-01T00:00:00Z", Forever, 0, []string{"2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"}},
		{"no length, on the 1st", "UTC", "2026-01-01T00:00:00Z", 0, FirstOfMonth, []string{"2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"}},
	}
}

func TestScheduleInstants(t *testing.T) {
	tests := slices.Concat(anniversaryTests(), calendarTests(), otherTests())
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			zone := zoneNamed(t, tt.zone)
			anchor := timeOf(t, tt.anchor)
			s := schedule{Anchor: anchor, Every: tt.every, By: tt.by, Zone: zone}
			if diff := cmp.Diff(tt.want, texts(s, len(tt.want))); diff != "" {
				t.Errorf("Instant (-want +got):\n%s", diff)
			}
			if got := s.Instant(-1); got != s.Instant(0) {
				t.Errorf("Instant(-1) is %v, want that of 0", got)
			}
			if got := s.Index(s.Instant(0).Add(-time.Microsecond)); got != 0 {
				t.Errorf("Index before the first is %d, want 0", got)
			}
		})
	}
}

func TestScheduleIndex(t *testing.T) {
	tests := []struct {
		rule, zone, anchor string
		every              Span
		by                 Anchor
		at                 map[string]int
	}{
		{"T-1 half-open", "Europe/Berlin", "2026-01-31T10:00:00+01:00", Months(1), Anniversary, map[string]int{
			"1970-01-01T00:00:00Z": 0, "2026-02-28T09:59:59.999999+01:00": 0, "2026-02-28T10:00:00+01:00": 1,
			"2026-03-31T09:59:59.999999+02:00": 1, "2026-03-31T10:00:00+02:00": 2, "2126-01-31T10:00:00+01:00": 1200,
		}},
		{"GN-03 half-open", "Asia/Tokyo", "2026-01-31T10:00:00+09:00", Months(1), FirstOfMonth, map[string]int{
			"2026-01-31T23:59:59.999999+09:00": 0, "2026-02-01T00:00:00+09:00": 1, "2026-03-01T00:00:00+09:00": 2,
		}},
		{"MK-01 half-open", "UTC", "2026-03-01T00:00:00Z", Months(1), AnniversaryDay, map[string]int{
			"2026-03-31T23:59:59.999999Z": 0, "2026-04-01T00:00:00Z": 1,
		}},
		// A date that the zone left out makes an empty period, which no time is in.
		{"T-3 no 30 December", "Pacific/Apia", "2011-12-29T10:00:00-10:00", Days(1), AnniversaryDay, map[string]int{
			"2011-12-30T09:59:59.999999Z": 0, "2011-12-30T10:00:00Z": 2, "2011-12-31T09:59:59.999999Z": 2, "2011-12-31T10:00:00Z": 3,
		}},
		// The 1st has begun, and clocks show the 31st again.
		{"T-3 set back over midnight", "America/St_Johns", "2009-10-30T10:00:00-02:30", Days(1), AnniversaryDay, map[string]int{
			"2009-10-31T23:59:59.999999-02:30": 1, "2009-11-01T00:00:00-02:30": 2, "2009-10-31T23:30:00-03:30": 2, "2009-11-01T00:00:00-03:30": 2,
		}},
		{"T-3 set back over the 1st", "America/St_Johns", "2009-10-30T10:00:00-02:30", Months(1), FirstOfMonth, map[string]int{
			"2009-10-31T23:59:59.999999-02:30": 0, "2009-11-01T00:00:00-02:30": 1, "2009-10-31T23:30:00-03:30": 1, "2009-11-01T00:00:00-03:30": 1,
		}},
		{"no length", "UTC", "2026-01-01T00:00:00Z", Forever, 0, map[string]int{"1970-01-01T00:00:00Z": 0, "9999-12-31T23:59:59.999999Z": 0}},
		{"T-2 bound", "UTC", "9999-11-30T00:00:00Z", Months(1), 0, map[string]int{"9999-12-30T00:00:00Z": 1, "9999-12-31T23:59:59.999999Z": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			zone := zoneNamed(t, tt.zone)
			anchor := timeOf(t, tt.anchor)
			s := schedule{Anchor: anchor, Every: tt.every, By: tt.by, Zone: zone}
			got := map[string]int{}
			for text := range tt.at {
				at := timeOf(t, text)
				got[text] = s.Index(at)
			}
			if diff := cmp.Diff(tt.at, got); diff != "" {
				t.Errorf("Index (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScheduleBounds(t *testing.T) {
	far := zoneNamed(t, "Pacific/Kiritimati")
	moments := []time.Time{{}, time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 0), time.Unix(0, 0), last(), time.Date(9999, 12, 1, 0, 0, 0, 0, time.UTC)}
	for _, anchor := range moments {
		for _, every := range []Span{0, ForCycle, Forever, -1, math.MaxInt32, Days(1), Days(36_500), Months(1), Months(7), Years(100)} {
			for _, by := range []Anchor{0, Anniversary, AnniversaryDay, FirstOfMonth, 255} {
				for _, zone := range []*time.Location{nil, time.UTC, far} {
					s := schedule{Anchor: anchor, Every: every, By: by, Zone: zone}
					for _, n := range []int{math.MaxInt, math.MaxInt32, calendarDays + 1, calendarDays} {
						if got := s.Instant(n); got != last() {
							t.Errorf("%v: Instant(%d) = %v, want %v", s, n, got, last())
						}
					}
					for _, at := range moments {
						got := s.Index(at)
						if from := s.Instant(got); got < 0 || got > 0 && (from.After(bounded(at)) || from == last()) {
							t.Errorf("%v: Index(%v) = %d, which begins at %v", s, at, got, from)
						}
						if to := s.Instant(got + 1); !to.After(bounded(at)) && to != last() {
							t.Errorf("%v: Index(%v) = %d, which ends at %v", s, at, got, to)
						}
					}
				}
			}
		}
	}
	s := schedule{Anchor: time.Unix(0, 0), Every: Days(1)}
	if got, want := s.Index(last()), int(last().Unix()/daily); got != want {
		t.Errorf("the last day is %d after 1970, want %d", got, want)
	}
}

// drawn returns a random schedule in zone.
func drawn(random *rand.Rand, zone *time.Location) schedule {
	s := schedule{
		Anchor: time.Unix(random.Int64N(to2100), 1000*random.Int64N(1_000_000)),
		By:     Anchor(random.IntN(4)),
		Zone:   zone,
	}
	if random.IntN(4) == 0 {
		// Half a day around the end of a month, where clamps are.
		year, month := 1970+random.IntN(130), time.Month(random.IntN(12)+1)
		s.Anchor = time.Date(year, month, 1, random.IntN(24)-12, random.IntN(60), 0, 0, zone)
	}
	switch random.IntN(5) {
	case 0:
		s.Every = Days(1 + random.IntN(40))
	case 1:
		s.Every = Months(1 + random.IntN(40))
	case 2:
		s.Every = Years(1 + random.IntN(3))
	default:
		s.Every = Months(1)
	}
	return s
}

// expected is schedule.instant written another way: in numbers of months and
// lengths of months, and by search.
func expected(s schedule, n int) time.Time {
	at := s.Anchor.Truncate(time.Microsecond).In(s.Zone)
	year, month, day := at.Date()
	every, inMonths := s.Every.months()
	lengths := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	midnight := s.By == AnniversaryDay || s.By == FirstOfMonth
	switch {
	case s.By == FirstOfMonth && inMonths:
		if n == 0 {
			return at
		}
		for passed := 0; ; {
			month++
			if month > time.December {
				year, month = year+1, time.January
			}
			if (year*12+int(month)-1)%every != 0 {
				continue
			}
			start := searched(s.Zone, time.Date(year, month, 1, 0, 0, 0, 0, time.UTC), 900)
			if passed == 0 && !start.After(at) {
				continue
			}
			if passed++; passed == n {
				return start
			}
		}
	case n == 0 && !midnight:
		return at
	case inMonths:
		number := int(month) - 1 + n*every
		year, month = year+number/12, time.Month(number%12+1)
		length := lengths[month-1]
		if month == time.February && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
			length = 29
		}
		day = min(day, length)
	default:
		days, _ := s.Every.days()
		day += n * days
	}
	if midnight {
		return searched(s.Zone, time.Date(year, month, day, 0, 0, 0, 0, time.UTC), 900)
	}
	return searched(s.Zone, time.Date(year, month, day, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC), 900)
}

// T-2, T-3, T-4 in every zone: instants are where another computation has them,
// each is later than the one before, and Index finds them to the microsecond.
func TestScheduleAllZones(t *testing.T) {
	random := seeded(t)
	for _, zone := range allZones(t) {
		for range 8 {
			s := drawn(random, zone)
			for _, n := range []int{0, 1, 2 + random.IntN(30)} {
				at, next := s.Instant(n), s.Instant(n+1)
				if want := expected(s, n); !at.Equal(want) || at.Location() != time.UTC {
					t.Fatalf("%v: Instant(%d) = %v, want %v", s, n, at, want)
				}
				if !at.Before(next) {
					if s.Every == Days(1) && at.Equal(next) {
						continue // A date that the zone left out.
					}
					t.Fatalf("%v: Instant(%d) = %v, not before %v", s, n, at, next)
				}
				before := max(0, n-1)
				for before > 0 && s.Instant(before).Equal(at) {
					before--
				}
				within := at.Add(time.Duration(random.Int64N(int64(next.Sub(at)))))
				for moment, want := range map[time.Time]int{at: n, at.Add(-time.Microsecond): before, next.Add(-time.Microsecond): n, within: n} {
					if got := s.Index(moment); got != want {
						t.Fatalf("%v: Index(%v) = %d, want %d", s, moment, got, want)
					}
				}
			}
		}
	}
}

// T-2, T-5: a thousand wallets live a hundred years each and see as many resets
// as their calendars have.
func TestScheduleWalletYears(t *testing.T) {
	random, zones := seeded(t), allZones(t)
	const wallets, years = 1_000, 100
	resets := 0
	for range wallets {
		s := schedule{
			// Not at the edge of a month: the count is of months and knows no clocks.
			Anchor: time.Date(1970+random.IntN(130), time.Month(1+random.IntN(12)), 1+random.IntN(31), 0, 0, random.IntN(daily), 0, time.UTC),
			By:     Anchor(random.IntN(4)),
			Zone:   zones[random.IntN(len(zones))],
		}
		first := s.Anchor.In(s.Zone)
		if first.Day() < 3 || first.Day() > 26 && s.By == FirstOfMonth {
			s.Anchor = s.Anchor.AddDate(0, 0, 7)
			first = s.Anchor.In(s.Zone)
		}
		var want int
		var end time.Time
		if random.IntN(4) == 0 {
			every := []int{7, 30, 365}[random.IntN(3)]
			want = years * 365 / every
			s.Every, end = Days(every), s.Anchor.AddDate(0, 0, want*every-every/2)
		} else {
			every := []int{1, 2, 3, 4, 6, 12, 24}[random.IntN(7)]
			want = years * 12 / every
			s.Every, end = Months(every), s.Anchor.AddDate(years, 0, -10)
			if s.By == FirstOfMonth {
				until := end.In(s.Zone)
				want = 1 + (12*until.Year()+int(until.Month())-1)/every - (12*first.Year()+int(first.Month())-1)/every
			}
		}
		got := 0
		for previous := (time.Time{}); ; got++ {
			at := s.Instant(got)
			if !at.Before(end) {
				break
			}
			if !previous.Before(at) {
				t.Fatalf("%v: Instant(%d) = %v, not after %v", s, got, at, previous)
			}
			previous = at
		}
		if got != want {
			t.Fatalf("%v: %d resets until %v, want %d", s, got, end, want)
		}
		if index := s.Index(end); index != want-1 {
			t.Fatalf("%v: Index(%v) = %d, want %d", s, end, index, want-1)
		}
		resets += got
	}
	t.Logf("%d resets in %d wallet-years", resets, wallets*years)
}

func BenchmarkSchedule(b *testing.B) {
	berlin := zoneNamed(b, "Europe/Berlin")
	s := schedule{Anchor: time.Date(2024, 1, 31, 10, 0, 0, 0, time.UTC), Every: Months(1), Zone: berlin}
	now := time.Date(2026, 7, 9, 0, 0, 0, 0, time.UTC)
	b.Run("instant", func(b *testing.B) {
		for b.Loop() {
			s.Instant(27)
		}
	})
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			s.Index(now)
		}
	})
}
