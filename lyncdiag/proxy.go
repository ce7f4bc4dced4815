package lyncdiag

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/go-ntlmssp"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// The way through an HTTP proxy. As the clients do, it leaves names to the
// proxy: a rule of a proxy is written for a name, and a network with a proxy
// often has no DNS of the outside. HTTPS and SIP go through a tunnel (RFC 9110
// section 9.3.6), plain HTTP is handed to the proxy as such, since most proxies
// let nobody tunnel to port 80.

// defaultProxyPort stands in for a port that the proxy's URL does not name.
const defaultProxyPort = 8080

// maxProxyHead bounds the headers of an answer, maxProxyBody how much of the
// page beside a refusal is read.
const (
	maxProxyHead = 64 << 10
	maxProxyBody = 64 << 10
)

// spokeEarly: servers of TLS say nothing before the client does.
const spokeEarly = "spoke before the tunnel was used"

// proxied reports whether connections to a host go through the proxy.
func (w *wire) proxied(host string) bool {
	n := w.network
	return n.Proxy != nil && (n.Direct == nil || !n.Direct(host))
}

// gateway is the exchange with the proxy itself: who cannot reach it tries
// once, and everything behind it fails by that.
func (w *wire) gateway() *exchange {
	u := w.network.Proxy
	port := uint16(defaultProxyPort)
	if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		port = uint16(p)
	}
	key := "proxy " + exchangeKey(u.Hostname(), port, false)
	w.mu.Lock()
	defer w.mu.Unlock()
	if x, ok := w.exchanges[key]; ok {
		return x
	}
	x := newExchange(w, u.Hostname(), port, false, 1)
	x.direct = true
	w.exchanges[key] = x
	w.wg.Go(func() { x.run(1) })
	return x
}

// tunnel asks the proxy for a connection to a host.
func (w *wire) tunnel(ctx context.Context, host string, port uint16) (net.Conn, error) {
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: address}, Host: address, Header: http.Header{}}
	p, response, err := w.ask(ctx, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		p.Close()
		return nil, w.refusal(p, response)
	}
	if p.in.Buffered() > 0 {
		p.Close()
		return nil, &proxyError{host: w.network.Proxy.Host, detail: spokeEarly, answered: true}
	}
	return p.Conn, nil
}

// proxyConn is a connection to the proxy. Of an answer's head no more than left
// is read.
type proxyConn struct {
	net.Conn
	in       *bufio.Reader
	left     int
	rejected bool // the answer is a 407 to credentials, or would have been
}

func newProxyConn(conn net.Conn) *proxyConn {
	p := &proxyConn{Conn: conn}
	p.in = bufio.NewReader(p)
	return p
}

func (p *proxyConn) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, errors.New("more than 64 KiB of headers")
	}
	n, err := p.Conn.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// response reads the head of an answer; whoever reads its body bounds that.
func (p *proxyConn) response(request *http.Request) (*http.Response, error) {
	p.left = maxProxyHead
	defer func() { p.left = math.MaxInt }()
	for {
		response, err := http.ReadResponse(p.in, request)
		// An interim answer says that the final one is to come (RFC 9110 section 15.2).
		if err != nil || response.StatusCode/100 != 1 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
}

// ask sends a request to the proxy, and once more with credentials where it
// wants some, there are some and it has not rejected them. Whatever the proxy
// answers is no error. Each step has the time of one exchange, and
// waiting for another host's login counts towards none.
func (w *wire) ask(ctx context.Context, request *http.Request) (*proxyConn, *http.Response, error) {
	p, response, err := w.send(ctx, nil, request)
	if err != nil || response.StatusCode != http.StatusProxyAuthRequired {
		return p, response, err
	}
	login := newProxyLogin(w.network.Proxy.User, offers(response))
	if login == nil {
		return p, response, nil
	}
	end, err := w.login.begin(ctx)
	if err != nil {
		p.Close()
		return nil, nil, err
	}
	if end == nil {
		p.rejected = true
		return p, response, nil
	}
	outcome := loginUntried
	defer func() { end(outcome) }()
	for {
		header, err := login.next(response)
		if err != nil {
			p.Close()
			return nil, nil, &proxyError{host: w.network.Proxy.Host, detail: fmt.Sprintf("asks for %s in a way that cannot be answered", login.scheme),
				status: response.StatusCode, offers: offers(response), answered: true}
		}
		if header == "" {
			p.rejected, outcome = true, loginRejected
			return p, response, nil
		}
		request.Header.Set("Proxy-Authorization", header)
		if p, response, err = w.send(ctx, w.again(ctx, p, response), request); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				outcome = loginUnanswered
			}
			return nil, nil, err
		}
		if response.StatusCode != http.StatusProxyAuthRequired {
			outcome = loginAccepted
			return p, response, nil
		}
	}
}

