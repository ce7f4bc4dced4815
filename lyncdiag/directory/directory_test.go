package directory_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

const joe = "joe@contoso.com"

// facts are what exports say of somebody, each file under a name of its own.
func facts(t testing.TB, who string, exports ...string) *fact.Facts {
	t.Helper()
	e := &directory.Exports{}
	for i, text := range exports {
		if err := e.Add(string(rune('a'+i)), strings.NewReader(text)); err != nil {
			t.Fatalf("%v\n%.2000s", err, text)
		}
	}
	return collect(t, e, who)
}

func collect(t testing.TB, e *directory.Exports, who string) *fact.Facts {
	t.Helper()
	target, err := fact.ParseAddress(who)
	if err != nil {
		t.Fatal(err)
	}
	f := fact.New()
	if err := e.Collect(t.Context(), target, f); err != nil {
		t.Fatal(err)
	}
	return f
}

// user is the one record of somebody.
func user(t testing.TB, who string, exports ...string) fact.DirectoryUser {
	t.Helper()
	list, _, _ := fact.Get(facts(t, who, exports...), fact.DirectoryUsersKey)
	if len(list) != 1 {
		t.Fatalf("%d records, want one: %+v", len(list), list)
	}
	return list[0]
}

var success, disabled = enum{"Success", 1}, enum{"Disabled", 4}

// TestFormatsAgree: the same object is the same fact, whatever it was written
// as.
func TestFormatsAgree(t *testing.T) {
	for name, o := range map[string]obj{
		"msol": msolUser(joe, property{"EXCHANGE_S_ENTERPRISE", success}, property{"MCOSTANDARD", disabled}),
		"mg":   mgUser(joe, true),
		"none": msolUser(joe),
	} {
		first := user(t, joe, convertToJSON(9, false, o))
		if !first.PlansKnown || first.Name != joe || len(first.SIPAddresses) != 1 {
			t.Errorf("%s: %+v", name, first)
		}
		for format, text := range map[string]string{
			"windows powershell": convertToJSON(9, true, o),
			"array":              "[" + convertToJSON(9, false, o) + "]",
			"graph":              `{"@odata.context": "x", "value": [` + convertToJSON(9, false, o) + `]}`,
			"value and count":    `{"value": [` + convertToJSON(9, true, o) + `], "Count": 1}`,
			"clixml":             exportCLIXML(9, o),
			"clixml, one list":   strings.Replace(strings.Replace(exportCLIXML(9, o), "04\">\n", "04\">\n<Obj RefId=\"900\"><TN RefId=\"900\"><T>System.Object[]</T></TN><LST>", 1), "</Objs>", "</LST></Obj></Objs>", 1),
		} {
			if got := user(t, joe, text); !reflect.DeepEqual(got, first) {
				t.Errorf("%s, %s:\ngot  %+v\nwant %+v", name, format, got, first)
			}
		}
	}
}

// TestScalarsAgree: what a table can hold is the same there.
func TestScalarsAgree(t *testing.T) {
	o := obj{"Selected.Microsoft.ActiveDirectory.Management.ADUser", []property{
		{"UserPrincipalName", joe}, {"SamAccountName", "joe"}, {"DistinguishedName", `CN="Joe; the first",DC=contoso,DC=com`}, {"Enabled", true},
		{"msRTCSIP-UserEnabled", false}, {"msRTCSIP-PrimaryUserAddress", "sip:" + joe}, {"msRTCSIP-DeploymentLocator", "SRV:"},
	}}
	first := user(t, joe, convertToJSON(2, false, o))
	if first.SIPEnabled.Answer != "no" || first.OnPremises.Answer != "yes" || first.Enabled.Answer != "yes" || first.Cmdlet != "Get-ADUser" {
		t.Errorf("%+v", first)
	}
	for format, text := range map[string]string{
		"csv": exportCSV(",", false, o), "type line": exportCSV(",", true, o), "semicolon": exportCSV(";", true, o), "tab": exportCSV("\t", false, o),
		"excel": "sep=;\r\n" + exportCSV(";", false, o), "clixml": exportCLIXML(2, o), "list": formatList(o),
	} {
		if got := user(t, joe, text); !reflect.DeepEqual(got, first) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", format, got, first)
		}
	}
}

