package model_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"example.com/credits"
	"example.com/credits/internal/model"
	"example.com/credits/store/memory"
)

// wallets are the two of each run.
var wallets = []credits.WalletID{"acme", "beta"}

// done is a command that was carried out, and its receipt.
type done struct {
	command credits.Command
	receipt credits.Receipt
}

// moved is a transfer that was carried out, and its receipts.
type moved struct {
	transfer       credits.Transfer
	key            credits.Key
	sent, received credits.Receipt
}

// system is the library and the model side by side, and the library once more
// with somebody who looks after what falls due.
type system struct {
	clock   *clock.Mock
	ledger  *credits.Ledger
	sweeper *credits.Ledger
	sweeps  *clock.Mock
	jumps   bool // the clock may go back; then nobody sweeps
	model   map[credits.WalletID]*model.Wallet
	seen    map[credits.WalletID]*model.Wallet // as of now
	past    map[credits.WalletID][]*model.Wallet
	keys    map[credits.WalletID]map[credits.Key]done
	sent    []moved
	last    map[credits.WalletID]credits.ID
	steps   int
}

func newSystem(t *rapid.T) *system {
	s := &system{
		clock: clock.NewMock(), sweeps: clock.NewMock(),
		model: map[credits.WalletID]*model.Wallet{}, seen: map[credits.WalletID]*model.Wallet{},
		past: map[credits.WalletID][]*model.Wallet{}, keys: map[credits.WalletID]map[credits.Key]done{},
		last: map[credits.WalletID]credits.ID{},
	}
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, pick(t, "day", 0, 14, 28, 29, 30))
	start = start.Add(pick(t, "time", 0, 12*time.Hour, 10*time.Hour+37*time.Minute+time.Microsecond))
	s.clock.Set(start)
	s.sweeps.Set(start)
	s.jumps = chance(t, "clock jumps", 2)
	s.ledger = credits.New(new(memory.Store), &credits.Options{Clock: s.clock})
	s.sweeper = credits.New(new(memory.Store), &credits.Options{Clock: s.sweeps})
	for _, id := range wallets {
		s.keys[id] = map[credits.Key]done{}
		s.model[id] = &model.Wallet{ID: id}
		s.seen[id] = s.model[id]
		s.act(t, id, "open")
	}
	return s
}

// step does one thing.
func (s *system) step(t *rapid.T, name string) {
	switch name {
	case "time":
		s.pass(t)
	case "look":
		s.look(t)
	case "transfer":
		s.transfer(t)
	default:
		s.act(t, pick(t, "wallet", wallets...), name)
	}
}

// act draws a command and carries it out everywhere.
func (s *system) act(t *rapid.T, id credits.WalletID, verb string) {
	known := s.seen[id].Known()
	if first, ok := map[string]struct {
		verb string
		ids  []credits.ID
	}{
		"capture": {"reserve", known.Holds}, "release": {"reserve", known.Holds},
		"reverse": {"spend", known.Spends}, "refund": {"buy", known.Purchases},
	}[verb]; ok && len(first.ids) == 0 && !chance(t, "anyhow", 8) {
		verb = first.verb
	}
	c := s.drawCommand(t, id, verb)
	key := s.drawKey(t, id, &c)
	s.do(t, id, verb, key, c)
}

// drawKey draws a key: a new one mostly, else one that was used, for the same
// command or for another.
func (s *system) drawKey(t *rapid.T, id credits.WalletID, c *credits.Command) credits.Key {
	s.steps++
	if len(s.keys[id]) == 0 || !chance(t, "old key", 12) {
		return credits.Key(fmt.Sprintf("k%d", s.steps))
	}
	var keys []credits.Key
	for k := range s.keys[id] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	key := pick(t, "key", keys...)
	if old := s.keys[id][key].command; old != nil && !chance(t, "other command", 3) {
		*c = old
	}
	return key
}

