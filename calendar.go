package credits

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits of the calendar.
const (
	spanDayLimit      = 36_500 // the days of a span
	spanMonthLimit    = 1_200  // the months of a span
	calendarTextLimit = 16     // the bytes of a text, of a span or an anchor

	earliestSecond = -62_135_596_800 // the first second of year 1, as Unix time
	latestSecond   = 253_402_300_799 // the last second of year 9999
	calendarDays   = 3_652_425       // more days than lie between these, and more months

	// The tz format keeps every zone's offset below this (RFC 9636).
	offsetLimit = 26 * time.Hour
)

// Period is a span of time that includes Start and excludes End.
type Period struct {
	Start time.Time // the first instant of the period
	End   time.Time // the first instant after the period
}

// Contains reports whether t is in p: at Start it is, at End it is not.
func (p Period) Contains(t time.Time) bool {
	return !t.Before(p.Start) && t.Before(p.End)
}

// LastDay returns the last valid date of p in zone, for people: the local date
// of End less one microsecond. What ends on 15 April at 00:00 is last valid on
// 14 April. The result is the start of that local day and, unlike all other
// instants of this package, is in zone, so that its Date is the date to show. A
// nil zone is UTC.
func (p Period) LastDay(zone *time.Location) time.Time {
	last := local(p.End, zone).Add(-time.Microsecond)
	return startOfDay(last, zone).In(last.Location())
}

// Span is a length of time as a calendar or a subscription counts it: 1 to
// 36,500 days, 1 to 1,200 months, or one of [ForCycle], [ForTerm] and [Forever].
// The zero Span is unset. Equal lengths are ==: a year is twelve months, but 30
// days are no month. A day is a date of the local calendar, not 24 hours.
//
// Its text, which is what to store, is "1 day", "30 days", "1 month", "18
// months", "1 year", "cycle", "term" or "forever"; whole years are written as
// years. As an integer a Span has no meaning.
type Span int32

// A span holds its count above three bits that tell what it counts.
const (
	countsDays   Span = 1
	countsMonths Span = 2
	countsBits        = 3
	countsMask   Span = 1<<countsBits - 1
)

// Spans that are no length of the calendar.
const (
	ForCycle Span = iota + 3 // until the current cycle ends
	ForTerm                  // until the current term ends
	Forever                  // without end
)

// Days returns a span of n days. If n is not 1 to 36,500 the span is one whose
// [Span.Validate] fails.
func Days(n int) Span { return counted(n, spanDayLimit, countsDays) }

// Months returns a span of n months. If n is not 1 to 1,200 the span is one
// whose [Span.Validate] fails.
func Months(n int) Span { return counted(n, spanMonthLimit, countsMonths) }

// Years returns a span of n years: Years(n) == Months(12*n). If n is not 1 to
// 100 the span is one whose [Span.Validate] fails.
func Years(n int) Span {
	// Beyond the limit by any number is beyond it by one: 12*n cannot overflow.
	return Months(12 * min(max(n, 0), spanMonthLimit/12+1))
}

// counted returns a span of n of kind. What is out of limits stays so.
func counted(n, limit int, kind Span) Span {
	return Span(min(max(n, 0), limit+1))<<countsBits | kind
}

// ParseSpan parses a span's text, in the form that [Span] describes: lower case,
// one space, no sign, no leading zero, "1 day" but "2 days". Whole years may be
// written as months, too. It returns an [InvalidError] if s is anything else,
// the empty text included, or over a limit.
func ParseSpan(s string) (Span, error) {
	switch s {
	case "cycle":
		return ForCycle, nil
	case "term":
		return ForTerm, nil
	case "forever":
		return Forever, nil
	}
	if len(s) > calendarTextLimit {
		return 0, invalid("", "a span of %d bytes: none has more than %d", len(s), calendarTextLimit)
	}
	digits, word, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(digits)
	unit := strings.TrimSuffix(word, "s")
	plural := unit != word
	// A number has one text (no "+1", no "01"), and one unit has no plural.
	if err != nil || strconv.Itoa(n) != digits || plural == (n == 1) {
		return 0, invalid("", "%q is no span such as \"30 days\" or \"1 month\"", s)
	}
	var span Span
	switch unit {
	case "day":
		span = Days(n)
	case "month":
		span = Months(n)
	case "year":
		span = Years(n)
	default:
		return 0, invalid("", "%q is no span such as \"30 days\" or \"1 month\"", s)
	}
	if err := span.Validate(); err != nil {
		return 0, err
	}
	return span, nil
}

