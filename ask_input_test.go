package credits_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// What makes no sense to ask, by field.
func TestAskInput(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(ruled())
	later := day("2026-01-15 00:10")
	grant := credits.Grant{Amount: 1}
	var none *credits.Grant
	for _, tt := range []struct {
		name  string
		cmd   credits.Command
		field string
		class error
	}{
		{"nothing", credits.Ask{}, "about", nil},
		{"a long about", credits.Ask{About: strings.Repeat("a", 1025)}, "about", credits.ErrLimit},
		{"a long contact", credits.Ask{About: "a", Contact: strings.Repeat("a", 256)}, "contact", credits.ErrLimit},
		{"an end that is now", credits.Ask{About: "a", Until: day("2026-01-15")}, "until", nil},
		{"an end out of time", credits.Ask{About: "a", Until: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "until", nil},
		{"a proof without an end", credits.Ask{Command: grant, Proof: proof("x")}, "until", nil},
		{"a proof of an interest", credits.Ask{About: "a", Proof: proof("x"), Until: later}, "proof", nil},
		{"tries without a proof", credits.Ask{Command: grant, Tries: 1}, "tries", nil},
		{"negative tries", credits.Ask{Command: grant, Proof: proof("x"), Until: later, Tries: -1}, "tries", nil},
		{"101 tries", credits.Ask{Command: grant, Proof: proof("x"), Until: later, Tries: 101}, "tries", nil},
		{"a spend", credits.Ask{Command: credits.Spend{Amount: 1}}, "command", nil},
		{"a reversal", credits.Ask{Command: credits.Reverse{Spend: 1, All: true}}, "command", nil},
		{"an ask", credits.Ask{Command: credits.Ask{About: "a"}}, "command", nil},
		{"an approval", credits.Ask{Command: credits.Approve{Request: 1}}, "command", nil},
		{"a nil pointer", credits.Ask{Command: none}, "command.command", nil},
		{"a command with a note", credits.Ask{Command: credits.Grant{Amount: 1, Note: why}}, "command.note", nil},
		{"a malformed command", credits.Ask{Command: credits.Grant{Amount: -1}}, "command.amount", nil},
		{"a command that can never succeed", credits.Ask{Command: credits.Subscribe{Plan: ruled()}}, "command.plan", credits.ErrExists},
		{"a command of over 32 KiB", credits.Ask{Command: credits.Grant{Amount: 1, Scope: strings.Repeat("s", 33000)}}, "command", credits.ErrLimit},
		{"a long note", credits.Ask{About: "a", Note: credits.Note{Reason: strings.Repeat("a", 1025)}}, "note.reason", credits.ErrLimit},
		{"an approval of nothing", credits.Approve{}, "request", nil},
		{"a proof and a command", credits.Approve{Request: 1, Proof: proof("x"), Command: grant}, "command", nil},
		{"an approval with a spend", credits.Approve{Request: 1, Command: credits.Spend{Amount: 1}}, "command", nil},
		{"a dismissal of nothing", credits.Dismiss{Note: why}, "request", nil},
	} {
		t.Run("GN-06/"+tt.name, func(t *testing.T) { r.in(t).invalid(tt.cmd, tt.field, tt.class) })
	}
	plain := r.do(credits.Ask{About: "a"}).ID
	coded := r.do(credits.Ask{Command: grant, Proof: proof("x"), Until: later, Tries: 100}).ID
	r.invalid(credits.Approve{Request: plain, Proof: proof("x")}, "proof", nil)
	r.invalid(credits.Approve{Request: coded}, "proof", nil)
	if q := r.requests()[1]; q.Wrong != 0 {
		t.Errorf("what makes no sense was counted: %+v", q)
	}
}

// Limits at n and n+1.
func TestRequestLimits(t *testing.T) {
	t.Run("100 open requests", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(ruled())
		for i := range 100 {
			if _, err := r.ledger.Do(r.ctx, acme, r.key(), credits.Ask{About: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		r.invalid(credits.Ask{About: "one more"}, "wallet", credits.ErrLimit)
		r.do(credits.Ask{About: "7"})
		r.do(credits.Dismiss{Request: r.requests()[0].ID, Note: why})
		r.do(credits.Ask{About: "one more"})
	})
	t.Run("512 KiB of them", func(t *testing.T) {
		r := newRig(t, "2026-01-15")
		r.open(ruled())
		size := 0
		for i := 0; ; i++ {
			features := map[string]credits.Rate{}
			for j := range 300 {
				features[fmt.Sprintf("%d-%d-%s", i, j, strings.Repeat("f", 50))] = credits.Rate{Credits: 1}
			}
			p := monthly("1", func(p *credits.Plan) { p.ID, p.Features = fmt.Sprint("p", i), features })
			form, err := credits.AppendCommand(nil, credits.Subscribe{Plan: p})
			if err != nil {
				t.Fatal(err)
			}
			ask := credits.Ask{Command: credits.Subscribe{Plan: p}}
			if size += len(form); size > 512<<10 {
				r.invalid(ask, "wallet", credits.ErrLimit)
				if i < 10 {
					t.Errorf("a request has %d bytes: the test is of no use", len(form))
				}
				return
			}
			if _, err := r.ledger.Do(r.ctx, acme, r.key(), ask); err != nil {
				t.Fatalf("request %d, %d bytes in all: %v", i, size, err)
			}
		}
	})
	for _, tries := range []int{1, 2, 100} {
		t.Run(fmt.Sprintf("CF-05/%d tries", tries), func(t *testing.T) {
			r := newRig(t, "2026-01-15")
			r.open(ruled())
			id := r.do(credits.Ask{Command: credits.Grant{Amount: 1}, Proof: proof("x"), Until: day("2026-01-16"), Tries: tries}).ID
			for range tries {
				r.counted(credits.Approve{Request: id, Proof: proof("y")}, credits.CodeWrong)
			}
			r.counted(credits.Approve{Request: id, Proof: proof("x")}, credits.CodeStale)
		})
	}
}

// Requests as JSON, with the commands that they carry.
func TestRequestCommandsAsJSON(t *testing.T) {
	plan := planOf(t, "marketplace", "plus", "")
	for name, cmd := range map[string]credits.Command{
		"an interest": credits.Ask{About: "plus", Contact: "c", Note: credits.Note{Ref: "r"}},
		"a code": credits.Ask{
			Command: credits.Subscribe{Plan: plan}, Until: day("2026-01-15"), Proof: proof("x"), Tries: 7, About: "a",
		},
		"an approval":      credits.Approve{Request: 7, Proof: proof("y")},
		"a named command":  credits.Approve{Request: 7, Command: credits.Sell{Amount: 5, Price: cash("1.00 USD")}, Note: why},
		"a dismissal":      credits.Dismiss{Request: 7, Note: why},
		"nothing that can": credits.Ask{},
	} {
		form, err := credits.AppendCommand(nil, cmd)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := credits.ParseCommand(form)
		if err != nil {
			t.Errorf("%s: %s: %v", name, form, err)
		} else if diff := cmp.Diff(cmd, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", name, form, diff)
		}
	}
	for _, tt := range []struct{ name, text, field string }{
		{"an unknown field", `{"ask":{"abuot":"x"}}`, "ask"},
		{"an unknown field of what is carried", `{"ask":{"command":{"grant":{"amuont":"1"}}}}`, "ask.command"},
		{"an unknown verb", `{"ask":{"command":{"give":{}}}}`, "ask.command"},
		{"two verbs", `{"approve":{"request":1,"command":{"grant":{},"sell":{}}}}`, "approve.command"},
		{"an ask in an ask", `{"ask":{"command":{"ask":{"command":{"ask":{}}}}}}`, "ask.command"},
		{"a short proof", `{"ask":{"proof":"00"}}`, "ask.proof"},
		{"a proof that is none", `{"approve":{"proof":"` + strings.Repeat("zz", 32) + `"}}`, "approve.proof"},
	} {
		_, err := credits.ParseCommand([]byte(tt.text))
		var fault *credits.InvalidError
		if !errors.As(err, &fault) || !strings.HasPrefix(fault.Field, tt.field) {
			t.Errorf("%s: got %v, want a path that begins with %s", tt.name, err, tt.field)
		}
	}
}

// I-1: what is asked, approved and dismissed is bound to its key, field by field.
func TestRequestKeys(t *testing.T) {
	later := day("2026-01-15 00:10")
	grant := credits.Grant{Amount: 1}
	full := credits.Ask{Command: grant, About: "a", Contact: "c", Until: later, Proof: proof("x"), Tries: 3, Note: why}
	change := func(f func(*credits.Ask)) credits.Ask {
		c := full
		f(&c)
		return c
	}
	for field, other := range map[string]credits.Command{
		"command":     change(func(c *credits.Ask) { c.Command = credits.Grant{Amount: 2} }),
		"about":       change(func(c *credits.Ask) { c.About = "b" }),
		"contact":     change(func(c *credits.Ask) { c.Contact = "d" }),
		"until":       change(func(c *credits.Ask) { c.Until = later.Add(1000) }),
		"proof":       change(func(c *credits.Ask) { c.Proof = proof("y") }),
		"tries":       change(func(c *credits.Ask) { c.Tries = 4 }),
		"note.reason": change(func(c *credits.Ask) { c.Note.Reason = "other" }),
	} {
		r := newRig(t, "2026-01-15")
		r.open(ruled())
		if _, err := r.ledger.Do(r.ctx, acme, "k", full); err != nil {
			t.Fatal(err)
		}
		_, err := r.ledger.Do(r.ctx, acme, "k", other)
		checkInvalid(t, err, field, credits.ErrKeyReused)
	}
	r := newRig(t, "2026-01-15")
	r.open(ruled())
	id := r.do(credits.Ask{Command: grant}).ID
	if _, err := r.ledger.Do(r.ctx, acme, "k", credits.Approve{Request: id, Command: grant, Note: why}); err != nil {
		t.Fatal(err)
	}
	for field, other := range map[string]credits.Command{
		"command": credits.Approve{Request: id, Command: credits.Grant{Amount: 2}, Note: why},
		"request": credits.Approve{Request: id + 1, Command: grant, Note: why},
	} {
		_, err := r.ledger.Do(r.ctx, acme, "k", other)
		checkInvalid(t, err, field, credits.ErrKeyReused)
	}
}

// Entries about requests that do not follow from the wallet are not applied, and what a host does with
// entries that it was given changes no wallet.
func TestRequestEntriesFollow(t *testing.T) {
	r := newRig(t, "2026-01-15")
	r.open(ruled())
	id := r.do(credits.Ask{Command: credits.Grant{Amount: 1}, Proof: proof("x"), Until: day("2026-01-16")}).ID
	r.counted(credits.Approve{Request: id, Proof: proof("y")}, credits.CodeWrong)
	w := r.wallet()
	next := func(kind credits.Kind, of credits.ID, q *credits.Request) credits.Entry {
		return credits.Entry{Wallet: acme, Seq: w.Seq() + 1, At: w.At(), Kind: kind, Of: of, Request: q, Balance: n("100")}
	}
	asked, closed := credits.Asked, credits.Approved
	for name, e := range map[string]credits.Entry{
		"no request":                        next(credits.KindAsked, 0, nil),
		"a request without a state":         next(credits.KindAsked, 0, &credits.Request{ID: w.Seq() + 1}),
		"of another number":                 next(credits.KindAsked, 0, &credits.Request{ID: w.Seq() + 2, State: asked}),
		"asked, and answered":               next(credits.KindAsked, 0, &credits.Request{ID: w.Seq() + 1, State: closed}),
		"asked, and mistaken":               next(credits.KindAsked, 0, &credits.Request{ID: w.Seq() + 1, State: asked, Wrong: 1}),
		"asked again, and not counted":      next(credits.KindAsked, id, &credits.Request{ID: id, State: asked, Tries: 5}),
		"mistaken, and not counted":         next(credits.KindMistaken, id, &credits.Request{ID: id, State: asked, Wrong: 1, Tries: 5}),
		"mistaken, and counted twice":       next(credits.KindMistaken, id, &credits.Request{ID: id, State: asked, Wrong: 3, Tries: 5}),
		"mistaken about what was not asked": next(credits.KindMistaken, 2, &credits.Request{ID: 2, State: asked, Wrong: 1, Tries: 5}),
		"mistaken about another":            next(credits.KindMistaken, 2, &credits.Request{ID: id, State: asked, Wrong: 2, Tries: 5}),
		"answered, and open":                next(credits.KindAnswered, id, &credits.Request{ID: id, State: asked, Wrong: 1}),
		"answered about another":            next(credits.KindAnswered, 2, &credits.Request{ID: id, State: closed, Wrong: 1}),
		"answered what was not asked":       next(credits.KindAnswered, 2, &credits.Request{ID: 2, State: closed}),
		"an unknown state":                  next(credits.KindAnswered, id, &credits.Request{ID: id, State: 99}),
	} {
		if _, err := w.Apply(e); !errors.Is(err, credits.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	good := next(credits.KindAsked, 0, &credits.Request{ID: w.Seq() + 1, State: asked, About: "mine", Command: []byte("mine")})
	w, err := w.Apply(good)
	if err != nil {
		t.Fatal(err)
	}
	good.Request.About = "theirs"
	copy(good.Request.Command, "them")
	for q := range w.Requests() {
		if q.ID == good.Seq && (q.About != "mine" || string(q.Command) != "mine") {
			t.Errorf("an entry that was applied changed the wallet later: %+v", q)
		}
	}
}
