package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// held is a wallet with a lot of 100 until 10 January, and a hold of 60 of it
// until 5 January.
func held(t *testing.T, over credits.Over) (r *rig, lot, hold credits.ID) {
	t.Helper()
	r = newRig(t, "2026-01-01")
	r.open(bare())
	g := r.do(credits.Grant{Amount: n("100"), Expires: day("2026-01-10")})
	h := r.do(credits.Reserve{Feature: "run", Quantity: 60, Until: day("2026-01-05"), Over: over})
	return r, g.ID, h.ID
}

func TestReserve(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	a := r.do(credits.Grant{Amount: n("40"), Expires: day("2026-01-10")})
	b := r.do(credits.Grant{Amount: n("60")})
	h := r.do(credits.Reserve{Feature: "run", Quantity: 50, Until: day("2026-01-05"), Scope: "ann"})
	want := credits.Hold{
		ID: h.ID, Amount: n("50"), Parts: []credits.HoldPart{{Lot: a.ID, Amount: n("40")}, {Lot: b.ID, Amount: n("10")}},
		Until: day("2026-01-05"), Feature: "run", Scope: "ann", Over: credits.RefuseOver,
	}
	got, ok := h.Hold()
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("S-6: the hold of the receipt (-want +got):\n%s", diff)
	}
	for open := range r.wallet().Holds() {
		if diff := cmp.Diff(want, open); diff != "" {
			t.Errorf("S-6: the hold of the wallet (-want +got):\n%s", diff)
		}
	}
	if bal := r.wallet().Balance("", ""); bal.Held != n("50") || bal.Available != n("50") {
		t.Errorf("the balance is %+v", bal)
	}
}

func TestHoldDeadline(t *testing.T) {
	tests := []struct {
		name string
		at   string
		open bool
	}{
		{"T-1/before its deadline", "2026-01-04 23:59:59.999999", true},
		{"T-1/at its deadline", "2026-01-05", false},
		{"S-6/long after", "2026-01-09", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _, hold := held(t, 0)
			r.at(tt.at)
			if tt.open {
				r.has("40")
				r.do(credits.Capture{Hold: hold, All: true})
				return
			}
			r.has("100")
			refusal := r.refused(credits.Capture{Hold: hold, All: true}, credits.Ended)
			if want := "the hold was timed out at 2026-01-05T00:00:00Z"; refusal.Detail != want {
				t.Errorf("the detail is %q, want %q", refusal.Detail, want)
			}
			r.refused(credits.Release{Hold: hold}, credits.Ended)
			r.tick()
			r.told(3, "timed out 60")
		})
	}
}

func TestCapture(t *testing.T) {
	tests := []struct {
		name      string
		over      credits.Over
		capture   credits.Capture
		spent     string
		uncovered string
		available string
	}{
		{name: "S-6/all", capture: credits.Capture{All: true}, spent: "60", available: "40"},
		{name: "S-6/less releases the rest", capture: credits.Capture{Amount: n("0.000001")}, spent: "0.000001", available: "99.999999"},
		{name: "S-6/a quantity", capture: credits.Capture{Quantity: 7}, spent: "7", available: "93"},
		{name: "S-6/as much as is held", capture: credits.Capture{Amount: n("60")}, spent: "60", available: "40"},
		{name: "S-6/nothing", capture: credits.Capture{Free: true}, spent: "0", available: "100"},
		{name: "S-6/more, drawn", over: credits.DrawAll, capture: credits.Capture{Amount: n("100")}, spent: "100", available: "0"},
		{name: "S-6/more, by quantity", over: credits.DrawSome, capture: credits.Capture{Quantity: 99}, spent: "99", available: "1"},
		{name: "S-6/more, as far as it goes", over: credits.DrawSome, capture: credits.Capture{Amount: n("103")}, spent: "100", uncovered: "3", available: "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _, hold := held(t, tt.over)
			tt.capture.Hold = hold
			c := r.do(tt.capture)
			if c.Amount != n(tt.spent) {
				t.Errorf("%v were spent, want %s", c.Amount, tt.spent)
			}
			if tt.uncovered == "" {
				tt.uncovered = "0"
			}
			if e := c.Entries[0]; e.Uncovered != n(tt.uncovered) || e.Of != hold || e.Feature != "run" {
				t.Errorf("the entry is %+v, want %s uncovered", e, tt.uncovered)
			}
			r.has(tt.available)
			r.refused(credits.Release{Hold: hold}, credits.Ended)
		})
	}
}

