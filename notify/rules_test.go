package notify_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/notify"
)

// checkRules reads rules and expects what is wrong with them, and that those that
// are right are the same after they were written.
func checkRules(t *testing.T, text, want string) {
	t.Helper()
	var r notify.Rules
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	err := r.Validate()
	if want != "" {
		var fault *credits.InvalidError
		if !errors.As(err, &fault) || !errors.Is(err, credits.ErrInvalid) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		entries := []credits.Entry{{Lines: []credits.Line{{From: credits.Available, To: credits.Consumed, Amount: 10 * cr}}, Balance: 1}}
		if got := r.Notices(plan(), entries); got != nil {
			t.Errorf("rules that are not valid tell %+v", got)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back notify.Rules
	if err := json.Unmarshal(again, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}
}

// checkLimit expects that rules of one threshold too many are refused.
func checkLimit(t *testing.T, many notify.Rules) {
	t.Helper()
	if err := many.Validate(); !errors.Is(err, credits.ErrLimit) {
		t.Errorf("%d thresholds: %v, want ErrLimit", len(many.Low), err)
	}
	many.Low = many.Low[1:]
	if err := many.Validate(); err != nil {
		t.Errorf("%d thresholds: %v", len(many.Low), err)
	}
}
