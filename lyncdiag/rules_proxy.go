package lyncdiag

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// probeProxy looks at the proxy itself. Without one it says so.
func probeProxy(ctx context.Context, env *Env) error {
	n := env.Network
	if n.Proxy == nil {
		fact.Put(env.Facts, fact.ProxyKey, fact.Proxy{PAC: n.PAC}, env.Origin())
		return nil
	}
	x := env.wire.gateway()
	endpoint, err := x.await(ctx, x.secured)
	if err != nil {
		return err
	}
	fact.Put(env.Facts, fact.ProxyKey, fact.Proxy{Endpoint: endpoint, From: n.ProxyFrom, User: n.Proxy.User != nil}, env.Origin())
	if endpoint.Reach.Status != fact.Listening {
		return &Obstacle{Detail: fmt.Sprintf("the proxy %s: %s", proxyName(endpoint), endpoint.Reach.Status)}
	}
	return nil
}

func proxyName(e fact.Endpoint) string { return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))) }

func sumProxy(f *fact.Facts) string {
	proxy, _, _ := fact.Get(f, fact.ProxyKey)
	switch {
	case proxy.Host == "" && proxy.PAC != "":
		return "a PAC file decides (" + proxy.PAC + "), and is not run here: connections are direct; --proxy names a proxy"
	case proxy.Host == "":
		return "none is set: connections are direct"
	}
	text := proxyName(proxy.Endpoint) + " takes connections"
	if proxy.From != "" {
		text += " (set by " + proxy.From + ")"
	}
	return text
}

func proxyRules() []Rule {
	return []Rule{{
		ID: "proxy.way", Source: kb.Citation{KB: "KB2769142"},
		Needs: names(fact.ProxyKey), Reads: names(fact.CandidatesKey, fact.WebHostsKey, fact.LoginKey, fact.ControlKey, fact.FederationKey, fact.WalkKey, fact.AutomaticKey),
		Emits: []string{"proxy-authentication-required", "proxy-refuses-connect", "proxy-unreachable"}, Eval: judgeProxy,
	}}
}

