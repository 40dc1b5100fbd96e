package credits_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

func TestNotOpen(t *testing.T) {
	r := newRig(t, "2026-01-01")
	for _, c := range []credits.Command{
		credits.Spend{Amount: 1},
		credits.Grant{Amount: 1},
		credits.Reserve{Amount: 1, Until: day("2026-01-02")},
		credits.Capture{Hold: 1, All: true},
		credits.Release{Hold: 1},
		credits.Reverse{Spend: 1, All: true},
		credits.Revoke{All: true},
		credits.CarryOver{Amount: 1},
		credits.Buy{Pack: "x", Amount: 1},
		credits.Refund{Purchase: 1},
		credits.SetAutoPurchase{},
		credits.SetZone{Zone: "UTC"},
		credits.Erase{Entries: []credits.ID{1}},
	} {
		r.invalid(c, "wallet", credits.ErrNotFound)
	}
	_, err := r.ledger.Wallet(r.ctx, acme)
	checkInvalid(t, err, "wallet", credits.ErrNotFound)
	_, err = r.ledger.BalanceAt(r.ctx, acme, day("2026-01-01"))
	checkInvalid(t, err, "wallet", credits.ErrNotFound)
	_, err = r.ledger.Forecast(r.ctx, acme, "", day("2026-02-01"))
	checkInvalid(t, err, "wallet", credits.ErrNotFound)
	checkInvalid(t, r.ledger.Verify(r.ctx, acme), "wallet", credits.ErrNotFound)
	if got := r.history(acme, credits.HistoryQuery{}); len(got) != 0 {
		t.Errorf("a wallet that is not open has entries %+v", got)
	}
	r.open(bare())
	_, err = r.ledger.BalanceAt(r.ctx, acme, day("2025-12-31"))
	checkInvalid(t, err, "time", credits.ErrNotFound)
}

func TestCommandsAreValues(t *testing.T) {
	// A pointer to a command is either understood or refused as invalid.
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	s := r.do(credits.Spend{Amount: n("5")})
	for i, c := range []credits.Command{
		&credits.Reverse{Spend: s.ID, All: true}, &credits.Spend{Amount: 1}, (*credits.Spend)(nil), (*credits.Open)(nil), nil,
	} {
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%T panics: %v", c, p)
				}
			}()
			_, err := r.ledger.Do(r.ctx, acme, credits.Key(fmt.Sprint("pointer-", i)), c)
			if err != nil {
				checkInvalid(t, err, "command", nil)
			}
		}()
	}
}

func TestBalanceAt(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	r.at("2026-01-05")
	r.do(credits.Spend{Amount: n("4")})
	r.do(credits.Grant{Amount: n("1")})
	r.at("2026-01-20")
	r.do(credits.Grant{Amount: n("7"), Starts: day("2026-01-25"), Expires: day("2026-02-10")})
	tests := []struct{ name, at, want string }{
		{"L-5/at the opening", "2026-01-01", "10"},
		{"L-5/before a command", "2026-01-04 23:59:59.999999", "10"},
		{"L-5/at it, after everything then", "2026-01-05", "7"},
		{"L-5/now", "2026-01-20", "7"},
		{"L-5/in the future", "2026-01-25", "14"},
		{"L-5/after a reset", "2026-02-01", "18"},
		{"L-5/after an expiry", "2026-02-10", "11"},
		{"L-5/far ahead", "2126-01-01", "11"},
	}
	for _, written := range []bool{false, true} {
		if written { // what fell due is in the store from here on
			r.at("2026-03-05")
			r.do(credits.Spend{Amount: n("11")})
			tests[len(tests)-1].want = "10"
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r.in(t).hasAt(tt.at, tt.want)
				w, err := r.ledger.BalanceAt(r.ctx, acme, day(tt.at))
				if err != nil || !w.At().Equal(day(tt.at)) {
					t.Errorf("the wallet is at %v, want %s", w.At(), tt.at)
				}
			})
		}
	}
}

