package credits_test

import (
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

// ruled returns a plan under rules, with everything that can be done.
func ruled(rules ...credits.Rule) credits.Plan {
	return monthly("100", func(p *credits.Plan) {
		p.Access = rules
		p.Price = cash("10.00 USD")
		p.Packs = []credits.Pack{{ID: "extra", Size: n("10"), Price: cash("1.00 USD")}}
		p.Auto = credits.AutoPurchase{Pack: "extra", Size: n("10")}
		p.AddOns = []credits.AddOn{{ID: "seat", Scoped: true, Price: cash("2.00 USD"), Allowances: []credits.Allowance{{Amount: n("5")}}}}
	})
}

// governed are commands of each action, which go on a fresh wallet under [ruled]: lot 2 is its
// allowance, hold 3 and spend 4 are open, seat "bob" has a unit.
func governed(t testing.TB, note credits.Note) map[credits.Action][]credits.Command {
	other := monthly("200", func(p *credits.Plan) { p.ID, p.Price = "other", cash("20.00 USD") })
	all := map[credits.Action][]credits.Command{
		credits.ActSubscribe:  {credits.Subscribe{Plan: other, Note: note}, credits.Subscribe{Plan: other, When: credits.AtEnd, Note: note}},
		credits.ActCancel:     {credits.Cancel{Note: note}},
		credits.ActDeactivate: {credits.Deactivate{Note: note}},
		credits.ActBuy:        {credits.Buy{Pack: "extra", Amount: n("10"), Note: note}},
		credits.ActUnits: {
			credits.SetUnits{AddOn: "seat", Scope: "carl", Units: 1, Note: note},
			credits.Reassign{AddOn: "seat", From: "bob", To: "carl", Note: note},
		},
		credits.ActAuto:     {credits.SetAutoPurchase{On: true, Note: note}, credits.SetAutoPurchase{Note: note}},
		credits.ActMethod:   {credits.SetMethod{Method: credits.Method{Token: "t", Kind: "card"}, Note: note}},
		credits.ActInterest: {credits.Ask{About: "other", Note: note}},
		"operate": {
			credits.Grant{Amount: 1, Note: note},
			credits.Revoke{All: true, Note: note},
			credits.CarryOver{Amount: 1, Note: note},
			credits.Sell{Amount: 1, Price: cash("1.00 USD"), Note: note},
			credits.Lapse{Note: note},
			credits.SetZone{Zone: "Europe/Berlin", Note: note},
			credits.Erase{Entries: []credits.ID{1}, Note: note},
			credits.Reverse{Spend: 4, All: true, Note: note},
			credits.SetAutoPurchase{On: true, Resume: true, Note: note},
			credits.Approve{Request: 7, Note: note},
			credits.Dismiss{Request: 7, Note: credits.Note{Reason: "no"}},
		},
		"spend": {
			credits.Spend{Amount: 1, Note: note},
			credits.Reserve{Amount: 1, Until: day("2026-01-20"), Note: note},
			credits.Capture{Hold: 3, All: true, Note: note},
			credits.Release{Hold: 3, Note: note},
		},
	}
	return all
}

// openGoverned opens acme for [governed].
func openGoverned(r *rig, p credits.Plan) {
	r.open(p)
	r.do(credits.Reserve{Amount: n("1"), Until: day("2026-02-20")})
	r.do(credits.Spend{Amount: n("1")})
	r.do(credits.SetUnits{AddOn: "seat", Scope: "bob", Units: 1})
	r.do(credits.Ask{Command: credits.Grant{Amount: 1}})
}

// Who may do what: every action, under every kind of rule, by every kind of actor.
func TestPermissions(t *testing.T) {
	trial := admin
	trial.Trial = true
	nobody := credits.Actor{ID: "zoe"}
	actors := map[string]credits.Actor{
		"administrator": admin, "on trial": trial, "member": member, "without a role": nobody,
		"trial alone": {Trial: true}, "operator": operator, "system": {Role: credits.System}, "the host": {},
	}
	tests := []struct {
		name string
		rule credits.Rule // its action is the one that is tried; no rule at all if it is unset
		by   map[string]credits.Reason
		none bool // the plan has rules, and none for the action
	}{
		{name: "no rules", by: nil},
		{name: "no rule for it", none: true, by: map[string]credits.Reason{
			"administrator": credits.NotPermitted, "on trial": credits.NotPermitted, "member": credits.NotPermitted, "without a role": credits.NotPermitted, "trial alone": credits.NotPermitted,
		}},
		{name: "all roles", rule: credits.Rule{Via: credits.Directly}, by: map[string]credits.Reason{"on trial": credits.OnTrial, "trial alone": credits.OnTrial}},
		{name: "all roles and trials", rule: credits.Rule{Trial: true}, by: nil},
		{name: "administrators", rule: credits.Rule{Roles: []string{credits.Administrator}}, by: map[string]credits.Reason{
			"on trial": credits.OnTrial, "member": credits.NotPermitted, "without a role": credits.NotPermitted, "trial alone": credits.NotPermitted,
		}},
		{name: "administrators by code", rule: credits.Rule{Roles: []string{credits.Administrator}, Via: credits.ByCode, Trial: true}, by: map[string]credits.Reason{
			"administrator": credits.CodeNeeded, "on trial": credits.CodeNeeded, "member": credits.NotPermitted, "without a role": credits.NotPermitted, "trial alone": credits.NotPermitted,
		}},
		{name: "all by request", rule: credits.Rule{Via: credits.ByRequest}, by: map[string]credits.Reason{
			"administrator": credits.RequestNeeded, "on trial": credits.OnTrial, "member": credits.RequestNeeded, "without a role": credits.RequestNeeded, "trial alone": credits.OnTrial,
		}},
		{name: "by sales", rule: credits.Rule{Via: credits.BySales}, by: map[string]credits.Reason{
			"administrator": credits.NotSelfService, "on trial": credits.OnTrial, "member": credits.NotSelfService, "without a role": credits.NotSelfService, "trial alone": credits.OnTrial,
		}},
	}
	for _, tt := range tests {
		for action, cmds := range governed(t, why) {
			if action == credits.ActInterest && tt.rule.Via > credits.Directly || action == "operate" && !tt.none && tt.by != nil {
				continue
			}
			var rules []credits.Rule
			if tt.none || action == "operate" || action == "spend" {
				rules = []credits.Rule{{Action: "interest", Plans: []string{"nothing"}}}
			} else if tt.rule.Via != 0 || tt.rule.Trial || tt.rule.Roles != nil {
				rule := tt.rule
				rule.Action = action
				rules = []credits.Rule{rule}
			}
			if tt.name == "no rules" {
				rules = nil
			}
			r := newUncheckedRig(t, "2026-01-15", new(memory.Store))
			openGoverned(r, ruled(rules...))
			for _, cmd := range cmds {
				for who, actor := range actors {
					t.Run(fmt.Sprintf("CF-11/S-4/%s/%T/%s", tt.name, cmd, who), func(t *testing.T) {
						want := error(tt.by[who])
						customer := who != "operator" && who != "system" && who != "the host"
						switch {
						case action == "operate" && rules != nil && customer:
							want = credits.NotPermitted
						case action == "spend" || tt.by[who] == "":
							want = nil
						}
						if _, err := r.as(actor).ledger.Preview(r.ctx, acme, "try", cmd); !errors.Is(err, want) {
							t.Errorf("got %v, want %v", err, want)
						}
					})
				}
			}
		}
	}
}

// What a denial says would unblock it.
func TestPermissionRemedies(t *testing.T) {
	interest := credits.Rule{Action: credits.ActInterest, Plans: []string{"other"}, Trial: true}
	subscribe := credits.Subscribe{Plan: monthly("200", func(p *credits.Plan) { p.ID = "other" })}
	trial := admin
	trial.Trial = true
	tests := []struct {
		name  string
		rules []credits.Rule
		by    credits.Actor
		cmd   credits.Command
		why   credits.Reason
		want  []credits.Remedy
	}{
		{
			"S-4/ask a role",
			[]credits.Rule{{Action: credits.ActBuy, Roles: []string{"buyer", "administrator"}}},
			member,
			credits.Buy{Pack: "extra", Amount: n("10")},
			credits.NotPermitted,
			[]credits.Remedy{{Kind: credits.RemedyRole, Role: "buyer"}},
		},
		{
			"S-4/nobody may",
			[]credits.Rule{interest},
			admin,
			credits.Buy{Pack: "extra", Amount: n("10")},
			credits.NotPermitted, nil,
		},
		{
			"FD-05/ask an operator",
			[]credits.Rule{interest},
			admin,
			credits.Grant{Amount: 1},
			credits.NotPermitted,
			[]credits.Remedy{{Kind: credits.RemedyRole, Role: credits.Operator}},
		},
		{
			"CF-05/a code",
			[]credits.Rule{{Action: credits.ActSubscribe, Via: credits.ByCode}},
			admin,
			subscribe, credits.CodeNeeded,
			[]credits.Remedy{{Kind: credits.RemedyCode}},
		},
		{
			"GN-06/a request",
			[]credits.Rule{{Action: credits.ActSubscribe, Via: credits.ByRequest}},
			admin,
			subscribe, credits.RequestNeeded,
			[]credits.Remedy{{Kind: credits.RemedyRequest}},
		},
		{
			"CF-03/an interest",
			[]credits.Rule{{Action: credits.ActSubscribe, Via: credits.BySales}, interest},
			admin,
			subscribe, credits.NotSelfService,
			[]credits.Remedy{{Kind: credits.RemedyRequest}},
		},
		{
			"CF-03/no interest either",
			[]credits.Rule{{Action: credits.ActSubscribe, Via: credits.BySales}},
			admin,
			subscribe, credits.NotSelfService,
			[]credits.Remedy{{Kind: credits.RemedyRole, Role: credits.Operator}},
		},
		{
			"CF-11/an interest on trial",
			[]credits.Rule{{Action: credits.ActSubscribe}, interest},
			trial,
			subscribe, credits.OnTrial,
			[]credits.Remedy{{Kind: credits.RemedyRequest}},
		},
		{
			"S-4/the most direct way counts",
			[]credits.Rule{
				{Action: credits.ActSubscribe, Via: credits.BySales},
				{Action: credits.ActSubscribe, Via: credits.ByCode, Roles: []string{credits.Administrator}},
				{Action: credits.ActSubscribe, Via: credits.ByRequest},
			},
			admin,
			subscribe, credits.CodeNeeded,
			[]credits.Remedy{{Kind: credits.RemedyCode}},
		},
		{
			"CF-11/a way that is open on trial counts",
			[]credits.Rule{
				{Action: credits.ActSubscribe, Via: credits.ByCode}, {Action: credits.ActSubscribe, Via: credits.BySales, Trial: true}, interest,
			},
			trial,
			subscribe, credits.NotSelfService,
			[]credits.Remedy{{Kind: credits.RemedyRequest}},
		},
		{
			"CF-03/another plan",
			[]credits.Rule{{Action: credits.ActSubscribe, Plans: []string{"third"}}},
			admin,
			subscribe, credits.NotPermitted, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(ruled(tt.rules...))
			refusal := r.as(tt.by).refused(tt.cmd, tt.why)
			if diff := cmp.Diff(tt.want, refusal.Remedies); diff != "" {
				t.Errorf("remedies (-want +got):\n%s", diff)
			}
		})
	}
}

