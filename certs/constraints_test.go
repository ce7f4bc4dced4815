package certs_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lyncdiag/go-lyncdiag/certs"
)

const (
	utf8String      = cryptobyte_asn1.UTF8String
	universalString = cryptobyte_asn1.Tag(28)
	visibleString   = cryptobyte_asn1.Tag(26)
)

// named is one attribute of a distinguished name.
type named struct {
	oid   asn1.ObjectIdentifier
	tag   cryptobyte_asn1.Tag
	value string
}

var (
	organization = asn1.ObjectIdentifier{2, 5, 4, 10}
	unit         = asn1.ObjectIdentifier{2, 5, 4, 11}
)

// directoryName is a general name of one relative distinguished name.
func directoryName(b *cryptobyte.Builder, attributes ...named) {
	b.AddASN1(cryptobyte_asn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cryptobyte_asn1.SET, func(b *cryptobyte.Builder) {
				for _, a := range attributes {
					b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(a.oid)
						b.AddASN1(a.tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.value)) })
					})
				}
			})
		})
	})
}

// constrained is a chain below an authority that may issue for, or all but for
// (excluded), one directory name, and a leaf that has another beside its host.
func constrained(t testing.TB, excluded bool, tree, name []named) (*certs.Verifier, []*x509.Certificate) {
	t.Helper()
	root, sub, leaf := newParty(t, "root"), newParty(t, "sub"), newParty(t, "")
	anchor := root.certify(t, root, nil)
	var trees, names cryptobyte.Builder
	which := cryptobyte_asn1.Tag(0)
	if excluded {
		which = 1
	}
	trees.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(which.ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) { directoryName(b, tree...) })
		})
	})
	names.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(host)) })
		directoryName(b, name...)
	})
	issuer := root.certify(t, sub, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: true, Value: trees.BytesOrPanic()}}
	})
	server := sub.certify(t, leaf, func(c *x509.Certificate) {
		asServer(c)
		c.Subject, c.DNSNames = pkix.Name{}, nil
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: names.BytesOrPanic()}}
	})
	v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
	v.Roots.AddCert(anchor)
	return v, []*x509.Certificate{server, issuer, anchor}
}

// TestDirectoryConstraints: crypto/x509 refuses every one of these chains; only
// names that can be compared excuse one.
func TestDirectoryConstraints(t *testing.T) {
	of := func(tag cryptobyte_asn1.Tag, value string) []named { return []named{{organization, tag, value}} }
	g, e := "\x00\x00\x00G", "\x00\x00\x00E"
	tests := []struct {
		name       string
		excluded   bool
		tree, leaf []named
		verified   bool
	}{
		{"permitted", false, of(utf8String, "Contoso  Ltd"), of(utf8String, "contoso ltd"), true},
		{"not permitted", false, of(utf8String, "Contoso"), of(utf8String, "Fabrikam"), false},
		{"another is excluded", true, of(utf8String, "Contoso"), of(utf8String, "Fabrikam"), true},
		{"excluded", true, of(utf8String, "Contoso"), of(utf8String, "Contoso"), false},
		{"UniversalString", false, of(universalString, g), of(universalString, e), false},
		{"VisibleString", false, of(visibleString, "G"), of(visibleString, "E"), false},
		{"a name in UniversalString", false, of(utf8String, "<nil>"), of(universalString, e), false},
		{"excluded, in UniversalString", true, of(utf8String, "G"), of(universalString, g), false},
		{"two values and one that looks alike", false, []named{{organization, utf8String, "a"}, {unit, utf8String, "b"}}, of(utf8String, "a+2.5.4.11=b"), false},
		{"one value and two that look alike", true, of(utf8String, "a\"+2.5.4.11=\"b"), []named{{organization, utf8String, "a"}, {unit, utf8String, "b"}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, chain := constrained(t, test.excluded, test.tree, test.leaf)
			if libraryAccepts(v, chain, host) {
				t.Error("crypto/x509 accepts it")
			}
			if r := v.Verify(chain, host); r.Verified != test.verified {
				t.Errorf("verified %t: %+v", r.Verified, r.Problems)
			}
		})
	}
}
