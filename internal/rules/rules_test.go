package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rules of the tests below.
const someRules = "# Words.\n[Ann]\nMK-01 one\nMK-02 two\n[Bob]\nP-3 three\n---\n[Time]\nT-1 known\n"

const marked = "# acme\n" + begin + end + "The end.\n"

// repository writes files into a directory of their own.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func call(root string, args ...string) (code int, stdout, stderr string) {
	var out, faults bytes.Buffer
	code = run(append([]string{"-root", root}, args...), someRules, &out, &faults)
	return code, out.String(), faults.String()
}

func TestWhatIsAProof(t *testing.T) {
	for _, tt := range []struct {
		name string
		file string // default: a_test.go
		code string
		want string // of MK-01; default: nothing yet
	}{
		{name: "name of a subtest", code: `func TestA(t *testing.T) { t.Run("MK-01/monthly", nil) }`, want: "[TestA](a_test.go)"},
		{name: "name of a subtest, put together", code: `func TestA(t *testing.T) { t.Run("MK-01/"+name, nil) }`, want: "[TestA](a_test.go)"},
		{name: "row", code: "func TestA(t *testing.T) { run(row{`P-3, MK-01: both`, 1}) }", want: "[TestA](a_test.go)"},
		{name: "row with a field's name", code: `func TestA(t *testing.T) { run(row{name: "MK-01"}) }`, want: "[TestA](a_test.go)"},
		{name: "key of a map", code: `func TestA(t *testing.T) { run(map[string]int{"MK-01": 1}) }`, want: "[TestA](a_test.go)"},
		{name: "table outside", code: "var rows = []string{\"MK-01\"}\nfunc TestA(t *testing.T) { run(rows) }", want: "[TestA](a_test.go)"},
		{name: "table of a helper's helper", code: "func TestA(t *testing.T) { f() }\nfunc f() { g() }\nfunc g() { f(); run(\"MK-01\") }", want: "[TestA](a_test.go)"},
		{name: "name of a test", code: `func TestMK01(t *testing.T) {}`, want: "[TestMK01](a_test.go)"},
		{name: "within the name of a test", code: `func TestBuying_MK01_Monthly(t *testing.T) {}`, want: "[TestBuying_MK01_Monthly](a_test.go)"},
		{name: "example", code: `func ExampleBuy() { run("MK-01") }`, want: "[ExampleBuy](a_test.go)"},
		{name: "fuzz target", code: `func FuzzBuy(f *testing.F) { run("MK-01") }`, want: "[FuzzBuy](a_test.go)"},
		{name: "another module", file: "x/y/b_test.go", code: `func TestA(t *testing.T) { run("MK-01") }`, want: "[TestA](x/y/b_test.go)"},
		{name: "twice in a test", code: `func TestA(t *testing.T) { run("MK-01"); run("MK-01/more") }`, want: "[TestA](a_test.go)"},
		{name: "four tests", code: `func TestA(t *testing.T) { run("of MK-01") }
			func TestB(t *testing.T) { run("MK-01", "P-3") }
			func TestC(t *testing.T) { run("MK-01", "MK-01", "P-3") }
			func TestD(t *testing.T) { run("MK-01") }`, want: "[TestD](a_test.go), [TestC](a_test.go), [TestB](a_test.go) and 1 more"},
		{name: "story", file: "testdata/scenarios/buying.txt", code: "# Buying (MK-01, MK-02)\nat noon\n", want: "[story buying](testdata/scenarios/buying.txt)"},

		{name: "comment", code: "// MK-01\nfunc TestA(t *testing.T) { run() /* MK-01 */ }"},
		{name: "message", code: `func TestA(t *testing.T) { t.Errorf("MK-01: " + ("got %v"), 1) }`},
		{name: "table that no test has", code: `var rows = []string{"MK-01"}`},
		{name: "helper that no test calls", code: "func TestA(t *testing.T) {}\nfunc f() { run(\"MK-01\") }"},
		{name: "benchmark", code: `func BenchmarkA(b *testing.B) { run("MK-01") }`},
		{name: "method", code: `func (s S) TestA(t *testing.T) { run("MK-01") }`},
		{name: "no test", code: `func Testify(t *testing.T) { run("MK-01") }`},
		{name: "part of a word", code: `func TestA(t *testing.T) { run("XMK-01", "MK-011x", "MK-01x", "a-MK-01") }`},
		{name: "part of a name", code: `func TestXMK01(t *testing.T) {}`},
		{name: "program", file: "a.go", code: `func TestA() { run("MK-01") }`},
		{name: "test data", file: "testdata/b_test.go", code: `func TestA(t *testing.T) { run("MK-01") }`},
		{name: "vendored", file: "vendor/b_test.go", code: `func TestA(t *testing.T) { run("MK-01") }`},
		{name: "of this command", file: "internal/rules/b_test.go", code: `func TestA(t *testing.T) { run("MK-01") }`},
		{name: "line of a story", file: "testdata/scenarios/buying.txt", code: "# Buying\n# MK-01\n"},
		{name: "notes about stories", file: "testdata/scenarios/README.md", code: "# MK-01\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"z_test.go": "package a\n"}
			if tt.file == "" {
				tt.file = "a_test.go"
			}
			if strings.HasSuffix(tt.file, ".go") {
				tt.code = "package a\n\n" + tt.code
			}
			if tt.want == "" {
				tt.want = "nothing yet"
			}
			files[tt.file] = tt.code
			_, table, _ := call(repository(t, files))
			if want := "\n| MK-01 | one | " + tt.want + " |\n"; !strings.Contains(table, want) {
				t.Errorf("the table has not %q:\n%s", want, table)
			}
		})
	}
}

