// Package certs says everything that is wrong with a certificate chain, and
// looks at the chain and the handshake of a TLS server.
//
// [Verifier.Verify] reads a chain and touches no network. [Verifier.Handshake]
// completes a handshake even when the chain does not verify, so that the chain
// can be shown; whether anything is sent over such a connection is the
// caller's decision. [Verifier.Probe] dials, shakes hands and hangs up, and
// [Verifier.Survey] finds out what a server accepts. [Authorities.Ask] goes to
// those who issued a chain: for an issuer that was not sent, and for revocation.
//
// The package reports what it saw and knows neither services nor remedies.
package certs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"time"
)

// Verifier verifies chains and shakes hands with TLS servers. The zero value
// is ready to use. It may be used by several goroutines at once.
type Verifier struct {
	// Roots are the certificates to trust. nil: the system's; on Windows and
	// macOS the platform's own verifier then has its say, and may fetch
	// certificates that were not sent; with those of Stored nothing is fetched.
	Roots *x509.CertPool
	// Issuers are certificates at hand that may complete a chain, such as those
	// in Roots or an issuer that was fetched. Trust comes from Roots alone. A
	// pool does not hand out what is in it, so without its roots here a
	// signature that crypto/x509 does not check, such as one with SHA-1, cannot
	// be checked where the root was not sent.
	Issuers []*x509.Certificate
	// Now is the clock that validity is judged by and results are stamped
	// with; time-outs go by the runtime's clock. nil: time.Now.
	Now func() time.Time
	// MinRSABits is the length below which an RSA key is weak. 0: 2048, what
	// Lync Server 2013's certificate requirements recommend.
	MinRSABits int
	// Timeout bounds one handshake, and in Probe connecting and shaking hands
	// together. 0: 5 seconds.
	Timeout time.Duration
	// Dial opens connections for Probe. nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// NextProtos are the protocols to offer by ALPN (RFC 7301). nil: none, as
	// the Lync clients do.
	NextProtos []string
	// MaxVersion is the newest TLS version to offer, such as tls.VersionTLS12. 0:
	// TLS 1.3.
	MaxVersion uint16
	// Usage is what a certificate must be for. 0: x509.ExtKeyUsageServerAuth;
	// x509.ExtKeyUsageClientAuth judges a client's own.
	Usage x509.ExtKeyUsage

	minVersion uint16 // 0: TLS 1.0
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (v *Verifier) minRSABits() int {
	if v.MinRSABits == 0 {
		return 2048
	}
	return v.MinRSABits
}

func (v *Verifier) timeout() time.Duration {
	if v.Timeout == 0 {
		return 5 * time.Second
	}
	return v.Timeout
}

func (v *Verifier) usage() x509.ExtKeyUsage {
	if v.Usage == 0 {
		return x509.ExtKeyUsageServerAuth
	}
	return v.Usage
}

func (v *Verifier) maxVersion() uint16 {
	if v.MaxVersion == 0 {
		return tls.VersionTLS13
	}
	return v.MaxVersion
}

func (v *Verifier) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if v.Dial == nil {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return v.Dial(ctx, network, address)
}

// Verify says everything that is wrong with a chain. The first certificate is
// the server's, as TLS has it (RFC 8446 section 4.4.2): a peer proves only that
// it holds that key. The order of the others does not matter, and those that
// lead nowhere are ignored; but one that cannot be read (see ParseFile) spoils a
// chain, as it does in TLS. serverName is a host name, international ones as
// A-labels, or an IP address; with "" the name is not checked. Of several ways
// to a root the one with the fewest problems is reported; a chain made to have
// very many ways is not searched to the end.
func (v *Verifier) Verify(chain []*x509.Certificate, serverName string) *Result {
	result := &Result{ServerName: serverName, At: v.now().Round(0).UTC()}
	v.verify(result, chain)
	return result
}

func (v *Verifier) verify(result *Result, chain []*x509.Certificate) {
	for _, c := range chain {
		result.describe(c)
	}
	if result.Problems = malformedProblems(chain); len(result.Problems) > 0 {
		return // TLS libraries refuse a chain of which they cannot read one certificate
	}
	if len(chain) == 0 {
		result.Problems = []Problem{{Code: malformed, Detail: "no certificate was sent", Certificate: -1}}
		return
	}

	best := newSearch(v, chain, result.ServerName, result.At).run()
	if best.root != nil {
		result.Root = brief(best.root.Subject.String())
	}
	result.Problems = best.problems
	result.Verified, result.WeakOnly = best.trusted && best.fatal() == 0, best.weakOnly
}

// describe adds what a certificate says of itself.
func (r *Result) describe(c *x509.Certificate) {
	if isDamaged(c) {
		r.Chain = append(r.Chain, describeDamaged(c))
		return
	}
	r.Chain = append(r.Chain, describe(c))
}

// search looks for the best way from the server's certificate to a root.
type search struct {
	v     *Verifier
	name  string
	at    time.Time
	chain []*x509.Certificate // as sent
	known []*x509.Certificate // the distinct ones of the chain, then those at hand

	places     map[string]int   // index in chain by DER
	bySubject  map[string][]int // indices in known
	links      map[[2]int]link
	anchors    map[int]anchor
	selfSigned map[string]bool
	naming     []Problem // what is wrong with the server's name, the same on every path
	checks     int       // signatures checked so far
	steps      int       // certificates walked through so far
	best       *way
}

// Adversarial chains can have more paths than atoms; crypto/x509 stops at 100
// signatures too.
const (
	maxChecks = 100
	maxSteps  = 1000
)

// maxRSABits is the longest RSA key that signatures are checked with; OpenSSL
// refuses longer ones as well, and one of a megabit takes seconds.
const maxRSABits = 16384

func newSearch(v *Verifier, chain []*x509.Certificate, name string, at time.Time) *search {
	s := &search{v: v, name: name, at: at, chain: chain, places: map[string]int{}, bySubject: map[string][]int{}, links: map[[2]int]link{}, anchors: map[int]anchor{}, selfSigned: map[string]bool{}}
	for i, c := range chain {
		if _, seen := s.places[string(c.Raw)]; seen {
			continue
		}
		s.places[string(c.Raw)] = i
		s.known = append(s.known, c)
	}
	// A search that comes to its limits must not depend on the order sent.
	slices.SortFunc(s.known[1:], func(a, b *x509.Certificate) int { return bytes.Compare(a.Raw, b.Raw) })
	for i, c := range s.known {
		s.bySubject[string(c.RawSubject)] = append(s.bySubject[string(c.RawSubject)], i)
	}
	s.naming = s.judgeName()
	return s
}

// run returns the best way. When crypto/x509 accepts the chain its ways are
// the only ones looked at; otherwise all are, and its refusal is final but for
// one reason: see [search.excused].
func (s *search) run() *way {
	chains, refusal := s.strict()
	for _, c := range chains {
		s.consider(c, anchor{trusted: true, root: c[len(c)-1], at: s.at})
	}
	if refusal == nil {
		return s.best
	}
	for _, c := range s.atHand() {
		if _, sent := s.places[string(c.Raw)]; !sent {
			s.bySubject[string(c.RawSubject)] = append(s.bySubject[string(c.RawSubject)], len(s.known))
			s.known = append(s.known, c)
		}
	}
	s.walk([]int{0})
	s.best.add(s.constraints(s.best)...)
	switch fatal := s.best.fatal(); {
	case fatal > s.best.weak(): // reasons enough
	case s.excused(s.best):
		s.best.weakOnly = fatal > 0
	case fatal == 0:
		s.best.add(s.refused(refusal))
	}
	return s.best
}

// atHand are the certificates that may complete a chain. The system's roots
// are read only when crypto/x509 refused a signature that one of them may have
// made.
func (s *search) atHand() []*x509.Certificate {
	if s.v.Roots != nil || len(s.v.Issuers) > 0 || !slices.ContainsFunc(s.chain, func(c *x509.Certificate) bool { return isInsecure(c.SignatureAlgorithm) }) {
		return s.v.Issuers
	}
	return systemRoots()
}

// strict asks crypto/x509, with the certificates at hand only where those sent
// do not suffice.
func (s *search) strict() ([][]*x509.Certificate, error) {
	if slices.ContainsFunc(s.chain, tooLong) {
		return nil, errTooLong
	}
	pool := x509.NewCertPool()
	for _, c := range s.known[1:] {
		pool.AddCert(c)
	}
	ask := func() ([][]*x509.Certificate, error) {
		return s.chain[0].Verify(x509.VerifyOptions{
			DNSName: s.name, Roots: s.v.Roots, Intermediates: pool, CurrentTime: s.at,
			KeyUsages: []x509.ExtKeyUsage{s.v.usage()},
		})
	}
	chains, err := ask()
	if err == nil || len(s.v.Issuers) == 0 {
		return chains, err
	}
	for _, c := range s.v.Issuers {
		pool.AddCert(c)
	}
	return ask()
}

var errTooLong = errors.New("an RSA key is too long to be used")

// walk tries every path that begins with the given one.
func (s *search) walk(path []int) {
	s.steps++
	last := path[len(path)-1]
	found := s.anchor(last)
	if found.trusted {
		s.consider(s.certificates(path), found)
	}
	longer := false
	for _, parent := range s.bySubject[string(s.known[last].RawIssuer)] {
		if s.steps > maxSteps || s.repeats(path, parent) {
			continue
		}
		if s.link(last, parent) != broken {
			longer = true
			s.walk(append(path[:len(path):len(path)], parent))
		}
	}
	if !longer && !found.trusted {
		s.consider(s.certificates(path), found)
	}
}

// repeats reports whether a path already has a certificate of this subject and
// key, which would be a loop.
func (s *search) repeats(path []int, next int) bool {
	n := s.known[next]
	return slices.ContainsFunc(path, func(i int) bool {
		c := s.known[i]
		return bytes.Equal(c.RawSubject, n.RawSubject) && bytes.Equal(c.RawSubjectPublicKeyInfo, n.RawSubjectPublicKeyInfo)
	})
}

func (s *search) certificates(path []int) []*x509.Certificate {
	out := make([]*x509.Certificate, len(path))
	for k, i := range path {
		out[k] = s.known[i]
	}
	return out
}

func (s *search) link(child, parent int) link {
	key := [2]int{child, parent}
	l, ok := s.links[key]
	if !ok && s.checks < maxChecks {
		s.checks++
		l = signedBy(s.known[child], s.known[parent])
		s.links[key] = l
	}
	return l
}

// index is the place of a certificate in the chain as sent; -1: not sent.
func (s *search) index(c *x509.Certificate) int {
	if i, sent := s.places[string(c.Raw)]; sent {
		return i
	}
	return -1
}

// anchor says what the roots know of one certificate.
type anchor struct {
	trusted bool
	root    *x509.Certificate // the root that signed it, or itself; nil: not told
	at      time.Time         // when crypto/x509 accepted it
	// namesake is crypto/x509's objection to a root that has the issuer's name
	// and yet was refused; nil: there is no such root.
	namesake error
}

// anchor asks crypto/x509 whether a root issued the certificate, or is it. All
// that could hide the answer is taken out of the question: other certificates,
// names, usages, and the time, by asking within the certificate's own life as
// well, since a root may have expired.
func (s *search) anchor(i int) anchor {
	if a, ok := s.anchors[i]; ok {
		return a
	}
	c := s.known[i]
	var a anchor
	for _, at := range []time.Time{s.at, c.NotAfter, c.NotBefore} {
		chains, err := timeless(c).Verify(x509.VerifyOptions{Roots: s.v.Roots, CurrentTime: at, KeyUsages: anyUsage()})
		if err == nil {
			// The same key may sit in several roots; any will do, but the same one each time.
			first := slices.MinFunc(chains, func(a, b []*x509.Certificate) int {
				return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a[len(a)-1].Raw, b[len(b)-1].Raw))
			})
			a = anchor{trusted: true, root: first[len(first)-1], at: at}
			break
		}
		if reason, ok := invalid(err); ok && (reason == x509.CANotAuthorizedForThisName || reason == x509.NoValidChains) {
			// Said only of a chain that did reach a root.
			a = anchor{trusted: true, at: at}
			break
		}
		if isNamesake(err) && a.namesake == nil {
			a.namesake = err
		}
	}
	s.anchors[i] = a
	return a
}

func anyUsage() []x509.ExtKeyUsage { return []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }

// timeless is a copy that crypto/x509 refuses neither for its dates nor for a
// critical extension.
func timeless(c *x509.Certificate) *x509.Certificate {
	copied := *c
	copied.NotBefore, copied.NotAfter = time.Time{}, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	copied.UnhandledCriticalExtensions = nil
	return &copied
}

func invalid(err error) (x509.InvalidReason, bool) {
	e, ok := errors.AsType[x509.CertificateInvalidError](err)
	return e.Reason, ok
}
