package credits_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// The limits of the package documentation, each at n and at n + 1.

// quick carries out a command without the checks of [rig.do].
func (r *rig) quick(c credits.Command) credits.Receipt {
	r.Helper()
	receipt, err := r.ledger.Do(r.ctx, acme, r.key(), c)
	if err != nil {
		r.Fatalf("%+v: %v", c, err)
	}
	return receipt
}

func TestLimitOfLots(t *testing.T) {
	// 10,000 open lots. They come by transfers of 1,000, which is quicker than one by one.
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: monthly("1")})
	for i := range 10 {
		from, lots := credits.WalletID(fmt.Sprint("from-", i)), 1_000
		if i == 9 {
			lots = 999
		}
		for j := range lots + 1 {
			var c credits.Command = credits.Grant{Amount: 2}
			if j == 0 {
				c = credits.Open{Plan: bare()}
			}
			if _, err := r.ledger.Do(r.ctx, from, r.key(), c); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := r.ledger.Transfer(r.ctx, r.key(), credits.Transfer{From: from, To: acme, Amount: credits.Amount(2 * lots)}); err != nil {
			t.Fatal(err)
		}
	}
	r.invalid(credits.Grant{Amount: 2}, "wallet", credits.ErrLimit)
	r.has("1.019998")
	r.quick(credits.Spend{Amount: n("1")}) // the allowance's lot is closed
	r.quick(credits.Grant{Amount: 2})
	r.invalid(credits.Grant{Amount: 2}, "wallet", credits.ErrLimit)
	t.Run("time opens lots nevertheless", func(t *testing.T) {
		r := r.in(t)
		r.at("2026-02-01")
		r.has("1.02")
	})
	t.Run("1,000 lines of an entry", func(t *testing.T) {
		r := r.in(t)
		r.at("2026-01-01")
		r.invalid(credits.Spend{Amount: 2_001}, "amount", credits.ErrLimit)
		r.invalid(credits.Reserve{Amount: 2_001, Until: day("2026-01-02")}, "amount", credits.ErrLimit)
		if s := r.quick(credits.Spend{Amount: 2_000}); len(s.Lines()) != 1_000 {
			t.Errorf("the spend has %d lines, want 1,000", len(s.Lines()))
		}
	})
	if err := r.ledger.Verify(r.ctx, acme); err != nil {
		t.Error(err)
	}
}

// newQuickRig is newRig without the check of every entry, for wallets of many.
func newQuickRig(t *testing.T, at string) *rig {
	t.Helper()
	return newUncheckedRig(t, at, new(memory.Store))
}

func TestLimitOfHolds(t *testing.T) {
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: monthly("10")})
	var first credits.ID
	for i := range 1_000 {
		h := r.quick(credits.Reserve{Amount: 1, Until: day("2026-01-02")})
		if i == 0 {
			first = h.ID
		}
	}
	r.invalid(credits.Reserve{Amount: 1, Until: day("2026-01-02")}, "wallet", credits.ErrLimit)
	r.quick(credits.Release{Hold: first})
	r.quick(credits.Reserve{Amount: 1, Until: day("2026-01-02")})
	r.invalid(credits.Reserve{Amount: 1, Until: day("2026-01-02")}, "wallet", credits.ErrLimit)
	r.at("2026-01-02")
	r.has("10")
	if err := r.ledger.Verify(r.ctx, acme); err != nil {
		t.Error(err)
	}
}

func TestLimitOfPartsOfAHold(t *testing.T) {
	// A hold that can be made can be captured, at any amount: a part may end in two lines.
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: bare()})
	for range 1_000 {
		r.quick(credits.Grant{Amount: 2})
	}
	r.invalid(credits.Reserve{Amount: 1_999, Until: day("2026-01-02")}, "amount", credits.ErrLimit)
	h := r.quick(credits.Reserve{Amount: 1_998, Until: day("2026-01-02")})
	if got := r.quick(credits.Capture{Hold: h.ID, Amount: 1_001}); len(got.Lines()) != 1_000 {
		t.Errorf("the capture has %d lines, want 1,000", len(got.Lines()))
	}
}

func TestLimitOfDebts(t *testing.T) {
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: bare(func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Limit: credits.Unlimited}} })})
	for range 1_000 {
		r.quick(credits.Spend{Amount: 1})
	}
	r.invalid(credits.Spend{Amount: 1}, "wallet", credits.ErrLimit)
	r.quick(credits.Grant{Amount: 1})
	r.quick(credits.Spend{Amount: 1})
	r.quick(credits.Grant{Amount: n("1")})
	r.has("0.999")
}