func TestEncodings(t *testing.T) {
	o := without(mgUser("j\u00f6rg@contoso.com", true), "Id")
	text := convertToJSON(6, false, o)
	want := user(t, "j\u00f6rg@contoso.com", text)
	utf16 := func(order unicode.Endianness, bom unicode.BOMPolicy) string {
		out, err := unicode.UTF16(order, bom).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	page := func(p *charmap.Charmap) string {
		out, err := p.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, in := range map[string]string{
		"bom": "\ufeff" + text, "out-file": utf16(unicode.LittleEndian, unicode.UseBOM), "utf-16be": utf16(unicode.BigEndian, unicode.UseBOM),
		"no mark": utf16(unicode.LittleEndian, unicode.IgnoreBOM), "no mark, be": utf16(unicode.BigEndian, unicode.IgnoreBOM),
		"ansi": page(charmap.Windows1252), "oem": page(charmap.CodePage850), "spaces": "\r\n\r\n" + text,
	} {
		if got := user(t, "j\u00f6rg@contoso.com", in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
	xml := strings.Replace(exportCLIXML(6, o), "<Objs", `<?xml version="1.0" encoding="utf-16"?><Objs`, 1)
	if got := user(t, "j\u00f6rg@contoso.com", xml); !reflect.DeepEqual(got, want) {
		t.Errorf("declared as UTF-16:\ngot  %+v\nwant %+v", got, want)
	}
}

// TestLostIsNotAbsent: nothing of a licence that an export lost may be read as
// a user without one, and the export says that it lost it.
func TestLostIsNotAbsent(t *testing.T) {
	msol, mg := msolUser(joe, property{"MCOSTANDARD", success}), mgUser(joe, true)
	for name, text := range map[string]string{
		"msol depth 1":         convertToJSON(1, true, msol),
		"msol depth 2":         convertToJSON(2, true, msol),
		"msol depth 3":         convertToJSON(3, true, msol),
		"msol depth 4":         convertToJSON(4, true, msol),
		"msol csv":             exportCSV(",", true, msol),
		"msol list":            formatList(msol),
		"msol clixml depth 2":  exportCLIXML(2, msol),
		"msol clixml depth 4":  exportCLIXML(4, msol),
		"mg depth 0":           convertToJSON(0, false, mg),
		"mg depth 1":           convertToJSON(1, false, mg),
		"mg csv":               exportCSV(";", false, mg),
		"mg list":              formatList(mg),
		"mg clixml depth 1":    exportCLIXML(1, mg),
		"own name":             "UserPrincipalName : " + joe + "\r\nIsLicensed : True\r\nLicenses : Licenses\r\n",
		"at":                   `{"UserPrincipalName":"` + joe + `","AccountEnabled":true,"AssignedLicenses":["@{DisabledPlans=System.Object[]; SkuId=1}"],"AssignedPlans":["@{ServicePlanId=` + plan + `}"]}`,
		"not asked for":        `{"UserPrincipalName":"` + joe + `","AccountEnabled":null,"AssignedLicenses":[],"AssignedPlans":[],"BusinessPhones":[]}`,
		"nothing but the name": convertToJSON(2, false, without(mg, "AssignedLicenses", "AssignedPlans", "AccountEnabled")),
		"a number of tomorrow": convertToJSON(9, true, msolUser(joe, property{"MCOTOMORROW", success})),
		"empty cells":          "\"UserPrincipalName\",\"BlockCredential\",\"Licenses\"\r\n\"" + joe + "\",\"False\",\"\"\r\n",
	} {
		u := user(t, joe, text)
		if u.PlansKnown || u.Licensed.Answer == "no" {
			t.Errorf("%s: the licence is read as absent: %+v\n%s", name, u, text)
		}
		if len(u.Lost) == 0 && len(u.Plans) == 0 && name != "a number of tomorrow" {
			t.Errorf("%s: nothing is said to be lost: %+v\n%s", name, u, text)
		}
	}
	// Of what says it for itself nothing is lost.
	for name, text := range map[string]string{
		"not licensed, csv":  exportCSV(",", true, msolUser(joe)),
		"not licensed, list": formatList(msolUser(joe)),
		"not licensed, mg":   convertToJSON(1, false, mgUser(joe, false)),
	} {
		if u := user(t, joe, text); u.Licensed.Answer != "no" || !u.PlansKnown {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestPlans(t *testing.T) {
	in := func(service, status, more string) string {
		return `{"userPrincipalName":"` + joe + `","accountEnabled":true,"assignedLicenses":[{"skuId":"1","disabledPlans":[` + more + `]}],"assignedPlans":[
			{"assignedDateTime":"2013-05-31T13:55:00Z","capabilityStatus":"` + status + `","service":"MicrosoftCommunicationsOnline","servicePlanId":"` + service + `"}]}`
	}
	at := time.Date(2013, 5, 31, 13, 55, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		text  string
		want  []fact.LyncPlan
		known bool
	}{
		"enabled":         {in(plan, "Enabled", ""), []fact.LyncPlan{{Name: "MCOSTANDARD", Status: "assigned", AssignedAt: at}}, true},
		"government":      {in("A31EF4A2-F787-435E-8335-E47EB0CAFC94", "Warning", ""), []fact.LyncPlan{{Name: "MCOSTANDARD_GOV", Status: "assigned", AssignedAt: at}}, true},
		"suspended":       {in(plan, "Suspended", ""), []fact.LyncPlan{{Name: "MCOSTANDARD", Status: "suspended", AssignedAt: at}}, true},
		"taken away":      {in(plan, "Deleted", ""), []fact.LyncPlan{}, true},
		"turned off":      {in(plan, "Deleted", `"`+plan+`"`), []fact.LyncPlan{{Name: "MCOSTANDARD", Status: "disabled"}}, true},
		"off in another":  {in(plan, "Enabled", `"`+plan+`"`), []fact.LyncPlan{{Name: "MCOSTANDARD", Status: "assigned", AssignedAt: at}}, true},
		"add-on":          {in("4828c8ec-dc2e-4779-b502-87ac9ce28ab7", "Enabled", ""), []fact.LyncPlan{}, true},
		"an unknown plan": {in("00000000-0000-0000-0000-00000000000f", "Enabled", ""), []fact.LyncPlan{}, false},
		"pending":         {convertToJSON(9, true, msolUser(joe, property{"MCOSTANDARD", enum{"PendingInput", 3}})), []fact.LyncPlan{{Name: "MCOSTANDARD", Status: "pending"}}, true},
		"a new status":    {convertToJSON(9, true, msolUser(joe, property{"MCOSTANDARD", enum{"PendingActivation", 7}})), []fact.LyncPlan{{Name: "MCOSTANDARD", Status: ""}}, true},
		"two licences": {`[{"userPrincipalName":"` + joe + `","skuPartNumber":"A","servicePlans":[{"servicePlanName":"EXCHANGE_S_STANDARD","provisioningStatus":"Success"}]},
			{"userPrincipalName":"` + joe + `","skuPartNumber":"B","servicePlans":[{"servicePlanName":"MCOSTANDARD","provisioningStatus":"Success"}]}]`,
			[]fact.LyncPlan{{Name: "MCOSTANDARD", Status: "provisioned"}}, true},
	} {
		u := user(t, joe, test.text)
		if !reflect.DeepEqual(u.Plans, test.want) || u.PlansKnown != test.known {
			t.Errorf("%s: %+v, known %t; want %+v, %t", name, u.Plans, u.PlansKnown, test.want, test.known)
		}
	}
}

// TestManyUsers: one target for each, and each gets what is theirs.
func TestManyUsers(t *testing.T) {
	e := &directory.Exports{}
	add := func(name, text string) {
		t.Helper()
		if err := e.Add(name, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	add("cloud.json", convertToJSON(6, false, mgUser("joe@contoso.com", true), mgUser("ann@contoso.com", false), mgUser("not an address", false)))
	add("ad.csv", "UserPrincipalName,SamAccountName,DistinguishedName,msRTCSIP-PrimaryUserAddress\njoe@corp.local,joe,x,sip:joe@contoso.com\nbob@corp.local,bob,y,sip:robert@contoso.com\n")
	var got []string
	for _, s := range e.Users() {
		got = append(got, s.Address+" "+s.UserName)
	}
	want := []string{"joe@contoso.com ", "ann@contoso.com ", "robert@contoso.com bob@corp.local"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("users %q, want %q", got, want)
	}
	for who, files := range map[string]int{"joe@contoso.com": 2, "ann@contoso.com": 1, "ROBERT@contoso.com": 1} {
		n := 0
		for range fact.All(collect(t, e, who), fact.DirectoryUsersKey) {
			n++
		}
		if n != files {
			t.Errorf("%s: %d files, want %d", who, n, files)
		}
	}
	target, err := fact.ParseAddress("nobody@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Collect(t.Context(), target, fact.New()); err == nil || !strings.Contains(err.Error(), "nobody@contoso.com: it is not among the 5 users of cloud.json, ad.csv") {
		t.Errorf("somebody else: %v", err)
	}
}

// TestAnonymous: licences that say not whose they are belong to the only user
// there is.
func TestAnonymous(t *testing.T) {
	licences := `{"skuPartNumber":"A","servicePlans":[{"servicePlanName":"MCOSTANDARD","provisioningStatus":"Success"}]}`
	if u := user(t, joe, licences); len(u.Plans) != 1 {
		t.Errorf("%+v", u)
	}
	e := &directory.Exports{}
	for name, text := range map[string]string{"l": licences, "u": convertToJSON(6, false, mgUser("joe@contoso.com", false), mgUser("ann@contoso.com", false))} {
		if err := e.Add(name, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	for o := range fact.All(collect(t, e, joe), fact.DirectoryUsersKey) {
		if o.Where == "l" {
			t.Error("licences of nobody are given to one of two users")
		}
	}
	if user, domain := e.Anonymous(); !user || domain {
		t.Errorf("without a name: user %t, domain %t", user, domain)
	}
}

func TestUsersAsExportsShowThem(t *testing.T) {
	for name, test := range map[string]struct {
		text, who string
		want      func(fact.DirectoryUser) bool
	}{
		"administration center": {"Block credential,Display name,Licenses,Proxy addresses,User principal name\nFalse,Joe,Unlicensed,SMTP:joe@contoso.com,joe@contoso.com\n", joe,
			func(u fact.DirectoryUser) bool {
				return u.Licensed.Answer == "no" && u.PlansKnown && u.Enabled.Answer == "yes"
			}},
		"all of active directory": {`{"UserPrincipalName":"joe@contoso.com","DistinguishedName":"CN=joe","SamAccountName":"joe","uSNChanged":1,"whenCreated":"2013-01-01T00:00:00Z","objectClass":"user"}`, joe,
			func(u fact.DirectoryUser) bool { return u.SIPEnabled.Answer == "yes" }},
		"some of active directory": {`{"UserPrincipalName":"joe@contoso.com","DistinguishedName":"CN=joe","SamAccountName":"joe"}`, joe,
			func(u fact.DirectoryUser) bool { return u.SIPEnabled.Answer == "" }},
		"primary proxy": {`{"userPrincipalName":"joe@contoso.com","accountEnabled":true,"proxyAddresses":["sip:old@contoso.com","SIP:new@contoso.com"]}`, joe,
			func(u fact.DirectoryUser) bool { return u.SIPAddresses[0] == "new@contoso.com" }},
		"unicode domain": {`{"userPrincipalName":"joe@b\u00fccher.example","accountEnabled":true}`, "joe@xn--bcher-kva.example",
			func(u fact.DirectoryUser) bool { return u.Enabled.Answer == "yes" }},
		"graph sends it": {`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users/$entity","userPrincipalName":"joe@contoso.com","accountEnabled":false}`, joe,
			func(u fact.DirectoryUser) bool {
				return u.Enabled.Answer == "no" && u.Enabled.By == "AccountEnabled False"
			}},
		"additional properties": {`{"UserPrincipalName":"joe@contoso.com","AccountEnabled":true,"OnPremisesSyncEnabled":null,"AdditionalProperties":{"onPremisesSyncEnabled":true}}`, joe,
			func(u fact.DirectoryUser) bool { return u.Synchronized.Answer == "yes" }},
		"homed on premises": {`{"SipAddress":"sip:joe@contoso.com","UserPrincipalName":"joe@contoso.com","HostingProvider":"SRV:","InterpretedUserType":"HybridOnprem"}`, joe,
			func(u fact.DirectoryUser) bool { return u.OnPremises.By == "HostingProvider SRV:" && !u.Listed }},
		"resolved errors": {`{"UserPrincipalName":"joe@contoso.com","IsLicensed":false,"Errors":[{"Resolved":true,"ServiceInstance":"MicrosoftCommunicationsOnline/1"}],"ValidationStatus":1}`, joe,
			func(u fact.DirectoryUser) bool { return len(u.Errors) == 0 }},
		"errors": {`{"UserPrincipalName":"joe@contoso.com","IsLicensed":false,"Errors":[{"Resolved":false,"ServiceInstance":"MicrosoftCommunicationsOnline/1"}],"ValidationStatus":2}`, joe,
			func(u fact.DirectoryUser) bool {
				return len(u.Errors) == 1 && strings.Contains(u.Errors[0], "MicrosoftCommunicationsOnline")
			}},
		"licence errors": {`{"userPrincipalName":"joe@contoso.com","accountEnabled":true,"licenseAssignmentStates":[{"state":"Active","error":"None"},{"state":"Error","error":"CountViolation"}]}`, joe,
			func(u fact.DirectoryUser) bool {
				return reflect.DeepEqual(u.Errors, []string{"LicenseAssignmentStates: CountViolation"})
			}},
		"a list first": {"AlternateEmailAddresses : {a@b.c, d@e.f}\r\nUserPrincipalName : joe@contoso.com\r\nIsLicensed : False\r\nLicenses : {}\r\n", joe,
			func(u fact.DirectoryUser) bool { return u.Licensed.Answer == "no" && len(u.Lost) == 0 }},
		"references": {`<Objs xmlns="x"><Obj RefId="0"><Props><S N="UserPrincipalName">joe@contoso.com</S><B N="IsLicensed">true</B><Obj N="Errors" RefId="1"><LST/></Obj>
			<Ref N="IndirectLicenseErrors" RefId="1"/><Ref N="Licenses" RefId="77"/></Props></Obj></Objs>`, joe,
			func(u fact.DirectoryUser) bool {
				return !u.PlansKnown && len(u.Lost) == 1 && u.Lost[0].Property == "Licenses" && len(u.Errors) == 0
			}},
		"a long line": {"UserPrincipalName : joe@contoso.com\r\nIsLicensed : False\r\nProxyAddresses : {SMTP:joe@contoso.com, \r\n                 sip:joseph@contoso.com}\r\n", joe,
			func(u fact.DirectoryUser) bool {
				return len(u.SIPAddresses) == 1 && u.SIPAddresses[0] == "joseph@contoso.com"
			}},
	} {
		if u := user(t, test.who, test.text); !test.want(u) {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestDomains(t *testing.T) {
	yes := func(a fact.Attribute) string { return a.Answer }
	type want struct{ verified, lync, federated, mex, active string }
	for name, test := range map[string]struct {
		text string
		want want
	}{
		"graph":         {`{"value":[{"id":"contoso.com","authenticationType":"Federated","isVerified":true,"supportedServices":["Email","OfficeCommunicationsOnline"]}]}`, want{verified: "yes", lync: "yes", federated: "yes"}},
		"graph, null":   {`{"id":"contoso.com","authenticationType":"Managed","isVerified":true,"supportedServices":null}`, want{verified: "yes", federated: "no"}},
		"graph, csv":    {"Id,AuthenticationType,IsVerified,SupportedServices\ncontoso.com,Managed,False,System.String[]\n", want{verified: "no", federated: "no"}},
		"msol, numbers": {`[{"Name":"Contoso.com","Authentication":1,"Status":1,"Capabilities":5}]`, want{verified: "yes", lync: "yes", federated: "yes"}},
		"msol, names":   {"Name;Status;Authentication;Capabilities\ncontoso.com;PendingDeletion;Managed;Email\n", want{verified: "no", lync: "no", federated: "no"}},
		"msol, clixml": {exportCLIXML(3, obj{"Microsoft.Online.Administration.Domain", []property{{"Name", "contoso.com"}, {"Status", enum{"Verified", 1}},
			{"Authentication", enum{"Managed", 0}}, {"Capabilities", enum{"Email, OfficeCommunicationsOnline", 5}}}}), want{verified: "yes", lync: "yes", federated: "no"}},
		"settings":       {`{"IssuerUri":"http://x","MetadataExchangeUri":null,"ActiveLogOnUri":"https://x/"}`, want{federated: "yes", mex: "no", active: "yes"}},
		"settings, mg":   {`{"issuerUri":"http://x","activeSignInUri":"https://x/","metadataExchangeUri":"https://x/mex","Domain":"contoso.com"}`, want{federated: "yes", mex: "yes", active: "yes"}},
		"settings, left": {`{"IssuerUri":"http://x","PassiveLogOnUri":"https://x/"}`, want{federated: "yes"}},
	} {
		list, _, _ := fact.Get(facts(t, joe, test.text), fact.DirectoryDomainsKey)
		if len(list) != 1 {
			t.Errorf("%s: %+v", name, list)
			continue
		}
		d := list[0]
		if got := (want{yes(d.Verified), yes(d.Lync), yes(d.Federated), yes(d.MEX), yes(d.Active)}); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	settings, _, _ := fact.Get(facts(t, joe, `{"IssuerUri":"http://x","ActiveLogOnUri":"https://a/","PassiveLogOnUri":"https://p/","MetadataExchangeUri":"https://m/","SigningCertificate":"AA\r\n BB","NextSigningCertificate":null}`), fact.FederationSettingsKey)
	if want := []fact.FederationSettings{{Domain: "contoso.com", IssuerURI: "http://x", ActiveURL: "https://a/", PassiveURL: "https://p/", MEXURL: "https://m/", SigningCertificate: "AABB"}}; !reflect.DeepEqual(settings, want) {
		t.Errorf("%+v, want %+v", settings, want)
	}
	// Two settings without a name could be of either domain.
	f := facts(t, joe, `[{"IssuerUri":"http://x","ActiveLogOnUri":"https://a/"},{"IssuerUri":"http://y","ActiveLogOnUri":"https://b/"}]`)
	if f.Has(fact.FederationSettingsKey.Name()) {
		t.Error("settings that may be of another domain are taken")
	}
}

// TestErrorsSayWhatToDo: bad input never becomes a fact.
func TestErrorsSayWhatToDo(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":          {"", "it is empty"},
		"white":          {" \r\n ", "it is empty"},
		"no object":      {"[]", "there is no object in it; see that the cmdlet finds something"},
		"no line":        {`"UserPrincipalName","IsLicensed"` + "\r\n", "there is no object"},
		"unknown":        {`{"name":"x","colour":"red"}`, "nothing in it is known: the objects have the properties name, colour"},
		"value":          {`"joe"`, "there is no object"},
		"number":         {`[1,2]`, "there is no object"},
		"cut json":       {`[{"UserPrincipalName":"joe@contoso.com","IsLicensed":tr`, "ends too early"},
		"bad json":       {`[{"UserPrincipalName":"joe@contoso.com",}]`, "no JSON at byte"},
		"ended json":     {`[{"UserPrincipalName":"joe@contoso.com"`, "ends too early"},
		"cut xml":        {`<Objs xmlns="x"><Obj RefId="0"><Props><S N="a">`, "ends too early"},
		"bad xml":        {`<Objs><Obj RefId="0"></Props></Obj></Objs>`, "no XML in line 1"},
		"convertto-xml":  {`<?xml version="1.0"?><Objects><Object Type="x"/></Objects>`, "not of Export-Clixml"},
		"html":           {"<html><body>Sign in</body></html>", "not of Export-Clixml"},
		"doctype":        {`<!DOCTYPE x [<!ENTITY a "b">]><Objs/>`, "document type declaration"},
		"table":          {"UserPrincipalName  IsLicensed\r\n-----------------  ----------\r\njoe@contoso.com    True\r\n", "table made for the screen"},
		"formatted json": {`[{"ClassId2e4f51ef21dd47e99d3c952918aff9cd":"033ecb2bc07a4d43b5ef94ed5a35d280"}]`, "Format-List or Format-Table"},
		"formatted csv":  {`"ClassId2e4f51ef21dd47e99d3c952918aff9cd","shapeInfo"` + "\r\n\"1\",\"2\"\r\n", "Format-List or Format-Table"},
		"prose":          {"Get-MgUser is not recognized", "neither JSON, CSV nor CLIXML"},
		"zip":            {"PK\x03\x04\x00\x00\x00\x00\x08\x01", "no text"},
		"deep":           {strings.Repeat(`{"a":`, 100_000), "nested deeper"},
		"deep list":      {`{"a":` + strings.Repeat(`[`, 100_000), "nested deeper"},
		"deep xml":       {`<Objs xmlns="x">` + strings.Repeat(`<Obj><LST>`, 100_000), "nested deeper"},
		"wide":           {`{"a":[` + strings.Repeat(`1,`, 300_000) + `1]}`, "more than 200000 values"},
		"long":           {`{"a":"` + strings.Repeat("x", 17<<20) + `"}`, "more than 16 MiB"},
		"long cell":      {"UserPrincipalName,a\njoe@contoso.com,\"" + strings.Repeat("x", 17<<20) + "\"\n", "more than 16 MiB"},
		"long xml":       {`<Objs xmlns="x"><Obj RefId="0"><Props><S N="a">` + strings.Repeat("x", 17<<20) + "</S>", "more than 16 MiB"},
	} {
		e := &directory.Exports{}
		err := e.Add("x", strings.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.300v, want %q", name, err, test.want)
		}
		if len(e.Users()) > 0 {
			t.Errorf("%s: users of a file that was refused", name)
		}
	}
	broken := errors.New("disk is gone")
	if err := new(directory.Exports).Add("x", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
}

// endless writes objects until too many are read.
type endless struct {
	begin, object string
	n             int
	rest          []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.n > 300_000 {
			return 0, io.EOF
		}
		e.rest = []byte(e.object)
		if e.n == 0 {
			e.rest = []byte(e.begin + e.object)
		}
		e.n++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestHugeExportsStream: a file of any size is read in bounded memory, and one
// of too many users is refused early.
func TestHugeExportsStream(t *testing.T) {
	for name, e := range map[string]*endless{
		"json": {begin: "[{\"userPrincipalName\":\"a@b.c\"}", object: `,{"userPrincipalName":"a@b.c"}` + "\n"},
		"csv":  {begin: "UserPrincipalName,x\n", object: "a@b.c,1\n"},
	} {
		err := new(directory.Exports).Add("x", e)
		if err == nil || !strings.Contains(err.Error(), "more than 200000 users") || e.n > 260_000 {
			t.Errorf("%s: %v after %d objects", name, err, e.n)
		}
	}
}

// TestHugeTextsAreRefused: what becomes part of a fact is bounded, too.
func TestHugeTextsAreRefused(t *testing.T) {
	name := strings.Repeat("x", 8<<20) + "@contoso.com"
	for kind, object := range map[string]string{"users": `{"userPrincipalName":"` + name + `"}`, "errors": `{"distinguishedName":"CN=joe","attribute":"mail","error":"Format","value":"` + name + `"}`} {
		e := &endless{begin: "[" + object, object: "," + object}
		if err := new(directory.Exports).Add("x", e); err == nil || !strings.Contains(err.Error(), "more than 256 MiB") || e.n > 40 {
			t.Errorf("%s: %v after %d objects", kind, err, e.n)
		}
	}
}

// TestCorpus reads the real exports that lie beside the repository.
func TestCorpus(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "corpus", "directory")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("LYNCDIAG_REQUIRE_PEERS") != "1" {
		t.Skip("the corpus is not beside the repository")
	}
	if err != nil || len(entries) == 0 {
		t.Fatal("the corpus holds no exports", err)
	}
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := new(directory.Exports).Add(entry.Name(), bytes.NewReader(raw)); err != nil {
			t.Errorf("%s: %v", entry.Name(), err)
		}
	}
	// The user has the licence whose plans the capture shows: MCOSTANDARD is in it.
	skus, err := os.ReadFile(filepath.Join(folder, "graph-subscribedskus-mco.json"))
	if err != nil {
		t.Fatal(err)
	}
	u := user(t, joe, `{"userPrincipalName":"`+joe+`","accountEnabled":true,"assignedLicenses":[{"skuId":"b05e124f-c7cc-45a0-a6aa-8cf78c946968","disabledPlans":[]}]}`, string(skus))
	if want := []fact.LyncPlan{{Name: "MCOSTANDARD", Status: "assigned"}}; !reflect.DeepEqual(u.Plans, want) || !u.PlansKnown || len(u.Lost) > 0 {
		t.Errorf("%+v, want %+v", u, want)
	}
}

// BenchmarkUsers reads an export of 2,000 users, and after each round the
// standard library reads the same text into memory without making anything of
// it.
func BenchmarkUsers(b *testing.B) {
	var users []obj
	for i := range 2000 {
		users = append(users, mgUser("user"+strconv.Itoa(i)+"@contoso.com", i%3 > 0))
	}
	text := convertToJSON(6, false, users...)
	b.SetBytes(int64(len(text)))
	var peer time.Duration
	for b.Loop() {
		if err := new(directory.Exports).Add("x", strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		start := time.Now()
		var all any
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			b.Fatal(err)
		}
		peer += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(peer), "x-encoding/json")
}
