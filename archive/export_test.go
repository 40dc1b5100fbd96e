package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/creditstest"
	"example.com/credits/internal/lives"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// content is all that a store has of a wallet.
type content struct {
	Head       store.Head
	Checkpoint store.Checkpoint
	State      store.State
	Entries    []store.Entry
}

// contentOf returns all that a store has, with the receipts of all keys that entries name.
func contentOf(t testing.TB, s store.Store) []content {
	t.Helper()
	var all []content
	for h, err := range s.Heads(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		c := content{Head: h}
		if c.Checkpoint, err = store.CheckpointOf(t.Context(), s, h.Wallet); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for e, err := range s.Entries(t.Context(), store.Query{Wallet: h.Wallet, After: c.Checkpoint.Seq}) {
			if err != nil {
				t.Fatal(err)
			}
			read, err := credits.ReadEntry(credits.WalletID(h.Wallet), e)
			if err != nil {
				t.Fatal(err)
			}
			if key := string(read.Key); key != "" && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
			c.Entries = append(c.Entries, e)
		}
		states, err := s.Load(t.Context(), store.Read{Wallet: h.Wallet, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		c.State = states[0]
		all = append(all, c)
	}
	return all
}

// TestLivesTravel exports random lives, imports them, and finds in the other store
// all that was in the first, byte for byte, and the same export again.
func TestLivesTravel(t *testing.T) {
	t.Run("L-3/L-4/I-1/random lives", func(t *testing.T) {
		lives.Each(t, 15, func(t testing.TB, r *rand.Rand) {
			life := lives.New(t, r, 120)
			travels(t, life.Ledger.Store())
		})
	})
}

// travels exports a store and imports it into another, which is then the same.
func travels(t testing.TB, s store.Store) *memory.Store {
	t.Helper()
	file := export(t, s)
	to := new(memory.Store)
	imported(t, to, file)
	if want, got := contentOf(t, s), contentOf(t, to); !reflect.DeepEqual(want, got) {
		t.Fatalf("what was imported (-there +here):\n%s", cmp.Diff(want, got))
	}
	if again := export(t, to); !bytes.Equal(again, file) {
		t.Fatal("the export of what was imported is another")
	}
	verify(t, to)
	return to
}

// TestReceiptsTravel makes receipts of every sort: of commands, of refusals that
// are facts, of a spend that waited for a purchase, of a library's own key, and of
// a purchase that was paid after it had been given up.
func TestReceiptsTravel(t *testing.T) {
	w := creditstest.New(t)
	charger := w.Paid()
	p := plan()
	p.Auto = credits.AutoPurchase{Pack: "extra", Size: 10 * credits.Credit, Surcharge: 30 * credits.Percent, Limit: credits.AtMost(50 * credits.Credit)}
	p.Access = []credits.Rule{{Action: credits.ActCancel, Via: credits.ByCode}}
	do := func(key credits.Key, c credits.Command) {
		_, _ = w.Do(t.Context(), acme, key, c)
	}
	do("open", credits.Open{Plan: p})
	do("method", credits.SetMethod{Method: credits.Method{Token: "tok", Kind: "card"}})
	do("auto", credits.SetAutoPurchase{On: true})
	do("waits", credits.Spend{Amount: 105 * credits.Credit})
	charger.Next(creditstest.Decline)
	do("declined", credits.Buy{Pack: "extra", Amount: 10 * credits.Credit})
	charger.Next(creditstest.AskPayer)
	do("late", credits.Buy{Pack: "extra", Amount: 20 * credits.Credit})
	w.Later("30h")
	if _, err := w.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	for e, err := range w.History(t.Context(), acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindIntended}, Newest: true, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		do("paid", credits.Settle{Purchase: e.Seq, Payment: credits.Payment{State: credits.Paid}})
	}
	admin := w.As(credits.Actor{ID: "ann", Role: credits.Administrator})
	must(admin.Do(t.Context(), acme, "ask", credits.Ask{Command: credits.Cancel{}, Until: w.Clock.Now().Add(time.Hour), Proof: [32]byte{1}}))
	request := slices.Collect(must(w.Wallet(t.Context(), acme)).Requests())
	if len(request) != 1 {
		t.Fatal("nothing was asked")
	}
	_, err := admin.Do(t.Context(), acme, "mistaken", credits.Approve{Request: request[0].ID, Proof: [32]byte{2}})
	is(t, err, credits.CodeWrong)
	to := travels(t, w.Store())

	there := credits.New(to, &credits.Options{Clock: w.Clock})
	for _, tt := range []struct {
		name    string
		key     credits.Key
		refused credits.Reason // the receipt is of that refusal
	}{
		{name: "I-1/of a command", key: "open"},
		{name: "I-1, P-3/of a spend that waited for a purchase", key: "waits"},
		{name: "S-4, I-1/of a payment that was declined", key: "declined", refused: credits.PaymentFailed},
		{name: "P-2, I-1/of a purchase that was paid late", key: "late"},
		{name: "S-4, I-1/of a wrong code", key: "mistaken", refused: credits.CodeWrong},
		{name: "P-3, I-1/under the library's own key", key: "credits/purchase/5/paid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want, wantErr := w.Receipt(t.Context(), acme, tt.key)
			got, err := there.Receipt(t.Context(), acme, tt.key)
			if tt.refused != "" {
				is(t, err, tt.refused)
				is(t, wantErr, tt.refused)
			} else if err != nil || wantErr != nil {
				t.Fatal(err, wantErr)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the receipt (-there +here):\n%s", diff)
			}
		})
	}
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// TestExportNamed exports the wallets that are named, and no other.
func TestExportNamed(t *testing.T) {
	last := string(utf8.MaxRune)
	names := []credits.WalletID{
		"a", "a\x01", "ab", "aa", "b", "\u0001", "\ue000", "\U00010000", "\ufffd", "\ufffe",
		credits.WalletID(last), credits.WalletID(strings.Repeat("z", store.NameLimit)),
		credits.WalletID(strings.Repeat("a", store.NameLimit-1) + "\u0001"), credits.WalletID("a" + strings.Repeat(last, 63)),
	}
	w := newWorld(t)
	for _, id := range names {
		w.do(id, credits.Open{Plan: plan()})
	}
	for _, id := range names {
		file := export(t, w.store, id)
		n := 0
		for run, err := range archive.Runs(bytes.NewReader(file)) {
			if n++; err != nil || run.Wallet != id || run.Entries != 2 || run.Receipts != 1 {
				t.Errorf("%q: %+v, %v", id, run, err)
			}
		}
		if n != 1 {
			t.Errorf("%q: %d wallets", id, n)
		}
	}
	for _, id := range []credits.WalletID{"c", "aab", "zz", "\u0002", "\ue001"} {
		_, err := archive.Export(t.Context(), w.store, new(bytes.Buffer), id)
		is(t, err, credits.ErrNotFound)
	}
	for _, id := range []credits.WalletID{"", "a\x00", "\xff", credits.WalletID(strings.Repeat("a", store.NameLimit+1))} {
		_, err := archive.Export(t.Context(), w.store, new(bytes.Buffer), id)
		is(t, err, credits.ErrInvalid)
	}
}

// restless is a store in which something happens, once, before entries are read, and
// after something was loaded.
type restless struct {
	store.Store
	before, after func()
}

func once(f *func()) {
	if happens := *f; happens != nil {
		*f = nil
		happens()
	}
}

func (r *restless) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	once(&r.before)
	return r.Store.Entries(ctx, q)
}

