package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/credits"
	"example.com/credits/store/memory"
)

const golden = "testdata/golden.txt"

var update = flag.Bool("update", false, "write the golden file anew")

// call runs the command.
func call(args ...string) (code int, stdout, stderr string) {
	var out, faults bytes.Buffer
	code = run(args, &out, &faults)
	return code, out.String(), faults.String()
}

func TestGolden(t *testing.T) {
	code, got, faults := call()
	if code != 0 || faults != "" {
		t.Fatalf("exit code %d, and on standard error:\n%s", code, faults)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the report (-want +got):\n%s", diff)
	}
	for i, line := range strings.Split(got, "\n") {
		if width(line) > lineWidth {
			t.Errorf("line %d is %d columns wide, more than %d: %s", i+1, width(line), lineWidth, line)
		}
	}
}

// shippedReplay returns a ledger onto which the shipped log was replayed.
func shippedReplay(t *testing.T) (*credits.Ledger, *replay) {
	t.Helper()
	o, err := parse(nil, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := o.choosePlan()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(o.zone)
	if err != nil {
		t.Fatal(err)
	}
	since, err := o.start(zone)
	if err != nil {
		t.Fatal(err)
	}
	now := new(logClock)
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: now})
	r := &replay{ledger: ledger, clock: now, plan: plan, zone: zone, since: since, auto: true}
	replayShipped(t, r)
	return ledger, r
}

