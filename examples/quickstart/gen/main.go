// Command gen writes the usage log that the quickstart ships: 31 days of one
// organization's work, the same byte for byte every time.
//
//	go run ./gen testdata/usage.csv
package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"
	_ "time/tzdata" // so that the offsets are those of every other machine
)

// The log is about these days: they include a change of the clocks and the end
// of a month.
const (
	zone = "America/New_York" // where the users are
	days = 31
	seed = 9
)

// bulkDay is when somebody tries to run a year's recordings at once: the spend
// that the wallet cannot cover.
const (
	bulkDay     = 29
	bulkHour    = 10
	bulkMinutes = 2600
)

// action is something a user does, and how much of it at a time.
type action struct {
	name     string
	from, to int64 // quantity
}

// user is somebody who does things, or something that runs by itself.
type user struct {
	name    string
	perDay  int64 // rows on a working day
	weekend int64 // rows on a day of the weekend
	actions []action
	robot   bool // around the clock, every so often
}

func team() []user {
	return []user{
		{name: "ann", perDay: 32, weekend: 3, actions: []action{{"run", 10, 76}, {"ai-agent", 1, 5}, {"search", 2, 20}}},
		{name: "bob", perDay: 24, weekend: 2, actions: []action{{"transcription", 3, 30}, {"run", 10, 60}, {"transfer", 40, 400}}},
		{name: "carol", perDay: 26, weekend: 0, actions: []action{{"image", 1, 5}, {"ai-agent", 1, 5}, {"pdf-pages", 4, 120}}},
		{name: "dave", perDay: 18, weekend: 6, actions: []action{{"search", 5, 50}, {"run", 10, 96}}},
		{name: "erin", perDay: 12, weekend: 0, actions: []action{{"pdf-pages", 10, 300}, {"transcription", 2, 18}}},
		{name: "nightly-sync", perDay: 24, weekend: 24, robot: true, actions: []action{{"run", 20, 60}, {"transfer", 10, 120}}},
	}
}

// row is one line of the log.
type row struct {
	at       time.Time
	user     string
	action   string
	quantity int64
}

// dice draws numbers from a fixed sequence, with nothing but integers in
// between: no library and no processor makes other ones of it.
type dice struct{ pcg *rand.PCG }

// between returns a number from low to high, both included.
func (d dice) between(low, high int64) int64 {
	return low + int64(d.pcg.Uint64()%uint64(high-low+1))
}

// lowish returns a number from low to high of which small ones are likelier.
func (d dice) lowish(low, high int64) int64 {
	return min(d.between(low, high), d.between(low, high))
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	log, err := generate()
	if err == nil {
		err = os.WriteFile(os.Args[1], log, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate returns the log.
func generate() ([]byte, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	d := dice{rand.NewPCG(seed, 0)}
	users := team()
	var rows []row
	for day := range days {
		for _, u := range users {
			rows = append(rows, u.day(d, time.Date(2026, 2, 22+day, 0, 0, 0, 0, loc))...)
		}
	}
	rows = append(rows, row{time.Date(2026, 2, 22+bulkDay, bulkHour, 12, 31, 0, loc), "bob", "transcription", bulkMinutes})
	slices.SortStableFunc(rows, func(a, b row) int { return a.at.Compare(b.at) })

	var out bytes.Buffer
	out.WriteString("time,user,action,quantity\n")
	for _, r := range rows {
		fmt.Fprintf(&out, "%s,%s,%s,%d\n", r.at.Format(time.RFC3339), r.user, r.action, r.quantity)
	}
	return out.Bytes(), nil
}

// day returns what a user does on a day that begins at an instant.
func (u user) day(d dice, midnight time.Time) []row {
	n := u.perDay
	if wd := midnight.Weekday(); wd == time.Saturday || wd == time.Sunday {
		n = u.weekend
	}
	if n > 0 && !u.robot {
		n = d.between(n*3/4, n*5/4)
	}
	rows := make([]row, 0, n)
	for i := range n {
		a := u.actions[d.lowish(0, int64(len(u.actions)-1))]
		seconds := i*3600 + d.between(0, 40) // of a robot: once an hour
		if !u.robot {
			// Most work is done around the middle of the morning and of the afternoon.
			half := d.between(0, 1) * 4 * 3600
			seconds = 8*3600 + half + (d.between(0, 5*3600)+d.between(0, 5*3600))/2
		}
		year, month, date := midnight.Date()
		at := time.Date(year, month, date, 0, 0, int(seconds), 0, midnight.Location())
		rows = append(rows, row{at, u.name, a.name, d.lowish(a.from, a.to)})
	}
	return rows
}
