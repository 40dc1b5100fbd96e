package credits

import (
	"slices"
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
	Next     Money     // what falls due each period from the next one on, of what it changed; zero if it changed nothing of the kind
	Purchase ID        // the purchase that it made, or that served it; 0 if none
	Plan     string    // the plan and version that the wallet had
	Version  int
	Replayed bool // it comes from an earlier call
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

// Quote returns what the command charges and grants, as a command carries it.
func (r Receipt) Quote() Quote {
	q := quoteOf(r.Entries, 0, nil)
	q.Plan, q.Version = r.Plan, r.Version
	if len(r.Entries) > 0 {
		q.Seq = r.Entries[0].Seq - 1
	}
	return q
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
	return receiptOf(d.w.id, key, kept{made: d.made, served: d.call.served, plan: d.quoted.Plan, version: d.quoted.Version}, entries)
}

func receiptOf(id WalletID, key Key, k kept, entries []Entry) Receipt {
	made := k.made
	r := Receipt{Wallet: id, Key: key, ID: made, Entries: entries, Purchase: k.served, Plan: k.plan, Version: k.version}
	r.Next = quoteOf(entries, 0, nil).Next
	var kind Kind
	for i := range entries {
		e := &entries[i]
		r.At = e.At
		if e.Seq == made && e.Kind != KindUnitsSet || kind == 0 && e.Opens != nil && e.Opens.Purchase == made {
			r.Unit, kind = e.Unit, e.Kind
		}
		if e.Seq >= made && e.Kind == kind && e.Unit == r.Unit && (e.Kind != KindPurchased || e.Purchase != nil) {
			r.Amount += e.moved()
		}
		if r.Purchase == 0 && e.Opens != nil && e.Opens.Purchase != 0 && (e.Kind == KindPurchased || e.Kind == KindGranted) {
			r.Purchase = e.Opens.Purchase
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
	noted := d.noted
	if noted == 0 {
		noted = d.made
	}
	return d.stored(f, d.made, noted, d.refused)
}

// stored returns the stored form of a receipt for a request.
func (d *decision) stored(request fingerprint, made, noted ID, refused *RefusedError) []byte {
	from := len(d.mem)
	w := writer{append(slices.Grow(d.mem, 128), receiptForm)}
	w.uint(uint64(request.size()))
	w.fingerprint(request)
	w.uint(uint64(made))
	w.uint(uint64(noted))
	w.uint(uint64(d.out[d.own].Seq))
	w.uint(uint64(len(d.out) - d.own))
	w.uint(uint64(d.call.served))
	w.text(d.quoted.Plan)
	w.int(int64(d.quoted.Version))
	w.bool(refused != nil)
	if refused != nil {
		w.text(string(refused.Reason))
		w.text(refused.Detail)
		w.text(string(refused.Unit))
		w.int(int64(refused.Need))
		w.int(int64(refused.Available))
		w.uint(uint64(len(refused.Remedies)))
		for _, m := range refused.Remedies {
			w.remedy(m)
		}
	}
	d.mem = w.b
	return w.b[from:len(w.b):len(w.b)]
}

func (w *writer) remedy(m Remedy) {
	w.uint(uint64(m.Kind))
	w.optTime(m.Until)
	w.text(m.Pack)
	w.int(int64(m.Buy))
	w.money(m.Price)
	w.uint(uint64(m.Purchase))
	w.text(m.URL)
	w.text(m.Role)
}

func (r *reader) remedy() Remedy {
	return Remedy{
		Kind: RemedyKind(r.narrow()), Until: r.optTime(), Pack: r.text(), Buy: Amount(r.int()), Price: r.money(),
		Purchase: ID(r.uint()), URL: r.text(), Role: r.text(),
	}
}

// kept is a stored receipt.
type kept struct {
	fingerprint
	made, noted, first ID
	served             ID
	count              int
	plan               string
	version            int
	refused            *RefusedError
}

func decodeReceipt(body []byte) (k kept, err error) {
	r := reader{b: body}
	if form := r.byte(); form != receiptForm {
		return k, corrupt("receipt has form %d, which this version does not know", form)
	}
	if k.fingerprint, err = decodeFingerprint(r.bytes()); err != nil {
		return k, err
	}
	k.made, k.noted, k.first, k.count = ID(r.uint()), ID(r.uint()), ID(r.uint()), int(r.uint())
	k.served, k.plan, k.version = ID(r.uint()), r.text(), int(r.int())
	if r.bool() {
		k.refused = &RefusedError{
			Reason: Reason(r.text()), Detail: r.text(), Unit: Unit(r.text()), Need: Amount(r.int()), Available: Amount(r.int()), Kept: true,
		}
		for range r.count() {
			k.refused.Remedies = append(k.refused.Remedies, r.remedy())
		}
	}
	if len(r.b) > 0 || r.bad || k.first == 0 || k.count < 1 {
		return k, corrupt("receipt is cut or has something after it")
	}
	return k, nil
}