func TestWriteAndCheck(t *testing.T) {
	root := repository(t, map[string]string{
		"README.md":     marked,
		"a_test.go":     "package a\n\nfunc TestA(t *testing.T) { run(\"MK-01\", \"T-1\") }\n",
		"b/go.mod":      "module b\n",
		"b/c/d_test.go": "package c\n\nfunc TestP3(t *testing.T) {}\n",
	})
	readme := func() string {
		text, err := os.ReadFile(filepath.Join(root, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := "# acme\n" + begin + `
| Rule | What it is about | Proven by |
|---|---|---|
| | **Ann** | |
| MK-01 | one | [TestA](a_test.go) |
| MK-02 | two | nothing yet |
| | **Bob** | |
| P-3 | three | [TestP3](b/c/d_test.go) |

` + end + "The end.\n"

	const stale = "README.md: the table of rules is out of date: make rules\n"
	if code, out, faults := call(root, "-check"); code != 1 || out != "" || faults != stale || readme() != marked {
		t.Errorf("checking an old table: exit code %d, %q, %q", code, out, faults)
	}
	for range 2 {
		if code, out, faults := call(root, "-w"); code != 0 || out != "" || faults != "" {
			t.Errorf("writing: exit code %d, %q, %q", code, out, faults)
		}
		if diff := cmp.Diff(want, readme()); diff != "" {
			t.Errorf("README.md (-want +got):\n%s", diff)
		}
	}
	if code, out, faults := call(root, "-check"); code != 0 || out != "" || faults != "" {
		t.Errorf("checking a new table: exit code %d, %q, %q", code, out, faults)
	}
	if code, _, faults := call(root, "-complete"); code != 1 || faults != "no test proves MK-02: two\n" {
		t.Errorf("checking whether all are proven: exit code %d, %q", code, faults)
	}
}

func TestARuleThatThereIsNot(t *testing.T) {
	root := repository(t, map[string]string{
		"README.md":                marked,
		"a_test.go":                "package a\n\nfunc TestA(t *testing.T) {\n\trun(\"MK-03/x\")\n\tt.Errorf(\"T-2: x\")\n}\n\nfunc TestMK4(t *testing.T) {}\n",
		"testdata/scenarios/a.txt": "# A (MK-01, MK-1)\n",
	})
	want := []string{
		"a_test.go:4: there is no rule MK-03",
		"a_test.go:5: there is no rule T-2",
		"a_test.go:8: there is no rule MK-4",
		"testdata/scenarios/a.txt:1: there is no rule MK-1",
	}
	for _, flag := range []string{"-w", "-check"} {
		code, _, faults := call(root, flag)
		if got := strings.Split(strings.TrimSuffix(faults, "\n"), "\n"); code != 1 || !slices.Equal(got, want) {
			t.Errorf("%s: exit code %d, %q, want %q", flag, code, got, want)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	const test = "package a\n\nfunc TestA(t *testing.T) {}\n"
	for _, tt := range []struct {
		name  string
		rules string // default: someRules
		files map[string]string
		args  []string
		want  string
	}{
		{name: "no tests", files: map[string]string{"README.md": marked}, want: "there are no tests"},
		{name: "no README", files: map[string]string{"a_test.go": test}, want: "README.md"},
		{name: "no marks", files: map[string]string{"a_test.go": test, "README.md": "# acme\n"}, want: "one pair of marks"},
		{name: "no end", files: map[string]string{"a_test.go": test, "README.md": begin}, want: "one pair of marks"},
		{name: "marks twice", files: map[string]string{"a_test.go": test, "README.md": marked + marked}, want: "one pair of marks"},
		{name: "no Go", files: map[string]string{"a_test.go": "package"}, want: "a_test.go:1:8: expected"},
		{name: "no rules", rules: "# Words.\n", want: "there are no rules"},
		{name: "no ID", rules: "[Ann]\nXX-01 one\n", want: `rules.txt:2: "XX-01 one" is not`},
		{name: "not about anything", rules: "[Ann]\nMK-01\n", want: `rules.txt:2: "MK-01" is not`},
		{name: "not a cell", rules: "[Ann]\nMK-01 a|b\n", want: `rules.txt:2: "MK-01 a|b" is not`},
		{name: "twice", rules: "[Ann]\nMK-01 one\nMK-01 one\n", want: "rules.txt:3: MK-01 is there twice"},
		{name: "in no group", rules: "MK-01 one\n", want: "rules.txt:1: MK-01 is there twice, or in no group"},
		{name: "an argument", args: []string{"README.md"}, want: "usage: rules"},
		{name: "an unknown flag", args: []string{"-x"}, want: "usage: rules"},
		{name: "write and check", args: []string{"-w", "-check"}, want: "usage: rules"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.rules == "" {
				tt.rules = someRules
			}
			if tt.args == nil {
				tt.args = []string{"-check"}
			}
			var out, faults bytes.Buffer
			code := run(append([]string{"-root", repository(t, tt.files)}, tt.args...), tt.rules, &out, &faults)
			if code != 2 || !strings.Contains(faults.String(), tt.want) {
				t.Errorf("exit code %d, %q, want %q", code, faults.String(), tt.want)
			}
		})
	}
}

// The rules of this repository: the five systems, the ends of plans and
// purchases are in the table, and all others are known.
func TestTheRulesOfThisRepository(t *testing.T) {
	groups, err := parseRules(ruleText)
	if err != nil {
		t.Fatal(err)
	}
	tabled, known := map[string]int{}, map[string]int{}
	for _, g := range groups {
		for _, r := range g.rules {
			prefix, _, _ := strings.Cut(r.id, "-")
			known[prefix]++
			if g.tabled {
				tabled[prefix]++
			}
		}
	}
	want := map[string]int{"CF": 14, "FD": 9, "GN": 8, "MK": 18, "DB": 11, "S": 2, "P": 8}
	if diff := cmp.Diff(want, tabled); diff != "" {
		t.Errorf("rules of the table (-want +got):\n%s", diff)
	}
	want = map[string]int{"CF": 14, "FD": 9, "GN": 8, "MK": 18, "DB": 11, "S": 12, "P": 8, "T": 8, "A": 5, "I": 2, "L": 6}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}
