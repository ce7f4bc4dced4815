package lyncdiag

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func federationRules() []Rule {
	step8 := kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013", Item: "step 8"}
	return []Rule{
		{
			ID: "adfs.host", Source: step8,
			Needs: names(fact.FederationKey), Reads: deploymentReads,
			Emits: []string{"adfs-name-unresolvable", "adfs-tcp-filtered", "adfs-tcp-not-listening", "adfs-tls-handshake-failed"}, Eval: judgeFederationHost,
		},
		{
			ID: "adfs.certificate", Source: kb.Citation{KB: "KB2541980", Section: "Lync Online sign-in error messages", Item: "row 9"},
			Needs: names(fact.FederationKey), Reads: append(names(fact.StandingsKey), deploymentReads...),
			Emits: []string{"adfs-certificate-untrusted", "adfs-certificate-incomplete-chain", "adfs-certificate-name-mismatch", "adfs-certificate-expired", "adfs-certificate-weak"},
			Eval:  judgeFederationCertificate,
		},
		{
			ID: "adfs.mex", Source: step8,
			Needs: names(fact.MEXKey), Reads: append(names(fact.ServiceProbeKey), deploymentReads...),
			Emits: []string{
				"adfs-mex-http-500", "adfs-mex-http-503", "adfs-mex-not-found", "adfs-mex-http-error", "adfs-mex-html", "adfs-mex-malformed",
				"adfs-mex-get-only", "adfs-mex-post-only",
			},
			Eval: judgeMEXAnswers,
		},
		{
			ID: "adfs.endpoints", Source: step8,
			Needs: names(fact.MEXKey), Reads: deploymentReads,
			Emits: []string{"adfs-mex-no-username-endpoint", "adfs-mex-13-only", "adfs-mex-2005-only", "adfs-endpoint-insecure", "adfs-endpoint-policy-missing", "adfs-endpoint-host-mismatch"},
			Eval:  judgeEndpoints,
		},
	}
}

func judgeFederationHost(f *fact.Facts, emit Emit) {
	e, o, _ := fact.Get(f, fact.FederationKey)
	if !findDeployment(f).online() || e.Reach.AtProxy != nil { // what the proxy refuses is the proxy's affair
		return
	}
	evidence := []fact.Evidence{host(e.Host, o), address(e.Reach.Address, o)}
	switch {
	case len(e.Resolve.Addresses) == 0 && e.Resolve.Status.Known() && e.Reach.Status != fact.Listening:
		emit(found("adfs-name-unresolvable", "adfs.dns", host(e.Host, o), text("answer", string(e.Resolve.Status), o)))
	case e.Reach.Status == fact.Filtered:
		emit(behindGateway(found("adfs-tcp-filtered", "adfs.tcp", append(evidence, prose("detail", e.Reach.Detail, o))...), e))
	case e.Reach.Status == fact.NotListening:
		emit(found("adfs-tcp-not-listening", "adfs.tcp", append(evidence, prose("detail", e.Reach.Detail, o))...))
	case e.TLS != nil && e.TLS.Handshake != nil && !notRead(e.TLS):
		emit(found("adfs-tls-handshake-failed", "adfs.tls", append(evidence, text("alert", e.TLS.Handshake.Alert, o), prose("detail", e.TLS.Handshake.Detail, o))...))
	}
}

// certificateFindings puts the codes of package certs into the names of the
// federation service's findings.
var certificateFindings = map[string]string{
	"expired":                    "adfs-certificate-expired",
	"not-yet-valid":              "adfs-certificate-expired",
	"name-mismatch":              "adfs-certificate-name-mismatch",
	"untrusted-root":             "adfs-certificate-untrusted",
	"self-signed":                "adfs-certificate-untrusted",
	"incomplete-chain":           "adfs-certificate-incomplete-chain",
	"constraint-violation":       "adfs-certificate-untrusted",
	"unknown-critical-extension": "adfs-certificate-untrusted",
	"unsupported-signature":      "adfs-certificate-untrusted",
	"malformed":                  "adfs-certificate-untrusted",
	"weak-signature":             "adfs-certificate-weak",
	"weak-key":                   "adfs-certificate-weak",
	"wrong-usage":                "adfs-certificate-weak",
}

