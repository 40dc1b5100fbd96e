package credits_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/credits"
)

// No file makes ParsePlans panic. A plan that it returns is valid, opens a
// wallet or says why not, and is read again as it was written.
func FuzzParsePlans(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "plans", "*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{
		``, `{}`, `{"plans": []}`, `{"plans": [{}]}`, `{"plans": [{"id": "a", "version": 1, "every": "1 month"}]} x`,
		`{"plans": [{"id": "a", "version": 1, "every": "36500 days", "allowances": [{"amount": "9223372036854.775807"}]}]}`,
		`{"plans": [{"id": "a", "version": 1, "every": "1 day", "packs": [{"id": "p", "size": 0}], "auto": {"pack": "p", "size": "-1"}}]}`,
	} {
		f.Add([]byte(text))
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		plans, err := credits.ParsePlans(data)
		if err != nil {
			if !errors.Is(err, credits.ErrInvalid) {
				t.Fatalf("%v is no ErrInvalid", err)
			}
			return
		}
		for _, p := range plans {
			if err := p.Validate(); err != nil {
				t.Fatalf("ParsePlans returned a plan that is not valid: %v", err)
			}
			for _, tier := range p.Tiers {
				if p, err := p.WithTier(tier.ID); err == nil {
					openAndLive(t, p, at)
				}
			}
			if len(p.Tiers) == 0 {
				openAndLive(t, p, at)
			}
		}
	})
}

// openAndLive opens a wallet under a plan and does what a plan may get wrong.
func openAndLive(t *testing.T, p credits.Plan, at time.Time) {
	t.Helper()
	w, _ := credits.NewWallet("acme")
	commands := []credits.Command{
		credits.Open{Plan: p, Zone: "Europe/Berlin"},
		credits.SetAutoPurchase{On: true},
		credits.Spend{Amount: 3 * credits.Credit},
		credits.Reserve{Amount: 1, Until: at.Add(100 * time.Hour)},
	}
	for _, k := range p.Packs {
		commands = append(commands, credits.Buy{Pack: k.ID, Amount: k.Size})
	}
	for name := range p.Features {
		commands = append(commands, credits.Spend{Feature: name, Quantity: 2})
	}
	var entries []credits.Entry
	for i, c := range commands[:min(len(commands), 12)] {
		made, err := w.Decide(credits.Call{Key: credits.Key("k" + string(rune('a'+i))), Now: at.AddDate(0, 0, i), Command: c})
		if errors.Is(err, credits.ErrCorrupt) {
			t.Fatalf("%#v: %v", c, err)
		}
		if err != nil {
			continue
		}
		entries = append(entries, made...)
		if w, err = w.Apply(made...); err != nil {
			t.Fatalf("%#v: what was decided does not apply: %v", c, err)
		}
	}
	if _, err := replayed("acme", entries); err != nil {
		t.Fatal(err)
	}
}

