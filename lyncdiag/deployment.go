package lyncdiag

import (
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// deployment is what the user's domain is: Lync Online, a deployment of its
// own, or both.
type deployment struct {
	kind  string // online, hybrid, server
	cloud string // "" for server
	why   string
}

func (d deployment) online() bool { return d.kind != "server" }

// deploymentReads are the facts that findDeployment looks at.
var deploymentReads = names(fact.TargetKey, fact.SettingKey, fact.DNSKey, fact.WalkKey)

// findDeployment takes the caller's word, else reads it from where the records
// and Autodiscover lead, else assumes the article's case.
func findDeployment(f *fact.Facts) deployment {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	cloud := cloudOf(setting)
	switch setting.Deployment {
	case "online", "hybrid":
		return deployment{setting.Deployment, cloud, "as given"}
	case "server":
		return deployment{"server", "", "as given"}
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	dns, _, _ := fact.Get(f, fact.DNSKey)
	walk, _, _ := fact.Get(f, fact.WalkKey)
	own := false // some record leads to a host that is not Lync Online's
	for _, host := range recordTargets(dns, target.Domain) {
		if c, ok := dnscheck.IsOnlineHost(host); ok {
			return deployment{"online", c, "a record of the domain leads to " + host}
		}
		own = true
	}
	if walk != nil {
		for _, hop := range walk.Hops {
			if c, ok := dnscheck.IsOnlineHost(hostOf(hop.URL)); ok && own {
				return deployment{"hybrid", c, "Autodiscover on the premises leads to " + hostOf(hop.URL)}
			}
		}
	}
	if own {
		return deployment{"server", "", "no record and no Autodiscover answer leads to Lync Online"}
	}
	return deployment{"online", cloud, "assumed: no record of the domain says otherwise"}
}

// recordTargets are the hosts that the domain's sign-in records lead to.
func recordTargets(r *dnscheck.Result, domain string) []string {
	if r == nil {
		return nil
	}
	var hosts []string
	add := func(host string) {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	for _, a := range r.Answers {
		if a.Type == "SRV" {
			for _, rec := range a.Records {
				add(rec.Target)
			}
		}
	}
	for _, h := range r.Hosts {
		if !strings.HasSuffix(h.Name, "."+domain) {
			continue
		}
		for _, hop := range h.CNAMEs {
			add(hop)
		}
		if len(h.CNAMEs) == 0 && len(h.Addresses) > 0 {
			add(h.Name)
		}
	}
	return hosts
}

// Records is what each resolver said against what the deployment needs.
func Records(f *fact.Facts) []dnscheck.Check {
	dns, _, ok := fact.Get(f, fact.DNSKey)
	if !ok {
		return nil
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	d := findDeployment(f)
	switch d.kind {
	case "hybrid":
		return dnscheck.Evaluate(dns, dnscheck.Hybrid(target.Domain))
	case "server":
		return dnscheck.Evaluate(dns, dnscheck.LyncServer(target.Domain))
	}
	return dnscheck.Evaluate(dns, dnscheck.LyncOnline(target.Domain, d.cloud))
}
