package lab

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// TestRedirectIsFollowed to a server on another port, which is asked once.
func TestRedirectIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, Config{})
		defer l.Close()
		l.world.hosts[sipdir].ports[443].sip.Anonymous = siptest.Answer{Status: 302, Contact: "<sip:" + sipfed + ":5061;transport=tls>"}
		subject, err := fact.ParseAddress("joe@" + domain)
		if err != nil {
			t.Fatal(err)
		}
		facts, report, err := (&lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}).Facts(t.Context(), subject)
		if err != nil || report.Verdict.Outcome != lyncdiag.Healthy {
			t.Fatalf("%v: %+v", err, report.Verdict)
		}
		candidates, _, _ := fact.Get(facts, fact.CandidatesKey)
		if c := candidates[0]; c.SIP.Status != 302 || len(c.Hops) != 1 || c.Hops[0].Host != sipfed || c.Hops[0].SIP.Status != 401 || !c.Works() {
			t.Errorf("candidate %+v", c)
		}
		if n := len(l.world.hosts[sipfed].ports[5061].sip.Requests()); n != 1 {
			t.Errorf("the second server got %d requests", n)
		}
	})
}

// TestRedirectToNowhere: a server that sends the client on to a name without an
// address is named, and no firewall is suspected.
func TestRedirectToNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, Config{})
		defer l.Close()
		l.world.hosts[sipdir].ports[443].sip.Anonymous = siptest.Answer{Status: 301, Contact: "<sip:nosuch." + domain + ":443;transport=tls>"}
		subject, err := fact.ParseAddress("joe@" + domain)
		if err != nil {
			t.Fatal(err)
		}
		report, err := (&lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}).Run(t.Context(), subject)
		if err != nil || report.Verdict.Primary != "sip-register-refused" || strings.Contains(report.Experiment.Conclusion, "firewall might") {
			t.Fatalf("%v: %+v, %+v", err, report.Verdict, report.Experiment)
		}
		i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "sip-register-refused" })
		if title := report.Findings[i].Filled(report.Target).Title; !strings.Contains(title, "nosuch."+domain) {
			t.Errorf("title %q", title)
		}
	})
}
