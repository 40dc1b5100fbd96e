package credits_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

func TestSameKeySameRequest(t *testing.T) {
	// I-1: defaults filled in, order of maps and sets aside, fractions below a
	// microsecond dropped: the request is the same.
	tests := []struct {
		name         string
		first, again credits.Command
	}{
		{"I-1/default priority", credits.Grant{Amount: 1}, credits.Grant{Amount: 1, Priority: 100}},
		{"I-1/default priority of a scope", credits.Grant{Amount: 1, Scope: "ann"}, credits.Grant{Amount: 1, Scope: "ann", Priority: 50}},
		{"I-1/features in any order", credits.Grant{Amount: 1, Features: []string{"a", "b"}}, credits.Grant{Amount: 1, Features: []string{"b", "a"}}},
		{"I-1/default policy", credits.Reserve{Amount: 1, Until: day("2026-01-02")}, credits.Reserve{Amount: 1, Until: day("2026-01-02"), Over: credits.RefuseOver}},
		{"I-1/instants in another zone", credits.Reserve{Amount: 1, Until: day("2026-01-02")}, credits.Reserve{Amount: 1, Until: day("2026-01-02").In(time.FixedZone("x", 3600))}},
		{"I-1/no labels", credits.Spend{Amount: 1}, credits.Spend{Amount: 1, Note: credits.Note{Labels: map[string]string{}}, Factors: map[string]int64{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("10"))
			first, err := r.ledger.Do(r.ctx, acme, "k", tt.first)
			if err != nil {
				t.Fatal(err)
			}
			r.at("2026-01-20")
			again, err := r.ledger.Do(r.ctx, acme, "k", tt.again)
			if err != nil || !again.Replayed || again.ID != first.ID || !again.At.Equal(first.At) {
				t.Errorf("got %+v, %v, want the receipt of %+v", again, err, first)
			}
		})
	}
}

func TestSameKeyAnotherRequest(t *testing.T) {
	note := func(n credits.Note) credits.Spend { return credits.Spend{Amount: 1, Note: n} }
	reserve := credits.Reserve{Amount: 1, Until: day("2026-01-02")}
	over, until := reserve, reserve
	over.Over, until.Until = credits.DrawAll, day("2026-01-03")
	tests := []struct {
		name         string
		first, again credits.Command
		field        string
	}{
		{"I-1/verb", credits.Spend{Amount: 1}, credits.Grant{Amount: 1}, "command"},
		{"I-1/amount", credits.Spend{Amount: 1}, credits.Spend{Amount: 2}, "amount"},
		{"I-1/unit", credits.Grant{Amount: 1}, credits.Grant{Amount: 1, Unit: "GB"}, "unit"},
		{"I-1/feature", credits.Spend{Feature: "run", Quantity: 1}, credits.Spend{Feature: "off", Quantity: 1}, "feature"},
		{"I-1/quantity", credits.Spend{Feature: "run", Quantity: 1}, credits.Spend{Feature: "run", Quantity: 2}, "quantity"},
		{"I-1/factors", credits.Spend{Feature: "run", Quantity: 1}, credits.Spend{Feature: "run", Quantity: 1, Factors: map[string]int64{"x": 1}}, "factors"},
		{"I-1/scope", credits.Spend{Amount: 1}, credits.Spend{Amount: 1, Scope: "ann"}, "scope"},
		{"I-1/occurred", credits.Spend{Amount: 1}, credits.Spend{Amount: 1, Occurred: day("2025-12-31")}, "occurred"},
		{"I-1/reference", note(credits.Note{}), note(credits.Note{Ref: "a"}), "note.ref"},
		{"I-1/reason", note(credits.Note{}), note(credits.Note{Reason: "a"}), "note.reason"},
		{"I-1/labels", note(credits.Note{Labels: map[string]string{"a": "b"}}), note(credits.Note{Labels: map[string]string{"a": "c"}}), "note.labels"},
		{"I-1/labels cut elsewhere", note(credits.Note{Labels: map[string]string{"a": "bc"}}), note(credits.Note{Labels: map[string]string{"ab": "c"}}), "note.labels"},
		{"I-1/deadline", reserve, until, "until"},
		{"I-1/policy", reserve, over, "over"},
		{"I-1/starts", credits.Grant{Amount: 1}, credits.Grant{Amount: 1, Starts: day("2026-01-02")}, "starts"},
		{"I-1/expires", credits.Grant{Amount: 1}, credits.Grant{Amount: 1, Expires: day("2026-01-02")}, "expires"},
		{"I-1/priority", credits.Grant{Amount: 1}, credits.Grant{Amount: 1, Priority: 99}, "priority"},
		{"I-1/features", credits.Grant{Amount: 1, Features: []string{"ab"}}, credits.Grant{Amount: 1, Features: []string{"a", "b"}, Priority: 50}, "features"},
		{"I-1/paid", credits.Grant{Amount: 1}, credits.Grant{Amount: 1, Paid: cash("0.00 USD")}, "paid"},
		{"I-1/all", credits.Revoke{Lot: 2}, credits.Revoke{All: true}, "lot"},
		{"I-1/switch", credits.SetAutoPurchase{}, credits.SetAutoPurchase{On: true}, "on"},
		{"I-1/zone", credits.SetZone{Zone: "UTC"}, credits.SetZone{Zone: "Asia/Tokyo"}, "zone"},
		{"I-1/entries", credits.Erase{Entries: []credits.ID{1}}, credits.Erase{Entries: []credits.ID{2}}, "entries"},
		{"I-1/entries and what follows", credits.Erase{Entries: []credits.ID{1, 2}, Note: credits.Note{Ref: "\x01"}}, credits.Erase{Entries: []credits.ID{1}, Note: credits.Note{Ref: "\x01\x01"}}, "entries"},
		{"I-1/even if it could never succeed", credits.Spend{Amount: 1}, credits.Spend{Amount: -1}, "amount"},
		{"I-1/even if it is refused", credits.Spend{Amount: 1}, credits.Spend{Amount: credits.AmountMax}, "amount"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("10"))
			if _, err := r.ledger.Do(r.ctx, acme, "k", tt.first); err != nil {
				t.Fatal(err)
			}
			before := r.dump("")
			_, err := r.ledger.Do(r.ctx, acme, "k", tt.again)
			checkInvalid(t, err, tt.field, credits.ErrKeyReused)
			if diff := cmp.Diff(before, r.dump("")); diff != "" {
				t.Errorf("it changed the store:\n%s", diff)
			}
		})
	}
}

