package archive_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/archive"
	"example.com/credits/store/memory"
)

// bare is a plan that grants nothing at first.
func bare() credits.Plan {
	p := plan()
	p.ID, p.Anchor, p.First = "bare", credits.FirstOfMonth, credits.FirstNothing
	return p
}

// TestOpen brings in lots with all that a lot can have, and those that are wrong are refused alone.
func TestOpen(t *testing.T) {
	w := newWorld(t)
	w.clock.Set(day("2026-01-10"))
	w.do("bob", credits.Open{Plan: plan()})
	file := `{"wallet":"acme","key":"crm-1","plan":"bare","zone":"Europe/Berlin","grant":{"amount":"12.5","expires":"2027-01-01T00:00:00Z","paid":"9.00 USD"}}
{"wallet":"acme","key":"crm-2","plan":"bare","grant":{"unit":"GB","amount":"3","starts":"2026-02-01T00:00:00Z","priority":7,"scope":"ann","features":["video","image"],"note":{"ref":"r-1"}}}

{"wallet":"acme","key":"crm-1","plan":"bare","grant":{"amount":"12.5","expires":"2027-01-01T00:00:00Z","paid":"9.00 USD"}}
{"wallet":"acme","key":"crm-1","plan":"bare","grant":{"amount":"13"}}
{"wallet":"acme","key":"crm-3","plan":"bare","grant":{"amount":"-1"}}
{"wallet":"acme","key":"crm-4","plan":"bare","grant":{"amount":1,"priority":"high"}}
{"wallet":"acme","key":"crm-5","plan":"bare","grant":{"amount":"1","expires":"soon"}}
{"wallet":"acme","key":"crm-6","plan":"bare","grant":{"amount":"1","expires":"2025-01-01T00:00:00Z"}}
{"wallet":"acme","key":"crm-7","plan":"bare","grant":{"amount":"1","colour":"red"}}
{"wallet":"acme","key":"crm-8","plan":"bare","colour":"red"}
{"wallet":"acme","key":"","plan":"bare","grant":{"amount":"1"}}
{"wallet":"","key":"crm-9","plan":"bare","grant":{"amount":"1"}}
{"wallet":"cy","key":"crm-10","plan":"gold","grant":{"amount":"1"}}
{"wallet":"cy","key":7}
{"wallet":"dan","key":"crm-11","plan":"bare"}
{"wallet":"bob","key":"crm-12","grant":{"amount":"1"}}
{"wallet":"bob","key":"crm-13","grant":{"amount":"1"}} {}
nonsense
` + strings.Repeat(" ", 1<<20) + `{}
{"wallet":"bob","key":"crm-14","grant":{"amount":"1"}}`
	got, err := archive.Open(t.Context(), w.ledger, []credits.Plan{bare()}, archive.ParseOpenings(iotest.OneByteReader(strings.NewReader(file))))
	if err != nil {
		t.Fatal(err)
	}
	if got.Lots != 4 || got.Before != 1 || got.Bad != 14 || len(got.Refused) != got.Bad {
		t.Errorf("I-1: %d lots, %d before, %d refused", got.Lots, got.Before, got.Bad)
	}
	want := map[int]string{ // line 5 has a key that was used for another
		5: "grant.amount", 6: "grant.amount", 7: "grant.priority", 8: "grant.expires", 9: "grant.expires",
		10: "grant", 11: "colour", 12: "key", 13: "wallet", 14: "plan", 15: "key", 18: "", 19: "", 20: "",
	}
	fields := map[int]string{}
	for _, r := range got.Refused {
		var e *credits.InvalidError
		errors.As(r, &e)
		fields[r.Line] = e.Field
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("the lines and fields that are wrong (-want +got):\n%s", diff)
	}
	lots := slices.SortedFunc(must(w.ledger.BalanceAt(t.Context(), acme, day("2026-02-02"))).Lots(), func(a, b credits.Lot) int { return int(a.ID) - int(b.ID) })
	lots = slices.DeleteFunc(lots, func(l credits.Lot) bool { return l.Source == credits.FromAllowance })
	usd := credits.Money{Micros: 9_000_000, Currency: "USD"}
	if diff := cmp.Diff([]credits.Terms{
		{ID: 2, Source: credits.FromGrant, Amount: 12_500_000, Starts: day("2026-01-10"), Expires: day("2027-01-01"), Priority: 100, Paid: usd},
		{ID: 3, Unit: "GB", Source: credits.FromGrant, Amount: 3 * credits.Credit, Starts: day("2026-02-01"), Priority: 7, Scope: "ann", Features: []string{"image", "video"}},
	}, []credits.Terms{lots[0].Terms, lots[1].Terms}); diff != "" {
		t.Errorf("S-5, A-4: the lots (-want +got):\n%s", diff)
	}
	if zone := must(w.ledger.Wallet(t.Context(), acme)).Zone().String(); zone != "Europe/Berlin" {
		t.Errorf("T-3: the zone is %s", zone)
	}
	verify(t, w.store)
}

