package storetest

import (
	"errors"
	"strings"

	"example.com/credits/store"
)

const (
	ruleMalformed = "A malformed write ([Check] tells) keeps nothing of the call, and the error is not ErrAborted: trying again would not help."
	whyMalformed  = "a bug of the ledger destroys a history for good, where it should have been refused"
)

// malformedCases give one malformed change each, to a wallet that stands at 2,
// beside writes that are in order.
func malformedCases() []testcase {
	list := []testcase{
		malformed("a write without a change", store.Write{}),
		malformed("one wallet twice in a write", store.Write{Changes: []store.Change{change("a", 2), change("a", 3)}}),
		malformed("one wallet in two writes", one(change("a", 2)), one(change("a", 3))),
		malformed("one wallet far apart", one(change("a", 2)), one(change("c", 0)), one(change("d", 0)), one(change("e", 0)), one(change("f", 0)),
			one(change("g", 0)), one(change("h", 0)), one(change("i", 0)), one(change("j", 0)), one(change("k", 0)), one(change("a", 2))),
		malformed("the second change of a write", store.Write{Changes: []store.Change{change("a", 2), change("c", 0, func(c *store.Change) { c.Seq = 2 })}}),
	}
	for _, group := range [][]mistake{numberMistakes, nameMistakes, valueMistakes} {
		for _, x := range group {
			list = append(list, malformed(x.name, one(change("a", 2, grow(1), x.make))))
		}
	}
	return list
}

func malformed(name string, writes ...store.Write) testcase {
	return testcase{"malformed/" + name, ruleMalformed, whyMalformed, func(k *kit) {
		k.keep(change("a", 0, grow(1)))
		all := append([]store.Write{one(change("before", 0))}, writes...)
		all = append(all, one(change("z after", 0)))
		kept, err := k.s.Commit(k.ctx, all...)
		switch {
		case err == nil:
			k.Errorf("Commit took it, and kept %v", kept)
		case errors.Is(err, store.ErrAborted):
			k.Errorf("Commit says that it may be tried again: %v", err)
		}
		k.same()
	}}
}

type mistake struct {
	name string
	make func(c *store.Change)
}

var numberMistakes = []mistake{
	{"no entries", func(c *store.Change) { c.Entries, c.Seq = nil, c.Prev }},
	{"no entries but a Seq", func(c *store.Change) { c.Entries = nil }},
	{"Seq too low", func(c *store.Change) { c.Seq-- }},
	{"Seq too high", func(c *store.Change) { c.Seq++ }},
	{"a mark of a wallet that must not exist", func(c *store.Change) {
		c.Prev, c.PrevMark, c.Seq = 0, 7, 2
		c.Entries[0].Seq, c.Entries[1].Seq = 1, 2
	}},
	{"Seq over 1<<63 - 1", func(c *store.Change) {
		c.Prev, c.Seq = 1<<63-2, 1<<63
		c.Entries[0].Seq, c.Entries[1].Seq = 1<<63-1, 1<<63
	}},
	{"Seq that wraps around", func(c *store.Change) {
		c.Prev, c.Seq = 1<<64-2, 0
		c.Entries[0].Seq, c.Entries[1].Seq = 1<<64-1, 0
	}},
	{"entries of earlier numbers", func(c *store.Change) { c.Entries[0].Seq, c.Entries[1].Seq = 2, 3 }},
	{"entries with a gap", func(c *store.Change) { c.Entries[1].Seq = 5 }},
	{"entries in the wrong order", func(c *store.Change) { c.Entries[0].Seq, c.Entries[1].Seq = 4, 3 }},
	{"entries of one number", func(c *store.Change) { c.Entries[1].Seq = 3 }},
	{"entry 0", func(c *store.Change) { c.Entries[0].Seq = 0 }},
	{"kind 0", func(c *store.Change) { c.Entries[1].Kind = 0 }},
	{"of over 1<<63 - 1", func(c *store.Change) { c.Entries[1].Of = 1 << 63 }},
	{"part over 1<<63 - 1", func(c *store.Change) { part(1<<63, "x")(c) }},
	{"one part twice", func(c *store.Change) { part(1, "x")(c) }},
	{"one part replaced and removed", func(c *store.Change) { part(1, "")(c) }},
	{"one of many parts twice", func(c *store.Change) {
		for id := range uint64(20) {
			part(id+100, "x")(c)
		}
		part(101, "y")(c)
	}},
	{"erasing entry 0", erase(0)},
	{"erasing an entry of its own", erase(3)},
	{"erasing an entry to come", erase(1, 100)},
}

var nameMistakes = []mistake{
	{"wallet without a name", func(c *store.Change) { c.Wallet = "" }},
	{"wallet of 256 bytes", func(c *store.Change) { c.Wallet = strings.Repeat("x", 256) }},
	{"wallet that is not UTF-8", func(c *store.Change) { c.Wallet = "a\xff" }},
	{"wallet with a NUL byte", func(c *store.Change) { c.Wallet = "a\x00" }},
	{"key without a name", keyed("k", "")},
	{"key of 256 bytes", keyed(strings.Repeat("k", 256))},
	{"key of 128 letters and 256 bytes", keyed(strings.Repeat("é", 128))},
	{"key that is not UTF-8", keyed("\xc3\x28")},
	{"key with a NUL byte", keyed("k\x00l")},
	{"key that is half a surrogate", keyed("\xed\xa0\x80")},
	{"one key twice", keyed("k", "l", "k")},
	{"one of many keys twice", keyed("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "10")},
	{"feature of 256 bytes", entry(func(e *store.Entry) { e.Feature = strings.Repeat("f", 256) })},
	{"feature that is not UTF-8", entry(func(e *store.Entry) { e.Feature = "f\x80" })},
	{"feature with a NUL byte", entry(func(e *store.Entry) { e.Feature = "\x00" })},
}

var valueMistakes = []mistake{
	{"due before 1970", due(-1)},
	{"due after 9999", due(store.TimeLimit + 1)},
	{"entry before 1970", entry(func(e *store.Entry) { e.At = -1 })},
	{"entry after 9999", entry(func(e *store.Entry) { e.At = store.TimeLimit + 1 })},
	{"part over 1 MiB", part(9, strings.Repeat("x", store.BodyLimit+1))},
	{"entry over 1 MiB", entry(func(e *store.Entry) { e.Body = make([]byte, store.BodyLimit+1) })},
	{"note over 1 MiB", entry(func(e *store.Entry) { e.Note = make([]byte, store.BodyLimit+1) })},
	{"receipt over 1 MiB", func(c *store.Change) {
		c.Receipts = []store.Receipt{{Key: "k", Body: make([]byte, store.BodyLimit+1)}}
	}},
}
