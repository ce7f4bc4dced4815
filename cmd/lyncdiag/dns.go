package main

import (
	"github.com/spf13/cobra"
)

func (p *program) dnsCommand() *cobra.Command {
	run := &probe{plan: only("dns"), document: tool().DNS}
	cmd := &cobra.Command{
		Use:   "dns [DOMAIN...]",
		Short: "Compare a domain's DNS records with those the client needs",
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
