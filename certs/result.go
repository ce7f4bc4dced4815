package certs

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Code names one thing that is wrong with a chain. The codes are those of
// [Codes] and no others.
type Code string

const (
	expired            Code = "expired"
	notYetValid        Code = "not-yet-valid"
	nameMismatch       Code = "name-mismatch"
	untrustedRoot      Code = "untrusted-root"
	incompleteChain    Code = "incomplete-chain"
	selfSigned         Code = "self-signed"
	revoked            Code = "revoked"
	revocationUnknown  Code = "revocation-unknown"
	weakSignature      Code = "weak-signature"
	weakKey            Code = "weak-key"
	wrongUsage         Code = "wrong-usage"
	constraint         Code = "constraint-violation"
	unknownCritical    Code = "unknown-critical-extension"
	unsupportedSigning Code = "unsupported-signature"
	malformed          Code = "malformed"
)

// Codes returns every code a [Problem] can have, in the order in which the
// problems of one certificate are listed:
//
//	expired                     its notAfter is past
//	not-yet-valid               its notBefore is to come
//	name-mismatch               it does not name the server (RFC 6125)
//	untrusted-root              the chain ends at a root that is not trusted
//	incomplete-chain            the last issuer was neither sent nor is it trusted
//	self-signed                 the server's own certificate signed itself and is not trusted
//	revoked                     its issuer took it back
//	revocation-unknown          nobody could say whether it is revoked
//	weak-signature              signed with SHA-1 (see Result.WeakOnly) or MD5
//	weak-key                    the key is too short
//	wrong-usage                 its key usages do not allow a TLS server
//	constraint-violation        an issuer was not allowed to issue it (RFC 5280 section 6.1)
//	unknown-critical-extension  a critical extension that is not understood
//	unsupported-signature       an algorithm that Lync or this program does not read
//	malformed                   not a certificate, or damaged
//
// Verify asks nobody, so revoked and revocation-unknown come from
// [Authorities.Ask] alone.
func Codes() []Code {
	return []Code{
		expired, notYetValid, nameMismatch, untrustedRoot, incompleteChain, selfSigned, revoked, revocationUnknown,
		weakSignature, weakKey, wrongUsage, constraint, unknownCritical, unsupportedSigning, malformed,
	}
}

// Problem is one thing that is wrong with a chain.
type Problem struct {
	Code Code `json:"code"`
	// Detail says which certificate, what was expected and what was found.
	Detail string `json:"detail"`
	// Certificate is the index in Result.Chain; -1: none of those sent.
	Certificate int `json:"certificate"`
	// Warning marks a weakness that takes nothing from Result.Verified: clients
	// accept the chain today, or did so when Lync was current.
	Warning bool `json:"warning,omitempty"`
}

// Effect says what a client does about the problem: the Lync clients and the
// Windows services they rely on, and where they differ a browser. Sources: RFC
// 5280 section 6.1, and for revocation and weak algorithms what Microsoft says
// of Windows's chain engine.
func (p Problem) Effect() string {
	const refuse = "clients refuse the connection; Lync says no more than that it cannot sign in, a browser lets its user go on"
	switch p.Code {
	case incompleteChain:
		return "a client that lacks the missing certificate and does not fetch it refuses the connection"
	case revoked:
		return "clients that check revocation refuse the connection; others do not notice"
	case revocationUnknown:
		return "clients that check revocation wait for an answer, and then go on or refuse, as they are set"
	case weakKey:
		if p.Warning {
			return "clients take it today; Windows refuses RSA keys below 1024 bits"
		}
		return "Windows refuses RSA keys below 1024 bits"
	case weakSignature:
		return "Windows and the Lync clients take SHA-1, and refuse MD5; browsers and other programs refuse both"
	case unsupportedSigning:
		if p.Warning {
			return "Lync Server does not support it, so that signing in may fail; browsers take it"
		}
		return refuse
	case malformed:
		return "whoever cannot read or check it refuses the connection; Windows reads some encodings that RFC 5280 forbids and other programs refuse"
	}
	return refuse
}

