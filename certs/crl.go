package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// crl is a revocation list (RFC 5280 section 5). Its entries stay as they came
// and are walked through for each question: a list may have a million.
type crl struct {
	raw, signature []byte // what is signed, and the signature
	algorithm      x509.SignatureAlgorithm
	issuer         []byte // DER of the name
	thisUpdate     time.Time
	nextUpdate     time.Time // zero: the list does not say
	entries        cryptobyte.String
	number, base   *big.Int // nil: none; base: it is a delta to that number
	point          *issuingPoint
	critical       []string // extensions that are not understood
}

// issuingPoint is the scope of a list (RFC 5280 section 5.2.5).
type issuingPoint struct {
	raw                                    []byte
	names                                  [][]byte // DER of the general names; nil: not limited to a point
	userOnly, authorityOnly, attributeOnly bool
	indirect                               bool
	reasons                                reasons
}

// distributionPoint is where a certificate says that its status is to be found
// (RFC 5280 section 4.2.1.13).
type distributionPoint struct {
	names   [][]byte // DER of the general names
	issuers [][]byte // names of those who issue the list; nil: the certificate's issuer
	reasons reasons
	urls    []string
}

// reasons are bits of RFC 5280's ReasonFlags.
type reasons uint16

const allReasons reasons = 0x1ff

var (
	oidCRLNumber          = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidReasonCode         = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidInvalidityDate     = asn1.ObjectIdentifier{2, 5, 29, 24}
	oidDeltaCRLIndicator  = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingPoint       = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidCertificateIssuer  = asn1.ObjectIdentifier{2, 5, 29, 29}
	oidDistributionPoints = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidAuthorityKeyID     = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidFreshestCRL        = asn1.ObjectIdentifier{2, 5, 29, 46}
)

var errCRL = errors.New("it is not a certificate revocation list")

// parseCRL reads a list in DER.
func parseCRL(der []byte) (*crl, error) {
	var outer, tbs, entries cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&outer, cryptobyte_asn1.SEQUENCE) || !input.Empty() {
		return nil, errCRL
	}
	list := &crl{}
	var raw, algorithm cryptobyte.String
	if !outer.ReadASN1Element(&raw, cryptobyte_asn1.SEQUENCE) || !outer.ReadASN1Element(&algorithm, cryptobyte_asn1.SEQUENCE) ||
		!outer.ReadASN1BitStringAsBytes(&list.signature) || !outer.Empty() {
		return nil, errCRL
	}
	list.raw, tbs = raw, raw
	if !tbs.ReadASN1(&tbs, cryptobyte_asn1.SEQUENCE) {
		return nil, errCRL
	}
	// crypto/x509 reads a list with all its entries, so it gets one without.
	head := slices.Clone([]byte(tbs))
	var skip cryptobyte.String
	tbs.SkipOptionalASN1(cryptobyte_asn1.INTEGER)
	for range 2 { // the algorithm and the issuer
		if !tbs.SkipASN1(cryptobyte_asn1.SEQUENCE) {
			return nil, errCRL
		}
	}
	if !readTime(&tbs, &skip) {
		return nil, errCRL
	}
	if tbs.PeekASN1Tag(cryptobyte_asn1.UTCTime) || tbs.PeekASN1Tag(cryptobyte_asn1.GeneralizedTime) {
		if !readTime(&tbs, &skip) {
			return nil, errCRL
		}
	}
	before := len(head) - len(tbs)
	if tbs.PeekASN1Tag(cryptobyte_asn1.SEQUENCE) && !tbs.ReadASN1(&entries, cryptobyte_asn1.SEQUENCE) {
		return nil, errCRL
	}
	list.entries = entries

	var b cryptobyte.Builder
	b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(head[:before])
			b.AddBytes(tbs)
		})
		b.AddBytes(algorithm)
		b.AddASN1BitString(list.signature)
	})
	without, err := b.Bytes()
	if err != nil {
		return nil, errCRL
	}
	parsed, err := x509.ParseRevocationList(without)
	if err != nil {
		return nil, fmt.Errorf("the revocation list cannot be read: %w", err)
	}
	list.algorithm, list.issuer = parsed.SignatureAlgorithm, parsed.RawIssuer
	list.thisUpdate, list.nextUpdate, list.number = parsed.ThisUpdate, parsed.NextUpdate, parsed.Number
	for _, e := range parsed.Extensions {
		value := cryptobyte.String(e.Value)
		switch {
		case e.Id.Equal(oidIssuingPoint):
			if list.point, err = parseIssuingPoint(e.Value); err != nil {
				return nil, err
			}
		case e.Id.Equal(oidDeltaCRLIndicator):
			list.base = new(big.Int)
			if !value.ReadASN1Integer(list.base) {
				return nil, errCRL
			}
		case e.Id.Equal(oidCRLNumber), e.Id.Equal(oidAuthorityKeyID), e.Id.Equal(oidFreshestCRL):
		case e.Critical:
			list.critical = append(list.critical, e.Id.String())
		}
	}
	return list, nil
}

