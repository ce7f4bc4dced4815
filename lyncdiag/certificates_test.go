package lyncdiag_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// shows is an endpoint with a chain under a root; "" for one that is not
// trusted.
func shows(name, issuer, root string) fact.Endpoint {
	e := endpoint(name)
	e.TLS = &certs.Result{Verified: root != "", Root: root, Chain: []certs.Certificate{{Subject: "CN=" + name, Issuer: issuer, DNSNames: []string{name}, Thumbprint: name}}}
	if root == "" {
		e.TLS.Problems = []certs.Problem{{Code: "untrusted-root", Detail: "the root is not trusted"}}
	}
	return e
}

func judged(put func(*fact.Facts)) *lyncdiag.Report {
	f := fact.New()
	fact.Put(f, fact.TargetKey, fact.Subject{Address: joe, Domain: "contoso.example"}, live)
	fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
	put(f)
	report := &lyncdiag.Report{Complete: true}
	lyncdiag.Judge(report, f, lyncdiag.DefaultRules())
	return report
}

func TestInterception(t *testing.T) {
	const ours, theirs, digicert = "CN=Inspection CA,O=Contoso Ltd", "CN=Other CA", "CN=DigiCert Global Root G2,OU=www.digicert.com,O=DigiCert Inc,C=US"
	const bluecoat, evil = "CN=Symantec Web Gateway,O=Contoso", "CN=Evil DigiCert-like Inspection CA"
	const verisign = `CN=VeriSign Class 3,O=VeriSign\, Inc.,C=US`
	candidate := func(e fact.Endpoint) []fact.Candidate {
		return []fact.Candidate{{Endpoint: e, Via: []fact.Via{fact.ViaManual}}}
	}
	tests := []struct {
		name       string
		sip, login fact.Endpoint
		known      []string
		want       bool
	}{
		{"both under the company's root, trusted", shows("sipdir.online.lync.com", ours, ours), shows("login.microsoftonline.com", ours, ours), nil, true},
		{"both under the company's root, not trusted", shows("sipdir.online.lync.com", ours, ""), shows("login.microsoftonline.com", ours, ""), nil, true},
		{"both under a public root", shows("sipdir.online.lync.com", "CN=Microsoft Azure RSA TLS Issuing CA 03", digicert), shows("login.microsoftonline.com", "CN=DigiCert SHA2", digicert), nil, false},
		{"one of them only", shows("sipdir.online.lync.com", ours, ours), shows("login.microsoftonline.com", "CN=DigiCert SHA2", digicert), nil, false},
		{"two different ones", shows("sipdir.online.lync.com", ours, ours), shows("login.microsoftonline.com", theirs, theirs), nil, false},
		{"under a root that was named", shows("sipdir.online.lync.com", ours, ours), shows("login.microsoftonline.com", ours, ours), []string{ours}, false},
		{"a well-known name within the device's", shows("sipdir.online.lync.com", bluecoat, bluecoat), shows("login.microsoftonline.com", bluecoat, bluecoat), nil, true},
		{"a well-known name within the common name", shows("sipdir.online.lync.com", evil, evil), shows("login.microsoftonline.com", evil, evil), nil, true},
		{"a well-known name that does not verify", shows("sipdir.online.lync.com", digicert, ""), shows("login.microsoftonline.com", digicert, ""), nil, true},
		{"a name with a comma in it", shows("sipdir.online.lync.com", "CN=x", verisign), shows("login.microsoftonline.com", "CN=x", verisign), nil, false},
		{"hosts that are not public", shows("sip.contoso.example", ours, ours), shows("login.microsoftonline.com", ours, ours), nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := judged(func(f *fact.Facts) {
				fact.Put(f, fact.CandidatesKey, candidate(test.sip), live)
				fact.Put(f, fact.LoginKey, test.login, live)
				if test.known != nil {
					fact.Put(f, fact.PublicRootsKey, test.known, live)
				}
			})
			i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "tls-intercepted" })
			if (i >= 0) != test.want {
				t.Fatalf("got %v", rootNames(report))
			}
			if test.want && !slices.Equal(rootNames(report), []string{"tls-intercepted"}) {
				t.Errorf("it does not explain the rest: %v", rootNames(report))
			}
		})
	}
}