// No text makes ParseCommand panic; a command is read again as it was written;
// and no command makes Decide panic, whatever is in it.
func FuzzParseCommand(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	l := newLife(f, r, nil)
	for range 200 {
		l.pass(true)
		c := l.draw()
		data, err := credits.AppendCommand(nil, c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		_, _ = l.do(l.call(c))
	}
	for _, text := range []string{
		`{"spend": null}`, `{"open": {"plan": {"id": "a", "version": 1, "every": "1 month"}, "zone": "Local"}}`, `{}`, `[]`, `{"fly": {}}`,
		`{"spend": {"feature": "run", "quantity": -9223372036854775808, "factors": {"": 0}}}`, `{"spend": {"amount": 1e9}}`,
		`{"grant": {"amount": "9223372036854.775807", "starts": "0000-01-01T00:00:00Z", "expires": "9999-12-31T23:59:59.9999999Z"}}`,
		`{"capture": {"hold": 18446744073709551615, "all": true}}`, `{"erase": {"entries": [0, 1, 18446744073709551615]}}`,
	} {
		f.Add([]byte(text))
	}
	w, entries, now := l.w, l.entries, l.now
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := credits.ParseCommand(data)
		if err != nil {
			if !errors.Is(err, credits.ErrInvalid) {
				t.Fatalf("%v is no ErrInvalid", err)
			}
			return
		}
		text, err := credits.AppendCommand(nil, c)
		if err != nil {
			t.Fatalf("%#v was read, and cannot be written: %v", c, err)
		}
		again, err := credits.ParseCommand(text)
		if err != nil {
			t.Fatalf("%s was written, and cannot be read: %v", text, err)
		}
		if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s: read again as it was written (-first +again):\n%s", text, diff)
		}
		none, _ := credits.NewWallet("acme")
		for _, x := range []credits.Wallet{none, w} {
			made, err := x.Decide(credits.Call{Key: "fuzz", Now: now, Command: c, Past: pastOf(entries, c)})
			switch {
			case err == nil:
				if _, err := x.Apply(made...); err != nil {
					t.Fatalf("%s: what was decided does not apply: %v", text, err)
				}
			case errors.Is(err, credits.ErrCorrupt), !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid):
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

// A damaged history is an error, or another history that keeps the laws: one
// entry of a real one is dropped, doubled, swapped, or changed in one field.
func FuzzApply(f *testing.F) {
	var histories [][]credits.Entry
	for seed := range uint64(8) {
		l := newLife(f, rand.New(rand.NewPCG(seed, 3)), nil)
		for range 40 {
			l.pass(true)
			_, _ = l.do(l.call(l.draw()))
		}
		histories = append(histories, l.entries[:min(len(l.entries), 120)])
	}
	for damage := range uint8(40) {
		f.Add(damage%8, uint16(damage)*3, damage, int64(1), uint8(0))
		f.Add(damage%8, uint16(damage)*5, damage, int64(-1), uint8(1))
		f.Add(damage%8, uint16(damage), damage, int64(1)<<62, uint8(2))
	}
	f.Fuzz(func(t *testing.T, history uint8, at uint16, damage uint8, by int64, line uint8) {
		entries := histories[int(history)%len(histories)]
		damaged := damageHistory(entries, int(at)%len(entries), damage, by, int(line))
		w, err := replayed("acme", damaged)
		if err != nil && !errors.Is(err, credits.ErrInvalid) {
			t.Fatalf("damage %d of entry %d: %v", damage, at, err)
		}
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(uint64(at), uint64(damage)))
		l := &life{r: r, w: w, now: w.At().Add(40 * 24 * time.Hour), entries: damaged}
		for range 5 {
			if _, err := l.do(l.call(l.draw())); err != nil && errors.Is(err, errApply) {
				t.Fatalf("after damage %d of entry %d: %v", damage, at, err)
			}
		}
	})
}

// damageHistory returns a copy of a history with one thing wrong with one entry.
func damageHistory(entries []credits.Entry, at int, damage uint8, by int64, line int) []credits.Entry {
	all := append([]credits.Entry(nil), entries...)
	switch damage % 40 {
	case 0:
		return append(all[:at], all[at+1:]...)
	case 1:
		return append(all[:at+1], entries[at:]...)
	case 2:
		if at > 0 {
			all[at], all[at-1] = all[at-1], all[at]
		}
		return all
	case 3:
		return all[:at+1]
	case 4: // dropped, and the others numbered anew
		all = append(all[:at], all[at+1:]...)
		for i := range all {
			all[i].Seq = credits.ID(i + 1)
		}
		return all
	}
	e := &all[at]
	damageEntry(e, damage%40, by)
	if len(e.Lines) > 0 {
		e.Lines = append([]credits.Line(nil), e.Lines...)
		damageLine(&e.Lines[line%len(e.Lines)], damage%40, by)
		if damage%40 == 39 {
			e.Lines = append(e.Lines, e.Lines[line%len(e.Lines)])
		}
	}
	return all
}

// moved returns t so many microseconds later.
func moved(t time.Time, by int64) time.Time {
	return t.Add(time.Duration(by%(1<<50)) * time.Microsecond)
}

func damageEntry(e *credits.Entry, damage uint8, by int64) {
	damageOpening(e, damage, by)
	damageFact(e, damage, by)
	switch damage {
	case 5:
		e.Seq += credits.ID(by)
	case 6:
		e.At = moved(e.At, by)
	case 7:
		e.Kind += credits.Kind(by)
	case 8:
		e.Of += credits.ID(by)
	case 9:
		e.Unit += "x"
	case 10:
		e.Balance += credits.Amount(by)
	case 11:
		e.Wallet += "x"
	case 12:
		e.Lines = nil
	case 13:
		e.Opens = nil
	case 14:
		e.Hold = nil
	case 15:
		e.Cycle = nil
	case 16:
		e.Setting = nil
	}
}

// damageOpening changes the lot or the hold that an entry makes.
func damageOpening(e *credits.Entry, damage uint8, by int64) {
	if e.Opens != nil {
		o := *e.Opens
		switch damage {
		case 17:
			o.ID += credits.ID(by)
		case 18:
			o.Amount += credits.Amount(by)
		case 19:
			o.Starts = moved(o.Starts, by)
		case 20:
			o.Expires = moved(o.Expires, by)
		case 21:
			o.Source += credits.Source(by)
		case 22:
			o.Paid.Micros += by
		case 23:
			o.Unit += "x"
		}
		e.Opens = &o
	}
	if e.Hold != nil {
		h := *e.Hold
		switch damage {
		case 24:
			h.Amount += credits.Amount(by)
		case 25:
			h.Parts = append(append([]credits.HoldPart(nil), h.Parts...), credits.HoldPart{Lot: 1, Amount: credits.Amount(by)})
		case 26:
			h.Until = moved(h.Until, by)
		case 27:
			h.Over += credits.Over(by)
		}
		e.Hold = &h
	}
}

// damageFact changes the cycle or the setting of an entry.
func damageFact(e *credits.Entry, damage uint8, by int64) {
	if e.Cycle != nil {
		c := *e.Cycle
		switch damage {
		case 28:
			c.Number += int(by)
		case 29:
			c.Period.Start = moved(c.Period.Start, by)
		case 30:
			c.Period.End = moved(c.Period.End, by)
		case 31:
			c.Anchor = moved(c.Anchor, by)
		case 32:
			c.Zone += "x"
		case 33:
			c.Plan = &credits.Plan{Packs: []credits.Pack{{ID: "ten"}}, Auto: credits.AutoPurchase{Pack: "ten", Size: credits.Amount(by)}}
		}
		e.Cycle = &c
	}
	if e.Setting != nil && damage == 34 {
		s := *e.Setting
		s.CarryOver += credits.Amount(by)
		s.Resume = !s.Resume
		e.Setting = &s
	}
}

func damageLine(ln *credits.Line, damage uint8, by int64) {
	switch damage {
	case 35:
		ln.Amount += credits.Amount(by)
	case 36:
		ln.From += credits.Account(by)
	case 37:
		ln.To += credits.Account(by)
	case 38:
		ln.Lot += credits.ID(by)
	}
}
