package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

const acme credits.WalletID = "acme"

// world is a ledger on a store in memory.
type world struct {
	testing.TB
	store  store.Store
	ledger *credits.Ledger
	clock  *clock.Mock
	keys   int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, store: new(memory.Store), clock: clock.NewMock()}
	w.clock.Set(day("2026-01-01"))
	w.ledger = credits.New(w.store, &credits.Options{Clock: w.clock, Salt: [32]byte{1}})
	return w
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// plan is what wallets of these tests have.
func plan() credits.Plan {
	usd := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "USD"} }
	return credits.Plan{
		ID: "pro", Version: 1, Price: usd(9_000_000), Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: 2 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 10 * credits.Credit, Price: usd(1_000_000), Life: credits.Forever}},
	}
}

// do carries out a command under the next key.
func (w *world) do(id credits.WalletID, c credits.Command) credits.Receipt {
	w.Helper()
	w.keys++
	r, err := w.ledger.Do(w.Context(), id, credits.Key(fmt.Sprintf("key-%d", w.keys)), c)
	if err != nil {
		w.Fatalf("%+v: %v", c, err)
	}
	return r
}

// feed hands all entries to a consumer.
func (w *world) feed() {
	w.Helper()
	if _, err := w.ledger.Feed(w.Context(), func(context.Context, []credits.Entry) error { return nil }); err != nil {
		w.Fatal(err)
	}
}

// lived opens acme and lets it live for some months: some entries of all sorts.
func (w *world) lived() *world {
	w.Helper()
	w.do(acme, credits.Open{Plan: plan(), Zone: "Europe/Berlin", Note: credits.Note{Reason: "<signup> & \u2028 \x01", Ref: "ß"}})
	spend := w.do(acme, credits.Spend{Feature: "image", Quantity: 3, Note: credits.Note{Labels: map[string]string{"team": "a"}}})
	w.do(acme, credits.Reserve{Amount: 5 * credits.Credit, Until: day("2026-01-20")})
	w.clock.Set(day("2026-01-10"))
	w.do(acme, credits.Reverse{Spend: spend.ID, Amount: credits.Credit})
	w.do(acme, credits.Erase{Entries: []credits.ID{spend.ID}})
	w.clock.Set(day("2026-02-03"))
	w.do(acme, credits.Buy{Pack: "extra", Amount: 20 * credits.Credit})
	w.clock.Set(day("2026-03-05"))
	w.do(acme, credits.Grant{Amount: 7 * credits.Credit, Expires: day("2026-05-01"), Note: credits.Note{Reason: "sorry"}})
	w.clock.Set(day("2026-04-05"))
	w.do(acme, credits.Spend{Amount: 11 * credits.Credit})
	return w
}

func export(t testing.TB, s store.Store, wallets ...credits.WalletID) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := archive.Export(t.Context(), s, &file, wallets...); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func imported(t testing.TB, s store.Store, file []byte) archive.Report {
	t.Helper()
	report, err := archive.Import(t.Context(), s, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func verify(t testing.TB, s store.Store) {
	t.Helper()
	l := credits.New(s, nil)
	for id, err := range l.Wallets(t.Context(), "") {
		if err == nil {
			err = l.Verify(t.Context(), id)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// is fails unless err is each of targets.
func is(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("the error is %v, and is to be %v", err, target)
		}
	}
}

func lines(file []byte) []string { return strings.SplitAfter(string(file), "\n") }

func sha(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// prune writes an archive of what is older than an instant, and prunes that. It
// returns the archive.
func prune(t testing.TB, w *world, before time.Time) []byte {
	t.Helper()
	var file bytes.Buffer
	for id, err := range w.ledger.Wallets(t.Context(), "") {
		if err == nil {
			_, err = archive.Write(t.Context(), w.ledger, &file, id, before)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := archive.Prune(t.Context(), w.ledger, bytes.NewReader(file.Bytes()), nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
