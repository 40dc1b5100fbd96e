package credits

import (
	"errors"
	"fmt"
	"slices"
)

// Validate reports every fault of the plan, joined; each is an [InvalidError]
// with its path, such as "packs[0].size".
func (p Plan) Validate() error {
	var f faults
	f.add("id", checkName("", p.ID))
	f.add("name", checkText("", p.Name, maxName))
	f.add("tier", checkText("", p.Tier, maxName))
	if p.Version < 1 {
		f.say("version", "is not set; the first is 1")
	}
	p.checkTime(&f)
	if p.Price.Micros < 0 {
		f.say("price", "is negative")
	}
	checkCharged(&f, "price", p.Price)
	checkAllowances(&f, "allowances", p.Allowances)
	names := make([]string, 0, len(p.Features))
	for name := range p.Features {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := "features." + name
		f.add(path, checkName("", name))
		f.add(path, p.Features[name].Validate())
	}
	p.checkPacks(&f)
	p.checkAddOns(&f)
	p.checkAccess(&f)
	p.Leaving.check(&f)
	if p.Prompt < 0 || p.Prompt > 100*Percent {
		f.say("prompt", "is not between 0 and 100 %%")
	}
	if p.Tier != "" && len(p.Tiers) > 0 {
		f.say("tier", "and tiers are both set")
	}
	f.add("for", checkText("", string(p.For), maxName))
	p.checkOverdrafts(&f)
	p.checkCurrency(&f)
	if len(p.units()) > maxPlanUnits {
		f.over("allowances", "and packs have more than %d units", maxPlanUnits)
	}
	if p.Burn > SoonestExpiry {
		f.say("burn", "is not known")
	}
	p.checkTiers(&f)
	return errors.Join(f...)
}

// checkCharged reports a price that is charged as it is, and cannot be.
func checkCharged(f *faults, path string, m Money) {
	err := m.check()
	f.add(path, err)
	if err == nil && m != m.floor() {
		f.say(path, "%v is no whole number of minor units", m)
	}
}

// faults collects what is wrong, with paths.
type faults []error

func (f *faults) add(path string, err error) { *f = append(*f, faultsWithin(path, err)...) }

func (f *faults) say(path, format string, args ...any) {
	*f = append(*f, invalid(path, format, args...))
}

// over is say about a limit of this package.
func (f *faults) over(path, format string, args ...any) {
	*f = append(*f, beyond(path, format, args...))
}

func (p *Plan) checkTime(f *faults) {
	every, byMonth := p.Every.months()
	days, byDay := p.Every.days()
	switch {
	case p.Every == 0:
		f.say("every", "is not set: the cycle, such as 1 month")
	case p.Every.Validate() != nil:
		f.add("every", p.Every.Validate())
	case !byMonth && !byDay:
		f.say("every", "is %v: it has to be days, months or years", p.Every)
	}
	if byDay && p.Anchor == FirstOfMonth {
		f.say("anchor", "is the first of the month, and the cycle is %d days", days)
	}
	if p.Term != 0 {
		term, months := p.Term.months()
		termDays, isDays := p.Term.days()
		whole := byMonth && months && every > 0 && term%every == 0 || byDay && isDays && days > 0 && termDays%days == 0
		if !whole {
			f.say("term", "%v is not a whole number of cycles of %v", p.Term, p.Every)
		}
	}
	if p.Life != 0 {
		life, months := p.Life.months()
		lifeDays, isDays := p.Life.days()
		if whole := byMonth && months && every > 0 && life%every == 0 || byDay && isDays && days > 0 && lifeDays%days == 0; !whole {
			f.say("life", "%v is not a whole number of cycles of %v", p.Life, p.Every)
		}
	}
	if p.Anchor > FirstOfMonth {
		f.say("anchor", "is not known")
	}
	if p.First > FirstNothing {
		f.say("first", "is not known")
	}
}

