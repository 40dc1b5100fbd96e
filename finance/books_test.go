package finance_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/internal/lives"
	"example.com/credits/usage"
)

var ctx = context.Background()

// lineKey names a line.
type lineKey struct {
	unit   credits.Unit
	source string
}

func of(t testing.TB, l *credits.Ledger, id credits.WalletID, p credits.Period) finance.Statement {
	t.Helper()
	s, err := finance.Of(ctx, l, id, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// amounts returns one amount of each line that is not 0.
func amounts(s finance.Statement, of func(finance.Line) credits.Amount) map[lineKey]credits.Amount {
	got := map[lineKey]credits.Amount{}
	for _, ln := range s.Lines {
		if a := of(ln); a != 0 {
			got[lineKey{ln.Unit, ln.Source}] += a
		}
	}
	return got
}

// deferred returns what is deferred by currency, where that is not 0.
func deferred(s finance.Statement, of func(finance.Revenue) credits.Money) map[string]int64 {
	got := map[string]int64{}
	for _, r := range s.Revenue {
		if m := of(r); m.Micros != 0 {
			got[m.Currency] = m.Micros
		}
	}
	return got
}

func opening(ln finance.Line) credits.Amount { return ln.Opening }
func closing(ln finance.Line) credits.Amount { return ln.Closing }

// balance returns what a wallet has at an instant, by unit and source, debt less than 0.
func balance(t testing.TB, l *credits.Ledger, id credits.WalletID, at time.Time) map[lineKey]credits.Amount {
	t.Helper()
	w, err := l.BalanceAt(ctx, id, at)
	if errors.Is(err, credits.ErrNotFound) { // before it was opened
		return map[lineKey]credits.Amount{}
	}
	if err != nil {
		t.Fatal(err)
	}
	got := map[lineKey]credits.Amount{}
	for lot := range w.Lots() {
		got[lineKey{lot.Unit, lot.Source.String()}] += lot.Available
	}
	for _, unit := range []credits.Unit{"", lives.Unit} {
		got[lineKey{unit, "debt"}] = -w.Balance(unit, "").Debt
	}
	maps.DeleteFunc(got, func(_ lineKey, a credits.Amount) bool { return a == 0 })
	return got
}

// checkSums fails the test unless the parts of a statement add up.
func checkSums(t testing.TB, s finance.Statement) {
	t.Helper()
	for _, ln := range s.Lines {
		in := ln.Opening + ln.Issued + ln.Moved
		if out := ln.Consumed + ln.Expired + ln.Revoked + ln.Refunded + ln.Held + ln.Closing; in != out {
			t.Errorf("%v: %v came and %v went: %+v", s.Period, in, out, ln)
		}
	}
	for _, r := range s.Revenue {
		in := r.Opening.Micros + r.Paid.Micros + r.Moved.Micros
		out := r.Recognised.Micros + r.Breakage.Micros + r.Revoked.Micros + r.Refunded.Micros + r.Deferred.Micros
		if in != out || r.Opening.Micros < 0 || r.Deferred.Micros < 0 {
			t.Errorf("A-4: %v: %d came and %d went: %+v", s.Period, in, out, r)
		}
	}
	ordered := slices.IsSortedFunc(s.Lines, func(a, b finance.Line) int {
		if a.Unit != b.Unit {
			return cmpText(string(a.Unit), string(b.Unit))
		}
		return rank(a.Source) - rank(b.Source)
	})
	if !ordered {
		t.Errorf("%v: the lines are not in order: %+v", s.Period, s.Lines)
	}
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func rank(source string) int {
	return slices.Index([]string{"carry-over", "rollover", "allowance", "add-on", "grant", "purchase", "auto-purchase", "debt"}, source)
}

// Whatever a wallet lived through: what a statement opens and closes with is the
// balance at its bounds, what came is what went and what is left, periods chain,
// what was consumed is what usage says, and it does not matter what was written.
func TestStatementsAddUp(t *testing.T) {
	seen := map[string]int{}
	lives.Each(t, 80, func(t testing.TB, r *rand.Rand) {
		l := lives.New(t, r, 60)
		id := lives.Pick(r, lives.First, lives.Second)
		now := l.Clock.Now()
		opened := first(t, l.Ledger, id).At
		cuts := []time.Time{opened}
		for range 3 {
			cuts = append(cuts, opened.Add(time.Duration(r.Int64N(int64(now.Sub(opened))+1))).Truncate(time.Microsecond))
		}
		cuts = append(cuts, now.Add(time.Microsecond))
		slices.SortFunc(cuts, time.Time.Compare)
		whole := of(t, l.Ledger, id, credits.Period{Start: cuts[0], End: cuts[len(cuts)-1]})
		unbounded := of(t, l.Ledger, id, credits.Period{End: cuts[len(cuts)-1]})
		if diff := cmp.Diff(whole.Lines, unbounded.Lines); diff != "" {
			t.Errorf("from the beginning (-) and without a bound (+):\n%s", diff)
		}
		if _, err := l.Ledger.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, of(t, l.Ledger, id, whole.Period)); diff != "" {
			t.Errorf("T-6: before (-) and after (+) a tick:\n%s", diff)
		}
		checkSums(t, whole)
		checkLots(t, l.Ledger, id, whole, seen)
		sums := map[string]int64{}
		var before finance.Statement
		for i := range len(cuts) - 1 {
			s := of(t, l.Ledger, id, credits.Period{Start: cuts[i], End: cuts[i+1]})
			checkSums(t, s)
			checkBounds(t, l.Ledger, s, before)
			add(sums, s)
			before = s
		}
		want := map[string]int64{}
		add(want, whole)
		if diff := cmp.Diff(want, sums); diff != "" {
			t.Errorf("all at once (-) and in parts (+):\n%s", diff)
		}
	})
	for _, what := range []string{
		"Issued", "Moved", "Consumed", "Expired", "Revoked", "Refunded", "Held", "debt", "Paid", "Recognised", "Breakage", "MoneyRevoked", "MoneyRefunded",
	} {
		if seen[what] == 0 {
			t.Errorf("no statement has %s", what)
		}
	}
}

func first(t testing.TB, l *credits.Ledger, id credits.WalletID) (e credits.Entry) {
	t.Helper()
	for e, err := range l.History(ctx, id, credits.HistoryQuery{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	return e
}

// add adds up what moved in a statement.
func add(sums map[string]int64, s finance.Statement) {
	for _, ln := range s.Lines {
		for i, a := range []credits.Amount{ln.Issued, ln.Moved, ln.Consumed, ln.Expired, ln.Revoked, ln.Refunded, ln.Held} {
			sums[fmt.Sprint(ln.Unit, "/", ln.Source, "/", i)] += int64(a)
		}
	}
	for _, r := range s.Revenue {
		for i, m := range []credits.Money{r.Paid, r.Moved, r.Recognised, r.Breakage, r.Revoked, r.Refunded, r.Charged, r.Surcharge, r.Settled} {
			sums[fmt.Sprint(r.Paid.Currency, "/", i)] += m.Micros
		}
	}
	maps.DeleteFunc(sums, func(_ string, n int64) bool { return n == 0 })
}

// checkBounds fails the test unless a statement begins where the one before ended,
// and has the balances of its bounds and the usage of its period.
func checkBounds(t testing.TB, l *credits.Ledger, s, before finance.Statement) {
	t.Helper()
	if before.Wallet != "" {
		if diff := cmp.Diff(amounts(before, closing), amounts(s, opening)); diff != "" {
			t.Errorf("%v: closing of the period before (-), opening (+):\n%s", s.Period, diff)
		}
		was := deferred(before, func(r finance.Revenue) credits.Money { return r.Deferred })
		if diff := cmp.Diff(was, deferred(s, func(r finance.Revenue) credits.Money { return r.Opening })); diff != "" {
			t.Errorf("%v: deferred at the end of the period before (-), at the start (+):\n%s", s.Period, diff)
		}
	}
	if diff := cmp.Diff(balance(t, l, s.Wallet, s.Period.Start.Add(-time.Microsecond)), amounts(s, opening)); diff != "" {
		t.Errorf("%v: balance before it (-), opening (+):\n%s", s.Period, diff)
	}
	if diff := cmp.Diff(balance(t, l, s.Wallet, s.Period.End.Add(-time.Microsecond)), amounts(s, closing)); diff != "" {
		t.Errorf("%v: balance at its end (-), closing (+):\n%s", s.Period, diff)
	}
	rows, err := usage.Of(ctx, l, s.Wallet, usage.Query{Within: s.Period, By: []usage.Dimension{usage.Unit, usage.Source}})
	if err != nil {
		t.Fatal(err)
	}
	used := map[lineKey]credits.Amount{}
	for _, r := range rows {
		if r.Amount != 0 {
			used[lineKey{credits.Unit(r.Group[usage.Unit]), r.Group[usage.Source]}] = r.Amount
		}
	}
	if diff := cmp.Diff(used, amounts(s, func(ln finance.Line) credits.Amount { return ln.Consumed })); diff != "" {
		t.Errorf("%v: usage (-), consumed (+):\n%s", s.Period, diff)
	}
}

// checkLots fails the test unless the statement of a whole life says what the
// lots themselves say at its end.
func checkLots(t testing.TB, l *credits.Ledger, id credits.WalletID, s finance.Statement, seen map[string]int) {
	t.Helper()
	w, err := l.Wallet(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	want := map[lineKey]finance.Line{}
	left, paid := map[string]int64{}, map[string]int64{}
	for lot, changes := range lots(t, l, w) {
		k := lineKey{lot.Unit, lot.Source.String()}
		ln := want[k]
		ln.Unit, ln.Source = lot.Unit, lot.Source.String()
		issued := lot.Amount
		if lot.Pending {
			issued = 0
		}
		if lot.Origin == (credits.Origin{}) {
			ln.Issued += issued
		} else {
			ln.Moved += issued
		}
		ln.Moved -= lot.Moved
		ln.Consumed, ln.Expired, ln.Revoked = ln.Consumed+lot.Consumed, ln.Expired+lot.Expired, ln.Revoked+lot.Revoked
		ln.Refunded, ln.Held, ln.Closing = ln.Refunded+lot.Refunded, ln.Held+lot.Held, ln.Closing+lot.Available
		want[k] = ln
		if lot.Paid.IsZero() {
			continue
		}
		left[lot.Paid.Currency] += deferredOf(t, lot, changes)
		if lot.Origin == (credits.Origin{}) {
			paid[lot.Paid.Currency] += lot.Paid.Micros
		}
	}
	got := map[lineKey]finance.Line{}
	for _, ln := range s.Lines {
		got[lineKey{ln.Unit, ln.Source}] = ln
		note(seen, ln)
	}
	for _, unit := range []credits.Unit{"", lives.Unit} {
		k := lineKey{unit, "debt"}
		if owed := w.Balance(unit, "").Debt; owed != 0 {
			want[k] = finance.Line{Unit: unit, Source: "debt", Consumed: owed, Closing: -owed}
		}
	}
	maps.DeleteFunc(want, func(k lineKey, ln finance.Line) bool { return ln == finance.Line{Unit: k.unit, Source: k.source} }) // not begun
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lots (-), the statement (+):\n%s", diff)
	}
	maps.DeleteFunc(left, func(_ string, n int64) bool { return n == 0 })
	maps.DeleteFunc(paid, func(_ string, n int64) bool { return n == 0 })
	if diff := cmp.Diff(left, deferred(s, func(r finance.Revenue) credits.Money { return r.Deferred })); diff != "" {
		t.Errorf("A-4: deferred of the lots (-), of the statement (+):\n%s", diff)
	}
	if diff := cmp.Diff(paid, deferred(s, func(r finance.Revenue) credits.Money { return r.Paid })); diff != "" {
		t.Errorf("A-4: paid for the lots (-), in the statement (+):\n%s", diff)
	}
	for _, r := range s.Revenue {
		for what, m := range map[string]credits.Money{
			"Paid": r.Paid, "Recognised": r.Recognised, "Breakage": r.Breakage, "MoneyRevoked": r.Revoked, "MoneyRefunded": r.Refunded,
		} {
			if m.Micros < 0 {
				t.Errorf("A-4: of all time, %s is %v", what, m)
			}
			if m.Micros > 0 {
				seen[what]++
			}
		}
	}
}

// lots returns all lots that a wallet ever had, each with how its entries changed the books.
func lots(t testing.TB, l *credits.Ledger, w credits.Wallet) map[*credits.Lot][]credits.Revenue {
	t.Helper()
	byID, changes := map[credits.ID]*credits.Lot{}, map[*credits.Lot][]credits.Revenue{}
	for e, err := range l.History(ctx, w.ID(), credits.HistoryQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Opens != nil {
			lot, ok := w.Lot(e.Seq)
			if !ok {
				t.Fatalf("lot %d is forgotten: the history is too long for this test", e.Seq)
			}
			byID[e.Seq], changes[&lot] = &lot, nil
		}
		for _, ln := range e.Lines {
			if lot := byID[ln.Lot]; lot != nil {
				changes[lot] = append(changes[lot], ln.Revenue)
			}
		}
	}
	return changes
}

// deferredOf returns the part of what was paid for a lot that is deferred: of one
// that nothing was moved from or refunded of, by the rule; else as its entries say.
func deferredOf(t testing.TB, lot *credits.Lot, changes []credits.Revenue) int64 {
	t.Helper()
	left := lot.Paid.Micros
	for _, c := range changes {
		left -= c.Recognised + c.Breakage + c.Revoked + c.Refunded + c.Moved
	}
	if lot.Moved+lot.Refunded > 0 {
		return left
	}
	gone := new(big.Int).Mul(big.NewInt(lot.Paid.Micros), big.NewInt(int64(lot.Consumed+lot.Expired+lot.Revoked)))
	gone.Quo(gone, big.NewInt(int64(lot.Amount)))
	if want := lot.Paid.Micros - gone.Int64(); left != want {
		t.Errorf("A-4: of lot %+v %d is deferred, want %d", lot, left, want)
	}
	return left
}

// note counts what statements have, so that nothing holds for want of cases.
func note(seen map[string]int, ln finance.Line) {
	if ln.Source == "debt" {
		seen["debt"]++
	}
	for what, a := range map[string]credits.Amount{
		"Issued": ln.Issued, "Moved": ln.Moved, "Consumed": ln.Consumed, "Expired": ln.Expired, "Revoked": ln.Revoked, "Refunded": ln.Refunded, "Held": ln.Held,
	} {
		if a != 0 {
			seen[what]++
		}
	}
}
