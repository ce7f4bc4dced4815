package lyncdiag_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// unlisted stands for a code that a later version of a leaf may bring: it must
// end in the generic finding of its family, not in silence.
const unlisted = "a-code-of-tomorrow"

// tokenAnswer is an answer of class code to a token request, or the problem of
// that name in one that could not be read.
func tokenAnswer(address string, status int, code string) *adfs.TrustAnswer {
	a := &adfs.TrustAnswer{Endpoint: adfs.Endpoint{Address: address}, Exchange: adfs.Exchange{Asked: true, Status: status}, Code: "Sender", Classification: code}
	switch {
	case code == "ok":
		a.HasToken, a.Code = true, ""
	case slices.Contains(adfs.Codes(), code):
		a.Exchange.Problem, a.Code, a.Classification, a.Problems = code, "", "unknown", []adfs.Problem{{Code: code}}
	}
	return a
}

// TestEveryObservationHasAFinding feeds each leaf's codes to the rules, one at
// a time, and an unlisted one. Each gives a finding or is a written exception.
func TestEveryObservationHasAFinding(t *testing.T) {
	families := []struct {
		name       string
		codes      []string
		put        func(f *fact.Facts, code string)
		exceptions map[string]string
	}{
		{
			name: "certificate of the federation service", codes: texts(certs.Codes()),
			put: func(f *fact.Facts, code string) {
				e := endpoint("sts.contoso.example")
				e.TLS = &certs.Result{Problems: []certs.Problem{{Code: certs.Code(code), Detail: "…"}}}
				fact.Put(f, fact.FederationKey, e, live)
			},
		},
		{
			name: "certificate of the registrar", codes: texts(certs.Codes()),
			put: func(f *fact.Facts, code string) {
				c := fact.Candidate{Endpoint: endpoint("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaManual}}
				c.TLS = &certs.Result{Problems: []certs.Problem{{Code: certs.Code(code), Detail: "…"}}}
				fact.Put(f, fact.CandidatesKey, []fact.Candidate{c}, live)
			},
		},
		{
			name: "weakness of the registrar's certificate", codes: texts(certs.Codes()),
			put: func(f *fact.Facts, code string) {
				c := fact.Candidate{Endpoint: endpoint("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaManual}}
				c.TLS = weakness(code)
				fact.Put(f, fact.CandidatesKey, []fact.Candidate{c}, live)
			},
		},
		{
			name: "weakness of the web services host's certificate", codes: texts(certs.Codes()),
			put: func(f *fact.Facts, code string) {
				e := endpoint("webdir.online.lync.com")
				e.TLS = weakness(code)
				fact.Put(f, fact.WebHostsKey, []fact.Endpoint{e}, live)
			},
		},
		{
			name: "weakness of the login service's certificate", codes: texts(certs.Codes()),
			put: func(f *fact.Facts, code string) {
				e := endpoint("login.microsoftonline.com")
				e.TLS = weakness(code)
				fact.Put(f, fact.LoginKey, e, live)
			},
		},
		{
			name: "weakness of the federation service's certificate", codes: texts(certs.Codes()),
			put: func(f *fact.Facts, code string) {
				e := endpoint("sts.contoso.example")
				e.TLS = weakness(code)
				fact.Put(f, fact.FederationKey, e, live)
			},
		},
		{
			name: "answer to a MEX request", codes: adfs.Codes(),
			put: func(f *fact.Facts, code string) {
				mex := &adfs.MEX{URL: "https://sts.contoso.example/adfs/services/trust/mex"}
				switch code {
				case "no-username-endpoint", "username-13-only", "username-2005-only", "insecure-endpoint", "policy-missing", "port-address", "host-mismatch":
					mex.Get, mex.Post = adfs.Exchange{Asked: true, Status: 200}, adfs.Exchange{Asked: true, Status: 200}
					mex.Endpoints = []adfs.Endpoint{{Name: "port", Authentication: "username"}}
					mex.Problems = []adfs.Problem{{Code: code}}
				default:
					mex.Get, mex.Post = adfs.Exchange{Asked: true, Problem: code}, adfs.Exchange{Asked: true, Problem: code}
				}
				fact.Put(f, fact.MEXKey, mex, live)
			},
		},
		{
			name: "answer of the login service", codes: adfs.Codes(),
			put: func(f *fact.Facts, code string) {
				other := fact.Candidate{Endpoint: endpoint("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaManual}}
				other.TLS = &certs.Result{Verified: true}
				fact.Put(f, fact.CandidatesKey, []fact.Candidate{other}, live)
				e := endpoint("login.microsoftonline.com")
				e.TLS = &certs.Result{Verified: true}
				fact.Put(f, fact.LoginKey, e, live)
				fact.Put(f, fact.RealmKey, &adfs.Realm{Problem: code}, live)
			},
			exceptions: map[string]string{
				"bad-address": "it was not asked",
				"bad-url":     "it was not asked",
			},
		},
		{
			name: "answer to a token request", codes: append(texts(tokenClasses), adfs.Codes()...),
			put: func(f *fact.Facts, code string) {
				fact.Put(f, fact.TokenKey, tokenAnswer("https://sts.contoso.example/", 500, code), live)
			},
			exceptions: map[string]string{"ok": "a token was issued"},
		},
		{
			name: "answer to a token request at the cloud", codes: append(texts(tokenClasses), adfs.Codes()...),
			put: func(f *fact.Facts, code string) {
				fact.Put(f, fact.CloudTokenKey, tokenAnswer("https://login.microsoftonline.com/RST2.srf", 200, code), live)
			},
			exceptions: map[string]string{"ok": "a token was issued"},
		},
		{
			name: "Autodiscover walk",
			codes: texts([]dnscheck.Problem{
				dnscheck.ProblemMalformed, dnscheck.ProblemUnreachable, dnscheck.ProblemCertificateName, dnscheck.ProblemCertificate, dnscheck.ProblemHTTPError,
				dnscheck.ProblemNotFound, dnscheck.ProblemNotAutodiscover, dnscheck.ProblemNoWebTicket, dnscheck.ProblemRedirectLoop,
				dnscheck.ProblemTooManyRedirects, dnscheck.ProblemInsecureRedirect, dnscheck.ProblemTooLarge, dnscheck.ProblemCancelled, dnscheck.ProblemBadDomain,
			}),
			put: func(f *fact.Facts, code string) {
				fact.Put(f, fact.WalkKey, &dnscheck.Walk{Outcome: dnscheck.OutcomeFailed, Problem: dnscheck.Problem(code),
					Hops: []dnscheck.Hop{{URL: "https://webdir.online.lync.com/", Problem: dnscheck.Problem(code)}}}, live)
			},
			exceptions: map[string]string{
				"unreachable": "the transport rules name the host",
				"cancelled":   "nothing was observed",
				"bad-domain":  "nothing was asked",
			},
		},
		{
			name: "records", codes: texts([]dnscheck.Status{
				dnscheck.StatusOK, dnscheck.StatusNoSuchName, dnscheck.StatusNoData, dnscheck.StatusServerFailure, dnscheck.StatusRefused,
				dnscheck.StatusOtherRCode, dnscheck.StatusNoAnswer, dnscheck.StatusNetworkError, dnscheck.StatusMalformed, dnscheck.StatusCNAMELoop, dnscheck.StatusCancelled,
			}),
			put: func(f *fact.Facts, code string) {
				server := dnscheck.Server{Name: "r", Addr: netip.MustParseAddrPort("127.0.0.53:53")}
				status := dnscheck.Status(code)
				fact.Put(f, fact.DNSKey, &dnscheck.Result{Domain: "contoso.example", Servers: []dnscheck.Server{server},
					Answers: []dnscheck.Answer{{Name: "_sip._tls.contoso.example", Type: "SRV", Server: "r", Status: status,
						Records: []dnscheck.Record{{Type: "SRV", Target: "sipdir.online.lync.com", Port: 443, Text: "100 1 443 sipdir.online.lync.com."}}}},
					Hosts: []dnscheck.Host{{Name: "sip.contoso.example", Server: "r", Status: status}, {Name: "login.microsoftonline.com", Server: "r", Status: status}}}, live)
			},
			exceptions: map[string]string{"ok": "records are there", "cancelled": "nothing was observed"},
		},
		{
			name: "plan of a licence", codes: []string{"provisioned", "assigned", "pending", "disabled", "suspended", "error"},
			put: func(f *fact.Facts, code string) {
				fact.Put(f, fact.DirectoryUsersKey, []fact.DirectoryUser{{UserPrincipalName: joe, PlansKnown: true,
					Plans: []fact.LyncPlan{{Name: "MCOSTANDARD", Status: code}}}}, fact.Origin{Kind: fact.Directory, Where: "user.json"})
			},
			exceptions: map[string]string{
				"provisioned": "licensed", "assigned": "licensed",
				unlisted: "what a status of tomorrow means nobody knows; the licence is there",
			},
		},
		{
			name: "service on the dashboard",
			codes: []string{"serviceOperational", "investigating", "restoringService", "verifyingService", "serviceRestored", "postIncidentReviewPublished",
				"serviceDegradation", "serviceInterruption", "extendedRecovery", "falsePositive", "investigationSuspended", "resolved",
				"mitigatedExternal", "mitigated", "resolvedExternal", "confirmed", "reported", "unknownFutureValue"},
			put: func(f *fact.Facts, code string) {
				fact.Put(f, fact.ServiceHealthKey, []fact.ServiceHealth{{ID: "Lync", Service: "Skype for Business", Status: code}}, fact.Origin{Kind: fact.Directory})
			},
			exceptions: map[string]string{
				"serviceOperational": "healthy", "serviceRestored": "healthy", "postIncidentReviewPublished": "over", "falsePositive": "there was none",
				"resolved": "over", "resolvedExternal": "over", "mitigated": "over", "mitigatedExternal": "over",
				"investigating": "not known to be an incident", "verifyingService": "may be healthy again", "investigationSuspended": "nobody can tell",
				"reported": "not confirmed", "unknownFutureValue": "nobody can tell", unlisted: "nobody can tell",
			},
		},
		{
			name: "attempt in a log", codes: texts(sip.Codes()),
			put: func(f *fact.Facts, code string) {
				fact.Put(f, fact.AttemptsKey, []sip.Attempt{attemptOf(t, sip.Class(code))}, fact.Origin{Kind: fact.Log})
			},
			exceptions: map[string]string{
				"ok":           "registered",
				"deregistered": "signed out after it had signed in",

				"federation-error": "no attempt of a log: its requests are REGISTER, and what else fails is counted by file",
			},
		},
	}
	for _, family := range families {
		t.Run(family.name, func(t *testing.T) {
			codes := family.codes
			if family.name != "attempt in a log" { // its classes come from numbers, and have a generic one
				codes = append(slices.Clone(codes), unlisted)
			}
			for _, code := range codes {
				f := fact.New()
				fact.Put(f, fact.TargetKey, target(t, joe), live)
				fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
				family.put(f, code)
				report := &lyncdiag.Report{Complete: true}
				lyncdiag.Judge(report, f, lyncdiag.DefaultRules())
				reason, excepted := family.exceptions[code]
				switch {
				case len(report.Findings) == 0 && !excepted:
					t.Errorf("%s gives no finding and is no written exception", code)
				case len(report.Findings) > 0 && excepted:
					t.Errorf("%s gives %s, and is written down as: %s", code, strings.Join(rootNames(report), ", "), reason)
				}
				for _, r := range report.Rules {
					if r.Status == lyncdiag.RuleErrored {
						t.Errorf("%s: rule %s: %s", code, r.ID, r.Error)
					}
				}
			}
		})
	}
}

// weakness is a chain that verifies and has something wrong with it.
func weakness(code string) *certs.Result {
	return &certs.Result{Verified: true, Problems: []certs.Problem{{Code: certs.Code(code), Detail: "…", Warning: true}}}
}

// tokenClasses are the classifications of package adfs.
var tokenClasses = []string{"ok", "no-token", "unknown", "bad-credentials", "account-locked", "password-expired", "user-unknown", "mfa-required", "access-denied",
	"relying-party-unknown", "clock-skew", "not-sip-enabled", "request-failed", "service-error"}

var live = fact.Origin{Kind: fact.Live}

func endpoint(name string) fact.Endpoint {
	return fact.Endpoint{Host: name, Port: 443,
		Resolve: dnscheck.Host{Name: name, Status: dnscheck.StatusOK, Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}},
		Reach:   fact.Reach{Address: "127.0.0.1", Status: fact.Listening}}
}

func texts[T ~string](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// attemptOf makes an attempt of a class from the numbers that MS-OCER and
// RFC 3261 give it.
func attemptOf(t *testing.T, class sip.Class) sip.Attempt {
	t.Helper()
	ids := map[sip.Class]struct {
		outcome, scheme string
		status, id      int
	}{
		"ok": {outcome: "succeeded", status: 200}, "challenge": {outcome: "challenged", status: 401},
		"credentials-rejected":        {"failed", "NTLM", 401, 1000},
		"client-certificate-rejected": {"failed", "TLS-DSK", 401, 1000},
		"user-not-found":              {"failed", "NTLM", 404, 4005},
		"user-not-in-pool":            {"failed", "NTLM", 404, 4006},
		"address-not-owned":           {"failed", "NTLM", 403, 4004},
		"remote-access-disabled":      {"failed", "NTLM", 403, 4003},
		"client-version-blocked":      {"failed", "", 403, 17002},
		"clock-skew":                  {"failed", "NTLM", 401, 1013},
		"user-disabled":               {"succeeded", "NTLM", 200, 4141},
		"deregistered":                {"succeeded", "NTLM", 200, 4142},
		"service-unavailable":         {"failed", "", 503, 0},
		"redirect":                    {"incomplete", "", 301, 0},
		"federation-error":            {"failed", "", 504, 1008},
		"no-answer":                   {outcome: "no-answer"},
		"incomplete":                  {outcome: "incomplete"},
		"refused":                     {"failed", "", 480, 5003},
	}
	n, ok := ids[class]
	if !ok {
		t.Fatalf("class %q is new: say which numbers give it", class)
	}
	a := sip.Attempt{ID: "1", StartedAt: time.Unix(0, 0), Outcome: n.outcome, Scheme: n.scheme, FinalStatus: n.status, From: "sip:joe@contoso.example"}
	if n.id != 0 {
		a.Diagnostics = []sip.Diagnostic{{Header: "ms-diagnostics", ID: n.id}}
	}
	if got := sip.Classify(a).Class; got != class {
		t.Fatalf("the attempt meant as %q is classified as %q", class, got)
	}
	return a
}