// again is the connection for the next request, nil when the proxy closes it.
func (w *wire) again(ctx context.Context, p *proxyConn, response *http.Response) *proxyConn {
	ctx, cancel := context.WithTimeout(ctx, w.network.exchange())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { p.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := io.CopyN(io.Discard, response.Body, maxProxyBody)
	if response.Close || !errors.Is(err, io.EOF) {
		p.Close()
		return nil
	}
	return p
}

// send sends one request on a connection, or on a new one for nil.
func (w *wire) send(ctx context.Context, p *proxyConn, request *http.Request) (*proxyConn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, w.network.exchange())
	defer cancel()
	host := w.network.Proxy.Host
	if p == nil {
		conn, err := w.gateway().take(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			var failed *proxyError
			if errors.As(err, &failed) {
				return nil, nil, err
			}
			return nil, nil, &proxyError{host: host, detail: "cannot be reached: " + plain(err)}
		}
		p = newProxyConn(conn)
	}
	stop := context.AfterFunc(ctx, func() { p.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := request.WriteProxy(p); err != nil {
		p.Close()
		return nil, nil, &proxyError{host: host, detail: "hangs up: " + plain(err), answered: true}
	}
	response, err := p.response(request)
	if err != nil {
		p.Close()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err() // silent: a host behind it that does not answer looks like this too
		}
		return nil, nil, &proxyError{host: host, detail: "gives no HTTP answer: " + plain(err), answered: true}
	}
	return p, response, nil
}

// refusal is the error of an answer that opens no way.
func (w *wire) refusal(p *proxyConn, response *http.Response) *proxyError {
	e := &proxyError{host: w.network.Proxy.Host, status: response.StatusCode, answered: true, offers: offers(response), rejected: p.rejected}
	e.detail = fmt.Sprintf("answers %d", response.StatusCode)
	if response.Request != nil {
		e.detail += " to " + response.Request.Method
	}
	// Squid says beside its own page why it refuses: its rules, the host, DNS.
	if why := response.Header.Get("X-Squid-Error"); why != "" {
		e.detail += fmt.Sprintf(" (%.60s)", strings.ToValidUTF8(why, "?"))
	}
	return e
}

// offers are the schemes of Proxy-Authenticate, in the proxy's order. Several
// may stand in one header, between their parameters.
func offers(response *http.Response) []string {
	var list []string
	for _, value := range response.Header.Values("Proxy-Authenticate") {
		for part := range strings.SplitSeq(value, ",") {
			scheme, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if token(scheme) && len(list) < 8 {
				list = append(list, scheme)
			}
		}
	}
	return list
}

// token reports whether a word can be the name of a scheme.
func token(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// proxyLogin answers one connection's 407. Basic is the last resort, as it
// sends the password in the clear.
type proxyLogin struct {
	scheme string
	user   *url.Userinfo
	legs   int
}

func newProxyLogin(user *url.Userinfo, offered []string) *proxyLogin {
	if user == nil {
		return nil
	}
	for _, scheme := range []string{"NTLM", "Negotiate", "Basic"} {
		for _, o := range offered {
			if strings.EqualFold(o, scheme) {
				return &proxyLogin{scheme: scheme, user: user}
			}
		}
	}
	return nil
}

// next is the Proxy-Authorization for the next request, "" when there is none.
// Negotiate carries NTLM: a Kerberos ticket would take the computer's own
// credentials (RFC 4559, MS-NTHT).
func (l *proxyLogin) next(response *http.Response) (string, error) {
	l.legs++
	password, _ := l.user.Password()
	if l.scheme == "Basic" {
		if l.legs > 1 {
			return "", nil
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.user.Username()+":"+password)), nil
	}
	var token []byte
	var err error
	switch l.legs {
	case 1:
		token, err = ntlmssp.NewNegotiateMessage("", "")
	case 2:
		var challenge []byte
		if challenge, err = l.challenge(response); err != nil {
			return "", err
		}
		token, err = ntlmssp.NewAuthenticateMessage(challenge, l.user.Username(), password, nil)
	default:
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return l.scheme + " " + base64.StdEncoding.EncodeToString(token), nil
}

func (l *proxyLogin) challenge(response *http.Response) ([]byte, error) {
	for _, value := range response.Header.Values("Proxy-Authenticate") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
		if strings.EqualFold(scheme, l.scheme) && token != "" {
			return base64.StdEncoding.DecodeString(strings.TrimSpace(token))
		}
	}
	return nil, errors.New("no challenge")
}

// proxyError is trouble with the proxy, or its refusal.
type proxyError struct {
	host     string
	status   int // of its answer, 0 without one
	offers   []string
	detail   string
	answered bool // a connection to it stood
	rejected bool // it was given credentials
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("proxy %s %s", e.host, e.detail)
}

// atProxy is a dial's failure at the proxy, nil for one of the host behind it:
// its 502 and 504 speak of that host.
func atProxy(err error) *fact.ProxyAnswer {
	var proxy *proxyError
	if !errors.As(err, &proxy) || badGateway(err) != 0 {
		return nil
	}
	return &fact.ProxyAnswer{Answered: proxy.answered, Status: proxy.status, Offers: proxy.offers, Rejected: proxy.rejected, Detail: proxy.detail}
}

// badGateway is the status by which a proxy says that it does not reach a host: it
// may not know the name, be refused, or get no answer. 0: it does not say so.
func badGateway(err error) int {
	var proxy *proxyError
	if errors.As(err, &proxy) && (proxy.status == http.StatusBadGateway || proxy.status == http.StatusGatewayTimeout) {
		return proxy.status
	}
	return 0
}

// silence is why nothing came back in time: the proxy, when it has not even
// taken a connection, else whoever was asked.
func (w *wire) silence(x *exchange) error {
	if x.direct || !w.proxied(x.seen.Host) {
		return os.ErrDeadlineExceeded
	}
	switch e := w.gateway().endpoint(); e.Reach.Status {
	case fact.Listening, fact.NotListening:
		return os.ErrDeadlineExceeded
	default:
		return &proxyError{host: w.network.Proxy.Host, detail: "cannot be reached: no answer"}
	}
}

// plainHTTP hands requests for http:// to the proxy as they are.
type plainHTTP struct {
	wire *wire
	http.RoundTripper
}

func (p *plainHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "http" || !p.wire.proxied(r.URL.Hostname()) {
		return p.RoundTripper.RoundTrip(r)
	}
	c, response, err := p.wire.ask(r.Context(), r.Clone(r.Context()))
	if err == nil && response.StatusCode >= 400 && !fromOrigin(response) {
		c.Close()
		err = p.wire.refusal(c, response)
	}
	if err != nil {
		p.wire.notePlain(r.URL.Hostname(), err)
		return nil, err
	}
	response.Request = r
	stop := context.AfterFunc(r.Context(), func() { c.Close() })
	response.Body = &bodyOnConn{response.Body, c, stop}
	return response, nil
}

// fromOrigin reports whether an error page shows that it is of the host asked
// for, and not the proxy's own: a web server of Microsoft's says so, Lync adds
// X-MS- headers (seen in practice, undocumented), and a proxy has 407 for 401.
func fromOrigin(response *http.Response) bool {
	server := response.Header.Get("Server")
	if response.StatusCode == http.StatusUnauthorized || strings.HasPrefix(server, "Microsoft-IIS/") || strings.HasPrefix(server, "Microsoft-HTTPAPI/") {
		return true
	}
	for name := range response.Header {
		if strings.HasPrefix(name, "X-Ms-") {
			return true
		}
	}
	return false
}

// notePlain keeps what became of plain HTTP to a host at the proxy: there is no
// exchange that would.
func (w *wire) notePlain(host string, err error) {
	if answer := atProxy(err); answer != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.plain[strings.ToLower(host)] = fact.Reach{Status: portStatus(err), Detail: plain(err), AtProxy: answer}
	}
}

// atGateway is what notePlain kept of a host.
func (w *wire) atGateway(host string) (reach fact.Reach, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reach, ok = w.plain[strings.ToLower(host)]
	return reach, ok
}

// CloseIdleConnections is what http.Client looks for.
func (p *plainHTTP) CloseIdleConnections() {
	if c, ok := p.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// bodyOnConn ends its connection with the body.
type bodyOnConn struct {
	io.ReadCloser
	conn net.Conn
	stop func() bool
}

func (b *bodyOnConn) Close() error {
	b.stop()
	b.conn.Close()
	return nil
}
