package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// labAddress is whom --lab diagnoses when nobody is named.
const (
	labAddress = "joe@contoso.example"
	labDomain  = "contoso.example"
	plainLab   = "healthy"
)

// networkFlags are the same on every command that sends something.
type networkFlags struct {
	settingFlags
	dns []string
	ca  string
	proxyFlags
	timeout   time.Duration
	offline   bool
	lab       string
	labRTT    time.Duration
	anonymous bool
	failOn    choice
}

func (n *networkFlags) register(flags *pflag.FlagSet) {
	group(flags, settingGroup, n.settingFlags.register)
	group(flags, networkGroup, n.registerNetwork)
	group(flags, labGroup, n.registerLab)
	n.failOn.registerFailOn(flags)
}

func (n *networkFlags) registerNetwork(flags *pflag.FlagSet) {
	flags.StringArrayVar(&n.dns, "dns", nil, "resolver to ask, as `[NAME=]ADDR[:PORT]`, tcp://, tls:// or https://…, system, or authoritative (the domain's own servers as well); repeatable, the answers are compared; internal is the name for the view inside")
	flags.StringVar(&n.ca, "ca", "", "`FILE` of further roots to trust (PEM)")
	flags.DurationVar(&n.timeout, "timeout", lyncdiag.DefaultTimeout, "for the whole run, of each target where there are several")
	n.proxyFlags.register(flags)
	flags.BoolVar(&n.offline, "offline", false, "send nothing")
}

func (n *networkFlags) registerLab(flags *pflag.FlagSet) {
	flags.Var((*faultList)(&n.lab), "lab", "use the built-in lab in place of the network, with these `FAULT[,FAULT...]`")
	flags.Lookup("lab").NoOptDefVal = plainLab
	flags.DurationVar(&n.labRTT, "lab-rtt", 0, "round trip of the lab")
	flags.BoolVar(&n.anonymous, "anonymous", false, "leave credentials out, those of the lab's user too")
}

// session is the network of one run of the command.
type session struct {
	network     *lyncdiag.Network
	setting     fact.Setting
	sources     []lyncdiag.Source // what the lab's fault needs to be known
	credentials adfs.Credentials  // nil: none
	windows     bool              // prove the password by Windows authentication
	close       func()
}