func TestKeysAndWhatTheyAreBoundTo(t *testing.T) {
	t.Run("I-1/plan and zone", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		first, err := r.ledger.Do(r.ctx, acme, "k", credits.Open{Plan: bare()})
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.ledger.Do(r.ctx, acme, "k", credits.Open{Plan: bare(), Zone: "UTC"})
		if err != nil || !again.Replayed || again.ID != first.ID {
			t.Errorf("got %+v, %v, want the first receipt", again, err)
		}
		_, err = r.ledger.Do(r.ctx, acme, "k", credits.Open{Plan: monthly("1")})
		checkInvalid(t, err, "plan", credits.ErrKeyReused)
		_, err = r.ledger.Do(r.ctx, acme, "k", credits.Open{Plan: bare(), Zone: "Asia/Tokyo"})
		checkInvalid(t, err, "zone", credits.ErrKeyReused)
		r.invalid(credits.Open{Plan: bare()}, "wallet", credits.ErrExists)
	})
	t.Run("I-1/actor", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		ann := r.ledger.As(credits.Actor{ID: "ann", Role: "member"})
		if _, err := ann.Do(r.ctx, acme, "k", credits.Spend{Amount: 1}); err != nil {
			t.Fatal(err)
		}
		_, err := r.ledger.Do(r.ctx, acme, "k", credits.Spend{Amount: 1})
		checkInvalid(t, err, "actor.id", credits.ErrKeyReused)
		_, err = r.ledger.As(credits.Actor{ID: "ann", Role: "admin"}).Do(r.ctx, acme, "k", credits.Spend{Amount: 1})
		checkInvalid(t, err, "actor.role", credits.ErrKeyReused)
	})
	t.Run("I-1/a key belongs to its wallet", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		for _, id := range []credits.WalletID{"ann", "bob"} {
			if receipt, err := r.ledger.Do(r.ctx, id, "k", credits.Open{Plan: bare()}); err != nil || receipt.Replayed {
				t.Errorf("%s: %+v, %v", id, receipt, err)
			}
		}
	})
}

