package dnscheck_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

func TestParseServer(t *testing.T) {
	for text, want := range map[string]struct{ name, network, address string }{
		"192.0.2.1":                       {"", "", "192.0.2.1:53"},
		"internal=192.0.2.1:5300":         {"internal", "", "192.0.2.1:5300"},
		"2001:db8::1":                     {"", "", "[2001:db8::1]:53"},
		"[2001:db8::1]":                   {"", "", "[2001:db8::1]:53"},
		"x=[2001:db8::1]:54":              {"x", "", "[2001:db8::1]:54"},
		"udp://192.0.2.1":                 {"", "", "192.0.2.1:53"},
		"tcp://192.0.2.1":                 {"", "tcp", "tcp://192.0.2.1:53"},
		"tls://192.0.2.1":                 {"", "tls", "tls://192.0.2.1:853"},
		"a=tls://192.0.2.1:8853#DNS.test": {"a", "tls", "tls://192.0.2.1:8853#dns.test"},
		"tls://Dns.Test":                  {"", "tls", "tls://dns.test:853"},
		"tls://[2001:db8::1]:853":         {"", "tls", "tls://[2001:db8::1]:853"},
		"https://dns.test/dns-query":      {"", "https", "https://dns.test/dns-query"},
		"external=https://192.0.2.1:8443/q?a=b#dns.test": {"external", "https", "https://192.0.2.1:8443/q?a=b#dns.test"},
		" HTTPS://B\u00fccher.test/x ":                   {"", "https", "https://xn--bcher-kva.test/x"},
	} {
		s, err := dnscheck.ParseServer(text)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name != want.name || s.Network != want.network || s.Address() != want.address {
			t.Errorf("%s: %+v, address %s, want %+v", text, s, s.Address(), want)
		}
		var again dnscheck.Server
		roundTrip(t, s, &again)
		if again != s {
			t.Errorf("%s: JSON lost something: %+v", text, again)
		}
	}
	for _, text := range []string{
		"", "dns.test", "=192.0.2.1", "a b=192.0.2.1", "192.0.2.1:0", "192.0.2.1:99999", "tcp://dns.test", "tls://", "tls://dns.test:x",
		"tls://192.0.2.1#a b", "https://dns.test", "https:///path", "https://u:p@dns.test/q", "https://dns.test:0/q", "http://dns.test/q",
		"quic://192.0.2.1", "https://a b/q", "https://192.0.2.1/%zz", strings.Repeat("9", 5000),
	} {
		if s, err := dnscheck.ParseServer(text); err == nil || !strings.HasPrefix(err.Error(), "dnscheck: read server ") || len(err.Error()) > 1000 {
			t.Errorf("%.50q: %+v, %v", text, s, err)
		}
	}
	if text, _ := json.Marshal(dnscheck.Server{Name: "system", Addr: netip.MustParseAddrPort("192.0.2.1:53")}); string(text) != `{"name":"system","addr":"192.0.2.1:53"}` {
		t.Errorf("a plain server is now %s", text)
	}
}

// FuzzParseServer: what is read can be written and read again.
func FuzzParseServer(f *testing.F) {
	for _, text := range []string{"a=192.0.2.1:53", "tls://[::1%25eth0]:853#x.test", "https://dns.test:443/dns-query?x=y#z", "tcp://::1", "fe80::1%eth0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dnscheck.ParseServer(text)
		if err != nil {
			return
		}
		name := s.Name
		s.Name = ""
		again, err := dnscheck.ParseServer(s.Address())
		if err != nil {
			t.Fatalf("%q: %q: %v", text, s.Address(), err)
		}
		if again.Address() != s.Address() || again.Network != s.Network {
			t.Errorf("%q: %+v became %+v", text, s, again)
		}
		if strings.ContainsAny(name, " /:=") {
			t.Errorf("name %q", name)
		}
	})
}

// secureServer answers over TLS and HTTPS on loopback with a certificate for
// 127.0.0.1 and example.com; answer, if set, is the HTTP handler.
func secureServer(t *testing.T, s *dnstest.Server, answer http.HandlerFunc) (overTLS, overHTTPS string, roots *x509.CertPool) {
	t.Helper()
	if answer == nil {
		answer = func(w http.ResponseWriter, r *http.Request) {
			query, _ := io.ReadAll(r.Body)
			if r.Method != http.MethodPost || r.ProtoMajor != 1 || r.Header.Get("Content-Type") != "application/dns-message" || query[0] != 0 || query[1] != 0 {
				t.Errorf("%s %s, %v, id %x", r.Method, r.Proto, r.Header, query[:2])
			}
			conn, err := s.Dial(r.Context(), "udp", "")
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = conn.Write(query)
			buf := make([]byte, 65535)
			n, _ := conn.Read(buf)
			w.Header().Set("Content-Type", "application/dns-message")
			_, _ = w.Write(buf[:n])
		}
	}
	web := httptest.NewUnstartedServer(answer)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are part of the test
	web.StartTLS()
	t.Cleanup(web.Close)
	roots = x509.NewCertPool()
	roots.AddCert(web.Certificate())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		_ = s.ServeListener(tls.NewListener(l, &tls.Config{Certificates: web.TLS.Certificates}))
	}()
	return l.Addr().String(), web.Listener.Addr().String(), roots
}

