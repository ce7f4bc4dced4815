package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/metrics"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// batchHelp ends the help of the commands that take many targets.
const batchHelp = `

Many targets come from --input: one a line, or a CSV export with a column such
as %s, separated by
comma, semicolon or tab; empty lines and lines with # are skipped. UTF-8 and
UTF-16 are read, and - is standard input. Repeated targets are looked at once,
and a line that is no target becomes a result that says so.

With --resume FILE every finished target is kept in FILE, on the disk before it
is printed. The same command line goes on after an interruption, a kill or a
crash: what is in FILE is printed again as it was found, the rest is looked at,
so that the output is always that of the whole input. A journal of another input
or of other flags is refused. Ctrl-C gives up what is under way, prints what is
finished and leaves the journal ready to go on.

--rate spares the servers that all targets lead to, resolvers first: targets
wait until there is room for them.`

// What a company's servers bear beside their own work: connections of whole
// diagnoses, and questions to a resolver alone.
const (
	defaultRate  = 100
	defaultAsked = 1000
)

// batchFlags are about many targets.
type batchFlags struct {
	input, resume string
	concurrency   int
	rate          float64
	rateFlag      *pflag.Flag
	unordered     bool
}

func (b *batchFlags) register(flags *pflag.FlagSet, rate float64) {
	cli.Group(flags, cli.ManyGroup, func(flags *pflag.FlagSet) { b.registerMany(flags, rate) })
}

func (b *batchFlags) registerMany(flags *pflag.FlagSet, rate float64) {
	flags.StringVar(&b.input, "input", "", "`FILE` of many targets: a list or CSV; - is standard input")
	flags.StringVar(&b.resume, "resume", "", "journal `FILE`: made when absent, gone on with when present")
	flags.IntVar(&b.concurrency, "concurrency", fleet.DefaultConcurrency, "how many targets to look at at a time")
	flags.Float64Var(&b.rate, "rate", rate, "connections and questions a second to one server; 0: no limit, as for the lab")
	b.rateFlag = flags.Lookup("rate")
	flags.BoolVar(&b.unordered, "unordered", false, "print results as they come, not in the order of the targets")
}

// source names where the targets come from: the file, or what has no name by the file
// of its metrics, as the samples of two files must differ.
func (b *batchFlags) source(metrics string) string {
	if b.input == "" || b.input == "-" {
		return strings.TrimSuffix(filepath.Base(metrics), ".prom")
	}
	return filepath.Base(b.input)
}

// unbound are the flags that do not change a result.
func unbound() []string {
	return []string{"concurrency", "input", "metrics", "output", "progress", "rate", "resume", "unordered", "verbose"}
}

// targets are those of a command line: few by name or many by file.
type targets struct {
	named   []fact.Subject
	input   *fleet.Input // nil: none
	binding fleet.Binding
	many    bool
}

// readTargets reads --input with read, or the arguments with named.
func (b *batchFlags) readTargets(p *program, cmd *cobra.Command, args []string, read func(io.Reader) (*fleet.Input, error), named func([]string) ([]fact.Subject, error)) (*targets, error) {
	switch {
	case b.concurrency < 1:
		return nil, errors.New("read --concurrency: want at least 1")
	case !(b.rate >= 0) || math.IsInf(b.rate, 1):
		return nil, errors.New("read --rate: want a number that is 0 or more")
	case b.input != "" && len(args) > 0:
		return nil, errors.New("read --input: targets come from the command line or from a file, not from both")
	}
	t := &targets{binding: fleet.Binding{Work: cmd.CommandPath(), Options: options(cmd)}}
	if b.input == "" {
		var err error
		t.named, err = named(args)
		t.binding.Input = fmt.Sprintf("arguments sha256:%x", sha256.Sum256([]byte(strings.Join(args, "\n"))))
		t.many = len(t.named) > 1 || b.resume != ""
		return t, err
	}
	input, err := b.readInput(p, read)
	if err != nil {
		return nil, fmt.Errorf("read --input %s: %w", b.input, cli.Cause(err))
	}
	t.input, t.many, t.binding.Input = input, true, input.Sum()
	return t, nil
}

func (b *batchFlags) readInput(p *program, read func(io.Reader) (*fleet.Input, error)) (*fleet.Input, error) {
	in := p.stdin
	if b.input != "-" {
		file, err := os.Open(b.input)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	input, err := read(in)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	return input, nil
}

// options are the flags that a journal is bound to, those of the environment
// among them.
func options(cmd *cobra.Command) string {
	var list []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(unbound(), f.Name) {
			list = append(list, "--"+f.Name+"="+f.Value.String())
		}
	})
	return strings.Join(list, " ")
}

