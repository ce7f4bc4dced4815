package certs_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"unicode/utf8"

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
