package credits

import (
	"archive/zip"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
)

// The first and the last second that random instants are drawn from.
const (
	from1970 = 0
	to2100   = 4_102_444_800
	daily    = 24 * 60 * 60
)

// zoneNamed returns an IANA zone.
func zoneNamed(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// timeOf parses an instant.
func timeOf(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// allZones returns every IANA zone at hand: of the Go distribution, else of the
// machine, else a few that have made trouble.
func allZones(t testing.TB) []*time.Location {
	t.Helper()
	names := zipZones()
	if len(names) == 0 {
		names = systemZones()
	}
	names = append(names, "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Scoresbysund",
		"Africa/Casablanca", "Africa/Monrovia", "Africa/Cairo", "Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu", "Asia/Pyongyang",
		"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Enderbury", "Pacific/Kiritimati", "Pacific/Kwajalein")
	slices.Sort(names)
	var zones []*time.Location
	for _, name := range slices.Compact(names) {
		if zone, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			zones = append(zones, zone)
		}
	}
	return zones
}

// zipZones returns the names in the zoneinfo.zip of the Go that runs the test.
func zipZones() []string {
	root := os.Getenv("GOROOT")
	if root == "" {
		// The go command puts its own directory first in a test's PATH.
		command, err := exec.LookPath("go")
		if err != nil {
			return nil
		}
		if command, err = filepath.EvalSymlinks(command); err != nil {
			return nil
		}
		root = filepath.Dir(filepath.Dir(command))
	}
	archive, err := zip.OpenReader(filepath.Join(root, "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return nil
	}
	defer archive.Close()
	var names []string
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, "/") {
			names = append(names, file.Name)
		}
	}
	return names
}

