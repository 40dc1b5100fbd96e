package creditstest_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/creditstest"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// recorder is a test that keeps what it is told instead of failing.
type recorder struct {
	testing.TB // nil: what is not overridden here is not called
	said       []string
	stopped    bool
	cleanups   []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	// A diff of go-cmp has spaces of either kind, at random.
	r.said = append(r.said, strings.ReplaceAll(fmt.Sprintf(format, args...), "\u00a0", " "))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.stopped = true
	runtime.Goexit()
}

// record runs a test to its end and returns what it said.
func record(test func(*creditstest.World)) *recorder {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(creditstest.New(r))
	}()
	<-done
	for _, f := range r.cleanups {
		f()
	}
	return r
}

var start = time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC)

// plan gives 100 credits a month, and 50 more can be bought with half a gigabyte.
func plan() credits.Plan {
	return credits.Plan{
		ID: "pro", Version: 1, Price: credits.Money{Micros: 9_000_000, Currency: "USD"}, Every: credits.Months(1),
		Allowances: []credits.Allowance{{Amount: 100 * credits.Credit}},
		Features:   map[string]credits.Rate{"image": {Credits: 2 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 50 * credits.Credit, Brings: []credits.Bring{{Unit: "GB", Amount: credits.Credit / 2}}}},
	}
}

// open opens a wallet under the plan and makes two images.
func open(w *creditstest.World) {
	w.Must("acme", credits.Open{Plan: plan()}, credits.Spend{Feature: "image", Quantity: 2})
}

func TestGoodTestsSayNothing(t *testing.T) {
	r := record(func(w *creditstest.World) {
		open(w)
		w.Want("acme", 96*credits.Credit)
		refused := w.Refused("acme", credits.Spend{Feature: "image", Quantity: 49}, credits.Insufficient)
		if want := 98 * credits.Credit; refused.Need != want {
			t.Errorf("need %v, want %v", refused.Need, want)
		}
		if r := w.Must("acme", credits.Grant{Amount: credits.Credit}); r.ID != 4 {
			t.Errorf("the last receipt has ID %d, want 4", r.ID)
		}
		w.WantBalance("acme", "", credits.Balance{Unit: "GB"})
		w.Must("bob", credits.Open{Plan: plan()}, credits.Grant{Unit: "GB", Amount: 2 * credits.Credit, Scope: "ann"})
		w.WantBalance("bob", "", credits.Balance{Unit: "GB"})
		w.WantBalance("bob", "ann", credits.Balance{
			Unit: "GB", Available: 2 * credits.Credit, By: map[credits.Source]credits.Amount{credits.FromGrant: 2 * credits.Credit},
		})
		w.WantLast("acme")
		w.Later("1 month")
		w.WantLast("acme",
			"2026-01-31 12:00 granted: +1, leaves 97",
			"2026-02-28 12:00 expired: -96, leaves 1",
			"2026-02-28 12:00 renewed, 9.00 USD",
			"2026-02-28 12:00 granted (allowance): +100, leaves 101")
		w.Ledger = w.As(credits.Actor{ID: "ann"})
		if r := w.Must("acme", credits.Spend{Amount: credits.Credit}); r.Entries[0].Actor.ID != "ann" {
			t.Errorf("the actor is %q, want ann", r.Entries[0].Actor.ID)
		}
	})
	if len(r.said) > 0 {
		t.Errorf("it said %q", r.said)
	}
}

