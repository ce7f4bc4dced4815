// Ownstage adds a link to the sign-in chain: what a company's software
// inventory knows of the user's client. File inventory.go has what that takes,
// a fact for what was seen, a stage that sees it and a rule that judges it.
//
//	go run ./examples/ownstage                in the inventory is an old client
//	go run ./examples/ownstage 15.0.4481.1000 in the inventory is this one
//
// It prints how the own stage and the own rule ended, and the verdict, which
// rests on the whole chain.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab" // for the rest of the chain
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ownstage:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	versions := map[string]string{"joe@contoso.example": "3.5.6907.0"}
	if len(args) > 0 {
		versions["joe@contoso.example"] = args[0]
	}
	target, err := fact.ParseAddress("joe@contoso.example")
	if err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	d := &lyncdiag.Diagnoser{
		Network: l.Network(), Setting: l.Setting(),
		Plan:  append(lyncdiag.DefaultPlan(), inventory(versions)),
		Rules: append(lyncdiag.DefaultRules(), supported()),
	}
	report, err := d.Run(ctx, target)
	if err != nil {
		return err
	}
	stage, rule := report.Stages[len(report.Stages)-1], report.Rules[len(report.Rules)-1]
	fmt.Printf("stage %s: %s, %s\n", stage.ID, stage.Status, stage.Reason)
	fmt.Printf("rule %s: %s\n", rule.ID, rule.Status)
	fmt.Printf("%s.\n", report.Verdict.Summary)
	return nil
}
