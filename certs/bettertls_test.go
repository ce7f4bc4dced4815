package certs_test

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
)

// BenchmarkBetterTLS runs Netflix's suites of name constraints and path building
// and gives the score. It takes the file that their program writes, which has
// 30 MB, so it is nothing for every run of the tests:
//
//	bettertls export-tests --out F && LYNCDIAG_BETTERTLS=F go test ./certs -run '^$' -bench BetterTLS -benchtime 1x
func BenchmarkBetterTLS(b *testing.B) {
	file := os.Getenv("LYNCDIAG_BETTERTLS")
	if file == "" {
		b.Skip("LYNCDIAG_BETTERTLS names no export of the suites; it can be made anywhere, and has 30 MB")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	var export struct {
		TrustRoot []byte
		Suites    map[string]struct {
			TestCases []struct {
				ID           int
				Certificates [][]byte
				Hostname     string
				Expected     string
			}
		}
	}
	if err := json.Unmarshal(text, &export); err != nil {
		b.Fatal(err)
	}
	root, err := x509.ParseCertificate(export.TrustRoot)
	if err != nil {
		b.Fatal(err)
	}
	v := &certs.Verifier{Roots: x509.NewCertPool(), Issuers: []*x509.Certificate{root}}
	v.Roots.AddCert(root)
	for name, suite := range export.Suites {
		right := 0
		for _, c := range suite.TestCases {
			var chain []*x509.Certificate
			for _, der := range c.Certificates {
				parsed, err := certs.ParseFile(der)
				if err != nil {
					b.Fatal(err)
				}
				chain = append(chain, parsed...)
			}
			result := v.Verify(chain, c.Hostname)
			if result.Verified == (c.Expected == "ACCEPT") {
				right++
			} else {
				b.Errorf("%s %d: verified %t, expected %s: %+v", name, c.ID, result.Verified, c.Expected, result.Problems)
			}
			turned := slices.Clone(chain)
			slices.Reverse(turned[1:])
			if got, want := verdict(v.Verify(turned, c.Hostname)), verdict(result); got != want {
				b.Errorf("%s %d: in another order %q, before %q", name, c.ID, got, want)
			}
		}
		b.ReportMetric(float64(right)/float64(len(suite.TestCases)), name+"-right")
	}
}
