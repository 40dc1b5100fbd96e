package storetest

import (
	"os"
	"strings"
	"testing"
)

// TestRulesAreQuoted sees that every rule that a case names is in the
// documentation of package store, word for word.
func TestRulesAreQuoted(t *testing.T) {
	var words string
	for _, file := range []string{"../store.go", "../optional.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		words += strings.Join(strings.Fields(strings.ReplaceAll(string(source), "//", " ")), " ") + "\n"
	}
	for _, c := range append(cases(), cases(Pruner, Digester)...) {
		if !strings.Contains(words, c.rule) {
			t.Errorf("case %q quotes a rule that package store does not have: %q", c.name, c.rule)
		}
	}
}
