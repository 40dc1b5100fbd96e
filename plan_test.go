package credits_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// fullPlan returns a plan that says something in every policy.
func fullPlan() credits.Plan {
	return credits.Plan{
		ID: "core", Version: 1, Name: "Core", Price: cash("9.00 USD"), Term: credits.Years(1), Every: credits.Months(1),
		Anchor: credits.FirstOfMonth, First: credits.FirstProrated,
		Allowances: []credits.Allowance{
			{Amount: 10_000 * credits.Credit, Rollover: credits.Rollover{Share: 50 * credits.Percent, Cap: credits.AtMost(5)}},
			{Unit: "GB", Amount: 5 * credits.Credit, Features: []string{"transfer"}, Priority: 7},
		},
		Features: map[string]credits.Rate{"run": {Credits: credits.Credit}, "transfer": {Unit: "GB", Credits: 1000}},
		Packs: []credits.Pack{{
			ID: "extra", Size: 1000 * credits.Credit, Life: credits.Days(30),
			Brings: []credits.Bring{{Unit: "GB", Amount: credits.Credit / 2}},
		}},
		Auto:       credits.AutoPurchase{Pack: "extra", Size: 10_000 * credits.Credit, Surcharge: 30 * credits.Percent},
		Burn:       credits.SoonestExpiry,
		Overdrafts: []credits.Overdraft{{Unit: "GB", Limit: credits.AtMost(3), AtReset: credits.ForgiveDebt}},
	}
}

