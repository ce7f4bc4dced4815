package lyncdiag

import (
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func dnsRules() []Rule {
	source := kb.Citation{KB: "KB2566790"}
	return []Rule{
		{
			ID: "dns.server", Source: kb.Citation{KB: "KB2541980", Section: "Fix DNS and network-related sign-in problems"},
			Needs: names(fact.DNSKey), Reads: names(fact.SettingKey), Emits: []string{"dns-server-failure", "dns-delegation-broken"}, Eval: judgeResolver,
		},
		{
			ID: "dns.domain", Source: source,
			Needs: names(fact.DNSKey, fact.TargetKey), Reads: names(fact.SettingKey), Emits: []string{"dns-domain-missing"}, Eval: judgeDomain,
		},
		{
			ID: "dns.records", Source: source,
			Needs: names(fact.DNSKey), Reads: append(names(fact.CandidatesKey), deploymentReads...),
			Emits: []string{
				"dns-lyncdiscover-missing", "dns-lyncdiscover-wrong", "dns-sip-tls-srv-missing", "dns-sip-tls-srv-wrong",
				"dns-sip-cname-missing", "dns-sip-cname-wrong", "dns-federation-srv-missing", "dns-federation-srv-wrong",
				"dns-srv-duplicate", "dns-target-malformed", "dns-target-unresolvable", "dns-cname-loop",
			},
			Eval: judgeRecords,
		},
		{
			ID: "dns.views", Source: source,
			Needs: names(fact.DNSKey), Reads: deploymentReads,
			Emits: []string{"dns-internal-external-differ", "dns-wildcard-answer"}, Eval: judgeViews,
		},
		{
			ID: "dns.trust", Source: kb.Citation{KB: "KB2833618"},
			Needs: names(fact.DNSKey), Reads: deploymentReads,
			Emits: []string{"dns-srv-strict-match"}, Eval: judgeTrust,
		},
		{
			ID: "dns.autoconfiguration", Source: kb.Citation{KB: "KB2541980", Section: "Bypass Lync Autodiscover and DNS resolution"},
			Needs: names(fact.DNSKey, fact.CandidatesKey), Reads: deploymentReads,
			Emits: []string{"dns-autoconfiguration-broken"}, Eval: judgeAutoconfiguration,
		},
	}
}

// controlHost is a name that every public resolver knows: the login service's.
func controlHost(f *fact.Facts) string {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	return dnscheck.CloudHosts(cloudOf(setting)).Login[0]
}

// judgeResolver: a resolver that cannot answer for the control name either
// says nothing about the domain's records.
func judgeResolver(f *fact.Facts, emit Emit) {
	dns, o, _ := fact.Get(f, fact.DNSKey)
	control := controlHost(f)
	others := !unanswered(dns)
	for _, s := range dns.Servers {
		h, ok := dns.Host(s.String(), control)
		if !ok || h.Status == dnscheck.StatusCancelled || answersOf(dns, s.String()) {
			continue
		}
		evidence := []fact.Evidence{{Key: "resolver", Class: fact.IPText, Value: s.Address(), Origin: o}, named("control", control, o), text("controlAnswer", string(h.Status), o)}
		finding := found("dns-server-failure", "dns", append(evidence, prose("detail", h.A.Detail, o))...)
		if detail, broken := dns.DelegationBroken(s.String()); broken {
			// The same resolver answers for others, so the domain's own servers
			// are what fails.
			finding = found("dns-delegation-broken", "dns", append(evidence, prose("answer", detail, o))...)
		} else if h.Status.Known() {
			finding = found("dns-server-failure", "dns", append(evidence, prose("answer", domainAnswer(dns, s.String()), o))...).with(Probable)
			finding.Title = "The DNS server answers for others, and not for {domain}"
			finding.Cause = "For names of other domains the server gives answers, and for those of {domain} it gives none that says anything of its records. A server that only serves zones of its own does that, and so does one that filters."
		}
		if h.Status == dnscheck.StatusNetworkError {
			finding = finding.with(Probable) // this computer may be what refuses: a firewall on it does
		}
		if others {
			finding = finding.at(kb.Warning, "another resolver answers", o)
		}
		emit(finding)
	}
}

// answersOf reports whether a resolver said anything usable.
func answersOf(r *dnscheck.Result, server string) bool {
	return slices.ContainsFunc(r.Answers, func(a dnscheck.Answer) bool { return a.Server == server && a.Status.Known() })
}

// hedge lowers a finding that rests on a resolver which does not know public
// names: what it says of this domain may hold inside a company only.
func hedge(f *fact.Facts, finding Finding, server string) Finding {
	dns, o, ok := fact.Get(f, fact.DNSKey)
	if !ok {
		return finding // the user's computer, whose resolver was not tried
	}
	control := controlHost(f)
	if h, ok := dns.Host(server, control); ok && h.Status.Known() && h.Status != dnscheck.StatusOK {
		finding.Evidence = append(finding.Evidence, named("control", control, o), text("controlAnswer", string(h.Status), o))
		return finding.with(Possible)
	}
	return finding
}

// domainAnswer is what a resolver says of the domain itself.
func domainAnswer(dns *dnscheck.Result, server string) string {
	for _, a := range dns.Answers {
		if a.Server == server {
			return strings.TrimSpace(string(a.Status) + " " + a.Detail)
		}
	}
	return ""
}

// judgeDomain: the domain is not in DNS. A tenant's initial domain
// (*.onmicrosoft.com) is Microsoft's affair and needs no records.
func judgeDomain(f *fact.Facts, emit Emit) {
	dns, o, _ := fact.Get(f, fact.DNSKey)
	target, _, _ := fact.Get(f, fact.TargetKey)
	if len(dnscheck.LyncOnline(target.Domain, "worldwide")) == 0 {
		return
	}
	for _, s := range dns.Servers {
		if apex, ok := dns.Answer(s.String(), target.Domain, "SOA"); ok && apex.Status == dnscheck.StatusNoSuchName {
			emit(hedge(f, found("dns-domain-missing", "dns", named("domain", target.Domain, o), text("answer", apex.RCode, o), prose("resolver", s.String(), o)), s.String()))
		}
	}
}

// recordFindings names the findings of each record by the first labels of its
// name. A record of the inside has those of the one that clients go on to.
var recordFindings = []struct{ prefix, missing, wrong, goesOn string }{
	{prefix: "lyncdiscover.", missing: "dns-lyncdiscover-missing", wrong: "dns-lyncdiscover-wrong"},
	{prefix: "lyncdiscoverinternal.", missing: "dns-lyncdiscover-missing", wrong: "dns-lyncdiscover-wrong", goesOn: "lyncdiscover."},
	{prefix: "_sip._tls.", missing: "dns-sip-tls-srv-missing", wrong: "dns-sip-tls-srv-wrong"},
	{prefix: "_sipinternaltls._tcp.", missing: "dns-sip-tls-srv-missing", wrong: "dns-sip-tls-srv-wrong", goesOn: "_sip._tls."},
	{prefix: "sip.", missing: "dns-sip-cname-missing", wrong: "dns-sip-cname-wrong"},
	{prefix: "_sipfederationtls._tcp.", missing: "dns-federation-srv-missing", wrong: "dns-federation-srv-wrong"},
}

func judgeRecords(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.DNSKey)
	judgeChecks(f, Records(f), o, emit)
}

