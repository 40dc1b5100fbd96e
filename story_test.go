package credits_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/store/memory"
)

// A story is a scenario file: a line for each thing that happens or is looked at.
// testdata/scenarios/README.md describes the lines.
type story struct {
	ledger *credits.Ledger
	clock  *clock.Mock
	zone   *time.Location // of the times in the file
	plans  map[string]credits.Plan
	names  map[string]credits.ID // what "as" named
	last   credits.Receipt
	line   int
}

// runStory plays a story and returns the first thing that is not as it says, with file and line.
func runStory(file, text string, plans map[string]credits.Plan) error {
	s := &story{clock: clock.NewMock(), zone: time.UTC, plans: plans, names: map[string]credits.ID{}}
	s.ledger = credits.New(new(memory.Store), &credits.Options{Clock: s.clock})
	for i, line := range strings.Split(text, "\n") {
		s.line = i + 1
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := s.play(line); err != nil {
			return fmt.Errorf("%s:%d: %w", file, s.line, err)
		}
	}
	ctx := context.Background()
	for id, err := range s.ledger.Wallets(ctx, "") {
		if err == nil {
			err = s.ledger.Verify(ctx, id)
		}
		if err != nil {
			return fmt.Errorf("%s: at the end: %w", file, err)
		}
	}
	return nil
}

// play does what one line says.
func (s *story) play(line string) error {
	w := &words{all: strings.Fields(line), zone: s.zone}
	switch verb := w.next("a verb"); verb {
	case "at":
		s.clock.Set(w.time())
		return w.end()
	case "zone":
		zone, err := time.LoadLocation(w.next("a zone"))
		if err == nil {
			s.zone = zone
		}
		return errors.Join(err, w.end())
	case "sweep":
		if err := w.end(); err != nil {
			return err
		}
		_, err := s.ledger.Tick(context.Background())
		return err
	case "refuse":
		return s.refuse(strings.TrimPrefix(strings.TrimSpace(line), verb))
	case "quote":
		return s.quote(strings.TrimPrefix(strings.TrimSpace(line), verb))
	case "again":
		return s.do(strings.Fields(line)[1:], true)
	default:
		if look, ok := looks()[verb]; ok {
			return look(s, w)
		}
		return s.do(strings.Fields(line), false)
	}
}

// order is a command as a story gives it.
type order struct {
	wallet   credits.WalletID
	key      credits.Key
	name     string
	command  credits.Command   // nil for a transfer
	transfer *credits.Transfer // or nil
}

// do carries out a line that is a command, which has to be done now, or again.
func (s *story) do(fields []string, again bool) error {
	o, err := s.order(fields)
	if err != nil {
		return err
	}
	r, err := s.carryOut(o)
	if err != nil {
		return err
	}
	if r.Replayed != again {
		return fmt.Errorf("done again: %v, want %v", r.Replayed, again)
	}
	s.last = r
	if o.name != "" {
		s.names[o.name] = r.ID
	}
	return nil
}

func (s *story) carryOut(o order) (credits.Receipt, error) {
	ctx := context.Background()
	if o.transfer == nil {
		return s.ledger.Do(ctx, o.wallet, o.key, o.command)
	}
	sent, _, err := s.ledger.Transfer(ctx, o.key, *o.transfer)
	return sent, err
}

// refuse plays "refuse COMMAND: REASON": the command fails for that reason and changes nothing.
func (s *story) refuse(line string) error {
	i := strings.LastIndex(line, ": ")
	if i < 0 {
		return errors.New(`want "refuse COMMAND: REASON"`)
	}
	o, err := s.order(strings.Fields(line[:i]))
	if err != nil {
		return err
	}
	before, _ := s.ledger.Wallet(context.Background(), o.wallet)
	_, err = s.carryOut(o)
	switch reason := strings.TrimSpace(line[i+2:]); {
	case err == nil:
		return fmt.Errorf("was done, want it refused: %s", reason)
	case !errors.Is(err, credits.ErrRefused) && !errors.Is(err, credits.ErrInvalid):
		return err
	case reason == "" || !strings.Contains(err.Error(), reason):
		return fmt.Errorf("refused with %q, want %q", err, reason)
	}
	after, _ := s.ledger.Wallet(context.Background(), o.wallet)
	if !after.Equal(before) {
		return fmt.Errorf("refused, and yet it made %v of %v", after, before)
	}
	return nil
}

