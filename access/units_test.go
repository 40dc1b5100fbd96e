package access_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/access"
)

// money returns money of its text.
func money(s string) credits.Money {
	m, err := credits.ParseMoney(s)
	if err != nil {
		panic(err)
	}
	return m
}

// told returns the offers of some actions, a line each: what is done, how it goes or why not, and what it costs.
func told(page access.Page, actions ...credits.Action) []string {
	var lines []string
	for _, o := range page.Offers {
		if !slices.Contains(actions, o.Action) {
			continue
		}
		what := fmt.Sprint(o.Action, " ", o.About)
		switch c := o.Command.(type) {
		case credits.Subscribe:
			what += fmt.Sprint(c.Plan.Tier, " v", c.Plan.Version)
		case credits.SetUnits:
			what += fmt.Sprintf(" %s to %d", c.Scope, c.Units)
		case credits.SetAutoPurchase:
			what += fmt.Sprint(c.On)
		case credits.Cancel, credits.Reactivate:
			what += fmt.Sprintf("%T", c)
		}
		how := string(o.Reason)
		if o.Allowed {
			how = fmt.Sprintf("%v, %v now, then %v", o.Via, o.Due, o.Next)
		}
		lines = append(lines, strings.Join(strings.Fields(what+": "+how), " "))
	}
	return lines
}

// page returns what an actor is shown of acme.
func (w *world) page(actor credits.Actor, plans ...credits.Plan) access.Page {
	w.Helper()
	return access.Offers(w.wallet(), credits.Call{Actor: actor}, plans)
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
}

// DB-09: units are offered one more and one less, at what is then charged.
func TestOffersOfUnits(t *testing.T) {
	plan := credits.Plan{
		ID: "team", Version: 1, Every: credits.Months(1), Price: money("55.00 USD"),
		AddOns: []credits.AddOn{
			{ID: "shared", Price: money("30.00 USD"), Max: 3, Allowances: []credits.Allowance{{Amount: 200 * credits.Credit}}},
			{ID: "own", Scoped: true, Price: money("10.00 USD"), Allowances: []credits.Allowance{{Amount: 60 * credits.Credit}}},
		},
		Access: []credits.Rule{
			{Action: credits.ActUnits, Roles: []string{credits.Administrator}},
			{Action: credits.ActUnits, Roles: []string{credits.Member}, Via: credits.ByRequest},
		},
	}
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: plan})
	check(
		t, told(w.page(ann), credits.ActUnits),
		"units shared to 1: directly, 30.00 USD now, then 30.00 USD",
		"units own ann to 1: directly, 10.00 USD now, then 10.00 USD",
	)
	w.Must(acme, credits.SetUnits{AddOn: "shared", Units: 3}, credits.SetUnits{AddOn: "own", Scope: "bob", Units: 1})
	check(
		t, told(w.page(ann), credits.ActUnits),
		"units shared to 4: limit reached",
		"units shared to 2: directly, now, then 70.00 USD",
		"units own bob to 2: directly, 10.00 USD now, then 110.00 USD",
		"units own bob to 0: directly, now, then 90.00 USD",
		"units own ann to 1: directly, 10.00 USD now, then 110.00 USD",
	)
	w.Must(acme, credits.SetUnits{AddOn: "shared", Units: 0})
	check(
		t, told(w.page(bob), credits.ActUnits),
		"units shared to 1: request, now, then 40.00 USD", // paid for in this period
		"units own bob to 2: request, 10.00 USD now, then 20.00 USD",
		"units own bob to 0: request, now, then 0.00 USD",
	)
	check(t, told(w.page(credits.Actor{Role: credits.Administrator}), credits.ActUnits)[:1], "units shared to 1: directly, now, then 40.00 USD")
	for _, o := range w.page(ann).Offers { // each at what is then charged
		units, ok := o.Command.(credits.SetUnits)
		if !ok {
			continue
		}
		receipt, err := w.As(ann).Preview(ctx, acme, "", units)
		if err != nil || receipt.Charge.Micros != o.Due.Micros || receipt.Next.Micros != o.Next.Micros {
			t.Errorf("DB-09: %+v is offered at %v and %v, and costs %v and %v: %v", units, o.Due, o.Next, receipt.Charge, receipt.Next, err)
		}
	}
}

// CF-03: of the plans that a host has, each tier is offered by itself, what was negotiated only to its wallet,
// and the plan that the wallet has not at all.
func TestOffersOfPlans(t *testing.T) {
	has := credits.Plan{ID: "core", Version: 1, Every: credits.Months(1), Price: money("9.00 USD")}
	tiered := has
	tiered.ID = "pro"
	tiered.Tiers = []credits.Tier{
		{ID: "10k", Price: money("16.00 USD"), Allowances: []credits.Allowance{{Amount: 10_000 * credits.Credit}}},
		{ID: "20k", Price: money("31.00 USD"), Allowances: []credits.Allowance{{Amount: 20_000 * credits.Credit}}},
	}
	mine, theirs := has, has
	mine.Version, mine.For, mine.Price = 2, acme, money("7.00 USD")
	theirs.ID, theirs.For = "theirs", "other"
	plans := []credits.Plan{has, tiered, mine, theirs}
	w := newWorld(t)
	if got := access.Offers(credits.Wallet{}, credits.Call{}, plans); len(got.Offers) != 0 || !got.Banner || !got.Statistics || got.Active {
		t.Errorf("CF-14: of a wallet that is not open the page is %+v", got)
	}
	w.Must(acme, credits.Open{Plan: has})
	both := []credits.Action{credits.ActSubscribe, credits.ActInterest}
	check(
		t, told(w.page(ann, plans...), both...),
		"interest core: directly, now, then",
		"subscribe pro10k v1: directly, 7.00 USD now, then 16.00 USD",
		"subscribe pro20k v1: directly, 22.00 USD now, then 31.00 USD",
		"interest pro: directly, now, then",
		"subscribe core v2: directly, 0.00 USD now, then 7.00 USD",
	)
	w.Must(acme, credits.Cancel{})
	check(t, told(w.page(ann, has), credits.ActSubscribe), "subscribe core v1: directly, now, then") // drops the cancellation
	w.Must(acme, credits.Lapse{})
	if page := w.page(ann, has); page.Active || page.Plan != "core" || page.Version != 1 {
		t.Errorf("CF-06: of a plan that ended the page says %+v", page)
	}
}

