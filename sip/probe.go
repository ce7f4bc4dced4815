package sip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Client asks a registrar what it offers. The zero value works.
type Client struct {
	// UserAgent is sent as is; "" sends "UCCAPI/16.0.6965.5308 OC/16.0.6965.2117", since a server's version filter may refuse
	// an unknown name.
	UserAgent string
	Timeout   time.Duration    // of the whole exchange, 0 for 5 s
	Now       func() time.Time // clock for SentAt and AnsweredAt, nil for time.Now
}

// Problem is why a probe has no final answer, "" if it has one:
//
//	bad-address  the address cannot stand in a REGISTER; nothing was sent
//	no-answer    the peer stayed silent until the time-out
//	closed       the peer closed the connection without an answer
//	reset        the peer or something between reset the connection
//	not-sip      the peer speaks another protocol
//	malformed    the answer is broken, cut short, or belongs to another call
//	too-large    the answer exceeds 64 KiB of headers or of body
//	canceled     the context was canceled
//	failed       writing or reading failed in another way; Detail has the error
type Problem string

const (
	problemBadAddress Problem = "bad-address"
	problemNoAnswer   Problem = "no-answer"
	problemClosed     Problem = "closed"
	problemReset      Problem = "reset"
	problemNotSIP     Problem = "not-sip"
	problemMalformed  Problem = "malformed"
	problemTooLarge   Problem = "too-large"
	problemCanceled   Problem = "canceled"
	problemFailed     Problem = "failed"
)

// ProbeResult is what a registrar answered to a REGISTER without credentials. From a healthy one that is status 401 with challenges.
type ProbeResult struct {
	Server       string       `json:"server"` // TLS server name of the connection, else the peer's address
	Status       int          `json:"status"` // of the final answer, 0 without one
	Reason       string       `json:"reason"`
	Challenges   []Challenge  `json:"challenges"`
	ServerHeader string       `json:"serverHeader"`
	Contact      string       `json:"contact"`   // where a redirect leads
	KeepAlive    string       `json:"keepAlive"` // ms-keep-alive of the answer, "" if it has none
	Allow        []string     `json:"allow"`     // methods that the answer allows, nil if it says nothing of them
	Diagnostics  []Diagnostic `json:"diagnostics"`
	Date         time.Time    `json:"date"` // server's clock in UTC, to the second; zero if not told
	SentAt       time.Time    `json:"sentAt"`
	AnsweredAt   time.Time    `json:"answeredAt"` // zero without an answer
	Problem      Problem      `json:"problem"`
	Detail       string       `json:"detail"`
}

const (
	defaultUserAgent = "UCCAPI/16.0.6965.5308 OC/16.0.6965.2117"
	maxAnswer        = 64 << 10 // of headers, and again of body
	maxIgnored       = 32       // provisional answers, requests and strangers before the final answer
)

// Register sends one REGISTER without credentials for address (user@domain, a leading "sip:" is taken off; the domain in
// its ASCII form) over conn and reads the final answer. Nobody is registered and nobody signed out: a registrar challenges first,
// and a challenge is not taken up; one that does not challenge is asked to remove a contact it never had (Expires: 0, RFC 3261
// section 10.2.2). conn is left open and without deadline; what follows the answer on it is lost. It never returns nil; errors are ProbeResult.Problem.
func (c *Client) Register(ctx context.Context, conn net.Conn, address string) *ProbeResult {
	return c.ask(ctx, conn, "REGISTER", address)
}

// Options sends OPTIONS (RFC 3261 section 11) in the same way, as a first request or after Register on the same
// connection. That the peer closed the connection in between is Problem "closed" or "reset".
func (c *Client) Options(ctx context.Context, conn net.Conn, address string) *ProbeResult {
	return c.ask(ctx, conn, "OPTIONS", address)
}