// judgeChecks names what is wrong with records, whoever saw them.
func judgeChecks(f *fact.Facts, checks []dnscheck.Check, o fact.Origin, emit Emit) {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	view := ownView(f)
	speaks := autodiscoverSpeaks(f)
	// That a name resolves does not make it Autodiscover: a wildcard does that.
	discoverable := speaks || !f.Has(fact.WalkKey.Name()) && (usable(checks, "lyncdiscover.") || usable(checks, "lyncdiscoverinternal."))
	for _, c := range checks {
		for _, r := range recordFindings {
			if !strings.HasPrefix(c.Name, r.prefix) {
				continue
			}
			name := recordFinding(c, r.missing, r.wrong)
			if name == r.wrong && c.Wildcard && !speaks {
				name = r.missing // a wildcard answers, and there is no such record
			}
			// A host of the deployment's own that speaks Autodiscover is no
			// wrong record: hybrid and moving tenants have it so.
			if name == "" || name == "dns-lyncdiscover-wrong" && speaks {
				continue
			}
			there := ofResolver(checks, c.Server)
			// A wildcard answers for a name that nobody made.
			if r.goesOn != "" && (c.Wildcard || name == r.missing && usable(there, r.goesOn)) {
				continue
			}
			inside := setting.Location == "inside" || c.Server == insideServer
			if name == "dns-lyncdiscover-missing" && inside && usable(there, "lyncdiscoverinternal.") {
				continue
			}
			finding := found(name, "dns", named("record", c.Name, o), prose("expected", c.Expected, o), prose("found", strings.Join(c.Found, "; "), o),
				prose("detail", c.Detail, o), prose("resolver", c.Server, o), prose("fix", c.Fix, o))
			for _, target := range unexpectedTargets(c) {
				finding.Evidence = append(finding.Evidence, named("target", target, o))
			}
			if name == "dns-target-unresolvable" && finding.value("target") == "" && len(c.Targets) > 0 {
				finding.Evidence = append(finding.Evidence, named("target", c.Targets[0], o))
			}
			switch {
			case needless(setting.Client, c) != "":
				finding = finding.at(kb.Warning, needless(setting.Client, c), o)
			case view != "" && c.Server != view && usable(ofResolver(checks, view), c.Name):
				finding = finding.at(kb.Warning, "the resolver "+view+" has it as it should be", o)
			case name == "dns-lyncdiscover-wrong" && !looked(f, setting, c):
				finding = finding.with(Possible).at(kb.Warning, "whether Autodiscover answers there was not looked at", o)
				finding.Cause = "The record leads to {target}, which is not the web service of Lync Online. In a hybrid deployment it may be right. Whether Autodiscover answers there was not looked at."
			case r.prefix == "lyncdiscover." && name != r.missing && name != r.wrong && setting.Client != "mobile" && usable(checks, "_sip._tls."):
				finding = finding.at(kb.Warning, "desktop clients fall back to the SRV record, which is right", o)
			case name == "dns-lyncdiscover-missing" && setting.Client != "mobile" && usable(checks, "_sip._tls."):
				finding = finding.at(kb.Warning, "desktop clients fall back to the SRV record, which is right", o)
			case name == "dns-sip-tls-srv-missing" && setting.Client != "lync2010-rtm" && discoverable:
				finding = finding.at(kb.Warning, "clients with Autodiscover do not need the SRV record", o)
			case c.Need == dnscheck.NeedFederation:
				finding = finding.at(kb.Warning, "federation does not take part in sign-in", o)
			case r.prefix == "sip." && name != r.missing && name != r.wrong && usable(checks, "_sip._tls."):
				finding = finding.at(kb.Warning, "the name is used only without an SRV record, which is right", o)
			}
			if r.goesOn != "" {
				finding.Title = map[string]string{r.missing: "No {record} record inside the network", r.wrong: "The {record} record leads to the wrong host"}[name]
				finding.Cause = strings.Trim("Clients inside the network look for {record} before they look for the record of the outside. "+c.Detail, " ")
			}
			if d := findDeployment(f); r.goesOn != "" || d.kind != "online" || d.cloud != "worldwide" {
				finding.Resolution = recordSteps(c)
			}
			emit(hedge(f, finding, c.Server))
		}
	}
}

