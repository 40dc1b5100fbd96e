package usage

import (
	"errors"
	"math"
	"strconv"
	"testing"
	"time"

	"example.com/credits"
)

// A query has so many groups, and not one more.
func TestLimitOfGroups(t *testing.T) {
	g, by := newGroups(maxGroups), []Dimension{Actor}
	for i := range maxGroups {
		if err := g.add(time.Time{}, 0, text(strconv.Itoa(i+1)).appendTo(nil), part{spends: 1}); err != nil {
			t.Fatalf("group %d: %v", i+1, err)
		}
	}
	if err := g.add(time.Time{}, 0, text("7").appendTo(nil), part{spends: 1}); err != nil {
		t.Errorf("a group that is there already: %v", err)
	}
	if err := g.add(time.Time{}, 0, text("one more").appendTo(nil), part{spends: 1}); !errors.Is(err, credits.ErrLimit) {
		t.Errorf("group %d: %v", maxGroups+1, err)
	}
	if rows, err := g.rows(by, by); len(rows) != maxGroups || err != nil {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// A sum may leave the range on its way, in any order, and not at its end.
func TestA1SumsOfGroups(t *testing.T) {
	tests := []struct {
		name string
		of   []part
		ok   bool
	}{
		{name: "the largest amount, beyond on its way", of: []part{{amount: credits.AmountMax}, {amount: 1}, {amount: -1}}, ok: true},
		{name: "an amount", of: []part{{amount: credits.AmountMax}, {amount: 1}}},
		{name: "a quantity", of: []part{{quantity: math.MaxInt64}, {quantity: 1}}},
		{name: "money", of: []part{{currency: "USD", recognised: math.MaxInt64}, {currency: "USD", recognised: 1}}},
		{name: "money of two currencies", of: []part{{currency: "USD", recognised: math.MaxInt64}, {currency: "EUR", recognised: 1}}, ok: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGroups(1)
			for _, p := range tt.of {
				if err := g.add(time.Time{}, 0, nil, p); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := g.rows(nil, nil); (err == nil) != tt.ok || err != nil && !errors.Is(err, credits.ErrLimit) {
				t.Errorf("rows: %v", err)
			}
		})
	}
}

// Texts that run together differently are different groups.
func TestGroupsAreToldApart(t *testing.T) {
	g, by := newGroups(maxGroups), []Dimension{Actor, Feature}
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
		var place []byte
		for _, v := range values {
			place = v.appendTo(place)
		}
		if err := g.add(time.Time{}, 0, place, part{amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := g.rows(by, by); len(rows) != len(pairs) || err != nil {
		t.Errorf("%d rows, %v, want %d", len(rows), err, len(pairs))
	}
}
