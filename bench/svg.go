package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"path"
	"strings"
)

// chart is lines over a logarithmic axis of sizes. It stands on a light page as
// on a dark one: nothing is filled, and text is grey.
type chart struct {
	name   string // of its file
	title  string
	x, y   string // what the axes are of
	series []series
}

type series struct {
	name   string
	points []point // in order of x
}

type point struct {
	x float64
	y spread
}

// file is where the chart is kept, beside the program.
func (c chart) file() string { return path.Join("charts", c.name+".svg") }

// The layout of a chart, in pixels.
const (
	chartWidth, chartHeight = 720, 340
	plotLeft, plotRight     = 56, 700
	plotTop, plotBottom     = 76, 290
)

// colours tell lines apart, on white as on black.
var colours = []string{"#3b82f6", "#e08a00", "#16a34a", "#d946ef"}

// svg draws the chart.
func (c chart) svg() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" font-family="sans-serif" font-size="12" fill="#888">`+"\n",
		chartWidth, chartHeight)
	fmt.Fprintf(&b, "<title>%s</title>\n", escaped(c.title))
	write(&b, plotLeft, 20, `font-size="15"`, c.title)
	write(&b, plotLeft, plotTop-10, "", c.y)
	write(&b, plotRight, plotBottom+36, `text-anchor="end"`, c.x)
	xs, ys := c.axes()
	for _, v := range ys.ticks() {
		y := ys.at(v)
		stroke(&b, "#888", `stroke-opacity="0.3"`, [2]float64{plotLeft, y}, [2]float64{plotRight, y})
		write(&b, plotLeft-6, y+4, `text-anchor="end"`, digits(v))
	}
	for _, v := range xs.ticks() {
		x := xs.at(v)
		stroke(&b, "#888", `stroke-opacity="0.3"`, [2]float64{x, plotBottom}, [2]float64{x, plotBottom + 5})
		write(&b, x, plotBottom+20, `text-anchor="middle"`, thousands(int(math.Round(v))))
	}
	stroke(&b, "#888", "", [2]float64{plotLeft, plotTop}, [2]float64{plotLeft, plotBottom}, [2]float64{plotRight, plotBottom})
	for i, s := range c.series {
		s.draw(&b, xs, ys, colours[i%len(colours)])
		x := plotLeft + float64(i)*(plotRight-plotLeft)/float64(len(c.series))
		stroke(&b, colours[i%len(colours)], `stroke-width="3"`, [2]float64{x, 42}, [2]float64{x + 16, 42})
		write(&b, x+22, 46, "", s.name)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// draw draws a line through medians, with how far the rounds lie apart at each.
func (s series) draw(b *bytes.Buffer, xs, ys axis, colour string) {
	var middle [][2]float64
	for _, p := range s.points {
		x := xs.at(p.x)
		middle = append(middle, [2]float64{x, ys.at(p.y.median)})
		stroke(b, colour, `stroke-opacity="0.5"`, [2]float64{x, ys.at(max(p.y.low, ys.low))}, [2]float64{x, ys.at(min(p.y.high, ys.high))})
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x, ys.at(p.y.median), colour)
	}
	stroke(b, colour, `stroke-width="2"`, middle...)
}

// stroke draws a line through points.
func stroke(b *bytes.Buffer, colour, style string, points ...[2]float64) {
	var text []string
	for _, p := range points {
		text = append(text, fmt.Sprintf("%.1f,%.1f", p[0], p[1]))
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" %s points="%s"/>`+"\n", colour, style, strings.Join(text, " "))
}

func write(b *bytes.Buffer, x, y float64, style, text string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" %s>%s</text>`+"\n", x, y, style, escaped(text))
}

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}

// axis maps values to pixels.
type axis struct {
	low, high float64 // values
	from, to  float64 // pixels
	log       bool
	step      float64 // between ticks, if it is not logarithmic
}

// axes returns those that have room for all lines: sizes on a logarithmic one,
// and values on one from zero to two at least, or where they are far apart on a logarithmic
// one too. A round that went far astray is cut off.
func (c chart) axes() (x, y axis) {
	x = axis{low: math.Inf(1), from: plotLeft + 12, to: plotRight - 24, log: true}
	top, least := 2.0, 1.0
	for _, s := range c.series {
		for _, p := range s.points {
			x.low, x.high = min(x.low, p.x), max(x.high, p.x)
			top, least = max(top, 1.2*p.y.median), min(least, p.y.median)
		}
	}
	if top > farApart {
		y = axis{low: math.Pow(10, math.Floor(math.Log10(least))), high: math.Pow(10, math.Ceil(math.Log10(top))), log: true}
		y.from, y.to = plotBottom, plotTop
		return x, y
	}
	step := niceStep(top / 5)
	return x, axis{high: math.Ceil(top/step) * step, from: plotBottom, to: plotTop, step: step}
}

// farApart is how many times the first value the last is where a logarithmic axis says more.
const farApart = 20

// niceStep returns the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below v.
func niceStep(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*unit >= v*(1-1e-9) {
			return m * unit
		}
	}
	return 10 * unit
}

// at returns where a value is.
func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(v)
	}
	if high <= low {
		return (a.from + a.to) / 2
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// ticks returns the values that are written beside an axis: the powers of ten, or
// the multiples of its step.
func (a axis) ticks() []float64 {
	var all []float64
	if a.log {
		for e := math.Ceil(math.Log10(a.low) - 1e-9); e <= math.Log10(a.high)+1e-9; e++ {
			all = append(all, math.Pow(10, e))
		}
		return all
	}
	for n := 0; float64(n)*a.step <= a.high*(1+1e-9); n++ {
		all = append(all, float64(n)*a.step)
	}
	return all
}