// order reads a command: verb, wallet, what the verb needs, options.
func (s *story) order(fields []string) (o order, err error) {
	w := &words{all: fields, zone: s.zone}
	verb := w.next("a verb")
	read, ok := verbs()[verb]
	if !ok {
		read, ok = subscriptionVerbs()[verb]
	}
	if !ok {
		return o, fmt.Errorf("%q is no verb", verb)
	}
	o.wallet = credits.WalletID(w.next("a wallet"))
	o.key = credits.Key("line " + strconv.Itoa(s.line))
	read(s, w, &o)
	for _, common := range []struct {
		word string
		to   *string
	}{{"key", (*string)(&o.key)}, {"as", &o.name}} {
		if w.option(common.word) {
			*common.to = w.next("a name")
		}
	}
	return o, w.end()
}

// verbs are the commands of a story.
func verbs() map[string]func(*story, *words, *order) {
	return map[string]func(*story, *words, *order){
		"open":     (*story).open,
		"grant":    (*story).grant,
		"spend":    (*story).spend,
		"use":      (*story).use,
		"reserve":  (*story).reserve,
		"capture":  (*story).capture,
		"reverse":  (*story).reverse,
		"carry":    (*story).carry,
		"transfer": (*story).transfer,
		"release": func(s *story, w *words, o *order) {
			o.command = credits.Release{Hold: s.named(w)}
		},
		"revoke": func(s *story, w *words, o *order) {
			if w.option("all") {
				o.command = credits.Revoke{All: true}
				return
			}
			o.command = credits.Revoke{Lot: s.named(w)}
		},
		"buy": func(_ *story, w *words, o *order) {
			o.command = credits.Buy{Amount: w.amount(), Pack: w.after("of")}
		},
		"refund": func(s *story, w *words, o *order) {
			o.command = credits.Refund{Purchase: s.named(w)}
		},
		"auto-purchase": func(_ *story, w *words, o *order) {
			o.command = credits.SetAutoPurchase{On: w.onOff()}
		},
		"move": func(_ *story, w *words, o *order) {
			o.command = credits.SetZone{Zone: w.after("to")}
		},
		"do": func(_ *story, w *words, o *order) {
			c, err := credits.ParseCommand([]byte(strings.Join(w.all[w.pos:], " ")))
			o.command, w.err, w.pos = c, err, len(w.all)
		},
	}
}

func (s *story) named(w *words) credits.ID {
	name := w.next("a name")
	id, ok := s.names[name]
	if !ok {
		w.fail("nothing was named %q", name)
	}
	return id
}

func (s *story) open(w *words, o *order) {
	id := w.after("with")
	p, ok := s.plans[id]
	if !ok {
		w.fail("there is no plan %q", id)
		return
	}
	c := credits.Open{Plan: p}
	if w.option("tier") {
		c.Plan, w.err = p.WithTier(w.next("a tier"))
	}
	if w.option("in") {
		c.Zone = w.next("a zone")
	}
	o.command = c
}

func (s *story) grant(w *words, o *order) {
	c := credits.Grant{Amount: w.amount()}
	if w.option("of") {
		c.Unit = credits.Unit(w.next("a unit"))
	}
	if w.option("for") {
		c.Scope = w.next("a user")
	}
	if w.option("only") {
		c.Features = strings.Split(w.next("features"), ",")
	}
	if w.option("from") {
		c.Starts = w.time()
	}
	if w.option("until") {
		c.Expires = w.time()
	}
	if w.option("priority") {
		c.Priority = int(w.number())
	}
	if w.option("paid") {
		c.Paid, w.err = credits.ParseMoney(w.next("an amount") + " " + w.next("a currency"))
	}
	o.command = c
}

func (s *story) spend(w *words, o *order) {
	c := credits.Spend{Amount: w.amount()}
	if w.option("of") {
		c.Unit = credits.Unit(w.next("a unit"))
	}
	if w.option("on") {
		c.Feature = w.next("a feature")
	}
	if w.option("for") {
		c.Scope = w.next("a user")
	}
	o.command = c
}

func (s *story) use(w *words, o *order) {
	c := credits.Spend{Quantity: w.number(), Feature: w.next("a feature")}
	for w.option("times") {
		name, n, _ := strings.Cut(w.next("a factor"), "=")
		if c.Factors == nil {
			c.Factors = map[string]int64{}
		}
		c.Factors[name] = w.integer(n)
	}
	for w.option("labelled") {
		name, value, _ := strings.Cut(w.next("a label"), "=")
		if c.Note.Labels == nil {
			c.Note.Labels = map[string]string{}
		}
		c.Note.Labels[name] = value
	}
	if w.option("for") {
		c.Scope = w.next("a user")
	}
	o.command = c
}

