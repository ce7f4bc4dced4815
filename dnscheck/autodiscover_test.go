package dnscheck_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// web is a network in memory: HTTP and HTTPS on every host, served by one handler.
type web struct {
	handler http.Handler
	certs   map[string][]string // certificate names by host; a host without any gets its own
	expired map[string]bool
	refuse  map[string]error // by "host:port"

	mu    sync.Mutex
	conns []net.Conn
	key   *ecdsa.PrivateKey
	roots *x509.CertPool
	ca    *x509.Certificate
}

func newWeb(t testing.TB, handler http.Handler) *web {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	w := &web{handler: handler, key: key, roots: x509.NewCertPool()}
	if w.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	w.roots.AddCert(w.ca)
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, conn := range w.conns {
			conn.Close()
		}
	})
	return w
}

func (w *web) dial(_ context.Context, _, address string) (net.Conn, error) {
	if err := w.refuse[address]; err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	host, port, _ := net.SplitHostPort(address)
	w.mu.Lock()
	w.conns = append(w.conns, near, far)
	w.mu.Unlock()
	if port == "443" {
		names := w.certs[host]
		if names == nil {
			names = []string{host}
		}
		until := time.Now().Add(time.Hour)
		if w.expired[host] {
			until = time.Now().Add(-time.Minute)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: until}
		der, err := x509.CreateCertificate(rand.Reader, template, w.ca, w.key.Public(), w.key)
		if err != nil {
			return nil, err
		}
		far = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: w.key}}})
	}
	go func() {
		one := &oneConn{conn: far}
		_ = (&http.Server{Handler: w.handler, ErrorLog: log.New(io.Discard, "", 0)}).Serve(one)
	}()
	return near, nil
}

