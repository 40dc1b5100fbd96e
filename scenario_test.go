package credits_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	_ "time/tzdata"

	"example.com/credits"
)

// catalogue reads the plans of testdata/plans/NAME.json.
func catalogue(t testing.TB, name string) []credits.Plan {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "plans", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	plans, err := credits.ParsePlans(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return plans
}

// storyPlans reads the plans of all files in testdata/plans. Each is known by
// its file and ID, such as buying/core, and by its ID if no other file has it.
func storyPlans(t testing.TB) map[string]credits.Plan {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "plans", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no plan files:", err)
	}
	plans, in := map[string]credits.Plan{}, map[string]string{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, p := range catalogue(t, name) {
			plans[name+"/"+p.ID] = p
			if other, twice := in[p.ID]; twice && other != name {
				delete(plans, p.ID)
				continue
			}
			in[p.ID], plans[p.ID] = name, p
		}
	}
	return plans
}

// title matches the first line of a story: what it tells, and the rules that it shows.
var title = regexp.MustCompile(`^# .*\(((?:[A-Z]{1,2}-\d+(?:, )?)+)\)$`)

// Every story of testdata/scenarios comes out as it says, and every wallet in it verifies.
func TestScenarios(t *testing.T) {
	plans := storyPlans(t)
	files, err := filepath.Glob(filepath.Join("testdata", "scenarios", "*.txt"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d stories, want 20 at least; %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(data), "\n")
		rules := title.FindStringSubmatch(first)
		if rules == nil {
			t.Errorf("%s:1: the first line is not # and a title with its rules, such as (S-3, T-1)", file)
			continue
		}
		name := strings.ReplaceAll(rules[1], ", ", "+") + "/" + strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			if err := runStory(filepath.ToSlash(file), string(data), plans); err != nil {
				t.Error(err)
			}
		})
	}
}

// A story that says what is not so fails, with file and line: without this,
// stories that pass would prove nothing.
func TestScenarioFaults(t *testing.T) {
	const begin = "at 2026-01-15 00:00\nopen acme with starter\n"
	tests := []struct{ name, line, want string }{
		{"wrong balance", "balance acme 99", "want 99, got 100"},
		{"wrong balance at", "balance acme 100 at 2026-01-14 00:00", "before the wallet was opened"},
		{"wrong lots", "lots acme 100 grant", "got [100 allowance]"},
		{"wrong history", "history acme opened", "got [opened granted 100]"},
		{"wrong reset", "resets acme 2026-02-14 00:00", "got 2026-02-15"},
		{"wrong last day", "last day acme 2026-02-15", "got 2026-02-14"},
		{"wrong charge", "charged 9.01 USD", "want 9.01 USD, got 9.00 USD"},
		{"wrong bill", "billed acme 8.00 USD", "want 8.00 USD, got 9.00 USD"},
		{"wrong payment back", "paid back 9.00 USD", "want -9.00 USD, got 9.00 USD"},
		{"wrong held", "held acme 1", "want 1, got 0"},
		{"wrong debt", "owed acme 1", "want 1, got 0"},
		{"wrong limit", "limit acme left 1", "want"},
		{"not refused", "refuse spend acme 1: insufficient credits", "was done"},
		{"refused for another reason", "refuse spend acme 101: ended", "want \"ended\""},
		{"refused", "spend acme 101", "insufficient credits: need 101, have 100"},
		{"not done again", "again spend acme 1", "done again: false"},
		{"no verb", "fly acme 1", `"fly" is no verb`},
		{"no amount", "spend acme much", `"much" is no amount`},
		{"amount missing", "spend acme", "an amount is missing"},
		{"too much", "spend acme 1 now", `"now" is not understood`},
		{"no time", "at 2026-01-15 noon", "is no date and time"},
		{"no plan", "open bob with gold", `no plan "gold"`},
		{"no name", "release acme h", `nothing was named "h"`},
		{"no wallet", "balance bob 0", "not open"},
		{"no zone", "zone Mars/Olympus", "unknown time zone"},
		{"no reason", "refuse spend acme 101", "want \"refuse COMMAND: REASON\""},
		{"wrong quote", "quote subscribe acme to yearly: now 1.00 USD", "want now 1.00 USD, got"},
		{"no quote", "quote subscribe acme to yearly", "want \"quote COMMAND:"},
		{"wrong plan", "plan acme gold", "want gold, got starter"},
		{"wrong units", "has acme 1 of seats", "want [1 1], got [0 0]"},
		{"wrong costs", "costs acme 2026-01-15 8.00 USD", "got [2026-01-15 9.00 USD]"},
		{"wrong charge of nothing", "charged nothing", "want 0, got"},
		{"no such plan to subscribe to", "subscribe acme to gold", `no plan "gold"`},
		{"no command", `do acme {"fly":{}}`, "is not a verb"},
	}
	plans := storyPlans(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := runStory("story.txt", begin+tt.line+"\n", plans)
			if err == nil || !strings.HasPrefix(err.Error(), "story.txt:3: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want story.txt:3 and %q", err, tt.want)
			}
		})
	}
}

// No text makes the stories' reader panic, and what it makes of any text verifies.
func FuzzScenario(f *testing.F) {
	plans := storyPlans(f)
	files, _ := filepath.Glob(filepath.Join("testdata", "scenarios", "*.txt"))
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			t.Skip("too long to be told apart")
		}
		if err := runStory("story.txt", text, plans); err != nil && !strings.HasPrefix(err.Error(), "story.txt:") {
			t.Errorf("got %v, want the file and its line", err)
		} else if err != nil && strings.Contains(err.Error(), "at the end") {
			t.Error(err)
		}
	})
}
