package notify_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/notify"
)

const (
	acme = credits.WalletID("acme")
	cr   = credits.Credit
)

// plan allows 100 credits a month and sells 50 more at a time.
func plan(changes ...func(*credits.Plan)) credits.Plan {
	p := credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1), Price: credits.Money{Micros: 9_000_000, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 100 * cr}},
		Packs: []credits.Pack{
			{ID: "extra", Size: 50 * cr},
			{ID: "with data", Size: 10 * cr, Brings: []credits.Bring{{Unit: "GB", Amount: 5 * cr}}},
		},
		Auto: credits.AutoPurchase{Pack: "extra", Size: 50 * cr},
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

// rules are low at 20 % of the allowance and at 5 credits.
var rules = notify.Rules{Low: []notify.Threshold{{Amount: 5 * cr}, {Share: 20 * credits.Percent}}}

// told returns the notices of what the feed has, one line each.
func told(t *testing.T, w *creditstest.World, r notify.Rules) []string {
	t.Helper()
	var lines []string
	ids := map[string]bool{}
	for _, n := range notices(t, w, r, credits.Plan{}) {
		lines = append(lines, line(n))
		if ids[n.ID()] {
			t.Errorf("two notices have the ID %s", n.ID())
		}
		ids[n.ID()] = true
	}
	return lines
}

