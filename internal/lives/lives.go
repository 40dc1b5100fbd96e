// Package lives draws the lives of wallets at random, for the tests of packages
// that only read: whatever they report has to hold for any history.
package lives

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// The two wallets of every life. They move credits between them.
const (
	First  credits.WalletID = "acme"
	Second credits.WalletID = "bob"
)

// Unit is the unit that lives have beside credits.
const Unit credits.Unit = "GB"

// Each runs f for so many lives, each from random numbers of its own. The seed is
// 1, or what CREDITS_SEED says. What fails tells how to see it again.
func Each(t *testing.T, lives int, f func(t testing.TB, r *rand.Rand)) {
	t.Helper()
	seed := uint64(1)
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal("CREDITS_SEED:", err)
		}
		seed = n
	}
	for life := range lives {
		if one(t, seed, uint64(life), f); t.Failed() {
			return
		}
	}
}

func one(t *testing.T, seed, life uint64, f func(t testing.TB, r *rand.Rand)) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("seen with CREDITS_SEED=%d in life %d", seed, life)
		}
	}()
	f(t, rand.New(rand.NewPCG(seed, life)))
}

// Pick returns one of several values.
func Pick[V any](r *rand.Rand, of ...V) V { return of[r.IntN(len(of))] }

// Life is a ledger on which two wallets have lived.
type Life struct {
	Ledger *credits.Ledger
	Clock  *clock.Mock
	Rand   *rand.Rand

	t    testing.TB
	plan credits.Plan
	keys int
	made map[credits.WalletID]*made
}

// made is what commands may name.
type made struct {
	spends, holds, bought, lots []credits.ID
}

// New opens two wallets under a drawn plan and lets them live for so many commands.
func New(t testing.TB, r *rand.Rand, commands int) *Life {
	t.Helper()
	return On(t, r, commands, new(memory.Store))
}

// On is like New, on a store that has neither wallet.
func On(t testing.TB, r *rand.Rand, commands int, s credits.Store) *Life {
	t.Helper()
	mock := clock.NewMock()
	mock.Set(Pick(
		r,
		time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 28, 22, 30, 0, 0, time.UTC),
		time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC),
		time.Date(2017, 10, 13, 12, 0, 0, 0, time.UTC),
		time.Date(2011, 12, 28, 9, 0, 0, 0, time.UTC),
	))
	ledger := credits.New(s, &credits.Options{Clock: mock, Salt: [32]byte{1}})
	l := &Life{Ledger: ledger, Clock: mock, Rand: r, t: t, made: map[credits.WalletID]*made{First: {}, Second: {}}}
	plan := drawPlan(r)
	l.plan = plan
	zone := Pick(r, "", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia")
	l.do(First, credits.Open{Plan: plan, Zone: zone})
	l.do(Second, credits.Open{Plan: plan, Zone: zone})
	l.Live(commands)
	return l
}

// Live goes on for so many commands.
func (l *Life) Live(commands int) {
	l.t.Helper()
	for range commands {
		l.pass()
		id := Pick(l.Rand, First, First, First, Second)
		if l.Rand.IntN(15) == 0 {
			l.transfer(id)
		} else {
			l.do(id, l.draw(id))
		}
	}
}

func drawPlan(r *rand.Rand) credits.Plan {
	usd := func(micros int64) credits.Money { return credits.Money{Micros: micros, Currency: "USD"} }
	p := credits.Plan{
		ID: "drawn", Version: 1, Price: usd(9_000_000), Burn: Pick(r, credits.PlanFirst, credits.SoonestExpiry), MoveAll: true,
		Every: Pick(r, credits.Months(1), credits.Days(3), credits.Days(1)),
		Allowances: []credits.Allowance{
			{Amount: 20 * credits.Credit, Rollover: credits.Rollover{Share: Pick(r, 0, 33*credits.Percent)}},
			{Unit: Unit, Amount: 7*credits.Credit/3 + 1},
		},
		Features: map[string]credits.Rate{
			"image": {Credits: credits.Credit / 2}, "text": {Credits: 1, Factors: []string{"pages"}}, "look": {Free: true},
			"sync": {Unit: Unit, Credits: credits.Credit, Per: 3, Round: credits.RoundUp},
		},
		Packs: []credits.Pack{
			{ID: "ten", Size: 10 * credits.Credit, Price: usd(1_000_000), Life: Pick(r, credits.Days(2), credits.Forever)},
			{ID: "both", Size: 3 * credits.Credit, Price: usd(370_000), Brings: []credits.Bring{{Unit: Unit, Amount: credits.Credit}}},
		},
		Overdrafts: []credits.Overdraft{
			{Limit: credits.AtMost(30 * credits.Credit), AtReset: Pick(r, credits.CarryDebt, credits.ForgiveDebt, credits.ForgiveDebt)},
			{Unit: Unit, Limit: credits.AtMost(20 * credits.Credit), AtReset: credits.ForgiveDebt},
		},
	}
	p.AddOns = []credits.AddOn{
		{ID: "team", Price: usd(3_000_000), Included: 1, Allowances: []credits.Allowance{{Amount: 4 * credits.Credit}, {Unit: Unit, Amount: 1}}},
		{ID: "seat", Price: usd(1_000_000), Scoped: true, Allowances: []credits.Allowance{{Amount: credits.Credit}}},
	}
	if r.IntN(2) == 0 {
		p.Leaving = credits.Leaving{Allowances: credits.Forfeit, AddOns: credits.Forfeit, Purchases: Pick(r, credits.Keep, credits.Forfeit)}
	}
	if r.IntN(2) == 0 {
		p.Auto = credits.AutoPurchase{Pack: "ten", Size: 10 * credits.Credit, Surcharge: 30 * credits.Percent, Limit: credits.AtMost(20 * credits.Credit)}
	}
	return p
}