// systemZones returns the names of the machine's files. Some are no zones.
func systemZones() []string {
	var names []string
	root := os.DirFS("/usr/share/zoneinfo")
	_ = fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasPrefix(path, "posix/") && !strings.HasPrefix(path, "right/") {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// seeded returns a source of randomness, and prints how to have it again.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text, ok := os.LookupEnv("CALENDAR_SEED"); ok {
		seed = 0
		for _, digit := range text {
			seed = 10*seed + uint64(digit-'0')
		}
	}
	t.Logf("CALENDAR_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// offsetAt returns the offset of zone at an instant, both in seconds.
func offsetAt(zone *time.Location, unix int64) int64 {
	_, offset := time.Unix(unix, 0).In(zone).Zone()
	return int64(offset)
}

// searched is the rule of T-3, by search: it steps through all instants that
// could show a local time, given as if in UTC, and looks at the clocks.
func searched(zone *time.Location, shown time.Time, step int64) time.Time {
	want, fraction := shown.Unix(), shown.Sub(shown.Truncate(time.Second))
	gap := int64(math.MinInt64)
	before := want - 27*60*60
	before -= before % step
	for ; before < want+27*60*60; before += step {
		was, is := offsetAt(zone, before), offsetAt(zone, before+step)
		if was == is {
			if at := want - was; before <= at && at < before+step {
				return time.Unix(at, 0).Add(fraction).UTC()
			}
			continue
		}
		for at := before; at < before+step; at++ {
			now, then := at+offsetAt(zone, at), at+1+offsetAt(zone, at+1)
			if now == want {
				return time.Unix(at, 0).Add(fraction).UTC()
			}
			if now < want && want < then && gap == math.MinInt64 {
				gap = at + 1
			}
		}
	}
	return time.Unix(gap, 0).UTC()
}

// changes returns instants, at most n, before which a zone's offset changed in
// the year that begins at unix.
func changes(zone *time.Location, unix int64, n int) []int64 {
	var found []int64
	for day := unix; day < unix+366*daily && len(found) < n; day += daily {
		low, high := day, day+daily
		was := offsetAt(zone, low)
		if offsetAt(zone, high) == was {
			continue
		}
		for high-low > 1 {
			if middle := (low + high) / 2; offsetAt(zone, middle) == was {
				low = middle
			} else {
				high = middle
			}
		}
		found = append(found, high)
	}
	return found
}

// civilAt is civil of a local time given as if in UTC.
func civilAt(zone *time.Location, shown time.Time) time.Time {
	year, month, day := shown.Date()
	hour, minute, sec := shown.Clock()
	return civil(zone, year, month, day, hour, minute, sec, shown.Nanosecond())
}

func TestCivil(t *testing.T) {
	tests := []struct {
		rule, zone, shown string
		want              string
	}{
		{"T-3 ordinary", "Europe/Berlin", "2026-04-15T00:00:00Z", "2026-04-14T22:00:00Z"},
		{"T-3 UTC", "UTC", "2026-04-15T00:00:00.123456Z", "2026-04-15T00:00:00.123456Z"},
		{"T-3 gap, first", "Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z"},
		{"T-3 gap, last", "Europe/Berlin", "2026-03-29T02:59:59.999999Z", "2026-03-29T01:00:00Z"},
		{"T-3 gap, before", "Europe/Berlin", "2026-03-29T01:59:59.999999Z", "2026-03-29T00:59:59.999999Z"},
		{"T-3 gap, after", "Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z"},
		{"T-3 fold, first", "Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-25T00:00:00Z"},
		{"T-3 fold, last", "Europe/Berlin", "2026-10-25T02:59:59.999999Z", "2026-10-25T00:59:59.999999Z"},
		{"T-3 fold, after", "Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"},
		{"T-3 no midnight", "America/Sao_Paulo", "2017-10-15T00:00:00Z", "2017-10-15T03:00:00Z"},
		{"T-3 midnight twice", "America/Havana", "2026-11-01T00:00:00Z", "2026-11-01T04:00:00Z"},
		{"T-3 midnight twice, set back to the day before", "America/St_Johns", "2009-11-01T00:00:30Z", "2009-11-01T02:30:30Z"},
		{"T-3 no 30 December", "Pacific/Apia", "2011-12-30T00:00:00Z", "2011-12-30T10:00:00Z"},
		{"T-3 no 30 December", "Pacific/Apia", "2011-12-30T23:59:59Z", "2011-12-30T10:00:00Z"},
		{"T-3 no 21 August", "Pacific/Kwajalein", "1993-08-21T12:00:00Z", "1993-08-21T12:00:00Z"},
		{"T-3 no 1 January", "Pacific/Kiritimati", "1994-12-31T08:00:00Z", "1994-12-31T10:00:00Z"},
		{"T-3 half an hour, gap", "Australia/Lord_Howe", "2026-10-04T02:15:00Z", "2026-10-03T15:30:00Z"},
		{"T-3 half an hour, fold", "Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z"},
		{"T-3 two hours, gap", "Antarctica/Troll", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z"},
		{"T-3 two hours, fold", "Antarctica/Troll", "2026-10-25T02:00:00Z", "2026-10-25T00:00:00Z"},
		{"T-3 offset of seconds", "Africa/Monrovia", "1970-01-01T00:00:00Z", "1970-01-01T00:44:30Z"},
		{"T-3 gap of 44 minutes and a half", "Africa/Monrovia", "1972-01-07T00:44:29Z", "1972-01-07T00:44:30Z"},
		{"T-3 local mean time", "Asia/Manila", "1800-01-01T00:00:00Z", ""},
		{"T-3 by rule", "Europe/Berlin", "9998-07-01T00:00:00Z", "9998-06-30T22:00:00Z"},
		{"T-3 by rule, last day of a leap year", "America/New_York", "2040-12-31T12:00:00Z", "2040-12-31T17:00:00Z"},
		{"T-3 by rule, after a leap year", "America/New_York", "2041-01-01T12:00:00Z", "2041-01-01T17:00:00Z"},
		{"T-3 by rule, southern summer", "Australia/Sydney", "2044-12-31T12:00:00Z", "2044-12-31T01:00:00Z"},
		{"T-2 bound", "America/New_York", "9999-12-31T23:00:00Z", "9999-12-31T23:59:59.999999Z"},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.zone, func(t *testing.T) {
			zone := zoneNamed(t, tt.zone)
			shown := timeOf(t, tt.shown)
			want := tt.want
			if want == "" {
				want = searched(zone, shown, 60).Format(time.RFC3339Nano)
			}
			got := civilAt(zone, shown)
			if diff := cmp.Diff(want, got.Format(time.RFC3339Nano)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.shown, diff)
			}
		})
	}
}

// T-3: dates beyond a month count on, as those that schedules ask for.
func TestCivilCountsOn(t *testing.T) {
	want := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	if got := civil(time.UTC, 2025, 14, 29, 0, 0, 0, 0); got != want {
		t.Errorf("29 February 2026 is %v, want %v", got, want)
	}
}

// tzdata returns a zone with the offsets, in seconds, that begin at the instants,
// in Unix seconds; the first offset holds before them all.
func tzdata(t testing.TB, instants []int32, offsets []int32) *time.Location {
	t.Helper()
	four := func(n int32) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
	data := append([]byte("TZif"), make([]byte, 16)...)
	for _, n := range []int{0, 0, 0, len(instants), len(offsets), 4} {
		data = append(data, four(int32(n))...)
	}
	for _, at := range instants {
		data = append(data, four(at)...)
	}
	for i := range instants {
		data = append(data, byte(i+1))
	}
	for _, offset := range offsets {
		data = append(data, four(offset)...)
		data = append(data, 0, 0)
	}
	zone, err := time.LoadLocationFromTZData("made", append(data, "LMT\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// T-3, for zones that never were: changes within hours of each other, undone,
// and offsets at the limits of the format.
func TestCivilMadeZones(t *testing.T) {
	const hour, noon = 60 * 60, 1_000_000_000 - 1_000_000_000%daily + 12*60*60
	zones := map[string]*time.Location{
		"gap undone":       tzdata(t, []int32{noon, noon + 600}, []int32{0, hour, 0}),
		"fold undone":      tzdata(t, []int32{noon, noon + 600}, []int32{hour, 0, hour}),
		"three folds":      tzdata(t, []int32{noon, noon + 1800, noon + 3600}, []int32{3 * hour, 2 * hour, hour, 0}),
		"three gaps":       tzdata(t, []int32{noon, noon + 1800, noon + 3600}, []int32{0, hour, 2 * hour, 3 * hour}),
		"a day back":       tzdata(t, []int32{noon}, []int32{12 * hour, -12 * hour}),
		"limits":           tzdata(t, []int32{noon, noon + hour, noon + 2*hour}, []int32{0, 26*hour - 1, -25*hour + 1, 7}),
		"seconds":          tzdata(t, []int32{noon + 17}, []int32{-2670, 61}),
		"midnight undone":  tzdata(t, []int32{noon - 12*hour - 600, noon - 12*hour - 540}, []int32{0, 3600, 0}),
		"never any change": tzdata(t, nil, []int32{12345}),
	}
	random := seeded(t)
	for name, zone := range zones {
		for range 300 {
			shown := time.Unix(noon-30*hour+random.Int64N(60*hour), 1000*random.Int64N(1_000_000)).UTC()
			if got, want := civilAt(zone, shown), searched(zone, shown, 60); !got.Equal(want) {
				t.Fatalf("%s: %v is %v, want %v", name, shown, got, want)
			}
		}
	}
	shown := time.Unix(noon, 0).UTC()
	for _, offset := range []int{100 * hour, -100 * hour} {
		want := shown.Add(-time.Duration(offset) * time.Second)
		if got := civilAt(time.FixedZone("far", offset), shown); !got.Equal(want) {
			t.Errorf("%v at %d s is %v, want %v", shown, offset, got, want)
		}
	}
}

// T-3 in every zone, at random local times and beside changes of the offset.
func TestCivilAllZones(t *testing.T) {
	random := seeded(t)
	var times, gaps, folds int
	for _, zone := range allZones(t) {
		var shown []time.Time
		for range 10 {
			shown = append(shown, time.Unix(random.Int64N(to2100), 1000*random.Int64N(1_000_000)).UTC())
		}
		// The last day of a leap year, and a year that follows a rule.
		leap := time.Date(1972+4*random.IntN(32), time.December, 31, random.IntN(24), random.IntN(60), 0, 0, time.UTC)
		shown = append(shown, leap, leap.AddDate(400*random.IntN(18), 0, random.IntN(3)-1))
		var around []int64
		for range 3 {
			around = append(around, changes(zone, random.Int64N(to2100), 2)...)
		}
		for _, at := range around {
			was, is := offsetAt(zone, at-1), offsetAt(zone, at)
			for _, edge := range []int64{was, is} {
				shown = append(shown, time.Unix(at+edge, 0).UTC(), time.Unix(at+edge-1, 999_999_000).UTC())
			}
			shown = append(shown, time.Unix(at+was+(is-was)*random.Int64N(1000)/1000, 0).UTC())
		}
		for _, local := range shown {
			got, want := civilAt(zone, local), searched(zone, local, 900)
			if !got.Equal(want) || got.Location() != time.UTC {
				t.Fatalf("%v: %v is %v, want %v", zone, local, got, want)
			}
			times++
			if local.Sub(got) != time.Duration(offsetAt(zone, got.Unix()))*time.Second {
				gaps++
			} else if second := local.Unix() - offsetAt(zone, got.Unix()+4*60*60); second > got.Unix() && second+offsetAt(zone, second) == local.Unix() {
				folds++
			}
		}
	}
	t.Logf("%d local times, of which %d in gaps, %d twice", times, gaps, folds)
	if gaps == 0 || folds == 0 {
		t.Error("no gaps or no folds: nothing was tested")
	}
}

func TestWholeDays(t *testing.T) {
	tests := []struct {
		rule, zone, from, to string
		want                 int
	}{
		{"GN-03 in 1 day on the last day", "Europe/Berlin", "2026-03-31T13:00:00+02:00", "2026-04-01T00:00:00+02:00", 1},
		{"GN-03 its first instant", "Europe/Berlin", "2026-03-31T00:00:00+02:00", "2026-04-01T00:00:00+02:00", 1},
		{"GN-03 its last", "Europe/Berlin", "2026-03-31T23:59:59.999999+02:00", "2026-04-01T00:00:00+02:00", 1},
		{"T-4 today included", "Europe/Berlin", "2026-03-20T23:00:00+01:00", "2026-04-01T00:00:00+02:00", 12},
		{"T-4 a month", "Europe/Berlin", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00", 31},
		{"T-4 a year", "UTC", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", 366},
		{"T-4 a day begun", "UTC", "2026-03-20T10:00:00Z", "2026-03-21T00:00:00.000001Z", 2},
		{"T-4 within a day", "UTC", "2026-03-20T10:00:00Z", "2026-03-20T10:00:00.000001Z", 1},
		{"T-1 nothing", "UTC", "2026-03-20T10:00:00Z", "2026-03-20T10:00:00Z", 0},
		{"T-1 back", "UTC", "2026-03-20T10:00:00Z", "2026-03-01T00:00:00Z", 0},
		{"T-3 until a day without midnight", "America/Sao_Paulo", "2017-10-13T10:00:00-03:00", "2017-10-15T01:00:00-02:00", 2},
		{"T-3 until after one", "America/Sao_Paulo", "2017-10-13T10:00:00-03:00", "2017-10-15T01:00:00.000001-02:00", 3},
		{"T-3 tomorrow had begun", "America/St_Johns", "2009-10-31T10:00:00-02:30", "2009-10-31T23:30:00-03:30", 2},
		{"T-3 from tomorrow to today", "America/St_Johns", "2009-11-01T00:00:30-02:30", "2009-10-31T23:30:00-03:30", 1},
		{"T-3 until the day left out", "Pacific/Apia", "2011-12-28T00:00:00-10:00", "2011-12-30T09:59:59.999999Z", 2},
		{"T-3 with the day left out", "Pacific/Apia", "2011-12-28T00:00:00-10:00", "2011-12-31T00:00:00+14:00", 3},
		{"T-3 over the day left out", "Pacific/Apia", "2011-12-28T00:00:00-10:00", "2012-01-01T00:00:00+14:00", 4},
		{"T-2 the calendar", "UTC", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", 3_652_059},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			zone := zoneNamed(t, tt.zone)
			from := timeOf(t, tt.from)
			to := timeOf(t, tt.to)
			if got := wholeDays(from, to, zone); got != tt.want {
				t.Errorf("from %s to %s: %d days, want %d", tt.from, tt.to, got, tt.want)
			}
		})
	}
	if got := wholeDays(time.Unix(0, 0), time.Unix(daily, 0), nil); got != 1 {
		t.Errorf("a day of UTC, in no zone, is %d", got)
	}
}

// T-4 in every zone: whole days are the dates before that of the end, and those
// whose first instant is before the end.
func TestWholeDaysAllZones(t *testing.T) {
	random := seeded(t)
	for _, zone := range allZones(t) {
		ends := []int64{random.Int64N(to2100), random.Int64N(to2100)}
		for _, at := range changes(zone, random.Int64N(to2100), 2) {
			ends = append(ends, at, at+random.Int64N(2*60*60))
		}
		for _, end := range ends {
			to := time.Unix(end, 0)
			from := to.Add(-time.Duration(random.Int64N(10*daily)) * time.Second)
			year, month, day := from.In(zone).Date()
			untilYear, untilMonth, untilDay := to.In(zone).Date()
			until := time.Date(untilYear, untilMonth, untilDay, 0, 0, 0, 0, time.UTC)
			want := 0
			for from.Before(to) {
				date := time.Date(year, month, day+want, 0, 0, 0, 0, time.UTC)
				if !date.Before(until) && !searched(zone, date, 900).Before(to) {
					break
				}
				want++
			}
			if got := wholeDays(from, to, zone); got != want {
				t.Fatalf("%v: from %v to %v: %d days, want %d", zone, from.In(zone), to.In(zone), got, want)
			}
		}
	}
}

// T-3: a day starts at midnight or, without one, after the gap; at the earlier
// midnight of two.
func TestStartOfDay(t *testing.T) {
	tests := []struct{ zone, at, want string }{
		{"Europe/Berlin", "2026-04-14T22:00:00Z", "2026-04-15T00:00:00+02:00"},
		{"Europe/Berlin", "2026-04-14T21:59:59.999999Z", "2026-04-14T00:00:00+02:00"},
		{"America/Sao_Paulo", "2017-10-15T20:00:00-02:00", "2017-10-15T01:00:00-02:00"},
		{"America/Havana", "2026-11-01T00:30:00-05:00", "2026-11-01T00:00:00-04:00"},
		{"Pacific/Apia", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00"},
	}
	for _, tt := range tests {
		t.Run(tt.zone, func(t *testing.T) {
			zone := zoneNamed(t, tt.zone)
			at := timeOf(t, tt.at)
			got := startOfDay(at, zone)
			if text := got.In(zone).Format(time.RFC3339Nano); text != tt.want || got.Location() != time.UTC {
				t.Errorf("%s starts at %s in %v, want %s", tt.at, text, got.Location(), tt.want)
			}
		})
	}
}
