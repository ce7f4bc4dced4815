package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// server is a host and port of the command line.
type server struct {
	given string
	host  string
	port  uint16
	udp   bool
}

func (n *networkFlags) servers(args []string, port uint16) ([]server, error) {
	if err := n.bareLab(args); err != nil {
		return nil, err
	}
	var list []server
	for _, arg := range args {
		host, number, err := cli.SplitServer(arg, port)
		if err != nil {
			return nil, fmt.Errorf("read arguments: %w", err)
		}
		list = append(list, server{given: arg, host: host, port: number})
	}
	return list, nil
}

// observe is a plan of one stage that looks at servers, all at the same time,
// and records them as registrars of manual configuration.
func observe(title string, servers []server, depth lyncdiag.Depth) func(*session) lyncdiag.Plan {
	return func(*session) lyncdiag.Plan {
		return append(lyncdiag.DefaultPlan().Only("proxy"), lyncdiag.Stage{ID: lyncdiag.StageID(strings.ToLower(title)), Title: title, Probe: func(ctx context.Context, env *lyncdiag.Env) error {
			seen := make([]fact.Candidate, len(servers))
			var all sync.WaitGroup
			for i, v := range servers {
				all.Go(func() { seen[i], _ = env.Look(ctx, v.host, v.port, depth) })
			}
			all.Wait()
			fact.Put(env.Facts, fact.CandidatesKey, seen, env.Origin())
			return context.Cause(ctx)
		}})
	}
}
