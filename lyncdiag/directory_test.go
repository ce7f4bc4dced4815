package lyncdiag_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

const (
	joeLicensed = `{"userPrincipalName":"joe@contoso.example","accountEnabled":true,"proxyAddresses":["SIP:joe@contoso.example"],
		"assignedLicenses":[{"skuId":"1","disabledPlans":[]}],
		"assignedPlans":[{"assignedDateTime":"2013-01-01T08:00:00Z","capabilityStatus":"Enabled","service":"MicrosoftCommunicationsOnline","servicePlanId":"0feaeb32-d00e-4d66-bd5a-43b5b83db82c"}]}`
	joeUnlicensed = `{"UserPrincipalName":"joe@contoso.example","IsLicensed":false,"BlockCredential":false}`
)

// judgeExports judges exports, with what else is known.
func judgeExports(t *testing.T, put func(*fact.Facts), exports ...string) *lyncdiag.Report {
	t.Helper()
	return judgeExportsOf(t, joe, put, exports...)
}

func judgeExportsOf(t *testing.T, who string, put func(*fact.Facts), exports ...string) *lyncdiag.Report {
	t.Helper()
	e := &directory.Exports{}
	for i, text := range exports {
		if err := e.Add(string(rune('a'+i))+".json", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	f := fact.New()
	fact.Put(f, fact.TargetKey, target(t, who), live)
	fact.Put(f, fact.StartedKey, scenarioClock(), live)
	fact.Put(f, fact.SettingKey, fact.Setting{}, live)
	if put != nil {
		put(f)
	}
	if err := e.Collect(t.Context(), target(t, who), f); err != nil {
		t.Fatal(err)
	}
	checkReads(t, f)
	report := &lyncdiag.Report{Complete: true, Target: target(t, who)}
	lyncdiag.Judge(report, f, nil)
	for _, r := range report.Rules {
		if r.Status == lyncdiag.RuleErrored {
			t.Errorf("rule %s: %s", r.ID, r.Error)
		}
	}
	return report
}

func deployed(kind string) func(*fact.Facts) {
	return func(f *fact.Facts) { fact.Put(f, fact.SettingKey, fact.Setting{Deployment: kind}, live) }
}

func TestExportsAreJudgedInTheirPlace(t *testing.T) {
	served := func(f *fact.Facts) {
		ok := adfs.Exchange{Asked: true, Status: 200}
		fact.Put(f, fact.MEXKey, &adfs.MEX{Get: ok, Post: ok, Endpoints: []adfs.Endpoint{{Usable: true, Authentication: "username", Version: "2005"}}}, live)
	}
	answers := func(f *fact.Facts) {
		fact.Put(f, fact.RealmKey, &adfs.Realm{NamespaceType: "managed", Status: 200}, live)
	}
	onPremises := `{"UserPrincipalName":"joe@corp.local","SamAccountName":"joe","DistinguishedName":"CN=joe","msRTCSIP-PrimaryUserAddress":"sip:joe@contoso.example"%s}`
	for name, test := range map[string]struct {
		put     func(*fact.Facts)
		exports []string
		want    string // name severity confidence, of all but infos
	}{
		"licensed":                {nil, []string{joeLicensed}, ""},
		"one export knows better": {nil, []string{joeUnlicensed, joeLicensed}, ""},
		"unlicensed":              {nil, []string{joeUnlicensed}, "user-not-licensed failure confirmed"},
		"unlicensed, on a server": {deployed("server"), []string{joeUnlicensed}, ""},
		"another name in the company's own directory": {nil, []string{joeLicensed, strings.Replace(onPremises, "%s", "", 1)}, ""},
		"twice in the company's own directory": {nil, []string{strings.Replace(onPremises, "%s", "", 1),
			`{"SamAccountName":"x","DistinguishedName":"CN=x","msRTCSIP-PrimaryUserAddress":"sip:joe@contoso.example"}`},
			"user-sip-address-duplicate failure confirmed, user-sip-address-mismatch warning confirmed"},
		"twice without a principal name": {nil, []string{`[{"Identity":"CN=joe","SipAddress":"sip:joe@contoso.example","Enabled":true,"RegistrarPool":"p"},{"Identity":"CN=x","SipAddress":"sip:JOE@contoso.example","Enabled":true,"RegistrarPool":"p"}]`},
			"user-sip-address-duplicate failure confirmed"},
		"twice in the cloud": {nil, []string{joeLicensed, `{"userPrincipalName":"ann@contoso.example","accountEnabled":false,"proxyAddresses":["sip:joe@contoso.example"]}`},
			"user-sip-address-duplicate failure confirmed"},
		"homed on premises, online":     {deployed("online"), []string{strings.Replace(onPremises, "%s", `,"msRTCSIP-DeploymentLocator":"SRV:"`, 1)}, "user-homed-on-premises failure confirmed, user-sip-address-mismatch warning confirmed"},
		"homed on premises, assumed":    {nil, []string{strings.Replace(onPremises, "%s", `,"msRTCSIP-DeploymentLocator":"SRV:"`, 1)}, "user-homed-on-premises failure probable, user-sip-address-mismatch warning confirmed"},
		"homed on premises, unlicensed": {deployed("hybrid"), []string{joeUnlicensed, strings.Replace(onPremises, "%s", `,"msRTCSIP-DeploymentLocator":"SRV:"`, 1)}, ""},
		"homed on premises, hybrid":     {deployed("hybrid"), []string{strings.Replace(onPremises, "%s", `,"msRTCSIP-DeploymentLocator":"SRV:"`, 1)}, "user-sip-address-mismatch warning confirmed"},
		"not enabled on the server":     {deployed("server"), []string{`{"Identity":"CN=joe","SipAddress":"sip:joe@contoso.example","Enabled":false,"RegistrarPool":"p"}`}, "user-sip-not-enabled failure confirmed"},
		"suspended":                     {nil, []string{strings.Replace(joeLicensed, "Enabled\",\"service", "LockedOut\",\"service", 1)}, "user-licence-disabled failure confirmed"},
		"refused characters":            {nil, []string{`{"UserPrincipalName":"joe@contoso.example","SipAddress":"sip:j&e@contoso.example","AccountType":"User"}`}, "user-sip-address-invalid failure probable, user-sip-address-mismatch warning confirmed"},
		"letters with accents":          {nil, []string{"{\"UserPrincipalName\":\"joe@contoso.example\",\"SipAddress\":\"sip:jo\u00e9@contoso.example\",\"AccountType\":\"User\"}"}, "user-sip-address-invalid failure probable, user-sip-address-mismatch warning confirmed"},
		"proxy test, nothing live":      {nil, []string{`[{"Name":"IsAdfsRunning","ComputerName":"sts1","Result":2}]`}, "rich-client-authentication failure probable"},
		"proxy test, MEX is served":     {served, []string{`[{"Name":"IsAdfsRunning","ComputerName":"sts1","Result":2}]`}, "rich-client-authentication warning possible"},
		"tests that passed":             {nil, []string{`[{"Name":"IsAdfsRunning","ComputerName":"sts1","Result":0},{"Name":"TestTimeSync","ComputerName":"sts1","Result":"NotRun"},{"Name":"TestTimeSync","ComputerName":"sts2","Result":9}]`}, ""},
		"login down":                    {nil, []string{`[{"Id":"OrgLiveID","Service":"Microsoft Entra","Status":"serviceInterruption"}]`}, "login-service-unavailable failure probable"},
		"login down, but it answers":    {answers, []string{`[{"Id":"OrgLiveID","Service":"Microsoft Entra","Status":"serviceInterruption"}]`}, "login-service-unavailable warning probable"},
		"another service":               {nil, []string{`[{"Id":"Exchange","Service":"Exchange Online","Status":"serviceInterruption"}]`}, ""},
		"left-over settings":            {nil, []string{`[{"id":"contoso.example","authenticationType":"Managed","isVerified":true,"supportedServices":["OfficeCommunicationsOnline"]}]`, `{"IssuerUri":"x","ActiveLogOnUri":null,"MetadataExchangeUri":null}`}, ""},
		"another domain":                {nil, []string{`[{"id":"fabrikam.example","authenticationType":"Managed","isVerified":false}]`}, ""},
		"synchronized an hour ago":      {nil, []string{`{"DirectorySynchronizationEnabled":true,"LastDirSyncTime":"2013-05-31T13:00:00Z"}`}, ""},
		"never synchronized":            {nil, []string{`{"DirectorySynchronizationEnabled":false,"LastDirSyncTime":"2012-05-31T13:00:00Z"}`}, ""},
		"changed and not synchronized": {nil, []string{strings.Replace(joeLicensed, `"accountEnabled"`, `"onPremisesSyncEnabled":true,"onPremisesLastSyncDateTime":"2013-05-30T08:00:00Z","accountEnabled"`, 1),
			strings.Replace(onPremises, "%s", `,"whenChanged":"2013-05-31T08:00:00Z"`, 1)}, "user-directory-sync-error warning possible"},
		"changed a moment ago": {nil, []string{strings.Replace(joeLicensed, `"accountEnabled"`, `"onPremisesSyncEnabled":true,"onPremisesLastSyncDateTime":"2013-05-30T08:00:00Z","accountEnabled"`, 1),
			strings.Replace(onPremises, "%s", `,"whenChanged":"2013-05-31T13:30:00Z"`, 1)}, ""},
		"an object that stays": {nil, []string{strings.Replace(joeLicensed, `"accountEnabled"`, `"onPremisesSyncEnabled":true,"onPremisesLastSyncDateTime":"2012-01-01T00:00:00Z","accountEnabled"`, 1)}, ""},
	} {
		var got []string
		for _, f := range judgeExports(t, test.put, test.exports...).Findings {
			if f.Severity != kb.Info && f.CausedBy == "" {
				got = append(got, strings.Join([]string{f.Name, string(f.Severity), string(f.Confidence)}, " "))
			}
			for _, e := range f.Evidence {
				if e.Origin.Kind != fact.Directory || !strings.Contains(e.Origin.Where, ".json") {
					t.Errorf("%s: %s: evidence %s does not say where it stands: %+v", name, f.Name, e.Key, e.Origin)
				}
			}
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestUserEvidenceIsMarked: what names a person can be told from what does not.
func TestUserEvidenceIsMarked(t *testing.T) {
	report := judgeExports(t, nil, `{"UserPrincipalName":"joe@contoso.example","SipAddress":"sip:joe.o'neil@contoso.example","AccountType":"SfBOnPremUser","AccountEnabled":false,"UserValidationErrors":["duplicate of ann@contoso.example"]}`,
		`[{"UserPrincipalName":"joe@contoso.example","IsLicensed":false},{"UserPrincipalName":"ann@contoso.example","IsLicensed":false,"ProxyAddresses":["sip:joe.o'neil@contoso.example"]}]`)
	if len(report.Findings) < 5 {
		t.Fatalf("%d findings:\n%s", len(report.Findings), describe(report))
	}
	for _, f := range report.Findings {
		for _, e := range f.Evidence {
			if strings.Contains(e.Value, "@contoso") && e.Class != fact.UserText && e.Class != fact.Prose {
				t.Errorf("%s: %s = %s has the class %s", f.Name, e.Key, e.Value, e.Class)
			}
		}
		for _, s := range []string{f.Title, f.Cause} {
			if strings.Contains(s, "@contoso") {
				t.Errorf("%s: an address stands in the text and not in the evidence: %s", f.Name, s)
			}
		}
	}
}

// TestLossThatAnotherExportMakesGood is no news.
func TestLossThatAnotherExportMakesGood(t *testing.T) {
	const flat = `{"UserPrincipalName":"joe@contoso.example","IsLicensed":true,"Licenses":[{"ServiceStatus":"System.Object[]"}],"ProxyAddresses":"System.String[]"}`
	for exports, want := range map[string]string{flat: "Licenses.ServiceStatus", flat + "\x00" + joeLicensed: ""} {
		report := judgeExports(t, nil, strings.Split(exports, "\x00")...)
		got := ""
		for _, f := range report.Findings {
			for _, e := range f.Evidence {
				if e.Key == "property" && strings.HasPrefix(e.Value, "Licenses") {
					got = e.Value
				}
			}
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWaitUntil: half an hour from when the licence was assigned, whoever says
// when, and nothing to wait for after it.
func TestWaitUntil(t *testing.T) {
	for minutes, want := range map[time.Duration]string{0: "14:35", 10: "14:25", 29: "14:06", 30: "", 31: ""} {
		at := scenarioClock().Add(-minutes * time.Minute).Format(time.RFC3339)
		report := judgeExports(t, nil, strings.Replace(joeLicensed, "2013-01-01T08:00:00Z", at, 1))
		title := ""
		for _, f := range report.Findings {
			title += f.Title
		}
		if (want == "") != (title == "") || !strings.Contains(title, want) {
			t.Errorf("%d minutes ago: %q, want %q", minutes, title, want)
		}
		if want != "" && !slices.Contains(report.Verdict.Next, "Wait until "+want+" UTC, then: lyncdiag check joe@contoso.example") {
			t.Errorf("%d minutes ago: next %q", minutes, report.Verdict.Next)
		}
	}
}
