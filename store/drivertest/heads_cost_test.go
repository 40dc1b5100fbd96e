package drivertest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"example.com/credits/store"
)

// TestPostgresHeadsCost has wallets of which few are due at first, then as many as
// are picked out one by one, one more, and all. Each time those that are due are
// found, in order of name; and to find few reads next to nothing, however many there are besides.
func TestPostgresHeadsCost(t *testing.T) {
	t.Parallel()
	var trace tracer
	db := openAs(t, func(config *pgx.ConnConfig) {
		service(config)
		config.Tracer = &trace
	})
	schema := newSchema(t)
	s, super := open(t, db, schema), openAs(t, nil)
	super.SetMaxOpenConns(1)
	must(t, super, `SET plan_cache_mode = force_generic_plan`)
	const wallets, few = 10_000, 2048
	writes := make([]store.Write, wallets)
	rank := func(i int) int { return i * 7919 % wallets } // when it is due, in no order of name
	for i := range writes {
		writes[i] = write(fmt.Sprintf("w%06d", i), 0)
		writes[i].Changes[0].Due = int64(1 + rank(i))
	}
	keepAll(t, s, writes...)
	for _, due := range []int64{3, few, few + 1, wallets} {
		for _, f := range []store.Filter{{Due: due}, {Due: due, Limit: 100}, {Due: due, After: "w005000", Limit: 5}, {Due: due, Pending: true}} {
			t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
				var want, got []string
				for i := range wallets {
					name := fmt.Sprintf("w%06d", i)
					if int64(rank(i)) < due && name > f.After && (f.Limit == 0 || len(want) < f.Limit) {
						want = append(want, name)
					}
				}
				trace.take()
				for h, err := range s.Heads(t.Context(), f) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, h.Wallet)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%d wallets, not %d", len(got), len(want))
				}
				found := buffers.FindStringSubmatch(explainWith(t, super, "ANALYZE, BUFFERS, COSTS OFF, TIMING OFF", trace.take()[0]))
				if pages, err := strconv.Atoi(found[1]); due == 3 && (err != nil || pages > 40) {
					t.Errorf("%d pages are read for %d wallets (%v)", pages, due, err)
				}
			})
		}
	}
	t.Run("few are pending", func(t *testing.T) {
		must(t, super, fmt.Sprintf(`UPDATE %q.credits_wallets SET fed = seq, pending = false WHERE id NOT IN ('w000007', 'w009000')`, schema))
		for _, f := range []store.Filter{{Pending: true}, {Pending: true, Limit: 100}, {Pending: true, Due: wallets}} {
			trace.take()
			var got []string
			for h, err := range s.Heads(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, h.Wallet)
			}
			if !slices.Equal(got, []string{"w000007", "w009000"}) {
				t.Errorf("%+v: %v", f, got)
			}
			plan := explainWith(t, super, "ANALYZE, BUFFERS, COSTS OFF, TIMING OFF", trace.take()[0])
			if !strings.Contains(plan, "Scan using credits_wallets_pending") || f.Due == 0 && strings.Contains(plan, "pkey") {
				t.Errorf("%+v: wallets that are not pending are read:\n%s", f, plan)
			}
		}
	})
}
