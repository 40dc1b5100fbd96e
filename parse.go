package credits

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ParsePlans reads a catalogue, a JSON object {"plans": [...]}, and validates
// every plan in it. Fields it does not know are errors.
func ParsePlans(data []byte) ([]Plan, error) {
	var file struct {
		Plans []Plan `json:"plans"`
	}
	if err := strictJSON(data, &file); err != nil {
		return nil, err
	}
	if len(file.Plans) == 0 {
		return nil, invalid("plans", "there are none")
	}
	var faults []error
	seen := map[string]bool{}
	for i, p := range file.Plans {
		path := fmt.Sprintf("plans[%d]", i)
		faults = append(faults, faultsWithin(path, p.Validate())...)
		if id := fmt.Sprint(p.ID, " ", p.Version); p.ID != "" && seen[id] {
			faults = append(faults, within(path, invalid("version", "plan %q has it twice", p.ID)))
		} else {
			seen[id] = true
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return file.Plans, nil
}

// faultsWithin returns the joined faults of err, each with a path before it.
func faultsWithin(path string, err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var faults []error
		for _, e := range joined.Unwrap() {
			faults = append(faults, faultsWithin(path, e)...)
		}
		return faults
	}
	return []error{within(path, err)}
}

// strictJSON decodes one JSON value into v. Unknown fields and anything after the
// value are errors, and an error names the path of the field.
func strictJSON[T any](data []byte, v *T) error {
	err := decodeStrictly(data, v)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var field *InvalidError
	switch {
	case errors.As(err, &syntax):
		return invalid("", "byte %d: %v", syntax.Offset, err)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return invalid("", "byte %d: ends before it is complete", len(data))
	}
	// The decoder does not say where: it is the value without which the error is another.
	where := culprit(data, err.Error(), func(data []byte) error { return decodeStrictly(data, new(T)) })
	switch {
	case errors.As(err, &kind):
		if where == "" {
			where = kind.Field
		}
		return invalid(where, "cannot be a JSON %s", kind.Value)
	case errors.As(err, &field):
		at := *field
		at.Field = where
		return &at
	default:
		return invalid(where, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
}

func decodeStrictly(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return invalid("", "there is something after it")
	}
	return nil
}

// culprit returns the path of the deepest value of a JSON text without which
// decoding it does not fail as it did; empty if there is none. It halves the
// members of each level, and goes no deeper once it has decoded some megabytes.
func culprit(data []byte, fault string, decode func([]byte) error) string {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return ""
	}
	left := 4 << 20
	same := func() bool { // the text fails as it did
		without, err := json.Marshal(tree)
		if left -= len(without); err != nil || left < 0 {
			return true
		}
		err = decode(without)
		return err != nil && err.Error() == fault
	}
	path := ""
	for v := tree; left > 0; {
		all := membersOf(v)
		for from := all; len(from) > 1; {
			half := from[:len(from)/2]
			for _, m := range half {
				m.put(nil)
			}
			in := !same()
			for _, m := range half {
				m.put(m.value)
			}
			if from = from[len(half):]; in {
				from = half
			}
			all = from
		}
		if len(all) == 0 {
			return path
		}
		all[0].put(nil)
		found := !same()
		all[0].put(all[0].value)
		if !found {
			return path
		}
		path, v = joined(path, all[0].name), all[0].value
	}
	return path
}

// member is a value within a JSON value.
type member struct {
	name  string
	value any
	put   func(any)
}

func membersOf(v any) (all []member) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, member{name, v[name], func(x any) { v[name] = x }})
		}
	case []any:
		for i := range v {
			all = append(all, member{fmt.Sprintf("[%d]", i), v[i], func(x any) { v[i] = x }})
		}
	}
	return all
}

// joined returns a path with a member's name after it.
func joined(path, name string) string {
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}
