package lyncdiag

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func trustRules() []Rule {
	identity := kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013"}
	refusals := []string{
		"trust-bad-credentials", "trust-account-locked", "trust-password-expired", "trust-user-unknown", "trust-mfa-required", "trust-access-denied",
		"trust-relying-party-unknown", "trust-request-failed", "trust-no-token", "adfs-clock-skew", "adfs-metadata-mismatch", "web-ticket-not-sip-enabled",
	}
	return []Rule{
		{
			ID: "adfs.trust", Source: identity,
			Needs: names(fact.TrustEndpointsKey, fact.MEXKey), Reads: deploymentReads,
			Emits: []string{"adfs-trust-endpoint-unavailable"}, Eval: judgeTrustEndpoints,
		},
		{
			ID: "adfs.windows", Source: kb.Citation{KB: "KB2839539"},
			Needs: names(fact.MEXKey), Reads: append(names(fact.TrustEndpointsKey), deploymentReads...),
			Emits: []string{"adfs-windows-endpoint-exposed", "adfs-windows-endpoint-missing"}, Eval: judgeWindowsEndpoint,
		},
		{
			ID: "trust.token", Source: identity,
			Needs: names(fact.TokenKey), Reads: deploymentReads,
			Emits: append([]string{"adfs-trust-endpoint-unavailable", "adfs-endpoint-host-mismatch", "adfs-windows-endpoint-missing"}, refusals...),
			Eval:  func(f *fact.Facts, emit Emit) { judgeToken(f, fact.TokenKey, "adfs.token", emit) },
		},
		{
			ID: "trust.cloud", Source: identity,
			Needs: names(fact.CloudTokenKey), Reads: deploymentReads, Emits: append([]string{"login-service-unavailable"}, refusals...),
			Eval: func(f *fact.Facts, emit Emit) { judgeToken(f, fact.CloudTokenKey, "cloud.token", emit) },
		},
	}
}

// judgeTrustEndpoints: an endpoint that the MEX document offers and nobody
// serves. One that it does not offer may be off on purpose.
func judgeTrustEndpoints(f *fact.Facts, emit Emit) {
	answers, o, _ := fact.Get(f, fact.TrustEndpointsKey)
	mex, _, _ := fact.Get(f, fact.MEXKey)
	if !findDeployment(f).online() {
		return
	}
	setting, _, _ := fact.Get(f, fact.SettingKey)
	var down []*adfs.TrustAnswer
	works := map[string]bool{} // versions in which some endpoint is left
	for _, e := range mex.Endpoints {
		if !e.Usable || e.Authentication != "username" {
			continue
		}
		i := slices.IndexFunc(answers, func(a *adfs.TrustAnswer) bool { return strings.EqualFold(a.Endpoint.Address, e.Address) })
		if i >= 0 && unavailable(answers[i]) {
			down = append(down, answers[i])
			continue
		}
		works[e.Version] = true
	}
	if len(down) == 0 {
		return
	}
	evidence := []fact.Evidence{host(hostOf(down[0].Endpoint.Address), o), named("target", down[0].Endpoint.Address, o)}
	for _, a := range down {
		evidence = append(evidence, fact.Evidence{Key: "endpoint", Class: fact.URLText, Value: fmt.Sprintf("%s %s", a.Endpoint.Address, exchangeText(a.Exchange)), Origin: o})
	}
	finding := found("adfs-trust-endpoint-unavailable", "adfs.trust", evidence...)
	switch {
	case works["2005"] && asks2005(setting.Client), works["1.3"] && !asks2005(setting.Client):
		finding = finding.at(kb.Warning, "the endpoint that this client asks for works", o)
	case works["2005"]:
		finding = finding.at(kb.Warning, "the 2005 endpoint works", o)
	}
	emit(finding)
}

