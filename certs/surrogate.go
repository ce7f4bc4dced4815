package certs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"slices"
	"time"
)

// crypto/x509 looks no further than a signature that it does not take. So that
// it has its say about all the rest, it is shown surrogates: copies of the
// certificates of one way, which hold everything it reads from them, signed
// anew with keys of our own. What it says of them counts for the originals, as
// the signatures of those were checked when the way was found.
type surrogates struct {
	leaf          *x509.Certificate
	intermediates *x509.CertPool
	roots         *x509.CertPool
}

// surrogateKey signs for every level; a key pair is made from any 32 bytes, and
// nothing rests on its being secret.
func surrogateKey(level int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(level)}, ed25519.SeedSize))
}

func makeSurrogates(path []*x509.Certificate, change func(*x509.Certificate)) surrogates {
	s := surrogates{intermediates: x509.NewCertPool(), roots: x509.NewCertPool()}
	for k, c := range path {
		copied := *c
		if change != nil {
			change(&copied)
		}
		copied.PublicKeyAlgorithm, copied.PublicKey = x509.Ed25519, surrogateKey(k).Public()
		copied.RawSubjectPublicKeyInfo = bytes.Repeat([]byte{byte(k)}, ed25519.PublicKeySize)
		signer := surrogateKey(k)
		if k+1 < len(path) {
			signer = surrogateKey(k + 1)
			copied.RawIssuer = path[k+1].RawSubject
		}
		copied.SignatureAlgorithm, copied.Signature = x509.PureEd25519, ed25519.Sign(signer, copied.RawTBSCertificate)
		switch {
		case k == 0:
			s.leaf = &copied
		case k+1 < len(path):
			s.intermediates.AddCert(&copied)
		}
		if k+1 == len(path) {
			s.roots.AddCert(&copied)
		}
	}
	return s
}

// verify asks crypto/x509.
func (s surrogates) verify(name string, at time.Time, usages ...x509.ExtKeyUsage) error {
	_, err := s.leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: s.roots, Intermediates: s.intermediates, CurrentTime: at, KeyUsages: usages})
	return err
}

// constraints asks crypto/x509 about name and policy constraints, with
// signatures, dates, critical extensions, usages and the server's name out of
// the way.
func (s *search) constraints(w *way) []Problem {
	if !w.trusted || w.root == nil || len(w.certs) > maxPath {
		return nil
	}
	err := makeSurrogates(w.certs, func(c *x509.Certificate) { *c = *timeless(c) }).verify("", s.at, x509.ExtKeyUsageAny)
	if reason, ok := invalid(err); ok && (reason == x509.CANotAuthorizedForThisName || reason == x509.NoValidChains) {
		return []Problem{{Code: constraint, Detail: "an issuer was not allowed to issue it: " + brief(err.Error()), Certificate: 0}}
	}
	return nil
}

// maxPath is the longest way that crypto/x509 is asked about once more.
const maxPath = 100

// excused reports whether crypto/x509 has nothing against a way but
//
//   - signatures with SHA-1 (see [Result.WeakOnly]);
//   - name constraints for distinguished names, which it does not check and
//     judgeNames does.
//
// Each signature must have been checked, and crypto/x509 must take the
// surrogates.
func (s *search) excused(w *way) bool {
	if !w.trusted || w.root == nil || len(w.certs) > maxPath || slices.ContainsFunc(w.certs, tooLong) {
		return false
	}
	excuse := false
	for k, c := range w.certs {
		excuse = excuse || k+1 < len(w.certs) && isSHA1(c.SignatureAlgorithm) || len(c.UnhandledCriticalExtensions) > 0 && handled(c)
		if k+1 < len(w.certs) && (isInsecure(c.SignatureAlgorithm) && !isSHA1(c.SignatureAlgorithm) || signedBy(c, w.certs[k+1]) != made) {
			return false
		}
	}
	return excuse && makeSurrogates(w.certs, func(c *x509.Certificate) {
		if handled(c) {
			c.UnhandledCriticalExtensions = nil
		}
	}).verify(s.name, s.at, s.v.usage()) == nil
}
