package credits_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/credits"
)

// subscriptionVerbs are the commands of a story that are about what a wallet is
// subscribed to.
func subscriptionVerbs() map[string]func(*story, *words, *order) {
	return map[string]func(*story, *words, *order){
		"subscribe": (*story).subscribe,
		"cancel": func(_ *story, w *words, o *order) {
			o.command = credits.Cancel{When: w.when()}
		},
		"lapse": func(_ *story, _ *words, o *order) {
			o.command = credits.Lapse{}
		},
		"deactivate": func(_ *story, w *words, o *order) {
			o.command = credits.Deactivate{Keep: w.option("keeping"), Note: credits.Note{Reason: "asked for"}}
		},
		"reactivate": func(_ *story, _ *words, o *order) {
			o.command = credits.Reactivate{}
		},
		"units": func(_ *story, w *words, o *order) {
			c := credits.SetUnits{Units: w.number(), AddOn: w.after("of")}
			if w.option("for") {
				c.Scope = w.next("a user")
			}
			o.command = c
		},
		"reassign": func(_ *story, w *words, o *order) {
			o.command = credits.Reassign{AddOn: w.next("an add-on"), From: w.after("from"), To: w.after("to")}
		},
	}
}

// when reads "at once", "at the cycle" or "at the end", if it is there.
func (w *words) when() credits.When {
	at := map[string]credits.When{"at once": credits.AtOnce, "at cycle": credits.AtCycle, "at end": credits.AtEnd}
	for _, text := range slices.Sorted(maps.Keys(at)) {
		first, second, _ := strings.Cut(text, " ")
		if w.err == nil && w.pos+1 < len(w.all) && w.all[w.pos] == first && w.all[w.pos+1] == second {
			w.pos += 2
			return at[text]
		}
	}
	return 0
}

func (s *story) subscribe(w *words, o *order) {
	id := w.after("to")
	p, ok := s.plans[id]
	if !ok {
		w.fail("there is no plan %q", id)
		return
	}
	if w.option("tier") {
		p, w.err = p.WithTier(w.next("a tier"))
	}
	o.command = credits.Subscribe{Plan: p, When: w.when()}
}

// quote plays "quote COMMAND: [now 60.00 USD] [then 90.00 USD] [brings 400]": what a
// preview of it quotes. Then it is done, with the quote.
func (s *story) quote(line string) error {
	i := strings.LastIndex(line, ":")
	if i < 0 {
		return errors.New(`want "quote COMMAND: now AMOUNT then AMOUNT brings AMOUNT"`)
	}
	o, err := s.order(strings.Fields(line[:i]))
	if err != nil {
		return err
	}
	r, err := s.ledger.Preview(context.Background(), o.wallet, "", o.command)
	if err != nil {
		return err
	}
	q := r.Quote()
	var got []string
	if q.Charge.Micros != 0 {
		got = append(got, "now "+q.Charge.String())
	}
	if q.Next.Micros != 0 {
		got = append(got, "then "+q.Next.String())
	}
	for _, g := range q.Grants {
		got = append(got, strings.TrimRight("brings "+g.Amount.String()+" "+string(g.Unit), " "))
	}
	if err := see(&words{}, strings.Join(strings.Fields(line[i+1:]), " "), strings.Join(got, " ")); err != nil {
		return err
	}
	o.command = withQuote(o.command, q)
	s.last, err = s.carryOut(o)
	if o.name != "" {
		s.names[o.name] = s.last.ID
	}
	return err
}

// seeUnits plays "has WALLET 3 then 1 of ADDON [for USER]": units now, and from the next period on.
func (s *story) seeUnits(w *words) error {
	x, err := s.wallet(w)
	if err != nil {
		return err
	}
	now := w.number()
	next := now
	if w.option("then") {
		next = w.number()
	}
	addOn, scope := w.after("of"), ""
	if w.option("for") {
		scope = w.next("a user")
	}
	for _, u := range x.Subscription().Units {
		if u.AddOn == addOn && u.Scope == scope {
			return see(w, [2]int64{now, next}, [2]int64{u.Now, u.Next})
		}
	}
	return see(w, [2]int64{now, next}, [2]int64{})
}

// seePlan plays "plan WALLET ID [active|cancelled|lapsed|deactivated|over] [until TIME]
// [then ID]": what it is subscribed to, until when if that is known, and what follows.
func (s *story) seePlan(w *words) error {
	x, err := s.wallet(w)
	if err != nil {
		return err
	}
	p, _ := x.Plan()
	v := x.Subscription()
	got := p.ID
	if !v.Active {
		got += " " + strings.ReplaceAll(v.End.String(), " ", "-")
	}
	if !v.Ends.IsZero() && v.Active {
		got += " until " + v.Ends.In(s.zone).Format("2006-01-02 15:04")
	}
	if v.Next != nil {
		got += " then " + v.Next.ID
	}
	want := strings.Join(w.all[w.pos:], " ")
	w.pos = len(w.all)
	return see(w, want, got)
}

// seeCosts plays "costs WALLET since NAME DATE AMOUNT CURRENCY, ...": what fell due
// in terms and in periods of add-ons, as far as it is written.
func (s *story) seeCosts(w *words) error {
	id := credits.WalletID(w.next("a wallet"))
	var after credits.ID
	if w.option("since") {
		after = s.named(w)
	}
	want := w.list()
	if w.err != nil {
		return w.err
	}
	var got []string
	for e, err := range s.ledger.History(context.Background(), id, credits.HistoryQuery{After: after}) {
		if err != nil {
			return err
		}
		if e.Charge.Micros != 0 {
			got = append(got, fmt.Sprintf("%s %v", e.At.In(s.zone).Format(time.DateOnly), e.Charge))
		}
	}
	return see(w, want, got)
}
