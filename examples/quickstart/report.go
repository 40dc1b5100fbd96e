package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/credits"
)

// How much of a long account is drawn.
const (
	lineWidth  = 92
	nameWidth  = 20
	barWidth   = 40
	mostNames  = 20 // users
	mostDays   = 92
	mostCycles = 13
	mostRefs   = 20 // refused rows
)

// drawing is a report in the making.
type drawing struct {
	*account
	strings.Builder
}

// draw returns the report.
func (a *account) draw(r *replay) string {
	d := &drawing{account: a}
	d.title()
	d.facts(r)
	d.balance()
	d.statement()
	d.buys()
	d.refusals(r.refused)
	d.byAction()
	d.byUser()
	d.byDay(r)
	d.proof()
	return d.String()
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *drawing) heading(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.printf("\n%s\n%s\n", text, strings.Repeat("-", width(text)))
}

// title says whose account it is, and when.
func (d *drawing) title() {
	at := d.local(d.wallet.At()).Format("Monday 2 January 2006, 15:04 MST")
	who := "Account " + string(d.wallet.ID())
	d.printf("%s%*s\n%s\n\n", who, lineWidth-width(who), at, strings.Repeat("=", lineWidth))
}

// facts says which plan it is, and what comes next.
func (d *drawing) facts(r *replay) {
	t := &table{align: "ll"}
	name := fit(cmp.Or(d.plan.Name, d.plan.ID), 2*nameWidth)
	if d.plan.Tier != "" {
		name += ", tier " + fit(d.plan.Tier, nameWidth)
	}
	price := "free"
	if !d.plan.Price.IsZero() {
		price = fmt.Sprintf("%v for %v", d.plan.Price, cmp.Or(d.plan.Term, d.plan.Every))
	}
	t.add("Log", fmt.Sprintf("%s: %s from %s", fit(filepath.Base(r.name), 2*nameWidth), count(r.rows, "row"),
		d.period(credits.Period{Start: r.first, End: r.clock.now.Add(1)})))
	t.add("Plan", name+": "+price)
	t.add("Cycle", d.period(d.wallet.Cycle())+", in the days of "+d.wallet.Zone().String())
	t.add("Next reset", d.reset())
	for _, line := range d.whatFallsDue() {
		t.add("", line)
	}
	t.add("Pace", d.pace())
	t.add("Auto-purchase", d.auto(r))
	d.printf("%s", t)
}

func (d *drawing) reset() string {
	end := d.wallet.Cycle().End
	left := daysBetween(d.local(d.wallet.At()), d.local(end))
	return fmt.Sprintf("%s, in %s", d.local(end).Format("2 January 2006, 15:04 MST"), count(left, "day"))
}

// whatFallsDue says what the next reset does if nothing happens before.
func (d *drawing) whatFallsDue() []string {
	expires, comes := map[credits.Unit]credits.Amount{}, map[credits.Unit]credits.Amount{}
	var charge credits.Money
	for _, e := range d.forecast.Events {
		for _, ln := range e.Lines {
			switch {
			case ln.To == credits.Expired:
				expires[e.Unit] += ln.Amount
			case ln.From == credits.Issued:
				comes[e.Unit] += ln.Amount
			}
		}
		if e.Kind == credits.KindRenewed {
			charge = e.Charge
		}
	}
	var lines []string
	for _, due := range []struct {
		verb    string
		amounts map[credits.Unit]credits.Amount
	}{{"expire", expires}, {"come", comes}} {
		if len(due.amounts) > 0 {
			lines = append(lines, amounts(due.amounts)+" "+due.verb)
		}
	}
	if !charge.IsZero() {
		lines = append(lines, charge.String()+" is charged")
	}
	return lines
}

func (d *drawing) pace() string {
	f := d.forecast
	if f.PerDay == 0 {
		return "nothing spent in the last 30 days"
	}
	perDay := f.PerDay
	if perDay > 10*credits.Credit { // nobody plans with fractions of these
		perDay -= perDay % credits.Credit
	}
	pace := number(perDay) + " credits a day in the last 30: "
	if f.RunsOut.IsZero() {
		return pace + "enough until the reset"
	}
	return pace + "used up on " + d.local(f.RunsOut).Format("2 January")
}

