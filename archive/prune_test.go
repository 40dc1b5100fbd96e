package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/creditstest"
	"example.com/credits/internal/lives"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// write writes an archive of acme.
func write(t testing.TB, l *credits.Ledger, before time.Time) ([]byte, archive.Run) {
	t.Helper()
	var file bytes.Buffer
	run, err := archive.Write(t.Context(), l, &file, acme, before)
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), run
}

// TestPrune removes what is old. What needs it is told so, and all else goes on.
func TestPrune(t *testing.T) {
	w := newWorld(t).lived()
	w.feed()
	was := must(w.ledger.Wallet(t.Context(), acme))
	then := must(w.ledger.BalanceAt(t.Context(), acme, day("2026-02-03")))
	file := prune(t, w, day("2026-03-01"))
	verify(t, w.store)
	ctx, l := t.Context(), w.ledger

	t.Run("L-3/pruned", func(t *testing.T) {
		first := func(q credits.HistoryQuery) (err error) {
			for _, err = range l.History(ctx, acme, q) {
				break
			}
			return err
		}
		for _, tt := range []struct {
			name string
			err  error
		}{
			{"History", first(credits.HistoryQuery{})},
			{"History after an entry", first(credits.HistoryQuery{After: 10})},
			{"BalanceAt", must2(l.BalanceAt(ctx, acme, day("2026-02-03").Add(-time.Microsecond)))},
			{"Reverse", must2(l.Do(ctx, acme, "reverse", credits.Reverse{Spend: 3, All: true}))},
			{"Erase", must2(l.Do(ctx, acme, "erase", credits.Erase{Entries: []credits.ID{3}}))},
		} {
			t.Run(tt.name, func(t *testing.T) { is(t, tt.err, credits.ErrPruned, credits.ErrInvalid) })
		}
		t.Run("Receipt", func(t *testing.T) {
			_, err := l.Receipt(ctx, acme, "key-2")
			is(t, err, credits.ErrNotFound)
		})
	})
	t.Run("L-3/what is younger", func(t *testing.T) {
		now := must(l.Wallet(ctx, acme))
		if now.Available() != was.Available() || now.Seq() != 20 {
			t.Errorf("the wallet is %v, and was %v", now, was)
		}
		if got := must(l.BalanceAt(ctx, acme, day("2026-02-03"))); !got.Equal(then) {
			t.Errorf("when the checkpoint was made it is %v", got)
		}
		if r := must(l.Receipt(ctx, acme, "key-8")); r.Amount != 11*credits.Credit {
			t.Errorf("%+v", r)
		}
		w.do(acme, credits.Reverse{Spend: 19, All: true})
		w.do(acme, credits.Spend{Amount: 1})
		n := credits.ID(11)
		for e, err := range l.History(ctx, acme, credits.HistoryQuery{After: 11}) {
			if n++; err != nil || e.Seq != n {
				t.Errorf("entry %d, %v", e.Seq, err)
			}
		}
		verify(t, w.store)
	})
	t.Run("L-3/what was is in the archive", func(t *testing.T) {
		var n credits.ID
		for e, err := range archive.Entries(bytes.NewReader(file)) {
			if n++; err != nil || e.Seq != n || e.Wallet != acme {
				t.Errorf("%+v, %v", e, err)
			}
			if n == 1 && e.Note.Ref != "ß" {
				t.Errorf("the note is %+v", e.Note)
			}
		}
		if n != 11 {
			t.Errorf("%d entries", n)
		}
		for range archive.Entries(bytes.NewReader(file)) {
			break // and that is all
		}
	})
	t.Run("L-3/it travels", func(t *testing.T) { travels(t, w.store) })
}

// TestPruneHold captures a hold that was made before the checkpoint.
func TestPruneHold(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	hold := w.do(acme, credits.Reserve{Amount: 5 * credits.Credit, Until: day("2026-11-01"), Note: credits.Note{Ref: "job"}})
	w.clock.Set(day("2026-04-01"))
	w.do(acme, credits.Spend{Amount: 1})
	w.feed()
	prune(t, w, day("2026-02-01"))
	if r := w.do(acme, credits.Capture{Hold: hold.ID, All: true}); r.Amount != 5*credits.Credit {
		t.Errorf("S-6, L-3: %+v", r)
	}
	verify(t, w.store)
	travels(t, w.store)
}

