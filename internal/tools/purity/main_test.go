package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		file string // default: plan.go
		code string
		want []string
	}{
		{name: "pure", code: "import \"time\"\n\ntype plan struct{ at time.Time }\n"},
		{name: "only words", code: "// A float64 would lose what time.Now() tells.\nconst text = \"float64 time.Now()\"\n"},
		{name: "core with a context", code: "import \"context\"\n\nvar _ context.Context\n", want: []string{"plan.go:3: imports context"}},
		{name: "core with a lock", code: "import \"sync/atomic\"\n\nvar _ atomic.Int64\n", want: []string{"plan.go:3: imports sync/atomic"}},
		{name: "core with SQL", code: "import _ \"database/sql\"\n", want: []string{"plan.go:3: imports database/sql"}},
		{name: "core with a clock", code: "import _ \"github.com/benbjohnson/clock\"\n", want: []string{"plan.go:3: imports github.com/benbjohnson/clock"}},
		{name: "core with chance", code: "import _ \"math/rand/v2\"\n", want: []string{"plan.go:3: imports math/rand/v2"}},
		{name: "core with files", code: "import _ \"os\"\n", want: []string{"plan.go:3: imports os"}},
		{name: "core with a network", code: "import _ \"net/http\"\n", want: []string{"plan.go:3: imports net/http"}},
		{name: "system clock", code: "import \"time\"\n\nvar _ = time.Now()\n", want: []string{"plan.go:5: uses time.Now"}},
		{name: "system clock as a value", code: "import \"time\"\n\nvar _ = time.Now\n", want: []string{"plan.go:5: uses time.Now"}},
		{name: "system clock renamed", code: "import t \"time\"\n\nvar _ = t.Since\n", want: []string{"plan.go:5: uses time.Since"}},
		{name: "core that waits", code: "import \"time\"\n\nvar _ = time.Sleep\n", want: []string{"plan.go:5: uses time.Sleep"}},
		{name: "float", code: "var _ float64\n", want: []string{"plan.go:3: uses float64"}},
		{name: "shell", file: "ledger_batch.go", code: "import (\n\t_ \"context\"\n\t_ \"sync\"\n)\n"},
		{name: "shell that waits", file: "ledger.go", code: "import \"time\"\n\nvar _ = time.NewTimer\n"},
		{name: "shell with SQL", file: "ledger.go", code: "import _ \"database/sql\"\n", want: []string{"ledger.go:3: imports database/sql"}},
		{name: "shell with the system clock", file: "ledger.go", code: "import \"time\"\n\nvar _ = time.Now()\n", want: []string{"ledger.go:5: uses time.Now"}},
		{name: "test file", file: "plan_test.go", code: "import _ \"context\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.file == "" {
				tt.file = "plan.go"
			}
			write(t, filepath.Join(dir, "doc.go"), "package credits\n")
			write(t, filepath.Join(dir, tt.file), "package credits\n\n"+tt.code)
			got, err := check(dir, "ledger*.go")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckNothingToCheck(t *testing.T) {
	if _, err := check(t.TempDir(), ""); err == nil {
		t.Error("an empty directory passed")
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
