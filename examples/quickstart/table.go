package main

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table lays out rows of text in columns.
type table struct {
	align string // of each column: l left, r right, n numbers with their points in line
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// rule adds a line under the numbers above it.
func (t *table) rule() { t.rows = append(t.rows, nil) }

// String returns the rows, each on a line that is indented by two spaces.
func (t *table) String() string {
	widths, points := make([]int, len(t.align)), make([]int, len(t.align))
	for _, row := range t.rows {
		for i, cell := range row {
			points[i] = max(points[i], fraction(t.align[i], cell))
		}
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(t.pad(i, cell, points[i])))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		line.WriteString(" ")
		for i, w := range widths {
			cell := ""
			switch {
			case row != nil && i < len(row):
				cell = t.pad(i, row[i], points[i])
			case row == nil && t.align[i] != 'l':
				cell = strings.Repeat("-", w)
			}
			gap := strings.Repeat(" ", w-width(cell))
			if t.align[i] == 'l' {
				line.WriteString(" " + cell + gap)
			} else {
				line.WriteString(" " + gap + cell)
			}
			line.WriteString(" ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// pad returns a cell with spaces for the decimals that others of its column have.
func (t *table) pad(column int, cell string, point int) string {
	if t.align[column] != 'n' || !isNumber(cell) {
		return cell
	}
	return cell + strings.Repeat(" ", point-fraction('n', cell))
}

// fraction returns how wide a number is from its point on.
func fraction(align byte, cell string) int {
	_, decimals, ok := strings.Cut(cell, ".")
	if align != 'n' || !ok || !isNumber(cell) {
		return 0
	}
	return 1 + len(decimals)
}

func isNumber(cell string) bool {
	return cell != "" && strings.IndexFunc(cell, func(r rune) bool { return !strings.ContainsRune("-0123456789.,", r) }) < 0
}

// grouped returns a number with commas between its thousands.
func grouped(number string) string {
	whole, decimals, fractional := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	var parts []string
	for len(whole) > 3 {
		parts = append(parts, whole[len(whole)-3:])
		whole = whole[:len(whole)-3]
	}
	parts = append(parts, whole)
	slices.Reverse(parts)
	number = sign + strings.Join(parts, ",")
	if fractional {
		number += "." + decimals
	}
	return number
}

func width(s string) int { return utf8.RuneCountInString(s) }

// fit returns s without what would disturb a terminal, and not wider than n.
func fit(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if width(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