func (c *Client) ask(ctx context.Context, conn net.Conn, method, address string) *ProbeResult {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	now := c.Now
	if now == nil {
		now = time.Now
	}
	res := &ProbeResult{Server: peerName(conn)}
	user, domain, detail := splitAddress(address)
	if detail != "" {
		res.Problem, res.Detail = problemBadAddress, detail
		return res
	}
	// A deadline in the past wakes reads and writes that a silent peer holds up.
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		conn.SetDeadline(time.Unix(1, 0))
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken
		}
		conn.SetDeadline(time.Time{})
	}()
	callID := strings.ToLower(rand.Text())
	request := c.request(conn, method, user, domain, callID)
	res.SentAt = now().UTC()
	// Writing beside reading: a peer that speaks first, or refuses early, may not read the request at all.
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(request)
		written <- err
	}()
	a := answerReader{in: bufio.NewReaderSize(conn, 4096), callID: callID, method: method}
	msg, problem, detail := a.final()
	if msg != nil {
		res.AnsweredAt = now().UTC()
		res.take(msg)
	}
	res.Problem, res.Detail = problem, detail
	if problem != "" && ctx.Err() != nil && !a.spoke {
		res.Problem, res.Detail = problemNoAnswer, "nothing came back within the time-out"
	}
	if problem != "" && errors.Is(ctx.Err(), context.Canceled) {
		res.Problem, res.Detail = problemCanceled, context.Cause(ctx).Error()
	}
	conn.SetDeadline(time.Unix(1, 0)) // a write still blocked ends here
	<-written
	res.Detail = strings.ToValidUTF8(res.Detail, "\uFFFD")
	return res
}

func (r *ProbeResult) take(m *Message) {
	valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	r.Status, r.Reason = m.Status, valid(m.Reason)
	r.Challenges, r.Diagnostics = Challenges(m), Diagnostics(m)
	r.ServerHeader, r.Contact = valid(m.Get("Server")), ""
	if m.Status >= 300 && m.Status < 400 {
		r.Contact = valid(Address(m.Get("Contact")))
	}
	r.Date = parseDate(m.Get("Date"))
	r.KeepAlive = valid(m.Get("ms-keep-alive"))
	for _, value := range m.Values("Allow") {
		for name := range strings.SplitSeq(valid(value), ",") {
			if name = strings.TrimSpace(name); name != "" && len(r.Allow) < 64 {
				r.Allow = append(r.Allow, name)
			}
		}
	}
}

// Challenged reports whether a Lync client can go on from the answer: it asks for credentials, and by a scheme that the
// clients know (NTLM, Kerberos or TLS-DSK, [MS-SIPAE] section 1.7).
func (r *ProbeResult) Challenged() bool {
	return r != nil && (r.Status == 401 || r.Status == 407) && slices.ContainsFunc(r.Challenges, func(c Challenge) bool {
		return c.Scheme == "NTLM" || c.Scheme == "Kerberos" || c.Scheme == "TLS-DSK"
	})
}

// Redirect is where a 3xx answer leads: host and port of its Contact, the port of SIP over TLS (5061) where it names none.
// ok is false for every other answer, and where the Contact names no host or asks for UDP or TCP.
func (r *ProbeResult) Redirect() (host string, port uint16, ok bool) {
	if r == nil || r.Status < 300 || r.Status > 399 {
		return "", 0, false
	}
	rest, isSIP := cutPrefixFold(r.Contact, "sip:")
	if !isSIP {
		if rest, isSIP = cutPrefixFold(r.Contact, "sips:"); !isSIP {
			return "", 0, false
		}
	}
	rest, params, _ := strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "?")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	for param := range strings.SplitSeq(params, ";") {
		if transport, named := cutPrefixFold(param, "transport="); named && !strings.EqualFold(transport, "tls") {
			return "", 0, false
		}
	}
	host, port = rest, 5061
	if h, p, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, false
		}
		host, port = h, uint16(n)
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "" || len(host) > 253 || strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("/\\@<>\"%", c) }) {
		return "", 0, false
	}
	return host, port, true
}

