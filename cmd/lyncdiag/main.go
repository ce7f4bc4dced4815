// Command lyncdiag says why somebody cannot sign in to Lync.
//
// It parses flags, calls package lyncdiag, writes a document of package render
// and maps the verdict to an exit code. Names, flags, exit codes and JSON keys
// are a contract with the programs that call it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)   // a second Ctrl-C ends the program at once
	signal.Ignore(syscall.SIGPIPE) // a reader that leaves must not cost the other outputs
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	root := p.command()
	root.SetArgs(numbersLast(args))
	err := p.keep(root.ExecuteContext(ctx))
	if err == nil || p.started {
		err = cmp.Or(err, p.keepMap())
	}
	if err != nil && !errors.Is(err, errReaderLeft) {
		if !p.redact && slices.Contains(args, "--redact") { // what is wrong stands before it among the flags
			p.stderr = redactedWriter{stderr, p.redactor()}
		}
		fmt.Fprintf(p.stderr, "lyncdiag: %s\n", cli.OneLine(err))
	}
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, errReaderLeft), err != nil && p.started:
		return exitUnfinished
	case err != nil:
		return exitUsage
	}
	return p.exit
}
