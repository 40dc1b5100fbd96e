// Command quickstart replays a log of usage through a ledger, with the log's own
// times, and prints what the owner of the account wants to know: what is left,
// what was bought and at what price, who used it and for what.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -tier 80k
//	go run ./examples/quickstart -usage mine.csv -zone Europe/Berlin
//	go run ./examples/quickstart -plans mine.json -plan gold -usage mine.csv -since 2026-02-01
//
// Without flags it reads the catalogue and the log in its testdata. A catalogue
// is the JSON of [credits.ParsePlans]. A log is CSV in UTF-8: the header
//
//	time,user,action,quantity
//
// and rows in order of time, which is RFC 3339, such as
// 2026-02-22T09:30:00-05:00. An action is a feature of the plan, and a quantity
// is a whole number in that feature's own count.
//
// The report goes to standard output, progress on a long log and faults go to
// standard error. It exits with 1 if a file has a fault, and then prints no
// report; with 2 if it was not called as it has to be.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on a machine that has none

	"example.com/credits"
	"example.com/credits/store/memory"
)

//go:generate go run ./gen testdata/usage.csv

// shipped are the files that are read unless flags name others.
//
//go:embed testdata/plans.json testdata/usage.csv
var shipped embed.FS

// wallet is the account that is reported on: the only one of its ledger.
const wallet credits.WalletID = "acme"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options are what the flags say.
type options struct {
	plans, plan, tier string // empty plans are those that are shipped
	usage             string // empty is the log that is shipped
	zone, since       string
	auto              bool
}

// usageError is a call that cannot be understood.
type usageError struct{ error }

// run is the command. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = o.report(context.Background(), stdout, stderr)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "%v\n", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

// parse reads the flags. The plan, the tier and the day that the shipped log is
// about are defaults for the shipped files alone.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.plans, "plans", "", "catalogue in JSON; default the one that is shipped")
	f.StringVar(&o.plan, "plan", "", "ID of the plan; default core of the shipped catalogue, or the only one")
	f.StringVar(&o.tier, "tier", "", "ID of the plan's tier; default 40k of the shipped core, or the only one")
	f.StringVar(&o.usage, "usage", "", "log of usage in CSV; default the one that is shipped")
	f.StringVar(&o.zone, "zone", "", "IANA time zone in which days and cycles begin; default UTC,\nand America/New_York for the shipped log")
	f.StringVar(&o.since, "since", "", "first day of the plan, such as 2026-02-01, which is that of the shipped log;\ndefault the day of the first row")
	f.BoolVar(&o.auto, "auto", true, "buy extra credits automatically, where the plan can")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, usageError{errors.New("quickstart -help tells how it is called")}
	}
	if f.NArg() > 0 {
		return o, usageError{fmt.Errorf("%q is no flag: files are named by -plans and -usage", f.Arg(0))}
	}
	if o.plans == "" && o.plan == "" {
		o.plan = "core"
	}
	if o.plans == "" && o.plan == "core" && o.tier == "" {
		o.tier = "40k"
	}
	if o.usage == "" && o.since == "" {
		o.since = "2026-02-01"
	}
	if o.zone == "" {
		o.zone = "UTC"
		if o.usage == "" {
			o.zone = "America/New_York"
		}
	}
	return o, nil
}

// report replays the log and prints what became of it.
func (o options) report(ctx context.Context, stdout, stderr io.Writer) error {
	zone, err := time.LoadLocation(o.zone)
	if err != nil || o.zone == "Local" {
		return usageError{fmt.Errorf("-zone %q is not an IANA time zone, such as Europe/Berlin", o.zone)}
	}
	since, err := o.start(zone)
	if err != nil {
		return err
	}
	plan, err := o.choosePlan()
	if err != nil {
		return err
	}
	name, file, err := open(o.usage, "usage.csv")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	log, err := newLog(name, file)
	if err != nil {
		return err
	}

	now := new(logClock)
	// The salt is fixed, so that the chain of hashes ends alike in every run. A
	// host keeps its salt secret, or the actors that it erased can be guessed.
	ledger := credits.New(new(memory.Store), &credits.Options{Clock: now, Salt: [32]byte{1}})
	r := &replay{ledger: ledger, clock: now, plan: plan, zone: zone, since: since, auto: o.auto}
	if err := r.run(ctx, log, newProgress(stderr, file)); err != nil {
		return err
	}
	a, err := newAccount(ctx, ledger)
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, a.draw(r))
	return err
}

