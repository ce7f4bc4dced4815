package lyncdiag_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// TestFederationCertificate: what does not verify is a failure, what verifies a
// warning, and what only this program cannot check is no more than possible.
func TestFederationCertificate(t *testing.T) {
	for _, test := range []struct {
		code      string
		warning   bool
		algorithm string
		want      string
	}{
		{"wrong-usage", false, "SHA256-RSA", "adfs-certificate-untrusted failure confirmed"},
		{"weak-key", false, "SHA256-RSA", "adfs-certificate-untrusted failure confirmed"},
		{"weak-key", true, "SHA256-RSA", "adfs-certificate-weak warning confirmed"},
		{"weak-signature", false, "MD5-RSA", "adfs-certificate-untrusted failure confirmed"},
		{"weak-signature", false, "SHA1-RSA", "adfs-certificate-weak warning confirmed"},
		{"weak-signature", false, "ECDSA-SHA1", "adfs-certificate-weak warning confirmed"},
		{"unsupported-signature", true, "SHA256-RSAPSS", "adfs-certificate-weak warning confirmed"},
		{"unsupported-signature", false, "unknown", "adfs-certificate-untrusted failure possible"},
		{"constraint-violation", false, "SHA256-RSA", "adfs-certificate-untrusted failure confirmed"},
		{"untrusted-root", false, "SHA256-RSA", "adfs-certificate-untrusted failure confirmed"},
		{unlisted, true, "SHA256-RSA", "adfs-certificate-weak warning confirmed"},
		{unlisted, false, "SHA256-RSA", "adfs-certificate-untrusted failure confirmed"},
	} {
		report := judged(func(f *fact.Facts) {
			e := shows("sts.contoso.example", "CN=x", "CN=x")
			e.TLS.Verified = test.warning
			e.TLS.Chain[0].SignatureAlgorithm = test.algorithm
			e.TLS.Problems = []certs.Problem{{Code: certs.Code(test.code), Detail: "…", Warning: test.warning}}
			fact.Put(f, fact.FederationKey, e, live)
		})
		var got []string
		for _, x := range report.Findings {
			got = append(got, x.Name+" "+string(x.Severity)+" "+string(x.Confidence))
			if about := strings.Contains(x.Cause, "self-signed"); x.Name == "adfs-certificate-untrusted" && about != (test.code == "untrusted-root") {
				t.Errorf("%s: %s", test.code, x.Cause)
			}
		}
		if !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s, warning %t, %s: %v, want %s", test.code, test.warning, test.algorithm, got, test.want)
		}
		if (report.Verdict.Outcome == lyncdiag.Problem) != strings.Contains(test.want, "failure") {
			t.Errorf("%s: outcome %s", test.code, report.Verdict.Outcome)
		}
	}
}