// request builds the REGISTER as the client sends it ([MS-SIPREGE] section 4.1; RFC 3261 section 10.2).
func (c *Client) request(conn net.Conn, method, user, domain, callID string) []byte {
	userAgent := c.UserAgent
	if userAgent == "" {
		userAgent = defaultUserAgent
	}
	userAgent = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, userAgent)
	// RFC 2606: a connection without an IP address, as in tests and tunnels, has no name to give.
	local := "lyncdiag.invalid"
	if addr, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		local = addr.String()
	}
	u := "sip:" + user + "@" + domain
	id := strings.ToLower(rand.Text())
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s sip:%s SIP/2.0\r\n", method, domain)
	fmt.Fprintf(&b, "Via: SIP/2.0/TLS %s;branch=z9hG4bK%s\r\n", local, id[:16])
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: <%s>;tag=%s;epid=%s\r\nTo: <%s>\r\n", u, id[:10], id[10:20], u)
	fmt.Fprintf(&b, "Call-ID: %s\r\nCSeq: 1 %s\r\n", callID, method)
	if method == "OPTIONS" {
		fmt.Fprintf(&b, "Accept: application/sdp\r\nUser-Agent: %s\r\nContent-Length: 0\r\n\r\n", userAgent)
		return b.Bytes()
	}
	fmt.Fprintf(&b, "Contact: <sip:%s;transport=tls;ms-opaque=%s>;methods=\"INVITE, MESSAGE, INFO, OPTIONS, BYE, CANCEL, NOTIFY, ACK, REFER, BENOTIFY\";proxy=replace\r\n", local, id[16:26])
	fmt.Fprintf(&b, "Expires: 0\r\nUser-Agent: %s\r\nSupported: gruu-10, adhoclist, msrtc-event-categories\r\n", userAgent)
	b.WriteString("ms-keep-alive: UAC;hop-hop=yes\r\nEvent: registration\r\nContent-Length: 0\r\n\r\n")
	return b.Bytes()
}