func TestWithoutSNI(t *testing.T) {
	const sts = "sts.contoso.example"
	failed := func(kind string) *certs.Result {
		return &certs.Result{Handshake: &certs.Failure{Phase: "handshake", Kind: kind, Detail: "…"}}
	}
	other := shows("www.contoso.example", "CN=x", "CN=x").TLS
	wild := shows(sts, "CN=x", "CN=x").TLS
	wild.Chain[0].Thumbprint, wild.Chain[0].DNSNames = "other", []string{"*.contoso.example"}
	for name, test := range map[string]struct {
		without *certs.Result
		want    bool
	}{
		"reset":                           {failed("reset"), true},
		"alert":                           {failed("alert"), true},
		"silent":                          {failed("timeout"), false},
		"the same certificate":            {shows(sts, "CN=x", "CN=x").TLS, false},
		"another's certificate":           {other, true},
		"another that names the host too": {wild, false},
	} {
		report := judged(func(f *fact.Facts) {
			fact.Put(f, fact.FederationKey, shows(sts, "CN=x", "CN=x"), live)
			e := endpoint(sts)
			e.TLS = test.without
			fact.Put(f, fact.WithoutSNIKey, e, live)
		})
		if got := slices.Contains(rootNames(report), "adfs-sni-required"); got != test.want {
			t.Errorf("%s: %v", name, rootNames(report))
		}
	}
}

// TestUsefulAnswers: revocation that somebody answers badly is told from one
// that nobody answers, by the addresses of the certificate and not by words.
func TestUsefulAnswers(t *testing.T) {
	const sts, list, other = "sts.contoso.example", "http://pki.contoso.example/list.crl", "http://pki.contoso.example/list.crl2"
	const silent, useless = "The revocation lists of the federation service's certificate cannot be fetched", "The revocation answers about a certificate of {host} cannot be used"
	for name, test := range map[string]struct {
		problem, otherProblem, detail string
		stapled                       bool
		want                          string
	}{
		"nobody answers":                    {"timeout", "timeout", "the list at " + list + ": timeout", false, silent},
		"nobody answers, and words are cut": {"timeout", "timeout", "the list at http://pki.con...", false, silent},
		"somebody answers about another":    {"timeout", "malformed", "the list at " + other + ": timeout", false, silent},
		"junk":                              {"malformed", "timeout", "...", false, useless},
		"stapled, and of no use":            {"timeout", "timeout", "...", true, useless},
	} {
		report := judged(func(f *fact.Facts) {
			e := shows(sts, "CN=x", "CN=x")
			e.TLS.Chain[0].CRLs, e.TLS.OCSPStapled = []string{list}, test.stapled
			fact.Put(f, fact.FederationKey, e, live)
			fact.Put(f, fact.StandingsKey, []fact.Standing{{Host: sts, Port: 443, Standing: certs.Standing{
				Revocation: []certs.Revocation{{Status: "unknown", Detail: test.detail}},
				Requests:   []certs.Request{{URL: list, Kind: "crl", Problem: test.problem}, {URL: other, Kind: "crl", Problem: test.otherProblem}},
			}}}, live)
		})
		i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "adfs-revocation-unreachable" })
		if i < 0 || report.Findings[i].Title != test.want {
			t.Errorf("%s: %v", name, report.Findings)
		}
	}
}

