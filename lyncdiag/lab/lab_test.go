package lab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/crypto/ocsp"
)

func start(t *testing.T, c Config) *Lab {
	t.Helper()
	l, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// inLab runs a test in a bubble of its own with a lab.
func inLab(t *testing.T, c Config, test func(t *testing.T, l *Lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // the bubble fails the test if anything of the lab lives on
		test(t, l)
	})
}

// ask puts a question to the lab's resolver with a client that is not ours.
func ask(t *testing.T, l *Lab, network, name string, kind uint16) *dns.Msg {
	t.Helper()
	n := l.Network()
	c, err := n.Dial(t.Context(), network, n.DNS[0].Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client := &dns.Client{Net: network}
	answer, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), &dns.Conn{Conn: c})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return answer
}

// address looks a host up, following CNAMEs as the resolver does.
func address(t *testing.T, l *Lab, host string) string {
	t.Helper()
	for _, rr := range ask(t, l, "udp", host, dns.TypeA).Answer {
		if a, ok := rr.(*dns.A); ok {
			return a.A.String()
		}
	}
	t.Fatalf("%s has no address", host)
	return ""
}

func browser(t *testing.T, l *Lab) *http.Client {
	n := l.Network()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, hostPort string) (net.Conn, error) {
			host, port, _ := net.SplitHostPort(hostPort)
			return n.Dial(ctx, network, net.JoinHostPort(address(t, l, host), port))
		},
		TLSClientConfig:   &tls.Config{RootCAs: n.Roots, Time: n.Now},
		DisableKeepAlives: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func get(t *testing.T, l *Lab, url string) (*http.Response, string) {
	t.Helper()
	resp, err := browser(t, l).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func dialTLS(t *testing.T, l *Lab, host string, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	n := l.Network()
	raw, err := n.Dial(t.Context(), "tcp", address(t, l, host)+":443")
	if err != nil {
		t.Fatal(err)
	}
	c.RootCAs = n.Roots
	c.Time = n.Now
	conn := tls.Client(raw, c)
	if err := conn.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

const registerRequest = "REGISTER sip:contoso.example SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" +
	"From: <sip:joe@contoso.example>;tag=1;epid=1\r\nTo: <sip:joe@contoso.example>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"

// registers sends a REGISTER and reads the head of the answer.
func registers(t *testing.T, c net.Conn) (string, textproto.MIMEHeader) {
	t.Helper()
	if _, err := io.WriteString(c, registerRequest); err != nil {
		t.Fatal(err)
	}
	in := textproto.NewReader(bufio.NewReader(c))
	line, err := in.ReadLine()
	if err != nil {
		t.Fatal(err)
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return line, header
}

// The delay model: a dial costs one round trip, and so does each turn.
func TestRoundTrips(t *testing.T) {
	const rtt = 100 * time.Millisecond
	took := func(t *testing.T, start time.Time, trips int) {
		t.Helper()
		if got, want := time.Since(start), time.Duration(trips)*rtt; got != want {
			t.Errorf("took %v, want %v (%d round trips)", got, want, trips)
		}
	}
	t.Run("DNS", func(t *testing.T) {
		inLab(t, Config{RTT: rtt}, func(t *testing.T, l *Lab) {
			start := time.Now()
			ask(t, l, "udp", sipSRV, dns.TypeSRV)
			took(t, start, 1)
		})
	})
	t.Run("DNS over TCP", func(t *testing.T) {
		inLab(t, Config{RTT: rtt}, func(t *testing.T, l *Lab) {
			start := time.Now()
			ask(t, l, "tcp", sipSRV, dns.TypeSRV)
			took(t, start, 2)
		})
	})
	t.Run("HTTPS with 60 kB", func(t *testing.T) {
		inLab(t, Config{RTT: rtt}, func(t *testing.T, l *Lab) {
			l.world.hosts[sts].ports[443].web = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Write(make([]byte, 60_000))
			})
			start := time.Now()
			if _, body := get(t, l, "https://"+sts+"/"); len(body) != 60_000 {
				t.Errorf("read %d bytes", len(body))
			}
			took(t, start, 4) // DNS, TCP, TLS 1.3, HTTP
		})
	})
	t.Run("SIP over TLS", func(t *testing.T) {
		inLab(t, Config{RTT: rtt}, func(t *testing.T, l *Lab) {
			ip := address(t, l, sipdir)
			start := time.Now()
			raw, err := l.Network().Dial(t.Context(), "tcp", ip+":443")
			if err != nil {
				t.Fatal(err)
			}
			c := tls.Client(raw, &tls.Config{RootCAs: l.Network().Roots, ServerName: sipdir})
			defer c.Close()
			registers(t, c)
			took(t, start, 3) // TCP, TLS 1.3, SIP
		})
	})
	t.Run("refused", func(t *testing.T) {
		inLab(t, Config{RTT: rtt, Faults: []string{"tcp-443-not-listening"}}, func(t *testing.T, l *Lab) {
			start := time.Now()
			_, err := l.Network().Dial(t.Context(), "tcp", "127.0.1.1:443")
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("got %v, want a refusal", err)
			}
			took(t, start, 1)
		})
	})
}