// Certificate is what one certificate says of itself. Characters that cannot
// be printed are replaced by U+FFFD.
type Certificate struct {
	Subject     string    `json:"subject"` // distinguished name, RFC 2253
	Issuer      string    `json:"issuer"`  // distinguished name, RFC 2253
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	DNSNames    []string  `json:"dnsNames"`    // subject alternative names, A-labels
	IPAddresses []string  `json:"ipAddresses"` // subject alternative names
	// Thumbprint is the SHA-1 of the DER in upper-case hexadecimal without
	// separators, as Windows names a certificate.
	Thumbprint         string `json:"thumbprint"`
	SerialNumber       string `json:"serialNumber"`       // lower-case hexadecimal, whole bytes
	SignatureAlgorithm string `json:"signatureAlgorithm"` // as crypto/x509 writes it: SHA256-RSA
	KeyAlgorithm       string `json:"keyAlgorithm"`       // RSA, ECDSA, Ed25519, DSA; "" when unknown
	KeyBits            int    `json:"keyBits"`            // 0 when unknown
	SelfSigned         bool   `json:"selfSigned"`         // its own key made its signature
	IsCA               bool   `json:"isCA"`               // basic constraints say CA
	// KeyThumbprint is the SHA-256 of the public key with its algorithm, in
	// upper-case hexadecimal: two certificates with the same one have one key.
	KeyThumbprint string   `json:"keyThumbprint"`
	Usages        []string `json:"usages"`     // extended key usages: serverAuth, clientAuth and so on (RFC 5280 section 4.2.1.12), else the OID
	CRLs          []string `json:"crls"`       // addresses of revocation lists
	OCSP          []string `json:"ocsp"`       // addresses of OCSP responders
	IssuerURLs    []string `json:"issuerUrls"` // where its issuer's certificate is
}

// Result is what was seen of one chain, or of one TLS handshake. It holds
// nothing but values that survive JSON, so it can be recorded and judged later.
type Result struct {
	// ServerName is the name asked for; "" when none was.
	ServerName string `json:"serverName"`
	// Address is the other end; "" for a chain that came from no connection.
	Address     string `json:"address"`
	TLSVersion  string `json:"tlsVersion"`  // "TLS 1.2"; "" when not negotiated
	CipherSuite string `json:"cipherSuite"` // IANA name; "" when not negotiated
	ALPN        string `json:"alpn"`        // protocol the server chose; "" when none
	// Chain is the chain as sent, the server's certificate first.
	Chain []Certificate `json:"chain"`
	// Root is the subject of the trusted root that the chain leads to, sent or
	// not; "" when it leads to none, or when the root is not known.
	Root string `json:"root"`
	// Verified says that the chain leads to a trusted root, names the server,
	// and has no problem that is more than a warning. It is never true where the
	// handshake did not complete or where crypto/x509 refuses the chain, but for
	// one reason: name constraints for distinguished names, which crypto/x509
	// cannot check, are checked here. Nothing else may be wrong in its eyes.
	Verified bool `json:"verified"`
	// WeakOnly says that a chain is not verified for one reason, signatures with
	// SHA-1: each was checked up to a trusted root, and nothing else is wrong.
	// crypto/x509 has not taken them since Go 1.18. Windows does, and so do the
	// Lync clients: in 2017 only Edge and Internet Explorer stopped, and only
	// under public roots.
	WeakOnly bool `json:"weakOnly,omitempty"`
	// Problems are all that were found, by certificate, then by code.
	Problems []Problem `json:"problems"`
	// Handshake says why the handshake did not complete; nil when it did, or
	// when there was none.
	Handshake *Failure `json:"handshake,omitempty"`
	// OCSPStapled says that the server sent an OCSP response along.
	OCSPStapled bool `json:"ocspStapled"`
	// ClientCertificateRequested says that the server asked for a certificate
	// of the client. With TLS 1.3 a server that insists says so only after the
	// handshake, by an alert in place of its first answer (RFC 8446 section 4.4.2.4).
	ClientCertificateRequested bool          `json:"clientCertificateRequested"`
	Elapsed                    time.Duration `json:"elapsed"` // nanoseconds in JSON
	At                         time.Time     `json:"at"`      // start of the handshake, or the time verified at; UTC
}