// A refusal gives the first reason that applies: malformed, not permitted, no active plan, and so on.
func TestReasonsInOrder(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(ruled(credits.Rule{Action: credits.ActBuy, Roles: []string{credits.Administrator}}))
	r.do(credits.Lapse{})
	bob, ann := r.as(member), r.as(admin)
	bob.invalid(credits.Buy{Pack: "none", Amount: 1, Note: credits.Note{Reason: "\x00"}}, "note.reason", nil)
	bob.refused(credits.Buy{Pack: "none", Amount: n("10")}, credits.NotPermitted)
	ann.refused(credits.Buy{Pack: "none", Amount: n("10")}, credits.NoPlan)
	bob.refused(credits.SetUnits{AddOn: "none", Units: 1}, credits.NotPermitted)
	bob.invalid(credits.SetUnits{AddOn: "none", Units: -1}, "units", nil)
	bob.refused(credits.Spend{Feature: "none", Quantity: 1}, credits.NoPlan) // spending is governed by no rule
}

// An operator says why, and that and who he is is kept.
func TestOperatorSaysWhy(t *testing.T) {
	for action, cmds := range governed(t, credits.Note{Ref: "ticket 7"}) {
		wants := action == credits.ActSubscribe || action == credits.ActDeactivate || action == "operate"
		for i, cmd := range cmds {
			if _, reasoned := cmd.(credits.Dismiss); reasoned {
				continue
			}
			t.Run(fmt.Sprintf("CF-13/FD-05/%T", cmd), func(t *testing.T) {
				r := newRig(t, "2026-01-15")
				openGoverned(r, ruled())
				staff := r.as(operator)
				if wants {
					staff.invalid(cmd, "note.reason", nil)
					cmd = governed(t, why)[action][i]
				}
				receipt := staff.do(cmd)
				for _, e := range receipt.Entries {
					if wants && e.Seq == receipt.Entries[0].Seq && (e.Actor != operator || e.Note.Reason != why.Reason) {
						t.Errorf("entry %v is kept as of %+v because of %q", e.Kind, e.Actor, e.Note.Reason)
					}
				}
			})
		}
	}
}

