package redact

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

// maxCertificates bounds those that are remembered; what comes after them is
// dropped.
const maxCertificates = 4096

func encodeBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func sha1Hex(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// certificateOf is RFC 5280 section 4.1, as far as it is written anew.
type certificateOf struct {
	TBS struct {
		Version    int `asn1:"optional,explicit,default:0,tag:0"`
		Serial     *big.Int
		Algorithm  asn1.RawValue
		Issuer     asn1.RawValue
		Validity   asn1.RawValue
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
	}
	Algorithm asn1.RawValue
	Signature asn1.BitString
}

// certificate returns one that stands for the given one: of the same validity,
// usage, algorithms and key length, with names that are replaced, a key that
// nobody has and a signature that nobody made. nil: it is none, or cannot be
// replaced.
func (r *Redactor) certificate(der []byte) []byte {
	sum := sha256Hex(der)
	if c, ok := r.certificates[sum]; ok {
		return c
	}
	c, err := x509.ParseCertificate(der)
	if err != nil || len(r.certificates) >= maxCertificates {
		return nil
	}
	var out certificateOf
	raw := func(b []byte) asn1.RawValue { return asn1.RawValue{FullBytes: b} }
	key := r.publicKey(c)
	algorithm := algorithmOf(der)
	issuer, subject := r.distinguished(c.RawIssuer), r.distinguished(c.RawSubject)
	if key == nil || algorithm == nil || issuer == nil || subject == nil {
		return nil
	}
	out.TBS.Version = c.Version - 1
	out.TBS.Serial = new(big.Int).SetBytes(append([]byte{1}, r.mac("serial", sum)[:15]...))
	out.TBS.Algorithm, out.Algorithm = raw(algorithm), raw(algorithm)
	out.TBS.Issuer, out.TBS.Subject, out.TBS.Key = raw(issuer), raw(subject), raw(key)
	out.TBS.Validity = raw(validityOf(c.RawTBSCertificate))
	for _, e := range c.Extensions {
		switch e.Id.String() {
		case "2.5.29.17": // subject alternative names
			if e.Value = r.alternativeNames(c); e.Value == nil {
				continue
			}
		case "2.5.29.15", "2.5.29.19", "2.5.29.37": // usages, constraints
		default:
			continue
		}
		out.TBS.Extensions = append(out.TBS.Extensions, e)
	}
	out.Signature = asn1.BitString{Bytes: r.stream256("signature", sum, len(c.Signature)), BitLength: 8 * len(c.Signature)}
	made, err := asn1.Marshal(out)
	if err != nil {
		return nil
	}
	again, err := x509.ParseCertificate(made)
	if err != nil {
		return nil
	}
	r.certificates[sum], r.certificates[sha256Hex(made)] = made, made
	for _, pair := range [...][2]string{
		{sha1Hex(der), sha1Hex(made)}, {sum, sha256Hex(made)}, {sha256Hex(c.RawSubjectPublicKeyInfo), sha256Hex(again.RawSubjectPublicKeyInfo)},
	} {
		r.thumbprints[pair[0]], r.thumbprints[pair[1]] = pair[1], pair[1]
	}
	return made
}

// stream256 is n bytes that are computed from a name.
func (r *Redactor) stream256(kind, name string, n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		out = append(out, r.mac(kind, name, strconv.Itoa(i))...)
	}
	return out[:n]
}

// The properties of a certificate as Windows keeps it in a store: each has its
// number, an encoding (1) and its length, and the certificate is the last.
const (
	propertyContainer = 2 // where its key is
	propertyAgreement = 5 // the same of a key that is negotiated
	propertyEncoded   = 32
)

// isStored reports whether a text begins with a property of a certificate.
func isStored(b []byte) bool {
	return len(b) >= 12 && b[2] == 0 && b[3] == 0 && string(b[4:8]) == "\x01\x00\x00\x00"
}

// stored replaces a certificate as Windows keeps it. Of its other properties it
// keeps that there is a key, not where; nil: it is none.
func (r *Redactor) stored(b []byte) []byte {
	var out []byte
	for isStored(b) {
		id, n := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint32(b[8:])
		if uint64(n) > uint64(len(b)-12) {
			return nil
		}
		data := b[12 : 12+n]
		b = b[12+n:]
		switch id {
		case propertyContainer, propertyAgreement:
			data = []byte("redacted")[:min(n, 8)]
		case propertyEncoded:
			if data = r.certificate(data); data == nil {
				return nil
			}
		default:
			continue
		}
		out = append(out, byte(id), 0, 0, 0, 1, 0, 0, 0)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(data))), data...)
		if id == propertyEncoded {
			return out
		}
	}
	return nil
}

