package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidEmailAddress    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// directoryConstraints are the name constraints for distinguished names (RFC
// 5280 section 4.2.1.10), which crypto/x509 does not check and therefore
// refuses. A name is its parts, each normalized.
type directoryConstraints struct {
	permitted, excluded [][]string
	others              bool // there are forms that neither crypto/x509 nor this package checks
}

// readDirectoryConstraints reads them; ok is false when a certificate has none,
// or none that can be read.
func readDirectoryConstraints(c *x509.Certificate) (d directoryConstraints, ok bool) {
	i := slices.IndexFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidNameConstraints) })
	if i < 0 {
		return d, false
	}
	s := cryptobyte.String(c.Extensions[i].Value)
	var permitted, excluded cryptobyte.String
	var hasPermitted, hasExcluded bool
	if !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) || !s.ReadOptionalASN1(&permitted, &hasPermitted, tagged(0).Constructed()) ||
		!s.ReadOptionalASN1(&excluded, &hasExcluded, tagged(1).Constructed()) || !s.Empty() {
		return d, false
	}
	read := func(trees cryptobyte.String, to *[][]string) bool {
		for !trees.Empty() {
			var tree, base cryptobyte.String
			var tag cryptobyte_asn1.Tag
			if !trees.ReadASN1(&tree, cryptobyte_asn1.SEQUENCE) || !tree.ReadAnyASN1(&base, &tag) || !tree.Empty() {
				return false // minimum and maximum are not used in this profile
			}
			switch tag {
			case tagged(4).Constructed():
				name, ok := nameParts(base)
				if !ok {
					return false
				}
				*to = append(*to, name)
			case tagged(1), tagged(2), tagged(6), tagged(7): // mail, DNS, URI, IP: crypto/x509's
			default:
				d.others = true
			}
		}
		return true
	}
	ok = read(permitted, &d.permitted) && read(excluded, &d.excluded)
	return d, ok
}

// nameParts normalizes a name: case and runs of white space do not count (RFC
// 5280 section 7.1). Each part is written so that no two names are written
// alike. ok is false for a value of a type that is not read as text, such as
// UniversalString: it cannot be compared.
func nameParts(der []byte) (parts []string, ok bool) {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return nil, false
	}
	parts = []string{}
	for _, set := range name {
		var values []string
		for _, a := range set {
			text, ok := a.Value.(string)
			if !ok || !utf8.ValidString(text) {
				return nil, false
			}
			values = append(values, fmt.Sprintf("%s=%q", a.Type, strings.ToLower(strings.Join(strings.Fields(text), " "))))
		}
		slices.Sort(values)
		parts = append(parts, strings.Join(values, "+"))
	}
	return parts, true
}

func within(name, tree []string) bool {
	return len(name) >= len(tree) && slices.Equal(name[:len(tree)], tree)
}

// directoryNames are the names of a certificate that such constraints bind:
// its subject, and alternative names of the form. ok is false when one cannot
// be read.
func directoryNames(c *x509.Certificate) (names [][]string, ok bool) {
	subject, ok := nameParts(c.RawSubject)
	if !ok {
		return nil, false
	}
	if len(subject) > 0 {
		names = append(names, subject)
	}
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		s := cryptobyte.String(e.Value)
		if !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) {
			return nil, false
		}
		for !s.Empty() {
			var name cryptobyte.String
			var tag cryptobyte_asn1.Tag
			if !s.ReadAnyASN1(&name, &tag) {
				return nil, false
			}
			if tag == tagged(4).Constructed() {
				parts, ok := nameParts(name)
				if !ok {
					return nil, false
				}
				names = append(names, parts)
			}
		}
	}
	return names, true
}

// judgeNames checks the constraints of a way that crypto/x509 does not: those
// for distinguished names, and part of those for mail addresses.
func (s *search) judgeNames(w *way) []Problem {
	var out []Problem
	for k, c := range w.certs {
		d, limited := readDirectoryConstraints(c)
		mail := len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses) > 0
		if !limited && !mail {
			continue
		}
		for below, b := range w.certs[:k] {
			if below > 0 && string(b.RawSubject) == string(b.RawIssuer) {
				continue // self-issued: RFC 5280 section 6.1.4 (b)
			}
			if fault := d.violated(b); limited && fault != "" {
				out = append(out, Problem{Code: constraint, Certificate: s.index(b), Detail: fmt.Sprintf("%s was not allowed to issue %s: its name constraints %s", s.who(c), s.who(b), fault)})
			} else if address, bad := forbiddenMail(c, b); bad {
				out = append(out, Problem{Code: constraint, Certificate: s.index(b), Detail: fmt.Sprintf("%s was not allowed to issue %s: its name constraints do not allow the mail address %s", s.who(c), s.who(b), brief(address))})
			}
		}
	}
	return out
}

func (d directoryConstraints) violated(c *x509.Certificate) string {
	if len(d.permitted)+len(d.excluded) == 0 {
		return ""
	}
	names, ok := directoryNames(c)
	if !ok {
		return "cannot be compared with its names"
	}
	for _, name := range names {
		in := func(tree []string) bool { return within(name, tree) }
		switch {
		case slices.ContainsFunc(d.excluded, in):
			return "exclude that distinguished name"
		case len(d.permitted) > 0 && !slices.ContainsFunc(d.permitted, in):
			return "permit other distinguished names only"
		}
	}
	return ""
}

// forbiddenMail looks at the mail addresses of a certificate: its alternative
// names, where crypto/x509 lets a host's name stand for the hosts below it too,
// and without any the one in its subject (RFC 5280 section 4.2.1.10).
func forbiddenMail(issuer, c *x509.Certificate) (address string, bad bool) {
	addresses := c.EmailAddresses
	if !slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidSubjectAltName) }) {
		for _, a := range c.Subject.Names {
			if !a.Type.Equal(oidEmailAddress) {
				continue
			}
			text, ok := a.Value.(string)
			if !ok {
				return "that its subject has in an unknown form", true
			}
			addresses = append(slices.Clip(addresses), text)
		}
	}
	for _, address := range addresses {
		host := address[strings.LastIndexByte(address, '@')+1:]
		in := func(limit string) bool {
			switch {
			case strings.Contains(limit, "@"):
				return strings.EqualFold(limit, address)
			case strings.HasPrefix(limit, "."):
				return len(host) > len(limit) && strings.EqualFold(host[len(host)-len(limit):], limit)
			}
			return strings.EqualFold(limit, host)
		}
		if slices.ContainsFunc(issuer.ExcludedEmailAddresses, in) || len(issuer.PermittedEmailAddresses) > 0 && !slices.ContainsFunc(issuer.PermittedEmailAddresses, in) {
			return address, true
		}
	}
	return "", false
}

// handled reports whether the critical extensions that crypto/x509 does not
// understand are name constraints which judgeNames checks.
func handled(c *x509.Certificate) bool {
	for _, id := range c.UnhandledCriticalExtensions {
		d, ok := readDirectoryConstraints(c)
		if !id.Equal(oidNameConstraints) || !ok || d.others {
			return false
		}
	}
	return true
}
