package dnstest_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// serve answers on sockets of the loopback interface.
func serve(t *testing.T, s *dnstest.Server) (address string) {
	t.Helper()
	udp, tcp := samePort(t)
	t.Cleanup(func() {
		udp.Close()
		tcp.Close()
	})
	go func() { _ = s.ServePacket(udp) }()
	go func() { _ = s.ServeListener(tcp) }()
	return udp.LocalAddr().String()
}

// TestWildcards holds the zone and the answers of RFC 4592 section 2.2.1.
func TestWildcards(t *testing.T) {
	zone, err := dnstest.ParseZone("example", `
*             TXT "this is a wildcard"
*             MX 10 host1
sub.*         TXT "this is not a wildcard"
host1         A 127.0.0.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host2
`)
	if err != nil {
		t.Fatal(err)
	}
	address := serve(t, &dnstest.Server{Zones: []*dnstest.Zone{zone}})
	tests := []struct {
		name    string
		qtype   uint16
		rcode   int
		answers int
	}{
		{"host3.example.", dns.TypeMX, dns.RcodeSuccess, 1},
		{"host3.example.", dns.TypeA, dns.RcodeSuccess, 0},
		{"foo.bar.example.", dns.TypeTXT, dns.RcodeSuccess, 1},
		{"host1.example.", dns.TypeMX, dns.RcodeSuccess, 0},
		{"sub.*.example.", dns.TypeMX, dns.RcodeSuccess, 0},
		{"_telnet._tcp.host1.example.", dns.TypeSRV, dns.RcodeNameError, 0},
		{"ghost.*.example.", dns.TypeMX, dns.RcodeNameError, 0},
	}
	for _, network := range []string{"udp", "tcp"} {
		client := &dns.Client{Net: network}
		for _, test := range tests {
			reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(test.name, test.qtype), address)
			if err != nil {
				t.Fatal(err)
			}
			if reply.Rcode != test.rcode || len(reply.Answer) != test.answers || !reply.Authoritative {
				t.Errorf("%s %s: %v", network, test.name, reply)
			}
			for _, rr := range reply.Answer {
				if rr.Header().Name != test.name {
					t.Errorf("%s: owner %s", test.name, rr.Header().Name)
				}
			}
			// RFC 2308: an absence carries the SOA.
			if len(reply.Answer) == 0 && (len(reply.Ns) != 1 || reply.Ns[0].Header().Rrtype != dns.TypeSOA) {
				t.Errorf("%s: authority %v", test.name, reply.Ns)
			}
		}
	}
}

func TestParseZoneErrors(t *testing.T) {
	for _, text := range []string{"a A\n", "a A 127.0.0.1 trailing\n", "b.other.example. A 127.0.0.1\n", "a SRV x\n"} {
		if _, err := dnstest.ParseZone("contoso.example", text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestOverrides(t *testing.T) {
	zone, err := dnstest.ParseZone("contoso.example", "a A 127.0.0.1\nb A 127.0.0.2\n")
	if err != nil {
		t.Fatal(err)
	}
	s := &dnstest.Server{Zones: []*dnstest.Zone{zone}, Overrides: []dnstest.Override{
		{Name: "a.contoso.example", Type: "A", Network: "udp", Times: 1, RCode: "SERVFAIL"},
		{Name: "*.contoso.example", Type: "A", Records: []string{"b.contoso.example. 60 IN A 127.9.9.9"}},
		{Type: "TXT", Behaviour: dnstest.Drop},
		{Type: "AAAA", Behaviour: dnstest.WrongID},
	}}
	address := serve(t, s)
	client := &dns.Client{Timeout: 100 * time.Millisecond}
	ask := func(name string, qtype uint16) (*dns.Msg, error) {
		reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype), address)
		return reply, err
	}
	if reply, err := ask("a.contoso.example.", dns.TypeA); err != nil || reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("first: %v, %v", reply, err)
	}
	if reply, err := ask("a.contoso.example.", dns.TypeA); err != nil || len(reply.Answer) != 1 || !strings.HasSuffix(reply.Answer[0].String(), "127.9.9.9") {
		t.Errorf("second: %v, %v", reply, err)
	}
	if reply, err := ask("a.contoso.example.", dns.TypeTXT); err == nil {
		t.Errorf("dropped: %v", reply)
	}
	if reply, err := ask("a.contoso.example.", dns.TypeAAAA); err == nil {
		t.Errorf("wrong id: %v", reply)
	}
	if reply, err := ask("elsewhere.example.", dns.TypeA); err != nil || reply.Rcode != dns.RcodeRefused {
		t.Errorf("outside: %v, %v", reply, err)
	}
	if got := s.Queries(); len(got) != 5 || got[0].Name != "a.contoso.example" || got[0].Type != "A" || got[0].Network != "udp" || got[4].Name != "elsewhere.example" {
		t.Errorf("queries %+v", got)
	}
}

