package credits

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"example.com/credits/store"
)

// Charger takes money: the host's payment provider.
type Charger interface {
	// Charge takes c.Money, once for each c.Key however often, by whomever and
	// wherever it is called, and says what became of it: Paid, Declined, or
	// ActionRequired with a URL. A later answer may be another; once it said
	// Paid it stays so. An error means that nobody knows: the call whose purchase
	// it is gets [ErrUnknown], a spend that waits for it [ErrRetry], and it is asked
	// again with the same key, by whoever needs the purchase and by [Ledger.Tick],
	// until Options.ChargeWindow has passed.
	//
	// It is called outside any transaction. Its context ends when nobody waits
	// for the purchase any more; what it answers after that still counts. What nobody
	// waits for has no end: give the client of the provider a timeout.
	Charge(ctx context.Context, c Charge) (Payment, error)
}

// Charge is a payment to be made.
type Charge struct {
	Key      string // the same for ever; [ParseChargeKey] undoes it
	Wallet   WalletID
	Purchase ID
	Money    Money
	Method   Method    // the wallet's when it was intended; zero if none was set: then the charger knows one, or declines
	Intended time.Time // when the purchase was
}

// intend commits the purchase that a call waits for, if it is the call's own.
func (a *attempt) intend(ctx context.Context, d *decision, prev uint64) error {
	p := *d.w.openPurchase(d.waits)
	if p.key == a.tasks[0].Key {
		a.served = p.ID
	}
	if len(d.out) == d.own && p.waits() && p.key == a.tasks[0].Key { // it goes on where another call left off
		intended, err := a.notedBy(ctx, Receipt{Wallet: d.w.id}, kept{noted: p.ID})
		if err != nil {
			return err
		}
		if field := differsSealed(a.actor, d.call.Command, intended); field != "" {
			return keyReused(p.key, field)
		}
	}
	if len(d.out) > d.own {
		c, err := d.change(prev)
		if err != nil {
			return err
		}
		kept, err := a.commit(ctx, store.Write{Changes: []store.Change{c}})
		if err != nil || !kept {
			return err
		}
		a.bought++
	}
	a.waits, a.mine = &p, p.key == a.tasks[0].Key && !p.Auto
	return nil
}

// settle waits until the purchase is decided that the call needs, or returns why
// it is not.
func (a *attempt) settle(ctx context.Context) error {
	p, id := a.waits, a.tasks[0].Wallet
	if p.ID == a.asked {
		return a.undecided(id, p)
	}
	a.asked = p.ID
	class := ErrRetry // a spend is not done
	if a.mine {
		class = ErrUnknown
	}
	return a.charge(ctx, id, p, class)
}

// undecided returns the refusal of a call that needs a purchase which stays open.
func (l *Ledger) undecided(id WalletID, p *purchase) error {
	return (&decision{w: &state{id: id}}).pending(p)
}

// launch has purchases paid that no caller waits for.
func (l *Ledger) launch(ctx context.Context, id WalletID, begun []*purchase) {
	for _, p := range begun {
		if p == nil || p.waits() {
			continue
		}
		l.spawn(func() { _ = l.charge(context.WithoutCancel(ctx), id, p, ErrRetry) }) // what comes of it is in the wallet
	}
}

// chargeOpen asks about the purchases of a wallet that are not decided, and
// reports whether any was settled.
func (l *Ledger) chargeOpen(ctx context.Context, id WalletID) (settled bool, err error) {
	if l.charger == nil || l.bound {
		return false, nil
	}
	s, err := l.read(ctx, id, closedPart)
	if err != nil {
		return false, err
	}
	var faults error
	for _, p := range s.open.purchases {
		err := l.charge(ctx, id, p, ErrRetry)
		settled = settled || err == nil
		if !errors.Is(err, PaymentPending) {
			faults = errors.Join(faults, err)
		}
	}
	return settled, faults
}

