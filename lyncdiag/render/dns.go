package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// dnsDoc is lyncdiag.dns/v1.
type dnsDoc struct {
	Schema    string     `json:"schema"`
	Domain    string     `json:"domain"`
	Resolvers []resolver `json:"resolvers"`
	Records   []record   `json:"records"` // expected ones in a fixed order, then those that should not be
	Findings  []finding  `json:"findings"`
}

type resolver struct {
	Name    string `json:"name"`
	Address string `json:"address"` // with port
}

type record struct {
	Type       string   `json:"type"`
	Name       string   `json:"name"`
	Purpose    string   `json:"purpose"`
	Need       string   `json:"need"`
	Expected   string   `json:"expected"`
	Found      []string `json:"found"`
	Status     string   `json:"status" jsonschema:"enum=ok,enum=missing,enum=wrong,enum=error,enum=extra,enum=not-applicable"`
	Problem    string   `json:"problem"`              // one word, "" for none
	TTLSeconds *uint32  `json:"ttlSeconds,omitempty"` // left out when not known
	Resolver   string   `json:"resolver"`             // name of the one that answered
	Detail     string   `json:"detail"`
	Fix        string   `json:"fix"` // the line to add to the zone, "" when there is nothing to do
}

// DNS is lyncdiag.dns/v1: the records of a domain, each against what the
// deployment needs.
func (t Tool) DNS(f *fact.Facts, r *lyncdiag.Report) Document {
	doc := dnsDoc{Schema: "lyncdiag.dns/v1", Domain: r.Target.Domain, Resolvers: []resolver{}, Findings: findings(r)}
	if result, _, ok := fact.Get(f, fact.DNSKey); ok {
		doc.Resolvers = each(result.Servers, func(s dnscheck.Server) resolver { return resolver{s.String(), s.Addr.String()} })
	}
	doc.Records = each(lyncdiag.Records(f), func(c dnscheck.Check) record {
		return record{
			Type: c.Type, Name: c.Name, Purpose: c.Purpose, Need: string(c.Need), Expected: c.Expected, Found: list(c.Found),
			Status: string(c.Status), Problem: string(c.Problem), TTLSeconds: known(c.TTL, c.TTL > 0 || c.Answer == dnscheck.StatusOK),
			Resolver: c.Server, Detail: c.Detail, Fix: c.Fix,
		}
	})
	return Document{&doc}
}

func (d *dnsDoc) text(s *sheet) {
	right, wanted := 0, 0
	for _, r := range d.Records {
		switch dnscheck.CheckStatus(r.Status) {
		case dnscheck.CheckOK:
			right++
			wanted++
		case dnscheck.CheckMissing, dnscheck.CheckWrong, dnscheck.CheckError:
			wanted++
		}
	}
	switch {
	case len(d.Records) == 0 && len(d.Resolvers) > 0:
		s.line(d.Domain + " needs no records of its own")
	case len(d.Records) == 0:
		s.head(d.Domain+": nothing was looked up", dubio)
	default:
		t := good
		if right < wanted {
			t = dubio
		}
		s.head(fmt.Sprintf("%s: %d of %d records are as they should be", d.Domain, right, wanted), t)
	}
	for _, by := range d.Resolvers {
		if !slices.ContainsFunc(d.Records, func(r record) bool { return r.Resolver == by.Name }) {
			continue
		}
		s.blank()
		title := "Resolver " + by.Name
		if by.Address != by.Name {
			title += " (" + by.Address + ")"
		}
		s.line(title)
		for _, r := range d.Records {
			if r.Resolver == by.Name {
				s.record(r)
			}
		}
	}
	s.findings(d.Findings, false)
}

func (s *sheet) record(r record) {
	s.mark(status(r.Status), r.Type+"  "+r.Name)
	found := strings.Join(r.Found, ", ")
	under := func(name, text string) {
		if text != "" {
			s.hang(pad(pad("", marked)+name, marked+7), marked+7, text)
		}
	}
	under("found", found)
	switch dnscheck.CheckStatus(r.Status) {
	case dnscheck.CheckOK, dnscheck.CheckNotApplicable:
		under("for", r.Purpose)
		return
	}
	under("needs", r.Expected)
	under("for", r.Purpose)
	under("why", r.Detail)
	under("add", r.Fix)
}
