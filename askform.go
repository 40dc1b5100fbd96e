package credits

import (
	"encoding/hex"
	"encoding/json"
	"time"
)

// What follows is what a command is that another one carries: see ask.go.

// withNote returns a command that can be asked for, with a note, and false if it
// is none: what is done daily, what opens a wallet, and what needs its history.
func withNote(c Command, n Note) (Command, bool) {
	switch c := c.(type) {
	case Subscribe:
		c.Note = n
		return c, true
	case Cancel:
		c.Note = n
		return c, true
	case Reactivate:
		c.Note = n
		return c, true
	case Deactivate:
		c.Note = n
		return c, true
	case Lapse:
		c.Note = n
		return c, true
	case Buy:
		c.Note = n
		return c, true
	case SetUnits:
		c.Note = n
		return c, true
	case Reassign:
		c.Note = n
		return c, true
	case SetAutoPurchase:
		c.Note = n
		return c, true
	case SetMethod:
		c.Note = n
		return c, true
	case Grant:
		c.Note = n
		return c, true
	case Sell:
		c.Note = n
		return c, true
	case Refund:
		c.Note = n
		return c, true
	case Revoke:
		c.Note = n
		return c, true
	case CarryOver:
		c.Note = n
		return c, true
	case SetZone:
		c.Note = n
		return c, true
	default:
		return nil, false
	}
}

// withoutQuote returns a command without the quote that it may carry.
func withoutQuote(c Command) Command {
	switch c := c.(type) {
	case Subscribe:
		c.Quote = Quote{}
		return c
	case Buy:
		c.Quote = Quote{}
		return c
	case SetUnits:
		c.Quote = Quote{}
		return c
	default:
		return c
	}
}

// actionOf returns the action that a command is, and its target.
func (d *decision) actionOf(c Command) (Action, string) {
	switch c := c.(type) {
	case Subscribe:
		return ActSubscribe, c.Plan.ID
	case Cancel:
		return ActCancel, ""
	case Reactivate:
		if !d.w.active { // as who ended it
			return actOperate, ""
		}
		return ActCancel, ""
	case Deactivate:
		return ActDeactivate, ""
	case Buy:
		return ActBuy, ""
	case SetUnits, Reassign:
		return ActUnits, ""
	case SetAutoPurchase:
		if c.Resume {
			return actOperate, ""
		}
		return ActAuto, ""
	case SetMethod:
		return ActMethod, ""
	default:
		return actOperate, ""
	}
}

// asked returns a command that a command carries, and its JSON form.
func asked(c Command) (Command, []byte, error) {
	c, err := plain(c)
	if err != nil {
		return nil, nil, within("command", err)
	}
	if _, ok := withNote(c, Note{}); !ok {
		return nil, nil, invalid("command", "%s cannot be asked for", c.verb())
	}
	var r request
	c.request(&r)
	if !r.with.isZero() {
		return nil, nil, invalid("command.note", "is set: it has the note of its approval")
	}
	form, err := AppendCommand(nil, c)
	if err != nil {
		return nil, nil, within("command", err)
	}
	if len(form) > maxCommand {
		return nil, nil, beyond("command", "is longer than 32 KiB")
	}
	if c, err = ParseCommand(form); err != nil { // what will be carried out
		return nil, nil, within("command", err)
	}
	return c, form, nil
}

// askForm and approveForm are the JSON forms of [Ask] and [Approve].
type askForm struct {
	Command json.RawMessage `json:"command,omitempty"`
	About   string          `json:"about,omitempty"`
	Contact string          `json:"contact,omitempty"`
	Until   time.Time       `json:"until,omitzero"`
	Proof   hexProof        `json:"proof,omitzero"`
	Tries   int             `json:"tries,omitempty"`
	Note    Note            `json:"note,omitzero"`
}

type approveForm struct {
	Request ID              `json:"request"`
	Proof   hexProof        `json:"proof,omitzero"`
	Command json.RawMessage `json:"command,omitempty"`
	Note    Note            `json:"note,omitzero"`
}

// hexProof is a proof as text.
type hexProof [32]byte

// MarshalText implements [encoding.TextMarshaler].
func (p hexProof) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, p[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *hexProof) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(p)) {
		return invalid("proof", "is not 64 hexadecimal digits")
	}
	if _, err := hex.Decode(p[:], text); err != nil {
		return invalid("proof", "is not 64 hexadecimal digits")
	}
	return nil
}

// MarshalJSON implements [json.Marshaler]: the command names its verb, as
// [AppendCommand] writes it.
func (c Ask) MarshalJSON() ([]byte, error) {
	f := askForm{About: c.About, Contact: c.Contact, Until: c.Until, Proof: c.Proof, Tries: c.Tries, Note: c.Note}
	if err := marshalNested(&f.Command, c.Command); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Ask) UnmarshalJSON(data []byte) error {
	var f askForm
	if err := strictJSON(data, &f); err != nil {
		return err
	}
	cmd, err := parseNested(f.Command)
	*c = Ask{cmd, f.About, f.Contact, f.Until, f.Proof, f.Tries, f.Note}
	return err
}

// MarshalJSON implements [json.Marshaler]: the command names its verb, as
// [AppendCommand] writes it.
func (c Approve) MarshalJSON() ([]byte, error) {
	f := approveForm{Request: c.Request, Proof: c.Proof, Note: c.Note}
	if err := marshalNested(&f.Command, c.Command); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Approve) UnmarshalJSON(data []byte) error {
	var f approveForm
	if err := strictJSON(data, &f); err != nil {
		return err
	}
	cmd, err := parseNested(f.Command)
	*c = Approve{f.Request, f.Proof, cmd, f.Note}
	return err
}

// marshalNested writes the command that a command carries, if it carries one.
func marshalNested(form *json.RawMessage, c Command) (err error) {
	if c != nil {
		*form, err = AppendCommand(nil, c)
	}
	return within("command", err)
}

// parseNested reads the command that a command carries; nil if it carries none.
// It reads none that carries a command itself: how deep it goes is bounded.
func parseNested(data []byte) (Command, error) {
	var form map[string]json.RawMessage
	if len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	if err := strictJSON(data, &form); err != nil {
		return nil, within("command", err)
	}
	for verb := range form {
		if verb == (Ask{}).verb() || verb == (Approve{}).verb() {
			return nil, invalid("command", "%s cannot be asked for", verb)
		}
	}
	c, err := ParseCommand(data)
	return c, within("command", err)
}