// many yields so many openings of acme.
func many(n int) iter.Seq2[archive.Opening, error] {
	return func(yield func(archive.Opening, error) bool) {
		for i := range n {
			o := archive.Opening{Wallet: acme, Key: credits.Key(fmt.Sprint(i)), Plan: "bare", Grant: &credits.Grant{Amount: credits.Credit}}
			if i == 1 {
				o.Grant = &credits.Grant{}
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// TestOpenFaults fails at each call of the store in turn, before or after its
// effect, and opens again: then all is as without the fault.
func TestOpenFaults(t *testing.T) {
	w := newWorld(t)
	plans := []credits.Plan{bare()}
	on := func(f *faulty) *credits.Ledger {
		return credits.New(f, &credits.Options{Clock: w.clock, Salt: [32]byte{1}})
	}
	counted := &faulty{Store: new(memory.Store)}
	if got, err := archive.Open(t.Context(), on(counted), plans, many(5)); got.Lots != 4 || got.Bad != 1 || err != nil {
		t.Fatal(got, err)
	}
	want := contentOf(t, counted.Store)
	for n := range counted.calls {
		for _, after := range []bool{false, true} {
			f := &faulty{Store: new(memory.Store), at: n + 1, after: after}
			_, err := archive.Open(t.Context(), on(f), plans, many(5))
			is(t, err, errFault)
			got, err := archive.Open(t.Context(), on(f), plans, many(5))
			if got.Lots+got.Before != 4 || err != nil {
				t.Errorf("I-1: call %d: %+v, %v", n+1, got, err)
			}
			if diff := cmp.Diff(want, contentOf(t, f.Store)); diff != "" {
				t.Fatalf("I-1: call %d, after %v (-without +with the fault):\n%s", n+1, after, diff)
			}
		}
	}
}

// TestOpenAtOnce opens a wallet that another opens meanwhile: its balance comes in all the same.
func TestOpenAtOnce(t *testing.T) {
	for name, key := range map[string]credits.Key{
		"I-1/for itself": "signup", "I-1/in the same way, under another plan": "archive/open",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := &restless{Store: w.store, after: func() { must(w.ledger.Do(t.Context(), acme, key, credits.Open{Plan: plan()})) }}
			got, err := archive.Open(t.Context(), credits.New(s, &credits.Options{Clock: w.clock}), []credits.Plan{bare()}, many(1))
			if got.Lots != 1 || got.Bad != 0 || err != nil {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestOpenManyRefused reports the first of very many refusals, and counts them all.
func TestOpenManyRefused(t *testing.T) {
	w := newWorld(t)
	got, err := archive.Open(t.Context(), w.ledger, nil, many(1100))
	if got.Bad != 1100 || len(got.Refused) != 1000 || err != nil {
		t.Errorf("%d, %d, %v", got.Bad, len(got.Refused), err)
	}
	if e := got.Refused[999]; e.Line != 1000 || !errors.Is(e, credits.ErrNotFound) {
		t.Errorf("%+v", e)
	}
}

// TestParseOpeningsEnds ends with the reader's error, and where nobody wants more.
func TestParseOpeningsEnds(t *testing.T) {
	lost := errors.New("lost")
	w := newWorld(t)
	good := `{"wallet":"acme","key":"1","plan":"bare","grant":{"amount":"1"}}` + "\n"
	got, err := archive.Open(t.Context(), w.ledger, []credits.Plan{bare()}, archive.ParseOpenings(io.MultiReader(strings.NewReader(good), iotest.ErrReader(lost))))
	if got.Lots != 1 || !errors.Is(err, lost) {
		t.Errorf("%+v, %v", got, err)
	}
	for range archive.ParseOpenings(strings.NewReader(good + good)) {
		break
	}
}

// FuzzParseOpenings parses anything. What is no opening is said of a line.
func FuzzParseOpenings(f *testing.F) {
	f.Add([]byte(`{"wallet":"acme","key":"1","plan":"bare","zone":"UTC","grant":{"amount":"1","expires":"2027-01-01T00:00:00Z","features":["a"],"paid":"9.00 USD"}}` + "\n\n{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		line := 0
		for o, err := range archive.ParseOpenings(strings.NewReader(string(file))) {
			var bad *archive.OpeningError
			switch {
			case err == nil:
			case !errors.As(err, &bad) || !errors.Is(err, credits.ErrInvalid) || bad.Line <= line:
				t.Fatalf("%+v, %v", o, err)
			default:
				line = bad.Line
			}
		}
	})
}
