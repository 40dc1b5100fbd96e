package access

import (
	"errors"
	"math/bits"
	"slices"

	"example.com/credits"
)

// Page is what an actor is to be shown of a wallet.
type Page struct {
	Plan       string  // the ID of the plan that the wallet has, or had last
	Version    int     // of it
	Active     bool    // whether it has not ended
	Banner     bool    // of the marketplace's home: always there
	Statistics bool    // the link from the statistics: always there
	Sidebar    bool    // the entry in the sidebar: the plan's Prompt of the current allowance is consumed
	Offers     []Offer // of the actions on plans, then packs, add-ons, and the rest; for each that is Allowed there is a button
}

// Offer is something that an actor may want to do, and whether that goes now.
type Offer struct {
	Action credits.Action
	About  string // the ID of the plan, pack or add-on; empty if it is about none

	// Command is what does it: quantities at their least, and without a note. It is
	// nil for the payment method, which the host knows; where a plan sells no packs
	// it buys none, and says why.
	Command credits.Command

	Allowed  bool             // it goes now, Via
	Via      credits.Via      // directly, with a code (see [Desk]), by request ([credits.Ask]), or by sales: not at all. Unset if the actor may not
	Reason   credits.Reason   // why it does not go; empty if it is Allowed
	Remedies []credits.Remedy // what would unblock it

	Due    credits.Money     // what it would cost at once
	Next   credits.Money     // what it would cost each period from the next on
	Grants []credits.Granted // what it would bring at once
}

// Offers returns what an actor may do with a wallet, at the instant at which that
// was looked at, and what a page should show: every action with allowed or why not. Of
// the call it takes the actor, and whether there is a Charger, so that purchases are paid before they bring
// anything. Plans are those that the host sells, each tier of a plan by itself.
//
// It is a pure function, and it says what would happen: it asks [credits.Wallet.Decide].
// No offer is made to subscribe to the plan that the wallet has, nor to one that was
// negotiated for another, and an interest in a plan whatever its version; the units of a scoped add-on are offered for the actor and
// for every scope that has some. Nothing is offered of a wallet that is not open.
func Offers(w credits.Wallet, as credits.Call, plans []credits.Plan) Page {
	page := Page{Banner: true, Statistics: true}
	has, ok := w.Plan()
	if !ok {
		return page
	}
	v := viewer{w: w, plan: has, call: credits.Call{Key: "access", Actor: as.Actor, Now: w.At(), Charger: as.Charger}}
	sub := w.Subscription()
	page.Plan, page.Version, page.Active, page.Sidebar = has.ID, has.Version, sub.Active, v.prompts()
	for _, p := range plans {
		if p.For != "" && p.For != w.ID() {
			continue
		}
		for _, p := range tiers(p) {
			if p.ID != has.ID || p.Version != has.Version || p.Tier != has.Tier || !sub.Active || sub.When != 0 {
				v.offer(credits.ActSubscribe, p.ID, credits.Subscribe{Plan: p})
			}
		}
		if !slices.ContainsFunc(v.offers, func(o Offer) bool { return o.Action == credits.ActInterest && o.About == p.ID }) {
			v.offer(credits.ActInterest, p.ID, credits.Ask{About: p.ID})
		}
	}
	for _, k := range has.Packs {
		v.offer(credits.ActBuy, k.ID, credits.Buy{Pack: k.ID, Amount: k.Size})
	}
	if len(has.Packs) == 0 { // why there is no button
		v.offer(credits.ActBuy, "", credits.Buy{Amount: credits.Credit})
	}
	for _, o := range has.AddOns {
		v.units(o, sub.Units)
	}
	if has.Auto != (credits.AutoPurchase{}) {
		v.offer(credits.ActAuto, "", credits.SetAutoPurchase{On: !w.AutoPurchase().On})
	}
	v.offer(credits.ActMethod, "", nil)
	if sub.Active && (sub.When == 0 || sub.Next != nil) {
		v.offer(credits.ActCancel, "", credits.Cancel{})
	} else {
		v.offer(credits.ActCancel, "", credits.Reactivate{})
	}
	v.offer(credits.ActDeactivate, "", credits.Deactivate{})
	page.Offers = v.offers
	return page
}

// tiers returns a plan as wallets can have it.
func tiers(p credits.Plan) (all []credits.Plan) {
	if len(p.Tiers) == 0 {
		return []credits.Plan{p}
	}
	for _, t := range p.Tiers {
		if tier, err := p.WithTier(t.ID); err == nil {
			all = append(all, tier)
		}
	}
	return all
}

// viewer makes the offers of one wallet to one actor.
type viewer struct {
	w      credits.Wallet
	plan   credits.Plan
	call   credits.Call
	offers []Offer
}

