// Package adfstest holds fakes of the two services that the federation leg of
// a sign-in talks to: [Service], a federation service like AD FS, and
// [LoginService], the cloud's login service. Both are http.Handlers; what goes
// wrong in them is data, not code, and nothing is random. They are written
// from the protocols, independently of the client package.
package adfstest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of the fakes: what is read of a request's body, what is remembered of
// it, and how many requests are remembered.
const (
	maxRequest = 1 << 20
	maxBody    = 64 << 10
	maxHistory = 10000
)

// Request is one request that a fake has received.
type Request struct {
	At                     time.Time
	Method, Host, Path     string
	RawQuery               string
	ContentType, UserAgent string
	Body                   string // its first 64 KiB
}

// Answer says how one kind of request is answered. The zero value is the
// answer of a healthy service.
type Answer struct {
	// Delay passes before the answer, or until the client has given up.
	Delay time.Duration
	// Status other than 0 and 200 is answered with a short text.
	Status int
	// Location is sent as that header, with status 302 if Status is 0. It may
	// be relative.
	Location string
	// Kind chooses the content: "" the genuine one, "html" a login page,
	// "truncated" the first half of the genuine one, "empty" nothing, "text"
	// a line of plain text. "raw" is Raw.
	Kind string
	// Raw and ContentType are the content of kind "raw"; without ContentType
	// it is that of the genuine answer. ContentType overrides any other too.
	Raw         []byte
	ContentType string
}

// write answers w as a asks, with the genuine content in body.
func (a Answer) write(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	if a.Delay > 0 {
		t := time.NewTimer(a.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	status := a.Status
	switch {
	case a.Location != "":
		w.Header().Set("Location", a.Location)
		if status == 0 {
			status = http.StatusFound
		}
		contentType, body = "text/html", nil
	case status != 0 && status != http.StatusOK && a.Kind == "":
		contentType, body = "text/plain; charset=utf-8", []byte(http.StatusText(status)+"\n")
	case a.Kind == "html":
		contentType, body = "text/html; charset=utf-8", []byte(loginPage)
	case a.Kind == "truncated":
		body = body[:len(body)/2]
	case a.Kind == "empty":
		body = nil
	case a.Kind == "text":
		contentType, body = "text/plain; charset=utf-8", []byte("Service Unavailable")
	case a.Kind == "raw":
		body = a.Raw
	}
	if a.ContentType != "" {
		contentType = a.ContentType
	}
	w.Header().Set("Content-Type", contentType)
	if status != 0 {
		w.WriteHeader(status)
	}
	// A client that has gone away is no concern of the fake.
	_, _ = w.Write(body)
}

// Service is a federation service. The zero value is a healthy one, named by
// the Host header of each request.
type Service struct {
	// Host is the federation service name used in addresses; "" is the
	// request's host, without port 443.
	Host string
	// Now is the service's clock, seen in Date; nil is time.Now.
	Now func() time.Time
	// Endpoints is what MEX lists; nil is DefaultEndpoints().
	Endpoints []Endpoint
	// MEXGet and MEXPost answer GET and POST on /adfs/services/trust/mex.
	MEXGet, MEXPost Answer
	// Login answers everything under /adfs/ls/.
	Login Answer
	// Probe answers /adfs/probe, with an empty page where the service runs.
	Probe Answer
	// Metadata answers GET of the federation metadata. EntityID is the name in
	// it and in tokens; "" is http://<host>/adfs/services/trust.
	// SigningExpires is when its token-signing certificate does; zero is in a
	// year.
	Metadata       Answer
	EntityID       string
	SigningExpires time.Time

	// Trust answers requests to the endpoints below /adfs/services/trust/, by
	// path in lower case ("2005/usernamemixed"). The zero Answer issues tokens
	// and refuses what is wrong with a request. Those for user names are
	// served; those for Windows authentication only with Windows set, as a
	// proxy does not publish them.
	Trust   map[string]Answer
	Windows bool
	// Password is everybody's; "" takes any that is not empty. What needs an
	// account's state is refused by Refuse alone: "credentials",
	// "access-denied", "relying-party", "failed", or "no-token" for an answer
	// without token and fault.
	Password string
	Refuse   string

	history history
	ntlm    ntlm
	once    sync.Once
	signing []byte
}

// Requests returns the requests so far in order of arrival; of more than
// 10,000 the oldest are missing.
func (s *Service) Requests() []Request { return s.history.list() }

// ServeHTTP answers like AD FS on one host: case of the path is ignored.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := s.history.add(w, r, s.Now, "Microsoft-HTTPAPI/2.0")
	host := s.Host
	if host == "" {
		host = strings.TrimSuffix(r.Host, ":443")
	}
	path := strings.ToLower(r.URL.Path)
	switch {
	case path == "/adfs/probe":
		s.Probe.write(w, r, "text/html", nil)
	case path == "/adfs/services/trust/mex" && r.Method == http.MethodPost:
		s.post(w, r, host, body)
	case path == "/adfs/services/trust/mex" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.MEXGet.write(w, r, "text/xml; charset=UTF-8", MEXDocument(host, s.endpoints()))
	case strings.HasPrefix(path, "/adfs/services/trust/"):
		s.trustPath(w, r, host, strings.TrimPrefix(path, "/adfs/services/trust/"), body)
	case path == "/federationmetadata/2007-06/federationmetadata.xml":
		s.Metadata.write(w, r, "application/samlmetadata+xml", s.metadata(host))
	case path == "/adfs/ls" || strings.HasPrefix(path, "/adfs/ls/"):
		s.Login.write(w, r, "text/html; charset=utf-8", []byte(loginPage))
	default:
		http.NotFound(w, r)
	}
}

func (s *Service) endpoints() []Endpoint {
	if s.Endpoints == nil {
		return DefaultEndpoints()
	}
	return s.Endpoints
}

// post answers WS-Transfer Get and nothing else, as the real endpoint does.
func (s *Service) post(w http.ResponseWriter, r *http.Request, host string, body []byte) {
	const soap = "application/soap+xml; charset=utf-8"
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/soap+xml") {
		http.Error(w, "415 Unsupported Media Type", http.StatusUnsupportedMediaType)
		return
	}
	var envelope struct {
		XMLName xml.Name `xml:"http://www.w3.org/2003/05/soap-envelope Envelope"`
		Header  struct {
			Action    string `xml:"http://www.w3.org/2005/08/addressing Action"`
			MessageID string `xml:"http://www.w3.org/2005/08/addressing MessageID"`
			To        string `xml:"http://www.w3.org/2005/08/addressing To"`
		} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
	}
	if err := xml.Unmarshal(body, &envelope); err != nil {
		http.Error(w, "400 Bad Request", http.StatusBadRequest)
		return
	}
	h := envelope.Header
	if h.Action != "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get" || h.MessageID == "" || h.To == "" {
		w.Header().Set("Content-Type", soap)
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, actionFault)
		return
	}
	s.MEXPost.write(w, r, soap, getResponse(h.MessageID, MEXDocument(host, s.endpoints())))
}

