package credits_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/credits"
	"example.com/credits/store"
	"example.com/credits/store/memory"
)

// rig is a ledger on a memory store and a mock clock. Every command it does is
// previewed first and repeated afterwards, and at the end of the test all
// wallets have to keep the invariants.
type rig struct {
	*testing.T
	ctx    context.Context
	clock  *clock.Mock
	store  store.Store
	ledger *credits.Ledger
	keys   *int
}

// acme is the wallet of tests that need only one.
const acme = credits.WalletID("acme")

// day returns midnight UTC of a date such as "2026-01-31", or the instant of
// "2026-01-31 10:37".
func day(s string) time.Time {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	panic("no date: " + s)
}

// n returns an amount of its text.
func n(s string) credits.Amount {
	a, err := credits.ParseAmount(s)
	if err != nil {
		panic(err)
	}
	return a
}

// cash returns money of its text.
func cash(s string) credits.Money {
	m, err := credits.ParseMoney(s)
	if err != nil {
		panic(err)
	}
	return m
}

func newRig(t *testing.T, at string) *rig {
	return newRigOn(t, at, new(memory.Store))
}

func newRigOn(t *testing.T, at string, s store.Store) *rig {
	t.Helper()
	r := newUncheckedRig(t, at, s)
	t.Cleanup(func() {
		if !t.Failed() {
			checkInvariants(t, s, r.clock)
		}
	})
	return r
}

// newUncheckedRig is newRigOn without the check of every entry at the end.
func newUncheckedRig(t *testing.T, at string, s store.Store) *rig {
	r := &rig{T: t, ctx: context.Background(), clock: clock.NewMock(), store: s, keys: new(int)}
	r.clock.Set(day(at))
	r.ledger = credits.New(s, &credits.Options{Clock: r.clock, Salt: [32]byte{1}})
	return r
}

// over returns a ledger like the rig's over another store.
func (r *rig) over(s store.Store) *credits.Ledger {
	return credits.New(s, &credits.Options{Clock: r.clock, Salt: [32]byte{1}})
}