func TestRefusalChangesNothing(t *testing.T) {
	t.Run("S-4/the same key may succeed later", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		if _, err := r.ledger.Do(r.ctx, acme, "k", credits.Spend{Amount: n("5")}); !errors.Is(err, credits.Insufficient) {
			t.Fatalf("got %v", err)
		}
		r.do(credits.Grant{Amount: n("5")})
		if receipt, err := r.ledger.Do(r.ctx, acme, "k", credits.Spend{Amount: n("5")}); err != nil || receipt.Replayed {
			t.Errorf("got %+v, %v, want it to be done", receipt, err)
		}
	})
	t.Run("S-4/the same key with another command", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.ledger.Do(r.ctx, acme, "k", credits.Spend{Amount: n("5")})
		if _, err := r.ledger.Do(r.ctx, acme, "k", credits.Grant{Amount: n("5")}); err != nil {
			t.Error(err)
		}
	})
	t.Run("S-4/nor what is due", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		r.at("2026-02-01")
		r.refused(credits.Spend{Amount: n("11")}, credits.Insufficient)
	})
}

func TestRefusals(t *testing.T) {
	plan := core("10000", func(p *credits.Plan) { p.Features["upload"] = credits.Rate{Unit: "GB", Credits: credits.Credit} })
	tests := []struct {
		name   string
		setUp  func(r *rig)
		spend  credits.Spend
		reason credits.Reason
		want   []credits.Remedy
		text   string
	}{
		{
			name: "S-4/feature not in plan", spend: credits.Spend{Feature: "fly", Quantity: 1}, reason: credits.NotInPlan,
			want: []credits.Remedy{{Kind: credits.RemedyPlan}}, text: `credits: wallet "acme": feature not in plan: feature fly`,
		},
		{
			name: "S-4/wait, enable, or buy", spend: credits.Spend{Amount: n("10000.5")}, reason: credits.Insufficient,
			setUp: func(r *rig) { r.do(credits.Grant{Amount: n("1"), Starts: day("2026-01-09")}) },
			want: []credits.Remedy{
				{Kind: credits.RemedyWait, Until: day("2026-01-09")},
				{Kind: credits.RemedyAuto},
				{Kind: credits.RemedyBuy, Pack: "extra", Buy: n("1000"), Price: cash("0.90 USD")},
			},
			text: `credits: wallet "acme": insufficient credits: need 10000.5, have 10000`,
		},
		{
			name: "S-4/wait for a reset", spend: credits.Spend{Amount: n("6000")}, reason: credits.Insufficient,
			setUp: func(r *rig) { r.do(credits.Spend{Amount: n("5000")}) },
			want: []credits.Remedy{
				{Kind: credits.RemedyWait, Until: day("2026-02-01")},
				{Kind: credits.RemedyAuto},
				{Kind: credits.RemedyBuy, Pack: "extra", Buy: n("1000"), Price: cash("0.90 USD")},
			},
			text: `credits: wallet "acme": insufficient credits: need 6000, have 5000`,
		},
		{
			name: "S-4/buy so many packs", spend: credits.Spend{Amount: n("55555.000001")}, reason: credits.Insufficient,
			want: []credits.Remedy{{Kind: credits.RemedyBuy, Pack: "extra", Buy: n("46000"), Price: cash("41.40 USD")}},
			text: `credits: wallet "acme": insufficient credits: need 55555.000001, have 10000`,
		},
		{
			name: "S-4/limit before insufficient", spend: credits.Spend{Amount: n("20000.5")}, reason: credits.LimitReached,
			setUp: func(r *rig) { r.do(credits.SetAutoPurchase{On: true}) },
			want: []credits.Remedy{
				{Kind: credits.RemedyLimit},
				{Kind: credits.RemedyBuy, Pack: "extra", Buy: n("11000"), Price: cash("9.90 USD")},
			},
			text: `credits: wallet "acme": limit reached: need 20000.5, have 10000`,
		},
		{
			name: "S-4/nothing helps", spend: credits.Spend{Feature: "upload", Quantity: 1}, reason: credits.Insufficient,
			text: `credits: wallet "acme": insufficient credits: need 1, have 0 GB`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(plan)
			if tt.setUp != nil {
				tt.setUp(r)
			}
			refusal := r.refused(tt.spend, tt.reason)
			if diff := cmp.Diff(tt.want, refusal.Remedies); diff != "" {
				t.Errorf("remedies (-want +got):\n%s", diff)
			}
			if refusal.Error() != tt.text {
				t.Errorf("the error is %q, want %q", refusal, tt.text)
			}
		})
	}
}

func TestRefusalsInOrder(t *testing.T) {
	plan := core("10000")
	t.Run("S-4/malformed before not in plan", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(plan)
		r.invalid(credits.Spend{Feature: "fly", Quantity: -1}, "quantity", nil)
		r.invalid(credits.Spend{Feature: "fly", Quantity: 1, Occurred: day("2027-01-01")}, "occurred", nil)
		r.refused(credits.Spend{Feature: "fly", Amount: n("99999")}, credits.NotInPlan)
	})
}
