// Package creditstest makes the unit tests of programs that use credits short.
//
// A [World] is a ledger in memory and a clock that stands still. A test sets it
// up with commands, calls the program with the world's Ledger, lets time pass
// without waiting, and says what it wants. What fails tells the wallet's last
// entries, one a line, in the form that [World.WantLast] describes.
package creditstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// World is a ledger in memory, on a clock that stands still until the test moves it.
//
// A test that needs another ledger puts it in place of this one before it does
// anything else: one with an actor, w.Ledger = w.As(actor), or one made by
// [credits.New] on w.Clock with options of the test's own.
type World struct {
	*credits.Ledger
	Clock *clock.Mock // may also be turned back, by its Set; wallets then stand still

	t    testing.TB
	keys atomic.Int64 // how many it has used
}

// New returns a world that begins on 31 January 2026 at 12:00 UTC. It draws
// nothing at random: the same test makes the same history, byte for byte. When
// the test ends, every wallet of w.Ledger is verified.
func New(t testing.TB) *World {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC))
	w := &World{
		Ledger: credits.New(new(memory.Store), &credits.Options{Clock: mock, Salt: [32]byte{1}}),
		Clock:  mock,
		t:      t,
	}
	t.Cleanup(w.verify)
	return w
}

// Paid puts a ledger in place of the world's on which purchases are paid before
// they bring anything, and returns its provider. What no caller waits for is paid
// at once, before the call returns that began it. Call it before anything else.
func (w *World) Paid() *Charger {
	w.t.Helper()
	c := &Charger{}
	w.Ledger = credits.New(w.Store(), &credits.Options{
		Clock: w.Clock, Salt: [32]byte{1}, Charger: c, Background: func(f func()) { f() },
	})
	return c
}

// verify fails the test for every wallet that departs from its history.
func (w *World) verify() {
	w.t.Helper()
	ctx := context.Background() // the test's own has ended
	for id, err := range w.Wallets(ctx, "") {
		if err == nil {
			err = w.Verify(ctx, id)
		}
		if err != nil {
			w.t.Errorf("verify %q: %v", id, err)
		}
	}
}

// Later lets time pass: "1 month" or "90 days", as [credits.ParseSpan] reads it,
// or "36h30m", as [time.ParseDuration] does. Months and days are those of the
// calendar in UTC: a month after 31 January is 28 February, at the same hour. Time
// does not go back.
func (w *World) Later(span string) {
	w.t.Helper()
	now := w.Clock.Now()
	if s, err := credits.ParseSpan(span); err == nil {
		then, ok := s.After(now, time.UTC)
		if !ok {
			w.t.Fatalf("later %q: is no length of the calendar", span)
		}
		w.Until(then)
		return
	}
	d, err := time.ParseDuration(span)
	if err != nil {
		w.t.Fatalf(`later %q: is neither like "3 months" nor like "36h"`, span)
	}
	w.Until(now.Add(d))
}

// Until lets time pass until an instant, which is not before now.
func (w *World) Until(t time.Time) {
	w.t.Helper()
	if now := w.Clock.Now(); t.Before(now) {
		w.t.Fatalf("until %s: is before now, %s", instant(t), instant(now))
	}
	w.Clock.Set(t)
}

// Must does commands on a wallet one after the other, each under a key of its
// own, and stops the test at the first that is not done. It returns the last receipt.
func (w *World) Must(id credits.WalletID, cmds ...credits.Command) credits.Receipt {
	w.t.Helper()
	var last credits.Receipt
	for _, cmd := range cmds {
		r, err := w.Do(context.Background(), id, w.key(), cmd)
		if err != nil {
			w.t.Fatalf("%s: %v%s", text(cmd), err, w.last(id))
		}
		last = r
	}
	return last
}

// Refused does a command on a wallet and stops the test unless it is refused for
// that reason. It returns the refusal, which says what was short and what would help.
func (w *World) Refused(id credits.WalletID, cmd credits.Command, why credits.Reason) *credits.RefusedError {
	w.t.Helper()
	r, err := w.Do(context.Background(), id, w.key(), cmd)
	var refused *credits.RefusedError
	switch {
	case err == nil:
		w.t.Fatalf("%s: was done and left %v, want it refused: %s%s", text(cmd), r.Balance, string(why), w.last(id))
	case !errors.As(err, &refused) || refused.Reason != why:
		w.t.Fatalf("%s: %v, want it refused: %s%s", text(cmd), err, string(why), w.last(id))
	}
	return refused
}

// key returns a key that was not used before.
func (w *World) key() credits.Key {
	return credits.Key(fmt.Sprintf("creditstest-%d", w.keys.Add(1)))
}

// Want fails the test unless a wallet has so many credits that can be spent now
// without a scope.
func (w *World) Want(id credits.WalletID, available credits.Amount) {
	w.t.Helper()
	wallet, err := w.Wallet(context.Background(), id)
	switch {
	case err != nil:
		w.t.Errorf("%q: %v, want %v available", id, err, available)
	case wallet.Available() != available:
		w.t.Errorf("%q: %v available, want %v%s", id, wallet.Available(), available, w.last(id))
	}
}

// WantBalance fails the test unless a scope, or without one a wallet, has exactly
// this balance of its unit.
func (w *World) WantBalance(id credits.WalletID, scope string, want credits.Balance) {
	w.t.Helper()
	wallet, err := w.Wallet(context.Background(), id)
	if err != nil {
		w.t.Errorf("%q: %v, want a balance", id, err)
		return
	}
	if diff := cmp.Diff(want, wallet.Balance(want.Unit, scope), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%q: balance (-want +got):\n%s%s", id, diff, w.last(id))
	}
}