func TestLimitOfUnits(t *testing.T) {
	unit := func(i int) credits.Unit { return credits.Unit(fmt.Sprint("unit ", i)) }
	r := newRig(t, "2026-01-01")
	r.open(bare(func(p *credits.Plan) { p.Overdrafts = []credits.Overdraft{{Unit: unit(64), Limit: credits.Unlimited}} }))
	for i := range 64 {
		r.quick(credits.Grant{Unit: unit(i), Amount: 1})
	}
	r.invalid(credits.Grant{Unit: unit(64), Amount: 1}, "unit", credits.ErrLimit)
	r.invalid(credits.Spend{Unit: unit(64), Amount: 1}, "unit", credits.ErrLimit)
	r.refused(credits.Spend{Unit: unit(65), Amount: 1}, credits.Insufficient)
	r.do(credits.Grant{Unit: unit(63), Amount: 1})
}

func TestLimitOfCyclesOfACommit(t *testing.T) {
	daily := monthly("1", func(p *credits.Plan) { p.Every = credits.Days(1) })
	for _, tt := range []struct {
		cycles  int
		commits int
	}{{1_200, 1}, {1_201, 2}, {2_400, 2}, {2_401, 3}} {
		t.Run(fmt.Sprintf("T-7/%d", tt.cycles), func(t *testing.T) {
			r := newQuickRig(t, "2026-01-01")
			r.quick(credits.Open{Plan: daily})
			r.clock.Set(day("2026-01-01").AddDate(0, 0, tt.cycles))
			r.has("1")
			commits := 0
			counting := r.over(spy{Store: r.store, commit: func() { commits++ }})
			if _, err := counting.Do(r.ctx, acme, "spend", credits.Spend{Amount: 1}); err != nil {
				t.Fatal(err)
			}
			if commits != tt.commits {
				t.Errorf("%d commits, want %d", commits, tt.commits)
			}
			ticked := newQuickRig(t, "2026-01-01")
			ticked.quick(credits.Open{Plan: daily})
			for i := 1; i < tt.cycles; i += 1 + i/10 {
				ticked.clock.Set(day("2026-01-01").AddDate(0, 0, i))
				ticked.tick()
			}
			ticked.clock.Set(r.clock.Now())
			if _, err := ticked.ledger.Do(r.ctx, acme, "spend", credits.Spend{Amount: 1}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ticked.dump(""), r.dump("")); diff != "" {
				t.Errorf("T-7: the stores differ (-timely +missed):\n%s", diff)
			}
		})
	}
	t.Run("T-7/previews see what earlier commits would write", func(t *testing.T) {
		r := newRig(t, "2026-01-01")
		r.open(daily)
		h := r.do(credits.Reserve{Amount: 1, Until: day("2026-01-01 12:00")})
		r.clock.Set(day("2026-01-01").AddDate(0, 0, 1_201))
		_, preview := r.ledger.Preview(r.ctx, acme, "k", credits.Release{Hold: h.ID})
		_, err := r.ledger.Do(r.ctx, acme, "k", credits.Release{Hold: h.ID})
		if !errors.Is(preview, credits.Ended) || !errors.Is(err, credits.Ended) || preview.Error() != err.Error() {
			t.Errorf("the preview said %v, and do says %v", preview, err)
		}
	})
}

func TestLimitOfState(t *testing.T) {
	// 4 MiB: lots with long names, until no more go in.
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: bare()})
	var features []string
	for i := range 32 {
		features = append(features, fmt.Sprintf("%02d", i)+strings.Repeat("f", 253))
	}
	big := credits.Grant{Amount: 1, Features: features}
	lots := 0
	for ; ; lots++ {
		if _, err := r.ledger.Do(r.ctx, acme, credits.Key(fmt.Sprint("big-", lots)), big); err != nil {
			checkInvalid(t, err, "wallet", credits.ErrLimit)
			break
		}
	}
	size := 0
	for name, body := range r.dump("") {
		if strings.Contains(name, "/part ") {
			size += len(body)
		}
	}
	if one := 32 * 257; size > 4<<20 || size < 4<<20-2*one {
		t.Errorf("the state has %d bytes with %d lots, want nearly 4 MiB", size, lots)
	}
	r.invalid(big, "wallet", credits.ErrLimit) // also previewed
	r.quick(credits.Revoke{All: true})
	if err := r.ledger.Verify(r.ctx, acme); err != nil {
		t.Error(err)
	}
}