// start returns the instant at which the plan begins; zero for that of the
// day of the first row.
func (o options) start(zone *time.Location) (time.Time, error) {
	if o.since == "" {
		return time.Time{}, nil
	}
	since, err := time.ParseInLocation(time.DateOnly, o.since, zone)
	if err != nil {
		return since, usageError{fmt.Errorf("-since %q is not a date such as 2026-02-01", o.since)}
	}
	return since, nil
}

// open opens a file, or the shipped one if name is empty. It returns what to
// call the file in messages.
func open(name, instead string) (string, fs.File, error) {
	if name == "" {
		file, err := shipped.Open("testdata/" + instead)
		return instead, file, err
	}
	file, err := os.Open(name)
	return name, file, err
}

// choosePlan reads the catalogue and returns the plan and the tier that the
// flags name.
func (o options) choosePlan() (credits.Plan, error) {
	name, file, err := open(o.plans, "plans.json")
	if err != nil {
		return credits.Plan{}, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(file)
	if err != nil {
		return credits.Plan{}, err
	}
	plans, err := credits.ParsePlans(data)
	if err != nil {
		return credits.Plan{}, faultsIn(name, err)
	}
	plan, err := find(plans, o.plan)
	if err != nil {
		return plan, usageError{fmt.Errorf("%s: %w", name, err)}
	}
	if len(plan.Tiers) == 0 && o.tier == "" {
		return plan, nil
	}
	if len(plan.Tiers) == 1 && o.tier == "" {
		o.tier = plan.Tiers[0].ID
	}
	chosen, err := plan.WithTier(o.tier)
	if err != nil {
		return plan, usageError{fmt.Errorf("%s: plan %q has no -tier %q: %s", name, plan.ID, o.tier, tierIDs(plan))}
	}
	return chosen, nil
}

// find returns the newest version of a plan. An empty ID is that of the only one.
func find(plans []credits.Plan, id string) (credits.Plan, error) {
	var found credits.Plan
	var ids []string
	for _, p := range plans {
		if len(ids) == 0 || ids[len(ids)-1] != p.ID {
			ids = append(ids, p.ID)
		}
		if p.ID == id && p.Version > found.Version {
			found = p
		}
	}
	switch {
	case found.Version > 0:
		return found, nil
	case id == "" && len(ids) == 1:
		return find(plans, ids[0])
	case id == "":
		return found, fmt.Errorf("-plan has to name one of %s", strings.Join(ids, ", "))
	default:
		return found, fmt.Errorf("there is no -plan %q: it has %s", id, strings.Join(ids, ", "))
	}
}

func tierIDs(p credits.Plan) string {
	if len(p.Tiers) == 0 {
		return "it has no tiers"
	}
	ids := make([]string, len(p.Tiers))
	for i, t := range p.Tiers {
		ids[i] = t.ID
	}
	return "it has " + strings.Join(ids, ", ")
}

// faultsIn names the file before every fault of it.
func faultsIn(name string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, faultsIn(name, e))
		}
		return errors.Join(all...)
	}
	return fmt.Errorf("%s: %s", name, plainly(err))
}

// plainly returns what an error of the library says, without the library's name.
func plainly(err error) string {
	var invalid *credits.InvalidError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	if invalid.Field == "" {
		return invalid.Reason
	}
	return invalid.Field + ": " + invalid.Reason
}
