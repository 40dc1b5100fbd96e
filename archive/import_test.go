package archive_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// TestImportStanding imports a file into stores in which something stands already.
func TestImportStanding(t *testing.T) {
	w := newWorld(t).lived()
	file := export(t, w.store)
	first := func(w *world) { w.do(acme, credits.Open{Plan: plan(), Zone: "Europe/Berlin"}) }
	for _, tt := range []struct {
		name  string
		there func(t *testing.T, s store.Store)
		want  archive.Report
		err   error
	}{
		{name: "I-2/nothing: it is written", there: func(*testing.T, store.Store) {}, want: archive.Report{Wallets: 1, Entries: 19}},
		{
			name:  "I-2/the same: it is left",
			there: func(t *testing.T, s store.Store) { imported(t, s, file) },
			want:  archive.Report{Skipped: 1},
		},
		{
			name: "I-2/a beginning: it gets the rest",
			there: func(t *testing.T, s store.Store) {
				is(t, must2(archive.Import(t.Context(), &faulty{Store: s.(*memory.Store), at: 6}, bytes.NewReader(file))), errFault)
			},
			want: archive.Report{Wallets: 1, Entries: 14},
		},
		{
			name: "I-2/more: it is left",
			there: func(t *testing.T, s store.Store) {
				imported(t, s, file)
				on := *w
				on.store, on.ledger = s, credits.New(s, &credits.Options{Clock: w.clock})
				on.do(acme, credits.Spend{Amount: 1})
			},
			want: archive.Report{Skipped: 1},
		},
		{
			name: "L-4/another history that is shorter: it is refused",
			there: func(t *testing.T, s store.Store) {
				o := newWorld(t)
				o.store, o.ledger = s, credits.New(s, &credits.Options{Clock: o.clock})
				first(o)
			},
			err: credits.ErrExists,
		},
		{
			name: "L-4/another history that is longer: it is refused",
			there: func(t *testing.T, s store.Store) {
				o := newWorld(t)
				o.store, o.ledger = s, credits.New(s, &credits.Options{Clock: o.clock})
				first(o)
				for range 30 {
					o.do(acme, credits.Spend{Amount: 1})
				}
			},
			err: credits.ErrExists,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := new(memory.Store)
			tt.there(t, to)
			before := contentOf(t, to)
			got, err := archive.Import(t.Context(), to, bytes.NewReader(file))
			if tt.err != nil {
				is(t, err, tt.err, credits.ErrInvalid)
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("the report is %+v, want %+v", got, tt.want)
			}
			after := contentOf(t, to)
			if tt.want.Wallets == 0 && !reflect.DeepEqual(before, after) {
				t.Errorf("what was there was touched (-before +after):\n%s", cmp.Diff(before, after))
			}
			if again := export(t, to); tt.want.Wallets > 0 && !bytes.Equal(again, file) {
				t.Error("the export of what was imported is another")
			}
			verify(t, to)
		})
	}
}

// TestImportBetween goes on from a wallet that ends between two receipts of the file.
func TestImportBetween(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	w.clock.Set(day("2026-03-05"))
	must(w.ledger.Tick(t.Context()))
	first := export(t, w.store)
	w.do(acme, credits.Spend{Amount: 1})
	second := export(t, w.store)
	to := new(memory.Store)
	imported(t, to, first)
	if got, want := imported(t, to, second), (archive.Report{Wallets: 1, Entries: 1}); got != want {
		t.Errorf("I-2: the report is %+v, want %+v", got, want)
	}
	if !bytes.Equal(export(t, to), second) {
		t.Error("I-2: the export of what was imported is another")
	}
}

// must2 returns the error of a call alone.
func must2[V any](_ V, err error) error { return err }