func (r *restless) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	defer once(&r.after)
	return r.Store.Load(ctx, reads...)
}

// TestExportMeanwhile changes a wallet while it is exported. The export is of one
// Seq all the same, and what was erased meanwhile is not in it.
func TestExportMeanwhile(t *testing.T) {
	for _, tt := range []struct {
		name    string
		happens func(w *world)
		ends    credits.ID
	}{
		{
			name:    "L-4/what comes later is left out",
			happens: func(w *world) { w.do(acme, credits.Spend{Amount: 1}) },
			ends:    19,
		},
		{
			name:    "L-4/what was erased is, and the entry that says so is there",
			happens: func(w *world) { w.do(acme, credits.Erase{Entries: []credits.ID{15}}) },
			ends:    20,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t).lived()
			file := export(t, &restless{Store: w.store, before: func() { tt.happens(w) }})
			for run, err := range archive.Runs(bytes.NewReader(file)) {
				if err != nil || run.Head.Seq != tt.ends {
					t.Errorf("%+v, %v", run, err)
				}
			}
			to := new(memory.Store)
			imported(t, to, file)
			verify(t, to)
		})
	}
}

// TestSettledMeanwhile exports a wallet in which a note is erased meanwhile, so that
// the export goes on to there. A purchase was settled before that, after
// its intent was exported: the receipt of who waited for it is in the export.
func TestSettledMeanwhile(t *testing.T) {
	w := creditstest.New(t)
	w.Paid().Next(creditstest.AskPayer)
	w.Must(acme, credits.Open{Plan: plan(), Note: credits.Note{Reason: "signup"}})
	w.Must(acme, credits.SetMethod{Method: credits.Method{Token: "tok", Kind: "card"}})
	_, err := w.Do(t.Context(), acme, "waits", credits.Buy{Pack: "extra", Amount: 10 * credits.Credit})
	is(t, err, credits.PaymentPending)
	var open credits.Purchase
	for open = range must(w.Wallet(t.Context(), acme)).Purchases() {
	}
	file := export(t, &restless{
		Store:  w.Store(),
		before: func() { w.Must(acme, credits.Erase{Entries: []credits.ID{1}}) },
		after:  func() { w.Must(acme, credits.Settle{Purchase: open.ID, Payment: credits.Payment{State: credits.Paid}}) },
	})
	to := new(memory.Store)
	imported(t, to, file)
	if _, err := credits.New(to, nil).Receipt(t.Context(), acme, "waits"); err != nil {
		t.Error("I-1, P-3:", err)
	}
}

