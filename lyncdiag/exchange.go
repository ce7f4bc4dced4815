package lyncdiag

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// exchange is one host of a run, from its name to a TLS session. Everything
// that wants the host shares it: stages wait for its milestones, HTTP and SIP
// take its connections.
type exchange struct {
	wire   *wire
	secure bool
	direct bool // not through the proxy

	resolved, connected, secured chan struct{} // closed when that part has ended, well or not
	settled                      chan struct{} // closed when each address family has been tried

	mu       sync.Mutex
	seen     fact.Endpoint
	families []fact.Reach  // one for each family, IPv4 first
	err      error         // why there is no connection; nil while one can be had
	weak     bool          // a session was taken whose chain is only weak
	strict   bool          // no such session is taken any more
	asked    chan struct{} // closed when the authorities have been asked; nil: nobody asks them
	about    *certs.Standing
	ready    []net.Conn
	coming   int           // further connections under way that nobody has taken
	spares   chan net.Conn // hands those over, nil for one that failed
}

func newExchange(w *wire, host string, port uint16, secure bool, conns int) *exchange {
	return &exchange{wire: w, secure: secure, coming: conns - 1, spares: make(chan net.Conn, conns),
		resolved: make(chan struct{}), connected: make(chan struct{}), secured: make(chan struct{}), settled: make(chan struct{}),
		seen: fact.Endpoint{Host: host, Port: port}}
}

// run makes conns connections at once; the first one is the one observed.
func (x *exchange) run(conns int) {
	defer close(x.secured)
	settle := true // dial does it later where there is more than one family
	defer func() {
		if settle {
			close(x.settled)
		}
	}()
	host := x.wire.resolve(x.wire.ctx, x.seen.Host)
	if len(host.Addresses) == 0 && over(x.wire.ctx) {
		x.fail(cut(x.wire.ctx))
		close(x.resolved)
		close(x.connected)
		return
	}
	x.note(func(e *fact.Endpoint) { e.Resolve = host })
	if len(host.Addresses) == 0 && !x.tunnelled() {
		x.note(func(e *fact.Endpoint) { e.Reach = fact.Reach{Status: fact.Unresolved, Detail: string(host.Status)} })
		x.fail(fmt.Errorf("look up %s: %s", x.seen.Host, host.Status))
		close(x.resolved)
		close(x.connected)
		return
	}
	close(x.resolved)

	for range conns - 1 {
		x.wire.wg.Go(func() {
			conn, err := x.another(x.wire.ctx)
			if err != nil {
				conn = nil
			}
			x.spares <- conn
		})
	}

	start := x.wire.network.now()
	settle = x.tunnelled()
	conn, address, err := x.dial(x.wire.ctx, true)
	if err != nil && over(x.wire.ctx) {
		// The run ended, not the host's time: nothing is known of it.
		x.fail(cut(x.wire.ctx))
		close(x.connected)
		return
	}
	reach := fact.Reach{Status: portStatus(err), Elapsed: x.wire.network.now().Sub(start)}
	if address.IsValid() {
		reach.Address = address.Addr().String()
	}
	if err != nil {
		reach.Detail = plain(err)
		reach.AtProxy, reach.NoRoute, reach.BadGateway = atProxy(err), noRoute(err), badGateway(err)
		if len(host.Addresses) == 0 {
			reach.Status = fact.Unresolved // neither here nor, as far as is known, at the proxy
		}
	}
	x.note(func(e *fact.Endpoint) { e.Reach = reach })
	if err != nil {
		x.fail(fmt.Errorf("connect to %s:%d: %w", x.seen.Host, x.seen.Port, err))
		close(x.connected)
		return
	}
	close(x.connected)
	if !x.secure {
		x.keep(conn)
		return
	}
	session, result := x.wire.verifier.Handshake(x.wire.ctx, conn, x.seen.Host)
	if session == nil && over(x.wire.ctx) {
		x.fail(cut(x.wire.ctx))
		return
	}
	if session == nil && unreadable(result) {
		result = x.readInClear(result)
	}
	result.Address = reach.Address
	if session != nil && x.wire.keep != nil {
		x.wire.keep(Kept{Host: x.seen.Host, Port: x.seen.Port, Chain: session.ConnectionState().PeerCertificates})
	}
	x.note(func(e *fact.Endpoint) { e.TLS = result })
	x.inquire(session)
	if err := x.accept(result); err != nil {
		x.fail(fmt.Errorf("TLS with %s:%d: %w", x.seen.Host, x.seen.Port, err))
		if session != nil {
			session.Close()
		}
		return
	}
	x.keep(session)
}

