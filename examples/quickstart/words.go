package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/credits"
)

// number returns an amount as people read it: 12,345.6.
func number(a credits.Amount) string { return grouped(a.String()) }

// money returns an amount of money, or a dash for none.
func money(m credits.Money) string {
	if m.IsZero() {
		return "-"
	}
	amount, currency, _ := strings.Cut(m.String(), " ")
	return grouped(amount) + " " + currency
}

// percent returns what part of a whole an amount is.
func percent(a, whole credits.Amount) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(a)/float64(whole))
}

// part returns how long the bar of an amount is: at least one if it is not 0.
func part(a, highest credits.Amount) int {
	if a <= 0 {
		return 0
	}
	return max(1, int(float64(a)/float64(highest)*barWidth+0.5))
}

// count returns a number of things: 1 day, 2 days.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return grouped(fmt.Sprint(n)) + " " + thing
}

// amounts lists amounts of several units: 10,000 credits and 5 GB.
func amounts(all map[credits.Unit]credits.Amount) string {
	var texts []string
	for _, unit := range slices.Sorted(maps.Keys(all)) {
		text := number(all[unit]) + " " + unitName(unit)
		if text == "1 credits" {
			text = "1 credit"
		}
		texts = append(texts, text)
	}
	if n := len(texts); n > 1 {
		return strings.Join(texts[:n-1], ", ") + " and " + texts[n-1]
	}
	return strings.Join(texts, "")
}

func unitName(u credits.Unit) string {
	if u == "" {
		return "credits"
	}
	return fit(string(u), nameWidth)
}

func sourceName(s credits.Source) string {
	switch s {
	case credits.FromAllowance:
		return "from the plan"
	case credits.FromPurchase:
		return "bought"
	case credits.FromAuto:
		return "auto-purchase"
	default:
		return s.String()
	}
}

// local returns an instant on the wallet's clocks.
func (a *account) local(t time.Time) time.Time { return t.In(a.wallet.Zone()) }

// period returns the first and the last date of a period.
func (a *account) period(p credits.Period) string {
	return a.dates(p, "2 January", "2 January 2006")
}

func (a *account) short(p credits.Period) string {
	return a.dates(p, "2 Jan", "2 Jan 2006")
}

func (a *account) dates(p credits.Period, sameYear, full string) string {
	first, last := a.local(p.Start), p.LastDay(a.wallet.Zone())
	if first.Year() != last.Year() {
		sameYear = full
	}
	return first.Format(sameYear) + " to " + last.Format(full)
}

// date returns a local date as midnight UTC, so that dates can be counted.
func date(local time.Time) time.Time {
	year, month, day := local.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func daysBetween(from, to time.Time) int {
	return int(date(to).Sub(date(from)) / (24 * time.Hour))
}
