package credits_test

import (
	"errors"
	"testing"

	"example.com/credits"
)

// amounts at the bound and one beyond, for every command that takes one.

// amountCase is a command at the bound, on a wallet that was set up for it.
type amountCase struct {
	name    string
	plan    credits.Plan
	setUp   func(r *rig)
	command func(r *rig) credits.Command
	field   string // of the error; empty if it is done
	reason  credits.Reason
}

func amountCases() []amountCase {
	const most = credits.AmountMax
	until := day("2026-01-02")
	full := func(r *rig) { r.do(credits.Grant{Amount: most}) }
	owing := func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited}} }
	packs := func(p *credits.Plan) { p.Packs = []credits.Pack{{ID: "x", Size: 1, Price: cash("0.00 USD")}} }
	return []amountCase{
		{name: "grant", command: func(*rig) credits.Command { return credits.Grant{Amount: most} }},
		{name: "grant one beyond", setUp: full, command: func(*rig) credits.Command { return credits.Grant{Amount: 1} }, field: "amount"},
		{name: "grant beyond what is held", setUp: func(r *rig) { full(r); r.do(credits.Reserve{Amount: most, Until: until}) }, command: func(*rig) credits.Command { return credits.Grant{Amount: 1} }, field: "amount"},
		{name: "grant ahead, beyond what is there", setUp: full, command: func(*rig) credits.Command { return credits.Grant{Amount: 1, Starts: until} }, field: "amount"},
		{name: "grant beyond what starts later", setUp: func(r *rig) { r.do(credits.Grant{Amount: most, Starts: until}) }, command: func(*rig) credits.Command { return credits.Grant{Amount: 1} }, field: "amount"},
		{name: "grant of another unit", setUp: full, command: func(*rig) credits.Command { return credits.Grant{Amount: most, Unit: "GB"} }},
		{name: "spend", setUp: full, command: func(*rig) credits.Command { return credits.Spend{Amount: most} }},
		{name: "spend more than there is", command: func(*rig) credits.Command { return credits.Spend{Amount: most} }, reason: credits.Insufficient},
		{name: "owe", plan: bare(owing), command: func(*rig) credits.Command { return credits.Spend{Amount: most} }},
		{name: "owe one beyond", plan: bare(owing), setUp: func(r *rig) { r.do(credits.Spend{Amount: most}) }, command: func(*rig) credits.Command { return credits.Spend{Amount: 1} }, reason: credits.Insufficient},
		{name: "reserve", setUp: full, command: func(*rig) credits.Command { return credits.Reserve{Amount: most, Until: until} }},
		{name: "capture", setUp: full, command: func(r *rig) credits.Command {
			return credits.Capture{Hold: r.do(credits.Reserve{Amount: most, Until: until}).ID, Amount: most}
		}},
		{name: "capture one beyond", setUp: full, command: func(r *rig) credits.Command {
			return credits.Capture{Hold: r.do(credits.Reserve{Amount: most - 1, Until: until}).ID, Amount: most}
		}, reason: credits.Insufficient},
		{name: "reverse", setUp: full, command: func(r *rig) credits.Command {
			return credits.Reverse{Spend: r.do(credits.Spend{Amount: most}).ID, Amount: most}
		}},
		{name: "reverse one beyond", setUp: full, command: func(r *rig) credits.Command {
			s := r.do(credits.Spend{Amount: most})
			r.do(credits.Grant{Amount: 1})
			return credits.Reverse{Spend: s.ID, Amount: most}
		}, field: "amount"},
		{name: "buy", plan: bare(packs), command: func(*rig) credits.Command { return credits.Buy{Pack: "x", Amount: most} }},
		{name: "buy one beyond", plan: bare(packs), setUp: full, command: func(*rig) credits.Command { return credits.Buy{Pack: "x", Amount: 1} }, field: "amount"},
		{name: "buy what costs too much", plan: bare(func(p *credits.Plan) {
			packs(p)
			p.Packs[0].Price = cash("1.00 USD")
		}), command: func(*rig) credits.Command { return credits.Buy{Pack: "x", Amount: most} }, field: "amount"},
		{name: "carry over", plan: monthly(most.String()), command: func(*rig) credits.Command { return credits.CarryOver{Amount: most} }},
		{name: "carry over one beyond", plan: monthly("1"), command: func(*rig) credits.Command { return credits.CarryOver{Amount: most} }, reason: credits.Insufficient},
		{name: "spend by a rate", plan: bare(func(p *credits.Plan) { p.Features["run"] = credits.Rate{Credits: most} }), setUp: full, command: func(*rig) credits.Command { return credits.Spend{Feature: "run", Quantity: 1} }},
		{name: "spend by a rate, one beyond", plan: bare(func(p *credits.Plan) { p.Features["run"] = credits.Rate{Credits: most} }), setUp: full, command: func(*rig) credits.Command { return credits.Spend{Feature: "run", Quantity: 2} }, field: "quantity"},
	}
}

