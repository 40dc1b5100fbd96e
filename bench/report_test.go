package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRowOfSamples(t *testing.T) {
	r := newResults()
	for _, rate := range []float64{100, 400, 200} { // in turn with the other
		r.add("a/ours", sample{rate: rate})
		r.add("a/naive", sample{rate: 50})
	}
	r.lacks("b/", "there is no b")
	debit := func(id string, g *goal) row {
		return row{what: "debit", unit: times, goal: g, values: ratio(id+"ours", id+"naive"), shown: []string{id + "ours", id + "naive"}}
	}
	for _, test := range []struct {
		name string
		row  row
		want []string
	}{
		{
			name: "holds for the median", row: debit("a/", least(4)),
			want: []string{"debit", "", "≥ 4 ×", "4 ×", "2 × .. 8 ×", "holds", "ours 200 /s, naive 50 /s"},
		},
		{
			name: "missed", row: debit("a/", least(5)),
			want: []string{"debit", "", "≥ 5 ×", "4 ×", "2 × .. 8 ×", "**missed**", "ours 200 /s, naive 50 /s"},
		},
		{
			name: "nothing is owed", row: debit("a/", nil),
			want: []string{"debit", "", "", "4 ×", "2 × .. 8 ×", "", "ours 200 /s, naive 50 /s"},
		},
		{
			name: "could not be had", row: debit("b/", most(5)),
			want: []string{"debit", "", "≤ 5 ×", "there is no b", "", "not measured", ""},
		},
		{
			name: "was not run", row: debit("c/", nil),
			want: []string{"debit", "", "", notMeasured, "", "not measured", ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.row.measured(r).cells(); !slices.Equal(got, test.want) {
				t.Errorf("the line is %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryRowOfTheTableHasItsSamples(t *testing.T) {
	for _, sc := range []scale{small, full} {
		for _, r := range table(sc) {
			if r.what == "" || r.unit == nil || r.values == nil {
				t.Errorf("row %+v is not whole", r)
			}
			if l := r.measured(newResults()); l.why != notMeasured {
				t.Errorf("%s: without samples it says %q", r.what, l.why)
			}
		}
	}
}

func TestDocumentKeepsWhatStandsAround(t *testing.T) {
	doc := filepath.Join(t.TempDir(), "doc.md")
	before, after := "# Speed\n\n", "\nThe end.\n"
	if err := os.WriteFile(doc, []byte(before+mark("begin")+"old\n"+mark("end")+after), 0o600); err != nil {
		t.Fatal(err)
	}
	rep := report{conditions: conditions{took: time.Minute, rounds: 5, cores: 2}, charts: []chart{example()}}
	for range 2 { // again, and it stays the same
		if err := rep.write(doc); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, before+mark("begin")) || !strings.HasSuffix(got, mark("end")+after) || strings.Contains(got, "old") {
		t.Errorf("the document is now:\n%s", got)
	}
	if !strings.Contains(got, "](bench/charts/entries-debit.svg)") {
		t.Errorf("the document does not show the chart:\n%s", got)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(doc), "bench", "charts", "entries-debit.svg")); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(doc, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rep.write(doc); err == nil {
		t.Error("a document without marks was written")
	}
}
