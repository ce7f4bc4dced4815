// Package lab simulates everything a Lync sign-in talks to: DNS, Autodiscover,
// the login service, AD FS, a SIP registrar, and the certification authorities
// they rest on. It runs in memory behind one Dial, with the real names and
// ports, and on request on loopback as well. What can be wrong in it is data
// (see [Faults]): each fault bears the name of the finding that it must be
// diagnosed as. Nothing is random, and keys and state are gone after Close.
//
// Every local part at contoso.example is the user.
package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Config says which lab to start. The zero value is the healthy one, in memory
// and without delay.
type Config struct {
	// Faults are names of [Faults]. A healthy lab may be among them; without
	// one it is the one that the faults start from.
	Faults []string
	// RTT is the time of a round trip: a connection costs one, and what is
	// written can be read half of it later. There is no bandwidth. On loopback
	// only what is behind the proxy is delayed.
	RTT time.Duration
	// Loopback serves the lab on 127.0.0.1 as well: DNS on a high port, and
	// everything else behind an HTTP proxy. See [Lab.Addresses].
	Loopback bool
	// RealPorts implies Loopback and binds the hosts' own ports (443, 80 and
	// 5061) on their addresses in 127.0.0.0/8 in place of the proxy. It takes
	// Linux, the right to bind low ports, and a lab in which no host is silent:
	// loopback cannot drop packets.
	RealPorts bool
	// Proxy has every connection in memory go through an HTTP proxy of the lab.
	Proxy bool
	// IPv6 gives the registrar an IPv6 address beside its IPv4 one.
	IPv6 bool
	// Now is the servers' clock. nil: time.Now.
	Now func() time.Time
}

// Lab is a running lab.
type Lab struct {
	world     *world
	rtt       time.Duration
	now       func() time.Time
	roots     []*x509.Certificate
	resolver  *dnstest.Server
	inside    *dnstest.Server // nil: there is one view
	authority *dnstest.Server // the zones' own servers, which do not recurse
	places    map[netip.AddrPort]place
	web       webServer
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup
	clients   atomic.Uint32 // connections so far
	sockets   Addresses

	mu      sync.Mutex
	ends    map[*conn]bool // open ends of connections in memory
	history []Exchange
}

// resolverAddress is where the resolver is in the lab.
var resolverAddress = netip.MustParseAddrPort("127.0.0.53:53")

// insideAddress is where the company's own resolver is, if it has another view.
var insideAddress = netip.MustParseAddrPort("127.0.0.54:53")

// Start starts a lab, which runs until Close or until ctx ends. It refuses
// unknown faults and those that exclude each other.
func Start(ctx context.Context, c Config) (*Lab, error) {
	base, faults, err := choose(c.Faults)
	if err != nil {
		return nil, fmt.Errorf("lab: start: %w", err)
	}
	return startWith(ctx, c, base, faults)
}

// startWith starts the lab of a base with faults that do not exclude each other.
func startWith(ctx context.Context, c Config, base string, faults []Fault) (*Lab, error) {
	now := c.Now
	if now == nil {
		now = time.Now
	}
	l := &Lab{world: newWorld(base, now), rtt: c.RTT, now: now, ends: map[*conn]bool{}}
	if c.IPv6 {
		l.world.dual()
	}
	if c.Proxy {
		l.world.throughProxy()
	}
	for _, f := range faults {
		if f.apply != nil {
			f.apply(l.world)
		}
	}
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("lab: start: %w", err)
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.web.start(l)
	l.wg.Go(func() {
		<-l.ctx.Done()
		l.stop()
	})
	if c.Loopback || c.RealPorts {
		if err := l.listen(c.RealPorts); err != nil {
			l.Close()
			return nil, fmt.Errorf("lab: start on loopback: %w", err)
		}
	}
	return l, nil
}

// prepare makes of the data what runs: zones and certificates.
func (l *Lab) prepare() error {
	zones, err := l.world.zoneFiles()
	if err != nil {
		return err
	}
	l.resolver = &dnstest.Server{Zones: zones, Overrides: l.world.answers, Recursive: true, Now: l.now}
	l.authority = &dnstest.Server{Zones: zones, Overrides: l.world.answers, Now: l.now}
	if l.world.inside != nil {
		l.inside = &dnstest.Server{Zones: zones, Overrides: l.world.inside, Recursive: true, Now: l.now}
	}
	if l.world.way != nil {
		l.world.way.behind = l.proxy()
	}
	l.places = l.world.places()
	return l.certify()
}

