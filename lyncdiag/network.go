package lyncdiag

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Network is every door to the outside. The zero value is the real network.
type Network struct {
	// Dial opens a connection to an IP address and port, never to a name:
	// every name goes through DNS. Networks are "udp" and "tcp". nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DNS are the resolvers to ask; the first one answers for connections.
	// nil: this machine's own.
	DNS []dnscheck.Server
	// Authoritative asks the sign-in domain's own servers as well, for its records
	// only.
	Authoritative bool
	// Roots are the certificates to trust. nil: the system's.
	Roots *x509.CertPool
	// Issuers are certificates at hand that may complete a chain, such as those in
	// Roots (see certs.Verifier).
	Issuers []*x509.Certificate
	// PublicRoots are roots that public hosts may rest on beside the public
	// authorities' own: whoever names a root knows of it. Another one under them
	// means that somebody decrypts on the way. nil: those in Roots.
	PublicRoots []*x509.Certificate
	// Proxy is an HTTP proxy for every TCP connection; its user and password
	// answer a proxy that asks for them, by NTLM, Negotiate or Basic. nil: none.
	Proxy *url.URL
	// ProxyFrom says who set Proxy, in a word or two: "--proxy", "environment".
	ProxyFrom string
	// Login shares with other runs how Proxy takes its user and password, so that
	// wrong ones are sent once. nil: a run finds out for itself.
	Login *ProxyLogin
	// PAC is the URL of a script that decides over proxies and that this run did
	// not ask: what fails on the direct way may work for the client. "": none.
	PAC string
	// Direct reports whether a host is reached without the proxy. nil: none is.
	Direct func(host string) bool
	// Now is the clock of this computer. nil: time.Now.
	Now func() time.Time
	// Exchange bounds one exchange with one host. 0: DefaultExchange.
	Exchange time.Duration
	// Cache shares answers of resolvers with other runs. It ignores TTLs, so
	// whoever sets it sees to its age. nil: a run asks for itself.
	Cache *dnscheck.Cache
	// Simulated marks observations as made in a lab.
	Simulated bool
}

// Origin is the origin kind of what is seen through this network.
func (n *Network) Origin() fact.Kind {
	if n.Simulated {
		return fact.Lab
	}
	return fact.Live
}

func (n *Network) now() time.Time {
	if n.Now == nil {
		return time.Now()
	}
	return n.Now()
}

func (n *Network) exchange() time.Duration {
	if n.Exchange == 0 {
		return DefaultExchange
	}
	return n.Exchange
}

// DialContext is Dial, or what stands for it when it is nil.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if n.Dial == nil {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return n.Dial(ctx, network, address)
}

// Resolver returns a client for the network's resolvers.
func (n *Network) Resolver() (*dnscheck.Client, error) {
	servers := n.DNS
	if servers == nil {
		var err error
		if servers, err = dnscheck.SystemServers(); err != nil {
			return nil, err
		}
	}
	return &dnscheck.Client{Dial: n.DialContext, Servers: servers, Timeout: n.exchange(), Now: n.Now, Roots: n.Roots, Cache: &dnscheck.Cache{Shared: n.Cache}}, nil
}

// Verifier returns a certificate verifier that trusts what the network trusts,
// and dials and looks names up through it.
func (n *Network) Verifier() *certs.Verifier {
	return &certs.Verifier{Roots: n.Roots, Issuers: n.Issuers, Now: n.Now, Timeout: n.exchange(), Dial: n.dialName}
}

// dialName dials a host and port whose host may be a name.
func (n *Network) dialName(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return n.DialContext(ctx, network, address)
	}
	resolver, err := n.Resolver()
	if err != nil {
		return nil, err
	}
	found := resolver.LookupHost(ctx, host)
	if len(found.Addresses) == 0 {
		return nil, fmt.Errorf("look up %s: %s", host, found.Status)
	}
	return n.DialContext(ctx, network, net.JoinHostPort(found.Addresses[0].String(), port))
}

// Env is what a stage works with.
type Env struct {
	Facts   *fact.Facts
	Target  Target
	Setting fact.Setting
	Network *Network
	wire    *wire

	credentials     adfs.Credentials
	windows         bool
	federationConns int

	once          sync.Once
	list          []candidate
	mu            sync.Mutex
	registrations map[*exchange]*registration
	named         []*exchange // servers that Autodiscover names
	options       bool        // OPTIONS follows each REGISTER
}

// Origin is the origin of what the stage sees on the network.
func (e *Env) Origin() fact.Origin { return fact.Origin{Kind: e.Network.Origin()} }

// Now is the time by this computer's clock.
func (e *Env) Now() time.Time { return e.Network.now() }

// HTTP returns a client whose every connection goes through the run's one dial
// path: one lookup a name, one connection attempt a host, TLS verified by
// certs. It does not follow redirects.
func (e *Env) HTTP() *http.Client { return e.wire.client }

// Resolver returns the run's resolver, which asks each question once.
func (e *Env) Resolver() *dnscheck.Client { return e.wire.dns }

// Depth says how far Look goes.
type Depth int

// ToPort connects; ToTLS shakes hands as well; ToSIP sends a REGISTER without
// credentials over a session that verifies, and follows redirects; ToOptions
// sends OPTIONS on the same connection too.
const (
	ToPort Depth = iota
	ToTLS
	ToSIP
	ToOptions
)

