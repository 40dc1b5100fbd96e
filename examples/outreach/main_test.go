package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/examples/internal/page"
	"example.com/credits/usage"
)

const golden = "testdata/golden.txt"

var update = flag.Bool("update", false, "write the golden file anew")

// told runs the program.
func told(t *testing.T) string {
	t.Helper()
	text, err := new(teller).tell()
	if err != nil {
		t.Fatalf("%v, after\n%s", err, text)
	}
	return text
}

func TestGolden(t *testing.T) {
	got := told(t)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the page (-want +got):\n%s", diff)
	}
	for i, line := range strings.Split(got, "\n") {
		if n := utf8.RuneCountInString(line); n > page.Width {
			t.Errorf("line %d is %d columns wide, more than %d: %s", i+1, n, page.Width, line)
		}
	}
}

// What the page has to show of each rule, whatever the golden file says: words and
// numbers in this order, however they are laid out.
func TestThePageShowsEachRule(t *testing.T) {
	text := strings.Join(strings.Fields(told(t)), " ")
	for _, tt := range []struct{ rule, want string }{
		{"GN-01/the plan", "| plan not available | | price 449.00 EUR for 1 month | | identities 5 | | plan credits 10,000 | | add-on credits 0 |"},
		{"GN-02/the balance and its bar", "| balance 14,931 = 10,000 plan + 0 add-on + 4,931 accumulated | | top-up in 1 day | | 14,931 / 10k [####################] 100 % |"},
		{"GN-03/the 1st, whatever day it was", "12 Jan 10:00 ann subscribes +10,000 10,000 449.00 EUR"},
		{"GN-03/at midnight", "1 Feb 00:00 a new cycle begins +10,000"},
		{"GN-04/not carried over", "1 Mar 00:00 unused credits of the plan expire -10,000 4,931"},
		{"GN-05/an exception", "1 Feb 00:00 4,931 carried over"},
		{"GN-06/filed, and filed again", "ann's first click filed request 60, and her second one found request 60."},
		{"GN-06/fulfilled", "eve approves the 2,000 +2,000 2,731 89.80 EUR"},
		{"GN-06/change plan", "| price 799.00 EUR for 1 month | | identities 6 | | plan credits 20,000 |"},
		{"GN-07/by time", "week of credits 12 January 1,500 19 January 1,700 26 January 1,600 ------- 4,800"},
		{"GN-07/by user", "user credits ann 2,200 bob 2,300 carol 300 ------- 4,800"},
		{"GN-07/by action", "ai-variable 500 company-scraping 600 contact-scraping 1,600 enrichment 1,800 workflow 300 ------- 4,800"},
		{"GN-08/one is used up, credits are not", "another from north refused: insufficient credits (has 0) 25 Mar 09:00 another from west acme has 731 credits, as before, and west has 499 conversations."},
		{"GN-08/by identity", "east 120 north 500 south 280 west 1 ------------- 901"},
		{"GN-08/by campaign", "(none) 31 fair 320 spring 550 ------------- 901"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if !strings.Contains(text, tt.want) {
				t.Errorf("the page does not show %q", tt.want)
			}
		})
	}
}

// world is a ledger whose account subscribed on 12 January, with five identities.
type world struct {
	*creditstest.World
	*testing.T
	plan, bigger credits.Plan
}

func newWorld(t *testing.T) world {
	t.Helper()
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	w := world{World: creditstest.New(t), T: t, plan: plans[0], bigger: plans[1]}
	w.Clock.Set(w.local("2026-01-12 10:00:00"))
	w.Must(acme, credits.Open{Plan: w.plan, Zone: zone})
	for _, identity := range identities {
		w.Must(acme, credits.SetUnits{AddOn: "identity", Scope: identity, Units: 1})
	}
	return w
}

// local returns an instant on Madrid's clocks.
func (w world) local(text string) time.Time {
	w.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		w.Fatal(err)
	}
	t, err := time.ParseInLocation(time.DateTime, text, loc)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

func (w world) at(text string) { w.Until(w.local(text)) }

