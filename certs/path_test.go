package certs_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
)

// party is a name with a key, for certificates that certtest has no use for.
type party struct {
	name string
	key  crypto.Signer
}

func newParty(t testing.TB, name string) party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return party{name, key}
}

// certify makes a certificate for subject; change edits the template.
func (issuer party) certify(t testing.TB, subject party, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject.name},
		NotBefore: epoch.AddDate(-1, 0, 0), NotAfter: epoch.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(template)
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: issuer.name}}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, subject.key.Public(), issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asServer(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.DNSNames = false, x509.KeyUsageDigitalSignature, []string{host}
}

func past(c *x509.Certificate) { c.NotAfter = epoch.Add(-time.Hour) }

// TestCrossSigned has an authority certified twice, as in public trust when
// the older root has expired or is not known everywhere.
func TestCrossSigned(t *testing.T) {
	server, sub, oldRoot, newRoot := newParty(t, "server"), newParty(t, "sub"), newParty(t, "old root"), newParty(t, "new root")
	leaf := sub.certify(t, server, asServer)
	byOld := oldRoot.certify(t, sub, nil)
	byNew := newRoot.certify(t, sub, nil)
	byNewExpired := newRoot.certify(t, sub, past)
	old := oldRoot.certify(t, oldRoot, past)
	current := newRoot.certify(t, newRoot, nil)
	expiredLeaf := sub.certify(t, server, func(c *x509.Certificate) { asServer(c); past(c) })

	tests := []struct {
		name  string
		roots []*x509.Certificate
		chain []*x509.Certificate
		want  string
		root  string
	}{
		{"either way", []*x509.Certificate{old, current}, []*x509.Certificate{leaf, byOld, old, byNew}, "verified", "CN=new root"},
		{"the sound way is not sent", []*x509.Certificate{old, current}, []*x509.Certificate{leaf, byOld, old}, "expired", "CN=old root"},
		{"one way trusted", []*x509.Certificate{current}, []*x509.Certificate{expiredLeaf, byOld, old, byNew}, "expired", "CN=new root"},
		{"trusted but expired goes before untrusted", []*x509.Certificate{current}, []*x509.Certificate{leaf, byOld, byNewExpired}, "expired", "CN=new root"},
		{"fewer problems first", []*x509.Certificate{current}, []*x509.Certificate{expiredLeaf, byNewExpired, byNew}, "expired", "CN=new root"},
		{"neither way trusted", []*x509.Certificate{leaf}, []*x509.Certificate{expiredLeaf, byOld, byNew}, "expired incomplete-chain", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
			for _, r := range test.roots {
				v.Roots.AddCert(r)
			}
			result := v.Verify(test.chain, host)
			if got := verdict(result); got != test.want || result.Root != test.root {
				t.Errorf("got %q to %q: %+v", got, result.Root, result.Problems)
			}
		})
	}
}

