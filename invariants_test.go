package credits_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store"
)

// checkInvariants checks V1 to V14 for every wallet of a store, by nothing but
// what the package exports and arithmetic of its own. (V10 and V12 are checked
// at each call of a [rig].)
func checkInvariants(t *testing.T, s store.Store, now *clock.Mock) {
	t.Helper()
	ctx := context.Background()
	l := credits.New(s, &credits.Options{Clock: now})
	for id, err := range l.Wallets(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if c, err := store.CheckpointOf(ctx, s, string(id)); err != nil || c.Seq > 0 { // its beginning is not there any more
			if err := errors.Join(err, l.Verify(ctx, id)); err != nil {
				t.Errorf("V13: %v", err)
			}
			continue
		}
		var entries []credits.Entry
		for e, err := range l.History(ctx, id, credits.HistoryQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, e)
		}
		if err := l.Verify(ctx, id); err != nil { // V13, L-3
			t.Errorf("V13: %v", err)
		}
		a := newAuditor(t, id)
		for _, e := range entries {
			a.entry(e)
		}
		a.keys(ctx, l, entries)
		a.past(ctx, l, entries)
		if t.Failed() {
			return
		}
	}
}

// auditor keeps books of its own over a wallet's entries.
type auditor struct {
	*testing.T
	id       credits.WalletID
	wallet   credits.Wallet
	accounts map[credits.Unit]map[credits.Account]*big.Int
	lots     map[credits.ID]*lotBook
	holds    map[credits.ID]credits.Hold
	months   map[time.Time]credits.Amount // by window: what auto-purchase bought
	cycle    *credits.Cycle
}

// lotBook is what the lines say of a lot.
type lotBook struct {
	terms    credits.Terms
	accounts map[credits.Account]credits.Amount
	filled   bool
	revenue  credits.Revenue
}

func newAuditor(t *testing.T, id credits.WalletID) *auditor {
	w, err := credits.NewWallet(id)
	if err != nil {
		t.Fatal(err)
	}
	return &auditor{
		T: t, id: id, wallet: w, accounts: map[credits.Unit]map[credits.Account]*big.Int{},
		lots: map[credits.ID]*lotBook{}, holds: map[credits.ID]credits.Hold{}, months: map[time.Time]credits.Amount{},
	}
}

func (a *auditor) entry(e credits.Entry) {
	a.Helper()
	before := a.wallet
	after, err := before.Apply(e)
	if err != nil {
		a.Fatalf("L-3: entry %d does not apply: %v", e.Seq, err)
	}
	if e.Seq != before.Seq()+1 || before.Seq() > 0 && e.At.Before(before.At()) {
		a.Errorf("V4: entry %d at %v follows entry %d at %v", e.Seq, e.At, before.Seq(), before.At())
	}
	a.wallet = after
	a.burnt(before, e)
	if e.Opens != nil {
		a.lots[e.Opens.ID] = &lotBook{terms: *e.Opens, accounts: map[credits.Account]credits.Amount{}}
	}
	for _, ln := range e.Lines {
		a.line(e, ln)
	}
	a.hold(e)
	a.timed(e)
	a.sums(e)
}

// line books a line.
func (a *auditor) line(e credits.Entry, ln credits.Line) {
	a.Helper()
	if ln.Amount <= 0 {
		a.Errorf("V2: entry %d moves %v", e.Seq, ln.Amount)
	}
	unit := a.accounts[e.Unit]
	if unit == nil {
		unit = map[credits.Account]*big.Int{}
		for acc := credits.Issued; acc <= credits.Debt; acc++ {
			unit[acc] = new(big.Int)
		}
		a.accounts[e.Unit] = unit
	}
	unit[ln.From].Sub(unit[ln.From], big.NewInt(int64(ln.Amount)))
	unit[ln.To].Add(unit[ln.To], big.NewInt(int64(ln.Amount)))
	if ln.Lot == 0 {
		return
	}
	b := a.lots[ln.Lot]
	if b == nil {
		a.Fatalf("V2: entry %d moves credits of lot %d, which nothing opened", e.Seq, ln.Lot)
	}
	to := ln.To
	if to == credits.Debt {
		to = credits.Consumed
	}
	b.accounts[ln.From] -= ln.Amount
	b.accounts[to] += ln.Amount
	b.filled = b.filled || ln.From == credits.Issued
	b.book(a.T, e, ln.Revenue)
}

