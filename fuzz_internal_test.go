package credits

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits/store"
)

// pastLife returns a wallet that has a bit of everything, and its entries with their stored forms.
func pastLife(t testing.TB) (*state, []record) {
	t.Helper()
	at := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	usd := Money{Micros: 9_000_000, Currency: "USD"}
	plan := Plan{
		ID: "pro", Version: 1, Price: usd, Every: Months(1), Term: Years(1),
		Allowances: []Allowance{{Amount: 100 * Credit, Rollover: Rollover{Share: 50 * Percent}}, {Unit: "GB", Amount: 5}},
		Features:   map[string]Rate{"run": {Credits: 1, Factors: []string{"fields"}}},
		Packs:      []Pack{{ID: "extra", Size: 10 * Credit, Price: usd, Brings: []Bring{{Unit: "GB", Amount: 7}}}},
		Auto:       AutoPurchase{Pack: "extra", Size: 10 * Credit, Surcharge: 30 * Percent, Limit: Unlimited},
		Overdrafts: []Overdraft{{Unit: "GB", Limit: Unlimited}},
	}
	w := newState("acme")
	var all []record
	do := func(after time.Duration, c Command) ID {
		t.Helper()
		at = at.Add(after)
		call := &Call{Key: Key(strconv.Itoa(len(all))), Now: at, Command: c, Actor: Actor{ID: "ann", Role: "member"}}
		for i := range all {
			call.Past = append(call.Past, all[i].Entry)
		}
		w = w.copy()
		d, _, err := decide(w, call)
		if err != nil {
			t.Fatalf("%#v: %v", c, err)
		}
		all = append(all, d.out...)
		return d.made
	}
	do(0, Open{Plan: plan, Zone: "Europe/Berlin"})
	do(0, SetAutoPurchase{On: true})
	do(0, CarryOver{Amount: 1})
	do(0, Spend{Feature: "run", Quantity: 3, Factors: map[string]int64{"fields": 2}, Note: Note{Ref: "r", Labels: map[string]string{"a": "b"}}})
	spend := do(time.Hour, Spend{Amount: 105 * Credit, Occurred: at})
	hold := do(0, Reserve{Amount: Credit, Until: at.Add(50 * 24 * time.Hour), Over: DrawSome, Scope: "ann"})
	do(0, Reserve{Amount: 2, Until: at.Add(24 * time.Hour)})
	do(0, Spend{Unit: "GB", Amount: 20})
	do(0, SetZone{Zone: "America/Sao_Paulo"})
	do(0, Reverse{Spend: spend, Amount: 60 * Credit})
	for i := range 80 { // more than a page of lots, and of lots that were used up
		if i == 40 {
			do(0, Revoke{All: true})
		}
		do(time.Minute, Grant{Amount: Amount(i + 1), Features: []string{"run"}, Paid: usd, Starts: at.Add(time.Duration(1+i%3) * time.Hour)})
	}
	do(40*24*time.Hour, Capture{Hold: hold, Amount: 3 * Credit})
	do(0, Refund{Purchase: do(0, Buy{Pack: "extra", Amount: 20 * Credit})})
	do(0, Revoke{Lot: do(0, Grant{Amount: 5, Starts: at.Add(time.Hour), Scope: "bob"})})
	do(0, Erase{Entries: []ID{3, 4}})
	do(0, Reserve{Amount: 30, Until: at.Add(time.Hour)})
	do(0, CarryOver{Amount: 2, Expires: at.AddDate(1, 0, 0)})
	do(0, Spend{Unit: "GB", Amount: 100})
	return w, all
}

// No bytes make decodeEntry panic, and an entry that it reads is written so that it is read again.
func FuzzDecodeEntry(f *testing.F) {
	_, all := pastLife(f)
	for i := range all {
		f.Add(all[i].body)
		f.Add(all[i].body[:len(all[i].body)/2])
	}
	f.Add([]byte{entryForm, 1, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeEntry("acme", data)
		if err != nil {
			return
		}
		body := appendEntry(nil, &e)
		again, err := decodeEntry("acme", body)
		if err != nil {
			t.Fatalf("was read, and cannot be read as it was written: %v", err)
		}
		if twice := appendEntry(nil, &again); !bytes.Equal(body, twice) {
			t.Errorf("written as %x, and then as %x", body, twice)
		}
		if !reflect.DeepEqual(e, again) {
			if diff := cmp.Diff(e, again); diff != "" && e.Opens == nil && e.Hold == nil {
				t.Errorf("read again as it was written (-first +again):\n%s", diff)
			}
		}
	})
}