// TestRetention prunes nothing that is younger than 35 days.
func TestRetention(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	w.feed()
	opened := w.clock.Now()
	w.clock.Set(opened.Add(credits.Retention))
	before := opened.Add(time.Microsecond) // the entries' instant is before it
	t.Run("I-1/35 days less a microsecond", func(t *testing.T) {
		var file bytes.Buffer
		_, err := archive.Write(t.Context(), w.ledger, &file, acme, before)
		is(t, err, credits.ErrLimit, credits.ErrInvalid)
		if file.Len() != 0 {
			t.Errorf("%s was written", &file)
		}
		_, err = archive.Prune(t.Context(), credits.New(w.store, &credits.Options{Clock: past{opened.Add(credits.Retention - time.Microsecond)}}), bytes.NewReader(export(t, w.store)), nil)
		is(t, err, credits.ErrLimit, credits.ErrInvalid)
		if c := must(store.CheckpointOf(t.Context(), w.store, "acme")); c.Seq != 0 {
			t.Errorf("it was pruned up to %d", c.Seq)
		}
	})
	t.Run("I-1/35 days", func(t *testing.T) {
		w.clock.Add(time.Microsecond)
		file, run := write(t, w.ledger, before)
		if run.Entries != 2 || run.Receipts != 1 {
			t.Errorf("%+v", run)
		}
		got, err := archive.Prune(t.Context(), w.ledger, bytes.NewReader(file), nil)
		if want := (archive.Report{Wallets: 1, Entries: 2}); got != want || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
		verify(t, w.store)
	})
}

// past is a clock that stands.
type past struct{ now time.Time }

func (p past) Now() time.Time { return p.now }

