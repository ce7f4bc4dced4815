package lyncdiag

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func transportRules() []Rule {
	reads := append(names(fact.CandidatesKey, fact.WebHostsKey, fact.AutomaticKey, fact.LoginKey, fact.ControlKey, fact.ProxyKey), deploymentReads...)
	return []Rule{
		{
			ID: "transport.firewall", Source: kb.Citation{KB: "KB2541980", Section: "Bypass Lync Autodiscover and DNS resolution", Item: "both fail"},
			Needs: names(fact.CandidatesKey, fact.LoginKey), Reads: reads,
			Emits: []string{"firewall-blocks-lync-online"}, Eval: judgeFirewall,
		},
		{
			ID: "transport.hosts", Source: kb.Citation{KB: "KB2409256"},
			Needs: names(fact.CandidatesKey), Reads: reads,
			Emits: []string{"tcp-443-filtered", "tcp-443-not-listening", "tls-handshake-failed", "tls-version-unsupported"}, Eval: judgeHosts,
		},
		{
			ID: "transport.certificate", Source: kb.Citation{KB: "KB2541980", Section: "Lync Online sign-in error messages", Item: "row 9"},
			Needs: names(fact.CandidatesKey), Reads: append(names(fact.StandingsKey), reads...),
			Emits: []string{"sip-certificate-invalid", "sip-server-certificate-expired"}, Eval: judgeRegistrarCertificate,
		},
		{
			ID: "transport.manual", Source: kb.Citation{KB: "KB2541980", Section: "Bypass Lync Autodiscover and DNS resolution"},
			Needs: names(fact.CandidatesKey, fact.AutomaticKey), Reads: deploymentReads,
			Emits: []string{"manual-address-blocked"}, Eval: judgeManual,
		},
	}
}

// neededHost is a host that sign-in goes through, under the name that owns its
// addresses: aliases of one host are one host.
type neededHost struct {
	fact.Endpoint
	name  string
	stage StageID
}

// neededHosts are the Lync hosts of the automatic and of the manual path. A
// target that DNS should not name is left out: that record is the finding.
func neededHosts(f *fact.Facts) []neededHost {
	var list []neededHost
	add := func(e fact.Endpoint, stage StageID) {
		if e.Reach.Status == "" || e.Reach.Status == fact.Unresolved || e.Reach.AtProxy != nil || stage == "autodiscover" && e.Port != 443 {
			return // what does not resolve is DNS's affair, what the proxy refuses the proxy's
		}
		n := neededHost{e, canonical(e), stage}
		for i, seen := range list {
			if seen.name == n.name && seen.Port == n.Port {
				if n.Host == n.name { // what the host itself says outweighs an alias
					list[i] = n
				}
				return
			}
		}
		list = append(list, n)
	}
	auto, _, _ := fact.Get(f, fact.AutomaticKey)
	for _, c := range judgedCandidates(f) {
		// Where automatic configuration works, nobody needs the manual address.
		if auto.Works && !auto.Unproved && len(c.Via) == 1 && c.ByVia(fact.ViaManual) {
			continue
		}
		add(c.Endpoint, "tcp")
	}
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	wrong := wrongTargets(f)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	for _, e := range hosts {
		if !slices.Contains(wrong, canonical(e)) && setting.Client != "lync2010-rtm" { // which uses no Autodiscover
			add(e, "autodiscover")
		}
	}
	return list
}

func canonical(e fact.Endpoint) string {
	if n := len(e.Resolve.CNAMEs); n > 0 {
		return strings.TrimSuffix(e.Resolve.CNAMEs[n-1], ".")
	}
	return e.Host
}

