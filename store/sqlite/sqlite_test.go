package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"example.com/credits/store/sqlite"
)

// The tests on real databases are in store/drivertest. This package's own know no driver.

// TestVersion sees that versions of SQLite that may corrupt a file are refused.
func TestVersion(t *testing.T) {
	for _, c := range []struct {
		version string
		want    string // within the error; empty if the version is good
	}{
		{"3.51.3", ""},
		{"3.51.10", ""},
		{"3.52.0", ""},
		{"4.0.0", ""},
		{"3.51.2", "3.51.3 or later"},
		{"3.51.0", "3.51.3 or later"},
		{"3.9.9", "3.51.3 or later"},
		{"2.99.99", "3.51.3 or later"},
		{"three", "which is none"},
	} {
		t.Run(c.version, func(t *testing.T) {
			err := sqlite.CheckVersion(c.version)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, not one with %q", err, c.want)
			}
		})
	}
}

// TestMigrationsAreNumbered sees that the files of the schema are numbered from 1
// without gaps, and that all that they make has the prefix.
func TestMigrationsAreNumbered(t *testing.T) {
	names, err := fs.Glob(sqlite.Migrations, "migrations/*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for i, name := range names {
		if want := "migrations/" + string([]byte{'0', '0', byte('0' + (i+1)/10), byte('0' + (i+1)%10)}) + "_"; !strings.HasPrefix(name, want) {
			t.Errorf("%s does not begin with %s", name, want)
		}
		text, err := fs.ReadFile(sqlite.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			word := strings.Fields(line + " .")
			if word[0] == "CREATE" && !strings.HasPrefix(word[2], "credits_") {
				t.Errorf("%s: without the prefix: %s", name, line)
			}
		}
	}
}

// nothing is a driver that cannot connect.
type nothing struct{}

var errNothing = errors.New("there is nothing")

func (nothing) Connect(context.Context) (driver.Conn, error) { return nil, errNothing }
func (nothing) Driver() driver.Driver                        { return nil }

func TestNoDatabase(t *testing.T) {
	db := sql.OpenDB(nothing{})
	defer db.Close()
	for name, call := range map[string]func(*sql.DB) error{
		"Migrate": func(db *sql.DB) error { return sqlite.Migrate(t.Context(), db, sqlite.Options{}) },
		"Open": func(db *sql.DB) error {
			_, err := sqlite.Open(t.Context(), db, sqlite.Options{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(nil); err == nil || !strings.Contains(err.Error(), "no database") {
				t.Errorf("without a database the error is %v", err)
			}
			if err := call(db); !errors.Is(err, errNothing) {
				t.Errorf("without a connection the error is %v", err)
			}
		})
	}
}
