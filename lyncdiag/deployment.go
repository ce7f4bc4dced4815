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
var deploymentReads = names(fact.TargetKey, fact.SettingKey, fact.DNSKey, fact.WalkKey, fact.RealmKey, fact.CandidatesKey, fact.NSLookupKey)

// findDeployment takes the caller's word, else reads it from where the records
// and Autodiscover lead and who answers there, else assumes the article's case.
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
	dns, _, ok := fact.Get(f, fact.DNSKey)
	if !ok {
		dns = clientView(f)
	}
	services, hosts := recordTargets(dns, target.Domain)
	for _, host := range append(services, hosts...) {
		if c, ok := dnscheck.IsOnlineHost(host); ok {
			if setting.Cloud != "" {
				c = setting.Cloud
			}
			return deployment{"online", c, "a record of the domain leads to " + host}
		}
	}
	if len(services)+len(hosts) == 0 {
		return deployment{"online", cloud, "assumed: no record of the domain says otherwise"}
	}
	walk, _, _ := fact.Get(f, fact.WalkKey)
	if walk != nil {
		for _, hop := range walk.Hops {
			if c, ok := dnscheck.IsOnlineHost(hostOf(hop.URL)); ok {
				return deployment{"hybrid", c, "Autodiscover on the premises leads to " + hostOf(hop.URL)}
			}
		}
	}
	realm, _, _ := fact.Get(f, fact.RealmKey)
	tenant := realm != nil && (realm.NamespaceType == "managed" || realm.NamespaceType == "federated")
	switch host, speaks := ownLync(f); {
	case speaks:
		return deployment{"server", "", host + " of the company's own speaks for Lync, and nothing leads to Lync Online"}
	case len(services) > 0 && tenant:
		return deployment{"hybrid", cloud, "an SRV record leads to " + services[0] + ", and the cloud knows the domain"}
	case len(services) > 0 || !tenant:
		return deployment{"server", "", "no record and no Autodiscover answer leads to Lync Online, and the cloud is not known to know the domain"}
	}
	return deployment{"online", cloud, "assumed: the cloud knows the domain, and nothing of the company's own speaks for Lync"}
}

// ownLync is a host of the company's own that speaks SIP or Autodiscover.
func ownLync(f *fact.Facts) (host string, ok bool) {
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		if _, online := dnscheck.IsOnlineHost(c.Host); !online && c.Works() && !c.ByVia(fact.ViaManual) {
			return c.Host, true
		}
	}
	walk, _, _ := fact.Get(f, fact.WalkKey)
	if walk == nil {
		return "", false
	}
	for _, hop := range walk.Hops {
		if _, online := dnscheck.IsOnlineHost(hostOf(hop.URL)); !online && hop.Problem == "" && hop.Kind != dnscheck.KindError {
			return hostOf(hop.URL), true
		}
	}
	return "", false
}

// recordTargets are the hosts that the domain's sign-in records lead to: those
// of SRV records, which only Lync has, and those of names, which a wildcard
// record answers too.
func recordTargets(r *dnscheck.Result, domain string) (services, hosts []string) {
	if r == nil {
		return nil, nil
	}
	add := func(list []string, host string) []string {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		// Where the dot at the end was forgotten, the domain was appended.
		if meant := strings.TrimSuffix(host, "."+domain); meant != host {
			if _, online := dnscheck.IsOnlineHost(meant); online {
				host = meant
			}
		}
		if host == "" || slices.Contains(list, host) {
			return list
		}
		return append(list, host)
	}
	for _, a := range r.Answers {
		if a.Type == "SRV" {
			for _, rec := range a.Records {
				services = add(services, rec.Target)
			}
		}
	}
	for _, h := range r.Hosts {
		if !strings.HasSuffix(h.Name, "."+domain) || r.FromWildcard(h) {
			continue
		}
		for _, hop := range h.CNAMEs {
			hosts = add(hosts, hop)
		}
		// Telephone systems without Lync have a sip host too.
		if len(h.CNAMEs) == 0 && len(h.Addresses) > 0 && h.Name != "sip."+domain {
			hosts = add(hosts, h.Name)
		}
	}
	return services, hosts
}
