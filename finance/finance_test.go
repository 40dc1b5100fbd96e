package finance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/finance"
	"example.com/credits/store/memory"
)

var start = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// plan grants 30 credits a month for 10 dollars, of which 15 may be owed.
func plan() credits.Plan {
	return credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1), Price: credits.Money{Micros: 10_000_000, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 30 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 3 * credits.Credit, Price: credits.Money{Micros: 10_000_000, Currency: "USD"}, Life: credits.Forever}},
		Auto:       credits.AutoPurchase{Pack: "extra", Size: 3 * credits.Credit, Surcharge: 30 * credits.Percent},
		Overdrafts: []credits.Overdraft{{Limit: credits.AtMost(15 * credits.Credit)}},
	}
}

// step is a command, after some time.
type step struct {
	after time.Duration
	cmd   credits.Command
}

// paying pays whatever is charged.
type paying struct{}

func (paying) Charge(context.Context, credits.Charge) (credits.Payment, error) {
	return credits.Payment{State: credits.Paid, Ref: "ch_1"}, nil
}

// live opens "acme" on 10 January 2026, 12:00 UTC, and does steps. Its entries are numbered from 3 on.
func live(t *testing.T, p credits.Plan, charger credits.Charger, steps []step) (*credits.Ledger, *clock.Mock) {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(start)
	l := credits.New(new(memory.Store), &credits.Options{Clock: mock, Salt: [32]byte{1}, Charger: charger})
	for i, s := range append([]step{{cmd: credits.Open{Plan: p}}}, steps...) {
		mock.Add(s.after)
		system := l.As(credits.Actor{ID: "job", Role: credits.System})
		if _, err := system.Do(ctx, "acme", credits.Key(fmt.Sprint("step-", i)), s.cmd); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	return l, mock
}

// told returns a statement in text, without what is 0.
func told(s finance.Statement) string {
	var b strings.Builder
	part := func(name string, n int64, v any) {
		if n != 0 {
			fmt.Fprintf(&b, " %s %v", name, v)
		}
	}
	for _, ln := range s.Lines {
		fmt.Fprintf(&b, "%s%s:", ln.Unit, ln.Source)
		for _, c := range []struct {
			name string
			a    credits.Amount
		}{
			{"opening", ln.Opening},
			{"issued", ln.Issued},
			{"moved", ln.Moved},
			{"consumed", ln.Consumed},
			{"expired", ln.Expired},
			{"revoked", ln.Revoked},
			{"refunded", ln.Refunded},
			{"held", ln.Held},
			{"closing", ln.Closing},
		} {
			part(c.name, int64(c.a), c.a)
		}
		b.WriteString("\n")
	}
	for _, r := range s.Revenue {
		fmt.Fprintf(&b, "%s:", r.Paid.Currency)
		for _, c := range []struct {
			name string
			m    credits.Money
		}{
			{"opening", r.Opening},
			{"paid", r.Paid},
			{"moved", r.Moved},
			{"recognised", r.Recognised},
			{"breakage", r.Breakage},
			{"revoked", r.Revoked},
			{"refunded", r.Refunded},
			{"deferred", r.Deferred},
			{"charged", r.Charged},
			{"surcharge", r.Surcharge},
			{"settled", r.Settled},
		} {
			part(c.name, c.m.Micros, c.m.Decimal())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestStatement(t *testing.T) {
	spend := func(n credits.Amount) credits.Command { return credits.Spend{Amount: n * credits.Credit} }
	bought := credits.Buy{Pack: "extra", Amount: 3 * credits.Credit}
	tests := []struct {
		name    string
		charger credits.Charger
		steps   []step
		until   time.Duration // the clock, from the start
		period  credits.Period
		want    string
	}{
		{
			name:  "the current cycle, so far",
			steps: []step{{cmd: spend(12)}},
			want: `allowance: issued 30 consumed 12 closing 18
USD: paid 10 recognised 4 deferred 6 charged 10
`,
		},
		{
			name:  "T-6/what fell due and is not written, and nothing of the future",
			steps: []step{{cmd: spend(12)}}, until: 40 * day,
			period: credits.Period{Start: start, End: start.AddDate(1, 0, 0)},
			want: `allowance: issued 60 consumed 12 expired 18 closing 30
USD: paid 20 recognised 4 breakage 6 deferred 10 charged 20
`,
		},
		{
			name:  "T-1/a period is half-open: what happens at its end is in the next",
			steps: []step{{cmd: spend(12)}}, until: 40 * day,
			period: credits.Period{Start: start, End: start.AddDate(0, 1, 0)},
			want: `allowance: issued 30 consumed 12 closing 18
USD: paid 10 recognised 4 deferred 6 charged 10
`,
		},
		{
			name:  "T-1/the next period opens with that",
			steps: []step{{cmd: spend(12)}}, until: 40 * day,
			period: credits.Period{Start: start.AddDate(0, 1, 0), End: start.AddDate(0, 1, 1)},
			want: `allowance: opening 18 issued 30 expired 18 closing 30
USD: opening 6 paid 10 breakage 6 deferred 10 charged 10
`,
		},
		{
			name:   "before the wallet was opened there is nothing",
			period: credits.Period{Start: start.AddDate(-1, 0, 0), End: start},
		},
		{
			name:  "A-4/10.00 for 3: 3.333333, 3.333333",
			steps: []step{{cmd: spend(30)}, {after: time.Hour, cmd: bought}, {cmd: spend(2)}},
			want: `allowance: issued 30 consumed 30
purchase: issued 3 consumed 2 closing 1
USD: paid 20 recognised 16.666666 deferred 3.333334 charged 20
`,
		},
		{
			name:   "A-4/and 3.333334",
			steps:  []step{{cmd: spend(30)}, {cmd: bought}, {cmd: spend(2)}, {after: day, cmd: spend(1)}},
			period: credits.Period{Start: start.Add(day)},
			want: `purchase: opening 1 consumed 1
USD: opening 3.333334 recognised 3.333334
`,
		},
		{
			name:   "A-4/a refund pays the deferred share, rounded down to the minor unit",
			steps:  []step{{cmd: spend(30)}, {cmd: bought}, {cmd: spend(2)}, {after: day, cmd: credits.Refund{Purchase: 4}}},
			period: credits.Period{Start: start.Add(day)},
			want: `purchase: opening 1 refunded 1
USD: opening 3.333334 breakage 0.003334 refunded 3.33 charged -3.33
`,
		},
		{
			name:  "MK-14/what is bought automatically, with its surcharge",
			steps: []step{{cmd: credits.SetAutoPurchase{On: true}}, {after: day, cmd: spend(30)}},
			want: `allowance: issued 30 consumed 30
auto-purchase: issued 3 closing 3
USD: paid 23 recognised 10 deferred 13 charged 23 surcharge 3
`,
		},
		{
			name:    "P-1/what a charger was paid is settled, and the plan is the host's to bill",
			charger: paying{},
			steps:   []step{{cmd: bought}},
			want: `allowance: issued 30 closing 30
purchase: issued 3 closing 3
USD: paid 20 deferred 20 charged 20 settled 10
`,
		},
		{
			name: "S-6/held, captured and given back",
			steps: []step{
				{cmd: credits.Reserve{Amount: 10 * credits.Credit, Until: start.Add(5 * day)}},
				{cmd: credits.Reserve{Amount: 5 * credits.Credit, Until: start.Add(5 * day)}},
				{cmd: credits.Capture{Hold: 3, Amount: 6 * credits.Credit}},
			},
			want: `allowance: issued 30 consumed 6 held 5 closing 19
USD: paid 10 recognised 2 deferred 8 charged 10
`,
		},
		{
			name: "S-6/what was held before and is released",
			steps: []step{
				{cmd: credits.Reserve{Amount: 10 * credits.Credit, Until: start.Add(5 * day)}}, {after: day, cmd: credits.Release{Hold: 3}},
			},
			period: credits.Period{Start: start.Add(day)},
			want: `allowance: opening 20 held -10 closing 30
USD: opening 10 deferred 10
`,
		},
		{
			name:   "S-7/a reversal of a spend of before",
			steps:  []step{{cmd: spend(12)}, {after: day, cmd: credits.Reverse{Spend: 3, Amount: 3 * credits.Credit}}},
			period: credits.Period{Start: start.Add(day)},
			want: `allowance: opening 18 consumed -3 closing 21
USD: opening 6 recognised -1 deferred 7
`,
		},
		{
			name:  "S-8/debt is consumed when it is spent, and less than nothing is left",
			steps: []step{{cmd: spend(40)}},
			want: `allowance: issued 30 consumed 30
debt: consumed 10 closing -10
USD: paid 10 recognised 10 charged 10
`,
		},
		{
			name:   "S-8/and moves to what pays it",
			steps:  []step{{cmd: spend(40)}, {after: day, cmd: credits.Grant{Amount: 4 * credits.Credit}}},
			period: credits.Period{Start: start.Add(day)},
			want: `grant: issued 4 consumed 4
debt: opening -10 consumed -4 closing -6
`,
		},
		{
			name:   "L-2/a lot that has not started is paid for and not issued",
			steps:  []step{{after: day, cmd: credits.Grant{Amount: credits.Credit, Starts: start.Add(3 * day), Paid: credits.Money{Micros: 5, Currency: "EUR"}}}},
			period: credits.Period{Start: start.Add(day)},
			want: `allowance: opening 30 closing 30
EUR: paid 0.000005 deferred 0.000005
USD: opening 10 deferred 10
`,
		},
		{
			name:   "A-4/what is revoked is kept",
			steps:  []step{{after: day, cmd: credits.Revoke{All: true}}},
			period: credits.Period{Start: start.Add(day)},
			want: `allowance: opening 30 revoked 30
USD: opening 10 revoked 10
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, mock := live(t, plan(), tt.charger, tt.steps)
			if tt.until != 0 {
				mock.Set(start.Add(tt.until))
			}
			s, err := finance.Of(ctx, l, "acme", tt.period)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, told(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkSums(t, s)
		})
	}
}

// What rolls over and what goes to another wallet moves with its money.
func TestMoves(t *testing.T) {
	p := plan()
	p.Allowances[0].Rollover = credits.Rollover{Share: 50 * credits.Percent}
	l, mock := live(t, p, nil, []step{{cmd: credits.Spend{Amount: 10 * credits.Credit}}, {cmd: credits.Buy{Pack: "extra", Amount: 6 * credits.Credit}}})
	if _, err := l.Do(ctx, "bob", "open", credits.Open{Plan: p}); err != nil {
		t.Fatal(err)
	}
	mock.Set(start.AddDate(0, 1, 1))
	give := credits.Transfer{From: "acme", To: "bob", Amount: 12 * credits.Credit}
	if _, _, err := l.Transfer(ctx, "gift", give); !errors.Is(err, credits.Insufficient) {
		t.Fatalf("allowances do not move: %v", err)
	}
	give.Amount = 3 * credits.Credit
	if _, _, err := l.Transfer(ctx, "gift", give); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		id   credits.WalletID
		want string
	}{
		{
			name: "S-11/the sender, of whose 20 unused 10 roll over", id: "acme", want: `rollover: moved 10 closing 10
allowance: opening 20 issued 30 moved -10 expired 10 closing 30
purchase: opening 6 moved -3 closing 3
USD: opening 26.666667 paid 10 moved -10 breakage 3.333334 deferred 23.333333 charged 10
`,
		},
		{
			name: "S-11/the receiver", id: "bob", want: `rollover: moved 15 closing 15
allowance: opening 30 issued 30 moved -15 expired 15 closing 30
purchase: moved 3 closing 3
USD: opening 10 paid 10 moved 10 breakage 5 deferred 25 charged 10
`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := finance.Of(ctx, l, tt.id, credits.Period{Start: start.Add(day)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, told(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The zero period is the current cycle, and after a plan has ended all since its last one began.
func TestPeriodOfTheCycle(t *testing.T) {
	l, mock := live(t, plan(), nil, []step{{cmd: credits.Cancel{}}})
	cycle := credits.Period{Start: start, End: start.AddDate(0, 1, 0)}
	for _, want := range []credits.Period{cycle, {Start: start}} {
		s, err := finance.Of(ctx, l, "acme", credits.Period{})
		if err != nil || s.Period != want || s.Wallet != "acme" {
			t.Errorf("at %v: %q %v, %v, want %v", mock.Now(), s.Wallet, s.Period, err, want)
		}
		mock.Set(cycle.End)
	}
}

func TestErrors(t *testing.T) {
	l, _ := live(t, plan(), nil, nil)
	if _, err := finance.Of(ctx, l, "bob", credits.Period{}); !errors.Is(err, credits.ErrNotFound) {
		t.Errorf("a wallet that is not open: %v", err)
	}
	_, err := finance.Of(ctx, l, "acme", credits.Period{Start: start, End: start.Add(-1)})
	if !errors.Is(err, credits.ErrInvalid) || err.Error() != "credits: period: ends before it begins" {
		t.Errorf("a period that ends before it begins: %v", err)
	}
	if s, err := finance.Of(ctx, l, "acme", credits.Period{Start: start, End: start}); err != nil || len(s.Lines) > 0 {
		t.Errorf("an empty period before all: %v, %v", s, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := finance.Of(ended, l, "acme", credits.Period{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended: %v", err)
	}
}

// A wallet may be issued more over time than an amount can say: a statement of
// all of that is refused, and one of a part is not.
func TestA1SumsAtTheBound(t *testing.T) {
	p := plan()
	p.Allowances, p.Price, p.Auto, p.Packs = nil, credits.Money{}, credits.AutoPurchase{}, nil
	l, _ := live(t, p, nil, []step{
		{cmd: credits.Grant{Amount: credits.AmountMax - 1}}, {cmd: credits.Revoke{All: true}}, {after: day, cmd: credits.Grant{Amount: 1}},
	})
	s, err := finance.Of(ctx, l, "acme", credits.Period{})
	if err != nil || s.Lines[0].Issued != credits.AmountMax {
		t.Errorf("at the bound: %v, %v", s, err)
	}
	if _, err := l.Do(ctx, "acme", "more", credits.Grant{Amount: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := finance.Of(ctx, l, "acme", credits.Period{}); !errors.Is(err, credits.ErrLimit) {
		t.Errorf("one beyond: %v", err)
	}
	s, err = finance.Of(ctx, l, "acme", credits.Period{Start: start.Add(day)})
	if want := "grant: issued 0.000002 closing 0.000002\n"; err != nil || told(s) != want {
		t.Errorf("a part: %q, %v, want %q", told(s), err, want)
	}
}
