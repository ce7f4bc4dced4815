package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// TestPowerShellGuide: the guide has the line of each cmdlet as findings give
// it, and each cmdlet it names has a reader.
func TestPowerShellGuide(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "powershell.md"))
	if err != nil {
		t.Fatal(err)
	}
	guide := string(raw)
	fill := strings.NewReplacer("{address}", "joe@contoso.com", "{domain}", "contoso.com")
	var lines []string
	for _, e := range kb.Exports() {
		lines = append(lines, e.Cmdlet)
		section := fmt.Sprintf("### %s\n\nTells %s.\n\n```powershell\n%s\n```\n", e.Cmdlet, e.Tells, fill.Replace(e.Line))
		if !strings.Contains(guide, section) {
			t.Errorf("docs/powershell.md lacks\n%s", section)
		}
		if !slices.Contains(directory.Cmdlets(), e.Cmdlet) {
			t.Errorf("%s has no reader", e.Cmdlet)
		}
		if !strings.Contains(e.Line, e.Cmdlet) {
			t.Errorf("the line of %s is another one's: %s", e.Cmdlet, e.Line)
		}
	}
	for _, cmdlet := range directory.Cmdlets() {
		if !slices.Contains(lines, cmdlet) && cmdlet != "IdFix" {
			t.Errorf("%s is read, and no line exports it", cmdlet)
		}
	}
	for _, heading := range strings.Split(guide, "\n### ")[1:] {
		name, _, _ := strings.Cut(heading, "\n")
		if !slices.Contains(directory.Cmdlets(), name) {
			t.Errorf("docs/powershell.md has a section %s, and nothing reads it", name)
		}
	}
}

// TestEveryCmdletIsRead gives each cmdlet's properties, as its documentation
// lists them, to check: the export is told from all others.
func TestEveryCmdletIsRead(t *testing.T) {
	samples := map[string]string{
		"Get-MsolUser":                            `{"UserPrincipalName":"joe@contoso.com","IsLicensed":false,"BlockCredential":false}`,
		"Get-MgUser":                              `{"userPrincipalName":"joe@contoso.com","accountEnabled":true,"assignedLicenses":[],"proxyAddresses":["sip:joe@contoso.com"]}`,
		"Get-MgUserLicenseDetail":                 `{"userPrincipalName":"joe@contoso.com","skuPartNumber":"A","servicePlans":[]}`,
		"Get-MgSubscribedSku":                     `{"skuPartNumber":"A","skuId":"1","servicePlans":[],"consumedUnits":1}`,
		"Get-MsolAccountSku":                      `{"AccountSkuId":"contoso:A","ActiveUnits":1,"ServiceStatus":[]}`,
		"Get-CsOnlineUser":                        `{"UserPrincipalName":"joe@contoso.com","SipAddress":"sip:joe@contoso.com","AccountType":"User","AccountEnabled":true}`,
		"Get-CsUser":                              `{"SipAddress":"sip:joe@contoso.com","UserPrincipalName":"joe@contoso.com","Enabled":true,"HostingProvider":"SRV:","RegistrarPool":"pool.contoso.com"}`,
		"Get-ADUser":                              `{"UserPrincipalName":"joe@contoso.com","SamAccountName":"joe","DistinguishedName":"CN=joe","Enabled":true,"msRTCSIP-UserEnabled":true}`,
		"Get-MsolDomain":                          `{"Name":"contoso.com","Status":1,"Authentication":0,"Capabilities":4}`,
		"Get-MgDomain":                            `{"id":"contoso.com","authenticationType":"Managed","isVerified":true,"supportedServices":["OfficeCommunicationsOnline"]}`,
		"Get-MsolDomainFederationSettings":        `{"IssuerUri":"http://x","ActiveLogOnUri":"https://a/","MetadataExchangeUri":"https://m/","PassiveLogOnUri":"https://p/"}`,
		"Get-MgDomainFederationConfiguration":     `{"issuerUri":"http://x","activeSignInUri":"https://a/","metadataExchangeUri":"https://m/","passiveSignInUri":"https://p/","id":"1"}`,
		"Get-MsolCompanyInformation":              `{"DisplayName":"Contoso","DirectorySynchronizationEnabled":true,"LastDirSyncTime":"2013-05-31T14:05:00Z"}`,
		"Get-MgOrganization":                      `{"displayName":"Contoso","onPremisesSyncEnabled":null,"verifiedDomains":[]}`,
		"Get-MgServiceAnnouncementHealthOverview": `[{"Id":"Lync","Service":"Skype for Business","Status":"serviceOperational"}]`,
		"Export-AdfsDiagnosticsFile":              `{"ADFSToolbox":{"Test-AdfsServerHealth":{"AllTests":[{"Name":"IsAdfsRunning","ComputerName":"a","Result":0}]}},"Version":"1.0.9"}`,
		"Test-AdfsServerHealth":                   `{"AllTests":[{"Name":"IsAdfsRunning","ComputerName":"a","Result":0}]}`,
		"IdFix":                                   "DISTINGUISHEDNAME,OBJECTCLASS,ATTRIBUTE,ERROR,VALUE,UPDATE\nCN=joe,user,mail,Format,joe@contoso.com,\n",
	}
	for _, cmdlet := range directory.Cmdlets() {
		sample, ok := samples[cmdlet]
		if !ok {
			t.Errorf("%s: no sample", cmdlet)
			continue
		}
		path := filepath.Join(t.TempDir(), "export")
		if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"--user", "--domain"} {
			code, out, errs := call(t, t.Context(), "check", "--offline", "joe@contoso.com", flag, path)
			if code == 2 || errs != "" || strings.Contains(out, `"status": "errored"`) {
				t.Errorf("%s %s: exit code %d, %s", cmdlet, flag, code, errs)
			}
			if strings.Contains(out, `"value": "Get-`) {
				t.Errorf("%s is taken for another cmdlet, or incomplete: %s", cmdlet, out)
			}
		}
	}
}

// TestLicenceOfTenMinutes: a licence that was assigned a moment ago is a time
// to wait until, whoever tells when.
func TestLicenceOfTenMinutes(t *testing.T) {
	at := time.Now().UTC().Add(-10 * time.Minute).Truncate(time.Second)
	path := filepath.Join(t.TempDir(), "user.json")
	text := `{"userPrincipalName":"joe@contoso.example","accountEnabled":true,"assignedLicenses":[{"skuId":"1","disabledPlans":[]}],"assignedPlans":[
		{"assignedDateTime":"` + at.Format(time.RFC3339) + `","capabilityStatus":"Enabled","service":"MicrosoftCommunicationsOnline","servicePlanId":"0feaeb32-d00e-4d66-bd5a-43b5b83db82c"}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	until := "Wait until " + at.Add(30*time.Minute).Format("15:04") + " UTC"
	for _, args := range [][]string{
		{"check", "--offline", "--user", path},
		{"check", "--offline", "joe@contoso.example", "--answer", "portal-sign-in=yes", "--answer", "licensed=yes", "--answer", "licence-assigned-at=" + at.Format(time.RFC3339)},
	} {
		code, out, errs := call(t, t.Context(), args...)
		if code != 3 || errs != "" || strings.Count(out, until) != 2 || !strings.Contains(out, `"primary": ""`) || !strings.Contains(out, "may have no account in Lync Online yet") {
			t.Errorf("%q: exit code %d, %s, want %q as title and as next step in\n%s", args, code, errs, until, out)
		}
	}
}