// The reserved names of resolvers that have the view of one side.
const (
	insideServer  = "internal"
	outsideServer = "external"
)

// ownView is the resolver that this client's place asks, of several; "" without any.
func ownView(f *fact.Facts) string {
	dns, _, ok := fact.Get(f, fact.DNSKey)
	if !ok {
		return ""
	}
	setting, _, _ := fact.Get(f, fact.SettingKey)
	for _, s := range dns.Servers {
		inside := s.String() == insideServer
		if setting.Location == "" || inside == (setting.Location == "inside") {
			return s.String()
		}
	}
	return dns.Servers[0].String()
}

// ofResolver are the checks of one resolver.
func ofResolver(checks []dnscheck.Check, server string) []dnscheck.Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c dnscheck.Check) bool { return c.Server != server })
}

// looked reports whether it is known that what a lyncdiscover record leads to is no
// Autodiscover of this domain: it was asked, or it is another host of the service.
func looked(f *fact.Facts, s fact.Setting, c dnscheck.Check) bool {
	if f.Has(fact.WalkKey.Name()) || s.Deployment == "online" {
		return true
	}
	return slices.ContainsFunc(unexpectedTargets(c), func(host string) bool {
		_, online := dnscheck.IsOnlineHost(host)
		return online
	})
}

// needless says that a client does not ask for a record, "" where it does or where
// the client is not known.
func needless(client string, c dnscheck.Check) string {
	if client == "" || client == "any" || slices.Contains(c.Clients, client) || c.Need == dnscheck.NeedFederation {
		return ""
	}
	return "this client does not ask for it"
}

// recordSteps are the steps for a deployment whose records are not those of
// Lync Online worldwide, which the catalogue has.
func recordSteps(c dnscheck.Check) []string {
	var steps []string
	if len(c.Found) > 0 {
		steps = append(steps, "At the DNS host of {domain}, delete what is wrong: "+c.Name+". "+strings.Join(c.Found, "; "))
	}
	switch {
	case c.Fix != "":
		steps = append(steps, "Add this record: "+c.Fix)
	default:
		steps = append(steps, "Ask who runs the servers for the right host, and add a record for {record} that leads to "+c.Expected+".")
	}
	return append(steps,
		"Wait for the change to spread, then empty the DNS cache of the user's computer: ipconfig /flushdns",
		"Check again: lyncdiag check {address}")
}