func TestReach(t *testing.T) {
	tests := []struct {
		fault, address string
		want           error
	}{
		{"healthy", "127.0.1.1:443", nil},
		{"healthy", "127.0.1.1:8443", syscall.ECONNREFUSED},
		{"healthy", "127.0.9.9:443", syscall.EHOSTUNREACH},
		{"tcp-443-not-listening", "127.0.1.1:443", syscall.ECONNREFUSED},
		{"tcp-443-filtered", "127.0.1.1:443", context.DeadlineExceeded},
		{"firewall-blocks-lync-online", "127.0.1.2:80", context.DeadlineExceeded},
		{"firewall-blocks-lync-online", "127.0.2.1:443", nil},
	}
	for _, test := range tests {
		t.Run(test.fault+" "+test.address, func(t *testing.T) {
			inLab(t, Config{Faults: []string{test.fault}}, func(t *testing.T, l *Lab) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				c, err := l.Network().Dial(ctx, "tcp", test.address)
				if !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				var asNet *net.OpError
				if err != nil && !errors.As(err, &asNet) {
					t.Errorf("%v is no *net.OpError", err)
				}
				if err == nil {
					c.Close()
				}
			})
		})
	}
}

func TestDialTakesNoNames(t *testing.T) {
	l := start(t, Config{})
	if _, err := l.Network().Dial(t.Context(), "tcp", sipdir+":443"); err == nil {
		t.Error("a name was dialled past the resolver")
	}
}

func TestZone(t *testing.T) {
	l := start(t, Config{})
	tests := []struct {
		name  string
		kind  uint16
		rcode int
		want  string // last field of the first record
	}{
		{domain, dns.TypeSOA, dns.RcodeSuccess, "300"},
		{domain, dns.TypeNS, dns.RcodeSuccess, "ns1.contoso.example."},
		{sipSRV, dns.TypeSRV, dns.RcodeSuccess, sipdir + "."},
		{federation, dns.TypeSRV, dns.RcodeSuccess, sipfed + "."},
		{sipName, dns.TypeCNAME, dns.RcodeSuccess, sipdir + "."},
		{discover, dns.TypeCNAME, dns.RcodeSuccess, webdir + "."},
		{"lyncdiscoverinternal." + domain, dns.TypeA, dns.RcodeNameError, ""},
		{"_sipinternaltls._tcp." + domain, dns.TypeSRV, dns.RcodeNameError, ""},
		{sipdir, dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"elsewhere.invalid", dns.TypeA, dns.RcodeNameError, ""},
	}
	for _, test := range tests {
		for _, network := range []string{"udp", "tcp"} {
			answer := ask(t, l, network, test.name, test.kind)
			got := ""
			if len(answer.Answer) > 0 {
				fields := strings.Fields(answer.Answer[0].String())
				got = fields[len(fields)-1]
			}
			if answer.Rcode != test.rcode || got != test.want || !answer.RecursionAvailable {
				t.Errorf("%s %s over %s: %s %q, recursion %v; want %s %q", dns.TypeToString[test.kind], test.name, network,
					dns.RcodeToString[answer.Rcode], got, answer.RecursionAvailable, dns.RcodeToString[test.rcode], test.want)
			}
		}
	}
}

func TestEveryAddressIsLoopback(t *testing.T) {
	for _, f := range Faults() {
		w := newWorld(f.Base, time.Now)
		seen := map[string]string{}
		for name, h := range w.hosts {
			if !strings.HasPrefix(h.address, "127.0.") || seen[h.address] != "" {
				t.Errorf("%s: %s is at %s, as is %q", f.Base, name, h.address, seen[h.address])
			}
			seen[h.address] = name
		}
	}
}

