package usage_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/internal/lives"
	"example.com/credits/usage"
)

// tally is what a group adds up to, in a form of its own.
type tally struct {
	Amount   credits.Amount
	Spends   int64
	Quantity int64
	Money    string
}

// atom is one piece of usage, with all that it may be grouped by.
type atom struct {
	at     time.Time
	values map[usage.Dimension]string
	amount credits.Amount
	spends int64
	times  int64
	earned credits.Money
}

// atoms takes a whole history apart, the plain way.
func atoms(entries []credits.Entry, occurred bool) (all []atom) {
	byID := map[credits.ID]credits.Entry{}
	for _, e := range entries {
		byID[e.Seq] = e
	}
	source := func(lot credits.ID) string {
		if lot == 0 {
			return "debt"
		}
		return byID[lot].Opens.Source.String()
	}
	for _, e := range entries {
		spend := e
		switch e.Kind {
		case credits.KindReversed, credits.KindRepaid, credits.KindForgiven:
			spend = byID[e.Of]
		case credits.KindSpent, credits.KindCaptured:
		default:
			continue
		}
		one := atom{at: e.At, values: map[usage.Dimension]string{usage.Unit: string(e.Unit)}}
		if occurred {
			if one.at = spend.At; !spend.Occurred.IsZero() {
				one.at = spend.Occurred
			}
		}
		for name, label := range spend.Note.Labels {
			one.values[usage.Label(name)] = label
		}
		actor := spend.Actor.ID
		if hold := byID[spend.Of]; spend.Kind == credits.KindCaptured && hold.Actor.ID != "" {
			actor = hold.Actor.ID
		}
		for d, text := range map[usage.Dimension]string{usage.Actor: actor, usage.Feature: spend.Feature, usage.Scope: spend.Scope} {
			if text != "" {
				one.values[d] = text
			}
		}
		piece := func(lot credits.ID, amount credits.Amount, earned credits.Revenue) {
			p := one
			p.values = maps.Clone(one.values)
			p.values[usage.Source] = source(lot)
			p.amount, p.earned = amount, credits.Money{Micros: earned.Recognised, Currency: earned.Currency}
			all = append(all, p)
		}
		first := len(all)
		for _, ln := range e.Lines {
			switch {
			case ln.To == credits.Consumed:
				piece(ln.Lot, ln.Amount, ln.Revenue)
			case ln.From == credits.Consumed:
				piece(ln.Lot, -ln.Amount, ln.Revenue)
			case ln.To == credits.Debt:
				piece(ln.Lot, ln.Amount, ln.Revenue)
				piece(0, -ln.Amount, credits.Revenue{})
			}
		}
		if spend.Seq == e.Seq {
			if len(all) == first {
				all = append(all, one)
			}
			all[first].spends, all[first].times = 1, e.Quantity
			for _, f := range e.Factors {
				all[first].times *= f
			}
		}
	}
	return all
}

// stamp names the span of time that t is in, the plain way.
func stamp(by usage.Dimension, t time.Time) string {
	switch by {
	case usage.Hour:
		return t.Format("2006-01-02 15h -0700")
	case usage.Day:
		return t.Format("2006-01-02")
	case usage.Week:
		year, week := t.ISOWeek()
		return fmt.Sprint(year, "-W", week)
	default:
		return t.Format("2006-01")
	}
}

// place names a group.
func place(by []usage.Dimension, at time.Time, values map[usage.Dimension]string) string {
	var b strings.Builder
	for _, d := range by {
		switch d {
		case usage.Hour, usage.Day, usage.Week, usage.Month:
			fmt.Fprintf(&b, "%s=%s ", d, stamp(d, at))
			continue
		}
		if text, ok := values[d]; ok {
			fmt.Fprintf(&b, "%s=%q ", d, text)
		} else {
			fmt.Fprintf(&b, "no %s ", d)
		}
	}
	return b.String()
}

