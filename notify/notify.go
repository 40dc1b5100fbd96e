// Package notify tells from entries what the people behind a wallet should hear:
// that its credits run low, that a payment failed.
//
// What there is to tell is a function of the entries alone. [Rules.Notices] keeps
// nothing and sends nothing: a consumer of [credits.Ledger.Feed] calls it with each
// slice and sends what it says. A balance that crosses a threshold downwards is
// told once, where it does; it has to rise above it again before it can cross it
// again. The feed may hand over a slice twice, and then the same notices come
// twice, with the same [Notice.ID]: by that a host knows what it has sent.
//
// Entries that were committed together are judged together, by the balance before
// the first and after the last: at a reset the old allowance ends and the new one
// begins, and nothing was exhausted; nor is it by a spend that auto-purchase makes
// up for. What falls due by time is an entry when it is written: call
// [credits.Ledger.Tick] for notices to be prompt.
//
// Balances are those of the whole wallet: what can be spent of a unit, that for
// some features or one scope included, less what is owed. What holds set aside
// cannot be spent, so that a hold may cross a threshold and its release go back.
package notify

import (
	"fmt"

	"example.com/credits"
)

// Kind is what a notice tells, in words.
type Kind string

// The kinds.
const (
	LowBalance     Kind = "low balance"     // no more is left than a threshold of the rules
	Exhausted      Kind = "exhausted"       // nothing of a unit is left, or less
	Renewed        Kind = "renewed"         // a cycle began
	Purchased      Kind = "purchased"       // credits, or units of an add-on, were bought: paid, or owed by the entry
	PaymentFailed  Kind = "payment failed"  // a purchase was declined, or had no outcome for 24 hours; auto-purchase waits after a decline
	ActionRequired Kind = "action required" // a purchase waits until the payer does something: see Entry.Payment.URL
	Resumed        Kind = "resumed"         // auto-purchase goes on that a decline had suspended
)

// Notice is one thing to tell.
type Notice struct {
	Kind    Kind
	Entry   credits.Entry  // that made it so; its Wallet, Seq and At are the notice's
	Unit    credits.Unit   // of Balance and Level: the one that ran low or out; else the entry's
	Balance credits.Amount // of Unit after all that was committed with the entry
	Rule    Threshold      // of LowBalance: which of the rules
	Level   credits.Amount // of LowBalance: what the rule came to, by the plan of then
}

// ID identifies the notice: the same entries give the same IDs, and no two
// notices have one. What is told of one purchase's payment has one ID for each
// kind, however often a provider repeats it.
func (n Notice) ID() string {
	seq := n.Entry.Seq
	if n.Kind == PaymentFailed || n.Kind == ActionRequired {
		seq = n.Entry.Of
	}
	id := fmt.Sprintf("%q/%d/%s", n.Entry.Wallet, seq, n.Kind)
	if n.Kind == LowBalance {
		id += "/" + n.Rule.String()
	}
	return id
}

// Notices returns what is to be told of entries of one wallet, in order: those of
// a slice of [credits.Ledger.Feed], or of any part of a history that begins and
// ends between two commits. Of one commit, what happened comes first, then the
// thresholds that were crossed, the highest first, and Exhausted last: who sends
// one message only takes the last.
//
// The plan is the wallet's before the first entry, by whose allowances the rules
// count their percentages; from an entry that sets another plan on it is that.
// That a threshold moves with the plan is no crossing. Rules that are not valid
// tell nothing.
//
// An automatic purchase that begins counts as if it were paid: what it makes up
// for is neither low nor exhausted. If it fails, that is told.
func (r Rules) Notices(plan credits.Plan, entries []credits.Entry) []Notice {
	var all []Notice
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && together(&entries[0], &entries[n]) {
			n++
		}
		group := entries[:n]
		for i := range group {
			if c := group[i].Cycle; c != nil && c.Plan != nil {
				plan = *c.Plan
			}
		}
		moves := movesOf(group)
		all = append(all, events(group, moves)...)
		all = append(all, r.crossings(plan, moves)...)
		entries = entries[n:]
	}
	return all
}

// together reports whether two entries are of one command, or fell due at one instant.
func together(a, b *credits.Entry) bool {
	return a.Key == b.Key && a.At.Equal(b.At)
}

// events returns what single entries of a group tell.
func events(group []credits.Entry, moves []move) []Notice {
	var told []Notice
	for i := range group {
		e := &group[i]
		for _, k := range kindsOf(e) {
			n := Notice{Kind: k, Entry: *e, Unit: e.Unit, Balance: e.Balance}
			for _, m := range moves {
				if m.unit == e.Unit {
					n.Balance = m.after
				}
			}
			told = append(told, n)
		}
	}
	return told
}

// kindsOf returns what an entry tells by itself.
func kindsOf(e *credits.Entry) (kinds []Kind) {
	switch {
	case e.Kind == credits.KindRenewed:
		kinds = append(kinds, Renewed)
	case e.Kind == credits.KindPurchased && e.Purchase != nil, // the first of its lots
		e.Kind == credits.KindUnitsSet && e.Charge.Micros > 0:
		kinds = append(kinds, Purchased)
	case e.Kind == credits.KindSettled && e.Payment != nil:
		switch e.Payment.State {
		case credits.Declined, credits.Abandoned:
			kinds = append(kinds, PaymentFailed)
		case credits.ActionRequired:
			kinds = append(kinds, ActionRequired)
		}
	}
	if e.Setting != nil && e.Setting.Resume {
		kinds = append(kinds, Resumed)
	}
	return kinds
}

// move is what a group did to the balance of a unit.
type move struct {
	unit   credits.Unit
	before credits.Amount
	after  credits.Amount
	begun  credits.Amount // what purchases bring that began
	took   *credits.Entry // the last that took from it
}

// movesOf returns the moves of a group, by unit in order of their first.
func movesOf(group []credits.Entry) []move {
	var moves []move
	of := func(unit credits.Unit) *move {
		for i := range moves {
			if moves[i].unit == unit {
				return &moves[i]
			}
		}
		return nil
	}
	for i := range group {
		e := &group[i]
		if len(e.Lines) == 0 {
			continue
		}
		by := change(e)
		m := of(e.Unit)
		if m == nil {
			moves = append(moves, move{unit: e.Unit, before: e.Balance - by, took: e})
			m = &moves[len(moves)-1]
		}
		m.after = e.Balance
		if by < 0 {
			m.took = e
		}
	}
	for i := range group {
		if p := group[i].Purchase; p != nil && group[i].Kind == credits.KindIntended {
			for _, g := range p.Goods {
				if m := of(g.Unit); m != nil {
					m.begun += g.Amount
				}
			}
		}
	}
	return moves
}

// change returns by how much an entry changed its balance.
func change(e *credits.Entry) (by credits.Amount) {
	for i := range e.Lines {
		ln := &e.Lines[i]
		switch ln.From {
		case credits.Available, credits.Debt:
			by -= ln.Amount
		}
		switch ln.To {
		case credits.Available, credits.Debt:
			by += ln.Amount
		}
	}
	return by
}