func (d *drawing) auto(r *replay) string {
	s := d.wallet.AutoPurchase()
	switch {
	case r.noAuto != "":
		return "off: " + r.noAuto
	case !s.On:
		return "off"
	case d.plan.Auto.Limit == credits.Unlimited:
		return fmt.Sprintf("on: %s credits bought, no limit", number(s.Bought))
	}
	size := d.plan.Auto.Size
	used := int64(s.Bought / size)
	return fmt.Sprintf("on: %d of %d packs of %s used; the count begins anew on %s",
		used, used+s.Times, number(size), d.local(s.Until).Format("2 January 2006"))
}

// balance shows what there is, by unit and source.
func (d *drawing) balance() {
	d.heading("Balance")
	t := &table{align: "llnrnl"}
	for _, unit := range d.units() {
		b := d.wallet.Balance(unit, "")
		live := d.live(unit)
		name := unitName(unit)
		for _, source := range slices.Sorted(maps.Keys(live)) {
			until := "for ever"
			if end := live[source].expires; !end.IsZero() {
				last := credits.Period{End: end}.LastDay(d.wallet.Zone())
				until = "until " + last.Format("2 January 2006")
			}
			t.add(name, sourceName(source), number(b.By[source]), "of", number(live[source].amount), until)
			name = ""
		}
		if b.Debt > 0 {
			t.add(name, "owed", number(-b.Debt))
		}
		t.add(name, "available", number(b.Available))
	}
	d.printf("%s", t)
}

// statement shows cycle by cycle what came, what went, and what it cost.
func (d *drawing) statement() {
	d.heading("Credits by cycle")
	t := &table{align: "lnnnnnrr"}
	t.add("", "given", "bought", "spent", "expired", "left", "plan", "extra")
	cycles := d.cycles[max(0, len(d.cycles)-mostCycles):]
	for _, c := range cycles {
		t.add(d.short(c.period), number(c.given), number(c.bought), number(c.spent), number(c.expired), number(c.left),
			money(c.charged), money(c.extra))
	}
	if c := d.total; len(d.cycles) > 1 {
		t.rule()
		t.add("", number(c.given), number(c.bought), number(c.spent), number(c.expired), number(c.left), money(c.charged), money(c.extra))
	}
	d.printf("%s", t)
	if n := len(d.cycles) - len(cycles); n > 0 {
		d.printf("  and %s before\n", count(n, "cycle"))
	}
}

// buys shows every purchase.
func (d *drawing) buys() {
	if len(d.purchases) == 0 {
		d.heading("Purchases: none")
		return
	}
	d.heading("Purchases")
	t := &table{align: "llnlrrr"}
	t.add("when", "", "credits", "brought", "price", "surcharge", "charged")
	brought := map[credits.Unit]credits.Amount{}
	for _, p := range d.purchases {
		t.add(d.local(p.At).Format("2 Jan 2006 15:04:05"), sourceName(p.Opens.Source), number(p.Opens.Amount), amounts(p.brought),
			money(p.price), money(p.Surcharge), money(p.Charge))
		for unit, n := range p.brought {
			brought[unit] += n
		}
	}
	t.rule()
	t.add("", "", number(d.total.bought), amounts(brought), money(d.total.price), money(d.total.surcharge), money(d.total.extra))
	d.printf("%s", t)
}

// refusals shows the rows that the wallet said no to, and what would help.
func (d *drawing) refusals(all []refusal) {
	if len(all) == 0 {
		d.heading("Refused: nothing")
		return
	}
	d.heading("Refused: %s", count(len(all), "spend"))
	t := &table{align: "lrlnlnnl"}
	t.add("when", "line", "user", "", "", "needs", "has", "")
	for _, x := range all[:min(len(all), mostRefs)] {
		t.add(d.local(x.at).Format("2 Jan 2006 15:04:05"), grouped(fmt.Sprint(x.line)), fit(x.user, nameWidth),
			grouped(fmt.Sprint(x.quantity)), fit(x.action, nameWidth), number(x.Need), number(x.Available), string(x.Reason))
	}
	d.printf("%s", t)
	if n := len(all) - mostRefs; n > 0 {
		d.printf("  and %s later\n", count(n, "spend"))
	}
	last := all[len(all)-1]
	if len(last.Remedies) > 0 {
		d.printf("  What would help with line %s:\n", grouped(fmt.Sprint(last.line)))
	}
	for _, remedy := range last.Remedies {
		d.printf("  - %s\n", d.remedy(remedy, unitName(last.Unit)))
	}
}

