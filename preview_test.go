package credits_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
)

// TestPreviewWithoutAKey shows that a preview needs no key, tells what a new one
// would do, and leaves nothing behind.
func TestPreviewWithoutAKey(t *testing.T) {
	r := newRig(t, "2026-01-01")
	r.open(monthly("100"))
	before := r.dump(acme)
	for range 2 {
		got, err := r.ledger.Preview(r.ctx, acme, "", credits.Spend{Amount: n("30")})
		if err != nil || got.Replayed || got.Amount != n("30") || got.Balance != n("70") {
			t.Errorf("Preview = %+v, %v", got, err)
		}
	}
	if diff := cmp.Diff(before, r.dump(acme)); diff != "" {
		t.Errorf("a preview changed the store (-before +after):\n%s", diff)
	}
}