// TestImportFaults fails at each call of the store in turn, before or after its
// effect, and imports again: then all is as without the fault.
func TestImportFaults(t *testing.T) {
	w := newWorld(t).lived()
	w.do("bob", credits.Open{Plan: plan()})
	w.feed()
	w.do("bob", credits.Spend{Amount: 3})
	whole := export(t, w.store)
	prune(t, w, day("2026-03-01"))
	pruned := export(t, w.store)
	for name, file := range map[string][]byte{"I-2/from the first entry": whole, "I-2, L-3/from a checkpoint": pruned} {
		t.Run(name, func(t *testing.T) {
			counted := &faulty{Store: new(memory.Store)}
			imported(t, counted, file)
			if counted.calls < 10 {
				t.Fatalf("only %d calls", counted.calls)
			}
			want := contentOf(t, counted.Store)
			for n := range counted.calls {
				for _, after := range []bool{false, true} {
					s := &faulty{Store: new(memory.Store), at: n + 1, after: after}
					_, err := archive.Import(t.Context(), s, bytes.NewReader(file))
					is(t, err, errFault)
					imported(t, s.Store, file)
					if got := contentOf(t, s.Store); !reflect.DeepEqual(want, got) {
						t.Fatalf("call %d, after %v (-without +with the fault):\n%s", n+1, after, cmp.Diff(want, got))
					}
				}
			}
		})
	}
}

// watched is a store that sees what is committed.
type watched struct {
	*memory.Store
	entries, receipts, bytes int // the most of one commit
}

func (s *watched) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	c := &writes[0].Changes[0]
	size := 0
	for _, e := range c.Entries {
		size += len(e.Body) + len(e.Note)
	}
	s.entries, s.receipts, s.bytes = max(s.entries, len(c.Entries)), max(s.receipts, len(c.Receipts)), max(s.bytes, size)
	return s.Store.Commit(ctx, writes...)
}

// TestImportBounded imports a wallet that slept for years, in commits that are
// small, and ends each where a receipt was kept.
func TestImportBounded(t *testing.T) {
	w := newWorld(t)
	p := plan()
	p.Every = credits.Days(1)
	p.Price = credits.Money{}
	w.do(acme, credits.Open{Plan: p})
	w.clock.Set(day("2026-01-01").AddDate(0, 0, 2500))
	w.do(acme, credits.Spend{Amount: 1})
	for range 5 {
		w.do(acme, credits.Spend{Amount: 1})
	}
	file := export(t, w.store)
	to := &watched{Store: new(memory.Store)}
	report := imported(t, to, file)
	if report.Entries < 5000 || to.entries > 1000 || to.receipts != 1 {
		t.Errorf("I-2: %+v, in commits of at most %d entries and %d receipts", report, to.entries, to.receipts)
	}
	if got := export(t, to); !bytes.Equal(got, file) {
		t.Error("L-3: the export of what was imported is another")
	}
	verify(t, to)
}

// TestFeedTravels imports how far the feed got: what was handed over is not
// handed over again, and what was not is.
func TestFeedTravels(t *testing.T) {
	w := newWorld(t).lived()
	w.feed()
	w.do(acme, credits.Spend{Amount: 1})
	to := new(memory.Store)
	imported(t, to, export(t, w.store))
	l := credits.New(to, &credits.Options{Clock: w.clock})
	n, err := l.Feed(t.Context(), func(_ context.Context, entries []credits.Entry) error {
		if entries[0].Seq != 20 {
			t.Errorf("L-6: entry %d is handed over first", entries[0].Seq)
		}
		return nil
	})
	if n != 1 || err != nil {
		t.Errorf("L-6: %d entries are handed over, %v", n, err)
	}
}

// TestErasedStaysErased imports a file in which somebody left a note that a later
// entry erases: it does not come back.
func TestErasedStaysErased(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	said := w.do(acme, credits.Spend{Amount: 1, Note: credits.Note{Reason: "a secret"}})
	before := lines(export(t, w.store))
	w.do(acme, credits.Erase{Entries: []credits.ID{said.ID}})
	after := lines(export(t, w.store))
	note := strings.Index(before[4], `,"note":`)
	if note < 0 || strings.Contains(after[4], `"note"`) {
		t.Fatal("L-4: an export has a note that was erased, or has not one that was not")
	}
	after[4] = before[4]
	noReceipts := slices.DeleteFunc(slices.Clone(after), func(l string) bool { return strings.HasPrefix(l, `{"receipt"`) })
	for i := range noReceipts { // so that all of it is one commit
		noReceipts[i] = strings.Replace(noReceipts[i], `"receipts":3`, `"receipts":0`, 1)
	}
	for _, file := range [][]string{after, noReceipts} {
		to := new(memory.Store)
		imported(t, to, resum([]byte(strings.Join(file, ""))))
		verify(t, to)
		for e, err := range credits.New(to, nil).History(t.Context(), acme, credits.HistoryQuery{After: said.ID - 1, Limit: 1}) {
			if err != nil || e.Note.Reason != "" {
				t.Errorf("L-4: %+v, %v", e.Note, err)
			}
		}
	}
}

