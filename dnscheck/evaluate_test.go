package dnscheck_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// shared opens a file of the material beside the repository.
func shared(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../shared/" + name)
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the shared material is not there: %v", err)
	}
	return string(text)
}

// TestLyncOnlineFollowsTheArticle reads the tables of KB 2566790, which print the
// weight before the priority.
func TestLyncOnlineFollowsTheArticle(t *testing.T) {
	article := shared(t, "corpus/other/ref_kb2566790_dns.md")
	byName := make(map[string]dnscheck.Expectation)
	for _, e := range dnscheck.LyncOnline("contoso.com", "worldwide") {
		byName[e.Name] = e
	}
	rows := 0
	for _, m := range regexp.MustCompile(`(?m)^\|?SRV\|(\w+)\|(\w+)\|(\d+)\|(\d+)\|(\d+)\|1 hour\|.*\|([\w.]+)\|`).FindAllStringSubmatch(article, -1) {
		rows++
		name := m[1] + "." + m[2] + ".contoso.com"
		want := name + ". 3600 IN SRV " + m[5] + " " + m[4] + " " + m[3] + " " + m[6] + "."
		if got := byName[name].Example; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\|?CNAME\|(\w+)\.[^|]*\|([\w.]+)\|1 hour`).FindAllStringSubmatch(article, -1) {
		rows++
		name := m[1] + ".contoso.com"
		if got, want := byName[name].Example, name+". 3600 IN CNAME "+m[2]+"."; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if rows != 4 {
		t.Errorf("%d rows read from the article, want 4", rows)
	}
}

func TestExpectationsAreZoneFileLines(t *testing.T) {
	lists := map[string][]dnscheck.Expectation{
		"hybrid": dnscheck.Hybrid("B\u00fccher.example"),
		"server": dnscheck.LyncServer("contoso.com"),
	}
	for _, cloud := range []string{"", "worldwide", "gcc-high", "dod", "china"} {
		lists["online "+cloud] = dnscheck.LyncOnline("contoso.com", cloud)
	}
	for label, list := range lists {
		if len(list) == 0 {
			t.Errorf("%s: empty", label)
		}
		for _, e := range list {
			if e.Purpose == "" || e.Source == "" || e.Need == "" || e.Expected == "" {
				t.Errorf("%s: %s lacks something: %+v", label, e.Name, e)
			}
			if e.Example == "" {
				if len(e.Targets) > 0 {
					t.Errorf("%s: %s has targets and no example", label, e.Name)
				}
				continue
			}
			rr, err := dns.NewRR(e.Example)
			if err != nil || rr.Header().Name != e.Name+"." || dns.TypeToString[rr.Header().Rrtype] != e.Type {
				t.Errorf("%s: %s: %q: %v", label, e.Name, e.Example, err)
			}
		}
	}
	for _, none := range [][]dnscheck.Expectation{
		dnscheck.LyncOnline("contoso.onmicrosoft.com", ""), dnscheck.LyncOnline("contoso.com", "mars"), dnscheck.LyncOnline("a b", ""),
		dnscheck.Hybrid("contoso.onmicrosoft.com"), dnscheck.LyncServer(""),
	} {
		if none != nil {
			t.Errorf("want no expectations, got %+v", none)
		}
	}
}

// TestCloudHosts holds the hosts of Microsoft's DNS articles and service
// description of each cloud.
func TestCloudHosts(t *testing.T) {
	tests := []struct {
		cloud, sip, web, federation string
		login                       []string
	}{
		{"worldwide", "sipdir.online.lync.com", "webdir.online.lync.com", "sipfed.online.lync.com", []string{"login.microsoftonline.com"}},
		{"gcc-high", "sipdir.online.gov.skypeforbusiness.us", "webdir.online.gov.skypeforbusiness.us", "sipfed.online.gov.skypeforbusiness.us", []string{"login.microsoftonline.us", "login-us.microsoftonline.com"}},
		{"dod", "sipdir.online.dod.skypeforbusiness.us", "webdir.online.dod.skypeforbusiness.us", "sipfed.online.dod.skypeforbusiness.us", []string{"login.microsoftonline.us", "login-us.microsoftonline.com"}},
		{"china", "sipdir.online.partner.lync.cn", "webdir.online.partner.lync.cn", "sipfed.online.partner.lync.cn", []string{"login.chinacloudapi.cn"}},
	}
	for _, test := range tests {
		cloud, h := test.cloud, dnscheck.CloudHosts(test.cloud)
		if h.Cloud != cloud || h.SIP != test.sip || h.Web != test.web || h.Federation != test.federation || !slices.Equal(h.Login, test.login) {
			t.Errorf("got %+v, want %+v", h, test)
		}
		for _, host := range []string{h.SIP, h.Web, h.Federation, strings.ToUpper(h.SIP) + "."} {
			if got, ok := dnscheck.IsOnlineHost(host); !ok || got != cloud {
				t.Errorf("%s: %q, %v, want %q", host, got, ok, cloud)
			}
		}
		if h.Manual != test.sip+":443" || h.Source == "" {
			t.Errorf("%+v", h)
		}
	}
	for _, host := range []string{"", "contoso.com", "evil-lync.com", "lync.com.contoso.com", "skypeforbusiness.us"} {
		if cloud, ok := dnscheck.IsOnlineHost(host); ok {
			t.Errorf("%s: %q", host, cloud)
		}
	}
}

func TestEvaluate(t *testing.T) {
	const (
		discover  = "lyncdiscover.contoso.example"
		sip       = "sip.contoso.example"
		sipTLS    = "_sip._tls.contoso.example"
		federated = "_sipfederationtls._tcp.contoso.example"
	)
	without := func(line string) string {
		var kept []string
		for l := range strings.Lines(healthyZone) {
			if !strings.HasPrefix(l, line+" ") {
				kept = append(kept, l)
			}
		}
		return strings.Join(kept, "")
	}
	tests := []struct {
		label     string
		zone      string
		overrides []dnstest.Override
		name      string
		status    dnscheck.CheckStatus
		problem   dnscheck.Problem
		detail    string // must be in Detail
		fix       bool
	}{
		{label: "healthy lyncdiscover", zone: healthyZone, name: discover, status: dnscheck.CheckOK},
		{label: "healthy sip", zone: healthyZone, name: sip, status: dnscheck.CheckOK},
		{label: "healthy SRV", zone: healthyZone, name: sipTLS, status: dnscheck.CheckOK},
		{label: "no lyncdiscoverinternal", zone: healthyZone, name: "lyncdiscoverinternal.contoso.example", status: dnscheck.CheckNotApplicable},
		{label: "no lyncdiscover", zone: without("lyncdiscover"), name: discover, status: dnscheck.CheckMissing, fix: true},
		{label: "no SRV", zone: without("_sip._tls"), name: sipTLS, status: dnscheck.CheckMissing, fix: true},
		{label: "no federation", zone: without("_sipfederationtls._tcp"), name: federated, status: dnscheck.CheckMissing, fix: true},
		{label: "name of another type", zone: without("_sip._tls") + "_sip._tls TXT x\n", name: sipTLS, status: dnscheck.CheckMissing, fix: true},
		{label: "wrong SRV target", zone: without("_sip._tls") + "_sip._tls SRV 100 1 443 sipfed.online.lync.com.\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemWrong, detail: "in place of sipdir.online.lync.com", fix: true},
		{label: "wrong port", zone: without("_sip._tls") + "_sip._tls SRV 100 1 5061 sipdir.online.lync.com.\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemWrong, detail: "port 5061", fix: true},
		{label: "priority and weight", zone: without("_sip._tls") + "_sip._tls SRV 1 100 443 SIPDIR.online.lync.com.\n", name: sipTLS, status: dnscheck.CheckOK},
		{label: "dot forgotten", zone: without("sip") + "sip CNAME sipdir.online.lync.com\n", name: sip, status: dnscheck.CheckWrong, problem: dnscheck.ProblemUnresolvable, detail: "dot at the end is missing", fix: true},
		{label: "SRV target that is missing", zone: without("_sip._tls") + "_sip._tls SRV 100 1 443 nothing\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemUnresolvable, fix: true},
		{label: "white space", zone: without("_sip._tls") + `_sip._tls SRV 100 1 443 sipdir.online.lync.com\032.` + "\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemMalformed, fix: true},
		{label: "URL as a target", zone: without("lyncdiscover") + "lyncdiscover CNAME https://webdir.online.lync.com.\n", name: discover, status: dnscheck.CheckWrong, problem: dnscheck.ProblemMalformed, fix: true},
		{label: "loop", zone: without("sip") + "sip CNAME sip2\nsip2 CNAME sip\n", name: sip, status: dnscheck.CheckWrong, problem: dnscheck.ProblemCNAMELoop, fix: true},
		{label: "target in a loop", zone: without("_sip._tls") + "_sip._tls SRV 1 1 443 a\na CNAME b\nb CNAME a\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemCNAMELoop, fix: true},
		{label: "not offered", zone: without("_sip._tls") + "_sip._tls SRV 0 0 0 .\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemWrong, detail: "not offered", fix: true},
		{label: "other cloud", zone: without("_sip._tls") + "_sip._tls SRV 1 1 443 sipdir.online.partner.lync.cn.\nsipdir.online.partner.lync.cn.contoso.example. A 127.0.0.1\n", overrides: []dnstest.Override{{Name: "sipdir.online.partner.lync.cn", Type: "A", Records: []string{"sipdir.online.partner.lync.cn. A 127.0.0.4"}}}, name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemWrong, detail: "cloud china", fix: true},
		{label: "chain through the target", zone: without("lyncdiscover") + "lyncdiscover CNAME own\nown CNAME webdir.online.lync.com.\n", name: discover, status: dnscheck.CheckOK},
		{label: "address of the target", zone: without("lyncdiscover") + "lyncdiscover A 127.0.10.2\n", name: discover, status: dnscheck.CheckOK, detail: "in place of a CNAME"},
		{label: "another address", zone: without("lyncdiscover") + "lyncdiscover A 127.0.0.9\n", name: discover, status: dnscheck.CheckWrong, problem: dnscheck.ProblemWrong, fix: true},
		{label: "address, target unknown", zone: without("lyncdiscover") + "lyncdiscover A 127.0.0.9\n", overrides: []dnstest.Override{{Name: "webdir.online.lync.com", RCode: "SERVFAIL"}}, name: discover, status: dnscheck.CheckError, detail: "not known"},
		{label: "CNAME to the target's other name", zone: without("lyncdiscover") + "lyncdiscover CNAME webdir1e.infra.online.lync.com.\n", name: discover, status: dnscheck.CheckOK},
		{label: "target dead", zone: healthyZone, overrides: []dnstest.Override{{Name: "sipdir.online.lync.com", RCode: "NXDOMAIN"}}, name: sipTLS, status: dnscheck.CheckError, problem: dnscheck.ProblemUnresolvable},
		{label: "target failing", zone: healthyZone, overrides: []dnstest.Override{{Name: "sipdir.online.lync.com", RCode: "SERVFAIL"}}, name: sipTLS, status: dnscheck.CheckError, detail: "server-failure"},
		{label: "server failure", zone: healthyZone, overrides: []dnstest.Override{{RCode: "SERVFAIL"}}, name: sipTLS, status: dnscheck.CheckError},
		{label: "server failure for a host", zone: healthyZone, overrides: []dnstest.Override{{RCode: "SERVFAIL"}}, name: sip, status: dnscheck.CheckError},
		{label: "refused", zone: healthyZone, overrides: []dnstest.Override{{RCode: "REFUSED"}}, name: discover, status: dnscheck.CheckError},
		{label: "contradiction", zone: healthyZone + "_sip._tls SRV 100 5 443 sipfed.online.lync.com.\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemDuplicate, fix: true},
		{label: "wrong one preferred", zone: healthyZone + "_sip._tls SRV 10 1 443 sipfed.online.lync.com.\n", name: sipTLS, status: dnscheck.CheckWrong, problem: dnscheck.ProblemWrong, fix: true},
		{label: "wrong one behind", zone: healthyZone + "_sip._tls SRV 200 1 443 sipfed.online.lync.com.\n", name: sipTLS, status: dnscheck.CheckOK, problem: dnscheck.ProblemDuplicate},
		{label: "left over", zone: healthyZone + "_sipinternaltls._tcp SRV 0 0 5061 pool\npool A 127.0.0.1\n", name: "_sipinternaltls._tcp.contoso.example", status: dnscheck.CheckExtra},
		{label: "left over host", zone: healthyZone + "sipexternal A 127.0.0.1\n", name: "sipexternal.contoso.example", status: dnscheck.CheckExtra},
	}
	online := dnscheck.CloudHosts("worldwide")
	for _, test := range tests {
		t.Run(test.label, func(t *testing.T) {
			c := client(resolver(t, test.zone, test.overrides...))
			res := c.Ask(t.Context(), "contoso.example", online.Web, online.SIP)
			checks := dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "worldwide"))
			found := 0
			for _, check := range checks {
				if check.Name != test.name {
					continue
				}
				found++
				if check.Status != test.status || check.Problem != test.problem {
					t.Errorf("%s, problem %q, want %s, %q (%s)", check.Status, check.Problem, test.status, test.problem, check.Detail)
				}
				if !strings.Contains(check.Detail, test.detail) {
					t.Errorf("detail %q, want %q in it", check.Detail, test.detail)
				}
				if (check.Fix != "") != test.fix {
					t.Errorf("fix %q, want one: %v", check.Fix, test.fix)
				}
			}
			if found != 1 {
				t.Errorf("%d checks of %s in %+v", found, test.name, checks)
			}
		})
	}
}

// TestEvaluateAtTheZonesOwnServer: a server without recursion knows nothing of the
// targets, and that is nothing to hold against the records.
func TestEvaluateAtTheZonesOwnServer(t *testing.T) {
	s := &dnstest.Server{Zones: []*dnstest.Zone{zone(t, "contoso.example", healthyZone)}}
	res := client(s).Ask(t.Context(), "contoso.example")
	for _, check := range dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "")) {
		if check.Status != dnscheck.CheckOK && check.Status != dnscheck.CheckNotApplicable {
			t.Errorf("%s: %s %s", check.Name, check.Status, check.Detail)
		}
	}
}

// TestOnPremisesHostsAreTheCustomers: nobody but the customer knows the hosts, and
// an Edge with a single address offers sign-in on port 5061.
func TestOnPremisesHostsAreTheCustomers(t *testing.T) {
	for label, want := range map[string][]dnscheck.Expectation{
		"server": dnscheck.LyncServer("contoso.example"), "hybrid": dnscheck.Hybrid("contoso.example"),
	} {
		for _, e := range want {
			if e.Example != "" || !e.OnPremises || len(e.Targets) > 0 {
				t.Errorf("%s: %+v", label, e)
			}
			if e.Name == "_sip._tls.contoso.example" && (e.Port != 0 || e.Expected != "port 443 (5061 on an Edge with a single address) of the Access Edge") {
				t.Errorf("%s: %+v", label, e)
			}
			if hybrid := strings.HasPrefix(e.Name, "lyncdiscover.") && label == "hybrid"; hybrid != (e.Source == "KB2757450") {
				t.Errorf("%s: %s: source %q", label, e.Name, e.Source)
			}
		}
		res := client(resolver(t, "_sip._tls SRV 0 0 5061 edge\nedge A 127.0.0.2\n")).Ask(t.Context(), "contoso.example")
		for _, check := range dnscheck.Evaluate(res, want) {
			if check.Type == "SRV" && check.Need == dnscheck.NeedRequired && check.Status != dnscheck.CheckOK {
				t.Errorf("%s: %s: %s %s", label, check.Name, check.Status, check.Detail)
			}
		}
	}
}

func TestEvaluateOnPremises(t *testing.T) {
	const own = `
lyncdiscover           A 127.0.0.1
_sip._tls              SRV 0 0 443 edge
_sipinternaltls._tcp   SRV 0 0 5061 pool
_sipfederationtls._tcp SRV 0 0 5061 edge
sip                    CNAME edge
edge                   A 127.0.0.2
pool                   A 127.0.0.3
`
	for label, want := range map[string][]dnscheck.Expectation{
		"server": dnscheck.LyncServer("contoso.example"), "hybrid": dnscheck.Hybrid("contoso.example"),
	} {
		res := client(resolver(t, own)).Ask(t.Context(), "contoso.example")
		for _, check := range dnscheck.Evaluate(res, want) {
			if check.Status != dnscheck.CheckOK && check.Status != dnscheck.CheckNotApplicable {
				t.Errorf("%s: %s: %s %s", label, check.Name, check.Status, check.Detail)
			}
		}
		res = client(resolver(t, healthyZone)).Ask(t.Context(), "contoso.example")
		for _, check := range dnscheck.Evaluate(res, want) {
			leadsAway := check.Status == dnscheck.CheckWrong && check.Problem == dnscheck.ProblemWrong && strings.Contains(check.Detail, "online service")
			if !leadsAway && check.Status != dnscheck.CheckNotApplicable {
				t.Errorf("%s, records of the online service: %s: %s %s", label, check.Name, check.Status, check.Detail)
			}
		}
	}
}