// TestPlanFaults shows that every fault of a plan is reported with its path, and
// that a wallet is not opened with it.
func TestPlanFaults(t *testing.T) {
	long := strings.Repeat("x", 256)
	tests := []struct {
		name  string
		spoil func(*credits.Plan)
		field string
	}{
		{"no id", func(p *credits.Plan) { p.ID = "" }, "id"},
		{"long id", func(p *credits.Plan) { p.ID = long }, "id"},
		{"long name", func(p *credits.Plan) { p.Name = long }, "name"},
		{"long tier", func(p *credits.Plan) { p.Tier = long }, "tier"},
		{"no version", func(p *credits.Plan) { p.Version = 0 }, "version"},
		{"no cycle", func(p *credits.Plan) { p.Every = 0 }, "every"},
		{"cycle out of limits", func(p *credits.Plan) { p.Every = credits.Days(40_000) }, "every"},
		{"cycle of a cycle", func(p *credits.Plan) { p.Every = credits.ForCycle }, "every"},
		{"days of a calendar", func(p *credits.Plan) { p.Every, p.Term = credits.Days(30), 0 }, "anchor"},
		{"term of half a cycle", func(p *credits.Plan) { p.Every, p.Term = credits.Months(2), credits.Months(3) }, "term"},
		{"unknown anchor", func(p *credits.Plan) { p.Anchor = 9 }, "anchor"},
		{"unknown first", func(p *credits.Plan) { p.First = 9 }, "first"},
		{"unknown order", func(p *credits.Plan) { p.Burn = 9 }, "burn"},
		{"negative price", func(p *credits.Plan) { p.Price.Micros = -1 }, "price"},
		{"no such currency", func(p *credits.Plan) { p.Price.Currency = "XXY" }, "price.currency"},
		{"allowance of nothing", func(p *credits.Plan) { p.Allowances[0].Amount = 0 }, "allowances[0].amount"},
		{"negative allowance", func(p *credits.Plan) { p.Allowances[1].Amount = -1 }, "allowances[1].amount"},
		{"a unit twice", func(p *credits.Plan) { p.Allowances[1].Unit = "" }, "allowances[1].unit"},
		{"a long unit", func(p *credits.Plan) { p.Allowances[1].Unit = credits.Unit(long) }, "allowances[1].unit"},
		{"priority", func(p *credits.Plan) { p.Allowances[0].Priority = 1001 }, "allowances[0].priority"},
		{"33 features", func(p *credits.Plan) { p.Allowances[0].Features = slices.Repeat([]string{"a"}, 33) }, "allowances[0].features"},
		{"a feature without a name", func(p *credits.Plan) { p.Allowances[1].Features = []string{""} }, "allowances[1].features[0]"},
		{"rollover of more than all", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 101 * credits.Percent }, "allowances[0].rollover.share"},
		{"rollover of nothing", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 0 }, "allowances[0].rollover.share"},
		{"two caps", func(p *credits.Plan) { p.Allowances[0].Rollover.CapShare = credits.Percent }, "allowances[0].rollover.cap"},
		{"negative cap", func(p *credits.Plan) { p.Allowances[0].Rollover.Cap = credits.AtMost(-1) }, "allowances[0].rollover.cap"},
		{"negative share", func(p *credits.Plan) { p.Allowances[0].Rollover.CapShare = -1 }, "allowances[0].rollover.capShare"},
		{"life of no span", func(p *credits.Plan) { p.Allowances[0].Rollover.Life = credits.Days(0) }, "allowances[0].rollover.life"},
		{"a feature of no name", func(p *credits.Plan) { p.Features[""] = credits.Rate{Free: true} }, "features."},
		{"a rate without a price", func(p *credits.Plan) { p.Features["run"] = credits.Rate{} }, "features.run.credits"},
		{"pack of nothing", func(p *credits.Plan) { p.Packs[0].Size = 0 }, "packs[0].size"},
		{"pack without id", func(p *credits.Plan) { p.Packs[0].ID = "" }, "packs[0].id"},
		{"pack twice", func(p *credits.Plan) { p.Packs = append(p.Packs, p.Packs[0]) }, "packs[1].id"},
		{"pack at a negative price", func(p *credits.Plan) { p.Packs[0].Price = cash("-1.00 USD") }, "packs[0].price"},
		{"pack in another currency", func(p *credits.Plan) { p.Packs[0].Price = cash("1.00 EUR") }, "packs[0].price"},
		{"pack without a price", func(p *credits.Plan) { p.Price = credits.Money{} }, "packs[0].price"},
		{"pack of another unit without a price", func(p *credits.Plan) { p.Packs[0].Unit, p.Packs[0].Brings = "GB", nil }, "packs[0].price"},
		{"pack that brings itself", func(p *credits.Plan) { p.Packs[0].Brings[0].Unit = "" }, "packs[0].brings[0].unit"},
		{"pack that brings nothing", func(p *credits.Plan) { p.Packs[0].Brings[0].Amount = 0 }, "packs[0].brings[0].amount"},
		{"pack of no life", func(p *credits.Plan) { p.Packs[0].Life = credits.Months(-1) }, "packs[0].life"},
		{"pack of no priority", func(p *credits.Plan) { p.Packs[0].Priority = -1 }, "packs[0].priority"},
		{"auto-purchase of no pack", func(p *credits.Plan) { p.Auto.Pack = "none" }, "auto.pack"},
		{"auto-purchase of nothing", func(p *credits.Plan) { p.Auto.Size = 0 }, "auto.size"},
		{"auto-purchase of half a pack", func(p *credits.Plan) { p.Auto.Size = 1500 * credits.Credit }, "auto.size"},
		{"negative surcharge", func(p *credits.Plan) { p.Auto.Surcharge = -1 }, "auto.surcharge"},
		{"A-3/price that rounds to nothing", func(p *credits.Plan) { p.Price = cash("0.01 USD") }, "packs[0].price"},
		{"below no limit", func(p *credits.Plan) { p.Auto.Below = credits.Unlimited }, "auto.below"},
		{"negative limit", func(p *credits.Plan) { p.Auto.Limit = credits.AtMost(-1) }, "auto.limit"},
		{"A-5/overdraft without a limit", func(p *credits.Plan) { p.Overdrafts[0].Limit = 0 }, "overdrafts[0].limit"},
		{"overdraft of no policy", func(p *credits.Plan) { p.Overdrafts[0].AtReset = 9 }, "overdrafts[0].atReset"},
		{"overdraft twice", func(p *credits.Plan) { p.Overdrafts = append(p.Overdrafts, p.Overdrafts[0]) }, "overdrafts[1].unit"},
		{"tier without id", func(p *credits.Plan) { p.Tiers = []credits.Tier{{Price: p.Price, Allowances: p.Allowances}} }, "tiers[0].id"},
		{"tier twice", func(p *credits.Plan) {
			p.Tiers = slices.Repeat([]credits.Tier{{ID: "10k", Price: p.Price, Allowances: p.Allowances}}, 2)
		}, "tiers[1].id"},
		{"tier at a negative price", func(p *credits.Plan) {
			p.Tiers = []credits.Tier{{ID: "10k", Price: cash("-1.00 USD"), Allowances: p.Allowances}}
		}, "tiers[0].price"},
		{"tier of nothing", func(p *credits.Plan) {
			p.Tiers = []credits.Tier{{ID: "10k", Price: p.Price, Allowances: []credits.Allowance{{}}}}
		}, "tiers[0].allowances[0].amount"},
		{"33 units", func(p *credits.Plan) {
			for i := range 32 {
				p.Allowances = append(p.Allowances, credits.Allowance{Unit: credits.Unit(fmt.Sprint("u", i)), Amount: 1})
			}
		}, "allowances"},
	}
	if err := fullPlan().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := fullPlan()
			tt.spoil(&p)
			if fields := fieldsOf(t, p.Validate()); !slices.Contains(fields, tt.field) {
				t.Errorf("Validate names %q, want %q", fields, tt.field)
			}
			r := newRig(t, "2026-01-10")
			_, err := r.ledger.Do(r.ctx, acme, "k", credits.Open{Plan: p})
			if fields := fieldsOf(t, err); !slices.Contains(fields, "plan."+tt.field) {
				t.Errorf("Open names %q, want %q", fields, "plan."+tt.field)
			}
			if _, err := r.ledger.Wallet(r.ctx, acme); !errors.Is(err, credits.ErrNotFound) {
				t.Errorf("the wallet: %v, want %v", err, credits.ErrNotFound)
			}
		})
	}
}