func replayShipped(t *testing.T, r *replay) {
	t.Helper()
	_, file, err := open("", "usage.csv")
	if err != nil {
		t.Fatal(err)
	}
	log, err := newLog("usage.csv", file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.run(context.Background(), log, newProgress(new(bytes.Buffer), file)); err != nil {
		t.Fatal(err)
	}
}

// What the shipped log has to show, whatever the golden file says.
func TestTheShippedLogTellsTheWholeStory(t *testing.T) {
	ledger, r := shippedReplay(t)
	a, err := newAccount(context.Background(), ledger)
	if err != nil {
		t.Fatal(err)
	}
	if days := daysBetween(a.local(r.first), a.local(r.clock.now)) + 1; r.rows < 3000 || days != 31 {
		t.Errorf("the log has %d rows over %d days, not 3,000 and more over 31", r.rows, days)
	}
	if n := len(a.purchases); n < 3 {
		t.Errorf("%d purchases were made, not 3 or more", n)
	}
	for _, p := range a.purchases {
		if p.Opens.Source != credits.FromAuto || p.Charge.String() != "11.05 USD" || p.Surcharge.String() != "2.55 USD" {
			t.Errorf("MK-14: purchase %d is %v of %v, %v of it surcharge", p.Seq, p.Opens.Source, p.Charge, p.Surcharge)
		}
		if diff := cmp.Diff(map[credits.Unit]credits.Amount{"GB": 5 * credits.Credit}, p.brought); diff != "" {
			t.Errorf("MK-04: what came with purchase %d (-want +got):\n%s", p.Seq, diff)
		}
	}
	if s := a.wallet.AutoPurchase(); s.Times != 0 || s.Bought != 40_000*credits.Credit {
		t.Errorf("MK-12: %v bought, and %d more purchases allowed: the limit is not reached", s.Bought, s.Times)
	}
	if len(r.refused) != 1 || !errors.Is(r.refused[0], credits.LimitReached) {
		t.Errorf("refused %v, not one spend at the limit", r.refused)
	}
	if len(a.cycles) != 2 || a.cycles[0].expired == 0 || a.cycles[1].spent <= 40_000*credits.Credit {
		t.Errorf("the cycles are %+v: not one with a reset that ends credits, and one that crosses the plan's", a.cycles)
	}
	c := a.total
	if c.given+c.bought != c.spent+c.expired+a.wallet.Available() {
		t.Errorf("given %v and bought %v are not spent %v, expired %v and available %v", c.given, c.bought, c.spent, c.expired, a.wallet.Available())
	}
}

func TestReplayingTheLogAgainChangesNothing(t *testing.T) {
	ledger, r := shippedReplay(t)
	before, err := ledger.Wallet(context.Background(), wallet)
	if err != nil {
		t.Fatal(err)
	}
	replayShipped(t, r)
	after, err := ledger.Wallet(context.Background(), wallet)
	if err != nil {
		t.Fatal(err)
	}
	if !before.Equal(after) || before.Head() != after.Head() {
		t.Errorf("after the second replay the wallet is\n%v\nand was\n%v", after, before)
	}
}

// corrupted writes the shipped log with one line changed, and returns its path.
func corrupted(t *testing.T, line int, change func(string) string) string {
	t.Helper()
	data, err := shipped.ReadFile("testdata/usage.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	lines[line-1] = change(lines[line-1])
	path := filepath.Join(t.TempDir(), "usage.csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// column returns a change of one column of a line.
func column(i int, text string) func(string) string {
	return func(line string) string {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		columns[i] = text
		return strings.Join(columns, ",") + "\n"
	}
}

func TestABadRowIsNamed(t *testing.T) {
	becomes := func(text string) func(string) string {
		return func(string) string { return text + "\n" }
	}
	ends := func(text string) func(string) string {
		return func(line string) string { return strings.TrimSuffix(line, "\n") + text + "\n" }
	}
	for _, tt := range []struct {
		name   string
		line   int
		change func(string) string
		want   string
	}{
		{"header is wrong", 1, becomes("time,user,action,amount"), `:1: the header is "time,user,action,amount", not "time,user,action,quantity"`},
		{"header is missing", 1, func(string) string { return "" }, `:1: the header is "2026-02-22T00:00:06-05:00,nightly-sync,run,24", not "time,user,action,quantity"`},
		{"header has other columns", 1, becomes("time,user,action"), `:1: the header is "time,user,action", not "time,user,action,quantity"`},
		{"column is missing", 300, becomes("2026-02-24T12:00:00-05:00,ann,run"), ":300: 3 columns where 4 are wanted: time,user,action,quantity"},
		{"column too many", 300, ends(",9"), ":300: 5 columns where 4 are wanted: time,user,action,quantity"},
		{"only one column", 300, becomes("run"), ":300: 1 column where 4 are wanted: time,user,action,quantity"},
		{"time is no time", 300, column(0, "yesterday"), `:300: time "yesterday": is not like 2026-02-22T09:30:00-05:00`},
		{"time has no zone", 300, column(0, "2026-03-09T12:00:00"), `:300: time "2026-03-09T12:00:00": is not like 2026-02-22T09:30:00-05:00`},
		{"time is empty", 300, column(0, ""), `:300: time "": is not like 2026-02-22T09:30:00-05:00`},
		{"time does not exist", 300, column(0, "2026-02-30T12:00:00Z"), `:300: time "2026-02-30T12:00:00Z": is not like 2026-02-22T09:30:00-05:00`},
		{"time goes back", 300, column(0, "2026-02-23T12:00:00-05:00"), ":300: time 2026-02-23T12:00:00-05:00: is before the time of line 299: rows have to be in order"},
		{"time is before all times", 2, column(0, "0001-01-01T00:00:00Z"), ":2: time 0001-01-01T00:00:00Z: is before 1970"},
		{"user is empty", 300, column(1, ""), `:300: user "": is empty`},
		{"user is blank", 300, column(1, "  "), `:300: user "  ": is empty`},
		{"user is too long", 300, column(1, strings.Repeat("a", 256)), `:300: user "` + strings.Repeat("a", 40) + `...": has 256 bytes, more than 255`},
		{"user would disturb a terminal", 300, column(1, "ann\x1b[2J"), `:300: user "ann\x1b[2J": has a control character`},
		{"action is unknown", 300, column(2, "fly"), `:300: action "fly": is not in plan "core", which has ai-agent, image, pdf-pages, run, search, transcription, transfer`},
		{"action is empty", 300, column(2, ""), `:300: action "": is not in plan "core", which has ai-agent, image, pdf-pages, run, search, transcription, transfer`},
		{"quantity is 0", 300, column(3, "0"), `:300: quantity "0": is not at least 1`},
		{"quantity is negative", 300, column(3, "-5"), `:300: quantity "-5": is not at least 1`},
		{"quantity is no number", 300, column(3, "x"), `:300: quantity "x": is not a whole number`},
		{"quantity is a fraction", 300, column(3, "1.5"), `:300: quantity "1.5": is not a whole number`},
		{"quantity is empty", 300, column(3, ""), `:300: quantity "": is not a whole number`},
		{"quantity is no 64-bit number", 300, column(3, "9223372036854775808"), `:300: quantity "9223372036854775808": is out of range`},
		{"quantity costs too much", 300, column(3, "9223372036854775807"), `:300: quantity: 9223372036854775807 units at`},
		{"quote inside a field", 300, column(1, `an"n`), `:300: quoting: bare " in non-quoted-field`},
		{"quote that never ends", 300, column(1, `"ann`), `:300: quoting: extraneous or missing " in quoted-field`},
		{"not UTF-8", 300, column(1, "ann\xff"), `:300: column 2: "ann\xff" is not UTF-8`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := corrupted(t, tt.line, tt.change)
			code, out, faults := call("-usage", path, "-plan", "core", "-tier", "40k")
			if code != 1 || out != "" || !strings.HasPrefix(faults, path+tt.want) || strings.Count(faults, "\n") != 1 {
				t.Errorf("exit code %d, %d bytes of report, and on standard error:\n%swant:\n%s", code, len(out), faults, path+tt.want)
			}
		})
	}
}

func TestABadFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	_, notThere := os.Open(missing)
	const two = `{"plans": [{"id": "a", "version": 1, "every": "1 month"}, {"id": "b", "version": 1, "every": "1 month"}]}`
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"log is empty", []string{"-usage", file("empty.csv", "")}, 1, "empty.csv:1: the file is empty: the header time,user,action,quantity is missing\n"},
		{"log is only blank lines", []string{"-usage", file("blank.csv", "\n\n")}, 1, "blank.csv:1: the file is empty: the header time,user,action,quantity is missing\n"},
		{"log has no rows", []string{"-usage", file("none.csv", header+"\n")}, 1, "none.csv:1: there are no rows after the header\n"},
		{"log is not there", []string{"-usage", missing}, 1, notThere.Error() + "\n"},
		{"log begins before the plan", []string{"-since", "2026-03-01"}, 1, "usage.csv:2: time 2026-02-22T00:00:06-05:00: is before the plan begins, on 2026-03-01\n"},
		{"action of another plan", []string{"-plan", "free"}, 1, `has pdf-pages, run, search, transfer` + "\n"},
		{"catalogue is no JSON", []string{"-plans", file("p.json", "{")}, 1, "p.json: byte 1: ends before it is complete\n"},
		{"catalogue is empty", []string{"-plans", file("p0.json", `{"plans": []}`)}, 1, "p0.json: plans: there are none\n"},
		{"catalogue has two faults", []string{"-plans", file("p2.json", `{"plans": [{"id": "a", "every": "1 month"}, {"version": 1, "every": "1 month"}]}`)}, 1, "plans[1].id: is empty\n"},
		{"catalogue is not there", []string{"-plans", missing}, 1, notThere.Error() + "\n"},
		{"no plan is named", []string{"-plans", file("two.json", two)}, 2, "two.json: -plan has to name one of a, b\n"},
		{"plan is unknown", []string{"-plan", "gold"}, 2, "plans.json: there is no -plan \"gold\": it has free, core, pro, teams, core-annual, pro-annual\n"},
		{"no tier is named", []string{"-plan", "pro"}, 2, "plans.json: plan \"pro\" has no -tier \"\": it has 10k, 20k, 40k, 80k, 150k, 300k\n"},
		{"tier is unknown", []string{"-tier", "7k"}, 2, "plans.json: plan \"core\" has no -tier \"7k\": it has 10k, 20k, 40k, 80k, 150k, 300k\n"},
		{"plan has no tiers", []string{"-plan", "free", "-tier", "7k"}, 2, "plans.json: plan \"free\" has no -tier \"7k\": it has no tiers\n"},
		{"zone is unknown", []string{"-zone", "Mars"}, 2, "-zone \"Mars\" is not an IANA time zone, such as Europe/Berlin\n"},
		{"zone is another on every machine", []string{"-zone", "Local"}, 2, "-zone \"Local\" is not an IANA time zone, such as Europe/Berlin\n"},
		{"date is unknown", []string{"-since", "yesterday"}, 2, "-since \"yesterday\" is not a date such as 2026-02-01\n"},
		{"flag is unknown", []string{"-colour"}, 2, "quickstart -help tells how it is called\n"},
		{"file without a flag", []string{"mine.csv"}, 2, "\"mine.csv\" is no flag: files are named by -plans and -usage\n"},
		{"help", []string{"-help"}, 0, "and America/New_York for the shipped log\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, faults := call(tt.args...)
			if code != tt.code || out != "" || !strings.HasSuffix(faults, tt.want) {
				t.Errorf("exit code %d, %d bytes of report, and on standard error:\n%swant %d and:\n%s", code, len(out), faults, tt.code, tt.want)
			}
		})
	}
}

func TestItTakesFilesOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	plans, usage := filepath.Join(dir, "plans.json"), filepath.Join(dir, "usage.csv")
	const plan = `{"plans": [
		{"id": "pay", "version": 1, "every": "7 days", "features": {"call": {"credits": "0.25"}}, "allowances": [{"amount": "10"}]},
		{"id": "pay", "version": 2, "every": "7 days", "features": {"call": {"credits": "0.5"}}, "allowances": [{"amount": "10"}]}]}`
	log := "\ufeff" + header + "\r\n2026-05-01T12:00:00Z,\"o'neil, sam\",call,3\r\n\r\n2026-05-09T12:00:00+02:00,sam,call,1\r\n"
	for path, text := range map[string]string{plans: plan, usage: log} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, faults := call("-plans", plans, "-usage", usage)
	if code != 0 || faults != "" {
		t.Fatalf("exit code %d, and on standard error:\n%s", code, faults)
	}
	for _, want := range []string{
		"Saturday 9 May 2026, 10:00 UTC\n",
		"Plan           pay: free\n",
		"8 May to 14 May 2026, in the days of UTC\n",
		"15 May 2026, 00:00 UTC, in 6 days\n",
		"Auto-purchase  off: not in this plan\n",
		"Log            usage.csv: 2 rows from 1 May to 9 May 2026\n",
		"1 May to 7 May 2026      10       0    1.5      8.5   0       -      -\n",
		"Purchases: none\n",
		"Refused: nothing\n",
		"call      2         4     2  credits  100.0 %\n",
		"o'neil, sam      1      1.5  75.0 %\n",
		"Fri  8 May  0    reset\n",
		"verified: 7 entries, chain head ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not have %q:\n%s", want, out)
		}
	}
}

