// Classifylog says how each sign-in attempt in a log of the Lync client ended.
// It needs no network and reads logs of any size, as attempts are yielded
// while the log is read.
//
//	go run ./examples/classifylog < sip/testdata/signin-4005.uccapilog
//
// It prints a line for each attempt: where it begins in the log, whose it is,
// its class and what the class rests on. Below follows what is known about the
// server's diagnostics.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func main() {
	if err := classify(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "classifylog:", err)
		os.Exit(1)
	}
}

func classify(in io.Reader, out io.Writer) error {
	seen := false
	for attempt, err := range sip.Attempts(sip.ParseLog(in)) {
		if err != nil {
			return err // what came before it has been yielded
		}
		seen = true
		class := sip.Classify(attempt)
		fmt.Fprintf(out, "line %d: %s: %s (%s)\n", attempt.Line, attempt.From, class.Class, class.Detail)
		if class.DiagnosticID == 0 {
			continue
		}
		for _, code := range sip.LookupCode(strconv.Itoa(class.DiagnosticID)) {
			fmt.Fprintf(out, "  %s %s: %s\n  %s\n", code.Kind, code.Code, code.Meaning, code.Remedy)
		}
	}
	if !seen {
		fmt.Fprintln(out, "no sign-in attempt")
	}
	return nil
}