// TestPlanIsTheWalletsOwn shows that a wallet keeps the plan it was opened with,
// whatever becomes of the host's value and of what the wallet returned.
func TestPlanIsTheWalletsOwn(t *testing.T) {
	r := newRig(t, "2026-01-10")
	p := fullPlan()
	r.open(p)
	p.Allowances[0].Amount, p.Features["run"] = 1, credits.Rate{Free: true}
	got, ok := r.wallet().Plan()
	if !ok || got.Allowances[0].Amount != 10_000*credits.Credit || got.Features["run"].Free {
		t.Errorf("the wallet's plan changed with the host's: %+v", got)
	}
	got.Features["run"] = credits.Rate{Free: true}
	if again, _ := r.wallet().Plan(); again.Features["run"].Free {
		t.Error("the wallet's plan changed with what was returned")
	}
}

// TestTiers shows that a tier has its own price and allowances, and all else of the plan.
func TestTiers(t *testing.T) {
	p := fullPlan()
	p.Tiers = []credits.Tier{
		{ID: "20k", Price: cash("17.00 USD"), Allowances: []credits.Allowance{{Amount: 20_000 * credits.Credit}}},
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	tier, err := p.WithTier("20k")
	if err != nil || tier.Price != cash("17.00 USD") || tier.Tier != "20k" || len(tier.Tiers) != 0 || tier.ID != "core" {
		t.Errorf("WithTier = %+v, %v", tier, err)
	}
	if _, err := p.WithTier("30k"); !errors.Is(err, credits.ErrNotFound) {
		t.Errorf("an unknown tier: %v", err)
	}
	r := newRig(t, "2026-01-10")
	if _, err := r.ledger.Do(r.ctx, acme, "k", credits.Open{Plan: p}); !slices.Equal(fieldsOf(t, err), []string{"plan.tiers"}) {
		t.Errorf("a wallet opened with no tier: %v", err)
	}
	if price, err := tier.PerCredit(); err != nil || price.For != 12*20_000*credits.Credit {
		t.Errorf("MK-08: per credit %+v, %v; want the price of a full term for its credits", price, err)
	}
	if _, err := (credits.Plan{}).PerCredit(); !errors.Is(err, credits.ErrInvalid) {
		t.Errorf("per credit of nothing: %v", err)
	}
}

// TestEveryVerbByPointerAndJSON shows that each command has a JSON form that
// reads as itself, and that a pointer to it is the same command.
func TestEveryVerbByPointerAndJSON(t *testing.T) {
	until := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	note := credits.Note{Ref: "r", Reason: "why", Labels: map[string]string{"team": "a"}}
	pairs := []struct{ value, pointer credits.Command }{
		{credits.Open{Plan: fullPlan(), Zone: "Asia/Tokyo"}, &credits.Open{Plan: fullPlan(), Zone: "Asia/Tokyo"}},
		{credits.Spend{Feature: "run", Quantity: 2, Note: note}, &credits.Spend{Feature: "run", Quantity: 2, Note: note}},
		{credits.Reserve{Amount: 1, Until: until, Over: credits.DrawSome}, &credits.Reserve{Amount: 1, Until: until, Over: credits.DrawSome}},
		{credits.Capture{Hold: 3, Free: true}, &credits.Capture{Hold: 3, Free: true}},
		{credits.Release{Hold: 3}, &credits.Release{Hold: 3}},
		{credits.Reverse{Spend: 3, All: true}, &credits.Reverse{Spend: 3, All: true}},
		{credits.Grant{Amount: 1, Expires: until, Paid: cash("1.00 USD")}, &credits.Grant{Amount: 1, Expires: until, Paid: cash("1.00 USD")}},
		{credits.Revoke{All: true}, &credits.Revoke{All: true}},
		{credits.CarryOver{Amount: 1}, &credits.CarryOver{Amount: 1}},
		{credits.Buy{Pack: "extra", Amount: 1}, &credits.Buy{Pack: "extra", Amount: 1}},
		{credits.Refund{Purchase: 2}, &credits.Refund{Purchase: 2}},
		{credits.SetAutoPurchase{On: true}, &credits.SetAutoPurchase{On: true}},
		{credits.SetZone{Zone: "Asia/Tokyo"}, &credits.SetZone{Zone: "Asia/Tokyo"}},
		{credits.Erase{Entries: []credits.ID{1, 2}}, &credits.Erase{Entries: []credits.ID{1, 2}}},
		{credits.Seal{Through: 2, Hash: strings.Repeat("ab", 32)}, &credits.Seal{Through: 2, Hash: strings.Repeat("ab", 32)}},
	}
	for _, p := range pairs {
		form, err := credits.AppendCommand(nil, p.value)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(string(form[:min(20, len(form))]), func(t *testing.T) {
			if same, err := credits.AppendCommand(nil, p.pointer); err != nil || string(same) != string(form) {
				t.Errorf("by pointer %s, %v\nby value %s", same, err, form)
			}
			read, err := credits.ParseCommand(form)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p.value, read); diff != "" {
				t.Errorf("read again (-want +got):\n%s", diff)
			}
		})
	}
	for _, none := range []credits.Command{nil, (*credits.Spend)(nil), (*credits.Open)(nil)} {
		if _, err := credits.AppendCommand(nil, none); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("a command that is none: %v", err)
		}
		l := credits.New(new(memory.Store), nil)
		if _, err := l.Do(context.Background(), acme, "k", none); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("a command that is none: %v", err)
		}
	}
}