// certify makes the public authority and the company's, and a certificate for
// each host.
func (l *Lab) certify() error {
	authorities := map[bool]*certtest.CA{}
	for i, name := range []string{"Lab Public", brand} {
		company := i == 1
		root, err := certtest.New(certtest.Options{Name: name + " Root CA", Now: l.now})
		if err != nil {
			return err
		}
		l.roots = append(l.roots, root.Certificate)
		if authorities[company], err = root.Intermediate(certtest.Options{Name: name + " Issuing CA"}); err != nil {
			return err
		}
	}
	defects := certtest.Defects()
	var revoked []*x509.Certificate
	for name, h := range l.world.hosts {
		template := certtest.Template{DNSNames: h.names, Staple: h.site == "", Site: h.site, WithoutChain: h.alone}
		issue := authorities[h.company].Issue
		if h.defect != "" {
			i := slices.IndexFunc(defects, func(d certtest.Defect) bool { return d.Code == h.defect })
			if i < 0 {
				return fmt.Errorf("host %s: there is no certificate defect %q", name, h.defect)
			}
			issue = func(t certtest.Template) (tls.Certificate, error) { return defects[i].Issue(authorities[h.company], t) }
		}
		certificate, err := issue(template)
		if err != nil {
			return fmt.Errorf("host %s: %w", name, err)
		}
		h.tls = tlsConfig(certificate, h)
		if h.revoked {
			revoked = append(revoked, certificate.Leaf)
		}
	}
	if h := l.world.hosts[pki]; h != nil {
		h.ports[80].web = dated(l.now, authorities[false].Site(revoked...))
	}
	return nil
}

// Network is the lab as a network: the diagnosis dials, asks and trusts nothing
// else. It is in memory even when the lab is on loopback too.
func (l *Lab) Network() *lyncdiag.Network {
	roots := x509.NewCertPool()
	for _, c := range l.roots {
		roots.AddCert(c)
	}
	return &lyncdiag.Network{
		Dial:    l.dial,
		DNS:     l.resolvers(),
		Roots:   roots,
		Issuers: l.roots,
		// The company's is in every store of the company, and no public one.
		PublicRoots: slices.Clip(l.roots[:1]),
		Proxy:       l.world.proxyURL(),
		ProxyFrom:   "the lab",
		Now:         func() time.Time { return l.now().Add(l.world.ahead) },
		Simulated:   true,
	}
}

// resolvers are the lab's one resolver, or the views from outside and inside.
func (l *Lab) resolvers() []dnscheck.Server {
	if l.inside == nil {
		return []dnscheck.Server{{Name: "lab", Addr: resolverAddress}}
	}
	return []dnscheck.Server{{Name: "external", Addr: resolverAddress}, {Name: "internal", Addr: insideAddress}}
}

// Setting is what has to be known beforehand for the fault to show: the client,
// and that it is outside. The deployment is left to be recognised.
func (l *Lab) Setting() fact.Setting { return l.world.setting }

// Password is every user's. It opens nothing but the lab.
const Password = "Lab-Passw0rd"

// Credentials are the password of every user of the lab, whose name is told
// elsewhere.
func (l *Lab) Credentials() adfs.Credentials {
	return func(context.Context, string) (string, adfs.Secret, error) { return "", adfs.NewSecret(Password), nil }
}

// Sources are what the fault needs to be known beside what the network tells.
func (l *Lab) Sources() []lyncdiag.Source {
	if l.world.settings == nil {
		return nil
	}
	return []lyncdiag.Source{settings(l.world.settings)}
}

// settings are a domain's federation settings as a source.
type settings []fact.FederationSettings

func (settings) Name() string { return "domain" }

func (s settings) Collect(_ context.Context, _ lyncdiag.Target, f *fact.Facts) error {
	fact.Put(f, fact.FederationSettingsKey, []fact.FederationSettings(s), fact.Origin{Kind: fact.Lab})
	return nil
}

// Close ends the lab with all its connections.
func (l *Lab) Close() error {
	l.cancel()
	l.wg.Wait()
	return nil
}

// stop cuts every connection, so that whatever serves them ends.
func (l *Lab) stop() {
	l.web.stop()
	l.mu.Lock()
	ends := l.ends
	l.ends = nil
	l.mu.Unlock()
	for c := range ends {
		c.Close()
	}
}

// ca is the certificates of the lab's authorities in PEM.
func (l *Lab) ca() []byte {
	var out []byte
	for _, c := range l.roots {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}