// book adds to what became of the money for a lot: no part is ever negative,
// and all together are never more than was paid.
func (b *lotBook) book(t *testing.T, e credits.Entry, r credits.Revenue) {
	t.Helper()
	sum := &b.revenue
	sum.Recognised += r.Recognised
	sum.Breakage += r.Breakage
	sum.Revoked += r.Revoked
	sum.Refunded += r.Refunded
	sum.Moved += r.Moved
	total := sum.Recognised + sum.Breakage + sum.Revoked + sum.Refunded + sum.Moved
	if min(sum.Recognised, sum.Breakage, sum.Revoked, sum.Refunded, sum.Moved) < 0 || total > b.terms.Paid.Micros {
		t.Errorf("A-4: after entry %d the parts of %v are %+v", e.Seq, b.terms.Paid, *sum)
	}
	left := b.accounts[credits.Available] + b.accounts[credits.Held]
	if b.filled && left == 0 && total != b.terms.Paid.Micros {
		t.Errorf("A-4: after entry %d nothing is left of lot %d, and %d of %v is deferred", e.Seq, b.terms.ID, b.terms.Paid.Micros-total, b.terms.Paid)
	}
}

// sums checks what the wallet says against the books after an entry.
func (a *auditor) sums(e credits.Entry) {
	a.Helper()
	for unit, accounts := range a.accounts {
		for acc, sum := range accounts {
			if acc == credits.Issued || acc == credits.Debt {
				sum = new(big.Int).Neg(sum)
			}
			if sum.Sign() < 0 {
				a.Errorf("V2: after entry %d %s has %v microcredits of %q", e.Seq, acc, sum, unit)
			}
		}
		b := a.wallet.Balance(unit, "")
		if owed := new(big.Int).Neg(accounts[credits.Debt]); owed.Cmp(big.NewInt(int64(b.Debt))) != 0 {
			a.Errorf("S-8: after entry %d %v microcredits are owed, the wallet says %v", e.Seq, owed, b.Debt)
		}
	}
	if accounts := a.accounts[e.Unit]; accounts != nil {
		balance := new(big.Int).Add(accounts[credits.Available], accounts[credits.Debt])
		if balance.Cmp(big.NewInt(int64(e.Balance))) != 0 {
			a.Errorf("V1: after entry %d the lines sum to %v microcredits, it says %v", e.Seq, balance, e.Balance)
		}
		a.overdrawn(e, balance)
	}
	for _, ln := range e.Lines {
		if ln.Lot != 0 {
			a.lot(e, ln.Lot)
		}
	}
}

// overdrawn checks that a balance below zero is within the plan's overdraft (V3).
func (a *auditor) overdrawn(e credits.Entry, balance *big.Int) {
	a.Helper()
	if balance.Sign() >= 0 {
		return
	}
	p, _ := a.wallet.Plan()
	i := slices.IndexFunc(p.Overdrafts, func(o credits.Overdraft) bool { return o.Unit == e.Unit })
	if i < 0 {
		a.Errorf("V3: after entry %d the balance is %v microcredits, and there is no overdraft", e.Seq, balance)
		return
	}
	if limit, ok := p.Overdrafts[i].Limit.Amount(); ok && new(big.Int).Neg(balance).Cmp(big.NewInt(int64(limit))) > 0 {
		a.Errorf("V3: after entry %d the balance is %v microcredits, below an overdraft of %v", e.Seq, balance, limit)
	}
}

