package storetest

import (
	"bytes"
	"fmt"
	"strings"

	"example.com/credits/store"
)

const (
	ruleNames   = "They are compared and ordered byte by byte, never folded, trimmed or normalised."
	ruleNumbers = "Numbers (every Seq, ID and Of, and what is compared with them) are at most 1<<63 - 1."
	ruleTimes   = "Times are in microseconds since 1970-01-01 UTC, from 0 to the last one of the year 9999, and are kept to the microsecond."
	ruleBodies  = "Bodies and notes are opaque, have at most 1 MiB, and come back byte for byte."
	ruleKinds   = "never 0"

	ruleOutside = "A read that asks for a name or number outside these bounds finds nothing, or is an error"

	whyNames   = "one customer spends another's credits, or one key answers for another"
	whyNumbers = "what a large number stands for is taken for what a small one stands for"
	whyTimes   = "a balance in the past, or what falls due, is off by a moment: entries are missed"
	whyBodies  = "a wallet cannot be read any more, or its chain of hashes does not verify"
)

// hostile are names that some store might change, fold, order or quote wrongly.
var hostile = []struct{ what, name string }{
	{"plain", "acme"},
	{"upper case", "ACME"},
	{"title case", "Acme"},
	{"trailing blank", "acme "},
	{"leading blank", " acme"},
	{"blank alone", " "},
	{"trailing newline", "acme\n"},
	{"newline within", "ac\nme"},
	{"carriage return", "acme\r\n"},
	{"tab", "acme\t"},
	{"percent sign", "acm%"},
	{"percent alone", "%"},
	{"underscore", "acm_"},
	{"quote", "ac'me"},
	{"two quotes", "ac''me"},
	{"an injection", "'; DROP TABLE wallets; --"},
	{"double quote", `ac"me`},
	{"backslash", `ac\me`},
	{"two backslashes", `ac\\me`},
	{"an escape", `ac\x41me`},
	{"braces and commas", `{"a",b}`},
	{"NULL", "NULL"},
	{"a question mark", "?"},
	{"a parameter", "$1"},
	{"a slash", "a/b"},
	{"a dot", "."},
	{"a number", "1"},
	{"a number with a zero", "01"},
	{"a number with a point", "1.0"},
	{"true", "true"},
	{"a control character", "\x01"},
	{"delete", "\x7f"},
	{"e with acute", "caf\u00e9"},
	{"e and combining acute", "cafe\u0301"},
	{"kelvin sign", "\u212a"},
	{"sharp s", "stra\u00dfe"},
	{"double s", "strasse"},
	{"dotless i", "\u0131"},
	{"emoji", "\U0001F4B3"},
	{"emoji with a joiner", "\U0001F469\u200d\U0001F4BB"},
	{"zero width space", "ac\u200bme"},
	{"no-break space", "acme\u00a0"},
	{"right to left", "\u202eemca"},
	{"byte order mark", "\ufeffacme"},
	{"replacement character", "\ufffd"},
	{"noncharacter", "\uffff"},
	{"last code point", "\U0010ffff"},
	{"255 bytes", strings.Repeat("x", 255)},
	{"254 bytes", strings.Repeat("x", 254)},
	{"255 bytes of letters of three", strings.Repeat("\u20ac", 85)},
}

