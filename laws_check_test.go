package credits_test

import (
	"cmp"
	"fmt"
	"math/big"
	"reflect"
	"slices"

	gocmp "github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// view is all that a wallet shows, but when it is looked at.
type view struct {
	Wallet   credits.WalletID
	Seq      credits.ID
	Head     credits.Head
	Zone     string
	Cycle    credits.Period
	Auto     credits.AutoState
	Balances []credits.Balance
	Lots     []credits.Lot
	Holds    []credits.Hold
	Due      string
}

func viewOf(w credits.Wallet) view {
	v := view{
		Wallet: w.ID(), Seq: w.Seq(), Head: w.Head(), Zone: w.Zone().String(), Cycle: w.Cycle(), Auto: w.AutoPurchase(),
		Lots: slices.Collect(w.Lots()), Due: w.Due().String(),
	}
	for _, unit := range []credits.Unit{"", lawUnit} {
		for _, scope := range []string{"", "ann", "bob"} {
			v.Balances = append(v.Balances, w.Balance(unit, scope))
		}
	}
	v.Holds = slices.SortedFunc(w.Holds(), func(a, b credits.Hold) int { return cmp.Compare(a.ID, b.ID) })
	return v
}

// differ is cmp.Diff, and fast where there is no difference.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return gocmp.Diff(want, got)
}

// books are what the lines of a history add up to, without a bound and apart from the wallet.
type books struct {
	seq   credits.ID
	units map[credits.Unit]*[credits.Debt + 1]big.Int
	lots  map[credits.ID]*[credits.Debt + 1]big.Int
	terms map[credits.ID]credits.Terms
	holds map[credits.ID]credits.Hold
}

func newBooks() *books {
	return &books{
		units: map[credits.Unit]*[credits.Debt + 1]big.Int{},
		lots:  map[credits.ID]*[credits.Debt + 1]big.Int{},
		terms: map[credits.ID]credits.Terms{},
		holds: map[credits.ID]credits.Hold{},
	}
}

// add enters the lines of an entry.
func (b *books) add(e *credits.Entry) {
	b.seq = e.Seq
	if e.Opens != nil {
		b.terms[e.Opens.ID] = *e.Opens
		b.lots[e.Opens.ID] = new([credits.Debt + 1]big.Int)
	}
	if b.units[e.Unit] == nil {
		b.units[e.Unit] = new([credits.Debt + 1]big.Int)
	}
	for _, ln := range e.Lines {
		amount := big.NewInt(int64(ln.Amount))
		for _, accounts := range []*[credits.Debt + 1]big.Int{b.units[e.Unit], b.lots[ln.Lot]} {
			if accounts != nil {
				accounts[ln.From].Sub(&accounts[ln.From], amount)
				accounts[ln.To].Add(&accounts[ln.To], amount)
			}
		}
	}
	switch e.Kind {
	case credits.KindReserved:
		if e.Hold != nil {
			b.holds[e.Hold.ID] = *e.Hold
		}
	case credits.KindCaptured, credits.KindReleased, credits.KindTimedOut:
		delete(b.holds, e.Of)
	}
}

func same(what string, want *big.Int, got credits.Amount) error {
	if want.Cmp(big.NewInt(int64(got))) != 0 {
		return fmt.Errorf("%s: the lines say %v microcredits, the wallet %d", what, want, int64(got))
	}
	return nil
}