// recount answers a query from a whole history, the plain way.
func recount(entries []credits.Entry, q usage.Query, zone *time.Location) map[string]tally {
	got := map[string]tally{}
	earned := map[string]map[string]int64{}
	for _, a := range atoms(entries, q.Occurred) {
		if !slices.Contains(q.By, usage.Unit) && a.values[usage.Unit] != string(q.Unit) {
			continue
		}
		if a.at.Before(q.Within.Start) || !q.Within.End.IsZero() && !a.at.Before(q.Within.End) {
			continue
		}
		where := place(q.By, a.at.In(zone), a.values)
		t := got[where]
		t.Amount, t.Spends, t.Quantity = t.Amount+a.amount, t.Spends+a.spends, t.Quantity+a.times
		if got[where] = t; earned[where] == nil {
			earned[where] = map[string]int64{}
		}
		earned[where][a.earned.Currency] += a.earned.Micros
	}
	for where, t := range got {
		t.Money = moneyText(earned[where])
		if got[where] = t; t == (tally{}) {
			delete(got, where)
		}
	}
	return got
}

func moneyText(by map[string]int64) string {
	var texts []string
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		if m := (credits.Money{Micros: by[currency], Currency: currency}); m.Micros != 0 {
			texts = append(texts, m.String())
		}
	}
	return strings.Join(texts, ", ")
}

func tallies(by []usage.Dimension, rows []usage.Row) map[string]tally {
	got := map[string]tally{}
	for _, r := range rows {
		got[place(by, r.Start, r.Group)] = tallyOf(r)
	}
	return got
}

func tallyOf(r usage.Row) tally {
	sums := map[string]int64{}
	for _, m := range r.Recognised {
		sums[m.Currency] = m.Micros
	}
	return tally{r.Amount, r.Spends, r.Quantity, moneyText(sums)}
}

// total adds rows up.
func total(rows []usage.Row) tally {
	var t tally
	sums := map[string]int64{}
	for _, r := range rows {
		t.Amount, t.Spends, t.Quantity = t.Amount+r.Amount, t.Spends+r.Spends, t.Quantity+r.Quantity
		for _, m := range r.Recognised {
			sums[m.Currency] += m.Micros
		}
	}
	t.Money = moneyText(sums)
	return t
}

// checkOrder fails the test unless rows are in the order that Of promises, each once.
func checkOrder(t testing.TB, q usage.Query, rows []usage.Row) {
	t.Helper()
	key := func(r usage.Row) []string {
		k := []string{fmt.Sprintf("%020d", r.Start.UnixMicro()+1<<60)}
		for _, d := range q.By {
			text, ok := r.Group[d]
			k = append(k, fmt.Sprint(ok), text)
		}
		return k
	}
	for i := 1; i < len(rows); i++ {
		if slices.Compare(key(rows[i-1]), key(rows[i])) >= 0 {
			t.Errorf("%+v: row %v is before row %v", q, rows[i-1], rows[i])
		}
	}
}

func drawQuery(l *lives.Life, start, end time.Time) usage.Query {
	r := l.Rand
	q := usage.Query{Occurred: r.IntN(3) == 0, Within: credits.Period{Start: start}}
	instant := func() time.Time {
		return start.Add(time.Duration(r.Int64N(int64(end.Sub(start)) + 1))).Truncate(time.Microsecond)
	}
	switch r.IntN(3) {
	case 0:
		q.Within.Start = instant()
		q.Within.End = q.Within.Start.Add(time.Duration(r.Int64N(int64(60 * time.Hour))))
	case 1:
		q.Within.End = instant()
	}
	others := []usage.Dimension{
		usage.Actor, usage.Feature, usage.Scope, usage.Unit, usage.Source, usage.Label("campaign"), usage.Label("team"), usage.Label("none"),
	}
	r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	q.By = others[:r.IntN(4)]
	if when := lives.Pick(r, "", usage.Hour, usage.Day, usage.Week, usage.Month); when != "" {
		q.By = slices.Insert(slices.Clone(q.By), r.IntN(len(q.By)+1), when)
	}
	if !slices.Contains(q.By, usage.Unit) && r.IntN(3) == 0 {
		q.Unit = lives.Unit
	}
	return q
}

