// Bench compares the plugin in real Traefik with Traefik's own reverse proxy, with a compiled gateway on AWS's SDK
// (program gateway), and with Traefik before that gateway, all of them before the same stand-in for Lambda (program
// standin). It runs on Linux.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"time"

	"github.com/seed05e46011/lambda/e2e/internal/attached"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// run reads the command line.
func run() error {
	ctx, stop := attached.Context()
	defer stop()
	o := &options{progress: log.New(os.Stderr, "", log.Ltime)}
	cases := flag.String("cases", ".", "compare at the cases whose names match this regular expression")
	seconds := flag.Float64("seconds", 3, "how long each contender is asked in a round")
	flag.IntVar(&o.rounds, "rounds", 5, "how many rounds to take the medians of")
	flag.IntVar(&o.connections, "connections", 32, "how many connections ask")
	flag.StringVar(&o.page, "table", "", "write the tables into this Markdown page, between two comments")
	flag.Parse()
	o.duration = time.Duration(*seconds * float64(time.Second))
	var err error
	if o.cases, err = regexp.Compile(*cases); err != nil {
		return fmt.Errorf("option cases: %w", err)
	}
	return bench(ctx, os.Stdout, o)
}

// options is how much is measured.
type options struct {
	cases       *regexp.Regexp // which cases, by name
	rounds      int
	duration    time.Duration // of a contender's part of a round
	connections int
	page        string // the Markdown page that the tables are written into, "" for none
	progress    *log.Logger
}

// bench measures and prints the tables, and writes those that compare into the page.
func bench(ctx context.Context, w io.Writer, o *options) error {
	if o.rounds < 1 || o.duration <= 0 || o.connections < 1 {
		return errors.New("rounds, seconds and connections: want more than 0")
	}
	speed := matching(o.cases, benchCases(), func(c benchCase) string { return c.name })
	memory := matching(o.cases, memoryCases(), func(c memoryCase) string { return c.name })
	if len(speed)+len(memory) == 0 {
		return fmt.Errorf("no case matches %q", o.cases)
	}
	page, err := readPage(o.page)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the programs: %w", err)
	}
	defer os.RemoveAll(dir)
	p, err := buildPrograms(ctx, dir)
	if err != nil {
		return err
	}
	var compared bytes.Buffer
	out := &output{all: w, compared: io.MultiWriter(w, &compared)}
	_, err = fmt.Fprintf(out.compared, "%s; %d connections, medians of %d rounds of %s for each contender.\n\n",
		machine(), o.connections, o.rounds, o.duration)
	errs := []error{err}
	if len(speed) > 0 {
		errs = append(errs, benchSpeed(ctx, out, p, speed, o))
	}
	if len(memory) > 0 && ctx.Err() == nil {
		errs = append(errs, benchMemory(ctx, out.compared, p, memory, o))
	}
	if err := errors.Join(errs...); err != nil {
		return err // half a table stays off the page
	}
	return page.write(compared.String())
}

// output is where tables go: all of them to the terminal, those that compare to the page, too.
type output struct {
	all, compared io.Writer
}

// benchSpeed prints what could be measured, whatever failed beside it.
func benchSpeed(ctx context.Context, out *output, p *programs, cases []benchCase, o *options) error {
	var comparisons []comparison
	var errs []error
	for i := range cases {
		c, err := compare(ctx, p, &cases[i], o)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", cases[i].name, err))
			continue
		}
		comparisons = append(comparisons, *c)
	}
	return errors.Join(append(errs, speedTable(comparisons).print(out.all), ratioTable(comparisons).print(out.compared))...)
}

// compare measures the contenders at a case, in turns, so that what disturbs the machine disturbs all of them.
func compare(ctx context.Context, p *programs, c *benchCase, o *options) (result *comparison, err error) {
	f, err := startField(p, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	for _, name := range c.contenders() {
		if err := f.enter(ctx, name, o); err != nil {
			return nil, err
		}
	}
	measured := &comparison{name: c.name, contenders: map[string]rounds{}}
	for round := range o.rounds {
		o.progress.Printf("%s: round %d of %d", c.name, round+1, o.rounds)
		for i := range f.contenders {
			contender := f.contenders[(i+round)%len(f.contenders)] // what comes first in one round, comes last in the next
			r, err := f.measure(ctx, contender, load{connections: c.connectionsOf(o), duration: o.duration})
			if err != nil {
				return nil, err
			}
			measured.contenders[contender.name] = append(measured.contenders[contender.name], r)
		}
	}
	return measured, nil
}

// enter starts a contender, checks what it answers and warms it up.
func (f *field) enter(ctx context.Context, name string, o *options) error {
	c, err := f.start(ctx, name)
	if err != nil {
		return err
	}
	if err := f.check(ctx, c); err != nil {
		return err
	}
	_, err = f.measure(ctx, c, load{connections: f.bench.connectionsOf(o), duration: min(o.duration, time.Second)})
	return err
}

// benchMemory prints what could be measured, whatever failed beside it.
func benchMemory(ctx context.Context, w io.Writer, p *programs, cases []memoryCase, o *options) error {
	t := newMemoryTable()
	var errs []error
	for i := range cases {
		c := &cases[i]
		for _, name := range c.contenders() {
			o.progress.Printf("%s: %s", c.name, name)
			m, err := memoryOf(ctx, p, c, name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
				continue
			}
			t.addMemory(c.name, name, m)
		}
	}
	return errors.Join(append(errs, t.print(w))...)
}