func TestLimitsOfNames(t *testing.T) {
	long := strings.Repeat("ä", 127) + "x" // 255 bytes
	r := newRig(t, "2026-01-01")
	names := []struct {
		name  string
		text  string
		valid bool
		class error
	}{
		{"1 byte", "k", true, nil},
		{"255 bytes", long, true, nil},
		{"256 bytes", long + "x", false, credits.ErrLimit},
		{"empty", "", false, nil},
		{"not UTF-8", "a\xff", false, nil},
		{"half a character", long[:1], false, nil},
		{"a NUL", "a\x00", false, nil},
		{"spaces and signs", " \t\n'\"%_\\;--", true, nil},
	}
	for _, tt := range names {
		t.Run("wallet/"+tt.name, func(t *testing.T) {
			_, err := r.ledger.Do(r.ctx, credits.WalletID(tt.text), "open", credits.Open{Plan: bare()})
			expectName(t, err, "wallet", tt.valid, tt.class)
			if !tt.valid {
				_, err = r.ledger.Wallet(r.ctx, credits.WalletID(tt.text))
				checkInvalid(t, err, "wallet", tt.class)
			}
		})
	}
	r.open(monthly("100"))
	for _, tt := range names {
		t.Run("key/"+tt.name, func(t *testing.T) {
			_, err := r.ledger.Do(r.ctx, acme, credits.Key(tt.text), credits.Grant{Amount: 1})
			expectName(t, err, "key", tt.valid, tt.class)
		})
		if tt.text == "" {
			continue // it is allowed: none is given
		}
		fields := map[string]func(text string) credits.Command{
			"note.ref": func(s string) credits.Command { return credits.Grant{Amount: 1, Note: credits.Note{Ref: s}} },
			"scope":    func(s string) credits.Command { return credits.Grant{Amount: 1, Scope: s} },
			"features": func(s string) credits.Command { return credits.Grant{Amount: 1, Features: []string{s}} },
			"feature":  func(s string) credits.Command { return credits.Spend{Feature: s, Amount: 1} },
		}
		for field, command := range fields {
			t.Run(field+"/"+tt.name, func(t *testing.T) {
				_, err := r.ledger.Do(r.ctx, acme, r.key(), command(tt.text))
				if errors.Is(err, credits.NotInPlan) {
					err = nil // a feature's name that is no fault
				}
				expectName(t, err, field, tt.valid, tt.class)
			})
		}
		t.Run("actor.id/"+tt.name, func(t *testing.T) {
			_, err := r.ledger.As(credits.Actor{ID: tt.text}).Do(r.ctx, acme, r.key(), credits.Grant{Amount: 1})
			expectName(t, err, "actor.id", tt.valid, tt.class)
		})
	}
	t.Run("key/the library's own", func(t *testing.T) {
		for _, key := range []credits.Key{"credits/x", "credits/preview"} {
			_, err := r.ledger.Do(r.ctx, acme, key, credits.Grant{Amount: 1})
			expectName(t, err, "key", false, nil)
		}
		if _, err := r.ledger.Do(r.ctx, acme, "credits", credits.Grant{Amount: 1}); err != nil {
			t.Error(err)
		}
	})
}

func expectName(t *testing.T, err error, field string, valid bool, class error) {
	t.Helper()
	switch {
	case valid && err != nil:
		t.Errorf("got %v, want no error", err)
	case !valid:
		checkInvalid(t, err, field, class)
	}
}

