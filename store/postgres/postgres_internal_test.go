package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestMigrationsNeverChange sees that what was released is what it was: who
// has applied it does not apply it again.
func TestMigrationsNeverChange(t *testing.T) {
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for i, m := range all {
		if !strings.HasPrefix(m.name, fmt.Sprintf("%04d_", i+1)) {
			t.Errorf("migration %d is %s", i+1, m.name)
		}
		fmt.Fprintf(&got, "%s %x %d statements\n", m.name, sha256.Sum256([]byte(m.text)), len(statements(m.text)))
	}
	golden(t, "testdata/migrations.golden", got.String())
}

// TestStatements shows every statement there is.
func TestStatements(t *testing.T) {
	s := &Store{text: newTexts(quoted(`my "own"`) + ".")}
	var got strings.Builder
	show := func(name, text string) {
		fmt.Fprintf(&got, "-- %s\n%s;\n\n", name, text)
		if strings.ContainsAny(text, "{}?") {
			t.Errorf("%s has what is to be replaced: %s", name, text)
		}
	}
	show("version", s.text.version)
	show("load one", s.text.loadOne)
	show("load many, within a transaction", s.text.loadMany+s.text.level)
	all := shape(withReceipts | withParts | withNotes)
	show("commit what most commands change", s.text.plain[withReceipts])
	show("commit what most commands change, with a note, and wait", s.text.plain[withReceipts|withNotes|patient])
	show("commit one", s.text.single[all])
	show("commit one, and wait", s.text.single[all|patient])
	show("commit a new one", s.text.single[all|created])
	show("commit several", s.text.batch[all])
	show("commit several, and wait", s.text.batch[all|patient])
	show("commit several, with nothing but entries", s.text.batch[0])
	show("ack", s.text.ack)
	text, _ := s.selectEntries(&store.Query{
		Wallet: "acme", After: 1, Through: 9, From: 1, To: 2, Of: 3, Kinds: []uint8{1, 2}, Feature: "chat", Newest: true,
	}, 10)
	show("entries", text)
	text, _ = s.selectHeads(&store.Filter{Due: 1, Pending: true}, 10)
	show("heads", text)
	golden(t, "testdata/statements.golden", got.String())
}

func TestList(t *testing.T) {
	var ints, none, texts list
	for _, n := range []int64{0, -1, 1<<63 - 1} {
		ints.addInt(n)
	}
	for _, s := range []string{"", "acme", "NULL", `a"b`, `a\b`, "{a,b}", " ", "a\nb", "caf\u00e9", "'"} {
		texts.addText(s)
	}
	for got, want := range map[string]string{
		ints.String():  "{0,-1,9223372036854775807}",
		none.String():  "{}",
		texts.String(): `{"","acme","NULL","a\"b","a\\b","{a,b}"," ","a` + "\n" + `b","caf` + "\u00e9" + `","'"}`,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// coded is an error of a driver.
type coded string

func (c coded) Error() string    { return "code " + string(c) }
func (c coded) SQLState() string { return string(c) }

type unsent bool

func (unsent) Error() string       { return "not sent" }
func (u unsent) SafeToRetry() bool { return bool(u) }

func TestKnown(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"serialization failure", coded("40001"), true},
		{"deadlock", coded("40P01"), true},
		{"lock timeout", coded("55P03"), true},
		{"read-only", coded("25006"), true},
		{"too many connections", coded("53300"), true},
		{"starting up", coded("57P03"), true},
		{"wrapped", fmt.Errorf("driver: %w", coded("40001")), true},
		{"cancelled", coded("57014"), false},
		{"terminated", coded("57P01"), false},
		{"outcome unknown", coded("40003"), false},
		{"disk full", coded("53100"), false},
		{"unique violation", coded("23505"), false},
		{"a code beside a refused dial", errors.Join(coded("57P01"), &net.OpError{Op: "dial"}), false},
		{"dead connection", driver.ErrBadConn, true},
		{"transaction over", sql.ErrTxDone, true},
		{"connection over", sql.ErrConnDone, true},
		{"not sent", unsent(true), true},
		{"perhaps sent", unsent(false), false},
		{"refused", &net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		{"reset", &net.OpError{Op: "read", Err: errors.New("reset")}, false},
		{"context", context.Canceled, false},
		{"another", errors.New("another"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := aborted(tt.err)
			if got := errors.Is(err, store.ErrAborted); got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%v: aborted %v, want %v", err, got, tt.want)
			}
		})
	}
	if aborted(nil) != nil {
		t.Error("nothing is an error")
	}
}

func TestNotices(t *testing.T) {
	var n Notices
	for _, code := range []string{"00000", "42P07", "01000", "57P01", "25P01"} {
		n.Add(code)
	}
	if n.count() != 2 || (*Notices)(nil).count() != 0 {
		t.Errorf("%d count", n.count())
	}
}

// TestUnits divides a call at the limits of a statement.
func TestUnits(t *testing.T) {
	alone := func(n, size int) []store.Write {
		writes := make([]store.Write, n)
		for i := range writes {
			writes[i].Changes = []store.Change{{Wallet: fmt.Sprintf("w%07d", n-i), Parts: []store.Part{{Body: make([]byte, size)}}}}
		}
		return writes
	}
	both := store.Write{Changes: []store.Change{{Wallet: "b"}, {Wallet: "a"}}}
	tests := []struct {
		name   string
		writes []store.Write
		want   []int
	}{
		{"none", nil, nil},
		{"as many as one takes", alone(batchChanges, 0), []int{batchChanges}},
		{"one more", alone(batchChanges+1, 0), []int{batchChanges, 1}},
		{"as large as one takes", alone(64, store.BodyLimit), []int{64}},
		{"larger", alone(65, store.BodyLimit), []int{64, 1}},
		{"of several wallets", append(alone(2, 0), both, both), []int{2, 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []int
			for _, u := range units(tt.writes) {
				got = append(got, len(u))
				changes, whole := u.changes(tt.writes)
				if whole != (len(tt.writes[u[0]].Changes) > 1) {
					t.Errorf("whole %v", whole)
				}
				if !slices.IsSortedFunc(changes, func(a, b *store.Change) int { return strings.Compare(a.Wallet, b.Wallet) }) {
					t.Error("the wallets are not in order of name")
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
