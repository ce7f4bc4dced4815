package certs_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// TestStored: the stores hold roots that a Verifier takes, and a chain that
// leads to none of them is refused.
func TestStored(t *testing.T) {
	roots, issuers, err := certs.Stored()
	if err != nil {
		t.Fatal(err)
	}
	v := &certs.Verifier{Roots: roots, Issuers: issuers, Usage: x509.ExtKeyUsageAny}
	if !slices.ContainsFunc(issuers, func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawSubject, c.RawIssuer) && v.Verify([]*x509.Certificate{c}, "").Verified
	}) {
		t.Errorf("of %d certificates none verifies as a root", len(issuers))
	}
	if v.Verify(parse(t, issue(t, newCA(t, certtest.Options{}), certtest.Template{})), "").Verified {
		t.Error("a chain of nobody verifies")
	}
}
