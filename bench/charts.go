package main

import (
	"fmt"
	"strings"
)

// charts draws what grows: how much more an operation costs at each size than
// at the smallest.
func (b *bench) charts() []chart {
	var all []chart
	for _, g := range growths(b.scale) {
		for _, look := range g.looks {
			ch := chart{
				name:  strings.ReplaceAll(g.name+"-"+look.name, " ", "-"),
				title: fmt.Sprintf("Cost of a %s by number of %s", look.name, g.name),
				x:     g.name, y: fmt.Sprintf("times the cost at %s", thousands(g.sizes[0])),
			}
			for _, engine := range []string{"memory", "sqlite", "postgres"} {
				if s, ok := b.series(g, engine, look.name); ok {
					ch.series = append(ch.series, s)
				}
			}
			if len(ch.series) > 0 {
				all = append(all, ch)
			}
		}
	}
	return all
}

// series is what was measured of one engine, and false if nothing was.
func (b *bench) series(g growth, engine, look string) (series, bool) {
	first := growthID(engine, g.name, look, g.sizes[0])
	base, err := costs(first)(b.results)
	if err != nil {
		return series{}, false
	}
	s := series{name: fmt.Sprintf("%s, %s at first", engine, duration(spreadOf(base).median))}
	for _, size := range g.sizes {
		v, err := ratio(first, growthID(engine, g.name, look, size))(b.results)
		if err != nil {
			return series{}, false
		}
		s.points = append(s.points, point{float64(size), spreadOf(v)})
	}
	return s, true
}
