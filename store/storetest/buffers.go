package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"example.com/credits/store"
)

const (
	ruleMemory      = "What a caller passes is the caller's again when the call returns, and so is what a call returns: the store keeps and shares no memory of either."
	ruleEnded       = "if it has ended before the call, do nothing and return an error that wraps the context's"
	ruleEndedCommit = "A context that has ended before the call keeps nothing, and the error is ErrAborted too."
	rulePromptly    = "They return promptly with an error when ctx has ended"

	whyMemory = "a buffer that is used again rewrites history"
	whyEnded  = "a command that was given up takes effect"
)

// bufferCases overwrite what was passed to a call.
func bufferCases() []testcase {
	passed := func(name string, spoil func(c *store.Change)) testcase {
		return testcase{"memory/passed: " + name, ruleMemory, whyMemory, func(k *kit) {
			k.keep(change("a", 0, grow(2), part(2, "two"), part(3, "three"), keyed("k")))
			c := change("a", 3, grow(1), part(2, "second two"), part(4, "four"), keyed("l", "m"), erase(1))
			writes := []store.Write{one(c)}
			k.commit(writes...)
			spoil(&writes[0].Changes[0])
			k.same()
			k.keep(change("a", 5, noParts))
			k.same()
		}}
	}
	return []testcase{
		passed("part bodies", func(c *store.Change) { wipe(c.Parts[0].Body); wipe(c.Parts[1].Body); wipe(c.Parts[2].Body) }),
		passed("entry bodies", func(c *store.Change) { wipe(c.Entries[0].Body); wipe(c.Entries[1].Body) }),
		passed("notes", func(c *store.Change) { wipe(c.Entries[0].Note); wipe(c.Entries[1].Note) }),
		passed("receipt bodies", func(c *store.Change) { wipe(c.Receipts[0].Body); wipe(c.Receipts[1].Body) }),
		passed("parts", func(c *store.Change) { clear(c.Parts) }),
		passed("entries", func(c *store.Change) { clear(c.Entries) }),
		passed("receipts", func(c *store.Change) { clear(c.Receipts) }),
		passed("erase", func(c *store.Change) { c.Erase[0] = 2 }),
		passed("the change", func(c *store.Change) { *c = store.Change{} }),
	}
}

// appendedTo appends to every body that came back: none runs into another.
func appendedTo(k *kit) {
	k.keep(change("a", 0, grow(2), part(2, "two"), keyed("k", "l")))
	st, entries := k.load("a", 0, "k", "l"), k.entries(store.Query{Wallet: "a"})
	for i := range st.Parts {
		_ = append(st.Parts[i].Body, '#')
	}
	for i := range st.Receipts {
		_ = append(st.Receipts[i].Body, '#')
	}
	for i := range entries {
		_, _ = append(entries[i].Body, '#'), append(entries[i].Note, '#')
	}
	k.equal("the state", st, k.m.load(store.Read{Wallet: "a", Keys: []string{"k", "l"}}))
	k.equal("the entries", entries, k.m.entries(store.Query{Wallet: "a"}))
	k.same()
}

// returnedCases overwrite what came back from a call, or is read later.
func returnedCases() []testcase {
	returned := func(name string, spoil func(k *kit)) testcase {
		return testcase{"memory/returned: " + name, ruleMemory, whyMemory, func(k *kit) {
			k.keep(change("a", 0, grow(2), part(2, "two"), part(3, "three"), keyed("k", "l")))
			spoil(k)
			k.same()
			k.keep(change("a", 3, noParts))
			k.same()
		}}
	}
	return []testcase{
		returned("parts", func(k *kit) {
			for _, p := range k.load("a", 0).Parts {
				wipe(p.Body)
			}
			clear(k.load("a", 0).Parts)
		}),
		returned("parts below an ID", func(k *kit) {
			for _, p := range k.reads(store.Read{Wallet: "a", Below: 3})[0].Parts {
				wipe(p.Body)
			}
			parts := k.reads(store.Read{Wallet: "a", Below: 3})[0].Parts
			_ = append(parts, store.Part{ID: 9})
			clear(parts)
		}),
		returned("receipts", func(k *kit) {
			for _, r := range k.load("a", 0, "k", "l").Receipts {
				wipe(r.Body)
			}
			clear(k.load("a", 0, "k", "l").Receipts)
		}),
		returned("entries", func(k *kit) {
			for _, e := range k.entries(store.Query{Wallet: "a"}) {
				wipe(e.Body)
				wipe(e.Note)
			}
		}),
		{"memory/returned: appended to", ruleMemory, whyMemory, appendedTo},
		{"memory/passed: reads and keys", ruleMemory, whyMemory, func(k *kit) {
			k.keep(change("a", 0, keyed("k", "l")))
			reads := []store.Read{{Wallet: "a", Keys: []string{"l", "k"}}}
			states, err := k.s.Load(k.ctx, reads...)
			reads[0].Keys[0], reads[0] = "spoilt", store.Read{}
			if err != nil || len(states) != 1 {
				k.Fatalf("Load gave %d states, error %v", len(states), err)
			}
			k.equal("Load", states[0], k.m.load(store.Read{Wallet: "a", Keys: []string{"l", "k"}}))
		}},
		{"memory/passed: kinds", ruleMemory, whyMemory, func(k *kit) {
			k.history()
			kinds := []uint8{2, 3}
			seq := k.s.Entries(k.ctx, store.Query{Wallet: "a", Kinds: kinds})
			kinds[0], kinds[1] = 5, 5
			k.equal("Entries", collect(k, "Entries", seq), k.m.entries(store.Query{Wallet: "a", Kinds: []uint8{2, 3}}))
		}},
	}
}

