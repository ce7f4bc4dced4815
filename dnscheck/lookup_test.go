package dnscheck_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
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

const onlineZone = `
sipdir  A    127.0.10.1
sipdir  AAAA ::1
webdir  CNAME webdir1e.infra
webdir1e.infra A 127.0.10.2
sipfed  A    127.0.10.3
`

const healthyZone = `
@                      SOA ns1 hostmaster 7 3600 600 86400 60
lyncdiscover           CNAME webdir.online.lync.com.
sip                    CNAME sipdir.online.lync.com.
_sip._tls              SRV 100 1 443 sipdir.online.lync.com.
_sipfederationtls._tcp SRV 100 1 5061 sipfed.online.lync.com.
`

func zone(t testing.TB, origin, text string) *dnstest.Zone {
	t.Helper()
	z, err := dnstest.ParseZone(origin, text)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// resolver is a recursive server that knows contoso.example and the online hosts.
func resolver(t testing.TB, contoso string, overrides ...dnstest.Override) *dnstest.Server {
	t.Helper()
	return &dnstest.Server{
		Recursive: true,
		Zones:     []*dnstest.Zone{zone(t, "contoso.example", contoso), zone(t, "online.lync.com", onlineZone)},
		Overrides: overrides,
	}
}

func client(s *dnstest.Server) *dnscheck.Client {
	return &dnscheck.Client{Dial: s.Dial, Servers: []dnscheck.Server{{Name: "system", Addr: netip.MustParseAddrPort("127.0.0.53:53")}}}
}

func TestLookupStatus(t *testing.T) {
	const name = "sip.contoso.example"
	tests := []struct {
		label    string
		override dnstest.Override
		name     string
		qtype    string
		want     dnscheck.Status
		rcode    string
		queries  int
	}{
		{"records", dnstest.Override{}, name, "A", dnscheck.StatusOK, "NOERROR", 1},
		{"no such name", dnstest.Override{}, "nothing.contoso.example", "A", dnscheck.StatusNoSuchName, "NXDOMAIN", 1},
		{"no data", dnstest.Override{}, "contoso.example", "A", dnscheck.StatusNoData, "NOERROR", 1},
		{"empty non-terminal", dnstest.Override{}, "_tls.contoso.example", "SRV", dnscheck.StatusNoData, "NOERROR", 1},
		// The chain behind a failure is looked for with a second question, for CNAME.
		{"server failure", dnstest.Override{RCode: "SERVFAIL"}, name, "A", dnscheck.StatusServerFailure, "SERVFAIL", 2},
		{"refused", dnstest.Override{RCode: "REFUSED"}, name, "A", dnscheck.StatusRefused, "REFUSED", 1},
		{"bare refusal", dnstest.Override{Behaviour: dnstest.BareRefusal}, name, "A", dnscheck.StatusRefused, "REFUSED", 1},
		{"referral", dnstest.Override{Behaviour: dnstest.Referral}, name, "A", dnscheck.StatusRefused, "NOERROR", 1},
		{"other rcode", dnstest.Override{RCode: "NOTAUTH"}, name, "A", dnscheck.StatusOtherRCode, "NOTAUTH", 1},
		{"server before EDNS", dnstest.Override{Behaviour: dnstest.NoEDNS}, name, "A", dnscheck.StatusOK, "NOERROR", 2},
		{"silence", dnstest.Override{Behaviour: dnstest.Drop}, name, "A", dnscheck.StatusNoAnswer, "", 2},
		{"one loss", dnstest.Override{Behaviour: dnstest.Drop, Times: 1}, name, "A", dnscheck.StatusOK, "NOERROR", 2},
		{"slow", dnstest.Override{Delay: 2 * time.Second}, name, "A", dnscheck.StatusOK, "NOERROR", 1},
		{"too slow", dnstest.Override{Delay: 6 * time.Second}, name, "A", dnscheck.StatusNoAnswer, "", 2},
		{"wrong id", dnstest.Override{Behaviour: dnstest.WrongID}, name, "A", dnscheck.StatusNoAnswer, "", 2},
		{"wrong id, then right", dnstest.Override{Behaviour: dnstest.WrongID, ThenRight: true}, name, "A", dnscheck.StatusOK, "NOERROR", 1},
		{"wrong question", dnstest.Override{Behaviour: dnstest.WrongQuestion}, name, "A", dnscheck.StatusNoAnswer, "", 2},
		{"wrong question, then right", dnstest.Override{Behaviour: dnstest.WrongQuestion, ThenRight: true}, name, "A", dnscheck.StatusOK, "NOERROR", 1},
		{"compression loop", dnstest.Override{Behaviour: dnstest.CompressionLoop}, name, "A", dnscheck.StatusMalformed, "", 1},
		{"broken off", dnstest.Override{Behaviour: dnstest.Garbage}, name, "A", dnscheck.StatusMalformed, "", 1},
		{"truncated", dnstest.Override{Behaviour: dnstest.Truncate}, name, "A", dnscheck.StatusOK, "NOERROR", 2},
		{"label too long", dnstest.Override{}, strings.Repeat("a", 64) + ".example", "A", dnscheck.StatusMalformed, "", 0},
		{"no name", dnstest.Override{}, "", "A", dnscheck.StatusMalformed, "", 0},
		{"unknown type", dnstest.Override{}, name, "SRW", dnscheck.StatusMalformed, "", 0},
		{"unicode", dnstest.Override{}, "b\u00fccher.contoso.example", "A", dnscheck.StatusNoSuchName, "NXDOMAIN", 1},
		{"trailing dot and case", dnstest.Override{}, "SIP.Contoso.Example.", "a", dnscheck.StatusOK, "NOERROR", 1},
	}
	for _, test := range tests {
		t.Run(test.label, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := resolver(t, healthyZone, test.override)
				a := client(s).Lookup(t.Context(), test.name, test.qtype)
				if a.Status != test.want || a.RCode != test.rcode {
					t.Errorf("status %q, rcode %q, want %q, %q (%s)", a.Status, a.RCode, test.want, test.rcode, a.Detail)
				}
				if n := len(s.Queries()); n != test.queries {
					t.Errorf("%d queries, want %d: %v", n, test.queries, s.Queries())
				}
				if (a.Status == dnscheck.StatusOK) != (len(a.Records) > 0) {
					t.Errorf("status %q with records %v", a.Status, a.Records)
				}
				if a.Truncated != (test.label == "truncated") {
					t.Errorf("truncated = %v", a.Truncated)
				}
				time.Sleep(10 * time.Second) // lets delayed answers of the fake end
			})
		})
	}
}

func TestLookupIsAskedOnceMoreHalfWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := resolver(t, healthyZone, dnstest.Override{Behaviour: dnstest.Drop})
		start := time.Now()
		a := client(s).Lookup(t.Context(), "contoso.example", "SOA")
		if took := time.Since(start); took != 5*time.Second || a.Elapsed != took {
			t.Errorf("took %v, says %v, want 5s", took, a.Elapsed)
		}
		var at []time.Duration
		for _, q := range s.Queries() {
			at = append(at, q.At.Sub(start))
		}
		if want := []time.Duration{0, 2500 * time.Millisecond}; !slices.Equal(at, want) {
			t.Errorf("asked at %v, want %v", at, want)
		}
	})
}

func TestLookupNetworkErrors(t *testing.T) {
	ctx := t.Context()
	if a := (&dnscheck.Client{}).Lookup(ctx, "contoso.example", "A"); a.Status != dnscheck.StatusNetworkError {
		t.Errorf("zero client: %+v", a)
	}
	c := client(nil)
	c.Dial = nil
	if a := c.Lookup(ctx, "contoso.example", "A"); a.Status != dnscheck.StatusNetworkError {
		t.Errorf("no dial: %+v", a)
	}
	c.Dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		far.Close()
		return near, nil
	}
	if a := c.Lookup(ctx, "contoso.example", "A"); a.Status != dnscheck.StatusNetworkError {
		t.Errorf("closed: %+v", a)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if a := c.Lookup(cancelled, "contoso.example", "A"); a.Status != dnscheck.StatusCancelled {
		t.Errorf("cancelled: %+v", a)
	}
}