// Transfers are an operator's in both wallets.
func TestTransferPermission(t *testing.T) {
	free, strict := bare(), bare(func(p *credits.Plan) { p.Access = []credits.Rule{{Action: credits.ActBuy}} })
	for _, tt := range []struct {
		name     string
		from, to credits.Plan
		want     error
	}{
		{"S-11/no rules", free, free, nil},
		{"S-11/rules of the sender", strict, free, credits.NotPermitted},
		{"S-11/rules of the receiver", free, strict, credits.NotPermitted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(tt.from)
			r.do(credits.Grant{Amount: n("10")})
			r.doOn("other", credits.Open{Plan: tt.to})
			before := r.dump("")
			_, _, err := r.ledger.As(admin).Transfer(r.ctx, "t", credits.Transfer{From: acme, To: "other", Amount: n("4")})
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(before, r.dump("")); (diff != "") != (tt.want == nil) {
				t.Errorf("the stores differ by:\n%s", diff)
			}
		})
	}
}

// Rules that make no sense, by their paths.
func TestRulesValidate(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("r", i)
	}
	buy := func(change func(*credits.Rule)) credits.Rule {
		r := credits.Rule{Action: credits.ActBuy}
		change(&r)
		return r
	}
	tests := []struct {
		name string
		rule credits.Rule
		path string // empty if it is good
	}{
		{"every role by code", buy(func(r *credits.Rule) { r.Via = credits.ByCode }), ""},
		{"a host's own role", buy(func(r *credits.Rule) { r.Roles = []string{"billing manager"} }), ""},
		{"100 roles", buy(func(r *credits.Rule) { r.Roles = many[:100] }), ""},
		{"101 roles", buy(func(r *credits.Rule) { r.Roles = many }), "access[0].roles"},
		{"100 plans", credits.Rule{Action: credits.ActInterest, Plans: many[:100]}, ""},
		{"101 plans", credits.Rule{Action: credits.ActInterest, Plans: many}, "access[0].plans"},
		{"no action", credits.Rule{}, "access[0].action"},
		{"an unknown action", credits.Rule{Action: "sell"}, "access[0].action"},
		{"what is an operator's", credits.Rule{Action: "operate"}, "access[0].action"},
		{"plans of what is about none", buy(func(r *credits.Rule) { r.Plans = []string{"plus"} }), "access[0].plans"},
		{"a plan without a name", credits.Rule{Action: credits.ActSubscribe, Plans: []string{""}}, "access[0].plans[0]"},
		{"a role without a name", buy(func(r *credits.Rule) { r.Roles = []string{"a", ""} }), "access[0].roles[1]"},
		{"a role of 65 bytes", buy(func(r *credits.Rule) { r.Roles = []string{strings.Repeat("r", 65)} }), "access[0].roles[0]"},
		{"operators", buy(func(r *credits.Rule) { r.Roles = []string{credits.Operator} }), "access[0].roles[0]"},
		{"the system", buy(func(r *credits.Rule) { r.Roles = []string{credits.System} }), "access[0].roles[0]"},
		{"an unknown way", buy(func(r *credits.Rule) { r.Via = 5 }), "access[0].via"},
		{"an interest by code", credits.Rule{Action: credits.ActInterest, Via: credits.ByCode}, "access[0].via"},
	}
	for _, tt := range tests {
		t.Run("CF-11/"+tt.name, func(t *testing.T) {
			err := ruled(tt.rule).Validate()
			if tt.path == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			var fault *credits.InvalidError
			if !errors.As(err, &fault) || fault.Field != tt.path {
				t.Errorf("got %v, want %s", err, tt.path)
			}
		})
	}
	if err := ruled(slices.Repeat([]credits.Rule{{Action: credits.ActBuy}}, 101)...).Validate(); !errors.Is(err, credits.ErrLimit) {
		t.Errorf("101 rules: %v", err)
	}
	if err := ruled(slices.Repeat([]credits.Rule{{Action: credits.ActBuy}}, 100)...).Validate(); err != nil {
		t.Errorf("100 rules: %v", err)
	}
}

