// Command outreach tells four months of an outreach platform with two meters:
// credits, which everybody draws on and which begin anew on the 1st, and
// conversations, of which each identity has its own. It shows the usage page, an
// operator's exception to "nothing is carried over", and requests that a person
// fulfils.
//
//	go run ./examples/outreach
//
// The plans are in plans.json. Time is a clock that the program moves, so that
// the output is the same each time; nothing else is pretended.
package main

import (
	_ "embed"
	"fmt"
	"os"
	_ "time/tzdata" // the same zones on a machine that has none

	"example.com/credits"
	"example.com/credits/examples/internal/story"
)

//go:embed plans.json
var catalogue []byte

// acme is the account that the story is about, and zone where its days begin.
const (
	acme = credits.WalletID("acme")
	zone = "Europe/Madrid"
)

func main() {
	text, err := new(teller).tell()
	fmt.Print(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// teller tells the story.
type teller struct {
	*story.Story
	plan, bigger credits.Plan
}

// tell tells it all. What it returns with an error ends where that is.
func (t *teller) tell() (string, error) {
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		return "", err
	}
	t.plan, t.bigger = plans[0], plans[1]
	t.Story = story.New(nil)
	t.In(zone)
	t.About(acme)
	t.Title("Credits and conversations of an outreach platform", "account acme, "+zone)
	for _, scene := range []func(){
		t.open, t.january, t.exception, t.february, t.march, t.conversations, t.requests, t.april,
	} {
		if scene(); t.Err != nil {
			break
		}
	}
	return t.End()
}
