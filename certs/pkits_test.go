package certs_test

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
)

// TestPKITS runs NIST's path validation suite: no path may verify that is
// invalid for a reason checked here. The suite uses no server names.
func TestPKITS(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "suites", "pkits")
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		missing(t, "the PKITS suite")
	}
	var cases []struct {
		Suite, Name, Number string
		Certs               []string
		Valid, Policy       bool
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	checked := []string{
		"PkitsTest01SignatureVerification", "PkitsTest02ValidityPeriods", "PkitsTest03VerifyingNameChaining",
		"PkitsTest06VerifyingBasicConstraints", "PkitsTest07KeyUsage", "PkitsTest13NameConstraints", "PkitsTest16PrivateCertificateExtensions",
	}
	known := map[string]string{
		"4.7.4":   "cRLSign matters only to who reads revocation lists",
		"4.7.5":   "cRLSign matters only to who reads revocation lists",
		"4.13.24": "crypto/x509 does not apply mail address constraints to subjects",
	}
	invalid, valid, verified := 0, 0, 0
	for _, c := range cases {
		var chain []*x509.Certificate
		for _, name := range slices.Backward(c.Certs) {
			der, err := os.ReadFile(filepath.Join(dir, "certs", name+".crt"))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := certs.ParseFile(der)
			if err != nil {
				break // refused before any path is looked at
			}
			chain = append(chain, parsed...)
		}
		if len(chain) < len(c.Certs) {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(chain[len(chain)-1])
		v := &certs.Verifier{Roots: roots, Now: func() time.Time { return time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC) }}
		result := v.Verify(chain[:len(chain)-1], "")
		if result.Verified && !libraryAccepts(v, chain[:len(chain)-1], "") {
			t.Errorf("%s %s: verified where crypto/x509 refuses", c.Number, c.Name)
		}
		if result.Verified != (result.Err() == nil) {
			t.Errorf("%s %s: no reason", c.Number, c.Name)
		}
		if slices.Contains([]string{"4.3.3", "4.3.4", "4.3.5", "4.3.11"}, c.Number) {
			if result.Verified || !strings.Contains(result.Problems[0].Detail, "another spelling") {
				t.Errorf("%s %s: names that differ in spelling are not explained: %+v", c.Number, c.Name, result.Problems)
			}
		}
		if c.Valid && !c.Policy {
			valid++
			if result.Verified {
				verified++
			}
		}
		if c.Valid || !slices.Contains(checked, c.Suite) {
			continue
		}
		invalid++
		if why := known[c.Number]; result.Verified != (why != "") {
			t.Errorf("%s %s: verified %t, known difference %q: %+v", c.Number, c.Name, result.Verified, why, result.Problems)
		}
	}
	t.Logf("%d invalid paths looked at; %d of %d valid ones verified", invalid, verified, valid)
	if invalid == 0 {
		t.Error("no case looked at")
	}
}