// do carries out a command everywhere and compares.
func (s *system) do(t *rapid.T, id credits.WalletID, verb string, key credits.Key, c credits.Command) {
	ctx := context.Background()
	t.Logf("%s %s %s %s", s.clock.Now().Format(time.RFC3339Nano), id, key, show(c))
	preview, previewErr := s.ledger.Preview(ctx, id, key, c)
	r, err := s.ledger.Do(ctx, id, key, c)
	got := outcome(err)
	if diff := cmp.Diff(preview, r); diff != "" || outcome(previewErr) != got {
		t.Fatalf("V10: preview %q, outcome %q; receipts (-preview +do):\n%s", outcome(previewErr), got, diff)
	}
	if !s.jumps {
		r2, err2 := s.sweeper.Do(ctx, id, key, c)
		if diff := cmp.Diff(r, r2); diff != "" || outcome(err2) != got {
			t.Fatalf("T-6: with sweeps the outcome is %q, not %q; receipts (-without +with):\n%s", outcome(err2), got, diff)
		}
	}
	if before, known := s.keys[id][key]; known {
		s.known(t, verb, before, c, r, got)
		return
	}
	next := s.model[id].Clone()
	want := next.Do(s.clock.Now(), c)
	cover(verb, want.Outcome)
	if vague := got == model.NotFound && want.Outcome == model.Invalid; got != want.Outcome && !vague {
		t.Fatalf("outcome %q, want %q (%v)\nmodel: %+v", got, want.Outcome, err, s.seen[id].View())
	}
	if got == model.OK {
		s.keys[id][key] = done{command: c, receipt: r}
		s.commit(t, id, next, want, r)
	}
	s.compare(t)
}

// known checks the answer to a key that was used.
func (s *system) known(t *rapid.T, verb string, before done, c credits.Command, r credits.Receipt, got string) {
	if !reflect.DeepEqual(before.command, c) {
		cover(verb, model.Reused)
		if got != model.Reused {
			t.Fatalf("I-1: outcome %q of a key that was used for %s", got, show(before.command))
		}
		return
	}
	cover(verb, "replayed")
	before.receipt.Replayed = true
	if diff := cmp.Diff(before.receipt, r); diff != "" || got != model.OK {
		t.Fatalf("I-1: outcome %q, replay differs (-first +second):\n%s", got, diff)
	}
	s.compare(t)
}

// commit makes next the model's wallet and compares what moved with what the
// library's entries say.
func (s *system) commit(t *rapid.T, id credits.WalletID, next *model.Wallet, want model.Result, r credits.Receipt) {
	var moves []model.Move
	var opened []credits.Terms
	for e, err := range s.ledger.History(context.Background(), id, credits.HistoryQuery{After: s.last[id]}) {
		if err != nil {
			t.Fatal(err)
		}
		s.last[id] = e.Seq
		moves = flatten(moves, e)
		cover("time", e.Kind.String())
		if e.Opens != nil {
			opened = append(opened, *e.Opens)
		}
	}
	bound := next.Bind(want, r.ID, opened)
	if diff := cmp.Diff(next.Moves, moves, cmp.AllowUnexported(model.Move{})); diff != "" {
		t.Fatalf("wallet %s: moves (-model +library):\n%s", id, diff)
	}
	if !bound {
		t.Fatalf("wallet %s: the library opened %+v", id, opened)
	}
	var uncovered credits.Amount
	for _, e := range r.Entries {
		uncovered += e.Uncovered
	}
	if uncovered != want.Uncovered {
		t.Fatalf("S-6: wallet %s: %s are not covered, want %s", id, uncovered, want.Uncovered)
	}
	if has, owes := next.Balance(r.Unit); has-owes != r.Balance {
		t.Fatalf("L-1: wallet %s: the balance after is %s, want %s less %s", id, r.Balance, has, owes)
	}
	s.model[id] = next
	s.past[id] = append(s.past[id], next)
}

// flatten appends the lines of an entry as moves.
func flatten(moves []model.Move, e credits.Entry) []model.Move {
	if len(e.Lines) == 0 {
		return append(moves, model.Move{At: e.At, Kind: e.Kind, Unit: e.Unit})
	}
	for _, l := range e.Lines {
		m := model.Move{At: e.At, Kind: e.Kind, Unit: e.Unit, Lot: l.Lot, From: l.From, To: l.To}
		if last := len(moves) - 1; last >= 0 {
			prev := moves[last]
			prev.Amount = 0
			if prev == m {
				moves[last].Amount += l.Amount
				continue
			}
		}
		m.Amount = l.Amount
		moves = append(moves, m)
	}
	return moves
}

// compare looks at both wallets as of now.
func (s *system) compare(t *rapid.T) {
	for _, id := range wallets {
		w, err := s.ledger.Wallet(context.Background(), id)
		if errors.Is(err, credits.ErrNotFound) && len(s.keys[id]) == 0 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		m := s.model[id].Clone()
		m.Advance(s.clock.Now())
		s.seen[id] = m
		s.same(t, "as of now", m, w)
	}
}

