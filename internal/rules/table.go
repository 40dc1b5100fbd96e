package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A group is some rules under one heading. Those that are not in the table are
// only known.
type group struct {
	title  string
	tabled bool
	rules  []rule
}

// A rule is an ID and what it is about.
type rule struct{ id, title string }

// parseRules parses the list of rules. Its first lines say what it looks like.
func parseRules(text string) ([]group, error) {
	var groups []group
	seen := map[string]bool{}
	tabled := true
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		title, isTitle := strings.CutPrefix(line, "[")
		id, about, _ := strings.Cut(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "---":
			tabled = false
		case isTitle:
			groups = append(groups, group{title: strings.TrimSuffix(title, "]"), tabled: tabled})
		case !slices.Equal(idsIn(id), []string{id}) || about == "" || strings.Contains(about, "|"):
			return nil, fmt.Errorf("rules.txt:%d: %q is not a rule's ID and what it is about", i+1, line)
		case seen[id] || len(groups) == 0:
			return nil, fmt.Errorf("rules.txt:%d: %s is there twice, or in no group", i+1, id)
		default:
			seen[id] = true
			g := &groups[len(groups)-1]
			g.rules = append(g.rules, rule{id, about})
		}
	}
	if len(seen) == 0 {
		return nil, errors.New("rules.txt: there are no rules")
	}
	return groups, nil
}

// unknown returns a line for each place where a test names a rule that there is not.
func unknown(groups []group, found *evidence) []string {
	known := map[string]bool{}
	for _, g := range groups {
		for _, r := range g.rules {
			known[r.id] = true
		}
	}
	var lines []string
	for _, m := range found.mentions {
		if !known[m.id] {
			lines = append(lines, fmt.Sprintf("%s:%d: there is no rule %s", m.file, m.line, m.id))
		}
	}
	return lines
}

// missing returns a line for each rule of the table that no test proves.
func missing(groups []group, found *evidence) []string {
	var lines []string
	for _, g := range groups {
		for _, r := range g.rules {
			if g.tabled && len(found.proofs[r.id]) == 0 {
				lines = append(lines, fmt.Sprintf("no test proves %s: %s", r.id, r.title))
			}
		}
	}
	return lines
}

// shown is how many proofs of a rule the table links to.
const shown = 3

// render returns the table: rules, what they are about, and where they are proven.
func render(groups []group, found *evidence) []byte {
	var b bytes.Buffer
	b.WriteString("| Rule | What it is about | Proven by |\n|---|---|---|\n")
	for _, g := range groups {
		if !g.tabled {
			continue
		}
		fmt.Fprintf(&b, "| | **%s** | |\n", g.title)
		for _, r := range g.rules {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.id, r.title, links(found.proofs[r.id]))
		}
	}
	return b.Bytes()
}

// links returns links to the first proofs, and how many more there are.
func links(proofs []proof) string {
	if len(proofs) == 0 {
		return "nothing yet"
	}
	var all []string
	for _, p := range proofs[:min(shown, len(proofs))] {
		all = append(all, fmt.Sprintf("[%s](%s)", p.name, p.file))
	}
	text := strings.Join(all, ", ")
	if more := len(proofs) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