// do carries out a command under a new key and on behalf of someone; a refusal is as good.
func (l *Life) do(id credits.WalletID, c credits.Command) {
	l.t.Helper()
	actor := credits.Actor{ID: Pick(l.Rand, "", "", "ann", "bob", "cy"), Role: credits.System}
	l.keys++
	r, err := l.Ledger.As(actor).Do(context.Background(), id, credits.Key(strconv.Itoa(l.keys)), c)
	l.check(c, err)
	if err == nil {
		l.remember(r)
	}
}

func (l *Life) check(what any, err error) {
	l.t.Helper()
	if err != nil && !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) {
		l.t.Fatalf("%#v: %v", what, err)
	}
}

func (l *Life) remember(r credits.Receipt) {
	m := l.made[r.Wallet]
	for _, e := range r.Entries {
		switch e.Kind {
		case credits.KindSpent, credits.KindCaptured:
			m.spends = append(m.spends, e.Seq)
		case credits.KindReserved:
			m.holds = append(m.holds, e.Seq)
		case credits.KindPurchased:
			m.bought = append(m.bought, e.Seq)
		}
		if e.Opens != nil {
			m.lots = append(m.lots, e.Seq)
		}
	}
}

// pass lets time pass: not at all, to when something falls due, or by some hours.
func (l *Life) pass() {
	l.t.Helper()
	switch l.Rand.IntN(10) {
	case 0, 1, 2, 3:
	case 4:
		w, err := l.Ledger.Wallet(context.Background(), First)
		if err != nil {
			l.t.Fatal(err)
		}
		if due := w.Due(); due.After(l.Clock.Now()) && due.Before(l.Clock.Now().AddDate(0, 2, 0)) {
			l.Clock.Set(due)
		}
	default:
		l.Clock.Add(time.Duration(l.Rand.Int64N(int64(9 * time.Hour))).Truncate(time.Microsecond))
	}
}

func (l *Life) transfer(from credits.WalletID) {
	l.t.Helper()
	to := Second
	if from == Second {
		to = First
	}
	l.keys++
	t := credits.Transfer{From: from, To: to, Unit: l.unit(), Amount: l.amount()}
	sent, received, err := l.Ledger.Transfer(context.Background(), credits.Key(strconv.Itoa(l.keys)), t)
	l.check(t, err)
	if err == nil {
		l.remember(sent)
		l.remember(received)
	}
}

func (l *Life) unit() credits.Unit { return Pick(l.Rand, "", "", "", Unit) }

func (l *Life) amount() credits.Amount {
	return Pick(l.Rand, 1, 3, credits.Credit/3, credits.Credit, 7*credits.Credit/3, 11*credits.Credit)
}

// note draws a note whose labels are there, empty or missing.
func (l *Life) note() credits.Note {
	n := credits.Note{Labels: map[string]string{}}
	if l.Rand.IntN(3) > 0 {
		n.Labels["campaign"] = Pick(l.Rand, "", "spring", "autumn")
	}
	if l.Rand.IntN(3) == 0 {
		n.Labels["team"] = "a"
	}
	return n
}

// one draws one of the last of several IDs; 0, which nothing has, if there are none.
func (l *Life) one(of []credits.ID) credits.ID {
	if len(of) == 0 {
		return 0
	}
	return of[max(0, len(of)-1-l.Rand.IntN(4))]
}

