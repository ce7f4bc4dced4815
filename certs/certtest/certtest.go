// Package certtest makes certificates for tests and simulations: an authority
// in memory, chains under it, and chains with one named defect each. Keys live
// in memory only and are new with every authority.
package certtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Options describe an authority. The zero value is a usable one.
type Options struct {
	// Name is the common name. "": "lyncdiag test root", for an intermediate
	// authority "lyncdiag test intermediate".
	Name string
	// NotBefore and NotAfter bound its life. Zero: ten years around Now, for an
	// intermediate authority that of its issuer.
	NotBefore, NotAfter time.Time
	// Now is the clock that default dates are taken from. nil: time.Now, for an
	// intermediate authority its issuer's.
	Now func() time.Time
	// Key is the kind of key: "ecdsa" (P-256), "rsa1024" or "rsa2048". "": ecdsa.
	Key string
	// Permitted are the only DNS domains it may issue for (name constraints,
	// RFC 5280 section 4.2.1.10). nil: any.
	Permitted []string
	// Site is the address under which the authority publishes what its issuer
	// says of it, as in Template. "": none.
	Site string
}

// CA is an authority, root or intermediate.
type CA struct {
	Certificate *x509.Certificate

	key    crypto.Signer
	issuer *CA // nil: a root
	now    func() time.Time
}

// New makes a root authority.
func New(o Options) (*CA, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = "lyncdiag test root"
	}
	if o.NotBefore.IsZero() {
		o.NotBefore = o.Now().AddDate(-5, 0, 0)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = o.Now().AddDate(5, 0, 0)
	}
	return authority(nil, o)
}

// Intermediate makes an authority below this one.
func (ca *CA) Intermediate(o Options) (*CA, error) {
	if o.Now == nil {
		o.Now = ca.now
	}
	if o.Name == "" {
		o.Name = "lyncdiag test intermediate"
	}
	if o.NotBefore.IsZero() {
		o.NotBefore = ca.Certificate.NotBefore
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = ca.Certificate.NotAfter
	}
	return authority(ca, o)
}

func authority(issuer *CA, o Options) (*CA, error) {
	ca := &CA{issuer: issuer, now: o.Now}
	var err error
	if ca.key, err = newKey(o.Key); err != nil {
		return nil, fmt.Errorf("certtest: make authority %q: %w", o.Name, err)
	}
	template := &x509.Certificate{
		Subject:                     pkix.Name{CommonName: o.Name},
		NotBefore:                   o.NotBefore,
		NotAfter:                    o.NotAfter,
		IsCA:                        true,
		BasicConstraintsValid:       true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		PermittedDNSDomains:         o.Permitted,
		PermittedDNSDomainsCritical: len(o.Permitted) > 0,
	}
	publish(template, o.Site)
	signer := issuer
	if signer == nil {
		signer = ca
		ca.Certificate = template
	}
	if ca.Certificate, err = sign(template, signer, ca.key); err != nil {
		return nil, fmt.Errorf("certtest: make authority %q: %w", o.Name, err)
	}
	return ca, nil
}

// Template describes a server's certificate. The zero value names no server
// and is otherwise sound.
type Template struct {
	// CommonName is the subject. "": the first DNS name.
	CommonName  string
	DNSNames    []string
	IPAddresses []net.IP
	// NotBefore and NotAfter bound its life. Zero: from an hour ago for 90 days.
	NotBefore, NotAfter time.Time
	// Usage are the extended key usages. nil: Server Authentication.
	Usage []x509.ExtKeyUsage
	// Key is the kind of key: "ecdsa" (P-256), "rsa1024" or "rsa2048". "": ecdsa.
	Key string
	// Signature is the algorithm that the issuer signs with, which must fit its
	// key. 0: what Go chooses, SHA-256.
	Signature x509.SignatureAlgorithm
	// Extensions are added as they are.
	Extensions []pkix.Extension
	// SelfSigned has the certificate sign itself.
	SelfSigned bool
	// WithoutChain leaves intermediate certificates out of the chain.
	WithoutChain bool
	// Staple adds an OCSP response that calls the certificate good for a week.
	Staple bool
	// Site is the address, such as http://pki.contoso.example, under which the
	// authority publishes its list, its OCSP answers and its own certificate
	// (see CA.Site); the certificate names all three. "": none.
	Site string
}

// publish names in a certificate what is under an address.
func publish(template *x509.Certificate, site string) {
	if site == "" {
		return
	}
	template.CRLDistributionPoints = []string{site + "/list.crl"}
	template.OCSPServer = []string{site + "/ocsp"}
	template.IssuingCertificateURL = []string{site + "/issuer.crt"}
}

// Issue makes a certificate with its key and the chain that a server sends:
// all but the root.
func (ca *CA) Issue(t Template) (tls.Certificate, error) {
	out, err := ca.issue(t)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certtest: issue certificate: %w", err)
	}
	return out, nil
}

func (ca *CA) issue(t Template) (tls.Certificate, error) {
	key, err := newKey(t.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := ca.now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: t.CommonName},
		DNSNames:              t.DNSNames,
		IPAddresses:           t.IPAddresses,
		NotBefore:             t.NotBefore,
		NotAfter:              t.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           t.Usage,
		BasicConstraintsValid: true,
		SignatureAlgorithm:    t.Signature,
		ExtraExtensions:       t.Extensions,
	}
	publish(template, t.Site)
	if t.CommonName == "" && len(t.DNSNames) > 0 {
		template.Subject.CommonName = t.DNSNames[0]
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = now.Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = now.AddDate(0, 0, 90)
	}
	if t.Usage == nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	signer := ca
	if t.SelfSigned {
		signer = &CA{Certificate: template, key: key}
	}
	leaf, err := sign(template, signer, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	out := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	if !t.SelfSigned && !t.WithoutChain {
		for up := ca; up.issuer != nil; up = up.issuer {
			out.Certificate = append(out.Certificate, up.Certificate.Raw)
		}
	}
	if t.Staple {
		out.OCSPStaple, err = signer.staple(leaf, now)
	}
	return out, err
}

func (ca *CA) staple(leaf *x509.Certificate, now time.Time) ([]byte, error) {
	return ocsp.CreateResponse(ca.Certificate, ca.Certificate, ocsp.Response{
		Status: ocsp.Good, SerialNumber: leaf.SerialNumber,
		ThisUpdate: now.Add(-time.Hour), NextUpdate: now.AddDate(0, 0, 7),
	}, ca.key)
}

func sign(template *x509.Certificate, issuer *CA, key crypto.Signer) (*x509.Certificate, error) {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] = serial[0]&0x7f | 0x40 // positive and always of one length (RFC 5280 section 4.1.2.2)
	template.SerialNumber = new(big.Int).SetBytes(serial)
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Certificate, key.Public(), issuer.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "", "ecdsa":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa1024":
		return rsa.GenerateKey(rand.Reader, 1024)
	case "rsa2048":
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, errors.New("unknown kind of key " + kind)
}

// Root is the authority at the top, which may be this one.
func (ca *CA) Root() *CA {
	for ca.issuer != nil {
		ca = ca.issuer
	}
	return ca
}

// Pool trusts the root and nothing else.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Root().Certificate)
	return pool
}

// PEM is the root's certificate.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root().Certificate.Raw})
}
