package credits

import (
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
	// The default is 1, which is best for a database nearby; try 2 to 4 for one
	// that is far away.
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
	l.ticked, l.desks = opts.OnTick, newDesks(opts.Committers)
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
// they came; what becomes of one is nothing to the others. A call that commits for
// others as well stays until that commit returns, which ends when the
// contexts of all of them have.
func (l *Ledger) Do(ctx context.Context, id WalletID, key Key, cmd Command) (Receipt, error) {
	t := Task{id, key, cmd}
	if l.bound || !quick(cmd) {
		return l.alone(ctx, t, nil)
	}
	if err := t.check(true, l.own); err != nil {
		return Receipt{}, err
	}
	if err := l.actor.check(); err != nil {
		return Receipt{}, err
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
	defer leave()
	return a.round(ctx)
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

// attempt is a call under way.
type attempt struct {
	*Ledger
	tasks  []Task
	write  bool
	waits  *purchase   // that has to be decided before the call is
	bought int         // purchases that were made for the call
	asked  ID          // the purchase that was asked for, and is open still
	served ID          // the purchase that the call intended
	kept   bool        // it committed
	leave  func()      // gives back the seat, if the call has it already
	begun  []*purchase // by it, that nobody waits for
}

// round is one round of load, decide and commit. It is not done if a wallet
// changed meanwhile, if more fell due than one commit holds, or if the call waits.
func (a *attempt) round(ctx context.Context) ([]Receipt, bool, error) {
	l, tasks := a.Ledger, a.tasks
	a.waits = nil
	stored, err := l.load(ctx, tasks)
	if err != nil {
		return nil, false, err
	}
	if receipts, err := l.replay(ctx, tasks, stored); receipts != nil || err != nil {
		return receipts, true, err
	}
	now := l.clock.Now()
	var w store.Write
	var receipts []Receipt
	a.begun = nil
	for i := range tasks {
		s, err := l.decode(tasks[i].Wallet, stored[i])
		if err != nil {
			return nil, false, err
		}
		d, done, err := a.decide(ctx, s, &tasks[i], now)
		if err != nil {
			return nil, false, nameTask(tasks, i, err)
		}
		if !done {
			return nil, false, l.catchUp(ctx, d, stored[i].Seq)
		}
		if d.waits != 0 {
			return nil, false, a.intend(ctx, d, stored[i].Seq)
		}
		if i+1 < len(tasks) {
			hand(&tasks[i+1], d)
		}
		receipts = append(receipts, d.receipt(tasks[i].Key))
		c, err := d.change(stored[i].Seq)
		if err != nil {
			return nil, false, nameTask(tasks, i, err)
		}
		if c.Receipts, err = l.receipts(ctx, d, &tasks[i]); err != nil {
			return nil, false, err
		}
		for _, id := range d.begun {
			a.begun = append(a.begun, s.openPurchase(id))
		}
		if d.refused != nil { // a fact, whatever else the call was to do
			return a.refuse(ctx, c, nameTask(tasks, i, d.refused))
		}
		w.Changes = append(w.Changes, c)
	}
	if !a.write {
		return receipts, true, nil
	}
	kept, err := l.commit(ctx, w)
	if err == nil && !kept {
		err = l.blind(ctx, tasks, stored)
	}
	if err != nil || !kept {
		return nil, false, err
	}
	a.kept = true
	return receipts, true, nil
}

// receipts returns what is kept of a decision under its key, and under those of
// the commands that waited for it.
func (l *Ledger) receipts(ctx context.Context, d *decision, t *Task) ([]store.Receipt, error) {
	all := []store.Receipt{{Key: string(t.Key), Body: fingerprintOf(t.Command).receipt(d)}}
	for _, a := range d.answers {
		stored, err := l.load(ctx, []Task{{Wallet: t.Wallet, Key: a.key}})
		if err != nil {
			return nil, err
		}
		if len(stored[0].Receipts) > 0 { // an earlier purchase under the key was paid late
			continue
		}
		request, err := decodeFingerprint(a.request)
		if err != nil {
			return nil, err
		}
		all = append(all, store.Receipt{Key: string(a.key), Body: d.stored(request, a.made, a.made, a.refused)})
	}
	return all, nil
}

// refuse commits a refusal that is a fact.
func (a *attempt) refuse(ctx context.Context, c store.Change, refused error) ([]Receipt, bool, error) {
	if !a.write {
		return nil, true, refused
	}
	kept, err := a.commit(ctx, store.Write{Changes: []store.Change{c}})
	switch {
	case err != nil:
		return nil, false, err
	case !kept && a.bound:
		return nil, false, fmt.Errorf("%w: the wallet changed meanwhile", ErrRetry)
	case !kept:
		return nil, false, nil
	}
	return nil, true, refused
}

// blind returns [ErrRetry] if a write was not kept and the transaction that the
// ledger is bound to does not see why: it never will.
func (l *Ledger) blind(ctx context.Context, tasks []Task, before []store.State) error {
	if !l.bound {
		return nil
	}
	now, err := l.load(ctx, tasks)
	if err != nil {
		return err
	}
	for i := range now {
		if now[i].Seq != before[i].Seq || len(now[i].Receipts) > 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: the transaction does not see what changed the wallet", ErrRetry)
}

func (l *Ledger) load(ctx context.Context, tasks []Task) ([]store.State, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	reads := make([]store.Read, len(tasks))
	for i, t := range tasks {
		reads[i] = store.Read{Wallet: string(t.Wallet), Keys: []string{string(t.Key)}, Below: below(t.Command)}
	}
	stored, err := l.store.Load(ctx, reads...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	if len(stored) != len(reads) {
		return nil, corrupt("the store answered %d reads with %d states", len(reads), len(stored))
	}
	return stored, nil
}

// commit reports whether a write was kept.
func (l *Ledger) commit(ctx context.Context, w store.Write) (bool, error) {
	w.Wait = true
	kept, err := l.store.Commit(ctx, w)
	switch {
	case errors.Is(err, store.ErrAborted):
		return false, fmt.Errorf("%w: %w", ErrRetry, err)
	case err != nil && store.Check(w) != nil: // no store keeps what is malformed
		return false, beyond("wallet", "has outgrown what a store keeps: %v", store.Check(w))
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnknown, err)
	case len(kept) != 1:
		return false, fmt.Errorf("%w: the store answered one write with %d outcomes", ErrUnknown, len(kept))
	}
	return kept[0], nil
}

// decode returns a stored wallet.
func (l *Ledger) decode(id WalletID, st store.State) (*state, error) {
	if st.Seq == 0 {
		return newState(id), nil
	}
	s, err := decodeState(id, st.Parts, l.known)
	if err != nil {
		return nil, err
	}
	if uint64(s.seq) != st.Seq {
		return nil, corrupt("wallet %q is at entry %d, and its head at %d", id, st.Seq, s.seq)
	}
	l.known.keep(s.terms)
	return s, nil
}

// decide decides a task on a wallet. Without write it goes on, in memory, where
// more is due than one commit holds, and supposes that what is bought is paid.
func (a *attempt) decide(ctx context.Context, s *state, t *Task, now time.Time) (*decision, bool, error) {
	past, err := a.past(ctx, s, t.Command, now)
	if err != nil {
		return nil, false, err
	}
	c := Call{
		Key: t.Key, Actor: a.actor, Now: now, Salt: a.saltOf(t), Command: t.Command, Past: past,
		Charger: a.charger != nil, supposed: !a.write, served: a.served, Bound: a.bound || len(a.tasks) > 1, Bought: a.bought,
	}
	for {
		d, done, err := decide(s, &c)
		if err != nil || done || a.write {
			return d, done, err
		}
		for i := range d.out {
			c.Past = append(c.Past, d.out[i].Entry)
		}
	}
}

// catchUp commits what fell due and nothing else.
func (l *Ledger) catchUp(ctx context.Context, d *decision, prev uint64) error {
	if len(d.out) == 0 {
		return nil
	}
	c, err := d.change(prev)
	if err != nil {
		return err
	}
	kept, err := l.commit(ctx, store.Write{Changes: []store.Change{c}})
	if err == nil && !kept && l.bound {
		return fmt.Errorf("%w: the wallet changed meanwhile", ErrRetry)
	}
	return err
}

// past returns what a command needs of a wallet's history.
func (l *Ledger) past(ctx context.Context, s *state, cmd Command, now time.Time) ([]Entry, error) {
	var about ID
	switch c := cmd.(type) {
	case Erase:
		return l.repeating(ctx, s, c.Entries)
	case Seal:
		return l.one(ctx, s, c.Through)
	case Reverse:
		about = c.Spend
	case Capture:
		about = c.Hold
	case Release:
		about = c.Hold
	case Settle:
		if p := s.openPurchase(c.Purchase); p == nil || p.deadline() <= max(s.at, micros(now)) { // it is abandoned first
			about = c.Purchase
		}
	case Approve:
		if s.openRequest(c.Request) == nil {
			about = c.Request
		}
	case Dismiss:
		if s.openRequest(c.Request) == nil {
			about = c.Request
		}
	}
	_, held := s.findHold(about)
	if _, releases := cmd.(Release); held && releases {
		return nil, nil
	}
	past, err := l.one(ctx, s, about)
	if held && errors.Is(err, ErrPruned) { // it goes on, without the labels that it had
		return nil, nil
	}
	if err != nil || held || past == nil {
		return past, err
	}
	more, err := l.entries(ctx, s.id, store.Query{Wallet: string(s.id), Of: uint64(about), After: uint64(about), Through: uint64(s.seq)})
	return append(past, more...), err
}

// one returns a wallet's entry, and none if there is no such one.
func (l *Ledger) one(ctx context.Context, s *state, id ID) ([]Entry, error) {
	if id == 0 || id > s.seq {
		return nil, nil
	}
	return l.entries(ctx, s.id, store.Query{Wallet: string(s.id), After: uint64(id) - 1, Through: uint64(id)})
}

// repeating returns the entries that repeat the labels of others: the captures
// of holds, and the reversals of spends and of those captures.
func (l *Ledger) repeating(ctx context.Context, s *state, of []ID) ([]Entry, error) {
	var all []Entry
	of = slices.Clone(of[:min(len(of), maxLines)])
	for i := 0; i < len(of); i++ {
		if of[i] == 0 || of[i] > s.seq {
			continue
		}
		q := store.Query{
			Wallet: string(s.id), Of: uint64(of[i]), After: uint64(of[i]), Through: uint64(s.seq),
			Kinds: []uint8{uint8(KindCaptured), uint8(KindReversed)},
		}
		found, err := l.entries(ctx, s.id, q)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if e.Kind == KindCaptured {
				of = append(of, e.Seq)
			}
		}
		all = append(all, found...)
	}
	return all, nil
}

// entries returns all entries of a query.
func (l *Ledger) entries(ctx context.Context, id WalletID, q store.Query) ([]Entry, error) {
	var all []Entry
	for stored, err := range l.store.Entries(ctx, q) {
		if err != nil {
			return nil, unread(err)
		}
		e, err := readEntry(id, stored)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// readEntry decodes an entry with its actor and note.
func readEntry(id WalletID, stored store.Entry) (Entry, error) {
	e, err := decodeEntry(id, stored.Body)
	if err != nil {
		return e, err
	}
	if len(stored.Note) > 0 {
		e.Actor, e.Note, err = decodeNote(stored.Note)
	}
	return e, err
}
