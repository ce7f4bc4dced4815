package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxFile bounds what ParseFile reads; a bundle of all public roots has 0.2 MB.
const maxFile = 4 << 20

// ParseFile reads the certificates of a file: PEM with several blocks and text
// between them (keys are passed over), DER with one or several certificates in
// a row, PKCS #7 (.p7b), and a serialized store of Windows (.sst). UTF-16, which
// PowerShell writes, is read too. The certificate that issued none of the others
// comes first if it is the only one of its kind and the file begins with an
// issuer; otherwise the order is the file's. A certificate that crypto/x509
// cannot read has nothing but its Raw; Verify says what is wrong with it. Other
// formats are an error that says how to convert them.
func ParseFile(b []byte) ([]*x509.Certificate, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("certs: read certificate file: it has %d bytes; at most %d are read", len(b), maxFile)
	}
	b = bytes.TrimPrefix(fromUTF16(b), []byte("\ufeff"))
	read := parseDER
	switch {
	case bytes.HasPrefix(b, storeMagic):
		read = parseStore
	case bytes.Contains(b, []byte("-----BEGIN ")):
		read = parsePEM
	}
	chain, err := read(b)
	if err != nil {
		return nil, fmt.Errorf("certs: read certificate file: %w", err)
	}
	leafFirst(chain)
	return chain, nil
}

// fromUTF16 makes UTF-8 of text in UTF-16 with a byte order mark.
func fromUTF16(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return b
	}
	units := make([]uint16, 0, len(b)/2)
	for rest := b[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return []byte(string(utf16.Decode(units)))
}

func parsePEM(b []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	var others []string // types, some of them
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE": // OpenSSL appends what it trusts it for
		case "PKCS7", "CMS":
			list, err := parsePKCS7(block.Bytes)
			if err != nil {
				return nil, err
			}
			chain = append(chain, list...)
			continue
		default:
			if len(others) < 10 && !slices.Contains(others, block.Type) {
				others = append(others, block.Type)
			}
			continue
		}
		c, err := parseOne(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	switch {
	case len(chain) > 0:
		return chain, nil
	case len(others) > 0:
		return nil, fmt.Errorf("no certificate in it, but %s", brief(enumerate(others)))
	}
	return nil, errors.New("its PEM blocks are damaged")
}

var errPKCS12 = errors.New("this is PKCS #12 (.pfx, .p12), which is not read here: " +
	"convert it with \"openssl pkcs12 -nokeys -in FILE -out chain.pem\", " +
	"or export the certificate in Windows as \"Base-64 encoded X.509 (.CER)\"")

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
		switch formOf(element.Bytes) {
		case formPKCS12:
			return nil, errPKCS12
		case formPKCS7:
			list, err := parsePKCS7(element.FullBytes)
			if err != nil {
				return nil, err
			}
			chain = append(chain, list...)
		case formCertificate:
			chain = append(chain, parseOrKeep(element.FullBytes))
		default:
			return nil, fmt.Errorf("it holds something else than certificates (after %d certificates)", len(chain))
		}
		b = rest
	}
	return chain, nil
}

// parseOne reads what begins with something of a certificate's form; it leaves what
// follows.
func parseOne(b []byte) (*x509.Certificate, error) {
	rest := cryptobyte.String(b)
	var body cryptobyte.String
	if !rest.ReadASN1(&body, cryptobyte_asn1.SEQUENCE) || formOf(body) != formCertificate {
		return nil, errors.New("this is no certificate")
	}
	return parseOrKeep(b[:len(b)-len(rest)]), nil
}

type form int

const (
	formOther form = iota
	formCertificate
	formPKCS7
	formPKCS12
)