// TestAutodiscover checks the rules of MS-OCDISCWS: HTTP redirects, HTTPS names the
// User and Domain resources, and the User resource asks for a ticket.
func TestAutodiscover(t *testing.T) {
	service := &dnstest.Autodiscover{Web: "webdir.example"}
	plain, secure := httptest.NewServer(service), httptest.NewTLSServer(service)
	defer plain.Close()
	defer secure.Close()
	get := func(client *http.Client, url, accept string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	const asXML = "application/vnd.microsoft.rtc.autodiscover+xml;v=1"
	var doc struct {
		AccessLocation string `xml:",attr"`
		Root           struct {
			Link []struct {
				Token string `xml:"token,attr"`
				Href  string `xml:"href,attr"`
			}
		}
	}
	resp := get(plain.Client(), plain.URL+"/?sipuri=sip:joe@contoso.example", asXML)
	if err := xml.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.AccessLocation != "External" || len(doc.Root.Link) != 1 || doc.Root.Link[0].Token != "Redirect" || !strings.HasPrefix(doc.Root.Link[0].Href, "https://webdir.example/") {
		t.Errorf("plain: %+v", doc)
	}
	var links struct {
		Links map[string]struct{ Href string } `json:"_links"`
	}
	resp = get(secure.Client(), secure.URL+"/", "")
	if err := json.NewDecoder(resp.Body).Decode(&links); err != nil {
		t.Fatal(err)
	}
	user := links.Links["user"].Href
	if user == "" || links.Links["domain"].Href == "" {
		t.Errorf("secure: %+v", links)
	}
	resp = get(secure.Client(), strings.Replace(user, "https://webdir.example", secure.URL, 1), asXML)
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("X-MS-WebTicketURL") == "" || len(body) != 0 {
		t.Errorf("user: %d %v", resp.StatusCode, resp.Header)
	}
	if n := len(service.Requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func ExampleServer() {
	zone, err := dnstest.ParseZone("contoso.example", "sip CNAME sipdir.online.lync.com.\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &dnstest.Server{
		Zones:     []*dnstest.Zone{zone},
		Overrides: []dnstest.Override{{Name: "lyncdiscover.contoso.example", RCode: "SERVFAIL"}},
	}
	near, far := net.Pipe()
	go server.ServeConn("tcp", far)
	conn := &dns.Conn{Conn: near}
	defer conn.Close()
	for _, name := range []string{"sip.contoso.example.", "lyncdiscover.contoso.example."} {
		if err := conn.WriteMsg(new(dns.Msg).SetQuestion(name, dns.TypeCNAME)); err != nil {
			fmt.Println(err)
			return
		}
		reply, err := conn.ReadMsg()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(dns.RcodeToString[reply.Rcode], len(reply.Answer))
	}
	// Output:
	// NOERROR 1
	// SERVFAIL 0
}

// TestHistoryIsBounded: a fake may serve for days.
func TestHistoryIsBounded(t *testing.T) {
	var s dnstest.Server
	conn, err := s.Dial(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 512)
	for i := range 10_001 {
		query, err := new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.example.", i), dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(query); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Queries(); len(got) != 5001 || got[0].Name != "n5000.example" || got[5000].Name != "n10000.example" {
		t.Errorf("%d queries", len(got))
	}

	a := dnstest.Autodiscover{Faults: []dnstest.AutodiscoverFault{{Behaviour: dnstest.RedirectForever}}}
	seen := make(map[string]bool)
	for i := range 10_001 {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("https://web.example/?n=%d", i), nil))
		if seen[w.Body.String()] {
			t.Fatal("a redirect for ever came back to a URL")
		}
		seen[w.Body.String()] = true
	}
	if got := a.Requests(); len(got) != 5001 || got[5000].URL != "https://web.example/?n=10000" {
		t.Errorf("%d requests", len(got))
	}
}

// samePort binds UDP and TCP ports of the same number. Somebody else may have
// the second one, so it tries again.
func samePort(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	var last error
	for range 50 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		udp.Close()
		last = err
	}
	t.Fatalf("no port is free for UDP and TCP: %v", last)
	return nil, nil
}
