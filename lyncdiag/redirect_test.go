package lyncdiag_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// TestRedirects: what a registrar leads to counts, as if DNS had named it.
func TestRedirects(t *testing.T) {
	moved := func(to string) *sip.ProbeResult { return &sip.ProbeResult{Status: 301, Contact: to} }
	hop := func(host string, answer *sip.ProbeResult) fact.Hop {
		h := fact.Hop{Endpoint: endpoint(host), SIP: answer}
		h.TLS = &certs.Result{Verified: true}
		return h
	}
	silent := fact.Hop{Endpoint: endpoint("pool1.online.lync.com")}
	silent.Reach.Status = fact.Filtered
	foreign := fact.Hop{Endpoint: endpoint("pool1.online.lync.com")}
	foreign.TLS = &certs.Result{Problems: []certs.Problem{{Code: "name-mismatch"}}}
	nameless, unasked := fact.Hop{Endpoint: endpoint("pool1.online.lync.com")}, fact.Hop{Endpoint: endpoint("pool1.online.lync.com")}
	nameless.Reach, nameless.Resolve = fact.Reach{Status: fact.Unresolved}, dnscheck.Host{Name: nameless.Host, Status: dnscheck.StatusNoSuchName}
	unasked.Reach, unasked.Resolve = fact.Reach{Status: fact.Unresolved}, dnscheck.Host{Name: nameless.Host, Status: dnscheck.StatusNoAnswer}
	var many []fact.Hop
	for i := range fact.MaxRedirects {
		many = append(many, hop(fmt.Sprintf("pool%d.online.lync.com", i+1), moved(fmt.Sprintf("sip:pool%d.online.lync.com:443", i+2))))
	}
	const first = "sip:pool1.online.lync.com:443;transport=tls"
	for name, tt := range map[string]struct {
		answer *sip.ProbeResult
		hops   []fact.Hop
		works  bool
		want   string // finding, "" for none
	}{
		"leads to a server that challenges":  {moved(first), []fact.Hop{hop("pool1.online.lync.com", &sip.ProbeResult{Status: 401, Challenges: []sip.Challenge{{Scheme: "NTLM"}}})}, true, ""},
		"leads to a name without an address": {moved(first), []fact.Hop{nameless}, false, "sip-register-refused"},
		"leads to one that nobody looked up": {moved(first), []fact.Hop{unasked}, false, ""},
		"leads to one that is down":          {moved(first), []fact.Hop{hop("pool1.online.lync.com", &sip.ProbeResult{Status: 503})}, false, "sip-service-unavailable"},
		"leads to one that is silent":        {moved(first), []fact.Hop{silent}, false, "tcp-443-filtered"},
		"leads to one with a wrong name":     {moved(first), []fact.Hop{foreign}, false, "sip-certificate-invalid"},
		"leads to itself":                    {moved("sip:sipdir.online.lync.com:443"), nil, false, "sip-redirect-loop"},
		"never ends":                         {moved(first), many, false, "sip-redirect-loop"},
		"leads nowhere":                      {moved("sip:pool1.online.lync.com;transport=tcp"), nil, false, "sip-register-refused"},
	} {
		c := fact.Candidate{Endpoint: endpoint("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaSRV}, SIP: tt.answer, Hops: tt.hops}
		c.TLS = &certs.Result{Verified: true}
		f := fact.New()
		fact.Put(f, fact.TargetKey, target(t, joe), live)
		fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
		fact.Put(f, fact.CandidatesKey, []fact.Candidate{c}, live)
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, nil)
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		names := slices.DeleteFunc(rootNames(report), func(n string) bool { return n == "lync-online-retired" })
		if c.Works() != tt.works || !slices.Equal(names, want) {
			t.Errorf("%s: works %t, %v, want %t, %v\n%s", name, c.Works(), names, tt.works, want, describe(report))
		}
	}
}
