// Package siptest is a SIP registrar for tests: it answers REGISTER as a Lync front end does, or as one with a fault. It reads
// requests with its own code, so that it does not share the mistakes of the client it serves.
package siptest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Answer is one response, as data. The zero value is the normal challenge: 401 offering NTLM, Kerberos and TLS-DSK.
type Answer struct {
	Status int    // 0 for 401
	Reason string // "" for the usual phrase
	// Schemes to offer, nil for NTLM, Kerberos and TLS-DSK. Only 401 and 407 offer any.
	Schemes []string
	// Diagnostics are header lines "ms-diagnostics: 4005;reason=...;source=...", or values alone, which become ms-diagnostics.
	Diagnostics []string
	Contact     string   // header value, for a redirect: "<sip:pool.contoso.com:443;transport=tls>"
	Headers     []string // further header lines
	Body        string
}

// Request is one request received, header names in lower case.
type Request struct {
	Method  string
	URI     string
	Headers map[string][]string
	Body    string
}

// Get returns the first value of a header, "" if there is none.
func (r Request) Get(name string) string {
	if v := r.Headers[strings.ToLower(name)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Registrar answers requests. The zero value is a healthy front end named sip.contoso.example that challenges a REGISTER
// and accepts any credentials. Set the fields before serving; methods may be called from several goroutines.
type Registrar struct {
	Name string // targetname of challenges, "" for sip.contoso.example
	// Anonymous answers a REGISTER without credentials, Credentialed one with them; a zero Status there means 200.
	Anonymous    Answer
	Credentialed Answer
	// Filter answers a REGISTER before all else, as a client version filter does, unless it returns nil. nil: no filter.
	Filter func(Request) *Answer
	// Options answers OPTIONS; a zero Status means 200.
	Options Answer
	// Once closes the connection after the first answer on it.
	Once bool

	Silent     bool                // reads and never answers
	Close      bool                // closes after reading a request, without an answer
	Banner     string              // of another protocol: sent on connection in place of SIP
	Trying     bool                // sends 100 Trying first
	KeepAlives int                 // CRLF pairs before each answer
	Chunk      int                 // bytes a write, 0 for all at once
	ForeignID  bool                // answers with another Call-ID
	Mangle     func([]byte) []byte // last hand on a response before it is sent; nil for none
	NoDate     bool                // leaves out the Date header
	Now        func() time.Time    // clock of Date, nil for time.Now

	mu       sync.Mutex
	requests []Request
}

// Requests returns what was received so far, in order; of more than 10,000 requests the oldest are missing.
func (r *Registrar) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// maxHistory bounds what a fake remembers, so that it can serve for days.
const maxHistory = 10000

// remember appends to a history; a full one loses its older half.
func remember[T any](past []T, next T) []T {
	if len(past) >= maxHistory {
		past = slices.Delete(past, 0, len(past)/2)
	}
	return append(past, next)
}

// ServeListener serves every connection of ln until ctx ends, then closes ln and the connections.
func (r *Registrar) ServeListener(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("siptest: accept: %w", err)
		}
		wg.Go(func() { _ = r.Serve(ctx, conn) })
	}
}

// Serve answers on conn until the peer closes it or ctx ends, then closes it. It returns an error only for a request that
// is not SIP or too large.
func (r *Registrar) Serve(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if r.Banner != "" {
		if r.write(conn, []byte(r.Banner)) != nil {
			return nil
		}
		_, _ = io.Copy(io.Discard, conn)
		return nil
	}
	in := bufio.NewReader(conn)
	for {
		req, lines, err := readRequest(in)
		if errors.Is(err, errNotSIP) {
			return err
		}
		if err != nil {
			return nil // the peer has gone
		}
		r.mu.Lock()
		r.requests = remember(r.requests, req)
		r.mu.Unlock()
		if r.Close {
			return nil
		}
		if r.Silent || req.Method == "ACK" {
			continue
		}
		if r.Trying && r.write(conn, r.response(req, lines, 100, "Trying", nil, "")) != nil {
			return nil
		}
		if r.write(conn, r.answer(req, lines)) != nil || r.Once {
			return nil
		}
	}
}