// Validate returns an [InvalidError] if s is unset, out of limits, or no span at
// all. Where a span may be left unset, that is for the caller to check before.
func (s Span) Validate() error {
	n, kind := int(s>>countsBits), s&countsMask
	limit, unit := 0, ""
	switch {
	case s == 0:
		return invalid("", "no span is given")
	case s == ForCycle, s == ForTerm, s == Forever:
		return nil
	case kind == countsDays:
		limit, unit = spanDayLimit, "day"
	case kind == countsMonths:
		limit, unit = spanMonthLimit, "month"
	default:
		return invalid("", "%d is no span", int32(s))
	}
	switch {
	case n < 1:
		return invalid("", "a span is at least 1 %s", unit)
	case n > limit:
		return invalid("", "a span is at most %d %ss", limit, unit)
	}
	return nil
}

// days returns the days of s, and false if it is not counted in days.
func (s Span) days() (int, bool) {
	if s&countsMask != countsDays || s.Validate() != nil {
		return 0, false
	}
	return int(s >> countsBits), true
}

// months returns the months of s, and false if it is not counted in months.
func (s Span) months() (int, bool) {
	if s&countsMask != countsMonths || s.Validate() != nil {
		return 0, false
	}
	return int(s >> countsBits), true
}

// times returns n of s in months or in days, never more than the calendar has. If
// s is no length of the calendar, one of it is all there is, and ok is false.
func (s Span) times(n int) (months, days int, ok bool) {
	if every, ok := s.months(); ok {
		return product(n, every), 0, true
	}
	if every, ok := s.days(); ok {
		return 0, product(n, every), true
	}
	return product(n, calendarDays), 0, false
}

// product returns n*every of what is not negative, at most calendarDays.
func product(n, every int) int {
	if n > calendarDays/every {
		return calendarDays
	}
	return n * every
}

// After returns the instant s later than t on the clocks and the calendar of
// zone: the same local time so many days or months on, in a shorter month on its
// last day. 30 days from 10 March 12:00 in Berlin is 9 April 12:00, which is 719
// hours. A local time that does not exist is the first instant after the gap;
// one that occurs twice is the earlier.
//
// The result is in UTC, at microseconds, t's smaller fractions dropped, and not
// later than the last microsecond of year 9999. It is false for a span that is
// no length of the calendar: [ForCycle], [ForTerm], [Forever], unset, or one
// whose Validate fails. A nil zone is UTC.
func (s Span) After(t time.Time, zone *time.Location) (time.Time, bool) {
	months, days, ok := s.times(1)
	if !ok {
		return time.Time{}, false
	}
	return shifted(local(t, zone), months, days), true
}

// String returns the span's text. That of the unset span is empty.
func (s Span) String() string {
	if s == 0 {
		return ""
	}
	if s.Validate() != nil {
		return fmt.Sprintf("span %d", int32(s))
	}
	switch s {
	case ForCycle:
		return "cycle"
	case ForTerm:
		return "term"
	case Forever:
		return "forever"
	}
	n, unit := int(s>>countsBits), "day"
	if s&countsMask == countsMonths {
		unit = "month"
		if n%12 == 0 {
			n, unit = n/12, "year"
		}
	}
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(n) + " " + unit + "s"
}

