package certs_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// sites is the Web in memory: a handler for each host, and nothing else.
type sites map[string]http.Handler

func (s sites) Do(r *http.Request) (*http.Response, error) {
	h, ok := s[r.URL.Host]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
	}
	w := httptest.NewRecorder()
	served := make(chan struct{})
	go func() { defer close(served); h.ServeHTTP(w, r) }()
	select {
	case <-served:
		if err := r.Context().Err(); err != nil { // silent ends with the context
			return nil, err
		}
		return w.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

const site = "http://pki.contoso.example"

func TestRevocation(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	sub := below(t, root, certtest.Options{Name: "sub"})
	leaf := issue(t, sub, certtest.Template{Site: site})
	chain := parse(t, leaf)
	other := issue(t, sub, certtest.Template{Site: site})
	stapled := issue(t, sub, certtest.Template{Site: site, Staple: true})
	subKey := newCA(t, certtest.Options{Name: "sub"}) // the same name, another key
	list, err := sub.CRL()
	if err != nil {
		t.Fatal(err)
	}
	static := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) }
	}
	only := func(path string, h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(path, h)
		return mux
	}
	later := func() time.Time { return epoch.AddDate(0, 0, 30) }

	tests := []struct {
		name   string
		chain  []*x509.Certificate
		staple []byte
		web    sites
		now    func() time.Time
		status string
		by     string
		detail string // part of it
	}{
		{"good by OCSP", chain, nil, sites{"pki.contoso.example": sub.Site()}, nil, "good", "ocsp", ""},
		{"revoked by OCSP", chain, nil, sites{"pki.contoso.example": sub.Site(leaf.Leaf)}, nil, "revoked", "ocsp", ""},
		{"another one revoked", chain, nil, sites{"pki.contoso.example": sub.Site(other.Leaf)}, nil, "good", "ocsp", ""},
		{"stapled, nobody asked", parse(t, stapled), stapled.OCSPStaple, sites{}, nil, "good", "stapled", ""},
		{"stapled for another certificate", chain, stapled.OCSPStaple, sites{}, nil, "unknown", "", "stapled OCSP answer"},
		{"stapled and out of date", parse(t, stapled), stapled.OCSPStaple, sites{}, later, "unknown", "", "out of date"},
		{"garbage stapled, list good", chain, []byte("garbage"), sites{"pki.contoso.example": only("/list.crl", static(list))}, nil, "good", "crl", ""},
		{"list only, good", chain, nil, sites{"pki.contoso.example": only("/list.crl", static(list))}, nil, "good", "crl", ""},
		{"list only, revoked", chain, nil, sites{"pki.contoso.example": only("/list.crl", sub.Site(leaf.Leaf))}, nil, "revoked", "crl", ""},
		{"list of another key", chain, nil, sites{"pki.contoso.example": only("/list.crl", subKey.Site(leaf.Leaf))}, nil, "unknown", "", "signature"},
		{"list out of date", chain, nil, sites{"pki.contoso.example": only("/list.crl", static(list))}, later, "unknown", "", "out of date"},
		{"answer of another key", chain, nil, sites{"pki.contoso.example": only("/ocsp", subKey.Site())}, nil, "unknown", "", "OCSP at"},
		{"no such host", chain, nil, sites{}, nil, "unknown", "", "no such host"},
		{"silent host", chain, nil, sites{"pki.contoso.example": http.HandlerFunc(silent)}, nil, "unknown", "", "no whole answer in time"},
		{"an error page", chain, nil, sites{"pki.contoso.example": http.NotFoundHandler()}, nil, "unknown", "", "404"},
		{"a login page", chain, nil, sites{"pki.contoso.example": static([]byte("<html>sign in</html>"))}, nil, "unknown", "", "not a certificate revocation list"},
		{"huge list", chain, nil, sites{"pki.contoso.example": static(make([]byte, 2<<20))}, nil, "unknown", "", "bytes"},
		{"nobody named", parse(t, issue(t, sub, certtest.Template{})), nil, sites{}, nil, "unchecked", "", "names no"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := verifier(root)
				if test.now != nil {
					v.Now = test.now
				}
				a := &certs.Authorities{Verifier: v, HTTP: test.web, MaxBytes: 1 << 20}
				standing := a.Ask(t.Context(), test.chain, host, test.staple)
				if len(standing.Revocation) != 2 {
					t.Fatalf("%d answers: %+v", len(standing.Revocation), standing)
				}
				r := standing.Revocation[0]
				if r.Status != test.status || r.By != test.by || !strings.Contains(r.Detail, test.detail) {
					t.Errorf("got %s by %q (%s), want %s by %q (%s)", r.Status, r.By, r.Detail, test.status, test.by, test.detail)
				}
				if test.by != "" && (r.Signer == "" || r.ThisUpdate.IsZero()) {
					t.Errorf("not said who signed, or when: %+v", r)
				}
				want := map[string]certs.Code{"revoked": "revoked", "unknown": "revocation-unknown"}[test.status]
				has := slices.ContainsFunc(standing.Problems, func(p certs.Problem) bool { return p.Code == want && p.Certificate == 0 && p.Detail != "" })
				if has != (want != "") {
					t.Errorf("problems: %+v", standing.Problems)
				}
				if test.name == "stapled, nobody asked" && len(standing.Requests) > 0 {
					t.Errorf("asked: %+v", standing.Requests)
				}
				b, err := json.Marshal(standing)
				if err != nil {
					t.Fatal(err)
				}
				again := &certs.Standing{}
				if err := json.Unmarshal(b, again); err != nil || !reflect.DeepEqual(again, standing) {
					t.Errorf("lost in JSON: %+v, was %+v (%v)", again, standing, err)
				}
			})
		})
	}
}

