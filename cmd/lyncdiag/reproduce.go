package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
)

// traceLevel is how much a client logs.
type traceLevel struct {
	client  string // "Lync 2013"
	setting string // where it is set, as a person finds it
	now     string // "" where nothing is set
	full    string
	set     func(value string) error // "" removes the setting
}

// tryAgain raises the log level, waits until the person has tried to sign in, and
// restores it, whatever happens meanwhile. Of the logs, what was written before is
// left out.
func (c *collection) tryAgain(ctx context.Context) error {
	levels, err := c.levels()
	if err != nil {
		return fmt.Errorf("reproduce: %w", err)
	}
	in := bufio.NewReader(c.program.stdin)
	if !c.yes {
		if !isTerminal(c.program.stdin) {
			return errors.New("reproduce: there is no terminal to ask for consent; give it with --yes, and a line on standard input when the sign-in was tried")
		}
		for _, l := range levels {
			fmt.Fprintf(c.stderr, "%s: %s is %s and would be %s until the sign-in was tried.\n", l.client, l.setting, orNone(l.now), l.full)
		}
		fmt.Fprint(c.stderr, "Change it for that time? [y/N] ")
		answer, err := readLine(ctx, in)
		if err != nil {
			return err
		}
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("reproduce: nothing was changed; without --reproduce the logs are taken as they are")
		}
	}
	var raised []traceLevel
	restore := func() error {
		var failed error
		for _, l := range raised {
			if err := l.set(l.now); err != nil {
				failed = fmt.Errorf("reproduce: restore %s of %s to %s by hand: %w", l.setting, l.client, orNone(l.now), err)
			}
		}
		raised = nil
		return failed
	}
	c.from = c.logEnds()
	for _, l := range levels {
		if l.now == l.full {
			continue
		}
		if err := l.set(l.full); err != nil {
			return errors.Join(fmt.Errorf("reproduce: raise %s of %s: %w", l.setting, l.client, err), restore())
		}
		raised = append(raised, l)
	}
	fmt.Fprint(c.stderr, "Now exit Lync, start it again, try to sign in, and press Enter when that has failed. ")
	_, err = readLine(ctx, in)
	if failed := restore(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	if found := clientLogs(c.env); len(found) > 0 {
		c.logPaths = found
	}
	return nil
}

// logEnds are the sizes of the logs.
func (c *collection) logEnds() map[string]int64 {
	sizes := map[string]int64{}
	texts, _ := bundle.Logs{Paths: c.logPaths}.Texts()
	for _, t := range texts {
		if info, err := os.Stat(t.Path); err == nil {
			sizes[t.Path] = info.Size()
		}
	}
	return sizes
}

func orNone(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

// readLine waits for a line, or for the end of the context.
func readLine(ctx context.Context, in *bufio.Reader) (string, error) {
	type typed struct {
		line string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		line, err := in.ReadString('\n')
		got <- typed{line, err}
	}()
	select {
	case t := <-got:
		if t.err != nil && t.line == "" {
			return "", errors.New("reproduce: standard input ended before the sign-in was tried")
		}
		return t.line, nil
	case <-ctx.Done():
		return "", errors.New("reproduce: interrupted; the log level is as it was")
	}
}