func TestForecast(t *testing.T) {
	t.Run("events", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		r.do(credits.Grant{Amount: n("7"), Starts: day("2026-01-25"), Expires: day("2026-02-10")})
		before := r.dump("")
		f, err := r.ledger.Forecast(r.ctx, acme, "", day("2026-02-10"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range f.Events {
			got = append(got, e.At.Format("01-02 ")+entryWords(e))
		}
		want := []string{"01-25 started 7", "02-01 expired 10", "02-01 renewed", "02-01 granted 10", "02-10 expired 7"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if f.PerDay != 0 || !f.RunsOut.IsZero() {
			t.Errorf("the forecast is %+v, want no pace", f)
		}
		if diff := cmp.Diff(before, r.dump("")); diff != "" {
			t.Errorf("it changed the store:\n%s", diff)
		}
	})
}

func TestForecastRunsOut(t *testing.T) {
	t.Run("runs out", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.do(credits.Grant{Amount: n("100")})
		h := r.do(credits.Reserve{Amount: n("20"), Until: day("2026-01-20")})
		r.do(credits.Capture{Hold: h.ID, Amount: n("15")})
		s := r.do(credits.Spend{Amount: n("45")})
		r.do(credits.Reverse{Spend: s.ID, Amount: n("30")})
		r.do(credits.Spend{Unit: "", Amount: n("0.000029")})
		f, err := r.ledger.Forecast(r.ctx, acme, "", day("2035-12-31"))
		if err != nil {
			t.Fatal(err)
		}
		if f.PerDay != n("1") { // 30.000029 over 30 days, rounded down
			t.Errorf("%v a day, want 1", f.PerDay)
		}
		if want := day("2026-01-01").AddDate(0, 0, 70); !f.RunsOut.Equal(want) { // 69.999971 last 69 days after today
			t.Errorf("it runs out at %v, want %v", f.RunsOut, want)
		}
		r.at("2026-01-30 23:59:59.999999")
		if f, _ := r.ledger.Forecast(r.ctx, acme, "", day("2026-12-31")); f.PerDay != n("1") {
			t.Errorf("%v a day on the 30th day, want 1", f.PerDay)
		}
		r.at("2026-01-31")
		if f, _ := r.ledger.Forecast(r.ctx, acme, "", day("2026-12-31")); f.PerDay != 0 || !f.RunsOut.IsZero() {
			t.Errorf("%v a day on the 31st day, want 0", f.PerDay)
		}
	})
	t.Run("with the allowances to come", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("31"))
		r.do(credits.Spend{Amount: n("30")})
		f, err := r.ledger.Forecast(r.ctx, acme, "", day("2035-12-31"))
		if err != nil || !f.RunsOut.Equal(day("2026-01-03")) {
			t.Errorf("it runs out at %v, want the third day; %v", f.RunsOut, err)
		}
		r.at("2026-02-01")
		if f, _ := r.ledger.Forecast(r.ctx, acme, "", day("2035-12-31")); f.PerDay != 0 {
			t.Errorf("%v a day a month later, want 0", f.PerDay)
		}
		r.do(credits.Spend{Amount: n("29.999999")})
		if f, _ := r.ledger.Forecast(r.ctx, acme, "", day("2026-02-01")); f.PerDay != n("0.999999") || !f.RunsOut.IsZero() {
			t.Errorf("the forecast is %+v", f)
		}
	})
}

func TestForecastAtTheBound(t *testing.T) {
	t.Run("a pace is rounded down, reversals included", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		s := r.do(credits.Spend{Amount: 60})
		r.do(credits.Reverse{Spend: s.ID, Amount: 1})
		f, err := r.ledger.Forecast(r.ctx, acme, "", day("2026-02-01"))
		if err != nil || f.PerDay != 1 { // 59 over 30 days
			t.Errorf("%v a day, %v, want 0.000001", f.PerDay, err)
		}
	})
	t.Run("a pace over the bound", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		for range 3 {
			r.do(credits.Grant{Amount: credits.AmountMax})
			r.do(credits.Spend{Amount: credits.AmountMax})
		}
		f, err := r.ledger.Forecast(r.ctx, acme, "", day("2026-02-01"))
		if want := credits.AmountMax / 10; !errors.Is(err, credits.ErrLimit) && f.PerDay != want {
			t.Errorf("V14: %v a day, %v, want %v or an error", f.PerDay, err, want)
		}
	})
	t.Run("too far", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		_, err := r.ledger.Forecast(r.ctx, acme, "", day("2036-01-03"))
		checkInvalid(t, err, "until", credits.ErrLimit)
	})
}

