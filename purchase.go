package credits

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settle tells what became of the payment of a purchase: a webhook's word, an
// operator's, the ledger's own after it asked a [Charger]. The credits are there
// once it is paid, however often that is told, and also after it was declined or
// abandoned: money was taken. What was paid does not become unpaid: that is [Ended],
// and a [Refund]. Its receipt's ID is the purchase.
type Settle struct {
	Purchase ID      `json:"purchase"`
	Payment  Payment `json:"payment"`
	Note     Note    `json:"note,omitzero"`
}

// Payment is what became of a charge.
type Payment struct {
	State  PaymentState `json:"state"`            // Paid, Declined, ActionRequired, Unknown or Abandoned
	Ref    string       `json:"ref,omitempty"`    // the provider's; at most 255 bytes
	Reason string       `json:"reason,omitempty"` // of a decline; at most 1,024 bytes
	URL    string       `json:"url,omitempty"`    // where the payer has something to do; at most 1,024 bytes
}

// PaymentState is where the payment of a purchase stands.
type PaymentState uint8

// The states. Those up to Unknown are open: they count toward limits, in the
// window in which the purchase was intended, until 24 hours have passed.
const (
	Intended       PaymentState = iota + 1 // nobody was asked yet, or nobody remembers
	ActionRequired                         // the payer has something to do
	Unknown                                // the provider was asked, and nobody knows
	Paid                                   // final: a later failure is a refund
	Declined                               // it may still be paid
	Abandoned                              // 24 hours without an outcome; it may still be paid
	paymentStates
)

// Method is a payment method as the host's provider knows it.
type Method struct {
	Token string `json:"token"` // the provider's name for it, never a card number; at most 255 bytes
	Kind  string `json:"kind"`  // such as "card"; at most 64 bytes
}

// SetMethod sets the wallet's payment method. Auto-purchase that a decline
// suspended goes on, and buys at once if it would have.
type SetMethod struct {
	Method Method `json:"method"`
	Note   Note   `json:"note,omitzero"`
}

// Sell is a sale that an operator made and was paid for: credits at a price of
// their own. Its receipt's ID is the purchase.
type Sell struct {
	Unit    Unit      `json:"unit,omitempty"`
	Amount  Amount    `json:"amount"`
	Price   Money     `json:"price"`            // of all of it
	Expires time.Time `json:"expires,omitzero"` // default never
	Note    Note      `json:"note,omitzero"`
}

// Purchase is what is bought, under the terms of the moment at which it was
// intended.
type Purchase struct {
	ID        ID      // the Seq of the entry that intended or made it
	Pack      string  // what is bought; empty for units of an add-on and for what an operator sold
	AddOn     string  // of which units are bought
	Scope     string  // of the units
	Units     int64   // by how many they rise
	Goods     []Goods // what it brings when it is paid; empty once it did
	Charge    Money   // surcharge included
	Surcharge Money   // the part of Charge that is surcharge
	Next      Money   // what the units cost each period from the next one on
	Auto      bool    // whether nobody but the plan asked for it
	Month     Period  // of an automatic one: the window in which it counts
	Plan      string  // under which it was made
	Version   int     // of the plan
	NoRefund  bool    // only an operator can refund it
	At        time.Time
	ChargeKey string  // for the provider: the same for ever; [ParseChargeKey] undoes it; 38 bytes and less beyond the wallet's name
	Request   []byte  // what the key of the command is bound to that waits for it; empty if none does
	Need      Amount  // what that command needs
	Method    Method  // by which it is paid: the wallet's, when it was intended
	Payment   Payment // as it was last told
}

// Goods is a lot that a purchase brings. Its life begins when it is paid.
type Goods struct {
	Unit     Unit
	Amount   Amount
	Life     Span
	Priority int
	Features []string
}

// Open reports whether the payment of a purchase is not decided.
func (s PaymentState) Open() bool { return s >= Intended && s <= Unknown }

// chargeLimit is how long a purchase waits for an outcome.
const chargeLimit = 24 * time.Hour / time.Microsecond

// purchase is an open purchase, as the wallet's state keeps it. It never changes.
type purchase struct {
	Purchase
	key Key // of the command that intended it
}

// deadline is when the purchase is abandoned.
func (p *purchase) deadline() int64 { return micros(p.At) + int64(chargeLimit) }

// waits reports whether a command waits for the outcome.
func (p *purchase) waits() bool { return len(p.Request) > 0 }

