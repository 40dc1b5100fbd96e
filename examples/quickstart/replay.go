package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/credits"
)

// logClock tells the time of the row that is replayed.
type logClock struct{ now time.Time }

// Now implements [credits.Clock].
func (c *logClock) Now() time.Time { return c.now }

// replay takes a log to a ledger.
type replay struct {
	ledger *credits.Ledger
	clock  *logClock
	plan   credits.Plan
	zone   *time.Location
	since  time.Time // when the plan begins; zero for the start of the day of the first row
	auto   bool      // whether to switch auto-purchase on

	name    string // of the log
	rows    int
	first   time.Time // of the first row
	noAuto  string    // why auto-purchase could not be switched on; empty if it was, or was not to be
	refused []refusal
}

// refusal is a row that the wallet said no to.
type refusal struct {
	row
	*credits.RefusedError
}

// run replays all rows of a log. Every row has a key of its own, so that
// replaying a log again changes nothing.
func (r *replay) run(ctx context.Context, log *usageLog, p *progress) error {
	defer p.done()
	r.name, r.rows = log.name, 0
	for ; ; r.rows++ {
		row, err := log.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if r.rows == 0 {
			if err := r.open(ctx, row); err != nil {
				return log.fault(row.line, "%s", plainly(err))
			}
		}
		if err := r.spend(ctx, row); err != nil {
			return log.fault(row.line, "%s", plainly(err))
		}
		p.step(r.rows+1, log.csv.InputOffset(), row.at)
	}
	if r.rows == 0 {
		return log.fault(1, "there are no rows after the header")
	}
	_, err := r.ledger.Tick(ctx) // what fell due and no spend has written yet
	return err
}

// open opens the wallet at the start of the plan, and switches auto-purchase on.
func (r *replay) open(ctx context.Context, first row) error {
	if r.since.IsZero() {
		year, month, day := first.at.In(r.zone).Date()
		r.since = time.Date(year, month, day, 0, 0, 0, 0, r.zone)
	}
	if first.at.Before(r.since) {
		return fmt.Errorf("time %s: is before the plan begins, on %s", first.at.Format(time.RFC3339), r.since.Format(time.DateOnly))
	}
	r.first, r.clock.now = first.at, r.since
	if _, err := r.ledger.Do(ctx, wallet, "open", credits.Open{Plan: r.plan, Zone: r.zone.String()}); err != nil {
		return err
	}
	if !r.auto {
		return nil
	}
	_, err := r.ledger.Do(ctx, wallet, "auto", credits.SetAutoPurchase{On: true})
	switch {
	case errors.Is(err, credits.NotInPlan):
		r.noAuto = "not in this plan"
	case errors.Is(err, credits.LimitReached):
		r.noAuto = "this plan's credits are less than one purchase"
	default:
		return err
	}
	return nil
}

// spend takes a row to the ledger, on behalf of its user. A spend that is
// refused is a fact to report; any other error is a fault of the row.
func (r *replay) spend(ctx context.Context, x row) error {
	if _, ok := r.plan.Features[x.action]; !ok {
		names := slices.Sorted(maps.Keys(r.plan.Features))
		return fmt.Errorf("action %s: is not in plan %q, which has %s", quoted(x.action), r.plan.ID, strings.Join(names, ", "))
	}
	r.clock.now = x.at
	key := credits.Key(fmt.Sprintf("line-%d", x.line))
	_, err := r.ledger.As(credits.Actor{ID: x.user}).Do(ctx, wallet, key, credits.Spend{Feature: x.action, Quantity: x.quantity})
	var refused *credits.RefusedError
	if errors.As(err, &refused) {
		r.refused = append(r.refused, refusal{x, refused})
		return nil
	}
	return err
}

// progress tells how far a long log is read: in one line that is written over
// where a person watches, and now and then where not.
type progress struct {
	w       io.Writer
	watched bool
	size    int64 // of the log in bytes; 0 if it is not known
	shown   bool
}

// A log shorter than unwatched rows says nothing to a file or a pipe.
const (
	watched   = 1_000  // rows between two lines that a person watches
	unwatched = 50_000 // rows between two lines otherwise
)

func newProgress(w io.Writer, log fs.File) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.watched = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if info, err := log.Stat(); err == nil && info.Mode().IsRegular() {
		p.size = info.Size()
	}
	return p
}

// step is told that so many rows were read, up to an offset and a time.
func (p *progress) step(rows int, offset int64, at time.Time) {
	every, begin, end := unwatched, "", "\n"
	if p.watched {
		every, begin, end = watched, "\r", ""
	}
	if rows%every != 0 {
		return
	}
	part := ""
	if p.size > 0 {
		part = fmt.Sprintf(", %d %%", min(100, offset*100/p.size))
	}
	fmt.Fprintf(p.w, "%s%s rows%s, until %s%s", begin, grouped(fmt.Sprint(rows)), part, at.Format(time.DateOnly), end)
	p.shown = true
}

// done wipes a line that was written over.
func (p *progress) done() {
	if p.shown && p.watched {
		fmt.Fprintf(p.w, "\r%*s\r", 60, "")
	}
}
