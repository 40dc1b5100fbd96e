package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"example.com/credits"
)

// Opening is a balance of another system: one lot of a wallet. Its JSON form is
// a line such as
//
//	{"wallet":"acme","key":"crm-17","plan":"pro","grant":{"amount":"12.5","expires":"2027-01-01T00:00:00Z","paid":"9.00 USD"}}
type Opening struct {
	Wallet credits.WalletID `json:"wallet"`
	Key    credits.Key      `json:"key"`             // the other system's name for it, unique in the wallet: what came in under it comes in once
	Plan   string           `json:"plan"`            // the ID of the plan under which the wallet is opened, if it is not open
	Zone   string           `json:"zone,omitempty"`  // of a wallet that is opened; default UTC
	Grant  *credits.Grant   `json:"grant,omitempty"` // with what was paid for it in Paid; nil opens the wallet alone

	line int // of the file that it was in
}

// OpeningError says why an opening was refused.
type OpeningError struct {
	Line    int // of the file, or how many-th it was; from 1
	Opening Opening
	Err     error // a [credits.RefusedError], or a [credits.InvalidError] with the path of the field, such as "grant.amount"
}

// Error returns the line and what is wrong with it.
func (e *OpeningError) Error() string {
	return fmt.Sprintf("archive: line %d: %s", e.Line, strings.TrimPrefix(e.Err.Error(), "credits: "))
}

// Unwrap returns Err.
func (e *OpeningError) Unwrap() error { return e.Err }

// Opened says what became of openings.
type Opened struct {
	Lots    int             // that came in
	Before  int             // that had come in before
	Refused []*OpeningError // at most 1,000 of them
	Bad     int             // how many were refused in all
}

// openingLimit is the most bytes of a line, and refusedLimit the most refusals that are reported.
const (
	openingLimit = 1 << 20
	refusedLimit = 1000
)

// Open brings in balances of another system. A wallet that is not open is opened
// under its plan, by the version that plans has of it and the key "archive/open",
// with the first allowances that the plan grants: give those who bring a balance
// a plan that grants none at first, if they are not to have both. Each lot is a
// [credits.Grant], with its own unit, start, expiry, priority, scope, features and cost.
//
// An opening that is refused keeps no other from coming in. Called again with
// the same openings, it brings in what is missing. It ends at an error of the store, [credits.ErrRetry] or
// [credits.ErrUnknown], and at one of openings that is no [OpeningError].
func Open(ctx context.Context, l *credits.Ledger, plans []credits.Plan, openings iter.Seq2[Opening, error]) (Opened, error) {
	var report Opened
	n := 0
	for o, err := range openings {
		if n++; o.line > 0 {
			n = o.line
		}
		var bad *OpeningError
		if err == nil {
			var again bool
			if again, err = o.open(ctx, l, plans); err == nil {
				switch {
				case o.Grant == nil:
				case again:
					report.Before++
				default:
					report.Lots++
				}
				continue
			}
			if !errors.Is(err, credits.ErrInvalid) && !errors.Is(err, credits.ErrRefused) {
				return report, err
			}
			bad = &OpeningError{Line: n, Opening: o, Err: err}
		} else if !errors.As(err, &bad) {
			return report, err
		}
		report.Bad++
		if len(report.Refused) < refusedLimit {
			report.Refused = append(report.Refused, bad)
		}
	}
	return report, nil
}

// open brings in one opening, and reports whether that was done before.
func (o *Opening) open(ctx context.Context, l *credits.Ledger, plans []credits.Plan) (again bool, err error) {
	if _, err := l.Head(ctx, o.Wallet); errors.Is(err, credits.ErrNotFound) {
		i := slices.IndexFunc(plans, func(p credits.Plan) bool { return p.ID == o.Plan })
		if i < 0 {
			return false, &credits.InvalidError{Field: "plan", Reason: fmt.Sprintf("%q is not in the catalogue", o.Plan), Err: credits.ErrNotFound}
		}
		_, err = l.Do(ctx, o.Wallet, "archive/open", credits.Open{Plan: plans[i], Zone: o.Zone})
		if err != nil && !errors.Is(err, credits.ErrExists) && !errors.Is(err, credits.ErrKeyReused) { // another was quicker
			return false, err
		}
	} else if err != nil {
		return false, err
	}
	if o.Grant == nil {
		return false, nil
	}
	r, err := l.Do(ctx, o.Wallet, o.Key, *o.Grant)
	return r.Replayed, within("grant", err)
}

// ParseOpenings yields the openings of a file, one a line. A line that is wrong
// is an [OpeningError], after which it goes on; any other error is the reader's, and the last.
func ParseOpenings(r io.Reader) iter.Seq2[Opening, error] {
	return func(yield func(Opening, error) bool) {
		lines := bufio.NewReaderSize(r, 1<<16)
		for n := 1; ; n++ {
			text, err := readLine(lines)
			if err != nil && err != io.EOF {
				yield(Opening{}, fmt.Errorf("archive: line %d: %w", n, err))
				return
			}
			if len(bytes.TrimSpace(text)) > 0 {
				o, bad := parseOpening(text)
				if bad != nil {
					bad = &OpeningError{Line: n, Opening: o, Err: bad}
				}
				if o.line = n; !yield(o, bad) {
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}
}

// readLine returns the next line, and no more of it than shows that it is too long.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(text) <= openingLimit {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

func parseOpening(text []byte) (o Opening, err error) {
	if len(text) > openingLimit {
		return o, &credits.InvalidError{Reason: "the line has more than 1 MiB", Err: credits.ErrLimit}
	}
	var form struct {
		Wallet credits.WalletID `json:"wallet"`
		Key    credits.Key      `json:"key"`
		Plan   string           `json:"plan"`
		Zone   string           `json:"zone"`
		Grant  json.RawMessage  `json:"grant"` // which package credits reads strictly
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err = dec.Decode(&form)
	o = Opening{Wallet: form.Wallet, Key: form.Key, Plan: form.Plan, Zone: form.Zone}
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typed):
		return o, &credits.InvalidError{Field: typed.Field, Reason: "is a JSON " + typed.Value + " that does not belong there"}
	case err != nil:
		name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
		if unknown {
			return o, &credits.InvalidError{Field: strings.Trim(name, `"`), Reason: "is not known"}
		}
		return o, &credits.InvalidError{Reason: "the line is no JSON: " + err.Error()}
	case len(bytes.TrimSpace(text[dec.InputOffset():])) > 0:
		return o, &credits.InvalidError{Reason: "the line has something after its end"}
	case len(form.Grant) == 0:
		return o, nil
	}
	c, err := credits.ParseCommand(slices.Concat([]byte(`{"grant":`), form.Grant, []byte("}")))
	if g, ok := c.(credits.Grant); ok {
		o.Grant = &g
	}
	return o, err
}

// within returns err with a path before the field that it names.
func within(path string, err error) error {
	var e *credits.InvalidError
	if !errors.As(err, &e) || e.Field == "key" || e.Field == "wallet" {
		return err
	}
	at := *e
	at.Field = strings.TrimSuffix(path+"."+e.Field, ".")
	return &at
}
