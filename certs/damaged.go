package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// parseOrKeep reads a certificate; one that crypto/x509 refuses is kept as its
// DER, so that what can be seen of it is reported.
func parseOrKeep(der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return &x509.Certificate{Raw: der}
	}
	return c
}

// isDamaged reports a certificate that parseOrKeep kept, or that nobody parsed.
func isDamaged(c *x509.Certificate) bool { return c == nil || len(c.RawTBSCertificate) == 0 }

// damage says what is wrong with it.
func damage(c *x509.Certificate) string {
	if c == nil || len(c.Raw) == 0 {
		return "it was not parsed from DER"
	}
	_, err := x509.ParseCertificate(c.Raw)
	if err == nil {
		return "it was not parsed from DER"
	}
	return "it cannot be read, so nothing trusts it: " + brief(strings.TrimPrefix(err.Error(), "x509: "))
}

// describeDamaged says of a certificate what can be seen of it.
func describeDamaged(c *x509.Certificate) Certificate {
	var out Certificate
	if c == nil || len(c.Raw) == 0 {
		return out
	}
	out.Thumbprint = thumbprint(c)
	s := cryptobyte.String(c.Raw)
	var serial, name, validity, point, extensions cryptobyte.String
	for range 2 { // the certificate, and in it what is signed
		if !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) {
			return out
		}
	}
	if !s.SkipOptionalASN1(tagged(0).Constructed()) || !s.ReadASN1(&serial, cryptobyte_asn1.INTEGER) {
		return out
	}
	out.SerialNumber = hex.EncodeToString(serial[:min(len(serial), 40)])
	if !s.SkipASN1(cryptobyte_asn1.SEQUENCE) || !s.ReadASN1Element(&name, cryptobyte_asn1.SEQUENCE) {
		return out
	}
	out.Issuer = nameOf(name)
	if !s.ReadASN1(&validity, cryptobyte_asn1.SEQUENCE) {
		return out
	}
	out.NotBefore, out.NotAfter = timeOf(&validity), timeOf(&validity)
	if !s.ReadASN1Element(&name, cryptobyte_asn1.SEQUENCE) {
		return out
	}
	out.Subject = nameOf(name)
	if !s.SkipASN1(cryptobyte_asn1.SEQUENCE) || !s.SkipOptionalASN1(tagged(1)) || !s.SkipOptionalASN1(tagged(2)) ||
		!s.ReadASN1(&extensions, tagged(3).Constructed()) || !extensions.ReadASN1(&extensions, cryptobyte_asn1.SEQUENCE) {
		return out
	}
	for !extensions.Empty() {
		var id asn1.ObjectIdentifier
		if !extensions.ReadASN1(&point, cryptobyte_asn1.SEQUENCE) || !point.ReadASN1ObjectIdentifier(&id) {
			return out
		}
		point.SkipOptionalASN1(cryptobyte_asn1.BOOLEAN)
		var names, value cryptobyte.String
		if !id.Equal(oidSubjectAltName) || !point.ReadASN1(&names, cryptobyte_asn1.OCTET_STRING) || !names.ReadASN1(&names, cryptobyte_asn1.SEQUENCE) {
			continue
		}
		for !names.Empty() {
			var tag cryptobyte_asn1.Tag
			if !names.ReadAnyASN1(&value, &tag) {
				break
			}
			switch {
			case tag == tagged(2):
				out.DNSNames = append(out.DNSNames, brief(string(value)))
			case tag == tagged(7) && (len(value) == net.IPv4len || len(value) == net.IPv6len):
				out.IPAddresses = append(out.IPAddresses, net.IP(value).String())
			}
		}
	}
	return out
}

func nameOf(der []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &name); err != nil {
		return "a name that cannot be read"
	}
	return printable(name.String())
}

// timeOf takes the next time; zero: it cannot be read.
func timeOf(s *cryptobyte.String) time.Time {
	var element cryptobyte.String
	var tag cryptobyte_asn1.Tag
	var at time.Time
	if !s.ReadAnyASN1Element(&element, &tag) {
		return at
	}
	if _, err := asn1.Unmarshal(element, &at); err != nil || at.Year() < 0 || at.Year() > 9999 {
		return time.Time{}
	}
	return at.UTC()
}

// sentInClear finds the certificates in the first bytes of a server's side of a
// handshake, which TLS 1.2 and older send unencrypted (RFC 5246 section 7.4.2):
// crypto/tls gives up on a chain of which it cannot read one certificate. Of a
// chain that breaks off it finds those that are whole.
func sentInClear(b []byte) []*x509.Certificate {
	var messages cryptobyte.String
	for records := cryptobyte.String(b); len(records) >= 5 && records[0] == 22; {
		var fragment cryptobyte.String
		if !records.Skip(3) || !records.ReadUint16LengthPrefixed(&fragment) {
			break
		}
		messages = append(messages, fragment...)
	}
	for {
		var kind uint8
		var length uint32
		var der cryptobyte.String
		if !messages.ReadUint8(&kind) || !messages.ReadUint24(&length) {
			return nil
		}
		if kind != 11 {
			if !messages.Skip(int(length)) {
				return nil
			}
			continue
		}
		list := messages[:min(int(length), len(messages))]
		if !list.Skip(3) { // the length of the list, which fills the message
			return nil
		}
		var chain []*x509.Certificate
		for !list.Empty() && len(chain) < maxSent {
			if !list.ReadUint24LengthPrefixed(&der) {
				break
			}
			chain = append(chain, parseOrKeep(der))
		}
		return chain
	}
}

// maxSent bounds the certificates that are read from a handshake by hand.
const maxSent = 1000

// malformedProblems are those of the certificates that cannot be read.
func malformedProblems(chain []*x509.Certificate) []Problem {
	var out []Problem
	for i, c := range chain {
		if isDamaged(c) {
			out = append(out, Problem{Code: malformed, Certificate: i, Detail: fmt.Sprintf("certificate %d: %s", i, damage(c))})
		}
	}
	return out
}
