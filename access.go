package credits

// Roles that this package knows by name. A host may have others: they are what
// the rules of a plan say, no more.
const (
	Administrator = "administrator" // of the customer
	Member        = "member"        // of the customer
	Operator      = "operator"      // the seller's staff: may do everything, and says why
	System        = "system"        // the host's own jobs: may do everything
)

// Rule permits an action to roles. A plan without rules permits everything; in one
// that has some, what no rule permits is refused to everybody but
// operators, the system, and calls without an actor. Spending is no action: who
// may use a feature is the host's.
type Rule struct {
	Action Action   `json:"action"`
	Plans  []string `json:"plans,omitempty"` // IDs of plans, of Subscribe and Interest; default all
	Roles  []string `json:"roles,omitempty"` // default all
	Trial  bool     `json:"trial,omitempty"` // also while the account is on trial; default not
	Via    Via      `json:"via,omitzero"`    // default [Directly]
}

// Action is what a rule is about.
type Action string

// The actions, and the commands they are.
const (
	ActSubscribe  Action = "subscribe"     // Subscribe, to the plans of the rule
	ActCancel     Action = "cancel"        // Cancel, Reactivate
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

// The ways.
const (
	Directly  Via = iota + 1
	ByCode        // it is asked, and approved with a security code
	ByRequest     // it is asked, and an operator approves it
	BySales       // not at all: interest can be registered
	vias
)

func (p *Plan) checkAccess(f *faults) {}

// may refuses an action on a target, such as a plan's ID, that the call's actor may not do.
func (d *decision) may(a Action, target string) error { return nil }