// Auto-purchase is offered to be switched over, and a cancellation to be dropped.
func TestOffersOfSwitches(t *testing.T) {
	plan := credits.Plan{
		ID: "core", Version: 1, Every: credits.Months(1), Price: money("9.00 USD"),
		Allowances: []credits.Allowance{{Amount: 10_000 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 1000 * credits.Credit}},
		Auto:       credits.AutoPurchase{Pack: "extra", Size: 10_000 * credits.Credit, Surcharge: 30 * credits.Percent},
	}
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: plan})
	switches := []credits.Action{credits.ActAuto, credits.ActCancel}
	check(t, told(w.page(ann), switches...), "auto-purchase true: directly, now, then", "cancel credits.Cancel: directly, now, then")
	w.Must(acme, credits.SetAutoPurchase{On: true}, credits.Cancel{})
	check(t, told(w.page(ann), switches...), "auto-purchase false: directly, now, then", "cancel credits.Reactivate: directly, now, then")
	w.Must(acme, credits.SetAutoPurchase{})

	// MK-17: where purchases are paid first, it needs a payment method.
	paid := access.Offers(w.wallet(), credits.Call{Actor: ann, Charger: true}, nil)
	check(t, told(paid, credits.ActAuto), "auto-purchase true: no payment method")
	for _, o := range paid.Offers {
		if o.Action == credits.ActAuto && !cmp.Equal(o.Remedies, []credits.Remedy{{Kind: credits.RemedyMethod}}) {
			t.Errorf("MK-17: what unblocks it is %+v", o.Remedies)
		}
	}
	w.Must(acme, credits.Subscribe{Plan: func() credits.Plan { p := plan; p.Version = 2; return p }(), When: credits.AtCycle})
	check(t, told(w.page(ann), credits.ActCancel), "cancel credits.Cancel: directly, now, then")
}

// What a pack costs is told also when it cannot be bought now.
func TestOffersTellThePrice(t *testing.T) {
	plans, by := marketplace(t)
	w := newWorld(t)
	own := by["plus"]
	own.Packs = append(slices.Clone(own.Packs), credits.Pack{ID: "own", Size: 1000 * credits.Credit, WhenShort: true}) // at the plan's price
	w.Must(acme, credits.Open{Plan: own})
	want := map[string]credits.Money{"extra": money("20.00 USD"), "own": money("30.00 USD")}
	for _, actor := range []credits.Actor{ann, bob} {
		for _, o := range access.Offers(w.wallet(), credits.Call{Actor: actor}, plans).Offers {
			if o.Action == credits.ActBuy && (o.Allowed || o.Due != want[o.About]) {
				t.Errorf("CF-14: %s is offered to %s at %v, want %v: %v", o.About, actor.ID, o.Due, want[o.About], o.Reason)
			}
		}
	}
}

// CF-05: a code is used once, also by two at once.
func TestCodeUsedOnce(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	request, code := w.ask(ann, toPlus(by))
	var all sync.WaitGroup
	done := make([]bool, 8)
	for i := range done {
		all.Go(func() {
			_, err := w.desk.As(ann).Confirm(ctx, acme, credits.Key(fmt.Sprintf("confirm-%d", i)), request, code)
			done[i] = err == nil
		})
	}
	all.Wait()
	if n := len(slices.DeleteFunc(done, func(ok bool) bool { return !ok })); n != 1 {
		t.Errorf("CF-05: the code was used %d times", n)
	}
	w.Want(acme, 2050*credits.Credit)
}

// hookedClock runs something once when it is asked the time, and is a second further after that.
type hookedClock struct {
	now  time.Time
	hook func()
}

func (c *hookedClock) Now() time.Time {
	if hook := c.hook; hook != nil {
		c.hook = nil
		hook()
		c.now = c.now.Add(time.Second)
	}
	return c.now
}

// I-1: a call that finds that another under its key was quicker gives the code of that one, though it would
// have asked for a later end.
func TestCodeAskedMeanwhile(t *testing.T) {
	_, by := marketplace(t)
	w := newWorld(t)
	w.Must(acme, credits.Open{Plan: by["free"]})
	c := &hookedClock{now: w.Clock.Now()}
	desk, err := access.New(credits.New(w.Store(), &credits.Options{Clock: c, Salt: [32]byte{1}}), secret)
	if err != nil {
		t.Fatal(err)
	}
	var quicker credits.Receipt
	var first string
	c.hook = func() {
		if quicker, first, err = desk.As(ann).Ask(ctx, acme, "ask", toPlus(by)); err != nil {
			t.Fatal(err)
		}
	}
	receipt, code, err := desk.As(ann).Ask(ctx, acme, "ask", toPlus(by))
	if err != nil || code != first || receipt.ID != quicker.ID || !receipt.Replayed {
		t.Errorf("I-1: got request %d (replayed %v) and %v, want %d; is the code the same: %v", receipt.ID, receipt.Replayed, err, quicker.ID, code == first)
	}
}