func TestLookupAsksTheNextServerOnFailureOnly(t *testing.T) {
	bad := resolver(t, healthyZone, dnstest.Override{RCode: "REFUSED", Name: "sip.contoso.example"})
	good := resolver(t, healthyZone+"other A 127.0.0.9\n")
	c := &dnscheck.Client{
		Servers: []dnscheck.Server{{Name: "bad", Addr: netip.MustParseAddrPort("127.0.0.1:53")}, {Name: "good", Addr: netip.MustParseAddrPort("127.0.0.2:0")}},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "127.0.0.1:53" {
				return bad.Dial(ctx, network, address)
			}
			if address != "127.0.0.2:53" {
				return nil, fmt.Errorf("unexpected address %s", address)
			}
			return good.Dial(ctx, network, address)
		},
	}
	if a := c.Lookup(t.Context(), "sip.contoso.example", "A"); a.Server != "good" || a.Status != dnscheck.StatusOK {
		t.Errorf("after a refusal: %+v", a)
	}
	if a := c.Lookup(t.Context(), "other.contoso.example", "A"); a.Server != "bad" || a.Status != dnscheck.StatusNoSuchName {
		t.Errorf("after an answer: %+v", a)
	}
}

func TestLookupCNAMEs(t *testing.T) {
	const chains = `
one A 127.0.0.1
two CNAME one
three CNAME two
dangling CNAME nothing
self CNAME self
ring1 CNAME ring2
ring2 CNAME ring3
ring3 CNAME ring1
away CNAME webdir.online.lync.com.
`
	long := chains
	for i := range 20 {
		long += fmt.Sprintf("long%d CNAME long%d\n", i, i+1)
	}
	long += "long20 A 127.0.0.1\n"
	tests := []struct {
		name   string
		want   dnscheck.Status
		cnames []string
	}{
		{"one", dnscheck.StatusOK, nil},
		{"three", dnscheck.StatusOK, []string{"two.contoso.example", "one.contoso.example"}},
		{"dangling", dnscheck.StatusNoSuchName, []string{"nothing.contoso.example"}},
		{"self", dnscheck.StatusCNAMELoop, []string{"self.contoso.example"}},
		{"ring1", dnscheck.StatusCNAMELoop, []string{"ring2.contoso.example", "ring3.contoso.example", "ring1.contoso.example"}},
		{"long5", dnscheck.StatusOK, nil},
		{"long0", dnscheck.StatusCNAMELoop, nil},
		{"away", dnscheck.StatusOK, []string{"webdir.online.lync.com", "webdir1e.infra.online.lync.com"}},
	}
	servers := map[string]func(t *testing.T) *dnstest.Server{
		"recursive": func(t *testing.T) *dnstest.Server { return resolver(t, long) },
		"authoritative": func(t *testing.T) *dnstest.Server {
			s := resolver(t, long)
			s.Recursive = false
			return s
		},
		"one step at a time": func(t *testing.T) *dnstest.Server {
			return resolver(t, long, dnstest.Override{Behaviour: dnstest.NoRecursion})
		},
		// As recursive servers do: nothing but SERVFAIL, yet each CNAME when asked for it.
		"failing on loops": func(t *testing.T) *dnstest.Server {
			return resolver(t, long,
				dnstest.Override{Name: "self.contoso.example", Type: "A", RCode: "SERVFAIL"},
				dnstest.Override{Name: "ring1.contoso.example", Type: "A", RCode: "SERVFAIL"},
				dnstest.Override{Name: "long0.contoso.example", Type: "A", RCode: "SERVFAIL"})
		},
	}
	for label, server := range servers {
		for _, test := range tests {
			t.Run(label+"/"+test.name, func(t *testing.T) {
				a := client(server(t)).Lookup(t.Context(), test.name+".contoso.example", "A")
				if a.Status != test.want {
					t.Fatalf("status %q, want %q: %+v", a.Status, test.want, a)
				}
				if test.cnames != nil && !slices.Equal(a.CNAMEs, test.cnames) {
					t.Errorf("chain %v, want %v", a.CNAMEs, test.cnames)
				}
				if (a.Status == dnscheck.StatusOK) != (len(a.Records) == 1) {
					t.Errorf("records %v", a.Records)
				}
			})
		}
	}
}

