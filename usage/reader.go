package usage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"example.com/credits"
	"example.com/credits/internal/runs"
)

// tally counts what was used. It is a [runs.Tally].
type tally struct {
	past    *runs.Reader
	query   Query
	within  runs.Span
	dims    []Dimension // those of the query but time, in order of their text
	buckets buckets

	all    groups
	run    groups // of the digest that is being made
	spoilt bool   // it cannot be
	oldest credits.ID
	digest digest // that was read last

	place    []byte // that was made last
	bySource bool
	byActor  bool
	joins    bool // a reversal has to be looked up by its spend

	// Memories, all of them bounded: what they forget is read again.
	holds  map[credits.ID]string  // the actors of holds that have not ended
	spends map[credits.ID]subject // what reversals and repayments are of
}

// How much is remembered.
const (
	maxHolds  = 1_000 // as many as a wallet has open
	maxSpends = 1_000
)

func newTally(ctx context.Context, l *credits.Ledger, id credits.WalletID, q Query) (*tally, error) {
	past, err := runs.Open(ctx, l, id)
	if err != nil {
		return nil, err
	}
	q.Within = past.Period(q.Within)
	return tallyOf(past, past.Wallet.Zone(), q), nil
}

// tallyOf returns a tally of a query with a period.
func tallyOf(past *runs.Reader, zone *time.Location, q Query) *tally {
	t := &tally{
		past: past, query: q, within: runs.SpanOf(q.Within), buckets: buckets{zone: zone}, joins: q.Occurred,
		all: newGroups(maxGroups), run: newGroups(math.MaxInt),
		holds: map[credits.ID]string{}, spends: map[credits.ID]subject{},
	}
	for _, d := range q.By {
		switch {
		case d.isTime():
			t.buckets.by = d
			continue
		case d == Source:
			t.bySource = true
		case d == Actor:
			t.byActor, t.joins = true, true
		case d.label() != "":
			t.joins = true
		}
		t.dims = append(t.dims, d)
	}
	slices.Sort(t.dims)
	return t
}

// read counts all entries of the period.
func (t *tally) read() error {
	q := runs.Query{Name: t.name(), Within: t.within, Kinds: []credits.Kind{
		credits.KindSpent, credits.KindCaptured, credits.KindReversed, credits.KindRepaid, credits.KindForgiven,
	}}
	if t.query.Occurred {
		q.Within.To = math.MaxInt64 // it is booked later than it occurs
	}
	if t.byActor {
		q.Kinds = append(q.Kinds, credits.KindReserved, credits.KindReleased, credits.KindTimedOut)
	}
	return t.past.Read(q, t)
}

// name returns what the digests of queries like this one have in common: all but the period.
func (t *tally) name() string {
	shape := []byte{digestForm}
	if t.query.Occurred {
		shape = append(shape, 'o')
	}
	texts := []string{string(t.query.Unit), string(t.buckets.by), ""}
	if t.buckets.by != "" {
		texts[2] = t.buckets.zone.String()
	}
	for _, d := range t.dims {
		texts = append(texts, string(d))
	}
	for _, text := range texts {
		shape = runs.AppendText(shape, text)
	}
	sum := sha256.Sum256(shape)
	return "usage/" + hex.EncodeToString(sum[:16])
}

// order returns the dimensions but time as the query has them.
func (t *tally) order() []Dimension {
	return slices.DeleteFunc(slices.Clone(t.query.By), Dimension.isTime)
}

// subject is what a usage is attributed to.
type subject struct {
	at     int64 // when it counts, in microseconds
	actor  string
	labels map[string]string
	oldest credits.ID // the first entry that says so, other than the usage's own; 0 if none does
}

// Count implements [runs.Tally]. It counts what an entry used, gave back or paid.
func (t *tally) Count(e *credits.Entry, run bool) error {
	switch {
	case e.Kind == credits.KindReserved:
		runs.Remember(t.holds, maxHolds, e.Seq, e.Actor.ID)
		return nil
	case e.Kind == credits.KindReleased, e.Kind == credits.KindTimedOut:
		delete(t.holds, e.Of)
		return nil
	case e.Unit != t.query.Unit && !slices.Contains(t.dims, Unit):
		return nil
	}
	s, err := t.subject(e)
	if err != nil {
		return err
	}
	counts := t.within.Has(s.at)
	if !counts && !run {
		return nil
	}
	if err := t.parts(e, &s, counts, run); counts && err != nil {
		return err
	} else if err != nil {
		t.spoilt = true
	}
	return nil
}