// check compares a wallet with its books: conservation in every lot and in the
// wallet (law 2), and nothing negative (law 3).
func (b *books) check(w credits.Wallet, e *credits.Entry) error {
	if err := b.checkLots(w, e); err != nil {
		return err
	}
	if err := b.checkHolds(w); err != nil {
		return err
	}
	for unit, sums := range b.units {
		total := new(big.Int)
		for a := credits.Available; a < credits.Debt; a++ {
			if sums[a].Sign() < 0 {
				return fmt.Errorf("unit %q: %v is %v", unit, a, &sums[a])
			}
			total.Add(total, &sums[a])
		}
		if given := new(big.Int).Neg(new(big.Int).Add(&sums[credits.Issued], &sums[credits.Debt])); given.Cmp(total) != 0 {
			return fmt.Errorf("unit %q: issued and owed %v, and became %v", unit, given, total)
		}
		owed := new(big.Int).Neg(&sums[credits.Debt])
		if err := same("debt", owed, w.Balance(unit, "").Debt); err != nil || owed.Sign() < 0 {
			return fmt.Errorf("unit %q: owes %v: %v", unit, owed, err)
		}
		var available, held credits.Amount
		for l := range w.Lots() {
			if l.Unit == unit {
				available, held = available+l.Available, held+l.Held
			}
		}
		if err := same("available", &sums[credits.Available], available); err != nil {
			return fmt.Errorf("unit %q: %w", unit, err)
		}
		if err := same("held", &sums[credits.Held], held); err != nil {
			return fmt.Errorf("unit %q: %w", unit, err)
		}
		if unit == e.Unit {
			balance := new(big.Int).Sub(&sums[credits.Available], owed)
			if err := same("balance of the entry", balance, e.Balance); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLots compares the lots that an entry touched, or all, with their lines.
func (b *books) checkLots(w credits.Wallet, e *credits.Entry) error {
	touched := map[credits.ID]bool{}
	if e.Opens != nil {
		touched[e.Opens.ID] = true
	}
	for _, ln := range e.Lines {
		touched[ln.Lot] = true
	}
	delete(touched, 0)
	for id := range touched {
		if err := b.checkLot(w, id); err != nil {
			return err
		}
	}
	return nil
}

// checkAll compares all lots, also those that no entry has touched for long.
func (b *books) checkAll(w credits.Wallet) error {
	open := 0
	for id := range b.lots {
		if err := b.checkLot(w, id); err != nil {
			return err
		}
		if l, ok := w.Lot(id); ok && (l.Available > 0 || l.Held > 0 || l.Pending) {
			open++
		}
	}
	if n := len(slices.Collect(w.Lots())); n != open {
		return fmt.Errorf("%d lots are open, and the wallet shows %d", open, n)
	}
	return nil
}

// checkLot compares a lot, if the wallet remembers it, with its lines.
func (b *books) checkLot(w credits.Wallet, id credits.ID) error {
	l, ok := w.Lot(id)
	if !ok {
		return nil // it was used up long ago
	}
	sums := b.lots[id]
	consumed := new(big.Int).Add(&sums[credits.Consumed], &sums[credits.Debt])
	total := new(big.Int)
	for _, x := range []struct {
		account credits.Account
		want    *big.Int
		got     credits.Amount
	}{
		{credits.Available, &sums[credits.Available], l.Available},
		{credits.Held, &sums[credits.Held], l.Held},
		{credits.Consumed, consumed, l.Consumed},
		{credits.Expired, &sums[credits.Expired], l.Expired},
		{credits.Revoked, &sums[credits.Revoked], l.Revoked},
		{credits.Refunded, &sums[credits.Refunded], l.Refunded},
		{credits.Moved, &sums[credits.Moved], l.Moved},
	} {
		if err := same(x.account.String(), x.want, x.got); err != nil || x.got < 0 {
			return fmt.Errorf("lot %d has %v %v: %v", id, x.got, x.account, err)
		}
		total.Add(total, big.NewInt(int64(x.got)))
	}
	if l.Pending {
		total.Add(total, big.NewInt(int64(l.Amount)))
	}
	if err := same("all parts", total, l.Amount); err != nil {
		return fmt.Errorf("lot %d: %w", id, err)
	}
	if diff := differ(b.terms[id], l.Terms); diff != "" {
		return fmt.Errorf("terms of lot %d (-opened +now):\n%s", id, diff)
	}
	return nil
}

// checkHolds compares the open holds with those that were made, and with what lots hold.
func (b *books) checkHolds(w credits.Wallet) error {
	held := map[credits.ID]credits.Amount{}
	n := 0
	for h := range w.Holds() {
		n++
		if diff := differ(b.holds[h.ID], h); diff != "" {
			return fmt.Errorf("hold %d (-made +now):\n%s", h.ID, diff)
		}
		sum := credits.Amount(0)
		for _, p := range h.Parts {
			held[p.Lot] += p.Amount
			sum += p.Amount
		}
		if sum != h.Amount {
			return fmt.Errorf("hold %d is of %v, and its parts are %v", h.ID, h.Amount, sum)
		}
	}
	if n != len(b.holds) {
		return fmt.Errorf("%d holds are open, and the wallet shows %d", len(b.holds), n)
	}
	for l := range w.Lots() {
		if l.Held != held[l.ID] {
			return fmt.Errorf("lot %d has %v held, and the holds say %v", l.ID, l.Held, held[l.ID])
		}
	}
	return nil
}

// overdrawn returns an error if a wallet owes more than its plan's overdraft lets it.
func overdrawn(w credits.Wallet) error {
	p, _ := w.Plan()
	for _, unit := range []credits.Unit{"", lawUnit} {
		var limit credits.Limit
		for _, o := range p.Overdrafts {
			if o.Unit == unit {
				limit = o.Limit
			}
		}
		most, bounded := limit.Amount()
		if debt := w.Balance(unit, "").Debt; debt > most && (bounded || !limit.IsSet()) {
			return fmt.Errorf("unit %q: owes %v, and the plan says %q", unit, debt, limit)
		}
	}
	return nil
}

// replayed folds a history onto nothing and checks its books after every entry.
func replayed(id credits.WalletID, entries []credits.Entry) (credits.Wallet, error) {
	w, err := credits.NewWallet(id)
	if err != nil {
		return w, err
	}
	b := newBooks()
	for i := range entries {
		if w, err = w.Apply(entries[i]); err != nil {
			return w, err
		}
		b.add(&entries[i])
		if err := b.check(w, &entries[i]); err != nil {
			return w, fmt.Errorf("after entry %d, %v: %w", entries[i].Seq, entries[i].Kind, err)
		}
	}
	return w, b.checkAll(w)
}
