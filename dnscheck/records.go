package dnscheck

import (
	"fmt"
	"strings"
)

// Need says who needs a record.
type Need string

const (
	NeedRequired   Need = "required"   // sign-in of some current client depends on it
	NeedLegacy     Need = "legacy"     // only clients before Lync 2013 and handsets use it
	NeedFederation Need = "federation" // federation and public IM only, never sign-in
	NeedOptional   Need = "optional"   // rightly absent in many places, for instance outside the company network
)

// Expectation is a record that a deployment should have.
type Expectation struct {
	// Type is "SRV", "CNAME" (an address record to the same place will do) or "A"
	// (a CNAME or AAAA will do).
	Type    string `json:"type"`
	Name    string `json:"name"`   // "_sip._tls.contoso.com"
	Domain  string `json:"domain"` // the sign-in domain, "contoso.com"
	Purpose string `json:"purpose"`
	// Without is what happens where the record is missing.
	Without string `json:"without"`
	// Clients are those that ask for it, in the words of the --client flag:
	// "lync2010-rtm", "lync2010", "lync2013", "sfb2016", "mobile". None: not for sign-in.
	Clients []string `json:"clients"`
	// Targets are the hosts it may lead to, any of them. None: any host will do.
	Targets []string `json:"targets"`
	// OnPremises: it must not lead to a host of the online service.
	OnPremises bool   `json:"onPremises"`
	Port       uint16 `json:"port"` // SRV; 0 for any
	Need       Need   `json:"need"`
	// Expected is the record's data for people to compare: "100 1 443
	// sipdir.online.lync.com.", or words where the host is the customer's own.
	Expected string `json:"expected"`
	// Example is the zone-file line to create, "" where only the customer can know
	// the host.
	Example string `json:"example"`
	// Source is where Microsoft asks for the record; "unsourced" where no public
	// text was found for it.
	Source string `json:"source"`
}

// Hosts are the well-known hosts of one cloud of the online service.
type Hosts struct {
	Cloud      string   `json:"cloud"`
	SIP        string   `json:"sip"`        // target of _sip._tls and sip
	Web        string   `json:"web"`        // target of lyncdiscover
	Federation string   `json:"federation"` // target of _sipfederationtls._tcp
	Login      []string `json:"login"`      // sign-in service
	Manual     string   `json:"manual"`     // host:port for manual configuration of a client
	Source     string   `json:"source"`
	// Unsourced lists hosts above that no public text names.
	Unsourced []string `json:"unsourced"`
}

const (
	sourceOnline  = "KB2566790"
	sourceGCCHigh = "Microsoft 365: DNS records for Office 365 GCC High"
	sourceDoD     = "Microsoft 365: DNS records for Office 365 DoD"
	sourceChina   = "Microsoft 365: DNS records for Office 365 operated by 21Vianet"
	sourceHybrid  = "KB2757450"
	sourceServer  = "Skype for Business Server: DNS requirements"
	unsourced     = "unsourced"
)

// CloudHosts returns the hosts of a cloud: "worldwide" (or ""; GCC moderate uses
// the same), "gcc-high", "dod" or "china". Any other name gives the zero Hosts.
func CloudHosts(cloud string) Hosts {
	switch cloud {
	case "", "worldwide":
		return hostsUnder("worldwide", "online.lync.com", sourceOnline, "login.microsoftonline.com")
	case "gcc-high":
		return hostsUnder(cloud, "online.gov.skypeforbusiness.us", sourceGCCHigh, "login.microsoftonline.us", "login-us.microsoftonline.com")
	case "dod":
		return hostsUnder(cloud, "online.dod.skypeforbusiness.us", sourceDoD, "login.microsoftonline.us", "login-us.microsoftonline.com")
	case "china":
		h := hostsUnder(cloud, "online.partner.lync.cn", sourceChina, "login.chinacloudapi.cn")
		h.Unsourced = []string{h.Federation}
		return h
	}
	return Hosts{}
}

func hostsUnder(cloud, domain, source string, login ...string) Hosts {
	return Hosts{
		Cloud: cloud, Source: source, Login: login,
		SIP: "sipdir." + domain, Web: "webdir." + domain, Federation: "sipfed." + domain,
		Manual: "sipdir." + domain + ":443",
	}
}

// IsOnlineHost reports whether a host belongs to the online service, and to which
// of its clouds.
func IsOnlineHost(host string) (cloud string, ok bool) {
	host = display(host)
	for _, zone := range [...]struct{ suffix, cloud string }{
		{"lync.com", "worldwide"},
		{"gov.skypeforbusiness.us", "gcc-high"},
		{"dod.skypeforbusiness.us", "dod"},
		{"partner.lync.cn", "china"},
	} {
		if host == zone.suffix || strings.HasSuffix(host, "."+zone.suffix) {
			return zone.cloud, true
		}
	}
	return "", false
}

// initialDomain reports whether Microsoft runs the DNS of a domain: users in the
// tenant's initial domain need no records of their own.
func initialDomain(domain string) bool {
	for _, suffix := range [...]string{".onmicrosoft.com", ".onmicrosoft.us", ".partner.onmschina.cn"} {
		if strings.HasSuffix(domain, suffix) {
			return true
		}
	}
	return false
}

