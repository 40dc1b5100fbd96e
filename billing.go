package credits

import "example.com/credits/internal/iso4217"

// What follows says what a plan costs that takes over while a paid term runs. What
// was paid is kept as the price of one cycle: what is paid for a cycle is paid for it.

// bill is what a plan costs from a cycle on.
type bill struct {
	charge Money // due now
	paid   Money // for each cycle from then on until the term ends
	lot    Money // for what the cycle brings
	term   int64 // when the term ends that is billed
}

// bill returns what a plan costs from a cycle of its schedule on. kept tells that
// the wallet's cycle goes on to the end it had, though the plan's would be shorter.
//
// A plan whose term is as long is charged what its cycles exceed those that were
// paid by, for all that are left, and the term stands; with a longer term also for
// the cycles that are added; with a shorter one for each cycle as it comes. If its
// cycles are longer what is left of the paid ones is credited.
func (s *state) bill(t *terms, cycles schedule, c *Cycle, at int64, kept bool) bill {
	share, per := t.share(), t.cyclesPerTerm()
	b := bill{charge: t.Price, paid: share, lot: t.cyclePrice(c.Number), term: micros(t.termFrom(cycles, c.Number))}
	switch {
	case at < s.term && t == s.terms && !s.covered(at): // the term of a free plan goes on
		b.term = s.term
		return b
	case !s.covered(at) || share.Micros > 0 && share.Currency != s.paid.Currency:
		return b
	}
	whole, first := b.term, s.paid
	left, part, of := s.left(at)
	more := left
	if part > 0 {
		more++
	}
	b.paid, b.term = scaled(s.paid, s.terms.Every, t.Every), s.term
	if c.Zone != "" {
		b.term = micros(relocated(instant(s.term), s.loc, cycles.Zone))
	}
	had := b.paid
	if begin, end := micros(c.Period.Start), micros(c.Period.End); end > b.term { // the term ends in the cycle
		had = had.share(b.term-begin, end-begin)
	}
	switch {
	case c.Same && kept:
		first, had = s.now, s.now
	case c.Same: // it may go on for longer
		first, had.Micros = s.now, max(s.now.Micros, had.Micros+s.now.Micros-s.paid.Micros)
	}
	share.Currency = had.Currency
	other := t.Every != s.terms.Every || t.Anchor != s.terms.Anchor
	switch {
	case other && !kept && whole > s.term:
		first.Micros = min(first.Micros, share.Micros) // it is used
		b.charge, b.paid, b.term = exceeding(t.Price, first.plus(s.paid, left).plus(s.paid.share(part, of), 1)), share, whole
	case other || per <= more:
		b.charge = exceeding(share, had)
	default:
		rise := exceeding(share, s.paid)
		b.charge = exceeding(share, had).plus(rise, left).plus(rise.share(part, of), 1)
		b.paid.Micros = max(b.paid.Micros, share.Micros)
		if per > left+1 && per > s.terms.cyclesPerTerm() {
			b.charge, b.paid, b.term = b.charge.plus(share, per-left-2).plus(share.share(of-part, of), 1), share, whole
		}
	}
	if b.charge = b.charge.nearest(); b.charge.Micros == 0 {
		b.charge = Money{}
	}
	switch {
	case c.Same:
		b.lot = exceeding(share, s.now)
	case had.Micros > share.Micros:
		b.lot = had
	}
	if b.lot.Micros == 0 {
		b.lot = Money{}
	}
	return b
}

// covered reports whether a price was paid for a term that runs at t.
func (s *state) covered(t int64) bool { return s.paid.Micros > 0 && t < s.term }

// left returns how many cycles of the paid term follow the one that t is in: whole
// ones, and the part of one in which the term ends.
func (s *state) left(t int64) (whole int, part, of int64) {
	cycles := s.terms.cycles(s.anchor, s.loc)
	next := s.ends
	if t >= next {
		next = micros(cycles.Instant(cycles.Index(instant(t)) + 1))
	}
	if next >= s.term {
		return 0, 0, 1
	}
	last := cycles.Index(instant(s.term))
	start, end := micros(cycles.Instant(last)), micros(cycles.Instant(last+1))
	return last - cycles.Index(instant(next)), s.term - start, max(1, end-start)
}

// takeOver returns the cycle of a plan that takes over while what was granted or
// paid counts, and its schedule. A cycle that runs goes on to the end that it has,
// or further if the plan's own is longer: kept tells that it is shorter.
func (s *state) takeOver(t *terms, at int64) (cycles schedule, c *Cycle, kept bool) {
	was := s.terms.cycles(s.anchor, s.loc)
	cycles = t.cycles(s.starts, s.loc)
	if at >= s.ends {
		cycles.Anchor = was.Instant(was.Index(instant(at)))
	}
	as := t.Every == s.terms.Every && t.Anchor == s.terms.Anchor
	if as {
		cycles.Anchor = instant(s.anchor)
	}
	number := cycles.Index(instant(at))
	c = &Cycle{Number: number, Same: at < s.ends, Period: Period{cycles.Instant(number), cycles.Instant(number + 1)}}
	switch recorded := (Period{instant(s.starts), instant(s.ends)}); {
	case !c.Same:
	case as:
		c.Number, c.Period = s.cycle, recorded
	case c.Period.End.Before(recorded.End):
		c.Number, c.Period, kept = cycles.Index(recorded.End)-1, recorded, true
	}
	return cycles, c, kept
}

// share returns what one of the plan's cycles costs, rounded down to a millionth.
func (p *Plan) share() Money {
	return Money{Micros: p.Price.Micros / int64(p.cyclesPerTerm()), Currency: p.Price.Currency}
}

// exceeding returns what a price exceeds what was paid by, in the same currency.
func exceeding(price, paid Money) Money {
	return Money{Micros: max(0, price.Micros-paid.Micros), Currency: paid.Currency}
}

// plus returns m and so many times n, of the same currency, or the most there is.
func (m Money) plus(n Money, times int) Money {
	more, ok := mulInt(n.Micros, int64(times))
	sum, ok2 := addAmount(Amount(m.Micros), Amount(more))
	if !ok || !ok2 {
		sum = AmountMax
	}
	return Money{Micros: int64(sum), Currency: m.Currency}
}

// share returns a part of m, rounded down to a millionth.
func (m Money) share(part, of int64) Money {
	m.Micros, _ = mulDivFloor(m.Micros, part, of)
	return m
}

// scaled returns what a cycle of one length costs if one of another costs m. A
// month counts as 30 days.
func scaled(m Money, from, to Span) Money {
	if from == to {
		return m
	}
	days := func(s Span) int64 {
		if months, ok := s.months(); ok {
			return 30 * int64(months)
		}
		n, _ := s.days()
		return int64(n)
	}
	if n, ok := mulDivFloor(m.Micros, days(to), days(from)); ok {
		m.Micros = n
	}
	return m
}

// nearest returns m rounded to its currency's minor unit, half to even.
func (m Money) nearest() Money {
	digits, ok := iso4217.Digits(m.Currency)
	if !ok || digits >= 6 {
		return m
	}
	unit := pow10(6 - digits)
	whole, rest := m.Micros/unit, m.Micros%unit
	if rest > unit/2 || rest == unit/2 && whole%2 == 1 {
		whole++
	}
	return Money{Micros: whole * unit, Currency: m.Currency}
}
