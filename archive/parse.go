package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"

	"example.com/credits"
	"example.com/credits/store"
)

// The most that is held of a wallet at a time.
const (
	batchEntries  = 1000
	batchBytes    = 4 << 20
	batchReceipts = 1000
)

// batch is entries of a wallet in order, and the receipts kept with the last.
type batch struct {
	entries  []store.Entry
	receipts []store.Receipt
	last     uint64 // the entry that the receipts were kept with
	size     int
}

// parser reads wallets from a file.
type parser struct {
	r      *bufio.Reader
	n      int   // number of the line
	offset int64 // behind it
	buf    []byte
	sum    hash.Hash

	id      credits.WalletID
	start   place // of the wallet's first line
	wallets int   // since the last line that counted them
	closed  bool  // that line was the last that was read

	stop    uint64 // a batch ends with this entry
	exact   bool   // a batch ends with an entry that has receipts
	batch   batch
	lines   []int // of the batch's entries
	ended   endLine
	counted endLine // as counted
}

// place is where in a file a wallet begins.
type place struct {
	line   int
	offset int64
}

func newParser(r io.Reader) *parser {
	return &parser{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
}

// fault returns the error of the line that was read.
func (p *parser) fault(field, reason string, args ...any) *LineError {
	return &LineError{Line: p.n, Wallet: p.id, Field: field, Reason: fmt.Sprintf(reason, args...)}
}

// next reads a line of at most so many bytes. After the last it returns [io.EOF].
func (p *parser) next(limit int) (line, error) {
	var l line
	if err := p.read(limit); err != nil {
		return l, err
	}
	dec := json.NewDecoder(bytes.NewReader(p.buf))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return l, p.malformed(err)
	}
	if rest := p.buf[dec.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		return l, p.fault("", "has something after its end")
	}
	one := 0
	for _, is := range []bool{l.Wallet != nil, l.Entry != nil, l.Receipt != nil, l.End != nil, l.Sum != nil, l.Wallets != nil} {
		if is {
			one++
		}
	}
	if one != 1 {
		return l, p.fault("", "says %d things, not one", one)
	}
	return l, nil
}

// read reads the bytes of a line into p.buf.
func (p *parser) read(limit int) error {
	p.buf = p.buf[:0]
	for {
		part, err := p.r.ReadSlice('\n')
		p.buf = append(p.buf, part...)
		if len(p.buf) > 0 && len(p.buf) == len(part) {
			p.n++
		}
		p.offset += int64(len(part))
		switch {
		case len(p.buf) > limit:
			return p.fault("", "has more than %d bytes", limit)
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(p.buf) == 0:
			return io.EOF
		case err == io.EOF:
			return p.fault("", "is cut")
		default:
			return fmt.Errorf("archive: line %d: %w", p.n, err)
		}
	}
}

// malformed returns the error of a line that is no JSON, or says what there is not.
func (p *parser) malformed(err error) error {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return p.fault(typed.Field, "is a JSON %s that does not belong there", typed.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return p.fault(strings.Trim(name, `"`), "is not known")
	}
	return p.fault("", "is no JSON: %v", err)
}

// wallet reads the first line of the next wallet, and returns the checkpoint that
// it begins with. After the last wallet it returns [io.EOF].
func (p *parser) wallet() (store.Checkpoint, error) {
	var c store.Checkpoint
	for {
		p.id = ""
		p.start = place{p.n, p.offset}
		p.sum.Reset()
		l, err := p.next(checkpointLimit)
		switch {
		case err == io.EOF && !p.closed:
			p.n++
			return c, p.fault("", "is missing: the file is cut")
		case err != nil:
			return c, err
		case l.Wallets != nil && string(p.buf) != fmt.Sprintf("{\"wallets\":%d}\n", p.wallets):
			return c, p.fault("wallets", "is %d, and %d were here", *l.Wallets, p.wallets)
		case l.Wallets != nil:
			p.wallets, p.closed = 0, true
			continue
		case l.Wallet == nil:
			return c, p.fault("", "stands where a wallet begins")
		}
		p.wallets, p.closed = p.wallets+1, false
		return p.begin(l.Wallet)
	}
}

func (p *parser) begin(w *beginLine) (c store.Checkpoint, err error) {
	p.sum.Write(p.buf)
	if w.Format != format {
		return c, p.fault("wallet.format", "is %d, which this version does not know", w.Format)
	}
	if !isName(w.ID) {
		return c, p.fault("wallet.id", "is no name of 1 to %d bytes", store.NameLimit)
	}
	p.id = credits.WalletID(w.ID)
	if w.Checkpoint != nil {
		c.Seq, c.At = w.Checkpoint.Seq, w.Checkpoint.At
		if c.Body, err = p.decode("wallet.checkpoint.body", w.Checkpoint.Body, store.CheckpointLimit); err != nil {
			return c, err
		}
		if c.Seq == 0 || c.Seq > math.MaxInt64 {
			return c, p.fault("wallet.checkpoint.seq", "is %d, and no entry has that", c.Seq)
		}
	}
	p.counted, p.ended = endLine{Seq: c.Seq}, endLine{}
	p.batch, p.lines = batch{}, nil
	return c, nil
}

// entries reads the wallet that was begun, to its end, and hands each batch of it
// to each, which verifies it.
func (p *parser) entries(each func(*batch) error) error {
	for {
		l, err := p.next(lineLimit)
		switch {
		case err == io.EOF:
			p.n++
			return p.fault("", "is missing: the wallet is cut")
		case err != nil:
			return err
		}
		switch {
		case l.Entry != nil:
			err = p.entry(l.Entry, each)
		case l.Receipt != nil:
			err = p.receipt(l.Receipt)
		case l.End != nil:
			return p.end(l.End, each)
		default:
			err = p.fault("", "stands within a wallet")
		}
		if err != nil {
			return err
		}
		p.sum.Write(p.buf)
	}
}