func TestAutodiscover(t *testing.T) {
	l := start(t, Config{})
	resp, body := get(t, l, "http://"+discover+"/?sipuri=sip:joe@contoso.example")
	var doc struct {
		Links map[string]struct{ Href string } `json:"_links"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d %v: %s", resp.StatusCode, err, body)
	}
	root := doc.Links["redirect"].Href
	if !strings.HasPrefix(root, "https://"+webdir+"/") {
		t.Fatalf("redirect to %q", root)
	}
	_, body = get(t, l, root)
	doc.Links = nil
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	resp, _ = get(t, l, doc.Links["user"].Href)
	if resp.StatusCode != 401 || resp.Header.Get("X-MS-WebTicketURL") == "" {
		t.Errorf("User resource: %d %v", resp.StatusCode, resp.Header)
	}
	// The custom name shows the service's own certificate.
	_, err := browser(t, l).Get("https://" + discover + "/")
	var name x509.HostnameError
	if !errors.As(err, &name) {
		t.Errorf("HTTPS on the custom name: %v, want a name mismatch", err)
	}
}

// What leads an own deployment's users on is theirs; only hybrid ends online.
func TestOwnAutodiscover(t *testing.T) {
	for base, want := range map[string]string{"healthy-hybrid": webdir, "healthy-server": proxy} {
		l := start(t, Config{Faults: []string{base}})
		if resp, _ := get(t, l, "https://"+discover+"/"); resp.StatusCode != 200 {
			t.Errorf("%s: HTTPS on the own name: %d", base, resp.StatusCode)
		}
		_, body := get(t, l, "https://"+proxy+"/Autodiscover/AutodiscoverService.svc/root")
		if !strings.Contains(body, "https://"+want+"/Autodiscover/") {
			t.Errorf("%s: root leads to %s, want %s", base, body, want)
		}
	}
}

func TestRealm(t *testing.T) {
	for base, want := range map[string]string{"healthy": "Federated", "healthy-managed": "Managed", "healthy-hybrid": "Federated", "healthy-server": "Unknown", "realm-unknown": "Unknown"} {
		l := start(t, Config{Faults: []string{base}})
		for _, user := range []string{"joe", "o'brien"} { // every local part is the user
			_, body := get(t, l, "https://"+login+"/common/UserRealm/"+user+"@contoso.example?api-version=1.0")
			var realm struct {
				Type string `json:"account_type"`
				MEX  string `json:"federation_metadata_url"`
			}
			if err := json.Unmarshal([]byte(body), &realm); err != nil || realm.Type != want {
				t.Errorf("%s: %v %s", base, err, body)
			}
			if want == "Federated" && realm.MEX != "https://sts.contoso.example/adfs/services/trust/mex" {
				t.Errorf("%s: MEX at %q", base, realm.MEX)
			}
		}
	}
	l := start(t, Config{})
	resp, _ := get(t, l, "http://"+login+"/")
	if resp.StatusCode != 301 || resp.Header.Get("Location") != "https://"+login+"/" {
		t.Errorf("plain HTTP: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
}

func TestFederationService(t *testing.T) {
	l := start(t, Config{})
	resp, body := get(t, l, "https://"+sts+"/adfs/services/trust/mex")
	if resp.StatusCode != 200 || !strings.Contains(body, "/adfs/services/trust/2005/usernamemixed") {
		t.Errorf("MEX: %d, %d bytes", resp.StatusCode, len(body))
	}
}

func TestRegistrar(t *testing.T) {
	l := start(t, Config{})
	c, err := dialTLS(t, l, sipdir, &tls.Config{ServerName: sipdir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line, header := registers(t, c)
	if line != "SIP/2.0 401 Unauthorized" {
		t.Error(line)
	}
	var schemes []string
	for _, v := range header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(v, " ")
		schemes = append(schemes, scheme)
	}
	if !slices.Equal(schemes, []string{"NTLM", "Kerberos", "TLS-DSK"}) {
		t.Errorf("schemes %v", schemes)
	}
}

func TestTLS(t *testing.T) {
	l := start(t, Config{})
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		for _, host := range []string{sipdir, webdir, login, sts} {
			c, err := dialTLS(t, l, host, &tls.Config{ServerName: host, MinVersion: version, MaxVersion: version})
			if err != nil {
				t.Errorf("%s with %s: %v", host, tls.VersionName(version), err)
				continue
			}
			state := c.ConnectionState()
			c.Close()
			if len(state.PeerCertificates) != 2 {
				t.Errorf("%s sends %d certificates, want its own and the issuer's", host, len(state.PeerCertificates))
				continue
			}
			if r, err := ocsp.ParseResponse(state.OCSPResponse, state.PeerCertificates[1]); err != nil || r.Status != ocsp.Good {
				t.Errorf("%s with %s: stapled OCSP response: %v", host, tls.VersionName(version), err)
			}
		}
	}
	// Without SNI: the name is checked here by hand.
	c, err := dialTLS(t, l, sts, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.ConnectionState().PeerCertificates[0].VerifyHostname(sts); err != nil {
		t.Error(err)
	}
}

func TestHandshakeReset(t *testing.T) {
	l := start(t, Config{Faults: []string{"tls-handshake-failed"}})
	if _, err := dialTLS(t, l, sipdir, &tls.Config{ServerName: sipdir}); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("handshake: %v, want a reset", err)
	}
}

// Every server's Date is the servers' clock, and only the client's differs.
func TestClocks(t *testing.T) {
	at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	l := start(t, Config{Faults: []string{"client-clock-skew"}, Now: func() time.Time { return at }})
	if ahead := l.Network().Now().Sub(at); ahead != 11*time.Minute {
		t.Errorf("the client is %v ahead", ahead)
	}
	for _, url := range []string{
		"http://" + discover + "/", "https://" + webdir + "/", "http://" + login + "/", "https://" + login + "/common/UserRealm/a@contoso.example?api-version=1.0",
		"https://" + sts + "/adfs/services/trust/mex", "http://" + www + "/",
	} {
		resp, _ := get(t, l, url) // the chain verifies by the client's clock
		if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || !date.Equal(at) {
			t.Errorf("%s: Date %q", url, resp.Header.Get("Date"))
		}
	}
	c, err := dialTLS(t, l, sipdir, &tls.Config{ServerName: sipdir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, header := registers(t, c); header.Get("Date") != at.Format(http.TimeFormat) {
		t.Errorf("registrar: Date %q", header.Get("Date"))
	}
}

func TestExchanges(t *testing.T) {
	inLab(t, Config{RTT: time.Second}, func(t *testing.T, l *Lab) {
		get(t, l, "https://"+sts+"/adfs/services/trust/mex")
		time.Sleep(time.Second)
		c, err := dialTLS(t, l, sipdir, &tls.Config{ServerName: sipdir})
		if err != nil {
			t.Fatal(err)
		}
		registers(t, c)
		c.Close()
		var got []string
		last := time.Time{}
		for _, x := range l.Exchanges() {
			if x.At.Before(last) {
				t.Errorf("%v is out of order", x)
			}
			last = x.At
			got = append(got, fmt.Sprintf("%s %s: %s", x.Kind, x.Host, x.What))
		}
		want := []string{
			"dns resolver: A " + sts,
			"tcp " + sts + ": 443 connected",
			"http " + sts + ": GET https://" + sts + "/adfs/services/trust/mex",
			"dns resolver: A " + sipdir,
			"tcp " + sipdir + ": 443 connected",
			"sip " + sipdir + ": REGISTER sip:contoso.example",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	l := start(t, Config{})
	for i := range 3 * maxHistory {
		l.note("tcp", "host", fmt.Sprint(i))
	}
	all := l.Exchanges()
	if len(all) > maxHistory || all[len(all)-1].What != fmt.Sprint(3*maxHistory-1) {
		t.Errorf("%d entries, the last %v", len(all), all[len(all)-1])
	}
}

// A request line is heard however it is cut.
func TestOverheard(t *testing.T) {
	for size := 1; size < 60; size++ {
		var heard []string
		near, far := net.Pipe()
		go func() {
			for piece := range slices.Chunk([]byte(registerRequest), size) {
				far.Write(piece)
			}
			far.Close()
		}()
		io.Copy(io.Discard, &overheard{Conn: near, heard: func(line string) { heard = append(heard, line) }})
		if !slices.Equal(heard, []string{"REGISTER sip:contoso.example"}) {
			t.Fatalf("in pieces of %d: heard %q", size, heard)
		}
	}
	var heard []string
	long := bytes.Repeat([]byte("x"), 1<<20)
	near, far := net.Pipe()
	go func() { far.Write(long); far.Write([]byte(" SIP/2.0\n")); far.Close() }()
	o := &overheard{Conn: near, heard: func(line string) { heard = append(heard, line) }}
	io.Copy(io.Discard, o)
	if len(heard) > 0 || cap(o.line) > 64<<10 {
		t.Errorf("a line of a megabyte is kept: %d bytes", cap(o.line))
	}
}

func TestEnd(t *testing.T) {
	for _, end := range []string{"close", "context"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l, err := Start(ctx, Config{Faults: []string{"tcp-443-filtered"}})
				if err != nil {
					t.Fatal(err)
				}
				open, err := l.Network().Dial(t.Context(), "tcp", "127.0.2.1:443")
				if err != nil {
					t.Fatal(err)
				}
				waiting := make(chan error)
				go func() {
					_, err := l.Network().Dial(context.Background(), "tcp", "127.0.1.1:443") // a silent host
					waiting <- err
				}()
				synctest.Wait()
				if end == "close" {
					l.Close()
				}
				cancel()
				if err := <-waiting; err == nil {
					t.Error("a dial outlived the lab")
				}
				if _, err := open.Read(make([]byte, 1)); err == nil {
					t.Error("a connection outlived the lab")
				}
				for _, network := range []string{"udp", "tcp"} {
					if _, err := l.Network().Dial(context.Background(), network, resolverAddress.String()); err == nil {
						t.Errorf("a %s dial into the closed lab succeeded", network)
					}
				}
				l.Close() // a second time
			})
		})
	}
}
