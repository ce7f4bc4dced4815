package lab

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// TestCertificatesBeyondTheFaults are things that can be wrong with
// certificates and have no fault of their own.
func TestCertificatesBeyondTheFaults(t *testing.T) {
	tests := []struct {
		name    string
		apply   func(*world)
		outcome lyncdiag.Outcome
		want    []string // without causedBy, besides the healthy lab's
	}{
		{"AD FS has a SHA-1 certificate of a trusted root", func(w *world) { w.hosts[sts].defect = "weak-signature" }, lyncdiag.Healthy, []string{"adfs-certificate-weak"}},
		{"AD FS has a certificate for clients only", func(w *world) { w.hosts[sts].defect = "wrong-usage" }, lyncdiag.Problem, []string{"adfs-certificate-untrusted"}},
		{"AD FS has a certificate with RSASSA-PSS, which verifies", func(w *world) { w.hosts[sts].defect = "unsupported-signature" }, lyncdiag.Healthy, []string{"adfs-certificate-weak"}},
		{"the registrar's key has 1024 bits", func(w *world) { w.hosts[sipdir].defect = "weak-key" }, lyncdiag.Healthy, []string{"sip-certificate-invalid"}},
		{"the registrar's certificate has a negative serial number", func(w *world) { w.hosts[sipdir].defect = "malformed" }, lyncdiag.Problem, []string{"sip-certificate-invalid"}},
		{"AD FS's certificate has a negative serial number", func(w *world) { w.hosts[sts].defect = "malformed" }, lyncdiag.Problem, []string{"adfs-certificate-untrusted"}},
		{"the login service has a SHA-1 certificate of a trusted root", func(w *world) { w.hosts[login].defect = "weak-signature" }, lyncdiag.Healthy, []string{"login-service-unavailable"}},
		{"the web services host signs with RSASSA-PSS", func(w *world) { w.hosts[webdir].defect = "unsupported-signature" }, lyncdiag.Healthy, []string{"autodiscover-certificate-invalid"}},
		{"the intermediate is not sent, and cannot be fetched", func(w *world) { w.hosts[sts].defect = "incomplete-chain" }, lyncdiag.Problem, []string{"adfs-certificate-incomplete-chain"}},
		{"the registrar's certificate is revoked", func(w *world) {
			w.publish(w.hosts[sipdir])
			w.hosts[sipdir].revoked = true
		}, lyncdiag.Problem, []string{"sip-certificate-invalid"}},
		{"the login service's certificate is revoked", func(w *world) {
			w.publish(w.hosts[login])
			w.hosts[login].revoked = true
		}, lyncdiag.Problem, []string{"login-service-unavailable"}},
		{"the Autodiscover host's certificate is revoked", func(w *world) {
			w.publish(w.hosts[webdir])
			w.hosts[webdir].revoked = true
		}, lyncdiag.Problem, []string{"autodiscover-certificate-invalid"}},
		{"nothing stapled, and the authority answers", func(w *world) { w.publish(w.hosts[sts]) }, lyncdiag.Healthy, nil},
		{"one public host is the company's own", func(w *world) { w.hosts[webdir].company = true }, lyncdiag.Healthy, nil},
		{"the clock is ten days ahead, so that every stapled answer is out of date", func(w *world) { w.ahead = 240 * time.Hour }, lyncdiag.Problem, []string{"client-clock-skew"}},
		{"Lync 2010, and nobody accepts TLS 1.0", func(w *world) {
			w.setting.Client = "lync2010"
			for _, h := range w.hosts {
				h.oldest = 0x0303
			}
		}, lyncdiag.Healthy, []string{"tls-version-unsupported"}},
		{"Lync 2010, and AD FS alone refuses TLS 1.0", func(w *world) {
			w.setting.Client = "lync2010"
			w.hosts[sts].oldest = 0x0303
		}, lyncdiag.Problem, []string{"adfs-tls-handshake-failed"}},
	}
	diagnose := func(t *testing.T, faults ...Fault) *lyncdiag.Report {
		l, err := startWith(t.Context(), Config{}, defaultLab, faults)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		subject, err := fact.ParseAddress("joe@" + domain)
		if err != nil {
			t.Fatal(err)
		}
		report, err := (&lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}).Run(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	roots := func(r *lyncdiag.Report) (names []string) {
		for _, f := range r.Findings {
			if f.CausedBy == "" {
				names = append(names, f.Name)
			}
		}
		return names
	}
	var healthy []string
	synctest.Test(t, func(t *testing.T) { healthy = roots(diagnose(t)) })
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report := diagnose(t, Fault{apply: test.apply})
				got := slices.DeleteFunc(roots(report), func(name string) bool { return slices.Contains(healthy, name) })
				if report.Verdict.Outcome != test.outcome || !slices.Equal(got, test.want) {
					t.Errorf("%s with %v, want %s with %v", report.Verdict.Outcome, got, test.outcome, test.want)
					for _, f := range report.Findings {
						t.Logf("%s %s %s %v", f.Severity, f.Confidence, f.Name, f.Evidence)
					}
				}
			})
		})
	}
}
