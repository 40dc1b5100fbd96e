package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// example is a chart whose names have what XML would take for its own.
func example() chart {
	return chart{
		name: "entries-debit", title: `Cost of a <debit> & "more"`, x: "entries", y: "times the cost at 1 000",
		series: []series{
			{name: "memory", points: []point{{1e3, spread{1, 1, 1}}, {1e6, spread{1.1, 0.9, 1.2}}}},
			{name: "postgres", points: []point{{1e3, spread{1, 1, 1}}, {1e4, spread{3, 2, 99}}, {1e6, spread{2, 1.5, 2.5}}}},
		},
	}
}

// elements returns the attributes of all elements of a document by their
// name, and its text; the document must be well formed.
func elements(t *testing.T, doc []byte) (all map[string][]map[string]string, text string) {
	t.Helper()
	all = make(map[string][]map[string]string)
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, text
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		switch x := token.(type) {
		case xml.CharData:
			text += string(x)
		case xml.StartElement:
			attrs := make(map[string]string)
			for _, a := range x.Attr {
				attrs[a.Name.Local] = a.Value
			}
			all[x.Name.Local] = append(all[x.Name.Local], attrs)
		}
	}
}

func TestChartShowsItsPoints(t *testing.T) {
	all, text := elements(t, example().svg())
	if got := len(all["circle"]); got != 5 {
		t.Errorf("%d points are drawn, not 5", got)
	}
	for _, want := range []string{`Cost of a <debit> & "more"`, "memory", "postgres", "1 000 000", "times the cost"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not written", want)
		}
	}
	for _, line := range all["polyline"] {
		for pair := range strings.FieldsSeq(line["points"]) {
			var x, y float64
			if _, err := fmt.Sscanf(pair, "%f,%f", &x, &y); err != nil {
				t.Fatal(err)
			}
			if x < 0 || x > chartWidth || y < 20 || y > plotBottom+5 {
				t.Errorf("%s lies outside", pair)
			}
		}
	}
}

func TestChartIsToScale(t *testing.T) {
	all, _ := elements(t, example().svg())
	at := func(i int) (x, y float64) {
		x, _ = strconv.ParseFloat(all["circle"][i]["cx"], 64)
		y, _ = strconv.ParseFloat(all["circle"][i]["cy"], 64)
		return x, y
	}
	x3, y1 := at(2)
	x4, y3 := at(3)
	x6, y2 := at(4)
	if got := (x4 - x3) / (x6 - x3); math.Abs(got-1.0/3) > 0.01 {
		t.Errorf("10 000 stands at %v of the way from 1 000 to 1 000 000, not at a third", got)
	}
	if got := (y1 - y2) / (y1 - y3); math.Abs(got-0.5) > 0.01 || y3 >= y1 {
		t.Errorf("2 stands at %v of the way from 1 to 3, not at half", got)
	}
}

func TestChartOfOnePoint(t *testing.T) {
	c := chart{series: []series{{points: []point{{1, spread{1, 1, 1}}}}}}
	if svg := c.svg(); bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
		t.Errorf("not every number is one:\n%s", svg)
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		name string
		axis axis
		want []float64
	}{
		{name: "powers of ten", axis: axis{low: 1, high: 1000, log: true}, want: []float64{1, 10, 100, 1000}},
		{name: "within what is shown", axis: axis{low: 32, high: 10_000, log: true}, want: []float64{100, 1000, 10_000}},
		{name: "steps", axis: axis{high: 2, step: 0.5}, want: []float64{0, 0.5, 1, 1.5, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.axis.ticks()
			near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
			if !slices.EqualFunc(got, test.want, near) {
				t.Errorf("ticks are %v, want %v", got, test.want)
			}
		})
	}
	for v, want := range map[float64]float64{0.4: 0.5, 0.5: 0.5, 0.51: 1, 2.1: 2.5, 3: 5, 7: 10, 130: 200} {
		if got := niceStep(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("niceStep(%v) = %v, want %v", v, got, want)
		}
	}
}

// TestChartOfWhatIsFarApart sees that equal factors are equal distances where a linear
// axis would show nothing of the smaller values.
func TestChartOfWhatIsFarApart(t *testing.T) {
	c := chart{name: "lots", title: "Cost", x: "lots", y: "times", series: []series{
		{name: "memory", points: []point{{1, spread{1, 0.01, 1}}, {10, spread{10, 9, 12}}, {100, spread{100, 90, 9999}}}},
	}}
	all, text := elements(t, c.svg())
	var ys []float64
	for _, circle := range all["circle"] {
		y, err := strconv.ParseFloat(circle["cy"], 64)
		if err != nil {
			t.Fatal(err)
		}
		ys = append(ys, y)
	}
	if up, more := ys[0]-ys[1], ys[1]-ys[2]; up < 10 || math.Abs(up-more) > 0.2 {
		t.Errorf("the points are at heights %v", ys)
	}
	if !strings.Contains(text, "1 000") && !strings.Contains(text, "1000") {
		t.Errorf("the axis does not say 1,000: %q", text)
	}
	for _, line := range all["polyline"] {
		for pair := range strings.FieldsSeq(line["points"]) {
			var x, y float64
			if _, err := fmt.Sscanf(pair, "%f,%f", &x, &y); err != nil || y != 42 && y < plotTop-1 || y > plotBottom+5 { // the legend is at 42
				t.Errorf("%s lies outside: %v", pair, err)
			}
		}
	}
}
