package usage

import (
	"errors"
	"math"
	"strconv"
	"testing"

	"example.com/credits"
)

// A query has so many groups, and not one more.
func TestLimitOfGroups(t *testing.T) {
	g := groups{by: []Dimension{Actor}, byKey: map[string]*group{}, limit: maxGroups}
	for i := range maxGroups {
		if err := g.add(place{values: []value{text(strconv.Itoa(i + 1))}}, part{spends: 1}); err != nil {
			t.Fatalf("group %d: %v", i+1, err)
		}
	}
	if err := g.add(place{values: []value{text("7")}}, part{spends: 1}); err != nil {
		t.Errorf("a group that is there already: %v", err)
	}
	if err := g.add(place{values: []value{text("one more")}}, part{spends: 1}); !errors.Is(err, credits.ErrLimit) {
		t.Errorf("group %d: %v", maxGroups+1, err)
	}
	if rows, err := g.rows(); len(rows) != maxGroups || err != nil {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// A sum may leave the range on its way, in any order, and not at its end.
func TestSums(t *testing.T) {
	tests := []struct {
		name string
		of   []int64
		want int64
		ok   bool
	}{
		{name: "A-1/nothing", want: 0, ok: true},
		{name: "A-1/the largest", of: []int64{math.MaxInt64 - 1, 1}, want: math.MaxInt64, ok: true},
		{name: "A-1/one more", of: []int64{math.MaxInt64, 1}},
		{name: "A-1/the smallest", of: []int64{-math.MaxInt64 + 1, -1}, want: -math.MaxInt64, ok: true},
		{name: "A-1/one less", of: []int64{-math.MaxInt64, -1}},
		{name: "A-1/two less", of: []int64{-math.MaxInt64, -2}},
		{name: "A-1/beyond, and back", of: []int64{math.MaxInt64, math.MaxInt64, -math.MaxInt64, -5}, want: math.MaxInt64 - 5, ok: true},
		{name: "A-1/below, and back", of: []int64{-math.MaxInt64, -math.MaxInt64, math.MaxInt64, 5}, want: 5 - math.MaxInt64, ok: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s sum
			for _, n := range tt.of {
				s.add(n)
			}
			got, ok := s.value()
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %d, %v, want %d, %v", got, ok, tt.want, tt.ok)
			}
			g := groups{byKey: map[string]*group{}, limit: 1}
			for _, n := range tt.of {
				if err := g.add(place{}, part{amount: credits.Amount(n)}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := g.rows(); (err == nil) != tt.ok || err != nil && !errors.Is(err, credits.ErrLimit) {
				t.Errorf("rows: %v", err)
			}
		})
	}
}

// Texts that run together differently are different groups.
func TestGroupsAreToldApart(t *testing.T) {
	g := groups{by: []Dimension{Actor, Feature}, byKey: map[string]*group{}, limit: maxGroups}
	pairs := [][]value{
		{text("a"), text("bc")},
		{text("ab"), text("c")},
		{text("abc"), {}},
		{{}, text("abc")},
		{value{"", true}, text("abc")},
		{text("a\x01\x02bc"), {}},
		{{}, {}},
	}
	for _, values := range pairs {
		if err := g.add(place{values: values}, part{amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := g.rows(); len(rows) != len(pairs) || err != nil {
		t.Errorf("%d rows, %v, want %d", len(rows), err, len(pairs))
	}
}
