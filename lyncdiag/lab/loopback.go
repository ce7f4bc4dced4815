package lab

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Addresses are where a lab on loopback is to be found.
type Addresses struct {
	DNS   string   // host:port of the resolver, UDP and TCP; "" when the lab is in memory only
	Proxy string   // URL of the HTTP proxy; "" with real ports
	Ports []string // host:port of the services, with real ports
	CA    []byte   // certificates of the lab's authorities, PEM
}

// Addresses returns where the lab is to be found. The certificates are there
// for a lab in memory too.
func (l *Lab) Addresses() Addresses {
	a := l.sockets
	a.CA = l.ca()
	return a
}

// Flags are the command's arguments for a lab on loopback, with the
// authorities' certificates in a file of the caller's. They hold what the fault
// needs to be known, but for a clock that is off.
func (l *Lab) Flags(caFile string) []string {
	args := []string{"--dns", l.sockets.DNS, "--ca", caFile}
	if l.sockets.Proxy != "" {
		args = append(args, "--proxy", l.sockets.Proxy)
	}
	if s := l.world.setting; s.Client != "" {
		args = append(args, "--client", s.Client)
	}
	return append(args, "--location", l.world.setting.Location)
}

// listen opens the sockets, on loopback only.
func (l *Lab) listen(realPorts bool) error {
	datagrams, stream, err := listenBoth()
	if err != nil {
		return err
	}
	l.sockets.DNS = stream.Addr().String()
	l.open(datagrams, func() { _ = l.resolver.ServePacket(datagrams) })
	l.open(stream, func() { _ = l.resolver.ServeListener(stream) })
	if realPorts {
		return l.listenReal()
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.sockets.Proxy = "http://" + ln.Addr().String()
	way := l.proxy()
	if l.world.way != nil { // the lab's own proxy, with what it refuses
		if l.world.hosts[gateway].ports[8080].reach != listening {
			return ln.Close() // its address answers nobody
		}
		way = l.world.way
	}
	server := &http.Server{Handler: way, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	l.open(server, func() { _ = server.Serve(ln) })
	return nil
}

// listenBoth finds a port that is free for UDP and TCP.
func listenBoth() (net.PacketConn, net.Listener, error) {
	var last error
	for range 10 {
		datagrams, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		stream, err := net.Listen("tcp4", datagrams.LocalAddr().String())
		if err == nil {
			return datagrams, stream, nil
		}
		datagrams.Close()
		last = err
	}
	return nil, nil, last
}

// open runs what serves a socket, until the lab ends.
func (l *Lab) open(socket io.Closer, serve func()) {
	l.wg.Go(serve)
	l.wg.Go(func() {
		<-l.ctx.Done()
		socket.Close()
	})
}

// listenReal binds every service at its own address.
func (l *Lab) listenReal() error {
	for address, at := range l.places {
		switch at.port.reach {
		case filtered:
			return fmt.Errorf("%s port %d is silent in this lab, and loopback cannot drop packets: use the proxy instead of real ports", at.name, address.Port())
		case refused:
			continue
		}
		ln, err := net.Listen("tcp", address.String())
		if err != nil {
			return fmt.Errorf("bind real ports (%s): %w", at.name, err)
		}
		l.sockets.Ports = append(l.sockets.Ports, ln.Addr().String())
		l.open(ln, func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				l.note("tcp", at.name, fmt.Sprintf("%d connected", address.Port()))
				l.wg.Go(func() { l.serve(c, at) })
			}
		})
	}
	slices.Sort(l.sockets.Ports)
	return nil
}

// proxy is an HTTP proxy that leads into the lab: CONNECT for everything (RFC
// 9110 section 9.3.6), absolute URLs for plain HTTP. What is refused gives 502,
// what is silent no answer at all.
func (l *Lab) proxy() http.Handler {
	forward := &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {}, // the URL is absolute already
		Transport: &http.Transport{DialContext: l.dialName, DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			l.tunnel(w, r)
		case r.URL.Scheme == "http":
			forward.ServeHTTP(w, r)
		default:
			http.Error(w, "this is the lab's proxy: send CONNECT", http.StatusBadRequest)
		}
	})
}

func (l *Lab) tunnel(w http.ResponseWriter, r *http.Request) {
	far, err := l.dialName(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		far.Close()
		return
	}
	// The server no longer knows this connection, so the lab has to end it.
	stop := context.AfterFunc(l.ctx, func() { near.Close() })
	defer stop()
	defer near.Close()
	defer far.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, err := io.Copy(near, far)
		if err != nil {
			reset(near)
			return
		}
		halfClose(near)
	}()
	_, _ = io.Copy(far, buffered)
	halfClose(far)
	<-back
}

// halfClose passes the end of one direction on.
func halfClose(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// dialName is dial for clients that leave names to their proxy.
func (l *Lab) dialName(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return l.dial(ctx, network, address)
	}
	ip, err := l.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	return l.dial(ctx, network, net.JoinHostPort(ip, port))
}

func (l *Lab) lookup(ctx context.Context, host string) (string, error) {
	c, err := l.dial(ctx, "udp", resolverAddress.String())
	if err != nil {
		return "", err
	}
	defer c.Close()
	query := new(dns.Msg).SetQuestion(dns.Fqdn(host), dns.TypeA)
	answer, _, err := new(dns.Client).ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: c})
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", host, err)
	}
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			return a.A.String(), nil
		}
	}
	return "", fmt.Errorf("look up %s: %s", host, dns.RcodeToString[answer.Rcode])
}
