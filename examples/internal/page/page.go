// Package page lays out what the example programs print: text in paragraphs,
// tables, amounts and dates as people read them.
package page

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"example.com/credits"
)

// Width is how many columns a page has.
const Width = 92

// Page is text in the making. The zero Page is empty.
type Page struct{ text strings.Builder }

// String returns the text so far.
func (p *Page) String() string { return p.text.String() }

func (p *Page) printf(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

// Title begins the page, with something at its right margin.
func (p *Page) Title(left, right string) {
	p.printf("%s%*s\n%s\n", left, Width-width(left), right, strings.Repeat("=", Width))
}

// Heading begins a chapter.
func (p *Page) Heading(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.printf("\n%s\n%s\n", text, strings.Repeat("-", width(text)))
}

// Say adds a paragraph, broken into lines that fit.
func (p *Page) Say(format string, args ...any) {
	line := " "
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if width(line)+1+width(word) > Width {
			p.printf("%s\n", line)
			line = " "
		}
		line += " " + word
	}
	p.printf("%s\n", line)
}

// Gap adds an empty line.
func (p *Page) Gap() { p.printf("\n") }

// Table adds a table, indented by two.
func (p *Page) Table(t *Table) { p.printf("%s", t) }

// Panel adds a table in a frame with a title: what a screen of the host would show.
func (p *Page) Panel(title string, t *Table) {
	lines := strings.Split(strings.TrimSuffix(t.String(), "\n"), "\n")
	inner := width(title) + 2
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
		inner = max(inner, width(lines[i]))
	}
	p.printf("  +- %s %s+\n", title, strings.Repeat("-", inner-1-width(title)))
	for _, line := range lines {
		p.printf("  | %s%s |\n", line, strings.Repeat(" ", inner-width(line)))
	}
	p.printf("  +%s+\n", strings.Repeat("-", inner+2))
}

// Number returns an amount as people read it: 12,345.6.
func Number(a credits.Amount) string { return Grouped(a.String()) }

// Money returns an amount of money, such as "1,449.00 EUR", or a dash for none.
func Money(m credits.Money) string {
	if m.IsZero() {
		return "-"
	}
	amount, currency, _ := strings.Cut(m.String(), " ")
	return Grouped(amount) + " " + currency
}

// Count returns a number of things: 1 day, 2 days.
func Count(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return Grouped(fmt.Sprint(n)) + " " + thing
}

// Bar returns a bar of so many columns, filled as far as an amount goes in the
// whole: not at all below 0, and all of it from the whole on.
func Bar(a, whole credits.Amount, columns int) string {
	filled := 0
	if whole > 0 && a > 0 {
		filled = min(columns, int(float64(a)/float64(whole)*float64(columns)))
	}
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", columns-filled) + "]"
}

// Grouped returns a number with commas between its thousands.
func Grouped(number string) string {
	whole, decimals, fractional := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fractional {
		whole += "." + decimals
	}
	return sign + whole
}

func width(s string) int { return utf8.RuneCountInString(s) }