func TestLookupOverTLSAndHTTPS(t *testing.T) {
	s := resolver(t, healthyZone+manyAddresses("many", 250))
	finder := &dnstest.Server{Recursive: true, Zones: []*dnstest.Zone{zone(t, "example.com", "@ A 127.0.0.1\n"), zone(t, "other.test", "@ A 127.0.0.1\n")}}
	overTLS, overHTTPS, roots := secureServer(t, s, nil)
	_, tlsPort, _ := net.SplitHostPort(overTLS)
	_, httpsPort, _ := net.SplitHostPort(overHTTPS)
	for _, test := range []struct {
		server string
		alone  bool // no plain server beside it
		roots  *x509.CertPool
		want   dnscheck.Status
		detail string
	}{
		{"tls://" + overTLS, true, roots, dnscheck.StatusOK, ""},
		{"tls://" + overTLS + "#example.com", true, roots, dnscheck.StatusOK, ""},
		{"tls://" + overTLS + "#other.test", true, roots, dnscheck.StatusNetworkError, "certificate is not accepted"},
		{"tls://" + overTLS, true, x509.NewCertPool(), dnscheck.StatusNetworkError, "certificate is not accepted"},
		{"tls://example.com:" + tlsPort, false, roots, dnscheck.StatusOK, ""},
		{"tls://example.com:" + tlsPort, true, roots, dnscheck.StatusNetworkError, "give its IP address with #example.com"},
		{"tls://nowhere.test:" + tlsPort, false, roots, dnscheck.StatusNetworkError, "was not found through plain: no-such-name"},
		{"tls://other.test:" + tlsPort, false, roots, dnscheck.StatusNetworkError, "certificate is not accepted"},
		{"https://" + overHTTPS + "/dns-query", true, roots, dnscheck.StatusOK, ""},
		{"https://example.com:" + httpsPort + "/dns-query", false, roots, dnscheck.StatusOK, ""},
		{"https://" + overHTTPS + "/dns-query#other.test", true, roots, dnscheck.StatusNetworkError, "certificate is not accepted"},
		{"https://" + overHTTPS + "/dns-query", true, nil, dnscheck.StatusNetworkError, "certificate is not accepted"},
	} {
		server, err := dnscheck.ParseServer("secure=" + test.server)
		if err != nil {
			t.Fatal(err)
		}
		c := &dnscheck.Client{Servers: []dnscheck.Server{server}, Roots: test.roots, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if network == "udp" {
				return finder.Dial(ctx, network, address)
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
		if !test.alone {
			c.Servers = append(c.Servers, dnscheck.Server{Name: "plain", Addr: netip.MustParseAddrPort("127.0.0.53:53")})
		}
		res := c.Ask(t.Context(), "contoso.example")
		a, _ := res.Answer("secure", "_sip._tls.contoso.example", "SRV")
		if a.Status != test.want || !strings.Contains(a.Detail, test.detail) {
			t.Errorf("%s: %s %s, want %s %s", test.server, a.Status, a.Detail, test.want, test.detail)
		}
		if test.want == dnscheck.StatusOK && strings.HasPrefix(test.server, "tls") {
			if a := c.Lookup(t.Context(), "many.contoso.example", "A"); len(a.Records) != 250 || a.Truncated {
				t.Errorf("%s: %d records", test.server, len(a.Records))
			}
		}
	}
}

// TestLookupOverHTTPSBadAnswers: what a portal, a proxy or a broken server sends in
// place of a message.
func TestLookupOverHTTPSBadAnswers(t *testing.T) {
	message := func(w http.ResponseWriter, body []byte) {
		w.Header().Set("Content-Type", "application/dns-message")
		_, _ = w.Write(body)
	}
	for label, test := range map[string]struct {
		answer http.HandlerFunc
		want   dnscheck.Status
		detail string
	}{
		"portal":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>log in") }, dnscheck.StatusMalformed, "text/html"},
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, dnscheck.StatusNetworkError, "403"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, dnscheck.StatusNetworkError, "307"},
		"huge":  {func(w http.ResponseWriter, _ *http.Request) { message(w, make([]byte, 1<<20)) }, dnscheck.StatusMalformed, "longer than"},
		"empty": {func(w http.ResponseWriter, _ *http.Request) { message(w, nil) }, dnscheck.StatusMalformed, "another question"},
		"silent": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server sees a client go only then
			<-r.Context().Done()
		}, dnscheck.StatusNoAnswer, "no answer over https"},
	} {
		_, address, roots := secureServer(t, &dnstest.Server{}, test.answer)
		server, err := dnscheck.ParseServer("https://" + address + "/dns-query")
		if err != nil {
			t.Fatal(err)
		}
		c := &dnscheck.Client{Servers: []dnscheck.Server{server}, Roots: roots, Dial: new(net.Dialer).DialContext, Timeout: 300 * time.Millisecond}
		if a := c.Lookup(t.Context(), "contoso.example", "SOA"); a.Status != test.want || !strings.Contains(a.Detail, test.detail) {
			t.Errorf("%s: %s %s, want %s %s", label, a.Status, a.Detail, test.want, test.detail)
		}
	}
}