// Look looks at one host and port through the run's dial path, once a run
// however many stages ask. What is wrong is in the candidate; the error is the
// context's.
func (e *Env) Look(ctx context.Context, host string, port uint16, depth Depth) (fact.Candidate, error) {
	if depth == ToOptions {
		e.mu.Lock()
		e.options = true
		e.mu.Unlock()
	}
	x := e.connect(host, port, depth > ToPort, 1)
	milestone := x.secured
	if depth >= ToSIP {
		milestone = e.register(x).done
	}
	endpoint, err := x.await(ctx, milestone)
	c := fact.Candidate{Endpoint: endpoint, Via: []fact.Via{fact.ViaManual}}
	if depth >= ToSIP {
		e.registered(x, &c)
	}
	return c, err
}

// connect starts the exchange with a host, or joins it. It returns at once;
// the exchange tells how far it came.
func (e *Env) connect(host string, port uint16, secure bool, conns int) *exchange {
	return e.wire.open(host, port, secure, conns)
}

// wire is the dial path of one run.
type wire struct {
	ctx      context.Context
	network  *Network
	dns      *dnscheck.Client
	dnsErr   error
	verifier *certs.Verifier
	client   *http.Client
	// authorities are asked about every chain that is seen; nil: nobody is.
	// nearAuthorities are those of servers on this computer or its link, which
	// may be there too.
	authorities, nearAuthorities *certs.Authorities
	keep                         func(Kept) // may be nil
	log                          *slog.Logger
	cancel                       context.CancelFunc
	wg                           sync.WaitGroup
	login                        *ProxyLogin

	mu        sync.Mutex
	exchanges map[string]*exchange
	plain     map[string]fact.Reach // plain HTTP that failed at the proxy, by host
}

func newWire(ctx context.Context, n *Network, log *slog.Logger) *wire {
	w := &wire{network: n, verifier: n.Verifier(), exchanges: map[string]*exchange{}, plain: map[string]fact.Reach{}, log: log, login: n.Login}
	if w.login == nil {
		w.login = new(ProxyLogin)
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	if w.dns, w.dnsErr = n.Resolver(); w.dnsErr != nil {
		w.dns = &dnscheck.Client{}
	}
	w.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &boundedBody{limit: n.exchange(), RoundTripper: &plainHTTP{w, &http.Transport{
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return w.take(ctx, address, false) },
			DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return w.take(ctx, address, true)
			},
			ResponseHeaderTimeout: n.exchange(),
			MaxIdleConnsPerHost:   4,
			Protocols:             httpVersion1(),
		}}},
	}
	return w
}

// boundedBody gives a server one exchange's time to send the body after the
// headers, so that one that drips does not use up the run.
type boundedBody struct {
	http.RoundTripper
	limit time.Duration
}

func (b *boundedBody) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	response, err := b.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	timer := time.AfterFunc(b.limit, func() { cancel(fmt.Errorf("the body did not end within %v", b.limit)) })
	response.Body = &bodyWithTimer{response.Body, timer, cancel}
	return response, nil
}

// CloseIdleConnections is what http.Client looks for.
func (b *boundedBody) CloseIdleConnections() {
	if c, ok := b.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type bodyWithTimer struct {
	io.ReadCloser
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func (b *bodyWithTimer) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// httpVersion1 keeps to HTTP/1.1, which is what the Lync clients speak.
func httpVersion1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// close ends every exchange and waits for it, so that nothing of a run lives
// longer than the run.
func (w *wire) close() {
	w.cancel()
	w.client.CloseIdleConnections()
	w.wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.exchanges {
		x.discard()
	}
}

// take returns a connection for HTTP: one the exchange has ready, or another
// one to the same host. A host that failed once in a run is not tried again.
func (w *wire) take(ctx context.Context, address string, secure bool) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address %q: port %q is not a number", address, service)
	}
	x := w.open(host, uint16(port), secure, 1)
	return x.take(ctx)
}

// opened is the exchange with a host, if there is one.
func (w *wire) opened(host string, port uint16, secure bool) (*exchange, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x, ok := w.exchanges[exchangeKey(host, port, secure)]
	return x, ok
}

func exchangeKey(host string, port uint16, secure bool) string {
	return fmt.Sprintf("%s:%d/%t", strings.ToLower(host), port, secure)
}

func (w *wire) open(host string, port uint16, secure bool, conns int) *exchange {
	key := exchangeKey(host, port, secure)
	w.mu.Lock()
	defer w.mu.Unlock()
	if x, ok := w.exchanges[key]; ok {
		return x
	}
	x := newExchange(w, host, port, secure, conns)
	w.exchanges[key] = x
	w.wg.Go(func() { x.run(conns) })
	return x
}

// resolve looks a host up, or reads it when it is an address already.
func (w *wire) resolve(ctx context.Context, host string) dnscheck.Host {
	if ip, err := netip.ParseAddr(host); err == nil {
		return dnscheck.Host{Name: host, Status: dnscheck.StatusOK, Addresses: []netip.Addr{ip}}
	}
	if w.dnsErr != nil {
		return dnscheck.Host{Name: host, Status: dnscheck.StatusNetworkError, A: dnscheck.Answer{Detail: w.dnsErr.Error()}}
	}
	return w.dns.LookupHost(ctx, host)
}