// oneConn is a listener for one connection.
type oneConn struct {
	conn net.Conn
	once bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if l.once {
		return nil, net.ErrClosed
	}
	l.once = true
	return l.conn, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func (w *web) discoverer() *dnscheck.Discoverer {
	return &dnscheck.Discoverer{
		UserAgent: "UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)",
		HTTP:      &http.Client{Transport: &http.Transport{DialContext: w.dial, TLSClientConfig: &tls.Config{RootCAs: w.roots}}},
	}
}

// absent are the lyncdiscoverinternal addresses, which do not exist outside.
func absent() map[string]error {
	gone := &net.DNSError{Err: "no such host", Name: "lyncdiscoverinternal.contoso.example", IsNotFound: true}
	return map[string]error{"lyncdiscoverinternal.contoso.example:80": gone, "lyncdiscoverinternal.contoso.example:443": gone}
}

func summary(w *dnscheck.Walk) []string {
	var lines []string
	for _, h := range w.Hops {
		line := h.Scheme + " " + h.Name + " " + string(h.Kind)
		if h.Problem != "" {
			line += " " + string(h.Problem)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestWalkOnline(t *testing.T) {
	clock := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	service := &dnstest.Autodiscover{Web: "webdir.online.lync.example", Now: func() time.Time { return clock }}
	net := newWeb(t, service)
	net.refuse = absent()
	net.certs = map[string][]string{"lyncdiscover.contoso.example": {"*.online.lync.example"}}
	w := net.discoverer().Walk(t.Context(), "Contoso.example", "sip:joe@contoso.example")

	want := []string{
		"http lyncdiscoverinternal error unreachable",
		"https lyncdiscoverinternal error unreachable",
		"http lyncdiscover redirect",
		"http lyncdiscover root",
		"http lyncdiscover web-ticket-challenge",
		"https lyncdiscover error certificate-name",
	}
	if got := summary(w); !slices.Equal(got, want) {
		t.Fatalf("hops\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if w.Outcome != dnscheck.OutcomeWebTicket || w.Internal || w.Problem != "" ||
		w.WebTicketURL != "https://webdir.online.lync.example/WebTicket/WebTicketService.svc" ||
		w.OAuthURL != "https://webdir.online.lync.example/Autodiscover/AutodiscoverService.svc/root/oauth/user" {
		t.Errorf("got %+v", w)
	}
	urls := []string{
		"http://lyncdiscover.contoso.example/?sipuri=sip%3Ajoe%40contoso.example",
		"https://webdir.online.lync.example/Autodiscover/AutodiscoverService.svc/root?sipuri=sip%3Ajoe%40contoso.example",
		"https://webdir.online.lync.example/Autodiscover/AutodiscoverService.svc/root/user",
	}
	for i, u := range urls {
		h := w.Hops[2+i]
		if h.URL != u || !h.Followed || h.First != (i == 0) || !h.Date.Equal(clock) || h.AnsweredAt.Before(h.SentAt) {
			t.Errorf("hop %+v, want %s", h, u)
		}
		if i < 2 && !strings.HasPrefix(urls[i+1], w.Hops[2+i].Location) {
			t.Errorf("location %s, next %s", h.Location, urls[i+1])
		}
	}
	if names := w.Hops[5].CertificateNames; !slices.Equal(names, []string{"*.online.lync.example"}) || w.Hops[5].Followed {
		t.Errorf("hop %+v", w.Hops[5])
	}
	for _, r := range service.Requests() {
		if r.Accept != "application/vnd.microsoft.rtc.autodiscover+xml;v=1" || !strings.HasPrefix(r.UserAgent, "UCCAPI/15") {
			t.Errorf("request %+v", r)
		}
	}
	var again dnscheck.Walk
	roundTrip(t, w, &again)
	if !reflect.DeepEqual(*w, again) {
		t.Errorf("JSON lost something:\n%+v\n%+v", *w, again)
	}
}

func TestWalkPrefersInternal(t *testing.T) {
	for _, json := range []bool{false, true} {
		service := &dnstest.Autodiscover{Internal: true, Open: true, SIPInternal: "pool.contoso.example:5061", SIPExternal: "sip.contoso.example:443"}
		handler := http.Handler(service)
		if json {
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Accept")
				service.ServeHTTP(w, r)
			})
		}
		w := newWeb(t, handler).discoverer().Walk(t.Context(), "contoso.example", "")
		if w.Outcome != dnscheck.OutcomeUser || !w.Internal || w.AccessLocation != "internal" {
			t.Errorf("json %v: %+v", json, w)
		}
		want := []dnscheck.SIPServer{{Access: "internal", Host: "pool.contoso.example", Port: 5061}, {Access: "external", Host: "sip.contoso.example", Port: 443}}
		if !slices.Equal(w.SIPServers, want) {
			t.Errorf("json %v: servers %+v", json, w.SIPServers)
		}
		if u := w.Hops[0].URL; u != "http://lyncdiscoverinternal.contoso.example/" {
			t.Errorf("first request %s", u)
		}
	}
}

func TestWalkFaults(t *testing.T) {
	const discover = "lyncdiscover.contoso.example"
	tests := []struct {
		label   string
		fault   dnstest.AutodiscoverFault
		outcome dnscheck.Outcome
		problem dnscheck.Problem
		hops    int // of all branches, two of them lyncdiscoverinternal's
	}{
		{"500", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerStatus, Status: 500}, dnscheck.OutcomeFailed, dnscheck.ProblemHTTPError, 4},
		{"503 behind the redirect", dnstest.AutodiscoverFault{Scheme: "https", Behaviour: dnstest.AnswerStatus, Status: 503}, dnscheck.OutcomeFailed, dnscheck.ProblemHTTPError, 5},
		{"404", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerStatus, Status: 404}, dnscheck.OutcomeFailed, dnscheck.ProblemNotFound, 4},
		{"403 at the user", dnstest.AutodiscoverFault{Resource: "user", Behaviour: dnstest.AnswerStatus, Status: 403}, dnscheck.OutcomeFailed, dnscheck.ProblemNotFound, 6},
		{"407", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerStatus, Status: 407}, dnscheck.OutcomeFailed, dnscheck.ProblemUnreachable, 4},
		{"204", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerStatus, Status: 204}, dnscheck.OutcomeFailed, dnscheck.ProblemNotAutodiscover, 4},
		{"304", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerStatus, Status: 304}, dnscheck.OutcomeFailed, dnscheck.ProblemHTTPError, 4},
		{"html", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerHTML}, dnscheck.OutcomeFailed, dnscheck.ProblemNotAutodiscover, 4},
		{"other JSON", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerOtherJSON}, dnscheck.OutcomeFailed, dnscheck.ProblemNotAutodiscover, 4},
		{"broken document", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerBroken}, dnscheck.OutcomeFailed, dnscheck.ProblemMalformed, 4},
		{"huge document", dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerHuge}, dnscheck.OutcomeFailed, dnscheck.ProblemTooLarge, 4},
		{"no user link", dnstest.AutodiscoverFault{Scheme: "https", Resource: "root", Behaviour: dnstest.WithoutUserLinked}, dnscheck.OutcomeFailed, dnscheck.ProblemMalformed, 5},
		{"loop", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectLoop}, dnscheck.OutcomeFailed, dnscheck.ProblemRedirectLoop, 4},
		{"loop behind the redirect", dnstest.AutodiscoverFault{Scheme: "https", Behaviour: dnstest.RedirectLoop}, dnscheck.OutcomeFailed, dnscheck.ProblemRedirectLoop, 5},
		{"redirects for ever", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectForever}, dnscheck.OutcomeFailed, dnscheck.ProblemTooManyRedirects, 24},
		{"no web ticket", dnstest.AutodiscoverFault{Resource: "user", Behaviour: dnstest.WithoutTicketURL}, dnscheck.OutcomeFailed, dnscheck.ProblemNoWebTicket, 6},
		{"to a file", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectLink, Target: "file:///etc/passwd"}, dnscheck.OutcomeFailed, dnscheck.ProblemInsecureRedirect, 4},
		{"to a user name", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectHTTP, Target: "https://joe:secret@webdir.example/"}, dnscheck.OutcomeFailed, dnscheck.ProblemInsecureRedirect, 4},
		{"back to HTTP", dnstest.AutodiscoverFault{Scheme: "https", Behaviour: dnstest.RedirectHTTP, Target: "http://webdir.example/"}, dnscheck.OutcomeFailed, dnscheck.ProblemInsecureRedirect, 5},
		{"to a private address", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectLink, Target: "http://10.1.2.3/"}, dnscheck.OutcomeFailed, dnscheck.ProblemInsecureRedirect, 4},
		{"to a link-local address", dnstest.AutodiscoverFault{Scheme: "https", Behaviour: dnstest.RedirectHTTP, Target: "https://[fe80::1]/latest/"}, dnscheck.OutcomeFailed, dnscheck.ProblemInsecureRedirect, 5},
		{"to this computer", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectLink, Target: "http://[::ffff:127.0.0.1]:8080/"}, dnscheck.OutcomeFailed, dnscheck.ProblemInsecureRedirect, 4},
		{"to nowhere", dnstest.AutodiscoverFault{Behaviour: dnstest.RedirectLink, Target: "https:///path"}, dnscheck.OutcomeFailed, dnscheck.ProblemMalformed, 4},
		{"to a dead host", dnstest.AutodiscoverFault{Host: discover, Behaviour: dnstest.RedirectHTTP, Target: "https://dead.example/"}, dnscheck.OutcomeFailed, dnscheck.ProblemUnreachable, 5},
		{"to an expired certificate", dnstest.AutodiscoverFault{Host: discover, Behaviour: dnstest.RedirectHTTP, Target: "https://expired.example/"}, dnscheck.OutcomeFailed, dnscheck.ProblemCertificate, 5},
		{"to another's certificate", dnstest.AutodiscoverFault{Host: discover, Behaviour: dnstest.RedirectHTTP, Target: "https://other.example/"}, dnscheck.OutcomeFailed, dnscheck.ProblemCertificate, 5},
		{"relative redirect", dnstest.AutodiscoverFault{Scheme: "http", Behaviour: dnstest.RedirectHTTP, Target: "//webdir.example/Autodiscover/AutodiscoverService.svc/root"}, dnscheck.OutcomeWebTicket, "", 6},
		{"302 to another host's HTTP", dnstest.AutodiscoverFault{Host: discover, Behaviour: dnstest.RedirectHTTP, Target: "http://webdir.example/"}, dnscheck.OutcomeWebTicket, "", 7},
		// The HTTP way leads nowhere, and the HTTPS way takes over.
		{"only HTTP fails", dnstest.AutodiscoverFault{Scheme: "http", Behaviour: dnstest.AnswerHTML}, dnscheck.OutcomeWebTicket, "", 5},
	}
	for _, test := range tests {
		t.Run(test.label, func(t *testing.T) {
			net := newWeb(t, &dnstest.Autodiscover{Faults: []dnstest.AutodiscoverFault{test.fault}, Web: "webdir.example"})
			net.refuse = absent()
			net.refuse["dead.example:443"] = errors.New("connection refused")
			net.expired = map[string]bool{"expired.example": true}
			net.certs = map[string][]string{"other.example": {"www.example"}}
			w := net.discoverer().Walk(t.Context(), "contoso.example", "sip:joe@contoso.example")
			if w.Outcome != test.outcome || w.Problem != test.problem {
				t.Errorf("%s, problem %q, want %s, %q (%s)", w.Outcome, w.Problem, test.outcome, test.problem, w.Detail)
			}
			if len(w.Hops) != test.hops {
				t.Errorf("%d hops, want %d:\n%s", len(w.Hops), test.hops, strings.Join(summary(w), "\n"))
			}
			for _, h := range w.Hops {
				if strings.Contains(h.Location+h.URL, "secret") {
					t.Errorf("a password is shown: %+v", h)
				}
				if h.Followed && test.outcome != dnscheck.OutcomeWebTicket {
					t.Errorf("followed: %+v", h)
				}
			}
		})
	}
}

