package credits_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"example.com/credits"
)

// lawSeed returns the seed of the laws' random lives: 1, or what CREDITS_SEED says.
func lawSeed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(1)
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal("CREDITS_SEED:", err)
		}
		seed = n
	}
	return seed
}

// eachLife runs f for so many lives, each with random numbers of its own.
// CREDITS_LIVES multiplies how many. What fails tells how to see it again.
func eachLife(t *testing.T, lives int, f func(t testing.TB, r *rand.Rand)) {
	t.Helper()
	seed := lawSeed(t)
	if n, err := strconv.Atoi(os.Getenv("CREDITS_LIVES")); err == nil && n > 0 {
		lives *= n
	}
	for life := range lives {
		f(t, rand.New(rand.NewPCG(seed, uint64(life))))
		if t.Failed() {
			t.Fatalf("seen with CREDITS_SEED=%d in life %d", seed, life)
		}
	}
}

// pick returns one of several values.
func pick[V any](r *rand.Rand, of ...V) V { return of[r.IntN(len(of))] }

// chance reports true once in n times.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// lawStart is when lives begin: at a month's end, a leap day, a DST switch, or any day.
func lawStart(r *rand.Rand) time.Time {
	return pick(
		r,
		time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(365*24*time.Hour))).Truncate(time.Microsecond)),
	)
}

// The units, features and users of the laws' lives.
const lawUnit = credits.Unit("GB")