func TestPlansOfTheCatalogue(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"MK-01/monthly: until the cycle ends", []string{"-plan", "pro", "-tier", "40k"}, []string{"auto-purchase", "until 31 March 2026\n", "tier 40k: 60.00 USD for 1 month"}},
		{"MK-02/annual: until the year ends", []string{"-plan", "pro-annual", "-tier", "10k"}, []string{"until 31 January 2027\n", "of  120,000", "0 of 1 packs"}},
		{"MK-03/billed annually: monthly reset", []string{"-plan", "core-annual", "-tier", "40k"}, []string{"408.00 USD for 1 year", "until 31 March 2026\n", "408.00 USD  44.20 USD\n"}},
		{"MK-08/annual price per credit", []string{"-plan", "core-annual", "-tier", "10k"}, []string{"9.00 USD   2.70 USD  11.70 USD\n"}},
		{"MK-14/surcharge", []string{"-tier", "10k"}, []string{"9.00 USD   2.70 USD  11.70 USD\n", "on: 1 of 1 packs of 10,000 used"}},
		{"MK-12/the limit is larger in a larger tier", []string{"-tier", "80k"}, []string{"on: 1 of 8 packs of 10,000 used", "Refused: nothing\n"}},
		{"MK-17/off", []string{"-auto=false"}, []string{"Auto-purchase  off\n", "Purchases: none\n", "insufficient credits\n", "- switch auto-purchase on\n", "spends later\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, faults := call(tt.args...)
			if code != 0 || faults != "" {
				t.Fatalf("exit code %d, and on standard error:\n%s", code, faults)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("the report does not have %q:\n%s", want, out)
				}
			}
		})
	}
}

func TestProgress(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		rows    int
		size    int64
		watched bool
		want    string
	}{
		{"a short log says nothing", 49_999, 1_000_000, false, ""},
		{"a long log now and then", 100_000, 1_000_000, false, "50,000 rows, 50 %, until 2026-03-01\n100,000 rows, 100 %, until 2026-03-01\n"},
		{"a pipe has no size", 50_000, 0, false, "50,000 rows, until 2026-03-01\n"},
		{"a terminal sees one line, and then none", 2_500, 25_000, true, fmt.Sprintf("\r1,000 rows, 40 %%, until 2026-03-01\r2,000 rows, 80 %%, until 2026-03-01\r%60s\r", "")},
		{"a terminal sees nothing of a short log", 999, 25_000, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			p := &progress{w: &out, watched: tt.watched, size: tt.size}
			for n := range tt.rows {
				p.step(n+1, int64(n+1)*10, at)
			}
			p.done()
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTable(t *testing.T) {
	tab := &table{align: "lnr"}
	tab.add("", "spent", "paid")
	tab.add("ann", "1,234.5", "9.00 USD")
	tab.add("bob", "7", "11.70 USD")
	tab.rule()
	tab.add("", "1,241.5")
	want := "" +
		"         spent       paid\n" +
		"  ann  1,234.5   9.00 USD\n" +
		"  bob      7    11.70 USD\n" +
		"       -------  ---------\n" +
		"       1,241.5\n"
	if diff := cmp.Diff(want, tab.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestNumbersAndNames(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "-1234567.25": "-1,234,567.25", "-100": "-100", "0.000001": "0.000001",
	} {
		if got := grouped(number); got != want {
			t.Errorf("grouped(%q) = %q, want %q", number, got, want)
		}
	}
	for name, want := range map[string]string{"ann": "ann", "annabel": "anna…", "a\x1bb": "a?b", "äöüßé": "äöüßé"} {
		if got := fit(name, 5); got != want {
			t.Errorf("fit(%q, 5) = %q, want %q", name, got, want)
		}
	}
}