// notices returns what is told of what the feed has, by a plan unless entries say another.
func notices(t *testing.T, w *creditstest.World, r notify.Rules, p credits.Plan) (all []notify.Notice) {
	t.Helper()
	_, err := w.Feed(t.Context(), func(ctx context.Context, entries []credits.Entry) error {
		all = append(all, r.Notices(p, entries)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// line says what a notice tells: "low balance 20% (20): 19 left by spent".
func line(n notify.Notice) string {
	text := string(n.Kind)
	if n.Kind == notify.LowBalance {
		text += fmt.Sprintf(" %v (%v)", n.Rule, n.Level)
	}
	text += fmt.Sprintf(": %v", n.Balance)
	if n.Unit != "" {
		text += " " + string(n.Unit)
	}
	return text + " left by " + n.Entry.Kind.String()
}

// story is what happens to acme, and what is told of it.
type story struct {
	name string
	plan credits.Plan
	play func(w *creditstest.World)
	want []string
}

func spend(a credits.Amount) credits.Spend { return credits.Spend{Amount: a} }

func run(t *testing.T, stories []story) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			w := creditstest.New(t)
			w.Must(acme, credits.Open{Plan: s.plan})
			s.play(w)
			if _, err := w.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.want, told(t, w, rules)); diff != "" {
				t.Errorf("the notices (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLowBalance(t *testing.T) {
	run(t, []story{
		{"opening tells nothing", plan(), func(*creditstest.World) {}, nil},
		{"above 20 %", plan(), func(w *creditstest.World) { w.Must(acme, spend(80*cr-1)) }, nil},
		{"at 20 %", plan(), func(w *creditstest.World) { w.Must(acme, spend(80*cr)) }, []string{
			"low balance 20% (20): 20 left by spent",
		}},
		{"once", plan(), func(w *creditstest.World) { w.Must(acme, spend(81*cr), spend(1*cr), spend(1*cr)) }, []string{
			"low balance 20% (20): 19 left by spent",
		}},
		{"it arms again at a reset", plan(), func(w *creditstest.World) {
			w.Must(acme, spend(80*cr))
			w.Later("1 month")
			w.Must(acme, spend(90*cr))
		}, []string{
			"low balance 20% (20): 20 left by spent", "renewed: 100 left by renewed", "low balance 20% (20): 10 left by spent",
		}},
		{"it arms again above, not at it", plan(), func(w *creditstest.World) {
			w.Must(acme, spend(85*cr), credits.Grant{Amount: 5 * cr}, spend(1*cr), credits.Grant{Amount: 2 * cr}, spend(1*cr))
		}, []string{
			"low balance 20% (20): 15 left by spent", "low balance 20% (20): 20 left by spent",
		}},
		{"several at once, the highest first", plan(), func(w *creditstest.World) { w.Must(acme, spend(100*cr)) }, []string{
			"low balance 20% (20): 0 left by spent", "low balance 5 (5): 0 left by spent", "exhausted: 0 left by spent",
		}},
		{"a hold takes, and its release gives back", plan(), func(w *creditstest.World) {
			r := w.Must(acme, credits.Reserve{Amount: 90 * cr, Until: w.Clock.Now().Add(time.Hour)})
			w.Must(acme, credits.Release{Hold: r.ID}, spend(10*cr), spend(75*cr))
		}, []string{
			"low balance 20% (20): 10 left by reserved", "low balance 20% (20): 15 left by spent",
		}},
	})
}

func TestPercentages(t *testing.T) {
	bare := plan(func(p *credits.Plan) {
		p.Allowances, p.Price, p.Packs, p.Auto = nil, credits.Money{}, nil, credits.AutoPurchase{}
	})
	larger := plan(func(p *credits.Plan) { p.ID, p.Allowances[0].Amount = "max", 1_000*cr })
	run(t, []story{
		{"of the plan's allowance, not of what was bought", plan(), func(w *creditstest.World) {
			w.Must(acme, credits.Buy{Pack: "extra", Amount: 500 * cr}, spend(575*cr), spend(5*cr))
		}, []string{
			"purchased: 600 left by purchased", "low balance 20% (20): 20 left by spent",
		}},
		{"of the plan of then", plan(), func(w *creditstest.World) {
			w.Must(acme, credits.Subscribe{Plan: larger, When: credits.AtOnce})
			w.Must(acme, spend(800*cr))
		}, []string{
			"low balance 20% (200): 200 left by spent",
		}},
		{"a threshold that moves past a balance", plan(), func(w *creditstest.World) {
			w.Must(acme, credits.Subscribe{Plan: larger, When: credits.AtCycle})
			w.Later("1 month")
			w.Must(acme, spend(1*cr))
		}, []string{
			"renewed: 1000 left by renewed",
		}},
		{"a plan without an allowance has no percentage", bare, func(w *creditstest.World) {
			w.Must(acme, credits.Grant{Amount: 100 * cr}, spend(100*cr))
		}, []string{
			"low balance 5 (5): 0 left by spent", "exhausted: 0 left by spent",
		}},
		{"rounded down to a microcredit", plan(func(p *credits.Plan) { p.Allowances[0].Amount = 12_349 }), func(w *creditstest.World) {
			w.Must(acme, spend(12_349-2_470), spend(1))
		}, []string{
			"low balance 20% (0.002469): 0.002469 left by spent",
		}},
		{"of the largest allowance", plan(func(p *credits.Plan) {
			p.Allowances[0].Amount, p.Price, p.Packs, p.Auto = credits.AmountMax, credits.Money{}, nil, credits.AutoPurchase{}
		}), func(w *creditstest.World) {
			w.Must(acme, spend(credits.AmountMax/5*4+5))
		}, []string{
			"low balance 20% (1844674407370.955161): 1844674407370.955158 left by spent",
		}},
	})
}

func TestExhausted(t *testing.T) {
	owing := plan(func(p *credits.Plan) {
		p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(50 * cr)}}
	})
	auto := credits.SetAutoPurchase{On: true}
	run(t, []story{
		{"a microcredit is left", plan(), func(w *creditstest.World) { w.Must(acme, spend(85*cr), spend(5*cr), spend(10*cr-1)) }, []string{
			"low balance 20% (20): 15 left by spent", "low balance 5 (5): 0.000001 left by spent",
		}},
		{"into debt, and deeper", owing, func(w *creditstest.World) { w.Must(acme, spend(90*cr), spend(20*cr), spend(20*cr)) }, []string{
			"low balance 20% (20): 10 left by spent", "low balance 5 (5): -10 left by spent", "exhausted: -10 left by spent",
		}},
		{"a grant that pays debt only", owing, func(w *creditstest.World) {
			w.Must(acme, spend(120*cr), credits.Grant{Amount: 20 * cr})
		}, []string{
			"low balance 20% (20): -20 left by spent", "low balance 5 (5): -20 left by spent", "exhausted: -20 left by spent",
		}},
		{"a reset is not the end of the old allowance", plan(), func(w *creditstest.World) { w.Later("2 months") }, []string{
			"renewed: 100 left by renewed", "renewed: 100 left by renewed",
		}},
		{"what was bought expires", plan(), func(w *creditstest.World) {
			w.Must(acme, spend(100*cr), credits.Grant{Amount: 30 * cr, Expires: w.Clock.Now().Add(time.Hour)})
			w.Later("2h")
		}, []string{
			"low balance 20% (20): 0 left by spent", "low balance 5 (5): 0 left by spent", "exhausted: 0 left by spent",
			"low balance 20% (20): 0 left by expired", "low balance 5 (5): 0 left by expired", "exhausted: 0 left by expired",
		}},
		{"a spend that auto-purchase makes up for", plan(), func(w *creditstest.World) {
			w.Must(acme, auto, spend(100*cr), spend(60*cr))
		}, []string{
			"purchased: 50 left by purchased", "purchased: 40 left by purchased",
		}},
		{"each unit by itself", plan(func(p *credits.Plan) {
			p.Allowances = append(p.Allowances, credits.Allowance{Unit: "GB", Amount: 10 * cr})
		}), func(w *creditstest.World) {
			w.Must(acme, credits.Spend{Unit: "GB", Amount: 10 * cr})
		}, []string{
			"exhausted: 0 GB left by spent",
		}},
		{"a transfer", plan(), func(w *creditstest.World) {
			w.Must("bob", credits.Open{Plan: plan()})
			w.Must(acme, spend(100*cr), credits.Grant{Amount: 50 * cr})
			if _, _, err := w.Transfer(context.Background(), "t", credits.Transfer{From: acme, To: "bob", Amount: 50 * cr}); err != nil {
				panic(err)
			}
		}, []string{
			"low balance 20% (20): 0 left by spent", "low balance 5 (5): 0 left by spent", "exhausted: 0 left by spent",
			"low balance 20% (20): 0 left by sent", "low balance 5 (5): 0 left by sent", "exhausted: 0 left by sent",
		}},
	})
}

var (
	card = credits.SetMethod{Method: credits.Method{Token: "tok_1", Kind: "card"}}
	buy  = credits.Buy{Pack: "extra", Amount: 50 * cr}
)

// try does what is refused.
func try(w *creditstest.World, c credits.Command) {
	if _, err := w.Do(context.Background(), acme, "tried", c); err == nil {
		panic("it was done")
	}
}

// paidStory is a story in which purchases are paid before they bring anything.
type paidStory struct {
	name string
	play func(w *creditstest.World, provider *creditstest.Charger)
	want []string
}

func runPaid(t *testing.T, stories []paidStory) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			w := creditstest.New(t)
			provider := w.Paid()
			w.Must(acme, credits.Open{Plan: plan()})
			s.play(w, provider)
			if _, err := w.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.want, told(t, w, rules)); diff != "" {
				t.Errorf("the notices (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPayments(t *testing.T) {
	runPaid(t, []paidStory{
		{"MK-15/a method is no resumption", func(w *creditstest.World, _ *creditstest.Charger) { w.Must(acme, card, card) }, nil},
		{"MK-10/used up and bought again", func(w *creditstest.World, _ *creditstest.Charger) {
			w.Must(acme, card, credits.SetAutoPurchase{On: true}, spend(100*cr))
		}, []string{"purchased: 50 left by purchased"}},
		{"MK-04/one purchase of two units", func(w *creditstest.World, _ *creditstest.Charger) {
			w.Must(acme, credits.Buy{Pack: "with data", Amount: 10 * cr})
		}, []string{"purchased: 110 left by purchased"}},
		{"MK-15/used up and declined", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.Decline)
			w.Must(acme, card, credits.SetAutoPurchase{On: true}, spend(100*cr))
		}, []string{"payment failed: 0 left by purchase settled"}},
		{"MK-15/a spend that is short and declined", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.Decline)
			w.Must(acme, card, credits.SetAutoPurchase{On: true}, spend(70*cr))
			try(w, spend(60*cr))
			w.Must(acme, spend(30*cr)) // what is there stays spendable
		}, []string{
			"payment failed: 30 left by purchase settled",
			"low balance 20% (20): 0 left by spent", "low balance 5 (5): 0 left by spent", "exhausted: 0 left by spent",
		}},
	})
}