func judgeFederationCertificate(f *fact.Facts, emit Emit) {
	e, o, _ := fact.Get(f, fact.FederationKey)
	if e.TLS == nil || e.TLS.Handshake != nil && !notRead(e.TLS) || !findDeployment(f).online() {
		return
	}
	for _, p := range e.TLS.Problems {
		name := certificateFindings[string(p.Code)]
		refused := false // for something that is not who issued it
		switch {
		case p.Warning && (name == "" || name == "adfs-certificate-untrusted"):
			name = "adfs-certificate-weak" // it verifies
		case name == "":
			name, refused = "adfs-certificate-untrusted", true // it does not verify, for a reason that has no name of its own
		case name == "adfs-certificate-weak" && !p.Warning && !takenByClients(e.TLS, p):
			name, refused = "adfs-certificate-untrusted", true
		case name == "adfs-certificate-untrusted":
			refused = p.Code != "untrusted-root" && p.Code != "self-signed"
		}
		finding := found(name, "adfs.tls", host(e.Host, o), text("problem", string(p.Code), o), prose("detail", p.Detail, o), text("effect", p.Effect(), o))
		switch {
		case name == "adfs-certificate-incomplete-chain" && p.Warning:
			finding = finding.at(kb.Warning, "this computer had the missing certificate; others may not", o)
		case name == "adfs-certificate-incomplete-chain":
			finding = prove(f, finding, e)
		case name == "adfs-certificate-weak" && p.Code == "unsupported-signature":
			finding.Cause = "The chain that {host} shows is signed with RSASSA-PSS. It verifies here; Lync does not support such a signature, and clients may fail to sign in."
		case p.Code == "malformed" && notRead(e.TLS):
			finding = unread(finding)
		case refused:
			finding.Title = "The certificate of the federation service ({host}) is refused"
			finding.Cause = "The chain that {host} shows does not verify: {problem}. Who issued it is not what is wrong, so trusting another root does not help."
			finding.Resolution = []string{
				"Look at each certificate and each reason: lyncdiag cert {host}",
				"Issue a new one from a public CA with SHA-256, RSA 2048 or more and the Server Authentication usage, and bind it on every AD FS server and proxy: Set-AdfsSslCertificate -Thumbprint THUMBPRINT",
				"Check again: lyncdiag check {address}",
			}
			if p.Code == "unsupported-signature" {
				finding = finding.with(Possible) // this program could not check it
			}
		}
		if len(e.TLS.Chain) > 0 {
			leaf := e.TLS.Chain[0]
			finding.Evidence = append(finding.Evidence, fact.Evidence{Key: "subject", Class: fact.HostText, Value: leaf.Subject, Origin: o}, fact.Evidence{Key: "issuer", Class: fact.HostText, Value: leaf.Issuer, Origin: o},
				text("thumbprint", leaf.Thumbprint, o))
		}
		emit(finding)
	}
}

// takenByClients reports a signature with SHA-1, which fails here and not with
// the clients (see certs.Result.WeakOnly).
func takenByClients(r *certs.Result, p certs.Problem) bool {
	if p.Code != "weak-signature" {
		return false
	}
	return r.WeakOnly || p.Certificate < 0 || p.Certificate < len(r.Chain) && strings.Contains(r.Chain[p.Certificate].SignatureAlgorithm, "SHA1")
}

// mexFindings name what came back instead of a document, in the order in which
// one of them is named when GET and POST fail differently.
var mexFindings = []struct{ problem, finding string }{
	{"http-500", "adfs-mex-http-500"},
	{"http-503", "adfs-mex-http-503"},
	{"not-found", "adfs-mex-not-found"},
	{"html", "adfs-mex-html"},
	{"malformed", "adfs-mex-malformed"},
	{"not-wsdl", "adfs-mex-malformed"},
	{"empty", "adfs-mex-malformed"},
	{"dtd", "adfs-mex-malformed"},
	{"too-large", "adfs-mex-malformed"},
	{"http-error", "adfs-mex-http-error"},
	{"redirect-loop", "adfs-mex-http-error"},
	{"redirect-refused", "adfs-mex-http-error"},
	{"bad-url", "adfs-mex-http-error"},
}

// judgeMEXAnswers looks at both ways to ask: the article's browser sends GET,
// the Sign-In Assistant sends a SOAP POST, and KB 2254265 breaks only the
// latter.
func judgeMEXAnswers(f *fact.Facts, emit Emit) {
	mex, o, _ := fact.Get(f, fact.MEXKey)
	if !findDeployment(f).online() {
		return
	}
	evidence := []fact.Evidence{link(mex.URL, o), host(hostOf(mex.URL), o), text("get", exchangeText(mex.Get), o), text("post", exchangeText(mex.Post), o)}
	if !mex.Get.Asked && !mex.Post.Asked {
		return
	}
	if probe, from, ok := fact.Get(f, fact.ServiceProbeKey); ok && probe.Status > 0 {
		evidence = append(evidence, fact.Evidence{Key: "probe", Class: fact.URLText, Value: probeWords(probe), Origin: from})
	}
	get, post := mex.Get.Problem, mex.Post.Problem
	getFine, postFine := mex.Get.Asked && get == "", mex.Post.Asked && post == ""
	silent := mex.Get.Asked && get == "unreachable" || mex.Post.Asked && post == "unreachable"
	switch {
	case getFine && (postFine || !mex.Post.Asked), postFine && !mex.Get.Asked:
		return
	case post == "http-500", get == "http-500" && !postFine:
		finding := found("adfs-mex-http-500", "adfs.mex", evidence...)
		if getFine {
			finding.Cause = "{url} answers 200 to a browser's GET and 500 to the SOAP request that rich clients send. So the portal may work while Lync, Office activation and PowerShell cannot authenticate."
		}
		emit(finding)
	case silent && (getFine || postFine || get == post):
		finding := found("adfs-mex-http-error", "adfs.mex", append(evidence, prose("detail", mex.Get.Detail+mex.Post.Detail, o))...)
		finding.Title = "AD FS accepts the connection and does not answer for its metadata"
		finding.Cause = "TLS to {host} connects, and a request for {url} gets no answer in time. A rich client waits for it in vain."
		if getFine || postFine {
			finding = finding.with(Possible) // one of the two requests was answered
		}
		emit(finding)
	case getFine:
		emit(found("adfs-mex-get-only", "adfs.mex", evidence...))
	case postFine:
		emit(found("adfs-mex-post-only", "adfs.mex", evidence...))
	default:
		for _, m := range mexFindings {
			if get == m.problem || post == m.problem {
				emit(found(m.finding, "adfs.mex", append(evidence, prose("detail", mex.Get.Detail, o))...))
				return
			}
		}
		if get != "unreachable" && get != "canceled" {
			emit(found("adfs-mex-http-error", "adfs.mex", append(evidence, prose("detail", mex.Get.Detail, o))...))
		}
	}
}

