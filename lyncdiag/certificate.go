package lyncdiag

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// CertificateCheck is one requirement of a role and whether a certificate meets
// it.
type CertificateCheck struct {
	Role        string // see kb.CertificateRoles
	Requirement string
	Status      string // met, unmet, or not-applicable: needed by some deployments only
	Found       string
	Sources     []string
}

// CheckCertificate compares a server's certificate with what its role asks for.
// host is the name that it is used under, domain the sign-in domain; either may
// be "", and what depends on it is then left out. Whether the chain verifies is
// another question. An unknown role has no requirements.
func CheckCertificate(role string, c certs.Certificate, host, domain string) []CertificateCheck {
	i := slices.IndexFunc(kb.CertificateRoles(), func(r kb.CertificateRole) bool { return r.Name == role })
	if i < 0 {
		return nil
	}
	r := kb.CertificateRoles()[i]
	var list []CertificateCheck
	add := func(met bool, found, requirement string, args ...any) {
		status := "unmet"
		if met {
			status = "met"
		}
		list = append(list, CertificateCheck{r.Name, fmt.Sprintf(requirement, args...), status, found, r.Sources})
	}
	names := strings.Join(slices.Concat(c.DNSNames, c.IPAddresses), ", ")
	fill := func(name string) (string, bool) {
		if strings.Contains(name, "{host}") && host == "" || strings.Contains(name, "{domain}") && domain == "" {
			return "", false
		}
		return strings.NewReplacer("{host}", host, "{domain}", domain).Replace(name), true
	}
	exactly := func(name string) bool {
		if ip := net.ParseIP(name); ip != nil {
			return slices.ContainsFunc(c.IPAddresses, func(text string) bool { return ip.Equal(net.ParseIP(text)) })
		}
		return slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.EqualFold(n, name) })
	}
	for _, n := range r.Names {
		name, ok := fill(n)
		switch {
		case !ok:
		case r.Wildcard:
			add(exactly(name) || covers(c, name), names, "the alternative names include %s, or a wildcard for it", name)
		default:
			add(exactly(name), names, "the alternative names include %s itself: no wildcard is supported here", name)
		}
	}
	for _, n := range r.Optional {
		name, ok := fill(n)
		if !ok {
			continue
		}
		add(covers(c, name), names, "where it is used, the alternative names include %s", name)
		if last := &list[len(list)-1]; last.Status == "unmet" {
			last.Status = "not-applicable"
		}
	}
	if r.SubjectRepeated {
		cn := attribute(c.Subject, "CN")
		if r.Wildcard {
			add(cn != "" && exactly(cn), c.Subject, "the common name is among the alternative names")
		} else {
			add(cn != "" && exactly(cn) && !strings.HasPrefix(cn, "*"), c.Subject, "the common name is among the alternative names, and no wildcard")
		}
	}
	if r.Public && c.SelfSigned { // of another one, only its root can tell
		add(false, c.Issuer, "computers outside the company trust its root by themselves")
	}
	if r.Usage != "" {
		add(slices.Contains(c.Usages, r.Usage), strings.Join(c.Usages, ", "), "the extended key usage includes %s", r.Usage)
	}
	if r.RevocationList {
		add(len(c.CRLs) > 0, strings.Join(c.CRLs, ", "), "it names a distribution point of a revocation list")
	}
	if c.KeyAlgorithm == "RSA" {
		add(c.KeyBits >= 2048, fmt.Sprintf("%d bits", c.KeyBits), "an RSA key has 2048 bits or more")
	}
	add(!strings.Contains(c.SignatureAlgorithm, "PSS"), c.SignatureAlgorithm, "it is not signed with RSASSA-PSS")
	if r.Issuer != "" {
		add(strings.Contains(c.Issuer, r.Issuer), c.Issuer, "the issuer is %s", r.Issuer)
	}
	if r.Life > 0 {
		life := c.NotAfter.Sub(c.NotBefore)
		add(life <= r.Life+time.Hour, fmt.Sprintf("%d days", life/(24*time.Hour)), "it is valid for %d days at most", r.Life/(24*time.Hour))
	}
	return list
}