// TestSpendable shows what a spend can draw on, where a balance counts every lot.
func TestSpendable(t *testing.T) {
	r := newRig(t, "2026-01-10")
	r.open(bare())
	r.do(credits.Grant{Amount: n("10")})
	r.do(credits.Grant{Amount: n("5"), Features: []string{"run"}})
	r.do(credits.Grant{Amount: n("3"), Scope: "ann"})
	w := r.wallet()
	for _, tt := range []struct {
		feature, scope string
		want           string
	}{{"", "", "10"}, {"run", "", "15"}, {"run", "ann", "18"}, {"", "ann", "13"}, {"", "bob", "10"}} {
		if got := w.Spendable("", tt.feature, tt.scope); got != n(tt.want) {
			t.Errorf("S-5: feature %q, scope %q can spend %v, want %s", tt.feature, tt.scope, got, tt.want)
		}
	}
}

// TestZeroWallet shows that a wallet that is not open can be asked anything.
func TestZeroWallet(t *testing.T) {
	var w credits.Wallet
	if _, ok := w.Plan(); ok || w.ID() != "" || w.Seq() != 0 || !w.At().IsZero() || w.Zone() != time.UTC ||
		w.Cycle() != (credits.Period{}) || w.Available() != 0 || w.AutoPurchase() != (credits.AutoState{}) ||
		!w.Due().IsZero() || !w.Equal(credits.Wallet{}) {
		t.Errorf("the zero wallet is %v", w)
	}
	for range w.Lots() {
		t.Error("it has a lot")
	}
	for range w.Holds() {
		t.Error("it has a hold")
	}
	if _, ok := w.Lot(1); ok {
		t.Error("it has lot 1")
	}
	if _, err := credits.NewWallet(""); !errors.Is(err, credits.ErrInvalid) {
		t.Errorf("a wallet without a name: %v", err)
	}
}