// splitAddress checks user@domain and percent-encodes the user part as RFC 3261 section 25.1 demands.
func splitAddress(address string) (user, domain, problem string) {
	if rest, ok := cutPrefixFold(address, "sip:"); ok {
		address = rest
	}
	user, domain, ok := strings.Cut(address, "@")
	if !ok || user == "" || domain == "" {
		return "", "", "address is not of the form user@domain"
	}
	if len(address) > 1024 {
		return "", "", "address is longer than 1024 bytes"
	}
	for i := range len(domain) {
		c := domain[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return "", "", fmt.Sprintf("domain has the character %q; a Unicode domain must be given in its ASCII form", rune(c))
		}
	}
	const unreserved = "-_.!~*'()&=+$,;?/"
	var b strings.Builder
	for i := range len(user) {
		c := user[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(unreserved, c) >= 0:
			b.WriteByte(c)
		case c <= ' ' || c == 0x7f:
			return "", "", "address has white space or a control character"
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String(), domain, ""
}

func peerName(conn net.Conn) string {
	if t, ok := conn.(*tls.Conn); ok {
		if name := t.ConnectionState().ServerName; name != "" {
			return name
		}
	}
	if addr := conn.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}

// answerReader takes the final answer out of whatever a peer sends.
type answerReader struct {
	in       *bufio.Reader
	callID   string
	method   string
	spoke    bool // the peer sent more than keep-alives
	stranger bool // an answer to another call was passed over
}

func (a *answerReader) final() (*Message, Problem, string) {
	for range maxIgnored {
		head, problem, detail := a.head()
		if problem != "" {
			if a.stranger && problem != problemTooLarge {
				return nil, problemMalformed, "the only answer belongs to another call"
			}
			return nil, problem, detail
		}
		m, err := ParseMessage(head)
		if err != nil || m.Version == "" {
			return nil, problemNotSIP, "the peer sent " + excerpt(head)
		}
		length, known := m.contentLength()
		if length > maxAnswer {
			if a.mine(m) && m.Status >= 200 {
				return m, problemTooLarge, fmt.Sprintf("the answer announces a body of more than %d bytes", maxAnswer)
			}
			return nil, problemTooLarge, fmt.Sprintf("a message announces a body of more than %d bytes", maxAnswer)
		}
		if !m.Request && m.Status >= 200 && a.mine(m) {
			// The body says nothing to a probe, and stands before whatever comes next.
			if n, err := io.CopyN(io.Discard, a.in, int64(length)); err != nil {
				return m, problemMalformed, fmt.Sprintf("the answer announces a body of %d bytes and stops after %d", length, n)
			}
			return m, "", ""
		}
		a.stranger = a.stranger || !m.Request && !a.mine(m)
		if !known && m.Get("Content-Length") != "" {
			return nil, problemMalformed, "Content-Length is no number"
		}
		if _, err := io.CopyN(io.Discard, a.in, int64(length)); err != nil {
			problem, detail := readProblem(err)
			return nil, problem, detail
		}
	}
	return nil, problemMalformed, "no final answer among many messages"
}

// mine reports whether a response answers the request: Call-ID and CSeq must be its own (RFC 3261 section 8.1.3.5).
func (a *answerReader) mine(m *Message) bool {
	num, method, ok := m.CSeq()
	return m.Get("Call-ID") == a.callID && ok && num == 1 && strings.EqualFold(method, a.method)
}

// head reads a header section with its blank line, passing over keep-alives.
func (a *answerReader) head() ([]byte, Problem, string) {
	var head []byte
	for skipped := 0; ; {
		piece, err := a.in.ReadSlice('\n')
		if len(head) == 0 && len(bytes.TrimSpace(piece)) == 0 {
			if skipped += len(piece); skipped > maxAnswer {
				return nil, problemNotSIP, "the peer sent nothing but blank lines"
			}
			piece = nil
		}
		head = append(head, piece...)
		a.spoke = a.spoke || len(head) > 0
		// Another protocol's banner may come without the blank line that ends SIP headers.
		if n := bytes.IndexByte(head, '\n'); n >= 0 && !startLine(head[:n]) {
			return nil, problemNotSIP, "the peer sent " + excerpt(head)
		}
		if len(head) > maxAnswer && bytes.IndexByte(head, '\n') < 0 && !bytes.HasPrefix(head, []byte("SIP/")) {
			return nil, problemNotSIP, "the peer sent " + excerpt(head)
		}
		if len(head) > maxAnswer {
			return nil, problemTooLarge, "the answer has more than 64 KiB of headers"
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			if len(head) == 0 {
				problem, detail := readProblem(err)
				return nil, problem, detail
			}
			if !bytes.HasPrefix([]byte("SIP/2.0 "), head[:min(len(head), 8)]) {
				if !startLine(head[:max(bytes.IndexByte(head, '\n'), 0)]) {
					return nil, problemNotSIP, "the peer sent " + excerpt(head)
				}
			}
			return nil, problemMalformed, "the answer stops within its headers"
		}
		if len(head) > 0 && len(bytes.TrimSpace(piece)) == 0 && bytes.HasSuffix(head, []byte("\n")) {
			return head, "", ""
		}
	}
}

func readProblem(err error) (Problem, string) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problemNoAnswer, "nothing came back within the time-out"
	case isReset(err):
		return problemReset, "the connection was reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return problemClosed, "the connection was closed without an answer"
	}
	return problemFailed, err.Error()
}

// isReset knows the reset of every platform: 10053 and 10054 are Windows's WSAECONNABORTED and WSAECONNRESET, which its
// syscall package does not compare equal to ECONNABORTED and ECONNRESET.
func isReset(err error) bool {
	for _, reset := range []syscall.Errno{syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, 10053, 10054} {
		if errors.Is(err, reset) {
			return true
		}
	}
	return false
}

// excerpt shows the start of what a peer sent.
func excerpt(b []byte) string {
	return fmt.Sprintf("%q", b[:min(len(b), 60)])
}
