package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"strings"
)

// link is the relation of a certificate to one that bears its issuer's name.
type link int

const (
	broken    link = iota // another key made the signature, or the certificate was altered
	made                  // this key made the signature
	unchecked             // the algorithm or the key is not one that can be checked here
)

// signedBy checks a signature itself where crypto/x509 would refuse to look:
// that an algorithm is weak must not read as "unknown authority".
func signedBy(child, parent *x509.Certificate) link {
	key, isRSA := parent.PublicKey.(*rsa.PublicKey)
	if isRSA && (key.N.BitLen() > maxRSABits || key.N.BitLen() < minCheckedRSABits) {
		return unchecked
	}
	if child.SignatureAlgorithm == x509.MD5WithRSA && isRSA {
		sum := md5.Sum(child.RawTBSCertificate)
		if rsa.VerifyPKCS1v15(key, crypto.MD5, sum[:], child.Signature) != nil {
			return broken
		}
		return made
	}
	err := parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
	if err == nil {
		return made
	}
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return unchecked
	}
	return broken
}

// minCheckedRSABits is the shortest key that crypto/rsa works with.
const minCheckedRSABits = 1024

// isSelfSigned reports whether a certificate's own key made its signature; if
// that cannot be checked, whether it names itself as issuer.
func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && signedBy(c, c) != broken
}

func tooLong(c *x509.Certificate) bool {
	return c.PublicKeyAlgorithm == x509.RSA && keyBits(c) > maxRSABits
}

// keyBits is the length of the key; 0: unknown.
func keyBits(c *x509.Certificate) int {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize
	case ed25519.PublicKey:
		return 8 * len(key)
	}
	return 0
}

func isInsecure(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
		return true
	}
	return false
}

// isSHA1 reports an insecure algorithm that Windows takes all the same.
func isSHA1(a x509.SignatureAlgorithm) bool {
	return a == x509.SHA1WithRSA || a == x509.ECDSAWithSHA1
}

func isPSS(a x509.SignatureAlgorithm) bool {
	return a == x509.SHA256WithRSAPSS || a == x509.SHA384WithRSAPSS || a == x509.SHA512WithRSAPSS
}

// isUnreadable reports an algorithm that crypto/x509 cannot check.
func isUnreadable(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.UnknownSignatureAlgorithm, x509.MD2WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256:
		return true
	}
	return false
}

// isNamesake reports whether crypto/x509 refused a root that bears the
// issuer's name. Only the text of its error tells.
func isNamesake(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok && strings.Contains(err.Error(), "candidate authority certificate")
}