// L-3: an entry that was decided is the same when it is read as it was written.
func TestEntryRoundTrip(t *testing.T) {
	_, all := pastLife(t)
	for i := range all {
		got, err := decodeEntry("acme", all[i].body)
		if err != nil {
			t.Fatal(err)
		}
		if len(all[i].note) > 0 {
			if got.Actor, got.Note, err = decodeNote(all[i].note); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(all[i].Entry, got); diff != "" {
			t.Errorf("L-3: entry %d (-decided +read):\n%s", i+1, diff)
		}
	}
}

// No parts make decodeState panic, and what it reads is written byte for byte as it was.
func FuzzDecodeState(f *testing.F) {
	w, _ := pastLife(f)
	good := w.parts(nil, true)
	for i := range good {
		for at := 0; at < len(good[i].Body); at += 1 + len(good[i].Body)/40 {
			f.Add(uint8(i), uint8(at%6), uint16(at), uint64(at)*7919, []byte{0xff})
		}
		for at := range min(len(good[i].Body), 200) { // a number in a longer form than it needs
			f.Add(uint8(i), uint8(6), uint16(at), uint64(0), []byte(nil))
		}
	}
	f.Fuzz(func(t *testing.T, part, damage uint8, at uint16, id uint64, put []byte) {
		parts := damageParts(good, int(part)%len(good), damage, int(at), id, put)
		s, err := decodeState("acme", parts, &cache{})
		if err != nil {
			return
		}
		if slices.ContainsFunc(s.closed.pages, func(p *closedPage) bool { return p.raw == nil }) {
			return // a page that most commands do not read was left out
		}
		again := s.parts(nil, true)
		if len(again) != len(parts) {
			t.Fatalf("%d parts were read, and %d are written", len(parts), len(again))
		}
		for i := range again {
			if again[i].ID != parts[i].ID || !bytes.Equal(again[i].Body, parts[i].Body) {
				t.Fatalf("part %d was read as %x, and is written as part %d, %x", parts[i].ID, parts[i].Body, again[i].ID, again[i].Body)
			}
		}
		if s.at < 0 || !inTime(instant(s.at)) {
			return
		}
		_, _ = viewAt(context.Background(), s.copy(), instant(s.at).Add(40*24*time.Hour)) // may find that it is corrupt
	})
}

// damageParts returns a copy of parts with one of them changed.
func damageParts(good []store.Part, i int, damage uint8, at int, id uint64, put []byte) []store.Part {
	parts := slices.Clone(good)
	p := &parts[i]
	p.Body = slices.Clone(p.Body)
	at = min(at, len(p.Body))
	switch damage % 7 {
	case 0:
		copy(p.Body[at:], put)
	case 1:
		p.Body = slices.Insert(p.Body, at, put...)
	case 2:
		p.Body = slices.Delete(p.Body, at, min(len(p.Body), at+len(put)))
	case 3:
		p.ID = id
	case 4:
		return slices.Delete(parts, i, i+1)
	case 5:
		return slices.Insert(parts, i, store.Part{ID: id, Body: put})
	case 6:
		if at < len(p.Body) {
			p.Body[at] |= 0x80
			p.Body = slices.Insert(p.Body, at+1, 0)
		}
	}
	return parts
}

// I-1: two commands that differ in a field differ in their fingerprints, and in
// their JSON. The note, which can be erased, is compared by its seal instead.
func FuzzFingerprint(f *testing.F) {
	f.Add(uint8(0), []byte("abc"), []byte("abd"))
	f.Add(uint8(1), []byte{1, 2, 3}, []byte{1, 2})
	for verb := range uint8(14) {
		f.Add(verb, []byte{1, 0, 2, 1, 1, 0, 0}, []byte{1, 0, 1, 2, 1, 1, 0})
		f.Add(verb, []byte("\x02\x01\x02\x01\x01ab"), []byte("\x01\x01\x02\x01\x01abc"))
	}
	f.Fuzz(func(t *testing.T, verb uint8, one, other []byte) {
		a, b := made(verb, &feed{b: one}), made(verb, &feed{b: other})
		jsonA, errA := AppendCommand(nil, a)
		jsonB, errB := AppendCommand(nil, b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		sumA, sumB := fingerprintOf(a).sum, fingerprintOf(b).sum
		if same := bytes.Equal(jsonA, jsonB); same != (sumA == sumB) {
			t.Errorf("%s and %s: the same JSON %v, the same fingerprint %v", jsonA, jsonB, same, sumA == sumB)
		}
	})
}

// feed gives values that stand for all the bytes there are.
type feed struct{ b []byte }

func (f *feed) num() int64 {
	if len(f.b) == 0 {
		return 0
	}
	v := f.b[0]
	f.b = f.b[1:]
	return int64(v)
}

func (f *feed) text() string {
	n := min(int(f.num())%8, len(f.b))
	s := make([]byte, n)
	for i, c := range f.b[:n] {
		s[i] = c & 0x7f // one byte each in UTF-8
	}
	f.b = f.b[n:]
	return string(s)
}

func (f *feed) time() time.Time {
	if n := f.num(); n > 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

func (f *feed) factors() map[string]int64 {
	var m map[string]int64
	for range f.num() % 3 {
		if m == nil {
			m = map[string]int64{}
		}
		m[f.text()] = f.num()
	}
	return m
}

// made returns a command whose fields are fed. Defaults are written out: left
// out and written out they mean the same, and have the same fingerprint.
func made(verb uint8, f *feed) Command {
	switch verb % 14 {
	case 0:
		return Open{Plan: Plan{ID: f.text(), Version: int(f.num())}, Zone: "x" + f.text()}
	case 1:
		return Spend{Feature: f.text(), Quantity: f.num(), Factors: f.factors(), Unit: Unit(f.text()), Amount: Amount(f.num()), Scope: f.text(), Occurred: f.time()}
	case 2:
		return Reserve{Feature: f.text(), Quantity: f.num(), Factors: f.factors(), Unit: Unit(f.text()), Amount: Amount(f.num()), Scope: f.text(), Until: f.time(), Over: Over(f.num()%3) + 1}
	case 3:
		return Capture{Hold: ID(f.num()), Quantity: f.num(), Factors: f.factors(), Amount: Amount(f.num()), All: f.num() == 1, Free: f.num() == 1}
	case 4:
		return Release{Hold: ID(f.num())}
	case 5:
		return Reverse{Spend: ID(f.num()), Amount: Amount(f.num()), All: f.num() == 1}
	case 6:
		g := Grant{Unit: Unit(f.text()), Amount: Amount(f.num()), Starts: f.time(), Expires: f.time(), Priority: 1 + int(f.num()), Scope: f.text()}
		for range f.num() % 3 {
			g.Features = append(g.Features, f.text())
		}
		slices.Sort(g.Features)
		g.Features = slices.Compact(g.Features)
		g.Paid = Money{f.num() * 10_000, "USD"}
		return g
	case 7:
		return Revoke{Lot: ID(f.num()), All: f.num() == 1}
	case 8:
		return CarryOver{Unit: Unit(f.text()), Amount: Amount(f.num()), Expires: f.time()}
	case 9:
		return Buy{Pack: f.text(), Amount: Amount(f.num())}
	case 10:
		return Refund{Purchase: ID(f.num())}
	case 11:
		return SetAutoPurchase{On: f.num() == 1}
	case 12:
		return SetZone{Zone: f.text()}
	default:
		c := Erase{Entries: []ID{}}
		for range f.num() % 4 {
			c.Entries = append(c.Entries, ID(f.num()))
		}
		return c
	}
}