// TestManyPaths has a dozen authorities that all certify each other: some 10^9
// paths and no root.
func TestManyPaths(t *testing.T) {
	const n = 12
	var parties [n]party
	for i := range parties {
		parties[i] = newParty(t, fmt.Sprint("authority ", i))
	}
	chain := []*x509.Certificate{parties[0].certify(t, newParty(t, "server"), asServer)}
	for i, issuer := range parties {
		for j, subject := range parties {
			if i != j {
				chain = append(chain, issuer.certify(t, subject, nil))
			}
		}
	}
	started := time.Now()
	result := (&certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}).Verify(chain, host)
	if result.Verified || len(result.Problems) == 0 {
		t.Errorf("got %+v", result)
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// publicOnly is a key that nobody has the private half of.
type publicOnly struct {
	crypto.Signer
	key crypto.PublicKey
}

func (p publicOnly) Public() crypto.PublicKey { return p.key }

// TestMonstrousKey: an RSA operation with this key would take minutes.
func TestMonstrousKey(t *testing.T) {
	modulus := new(big.Int).SetBit(big.NewInt(1), 1<<20, 1)
	monster := party{"monster", publicOnly{key: &rsa.PublicKey{N: modulus, E: 1<<31 - 1}}}
	root, server := newParty(t, "root"), newParty(t, "server")
	byMonster := party{"monster", newParty(t, "").key}.certify(t, server, asServer)
	v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
	v.Roots.AddCert(root.certify(t, root, nil))
	for _, chain := range [][]*x509.Certificate{
		{root.certify(t, monster, asServer)},
		{byMonster, root.certify(t, monster, nil)},
	} {
		started := time.Now()
		result := v.Verify(chain, host)
		if got := verdict(result); got != "unsupported-signature" {
			t.Errorf("got %q: %+v", got, result.Problems)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	}
}

func TestSingleFaults(t *testing.T) {
	root, server := newParty(t, "root"), newParty(t, "server")
	trusted := root.certify(t, root, nil)
	tests := []struct {
		name   string
		change func(*x509.Certificate)
		want   string
		detail string
	}{
		{"key usage of a signer of lists", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, "wrong-usage", "digitalSignature"},
		{"no key usage at all", func(c *x509.Certificate) { c.KeyUsage = 0 }, "verified", ""},
		{"many other names", func(c *x509.Certificate) {
			c.DNSNames = nil
			for i := range 500 {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf("host%d.example", i))
			}
		}, "name-mismatch", "host9.example and 490 more"},
		{"long name with control characters", func(c *x509.Certificate) {
			c.DNSNames = []string{"\x1b[31m" + strings.Repeat("a", 2000)}
		}, "name-mismatch", "\ufffd[31maaaa"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leaf := root.certify(t, server, func(c *x509.Certificate) {
				asServer(c)
				test.change(c)
			})
			v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
			v.Roots.AddCert(trusted)
			result := v.Verify([]*x509.Certificate{leaf}, host)
			if got := verdict(result); got != test.want {
				t.Fatalf("got %q: %+v", got, result.Problems)
			}
			reload(t, result)
			if test.detail == "" {
				return
			}
			if d := result.Problems[0].Detail; !strings.Contains(d, test.detail) || len(d) > 1000 || strings.Contains(d, "\x1b") {
				t.Errorf("detail: %q", d)
			}
		})
	}
}

// TestThousandCertificates: chains of 1,000, one long way or all of one name,
// are judged, and no number of them makes the search endless.
func TestThousandCertificates(t *testing.T) {
	const many = 1000
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	make := func(serial int64, subject, issuer string, authority bool) *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(serial + 1), Subject: pkix.Name{CommonName: subject}, NotBefore: epoch.AddDate(0, -1, 0), NotAfter: epoch.AddDate(0, 1, 0),
			IsCA: authority, BasicConstraintsValid: true, SubjectKeyId: []byte{1}, DNSNames: []string{host}}
		der, err := x509.CreateCertificate(rand.Reader, c, &x509.Certificate{Subject: pkix.Name{CommonName: issuer}}, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	root := make(0, "root", "root", true)
	long := []*x509.Certificate{make(1, "leaf", "ca 1", false)}
	same := []*x509.Certificate{make(1, "leaf", "ca", false)}
	for i := 1; i < many; i++ {
		issuer := fmt.Sprintf("ca %d", i+1)
		if i == many-1 {
			issuer = "root"
		}
		long = append(long, make(int64(i), fmt.Sprintf("ca %d", i), issuer, true))
		same = append(same, make(int64(i), "ca", "ca", true))
	}
	v := &certs.Verifier{Roots: x509.NewCertPool(), Issuers: []*x509.Certificate{root}, Now: fixedClock}
	v.Roots.AddCert(root)
	for name, chain := range map[string][]*x509.Certificate{"one way": long, "one name": same} {
		first := v.Verify(chain, host)
		if len(first.Chain) != many || first.Verified && !libraryAccepts(v, chain, host) || !first.Verified && first.Err() == nil {
			t.Errorf("%s: %d certificates, verified %t", name, len(first.Chain), first.Verified)
		}
		standing := (&certs.Authorities{Verifier: v}).Ask(t.Context(), chain, host, nil)
		if len(standing.Revocation) > many {
			t.Errorf("%s: %d answers", name, len(standing.Revocation))
		}
		turned := slices.Clone(chain)
		slices.Reverse(turned[1:])
		if again := v.Verify(turned, host); verdict(again) != verdict(first) {
			t.Errorf("%s: %q in another order, before %q", name, verdict(again), verdict(first))
		}
	}
}