// nameCases give each hostile name beside all the others.
func nameCases() []testcase {
	var list []testcase
	for _, h := range hostile {
		list = append(list,
			testcase{"names/wallet: " + h.what, ruleNames, whyNames, func(k *kit) {
				var changes []store.Change
				for _, other := range hostile {
					if other.name != h.name {
						changes = append(changes, change(other.name, 0, due(epoch)))
					}
				}
				k.keep(changes...)
				k.equal("the wallet before it is there", k.load(h.name, 0, "k"), store.State{})
				k.keep(change(h.name, 0, keyed("k")))
				k.keep(change(h.name, 1, keyed("l"), due(epoch+1)))
				k.ack(h.name, 1)
				k.same()
				k.sameHeads(store.Filter{After: h.name})
			}},
			testcase{"names/key: " + h.what, ruleNames, whyNames, func(k *kit) {
				k.keep(change("a", 0))
				for _, other := range hostile {
					if other.name != h.name {
						k.keep(change("a", k.m.seq("a"), keyed(other.name)))
					}
				}
				k.equal("its receipt before it is there", k.load("a", 0, h.name).Receipts, []store.Receipt(nil))
				k.keep(change("a", k.m.seq("a"), keyed(h.name)))
				k.refuse(change("a", k.m.seq("a"), keyed(h.name)))
			}},
			testcase{"names/feature: " + h.what, ruleNames, whyNames, func(k *kit) {
				c := change("a", 0, grow(len(hostile)-1))
				for i, other := range hostile {
					c.Entries[i].Feature = other.name
				}
				k.keep(c)
				k.sameEntries(store.Query{Wallet: "a", Feature: h.name})
				k.sameWallet("a")
			}},
		)
	}
	for _, h := range []struct{ what, name string }{
		{"no name", ""}, {"256 bytes", strings.Repeat("x", 256)}, {"not UTF-8", "acme\xff"}, {"a NUL byte", "acme\x00"},
	} {
		list = append(list, testcase{"names/outside the bounds: " + h.what, ruleOutside, whyNames, func(k *kit) {
			k.keep(change("acme", 0, keyed("acme"), entry(func(e *store.Entry) { e.Feature = "acme" })))
			k.keep(change(strings.Repeat("x", 255), 0))
			k.outside(h.name)
			k.same()
		}})
	}
	return list
}

// outside reads what no wallet, key or feature can be named.
func (k *kit) outside(name string) {
	k.Helper()
	if states, err := k.s.Load(k.ctx, store.Read{Wallet: name}); err == nil {
		k.equal("Load", states, []store.State{{}})
	}
	if states, err := k.s.Load(k.ctx, store.Read{Wallet: "acme", Have: 1, Keys: []string{name}}); err == nil && len(states[0].Receipts) > 0 {
		k.Errorf("Load found a receipt under %q", name)
	}
	for e, err := range k.s.Entries(k.ctx, store.Query{Wallet: name}) {
		if err == nil {
			k.Errorf("Entries of %q yielded %d", name, e.Seq)
		}
	}
	for e, err := range k.s.Entries(k.ctx, store.Query{Wallet: "acme", Feature: name}) {
		if err == nil && name != "" {
			k.Errorf("Entries of the feature %q yielded %d", name, e.Seq)
		}
	}
	// Of Ack it is only asked that it does nothing.
	_ = k.s.Ack(k.ctx, name, 1)
}

// numbers are at the edges of what may hold a number, beside some that have the same low bits.
var numbers = []uint64{
	1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1<<24 + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1,
	1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<62 + 1, 1<<63 - 2, 1<<63 - 1,
}

// instants are at the edges of what may hold a time, beside some that differ in little.
var instants = []int64{
	1, 999, 1000, 1001, 999_999, 1_000_000, 1_000_001, 1<<31*1_000_000 - 1, 1 << 31 * 1_000_000, 1<<32*1_000_000 + 1,
	epoch, epoch + 1, epoch + 1000, epoch + 1_000_000, 9223372036854775, 9223372036854776,
	1<<53 - 1, 1 << 53, 1<<53 + 1, store.TimeLimit - 1, store.TimeLimit,
}

func numberCases() []testcase {
	var list []testcase
	for _, n := range numbers {
		list = append(list,
			testcase{fmt.Sprintf("numbers/part %d", n), ruleNumbers, whyNumbers, func(k *kit) {
				c := change("a", 0, noParts, part(0, "zero"))
				for _, other := range numbers {
					part(other, fmt.Sprint(other))(&c)
				}
				k.keep(c)
				k.keep(change("a", 1, noParts, part(n, "changed")))
				k.same()
				k.keep(change("a", 2, noParts, part(n, "")))
				k.same()
			}},
			testcase{fmt.Sprintf("numbers/below %d", n), ruleNumbers, whyNumbers, func(k *kit) {
				c := change("a", 0, noParts, part(0, "zero"))
				for _, other := range numbers {
					part(other, fmt.Sprint(other))(&c)
				}
				k.keep(c)
				for _, below := range []uint64{n - 1, n, min(n+1, 1<<63-1)} {
					k.sameReads(store.Read{Wallet: "a", Below: below})
				}
			}},
			testcase{fmt.Sprintf("numbers/of %d", n), ruleNumbers, whyNumbers, func(k *kit) {
				c := change("a", 0, grow(len(numbers)-1))
				for i, other := range numbers {
					c.Entries[i].Of = other
				}
				k.keep(c)
				k.same()
				k.sameEntries(store.Query{Wallet: "a", Of: n})
				k.sameEntries(store.Query{Wallet: "a", After: n})
				k.sameEntries(store.Query{Wallet: "a", Through: n})
			}},
		)
	}
	return append(list, testcase{"numbers/every kind", ruleKinds, whyNumbers, func(k *kit) {
		c := change("a", 0, grow(254))
		for i := range c.Entries {
			c.Entries[i].Kind = uint8(i + 1)
		}
		k.keep(c)
		k.same()
		k.sameEntries(store.Query{Wallet: "a", Kinds: []uint8{127, 128, 255}})
	}})
}

