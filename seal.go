package credits

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"example.com/credits/store"
)

// Seal records, in the chain, that a checkpoint stands for all entries up to one:
// it may then be kept instead of them. Package archive makes the checkpoint,
// keeps the entries elsewhere, and gives this command. Entries younger than
// [Retention] are [ErrLimit].
type Seal struct {
	Through ID     `json:"through"` // the last entry that the checkpoint stands for
	Hash    string `json:"hash"`    // SHA-256 of the checkpoint's body, in 64 lower-case hexadecimal digits
	Note    Note   `json:"note,omitzero"`
}

// Retention is how long entries and receipts are kept at least: 35 days.
const Retention = 35 * 24 * time.Hour

func (c Seal) verb() string { return "seal" }

func (c Seal) request(r *request) {
	r.id("through", c.Through)
	r.text("hash", c.Hash)
	r.note(c.Note)
}

func (c Seal) decide(d *decision) error {
	if err := c.Note.check(); err != nil {
		return err
	}
	hash, err := hex.DecodeString(c.Hash)
	if err != nil || len(hash) != sha256.Size || hex.EncodeToString(hash) != c.Hash {
		return invalid("hash", "is not 64 lower-case hexadecimal digits")
	}
	if err := d.may(actOperate, ""); err != nil {
		return err
	}
	last := d.past(c.Through)
	if last == nil {
		return &InvalidError{Field: "through", Reason: "is no entry of this wallet", Err: ErrNotFound}
	}
	if last.At.After(d.call.Now.Add(-Retention)) {
		return beyond("through", "is younger than 35 days")
	}
	d.made = d.w.seq + 1
	return d.emit(Entry{Kind: KindSealed, Of: c.Through, Note: c.Note, Setting: &Setting{Sealed: [32]byte(hash)}})
}

// A checkpoint's body is all parts of the state.
const checkpointForm = 1

// checkpoint returns the checkpoint of all entries up to s.
func (s *state) checkpoint() store.Checkpoint {
	w := writer{[]byte{checkpointForm}}
	parts := s.parts(nil, true)
	w.uint(uint64(len(parts)))
	for _, p := range parts {
		w.uint(p.ID)
		w.bytes(p.Body)
	}
	return store.Checkpoint{Seq: uint64(s.seq), At: s.at, Body: w.b}
}

// restore returns the state that a checkpoint holds.
func restore(id WalletID, c store.Checkpoint, k known) (*state, error) {
	r := reader{b: c.Body}
	if form := r.byte(); form != checkpointForm {
		return nil, corrupt("checkpoint has form %d, which this version does not know", form)
	}
	var parts []store.Part
	for range r.count() {
		parts = append(parts, store.Part{ID: r.uint(), Body: r.bytes()})
	}
	if r.bad || len(r.b) > 0 {
		return nil, corrupt("checkpoint is cut or has something after it")
	}
	s, err := decodeState(id, parts, k)
	if err != nil {
		return nil, err
	}
	if uint64(s.seq) != c.Seq || s.at != c.At {
		return nil, corrupt("checkpoint of entry %d is filed as one of %d", s.seq, c.Seq)
	}
	return s, nil
}
