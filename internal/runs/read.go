package runs

import (
	"fmt"
	"math"
	"sort"
	"time"

	"example.com/credits"
	"example.com/credits/store"
)

// A Tally works something out of entries that can be added up in any order.
type Tally interface {
	// Count takes in an entry: also into the digest that is being made, if run is set.
	Count(e *credits.Entry, run bool) error

	// Digest returns what was counted for a digest since the last call; nil if
	// none can be kept of that.
	Digest() []byte

	// Add takes in a digest: all of it, or nothing.
	Add(body []byte) (Use, error)
}

// Use is what becomes of a digest.
type Use uint8

// The uses.
const (
	Added Use = iota + 1
	Cut       // nothing is wrong with it, but a bound of the period goes through it
	Stale     // it has to be made anew
)

// Query says what is read.
type Query struct {
	Name   string         // of the digests: all that they depend on beside the entries, in at most 255 bytes
	Within Span           // entries at instants of it
	Kinds  []credits.Kind // entries of one of these; all if there are none
}

// Read gives t the entries of a query, or digests of them, in no order. What
// fell due and is not written yet is among them. Digests are made of runs that
// are whole and wholly within the period, and kept in batches; that one
// is not kept is no error. Entries that were pruned are [credits.ErrPruned].
func (r *Reader) Read(q Query, t Tally) error {
	p := &pass{Reader: r, query: q, tally: t}
	if err := p.plan(); err != nil {
		return err
	}
	for _, g := range p.gaps {
		if err := p.fill(g); err != nil {
			return err
		}
	}
	p.keep()
	return nil
}

// pass is one reading of a history.
type pass struct {
	*Reader
	query Query
	tally Tally

	whole [2]uint64 // the runs wholly within the period, from the first and before the second
	gaps  []gap

	batch []store.Digest // to be kept
	bytes int            // of batch
}

// gap is entries that no digest answers for.
type gap struct {
	after, through uint64 // end for all there are, and what is due
	digest         bool   // digests are made of its runs, as far as they may be
}

const end = math.MaxUint64

// plan takes in what digests there are, and notes the gaps that they leave.
func (p *pass) plan() error {
	within, full := p.query.Within, uint64(p.seq)/size
	_, keeps := p.ledger.Store().(store.Digester)
	if !keeps || full == 0 || p.Checkpoint.Seq > 0 && within.From <= p.Checkpoint.At {
		p.gap(0, end, false) // of which the last is refused
		return nil
	}
	first, last, err := p.bounds(full)
	if err != nil {
		return err
	}
	through := min(last+1, full) * size
	next := first * size
	for d, err := range store.Digests(p.ctx, p.ledger.Store(), string(p.id), p.query.Name, next, through) {
		if err != nil {
			return fmt.Errorf("%w: %w", credits.ErrRetry, err)
		}
		if d.Through%size != 0 || d.Through < next+size {
			continue // it is none of ours
		}
		use, err := p.tally.Add(d.Body)
		if err != nil {
			return err
		}
		if use == Stale {
			continue
		}
		p.gap(next, d.Through-size, true)
		if use == Cut {
			p.gap(d.Through-size, d.Through, false)
		}
		next = d.Through
	}
	if p.gap(next, through, true); last == full {
		p.gap(through, end, false)
	}
	return nil
}

func (p *pass) gap(after, through uint64, digest bool) {
	if after < through {
		p.gaps = append(p.gaps, gap{after, through, digest})
	}
}

// bounds returns the first run that has entries of the period, and the first
// from there on that has entries after it. It looks at few of them: no entry's
// time is before that of an earlier one.
func (p *pass) bounds(full uint64) (first, last uint64, err error) {
	within := p.query.Within
	if first, err = p.reaching(p.Checkpoint.Seq/size, full, within.From); err != nil {
		return 0, 0, err
	}
	if last, err = p.reaching(first, full, within.To); err != nil {
		return 0, 0, err
	}
	p.whole = [2]uint64{first, last}
	if within.From == 0 || first == last {
		return first, last, nil
	}
	begins := first * size
	if begins >= p.Checkpoint.Seq {
		e, err := p.entry(credits.ID(begins+1), false)
		if err != nil || e.At.UnixMicro() >= within.From {
			return first, last, err
		}
	}
	p.whole[0]++
	return first, last, nil
}

// reaching returns the first of the runs from lo and before hi that has an entry
// at or after an instant; hi if none has.
func (p *pass) reaching(lo, hi uint64, at int64) (run uint64, err error) {
	switch at {
	case 0:
		return lo, nil
	case math.MaxInt64:
		return hi, nil
	}
	n := sort.Search(int(hi-lo), func(i int) bool {
		if err != nil {
			return true
		}
		var e credits.Entry
		e, err = p.entry(credits.ID((lo+uint64(i)+1)*size), false)
		return e.At.UnixMicro() >= at
	})
	return lo + uint64(n), err
}

// fill reads a gap, and makes digests of the runs in it.
func (p *pass) fill(g gap) error {
	q := credits.HistoryQuery{After: credits.ID(g.after), Within: p.query.Within.period(), Kinds: p.query.Kinds, Due: true}
	if g.through != end {
		q.Before, q.Due = credits.ID(g.through+1), false
	}
	run := g.after / size
	making := func() bool { return g.digest && p.whole[0] <= run && run < p.whole[1] }
	for e, err := range p.ledger.History(p.ctx, p.id, q) {
		if err != nil {
			return err
		}
		for ; g.digest && run < uint64(e.Seq-1)/size; run++ {
			p.made(run, making())
		}
		if err := p.tally.Count(&e, making()); err != nil {
			return err
		}
	}
	for ; g.digest && run < g.through/size; run++ {
		p.made(run, making())
	}
	return nil
}

// period returns the span as a period.
func (s Span) period() (p credits.Period) {
	if s.From != 0 {
		p.Start = time.UnixMicro(s.From).UTC()
	}
	if s.To != math.MaxInt64 {
		p.End = time.UnixMicro(s.To).UTC()
	}
	return p
}

// How much is kept at once.
const (
	batchDigests = 128
	batchBytes   = 1 << 20
)

// made takes the digest of a run, if one was made.
func (p *pass) made(run uint64, made bool) {
	if !made {
		return
	}
	body := p.tally.Digest()
	if len(body) == 0 || len(body) > store.BodyLimit {
		return
	}
	p.batch = append(p.batch, store.Digest{Through: (run + 1) * size, Body: body})
	if p.bytes += len(body); len(p.batch) >= batchDigests || p.bytes >= batchBytes {
		p.keep()
	}
}

// keep keeps what is to be kept. What cannot be is made again when it is asked for.
func (p *pass) keep() {
	if len(p.batch) > 0 {
		_ = store.KeepDigests(p.ctx, p.ledger.Store(), string(p.id), p.query.Name, uint64(p.seq), p.batch...)
	}
	p.batch, p.bytes = nil, 0
}