// A failure is there to be read: this is all that each says.
func TestFailures(t *testing.T) {
	const opened = `    It is 2026-01-31 12:00. The last entries of "acme":
    #1   2026-01-31 12:00 opened, 9.00 USD
    #2   2026-01-31 12:00 granted (allowance): +100, leaves 100
    #3   2026-01-31 12:00 spent 2 image: -4, leaves 96`
	tests := []struct {
		name  string
		test  func(*creditstest.World)
		stops bool
		said  string
	}{
		{
			name: "want other credits",
			test: func(w *creditstest.World) { w.Want("acme", 90*credits.Credit) },
			said: `"acme": 96 available, want 90` + "\n" + opened,
		},
		{
			name: "want credits of a wallet that is not open",
			test: func(w *creditstest.World) { w.Want("bob", 0) },
			said: `"bob": credits: wallet: "bob" is not open, want 0 available`,
		},
		{
			name: "want another balance",
			test: func(w *creditstest.World) {
				w.WantBalance("acme", "", credits.Balance{Unit: "GB", Available: credits.Credit})
			},
			said: `"acme": balance (-want +got):
  credits.Balance{
  	Unit:      "GB",
- 	Available: s"1",
+ 	Available: s"0",
  	Held:      s"0",
  	Debt:      s"0",
  	... // 7 identical fields
  }

` + opened,
		},
		{
			name: "want a balance of a wallet that is not open",
			test: func(w *creditstest.World) { w.WantBalance("bob", "", credits.Balance{}) },
			said: `"bob": credits: wallet: "bob" is not open, want a balance`,
		},
		{
			name: "want other last entries",
			test: func(w *creditstest.World) {
				w.WantLast("acme", "2026-01-31 12:00 granted (allowance): +100, leaves 100", "2026-01-31 12:00 spent 1 image: -2, leaves 98")
			},
			said: `"acme": last entries (-want +got):
  []creditstest.line{
  	"2026-01-31 12:00 granted (allowance): +100, leaves 100",
- 	"2026-01-31 12:00 spent 1 image: -2, leaves 98",
+ 	"2026-01-31 12:00 spent 2 image: -4, leaves 96",
  }
`,
		},
		{
			name: "want more entries than there are",
			test: func(w *creditstest.World) { w.WantLast("bob", "2026-01-31 12:00 opened") },
			said: `"bob": last entries (-want +got):
  []creditstest.line(
- 	{"2026-01-31 12:00 opened"},
+ 	nil,
  )
`,
		},
		{
			name: "must, and it is refused", stops: true,
			test: func(w *creditstest.World) { w.Must("acme", credits.Spend{Feature: "image", Quantity: 49}) },
			said: `{"spend":{"feature":"image","quantity":49}}: credits: wallet "acme": insufficient credits: need 98, have 96` + "\n" + opened,
		},
		{
			name: "must, and the wallet is not open", stops: true,
			test: func(w *creditstest.World) { w.Must("bob", credits.Spend{Amount: credits.Credit}) },
			said: `{"spend":{"amount":"1"}}: credits: wallet: "bob" is not open` + "\n    It is 2026-01-31 12:00. \"bob\" is not open.",
		},
		{
			name: "refused, and it is done", stops: true,
			test: func(w *creditstest.World) {
				w.Clock.Set(start.Add(90 * time.Second))
				w.Refused("acme", credits.Spend{Feature: "image", Quantity: 48}, credits.Insufficient)
			},
			said: `{"spend":{"feature":"image","quantity":48}}: was done and left 0, want it refused: insufficient credits` + "\n" +
				strings.Replace(opened, "It is 2026-01-31 12:00", "It is 2026-01-31 12:01:30", 1) +
				"\n    #4   2026-01-31 12:01:30 spent 48 image: -96, leaves 0",
		},
		{
			name: "refused for another reason", stops: true,
			test: func(w *creditstest.World) {
				w.Refused("acme", credits.Spend{Feature: "video", Quantity: 1}, credits.Insufficient)
			},
			said: `{"spend":{"feature":"video","quantity":1}}: credits: wallet "acme": feature not in plan: feature video, want it refused: insufficient credits` + "\n" + opened,
		},
		{
			name: "refused, and it is invalid", stops: true,
			test: func(w *creditstest.World) { w.Refused("acme", credits.Spend{}, credits.Insufficient) },
			said: `{"spend":{}}: credits: amount: is not given, nor is a feature, want it refused: insufficient credits` + "\n" + opened,
		},
		{
			name: "later, no span", stops: true,
			test: func(w *creditstest.World) { w.Later("a month") },
			said: `later "a month": is neither like "3 months" nor like "36h"`,
		},
		{
			name: "later, no length", stops: true,
			test: func(w *creditstest.World) { w.Later("forever") },
			said: `later "forever": is no length of the calendar`,
		},
		{
			name: "later, backwards", stops: true,
			test: func(w *creditstest.World) { w.Later("-1h") },
			said: `until 2026-01-31 11:00: is before now, 2026-01-31 12:00`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			after := false
			r := record(func(w *creditstest.World) {
				open(w)
				test.test(w)
				after = true
			})
			if diff := cmp.Diff([]string{test.said}, r.said); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if r.stopped != test.stops || after == test.stops {
				t.Errorf("stopped = %v and went on = %v, want stopped = %v", r.stopped, after, test.stops)
			}
		})
	}
}

func TestFailuresAreShort(t *testing.T) {
	r := record(func(w *creditstest.World) {
		open(w)
		for range 20 {
			w.Must("acme", credits.Spend{Amount: credits.Credit})
		}
		w.Must("acme", credits.Open{Plan: plan()})
	})
	if len(r.said) != 1 {
		t.Fatalf("it said %q", r.said)
	}
	lines := strings.Split(r.said[0], "\n")
	if len(lines) != 12 || !strings.Contains(lines[0], `"version":1`) || !strings.Contains(lines[0], " ...: credits: wallet: ") || len(lines[0]) > 300 {
		t.Errorf("want one short line, the time and 10 entries, got\n%s", r.said[0])
	}
	if want := "    #14  "; !strings.HasPrefix(lines[2], want) {
		t.Errorf("the entries begin with %q, want %q", lines[2], want)
	}
}