func (w world) as(role string) {
	w.Ledger = w.As(credits.Actor{ID: "ann", Role: role})
}

func (w world) wallet() credits.Wallet {
	w.Helper()
	got, err := w.Ledger.Wallet(context.Background(), acme)
	if err != nil {
		w.Fatal(err)
	}
	return got
}

// has fails the test unless the credits are these, by source.
func (w world) has(plan, addOn, accumulated int64) {
	w.Helper()
	by := w.wallet().Balance("", "").By
	got := [...]credits.Amount{by[credits.FromAllowance], by[credits.FromPurchase], by[credits.FromCarryOver]}
	want := [...]credits.Amount{n(plan), n(addOn), n(accumulated)}
	if got != want {
		w.Errorf("%v of the plan, of add-ons and accumulated, want %v", got, want)
	}
	w.Want(acme, n(plan+addOn+accumulated))
}

func n(whole int64) credits.Amount { return credits.Amount(whole) * credits.Credit }

// Every rule of the system, on the plans of the story.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		check func(world)
	}{
		{"GN-01/10,000 credits, 449 EUR, 5 identities", checkPlan},
		{"GN-02/14,931", func(w world) {
			w.Must(acme, credits.Spend{Amount: n(5069)}, credits.CarryOver{Amount: n(4931)})
			w.at("2026-02-28 10:00:00")
			w.has(10_000, 0, 4931)
			b := w.wallet().Balance("", "")
			if ratio := 10_000 * b.Available / b.Allowance; ratio != 14_931 {
				w.Errorf("the balance is %v hundredths of a percent", int64(ratio))
			}
		}},
		{"GN-03/resets on the 1st", func(w world) {
			for _, end := range []string{"2026-02-01 00:00:00", "2026-03-01 00:00:00", "2026-04-01 00:00:00"} {
				if got := w.wallet().Cycle().End; !got.Equal(w.local(end)) {
					w.Errorf("the next top-up is at %v, want %s", got, end)
				}
				w.Must(acme, credits.Spend{Amount: n(100)})
				w.Until(w.local(end).Add(-time.Microsecond))
				w.has(9900, 0, 0)
				w.at(end)
				w.has(10_000, 0, 0)
			}
		}},
		{"GN-04/nothing is carried over", func(w world) {
			w.at("2026-02-01 00:00:00")
			w.has(10_000, 0, 0)
		}},
		{"GN-05/an operator's exception", checkCarryOver},
		{"GN-05/by an operator alone", func(w world) {
			w.as(credits.Administrator)
			w.Refused(acme, credits.CarryOver{Amount: n(1)}, credits.NotPermitted)
		}},
		{"GN-06/a request is filed once", checkFiled},
		{"GN-06/fulfilled or declined by a person", checkAnswered},
		{"GN-07/each grouping has one total", checkUsage},
		{"GN-08/500 conversations each", checkConversations},
	} {
		t.Run(tt.rule, func(t *testing.T) { tt.check(newWorld(t)) })
	}
}

func checkPlan(w world) {
	if p, _ := w.wallet().Plan(); p.Name != "" || p.Price.String() != "449.00 EUR" || p.Every.String() != "1 month" {
		w.Errorf("the plan is %q for %v each %v", p.Name, p.Price, p.Every)
	}
	w.has(10_000, 0, 0)
	if s := w.wallet().Subscription(); len(s.Units) != 5 || !s.Due.IsZero() && s.Due.Micros != 0 {
		w.Errorf("%d identities, for %v a month", len(s.Units), s.Due)
	}
	w.Refused(acme, credits.SetUnits{AddOn: "identity", Scope: "sixth", Units: 1}, credits.LimitReached)
}