// taken is a store in which another is always quicker.
type taken struct{ *memory.Store }

func (taken) Commit(_ context.Context, writes ...store.Write) ([]bool, error) {
	return make([]bool, len(writes)), nil
}

// TestImportTaken ends where a wallet changes that is being written.
func TestImportTaken(t *testing.T) {
	got, err := archive.Import(t.Context(), taken{new(memory.Store)}, bytes.NewReader(export(t, newWorld(t).lived().store)))
	is(t, err, credits.ErrRetry)
	if got != (archive.Report{}) {
		t.Errorf("I-2: the report is %+v", got)
	}
}

// TestImportWithoutPruner refuses what the store cannot keep.
func TestImportWithoutPruner(t *testing.T) {
	w := newWorld(t).lived()
	w.feed()
	prune(t, w, day("2026-03-01"))
	_, err := archive.Import(t.Context(), struct{ store.Store }{new(memory.Store)}, bytes.NewReader(export(t, w.store)))
	is(t, err, credits.ErrInvalid)
}

// TestImportWherever reads a file from where it stands, and several exports one
// after another.
func TestImportWherever(t *testing.T) {
	w := newWorld(t).lived()
	w.do("bob", credits.Open{Plan: plan()})
	file := slicesConcat([]byte("# a heading\n"), export(t, w.store, acme), export(t, w.store, "bob"), export(t, w.store, acme))
	r := bytes.NewReader(file)
	if _, err := r.Seek(12, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	to := new(memory.Store)
	got, err := archive.Import(t.Context(), to, r)
	if want := (archive.Report{Wallets: 2, Entries: 21, Skipped: 1}); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if !reflect.DeepEqual(contentOf(t, to), contentOf(t, w.store)) {
		t.Error("L-3: what was imported is another")
	}
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestImportEnds ends with its context.
func TestImportEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := export(t, newWorld(t).lived().store)
	_, err := archive.Import(ctx, new(memory.Store), bytes.NewReader(file))
	is(t, err, context.Canceled, credits.ErrRetry)
}

// resum puts right the checksums of a file that somebody changed.
func resum(file []byte) []byte {
	var out, sum bytes.Buffer
	for _, line := range lines(file) {
		switch {
		case strings.HasPrefix(line, `{"wallet":`):
			sum.Reset()
			fallthrough
		default:
			sum.WriteString(line)
		case strings.HasPrefix(line, `{"sha256":`):
			line = fmt.Sprintf("{\"sha256\":\"%x\"}\n", sha(sum.Bytes()))
		}
		out.WriteString(line)
	}
	return out.Bytes()
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestImportOfPruned gives Import what it cannot compare, and archives, which are not
// whole wallets.
func TestImportOfPruned(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	erased := w.do(acme, credits.Spend{Amount: 1, Note: credits.Note{Ref: "job"}}).ID
	early := export(t, w.store)
	w.clock.Set(day("2026-03-03"))
	w.do(acme, credits.Erase{Entries: []credits.ID{erased}})
	w.clock.Set(day("2026-05-03"))
	w.do(acme, credits.Spend{Amount: 1})
	w.feed()
	first := prune(t, w, day("2026-02-15"))
	second := prune(t, w, day("2026-03-20"))
	whole := export(t, w.store)

	for _, tt := range []struct {
		name  string
		store store.Store
		file  []byte
		err   error
	}{
		{"L-3/into the wallet, from before its checkpoint", w.store, early, credits.ErrPruned},
		{"L-3/an archive whose notes are erased later", new(memory.Store), first, credits.ErrCorrupt},
		{"L-3/an archive whose checkpoint is sealed later", new(memory.Store), second, credits.ErrCorrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := export(t, tt.store)
			_, err := archive.Import(t.Context(), tt.store, bytes.NewReader(tt.file))
			is(t, err, tt.err)
			if !bytes.Equal(export(t, tt.store), before) {
				t.Error("something was kept")
			}
		})
	}
	if err := archive.Joined(t.Context(), w.store, acme, bytes.NewReader(first), bytes.NewReader(second)); err != nil {
		t.Error("L-3:", err)
	}
	moved := new(memory.Store)
	imported(t, moved, whole)
	verify(t, moved)
}
