// Package dnstest is a small DNS server and an Autodiscover service to test
// against, with their faults as data. It shares no code with package dnscheck, so
// that a mistake there cannot hide behind the same mistake here.
package dnstest

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Zone is a set of records under one origin.
type Zone struct {
	// Origin is the zone's name, "contoso.example".
	Origin string
	// Records are the zone's records. Where there is no SOA for the origin, one with
	// TTL and minimum 300 stands in. NS records below the origin delegate: names there
	// get a referral or, from a recursive server, SERVFAIL, unless a zone of theirs is
	// served as well.
	Records []dns.RR
}

// ParseZone reads zone-file text (RFC 1035 section 5). Names without a final dot
// are relative to origin, and a TTL of 3600 is taken where none is given.
func ParseZone(origin, text string) (*Zone, error) {
	parser := dns.NewZoneParser(strings.NewReader(text), dns.Fqdn(origin), "")
	parser.SetDefaultTTL(3600)
	zone := &Zone{Origin: origin}
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if !dns.IsSubDomain(dns.Fqdn(origin), rr.Header().Name) {
			return nil, fmt.Errorf("dnstest: read zone %s: %s is outside", origin, rr.Header().Name)
		}
		if rr.String() == rr.Header().String() {
			// The parser takes this for a dynamic update (RFC 2136).
			return nil, fmt.Errorf("dnstest: read zone %s: %s has no data", origin, rr.Header().Name)
		}
		zone.Records = append(zone.Records, rr)
	}
	if err := parser.Err(); err != nil {
		return nil, fmt.Errorf("dnstest: read zone %s: %w", origin, err)
	}
	return zone, nil
}

func (z *Zone) soa() *dns.SOA {
	for _, rr := range z.Records {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	origin := dns.Fqdn(z.Origin)
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 300},
		Ns:  "ns1." + origin, Mbox: "hostmaster." + origin,
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 300,
	}
}

// find returns the records of a name, or those of the wildcard that covers it
// (RFC 4592), and whether the name exists.
func (z *Zone) find(name string) (records []dns.RR, exists bool) {
	name = dns.CanonicalName(name)
	records, exists = z.own(name)
	origin := dns.CanonicalName(z.Origin)
	for encloser := name; !exists && encloser != origin && encloser != "."; {
		_, encloser, _ = strings.Cut(encloser, ".")
		if encloser == "" {
			encloser = "."
		}
		found, ok := z.own("*." + encloser)
		if ok {
			for _, rr := range found {
				made := dns.Copy(rr)
				made.Header().Name = name
				records = append(records, made)
			}
			return records, true
		}
		if _, ok := z.own(encloser); ok {
			break // an existing name hides the wildcards above it
		}
	}
	return records, exists
}

// own returns a name's records. A name without any exists if there is one below.
func (z *Zone) own(name string) (records []dns.RR, exists bool) {
	if name == dns.CanonicalName(z.Origin) {
		exists = true
		records = append(records, z.soa())
	}
	for _, rr := range z.Records {
		owner := dns.CanonicalName(rr.Header().Name)
		if owner == name {
			exists = true
			if rr.Header().Rrtype != dns.TypeSOA {
				records = append(records, rr)
			}
		}
		exists = exists || strings.HasSuffix(owner, "."+name)
	}
	return records, exists
}

// cut returns the NS records of the delegation that a name is at or below, nil if it
// is in the zone itself.
func (z *Zone) cut(name string) []dns.RR {
	var ns []dns.RR
	for _, rr := range z.Records {
		owner := dns.CanonicalName(rr.Header().Name)
		if _, ok := rr.(*dns.NS); ok && owner != dns.CanonicalName(z.Origin) && dns.IsSubDomain(owner, dns.CanonicalName(name)) {
			ns = append(ns, rr)
		}
	}
	return ns
}

// glue returns the addresses that the zone holds of the servers of a delegation.
func (z *Zone) glue(ns []dns.RR) []dns.RR {
	var found []dns.RR
	for _, rr := range ns {
		server, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		for _, other := range z.Records {
			h := other.Header()
			if (h.Rrtype == dns.TypeA || h.Rrtype == dns.TypeAAAA) && dns.CanonicalName(h.Name) == dns.CanonicalName(server.Ns) {
				found = append(found, other)
			}
		}
	}
	return found
}