func checkAllowances(f *faults, path string, all []Allowance) {
	for i, a := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		f.add(at+".unit", a.Unit.check())
		if a.Amount <= 0 {
			f.say(at+".amount", "is not positive")
		}
		if slices.ContainsFunc(all[:i], func(b Allowance) bool { return b.Unit == a.Unit }) {
			f.say(at+".unit", "has an allowance already")
		}
		checkPriority(f, at+".priority", a.Priority)
		if len(a.Features) > maxFeatures {
			f.over(at+".features", "are more than %d", maxFeatures)
		}
		for j, name := range a.Features {
			f.add(fmt.Sprintf("%s.features[%d]", at, j), checkName("", name))
		}
		r := a.Rollover
		if r.Share < 0 || r.Share > 100*Percent {
			f.say(at+".rollover.share", "is not between 0 and 100 %%")
		}
		f.add(at+".rollover.capShare", r.CapShare.check())
		f.add(at+".rollover.cap", r.Cap.check())
		if r.CapShare != 0 && r.Cap.IsSet() {
			f.say(at+".rollover.cap", "and capShare are both set")
		}
		if r.Share == 0 && r != (Rollover{}) {
			f.say(at+".rollover.share", "is not set, so that nothing is rolled over")
		}
		checkLife(f, at+".rollover.life", r.Life)
	}
}

func checkPriority(f *faults, path string, n int) {
	if n < 0 || n > 1000 {
		f.say(path, "is not between 1 and 1,000")
	}
}

func checkLife(f *faults, path string, s Span) {
	if s != 0 {
		f.add(path, s.Validate())
	}
}

func (p *Plan) checkPacks(f *faults) {
	for i := range p.Packs {
		k, at := &p.Packs[i], fmt.Sprintf("packs[%d]", i)
		f.add(at+".id", checkName("", k.ID))
		if slices.ContainsFunc(p.Packs[:i], func(o Pack) bool { return o.ID == k.ID }) {
			f.say(at+".id", "%q is there twice", k.ID)
		}
		f.add(at+".unit", k.Unit.check())
		if k.Size <= 0 {
			f.say(at+".size", "is not positive")
		}
		f.add(at+".price", k.Price.check())
		if k.Price.Micros < 0 {
			f.say(at+".price", "is negative")
		}
		p.checkPrice(f, at+".price", k, k.Size, 0)
		checkLife(f, at+".life", k.Life)
		checkPriority(f, at+".priority", k.Priority)
		checkConditions(f, at, k)
		for j, b := range k.Brings {
			in := fmt.Sprintf("%s.brings[%d]", at, j)
			f.add(in+".unit", b.Unit.check())
			if b.Unit == k.Unit {
				f.say(in+".unit", "is the pack's own")
			}
			if b.Amount <= 0 {
				f.say(in+".amount", "is not positive")
			}
		}
	}
	if p.Auto != (AutoPurchase{}) {
		p.checkAuto(f)
	}
}

// checkConditions reports what is wrong with when a pack can be bought.
func checkConditions(f *faults, at string, k *Pack) {
	f.add(at+".below", k.Below.check())
	switch {
	case k.Below == Unlimited:
		f.say(at+".below", "is unlimited")
	case k.Below.IsSet() && k.WhenShort:
		f.say(at+".below", "and whenShort are both set")
	}
	if k.Active < 0 {
		f.say(at+".active", "is negative")
	}
	if k.Active > maxActive {
		f.over(at+".active", "is more than %d", maxActive)
	}
	if k.UsedEnds && k.Active == 0 {
		f.say(at+".usedEnds", "is set, and active is not")
	}
	if len(k.Methods) > maxFeatures {
		f.over(at+".methods", "are more than %d", maxFeatures)
	}
	for j, name := range k.Methods {
		f.add(fmt.Sprintf("%s.methods[%d]", at, j), checkName("", name))
	}
}

func (p *Plan) checkAddOns(f *faults) {
	if len(p.AddOns) > maxPlanUnits {
		f.over("addOns", "are more than %d", maxPlanUnits)
	}
	for i, o := range p.AddOns {
		at := fmt.Sprintf("addOns[%d]", i)
		f.add(at+".id", checkName("", o.ID))
		if slices.ContainsFunc(p.AddOns[:i], func(b AddOn) bool { return b.ID == o.ID }) {
			f.say(at+".id", "%q is there twice", o.ID)
		}
		checkCharged(f, at+".price", o.Price)
		if o.Price.Micros < 0 {
			f.say(at+".price", "is negative")
		}
		switch {
		case o.Included < 0:
			f.say(at+".included", "is negative")
		case o.Max < 0:
			f.say(at+".max", "is negative")
		case o.Max > maxSeats || o.Included > maxSeats:
			f.over(at+".max", "is more than %d", maxSeats)
		case o.Max != 0 && o.Max < o.Included:
			f.say(at+".max", "is less than is included")
		}
		checkAllowances(f, at+".allowances", o.Allowances)
		for j, a := range o.Allowances {
			if a.Rollover != (Rollover{}) {
				f.say(fmt.Sprintf("%s.allowances[%d].rollover", at, j), "is set, and add-ons do not roll over")
			}
		}
	}
}

