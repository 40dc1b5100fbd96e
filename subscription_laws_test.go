package credits_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"example.com/credits"
)

// catalogueOf returns plans among which lives move: free and paid, of cycles and
// terms of several lengths, with add-ons of one user or of all, or without.
func catalogueOf(t testing.TB, r *rand.Rand) []credits.Plan {
	t.Helper()
	every := []credits.Span{credits.Months(1), credits.Months(1), credits.Months(3), credits.Years(1)}
	terms := []int{1, 1, 1, 3, 12}
	prices := []string{"", "9.00 USD", "36.00 USD", "100.00 USD", "0.50 USD"}
	var plans []credits.Plan
	for i := range 6 {
		p := sold(fmt.Sprintf("plan-%d", i), "1", pick(r, prices...))
		p.Every = pick(r, every...)
		months := map[credits.Span]int{credits.Months(1): 1, credits.Months(3): 3, credits.Years(1): 12}[p.Every]
		p.Term = credits.Months(months * pick(r, terms...))
		p.Anchor = pick(r, 0, 0, 0, credits.AnniversaryDay, credits.FirstOfMonth)
		p.Allowances = []credits.Allowance{{Amount: pick[credits.Amount](r, 10, 40, 120) * credits.Credit}}
		if chance(r, 3) {
			p.Allowances = append(p.Allowances, credits.Allowance{Unit: lawUnit, Amount: pick[credits.Amount](r, 5, 7) * credits.Credit})
		}
		if chance(r, 5) {
			p.Life = credits.Months(months * pick(r, 1, 3))
		}
		if !chance(r, 4) {
			p.AddOns = append(p.AddOns, credits.AddOn{
				ID: "all", Price: cash("1.00 USD"), Included: pick[int64](r, 0, 0, 2), Max: pick[int64](r, 0, 0, 3),
				Allowances: []credits.Allowance{{Amount: pick[credits.Amount](r, 2, 3) * credits.Credit}},
			})
		}
		if !chance(r, 4) {
			p.AddOns = append(p.AddOns, credits.AddOn{
				ID: "seat", Price: cash("2.00 USD"), Scoped: !chance(r, 5), Allowances: []credits.Allowance{{Unit: lawUnit, Amount: credits.Credit}},
			})
		}
		for _, fate := range []*credits.Fate{&p.Leaving.Allowances, &p.Leaving.AddOns, &p.Leaving.Purchases, &p.Leaving.Grants} {
			*fate = pick(r, 0, credits.Keep, credits.Forfeit)
		}
		p.Once = chance(r, 10)
		if err := p.Validate(); err != nil {
			t.Fatal("the plan that was drawn is none:", err)
		}
		plans = append(plans, p)
	}
	return plans
}

// subscriber is a wallet's life of which most is about what it is subscribed to.
type subscriber struct {
	*life
	plans []credits.Plan
}

func newSubscriber(t testing.TB, r *rand.Rand) *subscriber {
	t.Helper()
	plans := catalogueOf(t, r)
	return &subscriber{life: newLife(t, r, &plans[0]), plans: plans}
}

// draw returns a command that may well succeed.
func (s *subscriber) draw() credits.Command {
	r := s.r
	who := pick(r, "ann", "bob", "eve")
	note := credits.Note{Reason: "drawn"}
	switch r.IntN(20) {
	case 0, 1, 2, 3:
		return credits.Subscribe{Plan: pick(r, s.plans...), When: pick(r, 0, credits.AtOnce, credits.AtOnce, credits.AtCycle, credits.AtEnd)}
	case 4:
		return credits.Cancel{When: pick(r, 0, credits.AtCycle, credits.AtEnd)}
	case 5:
		return credits.Lapse{Note: note}
	case 6:
		return credits.Deactivate{Keep: chance(r, 2), Note: note}
	case 7, 8:
		return credits.Reactivate{}
	case 9, 10:
		return credits.SetUnits{AddOn: "all", Units: r.Int64N(5)}
	case 11, 12:
		if chance(r, 6) {
			who = ""
		}
		return credits.SetUnits{AddOn: "seat", Scope: who, Units: r.Int64N(3)}
	case 13:
		return credits.Reassign{AddOn: "seat", From: pick(r, "ann", "bob"), To: pick(r, "bob", "eve")}
	case 14:
		return credits.SetZone{Zone: pick(r, lawZones()[1:]...)}
	default:
		return s.life.draw()
	}
}

