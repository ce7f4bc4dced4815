package lyncdiag

import (
	"cmp"
	"iter"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func bundleRules() []Rule {
	return []Rule{{
		ID: "client.ports", Source: kb.Citation{KB: "KB2541980", Section: "Diagnose authentication issues by using MOSDAL and Snooper", Item: "step 3"},
		Needs: names(fact.PortQueriesKey),
		Reads: append(names(fact.LoginKey, fact.AutomaticKey, fact.WebHostsKey, fact.FederationKey, fact.FederationSettingsKey, fact.ControlKey), deploymentReads...),
		Emits: []string{"port-443-blocked-on-client", "name-resolution-failed-on-client"}, Eval: judgePortQueries,
	}}
}

// signInPort is a host and port that a sign-in goes through.
type signInPort struct {
	host  string
	port  uint16
	doubt string // why it may do without; "" for one that it needs
}

// queried is a question of PortQry about such a port, whatever it was asked as.
type queried struct {
	fact.PortQuery
	signInPort
	at fact.Origin
}

// judgePortQueries: ports of the sign-in that the user's computer did not reach. Only
// TCP counts; where another query of the same port got through, it was open.
func judgePortQueries(f *fact.Facts, emit Emit) {
	needed := signInPorts(f)
	var asked []queried
	open := map[string]bool{} // hosts, and hosts with a port
	for o, list := range fact.All(f, fact.PortQueriesKey) {
		for _, q := range list {
			if q.Transport != "tcp" {
				continue
			}
			p, ok := portOf(f, needed, q)
			if !ok {
				continue
			}
			if q.Status == fact.Listening {
				open[p.host], open[p.String()] = true, true
			}
			asked = append(asked, queried{q, p, fact.Origin{Kind: o.Kind, Where: o.Where, Line: q.Line}})
		}
	}
	type told struct {
		port   string
		status fact.PortStatus
	}
	seen := map[told]bool{} // the same again, in this file or another, says nothing more
	for _, q := range asked {
		this := told{q.signInPort.String(), q.Status}
		if seen[this] || open[this.port] || q.Status == fact.Unresolved && open[q.host] {
			continue
		}
		seen[this] = true
		emit(q.finding(f))
	}
}

func (p signInPort) String() string { return net.JoinHostPort(p.host, strconv.Itoa(int(p.port))) }

func (q queried) finding(f *fact.Facts) Finding {
	evidence := []fact.Evidence{host(q.host, q.at), readIn(q.at)}
	if q.Host != q.host {
		evidence = append(evidence, named("askedAs", q.Host, q.at))
	}
	var finding Finding
	if q.Status == fact.Unresolved {
		finding = found("name-resolution-failed-on-client", "bundle", append(evidence, text("answer", string(q.Status), q.at), text("here", hereResolves(f, q.host), q.at))...)
		finding.Cause = "PortQry could not resolve {host} on the user's computer. The article takes that as a fault of the internal DNS server."
	} else {
		here := reachedHere(f, q.signInPort)
		finding = found("port-443-blocked-on-client", "bundle", append(evidence, text("port", strconv.Itoa(int(q.port)), q.at), text("status", string(q.Status), q.at),
			fact.Evidence{Key: "address", Class: fact.IPText, Value: q.Address, Origin: q.at}, text("here", string(here), q.at))...)
		switch {
		case here == fact.Listening:
			finding.Cause = "PortQry on the user's computer does not say LISTENING for TCP {port} of {host}, and from here the port is open. So what is in the way is on that computer, or between it and here."
		case q.doubt != "":
			finding.Cause = "PortQry on the user's computer does not say LISTENING for TCP {port} of {host}."
		}
	}
	if q.Name == q.host {
		finding = finding.with(Probable) // whoever has an address may give it any name
	}
	return doubted(finding, q.doubt, q.at)
}

// doubted lowers a finding about a host that the sign-in may do without.
func doubted(finding Finding, doubt string, o fact.Origin) Finding {
	if doubt == "" {
		return finding
	}
	if finding.Cause == "" {
		spec, _ := kb.Lookup(finding.Name)
		finding.Cause = spec.Cause
	}
	finding.Cause += " Whether this sign-in needs it is not known: " + doubt + "."
	return finding.at(kb.Warning, doubt, o).with(Possible)
}

// readIn is the evidence that names the file; none for standard input.
func readIn(o fact.Origin) fact.Evidence {
	if o.Where == "-" {
		return fact.Evidence{}
	}
	return prose("file", o.Where, o)
}

// portOf finds the port of the sign-in that was asked for, by a name or by an
// address of it.
func portOf(f *fact.Facts, needed []signInPort, q fact.PortQuery) (signInPort, bool) {
	// A name that did not resolve has no port of its own to be judged.
	fits := func(p signInPort) bool { return p.port == q.Port || q.Status == fact.Unresolved }
	ip, err := netip.ParseAddr(q.Host)
	if err != nil {
		i := slices.IndexFunc(needed, func(p signInPort) bool { return p.host == q.Host && fits(p) })
		if i < 0 {
			return signInPort{}, false
		}
		return needed[i], true
	}
	for _, p := range needed {
		if fits(p) && (p.host == q.Name || slices.Contains(addressesSeen(f, p.host), ip)) {
			return p, true
		}
	}
	if inside, _ := Published(manualHost(f), ip); inside && q.Port == 443 && findDeployment(f).online() {
		return signInPort{q.Host, 443, "it is in the published ranges of Lync Online, and which of its hosts it belongs to is not known"}, true
	}
	return signInPort{}, false
}

// addressesSeen are a host's addresses, there and here.
func addressesSeen(f *fact.Facts, name string) []netip.Addr {
	var list []netip.Addr
	add := func(text string) {
		if ip, err := netip.ParseAddr(text); err == nil {
			list = append(list, ip)
		}
	}
	here, _, _ := fact.Get(f, fact.DNSKey)
	for _, view := range []*dnscheck.Result{clientView(f), here} {
		if view == nil {
			continue
		}
		for _, h := range view.Hosts {
			if h.Name == name {
				list = append(list, h.Addresses...)
			}
		}
	}
	for _, queries := range fact.All(f, fact.PortQueriesKey) {
		for _, q := range queries {
			if q.Host == name {
				add(q.Address)
			}
		}
	}
	for _, e := range hostsSeen(f) {
		if e.Host == name {
			list = append(list, e.Resolve.Addresses...)
			add(e.Reach.Address)
		}
	}
	return list
}

// signInPorts are the ports that a sign-in goes through, as the deployment, the
// records and the login service name them, those that it needs first.
func signInPorts(f *fact.Facts) []signInPort {
	var list []signInPort
	add := func(host string, port uint16, doubt string) {
		same := func(p signInPort) bool { return p.host == host && p.port == port }
		if host != "" && !slices.ContainsFunc(list, same) {
			list = append(list, signInPort{host, port, doubt})
		}
	}
	setting, _, _ := fact.Get(f, fact.SettingKey)
	target, _, _ := fact.Get(f, fact.TargetKey)
	online := findDeployment(f).online()
	if online {
		cloud := dnscheck.CloudHosts(cloudOf(setting))
		for _, name := range append([]string{cloud.SIP, cloud.Web}, cloud.Login...) {
			add(name, 443, "")
		}
	}
	if name, service, err := net.SplitHostPort(setting.ManualServer); err == nil {
		if port, err := strconv.ParseUint(service, 10, 16); err == nil {
			add(strings.ToLower(name), uint16(port), "")
		}
	}
	for _, t := range registrarsNamed(f) {
		add(t.Target, t.Port, "")
	}
	for _, n := range neededHosts(f) {
		add(n.Host, n.Port, "")
	}
	for name, doubt := range federationHosts(f) {
		add(name, 443, doubt)
	}
	if target.Domain == "" {
		return list
	}
	if setting.Client != "lync2010-rtm" {
		doubt := "desktop clients have other ways: Autodiscover by plain HTTP, and the SRV record"
		if setting.Client == "mobile" {
			doubt = ""
		}
		add("lyncdiscover."+target.Domain, 443, doubt)
	}
	for _, port := range []uint16{443, 5061} {
		add("sip."+target.Domain, port, "clients take this name as a last resort, where no record leads elsewhere")
	}
	return list
}

// registrarsNamed are the targets of the domain's SRV records for sign-in, as they
// were seen on the user's computer and from here. What a record should not name is
// left out: that record is the finding.
func registrarsNamed(f *fact.Facts) []dnscheck.Record {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	target, _, _ := fact.Get(f, fact.TargetKey)
	here, _, _ := fact.Get(f, fact.DNSKey)
	var wrong []string
	for _, c := range append(slices.Clone(Records(f)), ClientRecords(f)...) {
		if c.Status == dnscheck.CheckWrong {
			wrong = append(wrong, unexpectedTargets(c)...)
		}
	}
	records := []string{"_sip._tls." + target.Domain}
	if setting.Location != "outside" {
		records = append(records, "_sipinternaltls._tcp."+target.Domain)
	}
	var list []dnscheck.Record
	for _, view := range []*dnscheck.Result{clientView(f), here} {
		if view == nil {
			continue
		}
		for _, a := range view.Answers {
			if a.Type != "SRV" || !slices.Contains(records, a.Name) {
				continue
			}
			for _, r := range a.Records {
				if r.Type == "SRV" && !slices.Contains(wrong, r.Target) {
					list = append(list, r)
				}
			}
		}
	}
	return list
}

// federationHosts yields the hosts of the domain's federation service: as the login
// service or the tenant's settings name them; where nobody looked, by the names that
// such a host usually has, with the doubt that this leaves.
func federationHosts(f *fact.Facts) iter.Seq2[string, string] {
	return func(yield func(name, doubt string) bool) {
		if !findDeployment(f).online() {
			return
		}
		var urls []string
		realm, _, looked := fact.Get(f, fact.RealmKey)
		if looked && realm.NamespaceType == "federated" {
			urls = append(urls, realm.MEXURL, realm.ActiveAuthURL)
		}
		settings, _, _ := fact.Get(f, fact.FederationSettingsKey)
		for _, s := range settings {
			looked = true
			urls = append(urls, s.MEXURL, s.ActiveURL)
		}
		for _, raw := range urls {
			if name := strings.ToLower(hostOf(raw)); name != "" && !yield(name, "") {
				return
			}
		}
		target, _, _ := fact.Get(f, fact.TargetKey)
		if looked || target.Domain == "" {
			return
		}
		for _, label := range []string{"sts", "adfs", "fs"} {
			if !yield(label+"."+target.Domain, "that the host is the domain's federation service is taken from its name alone") {
				return
			}
		}
	}
}

// reachedHere is what became of a port from this computer; "" where nobody tried.
func reachedHere(f *fact.Facts, p signInPort) fact.PortStatus {
	for _, e := range hostsSeen(f) {
		if e.Host == p.host && e.Port == p.port && e.Reach.Status != "" {
			return e.Reach.Status
		}
	}
	return ""
}

// hereResolves is what this computer's own look at a name came to, "" without one.
func hereResolves(f *fact.Facts, name string) string {
	here, _, _ := fact.Get(f, fact.DNSKey)
	status := hereAs(here, name)
	for _, e := range hostsSeen(f) {
		if e.Host == name {
			status = cmp.Or(status, string(e.Resolve.Status))
		}
	}
	return status
}
