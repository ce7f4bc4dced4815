package lyncdiag

import (
	"slices"
	"strconv"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func bundleRules() []Rule {
	return []Rule{{
		ID: "client.ports", Source: kb.Citation{KB: "KB2541980", Section: "Diagnose authentication issues by using MOSDAL and Snooper", Item: "step 3"},
		Needs: names(fact.PortQueriesKey), Reads: append(names(fact.LoginKey), deploymentReads...),
		Emits: []string{"port-443-blocked-on-client", "name-resolution-failed-on-client"}, Eval: judgePortQueries,
	}}
}

// judgePortQueries: hosts of the sign-in that the user's computer did not reach. Only
// TCP counts; where another query of the same host got through, the port was open.
func judgePortQueries(f *fact.Facts, emit Emit) {
	open := map[string]bool{}
	for _, list := range fact.All(f, fact.PortQueriesKey) {
		for _, q := range list {
			open[q.Host] = open[q.Host] || q.Transport == "tcp" && q.Port == 443 && q.Status == fact.Listening
		}
	}
	hosts := hostsOf443(f)
	type told struct {
		host   string
		status fact.PortStatus
	}
	seen := map[told]bool{} // the same again, in this file or another, says nothing more
	for o, list := range fact.All(f, fact.PortQueriesKey) {
		for _, q := range list {
			if q.Transport != "tcp" || q.Port != 443 && q.Status != fact.Unresolved || open[q.Host] || !slices.Contains(hosts, q.Host) || seen[told{q.Host, q.Status}] {
				continue
			}
			seen[told{q.Host, q.Status}] = true
			at := fact.Origin{Kind: o.Kind, Where: o.Where, Line: q.Line}
			here := reachedHere(f, q.Host)
			if q.Status == fact.Unresolved {
				finding := found("name-resolution-failed-on-client", "bundle", host(q.Host, at), text("answer", string(q.Status), at), text("here", hereResolves(f, q.Host), at))
				if q.Host != manualHost(f) {
					finding.Title = "The user's computer could not resolve {host}"
				}
				finding.Cause = "PortQry could not resolve {host} on the user's computer. The article takes that as a fault of the internal DNS server."
				emit(finding)
				continue
			}
			finding := found("port-443-blocked-on-client", "bundle", host(q.Host, at), text("port", strconv.Itoa(int(q.Port)), at), text("status", string(q.Status), at), fact.Evidence{Key: "address", Class: fact.IPText, Value: q.Address, Origin: at}, text("here", string(here), at))
			if q.Host != manualHost(f) {
				finding.Title = "On the user's computer, TCP port 443 of {host} was not open"
			}
			if here == fact.Listening {
				finding.Cause = "PortQry on the user's computer does not say LISTENING for TCP 443 of {host}, and from here the port is open. So what is in the way is on that computer, or between it and here."
			}
			emit(finding)
		}
	}
}

// hostsOf443 are the hosts that a sign-in reaches at TCP 443.
func hostsOf443(f *fact.Facts) []string {
	var hosts []string
	if d := findDeployment(f); d.online() {
		setting, _, _ := fact.Get(f, fact.SettingKey)
		cloud := dnscheck.CloudHosts(cloudOf(setting))
		hosts = append(append(hosts, manualHost(f), cloud.Web), cloud.Login...)
	}
	return hosts
}

// reachedHere is what became of a host's port 443 from this computer; "" where
// nobody tried.
func reachedHere(f *fact.Facts, name string) fact.PortStatus {
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		if c.Host == name && c.Port == 443 {
			return c.Reach.Status
		}
	}
	if login, _, ok := fact.Get(f, fact.LoginKey); ok && login.Host == name {
		return login.Reach.Status
	}
	return ""
}

func hereResolves(f *fact.Facts, name string) string {
	here, _, _ := fact.Get(f, fact.DNSKey)
	return hereAs(here, name)
}
