package credits

import (
	"fmt"
	"slices"
)

// Roles that this package knows by name. A host may have others: they are what
// the rules of a plan say, no more.
const (
	Administrator = "administrator" // of the customer
	Member        = "member"        // of the customer
	Operator      = "operator"      // the seller's staff: may do everything, and says why
	System        = "system"        // the host's own jobs: may do everything
)

// Rule permits an action to roles. Operators, the system and calls without an
// actor may do everything. To others a plan without any rule permits everything, an
// operator's verbs included: it leaves that to the host. Under a plan that has
// rules, what none permits is refused. Where several permit the same, the most
// direct way counts. Spending is no action: who may use a feature is the host's.
//
// The rules are those of the plan that the wallet has, or had last.
type Rule struct {
	Action Action   `json:"action"`
	Plans  []string `json:"plans,omitempty"` // IDs of plans, of Subscribe and Interest; default all
	Roles  []string `json:"roles,omitempty"` // default all
	Trial  bool     `json:"trial,omitempty"` // also while the account is on trial; default not
	Via    Via      `json:"via,omitzero"`    // default [Directly]
}

// Action is what a rule is about.
type Action string

// The actions, and the commands they are. What is neither here nor spending is an
// operator's: no rule permits it.
const (
	ActSubscribe  Action = "subscribe"     // Subscribe, to the plans of the rule
	ActCancel     Action = "cancel"        // Cancel, and Reactivate of what is cancelled
	ActDeactivate Action = "deactivate"    // Deactivate
	ActBuy        Action = "buy"           // Buy
	ActUnits      Action = "units"         // SetUnits, Reassign
	ActAuto       Action = "auto-purchase" // SetAutoPurchase
	ActMethod     Action = "method"        // SetMethod
	ActInterest   Action = "interest"      // Ask without a command
	actOperate    Action = "operate"       // all else but spending: an operator's
)

// Via is how an action is carried out.
type Via uint8

// The ways, the most direct first.
const (
	Directly  Via = iota + 1
	ByCode        // it is asked, and approved with a security code
	ByRequest     // it is asked, and an operator approves it
	BySales       // not at all: interest can be registered
	vias
)

// maxRules is how many rules a plan has, and maxRuled how many plans or roles one names.
const (
	maxRules = 100
	maxRuled = 100
)

// actions returns what a rule can be about.
func actions() []Action {
	return []Action{ActSubscribe, ActCancel, ActDeactivate, ActBuy, ActUnits, ActAuto, ActMethod, ActInterest}
}

func (p *Plan) checkAccess(f *faults) {
	if len(p.Access) > maxRules {
		f.over("access", "has more than %d rules", maxRules)
		return
	}
	for i, r := range p.Access {
		r.check(f, fmt.Sprintf("access[%d]", i))
	}
}

func (r Rule) check(f *faults, at string) {
	if !slices.Contains(actions(), r.Action) {
		f.say(at+".action", "%q is not one of %q", r.Action, actions())
	}
	if len(r.Plans) > 0 && r.Action != ActSubscribe && r.Action != ActInterest {
		f.say(at+".plans", "are set, and %q is about no plan", r.Action)
	}
	if len(r.Plans) > maxRuled {
		f.over(at+".plans", "are more than %d", maxRuled)
	}
	if len(r.Roles) > maxRuled {
		f.over(at+".roles", "are more than %d", maxRuled)
	}
	for j, id := range r.Plans[:min(len(r.Plans), maxRuled)] {
		f.add(fmt.Sprintf("%s.plans[%d]", at, j), checkName("", id))
	}
	for j, role := range r.Roles[:min(len(r.Roles), maxRuled)] {
		in := fmt.Sprintf("%s.roles[%d]", at, j)
		switch {
		case role == "":
			f.say(in, "is empty")
		case role == Operator || role == System:
			f.say(in, "%q may do everything", role)
		default:
			f.add(in, checkText("", role, maxRole))
		}
	}
	switch {
	case r.Via >= vias:
		f.say(at+".via", "is not known")
	case r.Action == ActInterest && r.Via > Directly:
		f.say(at+".via", "is %v, and interest is registered directly", r.Via)
	}
}

// trusted reports whether an actor may do everything: the seller's people and
// programs.
func (a Actor) trusted() bool { return a == Actor{} || a.Role == Operator || a.Role == System }

// may refuses an action on a target, such as a plan's ID, that the call's actor
// may not do by himself.
func (d *decision) may(a Action, target string) error {
	if d.approved != nil { // somebody who may has approved it
		return nil
	}
	via, err := d.way(a, target)
	switch {
	case err != nil:
		return err
	case via == ByCode:
		return d.denied(CodeNeeded, Remedy{Kind: RemedyCode})
	case via == ByRequest:
		return d.denied(RequestNeeded, Remedy{Kind: RemedyRequest})
	case a == actOperate || a == ActDeactivate || a == ActSubscribe:
		return d.says()
	}
	return nil
}

// says reports an operator who does not say why he does what he does.
func (d *decision) says() error {
	if d.call.Actor.Role != Operator {
		return nil
	}
	var r request
	d.call.Command.request(&r)
	if r.with.Reason == "" {
		return invalid("note.reason", "is empty: an operator says why")
	}
	return nil
}

// way returns how the call's actor gets an action on a target done: directly, by
// code or by request. It refuses what he does not get done at all.
func (d *decision) way(a Action, target string) (Via, error) {
	r := d.w.terms.rule(d.call.Actor, a, target)
	switch {
	case r.via != 0 && r.via != BySales:
		return r.via, nil
	case r.via == 0 && !r.trial && r.role != "":
		return 0, d.denied(NotPermitted, Remedy{Kind: RemedyRole, Role: r.role})
	}
	reason := NotPermitted
	if r.trial {
		reason = OnTrial
	} else if r.via == BySales {
		reason = NotSelfService
	}
	switch {
	case a == ActSubscribe && d.w.terms.rule(d.call.Actor, ActInterest, target).via != 0:
		return 0, d.denied(reason, Remedy{Kind: RemedyRequest})
	case reason == NotSelfService:
		return 0, d.denied(reason, Remedy{Kind: RemedyRole, Role: Operator})
	}
	return 0, d.denied(reason)
}

// ruling is what a plan's rules say of an action.
type ruling struct {
	via   Via    // how the actor gets it done; 0 if not
	trial bool   // he does not because of a trial
	role  string // somebody else does, who has this role; empty if nobody does
}

// rule returns what the plan says of an actor who wants to do an action.
func (p *Plan) rule(who Actor, a Action, target string) (is ruling) {
	if who.trusted() || len(p.Access) == 0 {
		return ruling{via: Directly}
	}
	if a == actOperate {
		return ruling{role: Operator}
	}
	for _, r := range p.Access {
		via := max(r.Via, Directly)
		switch {
		case r.Action != a || len(r.Plans) > 0 && !slices.Contains(r.Plans, target):
		case len(r.Roles) > 0 && !slices.Contains(r.Roles, who.Role):
			if is.role == "" && via != BySales {
				is.role = r.Roles[0]
			}
		case who.Trial && !r.Trial:
			is.trial = true
		case is.via == 0 || via < is.via:
			is.via = via
		}
	}
	is.trial = is.trial && is.via == 0
	return is
}

// denied is refuse with what would unblock it.
func (d *decision) denied(r Reason, remedies ...Remedy) error {
	e := d.refuse(r, "")
	e.Remedies = remedies
	return e
}
