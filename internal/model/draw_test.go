package model_test

import (
	"time"

	"pgregory.net/rapid"

	"example.com/credits"
	"example.com/credits/internal/model"
)

// pick draws one of some values.
func pick[T any](t *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, label)
}

// chance is true once in n times.
func chance(t *rapid.T, label string, n int) bool {
	return rapid.IntRange(1, n).Draw(t, label) == n
}

// few draws a small amount.
func few(t *rapid.T, label string, most int) credits.Amount {
	return credits.Amount(rapid.IntRange(1, most).Draw(t, label))
}

var usd = credits.Money{Micros: 1_000_000, Currency: "USD"}

// drawPlan draws a plan whose amounts are small.
func drawPlan(t *rapid.T) credits.Plan {
	p := credits.Plan{
		ID: "plan", Version: 1, Price: usd,
		Every: pick(t, "every", credits.Months(1), credits.Months(1), credits.Months(2), credits.Days(10)),
		Burn:  pick(t, "burn", 0, credits.PlanFirst, credits.SoonestExpiry),
		Features: map[string]credits.Rate{
			"text": {Credits: 1}, "image": {Credits: 3}, "free": {Free: true}, "disk": {Unit: "GB", Credits: 1},
		},
		MoveAll: chance(t, "move all", 3),
	}
	if p.Every == credits.Months(1) && chance(t, "term", 3) {
		p.Term = credits.Months(2)
	}
	a := credits.Allowance{Amount: few(t, "allowance", 20), Rollover: drawRollover(t)}
	if chance(t, "restricted", 4) {
		a.Features = []string{"image"}
	}
	p.Allowances = append(p.Allowances, a)
	if chance(t, "second unit", 3) {
		p.Allowances = append(p.Allowances, credits.Allowance{Unit: "GB", Amount: few(t, "disk", 5), Rollover: drawRollover(t)})
	}
	drawPacks(t, &p)
	if !chance(t, "no overdraft", 3) {
		p.Overdrafts = []credits.Overdraft{{
			Limit:   pick(t, "overdraft limit", credits.AtMost(few(t, "overdraft", 12)), credits.Unlimited),
			AtReset: pick(t, "at reset", 0, credits.CarryDebt, credits.ForgiveDebt),
		}}
	}
	return p
}

func drawRollover(t *rapid.T) credits.Rollover {
	if chance(t, "no rollover", 3) {
		return credits.Rollover{}
	}
	r := credits.Rollover{
		Share: credits.Percent * pick[credits.Share](t, "share", 25, 50, 100, 33),
		Life:  pick(t, "rollover life", 0, credits.ForCycle, credits.Forever, credits.Days(7), credits.Months(1)),
	}
	switch pick(t, "cap", 0, 1, 2) {
	case 1:
		r.Cap = credits.AtMost(few(t, "cap", 8))
	case 2:
		r.CapShare = credits.Percent * pick[credits.Share](t, "cap share", 20, 50)
	}
	return r
}

func drawPacks(t *rapid.T, p *credits.Plan) {
	size := few(t, "pack", 4)
	pack := credits.Pack{ID: "extra", Size: size, Price: usd, Life: pick(t, "life", 0, credits.ForCycle, credits.ForTerm, credits.Forever, credits.Days(7))}
	if chance(t, "brings", 3) {
		pack.Brings = []credits.Bring{{Unit: "GB", Amount: few(t, "brought", 2)}}
	}
	p.Packs = []credits.Pack{pack, {ID: "disk", Unit: "GB", Size: 2, Price: usd, Life: credits.ForCycle}}
	if chance(t, "no auto", 4) {
		return
	}
	p.Auto = credits.AutoPurchase{Pack: "extra", Size: size * credits.Amount(rapid.IntRange(1, 2).Draw(t, "auto size")), Surcharge: 30 * credits.Percent}
	p.Auto.Limit = pick(t, "auto limit", 0, credits.AtMost(few(t, "auto limit", 25)), credits.Unlimited)
	if p.Every == credits.Days(10) && p.Auto.Limit == 0 {
		p.Auto.Limit = credits.AtMost(10)
	}
	p.Auto.Below = pick(t, "below", 0, 0, credits.AtMost(0), credits.AtMost(few(t, "below", 3)))
}

