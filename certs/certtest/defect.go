package certtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"time"
)

// Defect is one way in which a chain can be wrong.
type Defect struct {
	// Code is what a verifier that trusts the authority's root must say of the
	// chain, and all it must say. It names the defect as well.
	Code string
	Doc  string
	// Warning: the chain is to be accepted all the same.
	Warning bool

	change func(t *Template)
	issue  func(ca *CA, t Template) (tls.Certificate, error) // nil: ca.Issue
}

// Issue makes a chain under the authority that has this defect and no other.
// t says what it would be without; it must have a DNS name.
func (d Defect) Issue(ca *CA, t Template) (tls.Certificate, error) {
	if len(t.DNSNames) == 0 {
		return tls.Certificate{}, errors.New("certtest: issue certificate with defect " + d.Code + ": the template has no DNS name")
	}
	if d.change != nil {
		d.change(&t)
	}
	if d.issue == nil {
		return ca.Issue(t)
	}
	return d.issue(ca, t)
}

// Defects are all that this package can make. Each is found in a handshake and,
// but for malformed, which cannot be parsed at all, in the chain alone.
func Defects() []Defect {
	const day = 24 * time.Hour
	return []Defect{
		{Code: "expired", Doc: "the certificate expired yesterday", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			t.NotBefore, t.NotAfter = ca.now().Add(-90*day), ca.now().Add(-day)
			return ca.Issue(t)
		}},
		{Code: "not-yet-valid", Doc: "the certificate is valid from tomorrow on", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			t.NotBefore, t.NotAfter = ca.now().Add(day), ca.now().Add(90*day)
			return ca.Issue(t)
		}},
		{Code: "name-mismatch", Doc: "the certificate names another server", change: func(t *Template) {
			t.CommonName, t.DNSNames, t.IPAddresses = "", []string{"other.invalid"}, nil
		}},
		{Code: "untrusted-root", Doc: "another authority, which sends its root along, issued the certificate", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			other, err := New(Options{Name: "untrusted root", Now: ca.now})
			if err != nil {
				return tls.Certificate{}, err
			}
			out, err := other.Issue(t)
			out.Certificate = append(out.Certificate, other.Certificate.Raw)
			return out, err
		}},
		{Code: "incomplete-chain", Doc: "the intermediate certificate is not sent", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			t.WithoutChain = true
			return issueBelow(ca, Options{Name: "intermediate that is not sent"}, t)
		}},
		{Code: "self-signed", Doc: "the certificate signed itself", change: func(t *Template) { t.SelfSigned = true }},
		{Code: "weak-signature", Doc: "the certificate is signed with SHA-1", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			t.Signature = x509.ECDSAWithSHA1
			if ca.Certificate.PublicKeyAlgorithm == x509.RSA {
				t.Signature = x509.SHA1WithRSA
			}
			return ca.Issue(t)
		}},
		{Code: "weak-key", Doc: "the certificate has an RSA key of 1024 bits", Warning: true, change: func(t *Template) { t.Key = "rsa1024" }},
		{Code: "wrong-usage", Doc: "the certificate is for clients only", change: func(t *Template) {
			t.Usage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}},
		{Code: "constraint-violation", Doc: "the intermediate authority may not issue for this name", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			return issueBelow(ca, Options{Name: "constrained intermediate", Permitted: []string{"elsewhere.invalid"}}, t)
		}},
		{Code: "unknown-critical-extension", Doc: "the certificate has a critical extension that nobody knows", change: func(t *Template) {
			// 2.999 is the arc for examples.
			t.Extensions = append(t.Extensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 999, 1}, Critical: true, Value: []byte{5, 0}})
		}},
		{Code: "unsupported-signature", Doc: "the certificate is signed with RSASSA-PSS", Warning: true, issue: func(ca *CA, t Template) (tls.Certificate, error) {
			t.Signature = x509.SHA256WithRSAPSS
			return issueBelow(ca, Options{Name: "RSA intermediate", Key: "rsa2048"}, t)
		}},
		{Code: "malformed", Doc: "the certificate has a negative serial number", issue: func(ca *CA, t Template) (tls.Certificate, error) {
			out, err := ca.Issue(t)
			if err != nil {
				return out, err
			}
			serial := append([]byte{asn1.TagInteger, 16}, out.Leaf.SerialNumber.Bytes()...)
			at := bytes.Index(out.Certificate[0], serial)
			if at < 0 {
				return out, errors.New("certtest: issue malformed certificate: no serial number found")
			}
			damaged := bytes.Clone(out.Certificate[0])
			damaged[at+2] |= 0x80
			out.Certificate[0], out.Leaf = damaged, nil
			return out, nil
		}},
	}
}

// issueBelow issues from an intermediate authority made for the occasion.
func issueBelow(ca *CA, o Options, t Template) (tls.Certificate, error) {
	intermediate, err := ca.Intermediate(o)
	if err != nil {
		return tls.Certificate{}, err
	}
	return intermediate.Issue(t)
}