// accept says whether a session can be used. One with a chain that is only weak can,
// as the clients take it too, until a password is to be sent over this exchange.
func (x *exchange) accept(result *certs.Result) error {
	err := result.Err()
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil || !result.WeakOnly || x.strict {
		return err
	}
	x.weak = true
	return nil
}

// verified makes sure that every session of an exchange is with a chain that
// verifies, those to come among them, and reports whether it is so.
func (x *exchange) verified() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.strict = true
	return !x.weak && x.seen.TLS != nil && x.seen.TLS.Verified
}

func (x *exchange) note(f func(*fact.Endpoint)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(&x.seen)
}

func (x *exchange) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.err = err
}

func (x *exchange) keep(conn net.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ready = append(x.ready, conn)
}

func (x *exchange) discard() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.ready {
		c.Close()
	}
	x.ready = nil
	for {
		select {
		case c := <-x.spares:
			if c != nil {
				c.Close()
			}
		default:
			return
		}
	}
}

// endpoint is what has been seen so far.
func (x *exchange) endpoint() fact.Endpoint {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen
}

// over reports whether a context has ended, or ends at this very moment: a
// connection's deadline may come before the context's own.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// cut is why a context that is over has ended.
func cut(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

// await waits for a milestone and returns what has been seen by then. A run
// that is over gives its error, whatever else came at the same moment.
func (x *exchange) await(ctx context.Context, milestone <-chan struct{}) (fact.Endpoint, error) {
	select {
	case <-milestone:
	case <-ctx.Done():
	}
	if over(ctx) {
		return x.endpoint(), cut(ctx)
	}
	return x.endpoint(), nil
}

// take returns a verified connection, or why there is none.
func (x *exchange) take(ctx context.Context) (net.Conn, error) {
	select {
	case <-x.secured:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	x.mu.Lock()
	err := x.err
	var conn net.Conn
	if n := len(x.ready); n > 0 {
		conn, x.ready = x.ready[n-1], x.ready[:n-1]
	}
	wait := err == nil && conn == nil && x.coming > 0
	if wait {
		x.coming--
	}
	x.mu.Unlock()
	if err != nil || conn != nil {
		return conn, err
	}
	if wait {
		select {
		case conn = <-x.spares:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if conn != nil {
			return conn, nil
		}
	}
	return x.another(ctx)
}

// another makes one more connection, not observed.
func (x *exchange) another(ctx context.Context) (net.Conn, error) {
	conn, _, err := x.dial(ctx, false)
	if err != nil || !x.secure {
		return conn, err
	}
	session, result := x.wire.verifier.Handshake(ctx, conn, x.seen.Host)
	if err := x.accept(result); err != nil {
		if session != nil {
			session.Close()
		}
		return nil, err
	}
	return session, nil
}

// tunnelled reports whether the proxy makes the connections.
func (x *exchange) tunnelled() bool { return !x.direct && x.wire.proxied(x.seen.Host) }

// throughProxy connects by the proxy, which looks the name up itself.
func (x *exchange) throughProxy(ctx context.Context) (net.Conn, netip.AddrPort, error) {
	conn, err := x.wire.tunnel(ctx, x.seen.Host, x.seen.Port)
	if errors.Is(err, context.DeadlineExceeded) || err != nil && ctx.Err() != nil {
		err = x.wire.silence(x)
	}
	return conn, netip.AddrPort{}, err
}

// portStatus puts a dial's outcome into PortQry's words (KB 832919).
func portStatus(err error) fact.PortStatus {
	switch {
	case err == nil:
		return fact.Listening
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaECONNREFUSED):
		return fact.NotListening
	}
	return fact.Filtered
}

// wsaECONNREFUSED is Winsock's number, which Go does not map to ECONNREFUSED.
const wsaECONNREFUSED = syscall.Errno(10061)

// plain is an error in words that mean the same on every system.
func plain(err error) string {
	var timeout net.Error
	switch {
	case portStatus(err) == fact.NotListening:
		return "connection refused"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	}
	return err.Error()
}
