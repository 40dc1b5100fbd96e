package story

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
)

// line is a row of the journal: entries that belong together.
type line struct {
	entries []credits.Entry
	own     bool // of the command that is told
}

// tell adds to the journal what was written about the wallet since it was last
// told. own are the entries of the command that words are about.
func (s *Story) tell(words string, own []credits.Entry) {
	var lines []line
	for e, err := range s.History(context.Background(), s.about, credits.HistoryQuery{After: s.told[s.about]}) {
		if err != nil {
			s.fail("history", err)
			return
		}
		s.told[s.about] = e.Seq
		if e.Kind == credits.KindExpired && e.Unit != "" || e.Kind == credits.KindIntended || e.Kind == credits.KindMistaken {
			continue
		}
		mine := len(own) > 0 && own[0].Seq <= e.Seq && e.Seq <= own[len(own)-1].Seq
		if n := len(lines); n > 0 && lines[n-1].goesOn(e, mine) {
			lines[n-1].entries = append(lines[n-1].entries, e)
			continue
		}
		lines = append(lines, line{[]credits.Entry{e}, mine})
	}
	for _, ln := range lines {
		switch {
		case !ln.own:
			s.add(s.words(ln), ln)
		case words != "":
			s.add(words, ln)
		}
	}
}

// goesOn reports whether an entry belongs to the line.
func (ln line) goesOn(e credits.Entry, own bool) bool {
	last := ln.entries[len(ln.entries)-1]
	switch {
	case own != ln.own || !last.At.Equal(e.At):
		return false
	case own || e.Key != "":
		return own || last.Key == e.Key
	default:
		return e.Kind == credits.KindGranted // of the cycle that begins
	}
}

// add adds a line to the journal.
func (s *Story) add(text string, ln line) {
	var change, left credits.Amount
	var charge credits.Money
	moved := false
	text += brought(ln.entries)
	for _, e := range ln.entries {
		sum, err := charge.Add(e.Charge)
		if err != nil {
			s.fail(text, err)
		}
		charge = sum
		for _, l := range e.Lines {
			if e.Unit != "" {
				break
			}
			moved, left = true, e.Balance
			if l.To == credits.Available {
				change += l.Amount
			}
			if l.From == credits.Available {
				change -= l.Amount
			}
		}
	}
	by, rest, paid := "", "", ""
	if moved {
		rest = page.Number(left)
	}
	if change > 0 {
		by = "+"
	}
	if change != 0 {
		by += page.Number(change)
	}
	if !charge.IsZero() {
		paid = page.Money(charge)
	}
	s.row(ln.entries[0].At, text, by, rest, paid)
}

// brought says what came in other units than credits.
func brought(entries []credits.Entry) (text string) {
	sums := map[credits.Unit]credits.Amount{}
	var units []credits.Unit
	for _, e := range entries {
		if e.Opens == nil || e.Unit == "" {
			continue
		}
		if sums[e.Unit] == 0 {
			units = append(units, e.Unit)
		}
		sums[e.Unit] += e.Opens.Amount
	}
	for _, unit := range units {
		text += fmt.Sprintf(", with %s %s", page.Number(sums[unit]), unit)
	}
	return text
}

// words tells of what no step was told to do.
func (s *Story) words(ln line) string {
	e := ln.entries[0]
	switch e.Kind {
	case credits.KindRenewed:
		return "a new cycle begins"
	case credits.KindUnitsRenewed:
		return "add-ons are renewed"
	case credits.KindExpired:
		lot, _ := s.Wallet().Lot(e.Of)
		return "unused " + from(lot.Source) + " expire"
	case credits.KindRolledOver:
		return page.Number(e.Opens.Amount) + " carried over"
	case credits.KindRevoked:
		lot, _ := s.Wallet().Lot(e.Of)
		return from(lot.Source) + " are revoked"
	case credits.KindAnswered:
		return "the request is " + e.Request.State.String()
	case credits.KindEnded:
		return "the plan ends: " + e.Change.End.String()
	case credits.KindSettled:
		if e.Payment.State == credits.Declined {
			return "the payment is declined: " + e.Payment.Reason
		}
		return "bought automatically"
	default:
		return e.Kind.String()
	}
}

func from(s credits.Source) string {
	switch s {
	case credits.FromAllowance:
		return "credits of the plan"
	case credits.FromAddOn:
		return "add-on credits"
	case credits.FromPurchase, credits.FromAuto:
		return "bought credits"
	default:
		return "credits of a " + s.String()
	}
}

// wide is how many columns the words of a row have. Longer ones go on below.
const wide = 43

// row adds a row to the journal.
func (s *Story) row(at time.Time, text, change, left, charge string) {
	if s.rows == nil {
		s.rows = page.NewTable("llnnr", "", strings.Repeat(" ", wide), "  credits", "    left", "    charge")
	}
	lines := wrapped(text)
	s.rows.Add(at.In(s.zone).Format("_2 Jan 15:04"), lines[0], change, left, charge)
	for _, rest := range lines[1:] {
		s.rows.Add("", "  "+rest)
	}
}

// wrapped breaks words into lines that fit.
func wrapped(text string) (lines []string) {
	for paragraph := range strings.Lines(text) {
		lines = append(lines, "")
		for _, word := range strings.Fields(paragraph) {
			last := &lines[len(lines)-1]
			switch {
			case *last == "":
				*last = word
			case len(*last)+len(word)+3 <= wide:
				*last += " " + word
			default:
				lines = append(lines, word)
			}
		}
	}
	return lines
}

// flush puts the journal on the page and reports whether there was any.
func (s *Story) flush() bool {
	if s.rows == nil {
		return false
	}
	s.Gap()
	s.Table(s.rows)
	s.rows = nil
	return true
}
