package storetest

import (
	"os"
	"strings"
	"testing"
)

// TestRulesAreQuoted sees that every rule that a case names is in the
// documentation of package store, word for word.
func TestRulesAreQuoted(t *testing.T) {
	source, err := os.ReadFile("../store.go")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "//", " ")), " ")
	for _, c := range cases() {
		if !strings.Contains(words, c.rule) {
			t.Errorf("case %q quotes a rule that package store does not have: %q", c.name, c.rule)
		}
	}
}