// readTime passes over a time, and any element of the kind.
func readTime(s, out *cryptobyte.String) bool {
	var tag cryptobyte_asn1.Tag
	return s.ReadAnyASN1(out, &tag) && (tag == cryptobyte_asn1.UTCTime || tag == cryptobyte_asn1.GeneralizedTime)
}

func tagged(n uint8) cryptobyte_asn1.Tag { return cryptobyte_asn1.Tag(n).ContextSpecific() }

func parseIssuingPoint(der []byte) (*issuingPoint, error) {
	p := &issuingPoint{raw: der, reasons: allReasons}
	s := cryptobyte.String(der)
	if !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) {
		return nil, errCRL
	}
	var name cryptobyte.String
	var has bool
	if !s.ReadOptionalASN1(&name, &has, tagged(0).Constructed()) {
		return nil, errCRL
	}
	if has {
		// A name relative to the issuer's is kept as it is: it is compared only
		// with one made the same way.
		var ok bool
		if p.names, _, ok = pointNames(name); !ok {
			return nil, errCRL
		}
	}
	flag := func(n uint8, to *bool) bool {
		var value cryptobyte.String
		var present bool
		if !s.ReadOptionalASN1(&value, &present, tagged(n)) {
			return false
		}
		*to = present && len(value) == 1 && value[0] != 0
		return true
	}
	if !flag(1, &p.userOnly) || !flag(2, &p.authorityOnly) || !readReasons(&s, 3, &p.reasons) || !flag(4, &p.indirect) || !flag(5, &p.attributeOnly) {
		return nil, errCRL
	}
	return p, nil
}

// readReasons reads ReasonFlags, all of them when there are none.
func readReasons(s *cryptobyte.String, n uint8, to *reasons) bool {
	var value cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&value, &present, tagged(n)) {
		return false
	}
	*to = allReasons
	if present {
		if len(value) < 2 {
			return false
		}
		*to = 0
		for i := range 9 { // bit 0 is not used
			if i/8 < len(value)-1 && value[1+i/8]&(0x80>>(i%8)) != 0 {
				*to |= 1 << i
			}
		}
	}
	return true
}

// pointNames reads a DistributionPointName: full names in DER, or one relative
// to the issuer's, marked by its own tag.
func pointNames(name cryptobyte.String) (names [][]byte, urls []string, ok bool) {
	var full, relative, element cryptobyte.String
	if name.PeekASN1Tag(tagged(1).Constructed()) {
		if !name.ReadASN1Element(&relative, tagged(1).Constructed()) {
			return nil, nil, false
		}
		return [][]byte{relative}, nil, true
	}
	if !name.ReadASN1(&full, tagged(0).Constructed()) {
		return nil, nil, false
	}
	for !full.Empty() {
		var tag cryptobyte_asn1.Tag
		if !full.ReadAnyASN1Element(&element, &tag) {
			return nil, nil, false
		}
		names = append(names, element)
		if tag == tagged(6) {
			inner := element
			if inner.ReadASN1(&inner, tag) {
				urls = append(urls, string(inner))
			}
		}
	}
	return names, urls, true
}