// prompts reports whether the plan's share of the current allowance is consumed, exactly.
func (v *viewer) prompts() bool {
	if v.plan.Prompt == 0 || len(v.plan.Allowances) == 0 {
		return false
	}
	b := v.w.Balance(v.plan.Allowances[0].Unit, "")
	consumedHi, consumedLo := bits.Mul64(uint64(b.Consumed), uint64(100*credits.Percent))
	wantHi, wantLo := bits.Mul64(uint64(b.Granted), uint64(v.plan.Prompt))
	return b.Granted > 0 && (consumedHi > wantHi || consumedHi == wantHi && consumedLo >= wantLo)
}

// units offers one unit more of an add-on, and one less where there is one.
func (v *viewer) units(o credits.AddOn, has []credits.Units) {
	scope := ""
	if o.Scoped {
		scope = v.call.Actor.ID
	}
	own := !o.Scoped || scope != ""
	for _, u := range has {
		if u.AddOn != o.ID {
			continue
		}
		own = own && u.Scope != scope
		v.offer(credits.ActUnits, o.ID, credits.SetUnits{AddOn: o.ID, Scope: u.Scope, Units: u.Next + 1})
		v.offer(credits.ActUnits, o.ID, credits.SetUnits{AddOn: o.ID, Scope: u.Scope, Units: u.Next - 1})
	}
	if own {
		v.offer(credits.ActUnits, o.ID, credits.SetUnits{AddOn: o.ID, Scope: scope, Units: 1})
	}
}

// offer adds an offer, unless what it does is out of the question.
func (v *viewer) offer(action credits.Action, about string, cmd credits.Command) {
	o := Offer{Action: action, About: about, Command: cmd}
	if cmd == nil {
		cmd = v.method()
	}
	err := v.decide(v.call.Actor, cmd, &o)
	switch {
	case errors.Is(err, credits.CodeNeeded):
		o.Via = credits.ByCode
		err = v.decide(v.call.Actor, credits.Ask{Command: cmd, Proof: [32]byte{1}, Until: v.call.Now.Add(Life)}, nil)
	case errors.Is(err, credits.RequestNeeded):
		o.Via = credits.ByRequest
		err = v.decide(v.call.Actor, credits.Ask{Command: cmd}, nil)
	case errors.Is(err, credits.NotSelfService):
		o.Via = credits.BySales
	case !errors.Is(err, credits.NotPermitted) && !errors.Is(err, credits.OnTrial):
		o.Via = credits.Directly
	}
	var refused *credits.RefusedError
	if o.Allowed = err == nil; !o.Allowed {
		if !errors.As(err, &refused) {
			return
		}
		o.Reason, o.Remedies = refused.Reason, refused.Remedies
	}
	if !o.Allowed || o.Via != credits.Directly { // what it would cost, if it went
		if v.decide(credits.Actor{}, cmd, &o) != nil {
			o.Due = v.priceOf(cmd)
		}
	}
	v.offers = append(v.offers, o)
}

// decide returns why a command would be refused, and puts into an offer what it
// would cost and bring.
func (v *viewer) decide(actor credits.Actor, cmd credits.Command, o *Offer) error {
	c := v.call
	c.Actor = actor
	c.Command = said(actor, cmd)
	entries, err := v.w.Decide(c)
	if err != nil || o == nil {
		return err
	}
	for len(entries) > 0 && entries[0].Key != c.Key { // fell due before
		entries = entries[1:]
	}
	q := credits.Receipt{Entries: entries}.Quote()
	o.Due, o.Next, o.Grants = q.Charge, q.Next, q.Grants
	return nil
}

// said returns a command with a reason where an operator has to give one.
func said(actor credits.Actor, cmd credits.Command) credits.Command {
	if actor.Role != credits.Operator {
		return cmd
	}
	switch c := cmd.(type) {
	case credits.Subscribe:
		c.Note.Reason = "asked"
		return c
	case credits.Deactivate:
		c.Note.Reason = "asked"
		return c
	case credits.Reactivate:
		c.Note.Reason = "asked"
		return c
	}
	return cmd
}

// priceOf returns what a pack costs that cannot be bought now.
func (v *viewer) priceOf(cmd credits.Command) credits.Money {
	buy, ok := cmd.(credits.Buy)
	for _, k := range v.plan.Packs {
		if !ok || k.ID != buy.Pack {
			continue
		}
		if !k.Price.IsZero() {
			return k.Price
		}
		if per, err := v.plan.PerCredit(); err == nil {
			price, _ := per.Of(k.Size, 0)
			return price
		}
	}
	return credits.Money{}
}

// method returns a payment method of a kind that the plan's packs accept.
func (v *viewer) method() credits.SetMethod {
	m := credits.Method{Token: "token", Kind: "card"}
	for _, k := range v.plan.Packs {
		if len(k.Methods) > 0 {
			m.Kind = k.Methods[0]
			break
		}
	}
	return credits.SetMethod{Method: m}
}