// parts counts an entry's parts, for the answer and for a digest.
func (t *tally) parts(e *credits.Entry, s *subject, counts, run bool) (err error) {
	if run && s.oldest != 0 && (t.oldest == 0 || s.oldest < t.oldest) {
		t.oldest = s.oldest
	}
	start := t.spanOf(s.at)
	add := func(account string, p part) error {
		if p == (part{currency: p.currency}) {
			return nil
		}
		t.locate(s, e, account)
		if run {
			if err := t.run.add(start, s.at, t.place, p); err != nil {
				return err
			}
		}
		if !counts {
			return nil
		}
		return t.all.add(start, s.at, t.place, p)
	}
	times, quantity := int64(0), int64(0)
	if e.Kind == credits.KindSpent || e.Kind == credits.KindCaptured {
		times = 1
		if quantity, err = quantityOf(e); err != nil {
			return err
		}
	}
	for i := range e.Lines {
		ln := &e.Lines[i]
		p := part{amount: ln.Amount, currency: ln.Revenue.Currency, recognised: ln.Revenue.Recognised}
		switch {
		case ln.To == credits.Consumed:
			p.spends, p.quantity = times, quantity
			times, quantity = 0, 0
		case ln.From == credits.Consumed:
			p.amount = -p.amount
		case ln.To == credits.Debt: // it was used before
			if err := add(debtSource, part{amount: -p.amount}); err != nil {
				return err
			}
		default:
			continue
		}
		account, err := t.source(ln.Lot)
		if err != nil {
			return err
		}
		if err := add(account, p); err != nil {
			return err
		}
	}
	return add("", part{spends: times, quantity: quantity})
}

// Digest implements [runs.Tally].
func (t *tally) Digest() []byte {
	var body []byte
	if !t.spoilt {
		body = t.run.digest(t.oldest)
	}
	t.run, t.oldest, t.spoilt = newGroups(math.MaxInt), 0, false
	return body
}

// spanOf returns the start of the span of time that an instant is in.
func (t *tally) spanOf(at int64) time.Time {
	if t.buckets.by == "" {
		return time.Time{}
	}
	return t.buckets.of(time.UnixMicro(at))
}

// debtSource is the source of what is owed.
const debtSource = "debt"

// quantityOf returns the quantity of a spend: the product that its price was made from.
func quantityOf(e *credits.Entry) (int64, error) {
	n := uint64(e.Quantity)
	for _, factor := range e.Factors {
		var high uint64
		if high, n = bits.Mul64(n, uint64(factor)); high != 0 || n > math.MaxInt64 {
			return 0, &credits.InvalidError{Field: "quantity", Reason: fmt.Sprintf("of entry %d is out of range", e.Seq), Err: credits.ErrLimit}
		}
	}
	return int64(n), nil
}

// locate makes the place of a usage of a source.
func (t *tally) locate(s *subject, e *credits.Entry, source string) {
	t.place = t.place[:0]
	for _, d := range t.dims {
		t.place = s.value(d, e, source).appendTo(t.place)
	}
}

// value returns what a usage has of a dimension other than time.
func (s *subject) value(d Dimension, e *credits.Entry, source string) value {
	switch d {
	case Actor:
		return text(s.actor)
	case Feature:
		return text(e.Feature)
	case Scope:
		return text(e.Scope)
	case Unit:
		return value{string(e.Unit), true}
	case Source:
		return text(source)
	default:
		label, ok := s.labels[d.label()]
		return value{label, ok}
	}
}

// subject returns what an entry is attributed to: of what is not a spend, its spend.
func (t *tally) subject(e *credits.Entry) (s subject, err error) {
	if e.Kind == credits.KindSpent || e.Kind == credits.KindCaptured {
		return t.spender(e)
	}
	if !t.joins {
		return subject{at: e.At.UnixMicro()}, nil
	}
	s, ok := t.spends[e.Of]
	if !ok {
		spend, there, err := t.past.Entry(e.Of)
		if err != nil {
			return s, err
		}
		if there { // else it was before all that can be asked for
			if s, err = t.spender(&spend); err != nil {
				return s, err
			}
			if s.oldest == 0 {
				s.oldest = e.Of
			}
		}
		runs.Remember(t.spends, maxSpends, e.Of, s)
	}
	if !t.query.Occurred {
		s.at = e.At.UnixMicro()
	}
	return s, nil
}

// spender returns what a spend or a capture is attributed to.
func (t *tally) spender(e *credits.Entry) (subject, error) {
	s := subject{at: e.At.UnixMicro(), actor: e.Actor.ID, labels: e.Note.Labels}
	if t.query.Occurred && !e.Occurred.IsZero() {
		s.at = e.Occurred.UnixMicro()
	}
	if e.Kind != credits.KindCaptured || !t.byActor {
		return s, nil
	}
	actor, ok := t.holds[e.Of]
	delete(t.holds, e.Of)
	if !ok {
		hold, there, err := t.past.Entry(e.Of)
		if err != nil {
			return s, err
		}
		actor, ok = hold.Actor.ID, there
	}
	if ok {
		s.oldest = e.Of
	}
	if actor != "" {
		s.actor = actor
	}
	return s, nil
}

// source returns the source of a lot; lot 0 is what is owed.
func (t *tally) source(id credits.ID) (string, error) {
	if id == 0 {
		return debtSource, nil
	}
	if !t.bySource {
		return "", nil
	}
	lot, err := t.past.Lot(id)
	return lot.Source.String(), err
}