// getResponse wraps a document as WS-MetadataExchange 1.1 asks.
func getResponse(messageID string, definitions []byte) []byte {
	_, definitions, _ = bytes.Cut(definitions, []byte("?>"))
	return fmt.Appendf(nil, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing">`+
		`<s:Header><a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse</a:Action>`+
		`<a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body>`+
		`<Metadata xmlns="http://schemas.xmlsoap.org/ws/2004/09/mex" xmlns:wsx="http://schemas.xmlsoap.org/ws/2004/09/mex">`+
		`<wsx:MetadataSection Dialect="http://schemas.xmlsoap.org/wsdl/" xmlns="">%s</wsx:MetadataSection>`+
		`</Metadata></s:Body></s:Envelope>`, escape(messageID), definitions)
}

const actionFault = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing">` +
	`<s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>a:ActionNotSupported</s:Value></s:Subcode></s:Code>` +
	`<s:Reason><s:Text xml:lang="en">The message cannot be processed: its action is not supported here.</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`

// loginPage is no XML on purpose: real login pages are not either.
const loginPage = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign In</title>
<script>if (window.top !== window && 1 < 2) { window.top.location = window.location; }</script>
</head>
<body>
<h1>Contoso &nbsp; Sign-in</h1>
<form method="post" action="/adfs/ls/?wa=wsignin1.0" autocomplete="off">
<input name="UserName" type="email" placeholder="someone@contoso.example"><br>
<input name="Password" type="password"><br>
<input type="submit" value="Sign in">
</form>
</body>
</html>
`

// history records requests and stamps the answers.
type history struct {
	mu   sync.Mutex
	past []Request
}

func (h *history) add(w http.ResponseWriter, r *http.Request, now func() time.Time, server string) []byte {
	if now == nil {
		now = time.Now
	}
	at := now().UTC()
	// What cannot be read of a request is not there for the fake either.
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	w.Header().Set("Date", at.Format(http.TimeFormat))
	w.Header().Set("Server", server)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.past) >= maxHistory {
		h.past = slices.Delete(h.past, 0, maxHistory/2)
	}
	h.past = append(h.past, Request{
		At: at, Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery,
		ContentType: r.Header.Get("Content-Type"), UserAgent: r.UserAgent(), Body: string(body[:min(len(body), maxBody)]),
	})
	return body
}

func (h *history) list() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Request(nil), h.past...)
}

func escape(s string) string {
	var b strings.Builder
	// A strings.Builder takes everything.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