// The rules are those of the plan that the wallet has now, and when it ended those of the last.
func TestRulesOfTheCurrentPlan(t *testing.T) {
	r := newRig(t, "2026-01-15")
	open := ruled(credits.Rule{Action: credits.ActBuy}, credits.Rule{Action: credits.ActCancel})
	closed := ruled(credits.Rule{Action: credits.ActInterest})
	closed.ID = "closed"
	r.open(open)
	ann := r.as(admin)
	buy := credits.Buy{Pack: "extra", Amount: n("10")}
	ann.do(buy)
	r.do(credits.Subscribe{Plan: closed, When: credits.AtCycle})
	ann.do(buy)
	r.at("2026-02-15")
	ann.refused(buy, credits.NotPermitted)
	r.do(credits.Lapse{})
	ann.refused(buy, credits.NotPermitted)
	ann.refused(credits.Reactivate{}, credits.NotPermitted)
	r.do(credits.Reactivate{})
}

// An actor is kept with his trial, which is no part of what a key is bound to.
func TestTrialIsKept(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(ruled(credits.Rule{Action: credits.ActInterest, Trial: true}))
	trial := admin
	trial.Trial = true
	ask := credits.Ask{About: "plus", Contact: "crm-7"}
	receipt := r.as(trial).do(ask)
	if got := receipt.Entries[0].Actor; got != trial {
		t.Errorf("CF-11: the entry is of %+v", got)
	}
	again, err := r.ledger.As(admin).Do(r.ctx, acme, receipt.Key, ask) // when the trial is over
	if err != nil || !again.Replayed || again.Entries[0].Actor != trial {
		t.Errorf("I-1: got %+v and %v", again.Entries, err)
	}
	r.do(credits.Erase{Entries: []credits.ID{receipt.ID}})
	if err := r.ledger.Verify(r.ctx, acme); err != nil {
		t.Error(err)
	}
}

