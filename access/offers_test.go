package access_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/access"
)

// scene is a wallet of the marketplace in some state.
type scene struct {
	name string
	set  func(*world, map[string]credits.Plan)
}

func scenes() []scene {
	plus := func(spend credits.Amount) func(*world, map[string]credits.Plan) {
		return func(w *world, by map[string]credits.Plan) {
			w.Must(acme, credits.Open{Plan: by["plus"]})
			if spend > 0 {
				w.Must(acme, credits.Spend{Amount: spend})
			}
		}
	}
	return []scene{
		{"free", func(w *world, by map[string]credits.Plan) { w.Must(acme, credits.Open{Plan: by["free"]}) }},
		{"free expired", func(w *world, by map[string]credits.Plan) {
			w.Must(acme, credits.Open{Plan: by["free"]})
			w.Later("3 months")
		}},
		{"plus", plus(0)},
		{"plus with 1 left", plus(1999 * credits.Credit)},
		{"plus with 0.3 left", plus(1999*credits.Credit + 7*credits.Credit/10)},
		{"plus with a package", func(w *world, by map[string]credits.Plan) {
			plus(2000*credits.Credit)(w, by)
			w.Must(acme, credits.Buy{Pack: "extra", Amount: 500 * credits.Credit}, credits.Spend{Amount: 500 * credits.Credit})
		}},
		{"plus after its package", func(w *world, by map[string]credits.Plan) {
			plus(2000*credits.Credit)(w, by)
			w.Must(acme, credits.Buy{Pack: "extra", Amount: 500 * credits.Credit})
			w.Later("30 days")
			w.Must(acme, credits.Spend{Amount: 2000 * credits.Credit})
		}},
		{"ultra", func(w *world, by map[string]credits.Plan) {
			w.Must(acme, credits.Open{Plan: by["free"]})
			w.Must(acme, credits.Subscribe{Plan: ultraOf(by, acme)})
		}},
	}
}

// ultraOf returns Ultra as it was negotiated for a wallet.
func ultraOf(by map[string]credits.Plan, id credits.WalletID) credits.Plan {
	p := by["ultra"]
	p.Version, p.For = 2, id
	p.Price, p.Term = credits.Money{Micros: 5_000_000_000, Currency: "USD"}, credits.Years(1)
	p.Allowances = []credits.Allowance{{Amount: 20_000 * credits.Credit}}
	return p
}

