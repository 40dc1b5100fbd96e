// Package story runs commands on wallets of a ledger under a clock of its own, and
// tells on a page what each did, and what time and auto-purchase did besides.
package story

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/store/memory"
)

// Story is a story in the making. After the first thing that does not go as told
// it does nothing any more, and Err says what that was.
type Story struct {
	page.Page
	*credits.Ledger
	Err error

	clock *clock.Mock
	zone  *time.Location
	about credits.WalletID
	actor credits.Actor
	keys  int
	told  map[credits.WalletID]credits.ID // the last entry that was told
	rows  *page.Table                     // of the journal; nil if none was begun
	table bool                            // whether the page ends in a table
}

// New returns a story on a ledger of its own in memory. Purchases are paid by c
// if it is not nil, before anything else happens.
func New(c credits.Charger) *Story {
	s := &Story{clock: clock.NewMock(), zone: time.UTC, told: map[credits.WalletID]credits.ID{}}
	// The salt is fixed, so that every run makes the same entries. A host keeps its
	// salt secret, or the actors that it erased can be guessed.
	s.Ledger = credits.New(new(memory.Store), &credits.Options{
		Clock: s.clock, Salt: [32]byte{1}, Charger: c, Background: func(f func()) { f() },
	})
	return s
}

// About says whose wallet the next steps are about.
func (s *Story) About(id credits.WalletID) { s.about = id }

// By says who takes the next steps.
func (s *Story) By(id, role string) { s.Actor(credits.Actor{ID: id, Role: role}) }

// Actor is By for an actor of whom there is more to say.
func (s *Story) Actor(who credits.Actor) { s.actor = who }

// In says in which time zone the story is told. It begins in UTC.
func (s *Story) In(zone string) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		s.fail("in", err)
		return
	}
	s.zone = loc
}

// Now returns the local time.
func (s *Story) Now() time.Time { return s.clock.Now().In(s.zone) }

// On lets time pass until a local time, such as "2026-01-20 12:00:00", and tells
// what fell due meanwhile.
func (s *Story) On(instant string) {
	if s.Err != nil {
		return
	}
	at, err := time.ParseInLocation(time.DateTime, instant, s.zone) // with decimals, too
	if err != nil {
		s.fail("on", err)
		return
	}
	s.clock.Set(at)
	if _, err := s.Tick(context.Background()); err != nil {
		s.fail("tick", err)
	}
	s.tell("", nil)
}

// Do does a command and tells it in words, or without any does not tell it.
func (s *Story) Do(words string, cmd credits.Command) credits.Receipt {
	if s.Err != nil {
		return credits.Receipt{}
	}
	s.keys++
	r, err := s.As(s.actor).Do(context.Background(), s.about, credits.Key(fmt.Sprintf("step-%d", s.keys)), cmd)
	return s.Done(words, r, err)
}

// Done tells what became of something that had to be done.
func (s *Story) Done(words string, r credits.Receipt, err error) credits.Receipt {
	if err != nil {
		s.fail(words, err)
	}
	s.tell(words, r.Entries)
	return r
}

// Refused does a command that has to be refused for a reason, and tells that. It
// returns the refusal.
func (s *Story) Refused(words string, cmd credits.Command, why credits.Reason) *credits.RefusedError {
	if s.Err != nil {
		return new(credits.RefusedError)
	}
	s.keys++
	_, err := s.As(s.actor).Do(context.Background(), s.about, credits.Key(fmt.Sprintf("step-%d", s.keys)), cmd)
	return s.NotDone(words, err, why)
}

// NotDone tells what became of something that had to be refused for a reason.
func (s *Story) NotDone(words string, err error, why credits.Reason) *credits.RefusedError {
	refused := new(credits.RefusedError)
	s.tell("", nil)
	if !errors.As(err, &refused) || refused.Reason != why {
		s.fail(words, fmt.Errorf("got %w, and not %w", err, why))
		return refused
	}
	words += "\nrefused: " + string(why)
	if refused.Need > 0 {
		words += fmt.Sprintf(" (has %s)", page.Number(refused.Available))
	}
	s.row(s.clock.Now(), words, "", "", "")
	return refused
}

// Invalid does a command that can never succeed, and tells why.
func (s *Story) Invalid(words string, cmd credits.Command) {
	if s.Err != nil {
		return
	}
	s.keys++
	_, err := s.As(s.actor).Do(context.Background(), s.about, credits.Key(fmt.Sprintf("step-%d", s.keys)), cmd)
	var invalid *credits.InvalidError
	if !errors.As(err, &invalid) {
		s.fail(words, fmt.Errorf("got %w, and not an invalid command", err))
		return
	}
	s.row(s.clock.Now(), words+"\nnot possible: "+invalid.Reason, "", "", "")
}

// Quote returns what a command would charge and grant now.
func (s *Story) Quote(cmd credits.Command) credits.Quote {
	if s.Err != nil {
		return credits.Quote{}
	}
	r, err := s.As(s.actor).Preview(context.Background(), s.about, "", cmd)
	if err != nil {
		s.fail("a quote", err)
	}
	return r.Quote()
}

// Wallet returns the wallet that the story is about.
func (s *Story) Wallet() credits.Wallet {
	w, err := s.Ledger.Wallet(context.Background(), s.about)
	if err != nil {
		s.fail("the wallet", err)
	}
	return w
}

// Heading begins a chapter.
func (s *Story) Heading(format string, args ...any) {
	s.flush()
	s.table = false
	s.Page.Heading(format, args...)
}

// Say adds a paragraph, after what the journal has to tell.
func (s *Story) Say(format string, args ...any) {
	if s.flush() || s.table {
		s.Gap()
	}
	s.table = false
	s.Page.Say(format, args...)
}

// Show adds a table after an empty line.
func (s *Story) Show(t *page.Table) {
	s.flush()
	s.Gap()
	s.Table(t)
	s.table = true
}

// Panel adds a table in a frame after an empty line.
func (s *Story) Panel(title string, t *page.Table) {
	s.flush()
	s.Gap()
	s.Page.Panel(title, t)
	s.table = true
}

// Check keeps the first error that is not nil.
func (s *Story) Check(err error) {
	if err != nil {
		s.fail("story", err)
	}
}

// Remark adds words to the journal.
func (s *Story) Remark(format string, args ...any) {
	s.row(s.clock.Now(), fmt.Sprintf(format, args...), "", "", "")
}

// End verifies all wallets and returns the page.
func (s *Story) End() (string, error) {
	s.flush()
	ctx, entries, wallets := context.Background(), 0, 0
	for id, err := range s.Wallets(ctx, "") {
		if err == nil {
			err = s.Verify(ctx, id)
		}
		if err != nil {
			s.fail("verify", err)
			break
		}
		head, _ := s.Head(ctx, id)
		wallets, entries = wallets+1, entries+int(head.Seq)
	}
	s.Gap()
	s.Page.Say("verified: the %s entries of %s", page.Grouped(fmt.Sprint(entries)), page.Count(int64(wallets), "wallet"))
	return s.String(), s.Err
}

func (s *Story) fail(what string, err error) {
	if s.Err == nil {
		s.Err = fmt.Errorf("%s: %s: %w", s.clock.Now().UTC().Format(time.DateTime), what, err)
	}
}
