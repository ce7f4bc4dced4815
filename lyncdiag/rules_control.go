package lyncdiag

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// controlRules judge the network as a whole: what every host has in common
// says nothing about Lync.
func controlRules() []Rule {
	hosts := names(fact.CandidatesKey, fact.WebHostsKey, fact.LoginKey, fact.ControlKey)
	return []Rule{
		{
			ID: "control.offline", Source: kb.Citation{KB: "KB2541980", Section: "Fix DNS and network-related sign-in problems"},
			Needs: names(fact.DNSKey), Reads: append(names(fact.SettingKey, fact.ProxyKey), hosts...),
			Emits: []string{"network-offline"}, Eval: judgeOffline,
		},
		{
			ID: "control.portal", Source: kb.Citation{KB: "KB2409256"},
			Needs: names(fact.ControlKey), Emits: []string{"captive-portal"}, Eval: judgePortal,
		},
		{
			ID: "control.retired", Source: kb.Citation{KB: "KB2541980"},
			Needs: names(fact.DNSKey), Reads: append(hosts, deploymentReads...),
			Emits: []string{"lync-online-retired"}, Eval: judgeRetired,
		},
	}
}

// judgeOffline: nobody answered, by name or by address. A refusal is an
// answer, so something is out there. Where IPv6 leads out and IPv4 does not, that
// is said once, and not of each host that has no IPv6 address.
func judgeOffline(f *fact.Facts, emit Emit) {
	dns, o, _ := fact.Get(f, fact.DNSKey)
	var tried []string
	answers := 0
	var unroutable []fact.Endpoint
	proxy, _, _ := fact.Get(f, fact.ProxyKey)
	noResolver := resolverUnreachable(dns)
	// To a proxy that this computer has no way to, or no resolver that knows it, nothing was sent.
	lost := proxy.Reach.NoRoute && !isIPv6(proxy.Reach) || proxy.Reach.Status == fact.Unresolved && noResolver
	if proxy.Reach.NoRoute && !isIPv6(proxy.Reach) {
		unroutable = append(unroutable, proxy.Endpoint)
	}
	for _, e := range everyEndpoint(f) {
		if e.Reach.AtProxy != nil {
			if lost {
				continue
			}
			return // the proxy is what answers, or does not
		}
		switch {
		case e.Reach.Status == fact.Listening, e.Reach.Status == fact.NotListening:
			if !isIPv6(e.Reach) {
				return
			}
			answers++
		case e.Reach.Status == fact.Filtered:
			if name := canonical(e); !slices.Contains(tried, name) {
				tried = append(tried, name)
			}
			if e.Reach.NoRoute && !isIPv6(e.Reach) {
				unroutable = append(unroutable, e)
			}
		}
	}
	if answers > 0 {
		if len(unroutable) > 0 {
			emit(withoutIPv4(unroutable, o))
		}
		return
	}
	// That Lync's hosts are silent says nothing of the others, and a resolver that
	// is silent is its own finding.
	if !noResolver && !lost && (len(tried) < 2 || !slices.Contains(tried, controlHost(f))) {
		return
	}
	finding := found("network-offline", "dns", text("hostsTried", strconv.Itoa(len(tried)), o))
	if proxy.Reach.Status == fact.Listening {
		finding = finding.with(Probable)
		finding.Stage = "proxy"
		finding.Evidence = append(finding.Evidence, named("proxy", proxyName(proxy.Endpoint), o))
		finding.Title = "The proxy takes connections, and no host answers through it"
		finding.Cause = "Of all hosts that were tried through the proxy none answers, so nothing can be said about Lync. The proxy itself may have no way out."
	}
	if lost && !noResolver {
		finding = finding.with(Probable) // whatever goes round the proxy was not tried
	}
	if noResolver {
		finding.Evidence = append(finding.Evidence, text("resolver", dns.Answers[0].Detail, o))
	}
	if len(unroutable) > 0 {
		finding.Evidence = append(finding.Evidence, text("route", "this computer has no route to IPv4 addresses: "+unroutable[0].Reach.Detail, o))
	}
	emit(unasked(f, finding))
}