func lawZones() []string {
	return []string{"", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu"}
}

// small returns an amount that is likely to meet others.
func small(r *rand.Rand) credits.Amount {
	return pick(r, 1, 2, 3, 10, 99, 100, credits.Credit, 7*credits.Credit/3)
}

// drawPlan returns a valid plan of many kinds.
func drawPlan(t testing.TB, r *rand.Rand) credits.Plan {
	t.Helper()
	p := credits.Plan{
		ID: "drawn", Version: 1 + r.IntN(3), Burn: credits.Burn(r.IntN(3)), MoveAll: chance(r, 2),
		Anchor: credits.Anchor(r.IntN(4)), First: credits.First(r.IntN(4)),
		Every: pick(r, credits.Months(1), credits.Months(1), credits.Months(3), credits.Years(1)),
	}
	if chance(r, 3) {
		p.Every, p.Anchor = pick(r, credits.Days(1), credits.Days(7), credits.Days(30)), credits.Anchor(r.IntN(3))
		p.Term = pick(r, 0, credits.Days(210))
	} else if chance(r, 2) {
		p.Term = pick(r, credits.Years(1), credits.Years(2))
	}
	p.Price = money(t, pick(r, "9.00 USD", "0.01 USD", "100.00 USD"))
	p.Allowances = []credits.Allowance{{Amount: pick(r, small(r), 100*credits.Credit), Rollover: drawRollover(r)}}
	if chance(r, 2) {
		p.Allowances = append(p.Allowances, credits.Allowance{Unit: lawUnit, Amount: small(r), Rollover: drawRollover(r)})
	}
	p.Features = map[string]credits.Rate{
		"run": {Credits: credits.Credit / 2}, "tap": {Credits: 1}, "look": {Free: true},
		"pipe": {Unit: lawUnit, Credits: 3, Per: 2, Round: credits.RoundUp},
	}
	p.Packs = []credits.Pack{
		{ID: "ten", Size: 10 * credits.Credit, Price: money(t, "1.00 USD"), Life: drawLife(r)},
		{ID: "both", Size: credits.Credit, Price: money(t, "0.37 USD"), Brings: []credits.Bring{{Unit: lawUnit, Amount: small(r)}}, Life: drawLife(r)},
	}
	if chance(r, 2) {
		p.Auto = credits.AutoPurchase{
			Pack: "ten", Size: 20 * credits.Credit, Surcharge: 30 * credits.Percent,
			Limit: pick(r, 0, credits.Unlimited, credits.AtMost(45*credits.Credit)), Below: pick(r, 0, credits.AtMost(credits.Credit)),
		}
	}
	for _, unit := range []credits.Unit{"", lawUnit} {
		if chance(r, 2) {
			limit := pick(r, credits.Unlimited, credits.AtMost(0), credits.AtMost(5), credits.AtMost(50*credits.Credit))
			p.Overdrafts = append(p.Overdrafts, credits.Overdraft{Unit: unit, Limit: limit, AtReset: credits.AtReset(r.IntN(3))})
		}
	}
	if err := p.Validate(); err != nil {
		t.Fatal("the plan that was drawn is none:", err)
	}
	return p
}

func drawLife(r *rand.Rand) credits.Span {
	return pick(r, 0, credits.ForCycle, credits.ForTerm, credits.Forever, credits.Days(3), credits.Months(2))
}

func drawRollover(r *rand.Rand) credits.Rollover {
	if chance(r, 3) {
		return credits.Rollover{}
	}
	o := credits.Rollover{Share: pick(r, 1, 33*credits.Percent, 50*credits.Percent, 100*credits.Percent), Life: drawLife(r)}
	switch r.IntN(3) {
	case 0:
		o.Cap = pick(r, credits.Unlimited, credits.AtMost(0), credits.AtMost(small(r)))
	case 1:
		o.CapShare = pick(r, 1, 25*credits.Percent, 150*credits.Percent)
	}
	return o
}

func money(t testing.TB, text string) credits.Money {
	t.Helper()
	m, err := credits.ParseMoney(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// life is one wallet's life, decided and applied without a ledger.
type life struct {
	r       *rand.Rand
	w       credits.Wallet
	now     time.Time
	entries []credits.Entry
	keys    int
	spends  []credits.ID // also captures
	bought  []credits.ID
	holds   []credits.ID // also those that ended
}

// newLife opens a wallet under a drawn plan, or under the one given.
func newLife(t testing.TB, r *rand.Rand, plan *credits.Plan) *life {
	t.Helper()
	w, err := credits.NewWallet("acme")
	if err != nil {
		t.Fatal(err)
	}
	l := &life{r: r, w: w, now: lawStart(r)}
	if plan == nil {
		p := drawPlan(t, r)
		plan = &p
	}
	if _, err := l.do(l.call(credits.Open{Plan: *plan, Zone: pick(r, lawZones()...)})); err != nil {
		t.Fatal(err)
	}
	return l
}

// call returns a call of a command now, under a new key, with the history that it needs.
func (l *life) call(c credits.Command) credits.Call {
	l.keys++
	call := credits.Call{Key: credits.Key(strconv.Itoa(l.keys)), Now: l.now, Command: c, Salt: [32]byte{7}}
	if chance(l.r, 4) {
		call.Actor = credits.Actor{ID: "ann", Role: "member"}
	}
	call.Past = pastOf(l.entries, c)
	return call
}

// pastOf returns what a ledger would fetch of a history for a command.
func pastOf(entries []credits.Entry, c credits.Command) []credits.Entry {
	var about credits.ID
	switch c := c.(type) {
	case credits.Reverse:
		about = c.Spend
	case credits.Capture:
		about = c.Hold
	case credits.Release:
		about = c.Hold
	}
	var past []credits.Entry
	for _, e := range entries {
		if about != 0 && (e.Seq == about || e.Of == about) {
			past = append(past, e)
		}
	}
	return past
}

// errApply says that a wallet does not take what it decided itself.
var errApply = errors.New("what was decided does not apply")

// do decides and applies a call, entry by entry.
func (l *life) do(c credits.Call) ([]credits.Entry, error) {
	entries, err := l.w.Decide(c)
	if err != nil {
		return nil, err
	}
	return entries, l.apply(entries)
}

func (l *life) apply(entries []credits.Entry) error {
	for _, e := range entries {
		w, err := l.w.Apply(e)
		if err != nil {
			return fmt.Errorf("%w: %w", errApply, err)
		}
		l.w, l.entries = w, append(l.entries, e)
		l.remember(e)
	}
	return nil
}

func (l *life) remember(e credits.Entry) {
	switch e.Kind {
	case credits.KindSpent, credits.KindCaptured:
		l.spends = append(l.spends, e.Seq)
	case credits.KindReserved:
		l.holds = append(l.holds, e.Seq)
	case credits.KindPurchased:
		l.bought = append(l.bought, e.Seq)
	}
}

// pass lets time pass: often to the very instant when something falls due, a
// microsecond before or after it, sometimes far, and sometimes back.
func (l *life) pass(back bool) {
	due := l.w.Due()
	switch l.r.IntN(8) {
	case 0:
	case 1, 2:
		if !due.IsZero() {
			l.now = due.Add(pick(l.r, -time.Microsecond, 0, 0, time.Microsecond))
		}
	case 3:
		l.now = l.now.Add(time.Microsecond)
	case 4:
		cycle := l.w.Cycle()
		l.now = l.now.Add(time.Duration(l.r.IntN(5)) * cycle.End.Sub(cycle.Start))
	case 5:
		if back {
			l.now = l.now.Add(-pick(l.r, time.Nanosecond, time.Hour, 365*24*time.Hour))
		}
	default:
		l.now = l.now.Add(time.Duration(l.r.Int64N(int64(2 * 24 * time.Hour))))
	}
	if !back && l.now.Before(l.w.At()) {
		l.now = l.w.At()
	}
}

// amount draws an amount of a unit near what the wallet has.
func (l *life) amount(unit credits.Unit, scope string) credits.Amount {
	b := l.w.Balance(unit, scope)
	a := pick(l.r, small(l.r), small(l.r), b.Available, b.Available, b.Available/2, b.Available+1, b.Available-1, b.Held, b.Debt)
	if a <= 0 || a > 1000*credits.Credit {
		return small(l.r)
	}
	return a
}

// instant draws an instant after now, often one at which something falls due.
func (l *life) instant() time.Time {
	at := l.now
	if at.Before(l.w.At()) {
		at = l.w.At()
	}
	var expiries []time.Time
	for lot := range l.w.Lots() {
		expiries = append(expiries, lot.Expires)
	}
	t := pick(l.r, l.w.Due(), l.w.Cycle().End, at.Add(time.Hour), at.Add(time.Microsecond), at.AddDate(0, 1, 0), pick(l.r, append(expiries, at)...))
	t = t.Add(pick(l.r, 0, 0, -time.Microsecond, time.Microsecond))
	if !t.After(at.Truncate(time.Microsecond)) {
		return at.Add(time.Millisecond)
	}
	return t
}

// id draws one of several numbers, seldom one that is none.
func (l *life) id(of []credits.ID) credits.ID {
	if len(of) == 0 || chance(l.r, 20) {
		return credits.ID(l.r.IntN(int(l.w.Seq()) + 2))
	}
	return of[max(0, len(of)-1-l.r.IntN(6))]
}

// lots returns the numbers of the open lots.
func (l *life) lots() []credits.ID {
	var ids []credits.ID
	for lot := range l.w.Lots() {
		ids = append(ids, lot.ID)
	}
	slices.Sort(ids)
	return ids
}

// draw returns a command that may well succeed.
func (l *life) draw() credits.Command {
	r := l.r
	unit := pick(r, "", "", "", lawUnit)
	scope := pick(r, "", "", "", "ann", "bob")
	note := credits.Note{}
	if chance(r, 5) {
		note = credits.Note{Ref: "r", Labels: map[string]string{"team": "a"}}
	}
	switch r.IntN(16) {
	case 0, 1, 2:
		return credits.Spend{Unit: unit, Amount: l.amount(unit, scope), Scope: scope, Note: note}
	case 3:
		feature := pick(r, "run", "tap", "look", "pipe", "none")
		return credits.Spend{Feature: feature, Quantity: 1 + r.Int64N(4), Scope: scope}
	case 4, 5:
		return credits.Reserve{Unit: unit, Amount: l.amount(unit, scope), Scope: scope, Until: l.instant(), Over: credits.Over(r.IntN(4))}
	case 6, 7:
		c := credits.Capture{Hold: l.id(l.holds), Note: note}
		switch r.IntN(4) {
		case 0:
			c.All = true
		case 1:
			c.Free = true
		default:
			c.Amount = l.amount(unit, scope)
		}
		return c
	case 8:
		return credits.Release{Hold: l.id(l.holds)}
	case 9, 10:
		if chance(r, 2) {
			return credits.Reverse{Spend: l.id(l.spends), All: true}
		}
		return credits.Reverse{Spend: l.id(l.spends), Amount: l.amount(unit, scope)}
	case 11, 12:
		c := credits.Grant{Unit: unit, Amount: small(r), Scope: scope, Priority: pick(r, 0, 0, 1, 100)}
		if chance(r, 3) {
			c.Starts = l.instant()
		}
		if !chance(r, 3) {
			c.Expires = l.instant()
		}
		if chance(r, 4) {
			c.Features = []string{"tap", "run"}
		}
		if chance(r, 3) {
			c.Paid = credits.Money{Micros: 10_000 * (1 + r.Int64N(1000)), Currency: "USD"}
		}
		return c
	case 13:
		return l.drawRare()
	case 14:
		if chance(r, 3) {
			return credits.Refund{Purchase: l.id(l.bought)}
		}
		pack, size := "ten", 10*credits.Credit
		if chance(r, 2) {
			pack, size = "both", credits.Credit
		}
		return credits.Buy{Pack: pack, Amount: size * credits.Amount(1+r.IntN(3))}
	default:
		return credits.SetAutoPurchase{On: !chance(r, 4), Note: note}
	}
}

func (l *life) drawRare() credits.Command {
	switch l.r.IntN(5) {
	case 0:
		return credits.Revoke{All: true}
	case 1:
		return credits.SetZone{Zone: pick(l.r, lawZones()[1:]...)}
	case 2:
		return credits.Erase{Entries: []credits.ID{1 + credits.ID(l.r.IntN(int(l.w.Seq())))}}
	case 3:
		c := credits.CarryOver{Amount: l.amount("", "")}
		if chance(l.r, 3) {
			c.Expires = l.instant()
		}
		return c
	default:
		return credits.Revoke{Lot: l.id(l.lots())}
	}
}