// TestResumed tells of the end of a pause.
func TestResumed(t *testing.T) {
	runPaid(t, []paidStory{
		{"MK-16/another method resumes, once", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.Decline)
			w.Must(acme, card, credits.SetAutoPurchase{On: true}, spend(100*cr), card, card)
		}, []string{
			"payment failed: 0 left by purchase settled", "resumed: 0 left by payment method set", "purchased: 50 left by purchased",
		}},
		{"P-5/a purchase by hand resumes", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.Decline)
			w.Must(acme, card)
			try(w, buy)
			w.Must(acme, buy, buy)
		}, []string{
			"payment failed: 100 left by purchase settled", "purchased: 150 left by purchased", "resumed: 150 left by purchased",
			"purchased: 200 left by purchased",
		}},
		{"P-5/an operator resumes", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.Decline)
			w.Must(acme, card)
			try(w, buy)
			w.Must(acme, credits.SetAutoPurchase{On: true, Resume: true}, credits.SetAutoPurchase{On: true, Resume: true})
		}, []string{
			"payment failed: 100 left by purchase settled", "resumed: 100 left by auto-purchase set",
		}},
		{"P-1/the payer has something to do, and does not", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.AskPayer)
			w.Must(acme, card)
			try(w, buy)
			w.Later("24h")
		}, []string{
			"action required: 100 left by purchase settled", "payment failed: 100 left by purchase settled",
		}},
		{"P-2/declined, and paid after all", func(w *creditstest.World, p *creditstest.Charger) {
			p.Next(creditstest.Decline)
			w.Must(acme, card)
			try(w, buy)
			made := p.Charges()[0].Purchase
			w.Must(acme, credits.Settle{Purchase: made, Payment: credits.Payment{State: credits.Paid}})
			w.Must(acme, credits.Settle{Purchase: made, Payment: credits.Payment{State: credits.Paid}})
		}, []string{
			"payment failed: 100 left by purchase settled", "purchased: 150 left by purchased", "resumed: 150 left by purchased",
		}},
	})
}