// resolverUnreachable: no question about the domain got to a resolver.
func resolverUnreachable(dns *dnscheck.Result) bool {
	return len(dns.Answers) > 0 && !slices.ContainsFunc(dns.Answers, func(a dnscheck.Answer) bool { return a.Status != dnscheck.StatusUnreachable })
}

// withoutIPv4 is a network that leads out over IPv6 alone, without a
// translation (NAT64) for hosts that have no such address.
func withoutIPv4(hosts []fact.Endpoint, o fact.Origin) Finding {
	finding := found("network-offline", "tcp", text("route", hosts[0].Reach.Detail, o))
	for _, e := range hosts {
		finding.Evidence = append(finding.Evidence, named("withoutRoute", e.Host, o), fact.Evidence{Key: "ipv4", Class: fact.IPText, Value: e.Reach.Address, Origin: o})
	}
	finding.Title = "This network leads out over IPv6 only, and some hosts have no IPv6 address"
	finding.Cause = "This computer has no route to IPv4 addresses. Hosts with IPv6 answer; those in the evidence have none, and nothing translates (NAT64 with DNS64)."
	finding.Resolution = []string{
		"Connect to a network with IPv4, or have the network administrator provide NAT64 and DNS64.",
		"Check again: lyncdiag check {address}",
	}
	return finding
}

// everyEndpoint is each host that was looked at, whatever for.
func everyEndpoint(f *fact.Facts) []fact.Endpoint {
	var list []fact.Endpoint
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		list = append(list, c.Endpoint)
	}
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	list = append(list, hosts...)
	if login, _, ok := fact.Get(f, fact.LoginKey); ok {
		list = append(list, login)
	}
	if control, _, ok := fact.Get(f, fact.ControlKey); ok {
		list = append(list, control.Endpoint)
	}
	return list
}

// hostsSeen are all of them and the federation service, each once.
func hostsSeen(f *fact.Facts) []fact.Endpoint {
	list := everyEndpoint(f)
	if service, _, ok := fact.Get(f, fact.FederationKey); ok {
		list = append(list, service)
	}
	var once []fact.Endpoint
	for _, e := range list {
		if !slices.ContainsFunc(once, func(o fact.Endpoint) bool { return o.Host == e.Host && o.Port == e.Port }) {
			once = append(once, e)
		}
	}
	return once
}

// judgePortal: the login service answers plain HTTP with a redirect to itself
// over HTTPS, and with nothing else. Whoever says something else stands in
// between.
func judgePortal(f *fact.Facts, emit Emit) {
	control, o, _ := fact.Get(f, fact.ControlKey)
	if control.Status < 200 { // none, or one of a recording that is no final answer
		return
	}
	to, err := url.Parse(control.Location)
	own := err == nil && to.Scheme == "https" && strings.EqualFold(to.Hostname(), control.Host)
	if own && control.Status >= 300 && control.Status < 400 {
		return
	}
	if control.Proxied && control.Status >= 400 {
		return // a proxy's own page
	}
	finding := found("captive-portal", "control", link(control.URL, o), host(control.Host, o), text("status", strconv.Itoa(control.Status), o),
		fact.Evidence{Key: "location", Class: fact.URLText, Value: control.Location, Origin: o}, text("contentType", control.ContentType, o))
	if control.Status >= 400 {
		finding = finding.with(Possible) // a proxy's refusal or the service's own trouble looks the same
	}
	emit(finding)
}

// judgeRetired: a real run, not a lab, found that the domain leads to Lync
// Online and that its hosts still have addresses.
func judgeRetired(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.DNSKey)
	if o.Kind != fact.Live || !findDeployment(f).online() {
		return
	}
	for _, e := range everyEndpoint(f) {
		if _, online := dnscheck.IsOnlineHost(e.Host); online && len(e.Resolve.Addresses) > 0 {
			emit(found("lync-online-retired", "dns", host(e.Host, o), address(e.Resolve.Addresses[0].String(), o)))
			return
		}
	}
}
