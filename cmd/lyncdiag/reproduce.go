package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/collect"
)

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
			fmt.Fprintf(c.stderr, "%s: %s is %s and would be %s until the sign-in was tried.\n", l.Client, l.Setting, cmp.Or(l.Now, "not set"), l.Full)
		}
		fmt.Fprint(c.stderr, "Change it for that time? [y/N] ")
		answer, err := readLine(ctx, in)
		if err != nil {
			return fmt.Errorf("reproduce: %w", err)
		}
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("reproduce: nothing was changed; without --reproduce the logs are taken as they are")
		}
	}
	c.since = collect.LogEnds(c.logPaths)
	err = collect.Reproduce(levels, func() error {
		fmt.Fprint(c.stderr, "Now exit Lync, start it again, try to sign in, and press Enter when that has failed. ")
		_, err := readLine(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("reproduce: %w", err)
	}
	return nil
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
			return "", errors.New("standard input ended before the sign-in was tried")
		}
		return t.line, nil
	case <-ctx.Done():
		return "", errors.New("interrupted; the log level is as it was")
	}
}
