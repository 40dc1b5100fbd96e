package story_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/examples/internal/page"
	"example.com/credits/examples/internal/story"
)

func plan() credits.Plan {
	return credits.Plan{
		ID: "pro", Version: 1, Every: credits.Months(1), Price: credits.Money{Micros: 9_000_000, Currency: "USD"},
		Allowances: []credits.Allowance{{Amount: 1000 * credits.Credit}},
		Packs:      []credits.Pack{{ID: "extra", Size: 100 * credits.Credit, Brings: []credits.Bring{{Unit: "GB", Amount: credits.Credit}}}},
	}
}

func TestStory(t *testing.T) {
	s := story.New(nil)
	s.Title("A story", "2026")
	s.Heading("In %s", "January")
	s.Say("It begins.")
	s.About("acme")
	s.By("ann", credits.Administrator)
	s.On("2026-01-31 12:00:00")
	s.Do("acme subscribes", credits.Open{Plan: plan()})
	s.Do("", credits.Spend{Amount: 990 * credits.Credit})
	s.Refused("ann wants more than there is", credits.Spend{Amount: 11 * credits.Credit}, credits.Insufficient)
	s.Invalid("ann buys 150", credits.Buy{Pack: "extra", Amount: 150 * credits.Credit})
	bought := s.Do("ann buys 100, though nobody would have thought so", credits.Buy{Pack: "extra", Amount: 100 * credits.Credit})
	s.Say("That cost %v.", bought.Charge)
	s.On("2026-02-28 12:00:00")
	s.Show(page.NewTable("l", "a table"))
	s.Say("It ends.")
	got, err := s.End()
	if err != nil {
		t.Fatal(err)
	}
	want := `A story                                                                                 2026
============================================================================================

In January
----------
  It begins.

                                                               credits      left      charge
  31 Jan 12:00  acme subscribes                                 +1,000     1,000    9.00 USD
  31 Jan 12:00  ann wants more than there is
                  refused: insufficient credits (has 10)
  31 Jan 12:00  ann buys 150
                  not possible: 150 is not a whole number
                  of packs of 100
  31 Jan 12:00  ann buys 100, though nobody would have            +100       110    0.90 USD
                  thought so, with 1 GB

  That cost 0.90 USD.

                                                               credits      left      charge
  28 Feb 12:00  unused credits of the plan expire                  -10       100
  28 Feb 12:00  unused bought credits expire                      -100         0
  28 Feb 12:00  a new cycle begins                              +1,000     1,000    9.00 USD

  a table

  It ends.

  verified: the 10 entries of 1 wallet
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the page (-want +got):\n%s", diff)
	}
}

// A story ends where something does not go as it is told.
func TestWhatGoesWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		step func(*story.Story)
		want string
	}{
		{"an instant that is none", func(s *story.Story) { s.On("tomorrow") }, `on: parsing time "tomorrow"`},
		{"a command that is refused", func(s *story.Story) { s.Do("too much", credits.Spend{Amount: 1001 * credits.Credit}) }, "too much: credits: wallet"},
		{"a refusal that is none", func(s *story.Story) {
			s.Refused("too much", credits.Spend{Amount: credits.Credit}, credits.Insufficient)
		}, "too much: "},
		{"another refusal", func(s *story.Story) {
			s.Refused("too much", credits.Spend{Amount: 1001 * credits.Credit}, credits.NoPlan)
		}, "and not credits: no active plan"},
		{"a command that is valid", func(s *story.Story) { s.Invalid("nothing", credits.Spend{Amount: credits.Credit}) }, "nothing: "},
		{"a quote of what is refused", func(s *story.Story) { s.Quote(credits.Spend{Amount: 1001 * credits.Credit}) }, "a quote: credits: wallet"},
		{"a wallet that is not open", func(s *story.Story) { s.About("nobody"); s.Wallet() }, "the wallet: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := story.New(nil)
			s.About("acme")
			s.On("2026-01-31 12:00:00")
			s.Do("acme subscribes", credits.Open{Plan: plan()})
			tt.step(s)
			s.Do("more", credits.Spend{Amount: credits.Credit})
			text, err := s.End()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if strings.Contains(text, "more") {
				t.Errorf("it went on:\n%s", text)
			}
		})
	}
}
