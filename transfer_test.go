package credits_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/credits"
)

// move carries out a transfer twice: the second time it replays.
func (r *rig) move(x credits.Transfer) (sent, received credits.Receipt) {
	r.Helper()
	key := r.key()
	sent, received, err := r.ledger.Transfer(r.ctx, key, x)
	if err != nil {
		r.Fatal(err)
	}
	again, back, err := r.ledger.Transfer(r.ctx, key, x)
	if err != nil || !again.Replayed || !back.Replayed {
		r.Errorf("the same transfer again: %+v, %+v, %v", again, back, err)
	}
	again.Replayed, back.Replayed = false, false
	if diff := cmp.Diff([]credits.Receipt{sent, received}, []credits.Receipt{again, back}, cmpopts.EquateEmpty()); diff != "" {
		r.Errorf("the same transfer again (-first +again):\n%s", diff)
	}
	return sent, received
}

// stays expects that a transfer fails and changes nothing.
func (r *rig) stays(x credits.Transfer) error {
	r.Helper()
	before := r.dump("")
	_, _, err := r.ledger.Transfer(r.ctx, r.key(), x)
	if err == nil {
		r.Fatalf("%+v was done", x)
	}
	if diff := cmp.Diff(before, r.dump("")); diff != "" {
		r.Errorf("a transfer that failed changed the store (-before +after):\n%s", diff)
	}
	return err
}

func TestTransfer(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("100"))
	r.doOn("bob", credits.Open{Plan: bare()})
	a := r.do(credits.Grant{Amount: n("3"), Paid: cash("10.00 USD"), Expires: day("2026-03-01"), Features: []string{"run"}})
	b := r.do(credits.Grant{Amount: n("5")})
	sent, received := r.move(credits.Transfer{From: acme, To: "bob", Amount: n("4"), Note: credits.Note{Reason: "team"}})
	t.Run("S-11/lots keep what they are", func(t *testing.T) {
		want := []credits.Terms{
			{
				ID: 2, Source: credits.FromGrant, Amount: n("3"), Starts: day("2026-01-01"), Expires: day("2026-03-01"), Priority: 50,
				Features: []string{"run"}, Paid: cash("10.00 USD"), Origin: credits.Origin{Wallet: acme, Lot: a.ID},
			},
			{
				ID: 3, Source: credits.FromGrant, Amount: n("1"), Starts: day("2026-01-01"), Priority: 100,
				Origin: credits.Origin{Wallet: acme, Lot: b.ID},
			},
		}
		if diff := cmp.Diff(want, received.Lots(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("lots (-want +got):\n%s", diff)
		}
	})
	t.Run("S-11/nothing is consumed", func(t *testing.T) {
		if l := r.lot(a.ID); l.Moved != n("3") || l.Consumed != 0 {
			t.Errorf("the lot is %+v", l)
		}
		if got := sent.Lines()[0].Revenue; got != (credits.Revenue{Currency: "USD", Moved: 10_000_000}) {
			t.Errorf("the revenue is %+v, want 10.00 moved", got)
		}
	})
	t.Run("S-11/both entries name the other", func(t *testing.T) {
		if sent.Entries[0].Peer != "bob" || received.Entries[0].Peer != acme || sent.Entries[0].Note.Reason != "team" {
			t.Errorf("the entries are %+v and %+v", sent.Entries[0], received.Entries[0])
		}
	})
	t.Run("S-11/back again, to what is another lot", func(t *testing.T) {
		r := r.in(t)
		_, back := r.move(credits.Transfer{From: "bob", To: acme, Amount: n("1")})
		if got := back.Lots()[0].Origin; got != (credits.Origin{Lot: a.ID}) {
			t.Errorf("the origin is %+v, want the first lot", got)
		}
	})
}

func TestTransferShareOfCost(t *testing.T) {
	// the shares of both wallets sum to what was paid.
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.doOn("bob", credits.Open{Plan: bare()})
	r.do(credits.Grant{Amount: n("3"), Paid: cash("10.00 USD")})
	r.do(credits.Spend{Amount: n("1")})
	_, received := r.move(credits.Transfer{From: acme, To: "bob", Amount: n("1")})
	if got := received.Lots()[0].Paid; got != cash("3.333333 USD") {
		t.Errorf("%v went with 1 of 3, want 3.333333 USD", got)
	}
	last := r.do(credits.Spend{Amount: n("1")})
	if got := last.Lines()[0].Revenue.Recognised; got != 3_333_334 {
		t.Errorf("%d are recognised by the last credit, want 3333334", got)
	}
}