// distributionPoints reads the extension of a certificate; without one there is
// a single point, its issuer.
func distributionPoints(c *x509.Certificate) []distributionPoint {
	var list []distributionPoint
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidDistributionPoints) {
			continue
		}
		s := cryptobyte.String(e.Value)
		if !s.ReadASN1(&s, cryptobyte_asn1.SEQUENCE) {
			break
		}
		for !s.Empty() {
			var point, name, issuer cryptobyte.String
			var hasName, hasIssuer bool
			p := distributionPoint{}
			if !s.ReadASN1(&point, cryptobyte_asn1.SEQUENCE) || !point.ReadOptionalASN1(&name, &hasName, tagged(0).Constructed()) || !readReasons(&point, 1, &p.reasons) ||
				!point.ReadOptionalASN1(&issuer, &hasIssuer, tagged(2).Constructed()) {
				break
			}
			if hasName {
				p.names, p.urls, _ = pointNames(name)
			}
			for hasIssuer && !issuer.Empty() {
				var general cryptobyte.String
				var tag cryptobyte_asn1.Tag
				if !issuer.ReadAnyASN1(&general, &tag) {
					break
				}
				if tag == tagged(4).Constructed() {
					p.issuers = append(p.issuers, general)
				}
			}
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		list = []distributionPoint{{reasons: allReasons}}
	}
	return list
}

// covers reports whether a list is one that a distribution point of a
// certificate means (RFC 5280 section 6.3.3 (b) and (d)), and for what reasons
// it is complete.
func (l *crl) covers(c *x509.Certificate, p distributionPoint) (reasons, bool) {
	if p.issuers != nil {
		named := slices.ContainsFunc(p.issuers, func(n []byte) bool { return bytes.Equal(n, l.issuer) })
		if !named || l.point == nil || !l.point.indirect {
			// The issuer may name itself (RFC 5280 section 4.2.1.13 says it should not).
			if !named || !bytes.Equal(l.issuer, c.RawIssuer) {
				return 0, false
			}
		}
	} else if !bytes.Equal(l.issuer, c.RawIssuer) {
		return 0, false
	}
	if l.point == nil {
		return p.reasons, true
	}
	authority := c.BasicConstraintsValid && c.IsCA
	if l.point.attributeOnly || l.point.userOnly && authority || l.point.authorityOnly && !authority {
		return 0, false
	}
	if l.point.names != nil {
		var wanted [][]byte
		switch {
		case p.names != nil:
			wanted = p.names
		case p.issuers != nil:
			for _, n := range p.issuers {
				wanted = append(wanted, directoryName(n))
			}
		default:
			wanted = [][]byte{directoryName(c.RawIssuer)}
		}
		issuer := l.issuer
		match := slices.ContainsFunc(absolute(wanted, firstOr(p.issuers, c.RawIssuer)), func(n []byte) bool {
			return slices.ContainsFunc(absolute(l.point.names, issuer), func(m []byte) bool { return bytes.Equal(n, m) })
		})
		if !match {
			return 0, false
		}
	}
	return p.reasons & l.point.reasons, true
}

func firstOr(list [][]byte, other []byte) []byte {
	if len(list) > 0 {
		return list[0]
	}
	return other
}

// directoryName is a name as a general name in DER.
func directoryName(name []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tagged(4).Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(name) })
	return b.BytesOrPanic()
}