func (p *parser) entry(l *entryLine, each func(*batch) error) error {
	b := &p.batch
	full := len(b.entries) >= batchEntries || b.size >= batchBytes
	if full || p.counted.Seq == p.stop || p.exact && len(b.receipts) > 0 {
		if err := p.flush(each); err != nil {
			return err
		}
	}
	e := store.Entry{Seq: l.Seq, At: l.At, Kind: l.Kind, Of: l.Of, Feature: l.Feature}
	var err error
	if e.Body, err = p.decode("entry.body", l.Body, store.BodyLimit); err != nil {
		return err
	}
	if e.Note, err = p.decode("entry.note", l.Note, store.BodyLimit); err != nil {
		return err
	}
	switch {
	case e.Seq != p.counted.Seq+1:
		return p.fault("entry.seq", "is %d, and %d belongs there", e.Seq, p.counted.Seq+1)
	case e.At < 0 || e.At > store.TimeLimit:
		return p.fault("entry.at", "is not within the years 1970 to 9999")
	case e.Kind == 0:
		return p.fault("entry.kind", "is 0")
	case e.Of > math.MaxInt64:
		return p.fault("entry.of", "is over 1<<63 - 1")
	case e.Feature != "" && !isName(e.Feature):
		return p.fault("entry.feature", "is no name of at most %d bytes", store.NameLimit)
	}
	b.entries = append(b.entries, e)
	b.size += len(e.Body) + len(e.Note)
	p.lines = append(p.lines, p.n)
	p.counted.Seq++
	p.counted.Entries++
	return nil
}

func (p *parser) receipt(l *receiptLine) error {
	b := &p.batch
	if !isName(l.Key) {
		return p.fault("receipt.key", "is no name of 1 to %d bytes", store.NameLimit)
	}
	body, err := p.decode("receipt.body", l.Body, store.BodyLimit)
	if err != nil {
		return err
	}
	r := store.Receipt{Key: l.Key, Body: body}
	first, last, err := credits.ReadReceipt(r)
	switch {
	case err != nil:
		return p.because("receipt.body", err)
	case first == 0 || first > last || uint64(last) != p.counted.Seq || len(b.entries) == 0:
		return p.fault("receipt.body", "is about entries %d to %d, and stands behind %d", first, last, p.counted.Seq)
	case len(b.receipts) == 0:
	case uint64(last) == b.last && r.Key <= b.receipts[len(b.receipts)-1].Key:
		return p.fault("receipt.key", "is not in order")
	case uint64(last) != b.last:
		b.receipts = b.receipts[:0]
	case len(b.receipts) == batchReceipts:
		return p.fault("receipt", "is one of more than %d of one commit", batchReceipts)
	}
	b.receipts, b.last = append(b.receipts, r), uint64(last)
	b.size += len(r.Body)
	p.counted.Receipts++
	return nil
}

// flush hands over what was read.
func (p *parser) flush(each func(*batch) error) error {
	if len(p.batch.entries) == 0 {
		return nil
	}
	err := each(&p.batch)
	var wrong *credits.VerifyError
	if errors.As(err, &wrong) {
		e := p.because("entry.body", err)
		if i := int(wrong.Seq) - int(p.batch.entries[0].Seq); wrong.Seq != 0 && i >= 0 && i < len(p.lines) {
			e.Line = p.lines[i]
		}
		err = e
	}
	p.batch, p.lines = batch{}, p.lines[:0]
	return err
}

// end reads the last lines of a wallet.
func (p *parser) end(l *endLine, each func(*batch) error) error {
	at := p.n + 1
	if err := p.flush(each); err != nil {
		return err
	}
	c := p.counted
	hashed, err := hex.DecodeString(l.Hash)
	switch {
	case l.Seq != c.Seq:
		return p.fault("end.seq", "is %d, and the last entry is %d", l.Seq, c.Seq)
	case c.Seq == 0:
		return p.fault("end.seq", "is 0: there is no entry")
	case l.Entries != c.Entries:
		return p.fault("end.entries", "is %d, and %d were here", l.Entries, c.Entries)
	case l.Receipts != c.Receipts:
		return p.fault("end.receipts", "is %d, and %d were here", l.Receipts, c.Receipts)
	case l.Fed > c.Seq:
		return p.fault("end.fed", "is %d, beyond the last entry", l.Fed)
	case err != nil || len(hashed) != sha256.Size:
		return p.fault("end.hash", "is not 64 hexadecimal digits")
	}
	p.sum.Write(p.buf)
	p.ended = *l
	want := fmt.Sprintf("{\"sha256\":\"%x\"}\n", p.sum.Sum(nil))
	if err := p.read(lineLimit); err == io.EOF {
		p.n = at
		return p.fault("sha256", "is missing: the wallet is cut")
	} else if err != nil {
		return err
	}
	if string(p.buf) != want {
		return p.fault("sha256", "is not that of the wallet's lines: they were changed")
	}
	return nil
}

// because returns err as an error of the line that was read.
func (p *parser) because(field string, err error) *LineError {
	e := p.fault(field, "%s", strings.TrimPrefix(err.Error(), "credits: "))
	e.Err = err
	return e
}

// decode returns the bytes that text has in base64.
func (p *parser) decode(field, text string, limit int) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	switch {
	case err != nil:
		return nil, p.fault(field, "is not in base64")
	case len(b) > limit:
		return nil, p.fault(field, "has %d bytes, more than %d", len(b), limit)
	}
	return b, nil
}

func isName(s string) bool {
	return s != "" && len(s) <= store.NameLimit && strings.IndexByte(s, 0) < 0
}