// A command that is denied changes nothing, whatever the rules, the actor, and what was done before.
func TestDeniedChangesNothing(t *testing.T) {
	rng := seeded(t)
	pick := func(n int) bool { return rng.IntN(n) == 0 }
	roles := []string{credits.Administrator, credits.Member, "buyer", ""}
	for round := range 40 {
		var rules []credits.Rule
		for _, action := range []credits.Action{
			credits.ActSubscribe, credits.ActCancel, credits.ActDeactivate, credits.ActBuy, credits.ActUnits, credits.ActAuto,
			credits.ActMethod, credits.ActInterest,
		} {
			rule := credits.Rule{Action: action, Trial: pick(2)}
			if action != credits.ActInterest {
				rule.Via = credits.Via(rng.IntN(5))
			}
			if pick(2) {
				rule.Roles = roles[:1+rng.IntN(3)]
			}
			if !pick(3) {
				rules = append(rules, rule)
			}
		}
		if len(rules) == 0 {
			continue
		}
		r := newUncheckedRig(t, "2026-01-15", new(memory.Store))
		openGoverned(r, ruled(rules...))
		var cmds []credits.Command
		for _, some := range governed(t, why) {
			cmds = append(cmds, some...)
		}
		denied := 0
		for step := range 30 {
			actor := credits.Actor{ID: "zoe", Role: roles[rng.IntN(4)], Trial: pick(3)}
			cmd := cmds[rng.IntN(len(cmds))]
			if pick(3) {
				r.clock.Add(time.Duration(rng.IntN(1000)) * time.Hour)
				r.tick()
			}
			before := r.dump("")
			_, err := r.ledger.As(actor).Do(r.ctx, acme, credits.Key(fmt.Sprintf("%d/%d", round, step)), cmd)
			var refusal *credits.RefusedError
			if !errors.As(err, &refusal) || refusal.Kept {
				continue
			}
			denied++
			if diff := cmp.Diff(before, r.dump("")); diff != "" {
				t.Fatalf("S-4: %+v by %+v was refused with %v and changed the store (-before +after):\n%s", cmd, actor, err, diff)
			}
			if refusal.Reason == credits.NotPermitted || refusal.Reason == credits.OnTrial {
				if _, err := r.ledger.As(actor).Do(r.ctx, acme, "again", credits.Ask{Command: cmd}); err == nil {
					t.Fatalf("CF-11: %+v was denied %T, and could ask for it", actor, cmd)
				}
			}
		}
		if denied == 0 {
			t.Errorf("round %d: nothing was denied", round)
		}
	}
}
