package usage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/usage"
)

// told returns rows as text, one a line: the groups, then the amount, the spends and the quantity.
func told(rows []usage.Row) string {
	var b strings.Builder
	for _, r := range rows {
		if !r.Start.IsZero() {
			b.WriteString(r.Start.Format("2006-01-02 15:04") + " ")
		}
		for _, d := range slices.Sorted(maps.Keys(r.Group)) {
			fmt.Fprintf(&b, "%s=%q ", d, r.Group[d])
		}
		fmt.Fprintf(&b, "%v in %d of %d", r.Amount, r.Spends, r.Quantity)
		for _, m := range r.Recognised {
			fmt.Fprintf(&b, " for %v", m)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// step is a command that somebody asks for, after some time.
type step struct {
	after time.Duration
	actor string
	cmd   credits.Command
}

var opened = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

// plan grants 100 credits and 50 conversations a month, of which 30 may be owed.
func plan() credits.Plan {
	return credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1), Price: credits.Money{Micros: 10_000_000, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}, {Unit: "conversation", Amount: 50 * credits.Credit}},
		Features: map[string]credits.Rate{
			"image": {Credits: 2 * credits.Credit}, "look": {Free: true},
			"optimise": {Credits: credits.Credit, Per: 50, Factors: []string{"products"}},
			"talk":     {Unit: "conversation", Credits: credits.Credit},
		},
		Packs:      []credits.Pack{{ID: "extra", Size: 50 * credits.Credit, Life: credits.Forever}},
		Overdrafts: []credits.Overdraft{{Limit: credits.AtMost(30 * credits.Credit)}},
	}
}

// live opens a wallet under a plan on 10 January 2026, 12:00 UTC, and does steps.
func live(t *testing.T, p credits.Plan, steps []step) (*credits.Ledger, func(time.Duration)) {
	t.Helper()
	ledger, mock := open(t, opened.Format(time.RFC3339), "")
	ctx := context.Background()
	if _, err := ledger.Do(ctx, "bob", "open", credits.Open{Plan: p}); err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		mock.Add(s.after)
		key := credits.Key(fmt.Sprint("step-", i))
		if _, err := ledger.As(credits.Actor{ID: s.actor}).Do(ctx, "bob", key, s.cmd); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	return ledger, func(d time.Duration) { mock.Add(d) }
}

func labels(kv ...string) credits.Note {
	n := credits.Note{Labels: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		n.Labels[kv[i]] = kv[i+1]
	}
	return n
}

const day = 24 * time.Hour

