package main

import (
	"github.com/spf13/cobra"
)

func (p *program) autodiscoverCommand() *cobra.Command {
	run := &probe{plan: only("autodiscover"), document: tool().Autodiscover}
	cmd := &cobra.Command{
		Use:   "autodiscover ADDRESS|DOMAIN",
		Short: "Walk lyncdiscoverinternal and lyncdiscover as the client does",
		Args:  arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			targets, err := run.domains(args)
			if err != nil {
				return err
			}
			return p.probe(cmd, run, targets)
		},
	}
	run.register(cmd.Flags())
	return cmd
}
