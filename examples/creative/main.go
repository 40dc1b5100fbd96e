// Command creative tells four months of an advertising platform whose Pro plan
// has AI credits and whose Standard plan has none: what things cost, the last
// valid date, a renewal without rollover, running out, and the account executive
// who sells and gives what self-service does not.
//
//	go run ./examples/creative
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
	standard, pro credits.Plan
}

// tell tells it all. What it returns with an error ends where that is.
func (t *teller) tell() (string, error) {
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		return "", err
	}
	t.standard, t.pro = plans[0], plans[1]
	t.Story = story.New(nil)
	t.In(zone)
	t.About(acme)
	t.Title("AI credits in a Pro plan", "account acme, "+zone)
	for _, scene := range []func(){
		t.rates, t.withoutAI, t.subscribe, t.firstCycle, t.renewal, t.outOfCredits, t.executive, t.afterwards,
	} {
		if scene(); t.Err != nil {
			break
		}
	}
	return t.End()
}