// TestWriteNothing writes nothing where nothing is old enough.
func TestWriteNothing(t *testing.T) {
	w := newWorld(t).lived()
	w.feed()
	for name, before := range map[string]time.Time{
		"T-1/at the first instant": day("2026-01-01"),
		"T-1/before 1970":          time.Unix(-1, 0),
		"T-1/long ago":             {},
	} {
		t.Run(name, func(t *testing.T) {
			if file, run := write(t, w.ledger, before); len(file) != 0 || run != (archive.Run{}) {
				t.Errorf("%+v: %s", run, file)
			}
		})
	}
	t.Run("T-1/whole instants", func(t *testing.T) {
		for seq := credits.ID(1); seq <= 11; seq++ {
			e := entry(t, w.ledger, seq)
			_, run := write(t, w.ledger, e.At)
			if run.Entries > 0 && entry(t, w.ledger, run.Head.Seq).At.Equal(e.At) || run.Entries >= int(seq) {
				t.Errorf("before the instant of entry %d: %+v", seq, run)
			}
			_, run = write(t, w.ledger, e.At.Add(time.Microsecond))
			if next := entry(t, w.ledger, run.Head.Seq+1); !next.At.After(e.At) {
				t.Errorf("after the instant of entry %d: %+v", seq, run)
			}
		}
	})
	t.Run("L-3/again", func(t *testing.T) {
		prune(t, w, day("2026-03-01"))
		if file, run := write(t, w.ledger, day("2026-03-01")); len(file) != 0 || run != (archive.Run{}) {
			t.Errorf("%+v: %s", run, file)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		_, err := archive.Write(t.Context(), w.ledger, io.Discard, "nobody", day("2026-01-01"))
		is(t, err, credits.ErrNotFound)
	})
}

func entry(t testing.TB, l *credits.Ledger, seq credits.ID) credits.Entry {
	t.Helper()
	for e, err := range l.History(t.Context(), acme, credits.HistoryQuery{After: seq - 1, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	t.Fatalf("there is no entry %d", seq)
	return credits.Entry{}
}

// TestPurchaseStays keeps a purchase with what became of it: the receipt of who
// waited for it stands with the outcome, under the key of the intent.
func TestPurchaseStays(t *testing.T) {
	w := creditstest.New(t)
	charger := w.Paid()
	start := w.Clock.Now()
	buy := credits.Buy{Pack: "extra", Amount: 10 * credits.Credit}
	w.Must(acme, credits.Open{Plan: plan()}, credits.SetMethod{Method: credits.Method{Token: "tok", Kind: "card"}})
	w.Later("1h")
	charger.Next(creditstest.AskPayer)
	_, err := w.Do(t.Context(), acme, "late", buy) // entry 4, which gives up at 25 h
	is(t, err, credits.PaymentPending)
	w.Later("20h")
	charger.Next(creditstest.AskPayer)
	_, err = w.Do(t.Context(), acme, "other", buy) // and one that gives up at 45 h
	is(t, err, credits.PaymentPending)
	w.Later("100h")
	w.Must(acme, credits.Settle{Purchase: 4, Payment: credits.Payment{State: credits.Paid}}) // at 121 h
	w.Later("90 days")
	w.Must(acme, credits.Spend{Amount: 1})
	for _, tt := range []struct {
		name   string
		before time.Duration
		ends   time.Duration // when the last entry of the archive was made
	}{
		{name: "P-1/before the first", before: time.Hour, ends: 0},
		{name: "P-1/after the first", before: time.Hour + 1e3, ends: 0},
		{name: "P-1/when it was given up", before: 26 * time.Hour, ends: 0},
		{name: "P-1/when both were given up", before: 60 * time.Hour, ends: 0},
		{name: "P-1/before it was paid late", before: 121 * time.Hour, ends: 0},
		{name: "P-1/after it was paid late", before: 121*time.Hour + 1e3, ends: 121 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, run := write(t, w.Ledger, start.Add(tt.before))
			if at := entry(t, w.Ledger, run.Head.Seq).At.Sub(start); at != tt.ends {
				t.Errorf("it ends with entry %d, made after %v, want %v", run.Head.Seq, at, tt.ends)
			}
		})
	}
	file, _ := write(t, w.Ledger, start.Add(200*time.Hour))
	if _, err := archive.Prune(t.Context(), w.Ledger, bytes.NewReader(file), &archive.Options{NoFeed: true}); err != nil {
		t.Fatal(err)
	}
	travels(t, w.Store())
}

// TestPurchaseUndecided keeps a purchase that the payer was sent away with, and
// nobody has looked at since.
func TestPurchaseUndecided(t *testing.T) {
	w := creditstest.New(t)
	w.Paid().Next(creditstest.AskPayer)
	start := w.Clock.Now()
	w.Must(acme, credits.Open{Plan: plan()}, credits.SetMethod{Method: credits.Method{Token: "tok", Kind: "card"}})
	w.Later("1h")
	_, err := w.Do(t.Context(), acme, "asked", credits.Buy{Pack: "extra", Amount: 10 * credits.Credit})
	is(t, err, credits.PaymentPending)
	w.Later("90 days")
	if _, run := write(t, w.Ledger, start.Add(200*time.Hour)); run.Head.Seq != 3 {
		t.Errorf("P-1: it ends with entry %d", run.Head.Seq)
	}
}

// TestPruneRefuses removes nothing by an archive that is not the wallet's, or not whole.
func TestPruneRefuses(t *testing.T) {
	w := newWorld(t).lived()
	february, _ := write(t, w.ledger, day("2026-02-01"))
	march, _ := write(t, w.ledger, day("2026-03-01"))
	other := newWorld(t)
	other.do(acme, credits.Open{Plan: plan()})
	other.clock.Set(day("2026-04-05"))
	foreign, _ := write(t, other.ledger, day("2026-02-01"))
	other.do(acme, credits.Spend{Amount: 1})
	nobody, young := newWorld(t), newWorld(t)
	young.do(acme, credits.Open{Plan: plan()})

	prunes := func(w *world, file []byte, o *archive.Options) error {
		return must2(archive.Prune(t.Context(), w.ledger, bytes.NewReader(file), o))
	}
	before := contentOf(t, w.store)
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"L-6/what was not fed", prunes(w, march, nil), archive.ErrNotFed},
		{"L-4/of another history", prunes(w, foreign, nil), credits.ErrInvalid},
		{"L-4/cut", prunes(w, march[:len(march)-40], &archive.Options{NoFeed: true}), credits.ErrCorrupt},
		{"L-4/changed", prunes(w, bytes.Replace(march, []byte(`"body":"A`), []byte(`"body":"B`), 1), &archive.Options{NoFeed: true}), credits.ErrCorrupt},
		{"L-4/empty", prunes(w, nil, nil), credits.ErrCorrupt},
		{"L-4/of a wallet that is not there", prunes(nobody, march, nil), credits.ErrNotFound},
		{"L-4/of a wallet that is younger", prunes(young, march, &archive.Options{NoFeed: true}), credits.ErrInvalid},
		{"L-4/on a store that keeps no checkpoints", must2(archive.Prune(t.Context(), credits.New(struct{ store.Store }{w.store}, nil), bytes.NewReader(march), nil)), credits.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) { is(t, tt.err, tt.want) })
	}
	if after := contentOf(t, w.store); !reflect.DeepEqual(before, after) {
		t.Errorf("something was changed (-before +after):\n%s", cmp.Diff(before, after))
	}
	t.Run("L-6/a host without a feed", func(t *testing.T) {
		if err := prunes(w, february, &archive.Options{NoFeed: true}); err != nil {
			t.Fatal(err)
		}
		if h := contentOf(t, w.store)[0].Head; h.Fed != 6 && h.Fed != 7 {
			t.Errorf("the feed stands at %d", h.Fed)
		}
	})
	t.Run("L-4/a gap", func(t *testing.T) {
		copied := newWorld(t)
		copied.store = travels(t, w.store)
		fresh := newWorld(t).lived()
		fresh.feed()
		next, _ := write(t, w.ledger, day("2026-03-01")) // begins where february ended
		is(t, prunes(fresh, next, nil), credits.ErrInvalid)
		if err := prunes(w, next, &archive.Options{NoFeed: true}); err != nil {
			t.Error(err)
		}
	})
	t.Run("L-3/what was pruned is skipped", func(t *testing.T) {
		for _, file := range [][]byte{february, march} {
			got, err := archive.Prune(t.Context(), w.ledger, bytes.NewReader(file), nil)
			if want := (archive.Report{Skipped: 1}); got != want || err != nil {
				t.Errorf("%+v, %v", got, err)
			}
		}
		verify(t, w.store)
	})
}