func TestLimitsOfNotes(t *testing.T) {
	labels := func(count, name, value int) map[string]string {
		m := map[string]string{}
		for i := range count {
			m[fmt.Sprintf("%02d", i)+strings.Repeat("n", name-2)] = strings.Repeat("v", value)
		}
		return m
	}
	r := newRig(t, "2026-01-01")
	r.open(monthly("100"))
	tests := []struct {
		name  string
		note  credits.Note
		field string // empty if it is valid
		class error
	}{
		{"16 labels of 64 + 256 bytes", credits.Note{Labels: labels(16, 64, 256)}, "", nil},
		{"17 labels", credits.Note{Labels: labels(17, 2, 0)}, "note.labels", credits.ErrLimit},
		{"a name of 65 bytes", credits.Note{Labels: labels(1, 65, 1)}, "note.labels", credits.ErrLimit},
		{"a value of 257 bytes", credits.Note{Labels: labels(1, 2, 257)}, "note.labels.00", credits.ErrLimit},
		{"no name", credits.Note{Labels: map[string]string{"": "x"}}, "note.labels", nil},
		{"a name not of UTF-8", credits.Note{Labels: map[string]string{"\xff": "x"}}, "note.labels", nil},
		{"a value not of UTF-8", credits.Note{Labels: map[string]string{"x": "\xff"}}, "note.labels.x", nil},
		{"a reason of 1,024 bytes", credits.Note{Reason: strings.Repeat("r", 1024)}, "", nil},
		{"a reason of 1,025 bytes", credits.Note{Reason: strings.Repeat("r", 1025)}, "note.reason", credits.ErrLimit},
		{"a reason not of UTF-8", credits.Note{Reason: "\xff"}, "note.reason", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := r.in(t)
			for _, c := range noted(tt.note) {
				if tt.field != "" {
					r.invalid(c, tt.field, tt.class)
				}
			}
			if tt.field == "" {
				receipt := r.do(credits.Spend{Amount: 1, Note: tt.note})
				if diff := cmp.Diff(tt.note, receipt.Entries[0].Note); diff != "" {
					t.Errorf("the note (-given +kept):\n%s", diff)
				}
			}
		})
	}
	t.Run("a role of 64 bytes and one more", func(t *testing.T) {
		as := r.ledger.As(credits.Actor{Role: strings.Repeat("r", 64)})
		if _, err := as.Do(r.ctx, acme, "role", credits.Grant{Amount: 1}); err != nil {
			t.Error(err)
		}
		_, err := r.ledger.As(credits.Actor{Role: strings.Repeat("r", 65)}).Do(r.ctx, acme, "role 2", credits.Grant{Amount: 1})
		checkInvalid(t, err, "actor.role", credits.ErrLimit)
	})
}

// noted returns a command of each verb with a note, but for Reverse, which has the
// labels of its spend. Without the note some of
// them would be refused: what is malformed comes first (S-4).
func noted(n credits.Note) []credits.Command {
	return []credits.Command{
		credits.Spend{Amount: 1, Note: n},
		credits.Spend{Amount: credits.AmountMax, Note: n},
		credits.Reserve{Amount: 1, Until: day("2026-01-02"), Note: n},
		credits.Capture{Hold: 99, All: true, Note: n},
		credits.Release{Hold: 99, Note: n},
		credits.Grant{Amount: 1, Note: n},
		credits.Revoke{All: true, Note: n},
		credits.CarryOver{Amount: 1, Note: n},
		credits.Buy{Pack: "none", Amount: 1, Note: n},
		credits.Refund{Purchase: 99, Note: n},
		credits.SetAutoPurchase{On: true, Note: n},
		credits.SetZone{Zone: "UTC", Note: n},
		credits.Erase{Entries: []credits.ID{1}, Note: n},
	}
}

func TestLimitOfPages(t *testing.T) {
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: monthly("100")})
	for range 1_002 {
		r.quick(credits.Spend{Amount: 1})
	}
	for _, q := range []credits.HistoryQuery{{Limit: 1_001}, {Limit: -1}} {
		for _, err := range r.ledger.History(r.ctx, acme, q) {
			checkInvalid(t, err, "limit", credits.ErrLimit)
		}
	}
	if got := len(r.history(acme, credits.HistoryQuery{Limit: 1_000})); got != 1_000 {
		t.Errorf("a page has %d entries, want 1,000", got)
	}
	for _, newest := range []bool{false, true} {
		if got := len(r.history(acme, credits.HistoryQuery{Newest: newest})); got != 1_004 {
			t.Errorf("all pages have %d entries, want 1,004", got)
		}
	}
	if got := len(r.history(acme, credits.HistoryQuery{Feature: "run"})); got != 0 {
		t.Errorf("%d entries are of the feature, want none", got)
	}
}

func TestLimitOfErase(t *testing.T) {
	r := newQuickRig(t, "2026-01-01")
	r.quick(credits.Open{Plan: bare()})
	ids := make([]credits.ID, 1_001)
	for i := range ids {
		ids[i] = 1
	}
	r.invalid(credits.Erase{Entries: ids}, "entries", credits.ErrLimit)
	r.invalid(credits.Erase{}, "entries", credits.ErrLimit)
	r.invalid(credits.Erase{Entries: []credits.ID{0}}, "entries", credits.ErrNotFound)
	r.invalid(credits.Erase{Entries: []credits.ID{2}}, "entries", credits.ErrNotFound)
	r.do(credits.Erase{Entries: ids[1:]})
}
