package credits

import (
	"encoding/hex"
	"encoding/json"
	"time"
)

// The JSON forms of [Ask] and [Approve], which carry another command.

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