func TestUsage(t *testing.T) {
	spend := func(amount credits.Amount, n credits.Note) credits.Command {
		return credits.Spend{Amount: amount * credits.Credit, Note: n}
	}
	image := func(n int64) credits.Command { return credits.Spend{Feature: "image", Quantity: n} }
	// The first entries of bob: 1 opened, 2 allowance, 3 conversations; steps follow from 4 on.
	tests := []struct {
		name  string
		steps []step
		query usage.Query
		want  string
	}{
		{
			name:  "GN-07/nothing used is no row",
			steps: []step{{cmd: credits.Grant{Amount: 1}}},
			want:  "",
		},
		{
			name: "FD-08/by feature in the current cycle, free ones included, what has none in a group of its own",
			steps: []step{
				{cmd: image(2)},
				{cmd: credits.Spend{Feature: "optimise", Quantity: 3, Factors: map[string]int64{"products": 100}}},
				{cmd: spend(7, credits.Note{})},
				{cmd: credits.Spend{Feature: "look", Quantity: 9}},
				{cmd: image(1)},
			},
			query: usage.Query{By: []usage.Dimension{usage.Feature}},
			want: `7 in 1 of 0 for 0.70 USD
feature="image" 6 in 2 of 3 for 0.60 USD
feature="look" 0 in 1 of 9
feature="optimise" 6 in 1 of 300 for 0.60 USD
`,
		},
		{
			name:  "FD-08/the current cycle alone, which is half-open (T-1)",
			steps: []step{{cmd: image(1)}, {after: 31*day - 1000, cmd: image(2)}, {after: 1000, cmd: image(3)}, {after: day, cmd: image(4)}},
			want:  "14 in 2 of 7 for 1.40 USD\n",
		},
		{
			name: "FD-08/after a plan has ended, all since its last cycle began",
			steps: []step{
				{cmd: image(1)}, {after: 31 * day, cmd: image(2)}, {cmd: credits.Cancel{}}, {after: 31 * day, cmd: credits.Reverse{Spend: 10, Amount: credits.Credit}},
			},
			want: "3 in 1 of 2 for 0.30 USD\n",
		},
		{
			name:  "GN-07/a period is half-open (T-1)",
			steps: []step{{cmd: image(1)}, {after: day, cmd: image(2)}, {after: day - 1000, cmd: image(3)}, {after: 1000, cmd: image(4)}},
			query: usage.Query{Within: credits.Period{Start: opened.Add(day), End: opened.Add(2 * day)}},
			want:  "10 in 2 of 5 for 1.00 USD\n",
		},
		{
			name:  "GN-07/a period without a start, and one without an end",
			steps: []step{{cmd: image(1)}, {after: day, cmd: image(2)}},
			query: usage.Query{Within: credits.Period{End: opened.Add(day)}},
			want:  "2 in 1 of 1 for 0.20 USD\n",
		},
		{
			name:  "GN-07/S-7/by user: a reversal is the spender's, whoever asked for it",
			steps: []step{{actor: "ann", cmd: image(5)}, {actor: "bob", cmd: image(1)}, {actor: "op", cmd: credits.Reverse{Spend: 4, Amount: 4 * credits.Credit}}, {cmd: image(1)}},
			query: usage.Query{By: []usage.Dimension{usage.Actor}},
			want: `2 in 1 of 1 for 0.20 USD
actor="ann" 6 in 1 of 5 for 0.60 USD
actor="bob" 2 in 1 of 1 for 0.20 USD
`,
		},
		{
			name: "GN-07/S-6/by user: a capture is of who made the hold, and so is its reversal",
			steps: []step{
				{actor: "ann", cmd: credits.Reserve{Feature: "image", Quantity: 5, Until: opened.Add(day)}},
				{actor: "worker", cmd: credits.Capture{Hold: 4, All: true}},
				{actor: "op", cmd: credits.Reverse{Spend: 5, Amount: credits.Credit}},
				{cmd: credits.Reserve{Amount: credits.Credit, Until: opened.Add(day)}},
				{actor: "cy", cmd: credits.Capture{Hold: 7, All: true}},
				{actor: "ann", cmd: credits.Reserve{Amount: credits.Credit, Until: opened.Add(day)}},
				{actor: "ann", cmd: credits.Release{Hold: 9}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Actor}},
			want: `actor="ann" 9 in 1 of 5 for 0.90 USD
actor="cy" 1 in 1 of 0 for 0.10 USD
`,
		},
		{
			name: "GN-07/by user: the hold was made before the period",
			steps: []step{
				{actor: "ann", cmd: credits.Reserve{Amount: 5 * credits.Credit, Until: opened.Add(3 * day)}},
				{after: 2 * day, actor: "worker", cmd: credits.Capture{Hold: 4, All: true}},
			},
			query: usage.Query{Within: credits.Period{Start: opened.Add(day)}, By: []usage.Dimension{usage.Actor}},
			want:  "actor=\"ann\" 5 in 1 of 0 for 0.50 USD\n",
		},
		{
			name: "GN-07/S-7/a reversal counts when it is booked, under the spend's labels",
			steps: []step{
				{actor: "ann", cmd: spend(8, labels("team", "a"))},
				{after: day, actor: "bob", cmd: credits.Reverse{Spend: 4, All: true, Note: credits.Note{Reason: "bad"}}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Label("team"), usage.Actor, usage.Day}},
			want: `2026-01-10 00:00 actor="ann" label:team="a" 8 in 1 of 0 for 0.80 USD
2026-01-11 00:00 actor="ann" label:team="a" -8 in 0 of 0 for -0.80 USD
`,
		},
		{
			name:  "GN-07/no label, an empty label, and a text are three groups",
			steps: []step{{cmd: spend(1, labels("team", "a"))}, {cmd: spend(2, labels("team", ""))}, {cmd: spend(4, labels("campaign", "x"))}, {cmd: spend(8, credits.Note{})}},
			query: usage.Query{By: []usage.Dimension{usage.Label("team")}},
			want: `12 in 2 of 0 for 1.20 USD
label:team="" 2 in 1 of 0 for 0.20 USD
label:team="a" 1 in 1 of 0 for 0.10 USD
`,
		},
		{
			name: "GN-07/a label may have the name of another dimension",
			steps: []step{
				{actor: "ann", cmd: spend(1, labels("actor", "x", "day", "y"))},
			},
			query: usage.Query{By: []usage.Dimension{usage.Label("actor"), usage.Actor, usage.Label("day"), usage.Day}},
			want:  "2026-01-10 00:00 actor=\"ann\" label:actor=\"x\" label:day=\"y\" 1 in 1 of 0 for 0.10 USD\n",
		},
		{
			name: "GN-08/a second meter by identity and campaign",
			steps: []step{
				{cmd: credits.Spend{Feature: "talk", Quantity: 2, Scope: "id-1", Note: labels("campaign", "spring")}},
				{cmd: credits.Spend{Feature: "talk", Quantity: 1, Scope: "id-2", Note: labels("campaign", "spring")}},
				{cmd: credits.Spend{Feature: "talk", Quantity: 4, Scope: "id-1"}},
				{cmd: image(1)},
			},
			query: usage.Query{Unit: "conversation", By: []usage.Dimension{usage.Scope, usage.Label("campaign")}},
			want: `scope="id-1" 4 in 1 of 4
label:campaign="spring" scope="id-1" 2 in 1 of 2
label:campaign="spring" scope="id-2" 1 in 1 of 1
`,
		},
		{
			name:  "GN-08/all units",
			steps: []step{{cmd: credits.Spend{Feature: "talk", Quantity: 2}}, {cmd: image(1)}},
			query: usage.Query{By: []usage.Dimension{usage.Unit}},
			want: `unit="" 2 in 1 of 1 for 0.20 USD
unit="conversation" 2 in 1 of 2
`,
		},
		{
			name:  "MK-06/by source: a spend that drew on two counts once, with the first",
			steps: []step{{cmd: credits.Buy{Pack: "extra", Amount: 50 * credits.Credit}}, {cmd: image(60)}},
			query: usage.Query{By: []usage.Dimension{usage.Source}},
			want: `source="allowance" 100 in 1 of 60 for 10.00 USD
source="purchase" 20 in 0 of 0 for 2.00 USD
`,
		},
		{
			name:  "S-8/what is owed is used when it is spent",
			steps: []step{{cmd: spend(130, labels("team", "a"))}},
			query: usage.Query{By: []usage.Dimension{usage.Source}},
			want: `source="allowance" 100 in 1 of 0 for 10.00 USD
source="debt" 30 in 0 of 0
`,
		},
		{
			name: "S-8/paying it is no further usage: it moves from debt to what paid, and earns",
			steps: []step{
				{actor: "ann", cmd: spend(130, labels("team", "a"))},
				{after: day, actor: "op", cmd: credits.Grant{Amount: 20 * credits.Credit, Paid: credits.Money{Micros: 40_000, Currency: "EUR"}}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Day, usage.Source, usage.Actor, usage.Label("team")}},
			want: `2026-01-10 00:00 actor="ann" label:team="a" source="allowance" 100 in 1 of 0 for 10.00 USD
2026-01-10 00:00 actor="ann" label:team="a" source="debt" 30 in 0 of 0
2026-01-11 00:00 actor="ann" label:team="a" source="debt" -20 in 0 of 0
2026-01-11 00:00 actor="ann" label:team="a" source="grant" 20 in 0 of 0 for 0.04 EUR
`,
		},
		{
			name: "S-8/where sources do not matter, paying it is no row, or one that earns",
			steps: []step{
				{cmd: spend(130, credits.Note{})},
				{after: day, cmd: credits.Grant{Amount: 10 * credits.Credit}},
				{after: day, cmd: credits.Grant{Amount: 10 * credits.Credit, Paid: credits.Money{Micros: 40_000, Currency: "EUR"}}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Day}},
			want: `2026-01-10 00:00 130 in 1 of 0 for 10.00 USD
2026-01-12 00:00 0 in 0 of 0 for 0.04 EUR
`,
		},
		{
			name:  "S-8/T-6/what fell due and nobody has written counts",
			steps: []step{{cmd: spend(130, credits.Note{})}, {after: 35 * day, cmd: credits.SetAutoPurchase{}}},
			query: usage.Query{Within: credits.Period{Start: opened}, By: []usage.Dimension{usage.Month, usage.Source}},
			want: `2026-01-01 00:00 source="allowance" 100 in 1 of 0 for 10.00 USD
2026-01-01 00:00 source="debt" 30 in 0 of 0
2026-02-01 00:00 source="allowance" 30 in 0 of 0 for 3.00 USD
2026-02-01 00:00 source="debt" -30 in 0 of 0
`,
		},
		{
			name: "S-12/by when it occurred, where the host said so",
			steps: []step{
				{after: 5 * day, cmd: credits.Spend{Amount: 4 * credits.Credit, Occurred: opened.Add(day)}},
				{after: day, cmd: spend(1, credits.Note{})},
				{after: day, cmd: credits.Reverse{Spend: 4, Amount: credits.Credit}},
				{after: day, cmd: credits.Spend{Amount: 16 * credits.Credit, Occurred: opened.Add(2 * day)}},
			},
			query: usage.Query{Occurred: true, Within: credits.Period{Start: opened, End: opened.Add(7 * day)}, By: []usage.Dimension{usage.Day}},
			want: `2026-01-11 00:00 3 in 1 of 0 for 0.30 USD
2026-01-12 00:00 16 in 1 of 0 for 1.60 USD
2026-01-16 00:00 1 in 1 of 0 for 0.10 USD
`,
		},
		{
			name: "S-12/T-1/what occurred at the end of a period is not in it",
			steps: []step{
				{after: 5 * day, cmd: credits.Spend{Amount: credits.Credit, Occurred: opened}},
				{cmd: credits.Spend{Amount: 2 * credits.Credit, Occurred: opened.Add(day - 1000)}},
				{cmd: credits.Spend{Amount: 4 * credits.Credit, Occurred: opened.Add(day)}},
			},
			query: usage.Query{Occurred: true, Within: credits.Period{Start: opened, End: opened.Add(day)}},
			want:  "3 in 2 of 0 for 0.30 USD\n",
		},
		{
			name: "S-12/and not unless it is asked for",
			steps: []step{
				{after: 5 * day, cmd: credits.Spend{Amount: 4 * credits.Credit, Occurred: opened.Add(day)}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Day}},
			want:  "2026-01-15 00:00 4 in 1 of 0 for 0.40 USD\n",
		},
		{
			name: "L-4/what is erased has no user and no label, and adds up as before",
			steps: []step{
				{actor: "ann", cmd: spend(8, labels("team", "a"))},
				{actor: "ann", cmd: credits.Reverse{Spend: 4, Amount: credits.Credit}},
				{actor: "ann", cmd: spend(2, labels("team", "a"))},
				{cmd: credits.Erase{Entries: []credits.ID{4}}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Actor, usage.Label("team")}},
			want: `7 in 1 of 0 for 0.70 USD
actor="ann" label:team="a" 2 in 1 of 0 for 0.20 USD
`,
		},
		{
			name: "S-6/a capture for nothing counts as one that cost nothing",
			steps: []step{
				{cmd: credits.Reserve{Feature: "image", Quantity: 5, Until: opened.Add(day)}}, {cmd: credits.Capture{Hold: 4, Free: true}},
			},
			query: usage.Query{By: []usage.Dimension{usage.Feature, usage.Source}},
			want:  "feature=\"image\" 0 in 1 of 0\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ledger, _ := live(t, plan(), tt.steps)
			rows, err := usage.Of(context.Background(), ledger, "bob", tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, told(rows)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What fell due is not written here, and is in usage all the same.
func TestT6DueAndNotWritten(t *testing.T) {
	ledger, later := live(t, plan(), []step{{cmd: credits.Spend{Amount: 130 * credits.Credit}}})
	later(100 * day)
	query := usage.Query{Within: credits.Period{Start: opened}, By: []usage.Dimension{usage.Source}}
	rows, err := usage.Of(context.Background(), ledger, "bob", query)
	if err != nil {
		t.Fatal(err)
	}
	want := "source=\"allowance\" 130 in 1 of 0 for 13.00 USD\n"
	if diff := cmp.Diff(want, told(rows)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQueriesThatMakeNoSense(t *testing.T) {
	ledger, _ := live(t, plan(), nil)
	many := make([]usage.Dimension, 17)
	for i := range many {
		many[i] = usage.Label(fmt.Sprint(i))
	}
	tests := []struct {
		name   string
		wallet credits.WalletID
		query  usage.Query
		want   error
		text   string
	}{
		{name: "16 dimensions", query: usage.Query{By: many[:16]}},
		{name: "an empty period", query: usage.Query{Within: credits.Period{Start: opened, End: opened}}},
		{name: "17 dimensions", query: usage.Query{By: many}, want: credits.ErrLimit, text: "credits: by: has more than 16 dimensions"},
		{name: "twice", query: usage.Query{By: []usage.Dimension{usage.Actor, usage.Actor}}, want: credits.ErrInvalid, text: `credits: by: has "actor" twice`},
		{name: "unknown", query: usage.Query{By: []usage.Dimension{"colour"}}, want: credits.ErrInvalid, text: `credits: by: has "colour", which is no dimension`},
		{name: "a label without a name", query: usage.Query{By: []usage.Dimension{usage.Label("")}}, want: credits.ErrInvalid, text: `credits: by: has "label:", which is no dimension`},
		{name: "two times", query: usage.Query{By: []usage.Dimension{usage.Day, usage.Week}}, want: credits.ErrInvalid, text: "credits: by: has more than one of hour, day, week and month"},
		{name: "one unit and all", query: usage.Query{Unit: "GB", By: []usage.Dimension{usage.Unit}}, want: credits.ErrInvalid, text: "credits: unit: is one, and by groups by all"},
		{name: "backwards", query: usage.Query{Within: credits.Period{Start: opened, End: opened.Add(-1)}}, want: credits.ErrInvalid, text: "credits: within: ends before it begins"},
		{name: "no wallet", wallet: "cy", want: credits.ErrNotFound, text: `credits: wallet: "cy" is not open`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := tt.wallet
			if id == "" {
				id = "bob"
			}
			rows, err := usage.Of(context.Background(), ledger, id, tt.query)
			if !errors.Is(err, tt.want) || err != nil && (err.Error() != tt.text || rows != nil) {
				t.Errorf("got %v and %v, want %s", rows, err, tt.text)
			}
		})
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := usage.Of(ended, ledger, "bob", usage.Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended: %v", err)
	}
}