func history(t testing.TB, l *credits.Ledger, id credits.WalletID) (entries []credits.Entry) {
	t.Helper()
	for e, err := range l.History(context.Background(), id, credits.HistoryQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func of(t testing.TB, l *credits.Ledger, id credits.WalletID, q usage.Query) []usage.Row {
	t.Helper()
	rows, err := usage.Of(context.Background(), l, id, q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return rows
}

// Whatever a history holds and whatever it is grouped by, usage is what a plain
// recount of the entries says, adds up to the same, and is the same before and
// after what fell due was written (T-6).
func TestGN07EveryGroupingSumsToTheSame(t *testing.T) {
	seen := map[string]int{}
	lives.Each(t, 100, func(t testing.TB, r *rand.Rand) {
		l := lives.New(t, r, 70)
		id := lives.Pick(r, lives.First, lives.First, lives.Second)
		start, end := history(t, l.Ledger, id)[0].At, l.Clock.Now()
		queries := make([]usage.Query, 12)
		before := make([][]usage.Row, len(queries))
		for i := range queries {
			queries[i] = drawQuery(l, start, end)
			before[i] = of(t, l.Ledger, id, queries[i])
		}
		if _, err := l.Ledger.Tick(context.Background()); err != nil {
			t.Fatal(err)
		}
		w, err := l.Ledger.Wallet(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		entries := history(t, l.Ledger, id)
		note(seen, entries)
		for i, q := range queries {
			rows := of(t, l.Ledger, id, q)
			if diff := cmp.Diff(before[i], rows); diff != "" {
				t.Errorf("T-6: %+v before (-) and after (+) a tick:\n%s", q, diff)
			}
			if diff := cmp.Diff(recount(entries, q, w.Zone()), tallies(q.By, rows)); diff != "" {
				t.Errorf("%+v: recount (-), usage (+):\n%s", q, diff)
			}
			checkOrder(t, q, rows)
			if slices.Contains(q.By, usage.Unit) {
				continue
			}
			whole := q
			whole.By = nil
			if diff := cmp.Diff(total(of(t, l.Ledger, id, whole)), total(rows)); diff != "" {
				t.Errorf("%+v: ungrouped (-) and the sum of groups (+):\n%s", q, diff)
			}
		}
		for _, unit := range []credits.Unit{"", lives.Unit} {
			cycle := total(of(t, l.Ledger, id, usage.Query{Unit: unit, By: []usage.Dimension{usage.Feature}}))
			if used := w.Balance(unit, "").Used; cycle.Amount != used {
				t.Errorf("FD-08: the balance says %v of %q is used in this cycle, and usage by feature %v", used, unit, cycle.Amount)
			}
		}
		checkLots(t, w, entries, of(t, l.Ledger, id, usage.Query{
			Within: credits.Period{Start: start}, By: []usage.Dimension{usage.Unit, usage.Source},
		}))
	})
	for _, what := range []string{"spent", "captured", "reversed", "repaid", "forgiven", "erased", "into debt", "out of debt", "empty label", "occurred"} {
		if seen[what] < 5 {
			t.Errorf("the histories have %s %d times only", what, seen[what])
		}
	}
}

// note counts what a history has, so that no law holds for want of cases.
func note(seen map[string]int, entries []credits.Entry) {
	for _, e := range entries {
		seen[e.Kind.String()]++
		for _, ln := range e.Lines {
			if ln.From == credits.Debt {
				seen["into debt"]++
			}
			if ln.From == credits.Consumed && ln.To == credits.Debt {
				seen["out of debt"]++
			}
		}
		if text, ok := e.Note.Labels["campaign"]; ok && text == "" {
			seen["empty label"]++
		}
		if !e.Occurred.IsZero() {
			seen["occurred"]++
		}
	}
}

// checkLots fails the test unless the usage of all time is what the lots say was
// consumed of them, and what is owed.
func checkLots(t testing.TB, w credits.Wallet, entries []credits.Entry, rows []usage.Row) {
	t.Helper()
	want := map[string]credits.Amount{}
	for _, unit := range []credits.Unit{"", lives.Unit} {
		want[fmt.Sprint(unit, " debt")] = w.Balance(unit, "").Debt
	}
	for _, e := range entries {
		if e.Opens == nil {
			continue
		}
		lot, ok := w.Lot(e.Seq)
		if !ok {
			t.Fatalf("lot %d is forgotten: the history is too long for this test", e.Seq)
		}
		want[fmt.Sprint(lot.Unit, " ", lot.Source)] += lot.Consumed
	}
	got := map[string]credits.Amount{}
	for _, r := range rows {
		if source, ok := r.Group[usage.Source]; ok {
			got[r.Group[usage.Unit]+" "+source] = r.Amount
		}
	}
	maps.DeleteFunc(want, func(_ string, a credits.Amount) bool { return a == 0 })
	maps.DeleteFunc(got, func(_ string, a credits.Amount) bool { return a == 0 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("FD-08: consumed of the lots (-), usage by source (+):\n%s", diff)
	}
}
