// Redactlog replaces in a log what tells of people and networks, and counts the
// sign-in attempts in what is left.
//
//	go run ./examples/redactlog client.uccapilog > redacted.log
//
// It prints the redacted log, and below it how many attempts a reader finds in
// it: as many as before.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

func main() {
	if err := share(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "redactlog:", err)
		os.Exit(1)
	}
}

func share(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("give one log")
	}
	// CopyFile reads the log twice, so that a name is replaced also before the
	// line that tells whose it is. Nothing of the log is kept in memory but names.
	redactor := redact.New()
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(redactor.CopyFile(io.MultiWriter(out, writer), args[0])) }()
	n := 0
	for _, err := range sip.Attempts(sip.ParseLog(reader)) {
		if err != nil {
			return err
		}
		n++
	}
	_, err := fmt.Fprintf(out, "\n%d sign-in attempts\n", n)
	return err
}
