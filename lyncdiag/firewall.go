package lyncdiag

import (
	"net"
	"net/netip"
	"sort"
	"strconv"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Requirement is one line of a firewall change request: what clients have to be
// let through to.
type Requirement struct {
	Host      string   // a name, or a pattern such as *.lync.com
	Ports     string   // "443", "3478-3481"
	Transport string   // tcp or udp
	Purpose   string   // in words
	Ranges    []string // published ranges of the host's addresses, nil where none are
	SignIn    bool     // sign-in fails without it
	Try       []uint16 // the ports that a test can try, nil for a pattern or where nothing answers a stranger
	Source    string   // of the line; "unsourced" where no public document has it
}

// The documents that say what has to be open.
const (
	sourceKB2409256 = "KB2409256"
	sourceURLs      = "Office 365 URLs and IP address ranges"
	sourceEdge      = "Lync Server 2013 library, port summary of the Edge Server"
	sourceManual    = "the setting"
	unsourced       = "unsourced"
)

// publishedRanges are those of Skype for Business Online, ids 11 and 12 of
// "Office 365 URLs and IP address ranges" (worldwide). The list changed over the
// years; that an address is not in it is a hint, no proof.
var publishedRanges = []string{"13.107.64.0/18", "52.112.0.0/14", "52.120.0.0/14"}

// Published reports whether an address is in the ranges that were published
// for Lync Online. known is false for hosts and clouds without such a list.
func Published(host string, address netip.Addr) (published, known bool) {
	cloud, online := dnscheck.IsOnlineHost(host)
	if !online || cloud != "worldwide" || !address.Is4() {
		return false, false
	}
	for _, r := range publishedRanges {
		if netip.MustParsePrefix(r).Contains(address) {
			return true, true
		}
	}
	return false, true
}

// Requirements lists what a firewall or proxy must let clients through to, for
// the deployment and cloud of a setting, the needs of sign-in first, and the server
// of manual configuration where the setting names one. domain may be "", and then
// the lines that are the company's own are left out.
func Requirements(s fact.Setting, domain string) []Requirement {
	var list []Requirement
	add := func(r Requirement) { list = append(list, r) }
	cloud := dnscheck.CloudHosts(cloudOf(s))
	tcp := func(host, ports, purpose, source string, signIn bool, try ...uint16) Requirement {
		return Requirement{Host: host, Ports: ports, Transport: "tcp", Purpose: purpose, SignIn: signIn, Try: try, Source: source}
	}
	if s.Deployment != "server" {
		worldwide := cloud.Cloud == "worldwide"
		ranges := func(r Requirement) Requirement {
			if worldwide {
				r.Ranges = publishedRanges
			}
			return r
		}
		add(ranges(tcp(cloud.SIP, "443", "sign-in and presence (SIP over TLS)", cloud.Source, true, 443)))
		add(ranges(tcp(cloud.Web, "443", "Autodiscover and web services", cloud.Source, true, 443)))
		add(ranges(tcp(cloud.Web, "80", "Autodiscover by plain HTTP, which avoids the certificate's name", cloud.Source, false, 80)))
		for _, host := range cloud.Login {
			add(tcp(host, "443", "user name, password and tokens", cloud.Source, true, 443))
		}
		if worldwide {
			for _, pattern := range []string{"*.microsoftonline.com", "*.microsoftonline-p.com", "*.onmicrosoft.com", "*.outlook.com", "*.sharepoint.com"} {
				add(tcp(pattern, "443", "services beside sign-in", sourceKB2409256, false))
			}
			add(ranges(tcp("*.lync.com", "80,443", "every pool that a user can be on", sourceURLs, true)))
			add(Requirement{Host: "*.lync.com", Ports: "3478-3481", Transport: "udp", Purpose: "audio, video and sharing (STUN and TURN)", Ranges: publishedRanges, Source: sourceURLs})
			for _, pattern := range []string{"*.verisign.com", "*.verisign.net", "*.public-trust.com", "sa.symcb.com"} {
				add(tcp(pattern, "80", "revocation lists (CRL)", sourceKB2409256, false))
			}
		} else {
			add(Requirement{Host: "*." + parentOf(cloud.SIP), Ports: "3478-3481", Transport: "udp", Purpose: "audio, video and sharing (STUN and TURN)", Source: sourceURLs})
			add(tcp("the CRL hosts that the certificates name", "80", "revocation lists (CRL)", unsourced, false))
		}
		source := cloud.Source
		for _, host := range cloud.Unsourced {
			if host == cloud.Federation {
				source = unsourced
			}
		}
		add(tcp(cloud.Federation, "5061", "federation with other companies only, not sign-in; from servers, not from clients", source, false))
	}
	if host, service, err := net.SplitHostPort(s.ManualServer); err == nil {
		if port, err := strconv.ParseUint(service, 10, 16); err == nil && (host != cloud.SIP || port != 443 || s.Deployment == "server") {
			add(tcp(host, service, "the server of manual configuration", sourceManual, true, uint16(port)))
		}
	}
	if domain != "" {
		if s.Deployment != "online" && s.Deployment != "" && s.Deployment != "auto" {
			add(tcp("sip."+domain, "443", "the company's Access Edge, for clients outside", sourceEdge, true, 443))
			add(tcp("lyncdiscover."+domain, "443", "the company's Autodiscover", sourceEdge, true, 443))
			add(tcp("lyncdiscover."+domain, "80", "Autodiscover by plain HTTP", sourceEdge, false, 80))
			add(tcp("sip."+domain, "5061", "federation with other companies only, not sign-in", sourceEdge, false))
			add(Requirement{Host: "the A/V Edge of " + domain, Ports: "3478", Transport: "udp", Purpose: "audio, video and sharing (STUN)", Source: sourceEdge})
			add(tcp("the CRL hosts that the certificates name", "80", "revocation lists (CRL)", unsourced, false))
		} else {
			add(tcp("lyncdiscover."+domain, "80", "Autodiscover: leads to "+cloud.Web, cloud.Source, true, 80))
		}
	}
	if s.Deployment != "server" {
		add(tcp("the AD FS of the domain, where it is federated", "443", "tokens of federated users; its name: lyncdiag adfs realm ADDRESS", "KB2541980", true))
	}
	sort.SliceStable(list, func(i, j int) bool { return compareBool(!list[i].SignIn, !list[j].SignIn) < 0 })
	return list
}

func parentOf(host string) string {
	for i := range len(host) {
		if host[i] == '.' {
			return host[i+1:]
		}
	}
	return host
}
