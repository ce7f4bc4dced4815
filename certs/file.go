package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// maxFile bounds what ParseFile reads; a bundle of all public roots has 0.2 MB.
const maxFile = 4 << 20

// ParseFile reads the certificates of a file: PEM with several blocks and text
// between them (keys are passed over), or DER with one or several certificates
// in a row. The certificate that issued none of the others comes first if it is
// the only one of its kind and the file begins with an issuer; otherwise the
// order is the file's. Other formats are an error that says how to convert them.
func ParseFile(b []byte) ([]*x509.Certificate, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("certs: read certificate file: it has %d bytes; at most %d are read", len(b), maxFile)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	read := parseDER
	if bytes.Contains(b, []byte("-----BEGIN ")) {
		read = parsePEM
	}
	chain, err := read(b)
	if err != nil {
		return nil, fmt.Errorf("certs: read certificate file: %w", err)
	}
	leafFirst(chain)
	return chain, nil
}

func parsePEM(b []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	others := ""
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		der := block.Bytes
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE":
		case "TRUSTED CERTIFICATE": // OpenSSL appends what it trusts it for
			var first asn1.RawValue
			if _, err := asn1.Unmarshal(der, &first); err == nil {
				der = first.FullBytes
			}
		case "PKCS7", "CMS":
			return nil, errPKCS7
		default:
			others += " " + brief(block.Type) + ","
			continue
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	switch {
	case len(chain) > 0:
		return chain, nil
	case others != "":
		return nil, fmt.Errorf("no certificate in it, but%s", strings.TrimSuffix(brief(others), ","))
	}
	return nil, errors.New("its PEM blocks are damaged")
}

var (
	errPKCS7 = errors.New("this is PKCS #7 (.p7b, .p7c), which is not read: " +
		"convert it with \"openssl pkcs7 -print_certs -in FILE -out chain.pem\" (for a binary file add \"-inform DER\")")
	errPKCS12 = errors.New("this is PKCS #12 (.pfx, .p12), which is not read: " +
		"convert it with \"openssl pkcs12 -nokeys -in FILE -out chain.pem\", " +
		"or export the certificate in Windows as \"Base-64 encoded X.509 (.CER)\"")
)

func parseDER(b []byte) ([]*x509.Certificate, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("it is empty")
	}
	var chain []*x509.Certificate
	for len(b) > 0 {
		var element asn1.RawValue
		rest, err := asn1.Unmarshal(b, &element)
		if err != nil || element.Class != asn1.ClassUniversal || element.Tag != asn1.TagSequence {
			if len(chain) > 0 && len(bytes.TrimSpace(b)) == 0 {
				break
			}
			return nil, fmt.Errorf("it is neither PEM nor DER (after %d certificates)", len(chain))
		}
		if err := container(element.Bytes); err != nil {
			return nil, err
		}
		c, err := x509.ParseCertificate(element.FullBytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
		}
		chain, b = append(chain, c), rest
	}
	return chain, nil
}

// container recognises what begins like DER and is no certificate: PKCS #7
// begins with an object identifier (RFC 2315 section 7), PKCS #12 with the
// version 3 (RFC 7292 section 4); a certificate begins with a sequence.
func container(body []byte) error {
	var id asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(body, &id); err == nil {
		return errPKCS7
	}
	var version int
	if _, err := asn1.Unmarshal(body, &version); err == nil && version == 3 {
		return errPKCS12
	}
	return nil
}

// leafFirst puts the server's certificate first in a file that begins with an
// issuer, if there is no doubt which one it is.
func leafFirst(chain []*x509.Certificate) {
	issued := map[string]int{}
	for _, c := range chain {
		if !bytes.Equal(c.RawIssuer, c.RawSubject) {
			issued[string(c.RawIssuer)]++
		}
	}
	leaf := -1
	for i, c := range chain {
		if issued[string(c.RawSubject)] > 0 {
			continue
		}
		if i == 0 || leaf >= 0 {
			return
		}
		leaf = i
	}
	if leaf > 0 {
		c := chain[leaf]
		copy(chain[1:leaf+1], chain[:leaf])
		chain[0] = c
	}
}