// element copies a file of a store.
func (r *Redactor) element(dst *bufio.Writer, src io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(src, maxBlock+1))
	if err != nil {
		return err
	}
	r.mu.Lock()
	c := r.stored(b[:min(len(b), maxBlock)])
	r.mu.Unlock()
	if c == nil {
		return ErrBinary
	}
	if dst == nil {
		return nil
	}
	_, err = dst.Write(c)
	return err
}

// publicKey is a key of the same algorithm and length.
func (r *Redactor) publicKey(c *x509.Certificate) []byte {
	name := sha256Hex(c.RawSubjectPublicKeyInfo)
	var made any
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		b := r.stream256("key", name, k.Size())
		n := new(big.Int).SetBytes(b)
		n.SetBit(n, 0, 1)
		for n.BitLen() > k.N.BitLen() {
			n.SetBit(n, n.BitLen()-1, 0)
		}
		n.SetBit(n, k.N.BitLen()-1, 1)
		made = &rsa.PublicKey{N: n, E: k.E}
	case *ecdsa.PublicKey:
		curve, err := k.ECDH()
		if err != nil {
			return nil
		}
		size := (k.Params().BitSize + 7) / 8
		b := r.stream256("key", name, size)
		b[0] = 0 // below the order of the group
		private, err := curve.Curve().NewPrivateKey(b)
		if err != nil {
			return nil
		}
		made, err = ecdsa.ParseUncompressedPublicKey(k.Curve, private.PublicKey().Bytes())
		if err != nil {
			return nil
		}
	case ed25519.PublicKey:
		made = ed25519.NewKeyFromSeed(r.mac("key", name)).Public()
	}
	der, err := x509.MarshalPKIXPublicKey(made)
	if err != nil {
		return nil
	}
	return der
}

// algorithmOf is the AlgorithmIdentifier of a certificate's signature.
func algorithmOf(der []byte) []byte {
	var c struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return nil
	}
	return c.Algorithm.FullBytes
}

func validityOf(tbs []byte) []byte {
	var t struct {
		Version                              int `asn1:"optional,explicit,default:0,tag:0"`
		Serial                               *big.Int
		Algorithm, Issuer, Validity, Subject asn1.RawValue
		Key                                  asn1.RawValue
		Issuers, Subjects                    asn1.BitString `asn1:"optional"`
		Extensions                           asn1.RawValue  `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(tbs, &t); err != nil {
		return nil
	}
	return t.Validity.FullBytes
}

// distinguished replaces the values of a distinguished name.
func (r *Redactor) distinguished(raw []byte) []byte {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &name); err != nil || len(rest) > 0 {
		return nil
	}
	scan := &scanner{Redactor: r}
	for i := range name {
		for j := range name[i] {
			a := &name[i][j]
			value, ok := a.Value.(string)
			if !ok {
				a.Value = "redacted"
				continue
			}
			switch kind := a.Type.String(); kind {
			case "2.5.4.6": // country
			case "0.9.2342.19200300.100.1.25": // domain component: labels of one domain
				a.Value = r.component(value)
			case "1.2.840.113549.1.9.1":
				a.Value = r.text(value)
			default:
				attribute := "O"
				if kind == "2.5.4.3" {
					attribute = "CN"
				}
				a.Value = string(scan.dnWords(nil, []byte(value), attribute))
			}
		}
	}
	der, err := asn1.Marshal(name)
	if err != nil {
		return nil
	}
	return der
}

// component replaces one label.
func (r *Redactor) component(label string) string {
	low := strings.ToLower(label)
	if topLevel()[low] {
		return label
	}
	return r.pseudonym(host, low)
}

// alternativeNames is the extension with the names of a certificate replaced.
func (r *Redactor) alternativeNames(c *x509.Certificate) []byte {
	var names []asn1.RawValue
	add := func(tag int, b []byte) {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: b})
	}
	for _, n := range c.EmailAddresses {
		add(1, []byte(r.text(n)))
	}
	for _, n := range c.DNSNames {
		star := ""
		if strings.HasPrefix(n, "*.") {
			star, n = "*.", n[2:]
		}
		add(2, []byte(star+r.host(n)))
	}
	for _, u := range c.URIs {
		add(6, []byte(r.text(u.String())))
	}
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			add(7, r.address(a.Unmap()).AsSlice())
		}
	}
	if len(names) == 0 {
		return nil
	}
	der, err := asn1.Marshal(names)
	if err != nil {
		return nil
	}
	return der
}