// TestToldAgain shows that what a provider repeats has one ID.
func TestToldAgain(t *testing.T) {
	w := creditstest.New(t)
	provider := w.Paid()
	provider.Next(creditstest.AskPayer)
	w.Must(acme, credits.Open{Plan: plan()})
	if _, err := w.Do(t.Context(), acme, "order", credits.Buy{Pack: "extra", Amount: 50 * cr}); err == nil {
		t.Fatal("it was done")
	}
	made := provider.Charges()[0].Purchase
	for _, state := range []credits.PaymentState{credits.ActionRequired, credits.Unknown, credits.ActionRequired, credits.Declined, credits.Declined} {
		w.Must(acme, credits.Settle{Purchase: made, Payment: credits.Payment{State: state}})
	}
	count := map[string]int{}
	for _, n := range notices(t, w, rules, plan()) {
		count[n.ID()]++
	}
	want := map[string]int{`"acme"/3/action required`: 3, `"acme"/3/payment failed`: 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("the IDs and how often they came (-want +got):\n%s", diff)
	}
}

// TestUnits shows that units of an add-on are purchased if they cost something.
func TestUnits(t *testing.T) {
	w := creditstest.New(t)
	w.Must(acme, credits.Open{Plan: plan(func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{
			ID: "team", Price: credits.Money{Micros: 30_000_000, Currency: "USD"}, Allowances: []credits.Allowance{{Amount: 200 * cr}},
		}}
	})})
	w.Must(acme, credits.SetUnits{AddOn: "team", Units: 2}, credits.SetUnits{AddOn: "team", Units: 1})
	got := notices(t, w, rules, plan())
	if len(got) != 1 || got[0].Kind != notify.Purchased || got[0].Balance != 500*cr || got[0].Entry.Charge.Micros != 60_000_000 {
		t.Errorf("DB-10: the notices are %+v, want one of a purchase for 60 USD that leaves 500", got)
	}
}