// Err returns nil when the result is verified, and otherwise an error that
// wraps what net/http and crypto/tls would have returned. A failed handshake
// wraps [tls.AlertError], [tls.RecordHeaderError], [context.DeadlineExceeded],
// [context.Canceled], [syscall.ECONNRESET] or [io.EOF]. A chain that does not
// verify wraps [*tls.CertificateVerificationError], and in it
// [x509.HostnameError] when nothing but the name is wrong,
// [x509.UnknownAuthorityError] when no trusted root was reached, and
// [x509.CertificateInvalidError] otherwise. Certificates within these errors
// hold names and dates only, so that a recorded result gives the same error.
func (r *Result) Err() error {
	if r.Handshake != nil {
		return &resultError{text: "certs: TLS handshake" + r.with() + ": " + r.Handshake.String(), cause: r.Handshake.cause()}
	}
	if r.Verified {
		return nil
	}
	var reasons []string
	for _, p := range r.Problems {
		if !p.Warning {
			reasons = append(reasons, string(p.Code)+": "+p.Detail)
		}
	}
	return &resultError{
		text:  "certs: verify certificate" + r.with() + ": " + strings.Join(reasons, "; "),
		cause: &tls.CertificateVerificationError{Err: r.refusal()},
	}
}

func (r *Result) with() string {
	if r.ServerName == "" {
		return ""
	}
	return " of " + printable(r.ServerName)
}

// refusal is the crypto/x509 error for the problems found.
func (r *Result) refusal() error {
	var codes []Code
	for _, p := range r.Problems {
		if !p.Warning {
			codes = append(codes, p.Code)
		}
	}
	leaf := r.standIn()
	others := slices.DeleteFunc(slices.Clone(codes), func(c Code) bool { return c == nameMismatch })
	if len(codes) == 0 {
		return x509.CertificateInvalidError{Cert: leaf, Reason: x509.NoValidChains, Detail: "nothing was verified"}
	}
	if len(others) == 0 {
		return x509.HostnameError{Certificate: leaf, Host: r.ServerName}
	}
	for _, c := range others {
		if c == untrustedRoot || c == incompleteChain || c == selfSigned {
			return x509.UnknownAuthorityError{Cert: leaf}
		}
	}
	invalid := x509.CertificateInvalidError{Cert: leaf, Reason: x509.NoValidChains, Detail: string(others[0])}
	switch others[0] {
	case expired, notYetValid:
		invalid.Reason = x509.Expired
	case wrongUsage:
		invalid.Reason = x509.IncompatibleUsage
	case constraint:
		invalid.Reason = x509.CANotAuthorizedForThisName
	}
	return invalid
}

// standIn makes of the facts a certificate good enough for the error types of
// crypto/x509, which read names from it.
func (r *Result) standIn() *x509.Certificate {
	if len(r.Chain) == 0 {
		return &x509.Certificate{SerialNumber: new(big.Int)}
	}
	c := r.Chain[0]
	leaf := &x509.Certificate{
		SerialNumber: new(big.Int), Subject: pkix.Name{CommonName: c.Subject},
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, DNSNames: c.DNSNames,
	}
	for _, ip := range c.IPAddresses {
		leaf.IPAddresses = append(leaf.IPAddresses, net.ParseIP(ip))
	}
	return leaf
}

type resultError struct {
	text  string
	cause error
}

func (e *resultError) Error() string { return e.text }
func (e *resultError) Unwrap() error { return e.cause }

