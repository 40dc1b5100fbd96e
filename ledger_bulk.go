package credits

import (
	"context"
	"fmt"
	"iter"
)

// DoEach carries out tasks as [Ledger.Do] does, each by itself, and commits as many
// together as it can: a day's log of usage, say. Tasks of one wallet are carried out
// in their order. It tells done what Do would have returned of each, in the order of the
// tasks: a refusal stops nothing. If done returns an error, no further tasks are
// begun, and DoEach returns it.
//
// Up to 1,024 tasks are under way at once. When ctx ends, those of them that are
// not done are [ErrRetry] or [ErrUnknown], and DoEach returns the context's error.
// The same tasks again do what was not done: their keys tell.
func (l *Ledger) DoEach(ctx context.Context, tasks iter.Seq[Task], done func(Task, Receipt, error) error) error {
	b := bulk{Ledger: l, ctx: ctx, told: make(chan notice, batchCalls)}
	for t := range tasks {
		if err := ctx.Err(); err != nil {
			break
		}
		b.all = append(b.all, bulkTask{Task: t})
		if len(b.all) < batchCalls {
			continue
		}
		if err := b.run(done); err != nil {
			return err
		}
	}
	if err := b.run(done); err != nil {
		return err
	}
	return ctx.Err()
}

// bulk is tasks that are under way.
type bulk struct {
	*Ledger
	ctx  context.Context
	told chan notice // holds one of each caller's
	all  []bulkTask
	left int // callers that are not done

	panicked any // what the store did; the other callers come first
}

// bulkTask is a task and what became of it.
type bulkTask struct {
	Task
	receipt Receipt
	err     error
	caller  *caller
}

// run carries out the tasks and tells what became of them.
func (b *bulk) run(done func(Task, Receipt, error) error) error {
	for i := range b.all {
		b.queue(&b.all[i])
	}
	for b.left > 0 {
		n := <-b.told
		b.obey(n.caller, n.message)
	}
	if b.panicked != nil {
		panic(b.panicked)
	}
	for i := range b.all {
		t := &b.all[i]
		if c := t.caller; c != nil && c.finished {
			t.receipt, t.err = c.result(b.ctx)
		} else if c != nil { // it was by itself
			t.receipt, t.err = c.receipt, c.err
		}
		if err := done(t.Task, t.receipt, t.err); err != nil {
			return err
		}
	}
	clear(b.all)
	b.all = b.all[:0]
	return nil
}

// queue puts a task in line. In a transaction of the host's it is carried out at once.
func (b *bulk) queue(t *bulkTask) {
	if b.bound {
		t.receipt, t.err = b.Do(b.ctx, t.Wallet, t.Key, t.Command)
		return
	}
	if t.err = t.check(true, b.own); t.err == nil {
		t.err = b.actor.check()
	}
	if t.err == nil && b.ctx.Err() != nil {
		t.err = fmt.Errorf("%w: %w", ErrRetry, b.ctx.Err())
	}
	if t.err != nil {
		return
	}
	c := &caller{Ledger: b.Ledger, ctx: b.ctx, task: t.Task, alone: !quick(t.Command), told: b.told}
	t.caller = c
	b.left++
	if m := b.desks.of(t.Wallet).join(c, t.Wallet); m != 0 {
		b.told <- notice{c, m}
	}
}

// obey does what a caller is told. What the store panics with waits until all
// callers are done.
func (b *bulk) obey(c *caller, m message) {
	ends := m == done || m == have
	defer func() {
		if r := recover(); r != nil {
			b.panicked = r
		}
		if ends || c.finished {
			b.left--
		}
	}()
	d := b.desks.of(c.task.Wallet)
	switch m {
	case lead, run:
		d.carryOut(c, m == lead)
	case have:
		s := c.seat
		c.receipt, c.err = b.alone(b.ctx, c.task, func() { d.release(s) })
	}
}