// monthly returns a plan of so many credits a month; changes are made to it.
func monthly(amount string, changes ...func(*credits.Plan)) credits.Plan {
	p := credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1),
		Features: map[string]credits.Rate{"run": {Credits: credits.Credit}},
	}
	if a := n(amount); a > 0 {
		p.Allowances = []credits.Allowance{{Amount: a}}
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

// bare returns a plan without an allowance: what its wallets have was given.
func bare(changes ...func(*credits.Plan)) credits.Plan { return monthly("0", changes...) }

func (r *rig) open(p credits.Plan) credits.Receipt {
	r.Helper()
	return r.do(credits.Open{Plan: p})
}

func (r *rig) key() credits.Key {
	*r.keys++
	return credits.Key(fmt.Sprintf("key-%d", *r.keys))
}

// in returns the rig in a subtest.
func (r *rig) in(t *testing.T) *rig {
	sub := *r
	sub.T = t
	return &sub
}

// do carries out a command on acme: the preview tells its receipt, and the same
// call again replays it.
func (r *rig) do(c credits.Command) credits.Receipt {
	r.Helper()
	return r.doOn(acme, c)
}

func (r *rig) doOn(id credits.WalletID, c credits.Command) credits.Receipt {
	r.Helper()
	key := r.key()
	before := r.dump(id)
	preview, err := r.ledger.Preview(r.ctx, id, key, c)
	if err != nil {
		r.Fatalf("preview of %+v: %v", c, err)
	}
	receipt, err := r.ledger.Do(r.ctx, id, key, c)
	if err != nil {
		r.Fatalf("%+v: %v", c, err)
	}
	if diff := cmp.Diff(preview, receipt); diff != "" {
		r.Errorf("preview and then do (-preview +do):\n%s", diff)
	}
	again, err := r.ledger.Do(r.ctx, id, key, c)
	if err != nil || !again.Replayed {
		r.Errorf("the same call again: replayed %v, error %v", again.Replayed, err)
	}
	again.Replayed = false
	if diff := cmp.Diff(receipt, again, cmpopts.EquateEmpty()); diff != "" {
		r.Errorf("the same call again (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(before, r.dump(id)); diff != "" {
		r.Errorf("a call on %s changed other wallets (-before +after):\n%s", id, diff)
	}
	return receipt
}

// refused expects that a command is refused, and that nothing changes.
func (r *rig) refused(c credits.Command, want credits.Reason) *credits.RefusedError {
	r.Helper()
	err := r.fails(c)
	var refusal *credits.RefusedError
	if !errors.As(err, &refusal) || !errors.Is(err, want) || !errors.Is(err, credits.ErrRefused) {
		r.Fatalf("%+v: got %v, want a refusal with %v", c, err, want)
	}
	if errors.Is(err, credits.ErrInvalid) {
		r.Errorf("%v is of two classes", err)
	}
	return refusal
}

// invalid expects that a command is invalid because of a field, and that
// nothing changes. The class, if not nil, is a further identity of the error.
func (r *rig) invalid(c credits.Command, field string, class error) {
	r.Helper()
	checkInvalid(r.T, r.fails(c), field, class)
}

func checkInvalid(t *testing.T, err error, field string, class error) {
	t.Helper()
	var fault *credits.InvalidError
	switch {
	case !errors.As(err, &fault) || !errors.Is(err, credits.ErrInvalid):
		t.Fatalf("got %v, want an InvalidError", err)
	case fault.Field != field:
		t.Errorf("got %v, want the field %q", err, field)
	case class != nil && !errors.Is(err, class):
		t.Errorf("got %v, want %v", err, class)
	case class == nil && fault.Err != nil:
		t.Errorf("got %v, want no further class", fault.Err)
	case errors.Is(err, credits.ErrRefused):
		t.Errorf("%v is of two classes", err)
	}
}

// fails expects that a command fails, previewed or done, and changes nothing.
func (r *rig) fails(c credits.Command) error {
	r.Helper()
	key := r.key()
	before := r.dump("")
	_, preview := r.ledger.Preview(r.ctx, acme, key, c)
	_, err := r.ledger.Do(r.ctx, acme, key, c)
	if err == nil {
		r.Fatalf("%+v was done", c)
	}
	if preview == nil || preview.Error() != err.Error() {
		r.Errorf("the preview said %v, and do says %v", preview, err)
	}
	if diff := cmp.Diff(before, r.dump("")); diff != "" {
		r.Errorf("%+v failed and changed the store (-before +after):\n%s", c, diff)
	}
	if _, err := r.ledger.Receipt(r.ctx, acme, key); !errors.Is(err, credits.ErrNotFound) {
		r.Errorf("a command that failed used its key up: %v", err)
	}
	return err
}

// at sets the clock.
func (r *rig) at(s string) { r.clock.Set(day(s)) }

func (r *rig) wallet() credits.Wallet {
	r.Helper()
	return r.walletOf(acme)
}

func (r *rig) walletOf(id credits.WalletID) credits.Wallet {
	r.Helper()
	w, err := r.ledger.Wallet(r.ctx, id)
	if err != nil {
		r.Fatal(err)
	}
	return w
}

// has expects what is available to all.
func (r *rig) has(want string) {
	r.Helper()
	if got := r.wallet().Available(); got != n(want) {
		r.Errorf("at %v: available is %v, want %s", r.clock.Now(), got, want)
	}
}

// hasAt expects what was or will be available at an instant.
func (r *rig) hasAt(at, want string) {
	r.Helper()
	w, err := r.ledger.BalanceAt(r.ctx, acme, day(at))
	if err != nil {
		r.Fatal(err)
	}
	if got := w.Available(); got != n(want) {
		r.Errorf("available at %s is %v, want %s", at, got, want)
	}
}

// lot returns a lot of acme.
func (r *rig) lot(id credits.ID) credits.Lot {
	r.Helper()
	l, ok := r.wallet().Lot(id)
	if !ok {
		r.Fatalf("there is no lot %d", id)
	}
	return l
}

// tick writes what is due.
func (r *rig) tick() int {
	r.Helper()
	wrote, err := r.ledger.Tick(r.ctx)
	if err != nil {
		r.Fatal(err)
	}
	return wrote
}

// history returns the entries of a wallet.
func (r *rig) history(id credits.WalletID, q credits.HistoryQuery) []credits.Entry {
	r.Helper()
	var all []credits.Entry
	for e, err := range r.ledger.History(r.ctx, id, q) {
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// story returns the entries of acme, one word or two for each: "spent 80".
func (r *rig) story(after credits.ID) string {
	r.Helper()
	var words []string
	for _, e := range r.history(acme, credits.HistoryQuery{After: after}) {
		words = append(words, entryWords(e))
	}
	return strings.Join(words, ", ")
}

// entryWords says what an entry did and to how much.
func entryWords(e credits.Entry) string {
	var sum credits.Amount
	for _, ln := range e.Lines {
		if e.Opens == nil || ln.Lot == e.Seq && ln.From == credits.Issued {
			sum += ln.Amount
		}
	}
	if len(e.Lines) == 0 {
		return e.Kind.String()
	}
	return e.Kind.String() + " " + sum.String()
}

// told expects the entries of acme after a number.
func (r *rig) told(after credits.ID, want string) {
	r.Helper()
	if got := r.story(after); got != want {
		r.Errorf("the entries are\n\t%s\nwant\n\t%s", got, want)
	}
}

// dump returns all that the store has, but for one wallet.
func (r *rig) dump(but credits.WalletID) map[string]string { return dumpStore(r.T, r.store, but) }

func dumpStore(t *testing.T, s store.Store, but credits.WalletID) map[string]string {
	t.Helper()
	ctx := context.Background()
	out := map[string]string{}
	for h, err := range s.Heads(ctx, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if h.Wallet == string(but) {
			continue
		}
		st, err := s.Load(ctx, store.Read{Wallet: h.Wallet})
		if err != nil {
			t.Fatal(err)
		}
		out[h.Wallet] = fmt.Sprintf("%+v", h)
		for _, p := range st[0].Parts {
			out[fmt.Sprintf("%s/part %d", h.Wallet, p.ID)] = string(p.Body)
		}
		c, err := store.CheckpointOf(ctx, s, h.Wallet)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Wallet+"/checkpoint"] = string(c.Body)
		for e, err := range s.Entries(ctx, store.Query{Wallet: h.Wallet, After: c.Seq}) {
			if err != nil {
				t.Fatal(err)
			}
			out[fmt.Sprintf("%s/entry %d", h.Wallet, e.Seq)] = fmt.Sprintf("%+v", e)
		}
	}
	return out
}

// remedies returns the kinds of what would unblock a refused command.
func remedies(e *credits.RefusedError) []credits.RemedyKind {
	var kinds []credits.RemedyKind
	for _, m := range e.Remedies {
		kinds = append(kinds, m.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

// seeded returns a source of random numbers. CREDITS_SEED repeats a run.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CREDITS_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("CREDITS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