func (r *Registrar) answer(req Request, lines []string) []byte {
	a := r.Anonymous
	var filtered *Answer
	if r.Filter != nil && req.Method == "REGISTER" {
		filtered = r.Filter(req)
	}
	switch {
	case filtered != nil:
		a = *filtered
	case req.Method == "OPTIONS":
		if a = r.Options; a.Status == 0 {
			a.Status = 200
			a.Headers = append(slices.Clone(a.Headers), "Allow: REGISTER, INVITE, ACK, BYE, CANCEL, OPTIONS")
		}
	case req.Method != "REGISTER":
		a = Answer{Status: 405}
	case req.Get("authorization") != "" || req.Get("proxy-authorization") != "":
		a = r.Credentialed
		if a.Status == 0 {
			a.Status = 200
		}
	case a.Status == 0:
		a.Status = 401
	}
	reason := a.Reason
	if reason == "" {
		reason = phrase(a.Status)
	}
	var headers []string
	if a.Status == 401 || a.Status == 407 {
		name := "WWW-Authenticate"
		if a.Status == 407 {
			name = "Proxy-Authenticate"
		}
		schemes := a.Schemes
		if schemes == nil {
			schemes = []string{"NTLM", "Kerberos", "TLS-DSK"}
		}
		for _, s := range schemes {
			headers = append(headers, name+": "+r.challenge(s))
		}
	}
	for _, d := range a.Diagnostics {
		if name, _, ok := strings.Cut(d, ":"); !ok || !strings.Contains(strings.ToLower(name), "diagnostics") {
			d = "ms-diagnostics: " + d
		}
		headers = append(headers, d)
	}
	if a.Contact != "" {
		headers = append(headers, "Contact: "+a.Contact)
	}
	if a.Status == 200 && req.Method == "REGISTER" {
		headers = append(headers, "Expires: 7200")
	}
	return r.response(req, lines, a.Status, reason, append(headers, a.Headers...), a.Body)
}

func (r *Registrar) name() string {
	if r.Name == "" {
		return "sip.contoso.example"
	}
	return r.Name
}

// challenge is one scheme's offer in the form of [MS-SIPAE] section 4.
func (r *Registrar) challenge(scheme string) string {
	target := r.name()
	if scheme == "Kerberos" {
		target = "sip/" + target
	}
	s := fmt.Sprintf(`%s realm="SIP Communications Service", targetname="%s", version=4`, scheme, target)
	if scheme == "TLS-DSK" {
		s += fmt.Sprintf(`, sts-uri="https://%s:443/CertProv/CertProvisioningService.svc"`, r.name())
	}
	return s
}

// response copies Via, From, To, Call-ID and CSeq of the request as it wrote them (RFC 3261 section 8.2.6.2).
func (r *Registrar) response(req Request, lines []string, status int, reason string, headers []string, body string) []byte {
	var b strings.Builder
	b.WriteString(strings.Repeat("\r\n\r\n", r.KeepAlives))
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, reason)
	if !r.NoDate {
		now := time.Now
		if r.Now != nil {
			now = r.Now
		}
		b.WriteString("Date: " + now().UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT\r\n")
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	for _, l := range lines {
		name, _, _ := strings.Cut(strings.ToLower(l), ":")
		switch name = strings.TrimSpace(name); name {
		case "call-id":
			if r.ForeignID {
				l = "Call-ID: 0000000000000000"
			}
			b.WriteString(l + "\r\n")
		case "to":
			if !strings.Contains(l, ";tag=") && status > 100 {
				l += ";tag=5E61CCD925D17E043D9A74835A88F664"
			}
			b.WriteString(l + "\r\n")
		case "via", "from", "cseq":
			b.WriteString(l + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Server: RTC/5.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	out := []byte(b.String())
	if r.Mangle != nil {
		out = r.Mangle(out)
	}
	return out
}

func (r *Registrar) write(conn net.Conn, b []byte) error {
	for len(b) > 0 {
		n := len(b)
		if r.Chunk > 0 {
			n = min(n, r.Chunk)
		}
		if _, err := conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

var errNotSIP = errors.New("siptest: read request: not SIP, or too large")

const maxRequest = 64 << 10

// readRequest reads one request; lines are its header lines as sent.
func readRequest(in *bufio.Reader) (req Request, lines []string, err error) {
	size := 0
	next := func() (string, error) {
		var line []byte
		for {
			piece, err := in.ReadSlice('\n')
			line = append(line, piece...)
			if size += len(piece); size > maxRequest {
				return "", errNotSIP
			}
			if err != bufio.ErrBufferFull {
				return strings.TrimRight(string(line), "\r\n"), err
			}
		}
	}
	start := ""
	for start == "" { // keep-alives
		if start, err = next(); err != nil {
			return req, nil, err
		}
	}
	words := strings.Split(start, " ")
	if len(words) != 3 || words[2] != "SIP/2.0" {
		return req, nil, errNotSIP
	}
	req = Request{Method: words[0], URI: words[1], Headers: map[string][]string{}}
	for {
		line, err := next()
		if err != nil {
			return req, nil, err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return req, nil, errNotSIP
		}
		name = strings.ToLower(strings.TrimSpace(name))
		req.Headers[name] = append(req.Headers[name], strings.TrimSpace(value))
		lines = append(lines, line)
	}
	length := 0
	if s := req.Get("content-length"); s != "" {
		if _, err := fmt.Sscanf(s, "%d", &length); err != nil || length < 0 || length > maxRequest {
			return req, nil, errNotSIP
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return req, nil, err
	}
	req.Body = string(body)
	return req, lines, nil
}

func phrase(status int) string {
	switch status {
	case 200:
		return "OK"
	case 301:
		return "Moved Permanently"
	case 302:
		return "Moved Temporarily"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 407:
		return "Proxy Authentication Required"
	case 500:
		return "Server Internal Error"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Server time-out"
	}
	return "Answer"
}