func TestCheckCertificate(t *testing.T) {
	day := 24 * time.Hour
	at := time.Date(2013, 6, 1, 0, 0, 0, 0, time.UTC)
	edge := certs.Certificate{Subject: "CN=edge.contoso.example,O=Contoso", DNSNames: []string{"edge.contoso.example", "sip.contoso.example"}, Usages: []string{"serverAuth"},
		CRLs: []string{"http://crl.example/a.crl"}, KeyAlgorithm: "RSA", KeyBits: 2048, SignatureAlgorithm: "SHA256-RSA", NotBefore: at, NotAfter: at.Add(90 * day)}
	wild := edge
	wild.DNSNames = []string{"edge.contoso.example", "*.contoso.example"}
	wildSubject := edge
	wildSubject.Subject, wildSubject.DNSNames = "CN=*.contoso.example", []string{"*.contoso.example", "edge.contoso.example", "sip.contoso.example"}
	addressed, self := edge, edge
	addressed.IPAddresses, self.SelfSigned = []string{"127.0.0.7"}, true
	personal := certs.Certificate{Subject: "CN=joe@contoso.example", Issuer: "CN=Communications Server", Usages: []string{"clientAuth"}, KeyAlgorithm: "RSA", KeyBits: 2048, NotBefore: at, NotAfter: at.Add(180 * day)}
	old := personal
	old.NotAfter = at.Add(400 * day)
	for name, test := range map[string]struct {
		role  string
		c     certs.Certificate
		host  string
		unmet int
	}{
		"edge":                           {"access-edge", edge, "edge.contoso.example", 0},
		"wildcard on the edge":           {"access-edge", wild, "edge.contoso.example", 1},
		"wildcard as the edge's subject": {"access-edge", wildSubject, "edge.contoso.example", 1},
		"a pool asked by its address":    {"pool", addressed, "127.0.0.7", 0},
		"a pool of another address":      {"pool", addressed, "127.0.0.8", 1},
		"signed by itself on the edge":   {"access-edge", self, "edge.contoso.example", 1},
		"wildcard on the reverse proxy":  {"reverse-proxy", wild, "lyncweb.contoso.example", 0},
		"the edge's on the pool":         {"pool", edge, "pool.contoso.example", 1},
		"AD FS of another name":          {"adfs", edge, "sts.contoso.example", 1},
		"personal":                       {"client", personal, "", 0},
		"personal, too long":             {"client", old, "", 1},
		"a server's as a client's":       {"client", edge, "", 2},
		"no such role":                   {"nothing", edge, "", 0},
	} {
		unmet := 0
		for _, c := range lyncdiag.CheckCertificate(test.role, test.c, test.host, "contoso.example") {
			if len(c.Sources) == 0 || c.Requirement == "" || c.Role != test.role {
				t.Errorf("%s: %+v", name, c)
			}
			if c.Status == "unmet" {
				unmet++
			}
		}
		if unmet != test.unmet {
			t.Errorf("%s: %d unmet, want %d: %+v", name, unmet, test.unmet, lyncdiag.CheckCertificate(test.role, test.c, test.host, "contoso.example"))
		}
	}
	for role, wanted := range map[string][]string{
		"access-edge": {"webconf"}, "pool": {"meet", "dialin", "admin", "lyncdiscoverinternal"}, "director": {"meet", "dialin", "admin"}, "reverse-proxy": {"meet", "dialin", "lyncdiscover"},
	} {
		checks := lyncdiag.CheckCertificate(role, edge, "edge.contoso.example", "contoso.example")
		for _, name := range wanted {
			if !slices.ContainsFunc(checks, func(c lyncdiag.CertificateCheck) bool {
				return c.Status == "not-applicable" && strings.HasSuffix(c.Requirement, "include "+name+".contoso.example")
			}) {
				t.Errorf("%s does not ask for %s", role, name)
			}
		}
	}
	for _, r := range kb.CertificateRoles() {
		if len(lyncdiag.CheckCertificate(r.Name, edge, "edge.contoso.example", "contoso.example")) == 0 {
			t.Errorf("%s asks for nothing", r.Name)
		}
	}
}