// TestPruneFaults fails at each call of the store in turn, before and after its
// effect, and prunes again, also in the name of another actor.
func TestPruneFaults(t *testing.T) {
	lived := func(t *testing.T) *world {
		w := newWorld(t).lived()
		w.feed()
		return w
	}
	w := lived(t)
	file := prune(t, w, day("2026-03-01"))
	want := contentOf(t, w.store)
	on := func(w *world, s store.Store) *credits.Ledger {
		return credits.New(s, &credits.Options{Clock: w.clock, Salt: [32]byte{1}})
	}
	calls := 1 << 10
	for n := 0; n < calls; n++ {
		for _, after := range []bool{false, true} {
			w := lived(t)
			f := &faulty{Store: w.store.(*memory.Store), at: n + 1, after: after}
			_, err := archive.Prune(t.Context(), on(w, f), bytes.NewReader(file), nil)
			if n == 0 {
				counted := &faulty{Store: lived(t).store.(*memory.Store)}
				if _, err := archive.Prune(t.Context(), on(w, counted), bytes.NewReader(file), nil); err != nil {
					t.Fatal(err)
				}
				calls = counted.calls
			}
			if !after { // who wanted no more of an iterator does not see how it ends
				is(t, err, errFault)
			}
			verify(t, w.store)
			if _, err := archive.Prune(t.Context(), w.ledger, bytes.NewReader(file), nil); err != nil {
				t.Fatalf("I-2: call %d, after %v: %v", n+1, after, err)
			}
			if got := contentOf(t, w.store); !reflect.DeepEqual(want, got) {
				t.Fatalf("I-2: call %d, after %v (-without +with the fault):\n%s", n+1, after, cmp.Diff(want, got))
			}
		}
	}
	if calls < 8 {
		t.Errorf("only %d calls", calls)
	}
	t.Run("I-1/another actor goes on", func(t *testing.T) {
		w := lived(t)
		f := &faulty{Store: w.store.(*memory.Store), at: calls}
		_, err := archive.Prune(t.Context(), on(w, f), bytes.NewReader(file), nil)
		is(t, err, errFault)
		ann := w.ledger.As(credits.Actor{ID: "ann", Role: credits.Operator})
		if _, err := archive.Prune(t.Context(), ann, bytes.NewReader(file), nil); err != nil {
			t.Error(err)
		}
		verify(t, w.store)
	})
}