// The whole permission table of the marketplace: states of the wallet x actors x actions. Rules
// CF-03, CF-05 to CF-07, CF-09, CF-11 to CF-14 are its rows.
func TestOffersTable(t *testing.T) {
	// Of each action on each state: what each of the actors is told. The columns are
	// administrator, member, administrator on trial, member on trial, operator.
	const table = `
free                   | subscribe plus     | CF-05 CF-06 CF-11 | code | not permitted | trial | not permitted | directly
free                   | subscribe ultra    | CF-03             | not self-service | not self-service | trial | trial | directly
free                   | interest free      | CF-11             | not permitted | not permitted | not permitted | not permitted | directly
free                   | interest plus      | CF-11             | directly | directly | directly | directly | directly
free                   | interest ultra     | CF-03 CF-11       | directly | directly | directly | directly | directly
free                   | method             | CF-11             | directly | not permitted | trial | not permitted | directly
free                   | cancel             | CF-11             | not permitted | not permitted | not permitted | not permitted | directly
free                   | deactivate         | CF-13             | request | request | trial | trial | directly
free                   | buy                | CF-07 CF-11       | not permitted | not permitted | not permitted | not permitted | feature not in plan
free expired           | buy                | CF-07 CF-11       | not permitted | not permitted | not permitted | not permitted | no active plan
ultra                  | buy                | CF-12             | not permitted | not permitted | not permitted | not permitted | feature not in plan
free expired           | subscribe free     | CF-01             | not permitted | not permitted | not permitted | not permitted | had before
free expired           | subscribe plus     | CF-06 CF-11       | code | not permitted | trial | not permitted | directly
free expired           | subscribe ultra    | CF-03             | not self-service | not self-service | trial | trial | directly
free expired           | interest free      | CF-11             | not permitted | not permitted | not permitted | not permitted | directly
free expired           | interest plus      | CF-11             | directly | directly | directly | directly | directly
free expired           | interest ultra     | CF-03             | directly | directly | directly | directly | directly
free expired           | method             | CF-11             | directly | not permitted | trial | not permitted | directly
free expired           | cancel             | CF-11             | not permitted | not permitted | not permitted | not permitted | ended
free expired           | deactivate         | CF-13             | request | request | trial | trial | no active plan
plus                   | subscribe free     | CF-11             | not permitted | not permitted | not permitted | not permitted | directly
plus                   | subscribe ultra    | CF-03             | not self-service | not self-service | trial | trial | directly
plus                   | interest free      | CF-11             | not permitted | not permitted | not permitted | not permitted | directly
plus                   | interest plus      | CF-11             | directly | directly | directly | directly | directly
plus                   | interest ultra     | CF-03             | directly | directly | directly | directly | directly
plus                   | buy extra          | CF-07             | balance not short | not permitted | trial | not permitted | balance not short
plus                   | method             | CF-11             | directly | not permitted | trial | not permitted | directly
plus                   | cancel             | CF-11             | not permitted | not permitted | not permitted | not permitted | directly
plus                   | deactivate         | CF-13             | request | request | trial | trial | directly
plus with 1 left       | buy extra          | CF-07             | balance not short | not permitted | trial | not permitted | balance not short
plus with 0.3 left     | buy extra          | CF-07 CF-11       | directly | not permitted | trial | not permitted | directly
plus with a package    | buy extra          | CF-09             | pack active | not permitted | trial | not permitted | pack active
plus after its package | buy extra          | CF-09             | directly | not permitted | trial | not permitted | directly
ultra                  | subscribe free     | CF-12             | not permitted | not permitted | not permitted | not permitted | had before
ultra                  | subscribe plus     | CF-12             | not permitted | not permitted | not permitted | not permitted | directly
ultra                  | subscribe ultra    | CF-12             | not permitted | not permitted | not permitted | not permitted | directly
ultra                  | interest free      | CF-12             | not permitted | not permitted | not permitted | not permitted | directly
ultra                  | interest plus      | CF-12             | directly | directly | directly | directly | directly
ultra                  | interest ultra     | CF-12             | directly | directly | directly | directly | directly
ultra                  | method             | CF-12             | not permitted | not permitted | not permitted | not permitted | directly
ultra                  | cancel             | CF-12             | not permitted | not permitted | not permitted | not permitted | directly
ultra                  | deactivate         | CF-13             | request | request | trial | trial | directly
`
	plans, by := marketplace(t)
	actors := []credits.Actor{ann, bob, annTrial, bobTrial, staff}
	words := map[string]string{"trial": string(credits.OnTrial)}
	want := map[string]map[string][]string{} // by scene and action: what each actor is told
	rules := map[string]string{}
	for row := range strings.Lines(strings.TrimSpace(table)) {
		cells := strings.Split(row, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if full := words[cells[i]]; full != "" {
				cells[i] = full
			}
		}
		if want[cells[0]] == nil {
			want[cells[0]] = map[string][]string{}
		}
		want[cells[0]][cells[1]] = cells[3:]
		rules[cells[0]+"/"+cells[1]] = strings.ReplaceAll(cells[2], " ", "/")
	}
	whole := map[string]bool{"free": true, "free expired": true, "plus": true, "ultra": true} // of others only the pack is told
	for _, s := range scenes() {
		w := newWorld(t)
		s.set(w, by)
		for i, actor := range actors {
			page := access.Offers(w.wallet(), credits.Call{Actor: actor}, plans)
			got := map[string]string{}
			for _, o := range page.Offers {
				name := strings.TrimSpace(string(o.Action) + " " + o.About)
				if _, told := want[s.name][name]; !told && !whole[s.name] {
					continue
				}
				if got[name] = string(o.Reason); o.Allowed {
					got[name] = o.Via.String()
				}
			}
			for name, told := range want[s.name] {
				t.Run(fmt.Sprintf("%s/%s/%s/%d", rules[s.name+"/"+name], s.name, name, i), func(t *testing.T) {
					if got[name] != told[i] {
						t.Errorf("%s: %+v is told %q, want %q", name, actor, got[name], told[i])
					}
				})
			}
			if len(got) != len(want[s.name]) {
				t.Errorf("%s: %+v is told of %d actions, want %d: %v", s.name, actor, len(got), len(want[s.name]), got)
			}
			if !page.Banner || !page.Statistics {
				t.Errorf("CF-14: %s: %+v has no banner or no link", s.name, actor)
			}
		}
	}
}

// CF-14: what is offered is what happens: an offer that is allowed goes, in the way that it says and at
// the price that it says, and one that is not is refused for the reason that it says, and changes nothing.
func TestOffersAreKept(t *testing.T) {
	plans, by := marketplace(t)
	for _, s := range scenes() {
		for _, actor := range []credits.Actor{ann, bob, annTrial, bobTrial, staff, {ID: "carl"}, {}} {
			w := newWorld(t)
			s.set(w, by)
			page := access.Offers(w.wallet(), credits.Call{Actor: actor}, plans)
			for i := range page.Offers {
				t.Run(fmt.Sprintf("CF-14/%s/%s %s/%s %s", s.name, page.Offers[i].Action, page.Offers[i].About, actor.ID, actor.Role), func(t *testing.T) {
					w := newWorld(t)
					s.set(w, by)
					keep(w, actor, page.Offers[i])
				})
			}
		}
	}
}