// judgedCandidates are the registrars whose state says something about
// sign-in: those that the record for this place rightly names, that
// Autodiscover names, or that manual configuration would use where automatic
// configuration does not work. Fixed names are a last resort and say nothing.
func judgedCandidates(f *fact.Facts) []fact.Candidate {
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	d := findDeployment(f)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	wrong := wrongTargets(f)
	auto, _, _ := fact.Get(f, fact.AutomaticKey)
	internal := slices.ContainsFunc(candidates, func(c fact.Candidate) bool { return c.ByVia(fact.ViaSRVInternal) })
	var list []fact.Candidate
	for _, c := range candidates {
		record := fact.ViaSRV
		if setting.Location == "inside" && internal {
			record = fact.ViaSRVInternal
		}
		named := c.ByVia(record) && !slices.Contains(wrong, c.Host) || c.ByVia(fact.ViaAutodiscover)
		// Where automatic configuration works, nobody needs the manual address.
		manual := c.ByVia(fact.ViaManual) && (d.online() || setting.ManualServer != "") && (!auto.Works || auto.Unproved)
		if named || manual {
			list = append(list, c)
			for _, h := range c.Hops { // what it leads to is needed as much
				list = append(list, fact.Candidate{Endpoint: h.Endpoint, SIP: h.SIP})
			}
		}
	}
	return list
}

// wrongTargets are the hosts that a record names and should not.
func wrongTargets(f *fact.Facts) []string {
	var list []string
	for _, c := range Records(f) {
		if c.Status == dnscheck.CheckWrong || c.Problem == dnscheck.ProblemDuplicate {
			list = append(list, unexpectedTargets(c)...)
		}
	}
	return list
}

// down reports whether a host fails in TCP or in the TLS handshake.
func (n neededHost) down() bool {
	return n.Reach.Status == fact.Filtered || n.Reach.Status == fact.NotListening || n.TLS != nil && n.TLS.Handshake != nil && !notRead(n.TLS)
}

// judgeFirewall: every Lync host fails while a host of another service
// answers, so something between here and Lync Online keeps it out.
func judgeFirewall(f *fact.Facts, emit Emit) {
	login, o, _ := fact.Get(f, fact.LoginKey)
	needed := neededHosts(f)
	if len(needed) < 2 || login.Reach.Status != fact.Listening || !findDeployment(f).online() || proxyBreaksTLS(f) {
		return
	}
	finding := found("firewall-blocks-lync-online", "tcp", named("control", login.Host, o), text("controlStatus", string(login.Reach.Status), o))
	for _, n := range needed {
		if !n.down() {
			return
		}
		finding.Evidence = append(finding.Evidence, named("blocked", n.name, o), text("status", reachability(n.Endpoint), o))
	}
	emit(unasked(f, finding))
}

func reachability(e fact.Endpoint) string {
	if e.Reach.Status == fact.Listening && e.TLS != nil && e.TLS.Handshake != nil {
		return "TLS: " + e.TLS.Handshake.Kind
	}
	return string(e.Reach.Status)
}

func judgeHosts(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.CandidatesKey)
	if proxyBreaksTLS(f) {
		emit(brokenByProxy(f))
		return
	}
	for _, n := range neededHosts(f) {
		// Where nobody answers, no host can be singled out.
		if !n.down() || n.Reach.Status != fact.Listening && !anyAnswer(f) {
			continue
		}
		stage := n.stage
		evidence := []fact.Evidence{host(n.name, o), address(n.Reach.Address, o), text("port", strconv.Itoa(int(n.Port)), o)}
		if n.Host != n.name {
			evidence = append(evidence, named("askedAs", n.Host, o))
		}
		if ip, err := netip.ParseAddr(n.Reach.Address); err == nil && o.Kind == fact.Live {
			if inside, known := Published(n.name, ip); known && !inside {
				evidence = append(evidence, text("publishedRange", "outside: the address is in none of the ranges that were published for the service", o))
			}
		}
		name := "tcp-443-filtered"
		switch {
		case n.Reach.Status == fact.NotListening:
			name = "tcp-443-not-listening"
		case n.Reach.Status == fact.Listening:
			name = "tls-handshake-failed"
			if n.TLS.Handshake.Alert == "protocol_version" {
				name = "tls-version-unsupported" // this program offers TLS 1.0 to 1.3
			}
			if stage == "tcp" {
				stage = "tls"
			}
			evidence = append(evidence, text("alert", n.TLS.Handshake.Alert, o), prose("detail", n.TLS.Handshake.Detail, o))
		default:
			evidence = append(evidence, prose("detail", n.Reach.Detail, o))
		}
		finding := found(name, stage, evidence...)
		if ip, err := netip.ParseAddr(n.Reach.Address); err == nil && ip.IsPrivate() && name == "tcp-443-filtered" {
			// A VPN that carries DNS and not the addresses looks like this.
			finding.Evidence = append(finding.Evidence, text("addressKind", "private: it can be reached inside the company or over VPN only", o))
		}
		if n.Reach.NoRoute {
			finding.Title = "This computer has no route to {host}"
			finding.Cause = "{host} resolves, and this computer has no way to its address (" + n.Reach.Address + "), while other hosts answer. A VPN or a routing table that covers part of the network looks like this."
		}
		emit(unasked(f, behindGateway(finding, n.Endpoint)))
	}
}

