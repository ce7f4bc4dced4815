package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// logs are client logs that were read before the run: one that cannot be read
// is bad input, and standard input is read once.
type logs struct{ facts *fact.Facts }

func (p *program) readLogs(ctx context.Context, paths []string, seen *render.Tally) (*logs, error) {
	l := &logs{fact.New()}
	source := bundle.Logs{Paths: paths, Stdin: p.stdin}
	counted := func() {}
	if seen != nil && slices.Contains(paths, "-") {
		source.Stdin, counted = tee(p.stdin, func(r io.Reader) { count(r, "-", seen) })
	}
	err := source.Collect(ctx, fact.Subject{}, l.facts)
	counted()
	if err != nil {
		return nil, err
	}
	files, _, _ := fact.Get(l.facts, fact.LogFilesKey)
	for _, file := range files {
		if seen == nil || file.Path == "-" {
			continue
		}
		if err := countFile(file.Path, seen); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// tee lets a second reader see what is read from in. wait ends it.
func tee(in io.Reader, second func(io.Reader)) (first io.Reader, wait func()) {
	r, w := io.Pipe()
	var done sync.WaitGroup
	done.Go(func() {
		second(r)
		io.Copy(io.Discard, r) // whatever it did not want
	})
	return io.TeeReader(in, w), func() {
		w.Close()
		done.Wait()
	}
}

func countFile(path string, seen *render.Tally) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read log %s: %w", path, cause(err))
	}
	defer file.Close()
	count(file, path, seen)
	return nil
}

// count tallies every record. That the log can be read is known already.
func count(r io.Reader, path string, seen *render.Tally) {
	log := sip.NewLog(r)
	log.File = path
	for record, err := range log.Records() {
		if err != nil {
			return
		}
		seen.Add(record)
	}
}

func (l *logs) Name() string { return "log" }

func (l *logs) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	for o, files := range fact.All(l.facts, fact.LogFilesKey) {
		fact.Put(f, fact.LogFilesKey, files, o)
	}
	for o, attempts := range fact.All(l.facts, fact.AttemptsKey) {
		fact.Put(f, fact.AttemptsKey, attempts, o)
	}
	return nil
}

// address is whose sign-in the logs show: of a failed attempt, else of any.
func (l *logs) address() string {
	attempts, _, _ := fact.Get(l.facts, fact.AttemptsKey)
	found := ""
	for _, a := range attempts {
		if _, err := fact.ParseAddress(a.From); err != nil {
			continue
		}
		if a.Outcome == "failed" {
			return a.From
		}
		if found == "" {
			found = a.From
		}
	}
	return found
}
