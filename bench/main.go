// Command bench measures what a debit costs, against floors and against what
// most would write, side by side in one run, and says whether that is what we
// owe. It starts its own PostgreSQL, and leaves nothing behind but the tables
// and charts of PERFORMANCE.md:
//
//	go -C bench run .          # about 15 minutes
//	go -C bench run . -small   # the same in small, to see that it works; its figures mean nothing
//
// A goal that is missed is no failure. What breaks is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is a run.
type bench struct {
	scale
	dir     string // for what is thrown away, on the disk that is measured
	out     io.Writer
	results *results
	servers map[regime]*server // those that could be had
	warned  []string
}

// rooms are what is measured, in this order.
var rooms = []struct {
	name string
	run  func(b *bench, ctx context.Context) error
}{
	{"core", (*bench).inCore},
	{"memory", (*bench).inMemory},
	{"sqlite", (*bench).onSQLite},
	{"postgres", (*bench).onPostgres},
	{"bulk", (*bench).inBulk},
	{"growth", (*bench).whatGrows},
}

func main() {
	var o options
	flag.BoolVar(&o.small, "small", false, "measure everything once, small, and keep nothing: to see that it works")
	flag.IntVar(&o.rounds, "rounds", full.rounds, "measure everything `n` times; fewer take less time and say less of the spread")
	flag.StringVar(&o.only, "only", "", "measure these `rooms` alone, and keep nothing: core,memory,sqlite,postgres,bulk,growth")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "the `folder` of what is thrown away, on the disk to be measured")
	flag.StringVar(&o.doc, "doc", filepath.Join("..", "PERFORMANCE.md"), "the `file` to write the tables into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.keep = !o.small && o.only == ""
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what a run is told.
type options struct {
	small, keep    bool
	rounds         int
	only, dir, doc string
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	b := &bench{scale: full, out: out, results: newResults(), servers: make(map[regime]*server)}
	b.rounds = max(o.rounds, 1)
	if o.small {
		b.scale = small
	}
	if b.dir, err = os.MkdirTemp(o.dir, "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	defer b.end()
	start := time.Now()
	if err := b.begin(ctx, o.dir); err != nil {
		return err
	}
	c, err := b.conditions(ctx)
	if err != nil {
		return err
	}
	for _, r := range rooms {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), r.name) {
			continue
		}
		fmt.Fprintf(out, "\n== %s\n", r.name)
		if err := r.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	c.took = time.Since(start)
	rep := b.report(c)
	if o.only != "" {
		rep.lines = slices.DeleteFunc(rep.lines, func(l line) bool { return l.why == notMeasured })
	}
	fmt.Fprintf(out, "\n%s", rep.text())
	for _, w := range b.warned {
		fmt.Fprintf(out, "\n*** %s\n", w)
	}
	if !o.keep { // it is written all the same, and thrown away
		o.doc = filepath.Join(b.dir, "PERFORMANCE.md")
		if err := os.WriteFile(o.doc, []byte(mark("begin")+mark("end")), 0o600); err != nil {
			return err
		}
	}
	return rep.write(o.doc)
}

// begin starts the servers. A regime that cannot be had is said loudly, and is an
// error where CI promises it.
func (b *bench) begin(ctx context.Context, dir string) error {
	for _, r := range []regime{fast, slow} {
		s, err := newServer(ctx, dir, r.lag)
		if err == nil {
			b.servers[r] = s
			err = r.had(ctx, s.probe)
		}
		if err == nil {
			continue
		}
		if s != nil {
			s.end()
		}
		delete(b.servers, r)
		b.lacks("postgres/"+r.name, err.Error())
		if r == fast {
			for _, id := range []string{"bulk/postgres", "growth/postgres", "reset/postgres", "usage/postgres"} {
				b.lacks(id, err.Error())
			}
		}
		b.warn("NOT MEASURED ON POSTGRESQL, %s: %v", r.name, err)
		if ctx.Err() != nil || os.Getenv("CI") == "true" {
			return errors.New(b.warned[len(b.warned)-1])
		}
	}
	return nil
}

func (b *bench) end() {
	for _, s := range b.servers {
		s.end()
	}
}

// lacks notes why there are no samples of what is named so.
func (b *bench) lacks(prefix, why string) { b.results.lacks(prefix, why) }

// warn says something loudly, now and at the end.
func (b *bench) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.warned = append(b.warned, text)
	fmt.Fprintf(b.out, "\n*** %s\n\n", text)
}

// say says how far the run is.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }
