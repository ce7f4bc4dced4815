package main

import (
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/spf13/cobra"
)

func (p *program) autodiscoverCommand() *cobra.Command {
	run := &probe{name: "autodiscover", plan: only("control", "dns", "autodiscover"), document: tool().Autodiscover}
	run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
		walk, _, ok := fact.Get(f, fact.WalkKey)
		led := ok && (walk.Outcome == dnscheck.OutcomeWebTicket || walk.Outcome == dnscheck.OutcomeUser)
		return judged(r, run.failOn.Value, false, false, !led)
	}
	cmd := &cobra.Command{
		Use: "autodiscover ADDRESS|DOMAIN",
		Example: "  lyncdiag autodiscover joe@contoso.com\n" +
			"  lyncdiag autodiscover contoso.com --client mobile --location outside",
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