// behindGateway says of a host what a proxy's 502 or 504 tells, and no more.
func behindGateway(finding Finding, e fact.Endpoint) Finding {
	if e.Reach.BadGateway != 0 {
		finding.Title = "The proxy does not reach {host}"
		finding.Cause = "The proxy answers " + strconv.Itoa(e.Reach.BadGateway) + " to CONNECT for {host}: it does not find the name, is refused, or gets no answer there. This computer does not see which. Sign-in needs this host."
	}
	return finding
}

func judgeRegistrarCertificate(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range judgedCandidates(f) {
		if c.TLS == nil || c.TLS.Verified || c.TLS.Handshake != nil && !notRead(c.TLS) {
			continue
		}
		name := "sip-certificate-invalid"
		if codes := certificateCodes(c.TLS); len(codes) == 1 && codes[0] == "expired" {
			name = "sip-server-certificate-expired"
		}
		finding := found(name, "tls", certificateEvidence(c.Endpoint, o)...)
		if _, evidence, ok := missing(f, c.Endpoint); ok {
			finding.Evidence = append(finding.Evidence, evidence...)
		}
		if notRead(c.TLS) {
			finding = unread(finding)
		}
		if c.TLS.WeakOnly {
			finding = finding.at(kb.Warning, "Windows and the Lync clients take a signature with SHA-1", o)
			finding.Title = "The certificate of the registrar ({host}) is signed with SHA-1"
			finding.Cause = "Such a signature can be forged. The Lync clients take it; current browsers and other programs do not."
		}
		emit(finding)
	}
}

// certificateCodes are the codes that keep a chain from verifying.
func certificateCodes(r *certs.Result) []string {
	var codes []string
	for _, p := range r.Problems {
		if !p.Warning && !slices.Contains(codes, string(p.Code)) {
			codes = append(codes, string(p.Code))
		}
	}
	return codes
}

func certificateEvidence(e fact.Endpoint, o fact.Origin) []fact.Evidence {
	list := []fact.Evidence{host(e.Host, o), address(e.TLS.Address, o), text("problem", strings.Join(certificateCodes(e.TLS), ", "), o)}
	for _, p := range e.TLS.Problems {
		if !p.Warning {
			list = append(list, prose("detail", p.Detail, o), text("effect", p.Effect(), o))
		}
	}
	if len(e.TLS.Chain) > 0 {
		leaf := e.TLS.Chain[0]
		list = append(list, fact.Evidence{Key: "subject", Class: fact.HostText, Value: leaf.Subject, Origin: o}, fact.Evidence{Key: "issuer", Class: fact.HostText, Value: leaf.Issuer, Origin: o},
			text("thumbprint", leaf.Thumbprint, o), text("notBefore", stamp(leaf.NotBefore), o), text("notAfter", stamp(leaf.NotAfter), o))
	}
	return list
}

// judgeManual: automatic configuration works and the manual address does not.
// Nobody has to mend that, but who tries the article's bypass must know.
func judgeManual(f *fact.Facts, emit Emit) {
	auto, o, _ := fact.Get(f, fact.AutomaticKey)
	if !auto.Works || auto.Unproved || !findDeployment(f).online() {
		return
	}
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		if c.ByVia(fact.ViaManual) && !c.Works() && c.Reach.Status != "" {
			emit(found("manual-address-blocked", "server.auto", host(c.Host, o), text("status", reachability(c.Endpoint), o)))
		}
	}
}
