package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// logs are client logs, or a bundle with some, that were read before the run:
// when none can be read, that is bad input, and standard input is read once.
type logs struct {
	name   string
	facts  *fact.Facts
	failed error // of those that could not be read
}

func (p *program) readLogs(ctx context.Context, source bundle.Logs) (*logs, error) {
	source.Stdin = p.stdin
	return p.readAhead(ctx, source, fact.LogFilesKey.Name())
}

// recorded is a run that collect recorded.
type recorded struct {
	facts  *fact.Facts
	report *lyncdiag.Report // as far as render.ReadRun reads it
}

// readAhead reads a source, which must come to a fact of this name.
func (p *program) readAhead(ctx context.Context, source lyncdiag.Source, want fact.Name) (*logs, error) {
	l := &logs{name: source.Name(), facts: fact.New()}
	err := source.Collect(ctx, fact.Subject{}, l.facts)
	if err == nil {
		return l, nil
	}
	if !l.facts.Has(want) {
		return nil, err
	}
	l.failed = errors.New(cli.OneLine(err))
	if ctx.Err() == nil {
		fmt.Fprintf(p.stderr, "lyncdiag: %v\n", l.failed)
	}
	return l, nil
}

func (l *logs) Name() string { return l.name }

func (l *logs) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	fact.Copy(f, l.facts)
	return l.failed
}

// address is whose sign-in the logs show: of an attempt that failed for a reason of the sign-in, else of any.
func (l *logs) address() string {
	attempts, _, _ := fact.Get(l.facts, fact.AttemptsKey)
	found := ""
	for _, a := range attempts {
		if _, err := fact.ParseAddress(a.From); err != nil {
			continue
		}
		if lyncdiag.FindingOf(a.Class()) != "" {
			return a.From
		}
		if found == "" {
			found = a.From
		}
	}
	return found
}

// onlyAddress is whose sign-in the logs show, "" if they show several users'.
func (l *logs) onlyAddress() string {
	attempts, _, _ := fact.Get(l.facts, fact.AttemptsKey)
	only := ""
	for _, a := range attempts {
		switch {
		case a.From == "":
		case only == "":
			only = a.From
		case !strings.EqualFold(only, a.From):
			return ""
		}
	}
	return only
}