// brings returns how much the purchase brings of its own unit.
func (p *Purchase) brings() Amount {
	if len(p.Goods) == 0 {
		return 0
	}
	return p.Goods[0].Amount
}

// openPurchase returns an open purchase; nil if there is none of that number.
func (s *state) openPurchase(id ID) *purchase {
	for _, p := range s.open.purchases {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// undecided returns the first open purchase that meets a condition.
func (s *state) undecided(is func(*purchase) bool) *purchase {
	if i := slices.IndexFunc(s.open.purchases, is); i >= 0 {
		return s.open.purchases[i]
	}
	return nil
}

// unknown returns a purchase nobody knows the outcome of: it is resolved before
// anything else is bought.
func (s *state) unknown() *purchase {
	return s.undecided(func(p *purchase) bool { return p.Payment.State != ActionRequired })
}

// ParseChargeKey returns the wallet and the purchase of a charge key, for a
// webhook that has nothing else.
func ParseChargeKey(key string) (WalletID, ID, error) {
	rest, _, ok := cutLast(key)
	wallet, number, ok2 := cutLast(rest)
	id, err := strconv.ParseUint(number, 10, 64)
	if !ok || !ok2 || err != nil || id == 0 || checkName("", wallet) != nil {
		return "", 0, invalid("key", "%q is no charge key", key)
	}
	return WalletID(wallet), ID(id), nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// chargeKey returns the key of the purchase that the next entry intends. It
// depends on the wallet's history, so that no two wallets of one name share it.
func (d *decision) chargeKey() string {
	return fmt.Sprintf("%s/%d/%s", d.w.id, d.w.seq+1, hex.EncodeToString(d.w.chain[:8]))
}

func (c Settle) verb() string    { return "settle" }
func (c SetMethod) verb() string { return "setMethod" }
func (c Sell) verb() string      { return "sell" }

func (c Settle) request(r *request) {
	r.id("purchase", c.Purchase)
	r.num("payment.state", int64(c.Payment.State))
	r.text("payment.ref", c.Payment.Ref)
	r.text("payment.reason", c.Payment.Reason)
	r.text("payment.url", c.Payment.URL)
	r.note(c.Note)
}

func (c SetMethod) request(r *request) {
	r.text("method.token", c.Method.Token)
	r.text("method.kind", c.Method.Kind)
	r.note(c.Note)
}

func (c Sell) request(r *request) {
	r.text("unit", string(c.Unit))
	r.amount("amount", c.Amount)
	r.money("price", c.Price)
	r.time("expires", c.Expires)
	r.note(c.Note)
}

// paid reports whether purchases of the wallet are paid by a charger before they
// bring anything.
func (d *decision) paid() bool { return d.call.Charger && !d.w.terms.Accrue }

// waiting is the error of a command that is decided again once a purchase was.
type waiting struct{ purchase ID }

func (w *waiting) Error() string {
	return fmt.Sprintf("credits: purchase %d is not decided", w.purchase)
}

// await returns the error of a command that waits for a purchase.
func (d *decision) await(p *purchase) error {
	if !d.call.Charger || d.call.Bound || d.call.supposed {
		return d.pending(p)
	}
	return &waiting{p.ID}
}

// pending returns the refusal of a command that needs the outcome of a purchase
// which is not decided.
func (d *decision) pending(p *purchase) error {
	e := d.refuse(PaymentPending, fmt.Sprintf("purchase %d is %v", p.ID, p.Payment.State))
	e.Remedies = []Remedy{finish(p)}
	return e
}

// finish returns the remedy that a purchase be finished.
func finish(p *purchase) Remedy {
	return Remedy{Kind: RemedyFinish, Purchase: p.ID, URL: p.Payment.URL, Price: p.Charge}
}

// acquire makes a purchase: at once, owed by its entry, or intended, to be paid
// first. bound tells that the call waits for the outcome.
func (d *decision) acquire(p Purchase, bound bool, n Note) error {
	p.Plan, p.Version, p.At, p.Method = d.w.terms.ID, d.w.terms.Version, instant(d.at), d.w.auto.method
	free := !d.paid() || p.Charge.Micros == 0
	if !free && d.call.Bound {
		return d.payFirst(&p)
	}
	if free || d.call.supposed {
		return d.deliver(&p, 0, n)
	}
	if len(d.w.open.purchases) >= maxPurchases {
		return beyond("wallet", "has %d purchases that are not decided", maxPurchases)
	}
	if err := d.w.awaitsRoom(&p); err != nil {
		return err
	}
	p.ID, p.ChargeKey, p.Payment.State = d.w.seq+1, d.chargeKey(), Intended
	if bound {
		p.Request = fingerprintOf(d.call.Command).form()
	}
	d.adds = true
	if err := d.emit(Entry{Kind: KindIntended, Purchase: &p, Note: n}); err != nil {
		return err
	}
	d.begun = append(d.begun, p.ID)
	if bound {
		return &waiting{p.ID}
	}
	return nil
}

// payFirst returns the refusal of what has to be bought outside of a transaction,
// by hand and so without a surcharge.
func (d *decision) payFirst(p *Purchase) error {
	e := d.refuse(PaymentRequired, "nothing is paid in a transaction of the host's")
	m := Remedy{Kind: RemedyBuy, Pack: p.Pack, Buy: p.brings(), Price: p.Charge}
	if p.Auto {
		e.Unit, e.Need, e.Available = p.Goods[0].Unit, p.Need, d.w.availableOf(p.Goods[0].Unit)
		price, err := p.Charge.Sub(p.Surcharge)
		if err != nil {
			return err
		}
		m.Price = price
	}
	e.Remedies = []Remedy{m}
	return e
}

// awaitsRoom reports why what a purchase brings would not fit once it is paid,
// and what others bring that are not decided.
func (s *state) awaitsRoom(p *Purchase) error {
	lots := s.lots.count + len(p.Goods)
	for _, o := range s.open.purchases {
		lots += len(o.Goods)
	}
	if lots > maxLots {
		return beyond("wallet", "would have more than 10,000 open lots")
	}
	for _, g := range p.Goods {
		room := s.room(g.Unit)
		for _, o := range s.open.purchases {
			for _, h := range o.Goods {
				if h.Unit == g.Unit {
					room -= h.Amount
				}
			}
		}
		if room < g.Amount {
			return overflows("amount")
		}
	}
	return nil
}

// deliver emits what a purchase brings, now: of is its intent, or 0 if it had none.
func (d *decision) deliver(p *Purchase, of ID, n Note) error {
	if p.AddOn != "" {
		return d.deliverUnits(p, of, n)
	}
	source := FromPurchase
	if p.Auto {
		source = FromAuto
	}
	id := of
	if id == 0 {
		id = d.w.seq + 1
	}
	short := *p
	short.ID, short.Goods, short.Request, short.Need, short.ChargeKey, short.Payment, short.Method = id, nil, nil, 0, "", Payment{}, Method{}
	for i, g := range p.Goods {
		e := Entry{Kind: KindPurchased, Of: id, Unit: g.Unit, Note: n, Opens: &Terms{
			Source: source, Amount: g.Amount, Starts: instant(d.at), Expires: instant(d.lifeFrom(g.Life, d.at, d.w.cycle)),
			Priority: g.Priority, Features: slices.Clone(g.Features), Purchase: id, NoRefund: p.NoRefund,
		}}
		if i == 0 {
			e.Of, e.Purchase, e.Charge, e.Opens.Paid = of, &short, p.Charge, p.Charge
			if p.Surcharge.Micros != 0 {
				e.Surcharge = p.Surcharge
			}
			if !p.Auto {
				e.Setting = d.resumes()
			}
		}
		if err := d.open(e, d.at); err != nil {
			return err
		}
	}
	return nil
}

// resumes returns the setting of an entry by which auto-purchase goes on that a
// decline suspended; nil if none did.
func (d *decision) resumes() *Setting {
	if !d.w.auto.suspended {
		return nil
	}
	return &Setting{Resume: true}
}

func (p Payment) check() error {
	if err := checkText("ref", p.Ref, maxName); err != nil {
		return err
	}
	if err := checkText("reason", p.Reason, maxReason); err != nil {
		return err
	}
	if p.State < ActionRequired || p.State >= paymentStates {
		return invalid("state", "is %v: it has to be paid, declined, action required, unknown or abandoned", p.State)
	}
	return checkText("url", p.URL, maxReason)
}

func (c Settle) decide(d *decision) error {
	if err := within("payment", c.Payment.check()); err != nil {
		return err
	}
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	p, late, err := d.purchaseOf(c.Purchase)
	if err != nil {
		return err
	}
	told := p.Payment.State
	if told == Paid && c.Payment.State != Paid {
		return d.refuse(Ended, "the purchase was paid")
	}
	d.made, d.noted = p.ID, d.w.seq+1
	e := Entry{Kind: KindSettled, Of: p.ID, Payment: &c.Payment, Note: c.Note}
	if late && told != Paid && c.Payment.State == Paid {
		e.Purchase = &p.Purchase
	}
	if err := d.emit(e); err != nil {
		return err
	}
	if c.Payment.State == Paid && told != Paid {
		d.taken = true
		if err := d.deliver(&p.Purchase, p.ID, Note{}); err != nil {
			return err
		}
	}
	d.answer(p, c.Payment, late)
	return nil
}

// purchaseOf returns a purchase: an open one, or one that the call's past tells of.
func (d *decision) purchaseOf(id ID) (p *purchase, late bool, err error) {
	if p := d.w.openPurchase(id); p != nil {
		return p, false, nil
	}
	made := d.past(id)
	switch {
	case made == nil:
	case made.Kind == KindIntended:
		p := &purchase{*made.Purchase, made.Key}
		for e := range d.history {
			if e.Kind == KindSettled && e.Of == id && p.Payment.State != Paid {
				p.Payment = *e.Payment
			}
		}
		return p, true, nil
	case made.Purchase != nil: // it was owed: there is nothing to pay first
		p := &purchase{*made.Purchase, made.Key}
		p.Payment.State = Paid
		return p, true, nil
	}
	return nil, false, &InvalidError{Field: "purchase", Reason: "is none of this wallet", Err: ErrNotFound}
}

// answer is what a command is told that waited for a purchase.
type answer struct {
	key     Key
	request []byte
	made    ID
	late    bool // the command may have been answered otherwise
	refused *RefusedError
}

// answer tells the command that waits for a purchase its outcome, if that decides it.
func (d *decision) answer(p *purchase, told Payment, late bool) {
	if !p.waits() || late && p.Auto {
		return
	}
	a := answer{key: p.key, request: p.Request, made: p.ID, late: late}
	switch {
	case told.State == Declined && !late:
		a.refused = d.refuse(PaymentFailed, told.Reason)
		a.refused.Kept, a.refused.Need = true, p.Need
		if len(p.Goods) > 0 && p.Auto {
			a.refused.Unit = p.Goods[0].Unit
			a.refused.Available = d.w.availableOf(a.refused.Unit)
		}
		a.refused.Remedies = []Remedy{{Kind: RemedyMethod}}
	case told.State == Paid && !p.Auto && p.Payment.State != Paid:
	default:
		return
	}
	d.answers = append(d.answers, a)
}

func (c SetMethod) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	if err := checkName("method.token", c.Method.Token); err != nil {
		return err
	}
	if c.Method.Kind == "" {
		return invalid("method.kind", "is empty")
	}
	if err := checkText("method.kind", c.Method.Kind, maxRole); err != nil {
		return err
	}
	if err := d.may(ActMethod, ""); err != nil {
		return err
	}
	d.made = d.w.seq + 1
	if err := d.emit(Entry{Kind: KindMethodSet, Method: &c.Method, Setting: d.resumes(), Note: c.Note}); err != nil {
		return err
	}
	if k := d.w.terms.autoPack(); k != nil {
		return d.trigger(k.Unit)
	}
	return nil
}

func (c Sell) check(now int64) error {
	if err := within("unit", c.Unit.check()); err != nil {
		return err
	}
	if err := within("price", c.Price.check()); err != nil {
		return err
	}
	switch {
	case c.Amount <= 0:
		return invalid("amount", "is not positive")
	case c.Price.Micros <= 0:
		return invalid("price", "is not positive: what has no price is a grant")
	case c.Price != c.Price.floor():
		return invalid("price", "is no whole number of minor units")
	case !c.Expires.IsZero() && (!inTime(c.Expires) || micros(c.Expires) <= now):
		return invalid("expires", "is not after now")
	}
	return c.Note.check()
}

func (c Sell) decide(d *decision) error {
	if err := c.check(d.at); err != nil {
		return err
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	id := d.w.seq + 1
	d.made = id
	return d.open(Entry{
		Kind: KindPurchased, Unit: c.Unit, Charge: c.Price, Setting: d.resumes(), Note: c.Note,
		Purchase: &Purchase{ID: id, Charge: c.Price, Plan: d.w.terms.ID, Version: d.w.terms.Version, At: instant(d.at)},
		Opens: &Terms{
			Source: FromPurchase, Amount: c.Amount, Starts: instant(d.at), Expires: truncated(c.Expires), Priority: 100,
			Paid: c.Price, Purchase: id,
		},
	}, d.at)
}