// drawNow draws where the clock goes: to where things collide, mostly.
func (s *system) drawNow(t *rapid.T) time.Time {
	now := s.clock.Now()
	var near []time.Time
	for _, id := range wallets {
		if w := s.seen[id]; w != nil {
			near = append(near, w.Boundaries()...)
		}
	}
	ways := []string{"stands", "stands", "boundary", "boundary", "boundary", "near", "near", "hours", "far"}
	if s.jumps {
		ways = append(ways, "back", "back", "back")
	}
	way := pick(t, "clock", ways...)
	switch {
	case way == "boundary" && len(near) > 0:
		now = pick(t, "boundary", near...).Add(pick(t, "off", -time.Microsecond, 0, time.Microsecond))
	case way == "near" && len(near) > 0:
		now = near[0].Add(pick(t, "off", -time.Microsecond, 0, time.Microsecond))
	case way == "hours":
		now = now.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "hours")) * time.Hour)
	case way == "far":
		now = now.AddDate(0, rapid.IntRange(1, 5).Draw(t, "months"), 0)
	case way == "back":
		return now.Add(-pick(t, "back by", time.Microsecond, time.Hour, 40*24*time.Hour, 366*24*time.Hour))
	}
	if now.Before(s.clock.Now()) && !s.jumps {
		return s.clock.Now()
	}
	return now
}

// drawInstant draws an instant ahead that something else happens at too, mostly.
func (s *system) drawInstant(t *rapid.T, id credits.WalletID, label string) time.Time {
	w := s.seen[id]
	near := w.Boundaries()
	switch pick(t, label, "boundary", "boundary", "reset", "hours", "hours", "past") {
	case "boundary":
		return pick(t, label, near...).Add(pick(t, "off", 0, 0, 0, -time.Microsecond, time.Microsecond))
	case "reset":
		return w.Reset()
	case "hours":
		return w.At.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, label)) * time.Hour)
	default:
		return w.At.Add(-pick(t, label, 0, time.Microsecond, time.Hour))
	}
}

// drawID draws a number, mostly one of some.
func drawID(t *rapid.T, label string, ids []credits.ID) credits.ID {
	if len(ids) == 0 || chance(t, label+" wrong", 20) {
		return pick[credits.ID](t, label, 1, 9_999)
	}
	if chance(t, label+" last", 2) {
		return ids[len(ids)-1]
	}
	return pick(t, label, ids...)
}

// drawCommand draws a command of a verb.
func (s *system) drawCommand(t *rapid.T, id credits.WalletID, verb string) credits.Command {
	known := s.seen[id].Known()
	switch verb {
	case "open":
		if s.seen[id].Anchor.IsZero() {
			return credits.Open{Plan: drawPlan(t)}
		}
		return credits.Open{Plan: s.seen[id].Plan}
	case "spend":
		feature, quantity, unit, amount := drawUsage(t)
		return credits.Spend{Feature: feature, Quantity: quantity, Unit: unit, Amount: amount, Scope: pick(t, "scope", model.Scopes...)}
	case "reserve":
		feature, quantity, unit, amount := drawUsage(t)
		return credits.Reserve{
			Feature: feature, Quantity: quantity, Unit: unit, Amount: amount, Scope: pick(t, "scope", model.Scopes...),
			Until: s.drawInstant(t, id, "until"), Over: pick(t, "over", 0, credits.RefuseOver, credits.DrawAll, credits.DrawSome),
		}
	case "capture":
		return drawCapture(t, known)
	case "release":
		return credits.Release{Hold: drawID(t, "hold", append(known.Ended, known.Holds...))}
	case "grant":
		return s.drawGrant(t, id)
	case "revoke":
		if chance(t, "all", 3) {
			return credits.Revoke{All: true}
		}
		return credits.Revoke{Lot: drawID(t, "lot", known.Lots)}
	case "buy":
		return drawBuy(t, s.seen[id].Plan)
	case "refund":
		return credits.Refund{Purchase: drawID(t, "purchase", known.Purchases)}
	case "reverse":
		r := credits.Reverse{Spend: drawID(t, "spend", known.Spends)}
		if r.All = chance(t, "all", 2); !r.All {
			r.Amount = few(t, "amount", 8) - pick[credits.Amount](t, "none", 0, 0, 0, 1)
		}
		return r
	case "carry over":
		c := credits.CarryOver{Unit: pick(t, "unit", "", "", "", model.Units[1]), Amount: few(t, "amount", 12) - pick[credits.Amount](t, "none", 0, 0, 0, 1)}
		if chance(t, "expires", 2) {
			c.Expires = s.drawInstant(t, id, "expires").AddDate(0, 1, 0)
		}
		return c
	case "auto":
		return credits.SetAutoPurchase{On: chance(t, "on", 2)}
	}
	panic(verb)
}

