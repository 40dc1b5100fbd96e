package storetest

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/credits/store"
)

// TestBroken runs the suite on stores that are broken on purpose. Each must be
// caught by the cases that are meant for what is broken about it.
func TestBroken(t *testing.T) {
	t.Setenv(SeedVariable, "1")
	all := cases(Pruner, Digester)
	for _, group := range [][]broken{brokenCommits, brokenReads, brokenBelow, brokenLists, brokenValues, brokenOthers, brokenPruned, brokenPrunes, brokenRestores, brokenDigests} {
		for _, b := range group {
			t.Run(b.name, func(t *testing.T) {
				failed, ran := fails(t, b.open, sample(all, b.caught))
				for _, name := range b.caught {
					if !slices.Contains(ran, name) {
						t.Errorf("there is no case %q", name)
					} else if !slices.Contains(failed, name) {
						t.Errorf("not caught by %q, but by %q", name, failed)
					}
				}
				if len(failed) == len(ran) {
					t.Errorf("caught by all %d cases: what is broken is not told from what is not", len(ran))
				}
				t.Logf("caught by %d of %d cases", len(failed), len(ran))
			})
		}
	}
}

// TestNotBroken sees that the way broken stores are judged acquits one that is not.
func TestNotBroken(t *testing.T) {
	failed, ran := fails(t, func() store.Store { return &bent{plain: newPlain()} }, cases(Pruner, Digester))
	if len(failed) > 0 || len(ran) < 250 {
		t.Errorf("of %d cases, %q failed", len(ran), failed)
	}
}

func TestCasesAreDistinct(t *testing.T) {
	seen, group := make(map[string]bool), ""
	for _, c := range cases(Pruner, Digester) {
		first, rest, ok := strings.Cut(c.name, "/")
		if !ok || rest == "" || c.rule == "" || c.why == "" || seen[c.name] {
			t.Errorf("case %q has a twin, or no group, name, rule or reason", c.name)
		}
		if first != group && seen[first] {
			t.Errorf("the cases of group %q do not stand together", first)
		}
		group = first
		seen[c.name], seen[first] = true, true
	}
}

// broken is a store with something amiss, and the cases that must fail on it.
type broken struct {
	name   string
	open   func() store.Store
	caught []string
}

// fails runs cases on a store each, and returns the names of those that failed and of all.
func fails(t *testing.T, open func() store.Store, some []testcase) (failed, ran []string) {
	for _, c := range some {
		ran = append(ran, c.name)
		r := &recorder{ctx: t.Context()}
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() {
				if p := recover(); p != nil { // what is broken may break down altogether
					r.Errorf("%v", p)
				}
			}()
			c.check(r, open())
		}()
		<-done
		if r.Failed() {
			failed = append(failed, c.name)
		}
	}
	return failed, ran
}

// sample returns the cases of some names, and every twentieth of all, to see
// that what is broken leaves others alone.
func sample(all []testcase, names []string) []testcase {
	var some []testcase
	for i, c := range all {
		if i%20 == 0 || slices.Contains(names, c.name) {
			some = append(some, c)
		}
	}
	return some
}

// recorder is a reporter that only remembers that a case failed.
type recorder struct {
	ctx    context.Context
	mu     sync.Mutex
	failed bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Logf(string, ...any)      {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Errorf(string, ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// bent is a plain store some of whose calls are altered; what is nil is as it should be.
type bent struct {
	*plain
	change func(m *model, c *store.Change)                    // each change on its way in
	keep   func(m *model, writes []store.Write) []bool        // instead of what the model does
	after  func(m *model, writes []store.Write)               // what else a commit does
	begin  func(ctx context.Context) (context.Context, error) // of a commit: its context, or an error
	read   func(r *store.Read)
	state  func(m *model, r store.Read, st *store.State)
	load   func(s *plain, r store.Read) store.State // instead of what the model does
	query  func(q *store.Query)
	page   func(m *model, q store.Query, all []store.Entry) []store.Entry
	filter func(f *store.Filter)
	list   func(m *model, f store.Filter, all []store.Head) []store.Head
	ack    func(m *model, wallet string, seq uint64)
}

// bend returns what opens a store that is bent.
func bend(f func(b *bent)) func() store.Store {
	return func() store.Store {
		b := &bent{plain: newPlain()}
		f(b)
		return b
	}
}

func (b *bent) Load(ctx context.Context, reads ...store.Read) ([]store.State, error) {
	if b.read == nil && b.state == nil && b.load == nil {
		return b.plain.Load(ctx, reads...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	states := make([]store.State, len(reads))
	for i, r := range reads {
		if b.read != nil {
			b.read(&r)
		}
		if b.load != nil {
			states[i] = b.load(b.plain, r)
			continue
		}
		b.mu.Lock()
		states[i] = b.m.load(r)
		if b.state != nil {
			b.state(b.m, reads[i], &states[i])
		}
		b.mu.Unlock()
	}
	return states, nil
}

func (b *bent) Commit(ctx context.Context, writes ...store.Write) ([]bool, error) {
	if b.begin != nil {
		var err error
		if ctx, err = b.begin(ctx); err != nil {
			return nil, err
		}
	}
	if b.change == nil && b.keep == nil && b.after == nil {
		return b.plain.Commit(ctx, writes...)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrAborted, err)
	}
	if err := store.Check(writes...); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	in := make([]store.Write, len(writes))
	for i, w := range writes {
		in[i].Changes = slices.Clone(w.Changes)
		for j := range in[i].Changes {
			c := &in[i].Changes[j]
			c.Parts, c.Entries, c.Receipts = slices.Clone(c.Parts), slices.Clone(c.Entries), slices.Clone(c.Receipts)
			if b.change != nil {
				b.change(b.m, c)
			}
		}
	}
	keep := b.keep
	if keep == nil {
		keep = func(m *model, writes []store.Write) []bool { return m.commit(writes...) }
	}
	kept := keep(b.m, in)
	if b.after != nil {
		b.after(b.m, in)
	}
	return kept, nil
}

func (b *bent) Entries(ctx context.Context, q store.Query) iter.Seq2[store.Entry, error] {
	q.Kinds = slices.Clone(q.Kinds)
	asked := q
	if b.query != nil {
		b.query(&q)
	}
	return slow(ctx, func() ([]store.Entry, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		all, err := b.m.query(q)
		if b.page != nil {
			all = b.page(b.m, asked, all)
		}
		return all, err
	})
}

func (b *bent) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	asked := f
	if b.filter != nil {
		b.filter(&f)
	}
	return slow(ctx, func() ([]store.Head, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		all := b.m.heads(f)
		if b.list != nil {
			all = b.list(b.m, asked, all)
		}
		return all, nil
	})
}

func (b *bent) Ack(ctx context.Context, wallet string, seq uint64) error {
	if b.ack == nil || ctx.Err() != nil {
		return b.plain.Ack(ctx, wallet, seq)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ack(b.m, wallet, seq)
	return nil
}
