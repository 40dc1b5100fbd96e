package model_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/credits"
	"example.com/credits/internal/model"
)

// What a run does unless the flags of rapid or the environment say otherwise:
// CREDITS_MODEL_CHECKS is how many lives are played, CREDITS_MODEL_STEPS how
// many commands and looks each has on average, CREDITS_MODEL_SEED where luck
// begins; 0 is another luck each time.
var defaults = []struct{ flag, env, value string }{
	{"rapid.checks", "CREDITS_MODEL_CHECKS", "300"},
	{"rapid.steps", "CREDITS_MODEL_STEPS", "40"},
	{"rapid.seed", "CREDITS_MODEL_SEED", "20260131"},
}

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var run []string
	for _, d := range defaults {
		if !given[d.flag] {
			if err := flag.Set(d.flag, cmp.Or(os.Getenv(d.env), d.value)); err != nil {
				fmt.Fprintln(os.Stderr, d.env, err)
				os.Exit(2)
			}
		}
		run = append(run, fmt.Sprintf("-%s=%s", d.flag, flag.Lookup(d.flag).Value))
	}
	fmt.Println(strings.Join(run, " "))
	os.Exit(m.Run())
}

// verbs are what is drawn, the frequent first and last, and the outcomes that each must
// have met when a run ends. Of time these are the kinds of the entries: what
// falls due and what follows from commands.
var verbs = []struct {
	name     string
	outcomes []string
}{
	{"spend", []string{model.OK, model.Invalid, notInPlan, limitReached, insufficient, model.Reused, replayed}},
	{"time", []string{
		"opened", "renewed", "granted", "purchased", "started", "rolled over", "spent", "reserved", "captured", "released", "timed out",
		"expired", "reversed", "revoked", "refunded", "repaid", "forgiven", "sent", "received", "carry-over set", "auto-purchase set",
	}},
	{"transfer", []string{model.OK, model.Invalid, ended, insufficient, model.Reused, replayed}},
	{"capture", []string{model.OK, model.Invalid, model.NotFound, ended, insufficient, model.Reused, replayed}},
	{"reverse", []string{model.OK, model.Invalid, model.NotFound, ended, model.Reused, replayed}},
	{"look", []string{"at another time"}},
	{"revoke", []string{model.OK, model.NotFound, ended, model.Reused, replayed}},
	{"carry over", []string{model.OK, model.Invalid, model.Exists, insufficient, model.Reused, replayed}},
	{"open", []string{model.OK, model.Exists, model.Reused, replayed}},
	{"auto", []string{model.OK, notInPlan, limitReached, model.Reused, replayed}},
	{"release", []string{model.OK, model.NotFound, ended, model.Reused, replayed}},
	{"refund", []string{model.OK, model.NotFound, ended, model.Reused, replayed}},
	{"buy", []string{model.OK, model.Invalid, notInPlan, model.Reused, replayed}},
	{"grant", []string{model.OK, model.Invalid, model.Reused, replayed}},
	{"reserve", []string{model.OK, model.Invalid, notInPlan, limitReached, insufficient, model.Reused, replayed}},
}

const (
	replayed     = "replayed"
	notInPlan    = string(credits.NotInPlan)
	ended        = string(credits.Ended)
	limitReached = string(credits.LimitReached)
	insufficient = string(credits.Insufficient)
)

// covered counts what every command met.
var covered = map[string]map[string]int{}

// cover counts that a command met an outcome.
func cover(verb, outcome string) {
	if covered[verb] == nil {
		covered[verb] = map[string]int{}
	}
	covered[verb][outcome]++
}

// coverage prints what every command met, and fails where something never
// happened: a model that is never asked agrees with everything. A run that is
// shorter than the default may miss something.
func coverage(t *testing.T) {
	lives, _ := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	least, _ := strconv.Atoi(defaults[0].value)
	var table strings.Builder
	for _, verb := range verbs {
		fmt.Fprintf(&table, "\n%-10s", verb.name)
		for _, outcome := range slices.Sorted(maps.Keys(covered[verb.name])) {
			fmt.Fprintf(&table, "  %s %d", outcome, covered[verb.name][outcome])
		}
		for _, outcome := range verb.outcomes {
			if covered[verb.name][outcome] == 0 && lives >= least {
				t.Errorf("%s never met %q", verb.name, outcome)
			}
		}
	}
	t.Log(table.String())
}
