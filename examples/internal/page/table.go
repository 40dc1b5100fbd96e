package page

import "strings"

// Table is rows of text in columns.
type Table struct {
	align string
	rows  [][]string
}

// NewTable returns a table whose columns are aligned to the left (l), to the
// right (r), or as numbers, with their points in line (n). head is its first row;
// it may be left out.
func NewTable(align string, head ...string) *Table {
	t := &Table{align: align}
	if len(head) > 0 {
		t.Add(head...)
	}
	return t
}

// Add adds a row. Cells at its end may be left out.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Rule adds a line under the numbers above it.
func (t *Table) Rule() { t.rows = append(t.rows, nil) }

// String returns the rows, each on a line that is indented by two spaces.
func (t *Table) String() string {
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
		line := " "
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
				line += " " + cell + gap + " "
			} else {
				line += " " + gap + cell + " "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// pad returns a cell with spaces for the decimals that others of its column have.
func (t *Table) pad(column int, cell string, point int) string {
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
	return cell != "" && strings.Trim(cell, "+-0123456789.,") == ""
}