// same compares a wallet with the model's.
func (s *system) same(t *rapid.T, when string, m *model.Wallet, w credits.Wallet) {
	want := m.View()
	got := view(w, want)
	for _, l := range got.Gone {
		conserved(t, l)
	}
	for _, lots := range got.Lots {
		for _, l := range lots {
			conserved(t, l)
		}
	}
	if reflect.DeepEqual(want, got) {
		return // cmp tells what differs, and takes its time
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("wallet %s %s (-model +library):\n%s", m.ID, when, diff)
	}
}

// conserved checks law 2 of a lot.
func conserved(t *rapid.T, l credits.Lot) {
	sum := l.Available + l.Held + l.Consumed + l.Expired + l.Revoked + l.Refunded + l.Moved
	if l.Pending {
		sum += l.Amount
	}
	for _, part := range []credits.Amount{l.Available, l.Held, l.Consumed, l.Expired, l.Revoked, l.Refunded, l.Moved} {
		if part < 0 || sum != l.Amount {
			t.Fatalf("V2: lot %+v does not add up", l)
		}
	}
}

// view shows a library's wallet as the model shows its own. What has nothing
// left is asked for by number, and what was not written yet has none.
func view(w credits.Wallet, want model.View) model.View {
	v := model.View{At: w.At(), Cycle: w.Cycle(), Lots: map[credits.Unit][]credits.Lot{}, Auto: w.AutoPurchase()}
	if v.Auto.Left > credits.AmountMax/2 {
		v.Auto.Left, v.Auto.Times = model.Countless, int64(model.Countless)
	}
	plain := func(l credits.Lot) credits.Lot {
		l.Paid, l.Deferred = credits.Money{}, credits.Money{}
		return l
	}
	for l := range w.Lots() {
		l := plain(l)
		if at := len(v.Lots[l.Unit]); at < len(want.Lots[l.Unit]) {
			if x := want.Lots[l.Unit][at]; x.ID == 0 {
				l.ID, l.Purchase, l.Origin.Lot = 0, x.Purchase, x.Origin.Lot
			}
		}
		v.Lots[l.Unit] = append(v.Lots[l.Unit], l)
	}
	for _, x := range want.Gone {
		l, ok := w.Lot(x.ID)
		if x.ID == 0 || !ok {
			l = x
		}
		v.Gone = append(v.Gone, plain(l))
	}
	for h := range w.Holds() {
		v.Holds = append(v.Holds, h)
	}
	slices.SortFunc(v.Holds, func(a, b credits.Hold) int { return int(a.ID) - int(b.ID) })
	for _, unit := range model.Units {
		for _, scope := range model.Scopes {
			v.Balances = append(v.Balances, model.Balance{Scope: scope, Balance: w.Balance(unit, scope)})
		}
	}
	return v
}

// outcome is the class of an error.
func outcome(err error) string {
	var refused *credits.RefusedError
	switch {
	case err == nil:
		return model.OK
	case errors.As(err, &refused):
		return string(refused.Reason)
	case errors.Is(err, credits.ErrKeyReused):
		return model.Reused
	case errors.Is(err, credits.ErrNotFound):
		return model.NotFound
	case errors.Is(err, credits.ErrExists):
		return model.Exists
	case errors.Is(err, credits.ErrInvalid):
		return model.Invalid
	}
	return err.Error()
}

// show writes a command as JSON.
func show(c credits.Command) string {
	b, err := credits.AppendCommand(nil, c)
	if err != nil {
		return fmt.Sprintf("%+v", c)
	}
	return string(b)
}

// transfer moves an amount from one wallet to the other.
func (s *system) transfer(t *rapid.T) {
	i := pick(t, "from", 0, 1)
	tr := credits.Transfer{
		From: wallets[i], To: wallets[1-i], Unit: pick(t, "unit", "", "", "", model.Units[1]),
		Amount: few(t, "amount", 12) - pick[credits.Amount](t, "none", 0, 0, 0, 0, 0, 0, 1),
	}
	if chance(t, "to itself", 30) {
		tr.To = tr.From
	}
	s.steps++
	key := credits.Key(fmt.Sprintf("t%d", s.steps))
	if len(s.sent) > 0 && chance(t, "old key", 8) {
		old := pick(t, "key", s.sent...)
		if key = old.key; !chance(t, "other transfer", 3) {
			tr = old.transfer
		}
	}
	t.Logf("%s transfer %s %+v", s.clock.Now().Format(time.RFC3339Nano), key, tr)
	sent, received, err := s.ledger.Transfer(context.Background(), key, tr)
	got := outcome(err)
	if !s.jumps {
		if _, _, err := s.sweeper.Transfer(context.Background(), key, tr); outcome(err) != got {
			t.Fatalf("T-6: with sweeps the outcome is %q, not %q", outcome(err), got)
		}
	}
	before := slices.IndexFunc(s.sent, func(x moved) bool { return x.key == key })
	if before >= 0 {
		s.knownTransfer(t, s.sent[before], moved{tr, key, sent, received}, got)
		return
	}
	a, b := s.model[tr.From].Clone(), s.model[tr.To].Clone()
	a.Begin(s.clock.Now())
	b.Begin(s.clock.Now())
	want := model.Transfer(a, b, tr.Unit, tr.Amount)
	cover("transfer", want.Outcome)
	if got != want.Outcome {
		t.Fatalf("outcome %q, want %q (%v)\nmodel: %+v", got, want.Outcome, err, s.seen[tr.From].View())
	}
	if got == model.OK {
		s.sent = append(s.sent, moved{tr, key, sent, received})
		s.keys[tr.From][key], s.keys[tr.To][key] = done{receipt: sent}, done{receipt: received}
		s.commit(t, tr.From, a, want, sent)
		s.commit(t, tr.To, b, want, received)
	}
	s.compare(t)
}

