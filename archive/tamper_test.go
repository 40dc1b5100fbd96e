package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// wrong imports a file that is wrong: the error is of a line.
func wrong(t testing.TB, to store.Store, file []byte) *archive.LineError {
	t.Helper()
	_, err := archive.Import(t.Context(), to, bytes.NewReader(file))
	var of *archive.LineError
	if !errors.As(err, &of) || !errors.Is(err, credits.ErrCorrupt) {
		t.Fatalf("the error is %v, want that of a line", err)
	}
	return of
}

// refused imports a file of one wallet that is wrong, of which nothing is written.
func refused(t testing.TB, file []byte) *archive.LineError {
	t.Helper()
	to := new(memory.Store)
	err := wrong(t, to, file)
	for h := range to.Heads(t.Context(), store.Filter{}) {
		t.Fatalf("wallet %q was written up to %d, and the error is %v", h.Wallet, h.Seq, err)
	}
	return err
}

// unread reads a file that is wrong.
func unread(t testing.TB, file []byte) {
	t.Helper()
	var err error
	for _, err = range archive.Runs(bytes.NewReader(file)) {
	}
	is(t, err, credits.ErrCorrupt)
}

// TestTampered changes each byte of an export in turn: every change is found
// before anything is written.
func TestTampered(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	w.do(acme, credits.Spend{Amount: 1, Note: credits.Note{Reason: "run"}})
	file := export(t, w.store)
	end := len(file) - len("{\"wallets\":1}\n") // what is wrong there is found when the wallet is written
	find := func(t *testing.T, at int, file []byte) {
		t.Helper()
		unread(t, file)
		if at < end {
			refused(t, file)
		} else {
			wrong(t, new(memory.Store), file)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	t.Run("L-4/a byte is another", func(t *testing.T) {
		for i := range len(file) - 1 {
			for _, b := range []byte{file[i] ^ 1, file[i] ^ 0x20, byte(r.IntN(256))} {
				if b != file[i] {
					changed := slices.Clone(file)
					changed[i] = b
					find(t, i, changed)
				}
			}
		}
	})
	t.Run("L-4/a byte is missing", func(t *testing.T) {
		for i := range file {
			find(t, i, slices.Delete(slices.Clone(file), i, i+1))
		}
	})
	t.Run("L-4/the end is missing", func(t *testing.T) {
		for i := range file {
			find(t, i, file[:i])
		}
	})
	t.Run("L-4/lines are missing, twice there, or another way round", func(t *testing.T) {
		all := lines(file)
		for i := range len(all) - 3 {
			refused(t, []byte(strings.Join(slices.Delete(slices.Clone(all), i, i+1), "")))
			refused(t, []byte(strings.Join(slices.Insert(slices.Clone(all), i, all[i]), "")))
			swapped := slices.Clone(all)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			refused(t, []byte(strings.Join(swapped, "")))
		}
	})
}

// TestForged changes entries and puts the checksum right: the chain finds what the checksum
// cannot.
func TestForged(t *testing.T) {
	w := newWorld(t).lived()
	file := export(t, w.store)
	r := rand.New(rand.NewPCG(3, 4))
	all := lines(file)
	found := 0
	for i, line := range all {
		var form struct {
			Entry map[string]any `json:"entry"`
		}
		if json.Unmarshal([]byte(line), &form) != nil || form.Entry == nil {
			continue
		}
		for range 20 {
			entry := form.Entry["body"].(string)
			at := r.IntN(len(entry) - 4)
			b := []byte(entry)
			b[at] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[r.IntN(64)]
			if string(b) == entry {
				continue
			}
			forged := slices.Clone(all)
			forged[i] = strings.Replace(line, entry, string(b), 1)
			file := resum([]byte(strings.Join(forged, "")))
			unread(t, file)
			err := refused(t, file)
			if err.Line < i+1 {
				t.Errorf("L-4: line %d was forged, and the error is %v", i+1, err)
			}
			found++
		}
	}
	if found < 300 {
		t.Errorf("L-4: only %d were forged", found)
	}
	t.Run("L-3/a checkpoint", func(t *testing.T) {
		w.feed()
		prune(t, w, day("2026-03-01"))
		all := lines(export(t, w.store))
		var form struct {
			Wallet struct{ Checkpoint struct{ Body []byte } }
		}
		if err := json.Unmarshal([]byte(all[0]), &form); err != nil {
			t.Fatal(err)
		}
		text := b64(string(form.Wallet.Checkpoint.Body))
		for range 200 {
			body := slices.Clone(form.Wallet.Checkpoint.Body)
			body[r.IntN(len(body))] ^= 1 << r.IntN(8)
			all[0] = strings.Replace(all[0], text, b64(string(body)), 1)
			text = b64(string(body))
			refused(t, resum([]byte(strings.Join(all, "")))) // which alone is none: Runs cannot tell
			all[0] = strings.Replace(all[0], text, b64(string(form.Wallet.Checkpoint.Body)), 1)
			text = b64(string(form.Wallet.Checkpoint.Body))
		}
	})
}

// TestHostileLines says of each wrong line which it is, and what of it is wrong.
func TestHostileLines(t *testing.T) {
	w := newWorld(t)
	w.do(acme, credits.Open{Plan: plan()})
	w.do(acme, credits.Spend{Amount: 1, Note: credits.Note{Reason: "run"}})
	all := lines(export(t, w.store))
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, tt := range []struct {
		name     string
		line     int // that is wrong
		old, new string
		field    string
		reason   string // a part of it
		at       int    // the line of the error, if it is another
	}{
		{name: "no JSON", line: 1, old: "{", new: ""},
		{name: "two values", line: 1, old: "}}\n", new: "}}{}\n"},
		{name: "two things", line: 1, old: "}}\n", new: "},\"wallets\":1}\n"},
		{name: "nothing", line: 2, old: `{"entry":`, new: `{"entry":null}`},
		{name: "another format", line: 1, old: `"format":1`, new: `"format":2`, field: "wallet.format"},
		{name: "an unknown field", line: 2, old: `"seq"`, new: `"x":1,"seq"`, field: "x"},
		{name: "an unknown line", line: 2, old: `{"entry"`, new: `{"entries"`, field: "entries"},
		{name: "a wallet without a name", line: 1, old: "acme", new: "", field: "wallet.id"},
		{name: "a wallet with a NUL byte", line: 1, old: "acme", new: `\u0000`, field: "wallet.id"},
		{name: "a wallet's name of 256 bytes", line: 1, old: "acme", new: long(256), field: "wallet.id"},
		{name: "an entry where a wallet begins", line: 1, old: `{"wallet":{"format":1,"id":"acme"}}`, new: strings.TrimSpace(all[1])},
		{name: "a checkpoint of nothing", line: 1, old: `"acme"`, new: `"acme","checkpoint":{"seq":0,"at":0,"body":""}`, field: "wallet.checkpoint.seq"},
		{name: "a checkpoint that is none", line: 1, old: `"acme"`, new: `"acme","checkpoint":{"seq":1,"at":1,"body":"AAAA"}`, field: "wallet.checkpoint.body"},
		{name: "a checkpoint in no base64", line: 1, old: `"acme"`, new: `"acme","checkpoint":{"seq":1,"at":1,"body":"A"}`, field: "wallet.checkpoint.body"},
		{name: "a checkpoint in base64 with bits too many", line: 1, old: `"acme"`, new: `"acme","checkpoint":{"seq":1,"at":1,"body":"AB=="}`, field: "wallet.checkpoint.body", reason: "not in base64"},
		{name: "a Seq that is left out", line: 2, old: `"seq":1`, new: `"seq":2`, field: "entry.seq"},
		{name: "a Seq that is negative", line: 2, old: `"seq":1`, new: `"seq":-1`, field: "entry.seq"},
		{name: "a Seq of text", line: 2, old: `"seq":1`, new: `"seq":"1"`, field: "entry.seq"},
		{name: "a fraction", line: 2, old: `"kind":1`, new: `"kind":1.5`, field: "entry.kind"},
		{name: "a kind of 0", line: 2, old: `"kind":1`, new: `"kind":0`, field: "entry.kind"},
		{name: "a kind of 256", line: 2, old: `"kind":1`, new: `"kind":256`, field: "entry.kind"},
		{name: "another kind", line: 2, old: `"kind":1`, new: `"kind":2`, field: "entry.body"},
		{name: "an instant before 1970", line: 2, old: `"at":`, new: `"at":-`, field: "entry.at"},
		{name: "an instant after 9999", line: 2, old: `"at":`, new: `"at":999`, field: "entry.at"},
		{name: "another instant", line: 2, old: `"at":17672`, new: `"at":17673`, field: "entry.body"},
		{name: "an Of beyond all numbers", line: 2, old: `"kind":1`, new: `"kind":1,"of":9223372036854775808`, field: "entry.of"},
		{name: "a feature with a NUL byte", line: 2, old: `"kind":1`, new: `"kind":1,"feature":"\u0000"`, field: "entry.feature"},
		{name: "a feature of 256 bytes", line: 2, old: `"kind":1`, new: `"kind":1,"feature":"` + long(256) + `"`, field: "entry.feature"},
		{name: "a feature of 255 bytes that is another", line: 2, old: `"kind":1`, new: `"kind":1,"feature":"` + long(255) + `"`, field: "entry.body"},
		{name: "a body in no base64", line: 2, old: `"body":"`, new: `"body":"*`, field: "entry.body"},
		{name: "no body", line: 2, old: `"body"`, new: `"note"`, field: "entry.body"},
		{name: "a body of more than 1 MiB", line: 2, old: `"body":"`, new: `"body":"` + long(1<<20/3*4+4), field: "entry.body"},
		{name: "a note of more than 1 MiB", line: 5, old: `"note":"`, new: `"note":"` + long(1<<20/3*4+4), field: "entry.note"},
		{name: "a note that was not sealed", line: 5, old: `"note":"`, new: `"note":"AAAA`, field: "entry.body"},
		{name: "a receipt that is none", line: 4, old: `"body":"`, new: `"body":"AAAA`, field: "receipt.body"},
		{name: "a receipt without a key", line: 4, old: "key-1", new: "", field: "receipt.key"},
		{name: "a receipt of other entries", line: 6, old: strings.TrimSpace(all[5]), new: strings.TrimSpace(all[3]), field: "receipt.body"},
		{name: "a receipt before all entries", line: 2, old: strings.TrimSpace(all[1]), new: strings.TrimSpace(all[3]), field: "receipt.body"},
		{name: "a receipt that is there twice", line: 4, old: strings.TrimSpace(all[3]), new: strings.TrimSpace(all[3]) + "\n" + strings.TrimSpace(all[3]), field: "receipt.key", at: 5},
		{name: "a wallet within a wallet", line: 3, old: strings.TrimSpace(all[2]), new: strings.TrimSpace(all[0])},
		{name: "another end", line: 7, old: `"seq":3`, new: `"seq":4`, field: "end.seq"},
		{name: "a hash in capitals", line: 7, old: `"hash":"`, new: `"hash":"A`, field: "end.hash"},
		{name: "another hash", line: 7, old: `"hash":"`, new: `"hash":"` + long(64) + `","hash":"` + strings.Repeat("0", 64) + `","x":"`, field: "x"},
		{name: "another number of entries", line: 7, old: `"entries":3`, new: `"entries":2`, field: "end.entries"},
		{name: "another number of receipts", line: 7, old: `"receipts":2`, new: `"receipts":1`, field: "end.receipts"},
		{name: "a feed beyond the end", line: 7, old: `"fed":0`, new: `"fed":4`, field: "end.fed"},
		{name: "a line of more than 3 MiB", line: 2, old: `"body"`, new: `"x":"` + long(3<<20) + `","body"`},
	} {
		t.Run("L-4/"+tt.name, func(t *testing.T) {
			changed := slices.Clone(all)
			if !strings.Contains(changed[tt.line-1], tt.old) {
				t.Fatalf("there is no %s in %s", tt.old, changed[tt.line-1])
			}
			changed[tt.line-1] = strings.Replace(changed[tt.line-1], tt.old, tt.new, 1)
			file := resum([]byte(strings.Join(changed, "")))
			unread(t, file)
			err := refused(t, file)
			if at := max(tt.at, tt.line); err.Line != at || err.Field != tt.field || !strings.Contains(err.Reason, tt.reason) {
				t.Errorf("line %d, %q: %v", err.Line, err.Field, err)
			}
		})
	}
}

// TestCounted finds a file of which wallets are missing, and one that is none.
func TestCounted(t *testing.T) {
	w := newWorld(t)
	for _, id := range []credits.WalletID{"a", "b"} {
		w.do(id, credits.Open{Plan: plan()})
	}
	file := string(export(t, w.store))
	for name, changed := range map[string]string{
		"empty":             "",
		"a wallet less":     file[:strings.LastIndex(file, `{"wallet":`)] + "{\"wallets\":2}\n",
		"not counted":       strings.TrimSuffix(file, "{\"wallets\":2}\n"),
		"counted otherwise": strings.ReplaceAll(file, `{"wallets":2}`, `{"wallets":3}`),
	} {
		_, err := archive.Import(t.Context(), new(memory.Store), strings.NewReader(changed))
		var wrong *archive.LineError
		if !errors.As(err, &wrong) {
			t.Errorf("L-4: %s: the error is %v", name, err)
		}
	}
	if file := export(t, new(memory.Store)); string(file) != "{\"wallets\":0}\n" {
		t.Errorf("nothing is exported as %s", file)
	}
}

// FuzzImport imports anything, and each with its checksums put right. Nothing
// panics; what is taken can be exported, and is the same once it was imported.
func FuzzImport(f *testing.F) {
	w := newWorld(f)
	w.do(acme, credits.Open{Plan: credits.Plan{ID: "a", Version: 1, Every: credits.Months(1)}})
	w.feed()
	w.clock.Set(day("2026-01-20"))
	w.do(acme, credits.Grant{Amount: 1})
	f.Add(export(f, w.store))
	w.clock.Set(day("2026-02-20"))
	f.Add(prune(f, w, day("2026-01-10")))
	f.Add(export(f, w.store))
	f.Add([]byte("{\"wallets\":0}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, file := range [][]byte{file, resum(file)} {
			to := new(memory.Store)
			_, err := archive.Import(t.Context(), to, bytes.NewReader(file))
			var wrong *archive.LineError
			if err != nil && !errors.As(err, &wrong) && !errors.Is(err, credits.ErrExists) {
				t.Fatal(err)
			}
			verify(t, to)
			travels(t, to)
			for _, err := range archive.Entries(bytes.NewReader(file)) {
				if err != nil && !errors.Is(err, credits.ErrCorrupt) {
					t.Fatal(err)
				}
			}
		}
	})
}