// views dials a server of its own for each address.
func views(servers map[string]*dnstest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if s := servers[host]; s != nil {
			return s.Dial(ctx, network, address)
		}
		return nil, &net.OpError{Op: "dial", Err: net.UnknownNetworkError(host)}
	}
}

func TestAuthoritative(t *testing.T) {
	const above = `
@                   NS ns1.example.
ns1                 A 127.0.0.1
good                NS ns1.good
good                NS ns2.good
ns1.good            A 127.0.0.2
ns2.good            A 127.0.0.3
lame                NS ns1.lame
ns1.lame            A 127.0.0.3
silent              NS ns1.silent
ns1.silent          A 127.0.0.4
nowhere             NS ns1.nowhere.test.
`
	good := zone(t, "good.example", "@ NS ns1\n@ NS ns2\nns1 A 127.0.0.2\nns2 A 127.0.0.3\nwww A 127.0.0.9\nalias CNAME www.elsewhere.test.\n_sip._tls SRV 1 1 443 www\n")
	parent := zone(t, "example", above)
	root := zone(t, ".", "example. NS ns1.example.\nns1.example. A 127.0.0.1\n")
	servers := map[string]*dnstest.Server{
		"127.0.0.53": {Recursive: true, Zones: []*dnstest.Zone{parent, good}},
		"127.0.0.1":  {Zones: []*dnstest.Zone{parent}},
		"127.0.0.2":  {Zones: []*dnstest.Zone{good}},
		"127.0.0.3":  {Zones: []*dnstest.Zone{root}}, // knows nothing of the zones below
		"127.0.0.4":  {Overrides: []dnstest.Override{{Behaviour: dnstest.Drop}}},
	}
	c := &dnscheck.Client{Dial: views(servers), Timeout: 100 * time.Millisecond, Servers: []dnscheck.Server{{Name: "system", Addr: netip.MustParseAddrPort("127.0.0.53:53")}}}
	for _, test := range []struct {
		domain  string
		want    dnscheck.Status
		servers string
		detail  string
	}{
		{"good.example", dnscheck.StatusOK, "ns1.good.example ns2.good.example", "not serving good.example: ns2.good.example (127.0.0.3: not authoritative)"},
		{"deep.below.good.example", dnscheck.StatusOK, "ns1.good.example ns2.good.example", "ns2"},
		{"alias.good.example", dnscheck.StatusOK, "ns1.good.example ns2.good.example", "ns2"},
		{"lame.example", dnscheck.StatusLameDelegation, "ns1.lame.example", "ns1.lame.example (127.0.0.3: not authoritative)"},
		{"below.lame.example", dnscheck.StatusLameDelegation, "ns1.lame.example", "not serving lame.example"},
		{"silent.example", dnscheck.StatusLameDelegation, "ns1.silent.example", "no-answer"},
		{"nowhere.example", dnscheck.StatusNoServers, "", "ns1.nowhere.test (no-such-name)"},
		{"nobody.example", dnscheck.StatusNoSuchName, "", "there is no nobody.example"},
		{"not a domain", dnscheck.StatusMalformed, "", "character"},
	} {
		found, status, detail := c.Authoritative(t.Context(), test.domain)
		var names []string
		for _, s := range found {
			names = append(names, s.Name)
		}
		if status != test.want || strings.Join(names, " ") != test.servers || !strings.Contains(detail, test.detail) {
			t.Errorf("%s: %s %v (%s), want %s %s (%s)", test.domain, status, names, detail, test.want, test.servers, test.detail)
		}
	}
	if _, status, _ := new(dnscheck.Client).Authoritative(t.Context(), "good.example"); status != dnscheck.StatusNetworkError {
		t.Errorf("without a server: %s", status)
	}
	// What is found can be asked.
	c.Servers, _, _ = c.Authoritative(t.Context(), "good.example")
	a, ok := c.Ask(t.Context(), "good.example").Answer("ns1.good.example", "_sip._tls.good.example", "SRV")
	if !ok || !a.Authoritative || len(a.Records) != 1 {
		t.Errorf("%+v", a)
	}
}
