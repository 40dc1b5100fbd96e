package usage

import (
	"testing"
	"time"
)

// Around every change of the clocks, minute by minute: a span begins where the
// clocks show one that they have not shown before, and an hour where they show
// another one or are set back, and nowhere else (T-3).
func TestSpansBeginWhereClocksSaySo(t *testing.T) {
	zones := []string{
		"Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns",
		"America/Havana", "Asia/Kathmandu", "Pacific/Kiritimati", "Africa/Monrovia", "Asia/Tehran", "America/Scoresbysund",
	}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range changes(zone) {
			for _, by := range []Dimension{Hour, Day, Week, Month} {
				walk(t, by, zone, at)
			}
		}
	}
}

// changes returns when a zone's clocks change, and the ends of some leap years.
func changes(zone *time.Location) []time.Time {
	at := []time.Time{time.Date(2028, 12, 31, 12, 0, 0, 0, time.UTC), time.Date(2048, 12, 31, 12, 0, 0, 0, time.UTC)}
	for t := time.Date(1970, 1, 3, 0, 0, 0, 0, time.UTC); t.Year() < 2040; {
		_, end := t.In(zone).ZoneBounds()
		if end.IsZero() {
			break
		}
		if !end.After(t) {
			end = t.AddDate(0, 0, 1)
		} else if t.Year() < 1975 || t.Year() > 2009 && t.Year() < 2013 || t.Year()%8 == 0 {
			at = append(at, end)
		}
		t = end
	}
	return at
}

// walk goes from a day before an instant to a day and two hours after it.
func walk(t *testing.T, by Dimension, zone *time.Location, at time.Time) {
	t.Helper()
	b := buckets{by: by, zone: zone}
	const step = 30 * time.Second // the minutes of Monrovia's change are no whole ones
	from := at.Add(-26 * time.Hour).Truncate(time.Minute)
	last := from.In(zone)
	latest, start := shown(by, last), b.of(last)
	for now := last.Add(step); now.Before(at.Add(26 * time.Hour)); now = now.Add(step) {
		span := shown(by, now)
		begins := span > latest
		if by == Hour {
			_, was := last.Zone()
			_, is := now.Zone()
			begins = span != latest || is < was
		}
		if begins {
			start, latest = now, span
		}
		if fresh := (&buckets{by: by, zone: zone}).of(now); now.Minute()%30 == 0 && !fresh.Equal(b.of(now)) {
			t.Fatalf("%v %s of %v is from %v, and asked alone from %v", zone, by, now, b.of(now), fresh)
		}
		if got := b.of(now); !got.Equal(start) {
			t.Fatalf("%v %s of %v is from %v, want from %v", zone, by, now, got, start)
		}
		last = now
	}
}

// shown returns the number of the span that clocks show, which rises with time.
func shown(by Dimension, t time.Time) int {
	year, month, day := t.Date()
	days := int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	switch by {
	case Hour:
		return days*24 + t.Hour()
	case Day:
		return days
	case Week:
		return (days + 3) / 7
	default:
		return 12*year + int(month)
	}
}