// MarshalText implements [encoding.TextMarshaler]. The unset span is the empty
// text. It returns an [InvalidError] if Validate fails for another reason.
func (s Span) MarshalText() ([]byte, error) {
	if s != 0 {
		if err := s.Validate(); err != nil {
			return nil, err
		}
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. The empty text is the
// unset span. It returns an [InvalidError] where [ParseSpan] does, and leaves s
// as it was.
func (s *Span) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = 0
		return nil
	}
	parsed, err := ParseSpan(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// Anchor is where a schedule's periods begin. The zero Anchor is unset and means
// [Anniversary]. Its text is "anniversary", "anniversary day" or "first of
// month".
type Anchor uint8

// The anchors.
const (
	Anniversary    Anchor = iota + 1 // at the instant of the subscription and that local time later on
	AnniversaryDay                   // at the start of the local day of the subscription and of days later on
	FirstOfMonth                     // at the subscription, then on the 1st of a month at 00:00 local
)

// String returns the anchor's text. That of the unset anchor is empty.
func (a Anchor) String() string {
	switch a {
	case 0:
		return ""
	case Anniversary:
		return "anniversary"
	case AnniversaryDay:
		return "anniversary day"
	case FirstOfMonth:
		return "first of month"
	default:
		return fmt.Sprintf("anchor %d", uint8(a))
	}
}

// MarshalText implements [encoding.TextMarshaler]. The unset anchor is the empty
// text. It returns an [InvalidError] if a is none of the anchors.
func (a Anchor) MarshalText() ([]byte, error) {
	if a > FirstOfMonth {
		return nil, invalid("", "%d is no anchor", uint8(a))
	}
	return []byte(a.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. The empty text is the
// unset anchor. It returns an [InvalidError] if text is no anchor's, and leaves a
// as it was.
func (a *Anchor) UnmarshalText(text []byte) error {
	for known := Anchor(0); known <= FirstOfMonth; known++ {
		if string(text) == known.String() {
			*a = known
			return nil
		}
	}
	if len(text) > calendarTextLimit {
		return invalid("", "an anchor of %d bytes: none has more than %d", len(text), calendarTextLimit)
	}
	return invalid("", "%q is no anchor such as \"anniversary\" or \"first of month\"", text)
}

// schedule is a row of instants, numbered from 0 without end. Each is computed
// from the anchor, never from the one before: 31 Jan, 28 Feb, 31 Mar, 30 Apr. All
// are in UTC, at microseconds, and not later than the last microsecond of year
// 9999, where the row stands still.
//
// Each is later than the one before, with one exception. In a row of single
// days at midnight, a date that the zone left out has the instant of the next
// date.
type schedule struct {
	Anchor time.Time      // when it began; years 1 to 9999, others count as the nearest
	Every  Span           // from one instant to the next; if it is no length of the calendar, there is no next
	By     Anchor         // how it is anchored; default [Anniversary]
	Zone   *time.Location // whose clocks and calendar count; default UTC
}

// Instant returns the schedule's n-th instant, in O(1). A negative n counts as 0.
//
//   - [Anniversary]: the anchor; then its local time n spans later, as [Span.After] has it.
//   - [AnniversaryDay]: the start of the anchor's local day; then of the day n spans later.
//   - [FirstOfMonth]: the anchor; then the n-th boundary after it. Boundaries are
//     the 1sts, at 00:00 local, of the months whose number since year 0 is a
//     multiple of Every: January, April, July and October for 3 months, January
//     for a year. Spans of days have no boundaries and count as for AnniversaryDay.
func (s schedule) Instant(n int) time.Time {
	n = min(max(n, 0), calendarDays)
	start := local(s.Anchor, s.Zone)
	months, days, ok := s.Every.times(n)
	switch {
	case s.byDay():
		year, month, day := dateAfter(start, months, days)
		return civil(start.Location(), year, month, day, 0, 0, 0, 0)
	case n == 0:
		// Not its local time: of a time that occurs twice it may be the later.
		return bounded(start)
	case s.By == FirstOfMonth && ok:
		every, _ := s.Every.months()
		return monthStart(product(boundaryAfter(start, every)+n-1, every), start.Location())
	default:
		return shifted(start, months, days)
	}
}

// byDay reports whether the schedule is one of whole local days.
func (s schedule) byDay() bool {
	_, inDays := s.Every.days()
	return s.By == AnniversaryDay || s.By == FirstOfMonth && inDays
}

// Index returns the number of the period that t is in: the n with
// Instant(n) <= t < Instant(n+1), or 0 before the first. It takes O(1). At the end
// of year 9999, where the row stands still, it is the last n before.
func (s schedule) Index(t time.Time) int {
	t = bounded(t)
	passed := func(n int) bool {
		at := s.Instant(n)
		return !at.After(t) && at.Before(last())
	}
	n := s.estimate(t)
	for n > 0 && !passed(n) {
		n--
	}
	for passed(n + 1) {
		n++
	}
	return n
}

// estimate returns Index(t), or one or two beside it, from the dates alone.
func (s schedule) estimate(t time.Time) int {
	from, to := local(s.Anchor, s.Zone), local(t, s.Zone)
	if every, ok := s.Every.months(); ok {
		if s.By == FirstOfMonth {
			return max(0, monthNumber(to)/every-boundaryAfter(from, every)+1)
		}
		return max(0, (monthNumber(to)-monthNumber(from))/every)
	}
	if every, ok := s.Every.days(); ok {
		return max(0, (dayNumber(to)-dayNumber(from))/every)
	}
	return 0
}

// boundaryAfter returns the number of the first boundary of calendar schedules
// after start, of all that are so many months apart since year 0.
func boundaryAfter(start time.Time, every int) int {
	next := monthNumber(start)/every + 1
	// Clocks set back over midnight show the old month again after the new began.
	if !monthStart(next*every, start.Location()).After(start) {
		next++
	}
	return next
}

// wholeDays returns how many local days begin before to, from the local day of
// from on, that day included: what proration by whole local days counts. It is 0
// if to is not after from. A date that the zone left out counts like any other.
func wholeDays(from, to time.Time, zone *time.Location) int {
	from, to = local(from, zone), local(to, zone)
	if !to.After(from) {
		return 0
	}
	days := dayNumber(to) - dayNumber(from)
	year, month, day := to.Date()
	for _, begun := range [...]int{day, day + 1} {
		// Tomorrow may have begun, too, before clocks were set back over midnight.
		if civil(to.Location(), year, month, begun, 0, 0, 0, 0).Before(to) {
			days++
		}
	}
	return days
}

// startOfDay returns the first instant of the local day of t.
func startOfDay(t time.Time, zone *time.Location) time.Time {
	t = local(t, zone)
	year, month, day := t.Date()
	return civil(t.Location(), year, month, day, 0, 0, 0, 0)
}

// monthStart returns the first instant of a month by its number since year 0.
func monthStart(number int, zone *time.Location) time.Time {
	return civil(zone, number/12, time.Month(number%12+1), 1, 0, 0, 0, 0)
}

// monthNumber returns the number of t's month since January of year 0.
func monthNumber(t time.Time) int {
	year, month, _ := t.Date()
	return 12*year + int(month) - 1
}

// dayNumber returns the number of t's date, in t's zone, since 1 January 1970.
func dayNumber(t time.Time) int {
	year, month, day := t.Date()
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// dateAfter returns the date so many months after that of t, in a shorter month
// its last day, and so many days after that. The day may be beyond its month.
func dateAfter(t time.Time, months, days int) (year int, month time.Month, day int) {
	_, _, day = t.Date()
	number := monthNumber(t) + months
	year, month = number/12, time.Month(number%12+1)
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return year, month, min(day, length) + days
}

// shifted returns the instant of t's local time on the date that dateAfter gives.
func shifted(t time.Time, months, days int) time.Time {
	year, month, day := dateAfter(t, months, days)
	hour, minute, sec := t.Clock()
	return civil(t.Location(), year, month, day, hour, minute, sec, t.Nanosecond())
}

// local returns t within the calendar's bounds, on the clocks of zone.
func local(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	return bounded(t).In(zone)
}

// bounded returns t in UTC, at microseconds, the nearest within years 1 to 9999.
func bounded(t time.Time) time.Time {
	switch second := t.Unix(); {
	case second < earliestSecond:
		return time.Unix(earliestSecond, 0).UTC()
	case second > latestSecond:
		return last()
	}
	return t.Truncate(time.Microsecond).UTC()
}

// last returns the last instant of the calendar.
func last() time.Time {
	return time.Unix(latestSecond, 999_999_000).UTC()
}

// civil returns the instant at which the clocks of zone show a local time: the
// earlier if they show it twice, the first instant after the gap if they never
// do. A day or a month beyond its range counts on into the next.
//
// This is the one way from a local time to an instant. [time.Date] does not do:
// of a time in a gap it makes one before or after it by as much, so of a midnight
// that does not exist one on the day before (São Paulo, 15 October 2017).
func civil(zone *time.Location, year int, month time.Month, day, hour, minute, sec, nsec int) time.Time {
	shown := time.Date(year, month, day, hour, minute, sec, nsec, time.UTC)
	if zone == time.UTC {
		return bounded(shown)
	}
	// Walk the stretches of one offset, in order, that could show the time. The
	// first that does is the earliest.
	var gap time.Time
	at := shown.Add(-offsetLimit).In(zone)
	for first := true; ; first = false {
		_, offset := at.Zone()
		end, ends := offsetEnd(at)
		there := shown.Add(-time.Duration(offset) * time.Second)
		switch {
		case ends && !there.Before(end):
			// Not yet: a later stretch shows it, or a gap before that leaves it out.
		case first || !there.Before(at):
			return bounded(there)
		case gap.IsZero():
			// Clocks went past it at once. They may yet be set back to it.
			gap = at
		}
		if !gap.IsZero() && (!ends || end.After(shown.Add(offsetLimit))) {
			return bounded(gap)
		}
		at = end
	}
}

// offsetEnd returns an instant after t up to which t's zone keeps the offset it
// has at t, and false if it does for good. It may go on after it all the same.
func offsetEnd(t time.Time) (time.Time, bool) {
	_, end := t.ZoneBounds()
	if end.IsZero() {
		return end, false
	}
	if !end.After(t) {
		// ZoneBounds ends a year that follows a rule after 365 days, so on the
		// last day of a leap year the end is over. The offset is still the year's.
		end = time.Date(t.UTC().Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC).In(t.Location())
	}
	return end, true
}
