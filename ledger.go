package credits

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits/store"
)

// Store is where a ledger keeps wallets. Package store says what one must do;
// package store/memory does it.
type Store = store.Store

// A Clock tells the time. Clocks of github.com/benbjohnson/clock are Clocks.
type Clock interface{ Now() time.Time }

// Options are settings of a [Ledger]. A nil *Options means all defaults.
type Options struct {
	// Clock tells the time of commands. The default is the system clock.
	Clock Clock

	// Salt is what the salts of seals are made from, which hide actors and notes
	// that were erased: keep it secret. The default is random, for each ledger.
	Salt [32]byte

	// Charger takes the money of purchases. Without one nobody does: what is bought
	// is there at once, and its entries say what the host is to bill.
	Charger Charger

	// ChargeWindow is how long after it was intended a purchase is charged with
	// its key. Providers forget keys: stay under that, and under 24 hours, after
	// which a purchase is abandoned. The default is 20 hours.
	ChargeWindow time.Duration

	// Background runs what no caller waits for: the payment of what
	// auto-purchase buys after a spend that was covered. The default is a
	// goroutine of its own; a test may run it at once.
	Background func(func())

	// Committers is how many commits the ledger has under way at once: calls that
	// come meanwhile wait, and are committed together. Each wallet has its committer.
	// The default is what the store gains from (see [store.Sharded]), or 1, which is
	// best for a database nearby; try 2 to 4 for one that is far away.
	Committers int

	// OnCommit, if not nil, is called once for each command that this ledger
	// committed, after that, in the goroutine that called Do; for the settlements
	// that it does by itself, in one of its own. A crash may miss it, and so does
	// a commit whose outcome was unknown: the same call again
	// replays it. In a transaction of the host's it is not called at all.
	OnCommit func(context.Context, Receipt)

	// OnTick, if not nil, is called by [Ledger.Tick] after each of its commits,
	// with the number of wallets that it wrote so far.
	OnTick func(ctx context.Context, wallets int)
}

// Ledger carries out commands on wallets in a store. Its methods may be called
// concurrently, and by several processes on one store.
type Ledger struct {
	store  Store
	clock  Clock
	actor  Actor
	salt   [32]byte
	hook   func(context.Context, Receipt)
	ticked func(context.Context, int)
	bound  bool // to a transaction of the host's
	own    bool // it uses keys of the library
	known  *cache

	charger Charger
	window  time.Duration
	spawn   func(func())
	flights *flights
	desks   *desks
}

// New returns a ledger on s. opts may be nil.
func New(s Store, opts *Options) *Ledger {
	if opts == nil {
		opts = &Options{}
	}
	l := &Ledger{store: s, clock: opts.Clock, salt: opts.Salt, hook: opts.OnCommit, known: &cache{}}
	l.charger, l.window, l.spawn, l.flights = opts.Charger, opts.ChargeWindow, opts.Background, &flights{}
	l.ticked, l.desks = opts.OnTick, newDesks(cmp.Or(opts.Committers, store.Shards(s)))
	if l.clock == nil {
		l.clock = clock.New()
	}
	if l.window <= 0 {
		l.window = 20 * time.Hour
	}
	if l.spawn == nil {
		l.spawn = func(f func()) { go f() }
	}
	if l.salt == [32]byte{} {
		rand.Read(l.salt[:])
	}
	return l
}

// Store returns the ledger's store.
func (l *Ledger) Store() Store { return l.store }

// On returns a ledger with l's settings on a store that is bound to a
// transaction of the host's. What it does is kept if and when the host commits;
// it calls no hook and takes no payment: what has to be bought first is refused
// with [PaymentRequired], and is to be bought outside. A transaction that cannot see what another one changed
// meanwhile gets [ErrRetry]: begin it again.
func (l *Ledger) On(s Store) *Ledger {
	on := *l
	on.store, on.hook, on.bound = s, nil, true
	return &on
}

// As returns a ledger on which actor asks. Without it the actor of entries is
// empty: the host itself.
func (l *Ledger) As(actor Actor) *Ledger {
	as := *l
	as.actor = actor
	return &as
}

// Task is what [Ledger.Do] is given, for several wallets at once.
type Task struct {
	Wallet  WalletID
	Key     Key
	Command Command
}

// Do carries out a command on a wallet, once for each key: called again with the
// same key, command and actor it changes nothing and returns the first receipt,
// also where the command could not succeed any more. The same key with another
// command is [ErrKeyReused], and the error names the field that differs.
//
// A command that is refused changes nothing and uses up no key, unless the refusal
// is itself a fact: see [RefusedError]. The error is a
// [RefusedError] if the wallet says no, an [InvalidError] if the command can
// never succeed, [ErrRetry] if it was not done and may be tried again, and
// [ErrUnknown] if it may have been done: the same call tells. A context that
// ended is one of the last two.
//
// Calls that meet are committed together, those on one wallet in the order in which
// they came, but that one that waits for a payment lets others pass; what becomes of one is nothing to the others. A call that commits for
// others as well stays until that commit returns, which ends when the
// contexts of all of them have.
func (l *Ledger) Do(ctx context.Context, id WalletID, key Key, cmd Command) (Receipt, error) {
	t := Task{id, key, cmd}
	if err := t.check(true, l.own); err != nil {
		return Receipt{}, err
	}
	if err := l.actor.check(); err != nil {
		return Receipt{}, err
	}
	if l.bound || !quick(t.Command) {
		return l.alone(ctx, t, nil)
	}
	return l.ride(ctx, t)
}

