package dnscheck

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Result is what every server said about the names that clients ask for.
type Result struct {
	Domain  string   `json:"domain"` // as given if it is no domain; then Detail says why
	Servers []Server `json:"servers"`
	// Answers holds SOA and SRV records, server by server.
	Answers []Answer `json:"answers"`
	// Hosts holds the addresses of the sign-in names, of the hosts asked for in
	// addition and of SRV targets, server by server.
	Hosts []Host `json:"hosts"`
	// NonExistent holds what each server said about the addresses of a name under the
	// domain that cannot exist. One that resolves shows a wildcard record, or a server
	// that makes answers up; see Wildcard.
	NonExistent []Host `json:"nonExistent,omitempty"`
	// Controls are the hosts asked for in addition that are not under the domain: what
	// a server that fails for the domain alone still answers.
	Controls []string      `json:"controls,omitempty"`
	Detail   string        `json:"detail"`
	At       time.Time     `json:"at"`
	Elapsed  time.Duration `json:"elapsed"`
}

// Answer returns what a server said about a name and type among Answers.
func (r *Result) Answer(server, name, qtype string) (Answer, bool) {
	name = display(name)
	for _, a := range r.Answers {
		if a.Server == server && a.Name == name && a.Type == qtype {
			return a, true
		}
	}
	return Answer{}, false
}

// Host returns what a server said about the addresses of a host.
func (r *Result) Host(server, name string) (Host, bool) {
	name = display(name)
	for _, h := range r.Hosts {
		if h.Server == server && h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}

// Wildcard returns what a server answers for every name under the domain, and
// whether it does.
func (r *Result) Wildcard(server string) (Host, bool) {
	for _, h := range r.NonExistent {
		if h.Server == server && (len(h.CNAMEs) > 0 || len(h.Addresses) > 0) {
			return h, true
		}
	}
	return Host{}, false
}

// FromWildcard reports whether a server gives for a host what it gives for every name
// under the domain, so that nobody need have made such a record.
func (r *Result) FromWildcard(h Host) bool {
	wild, ok := r.Wildcard(h.Server)
	return ok && sameRecords(ownRecords(h), ownRecords(wild))
}

// DelegationBroken reports whether a server fails, with SERVFAIL or in silence, for
// everything in the domain while it answers for one of the Controls, and says so
// in words. It is false where nothing can be concluded: no control was asked for,
// or the server answers for none of them.
func (r *Result) DelegationBroken(server string) (detail string, broken bool) {
	var failed Status
	answered := ""
	see := func(name string, status Status) (more bool) {
		switch own := name == r.Domain || strings.HasSuffix(name, "."+r.Domain); {
		case own && (status == StatusServerFailure || status == StatusNoAnswer):
			failed = status
		case own && status != "" && status != StatusCancelled:
			return false // it says something else, too
		case !own && status.Known() && slices.Contains(r.Controls, name):
			answered = name
		}
		return true
	}
	for _, a := range r.Answers {
		if a.Server == server && !see(a.Name, a.Status) {
			return "", false
		}
	}
	for _, h := range append(slices.Clone(r.Hosts), r.NonExistent...) {
		if h.Server == server && !see(h.Name, h.Status) {
			return "", false
		}
	}
	if failed == "" || answered == "" {
		return "", false
	}
	return fmt.Sprintf("%s for %s, while %s is answered for", failed, r.Domain, answered), true
}

// noSuchHost is the first label of the name that no domain has.
const noSuchHost = "lyncdiag-no-such-host"

// hostNames and serviceNames are what some client, of some deployment, asks for
// (Lync Server 2013 library, "Determine DNS requirements"; Skype for Business
// Server, "Advanced Edge Server DNS planning").
func hostNames(domain string) []string {
	return []string{
		"lyncdiscoverinternal." + domain,
		"lyncdiscover." + domain,
		"sipinternal." + domain,
		"sip." + domain,
		"sipexternal." + domain,
	}
}

func serviceNames(domain string) []string {
	return []string{
		"_sip._tls." + domain,
		"_sipfederationtls._tcp." + domain,
		"_sipinternaltls._tcp." + domain,
		"_sipinternal._tcp." + domain,
	}
}

// maxTargets is how many targets of one SRV record set are looked up.
const maxTargets = 16

// Ask puts every question that a client of any deployment asks about a domain, all
// at the same time and to every server: the domain's SOA, the SRV records, the
// sign-in host names, and a name that cannot exist; and the addresses of SRV
// targets as soon as those are known.
// Further hosts, for instance those of [CloudHosts], are resolved along with
// them: [Evaluate] compares addresses with theirs where there is no CNAME.
//
// Ask always returns a result: each answer carries its own status.
func (c *Client) Ask(ctx context.Context, domain string, hosts ...string) *Result {
	start := c.now()
	res := &Result{Domain: domain, Servers: c.Servers, At: start}
	ascii, err := ASCII(domain)
	if err != nil {
		res.Detail = err.Error()
		return res
	}
	res.Domain = ascii
	for _, h := range hosts {
		if name := display(h); name != ascii && !strings.HasSuffix(name, "."+ascii) {
			res.Controls = append(res.Controls, name)
		}
	}
	asker := *c
	if asker.Cache == nil {
		asker.Cache = new(Cache) // SRV records often share a target
	}
	perServer := make([]Result, len(c.Servers))
	var wait sync.WaitGroup
	for i, s := range c.Servers {
		wait.Go(func() { perServer[i] = asker.askServer(ctx, s, ascii, hosts) })
	}
	wait.Wait()
	for _, r := range perServer {
		res.Answers = append(res.Answers, r.Answers...)
		res.Hosts = append(res.Hosts, r.Hosts...)
		res.NonExistent = append(res.NonExistent, r.NonExistent...)
	}
	res.Elapsed = c.now().Sub(start)
	return res
}

func (c *Client) askServer(ctx context.Context, s Server, domain string, more []string) Result {
	names := append(hostNames(domain), more...)
	serviceNames := serviceNames(domain)

	var wait sync.WaitGroup
	hosts := make([]Host, len(names))
	for i, name := range names {
		wait.Go(func() { hosts[i] = c.lookupHostAt(ctx, s, name) })
	}
	services := make([]Answer, len(serviceNames))
	targets := make([][]Host, len(serviceNames))
	for i, name := range serviceNames {
		wait.Go(func() {
			services[i] = c.lookup(ctx, s, name, "SRV")
			targets[i] = c.lookupTargets(ctx, s, services[i].Records)
		})
	}
	var nobody Host
	wait.Go(func() { nobody = c.lookupHostAt(ctx, s, noSuchHost+"."+domain) })
	apex := c.lookup(ctx, s, domain, "SOA")
	wait.Wait()

	r := Result{Answers: append([]Answer{apex}, services...), NonExistent: []Host{nobody}}
	seen := make(map[string]bool)
	for _, group := range append([][]Host{hosts}, targets...) {
		for _, h := range group {
			if !seen[h.Name] {
				seen[h.Name] = true
				r.Hosts = append(r.Hosts, h)
			}
		}
	}
	return r
}

func (c *Client) lookupTargets(ctx context.Context, s Server, records []Record) []Host {
	hosts := make([]Host, 0, len(records))
	var wait sync.WaitGroup
	for _, r := range records {
		if len(hosts) == maxTargets {
			break
		}
		if r.Target == "." { // RFC 2782: the service is decidedly not offered
			continue
		}
		hosts = append(hosts, Host{})
		h := &hosts[len(hosts)-1]
		wait.Go(func() { *h = c.lookupHostAt(ctx, s, r.Target) })
	}
	wait.Wait()
	return hosts
}
