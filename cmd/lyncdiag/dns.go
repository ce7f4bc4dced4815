package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) dnsCommand() *cobra.Command {
	run := &probe{plan: only("dns"), document: tool().DNS, tabular: true}
	var many batchFlags
	cmd := &cobra.Command{
		Use:   "dns [DOMAIN...]",
		Short: "Compare a domain's DNS records with those the client needs",
		Long: "Compare a domain's DNS records with those the client needs.\n\n" +
			"For several domains there is one document a line (ndjson) where stdout is no\nterminal, and -o csv is one row for each. The exit code is the worst." +
			fmt.Sprintf(batchHelp, "Domain, DomainName, UserPrincipalName or SipAddress"),
		Example: "  lyncdiag dns contoso.com --dns internal=10.0.0.53 --dns external=9.9.9.9\n" +
			"  lyncdiag dns --input domains.txt -o csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			targets, err := many.readTargets(p, cmd, args, fleet.ReadDomains, run.domains)
			if err != nil {
				return err
			}
			if !targets.many {
				return p.probe(cmd, run, targets.named)
			}
			s, err := run.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer s.close()
			b := &batch{
				program: p, flags: &many, session: s, targets: targets, allowed: run.formats(),
				diagnoser: p.diagnoser(&run.networkFlags, s, run.plan(s), nil, nil),
				document: func(f *fact.Facts, r *lyncdiag.Report) (render.Document, int) {
					return run.document(f, r), lyncdiag.ExitCode(r, run.failOn.value)
				},
			}
			return b.run(cmd.Context())
		},
	}
	run.register(cmd.Flags())
	many.register(cmd.Flags())
	return cmd
}
