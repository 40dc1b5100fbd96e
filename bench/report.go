package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// report is what a run has to say.
type report struct {
	conditions conditions
	lines      []line
	charts     []chart
}

// line is a row with what was measured.
type line struct {
	row
	spread  spread
	figures string // what was compared
	why     string // why it was not measured; empty if it was
}

func (b *bench) report(c conditions) report {
	rep := report{conditions: c, charts: b.charts()}
	for _, r := range table(b.scale) {
		rep.lines = append(rep.lines, r.measured(b.results))
	}
	return rep
}

func (r row) measured(from *results) line {
	l := line{row: r}
	v, err := r.values(from)
	if err != nil {
		l.why = err.Error()
		return l
	}
	l.spread = spreadOf(v)
	var shown []string
	for _, id := range r.shown {
		if all, err := rates(id, max(r.each, 1))(from); err == nil {
			shown = append(shown, lastName(id)+" "+perSecond(spreadOf(all).median))
		}
	}
	l.figures = strings.Join(shown, ", ")
	return l
}

// lastName returns the last part of a contender's name: who it is, or at which size.
func lastName(id string) string {
	name := id[strings.LastIndexByte(id, '/')+1:]
	if size, err := strconv.Atoi(name); err == nil {
		return "at " + thousands(size)
	}
	return name
}

// bar writes what a line is held to.
func (l line) bar() string {
	switch {
	case l.goal == nil:
		return ""
	case l.goal.most:
		return "≤ " + l.unit(l.goal.bound)
	default:
		return "≥ " + l.unit(l.goal.bound)
	}
}

// verdict says whether the bar holds, for the median.
func (l line) verdict() string {
	switch {
	case l.why != "":
		return "not measured"
	case l.goal == nil:
		return ""
	case l.goal.holds(l.spread.median):
		return "holds"
	default:
		return "**missed**"
	}
}

// cells are those of a line of the table.
func (l line) cells() []string {
	measured, between := l.why, ""
	if l.why == "" {
		measured = l.unit(l.spread.median)
		if low, high := l.unit(l.spread.low), l.unit(l.spread.high); low != high {
			between = low + " .. " + high
		}
	}
	return []string{l.what, l.where, l.bar(), measured, between, l.verdict(), l.figures}
}

var headings = []string{"What", "Where", "Bar", "Median", "Spread", "", "Figures"}

// markdown writes the table as it stands in the document.
func (rep report) markdown() string {
	var b strings.Builder
	c := rep.conditions
	fmt.Fprintf(&b, "Measured with `go -C bench run .` in %v, each row %d times: %d cores, %s, %s, PostgreSQL %s, SQLite %s; "+
		"an append of 128 bytes and its fsync take %v. Clients and servers share the cores.\n\n",
		c.took.Round(time.Second), c.rounds, c.cores, c.system, c.golang, orNone(c.postgres), strings.Join(c.sqlite, " and "), c.fsync.Round(time.Microsecond))
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(headings, " | "), strings.Repeat("---|", len(headings)))
	for _, l := range rep.lines {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(l.cells(), " | "))
	}
	for _, ch := range rep.charts {
		fmt.Fprintf(&b, "\n![%s](bench/%s)\n", ch.title, ch.file())
	}
	return b.String()
}

func orNone(version string) string {
	if version == "" {
		return "not measured"
	}
	return version
}

// text writes the table for a terminal.
func (rep report) text() string {
	rows := [][]string{headings}
	for _, l := range rep.lines {
		rows = append(rows, l.cells())
	}
	widths := make([]int, len(headings))
	for _, cells := range rows {
		for i, text := range cells {
			widths[i] = max(widths[i], len([]rune(text)))
		}
	}
	var b strings.Builder
	for _, cells := range rows {
		var line strings.Builder
		for i, text := range cells {
			line.WriteString(text + strings.Repeat(" ", widths[i]-len([]rune(text))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	fmt.Fprintf(&b, "\nin %v\n", rep.conditions.took.Round(time.Second))
	return b.String()
}

// mark is the line between which and whose like the program writes.
func mark(what string) string { return "<!-- bench:" + what + " -->\n" }

// write puts the tables between the marks of a document, and the charts beside.
func (rep report) write(doc string) error {
	old, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	text, err := between(old, mark("begin"), mark("end"), rep.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", doc, err)
	}
	for _, ch := range rep.charts {
		file := filepath.Join(filepath.Dir(doc), "bench", ch.file())
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, ch.svg(), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(doc, text, 0o644)
}

// between returns text with what stands between two marks replaced.
func between(text []byte, begin, end, with string) ([]byte, error) {
	before, rest, found := bytes.Cut(text, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !found || !ended {
		return nil, errors.New("has no marks for what is measured")
	}
	return []byte(string(before) + begin + with + end + string(after)), nil
}
