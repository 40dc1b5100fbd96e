package usage

import (
	"time"

	"example.com/credits"
)

// buckets cuts time into half-open spans that follow each other without a gap:
// the hours, days, weeks or months of a zone.
//
// A day, week or month begins at its first midnight, or where the clocks go past
// that, at the first instant after. So clocks that are set back over midnight,
// to the day before, do not end the new day. An hour begins where the clocks
// begin to show it, and where they are set back: the two hours of a fold are two.
type buckets struct {
	by   Dimension // Hour, Day, Week or Month; else all time is one
	zone *time.Location

	// The span that was found last: entries come in order of time.
	start, sure time.Time // from the first until the second, which may be less than all of it
}

// of returns the first instant of the span that t is in, in the zone; the
// zero time if all time is one.
func (b *buckets) of(t time.Time) time.Time {
	if !b.start.IsZero() && !t.Before(b.start) && t.Before(b.sure) {
		return b.start
	}
	switch b.by {
	case Hour:
		b.start, b.sure = hour(t.In(b.zone))
	case Day, Week, Month:
		b.start, b.sure = b.date(t)
	}
	return b.start
}

// date returns the span of dates that t is in.
func (b *buckets) date(t time.Time) (start, end time.Time) {
	year, month, day := t.In(b.zone).Date()
	for {
		from, to := day, day+1
		toMonth := month
		switch b.by {
		case Week:
			weekday := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()
			from = day - (int(weekday)+6)%7
			to = from + 7
		case Month:
			from, to, toMonth = 1, 1, month+1
		}
		start, end = midnight(year, month, from, b.zone), midnight(year, toMonth, to, b.zone)
		if t.Before(end) {
			return start, end
		}
		// Clocks were set back over midnight: what they show now has ended already.
		year, month, day = end.Date()
	}
}

// midnight returns the first instant of a date in a zone, and of one that the
// zone left out the first instant after it. A day or month beyond its range
// counts on into the next.
func midnight(year int, month time.Month, day int, zone *time.Location) time.Time {
	want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if want.Year() > 9999 { // where the calendar of package credits ends
		return time.Date(year, month, day, 0, 0, 0, 0, zone)
	}
	for noon := 12; ; noon += 24 {
		at := time.Date(year, month, day, noon, 0, 0, 0, zone)
		// The last day of what ends just after an instant is the day of the instant.
		start := credits.Period{End: at.Add(time.Microsecond)}.LastDay(zone)
		year, month, day := start.Date()
		if !time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Before(want) {
			return start
		}
	}
}

// hour returns the first instant of the hour that the clocks of t's zone show at
// t, and an instant until which they surely show it.
func hour(t time.Time) (start, sure time.Time) {
	into := t.Sub(t.Truncate(time.Second)) + time.Duration(t.Second())*time.Second + time.Duration(t.Minute())*time.Minute
	start, sure = t.Add(-into), t.Add(time.Hour-into)
	begin, end := t.ZoneBounds()
	if !end.IsZero() && end.Before(sure) {
		sure = end // which is before t where ZoneBounds errs: then nothing is sure
	}
	if begin.IsZero() || !start.Before(begin) {
		return start, sure
	}
	before := begin.Add(-time.Nanosecond)
	if _, was := before.Zone(); offset(t) < was || !sameHour(before, t) {
		return begin, sure
	}
	// Clocks went on within the hour, or did not move at all.
	start, _ = hour(before)
	return start, sure
}

func offset(t time.Time) int {
	_, seconds := t.Zone()
	return seconds
}

// sameHour reports whether clocks show one date and hour at two instants.
func sameHour(a, b time.Time) bool {
	return a.Hour() == b.Hour() && a.YearDay() == b.YearDay() && a.Year() == b.Year()
}
