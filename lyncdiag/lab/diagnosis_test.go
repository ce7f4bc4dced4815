package lab_test

import (
	"net/netip"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

func diagnose(t *testing.T, n *lyncdiag.Network, s fact.Setting) *lyncdiag.Report {
	t.Helper()
	target, err := fact.ParseAddress("joe@contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	d := lyncdiag.Diagnoser{Network: n, Setting: s}
	report, err := d.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// The healthy labs are diagnosed as healthy, and in no more round trips than
// their longest way has: Autodiscover's, where each new host costs DNS, TCP, TLS
// and HTTP, or realm and then AD FS.
func TestHealthy(t *testing.T) {
	const rtt = 100 * time.Millisecond
	trips := map[string]time.Duration{"healthy": 8, "healthy-managed": 8, "healthy-hybrid": 12, "healthy-server": 8}
	for _, f := range lab.Faults()[:4] {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, err := lab.Start(t.Context(), lab.Config{Faults: []string{f.Name}, RTT: rtt})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				report := diagnose(t, l.Network(), l.Setting())
				for _, found := range report.Findings {
					if found.Severity != kb.Info {
						t.Errorf("%s (%s)", found.Name, found.Severity)
					}
				}
				if report.Verdict.Outcome != lyncdiag.Healthy || !report.Complete {
					t.Errorf("outcome %s, complete %v", report.Verdict.Outcome, report.Complete)
				}
				if report.Duration > trips[f.Name]*rtt {
					t.Errorf("took %v, want at most %d round trips", report.Duration, trips[f.Name])
				}
			})
		})
	}
}

// The same lab is found through its sockets and proxy.
func TestLoopbackDiagnosis(t *testing.T) {
	for _, name := range []string{"healthy", "adfs-tcp-not-listening", "sip-service-unavailable"} {
		l, err := lab.Start(t.Context(), lab.Config{Loopback: true, Faults: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		proxy, err := url.Parse(l.Addresses().Proxy)
		if err != nil {
			t.Fatal(err)
		}
		network := &lyncdiag.Network{
			DNS:   []dnscheck.Server{{Addr: netip.MustParseAddrPort(l.Addresses().DNS)}},
			Roots: l.Network().Roots,
			Proxy: proxy,
		}
		report := diagnose(t, network, l.Setting())
		want := ""
		if i := slices.IndexFunc(lab.Faults(), func(f lab.Fault) bool { return f.Name == name }); i >= 0 {
			want = lab.Faults()[i].Expected
		}
		if want == "adfs-tcp-not-listening" {
			want = "adfs-tcp-filtered" // the proxy's 502 does not tell a refusal from silence
		}
		if report.Verdict.Primary != want {
			t.Errorf("%s: primary finding %q, want %q", name, report.Verdict.Primary, want)
		}
	}
}