func TestWalkOutcomesWithoutAnswer(t *testing.T) {
	net := newWeb(t, &dnstest.Autodiscover{})
	net.refuse = absent()
	for _, port := range []string{"80", "443"} {
		net.refuse["lyncdiscover.contoso.example:"+port] = errors.New("no route")
	}
	if w := net.discoverer().Walk(t.Context(), "contoso.example", ""); w.Outcome != dnscheck.OutcomeAbsent || len(w.Hops) != 4 {
		t.Errorf("nothing there: %+v", w)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if w := net.discoverer().Walk(cancelled, "contoso.example", ""); w.Outcome != dnscheck.OutcomeCancelled || w.Hops[0].Problem != dnscheck.ProblemCancelled {
		t.Errorf("cancelled: %+v", w)
	}
	if w := new(dnscheck.Discoverer).Walk(t.Context(), "contoso.example", ""); w.Outcome != dnscheck.OutcomeFailed || w.Detail == "" || len(w.Hops) != 0 {
		t.Errorf("zero discoverer: %+v", w)
	}
	if w := net.discoverer().Walk(t.Context(), "no domain", ""); w.Problem != dnscheck.ProblemBadDomain || w.Outcome != dnscheck.OutcomeAbsent || len(w.Hops) != 0 {
		t.Errorf("no domain: %+v", w)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWalkAsksAtTheSameTime: four first requests in one second, then two more hops
// of a second each.
func TestWalkAsksAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func(r *http.Request, status int, body string) *http.Response {
			return &http.Response{StatusCode: status, Request: r, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
		}
		d := &dnscheck.Discoverer{HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			switch {
			case r.URL.Host == "web.example" && r.URL.Path == "/user":
				resp := answer(r, 401, "")
				resp.Header.Set("x-ms-webticketurl", "https://web.example/ticket")
				return resp, nil
			case r.URL.Host == "web.example":
				return answer(r, 200, `{"_links":{"user":{"href":"/user"}}}`), nil
			case r.URL.Scheme == "http":
				return answer(r, 200, `{"_links":{"redirect":{"href":"https://web.example/root"}}}`), nil
			}
			time.Sleep(3 * time.Second) // less preferred, and slow
			return nil, errors.New("timed out")
		})}}
		w := d.Walk(t.Context(), "contoso.example", "")
		if w.Outcome != dnscheck.OutcomeWebTicket || w.Elapsed != 4*time.Second {
			t.Errorf("%s after %v, want %s after 4s", w.Outcome, w.Elapsed, dnscheck.OutcomeWebTicket)
		}
		if w.Hops[0].Elapsed != time.Second || !w.Hops[2].SentAt.Equal(w.At.Add(2*time.Second)) {
			t.Errorf("hops %+v", w.Hops)
		}
	})
}

// A password in a link reaches no hop: what is in a hop is shown.
func TestLinksShowNoPassword(t *testing.T) {
	for _, link := range []string{"https://joe:s3cret@webdir.online.lync.com/root", "http://joe:s3cret@[bad/root", "https://joe:s3cret@webdir.online.lync.com:bad/"} {
		d := &dnscheck.Discoverer{HTTP: &http.Client{Transport: answering(link)}}
		walk := d.Walk(t.Context(), "contoso.example", "sip:joe@contoso.example")
		text, err := json.Marshal(walk)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "s3cret") {
			t.Errorf("%s: %s", link, text)
		}
	}
}

// answering sends every request on to one place.
type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {string(a)}}, Body: http.NoBody, Request: r}, nil
}
