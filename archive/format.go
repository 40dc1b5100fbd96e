package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"example.com/credits"
	"example.com/credits/store"
)

// format is what the first line of a wallet says of all its lines.
const format = 1

// The longest lines, in bytes: of two bodies in base64, and of a checkpoint.
const (
	lineLimit       = 3 << 20
	checkpointLimit = 2 * store.CheckpointLimit
)

// line is a line of an export: one of these.
type line struct {
	Wallet  *beginLine   `json:"wallet,omitempty"`
	Entry   *entryLine   `json:"entry,omitempty"`
	Receipt *receiptLine `json:"receipt,omitempty"`
	End     *endLine     `json:"end,omitempty"`
	Sum     *string      `json:"sha256,omitempty"`
	Wallets *int         `json:"wallets,omitempty"`
}

type beginLine struct {
	Format     int             `json:"format"`
	ID         string          `json:"id"`
	Checkpoint *checkpointLine `json:"checkpoint,omitempty"`
}

type checkpointLine struct {
	Seq  uint64 `json:"seq"`
	At   int64  `json:"at"`
	Body string `json:"body"`
}

type entryLine struct {
	Seq     uint64 `json:"seq"`
	At      int64  `json:"at"`
	Kind    uint8  `json:"kind"`
	Of      uint64 `json:"of,omitempty"`
	Feature string `json:"feature,omitempty"`
	Body    string `json:"body"`
	Note    string `json:"note,omitempty"`
}

type receiptLine struct {
	Key  string `json:"key"`
	Body string `json:"body"`
}

type endLine struct {
	Seq      uint64 `json:"seq"`
	Hash     string `json:"hash"`
	Entries  int    `json:"entries"`
	Receipts int    `json:"receipts"`
	Fed      uint64 `json:"fed"`
}

// LineError says what is wrong with a line of a file. Nothing of the line's
// wallet was imported or pruned. It is [credits.ErrCorrupt].
type LineError struct {
	Line   int              // from 1
	Wallet credits.WalletID // if it is known
	Field  string           // a path, such as "entry.body"; empty for the whole line
	Reason string
	Err    error // such as a [credits.VerifyError]; may be nil
}

// Error returns the line, the field and the reason.
func (e *LineError) Error() string {
	at := fmt.Sprintf("archive: line %d", e.Line)
	if e.Field != "" {
		at += ": " + e.Field
	}
	return at + ": " + e.Reason
}

// Is reports whether target is [credits.ErrCorrupt].
func (e *LineError) Is(target error) bool { return target == credits.ErrCorrupt }

// Unwrap returns Err.
func (e *LineError) Unwrap() error { return e.Err }

// writer writes lines, and sums them up.
type writer struct {
	w   *bufio.Writer
	buf bytes.Buffer
	sum hash.Hash
}

func newWriter(w io.Writer) *writer {
	return &writer{w: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
}

func (w *writer) line(l line) error {
	w.buf.Reset()
	enc := json.NewEncoder(&w.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return err
	}
	w.sum.Write(w.buf.Bytes())
	_, err := w.w.Write(w.buf.Bytes())
	return err
}

func (w *writer) begin(id credits.WalletID, c store.Checkpoint) error {
	w.sum.Reset()
	b := &beginLine{Format: format, ID: string(id)}
	if c.Seq != 0 {
		b.Checkpoint = &checkpointLine{Seq: c.Seq, At: c.At, Body: encode(c.Body)}
	}
	return w.line(line{Wallet: b})
}

func (w *writer) entry(e *store.Entry) error {
	return w.line(line{Entry: &entryLine{
		Seq: e.Seq, At: e.At, Kind: e.Kind, Of: e.Of, Feature: e.Feature, Body: encode(e.Body), Note: encode(e.Note),
	}})
}

func (w *writer) receipt(r *store.Receipt) error {
	return w.line(line{Receipt: &receiptLine{Key: r.Key, Body: encode(r.Body)}})
}

func (w *writer) end(e endLine) error {
	if err := w.line(line{End: &e}); err != nil {
		return err
	}
	sum := hex.EncodeToString(w.sum.Sum(nil))
	return w.line(line{Sum: &sum})
}

// wallets writes the last line.
func (w *writer) wallets(n int) error {
	if err := w.line(line{Wallets: &n}); err != nil {
		return err
	}
	return w.w.Flush()
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
