package cli

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

// PlainLab is what --lab alone stands for.
const PlainLab = "healthy"

// Network are the flags that describe the network of a run.
type Network struct {
	Setting
	Proxy
	DNS     []string
	CA      string
	Timeout time.Duration
	Offline bool // send nothing; no flag of its own here
	Lab     string
	LabRTT  time.Duration
	// Anonymous leaves the password of the lab's user out; no flag of its own here.
	Anonymous bool
}

// Register adds the flags.
func (n *Network) Register(flags *pflag.FlagSet) {
	n.Setting.Register(flags)
	Group(flags, NetworkGroup, n.registerNetwork)
	Group(flags, LabGroup, n.registerLab)
}

func (n *Network) registerNetwork(flags *pflag.FlagSet) {
	flags.StringArrayVar(&n.DNS, "dns", nil, "resolver to ask, as `[NAME=]ADDR[:PORT]`, tcp://, tls:// or https://..., system, or authoritative (the domain's own servers as well); repeatable, the answers are compared; internal is the name for the view inside")
	flags.StringVar(&n.CA, "ca", "", "`FILE` of further roots to trust (PEM)")
	flags.DurationVar(&n.Timeout, "timeout", lyncdiag.DefaultTimeout, "for the whole run, of each target where there are several")
	n.Proxy.register(flags)
}

func (n *Network) registerLab(flags *pflag.FlagSet) {
	flags.Var((*faultList)(&n.Lab), "lab", "use the built-in lab in place of the network, with these `FAULT[,FAULT...]`")
	flags.Lookup("lab").NoOptDefVal = PlainLab
	flags.DurationVar(&n.LabRTT, "lab-rtt", 0, "round trip of the lab")
}

// Session is the network that flags describe.
type Session struct {
	Network     *lyncdiag.Network
	Setting     fact.Setting
	Sources     []lyncdiag.Source // what the lab's fault needs to be known
	Credentials adfs.Credentials  // of the lab's user; nil: none
	Close       func()            // ends the lab, if there is one
}

// Open makes the network that the flags describe.
func (n *Network) Open(ctx context.Context, p *Process) (*Session, error) {
	switch {
	case n.Timeout <= 0:
		return nil, fmt.Errorf("read --timeout: %v is not more than 0", n.Timeout)
	case n.LabRTT < 0:
		return nil, fmt.Errorf("read --lab-rtt: %v is less than 0", n.LabRTT)
	case n.LabRTT > 0 && n.Lab == "":
		return nil, errors.New("read --lab-rtt: it is the lab's round trip, and there is no --lab")
	}
	s := &Session{Network: &lyncdiag.Network{}, Close: func() {}}
	if n.Lab != "" {
		// Like a network, the lab outlives a run that is interrupted: what it cut
		// would look like what was observed.
		l, err := lab.Start(context.WithoutCancel(ctx), lab.Config{Faults: SplitFaults(n.Lab), RTT: n.LabRTT})
		if err != nil {
			return nil, fmt.Errorf("start lab: %w", err)
		}
		s.Network, s.Setting, s.Sources, s.Close = l.Network(), l.Setting(), l.Sources(), func() { l.Close() }
		if !n.Anonymous {
			s.Credentials = l.Credentials()
		}
	}
	err := n.apply(s)
	if err == nil && n.Offline {
		err = keepStored(s.Network)
	}
	if err == nil {
		err = n.useProxy(s.Network, p, n.Cloud.Value, n.Offline)
	}
	if err != nil {
		s.Close()
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

// SplitFaults reads a list of faults.
func SplitFaults(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// faultList is the value of --lab. An empty one, such as an unset variable of
// a script leaves, must not send the run to the real network.
type faultList string

func (l *faultList) String() string { return string(*l) }
func (l *faultList) Type() string   { return "string" }

func (l *faultList) Set(value string) error {
	if len(SplitFaults(value)) == 0 {
		return errors.New("no fault follows the equals sign; a healthy lab is --lab alone or --lab=" + PlainLab)
	}
	*l = faultList(value)
	return nil
}

func (n *Network) apply(s *Session) error {
	var err error
	if s.Setting, err = n.over(s.Setting); err != nil {
		return err
	}
	if len(n.DNS) > 0 {
		var servers []dnscheck.Server
		if servers, s.Network.Authoritative, err = resolvers(n.DNS); err != nil {
			return err
		}
		if len(servers) > 0 {
			s.Network.DNS = servers
		}
	}
	if n.CA != "" {
		err = trust(s.Network, n.CA)
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
		return nil, fmt.Errorf("%w%s", err, DidYouMean(address, []string{"system", "authoritative"}))
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
		return fmt.Errorf("read --ca %s: %w", path, Cause(err))
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

// Cause is what is wrong with a file, without its path and the system call.
func Cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
