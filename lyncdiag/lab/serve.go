package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// dial is the lab's only door. Addresses are IP addresses with a port, as
// every name goes through the lab's resolver.
func (l *Lab) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("lab: dial %s: not an IP address with a port", address)
	}
	if l.world.offline {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	}
	if strings.HasPrefix(network, "udp") {
		return l.converse(to)
	}
	if !strings.HasPrefix(network, "tcp") {
		return nil, fmt.Errorf("lab: dial %s: unknown network %q", address, network)
	}
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	if resolver := l.resolverAt(to); resolver != nil {
		return l.connect(ctx, to, func(c *conn) { resolver.ServeConn("tcp", c) }, fail)
	}
	at, known := l.places[to]
	switch {
	case known && at.port.reach == filtered:
		l.note("tcp", at.name, fmt.Sprintf("%d filtered", to.Port()))
		return l.after(ctx, -1, nil, fail)
	case !known && !l.inhabited(to.Addr()):
		return l.after(ctx, l.rtt, syscall.EHOSTUNREACH, fail)
	case !known, at.port.reach == refused:
		l.note("tcp", l.nameOf(to.Addr()), fmt.Sprintf("%d refused", to.Port()))
		return l.after(ctx, l.rtt, syscall.ECONNREFUSED, fail)
	}
	l.note("tcp", at.name, fmt.Sprintf("%d connected", to.Port()))
	return l.connect(ctx, to, func(c *conn) { l.serve(c, at) }, fail)
}

// after waits a time, for ever if it is negative, and fails.
func (l *Lab) after(ctx context.Context, wait time.Duration, errno error, fail func(error) (net.Conn, error)) (net.Conn, error) {
	if wait != 0 { // a timer of 0 in a synctest bubble can crash the race detector of Go 1.26
		var passed <-chan time.Time // nil: never
		if wait > 0 {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			passed = timer.C
		}
		select {
		case <-passed:
		case <-ctx.Done():
		case <-l.ctx.Done():
		}
	}
	switch {
	case ctx.Err() != nil:
		return fail(ctx.Err())
	case l.ctx.Err() != nil:
		return fail(errClosed)
	case errno == nil:
		return nil, nil
	}
	return fail(os.NewSyscallError("connect", errno))
}

var errClosed = errors.New("the lab is closed")

// connect makes a connection, which costs a round trip.
func (l *Lab) connect(ctx context.Context, to netip.AddrPort, serve func(*conn), fail func(error) (net.Conn, error)) (net.Conn, error) {
	if _, err := l.after(ctx, l.rtt, nil, fail); err != nil {
		return nil, err
	}
	near, far := newLink("tcp", l.clientAddress("tcp"), net.TCPAddrFromAddrPort(to), l.rtt)
	if !l.run(near, far, serve) {
		return fail(errClosed)
	}
	return near, nil
}

// resolverAt is the resolver at an address, nil where there is none.
func (l *Lab) resolverAt(to netip.AddrPort) *dnstest.Server {
	switch to {
	case resolverAddress:
		return l.resolver
	case insideAddress:
		return l.inside
	}
	for owner, records := range l.world.records {
		if strings.HasPrefix(owner, "ns1.") && to.Port() == 53 && slices.Contains(records, "A "+to.Addr().String()) {
			return l.authority
		}
	}
	return nil
}

// converse opens a conversation in datagrams, which costs nothing. Nobody but
// the resolver answers.
func (l *Lab) converse(to netip.AddrPort) (net.Conn, error) {
	near, far := newLink("udp", l.clientAddress("udp"), net.UDPAddrFromAddrPort(to), l.rtt)
	serve := func(c *conn) { _, _ = io.Copy(io.Discard, c) }
	if resolver := l.resolverAt(to); resolver != nil {
		serve = func(c *conn) { resolver.ServeConn("udp", c) }
	}
	if !l.run(near, far, serve) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Addr: near.remote, Err: errClosed}
	}
	return packetConn{near}, nil
}

// run serves one end of a connection until it is closed, unless the lab is.
func (l *Lab) run(near, far *conn, serve func(*conn)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends == nil || l.ctx.Err() != nil { // closed, or about to be
		return false
	}
	for _, c := range []*conn{near, far} {
		l.ends[c] = true
		c.closed = func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.ends, c)
		}
	}
	l.wg.Go(func() { serve(far) })
	return true
}

