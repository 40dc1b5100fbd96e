package credits

import (
	"fmt"
	"testing"
	"time"

	"example.com/credits/store"
)

// benchTerms is a plan with one allowance a month.
func benchTerms() Plan {
	return Plan{
		ID: "bench", Version: 1, Every: Months(1), Allowances: []Allowance{{Amount: 1_000_000_000 * Credit}},
		Features: map[string]Rate{"run": {Credits: Credit / 1000}},
	}
}

// benchStored returns a wallet in a zone as it is stored after so many months.
func benchStored(b *testing.B, zone string, months int) store.State {
	b.Helper()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	d, _, err := decide(newState("acme"), &Call{Key: "open", Now: now, Command: Open{Plan: benchTerms(), Zone: zone}})
	if err != nil {
		b.Fatal(err)
	}
	w := d.w
	if _, err := (&decision{w: w, own: -1}).advance(micros(now.AddDate(0, months, 5)), months+1); err != nil {
		b.Fatal(err)
	}
	return store.State{Seq: uint64(w.seq), Parts: w.parts(nil, true)}
}

// BenchmarkReset is what a ledger adds to what its store does for the reset of a
// wallet: it is read, a month goes by, and what is to be written is encoded.
func BenchmarkReset(b *testing.B) {
	for _, zone := range []string{"UTC", "Europe/Berlin"} {
		for _, months := range []int{0, 12} {
			b.Run(fmt.Sprintf("zone=%s/months=%d", zone, months), func(b *testing.B) {
				l := &Ledger{known: new(cache)}
				stored := benchStored(b, zone, months)
				s, err := l.decode("acme", stored)
				if err != nil {
					b.Fatal(err)
				}
				now := s.ends
				var d decision
				var c store.Change
				b.ReportAllocs()
				for b.Loop() {
					d.mem = d.mem[:0]
					_, done, err := l.due(&d, "acme", stored, now, &c)
					if err != nil || !done || len(c.Entries) != 3 {
						b.Fatal(len(c.Entries), done, err)
					}
				}
			})
		}
	}
}

// BenchmarkDecode is the cost of reading a stored wallet with so many lots, that
// expire in the order in which they came, or in none.
func BenchmarkDecode(b *testing.B) {
	for _, lots := range []int{1, 100, 10_000} {
		for _, order := range []string{"first", "any"} {
			b.Run(fmt.Sprintf("lots=%d/order=%s", lots, order), func(b *testing.B) {
				now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
				d, _, err := decide(newState("acme"), &Call{Key: "open", Now: now, Command: Open{Plan: benchTerms()}})
				if err != nil {
					b.Fatal(err)
				}
				for n := range lots - 1 {
					if order == "any" {
						n = n * 7919 % 10_007
					}
					grant := Grant{Amount: Credit, Priority: 10, Expires: now.AddDate(1, 0, n)}
					if d, _, err = decide(d.w, &Call{Key: "grant", Now: now, Command: grant}); err != nil {
						b.Fatal(err)
					}
				}
				l := &Ledger{known: new(cache)}
				stored := store.State{Seq: uint64(d.w.seq), Parts: d.w.parts(nil, true)}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := l.decode("acme", stored); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
