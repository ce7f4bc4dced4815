package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// FuzzVerify: no panic, never verified where crypto/x509 finds no way to the
// root, never unverified without a reason, known codes only, indices in range,
// nothing lost in JSON, the same verdict for the reversed chain.
func FuzzVerify(f *testing.F) {
	root := newCA(f, certtest.Options{})
	add := func(chain ...[]byte) { f.Add(slices.Concat(chain...), host) }
	for _, d := range certtest.Defects() {
		c, err := d.Issue(root, certtest.Template{DNSNames: []string{host}})
		if err != nil {
			f.Fatal(err)
		}
		add(append(c.Certificate, root.Certificate.Raw)...)
	}
	sound := issue(f, below(f, root, certtest.Options{}), certtest.Template{})
	add(sound.Certificate...)
	f.Add(sound.Certificate[0], "192.0.2.1")
	for _, excluded := range []bool{true, false} {
		for _, tag := range []cryptobyte_asn1.Tag{utf8String, universalString, visibleString} {
			_, chain := constrained(f, excluded, []named{{organization, tag, "Fabrikam"}}, []named{{organization, tag, "Contoso"}, {unit, utf8String, "+"}})
			add(chain[0].Raw, chain[1].Raw, chain[2].Raw)
		}
	}
	v := verifier(root)
	codes := certs.Codes()
	f.Fuzz(func(t *testing.T, der []byte, name string) {
		chain, err := certs.ParseFile(der)
		if err != nil {
			return
		}
		// The fuzzer knows no key, so any chain may be judged against its own
		// last certificate too: that reaches the ways beyond trust.
		own := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
		own.Roots.AddCert(chain[len(chain)-1])
		for _, v := range []*certs.Verifier{v, own} {
			result := v.Verify(chain, name)
			if result.Verified && !acceptable(v, chain, name) {
				t.Fatalf("verified where crypto/x509 refuses: %+v", result)
			}
			fatal := 0
			for _, p := range result.Problems {
				if !slices.Contains(codes, p.Code) || p.Detail == "" || p.Certificate < -1 || p.Certificate >= len(chain) {
					t.Fatalf("bad problem %+v", p)
				}
				if !p.Warning {
					fatal++
				}
			}
			if result.Verified != (fatal == 0) || (result.Err() == nil) != result.Verified {
				t.Fatalf("verified %t with problems %+v", result.Verified, result.Problems)
			}
			if !result.Verified && result.Err().Error() == "" {
				t.Fatal("empty error")
			}
			if utf8.ValidString(name) { // a name that is not UTF-8 is the caller's
				reload(t, result)
			}
			turned := slices.Clone(chain)
			slices.Reverse(turned[1:])
			if got, want := verdict(v.Verify(turned, name)), verdict(result); got != want {
				t.Fatalf("reversed: %q, before: %q", got, want)
			}
		}
	})
}

// FuzzRevocation: no panic, and good or revoked only where the bytes hold what
// the authority signed; nothing is lost in JSON.
func FuzzRevocation(f *testing.F) {
	root := newCA(f, certtest.Options{})
	leaf := issue(f, root, certtest.Template{Staple: true})
	other := issue(f, root, certtest.Template{})
	var signed [][]byte
	var lists [][]byte
	for _, revoked := range [][]*x509.Certificate{nil, {leaf.Leaf}, {other.Leaf}} {
		list, err := root.CRL(revoked...)
		if err != nil {
			f.Fatal(err)
		}
		parsed, err := x509.ParseRevocationList(list)
		if err != nil {
			f.Fatal(err)
		}
		lists, signed = append(lists, list), append(signed, parsed.RawTBSRevocationList)
	}
	answer, err := ocsp.ParseResponse(leaf.OCSPStaple, nil)
	if err != nil {
		f.Fatal(err)
	}
	signed = append(signed, answer.TBSResponseData)
	for _, list := range lists {
		f.Add(list, leaf.OCSPStaple)
		f.Add(list, []byte(nil))
	}
	f.Add([]byte("garbage"), ocsp.TryLaterErrorResponse)
	chain := parse(f, leaf)
	f.Fuzz(func(t *testing.T, list, staple []byte) {
		a := &certs.Authorities{Verifier: verifier(root), CRLs: [][]byte{list}}
		standing := a.Ask(t.Context(), chain, host, staple)
		if len(standing.Revocation) != 1 {
			t.Fatalf("%d answers", len(standing.Revocation))
		}
		r := standing.Revocation[0]
		known := slices.ContainsFunc(signed, func(b []byte) bool { return bytes.Contains(list, b) || bytes.Contains(staple, b) })
		if (r.Status == "good" || r.Status == "revoked") && !known {
			t.Fatalf("%s, and nobody signed it: %+v", r.Status, r)
		}
		if (r.Status == "revoked") != slices.ContainsFunc(standing.Problems, func(p certs.Problem) bool { return p.Code == "revoked" }) {
			t.Fatalf("%s with %+v", r.Status, standing.Problems)
		}
		encoded, err := json.Marshal(standing)
		if err != nil {
			t.Fatal(err)
		}
		again := &certs.Standing{}
		if err := json.Unmarshal(encoded, again); err != nil || !reflect.DeepEqual(again, standing) {
			t.Fatalf("lost in JSON: %+v, was %+v (%v)", again, standing, err)
		}
	})
}

// FuzzInTheClear: what a server sends before crypto/tls gives up never panics,
// and never makes a chain verified.
func FuzzInTheClear(f *testing.F) {
	root := newCA(f, certtest.Options{})
	c := damagedChain(f, root)
	near, far := net.Pipe()
	go func() {
		_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{c}, MaxVersion: tls.VersionTLS12, Time: fixedClock}).Handshake()
		far.Close()
	}()
	recorded := &recorder{Conn: near}
	_ = tls.Client(recorded, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}).Handshake()
	near.Close()
	f.Add(recorded.seen)
	f.Add([]byte("220 mail.contoso.example ESMTP\r\n"))
	v := verifier(root)
	v.MaxVersion = tls.VersionTLS12
	v.Timeout = time.Second
	f.Fuzz(func(t *testing.T, answer []byte) {
		near, far := net.Pipe()
		go func() {
			go func() { _, _ = io.Copy(io.Discard, far) }()
			_, _ = far.Write(answer)
			far.Close()
		}()
		session, result := v.Handshake(t.Context(), near, host)
		if session != nil || result.Verified || result.Handshake == nil {
			t.Fatalf("a handshake with %d bytes of nobody: %+v", len(answer), result)
		}
	})
}

// recorder keeps what is read.
type recorder struct {
	net.Conn
	seen []byte
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.seen = append(r.seen, b[:n]...)
	return n, err
}
