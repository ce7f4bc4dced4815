package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

func (p *program) checkCommand() *cobra.Command {
	run := &check{program: p, plan: lyncdiag.DefaultPlan()}
	var userName, ticket string
	cmd := &cobra.Command{
		Use:   "check [ADDRESS...]",
		Short: "Find out why somebody cannot sign in",
		RunE: func(cmd *cobra.Command, args []string) error {
			if run.concurrency < 1 {
				return errors.New("read --concurrency: want at least 1")
			}
			if err := run.bareLab(args); err != nil {
				return err
			}
			found, err := run.evidenceFlags.read(cmd.Context(), p)
			if err != nil {
				return err
			}
			targets, err := found.targets(&run.networkFlags, args, userName, ticket)
			if err != nil {
				return err
			}
			return run.all(cmd.Context(), targets, found)
		},
	}
	flags := cmd.Flags()
	run.networkFlags.register(flags)
	run.evidenceFlags.register(flags)
	flags.StringVar(&userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	flags.StringVar(&ticket, "ticket", "", "`TEXT` to repeat in the report")
	flags.IntVar(&run.concurrency, "concurrency", 4, "how many addresses to look at at a time")
	return cmd
}
