package lyncdiag

import (
	"maps"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// dashboard is what the service health dashboard says of a service: yes when
// it is healthy, no when it is not, "" when it does not tell.
func dashboard(f *fact.Facts, service func(fact.ServiceHealth) bool) (answer string, s fact.ServiceHealth, o fact.Origin) {
	for o, list := range fact.All(f, fact.ServiceHealthKey) {
		for _, s := range list {
			if !service(s) {
				continue
			}
			switch strings.ToLower(strings.ReplaceAll(s.Status, " ", "")) {
			case "serviceoperational", "servicerestored", "postincidentreviewpublished", "falsepositive", "resolved", "resolvedexternal", "mitigated", "mitigatedexternal":
				return "yes", s, o
			case "serviceinterruption", "servicedegradation", "extendedrecovery", "restoringservice", "confirmed":
				return "no", s, o
			}
			return "", s, o // investigating, verifyingService, ...
		}
	}
	return "", fact.ServiceHealth{}, fact.Origin{}
}

func lyncService(s fact.ServiceHealth) bool {
	name := strings.ToLower(s.Service)
	return strings.EqualFold(s.ID, "Lync") || strings.Contains(name, "skype for business") || strings.Contains(name, "lync")
}

func loginService(s fact.ServiceHealth) bool {
	return strings.EqualFold(s.ID, "OrgLiveID") || slices.Contains([]string{"identity service", "microsoft entra", "azure active directory", "windows azure ad"}, strings.ToLower(s.Service))
}

// judgeHealth reads the dashboard of the article's step 6. A service that is
// degraded fails for some users; whether for this one it does not say.
func judgeHealth(f *fact.Facts, emit Emit) {
	if !findDeployment(f).online() {
		return
	}
	tell := func(finding Finding, s fact.ServiceHealth, o fact.Origin) {
		if !strings.EqualFold(strings.ReplaceAll(s.Status, " ", ""), "serviceInterruption") {
			finding = finding.at(kb.Warning, "the service is not down for everybody", o)
		}
		emit(finding.with(Probable))
	}
	if answer, s, o := dashboard(f, lyncService); answer == "no" {
		finding := found("service-outage-suspected", "directory", text("service", s.Service, o), text("status", s.Status, o))
		finding.Title = "The service health dashboard shows an incident of Lync Online"
		finding.Cause = "By the export of the dashboard " + s.Service + " has the status " + s.Status + ". An outage explains why users cannot sign in, whatever else is healthy."
		tell(finding, s, o)
	}
	if answer, s, o := dashboard(f, loginService); answer == "no" {
		finding := found("login-service-unavailable", "directory", text("service", s.Service, o), text("status", s.Status, o))
		finding.Title = "The service health dashboard shows an incident of the login service"
		finding.Cause = "By the export of the dashboard " + s.Service + " has the status " + s.Status + ". Without Windows Azure AD nobody gets a token for Lync Online."
		if realm, _, ok := fact.Get(f, fact.RealmKey); ok && realm.Problem == "" {
			s.Status = "answers" // here and now, so it is not down
		}
		tell(finding, s, o)
	}
}

// judgeLoginMessage: the article's row 7 says that the authentication service
// cannot be contacted, AD FS or Windows Azure AD. Without AD FS it is the other,
// if many users fail and the portal refuses them too.
func judgeLoginMessage(f *fact.Facts, emit Emit) {
	row, ok := messageRow(f)
	if !ok || row.Code != "kb2541980-message-7" || answered(f, "sso") != "no" || answered(f, "users") != "many" || answered(f, "portal-sign-in") != "no" {
		return
	}
	message, o, _ := fact.Get(f, fact.MessageKey)
	finding := found("login-service-unavailable", "answers", prose("message", message, o),
		text("sso", "no", o), text("users", "many", o), text("portal-sign-in", "no", o)).with(Probable)
	finding.Title = "Nobody can contact the login service, by the message and the answers"
	finding.Cause = "The message stands for an authentication service that cannot be contacted: AD FS or Windows Azure AD. These users have no AD FS, many are affected, and the portal refuses them too."
	emit(finding)
}

// serverTests are the tests of Microsoft's adfsToolbox whose failure keeps
// rich clients from signing in. The others look after the server: its patches,
// its stores of certificates, its audit policy, its agents.
var serverTests = map[string]string{
	"isadfsrunning":                          "rich-client-authentication",
	"testisadfsrunning":                      "rich-client-authentication",
	"testisadfsproxyrunning":                 "rich-client-authentication",
	"teststsreachablefromproxy":              "adfs-mex-http-error",
	"testadfso365relyingparty":               "trust-relying-party-unknown",
	"testtimesync":                           "adfs-clock-skew",
	"pingfederationmetadata":                 "rich-client-authentication",
	"testpingfederationmetadata":             "rich-client-authentication",
	"checkadfssslbindings":                   "rich-client-authentication",
	"testsslbindings":                        "rich-client-authentication",
	"testproxysslbindings":                   "rich-client-authentication",
	"checkoffice365endpoints":                "rich-client-authentication",
	"testoffice365endpoints":                 "rich-client-authentication",
	"testtlsmismatch":                        "rich-client-authentication",
	"testproxytrustpropagation":              "rich-client-authentication",
	"checkfarmdnshostresolution":             "rich-client-authentication",
	"testadfsdnshostalias":                   "rich-client-authentication",
	"testadfsrequesttoken":                   "rich-client-authentication",
	"testserviceprincipalname":               "rich-client-authentication",
	"checkduplicatespn":                      "rich-client-authentication",
	"testadfsduplicatespn":                   "rich-client-authentication",
	"testsslcertsubjectcontainsadfsfarmname": "adfs-certificate-name-mismatch",
}

// serverTestFinding is the finding of a failed test, "" for one that keeps
// nobody from signing in.
func serverTestFinding(name string) string {
	name = strings.ToLower(name)
	expired := strings.Contains(name, "expired") && !strings.Contains(name, "secondary")
	switch {
	case expired && strings.Contains(name, "signing"):
		return "adfs-signing-certificate-expired"
	case expired && strings.Contains(name, "ssl"):
		return "adfs-certificate-expired"
	}
	return serverTests[name]
}

func serverTestFindings() []string {
	list := append(slices.Collect(maps.Values(serverTests)), "adfs-signing-certificate-expired", "adfs-certificate-expired")
	slices.Sort(list)
	return slices.Compact(list)
}

// judgeServerTests repeats what Microsoft's own tests found on an AD FS
// server. What a client sees of it is not in the file, so nothing of it is
// confirmed, and windowstransport that is off at the proxy is as it should be.
func judgeServerTests(f *fact.Facts, emit Emit) {
	if !findDeployment(f).online() {
		return
	}
	mex, _, asked := fact.Get(f, fact.MEXKey)
	served := asked && mex.Get.Asked && mex.Get.Problem == "" && mex.Post.Asked && mex.Post.Problem == ""
	for o, list := range fact.All(f, fact.ServerTestsKey) {
		for _, t := range list {
			name := serverTestFinding(t.Name)
			if t.Result != "fail" || name == "" {
				continue
			}
			finding := found(name, "directory", host(t.Computer, o), text("test", t.Name, o), prose("detail", t.Detail, o)).with(Probable)
			where, on := "On an AD FS server", ""
			if t.Computer != "" {
				where, on = where+" ({host})", " on the server {host}"
			}
			finding.Title = where + " Microsoft's test " + t.Name + " failed"
			finding.Cause = "The diagnostics file of adfsToolbox says that the test failed" + on + ". What clients see of it was not looked at."
			stopped := strings.HasSuffix(strings.ToLower(t.Name), "running")
			if stopped {
				spec, _ := kb.Lookup(name)
				finding.Resolution = append([]string{"See whether the services run on the server, and start what is stopped: Get-Service adfssrv, appproxysvc -ErrorAction SilentlyContinue"}, spec.Resolution...)
			}
			switch {
			case name == "rich-client-authentication" && !stopped:
				finding = finding.at(kb.Warning, "the test looks at the server, not at what a client gets", o).with(Possible)
			case served:
				finding = finding.at(kb.Warning, "clients get the metadata now, so the file may be older or of one server of several", o).with(Possible)
			}
			emit(finding)
		}
	}
}
