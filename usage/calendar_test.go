package usage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
	"example.com/credits/usage"
)

// open returns a ledger on a clock that stands at an instant, with "acme" open in a zone.
func open(t *testing.T, at, zone string) (*credits.Ledger, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(instant(t, at))
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: mock, Salt: [32]byte{1}})
	do(t, ledger, "open", credits.Open{Zone: zone, Plan: credits.Plan{
		ID: "pro", Version: 1, Every: credits.Years(1), Allowances: []credits.Allowance{{Amount: 1000 * credits.Credit}},
	}})
	return ledger, mock
}

func do(t *testing.T, l *credits.Ledger, key string, c credits.Command) credits.Receipt {
	t.Helper()
	r, err := l.Do(context.Background(), "acme", credits.Key(key), c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return r
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// The edges of hours, days, weeks and months: each spend is of 1 credit, and
// what follows = is what each span used.
func TestBucketEdges(t *testing.T) {
	tests := []struct {
		name   string
		zone   string
		by     usage.Dimension
		spends []string // in order
		want   []string
	}{
		{
			name: "GN-07/T-1/a day begins at its midnight and ends before the next", by: usage.Day,
			spends: []string{"2026-01-31T23:59:59.999999Z", "2026-02-01T00:00:00Z", "2026-02-01T23:59:59.999999Z", "2026-02-02T00:00:00Z"},
			want:   []string{"2026-01-31T00:00:00Z = 1", "2026-02-01T00:00:00Z = 2", "2026-02-02T00:00:00Z = 1"},
		},
		{
			name: "T-1/hours", by: usage.Hour,
			spends: []string{"2026-01-31T09:59:59.999999Z", "2026-01-31T10:00:00Z", "2026-01-31T10:59:59.999999Z", "2026-01-31T11:00:00Z"},
			want:   []string{"2026-01-31T09:00:00Z = 1", "2026-01-31T10:00:00Z = 2", "2026-01-31T11:00:00Z = 1"},
		},
		{
			name: "T-1/weeks begin on Monday, also over a year's end", by: usage.Week,
			spends: []string{"2026-12-27T23:59:59.999999Z", "2026-12-28T00:00:00Z", "2027-01-03T23:59:59.999999Z", "2027-01-04T00:00:00Z"},
			want:   []string{"2026-12-21T00:00:00Z = 1", "2026-12-28T00:00:00Z = 2", "2027-01-04T00:00:00Z = 1"},
		},
		{
			name: "T-1/months, and a leap day", by: usage.Month,
			spends: []string{"2028-01-31T23:59:59.999999Z", "2028-02-01T00:00:00Z", "2028-02-29T23:59:59.999999Z", "2028-03-01T00:00:00Z"},
			want:   []string{"2028-01-01T00:00:00Z = 1", "2028-02-01T00:00:00Z = 2", "2028-03-01T00:00:00Z = 1"},
		},
		{
			name: "T-3/the two hours of a fold are two", zone: "Europe/Berlin", by: usage.Hour,
			spends: []string{"2026-10-24T23:59:59.999999Z", "2026-10-25T00:00:00Z", "2026-10-25T00:59:59.999999Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
			want: []string{
				"2026-10-25T01:00:00+02:00 = 1", "2026-10-25T02:00:00+02:00 = 2", "2026-10-25T02:00:00+01:00 = 1", "2026-10-25T03:00:00+01:00 = 1",
			},
		},
		{
			name: "T-3/the day of a fold has 25 hours", zone: "Europe/Berlin", by: usage.Day,
			spends: []string{"2026-10-24T21:59:59.999999Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999999Z", "2026-10-25T23:00:00Z"},
			want:   []string{"2026-10-24T00:00:00+02:00 = 1", "2026-10-25T00:00:00+02:00 = 2", "2026-10-26T00:00:00+01:00 = 1"},
		},
		{
			name: "T-3/a gap leaves an hour out", zone: "Europe/Berlin", by: usage.Hour,
			spends: []string{"2026-03-29T00:59:59.999999Z", "2026-03-29T01:00:00Z"},
			want:   []string{"2026-03-29T01:00:00+01:00 = 1", "2026-03-29T03:00:00+02:00 = 1"},
		},
		{
			name: "T-3/the day of a gap has 23 hours", zone: "Europe/Berlin", by: usage.Day,
			spends: []string{"2026-03-28T22:59:59.999999Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999999Z", "2026-03-29T22:00:00Z"},
			want:   []string{"2026-03-28T00:00:00+01:00 = 1", "2026-03-29T00:00:00+01:00 = 2", "2026-03-30T00:00:00+02:00 = 1"},
		},
		{
			name: "T-3/a month with a gap", zone: "Europe/Berlin", by: usage.Month,
			spends: []string{"2026-02-28T22:59:59.999999Z", "2026-02-28T23:00:00Z", "2026-03-31T21:59:59.999999Z", "2026-03-31T22:00:00Z"},
			want:   []string{"2026-02-01T00:00:00+01:00 = 1", "2026-03-01T00:00:00+01:00 = 2", "2026-04-01T00:00:00+02:00 = 1"},
		},
		{
			name: "T-3/a day without a midnight begins after the gap", zone: "America/Sao_Paulo", by: usage.Day,
			spends: []string{"2017-10-15T02:59:59.999999Z", "2017-10-15T03:00:00Z", "2017-10-16T01:59:59.999999Z", "2017-10-16T02:00:00Z"},
			want:   []string{"2017-10-14T00:00:00-03:00 = 1", "2017-10-15T01:00:00-02:00 = 2", "2017-10-16T00:00:00-02:00 = 1"},
		},
		{
			name: "T-3/the hour after a midnight gap", zone: "America/Sao_Paulo", by: usage.Hour,
			spends: []string{"2017-10-15T02:59:59.999999Z", "2017-10-15T03:00:00Z", "2017-10-15T04:00:00Z"},
			want:   []string{"2017-10-14T23:00:00-03:00 = 1", "2017-10-15T01:00:00-02:00 = 1", "2017-10-15T02:00:00-02:00 = 1"},
		},
		{
			name: "T-3/the week that ends with a midnight gap", zone: "America/Sao_Paulo", by: usage.Week,
			spends: []string{"2017-10-09T02:59:59.999999Z", "2017-10-09T03:00:00Z", "2017-10-15T03:00:00Z", "2017-10-16T01:59:59.999999Z", "2017-10-16T02:00:00Z"},
			want:   []string{"2017-10-02T00:00:00-03:00 = 1", "2017-10-09T00:00:00-03:00 = 3", "2017-10-16T00:00:00-02:00 = 1"},
		},
		{
			name: "T-3/half hours off: a day", zone: "Asia/Kolkata", by: usage.Day,
			spends: []string{"2026-01-31T18:29:59.999999Z", "2026-01-31T18:30:00Z"},
			want:   []string{"2026-01-31T00:00:00+05:30 = 1", "2026-02-01T00:00:00+05:30 = 1"},
		},
		{
			name: "T-3/half hours off: an hour", zone: "Asia/Kolkata", by: usage.Hour,
			spends: []string{"2026-01-31T18:29:59.999999Z", "2026-01-31T18:30:00Z", "2026-01-31T19:29:59.999999Z", "2026-01-31T19:30:00Z"},
			want:   []string{"2026-01-31T23:00:00+05:30 = 1", "2026-02-01T00:00:00+05:30 = 2", "2026-02-01T01:00:00+05:30 = 1"},
		},
		{
			name: "T-3/a fold of half an hour", zone: "Australia/Lord_Howe", by: usage.Hour,
			spends: []string{"2026-04-04T14:00:00Z", "2026-04-04T14:59:59.999999Z", "2026-04-04T15:00:00Z", "2026-04-04T15:29:59.999999Z", "2026-04-04T15:30:00Z"},
			want:   []string{"2026-04-05T01:00:00+11:00 = 2", "2026-04-05T01:30:00+10:30 = 2", "2026-04-05T02:00:00+10:30 = 1"},
		},
		{
			name: "T-3/a date that a zone left out", zone: "Pacific/Apia", by: usage.Day,
			spends: []string{"2011-12-30T09:59:59.999999Z", "2011-12-30T10:00:00Z", "2011-12-31T09:59:59.999999Z", "2011-12-31T10:00:00Z"},
			want:   []string{"2011-12-29T00:00:00-10:00 = 1", "2011-12-31T00:00:00+14:00 = 2", "2012-01-01T00:00:00+14:00 = 1"},
		},
		{
			name: "T-3/an hour beside a date that was left out", zone: "Pacific/Apia", by: usage.Hour,
			spends: []string{"2011-12-30T09:59:59.999999Z", "2011-12-30T10:00:00Z"},
			want:   []string{"2011-12-29T23:00:00-10:00 = 1", "2011-12-31T00:00:00+14:00 = 1"},
		},
		{
			name: "T-3/a week of six days", zone: "Pacific/Apia", by: usage.Week,
			spends: []string{"2011-12-26T09:59:59.999999Z", "2011-12-26T10:00:00Z", "2011-12-30T10:00:00Z", "2012-01-01T09:59:59.999999Z", "2012-01-01T10:00:00Z"},
			want:   []string{"2011-12-19T00:00:00-10:00 = 1", "2011-12-26T00:00:00-10:00 = 3", "2012-01-02T00:00:00+14:00 = 1"},
		},
		{
			name: "T-3/clocks that go back over midnight do not end the new day", zone: "America/St_Johns", by: usage.Day,
			// At 00:01 on 1 November 2009 they went back to 23:01 on 31 October.
			spends: []string{"2009-11-01T02:29:59.999999Z", "2009-11-01T02:30:00Z", "2009-11-01T02:31:00Z", "2009-11-01T03:30:00Z", "2009-11-02T03:30:00Z"},
			want:   []string{"2009-10-31T00:00:00-02:30 = 1", "2009-11-01T00:00:00-02:30 = 3", "2009-11-02T00:00:00-03:30 = 1"},
		},
		{
			name: "T-3/nor the new month", zone: "America/St_Johns", by: usage.Month,
			spends: []string{"2009-11-01T02:29:59.999999Z", "2009-11-01T02:30:00Z", "2009-11-01T02:31:00Z", "2009-12-01T03:30:00Z"},
			want:   []string{"2009-10-01T00:00:00-02:30 = 1", "2009-11-01T00:00:00-02:30 = 2", "2009-12-01T00:00:00-03:30 = 1"},
		},
		{
			name: "the last hour of the calendar", by: usage.Month,
			spends: []string{"9999-12-31T23:00:00Z"},
			want:   []string{"9999-12-01T00:00:00Z = 1"},
		},
		{
			name: "a week that began before 1970", by: usage.Week,
			spends: []string{"1970-01-04T23:59:59.999999Z", "1970-01-05T00:00:00Z"},
			want:   []string{"1969-12-29T00:00:00Z = 1", "1970-01-05T00:00:00Z = 1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ledger, mock := open(t, tt.spends[0], tt.zone)
			for i, at := range tt.spends {
				mock.Set(instant(t, at))
				do(t, ledger, fmt.Sprint(i), credits.Spend{Amount: credits.Credit})
			}
			all := usage.Query{Within: credits.Period{Start: instant(t, tt.spends[0])}, By: []usage.Dimension{tt.by}}
			rows, err := usage.Of(context.Background(), ledger, "acme", all)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				got = append(got, r.Start.Format(time.RFC3339)+" = "+r.Amount.String())
			}
			if diff := cmp.Diff(strings.Join(tt.want, "\n"), strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