// delegate makes an OCSP answer signed by another key than the issuer's.
func delegate(t *testing.T, ca *certtest.CA, issuerKey *certtest.CA, leaf *x509.Certificate, usage ...x509.ExtKeyUsage) []byte {
	t.Helper()
	signer := issue(t, issuerKey, certtest.Template{CommonName: "responder", DNSNames: []string{"ocsp.contoso.example"}, Usage: usage})
	der, err := ocsp.CreateResponse(ca.Certificate, signer.Leaf, ocsp.Response{
		Status: ocsp.Good, SerialNumber: leaf.SerialNumber, Certificate: signer.Leaf, ThisUpdate: epoch.Add(-time.Hour), NextUpdate: epoch.Add(time.Hour),
	}, signer.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestDelegatedResponder(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	stranger := newCA(t, certtest.Options{Name: "root"})
	leaf := issue(t, root, certtest.Template{})
	ask := func(staple []byte) certs.Revocation {
		a := &certs.Authorities{Verifier: verifier(root)}
		return a.Ask(t.Context(), parse(t, leaf), host, staple).Revocation[0]
	}
	if r := ask(delegate(t, root, root, leaf.Leaf, x509.ExtKeyUsageOCSPSigning)); r.Status != "good" || !r.Delegated || r.Signer != "CN=responder" {
		t.Errorf("got %+v", r)
	}
	if r := ask(delegate(t, root, root, leaf.Leaf, x509.ExtKeyUsageServerAuth)); r.Status != "unknown" || !strings.Contains(r.Detail, "not allowed to sign") {
		t.Errorf("a server's certificate signed it: %+v", r)
	}
	if r := ask(delegate(t, root, stranger, leaf.Leaf, x509.ExtKeyUsageOCSPSigning)); r.Status != "unknown" {
		t.Errorf("a stranger signed it: %+v", r)
	}
}

func TestMissingIssuer(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	policy := below(t, root, certtest.Options{Name: "policy", Site: "http://root.example"})
	sub := below(t, policy, certtest.Options{Name: "sub", Site: "http://policy.example"})
	stranger := newCA(t, certtest.Options{Name: "stranger"})
	odd := below(t, stranger, certtest.Options{Name: "odd"})
	one := below(t, root, certtest.Options{Name: "one"})
	whole := sites{"pki.contoso.example": sub.Site(), "policy.example": policy.Site(), "root.example": root.Site()}
	tests := []struct {
		name      string
		ca        *certtest.CA
		web       sites
		completed bool
		issuers   int
		code      certs.Code
	}{
		{"one missing", one, sites{"pki.contoso.example": one.Site()}, true, 1, "incomplete-chain"},
		{"two missing", sub, whole, true, 2, "incomplete-chain"},
		{"the second cannot be had", sub, sites{"pki.contoso.example": sub.Site()}, false, 1, "untrusted-root"},
		{"cannot be had", one, sites{}, false, 0, ""},
		{"another is there", one, sites{"pki.contoso.example": sub.Site()}, false, 0, ""},
		{"leads to a root that is not trusted", odd, sites{"pki.contoso.example": odd.Site()}, false, 1, "untrusted-root"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			leaf := issue(t, test.ca, certtest.Template{Site: site, WithoutChain: true})
			a := &certs.Authorities{Verifier: verifier(root), HTTP: test.web}
			standing := a.Ask(t.Context(), parse(t, leaf), host, nil)
			if standing.Completed != test.completed || len(standing.Issuers) != test.issuers {
				t.Errorf("completed %t with %d issuers: %+v", standing.Completed, len(standing.Issuers), standing.Problems)
			}
			if test.code != "" && (len(standing.Problems) == 0 || standing.Problems[0].Code != test.code) {
				t.Errorf("got %+v, want %s", standing.Problems, test.code)
			}
			if test.completed && len(standing.Revocation) == 0 {
				t.Error("the completed chain is not asked about")
			}
			if v := verifier(root); v.Verify(parse(t, leaf), host).Verified {
				t.Error("the chain as sent verifies")
			}
		})
	}
}

// TestManyAddresses: a certificate that names fifty lists has a few asked.
func TestManyAddresses(t *testing.T) {
	root := newCA(t, certtest.Options{})
	var points []pkix.Extension
	var list cryptobyte.Builder
	list.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := range 50 {
			b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cryptobyte_asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(cryptobyte_asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
						b.AddASN1(cryptobyte_asn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) {
							b.AddBytes(fmt.Appendf(nil, "http://pki.contoso.example/%d.crl", i))
						})
					})
				})
			})
		}
	})
	points = append(points, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 31}, Value: list.BytesOrPanic()})
	leaf := issue(t, root, certtest.Template{Extensions: points})
	a := &certs.Authorities{Verifier: verifier(root), HTTP: sites{"pki.contoso.example": http.NotFoundHandler()}}
	standing := a.Ask(t.Context(), parse(t, leaf), host, nil)
	if n := len(standing.Requests); n == 0 || n > 4 || standing.Revocation[0].Status != "unknown" {
		t.Errorf("%d requests: %+v", n, standing.Revocation)
	}
}

