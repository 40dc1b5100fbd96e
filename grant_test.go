package credits_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

func TestGrantOnceAndExpire(t *testing.T) {
	// CF-01: 50 credits once, for 3 months, and never again.
	r := newRig(t, "2026-01-15")
	r.open(bare())
	expires, _ := credits.Months(3).After(r.clock.Now(), nil)
	r.do(credits.Grant{Amount: n("50"), Expires: expires})
	r.hasAt("2026-04-14 23:59:59.999999", "50")
	r.hasAt("2026-04-15", "0")
	r.at("2030-01-01")
	r.has("0")
	r.tick()
	grants := r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindGranted}})
	if len(grants) != 1 {
		t.Errorf("there were %d grants, want 1", len(grants))
	}
}

func TestGrantReceipt(t *testing.T) {
	r := newRig(t, "2026-01-01 00:00:00.000001")
	r.open(bare())
	g := r.do(credits.Grant{
		Unit: "GB", Amount: n("5"), Starts: day("2026-01-02"), Expires: day("2026-01-03"), Priority: 7, Scope: "ann",
		Features: []string{"b", "a", "b"}, Paid: cash("1.25 USD"),
	})
	want := []credits.Terms{{
		ID: g.ID, Unit: "GB", Source: credits.FromGrant, Amount: n("5"), Starts: day("2026-01-02"), Expires: day("2026-01-03"),
		Priority: 7, Scope: "ann", Features: []string{"a", "b"}, Paid: cash("1.25 USD"),
	}}
	if diff := cmp.Diff(want, g.Lots()); diff != "" {
		t.Errorf("lots (-want +got):\n%s", diff)
	}
	if b := r.wallet().Balance("GB", "ann"); b.Pending != n("5") || b.Available != 0 {
		t.Errorf("the balance is %+v", b)
	}
}

func TestGrantInvalid(t *testing.T) {
	r := newRig(t, "2026-01-10")
	r.open(bare())
	tests := []struct {
		name  string
		grant credits.Grant
		field string
		class error
	}{
		{"zero", credits.Grant{}, "amount", nil},
		{"negative", credits.Grant{Amount: -1}, "amount", nil},
		{"no amount", credits.Grant{Amount: credits.AmountMin - 1}, "amount", nil},
		{"priority over 1,000", credits.Grant{Amount: 1, Priority: 1001}, "priority", nil},
		{"priority negative", credits.Grant{Amount: 1, Priority: -1}, "priority", nil},
		{"starts before now", credits.Grant{Amount: 1, Starts: day("2026-01-09 23:59:59.999999")}, "starts", nil},
		{"starts before time", credits.Grant{Amount: 1, Starts: day("1969-12-31")}, "starts", nil},
		{"expires now", credits.Grant{Amount: 1, Expires: day("2026-01-10")}, "expires", nil},
		{"expires when it starts", credits.Grant{Amount: 1, Starts: day("2026-01-11"), Expires: day("2026-01-11")}, "expires", nil},
		{"expires after time", credits.Grant{Amount: 1, Expires: day("9999-12-31 23:59:59.999999").Add(1000)}, "expires", nil},
		{"paid negative", credits.Grant{Amount: 1, Paid: cash("-1.00 USD")}, "paid", nil},
		{"paid in no currency", credits.Grant{Amount: 1, Paid: credits.Money{Micros: 1, Currency: "XXX"}}, "paid.currency", nil},
		{"a feature without name", credits.Grant{Amount: 1, Features: []string{""}}, "features", nil},
		{"33 features", credits.Grant{Amount: 1, Features: strings.Split(strings.Repeat("f", 33), "")}, "features", credits.ErrLimit},
		{"scope too long", credits.Grant{Amount: 1, Scope: strings.Repeat("s", 256)}, "scope", credits.ErrLimit},
		{"scope with a NUL", credits.Grant{Amount: 1, Scope: "a\x00b"}, "scope", nil},
		{"unit too long", credits.Grant{Amount: 1, Unit: credits.Unit(strings.Repeat("u", 65))}, "unit", credits.ErrLimit},
		{"unit not UTF-8", credits.Grant{Amount: 1, Unit: "\xff"}, "unit", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { r.in(t).invalid(tt.grant, tt.field, tt.class) })
	}
	for _, g := range []credits.Grant{
		{Amount: 1, Priority: 1000},
		{Amount: 1, Starts: day("2026-01-10")},
		{Amount: 1, Expires: day("2026-01-10 00:00:00.000001")},
		{Amount: 1, Expires: day("9999-12-31 23:59:59.999999")},
		{Amount: 1, Features: strings.Split(strings.Repeat("f", 32), "")},
		{Amount: 1, Scope: strings.Repeat("s", 255)},
		{Amount: 1, Unit: credits.Unit(strings.Repeat("u", 64))},
	} {
		r.do(g)
	}
}