// TestJoined follows a wallet from its first entry through its archives to the
// store, and finds where something is missing.
func TestJoined(t *testing.T) {
	w := newWorld(t).lived()
	w.feed()
	w.do("bob", credits.Open{Plan: plan()})
	if err := joined(t, w); err != nil {
		t.Errorf("L-4: without an archive: %v", err)
	}
	one, _ := write(t, w.ledger, day("2026-01-05"))
	if err := must2(archive.Prune(t.Context(), w.ledger, bytes.NewReader(one), nil)); err != nil {
		t.Fatal(err)
	}
	two := prune(t, w, day("2026-02-01"))
	three := prune(t, w, day("2026-03-01"))
	for _, tt := range []struct {
		name  string
		files [][]byte
		seq   credits.ID // where they part; 0 if they do not
	}{
		{name: "all", files: [][]byte{one, two, three}},
		{name: "all in one file", files: [][]byte{bytes.Join([][]byte{one, export(t, w.store, "bob"), two, three}, nil)}},
		{name: "the first is missing", files: [][]byte{two, three}, seq: 1},
		{name: "one is missing", files: [][]byte{one, three}, seq: 5},
		{name: "the last is missing", files: [][]byte{one, two}, seq: 8},
		{name: "none is there", seq: 1},
		{name: "the wrong way round", files: [][]byte{two, one, three}, seq: 1},
		{name: "one is there twice", files: [][]byte{one, one, two, three}, seq: 5},
	} {
		t.Run("L-4/"+tt.name, func(t *testing.T) {
			err := joined(t, w, tt.files...)
			var parts *credits.VerifyError
			switch {
			case tt.seq == 0 && err != nil:
				t.Error(err)
			case tt.seq != 0 && (!errors.As(err, &parts) || parts.Seq != tt.seq):
				t.Errorf("they part at %d: %v", tt.seq, err)
			}
		})
	}
	t.Run("L-4/of another history", func(t *testing.T) {
		other := newWorld(t)
		other.do(acme, credits.Open{Plan: plan(), Zone: "Asia/Tokyo"})
		other.do(acme, credits.Spend{Amount: 1})
		other.do(acme, credits.Spend{Amount: 1})
		other.clock.Set(day("2026-04-05"))
		file, run := write(t, other.ledger, day("2026-01-05"))
		if run.Head.Seq != 4 {
			t.Fatalf("%+v", run)
		}
		is(t, joined(t, w, file, two, three), credits.ErrCorrupt)
	})
}

func joined(t testing.TB, w *world, files ...[]byte) error {
	t.Helper()
	var archives []io.Reader
	for _, file := range files {
		archives = append(archives, bytes.NewReader(file))
	}
	return archive.Joined(t.Context(), w.store, acme, archives...)
}

// TestLivesPruned prunes random lives again and again, at instants drawn at
// random. Each time all verifies, travels, and is what it would be unpruned.
func TestLivesPruned(t *testing.T) {
	lives.Each(t, 12, func(t testing.TB, r *rand.Rand) {
		life := lives.New(t, r, 120)
		l, s := life.Ledger, life.Ledger.Store()
		last := life.Clock.Now()
		life.Clock.Add(credits.Retention + time.Microsecond)
		if _, err := l.Feed(t.Context(), func(context.Context, []credits.Entry) error { return nil }); err != nil {
			t.Fatal(err)
		}
		whole := copyOf(t, s)
		var archives []byte
		for range 4 {
			before := last.Add(-time.Duration(r.Int64N(int64(40 * 24 * time.Hour))))
			for _, id := range []credits.WalletID{lives.First, lives.Second} {
				var file bytes.Buffer
				if _, err := archive.Write(t.Context(), l, &file, id, before); err != nil {
					t.Fatal(err)
				}
				if file.Len() == 0 {
					continue
				}
				if _, err := archive.Prune(t.Context(), l, bytes.NewReader(file.Bytes()), nil); err != nil {
					t.Fatal("L-3:", err)
				}
				archives = append(archives, file.Bytes()...)
			}
		}
		verify(t, s)
		travels(t, s)
		all := map[credits.WalletID][]credits.Entry{}
		for e, err := range archive.Entries(bytes.NewReader(append(archives, export(t, s)...))) {
			if err != nil {
				t.Fatal("L-3:", err)
			}
			all[e.Wallet] = append(all[e.Wallet], e)
		}
		for _, id := range []credits.WalletID{lives.First, lives.Second} {
			if err := archive.Joined(t.Context(), s, id, bytes.NewReader(archives)); err != nil {
				t.Error("L-4:", err)
			}
			unpruned := credits.New(whole, &credits.Options{Clock: life.Clock})
			was, is := must(unpruned.Wallet(t.Context(), id)), must(l.Wallet(t.Context(), id))
			if was.Available() != is.Available() || !reflect.DeepEqual(was.Balance(lives.Unit, "ann"), is.Balance(lives.Unit, "ann")) {
				t.Errorf("L-3: the wallet is %v, and was %v", is, was)
			}
			var history []credits.Entry
			for e, err := range unpruned.History(t.Context(), id, credits.HistoryQuery{}) {
				if err != nil {
					t.Fatal(err)
				}
				history = append(history, e)
			}
			if got := all[id][:min(len(history), len(all[id]))]; !reflect.DeepEqual(got, history) {
				t.Errorf("L-3: archives and store (-history +there):\n%s", cmp.Diff(history, got))
			}
		}
	})
}

// copyOf returns a copy of a store.
func copyOf(t testing.TB, s store.Store) *memory.Store {
	t.Helper()
	to := new(memory.Store)
	imported(t, to, export(t, s))
	return to
}