// knownTransfer checks the answer to a key that moved something before.
func (s *system) knownTransfer(t *rapid.T, before, after moved, got string) {
	if !reflect.DeepEqual(before.transfer, after.transfer) {
		cover("transfer", model.Reused)
		if got != model.Reused && (got != model.Invalid || after.transfer.Amount > 0 && after.transfer.From != after.transfer.To) {
			t.Fatalf("I-1: outcome %q of a key that was used for %+v", got, before.transfer)
		}
		return
	}
	cover("transfer", "replayed")
	before.sent.Replayed, before.received.Replayed = true, true
	if diff := cmp.Diff(before, after, cmp.AllowUnexported(moved{})); diff != "" || got != model.OK {
		t.Fatalf("I-1: outcome %q, replay differs (-first +second):\n%s", got, diff)
	}
	s.compare(t)
}

// pass moves the clock, and lets the sweeper look in between.
func (s *system) pass(t *rapid.T) {
	to := s.drawNow(t)
	if !s.jumps {
		for chance(t, "sweep", 3) {
			between := to.Sub(s.sweeps.Now())
			s.sweeps.Set(s.sweeps.Now().Add(between / time.Duration(rapid.IntRange(1, 5).Draw(t, "part"))).Truncate(time.Microsecond))
			if _, err := s.sweeper.Tick(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		s.sweeps.Set(to)
	}
	s.clock.Set(to)
	s.compare(t)
}

// look asks for a wallet at another time.
func (s *system) look(t *rapid.T) {
	id := pick(t, "wallet", wallets...)
	w := s.model[id]
	at := pick(t, "ahead", w.Boundaries()...).Add(pick(t, "off", -time.Microsecond, 0, time.Microsecond))
	if past := s.past[id]; chance(t, "past", 2) {
		w = pick(t, "then", past...)
		at = w.At.Add(pick(t, "off", 0, time.Microsecond, time.Hour))
		for _, x := range past {
			if !x.At.After(at) {
				w = x
			}
		}
	}
	m := w.Clone()
	m.Advance(at)
	got, err := s.ledger.BalanceAt(context.Background(), id, at)
	if err != nil {
		t.Fatal(err)
	}
	cover("look", "at another time")
	s.same(t, "at "+at.Format(time.RFC3339Nano), m, got)
}

// end checks what must hold of a whole life.
func (s *system) end(t *rapid.T) {
	ctx := context.Background()
	for _, id := range wallets {
		if err := s.ledger.Verify(ctx, id); err != nil {
			t.Fatal(err)
		}
		if s.jumps {
			continue
		}
		for _, l := range []*credits.Ledger{s.ledger, s.sweeper} {
			if _, err := l.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.sweeper.Verify(ctx, id); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(history(t, s.ledger, id), history(t, s.sweeper, id)); diff != "" {
			t.Fatalf("T-6: wallet %s: histories (-without +with sweeps):\n%s", id, diff)
		}
	}
}

func history(t *rapid.T, l *credits.Ledger, id credits.WalletID) []credits.Entry {
	var all []credits.Entry
	for e, err := range l.History(context.Background(), id, credits.HistoryQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestModel(t *testing.T) {
	covered = map[string]map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := newSystem(t)
		actions := map[string]func(*rapid.T){}
		for i, verb := range verbs {
			// Luck prefers what comes first and last, by name.
			actions[fmt.Sprintf("%02d %s", i, verb.name)] = func(t *rapid.T) { s.step(t, verb.name) }
		}
		t.Repeat(actions)
		s.end(t)
	})
	if !t.Failed() {
		coverage(t)
	}
}