// alone carries out a task by itself. If leave is not nil, it has the seat.
func (l *Ledger) alone(ctx context.Context, t Task, leave func()) (Receipt, error) {
	receipts, err := l.run(ctx, []Task{t}, true, leave)
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0], nil
}

// Preview returns what [Ledger.Do] would at this moment, errors included, and
// writes nothing. What is bought is supposed to be paid: the purchase is in the
// receipt, whereas Do settles it in a commit of its own. The key may be empty: then
// the receipt has none.
func (l *Ledger) Preview(ctx context.Context, id WalletID, key Key, cmd Command) (Receipt, error) {
	if key == "" {
		key = previewKey
	}
	receipts, err := l.run(ctx, []Task{{id, key, cmd}}, false, nil)
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0].withoutPreviewKey(), nil
}

// DoAll carries out all tasks or none, in one commit. The wallets are distinct,
// at most 100. Each has its own key: if all are known, the first receipts come
// back; if only some are, that is [ErrKeyReused].
func (l *Ledger) DoAll(ctx context.Context, tasks ...Task) ([]Receipt, error) {
	return l.run(ctx, slices.Clone(tasks), true, nil)
}

// Transfer moves an amount from one wallet to another, all or nothing, under one
// key in both. It takes lots in the sender's burn order; each becomes a lot there
// with the same unit, source, expiry, priority, restrictions and origin, and with
// its share of what was paid: nothing is consumed. Allowances, add-ons, what was
// carried over from them, and lots of a scope move only if the sender's plan says so.
// It returns the sender's receipt and the receiver's.
func (l *Ledger) Transfer(ctx context.Context, key Key, t Transfer) (sent, received Receipt, err error) {
	receipts, err := l.run(ctx, []Task{{t.From, key, send{t}}, {t.To, key, receive{Transfer: t}}}, true, nil)
	if err != nil {
		return Receipt{}, Receipt{}, err
	}
	return receipts[0], receipts[1], nil
}

// previewKey is the key of a preview that has none.
const previewKey Key = libraryKeys + "preview"

// maxTasks is how many wallets one commit of DoAll changes.
const maxTasks = 100

// nameTask returns err with the task before the field it names, if there are several.
func nameTask(tasks []Task, i int, err error) error {
	if len(tasks) == 1 {
		return err
	}
	return errors.Join(faultsWithin(fmt.Sprintf("tasks[%d]", i), err)...)
}

// checkTasks reports what is wrong with the names and keys of tasks.
func checkTasks(tasks []Task, write, own bool) error {
	if len(tasks) == 0 || len(tasks) > maxTasks {
		return &InvalidError{Field: "tasks", Reason: fmt.Sprintf("are not 1 to %d", maxTasks), Err: ErrLimit}
	}
	for i := range tasks {
		if err := tasks[i].check(write, own); err != nil {
			return nameTask(tasks, i, err)
		}
		for _, o := range tasks[:i] {
			if o.Wallet == tasks[i].Wallet {
				return nameTask(tasks, i, invalid("wallet", "%q is there twice", o.Wallet))
			}
		}
	}
	return nil
}

func (t *Task) check(write, own bool) (err error) {
	if err := checkName("wallet", string(t.Wallet)); err != nil {
		return err
	}
	if err := checkName("key", string(t.Key)); err != nil {
		return err
	}
	if strings.HasPrefix(string(t.Key), libraryKeys) && !own && (write || t.Key != previewKey) {
		return invalid("key", "begins with %q, which is the library's own", libraryKeys)
	}
	t.Command, err = plain(t.Command)
	return err
}

// run carries out tasks in one commit, or looks what they would do. A wallet
// that someone else changed meanwhile is read and decided again, until ctx ends.
// So is one that has to buy first, once the purchase is settled.
// If leave is not nil, the call has the seat already.
func (l *Ledger) run(ctx context.Context, tasks []Task, write bool, leave func()) ([]Receipt, error) {
	if leave == nil {
		if err := checkTasks(tasks, write, l.own); err != nil {
			return nil, err
		}
		if err := l.actor.check(); err != nil {
			return nil, err
		}
	}
	a := attempt{Ledger: l, tasks: tasks, write: write, leave: leave}
	for {
		receipts, done, err := a.seated(ctx)
		if err == nil && a.waits != nil {
			err = a.settle(ctx)
		}
		if a.mine && errors.Is(err, ErrRetry) {
			err = unknown(err)
		}
		if err != nil || done {
			if err == nil && a.bought > 0 && receipts[0].Replayed { // its own purchase was settled, under its key
				receipts[0].Replayed, a.kept = false, true
			}
			if a.kept {
				l.after(ctx, receipts, a.begun)
			}
			return receipts, err
		}
	}
}

// seated is a round that nobody else in the process disturbs.
func (a *attempt) seated(ctx context.Context) ([]Receipt, bool, error) {
	if !a.write || a.bound {
		return a.round(ctx)
	}
	leave := a.leave
	if a.leave = nil; leave == nil {
		var err error
		if leave, err = a.desks.take(ctx, a.tasks); err != nil {
			return nil, false, err
		}
	}
	again := false // nobody gets between two rounds but while a purchase is paid
	defer func() {
		if !again {
			leave()
		}
	}()
	receipts, done, err := a.round(ctx)
	if again = err == nil && !done && a.waits == nil; again {
		a.leave = leave
	}
	return receipts, done, err
}

// after does what follows a commit: it calls the hook, and has purchases paid that
// nobody waits for.
func (l *Ledger) after(ctx context.Context, receipts []Receipt, begun []*purchase) {
	for i, r := range receipts {
		if l.hook != nil {
			l.hook(ctx, r)
		}
		if i == 0 {
			l.launch(ctx, r.Wallet, begun)
		}
	}
}
