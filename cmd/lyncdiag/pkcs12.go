package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"
)

// personalExchange is the outside of a PKCS #12 file (RFC 7292 section 4).
type personalExchange struct {
	Version int
	Safe    contentInfo
	MAC     messageCode `asn1:"optional"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

type messageCode struct {
	Digest struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Salt       []byte
	Iterations int `asn1:"optional,default:1"`
}

type keyBag struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"tag:0,explicit"`
}

var (
	oidData   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidKeyBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
)

var errNoMAC = errors.New("it has no MAC (openssl's -nomac), so that nobody can tell whether its password or its content is right: export it again with one")

// exchanged reads the outside of a PKCS #12 file; ok is false for anything else.
func exchanged(b []byte) (outside personalExchange, ok bool) {
	rest, err := asn1.Unmarshal(b, &outside)
	return outside, err == nil && len(rest) == 0 && outside.Version == 3 && outside.Safe.Type.Equal(oidData)
}

// withoutKey reads the certificates of a PKCS #12 file that holds no key, which
// the package reads with a key only. Each part of it is put beside a key that
// everybody knows, under a MAC of its own: the file's has been checked by now.
func withoutKey(b []byte, password string) (list []*x509.Certificate, err error) {
	outside, ok := exchanged(b)
	if !ok {
		return nil, errors.New("the file is damaged")
	}
	var octets []byte
	var parts []asn1.RawValue
	if _, err = asn1.Unmarshal(outside.Safe.Content.Bytes, &octets); err == nil {
		_, err = asn1.Unmarshal(octets, &parts)
	}
	if err != nil {
		return nil, errors.New("the file is damaged")
	}
	key, err := knownKey()
	if err != nil {
		return nil, err
	}
	// An empty password is one of two zero bytes, or of none.
	passwords := [][]byte{bmp(password)}
	if password == "" {
		passwords = append(passwords, nil)
	}
	for _, part := range parts {
		for _, p := range passwords {
			again, rebuilt := rebuild(part.FullBytes, key, p)
			if rebuilt != nil {
				return nil, rebuilt
			}
			_, leaf, others, failed := pkcs12.DecodeChain(again, password)
			if err = failed; err == nil {
				list = append(append(list, leaf), others...)
				break
			}
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it holds no certificate")
	}
	return list, nil
}

// knownKey is a part of a file: a key, not encrypted.
func knownKey() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		return nil, err
	}
	bags, err := asn1.Marshal([]keyBag{{oidKeyBag, asn1.RawValue{FullBytes: explicit(der)}}})
	if err != nil {
		return nil, err
	}
	return plainInfo(bags)
}

// explicit is a value behind the tag [0].
func explicit(der []byte) []byte {
	b, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der})
	if err != nil {
		return nil // it has no form that cannot be written
	}
	return b
}

// plainInfo is content of type data.
func plainInfo(content []byte) ([]byte, error) {
	octets, err := asn1.Marshal(content)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(contentInfo{oidData, asn1.RawValue{FullBytes: explicit(octets)}})
}

// rebuild is a file of two parts. Its MAC takes one round of SHA-1, of which the
// derivation in RFC 7292 appendix B.2 is one hash.
func rebuild(part, key, password []byte) ([]byte, error) {
	content, err := asn1.Marshal([]asn1.RawValue{{FullBytes: part}, {FullBytes: key}})
	if err != nil {
		return nil, err
	}
	info, err := plainInfo(content)
	if err != nil {
		return nil, err
	}
	salt := []byte("lyncdiag")
	derived := sha1.Sum(slices.Concat(bytes.Repeat([]byte{3}, sha1.BlockSize), fill(salt), fill(password)))
	mac := hmac.New(sha1.New, derived[:])
	mac.Write(content)
	code := messageCode{Salt: salt, Iterations: 1}
	code.Digest.Algorithm = pkix.AlgorithmIdentifier{Algorithm: oidSHA1, Parameters: asn1.NullRawValue}
	code.Digest.Digest = mac.Sum(nil)
	return asn1.Marshal(struct {
		Version int
		Safe    asn1.RawValue
		MAC     messageCode
	}{3, asn1.RawValue{FullBytes: info}, code})
}

// fill repeats bytes up to whole blocks.
func fill(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	n := (len(b) + sha1.BlockSize - 1) / sha1.BlockSize * sha1.BlockSize
	return bytes.Repeat(b, n/len(b)+1)[:n]
}

// bmp is a password as PKCS #12 takes it: UTF-16, big endian, with a zero at its end.
func bmp(password string) []byte {
	var out []byte
	for _, r := range append(utf16.Encode([]rune(password)), 0) {
		out = append(out, byte(r>>8), byte(r))
	}
	return out
}
