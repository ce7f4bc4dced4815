package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// dnsDoc is lyncdiag.dns/v1.
type dnsDoc struct {
	Schema    string     `json:"schema"`
	Domain    string     `json:"domain"`
	Error     string     `json:"error"` // why nothing was looked up, "" otherwise
	Resolvers []resolver `json:"resolvers"`
	Records   []record   `json:"records"` // expected ones in a fixed order, then those that should not be
	// Differences between resolvers; none with a single one.
	Differences []difference `json:"differences"`
	Findings    []finding    `json:"findings"`
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
	// The same in the words of a provider's web form, and as commands of the
	// DnsServer module, those that remove what is wrong first.
	Form       []field  `json:"form"`
	PowerShell []string `json:"powershell"`
	Without    string   `json:"without"`               // what happens where the record is missing, and for whom
	CachedTill string   `json:"cachedUntil,omitempty"` // until when an old answer may be held
}

type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// difference is a record that two resolvers answer differently for.
type difference struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Detail   string `json:"detail"`
	Expected bool   `json:"expected"` // as it should be where a network has its own view
	Views    []view `json:"views"`
}

type view struct {
	Resolver string   `json:"resolver"`
	Status   string   `json:"status"`
	Found    []string `json:"found"`
}

// DNS is lyncdiag.dns/v1: the records of a domain, each against what the
// deployment needs.
func (t Tool) DNS(f *fact.Facts, r *lyncdiag.Report) Document {
	doc := dnsDoc{Schema: "lyncdiag.dns/v1", Domain: r.Target.Domain, Error: inputError(r), Resolvers: []resolver{}, Findings: findings(r)}
	if result, _, ok := fact.Get(f, fact.DNSKey); ok {
		doc.Resolvers = each(result.Servers, func(s dnscheck.Server) resolver { return resolver{s.String(), s.Address()} })
	}
	doc.Differences = each(lyncdiag.Differences(f), func(d dnscheck.Difference) difference {
		return difference{d.Type, d.Name, d.Detail, d.Expected, each(d.Views, func(v dnscheck.View) view {
			return view{v.Server, string(v.Status), list(v.Found)}
		})}
	})
	for _, c := range lyncdiag.ClientRecords(f) {
		if !slices.ContainsFunc(doc.Resolvers, func(r resolver) bool { return r.Name == c.Server }) {
			doc.Resolvers = append(doc.Resolvers, resolver{Name: c.Server})
		}
	}
	doc.Records = each(slices.Concat(lyncdiag.Records(f), lyncdiag.ClientRecords(f)), func(c dnscheck.Check) record {
		return record{
			Type: c.Type, Name: c.Name, Purpose: c.Purpose, Need: string(c.Need), Expected: c.Expected, Found: list(c.Found),
			Status: string(c.Status), Problem: string(c.Problem), TTLSeconds: known(c.TTL, c.TTL > 0 || c.Answer == dnscheck.StatusOK),
			Resolver: c.Server, Detail: c.Detail, Fix: c.Fix,
			Form:       each(c.Form(), func(f dnscheck.Field) field { return field{f.Name, f.Value} }),
			PowerShell: list(c.PowerShell()), Without: c.Without, CachedTill: stamp(c.CachedUntil),
		}
	})
	return Document{&doc}
}

// inputError is why the target could not be read, "" when it could.
func inputError(r *lyncdiag.Report) string {
	for _, s := range r.Stages {
		if s.ID == lyncdiag.InputStage && s.Status == lyncdiag.Errored {
			return s.Reason
		}
	}
	return ""
}

func (d *dnsDoc) text(s *sheet) {
	if d.Error != "" {
		s.head(d.Error, dubio)
		return
	}
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
	d.views(s)
	for _, by := range d.Resolvers {
		if !slices.ContainsFunc(d.Records, func(r record) bool { return r.Resolver == by.Name }) {
			continue
		}
		s.blank()
		title := "Resolver " + by.Name
		if by.Address != by.Name && by.Address != "" {
			title += " (" + by.Address + ")"
		}
		s.line(title)
		for _, r := range d.Records {
			if r.Resolver == by.Name {
				s.record(r)
			}
		}
	}
	for _, x := range d.Differences {
		if x.Expected {
			continue
		}
		s.blank()
		s.line("Differs: " + x.Type + " " + x.Name)
		for _, v := range x.Views {
			s.hang(pad(pad("", marked)+v.Resolver, marked+12), marked+12, strings.TrimSpace(v.Status+" "+strings.Join(v.Found, ", ")))
		}
		s.hang(pad("", marked), marked, x.Detail)
	}
	s.findings(d.Findings, false)
}

// views writes a table of record and resolver, where there are several resolvers.
// Resolvers whose names have no room beside each other are numbered.
func (d *dnsDoc) views(s *sheet) {
	if len(d.Resolvers) < 2 || len(d.Records) == 0 {
		return
	}
	var rows []string
	first, columns := 0, []string{}
	for _, r := range d.Records {
		row := r.Type + " " + strings.TrimSuffix(r.Name, "."+d.Domain)
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
			first = max(first, utf8.RuneCountInString(clean(row)))
		}
	}
	total := margin + first
	for _, by := range d.Resolvers {
		columns = append(columns, by.Name)
		total += 2 + max(len("optional"), utf8.RuneCountInString(clean(by.Name)))
	}
	s.blank()
	if total > s.width {
		for i := range columns {
			s.entry(0, fmt.Sprintf("Resolver %d: %s", i+1, columns[i]))
			columns[i] = fmt.Sprint(i + 1)
		}
	}
	line := pad("", margin+first)
	for _, name := range columns {
		line += "  " + pad(clean(name), len("optional"))
	}
	s.raw(line)
	for _, row := range rows {
		line := pad(pad("", margin)+clean(row), margin+first)
		for i, by := range d.Resolvers {
			cell := mark{"-", faint}
			for _, r := range d.Records {
				if r.Resolver == by.Name && r.Type+" "+strings.TrimSuffix(r.Name, "."+d.Domain) == row {
					cell = status(r.Status)
				}
			}
			line += "  " + s.paint(pad(cell.word, max(len("optional"), utf8.RuneCountInString(clean(columns[i])))), cell.tone)
		}
		s.raw(line)
	}
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
	under("else", r.Without)
	under("add", r.Fix)
	var form []string
	for _, f := range r.Form {
		form = append(form, f.Name+" "+f.Value)
	}
	under("form", strings.Join(form, ", "))
	for _, command := range r.PowerShell {
		under("run", command)
	}
	if r.CachedTill != "" {
		under("held", "an old answer may be held by resolvers until "+r.CachedTill)
	}
}
