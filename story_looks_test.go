package credits_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// looks are the lines of a story that look at a wallet. They change nothing.
func looks() map[string]func(*story, *words) error {
	return map[string]func(*story, *words) error{
		"balance": (*story).seeBalance,
		"lots":    (*story).seeLots,
		"history": (*story).seeHistory,
		"limit":   (*story).seeLimit,
		"billed":  (*story).seeBilled,
		"has":     (*story).seeUnits,
		"plan":    (*story).seePlan,
		"costs":   (*story).seeCosts,
		"resets": func(s *story, w *words) error {
			return s.seeTime(w, func(x credits.Wallet) time.Time { return x.Cycle().End })
		},
		"charged": func(s *story, w *words) error {
			if w.option("nothing") {
				return see(w, 0, s.last.Charge.Micros)
			}
			want := w.next("an amount") + " " + w.next("a currency")
			return see(w, want, s.last.Charge.String())
		},
		"paid": func(s *story, w *words) error {
			if !w.option("back") {
				w.fail(`want "paid back AMOUNT CURRENCY"`)
			}
			want := "-" + w.next("an amount") + " " + w.next("a currency")
			return see(w, want, s.last.Charge.String())
		},
		"surcharge": func(s *story, w *words) error {
			want := w.next("an amount") + " " + w.next("a currency")
			var sum credits.Money
			for _, e := range s.last.Entries {
				sum, _ = sum.Add(e.Surcharge)
			}
			return see(w, want, sum.String())
		},
		"uncovered": func(s *story, w *words) error {
			var sum credits.Amount
			for _, e := range s.last.Entries {
				sum += e.Uncovered
			}
			return see(w, w.amount(), sum)
		},
		"held": func(s *story, w *words) error {
			return s.seeAmount(w, func(b credits.Balance) credits.Amount { return b.Held })
		},
		"owed": func(s *story, w *words) error {
			return s.seeAmount(w, func(b credits.Balance) credits.Amount { return b.Debt })
		},
		"ahead": func(s *story, w *words) error {
			return s.seeAmount(w, func(b credits.Balance) credits.Amount { return b.Pending })
		},
		"last": func(s *story, w *words) error {
			if !w.option("day") {
				w.fail(`want "last day WALLET DATE"`)
			}
			x, err := s.wallet(w)
			if err != nil {
				return err
			}
			return see(w, w.next("a date"), x.Cycle().LastDay(x.Zone()).Format(time.DateOnly))
		},
	}
}

// see compares what a line says with what is.
func see[V any](w *words, want, got V) error {
	if err := w.end(); err != nil {
		return err
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("want %v, got %v\n(-want +got)\n%s", want, got, diff)
	}
	return nil
}

func (s *story) wallet(w *words) (credits.Wallet, error) {
	id := credits.WalletID(w.next("a wallet"))
	if w.err != nil {
		return credits.Wallet{}, w.err
	}
	return s.ledger.Wallet(context.Background(), id)
}

// seeBalance plays "balance WALLET AMOUNT [of UNIT] [for USER] [at TIME]".
func (s *story) seeBalance(w *words) error {
	id := credits.WalletID(w.next("a wallet"))
	want := w.amount()
	var unit credits.Unit
	var scope string
	at := s.clock.Now()
	past := false
	if w.option("of") {
		unit = credits.Unit(w.next("a unit"))
	}
	if w.option("for") {
		scope = w.next("a user")
	}
	if w.option("at") {
		at, past = w.time(), true
	}
	if w.err != nil {
		return w.err
	}
	x, err := s.ledger.Wallet(context.Background(), id)
	if past {
		x, err = s.ledger.BalanceAt(context.Background(), id, at)
	}
	if err != nil {
		return err
	}
	return see(w, want, x.Balance(unit, scope).Available)
}

// seeAmount plays "WORD WALLET AMOUNT [of UNIT]".
func (s *story) seeAmount(w *words, of func(credits.Balance) credits.Amount) error {
	x, err := s.wallet(w)
	if err != nil {
		return err
	}
	want := w.amount()
	var unit credits.Unit
	if w.option("of") {
		unit = credits.Unit(w.next("a unit"))
	}
	return see(w, want, of(x.Balance(unit, "")))
}

// seeTime plays "WORD WALLET DATE TIME".
func (s *story) seeTime(w *words, of func(credits.Wallet) time.Time) error {
	x, err := s.wallet(w)
	if err != nil {
		return err
	}
	return see(w, w.time().UTC(), of(x))
}

// seeLots plays "lots WALLET AMOUNT SOURCE, AMOUNT SOURCE, ...": those with
// credits available, in the order in which they are spent; "none" for none.
func (s *story) seeLots(w *words) error {
	x, err := s.wallet(w)
	if err != nil {
		return err
	}
	var got []string
	for l := range x.Lots() {
		if l.Available > 0 {
			got = append(got, l.Available.String()+" "+strings.ReplaceAll(l.Source.String(), " ", "-"))
		}
	}
	return see(w, w.list(), got)
}

// seeHistory plays "history WALLET [since NAME] KIND AMOUNT, ...".
func (s *story) seeHistory(w *words) error {
	id := credits.WalletID(w.next("a wallet"))
	var after credits.ID
	if w.option("since") {
		after = s.named(w)
	}
	want := w.list()
	if w.err != nil {
		return w.err
	}
	got, err := s.kinds(id, after)
	if err != nil {
		return err
	}
	return see(w, want, got)
}

// seeBilled plays "billed WALLET AMOUNT CURRENCY": what its terms have cost so far, as far as it is written.
func (s *story) seeBilled(w *words) error {
	id := credits.WalletID(w.next("a wallet"))
	want := w.next("an amount") + " " + w.next("a currency")
	if w.err != nil {
		return w.err
	}
	var sum credits.Money
	q := credits.HistoryQuery{Kinds: []credits.Kind{credits.KindOpened, credits.KindRenewed, credits.KindSubscribed}}
	for e, err := range s.ledger.History(context.Background(), id, q) {
		if err == nil {
			sum, err = sum.Add(e.Charge)
		}
		if err != nil {
			return err
		}
	}
	return see(w, want, sum.String())
}

// seeLimit plays "limit WALLET bought AMOUNT left AMOUNT times NUMBER".
func (s *story) seeLimit(w *words) error {
	x, err := s.wallet(w)
	if err != nil {
		return err
	}
	got := x.AutoPurchase()
	want := credits.AutoState{On: got.On, Until: got.Until}
	for w.pos < len(w.all) && w.err == nil {
		switch {
		case w.option("bought"):
			want.Bought = w.amount()
		case w.option("left"):
			want.Left = w.amount()
		case w.option("times"):
			want.Times = w.number()
		default:
			return w.end()
		}
	}
	return see(w, want, got)
}

// list reads the rest of the line, parted by commas; the word none is no list.
func (w *words) list() []string {
	if w.option("none") || w.err != nil {
		return nil
	}
	var all []string
	for part := range strings.SplitSeq(strings.Join(w.all[w.pos:], " "), ",") {
		all = append(all, strings.TrimSpace(part))
	}
	w.pos = len(w.all)
	return all
}
