package store_test

import (
	"strings"
	"testing"

	"example.com/credits/store"
)

func TestCheckCheckpoint(t *testing.T) {
	largest := store.Checkpoint{Seq: 1<<63 - 1, At: store.TimeLimit, Body: make([]byte, store.CheckpointLimit)}
	tests := []struct {
		name   string
		wallet string
		make   func(c *store.Checkpoint)
		says   string // nothing if it is in order
	}{
		{name: "at all bounds", wallet: strings.Repeat("w", store.NameLimit)},
		{name: "the least", wallet: "a", make: func(c *store.Checkpoint) { *c = store.Checkpoint{Seq: 1, Body: []byte{0}} }},
		{name: "no name", says: "name is empty"},
		{name: "Seq 0", wallet: "a", make: func(c *store.Checkpoint) { c.Seq = 0 }, says: "seq is 0"},
		{name: "Seq over the bound", wallet: "a", make: func(c *store.Checkpoint) { c.Seq++ }, says: "over 1<<63 - 1"},
		{name: "no body", wallet: "a", make: func(c *store.Checkpoint) { c.Body = nil }, says: "body is empty"},
		{name: "a byte too many", wallet: "a", make: func(c *store.Checkpoint) { c.Body = append(c.Body, 0) }, says: "16777217 bytes, more than 16777216"},
		{name: "too late", wallet: "a", make: func(c *store.Checkpoint) { c.At++ }, says: "not within the years"},
		{name: "too early", wallet: "a", make: func(c *store.Checkpoint) { c.At = -1 }, says: "not within the years"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := largest
			if tt.make != nil {
				tt.make(&c)
			}
			for call, err := range map[string]error{"CheckCheckpoint": store.CheckCheckpoint(tt.wallet, c), "CheckRestore": store.CheckRestore(tt.wallet, c, 0, nil)} {
				if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%s: error %v, want one that says %q", call, err, tt.says)
				}
			}
		})
	}
}

func TestCheckPrune(t *testing.T) {
	has := store.Checkpoint{Seq: 5, At: 50, Body: []byte("five")}
	tests := []struct {
		name string
		head store.Head
		c    store.Checkpoint
		says string // nothing if it may be given
	}{
		{name: "the next", head: store.Head{Seq: 9, Fed: 9}, c: store.Checkpoint{Seq: 6, Body: []byte("six")}},
		{name: "at the feed", head: store.Head{Seq: 9, Fed: 8}, c: store.Checkpoint{Seq: 8, Body: []byte("eight")}},
		{name: "the same", head: store.Head{Seq: 9, Fed: 9}, c: has},
		{name: "another body", head: store.Head{Seq: 9, Fed: 9}, c: store.Checkpoint{Seq: 5, At: 50, Body: []byte("FIVE")}, says: "another checkpoint at 5"},
		{name: "another time", head: store.Head{Seq: 9, Fed: 9}, c: store.Checkpoint{Seq: 5, At: 51, Body: []byte("five")}, says: "another checkpoint at 5"},
		{name: "before it", head: store.Head{Seq: 9, Fed: 9}, c: store.Checkpoint{Seq: 4, Body: []byte("four")}, says: "at 4, before the one there at 5"},
		{name: "beyond the feed", head: store.Head{Seq: 9, Fed: 8}, c: store.Checkpoint{Seq: 9, Body: []byte("nine")}, says: "at 9, and the feed at 8"},
		{name: "beyond the wallet", head: store.Head{Seq: 9, Fed: 9}, c: store.Checkpoint{Seq: 10, Body: []byte("ten")}, says: "at 10, and the wallet at 9"},
		{name: "no wallet", c: has, says: "does not exist"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.head.Wallet = "acme"
			err := store.CheckPrune(tt.head, has, tt.c)
			if (err == nil) != (tt.says == "") || err != nil && (!strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), `"acme"`)) {
				t.Errorf("error %v, want one that says %q", err, tt.says)
			}
		})
	}
}

func TestCheckRestore(t *testing.T) {
	c := store.Checkpoint{Seq: 1, Body: []byte("x")}
	tests := []struct {
		name  string
		due   int64
		parts []store.Part
		says  string // nothing if it is in order
	}{
		{name: "at all bounds", due: store.TimeLimit, parts: []store.Part{{ID: 1<<63 - 1, Body: make([]byte, store.BodyLimit)}, {ID: 0}}},
		{name: "due too late", due: store.TimeLimit + 1, says: "due: time"},
		{name: "a part twice", parts: []store.Part{{ID: 7}, {ID: 7}}, says: "part 7: twice"},
		{name: "a part too long", parts: []store.Part{{Body: make([]byte, store.BodyLimit+1)}}, says: "part 0: 1048577 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := store.CheckRestore("acme", c, tt.due, tt.parts)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want one that says %q", err, tt.says)
			}
		})
	}
}

func TestCheckDigests(t *testing.T) {
	tests := []struct {
		name, under string
		seq         uint64
		digests     []store.Digest
		says        string // nothing if it is in order
	}{
		{name: "none", under: "n"},
		{name: "at all bounds", under: strings.Repeat("n", store.NameLimit), seq: 1<<63 - 1, digests: []store.Digest{
			{Through: 1}, {Through: 2, Body: make([]byte, store.BodyLimit)}, {Through: 1<<63 - 1},
		}},
		{name: "no name", says: "name is empty"},
		{name: "seq over the bound", under: "n", seq: 1 << 63, says: "seq 9223372036854775808 is over"},
		{name: "through 0", under: "n", digests: []store.Digest{{}}, says: "through 0 does not come after 0"},
		{name: "one twice", under: "n", digests: []store.Digest{{Through: 3}, {Through: 3}}, says: "through 3 does not come after 3"},
		{name: "not in order", under: "n", digests: []store.Digest{{Through: 3}, {Through: 2}}, says: "through 2 does not come after 3"},
		{name: "through over the bound", under: "n", digests: []store.Digest{{Through: 1 << 63}}, says: "over 1<<63 - 1"},
		{name: "too long", under: "n", digests: []store.Digest{{Through: 4, Body: make([]byte, store.BodyLimit+1)}}, says: "through 4: 1048577 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := store.CheckDigests("acme", tt.under, tt.seq, tt.digests...)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want one that says %q", err, tt.says)
			}
		})
	}
	if err := store.CheckDigests("", "n", 1); err == nil {
		t.Error("a wallet without a name gave no error")
	}
}

// TestOptionalHelpers asks a store that is neither a Pruner nor a Digester.
func TestOptionalHelpers(t *testing.T) {
	var s struct{ store.Store }
	if err := store.KeepDigests(t.Context(), s, "acme", "n", 1, store.Digest{Through: 1}); err != nil {
		t.Error(err)
	}
	for d, err := range store.Digests(t.Context(), s, "acme", "n", 0, 9) {
		t.Error(d, err)
	}
	if c, err := store.CheckpointOf(t.Context(), s, "acme"); err != nil || c.Seq != 0 {
		t.Error(c, err)
	}
}
