package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) portCommand() *cobra.Command {
	run := &probe{}
	cmd := &cobra.Command{
		Use:   "port HOST[:PORT]...",
		Short: "Say in PortQry's words whether TCP ports can be reached (443 by default)",
		Args:  arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			servers, err := run.servers(args, 443)
			if err != nil {
				return err
			}
			run.plan = observe("Ports", servers, lyncdiag.ToPort)
			run.document = func(f *fact.Facts, _ *lyncdiag.Report) render.Document {
				return tool().Port(endpoints(f, servers))
			}
			run.exit = func(f *fact.Facts, _ *lyncdiag.Report) int {
				return reached(endpoints(f, servers), run.failOn.value)
			}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.register(cmd.Flags())
	return cmd
}

// endpoints are the servers as far as they were looked at.
func endpoints(f *fact.Facts, servers []server) []fact.Endpoint {
	var list []fact.Endpoint
	seen, _, looked := fact.Get(f, fact.CandidatesKey)
	for i, v := range servers {
		e := fact.Endpoint{Host: v.host, Port: v.port}
		if looked {
			e = seen[i].Endpoint
		}
		list = append(list, e)
	}
	return list
}

// reached is the exit code of reachability: a port that was not tried is not
// known, nor is one whose host no resolver could look up.
func reached(list []fact.Endpoint, failOn string) int {
	return exitFor(failOn, slices.ContainsFunc(list, closed), false, slices.ContainsFunc(list, untried))
}

func untried(e fact.Endpoint) bool {
	return e.Reach.Status == "" || e.Reach.Status == fact.Unresolved && !e.Resolve.Status.Known()
}

func closed(e fact.Endpoint) bool { return e.Reach.Status != fact.Listening && !untried(e) }
