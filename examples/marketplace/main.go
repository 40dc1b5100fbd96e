// Command marketplace tells half a year of AI credits on a marketplace: a free
// package that ends, a plan that takes an administrator and a security code, extra
// packages, a plan that people sell, and a deactivation that a customer can only
// ask for. It draws the pages from what the library says an actor may do.
//
//	go run ./examples/marketplace
//
// The plans, and who may do what under them, are in plans.json. Time is a clock
// that the program moves, so that the output is the same each time.
package main

import (
	_ "embed"
	"fmt"
	"os"
	_ "time/tzdata" // the same zones on a machine that has none

	"example.com/credits"
	"example.com/credits/access"
	"example.com/credits/examples/internal/story"
)

//go:embed plans.json
var catalogue []byte

// acme is the base that the story is about, beta one that is on trial, and zone
// where their days begin.
const (
	acme = credits.WalletID("acme")
	beta = credits.WalletID("beta")
	zone = "America/Sao_Paulo"
)

// The people. The host knows who they are, and says so with every command.
var (
	ann  = credits.Actor{ID: "ann", Role: credits.Administrator}
	bob  = credits.Actor{ID: "bob", Role: credits.Member}
	dora = credits.Actor{ID: "dora", Role: credits.Administrator, Trial: true}
	sam  = credits.Actor{ID: "sam", Role: credits.Operator}  // of sales
	cora = credits.Actor{ID: "cora", Role: credits.Operator} // of Customer Success
)

// secret makes the security codes. A host draws its own at random and shows it to
// nobody; this one is fixed, so that the output is.
var secret = []byte("a host keeps at least 32 bytes as its secret")

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
	desk              *access.Desk
	plans             []credits.Plan // that the host sells
	free, plus, ultra credits.Plan
	leads             []lead
}

// tell tells it all. What it returns with an error ends where that is.
func (t *teller) tell() (string, error) {
	plans, err := credits.ParsePlans(catalogue)
	if err != nil {
		return "", err
	}
	t.plans, t.free, t.plus, t.ultra = plans, plans[0], plans[1], plans[2]
	t.Story = story.New(nil)
	if t.desk, err = access.New(t.Ledger, secret); err != nil {
		return "", err
	}
	t.In(zone)
	t.About(acme)
	t.Title("AI credits on a marketplace", "base acme, "+zone)
	for _, scene := range []func(){
		t.offered, t.freePackage, t.permissions, t.interest, t.sidebar, t.subscription, t.extra, t.secondExtra, t.specialist, t.afterFree,
		t.deactivation,
	} {
		if scene(); t.Err != nil {
			break
		}
	}
	return t.End()
}