// judgeProxy: what failed at the proxy says something of the proxy, and nothing
// of the host behind it.
func judgeProxy(f *fact.Facts, emit Emit) {
	proxy, o, _ := fact.Get(f, fact.ProxyKey)
	if proxy.Host == "" {
		return
	}
	about := []fact.Evidence{named("proxy", proxyName(proxy.Endpoint), o), text("setBy", proxy.From, o)}
	if s := proxy.Reach.Status; s != fact.Listening && s != "" {
		finding := found("proxy-unreachable", "proxy", slices.Concat([]fact.Evidence{host(proxy.Host, o), address(proxy.Reach.Address, o),
			text("status", string(s), o), prose("detail", proxy.Reach.Detail, o)}, about[1:], components(o))...)
		switch {
		case proxy.Reach.NoRoute:
			finding.Title = "This computer has no route to the proxy ({host})"
			finding.Cause = "The proxy is at " + proxy.Reach.Address + ", and this computer has no way to that address: nothing was sent. Everything that goes through the proxy fails."
		case s == fact.Unresolved && proxy.Resolve.Status.Known():
			finding.Title = "The name of the proxy ({host}) does not resolve"
			finding.Cause = "DNS has no address for {host}, so nothing was sent to it. Everything that goes through the proxy fails."
		case s == fact.Unresolved:
			finding = finding.with(Probable)
			finding.Title = "The name of the proxy ({host}) could not be looked up"
			finding.Cause = "No resolver gave an answer about {host}, so nothing is known of the proxy, and nothing was sent to it. Everything that goes through it fails."
		}
		emit(finding)
		return
	}
	var asked, refused []fact.Endpoint
	// A proxy that makes other connections is one, and hangs up on this host alone.
	works := slices.ContainsFunc(everyEndpoint(f), tunnelled)
	broken := ""
	for _, e := range stopped(f) {
		switch a := e.Reach.AtProxy; {
		case a.Status == 407:
			asked = append(asked, e)
		case e.Port == 80 && (a.Status == 0 || !plainWanted(f, e)):
			// of plain HTTP Autodiscover alone needs anything, and only where HTTPS fails
		case (a.Status != 0 || a.Answered && works && a.Detail != spokeEarly) && !absent(e):
			refused = append(refused, e)
		case a.Answered && a.Status == 0 && broken == "":
			broken = a.Detail
		}
	}
	if broken != "" {
		finding := found("proxy-unreachable", "proxy", append([]fact.Evidence{host(proxy.Host, o), prose("detail", broken, o)}, about[1:]...)...).with(Probable)
		finding.Title = "What answers at {host} is no HTTP proxy"
		finding.Cause = "A connection to {host} opens, and what comes back to CONNECT is no HTTP answer. Everything that goes through it fails."
		if broken == spokeEarly {
			finding.Title = "What answers at {host} opens no tunnel, though it says so"
			finding.Cause = "What answers at {host} says 200 to CONNECT, and goes on to talk itself where the tunnel should be. Everything that goes through it fails."
		}
		emit(finding)
	}
	if len(asked) > 0 {
		first := asked[0]
		evidence := append(slices.Clone(about), host(first.Host, o), text("status", "407", o), text("schemes", strings.Join(first.Reach.AtProxy.Offers, ", "), o), prose("detail", first.Reach.AtProxy.Detail, o))
		for _, e := range asked[1:] {
			evidence = append(evidence, named("alsoFor", e.Host, o))
		}
		finding := found("proxy-authentication-required", "proxy", append(evidence, components(o)...)...)
		switch {
		case slices.ContainsFunc(asked, func(e fact.Endpoint) bool { return e.Reach.AtProxy.Rejected }):
			finding.Title = "The proxy does not accept the user name and password it was given"
			finding.Cause = "The proxy answers 407 on the way to {host}, and again to the user and password given to this test. Once rejected they are not sent again, so that no account is locked out."
		case proxy.User && newProxyLogin(new(url.Userinfo), first.Reach.AtProxy.Offers) == nil:
			finding.Cause = "The proxy answers 407 on the way to {host}. Of the ways to log in that it offers this test speaks none (NTLM, Negotiate with NTLM and Basic), so the user and password given to it were not sent."
		}
		emit(finding)
	}
	for _, e := range refused {
		finding := found("proxy-refuses-connect", "proxy", append(slices.Clone(about), host(e.Host, o), text("port", strconv.Itoa(int(e.Port)), o),
			text("status", statusText(e.Reach.AtProxy.Status), o), prose("detail", e.Reach.AtProxy.Detail, o))...)
		switch status := e.Reach.AtProxy.Status; {
		case status == 0:
			finding = finding.with(Probable)
			finding.Cause = "The proxy makes other connections, and hangs up or breaks off on the CONNECT request for {host}. Sign-in needs this host."
		case status >= 500:
			// Squid answers 503 and tinyproxy 500 where a host does not answer them.
			finding = finding.with(Probable)
			finding.Title = "The proxy makes no connection to {host}"
			finding.Cause = "The proxy answers the CONNECT request for {host} with an error of its own: it cannot resolve the name, gets no answer from the host, or does not want to. Sign-in needs this host."
		}
		if e.Port == 80 {
			finding = plainRefused(f, finding, o)
		}
		emit(finding)
	}
}

// plainWanted: a host of Autodiscover, which did not work some other way.
func plainWanted(f *fact.Facts, e fact.Endpoint) bool {
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	return !autodiscoverSpeaks(f) && slices.ContainsFunc(hosts, func(h fact.Endpoint) bool { return h.Host == e.Host && h.Port == e.Port })
}