func wipe(b []byte) {
	for i := range b {
		b[i] = '#'
	}
}

// contextCases call each method with a context that has ended, and see that nothing changed.
func contextCases() []testcase {
	calls := []struct {
		name string
		call func(ctx context.Context, k *kit) error
	}{
		{"Load", func(ctx context.Context, k *kit) error {
			_, err := k.s.Load(ctx, store.Read{Wallet: "a"})
			return err
		}},
		{"Load of several", func(ctx context.Context, k *kit) error {
			_, err := k.s.Load(ctx, store.Read{Wallet: "a"}, store.Read{Wallet: "b"})
			return err
		}},
		{"Commit of one", func(ctx context.Context, k *kit) error {
			_, err := k.s.Commit(ctx, one(change("a", 1, keyed("k"))))
			return err
		}},
		{"Commit of several", func(ctx context.Context, k *kit) error {
			_, err := k.s.Commit(ctx, one(change("a", 1)), one(change("b", 0)))
			return err
		}},
		{"Entries", func(ctx context.Context, k *kit) error { return first(k.s.Entries(ctx, store.Query{Wallet: "a"})) }},
		{"Heads", func(ctx context.Context, k *kit) error { return first(k.s.Heads(ctx, store.Filter{})) }},
		{"Ack", func(ctx context.Context, k *kit) error { return k.s.Ack(ctx, "a", 1) }},
	}
	var list []testcase
	for _, c := range calls {
		rule := ruleEnded
		if c.name == "Commit of one" || c.name == "Commit of several" {
			rule = ruleEndedCommit
		}
		for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
			list = append(list, testcase{fmt.Sprintf("context/%s: %v before", c.name, end), rule, whyEnded, func(k *kit) {
				k.keep(change("a", 0))
				ctx, cancel := ended(k.ctx, end)
				defer cancel()
				err := c.call(ctx, k)
				if !errors.Is(err, end) {
					k.Errorf("%s with an ended context returned the error %v, not %v", c.name, err, end)
				}
				if rule == ruleEndedCommit && !errors.Is(err, store.ErrAborted) {
					k.Errorf("%s with an ended context returned the error %v, not ErrAborted", c.name, err)
				}
				k.same()
				k.keep(change("a", 1, keyed("k")))
				k.same()
			}})
		}
	}
	return append(list,
		testcase{"context/Entries: cancelled in the loop", rulePromptly, whyEnded, func(k *kit) {
			k.keep(change("a", 0, grow(2999)))
			cancelled(k, "Entries", 3000, func(ctx context.Context) iter.Seq2[store.Entry, error] {
				return k.s.Entries(ctx, store.Query{Wallet: "a"})
			})
		}},
		testcase{"context/Heads: cancelled in the loop", rulePromptly, whyEnded, func(k *kit) {
			k.many(3000)
			cancelled(k, "Heads", 3000, func(ctx context.Context) iter.Seq2[store.Head, error] { return k.s.Heads(ctx, store.Filter{}) })
		}},
	)
}

// ended returns a context that has ended with err.
func ended(parent context.Context, err error) (context.Context, context.CancelFunc) {
	if err == context.DeadlineExceeded {
		return context.WithDeadline(parent, time.Unix(0, 0))
	}
	ctx, cancel := context.WithCancel(parent)
	cancel()
	return ctx, cancel
}

// first returns the error that an iterator begins with.
func first[V any](seq iter.Seq2[V, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

// cancelled ranges over n values and cancels at the first: the loop must end
// with the error, and not with the last value.
func cancelled[V any](k *kit, what string, n int, open func(ctx context.Context) iter.Seq2[V, error]) {
	k.Helper()
	ctx, cancel := context.WithCancel(k.ctx)
	defer cancel()
	met, after := 0, 0
	var last error
	for _, err := range open(ctx) {
		if last != nil {
			after++
		}
		last = err
		met++
		cancel()
	}
	switch {
	case last == nil:
		k.Errorf("%s went on to the end of %d after its context was cancelled (met %d)", what, n, met)
	case !errors.Is(last, context.Canceled):
		k.Errorf("%s ended with the error %v, not %v", what, last, context.Canceled)
	case after > 0:
		k.Errorf("%s went on after its error", what)
	}
	k.same()
}
