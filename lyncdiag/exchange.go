package lyncdiag

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
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

	resolved, connected, secured chan struct{} // closed when that part has ended, well or not

	mu     sync.Mutex
	seen   fact.Endpoint
	err    error         // why there is no connection; nil while one can be had
	weak   bool          // a session was taken whose chain is only weak
	strict bool          // no such session is taken any more
	asked  chan struct{} // closed when the authorities have been asked; nil: nobody asks them
	about  *certs.Standing
	ready  []net.Conn
	coming int           // further connections under way that nobody has taken
	spares chan net.Conn // hands those over, nil for one that failed
}

func newExchange(w *wire, host string, port uint16, secure bool, conns int) *exchange {
	return &exchange{wire: w, secure: secure, coming: conns - 1, spares: make(chan net.Conn, conns),
		resolved: make(chan struct{}), connected: make(chan struct{}), secured: make(chan struct{}),
		seen: fact.Endpoint{Host: host, Port: port}}
}

// run makes conns connections at once; the first one is the one observed.
func (x *exchange) run(conns int) {
	defer close(x.secured)
	host := x.wire.resolve(x.wire.ctx, x.seen.Host)
	if len(host.Addresses) == 0 && over(x.wire.ctx) {
		x.fail(cut(x.wire.ctx))
		close(x.resolved)
		close(x.connected)
		return
	}
	x.note(func(e *fact.Endpoint) { e.Resolve = host })
	if len(host.Addresses) == 0 {
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
	conn, address, err := x.dial(x.wire.ctx)
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
		reach.AtProxy = atProxy(err)
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
	conn, _, err := x.dial(ctx)
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

// attemptDelay is RFC 8305's: how long the next address waits for the one
// before it.
const attemptDelay = 250 * time.Millisecond

// maxAddresses bounds how many addresses of a host are tried.
const maxAddresses = 8

// dial connects to the first of the host's addresses that answers.
func (x *exchange) dial(ctx context.Context) (net.Conn, netip.AddrPort, error) {
	addresses := x.endpoint().Resolve.Addresses
	if len(addresses) > maxAddresses {
		addresses = addresses[:maxAddresses]
	}
	ctx, cancel := context.WithTimeout(ctx, x.wire.network.exchange())
	defer cancel()
	type attempt struct {
		conn    net.Conn
		address netip.AddrPort
		err     error
	}
	results := make(chan attempt)
	next := make(chan struct{}, len(addresses)) // a refused address lets the next one start at once
	for i, ip := range addresses {
		address := netip.AddrPortFrom(ip, x.seen.Port)
		x.wire.wg.Go(func() {
			delay := time.NewTimer(time.Duration(i) * attemptDelay)
			defer delay.Stop()
			if i > 0 {
				select {
				case <-delay.C:
				case <-next:
				case <-ctx.Done():
				}
			}
			conn, err := x.wire.connect(ctx, address)
			next <- struct{}{}
			select {
			case results <- attempt{conn, address, err}:
			case <-ctx.Done():
				if conn != nil {
					conn.Close()
				}
			}
		})
	}
	var errs []error
	for range addresses {
		select {
		case a := <-results:
			if a.err == nil {
				return a.conn, a.address, nil
			}
			errs = append(errs, a.err)
		case <-ctx.Done():
			errs = append(errs, os.ErrDeadlineExceeded)
			return nil, netip.AddrPortFrom(addresses[0], x.seen.Port), errors.Join(errs...)
		}
	}
	return nil, netip.AddrPortFrom(addresses[0], x.seen.Port), errors.Join(errs...)
}

// connect opens a TCP connection, through the proxy when there is one.
func (w *wire) connect(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	if w.network.Proxy == nil {
		return w.network.DialContext(ctx, "tcp", address.String())
	}
	return w.tunnel(ctx, w.network.Proxy, address.String())
}

// tunnel asks an HTTP proxy for a connection (RFC 9110 section 9.3.6).
func (w *wire) tunnel(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	port := proxy.Port()
	if port == "" {
		port = "8080"
	}
	host := w.resolve(ctx, proxy.Hostname())
	if len(host.Addresses) == 0 {
		return nil, &proxyError{host: proxy.Host, detail: fmt.Sprintf("does not resolve (%s)", host.Status)}
	}
	conn, err := w.network.DialContext(ctx, "tcp", net.JoinHostPort(host.Addresses[0].String(), port))
	if err != nil {
		return nil, &proxyError{host: proxy.Host, detail: "cannot be reached: " + plain(err)}
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if err := request.Write(conn); err != nil {
		conn.Close()
		return nil, &proxyError{host: proxy.Host, detail: "hangs up: " + plain(err)}
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err() // silent: a host behind it that does not answer looks like this too
		}
		return nil, &proxyError{host: proxy.Host, detail: "gives no HTTP answer: " + plain(err)}
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		conn.Close()
		return nil, &proxyError{host: proxy.Host, status: response.StatusCode, detail: fmt.Sprintf("answers %d to CONNECT", response.StatusCode)}
	}
	if reader.Buffered() > 0 {
		conn.Close()
		return nil, &proxyError{host: proxy.Host, detail: "spoke before the tunnel was used"}
	}
	return conn, nil
}

// proxyError is trouble with the proxy, or its refusal.
type proxyError struct {
	host   string
	status int // of its answer, 0 without one
	detail string
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("proxy %s %s", e.host, e.detail)
}

// atProxy reports whether a dial failed at the proxy. Its 502 and 504 speak of
// the host behind it.
func atProxy(err error) bool {
	var proxy *proxyError
	return errors.As(err, &proxy) && proxy.status != http.StatusBadGateway && proxy.status != http.StatusGatewayTimeout
}

// portStatus puts a dial's outcome into PortQry's words (KB 832919). A proxy's
// 502 is its word for "refused".
func portStatus(err error) fact.PortStatus {
	var proxy *proxyError
	switch {
	case err == nil:
		return fact.Listening
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaECONNREFUSED):
		return fact.NotListening
	case errors.As(err, &proxy) && proxy.status == http.StatusBadGateway:
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
