package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

const host = "sip.contoso.example"

var epoch = time.Date(2013, 6, 1, 12, 0, 0, 0, time.UTC)

func fixedClock() time.Time { return epoch }

func newCA(t testing.TB, o certtest.Options) *certtest.CA {
	t.Helper()
	if o.Now == nil {
		o.Now = fixedClock
	}
	ca, err := certtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func below(t testing.TB, ca *certtest.CA, o certtest.Options) *certtest.CA {
	t.Helper()
	sub, err := ca.Intermediate(o)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func issue(t testing.TB, ca *certtest.CA, tmpl certtest.Template) tls.Certificate {
	t.Helper()
	if tmpl.DNSNames == nil {
		tmpl.DNSNames = []string{host}
	}
	c, err := ca.Issue(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t testing.TB, c tls.Certificate) []*x509.Certificate {
	t.Helper()
	var chain []*x509.Certificate
	for _, der := range c.Certificate {
		p, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, p)
	}
	return chain
}

func verifier(ca *certtest.CA) *certs.Verifier {
	return &certs.Verifier{Roots: ca.Pool(), Issuers: []*x509.Certificate{ca.Root().Certificate}, Now: fixedClock}
}

// verdict is the part of a result that must not depend on the order sent.
func verdict(r *certs.Result) string {
	var codes []string
	for _, p := range r.Problems {
		codes = append(codes, string(p.Code))
	}
	slices.Sort(codes)
	if r.Verified {
		codes = append(codes, "verified")
	}
	return strings.Join(codes, " ")
}

// acceptable reports whether another verifier's word allows "verified": what
// crypto/x509 accepts, or refuses for constraints for distinguished names, which
// it does not check (see Result.Verified).
func acceptable(v *certs.Verifier, chain []*x509.Certificate, name string) bool {
	constrained := slices.ContainsFunc(chain, func(c *x509.Certificate) bool {
		return len(c.UnhandledCriticalExtensions) == 1 && c.UnhandledCriticalExtensions[0].String() == "2.5.29.30"
	})
	return constrained || libraryAccepts(v, chain, name)
}

// libraryAccepts is the other opinion: crypto/x509's.
func libraryAccepts(v *certs.Verifier, chain []*x509.Certificate, name string) bool {
	pool := x509.NewCertPool()
	for _, c := range chain[1:] {
		pool.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: v.Roots, Intermediates: pool, CurrentTime: v.Now()})
	return err == nil
}

func TestDefects(t *testing.T) {
	root := newCA(t, certtest.Options{})
	for _, key := range []string{"ecdsa", "rsa2048"} {
		ca := below(t, root, certtest.Options{Name: "issuing authority", Key: key})
		for _, authority := range []*certtest.CA{root, ca} {
			for _, d := range certtest.Defects() {
				t.Run(authority.Certificate.Subject.CommonName+" "+key+" "+d.Code, func(t *testing.T) {
					c, err := d.Issue(authority, certtest.Template{DNSNames: []string{host}})
					if err != nil {
						t.Fatal(err)
					}
					want := d.Code
					if d.Warning {
						want += " verified"
					}
					result := handshakeWith(t, verifier(root), &tls.Config{Certificates: []tls.Certificate{c}})
					if got := verdict(result); got != want {
						t.Errorf("handshake: %q, want %q: %+v", got, want, result.Problems)
					}
					if d.Code == "malformed" {
						return
					}
					if result := verifier(root).Verify(parse(t, c), host); verdict(result) != want {
						t.Errorf("Verify: %q, want %q: %+v", verdict(result), want, result.Problems)
					}
				})
			}
		}
	}
}

func TestVerify(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	sub := below(t, root, certtest.Options{Name: "sub"})
	oldSub := below(t, root, certtest.Options{Name: "old sub", NotBefore: epoch.AddDate(-2, 0, 0), NotAfter: epoch.AddDate(0, 0, -3)})
	strange := newCA(t, certtest.Options{Name: "strange"})
	namesake := newCA(t, certtest.Options{Name: "root"})
	oldRoot := newCA(t, certtest.Options{Name: "old root", NotBefore: epoch.AddDate(-3, 0, 0), NotAfter: epoch.AddDate(0, 0, -1)})
	limited := below(t, root, certtest.Options{Name: "limited", Permitted: []string{"fabrikam.example"}})
	rsaRoot := newCA(t, certtest.Options{Name: "rsa root", Key: "rsa1024"})
	chain := func(ca *certtest.CA, tmpl certtest.Template, more ...*x509.Certificate) []*x509.Certificate {
		return append(parse(t, issue(t, ca, tmpl)), more...)
	}
	leafCA := parse(t, issue(t, sub, certtest.Template{}))[0]

	tests := []struct {
		name  string
		roots *certtest.CA
		chain []*x509.Certificate
		host  string
		want  string
	}{
		{"sound", root, chain(sub, certtest.Template{}), host, "verified"},
		{"root sent along", root, chain(sub, certtest.Template{}, root.Certificate), host, "verified"},
		{"unrelated certificate sent along", root, chain(sub, certtest.Template{}, strange.Certificate, leafCA), host, "verified"},
		{"the same twice", root, append(chain(sub, certtest.Template{}), sub.Certificate, sub.Certificate), host, "verified"},
		{"no name asked for", root, chain(sub, certtest.Template{}), "", "verified"},
		{"trailing dot and case", root, chain(sub, certtest.Template{}), "SIP.Contoso.Example.", "verified"},
		{"wildcard, one label", root, chain(sub, certtest.Template{DNSNames: []string{"*.contoso.example"}}), host, "verified"},
		{"wildcard, two labels", root, chain(sub, certtest.Template{DNSNames: []string{"*.example"}}), host, "name-mismatch"},
		{"wildcard, no label", root, chain(sub, certtest.Template{DNSNames: []string{"*.sip.contoso.example"}}), host, "name-mismatch"},
		{"wildcard inside", root, chain(sub, certtest.Template{DNSNames: []string{"sip.*.example"}}), host, "name-mismatch"},
		{"A-label", root, chain(sub, certtest.Template{DNSNames: []string{"sip.xn--bcher-kva.example"}}), "sip.xn--bcher-kva.example", "verified"},
		{"U-label asked for", root, chain(sub, certtest.Template{DNSNames: []string{"sip.xn--bcher-kva.example"}}), "sip.b\u00fccher.example", "name-mismatch"},
		{"IP address", root, chain(sub, certtest.Template{IPAddresses: []net.IP{net.ParseIP("192.0.2.1")}}), "192.0.2.1", "verified"},
		{"other IP address", root, chain(sub, certtest.Template{IPAddresses: []net.IP{net.ParseIP("192.0.2.1")}}), "192.0.2.2", "name-mismatch"},
		{"IP address as DNS name", root, chain(sub, certtest.Template{DNSNames: []string{"192.0.2.1"}}), "192.0.2.1", "name-mismatch"},
		{"IPv6 in brackets", root, chain(sub, certtest.Template{IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}}), "[2001:db8::1]", "verified"},
		{"common name only", root, chain(sub, certtest.Template{CommonName: host, DNSNames: []string{}}), host, "name-mismatch"},
		{"expired, other name, strange root", root, chain(strange, certtest.Template{DNSNames: []string{"x.example"}, NotBefore: epoch.AddDate(-1, 0, 0), NotAfter: epoch.AddDate(0, -1, 0)}, strange.Certificate), host, "expired name-mismatch untrusted-root"},
		{"expired and incomplete", root, chain(sub, certtest.Template{NotAfter: epoch.Add(-time.Minute), WithoutChain: true}), host, "expired incomplete-chain"},
		{"expired intermediate", root, chain(oldSub, certtest.Template{}), host, "expired"},
		{"everything expired, never valid at one time", root, chain(oldSub, certtest.Template{NotBefore: epoch.Add(-2 * time.Hour), NotAfter: epoch.Add(-time.Hour)}), host, "expired expired"},
		{"expired root not sent", oldRoot, chain(oldRoot, certtest.Template{NotBefore: epoch.AddDate(-1, 0, 0)}), host, "expired"},
		{"root of another key", root, chain(namesake, certtest.Template{}), host, "untrusted-root"},
		{"root of another key sent", root, chain(namesake, certtest.Template{}, namesake.Certificate), host, "untrusted-root"},
		{"strange root not sent", root, chain(strange, certtest.Template{}), host, "incomplete-chain"},
		{"SHA-1 under a root not sent", root, chain(root, certtest.Template{Signature: x509.ECDSAWithSHA1}), host, "weak-signature"},
		{"SHA-1 under a root sent", root, chain(root, certtest.Template{Signature: x509.ECDSAWithSHA1}, root.Certificate), host, "weak-signature"},
		{"SHA-1 under a strange root", root, chain(strange, certtest.Template{Signature: x509.ECDSAWithSHA1}), host, "incomplete-chain weak-signature"},
		{"SHA-1 and expired", root, chain(sub, certtest.Template{Signature: x509.ECDSAWithSHA1, NotAfter: epoch.Add(-time.Minute)}), host, "expired weak-signature"},
		{"client certificate of another name", root, chain(sub, certtest.Template{DNSNames: []string{"x.example"}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}), host, "name-mismatch wrong-usage"},
		{"any usage", root, chain(sub, certtest.Template{Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}), host, "verified"},
		{"name constraint and expired", root, chain(limited, certtest.Template{NotAfter: epoch.Add(-time.Minute)}), host, "constraint-violation expired"},
		{"name constraint kept", root, chain(limited, certtest.Template{DNSNames: []string{"sip.fabrikam.example"}}), "sip.fabrikam.example", "verified"},
		{"RSA 1024 all the way", rsaRoot, chain(rsaRoot, certtest.Template{Key: "rsa1024"}), host, "weak-key weak-key verified"},
		{"issued by a server's certificate", root, nil, host, "constraint-violation constraint-violation"},
		{"an authority's own certificate", root, []*x509.Certificate{sub.Certificate}, host, "name-mismatch"},
		{"self-signed and trusted", nil, chain(root, certtest.Template{SelfSigned: true}), host, "verified"},
		{"self-signed of another name", root, chain(root, certtest.Template{SelfSigned: true, DNSNames: []string{"x.example"}}), host, "name-mismatch self-signed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.chain == nil {
				test.chain = issuedByServer(t, sub)
			}
			v := &certs.Verifier{Now: fixedClock}
			if test.roots != nil {
				v.Roots = test.roots.Pool()
			} else {
				v.Roots = x509.NewCertPool()
				v.Roots.AddCert(test.chain[0])
			}
			result := v.Verify(test.chain, test.host)
			if got := verdict(result); got != test.want {
				t.Errorf("got %q, want %q: %+v", got, test.want, result.Problems)
			}
			if accepts := libraryAccepts(v, test.chain, test.host); accepts != result.Verified {
				t.Errorf("verified %t, crypto/x509 %t", result.Verified, accepts)
			}
			if len(result.Chain) != len(test.chain) {
				t.Errorf("%d certificates reported of %d", len(result.Chain), len(test.chain))
			}
			if result.Verified && result.Root == "" {
				t.Error("verified, and no root named")
			}
			for _, p := range result.Problems {
				if p.Detail == "" || p.Certificate < -1 || p.Certificate >= len(test.chain) {
					t.Errorf("bad problem: %+v", p)
				}
			}
		})
	}
}