func drawUsage(t *rapid.T) (feature string, quantity int64, unit credits.Unit, amount credits.Amount) {
	switch pick(t, "usage", "text", "image", "text", "image", "free", "disk", "amount", "amount", "both", "unit", "odd") {
	case "text":
		return "text", int64(few(t, "quantity", 12)), "", 0
	case "image":
		return "image", int64(few(t, "quantity", 5)), "", 0
	case "free":
		return "free", 1, "", 0
	case "disk":
		return "disk", int64(few(t, "quantity", 4)), "", 0
	case "both":
		return pick(t, "feature", "text", "image"), 0, "", few(t, "amount", 15)
	case "unit":
		return "", 0, "GB", few(t, "amount", 4)
	case "odd":
		switch pick(t, "odd", 0, 1, 2, 3, 4) {
		case 0:
			return "video", 1, "", 0
		case 1:
			return "text", 0, "", 0
		case 2:
			return "", 0, "", -1
		case 3:
			return "text", 1, "", 1
		default:
			return "", 1, "", 0
		}
	}
	return "", 0, "", few(t, "amount", 25)
}

func drawCapture(t *rapid.T, known model.Known) credits.Command {
	c := credits.Capture{Hold: drawID(t, "hold", append(known.Ended, known.Holds...))}
	switch pick(t, "way", "all", "amount", "amount", "amount", "quantity", "quantity", "free", "odd") {
	case "all":
		c.All = true
	case "amount":
		c.Amount = few(t, "amount", 15)
	case "quantity":
		c.Quantity = int64(few(t, "quantity", 6))
	case "free":
		c.Free = true
	default:
		c.Amount = pick[credits.Amount](t, "odd", 0, -1)
	}
	return c
}

func (s *system) drawGrant(t *rapid.T, id credits.WalletID) credits.Command {
	g := credits.Grant{
		Unit: pick(t, "unit", "", "", "", model.Units[1]), Amount: few(t, "amount", 15) - pick[credits.Amount](t, "none", 0, 0, 0, 0, 0, 0, 1),
		Priority: pick(t, "priority", 0, 0, 0, 50, 100, 200),
		Scope:    pick(t, "scope", "", "", "", "ann", "bob"),
	}
	if chance(t, "features", 4) {
		g.Features = []string{pick(t, "feature", "text", "image")}
	}
	if chance(t, "starts", 3) {
		g.Starts = s.drawInstant(t, id, "starts")
	}
	if !chance(t, "for ever", 3) {
		g.Expires = s.drawInstant(t, id, "expires")
	}
	return g
}

func drawBuy(t *rapid.T, p credits.Plan) credits.Command {
	switch pick(t, "pack", "extra", "extra", "extra", "extra", "disk", "disk", "none", "odd") {
	case "extra":
		return credits.Buy{Pack: "extra", Amount: p.Packs[0].Size * few(t, "packs", 3)}
	case "disk":
		return credits.Buy{Pack: "disk", Amount: 2 * few(t, "packs", 2)}
	case "none":
		return credits.Buy{Pack: "none", Amount: 1}
	default:
		return credits.Buy{Pack: "disk", Amount: pick[credits.Amount](t, "odd", 0, 1, 3, -2)}
	}
}