// draw returns a command that may well succeed.
func (l *Life) draw(id credits.WalletID) credits.Command {
	r, m, now := l.Rand, l.made[id], l.Clock.Now()
	scope := Pick(r, "", "", "ann", "bob")
	feature := Pick(r, "", "image", "image", "look")
	switch r.IntN(19) {
	case 0, 1, 2, 3:
		c := credits.Spend{Unit: l.unit(), Amount: l.amount(), Scope: scope, Note: l.note()}
		if r.IntN(3) == 0 {
			c.Occurred = now.Add(-time.Duration(r.Int64N(int64(60 * time.Hour))))
		}
		return c
	case 4, 5:
		c := credits.Spend{Feature: Pick(r, "image", "look", "sync"), Quantity: 1 + r.Int64N(5), Scope: scope, Note: l.note()}
		if r.IntN(3) == 0 {
			c.Feature, c.Factors = "text", map[string]int64{"pages": 1 + r.Int64N(9)}
		}
		return c
	case 6, 7:
		c := credits.Reserve{Unit: l.unit(), Amount: l.amount(), Scope: scope, Note: l.note(), Over: Pick(r, credits.RefuseOver, credits.DrawAll, credits.DrawSome)}
		if feature != "" {
			c.Unit, c.Amount, c.Feature, c.Quantity = "", 0, feature, 1+r.Int64N(4)
		}
		c.Until = now.Add(Pick(r, time.Hour, 20*time.Hour, 80*time.Hour))
		return c
	case 8:
		return credits.Capture{Hold: l.one(m.holds), Amount: l.amount(), Note: l.note()}
	case 9:
		if r.IntN(2) == 0 {
			return credits.Capture{Hold: l.one(m.holds), Quantity: 1 + r.Int64N(9), Note: l.note()}
		}
		return Pick(r, credits.Capture{Hold: l.one(m.holds), All: true}, credits.Capture{Hold: l.one(m.holds), Free: true})
	case 10:
		return credits.Release{Hold: l.one(m.holds)}
	case 11, 12:
		return Pick(r, credits.Reverse{Spend: l.one(m.spends), All: true}, credits.Reverse{Spend: l.one(m.spends), Amount: l.amount()})
	case 13:
		c := credits.Grant{Unit: l.unit(), Amount: l.amount(), Scope: scope}
		if r.IntN(2) == 0 {
			c.Paid = credits.Money{Micros: 10_000 * (1 + r.Int64N(500)), Currency: Pick(r, "EUR", "USD")}
		}
		if r.IntN(2) == 0 {
			c.Expires = now.Add(Pick(r, 2*time.Hour, 90*time.Hour))
		}
		if r.IntN(4) == 0 {
			c.Starts = now.Add(time.Hour)
		}
		return c
	case 14:
		return credits.Buy{Pack: Pick(r, "ten", "ten", "both"), Amount: Pick(r, 30*credits.Credit, 3*credits.Credit, 10*credits.Credit)}
	case 15:
		return Pick[credits.Command](
			r, credits.Refund{Purchase: l.one(m.bought)}, credits.Revoke{Lot: l.one(m.lots)},
			credits.SetAutoPurchase{On: true}, credits.CarryOver{Amount: l.amount()},
		)
	case 16:
		return credits.SetUnits{AddOn: "team", Units: r.Int64N(4)}
	case 17:
		return l.drawSubscription()
	default:
		return credits.Erase{Entries: []credits.ID{Pick(r, l.one(m.spends), l.one(m.holds), l.one(m.lots))}}
	}
}

func (l *Life) drawSubscription() credits.Command {
	r := l.Rand
	switch r.IntN(9) {
	case 0, 1, 2:
		return credits.SetUnits{AddOn: "seat", Scope: Pick(r, "ann", "bob"), Units: r.Int64N(3)}
	case 3:
		return credits.Reassign{AddOn: "seat", From: "ann", To: "bob"}
	case 4:
		next := l.plan
		next.Version = 1 + r.IntN(3)
		next.Allowances = []credits.Allowance{{Amount: credits.Amount(10*next.Version) * credits.Credit}}
		next.Price.Micros *= int64(next.Version)
		return credits.Subscribe{Plan: next, When: Pick(r, credits.AtOnce, credits.AtCycle)}
	case 5:
		return Pick[credits.Command](r, credits.Cancel{}, credits.Lapse{}, credits.Deactivate{Keep: r.IntN(2) == 0})
	default:
		return credits.Reactivate{}
	}
}