func checkCarryOver(w world) {
	w.Must(acme, credits.Spend{Amount: n(4800)})
	w.as(credits.Operator)
	end := w.local("2026-04-01 00:00:00")
	note := credits.Note{Ref: "ticket 77", Reason: "late data"}
	w.Refused(acme, credits.CarryOver{Amount: n(5201), Note: note}, credits.Insufficient)
	done := w.Must(acme, credits.CarryOver{Amount: n(4931), Expires: end, Note: note})
	if e := done.Entries[0]; e.Actor.ID != "ann" || e.Note.Reason != "late data" {
		w.Errorf("who and why: %v, %q", e.Actor, e.Note.Reason)
	}
	w.at("2026-02-01 00:00:00")
	w.has(10_000, 0, 4931)
	w.at("2026-03-01 00:00:00") // the default again, but for what has an end of its own
	w.has(10_000, 0, 4931)
	w.Until(end.Add(-time.Microsecond))
	w.has(10_000, 0, 4931)
	w.Until(end)
	w.has(10_000, 0, 0)
	w.Must(acme, credits.CarryOver{Amount: n(10), Note: note}) // its default end is the reset after
	w.at("2026-05-01 00:00:00")
	w.has(10_000, 0, 10)
	w.at("2026-06-01 00:00:00")
	w.has(10_000, 0, 0)
}

func checkFiled(w world) {
	buy := credits.Buy{Pack: "more", Amount: n(2000)}
	w.as(credits.Administrator)
	refused := w.Refused(acme, buy, credits.RequestNeeded)
	if len(refused.Remedies) != 1 || refused.Remedies[0].Kind != credits.RemedyRequest {
		w.Errorf("what would help is %v", refused.Remedies)
	}
	w.Refused(acme, credits.Subscribe{Plan: w.bigger}, credits.RequestNeeded)
	ask := credits.Ask{Command: buy, Contact: "chat 5512"}
	first, again := w.Must(acme, ask), w.Must(acme, ask)
	change := w.Must(acme, credits.Ask{Command: credits.Subscribe{Plan: w.bigger}, Contact: "chat 5512"})
	if first.ID != again.ID || first.ID == change.ID {
		w.Errorf("requests %d, again %d, and another %d", first.ID, again.ID, change.ID)
	}
	var open []credits.ID
	for r := range w.wallet().Requests() {
		open = append(open, r.ID)
		if r.Contact != "chat 5512" || !r.At.Equal(w.Clock.Now()) {
			w.Errorf("request %d is of %s, at %v", r.ID, r.Contact, r.At)
		}
	}
	if diff := cmp.Diff([]credits.ID{first.ID, change.ID}, open); diff != "" {
		w.Errorf("open requests (-want +got):\n%s", diff)
	}
	w.has(10_000, 0, 0)
}

func checkAnswered(w world) {
	ask := func(cmd credits.Command) credits.ID {
		w.as(credits.Administrator)
		id := w.Must(acme, credits.Ask{Command: cmd, Contact: "chat 5512"}).ID
		w.Refused(acme, credits.Approve{Request: id}, credits.NotPermitted)
		w.as(credits.Operator)
		return id
	}
	why := credits.Note{Reason: "as agreed"}
	bought := w.Must(acme, credits.Approve{Request: ask(credits.Buy{Pack: "more", Amount: n(2000)}), Note: why})
	if bought.Charge.String() != "89.80 EUR" {
		w.Errorf("2,000 cost %v", bought.Charge)
	}
	w.has(10_000, 2000, 0)

	no := ask(credits.Buy{Pack: "more", Amount: n(40_000)})
	declined := w.Must(acme, credits.Dismiss{Request: no, Note: why})
	if e := declined.Entries[0]; e.Request.State != credits.Dismissed || e.Note.Reason != "as agreed" {
		w.Errorf("the request is %v: %s", e.Request.State, e.Note.Reason)
	}
	w.Refused(acme, credits.Approve{Request: no, Note: why}, credits.Ended)
	w.has(10_000, 2000, 0)

	special := w.bigger
	special.Version, special.For, special.Price = 2, acme, credits.Money{Micros: 799_000_000, Currency: "EUR"}
	change := ask(credits.Subscribe{Plan: w.bigger, When: credits.AtCycle})
	w.Must(acme, credits.Approve{Request: change, Command: credits.Subscribe{Plan: special, When: credits.AtCycle}, Note: why})
	w.at("2026-02-01 00:00:00")
	w.has(20_000, 0, 0)
	if p, _ := w.wallet().Plan(); p.Price.String() != "799.00 EUR" || p.Version != 2 {
		w.Errorf("the plan is version %d for %v", p.Version, p.Price)
	}
	w.Must(acme, credits.SetUnits{AddOn: "identity", Scope: "sixth", Units: 1})
}

