package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// server is a host and port of the command line.
type server struct {
	given string
	host  string
	port  uint16
}

func (n *networkFlags) servers(args []string, port uint16) ([]server, error) {
	if err := n.bareLab(args); err != nil {
		return nil, err
	}
	var list []server
	for _, arg := range args {
		host, number, err := splitServer(arg, port)
		if err != nil {
			return nil, fmt.Errorf("read arguments: %w", err)
		}
		list = append(list, server{arg, host, number})
	}
	return list, nil
}

// look says how far one looks at a server.
type look int

const (
	lookPort look = iota
	lookTLS
	lookSIP
)

// observe is a plan of one stage that looks at servers, all at the same time,
// and records them as registrars of manual configuration.
func observe(title string, servers []server, depth look, address string) func(*session) lyncdiag.Plan {
	return func(s *session) lyncdiag.Plan {
		return lyncdiag.Plan{{ID: lyncdiag.StageID(strings.ToLower(title)), Title: title, Probe: func(ctx context.Context, env *lyncdiag.Env) error {
			seen := make([]fact.Candidate, len(servers))
			var all sync.WaitGroup
			for i, v := range servers {
				all.Go(func() { seen[i] = candidate(ctx, env, v, depth, address) })
			}
			all.Wait()
			fact.Put(env.Facts, fact.CandidatesKey, seen, env.Origin())
			return context.Cause(ctx)
		}}}
	}
}

func candidate(ctx context.Context, env *lyncdiag.Env, v server, depth look, address string) fact.Candidate {
	c := fact.Candidate{Via: []fact.Via{fact.ViaManual}}
	c.Host, c.Port = v.host, v.port
	conn := connect(ctx, env, &c.Endpoint)
	if conn == nil {
		return c
	}
	defer conn.Close()
	if depth == lookPort {
		return c
	}
	session, result := env.Network.Verifier().Handshake(ctx, conn, v.host)
	result.Address = c.Reach.Address
	c.TLS = result
	if session == nil || depth == lookTLS || !result.Verified {
		return c
	}
	client := &sip.Client{UserAgent: env.Setting.UserAgent, Now: env.Network.Now}
	c.SIP = client.Register(ctx, session, address)
	return c
}

// connect resolves the host and opens a connection to the first of its
// addresses that answers; nil: the endpoint says why there is none.
func connect(ctx context.Context, env *lyncdiag.Env, e *fact.Endpoint) net.Conn {
	e.Resolve = env.Resolver().LookupHost(ctx, e.Host)
	if len(e.Resolve.Addresses) == 0 {
		e.Reach = fact.Reach{Status: fact.Unresolved, Detail: string(e.Resolve.Status)}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lyncdiag.DefaultExchange)
	defer cancel()
	start := time.Now()
	var conn net.Conn
	var err error
	for _, ip := range e.Resolve.Addresses {
		if conn, err = dial(ctx, env, netip.AddrPortFrom(ip, e.Port)); err == nil {
			e.Reach.Address = ip.String()
			break
		}
	}
	e.Reach.Elapsed = time.Since(start)
	if e.Reach.Address == "" {
		e.Reach.Address = e.Resolve.Addresses[0].String()
	}
	e.Reach.Status, e.Reach.Detail = reach(err)
	return conn
}

// proxyError is a proxy's refusal; its 502 is its word for "refused".
type proxyError int

func (e proxyError) Error() string { return fmt.Sprintf("the proxy answered %d to CONNECT", int(e)) }

// reach puts a dial's outcome into PortQry's words. 10061 is Winsock's number.
func reach(err error) (fact.PortStatus, string) {
	var timeout net.Error
	switch {
	case err == nil:
		return fact.Listening, ""
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.Errno(10061)), errors.Is(err, proxyError(http.StatusBadGateway)):
		return fact.NotListening, "connection refused"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fact.Filtered, "no answer"
	}
	return fact.Filtered, oneLine(err)
}

func dial(ctx context.Context, env *lyncdiag.Env, to netip.AddrPort) (net.Conn, error) {
	open := env.Network.Dial
	if open == nil {
		open = new(net.Dialer).DialContext
	}
	proxy := env.Network.Proxy
	if proxy == nil {
		return open(ctx, "tcp", to.String())
	}
	host := env.Resolver().LookupHost(ctx, proxy.Hostname())
	if len(host.Addresses) == 0 {
		return nil, fmt.Errorf("look up proxy %s: %s", proxy.Hostname(), host.Status)
	}
	conn, err := open(ctx, "tcp", net.JoinHostPort(host.Addresses[0].String(), cmp.Or(proxy.Port(), "8080")))
	if err != nil {
		return nil, fmt.Errorf("connect to proxy %s: %w", proxy.Host, err)
	}
	if err := tunnel(ctx, conn, to.String()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// tunnel asks an HTTP proxy for a connection (RFC 9110 section 9.3.6).
func tunnel(ctx context.Context, conn net.Conn, to string) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to}, Host: to, Header: http.Header{}}
	if err := request.Write(conn); err != nil {
		return fmt.Errorf("ask proxy: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return fmt.Errorf("read answer of proxy: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return proxyError(response.StatusCode)
	}
	return nil
}
