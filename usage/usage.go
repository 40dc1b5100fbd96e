// Package usage says what credits were used for: when, by whom, for which
// feature, for which user or identity, out of what, for which campaign.
//
//	rows, err := usage.Of(ctx, ledger, "acme", usage.Query{By: []usage.Dimension{usage.Day, usage.Feature}})
//
// # What counts
//
// A spend and a capture of a hold count when they are booked, and a reversal
// takes back what it gives back, when that is booked. What was used beyond what
// there was is used too: it is owed, and to pay it later is no further usage.
// Nothing else counts: what expires, is revoked, refunded or moved was not used.
//
// A reversal belongs where its spend belongs, whoever asked for it: to the
// spend's user, labels, feature and scope. A capture belongs to the user who made
// the hold, and to its own only if the hold has none.
//
// Each microcredit used is in one row and in one alone. So whatever usage is
// grouped by, the rows of a period add up to the same amount, the same number of
// spends, the same quantity, and the same revenue. What lacks a dimension, such
// as a label, is in a group of its own: its Group has no such key, where that of
// an empty label has the key and no text.
//
// # Long histories
//
// Entries never change, so what they add up to need not be worked out again. On a
// store that keeps digests (the Digester of package store), what each whole run of
// 1,024 entries adds to the groups of a query is kept there: under a name made of
// the query's Unit, By, Occurred and, where it groups by time, the wallet's zone,
// and not of its period. Whoever asks first makes the digests, and reads the entries
// for that. Whoever asks for the same groups next, of whatever period, reads digests,
// and the entries at the edges: what the period has of its first and last
// run, and what came after the last whole one. A commit costs nothing more, nothing
// has to run, and a digest that cannot be kept is no error.
//
// A digest has some ten bytes, and its texts, for each group with usage in its
// run; beyond 1 MiB it is not kept. Each combination of dimensions has digests of
// its own: a host that lets anyone ask by labels of their choice keeps as many.
// By when usage occurred, all runs since the period began are looked at, and those
// read in which a bound of the period falls among the usage of one span of time.
//
// Digests are made by the code that answers without them, and the answer is the
// same. They can be deleted at any time. Those of a wallet go when an actor or
// note of it is erased, and are made anew where the rules of its zone have
// changed. [credits.Ledger.Verify] does not look at them.
//
// # Pruned histories
//
// Of a wallet whose oldest entries were pruned, usage from before its checkpoint
// is [credits.ErrPruned]. Of later usage, what belongs to a spend or a hold that was
// pruned, such as a late reversal, has no actor and no labels, and by when it
// occurred it is not counted.
package usage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/credits"
)

// Dimension is what usage is grouped by. [Label] makes one of any label. A
// dimension is its own text, to be taken from a request as it is: "day",
// "feature" or "label:campaign".
type Dimension string

// The dimensions. Of the first four, in the zone that the wallet has now, a query
// takes one at most.
const (
	Hour    Dimension = "hour"    // an hour that clocks show twice is two
	Day     Dimension = "day"     // of the local calendar
	Week    Dimension = "week"    // from Monday
	Month   Dimension = "month"   // of the calendar, not of the plan
	Actor   Dimension = "actor"   // the ID of the user who spent or made the hold; none if the host did, or it was erased
	Feature Dimension = "feature" // none if an amount was spent without one
	Scope   Dimension = "scope"   // such as an identity; none if it was for all
	Unit    Dimension = "unit"    // all units of the wallet; that of credits is ""
	Source  Dimension = "source"  // of the lots, such as "allowance"; see [Query]
)

// Label returns the dimension of a label of notes.
func Label(name string) Dimension { return labelPrefix + Dimension(name) }

const labelPrefix = "label:"

// Limits.
const (
	maxBy     = 16      // dimensions of a query
	maxGroups = 100_000 // rows of an answer
)

// Query asks what credits were used for.
//
// Grouped by [Source], usage is that of the lots it came from, by the text of
// their [credits.Source]. What is owed has the source "debt" until it is paid:
// then the payment, when it is booked, takes it from "debt" and adds it to the
// source that paid. What cost nothing has no source. A spend that drew on
// several sources counts once, in Spends and Quantity, with the first.
type Query struct {
	Unit     credits.Unit   // default credits; empty where By has Unit
	Within   credits.Period // includes Start and excludes End; zero is the current cycle, or all since the last one began; a zero Start or End alone is no bound
	By       []Dimension    // at most 16, in any order; none is one row for all
	Occurred bool           // goes by when usage occurred, where the host said so, and a reversal by its spend; default when it was booked
}

// Row is what one group used. Its sums may be negative, where more was reversed
// than spent.
type Row struct {
	Start      time.Time            // of the hour, day, week or month, in the wallet's zone; zero without one
	Group      map[Dimension]string // the values of the other dimensions; what has none has no key
	Amount     credits.Amount       // spent less reversed
	Spends     int64                // how many spends and captures, those that were free or reversed included
	Quantity   int64                // of features, multiplied by their factors; reversed or not
	Recognised []credits.Money      // earned by it, one for each currency, by code; what debts earn comes when they are paid
}

// Of returns what a wallet used, in order of Start, and then of the dimensions in
// the order of By: what has none first, the others by the bytes of their text. A
// group of which all sums are 0 has no row.
//
// It reads the entries of the period once, in pages, or digests of them, and keeps
// no more in memory than the rows. A wallet that is not open is [credits.ErrNotFound],
// a query that makes no sense [credits.ErrInvalid], more than 100,000 rows, or a sum
// that is no amount, [credits.ErrLimit], and a period that begins before what was
// pruned ends [credits.ErrPruned].
func Of(ctx context.Context, l *credits.Ledger, id credits.WalletID, q Query) ([]Row, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	t, err := newTally(ctx, l, id, q)
	if err != nil {
		return nil, err
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	return t.all.rows(t.dims, t.order())
}

// check reports what is wrong with a query.
func (q Query) check() error {
	if len(q.By) > maxBy {
		return &credits.InvalidError{Field: "by", Reason: "has more than 16 dimensions", Err: credits.ErrLimit}
	}
	seen := map[Dimension]bool{}
	times := 0
	for _, d := range q.By {
		if seen[d] {
			return fault("by", "has %q twice", d)
		}
		seen[d] = true
		switch {
		case d.isTime():
			times++
		case d == Actor, d == Feature, d == Scope, d == Unit, d == Source:
		case d.label() != "":
		default:
			return fault("by", "has %q, which is no dimension", d)
		}
	}
	switch p := q.Within; {
	case times > 1:
		return fault("by", "has more than one of hour, day, week and month")
	case seen[Unit] && q.Unit != "":
		return fault("unit", "is one, and by groups by all")
	case !p.End.IsZero() && p.End.Before(p.Start):
		return fault("within", "ends before it begins")
	}
	return nil
}

func fault(field, format string, args ...any) error {
	return &credits.InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func (d Dimension) isTime() bool { return d == Hour || d == Day || d == Week || d == Month }

// label returns the name of the label that d is, and no name if it is none.
func (d Dimension) label() string {
	name, _ := strings.CutPrefix(string(d), labelPrefix)
	if len(name) == len(d) {
		return ""
	}
	return name
}
