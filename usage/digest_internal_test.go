package usage

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/internal/runs"
)

// shape returns a tally of a query that has read nothing.
func shape(t *testing.T, zone string, q Query) *tally {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return tallyOf(&runs.Reader{}, loc, q)
}

// Queries have digests in common if they differ in nothing but the period and the
// order of their dimensions.
func TestDigestsHaveTheNameOfTheirShape(t *testing.T) {
	by := func(all ...Dimension) []Dimension { return all }
	within := credits.Period{Start: time.Unix(1, 0)}
	tests := []struct {
		name  string
		zone  string
		query Query
		same  bool
	}{
		{name: "itself", query: Query{By: by(Day, Actor, Feature)}, same: true},
		{name: "another period", query: Query{By: by(Day, Actor, Feature), Within: within}, same: true},
		{name: "another order", query: Query{By: by(Feature, Actor, Day)}, same: true},
		{name: "another zone", zone: "Europe/Berlin", query: Query{By: by(Day, Actor, Feature)}},
		{name: "another unit", query: Query{By: by(Day, Actor, Feature), Unit: "GB"}},
		{name: "another span", query: Query{By: by(Hour, Actor, Feature)}},
		{name: "another dimension", query: Query{By: by(Day, Actor, Scope)}},
		{name: "a label of that name", query: Query{By: by(Day, Actor, Label("feature"))}},
		{name: "one less", query: Query{By: by(Day, Actor)}},
		{name: "one more", query: Query{By: by(Day, Actor, Feature, Source)}},
		{name: "by when it occurred", query: Query{By: by(Day, Actor, Feature), Occurred: true}},
	}
	want := shape(t, "", tests[0].query).name()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := shape(t, tt.zone, tt.query).name(); (got == want) != tt.same || len(got) > 255 {
				t.Errorf("%q, and of %+v %q", got, tests[0].query, want)
			}
		})
	}
	one, other := shape(t, "", Query{By: by(Actor)}).name(), shape(t, "Europe/Berlin", Query{By: by(Actor)}).name()
	if one != other {
		t.Error("without a span of time the zone matters")
	}
}

func rows(t *testing.T, of *tally) []Row {
	t.Helper()
	rows, err := of.all.rows(of.dims, of.order())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// counting returns a tally by day of some usage at instants.
func counting(t *testing.T, zone string, at ...time.Time) *tally {
	t.Helper()
	from := shape(t, zone, Query{By: []Dimension{Day, Actor, Feature}})
	for i, at := range at {
		e := credits.Entry{Seq: credits.ID(i + 1), Kind: credits.KindSpent, At: at, Quantity: 3, Feature: "image", Lines: []credits.Line{
			{Lot: 1, From: credits.Available, To: credits.Consumed, Amount: 5, Revenue: credits.Revenue{Currency: "USD", Recognised: 7}},
		}}
		if i%2 == 0 {
			e.Actor.ID = "ann"
		}
		if err := from.Count(&e, true); err != nil {
			t.Fatal(err)
		}
	}
	return from
}

// A zone that was given other rules cuts days anew: a digest is of use only as far
// as that makes no difference (T-3).
func TestT3DigestsOfAnotherCalendarAreStale(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	early := noon.Add(-11 * time.Hour)
	tests := []struct {
		name string
		at   []time.Time
		want runs.Use
	}{
		{name: "the same days", at: []time.Time{noon, noon.Add(time.Hour), noon.AddDate(0, 0, 1)}, want: runs.Added},
		{name: "a day that is two there", at: []time.Time{early, noon}, want: runs.Stale},
		{name: "two days that are one there", at: []time.Time{noon.Add(11 * time.Hour), noon.Add(13 * time.Hour)}, want: runs.Added},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			other := shape(t, "America/New_York", Query{By: []Dimension{Day, Actor, Feature}})
			if use, err := other.Add(counting(t, "UTC", tt.at...).Digest()); use != tt.want || err != nil {
				t.Fatalf("use %d, %v", use, err)
			}
			if tt.want == runs.Stale && other.all.size > 0 {
				t.Error("it was added all the same")
			}
			if tt.want == runs.Stale {
				return
			}
			direct := counting(t, "America/New_York", tt.at...)
			if diff := cmp.Diff(rows(t, direct), rows(t, other)); diff != "" {
				t.Errorf("counted (-) and from a digest (+):\n%s", diff)
			}
		})
	}
}

// What is no digest is never taken for one, and adds nothing.
func TestDamagedDigestsAreStale(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	body := counting(t, "UTC", noon, noon, noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 3)).Digest()
	read := func(body []byte) (*tally, runs.Use) {
		to := shape(t, "UTC", Query{By: []Dimension{Day, Actor, Feature}})
		use, err := to.Add(body)
		if err != nil {
			t.Fatalf("%x: %v", body, err)
		}
		return to, use
	}
	if to, use := read(body); use != runs.Added || to.all.size != 4 {
		t.Fatalf("use %d, %d groups", use, to.all.size)
	}
	for n := range body {
		if to, use := read(body[:n]); use != runs.Stale || to.all.size > 0 {
			t.Errorf("the first %d bytes: use %d, %d groups", n, use, to.all.size)
		}
	}
	if _, use := read(append(bytes.Clone(body), 0)); use != runs.Stale {
		t.Errorf("one byte more: use %d", use)
	}
	if _, use := read(append([]byte{digestForm + 1}, body[1:]...)); use != runs.Stale {
		t.Errorf("another form: use %d", use)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		damaged := bytes.Clone(body)
		for range 1 + r.IntN(3) {
			damaged[r.IntN(len(damaged))] = byte(r.IntN(256))
		}
		if to, use := read(damaged); use != runs.Added && to.all.size > 0 {
			t.Fatalf("%x: use %d, %d groups", damaged, use, to.all.size)
		}
	}
}

// Sums that do not fit, and an entry that only the digest has and that cannot be
// counted, make no digest, and no trouble.
func TestA1WhatDoesNotFitMakesNoDigest(t *testing.T) {
	spend := func(amount credits.Amount, quantity int64) credits.Entry {
		return credits.Entry{
			Seq: 9, Kind: credits.KindSpent, At: time.Unix(1e9, 0), Quantity: quantity, Factors: map[string]int64{"pages": 3},
			Lines: []credits.Line{{Lot: 1, From: credits.Available, To: credits.Consumed, Amount: amount}},
		}
	}
	tests := []struct {
		name   string
		count  []credits.Entry
		within credits.Period
		made   bool
		failed bool
	}{
		{name: "what fits", count: []credits.Entry{spend(credits.AmountMax, 1), spend(0, 1)}, made: true},
		{name: "an amount", count: []credits.Entry{spend(credits.AmountMax, 1), spend(1, 1)}},
		{name: "a quantity in the period", count: []credits.Entry{spend(1, math.MaxInt64)}, failed: true},
		{
			name: "a quantity outside of the period", count: []credits.Entry{spend(1, math.MaxInt64)},
			within: credits.Period{Start: time.Unix(2e9, 0)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := shape(t, "", Query{Within: tt.within, Occurred: true})
			var err error
			for i := range tt.count {
				if err == nil {
					err = to.Count(&tt.count[i], true)
				}
			}
			if (err != nil) != tt.failed {
				t.Errorf("counted: %v", err)
			}
			if body := to.Digest(); (body != nil) != tt.made && !tt.failed {
				t.Errorf("made %x", body)
			}
			ok := spend(1, 1)
			if err := to.Count(&ok, true); err != nil || to.Digest() == nil {
				t.Errorf("the next digest is spoilt too: %v", err)
			}
		})
	}
}
