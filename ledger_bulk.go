package credits

import (
	"context"
	"fmt"
	"iter"
	"sync"
)

// DoEach carries out tasks as [Ledger.Do] does, each by itself, and commits as many
// together as it can: a day's log of usage, say. Tasks of one wallet are carried out
// in their order, but that one that waits for a payment lets others pass. It tells done what Do would have returned of each, in the order of the
// tasks: a refusal stops nothing. If done returns an error, no further tasks are
// begun, and DoEach returns it.
//
// Up to 1,024 tasks are under way at once. When ctx ends, those of them that are
// not done are [ErrRetry] or [ErrUnknown], and DoEach returns the context's error.
// The same tasks again do what was not done: their keys tell.
func (l *Ledger) DoEach(ctx context.Context, tasks iter.Seq[Task], done func(Task, Receipt, error) error) error {
	all := make([]bulkTask, 0, batchCalls)
	for t := range tasks {
		if ctx.Err() != nil {
			break
		}
		if all = append(all, bulkTask{Task: t}); len(all) < batchCalls {
			continue
		}
		if err := l.bulk(ctx, all, done); err != nil {
			return err
		}
		clear(all)
		all = all[:0]
	}
	if err := l.bulk(ctx, all, done); err != nil {
		return err
	}
	return ctx.Err()
}

// bulkTask is a task and what became of it.
type bulkTask struct {
	Task
	receipt  Receipt
	err      error
	caller   *caller
	first    message // what the caller was told when it came
	panicked any
}

// bulk carries out tasks and tells what became of them. All are in line before the
// first is carried out; from there each goes its way.
func (l *Ledger) bulk(ctx context.Context, all []bulkTask, done func(Task, Receipt, error) error) error {
	if l.bound { // no two calls share a transaction of the host's
		for i := range all {
			t := &all[i]
			t.receipt, t.err = l.Do(ctx, t.Wallet, t.Key, t.Command)
		}
	} else {
		l.queue(ctx, all)
	}
	for i := range all {
		if r := all[i].panicked; r != nil {
			panic(r)
		}
	}
	for i := range all {
		if err := done(all[i].Task, all[i].receipt, all[i].err); err != nil {
			return err
		}
	}
	return nil
}

// queue puts tasks in line, and waits until they are done.
func (l *Ledger) queue(ctx context.Context, all []bulkTask) {
	for i := range all {
		t := &all[i]
		if t.err = t.check(true, l.own); t.err == nil {
			t.err = l.actor.check()
		}
		if t.err == nil {
			t.caller = &caller{Ledger: l, ctx: ctx, task: t.Task, alone: !quick(t.Command)}
			t.first = l.desks.of(t.Wallet).join(t.caller, t.Wallet)
		}
	}
	var wait sync.WaitGroup
	for i := range all {
		if t := &all[i]; t.caller != nil {
			wait.Go(func() { t.wait(ctx) })
		}
	}
	wait.Wait()
}

// wait waits until the task is done.
func (t *bulkTask) wait(ctx context.Context) {
	t.err = fmt.Errorf("%w: %w", ErrUnknown, errEnded)
	defer func() { t.panicked = recover() }()
	c := t.caller
	d := c.desks.of(t.Wallet)
	t.receipt, t.err = c.ends(ctx, d, d.wait(c, t.first))
}