func TestTransferMovable(t *testing.T) {
	tests := []struct {
		name    string
		moveAll bool
		want    string
	}{
		{"S-11/by default no allowance and no scoped lot", false, "7"},
		{"S-11/all, if the plan says so", true, "122"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "2026-01-01")
			r.open(monthly("100", func(p *credits.Plan) {
				p.MoveAll = tt.moveAll
				p.Allowances[0].Rollover.Share = 10 * credits.Percent
			}))
			r.at("2026-02-01")
			r.do(credits.Grant{Amount: n("5"), Scope: "ann"})
			r.do(credits.Grant{Amount: n("7")})
			r.doOn("bob", credits.Open{Plan: bare()})
			var refusal *credits.RefusedError
			err := r.stays(credits.Transfer{From: acme, To: "bob", Amount: n(tt.want) + 1})
			if !errors.As(err, &refusal) || !errors.Is(err, credits.Insufficient) || refusal.Available != n(tt.want) {
				t.Errorf("got %v, want a refusal with %s available", err, tt.want)
			}
			r.move(credits.Transfer{From: acme, To: "bob", Amount: n(tt.want)})
		})
	}
}

func TestTransferPaysDebt(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("10")})
	r.doOn("bob", credits.Open{Plan: bare(func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited}} })})
	r.doOn("bob", credits.Spend{Amount: n("4")})
	_, received := r.move(credits.Transfer{From: acme, To: "bob", Amount: n("10")})
	if received.Balance != n("6") || received.Amount != n("10") {
		t.Errorf("the receipt is %+v, want 10 and a balance of 6", received)
	}
}

func TestTransferFails(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(bare())
	r.do(credits.Grant{Amount: n("10")})
	r.doOn("bob", credits.Open{Plan: bare()})
	r.doOn("full", credits.Open{Plan: bare()})
	r.doOn("full", credits.Grant{Amount: credits.AmountMax})
	tests := []struct {
		name     string
		transfer credits.Transfer
		field    string
		class    error
	}{
		{"zero", credits.Transfer{From: acme, To: "bob"}, "tasks[0].amount", nil},
		{"negative", credits.Transfer{From: acme, To: "bob", Amount: -1}, "tasks[0].amount", nil},
		{"to itself", credits.Transfer{From: acme, To: acme, Amount: 1}, "tasks[1].wallet", nil},
		{"to nobody", credits.Transfer{From: acme, Amount: 1}, "tasks[1].wallet", nil},
		{"to a wallet that is not open", credits.Transfer{From: acme, To: "new", Amount: 1}, "tasks[1].wallet", credits.ErrNotFound},
		{"from a wallet that is not open", credits.Transfer{From: "new", To: acme, Amount: 1}, "tasks[0].wallet", credits.ErrNotFound},
		{"to a wallet that is full", credits.Transfer{From: acme, To: "full", Amount: 1}, "tasks[1].amount", credits.ErrLimit},
		{"another unit's name is too long", credits.Transfer{From: acme, To: "bob", Amount: 1, Unit: credits.Unit(make([]byte, 65))}, "tasks[0].unit", credits.ErrLimit},
	}
	for _, tt := range tests {
		t.Run("S-11/"+tt.name, func(t *testing.T) {
			checkInvalid(t, r.in(t).stays(tt.transfer), tt.field, tt.class)
		})
	}
	err := r.stays(credits.Transfer{From: acme, To: "bob", Amount: n("10.000001")})
	if !errors.Is(err, credits.Insufficient) {
		t.Errorf("got %v, want insufficient credits", err)
	}
	if err := r.stays(credits.Transfer{From: acme, To: "bob", Unit: "GB", Amount: 1}); !errors.Is(err, credits.Insufficient) {
		t.Errorf("got %v, want insufficient credits", err)
	}
}