func TestLookupRecordFields(t *testing.T) {
	s := resolver(t, healthyZone+`space SRV 1 2 3 bad\032name.example.`+"\n"+`none SRV 0 0 0 .`+"\n")
	c := client(s)
	a := c.Lookup(t.Context(), "_SIP._tls.contoso.example", "SRV")
	want := []dnscheck.Record{{
		Name: "_sip._tls.contoso.example", Type: "SRV", TTL: 3600, Target: "sipdir.online.lync.com",
		Priority: 100, Weight: 1, Port: 443, Text: "100 1 443 sipdir.online.lync.com.",
	}}
	if !reflect.DeepEqual(a.Records, want) || a.TTL != 3600 {
		t.Errorf("got %+v", a)
	}
	if a := c.Lookup(t.Context(), "space.contoso.example", "SRV"); a.Records[0].Target != `bad\ name.example` && a.Records[0].Target != `bad\032name.example` {
		t.Errorf("target %q", a.Records[0].Target)
	}
	if a := c.Lookup(t.Context(), "none.contoso.example", "SRV"); a.Records[0].Target != "." {
		t.Errorf("target %q", a.Records[0].Target)
	}
	// RFC 2308 section 5: the smaller of the SOA's own TTL and its minimum.
	if a := c.Lookup(t.Context(), "nothing.contoso.example", "A"); a.TTL != 60 {
		t.Errorf("negative TTL %d, want 60", a.TTL)
	}
	if a := c.Lookup(t.Context(), "sip.contoso.example", "A"); !a.Recursion || a.Authoritative || len(a.Records) != 1 || a.Records[0].Address != netip.MustParseAddr("127.0.10.1") {
		t.Errorf("got %+v", a)
	}
}

func TestLookupLargeAnswer(t *testing.T) {
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "many A 127.1.0.%d\n", i)
	}
	s := resolver(t, text.String())
	a := client(s).Lookup(t.Context(), "many.contoso.example", "A")
	if a.Status != dnscheck.StatusOK || !a.Truncated || len(a.Records) != 200 {
		t.Errorf("status %q, truncated %v, %d records", a.Status, a.Truncated, len(a.Records))
	}
	s = resolver(t, text.String(), dnstest.Override{Behaviour: dnstest.TruncateAlways})
	if a := client(s).Lookup(t.Context(), "many.contoso.example", "A"); a.Status != dnscheck.StatusMalformed || len(a.Records) != 0 {
		t.Errorf("cut over TCP: status %q, %d records", a.Status, len(a.Records))
	}
	s = resolver(t, text.String(), dnstest.Override{Network: "tcp", RCode: "REFUSED"})
	if a := client(s).Lookup(t.Context(), "many.contoso.example", "A"); a.Status != dnscheck.StatusRefused || len(a.Records) != 0 {
		t.Errorf("without TCP: status %q, %d records", a.Status, len(a.Records))
	}
}

func TestLookupOverSockets(t *testing.T) {
	s := resolver(t, healthyZone, dnstest.Override{Name: "lyncdiscover.contoso.example", Behaviour: dnstest.Truncate})
	udp, tcp := samePort(t)
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.ServePacket(udp); err != nil {
			t.Error(err)
		}
	})
	wait.Go(func() {
		if err := s.ServeListener(tcp); err != nil {
			t.Error(err)
		}
	})
	address := netip.MustParseAddrPort(udp.LocalAddr().String())
	c := &dnscheck.Client{Dial: new(net.Dialer).DialContext, Servers: []dnscheck.Server{{Addr: address}}}
	res := c.Ask(t.Context(), "contoso.example")
	for _, check := range dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "")) {
		if check.Status != dnscheck.CheckOK && check.Status != dnscheck.CheckNotApplicable {
			t.Errorf("%s: %s %s", check.Name, check.Status, check.Detail)
		}
	}
	if h, _ := res.Host(address.String(), "lyncdiscover.contoso.example"); !h.A.Truncated {
		t.Error("TCP was not used")
	}
	udp.Close()
	tcp.Close()
	wait.Wait()
	// Nobody listens any more: a refusal, not five seconds of waiting.
	if a := c.Lookup(t.Context(), "contoso.example", "SOA"); a.Status != dnscheck.StatusNetworkError || a.Elapsed > 2*time.Second {
		t.Errorf("closed port: %+v", a)
	}
}

func TestCacheSharesOneExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := resolver(t, healthyZone, dnstest.Override{Delay: time.Second})
		c := client(s)
		c.Cache = new(dnscheck.Cache)
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if a := c.Lookup(t.Context(), "sip.contoso.example", "A"); a.Status != dnscheck.StatusOK {
					t.Errorf("got %+v", a)
				}
			})
		}
		wait.Wait()
		c.Lookup(t.Context(), "SIP.contoso.example.", "A")
		if n := len(s.Queries()); n != 1 {
			t.Errorf("%d queries, want 1", n)
		}
	})
}

func TestCacheForgetsTheCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := resolver(t, healthyZone, dnstest.Override{Delay: 2 * time.Second})
		c := client(s)
		c.Cache = new(dnscheck.Cache)
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wait sync.WaitGroup
		wait.Go(func() {
			if a := c.Lookup(impatient, "sip.contoso.example", "A"); a.Status != dnscheck.StatusCancelled {
				t.Errorf("impatient: %+v", a)
			}
		})
		synctest.Wait() // the impatient one asks first; the other shares its exchange
		if a := c.Lookup(t.Context(), "sip.contoso.example", "A"); a.Status != dnscheck.StatusOK {
			t.Errorf("patient: %+v", a)
		}
		wait.Wait()
		time.Sleep(5 * time.Second)
	})
}

func TestLookupHost(t *testing.T) {
	const hosts = `
both A 127.0.0.1
both A 127.0.0.2
both AAAA ::1
four A 127.0.0.1
six AAAA ::1
text TXT "no address"
alias CNAME both
`
	tests := []struct {
		host      string
		overrides []dnstest.Override
		want      dnscheck.Status
		addresses []string
	}{
		{"both", nil, dnscheck.StatusOK, []string{"127.0.0.1", "127.0.0.2", "::1"}},
		{"four", nil, dnscheck.StatusOK, []string{"127.0.0.1"}},
		{"six", nil, dnscheck.StatusOK, []string{"::1"}},
		{"alias", nil, dnscheck.StatusOK, []string{"127.0.0.1", "127.0.0.2", "::1"}},
		{"text", nil, dnscheck.StatusNoData, nil},
		{"nothing", nil, dnscheck.StatusNoSuchName, nil},
		{"four", []dnstest.Override{{Type: "AAAA", RCode: "SERVFAIL"}}, dnscheck.StatusOK, []string{"127.0.0.1"}},
		{"text", []dnstest.Override{{Type: "AAAA", RCode: "REFUSED"}}, dnscheck.StatusRefused, nil},
		{"nothing", []dnstest.Override{{Type: "AAAA", RCode: "REFUSED"}}, dnscheck.StatusNoSuchName, nil},
		{"nothing", []dnstest.Override{{Type: "A", RCode: "REFUSED"}}, dnscheck.StatusNoSuchName, nil},
		{"text", []dnstest.Override{{Type: "A", RCode: "REFUSED"}}, dnscheck.StatusRefused, nil},
	}
	for _, test := range tests {
		h := client(resolver(t, hosts, test.overrides...)).LookupHost(t.Context(), test.host+".contoso.example")
		var addresses []string
		for _, a := range h.Addresses {
			addresses = append(addresses, a.String())
		}
		if h.Status != test.want || !slices.Equal(addresses, test.addresses) {
			t.Errorf("%s %v: %q %v, want %q %v", test.host, test.overrides, h.Status, addresses, test.want, test.addresses)
		}
	}
	for _, literal := range []string{"127.0.0.7", "::1", "[::1]"} {
		s := resolver(t, hosts)
		h := client(s).LookupHost(t.Context(), literal)
		if h.Status != dnscheck.StatusOK || len(h.Addresses) != 1 || len(s.Queries()) != 0 {
			t.Errorf("%s: %+v", literal, h)
		}
	}
}

func TestAskTakesOneRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := resolver(t, healthyZone, dnstest.Override{Delay: time.Second})
		c := client(s)
		c.Servers = append(c.Servers, dnscheck.Server{Name: "other", Addr: netip.MustParseAddrPort("127.0.0.54:53")})
		res := c.Ask(t.Context(), "Contoso.Example.", "webdir.online.lync.com")
		// One round trip for the names, one for the addresses of SRV targets.
		if res.Elapsed != 2*time.Second {
			t.Errorf("took %v, want 2s", res.Elapsed)
		}
		if res.Domain != "contoso.example" {
			t.Errorf("domain %q", res.Domain)
		}
		for _, server := range []string{"system", "other"} {
			if a, ok := res.Answer(server, "contoso.example", "SOA"); !ok || a.Status != dnscheck.StatusOK {
				t.Errorf("%s: SOA %v %+v", server, ok, a)
			}
			for _, prefix := range []string{"_sip._tls", "_sipfederationtls._tcp", "_sipinternaltls._tcp", "_sipinternal._tcp"} {
				if a, ok := res.Answer(server, prefix+".contoso.example", "SRV"); !ok || !a.Status.Known() {
					t.Errorf("%s: %s %v %+v", server, prefix, ok, a)
				}
			}
			for _, host := range []string{"lyncdiscoverinternal.contoso.example", "lyncdiscover.contoso.example", "sip.contoso.example",
				"sipinternal.contoso.example", "sipexternal.contoso.example", "webdir.online.lync.com", "sipdir.online.lync.com", "sipfed.online.lync.com"} {
				if h, ok := res.Host(server, host); !ok || !h.Status.Known() {
					t.Errorf("%s: %s %v %+v", server, host, ok, h)
				}
			}
		}
		var again dnscheck.Result
		roundTrip(t, res, &again)
		if !reflect.DeepEqual(*res, again) {
			t.Errorf("JSON lost something:\n%+v\n%+v", *res, again)
		}
	})
}

func TestAskRefusesWhatIsNoDomain(t *testing.T) {
	s := resolver(t, healthyZone)
	res := client(s).Ask(t.Context(), "contoso example")
	if res.Detail == "" || len(s.Queries()) != 0 || res.Domain != "contoso example" {
		t.Errorf("got %+v after %v", res, s.Queries())
	}
}

func roundTrip(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

// TestASCII holds samples of UTS 46 and RFC 5891 beside names that are none.
func TestASCII(t *testing.T) {
	tests := []struct{ in, want string }{
		{"contoso.com", "contoso.com"},
		{"Contoso.COM.", "contoso.com"},
		{"b\u00fccher.example", "xn--bcher-kva.example"},
		{"B\u00dcCHER.example", "xn--bcher-kva.example"},
		{"fa\u00df.de", "xn--fa-hia.de"},
		{"\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"},
		{"XN--Bcher-KVA.example", "xn--bcher-kva.example"},
		{"ab--cd.example", "ab--cd.example"},
		{"a_b.example", "a_b.example"}, {"_x.b\u00fccher.example", "_x.xn--bcher-kva.example"}, {"a_\u00df.de", "xn--a_-hia.de"},
		{"\u05d0\u0661.example", "xn--4db40a.example"}, {"a\u05d0.example", ""}, // RFC 5893 section 2, rules 1 and 5
		{strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example"},
		{"", ""}, {".", ""}, {"a..b", ""}, {"a b.example", ""}, {"joe@contoso.com", ""},
		{"-a.example", ""}, {"a-.example", ""}, {strings.Repeat("a", 64) + ".example", ""}, {"xn--\u00fc.example", ""},
		{"contoso.com\n", ""}, {"contoso.com:443", ""}, {"xn--zz\u00e9.example", ""}, {strings.Repeat("abcdefg.", 32) + "com", ""},
		{"a\u200b.example/", ""}, {"\u00fc\x00.example", ""}, {"\xd90.example", ""},
	}
	for _, test := range tests {
		got, err := dnscheck.ASCII(test.in)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("ASCII(%q) = %q, %v, want %q", test.in, got, err, test.want)
		}
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