// lot checks what the wallet says of a lot against the books (V2).
func (a *auditor) lot(e credits.Entry, id credits.ID) {
	a.Helper()
	b := a.lots[id]
	l, ok := a.wallet.Lot(id)
	if !ok {
		return // it was forgotten
	}
	got := []credits.Amount{l.Available, l.Held, l.Consumed, l.Expired, l.Revoked, l.Refunded, l.Moved}
	var sum credits.Amount
	for i, acc := range []credits.Account{
		credits.Available, credits.Held, credits.Consumed, credits.Expired, credits.Revoked, credits.Refunded, credits.Moved,
	} {
		if got[i] < 0 || got[i] != b.accounts[acc] {
			a.Errorf("V2: after entry %d lot %d has %v %s, the lines say %v", e.Seq, id, got[i], acc, b.accounts[acc])
		}
		sum += got[i]
	}
	if l.Pending {
		sum += l.Amount
	}
	if sum != l.Amount {
		a.Errorf("V2: after entry %d lot %d has %v in all, it was of %v", e.Seq, id, sum, l.Amount)
	}
	if e.Kind == credits.KindExpired && (l.Available != 0 || !e.At.Equal(l.Expires)) { // V7
		a.Errorf("V7: lot %d expired at %v with %v left, it was to at %v", id, e.At, l.Available, l.Expires)
	}
}

// burnt checks that a debit drew on lots in the declared order (V9): all that
// apply and come before the last one drawn on are empty.
func (a *auditor) burnt(before credits.Wallet, e credits.Entry) {
	a.Helper()
	to := credits.Consumed
	switch e.Kind {
	case credits.KindSpent:
	case credits.KindReserved:
		to = credits.Held
	default:
		return
	}
	drawn := map[credits.ID]credits.Amount{}
	var owed bool
	for _, ln := range e.Lines {
		owed = owed || ln.From == credits.Debt
		if ln.From == credits.Available && ln.To == to {
			drawn[ln.Lot] += ln.Amount
		}
	}
	p, _ := before.Plan()
	lots := slices.SortedFunc(before.Lots(), func(x, y credits.Lot) int { return burnsBefore(x, y, p.Burn) })
	lots = slices.DeleteFunc(lots, func(l credits.Lot) bool {
		return l.Available == 0 || l.Unit != e.Unit || l.Scope != "" && l.Scope != e.Scope ||
			len(l.Features) > 0 && !slices.Contains(l.Features, e.Feature)
	})
	for i, l := range lots {
		switch took := drawn[l.ID]; {
		case took > 0 && l.Ended(e.At):
			a.Errorf("V9: entry %d drew on lot %d, which had ended", e.Seq, l.ID)
		case took < l.Available && (owed || slices.ContainsFunc(lots[i+1:], func(l credits.Lot) bool { return drawn[l.ID] > 0 })):
			a.Errorf("V9: entry %d left %v in lot %d and drew on a later one", e.Seq, l.Available-took, l.ID)
		}
		delete(drawn, l.ID)
	}
	if len(drawn) > 0 {
		a.Errorf("V9: entry %d drew on lots that do not apply: %v", e.Seq, slices.Collect(maps.Keys(drawn)))
	}
}

// burnsBefore is rule S-1 written once more.
func burnsBefore(x, y credits.Lot, policy credits.Burn) int {
	rank := func(l credits.Lot) int {
		if policy == credits.SoonestExpiry {
			return 0
		}
		return map[credits.Source]int{
			credits.FromCarryOver: 1, credits.FromRollover: 1, credits.FromAllowance: 2, credits.FromAddOn: 3,
			credits.FromGrant: 4, credits.FromPurchase: 5, credits.FromAuto: 5,
		}[l.Source]
	}
	ends := func(l credits.Lot) time.Time {
		if l.Expires.IsZero() {
			return time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		return l.Expires
	}
	return cmp.Or(
		cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Priority, y.Priority), ends(x).Compare(ends(y)),
		x.Starts.Compare(y.Starts), cmp.Compare(x.ID, y.ID),
	)
}

