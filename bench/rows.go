package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// row is a line of the table: what is owed, what was measured, and whether that is enough.
type row struct {
	what   string
	where  string // the regime, driver or store; may be empty
	goal   *goal  // nil where nothing is owed
	unit   unit
	values func(r *results) ([]float64, error) // one for each round
	shown  []string                            // whose rates are shown beside; each by the last part of its name
	each   float64                             // how many things an operation of those does; 0 for one
}

// unit is how a value is written.
type unit func(v float64) string

func times(v float64) string { return digits(v) + " ×" }
func count(v float64) string { return digits(v) }

// duration writes seconds in the unit that fits.
func duration(v float64) string {
	switch {
	case v < 999.5e-9:
		return digits(v*1e9) + " ns"
	case v < 999.5e-6:
		return digits(v*1e6) + " µs"
	case v < 0.9995:
		return digits(v*1e3) + " ms"
	}
	return digits(v) + " s"
}

// perSecond writes a rate.
func perSecond(v float64) string {
	switch {
	case v >= 999_500:
		return digits(v/1e6) + " M/s"
	case v >= 999.5:
		return digits(v/1e3) + " k/s"
	}
	return digits(v) + " /s"
}

// digits writes a number with three digits, or all of those before the point.
func digits(v float64) string {
	places := 2
	if a := math.Abs(v); a >= 1e-3 {
		places = min(max(0, 2-int(math.Floor(math.Log10(a)))), 4)
	}
	text := strconv.FormatFloat(v, 'f', places, 64)
	if places > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func least(v float64) *goal { return &goal{bound: v} }
func most(v float64) *goal  { return &goal{most: true, bound: v} }

// rates are the operations a second of a contender, times what each is of something.
func rates(id string, each float64) func(*results) ([]float64, error) {
	return values(id, func(s sample) float64 { return s.rate * each })
}

// costs are the seconds of an operation.
func costs(id string) func(*results) ([]float64, error) {
	return values(id, sample.cost)
}

func allocs(id string) func(*results) ([]float64, error) {
	return values(id, func(s sample) float64 { return s.allocs })
}

func slowest(id string) func(*results) ([]float64, error) {
	return values(id, func(s sample) float64 { return s.p99.Seconds() })
}

func values(id string, of func(sample) float64) func(*results) ([]float64, error) {
	return func(r *results) ([]float64, error) {
		all, err := r.of(id)
		v := make([]float64, len(all))
		for i, s := range all {
			v[i] = of(s)
		}
		return v, err
	}
}

// pairs are made of the samples of the same round.
func pairs(a, b func(*results) ([]float64, error), of func(a, b float64) float64) func(*results) ([]float64, error) {
	return func(r *results) ([]float64, error) {
		va, err := a(r)
		if err != nil {
			return nil, err
		}
		vb, err := b(r)
		if err != nil {
			return nil, err
		}
		n := min(len(va), len(vb))
		v := make([]float64, n)
		for i := range v {
			v[i] = of(va[i], vb[i])
		}
		return v, nil
	}
}

// ratio is how much faster one contender is than another.
func ratio(id, than string) func(*results) ([]float64, error) {
	return pairs(rates(id, 1), rates(than, 1), func(a, b float64) float64 { return a / b })
}

func sum(a, b float64) float64        { return a + b }
func difference(a, b float64) float64 { return a - b }

// table returns all rows.
func table(sc scale) []row {
	var all []row
	all = append(all, coreRows(sc)...)
	for _, d := range drivers {
		all = append(all, sqliteRows(d)...)
	}
	all = append(all, postgresRows()...)
	all = append(all, bulkRows(sc)...)
	all = append(all, growthRows(sc)...)
	return append(all, setRows()...)
}

func coreRows(sc scale) []row {
	const spend, encode, hash = "core/Spend", "core/Chain/encode", "core/Chain/hash"
	chain := pairs(costs(encode), costs(hash), sum)
	return []row{
		{what: "Pure core: a spend on one lot, decided and applied", goal: most(150e-9), unit: duration, values: pairs(costs(spend), chain, difference)},
		{what: "Its allocations", goal: most(1), unit: count, values: allocs(spend)},
		{what: "The same with encoding and chain", goal: most(400e-9), unit: duration, values: costs(spend)},
		{what: "Chain, an entry", goal: most(250e-9), unit: duration, values: chain},
		{what: "Its allocations", goal: most(0), unit: count, values: pairs(allocs(encode), allocs(hash), sum)},
		{what: "Verify, entries", where: "memory", goal: least(1e6), unit: perSecond, values: rates("memory/verify", float64(sc.verify))},
		{
			what: "Ledger.Do, many wallets, one core", where: "memory", goal: most(1.5e-6), unit: duration, values: costs("memory/many/1/ours"),
			shown: []string{"memory/many/1/ours", "memory/many/1/floor"},
		},
		{what: "Its allocations", where: "memory", goal: most(4), unit: count, values: allocs("memory/many/1/ours")},
		{what: "Ledger.Do, many wallets, two cores", where: "memory", goal: least(1e6), unit: perSecond, values: rates("memory/many/2/ours", 1)},
		{what: "Ledger.Do, one hot wallet, 64 goroutines", where: "memory", goal: least(0.8e6), unit: perSecond, values: rates("memory/hot/64/ours", 1)},
	}
}

func sqliteRows(d sqliteDriver) []row {
	versus := func(what string, r regime, ours, than string, g *goal) row {
		id := "sqlite/" + d.String() + "/" + r.name + "/"
		return row{
			what: "SQLite FULL, " + what, where: r.name + ", " + d.String(), goal: g, unit: times,
			values: ratio(id+ours, id+than), shown: []string{id + ours, id + than},
		}
	}
	return []row{
		versus("1 caller, of the bare floor", fast, "1/ours", "1/floor", least(0.65)),
		versus("64 callers, of one by one", fast, "64/ours", "64/serial", least(2)),
		versus("1 caller, of the bare floor", slow, "1/ours", "1/floor", nil),
		versus("64 callers, of one by one", slow, "64/ours", "64/serial", least(15)),
	}
}

func postgresRows() []row {
	versus := func(what string, r regime, callers, than string, g *goal) row {
		id := "postgres/" + r.name + "/" + callers + "/"
		return row{
			what: "PostgreSQL, " + what, where: r.name, goal: g, unit: times,
			values: ratio(id+"ours", id+than), shown: []string{id + "ours", id + "naive", id + "floor"},
		}
	}
	tail := row{
		what: "PostgreSQL, 64 callers, one hot wallet, p99", where: slow.name, goal: most(10e-3), unit: duration,
		values: slowest("postgres/1 ms/hot/64/ours"),
	}
	return []row{
		versus("1 caller, of the one-statement floor", fast, "many/1", "floor", least(0.5)),
		versus("1 caller, of the one-statement floor", slow, "many/1", "floor", nil),
		versus("64 callers, many wallets, of naive", fast, "many/64", "naive", least(4)),
		versus("64 callers, many wallets, of naive", slow, "many/64", "naive", least(1.5)),
		versus("256 callers, many wallets, of naive", slow, "many/256", "naive", least(2.5)),
		versus("64 callers, one hot wallet, of naive", fast, "hot/64", "naive", least(20)),
		versus("64 callers, one hot wallet, of naive", slow, "hot/64", "naive", least(30)),
		tail,
	}
}

// bulkRows are of what is imported: as much of the floor as a lone caller is to have.
func bulkRows(sc scale) []row {
	var all []row
	for _, engine := range []string{"memory", "sqlite", "postgres"} {
		for _, x := range bulkCases(sc.many) {
			id := "bulk/" + engine + "/" + x.name + "/"
			r := row{
				what: "Import of usage, " + x.name + " wallets, of the floor", where: engine, unit: times,
				values: ratio(id+"ours", id+"floor"), shown: []string{id + "ours", id + "floor"}, each: float64(sc.rows),
			}
			if x.wallets == 1 {
				r.what = "Import of usage, one wallet, of the floor"
			}
			if engine == "memory" {
				r.what, r.unit, r.values, r.shown = strings.TrimSuffix(r.what, ", of the floor")+", rows", perSecond, rates(id+"ours", r.each), nil
			}
			all = append(all, r)
		}
	}
	return all
}

func growthRows(sc scale) []row {
	var all []row
	flat := func(what, engine, growth, look string, from, to int, g *goal) {
		a, b := growthID(engine, growth, look, from), growthID(engine, growth, look, to)
		all = append(all, row{
			what: fmt.Sprintf("%s, %s to %s %s", what, thousands(from), thousands(to), growth), where: engine, goal: g, unit: times,
			values: ratio(a, b), shown: []string{a, b},
		})
	}
	for _, engine := range []string{"memory", "sqlite", "postgres"} {
		for _, look := range []string{"debit", "balance", "page"} {
			flat("Cost of a "+look, engine, "entries", look, sc.entries[0], sc.entries[len(sc.entries)-1], most(1.25))
		}
		flat("Cost of a debit", engine, "lots", "debit", 1, headPage, most(1.5))
		flat("Cost of a debit", engine, "lots", "debit", headPage, sc.lots[len(sc.lots)-1], most(1.25))
		flat("Cost of a debit read anew", engine, "lots", "debit read anew", 1, sc.lots[len(sc.lots)-1], nil)
		flat("Cost of a debit", engine, "wallets", "debit", 1, sc.wallets[len(sc.wallets)-1], most(1.25))
		flat("Cost of a debit read anew", engine, "wallets", "debit read anew", 1, sc.wallets[len(sc.wallets)-1], most(1.25))
	}
	return all
}

// setRows are of what is done to many wallets or entries at once.
func setRows() []row {
	reset := func(engine string, g *goal) row {
		id := "reset/" + engine + "/"
		return row{
			what: "Reset of all wallets, wallets", where: engine, goal: g, unit: perSecond,
			values: rates(id+"ours", 1), shown: []string{id + "ours", id + "floor"},
		}
	}
	all := []row{
		reset("memory", nil), reset("sqlite", least(300e3)), reset("postgres", least(50e3)),
		{what: "Wallets that a transaction of it changes", where: "postgres", goal: most(10_000), unit: count, values: rates("reset/postgres/batch", 1)},
	}
	for _, engine := range []string{"memory", "sqlite", "postgres"} {
		all = append(
			all,
			row{what: "Usage by day and feature of all entries, never asked before", where: engine, unit: duration, values: costs("usage/" + engine + "/cold")},
			row{what: "Usage by day and feature of all entries", where: engine, goal: most(100e-3), unit: duration, values: costs("usage/" + engine + "/warm")},
		)
	}
	return all
}

// thousands writes a number with a space between each three digits.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + " " + text[i:]
	}
	return text
}
