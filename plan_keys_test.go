package credits_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// I-1: a key is bound to every field of what changes a subscription, with defaults
// filled in.
func TestKeysOfSubscriptions(t *testing.T) {
	plan, other := sold("small", "10", "9.00 USD"), sold("big", "40", "36.00 USD")
	spelled := sold("big", "40", "36.00 USD", func(p *credits.Plan) {
		p.Anchor, p.Term, p.First, p.Burn = credits.Anniversary, p.Every, credits.FirstFull, credits.PlanFirst
		p.Leaving = credits.Leaving{Allowances: credits.Keep, AddOns: credits.Keep, Purchases: credits.Keep, Grants: credits.Keep}
	})
	note := credits.Note{Reason: "asked"}
	seat := func(p *credits.Plan) {
		p.AddOns = []credits.AddOn{{ID: "seat", Scoped: true, Allowances: []credits.Allowance{{Amount: n("5")}}}, {ID: "chair", Scoped: true}}
	}
	tests := []struct {
		name         string
		first, again credits.Command
		field        string // that differs; "" if the request is the same
	}{
		{"I-1/default of when", credits.Subscribe{Plan: other}, credits.Subscribe{Plan: other, When: credits.AtOnce}, ""},
		{"I-1/a plan with its defaults spelled out", credits.Subscribe{Plan: other}, credits.Subscribe{Plan: spelled}, ""},
		{"I-1/plan", credits.Subscribe{Plan: other}, credits.Subscribe{Plan: sold("big", "41", "36.00 USD")}, "plan"},
		{"I-1/when", credits.Subscribe{Plan: other}, credits.Subscribe{Plan: other, When: credits.AtCycle}, "when"},
		{"I-1/note", credits.Subscribe{Plan: other}, credits.Subscribe{Plan: other, Note: note}, "note.reason"},
		{"I-1/quote", credits.Subscribe{Plan: other}, credits.Subscribe{Plan: other, Quote: credits.Quote{Seq: 1, Plan: "small", Version: 1}}, "quote"},
		{"I-1/default of a cancellation", credits.Cancel{}, credits.Cancel{When: credits.AtEnd}, ""},
		{"I-1/when of a cancellation", credits.Cancel{}, credits.Cancel{When: credits.AtCycle}, "when"},
		{"I-1/a lapse is no deactivation", credits.Lapse{Note: note}, credits.Deactivate{Note: note}, "command"},
		{"I-1/keep", credits.Deactivate{Note: note}, credits.Deactivate{Keep: true, Note: note}, "keep"},
		{"I-1/add-on", credits.SetUnits{AddOn: "seat", Scope: "ann", Units: 1}, credits.SetUnits{AddOn: "chair", Scope: "ann", Units: 1}, "addOn"},
		{"I-1/scope", credits.SetUnits{AddOn: "seat", Scope: "ann", Units: 1}, credits.SetUnits{AddOn: "seat", Scope: "bob", Units: 1}, "scope"},
		{"I-1/units", credits.SetUnits{AddOn: "seat", Scope: "ann", Units: 1}, credits.SetUnits{AddOn: "seat", Scope: "ann", Units: 2}, "units"},
		{"I-1/quote of units", credits.SetUnits{AddOn: "seat", Scope: "ann", Units: 1}, credits.SetUnits{AddOn: "seat", Scope: "ann", Units: 1, Quote: credits.Quote{Seq: 1}}, "quote"},
		{"I-1/to whom", credits.Reassign{AddOn: "seat", From: "eve", To: "bob"}, credits.Reassign{AddOn: "seat", From: "eve", To: "ann"}, "to"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			p := plan
			seat(&p)
			r.open(p)
			r.do(credits.SetUnits{AddOn: "seat", Scope: "eve", Units: 1})
			first, err := r.ledger.Do(r.ctx, acme, "k", tt.first)
			if err != nil {
				t.Fatal(err)
			}
			r.at("2026-01-20")
			again, err := r.ledger.Do(r.ctx, acme, "k", tt.again)
			if tt.field == "" {
				if err != nil || !again.Replayed || again.ID != first.ID {
					t.Errorf("got %+v, %v, want the receipt of %+v", again, err, first)
				}
				return
			}
			checkInvalid(t, err, tt.field, credits.ErrKeyReused)
			if !errors.Is(err, credits.ErrKeyReused) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A command about a subscription reads as it was written.
func TestCommandsOfSubscriptionsAsJSON(t *testing.T) {
	note := credits.Note{Ref: "r", Reason: "asked", Labels: map[string]string{"a": "b"}}
	quote := credits.Quote{
		Seq: 7, Plan: "pro", Version: 2, Charge: cash("60.00 USD"), Next: cash("90.00 USD"), Grants: []credits.Granted{{Amount: n("400")}, {Unit: "GB", Amount: n("0.5")}},
	}
	plan := basic(annually, withUnit, func(p *credits.Plan) {
		p.For, p.Life, p.Once, p.Accrue = acme, credits.Years(2), true, true
		p.Leaving = credits.Leaving{Allowances: credits.Forfeit, AddOns: credits.Keep, Purchases: credits.Forfeit, Grants: credits.Keep}
	})
	for _, c := range []credits.Command{
		credits.Subscribe{Plan: plan, When: credits.AtEnd, Quote: quote, Note: note},
		credits.Subscribe{Plan: plan},
		credits.Cancel{When: credits.AtCycle, Note: note},
		credits.Lapse{Note: note},
		credits.Deactivate{Keep: true, Note: note},
		credits.Reactivate{Note: note},
		credits.SetUnits{AddOn: "credits", Scope: "ann", Units: 3, Quote: quote, Note: note},
		credits.SetUnits{AddOn: "credits"},
		credits.Reassign{AddOn: "credits", From: "ann", To: "bob", Note: note},
	} {
		data, err := credits.AppendCommand(nil, c)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		got, err := credits.ParseCommand(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", data, diff)
		}
	}
}