// TestNobodyToAsk: the zero value asks nobody and does not stumble.
func TestNobodyToAsk(t *testing.T) {
	root := newCA(t, certtest.Options{})
	sub := below(t, root, certtest.Options{})
	for _, without := range []bool{true, false} {
		chain := parse(t, issue(t, sub, certtest.Template{Site: site, WithoutChain: without}))
		standing := (&certs.Authorities{Verifier: verifier(root)}).Ask(t.Context(), chain, host, nil)
		if len(standing.Requests) > 0 || len(standing.Problems) > 0 || !without && standing.Revocation[0].Status != "unchecked" {
			t.Errorf("without the intermediate %t: %+v", without, standing)
		}
	}
	for _, chain := range [][]*x509.Certificate{nil, {nil}, {{}}} {
		if standing := new(certs.Authorities).Ask(t.Context(), chain, "", nil); len(standing.Revocation) > 0 {
			t.Errorf("got %+v", standing)
		}
	}
}

// TestOneFetch: what several chains name is fetched once.
func TestOneFetch(t *testing.T) {
	root := newCA(t, certtest.Options{})
	requests := make(chan string, 100)
	site := root.Site()
	web := sites{"pki.contoso.example": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.URL.Path
		if r.URL.Path == "/ocsp" {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		site.ServeHTTP(w, r)
	})}
	a := &certs.Authorities{Verifier: verifier(root), HTTP: web}
	first, second := issue(t, root, certtest.Template{Site: "http://pki.contoso.example"}), issue(t, root, certtest.Template{Site: "http://pki.contoso.example"})
	a.Ask(t.Context(), parse(t, first), host, nil)
	a.Ask(t.Context(), parse(t, second), host, nil)
	close(requests)
	lists := 0
	for path := range requests {
		if path == "/list.crl" {
			lists++
		}
	}
	if lists != 1 {
		t.Errorf("the list was fetched %d times", lists)
	}
}