func exchangeText(e adfs.Exchange) string {
	switch {
	case !e.Asked:
		return ""
	case e.Status == 0:
		return e.Problem
	case e.Problem == "", e.Problem == "http-"+strconv.Itoa(e.Status):
		return strconv.Itoa(e.Status)
	}
	return strconv.Itoa(e.Status) + " " + e.Problem
}

// judgeEndpoints looks at what a document offers. A document that cannot be
// used is judgeMEXAnswers' affair.
func judgeEndpoints(f *fact.Facts, emit Emit) {
	mex, o, _ := fact.Get(f, fact.MEXKey)
	if len(mex.Endpoints) == 0 && !hasProblem(mex, "no-username-endpoint") || !findDeployment(f).online() {
		return
	}
	setting, _, _ := fact.Get(f, fact.SettingKey)
	// Without any username port left, the odd ones are told beside that.
	left := !hasProblem(mex, "no-username-endpoint")
	for _, p := range mex.Problems {
		evidence := []fact.Evidence{link(mex.URL, o), host(hostOf(mex.URL), o), text("problem", p.Code, o), prose("detail", p.Detail, o)}
		if target := oddAddress(mex, p.Code); target != "" {
			evidence = append(evidence, named("target", target, o))
		}
		switch p.Code {
		case "no-username-endpoint":
			for _, e := range mex.Endpoints {
				if e.Authentication == "username" && !e.Usable {
					evidence = append(evidence, fact.Evidence{Key: "unusable", Class: fact.URLText, Value: strings.TrimSpace(e.Address + " " + e.Reason), Origin: o})
				}
			}
			emit(found("adfs-mex-no-username-endpoint", "adfs.mex", evidence...))
		case "username-13-only":
			finding := found("adfs-mex-13-only", "adfs.mex", evidence...)
			if setting.Client == "lync2010" || setting.Client == "lync2010-rtm" || setting.Client == "lync2013" {
				finding = finding.at(kb.Failure, "this client asks for the 2005 endpoint only", o)
			}
			emit(finding)
		case "username-2005-only":
			emit(found("adfs-mex-2005-only", "adfs.mex", evidence...))
		case "insecure-endpoint":
			if left {
				emit(found("adfs-endpoint-insecure", "adfs.mex", evidence...))
			}
		case "port-address":
			if left {
				finding := found("adfs-endpoint-insecure", "adfs.mex", evidence...)
				finding.Title = "A sign-in endpoint in the metadata has an address that clients must not use"
				finding.Cause = "The metadata lists a sign-in endpoint whose address is missing, relative, no https URL, or has a user name in it. Clients have to ignore it; another usable endpoint remains."
				emit(finding)
			}
		case "policy-missing":
			if left {
				emit(found("adfs-endpoint-policy-missing", "adfs.mex", evidence...))
			}
		case "host-mismatch":
			emit(found("adfs-endpoint-host-mismatch", "adfs.mex", evidence...))
		}
	}
}

// oddAddress is the first address in the document that has a problem.
func oddAddress(mex *adfs.MEX, code string) string {
	for _, e := range mex.Endpoints {
		signIn := e.Authentication == "username" || e.Authentication == "windows"
		switch {
		case code == "host-mismatch" && e.Usable && signIn && !strings.EqualFold(hostOf(e.Address), hostOf(mex.URL)):
			return hostOf(e.Address)
		case code == e.Code && signIn:
			return e.Address
		}
	}
	return ""
}

func hasProblem(mex *adfs.MEX, code string) bool {
	return slices.ContainsFunc(mex.Problems, func(p adfs.Problem) bool { return p.Code == code })
}