// judgeWindowsEndpoint: Windows authentication belongs inside, and nowhere else.
func judgeWindowsEndpoint(f *fact.Facts, emit Emit) {
	mex, o, _ := fact.Get(f, fact.MEXKey)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	answers, _, _ := fact.Get(f, fact.TrustEndpointsKey)
	if !findDeployment(f).online() {
		return
	}
	switch setting.Location {
	case "outside":
		for _, a := range answers {
			asks := slices.Contains(a.Schemes, "negotiate") || slices.Contains(a.Schemes, "ntlm")
			if a.Endpoint.Authentication == "windows" && a.Exchange.Status == 401 && asks {
				emit(found("adfs-windows-endpoint-exposed", "adfs.trust", link(a.Endpoint.Address, o), host(hostOf(a.Endpoint.Address), o), text("schemes", strings.Join(a.Schemes, ", "), o)))
				return
			}
		}
	case "inside":
		if len(mex.Endpoints) > 0 && mex.Selected.Windows13 == "" && mex.Selected.Windows2005 == "" {
			evidence := []fact.Evidence{link(mex.URL, o), host(hostOf(mex.URL), o)}
			for _, e := range mex.Endpoints {
				if e.Authentication == "windows" && !e.Usable {
					evidence = append(evidence, fact.Evidence{Key: "unusable", Class: fact.URLText, Value: strings.TrimSpace(e.Address + " " + e.Reason), Origin: o})
				}
			}
			emit(found("adfs-windows-endpoint-missing", "adfs.mex", evidence...))
		}
	}
}

// tokenFindings are the classes of package adfs that speak for themselves.
var tokenFindings = map[string]string{
	"account-locked":        "trust-account-locked",
	"password-expired":      "trust-password-expired",
	"user-unknown":          "trust-user-unknown",
	"mfa-required":          "trust-mfa-required",
	"access-denied":         "trust-access-denied",
	"relying-party-unknown": "trust-relying-party-unknown",
	"not-sip-enabled":       "web-ticket-not-sip-enabled",
	"request-failed":        "trust-request-failed",
	"no-token":              "trust-no-token",
}

// settingsCodes are what the cloud answers to a token of a federation service
// that it knows otherwise (KB 2647020).
var settingsCodes = []string{"0x80041317", "0x80043431"}

func judgeToken(f *fact.Facts, key fact.Key[*adfs.TrustAnswer], stage StageID, emit Emit) {
	a, o, _ := fact.Get(f, key)
	if a.HasToken || o.Kind == fact.Bundle && a.Classification == "unknown" {
		return // a token, or a file that is no answer
	}
	if !findDeployment(f).online() {
		return // Lync Server checks passwords itself
	}
	address := a.Endpoint.Address
	evidence := []fact.Evidence{link(address, o), host(hostOf(address), o), text("answer", exchangeText(a.Exchange), o), text("error", a.Error, o),
		text("subcodes", strings.Join(a.Subcodes, ", "), o), prose("reason", a.Reason, o)}
	if a.Exchange.Problem != "" {
		evidence = append(evidence, prose("detail", a.Exchange.Detail, o))
	} else if len(a.Problems) > 0 {
		evidence = append(evidence, prose("detail", a.Problems[0].Code+": "+a.Problems[0].Detail, o))
	}
	if codes := adfs.LookupCode(a.Error); len(codes) > 0 {
		evidence = append(evidence, prose("meaning", codes[0].Meaning, o))
	}
	finding := func(name string) Finding { return found(name, stage, evidence...) }
	down := "adfs-trust-endpoint-unavailable"
	if stage == "cloud.token" {
		down = "login-service-unavailable"
	}
	where := named("target", address, o)
	switch {
	case a.Exchange.Problem == "endpoint-refused" && stage == "adfs.token":
		x := found("adfs-endpoint-host-mismatch", stage, append(evidence, where)...)
		x.Title = "The password was not sent: the endpoint may not have it"
		x.Cause = "The endpoint {target} was not asked for a token, as a client must not send a password there. The evidence says why."
		emit(x)
	case a.Endpoint.Authentication == "windows" && unavailable(a):
		// From outside that is as it should be.
		if setting, _, _ := fact.Get(f, fact.SettingKey); setting.Location != "outside" {
			x := finding("adfs-windows-endpoint-missing")
			if setting.Location == "" {
				x = x.with(Possible)
			}
			emit(x)
		}
	case a.Exchange.Problem == "unreachable" || a.Exchange.Status > 0 && unavailable(a) || a.Classification == "service-error" && a.Code == "":
		x := found(down, stage, append(evidence, where)...)
		if a.Exchange.Problem == "unreachable" {
			x = x.with(Possible)
		}
		emit(x)
	case a.Classification == "bad-credentials":
		x := finding("trust-bad-credentials").with(Probable)
		switch {
		case ofCloud(a):
			x = x.with(Confirmed)
			x.Cause = "The login service says that user name or password are wrong (" + a.Error + ")."
		case a.Error != "" && len(adfs.LookupCode(a.Error)) == 0:
			x = x.with(Possible)
			x.Cause = "The token service says that authentication failed (" + a.Error + "), and this code is not known here. The usual reasons are a wrong password, an unknown user and an expired or locked account."
		case a.Exchange.Status == 401:
			x = x.with(Possible)
			x.Cause = "Windows authentication was refused: a wrong password, an account that may not sign in, or Extended Protection, which asks for a channel binding that this program does not send."
		}
		emit(x)
	case a.Classification == "clock-skew":
		x := finding("adfs-clock-skew").with(Possible)
		x.Cause = "The token service refused the security header of the request, most often because its time is off by more than five minutes. Whose clock is wrong, the Date of other servers tells."
		emit(x)
	case slices.Contains(settingsCodes, a.Error):
		emit(finding("adfs-metadata-mismatch").with(Probable))
	case a.Classification == "access-denied" && a.Error != "MSIS7068":
		emit(deniedByCloud(a, finding("trust-access-denied")))
	case a.Classification == "mfa-required" && a.Error == "MSIS7102":
		x := finding("trust-mfa-required").with(Possible)
		x.Cause = "AD FS says that it does not support the method of authentication that is asked for (MSIS7102), as where a policy demands more than a password."
		x.Owner = kb.ADFSAdmin
		emit(x)
	case a.Classification == "mfa-required":
		x := finding("trust-mfa-required")
		x.Cause = "The login service demands more than a password (" + meaning(a) + "). Lync without modern authentication can give a password only."
		emit(x)
	case a.Classification == "relying-party-unknown" && a.Error != "ID3082":
		x := finding("trust-relying-party-unknown").with(Probable)
		x.Cause = "The token service issues no token for what was asked for. The evidence has its code and its words."
		emit(x)
	case a.Classification == "service-error":
		x := finding("trust-request-failed").with(Probable)
		x.Cause = "The token service says that it failed itself, or is too busy. The evidence has its words."
		emit(x)
	case a.Classification == "unknown" && (a.Exchange.Problem != "" || len(a.Problems) > 0):
		emit(unreadableToken(a, finding))
	default:
		x := finding("trust-request-failed").with(Possible) // a fault that nobody knows
		if name := tokenFindings[a.Classification]; name != "" {
			x = finding(name)
		}
		if a.Classification == "request-failed" && a.Error != "MSIS3127" {
			x = x.with(Probable)
			x.Cause = "The token service refused the request, and its code is not one of those that name a cause. The evidence has the code and its words."
			if ofCloud(a) {
				x.Title, x.Owner = "The login service refused the token request", kb.TenantAdmin
				x.Resolution = []string{"Read the user's sign-in log at https://entra.microsoft.com at the time of this run; it names the reason.", "Find out what the code means: lyncdiag explain " + a.Error}
			}
		}
		emit(x)
	}
}