// jobs are the targets for a fleet. One that is named twice is meant twice.
func (t *targets) jobs(ticket string) iter.Seq2[fleet.Job, error] {
	return func(yield func(fleet.Job, error) bool) {
		for _, subject := range t.named {
			if !yield(fleet.Job{Target: subject}, nil) {
				return
			}
		}
		if t.input == nil {
			return
		}
		for job, err := range t.input.Jobs() {
			job.Target.Ticket = ticket
			if !yield(job, err) {
				return
			}
		}
	}
}

func (t *targets) len() int {
	if t.input != nil {
		return t.input.Len()
	}
	return len(t.named)
}

// journal opens --resume, nil where there is none.
func (b *batchFlags) journal(t *targets) (*fleet.Journal, error) {
	if b.resume == "" {
		return nil, nil
	}
	journal, err := fleet.OpenJournal(b.resume, t.binding)
	if err != nil {
		return nil, fmt.Errorf("read --resume: %w", err)
	}
	return journal, nil
}

// batch looks at many targets and writes as it goes.
type batch struct {
	*program
	flags     *batchFlags
	session   *session
	diagnoser diagnoser
	targets   *targets
	ticket    string
	document  func(*fact.Facts, *lyncdiag.Report) (render.Document, int)
	metrics   metricsFlag
	records   *dnscheck.Batch // see fleet.Fleet
	allowed   []render.Format
	// whole makes one document of all, for the formats that are not written
	// line by line; nil: every format is written target by target.
	whole func([]render.Document, int) render.Document
}

func (b *batch) run(ctx context.Context) error {
	journal, err := b.flags.journal(b.targets)
	if err != nil {
		return err
	}
	if journal != nil {
		defer journal.Close()
	}
	sinks, err := b.sinks(b.allowed, render.NDJSON)
	if err != nil {
		return err
	}
	monitored, err := b.metrics.open(b.program)
	if err != nil {
		return err
	}
	began := b.session.now()
	lines, running := split(sinks, render.NDJSON)
	var waiting []sink
	if b.whole != nil {
		running, waiting = split(running, render.CSV)
	} else if err := oneDocument(sinks); err != nil {
		return err
	}
	b.started = true
	progress := b.startProgress("")
	defer progress.stop()

	var seen fleet.Summary
	var kept []render.Document
	failed := func() error {
		for r, err := range b.fleet(journal).Run(ctx, b.targets.jobs(b.ticket)) {
			if err != nil {
				return err
			}
			seen.Add(r)
			b.exit = seen.Worst
			progress.advance(&seen, r, b.targets.len())
			progress.clear()
			if !b.redact {
				if err := copyLine(lines, r.Document); err != nil {
					return err
				}
			}
			if len(running)+len(waiting) == 0 && !b.redact {
				continue
			}
			d, err := render.Read(r.Document)
			if err != nil {
				return err
			}
			if b.redact { // the journal keeps what is not
				if err := b.write(lines, d, false); err != nil {
					return err
				}
			}
			if len(waiting) > 0 {
				kept = append(kept, d)
			}
			if err := b.write(running, d, seen.Total > 1); err != nil {
				return err
			}
		}
		return nil
	}()
	progress.stop()
	progress.conclude(&seen)
	if failed == nil {
		all := metrics.Batch(&seen, began, b.session.now().Sub(began), ctx.Err() == nil)
		failed = b.metrics.write(b.program, monitored, all, "input", b.flags.source(string(b.metrics)))
	}
	if len(waiting) > 0 {
		worst := seen.Worst
		if ctx.Err() != nil {
			worst = exitInterrupted
		}
		failed = errors.Join(failed, b.write(waiting, b.whole(kept, worst), false))
	}
	return failed
}

func (b *batch) fleet(journal *fleet.Journal) *fleet.Fleet {
	return &fleet.Fleet{
		Diagnoser: b.diagnoser.Diagnoser, Concurrency: b.flags.concurrency, Ordered: !b.flags.unordered,
		Limit: b.limit(), Journal: journal, Records: b.records,
		Document: func(f *fact.Facts, r *lyncdiag.Report) (json.RawMessage, int, error) {
			d, code := b.document(f, r)
			var line bytes.Buffer
			err := d.Write(&line, render.NDJSON, render.Options{})
			return line.Bytes(), code, err
		},
	}
}

// limit spares real servers; those of the lab bear anything, unless a flag says
// otherwise.
func (b *batch) limit() *fleet.Limit {
	if b.session.Network.Simulated && !b.flags.rateFlag.Changed {
		return nil
	}
	return &fleet.Limit{Rate: b.flags.rate}
}

// split takes the sinks of a format apart from the others.
func split(sinks []sink, format render.Format) (of, others []sink) {
	for _, s := range sinks {
		if s.format == format {
			of = append(of, s)
		} else {
			others = append(others, s)
		}
	}
	return of, others
}

// copyLine writes a document as the journal keeps it, which is how ndjson has it.
func copyLine(sinks []sink, document []byte) error {
	for _, s := range sinks {
		if _, err := s.w.Write(append(bytes.TrimSpace(document), '\n')); err != nil {
			return err
		}
	}
	return nil
}