// step lets time pass and does one command, and returns its entries with those
// that fell due.
func (s *subscriber) step(t testing.TB) (credits.Command, []credits.Entry) {
	t.Helper()
	s.pass(false)
	c := s.draw()
	w := s.w
	entries, err := s.do(s.call(c))
	switch {
	case errors.Is(err, errApply):
		t.Fatalf("%#v: %v", c, err)
	case err != nil && !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid) || errors.Is(err, credits.ErrCorrupt):
		t.Fatalf("%#v of %v: %v", c, w, err)
	}
	if due := s.w.Due(); !due.IsZero() && err == nil && !due.After(s.w.At()) {
		t.Fatalf("T-6: after %#v at %v the wallet is due at %v", c, s.w.At(), due)
	}
	return c, entries
}

// Laws 2, 3 and 7 and S-10, after every entry of lives of subscriptions.
func TestLawSubscriptions(t *testing.T) {
	outcomes := map[credits.Kind]int{}
	eachLife(t, 150, func(t testing.TB, r *rand.Rand) {
		s, b, m := newSubscriber(t, r), newBooks(), &periods{}
		for i := range s.entries {
			b.add(&s.entries[i])
			m.add(t, &s.entries[i])
		}
		for range 80 {
			w := s.w
			c, entries := s.step(t)
			for i := range entries {
				e := &entries[i]
				outcomes[e.Kind]++
				if e.At.Before(w.At()) {
					t.Errorf("law 7: entry %d is at %v, after one at %v", e.Seq, e.At, w.At())
				}
				w = apply(t, w, e)
				b.add(e)
				if err := b.check(w, e); err != nil {
					t.Fatalf("law 2: after entry %d, %v, of %#v: %v", e.Seq, e.Kind, c, err)
				}
				m.add(t, e)
			}
		}
		m.total(t)
	})
	for _, k := range []credits.Kind{
		credits.KindSubscribed, credits.KindScheduled, credits.KindEnded, credits.KindUnitsSet, credits.KindUnitsRenewed, credits.KindReassigned,
	} {
		if outcomes[k] < 20 {
			t.Errorf("%d entries %q were drawn: the laws were hardly tried on it", outcomes[k], k)
		}
	}
}

