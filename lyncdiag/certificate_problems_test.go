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

// TestUnreadCertificate: a certificate that only this program is known to be
// unable to read is not said to be a server's failing TLS.
func TestUnreadCertificate(t *testing.T) {
	unread := func(name string) fact.Endpoint {
		e := endpoint(name)
		e.TLS = &certs.Result{
			Handshake: &certs.Failure{Phase: "handshake", Kind: "refused-by-client", Detail: "negative serial number"},
			Problems:  []certs.Problem{{Code: "malformed", Detail: "certificate 0: negative serial number"}},
		}
		return e
	}
	for name, test := range map[string]struct {
		put  func(*fact.Facts)
		want string
	}{
		"AD FS": {func(f *fact.Facts) { fact.Put(f, fact.FederationKey, unread("sts.contoso.example"), live) }, "adfs-certificate-untrusted"},
		"registrar": {func(f *fact.Facts) {
			fact.Put(f, fact.CandidatesKey, []fact.Candidate{{Endpoint: unread("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaManual}}}, live)
		}, "sip-certificate-invalid"},
		"web services": {func(f *fact.Facts) {
			fact.Put(f, fact.CandidatesKey, []fact.Candidate{{Endpoint: shows("sipdir.online.lync.com", "CN=x", "CN=x"), Via: []fact.Via{fact.ViaManual}}}, live)
			fact.Put(f, fact.WebHostsKey, []fact.Endpoint{unread("webdir.online.lync.com")}, live)
		}, "autodiscover-certificate-invalid"},
		"login service": {func(f *fact.Facts) {
			fact.Put(f, fact.CandidatesKey, []fact.Candidate{{Endpoint: shows("sipdir.online.lync.com", "CN=x", "CN=x"), Via: []fact.Via{fact.ViaManual}}}, live)
			fact.Put(f, fact.LoginKey, unread("login.microsoftonline.com"), live)
		}, "login-service-unavailable"},
	} {
		report := judged(test.put)
		if len(report.Findings) != 1 || report.Findings[0].Name != test.want || report.Findings[0].Confidence != lyncdiag.Possible || !strings.Contains(report.Findings[0].Title, "by this program") {
			t.Errorf("%s: %s", name, describe(report))
		}
	}
}