func TestHistory(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("100"))
	ann := r.ledger.As(credits.Actor{ID: "ann", Role: "member"})
	for i := range 3 {
		r.at(fmt.Sprintf("2026-01-0%d", i+2))
		if _, err := ann.Do(r.ctx, acme, r.key(), credits.Spend{Feature: "run", Quantity: 1}); err != nil {
			t.Fatal(err)
		}
	}
	h := r.do(credits.Reserve{Amount: n("5"), Until: day("2026-01-10")})
	r.do(credits.Capture{Hold: h.ID, All: true}) // entries 1 to 7
	tests := []struct {
		name  string
		query credits.HistoryQuery
		want  []credits.ID
	}{
		{"all", credits.HistoryQuery{}, []credits.ID{1, 2, 3, 4, 5, 6, 7}},
		{"after", credits.HistoryQuery{After: 5}, []credits.ID{6, 7}},
		{"before", credits.HistoryQuery{Before: 3}, []credits.ID{1, 2}},
		{"newest", credits.HistoryQuery{Newest: true, Limit: 2}, []credits.ID{7, 6}},
		{"newest before", credits.HistoryQuery{Newest: true, Before: 6, Limit: 2}, []credits.ID{5, 4}},
		{"newest before the first", credits.HistoryQuery{Newest: true, Before: 1}, nil},
		{"newest, to the first", credits.HistoryQuery{Newest: true, Before: 3}, []credits.ID{2, 1}},
		{"within, half-open", credits.HistoryQuery{Within: credits.Period{Start: day("2026-01-02"), End: day("2026-01-04")}}, []credits.ID{3, 4}},
		{"since", credits.HistoryQuery{Within: credits.Period{Start: day("2026-01-04")}}, []credits.ID{5, 6, 7}},
		{"kinds", credits.HistoryQuery{Kinds: []credits.Kind{credits.KindReserved, credits.KindOpened}}, []credits.ID{1, 6}},
		{"about", credits.HistoryQuery{Of: 6}, []credits.ID{7}},
		{"lot", credits.HistoryQuery{Lot: 2, Limit: 3}, []credits.ID{2, 3, 4}},
		{"feature", credits.HistoryQuery{Feature: "run"}, []credits.ID{3, 4, 5}},
		{"actor", credits.HistoryQuery{Actor: "ann", After: 3}, []credits.ID{4, 5}},
		{"nobody", credits.HistoryQuery{Actor: "bob"}, nil},
		{"limit", credits.HistoryQuery{Limit: 1}, []credits.ID{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []credits.ID
			for _, e := range r.in(t).history(acme, tt.query) {
				got = append(got, e.Seq)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
	for e, err := range r.ledger.History(r.ctx, acme, credits.HistoryQuery{}) {
		if err != nil || e.Seq != 1 {
			t.Errorf("L-1: a loop that ends early saw %d, %v", e.Seq, err)
		}
		break
	}
	e := r.history(acme, credits.HistoryQuery{After: 2, Limit: 1})[0]
	if e.Actor != (credits.Actor{ID: "ann", Role: "member"}) {
		t.Errorf("the actor is %+v", e.Actor)
	}
}

func TestDoAll(t *testing.T) {
	newRig := func(t *testing.T) *rig {
		r := newRig(t, "2026-01-01")
		r.doOn("ann", credits.Open{Plan: monthly("10")})
		r.doOn("bob", credits.Open{Plan: monthly("10")})
		return r
	}
	spend := func(id credits.WalletID, key credits.Key, amount string) credits.Task {
		return credits.Task{Wallet: id, Key: key, Command: credits.Spend{Amount: n(amount)}}
	}
	t.Run("I-2/all", func(t *testing.T) {
		r := newRig(t)
		for _, replayed := range []bool{false, true, true} {
			receipts, err := r.ledger.DoAll(r.ctx, spend("bob", "x", "1"), spend("ann", "y", "2"))
			if err != nil || len(receipts) != 2 || receipts[0].Wallet != "bob" || receipts[1].Amount != n("2") {
				t.Fatalf("got %+v, %v", receipts, err)
			}
			if receipts[0].Replayed != replayed || receipts[1].Replayed != replayed {
				t.Errorf("replayed %v and %v, want %v", receipts[0].Replayed, receipts[1].Replayed, replayed)
			}
		}
	})
	t.Run("I-2/or none", func(t *testing.T) {
		r := newRig(t)
		before := r.dump("")
		_, err := r.ledger.DoAll(r.ctx, spend("ann", "x", "1"), spend("bob", "y", "11"))
		var refusal *credits.RefusedError
		if !errors.As(err, &refusal) || refusal.Wallet != "bob" {
			t.Errorf("got %v, want a refusal of bob", err)
		}
		if diff := cmp.Diff(before, r.dump("")); diff != "" {
			t.Errorf("it changed the store:\n%s", diff)
		}
	})
	t.Run("I-1/some keys known", func(t *testing.T) {
		r := newRig(t)
		if _, err := r.ledger.DoAll(r.ctx, spend("ann", "x", "1")); err != nil {
			t.Fatal(err)
		}
		before := r.dump("")
		_, err := r.ledger.DoAll(r.ctx, spend("ann", "x", "1"), spend("bob", "x", "1"))
		checkInvalid(t, err, "key", credits.ErrKeyReused)
		_, err = r.ledger.DoAll(r.ctx, spend("bob", "x", "1"), spend("ann", "x", "1"))
		checkInvalid(t, err, "key", credits.ErrKeyReused)
		_, _, err = r.ledger.Transfer(r.ctx, "x", credits.Transfer{From: "ann", To: "bob", Amount: 1})
		checkInvalid(t, err, "tasks[0].command", credits.ErrKeyReused)
		if diff := cmp.Diff(before, r.dump("")); diff != "" {
			t.Errorf("it changed the store:\n%s", diff)
		}
	})
	t.Run("invalid", func(t *testing.T) {
		r := newRig(t)
		_, err := r.ledger.DoAll(r.ctx)
		checkInvalid(t, err, "tasks", credits.ErrLimit)
		_, err = r.ledger.DoAll(r.ctx, spend("ann", "x", "1"), spend("ann", "y", "1"))
		checkInvalid(t, err, "tasks[1].wallet", nil)
	})
	t.Run("100 wallets and one more", func(t *testing.T) {
		r := newRig(t)
		var tasks []credits.Task
		for i := range 101 {
			tasks = append(tasks, credits.Task{Wallet: credits.WalletID(fmt.Sprintf("w%d", i)), Key: "open", Command: credits.Open{Plan: bare()}})
		}
		_, err := r.ledger.DoAll(r.ctx, tasks...)
		checkInvalid(t, err, "tasks", credits.ErrLimit)
		if _, err := r.ledger.DoAll(r.ctx, tasks[:100]...); err != nil {
			t.Error(err)
		}
	})
}

func TestOnCommit(t *testing.T) {
	r := newRig(t, "2026-01-01")
	var called []string
	hook := func(ctx context.Context, receipt credits.Receipt) {
		// It is after the commit: the receipt can be read.
		if _, err := r.ledger.Receipt(ctx, receipt.Wallet, receipt.Key); err != nil || receipt.Replayed {
			t.Errorf("receipt of %s: %v", receipt.Key, err)
		}
		called = append(called, string(receipt.Key))
	}
	l := credits.New(r.store, &credits.Options{Clock: r.clock, OnCommit: hook})
	expect := func(name string, want ...string) {
		t.Helper()
		if !slices.Equal(called, want) {
			t.Errorf("%s: called for %q, want %q", name, called, want)
		}
		called = nil
	}
	l.Do(r.ctx, acme, "open", credits.Open{Plan: monthly("10")})
	l.Do(r.ctx, "bob", "bob", credits.Open{Plan: bare()})
	expect("done", "open", "bob")
	l.Do(r.ctx, acme, "open", credits.Open{Plan: monthly("10")})
	expect("replayed")
	l.Do(r.ctx, acme, "spend", credits.Spend{Amount: n("11")})
	l.Do(r.ctx, acme, "spend", credits.Spend{Amount: -1})
	expect("refused, invalid")
	l.Preview(r.ctx, acme, "spend", credits.Spend{Amount: n("1")})
	expect("previewed")
	l.As(credits.Actor{ID: "ann"}).Do(r.ctx, acme, "spend", credits.Spend{Amount: n("1")})
	expect("as somebody", "spend")
	l.DoAll(r.ctx, credits.Task{Wallet: acme, Key: "a", Command: credits.Grant{Amount: 5}}, credits.Task{Wallet: "bob", Key: "b", Command: credits.Grant{Amount: 5}})
	expect("several", "a", "b")
	l.Transfer(r.ctx, "t", credits.Transfer{From: acme, To: "bob", Amount: 1})
	expect("a transfer", "t", "t")
	l.Transfer(r.ctx, "t", credits.Transfer{From: acme, To: "bob", Amount: 1})
	expect("a transfer, replayed")
	r.at("2026-02-01")
	l.Tick(r.ctx)
	l.Wallet(r.ctx, acme)
	expect("a tick")
	l.On(r.store).Do(r.ctx, acme, "on", credits.Grant{Amount: 1})
	l.On(new(memory.Store)).Do(r.ctx, acme, "on", credits.Open{Plan: bare()})
	l.As(credits.Actor{ID: "ann"}).On(r.store).As(credits.Actor{}).Do(r.ctx, acme, "on 2", credits.Grant{Amount: 1})
	expect("on a transaction")
}

func TestOnKeepsSettings(t *testing.T) {
	r := newRig(t, "2026-01-01")
	other := new(memory.Store)
	receipt, err := r.ledger.As(credits.Actor{ID: "ann"}).On(other).Do(r.ctx, acme, "k", credits.Open{Plan: bare()})
	if err != nil || receipt.Entries[0].Actor.ID != "ann" || !receipt.At.Equal(r.clock.Now()) {
		t.Errorf("the receipt is %+v, %v", receipt, err)
	}
	if got := dumpStore(t, r.store, ""); len(got) != 0 {
		t.Errorf("the ledger's own store has %v", got)
	}
	checkInvariants(t, other, r.clock)
}

func TestEntriesByThemselves(t *testing.T) {
	// L-1, L-3: entries applied to nothing give the wallet; none follows from another.
	r := newRig(t, "2026-01-01")
	r.open(monthly("10"))
	r.do(credits.Spend{Amount: n("3")})
	entries := r.history(acme, credits.HistoryQuery{})
	fresh, _ := credits.NewWallet(acme)
	w, err := fresh.Apply(entries...)
	if err != nil || !w.Equal(r.wallet()) || w.Head() != r.wallet().Head() {
		t.Errorf("the replay is %v, %v", w, err)
	}
	other, _ := credits.NewWallet("bob")
	wrong := map[string]func() (credits.Wallet, error){
		"L-1/a gap":            func() (credits.Wallet, error) { return fresh.Apply(entries[0], entries[2]) },
		"L-1/out of order":     func() (credits.Wallet, error) { return fresh.Apply(entries[1], entries[0]) },
		"L-1/twice":            func() (credits.Wallet, error) { return w.Apply(entries[2]) },
		"L-1/another wallet's": func() (credits.Wallet, error) { return other.Apply(entries...) },
	}
	for name, apply := range wrong {
		t.Run("L-3/"+name, func(t *testing.T) {
			if got, err := apply(); !errors.Is(err, credits.ErrInvalid) || got.Seq() == 3 && name != "L-1/twice" {
				t.Errorf("got %v, %v, want ErrInvalid and the wallet as it was", got, err)
			}
		})
	}
}