// absolute puts a name relative to an issuer behind the issuer's.
func absolute(names [][]byte, issuer []byte) [][]byte {
	out := make([][]byte, len(names))
	for i, n := range names {
		out[i] = n
		s, whole := cryptobyte.String(n), cryptobyte.String(issuer)
		if s.PeekASN1Tag(tagged(1).Constructed()) && s.ReadASN1(&s, tagged(1).Constructed()) && whole.ReadASN1(&whole, cryptobyte_asn1.SEQUENCE) {
			var b cryptobyte.Builder
			b.AddASN1(tagged(4).Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddBytes(whole)
					b.AddASN1(cryptobyte_asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(s) })
				})
			})
			if joined, err := b.Bytes(); err == nil {
				out[i] = joined
			}
		}
	}
	return out
}

// crlEntry is what a list says of one certificate.
type crlEntry struct {
	at      time.Time
	reason  int      // CRLReason; 0: unspecified
	unknown []string // critical extensions that are not understood
}

// find looks a certificate up; nil: the list does not have it.
func (l *crl) find(c *x509.Certificate) (*crlEntry, error) {
	issuer := l.issuer
	serial := c.SerialNumber.Bytes()
	for rest := l.entries; !rest.Empty(); {
		var entry, number, when cryptobyte.String
		if !rest.ReadASN1(&entry, cryptobyte_asn1.SEQUENCE) || !entry.ReadASN1(&number, cryptobyte_asn1.INTEGER) {
			return nil, errCRL
		}
		// A negative number has its first bit set, and no certificate that can be read has one.
		found := len(number) > 0 && number[0]&0x80 == 0 && bytes.Equal(bytes.TrimLeft(number, "\x00"), serial)
		if !found && (l.point == nil || !l.point.indirect) {
			continue
		}
		e := &crlEntry{}
		var extensions cryptobyte.String
		var tag cryptobyte_asn1.Tag
		if !entry.ReadAnyASN1Element(&when, &tag) {
			return nil, errCRL
		}
		if _, err := asn1.Unmarshal(when, &e.at); err != nil {
			return nil, errCRL
		}
		if !entry.Empty() && !entry.ReadASN1(&extensions, cryptobyte_asn1.SEQUENCE) {
			return nil, errCRL
		}
		for !extensions.Empty() {
			var extension, value cryptobyte.String
			var id asn1.ObjectIdentifier
			var critical bool
			if !extensions.ReadASN1(&extension, cryptobyte_asn1.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&id) ||
				extension.PeekASN1Tag(cryptobyte_asn1.BOOLEAN) && !extension.ReadASN1Boolean(&critical) || !extension.ReadASN1(&value, cryptobyte_asn1.OCTET_STRING) {
				return nil, errCRL
			}
			switch {
			case id.Equal(oidReasonCode):
				if !value.ReadASN1Enum(&e.reason) {
					return nil, errCRL
				}
			case id.Equal(oidCertificateIssuer):
				var names, name cryptobyte.String
				if !value.ReadASN1(&names, cryptobyte_asn1.SEQUENCE) || !names.ReadASN1(&name, tagged(4).Constructed()) {
					return nil, errCRL
				}
				issuer = name // of this entry, and of those that follow
			case id.Equal(oidInvalidityDate):
			case critical:
				e.unknown = append(e.unknown, id.String())
			}
		}
		if found && bytes.Equal(issuer, c.RawIssuer) {
			return e, nil
		}
	}
	return nil, nil
}

// reasonName is RFC 5280's word for a CRLReason.
func reasonName(n int) string {
	names := []string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}
	if n < 0 || n >= len(names) || names[n] == "" {
		return fmt.Sprintf("reason %d", n)
	}
	return names[n]
}

const (
	certificateHold = 6
	removeFromCRL   = 8
)

// sameScope reports whether a delta list belongs to a complete one (RFC 5280
// section 6.3.3 (c)).
func (l *crl) sameScope(delta *crl) bool {
	if !bytes.Equal(l.issuer, delta.issuer) || (l.point == nil) != (delta.point == nil) || l.point != nil && !bytes.Equal(l.point.raw, delta.point.raw) {
		return false
	}
	return l.number != nil && delta.number != nil && delta.base != nil && l.number.Cmp(delta.base) >= 0 && l.number.Cmp(delta.number) <= 0
}
