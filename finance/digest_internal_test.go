package finance

import (
	"bytes"
	"math"
	"testing"
	"time"

	"example.com/credits"
	"example.com/credits/internal/runs"
)

// posted returns a tally of charges of one second each.
func posted(t *testing.T, within runs.Span, seconds ...int64) *tally {
	t.Helper()
	to := &tally{past: &runs.Reader{}, within: within, all: newBook(), run: newBook()}
	for _, second := range seconds {
		e := credits.Entry{
			Kind: credits.KindSpent, At: time.Unix(second, 0), Charge: credits.Money{Micros: 7, Currency: "USD"}, Unit: "GB",
			Lines: []credits.Line{{From: credits.Debt, To: credits.Consumed, Amount: 5}},
		}
		if err := to.Count(&e, true); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A digest is taken where all of it is before, in or after what a statement tells apart.
func TestDigestsAreTakenWhole(t *testing.T) {
	const second = 1_000_000
	tests := []struct {
		name     string
		within   runs.Span
		since    int64
		want     runs.Use
		opening  credits.Amount
		consumed credits.Amount
	}{
		{name: "in the period", within: runs.Span{From: 10 * second, To: 20*second + 1}, want: runs.Added, consumed: 10},
		{name: "before it", within: runs.Span{From: 20*second + 1, To: math.MaxInt64}, want: runs.Added, opening: -10},
		{name: "its first entry before it", within: runs.Span{From: 10*second + 1, To: math.MaxInt64}, want: runs.Cut},
		{name: "its last entry after it", within: runs.Span{To: 20 * second}, want: runs.Cut},
		{name: "its first entry at the checkpoint", within: runs.Span{From: 30 * second, To: math.MaxInt64}, since: 10*second + 1, want: runs.Cut},
		{name: "after the checkpoint", within: runs.Span{From: 30 * second, To: math.MaxInt64}, since: 10 * second, want: runs.Added, opening: -10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := posted(t, tt.within)
			to.since = tt.since
			use, err := to.Add(posted(t, runs.Span{To: math.MaxInt64}, 10, 20).Digest())
			if use != tt.want || err != nil {
				t.Fatalf("use %d, %v, want %d", use, err, tt.want)
			}
			lines, err := to.all.statementLines()
			if err != nil {
				t.Fatal(err)
			}
			var got Line
			for _, got = range lines {
			}
			if got.Opening != tt.opening || got.Consumed != tt.consumed {
				t.Errorf("%+v", got)
			}
		})
	}
}

// What is no digest is never taken for one, and adds nothing.
func TestDamagedDigestsAreStale(t *testing.T) {
	all := runs.Span{To: math.MaxInt64}
	body := posted(t, all, 10, 20).Digest()
	bad := [][]byte{append(bytes.Clone(body), 0), append([]byte{digestForm + 1}, body[1:]...)}
	for n := range body {
		bad = append(bad, body[:n])
	}
	for _, b := range bad {
		to := posted(t, all)
		if use, err := to.Add(b); use != runs.Stale || err != nil || len(to.all.accounts)+len(to.all.money) > 0 {
			t.Errorf("%x: use %d, %v, %v", b, use, err, to.all)
		}
	}
	to := posted(t, all)
	if use, err := to.Add(body); use != runs.Added || err != nil || len(to.all.accounts) != 1 || len(to.all.money) != 1 {
		t.Errorf("the control: use %d, %v, %v", use, err, to.all)
	}
}

// A sum that does not fit makes no digest, and the next one is whole again.
func TestA1SumsThatDoNotFitMakeNoDigest(t *testing.T) {
	to := posted(t, runs.Span{To: math.MaxInt64}, 10)
	huge := credits.Entry{At: time.Unix(11, 0), Lines: []credits.Line{{From: credits.Debt, To: credits.Consumed, Amount: credits.AmountMax}}}
	for range 2 {
		if err := to.Count(&huge, true); err != nil {
			t.Fatal(err)
		}
	}
	if body := to.Digest(); body != nil {
		t.Errorf("%x", body)
	}
	if err := to.Count(&huge, true); err != nil || to.Digest() == nil {
		t.Errorf("the next: %v", err)
	}
}