func TestAmountsAtTheBound(t *testing.T) {
	for _, tt := range amountCases() {
		t.Run("A-1/"+tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			if tt.plan.ID == "" {
				tt.plan = bare()
			}
			r.open(tt.plan)
			if tt.setUp != nil {
				tt.setUp(r)
			}
			c := tt.command(r)
			switch {
			case tt.field != "":
				err := r.fails(c)
				var fault *credits.InvalidError
				if !errors.As(err, &fault) || fault.Field != tt.field || !errors.Is(err, credits.ErrLimit) {
					t.Errorf("got %v, want ErrLimit of %q", err, tt.field)
				}
			case tt.reason != "":
				r.refused(c, tt.reason)
			default:
				r.do(c)
			}
		})
	}
}

func TestTimeNeverOverflows(t *testing.T) {
	// V14: whatever was accepted, no instant comes at which the wallet cannot be
	// read or written any more.
	const most = credits.AmountMax
	tests := []struct {
		name string
		plan credits.Plan
		fill []credits.Command // those that are refused are passed over
	}{
		{"an allowance", monthly("10"), []credits.Command{credits.Grant{Amount: most}, credits.Grant{Amount: most - n("10")}, credits.Grant{Amount: n("5")}}},
		{"an allowance and what rolls over", monthly("10", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 100 * credits.Percent }), []credits.Command{
			credits.Grant{Amount: most - n("10")},
		}},
		{"an allowance of the most, rolled over", monthly(most.String(), func(p *credits.Plan) {
			p.Allowances[0].Rollover = credits.Rollover{Share: 100 * credits.Percent, Life: credits.Forever}
		}), nil},
		{"grants ahead", bare(), []credits.Command{
			credits.Grant{Amount: most, Starts: day("2026-01-05")}, credits.Grant{Amount: most, Starts: day("2026-01-05")},
		}},
		{"a grant ahead, and one before it starts", bare(), []credits.Command{
			credits.Grant{Amount: most, Starts: day("2026-01-05")}, credits.Grant{Amount: most},
		}},
		{"a debt that is forgiven", bare(func(p *credits.Plan) {
			p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited, AtReset: credits.ForgiveDebt}}
		}), []credits.Command{credits.Grant{Amount: most, Features: []string{"run"}}, credits.Spend{Amount: most}}},
		{"held, and an allowance", monthly("10"), []credits.Command{
			credits.Grant{Amount: most - n("10")}, credits.Reserve{Amount: most, Until: day("2026-03-05")},
		}},
		{"carried over", monthly(most.String()), []credits.Command{credits.CarryOver{Amount: most}}},
	}
	for _, tt := range tests {
		t.Run("V14/"+tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			if _, err := r.ledger.Do(r.ctx, acme, "open", credits.Open{Plan: tt.plan}); errors.Is(err, credits.ErrLimit) {
				return // refused from the start
			} else if err != nil {
				t.Fatal(err)
			}
			for _, c := range tt.fill {
				_, err := r.ledger.Do(r.ctx, acme, r.key(), c)
				if err != nil && !errors.Is(err, credits.ErrLimit) && !errors.Is(err, credits.ErrRefused) {
					t.Fatal(err)
				}
			}
			for _, at := range []string{"2026-01-05", "2026-02-01", "2026-03-01", "2026-04-01"} {
				r.at(at)
				w, err := r.ledger.Wallet(r.ctx, acme)
				if err != nil {
					t.Fatalf("at %s: %v", at, err)
				}
				if b := w.Balance("", ""); b.Available < 0 || b.Held < 0 || b.Pending < 0 || b.Debt < 0 {
					t.Errorf("at %s: the balance is %+v", at, b)
				}
			}
			r.do(credits.Revoke{All: true})
			r.do(credits.Grant{Amount: 1, Unit: "GB"})
		})
	}
	t.Run("V14/one wallet's trouble stops no other's tick", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		r.quick(credits.Grant{Amount: n("1")})
		r.ledger.Do(r.ctx, acme, "full", credits.Grant{Amount: credits.AmountMax - n("11")})
		r.doOn("bob", credits.Open{Plan: monthly("10")})
		r.at("2026-02-01")
		if got := r.tick(); got != 2 {
			t.Errorf("tick wrote %d wallets, want 2", got)
		}
	})
}