// open makes the network that the flags describe.
func (n *networkFlags) open(ctx context.Context, p *program) (*session, error) {
	switch {
	case n.timeout <= 0:
		return nil, fmt.Errorf("read --timeout: %v is not more than 0", n.timeout)
	case n.labRTT < 0:
		return nil, fmt.Errorf("read --lab-rtt: %v is less than 0", n.labRTT)
	case n.labRTT > 0 && n.lab == "":
		return nil, errors.New("read --lab-rtt: it is the lab's round trip, and there is no --lab")
	}
	s := &session{network: &lyncdiag.Network{}, close: func() {}}
	if n.lab != "" {
		l, err := lab.Start(ctx, lab.Config{Faults: splitFaults(n.lab), RTT: n.labRTT})
		if err != nil {
			return nil, fmt.Errorf("start lab: %w", err)
		}
		s.network, s.setting, s.sources, s.close = l.Network(), l.Setting(), l.Sources(), func() { l.Close() }
		if !n.anonymous {
			s.credentials = l.Credentials()
		}
	}
	err := n.apply(s)
	if err == nil && n.offline {
		err = keepStored(s.network)
	}
	if err == nil {
		err = n.useProxy(s.network, p, n.cloud.value, n.offline)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// keepStored has chains verified with what this computer holds: the verifier of
// Windows would fetch what a chain lacks. Such roots are the system's, so they
// make no host public.
func keepStored(n *lyncdiag.Network) error {
	if n.Roots != nil {
		return nil
	}
	roots, issuers, err := certs.Stored()
	if roots == nil || err != nil {
		return err
	}
	n.Roots, n.Issuers = roots, append(slices.Clip(n.Issuers), issuers...)
	if n.PublicRoots == nil {
		n.PublicRoots = []*x509.Certificate{}
	}
	return nil
}

func splitFaults(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// faultList is the value of --lab. An empty one, such as an unset variable of
// a script leaves, must not send the run to the real network.
type faultList string

func (l *faultList) String() string { return string(*l) }
func (l *faultList) Type() string   { return "string" }

func (l *faultList) Set(value string) error {
	if len(splitFaults(value)) == 0 {
		return errors.New("no fault follows the equals sign; a healthy lab is --lab alone or --lab=" + plainLab)
	}
	*l = faultList(value)
	return nil
}

// bareLab catches "--lab FAULT": a flag whose value is optional takes it only
// after an equals sign.
func (n *networkFlags) bareLab(args []string) error {
	return bareLab(n.lab, args)
}

func bareLab(given string, args []string) error {
	if given != plainLab {
		return nil
	}
	var names []string
	for _, f := range lab.Faults() {
		names = append(names, f.Name)
	}
	for _, arg := range args {
		first, _, _ := strings.Cut(arg, ",")
		if slices.Contains(names, first) || !strings.ContainsAny(arg, "@.:/") && suggest(first, names) != "" {
			return fmt.Errorf("read --lab: a fault follows an equals sign; did you mean --lab=%s?", arg)
		}
	}
	return nil
}

func (n *networkFlags) apply(s *session) error {
	var err error
	if s.setting, err = n.over(s.setting); err != nil {
		return err
	}
	if len(n.dns) > 0 {
		var servers []dnscheck.Server
		if servers, s.network.Authoritative, err = resolvers(n.dns); err != nil {
			return err
		}
		if len(servers) > 0 {
			s.network.DNS = servers
		}
	}
	if n.ca != "" {
		err = trust(s.network, n.ca)
	}
	return err
}

// resolvers reads --dns.
func resolvers(given []string) (list []dnscheck.Server, authoritative bool, err error) {
	for _, text := range given {
		name, address, named := strings.Cut(text, "=")
		if !named {
			name, address = "", text
		}
		if address == "authoritative" {
			authoritative = true
			continue
		}
		servers, err := resolver(text, name, address)
		if err != nil {
			return nil, false, fmt.Errorf("read --dns: %w", err)
		}
		for _, s := range servers {
			if slices.ContainsFunc(list, func(t dnscheck.Server) bool { return t.String() == s.String() }) {
				return nil, false, fmt.Errorf("read --dns %s: there are two resolvers %s", text, s)
			}
			list = append(list, s)
		}
	}
	return list, authoritative, nil
}

func resolver(text, name, address string) ([]dnscheck.Server, error) {
	if address == "system" {
		servers, err := dnscheck.SystemServers()
		return renamed(servers, name), err
	}
	server, err := dnscheck.ParseServer(text)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, didYouMean(address, []string{"system", "authoritative"}))
	}
	return []dnscheck.Server{server}, nil
}

// renamed gives the system's resolvers the name that was given for them, with a
// number after the first; without one they keep their own.
func renamed(servers []dnscheck.Server, name string) []dnscheck.Server {
	for i := range servers {
		switch {
		case name == "":
		case i == 0:
			servers[i].Name = name
		default:
			servers[i].Name = fmt.Sprintf("%s-%d", name, i+1)
		}
	}
	return servers
}

// trust adds the certificates of a file to those trusted already. Whoever names
// a root knows of it, so public hosts may rest on it too.
func trust(network *lyncdiag.Network, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read --ca %s: %w", path, cause(err))
	}
	pool := network.Roots
	if pool == nil {
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
	}
	pool = pool.Clone()
	if !pool.AppendCertsFromPEM(b) {
		return fmt.Errorf("read --ca %s: no certificate in it (want PEM)", path)
	}
	list, err := certs.ParseFile(b)
	if err != nil {
		return fmt.Errorf("read --ca %s: %w", path, err)
	}
	network.Roots = pool
	network.Issuers, network.PublicRoots = append(network.Issuers, list...), append(network.PublicRoots, list...)
	return nil
}

// cause is what is wrong with a file, without its path and the system call.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
