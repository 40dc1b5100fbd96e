package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// bugs are changes to the library that the model has to notice. Each is a text
// that stands once in a file of the library, and what is put in its place.
var bugs = []struct {
	rule, name string
	file       string
	old, new   string
}{
	{
		"T-1", "a lot that ends now still takes back",
		"due.go", "case l.expires <= t:\n\t\treturn Expired", "case l.expires < t:\n\t\treturn Expired",
	},
	{
		"T-6", "a deadline at a reset comes after the rollover",
		"due.go", "giveBack(nil, h.parts, Held, t-1)", "giveBack(nil, h.parts, Held, t)",
	},
	{
		"S-1", "the burn order ignores expiry",
		"lot.go", "cmp.Compare(a.expires, b.expires); c != 0", "cmp.Compare(a.expires, b.expires); c != 0 && false",
	},
	{
		"S-6", "nothing happens at the deadline of a hold",
		"state.go", "t := min(s.lotDue, s.holdDue)", "t := s.lotDue",
	},
	{
		"S-7", "a reversal begins with what was taken first",
		"reverse.go", "range slices.Backward(pieces)", "range slices.All(pieces)",
	},
	{
		"S-8", "what a reversal returns pays no debt",
		"reverse.go", "if ln.To == Available {", "if ln.To == Available && false {",
	},
	{
		"S-9", "the cap of a rollover is not applied",
		"due.go", "amount = min(amount, limit)", "amount = max(amount, min(amount, limit))",
	},
	{
		"P-3", "a purchase leaves out the debt that it pays first",
		"autopurchase.go", "return addAmount(short, t.debt)", "return addAmount(short, 0)",
	},
}

// TestControls puts bugs into copies of the library's files, one at a time, and
// fails if the model does not notice. It builds the library anew for each, so
// it runs where CREDITS_MODEL_CONTROLS or CI is set.
func TestControls(t *testing.T) {
	if os.Getenv("CREDITS_MODEL_CONTROLS") == "" && os.Getenv("CI") == "" {
		t.Skip("set CREDITS_MODEL_CONTROLS=1 to see the model notice bugs that are put into the library")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, bug := range bugs {
		t.Run(bug.rule+"/"+bug.name, func(t *testing.T) {
			file := filepath.Join(root, bug.file)
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), bug.old); n != 1 {
				t.Fatalf("%q stands %d times in %s: the control has to follow the code", bug.old, n, bug.file)
			}
			output := runWith(t, file, strings.Replace(string(source), bug.old, bug.new, 1))
			found := regexp.MustCompile(`\[rapid\] failed after (\d+) tests: (.*)`).FindStringSubmatch(output)
			if found == nil {
				t.Fatalf("the model did not notice:\n%s", output)
			}
			t.Logf("noticed after %s lives: %s", found[1], found[2])
		})
	}
}

// runWith runs the model on a library in which one file has another content,
// and returns what that printed. It fails if the model found nothing.
func runWith(t *testing.T, file, content string) string {
	dir := t.TempDir()
	copied := filepath.Join(dir, filepath.Base(file))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: copied}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	for name, data := range map[string][]byte{copied: []byte(content), list: overlay} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	test := exec.CommandContext(ctx, "go", "test", "-overlay="+list, "-run=^TestModel$", "-count=1", "-vet=off", ".",
		"-rapid.nofailfile", "-rapid.shrinktime=0s")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "CREDITS_MODEL_") {
			test.Env = append(test.Env, v)
		}
	}
	output, err := test.CombinedOutput()
	if exit := new(exec.ExitError); err == nil || !errors.As(err, &exit) {
		t.Fatalf("the model found nothing (%v):\n%s", err, output)
	}
	return string(output)
}