func (l *Lab) clientAddress(network string) net.Addr {
	// The range of ephemeral ports (RFC 6335 section 6).
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 49152+uint16(l.clients.Add(1)%(65536-49152)))
	if network == "udp" {
		return net.UDPAddrFromAddrPort(address)
	}
	return net.TCPAddrFromAddrPort(address)
}

func (l *Lab) inhabited(ip netip.Addr) bool { return l.nameOf(ip) != ip.String() }

// nameOf is the name of the host with an address, or the address.
func (l *Lab) nameOf(ip netip.Addr) string {
	for at, p := range l.places {
		if at.Addr() == ip {
			return p.name
		}
	}
	if ip == resolverAddress.Addr() {
		return "resolver"
	}
	return ip.String()
}

// serve speaks on a connection what its port speaks.
func (l *Lab) serve(raw net.Conn, at place) {
	stop := context.AfterFunc(l.ctx, func() { raw.Close() })
	defer stop()
	if at.port.reset {
		_, _ = raw.Read(make([]byte, 1)) // whatever comes, or the end
		reset(raw)
		return
	}
	c := raw
	if !at.port.plain {
		c = tls.Server(raw, at.host.tls)
	}
	if at.port.web != nil {
		l.web.take(c)
		return
	}
	heard := func(line string) { l.note("sip", at.name, line) }
	_ = at.port.sip.Serve(l.ctx, &overheard{Conn: c, heard: heard}) // a peer that does not speak SIP is its own affair
}

// reset ends a connection with a TCP RST.
func reset(c net.Conn) {
	switch c := c.(type) {
	case *conn:
		c.reset()
	case *net.TCPConn:
		_ = c.SetLinger(0)
		c.Close()
	}
}

// tlsConfig offers what servers offered when Lync was current, and what they
// offer now. There is one certificate, so SNI is not needed, unless the host is
// like AD FS on Windows Server 2012 R2, whose http.sys has no binding but that
// for its name.
func tlsConfig(certificate tls.Certificate, h *host) *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: max(h.oldest, tls.VersionTLS10)}
	if h.sni {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if hello.ServerName == "" {
				reset(hello.Conn)
				return nil, errors.New("no server name")
			}
			return nil, nil
		}
	}
	return config
}

// overheard notes each request line that is read from a SIP connection.
type overheard struct {
	net.Conn
	heard func(line string)
	line  []byte
}

func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	const longest = 1 << 10 // what is longer is no request line of ours
	for rest := p[:n]; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		o.line = append(o.line, line[:min(len(line), longest-min(len(o.line), longest))]...)
		if ended {
			if text := strings.TrimSpace(string(o.line)); strings.HasSuffix(text, " SIP/2.0") {
				o.heard(strings.TrimSuffix(text, " SIP/2.0"))
			}
			o.line = o.line[:0]
		}
		rest = after
	}
	return n, err
}

// webServer is one HTTP server for all hosts: what answers is told by the
// address that was connected to.
type webServer struct {
	lab         *Lab
	server      *http.Server
	connections chan net.Conn
}

func (s *webServer) start(l *Lab) {
	s.lab, s.connections = l, make(chan net.Conn)
	s.server = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that refuse a certificate are what a lab is for
	}
	l.wg.Go(func() { _ = s.server.Serve(s) })
}

func (s *webServer) stop() { _ = s.server.Close() }

// take hands a connection to the server.
func (s *webServer) take(c net.Conn) {
	select {
	case s.connections <- c:
	case <-s.lab.ctx.Done():
		c.Close()
	}
}

// Accept, Close and Addr make it the server's listener.
func (s *webServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.connections:
		return c, nil
	case <-s.lab.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (s *webServer) Close() error   { return nil }
func (s *webServer) Addr() net.Addr { return &net.TCPAddr{} }

func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	// The system may give the address in its IPv6 form.
	address := netip.AddrPortFrom(local.AddrPort().Addr().Unmap(), local.AddrPort().Port())
	at, ok := s.lab.places[address]
	if !ok {
		http.Error(w, "no such host in the lab", http.StatusMisdirectedRequest)
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	s.lab.note("http", at.name, r.Method+" "+scheme+"://"+r.Host+r.URL.RequestURI())
	at.port.web.ServeHTTP(w, r)
}
