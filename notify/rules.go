package notify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"example.com/credits"
)

// Rules say when a balance is low. All other notices need no rules. Rules are
// data: a host keeps them as JSON, for all wallets or for each.
type Rules struct {
	Low []Threshold `json:"low,omitempty"` // at most 16
}

// Threshold is an amount that is low: a balance crosses it that was above and is
// not any more. It has an Amount or a Share.
type Threshold struct {
	Unit   credits.Unit   `json:"unit,omitempty"`
	Amount credits.Amount `json:"amount,omitempty"` // more than 0
	Share  credits.Share  `json:"share,omitzero"`   // of what the plan allows a cycle, without add-ons, rollover and purchases; 0.01 % to 100 %
}

// maxThresholds is how many thresholds rules have.
const maxThresholds = 16

// Validate returns all that is wrong with the rules, joined: each a
// [credits.InvalidError] with the path of its field, such as "low[1].share".
func (r Rules) Validate() error {
	if len(r.Low) > maxThresholds {
		return &credits.InvalidError{Field: "low", Reason: "has more than 16 thresholds", Err: credits.ErrLimit}
	}
	var faults []error
	for i, t := range r.Low {
		at := fmt.Sprintf("low[%d]", i)
		for _, f := range t.faults() {
			f.Field = at + f.Field
			faults = append(faults, f)
		}
		if first := slices.Index(r.Low, t); first < i {
			faults = append(faults, &credits.InvalidError{Field: at, Reason: fmt.Sprintf("is the same as low[%d]", first)})
		}
	}
	return errors.Join(faults...)
}

// faults returns what is wrong with t.
func (t Threshold) faults() (faults []*credits.InvalidError) {
	fault := func(field, reason string) {
		faults = append(faults, &credits.InvalidError{Field: field, Reason: reason})
	}
	if len(t.Unit) > 64 || !utf8.ValidString(string(t.Unit)) {
		fault(".unit", "is not valid UTF-8 of at most 64 bytes")
	}
	if t.Amount < 0 {
		fault(".amount", "is negative")
	}
	if t.Share < 0 || t.Share > 100*credits.Percent {
		fault(".share", "is not 0.01% to 100%")
	}
	switch {
	case t.Amount == 0 && t.Share == 0:
		fault(".amount", "is not given, nor is a share")
	case t.Amount != 0 && t.Share != 0:
		fault(".amount", "and a share are both given")
	}
	return faults
}

// String returns the threshold in words, such as "20%" or "50 conversations".
func (t Threshold) String() string {
	text := t.Amount.String()
	if t.Share != 0 {
		text = t.Share.String()
	}
	if t.Unit != "" {
		text += " " + string(t.Unit)
	}
	return text
}

// level returns what the threshold comes to under a plan, rounded down to a
// microcredit; 0 if the plan has nothing that it is a share of.
func (t Threshold) level(plan *credits.Plan) credits.Amount {
	if t.Share == 0 {
		return t.Amount
	}
	whole := credits.Amount(100 * credits.Percent)
	for _, a := range plan.Allowances {
		if a.Unit == t.Unit {
			return a.Amount/whole*credits.Amount(t.Share) + a.Amount%whole*credits.Amount(t.Share)/whole
		}
	}
	return 0
}

// crossings returns the thresholds that moves cross downwards.
func (r Rules) crossings(plan credits.Plan, moves []move) []Notice {
	if r.Validate() != nil {
		r.Low = nil
	}
	var all []Notice
	for _, m := range moves {
		crosses := func(level credits.Amount) bool { return m.before > level && m.after <= level-m.begun }
		var told []Notice
		for _, t := range r.Low {
			if level := t.level(&plan); t.Unit == m.unit && level > 0 && crosses(level) {
				told = append(told, Notice{Kind: LowBalance, Entry: *m.took, Unit: m.unit, Balance: m.after, Rule: t, Level: level})
			}
		}
		slices.SortStableFunc(told, func(a, b Notice) int { return cmp.Compare(b.Level, a.Level) })
		if crosses(0) {
			told = append(told, Notice{Kind: Exhausted, Entry: *m.took, Unit: m.unit, Balance: m.after})
		}
		all = append(all, told...)
	}
	return all
}