// TestOddEntries shows that entries no ledger gave are no reason to panic.
func TestOddEntries(t *testing.T) {
	line := []credits.Line{{From: credits.Available, To: credits.Consumed, Amount: cr}}
	up := []credits.Line{{From: credits.Issued, To: credits.Available, Amount: cr}}
	pays := []credits.Line{{From: credits.Available, To: credits.Debt, Amount: 10 * cr}}
	tests := []struct {
		name    string
		entries []credits.Entry
		want    int
	}{
		{"none", nil, 0},
		{"nothing in it", make([]credits.Entry, 3), 0},
		{"a payment without one", []credits.Entry{{Kind: credits.KindSettled}, {Kind: credits.KindIntended}}, 0},
		{"a gap in a group", []credits.Entry{{Lines: up, Balance: 9 * cr}, {Lines: up, Balance: 0}}, 2},
		{"credits that pay debt change no balance", []credits.Entry{{Lines: pays, Balance: cr}}, 0},
		{"the ends of all amounts", []credits.Entry{{Lines: line, Balance: math.MinInt64}, {Lines: up, Balance: math.MaxInt64}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := rules.Notices(plan(), tt.entries)
			if len(got) != tt.want {
				t.Errorf("%d notices, want %d: %+v", len(got), tt.want, got)
			}
		})
	}
}

// TestWhoTook shows that a crossing names the last entry that took.
func TestWhoTook(t *testing.T) {
	up := []credits.Line{{From: credits.Issued, To: credits.Available, Amount: 2 * cr}}
	down := []credits.Line{{From: credits.Available, To: credits.Consumed, Amount: 9 * cr}}
	got := rules.Notices(plan(), []credits.Entry{
		{Seq: 4, Balance: 12 * cr, Lines: up}, {Seq: 5, Balance: 3 * cr, Lines: down}, {Seq: 6, Balance: 5 * cr, Lines: up},
	})
	if len(got) != 1 || got[0].Entry.Seq != 5 || got[0].Balance != 5*cr {
		t.Errorf("got %+v, want one of entry 5 with 5 left", got)
	}
}

// TestRules shows what is wrong with rules, and what they are in JSON.
func TestRules(t *testing.T) {
	many := notify.Rules{Low: make([]notify.Threshold, 17)}
	for i := range many.Low {
		many.Low[i].Amount = credits.Amount(i + 1)
	}
	tests := []struct {
		name string
		json string
		want string
	}{
		{"none", `{}`, ""},
		{"good ones", `{"low":[{"share":"20%"},{"amount":"5"},{"unit":"GB","share":"100%"},{"amount":"0.000001"},{"share":"0.01%"}]}`, ""},
		{"neither", `{"low":[{"amount":"5"},{}]}`, "credits: low[1].amount: is not given, nor is a share"},
		{"both", `{"low":[{"amount":"5","share":"5%"}]}`, "credits: low[0].amount: and a share are both given"},
		{"negative", `{"low":[{"amount":"-5"}]}`, "credits: low[0].amount: is negative"},
		{"more than all", `{"low":[{"share":"100.01%"}]}`, "credits: low[0].share: is not 0.01% to 100%"},
		{"twice", `{"low":[{"amount":"5"},{"amount":"5.0"}]}`, "credits: low[1]: is the same as low[0]"},
		{"a long unit", `{"low":[{"amount":"5","unit":"` + strings.Repeat("x", 65) + `"}]}`, "credits: low[0].unit: is not valid UTF-8 of at most 64 bytes"},
		{"two faults", `{"low":[{},{"amount":"-5"}]}`, "credits: low[0].amount: is not given, nor is a share\ncredits: low[1].amount: is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkRules(t, tt.json, tt.want) })
	}
	t.Run("16 and 17", func(t *testing.T) { checkLimit(t, many) })
}
