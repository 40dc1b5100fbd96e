// Command rules writes the table in README.md that says where each rule is
// proven, and checks it. A rule is proven by the tests that carry its ID: in the
// name of a test function, in a string of it that is no message, such as the name
// of a subtest or a row of a table, or in the title of a story. Run it at the top
// of the repository:
//
//	go run ./internal/rules              # prints the table
//	go run ./internal/rules -w           # writes it into README.md
//	go run ./internal/rules -check       # fails where README.md is out of date or a test names no rule
//	go run ./internal/rules -complete    # fails, too, where a rule of the table has no proof
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

//go:embed rules.txt
var ruleText string

func main() {
	os.Exit(run(os.Args[1:], ruleText, os.Stdout, os.Stderr))
}

// run carries out the command and returns its exit code: 1 for what it found, 2
// for what kept it from looking.
func run(args []string, text string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rules", flag.ContinueOnError)
	flags.SetOutput(stderr)
	write := flags.Bool("w", false, "write the table into README.md")
	check := flags.Bool("check", false, "fail if README.md is out of date or a test names a rule that there is not")
	complete := flags.Bool("complete", false, "fail, too, if a rule of the table has no proof (implies -check)")
	root := flags.String("root", ".", "`directory` of the repository")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || *write && (*check || *complete) {
		fmt.Fprintln(stderr, "usage: rules [-root directory] [-w | -check | -complete]")
		return 2
	}
	findings, err := work(*root, text, *write, *check || *complete, *complete, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "rules:", err)
		return 2
	}
	for _, f := range findings {
		fmt.Fprintln(stderr, f)
	}
	if len(findings) > 0 {
		return 1
	}
	return 0
}

// work returns what is wrong with the tests and with the table of README.md.
func work(root, text string, write, check, complete bool, stdout io.Writer) ([]string, error) {
	rules, err := parseRules(text)
	if err != nil {
		return nil, err
	}
	found, err := scan(os.DirFS(root))
	if err != nil {
		return nil, err
	}
	table := render(rules, found)
	findings := unknown(rules, found)
	if complete {
		findings = append(findings, missing(rules, found)...)
	}
	if !write && !check {
		_, err := stdout.Write(table)
		return findings, err
	}
	path := filepath.Join(root, "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	want, err := replace(readme, table)
	switch {
	case err != nil:
		return nil, fmt.Errorf("README.md: %w", err)
	case bytes.Equal(readme, want):
		return findings, nil
	case write:
		return findings, os.WriteFile(path, want, 0o644)
	default:
		return append(findings, "README.md: the table of rules is out of date: make rules"), nil
	}
}

// begin and end are the lines of README.md between which the table is.
const (
	begin = "<!-- rules: what follows is written by `make rules` -->\n"
	end   = "<!-- rules: end -->\n"
)

// replace returns readme with table between its marks.
func replace(readme, table []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(readme, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed || bytes.Contains(after, []byte(begin)) {
		return nil, fmt.Errorf("there has to be one pair of marks for the table, %q and %q", begin, end)
	}
	return bytes.Join([][]byte{before, []byte(begin + "\n"), table, []byte("\n" + end), after}, nil), nil
}
