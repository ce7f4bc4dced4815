package dnscheck

import (
	"slices"
	"strings"
)

// Clients that look for records, as the --client flag names them.
const (
	lync2010RTM = "lync2010-rtm"
	lync2010    = "lync2010"
	lync2013    = "lync2013"
	sfb2016     = "sfb2016"
	mobile      = "mobile"
)

// askedBy says who asks for a name and what happens without it (Lync Server 2013
// library, "Determine DNS requirements"; Skype for Business Server, "Advanced Edge
// Server DNS planning"; KB 2566790), by the labels before the domain.
var askedBy = map[string]struct {
	clients []string
	without string
}{
	"lyncdiscover": {[]string{lync2010, lync2013, sfb2016, mobile},
		"mobile and Store clients find no server; desktop clients fall back to SRV and address records"},
	"lyncdiscoverinternal": {[]string{lync2010, lync2013, sfb2016, mobile},
		"clients go on to lyncdiscover"},
	"_sip._tls": {[]string{lync2010RTM, lync2010, lync2013, sfb2016},
		"Lync 2010 without updates is left with the sip address records; later desktop clients lose their fallback"},
	"_sipinternaltls._tcp": {[]string{lync2010RTM, lync2010, lync2013, sfb2016},
		"clients inside without Autodiscover do not find the pool and try the way from outside"},
	"_sipinternal._tcp": {[]string{lync2010RTM, lync2010, lync2013},
		"nothing, unless clients are allowed to sign in without TLS"},
	"sip": {[]string{lync2010RTM, lync2010, lync2013, sfb2016},
		"a last resort is lost: felt where neither Autodiscover nor an SRV record helps"},
	"sipinternal": {[]string{lync2010RTM, lync2010, lync2013, sfb2016},
		"a last resort inside the network is lost"},
	"sipexternal": {[]string{lync2010RTM, lync2010, lync2013, sfb2016},
		"a last resort from outside is lost"},
	"_sipfederationtls._tcp": {nil,
		"other organisations and public IM do not find this one; sign-in is not affected"},
}

// described adds to expectations of a domain who asks for them and what happens
// without.
func described(domain string, want []Expectation) []Expectation {
	for i := range want {
		e := &want[i]
		e.Domain = domain
		by := askedBy[e.labels()]
		e.Clients, e.Without = slices.Clone(by.clients), by.without
	}
	return want
}

// labels are those of Name before Domain.
func (e Expectation) labels() string {
	return strings.TrimSuffix(e.Name, "."+e.Domain)
}

// For returns the expectation as it stands for one client ("lync2010-rtm",
// "lync2010", "lync2013", "sfb2016", "mobile"; anything else is any client) in one
// place ("inside" or "outside" the company's network; anything else is unknown):
// Need and Without may change. What the client does not ask for becomes
// [NeedOptional].
func (e Expectation) For(client, location string) Expectation {
	if e.Need == NeedFederation {
		if location == "inside" {
			e.Need, e.Without = NeedOptional, "nothing inside: other organisations ask for it, from outside"
		}
		return e
	}
	labels := e.labels()
	if e.OnPremises {
		e.at(labels, location)
	}
	switch {
	case !slices.Contains([]string{lync2010RTM, lync2010, lync2013, sfb2016, mobile}, client):
	case !slices.Contains(e.Clients, client):
		e.Need, e.Without = NeedOptional, "nothing: "+client+" does not ask for it"
	case labels == "lyncdiscover" && client == mobile:
		e.Need, e.Without = NeedRequired, "sign-in fails: mobile and Store clients have no other way to find the server"
	case labels == "lyncdiscover":
		e.Without = "the client falls back to SRV and address records"
	case labels == "_sip._tls" && client == lync2010RTM:
		e.Without = "the client is left with the sip address records: it does not use Autodiscover"
	case labels == "_sip._tls":
		e.Without = "nothing while Autodiscover works; otherwise the client is left with the sip address records"
	case labels == "_sipinternaltls._tcp" && client == lync2010RTM && location == "inside":
		e.Need = NeedRequired
	}
	return e
}

// at fits the need of a record on the premises to the place of the client.
func (e *Expectation) at(labels, location string) {
	switch {
	case location == "inside" && labels == "lyncdiscoverinternal":
		e.Need, e.Without = NeedRequired, "clients inside take the way from outside, through the reverse proxy, or find no server"
	case location == "inside" && labels == "_sipinternaltls._tcp":
		e.Need = NeedLegacy
	case location == "inside" && (labels == "_sip._tls" || labels == "sipexternal"):
		e.Need, e.Without = NeedOptional, "nothing inside the network"
	case location == "outside" && (strings.HasPrefix(labels, "_sipinternal") || labels == "sipinternal" || labels == "lyncdiscoverinternal"):
		e.Need, e.Without = NeedOptional, "nothing outside the network"
	}
}

// trusted are the domains whose servers clients trust by default for any sign-in
// domain (KB 2833618, TrustModelData).
var trusted = [...]string{"lync.com", "outlook.com", "lync.glbdns.microsoft.com", "microsoftonline.com"}

// StrictMatch reports whether clients take the target of a sign-in SRV record
// without asking: it is in the sign-in domain, or in a domain that clients trust by
// default. For other targets the user is asked to trust the server, or sign-in
// fails where a policy forbids the question (KB 2833618; Lync Server 2013 library,
// "Determine DNS requirements"). A policy that sets TrustModelData replaces the
// default list, which is not seen from here.
func StrictMatch(domain, target string) bool {
	target = display(target)
	for _, zone := range append([]string{display(domain)}, trusted[:]...) {
		if target == zone || strings.HasSuffix(target, "."+zone) {
			return true
		}
	}
	return false
}