// TestReceiptOfMany exports the receipt of a command whose entries are read in
// several pages once.
func TestReceiptOfMany(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	for range 700 {
		w.do(acme, credits.Grant{Amount: 1})
	}
	r := w.do(acme, credits.Revoke{All: true})
	if len(r.Entries) < 700 {
		t.Fatalf("%d entries", len(r.Entries))
	}
	n := 0
	for _, line := range lines(export(t, w.store)) {
		if strings.HasPrefix(line, fmt.Sprintf(`{"receipt":{"key":%q`, r.Key)) {
			n++
		}
	}
	if n != 1 {
		t.Errorf("I-1: the receipt is there %d times", n)
	}
	travels(t, w.store)
}

// damaged is a store in which entries are not what they were.
type damaged struct {
	store.Store
	damage func(*store.Entry)
}

func (d *damaged) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for e, err := range d.Store.Entries(ctx, q) {
			d.damage(&e)
			if e.Seq != 0 && !yield(e, err) {
				return
			}
		}
	}
}

// TestExportDamaged finds what departs from its history before anybody else does.
func TestExportDamaged(t *testing.T) {
	for name, damage := range map[string]func(*store.Entry){
		"L-4/a body was changed":  func(e *store.Entry) { e.Body[len(e.Body)-1] ^= 1 },
		"L-4/a note was taken":    func(e *store.Entry) { e.Note = nil },
		"L-4/an instant":          func(e *store.Entry) { e.At++ },
		"L-4/an entry is missing": func(e *store.Entry) { e.Seq *= min(1, e.Seq-12) },
		"L-4/the last is missing": func(e *store.Entry) { e.Seq *= min(1, 19-e.Seq) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).lived()
			_, err := archive.Export(t.Context(), &damaged{w.store, damage}, new(bytes.Buffer))
			is(t, err, credits.ErrCorrupt)
		})
	}
}

// TestExportFails tells of what could not be written or read.
func TestExportFails(t *testing.T) {
	w := newWorld(t).lived()
	file := export(t, w.store)
	full := errors.New("the disk is full")
	for n := range len(file) {
		if n%97 != 0 {
			continue
		}
		if _, err := archive.Export(t.Context(), w.store, &short{left: n, err: full}); !errors.Is(err, full) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	f := &faulty{Store: w.store.(*memory.Store)}
	export(t, f)
	for n := range f.calls {
		broken := &faulty{Store: f.Store, at: n + 1}
		_, err := archive.Export(t.Context(), broken, new(bytes.Buffer))
		is(t, err, credits.ErrRetry, errFault)
	}
}

// short is a writer that has no room after some bytes.
type short struct {
	left int
	err  error
}

func (s *short) Write(b []byte) (int, error) {
	if len(b) > s.left {
		return 0, s.err
	}
	s.left -= len(b)
	return len(b), nil
}
