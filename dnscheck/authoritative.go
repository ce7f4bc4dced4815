package dnscheck

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// maxNameServers is how many name servers of a zone are asked; the DNS root has
// thirteen.
const maxNameServers = 13

// Authoritative finds the servers of the zone that a domain is in, each named after
// its host, so that they can be asked instead of resolvers.
//
// The name servers are looked up through Servers; where those fail for the domain,
// the servers of the zone above are asked for the delegation. Each is then asked,
// without recursion, whether it serves the zone. The status is
//
//   - [StatusOK]: at least one does; the text names those that do not,
//   - [StatusLameDelegation]: servers are named and have addresses, but none serves
//     the zone; they are returned all the same,
//   - [StatusNoServers]: none of the servers named has an address,
//   - [StatusNoSuchName]: the domain does not exist and neither does a zone above it,
//     short of the top-level domain,
//   - or why nothing is known.
func (c *Client) Authoritative(ctx context.Context, domain string) ([]Server, Status, string) {
	ascii, err := ASCII(domain)
	if err != nil {
		return nil, StatusMalformed, err.Error()
	}
	finder := *c
	if finder.Cache == nil {
		finder.Cache = new(Cache) // the zones above share servers
	}
	return finder.authoritative(ctx, ascii)
}

func (c *Client) authoritative(ctx context.Context, domain string) ([]Server, Status, string) {
	missing := false
	for zone := domain; ; {
		a := c.Lookup(ctx, zone, "NS")
		switch {
		case a.Status == StatusOK && len(a.CNAMEs) == 0:
			return c.serving(ctx, zone, a.Records, nil)
		case a.Status.Known(): // the servers at the end of a CNAME are somebody else's
			missing = missing || zone == domain && a.Status == StatusNoSuchName && len(a.CNAMEs) == 0
		default:
			return c.delegated(ctx, zone, a)
		}
		_, above, ok := strings.Cut(zone, ".")
		if !ok || !strings.Contains(above, ".") {
			break // a top-level domain is nobody's own
		}
		zone = above
	}
	if missing {
		return nil, StatusNoSuchName, "there is no " + domain + ", and no zone above it but the top-level domain"
	}
	return nil, StatusNoData, domain + " has no name servers, nor has a zone above it but the top-level domain"
}

// delegated asks the servers of the zone above for the name servers that resolvers
// did not get an answer from. failure is what the resolver said.
func (c *Client) delegated(ctx context.Context, zone string, failure Answer) ([]Server, Status, string) {
	detail := join(fmt.Sprintf("%s for the name servers of %s", failure.Status, zone), failure.Detail)
	_, above, ok := strings.Cut(zone, ".")
	if !ok || failure.Status == StatusCancelled || failure.Status == StatusMalformed {
		return nil, failure.Status, detail
	}
	a := c.Lookup(ctx, above, "NS")
	for a.Status.Known() && (a.Status != StatusOK || len(a.CNAMEs) > 0) && strings.Contains(above, ".") {
		_, above, _ = strings.Cut(above, ".")
		a = c.Lookup(ctx, above, "NS")
	}
	switch {
	case a.Status == StatusServerFailure && strings.Contains(above, "."):
		return c.delegated(ctx, above, a) // the fault is further up
	case a.Status != StatusOK:
		return nil, failure.Status, detail
	}
	parents, _ := c.addresses(ctx, a.Records, nil)
	for _, parent := range parents {
		query := newQuery(dns.Fqdn(zone), dns.TypeNS)
		query.RecursionDesired = false
		r := c.exchange(ctx, parent, query)
		if r.msg == nil {
			continue
		}
		if r.msg.Rcode == dns.RcodeNameError {
			return nil, StatusNoSuchName, fmt.Sprintf("%s, and %s says that there is no such zone", detail, parent)
		}
		named := nameServers(zone, r.msg.Answer, r.msg.Ns)
		if len(named) == 0 {
			continue
		}
		servers, status, more := c.serving(ctx, zone, named, r.msg.Extra)
		return servers, status, join(detail, more)
	}
	return nil, failure.Status, detail
}

func nameServers(zone string, sections ...[]dns.RR) []Record {
	var found []Record
	for _, section := range sections {
		for _, rr := range section {
			if _, ok := rr.(*dns.NS); ok && display(rr.Header().Name) == zone {
				found = append(found, record(rr))
			}
		}
	}
	return found
}

// serving returns the servers that NS records name and asks each whether it serves
// the zone.
func (c *Client) serving(ctx context.Context, zone string, ns []Record, glue []dns.RR) ([]Server, Status, string) {
	servers, unresolved := c.addresses(ctx, ns, glue)
	if len(servers) == 0 {
		return nil, StatusNoServers, fmt.Sprintf("the name servers of %s have no address: %s", zone, strings.Join(unresolved, ", "))
	}
	lame := make([]string, len(servers))
	var wait sync.WaitGroup
	for i, s := range servers {
		wait.Go(func() { lame[i] = c.lame(ctx, zone, s) })
	}
	wait.Wait()
	lame = slices.DeleteFunc(lame, func(text string) bool { return text == "" })
	detail := ""
	if len(lame) > 0 {
		detail = "not serving " + zone + ": " + strings.Join(lame, ", ")
	}
	if len(unresolved) > 0 {
		detail = join(detail, "without address: "+strings.Join(unresolved, ", "))
	}
	switch {
	case len(lame) < len(servers):
		return servers, StatusOK, detail
	case ctx.Err() != nil:
		return servers, StatusCancelled, ctx.Err().Error()
	}
	return servers, StatusLameDelegation, detail
}

// lame says why a server does not serve a zone, "" if it does.
func (c *Client) lame(ctx context.Context, zone string, s Server) string {
	query := newQuery(dns.Fqdn(zone), dns.TypeSOA)
	query.RecursionDesired = false
	r := c.exchange(ctx, s, query)
	why := string(r.status)
	switch {
	case r.msg == nil:
	case r.msg.Rcode != dns.RcodeSuccess:
		why = string(statusOf(r.msg.Rcode))
	case r.msg.Authoritative:
		return ""
	default:
		why = "not authoritative"
	}
	return fmt.Sprintf("%s (%s: %s)", s, s.Addr.Addr(), why)
}

// addresses returns a server for each host that NS records name and that has an
// address, by lookup or else as glue.
func (c *Client) addresses(ctx context.Context, ns []Record, glue []dns.RR) (servers []Server, unresolved []string) {
	ns = ns[:min(len(ns), maxNameServers)]
	found := make([]Host, len(ns))
	var wait sync.WaitGroup
	for i, r := range ns {
		wait.Go(func() { found[i] = c.LookupHost(ctx, r.Target) })
	}
	wait.Wait()
	for i, r := range ns {
		addresses := found[i].Addresses
		if len(addresses) == 0 {
			addresses = glued(r.Target, glue)
		}
		if len(addresses) == 0 {
			unresolved = append(unresolved, fmt.Sprintf("%s (%s)", r.Target, found[i].Status))
			continue
		}
		servers = append(servers, Server{Name: r.Target, Addr: netip.AddrPortFrom(addresses[0], 53)})
	}
	return servers, unresolved
}

func glued(host string, glue []dns.RR) []netip.Addr {
	var found []netip.Addr
	for _, rr := range glue {
		if r := record(rr); r.Name == host && r.Address.IsValid() {
			found = append(found, r.Address)
		}
	}
	return found
}