func TestEntriesRead(t *testing.T) {
	w := creditstest.New(t)
	p := plan()
	p.Auto = credits.AutoPurchase{Pack: "extra", Size: 50 * credits.Credit, Surcharge: 30 * credits.Percent}
	p.Overdrafts = []credits.Overdraft{{Limit: credits.AtMost(10 * credits.Credit)}}
	w.Must("acme", credits.Open{Plan: p, Zone: "Europe/Berlin"})
	w.WantLast("acme", "2026-01-31 12:00 opened, 9.00 USD", "2026-01-31 12:00 granted (allowance): +100, leaves 100")

	hold := w.Must("acme", credits.Reserve{Feature: "image", Quantity: 3, Scope: "ann", Until: start.Add(time.Hour)})
	w.Later("1s")
	w.Must("acme", credits.Capture{Hold: hold.ID, Quantity: 2})
	w.WantLast("acme", "2026-01-31 12:00 reserved 3 image for ann: -6, leaves 94", "2026-01-31 12:00:01 captured 2 image for ann: +2, leaves 96")

	w.Until(start.Add(time.Minute))
	bought := w.Must("acme", credits.Buy{Pack: "extra", Amount: 50 * credits.Credit})
	w.Must("acme", credits.Refund{Purchase: bought.ID})
	w.WantLast("acme",
		"2026-01-31 12:01 purchased: +50, leaves 146, 4.50 USD",
		"2026-01-31 12:01 purchased: +0.5 GB, leaves 0.5 GB",
		"2026-01-31 12:01 refunded: -50, leaves 96, -4.50 USD",
		"2026-01-31 12:01 refunded: -0.5 GB, leaves 0 GB")

	w.Must("acme", credits.Spend{Amount: 100 * credits.Credit}, credits.Grant{Amount: 3 * credits.Credit},
		credits.Grant{Amount: 5 * credits.Credit, Starts: start.Add(2 * time.Hour)})
	w.WantLast("acme",
		"2026-01-31 12:01 spent: -100, leaves -4",
		"2026-01-31 12:01 granted: +3, leaves -1",
		"2026-01-31 12:01 repaid: +0, leaves -1",
		"2026-01-31 12:01 granted 5 to start 2026-01-31 14:00")

	w.Later("2h")
	w.Must("acme", credits.SetAutoPurchase{On: true})
	w.Must("bob", credits.Open{Plan: p})
	if _, _, err := w.Transfer(t.Context(), "gift", credits.Transfer{From: "acme", To: "bob", Amount: 4 * credits.Credit}); err != nil {
		t.Fatal(err)
	}
	w.WantLast("acme", "2026-01-31 14:01 sent to bob: -4, leaves 0")
	w.WantLast("bob", "2026-01-31 14:01 received from acme: +4, leaves 104")
}

func TestTimeTravel(t *testing.T) {
	tests := []struct {
		name string
		span string
		want time.Time
	}{
		{name: "T-2/a month, clamped", span: "1 month", want: time.Date(2026, time.February, 28, 12, 0, 0, 0, time.UTC)},
		{name: "T-2/three months, clamped", span: "3 months", want: time.Date(2026, time.April, 30, 12, 0, 0, 0, time.UTC)},
		{name: "T-2/a year", span: "1 year", want: time.Date(2027, time.January, 31, 12, 0, 0, 0, time.UTC)},
		{name: "days", span: "29 days", want: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)},
		{name: "a duration", span: "36h0.5s", want: time.Date(2026, time.February, 2, 0, 0, 0, 500_000_000, time.UTC)},
		{name: "no time", span: "0s", want: start},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := creditstest.New(t)
			if got := w.Clock.Now(); !got.Equal(start) {
				t.Fatalf("the world begins on %v, want %v", got, start)
			}
			w.Later(test.span)
			if got := w.Clock.Now(); !got.Equal(test.want) {
				t.Errorf("%s later is %v, want %v", test.span, got, test.want)
			}
		})
	}
}

func TestSameTestSameHistory(t *testing.T) {
	head := func() credits.Head {
		w := creditstest.New(t)
		w.Ledger = w.As(credits.Actor{ID: "ann"}) // whose digest is salted
		open(w)
		wallet, err := w.Wallet(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		return wallet.Head()
	}
	if a, b := head(), head(); a != b {
		t.Errorf("heads %v and %v, want the same", a, b)
	}
}

func TestEveryWalletIsVerified(t *testing.T) {
	r := record(func(w *creditstest.World) {
		w.Ledger = credits.New(forgetful{new(memory.Store)}, &credits.Options{Clock: w.Clock})
		w.Must("acme", credits.Open{Plan: plan()})
		w.Must("bob", credits.Open{Plan: plan()})
		w.Want("bob", 100*credits.Credit)
	})
	if len(r.said) != 2 || !strings.HasPrefix(r.said[0], `verify "acme": `) || !strings.HasPrefix(r.said[1], `verify "bob": `) {
		t.Errorf("it said %q, want that it could verify neither wallet", r.said)
	}
}

// forgetful is a store that has lost all entries.
type forgetful struct{ *memory.Store }

func (forgetful) Entries(context.Context, store.Query) iter.Seq2[store.Entry, error] {
	return func(func(store.Entry, error) bool) {}
}