// plainRefused is about an error page that came through the proxy over plain
// HTTP, and that nothing shows to be the host's.
func plainRefused(f *fact.Facts, finding Finding, o fact.Origin) Finding {
	finding = finding.with(Probable)
	finding.Title = "Plain HTTP to {host} through the proxy ends in an error page"
	finding.Cause = "The answer through the proxy is an error, and nothing in it shows that it comes from {host}: the proxy does not let the request pass, or cannot reach the host. Autodiscover needs plain HTTP where HTTPS shows another name."
	finding.Resolution = []string{
		"Let plain HTTP (port 80) to the Autodiscover hosts in this list through the proxy, for all users: lyncdiag port --plan",
		"Walk the way again, hop by hop: lyncdiag autodiscover {domain}",
	}
	if auto, _, _ := fact.Get(f, fact.AutomaticKey); auto.Works {
		finding = finding.at(kb.Warning, "clients go on with the SRV record, which leads to a server that works", o)
	}
	return finding
}

// statusText is an HTTP status, "" for none.
func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return strconv.Itoa(status)
}

// absent: a name that DNS does not know here gets an error from the proxy as
// well. Outside the company lyncdiscoverinternal is such a name, and rightly.
func absent(e fact.Endpoint) bool {
	return len(e.Resolve.Addresses) == 0 && e.Resolve.Status != "" && (e.Reach.AtProxy.Status >= 500 || strings.HasPrefix(e.Host, "lyncdiscoverinternal."))
}

// stopped are the hosts that were kept from this computer by the proxy, each
// name once.
func stopped(f *fact.Facts) []fact.Endpoint {
	all := everyEndpoint(f)
	if e, _, ok := fact.Get(f, fact.FederationKey); ok {
		all = append(all, e)
	}
	var list []fact.Endpoint
	for _, e := range all {
		if e.Reach.AtProxy != nil && !slices.ContainsFunc(list, func(s fact.Endpoint) bool { return s.Host == e.Host }) {
			list = append(list, e)
		}
	}
	return list
}

// unasked lowers what was seen on the direct way, where a script may send the
// client another one.
func unasked(f *fact.Facts, finding Finding) Finding {
	proxy, o, _ := fact.Get(f, fact.ProxyKey)
	if proxy.PAC == "" || proxy.Host != "" {
		return finding
	}
	finding.Evidence = append(finding.Evidence, text("pac", proxy.PAC+" decides for the client over proxies, and was not asked: this was seen on the direct way", o))
	return finding.with(Possible)
}

// components says who of the client goes through which proxy: a test from this
// program sees the way of one of them only.
func components(o fact.Origin) []fact.Evidence {
	var list []fact.Evidence
	for _, c := range kb.Components() {
		list = append(list, text("component", c.Name+": "+c.Proxy, o))
	}
	return list
}

// tunnelled reports whether the proxy opened the connection: the address at the
// other end is seen only on the direct way.
func tunnelled(e fact.Endpoint) bool {
	return e.Reach.Status == fact.Listening && e.Reach.Address == ""
}

// proxyBreaksTLS reports whether the proxy opened connections to several hosts,
// and TLS failed with every one of them.
func proxyBreaksTLS(f *fact.Facts) bool {
	proxy, _, _ := fact.Get(f, fact.ProxyKey)
	tried := 0
	for _, e := range everyEndpoint(f) {
		if !tunnelled(e) || e.TLS == nil {
			continue
		}
		if e.TLS.Handshake == nil {
			return false
		}
		tried++
	}
	return proxy.Reach.Status == fact.Listening && tried > 1
}

func brokenByProxy(f *fact.Facts) Finding {
	proxy, o, _ := fact.Get(f, fact.ProxyKey)
	finding := found("tls-handshake-failed", "proxy", host(proxy.Host, o), named("proxy", proxyName(proxy.Endpoint), o))
	for _, e := range everyEndpoint(f) {
		if tunnelled(e) && e.TLS != nil && e.TLS.Handshake != nil {
			finding.Evidence = append(finding.Evidence, named("server", e.Host, o), prose("detail", e.TLS.Handshake.Detail, o))
		}
	}
	finding.Title = "The proxy ({host}) opens connections, and TLS fails through it"
	finding.Cause = "The proxy says that it is connected to each host, and TLS ends in an alert or a reset with every one of them. It breaks what passes, or is connected to something else."
	return finding
}

// byBrokenProxy: TLS that fails through the proxy everywhere.
func byBrokenProxy(cause, _ Finding) bool { return cause.value("proxy") != "" }