// TestWeakOnly: SHA-1 alone, each signature checked, up to a trusted root.
func TestWeakOnly(t *testing.T) {
	root, strange := newCA(t, certtest.Options{}), newCA(t, certtest.Options{})
	sub := below(t, root, certtest.Options{})
	weak := certtest.Template{Signature: x509.ECDSAWithSHA1}
	expired, other := weak, weak
	expired.NotAfter = epoch.Add(-time.Minute)
	other.DNSNames = []string{"other.example"}
	without := verifier(root)
	without.Issuers = nil
	for name, test := range map[string]struct {
		v     *certs.Verifier
		chain []*x509.Certificate
		want  bool
	}{
		"under an intermediate":              {verifier(root), parse(t, issue(t, sub, weak)), true},
		"under a root that is at hand":       {verifier(root), parse(t, issue(t, root, weak)), true},
		"under a root that was sent":         {without, append(parse(t, issue(t, root, weak)), root.Certificate), true},
		"under a root that nobody can check": {without, parse(t, issue(t, root, weak)), false},
		"under a strange root":               {verifier(root), parse(t, issue(t, strange, weak)), false},
		"and expired":                        {verifier(root), parse(t, issue(t, sub, expired)), false},
		"of another name":                    {verifier(root), parse(t, issue(t, sub, other)), false},
		"sound":                              {verifier(root), parse(t, issue(t, sub, certtest.Template{})), false},
	} {
		r := test.v.Verify(test.chain, host)
		if r.WeakOnly != test.want || r.WeakOnly && (r.Verified || r.Err() == nil) {
			t.Errorf("%s: weak only %t, verified %t: %+v", name, r.WeakOnly, r.Verified, r.Problems)
		}
	}
}

