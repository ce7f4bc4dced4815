// Diagnose runs the whole diagnosis of a sign-in address.
//
//	go run ./examples/diagnose                 the lab's user, whose AD FS is broken
//	go run ./examples/diagnose joe@contoso.com an address of your own, over the network
//
// It prints how far each link of the sign-in chain came, the verdict in a
// sentence, and what to do about the cause, step by step.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "diagnose:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	address, diagnoser := "joe@contoso.example", &lyncdiag.Diagnoser{}
	if len(args) > 0 {
		address = args[0]
	} else {
		l, err := lab.Start(ctx, lab.Config{Faults: []string{"adfs-mex-http-500"}})
		if err != nil {
			return err
		}
		defer l.Close()
		diagnoser.Network, diagnoser.Setting = l.Network(), l.Setting()
	}
	target, err := fact.ParseAddress(address)
	if err != nil {
		return err
	}
	report, err := diagnoser.Run(ctx, target)
	if err != nil {
		return err
	}
	for _, stage := range report.Stages {
		fmt.Printf("%-8s %s\n", stage.Status, stage.Title)
	}
	fmt.Printf("\n%s.\n", report.Verdict.Summary)
	for _, finding := range report.Findings {
		if finding.Name != report.Verdict.Primary {
			continue
		}
		for i, step := range finding.Filled(target).Resolution {
			fmt.Printf("%d. %s\n", i+1, step)
		}
	}
	return nil
}
