package credits

import (
	"context"
	"time"

	"example.com/credits/store"
)

// Forecast is what lies ahead of a wallet if nobody does anything, and how long
// a unit lasts if it is spent as it was.
type Forecast struct {
	Events  []Entry   // what falls due: what expires, renews, begins, and when; not written, so that their Seqs are not final
	PerDay  Amount    // net spend of the unit on a day: the mean of the last 30 local days, today included, rounded down
	RunsOut time.Time // the start of the local day on which that cannot be covered any more; zero if not before the end
}

// Forecast returns what falls due in a wallet until an instant, at most 10
// years ahead, and when a unit runs out at its present pace, with the allowances
// that come until then. It counts no purchases and no overdraft, and takes credits
// for some features or a scope as if they were for all.
func (l *Ledger) Forecast(ctx context.Context, id WalletID, unit Unit, until time.Time) (Forecast, error) {
	w, err := l.Wallet(ctx, id)
	if err != nil {
		return Forecast{}, err
	}
	if !inTime(until) || until.After(w.At().AddDate(10, 0, 0)) {
		return Forecast{}, &InvalidError{Field: "until", Reason: "is more than 10 years ahead", Err: ErrLimit}
	}
	perDay, today, err := l.pace(ctx, w, unit)
	if err != nil {
		return Forecast{}, err
	}
	f := Forecast{PerDay: perDay}
	d := &decision{w: w.s.copy(), own: -1}
	for done := false; !done; {
		if done, err = d.advance(micros(until), maxPeriods); err != nil {
			return Forecast{}, err
		}
	}
	for i := range d.out {
		f.Events = append(f.Events, d.out[i].Entry)
	}
	if perDay > 0 {
		f.RunsOut, err = runOut(w.s.copy(), unit, perDay, today, until)
	}
	return f, err
}

// pace returns the mean net spend of a unit on the last 30 local days, and the
// net spend of today so far.
func (l *Ledger) pace(ctx context.Context, w Wallet, unit Unit) (mean, today Amount, err error) {
	const days = 30
	year, month, day := w.At().In(w.Zone()).Date()
	from := civil(w.Zone(), year, month, day-days+1, 0, 0, 0, 0)
	q := store.Query{
		Wallet: string(w.ID()), From: max(0, micros(from)),
		Kinds: []uint8{uint8(KindSpent), uint8(KindCaptured), uint8(KindReversed)},
	}
	entries, err := l.entries(ctx, w.ID(), q)
	if err != nil {
		return 0, 0, err
	}
	midnight := startOfDay(w.At(), w.Zone())
	var rest Amount // the sum itself may have no amount
	for i := range entries {
		e := &entries[i]
		if e.Unit != unit {
			continue
		}
		n := e.moved()
		if e.Kind == KindReversed {
			n = -n
		}
		sum, ok := addAmount(mean, n/days)
		if !ok {
			return 0, 0, overflows("unit")
		}
		mean, rest = sum, rest+n%days
		if !e.At.Before(midnight) {
			if today, ok = addAmount(today, n); !ok {
				return 0, 0, overflows("unit")
			}
		}
	}
	if rest < 0 { // rounded down
		rest -= days - 1
	}
	return max(0, mean+rest/days), max(0, today), nil
}

// runOut spends perDay at the end of every local day, before what falls due at
// midnight, today what is left of it, and returns the start of the first day that
// is not covered.
func runOut(s *state, unit Unit, perDay, spent Amount, until time.Time) (time.Time, error) {
	d := &decision{w: s, own: -1}
	today := startOfDay(instant(s.at), s.loc)
	for today.Before(until) {
		year, month, day := today.In(s.loc).Date()
		next := civil(s.loc, year, month, day+1, 0, 0, 0, 0)
		if !next.After(today) { // a date that the zone left out
			next = today.Add(24 * time.Hour)
		}
		if _, err := d.advance(micros(next)-1, maxPeriods); err != nil {
			return time.Time{}, err
		}
		lines, short := s.drain(unit, max(0, perDay-spent))
		if short > 0 || len(lines) > maxLines {
			return today, nil
		}
		spent = 0
		if len(lines) == 0 {
			today = next
			continue
		}
		if err := d.emitDue(max(s.at, micros(next)-1), Entry{Kind: KindSpent, Unit: unit, Lines: lines}); err != nil {
			return time.Time{}, err
		}
		d.out = d.out[:0]
		today = next
	}
	return time.Time{}, nil
}

// drain returns the lines that take an amount from the lots of a unit, whatever
// they are restricted to, and what they do not cover.
func (s *state) drain(unit Unit, left Amount) (lines []Line, short Amount) {
	for _, slot := range s.burn {
		if l := s.lots.at(int(slot)); left > 0 && l.unit == unit && l.available > 0 {
			n := min(left, l.available)
			lines = append(lines, Line{Lot: l.id, From: Available, To: Consumed, Amount: n})
			left -= n
		}
	}
	return lines, left
}
