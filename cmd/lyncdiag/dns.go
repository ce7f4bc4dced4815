package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) dnsCommand() *cobra.Command {
	run := &probe{name: "dns", plan: only("dns"), document: tool().DNS}
	var many batchFlags
	var lookups nslookupFlag
	cmd := &cobra.Command{
		Use:   "dns [DOMAIN...]",
		Short: "Compare a domain's DNS records with those the client needs",
		Long: "Compare a domain's DNS records with those the client needs.\n\n" +
			"For several domains there is one document a line (ndjson) where stdout is no\nterminal, and -o csv is one row for each. The exit code is the worst." +
			"\n\nWhere one resolver is asked without TLS, many domains are looked up at once and\nfor the four records of KB 2566790 alone, thousands a second if --rate lets them:\nlyncdiag dns --input domains.txt --dns 10.0.0.53 --rate 0" +
			fmt.Sprintf(batchHelp, "Domain, DomainName, UserPrincipalName or SipAddress"),
		Example: "  lyncdiag dns contoso.com --dns internal=10.0.0.53 --dns external=9.9.9.9\n" +
			"  lyncdiag dns contoso.com --nslookup output.txt --offline\n" +
			"  lyncdiag dns --input domains.txt -o csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			targets, err := many.readTargets(p, cmd, args, fleet.ReadDomains, run.domains)
			if err != nil {
				return err
			}
			if run.sources, err = lookups.read(p); err != nil {
				return err
			}
			if len(run.sources) > 0 && targets.many {
				return errors.New("read --nslookup: the output of one computer is compared for one domain")
			}
			if !targets.many {
				return p.probe(cmd, run, targets.named)
			}
			s, err := run.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer s.Close()
			b := &batch{
				program: p, flags: &many, session: s, targets: targets, allowed: render.Formats("dns"), records: many.records(&run.networkFlags, s),
				diagnoser: p.diagnoser(&run.networkFlags, s, run.plan(s), nil, nil),
				document: func(f *fact.Facts, r *lyncdiag.Report) (render.Document, int) {
					return run.document(f, r), lyncdiag.ExitCode(r, run.failOn.Value)
				},
			}
			return b.run(cmd.Context())
		},
	}
	run.register(cmd.Flags())
	lookups.register(cmd.Flags())
	many.register(cmd.Flags(), defaultAsked)
	return cmd
}

// records asks for many domains' records at once, where that can be done: nil
// where several views are compared or the resolver is asked over TLS.
func (b *batchFlags) records(n *networkFlags, s *session) *dnscheck.Batch {
	if n.Offline || s.Network.Authoritative || len(s.Network.DNS) != 1 {
		return nil
	}
	server := s.Network.DNS[0]
	if !server.Addr.IsValid() || server.Network != "" && server.Network != "udp" {
		return nil
	}
	rate := b.rate
	if own := s.Network.Simulated || server.Addr.Addr().IsLoopback(); own && !b.rateFlag.Changed {
		rate = 0 // nobody else asks it
	}
	cloud := dnscheck.CloudHosts(s.Setting.Cloud)
	return &dnscheck.Batch{
		Server: server, Dial: s.Network.DialContext, Now: s.Network.Now, Rate: rate, Timeout: min(n.Timeout, lyncdiag.DefaultExchange),
		Hosts: []string{cloud.Web, cloud.SIP, cloud.Login[0]},
	}
}