// charge has a purchase paid and settled, once in this process however many wait
// for it. It returns when it is settled, or ctx ends. Where nobody knows whether
// it was paid, the error is of a class.
func (l *Ledger) charge(ctx context.Context, id WalletID, p *purchase, class error) error {
	if now := l.clock.Now(); now.Sub(p.At) >= l.window {
		return l.undecided(id, p)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: purchase %d: %w", class, p.ID, err)
	}
	f := l.flights.join(ctx, p.ChargeKey, func(f *flight) {
		outcome := context.WithoutCancel(ctx) // nobody who leaves takes the answer with him
		go func() {
			err := fmt.Errorf("%w: purchase %d: the charger ended its goroutine", errUndecided, p.ID)
			defer func() { f.end(l.flights, p.ChargeKey, err) }()
			err = l.survive(func() error { return l.ask(f.ctx, outcome, id, p) })
		}()
	})
	defer l.flights.leave(p.ChargeKey, f)
	select {
	case <-f.done:
		if errors.Is(f.err, errUndecided) {
			return fmt.Errorf("%w: %w", class, f.err)
		}
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("%w: purchase %d is not decided: %w", class, p.ID, ctx.Err())
	}
}

// errUndecided says that nobody knows whether a purchase was paid.
var errUndecided = errors.New("the payment is not decided")

// ask asks the charger once and settles the purchase with its answer.
func (l *Ledger) ask(ctx, outcome context.Context, id WalletID, p *purchase) error {
	w, err := l.Wallet(outcome, id)
	if err != nil {
		return err
	}
	if w.state().openPurchase(p.ID) == nil {
		return nil // it was decided meanwhile
	}
	c := Charge{Key: p.ChargeKey, Wallet: id, Purchase: p.ID, Money: p.Charge, Method: p.Method, Intended: p.At}
	told, err := l.answerOf(ctx, c)
	if err != nil {
		told = Payment{State: Unknown, Reason: cut(err.Error(), maxReason)}
	}
	if open := w.state().openPurchase(p.ID); open == nil || open.Payment.State != told.State || told.State != Unknown && open.Payment != told { // else it is known
		as := l.As(Actor{Role: System})
		as.own = true
		key := Key(fmt.Sprintf("%spurchase/%d/%v", libraryKeys, p.ID, told.State))
		if told.State.Open() { // it may be told again, after another
			key += Key(fmt.Sprintf("/%d", w.Seq()))
		}
		_, failed := as.Do(outcome, id, key, Settle{Purchase: p.ID, Payment: told})
		if failed != nil && !errors.Is(failed, Ended) && !errors.Is(failed, ErrKeyReused) {
			return failed
		}
	}
	if err != nil {
		return fmt.Errorf("%w: purchase %d: %w", errUndecided, p.ID, err)
	}
	return nil
}

// survive calls f, and returns as an error what it panics with: a hook of the host's.
func (l *Ledger) survive(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: panic: %v", ErrUnknown, r)
		}
	}()
	return f()
}

// answerOf calls the charger. What it says has to make sense, and it may panic.
func (l *Ledger) answerOf(ctx context.Context, c Charge) (told Payment, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the charger panicked: %v", r)
		}
	}()
	if told, err = l.charger.Charge(ctx, c); err != nil {
		return told, err
	}
	told.Reason, told.URL, told.Ref = cut(told.Reason, maxReason), cut(told.URL, maxReason), cut(told.Ref, maxName)
	if told.State != Paid && told.State != Declined && told.State != ActionRequired {
		return told, fmt.Errorf("the charger answered %v", told.State)
	}
	return told, told.check()
}

// cut returns s as valid text of at most so many bytes.
func cut(s string, limit int) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), limit)], ""), "\x00", "")
}

// flights are the payments that this process waits for, by charge key.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight
}

// flight is one call of the charger, and those who wait for it.
type flight struct {
	ctx     context.Context // ends when nobody waits any more
	cancel  context.CancelFunc
	done    chan struct{}
	err     error
	waiting int
}

// join returns the flight of a key. The first who joins starts it.
func (fs *flights) join(ctx context.Context, key string, start func(*flight)) *flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.all[key]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		if fs.all == nil {
			fs.all = make(map[string]*flight)
		}
		fs.all[key] = f
		start(f)
	}
	f.waiting++
	return f
}

// leave tells that one waits no more. The last takes the flight off: who comes
// later starts another, with the same key.
func (fs *flights) leave(key string, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if fs.all[key] == f {
		delete(fs.all, key)
	}
}

// end tells those who wait what came of it.
func (f *flight) end(fs *flights, key string, err error) {
	fs.mu.Lock()
	if fs.all[key] == f {
		delete(fs.all, key)
	}
	fs.mu.Unlock()
	f.err = err
	close(f.done)
}
