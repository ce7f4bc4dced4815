package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/stun"
)

func (p *program) portCommand() *cobra.Command {
	run := &probe{name: "port"}
	var domain string
	var plan, all bool
	cmd := &cobra.Command{
		Use: "port [HOST[:PORT][/udp]]...",
		Example: "  lyncdiag port sipdir.online.lync.com:443 sts.contoso.com\n" +
			"  lyncdiag port --plan -o csv\n" +
			"  lyncdiag port --needed --domain contoso.com",
		Short: "Say in PortQry's words whether ports can be reached (443 by default)",
		Long: `Say in PortQry's words whether ports can be reached (443 by default).

UDP is tried with a STUN binding request to the host that is named, over IPv4 and
over IPv6. --needed tries TCP alone: which media servers a user is sent to, the
service says only after sign-in.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if domain != "" {
				var err error
				if domain, err = fact.ParseDomain(domain); err != nil {
					return fmt.Errorf("read --domain: %w", err)
				}
			}
			switch {
			case plan && all:
				return errors.New("read flags: --plan sends nothing and --needed tries what it lists; give one of them")
			case (plan || all) && len(args) > 0:
				return errors.New("read arguments: --plan and --needed go by what a deployment needs, and take no host")
			case !plan && !all && len(args) == 0:
				return errors.New("read arguments: no host is given; --needed tries those that the deployment needs")
			}
			servers, err := run.ports(args)
			if err != nil {
				return err
			}
			if run.Lab != "" && domain == "" {
				domain = labDomain
			}
			if plan {
				return p.requirements(cmd.Context(), run, domain)
			}
			run.prepare = func(s *session) error {
				if !all {
					return nil
				}
				servers = needed(lyncdiag.Requirements(s.Setting, domain))
				return ownHosts(s.Setting, domain)
			}
			run.plan = func(*session) lyncdiag.Plan {
				return append(lyncdiag.DefaultPlan().Only("proxy"), tryPorts(servers))
			}
			run.document = func(f *fact.Facts, _ *lyncdiag.Report) render.Document {
				return tool().Port(portResults(f, servers))
			}
			run.exit = func(f *fact.Facts, _ *lyncdiag.Report) int {
				return reached(endpoints(f, servers), run.failOn.Value)
			}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.register(cmd.Flags())
	cmd.Flags().BoolVar(&plan, "plan", false, "list the hosts, ports and published ranges that a firewall must let through, and send nothing")
	cmd.Flags().BoolVar(&all, "needed", false, "try the ports of --plan that a test can try")
	cmd.Flags().StringVar(&domain, "domain", "", "the company's `DOMAIN`, for the hosts that are its own")
	return cmd
}

// ownHosts makes sure that the domain is known where hosts are the company's own.
func ownHosts(setting fact.Setting, domain string) error {
	if setting.Deployment == "server" && domain == "" {
		return errors.New("read --domain: the hosts of Lync Server are the company's own; give --domain")
	}
	return nil
}

// requirements writes the plan. It sends nothing; flags that only a test has a use
// for are read all the same.
func (p *program) requirements(ctx context.Context, run *probe, domain string) error {
	run.Offline = true
	if run.URL == "" && run.User == "" {
		run.URL = "none" // whose settings are of no use here
	}
	s, err := run.open(ctx, p)
	if err != nil {
		return err
	}
	defer s.Close()
	setting := s.Setting
	if err := ownHosts(setting, domain); err != nil {
		return err
	}
	sinks, err := p.sinks(render.Formats(run.name), render.JSON)
	if err != nil {
		return err
	}
	p.started = true
	return p.write(sinks, tool().PortPlan(lyncdiag.Requirements(setting, domain)), false)
}

// needed are the ports of the plan that can be tried.
func needed(list []lyncdiag.Requirement) []server {
	var servers []server
	for _, r := range list {
		for _, port := range r.Try {
			if v := (server{given: r.Host, host: r.Host, port: port}); !slices.Contains(servers, v) {
				servers = append(servers, v)
			}
		}
	}
	return servers
}

// ports reads the arguments. A transport may follow the port: 3478/udp.
func (n *networkFlags) ports(args []string) ([]server, error) {
	bare := make([]string, len(args))
	udp := make([]bool, len(args))
	for i, arg := range args {
		rest, transport, named := strings.Cut(arg, "/")
		if named && transport != "tcp" && transport != "udp" {
			return nil, fmt.Errorf("read arguments: %q: %q is no transport, want tcp or udp", arg, transport)
		}
		bare[i], udp[i] = rest, transport == "udp"
	}
	servers, err := n.servers(bare, 443)
	if err != nil {
		return nil, err
	}
	for i := range servers {
		servers[i].given, servers[i].udp = args[i], udp[i]
		if udp[i] && !strings.HasSuffix(bare[i], ":"+strconv.Itoa(int(servers[i].port))) {
			return nil, fmt.Errorf("read arguments: %q: name the port of UDP, such as %s:3478/udp", args[i], servers[i].host)
		}
	}
	return servers, nil
}

// tryPorts looks at all servers at the same time, each address family of each.
func tryPorts(servers []server) lyncdiag.Stage {
	return lyncdiag.Stage{ID: "ports", Title: "Ports", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
		seen, paths := make([]fact.Candidate, len(servers)), make([]fact.Paths, len(servers))
		var all sync.WaitGroup
		for i, v := range servers {
			all.Go(func() {
				if v.udp {
					seen[i].Endpoint, paths[i].Families = bind(ctx, env, v)
					paths[i].Host, paths[i].Port = v.host, v.port
					return
				}
				seen[i], _ = env.Look(ctx, v.host, v.port, lyncdiag.ToPort)
				paths[i], _ = env.Paths(ctx, v.host, v.port)
			})
		}
		all.Wait()
		fact.Put(env.Facts, fact.CandidatesKey, seen, env.Origin())
		fact.Put(env.Facts, fact.PathsKey, paths, env.Origin())
		return context.Cause(ctx)
	}}
}

// bind asks a STUN server over UDP, at an address of each family: of a port that says nothing to a stranger
// nothing can be known.
func bind(ctx context.Context, env *lyncdiag.Env, v server) (fact.Endpoint, []fact.Reach) {
	e := fact.Endpoint{Host: v.host, Port: v.port}
	e.Resolve = env.Resolver().LookupHost(ctx, v.host)
	if len(e.Resolve.Addresses) == 0 {
		if ctx.Err() == nil {
			e.Reach = fact.Reach{Status: fact.Unresolved, Detail: string(e.Resolve.Status)}
		}
		return e, nil
	}
	families := make([]fact.Reach, len(firstOfEach(e.Resolve.Addresses)))
	var both sync.WaitGroup
	for i, at := range firstOfEach(e.Resolve.Addresses) {
		both.Go(func() { families[i] = bindAt(ctx, env, netip.AddrPortFrom(at, v.port)) })
	}
	both.Wait()
	if ctx.Err() != nil {
		return e, nil
	}
	e.Reach = families[0]
	if i := slices.IndexFunc(families, func(r fact.Reach) bool { return r.Status == fact.Listening }); i > 0 {
		e.Reach = families[i]
	}
	return e, families
}

// firstOfEach is the first address of each family, IPv4 first.
func firstOfEach(addresses []netip.Addr) []netip.Addr {
	var list []netip.Addr
	for _, four := range []bool{true, false} {
		if i := slices.IndexFunc(addresses, func(a netip.Addr) bool { return a.Is4() == four }); i >= 0 {
			list = append(list, addresses[i])
		}
	}
	return list
}

// bindAt asks at one address.
func bindAt(ctx context.Context, env *lyncdiag.Env, to netip.AddrPort) fact.Reach {
	start := env.Now()
	mapped, err := stunBind(ctx, env, to)
	reach := fact.Reach{Address: to.Addr().String(), Elapsed: env.Now().Sub(start)}
	switch {
	case err == nil:
		reach.Status, reach.Detail = fact.Listening, "STUN answers"
		if mapped.IsValid() {
			reach.Detail = "STUN answers, and sees this computer as " + mapped.String()
		}
	case errors.Is(err, stun.ErrNoSTUN):
		reach.Status, reach.Detail = fact.Listening, err.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		reach.Status, reach.Detail = fact.Filtered, "no answer to a STUN binding request"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.Errno(10054)): // how Winsock tells of a refused datagram
		reach.Status, reach.Detail = fact.NotListening, "port unreachable"
	default:
		reach.Status, reach.Detail = fact.Filtered, err.Error()
	}
	return reach
}

func stunBind(ctx context.Context, env *lyncdiag.Env, to netip.AddrPort) (netip.AddrPort, error) {
	limit := env.Network.Exchange
	if limit == 0 {
		limit = lyncdiag.DefaultExchange
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := env.Network.DialContext(ctx, "udp", net.JoinHostPort(to.Addr().String(), strconv.Itoa(int(to.Port()))))
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer conn.Close()
	return stun.Bind(ctx, conn)
}

// portResults are the servers as far as they were looked at.
func portResults(f *fact.Facts, servers []server) []render.PortResult {
	paths, o, _ := fact.Get(f, fact.PathsKey)
	var list []render.PortResult
	for i, e := range endpoints(f, servers) {
		r := render.PortResult{Endpoint: e, UDP: servers[i].udp, Simulated: o.Kind == fact.Lab}
		if i < len(paths) {
			r.Families = paths[i].Families
		}
		list = append(list, r)
	}
	return list
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
