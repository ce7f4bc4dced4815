package dnscheck_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// exampleServer stands in for a resolver; on a real network, Client.Dial is the
// DialContext method of a net.Dialer.
func exampleServer() *dnstest.Server {
	contoso, err := dnstest.ParseZone("contoso.example", `
sip       CNAME sipdir.online.lync.com.
_sip._tls SRV   100 1 5061 sipdir.online.lync.com.
`)
	if err != nil {
		panic(err)
	}
	online, err := dnstest.ParseZone("online.lync.com", "sipdir A 127.0.0.1\n")
	if err != nil {
		panic(err)
	}
	return &dnstest.Server{Recursive: true, Zones: []*dnstest.Zone{contoso, online}}
}

func ExampleEvaluate() {
	client := &dnscheck.Client{
		Dial:    exampleServer().Dial,
		Servers: []dnscheck.Server{{Name: "system", Addr: netip.MustParseAddrPort("127.0.0.53:53")}},
	}
	res := client.Ask(context.Background(), "contoso.example")
	for _, check := range dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "worldwide")) {
		fmt.Printf("%s: %s", check.Name, check.Status)
		if check.Detail != "" {
			fmt.Printf(" (%s)", check.Detail)
		}
		fmt.Println()
		if check.Fix != "" {
			fmt.Println("  add:", check.Fix)
		}
	}
	// Output:
	// lyncdiscover.contoso.example: missing (there is no such name)
	//   add: lyncdiscover.contoso.example. 3600 IN CNAME webdir.online.lync.com.
	// lyncdiscoverinternal.contoso.example: not-applicable (there is no such name)
	// _sip._tls.contoso.example: wrong (port 5061 in place of 443)
	//   add: _sip._tls.contoso.example. 3600 IN SRV 100 1 443 sipdir.online.lync.com.
	// sip.contoso.example: ok
	// _sipfederationtls._tcp.contoso.example: missing (there is no such name)
	//   add: _sipfederationtls._tcp.contoso.example. 3600 IN SRV 100 1 5061 sipfed.online.lync.com.
}

func ExampleClient_LookupHost() {
	client := &dnscheck.Client{
		Dial:    exampleServer().Dial,
		Servers: []dnscheck.Server{{Addr: netip.MustParseAddrPort("127.0.0.53:53")}},
		Cache:   new(dnscheck.Cache),
	}
	host := client.LookupHost(context.Background(), "sip.contoso.example")
	fmt.Println(host.Status, host.CNAMEs, host.Addresses)
	fmt.Println(host.AAAA.Status)
	// Output:
	// ok [sipdir.online.lync.com] [127.0.0.1]
	// no-data
}

func ExampleCheck_PowerShell() {
	client := &dnscheck.Client{
		Dial:    exampleServer().Dial,
		Servers: []dnscheck.Server{{Addr: netip.MustParseAddrPort("127.0.0.53:53")}},
	}
	res := client.Ask(context.Background(), "contoso.example")
	for _, check := range dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "")) {
		if check.Name != "_sip._tls.contoso.example" {
			continue
		}
		fmt.Println("found:", check.Records[0].Words())
		for _, field := range check.Form() {
			fmt.Printf("%s: %s\n", field.Name, field.Value)
		}
		for _, line := range check.PowerShell() {
			fmt.Println(line)
		}
	}
	// Output:
	// found: priority 100, weight 1, port 5061, target sipdir.online.lync.com
	// Type: SRV
	// Service: _sip
	// Protocol: _tls
	// Name: @
	// Priority: 100
	// Weight: 1
	// Port: 443
	// Target: sipdir.online.lync.com
	// TTL: 1 hour
	// Remove-DnsServerResourceRecord -ZoneName 'contoso.example' -Name '_sip._tls' -RRType Srv
	// Add-DnsServerResourceRecord -Srv -ZoneName 'contoso.example' -Name '_sip._tls' -DomainName 'sipdir.online.lync.com' -Priority 100 -Weight 1 -Port 443 -TimeToLive 01:00:00
}

func ExampleBatch_Ask() {
	batch := dnscheck.Batch{
		Dial:   exampleServer().Dial,
		Server: dnscheck.Server{Addr: netip.MustParseAddrPort("127.0.0.53:53")},
	}
	domains := slices.Values([]string{"contoso.example"})
	for res, err := range batch.Ask(context.Background(), domains) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, answer := range res.Answers {
			fmt.Println(answer.Name, answer.Status)
		}
		for _, host := range res.Hosts {
			fmt.Println(host.Name, host.Status, host.Addresses)
		}
	}
	// Output:
	// _sip._tls.contoso.example ok
	// _sipfederationtls._tcp.contoso.example no-such-name
	// sip.contoso.example ok [127.0.0.1]
	// lyncdiscover.contoso.example no-such-name []
	// sipdir.online.lync.com ok [127.0.0.1]
}

// inProcess sends requests to a handler without a network.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.Host = r.URL.Host
	if r.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{}
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, in)
	return w.Result(), nil
}

func ExampleDiscoverer_Walk() {
	service := &dnstest.Autodiscover{Web: "webdir.online.lync.example"}
	discoverer := &dnscheck.Discoverer{HTTP: &http.Client{Transport: inProcess{service}}}

	walk := discoverer.Walk(context.Background(), "contoso.example", "sip:joe@contoso.example")
	for _, hop := range walk.Hops {
		if hop.Followed {
			fmt.Println(hop.Status, hop.Kind, hop.URL)
		}
	}
	fmt.Println(walk.Outcome, walk.WebTicketURL)
	// Output:
	// 200 redirect http://lyncdiscoverinternal.contoso.example/?sipuri=sip%3Ajoe%40contoso.example
	// 200 root https://webdir.online.lync.example/Autodiscover/AutodiscoverService.svc/root?sipuri=sip%3Ajoe%40contoso.example
	// 401 web-ticket-challenge https://webdir.online.lync.example/Autodiscover/AutodiscoverService.svc/root/user
	// web-ticket https://webdir.online.lync.example/WebTicket/WebTicketService.svc
}

func ExampleASCII() {
	domain, err := dnscheck.ASCII("B\u00fccher.example.")
	fmt.Println(domain, err)
	// Output: xn--bcher-kva.example <nil>
}