// formOf tells what begins like DER: PKCS #7 begins with an object identifier
// (RFC 2315 section 7), PKCS #12 with the version 3 (RFC 7292 section 4), a
// certificate with a sequence that begins with a version or a serial number,
// and is followed by an algorithm and a signature.
func formOf(body []byte) form {
	var id asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(body, &id); err == nil {
		return formPKCS7
	}
	var version int
	if _, err := asn1.Unmarshal(body, &version); err == nil && version == 3 {
		return formPKCS12
	}
	s := cryptobyte.String(body)
	var tbs, signature cryptobyte.String
	if !s.ReadASN1(&tbs, cryptobyte_asn1.SEQUENCE) || !s.SkipASN1(cryptobyte_asn1.SEQUENCE) || !s.ReadASN1(&signature, cryptobyte_asn1.BIT_STRING) || !s.Empty() {
		return formOther
	}
	if tbs.PeekASN1Tag(tagged(0).Constructed()) || tbs.PeekASN1Tag(cryptobyte_asn1.INTEGER) {
		return formCertificate
	}
	return formOther
}

// parsePKCS7 takes the certificates out of SignedData (RFC 2315 section 9.1),
// which is what .p7b and .p7c files are. Their signatures mean nothing here.
func parsePKCS7(der []byte) ([]*x509.Certificate, error) {
	bad := errors.New("this is PKCS #7 without certificates: it is encrypted, damaged or in BER; " +
		"convert it with \"openssl pkcs7 -print_certs -in FILE -out chain.pem\" (for a binary file add \"-inform DER\")")
	s := cryptobyte.String(der)
	var id asn1.ObjectIdentifier
	var certificates cryptobyte.String
	var some bool
	if !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) || !s.ReadASN1ObjectIdentifier(&id) || !id.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) ||
		!s.ReadASN1(&s, tagged(0).Constructed()) || !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) || !s.SkipASN1(cryptobyte_asn1.INTEGER) ||
		!s.SkipASN1(cryptobyte_asn1.SET) || !s.SkipASN1(cryptobyte_asn1.SEQUENCE) || !s.ReadOptionalASN1(&certificates, &some, tagged(0).Constructed()) || !some {
		return nil, bad
	}
	var chain []*x509.Certificate
	for !certificates.Empty() {
		var one cryptobyte.String
		var tag cryptobyte_asn1.Tag
		if !certificates.ReadAnyASN1Element(&one, &tag) {
			return nil, bad
		}
		if tag == cryptobyte_asn1.SEQUENCE { // the others are attribute certificates
			c, err := parseOne(one)
			if err != nil {
				return nil, bad
			}
			chain = append(chain, c)
		}
	}
	if len(chain) == 0 {
		return nil, bad
	}
	return chain, nil
}

// storeMagic begins a serialized store of Windows (.sst): the version 0 and
// "CERT".
var storeMagic = []byte("\x00\x00\x00\x00CERT")

// parseStore reads a serialized store: elements of a number, an encoding, a
// length and a value, in little endian. Number 32 is a certificate
// (CERT_CERT_PROP_ID of wincrypt.h), 0 the end; the others are its properties,
// revocation lists and trust lists.
func parseStore(b []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for rest := b[len(storeMagic):]; len(rest) >= 12; {
		number, size := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[8:])
		rest = rest[12:]
		if number == 0 {
			break
		}
		if uint64(size) > uint64(len(rest)) {
			return nil, fmt.Errorf("the store breaks off (after %d certificates)", len(chain))
		}
		if number == 32 {
			c, err := parseOne(bytes.Clone(rest[:size]))
			if err != nil {
				return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
			}
			chain = append(chain, c)
		}
		rest = rest[size:]
	}
	if len(chain) == 0 {
		return nil, errors.New("the store holds no certificate")
	}
	return chain, nil
}

// leafFirst puts the server's certificate first in a file that begins with an
// issuer, if there is no doubt which one it is.
func leafFirst(chain []*x509.Certificate) {
	issued := map[string]int{}
	for _, c := range chain {
		if isDamaged(c) {
			return
		}
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
