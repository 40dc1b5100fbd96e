package usage

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"example.com/credits"
)

// reader reads a wallet's past and counts what was used.
type reader struct {
	ctx     context.Context
	ledger  *credits.Ledger
	wallet  credits.Wallet
	query   Query
	groups  groups
	buckets buckets

	values   []value // of the entry that is being counted
	bySource bool
	byActor  bool
	joins    bool // a reversal has to be looked up by its spend

	// Memories, all of them bounded: what they forget is read again.
	holds  map[credits.ID]string  // the actors of holds that have not ended
	spends map[credits.ID]subject // what reversals and repayments are of
	lots   map[credits.ID]string  // the sources of lots
}

// How much is remembered.
const (
	maxSpends = 1_000
	maxLots   = 10_000 // as many as a wallet has open
)

func newReader(ctx context.Context, l *credits.Ledger, id credits.WalletID, q Query) (*reader, error) {
	w, err := l.Wallet(ctx, id)
	if err != nil {
		return nil, err
	}
	if q.Within == (credits.Period{}) {
		if q.Within = w.Cycle(); !w.At().Before(q.Within.End) {
			q.Within.End = time.Time{} // the plan has ended, and no cycle follows
		}
	}
	r := &reader{
		ctx: ctx, ledger: l, wallet: w, query: q, buckets: buckets{zone: w.Zone()}, joins: q.Occurred,
		groups: groups{byKey: map[string]*group{}, limit: maxGroups},
		holds:  map[credits.ID]string{}, spends: map[credits.ID]subject{}, lots: map[credits.ID]string{},
	}
	for _, d := range q.By {
		switch {
		case d.isTime():
			r.buckets.by = d
			continue
		case d == Source:
			r.bySource = true
		case d == Actor:
			r.byActor, r.joins = true, true
		case d.label() != "":
			r.joins = true
		}
		r.groups.by = append(r.groups.by, d)
	}
	r.values = make([]value, len(r.groups.by))
	return r, nil
}

// read counts all entries of the period.
func (r *reader) read() error {
	q := credits.HistoryQuery{Within: r.query.Within, Due: true, Kinds: []credits.Kind{
		credits.KindSpent, credits.KindCaptured, credits.KindReversed, credits.KindRepaid, credits.KindForgiven,
	}}
	if r.query.Occurred {
		q.Within.End = time.Time{} // it is booked later than it occurs
	}
	if r.byActor {
		q.Kinds = append(q.Kinds, credits.KindReserved, credits.KindReleased, credits.KindTimedOut)
	}
	for e, err := range r.ledger.History(r.ctx, r.wallet.ID(), q) {
		if err != nil {
			return err
		}
		switch e.Kind {
		case credits.KindReserved:
			r.holds[e.Seq] = e.Actor.ID
		case credits.KindReleased, credits.KindTimedOut:
			delete(r.holds, e.Of)
		default:
			if err := r.count(&e); err != nil {
				return err
			}
		}
	}
	return nil
}

// subject is what a usage is attributed to.
type subject struct {
	at     time.Time // when it counts
	actor  string
	labels map[string]string
}

// count counts what an entry used, gave back or paid.
func (r *reader) count(e *credits.Entry) error {
	if e.Unit != r.query.Unit && !slices.Contains(r.query.By, Unit) {
		return nil
	}
	s, err := r.subject(e)
	if err != nil {
		return err
	}
	if p := r.query.Within; s.at.Before(p.Start) || !p.End.IsZero() && !s.at.Before(p.End) {
		return nil
	}
	at := place{start: r.buckets.of(s.at), values: r.values}
	var source *value
	for i, d := range r.groups.by {
		if at.values[i] = s.value(d, e); d == Source {
			source = &at.values[i]
		}
	}
	add := func(account string, p part) error {
		if source != nil {
			*source = text(account)
		}
		return r.groups.add(at, p)
	}
	times, quantity := int64(0), int64(0)
	if e.Kind == credits.KindSpent || e.Kind == credits.KindCaptured {
		times = 1
		if quantity, err = quantityOf(e); err != nil {
			return err
		}
	}
	for _, ln := range e.Lines {
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
		account, err := r.source(ln.Lot)
		if err != nil {
			return err
		}
		if err := add(account, p); err != nil {
			return err
		}
	}
	return add("", part{spends: times, quantity: quantity})
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

// value returns what a usage has of a dimension other than time and source.
func (s *subject) value(d Dimension, e *credits.Entry) value {
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
		return value{}
	default:
		label, ok := s.labels[d.label()]
		return value{label, ok}
	}
}

// subject returns what an entry is attributed to: of what is not a spend, its spend.
func (r *reader) subject(e *credits.Entry) (s subject, err error) {
	if e.Kind == credits.KindSpent || e.Kind == credits.KindCaptured {
		return r.spender(e)
	}
	if !r.joins {
		return subject{at: e.At}, nil
	}
	s, ok := r.spends[e.Of]
	if !ok {
		spend, ok, err := r.entry(e.Of, false)
		if err != nil {
			return s, err
		}
		if !ok {
			return s, fmt.Errorf("%w: wallet %q: entry %d is about a spend that there is not", credits.ErrCorrupt, e.Wallet, e.Seq)
		}
		if s, err = r.spender(&spend); err != nil {
			return s, err
		}
		remember(r.spends, maxSpends, e.Of, s)
	}
	if !r.query.Occurred {
		s.at = e.At
	}
	return s, nil
}

// spender returns what a spend or a capture is attributed to.
func (r *reader) spender(e *credits.Entry) (subject, error) {
	s := subject{at: e.At, actor: e.Actor.ID, labels: e.Note.Labels}
	if r.query.Occurred && !e.Occurred.IsZero() {
		s.at = e.Occurred
	}
	if e.Kind != credits.KindCaptured || !r.byActor {
		return s, nil
	}
	actor, ok := r.holds[e.Of]
	delete(r.holds, e.Of)
	if !ok {
		hold, _, err := r.entry(e.Of, false)
		if err != nil {
			return s, err
		}
		actor = hold.Actor.ID
	}
	if actor != "" {
		s.actor = actor
	}
	return s, nil
}

// source returns the source of a lot; lot 0 is what is owed.
func (r *reader) source(lot credits.ID) (string, error) {
	if lot == 0 {
		return debtSource, nil
	}
	if !r.bySource {
		return "", nil
	}
	if source, ok := r.lots[lot]; ok {
		return source, nil
	}
	opened, ok := r.wallet.Lot(lot)
	terms := &opened.Terms
	if !ok {
		e, _, err := r.entry(lot, true)
		if err != nil {
			return "", err
		}
		if terms = e.Opens; terms == nil {
			return "", fmt.Errorf("%w: wallet %q: entry %d opens no lot", credits.ErrCorrupt, e.Wallet, lot)
		}
	}
	source := terms.Source.String()
	remember(r.lots, maxLots, lot, source)
	return source, nil
}

// entry returns one entry, and false if there is none. With due it may be one
// that is not written yet.
func (r *reader) entry(id credits.ID, due bool) (credits.Entry, bool, error) {
	if id == 0 {
		return credits.Entry{}, false, nil
	}
	one := credits.HistoryQuery{After: id - 1, Before: id + 1, Due: due}
	for e, err := range r.ledger.History(r.ctx, r.wallet.ID(), one) {
		return e, err == nil, err
	}
	return credits.Entry{}, false, nil
}

// remember keeps a value, and of those before none if they are too many.
func remember[V any](in map[credits.ID]V, limit int, id credits.ID, v V) {
	if len(in) >= limit {
		clear(in)
	}
	in[id] = v
}
