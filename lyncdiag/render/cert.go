package render

import (
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// certDoc is lyncdiag.cert/v1.
type certDoc struct {
	Schema     string        `json:"schema"`
	Host       string        `json:"host"`    // host:port or file, as given
	Address    string        `json:"address"` // the other end, "" for a file
	TLSVersion string        `json:"tlsVersion"`
	Chain      []certificate `json:"chain"` // as sent, the server's own first
	Root       string        `json:"root"`  // of the trust store, "" when the chain leads to none
	Verified   bool          `json:"verified"`
	Problems   []chainFault  `json:"problems"`
	Handshake  string        `json:"handshake"` // why there is no TLS session, "" when there is
	Findings   []finding     `json:"findings"`
}

type certificate struct {
	Subject            string   `json:"subject"`
	Issuer             string   `json:"issuer"`
	NotBefore          string   `json:"notBefore,omitempty" jsonschema:"format=date-time"`
	NotAfter           string   `json:"notAfter,omitempty"  jsonschema:"format=date-time"`
	DNSNames           []string `json:"dnsNames"`
	IPAddresses        []string `json:"ipAddresses"`
	Thumbprint         string   `json:"thumbprint"` // SHA-1, as Windows shows it
	SerialNumber       string   `json:"serialNumber"`
	SignatureAlgorithm string   `json:"signatureAlgorithm"`
	KeyAlgorithm       string   `json:"keyAlgorithm"`
	KeyBits            *int     `json:"keyBits,omitempty"`
}

type chainFault struct {
	Code        string `json:"code" jsonschema:"enum=expired,enum=not-yet-valid,enum=name-mismatch,enum=untrusted-root,enum=incomplete-chain,enum=self-signed,enum=revoked,enum=revocation-unknown,enum=weak-signature,enum=weak-key,enum=wrong-usage,enum=constraint-violation,enum=unknown-critical-extension,enum=unsupported-signature,enum=malformed"`
	Detail      string `json:"detail"`
	Certificate *int   `json:"certificate,omitempty"` // index in chain; left out when it is about none of those sent
	Warning     bool   `json:"warning"`               // a weakness that does not keep the chain from verifying
}

// Cert is lyncdiag.cert/v1. host is what was asked for; r may be nil, as a
// chain alone has no findings.
func (t Tool) Cert(host string, result *certs.Result, r *lyncdiag.Report) Document {
	doc := certDoc{
		Schema: "lyncdiag.cert/v1", Host: host, Address: result.Address, TLSVersion: result.TLSVersion,
		Root: result.Root, Verified: result.Verified, Findings: []finding{},
		Chain: each(result.Chain, func(c certs.Certificate) certificate {
			return certificate{c.Subject, c.Issuer, stamp(c.NotBefore), stamp(c.NotAfter), list(c.DNSNames), list(c.IPAddresses), c.Thumbprint, c.SerialNumber, c.SignatureAlgorithm, c.KeyAlgorithm, known(c.KeyBits, c.KeyBits > 0)}
		}),
		Problems: each(result.Problems, func(p certs.Problem) chainFault {
			return chainFault{string(p.Code), p.Detail, known(p.Certificate, p.Certificate >= 0), p.Warning}
		}),
	}
	if result.Handshake != nil {
		doc.Handshake = result.Handshake.String()
	}
	if r != nil {
		doc.Findings = findings(r)
	}
	return Document{&doc}
}

func (d *certDoc) text(s *sheet) {
	switch {
	case d.Verified:
		s.head(d.Host+": the chain verifies", good)
	case d.Handshake != "" && len(d.Chain) == 0:
		s.head(d.Host+": no certificate was seen", bad)
	default:
		s.head(d.Host+": the chain does not verify", bad)
	}
	s.blank()
	s.item("Address", d.Address)
	s.item("TLS", d.TLSVersion)
	s.item("Root", d.Root)
	s.item("Failure", d.Handshake)
	for i, c := range d.Chain {
		s.blank()
		s.hang(fmt.Sprintf("  %d. ", i+1), margin+3, c.Subject)
		s.item("Issuer", c.Issuer)
		s.item("Valid", c.NotBefore+" to "+c.NotAfter)
		s.item("Names", strings.Join(append(append([]string{}, c.DNSNames...), c.IPAddresses...), ", "))
		key := c.KeyAlgorithm
		if c.KeyBits != nil {
			key += fmt.Sprintf(" %d bits", *c.KeyBits)
		}
		s.item("Key", key+", signed with "+c.SignatureAlgorithm)
		s.item("Print", c.Thumbprint)
	}
	if len(d.Problems) > 0 {
		s.blank()
		s.line("Problems")
		for _, p := range d.Problems {
			m := mark{"FAILED", bad}
			if p.Warning {
				m = mark{"WARNED", dubio}
			}
			s.mark(m, p.Code+": "+p.Detail)
		}
	}
	s.findings(d.Findings, false)
}
