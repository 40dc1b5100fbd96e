package credits

import (
	"encoding/binary"
	"time"
)

// Receipt is what a command did. It is kept under the command's key.
type Receipt struct {
	Wallet   WalletID
	Key      Key
	At       time.Time // the wallet's time
	ID       ID        // of what it made: the lot, hold, spend or purchase, to name it by
	Entries  []Entry   // its own, in order; what fell due before is not among them
	Unit     Unit      // of what it made
	Amount   Amount    // of Unit: spent, set aside, given, taken back
	Balance  Amount    // of Unit afterwards: what is available less what is owed
	Charge   Money     // what the holder owes by its entries, all told; negative is paid back
	Purchase ID        // the purchase that it made, or that served it; 0 if none
	Replayed bool      // it comes from an earlier call
}

// withoutPreviewKey returns a receipt that does not name the key of a preview without one.
func (r Receipt) withoutPreviewKey() Receipt {
	if r.Key != previewKey {
		return r
	}
	r.Key = ""
	for i := range r.Entries {
		r.Entries[i].Key = ""
	}
	return r
}

// Lots returns the lots that the command opened, as they opened.
func (r Receipt) Lots() []Terms {
	var lots []Terms
	for _, e := range r.Entries {
		if e.Opens != nil {
			lots = append(lots, *e.Opens)
		}
	}
	return lots
}

// Lines returns the lines of all entries, in order.
func (r Receipt) Lines() []Line {
	var lines []Line
	for _, e := range r.Entries {
		lines = append(lines, e.Lines...)
	}
	return lines
}

// Hold returns the hold that the command made, and false if it made none.
func (r Receipt) Hold() (Hold, bool) {
	for _, e := range r.Entries {
		if e.Hold != nil {
			return *e.Hold, true
		}
	}
	return Hold{}, false
}

// receipt returns what the call of a decision did.
func (d *decision) receipt(key Key) Receipt {
	entries := make([]Entry, 0, len(d.out)-d.own)
	for i := range d.out[d.own:] {
		entries = append(entries, d.out[d.own+i].Entry)
	}
	return receiptOf(d.w.id, key, d.made, entries)
}

func receiptOf(id WalletID, key Key, made ID, entries []Entry) Receipt {
	r := Receipt{Wallet: id, Key: key, ID: made, Entries: entries}
	var kind Kind
	for i := range entries {
		e := &entries[i]
		r.At = e.At
		if e.Seq == made {
			r.Unit, kind = e.Unit, e.Kind
		}
		if e.Seq >= made && e.Kind == kind && e.Unit == r.Unit && (e.Kind != KindPurchased || e.Seq == made) {
			r.Amount += e.moved()
		}
		if e.Kind == KindPurchased && e.Of == 0 && r.Purchase == 0 {
			r.Purchase = e.Seq
		}
		if sum, err := r.Charge.Add(e.Charge); err == nil {
			r.Charge = sum
		}
	}
	for i := range entries {
		if entries[i].Unit == r.Unit {
			r.Balance = entries[i].Balance
		}
	}
	return r
}

// moved returns what an entry is about, as an amount.
func (e *Entry) moved() (sum Amount) {
	if e.Opens != nil {
		return e.Opens.Amount
	}
	for _, ln := range e.Lines {
		var counts bool
		switch e.Kind {
		case KindSpent, KindCaptured:
			counts = ln.To == Consumed
		case KindReserved:
			counts = ln.To == Held
		case KindReleased, KindTimedOut:
			counts = ln.From == Held
		case KindReversed:
			counts = ln.From == Consumed
		default:
			counts = ln.From == Available
		}
		if counts {
			sum += ln.Amount
		}
	}
	return sum
}

const receiptForm = 1

// receipt returns the stored form of what a decision did under a request: where
// its entries are, not the entries.
func (f fingerprint) receipt(d *decision) []byte {
	w := writer{make([]byte, 0, 32+6*len(f.fields))}
	w.b = append(w.b, receiptForm)
	w.b = append(w.b, f.sum[:]...)
	w.uint(uint64(len(f.fields)))
	for _, sum := range f.fields {
		w.b = binary.BigEndian.AppendUint16(w.b, sum.name)
		w.b = binary.BigEndian.AppendUint32(w.b, sum.value)
	}
	w.uint(uint64(d.made))
	w.uint(uint64(d.out[d.own].Seq))
	w.uint(uint64(len(d.out) - d.own))
	return w.b
}

// kept is a stored receipt.
type kept struct {
	fingerprint
	made, first ID
	count       int
}

func decodeReceipt(body []byte) (k kept, err error) {
	r := reader{b: body}
	if form := r.byte(); form != receiptForm {
		return k, corrupt("receipt has form %d, which this version does not know", form)
	}
	copy(k.sum[:], r.take(len(k.sum)))
	for range r.count() {
		if sum := r.take(6); len(sum) == 6 {
			k.fields = append(k.fields, fieldSum{binary.BigEndian.Uint16(sum), binary.BigEndian.Uint32(sum[2:])})
		}
	}
	k.made, k.first, k.count = ID(r.uint()), ID(r.uint()), int(r.uint())
	if len(r.b) > 0 || r.bad || k.first == 0 || k.count < 1 {
		return k, corrupt("receipt is cut or has something after it")
	}
	return k, nil
}