// ofCloud reports whether the code is one of the login service's.
func ofCloud(a *adfs.TrustAnswer) bool {
	return strings.HasPrefix(a.Error, "AADSTS") || strings.HasPrefix(a.Error, "0x")
}

// meaning is the code of an answer and what it means.
func meaning(a *adfs.TrustAnswer) string {
	if codes := adfs.LookupCode(a.Error); len(codes) > 0 {
		return a.Error + ", " + codes[0].Meaning
	}
	return a.Error
}

// deniedByCloud is the tenant's refusal, with which AD FS has nothing to do.
func deniedByCloud(a *adfs.TrustAnswer, x Finding) Finding {
	x.Owner = kb.TenantAdmin
	x.Cause = "The login service refuses this user (" + meaning(a) + ")."
	if a.Error == "AADSTS50057" {
		x.Title = "The account is blocked"
		x.Resolution = []string{"Allow the user to sign in again: Update-MgUser -UserId {address} -AccountEnabled:$true"}
		return x
	}
	x.Title = "A rule of the tenant denies this user"
	x.Resolution = []string{"Read the user's sign-in log at https://entra.microsoft.com; it names the policy or the assignment that refused. Exclude Lync from it where it is meant to work."}
	return x
}

// unreadableToken is an answer that cannot be used at all.
func unreadableToken(a *adfs.TrustAnswer, finding func(string) Finding) Finding {
	x := finding("trust-no-token")
	switch code := a.Problems[0].Code; {
	case code == "redirect-refused":
		x.Cause = "The service answered the token request with a redirect. A client must not follow it with a password."
	case a.Exchange.Status >= 300:
		x.Cause = "The service answered the token request with status " + strconv.Itoa(a.Exchange.Status) + " and no fault."
		x = x.with(Probable)
	default:
		x.Cause = "The answer to the token request cannot be read, so the client cannot go on."
		x = x.with(Probable)
	}
	return x
}