func (s *story) reserve(w *words, o *order) {
	c := credits.Reserve{Amount: w.amount()}
	if w.option("of") {
		c.Unit = credits.Unit(w.next("a unit"))
	}
	if w.option("until") {
		c.Until = w.time()
	}
	if w.option("drawing") {
		c.Over = map[string]credits.Over{"all": credits.DrawAll, "some": credits.DrawSome}[w.next("all or some")]
	}
	o.command = c
}

func (s *story) capture(w *words, o *order) {
	c := credits.Capture{Hold: s.named(w)}
	switch {
	case w.option("all"):
		c.All = true
	case w.option("nothing"):
		c.Free = true
	default:
		c.Amount = w.amount()
	}
	o.command = c
}

func (s *story) reverse(w *words, o *order) {
	c := credits.Reverse{Spend: s.named(w)}
	if c.All = w.option("all"); !c.All {
		c.Amount = w.amount()
	}
	o.command = c
}

func (s *story) carry(w *words, o *order) {
	if !w.option("over") {
		w.fail(`want "carry WALLET over AMOUNT"`)
		return
	}
	c := credits.CarryOver{Amount: w.amount()}
	if w.option("until") {
		c.Expires = w.time()
	}
	o.command = c
}

func (s *story) transfer(w *words, o *order) {
	t := credits.Transfer{From: o.wallet, Amount: w.amount()}
	if w.option("of") {
		t.Unit = credits.Unit(w.next("a unit"))
	}
	t.To = credits.WalletID(w.after("to"))
	o.transfer = &t
}

// words reads a line from left to right. After the first fault it reads nothing more.
type words struct {
	all  []string
	pos  int
	zone *time.Location
	err  error
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// next returns the next word, which is called what where it is missing.
func (w *words) next(what string) string {
	if w.err != nil || w.pos >= len(w.all) {
		w.fail("%s is missing", what)
		return ""
	}
	w.pos++
	return w.all[w.pos-1]
}

// option skips the next word if it is the one given, and reports whether it was.
func (w *words) option(word string) bool {
	if w.err != nil || w.pos >= len(w.all) || w.all[w.pos] != word {
		return false
	}
	w.pos++
	return true
}

// after returns what stands after a word that has to be next.
func (w *words) after(word string) string {
	if !w.option(word) {
		w.fail("%q is missing", word)
	}
	return w.next("what comes after " + word)
}

func (w *words) onOff() bool {
	v := w.next("on or off")
	if v != "on" && v != "off" {
		w.fail("%q is neither on nor off", v)
	}
	return v == "on"
}

func (w *words) amount() credits.Amount {
	text := w.next("an amount")
	a, err := credits.ParseAmount(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		w.fail("%q is no amount: %v", text, err)
	}
	return a
}

func (w *words) number() int64 { return w.integer(w.next("a number")) }

func (w *words) integer(text string) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil {
		w.fail("%q is no whole number", text)
	}
	return n
}

// time reads a date and a time of the day: local in the story's zone, or UTC with a Z.
func (w *words) time() time.Time {
	text := w.next("a date") + " " + w.next("a time")
	zone := w.zone
	if utc, ok := strings.CutSuffix(text, "Z"); ok {
		text, zone = utc, time.UTC
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05.999999"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t
		}
	}
	w.fail("%q is no date and time such as 2026-01-31 15:04", text)
	return time.Time{}
}

// end reports the first fault, or what is left over.
func (w *words) end() error {
	if w.err == nil && w.pos < len(w.all) {
		w.fail("%q is not understood here", strings.Join(w.all[w.pos:], " "))
	}
	return w.err
}

// kinds returns a wallet's history from a Seq on as words, such as "expired 20".
func (s *story) kinds(id credits.WalletID, after credits.ID) (all []string, err error) {
	for e, err := range s.ledger.History(context.Background(), id, credits.HistoryQuery{After: after}) {
		if err != nil {
			return nil, err
		}
		all = append(all, strings.TrimSpace(strings.ReplaceAll(e.Kind.String(), " ", "-")+" "+movedBy(e)))
	}
	return slices.Clip(all), nil
}

// movedBy returns the amount that an entry is about: that of its lot, or the sum of its lines.
func movedBy(e credits.Entry) string {
	var sum credits.Amount
	for _, ln := range e.Lines {
		sum += ln.Amount
	}
	switch {
	case e.Opens != nil:
		return e.Opens.Amount.String()
	case len(e.Lines) > 0:
		return sum.String()
	default:
		return ""
	}
}
