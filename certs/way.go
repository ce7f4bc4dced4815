package certs

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"
)

// way is one path from the server's certificate towards a root, and all that
// is wrong with it.
type way struct {
	anchor
	certs    []*x509.Certificate // ends with the root when that is known
	problems []Problem
	weakOnly bool // see Result.WeakOnly
}

// fatal counts the problems that are more than warnings.
func (w *way) fatal() int {
	n := 0
	for _, p := range w.problems {
		if !p.Warning {
			n++
		}
	}
	return n
}

// weak counts those that are signatures with SHA-1.
func (w *way) weak() int {
	n := 0
	for _, p := range w.problems {
		if p.Code == weakSignature && slices.ContainsFunc(w.certs, func(c *x509.Certificate) bool { return isSHA1(c.SignatureAlgorithm) }) {
			n++
		}
	}
	return n
}

func (w *way) add(more ...Problem) {
	w.problems = append(w.problems, more...)
	sortProblems(w.problems)
}

func sortProblems(list []Problem) {
	order := Codes()
	compare := func(a, b Problem) int {
		// What belongs to no certificate sent comes last: it is the far end.
		return cmp.Or(cmp.Compare(uint(a.Certificate), uint(b.Certificate)),
			cmp.Compare(slices.Index(order, a.Code), slices.Index(order, b.Code)))
	}
	sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}

// consider judges a path and keeps it if it is the best so far. The order does
// not depend on the order in which the certificates were sent.
func (s *search) consider(certs []*x509.Certificate, a anchor) {
	if a.root != nil && !a.root.Equal(certs[len(certs)-1]) {
		certs = append(certs[:len(certs):len(certs)], a.root)
	}
	w := &way{anchor: a, certs: certs}
	w.add(s.judge(w)...)
	if s.best == nil || compareWays(w, s.best) < 0 {
		s.best = w
	}
}

func compareWays(a, b *way) int {
	if a.trusted != b.trusted {
		if a.trusted {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.fatal(), b.fatal()),
		cmp.Compare(len(a.problems), len(b.problems)),
		cmp.Compare(len(a.certs), len(b.certs)),
		slices.CompareFunc(a.certs, b.certs, func(x, y *x509.Certificate) int { return bytes.Compare(x.Raw, y.Raw) }),
	)
}

func (s *search) judge(w *way) []Problem {
	var out []Problem
	for k, c := range w.certs {
		add := func(code Code, warning bool, format string, args ...any) {
			detail := s.who(c) + " " + fmt.Sprintf(format, args...)
			out = append(out, Problem{Code: code, Detail: detail, Certificate: s.index(c), Warning: warning})
		}
		s.judgeTime(c, add)
		s.judgeUsage(c, k, add)
		s.judgeKey(c, k, add)
		// Nothing rests on the signature of a root: trust in it, or distrust,
		// has another ground.
		if !(w.root != nil && c.Equal(w.root)) && !(k > 0 && s.isSelfSigned(c)) {
			judgeSignature(c, add)
		}
		if k > 0 {
			judgeIssuer(c, k, add)
		}
		if !handled(c) {
			ids := make([]string, len(c.UnhandledCriticalExtensions))
			for i, id := range c.UnhandledCriticalExtensions {
				ids[i] = id.String()
				if ids[i] == "2.5.29.30" {
					ids[i] += " (name constraints of a form that is not checked)"
				}
			}
			add(unknownCritical, false, "has critical extensions that are not understood here, so it must be refused (RFC 5280 section 4.2): %s", enumerate(ids))
		}
	}
	out = append(out, s.naming...)
	out = append(out, s.judgeNames(w)...)
	out = append(out, s.judgeSent(w)...)
	if !w.trusted {
		for _, p := range s.judgeTrust(w) {
			// A signature that could not be checked is more than a weak one.
			out = slices.DeleteFunc(out, func(q Problem) bool { return q.Code == p.Code && q.Certificate == p.Certificate })
			out = append(out, p)
		}
	}
	return out
}

// judgeSent names the intermediate certificates that a trusted way has and the
// server did not send: they were at hand, or Windows or macOS had or fetched them.
func (s *search) judgeSent(w *way) (out []Problem) {
	for k := 1; w.trusted && k < len(w.certs); k++ {
		if c := w.certs[k]; s.index(c) < 0 && !(w.root != nil && c.Equal(w.root)) {
			had := "it was at hand here"
			if s.v.Roots == nil && slices.Contains([]string{"windows", "darwin", "ios"}, runtime.GOOS) {
				had = "the system had it or fetched it"
			}
			out = append(out, Problem{Code: incompleteChain, Certificate: s.index(w.certs[k-1]), Warning: true,
				Detail: fmt.Sprintf("the issuer of %s, %s, was not sent; %s, and a computer that lacks it cannot complete the chain", s.who(w.certs[k-1]), brief(c.Subject.String()), had)})
		}
	}
	return out
}

type adder func(code Code, warning bool, format string, args ...any)

// days writes a duration in whole days.
func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