// LyncOnline returns the records of a domain whose users are all in the online
// service (KB 2566790), in the given cloud (see [CloudHosts]). It is empty for an
// unknown cloud, for what is no domain, and for *.onmicrosoft.com, which needs no
// records.
func LyncOnline(domain, cloud string) []Expectation {
	h := CloudHosts(cloud)
	domain, err := ASCII(domain)
	if err != nil || h.Cloud == "" || initialDomain(domain) {
		return nil
	}
	source := func(host string) string {
		for _, u := range h.Unsourced {
			if u == host {
				return unsourced
			}
		}
		return h.Source
	}
	return described(domain, []Expectation{
		cname("lyncdiscover."+domain, h.Web, NeedRequired, source(h.Web),
			"Autodiscover: desktop clients from Lync 2010 updates on, mobile and Store clients"),
		cname("lyncdiscoverinternal."+domain, h.Web, NeedOptional, "KB10133",
			"Autodiscover inside a network that has its own copy of the zone"),
		srv("_sip._tls."+domain, 443, h.SIP, NeedRequired, source(h.SIP),
			"sign-in of clients without Autodiscover, and fallback of the others"),
		cname("sip."+domain, h.SIP, NeedRequired, source(h.SIP),
			"sign-in as a last resort, and of clients that cannot read SRV records"),
		srv("_sipfederationtls._tcp."+domain, 5061, h.Federation, NeedFederation, source(h.Federation),
			"federation with other organisations and public IM; not sign-in"),
	})
}

// Hybrid returns the records of a domain shared between a deployment on the
// premises and the online service: everything leads to the premises, which
// redirect the users who are online (KB 2757450).
func Hybrid(domain string) []Expectation {
	want := LyncServer(domain)
	for i := range want {
		want[i].Source = unsourced
		if strings.HasPrefix(want[i].Name, "lyncdiscover.") {
			want[i].Source = sourceHybrid
		}
	}
	return want
}

// LyncServer returns the records of a domain whose users are all on the premises
// (Lync Server 2010 to Skype for Business Server 2019). Names that exist inside
// the network only are optional, because the place of asking is not known here.
func LyncServer(domain string) []Expectation {
	domain, err := ASCII(domain)
	if err != nil || initialDomain(domain) {
		return nil
	}
	return described(domain, []Expectation{
		address("lyncdiscover."+domain, NeedRequired, "the reverse proxy of the web services",
			"Autodiscover from outside"),
		address("lyncdiscoverinternal."+domain, NeedOptional, "the pool's web services",
			"Autodiscover inside the network"),
		ownSRV("_sip._tls."+domain, 0, NeedRequired, "port 443 (5061 on an Edge with a single address) of the Access Edge",
			"sign-in from outside of clients without Autodiscover, and fallback of the others"),
		ownSRV("_sipinternaltls._tcp."+domain, 5061, NeedOptional, "the Front End pool or Director",
			"sign-in inside the network of clients before Lync 2013"),
		ownSRV("_sipinternal._tcp."+domain, 0, NeedOptional, "the Front End pool or Director",
			"sign-in without TLS inside the network; only where the server allows it"),
		address("sip."+domain, NeedLegacy, "the Access Edge, or the pool inside the network",
			"sign-in as a last resort"),
		address("sipinternal."+domain, NeedOptional, "the Front End pool or Director",
			"sign-in as a last resort inside the network"),
		address("sipexternal."+domain, NeedOptional, "the Access Edge",
			"sign-in as a last resort from outside"),
		ownSRV("_sipfederationtls._tcp."+domain, 5061, NeedFederation, "the Access Edge",
			"federation with other organisations; not sign-in"),
	})
}

func cname(name, target string, need Need, source, purpose string) Expectation {
	return Expectation{
		Type: "CNAME", Name: name, Purpose: purpose, Targets: []string{target}, Need: need, Source: source,
		Expected: target + ".",
		Example:  fmt.Sprintf("%s. 3600 IN CNAME %s.", name, target),
	}
}

func srv(name string, port uint16, target string, need Need, source, purpose string) Expectation {
	// The article prints the weight, 1, before the priority, 100; DNS wants the
	// priority first.
	rdata := fmt.Sprintf("100 1 %d %s.", port, target)
	return Expectation{
		Type: "SRV", Name: name, Purpose: purpose, Targets: []string{target}, Port: port, Need: need, Source: source,
		Expected: rdata,
		Example:  fmt.Sprintf("%s. 3600 IN SRV %s", name, rdata),
	}
}

func address(name string, need Need, where, purpose string) Expectation {
	return Expectation{Type: "A", Name: name, Purpose: purpose, OnPremises: true, Need: need, Source: sourceServer, Expected: where}
}

// ownSRV expects an SRV record to a host of the customer's choice, so there is no
// example.
func ownSRV(name string, port uint16, need Need, where, purpose string) Expectation {
	e := Expectation{Type: "SRV", Name: name, Purpose: purpose, OnPremises: true, Port: port, Need: need, Source: sourceServer, Expected: where}
	if port != 0 {
		e.Expected = fmt.Sprintf("port %d of %s", port, where)
	}
	return e
}