func TestRevoke(t *testing.T) {
	t.Run("one lot", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		g := r.do(credits.Grant{Amount: n("5"), Paid: cash("1.00 USD")})
		r.do(credits.Spend{Amount: n("11")})
		rev := r.do(credits.Revoke{Lot: g.ID})
		if rev.Amount != n("4") || r.lot(g.ID).Revoked != n("4") {
			t.Errorf("the receipt is %+v", rev)
		}
		if got := rev.Entries[0].Lines[0].Revenue; got.Revoked != 800_000 {
			t.Errorf("A-4: the revenue is %+v, want 0.80 revoked", got)
		}
		r.refused(credits.Revoke{Lot: g.ID}, credits.Ended)
	})
	t.Run("all, and what has not started", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		g := r.do(credits.Grant{Amount: n("5"), Starts: day("2026-01-05")})
		rev := r.do(credits.Revoke{All: true})
		if len(rev.Entries) != 2 {
			t.Errorf("the entries are %+v, want 2", rev.Entries)
		}
		r.at("2026-01-06")
		r.has("0")
		if l := r.lot(g.ID); l.Revoked != n("5") || l.Pending {
			t.Errorf("the lot is %+v", l)
		}
		r.at("2026-02-01")
		r.has("10") // the next allowance is another lot
	})
	t.Run("invalid", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(monthly("10"))
		r.invalid(credits.Revoke{}, "lot", nil)
		r.invalid(credits.Revoke{Lot: 2, All: true}, "lot", nil)
		r.invalid(credits.Revoke{Lot: 1}, "lot", credits.ErrNotFound)
		r.invalid(credits.Revoke{Lot: 99}, "lot", credits.ErrNotFound)
	})
}

func TestRevenueConverges(t *testing.T) {
	// 10.00 for 3 is 3.333333, 3.333333 and 3.333334.
	t.Run("A-4/recognised", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.do(credits.Grant{Amount: n("3"), Paid: cash("10.00 USD")})
		for _, want := range []int64{3_333_333, 3_333_333, 3_333_334} {
			s := r.do(credits.Spend{Amount: n("1")})
			if got := s.Lines()[0].Revenue; got != (credits.Revenue{Currency: "USD", Recognised: want}) {
				t.Errorf("the revenue is %+v, want %d recognised", got, want)
			}
		}
	})
	t.Run("A-4/breakage", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.do(credits.Grant{Amount: n("3"), Paid: cash("10.00 USD"), Expires: day("2026-01-05")})
		r.do(credits.Spend{Amount: n("1")})
		r.at("2026-01-05")
		r.tick()
		for _, e := range r.history(acme, credits.HistoryQuery{Kinds: []credits.Kind{credits.KindExpired}}) {
			if got := e.Lines[0].Revenue; got != (credits.Revenue{Currency: "USD", Breakage: 6_666_667}) {
				t.Errorf("the revenue is %+v, want 6.666667 of breakage", got)
			}
		}
	})
	t.Run("A-4/reversed", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare())
		r.do(credits.Grant{Amount: n("3"), Paid: cash("10.00 USD")})
		s := r.do(credits.Spend{Amount: n("2")})
		rev := r.do(credits.Reverse{Spend: s.ID, Amount: n("1")})
		if got := rev.Lines()[0].Revenue.Recognised; got != -3_333_333 {
			t.Errorf("%d are recognised by the reversal, want -3333333", got)
		}
	})
}

func TestRevenueOfRefunds(t *testing.T) {
	t.Run("A-4/a refund rounds down to the minor unit", func(t *testing.T) {
		tests := []struct {
			name, price, spent, back string
			breakage                 int64
		}{
			{"USD", "10.00 USD", "1", "6.66 USD", 6_667},
			{"JPY", "1000 JPY", "1", "666 JPY", 666_667},
			{"KWD", "10.000 KWD", "1", "6.666 KWD", 667},
			{"nothing spent", "10.00 USD", "0", "10.00 USD", 0},
			{"too little to pay back", "0.01 USD", "1", "0.00 USD", 6_667},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, "2026-01-01")
				r.open(bare(func(p *credits.Plan) { p.Packs = []credits.Pack{{ID: "x", Size: n("3"), Price: cash(tt.price)}} }))
				b := r.do(credits.Buy{Pack: "x", Amount: n("3")})
				if amount := n(tt.spent); amount > 0 {
					r.do(credits.Spend{Amount: amount})
				}
				refund := r.do(credits.Refund{Purchase: b.ID})
				if got := refund.Entries[0].Charge; got != cash("-"+tt.back) {
					t.Errorf("%v are paid back, want %s", got, tt.back)
				}
				if got := refund.Lines()[0].Revenue.Breakage; got != tt.breakage {
					t.Errorf("%d are kept, want %d", got, tt.breakage)
				}
				r.has("0")
				r.refused(credits.Refund{Purchase: b.ID}, credits.Ended)
			})
		}
	})
	t.Run("A-4/after a refund in part", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(bare(func(p *credits.Plan) { p.Packs = []credits.Pack{{ID: "x", Size: n("7"), Price: cash("10.00 USD")}} }))
		b := r.do(credits.Buy{Pack: "x", Amount: n("7")})
		h := r.do(credits.Reserve{Amount: n("3"), Until: day("2026-01-09")})
		r.do(credits.Spend{Amount: n("1")})
		r.do(credits.Refund{Purchase: b.ID})
		r.do(credits.Capture{Hold: h.ID, Amount: n("2")}) // the auditor sums up to 10.00
		if l := r.lot(b.ID); l.Consumed != n("3") || l.Refunded != n("3") || l.Revoked != n("1") {
			t.Errorf("the lot is %+v", l)
		}
	})
}