func (s *search) judgeTime(c *x509.Certificate, add adder) {
	if s.at.Before(c.NotBefore) {
		add(notYetValid, false, "is valid from %s on, and it is %s now", stamp(c.NotBefore), stamp(s.at))
	}
	if s.at.After(c.NotAfter) {
		add(expired, false, "expired at %s, and it is %s now (%s later)", stamp(c.NotAfter), stamp(s.at), days(s.at.Sub(c.NotAfter)))
	}
}

// judgeUsage checks RFC 5280 section 4.2.1.12, for issuers as well, as all
// verifiers in use do, and section 4.2.1.3 for the server's own certificate.
func (s *search) judgeUsage(c *x509.Certificate, k int, add adder) {
	limited := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
	allowed := slices.Contains(c.ExtKeyUsage, s.v.usage()) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
	if limited && !allowed {
		wanted := "Server Authentication (1.3.6.1.5.5.7.3.1)"
		switch u := s.v.usage(); u {
		case x509.ExtKeyUsageServerAuth:
		case x509.ExtKeyUsageClientAuth:
			wanted = "Client Authentication (1.3.6.1.5.5.7.3.2)"
		default:
			wanted = u.String()
		}
		add(wrongUsage, false, "is limited to uses that do not include %s", wanted)
		return
	}
	const forTLS = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement
	if k == 0 && s.v.usage() == x509.ExtKeyUsageServerAuth && c.KeyUsage != 0 && c.KeyUsage&forTLS == 0 {
		add(wrongUsage, false, "has a key usage without digitalSignature, keyEncipherment and keyAgreement; a TLS server needs one of them")
	}
}

func (s *search) judgeKey(c *x509.Certificate, k int, add adder) {
	bits := keyBits(c)
	if c.PublicKeyAlgorithm == x509.RSA && bits < s.v.minRSABits() {
		// A signature by a key that cannot be used proves nothing.
		add(weakKey, k == 0 || bits >= minCheckedRSABits, "has an RSA key of %d bits; expected %d or more", bits, s.v.minRSABits())
	}
	if c.PublicKeyAlgorithm == x509.ECDSA && bits < 256 {
		add(weakKey, true, "has an elliptic curve key of %d bits; expected 256 or more", bits)
	}
	if tooLong(c) {
		add(unsupportedSigning, false, "has an RSA key of %d bits; more than %d are not used here", bits, maxRSABits)
	}
}

func judgeSignature(c *x509.Certificate, add adder) {
	algorithm := signatureName(c)
	if isInsecure(c.SignatureAlgorithm) {
		taken := "nothing in use takes it"
		if isSHA1(c.SignatureAlgorithm) {
			taken = "Windows and the Lync clients take it, current browsers and other programs do not"
		}
		add(weakSignature, false, "is signed with %s, which can be forged; expected SHA-256 or better; %s", algorithm, taken)
	}
	if isUnreadable(c.SignatureAlgorithm) {
		add(unsupportedSigning, false, "is signed with an algorithm that is not supported here (%s), so the signature was not checked", algorithm)
	}
	if isPSS(c.SignatureAlgorithm) {
		add(unsupportedSigning, true, "is signed with RSASSA-PSS (%s), which Lync Server does not support and signing in may fail with; expected PKCS #1 v1.5", algorithm)
	}
}

// judgeIssuer checks RFC 5280 section 6.1.4 (k) to (n) for the certificate k
// steps above the server's.
func judgeIssuer(c *x509.Certificate, k int, add adder) {
	if c.Version == 3 && !c.BasicConstraintsValid || c.BasicConstraintsValid && !c.IsCA {
		add(constraint, false, "is used as an issuer but is not a certification authority by its basic constraints")
	}
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		add(constraint, false, "is used as an issuer but has a key usage without keyCertSign")
	}
	// crypto/x509 counts self-issued certificates too, and its word counts.
	if below := k - 1; c.BasicConstraintsValid && c.MaxPathLen >= 0 && below > c.MaxPathLen {
		add(constraint, false, "allows %d certification authorities below itself, and there are %d", c.MaxPathLen, below)
	}
}

func (s *search) judgeName() []Problem {
	leaf := s.chain[0]
	if s.name == "" || leaf.VerifyHostname(s.name) == nil {
		return nil
	}
	var found string
	switch {
	case net.ParseIP(strings.Trim(s.name, "[]")) != nil && len(leaf.IPAddresses) == 0:
		found = "no IP address"
	case net.ParseIP(strings.Trim(s.name, "[]")) != nil:
		var list []string
		for _, ip := range leaf.IPAddresses {
			list = append(list, ip.String())
		}
		found = enumerate(list)
	case len(leaf.DNSNames) > 0:
		found = enumerate(leaf.DNSNames)
	default:
		found = "no DNS name among its subject alternative names"
	}
	detail := fmt.Sprintf("%s does not name %s; it names %s", s.who(leaf), brief(s.name), found)
	if byCommonName := (&x509.Certificate{DNSNames: []string{leaf.Subject.CommonName}}); byCommonName.VerifyHostname(s.name) == nil {
		detail = fmt.Sprintf("only the common name of %s matches %s, which clients of Lync's time accept where there is no subject alternative name and current ones do not; it names %s", s.who(leaf), brief(s.name), found)
	}
	if strings.ContainsFunc(s.name, func(r rune) bool { return r > 127 }) {
		detail += "; certificates hold international names as A-labels (xn--), and so must the name asked for"
	}
	if i := slices.IndexFunc(s.chain, func(c *x509.Certificate) bool { return c.VerifyHostname(s.name) == nil }); i > 0 {
		detail += fmt.Sprintf("; certificate %d of the chain does, but a server's own certificate must be sent first", i)
	}
	return []Problem{{Code: nameMismatch, Detail: detail, Certificate: 0}}
}

