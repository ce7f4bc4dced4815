package main

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) sipCommand() *cobra.Command {
	run := &probe{name: "sip"}
	var address string
	cmd := &cobra.Command{
		Use:     "sip HOST[:PORT]",
		Example: "  lyncdiag sip sipdir.online.lync.com:443 --address joe@contoso.com",
		Short:   "Ask a registrar what it offers (port 443 by default)",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			servers, err := run.servers(args, 443)
			if err != nil {
				return err
			}
			target, err := registering(address, run.Lab != "")
			if err != nil {
				return err
			}
			v := servers[0]
			// The server asked about is judged as manual configuration's.
			run.ManualServer = net.JoinHostPort(v.host, strconv.Itoa(int(v.port)))
			run.plan = func(s *session) lyncdiag.Plan {
				clock := lyncdiag.DefaultPlan().Only("clock")
				clock[0].After = []lyncdiag.StageID{"registrar"}
				return append(observe("Registrar", servers, lyncdiag.ToOptions)(s), clock...)
			}
			seen := func(f *fact.Facts) fact.Candidate {
				if list, _, ok := fact.Get(f, fact.CandidatesKey); ok {
					return list[0]
				}
				return fact.Candidate{Endpoint: endpoints(f, servers)[0]}
			}
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document {
				clock, _, _ := fact.Get(f, fact.ClockKey)
				command := "lyncdiag sip " + run.ManualServer
				if address != "" {
					command += " --address " + address
				}
				return tool().SIP(run.ManualServer, seen(f), clock, askAgain(r, command))
			}
			run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
				c := seen(f)
				broken := closed(c.Endpoint) || c.TLS != nil && c.TLS.Err() != nil || c.SIP != nil && !c.Works() && c.SIP.Problem != "canceled"
				return judged(r, run.failOn.Value, broken, false, !c.Works())
			}
			return p.probe(cmd, run, []fact.Subject{target})
		},
	}
	run.register(cmd.Flags())
	cmd.Flags().StringVar(&address, "address", "", "`ADDRESS` to register, without signing in (default a made-up one)")
	return cmd
}

// askAgain is the report with the command that was run as the way to check
// again, in place of a whole check.
func askAgain(r *lyncdiag.Report, command string) *lyncdiag.Report {
	listed := *r
	listed.Findings = slices.Clone(r.Findings)
	for i := range listed.Findings {
		steps := slices.Clone(listed.Findings[i].Resolution)
		for j, step := range steps {
			if strings.HasPrefix(step, "Check again: lyncdiag check ") {
				steps[j] = "Check again: " + command
			}
		}
		listed.Findings[i].Resolution = steps
	}
	return &listed
}

// registering is the address that a REGISTER without credentials names.
func registering(given string, lab bool) (fact.Subject, error) {
	standIn := "nobody@example.com"
	if lab {
		standIn = labAddress
	}
	return fact.ParseAddress(cmp.Or(given, standIn))
}
