// Package storetest checks that a store does what package store asks of it.
//
// A store's own test is one call:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return new(memory.Store) }, storetest.Pruner, storetest.Digester)
//	}
//
// What a store does beyond [store.Store] is declared, and tested then; of what is
// not declared it is tested that the store does nothing of the kind.
//
// Each case is a subtest. When it fails, it quotes the rule of package store
// that it tests, and says what a ledger would suffer.
//
// [Faulty] wraps a store so that chosen calls fail: with it, what uses a store is tested.
package storetest

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/credits/store"
)

// SeedVariable names the environment variable whose number seeds the random
// cases. If it is not set, each of them draws a seed, and shows it when it fails.
const SeedVariable = "STORETEST_SEED"

// caseLimit is how long one case may take before its calls are cancelled.
const caseLimit = 2 * time.Minute

// Capability is what a store may do beyond [store.Store].
type Capability string

// The capabilities.
const (
	Pruner   Capability = "pruner"   // it is a [store.Pruner]
	Digester Capability = "digester" // it is a [store.Digester], and not bound to a transaction
)

// Run runs every case as a subtest, each on a store of its own: open returns
// one that is empty, and leaves its closing to t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store, has ...Capability) {
	t.Helper()
	for all := cases(has...); len(all) > 0; {
		group, n := all[0].group(), 1
		for n < len(all) && all[n].group() == group {
			n++
		}
		t.Run(group, func(t *testing.T) {
			for _, c := range all[:n] {
				t.Run(strings.TrimPrefix(c.name, group+"/"), func(t *testing.T) { c.check(t, open(t)) })
			}
		})
		all = all[n:]
	}
}

// testcase is one case of the suite.
type testcase struct {
	name string // group/what it shows
	rule string // the words of package store that it tests
	why  string // what a ledger would suffer
	run  func(k *kit)
}

// group returns the first word of the name.
func (c *testcase) group() string {
	group, _, _ := strings.Cut(c.name, "/")
	return group
}

// check runs the case on an empty store.
func (c *testcase) check(t reporter, s store.Store) {
	ctx, cancel := context.WithTimeout(t.Context(), caseLimit)
	defer cancel()
	k := &kit{reporter: t, ctx: ctx, s: s, m: newModel()}
	defer func() {
		if t.Failed() {
			t.Logf("the rule: %s\nwhy: %s", c.rule, c.why)
		}
	}()
	c.run(k)
}

// cases returns the suite for stores with some capabilities; the cases of one group stand together.
func cases(has ...Capability) []testcase {
	var names []string
	groups := make(map[string][]testcase)
	suite := []func() []testcase{
		loadCases, haveCases, belowCases, receiptCases, sharedCases, partCases,
		commitCases, swapCases, markCases, keyCases, writeCases, mixedWriteCases, malformedCases, eraseCases,
		entryCases, pageCases, headCases, ackCases,
		nameCases, numberCases, timeCases, bodyCases, bufferCases, returnedCases, contextCases,
		isolationCases, concurrentCases, randomCases,
	}
	if slices.Contains(has, Pruner) {
		suite = append(suite, checkpointCases, pruneCases, prunedCases, prunedReceiptCases, restoreCases)
	} else {
		suite = append(suite, unprunedCases)
	}
	if slices.Contains(has, Digester) {
		suite = append(suite, askedDigestCases, digestCases, keptDigestCases, erasedDigestCases)
	} else {
		suite = append(suite, undigestedCases)
	}
	if slices.Contains(has, Pruner) && slices.Contains(has, Digester) {
		suite = append(suite, prunedDigestCases)
	}
	for _, some := range suite {
		for _, c := range some() {
			name := c.group()
			if groups[name] == nil {
				names = append(names, name)
			}
			groups[name] = append(groups[name], c)
		}
	}
	var all []testcase
	for _, name := range names {
		all = append(all, groups[name]...)
	}
	return all
}

// reporter is what a case needs of a [testing.T].
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Context() context.Context
}

// random returns a source of randomness whose seed is shown if the case fails.
// The number tells the sources of one run apart.
func (k *kit) random(number uint64) *rand.Rand {
	k.Helper()
	seed := rand.Uint64()
	if v := os.Getenv(SeedVariable); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			k.Fatalf("%s: %v", SeedVariable, err)
		}
		seed = n
	}
	k.Logf("%s=%d", SeedVariable, seed)
	return rand.New(rand.NewPCG(seed, number))
}