// sum adds up what was used in the current month, in groups.
func (w world) sum(q usage.Query) (groups int, sum credits.Amount) {
	w.Helper()
	rows, err := usage.Of(context.Background(), w.Ledger, acme, q)
	if err != nil {
		w.Fatal(err)
	}
	for _, row := range rows {
		sum += row.Amount
	}
	return len(rows), sum
}

func checkUsage(w world) {
	actions := []string{"company-scraping", "contact-scraping", "enrichment", "ai-variable", "workflow"}
	for i, action := range actions {
		w.Until(w.Clock.Now().Add(50 * time.Hour))
		w.Ledger = w.As(credits.Actor{ID: []string{"ann", "bob"}[i%2], Role: credits.Member})
		w.Must(acme, credits.Spend{Feature: action, Quantity: int64(100 + i)})
	}
	for _, tt := range []struct {
		by     []usage.Dimension
		groups int
	}{
		{nil, 1},
		{[]usage.Dimension{usage.Hour}, 5},
		{[]usage.Dimension{usage.Day}, 5},
		{[]usage.Dimension{usage.Week}, 2},
		{[]usage.Dimension{usage.Actor}, 2},
		{[]usage.Dimension{usage.Feature}, 5},
		{[]usage.Dimension{usage.Week, usage.Actor, usage.Feature}, 5},
	} {
		if groups, sum := w.sum(usage.Query{By: tt.by}); groups != tt.groups || sum != n(510) {
			w.Errorf("by %v: %v in %d groups, want 510 in %d", tt.by, sum, groups, tt.groups)
		}
	}
}

func checkConversations(w world) {
	talk := func(identity, campaign string, quantity int64) credits.Spend {
		cmd := credits.Spend{Feature: "conversation", Quantity: quantity, Scope: identity}
		if campaign != "" {
			cmd.Note.Labels = map[string]string{"campaign": campaign}
		}
		return cmd
	}
	w.Must(acme, talk("north", "spring", 300), talk("north", "fair", 200), talk("south", "fair", 40), talk("south", "", 1))
	w.Refused(acme, talk("north", "fair", 1), credits.Insufficient)
	w.has(10_000, 0, 0)
	for identity, want := range map[string]int64{"centre": 500, "east": 500, "north": 0, "south": 459, "west": 500} {
		if got := w.wallet().Spendable("conversations", "conversation", identity); got != n(want) {
			w.Errorf("%s has %v conversations, want %d", identity, got, want)
		}
	}
	w.Must(acme, credits.Spend{Amount: n(10_000)})
	w.Must(acme, talk("west", "", 500)) // nor do credits touch conversations
	for by, want := range map[usage.Dimension]int{usage.Day: 1, usage.Scope: 3, usage.Label("campaign"): 3} {
		q := usage.Query{Unit: "conversations", By: []usage.Dimension{by}}
		if groups, sum := w.sum(q); groups != want || sum != n(1041) {
			w.Errorf("by %v: %v in %d groups, want 1,041 in %d", by, sum, groups, want)
		}
	}
	w.at("2026-02-01 00:00:00")
	for _, identity := range identities {
		if got := w.wallet().Spendable("conversations", "conversation", identity); got != n(500) {
			w.Errorf("in the next month %s has %v conversations", identity, got)
		}
	}
}

// The tests of the root run on the same plans.
func TestTheRootHasTheSamePlans(t *testing.T) {
	root, err := os.ReadFile("../../testdata/plans/outreach.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(catalogue), string(root)); diff != "" {
		t.Errorf("testdata/plans/outreach.json is no copy (-want +got):\n%s", diff)
	}
}