// judgeTrust says why a path that reaches no root ends where it does.
func (s *search) judgeTrust(w *way) []Problem {
	top := w.certs[len(w.certs)-1]
	problem := func(code Code, format string, args ...any) []Problem {
		return []Problem{{Code: code, Detail: fmt.Sprintf(format, args...), Certificate: s.index(top)}}
	}
	issuer := brief(top.Issuer.String())
	switch {
	case s.isSelfSigned(top) && len(w.certs) == 1:
		return problem(selfSigned, "%s is signed with its own key and is not trusted here", s.who(top))
	case s.isSelfSigned(top):
		return problem(untrustedRoot, "the chain ends at the root %s (%s), which is not trusted here", brief(top.Subject.String()), thumbprint(top))
	case w.namesake != nil && isInsecure(top.SignatureAlgorithm):
		// crypto/x509 looks no further than the algorithm, and the root was not
		// neither sent nor given: nothing speaks against the root, and nothing
		// proves that it made the signature.
		return problem(weakSignature, "the signature of %s, with %s, could not be checked: its issuer, %s, was not sent and is only known to be trusted by its name", s.who(top), signatureName(top), issuer)
	case w.namesake != nil:
		return problem(untrustedRoot, "the issuer of %s has the name of a trusted root, %s, but that root was refused: %s", s.who(top), issuer, brief(w.namesake.Error()))
	}
	namesakes := s.bySubject[string(top.RawIssuer)]
	for _, i := range namesakes {
		if c := s.known[i]; c != top && len(c.SubjectKeyId) > 0 && bytes.Equal(c.SubjectKeyId, top.AuthorityKeyId) {
			return problem(malformed, "the signature of %s does not verify with the key of its issuer, %s: it was altered or damaged", s.who(top), s.who(c))
		}
	}
	detail := fmt.Sprintf("the issuer of %s, %s, was neither sent nor is it a trusted root here: either an intermediate certificate is missing or the root is not trusted", s.who(top), issuer)
	if slices.ContainsFunc(namesakes, func(i int) bool { return s.known[i] != top && s.index(s.known[i]) >= 0 }) {
		detail += "; a certificate of that name was sent, but its key did not make the signature"
	}
	if i := slices.IndexFunc(s.chain, func(c *x509.Certificate) bool { return alike(c, top) }); i >= 0 {
		detail += fmt.Sprintf("; certificate %d bears that name in another spelling, and names are compared byte for byte", i)
	}
	return problem(incompleteChain, "%s", detail)
}

// alike reports whether a certificate would be the issuer of another if case
// and white space did not count (RFC 5280 section 7.1).
func alike(c, child *x509.Certificate) bool {
	plain := func(name string) string {
		return strings.Join(strings.Fields(strings.ReplaceAll(name, "\\ ", " ")), "")
	}
	return !bytes.Equal(c.RawSubject, child.RawIssuer) && strings.EqualFold(plain(c.Subject.String()), plain(child.Issuer.String()))
}

// refused puts a refusal of crypto/x509 into words when no reason of our own
// was found.
func (s *search) refused(err error) Problem {
	code := malformed
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		code = nameMismatch
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		code = untrustedRoot
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		code = untrustedRoot
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		code = unknownCritical
	}
	if reason, ok := invalid(err); ok {
		code = constraint
		switch reason {
		case x509.Expired:
			code = expired
		case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
			code = wrongUsage
		}
	}
	return Problem{Code: code, Detail: "the chain was refused: " + brief(err.Error()), Certificate: -1}
}

// isSelfSigned checks a certificate's signature of itself once a search.
func (s *search) isSelfSigned(c *x509.Certificate) bool {
	self, ok := s.selfSigned[string(c.Raw)]
	if !ok {
		self = isSelfSigned(c)
		s.selfSigned[string(c.Raw)] = self
	}
	return self
}

// who names a certificate in a sentence.
func (s *search) who(c *x509.Certificate) string {
	subject := brief(c.Subject.String())
	switch i := s.index(c); i {
	case 0:
		whose := "the server's certificate"
		switch {
		case s.v.usage() == x509.ExtKeyUsageClientAuth:
			whose = "the client's certificate"
		case s.name == "":
			whose = "the first certificate"
		}
		return fmt.Sprintf("%s (%s)", whose, subject)
	case -1:
		return fmt.Sprintf("a certificate that was not sent (%s)", subject)
	default:
		return fmt.Sprintf("certificate %d (%s)", i, subject)
	}
}
