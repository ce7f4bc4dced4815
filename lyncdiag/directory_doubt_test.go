package lyncdiag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// told are the findings with what they claim.
func told(report *lyncdiag.Report) string {
	var list []string
	for _, f := range report.Findings {
		list = append(list, fmt.Sprintf("%s %s %s", f.Name, f.Severity, f.Confidence))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// finding is the only one of a name, as it reads.
func finding(t *testing.T, report *lyncdiag.Report, name string) (f lyncdiag.Finding, text string) {
	t.Helper()
	i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no %s:\n%s", name, describe(report))
	}
	f = report.Findings[i]
	spec := f.Filled(report.Target)
	text = strings.Join(append([]string{spec.Title, spec.Cause}, spec.Resolution...), "\n")
	for _, e := range f.Evidence {
		text += "\n" + e.Key + " " + e.Value
	}
	return f, text
}

// pending is a licence that the service was not done with, as of a time.
func pending(assigned string) string {
	return `{"userPrincipalName":"joe@contoso.example","accountEnabled":true,"proxyAddresses":["SIP:joe@contoso.example"],"assignedLicenses":[{"skuId":"1","disabledPlans":[]}],
		"assignedPlans":[{"assignedDateTime":"` + assigned + `","capabilityStatus":"Enabled","service":"MicrosoftCommunicationsOnline","servicePlanId":"0feaeb32-d00e-4d66-bd5a-43b5b83db82c"}],
		"provisionedPlans":[{"capabilityStatus":"Enabled","provisioningStatus":"PendingActivation","service":"MicrosoftCommunicationsOnline"}]}`
}

// TestAccountOfLyncOnline: Get-CsOnlineUser also lists those who have none.
func TestAccountOfLyncOnline(t *testing.T) {
	const missing = "user-not-provisioned failure probable"
	for object, want := range map[string]string{
		`"SipAddress":"sip:joe@contoso.example","AccountType":"User"`:            "",
		`"SipAddress":"sip:joe@contoso.example","InterpretedUserType":"x"`:       "",
		`"SipAddress":"","AccountType":"User"`:                                   missing,
		`"SipAddress":"","AccountType":"IneligibleUser"`:                         missing,
		`"SipAddress":"sip:joe@contoso.example","AccountType":"IneligibleUser"`:  missing,
		`"SipAddress":"sip:joe@contoso.example","AccountType":"Guest"`:           missing,
		`"SipAddress":"sip:joe@contoso.example","AccountType":"ResourceAccount"`: missing,
	} {
		report := judgeExports(t, nil, pending("2013-05-31T10:00:00Z"), `{"UserPrincipalName":"joe@contoso.example",`+object+`}`)
		if got := told(report); got != want {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}

// TestDisabledInLyncOnline: the cmdlet does not say why, so nothing of Active
// Directory is claimed.
func TestDisabledInLyncOnline(t *testing.T) {
	const online = `{"UserPrincipalName":"joe@contoso.example","SipAddress":"sip:joe@contoso.example","AccountType":"User","Enabled":false,"InterpretedUserType":"PureOnlineSfBUser"}`
	const synced = `{"UserPrincipalName":"joe@contoso.example","IsLicensed":true,"BlockCredential":false,"LastDirSyncTime":"2013-05-31T10:00:00Z","Licenses":[{"ServiceStatus":[{"ServicePlan":{"ServiceName":"MCOSTANDARD"},"ProvisioningStatus":1}]}]}`
	const attribute = `{"UserPrincipalName":"joe@contoso.example","SamAccountName":"joe","msRTCSIP-UserEnabled":false,"msRTCSIP-PrimaryUserAddress":"sip:joe@contoso.example"}`
	for _, test := range []struct {
		exports    []string
		confidence lyncdiag.Confidence
		attribute  bool
	}{
		{[]string{online}, lyncdiag.Probable, false},
		{[]string{online, synced}, lyncdiag.Probable, true},
		{[]string{online, attribute}, lyncdiag.Confirmed, true},
	} {
		f, text := finding(t, judgeExports(t, nil, test.exports...), "user-sip-not-enabled")
		if f.Confidence != test.confidence || strings.Contains(text, "msRTCSIP") != test.attribute {
			t.Errorf("%d exports: %s\n%s", len(test.exports), f.Confidence, text)
		}
		if len(test.exports) == 1 && (strings.Contains(text, "Move-CsUser") || strings.Contains(text, "Start-ADSync")) {
			t.Errorf("steps for a server that nobody named:\n%s", text)
		}
	}
	// Nor does the tree take it for the attribute.
	report := judgeExports(t, answering("portal-sign-in=yes", "licensed=yes", "listed-in-admin-center=yes", "directory-sync=yes"), online)
	if !slices.ContainsFunc(report.Verdict.Questions, func(q lyncdiag.Question) bool { return q.ID == "sip-enabled" }) {
		t.Errorf("sip-enabled is not asked:\n%s", describe(report))
	}
}

// answering puts a person's answers.
func answering(pairs ...string) func(*fact.Facts) {
	return func(f *fact.Facts) {
		var list []fact.Answer
		for _, p := range pairs {
			id, value, _ := strings.Cut(p, "=")
			list = append(list, fact.Answer{ID: id, Value: value})
		}
		fact.Put(f, fact.AnswersKey, list, fact.Origin{Kind: fact.Interview})
	}
}

// TestEmptyLists: what a cmdlet writes for what it was not asked for, or a
// format for what it lost, is no proof.
func TestEmptyLists(t *testing.T) {
	const graph = `{"UserPrincipalName":"joe@contoso.example","AccountEnabled":true,"AssignedLicenses":[],"AssignedPlans":[]`
	for export, want := range map[string]string{
		`{"UserPrincipalName":"joe@contoso.example","BlockCredential":false,"IsLicensed":true,"Licenses":[]}`:  "input-incomplete info confirmed",
		"UserPrincipalName : joe@contoso.example\nIsLicensed : True\nLicenses : {}\n":                          "input-incomplete info confirmed",
		`{"UserPrincipalName":"joe@contoso.example","BlockCredential":false,"IsLicensed":false,"Licenses":[]}`: "user-not-licensed failure confirmed",
		graph + `}`:                              "user-not-licensed failure probable",
		graph + `,"LicenseAssignmentStates":[]}`: "user-not-licensed failure probable",
		graph + `,"LicenseAssignmentStates":[{"SkuId":"1","State":"Disabled","Error":"None"}]}`: "user-not-licensed failure confirmed",
	} {
		if got := told(judgeExports(t, nil, export)); got != want {
			t.Errorf("%s: %q, want %q", export, got, want)
		}
	}
	// A person's complaint makes it no surer.
	report := judgeExports(t, answering("portal-sign-in=yes"), graph+`}`)
	if f, _ := finding(t, report, "user-not-licensed"); f.Confidence != lyncdiag.Probable {
		t.Errorf("with a complaint it is %s", f.Confidence)
	}
}

func TestUnknownPlanIsNamed(t *testing.T) {
	const detail = `[{"userPrincipalName":"joe@contoso.example","skuId":"a","skuPartNumber":"E9","servicePlans":[{"servicePlanId":"b","servicePlanName":"MCONEW","provisioningStatus":"Success"}]}]`
	for _, exports := range [][]string{
		{detail},
		{`{"userPrincipalName":"joe@contoso.example","accountEnabled":true,"assignedLicenses":[{"skuId":"a","disabledPlans":[]}],"assignedPlans":[{"service":"MicrosoftCommunicationsOnline","servicePlanId":"MCONEW","capabilityStatus":"Enabled"}]}`},
		{`{"userPrincipalName":"joe@contoso.example","accountEnabled":true,"assignedLicenses":[{"skuId":"a","disabledPlans":[]}]}`,
			`[{"skuId":"a","skuPartNumber":"E9","consumedUnits":1,"servicePlans":[{"servicePlanId":"b","servicePlanName":"MCONEW"}]}]`},
	} {
		report := judgeExports(t, nil, exports...)
		if _, text := finding(t, report, "input-incomplete"); !strings.Contains(describe(report), "MCONEW") || strings.Contains(text, "Export again") {
			t.Errorf("%s:\n%s", exports, describe(report))
		}
	}
	// Beside a plan that is known it decides nothing.
	if got := told(judgeExports(t, nil, detail, joeLicensed)); got != "" {
		t.Error(got)
	}
}

// TestLicenceOfTheFuture tells that a clock is wrong and not how long to wait.
func TestLicenceOfTheFuture(t *testing.T) {
	for assigned, want := range map[string]string{
		"2013-05-31T14:09:00Z": "user-licence-pending warning confirmed", // four minutes ahead
		"2013-06-01T00:05:00Z": "user-licence-pending warning possible",
	} {
		report := judgeExports(t, nil, pending(assigned))
		_, text := finding(t, report, "user-licence-pending")
		future := strings.HasSuffix(want, "possible")
		if got := told(report); got != want || strings.Contains(text, "clock") != future || strings.Contains(text, "waitUntil") == future {
			t.Errorf("%s: %q, want %q\n%s", assigned, got, want, text)
		}
	}
	report := judgeExports(t, answering("portal-sign-in=yes", "licensed=yes", "licence-assigned-at=2013-06-01T00:05:00Z"), `{"userPrincipalName":"joe@contoso.example","businessPhones":[]}`)
	for _, f := range report.Findings {
		if f.Name == "user-licence-pending" {
			t.Errorf("by a person's word:\n%s", describe(report))
		}
	}
}

// TestAddressOfTwo: the SIP address is what a user signs in to Lync with.
func TestAddressOfTwo(t *testing.T) {
	const two = `[{"UserPrincipalName":"joe@contoso.example","IsLicensed":true,"BlockCredential":true,"ProxyAddresses":["SIP:ann@contoso.example"]},
		{"UserPrincipalName":"ann@contoso.example","IsLicensed":false,"BlockCredential":false,"ProxyAddresses":["SIP:joe@contoso.example"]}]`
	report := judgeExports(t, nil, two)
	f, _ := finding(t, report, "user-not-licensed")
	if !slices.ContainsFunc(f.Evidence, func(e fact.Evidence) bool { return e.Key == "user" && e.Value == "ann@contoso.example" }) || strings.Contains(told(report), "user-blocked") {
		t.Errorf("somebody else is judged:\n%s", describe(report))
	}
	if _, text := finding(t, report, "user-sip-address-mismatch"); !strings.Contains(text, "two different users") || !strings.Contains(text, "other joe@contoso.example") {
		t.Errorf("nothing says that two users are meant:\n%s", text)
	}
	who := target(t, joe)
	who.UserName = joe
	named := judgeExports(t, func(f *fact.Facts) { fact.Put(f, fact.TargetKey, who, live) }, two)
	if got := told(named); !strings.Contains(got, "user-blocked") || strings.Contains(got, "user-not-licensed") {
		t.Errorf("the user name given does not decide: %s", got)
	}
}

// TestSubdomain has the settings of the domain above it, unless it has its own.
func TestSubdomain(t *testing.T) {
	const (
		above    = `{"Domain":"contoso.example","IssuerUri":"http://sts.contoso.example/adfs/services/trust","ActiveSignInUri":"https://sts.contoso.example/a","PassiveSignInUri":"https://sts.contoso.example/p","MetadataExchangeUri":null}`
		own      = `{"Domain":"sub.contoso.example","IssuerUri":"http://sub","ActiveSignInUri":"https://sts.contoso.example/a","MetadataExchangeUri":"https://sts.contoso.example/m"}`
		parent   = `[{"Id":"contoso.example","AuthenticationType":"Federated","IsVerified":false,"SupportedServices":[]}]`
		managed  = `[{"Id":"sub.contoso.example","AuthenticationType":"Managed","IsVerified":true,"SupportedServices":["OfficeCommunicationsOnline"]}]`
		stranger = `[{"Id":"oso.example","AuthenticationType":"Federated","IsVerified":true}]`
	)
	for _, test := range []struct {
		exports []string
		sso     string
		want    string
	}{
		{[]string{above}, "yes", "domain-federation-incomplete failure probable"},
		{[]string{above, own}, "yes", ""},
		{[]string{parent}, "yes", ""}, // what the domain above may be used for is not this one's
		{[]string{parent, managed}, "no", ""},
		{[]string{managed, above}, "no", ""},
		{[]string{stranger}, "", ""},
	} {
		report := judgeExportsOf(t, "joe@sub.contoso.example", nil, test.exports...)
		sso := ""
		for _, v := range report.Verdict.Path {
			if v.ID == "sso" {
				sso = v.Answer
			}
		}
		if got := told(report); got != test.want || sso != test.sso {
			t.Errorf("%s: %q, sso %q; want %q, %q", test.exports, got, sso, test.want, test.sso)
		}
		for _, f := range report.Findings {
			if title := f.Filled(report.Target).Title; strings.Contains(title, "sub.") {
				t.Errorf("the settings are those of the domain above: %s", title)
			}
		}
	}
}

// TestToolboxWithoutComputers: its results as the menu of the module has them.
func TestToolboxWithoutComputers(t *testing.T) {
	report := judgeExports(t, nil, `[{"Name":"TestIsAdfsRunning","Result":2,"Detail":"service down","Output":null,"ExceptionMessage":null},{"Name":"TestSslBindings","Result":0,"Detail":"x","Output":null,"ExceptionMessage":null}]`)
	if got := told(report); got != "rich-client-authentication failure probable" {
		t.Fatal(got)
	}
	_, text := finding(t, report, "rich-client-authentication")
	if !strings.Contains(text, "Get-Service adfssrv") || strings.Contains(text, "503") || strings.Contains(text, "()") {
		t.Error(text)
	}
}

// TestOneUserIsNotTheOrganization: the question that an object of one user
// answers is shown as one about that user.
func TestOneUserIsNotTheOrganization(t *testing.T) {
	const cloud = `{"UserPrincipalName":"joe@contoso.example","IsLicensed":false,"BlockCredential":false,"LastDirSyncTime":null}`
	for exports, about := range map[string]string{
		cloud: "user's own object",
		cloud + "\x00" + `{"DirectorySynchronizationEnabled":false,"DisplayName":"Contoso"}`: "the organization",
	} {
		report := judgeExports(t, nil, strings.Split(exports, "\x00")...)
		i := slices.IndexFunc(report.Verdict.Path, func(v lyncdiag.Visit) bool { return v.ID == "directory-sync" })
		if i < 0 || !strings.Contains(report.Verdict.Path[i].Question, about) || report.Verdict.Path[i].Answer != "no" {
			t.Errorf("want one about %s: %+v", about, report.Verdict.Path)
		}
	}
}

// TestHearsay: an end that a person's answers lead to is no more than
// probable, and how old the licence is is asked on the way.
func TestHearsay(t *testing.T) {
	said := []string{"portal-sign-in=yes", "licensed=yes", "directory-sync=no", "sso=yes", "other-sso-user=yes"}
	for _, test := range []struct {
		more []string
		open []string
	}{
		{nil, []string{"licence-assigned-at", "listed-in-admin-center", "client-steps-done"}},
		{[]string{"licence-assigned-at=2013-05-01T00:00:00Z"}, []string{"listed-in-admin-center", "client-steps-done"}},
		{[]string{"listed-in-admin-center=yes"}, []string{"client-steps-done"}},
	} {
		report := judgeExports(t, answering(append(slices.Clone(said), test.more...)...), `{"DirectorySynchronizationEnabled":false}`)
		f, _ := finding(t, report, "single-user-identity")
		var open []string
		for _, q := range report.Verdict.Questions {
			open = append(open, q.ID)
		}
		if f.Confidence != lyncdiag.Probable || !slices.Equal(open, test.open) {
			t.Errorf("%s: %s, asked %s, want %s", test.more, f.Confidence, open, test.open)
		}
	}
}