// TestAtHand: what completes a chain and was not sent is said.
func TestAtHand(t *testing.T) {
	root := newCA(t, certtest.Options{})
	sub := below(t, root, certtest.Options{Name: "sub"})
	chain := parse(t, issue(t, sub, certtest.Template{WithoutChain: true}))
	v := verifier(root)
	v.Issuers = append(v.Issuers, sub.Certificate)
	r := v.Verify(chain, host)
	if verdict(r) != "incomplete-chain verified" || !strings.Contains(r.Problems[0].Detail, "CN=sub") {
		t.Errorf("got %q: %+v", verdict(r), r.Problems)
	}
}

// TestSystemRoots: a root of the system that signed with SHA-1 and was not sent.
// crypto/x509 reads the system's roots once a process, so this takes another.
func TestSystemRoots(t *testing.T) {
	if os.Getenv("LYNCDIAG_TEST_CHAIN") != "" {
		b, err := os.ReadFile(os.Getenv("LYNCDIAG_TEST_CHAIN"))
		if err != nil {
			t.Fatal(err)
		}
		chain, err := certs.ParseFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if r := new(certs.Verifier).Verify(chain, host); !r.WeakOnly || r.Root != "CN=the system's root" {
			t.Errorf("got %+v", r)
		}
		return
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the platform's own verifier has the roots here")
	}
	dir := t.TempDir()
	root := newCA(t, certtest.Options{Name: "the system's root", Now: time.Now})
	write(t, dir, "root.pem", root.Certificate.Raw)
	write(t, dir, "chain.pem", issue(t, root, certtest.Template{Signature: x509.ECDSAWithSHA1}).Certificate...)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSystemRoots$")
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+filepath.Join(dir, "root.pem"), "SSL_CERT_DIR="+filepath.Join(dir, "none"), "LYNCDIAG_TEST_CHAIN="+filepath.Join(dir, "chain.pem"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestCommonNameOnly: RFC 6125 section 6.4.4 lets clients look at the common name
// where there is no subject alternative name; crypto/x509 no longer does.
func TestCommonNameOnly(t *testing.T) {
	root := newCA(t, certtest.Options{})
	for _, test := range []struct {
		label    string
		template certtest.Template
		said     bool
	}{
		{"without alternative names", certtest.Template{CommonName: host, DNSNames: []string{}}, true},
		{"beside alternative names", certtest.Template{CommonName: host, DNSNames: []string{"x.example"}}, true},
		{"wildcard", certtest.Template{CommonName: "*.contoso.example", DNSNames: []string{}}, true},
		{"another one", certtest.Template{CommonName: "x.example", DNSNames: []string{}}, false},
		{"no host name", certtest.Template{CommonName: "Contoso Front End", DNSNames: []string{}}, false},
	} {
		result := verifier(root).Verify(parse(t, issue(t, root, test.template)), host)
		if result.Verified || len(result.Problems) != 1 || result.Problems[0].Code != "name-mismatch" {
			t.Errorf("%s: %+v", test.label, result)
			continue
		}
		if said := strings.Contains(result.Problems[0].Detail, "only the common name"); said != test.said {
			t.Errorf("%s: %s", test.label, result.Problems[0].Detail)
		}
	}
}

// issuedByServer is a chain in which a server's certificate acts as an issuer.
func issuedByServer(t *testing.T, ca *certtest.CA) []*x509.Certificate {
	t.Helper()
	server := issue(t, ca, certtest.Template{DNSNames: []string{"www.contoso.example"}})
	key := server.PrivateKey
	template := &x509.Certificate{
		SerialNumber: server.Leaf.SerialNumber, DNSNames: []string{host},
		NotBefore: epoch.Add(-time.Hour), NotAfter: epoch.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(nil, template, server.Leaf, server.Leaf.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return append([]*x509.Certificate{leaf}, parse(t, server)...)
}

// TestOrder shuffles all but the server's own certificate.
func TestOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	root := newCA(t, certtest.Options{Name: "root"})
	strange := newCA(t, certtest.Options{Name: "strange"})
	namesake := newCA(t, certtest.Options{Name: "root"})
	a := below(t, root, certtest.Options{Name: "a"})
	b := below(t, a, certtest.Options{Name: "b"})
	c := below(t, b, certtest.Options{Name: "c", NotAfter: epoch.Add(-time.Hour)})
	for _, tmpl := range []certtest.Template{{}, {NotAfter: epoch.Add(-time.Minute)}, {Signature: x509.ECDSAWithSHA1}, {DNSNames: []string{"x.example"}}} {
		for _, ca := range []*certtest.CA{b, c} {
			chain := append(parse(t, issue(t, ca, tmpl)), strange.Certificate, namesake.Certificate, root.Certificate)
			for _, drop := range []bool{false, true} {
				if drop {
					chain = slices.Delete(chain, 2, 3)
				}
				want := verdict(verifier(root).Verify(chain, host))
				for range 30 {
					random.Shuffle(len(chain)-1, func(i, j int) { chain[i+1], chain[j+1] = chain[j+1], chain[i+1] })
					if got := verdict(verifier(root).Verify(chain, host)); got != want {
						t.Fatalf("got %q, want %q", got, want)
					}
				}
			}
		}
	}
}

// TestLeafFirst: a certificate whose key the peer did not prove to hold must
// never be taken for the server's, wherever it stands in the chain.
func TestLeafFirst(t *testing.T) {
	root := newCA(t, certtest.Options{})
	real := parse(t, issue(t, root, certtest.Template{}))
	imposter := parse(t, issue(t, newCA(t, certtest.Options{}), certtest.Template{SelfSigned: true}))
	result := verifier(root).Verify(append(imposter, real...), host)
	if got := verdict(result); got != "self-signed" {
		t.Errorf("got %q: %+v", got, result.Problems)
	}
	result = verifier(root).Verify(append([]*x509.Certificate{root.Certificate}, real...), host)
	if result.Verified || len(result.Problems) != 1 || !strings.Contains(result.Problems[0].Detail, "must be sent first") {
		t.Errorf("got %+v", result.Problems)
	}
}

func TestDamagedSignature(t *testing.T) {
	root := newCA(t, certtest.Options{})
	chain := parse(t, issue(t, below(t, root, certtest.Options{}), certtest.Template{}))
	der := slices.Clone(chain[0].Raw)
	der[len(der)-1] ^= 1
	damaged, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	chain[0] = damaged
	if got := verdict(verifier(root).Verify(chain, host)); got != "malformed" {
		t.Errorf("got %q", got)
	}
}

func TestBadInput(t *testing.T) {
	v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
	for _, chain := range [][]*x509.Certificate{nil, {nil}, {{}}, {parse(t, issue(t, newCA(t, certtest.Options{}), certtest.Template{}))[0], nil}} {
		result := v.Verify(chain, host)
		if got := verdict(result); got != "malformed" {
			t.Errorf("got %q", got)
		}
		if result.Err() == nil {
			t.Error("no error")
		}
	}
}

func TestMinRSABits(t *testing.T) {
	root := newCA(t, certtest.Options{})
	chain := parse(t, issue(t, root, certtest.Template{Key: "rsa1024"}))
	v := verifier(root)
	v.MinRSABits = 1024
	if got := verdict(v.Verify(chain, host)); got != "verified" {
		t.Errorf("got %q", got)
	}
}

func TestErr(t *testing.T) {
	root := newCA(t, certtest.Options{})
	var (
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	tests := []struct {
		tmpl      certtest.Template
		defect    string
		as, never any
	}{
		{certtest.Template{DNSNames: []string{"other.example"}}, "", &name, &authority},
		{certtest.Template{DNSNames: []string{"other.example"}, Key: "rsa1024"}, "", &name, &invalid},
		{certtest.Template{DNSNames: []string{"other.example"}, NotAfter: epoch.Add(-time.Minute)}, "", &invalid, &name},
		{certtest.Template{DNSNames: []string{"other.example"}, SelfSigned: true}, "", &authority, &name},
		{certtest.Template{DNSNames: []string{host}}, "incomplete-chain", &authority, &name},
		{certtest.Template{DNSNames: []string{host}}, "untrusted-root", &authority, &name},
		{certtest.Template{DNSNames: []string{host}}, "weak-signature", &invalid, &authority},
		{certtest.Template{DNSNames: []string{host}}, "wrong-usage", &invalid, &authority},
	}
	for _, test := range tests {
		c, err := root.Issue(test.tmpl)
		for _, d := range certtest.Defects() {
			if d.Code == test.defect {
				c, err = d.Issue(root, test.tmpl)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		result := verifier(root).Verify(parse(t, c), host)
		err = reload(t, result).Err() // a recorded result gives the same error
		var wrapped *tls.CertificateVerificationError
		if !errors.As(err, &wrapped) || !errors.As(err, test.as) || errors.As(err, test.never) {
			t.Errorf("%v: got %#v", err, wrapped)
		}
		if wrapped.Error() == "" || !strings.Contains(err.Error(), host) {
			t.Errorf("empty error: %v", err)
		}
		if err.Error() != result.Err().Error() {
			t.Errorf("got %v, want %v", err, result.Err())
		}
	}
	if err := verifier(root).Verify(parse(t, issue(t, root, certtest.Template{})), host).Err(); err != nil {
		t.Error(err)
	}
	if err := new(certs.Result).Err(); !errors.As(err, &invalid) {
		t.Errorf("nothing done: %v", err)
	}
}

func reload(t *testing.T, r *certs.Result) *certs.Result {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	out := new(certs.Result)
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, out) {
		t.Errorf("JSON loses something:\n%+v\n%+v", r, out)
	}
	return out
}

// TestCodes compares with the contract of the cert document, and requires that
// every code is made by a defect but those of revocation.
func TestCodes(t *testing.T) {
	want := strings.Split("expired|not-yet-valid|name-mismatch|untrusted-root|incomplete-chain|self-signed|revoked|revocation-unknown|weak-signature|weak-key|wrong-usage|constraint-violation|unknown-critical-extension|unsupported-signature|malformed", "|")
	var got, made []string
	for _, c := range certs.Codes() {
		got = append(got, string(c))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, d := range certtest.Defects() {
		made = append(made, d.Code)
	}
	rest := slices.DeleteFunc(want, func(c string) bool { return slices.Contains(made, c) })
	if !slices.Equal(rest, []string{"revoked", "revocation-unknown"}) {
		t.Errorf("no defect for %q", rest)
	}
}