// reasoned returns a command with the reason that an operator gives.
func reasoned(cmd credits.Command) credits.Command {
	note := credits.Note{Reason: "agreed"}
	switch c := cmd.(type) {
	case credits.Subscribe:
		c.Note = note
		return c
	case credits.Deactivate:
		c.Note = note
		return c
	case credits.Reactivate:
		c.Note = note
		return c
	}
	return cmd
}

// keep does what an offer offers.
func keep(w *world, actor credits.Actor, o access.Offer) {
	w.Helper()
	cmd := o.Command
	if cmd == nil {
		cmd = credits.SetMethod{Method: credits.Method{Token: "token", Kind: "card"}}
	}
	if o.Via != credits.ByCode && o.Via != credits.ByRequest {
		cmd = reasoned(cmd)
	}
	before := w.dump()
	as := w.World.As(actor)
	var receipt credits.Receipt
	var err error
	switch {
	case o.Allowed && o.Via == credits.ByCode:
		request, code := w.ask(actor, cmd)
		receipt = w.confirm(actor, request, code)
	case o.Allowed && o.Via == credits.ByRequest:
		asked, err := as.Do(ctx, acme, w.key(), credits.Ask{Command: cmd})
		if err != nil {
			w.Fatalf("ask: %v", err)
		}
		approve := credits.Approve{Request: asked.ID, Note: credits.Note{Reason: "agreed"}}
		if receipt, err = w.World.As(staff).Do(ctx, acme, w.key(), approve); err != nil && !errors.Is(err, credits.ErrRefused) {
			w.Fatalf("approve: %v", err) // refused if it would be whoever did it
		}
	case o.Allowed:
		if receipt, err = as.Do(ctx, acme, w.key(), cmd); err != nil {
			w.Fatalf("it was offered, and refused: %v", err)
		}
	default:
		_, err := as.Do(ctx, acme, w.key(), cmd)
		if !errors.Is(err, o.Reason) || o.Reason == "" {
			w.Fatalf("got %v, want %q", err, string(o.Reason))
		}
		if diff := cmp.Diff(before, w.dump()); diff != "" {
			w.Errorf("a denied command changed the store (-before +after):\n%s", diff)
		}
		return
	}
	if receipt.Charge != o.Due {
		w.Errorf("it cost %v, and the offer said %v", receipt.Charge, o.Due)
	}
	if maps.Equal(before, w.dump()) {
		w.Errorf("nothing was done")
	}
}

// CF-14: the entry in the sidebar is there from 80 % of the current allowance consumed, and not at 79.999999 %.
func TestSidebar(t *testing.T) {
	_, by := marketplace(t)
	tests := []struct {
		name  string
		plan  string
		spend string
		back  bool // the spend is reversed
		want  bool
	}{
		{name: "CF-14/nothing", plan: "plus", spend: ""},
		{name: "CF-14/79.999999 %", plan: "plus", spend: "1599.99998"},
		{name: "CF-14/a microcredit less than 80 %", plan: "plus", spend: "1599.999999"},
		{name: "CF-14/80 %", plan: "plus", spend: "1600", want: true},
		{name: "CF-14/100 %", plan: "plus", spend: "2000", want: true},
		{name: "CF-14/80 % and back", plan: "plus", spend: "1600", back: true},
		{name: "CF-14/79.999998 % of 50", plan: "free", spend: "39.999999"},
		{name: "CF-14/80 % of 50", plan: "free", spend: "40", want: true},
		{name: "CF-14/no allowance", plan: "ultra"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Must(acme, credits.Open{Plan: by[tt.plan]})
			if tt.spend != "" {
				amount, err := credits.ParseAmount(tt.spend)
				if err != nil {
					t.Fatal(err)
				}
				spent := w.Must(acme, credits.Spend{Amount: amount})
				if tt.back {
					w.Must(acme, credits.Reverse{Spend: spent.ID, All: true})
				}
			}
			if got := access.Offers(w.wallet(), credits.Call{Actor: bob}, nil).Sidebar; got != tt.want {
				t.Errorf("the sidebar has the entry: %v, want %v", got, tt.want)
			}
		})
	}
	t.Run("CF-14/the next cycle", func(t *testing.T) {
		w := newWorld(t)
		w.Must(acme, credits.Open{Plan: by["plus"]}, credits.Spend{Amount: 2000 * credits.Credit})
		w.Later("1 month")
		if access.Offers(w.wallet(), credits.Call{Actor: bob}, nil).Sidebar {
			t.Error("the sidebar has the entry in a cycle of which nothing is consumed")
		}
	})
	t.Run("CF-14/a plan that does not prompt", func(t *testing.T) {
		w := newWorld(t)
		p := by["plus"]
		p.Prompt = 0
		w.Must(acme, credits.Open{Plan: p}, credits.Spend{Amount: 2000 * credits.Credit})
		if access.Offers(w.wallet(), credits.Call{Actor: bob}, nil).Sidebar {
			t.Error("the sidebar has the entry")
		}
	})
}