func TestCaptureInvalid(t *testing.T) {
	r, lot, hold := held(t, 0)
	tests := []struct {
		name    string
		command credits.Command
		field   string
		class   error
	}{
		{"two ways", credits.Capture{Hold: hold, Amount: 1, All: true}, "amount", nil},
		{"amount and quantity", credits.Capture{Hold: hold, Amount: 1, Quantity: 1}, "amount", nil},
		{"free and all", credits.Capture{Hold: hold, Free: true, All: true}, "amount", nil},
		{"no hold", credits.Capture{All: true}, "hold", credits.ErrNotFound},
		{"a lot, not a hold", credits.Capture{Hold: lot, All: true}, "hold", credits.ErrNotFound},
		{"a hold to come", credits.Capture{Hold: 99, All: true}, "hold", credits.ErrNotFound},
		{"release of none", credits.Release{Hold: 99}, "hold", credits.ErrNotFound},
		{"no deadline", credits.Reserve{Amount: 1}, "until", nil},
		{"deadline now", credits.Reserve{Amount: 1, Until: day("2026-01-01")}, "until", nil},
		{"deadline too far", credits.Reserve{Amount: 1, Until: day("2027-01-02 00:00:00.000001")}, "until", credits.ErrLimit},
		{"unknown policy", credits.Reserve{Amount: 1, Until: day("2026-01-02"), Over: 9}, "over", nil},
		{"nothing", credits.Reserve{Until: day("2026-01-02")}, "amount", nil},
		{"quantity zero", credits.Reserve{Feature: "run", Until: day("2026-01-02")}, "quantity", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.in(t).invalid(tt.command, tt.field, tt.class)
		})
	}
	r.do(credits.Reserve{Amount: 1, Until: day("2027-01-02")}) // 366 days
}

func TestHeldPartOutlivesItsLot(t *testing.T) {
	ends := []struct {
		name string
		end  func(r *rig, lot credits.ID)
		fate credits.Account
	}{
		{"S-6/expiry", func(r *rig, _ credits.ID) { r.at("2026-01-10") }, credits.Expired},
		{"S-6/revocation", func(r *rig, lot credits.ID) { r.do(credits.Revoke{Lot: lot}) }, credits.Revoked},
		{"S-6/revocation of all", func(r *rig, _ credits.ID) { r.do(credits.Revoke{All: true}) }, credits.Revoked},
		{"S-6/revocation, then expiry", func(r *rig, lot credits.ID) { r.do(credits.Revoke{Lot: lot}); r.at("2026-01-10") }, credits.Revoked},
	}
	for _, tt := range ends {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(bare())
			g := r.do(credits.Grant{Amount: n("100"), Expires: day("2026-01-10")})
			captured := r.do(credits.Reserve{Amount: n("20"), Until: day("2026-01-15")})
			released := r.do(credits.Reserve{Amount: n("30"), Until: day("2026-01-15")})
			r.do(credits.Reserve{Amount: n("10"), Until: day("2026-01-15")})
			tt.end(r, g.ID)
			r.has("0")
			r.do(credits.Capture{Hold: captured.ID, Amount: n("15")})
			r.do(credits.Release{Hold: released.ID})
			r.at("2026-01-15")
			r.has("0")
			l := r.lot(g.ID)
			rest := map[credits.Account]credits.Amount{credits.Expired: l.Expired, credits.Revoked: l.Revoked}
			if l.Consumed != n("15") || rest[tt.fate] != n("85") {
				t.Errorf("the lot is %+v, want 15 consumed and 85 %v", l, tt.fate)
			}
		})
	}
	t.Run("S-6/refund", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare(func(p *credits.Plan) { p.Packs = []credits.Pack{{ID: "x", Size: n("10"), Price: cash("1.00 USD")}} }))
		b := r.do(credits.Buy{Pack: "x", Amount: n("10")})
		h := r.do(credits.Reserve{Amount: n("4"), Until: day("2026-01-15")})
		if refund := r.do(credits.Refund{Purchase: b.ID}); refund.Charge != cash("-0.60 USD") || refund.Amount != n("6") {
			t.Errorf("the refund is %+v, want 6 for -0.60 USD", refund)
		}
		r.do(credits.Capture{Hold: h.ID, Amount: n("1")})
		if l := r.lot(b.ID); l.Consumed != n("1") || l.Refunded != n("6") || l.Revoked != n("3") {
			t.Errorf("the lot is %+v", l)
		}
	})
	t.Run("S-6/refund, with what the pack brought all held", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare(func(p *credits.Plan) {
			p.Packs = []credits.Pack{{ID: "x", Size: n("10"), Price: cash("1.00 USD"), Brings: []credits.Bring{{Unit: "GB", Amount: n("5")}}}}
		}))
		b := r.do(credits.Buy{Pack: "x", Amount: n("10")})
		h := r.do(credits.Reserve{Unit: "GB", Amount: n("5"), Until: day("2026-01-15")})
		r.do(credits.Refund{Purchase: b.ID})
		r.do(credits.Release{Hold: h.ID})
		if got := r.wallet().Balance("GB", "").Available; got != 0 {
			t.Errorf("%v GB are available after their purchase was refunded, want 0", got)
		}
	})
}

func TestHoldAtAReset(t *testing.T) {
	// T-6: at one instant holds reach their deadline before rollover moves its share.
	tests := []struct {
		name  string
		until string
		want  string // on 1 February
	}{
		{"T-6/ends before the reset", "2026-01-31 23:59:59.999999", "200"},
		{"T-6/ends at the reset", "2026-02-01", "200"},
		{"T-6/ends after the reset", "2026-02-01 00:00:00.000001", "140"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("100", func(p *credits.Plan) { p.Allowances[0].Rollover.Share = 100 * credits.Percent }))
			r.do(credits.Reserve{Amount: n("60"), Until: day(tt.until)})
			r.at("2026-02-01")
			r.has(tt.want)
			r.at("2026-02-02")
			r.has(tt.want)
		})
	}
}
