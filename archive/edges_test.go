package archive_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// TestLineError reads well, and leads to what is wrong.
func TestLineError(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	file := string(export(t, w.store))
	for _, tt := range []struct{ name, old, new, want string }{
		{"L-4/a field", `"kind":1`, `"kind":0`, "archive: line 2: entry.kind: is 0"},
		{"L-4/a line", `{"end"`, `{end"`, "archive: line 5: is no JSON: invalid character 'e' looking for beginning of object key string"},
		{"L-4/an entry", `"kind":1`, `"kind":2`, `archive: line 2: entry.body: wallet "acme": entry 1: is filed under what it does not say`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := refused(t, []byte(strings.Replace(file, tt.old, tt.new, 1)))
			if err.Error() != tt.want {
				t.Errorf("it says %q", err)
			}
			var of *credits.VerifyError
			if strings.Contains(tt.want, "wallet") && (!errors.As(err, &of) || of.Seq != 1 || err.Wallet != acme) {
				t.Errorf("it is %+v", err)
			}
		})
	}
}

// TestReadersFail tells of a reader that fails, or that cannot go back.
func TestReadersFail(t *testing.T) {
	lost := errors.New("lost")
	w := newWorld(t).lived()
	file := export(t, w.store)
	for n := 0; n < len(file); n += 101 {
		broken := func() io.Reader { return io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(lost)) }
		var err error
		for _, err = range archive.Runs(broken()) {
		}
		is(t, err, lost)
		for _, err = range archive.Entries(broken()) {
		}
		is(t, err, lost)
		is(t, archive.Joined(t.Context(), w.store, acme, broken()), lost)
		_, err = archive.Prune(t.Context(), w.ledger, broken(), nil)
		is(t, err, lost)
	}
	for at := range 4 {
		_, err := archive.Import(t.Context(), new(memory.Store), &stuck{bytes.NewReader(file), at, lost})
		if at < 3 {
			is(t, err, lost)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// stuck is a file that cannot be sought after some times.
type stuck struct {
	*bytes.Reader
	left int
	err  error
}

func (s *stuck) Seek(offset int64, whence int) (int64, error) {
	if s.left--; s.left < 0 {
		return 0, s.err
	}
	return s.Reader.Seek(offset, whence)
}

// TestFileChanges imports a file that another changes after it was verified: what
// is written is a beginning of the wallet that the file was, or of what it is.
func TestFileChanges(t *testing.T) {
	w := newWorld(t).lived()
	file := export(t, w.store)
	other := newWorld(t)
	other.do("bob", credits.Open{Plan: plan()})
	w.feed()
	prune(t, w, day("2026-03-01"))
	for name, now := range map[string][]byte{
		"it is cut":           file[:len(file)/2],
		"an entry is another": bytes.Replace(file, []byte(`"kind":4`), []byte(`"kind":5`), 1),
		"another wallet":      export(t, other.store),
		"another beginning":   export(t, w.store),
		"nothing is there":    nil,
	} {
		t.Run("L-4/"+name, func(t *testing.T) {
			to := new(memory.Store)
			_, err := archive.Import(t.Context(), to, &changing{Reader: bytes.NewReader(file), now: now})
			if err == nil {
				t.Error("it is no error")
			}
			verify(t, to)
			imported(t, to, file)
		})
	}
}

// changing is a file that is another once it is sought.
type changing struct {
	*bytes.Reader
	now  []byte
	seen bool
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && !c.seen {
		c.seen = true
		c.Reader = bytes.NewReader(c.now)
	}
	return c.Reader.Seek(offset, whence)
}

// TestImportIntoPruned imports exports of before and after a wallet was pruned into stores
// in which it was, or was not.
func TestImportIntoPruned(t *testing.T) {
	opened := newWorld(t)
	opened.do(acme, credits.Open{Plan: plan()})
	w := newWorld(t).lived()
	early := export(t, w.store)
	w.do(acme, credits.Spend{Amount: 1})
	w.feed()
	whole := export(t, w.store)
	prune(t, w, day("2026-02-01"))
	february := export(t, w.store)
	w.do(acme, credits.Spend{Amount: 1})
	w.feed()
	prune(t, w, day("2026-03-01"))
	march := export(t, w.store)
	for _, tt := range []struct {
		name        string
		there, file []byte
		skipped     bool
		err         error
	}{
		{name: "L-3/a longer one into one that begins with a checkpoint", there: february, file: march},
		{name: "L-3/one with a checkpoint into the whole", there: whole, file: february},
		{name: "L-3/the whole into one with a checkpoint", there: february, file: whole, skipped: true},
		{name: "L-3/a shorter one into one with a checkpoint", there: march, file: early, skipped: true},
		{name: "L-3/one that ends before the checkpoint", there: march, file: prune(t, newWorld(t).livedFed(), day("2026-02-01")), err: credits.ErrPruned},
		{name: "L-3/one whose checkpoint is later than what is there", there: export(t, opened.store), file: march, err: credits.ErrExists},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := new(memory.Store)
			imported(t, to, tt.there)
			got, err := archive.Import(t.Context(), to, bytes.NewReader(tt.file))
			if tt.err != nil {
				is(t, err, tt.err)
			} else if err != nil || got.Skipped == 1 != tt.skipped || got.Wallets == 0 != tt.skipped {
				t.Errorf("%+v, %v", got, err)
			}
			verify(t, to)
		})
	}
}

func (w *world) livedFed() *world {
	w.lived().feed()
	return w
}

// TestWriteFails tells of what could not be written or read.
func TestWriteFails(t *testing.T) {
	w := newWorld(t).livedFed()
	prune(t, w, day("2026-01-05"))
	one := func(s store.Store, out io.Writer) error {
		l := credits.New(s, &credits.Options{Clock: w.clock})
		_, err := archive.Write(t.Context(), l, out, acme, day("2026-03-01"))
		return err
	}
	f := &faulty{Store: w.store.(*memory.Store)}
	var file bytes.Buffer
	if err := one(f, &file); err != nil {
		t.Fatal(err)
	}
	for n := range f.calls {
		is(t, one(&faulty{Store: f.Store, at: n + 1}, io.Discard), errFault, credits.ErrRetry)
	}
	full := errors.New("the disk is full")
	for n := 0; n < file.Len(); n += 101 {
		is(t, one(f.Store, &short{left: n, err: full}), full)
	}
	counted := &faulty{Store: f.Store}
	if err := joined(t, &world{TB: t, store: counted}, file.Bytes()); err == nil {
		t.Error("L-4: the first archive is missing, and it is no error")
	}
	for n := range counted.calls {
		broken := &faulty{Store: f.Store, at: n + 1}
		is(t, archive.Joined(t.Context(), broken, acme), errFault)
	}
	is(t, one(&damaged{w.store, func(e *store.Entry) { e.Body = nil }}, io.Discard), credits.ErrCorrupt)
}
