package archive_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"testing"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store/memory"
)

// The files are of the format's first version, and are not made anew: what was
// exported once is read for ever. The flag was for making them.
var writeGolden = flag.Bool("write-golden", false, "write the exports of testdata, which are never to change, anew")

// TestGolden imports what an older version exported.
func TestGolden(t *testing.T) {
	if *writeGolden {
		w := newWorld(t).lived()
		w.do("bob", credits.Open{Plan: plan()})
		whole := export(t, w.store)
		w.feed()
		old := prune(t, w, day("2026-03-01"))
		for name, file := range map[string][]byte{"whole-1": whole, "archive-1": old, "pruned-1": export(t, w.store)} {
			if err := os.WriteFile("testdata/"+name+".jsonl", file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(t *testing.T, name string) []byte {
		file, err := os.ReadFile("testdata/" + name + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tt := range []struct {
		file string
		head string // where acme stands
		want archive.Report
	}{
		{file: "whole-1", head: "3e6df60cdc428b34790ca6631c4850fc22ede1f4575b0407f059b20c06f23382", want: archive.Report{Wallets: 2, Entries: 21}},
		{file: "pruned-1", head: "c429f67392839a1001094d5e67786bca9ae3e42c24f1c971a8cb28ef4aba428a", want: archive.Report{Wallets: 2, Entries: 11}},
		{file: "archive-1", head: "13200fcafe56ef8104c5d70b7deea2f4b26b198b491ba0a7ce35200c4de8949b", want: archive.Report{Wallets: 1, Entries: 11}},
	} {
		t.Run("L-3/L-4/"+tt.file, func(t *testing.T) {
			to := new(memory.Store)
			if got := imported(t, to, read(t, tt.file)); got != tt.want {
				t.Errorf("the report is %+v", got)
			}
			verify(t, to)
			w := newWorld(t)
			w.store, w.ledger = to, credits.New(to, &credits.Options{Clock: w.clock})
			if head := must(w.ledger.Head(t.Context(), acme)); hex.EncodeToString(head.Hash[:]) != tt.head {
				t.Errorf("the chain ends with %x", head.Hash)
			}
			w.clock.Set(day("2026-04-05"))
			w.keys = 100 // which none of its receipts has
			w.do(acme, credits.Spend{Amount: 1})
			verify(t, to)
		})
	}
	t.Run("L-4/they join", func(t *testing.T) {
		to := new(memory.Store)
		imported(t, to, read(t, "pruned-1"))
		if err := archive.Joined(t.Context(), to, acme, bytes.NewReader(read(t, "archive-1"))); err != nil {
			t.Error(err)
		}
	})
}