// checkPrice reports an amount of a pack that has no price, in the plan or in
// any of its tiers: what is bought later does not fail for it.
func (p *Plan) checkPrice(f *faults, path string, k *Pack, a Amount, surcharge Share) {
	if a <= 0 || k.Size <= 0 || k.Price.Micros < 0 || k.Price.check() != nil {
		return // reported already
	}
	for _, t := range append([]Tier{{Price: p.Price, Allowances: p.Allowances}}, p.Tiers...) {
		tier := *p
		tier.Price, tier.Allowances = t.Price, t.Allowances
		if t.ID == "" && len(p.Tiers) > 0 {
			continue // no wallet is opened with the plan itself
		}
		if _, err := tier.priceOf(k, a, surcharge); err != nil {
			f.say(path, "%v of pack %q have no price: %v", a, k.ID, err)
			return
		}
	}
}

func (p *Plan) checkAuto(f *faults) {
	k := p.pack(p.Auto.Pack)
	switch {
	case k == nil:
		f.say("auto.pack", "the plan has no pack %q", p.Auto.Pack)
	case p.Auto.Size <= 0:
		f.say("auto.size", "is not positive")
	case k.Size > 0 && p.Auto.Size%k.Size != 0:
		f.say("auto.size", "%v is not a whole number of packs of %v", p.Auto.Size, k.Size)
	}
	f.add("auto.limit", p.Auto.Limit.check())
	f.add("auto.below", p.Auto.Below.check())
	if err := p.Auto.Surcharge.check(); err != nil {
		f.add("auto.surcharge", err)
	} else if k != nil && p.Auto.Size > 0 {
		p.checkPrice(f, "auto.size", k, p.Auto.Size, p.Auto.Surcharge)
	}
	f.add("auto.money", p.Auto.Money.check())
	if p.Auto.Money.Micros < 0 {
		f.say("auto.money", "is negative")
	}
	if p.Auto.Window > CalendarMonth {
		f.say("auto.window", "is not known")
	}
	if p.Auto.Below == Unlimited {
		f.say("auto.below", "is unlimited")
	}
}

// checkCurrency reports prices in another currency than the first: what a
// command charges is one sum.
func (p *Plan) checkCurrency(f *faults) {
	first := p.Price.Currency
	check := func(path string, m Money) {
		switch {
		case first == "":
			first = m.Currency
		case m.Currency != "" && m.Currency != first:
			f.say(path, "is in %s, and another price in %s", m.Currency, first)
		}
	}
	for i, t := range p.Tiers {
		check(fmt.Sprintf("tiers[%d].price", i), t.Price)
	}
	for i, k := range p.Packs {
		check(fmt.Sprintf("packs[%d].price", i), k.Price)
	}
	for i, o := range p.AddOns {
		check(fmt.Sprintf("addOns[%d].price", i), o.Price)
	}
	check("auto.money", p.Auto.Money)
}

func (v Leaving) check(f *faults) {
	paths := [...]string{"allowances", "addOns", "purchases", "grants"}
	for i, fate := range [...]Fate{v.Allowances, v.AddOns, v.Purchases, v.Grants} {
		if fate > Forfeit {
			f.say("leaving."+paths[i], "is not known")
		}
	}
}

func (p *Plan) checkOverdrafts(f *faults) {
	for i, o := range p.Overdrafts {
		at := fmt.Sprintf("overdrafts[%d]", i)
		f.add(at+".unit", o.Unit.check())
		if !o.Limit.IsSet() {
			f.say(at+".limit", "is not set")
		}
		f.add(at+".limit", o.Limit.check())
		if o.AtReset > ForgiveDebt {
			f.say(at+".atReset", "is not known")
		}
		if slices.ContainsFunc(p.Overdrafts[:i], func(b Overdraft) bool { return b.Unit == o.Unit }) {
			f.say(at+".unit", "has an overdraft already")
		}
	}
}

func (p *Plan) checkTiers(f *faults) {
	for i, t := range p.Tiers {
		at := fmt.Sprintf("tiers[%d]", i)
		f.add(at+".id", checkName("", t.ID))
		if slices.ContainsFunc(p.Tiers[:i], func(o Tier) bool { return o.ID == t.ID }) {
			f.say(at+".id", "%q is there twice", t.ID)
		}
		checkCharged(f, at+".price", t.Price)
		if t.Price.Micros < 0 {
			f.say(at+".price", "is negative")
		}
		checkAllowances(f, at+".allowances", t.Allowances)
	}
}