// remedy says what would have let a spend through.
func (d *drawing) remedy(r credits.Remedy, unit string) string {
	switch r.Kind {
	case credits.RemedyWait:
		return "wait until " + d.local(r.Until).Format("2 January 2006, 15:04 MST")
	case credits.RemedyBuy:
		return fmt.Sprintf("buy %s %s for %v", number(r.Buy), unit, r.Price)
	case credits.RemedyAuto:
		return "switch auto-purchase on"
	case credits.RemedyLimit:
		return "move to a plan whose auto-purchase may buy more"
	default:
		return r.Kind.String()
	}
}

func (d *drawing) byAction() {
	if len(d.actions) == 0 {
		d.heading("Usage: none")
		return
	}
	d.heading("Usage by action")
	t := &table{align: "lnnnlr"}
	t.add("", "times", "quantity", "cost", "", "share")
	keys := byCost(d.actions, func(x, y use) int { return cmp.Or(cmp.Compare(x.unit, y.unit), cmp.Compare(x.action, y.action)) })
	for _, u := range keys {
		n := d.actions[u]
		cost := n.cost[u.unit]
		t.add(fit(u.action, nameWidth), grouped(fmt.Sprint(n.rows)), grouped(fmt.Sprint(n.quantity)), number(cost), unitName(u.unit),
			percent(cost, d.spent(u.unit)))
	}
	d.printf("%s", t)
}

func (d *drawing) byUser() {
	if len(d.users) == 0 {
		return
	}
	d.heading("Usage by user")
	t := &table{align: "lnnrl"}
	t.add("", "times", "credits", "share", "besides")
	users := byCost(d.users, strings.Compare)
	for _, user := range users[:min(len(users), mostNames)] {
		n := d.users[user]
		besides := maps.Clone(n.cost)
		delete(besides, "")
		t.add(fit(user, nameWidth), grouped(fmt.Sprint(n.rows)), number(n.cost[""]), percent(n.cost[""], d.spent("")), amounts(besides))
	}
	d.printf("%s", t)
	if n := len(users) - mostNames; n > 0 {
		d.printf("  and %s more\n", count(n, "user"))
	}
}

// byDay draws the credits that were spent on each day.
func (d *drawing) byDay(r *replay) {
	d.heading("Credits by day   # of the plan   + of extra credits")
	last := date(d.local(d.wallet.At()))
	from := last.AddDate(0, 0, 1-mostDays)
	if first := date(d.local(r.first)); first.After(from) {
		from = first
	}
	refused := map[time.Time]int{}
	for _, x := range r.refused {
		refused[date(d.local(x.at))]++
	}
	highest := credits.Amount(1)
	for _, day := range d.days {
		highest = max(highest, day.plan+day.extra)
	}
	t := &table{align: "lnl"}
	for on := from; !on.After(last); on = on.AddDate(0, 0, 1) {
		n := cmp.Or(d.days[on.Format(time.DateOnly)], new(day))
		bar := strings.Repeat("#", part(n.plan, highest))
		bar += strings.Repeat("+", part(n.plan+n.extra, highest)-len(bar))
		t.add(on.Format("Mon _2 Jan"), number(n.plan+n.extra), strings.TrimSpace(bar+"  "+marks(n, refused[on])))
	}
	d.printf("%s", t)
}

// marks says what else happened on a day.
func marks(n *day, refused int) string {
	var marks []string
	if n.reset {
		marks = append(marks, "reset")
	}
	if n.purchases > 0 {
		marks = append(marks, count(n.purchases, "purchase"))
	}
	if refused > 0 {
		marks = append(marks, fmt.Sprintf("%d refused", refused))
	}
	return strings.Join(marks, ", ")
}

// proof says that what is reported is what happened.
func (d *drawing) proof() {
	head := d.wallet.Head().Hash
	d.printf("\nverified: %s entries, chain head %s…\n", grouped(fmt.Sprint(d.entries)), hex.EncodeToString(head[:8]))
}
