package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) logCommand() *cobra.Command {
	var failOn choice
	cmd := &cobra.Command{
		Use:   "log FILE|DIR|-...",
		Short: "Show the sign-in attempts in client logs, and what became of them",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("read arguments: no log is given")
			}
			var seen render.Tally
			logs, err := p.readLogs(cmd.Context(), args, &seen)
			if err != nil {
				return err
			}
			sinks, err := p.sinks(documents(), render.JSON)
			if err != nil {
				return err
			}
			// The steps to take name the user, when the logs name one.
			target, _ := fact.ParseAddress(logs.address())
			d := &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Sources: []lyncdiag.Source{logs}, Offline: true, Log: p.logger()}
			f, report, err := d.Facts(cmd.Context(), target)
			if err != nil {
				return err
			}
			// A log that can be read has been judged: what it leaves open is no failure of ours.
			if code := lyncdiag.ExitCode(report, failOn.value); code != exitUnfinished {
				p.exit = code
			}
			return p.write(sinks, tool().Log(f, &seen, report), false)
		},
	}
	failOn.registerFailOn(cmd.Flags())
	return cmd
}