func timeCases() []testcase {
	var list []testcase
	for _, at := range instants {
		list = append(list,
			testcase{fmt.Sprintf("times/entry at %d", at), ruleTimes, whyTimes, func(k *kit) {
				c := change("a", 0, grow(len(instants)-1))
				for i, other := range instants {
					c.Entries[i].At = other
				}
				k.keep(c)
				k.same()
				for _, i := range []int64{at - 1, at, at + 1} {
					k.sameEntries(store.Query{Wallet: "a", From: i})
					k.sameEntries(store.Query{Wallet: "a", To: i, Newest: true})
				}
			}},
			testcase{fmt.Sprintf("times/due at %d", at), ruleTimes, whyTimes, func(k *kit) {
				for i, other := range instants {
					k.keep(change(fmt.Sprintf("w%d", i), 0, due(other)))
				}
				k.same()
				for _, i := range []int64{at - 1, at, at + 1} {
					k.sameHeads(store.Filter{Due: i})
				}
			}},
		)
	}
	return append(list,
		testcase{"times/entry at 0", ruleTimes, whyTimes, func(k *kit) {
			k.keep(change("a", 0, grow(1), entry(func(e *store.Entry) { e.At = 0 })))
			k.same()
			k.sameEntries(store.Query{Wallet: "a", To: 1})
			k.sameEntries(store.Query{Wallet: "a", From: 1})
		}},
	)
}

// bodies are what some store might change on the way.
func bodies() []struct {
	what string
	body []byte
} {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	large := bytes.Repeat(append(every, 'x'), store.BodyLimit/257+1)[:store.BodyLimit]
	return []struct {
		what string
		body []byte
	}{
		{"nothing", nil},
		{"empty", []byte{}},
		{"one zero", []byte{0}},
		{"one 255", []byte{255}},
		{"every byte", every},
		{"zeros at both ends", []byte{0, 0, 1, 0, 0}},
		{"blanks", []byte(" a \n")},
		{"not UTF-8", []byte("\xc3\x28\xff\xfe")},
		{"hexadecimal notation", []byte(`\x00ff`)},
		{"octal notation", []byte(`\000\\`)},
		{"JSON", []byte(`{"b": 1.0, "a": null}`)},
		{"a number", []byte("007")},
		{"1 MiB", large},
		{"1 MiB of zeros", make([]byte, store.BodyLimit)},
	}
}

func bodyCases() []testcase {
	var list []testcase
	for _, b := range bodies() {
		places := []struct {
			where string
			put   func(c *store.Change)
		}{
			{"part", func(c *store.Change) { c.Parts = []store.Part{{ID: 7, Body: b.body}} }},
			{"receipt", func(c *store.Change) { c.Receipts = []store.Receipt{{Key: "k", Body: b.body}} }},
			{"entry", func(c *store.Change) { c.Entries[0].Body = b.body }},
			{"note", func(c *store.Change) { c.Entries[0].Note = b.body }},
			{"all", func(c *store.Change) {
				c.Parts = []store.Part{{ID: 7, Body: b.body}}
				c.Receipts = []store.Receipt{{Key: "k", Body: b.body}}
				c.Entries[0].Body, c.Entries[0].Note = b.body, b.body
			}},
		}
		for _, p := range places {
			list = append(list, testcase{"bodies/" + p.where + ": " + b.what, ruleBodies, whyBodies, func(k *kit) {
				k.keep(change("a", 0, part(7, "before"), part(8, "beside")))
				k.keep(change("a", 1, noParts, p.put), change("b", 0, p.put))
				k.same()
				k.keep(change("a", 2, noParts, erase(2)))
				k.same()
			}})
		}
	}
	return list
}