// WantLast fails the test unless a wallet's last entries read like this, the
// oldest first:
//
//	2026-01-31 12:00 opened, 9.00 USD
//	2026-01-31 12:00 granted (allowance): +100, leaves 100
//	2026-01-31 12:00 spent 2 image for ann: -4, leaves 96
//	2026-02-28 12:00 expired: -96, leaves 0
//
// That is when in UTC, what, the quantity and the feature, the scope or the other
// wallet, by how much the balance changed and what it was then, and the charge.
// Entries of other units name the unit. What fell due by now is among them:
// WantLast has it written, as [credits.Ledger.Tick] does.
func (w *World) WantLast(id credits.WalletID, lines ...string) {
	w.t.Helper()
	entries, err := w.entries(id)
	if err != nil {
		w.t.Errorf("%q: %v, want entries", id, err)
		return
	}
	var want, got []line
	for _, l := range lines {
		want = append(want, line(l))
	}
	for _, e := range entries[max(0, len(entries)-len(lines)):] {
		got = append(got, lineOf(e))
	}
	whole := cmp.Comparer(func(a, b line) bool { return a == b }) // not piece by piece
	if diff := cmp.Diff(want, got, whole, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%q: last entries (-want +got):\n%s", id, diff)
	}
}

// entries returns all entries of a wallet, with what fell due by now.
func (w *World) entries(id credits.WalletID) ([]credits.Entry, error) {
	ctx := context.Background()
	if _, err := w.Tick(ctx); err != nil {
		return nil, err
	}
	var entries []credits.Entry
	for e, err := range w.History(ctx, id, credits.HistoryQuery{}) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// shown is how many entries a failure tells.
const shown = 10

// last returns the time and a wallet's last entries, to end a failure with.
func (w *World) last(id credits.WalletID) string {
	entries, err := w.entries(id)
	if err != nil {
		return "\n    " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n    It is %s.", instant(w.Clock.Now()))
	if len(entries) == 0 {
		fmt.Fprintf(&b, " %q is not open.", id)
	} else {
		fmt.Fprintf(&b, " The last entries of %q:", id)
	}
	for _, e := range entries[max(0, len(entries)-shown):] {
		fmt.Fprintf(&b, "\n    #%-3d %s", e.Seq, lineOf(e))
	}
	return b.String()
}

// line is an entry in the form that WantLast describes.
type line string

func lineOf(e credits.Entry) line {
	var b strings.Builder
	b.WriteString(instant(e.At) + " " + e.Kind.String())
	if e.Opens != nil {
		b.WriteString(opened(e))
	}
	if e.Quantity != 0 {
		fmt.Fprintf(&b, " %d", e.Quantity)
	}
	if e.Feature != "" {
		b.WriteString(" " + e.Feature)
	}
	if e.Scope != "" {
		b.WriteString(" for " + e.Scope)
	}
	switch e.Kind {
	case credits.KindSent:
		b.WriteString(" to " + string(e.Peer))
	case credits.KindReceived:
		b.WriteString(" from " + string(e.Peer))
	}
	if len(e.Lines) > 0 {
		by := change(e.Lines)
		sign := ""
		if by >= 0 {
			sign = "+"
		}
		fmt.Fprintf(&b, ": %s%s, leaves %s", sign, amount(by, e.Unit), amount(e.Balance, e.Unit))
	}
	if !e.Charge.IsZero() {
		fmt.Fprintf(&b, ", %v", e.Charge)
	}
	return line(b.String())
}

// opened returns what there is to say about the lot that an entry opens: where it
// is from, if the entry's kind does not say so; how much it will be, if it starts later.
func opened(e credits.Entry) string {
	var s string
	switch from := e.Opens.Source; from {
	case credits.FromGrant, credits.FromPurchase, credits.FromRollover:
	default:
		s = " (" + from.String() + ")"
	}
	if e.Opens.Starts.After(e.At) {
		s += " " + amount(e.Opens.Amount, e.Unit) + " to start " + instant(e.Opens.Starts)
	}
	return s
}

// amount returns an amount with its unit, if that is not credits.
func amount(a credits.Amount, unit credits.Unit) string {
	return strings.TrimRight(a.String()+" "+string(unit), " ")
}

// change returns by how much lines change a balance: what is available less what
// is owed.
func change(lines []credits.Line) (sum credits.Amount) {
	for _, ln := range lines {
		if counts(ln.To) {
			sum += ln.Amount
		}
		if counts(ln.From) {
			sum -= ln.Amount
		}
	}
	return sum
}

// counts reports whether what goes to an account makes a balance greater, and
// what comes from it less.
func counts(a credits.Account) bool { return a == credits.Available || a == credits.Debt }

// instant returns a time in UTC, to the minute if it is a whole one.
func instant(t time.Time) string {
	t = t.UTC()
	if t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format("2006-01-02 15:04:05.999999")
}

// text returns a command in JSON, cut where it is long.
func text(cmd credits.Command) string {
	const most = 200
	b, err := credits.AppendCommand(nil, cmd)
	if err != nil {
		return fmt.Sprintf("%T", cmd)
	}
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + " ..."
	}
	return string(b)
}