func describe(c *x509.Certificate) Certificate {
	out := Certificate{
		Subject:            printable(c.Subject.String()),
		Issuer:             printable(c.Issuer.String()),
		NotBefore:          c.NotBefore.UTC(),
		NotAfter:           c.NotAfter.UTC(),
		Thumbprint:         thumbprint(c),
		SignatureAlgorithm: signatureName(c),
		KeyBits:            keyBits(c),
		SelfSigned:         isSelfSigned(c),
		IsCA:               c.BasicConstraintsValid && c.IsCA,
	}
	if c.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
		out.KeyAlgorithm = c.PublicKeyAlgorithm.String()
	}
	if c.SerialNumber != nil {
		out.SerialNumber = hex.EncodeToString(c.SerialNumber.Bytes())
		if out.SerialNumber == "" {
			out.SerialNumber = "00"
		}
	}
	out.Usages = usages(c)
	key := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	out.KeyThumbprint = strings.ToUpper(hex.EncodeToString(key[:]))
	out.CRLs, out.OCSP, out.IssuerURLs = printables(c.CRLDistributionPoints), printables(c.OCSPServer), printables(c.IssuingCertificateURL)
	for _, n := range c.DNSNames {
		out.DNSNames = append(out.DNSNames, printable(n))
	}
	for _, ip := range c.IPAddresses {
		out.IPAddresses = append(out.IPAddresses, ip.String())
	}
	return out
}

func printables(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, printable(s))
	}
	return out
}

// usages are the extended key usages by the names of RFC 5280.
func usages(c *x509.Certificate) []string {
	names := map[x509.ExtKeyUsage]string{
		x509.ExtKeyUsageAny: "any", x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth", x509.ExtKeyUsageCodeSigning: "codeSigning",
		x509.ExtKeyUsageEmailProtection: "emailProtection", x509.ExtKeyUsageTimeStamping: "timeStamping", x509.ExtKeyUsageOCSPSigning: "OCSPSigning",
	}
	var list []string
	for _, u := range c.ExtKeyUsage {
		if name := names[u]; name != "" {
			list = append(list, name)
		} else {
			list = append(list, u.String())
		}
	}
	for _, id := range c.UnknownExtKeyUsage {
		list = append(list, id.String())
	}
	return list
}

// fetchedByBrowsers is said of an issuer that was fetched here, and of no other.
const fetchedByBrowsers = "browsers on Windows fetch it, so the page opens there"

// With is what the authorities say put over a result: their problems among the
// others, a proved incomplete chain in place of the one suspected, and Verified
// only if nothing of it is more than a warning. The result itself stays as it is.
func (r *Result) With(s *Standing) *Result {
	out := *r
	fetched := s != nil && len(s.Issuers) > 0
	out.Problems = slices.DeleteFunc(slices.Clone(r.Problems), func(p Problem) bool { return fetched && p.Code == incompleteChain })
	if s != nil {
		out.Problems = append(out.Problems, s.Problems...)
	}
	for i := range out.Problems {
		if p := &out.Problems[i]; p.Code == incompleteChain && !p.Warning && s != nil && s.Completed {
			p.Detail += "; " + fetchedByBrowsers
		}
	}
	sortProblems(out.Problems)
	bad := s != nil && slices.ContainsFunc(s.Problems, func(p Problem) bool { return !p.Warning })
	out.Verified, out.WeakOnly = r.Verified && !bad, r.WeakOnly && !bad
	return &out
}

func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func signatureName(c *x509.Certificate) string {
	if c.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		return "unknown"
	}
	return c.SignatureAlgorithm.String()
}

// printable replaces what could not be recorded in JSON without loss or would
// steer a terminal: a certificate's text is whatever its maker wrote.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// brief is printable text short enough for a sentence.
func brief(s string) string {
	const most = 200
	if len(s) > 4*most { // no need to look at all of a 60 kB name
		s = s[:4*most]
	}
	r := []rune(printable(s))
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most]) + "..."
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// enumerate writes the first few of a list that its maker may have made long.
func enumerate(list []string) string {
	const most = 10
	var b strings.Builder
	for i, s := range list {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(list)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(brief(s))
	}
	return b.String()
}