// recordFinding puts a check's problem into the catalogue's names, in the
// order malformed, loop, unresolvable, wrong.
func recordFinding(c dnscheck.Check, missing, wrong string) string {
	switch {
	case c.Status == dnscheck.CheckMissing:
		return missing
	case c.Problem == dnscheck.ProblemMalformed:
		return "dns-target-malformed"
	case c.Problem == dnscheck.ProblemCNAMELoop:
		return "dns-cname-loop"
	case c.Problem == dnscheck.ProblemUnresolvable:
		return "dns-target-unresolvable"
	case c.Problem == dnscheck.ProblemDuplicate:
		return "dns-srv-duplicate"
	case c.Problem == dnscheck.ProblemWrong || c.Status == dnscheck.CheckWrong:
		return wrong
	}
	return ""
}

// unexpectedTargets are the hosts that a record names and should not.
func unexpectedTargets(c dnscheck.Check) []string {
	var list []string
	for _, found := range c.Found {
		words := strings.Fields(found)
		if len(words) == 0 {
			continue
		}
		if target := strings.TrimSuffix(words[len(words)-1], "."); !slices.Contains(c.Targets, target) {
			list = append(list, target)
		}
	}
	return list
}

// usable reports whether a record is as it should be, by some resolver.
func usable(checks []dnscheck.Check, prefix string) bool {
	return slices.ContainsFunc(checks, func(c dnscheck.Check) bool {
		return strings.HasPrefix(c.Name, prefix) && c.Status == dnscheck.CheckOK && !c.Wildcard
	})
}

// judgeViews: resolvers that should agree and do not, and names that exist
// although they cannot.
func judgeViews(f *fact.Facts, emit Emit) {
	dns, o, _ := fact.Get(f, fact.DNSKey)
	for _, d := range Differences(f) {
		if d.Expected || d.Need == dnscheck.NeedOptional {
			continue
		}
		finding := found("dns-internal-external-differ", "dns", named("record", d.Name, o), prose("detail", d.Detail, o))
		for _, v := range d.Views {
			finding.Evidence = append(finding.Evidence, prose(v.Server, strings.TrimSpace(string(v.Status)+" "+strings.Join(v.Found, "; ")), o))
		}
		emit(finding)
	}
	for _, s := range dns.Servers {
		if h, ok := dns.Wildcard(s.String()); ok {
			finding := found("dns-wildcard-answer", "dns", named("record", h.Name, o), prose("resolver", s.String(), o))
			for _, ip := range h.Addresses {
				finding.Evidence = append(finding.Evidence, address(ip.String(), o))
			}
			emit(finding)
		}
	}
}

// judgeTrust: clients ask before they follow an SRV record out of the sign-in
// domain, unless they trust the target's domain by default.
func judgeTrust(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.DNSKey)
	for _, c := range Records(f) {
		if c.Status != dnscheck.CheckOK || c.Need == dnscheck.NeedFederation || c.Need == dnscheck.NeedOptional {
			continue
		}
		for _, target := range c.OutsideTrust {
			emit(found("dns-srv-strict-match", "dns", named("record", c.Name, o), named("target", target, o), prose("resolver", c.Server, o)))
		}
	}
}

// judgeAutoconfiguration is the article's experiment in DNS: nothing leads the
// client to a server by itself, and the manual address works.
func judgeAutoconfiguration(f *fact.Facts, emit Emit) {
	candidates, o, _ := fact.Get(f, fact.CandidatesKey)
	manual := slices.IndexFunc(candidates, func(c fact.Candidate) bool { return c.ByVia(fact.ViaManual) && c.Works() })
	if manual < 0 {
		return
	}
	finding := found("dns-autoconfiguration-broken", "server.auto", named("manual", candidates[manual].Host, o))
	dead := 0
	for _, prefix := range []string{"lyncdiscover.", "_sip._tls.", "sip."} {
		for _, c := range Records(f) {
			if !strings.HasPrefix(c.Name, prefix) {
				continue
			}
			if c.Status != dnscheck.CheckMissing && c.Problem != dnscheck.ProblemUnresolvable && c.Problem != dnscheck.ProblemCNAMELoop && c.Problem != dnscheck.ProblemMalformed {
				return
			}
			dead++
			finding.Evidence = append(finding.Evidence, named("record", c.Name, o), text("status", string(c.Status), o))
		}
	}
	if dead > 0 {
		emit(finding)
	}
}