func apply(t testing.TB, w credits.Wallet, e *credits.Entry) credits.Wallet {
	t.Helper()
	w, err := w.Apply(*e)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// periods are what was granted in the current period of a wallet, and the most
// that any plan or number of units allowed in it (S-10).
type periods struct {
	plan    credits.Plan
	period  credits.Period
	granted map[credits.Unit]credits.Amount
	most    map[credits.Unit]credits.Amount
	share   int64 // the highest price of a cycle in the period
	due     int64 // of all periods before
	charged int64
	slack   int64
	active  bool

	units       []credits.Units
	unitsPeriod credits.Period
	unitsOf     map[string]int64
	unitsMost   map[string]int64
}

func (m *periods) add(t testing.TB, e *credits.Entry) {
	t.Helper()
	if e.Cycle != nil {
		m.cycle(t, e)
	}
	switch e.Kind {
	case credits.KindEnded:
		m.active = false
		if e.Change.End == credits.EndCancelled || e.Change.End == credits.EndOfLife {
			m.units = nil
		}
	case credits.KindUnitsSet, credits.KindUnitsRenewed:
		m.setUnits(t, e)
	case credits.KindReassigned:
		if e.Units != nil {
			m.reassigned(e.Units)
		}
	}
	if e.Opens == nil || e.Kind != credits.KindGranted {
		return
	}
	switch e.Opens.Source {
	case credits.FromAllowance:
		if m.granted[e.Unit] += e.Opens.Amount; m.granted[e.Unit] > m.most[e.Unit] {
			t.Errorf("S-10: entry %d: %v of %q were granted in the period %v, of which no plan gives more than %v", e.Seq, m.granted[e.Unit], e.Unit, m.period, m.most[e.Unit])
		}
	case credits.FromAddOn:
		id := e.Opens.AddOn
		m.unitsOf[id] += int64(e.Opens.Amount / each(&m.plan, id))
		if m.unitsOf[id] > m.unitsMost[id] {
			t.Errorf("S-10: entry %d: %d units of %q were granted in a period with at most %d", e.Seq, m.unitsOf[id], id, m.unitsMost[id])
		}
	}
}

// each returns what a unit of an add-on brings.
func each(p *credits.Plan, id string) credits.Amount {
	for _, o := range p.AddOns {
		if o.ID == id {
			return o.Allowances[0].Amount
		}
	}
	return 1
}

// cycle begins a period, or goes on with one under another plan.
func (m *periods) cycle(t testing.TB, e *credits.Entry) {
	t.Helper()
	c := e.Cycle
	m.charged += e.Charge.Micros
	if e.Kind == credits.KindSubscribed || c.Plan != nil {
		m.slack += 20_000 // a charge is rounded to a cent
		if p := c.Plan; p != nil && (p.Every != m.plan.Every || p.Anchor != m.plan.Anchor) {
			m.slack += c.Paid.Micros // what was paid may end within a cycle
		}
	}
	free := m.plan.Price.Micros == 0
	if c.Plan != nil {
		m.plan = *c.Plan
		m.units = slices.DeleteFunc(m.units, func(u credits.Units) bool {
			i := slices.IndexFunc(m.plan.AddOns, func(o credits.AddOn) bool { return o.ID == u.AddOn })
			return i < 0 || m.plan.AddOns[i].Scoped != (u.Scope != "")
		})
	}
	if !c.Same {
		if e.At.Before(m.period.End) && !(free && m.plan.Price.Micros > 0 && e.Charge == m.plan.Price) {
			t.Errorf("S-10: entry %d begins a period at %v, in that until %v", e.Seq, e.At, m.period.End)
		}
		m.due += m.share
		m.share, m.granted, m.most = 0, map[credits.Unit]credits.Amount{}, map[credits.Unit]credits.Amount{}
	} else if c.Period.End.Before(m.period.End) {
		t.Errorf("S-10: entry %d ends the period %v earlier, at %v", e.Seq, m.period, c.Period.End)
	}
	m.period, m.active = c.Period, true
	for _, a := range m.plan.Allowances {
		m.most[a.Unit] = max(m.most[a.Unit], a.Amount)
	}
	m.share = max(m.share, shareOf(&m.plan))
}

// shareOf returns what a cycle of a plan costs.
func shareOf(p *credits.Plan) int64 {
	months := map[credits.Span]int64{}
	for n := int64(1); n <= 144; n++ {
		months[credits.Months(int(n))] = n
	}
	return p.Price.Micros * months[p.Every] / max(1, months[p.Term])
}

func (m *periods) setUnits(t testing.TB, e *credits.Entry) {
	t.Helper()
	u := e.Units
	if e.Kind == credits.KindUnitsRenewed || !u.Period.End.Equal(m.unitsPeriod.End) {
		granted := int64(0)
		for _, n := range m.unitsOf {
			granted += n
		}
		if granted > 0 && e.At.Before(m.unitsPeriod.End) {
			t.Errorf("S-10: entry %d begins a period of add-ons at %v, in that until %v", e.Seq, e.At, m.unitsPeriod.End)
		}
		m.unitsPeriod, m.unitsOf, m.unitsMost = u.Period, map[string]int64{}, map[string]int64{}
	}
	switch {
	case e.Kind == credits.KindUnitsSet:
		m.put(*u)
	case u.Period == (credits.Period{}):
		m.units = nil
	}
	if e.Kind == credits.KindUnitsRenewed {
		m.units = slices.DeleteFunc(m.units, func(u credits.Units) bool { return u.Next == 0 })
	}
	for _, u := range m.units {
		sum := int64(0)
		for _, o := range m.units {
			if o.AddOn == u.AddOn {
				sum += o.Next
			}
		}
		m.unitsMost[u.AddOn] = max(m.unitsMost[u.AddOn], sum)
	}
}

func (m *periods) put(u credits.Units) {
	m.units = slices.DeleteFunc(m.units, func(o credits.Units) bool { return o.AddOn == u.AddOn && o.Scope == u.Scope })
	m.units = append(m.units, u)
}

func (m *periods) reassigned(u *credits.Units) {
	m.units = slices.DeleteFunc(m.units, func(o credits.Units) bool { return o.AddOn == u.AddOn && o.Scope == u.From })
	m.put(*u)
}

// total expects that moving about among plans is never cheaper than each period at
// the price of the dearest plan that was had in it.
func (m *periods) total(t testing.TB) {
	t.Helper()
	if due := m.due + m.share; m.charged < due-m.slack {
		t.Errorf("S-10: %d micros were charged for periods of %d", m.charged, due)
	}
}

// Law 1: lives of subscriptions, stored and read again, decide as those in memory
// do, and verify.
func TestLawSubscriptionsStored(t *testing.T) {
	eachLife(t, 12, func(t testing.TB, r *rand.Rand) {
		h := newHouse(t, r)
		plans := catalogueOf(t, r)
		h.lives["acme"] = &life{r: r, now: h.clock.Now()}
		h.must("acme", credits.Open{Plan: plans[0], Zone: pick(r, lawZones()...)})
		for range 50 {
			h.pass("acme", false)
			s := &subscriber{life: h.look("acme"), plans: plans}
			c := s.draw()
			fresh := credits.New(h.store, &credits.Options{Clock: h.clock, Salt: [32]byte{1}})
			want, wantErr := fresh.Preview(ctx(), "acme", "x", c)
			if wantErr == nil {
				c = withQuote(c, want.Quote())
				want, wantErr = fresh.Preview(ctx(), "acme", credits.Key(fmt.Sprint(h.keys+1)), c)
			}
			got, err := h.do("acme", c)
			if wantErr != nil && err != nil && wantErr.Error() == err.Error() {
				continue
			}
			if diff := differ(want, got) + differ(fmt.Sprint(wantErr), fmt.Sprint(err)); diff != "" {
				t.Fatalf("law 1, P-8: %#v by a ledger that read the wallet, and by one that had it (-read +had):\n%s", c, diff)
			}
		}
		h.verify()
		if _, err := replayed("acme", h.history("acme")); err != nil {
			t.Fatal(err)
		}
	})
}

// Law 4: sweeps anywhere in a life of subscriptions give the same entries.
func TestLawSubscriptionsAdvance(t *testing.T) {
	eachLife(t, 40, func(t testing.TB, r *rand.Rand) {
		s := newSubscriber(t, r)
		swept := s.w
		for range 60 {
			before := s.w.At()
			c := len(s.entries)
			s.step(t)
			after := s.w.At()
			// The same entries again, with what was due written at an instant between.
			if gap := after.Sub(before); gap > 0 {
				at := before.Add(time.Duration(r.Int64N(int64(gap)))).Truncate(time.Microsecond)
				swept = sweepTo(t, swept, at, s.entries[c:])
			} else {
				for i := range s.entries[c:] {
					swept = apply(t, swept, &s.entries[c+i])
				}
			}
			if !swept.Equal(s.w) {
				t.Fatalf("law 4: swept and not swept differ: %v and %v", swept, s.w)
			}
		}
	})
}

// sweepTo decides a command at an instant only to have what is due by then, expects
// that it is how the given entries begin, and applies them all.
func sweepTo(t testing.TB, w credits.Wallet, at time.Time, entries []credits.Entry) credits.Wallet {
	t.Helper()
	due, err := w.Decide(credits.Call{Key: "sweep", Now: at, Command: credits.SetAutoPurchase{}})
	if err != nil {
		t.Fatalf("law 4: a sweep at %v of %v: %v", at, w, err)
	}
	n := 0
	for n < len(due) && due[n].Key == "" {
		n++
	}
	for i, e := range due[:n] {
		if i < len(entries) && differ(e, entries[i]) != "" {
			t.Fatalf("law 4: at %v (-swept +not):\n%s", at, differ(e, entries[i]))
		}
	}
	for i := range entries {
		w = apply(t, w, &entries[i])
	}
	return w
}
