package lyncdiag_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// TestAnonymousAnswers: what the answer to a REGISTER without credentials can
// say, and what it cannot.
func TestAnonymousAnswers(t *testing.T) {
	ntlm := []sip.Challenge{{Scheme: "NTLM"}}
	for name, tt := range map[string]struct {
		answer sip.ProbeResult
		id     int
		works  bool
		want   string // finding and confidence, "" for none
	}{
		"challenge":                       {sip.ProbeResult{Status: 401, Challenges: ntlm}, 0, true, ""},
		"challenge with a number":         {sip.ProbeResult{Status: 401, Challenges: ntlm}, 1000, true, ""},
		"challenge without a scheme":      {sip.ProbeResult{Status: 401}, 0, false, "sip-register-refused probable"},
		"challenge of another SIP server": {sip.ProbeResult{Status: 401, Challenges: []sip.Challenge{{Scheme: "Digest"}}}, 0, false, "sip-register-refused probable"},
		"challenge and a wrong clock":     {sip.ProbeResult{Status: 401, Challenges: ntlm}, 1013, true, "sip-clock-skew confirmed"},
		"no credentials to reject":        {sip.ProbeResult{Status: 403}, 1000, true, "sip-register-refused possible"},
		"nobody to be kept outside":       {sip.ProbeResult{Status: 403}, 4003, true, "sip-register-refused possible"},
		"nobody to own an address":        {sip.ProbeResult{Status: 403}, 4004, true, "sip-register-refused possible"},
		"version":                         {sip.ProbeResult{Status: 403}, 17002, true, "sip-client-version-blocked confirmed"},
		"between servers, 504":            {sip.ProbeResult{Status: 504}, 1008, false, "sip-service-unavailable confirmed"},
		"between servers, 403":            {sip.ProbeResult{Status: 403}, 1010, true, "sip-register-refused possible"},
	} {
		c := fact.Candidate{Endpoint: endpoint("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaManual}, SIP: &tt.answer}
		c.TLS = &certs.Result{Verified: true}
		if tt.id != 0 {
			c.SIP.Diagnostics = []sip.Diagnostic{{Header: "ms-diagnostics", ID: tt.id}}
		}
		f := fact.New()
		fact.Put(f, fact.TargetKey, target(t, joe), live)
		fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
		fact.Put(f, fact.CandidatesKey, []fact.Candidate{c}, live)
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, nil)
		var got []string
		for _, x := range report.Findings {
			if x.CausedBy == "" && x.Name != "lync-online-retired" {
				got = append(got, x.Name+" "+string(x.Confidence))
				if tt.id != 0 && !slices.ContainsFunc(x.Evidence, func(e fact.Evidence) bool { return e.Key == "diagnosticsId" }) {
					t.Errorf("%s: the number is no evidence", name)
				}
			}
		}
		if strings.Join(got, ", ") != tt.want || c.Works() != tt.works {
			t.Errorf("%s: works %t, %v, want %t, %s", name, c.Works(), got, tt.works, tt.want)
		}
	}
}

// TestMadeUpAddress: that a server does not know an address which nobody has is
// no failure.
func TestMadeUpAddress(t *testing.T) {
	for address, want := range map[string]string{"nobody@example.com": "info possible", joe: "failure confirmed"} {
		c := fact.Candidate{Endpoint: endpoint("sip.contoso.example"), Via: []fact.Via{fact.ViaManual},
			SIP: &sip.ProbeResult{Status: 404, Diagnostics: []sip.Diagnostic{{Header: "ms-diagnostics", ID: 4005}}}}
		c.TLS = &certs.Result{Verified: true}
		f := fact.New()
		fact.Put(f, fact.TargetKey, target(t, address), live)
		fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "server", ManualServer: "sip.contoso.example:443"}, live)
		fact.Put(f, fact.CandidatesKey, []fact.Candidate{c}, live)
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, nil)
		i := slices.IndexFunc(report.Findings, func(x lyncdiag.Finding) bool { return x.Name == "sip-user-not-found" })
		if i < 0 || string(report.Findings[i].Severity)+" "+string(report.Findings[i].Confidence) != want {
			t.Errorf("%s, want %s:\n%s", address, want, describe(report))
		}
	}
}