// TestSilentAuthorities: a responder and a list host that are both silent cost
// little more than one time-out.
func TestSilentAuthorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := newCA(t, certtest.Options{})
		leaf := issue(t, root, certtest.Template{Site: site})
		a := &certs.Authorities{Verifier: verifier(root), HTTP: sites{"pki.contoso.example": http.HandlerFunc(silent)}}
		start := time.Now()
		standing := a.Ask(t.Context(), parse(t, leaf), host, nil)
		if took := time.Since(start); took > 7*time.Second || standing.Revocation[0].Status != "unknown" || len(standing.Requests) != 2 {
			t.Errorf("%v: %+v", took, standing)
		}
	})
}

// TestCallerGivesUp: a caller who gives up gets an answer at once.
func TestCallerGivesUp(t *testing.T) {
	root := newCA(t, certtest.Options{})
	leaf := issue(t, root, certtest.Template{Site: site})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &certs.Authorities{Verifier: verifier(root), HTTP: sites{"pki.contoso.example": http.HandlerFunc(silent)}}
	standing := a.Ask(ctx, parse(t, leaf), host, nil)
	if len(standing.Requests) == 0 || standing.Requests[0].Problem != "canceled" {
		t.Errorf("got %+v", standing.Requests)
	}
}

// TestBigList looks a certificate up in a list of half a million.
func TestBigList(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "big"}, NotBefore: epoch.AddDate(-1, 0, 0), NotAfter: epoch.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	leafTemplate := &x509.Certificate{SerialNumber: big.NewInt(1<<40 + 499_999), NotBefore: epoch.AddDate(0, -1, 0), NotAfter: epoch.AddDate(0, 1, 0), DNSNames: []string{host}}
	der, err = x509.CreateCertificate(rand.Reader, leafTemplate, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: epoch.Add(-time.Hour), NextUpdate: epoch.Add(time.Hour)}
	for i := range 500_000 {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(1<<40 + int64(i)), RevocationTime: epoch.Add(-time.Hour)})
	}
	b, err := x509.CreateRevocationList(rand.Reader, list, root, key)
	if err != nil {
		t.Fatal(err)
	}
	v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
	v.Roots.AddCert(root)
	a := &certs.Authorities{Verifier: v, CRLs: [][]byte{b}}
	chain := []*x509.Certificate{leaf}
	if allocated := testing.AllocsPerRun(1, func() { a.Ask(t.Context(), chain, host, nil) }); allocated > 5000 {
		t.Errorf("%.0f allocations for a list of %d bytes", allocated, len(b))
	}
	if r := a.Ask(t.Context(), chain, host, nil).Revocation[0]; r.Status != "revoked" {
		t.Errorf("got %+v", r)
	}
}
