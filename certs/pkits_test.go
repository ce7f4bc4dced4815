package certs_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
)

type pkitsCase struct {
	Suite, Name, Number string
	Certs, CRLs         []string
	Valid, Policy       bool
}

var pkitsTime = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)

// pkits reads NIST's path validation suite.
func pkits(t testing.TB) (dir string, cases []pkitsCase) {
	dir = filepath.Join("..", "..", "shared", "suites", "pkits")
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		missing(t, "the PKITS suite")
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return dir, cases
}

// differences are the cases that come out otherwise than PKITS has it, each
// with its reason.
func differences() map[string]string {
	known := map[string]string{}
	add := func(why string, numbers ...string) {
		for _, n := range numbers {
			known[n] = why
		}
	}
	add("DSA keys cannot be checked by crypto/x509, and TLS has no use for them", "4.1.4", "4.1.5")
	add("names are compared byte for byte, as crypto/x509 does; the difference in spelling is explained", "4.3.3", "4.3.4", "4.3.5", "4.3.11")
	add("crypto/x509 counts self-issued certificates against a path length, and its word counts", "4.6.15", "4.6.17")
	add("the case sets the policies to accept; no TLS client does",
		"4.8.1 Section8AllCertificatesSamePolicyTest1Subpart3", "4.8.2 Section8AllCertificatesNoPoliciesTest2Subpart2",
		"4.8.3 Section8DifferentPoliciesTest3Subpart2", "4.8.3 Section8DifferentPoliciesTest3Subpart3",
		"4.8.6 Section8OverlappingPoliciesTest6Subpart3", "4.8.14 Section8AnyPolicyTest14Subpart2",
		"4.10.1.2", "4.10.1.3", "4.10.3 Section10ValidPolicyMappingTest3Subpart1", "4.10.5 Section10ValidPolicyMappingTest5Subpart2",
		"4.10.6 Section10ValidPolicyMappingTest6Subpart2", "4.10.13 Section10ValidPolicyMappingTest13Subpart3", "4.12.3 Section12inhibitAnyPolicyTest3Subpart2")
	add("crypto/x509 takes the name of a host in a constraint for the hosts below it too, and its refusal counts", "4.13.25", "4.13.36")
	add("crypto/x509 and crypto/tls do not read certificates with a distribution point relative to the issuer's name", "4.14.4", "4.14.5", "4.14.29")
	return known
}

// TestPKITS: a case is valid if the chain verifies and every certificate of it
// is known not to be revoked, by the lists of the case. The suite uses no
// server names.
func TestPKITS(t *testing.T) {
	dir, cases := pkits(t)
	known := differences()
	right, library, seen := 0, 0, map[string]bool{}
	for _, c := range cases {
		var chain []*x509.Certificate
		unreadable := false
		for _, name := range slices.Backward(c.Certs) {
			der, err := os.ReadFile(filepath.Join(dir, "certs", name+".crt"))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := certs.ParseFile(der)
			unreadable = unreadable || err != nil // refused before any path is looked at
			chain = append(chain, parsed...)
		}
		valid, detail := false, "cannot be read"
		if !unreadable {
			root := chain[len(chain)-1]
			v := &certs.Verifier{Roots: x509.NewCertPool(), Issuers: []*x509.Certificate{root}, Now: func() time.Time { return pkitsTime }}
			v.Roots.AddCert(root)
			authorities := &certs.Authorities{Verifier: v}
			for _, name := range c.CRLs {
				der, err := os.ReadFile(filepath.Join(dir, "crls", name+".crl"))
				if err != nil {
					t.Fatal(err)
				}
				authorities.CRLs = append(authorities.CRLs, der)
			}
			sent := chain[:len(chain)-1]
			result := v.Verify(sent, "")
			standing := authorities.Ask(t.Context(), sent, "", nil)
			good := len(standing.Revocation) > 0 && !slices.ContainsFunc(standing.Revocation, func(r certs.Revocation) bool { return r.Status != "good" })
			valid = result.Verified && good
			var words []string
			for _, p := range slices.Concat(result.Problems, standing.Problems) {
				words = append(words, string(p.Code)+": "+p.Detail)
			}
			detail = strings.Join(words, "; ")
			accepts := libraryAccepts(v, sent, "")
			if accepts == c.Valid {
				library++
			}
			if result.Verified && !acceptable(v, sent, "") {
				t.Errorf("%s %s: verified where crypto/x509 refuses", c.Number, c.Name)
			}
			if result.Verified != (result.Err() == nil) {
				t.Errorf("%s %s: no reason", c.Number, c.Name)
			}
		} else if !c.Valid {
			library++
		}
		why := known[c.Number+" "+c.Name] + known[c.Number]
		seen[c.Number], seen[c.Number+" "+c.Name] = true, true
		if slices.Contains([]string{"4.3.3", "4.3.4", "4.3.5", "4.3.11"}, c.Number) && !strings.Contains(detail, "another spelling") {
			t.Errorf("%s %s: names that differ in spelling are not explained: %s", c.Number, c.Name, detail)
		}
		if valid == c.Valid {
			right++
			if !c.Policy && why != "" || known[c.Number+" "+c.Name] != "" {
				t.Errorf("%s %s is right, and listed as different", c.Number, c.Name)
			}
		} else if why == "" {
			t.Errorf("%s %s: valid %t, want %t: %s", c.Number, c.Name, valid, c.Valid, detail)
		}
	}
	for n := range known {
		if !seen[n] {
			t.Errorf("there is no case %s", n)
		}
	}
	t.Logf("%d of %d cases right, crypto/x509 alone %d, openssl verify with the lists %d", right, len(cases), library, opensslScore(t, dir, cases))
}

// opensslScore is how many cases openssl verify has right, told of the lists
// and the date, and to take SHA-1 and short keys.
func opensslScore(t *testing.T, dir string, cases []pkitsCase) (right int) {
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl")
	}
	work := t.TempDir()
	for i, c := range cases {
		var bundle []byte
		for k, name := range c.Certs {
			der, err := os.ReadFile(filepath.Join(dir, "certs", name+".crt"))
			if err != nil {
				t.Fatal(err)
			}
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			switch k {
			case 0:
				write(t, work, "root.pem", der)
			case len(c.Certs) - 1:
				write(t, work, "leaf.pem", der)
			default:
				bundle = append(bundle, block...)
			}
		}
		for _, name := range c.CRLs {
			der, err := os.ReadFile(filepath.Join(dir, "crls", name+".crl"))
			if err != nil {
				t.Fatal(err)
			}
			bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
		}
		rest := filepath.Join(work, fmt.Sprintf("rest%d.pem", i))
		if err := os.WriteFile(rest, bundle, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("openssl", "verify", "-auth_level", "0", "-attime", fmt.Sprint(pkitsTime.Unix()), "-no-CAfile", "-no-CApath", "-no-CAstore",
			"-trusted", "root.pem", "-untrusted", rest, "-CRLfile", rest, "-crl_check_all", "-extended_crl", "-use_deltas", "-policy_check", "leaf.pem")
		cmd.Dir = work
		if valid := cmd.Run() == nil; valid == c.Valid {
			right++
		}
	}
	return right
}