// hold checks that a hold ends once, and what it gives (V6).
func (a *auditor) hold(e credits.Entry) {
	a.Helper()
	switch e.Kind {
	case credits.KindReserved:
		a.holds[e.Seq] = *e.Hold
	case credits.KindCaptured, credits.KindReleased, credits.KindTimedOut:
		h, ok := a.holds[e.Of]
		if !ok {
			a.Errorf("V6: entry %d ends hold %d, which is not open", e.Seq, e.Of)
		}
		delete(a.holds, e.Of)
		var out credits.Amount
		for _, ln := range e.Lines {
			if ln.From == credits.Held {
				out += ln.Amount
			} else if h.Over == credits.RefuseOver {
				a.Errorf("V6: entry %d draws more than hold %d has", e.Seq, h.ID)
			}
		}
		if out != h.Amount {
			a.Errorf("V6: entry %d moves %v of a hold of %v", e.Seq, out, h.Amount)
		}
		if e.Kind == credits.KindTimedOut && !e.At.Equal(h.Until) || e.Kind != credits.KindTimedOut && !e.At.Before(h.Until) {
			a.Errorf("V6: hold %d until %v was %v at %v", h.ID, h.Until, e.Kind, e.At)
		}
	}
}

// timed checks that cycles follow each other without gap, and what
// auto-purchase bought in a month (V8).
func (a *auditor) timed(e credits.Entry) {
	a.Helper()
	if e.Cycle != nil {
		if last := a.cycle; last != nil && e.Kind == credits.KindRenewed && e.Cycle.Plan == nil && (e.Cycle.Number != last.Number+1 || !e.Cycle.Period.Start.Equal(last.Period.End) || !e.At.Equal(last.Period.End)) {
			a.Errorf("V8: cycle %d of %v at %v follows cycle %d of %v", e.Cycle.Number, e.Cycle.Period, e.At, last.Number, last.Period)
		}
		a.cycle = e.Cycle
	}
	if e.Kind == credits.KindPurchased && e.Of == 0 && e.Purchase != nil && e.Purchase.Auto {
		a.months[e.Purchase.Month.Start] += e.Opens.Amount
		if s := a.wallet.AutoPurchase(); s.Bought != a.months[e.Purchase.Month.Start] {
			a.Errorf("V8: after entry %d %v were bought in the month, the wallet says %v", e.Seq, a.months[e.Purchase.Month.Start], s.Bought)
		}
	}
}

// keys checks that every key made entries that follow one another, and that its
// receipt has them (V5).
func (a *auditor) keys(ctx context.Context, l *credits.Ledger, entries []credits.Entry) {
	a.Helper()
	seen := map[credits.Key]bool{}
	for i, e := range entries {
		if e.Key == "" || i > 0 && entries[i-1].Key == e.Key {
			continue
		}
		if e.Kind == credits.KindIntended && len(e.Purchase.Request) > 0 {
			continue // its key is of the command that waits for the outcome, and has its receipt then
		}
		if seen[e.Key] {
			a.Errorf("V5: key %q had an effect twice: entry %d", e.Key, e.Seq)
		}
		seen[e.Key] = true
		r, err := l.Receipt(ctx, a.id, e.Key)
		if refused := (*credits.RefusedError)(nil); errors.As(err, &refused) && refused.Kept {
			continue // a fact, and so it has a key and entries
		}
		if err != nil {
			a.Errorf("V5: receipt of key %q: %v", e.Key, err)
			continue
		}
		for j, x := range r.Entries {
			if i+j >= len(entries) || entries[i+j].Seq != x.Seq || entries[i+j].Key != e.Key {
				a.Errorf("V5: receipt of key %q has entry %d", e.Key, x.Seq)
			}
		}
	}
}

// past checks that the balance at an instant is the fold of the entries until
// then, at up to 16 of them (V11).
func (a *auditor) past(ctx context.Context, l *credits.Ledger, entries []credits.Entry) {
	a.Helper()
	step := 1 + len(entries)/16
	for i := len(entries) - 1; i >= 0; i -= step {
		if i+1 < len(entries) && entries[i+1].At.Equal(entries[i].At) {
			continue
		}
		want, err := credits.NewWallet(a.id)
		if err == nil {
			want, err = want.Apply(entries[:i+1]...)
		}
		if err != nil {
			a.Fatal(err)
		}
		got, err := l.BalanceAt(ctx, a.id, entries[i].At)
		if err != nil || !got.Equal(want) || got.Head() != want.Head() {
			a.Errorf("V11: at %v: got %v, want %v, error %v", entries[i].At, got, want, err)
		}
	}
}
